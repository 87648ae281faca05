import type { Simulation } from '../../engine/simulation.ts';
import type { Reassignments } from './reassignment.ts';
import type { ClusterTables } from './tables.ts';
import { type ListedReplica, type ReplicationThrottle, throttleSides } from './throttle.ts';

/**
 * What `kafka-reassign-partitions.sh` does around a reassignment: `--execute --additional`, with `--throttle`, then `--verify`, and `--cancel`.
 *
 * With a throttle it lists all current replicas of what moves on the leader side and the new ones on the follower side, in place of what these
 * topics listed before, and sets both rates on every broker that takes part. They stay until `--verify` finds the plan done: it removes the
 * rates of all brokers and the lists of the plan's topics. `--cancel` removes them as well.
 *
 * Source: Kafka 3.7 `ReassignPartitionsCommand` (executeAssignment, calculateLeaderThrottles, calculateFollowerThrottles, clearAllThrottles).
 * Simplified: `--verify` is run at the moment when the last partition is done.
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
    const { tables, throttle } = this;
    const missing = plan.filter(({ partition }) => !tables.exists(partition));
    if (missing.length > 0) {
      // The tool asks for all of them first: it does nothing where one is missing.
      const names = missing.map(({ partition }) => tables.partitionName(partition));
      this.sim.tell('kafka.reassignmentRefused', names.slice(0, 5).join(', '), 'UNKNOWN_TOPIC_OR_PARTITION');
      return;
    }
    const topics = new Set(plan.map(({ partition }) => tables.topic[partition]));
    if (rate !== undefined) {
      const sources: ListedReplica[] = [];
      const destinations: ListedReplica[] = [];
      const brokers = new Set<number>();
      for (const { partition, target } of plan) {
        const current = tables.assigned(partition);
        for (const b of current) sources.push([partition, b]);
        for (const b of target) if (!current.includes(b)) destinations.push([partition, b]);
        for (const b of [...current, ...target]) brokers.add(b);
      }
      for (const t of topics) throttle.clearTopic(t);
      throttle.list('leader', sources);
      throttle.list('follower', destinations);
      for (const b of [...brokers].sort((x, y) => x - y))
        for (const side of throttleSides) throttle.setRate(side, b, rate);
    }
    const open = new Set<number>();
    for (const { partition, target } of plan) {
      const error = this.reassignments.alter(partition, target);
      if (error === undefined) open.add(partition);
      else this.sim.tell('kafka.reassignmentRefused', tables.partitionName(partition), error);
    }
    if (rate === undefined) return;
    if (!verify) this.leftBehind.push({ plan: open, rate });
    else if (open.size === 0) this.clear(topics);
    else this.plans.push({ open, topics });
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

  /** Rates of throttles that outlived their plans, bytes per second. */
  forgotten(): readonly number[] {
    const done = (plan: ReadonlySet<number>) => [...plan].every((p) => !this.reassignments.isActive(p));
    return this.leftBehind.filter((l) => done(l.plan)).map((l) => l.rate);
  }

  private onEnded(partition: number): void {
    for (const plan of this.plans) {
      // Overridden: it is done when the new target is.
      if (!plan.open.has(partition) || this.reassignments.isActive(partition)) continue;
      plan.open.delete(partition);
      if (plan.open.size === 0) this.clear(plan.topics);
    }
    this.plans = this.plans.filter((plan) => plan.open.size > 0);
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
