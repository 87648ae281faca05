import type { FlowNetwork, LinkId } from '../../engine/flows.ts';
import type { Gauge } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import type { TopicSettings } from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';
import type { Traffic } from './traffic.ts';

/** The two sides of a replication throttle, in the order of the rows of `rehearse:replication_throttle_bytes_per_second`. */
export const throttleSides = ['leader', 'follower'] as const;
export type ThrottleSide = (typeof throttleSides)[number];

/** A replica as the lists of a topic name it: a partition row and a broker row. */
export type ListedReplica = readonly [partition: number, broker: number];

/** What a lagging replica is held back by, and whether its leader's side counts it without withholding it. */
export interface ThrottleHolds {
  readonly leader: boolean;
  readonly follower: boolean;
  readonly counted: boolean;
}

/**
 * Replication throttles (KIP-73): a rate for each broker and side, and which replicas are listed on each side.
 *
 * | | leader side, at the source | follower side, at the destination |
 * |---|---|---|
 * | counted | what listed partitions send to any follower, in sync or not | what listed replicas append, in sync or not |
 * | withheld | from followers that are not in the ISR | from replicas that have not caught up |
 *
 * So what in-sync followers take comes first, and out-of-sync ones share what it leaves: nothing, where the rate is at or below it.
 * Consumers and replicas that are not listed are never affected.
 *
 * Source: Kafka 3.7 `ReplicationQuotaManager`, `ReplicaManager.shouldLeaderThrottle`, `RemoteLeaderEndPoint.shouldFollowerThrottle`.
 * Simplified: the quota is held to at every instant. Kafka measures over the last 10 to 11 s in samples of 1 s (`SimpleRate`): after a silence within
 * that window what it left unused goes at once, up to 10 s of the rate, and after a longer one, when all samples have expired, the bytes of one second;
 * one response of at most replica.fetch.response.max.bytes may go beyond. A replica that has caught up and is not in the ISR yet, for some hundredths of
 * a second, counts as one that is.
 */
export class ReplicationThrottle {
  readonly rates: Gauge;
  private readonly tables: ClusterTables;
  private readonly traffic: Traffic;
  /** By topic: 1 where `*` lists all of its replicas on both sides. */
  private readonly wholeTopic: Uint8Array;
  /** By side: listed replicas as partition x brokers + broker, and by broker their partitions. */
  private readonly listed = { leader: new Set<number>(), follower: new Set<number>() };
  private readonly byBroker = {
    leader: new Map<number, Set<number>>(),
    follower: new Map<number, Set<number>>(),
  };
  private readonly rate: { readonly leader: Float64Array; readonly follower: Float64Array };
  private links: { readonly leader: LinkId[]; readonly follower: LinkId[] } | undefined;
  private network: FlowNetwork | undefined;
  /** What lagging members of an ISR fetch: counted at their leaders, not withheld. Bytes per second by broker. */
  private readonly lagging: Float64Array;
  /** Who is withheld may have changed. */
  onChange: () => void = () => {};

  constructor(
    sim: Simulation,
    tables: ClusterTables,
    traffic: Traffic,
    topics: readonly TopicSettings[],
    leaderRate: number,
    followerRate: number,
  ) {
    this.tables = tables;
    this.traffic = traffic;
    this.wholeTopic = Uint8Array.from(topics, (t) => (t.throttled ? 1 : 0));
    const n = tables.brokerCount;
    this.rate = {
      leader: new Float64Array(n).fill(leaderRate),
      follower: new Float64Array(n).fill(followerRate),
    };
    this.lagging = new Float64Array(n);
    this.rates = sim.gauge('rehearse:replication_throttle_bytes_per_second', n * throttleSides.length);
    for (let b = 0; b < n; b += 1) this.show(b);
  }

  connect(network: FlowNetwork): void {
    this.network = network;
    this.prepare();
  }

  /** Links exist as soon as there is a rate and something is listed: before, nothing costs anything. */
  private prepare(): boolean {
    const { network, rate } = this;
    if (this.links !== undefined || network === undefined) return false;
    const limited = (r: number) => r < Number.POSITIVE_INFINITY;
    if (!rate.leader.some(limited) && !rate.follower.some(limited)) return false;
    if (!this.wholeTopic.includes(1) && this.listed.leader.size + this.listed.follower.size === 0)
      return false;
    this.links = { leader: [], follower: [] };
    for (let b = 0; b < this.tables.brokerCount; b += 1) {
      this.links.leader.push(network.link(`leader throttle ${b}`, rate.leader[b]));
      this.links.follower.push(network.link(`follower throttle ${b}`, rate.follower[b]));
    }
    for (let b = 0; b < this.tables.brokerCount; b += 1) this.book(b);
    return true;
  }

  /** Bytes per second of a broker's side; Infinity where there is none. */
  rateOf(side: ThrottleSide, broker: number): number {
    return this.rate[side][broker];
  }

  /**
   * `leader.` or `follower.replication.throttled.rate` of a broker.
   * @param bytesPerSecond whole, above 0; Infinity removes it
   */
  setRate(side: ThrottleSide, broker: number, bytesPerSecond: number): void {
    if (this.rate[side][broker] === bytesPerSecond) return;
    this.rate[side][broker] = bytesPerSecond;
    this.show(broker);
    if (this.links !== undefined) this.network!.setCapacity(this.links[side][broker], bytesPerSecond);
    else if (this.prepare()) this.onChange();
  }

  private show(broker: number): void {
    throttleSides.forEach((side, i) => {
      const rate = this.rate[side][broker];
      this.rates.set(broker * throttleSides.length + i, rate === Number.POSITIVE_INFINITY ? 0 : rate);
    });
  }

  /** Adds replicas to the lists of their topics. */
  list(side: ThrottleSide, replicas: readonly ListedReplica[]): void {
    this.relist(side, replicas, true);
  }

  /** Takes replicas off the lists of their topics; what `*` lists stays. */
  unlist(side: ThrottleSide, replicas: readonly ListedReplica[]): void {
    this.relist(side, replicas, false);
  }

  private relist(side: ThrottleSide, replicas: readonly ListedReplica[], on: boolean): void {
    const n = this.tables.brokerCount;
    const brokers = new Set<number>();
    for (const [p, b] of replicas) {
      const key = p * n + b;
      if (this.listed[side].has(key) === on) continue;
      brokers.add(b);
      let partitions = this.byBroker[side].get(b);
      if (partitions === undefined) {
        partitions = new Set();
        this.byBroker[side].set(b, partitions);
      }
      if (on) {
        this.listed[side].add(key);
        partitions.add(p);
      } else {
        this.listed[side].delete(key);
        partitions.delete(p);
      }
    }
    if (brokers.size > 0) this.changed([...brokers]);
  }

  /** Lists nothing of a topic on either side any more, not by `*` either. */
  clearTopic(topic: number): void {
    const { tables } = this;
    this.wholeTopic[topic] = 0;
    const brokers = new Set<number>();
    for (const side of throttleSides) {
      for (const [b, partitions] of this.byBroker[side]) {
        for (const p of [...partitions]) {
          if (tables.topic[p] !== topic) continue;
          partitions.delete(p);
          this.listed[side].delete(p * tables.brokerCount + b);
          brokers.add(b);
        }
      }
    }
    this.changed(Array.from({ length: tables.brokerCount }, (_, b) => b));
  }

  private changed(brokers: readonly number[]): void {
    this.prepare();
    for (const b of brokers) this.book(b);
    this.onChange();
  }

  isListed(side: ThrottleSide, partition: number, broker: number): boolean {
    if (this.wholeTopic[this.tables.topic[partition]] === 1) return true;
    const listed = this.listed[side];
    return listed.size > 0 && listed.has(partition * this.tables.brokerCount + broker);
  }

  holds(replica: number, leader: number): ThrottleHolds {
    if (this.links === undefined) return unlisted;
    const { tables } = this;
    const p = Math.floor(replica / tables.stride);
    const listed = this.isListed('leader', p, leader);
    const member = tables.inSync[replica] === 1;
    return {
      leader: listed && !member,
      follower: this.isListed('follower', p, tables.broker[replica]),
      counted: listed && member,
    };
  }

  link(side: ThrottleSide, broker: number): LinkId {
    return this.links![side][broker];
  }

  /** Lagging members of an ISR fetch so much more from listed partitions of a leader. */
  addLagging(leader: number, delta: number): void {
    const sum = this.lagging[leader] + delta;
    this.lagging[leader] = Math.abs(sum) < 1e-3 ? 0 : sum;
    this.book(leader);
  }

  /** A broker's traffic was booked anew: what in-sync replicas move counts against its throttles. */
  book(broker: number): void {
    if (this.links === undefined) return;
    this.network!.setBackground(
      this.links.leader[broker],
      this.liveRate('leader', broker) + this.lagging[broker],
    );
    this.network!.setBackground(this.links.follower[broker], this.liveRate('follower', broker));
  }

  /** Bytes per second that replicas which keep up move on a broker, of what is listed. */
  liveRate(side: ThrottleSide, broker: number): number {
    const { tables, traffic } = this;
    const shares = side === 'leader' ? traffic.liveOutShare : traffic.liveInShare;
    let sum = 0;
    for (let t = 0; t < this.wholeTopic.length; t += 1) {
      if (this.wholeTopic[t] === 1) sum += traffic.topicRate[t] * shares[t * tables.brokerCount + broker];
    }
    for (const p of this.byBroker[side].get(broker) ?? []) {
      const leader = tables.leader[p];
      if (this.wholeTopic[tables.topic[p]] === 1 || leader === noLeader || tables.writable[p] === 0) continue;
      const rate = traffic.partitionRate(p) * tables.admitted[p];
      if (side === 'leader') {
        if (leader === broker) sum += rate * this.liveFollowers(p);
      } else if (leader !== broker) {
        const r = tables.replicaOn(p, broker);
        if (r >= 0 && tables.state[r] === replicaState.live) sum += rate;
      }
    }
    return sum;
  }

  /**
   * Bytes per second that a broker's listed partitions take in at most, whoever leads: on the leader side once for each other replica, where
   * it leads all that it lists.
   */
  mostRate(side: ThrottleSide, broker: number): number {
    const { tables, traffic } = this;
    let sum = 0;
    for (const r of tables.hosted(broker)) {
      const p = Math.floor(r / tables.stride);
      if (!this.isListed(side, p, broker)) continue;
      sum += traffic.partitionRate(p) * (side === 'leader' ? tables.replicaCount[p] - 1 : 1);
    }
    return sum;
  }

  private liveFollowers(p: number): number {
    const { tables } = this;
    let live = 0;
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
      const b = tables.broker[r];
      if (b >= 0 && b !== tables.leader[p] && tables.state[r] === replicaState.live) live += 1;
    }
    return live;
  }
}

const unlisted: ThrottleHolds = { leader: false, follower: false, counted: false };
