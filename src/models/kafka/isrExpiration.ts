import { eventClass, type Handle, type Kind, type Simulation } from '../../engine/simulation.ts';
import type { Replication } from './replication.ts';
import type { ClusterSettings } from './settings.ts';
import { type ClusterTables, noLeader } from './tables.ts';
import type { Traffic } from './traffic.ts';

/**
 * ISR members that fetch nothing or not fast enough, and when their leaders take them out.
 *
 * A leader looks every replica.lag.time.max.ms / 2. A member is too slow when its log end is not the leader's and it was last
 * caught up longer ago than replica.lag.time.max.ms: so it leaves the ISR 1 to 1.5 times that setting after it last was
 * caught up. One whose log end equals the leader's is never too slow, however long it is silent: not before the next append. A
 * new leader counts its followers as caught up when it takes over.
 *
 * Source: Kafka 3.7 `ReplicaManager.startup` (isr-expiration), `Partition.getOutOfSyncReplicas`, `Replica.isCaughtUp`, `Partition.makeLeader`.
 * Simplified: a member that keeps up is always caught up; the phase of a leader's task is drawn once a run, restarts or not.
 * The task is played only for leaders with a member that does not keep up.
 */
export class IsrExpiration {
  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly tables: ClusterTables;
  private readonly traffic: Traffic;
  private readonly replication: Replication;
  /** When each ISR member that does not keep up was last caught up, microseconds; Infinity once its leader has asked to remove it. */
  private readonly caughtUpAt = new Map<number, number>();
  /** Microseconds after a multiple of the period at which a leader's task runs; NaN until it is first needed. */
  private readonly phase: Float64Array;
  private readonly ticks: (Handle | undefined)[];
  private readonly tickAt: Float64Array;
  private readonly tick: Kind;
  private readonly periodMicros: number;
  /** A leader asks the controller to take these replicas out of their ISRs. */
  onTooSlow: (leader: number, replicas: readonly number[]) => void = () => {};

  constructor(
    sim: Simulation,
    settings: ClusterSettings,
    tables: ClusterTables,
    traffic: Traffic,
    replication: Replication,
  ) {
    this.sim = sim;
    this.settings = settings;
    this.tables = tables;
    this.traffic = traffic;
    this.replication = replication;
    this.phase = new Float64Array(tables.brokerCount).fill(Number.NaN);
    this.ticks = new Array(tables.brokerCount);
    this.tickAt = new Float64Array(tables.brokerCount);
    this.periodMicros = settings.timing.replicaLagMaxMicros / 2;
    this.tick = sim.on('kafka.isrExpiration', (leader) => this.onTick(leader), eventClass.timer);
  }

  /** An ISR member stops keeping up with its leader now. */
  watch(replica: number): void {
    if (this.caughtUpAt.has(replica)) return;
    this.caughtUpAt.set(replica, this.sim.now);
    this.armFor(replica);
  }

  /** The replica keeps up again, or is no member any more. */
  forget(replica: number): void {
    if (!this.caughtUpAt.delete(replica) || this.caughtUpAt.size > 0) return;
    for (let leader = 0; leader < this.ticks.length; leader += 1) {
      const handle = this.ticks[leader];
      if (handle !== undefined) this.sim.cancel(handle);
      this.ticks[leader] = undefined;
    }
  }

  /** The partition of a replica has another leader: what the old one knew of the replica, and asked for it, is gone. */
  leaderChanged(replica: number): void {
    if (!this.caughtUpAt.has(replica)) return;
    this.caughtUpAt.set(replica, this.sim.now);
    this.armFor(replica);
  }

  private armFor(replica: number): void {
    const leader = this.tables.leader[Math.floor(replica / this.tables.stride)];
    if (leader !== noLeader) this.arm(leader, this.due(leader, this.sim.now));
  }

  private arm(leader: number, at: number): void {
    const handle = this.ticks[leader];
    if (handle !== undefined) {
      if (this.tickAt[leader] <= at) return;
      this.sim.cancel(handle);
    }
    this.tickAt[leader] = at;
    this.ticks[leader] = this.sim.at(at, this.tick, leader);
  }

  /** The leader's first run of the task at which a member that was last caught up at `caughtUpAt` is too slow. */
  private due(leader: number, caughtUpAt: number): number {
    if (Number.isNaN(this.phase[leader])) {
      const u = this.sim.stream(`broker/${this.settings.brokers[leader].id}`, 'isrExpirationPhase')();
      this.phase[leader] = u * this.periodMicros;
    }
    const phase = this.phase[leader];
    const after = caughtUpAt + this.settings.timing.replicaLagMaxMicros;
    return Math.ceil(phase + (Math.floor((after - phase) / this.periodMicros) + 1) * this.periodMicros);
  }

  private onTick(leader: number): void {
    this.ticks[leader] = undefined;
    const { tables } = this;
    const following = Math.ceil(this.sim.now + this.periodMicros);
    const runs = this.replication.runs(leader);
    const tooSlow: number[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [replica, caughtUpAt] of this.caughtUpAt) {
      if (tables.leader[Math.floor(replica / tables.stride)] !== leader) continue;
      const due = this.due(leader, caughtUpAt);
      if (due > this.sim.now) next = Math.min(next, due);
      else if (runs && this.isBehind(replica)) tooSlow.push(replica);
      else next = Math.min(next, following);
    }
    for (const replica of tooSlow) this.caughtUpAt.set(replica, Number.POSITIVE_INFINITY);
    if (next < Number.POSITIVE_INFINITY) this.arm(leader, next);
    if (tooSlow.length > 0) this.onTooSlow(leader, tooSlow);
  }

  /**
   * Whether the leader's log end is beyond the replica's. Sends with acks=all that wait for the replica are in the leader's log: all
   * that producers keep in flight, here: anything that was offered. Sends that were refused for too few in-sync replicas are not.
   */
  private isBehind(replica: number): boolean {
    const { tables, traffic } = this;
    const p = Math.floor(replica / tables.stride);
    if (this.replication.backlogOf(replica) > 0) return true;
    if (tables.writable[p] === 1 || tables.isrCount[p] < tables.effectiveMinIsr(p)) return false;
    return tables.share[p] > 0 && traffic.volumeOf(tables.topic[p]) > tables.volumeAt[p];
  }
}
