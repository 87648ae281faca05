/** Laws of a cluster by itself, at every instant and after all that struck it is over, and random clusters to hold them on. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import type { ClusterSettings } from '../../src/models/kafka/settings.ts';
import { noLeader, replicaState } from '../../src/models/kafka/tables.ts';
import { laws, shownWatermarks } from '../../src/testing.ts';
import { clusterSettings, MB, topic } from './cluster.ts';

/** Sent = acknowledged + failed + in flight; every law of a run holds after every instant. */
export function holdLaws(cluster: KafkaCluster, now: () => number): () => void {
  const { tables } = cluster;
  const { registrations } = cluster.controller;
  const snapshot = () => ({
    epoch: tables.leaderEpoch.slice(),
    leader: tables.leader.slice(),
    watermark: shownWatermarks(cluster),
    logEnd: tables.logEndBytes.slice(),
    fenced: registrations.fenced.slice(),
    pausedUntil: registrations.pausedUntil.slice(),
    state: Float64Array.from({ length: tables.brokerCount }, (_, b) => cluster.brokers.state.get(b)),
  });
  let before = snapshot();
  return () => {
    laws.isrWithinReplicas(cluster);
    laws.leaderInIsr(cluster);
    laws.oneLeaderPerEpoch(cluster, before);
    laws.highWatermarkMonotone(cluster, before);
    laws.urpEqualsRecount(cluster);
    laws.bytesConserved(cluster);
    expectPlainSums(cluster);
    const after = snapshot();
    for (let b = 0; b < tables.brokerCount; b += 1) {
      // One pause, before and after this instant.
      if (after.pausedUntil[b] === 0 || before.pausedUntil[b]! <= now()) continue;
      if (after.state[b] !== before.state[b]) throw new Error(`broker row ${b} does something in a pause`);
      if (after.fenced[b]! < before.fenced[b]!) throw new Error(`broker row ${b} is unfenced in a pause`);
    }
    before = after;
  };
}

/** From the plain rows: who serves, who keeps up, what may be written, and the traffic that follows. */
export function expectPlainSums(cluster: KafkaCluster): void {
  const { tables, traffic, replication, writes } = cluster;
  const { serving, pausedUntil, fetching } = cluster.controller.registrations;
  const runs = (b: number) => serving[b] === 1 && pausedUntil[b] === 0;
  const { connectivity } = cluster;
  const n = tables.brokerCount;
  const lead = new Float64Array(traffic.leadShare.length);
  const into = new Float64Array(traffic.liveInShare.length);
  for (let p = 0; p < tables.partitionCount; p += 1) {
    const leader = tables.leader[p]!;
    const row = tables.topic[p]! * n;
    const writable = tables.writable[p] === 1;
    if (writable && (leader === noLeader || !runs(leader) || !connectivity.reachable(leader)))
      throw new Error(`${tables.partitionName(p)}: nobody writes`);
    if (writable) lead[row + leader]! += tables.share[p]!;
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
      const b = tables.broker[r]!;
      if (b < 0 || b === leader) continue;
      const backlog = replication.backlogOf(r);
      if (backlog < 0) throw new Error(`${tables.partitionName(p)}: a follower is ahead of its leader`);
      if (tables.state[r] === replicaState.live) {
        if (writable) into[row + b]! += tables.share[p]!;
        if (
          leader !== noLeader &&
          (fetching[b] === 0 || pausedUntil[b]! > 0 || !connectivity.reaches(leader, b))
        )
          throw new Error(`${tables.partitionName(p)}: broker row ${b} fetches nothing and keeps up`);
        continue;
      }
      if (tables.state[r] === replicaState.lagging && !(runs(leader) && connectivity.reaches(leader, b)))
        throw new Error(`${tables.partitionName(p)}: fetches from a leader that answers nobody`);
      if (tables.inSync[r] === 0) continue;
      if (writable && cluster.settings.topics[tables.topic[p]!]!.acks === 'all')
        throw new Error(`${tables.partitionName(p)}: acks=all although a member of the ISR is behind`);
      if (leader !== noLeader && writes.highWatermark(p) > tables.logEndBytes[p]! - backlog + 2)
        throw new Error(
          `${tables.partitionName(p)}: the high watermark is beyond a member of the ISR by ${writes.highWatermark(p) - tables.logEndBytes[p]! + backlog} B`,
        );
    }
  }
  for (let i = 0; i < lead.length; i += 1) {
    if (Math.abs(lead[i]! - traffic.leadShare[i]!) > 1e-9) throw new Error(`lead share ${i}`);
    if (Math.abs(into[i]! - traffic.liveInShare[i]!) > 1e-9) throw new Error(`live share ${i}`);
  }
}

export function expectHealed(cluster: KafkaCluster): void {
  const { tables, gauges, writes, brokers } = cluster;
  for (let b = 0; b < tables.brokerCount; b += 1) expect([b, brokers.isRunning(b)]).toEqual([b, true]);
  expect(gauges.fencedBrokers.get(0)).toBe(0);
  expect(gauges.brokersOutOfSync.get(0)).toBe(0);
  expect(gauges.clusterUnderReplicated.get(0)).toBe(0);
  expect(writes.unavailablePartitions.get(0)).toBe(0);
  expect(writes.blockedPartitions.get(0)).toBe(0);
  for (let p = 0; p < tables.partitionCount; p += 1) {
    if (!tables.exists(p)) continue;
    expect(tables.leader[p]).not.toBe(noLeader);
    expect(tables.isrCount[p]).toBe(tables.replicationFactor(p));
    expect(tables.frozenWatermark[p]).toBeNaN();
  }
  for (let r = 0; r < tables.broker.length; r += 1)
    if (tables.broker[r]! >= 0) expect(tables.state[r]).toBe(replicaState.live);
}

/** Small clusters of every replication factor, acks and number of voters, some with impatient time-outs. */
export const arbitraryCluster = fc.record({
  brokers: fc.integer({ min: 2, max: 6 }),
  voters: fc.integer({ min: 1, max: 3 }),
  sessionMillis: fc.constantFrom(6000, 9000, 60_000),
  lagMillis: fc.constantFrom(5000, 10_000, 30_000),
  balanceSeconds: fc.constantFrom(5, 20, 300),
  unclean: fc.boolean(),
  topics: fc.array(
    fc.record({
      partitions: fc.integer({ min: 1, max: 8 }),
      factor: fc.integer({ min: 1, max: 3 }),
      minIsr: fc.integer({ min: 1, max: 3 }),
      acks: fc.constantFrom('all' as const, 'all' as const, '1' as const, '0' as const),
      megabytes: fc.constantFrom(0, 1, 30, 60),
    }),
    { minLength: 1, maxLength: 3, size: 'max' },
  ),
});

export function settingsOf(
  given: typeof arbitraryCluster extends fc.Arbitrary<infer T> ? T : never,
): ClusterSettings {
  return clusterSettings(
    {
      timing: {
        ...clusterSettings().timing,
        sessionTimeoutMicros: given.sessionMillis * 1000,
        replicaLagMaxMicros: given.lagMillis * 1000,
        imbalanceCheckMicros: given.balanceSeconds * 1e6,
      },
      brokers: clusterSettings({}, given.brokers).brokers.map((b) => ({
        ...b,
        controller: b.id < given.voters,
      })),
      topics: given.topics.map((t, i) =>
        topic({
          name: `topic-${i}`,
          partitions: t.partitions,
          replicationFactor: Math.min(t.factor, given.brokers),
          minInSyncReplicas: t.minIsr,
          acks: t.acks,
          uncleanElection: given.unclean,
          bytesInPerSecond: t.megabytes * MB,
          messagesInPerSecond: t.megabytes * 100,
        }),
      ),
    },
    given.brokers,
  );
}
