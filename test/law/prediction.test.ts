import fc from 'fast-check';
import { expect, test } from 'vitest';
import { predict } from '../../src/experiment/prediction.ts';
import { movementOf, proposalsOf } from '../../src/experiment/rebalance.ts';
import { readReassignment, writeReassignment } from '../../src/formats/assignment.ts';
import { networkRates } from '../../src/scenario/cruiseControlSettings.ts';
import { clusterAt } from '../../src/scenario/platform.ts';
import { filesOf } from '../support/cruiseControlScenario.ts';
import { scenarioOf } from '../support/files.ts';

const MB = 1e6;
const scenario = scenarioOf(
  'leaf.yaml',
  filesOf(
    [],
    (tree) => {
      for (const b of tree.kafka.brokers) if (b.diskUsed !== '0B') b.diskUsed = '10GB';
    },
    '+40m',
  ),
);
const { cluster, settings } = clusterAt(scenario);
const network = networkRates(settings);

const aPlan = fc.record({
  partitions: fc.uniqueArray(
    fc.record({
      partition: fc.nat(11),
      replicas: fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 3, maxLength: 3 }),
    }),
    { selector: (p) => p.partition, minLength: 1, maxLength: 12, size: 'max' },
  ),
  by: fc.constantFrom('executor' as const, 'tool' as const),
  throttle: fc.constantFrom(undefined, 10 * MB, 60 * MB, 200 * MB, 400 * MB),
  concurrency: fc.constantFrom(undefined, 1, 3),
});

test('played moves end where the plan puts them and not before they can, or never where none of them can', () => {
  const seen = { done: 0, never: 0, mended: 0, impossible: 0, moved: 0 };
  fc.assert(
    fc.property(aPlan, ({ partitions, by, throttle, concurrency }) => {
      const text = writeReassignment(partitions.map((p) => ({ topic: 'busy', ...p })));
      const proposals = proposalsOf(readReassignment(text, 'plan.json'), cluster);
      fc.pre(proposals.length > 0);
      const { brokers, shortest } = movementOf(cluster, proposals, {
        rate: (id) => Math.min(throttle ?? Number.POSITIVE_INFINITY, network.get(id)!),
        throttled: throttle !== undefined,
        concurrency: by === 'tool' ? Number.POSITIVE_INFINITY : (concurrency ?? 5),
      });
      const p = predict(scenario, undefined, { proposals, by, throttle, concurrency });
      expect([p.astray, p.failedSends, p.underMinIsrMinutes]).toEqual([0, 0, 0]);
      const least = shortest?.seconds ?? 0;
      if (least === Number.POSITIVE_INFINITY) {
        seen.impossible += 1;
        expect(p.end).not.toBe('done');
      }
      if (p.end === 'done') {
        seen.done += 1;
        expect(p.seconds).toBeGreaterThanOrEqual(least);
        expect([p.leftBytes, p.starved, p.suffices]).toEqual([0, [], null]);
        const bytes = brokers.reduce((sum, b) => sum + b.receivedBytes, 0);
        expect(p.copiedBytes).toBeGreaterThanOrEqual(bytes);
        if (bytes > 0) seen.moved += 1;
      } else {
        expect(p.end).toBe('never');
        seen.never += 1;
        expect(p.leftBytes).toBeGreaterThan(0);
        expect(p.starved.length).toBeGreaterThan(0);
        for (const s of p.starved) expect(s.live).toBeGreaterThanOrEqual(s.rate);
        if (p.suffices !== null) {
          seen.mended += 1;
          expect(p.suffices.throttle).toBeGreaterThan(throttle!);
        }
      }
      const most = Math.max(0, p.idleSeconds, ...p.heldBy.map((h) => h.seconds));
      expect(most).toBeLessThanOrEqual(p.seconds + 1e-6);
    }),
    { seed: 7, numRuns: 24 },
  );
  expect(Math.min(seen.done, seen.moved)).toBeGreaterThan(8);
  expect(Math.min(seen.never, seen.mended)).toBeGreaterThan(4);
  expect(seen.impossible).toBeGreaterThan(2);
});
