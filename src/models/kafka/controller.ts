import { eventClass, type Handle, type Kind, type Simulation } from '../../engine/simulation.ts';
import type { ClusterGauges } from './gauges.ts';
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
 * Simplified: one draw of the delay for each broker and change; the controller's own queue adds nothing.
 */
export class Controller {
  /** Node id of the active controller, or -1 during a failover. */
  active: number;
  /** Where quorum members can be elected: node ids that run now. */
  private readonly voters: readonly number[];
  private readonly voterUp: Map<number, boolean>;
  private readonly voterDownAt = new Map<number, number>();
  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly tables: ClusterTables;
  private readonly gauges: ClusterGauges;
  private readonly traffic: Traffic;
  private readonly replication: Replication;
  private readonly writes: Writes;
  readonly registrations: Registrations;
  private readonly applied: Kind;
  private readonly balance: Kind;
  private readonly failover: Kind;
  private readonly ready: Kind;
  private readonly response: Kind;
  private balanceTimer: Handle | undefined;
  private balanceDue = false;
  private readonly batches = new Map<number, number[]>();
  private batchCount = 0;
  private readonly joining = new Map<number, readonly number[]>();
  private joinCount = 0;
  /** By leader row: replicas waiting for an AlterPartition request, and those in the one that is under way. */
  private readonly queued = new Map<number, number[]>();
  private readonly inFlight = new Map<number, number[]>();
  /** When each leader knows that a returned broker is unfenced: by returned broker, then leader. */
  private readonly unfenceSeen = new Map<number, Float64Array>();
  private readonly waiting: (() => void)[] = [];
  onLeaderMoves: (moves: readonly LeaderMove[]) => void = () => {};
  /** Replicas of these brokers joined or left an ISR. */
  onMembership: (broker: number) => void = () => {};
  onActiveChanged: () => void = () => {};

  constructor(
    sim: Simulation,
    settings: ClusterSettings,
    tables: ClusterTables,
    gauges: ClusterGauges,
    traffic: Traffic,
    replication: Replication,
    writes: Writes,
  ) {
    this.sim = sim;
    this.settings = settings;
    this.tables = tables;
    this.gauges = gauges;
    this.traffic = traffic;
    this.replication = replication;
    this.writes = writes;
    this.registrations = {
      fenced: new Uint8Array(tables.brokerCount),
      inControlledShutdown: new Uint8Array(tables.brokerCount),
      serving: new Uint8Array(tables.brokerCount).fill(1),
      fetching: new Uint8Array(tables.brokerCount).fill(1),
    };
    this.voters =
      settings.dedicatedControllers.length > 0
        ? settings.dedicatedControllers
        : settings.brokers.filter((b) => b.controller).map((b) => b.id);
    this.voterUp = new Map(this.voters.map((id) => [id, true]));
    this.active = settings.activeController;
    this.applied = sim.on('kafka.metadataApplied', (broker, batch) => this.onApplied(broker, batch));
    this.balance = sim.on('kafka.preferredLeaderCheck', () => this.onBalance(), eventClass.timer);
    this.failover = sim.on('kafka.controllerElected', (id) => this.onElected(id));
    this.ready = sim.on('kafka.replicasCaughtUp', (leader, join) => this.onReady(leader, join));
    this.response = sim.on('kafka.isrExpanded', (leader) => this.onIsrExpanded(leader));
    replication.onCaughtUp = (follower, leader, replicas) =>
      this.replicasCaughtUp(follower, leader, replicas);
    this.showActive();
    this.armBalance();
  }

  get voterIds(): readonly number[] {
    return this.voters;
  }

  /** Microseconds that a change needs from the request until it is committed. */
  commitDelay(purpose: string): number {
    const { roundTripMicros, appendLingerMicros } = this.settings.timing;
    const quorum = this.voters.length > 1 ? roundTripMicros : 0;
    const linger = this.sim.stream('controller', purpose)() * appendLingerMicros;
    return Math.max(1, Math.round(roundTripMicros + linger + quorum));
  }

  /** Microseconds from a commit until a broker has applied it; one draw for each broker and occurrence. */
  private propagation(broker: number): number {
    const { roundTripMicros, metadataPollMicros } = this.settings.timing;
    // With one voter the high watermark moves before the parked fetches are answered: no second fetch is needed.
    const poll =
      this.voters.length > 1
        ? this.sim.stream(`broker/${this.settings.brokers[broker].id}`, 'metadataDelay')() *
          metadataPollMicros
        : 0;
    return Math.max(1, Math.round(roundTripMicros / 2 + poll));
  }

  /** Runs at once when there is an active controller, else as soon as there is one. */
  whenActive(run: () => void): void {
    if (this.active >= 0) run();
    else this.waiting.push(run);
  }

  // Leadership and ISR.

  /**
   * Takes a broker out of every ISR and gives away what it leads: one event, as on a controlled shutdown and on fencing.
   * @returns microseconds until each broker has applied it, by broker row
   */
  removeFromIsrs(broker: number): Float64Array {
    const { tables } = this;
    const changed: number[] = [];
    const movedFrom = new Map<number, number[]>();
    for (let i = tables.replicasFrom[broker]; i < tables.replicasFrom[broker + 1]; i += 1) {
      const r = tables.replicasOf[i];
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
          const successor = tables.replicaOn(p, unclean);
          this.replication.halt(r);
          this.replication.halt(successor);
          this.lose(p, r);
          tables.inSync[successor] = 1;
          tables.isrCount[p] = 1;
          this.countOut(unclean, -1);
          this.writes.truncate(p, tables.replicaEndBytes[successor]);
          tables.state[successor] = replicaState.live;
          this.lead(p, unclean);
          this.sim.tell(
            'kafka.uncleanElection',
            tables.partitionName(p),
            `broker ${this.settings.brokers[unclean].id} leads`,
          );
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

  private lose(p: number, replica: number): void {
    this.tables.inSync[replica] = 0;
    this.tables.isrCount[p] -= 1;
    this.countOut(this.tables.broker[replica], 1);
  }

  private countOut(broker: number, delta: number): void {
    const { gauges } = this;
    const before = gauges.outOfSync.get(broker);
    gauges.outOfSync.add(broker, delta);
    if (before === 0 && delta > 0) gauges.brokersOutOfSync.add(0, 1);
    if (before > 0 && before + delta === 0) gauges.brokersOutOfSync.add(0, -1);
  }

  /** Changes a partition and keeps traffic, writes and the controller's gauges in step with it. */
  private change(p: number, apply: () => void): void {
    const { tables, gauges } = this;
    this.traffic.settle(p);
    const offline = tables.leader[p] === noLeader;
    const imbalanced = tables.leader[p] !== tables.broker[p * tables.stride];
    const short = tables.isrCount[p] < tables.replicationFactor(p);
    this.traffic.count(p, -1);
    apply();
    tables.partitionEpoch[p] += 1;
    this.traffic.count(p, 1);
    const offlineNow = tables.leader[p] === noLeader;
    const imbalancedNow = tables.leader[p] !== tables.broker[p * tables.stride];
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

  private lead(p: number, broker: number): void {
    this.tables.leader[p] = broker;
    this.tables.leaderEpoch[p] += 1;
    // Followers that are behind fetch from the new leader from here on.
    const first = p * this.tables.stride;
    for (let r = first; r < first + this.tables.stride; r += 1) {
      if (this.tables.broker[r] < 0 || this.tables.inSync[r] === 1) continue;
      if (this.registrations.fetching[this.tables.broker[r]] === 0) continue;
      if (this.tables.state[r] !== replicaState.stopped) this.replication.halt(r);
      if (broker !== noLeader) this.repoint.push(r);
    }
  }

  /** Replicas out of sync whose leader moved: they fetch on when the change is complete. */
  private repoint: number[] = [];

  /**
   * First in assignment order that is in the ISR and active.
   * Source: Kafka 3.7 `PartitionChangeBuilder.electLeader`, ONLINE.
   */
  private electOnline(p: number): number {
    const { tables } = this;
    const first = p * tables.stride;
    for (let r = first; r < first + tables.stride; r += 1) {
      if (tables.broker[r] >= 0 && tables.inSync[r] === 1 && this.isActive(tables.broker[r]))
        return tables.broker[r];
    }
    return noLeader;
  }

  private anyActive(p: number, except: number): number {
    const first = p * this.tables.stride;
    for (let r = first; r < first + this.tables.stride; r += 1) {
      const b = this.tables.broker[r];
      if (b >= 0 && b !== except && this.isActive(b)) return b;
    }
    return noLeader;
  }

  private isActive(broker: number): boolean {
    return this.registrations.fenced[broker] === 0 && this.registrations.inControlledShutdown[broker] === 0;
  }

  /** Lets every broker that must know learn of a change, each after its own delay. */
  private publish(
    changed: readonly number[],
    oldLeader: number,
    movedFrom: ReadonlyMap<number, readonly number[]>,
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
    const moved = this.repoint;
    this.repoint = [];
    for (const r of moved) this.replication.begin(tables.broker[r], [r]);
    return delays;
  }

  private onApplied(_broker: number, batch: number): void {
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
    for (let i = tables.replicasFrom[broker]; i < tables.replicasFrom[broker + 1]; i += 1) {
      const r = tables.replicasOf[i];
      const p = Math.floor(r / tables.stride);
      if (tables.leader[p] !== noLeader || tables.inSync[r] === 0) continue;
      this.change(p, () => {
        tables.state[r] = replicaState.live;
        this.lead(p, broker);
      });
      changed.push(p);
    }
    if (changed.length > 0) this.publish(changed, broker, new Map());
  }

  // Rejoining the ISR.

  /** Replicas of one follower reached the log end of one leader. */
  private replicasCaughtUp(follower: number, leader: number, replicas: readonly number[]): void {
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
    const replicas = this.joining.get(join) ?? [];
    this.joining.delete(join);
    const queue = this.queued.get(leader) ?? [];
    queue.push(...replicas);
    this.queued.set(leader, queue);
    if (!this.inFlight.has(leader)) this.sendAlterPartition(leader);
  }

  /** At most one request of a broker is under way; the first takes one partition, the next all that queued meanwhile. */
  private sendAlterPartition(leader: number): void {
    const queue = this.queued.get(leader);
    if (queue === undefined || queue.length === 0 || this.inFlight.has(leader)) return;
    if (this.active < 0) {
      this.waiting.push(() => this.sendAlterPartition(leader));
      return;
    }
    const first = this.sentBefore.has(leader) ? queue.length : 1;
    this.sentBefore.add(leader);
    this.inFlight.set(leader, queue.splice(0, first));
    this.sim.after(
      this.commitDelay('alterPartition') + this.settings.timing.roundTripMicros,
      this.response,
      leader,
    );
  }

  private readonly sentBefore = new Set<number>();

  private onIsrExpanded(leader: number): void {
    const { tables } = this;
    const replicas = this.inFlight.get(leader) ?? [];
    this.inFlight.delete(leader);
    const followers = new Set<number>();
    for (const r of replicas) {
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
      this.change(p, () => {
        tables.inSync[r] = 1;
        tables.isrCount[p] += 1;
        this.countOut(follower, -1);
      });
      this.gauges.isrExpands.add(leader, 1);
      // The answer tells the asking leader: no metadata fetch is needed.
      if (tables.shownLeader[p] === leader) this.gauges.show(p);
      followers.add(follower);
    }
    for (const follower of followers) this.onMembership(follower);
    if ((this.queued.get(leader)?.length ?? 0) > 0) this.sendAlterPartition(leader);
    else this.sentBefore.delete(leader);
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
    this.balanceDue = false;
    const byOld = new Map<number, { changed: number[]; moved: Map<number, number[]> }>();
    let elections = 0;
    let more = false;
    for (let p = 0; p < tables.partitionCount; p += 1) {
      const preferred = tables.broker[p * tables.stride];
      const old = tables.leader[p];
      if (old === preferred || tables.inSync[p * tables.stride] === 0 || !this.isActive(preferred)) continue;
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
    if (more) {
      this.balanceDue = true;
      this.balanceTimer = this.sim.after(nextElectionBatchMicros, this.balance);
    } else this.armBalance();
  }

  // The quorum.

  /** A voter's process ends. The active one resigns, so that a successor starts at once. */
  voterStopped(id: number): void {
    if (!this.voterUp.has(id)) return;
    this.voterUp.set(id, false);
    this.voterDownAt.set(id, this.sim.now);
    if (this.active !== id) return;
    this.active = -1;
    this.showActive();
    if (this.balanceTimer !== undefined) this.sim.cancel(this.balanceTimer);
    this.balanceDue = false;
    this.elect();
  }

  voterStarted(id: number): void {
    if (!this.voterUp.has(id)) return;
    this.voterUp.set(id, true);
    if (this.active < 0) this.elect();
  }

  private electing = false;

  private elect(): void {
    const up = this.voters.filter((id) => this.voterUp.get(id) === true);
    if (this.electing || up.length * 2 <= this.voters.length) return;
    this.electing = true;
    const draw = this.sim.stream('controller', 'successor')();
    const successor = up[Math.min(up.length - 1, Math.floor(draw * up.length))];
    const delay = this.settings.timing.controllerFailoverMicros.sample(
      this.sim.stream('controller', 'failover')(),
    );
    this.sim.after(Math.max(1, Math.round(delay)), this.failover, successor);
  }

  private onElected(id: number): void {
    this.electing = false;
    if (this.voterUp.get(id) !== true) {
      this.elect();
      return;
    }
    this.active = id;
    this.showActive();
    this.sim.tell('kafka.controllerElected', 'controller', `node ${id}`);
    this.onActiveChanged();
    this.armBalance();
    const run = this.waiting.splice(0);
    for (const continued of run) continued();
  }

  private showActive(): void {
    this.voters.forEach((id, row) => {
      this.gauges.activeController.set(row, id === this.active ? 1 : 0);
    });
  }

  /** When a voter last had all of the metadata log, milliseconds of simulated time. Simplified: a running voter always has. */
  lastCaughtUpMs(id: number): number {
    return (this.voterUp.get(id) === true ? this.sim.now : (this.voterDownAt.get(id) ?? 0)) / 1000;
  }
}
