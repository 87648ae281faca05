import type { Cluster, Node, Pod } from '../cluster.ts';

/** Whether a pod's eviction would go beyond what its disruption budget allows now. */
export type BudgetCheck = (pods: readonly Pod[]) => number;

export interface Candidate {
  readonly node: Node;
  readonly victims: readonly Pod[];
  readonly violations: number;
}

/**
 * The pods that would have to go from a node for another one to fit: all of lower priority, of which as many stay as can, the more important first.
 * Source: plugins/defaultpreemption SelectVictimsOnNode.
 */
export function victimsOn(
  pod: Pod,
  node: Node,
  fits: (without: ReadonlySet<Pod>) => boolean,
  budget: BudgetCheck,
): Candidate | undefined {
  const { priority } = pod.template.placement;
  const lower = [...node.pods].filter((p) => p.template.placement.priority < priority);
  if (lower.length === 0) return undefined;
  const without = new Set(lower);
  if (!fits(without)) return undefined;
  // Those whose budget would be violated are reprieved first, each group by importance.
  const violating = new Set(lower.filter((p) => budget([p]) > 0));
  const byImportance = [...lower].sort(
    (x, y) =>
      Number(violating.has(y)) - Number(violating.has(x)) ||
      y.template.placement.priority - x.template.placement.priority ||
      x.startedAt - y.startedAt ||
      x.row - y.row,
  );
  for (const reprieved of byImportance) {
    without.delete(reprieved);
    if (!fits(without)) without.add(reprieved);
  }
  const victims = [...without].sort(
    (x, y) =>
      y.template.placement.priority - x.template.placement.priority ||
      x.startedAt - y.startedAt ||
      x.row - y.row,
  );
  return { node, victims, violations: budget(victims) };
}

/**
 * The node that loses least: fewest violations, lowest highest priority, smallest sum of priorities, fewest victims, latest start of the highest.
 * Source: pkg/scheduler/framework/preemption pickOneNodeForPreemption; what is left equal goes by name.
 */
export function pickOneNode(candidates: readonly Candidate[]): Candidate | undefined {
  const highest = (c: Candidate) => c.victims[0]?.template.placement.priority ?? Number.NEGATIVE_INFINITY;
  // Added to every priority there so that none is negative: more victims then always weigh more.
  const sum = (c: Candidate) =>
    c.victims.reduce((s, p) => s + p.template.placement.priority + 2_147_483_648, 0);
  const started = (c: Candidate) => {
    const top = highest(c);
    return Math.min(
      ...c.victims.filter((p) => p.template.placement.priority === top).map((p) => p.startedAt),
    );
  };
  return [...candidates].sort(
    (x, y) =>
      x.violations - y.violations ||
      highest(x) - highest(y) ||
      sum(x) - sum(y) ||
      x.victims.length - y.victims.length ||
      started(y) - started(x) ||
      (x.node.spec.name < y.node.spec.name ? -1 : 1),
  )[0];
}

/** Whether lower pods are on their way out of a node already for this pod. */
export function isClearing(pod: Pod, node: Node, _cluster: Cluster): boolean {
  const { priority } = pod.template.placement;
  return [...node.pods].some((p) => !Number.isNaN(p.deletedAt) && p.template.placement.priority < priority);
}
