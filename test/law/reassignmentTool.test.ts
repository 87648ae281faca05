import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';

const unlimited = Number.POSITIVE_INFINITY;
const brokers = [0, 1, 2, 3, 4];

/** What one run of `kafka-reassign-partitions --execute --throttle` asks for. */
const execution = fc.record({
  at: fc.integer({ min: 1, max: 60 }),
  rate: fc.integer({ min: 60, max: 300 }),
  moves: fc.uniqueArray(
    fc.record({
      partition: fc.integer({ min: 0, max: 5 }),
      target: fc.shuffledSubarray(brokers, { minLength: 3, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 3, selector: (m) => m.partition },
  ),
});

test('whatever copies when a throttled plan is executed is throttled at its rate until nothing moves, and nothing is then', () => {
  const seen = { together: 0, overridden: 0, elsewhere: 0, removed: 0 };
  fc.assert(
    fc.property(fc.array(execution, { minLength: 2, maxLength: 3 }), (plans) => {
      const { sim, cluster } = makeCluster(
        clusterSettings({
          brokers: clusterSettings().brokers.map((b) => ({ ...b, diskUsedBytes: 30e9 })),
          replicaPlaces: 5,
          topics: [
            topic({ name: 'one', partitions: 3, bytesInPerSecond: 3 * MB }),
            topic({ name: 'two', partitions: 3, bytesInPerSecond: 3 * MB }),
          ],
        }),
      );
      const { throttle, reassignments, tables, reassignmentTool } = cluster;
      let rate = unlimited;
      let covered = new Set<number>();
      const execute = sim.on('test.execute', (i) => {
        const { moves } = plans[i]!;
        if (reassignments.active > 0) {
          seen.together += 1;
          if (moves.some((m) => reassignments.isActive(m.partition))) seen.overridden += 1;
          else seen.elsewhere += 1;
        }
        rate = plans[i]!.rate * MB;
        reassignmentTool.execute(moves, rate, true);
        covered = new Set(reassignments.under);
      });
      plans.forEach((plan, i) => {
        sim.at(seconds(plan.at), execute, i);
      });
      const rates = () =>
        brokers.flatMap((b) => [throttle.rateOf('leader', b), throttle.rateOf('follower', b)]);
      sim.invariant('throttled', () => {
        for (const p of reassignments.partitions) {
          if (!covered.has(p)) continue;
          const leader = tables.leader[p]!;
          // What an override that is asked for takes out again is left to itself until it is committed.
          for (const b of reassignments.destinations(p)) {
            const r = tables.replicaOn(p, b);
            if (r < 0 || tables.adding[r] === 0 || tables.inSync[r] === 1) continue;
            if (!throttle.isListed('follower', p, b) || throttle.rateOf('follower', b) !== rate)
              throw new Error(`${p} on ${b} is not throttled at its destination`);
            // One that was added and leads since it is in sync is no source by the lists.
            if (tables.adding[tables.replicaOn(p, leader)] === 1) continue;
            if (!throttle.isListed('leader', p, leader) || throttle.rateOf('leader', leader) !== rate)
              throw new Error(`${p} is not throttled at ${leader}, its source`);
          }
        }
      });
      sim.run(seconds(60));
      while (reassignments.active > 0) sim.run(sim.now + seconds(60));
      sim.run(sim.now + seconds(1));
      expect(rates().every((r) => r === unlimited)).toBe(true);
      for (let p = 0; p < tables.partitionCount; p += 1)
        for (const b of brokers)
          for (const side of ['leader', 'follower'] as const)
            expect(throttle.isListed(side, p, b)).toBe(false);
      seen.removed += sim.told.filter((t) => t.kind === 'kafka.throttleRemoved').length;
    }),
    { seed: 5, numRuns: 60 },
  );
  expect(seen.together).toBeGreaterThan(40);
  expect(seen.overridden).toBeGreaterThan(20);
  expect(seen.elsewhere).toBeGreaterThan(10);
  expect(seen.removed).toBeGreaterThan(60);
});
