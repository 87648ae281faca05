/** One partition of a topic that has a replica on the broker in question. */
export interface PartitionView {
  readonly name: string;
  readonly replicas: number;
  readonly inSync: number;
  /** Effective min.insync.replicas of the topic. */
  readonly minInSync: number;
  readonly brokerInSync: boolean;
}

/**
 * Whether taking the broker away would leave this partition with too few replicas in sync.
 * Source: Strimzi 0.42 `KafkaAvailability.wouldAffectAvailability`: a topic whose replicas do not exceed its minimum never blocks.
 */
export function wouldAffectAvailability(p: PartitionView): boolean {
  if (p.replicas <= p.minInSync) return false;
  if (p.inSync < p.minInSync) return true;
  return p.inSync === p.minInSync && p.brokerInSync;
}

/** A quorum member and when it last had the whole metadata log, milliseconds; -1 when unknown. */
export interface Voter {
  readonly id: number;
  readonly lastCaughtUpMs: number;
}

/**
 * Whether a controller may be restarted: enough of the others must have caught up with the leader.
 * Source: Strimzi 0.42 `KafkaQuorumCheck.canRollController`.
 * @param leader node id of the quorum leader, below 0 when there is none
 * @param fetchTimeoutMs `controller.quorum.fetch.timeout.ms`, 2,000 by default; a lag must be strictly below it
 */
export function canRollController(
  node: number,
  leader: number,
  voters: readonly Voter[],
  fetchTimeoutMs = 2000,
): boolean {
  if (leader < 0) return false;
  if (voters.length === 1) return true;
  const leading = voters.find((v) => v.id === leader)?.lastCaughtUpMs ?? -1;
  const caughtUp = voters.filter(
    (v) =>
      v.id !== node &&
      (v.id === leader || (v.lastCaughtUpMs >= 0 && leading - v.lastCaughtUpMs < fetchTimeoutMs)),
  ).length;
  return voters.length === 2 ? caughtUp === 1 : caughtUp >= Math.floor((voters.length + 2) / 2);
}
