import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { orderStatisticRanks, runsToBound } from '../../src/experiment/bounds.ts';
import { playReplications } from '../../src/experiment/replication.ts';
import type { RunSheet } from '../../src/experiment/runSheet.ts';
import { runSheetsOf } from '../../src/experiment/runSheet.ts';
import { quantile } from '../../src/experiment/statistics.ts';
import { build } from '../../src/scenario/build.ts';
import { openScenario } from '../../src/scenario/open.ts';
import type { Part } from '../../src/scenario/part.ts';
import { parts } from '../../src/scenario/parts/index.ts';
import { command } from '../support/command.ts';
import { reader, root, run, scenarioOf } from '../support/files.ts';
import { smallScenario } from '../support/leafCases.ts';

const folder = mkdtempSync(join(root, 'test/tmp-run-sheet-'));
const away = mkdtempSync(join(tmpdir(), 'rehearse-sheet-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(away, { recursive: true, force: true });
});

const day = 'scenarios/planning/change-calendar.yaml';

/** Restarts of two brokers of a small platform, with drawn times and a change around them. */
const restarts = (change: object, more: object = {}): Record<string, string> => ({
  'leaf.yaml': JSON.stringify({
    ...(smallScenario as object),
    to: '+20m',
    timeline: [
      {
        at: '+2m',
        id: 'roll',
        do: 'operations.rollingRestart',
        brokers: [0, 1],
        every: '6m',
        downTime: { varies: { uniform: { from: '30s', to: '60s' } } },
        drain: '5s',
      },
    ],
    changes: [{ name: 'tuning', window: { from: '+2m', to: '+15m' }, steps: ['roll'], ...change }],
    ...more,
  }),
});
const small = () => scenarioOf('leaf.yaml', restarts({}));

function sheetOver(runs: number): { sheet: RunSheet; rows: ReturnType<typeof playReplications> } {
  const scenario = small();
  const rows = playReplications(scenario, '7', 0, runs, { everything: true });
  const [sheet] = runSheetsOf(
    scenario,
    rows.map((r) => r.sheet!),
    true,
  );
  return { sheet: sheet!, rows };
}

const sixty = sheetOver(60);

describe('a run sheet', () => {
  test('tells each broker of a rolling restart as a step of its own, which lasts from the deletion of its pod to its return to the ISRs', () => {
    const result = run('leaf.yaml', { seed: '7' }, restarts({}));
    const steps = result.runSheets![0]!.steps;
    expect(steps.map((s) => [s.step, s.sub])).toEqual([
      ['roll', null],
      ['roll', 'broker-0'],
      ['roll', 'broker-1'],
    ]);
    for (const broker of ['0', '1']) {
      const at = (name: string) =>
        result.measures.find((m) => m.name === name && m.labels.broker === broker)!.value;
      const took = steps.find((s) => s.sub === `broker-${broker}`)!.took![0];
      // The model's own book, but for milliseconds between the return of the process and its readiness.
      expect(took).toBeCloseTo(at('rehearse:restart_down_seconds') + at('rehearse:isr_recovery_seconds'), 1);
    }
    // The whole lasts from the first deletion to the last return.
    const whole = result.measures.find((m) => m.name === 'rehearse:restarts_duration_seconds')!.value;
    expect(steps[0]!.took![0]).toBeCloseTo(whole, 3);
  });

  test('has quantiles of durations that are those of the sorted runs, with bounds by their ranks', () => {
    const { sheet, rows } = sixty;
    const key = JSON.stringify(['roll', 'broker-0', 'seconds']);
    const values = rows.map((r) => r.sheet![key]!).sort((a, b) => a - b);
    expect(values[59]! - values[0]!).toBeGreaterThan(10);
    const step = sheet.steps.find((s) => s.sub === 'broker-0')!;
    for (const q of step.seconds) {
      const [low, high] = orderStatisticRanks(60, q.p)!;
      expect(q.value).toBe(quantile(values, q.p));
      expect(q.interval).toEqual([values[low - 1], values[high - 1]]);
    }
  });

  test('refuses a quantile that its runs cannot bound, and says how many would', () => {
    const steps = sheetOver(8).sheet.steps;
    for (const step of steps)
      expect(step.seconds.map((q) => [q.value === null, q.needs])).toEqual([
        [true, runsToBound(0.05)],
        [false, null],
        [true, runsToBound(0.95)],
      ]);
  });

  test('has ranges that hold the extremes of every run', () => {
    const { sheet, rows } = sixty;
    for (const step of sheet.steps)
      for (const range of step.ranges) {
        const of = (end: string) =>
          rows.map((r) => r.sheet![JSON.stringify([step.step, step.sub ?? '', `${end} ${range.metric}`])]!);
        expect(range.low).toBe(Math.min(...of('low')));
        expect(range.high).toBe(Math.max(...of('high')));
      }
    // A broker away takes all of its replicas out of their ISRs, and no more than that is ever seen.
    const result = run('leaf.yaml', {}, restarts({}));
    const replicas = result.series
      .of('kafka_server_replicamanager_partitioncount')
      .map((s) => s.values[s.length - 1]!);
    const seen = result.runSheets![0]!.steps[0]!.ranges.find((r) =>
      r.metric.endsWith('underreplicatedpartitions'),
    )!;
    expect([seen.low, seen.high]).toEqual([0, Math.max(replicas[0]!, replicas[1]!)]);
  });

  test('counts a step that is not over when the run ends as longer than any, and gives it no length', () => {
    const over = restarts({}, { to: '+8m50s' });
    const scenario = scenarioOf('leaf.yaml', over);
    const rows = playReplications(scenario, '7', 0, 30, { everything: true });
    const [sheet] = runSheetsOf(
      scenario,
      rows.map((r) => r.sheet!),
      true,
    );
    const last = sheet!.steps.find((s) => s.sub === 'broker-1')!;
    expect(last.runs).toBe(30);
    // Enough of them are over to bound a median, were those that are not left out.
    expect(last.finished).toBeGreaterThan(runsToBound(0.5));
    expect(last.finished).toBeLessThan(0.7 * last.runs);
    expect(last.seconds.map((q) => [q.value, q.needs])).toEqual([
      [null, 59],
      [null, null],
      [null, 59],
    ]);
    expect(sheet!.steps.find((s) => s.sub === 'broker-0')!.finished).toBe(30);
  });

  test('is no part of a result without changes, and moves no number of one with them', () => {
    const without = run('leaf.yaml', {}, restarts({}, { changes: [] }));
    const with_ = run('leaf.yaml', {}, restarts({}));
    expect(without.runSheets).toBeUndefined();
    expect(with_.fingerprint).toBe(without.fingerprint);
    expect(with_.measures).toEqual(without.measures);
  });
});

test('every action says what it changes, whether it can be undone, and how', () => {
  const actions = (parts as unknown as readonly Part[]).flatMap((p) =>
    Object.entries(p.actions).map(([name, action]) => ({ name: `${p.name}.${name}`, action })),
  );
  expect(actions.length).toBeGreaterThan(55);
  const metrics = new Set(parts.flatMap((p) => p.catalogue.metrics.map((m) => m.name)));
  for (const { name, action } of actions) {
    expect(typeof action.on, name).toBe('function');
    expect(['yes', 'partly', 'no'], name).toContain(action.undo?.can);
    expect(action.undo.how.length, name).toBeGreaterThan(10);
    for (const metric of action.busy ?? []) expect(metrics, name).toContain(metric);
  }
});

test('a rescaled sink is done when its tasks run, and a drain not while a pod fits nowhere', () => {
  const sheet = (base: string, steps: string) => {
    const path = 'scenarios/what-if/changed.yaml';
    const text = `rehearse: 1\ntitle: x\nextends: ${base}\nchanges: [{ name: c, window: { from: +1m, to: +50m }, steps: [${steps}] }]\n`;
    return run(path, {}, { [path]: text }).runSheets![0]!.steps[0]!;
  };
  // Stopped, dealt out anew and started again: the sum of what the platform says these take.
  const scaled = sheet('sink-4-tasks.yaml', 'scale');
  expect([scaled.runs, scaled.finished]).toEqual([1, 1]);
  expect(scaled.took![0]).toBeGreaterThan(0);
  expect(scaled.took![0]).toBeLessThan(10);
  const drained = sheet('drain-for-upgrade.yaml', 'upgrade');
  expect([drained.runs, drained.finished, drained.took]).toEqual([1, 0, null]);
});

test('a certificate that ends inside a window, and that nobody renews, is told of before anything is played', () => {
  const base = 'scenarios/what-if/ca-forgotten.yaml';
  const ends = build(scenarioOf(base), { seed: '1' })
    .dueDates()
    .find((d) => d.renewsAt === null)!;
  const text = (from: number, to: number) =>
    JSON.stringify({
      rehearse: 1,
      extends: 'ca-forgotten.yaml',
      changes: [{ name: 'c', window: { from: `+${from / 1e6}s`, to: `+${to / 1e6}s` }, on: ['mesh/*'] }],
    });
  const path = 'scenarios/what-if/variant-of-a-test.yaml';
  const told = (from: number, to: number) =>
    openScenario(path, reader({ [path]: text(from, to) }))
      .warnings.filter((w) => w.path.startsWith('changes.'))
      .map((w) => w.found);
  expect(told(ends.endsAt - 60e6, ends.endsAt + 60e6)).toEqual([expect.stringContaining(ends.name)]);
  expect(told(ends.endsAt - 60e6, ends.endsAt)).toEqual([]);
});

describe('the verb calendar', () => {
  test('draws the afternoon of two change records, tells of their conflicts at their lines, and ends 20', async () => {
    const { code, out } = await command(['calendar', root + day]);
    expect(code).toBe(20);
    expect(out).toContain('jvm-tuning');
    expect(out).toMatch(/change-calendar\.yaml:\d+:\d+ {2}changes\.partition-expansion\.window/);
    expect(out).toContain('the step fourth-task at 2025-10-03T16:57:30Z lies outside the window');
    expect(out).toContain('4 conflicts');
  });

  test('names the quietest window of a day, in the trough of the load', async () => {
    const args = ['--find-window', 'partition-expansion', '--for', '35m', '--within', '+0m..+24h', '--json'];
    const { code, out } = await command(['calendar', root + day, ...args]);
    expect(code).toBe(0);
    const answer = JSON.parse(out) as { quietest: { mean: number; from: string } };
    // Half the load from two to five in the night, by the curve of the scenario; 35 minutes of it are there from 01:55 on.
    expect(answer).toMatchObject({ tried: 94, unit: 'B/s', present: { mean: expect.closeTo(890e6, -7) } });
    expect(answer.quietest.mean).toBeCloseTo(445e6, -7);
    expect(answer.quietest.from >= '2025-10-04T01:00:00Z').toBe(true);
  });

  test('looks at a run without the change: what the change itself does is not its own noise', async () => {
    const by = ['--by', 'sum(kafka_server_replicamanager_underreplicatedpartitions)', '--json'];
    const mean = async (args: readonly string[]) => {
      const { out } = await command(['calendar', root + day, '--find-window', ...args, ...by]);
      return JSON.parse(out) as { present: { mean: number }; quietest: { mean: number } };
    };
    expect((await mean(['jvm-tuning'])).present.mean).toBe(0);
    // Seen from the other change the restart is loud: it keeps hundreds of replicas out of their ISRs for a minute of six.
    const other = await mean(['ca-rotation', '--within', '+0m..+70m', '--step', '5m']);
    expect(other.quietest.mean).toBe(0);
    const loud = await mean(['ca-rotation', '--within', '+0m..+30m']);
    expect(loud.quietest.mean).toBeGreaterThan(20);
  });

  test('ends 20 where no window is free of conflicts', async () => {
    const args = ['--find-window', 'partition-expansion', '--for', '20m'];
    const { code, out } = await command(['calendar', root + day, ...args]);
    expect(code).toBe(20);
    expect(out).toContain('no window is free of conflicts');
    expect(out).toMatch(/step in \d+/);
  });

  test.each([
    [['--for', '45m'], '--for says nothing alone'],
    [['--find-window', 'partition-expanson'], 'write --find-window partition-expansion'],
    [['--find-window', 'jvm-tuning', '--for', '45'], '45 has no unit'],
    [['--find-window', 'jvm-tuning', '--for', '0s'], 'less than a second'],
    [['--find-window', 'jvm-tuning', '--within', '+1h'], 'is no span'],
    [['--find-window', 'jvm-tuning', '--within', '+2h..+1h'], 'ends before it begins'],
    [['--find-window', 'jvm-tuning', '--within=-1h..+1h'], 'begins before the period'],
    [['--find-window', 'jvm-tuning', '--within', '+0m..+10m'], 'longer than the time that is searched'],
    [
      ['--find-window', 'jvm-tuning', '--step', '1s', '--within', '+0m..+900d'],
      'more than 100000 candidates',
    ],
    [['--find-window', 'jvm-tuning', '--by', 'nonsense('], '--by nonsense('],
    [['--find-window', 'jvm-tuning', '--by', 'sum(nonsense)'], 'there is no metric nonsense'],
    [['--find-window', 'jvm-tuning', '--by', 'kafka_server_replicamanager_leadercount'], 'has 5 values'],
  ])('%j is refused with a remedy', async (args, said) => {
    const { code, err } = await command(['calendar', root + day, ...args]);
    expect(code).toBe(2);
    expect(err).toContain(said);
    expect(err).toContain('mend: ');
    expect(err).not.toContain('    at ');
  });

  test('refuses a scenario without changes', async () => {
    const { code, err } = await command(['calendar', `${root}scenarios/reference-day/rolling-restart.yaml`]);
    expect([code, err.includes('declares no changes')]).toEqual([2, true]);
  });
});

describe('the files of a result', () => {
  test('hold run-sheet.md and the same in summary.json, conflicts are told first, and --extend keeps the steps of earlier runs', async () => {
    mkdirSync(folder, { recursive: true });
    const tree = JSON.parse(restarts({ recovery: '10m' })['leaf.yaml']!) as Record<string, unknown>;
    tree.extends = (tree.extends as string[]).map((f) => `../../${f}`);
    (tree.changes as object[]).push({
      name: 'other',
      window: { from: '+16m', to: '+18m' },
      on: ['topic/busy'],
    });
    const file = join(folder, 'small.yaml');
    writeFileSync(file, JSON.stringify(tree, null, 1));
    const play = (out: string, more: readonly string[]) =>
      command(['run', file, '--out', join(away, out), '--workers', '1', ...more]);
    const first = await play('a', ['--replications', '30']);
    expect(first.code).toBe(0);
    expect(first.err).toContain('the platform still recovers from tuning');
    const sixty = await play('b', ['--replications', '60', '--extend', join(away, 'a')]);
    expect(sixty.code).toBe(0);
    await play('c', ['--replications', '60']);
    const read = (out: string, name: string) => readFileSync(join(away, out, name), 'utf8');
    expect(read('b', 'run-sheet.md')).toBe(read('c', 'run-sheet.md'));
    expect(read('a', 'run-sheet.md')).toContain('needs 59 runs');
    expect(read('c', 'run-sheet.md')).not.toContain('needs 59 runs');
    expect(read('c', 'run-sheet.md')).toMatch(/\| - broker-1 \|.* \(.* \.\. .*\)/);
    expect(read('c', 'run-sheet.md')).toContain('restart the brokers again with the old options');
    const page = read('c', 'report.html');
    for (const words of ['Run sheets', '<td>- broker-1</td>', 'Abort if', 'restart the brokers again with'])
      expect(page).toContain(words);
    const { runSheets } = JSON.parse(read('c', 'summary.json')) as { runSheets: Record<string, unknown>[] };
    expect(runSheets.map((s) => [s.change, s.runs, (s.steps as unknown[]).length])).toEqual([
      ['tuning', 60, 3],
      ['other', 60, 0],
    ]);
  }, 60_000);
});
