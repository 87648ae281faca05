import type {
  BrokerLoad,
  BrokerState,
  ClusterDescription,
  OptimizationOptions,
  ResourceLoad,
} from './description.ts';
import { bucketsGrown, bucketsOfCopy, hashOrder, stringHash } from './javaOrder.ts';

/** Places of the resources in tables of loads. Source: Cruise Control 2.5 `Resource`. */
export const cpu = 0;
export const nwIn = 1;
export const nwOut = 2;
export const disk = 3;
export type Resource = 0 | 1 | 2 | 3;
export const resourceNames = ['cpu', 'networkInbound', 'networkOutbound', 'disk'] as const;

/** Whether a resource is limited by the host; CPU is so by host and broker. Source: Cruise Control 2.5 `Resource.isHostResource`. */
export const isHostResource = (resource: Resource): boolean => resource !== disk;
/** Source: Cruise Control 2.5 `Resource.isBrokerResource`. */
export const isBrokerResource = (resource: Resource): boolean => resource === cpu || resource === disk;

/**
 * Share of a leader's CPU that remains when it becomes a follower, by what it receives and sends: 0.15 in / (0.7 in + 0.15 out).
 * Source: Cruise Control 2.5 `ModelUtils.getFollowerCpuUtilFromLeaderLoad`; `follower.` and `leader.network.inbound.weight.for.cpu.util` and
 * `leader.network.outbound.weight.for.cpu.util` at their defaults.
 */
export function followerCpu(leaderCpu: number, received: number, sent: number): number {
  if (received === 0 && sent === 0) return 0;
  return (leaderCpu * (0.15 * received)) / (0.7 * received + 0.15 * sent);
}

function checkDescription(cluster: ClusterDescription): void {
  const ids = new Set(cluster.brokers.map((b) => b.id));
  if (ids.size < cluster.brokers.length) throw new RangeError('two brokers have the same id');
  for (const p of cluster.partitions) {
    const name = `${p.topic}-${p.partition}`;
    if (p.replicas.length === 0) throw new RangeError(`${name} has no replica`);
    for (const [at, id] of p.replicas.entries()) {
      if (!ids.has(id)) throw new RangeError(`${name} has a replica on broker ${id}, which is not there`);
      if (p.replicas.indexOf(id) !== at) throw new RangeError(`${name} has two replicas on broker ${id}`);
    }
    if (p.leader !== undefined && !p.replicas.includes(p.leader))
      throw new RangeError(`${name} is led by broker ${p.leader}, which has no replica of it`);
    if (p.loads.length !== p.replicas.length)
      throw new RangeError(`${name} has ${p.replicas.length} replicas and ${p.loads.length} loads`);
  }
}

/** One order of the replicas of each broker that is kept while replicas come, go and change their role. */
export interface KeptOrder {
  readonly compare: (a: number, b: number) => number;
  /** By broker; undefined until first asked for. */
  readonly byBroker: (number[] | undefined)[];
}

/**
 * The cluster that the goals rearrange. Brokers are numbered by ascending id, replicas partition by partition.
 *
 * Loads are kept as Cruise Control keeps them: a metric is a 32-bit float, the sum over a broker a double that is read as a float again; disk is summed in
 * floats. Where a comparison is tight this decides. Source: Cruise Control 2.5 `MetricValues`, `Load.expectedUtilizationFor`, with one window.
 */
export class ClusterModel {
  readonly brokerCount: number;
  readonly partitionCount: number;
  readonly replicaCount: number;
  readonly topicCount: number;

  // By broker.
  readonly brokerIds: Int32Array;
  readonly states: BrokerState[];
  readonly alive: Uint8Array;
  readonly isNew: Uint8Array;
  readonly rackOf: Int32Array;
  readonly hostOf: Int32Array;
  readonly replicasOn: Int32Array;
  readonly leadersOn: Int32Array;
  readonly offlineOn: Int32Array;
  readonly immigrantsOn: Int32Array;
  /** Four a broker; -1 on a dead one. */
  readonly capacity: Float64Array;
  private readonly lists: number[][] = [];
  private readonly leaderNwInSum: Float64Array;
  private readonly leaderNwOutSum: Float64Array;
  private readonly potentialSum: Float64Array;
  private readonly mostReplicas: Int32Array;
  private readonly mostLeaders: Int32Array;
  /** Topics that ever had a replica there, as they came. */
  private readonly topicsSeen: number[][] = [];

  // By host.
  readonly hostCapacity: Float64Array;
  private readonly hostSum: Float64Array;
  private readonly hostDisk: Float32Array;
  readonly hostReplicas: Int32Array;

  // Three or four a broker or host: sums of CPU, in, out; disk apart, in floats.
  private readonly brokerSum: Float64Array;
  private readonly brokerDisk: Float32Array;
  private readonly clusterSum = new Float64Array(3);
  private readonly clusterDisk = new Float32Array(1);

  // By partition.
  readonly firstReplica: Int32Array;
  readonly topicOf: Int32Array;
  readonly partitionNumber: Int32Array;
  readonly leaderOf: Int32Array;
  /** Replicas in list order, from `firstReplica`. */
  readonly listed: Int32Array;
  /** Brokers that must not take a replica of the partition again, as its replica there was on a broken disk. */
  private readonly barred = new Map<number, number[]>();

  // By replica.
  readonly partitionOf: Int32Array;
  readonly brokerOf: Int32Array;
  readonly originalOf: Int32Array;
  readonly isLeader: Uint8Array;
  readonly originallyOffline: Uint8Array;
  /** Place of a replica among all by partition number, original broker, topic: what Cruise Control calls its natural order, but for offline ones first. */
  readonly rank: Int32Array;
  private readonly placeInList: Int32Array;
  private readonly loadSum: Float64Array;
  private readonly cpuValue: Float64Array;
  private readonly replicaDisk: Float32Array;
  private readonly stamp: Float64Array;
  private readonly leaderStamp: Float64Array;
  private nextStamp = 0;

  readonly topics: readonly string[];
  readonly topicReplicas: Int32Array;
  readonly topicFactor: Int32Array;
  /** Replicas of a topic on a broker, topic by topic within a broker; so with leaders. */
  private readonly topicOn: Int32Array;
  private readonly topicLeadersOn: Int32Array;
  private readonly topicEver: Uint8Array;

  /** In the order of a hash set of brokers. */
  readonly aliveBrokers: readonly number[];
  readonly allBrokers: readonly number[];
  readonly newBrokers: readonly number[];
  readonly deadBrokers: readonly number[];
  readonly badDiskBrokers: readonly number[];
  /** Whether anything was offline at the start: soft goals then move only what is offline or has been moved. */
  readonly selfHealing: boolean;
  readonly maxReplicationFactor: number;
  readonly rackCount: number;

  private readonly kept: KeptOrder[] = [];

  /** @throws RangeError when the description contradicts itself: whoever reads one says so in its own words before */
  constructor(cluster: ClusterDescription) {
    checkDescription(cluster);
    const asGiven = cluster.brokers.map((b, at) => ({ b, at }));
    const sorted = [...asGiven].sort((x, y) => x.b.id - y.b.id || x.at - y.at).map((x) => x.b);
    const brokers = sorted.length;
    const indexOf = new Map(sorted.map((b, at) => [b.id, at]));
    this.brokerCount = brokers;
    this.allBrokers = sorted.map((_, at) => at);
    this.brokerIds = Int32Array.from(sorted, (b) => b.id);
    this.states = sorted.map((b) => b.state ?? 'ALIVE');
    this.alive = Uint8Array.from(this.states, (s) => (s === 'DEAD' ? 0 : 1));
    this.isNew = Uint8Array.from(this.states, (s) => (s === 'NEW' ? 1 : 0));
    this.newBrokers = this.allBrokers.filter((b) => this.isNew[b] === 1);
    this.deadBrokers = this.allBrokers.filter((b) => this.alive[b] === 0);
    this.badDiskBrokers = this.allBrokers.filter((b) => this.states[b] === 'BAD_DISKS');
    this.aliveBrokers = this.brokersInHashOrder(
      asGiven.map((x) => indexOf.get(x.b.id)!),
      bucketsGrown(brokers),
    ).filter((b) => this.alive[b] === 1);

    const racks = new Map<string, number>();
    const hosts = new Map<string, number>();
    const numbered = (names: Map<string, number>, name: string) => {
      const known = names.get(name);
      if (known !== undefined) return known;
      names.set(name, names.size);
      return names.size - 1;
    };
    const hostName = (at: number) => sorted[at]!.host ?? `${sorted[at]!.id}`;
    const rackName = (at: number) => sorted[at]!.rack || `host ${hostName(at)}`;
    this.rackOf = Int32Array.from(this.allBrokers, (b) => numbered(racks, rackName(b)));
    this.hostOf = Int32Array.from(this.allBrokers, (b) =>
      numbered(hosts, JSON.stringify([rackName(b), hostName(b)])),
    );
    this.rackCount = racks.size;

    this.capacity = new Float64Array(4 * brokers).fill(-1);
    this.hostCapacity = new Float64Array(4 * hosts.size).fill(-1);
    for (const b of this.allBrokers) {
      if (this.alive[b] === 0) continue;
      const c = sorted[b]!.capacity;
      const own = [c.cpu, c.nwIn, c.nwOut, c.disk];
      for (let r = 0; r < 4; r += 1) {
        this.capacity[4 * b + r] = own[r]!;
        const h = 4 * this.hostOf[b]! + r;
        this.hostCapacity[h] = (this.hostCapacity[h] === -1 ? 0 : this.hostCapacity[h]!) + own[r]!;
      }
    }
    this.replicasOn = new Int32Array(brokers);
    this.leadersOn = new Int32Array(brokers);
    this.offlineOn = new Int32Array(brokers);
    this.immigrantsOn = new Int32Array(brokers);
    this.mostReplicas = new Int32Array(brokers);
    this.mostLeaders = new Int32Array(brokers);
    this.leaderNwInSum = new Float64Array(brokers);
    this.leaderNwOutSum = new Float64Array(brokers);
    this.potentialSum = new Float64Array(brokers);
    this.brokerSum = new Float64Array(3 * brokers);
    this.brokerDisk = new Float32Array(brokers);
    this.hostSum = new Float64Array(3 * hosts.size);
    this.hostDisk = new Float32Array(hosts.size);
    this.hostReplicas = new Int32Array(hosts.size);
    for (let b = 0; b < brokers; b += 1) {
      this.lists.push([]);
      this.topicsSeen.push([]);
    }

    const topicNumbers = new Map<string, number>();
    const partitions = cluster.partitions.length;
    this.partitionCount = partitions;
    this.firstReplica = new Int32Array(partitions + 1);
    this.topicOf = new Int32Array(partitions);
    this.partitionNumber = new Int32Array(partitions);
    this.leaderOf = new Int32Array(partitions);
    let replicas = 0;
    let most = 1;
    cluster.partitions.forEach((p, at) => {
      this.firstReplica[at] = replicas;
      this.topicOf[at] = numbered(topicNumbers, p.topic);
      this.partitionNumber[at] = p.partition;
      replicas += p.replicas.length;
      most = Math.max(most, p.replicas.length);
    });
    this.firstReplica[partitions] = replicas;
    this.replicaCount = replicas;
    this.maxReplicationFactor = most;
    this.topics = [...topicNumbers.keys()];
    this.topicCount = this.topics.length;
    this.topicReplicas = new Int32Array(this.topicCount);
    this.topicFactor = new Int32Array(this.topicCount).fill(1);
    this.topicOn = new Int32Array(brokers * this.topicCount);
    this.topicLeadersOn = new Int32Array(brokers * this.topicCount);
    this.topicEver = new Uint8Array(brokers * this.topicCount);

    this.listed = new Int32Array(replicas);
    this.partitionOf = new Int32Array(replicas);
    this.brokerOf = new Int32Array(replicas);
    this.originalOf = new Int32Array(replicas);
    this.isLeader = new Uint8Array(replicas);
    this.originallyOffline = new Uint8Array(replicas);
    this.placeInList = new Int32Array(replicas);
    this.loadSum = new Float64Array(3 * replicas);
    this.cpuValue = new Float64Array(replicas);
    this.replicaDisk = new Float32Array(replicas);
    this.stamp = new Float64Array(replicas);
    this.leaderStamp = new Float64Array(replicas);

    const broken = this.allBrokers.map((b) =>
      this.states[b] === 'BAD_DISKS' ? new Set(sorted[b]!.offlineReplicas) : undefined,
    );
    const anyBroken = broken.some((s) => s !== undefined);
    cluster.partitions.forEach((p, at) => {
      const leader = p.leader ?? p.replicas[0];
      const name = anyBroken ? `${p.topic}-${p.partition}` : '';
      const topic = this.topicOf[at]!;
      this.topicFactor[topic] = Math.max(this.topicFactor[topic]!, p.replicas.length);
      p.replicas.forEach((id, place) => {
        const replica = this.firstReplica[at]! + place;
        const broker = indexOf.get(id)!;
        this.listed[replica] = replica;
        this.partitionOf[replica] = at;
        this.brokerOf[replica] = broker;
        this.originalOf[replica] = broker;
        if (id === leader) {
          this.isLeader[replica] = 1;
          this.leaderOf[at] = replica;
        }
        if (this.alive[broker] === 0) this.originallyOffline[replica] = 1;
        else if (broken[broker]?.has(name)) {
          this.originallyOffline[replica] = 1;
          this.barred.set(at, [...(this.barred.get(at) ?? []), broker]);
        }
        const load = p.loads[place]!;
        this.loadSum[3 * replica] = Math.fround(load.cpu);
        this.cpuValue[replica] = Math.fround(load.cpu);
        this.loadSum[3 * replica + 1] = Math.fround(load.nwIn);
        this.loadSum[3 * replica + 2] = Math.fround(load.nwOut);
        this.replicaDisk[replica] = load.disk;
      });
      for (let r = this.firstReplica[at]!; r < this.firstReplica[at + 1]!; r += 1)
        this.enter(r, this.brokerOf[r]!);
    });
    this.selfHealing = this.originallyOffline.includes(1);
    this.rank = this.naturalRanks();
  }

  private naturalRanks(): Int32Array {
    const topicOrder = this.topics
      .map((_, t) => t)
      .sort((a, b) => (this.topics[a]! < this.topics[b]! ? -1 : 1));
    const topicRank = new Int32Array(this.topicCount);
    topicOrder.forEach((t, at) => {
      topicRank[t] = at;
    });
    let order = new Int32Array(this.replicaCount).map((_, r) => r);
    // From the least significant key to the most, each pass stable.
    const pass = (keyOf: (replica: number) => number, keys: number) => {
      const starts = new Int32Array(keys + 1);
      for (const r of order) starts[keyOf(r) + 1]! += 1;
      for (let k = 0; k < keys; k += 1) starts[k + 1]! += starts[k]!;
      const next = new Int32Array(this.replicaCount);
      for (const r of order) {
        const key = keyOf(r);
        next[starts[key]!] = r;
        starts[key]! += 1;
      }
      order = next;
    };
    let largest = 0;
    for (const n of this.partitionNumber) largest = Math.max(largest, n);
    pass((r) => topicRank[this.topicOf[this.partitionOf[r]!]!]!, this.topicCount);
    pass((r) => this.originalOf[r]!, this.brokerCount);
    pass((r) => this.partitionNumber[this.partitionOf[r]!]!, largest + 1);
    const rank = new Int32Array(this.replicaCount);
    order.forEach((r, at) => {
      rank[r] = at;
    });
    return rank;
  }

  private brokersInHashOrder(brokers: readonly number[], buckets: number): number[] {
    return hashOrder(brokers, (b) => this.brokerIds[b]!, buckets);
  }

  /** Brokers as a hash set that grew by them hands them out. */
  brokersInSet(brokers: readonly number[]): number[] {
    return this.brokersInHashOrder(brokers, bucketsGrown(brokers.length));
  }

  // --- loads -------------------------------------------------------------------------------------------------------------------------------------------------

  /** What a replica costs its broker. */
  replicaLoad(replica: number, resource: Resource): number {
    if (resource === disk) return Math.max(this.replicaDisk[replica]!, 0);
    return Math.max(Math.fround(this.loadSum[3 * replica + resource]!), 0);
  }

  brokerLoad(broker: number, resource: Resource): number {
    if (resource === disk) return Math.max(this.brokerDisk[broker]!, 0);
    return Math.max(Math.fround(this.brokerSum[3 * broker + resource]!), 0);
  }

  /** Load of the host on which a broker stands. */
  hostLoad(broker: number, resource: Resource): number {
    const host = this.hostOf[broker]!;
    if (resource === disk) return Math.max(this.hostDisk[host]!, 0);
    return Math.max(Math.fround(this.hostSum[3 * host + resource]!), 0);
  }

  clusterLoad(resource: Resource): number {
    if (resource === disk) return Math.max(this.clusterDisk[0]!, 0);
    return Math.max(Math.fround(this.clusterSum[resource]!), 0);
  }

  capacityOf(broker: number, resource: Resource): number {
    return this.capacity[4 * broker + resource]!;
  }

  capacityOfHost(broker: number, resource: Resource): number {
    return this.hostCapacity[4 * this.hostOf[broker]! + resource]!;
  }

  /** Load over capacity; 1 on a dead broker. Source: Cruise Control 2.5 `GoalUtils.utilization`. */
  utilization(broker: number, resource: Resource): number {
    const capacity = this.capacityOf(broker, resource);
    return capacity > 0 ? this.brokerLoad(broker, resource) / capacity : 1;
  }

  /** What a broker would send if it led all its partitions. */
  potentialNwOut(broker: number): number {
    return Math.max(Math.fround(this.potentialSum[broker]!), 0);
  }

  leaderNwIn(broker: number): number {
    return Math.max(Math.fround(this.leaderNwInSum[broker]!), 0);
  }

  leaderNwOut(broker: number): number {
    return Math.max(Math.fround(this.leaderNwOutSum[broker]!), 0);
  }

  /** Load of the partition's leader, NW_OUT. */
  partitionNwOut(replica: number): number {
    return this.replicaLoad(this.leaderOf[this.partitionOf[replica]!]!, nwOut);
  }

  capacityOfAllowed(resource: Resource, excluded: Uint8Array): number {
    let total = 0;
    let dropped = 0;
    for (const b of this.aliveBrokers) {
      total += this.capacityOf(b, resource);
      if (excluded[b] === 1) dropped += this.capacityOf(b, resource);
    }
    return total - dropped;
  }

  // --- where replicas are ------------------------------------------------------------------------------------------------------------------------------------

  isOffline(replica: number): boolean {
    const broker = this.brokerOf[replica]!;
    return (
      this.alive[broker] === 0 ||
      (this.originallyOffline[replica] === 1 && broker === this.originalOf[replica])
    );
  }

  isImmigrant(replica: number): boolean {
    return this.brokerOf[replica] !== this.originalOf[replica];
  }

  hasReplica(partition: number, broker: number): boolean {
    for (let at = this.firstReplica[partition]!; at < this.firstReplica[partition + 1]!; at += 1)
      if (this.brokerOf[at] === broker) return true;
    return false;
  }

  isBarred(partition: number, broker: number): boolean {
    return this.barred.size > 0 && (this.barred.get(partition)?.includes(broker) ?? false);
  }

  /** Whether a replica stands again on a broker that lost one of its partition with a disk. */
  movedBackToBrokenDisk(): boolean {
    for (const [partition, brokers] of this.barred)
      for (const b of brokers) if (this.hasReplica(partition, b)) return true;
    return false;
  }

  topicReplicasOn(broker: number, topic: number): number {
    return this.topicOn[broker * this.topicCount + topic]!;
  }

  topicLeaders(broker: number, topic: number): number {
    return this.topicLeadersOn[broker * this.topicCount + topic]!;
  }

  /** Replicas of a broker, in no order that means anything. */
  replicasOf(broker: number): readonly number[] {
    return this.lists[broker]!;
  }

  /** Followers that are online, in list order. */
  onlineFollowers(partition: number): number[] {
    const found: number[] = [];
    for (let at = this.firstReplica[partition]!; at < this.firstReplica[partition + 1]!; at += 1) {
      const r = this.listed[at]!;
      if (this.isLeader[r] === 0 && !this.isOffline(r)) found.push(r);
    }
    return found;
  }

  anyOffline(): boolean {
    return this.offlineOn.some((n) => n > 0);
  }

  /** Hash code of a replica: of its partition and its original broker. Source: Cruise Control 2.5 `Replica.hashCode`; Kafka 3.7 `TopicPartition.hashCode`. */
  private readonly topicHashes: number[] = [];
  private hashOf(replica: number): number {
    const partition = this.partitionOf[replica]!;
    const topic = this.topicOf[partition]!;
    this.topicHashes[topic] ??= stringHash(this.topics[topic]!);
    const key = (Math.imul(31, 31 + this.partitionNumber[partition]!) + this.topicHashes[topic]!) | 0;
    return (Math.imul(31, (31 + key) | 0) + this.brokerIds[this.originalOf[replica]!]!) | 0;
  }

  /** All replicas of a broker as its hash set hands them out. */
  replicasInSet(broker: number): number[] {
    const came = [...this.lists[broker]!].sort((a, b) => this.stamp[a]! - this.stamp[b]!);
    return hashOrder(came, (r) => this.hashOf(r), bucketsGrown(this.mostReplicas[broker]!));
  }

  /** Leaders of a broker as a copy of its hash set hands them out. */
  leadersInCopiedSet(broker: number): number[] {
    const came = this.lists[broker]!.filter((r) => this.isLeader[r] === 1).sort(
      (a, b) => this.leaderStamp[a]! - this.leaderStamp[b]!,
    );
    const inSet = hashOrder(came, (r) => this.hashOf(r), bucketsGrown(this.mostLeaders[broker]!));
    return hashOrder(inSet, (r) => this.hashOf(r), bucketsOfCopy(inSet.length));
  }

  /** Offline replicas of a broker as a copy of their hash set hands them out. */
  offlineInCopiedSet(broker: number): number[] {
    const offline = this.replicasInSet(broker).filter((r) => this.isOffline(r));
    return hashOrder(offline, (r) => this.hashOf(r), bucketsOfCopy(offline.length));
  }

  /** Topics that have or had a replica on a broker, as its hash map hands them out. */
  topicsInSet(broker: number): number[] {
    const seen = this.topicsSeen[broker]!;
    return hashOrder(seen, (t) => stringHash(this.topics[t]!), bucketsGrown(seen.length));
  }

  // --- orders ------------------------------------------------------------------------------------------------------------------------------------------------

  /** Offline ones first, then by rank. */
  compareNaturally(a: number, b: number): number {
    if (this.selfHealing) {
      const first = Number(this.isOffline(b)) - Number(this.isOffline(a));
      if (first !== 0) return first;
    }
    return this.rank[a]! - this.rank[b]!;
  }

  naturalOrder(broker: number): number[] {
    return [...this.lists[broker]!].sort((a, b) => this.compareNaturally(a, b));
  }

  /** Keeps an order until `forget`; its comparison may depend on role, load, place and state of the replicas, and must leave no tie. */
  keep(compare: (a: number, b: number) => number): KeptOrder {
    const order = { compare, byBroker: new Array<number[] | undefined>(this.brokerCount).fill(undefined) };
    this.kept.push(order);
    return order;
  }

  forget(order: KeptOrder): void {
    const at = this.kept.indexOf(order);
    if (at >= 0) this.kept.splice(at, 1);
  }

  inOrder(order: KeptOrder, broker: number): readonly number[] {
    order.byBroker[broker] ??= [...this.lists[broker]!].sort(order.compare);
    return order.byBroker[broker]!;
  }

  private placeIn(
    list: readonly number[],
    replica: number,
    compare: (a: number, b: number) => number,
  ): number {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(list[middle]!, replica) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private leaveOrders(replica: number, broker: number): void {
    for (const order of this.kept) {
      const list = order.byBroker[broker];
      if (list !== undefined) list.splice(this.placeIn(list, replica, order.compare), 1);
    }
  }

  private enterOrders(replica: number, broker: number): void {
    for (const order of this.kept) {
      const list = order.byBroker[broker];
      if (list !== undefined) list.splice(this.placeIn(list, replica, order.compare), 0, replica);
    }
  }

  // --- moves -------------------------------------------------------------------------------------------------------------------------------------------------

  private book(replica: number, broker: number, sign: number): void {
    const host = this.hostOf[broker]!;
    for (let r = 0; r < 3; r += 1) {
      const amount =
        sign * (r === cpu ? this.cpuValue[replica]! : Math.fround(this.loadSum[3 * replica + r]!));
      this.brokerSum[3 * broker + r]! += amount;
      this.hostSum[3 * host + r]! += amount;
      this.clusterSum[r]! += amount;
    }
    const size = sign * this.replicaDisk[replica]!;
    this.brokerDisk[broker]! += size;
    this.hostDisk[host]! += size;
    this.clusterDisk[0]! += size;
    const partition = this.partitionOf[replica]!;
    this.potentialSum[broker]! += sign * Math.fround(this.loadSum[3 * this.leaderOf[partition]! + nwOut]!);
    this.replicasOn[broker]! += sign;
    this.hostReplicas[host]! += sign;
    const topic = this.topicOf[partition]!;
    this.topicReplicas[topic]! += sign;
    this.topicOn[broker * this.topicCount + topic]! += sign;
    if (this.isOffline(replica)) this.offlineOn[broker]! += sign;
    if (broker !== this.originalOf[replica]) this.immigrantsOn[broker]! += sign;
    if (this.isLeader[replica] === 1) this.bookLeader(replica, broker, sign);
  }

  private bookLeader(replica: number, broker: number, sign: number): void {
    this.leaderNwInSum[broker]! += sign * Math.fround(this.loadSum[3 * replica + nwIn]!);
    this.leaderNwOutSum[broker]! += sign * Math.fround(this.loadSum[3 * replica + nwOut]!);
    this.leadersOn[broker]! += sign;
    this.topicLeadersOn[broker * this.topicCount + this.topicOf[this.partitionOf[replica]!]!]! += sign;
    if (sign > 0) this.stampLeader(replica, broker);
  }

  private stampLeader(replica: number, broker: number): void {
    this.leaderStamp[replica] = this.nextStamp;
    this.nextStamp += 1;
    this.mostLeaders[broker] = Math.max(this.mostLeaders[broker]!, this.leadersOn[broker]!);
  }

  private enter(replica: number, broker: number): void {
    const topic = this.topicOf[this.partitionOf[replica]!]!;
    const cell = broker * this.topicCount + topic;
    if (this.topicEver[cell] === 0) {
      this.topicEver[cell] = 1;
      this.topicsSeen[broker]!.push(topic);
    }
    this.placeInList[replica] = this.lists[broker]!.length;
    this.lists[broker]!.push(replica);
    this.stamp[replica] = this.nextStamp;
    this.nextStamp += 1;
    this.book(replica, broker, 1);
    this.mostReplicas[broker] = Math.max(this.mostReplicas[broker]!, this.replicasOn[broker]!);
  }

  /** Source: Cruise Control 2.5 `ClusterModel.relocateReplica`. */
  moveReplica(replica: number, to: number): void {
    const from = this.brokerOf[replica]!;
    this.leaveOrders(replica, from);
    this.book(replica, from, -1);
    const list = this.lists[from]!;
    const last = list.pop()!;
    if (last !== replica) {
      list[this.placeInList[replica]!] = last;
      this.placeInList[last] = this.placeInList[replica]!;
    }
    this.brokerOf[replica] = to;
    this.enter(replica, to);
    this.enterOrders(replica, to);
  }

  private addLoad(replica: number, cpuChange: number, nwOutChange: number, toReplica: boolean): void {
    const broker = this.brokerOf[replica]!;
    const host = this.hostOf[broker]!;
    if (toReplica) {
      this.loadSum[3 * replica]! += cpuChange;
      this.cpuValue[replica] = Math.fround(this.cpuValue[replica]! + cpuChange);
      this.loadSum[3 * replica + nwOut]! += nwOutChange;
    }
    this.brokerSum[3 * broker]! += cpuChange;
    this.brokerSum[3 * broker + nwOut]! += nwOutChange;
    this.hostSum[3 * host]! += cpuChange;
    this.hostSum[3 * host + nwOut]! += nwOutChange;
    this.clusterSum[cpu]! += cpuChange;
    this.clusterSum[nwOut]! += nwOutChange;
  }

  /** All that the old leader sent and the part of its CPU that a follower does not need go to the new one. Source: Cruise Control 2.5 `ClusterModel.relocateLeadership`. */
  moveLeadership(partition: number, to: number): void {
    const old = this.leaderOf[partition]!;
    const source = this.brokerOf[old]!;
    const destination = this.brokerOf[to]!;
    this.leaveOrders(old, source);
    this.leaveOrders(to, destination);
    this.bookLeader(old, source, -1);
    const sent = Math.fround(this.loadSum[3 * old + nwOut]!);
    const remains = followerCpu(this.cpuValue[old]!, Math.fround(this.loadSum[3 * old + nwIn]!), sent);
    const cpuGone = Math.fround(this.cpuValue[old]! - remains);
    this.loadSum[3 * old]! += remains - this.cpuValue[old]!;
    this.cpuValue[old] = Math.fround(remains);
    this.loadSum[3 * old + nwOut] = 0;
    this.addLoad(old, -cpuGone, -sent, false);
    this.isLeader[old] = 0;
    this.addLoad(to, cpuGone, sent, true);
    this.isLeader[to] = 1;
    this.bookLeader(to, destination, 1);
    this.leaderOf[partition] = to;
    const first = this.firstReplica[partition]!;
    for (let at = first; at < this.firstReplica[partition + 1]!; at += 1) {
      if (this.listed[at] !== to) continue;
      this.listed[at] = this.listed[first]!;
      this.listed[first] = to;
      break;
    }
    this.enterOrders(old, source);
    this.enterOrders(to, destination);
  }

  /** Source: Cruise Control 2.5 `Partition.moveReplicaToEnd`. */
  moveToEndOfList(replica: number): void {
    const partition = this.partitionOf[replica]!;
    const end = this.firstReplica[partition + 1]!;
    let at = this.listed.indexOf(replica, this.firstReplica[partition]!);
    for (; at + 1 < end; at += 1) this.listed[at] = this.listed[at + 1]!;
    this.listed[end - 1] = replica;
  }

  // --- summaries ---------------------------------------------------------------------------------------------------------------------------------------------

  describe(): BrokerLoad[] {
    return this.allBrokers.map((b) => ({
      id: this.brokerIds[b]!,
      replicas: this.replicasOn[b]!,
      leaders: this.leadersOn[b]!,
      ...this.loadOf(b),
      leaderNwIn: this.leaderNwIn(b),
      potentialNwOut: this.potentialNwOut(b),
    }));
  }

  private loadOf(broker: number): ResourceLoad {
    return {
      cpu: this.brokerLoad(broker, cpu),
      nwIn: this.brokerLoad(broker, nwIn),
      nwOut: this.brokerLoad(broker, nwOut),
      disk: this.brokerLoad(broker, disk),
    };
  }

  /** Racks with a broker that is alive and not marked. */
  aliveRacks(excluded?: Uint8Array): number {
    const racks = new Set<number>();
    for (const b of this.aliveBrokers) if (excluded?.[b] !== 1) racks.add(this.rackOf[b]!);
    return racks.size;
  }
}

/** The options of a request by number of broker and topic. */
export class Exclusions {
  readonly topics: Uint8Array;
  readonly anyTopic: boolean;
  readonly leadership: Uint8Array;
  readonly moves: Uint8Array;
  readonly destinations: Uint8Array | undefined;
  /** Brokers alive and not excluded from moves, in the order of a hash set of their ids. */
  readonly allowed: readonly number[];

  constructor(model: ClusterModel, options: OptimizationOptions = {}) {
    const marked = (ids: readonly number[] = []) => {
      const wanted = new Set(ids);
      return Uint8Array.from(model.brokerIds, (id) => (wanted.has(id) ? 1 : 0));
    };
    const topics = new Set(options.excludedTopics);
    this.topics = Uint8Array.from(model.topics, (t) => (topics.has(t) ? 1 : 0));
    this.anyTopic = topics.size > 0;
    this.leadership = marked(options.excludedForLeadership);
    this.moves = marked(options.excludedForReplicaMove);
    this.destinations =
      (options.destinationBrokers?.length ?? 0) > 0 ? marked(options.destinationBrokers) : undefined;
    this.allowed = model.brokersInSet(model.aliveBrokers.filter((b) => this.moves[b] === 0));
  }
}
