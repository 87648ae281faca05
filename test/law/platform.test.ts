import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { build } from '../../src/scenario/build.ts';
import {
  AskedReplicas,
  arbitraryChangingScenario,
  arbitraryScenario,
  LagRecount,
  laws,
  playUnderLaws,
} from '../../src/testing.ts';
import { scenarioOf } from '../support/files.ts';
import { makeGroup } from '../support/groups.ts';

const folder = 'scenarios/random.yaml';

test('no random platform, timeline or seed breaks a law, and the interesting cases do occur', () => {
  let runs = 0;
  let large = 0;
  let shrank = 0;
  let under = 0;
  let leaderless = 0;
  fc.assert(
    fc.property(
      arbitraryScenario({ brokers: { min: 2, max: 24 }, partitionsPerTopic: { min: 1, max: 100 } }),
      ({ text, brokers, partitions }) => {
        const scenario = scenarioOf(folder, { [folder]: text });
        // Recording, latency above all, is most of the work, and changes no result: one platform in five is recorded.
        const record = partitions % 5 === 0 ? 'all' : new Set<string>();
        const watched = playUnderLaws(scenario, scenario.seed, { record });
        runs += 1;
        if (brokers >= 10 && partitions >= 100) large += 1;
        if (watched.isrShrank) shrank += 1;
        if (watched.underMinIsr) under += 1;
        if (watched.leaderless) leaderless += 1;
      },
    ),
    { seed: 7, numRuns: 15 },
  );
  expect(large / runs).toBeGreaterThanOrEqual(0.25);
  expect(shrank / runs).toBeGreaterThanOrEqual(0.2);
  expect(under / runs).toBeGreaterThanOrEqual(0.1);
  expect(leaderless).toBeGreaterThan(0);
});

test('nor do moves, groups, Connect, Cruise Control and the registry among restarts and faults', () => {
  const seen = new Map<string, number>();
  let skipped = 0;
  let behind = 0;
  let twice = 0;
  fc.assert(
    fc.property(arbitraryChangingScenario({ brokers: { min: 2, max: 5 } }), ({ text, partitions }) => {
      const scenario = scenarioOf(folder, { [folder]: text });
      const { built } = playUnderLaws(scenario, scenario.seed, { record: new Set() });
      const kafka = built.models.kafka as KafkaCluster;
      laws.healed(kafka);
      laws.everyPartitionRead(kafka);
      if (partitions % 6 === 0) {
        // Whoever verifies or records changes nothing.
        const prints = [{}, { verify: true, record: 'all' as const }].map((options) => {
          const { sim, until } = build(scenario, { seed: scenario.seed, ...options });
          sim.run(until);
          return sim.fingerprint();
        });
        expect(prints[1]).toBe(prints[0]);
        twice += 1;
      }
      for (const kind of new Set(built.sim.told.map((t) => t.kind)))
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      const { membership } = kafka.consumers;
      if (membership?.lag.cells.some((cell) => cell.skipped > 0)) skipped += 1;
      if (membership?.lag.readers.some((_, r) => membership.lag.isBehind(r))) behind += 1;
    }),
    { seed: 11, numRuns: 20 },
  );
  const often = (kind: string, least: number) =>
    expect([kind, seen.get(kind) ?? 0]).toSatisfy(([, n]) => n >= least);
  often('kafka.reassignmentCompleted', 8);
  often('kafka.partitionsCreated', 4);
  often('kafka.rebalanced', 10);
  often('kafka.throttleRemoved', 5);
  often('cruiseControl.executionStarted', 4);
  often('connect.rebalanced', 8);
  often('faults.begins', 20);
  expect(skipped).toBeGreaterThan(0);
  expect(behind).toBeGreaterThan(2);
  expect(twice).toBeGreaterThan(1);
});

test('each law goes red when its fact is broken', () => {
  const path = 'scenarios/reference-day/minute.yaml';
  const steady = scenarioOf(path, { [path]: 'rehearse: 1\nextends: steady-hour.yaml\nto: +1m\n' });
  const fresh = () =>
    playUnderLaws(steady, steady.seed, { record: new Set() }).built.models.kafka as KafkaCluster;
  const before = (kafka: KafkaCluster) => ({
    epoch: kafka.tables.leaderEpoch.slice(),
    leader: kafka.tables.leader.slice(),
    watermark: kafka.tables.logEndBytes.slice(),
    logEnd: kafka.tables.logEndBytes.slice(),
  });
  const broken: [(kafka: KafkaCluster) => void, (kafka: KafkaCluster) => void][] = [
    [(k) => (k.tables.isrCount[0] = 9), laws.isrWithinReplicas],
    [(k) => (k.tables.inSync[0] = 0), laws.leaderInIsr],
    [(k) => (k.tables.shownIsrCount[0] = 1), laws.urpEqualsRecount],
    [(k) => (k.tables.logEndBytes[0]! += 1e6), laws.bytesConserved],
  ];
  for (const [harm, law] of broken) {
    const kafka = fresh();
    law(kafka);
    harm(kafka);
    expect(() => law(kafka)).toThrow();
  }
  const moved = fresh();
  const asked = new AskedReplicas(moved);
  moved.tables.setOrder(0, [...moved.tables.assigned(0)].reverse());
  expect(() => asked.verify()).toThrow(/nobody asked/);
  const measured = build(steady, { seed: '1' }).sim;
  laws.measuresAreNumbers(measured);
  measured.gauges.get('kafka_consumergroup_lag_sum')!.set(0, -1);
  expect(() => laws.measuresAreNumbers(measured)).toThrow(/is -1/);
  const kafka = fresh();
  const kept = before(kafka);
  kafka.tables.leader[0] = (kafka.tables.leader[0]! + 1) % 5;
  expect(() => laws.oneLeaderPerEpoch(kafka, kept)).toThrow(/two leaders/);
  const other = fresh();
  const later = before(other);
  other.tables.frozenWatermark[0] = 1;
  expect(() => laws.highWatermarkMonotone(other, later)).toThrow(/moved back/);
});

test('a message that nobody read, and a partition that nobody reads, are found', () => {
  const { sim, lag, groups } = makeGroup({ members: 3 });
  const recount = new LagRecount(sim, lag);
  const cluster = { consumers: { membership: groups } } as unknown as KafkaCluster;
  sim.run(60e6);
  recount.note();
  recount.verify();
  laws.everyPartitionRead(cluster);
  lag.revoke(lag.cells[0]!.reader[3]!, 0, 3);
  expect(() => laws.everyPartitionRead(cluster)).toThrow(/nobody reads partition 3/);
  lag.cells[0]!.read -= 2;
  expect(() => recount.verify()).toThrow(/came/);
});
