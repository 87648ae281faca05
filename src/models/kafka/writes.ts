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
 * while an ISR member is behind and moves on at once when it has caught up. A send that waits for an answer counts as tried again
 * once it has waited for request.timeout.ms.
 *
 * Where a link that a partition's writes pass is saturated, `admit` says which share of them gets through. The rest waits in the same buffers,
 * first come first served: after a time t its head is (1 - admitted) t old, so that sends fail when that reaches delivery.timeout.ms, or
 * max.block.ms beyond what fills the buffers. What waits is written when all is admitted again.
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
  readonly duplicates: Gauge;
  /** Share of a topic's offered bytes that is written as it comes. */
  readonly admittedRatio: Gauge;
  /** Bytes of failed sends, by topic. */
  readonly failedBytes: Float64Array;
  /** By partition: bytes beyond a lagging member's log that no producer with acks=all was told are written; it sends them again. */
  readonly unacknowledged = new Map<number, number>();
  /** A topic's partition was written to with what had waited: so many messages at once. */
  onBurst: (partition: number, messages: number) => void = () => {};
  /** A partition's live replicas append so many bytes at once: what had waited while it could not be written. */
  onAppended: (partition: number, bytes: number) => void = () => {};
  /** A partition's replicas are about to be cut back to a log end. */
  onTruncate: (partition: number, endBytes: number) => void = () => {};
  /** Whether a broker's process serves requests. */
  serving: (broker: number) => boolean = () => true;
  /** A partition lost its serving leader, or has one again. */
  onLed: (p: number, led: boolean) => void = () => {};
  /** A partition lost its serving leader or has one again, or can be written where it could not, or the other way round. */
  onAvailability: (p: number) => void = () => {};
  /** Whether a broker's process stands still: clients wait for it, and no request comes back with an error. */
  standsStill: (broker: number) => boolean = () => false;

  private readonly sim: Simulation;
  private readonly tables: ClusterTables;
  private readonly topics: readonly TopicSettings[];
  private readonly traffic: Traffic;
  private readonly replication: Replication;
  private readonly sendsFail: Kind;
  /** By topic: share of its bytes that is not written, share of the partitions concerned, and their number. */
  private readonly heldShare: Float64Array;
  private readonly heldWhole: Float64Array;
  private readonly heldCount: Int32Array;
  /** By topic: how old the head of what waits is, microseconds, as of `heldSince`. */
  private readonly heldMicros: Float64Array;
  private readonly heldSince: Float64Array;
  /** By partition: bytes that wait, as of the topic volume `heldAt`. */
  private readonly waiting: Float64Array;
  private readonly heldAt: Float64Array;
  private readonly failingFrom: Float64Array;
  private readonly timers: (Handle | undefined)[];
  private readonly leaderless: Uint8Array;
  /** By partition: 1 while it cannot be written and sends come back with an error, so that they are tried again. */
  private readonly refuses: Uint8Array;
  /** By partition: until when its clients wait for a leader that will not answer, though another leads, microseconds; else 0. */
  private readonly heldUntil: Float64Array;
  private readonly heldBy = new Map<number, number[]>();
  private readonly timedOut: Kind;
  /** Partitions whose requests end, by the moment. */
  private readonly timeouts = new Map<number, number[]>();
  /** By partition: since when it cannot be written and sends wait for an answer, microseconds; NaN while none do. */
  private readonly waitsSince: Float64Array;
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
    this.duplicates = sim.gauge('rehearse:duplicate_messages_total', n);
    this.failedBytes = new Float64Array(n);
    this.admittedRatio = sim.gauge('rehearse:admitted_write_ratio', n);
    for (let t = 0; t < n; t += 1) this.admittedRatio.set(t, 1);
    this.heldShare = new Float64Array(n);
    this.heldWhole = new Float64Array(n);
    this.heldCount = new Int32Array(n);
    this.heldMicros = new Float64Array(n);
    this.heldSince = new Float64Array(n);
    this.waiting = new Float64Array(tables.partitionCount);
    this.heldAt = new Float64Array(tables.partitionCount);
    /** Topic volume from which on sends fail; NaN while none do. */
    this.failingFrom = new Float64Array(n).fill(Number.NaN);
    this.timers = new Array(n);
    this.leaderless = new Uint8Array(tables.partitionCount);
    this.refuses = new Uint8Array(tables.partitionCount);
    this.heldUntil = new Float64Array(tables.partitionCount);
    this.waitsSince = new Float64Array(tables.partitionCount).fill(Number.NaN);
    this.timedOut = sim.on('kafka.requestsTimedOut', () => {
      const partitions = this.timeouts.get(sim.now) ?? [];
      this.timeouts.delete(sim.now);
      for (const p of partitions) this.onTimedOut(p);
    });
    this.refusedShare = new Float64Array(n);
    this.refusedCount = new Int32Array(n);
    this.sendsFail = sim.on('kafka.sendsFail', (topic) => this.onSendsFail(topic));
  }

  /** Looks again at whether a partition can be written and its watermark moves. */
  review(p: number): void {
    const { tables } = this;
    if (!tables.exists(p)) return;
    const leader = tables.leader[p];
    // A leader that has not learnt of its election is none yet.
    const led =
      leader !== noLeader &&
      this.serving(leader) &&
      !tables.isOffline(p, leader) &&
      tables.state[tables.replicaOn(p, leader)] === replicaState.live;
    const wasLed = this.leaderless[p] === 0;
    const wasWritable = tables.writable[p] === 1;
    if (wasLed !== led) {
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
    if (wasWritable !== writable) {
      this.replication.writableChanged(p, () => (writable ? this.unblock(p) : this.block(p)));
    }
    // Sends to a leader that stands still, or that wait for a member of the ISR, are waiting for an answer.
    const waits = led
      ? this.heldUntil[p] > 0 || tables.isrCount[p] >= tables.effectiveMinIsr(p)
      : leader !== noLeader && this.standsStill(leader);
    if (tables.writable[p] === 1 || !waits) this.waitsSince[p] = Number.NaN;
    else if (Number.isNaN(this.waitsSince[p])) this.beginWait(p);
    const patient = this.sim.now < this.waitsSince[p] + this.producersOf(p).requestTimeoutMicros;
    this.refuse(p, tables.writable[p] === 0 && !patient);
    if (wasLed !== led || wasWritable !== writable) this.onAvailability(p);
  }

  /** Whether a partition has a leader that serves. */
  isLed(p: number): boolean {
    return this.leaderless[p] === 0;
  }

  /** A partition has just been created: nothing was offered to it before. To be counted in the traffic by the caller. */
  open(p: number): void {
    const { tables } = this;
    const volume = this.traffic.volumeOf(tables.topic[p]);
    tables.writable[p] = 1;
    tables.volumeAt[p] = volume;
    this.heldAt[p] = volume;
  }

  /** A partition takes another share of its topic from now on. */
  reshare(p: number, share: number): void {
    const { tables } = this;
    const old = tables.share[p];
    if (old === share) return;
    this.replication.writableChanged(p, () =>
      this.hold(p, () => {
        tables.share[p] = share;
      }),
    );
    if (this.refuses[p] === 1) {
      this.refusedShare[tables.topic[p]] += share - old;
      this.slopes(tables.topic[p]);
    }
  }

  private producersOf(p: number): TopicSettings['producers'] {
    return this.topics[this.tables.topic[p]].producers;
  }

  private beginWait(p: number): void {
    this.waitsSince[p] = this.sim.now;
    if (this.tables.share[p] > 0) this.timeOut(p, this.sim.now + this.producersOf(p).requestTimeoutMicros);
  }

  /** Requests to a partition end at a moment: one event for all that end then. */
  private timeOut(p: number, at: number): void {
    const partitions = this.timeouts.get(at);
    if (partitions !== undefined) {
      partitions.push(p);
      return;
    }
    this.timeouts.set(at, [p]);
    this.sim.at(at, this.timedOut);
  }

  /**
   * What producers had in flight to a partition is sent again, and is in the log twice unless its sequence numbers tell the broker (idempotence).
   * Source: Kafka 3.7 `ProducerStateManager`, `Sender.reenqueueBatch`. Simplified: counted once for each wait, and not added to the log.
   */
  private duplicated(p: number, micros: number): void {
    const t = this.tables.topic[p];
    const { producers, bytesInPerSecond, messagesInPerSecond } = this.topics[t];
    if (producers.idempotent || bytesInPerSecond === 0) return;
    const inFlight = producers.clients * producers.inFlight * producers.batchBytes;
    const sent = Math.min((this.traffic.partitionRate(p) * micros) / 1e6, inFlight);
    this.duplicates.add(t, (sent * messagesInPerSecond) / bytesInPerSecond);
  }

  /** A leader has died: what it had appended and not yet answered is sent to the next one. @param micros from the append to the answer */
  leaderDied(p: number, micros: number): void {
    if (this.tables.writable[p] === 1) this.duplicated(p, micros);
  }

  /**
   * A leader fell silent at `since` without a reset of its connections, and loses what it leads: its clients have sent to it last just then, and
   * look for the next leader when request.timeout.ms is over. To be called while it still leads.
   * Source: Kafka 3.7 `NetworkClient.handleTimedOutRequests`.
   */
  waitForAnswers(broker: number, since: number): void {
    const { tables } = this;
    const held = this.heldBy.get(broker) ?? [];
    for (const r of tables.hosted(broker)) {
      const p = Math.floor(r / tables.stride);
      if (tables.leader[p] !== broker || tables.share[p] === 0) continue;
      const until = since + this.producersOf(p).requestTimeoutMicros;
      if (until <= this.sim.now) continue;
      this.heldUntil[p] = until;
      held.push(p);
      this.timeOut(p, until);
    }
    this.heldBy.set(broker, held);
  }

  /** The broker's machine answers again: who waited for it knows now. */
  release(broker: number): void {
    for (const p of this.heldBy.get(broker) ?? []) this.letGo(p);
    this.heldBy.delete(broker);
  }

  /** Requests to a partition have been waiting for an answer as long as clients bear: they end, and are tried again. */
  private onTimedOut(p: number): void {
    if (this.heldUntil[p] === this.sim.now) this.letGo(p);
    if (this.waitsSince[p] + this.producersOf(p).requestTimeoutMicros !== this.sim.now) return;
    // The leader has appended what it does not answer yet, where it runs.
    if (this.leaderless[p] === 0) this.duplicated(p, this.producersOf(p).requestTimeoutMicros);
    this.review(p);
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
    this.onTruncate(p, endBytes);
    tables.logEndBytes[p] = endBytes;
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
      tables.replicaEndBytes[r] = Math.min(tables.replicaEndBytes[r], endBytes);
    }
    if (!Number.isNaN(this.tables.frozenWatermark[p])) {
      this.tables.frozenWatermark[p] = Math.min(this.tables.frozenWatermark[p], endBytes);
    }
    const again = Math.min(lost, this.unacknowledged.get(p) ?? 0);
    tables.carry[p] += again;
    this.lost(this.tables.topic[p], lost - again);
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
      if (this.holds(p) === 0) continue;
      const from = this.failsFrom(p, volume);
      waiting += this.waiting[p] + tables.share[p] * this.holds(p) * (from - this.heldAt[p]);
    }
    return waiting;
  }

  /** Bytes of a topic's sends that failed, those that go on failing included. */
  failedBytesOf(topic: number): number {
    const { tables } = this;
    let failed = this.failedBytes[topic];
    if (Number.isNaN(this.failingFrom[topic])) return failed;
    const volume = this.traffic.volumeOf(topic);
    for (let p = tables.firstPartition[topic]; p < tables.firstPartition[topic + 1]; p += 1) {
      if (this.holds(p) === 0) continue;
      failed += tables.share[p] * this.holds(p) * (volume - this.failsFrom(p, volume));
    }
    return failed;
  }

  /** Share of what is offered to a partition that is not written now. */
  private holds(p: number): number {
    return this.tables.writable[p] === 0 ? 1 : 1 - this.tables.admitted[p];
  }

  /** Topic volume from which on what a partition does not take fails, since `heldAt`; `volume` while nothing fails. */
  private failsFrom(p: number, volume: number): number {
    const from = this.failingFrom[this.tables.topic[p]];
    return Number.isNaN(from) ? volume : Math.max(this.heldAt[p], from);
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
    if (hidden > 0) this.burst(p, hidden);
  }

  private burst(p: number, bytes: number): void {
    const { bytesInPerSecond, messagesInPerSecond } = this.topics[this.tables.topic[p]];
    if (bytesInPerSecond > 0) this.onBurst(p, (bytes * messagesInPerSecond) / bytesInPerSecond);
  }

  private block(p: number): void {
    const { tables } = this;
    this.hold(p, () => {
      tables.writable[p] = 0;
      tables.volumeAt[p] = this.traffic.volumeOf(tables.topic[p]);
    });
    this.countBlocked(1);
    this.planFailure(tables.topic[p]);
  }

  private unblock(p: number): void {
    const { tables } = this;
    this.hold(p, () => {
      tables.writable[p] = 1;
      tables.volumeAt[p] = this.traffic.volumeOf(tables.topic[p]);
    });
    this.countBlocked(-1);
  }

  /**
   * Saturated links let so much of what is offered to a partition through from now on.
   * @param share 0 to 1
   */
  admit(p: number, share: number): void {
    const { tables } = this;
    if (tables.admitted[p] === share) return;
    this.replication.writableChanged(p, () =>
      this.hold(p, () => {
        tables.admitted[p] = share;
      }),
    );
    if (share < 1) this.planFailure(tables.topic[p]);
  }

  /** Changes how much of a partition's load is written, and writes what has waited where that is all of it. */
  private hold(p: number, change: () => void): void {
    const { tables } = this;
    const t = tables.topic[p];
    const before = this.holds(p);
    const share = tables.share[p];
    this.traffic.settle(p);
    this.traffic.count(p, -1);
    const volume = this.traffic.volumeOf(t);
    const from = this.failsFrom(p, volume);
    const failed = before === 0 ? 0 : tables.share[p] * before * (volume - from);
    const held = before === 0 ? 0 : tables.share[p] * before * (volume - this.heldAt[p]);
    this.failedBytes[t] += failed;
    this.age(t);
    change();
    const after = this.holds(p);
    if (tables.writable[p] === 1) this.unacknowledged.delete(p);
    this.heldAt[p] = volume;
    if (this.heldCount[t] === 0) this.heldMicros[t] = 0;
    this.heldCount[t] += (after > 0 ? 1 : 0) - (before > 0 ? 1 : 0);
    this.heldWhole[t] += (after > 0 ? tables.share[p] : 0) - (before > 0 ? share : 0);
    this.heldShare[t] += tables.share[p] * after - share * before;
    let whole = 0;
    if (after > 0) this.waiting[p] += held - failed;
    else if (before > 0) {
      const offered = held + tables.carry[p] - failed + this.waiting[p];
      whole = Math.floor(offered);
      tables.logEndBytes[p] += whole;
      this.onAppended(p, whole);
      tables.carry[p] = offered - whole;
      this.waiting[p] = 0;
    }
    this.traffic.count(p, 1);
    if (this.heldCount[t] === 0) {
      this.heldShare[t] = 0;
      this.heldWhole[t] = 0;
      this.failingFrom[t] = Number.NaN;
      const timer = this.timers[t];
      if (timer !== undefined) this.sim.cancel(timer);
      this.timers[t] = undefined;
    }
    this.admittedRatio.set(t, Math.max(0, 1 - this.heldShare[t]));
    this.slopes(t);
    if (whole > 0) this.burst(p, whole);
  }

  /** The part of what is offered to the partitions concerned that a topic does not take now. */
  private heldPart(topic: number): number {
    return this.heldCount[topic] === 0 ? 0 : Math.min(1, this.heldShare[topic] / this.heldWhole[topic]);
  }

  /** Moves the age of what waits to now. */
  private age(topic: number): void {
    this.heldMicros[topic] += this.heldPart(topic) * (this.sim.now - this.heldSince[topic]);
    this.heldSince[topic] = this.sim.now;
  }

  /** Sends begin to fail when they are too old, or when the buffers are full and have stayed so for max.block.ms. */
  private planFailure(topic: number): void {
    const { producers } = this.topics[topic];
    const rate = this.traffic.topicRate[topic] * this.heldShare[topic];
    if (rate === 0 || !Number.isNaN(this.failingFrom[topic])) return;
    this.age(topic);
    const part = this.heldPart(topic);
    const fillMicros = ((producers.clients * producers.bufferBytes) / rate) * 1e6;
    const oldest = Math.min(producers.deliveryTimeoutMicros, fillMicros * part + producers.maxBlockMicros);
    const began = this.sim.now - this.heldMicros[topic] / part;
    const at = Math.max(this.sim.now + 1, Math.ceil(began + oldest / part));
    const timer = this.timers[topic];
    if (timer !== undefined) this.sim.cancel(timer);
    this.timers[topic] = undefined;
    // A share of next to nothing waits longer than time is counted.
    if (at < Number.MAX_SAFE_INTEGER) this.timers[topic] = this.sim.at(at, this.sendsFail, topic);
  }

  private onSendsFail(topic: number): void {
    this.timers[topic] = undefined;
    this.failingFrom[topic] = this.traffic.volumeOf(topic);
    this.slopes(topic);
    const what = this.heldPart(topic) === 1 ? 'cannot be written' : 'cannot be written in full';
    this.sim.tell('kafka.sendsFail', this.topics[topic].name, `${this.heldCount[topic]} partitions ${what}`);
  }

  private slopes(topic: number): void {
    const messages = this.messageRate(topic);
    const rate = messages * this.heldShare[topic];
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
