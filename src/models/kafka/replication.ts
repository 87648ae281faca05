import type { FlowId, FlowNetwork, LinkId } from '../../engine/flows.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import type { FetcherSettings, TopicSettings } from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';
import { ReplicationThrottle, type ThrottleHolds } from './throttle.ts';
import type { Traffic } from './traffic.ts';
import type { Ways } from './ways.ts';

/** The links of a broker's node that replication passes. */
export interface NodeLinks {
  readonly inbound: LinkId;
  readonly outbound: LinkId;
  readonly diskRead: LinkId;
  readonly diskWrite: LinkId;
}

/**
 * From so many brokers on, what one broker has to catch up is one flow over all of its fetcher threads: there would be about as many
 * connections as brokers squared, and each end of one would change the share of all others.
 */
const bundledFrom = 100;

/** Replicas whose backlogs differ by no more finish together: what rounding to whole bytes leaves. */
const cohortToleranceBytes = 64;

/** Replicas that fetch the same backlog at the same rate over one connection, and so finish together. */
interface Cohort {
  /** What its members' leaders take in: members of one class take in the same, whatever the load does. */
  readonly loadClass: string;
  /** Members by topic. */
  readonly topics: Map<number, number>;
  /** Bytes that each member still misses; a fraction between events. */
  backlog: number;
  readonly members: number[];
}

/** One fetcher thread with something to catch up: one follower, one leader, one fetcher id; in a bundle all threads of a follower. */
interface Connection {
  readonly key: number;
  readonly index: number;
  readonly follower: number;
  /** -1 in a bundle. */
  readonly leader: number;
  /** Members by leader. */
  readonly leaders: Map<number, number>;
  /** Fetcher id. */
  readonly thread: number;
  /** Places of the log directories that it reads from at the leader, and writes to at the follower. */
  readonly from: number;
  readonly to: number;
  readonly holds: ThrottleHolds;
  readonly cold: boolean;
  readonly flow: FlowId;
  readonly cohorts: Cohort[];
  readonly byClass: Map<string, Cohort[]>;
  members: number;
  /** Members that a reassignment adds. */
  adding: number;
  /** Bytes per second that this connection's caught-up members take in beside the lagging ones. */
  caughtUpRate: number;
  /** What has caught up, in the order in which it did. */
  readonly caughtUp: Cohort[];
  rate: number;
  since: number;
  next: Handle | undefined;
}

/**
 * Bytes per second at which one fetcher thread can serve `lagging` partitions that all have more to fetch than one
 * response holds for a partition, while its caught-up partitions take in `caughtUpRate`.
 *
 *     B = min(responseBytes, lagging x partitionBytes + caughtUpRate x C),   C = roundTrip + B / appendRate
 *
 * C is the cycle of the thread: one request is in flight, and what it brings is appended serially. The result is
 * B / C - caughtUpRate, never negative.
 *
 * Source: Kafka 3.7 `AbstractFetcherThread.doWork` (one blocking fetch after another), `ReplicaManager.readFromLog` (limits by
 * partition and by response); the formula is ours. Simplified: the leader's read time is part of `appendRate`.
 */
export function fetcherCeiling(
  fetcher: FetcherSettings,
  roundTripMicros: number,
  lagging: number,
  caughtUpRate: number,
): number {
  const roundTrip = roundTripMicros / 1e6;
  let cycle = Number.POSITIVE_INFINITY;
  if (caughtUpRate < fetcher.appendRate) {
    cycle =
      (roundTrip + (lagging * fetcher.partitionBytes) / fetcher.appendRate) /
      (1 - caughtUpRate / fetcher.appendRate);
  }
  const asked = lagging * fetcher.partitionBytes + caughtUpRate * cycle;
  if (asked < fetcher.responseBytes) return (lagging * fetcher.partitionBytes) / cycle;
  const full = roundTrip + fetcher.responseBytes / fetcher.appendRate;
  return Math.max(0, fetcher.responseBytes / full - caughtUpRate);
}

/** Java's `String.hashCode`. */
export function javaHash(text: string): number {
  let h = 0;
  for (let i = 0; i < text.length; i += 1) h = (Math.imul(31, h) + text.charCodeAt(i)) | 0;
  return h;
}

/** Source: Kafka 3.7 `AbstractFetcherManager.getFetcherId`; `Utils.abs` maps the smallest integer to 0. */
export function fetcherId(topicHash: number, partition: number, threads: number): number {
  const h = (Math.imul(31, topicHash) + partition) | 0;
  return (h === -2147483648 ? 0 : Math.abs(h)) % threads;
}

/**
 * Catch-up of replicas that are behind: a fluid flow per fetcher connection, shared equally by its lagging
 * partitions (a response is filled in turns), through the outbound NIC of the leader's node, the inbound NIC
 * and the disk of the follower's, the throttles, and the leader's disk where the backlog has left the page cache.
 *
 * Simplified: from a hundred brokers on, all that a broker has to catch up shares one flow, which the cards and disks of its leaders do not
 * limit; partitions that take in the same and miss the same are one cohort; a backlog's last fraction of a
 * response is not slower than the rest; listed and unlisted partitions of one connection do not share the thread, nor do
 * partitions in different log directories.
 */
export class Replication {
  private readonly sim: Simulation;
  private readonly tables: ClusterTables;
  private readonly traffic: Traffic;
  private readonly fetcher: FetcherSettings;
  private readonly ways: Ways;
  private readonly topics: readonly TopicSettings[];
  private readonly topicHash: Int32Array;
  readonly throttle: ReplicationThrottle;
  private readonly connections = new Map<number, Connection>();
  private readonly byIndex: Connection[] = [];
  private readonly cohortOf = new Map<
    number,
    { connection: Connection; cohort: Cohort; leader: number; adding: number }
  >();
  private readonly done: Kind;
  private network: FlowNetwork | undefined;
  private linksOf: (broker: number, directory: number) => NodeLinks = () => {
    throw new Error('no nodes are connected');
  };
  /** Lagging replicas that may have to fetch over another connection: what withholds them changed. */
  private readonly moved = new Set<number>();
  /** How old a backlog may be and still be in the page cache of a broker, microseconds. */
  pageCacheAgeMicros: (broker: number) => number = () => Number.POSITIVE_INFINITY;
  /** Whether a leader's process answers the fetches of a follower. */
  serves: (leader: number, follower: number) => boolean = () => true;
  /** Whether a broker's process runs and does not stand still. */
  runs: (broker: number) => boolean = () => true;
  /** The replicas have reached their leader's log end. */
  onCaughtUp: (follower: number, leader: number, replicas: readonly number[]) => void = () => {};
  /** Bytes per second that lagging replicas read from a leader's disk changed by `delta`; told before the traffic is. */
  onColdRead: (leader: number, delta: number) => void = () => {};
  /** Bytes per second that a broker's lagging replicas of a topic append in one of its directories changed by `delta`. */
  onAppendRate: (topic: number, broker: number, directory: number, delta: number) => void = () => {};
  /** Bytes per second that replicas which a reassignment adds copy from a leader changed by `delta`. */
  onAddingRate: (leader: number, follower: number, delta: number) => void = () => {};
  /** So many bytes were booked as appended in a broker's directory that were not there to be fetched. */
  onOverfetched: (broker: number, directory: number, bytes: number) => void = () => {};
  /** A stopped replica is about to fetch from a leader. */
  beforeFetch: (replica: number, leader: number) => void = () => {};
  /** A stopped replica's log ends so many bytes before where it stood, at most at its start. */
  cutBack: (replica: number, bytes: number) => void = (replica, bytes) => {
    this.tables.replicaEndBytes[replica] -= bytes;
  };
  /** Bytes per second that replicas in sync take over the connection of a fetcher thread that the network limits. */
  besideOf: (follower: number, leader: number, thread: number) => number = () => 0;
  /** Bytes appended by catch-up, by broker: whole bytes, from the tables. */
  readonly caughtUpBytes: Float64Array;

  constructor(
    sim: Simulation,
    tables: ClusterTables,
    traffic: Traffic,
    topics: readonly TopicSettings[],
    fetcher: FetcherSettings,
    ways: Ways,
    leaderThrottleRate: number,
    followerThrottleRate: number,
  ) {
    this.sim = sim;
    this.tables = tables;
    this.traffic = traffic;
    this.fetcher = fetcher;
    this.ways = ways;
    this.topics = topics;
    this.topicHash = Int32Array.from(topics, (t) => javaHash(t.name));
    this.throttle = new ReplicationThrottle(
      sim,
      tables,
      traffic,
      topics,
      leaderThrottleRate,
      followerThrottleRate,
    );
    this.throttle.onChange = () => {
      for (const r of this.cohortOf.keys()) this.moved.add(r);
    };
    this.caughtUpBytes = new Float64Array(tables.brokerCount);
    this.done = sim.on('kafka.caughtUp', (index) => this.onCohortDone(index));
    sim.beforeAdvance(() => this.reroute());
  }

  connect(network: FlowNetwork, linksOf: (broker: number, directory: number) => NodeLinks): void {
    this.network = network;
    this.linksOf = linksOf;
    this.throttle.connect(network);
  }

  /** A replica joined or left the ISR, or is no longer one that is added: a throttle may withhold it or not. */
  membershipChanged(replica: number): void {
    if (this.cohortOf.has(replica)) this.moved.add(replica);
  }

  /** Who is withheld otherwise than before fetches over another connection from now on. */
  private reroute(): boolean {
    if (this.moved.size === 0) return false;
    const rows = [...this.moved].sort((x, y) => x - y);
    this.moved.clear();
    for (const r of rows) {
      const lagging = this.cohortOf.get(r);
      if (lagging === undefined) continue;
      const { holds, follower } = lagging.connection;
      const now = this.throttle.holds(r, lagging.leader);
      const same =
        now.leader === holds.leader && now.follower === holds.follower && now.counted === holds.counted;
      if (same && lagging.adding === this.tables.adding[r]) continue;
      this.halt(r);
      this.begin(follower, [r]);
    }
    return true;
  }

  /** Bytes that a replica misses now. */
  backlogOf(replica: number): number {
    const partition = Math.floor(replica / this.tables.stride);
    this.traffic.settle(partition);
    const lagging = this.cohortOf.get(replica);
    if (lagging !== undefined) {
      this.advance(lagging.connection);
      return Math.max(0, Math.ceil(lagging.cohort.backlog));
    }
    if (this.tables.state[replica] === replicaState.live) return 0;
    return this.tables.logEndBytes[partition] - this.tables.replicaEndBytes[replica];
  }

  /** Bytes per second by which a lagging replica comes nearer to its leader's log end; below 0 where it falls back. */
  gainOf(replica: number): number {
    const lagging = this.cohortOf.get(replica);
    if (lagging === undefined) return 0;
    return lagging.connection.rate / lagging.connection.members - this.inflow(lagging.cohort);
  }

  /** Bytes that a broker's catch-up into a directory is booked beyond its end now: ends fall on a grid. */
  overfetched(follower: number, directory: number): number {
    let bytes = 0;
    for (const connection of this.connections.values()) {
      if (connection.follower !== follower || connection.to !== directory || connection.members === 0)
        continue;
      const seconds = (this.sim.now - connection.since) / 1e6;
      const each = connection.rate / connection.members;
      for (const cohort of connection.cohorts) {
        const beyond = (each - this.inflow(cohort)) * seconds - cohort.backlog;
        if (beyond > 0) bytes += beyond * cohort.members.length;
      }
    }
    return bytes;
  }

  /** Bytes that a lagging replica misses now, whole; nothing is moved on by asking. */
  missing(replica: number): number {
    const lagging = this.cohortOf.get(replica);
    if (lagging === undefined) return 0;
    const { connection, cohort } = lagging;
    const gain = connection.rate / connection.members - this.inflow(cohort);
    return Math.max(0, Math.ceil(cohort.backlog - (gain * (this.sim.now - connection.since)) / 1e6));
  }

  /**
   * Starts fetching for stopped replicas of one follower whose leaders are known and answer. Replicas that miss nothing are
   * caught up at once.
   */
  begin(follower: number, replicas: readonly number[]): void {
    const { tables } = this;
    const nothing = new Map<number, number[]>();
    const touched = new Set<Connection>();
    for (const r of replicas) {
      const p = Math.floor(r / tables.stride);
      const leader = tables.leader[p];
      if (leader === noLeader || leader === follower || tables.state[r] !== replicaState.stopped) continue;
      if (!this.serves(leader, follower)) continue;
      if (tables.offline[r] === 1 || tables.isOffline(p, leader)) continue;
      if (tables.state[tables.replicaOn(p, leader)] !== replicaState.live) continue;
      this.traffic.settle(p);
      this.beforeFetch(r, leader);
      const backlog = tables.logEndBytes[p] - tables.replicaEndBytes[r];
      if (backlog <= 0) {
        this.goLive(r, p);
        const group = nothing.get(leader);
        if (group === undefined) nothing.set(leader, [r]);
        else group.push(r);
        continue;
      }
      const connection = this.connection(leader, r, this.sim.now - tables.stoppedAt[r]);
      touched.add(connection);
      this.advance(connection);
      tables.state[r] = replicaState.lagging;
      const t = tables.topic[p];
      const loadClass = `${this.topics[t].curve}|${this.topics[t].bytesInPerSecond * tables.share[p]}|${tables.writable[p]}|${tables.admitted[p]}`;
      let alike = connection.byClass.get(loadClass);
      if (alike === undefined) {
        alike = [];
        connection.byClass.set(loadClass, alike);
      }
      let cohort = alike.find((c) => Math.abs(c.backlog - backlog) <= cohortToleranceBytes);
      if (cohort === undefined) {
        cohort = { loadClass, topics: new Map(), backlog, members: [] };
        alike.push(cohort);
        connection.cohorts.push(cohort);
      }
      cohort.topics.set(t, (cohort.topics.get(t) ?? 0) + 1);
      cohort.backlog = Math.max(cohort.backlog, backlog);
      cohort.members.push(r);
      connection.members += 1;
      connection.adding += tables.adding[r];
      this.cohortOf.set(r, { connection, cohort, leader, adding: tables.adding[r] });
      connection.leaders.set(leader, (connection.leaders.get(leader) ?? 0) + 1);
    }
    for (const connection of touched) this.offer(connection);
    for (const [leader, group] of nothing) this.onCaughtUp(follower, leader, group);
  }

  /** Stops fetching for a replica, because its broker or its leader went away; its log end stays where it is. */
  halt(replica: number): void {
    const { tables } = this;
    const p = Math.floor(replica / tables.stride);
    this.traffic.settle(p);
    const lagging = this.cohortOf.get(replica);
    if (lagging === undefined) {
      if (tables.state[replica] === replicaState.live) {
        tables.replicaEndBytes[replica] = tables.logEndBytes[p];
        tables.stoppedAt[replica] = this.sim.now;
      }
      tables.state[replica] = replicaState.stopped;
      return;
    }
    const { connection, cohort } = lagging;
    this.advance(connection);
    const end = tables.logEndBytes[p] - Math.ceil(cohort.backlog);
    this.caughtUpBytes[connection.follower] += Math.max(0, end - tables.replicaEndBytes[replica]);
    tables.replicaEndBytes[replica] = Math.max(tables.replicaEndBytes[replica], end);
    tables.state[replica] = replicaState.stopped;
    this.book(connection, 0);
    cohort.members.splice(cohort.members.indexOf(replica), 1);
    cohort.topics.set(tables.topic[p], cohort.topics.get(tables.topic[p])! - 1);
    connection.members -= 1;
    connection.adding -= lagging.adding;
    this.leave(connection, lagging.leader);
    this.cohortOf.delete(replica);
    if (cohort.members.length === 0) this.drop(connection, cohort);
    this.offer(connection);
  }

  private leave(connection: Connection, leader: number): void {
    const left = connection.leaders.get(leader)! - 1;
    if (left > 0) connection.leaders.set(leader, left);
    else connection.leaders.delete(leader);
  }

  /** To be called before the load changes: what was fetched until now went at the old rates. */
  beforeLoadChange(): void {
    for (const connection of this.connections.values()) this.advance(connection);
  }

  afterLoadChange(): void {
    for (const connection of [...this.connections.values()]) {
      // What has caught up takes in more now, or less, and leaves the thread less or more for the rest.
      const caughtUpRate = connection.caughtUp.reduce(
        (sum, cohort) => sum + this.inflow(cohort) * cohort.members.length,
        0,
      );
      if (caughtUpRate === connection.caughtUpRate) this.plan(connection);
      else {
        connection.caughtUpRate = caughtUpRate;
        this.offer(connection);
      }
    }
  }

  /** What the network gives connections changed. */
  limitsChanged(): void {
    for (const connection of [...this.connections.values()]) {
      this.advance(connection);
      this.offer(connection);
    }
  }

  /** Fetcher id of a partition. */
  threadOf(partition: number): number {
    const topic = this.tables.topic[partition];
    return fetcherId(
      this.topicHash[topic],
      partition - this.tables.firstPartition[topic],
      this.fetcher.threads,
    );
  }

  /**
   * A replica that kept up does so no longer: it misses so many bytes now, at most all, and fetches them as fast as it can.
   * @returns whether it could fall behind: not where its leader's log is empty, or one of both does not run
   */
  fallBehind(replica: number, bytes: number): boolean {
    const { tables } = this;
    const p = Math.floor(replica / tables.stride);
    const leader = tables.leader[p];
    const follower = tables.broker[replica];
    this.traffic.settle(p);
    if (tables.logEndBytes[p] < 1 || !this.serves(leader, follower) || !this.runs(follower)) return false;
    this.traffic.count(p, -1);
    this.halt(replica);
    this.traffic.count(p, 1);
    this.cutBack(replica, Math.max(1, Math.ceil(bytes)));
    this.begin(follower, [replica]);
    return true;
  }

  /** How much of a partition's load is written changes, and with it what its lagging followers have to fetch. */
  writableChanged(partition: number, change: () => void): void {
    const first = partition * this.tables.stride;
    const moved: number[] = [];
    for (let r = first; r < first + this.tables.stride; r += 1) {
      if (this.tables.broker[r] >= 0 && this.cohortOf.has(r)) {
        this.halt(r);
        moved.push(r);
      }
    }
    change();
    for (const r of moved) this.begin(this.tables.broker[r], [r]);
  }

  private connection(leader: number, replica: number, ageMicros: number): Connection {
    const { tables } = this;
    const follower = tables.broker[replica];
    const partition = Math.floor(replica / tables.stride);
    const holds = this.throttle.holds(replica, leader);
    const throttled = holds.leader || holds.follower || holds.counted;
    const cold = ageMicros > this.pageCacheAgeMicros(leader);
    const bundled =
      tables.brokerCount >= bundledFrom && !throttled && this.ways.leastRate === Number.POSITIVE_INFINITY;
    const id = bundled ? 0 : this.threadOf(partition);
    const pair = follower * (tables.brokerCount + 1) + (bundled ? tables.brokerCount : leader);
    const readFrom = bundled ? 0 : tables.placeOf(tables.replicaOn(partition, leader));
    const writeTo = tables.placeOf(replica);
    const held = (holds.leader ? 8 : 0) + (holds.counted ? 4 : 0) + (holds.follower ? 2 : 0);
    const thread = (pair * this.fetcher.threads + id) * 16 + held + (cold ? 1 : 0);
    const key = (thread * 256 + readFrom) * 256 + writeTo;
    const found = this.connections.get(key);
    if (found !== undefined) return found;
    const from = this.linksOf(leader, readFrom);
    const to = this.linksOf(follower, writeTo);
    const path = [to.inbound, to.diskWrite];
    if (!bundled) path.unshift(from.outbound);
    if (cold && !bundled) path.push(from.diskRead);
    if (holds.leader) path.push(this.throttle.link('leader', leader));
    if (holds.follower) path.push(this.throttle.link('follower', follower));
    const index = this.byIndex.length;
    const made: Connection = {
      key,
      index,
      follower,
      leader: bundled ? -1 : leader,
      leaders: new Map(),
      thread: id,
      from: readFrom,
      to: writeTo,
      holds,
      cold,
      flow: this.network!.start({ path, cap: 0, onRate: (rate) => this.onRate(index, rate) }),
      cohorts: [],
      byClass: new Map(),
      members: 0,
      adding: 0,
      caughtUpRate: 0,
      caughtUp: [],
      rate: 0,
      since: this.sim.now,
      next: undefined,
    };
    this.byIndex.push(made);
    this.connections.set(key, made);
    return made;
  }

  /** Bytes per second that one member's leader takes in. */
  private inflow(cohort: Cohort): number {
    const p = Math.floor(cohort.members[0] / this.tables.stride);
    return this.tables.writable[p] === 1 ? this.traffic.partitionRate(p) * this.tables.admitted[p] : 0;
  }

  private advance(connection: Connection): void {
    const elapsed = (this.sim.now - connection.since) / 1e6;
    connection.since = this.sim.now;
    if (elapsed === 0 || connection.members === 0) return;
    const each = connection.rate / connection.members;
    for (const cohort of connection.cohorts) {
      const left = cohort.backlog - (each - this.inflow(cohort)) * elapsed;
      cohort.backlog = Math.max(0, left);
      // What was booked beyond the end, since ends fall on whole microseconds, or on a grid.
      if (left < 0) this.onOverfetched(connection.follower, connection.to, -left * cohort.members.length);
    }
  }

  /** Tells the network what the thread could fetch now; the answer comes back through `onRate`. */
  private offer(connection: Connection): void {
    if (connection.members === 0) {
      this.book(connection, 0);
      this.network!.stop(connection.flow);
      if (connection.next !== undefined) this.sim.cancel(connection.next);
      this.connections.delete(connection.key);
      return;
    }
    const { follower, leader, thread } = connection;
    if (leader < 0) {
      // Threads to all leaders that have something, each with an even part of it.
      const threads = connection.leaders.size * this.fetcher.threads;
      const one = fetcherCeiling(
        this.fetcher,
        this.ways.usualMicros,
        connection.members / threads,
        connection.caughtUpRate / threads,
      );
      this.network!.setCap(connection.flow, threads * one);
      this.book(connection, connection.rate);
      this.plan(connection);
      return;
    }
    const ceiling = fetcherCeiling(
      this.fetcher,
      this.ways.roundTripMicros(follower, leader),
      connection.members,
      connection.caughtUpRate,
    );
    const rate = this.ways.connectionRate(follower, leader);
    this.network!.setCap(
      connection.flow,
      rate === Number.POSITIVE_INFINITY
        ? ceiling
        : Math.min(ceiling, Math.max(0, rate - this.besideOf(follower, leader, thread))),
    );
    this.book(connection, connection.rate);
    this.plan(connection);
  }

  private onRate(index: number, rate: number): void {
    const connection = this.byIndex[index];
    if (connection.members === 0) return;
    // In a bundle a part in five hundred is not worth booking it with every leader.
    if (connection.leader < 0 && Math.abs(rate - connection.rate) < 0.002 * connection.rate) return;
    this.advance(connection);
    this.book(connection, 0);
    connection.rate = rate;
    this.book(connection, rate);
    this.plan(connection);
  }

  private booked = new Map<
    Connection,
    { byLeader: readonly (readonly [number, number])[]; byTopic: Map<number, number>; adding: number }
  >();

  /** Keeps the counters of traffic and of log growth in step with the connection's rate. */
  private book(connection: Connection, rate: number): void {
    const before = this.booked.get(connection);
    if (before !== undefined) {
      for (const [leader, value] of before.byLeader) {
        if (connection.cold) this.onColdRead(leader, -value);
        if (connection.holds.counted) this.throttle.addLagging(leader, -value);
        if (before.adding > 0) this.onAddingRate(leader, connection.follower, -value * before.adding);
        this.traffic.addCatchUp(leader, connection.follower, -value);
      }
      for (const [topic, value] of before.byTopic)
        this.onAppendRate(topic, connection.follower, connection.to, -value);
      this.booked.delete(connection);
    }
    if (rate === 0 || connection.members === 0) return;
    const byTopic = new Map<number, number>();
    const each = rate / connection.members;
    for (const cohort of connection.cohorts) {
      for (const [topic, members] of cohort.topics)
        if (members > 0) byTopic.set(topic, (byTopic.get(topic) ?? 0) + each * members);
    }
    const adding = connection.adding / connection.members;
    const byLeader =
      connection.leader < 0
        ? Array.from(connection.leaders, ([leader, members]) => [leader, each * members] as const)
        : [[connection.leader, rate] as const];
    for (const [leader, value] of byLeader) {
      if (connection.cold) this.onColdRead(leader, value);
      if (connection.holds.counted) this.throttle.addLagging(leader, value);
      if (adding > 0) this.onAddingRate(leader, connection.follower, value * adding);
      this.traffic.addCatchUp(leader, connection.follower, value);
    }
    for (const [topic, value] of byTopic) this.onAppendRate(topic, connection.follower, connection.to, value);
    this.booked.set(connection, { byLeader, byTopic, adding });
  }

  /** Schedules the moment when the first cohort will have nothing left to fetch. */
  private plan(connection: Connection): void {
    if (connection.next !== undefined) this.sim.cancel(connection.next);
    connection.next = undefined;
    if (connection.members === 0 || connection.rate === 0) return;
    const each = connection.rate / connection.members;
    let soonest = Number.POSITIVE_INFINITY;
    for (const cohort of connection.cohorts) {
      const gain = each - this.inflow(cohort);
      if (cohort.backlog <= 0) soonest = 0;
      else if (gain > 0) soonest = Math.min(soonest, cohort.backlog / gain);
    }
    if (soonest === Number.POSITIVE_INFINITY) return;
    let at = this.sim.now + Math.max(1, Math.ceil(soonest * 1e6));
    if (connection.leader < 0) {
      // Ends that are near each other come together: a grid of at most a 256th of the wait.
      let grid = 1;
      while (grid * 512 <= soonest * 1e6) grid *= 2;
      at = Math.ceil(at / grid) * grid;
    }
    if (at < Number.MAX_SAFE_INTEGER) connection.next = this.sim.at(at, this.done, connection.index);
  }

  private onCohortDone(index: number): void {
    const connection = this.byIndex[index];
    connection.next = undefined;
    this.advance(connection);
    const each = connection.rate / Math.max(1, connection.members);
    const finished: number[] = [];
    for (const cohort of [...connection.cohorts]) {
      // Rounding the time up to a microsecond overshoots by less than what that microsecond fetches.
      if (cohort.backlog > each / 1e6) continue;
      connection.caughtUpRate += this.inflow(cohort) * cohort.members.length;
      connection.caughtUp.push(cohort);
      finished.push(...cohort.members);
      this.book(connection, 0);
      connection.members -= cohort.members.length;
      this.drop(connection, cohort);
    }
    const byLeader = new Map<number, number[]>();
    for (const r of finished) {
      const { leader, adding } = this.cohortOf.get(r)!;
      connection.adding -= adding;
      this.leave(connection, leader);
      this.cohortOf.delete(r);
      this.goLive(r, Math.floor(r / this.tables.stride));
      const group = byLeader.get(leader);
      if (group === undefined) byLeader.set(leader, [r]);
      else group.push(r);
    }
    this.offer(connection);
    for (const [leader, group] of byLeader) this.onCaughtUp(connection.follower, leader, group);
  }

  private drop(connection: Connection, cohort: Cohort): void {
    const alike = connection.byClass.get(cohort.loadClass)!;
    alike.splice(alike.indexOf(cohort), 1);
    connection.cohorts.splice(connection.cohorts.indexOf(cohort), 1);
  }

  private goLive(replica: number, partition: number): void {
    const { tables } = this;
    this.traffic.settle(partition);
    this.caughtUpBytes[tables.broker[replica]] +=
      tables.logEndBytes[partition] - tables.replicaEndBytes[replica];
    this.traffic.count(partition, -1);
    tables.state[replica] = replicaState.live;
    this.traffic.count(partition, 1);
  }
}
