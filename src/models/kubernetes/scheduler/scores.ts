import type { Cluster, Node, Pod } from '../cluster.ts';
import { isTolerated } from './filters.ts';
import { matches, podMatches, topologyOf } from './matching.ts';

/** Scores of the nodes that remain, 0 to 100 and more is better, in the nodes' order. */
export type Score = (pod: Pod, nodes: readonly Node[], cluster: Cluster) => readonly number[];

const most = 100;

/** Source: plugins/noderesources/least_allocated.go: floor((allocatable - requested) * 100 / allocatable), the mean of both, floored. */
export function leastAllocated(capacity: number, requested: number): number {
  if (capacity === 0 || requested > capacity) return 0;
  return Math.floor(((capacity - requested) * most) / capacity);
}

const nodeResourcesFit: Score = (pod, nodes) => {
  const asked = pod.scored;
  return nodes.map((node) => {
    const cpu = leastAllocated(node.allocatable.cpuMillis, node.scoredCpuMillis + asked.cpuMillis);
    const memory = leastAllocated(node.allocatable.memoryBytes, node.scoredMemoryBytes + asked.memoryBytes);
    return Math.floor((cpu + memory) / 2);
  });
};

/** Source: plugins/noderesources/balanced_allocation.go: 100 (1 - |f_cpu - f_memory| / 2), floored, on plain requests. */
export function balancedAllocation(cpuFraction: number, memoryFraction: number): number {
  const spread = Math.abs(Math.min(1, cpuFraction) - Math.min(1, memoryFraction)) / 2;
  return Math.floor((1 - spread) * most);
}

const nodeResourcesBalancedAllocation: Score = (pod, nodes) =>
  nodes.map((node) =>
    balancedAllocation(
      (node.requestedCpuMillis + pod.requests.cpuMillis) / node.allocatable.cpuMillis,
      (node.requestedMemoryBytes + pod.requests.memoryBytes) / node.allocatable.memoryBytes,
    ),
  );

/** Source: plugins/helper/normalize_score.go DefaultNormalizeScore. */
function normalized(scores: readonly number[], reverse: boolean): readonly number[] {
  const highest = Math.max(0, ...scores);
  if (highest === 0) return scores.map(() => (reverse ? most : 0));
  return scores.map((s) => {
    const score = Math.floor((most * s) / highest);
    return reverse ? most - score : score;
  });
}

/** Fewer `PreferNoSchedule` taints that the pod does not bear are better. */
const taintToleration: Score = (pod, nodes) =>
  normalized(
    nodes.map(
      (node) =>
        node.taints.filter(
          (t) => t.effect === 'PreferNoSchedule' && !isTolerated(t, pod.template.placement.tolerations),
        ).length,
    ),
    true,
  );

const nodeAffinity: Score = (pod, nodes) =>
  normalized(
    nodes.map((node) => {
      let sum = 0;
      for (const { weight, term } of pod.template.placement.preferredNodes)
        if (matches(term, node.spec.labels)) sum += weight;
      return sum;
    }),
    false,
  );

/**
 * Source: plugins/podtopologyspread/scoring.go: matching pods of the node's domain, weighted by ln(domains + 2), plus maxSkew - 1; turned around and
 * scaled between the smallest and the largest.
 */
const podTopologySpread: Score = (pod, nodes, cluster) => {
  const constraints = pod.template.placement.spread.filter((c) => c.whenUnsatisfiable === 'ScheduleAnyway');
  if (constraints.length === 0) return nodes.map(() => 0);
  const raw = nodes.map(() => 0);
  const has = nodes.map((n) => constraints.every((c) => topologyOf(n, c.topologyKey) !== undefined));
  for (const c of constraints) {
    const domains = new Set<string>();
    nodes.forEach((n, i) => {
      if (has[i]) domains.add(topologyOf(n, c.topologyKey)!);
    });
    const size =
      c.topologyKey === 'kubernetes.io/hostname' ? nodes.filter((_, i) => has[i]).length : domains.size;
    const counts = new Map<string, number>();
    for (const node of cluster.nodes) {
      const domain = topologyOf(node, c.topologyKey);
      if (domain === undefined) continue;
      let count = counts.get(domain) ?? 0;
      for (const placed of node.pods)
        if (
          Number.isNaN(placed.deletedAt) &&
          placed.namespace === pod.namespace &&
          matches(c.selector, placed.template.labels)
        )
          count += 1;
      counts.set(domain, count);
    }
    nodes.forEach((n, i) => {
      if (has[i])
        raw[i]! += (counts.get(topologyOf(n, c.topologyKey)!) ?? 0) * Math.log(size + 2) + (c.maxSkew - 1);
    });
  }
  const rounded = raw.map((r) => Math.round(r));
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  rounded.forEach((r, i) => {
    if (!has[i]) return;
    low = Math.min(low, r);
    high = Math.max(high, r);
  });
  return rounded.map((r, i) => {
    if (!has[i]) return 0;
    return high === 0 ? most : Math.floor((most * (high + low - r)) / high);
  });
};

/** Source: plugins/interpodaffinity/scoring.go, with hardPodAffinityWeight 1; scaled between the smallest and the largest sum. */
const interPodAffinity: Score = (pod, nodes, cluster) => {
  const { preferredPods, avoidedPods } = pod.template.placement;
  const sums = nodes.map(() => 0);
  const hasOwn = preferredPods.length + avoidedPods.length > 0;
  if (!hasOwn && cluster.withPodTerms.size === 0) return sums;
  for (const other of cluster.nodes) {
    for (const placed of other.pods) {
      if (!hasOwn && !cluster.withPodTerms.has(placed)) continue;
      const theirs = placed.template.placement;
      const add = (key: string, weight: number) => {
        const domain = topologyOf(other, key);
        if (domain === undefined) return;
        nodes.forEach((n, i) => {
          if (topologyOf(n, key) === domain) sums[i]! += weight;
        });
      };
      for (const { weight, term } of preferredPods)
        if (podMatches(term, pod, placed)) add(term.topologyKey, weight);
      for (const { weight, term } of avoidedPods)
        if (podMatches(term, pod, placed)) add(term.topologyKey, -weight);
      for (const term of theirs.podAffinity) if (podMatches(term, placed, pod)) add(term.topologyKey, 1);
      for (const { weight, term } of theirs.preferredPods)
        if (podMatches(term, placed, pod)) add(term.topologyKey, weight);
      for (const { weight, term } of theirs.avoidedPods)
        if (podMatches(term, placed, pod)) add(term.topologyKey, -weight);
    }
  }
  const low = Math.min(...sums);
  const high = Math.max(...sums);
  return sums.map((s) => (high > low ? Math.floor((most * (s - low)) / (high - low)) : 0));
};

/** Source: plugins/imagelocality, for one image of a pod: its bytes spread over the nodes that have it, between 23 MB and 1000 MB a container. */
function imageLocality(hasImage: (pod: Pod, node: Node) => boolean): Score {
  const Mi = 1024 * 1024;
  return (pod, nodes, cluster) => {
    const { imageBytes, containers } = pod.template;
    if (imageBytes === 0) return nodes.map(() => 0);
    const up = cluster.nodes.filter((n) => n.isUp);
    const spread = up.filter((n) => hasImage(pod, n)).length / Math.max(1, up.length);
    const low = 23 * Mi;
    const high = 1000 * Mi * containers.length;
    return nodes.map((node) => {
      const bytes = hasImage(pod, node)
        ? Math.min(high, Math.max(low, Math.floor(imageBytes * spread)))
        : low;
      return Math.floor((most * (bytes - low)) / (high - low));
    });
  };
}

/** By name, with the default weights. Source: pkg/scheduler/apis/config/v1/default_plugins.go. */
export function scoresOf(
  hasImage: (pod: Pod, node: Node) => boolean,
): Readonly<Record<string, { readonly weight: number; readonly score: Score }>> {
  return {
    TaintToleration: { weight: 3, score: taintToleration },
    NodeAffinity: { weight: 2, score: nodeAffinity },
    PodTopologySpread: { weight: 2, score: podTopologySpread },
    InterPodAffinity: { weight: 2, score: interPodAffinity },
    NodeResourcesFit: { weight: 1, score: nodeResourcesFit },
    NodeResourcesBalancedAllocation: { weight: 1, score: nodeResourcesBalancedAllocation },
    ImageLocality: { weight: 1, score: imageLocality(hasImage) },
  };
}
