import type { Gauge } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import type { GroupSettings, TopicSettings } from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';

/** Where a broker's steady traffic is booked: the node it runs on. Bytes per second; disk writes by log directory. */
export type SetBackground = (
  broker: number,
  inbound: number,
  outbound: number,
  diskWrites: readonly number[],
) => void;

/**
 * The steady traffic of the cluster as sums of partition shares by (topic, broker), so that an in-sync replica costs
 * nothing between changes: rate of a broker = sum over topics of (topic's rate now x share that the broker carries).
 *
 * Simplified: traffic moves with the controller's decision; the fraction of a second until brokers have learnt of it
 * is counted as deferred sends, not as bytes. Consumers read each record once per group, from the leader, out of the
 * page cache.
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
    for (const group of groups) for (const topic of group.topics) this.readersOf[topic] += 1;
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
  addReadAhead(topic: number, delta: number): void {
    const sum = this.readAhead[topic] + delta;
    this.readAhead[topic] = Math.abs(sum) < 1e-9 ? 0 : sum;
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
      if (this.leadShare[cell] !== 0 || this.liveInShare[cell] !== 0) this.touch(b);
    }
  }

  /** Bytes per second that one partition takes in while it can be written. */
  partitionRate(partition: number): number {
    return this.topicRate[this.tables.topic[partition]] * this.tables.share[partition];
  }

  /** Moves the log end of a partition to now. Bytes are whole; the fraction is carried. */
  settle(partition: number): void {
    const { tables } = this;
    const volume = this.volumeOf(tables.topic[partition]);
    if (tables.writable[partition] === 1) {
      const offered =
        tables.share[partition] * (volume - tables.volumeAt[partition]) + tables.carry[partition];
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
    const share = sign * tables.share[partition];
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
  }

  /** Bytes per second that live replicas of listed topics move on a broker: [as leader, as follower]. */
  throttledLive(broker: number): readonly [number, number] {
    let out = 0;
    let into = 0;
    for (let t = 0; t < this.topics.length; t += 1) {
      if (!this.topics[t].throttled) continue;
      out += this.topicRate[t] * this.liveOutShare[t * this.brokers + broker];
      into += this.topicRate[t] * this.liveInShare[t * this.brokers + broker];
    }
    return [out, into];
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
    return true;
  }

  /** Catch-up traffic from one broker to another changed by so many bytes per second. */
  addCatchUp(from: number, to: number, delta: number): void {
    this.catchUpOut[from] += delta;
    this.catchUpIn[to] += delta;
    this.touch(from);
    this.touch(to);
  }
}
