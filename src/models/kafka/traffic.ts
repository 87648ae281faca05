import type { Gauge } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import type { GroupSettings, TopicSettings } from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';
import type { Ways } from './ways.ts';

/** Where a broker's steady traffic is booked: the node it runs on. Bytes per second; disk writes by log directory. */
export type SetBackground = (
  broker: number,
  inbound: number,
  outbound: number,
  diskWrites: readonly number[],
) => void;

/** What crosses from one zone to another, in the order of the rows of `rehearse:cross_zone_bytes_total`. */
export const crossingKinds = ['replication', 'produce', 'consume'] as const;

/** A topic that a group reads from the replica in its own rack (KIP-392). */
interface RackCell {
  readonly group: number;
  readonly topic: number;
  readonly rack: string;
  /** By broker: share of the topic that is read from it. */
  readonly share: Float64Array;
  /** Share of it that is read from followers, and that crosses zones. */
  fromFollowers: number;
  across: number;
  /** What the group reads beyond what comes in while it lags, as a multiple of the topic's rate. */
  ahead: number;
}

/**
 * The steady traffic of the cluster as sums of partition shares by (topic, broker), so that an in-sync replica costs
 * nothing between changes: rate of a broker = sum over topics of (topic's rate now x share that the broker carries).
 *
 * Simplified: traffic moves with the controller's decision; the fraction of a second until brokers have learnt of it
 * is counted as deferred sends, not as bytes. Consumers read each record once per group, from the leader, out of the
 * page cache.
 *
 * A group with client.rack, where brokers select replicas by rack, reads from the first replica in sync in its rack, else from the
 * leader (Kafka 3.7 `RackAwareReplicaSelector`, `ReplicaManager.findPreferredReadReplica`: only members of the ISR). Simplified: it turns
 * to another replica at once; in Kafka it does so on an error, and from a follower that left the ISR within metadata.max.age.ms.
 */
export class Traffic {
  /** Bytes per second of each topic now. */
  readonly topicRate: Float64Array;
  readonly leadShare: Float64Array;
  readonly liveInShare: Float64Array;
  readonly liveOutShare: Float64Array;
  /** What live replicas of a topic append in a directory, as a share; absent where every broker has one directory. */
  private readonly directoryShare: Float64Array | undefined;

  private readonly sim: Simulation;
  private readonly tables: ClusterTables;
  private readonly topics: readonly TopicSettings[];
  private readonly brokers: number;
  private readonly volume: Float64Array;
  private readonly volumeSince: Float64Array;
  private readonly readersOf: Float64Array;
  /** What groups that lag read beyond what comes in, as a multiple of the topic's rate. */
  private readonly readAhead: Float64Array;
  /** Catch-up traffic of each broker now, bytes per second. */
  readonly catchUpIn: Float64Array;
  readonly catchUpOut: Float64Array;
  private readonly dirty: Uint8Array;
  private dirtyList: number[] = [];
  private readonly bytesIn: Gauge;
  private readonly bytesOut: Gauge;
  private readonly messagesIn: Gauge;
  private readonly replicationIn: Gauge;
  private readonly replicationOut: Gauge;
  private readonly messagesOut: Gauge;
  private readonly ways: Ways;
  private readonly groups: readonly GroupSettings[];
  private readonly racks: readonly string[];
  private readonly rackCells: RackCell[] = [];
  private readonly rackCellsOf: (readonly RackCell[])[];
  /** By topic and zone of the leader: the part of what is produced that comes from another zone, and how many groups' reading goes to one. */
  private producedAcross: Float64Array;
  private readAcross: Float64Array;
  /** Zone row of each rack cell's members; -1: spread. */
  private cellZones: readonly number[] = [];
  /** By topic: share that crosses zones, once for each follower, producer and group. */
  private readonly crossing: readonly Float64Array[];
  private catchUpAcross = 0;
  private readonly crossBytes: Gauge;
  private readonly crossCost: Gauge;
  private background: SetBackground = () => {};
  /** A topic's rate changed. */
  onFactor: (topic: number) => void = () => {};
  /** Called for each broker whose steady traffic changed, after it was booked. */
  onChange: (broker: number) => void = () => {};

  constructor(
    sim: Simulation,
    tables: ClusterTables,
    topics: readonly TopicSettings[],
    groups: readonly GroupSettings[],
    ways: Ways,
    racks: readonly string[],
    rackAwareReads: boolean,
  ) {
    this.sim = sim;
    this.tables = tables;
    this.topics = topics;
    this.brokers = tables.brokerCount;
    const cells = topics.length * this.brokers;
    this.leadShare = new Float64Array(cells);
    this.liveInShare = new Float64Array(cells);
    this.liveOutShare = new Float64Array(cells);
    if (tables.directoryCount > this.brokers)
      this.directoryShare = new Float64Array(topics.length * tables.directoryCount);
    this.topicRate = Float64Array.from(topics, (t) => t.bytesInPerSecond);
    this.volume = new Float64Array(topics.length);
    this.volumeSince = new Float64Array(topics.length);
    this.readersOf = new Float64Array(topics.length);
    this.readAhead = new Float64Array(topics.length);
    this.ways = ways;
    this.groups = groups;
    this.racks = racks;
    groups.forEach((group, g) => {
      for (const topic of group.topics) {
        const rack = rackAwareReads ? (group.rack ?? '') : '';
        if (rack === '') this.readersOf[topic] += 1;
        else {
          const share = new Float64Array(this.brokers);
          this.rackCells.push({ group: g, topic, rack, share, fromFollowers: 0, across: 0, ahead: 0 });
        }
      }
    });
    this.rackCellsOf = topics.map((_, t) => this.rackCells.filter((c) => c.topic === t));
    this.producedAcross = new Float64Array(topics.length);
    this.readAcross = new Float64Array(topics.length);
    this.cellZones = this.rackCells.map(() => -1);
    this.crossing = crossingKinds.map(() => new Float64Array(topics.length));
    this.crossBytes = sim.gauge('rehearse:cross_zone_bytes_total', crossingKinds.length, { linear: true });
    this.crossCost = sim.gauge('rehearse:cross_zone_cost_dollars_total', crossingKinds.length, {
      linear: true,
    });
    this.dirty = new Uint8Array(this.brokers);
    this.catchUpIn = new Float64Array(this.brokers);
    this.catchUpOut = new Float64Array(this.brokers);
    this.bytesIn = sim.gauge('kafka_server_brokertopicmetrics_bytesin_total', this.brokers, { linear: true });
    this.bytesOut = sim.gauge('kafka_server_brokertopicmetrics_bytesout_total', this.brokers, {
      linear: true,
    });
    this.messagesIn = sim.gauge('kafka_server_brokertopicmetrics_messagesin_total', this.brokers, {
      linear: true,
    });
    this.replicationIn = sim.gauge('kafka_server_brokertopicmetrics_replicationbytesin_total', this.brokers, {
      linear: true,
    });
    this.replicationOut = sim.gauge(
      'kafka_server_brokertopicmetrics_replicationbytesout_total',
      this.brokers,
      { linear: true },
    );
    this.messagesOut = sim.gauge('rehearse:messages_out_total', this.brokers, { linear: true });
    for (let p = 0; p < tables.partitionCount; p += 1) this.count(p, 1);
    sim.beforeAdvance(() => this.flush());
  }

  connect(background: SetBackground): void {
    this.background = background;
    for (let b = 0; b < this.brokers; b += 1) this.touch(b);
  }

  /** The zones of brokers are known: from now on what crosses them is counted. */
  zonesKnown(): void {
    const { zone, zoneNames } = this.ways;
    const zones = zoneNames.length;
    const row = (name: string | undefined) => (name === undefined ? -1 : zoneNames.indexOf(name));
    const groupZone = (g: GroupSettings) => {
      if (g.zone !== undefined) return zoneNames.indexOf(g.zone);
      const near = g.rack === undefined ? -1 : this.racks.indexOf(g.rack);
      return near < 0 ? -1 : zone[near];
    };
    this.cellZones = this.rackCells.map((c) => groupZone(this.groups[c.group]));
    this.producedAcross = new Float64Array(this.topics.length * zones);
    this.readAcross = new Float64Array(this.topics.length * zones);
    for (let z = 0; z < zones; z += 1) {
      this.topics.forEach((topic, t) => {
        this.producedAcross[t * zones + z] = this.partAcross(row(topic.zone), z);
      });
      this.groups.forEach((group, g) => {
        for (const t of group.topics) {
          if (this.rackCells.some((c) => c.group === g && c.topic === t)) continue;
          this.readAcross[t * zones + z] += this.partAcross(groupZone(group), z);
        }
      });
    }
    for (const sums of this.crossing) sums.fill(0);
    for (const cell of this.rackCells) cell.across = 0;
    for (let p = 0; p < this.tables.partitionCount; p += 1) {
      const weight = this.tables.share[p] * this.tables.admitted[p];
      if (this.tables.writable[p] === 1 && this.tables.leader[p] !== noLeader) this.cross(p, weight);
    }
    for (let b = 0; b < this.brokers; b += 1) this.touch(b);
  }

  /** The part of what clients in a zone (-1: spread evenly) exchange with a broker in zone `z` that crosses zones. */
  private partAcross(clients: number, z: number): number {
    const zones = this.ways.zoneNames.length;
    if (clients < 0) return (zones - 1) / zones;
    return clients === z ? 0 : 1;
  }

  /** Counts what of a partition crosses zones, `share` of its topic. */
  private cross(p: number, share: number): void {
    const { tables, ways } = this;
    const t = tables.topic[p];
    const leader = tables.leader[p];
    const cell = t * ways.zoneNames.length + ways.zone[leader];
    this.crossing[1][t] += share * this.producedAcross[cell];
    this.crossing[2][t] += share * this.readAcross[cell];
    const first = p * tables.stride;
    for (let r = first; r < first + tables.stride; r += 1) {
      const b = tables.broker[r];
      if (b < 0 || tables.state[r] !== replicaState.live) continue;
      if (ways.zone[b] !== ways.zone[leader]) this.crossing[0][t] += share;
    }
    for (const c of this.rackCellsOf[t]) {
      const zones = this.cellZones[this.rackCells.indexOf(c)];
      c.across += share * this.partAcross(zones, ways.zone[this.readFrom(c, p)]);
    }
  }

  /** The broker that a group reads a partition from. */
  private readFrom(cell: RackCell, p: number): number {
    const { tables } = this;
    const leader = tables.leader[p];
    if (this.racks[leader] === cell.rack) return leader;
    for (let place = 0; place < tables.stride; place += 1) {
      const r = tables.replicaAt(p, place);
      const b = tables.broker[r];
      if (b < 0 || tables.inSync[r] === 0 || tables.state[r] !== replicaState.live) continue;
      if (this.racks[b] === cell.rack) return b;
    }
    return leader;
  }

  /** Who reads a partition: brokers, and how often each sends a byte of it. */
  readers(p: number, visit: (broker: number, times: number) => void): void {
    const t = this.tables.topic[p];
    visit(this.tables.leader[p], this.readersOf[t] + this.readAhead[t]);
    for (const cell of this.rackCellsOf[t]) visit(this.readFrom(cell, p), 1 + cell.ahead);
  }

  /** Share of a topic that a group reads from a broker now. */
  readShare(group: number, topic: number, broker: number): number {
    const cell = this.rackCellsOf[topic].find((c) => c.group === group);
    return cell === undefined ? this.leadShare[topic * this.brokers + broker] : cell.share[broker];
  }

  /** Share of a topic that a group reads from followers now, whose high watermark is one fetch behind the leader's. */
  readFromFollowers(group: number, topic: number): number {
    return this.rackCellsOf[topic].find((c) => c.group === group)?.fromFollowers ?? 0;
  }

  /** Bytes that producers have offered to a topic since the start. */
  volumeOf(topic: number): number {
    return this.volume[topic] + (this.topicRate[topic] * (this.sim.now - this.volumeSince[topic])) / 1e6;
  }

  /** A topic's offered load becomes `factor` times its base rate. */
  setFactor(topic: number, factor: number): void {
    this.volume[topic] = this.volumeOf(topic);
    this.volumeSince[topic] = this.sim.now;
    this.topicRate[topic] = this.topics[topic].bytesInPerSecond * factor;
    this.onFactor(topic);
    this.touchTopic(topic);
  }

  /** Groups that lag read so much more of a topic, as a multiple of its rate. */
  addReadAhead(topic: number, delta: number, group = -1): void {
    const cell = this.rackCellsOf[topic].find((c) => c.group === group);
    const sum = (cell === undefined ? this.readAhead[topic] : cell.ahead) + delta;
    const now = Math.abs(sum) < 1e-9 ? 0 : sum;
    if (cell === undefined) this.readAhead[topic] = now;
    else cell.ahead = now;
    this.touchTopic(topic);
  }

  /** What a broker moves, as last booked, per second: messages and bytes from producers, bytes to consumers, and replication in and out. */
  flows(broker: number): readonly number[] {
    return [
      this.messagesIn.slope(broker),
      this.bytesIn.slope(broker),
      this.bytesOut.slope(broker),
      this.replicationIn.slope(broker),
      this.replicationOut.slope(broker),
    ];
  }

  readAheadOf(topic: number): number {
    return this.readAhead[topic];
  }

  /** Bytes per second that a broker's replicas take in from their leaders. */
  replicationInRate(broker: number): number {
    return this.replicationIn.slope(broker);
  }

  private touchTopic(topic: number): void {
    for (let b = 0; b < this.brokers; b += 1) {
      const cell = topic * this.brokers + b;
      if (this.leadShare[cell] !== 0 || this.liveInShare[cell] !== 0 || this.isReadFrom(topic, b))
        this.touch(b);
    }
  }

  private isReadFrom(topic: number, broker: number): boolean {
    return this.rackCellsOf[topic].some((c) => c.share[broker] !== 0);
  }

  /** Bytes per second that are offered to one partition: what it takes in while it can be written and no link is saturated. */
  partitionRate(partition: number): number {
    return this.topicRate[this.tables.topic[partition]] * this.tables.share[partition];
  }

  /** Moves the log end of a partition to now. Bytes are whole; the fraction is carried. */
  settle(partition: number): void {
    const { tables } = this;
    const volume = this.volumeOf(tables.topic[partition]);
    if (tables.writable[partition] === 1) {
      const offered =
        tables.share[partition] * tables.admitted[partition] * (volume - tables.volumeAt[partition]) +
        tables.carry[partition];
      const whole = Math.floor(offered);
      tables.logEndBytes[partition] += whole;
      tables.carry[partition] = offered - whole;
      tables.volumeAt[partition] = volume;
    }
  }

  /** Takes a partition's traffic out of (`sign` -1) or into (`sign` 1) the sums, as its tables stand now. */
  count(partition: number, sign: 1 | -1): void {
    const { tables, brokers } = this;
    if (tables.writable[partition] === 0) return;
    const leader = tables.leader[partition];
    if (leader === noLeader) return;
    const row = tables.topic[partition] * brokers;
    const share = sign * tables.share[partition] * tables.admitted[partition];
    this.leadShare[row + leader] += share;
    this.touch(leader);
    const first = partition * tables.stride;
    for (let r = first; r < first + tables.stride; r += 1) {
      const b = tables.broker[r];
      if (b < 0 || (b !== leader && tables.state[r] !== replicaState.live)) continue;
      if (this.directoryShare !== undefined)
        this.directoryShare[tables.topic[partition] * tables.directoryCount + tables.directoryOf(r)] += share;
      if (b === leader) continue;
      this.liveInShare[row + b] += share;
      this.liveOutShare[row + leader] += share;
      this.touch(b);
    }
    for (const cell of this.rackCellsOf[tables.topic[partition]]) {
      const from = this.readFrom(cell, partition);
      cell.share[from] += share;
      if (from !== leader) cell.fromFollowers += share;
      this.touch(from);
    }
    if (this.ways.zoneNames.length > 1) this.cross(partition, share);
  }

  /** Bytes per second that a broker's live replicas of one topic append. */
  appendRate(topic: number, broker: number): number {
    const cell = topic * this.brokers + broker;
    return this.topicRate[topic] * (this.leadShare[cell] + this.liveInShare[cell]);
  }

  /** Bytes per second that the live replicas of one topic append in one directory. */
  directoryRate(topic: number, broker: number, directory: number): number {
    if (this.directoryShare === undefined) return this.appendRate(topic, broker);
    const share = this.directoryShare[topic * this.tables.directoryCount + directory];
    return share > 1e-12 ? this.topicRate[topic] * share : 0;
  }

  private diskWrites(broker: number, all: number): readonly number[] {
    const { directoriesFrom } = this.tables;
    const writes: number[] = [];
    for (let d = directoriesFrom[broker]; d < directoriesFrom[broker + 1]; d += 1) {
      let rate = all;
      if (this.directoryShare !== undefined) {
        rate = 0;
        for (let t = 0; t < this.topics.length; t += 1) rate += this.directoryRate(t, broker, d);
      }
      writes.push(rate);
    }
    return writes;
  }

  private touch(broker: number): void {
    if (this.dirty[broker] === 1) return;
    this.dirty[broker] = 1;
    this.dirtyList.push(broker);
  }

  /** Books the changed brokers once an instant. */
  private flush(): boolean {
    if (this.dirtyList.length === 0) return false;
    const changed = this.dirtyList.sort((x, y) => x - y);
    this.dirtyList = [];
    for (const b of changed) {
      this.dirty[b] = 0;
      let produced = 0;
      let messages = 0;
      let read = 0;
      let messagesRead = 0;
      let replicatedIn = 0;
      let replicatedOut = 0;
      for (let t = 0; t < this.topics.length; t += 1) {
        const rate = this.topicRate[t];
        if (rate === 0) continue;
        const cell = t * this.brokers + b;
        // Sums of shares that went in and out again leave a rest of about 1e-16: no traffic.
        const lead = this.leadShare[cell] > 1e-12 ? this.leadShare[cell] : 0;
        const topic = this.topics[t];
        const messageRate =
          topic.bytesInPerSecond === 0 ? 0 : (rate * topic.messagesInPerSecond) / topic.bytesInPerSecond;
        produced += rate * lead;
        messages += messageRate * lead;
        const readers = this.readersOf[t] + this.readAhead[t];
        read += rate * lead * readers;
        messagesRead += messageRate * lead * readers;
        for (const cell of this.rackCellsOf[t]) {
          if (cell.share[b] <= 1e-12) continue;
          read += rate * cell.share[b] * (1 + cell.ahead);
          messagesRead += messageRate * cell.share[b] * (1 + cell.ahead);
        }
        if (this.liveInShare[cell] > 1e-12) replicatedIn += rate * this.liveInShare[cell];
        if (this.liveOutShare[cell] > 1e-12) replicatedOut += rate * this.liveOutShare[cell];
      }
      this.bytesIn.set(b, this.bytesIn.get(b), produced);
      this.bytesOut.set(b, this.bytesOut.get(b), read);
      this.messagesIn.set(b, this.messagesIn.get(b), messages);
      this.messagesOut.set(b, this.messagesOut.get(b), messagesRead);
      this.replicationIn.set(b, this.replicationIn.get(b), replicatedIn + this.catchUpIn[b]);
      this.replicationOut.set(b, this.replicationOut.get(b), replicatedOut + this.catchUpOut[b]);
      this.background(
        b,
        produced + replicatedIn,
        read + replicatedOut,
        this.diskWrites(b, produced + replicatedIn),
      );
      this.onChange(b);
    }
    if (this.ways.zoneNames.length > 1) this.bookCrossing();
    return true;
  }

  private bookCrossing(): void {
    const rates = [this.catchUpAcross, 0, 0];
    for (let t = 0; t < this.topics.length; t += 1) {
      const rate = this.topicRate[t];
      if (rate === 0) continue;
      rates[0] += rate * this.crossing[0][t];
      rates[1] += rate * this.crossing[1][t];
      const readers = this.readersOf[t];
      if (readers > 0) rates[2] += (rate * this.crossing[2][t] * (readers + this.readAhead[t])) / readers;
      for (const cell of this.rackCellsOf[t]) rates[2] += rate * cell.across * (1 + cell.ahead);
    }
    rates.forEach((rate, kind) => {
      // Shares that went in and out again leave a rest of rounding: no traffic.
      const now = rate < 1e-3 ? 0 : rate;
      this.crossBytes.set(kind, this.crossBytes.get(kind), now);
      this.crossCost.set(kind, this.crossCost.get(kind), now * this.ways.dollarsPerByte);
    });
  }

  /** Catch-up traffic from one broker to another changed by so many bytes per second. */
  addCatchUp(from: number, to: number, delta: number): void {
    this.catchUpOut[from] += delta;
    this.catchUpIn[to] += delta;
    if (this.ways.zone[from] !== this.ways.zone[to]) this.catchUpAcross += delta;
    this.touch(from);
    this.touch(to);
  }
}
