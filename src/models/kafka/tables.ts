import { BrokenInvariant } from '../../engine/simulation.ts';

/** Why a replica's log does or does not follow its leader now. */
export const replicaState = {
  /** At the leader's log end: the leader itself, or a follower whose lag is below what the model plays. */
  live: 0,
  /** Its broker is down, or fetches nothing: the log end stands still. */
  stopped: 1,
  /** Fetching what it missed. */
  lagging: 2,
} as const;

/** `leader` of a partition that has none. */
export const noLeader = -1;

/** What one topic is made of; partitions of a topic are consecutive rows. */
export interface TopicLayout {
  readonly name: string;
  /** Partitions at the start. */
  readonly partitions: number;
  /** Partitions that it may have by the end: rows are kept for them; absent: as many as at the start. */
  readonly partitionsEver?: number;
  readonly replicationFactor: number;
  readonly minInSyncReplicas: number;
  /** Share of the topic's bytes that each partition takes, summing to 1. */
  readonly shares: Float64Array;
}

/**
 * The cluster's partitions and replicas as parallel arrays.
 *
 * A partition row `p` holds the controller's truth. Its replicas are the rows `p * stride + j`; a replica keeps its row as long as it
 * exists. `broker` is -1 in the places that are free. At the start the rows are in assignment order; a reassignment changes the order, which
 * `replicaAt` tells: the first one is the preferred leader. Brokers are rows 0..brokerCount-1, not ids.
 *
 * A partition that is created later has its row from the start, and belongs to nobody until then: no replicas, no leader, no share.
 */
export class ClusterTables {
  readonly topics: readonly TopicLayout[];
  readonly brokerCount: number;
  /** Partition rows, those of partitions that do not exist yet included. */
  readonly partitionCount: number;
  /** Places for replicas of a partition: the largest replication factor, and room for reassignments. */
  readonly stride: number;
  /** First partition row of each topic, with one more entry at the end. */
  readonly firstPartition: Int32Array;
  /** By topic: how many partitions it has now. */
  readonly partitionsOf: Int32Array;

  // By partition.
  readonly topic: Int32Array;
  readonly share: Float64Array;
  readonly leader: Int32Array;
  readonly leaderEpoch: Int32Array;
  readonly partitionEpoch: Int32Array;
  readonly isrCount: Uint8Array;
  /** Replicas, those that a reassignment is adding included. */
  readonly replicaCount: Uint8Array;
  /** Of them those that a reassignment is adding, and those that it is removing. */
  readonly addingCount: Uint8Array;
  readonly removingCount: Uint8Array;
  /** What the leader has learnt of the metadata, hence what its metrics say. */
  readonly shownLeader: Int32Array;
  readonly shownIsrCount: Uint8Array;
  readonly shownReplicaCount: Uint8Array;
  readonly shownAddingCount: Uint8Array;
  readonly shownRemovingCount: Uint8Array;
  /** Leader's log end offset in bytes, as of `volumeAt`. */
  readonly logEndBytes: Float64Array;
  /** The topic's produced volume when `logEndBytes` was settled, bytes. */
  readonly volumeAt: Float64Array;
  /** Fraction of a byte not yet in `logEndBytes`. */
  readonly carry: Float64Array;
  /** High watermark in bytes while it stands still; NaN while it equals the log end. */
  readonly frozenWatermark: Float64Array;
  /** 1 while producers with the topic's acks can write. */
  readonly writable: Uint8Array;
  /** Share of what is offered that saturated links let through while the partition can be written, 0 to 1. */
  readonly admitted: Float64Array;

  // By replica.
  readonly broker: Int32Array;
  readonly inSync: Uint8Array;
  /** 1 for a replica that a reassignment is adding, and for one that it is removing. */
  readonly adding: Uint8Array;
  readonly removing: Uint8Array;
  readonly state: Uint8Array;
  /** Log end offset in bytes of a replica that is not live. */
  readonly replicaEndBytes: Float64Array;
  /** When a replica stopped following, microseconds. */
  readonly stoppedAt: Float64Array;

  /** 1 where the replica's log directory is offline. */
  readonly offline: Uint8Array;
  /** How many replicas are offline. */
  offlineCount = 0;

  /** By place: the place of the replica row that stands there in assignment order; absent while that is the place itself. */
  private order: Uint8Array | undefined;
  /** By broker: its replica rows, ascending. */
  private readonly hostedBy: Int32Array[] = [];

  /** Log directories are rows as well: those of broker `b` are `directoriesFrom[b] .. directoriesFrom[b + 1])`. */
  readonly directoriesFrom: Int32Array;
  /** By replica, the place of its directory among its broker's; absent where every broker has one directory. */
  private readonly directoryPlace: Uint8Array | undefined;

  /**
   * @param assignment broker rows by partition row in `stride` places each, -1 where free
   * @param directories log directories of each broker, at most 255; absent: one each
   */
  constructor(
    topics: readonly TopicLayout[],
    brokerCount: number,
    stride: number,
    assignment: Int32Array,
    directories: readonly number[] = new Array(brokerCount).fill(1),
  ) {
    this.topics = topics;
    this.brokerCount = brokerCount;
    this.stride = stride;
    this.firstPartition = new Int32Array(topics.length + 1);
    for (let t = 0; t < topics.length; t += 1) {
      this.firstPartition[t + 1] = this.firstPartition[t] + rowsOf(topics[t]);
    }
    this.partitionsOf = Int32Array.from(topics, (t) => t.partitions);
    const partitions = this.firstPartition[topics.length];
    const replicas = partitions * stride;
    this.partitionCount = partitions;
    this.topic = new Int32Array(partitions);
    this.share = new Float64Array(partitions);
    this.leader = new Int32Array(partitions);
    this.leaderEpoch = new Int32Array(partitions);
    this.partitionEpoch = new Int32Array(partitions);
    this.isrCount = new Uint8Array(partitions);
    this.replicaCount = new Uint8Array(partitions);
    this.addingCount = new Uint8Array(partitions);
    this.removingCount = new Uint8Array(partitions);
    this.shownLeader = new Int32Array(partitions);
    this.shownIsrCount = new Uint8Array(partitions);
    this.shownReplicaCount = new Uint8Array(partitions);
    this.shownAddingCount = new Uint8Array(partitions);
    this.shownRemovingCount = new Uint8Array(partitions);
    this.logEndBytes = new Float64Array(partitions);
    this.volumeAt = new Float64Array(partitions);
    this.carry = new Float64Array(partitions);
    this.frozenWatermark = new Float64Array(partitions).fill(Number.NaN);
    this.writable = new Uint8Array(partitions).fill(1);
    this.admitted = new Float64Array(partitions).fill(1);
    this.broker = assignment;
    this.inSync = new Uint8Array(replicas);
    this.adding = new Uint8Array(replicas);
    this.removing = new Uint8Array(replicas);
    this.state = new Uint8Array(replicas);
    this.replicaEndBytes = new Float64Array(replicas);
    this.stoppedAt = new Float64Array(replicas);
    this.offline = new Uint8Array(replicas);
    for (let t = 0; t < topics.length; t += 1) {
      for (let p = this.firstPartition[t], i = 0; p < this.firstPartition[t + 1]; p += 1, i += 1) {
        this.topic[p] = t;
        if (i >= topics[t].partitions) {
          this.leader[p] = noLeader;
          this.leaderEpoch[p] = -1;
          this.shownLeader[p] = noLeader;
          this.writable[p] = 0;
          continue;
        }
        this.share[p] = topics[t].shares[i];
        this.leader[p] = assignment[p * stride];
        this.shownLeader[p] = this.leader[p];
        for (let j = 0; j < topics[t].replicationFactor; j += 1) this.inSync[p * stride + j] = 1;
        this.isrCount[p] = topics[t].replicationFactor;
        this.shownIsrCount[p] = this.isrCount[p];
        this.replicaCount[p] = topics[t].replicationFactor;
        this.shownReplicaCount[p] = this.replicaCount[p];
      }
    }
    const from = new Int32Array(brokerCount + 1);
    for (let r = 0; r < replicas; r += 1) if (assignment[r] >= 0) from[assignment[r] + 1] += 1;
    for (let b = 0; b < brokerCount; b += 1) from[b + 1] += from[b];
    const all = new Int32Array(from[brokerCount]);
    const filled = from.slice();
    for (let r = 0; r < replicas; r += 1) if (assignment[r] >= 0) all[filled[assignment[r]]++] = r;
    for (let b = 0; b < brokerCount; b += 1) this.hostedBy.push(all.subarray(from[b], from[b + 1]));
    this.directoriesFrom = new Int32Array(brokerCount + 1);
    for (let b = 0; b < brokerCount; b += 1)
      this.directoriesFrom[b + 1] = this.directoriesFrom[b] + directories[b];
    if (directories.some((n) => n > 1)) this.directoryPlace = this.placeInDirectories();
  }

  /**
   * Each replica goes into the directory with the fewest partitions, the first of them where there are several.
   * Source: Kafka 3.7 `LogManager.nextLogDirs`.
   */
  private placeInDirectories(): Uint8Array {
    const places = new Uint8Array(this.broker.length);
    const taken = new Int32Array(this.directoriesFrom[this.brokerCount]);
    for (let r = 0; r < this.broker.length; r += 1) {
      const b = this.broker[r];
      if (b < 0) continue;
      let least = this.directoriesFrom[b];
      for (let d = least + 1; d < this.directoriesFrom[b + 1]; d += 1) if (taken[d] < taken[least]) least = d;
      taken[least] += 1;
      places[r] = least - this.directoriesFrom[b];
    }
    return places;
  }

  get directoryCount(): number {
    return this.directoriesFrom[this.brokerCount];
  }

  /** The place of a replica's directory among those of its broker. */
  placeOf(replica: number): number {
    return this.directoryPlace === undefined ? 0 : this.directoryPlace[replica];
  }

  /** The directory row of a replica. */
  directoryOf(replica: number): number {
    return this.directoriesFrom[this.broker[replica]] + this.placeOf(replica);
  }

  /** Whether the directory of a partition's replica on a broker is offline. */
  isOffline(partition: number, broker: number): boolean {
    return this.offlineCount > 0 && this.offline[this.replicaOn(partition, broker)] === 1;
  }

  setOffline(replica: number, offline: boolean): void {
    if ((this.offline[replica] === 1) === offline) return;
    this.offline[replica] = offline ? 1 : 0;
    this.offlineCount += offline ? 1 : -1;
  }

  /** Whether a partition row is in use: it has been created. */
  exists(partition: number): boolean {
    const t = this.topic[partition];
    return partition - this.firstPartition[t] < this.partitionsOf[t];
  }

  /** Replicas without those that a reassignment is adding. Source: Kafka 3.7 `OngoingReassignmentState.replicationFactor`. */
  replicationFactor(partition: number): number {
    return this.replicaCount[partition] - this.addingCount[partition];
  }

  isReassigning(partition: number): boolean {
    return this.addingCount[partition] + this.removingCount[partition] > 0;
  }

  /**
   * min.insync.replicas as it takes effect: never more than there are replicas, those being added included.
   * Source: Kafka 3.7 `Partition.effectiveMinIsr`.
   */
  effectiveMinIsr(partition: number): number {
    return Math.min(this.topics[this.topic[partition]].minInSyncReplicas, this.replicaCount[partition]);
  }

  /** Replica rows of a broker, ascending; the array stays as it is when replicas come and go. */
  hosted(broker: number): Int32Array {
    return this.hostedBy[broker];
  }

  /** The replica row at a place in assignment order, from 0 to `stride` - 1; its broker is -1 where there is none. */
  replicaAt(partition: number, place: number): number {
    const row = partition * this.stride + place;
    return this.order === undefined ? row : partition * this.stride + this.order[row];
  }

  /** The broker of the preferred leader, -1 of a partition that does not exist yet. */
  preferred(partition: number): number {
    return this.broker[this.replicaAt(partition, 0)];
  }

  /** Broker rows in assignment order. */
  assigned(partition: number): number[] {
    const found: number[] = [];
    for (let place = 0; place < this.replicaCount[partition]; place += 1)
      found.push(this.broker[this.replicaAt(partition, place)]);
    return found;
  }

  /** A broker gets a replica of a partition: out of sync, stopped, in `place` of its directories. @returns its row */
  addReplica(partition: number, broker: number, place: number): number {
    const first = partition * this.stride;
    let r = first;
    while (r < first + this.stride && this.broker[r] >= 0) r += 1;
    if (r === first + this.stride)
      throw new BrokenInvariant(`${this.partitionName(partition)}: no room for another replica`);
    this.broker[r] = broker;
    this.inSync[r] = 0;
    this.state[r] = replicaState.stopped;
    if (this.directoryPlace !== undefined) this.directoryPlace[r] = place;
    this.replicaCount[partition] += 1;
    const before = this.hostedBy[broker];
    const after = new Int32Array(before.length + 1);
    let i = before.length;
    while (i > 0 && before[i - 1] > r) i -= 1;
    after.set(before.subarray(0, i));
    after[i] = r;
    after.set(before.subarray(i), i + 1);
    this.hostedBy[broker] = after;
    return r;
  }

  /** A replica is no more; it must be out of sync and stopped. The order has to be set anew. */
  removeReplica(replica: number): void {
    const partition = Math.floor(replica / this.stride);
    const broker = this.broker[replica];
    this.hostedBy[broker] = this.hostedBy[broker].filter((r) => r !== replica);
    this.mark(replica, 'adding', false);
    this.mark(replica, 'removing', false);
    this.broker[replica] = -1;
    this.replicaCount[partition] -= 1;
  }

  mark(replica: number, as: 'adding' | 'removing', on: boolean): void {
    const flags = this[as];
    if ((flags[replica] === 1) === on) return;
    flags[replica] = on ? 1 : 0;
    const counts = as === 'adding' ? this.addingCount : this.removingCount;
    counts[Math.floor(replica / this.stride)] += on ? 1 : -1;
  }

  /** Sets the assignment order of a partition's replicas. @param brokers all brokers that have one */
  setOrder(partition: number, brokers: readonly number[]): void {
    const first = partition * this.stride;
    if (this.order === undefined) {
      this.order = new Uint8Array(this.broker.length);
      for (let r = 0; r < this.order.length; r += 1) this.order[r] = r % this.stride;
    }
    let at = first;
    for (const b of brokers) this.order[at++] = this.replicaOn(partition, b) - first;
    for (let r = first; r < first + this.stride; r += 1) if (this.broker[r] < 0) this.order[at++] = r - first;
  }

  /** The replica row of a partition on a broker, or -1. */
  replicaOn(partition: number, broker: number): number {
    const first = partition * this.stride;
    for (let r = first; r < first + this.stride; r += 1) if (this.broker[r] === broker) return r;
    return -1;
  }

  partitionName(partition: number): string {
    const t = this.topic[partition];
    return `${this.topics[t].name}-${partition - this.firstPartition[t]}`;
  }

  /**
   * Counts everything again from the plain rows: the oracle of the running counts.
   * Source of the definitions: Kafka 3.7 `ReplicaManager` gauges, `Partition.isUnderReplicated`, `isUnderMinIsr`, `isAtMinIsr`.
   */
  recount(): ClusterCounts {
    const counts = emptyCounts(this.brokerCount);
    for (let p = 0; p < this.partitionCount; p += 1) {
      if (!this.exists(p)) continue;
      if (this.leader[p] === noLeader) counts.offlinePartitions += 1;
      if (this.leader[p] !== this.preferred(p)) counts.preferredImbalance += 1;
      const reporter = this.shownLeader[p];
      for (let j = 0; j < this.stride; j += 1) {
        const b = this.broker[p * this.stride + j];
        if (b < 0) continue;
        if (this.offline[p * this.stride + j] === 0) counts.replicas[b] += 1;
        else counts.offline[b] += 1;
        if (this.inSync[p * this.stride + j] === 0 && this.adding[p * this.stride + j] === 0)
          counts.outOfSync[b] += 1;
      }
      if (reporter === noLeader) continue;
      counts.leaders[reporter] += 1;
      const shown = this.shown(p);
      if (shown.inSync < shown.factor) counts.underReplicated[reporter] += 1;
      if (shown.inSync < shown.minimum) counts.underMinIsr[reporter] += 1;
      if (shown.inSync === shown.minimum) counts.atMinIsr[reporter] += 1;
      if (shown.reassigning) counts.reassigning[reporter] += 1;
    }
    return counts;
  }

  /** What the leader of a partition knows of it, as of the metadata that it has learnt. */
  shown(p: number): { inSync: number; factor: number; minimum: number; reassigning: boolean } {
    const replicas = this.shownReplicaCount[p];
    return {
      inSync: this.shownIsrCount[p],
      factor: replicas - this.shownAddingCount[p],
      minimum: Math.min(this.topics[this.topic[p]].minInSyncReplicas, replicas),
      reassigning: this.shownAddingCount[p] + this.shownRemovingCount[p] > 0,
    };
  }

  /** The laws that no platform may break; throws with the partition that breaks one. */
  verify(): void {
    for (let p = 0; p < this.partitionCount; p += 1) this.verifyPartition(p);
  }

  verifyPartition(p: number): void {
    const first = p * this.stride;
    let inSync = 0;
    let replicas = 0;
    let adding = 0;
    let removing = 0;
    for (let r = first; r < first + this.stride; r += 1) {
      if (this.broker[r] >= 0) {
        replicas += 1;
        adding += this.adding[r];
        removing += this.removing[r];
      }
      if (this.inSync[r] === 0) continue;
      inSync += 1;
      if (this.broker[r] < 0)
        throw new BrokenInvariant(`${this.partitionName(p)}: in sync where no replica is assigned`);
    }
    const counts = [this.replicaCount[p], this.addingCount[p], this.removingCount[p]];
    if (counts.join() !== `${replicas},${adding},${removing}`) {
      throw new BrokenInvariant(
        `${this.partitionName(p)}: ${replicas} replicas, ${adding} to be added, ${removing} to be removed; counted: ${counts.join()}`,
      );
    }
    if (new Set(this.assigned(p)).size !== replicas || (replicas === 0) === this.exists(p))
      throw new BrokenInvariant(`${this.partitionName(p)}: its replicas are ${this.assigned(p).join()}`);
    if (inSync !== this.isrCount[p]) {
      throw new BrokenInvariant(
        `${this.partitionName(p)}: ${inSync} replicas in sync, the count says ${this.isrCount[p]}`,
      );
    }
    if (this.leader[p] === noLeader) return;
    const leading = this.replicaOn(p, this.leader[p]);
    if (leading < 0 || this.inSync[leading] === 0) {
      throw new BrokenInvariant(
        `${this.partitionName(p)}: the leader, broker row ${this.leader[p]}, is not in the ISR`,
      );
    }
  }
}

/** Counts by broker row, and of the cluster. */
export interface ClusterCounts {
  /** Those on directories that are online. */
  readonly replicas: Int32Array;
  /** Replicas on directories that are offline. */
  readonly offline: Int32Array;
  readonly leaders: Int32Array;
  readonly underReplicated: Int32Array;
  readonly underMinIsr: Int32Array;
  readonly atMinIsr: Int32Array;
  readonly reassigning: Int32Array;
  /** Replicas that are not in sync, but for those that are being added. */
  readonly outOfSync: Int32Array;
  offlinePartitions: number;
  preferredImbalance: number;
}

export function emptyCounts(brokers: number): ClusterCounts {
  return {
    replicas: new Int32Array(brokers),
    offline: new Int32Array(brokers),
    leaders: new Int32Array(brokers),
    underReplicated: new Int32Array(brokers),
    underMinIsr: new Int32Array(brokers),
    atMinIsr: new Int32Array(brokers),
    reassigning: new Int32Array(brokers),
    outOfSync: new Int32Array(brokers),
    offlinePartitions: 0,
    preferredImbalance: 0,
  };
}

/** Partition rows that a topic needs. */
export function rowsOf(topic: { readonly partitions: number; readonly partitionsEver?: number }): number {
  return Math.max(topic.partitions, topic.partitionsEver ?? 0);
}
