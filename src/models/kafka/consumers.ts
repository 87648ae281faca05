import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import { ConsumerGroups } from './consumerGroups.ts';
import { GroupLag, type LagSource, leastLagSeconds } from './groupLag.ts';
import { javaHash } from './replication.ts';
import type { GroupSettings, TopicSettings } from './settings.ts';
import type { ClusterTables } from './tables.ts';
import type { Traffic } from './traffic.ts';

/** Lag by partition is shown for up to so many partitions of groups with members. */
const shownPartitions = 10_000;

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

/**
 * Consumer groups, as fluid by (group, topic): lag grows on partitions whose leader cannot be read, and is read off at
 * the speed that the group has to spare. A move of the coordinator stops commits, not reading, and causes no rebalance.
 *
 * Lag counts messages up to the high watermark. Source: Kafka 3.7 `ConsumerGroupCommand`, `GroupMetadataManager.partitionFor`, KIP-951.
 * A group that reads from followers is one round trip further behind there: a follower's high watermark is that of its last fetch, and a new one
 * answers its next fetch at once (KIP-392, `DelayedFetch.tryComplete`, case H).
 * Simplified: the partitions of a topic that a group without members reads share its speed; the sawtooth of batch reading is its mean.
 *
 * A group with members has lag by partition (`GroupLag`) and a state (`ConsumerGroups`); its rows here are the sums.
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
  /** Groups with members; absent where none has. */
  readonly membership: ConsumerGroups | undefined;
  /** Row of each group among those with members, or -1. */
  readonly memberRow: Int32Array;
  /** Row of each cell of `GroupLag` here. */
  readonly rowOfLag: readonly number[] = [];
  private readonly groupLag: GroupLag | undefined;
  /** Cell of each row in `GroupLag`, or -1. */
  private readonly lagOf: Int32Array;
  private readonly tables: ClusterTables;
  /** Lag and reading of a group with members, by row of the cluster's groups, are others from now on. */
  onShown: (group: number) => void = () => {};
  /** Whether a partition has a leader that serves. */
  serves: (partition: number) => boolean = () => true;

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
    this.tables = tables;
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
    this.coordinatorPartition = Int32Array.from(groups, (group) =>
      coordinatorPartitionOf(group.name, topics, tables),
    );
    this.lagOf = new Int32Array(n).fill(-1);
    this.memberRow = new Int32Array(groups.length).fill(-1);
    const withMembers = groups.filter((g) => g.members !== undefined);
    withMembers.forEach((g, row) => {
      this.memberRow[groups.indexOf(g)] = row;
    });
    if (withMembers.length > 0) {
      const source: LagSource = {
        messageRate: (topic) => this.messageRate(topic),
        partitions: (topic) => tables.partitionsOf[topic],
        mostPartitions: (topic) => tables.firstPartition[topic + 1] - tables.firstPartition[topic],
        steadyMicros: (c) => this.steadyMicros(this.rowOfLag[c]),
        share: (topic, partition) => tables.share[tables.firstPartition[topic] + partition],
      };
      this.rowOfLag = this.cells.flatMap(({ group }, row) => (this.memberRow[group] < 0 ? [] : [row]));
      this.rowOfLag.forEach((row, c) => {
        this.lagOf[row] = c;
      });
      const lag = new GroupLag(
        sim,
        source,
        this.rowOfLag.map((row) => ({
          topic: this.cells[row].topic,
          catchUpFactor: groups[this.cells[row].group].catchUpFactor,
          fresh: groups[this.cells[row].group].members?.isNew === true,
        })),
        shownPartitions,
      );
      lag.onSums = (c, waiting, slope) => this.show(this.rowOfLag[c], waiting, slope);
      this.groupLag = lag;
      this.membership = new ConsumerGroups(sim, lag, source, topics, withMembers, roundTripMicros);
      const groupOf = withMembers.map((g) => groups.indexOf(g));
      this.membership.serves = (row) => {
        const p = this.coordinatorPartition[groupOf[row]];
        return p < 0 || this.serves(p);
      };
    }
    for (let cell = 0; cell < n; cell += 1) this.update(cell);
  }

  /** Labels of the rows of `kafka_consumergroup_lag`; absent where lag by partition is not kept. */
  get partitionLabels(): ((row: number) => Readonly<Record<string, string>>) | undefined {
    const lag = this.groupLag;
    if (lag === undefined || !lag.showsPartitions) return undefined;
    return (row) => {
      const { cell, partition } = lag.gaugeRow(row);
      const { group, topic } = this.cells[this.rowOfLag[cell]];
      return {
        consumergroup: this.groups[group].name,
        topic: this.topics[topic].name,
        partition: String(partition),
      };
    };
  }

  /** The leaders of these partitions cannot be read from now on (`sign` 1), or can be again (-1). */
  stallPartitions(partitions: readonly number[], sign: 1 | -1): void {
    if (this.groupLag === undefined) return;
    for (const p of partitions) this.eachLag(p, (lag, c, partition) => lag.stall(c, partition, sign));
  }

  /** A topic has partitions more, in the tables already. */
  partitionsAdded(topic: number): void {
    this.membership?.partitionsAdded(topic);
  }

  /** The shares of a topic's partitions are others from now on. */
  sharesChanged(topic: number): void {
    for (const row of this.cellsOf[topic])
      if (this.lagOf[row] >= 0) this.groupLag?.ratesChanged(this.lagOf[row]);
  }

  private eachLag(p: number, visit: (lag: GroupLag, cell: number, partition: number) => void): void {
    const { tables, groupLag } = this;
    if (groupLag === undefined) return;
    const topic = tables.topic[p];
    for (const row of this.cellsOf[topic])
      if (this.lagOf[row] >= 0) visit(groupLag, this.lagOf[row], p - tables.firstPartition[topic]);
  }

  /** The sums of a row with members are these from now on. */
  private show(row: number, waiting: number, slope: number): void {
    const { group, topic } = this.cells[row];
    const rate = this.messageRate(topic);
    let ahead = rate === 0 ? 0 : (this.groupLag as GroupLag).cells[this.lagOf[row]].aheadSum / rate;
    if (Math.abs(ahead) < 1e-9) ahead = 0;
    if (ahead !== this.ahead[row]) {
      this.traffic.addReadAhead(topic, ahead - this.ahead[row], group);
      this.ahead[row] = ahead;
    }
    this.lag.set(row, this.steady(row, rate) + waiting, slope);
    this.onShown(group);
  }

  /** Messages between the end and what a group that keeps up reads. */
  private steady(row: number, rate: number): number {
    return (rate * this.steadyMicros(row)) / 1e6;
  }

  private steadyMicros(row: number): number {
    const { group, topic } = this.cells[row];
    // A follower learns of the high watermark with its next fetch.
    const late = this.traffic.readFromFollowers(group, topic) * this.roundTripMicros;
    return this.groups[group].pollMicros + late;
  }

  /** Partitions with this share of a topic cannot be read from now on (negative: can be again). */
  stall(topic: number, share: number): void {
    for (const cell of this.cellsOf[topic]) {
      if (this.lagOf[cell] >= 0) continue;
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

  /** So many messages of a partition became readable at once. */
  burst(p: number, messages: number): void {
    this.eachLag(p, (lag, c, partition) => lag.burst(c, partition, messages));
    for (const cell of this.cellsOf[this.tables.topic[p]]) {
      if (this.lagOf[cell] >= 0) continue;
      this.settle(cell);
      this.ready[cell] += messages;
      this.update(cell);
    }
  }

  /** A group's offsets are set back by so much time, as `kafka-consumer-groups --reset-offsets` does. */
  reset(group: number, micros: number): void {
    this.cells.forEach((cell, row) => {
      if (cell.group !== group) return;
      if (this.lagOf[row] >= 0) {
        this.groupLag?.reset(this.lagOf[row], micros);
        return;
      }
      this.settle(row);
      this.stalled[row] = 0;
      this.ready[row] = (this.messageRate(cell.topic) * micros) / 1e6;
      this.update(row);
    });
    this.sim.tell('kafka.consumerReset', this.groups[group].name, `${micros / 1e6} s behind`);
  }

  /** How old what a row reads next is, beyond its usual age, microseconds; 0 while it keeps up. */
  behindMicros(row: number): number {
    const rate = this.messageRate(this.cells[row].topic);
    if (this.lagOf[row] >= 0)
      return rate === 0 ? 0 : ((this.groupLag as GroupLag).waiting(this.lagOf[row]) / rate) * 1e6;
    this.settle(row);
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
    for (const cell of this.cellsOf[topic]) {
      if (this.lagOf[cell] >= 0) this.groupLag?.ratesChanged(this.lagOf[cell]);
      else this.update(cell);
    }
  }

  /** To be called before a topic's rate changes. */
  beforeLoadChange(topic: number): void {
    for (const cell of this.cellsOf[topic]) if (this.lagOf[cell] < 0) this.settle(cell);
  }

  coordinatorMoved(group: number, pauseMicros: number): void {
    this.coordinatorMoves.add(group, 1);
    this.coordinatorPause.set(group, pauseMicros / 1e6);
    this.sim.tell(
      'kafka.coordinatorMoved',
      this.groups[group].name,
      `commits waited ${(pauseMicros / 1e6).toFixed(2)} s`,
    );
    if (this.memberRow[group] >= 0) this.membership?.coordinatorMoved(this.memberRow[group], pauseMicros);
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
    if (this.lagOf[cell] >= 0) return;
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
    // What was stalled and then read leaves a rest of rounding: no message.
    const behind = this.stalled[cell] + this.ready[cell];
    this.lag.set(cell, this.steady(cell, rate) + (behind < 1e-6 ? 0 : behind), slope);
  }
}
