import type { Gauge } from '../../engine/gauge.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import type { Controller } from './controller.ts';
import type { Replication } from './replication.ts';
import type { ClusterSettings } from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';
import type { ThrottleSide } from './throttle.ts';
import type { Traffic } from './traffic.ts';

/** Why Kafka refuses a reassignment, by the name of the error. */
export type ReassignmentError =
  | 'UNKNOWN_TOPIC_OR_PARTITION'
  | 'INVALID_REPLICA_ASSIGNMENT'
  | 'NO_REASSIGNMENT_IN_PROGRESS';

/** A move that gets nowhere, and what would mend it. */
export interface Starvation {
  readonly partition: number;
  /** Broker row of the replica that is being added. */
  readonly broker: number;
  readonly side: ThrottleSide;
  /** Broker row whose throttle holds it back. */
  readonly at: number;
  readonly rate: number;
  /** Bytes per second that listed partitions take in there now, in sync or not: at or below it nothing is left for what is to be copied. */
  readonly live: number;
  /** The same if the broker led all that it lists: above it the throttle suffices, wherever leaders move meanwhile. */
  readonly most: number;
}

/** Changes of assignments, as a client asks for them: null cancels. */
export interface Alteration {
  readonly partition: number;
  readonly target: readonly number[] | null;
}

/**
 * Reassignments of partitions, as the controller runs them.
 *
 * A target T for a partition with the replicas P makes adding = T \ P and removing = P \ T; its replicas are T and then `removing` until
 * it is complete. It is complete as soon as the ISR without `removing` is not empty and contains all of `adding`: at once for a mere change of
 * order or for fewer replicas, else with the change of the ISR that takes in the last one. Then `removing` goes, from the ISR as well, and a leader
 * that was among them gives way to the first in T's order that is in sync and active. A new target meanwhile is compared with the replicas
 * as they are then. Cancelling takes out `adding` and keeps the others in the order in which they stand, which may not be the original one;
 * where only replicas that were added are in sync that would be an unclean election, and is refused unless the topic allows one.
 *
 * A replica that is added is empty, begins where its leader's log begins, and copies all of it, over the same threads, cards and
 * disks as any replica that catches up. One that is removed is deleted after file.delete.delay.ms.
 *
 * What is asked for at one instant is one request and one event of the controller; without a controller that can commit it waits.
 *
 * Source: Kafka 3.7 `ReplicationControlManager.alterPartitionReassignment`, `PartitionReassignmentReplicas`, `PartitionReassignmentRevert`,
 * `PartitionChangeBuilder`. Simplified: a broker begins to copy when the controller commits, not when it has learnt of it, a fraction of a second
 * later; retention at the leader does not cut off what a replica that falls further and further behind has still to copy, so that a copy which
 * takes longer than the retention time is played as longer than it is.
 */
export class Reassignments {
  /** Bytes that replicas which are being added have still to copy, by the broker they are added to. */
  readonly remaining: Gauge;
  readonly bytesIn: Gauge;
  readonly bytesOut: Gauge;
  /** Reassignments that are under way, by the controller's truth. */
  readonly ongoing: Gauge;
  readonly completedCount: Gauge;
  /** Seconds from the first change of a reassignment to its completion: of the latest to complete, and the longest. */
  readonly latestSeconds: Gauge;
  readonly longestSeconds: Gauge;
  /** A reassignment has ended: complete, or cancelled. */
  readonly onEnded: ((partition: number, complete: boolean) => void)[] = [];

  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly tables: ClusterTables;
  private readonly traffic: Traffic;
  private readonly controller: Controller;
  private readonly replication: Replication;
  /** When each that is under way began, microseconds. */
  private readonly since = new Map<number, number>();
  /** Targets of a partition that were asked for and are not committed yet, in their order; null cancels. */
  private readonly asked = new Map<number, Alteration['target'][]>();
  private readonly requests: Alteration[][] = [];
  private collecting: Alteration[] | undefined;
  /** When the latest request is committed, microseconds. */
  private lastCommit = 0;
  private readonly committed: Kind;
  private readonly ended: Kind;
  private readonly ask: Kind;
  /** Brokers whose remaining bytes are to be counted anew. */
  private readonly stale = new Set<number>();

  constructor(
    sim: Simulation,
    settings: ClusterSettings,
    tables: ClusterTables,
    traffic: Traffic,
    controller: Controller,
    replication: Replication,
  ) {
    this.sim = sim;
    this.settings = settings;
    this.tables = tables;
    this.traffic = traffic;
    this.controller = controller;
    this.replication = replication;
    const n = tables.brokerCount;
    const metrics = 'kafka_server_brokertopicmetrics';
    this.bytesIn = sim.gauge(`${metrics}_reassignmentbytesin_total`, n, { linear: true });
    this.bytesOut = sim.gauge(`${metrics}_reassignmentbytesout_total`, n, { linear: true });
    this.remaining = sim.gauge('rehearse:reassignment_remaining_bytes', n, { linear: true });
    this.ongoing = sim.gauge('rehearse:reassignments', 1);
    this.completedCount = sim.gauge('rehearse:reassignments_completed_total', 1);
    this.latestSeconds = sim.gauge('rehearse:reassignment_latest_seconds', 1);
    this.longestSeconds = sim.gauge('rehearse:reassignment_seconds', 1);
    this.ask = sim.on('kafka.alterPartitionReassignments', (request) => this.onAsk(request));
    this.committed = sim.on('kafka.reassignmentsCommitted', (request) => this.onCommitted(request));
    this.ended = sim.on('kafka.reassignmentEnded', (p, complete) => {
      for (const listener of this.onEnded) listener(p, complete === 1);
    });
    controller.beforeCommit = (p) => this.completeIfDone(p);
    replication.onAddingRate = (leader, follower, delta) => {
      const into = this.bytesIn.slope(follower) + delta;
      const out = this.bytesOut.slope(leader) + delta;
      // Rates that went in and out again leave a rest of rounding.
      this.bytesIn.set(follower, this.bytesIn.get(follower), into < 1e-3 ? 0 : into);
      this.bytesOut.set(leader, this.bytesOut.get(leader), out < 1e-3 ? 0 : out);
      this.stale.add(follower);
    };
    sim.beforeAdvance(() => this.countRemaining());
  }

  // Asking.

  /** Reassignments under way, those asked for and not yet committed included. */
  get active(): number {
    let more = 0;
    for (const p of this.asked.keys()) if (!this.since.has(p)) more += 1;
    return this.since.size + more;
  }

  /** Partitions whose reassignment is under way, as committed. */
  get partitions(): readonly number[] {
    return [...this.since.keys()];
  }

  /** Partitions whose reassignment is under way, or asked for. */
  get under(): readonly number[] {
    return [...new Set([...this.since.keys(), ...this.asked.keys()])].sort((x, y) => x - y);
  }

  /** Brokers that a partition's replicas are being added to, or will be once what was asked for last is committed. */
  destinations(partition: number): readonly number[] {
    const { tables } = this;
    const assigned = tables.assigned(partition);
    const isAdding = (b: number) => tables.adding[tables.replicaOn(partition, b)] === 1;
    const target = this.asked.get(partition)?.at(-1);
    if (target === undefined) return assigned.filter(isAdding);
    return (target ?? []).filter((b) => !assigned.includes(b) || isAdding(b));
  }

  isActive(partition: number): boolean {
    return this.since.has(partition) || this.asked.has(partition);
  }

  /**
   * Asks the controller for other replicas of a partition, or with null to cancel what is under way.
   * @param target broker rows, the preferred leader first
   * @returns the error that Kafka answers with; undefined where the request is taken up
   */
  alter(partition: number, target: readonly number[] | null): ReassignmentError | undefined {
    if (target === null && this.asked.has(partition)) {
      // Requests are handled one after the other: what was asked for before is there to be cancelled.
      this.take({ partition, target });
      return undefined;
    }
    const error = this.refusal(partition, target);
    if (error === undefined) this.take({ partition, target });
    return error;
  }

  private take(alteration: Alteration): void {
    const p = alteration.partition;
    const targets = this.asked.get(p);
    if (targets === undefined) this.asked.set(p, [alteration.target]);
    else targets.push(alteration.target);
    if (this.collecting === undefined) {
      this.collecting = [];
      this.sim.after(0, this.ask, this.requests.length);
      this.requests.push(this.collecting);
    }
    this.collecting.push(alteration);
  }

  private refusal(p: number, target: readonly number[] | null): ReassignmentError | undefined {
    const { tables } = this;
    if (!(p >= 0 && p < tables.partitionCount) || !tables.exists(p)) return 'UNKNOWN_TOPIC_OR_PARTITION';
    if (target === null) {
      if (!tables.isReassigning(p)) return 'NO_REASSIGNMENT_IN_PROGRESS';
      const uncleanly = !this.membersWithout(p, tables.adding);
      return uncleanly && !this.settings.topics[tables.topic[p]].uncleanElection
        ? 'INVALID_REPLICA_ASSIGNMENT'
        : undefined;
    }
    if (target.length === 0 || new Set(target).size !== target.length) return 'INVALID_REPLICA_ASSIGNMENT';
    if (target.some((b) => !(b >= 0 && b < tables.brokerCount))) return 'INVALID_REPLICA_ASSIGNMENT';
    const { fenced } = this.controller.registrations;
    if (target.every((b) => fenced[b] === 1)) return 'INVALID_REPLICA_ASSIGNMENT';
    const together = new Set([...target, ...tables.assigned(p)]).size;
    // A bound of ours: rows for so many replicas were not kept.
    return together > tables.stride ? 'INVALID_REPLICA_ASSIGNMENT' : undefined;
  }

  /** Whether the ISR has a member without the flag. */
  private membersWithout(p: number, flags: Uint8Array): boolean {
    const { tables } = this;
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1)
      if (tables.inSync[r] === 1 && flags[r] === 0) return true;
    return false;
  }

  private onAsk(request: number): void {
    this.collecting = undefined;
    this.controller.whenActive(-1, () => {
      // The controller handles one request after the other.
      const at = this.sim.now + this.controller.commitDelay('alterReassignments');
      this.lastCommit = Math.max(this.lastCommit, at);
      this.sim.at(this.lastCommit, this.committed, request);
    });
  }

  private onCommitted(request: number): void {
    const { tables, controller } = this;
    const byLeader = new Map<number, { changed: number[]; moved: Map<number, number[]> }>();
    const brokers = new Set<number>();
    const asked = this.requests[request].filter(({ target }) => target !== null).length;
    if (asked > 0) this.sim.tell('kafka.reassignmentStarted', 'controller', `${asked} partitions`);
    for (const { partition: p, target } of this.requests[request]) {
      const targets = this.asked.get(p)!;
      targets.shift();
      if (targets.length === 0) this.asked.delete(p);
      const error = this.refusal(p, target);
      if (error !== undefined) {
        this.sim.tell('kafka.reassignmentRefused', tables.partitionName(p), error);
        continue;
      }
      for (const b of tables.assigned(p)) brokers.add(b);
      for (const b of target ?? []) brokers.add(b);
      const old = tables.leader[p];
      controller.change(p, () => {
        if (target === null) this.revert(p);
        else this.start(p, target);
      });
      const now = tables.leader[p];
      // Nobody reported a partition without a leader, so the one that it has now learns of it first.
      const reporter = old === noLeader ? now : old;
      let group = byLeader.get(reporter);
      if (group === undefined) {
        group = { changed: [], moved: new Map() };
        byLeader.set(reporter, group);
      }
      group.changed.push(p);
      if (now === old || now === noLeader) continue;
      const moved = group.moved.get(now);
      if (moved === undefined) group.moved.set(now, [p]);
      else moved.push(p);
    }
    this.requests[request].length = 0;
    for (const [old, { changed, moved }] of byLeader)
      if (old !== noLeader) controller.publish(changed, old, moved, false);
    controller.beginFetching();
    for (const b of brokers) {
      this.stale.add(b);
      controller.onMembership(b);
    }
  }

  // Within a change.

  private start(p: number, target: readonly number[]): void {
    const { tables, controller } = this;
    const current = tables.assigned(p);
    const ids = (rows: readonly number[]) =>
      [...rows].sort((x, y) => this.settings.brokers[x].id - this.settings.brokers[y].id);
    const removing = ids(current.filter((b) => !target.includes(b)));
    for (const b of current) {
      const r = tables.replicaOn(p, b);
      controller.setAdding(r, false);
      tables.mark(r, 'removing', removing.includes(b));
    }
    for (const b of ids(target.filter((b) => !current.includes(b)))) controller.addReplica(p, b);
    tables.setOrder(p, [...target, ...removing]);
    if (!this.since.has(p)) {
      this.since.set(p, this.sim.now);
      this.ongoing.set(0, this.since.size);
    }
  }

  private revert(p: number): void {
    const { tables, controller } = this;
    const gone = tables.assigned(p).filter((b) => tables.adding[tables.replicaOn(p, b)] === 1);
    // Where only added ones are in sync the first that remains is the ISR, whatever it lacks.
    const unclean = !this.membersWithout(p, tables.adding);
    this.finish(p, gone, false, unclean ? () => this.electFirst(p) : () => controller.electOnline(p));
  }

  private electFirst(p: number): number {
    const { tables, controller } = this;
    const first = tables.replicaAt(p, 0);
    controller.join(p, first);
    const b = tables.broker[first];
    return controller.isActive(b) && tables.offline[first] === 0 ? b : noLeader;
  }

  private completeIfDone(p: number): void {
    const { tables, controller } = this;
    if (!this.since.has(p) || !this.membersWithout(p, tables.removing)) return;
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1)
      if (tables.adding[r] === 1 && tables.inSync[r] === 0) return;
    this.finish(
      p,
      tables.assigned(p).filter((b) => tables.removing[tables.replicaOn(p, b)] === 1),
      true,
      () => controller.electOnline(p),
    );
  }

  /** Takes out replicas, and with them the reassignment. The leader epoch grows where a replica goes, or the leader. */
  private finish(p: number, gone: readonly number[], complete: boolean, elect: () => number): void {
    const { tables, controller, sim } = this;
    const kept = tables.assigned(p).filter((b) => !gone.includes(b));
    const leader = tables.leader[p];
    for (const b of gone) controller.removeReplica(p, tables.replicaOn(p, b));
    for (const b of kept) {
      const r = tables.replicaOn(p, b);
      controller.setAdding(r, false);
      tables.mark(r, 'removing', false);
    }
    tables.setOrder(p, kept);
    if (gone.includes(leader)) controller.lead(p, elect());
    else if (gone.length > 0) tables.leaderEpoch[p] += 1;
    const began = this.since.get(p);
    if (began === undefined) return;
    this.since.delete(p);
    this.ongoing.set(0, this.since.size);
    for (const b of [...kept, ...gone]) this.stale.add(b);
    if (complete) {
      const seconds = (sim.now - began) / 1e6;
      this.completedCount.add(0, 1);
      this.latestSeconds.set(0, seconds);
      this.longestSeconds.set(0, Math.max(this.longestSeconds.get(0), seconds));
      sim.tell('kafka.reassignmentCompleted', tables.partitionName(p), `after ${seconds.toFixed(1)} s`);
    } else sim.tell('kafka.reassignmentCancelled', tables.partitionName(p));
    sim.after(0, this.ended, p, complete ? 1 : 0);
  }

  // What is left to do.

  /** Bytes that the replicas which a reassignment adds have still to copy. */
  remainingBytes(partition: number): number {
    const { tables } = this;
    let bytes = 0;
    for (let r = partition * tables.stride; r < (partition + 1) * tables.stride; r += 1)
      if (tables.adding[r] === 1) bytes += this.missing(r);
    return bytes;
  }

  private missing(replica: number): number {
    const { tables } = this;
    if (tables.state[replica] === replicaState.lagging) return this.replication.missing(replica);
    return this.replication.backlogOf(replica);
  }

  private countRemaining(): boolean {
    if (this.stale.size === 0) return false;
    const { tables } = this;
    // One pass over what moves, however many brokers it concerns.
    const left = new Map<number, { bytes: number; slope: number }>();
    for (const b of this.stale) left.set(b, { bytes: 0, slope: 0 });
    for (const p of this.since.keys()) {
      for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
        if (tables.adding[r] === 0) continue;
        const sum = left.get(tables.broker[r]);
        if (sum === undefined) continue;
        sum.bytes += this.missing(r);
        if (tables.state[r] === replicaState.lagging) sum.slope -= this.replication.gainOf(r);
      }
    }
    for (const [b, { bytes, slope }] of left) this.remaining.set(b, bytes, bytes > 0 ? slope : 0);
    this.stale.clear();
    return false;
  }

  /** The load is another one from now on. */
  loadChanged(): void {
    for (const p of this.since.keys()) for (const b of this.tables.assigned(p)) this.stale.add(b);
  }

  /**
   * Moves that a throttle starves now, once for each side that does: it is at or below what listed partitions take in there anyway, which comes first, so that what is to
   * be copied never becomes less. Formula: completion takes bytes / (rate - live), with what in-sync and added replicas of listed partitions
   * take in as `live`; it is ours, from the rule of KIP-73.
   */
  starved(): Starvation[] {
    const { tables, replication, traffic } = this;
    const { throttle } = replication;
    const found: Starvation[] = [];
    for (const p of this.since.keys()) {
      const leader = tables.leader[p];
      if (leader === noLeader) continue;
      for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
        if (tables.adding[r] === 0 || tables.state[r] !== replicaState.lagging) continue;
        if (replication.gainOf(r) > 0 || traffic.partitionRate(p) === 0) continue;
        const b = tables.broker[r];
        const sides: [ThrottleSide, number][] = [
          ['follower', b],
          ['leader', leader],
        ];
        for (const [side, at] of sides) {
          const rate = throttle.rateOf(side, at);
          const live = throttle.liveRate(side, at) + this.laggingRate(side, at);
          if (!throttle.isListed(side, p, at) || rate > live) continue;
          found.push({ partition: p, broker: b, side, at, rate, live, most: throttle.mostRate(side, at) });
        }
      }
    }
    return found;
  }

  /** Whether a replica that is being added comes nearer to its leader's log end, or is there and about to join the ISR. */
  anyGains(): boolean {
    const { tables, replication } = this;
    for (const p of this.since.keys()) {
      for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
        if (tables.adding[r] === 0) continue;
        const state = tables.state[r];
        const joins = state === replicaState.live && tables.inSync[r] === 0;
        if (joins || (state === replicaState.lagging && replication.gainOf(r) > 0)) return true;
      }
    }
    return false;
  }

  /** Bytes per second that listed partitions take in whose replicas catch up over a broker's throttle. */
  private laggingRate(side: ThrottleSide, at: number): number {
    const { tables, replication, traffic } = this;
    let sum = 0;
    for (const p of this.since.keys()) {
      if (!replication.throttle.isListed(side, p, at)) continue;
      if (side === 'leader' && tables.leader[p] !== at) continue;
      for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
        if (tables.broker[r] < 0 || tables.state[r] !== replicaState.lagging) continue;
        if (side === 'follower' && tables.broker[r] !== at) continue;
        sum += traffic.partitionRate(p);
      }
    }
    return sum;
  }
}
