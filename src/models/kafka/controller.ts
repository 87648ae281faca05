import { eventClass, type Handle, type Kind, type Simulation } from '../../engine/simulation.ts';
import type { Connectivity } from './connectivity.ts';
import type { ClusterGauges } from './gauges.ts';
import { IsrExpiration } from './isrExpiration.ts';
import type { Logs } from './logs.ts';
import { Quorum } from './quorum.ts';
import type { Replication } from './replication.ts';
import type { ClusterSettings } from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';
import type { Traffic } from './traffic.ts';
import type { Writes } from './writes.ts';

/** A broker as the controller knows it, by broker row. */
export interface Registrations {
  /** 1 while fenced: no client request is served, no ISR may take it in. */
  readonly fenced: Uint8Array;
  /** 1 from the request for a controlled shutdown until the next registration. */
  readonly inControlledShutdown: Uint8Array;
  /** 1 while the process runs and serves what it leads. */
  readonly serving: Uint8Array;
  /** 1 while the broker's fetcher threads may start: from the publishing of its metadata until it asks to shut down. */
  readonly fetching: Uint8Array;
  /** 1 where the process ended without a shutdown: by SIGKILL, by its own halt, with its machine. */
  readonly died: Uint8Array;
  /** Until when all threads of the process stand still, microseconds; 0 while it runs. A pause under 200 ms is not entered. */
  readonly pausedUntil: Float64Array;
}

/** Partitions whose leader moved between the same two brokers in one controller event. */
export interface LeaderMove {
  readonly from: number;
  readonly to: number;
  readonly partitions: readonly number[];
  /** When the old leader refuses, and when the new one accepts, microseconds from now. */
  readonly refusesIn: number;
  readonly acceptsIn: number;
}

const maxElectionsPerEvent = 1000;
const nextElectionBatchMicros = 10_000;

/**
 * The active KRaft controller: who leads, who is in sync, who is fenced.
 *
 * A change is one event: the tables change when it is committed, and each broker's metrics and clients follow
 * when that broker has fetched the commit. Source: Kafka 3.7 `ReplicationControlManager`, `BrokerHeartbeatManager`,
 * `PartitionChangeBuilder`, `QuorumController`, `AlterPartitionManager`; delays by `BatchAccumulator` (linger) and the
 * 500 ms fetch of observers.
 *
 * Without an active controller that can commit nothing of this happens: no election, no change of an ISR, no fencing, no unfencing and no
 * grant to shut down; what brokers ask for waits until there is one that they reach.
 *
 * Simplified: one draw of the delay for each broker and change; the controller's own queue adds nothing. A change that is under way
 * when the active controller is lost is committed.
 */
export class Controller {
  readonly quorum: Quorum;
  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly tables: ClusterTables;
  private readonly gauges: ClusterGauges;
  private readonly traffic: Traffic;
  private readonly replication: Replication;
  private readonly writes: Writes;
  private readonly logs: Logs;
  readonly registrations: Registrations;
  private readonly applied: Kind;
  private readonly balance: Kind;
  private readonly elected: Kind;
  private readonly ready: Kind;
  private readonly response: Kind;
  private readonly shrunk: Kind;
  private readonly expiration: IsrExpiration;
  private readonly connectivity: Connectivity;
  /** The check for preferred leaders was due while nothing could be committed. */
  private balanceHeld = false;
  private balanceTimer: Handle | undefined;
  private balanceDue = false;
  /** Partitions by request for elections that is not committed yet. */
  private readonly elections = new Map<number, readonly number[]>();
  private electionCount = 0;
  private readonly batches = new Map<number, number[]>();
  private batchCount = 0;
  private readonly joining = new Map<number, readonly number[]>();
  private joinCount = 0;
  /**
   * By leader row: replicas waiting for an AlterPartition request, and those in the one that is under way: `r` where the replica
   * is to join the ISR, `-1 - r` where it is to leave.
   */
  private readonly queued = new Map<number, number[]>();
  private readonly inFlight = new Map<number, number[]>();
  /** When each leader knows that a returned broker is unfenced: by returned broker, then leader. */
  private readonly unfenceSeen = new Map<number, Float64Array>();
  /** What waits for a controller that can commit, and that the broker reaches (-1: the controller itself). */
  private waiting: { readonly broker: number; readonly run: () => void }[] = [];
  /** Batches of changes that brokers have not learnt of, since they do not reach the active controller. */
  private readonly unlearnt = new Map<number, number[]>();
  onLeaderMoves: (moves: readonly LeaderMove[]) => void = () => {};
  /** Replicas of these brokers joined or left an ISR. */
  onMembership: (broker: number) => void = () => {};
  onActiveChanged: () => void = () => {};
  /** A successor is active: it has heard of nobody yet. */
  onActivated: () => void = () => {};
  /** A change of a partition is about to be committed: what follows from it belongs to the same change. */
  beforeCommit: (partition: number) => void = () => {};

  constructor(
    sim: Simulation,
    settings: ClusterSettings,
    tables: ClusterTables,
    gauges: ClusterGauges,
    traffic: Traffic,
    replication: Replication,
    writes: Writes,
    logs: Logs,
    connectivity: Connectivity,
  ) {
    this.sim = sim;
    this.settings = settings;
    this.tables = tables;
    this.gauges = gauges;
    this.connectivity = connectivity;
    this.traffic = traffic;
    this.replication = replication;
    this.writes = writes;
    this.logs = logs;
    this.registrations = {
      fenced: new Uint8Array(tables.brokerCount),
      inControlledShutdown: new Uint8Array(tables.brokerCount),
      serving: new Uint8Array(tables.brokerCount).fill(1),
      fetching: new Uint8Array(tables.brokerCount).fill(1),
      died: new Uint8Array(tables.brokerCount),
      pausedUntil: new Float64Array(tables.brokerCount),
    };
    this.quorum = new Quorum(sim, settings, connectivity);
    this.quorum.onElected = () => this.activated();
    this.quorum.onDeactivated = () => this.deactivated();
    this.quorum.onAble = () => this.runWaiting();
    this.applied = sim.on('kafka.metadataApplied', (broker, batch) => this.onApplied(broker, batch));
    this.balance = sim.on('kafka.preferredLeaderCheck', () => this.onBalance(), eventClass.timer);
    this.elected = sim.on('kafka.electLeaders', (request) => this.onElected(request));
    this.ready = sim.on('kafka.replicasCaughtUp', (leader, join) => this.onReady(leader, join));
    this.response = sim.on('kafka.isrExpanded', (leader) => this.onIsrChanged(leader));
    this.shrunk = sim.on('kafka.isrShrunk', (leader) => this.onIsrChanged(leader));
    this.expiration = new IsrExpiration(sim, settings, tables, traffic, replication);
    this.expiration.onTooSlow = (leader, replicas) =>
      this.alterPartition(
        leader,
        replicas.map((r) => -1 - r),
      );
    replication.onCaughtUp = (follower, leader, replicas) =>
      this.replicasCaughtUp(follower, leader, replicas);
    this.showActive();
    this.armBalance();
  }

  /** Node id of the active controller, or -1 without one. */
  get active(): number {
    return this.quorum.active;
  }

  /** Microseconds that a change needs from the request until it is committed. */
  commitDelay(purpose: string): number {
    const { roundTripMicros, appendLingerMicros } = this.settings.timing;
    const quorum = this.quorum.voterIds.length > 1 ? roundTripMicros : 0;
    const linger = this.sim.stream('controller', purpose)() * appendLingerMicros;
    return Math.max(1, Math.round(roundTripMicros + linger + quorum));
  }

  /** Microseconds from a commit until a broker has applied it; one draw for each broker and occurrence. */
  propagation(broker: number): number {
    const { roundTripMicros, metadataPollMicros } = this.settings.timing;
    // With one voter the high watermark moves before the parked fetches are answered: no second fetch is needed.
    const poll =
      this.quorum.voterIds.length > 1
        ? this.sim.stream(`broker/${this.settings.brokers[broker].id}`, 'metadataDelay')() *
          metadataPollMicros
        : 0;
    return Math.max(1, Math.round(roundTripMicros / 2 + poll));
  }

  /** Whether a broker's requests, or the controller's own events (-1), come to a controller that can commit. */
  private answers(broker: number): boolean {
    if (!this.quorum.commits) return false;
    return broker < 0 || (this.registrations.pausedUntil[broker] === 0 && this.hears(broker));
  }

  /** Whether a broker's heartbeats and metadata fetches reach the active controller. */
  hears(broker: number): boolean {
    const place = this.quorum.activePlace;
    return place >= 0 && this.connectivity.reaches(broker, place);
  }

  /**
   * Runs at once when a controller can commit, else as soon as one can.
   * @param broker whose request it is; -1 for the controller itself
   */
  whenActive(broker: number, run: () => void): void {
    if (this.answers(broker)) run();
    else this.waiting.push({ broker, run });
  }

  /** To be called when a broker may reach the active controller again, or goes on after a pause. */
  runWaiting(): void {
    for (const [broker, batches] of [...this.unlearnt]) {
      if (!this.hears(broker)) continue;
      this.unlearnt.delete(broker);
      for (const batch of batches) this.sim.after(this.propagation(broker), this.applied, broker, batch);
    }
    if (!this.quorum.commits) return;
    const ready = this.waiting.filter((w) => this.answers(w.broker));
    if (ready.length > 0) {
      this.waiting = this.waiting.filter((w) => !ready.includes(w));
      for (const { run } of ready) run();
    }
    if (this.balanceHeld) this.onBalance();
  }

  /** A replica stops following its leader while it is a member of the ISR: the leader will take it out, unless it comes back in time. */
  watchMember(replica: number): void {
    this.expiration.watch(replica);
  }

  // Leadership and ISR.

  /**
   * Takes a broker out of every ISR and gives away what it leads: one event, as on a controlled shutdown and on fencing.
   * @param replicas only these replicas of it, where their log directories went offline (KIP-858)
   * @returns microseconds until each broker has applied it, by broker row
   */
  removeFromIsrs(broker: number, replicas: Int32Array = this.tables.hosted(broker)): Float64Array {
    const { tables } = this;
    const changed: number[] = [];
    const movedFrom = new Map<number, number[]>();
    for (const r of replicas) {
      const p = Math.floor(r / tables.stride);
      if (tables.inSync[r] === 0) {
        this.traffic.count(p, -1);
        this.replication.halt(r);
        this.traffic.count(p, 1);
        continue;
      }
      const led = tables.leader[p] === broker;
      const alone = tables.isrCount[p] === 1;
      this.change(p, () => {
        if (alone) {
          // The last replica in sync keeps its place: only it has all the data.
          const unclean = this.settings.topics[tables.topic[p]].uncleanElection
            ? this.anyActive(p, broker)
            : noLeader;
          if (unclean === noLeader) {
            if (led) this.lead(p, noLeader);
            this.replication.halt(r);
            return;
          }
          this.replication.halt(r);
          this.leadUncleanly(p, tables.replicaOn(p, unclean));
          return;
        }
        this.replication.halt(r);
        this.lose(p, r);
        if (led) this.lead(p, this.electOnline(p));
      });
      changed.push(p);
      if (led) {
        const to = tables.leader[p];
        const moved = movedFrom.get(to);
        if (moved === undefined) movedFrom.set(to, [p]);
        else moved.push(p);
      }
    }
    return this.publish(changed, broker, movedFrom);
  }

  /** A replica outside the ISR leads, where the topic allows it: it alone is the ISR. Source: Kafka 3.7 `PartitionChangeBuilder.electLeader`, UNCLEAN. */
  private leadUncleanly(p: number, successor: number): void {
    const { tables } = this;
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
      if (tables.state[r] !== replicaState.live || r === successor) this.replication.halt(r);
      if (tables.inSync[r] === 1) this.lose(p, r);
    }
    tables.isrCount[p] = 0;
    this.join(p, successor);
    const broker = tables.broker[successor];
    this.lead(p, broker);
    this.sim.tell(
      'kafka.uncleanElection',
      tables.partitionName(p),
      `broker ${this.settings.brokers[broker].id} leads`,
    );
  }

  /** A replica leaves the ISR; to be called within a change. */
  lose(p: number, replica: number): void {
    const { tables } = this;
    tables.inSync[replica] = 0;
    tables.isrCount[p] -= 1;
    this.expiration.forget(replica);
    if (tables.adding[replica] === 0) this.countOut(tables.broker[replica], 1);
    this.replication.membershipChanged(replica);
  }

  /** A replica joins the ISR; to be called within a change. */
  join(p: number, replica: number): void {
    const { tables } = this;
    tables.inSync[replica] = 1;
    tables.isrCount[p] += 1;
    if (tables.adding[replica] === 0) this.countOut(tables.broker[replica], -1);
  }

  // Replicas that come and go: all of it within a change.

  /** A broker gets a replica of a partition, which a reassignment adds: it copies from the leader once the change is published. */
  addReplica(p: number, broker: number): number {
    const { tables } = this;
    const r = tables.addReplica(p, broker, this.logs.placeFor(broker));
    tables.mark(r, 'adding', true);
    this.logs.add(r);
    this.gauges.partitionCount.add(broker, 1);
    if (this.mayFetch(broker)) this.repoint.push(r);
    return r;
  }

  /** A partition comes into being on these brokers: empty, with those in sync that are active. To be published by the caller. */
  createPartition(p: number, brokers: readonly number[]): void {
    const { tables, gauges, registrations } = this;
    const t = tables.topic[p];
    tables.partitionsOf[t] += 1;
    tables.leaderEpoch[p] = 0;
    for (const b of brokers) {
      const r = tables.addReplica(p, b, this.logs.placeFor(b));
      this.logs.add(r);
      gauges.partitionCount.add(b, 1);
      if (this.isActive(b)) {
        tables.inSync[r] = 1;
        tables.isrCount[p] += 1;
      } else this.countOut(b, 1);
    }
    tables.setOrder(p, brokers);
    const leader = this.electOnline(p);
    tables.leader[p] = leader;
    const learns =
      leader !== noLeader &&
      registrations.serving[leader] === 1 &&
      registrations.pausedUntil[leader] === 0 &&
      this.hears(leader);
    for (const b of brokers) {
      const r = tables.replicaOn(p, b);
      const follows = learns && this.mayFetch(b) && this.connectivity.reaches(b, leader);
      if (b === leader ? learns : follows && tables.inSync[r] === 1) tables.state[r] = replicaState.live;
      else if (b !== leader) {
        if (tables.inSync[r] === 1) this.expiration.watch(r);
        if (follows) this.repoint.push(r);
      }
    }
    gauges.globalPartitions.add(0, 1);
    if (leader === noLeader) gauges.offlinePartitions.add(0, 1);
    if (leader !== tables.preferred(p)) gauges.preferredImbalance.add(0, 1);
    if (tables.isrCount[p] < brokers.length) {
      gauges.topicUnderReplicated.add(t, 1);
      gauges.clusterUnderReplicated.add(0, 1);
    }
    this.writes.open(p);
    this.traffic.count(p, 1);
    this.writes.review(p);
    this.armBalance();
  }

  /** A broker gives up a replica. */
  removeReplica(p: number, replica: number): void {
    const { tables } = this;
    const broker = tables.broker[replica];
    if (tables.inSync[replica] === 1) this.lose(p, replica);
    this.replication.halt(replica);
    this.setAdding(replica, false);
    this.countOut(broker, -1);
    this.forgetReplica(replica);
    this.gauges.partitionCount.add(broker, -1);
    this.logs.remove(replica);
  }

  /** A replica is one that a reassignment adds, or is so no longer. */
  setAdding(replica: number, on: boolean): void {
    const { tables } = this;
    if ((tables.adding[replica] === 1) === on) return;
    tables.mark(replica, 'adding', on);
    if (tables.inSync[replica] === 0) this.countOut(tables.broker[replica], on ? -1 : 1);
    this.replication.membershipChanged(replica);
  }

  /** Whether a broker's fetcher threads run. */
  private mayFetch(broker: number): boolean {
    return this.registrations.fetching[broker] === 1 && this.registrations.pausedUntil[broker] === 0;
  }

  /** What was under way for a replica that is no more is void: its row may be given to another. */
  private forgetReplica(replica: number): void {
    const keep = (r: number) => r !== replica && r !== -1 - replica;
    for (const lists of [this.queued, this.inFlight])
      for (const [leader, list] of lists) lists.set(leader, list.filter(keep));
    for (const [join, list] of this.joining) this.joining.set(join, list.filter(keep));
    for (const [follower, entries] of this.heldByFence)
      this.heldByFence.set(
        follower,
        entries.map((e) => ({ leader: e.leader, replicas: e.replicas.filter(keep) })),
      );
  }

  private countOut(broker: number, delta: number): void {
    const { gauges } = this;
    const before = gauges.outOfSync.get(broker);
    gauges.outOfSync.add(broker, delta);
    if (before === 0 && delta > 0) gauges.brokersOutOfSync.add(0, 1);
    if (before > 0 && before + delta === 0) gauges.brokersOutOfSync.add(0, -1);
  }

  /** Changes a partition and keeps traffic, writes and the controller's gauges in step with it: one record of the metadata log. */
  change(p: number, apply: () => void): void {
    const { tables, gauges } = this;
    this.traffic.settle(p);
    const offline = tables.leader[p] === noLeader;
    const imbalanced = tables.leader[p] !== tables.preferred(p);
    const short = tables.isrCount[p] < tables.replicationFactor(p);
    this.traffic.count(p, -1);
    apply();
    this.beforeCommit(p);
    tables.partitionEpoch[p] += 1;
    this.traffic.count(p, 1);
    const offlineNow = tables.leader[p] === noLeader;
    const imbalancedNow = tables.leader[p] !== tables.preferred(p);
    const shortNow = tables.isrCount[p] < tables.replicationFactor(p);
    if (offline !== offlineNow) gauges.offlinePartitions.add(0, offlineNow ? 1 : -1);
    if (imbalanced !== imbalancedNow) gauges.preferredImbalance.add(0, imbalancedNow ? 1 : -1);
    if (short !== shortNow) {
      gauges.topicUnderReplicated.add(tables.topic[p], shortNow ? 1 : -1);
      gauges.clusterUnderReplicated.add(0, shortNow ? 1 : -1);
    }
    this.writes.review(p);
    if (imbalancedNow) this.armBalance();
  }

  /** A member of the ISR may lead although it is behind: then it lacks what only acks=1 or acks=0 had acknowledged. */
  lead(p: number, broker: number): void {
    const { tables, registrations } = this;
    const old = tables.leader[p];
    tables.leader[p] = broker;
    tables.leaderEpoch[p] += 1;
    // Followers that are behind fetch from the new leader from here on.
    const first = p * tables.stride;
    for (let r = first; r < first + tables.stride; r += 1) {
      const b = tables.broker[r];
      if (b < 0 || b === broker) continue;
      const fetches =
        registrations.fetching[b] === 1 &&
        registrations.pausedUntil[b] === 0 &&
        (broker === noLeader || this.connectivity.reaches(b, broker));
      if (tables.inSync[r] === 1 && tables.state[r] === replicaState.live) {
        if (fetches || broker === noLeader) continue;
        // It led until now, silently, or does not reach the new leader: as a follower it does not fetch.
        this.replication.halt(r);
        this.expiration.watch(r);
        continue;
      }
      if (tables.state[r] !== replicaState.stopped) this.replication.halt(r);
      this.expiration.leaderChanged(r);
      if (fetches && broker !== noLeader) this.repoint.push(r);
    }
    if (broker === noLeader) return;
    if (old !== noLeader && registrations.died[old] === 1) this.loseUnreplicated(p, broker);
    const own = tables.replicaOn(p, broker);
    // One that has died, stands still or is cut off is elected all the same: nobody follows it, so nobody truncates, before it learns of it.
    const learns =
      registrations.serving[broker] === 1 && registrations.pausedUntil[broker] === 0 && this.hears(broker);
    if (tables.state[own] !== replicaState.live && learns) this.takeUp(p, own);
    this.expiration.forget(own);
  }

  /** A leader whose log ends before that of the one before begins to lead: the others will truncate to its end. */
  private takeUp(p: number, own: number): void {
    this.replication.halt(own);
    this.writes.truncate(p, this.tables.replicaEndBytes[own]);
    this.tables.state[own] = replicaState.live;
  }

  /** A broker learns of what it was elected for while it stood still or was cut off. */
  takeUpLed(broker: number): void {
    const { tables, registrations } = this;
    const followers = new Map<number, number[]>();
    for (const own of tables.hosted(broker)) {
      const p = Math.floor(own / tables.stride);
      if (tables.leader[p] !== broker || tables.state[own] === replicaState.live) continue;
      this.traffic.settle(p);
      this.traffic.count(p, -1);
      for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
        const b = tables.broker[r];
        if (b < 0 || r === own) continue;
        this.replication.halt(r);
        if (tables.inSync[r] === 1) this.expiration.watch(r);
        if (registrations.fetching[b] === 0 || registrations.pausedUntil[b] > 0) continue;
        const group = followers.get(b);
        if (group === undefined) followers.set(b, [r]);
        else group.push(r);
      }
      this.takeUp(p, own);
      this.traffic.count(p, 1);
      this.writes.review(p);
    }
    for (const [follower, replicas] of followers) this.replication.begin(follower, replicas);
  }

  /**
   * A leader has died: what it acknowledged with acks=1 or acks=0 and no follower had fetched is lost with it. On a busy connection a
   * record waits half a cycle of the fetcher in the mean and then travels half a round trip; an idle cycle is one round trip.
   */
  private loseUnreplicated(p: number, successor: number): void {
    const { tables, settings } = this;
    if (settings.topics[tables.topic[p]].acks === 'all') return;
    if (tables.state[tables.replicaOn(p, successor)] !== replicaState.live) return;
    const bytes = Math.floor((this.traffic.partitionRate(p) * settings.timing.roundTripMicros) / 1e6);
    this.traffic.settle(p);
    this.writes.truncate(p, Math.max(0, tables.logEndBytes[p] - bytes));
  }

  /** Replicas that are behind and whose leader moved: they fetch on when the change is complete. */
  private repoint: number[] = [];

  /**
   * First in assignment order that is in the ISR and active.
   * Source: Kafka 3.7 `PartitionChangeBuilder.electLeader`, ONLINE.
   */
  electOnline(p: number): number {
    const { tables } = this;
    for (let place = 0; place < tables.stride; place += 1) {
      const r = tables.replicaAt(p, place);
      if (tables.broker[r] < 0 || tables.inSync[r] === 0 || tables.offline[r] === 1) continue;
      if (this.isActive(tables.broker[r])) return tables.broker[r];
    }
    return noLeader;
  }

  private anyActive(p: number, except: number): number {
    const { tables } = this;
    for (let place = 0; place < tables.stride; place += 1) {
      const r = tables.replicaAt(p, place);
      const b = tables.broker[r];
      if (b >= 0 && b !== except && tables.offline[r] === 0 && this.isActive(b)) return b;
    }
    return noLeader;
  }

  isActive(broker: number): boolean {
    return this.registrations.fenced[broker] === 0 && this.registrations.inControlledShutdown[broker] === 0;
  }

  /**
   * Lets every broker that must know learn of a change, each after its own delay.
   * @param everybody whether the answer is asked for of all brokers, not only of those that lead what changed
   */
  publish(
    changed: readonly number[],
    oldLeader: number,
    movedFrom: ReadonlyMap<number, readonly number[]>,
    everybody = true,
  ): Float64Array {
    const { tables } = this;
    const delays = new Float64Array(tables.brokerCount);
    const byReporter = new Map<number, number[]>();
    for (const p of changed) {
      const reporter = tables.leader[p] === noLeader ? oldLeader : tables.leader[p];
      const group = byReporter.get(reporter);
      if (group === undefined) byReporter.set(reporter, [p]);
      else group.push(p);
    }
    for (let b = 0; b < tables.brokerCount; b += 1) {
      if (!this.isActive(b) && b !== oldLeader) continue;
      if (!everybody && b !== oldLeader && !byReporter.has(b)) continue;
      delays[b] = this.propagation(b);
    }
    for (const [broker, partitions] of byReporter) {
      this.batches.set(this.batchCount, partitions);
      this.sim.after(delays[broker], this.applied, broker, this.batchCount);
      this.batchCount += 1;
    }
    const moves: LeaderMove[] = [];
    for (const [to, partitions] of movedFrom) {
      if (to === noLeader) continue;
      moves.push({ from: oldLeader, to, partitions, refusesIn: delays[oldLeader], acceptsIn: delays[to] });
    }
    if (moves.length > 0) this.onLeaderMoves(moves);
    this.beginFetching();
    return delays;
  }

  /** The change is complete: replicas whose leader moved fetch on, and new ones begin to. */
  beginFetching(): void {
    const { tables } = this;
    const moved = this.repoint;
    this.repoint = [];
    for (const r of moved) if (tables.broker[r] >= 0) this.replication.begin(tables.broker[r], [r]);
  }

  private onApplied(broker: number, batch: number): void {
    const pausedUntil = this.registrations.pausedUntil[broker];
    if (pausedUntil > 0) {
      this.sim.at(pausedUntil, this.applied, broker, batch);
      return;
    }
    if (!this.connectivity.whole && this.registrations.serving[broker] === 1 && !this.hears(broker)) {
      const held = this.unlearnt.get(broker);
      if (held === undefined) this.unlearnt.set(broker, [batch]);
      else held.push(batch);
      return;
    }
    const partitions = this.batches.get(batch) ?? [];
    this.batches.delete(batch);
    for (const p of partitions) this.gauges.show(p);
  }

  // Fencing.

  fence(broker: number): void {
    if (this.registrations.fenced[broker] === 1) return;
    this.registrations.fenced[broker] = 1;
    this.gauges.fencedBrokers.add(0, 1);
    this.gauges.activeBrokers.add(0, -1);
    this.sim.tell('kafka.fenced', `broker-${this.settings.brokers[broker].id}`);
  }

  /** The broker has caught up with its registration: it may lead and join ISRs again. */
  unfence(broker: number): void {
    const { tables } = this;
    this.registrations.fenced[broker] = 0;
    this.registrations.inControlledShutdown[broker] = 0;
    this.gauges.fencedBrokers.add(0, -1);
    this.gauges.activeBrokers.add(0, 1);
    this.sim.tell('kafka.unfenced', `broker-${this.settings.brokers[broker].id}`);
    const seen = new Float64Array(tables.brokerCount);
    for (let b = 0; b < tables.brokerCount; b += 1) {
      seen[b] = this.sim.now + (this.registrations.serving[b] === 1 ? this.propagation(b) : 0);
    }
    this.unfenceSeen.set(broker, seen);
    // Only partitions without a leader are elected for; this broker leads those where it is in the ISR.
    const changed: number[] = [];
    for (const r of tables.hosted(broker)) {
      const p = Math.floor(r / tables.stride);
      if (tables.leader[p] !== noLeader || tables.offline[r] === 1) continue;
      if (tables.inSync[r] === 0 && !this.settings.topics[tables.topic[p]].uncleanElection) continue;
      this.change(p, () => {
        if (tables.inSync[r] === 1) this.lead(p, broker);
        else this.leadUncleanly(p, r);
      });
      changed.push(p);
    }
    if (changed.length > 0) this.publish(changed, broker, new Map());
  }

  // Rejoining the ISR.

  /** Replicas of one follower reached the log end of one leader. */
  private replicasCaughtUp(follower: number, leader: number, caughtUp: readonly number[]): void {
    const replicas: number[] = [];
    for (const r of caughtUp) {
      if (this.tables.inSync[r] === 0) replicas.push(r);
      else {
        this.expiration.forget(r);
        this.writes.review(Math.floor(r / this.tables.stride));
      }
    }
    if (replicas.length === 0) return;
    if (this.registrations.fenced[follower] === 1) {
      const held = this.heldByFence.get(follower);
      const entry = { leader, replicas };
      if (held === undefined) this.heldByFence.set(follower, [entry]);
      else held.push(entry);
      return;
    }
    const seen = this.unfenceSeen.get(follower)?.[leader] ?? this.sim.now;
    // The leader looks at the ISR with the replica's next fetch: at once on a busy connection, within the long poll on an idle one.
    const busy = replicas.some((r) => this.traffic.partitionRate(Math.floor(r / this.tables.stride)) > 0);
    const poll = busy
      ? this.settings.timing.roundTripMicros
      : this.sim.stream(`broker/${this.settings.brokers[follower].id}`, 'idleFetch')() *
        this.settings.timing.fetchWaitMicros;
    this.joining.set(this.joinCount, replicas);
    this.sim.at(Math.round(Math.max(this.sim.now, seen) + poll) + 1, this.ready, leader, this.joinCount);
    this.joinCount += 1;
  }

  private readonly heldByFence = new Map<number, { leader: number; replicas: readonly number[] }[]>();

  /** The follower is unfenced now: what caught up while it was fenced may ask. */
  releaseHeld(follower: number): void {
    const held = this.heldByFence.get(follower) ?? [];
    this.heldByFence.delete(follower);
    for (const entry of held) this.replicasCaughtUp(follower, entry.leader, entry.replicas);
  }

  private onReady(leader: number, join: number): void {
    const pausedUntil = this.registrations.pausedUntil[leader];
    if (pausedUntil > 0) {
      this.sim.at(pausedUntil, this.ready, leader, join);
      return;
    }
    const replicas = this.joining.get(join) ?? [];
    this.joining.delete(join);
    // The leader has died meanwhile: the replica asks the next one.
    if (this.registrations.serving[leader] === 0) return;
    this.alterPartition(leader, replicas);
  }

  /** The process of a leader has ended: what it had not yet asked for is never asked. */
  forgetRequests(leader: number): void {
    this.queued.delete(leader);
    this.sentBefore.delete(leader);
  }

  private alterPartition(leader: number, changes: readonly number[]): void {
    const queue = this.queued.get(leader) ?? [];
    queue.push(...changes);
    this.queued.set(leader, queue);
    if (!this.inFlight.has(leader)) this.sendAlterPartition(leader);
  }

  /** At most one request of a broker is under way; the first takes one partition, the next all that queued meanwhile. */
  private sendAlterPartition(leader: number): void {
    const queue = this.queued.get(leader);
    if (queue === undefined || queue.length === 0 || this.inFlight.has(leader)) return;
    if (!this.answers(leader)) {
      if (!this.asking.has(leader)) {
        this.asking.add(leader);
        this.whenActive(leader, () => {
          this.asking.delete(leader);
          this.sendAlterPartition(leader);
        });
      }
      return;
    }
    const first = this.sentBefore.has(leader) ? queue.length : 1;
    this.sentBefore.add(leader);
    const changes = queue.splice(0, first);
    this.inFlight.set(leader, changes);
    this.sim.after(
      this.commitDelay('alterPartition') + this.settings.timing.roundTripMicros,
      changes.some((r) => r >= 0) ? this.response : this.shrunk,
      leader,
    );
  }

  private readonly sentBefore = new Set<number>();
  /** Leaders whose request waits for a controller. */
  private readonly asking = new Set<number>();

  private onIsrChanged(leader: number): void {
    const { tables } = this;
    const changes = this.inFlight.get(leader) ?? [];
    this.inFlight.delete(leader);
    const followers = new Set<number>();
    const movedTo = new Map<number, number[]>();
    let shrinks = 0;
    for (const r of changes) {
      if (r < 0) {
        const slow = -1 - r;
        if (!this.shrink(leader, slow)) continue;
        shrinks += 1;
        followers.add(tables.broker[slow]);
        continue;
      }
      const p = Math.floor(r / tables.stride);
      const follower = tables.broker[r];
      if (tables.inSync[r] === 1) continue;
      if (tables.leader[p] !== leader) {
        if (
          tables.state[r] === replicaState.live &&
          tables.leader[p] !== noLeader &&
          this.isActive(follower)
        ) {
          this.replicasCaughtUp(follower, tables.leader[p], [r]);
        }
        continue;
      }
      if (!this.isActive(follower) || tables.state[r] !== replicaState.live) {
        this.gauges.failedIsrUpdates.add(leader, 1);
        continue;
      }
      this.change(p, () => this.join(p, r));
      this.gauges.isrExpands.add(leader, 1);
      // The answer tells the asking leader: no metadata fetch is needed. A reassignment that was completed by it may have moved the leader.
      const to = tables.leader[p];
      if (to !== leader) {
        const partitions = movedTo.get(to);
        if (partitions === undefined) movedTo.set(to, [p]);
        else partitions.push(p);
      } else if (tables.shownLeader[p] === leader) this.gauges.show(p);
      followers.add(follower);
    }
    if (shrinks > 0) {
      const name = `broker-${this.settings.brokers[leader].id}`;
      this.sim.tell('kafka.isrShrunk', name, `${shrinks} partitions`);
    }
    if (movedTo.size > 0) this.publish([...movedTo.values()].flat(), leader, movedTo, false);
    for (const follower of followers) this.onMembership(follower);
    if ((this.queued.get(leader)?.length ?? 0) > 0) this.sendAlterPartition(leader);
    else this.sentBefore.delete(leader);
  }

  /**
   * A leader takes a member that is too slow out of the ISR; the leader epoch stays. Not when it has caught up, or another leads,
   * meanwhile. Source: Kafka 3.7 `Partition.maybeShrinkIsr`, `PartitionChangeBuilder.triggerLeaderEpochBumpIfNeeded`.
   */
  private shrink(leader: number, replica: number): boolean {
    const { tables } = this;
    const p = Math.floor(replica / tables.stride);
    if (tables.leader[p] !== leader || tables.inSync[replica] === 0) return false;
    if (tables.state[replica] === replicaState.live) return false;
    this.change(p, () => this.lose(p, replica));
    this.gauges.isrShrinks.add(leader, 1);
    if (tables.shownLeader[p] === leader) this.gauges.show(p);
    return true;
  }

  // Preferred leaders.

  private armBalance(): void {
    if (!this.settings.autoLeaderRebalance || this.balanceDue || this.active < 0) return;
    if (this.gauges.preferredImbalance.get(0) === 0) return;
    this.balanceDue = true;
    this.balanceTimer = this.sim.after(this.settings.timing.imbalanceCheckMicros, this.balance);
  }

  /** Elects preferred leaders, at most 1,000 in one event. Source: Kafka 3.7 `maybeBalancePartitionLeaders`. */
  private onBalance(): void {
    const { tables } = this;
    this.balanceHeld = !this.answers(-1);
    if (this.balanceHeld) return;
    this.balanceDue = false;
    const more = this.elect(Array.from({ length: tables.partitionCount }, (_, p) => p));
    if (more) {
      this.balanceDue = true;
      this.balanceTimer = this.sim.after(nextElectionBatchMicros, this.balance);
    } else this.armBalance();
  }

  /** A client asks for the preferred leaders of these partitions (ElectLeaders). */
  electPreferred(partitions: readonly number[]): void {
    this.whenActive(-1, () => {
      this.sim.after(this.commitDelay('electLeaders'), this.elected, this.electionCount);
      this.elections.set(this.electionCount, partitions);
      this.electionCount += 1;
    });
  }

  private onElected(request: number): void {
    const partitions = this.elections.get(request) ?? [];
    this.elections.delete(request);
    for (let from = 0; from < partitions.length; from += maxElectionsPerEvent)
      this.elect(partitions.slice(from, from + maxElectionsPerEvent));
  }

  /** Lets preferred replicas lead that can, at most 1,000 of them. @returns whether some are left over */
  private elect(partitions: readonly number[]): boolean {
    const { tables } = this;
    const byOld = new Map<number, { changed: number[]; moved: Map<number, number[]> }>();
    let elections = 0;
    let more = false;
    for (const p of partitions) {
      const first = tables.replicaAt(p, 0);
      const preferred = tables.broker[first];
      const old = tables.leader[p];
      if (old === preferred || tables.inSync[first] === 0 || !this.isActive(preferred)) continue;
      if (tables.offline[first] === 1) continue;
      if (elections === maxElectionsPerEvent) {
        more = true;
        break;
      }
      elections += 1;
      this.change(p, () => this.lead(p, preferred));
      let group = byOld.get(old);
      if (group === undefined) {
        group = { changed: [], moved: new Map() };
        byOld.set(old, group);
      }
      group.changed.push(p);
      const moved = group.moved.get(preferred);
      if (moved === undefined) group.moved.set(preferred, [p]);
      else moved.push(p);
    }
    for (const [old, group] of byOld)
      this.publish(group.changed, old === noLeader ? group.moved.keys().next().value! : old, group.moved);
    if (elections > 0) this.sim.tell('kafka.preferredElection', 'controller', `${elections} leaders`);
    return more;
  }

  // The quorum.

  private deactivated(): void {
    this.showActive();
    if (this.balanceTimer !== undefined) this.sim.cancel(this.balanceTimer);
    this.balanceTimer = undefined;
    this.balanceDue = false;
    this.balanceHeld = false;
  }

  private activated(): void {
    // A check that an earlier controller had planned is gone with it.
    this.deactivated();
    this.onActiveChanged();
    this.onActivated();
    this.armBalance();
  }

  private showActive(): void {
    this.quorum.voterIds.forEach((id, row) => {
      this.gauges.activeController.set(row, id === this.active ? 1 : 0);
    });
  }
}
