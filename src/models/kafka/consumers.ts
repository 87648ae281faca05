import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import { javaHash } from './replication.ts';
import type { GroupSettings, TopicSettings } from './settings.ts';
import type { ClusterTables } from './tables.ts';
import type { Traffic } from './traffic.ts';

/** What a group that lags by less reads later is counted as if it had not waited: a moved leader is no change of traffic for all others. */
const leastLagSeconds = 1;

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
    this.drained = sim.on('kafka.lagDrained', (cell) => {
      this.timers[cell] = undefined;
      this.update(cell);
    });
    const offsets = topics.findIndex((t) => t.name === '__consumer_offsets');
    this.coordinatorPartition = Int32Array.from(groups, (group) => {
      if (offsets < 0) return -1;
      const h = javaHash(group.name);
      return (
        tables.firstPartition[offsets] + ((h === -2147483648 ? 0 : Math.abs(h)) % topics[offsets].partitions)
      );
    });
    for (let cell = 0; cell < n; cell += 1) this.update(cell);
  }

  /** Partitions with this share of a topic cannot be read from now on (negative: can be again). */
  stall(topic: number, share: number): void {
    for (const cell of this.cellsOf[topic]) {
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
    this.settle(row);
    const rate = this.messageRate(this.cells[row].topic);
    return rate === 0 ? 0 : (this.ready[row] / rate) * 1e6;
  }

  /** How old what the slowest group reads of a topic is, microseconds; 0 where nobody reads it. */
  worstLagMicros(topic: number): number {
    let worst = 0;
    for (const row of this.cellsOf[topic])
      worst = Math.max(worst, this.groups[this.cells[row].group].pollMicros + this.behindMicros(row));
    return worst;
  }

  /** What a row reads beyond what comes in, as a multiple of the topic's rate: by so much it comes nearer to the end. */
  readAhead(row: number): number {
    return this.ahead[row];
  }

  loadChanged(topic: number): void {
    for (const cell of this.cellsOf[topic]) this.update(cell);
  }

  /** To be called before a topic's rate changes. */
  beforeLoadChange(topic: number): void {
    for (const cell of this.cellsOf[topic]) this.settle(cell);
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

  private messageRate(topic: number): number {
    const { bytesInPerSecond, messagesInPerSecond } = this.topics[topic];
    return bytesInPerSecond === 0
      ? 0
      : (this.traffic.topicRate[topic] * messagesInPerSecond) / bytesInPerSecond;
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
    // A follower learns of the high watermark with its next fetch.
    const late = this.traffic.readFromFollowers(group, topic) * this.roundTripMicros;
    const steady = (rate * (this.groups[group].pollMicros + late)) / 1e6;
    // What was stalled and then read leaves a rest of rounding: no message.
    const behind = this.stalled[cell] + this.ready[cell];
    this.lag.set(cell, steady + (behind < 1e-6 ? 0 : behind), slope);
  }
}
