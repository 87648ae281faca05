import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { conflictsOf } from '../../src/models/operations/calendar.ts';
import { openScenario } from '../../src/scenario/open.ts';
import { formatTime, parseTime } from '../../src/scenario/time.ts';
import { reader, scenarioOf } from '../support/files.ts';
import { smallScenario } from '../support/leafCases.ts';

/** A scenario with one change for each entry, all in one window. */
const scenario = (entries: readonly object[]) =>
  scenarioOf('leaf.yaml', {
    'leaf.yaml': JSON.stringify({
      ...(smallScenario as object),
      timeline: entries.map((entry, i) => ({ at: '+1m', id: `e${i}`, ...entry })),
      changes: entries.map((_, i) => ({
        name: `c${i}`,
        window: { from: '+0m', to: '+5m' },
        steps: [`e${i}`],
      })),
    }),
  });

const restart = { do: 'operations.restart', broker: 0 };
const move = {
  do: 'kafka.reassign',
  partitions: [{ topic: 'busy', partition: 0, replicas: [1, 2, 3] }],
};

describe('what a change works on, by what its steps name', () => {
  test.each([
    ['a restart', restart, ['broker/0']],
    [
      'a rolling restart of some',
      { do: 'operations.rollingRestart', brokers: [1, 2] },
      ['broker/1', 'broker/2'],
    ],
    ['a rolling restart of all', { do: 'strimzi.rollingRestart', manual: true }, ['broker/*']],
    ['new partitions', { do: 'kafka.createPartitions', topic: 'idle', partitions: 8 }, ['topic/idle']],
    ['a move', move, ['topic/busy', 'broker/1', 'broker/2', 'broker/3']],
    ['a reset', { do: 'kafka.resetConsumer', group: 'readers', behind: '1m' }, ['group/readers']],
    [
      'a lost node, with the broker that it carries',
      { do: 'faults.node', node: 'n3', for: '1m' },
      ['node/n3', 'broker/3'],
    ],
    [
      'a lost zone',
      { do: 'faults.zone', zone: 'a', for: '1m' },
      [
        'node/n0',
        'node/n1',
        'node/n2',
        'node/n3',
        'node/n4',
        'broker/0',
        'broker/1',
        'broker/2',
        'broker/3',
        'broker/4',
      ],
    ],
  ])('%s', (_, entry, on) => {
    expect(scenario([entry]).calendar.changes[0]!.on).toEqual(on);
  });

  test.each([
    ['a move and the restart of a broker that takes part', move, { ...restart, broker: 2 }, ['broker/2']],
    ['a move and the restart of another broker', move, restart, undefined],
    [
      'a node and the broker that it carries',
      { do: 'faults.node', node: 'n0', for: '1m' },
      restart,
      ['broker/0'],
    ],
    ['a roll of all and one restart', { do: 'strimzi.rollingRestart', manual: true }, restart, ['broker/0']],
  ])('%s', (_, a, b, shared) => {
    expect(conflictsOf(scenario([a, b]).calendar)[0]?.shared).toEqual(shared);
  });
});

test('changes merge by name with those of the file that is extended, and conflicts are told where the window stands', () => {
  const base = {
    ...(smallScenario as object),
    changes: [
      { name: 'a', window: { from: '+0m', to: '+1m' }, on: ['broker/0'] },
      { name: 'b', window: { from: '+2m', to: '+3m' }, on: ['broker/0'] },
    ],
  };
  const files = {
    'base.yaml': JSON.stringify(base),
    'over.yaml': 'rehearse: 1\nextends: base.yaml\nchanges:\n  - name: b\n    window: { from: +30s }\n',
  };
  const { warnings, scenario: found } = openScenario('over.yaml', reader(files));
  expect(found!.calendar.changes.map((c) => [c.name, c.window.from, c.window.to])).toEqual([
    ['a', 0, 60e6],
    ['b', 30e6, 180e6],
  ]);
  const [told, ...others] = warnings.filter((w) => w.path.startsWith('changes.'));
  expect(others).toEqual([]);
  expect(told).toMatchObject({ file: 'over.yaml', line: 5, path: 'changes.b.window' });
  expect(told!.found).toBe('b and a both work on broker/0 from 2025-01-01T00:00:30Z to 2025-01-01T00:01:00Z');
});

test('a time that is written reads as the same second', () => {
  fc.assert(
    fc.property(fc.integer({ min: -2_000_000_000, max: 60_000_000_000 }), (seconds) => {
      expect(parseTime(formatTime(seconds * 1e6))).toBe(seconds * 1e6);
    }),
    { seed: 9, numRuns: 2000 },
  );
});
