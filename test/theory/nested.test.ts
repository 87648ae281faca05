import { describe, expect, test } from 'vitest';
import { summariseNested, varianceShares } from '../../src/experiment/nested.ts';
import { playReplication, playReplications } from '../../src/experiment/replication.ts';
import { command } from '../support/command.ts';
import { scenarioOf } from '../support/files.ts';

const path = 'scenarios/planning/rotation-inputs.yaml';

describe('parts of a variance', () => {
  test('of groups by hand: means 1, 2 and 6 of two values each, 1 apart', () => {
    const { between, within, share } = varianceShares([
      [0.5, 1.5],
      [1.5, 2.5],
      [5.5, 6.5],
    ]);
    // Between the groups 2 x (4 + 1 + 9) / 2 = 14, within them 6 x 0.25 / 3 = 0.5.
    expect(within * within).toBeCloseTo(0.5, 12);
    expect(between * between).toBeCloseTo((14 - 0.5) / 2, 12);
    expect(share).toBeCloseTo(6.75 / 7.25, 12);
  });

  test('values without chance are all of the groups, and equal ones have no share', () => {
    expect(
      varianceShares([
        [1, 1],
        [2, 2],
        [3, 3],
      ]),
    ).toMatchObject({ share: 1, interval: [1, 1], within: 0 });
    expect(
      varianceShares([
        [1, 1],
        [1, 1],
        [1, 1],
      ]),
    ).toMatchObject({ share: null, interval: null });
    expect(() =>
      varianceShares([
        [1, 2],
        [3, 4],
      ]),
    ).toThrow(RangeError);
    expect(() => varianceShares([[1, 2], [3, 4], [5]])).toThrow(RangeError);
  });
});

describe('nested runs', () => {
  const scenario = scenarioOf(path);
  const asked = { everything: true, runsEach: 4 };

  test('share the uncertain inputs of the first of each draw, which is the plain run, and no chance', () => {
    const nested = playReplications(scenario, '1', 0, 8, asked);
    const plain = playReplications(scenario, '1', 0, 8, { everything: true });
    expect([nested[0], nested[4]]).toEqual([plain[0], plain[4]]);
    expect(nested[1]!.fingerprint).not.toBe(plain[1]!.fingerprint);
    expect(new Set(nested.map((r) => r.fingerprint)).size).toBe(8);
    // A batch that begins inside a draw plays the same.
    expect(playReplication(scenario, '1', 6, asked)).toEqual(nested[6]);
  });

  test('tell a measure that an input decides from one that chance decides', () => {
    const rows = playReplications(scenario, '1', 0, 40, asked);
    const { nested, runs, rows: kept } = summariseNested(scenario, rows, 4, false);
    expect([runs, kept.length, nested!.inputs]).toEqual([10, 40, 10]);
    const share = (name: string) => nested!.measures.find((m) => m.name === name)!;
    // The pace is uncertain; each swap takes a time of its own.
    expect(share('time to complete').interval![0]).toBeGreaterThan(0.98);
    expect(share('longest swap').interval![0]).toBeLessThan(0.05);
    expect(share('longest swap').share).toBeLessThan(0.3);
    expect(nested!.expectations.map((e) => [e.holds, e.inputs])).toEqual(scenario.expect.map(() => [10, 10]));
  });

  test('without the runs of a draw that broke a law, which is told', () => {
    const rows = playReplications(scenario, '1', 0, 16, asked).map((r) =>
      r.replication === 5 ? { ...r, broken: 'a law\nat an event' } : r,
    );
    const { nested, broken } = summariseNested(scenario, rows, 4, false);
    expect(nested!.inputs).toBe(3);
    expect(broken).toEqual([{ replication: 5, says: 'a law' }]);
  });

  test.each([
    [[path, '--inputs', '5'], 'add --replications 10'],
    [[path, '--inputs', '2', '--replications', '10'], '3 draws of the inputs or more'],
    [[path, '--inputs', '5', '--replications', '1'], 'of 2 runs or more each'],
    [[path, '--inputs', '5', '--replications', '5', '--shard', '1/2'], '--inputs out'],
    [[path, '--inputs', '5', '--precision', '5%'], 'leave --extend and --precision out'],
    [
      ['scenarios/reference-day/rolling-restart.yaml', '--inputs', '5', '--replications', '5'],
      'nothing in scenarios/reference-day/rolling-restart.yaml is uncertain',
    ],
  ])('%j is told with its remedy', async (args, says) => {
    const { code, err } = await command(['run', ...args]);
    expect([code, err]).toEqual([2, expect.stringContaining(says)]);
    expect(err).toContain('mend:');
  });
});
