import type { KafkaPartSettings } from './parts/kafka.ts';

/** Where a broker stands; without a rack it is one by itself. */
interface RackedBroker {
  readonly id: number;
  readonly rack?: string | undefined;
  /** Whether it could hold a replica: false of one that is down. */
  readonly alive: boolean;
}

/** What a plan makes of a partition. */
interface PlannedPartition {
  /** As `topic-partition`. */
  readonly name: string;
  readonly replicas: readonly number[];
  /** `min.insync.replicas` of the topic. */
  readonly minInSyncReplicas: number;
}

/** A finding about the replicas of one partition, and its remedy. */
export interface PlanWarning {
  readonly found: string;
  readonly mend: string;
}

const count = (n: number, one: string, more = `${one}s`) => `${n === 1 ? 'one' : n} ${n === 1 ? one : more}`;

/**
 * What Kafka executes without a word and few would want: fewer replicas than `min.insync.replicas`, and two in a rack where racks are left.
 * Source: Kafka 3.7 `ReplicationControlManager.validateManualPartitionAssignment` and `ReassignPartitionsCommand`, neither of which looks at
 * racks or at `min.insync.replicas`; `Partition.appendRecordsToLeader`, which refuses acks=all below it.
 * @returns for a partition whose brokers all exist, what a plan makes of it
 */
export function planWarnings(
  brokers: readonly RackedBroker[],
): (partition: PlannedPartition) => PlanWarning[] {
  const racks = new Map(brokers.map((b) => [b.id, b.rack || `host of ${b.id}`]));
  const available = new Set(brokers.filter((b) => b.alive).map((b) => racks.get(b.id))).size;
  return ({ name, replicas, minInSyncReplicas }) => {
    const found: PlanWarning[] = [];
    if (replicas.length < minInSyncReplicas)
      found.push({
        found: `${name} keeps ${count(replicas.length, 'replica')} where min.insync.replicas is ${minInSyncReplicas}: producers with acks=all are refused`,
        mend: `name at least ${minInSyncReplicas} brokers, or lower min.insync.replicas of the topic first`,
      });
    const used = new Set(replicas.map((id) => racks.get(id))).size;
    const possible = Math.min(replicas.length, available);
    if (used < possible)
      found.push({
        found: `${name} has ${replicas.length} replicas in ${count(used, 'rack')}, where ${possible} racks could hold them: Kafka moves it so, and one rack lost takes more than one replica`,
        mend: 'spread them over the racks',
      });
    return found;
  };
}

/** `min.insync.replicas` by topic. */
export function minInSyncReplicas(kafka: KafkaPartSettings): ReadonlyMap<string, number> {
  return new Map(
    kafka.topics.map((t) => [t.name, t.minInSyncReplicas ?? kafka.config['min.insync.replicas']]),
  );
}
