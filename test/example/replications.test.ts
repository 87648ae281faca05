import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { batches, playBatches, sourceOf, workersOf } from '../../src/cli/pool.ts';
import { replicated } from '../../src/cli/replicate.ts';
import { makeStream } from '../../src/engine/random.ts';
import { fromColumns, summarise, toColumns } from '../../src/experiment/replicated.ts';
import { playReplications } from '../../src/experiment/replication.ts';
import { playShown } from '../../src/experiment/run.ts';
import { readReplications, replicationsArrow } from '../../src/report/arrow.ts';
import { reportFiles } from '../../src/report/files.ts';
import { runOptions, scenarioOf } from '../support/files.ts';

const path = 'scenarios/reference-day/ca-rotation.yaml';
const scenario = scenarioOf(path);
const source = sourceOf(scenario, []);
const all = { everything: true };
const folder = mkdtempSync(join(tmpdir(), 'rehearse-replications-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const given = (options: Readonly<Record<string, string>>) => ({
  files: [],
  text: (name: string) => options[name],
  list: () => [],
  flag: () => false,
  count: (name: string) => (options[name] === undefined ? undefined : Number(options[name])),
});

async function digests(workers: number): Promise<Record<string, string>> {
  const result = await replicated(
    playShown(scenario, runOptions),
    { runs: 40 },
    given({ workers: String(workers) }),
    undefined,
  );
  const files = await reportFiles(result);
  return Object.fromEntries(
    [...files].map(([name, content]) => [name, createHash('sha256').update(content).digest('hex')]),
  );
}

describe('replications', () => {
  const alone = playReplications(scenario, scenario.seed, 0, 40, all);

  test('give the same bytes with 1, 2 and 8 workers', async () => {
    const one = await digests(1);
    expect(Object.keys(one)).toContain('replications.arrow');
    expect(await digests(2)).toEqual(one);
    const eight = await playBatches(batches(source, scenario.seed, 0, 40, all), { workers: 8 });
    expect(eight.flatMap((r) => r ?? [])).toEqual(alone);
  });

  test('survive workers that are killed, at drawn points', async () => {
    const work = batches(source, scenario.seed, 0, 40, all);
    const draw = makeStream('killed workers');
    const file = join(folder, 'dies-at');
    process.env.REHEARSE_DIES_AT = file;
    // A worker takes a second to start: REHEARSE_KILLS=20 tries as many points.
    const points = Number(process.env.REHEARSE_KILLS ?? 3);
    try {
      for (let k = 0; k < points; k += 1) {
        writeFileSync(file, String(work[Math.floor(draw() * work.length)]!.from));
        const rows = await playBatches(work, {
          workers: 2,
          filename: new URL('../support/dyingWorker.ts', import.meta.url).href,
        });
        expect(rows.flatMap((r) => r ?? [])).toEqual(alone);
        expect(existsSync(file)).toBe(false);
      }
    } finally {
      delete process.env.REHEARSE_DIES_AT;
    }
  }, 120_000);

  test('are cut into batches that do not depend on the workers, and sum up in any order', () => {
    const work = batches(source, 's', 3, 40, all);
    expect(work.map((b) => [b.from, b.to])).toEqual([
      [3, 11],
      [11, 19],
      [19, 27],
      [27, 35],
      [35, 40],
    ]);
    const { columns: _, ...whole } = summarise(scenario, alone, 1, false);
    const { columns: __, ...shuffled } = summarise(scenario, [...alone].reverse(), 1, false);
    expect(shuffled).toEqual(whole);
  });

  test('are read from their file as they were written', () => {
    const kept = readReplications(replicationsArrow(summarise(scenario, alone, 1, false)));
    expect(fromColumns(scenario, kept.heads, kept.columns)).toEqual(alone);
    expect(() => fromColumns(scenario, kept.heads, kept.columns.slice(1))).toThrow(RangeError);
    expect(toColumns(scenario, alone).map((c) => c.name)).toContain('risk/handshakesRefused');
  });

  test('differ nearly all where an input is continuous, and a measure that no chance reaches says so', () => {
    const rows = playReplications(scenario, scenario.seed, 0, 1000, { everything: false });
    expect(new Set(rows.map((r) => r.fingerprint)).size).toBeGreaterThanOrEqual(990);
    const { measures } = summarise(scenario, alone, 1, false);
    expect(measures.find((m) => m.name === 'rolled at 11:00')!.varies).toBe(false);
    expect(measures.find((m) => m.name === 'longest swap')!.varies).toBe(true);
  });

  test('go on by doubling until a mean is known, and decide on whole looks', async () => {
    const result = await replicated(
      playShown(scenario, runOptions),
      { precision: 0.02, of: 'longest swap' },
      given({ workers: '2' }),
      undefined,
    );
    const { runs, looks, measures } = result.replications!;
    expect(runs).toBe(30 * 2 ** (looks - 1));
    expect(looks).toBeGreaterThan(1);
    const { mean, halfWidth } = measures.find((m) => m.name === 'longest swap')!;
    expect(halfWidth! / mean!).toBeLessThanOrEqual(0.02);
    expect(result.seeds).toBe(runs);
  });

  test('of a scenario without chance are one run, which says it all', async () => {
    // Every shipped platform draws something, if only the phase of a clock.
    const shown = { ...playShown(scenario, runOptions), draws: false };
    const result = await replicated(shown, { runs: 50 }, given({ workers: '1' }), undefined);
    expect(result.replications!.runs).toBe(1);
    expect(result.replications!.covers).toBe('nothing: no chance plays a part, and one run says it all');
  });

  test('judge an expectation by the share of runs in which it holds', async () => {
    const base = 'scenarios/reference-day/ca-rotation.yaml';
    const text = (limit: number, holdsIn: string) =>
      JSON.stringify({
        rehearse: 1,
        extends: 'ca-rotation.yaml',
        observed: [],
        expect: [{ name: 'short', that: `rehearse:mesh_swap_seconds{of="max"} < ${limit}`, holdsIn }],
      });
    const verdict = async (limit: number, holdsIn: string, runs: number) => {
      const over = { 'scenarios/reference-day/share.yaml': text(limit, holdsIn) };
      const s = scenarioOf('scenarios/reference-day/share.yaml', over);
      const result = await replicated(playShown(s, runOptions), { runs }, given({ workers: '1' }), undefined);
      return result.expectations.find((e) => e.name === 'short')!;
    };
    expect(base).toBe(path);
    expect((await verdict(1, '90%', 60)).verdict).toBe('pass');
    expect((await verdict(0.2, '90%', 60)).verdict).toBe('fail');
    const open = await verdict(1, '99%', 60);
    expect(open.verdict).toBe('inconclusive');
    // 381 runs without one that fails; 60 are played.
    expect(open.says).toContain('about 321 more runs would decide');
  });

  test('refuse workers that are none', () => {
    expect(() => workersOf(0)).toThrow('nobody to work');
    expect(workersOf(3)).toBe(3);
  });
});
