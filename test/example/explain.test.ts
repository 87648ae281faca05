import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { type Explanation, explain, targetOf } from '../../src/experiment/explain.ts';
import { catalogue } from '../../src/scenario/build.ts';
import { command } from '../support/command.ts';
import { run, scenarioOf } from '../support/files.ts';

const restart = 'scenarios/reference-day/rolling-restart.yaml';
const day = 'scenarios/reference-day/full-day.yaml';

function explained(path: string, what: string, over: Readonly<Record<string, string>> = {}): Explanation {
  const scenario = scenarioOf(path, over);
  return explain(scenario, targetOf(scenario, what, ['HighMemoryPressure']), scenario.seed, 0);
}

const chain = (e: Explanation) => e.links.map((l) => [l.kind, l.told.subject, l.told.time, l.count]);

describe('a chain', () => {
  test('begins with an entry of the timeline, goes on in the order of time to the peak, and takes nothing in that happens without the cause', () => {
    const [scenario, alone] = [scenarioOf(restart), run(restart)];
    const begins = new Map(scenario.timeline.map((e) => [e.id, e.at]));
    let caused = 0;
    for (const { name } of catalogue.risks) {
      const e = explained(restart, name);
      expect(e.fingerprint).toBe(alone.fingerprint);
      if (e.root === null) {
        expect(e.links).toEqual([]);
        continue;
      }
      caused += 1;
      const times = [begins.get(e.root.cause)!, ...e.links.map((l) => l.told.time), e.at];
      expect([...times].sort((a, b) => a - b)).toEqual(times);
      expect(e.links.length).toBeGreaterThan(0);
    }
    expect(caused).toBeGreaterThanOrEqual(5);
  });

  test('is the same after a thousand unrelated events', () => {
    const path = 'scenarios/reference-day/many.yaml';
    const entries = Array.from(
      { length: 1000 },
      (_, i) => `  - { at: +${250 + i}ms, id: r${i}, do: jvm.pause, broker: 4, for: 1us }`,
    );
    const text = `rehearse: 1\nextends: rolling-restart.yaml\ntimeline:\n${entries.join('\n')}\n`;
    const scenario = scenarioOf(path, { [path]: text });
    const target = targetOf(scenario, 'minutesAtMinIsr', []);
    const many = explain(scenario, target, scenario.seed, 0, [{ name: 'restart', kind: 'entry' }]);
    expect(chain(many)).toEqual(chain(explained(restart, 'minutesAtMinIsr')));
    expect(many.root!.share).toBeCloseTo(1, 9);
  });

  test('differs where causes differ: the alert of the night and the lag of the afternoon', () => {
    const alert = explained(day, 'HighMemoryPressure');
    expect([alert.root!.cause, alert.root!.share]).toEqual(['monthly', 1]);
    expect([alert.linkedBy, alert.lineEntry, alert.change!.series, alert.change!.rises]).toEqual([
      'line',
      'monthly',
      'node_memory_MemAvailable_bytes{node="ip-10-42-31-142"}',
      false,
    ]);
    const lag = explained(day, 'worstLag');
    expect(lag.root!.cause).toBe('expansion');
    expect([lag.linkedBy, lag.lineEntry]).toEqual(['line', 'expansion']);
    expect(chain(lag).map(([kind]) => kind)).toContain('kafka.messagesSkipped');
    // The reassignment that follows it has a part: the expansion alone is contributing.
    expect(lag.root!.share!).toBeGreaterThan(0.5);
    expect(lag.root!.share!).toBeLessThan(0.9);
    expect(chain(alert)).not.toEqual(chain(lag));
    expect(alert.at).toBeLessThan(lag.at);
  });

  test('ends in the platform where nothing of the timeline takes anything away', () => {
    const e = explained('scenarios/reference-day/steady-hour.yaml', 'diskUsed');
    expect([e.root, e.links, e.value === e.rest]).toEqual([null, [], true]);
  });
});

describe('rehearse explain', () => {
  async function told(...args: string[]) {
    const out = join(mkdtempSync(join(tmpdir(), 'explain-')), 'e');
    const { code, err } = await command(['explain', ...args, '--out', out]);
    return { code, err, out, saved: () => JSON.parse(readFileSync(join(out, 'answer.json'), 'utf8')) };
  }

  test('keeps its chain as a table that other programs read', async () => {
    const { out, saved } = await told('scenarios/what-if/crash.yaml', 'worstLag');
    const rows = tableFromIPC(readFileSync(join(out, 'causes.arrow'))).toArray();
    expect(rows.map((r) => [r.seconds, r.kind, r.subject, r.count])).toEqual(
      saved().data.links.map((l: Explanation['links'][number]) => [
        l.told.time / 1e6,
        l.kind,
        l.told.subject,
        l.count,
      ]),
    );
    expect(rows.map((r) => r.kind)).toContain('kafka.fenced');
  });

  test('explains an expectation that fails, and a result from its folder with its fingerprint', async () => {
    const failed = await told('scenarios/what-if/no-wait.yaml', 'no producer is turned away');
    expect(failed.code).toBe(0);
    expect(failed.saved().says[0]).toContain('restart is the cause');
    const holds = await told(restart, 'no send fails');
    expect(holds.saved().says[0]).toContain('nothing to explain');
    const event = await told(restart, '+12m', '--without', 'restart');
    expect(event.saved().data.root).toBe('restart');
  });

  let played: string | undefined;
  /** A copy of a result that was played once. */
  async function resultFolder(): Promise<string> {
    if (played === undefined) {
      played = join(mkdtempSync(join(tmpdir(), 'explain-')), 'r');
      await command(['run', restart, '--seeds', '1', '--out', played]);
    }
    const folder = join(mkdtempSync(join(tmpdir(), 'explain-')), 'r');
    cpSync(played, folder, { recursive: true });
    return folder;
  }

  test('refuses a result that another version played', async () => {
    const folder = await resultFolder();
    const manifest = join(folder, 'manifest.json');
    writeFileSync(
      manifest,
      readFileSync(manifest, 'utf8').replace(/"fingerprint": "\w{4}/, '"fingerprint": "0000'),
    );
    const { code, err } = await told(folder, 'worstLag');
    expect([code, err]).toEqual([2, expect.stringContaining('another version')]);
  });

  test.each([
    ['resolved.json', '{ not json', 'is not JSON'],
    ['resolved.json', '[]', 'is no object'],
    ['resolved.json', '{}', 'holds no scenario'],
    ['resolved.json', '{"scenario":{},"files":{}}', 'from is missing'],
    ['manifest.json', '{ "seed"', 'is not JSON'],
    ['manifest.json', '{}', 'does not say which run it was'],
    ['manifest.json', '{"seed":5,"fingerprint":"0"}', 'does not say which run it was'],
    ['manifest.json', '{"seed":"42","fingerprint":"0","replication":-1}', 'does not say which run it was'],
  ])('a folder whose %s is %s is told with its remedy', async (file, text, says) => {
    const folder = await resultFolder();
    writeFileSync(join(folder, file), text);
    const { code, err } = await told(folder, 'worstLag');
    expect([code, err]).toEqual([2, expect.stringContaining(says)]);
    expect(err).toContain('mend:');
    expect(err).not.toMatch(/^ +at /m);
  });

  test.each([
    [[restart], 'what is to be explained'],
    [[restart, 'worstLg'], 'write "worstLag"'],
    [[restart, 'Produce latency p99 by brokr'], 'write "Produce latency p99 by broker"'],
    [[restart, 'kafka_consumergroup_lag_sm'], 'write "kafka_consumergroup_lag_sum"'],
    [[restart, 'sum('], 'there is nothing called'],
    [[restart, '+12x'], 'mend:'],
    [[restart, 'worstLag', '--without', 'restrt'], 'there is no restrt'],
    [['scenarios/none.yaml', 'worstLag'], 'there is no file'],
  ])('%j is told with its remedy', async (args, says) => {
    const { code, err } = await told(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(says)]);
    expect(err).toContain('mend:');
  });
});
