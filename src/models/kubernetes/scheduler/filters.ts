import type { Cluster, Node, Pod } from '../cluster.ts';
import type { PodAffinityTerm, Taint, Toleration } from '../objects.ts';
import { matches, podMatches, topologyOf } from './matching.ts';

/** Says why a pod cannot stand on a node, in the words of a FailedScheduling event; undefined: it can. */
export type Filter = (pod: Pod, node: Node, cluster: Cluster) => string | undefined;

/** Source: pkg/apis/core/v1 helpers Toleration.ToleratesTaint. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== taint.effect) return false;
  if (toleration.key !== undefined && toleration.key !== taint.key) return false;
  return toleration.operator === 'Exists' || toleration.value === taint.value;
}

export function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some((t) => tolerates(t, taint));
}

/** Source: plugins/nodeunschedulable. A pod that bears the taint of a cordoned node may stand there. */
const nodeUnschedulable: Filter = (pod, node) =>
  node.isCordoned &&
  !isTolerated(
    { key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' },
    pod.template.placement.tolerations,
  )
    ? 'node(s) were unschedulable'
    : undefined;

/** Source: plugins/tainttoleration: NoSchedule and NoExecute repel. */
const taintToleration: Filter = (pod, node) => {
  for (const taint of node.taints)
    if (taint.effect !== 'PreferNoSchedule' && !isTolerated(taint, pod.template.placement.tolerations))
      return `node(s) had untolerated taint {${taint.key}: ${taint.value}}`;
  return undefined;
};

/** Source: plugins/nodeaffinity: the node selector, and one of the required terms. */
const nodeAffinity: Filter = (pod, node) => {
  const { nodeSelector, nodeAffinity: terms } = pod.template.placement;
  for (const key in nodeSelector)
    if (node.spec.labels[key] !== nodeSelector[key])
      return "node(s) didn't match Pod's node affinity/selector";
  if (terms.length > 0 && !terms.some((t) => matches(t, node.spec.labels)))
    return "node(s) didn't match Pod's node affinity/selector";
  return undefined;
};

/** Source: plugins/noderesources fit.go fitsRequest: equality fits, and a request of nothing always does. */
const nodeResourcesFit: Filter = (pod, node) => {
  if (node.pods.size + 1 > node.spec.maxPods) return 'Too many pods';
  const { cpuMillis, memoryBytes } = pod.requests;
  if (cpuMillis > 0 && cpuMillis > node.allocatable.cpuMillis - node.requestedCpuMillis)
    return 'Insufficient cpu';
  if (memoryBytes > 0 && memoryBytes > node.allocatable.memoryBytes - node.requestedMemoryBytes)
    return 'Insufficient memory';
  return undefined;
};

/**
 * Source: plugins/podtopologyspread filtering.go: with the pod, the domain's count may exceed the smallest one's by at most maxSkew. Domains of nodes
 * that the pod's affinity excludes do not count (nodeAffinityPolicy Honor); taints are not looked at (nodeTaintsPolicy Ignore).
 */
const podTopologySpread: Filter = (pod, node, cluster) => {
  for (const constraint of pod.template.placement.spread) {
    if (constraint.whenUnsatisfiable !== 'DoNotSchedule') continue;
    const own = topologyOf(node, constraint.topologyKey);
    if (own === undefined)
      return "node(s) didn't match pod topology spread constraints (missing required label)";
    const counts = new Map<string, number>();
    for (const other of cluster.nodes) {
      const domain = other.isUp ? topologyOf(other, constraint.topologyKey) : undefined;
      if (domain === undefined || nodeAffinity(pod, other, cluster) !== undefined) continue;
      let count = counts.get(domain) ?? 0;
      for (const placed of other.pods)
        if (
          Number.isNaN(placed.deletedAt) &&
          placed.namespace === pod.namespace &&
          matches(constraint.selector, placed.template.labels)
        )
          count += 1;
      counts.set(domain, count);
    }
    let smallest = counts.size < (constraint.minDomains ?? 1) ? 0 : Number.POSITIVE_INFINITY;
    for (const count of counts.values()) smallest = Math.min(smallest, count);
    const self = matches(constraint.selector, pod.template.labels) ? 1 : 0;
    if ((counts.get(own) ?? 0) + self - smallest > constraint.maxSkew)
      return "node(s) didn't match pod topology spread constraints";
  }
  return undefined;
};

/** Source: plugins/interpodaffinity filtering.go. A pod that matches its own affinity may be the first of its group. */
const interPodAffinity: Filter = (pod, node, cluster) => {
  const { podAffinity, podAntiAffinity } = pod.template.placement;
  for (const term of podAffinity) {
    if (isInDomain(term, pod, node, cluster)) continue;
    const isFirst = podMatches(term, pod, pod) && !anywhere(term, pod, cluster);
    if (!isFirst || topologyOf(node, term.topologyKey) === undefined)
      return "node(s) didn't match pod affinity rules";
  }
  for (const term of podAntiAffinity)
    if (isInDomain(term, pod, node, cluster)) return "node(s) didn't match pod anti-affinity rules";
  // Placed pods that do not bear this one beside them.
  for (const placed of cluster.withPodTerms) {
    for (const term of placed.template.placement.podAntiAffinity) {
      const domain = topologyOf(placed.node!, term.topologyKey);
      if (
        domain !== undefined &&
        domain === topologyOf(node, term.topologyKey) &&
        podMatches(term, placed, pod)
      )
        return "node(s) didn't satisfy existing pods anti-affinity rules";
    }
  }
  return undefined;
};

function isInDomain(term: PodAffinityTerm, of: Pod, node: Node, cluster: Cluster): boolean {
  const domain = topologyOf(node, term.topologyKey);
  if (domain === undefined) return false;
  for (const other of cluster.nodes) {
    if (topologyOf(other, term.topologyKey) !== domain) continue;
    for (const placed of other.pods) if (podMatches(term, of, placed)) return true;
  }
  return false;
}

function anywhere(term: PodAffinityTerm, of: Pod, cluster: Cluster): boolean {
  return cluster.nodes.some((node) => [...node.pods].some((placed) => podMatches(term, of, placed)));
}

/** In the order in which kube-scheduler asks them; each can be switched off by name. */
export const filters: Readonly<Record<string, Filter>> = {
  NodeUnschedulable: nodeUnschedulable,
  TaintToleration: taintToleration,
  NodeAffinity: nodeAffinity,
  NodeResourcesFit: nodeResourcesFit,
  PodTopologySpread: podTopologySpread,
  InterPodAffinity: interPodAffinity,
};
