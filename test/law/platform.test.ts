import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { arbitraryScenario, laws, playUnderLaws } from '../../src/testing.ts';
import { scenarioOf } from '../support/files.ts';

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
    { seed: 7, numRuns: 30 },
  );
  expect(large / runs).toBeGreaterThanOrEqual(0.25);
  expect(shrank / runs).toBeGreaterThanOrEqual(0.2);
  expect(under / runs).toBeGreaterThanOrEqual(0.1);
  expect(leaderless).toBeGreaterThan(0);
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
  const kafka = fresh();
  const kept = before(kafka);
  kafka.tables.leader[0] = (kafka.tables.leader[0]! + 1) % 5;
  expect(() => laws.oneLeaderPerEpoch(kafka, kept)).toThrow(/two leaders/);
  const other = fresh();
  const later = before(other);
  other.tables.frozenWatermark[0] = 1;
  expect(() => laws.highWatermarkMonotone(other, later)).toThrow(/moved back/);
});
