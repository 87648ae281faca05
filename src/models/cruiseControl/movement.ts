import type {
  BrokerLoad,
  ClusterDescription,
  PartitionDescription,
  Proposal,
  ResourceLoad,
} from './description.ts';
import { bytesPerKb, bytesPerMb, followerLoad } from './loads.ts';

/** What stands on each broker, in the order of the description. */
export function standing(cluster: ClusterDescription): BrokerLoad[] {
  const rows = cluster.brokers.map((b) => ({
    id: b.id,
    replicas: 0,
    leaders: 0,
    cpu: 0,
    nwIn: 0,
    nwOut: 0,
    disk: 0,
    leaderNwIn: 0,
    potentialNwOut: 0,
  }));
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  for (const p of cluster.partitions) {
    const led = leaderOf(p);
    const leader = p.loads[p.replicas.indexOf(led)];
    p.replicas.forEach((id, j) => {
      const row = rowOf.get(id);
      const load = p.loads[j];
      if (row === undefined || load === undefined) return;
      row.replicas += 1;
      row.cpu += load.cpu;
      row.nwIn += load.nwIn;
      row.nwOut += load.nwOut;
      row.disk += load.disk;
      row.potentialNwOut += leader?.nwOut ?? 0;
      if (id !== led) return;
      row.leaders += 1;
      row.leaderNwIn += load.nwIn;
    });
  }
  return rows;
}

/** The leader of a partition; where none is named, the first replica. */
export function leaderOf(p: PartitionDescription): number {
  return p.leader ?? p.replicas[0]!;
}

/**
 * The cluster once everything has moved. The load of a moved leader goes with the leadership; a replica that had no load there before gets
 * that of a follower.
 */
export function moved(cluster: ClusterDescription, proposals: readonly Proposal[]): ClusterDescription {
  const byName = new Map(proposals.map((m) => [`${m.topic}-${m.partition}`, m]));
  const partitions = cluster.partitions.map((p): PartitionDescription => {
    const move = byName.get(`${p.topic}-${p.partition}`);
    if (move === undefined) return p;
    const led = leaderOf(p);
    const leader = p.loads[p.replicas.indexOf(led)]!;
    const follower: ResourceLoad = p.loads[p.replicas.findIndex((id) => id !== led)] ?? followerLoad(leader);
    return {
      topic: p.topic,
      partition: p.partition,
      replicas: move.newReplicas,
      leader: move.newReplicas[0]!,
      loads: move.newReplicas.map((_, j) => (j === 0 ? leader : follower)),
    };
  });
  return { brokers: cluster.brokers, partitions };
}

/** What one broker sends and takes in while replicas move. */
export interface BrokerMovement {
  readonly id: number;
  /** Bytes that it sends, of partitions that it leads, to replicas that are new on other brokers. */
  readonly sentBytes: number;
  /** Bytes that it takes in. */
  readonly receivedBytes: number;
  /** Partitions that move from or to it. */
  readonly partitions: number;
  /** Bytes per second that followers in sync fetch from it of each partition that moves, ascending. */
  readonly liveOut: readonly number[];
}

/** Bytes by broker: a new replica fetches from the leader, wherever the one is that it stands in for; nobody sends what has no live replica. */
export function movements(cluster: ClusterDescription, proposals: readonly Proposal[]): BrokerMovement[] {
  const rows = cluster.brokers.map((b) => ({
    id: b.id,
    sentBytes: 0,
    receivedBytes: 0,
    partitions: 0,
    liveOut: [] as number[],
  }));
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  const alive = new Set(cluster.brokers.filter((b) => b.state !== 'DEAD').map((b) => b.id));
  const byName = new Map(cluster.partitions.map((p) => [`${p.topic}-${p.partition}`, p]));
  for (const m of proposals) {
    const added = m.newReplicas.filter((id) => !m.oldReplicas.includes(id));
    if (added.length === 0) continue;
    const p = byName.get(`${m.topic}-${m.partition}`);
    const load = p?.loads[p.replicas.indexOf(m.oldLeader)];
    const bytes = (load?.disk ?? 0) * bytesPerMb;
    // A dead leader is succeeded before anything is fetched.
    const source = rowOf.get(
      alive.has(m.oldLeader) ? m.oldLeader : (m.oldReplicas.find((id) => alive.has(id)) ?? -1),
    );
    if (source !== undefined) {
      const rate = (load?.nwIn ?? 0) * bytesPerKb;
      source.sentBytes += bytes * added.length;
      source.partitions += 1;
      source.liveOut.push(rate * m.oldReplicas.filter((id) => id !== source.id && alive.has(id)).length);
    }
    for (const id of added) {
      const sink = rowOf.get(id);
      if (sink === undefined) continue;
      sink.receivedBytes += bytes;
      sink.partitions += 1;
    }
  }
  for (const row of rows) row.liveOut.sort((x, y) => x - y);
  return rows;
}

/** The side that a movement waits for. */
export interface DurationBound {
  /** Infinity: it never ends. */
  readonly seconds: number;
  readonly broker: number;
  readonly side: 'sends' | 'takes in' | 'waits for its turns';
  /** Bytes of that side; of turns, partitions. */
  readonly amount: number;
  /** Bytes per second of a throttle at a leader that followers in sync take of the partitions that move together. */
  readonly taken: number;
}

/** What a movement is given. */
export interface MovementLimits {
  /** Bytes per second that each broker may move, by id: the throttle, or what its network gives. */
  readonly rate: (id: number) => number;
  /** Whether the rate is a replication throttle, which counts what followers in sync fetch of the partitions that move. */
  readonly throttled: boolean;
  /** Partitions at once on one broker; Infinity for all at once, as kafka-reassign-partitions moves them. */
  readonly concurrency: number;
}

/**
 * Seconds that so many batches take, each of which is done by the executor's next check of progress: a check comes a second sooner after
 * each such batch, down to a minimum. Source: Cruise Control 2.5 `Executor`, `ExecutorConfig` (`execution.progress.check.interval.ms`
 * and its minimum, by default 10 s and 5 s).
 */
export function turnsSeconds(turns: number, checkSeconds = 10, minCheckSeconds = 5): number {
  const sooner = Math.min(turns, Math.max(0, checkSeconds - minCheckSeconds));
  return (
    sooner * checkSeconds -
    (sooner * (sooner - 1)) / 2 +
    (turns - sooner) * Math.min(checkSeconds, minCheckSeconds)
  );
}

/**
 * No movement is shorter than its busiest side: bytes over rate, or turns of `concurrency` partitions that each last a whole check of the
 * executor. A throttle at a leader counts what in-sync followers fetch of the listed partitions as well, and withholds only what is out of
 * sync: what is left for the move is the rest, and nothing when the least of them that may move together fill it.
 *
 * Source: Kafka 3.7 `ReplicationQuotaManager`, `ReplicaManager.shouldLeaderThrottle`; Cruise Control 2.5 `Executor`.
 * A bound, not a prediction: what is produced meanwhile, page cache, disks and the shape of the plan add to it.
 * @returns undefined when nothing moves
 */
export function shortestDuration(
  rows: readonly BrokerMovement[],
  limits: MovementLimits,
): DurationBound | undefined {
  let longest: DurationBound | undefined;
  const consider = (bound: DurationBound) => {
    if (longest === undefined || bound.seconds > longest.seconds) longest = bound;
  };
  for (const row of rows) {
    const rate = limits.rate(row.id);
    let taken = 0;
    if (limits.throttled) {
      const together = row.liveOut.slice(0, Math.min(limits.concurrency, row.liveOut.length));
      for (const live of together) taken += live;
    }
    if (row.sentBytes > 0)
      consider({
        seconds: rate > taken ? row.sentBytes / (rate - taken) : Number.POSITIVE_INFINITY,
        broker: row.id,
        side: 'sends',
        amount: row.sentBytes,
        taken,
      });
    if (row.receivedBytes > 0)
      consider({
        seconds: row.receivedBytes / rate,
        broker: row.id,
        side: 'takes in',
        amount: row.receivedBytes,
        taken: 0,
      });
    if (row.partitions > 0 && limits.concurrency < Number.POSITIVE_INFINITY)
      consider({
        seconds: turnsSeconds(Math.ceil(row.partitions / limits.concurrency)),
        broker: row.id,
        side: 'waits for its turns',
        amount: row.partitions,
        taken: 0,
      });
  }
  return longest;
}
