import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import type { BrokerSettings, TopicSettings } from './settings.ts';
import { type ClusterTables, replicaState } from './tables.ts';
import type { Traffic } from './traffic.ts';

/**
 * Bytes of logs by (topic, broker), and with them the use of each broker's volume.
 *
 * A topic's logs on a broker grow with what is appended until retention holds them: by size at retention.bytes for each
 * replica, by time at what the topic takes in during retention.ms. Then what comes in at the end leaves at the front.
 *
 * Simplified: retention is fluid: segments, the five-minute check and the delayed deletion are not played, so real usage
 * runs ahead by up to a segment for each replica and six minutes of writes. Source of the rule: Kafka 3.7
 * `UnifiedLog.deleteOldSegments`.
 */
export class Logs {
  readonly used: Gauge;
  readonly capacity: Gauge;
  readonly fullAt: Gauge;
  /** A broker's volume is full. */
  onFull: (broker: number) => void = () => {};
  private readonly sim: Simulation;
  private readonly tables: ClusterTables;
  private readonly topics: readonly TopicSettings[];
  private readonly brokers: readonly BrokerSettings[];
  private readonly traffic: Traffic;
  private readonly size: Float64Array;
  private readonly bound: Float64Array;
  private readonly catchUp: Float64Array;
  private readonly since: Float64Array;
  private readonly slope: Float64Array;
  private readonly timers: (Handle | undefined)[];
  private readonly changed: Kind;
  private readonly running: Uint8Array;
  private readonly full: Uint8Array;
  private readonly dirty = new Set<number>();

  constructor(
    sim: Simulation,
    tables: ClusterTables,
    topics: readonly TopicSettings[],
    brokers: readonly BrokerSettings[],
    traffic: Traffic,
    holdAtInitialSize: boolean,
  ) {
    this.sim = sim;
    this.tables = tables;
    this.topics = topics;
    this.brokers = brokers;
    this.traffic = traffic;
    const b = brokers.length;
    this.used = sim.gauge('rehearse:log_disk_used_bytes', b, { linear: true });
    this.capacity = sim.gauge('rehearse:log_disk_capacity_bytes', b);
    this.fullAt = sim.gauge('rehearse:log_disk_full_seconds', b);
    const cells = topics.length * b;
    this.size = new Float64Array(cells);
    this.bound = new Float64Array(cells);
    this.catchUp = new Float64Array(cells);
    this.slope = new Float64Array(cells);
    this.since = new Float64Array(b);
    this.timers = new Array(b);
    this.running = new Uint8Array(b).fill(1);
    this.full = new Uint8Array(b);
    this.changed = sim.on('kafka.diskUse', (broker) => {
      this.timers[broker] = undefined;
      this.update(broker);
    });
    const counts = new Int32Array(cells);
    for (let r = 0; r < tables.broker.length; r += 1) {
      if (tables.broker[r] >= 0)
        counts[tables.topic[Math.floor(r / tables.stride)] * b + tables.broker[r]] += 1;
    }
    for (let i = 0; i < b; i += 1) {
      this.capacity.set(i, brokers[i].diskCapacityBytes);
      let rate = 0;
      for (let t = 0; t < topics.length; t += 1) rate += traffic.appendRate(t, i);
      for (let t = 0; t < topics.length; t += 1) {
        const cell = t * b + i;
        this.size[cell] = rate === 0 ? 0 : (brokers[i].diskUsedBytes * traffic.appendRate(t, i)) / rate;
        this.bound[cell] = holdAtInitialSize
          ? this.size[cell]
          : Math.min(
              counts[cell] * topics[t].retentionBytes,
              (traffic.appendRate(t, i) * topics[t].retentionMicros) / 1e6,
            );
        if (Number.isNaN(this.bound[cell])) this.bound[cell] = 0;
        // What is beyond retention at the start is deleted at the start.
        if (rate > 0) this.size[cell] = Math.min(this.size[cell], this.bound[cell]);
      }
      this.dirty.add(i);
    }
    sim.beforeAdvance(() => this.flush());
  }

  /** Appends to a broker's logs changed. */
  touch(broker: number): void {
    this.dirty.add(broker);
  }

  /** Lagging replicas of a topic append `delta` bytes per second more. */
  addCatchUp(topic: number, broker: number, delta: number): void {
    this.settle(broker);
    this.catchUp[topic * this.brokers.length + broker] += delta;
    this.dirty.add(broker);
  }

  setRunning(broker: number, running: boolean): void {
    this.settle(broker);
    this.running[broker] = running ? 1 : 0;
    this.dirty.add(broker);
  }

  /** The volume was replaced by an empty one: every replica begins at the start of its leader's log. */
  wipe(broker: number): void {
    this.settle(broker);
    const { tables } = this;
    for (let i = tables.replicasFrom[broker]; i < tables.replicasFrom[broker + 1]; i += 1) {
      const r = tables.replicasOf[i];
      if (tables.state[r] !== replicaState.stopped) continue;
      const p = Math.floor(r / tables.stride);
      this.traffic.settle(p);
      tables.replicaEndBytes[r] = tables.logEndBytes[p] - Math.floor(this.replicaBytes(p));
    }
    for (let t = 0; t < this.topics.length; t += 1) this.size[t * this.brokers.length + broker] = 0;
    this.full[broker] = 0;
    this.dirty.add(broker);
  }

  /** Bytes that the leader of a partition retains: its part of the topic's logs on that broker, by share. */
  replicaBytes(partition: number): number {
    const { tables } = this;
    const t = tables.topic[partition];
    const leader =
      tables.leader[partition] >= 0 ? tables.leader[partition] : tables.broker[partition * tables.stride];
    this.settle(leader);
    let share = 0;
    for (let p = tables.firstPartition[t]; p < tables.firstPartition[t + 1]; p += 1) {
      if (tables.replicaOn(p, leader) >= 0) share += tables.share[p];
    }
    return share === 0 ? 0 : (this.size[t * this.brokers.length + leader] * tables.share[partition]) / share;
  }

  /** Segments on a broker: the full ones and one active segment for each replica. */
  segments(broker: number, segmentBytes: number): number {
    this.settle(broker);
    let bytes = 0;
    for (let t = 0; t < this.topics.length; t += 1) bytes += this.size[t * this.brokers.length + broker];
    return (
      Math.floor(bytes / segmentBytes) +
      this.tables.replicasFrom[broker + 1] -
      this.tables.replicasFrom[broker]
    );
  }

  private settle(broker: number): void {
    const seconds = (this.sim.now - this.since[broker]) / 1e6;
    this.since[broker] = this.sim.now;
    if (seconds === 0) return;
    for (let t = 0; t < this.topics.length; t += 1) {
      const cell = t * this.brokers.length + broker;
      if (this.slope[cell] !== 0) {
        this.size[cell] = Math.min(this.bound[cell], this.size[cell] + this.slope[cell] * seconds);
      }
    }
  }

  private flush(): boolean {
    if (this.dirty.size === 0) return false;
    const brokers = [...this.dirty].sort((x, y) => x - y);
    this.dirty.clear();
    for (const b of brokers) this.update(b);
    return true;
  }

  private update(broker: number): void {
    this.settle(broker);
    let used = 0;
    let growth = 0;
    let soonest = Number.POSITIVE_INFINITY;
    for (let t = 0; t < this.topics.length; t += 1) {
      const cell = t * this.brokers.length + broker;
      const left = this.bound[cell] - this.size[cell];
      const writes = this.running[broker] === 1 ? this.traffic.appendRate(t, broker) + this.catchUp[cell] : 0;
      this.slope[cell] = left > 1 && writes > 1e-6 ? writes : 0;
      used += this.size[cell];
      growth += this.slope[cell];
      if (this.slope[cell] > 0) soonest = Math.min(soonest, left / writes);
    }
    const left = this.brokers[broker].diskCapacityBytes - used;
    if (growth > 0) soonest = Math.min(soonest, Math.max(0, left) / growth);
    this.used.set(broker, used, growth);
    const timer = this.timers[broker];
    if (timer !== undefined) this.sim.cancel(timer);
    this.timers[broker] = undefined;
    if (left <= 1 && this.running[broker] === 1) {
      if (this.full[broker] === 0) {
        this.full[broker] = 1;
        this.fullAt.set(broker, this.sim.now / 1e6);
        this.sim.tell('kafka.diskFull', `broker-${this.brokers[broker].id}`);
        this.onFull(broker);
      }
      return;
    }
    const micros = Math.max(1, Math.ceil(soonest * 1e6));
    if (this.sim.now + micros < Number.MAX_SAFE_INTEGER)
      this.timers[broker] = this.sim.after(micros, this.changed, broker);
  }
}
