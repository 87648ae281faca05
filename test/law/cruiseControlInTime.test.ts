import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { build } from '../../src/scenario/build.ts';
import type { CruiseControlModel } from '../../src/scenario/parts/cruiseControl.ts';
import { holdLaws } from '../support/clusterLaws.ts';
import { filesOf } from '../support/cruiseControlScenario.ts';
import { scenarioOf } from '../support/files.ts';

const brokers = [0, 1, 2, 3, 4, 5];
const aBroker = fc.constantFrom(...brokers);
const seconds = (max: number) => fc.integer({ min: 1, max }).map((s) => `+${s}s`);

const aRequest = fc
  .record({
    mode: fc.constantFrom('rebalance', 'add-broker', 'remove-broker', 'demote', 'fix-offline'),
    broker: aBroker,
    at: seconds(120),
    throttle: fc.constantFrom('60MB/s', '150MB/s', '1GB/s', undefined),
    concurrency: fc.constantFrom(1, 3, undefined),
    stopOngoing: fc.boolean(),
  })
  .map(({ mode, broker, ...more }) => ({
    do: 'cruiseControl.rebalance',
    mode,
    ...(mode === 'rebalance' || mode === 'fix-offline' ? {} : { brokers: [broker] }),
    ...(mode === 'demote' ? {} : { skipHardGoalCheck: true }),
    ...more,
  }));
const aFault = fc.record({
  do: fc.constant('faults.broker'),
  broker: aBroker,
  for: fc.integer({ min: 5, max: 200 }).map((s) => `${s}s`),
  at: seconds(240),
});
const aStop = fc.record({ do: fc.constant('cruiseControl.stop'), at: seconds(240) });

const aTimeline = fc
  .tuple(
    fc.array(aRequest, { minLength: 1, maxLength: 3 }),
    fc.array(aFault, { maxLength: 1 }),
    fc.array(aStop, { maxLength: 1 }),
  )
  .map((groups) => groups.flat().map((entry, i) => ({ id: `e${i}`, ...entry })));

test('requests, losses and stops at any time: every law of the cluster holds, replicas are whole in the end, and no throttle is forgotten', () => {
  const seen = { finished: 0, stopped: 0, dead: 0, abandoned: 0, refused: 0, moved: 0, slow: 0, starved: 0 };
  fc.assert(
    fc.property(aTimeline, (timeline) => {
      const files = filesOf(
        timeline,
        (tree) => {
          for (const b of tree.kafka.brokers) if (b.diskUsed !== '0B') b.diskUsed = '10GB';
        },
        '+40m',
      );
      const { sim, models, until } = build(scenarioOf('leaf.yaml', files), { seed: '1', keepEvents: true });
      const kafka = models.kafka as KafkaCluster;
      const { executor } = (models.cruiseControl as CruiseControlModel).service;
      const { tables, throttle, reassignments } = kafka;
      const hold = holdLaws(kafka, () => sim.now);
      const factors = Array.from({ length: tables.partitionCount }, (_, p) => tables.replicationFactor(p));
      for (let t = 0; t <= until; t += 7e6) {
        sim.run(t);
        hold();
      }
      if (!executor.isIdle) {
        // A throttle near live traffic: it takes long, or never ends.
        seen.slow += 1;
        if (reassignments.starved().length > 0) seen.starved += 1;
        expect(timeline.some((entry) => 'throttle' in entry && entry.throttle === '60MB/s')).toBe(true);
        return;
      }
      const told = (kind: string) => sim.told.filter((x) => x.kind === `cruiseControl.${kind}`);
      const abandoned = told('tasksAbandoned').length;
      expect(told('executionStarted')).toHaveLength(
        told('executionFinished').length + told('executionStopped').length,
      );
      for (let p = 0; p < tables.partitionCount; p += 1) {
        const assigned = tables.assigned(p);
        expect(new Set(assigned).size).toBe(assigned.length);
        // What is left to Kafka may still be starved by the throttle that stays with it.
        if (!reassignments.isActive(p)) expect(assigned).toHaveLength(factors[p]!);
        else expect(abandoned).toBeGreaterThan(0);
      }
      const rated = brokers.filter((b) => throttle.rateOf('leader', b) < Number.POSITIVE_INFINITY);
      if (abandoned === 0) expect(rated).toEqual([]);
      seen.finished += told('executionFinished').length;
      seen.stopped += told('executionStopped').length;
      seen.dead += told('executionStopped').filter((x) => x.detail.includes('dead')).length;
      seen.abandoned += abandoned;
      seen.refused += told('refused').length;
      if (told('executionFinished').some((x) => !x.detail.includes(' 0.0 GB'))) seen.moved += 1;
    }),
    { seed: 79, numRuns: 25 },
  );
  expect(seen.finished).toBeGreaterThan(10);
  expect(seen.moved).toBeGreaterThan(5);
  expect(seen.stopped).toBeGreaterThan(3);
  expect(seen.dead).toBeGreaterThan(0);
  expect(seen.starved).toBeGreaterThan(0);
  expect(seen.refused).toBeGreaterThan(3);
});
