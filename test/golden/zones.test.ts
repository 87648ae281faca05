import { describe, expect, test } from 'vitest';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { type Built, build } from '../../src/scenario/build.ts';
import { scenarioOf } from '../support/files.ts';

const minutes = (m: number) => m * 60e6;
const lostAt = minutes(10);

/** A what-if stopped at a moment after the loss, seconds. */
function at(file: string, secondsAfter: number): { kafka: KafkaCluster; built: Built } {
  const built = build(scenarioOf(`scenarios/what-if/${file}.yaml`), {
    seed: '1',
    record: 'all',
    verify: true,
  });
  built.sim.run(lostAt + Math.round(secondsAfter * 1e6));
  return { kafka: built.models.kafka as KafkaCluster, built };
}

/** Rows of partitions with a replica on every, or on any, of these brokers. */
function hosted(kafka: KafkaCluster, brokers: readonly number[], on: 'every' | 'some'): number[] {
  const { tables } = kafka;
  return Array.from({ length: tables.partitionCount }, (_, p) => p).filter((p) =>
    brokers[on]((b) => tables.replicaOn(p, b) >= 0),
  );
}

function counts(kafka: KafkaCluster) {
  const { gauges, writes, tables } = kafka;
  const sum = (of: { get(row: number): number }) =>
    Array.from({ length: tables.brokerCount }, (_, b) => of.get(b)).reduce((a, x) => a + x, 0);
  return {
    urp: sum(gauges.underReplicated),
    underMinIsr: sum(gauges.underMinIsr),
    atMinIsr: sum(gauges.atMinIsr),
    shrinks: sum(gauges.isrShrinks),
    fenced: gauges.fencedBrokers.get(0),
    withoutLeader: writes.unavailablePartitions.get(0),
    blocked: writes.blockedPartitions.get(0),
    offline: gauges.offlinePartitions.get(0),
    active: kafka.controller.active,
  };
}

describe('the loss of a zone of the reference platform', () => {
  test.each([30, 2999])(
    '1a, two of three voters: %d s later nothing has healed and no gauge of the survivors has moved',
    (s) => {
      const { kafka } = at('zone-1a', s);
      expect(counts(kafka)).toEqual({
        urp: 0,
        underMinIsr: 0,
        atMinIsr: 0,
        shrinks: 0,
        fenced: 0,
        withoutLeader: 142 + 138,
        blocked: hosted(kafka, [0, 1], 'some').length,
        offline: 0,
        active: -1,
      });
    },
  );

  test('1a, with controllers in three zones: a successor gives fresh sessions, then all is as after the loss of 1b', () => {
    const early = counts(at('zone-1a-dedicated', 9).kafka);
    expect([early.active === 101 || early.active === 102, early.fenced, early.urp]).toEqual([true, 0, 0]);
    const { kafka } = at('zone-1a-dedicated', 60);
    const both = hosted(kafka, [0, 1], 'every').length;
    const some = hosted(kafka, [0, 1], 'some').length;
    expect(both).toBeGreaterThan(0);
    expect(counts(kafka)).toMatchObject({
      urp: some,
      underMinIsr: both,
      shrinks: 0,
      fenced: 2,
      withoutLeader: 0,
      blocked: both,
      offline: 0,
    });
  });

  test('1b: the quorum holds, leaders move after 7 to 9 s, partitions on both brokers are under min ISR', () => {
    const before = counts(at('zone-1b', 6.9).kafka);
    expect(before).toMatchObject({ urp: 0, fenced: 0, withoutLeader: 144 + 140, active: 0 });
    const { kafka } = at('zone-1b', 40);
    const both = hosted(kafka, [2, 3], 'every').length;
    const some = hosted(kafka, [2, 3], 'some').length;
    expect(counts(kafka)).toEqual({
      urp: some,
      underMinIsr: both,
      atMinIsr: some - both,
      shrinks: 0,
      fenced: 2,
      withoutLeader: 0,
      blocked: both,
      offline: 0,
      active: 0,
    });
  });

  test('1c: one broker, so every partition keeps min ISR, and only its clients wait out their requests', () => {
    const waiting = at('zone-1c', 20).kafka;
    const led = hosted(waiting, [4], 'some').filter(
      (p) => waiting.tables.broker[p * waiting.tables.stride] === 4 && waiting.tables.share[p]! > 0,
    );
    expect(led.length).toBeGreaterThan(0);
    expect(counts(waiting)).toMatchObject({ withoutLeader: 0, blocked: led.length, fenced: 1 });
    const { kafka } = at('zone-1c', 40);
    expect(counts(kafka)).toEqual({
      urp: 420,
      underMinIsr: 0,
      atMinIsr: 420,
      shrinks: 0,
      fenced: 1,
      withoutLeader: 0,
      blocked: 0,
      offline: 0,
      active: 0,
    });
  });

  test('the loss is undone: the zone comes back, and every replica is in sync again', () => {
    const text = (zone: string) =>
      `rehearse: 1\nextends: bases/zones.yaml\ntimeline:\n  - { at: +10m, id: lost, do: faults.zone, zone: us-east-1${zone}, for: 60s }\n`;
    for (const zone of ['a', 'b', 'c']) {
      const path = 'scenarios/what-if/back.yaml';
      const built = build(scenarioOf(path, { [path]: text(zone) }), { seed: '1', verify: false });
      built.sim.run(minutes(59));
      const { gauges, writes } = built.models.kafka as KafkaCluster;
      expect([zone, gauges.brokersOutOfSync.get(0), writes.blockedPartitions.get(0)]).toEqual([zone, 0, 0]);
    }
  });
});
