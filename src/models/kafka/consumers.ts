import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import { javaHash } from './replication.ts';
import type { GroupSettings, TopicSettings } from './settings.ts';
import type { ClusterTables } from './tables.ts';
import type { Traffic } from './traffic.ts';

/** What a group that lags by less reads later is counted as if it had not waited: a moved leader is no change of traffic for all others. */
const leastLagSeconds = 1;

/**
 * Row of the partition whose leader coordinates a group; -1 without __consumer_offsets.
 * Source: Kafka 3.7 `GroupMetadataManager.partitionFor`.
 */
export function coordinatorPartitionOf(
  group: string,
  topics: readonly TopicSettings[],
  tables: ClusterTables,
): number {
  const offsets = topics.findIndex((t) => t.name === '__consumer_offsets');
  if (offsets < 0) return -1;
  const h = javaHash(group);
  return (
    tables.firstPartition[offsets] + ((h === -2147483648 ? 0 : Math.abs(h)) % topics[offsets].partitions)
  );
}

/** What keeps the lag of a group whose members are played one by one. Topics are rows. */
export interface GroupReader {
  /** A topic's rate is another one from now on. */
  readonly rateChanged: (topic: number) => void;
  /** So many messages became readable at once. */
  readonly burst: (topic: number, messages: number) => void;
  /** Partitions with this share of a topic cannot be read from now on (negative: can be again). */
  readonly stall: (topic: number, share: number) => void;
}

/**
 * Consumer groups, as fluid by (group, topic): lag grows on partitions whose leader cannot be read, and is read off at
 * the speed that the group has to spare. A move of the coordinator stops commits, not reading, and causes no rebalance.
 *
 * Lag counts messages up to the high watermark. Source: Kafka 3.7 `ConsumerGroupCommand`, `GroupMetadataManager.partitionFor`, KIP-951.
 * A group that reads from followers is one round trip further behind there: a follower's high watermark is that of its last fetch, and a new one
 * answers its next fetch at once (KIP-392, `DelayedFetch.tryComplete`, case H).
 * Simplified: the partitions of a topic that a group reads share its speed; the sawtooth of batch reading is its mean.
 */
export class Consumers {
  readonly lag: Gauge;
  readonly coordinatorMoves: Gauge;
  readonly coordinatorPause: Gauge;
  private readonly sim: Simulation;
  private readonly topics: readonly TopicSettings[];
  private readonly groups: readonly GroupSettings[];
  private readonly traffic: Traffic;
  private readonly roundTripMicros: number;
  private readonly drained: Kind;
  /** One row for each topic that a group reads. */
  readonly cells: { readonly group: number; readonly topic: number }[] = [];
  private readonly cellsOf: number[][];
  private readonly stalledShare: Float64Array;
  private readonly stalled: Float64Array;
  private readonly ready: Float64Array;
  private readonly since: Float64Array;
  /** What each row that lags by a second or more reads beyond what comes in, as a multiple of the topic's rate. */
  private readonly ahead: Float64Array;
  private readonly timers: (Handle | undefined)[];
  private readonly readers: (GroupReader | undefined)[];
  /** Messages that a row with a reader of its own is behind. */
  private readonly told: Float64Array;
  /** Partition row of each group's coordinator, or -1 without __consumer_offsets. */
  readonly coordinatorPartition: Int32Array;

  constructor(
    sim: Simulation,
    tables: ClusterTables,
    topics: readonly TopicSettings[],
    groups: readonly GroupSettings[],
    traffic: Traffic,
    roundTripMicros: number,
  ) {
    this.sim = sim;
    this.roundTripMicros = roundTripMicros;
    this.topics = topics;
    this.groups = groups;
    this.traffic = traffic;
    this.cellsOf = topics.map(() => []);
    groups.forEach((group, g) => {
      for (const topic of group.topics) {
        this.cellsOf[topic].push(this.cells.length);
        this.cells.push({ group: g, topic });
      }
    });
    const n = this.cells.length;
    this.lag = sim.gauge('kafka_consumergroup_lag_sum', n, { linear: true });
    this.coordinatorMoves = sim.gauge('rehearse:group_coordinator_moves_total', groups.length);
    this.coordinatorPause = sim.gauge('rehearse:group_coordinator_pause_seconds', groups.length);
    this.stalledShare = new Float64Array(n);
    this.stalled = new Float64Array(n);
    this.ready = new Float64Array(n);
    this.since = new Float64Array(n);
    this.ahead = new Float64Array(n);
    this.timers = new Array(n);
    this.readers = groups.map(() => undefined);
    this.told = new Float64Array(n);
    this.drained = sim.on('kafka.lagDrained', (cell) => {
      this.timers[cell] = undefined;
      this.update(cell);
    });
    this.coordinatorPartition = Int32Array.from(groups, (group) =>
      coordinatorPartitionOf(group.name, topics, tables),
    );
    for (let cell = 0; cell < n; cell += 1) this.update(cell);
  }

  /** A group's lag and reading are kept by somebody else from now on, who tells them with `show`. */
  deferTo(group: number, reader: GroupReader): void {
    this.readers[group] = reader;
  }

  /** Messages per second that come into a topic now. */
  messageRate(topic: number): number {
    const { bytesInPerSecond, messagesInPerSecond } = this.topics[topic];
    return bytesInPerSecond === 0
      ? 0
      : (this.traffic.topicRate[topic] * messagesInPerSecond) / bytesInPerSecond;
  }

  /** What a group that defers to a reader is behind on a topic, how that moves, and what it reads, per second. */
  show(group: number, topic: number, behind: number, slope: number, readRate: number): void {
    const cell = this.cells.findIndex((c) => c.group === group && c.topic === topic);
    const rate = this.messageRate(topic);
    const ahead = rate === 0 ? 0 : readRate / rate - 1;
    if (Math.abs(ahead - this.ahead[cell]) > 1e-9) {
      this.traffic.addReadAhead(topic, ahead - this.ahead[cell], group);
      this.ahead[cell] = ahead;
    }
    this.since[cell] = this.sim.now;
    this.told[cell] = behind;
    this.lag.set(cell, this.steadyLag(cell, rate) + behind, slope);
  }

  /** Partitions with this share of a topic cannot be read from now on (negative: can be again). */
  stall(topic: number, share: number): void {
    for (const cell of this.cellsOf[topic]) {
      const reader = this.readers[this.cells[cell].group];
      if (reader !== undefined) {
        reader.stall(topic, share);
        continue;
      }
      this.settle(cell);
      if (share < 0) {
        const part = this.stalledShare[cell] <= 1e-12 ? 1 : Math.min(1, -share / this.stalledShare[cell]);
        this.ready[cell] += this.stalled[cell] * part;
        this.stalled[cell] -= this.stalled[cell] * part;
      }
      this.stalledShare[cell] += share;
      if (this.stalledShare[cell] < 1e-12) this.stalledShare[cell] = 0;
      this.update(cell);
    }
  }

  /** So many messages became readable at once. */
  burst(topic: number, messages: number): void {
    for (const cell of this.cellsOf[topic]) {
      const reader = this.readers[this.cells[cell].group];
      if (reader !== undefined) {
        reader.burst(topic, messages);
        continue;
      }
      this.settle(cell);
      this.ready[cell] += messages;
      this.update(cell);
    }
  }

  /** A group's offsets are set back by so much time, as `kafka-consumer-groups --reset-offsets` does. */
  reset(group: number, micros: number): void {
    this.cells.forEach((cell, row) => {
      if (cell.group !== group) return;
      this.settle(row);
      this.stalled[row] = 0;
      this.ready[row] = (this.messageRate(cell.topic) * micros) / 1e6;
      this.update(row);
    });
    this.sim.tell('kafka.consumerReset', this.groups[group].name, `${micros / 1e6} s behind`);
  }

  /** How old what a row reads next is, beyond its usual age, microseconds; 0 while it keeps up. */
  behindMicros(row: number): number {
    const { group, topic } = this.cells[row];
    const rate = this.messageRate(topic);
    if (rate === 0) return 0;
    if (this.readers[group] !== undefined) {
      const seconds = (this.sim.now - this.since[row]) / 1e6;
      return (Math.max(0, this.told[row] + this.lag.slope(row) * seconds) / rate) * 1e6;
    }
    this.settle(row);
    return (this.ready[row] / rate) * 1e6;
  }

  /** What a row reads beyond what comes in, as a multiple of the topic's rate: by so much it comes nearer to the end. */
  readAhead(row: number): number {
    return this.ahead[row];
  }

  loadChanged(topic: number): void {
    for (const cell of this.cellsOf[topic]) {
      const reader = this.readers[this.cells[cell].group];
      if (reader === undefined) this.update(cell);
      else reader.rateChanged(topic);
    }
  }

  /** To be called before a topic's rate changes. */
  beforeLoadChange(topic: number): void {
    for (const cell of this.cellsOf[topic])
      if (this.readers[this.cells[cell].group] === undefined) this.settle(cell);
  }

  coordinatorMoved(group: number, pauseMicros: number): void {
    this.coordinatorMoves.add(group, 1);
    this.coordinatorPause.set(group, pauseMicros / 1e6);
    this.sim.tell(
      'kafka.coordinatorMoved',
      this.groups[group].name,
      `commits waited ${(pauseMicros / 1e6).toFixed(2)} s`,
    );
  }

  /** Messages per second that a group reads beyond what comes in, on the partitions that can be read. */
  private spare(cell: number, rate: number, group: number): number {
    const readable = 1 - this.stalledShare[cell];
    // With every partition stalled the shares sum to one but for rounding.
    return readable < 1e-9 ? 0 : rate * (this.groups[group].catchUpFactor - 1) * readable;
  }

  private settle(cell: number): void {
    const seconds = (this.sim.now - this.since[cell]) / 1e6;
    this.since[cell] = this.sim.now;
    if (seconds === 0) return;
    const { group, topic } = this.cells[cell];
    const rate = this.messageRate(topic);
    this.stalled[cell] += rate * this.stalledShare[cell] * seconds;
    const spare = this.spare(cell, rate, group);
    this.ready[cell] = Math.max(0, this.ready[cell] - spare * seconds);
  }

  private update(cell: number): void {
    this.settle(cell);
    const { group, topic } = this.cells[cell];
    const rate = this.messageRate(topic);
    const spare = this.spare(cell, rate, group);
    if (this.ready[cell] < 1e-6) this.ready[cell] = 0;
    const timer = this.timers[cell];
    if (timer !== undefined) this.sim.cancel(timer);
    this.timers[cell] = undefined;
    let slope = rate * this.stalledShare[cell];
    const reads = this.ready[cell] > 0 && spare > 0;
    const far = this.ahead[cell] > 0 || this.ready[cell] > rate * leastLagSeconds;
    const ahead = reads && far ? spare / rate : 0;
    if (ahead !== this.ahead[cell]) {
      this.traffic.addReadAhead(topic, ahead - this.ahead[cell], group);
      this.ahead[cell] = ahead;
    }
    if (reads) {
      slope -= spare;
      const micros = Math.ceil((this.ready[cell] / spare) * 1e6);
      this.timers[cell] = this.sim.after(Math.max(1, micros), this.drained, cell);
    }
    const steady = this.steadyLag(cell, rate);
    // What was stalled and then read leaves a rest of rounding: no message.
    const behind = this.stalled[cell] + this.ready[cell];
    this.lag.set(cell, steady + (behind < 1e-6 ? 0 : behind), slope);
  }
  /** Messages that a group which keeps up has not read yet. */
  private steadyLag(cell: number, rate: number): number {
    const { group, topic } = this.cells[cell];
    // A follower learns of the high watermark with its next fetch.
    const late = this.traffic.readFromFollowers(group, topic) * this.roundTripMicros;
    return (rate * (this.groups[group].pollMicros + late)) / 1e6;
  }
}
