import type { KafkaCluster } from './cluster.ts';

/**
 * Partitions that a broker is advised not to exceed. Source: J. Rao, "Apache Kafka Supports 200K Partitions Per Cluster" (Apache Kafka blog, 2018): up to 4,000
 * partitions a broker.
 */
export const mostPartitionsOfBroker = 4000;

/** The logs of one topic on one broker, as they fill its disks. */
export interface GrowingLogs {
  /** What is written to them today, bytes per second. */
  readonly rate: number;
  /** What they hold today, bytes. */
  readonly held: number;
  /** `retention.ms` in microseconds, and the sum of their `retention.bytes`; Infinity when unlimited. */
  readonly retentionMicros: number;
  readonly retentionBytes: number;
}

/** The disks of one broker, all directories together. */
export interface GrowingBroker {
  readonly broker: number;
  readonly partitions: number;
  readonly capacity: number;
  /** What is used beside these logs, such as segments that wait to be deleted, bytes. */
  readonly other: number;
  readonly logs: readonly GrowingLogs[];
}

const microsPerSecond = 1e6;

/** Seconds of today's load between two moments while load grows by `perSecond`, compounded continuously. */
function volume(fromMicros: number, toMicros: number, perSecond: number): number {
  const [a, b] = [fromMicros / microsPerSecond, toMicros / microsPerSecond];
  return perSecond === 0 ? b - a : (Math.expm1(perSecond * b) - Math.expm1(perSecond * a)) / perSecond;
}

/**
 * Bytes of logs at a later moment. What is written after today stays for `retention.ms`; of what they hold today, which was written at today's
 * rate and is at most held / rate old, the part that is younger than `retention.ms` stays; `retention.bytes` bounds the sum.
 *
 *     min(retention.bytes,  rate x integral of growth over [max(0, t - T), t]  +  held that is younger than T)
 *
 * Source: the rules of `UnifiedLog.deleteOldSegments` (Kafka 3.7). Simplified: to the byte, where Kafka deletes whole segments at each check, so that up to a segment
 * of each partition more is there.
 */
export function bytesLater(logs: GrowingLogs, micros: number, perSecond: number): number {
  const { rate, held, retentionMicros, retentionBytes } = logs;
  const written = rate * volume(Math.max(0, micros - retentionMicros), micros, perSecond);
  let old = held;
  if (retentionMicros < Number.POSITIVE_INFINITY && rate > 0) {
    const youngest = Math.min(held / rate, Math.max(0, (retentionMicros - micros) / microsPerSecond));
    old = rate * youngest;
  }
  return Math.min(Math.max(held, retentionBytes), written + old);
}

const steps = 2000;

/**
 * When the disks of a broker are full, microseconds from today; Infinity when that is not within `horizonMicros`.
 * @param perSecond growth of the load, continuously compounded
 */
export function fullAfter(broker: GrowingBroker, perSecond: number, horizonMicros: number): number {
  const used = (t: number) => broker.logs.reduce((sum, l) => sum + bytesLater(l, t, perSecond), broker.other);
  if (used(0) >= broker.capacity) return 0;
  for (let i = 1; i <= steps; i += 1) {
    let [low, high] = [(horizonMicros * (i - 1)) / steps, (horizonMicros * i) / steps];
    if (used(high) < broker.capacity) continue;
    // To the microsecond.
    while (high - low > 1) {
      const middle = (low + high) / 2;
      if (used(middle) >= broker.capacity) high = middle;
      else low = middle;
    }
    return Math.ceil(high);
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * The disks of every broker as they stand now.
 * @param meanLoad by load curve, the mean of its multiplier over a day
 * @param usedOf what a broker's disks hold, and what they can hold, bytes
 */
export function growingBrokers(
  cluster: KafkaCluster,
  meanLoad: readonly number[],
  usedOf: (broker: number) => { readonly used: number; readonly capacity: number },
): GrowingBroker[] {
  const { tables, settings, logs } = cluster;
  return settings.brokers.map((b, row): GrowingBroker => {
    const byTopic = new Map<number, { rate: number; held: number; count: number }>();
    let partitions = 0;
    for (let p = 0; p < tables.partitionCount; p += 1) {
      for (let k = 0; k < tables.replicaCount[p]!; k += 1) {
        const replica = p * tables.stride + k;
        if (tables.broker[replica] !== row) continue;
        const topic = tables.topic[p]!;
        const { bytesInPerSecond, curve } = settings.topics[topic]!;
        const sum = byTopic.get(topic) ?? { rate: 0, held: 0, count: 0 };
        sum.rate += bytesInPerSecond * tables.share[p]! * (curve < 0 ? 1 : meanLoad[curve]!);
        sum.held += logs.bytes(replica);
        sum.count += 1;
        byTopic.set(topic, sum);
        partitions += 1;
      }
    }
    const { used, capacity } = usedOf(b.id);
    const grown = [...byTopic].map(([topic, { rate, held, count }]): GrowingLogs => {
      const t = settings.topics[topic]!;
      const fixed = settings.holdLogsAtInitialSize;
      return {
        rate,
        held,
        retentionMicros: fixed ? Number.POSITIVE_INFINITY : t.retentionMicros,
        retentionBytes: fixed ? held : t.retentionBytes * count,
      };
    });
    return {
      broker: b.id,
      partitions,
      capacity,
      other: Math.max(0, used - grown.reduce((sum, l) => sum + l.held, 0)),
      logs: grown,
    };
  });
}

/** Share of the bytes that consumers read which crosses zones, when each reads from a replica in its own zone where there is one (KIP-392) and consumers are spread evenly over the zones. */
export function crossingWithFollowerFetching(cluster: KafkaCluster): number {
  const { tables, settings } = cluster;
  const zones = new Set(settings.brokers.map((b) => b.zone));
  let [all, crossing] = [0, 0];
  for (let p = 0; p < tables.partitionCount; p += 1) {
    const rate = settings.topics[tables.topic[p]!]!.bytesInPerSecond * tables.share[p]!;
    const near = new Set<string>();
    for (let k = 0; k < tables.replicaCount[p]!; k += 1)
      near.add(settings.brokers[tables.broker[p * tables.stride + k]!]!.zone);
    all += rate;
    crossing += rate * (1 - near.size / zones.size);
  }
  return all === 0 ? 0 : crossing / all;
}
