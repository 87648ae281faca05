import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import type { Replication } from './replication.ts';
import type { TopicSettings } from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';
import type { Traffic } from './traffic.ts';

/**
 * Producers, as fluid by topic: what they send is acknowledged, waits for a retry, or fails.
 *
 * A partition can be written while its leader serves and, with acks=all, while at least min.insync.replicas are in sync and every
 * member of the ISR keeps up. What is offered meanwhile waits in the producers' buffers and is written when the
 * partition can be written again; sends fail once they are older than delivery.timeout.ms, or once the buffers are full and
 * max.block.ms has passed as well.
 *
 * Source: Kafka 3.7 `Partition.appendRecordsToLeader`, `checkEnoughReplicasReachOffset`, `RecordAccumulator`, `ProducerConfig`.
 * Simplified: one buffer for all producers of a topic; the flush of what waited takes no time. The high watermark stands still
 * while an ISR member is behind and moves on at once when it has caught up. Clients of a leader that stands still find the
 * next one as soon as it is elected; in Kafka a request in flight first ends by request.timeout.ms, or when the old leader goes on.
 * A send that waits for an answer does not count as tried again, however long it waits.
 */
export class Writes {
  readonly failedSends: Gauge;
  readonly retriedSends: Gauge;
  readonly unavailablePartitions: Gauge;
  readonly unavailableSeconds: Gauge;
  readonly offlineSeconds: Gauge;
  readonly blockedPartitions: Gauge;
  readonly blockedSeconds: Gauge;
  readonly possiblyLostBytes: Gauge;
  /** Bytes of failed sends, by topic. */
  readonly failedBytes: Float64Array;
  /** A topic's partition was written to with what had waited: so many messages at once. */
  onBurst: (topic: number, messages: number) => void = () => {};
  /** Whether a broker's process serves requests. */
  serving: (broker: number) => boolean = () => true;
  /** A partition lost its serving leader, or has one again. */
  onLed: (p: number, led: boolean) => void = () => {};
  /** Whether a broker's process stands still: clients wait for it, and no request comes back with an error. */
  standsStill: (broker: number) => boolean = () => false;

  private readonly sim: Simulation;
  private readonly tables: ClusterTables;
  private readonly topics: readonly TopicSettings[];
  private readonly traffic: Traffic;
  private readonly replication: Replication;
  private readonly sendsFail: Kind;
  private readonly blockedShare: Float64Array;
  private readonly blockedCount: Int32Array;
  private readonly blockedSince: Float64Array;
  private readonly failingFrom: Float64Array;
  private readonly timers: (Handle | undefined)[];
  private readonly leaderless: Uint8Array;
  /** By partition: 1 while it cannot be written and sends come back with an error, so that they are tried again. */
  private readonly refuses: Uint8Array;
  /** By partition: until when its clients wait for a leader that will not answer, though another leads, microseconds; else 0. */
  private readonly heldUntil: Float64Array;
  private readonly heldBy = new Map<number, number[]>();
  private readonly timedOut: Kind;
  private readonly refusedShare: Float64Array;
  private readonly refusedCount: Int32Array;

  constructor(
    sim: Simulation,
    tables: ClusterTables,
    topics: readonly TopicSettings[],
    traffic: Traffic,
    replication: Replication,
  ) {
    this.sim = sim;
    this.tables = tables;
    this.topics = topics;
    this.traffic = traffic;
    this.replication = replication;
    const n = topics.length;
    this.failedSends = sim.gauge('rehearse:failed_sends_total', n, { linear: true });
    this.retriedSends = sim.gauge('rehearse:retried_sends_total', n, { linear: true });
    this.unavailablePartitions = sim.gauge('rehearse:unavailable_partitions', 1);
    this.unavailableSeconds = sim.gauge('rehearse:unavailable_partition_seconds_total', 1, { linear: true });
    this.offlineSeconds = sim.gauge('rehearse:offline_partition_seconds_total', 1, { linear: true });
    this.blockedPartitions = sim.gauge('rehearse:write_blocked_partitions', 1);
    this.blockedSeconds = sim.gauge('rehearse:write_blocked_partition_seconds_total', 1, { linear: true });
    this.possiblyLostBytes = sim.gauge('rehearse:possibly_lost_bytes', n);
    this.failedBytes = new Float64Array(n);
    this.blockedShare = new Float64Array(n);
    this.blockedCount = new Int32Array(n);
    this.blockedSince = new Float64Array(n);
    /** Topic volume from which on sends fail; NaN while none do. */
    this.failingFrom = new Float64Array(n).fill(Number.NaN);
    this.timers = new Array(n);
    this.leaderless = new Uint8Array(tables.partitionCount);
    this.refuses = new Uint8Array(tables.partitionCount);
    this.heldUntil = new Float64Array(tables.partitionCount);
    this.timedOut = sim.on('kafka.requestsTimedOut', (p) => this.onTimedOut(p));
    this.refusedShare = new Float64Array(n);
    this.refusedCount = new Int32Array(n);
    this.sendsFail = sim.on('kafka.sendsFail', (topic) => this.onSendsFail(topic));
  }

  /** Looks again at whether a partition can be written and its watermark moves. */
  review(p: number): void {
    const { tables } = this;
    const leader = tables.leader[p];
    const led = leader !== noLeader && this.serving(leader);
    if ((this.leaderless[p] === 0) !== led) {
      this.leaderless[p] = led ? 0 : 1;
      this.countUnavailable(led ? -1 : 1);
      this.onLed(p, led);
    }
    let replicated = led && tables.isrCount[p] >= tables.effectiveMinIsr(p);
    const first = p * tables.stride;
    for (let r = first; replicated && r < first + tables.stride; r += 1) {
      if (tables.inSync[r] === 0) continue;
      if (tables.state[r] !== replicaState.live || !this.serving(tables.broker[r])) replicated = false;
    }
    const acksAll = this.topics[tables.topic[p]].acks === 'all';
    const writable = led && (replicated || !acksAll) && this.heldUntil[p] === 0;
    if (!Number.isNaN(tables.frozenWatermark[p]) === replicated) this.freeze(p, !replicated);
    if ((tables.writable[p] === 1) !== writable) {
      this.replication.writableChanged(p, () => (writable ? this.unblock(p) : this.block(p)));
    }
    // Sends to a leader that stands still, or that wait for a member of the ISR, are waiting for an answer.
    const waits = led
      ? this.heldUntil[p] > 0 || tables.isrCount[p] >= tables.effectiveMinIsr(p)
      : leader !== noLeader && this.standsStill(leader);
    this.refuse(p, tables.writable[p] === 0 && !waits);
  }

  /**
   * A leader fell silent at `since` without a reset of its connections, and loses what it leads: its clients have sent to it last just then, and
   * look for the next leader when request.timeout.ms is over. To be called while it still leads.
   * Source: Kafka 3.7 `NetworkClient.handleTimedOutRequests`.
   */
  hold(broker: number, since: number): void {
    const { tables } = this;
    const held = this.heldBy.get(broker) ?? [];
    for (let i = tables.replicasFrom[broker]; i < tables.replicasFrom[broker + 1]; i += 1) {
      const p = Math.floor(tables.replicasOf[i] / tables.stride);
      if (tables.leader[p] !== broker || tables.share[p] === 0) continue;
      const until = since + this.topics[tables.topic[p]].producers.requestTimeoutMicros;
      if (until <= this.sim.now) continue;
      this.heldUntil[p] = until;
      held.push(p);
      this.sim.at(until, this.timedOut, p);
    }
    this.heldBy.set(broker, held);
  }

  /** The broker's machine answers again: who waited for it knows now. */
  release(broker: number): void {
    for (const p of this.heldBy.get(broker) ?? []) this.letGo(p);
    this.heldBy.delete(broker);
  }

  private onTimedOut(p: number): void {
    if (this.heldUntil[p] === this.sim.now) this.letGo(p);
  }

  private letGo(p: number): void {
    if (this.heldUntil[p] === 0) return;
    this.heldUntil[p] = 0;
    this.review(p);
  }

  private refuse(p: number, refuses: boolean): void {
    if ((this.refuses[p] === 1) === refuses) return;
    const t = this.tables.topic[p];
    this.refuses[p] = refuses ? 1 : 0;
    this.refusedCount[t] += refuses ? 1 : -1;
    const share = refuses ? this.tables.share[p] : -this.tables.share[p];
    this.refusedShare[t] = this.refusedCount[t] === 0 ? 0 : this.refusedShare[t] + share;
    this.slopes(t);
  }

  /** The watermark of a partition, bytes. Source: Kafka 3.7 `Partition.maybeIncrementLeaderHW`. */
  highWatermark(p: number): number {
    this.traffic.settle(p);
    const frozen = this.tables.frozenWatermark[p];
    return Number.isNaN(frozen) ? this.tables.logEndBytes[p] : frozen;
  }

  /**
   * A new leader that was behind has less than the log of the old one: what lies beyond is lost, and the others truncate to its end.
   * None of the partition's replicas may be fetching. Source: Kafka 3.7 `AbstractFetcherThread.truncateOnFetchResponse`.
   */
  truncate(p: number, endBytes: number): void {
    const { tables } = this;
    const lost = tables.logEndBytes[p] - endBytes;
    if (lost <= 0) return;
    tables.logEndBytes[p] = endBytes;
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
      tables.replicaEndBytes[r] = Math.min(tables.replicaEndBytes[r], endBytes);
    }
    if (!Number.isNaN(this.tables.frozenWatermark[p])) {
      this.tables.frozenWatermark[p] = Math.min(this.tables.frozenWatermark[p], endBytes);
    }
    this.lost(this.tables.topic[p], lost);
  }

  /** Bytes that producers were told are written, and that no remaining replica may have. */
  lost(topic: number, bytes: number): void {
    this.possiblyLostBytes.add(topic, bytes);
  }

  /** Leaders moved: for `micros` neither broker took the writes of so many partitions with this share of the topic. */
  deferred(topic: number, share: number, partitions: number, micros: number): void {
    this.retriedSends.add(topic, (this.messageRate(topic) * share * micros) / 1e6);
    this.unavailableSeconds.add(0, (partitions * micros) / 1e6);
  }

  /** Bytes offered to a topic that are neither written nor failed. */
  waitingBytes(topic: number): number {
    const { tables } = this;
    const volume = this.traffic.volumeOf(topic);
    let waiting = 0;
    for (let p = tables.firstPartition[topic]; p < tables.firstPartition[topic + 1]; p += 1) {
      waiting += tables.carry[p];
      if (tables.writable[p] === 1) continue;
      const from = Number.isNaN(this.failingFrom[topic])
        ? volume
        : Math.max(tables.volumeAt[p], this.failingFrom[topic]);
      waiting += tables.share[p] * (from - tables.volumeAt[p]);
    }
    return waiting;
  }

  /** Bytes of a topic's sends that failed, those still blocked included. */
  failedBytesOf(topic: number): number {
    const { tables } = this;
    let failed = this.failedBytes[topic];
    if (Number.isNaN(this.failingFrom[topic])) return failed;
    const volume = this.traffic.volumeOf(topic);
    for (let p = tables.firstPartition[topic]; p < tables.firstPartition[topic + 1]; p += 1) {
      if (tables.writable[p] === 1) continue;
      failed += tables.share[p] * (volume - Math.max(tables.volumeAt[p], this.failingFrom[topic]));
    }
    return failed;
  }

  /** The offered load of a topic changed. */
  loadChanged(topic: number): void {
    this.slopes(topic);
  }

  private messageRate(topic: number): number {
    const { bytesInPerSecond, messagesInPerSecond } = this.topics[topic];
    return bytesInPerSecond === 0
      ? 0
      : (this.traffic.topicRate[topic] * messagesInPerSecond) / bytesInPerSecond;
  }

  private freeze(p: number, frozen: boolean): void {
    const { tables } = this;
    this.traffic.settle(p);
    if (frozen) {
      tables.frozenWatermark[p] = tables.logEndBytes[p];
      return;
    }
    const hidden = tables.logEndBytes[p] - tables.frozenWatermark[p];
    tables.frozenWatermark[p] = Number.NaN;
    if (hidden > 0) this.burst(tables.topic[p], hidden);
  }

  private burst(topic: number, bytes: number): void {
    const { bytesInPerSecond, messagesInPerSecond } = this.topics[topic];
    if (bytesInPerSecond > 0) this.onBurst(topic, (bytes * messagesInPerSecond) / bytesInPerSecond);
  }

  private block(p: number): void {
    const { tables } = this;
    const t = tables.topic[p];
    this.traffic.settle(p);
    this.traffic.count(p, -1);
    tables.writable[p] = 0;
    tables.volumeAt[p] = this.traffic.volumeOf(t);
    if (this.blockedCount[t] === 0) this.blockedSince[t] = this.sim.now;
    this.blockedCount[t] += 1;
    this.blockedShare[t] += tables.share[p];
    this.countBlocked(1);
    this.slopes(t);
    this.planFailure(t);
  }

  private unblock(p: number): void {
    const { tables } = this;
    const t = tables.topic[p];
    const volume = this.traffic.volumeOf(t);
    const from = this.failingFrom[t];
    const failed = Number.isNaN(from) ? 0 : tables.share[p] * (volume - Math.max(tables.volumeAt[p], from));
    const offered = tables.share[p] * (volume - tables.volumeAt[p]) + tables.carry[p] - failed;
    const whole = Math.floor(offered);
    tables.logEndBytes[p] += whole;
    tables.carry[p] = offered - whole;
    tables.volumeAt[p] = volume;
    this.failedBytes[t] += failed;
    tables.writable[p] = 1;
    this.traffic.count(p, 1);
    this.blockedCount[t] -= 1;
    this.blockedShare[t] = this.blockedCount[t] === 0 ? 0 : this.blockedShare[t] - tables.share[p];
    this.countBlocked(-1);
    if (this.blockedCount[t] === 0) {
      this.failingFrom[t] = Number.NaN;
      const timer = this.timers[t];
      if (timer !== undefined) this.sim.cancel(timer);
      this.timers[t] = undefined;
    }
    this.slopes(t);
    if (whole > 0) this.burst(t, whole);
  }

  /** Sends begin to fail when they are too old, or when the buffers are full and have stayed so for max.block.ms. */
  private planFailure(topic: number): void {
    const { producers } = this.topics[topic];
    const rate = this.traffic.topicRate[topic] * this.blockedShare[topic];
    if (rate === 0 || !Number.isNaN(this.failingFrom[topic])) return;
    const fillMicros = ((producers.clients * producers.bufferBytes) / rate) * 1e6;
    const wait = Math.min(producers.deliveryTimeoutMicros, fillMicros + producers.maxBlockMicros);
    const at = Math.max(this.sim.now + 1, Math.ceil(this.blockedSince[topic] + wait));
    const timer = this.timers[topic];
    if (timer !== undefined) this.sim.cancel(timer);
    this.timers[topic] = this.sim.at(at, this.sendsFail, topic);
  }

  private onSendsFail(topic: number): void {
    this.timers[topic] = undefined;
    this.failingFrom[topic] = this.traffic.volumeOf(topic);
    this.slopes(topic);
    this.sim.tell(
      'kafka.sendsFail',
      this.topics[topic].name,
      `${this.blockedCount[topic]} partitions cannot be written`,
    );
  }

  private slopes(topic: number): void {
    const messages = this.messageRate(topic);
    const rate = messages * this.blockedShare[topic];
    this.retriedSends.set(topic, this.retriedSends.get(topic), messages * this.refusedShare[topic]);
    this.failedSends.set(
      topic,
      this.failedSends.get(topic),
      Number.isNaN(this.failingFrom[topic]) ? 0 : rate,
    );
  }

  private countUnavailable(delta: 1 | -1): void {
    this.unavailablePartitions.add(0, delta);
    this.unavailableSeconds.set(0, this.unavailableSeconds.get(0), this.unavailablePartitions.get(0));
    this.offlineSeconds.set(0, this.offlineSeconds.get(0), this.unavailablePartitions.get(0));
  }

  private countBlocked(delta: 1 | -1): void {
    this.blockedPartitions.add(0, delta);
    this.blockedSeconds.set(0, this.blockedSeconds.get(0), this.blockedPartitions.get(0));
  }
}
