import type { Simulation } from '../../engine/simulation.ts';
import type { Reassignments } from './reassignment.ts';
import type { ClusterTables } from './tables.ts';
import { type ListedReplica, type ReplicationThrottle, throttleSides } from './throttle.ts';

/**
 * What `kafka-reassign-partitions.sh` does around a reassignment: `--execute --additional`, with `--throttle`, then `--verify`, and `--cancel`.
 *
 * With a throttle it lists the replicas of what moves on the leader side and the new ones on the follower side, in place of what these
 * topics listed before, and sets both rates on every broker that takes part. What was moving already counts as well, whoever asked for it: it
 * is listed, and its brokers get the new rate. Both stay until `--verify` finds no reassignment in the cluster, of the plan or not: it removes
 * the rates of all brokers and the lists of the plan's topics. `--cancel` removes them whatever goes on.
 *
 * Source: Kafka 3.7 `ReassignPartitionsCommand` (executeAssignment, calculateProposedMoveMap, calculateLeaderThrottles,
 * calculateFollowerThrottles, verifyAssignment, clearAllThrottles).
 * Simplified: `--verify` is run at the moment when the last partition is done, of the plan and of whatever else moves.
 */
export class ReassignmentTool {
  private readonly sim: Simulation;
  private readonly tables: ClusterTables;
  private readonly reassignments: Reassignments;
  private readonly throttle: ReplicationThrottle;
  /** Plans whose throttle `--verify` will remove: what is not done yet, and their topics. */
  private plans: { readonly open: Set<number>; readonly topics: ReadonlySet<number> }[] = [];
  /** Topics and rates that a plan set and nobody removes. */
  private leftBehind: { readonly plan: ReadonlySet<number>; readonly rate: number }[] = [];

  constructor(
    sim: Simulation,
    tables: ClusterTables,
    reassignments: Reassignments,
    throttle: ReplicationThrottle,
  ) {
    this.sim = sim;
    this.tables = tables;
    this.reassignments = reassignments;
    this.throttle = throttle;
    reassignments.onEnded.push((p) => this.onEnded(p));
  }

  /**
   * @param plan partition rows and the broker rows they are to have
   * @param rate bytes per second; undefined: no throttle
   * @param verify whether `--verify` is run once the plan is done
   */
  execute(
    plan: readonly { readonly partition: number; readonly target: readonly number[] }[],
    rate: number | undefined,
    verify: boolean,
  ): void {
    const { tables } = this;
    const missing = plan.filter(({ partition }) => !tables.exists(partition));
    if (missing.length > 0) {
      // The tool asks for all of them first: it does nothing where one is missing.
      const names = missing.map(({ partition }) => tables.partitionName(partition));
      this.sim.tell('kafka.reassignmentRefused', names.slice(0, 5).join(', '), 'UNKNOWN_TOPIC_OR_PARTITION');
      return;
    }
    const topics = new Set(plan.map(({ partition }) => tables.topic[partition]));
    if (rate !== undefined) this.throttleMoves(plan, rate);
    const open = new Set<number>();
    for (const { partition, target } of plan) {
      const error = this.reassignments.alter(partition, target);
      if (error === undefined) open.add(partition);
      else this.sim.tell('kafka.reassignmentRefused', tables.partitionName(partition), error);
    }
    if (rate === undefined) return;
    if (!verify) this.leftBehind.push({ plan: open, rate });
    else {
      this.plans.push({ open, topics });
      this.verify();
    }
  }

  /** Lists and limits what moves already and what a plan is going to move. */
  private throttleMoves(
    plan: readonly { readonly partition: number; readonly target: readonly number[] }[],
    rate: number,
  ): void {
    const { tables, throttle } = this;
    const isAdding = (p: number, b: number) => tables.adding[tables.replicaOn(p, b)] === 1;
    const sources = (p: number) => tables.assigned(p).filter((b) => !isAdding(p, b));
    const destinations = new Map<number, readonly number[]>();
    for (const p of this.reassignments.under) destinations.set(p, this.reassignments.destinations(p));
    for (const { partition, target } of plan) {
      const from = sources(partition);
      destinations.set(
        partition,
        target.filter((b) => !from.includes(b)),
      );
    }
    const moving = [...destinations.keys()];
    const listed = (brokersOf: (p: number) => readonly number[]) =>
      moving.flatMap((p) => brokersOf(p).map((b): ListedReplica => [p, b]));
    const from = listed(sources);
    const to = listed((p) => destinations.get(p) ?? []);
    for (const t of new Set(moving.map((p) => tables.topic[p]))) throttle.clearTopic(t);
    throttle.list('leader', from);
    throttle.list('follower', to);
    const brokers = new Set([...from, ...to].map(([, b]) => b));
    for (const b of [...brokers].sort((x, y) => x - y))
      for (const side of throttleSides) throttle.setRate(side, b, rate);
  }

  /** Cancels what is under way of these partitions, and removes the throttle. */
  cancel(partitions: readonly number[]): void {
    const active = partitions.filter((p) => this.reassignments.isActive(p));
    if (active.length === 0) this.sim.tell('kafka.nothingToCancel', 'controller');
    for (const p of active) {
      const error = this.reassignments.alter(p, null);
      if (error !== undefined)
        this.sim.tell('kafka.reassignmentRefused', this.tables.partitionName(p), error);
    }
    this.clear(new Set(partitions.map((p) => this.tables.topic[p])));
  }

  /** Rates of throttles that outlived their plans and that no `--verify` of another plan is going to remove, bytes per second. */
  forgotten(): readonly number[] {
    if (this.plans.length > 0) return [];
    const done = (plan: ReadonlySet<number>) => [...plan].every((p) => !this.reassignments.isActive(p));
    return this.leftBehind.filter((l) => done(l.plan)).map((l) => l.rate);
  }

  private onEnded(partition: number): void {
    // Overridden: it is done when the new target is.
    if (this.reassignments.isActive(partition)) return;
    for (const plan of this.plans) plan.open.delete(partition);
    this.verify();
  }

  /** `--verify` of every plan that is done; it leaves throttles alone while anything moves. */
  private verify(): void {
    if (this.reassignments.active > 0) return;
    const done = this.plans.filter((plan) => plan.open.size === 0);
    if (done.length === 0) return;
    this.plans = this.plans.filter((plan) => plan.open.size > 0);
    this.clear(new Set(done.flatMap((plan) => [...plan.topics])));
  }

  private clear(topics: ReadonlySet<number>): void {
    const { tables, throttle } = this;
    for (const t of topics) throttle.clearTopic(t);
    for (let b = 0; b < tables.brokerCount; b += 1)
      for (const side of throttleSides) throttle.setRate(side, b, Number.POSITIVE_INFINITY);
    this.leftBehind = [];
    this.sim.tell('kafka.throttleRemoved', 'controller');
  }
}
