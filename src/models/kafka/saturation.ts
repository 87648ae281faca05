import type { FlowNetwork } from '../../engine/flows.ts';
import type { Gauge } from '../../engine/gauge.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import type { NodeLinks, Replication } from './replication.ts';
import type { ClusterSettings } from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';
import type { Traffic } from './traffic.ts';
import type { Ways } from './ways.ts';
import type { Writes } from './writes.ts';

/** What can be saturated at a broker, in the order of the rows of `rehearse:link_saturated_seconds_total`. */
export const linkKinds = ['in', 'out', 'disk', 'fetcher'] as const;
const kind = { in: 0, out: 1, disk: 2, fetcher: 3 } as const;

/** Shares that differ by less are the same: rounding of sums that went in and out again. */
const tolerance = 1e-10;
/** A follower that begins to lag is so far behind at first. Guess: about one fetch. */
const oneFetchMicros = 10_000;
/** Who could not fall behind yet, because nothing had been written, is looked at again after this long. */
const againMicros = 100_000;

/** A link that steady traffic passes: one of a node's devices, or a fetcher thread's connection that the network limits. */
interface Passage {
  readonly broker: number;
  readonly kind: number;
  /** Of a disk: the place of the log directory on it. */
  readonly directory: number;
  /** Bytes per second that it has, and that all of them would be that are offered. */
  room: number;
  demand: number;
  /** Of a connection: the partitions that go over it. */
  readonly partitions: number[] | undefined;
  /** Bytes per second that go over it now, and of them those of replicas that may lag. */
  now: number;
  loose: number;
}

/**
 * Links that are asked for more than they have, and what it does to the traffic that passes them.
 *
 * - Producers wait: of what is offered to a partition only a share is admitted (`Writes.admit`), the same for all partitions on the
 *   tightest link, capacity / demand; what they leave on their other links is shared anew (max-min, in shares of the demand).
 * - With acks=all the followers' way counts as well as the leader's: producers have at most clients x max.in.flight x batch.size bytes of a partition
 *   under way (of all that a broker leads max.request.size in place of batch.size), so that they are slowed down to the slowest member of the ISR, and it counts as caught up, as each fetch brings all there was at the
 *   one before. But where draining what is under way takes longer than replica.lag.time.max.ms it does not: it lags, and its leader takes it out.
 * - With acks=1 and 0 nobody waits for followers: those that do not get enough lag, and fetch as those do that catch up.
 *
 * A connection of a fetcher thread is such a link where the network limits it (loss, a round trip of its own, a receive window).
 *
 * It costs nothing while no link is saturated and no connection limited. No chattering: what is offered decides, not what is admitted, and a
 * follower lags only when the traffic that is taken now does not fit.
 *
 * Source: Kafka 3.7 `Replica.updateFetchStateOrThrow` (caught up), `ProducerConfig` (max.in.flight, batch.size, max.request.size); D. Bertsekas and R. Gallager, "Data Networks"
 * (1992), 6.5.2, for the sharing; the rest is ours. Simplified: followers in sync go before those that catch up, which get nothing from a
 * saturated link; consumers read what is admitted: where reading with acks=1 or 0 saturates a way out, only `rehearse:node_overload_ratio` tells, as it
 * does for the limit of a fetcher at the usual round trip (`rehearse:request_overload_ratio`).
 */
export class Saturation {
  /** Links of a broker that are saturated now. */
  readonly saturatedLinks: Gauge;
  /** By broker and link. */
  readonly saturatedSeconds: Gauge;
  /** Bytes per second of a broker's node that steady traffic asks for and is not given; disk writes by log directory. */
  onHeld: (broker: number, inbound: number, outbound: number, diskWrites: readonly number[]) => void =
    () => {};
  /** A member of an ISR does not keep up from now on. */
  onLagging: (replica: number) => void = () => {};
  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly tables: ClusterTables;
  private readonly traffic: Traffic;
  private readonly replication: Replication;
  private readonly writes: Writes;
  private readonly ways: Ways;
  private network: FlowNetwork | undefined;
  private linksOf: ((broker: number, directory: number) => NodeLinks) | undefined;
  /** Rows of links of one broker: in, out, and its directories' disks. */
  private readonly width: number;
  /** Partitions that are admitted in part. */
  private readonly held = new Set<number>();
  private readonly touched = new Set<number>();
  private roomsSeen = -1;
  /** Limited connections by follower, then by key. */
  private readonly limited = new Map<number, Map<number, Passage>>();
  private readonly saturated: Uint8Array;
  private told = new Set<number>();
  private readonly again: Kind;
  private waits = false;
  /** Some could not fall behind when they had to: producers were held instead, which ends as soon as they can. */
  private late = false;
  private forced = false;

  constructor(
    sim: Simulation,
    settings: ClusterSettings,
    tables: ClusterTables,
    traffic: Traffic,
    replication: Replication,
    writes: Writes,
    ways: Ways,
  ) {
    this.sim = sim;
    this.settings = settings;
    this.tables = tables;
    this.traffic = traffic;
    this.replication = replication;
    this.writes = writes;
    this.ways = ways;
    const n = tables.brokerCount;
    let most = 1;
    for (let b = 0; b < n; b += 1)
      most = Math.max(most, tables.directoriesFrom[b + 1] - tables.directoriesFrom[b]);
    this.width = 2 + most;
    this.saturatedLinks = sim.gauge('rehearse:saturated_links', n);
    this.saturatedSeconds = sim.gauge('rehearse:link_saturated_seconds_total', n * linkKinds.length, {
      linear: true,
    });
    this.saturated = new Uint8Array(n * linkKinds.length);
    this.again = sim.on('kafka.linksReviewed', () => {
      this.waits = false;
      this.forced = true;
      this.late = true;
    });
    replication.besideOf = (follower, leader, thread) =>
      this.limited.get(follower)?.get(this.key(leader, thread))?.now ?? 0;
    sim.beforeAdvance(() => this.review());
  }

  connect(network: FlowNetwork, linksOf: (broker: number, directory: number) => NodeLinks): void {
    this.network = network;
    this.linksOf = linksOf;
  }

  /** A broker's traffic was booked anew. */
  touch(broker: number): void {
    if (this.busy()) this.touched.add(broker);
  }

  /** What the network gives connections changed. */
  networkChanged(): void {
    for (let b = 0; b < this.tables.brokerCount; b += 1) this.touched.add(b);
    this.forced = true;
  }

  private key(leader: number, thread: number): number {
    return leader * this.settings.fetcher.threads + thread;
  }

  /** Whether there is anything to look at. */
  private busy(): boolean {
    return (
      this.held.size > 0 ||
      this.limited.size > 0 ||
      this.ways.leastRate < Number.POSITIVE_INFINITY ||
      (this.network !== undefined && this.network.overfull.size > 0)
    );
  }

  private review(): boolean {
    const { network } = this;
    if (network === undefined) return false;
    const rooms = network.roomChanges !== this.roomsSeen;
    if (!this.forced && !this.busy()) {
      this.roomsSeen = network.roomChanges;
      return false;
    }
    if (!this.forced && !rooms && this.touched.size === 0) return false;
    this.forced = false;
    this.roomsSeen = network.roomChanges;
    const moved = this.connections();
    return this.solve() || moved;
  }

  /** Bytes per second that are offered to a partition and can be written but for saturated links. */
  private offered(p: number): number {
    return this.tables.writable[p] === 1 && this.tables.leader[p] !== noLeader
      ? this.traffic.partitionRate(p)
      : 0;
  }

  private waitsForAll(p: number): boolean {
    return this.settings.topics[this.tables.topic[p]].acks === 'all';
  }

  private isFollowing(replica: number, p: number): boolean {
    const b = this.tables.broker[replica];
    return b >= 0 && b !== this.tables.leader[p] && this.tables.state[replica] === replicaState.live;
  }

  /** Live followers of a partition, as replica rows. */
  private followers(p: number): number[] {
    const found: number[] = [];
    const first = p * this.tables.stride;
    for (let r = first; r < first + this.tables.stride; r += 1) if (this.isFollowing(r, p)) found.push(r);
    return found;
  }

  /** Looks again at the limited connections of touched followers. @returns whether what they leave to lagging replicas changed */
  private connections(): boolean {
    const { tables, ways } = this;
    let changed = false;
    for (const b of [...this.touched].sort((x, y) => x - y)) {
      const before = this.limited.get(b);
      const now = new Map<number, Passage>();
      if (ways.leastRate < Number.POSITIVE_INFINITY) {
        for (const r of tables.hosted(b)) {
          const p = Math.floor(r / tables.stride);
          if (!this.isFollowing(r, p)) continue;
          const rate = this.offered(p);
          if (rate === 0) continue;
          const room = ways.connectionRate(b, tables.leader[p]);
          if (room === Number.POSITIVE_INFINITY) continue;
          const key = this.key(tables.leader[p], this.replication.threadOf(p));
          let passage = now.get(key);
          if (passage === undefined) {
            passage = {
              broker: b,
              kind: kind.fetcher,
              directory: 0,
              room,
              demand: 0,
              partitions: [],
              now: 0,
              loose: 0,
            };
            now.set(key, passage);
          }
          passage.demand += rate;
          passage.now += rate * tables.admitted[p];
          if (!this.waitsForAll(p)) passage.loose += rate * tables.admitted[p];
          passage.partitions!.push(p);
        }
      }
      for (const [key, passage] of now) {
        if (passage.now !== before?.get(key)?.now || passage.room !== before?.get(key)?.room) changed = true;
      }
      if (before !== undefined && before.size !== now.size) changed = true;
      if (now.size > 0) this.limited.set(b, now);
      else this.limited.delete(b);
    }
    this.touched.clear();
    if (changed) this.replication.limitsChanged();
    return changed;
  }

  /** One round: who begins to lag, or else what is admitted. @returns whether anything changed */
  private solve(): boolean {
    const passages = this.passages();
    if (this.letLag(passages)) return true;
    const tight = [...passages.values()].filter((l) => l.demand > l.room * (1 + 1e-9));
    const shares = new Map<number, number>();
    const fixedBy = this.fill(passages, tight, shares);
    if (this.letMembersLag(fixedBy, shares)) return true;
    this.show(passages.size === 0 ? [] : tight);
    return this.admit(shares);
  }

  /** Every link that may be asked for more than it has, by row: nodes' links by broker and kind, connections after them. */
  private passages(): Map<number, Passage> {
    const { tables, network, linksOf, held, width } = this;
    const n = tables.brokerCount;
    const found = new Map<number, Passage>();
    if (network === undefined || linksOf === undefined) return found;
    const heldAt = new Float64Array(held.size > 0 ? width * n : 0);
    for (const p of held) {
      const rest = this.offered(p) * (1 - tables.admitted[p]);
      if (rest === 0) continue;
      this.pass(p, (row, weight) => {
        if (row < width * n) heldAt[row] += rest * weight;
      });
    }
    if (held.size > 0 || network.overfull.size > 0) {
      for (let b = 0; b < n; b += 1) {
        const { inbound, outbound } = linksOf(b, 0);
        const links = [inbound, outbound];
        for (let d = 0; d < tables.directoriesFrom[b + 1] - tables.directoriesFrom[b]; d += 1)
          links.push(linksOf(b, d).diskWrite);
        links.forEach((link, k) => {
          const now = network.background(link);
          const demand = now + (held.size > 0 ? heldAt[width * b + k] : 0);
          const room = network.room(link);
          if (demand <= room * (1 + 1e-9)) return;
          found.set(width * b + k, {
            broker: b,
            kind: Math.min(k, kind.disk),
            directory: Math.max(0, k - kind.disk),
            room,
            demand,
            partitions: undefined,
            now,
            loose: 0,
          });
        });
      }
    }
    for (const [b, connections] of this.limited) {
      for (const [key, c] of connections) {
        if (c.demand > c.room * (1 + 1e-9))
          found.set(width * n + b * n * this.settings.fetcher.threads + key, { ...c });
      }
    }
    this.tellHeld(heldAt);
    return found;
  }

  /** The rows of links that a partition's traffic passes, and how often a byte does. */
  private pass(p: number, visit: (row: number, weight: number) => void): void {
    const { tables, width } = this;
    const n = tables.brokerCount;
    const leader = tables.leader[p];
    const followers = this.followers(p);
    visit(width * leader + kind.in, 1);
    visit(width * leader + kind.disk + tables.placeOf(tables.replicaOn(p, leader)), 1);
    visit(width * leader + kind.out, followers.length);
    this.traffic.readers(p, (broker, times) => visit(width * broker + kind.out, times));
    for (const r of followers) {
      const b = tables.broker[r];
      visit(width * b + kind.in, 1);
      visit(width * b + kind.disk + tables.placeOf(r), 1);
      if (this.limited.has(b)) {
        const key = this.key(leader, this.replication.threadOf(p));
        visit(width * n + b * n * this.settings.fetcher.threads + key, 1);
      }
    }
  }

  /** Whether a replica on the link's broker is written to that link, where it is a disk. */
  private passes(replica: number, passage: Passage): boolean {
    return passage.kind !== kind.disk || this.tables.placeOf(replica) === passage.directory;
  }

  /** Partitions whose producers a saturated link slows down. */
  private slowedBy(passage: Passage): number[] {
    const { tables } = this;
    if (passage.partitions !== undefined)
      return passage.partitions.filter((p) => this.waitsForAll(p) && this.offered(p) > 0);
    const b = passage.broker;
    const found: number[] = [];
    for (const r of tables.hosted(b)) {
      const p = Math.floor(r / tables.stride);
      if (this.offered(p) === 0 || !this.passes(r, passage)) continue;
      const leads = tables.leader[p] === b;
      const all = this.waitsForAll(p);
      if (passage.kind === kind.out ? leads && all : leads || (all && this.isFollowing(r, p))) found.push(p);
    }
    return found;
  }

  /** Followers over a saturated link for which no producer waits. */
  private looseFollowers(passage: Passage): number[] {
    const { tables } = this;
    const b = passage.broker;
    if (passage.partitions !== undefined)
      return passage.partitions
        .filter((p) => !this.waitsForAll(p))
        .map((p) => tables.replicaOn(p, b))
        .filter((r) => this.isFollowing(r, Math.floor(r / tables.stride)));
    const found: number[] = [];
    for (const r of tables.hosted(b)) {
      const p = Math.floor(r / tables.stride);
      if (this.waitsForAll(p) || this.offered(p) === 0 || !this.passes(r, passage)) continue;
      if (passage.kind === kind.out) {
        if (tables.leader[p] === b) found.push(...this.followers(p));
      } else if (this.isFollowing(r, p)) found.push(r);
    }
    return found;
  }

  /** Followers that nobody waits for lag where what is taken now does not fit. */
  private letLag(passages: ReadonlyMap<number, Passage>): boolean {
    let changed = false;
    const { late } = this;
    this.late = false;
    for (const passage of passages.values()) {
      if ((late ? passage.demand : passage.now) <= passage.room * (1 + 1e-9)) continue;
      let count = 0;
      for (const r of this.looseFollowers(passage)) {
        const p = Math.floor(r / this.tables.stride);
        if (this.lag(r, (this.offered(p) * oneFetchMicros) / 1e6)) count += 1;
      }
      if (count === 0) continue;
      changed = true;
      this.sim.tell(
        'kafka.followersLag',
        `broker-${this.settings.brokers[passage.broker].id}`,
        `${count} replicas over a saturated link (${linkKinds[passage.kind]})`,
      );
    }
    return changed;
  }

  private lag(replica: number, bytes: number): boolean {
    if (this.tables.state[replica] !== replicaState.live) return false;
    if (!this.replication.fallBehind(replica, bytes)) {
      if (!this.waits) this.sim.after(againMicros, this.again);
      this.waits = true;
      return false;
    }
    if (this.tables.inSync[replica] === 1) this.onLagging(replica);
    return true;
  }

  /** Max-min fair shares of what is offered. @returns the partitions that each link holds down, with the link */
  private fill(
    passages: ReadonlyMap<number, Passage>,
    tight: readonly Passage[],
    shares: Map<number, number>,
  ): readonly (readonly [Passage, readonly number[]])[] {
    const open = new Set(tight);
    const fixedBy: [Passage, number[]][] = [];
    const left = new Map(tight.map((l) => [l, { room: l.room, demand: l.demand }]));
    while (open.size > 0) {
      let tightest: Passage | undefined;
      let least = 1;
      for (const l of open) {
        const { room, demand } = left.get(l)!;
        const ratio = demand <= 0 ? 1 : Math.max(0, room) / demand;
        if (ratio < least - tolerance) {
          least = ratio;
          tightest = l;
        }
      }
      if (tightest === undefined) break;
      open.delete(tightest);
      const fixed: number[] = [];
      for (const p of this.slowedBy(tightest)) {
        if (shares.has(p)) continue;
        shares.set(p, least);
        fixed.push(p);
        const rate = this.offered(p);
        this.pass(p, (row, weight) => {
          const passage = passages.get(row);
          const rest = passage === undefined ? undefined : left.get(passage);
          if (rest === undefined) return;
          rest.demand -= rate * weight;
          rest.room -= rate * weight * least;
        });
      }
      fixedBy.push([tightest, fixed]);
    }
    return fixedBy;
  }

  /** Members of acks=all partitions lag where what producers have under way takes too long to drain. */
  private letMembersLag(
    fixedBy: readonly (readonly [Passage, readonly number[]])[],
    shares: ReadonlyMap<number, number>,
  ): boolean {
    const { tables, settings } = this;
    const longest = settings.timing.replicaLagMaxMicros / 1e6;
    let changed = false;
    const led = new Map<number, Map<number, number>>();
    for (const [passage, partitions] of fixedBy) {
      const members: [number, number][] = [];
      let underWay = 0;
      let rate = 0;
      for (const p of partitions) {
        if (!this.waitsForAll(p)) continue;
        const offered = this.offered(p);
        const bytes = Math.min(this.underWay(p, led), offered * longest);
        const over = this.followers(p).filter(
          (r) =>
            passage.kind === kind.out || (tables.broker[r] === passage.broker && this.passes(r, passage)),
        );
        if (over.length === 0) continue;
        underWay += bytes;
        rate += offered * shares.get(p)!;
        for (const r of over) members.push([r, bytes]);
      }
      if (members.length === 0 || underWay <= rate * longest) continue;
      for (const [r, bytes] of members) {
        const p = Math.floor(r / tables.stride);
        if (!this.lag(r, bytes)) continue;
        this.writes.unacknowledged.set(p, Math.ceil(bytes));
        changed = true;
      }
    }
    return changed;
  }

  /** Bytes of a partition that producers have under way at most: max.in.flight requests of each, with a batch of each partition that its leader leads. */
  private underWay(p: number, led: Map<number, Map<number, number>>): number {
    const { tables } = this;
    const leader = tables.leader[p];
    let counts = led.get(leader);
    if (counts === undefined) {
      counts = new Map();
      led.set(leader, counts);
      for (const r of tables.hosted(leader)) {
        const q = Math.floor(r / tables.stride);
        if (tables.leader[q] === leader) counts.set(tables.topic[q], (counts.get(tables.topic[q]) ?? 0) + 1);
      }
    }
    const { clients, inFlight, batchBytes, requestBytes } = this.settings.topics[tables.topic[p]].producers;
    return clients * inFlight * Math.min(batchBytes, requestBytes / (counts.get(tables.topic[p]) ?? 1));
  }

  private admit(shares: ReadonlyMap<number, number>): boolean {
    const { tables } = this;
    let changed = false;
    for (const p of [...this.held]) {
      if (shares.has(p)) continue;
      this.held.delete(p);
      this.writes.admit(p, 1);
      changed = true;
    }
    for (const [p, share] of shares) {
      if (Math.abs(share - tables.admitted[p]) <= tolerance * tables.admitted[p]) continue;
      this.held.add(p);
      this.writes.admit(p, share);
      changed = true;
    }
    if (this.held.size === 0) this.tellHeld(new Float64Array(0));
    return changed;
  }

  private tellHeld(heldAt: Float64Array): void {
    const { width, tables } = this;
    const now = new Map<number, readonly number[]>();
    for (let b = 0; width * b < heldAt.length; b += 1) {
      const rates = Array.from(heldAt.subarray(width * b, width * (b + 1)));
      if (rates.some((rate) => rate > 0)) now.set(b, rates);
    }
    for (const b of this.told) if (!now.has(b)) this.onHeld(b, 0, 0, []);
    for (const [b, rates] of now) {
      const directories = tables.directoriesFrom[b + 1] - tables.directoriesFrom[b];
      this.onHeld(b, rates[kind.in], rates[kind.out], rates.slice(kind.disk, kind.disk + directories));
    }
    this.told = new Set(now.keys());
  }

  private show(tight: readonly Passage[]): void {
    const now = new Uint8Array(this.saturated.length);
    for (const l of tight) now[l.broker * linkKinds.length + l.kind] = 1;
    for (let row = 0; row < now.length; row += 1) {
      if (now[row] === this.saturated[row]) continue;
      this.saturated[row] = now[row];
      const broker = Math.floor(row / linkKinds.length);
      this.saturatedSeconds.set(row, this.saturatedSeconds.get(row), now[row]);
      this.saturatedLinks.add(broker, now[row] === 1 ? 1 : -1);
      this.sim.tell(
        now[row] === 1 ? 'kafka.linkSaturated' : 'kafka.linkFree',
        `broker-${this.settings.brokers[broker].id}`,
        linkKinds[row % linkKinds.length],
      );
    }
  }
}
