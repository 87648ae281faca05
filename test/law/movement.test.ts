import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proposalsOf, reassignmentOf, rebalance } from '../../src/experiment/rebalance.ts';
import { readReassignment, writeReassignment } from '../../src/formats/assignment.ts';
import type { ClusterDescription, Proposal } from '../../src/models/cruiseControl/description.ts';
import { bytesPerMb, followerLoad } from '../../src/models/cruiseControl/loads.ts';
import {
  moved,
  movements,
  shortestDuration,
  standing,
  turnsSeconds,
} from '../../src/models/cruiseControl/movement.ts';

const brokers = 6;
const capacity = { cpu: 800, nwIn: 1e6, nwOut: 1e6, disk: 1e6 };

/** Clusters of six brokers in three racks, partitions with one to three replicas, and another placement of each. */
const plans = fc
  .array(
    fc.record({
      old: fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 1, maxLength: 3 }),
      next: fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 3, maxLength: 3 }),
      leads: fc.nat(2),
      load: fc.record({ cpu: fc.nat(100), nwIn: fc.nat(9000), nwOut: fc.nat(9000), disk: fc.nat(90_000) }),
      stays: fc.boolean(),
    }),
    { minLength: 1, maxLength: 20, size: 'max' },
  )
  .map((list) => {
    const cluster: ClusterDescription = {
      brokers: Array.from({ length: brokers }, (_, id) => ({ id, rack: `r${id % 3}`, capacity })),
      partitions: list.map(({ old, leads, load }, partition) => ({
        topic: 'orders',
        partition,
        replicas: old,
        leader: old[leads % old.length]!,
        loads: old.map((_, j) => (j === leads % old.length ? load : followerLoad(load))),
      })),
    };
    const plan = list.flatMap(({ old, next, stays }, partition) =>
      stays ? [] : [{ topic: 'orders', partition, replicas: next.slice(0, old.length) }],
    );
    return { cluster, plan };
  });

/** As a file would bring it. */
function proposed(cluster: ClusterDescription, plan: Parameters<typeof writeReassignment>[0]): Proposal[] {
  const read = readReassignment(writeReassignment(plan), 'plan.json');
  const proposals = proposalsOf(read, cluster);
  expect(
    read.json.problems().filter((p) => p.severity === 'problem' && p.found !== 'no partition is listed'),
  ).toEqual([]);
  return proposals;
}

describe('a plan', () => {
  test('conserves replicas, leaders and load; what is sent is taken in; and its reverse brings everything back', () => {
    let brought = 0;
    fc.assert(
      fc.property(plans, ({ cluster, plan }) => {
        const proposals = proposed(cluster, plan);
        const after = moved(cluster, proposals);
        const [x, y] = [standing(cluster), standing(after)];
        for (const key of ['replicas', 'leaders', 'cpu', 'nwIn', 'nwOut', 'disk', 'leaderNwIn'] as const) {
          const sum = (rows: typeof x) => rows.reduce((all, b) => all + b[key], 0);
          expect(sum(y), key).toBeCloseTo(sum(x), 3);
        }
        const rows = movements(cluster, proposals);
        const sent = rows.reduce((all, b) => all + b.sentBytes, 0);
        expect(sent).toBeCloseTo(
          rows.reduce((all, b) => all + b.receivedBytes, 0),
          3,
        );
        const bytes = proposals.reduce((all, m) => {
          const added = m.newReplicas.filter((id) => !m.oldReplicas.includes(id)).length;
          brought += added;
          return all + added * cluster.partitions[m.partition]!.loads[0]!.disk * bytesPerMb;
        }, 0);
        expect(sent).toBeCloseTo(bytes, 3);
        // Back: the leader first, since it is the first that leads after a plan.
        const back = proposals.map((m) => ({
          topic: m.topic,
          partition: m.partition,
          replicas: [m.oldLeader, ...m.oldReplicas.filter((id) => id !== m.oldLeader)],
        }));
        const z = standing(moved(after, proposed(after, back)));
        z.forEach((b, i) => {
          for (const key of ['replicas', 'leaders', 'cpu', 'nwIn', 'nwOut', 'disk'] as const)
            expect(b[key], key).toBeCloseTo(x[i]![key], 3);
        });
      }),
      { seed: 21, numRuns: 100 },
    );
    expect(brought).toBeGreaterThan(500);
  });

  test('that the optimizer makes leaves on each broker what the optimizer says, and comes back from its file', () => {
    let changed = 0;
    fc.assert(
      fc.property(plans, ({ cluster }) => {
        const outcome = rebalance(cluster, {
          goals: [
            'RackAwareGoal',
            'ReplicaDistributionGoal',
            'DiskUsageDistributionGoal',
            'LeaderReplicaDistributionGoal',
          ],
        });
        if (!outcome.ok) throw new Error(outcome.failure.says);
        changed += outcome.proposals.length;
        const own = standing(moved(cluster, outcome.proposals));
        for (const b of outcome.after) {
          const mine = own.find((o) => o.id === b.id)!;
          expect([mine.replicas, mine.leaders]).toEqual([b.replicas, b.leaders]);
          // The optimizer keeps loads as 32-bit floats, as Cruise Control does.
          for (const key of ['cpu', 'nwIn', 'nwOut', 'disk', 'potentialNwOut', 'leaderNwIn'] as const)
            expect(Math.abs(mine[key] - b[key]), key).toBeLessThanOrEqual(1e-3 + 1e-5 * b[key]);
        }
        expect(proposed(cluster, reassignmentOf(outcome.proposals))).toEqual(
          [...outcome.proposals].sort((p, q) => p.partition - q.partition),
        );
      }),
      { seed: 22, numRuns: 60 },
    );
    expect(changed).toBeGreaterThan(100);
  });
});

describe('the shortest duration', () => {
  const rate = () => 100e6;
  const to = (count: number, bytes: number, live: number) => [
    ...Array.from({ length: 4 }, (_, id) => ({
      id,
      sentBytes: (count * bytes) / 4,
      receivedBytes: 0,
      partitions: count / 4,
      liveOut: Array.from({ length: count / 4 }, () => live),
    })),
    { id: 4, sentBytes: 0, receivedBytes: count * bytes, partitions: count, liveOut: [] },
  ];

  test('is bytes over the rate of the busiest side', () => {
    const bound = shortestDuration(to(12, 4e9, 0), {
      rate,
      throttled: true,
      concurrency: Number.POSITIVE_INFINITY,
    });
    expect(bound).toEqual({ seconds: 480, broker: 4, side: 'takes in', amount: 48e9, taken: 0 });
    const slow = { rate: (id: number) => (id === 2 ? 10e6 : 100e6), throttled: false, concurrency: 5 };
    expect(shortestDuration(to(12, 4e9, 0), slow)).toMatchObject({ seconds: 1200, broker: 2, side: 'sends' });
  });

  test('a throttle at the leader has left what followers in sync do not take, and nothing when they fill it', () => {
    const all = { rate, throttled: true, concurrency: Number.POSITIVE_INFINITY };
    // Three partitions on each of four leaders: 90 of 100 MB/s are taken, and 12 GB have the rest.
    expect(shortestDuration(to(12, 4e9, 30e6), all)).toMatchObject({
      seconds: 1200,
      side: 'sends',
      broker: 0,
    });
    expect(shortestDuration(to(12, 4e9, 34e6), all)).toMatchObject({
      seconds: Number.POSITIVE_INFINITY,
      side: 'sends',
    });
    // One after the other there is room.
    expect(shortestDuration(to(12, 4e9, 34e6), { ...all, concurrency: 1 })?.seconds).toBeLessThan(1e9);
    expect(shortestDuration(to(12, 4e9, 34e6), { ...all, throttled: false })).toMatchObject({ seconds: 480 });
  });

  test('a thousand empty partitions at five at once to one broker wait for two hundred checks, of 10, 9, 8, 7, 6 and then 5 s', () => {
    expect(shortestDuration(to(1000, 0, 0), { rate, throttled: false, concurrency: 5 })).toEqual({
      seconds: 1015,
      broker: 4,
      side: 'waits for its turns',
      amount: 1000,
      taken: 0,
    });
    expect(turnsSeconds(200, 10, 10)).toBe(2000);
    expect(turnsSeconds(3)).toBe(27);
    expect(shortestDuration([], { rate, throttled: false, concurrency: 5 })).toBeUndefined();
  });
});
