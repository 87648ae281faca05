import { type ContainerSpec, type PodTemplate, qosClass } from './objects.ts';

const guaranteedAdjust = -997;
const bestEffortAdjust = 1000;

/**
 * `oom_score_adj` of a container's processes. A sidecar takes the lower of its own value and the lowest of the regular containers.
 * Source: pkg/kubelet/qos/policy.go GetContainerOOMScoreAdjust. `isCritical`: a static pod or one of a priority of 2e9 and more.
 */
export function oomScoreAdjust(
  template: PodTemplate,
  container: ContainerSpec,
  nodeMemoryBytes: number,
): number {
  if (template.placement.priority >= systemCriticalPriority) return guaranteedAdjust;
  const qos = qosClass(template);
  if (qos === 'Guaranteed') return guaranteedAdjust;
  if (qos === 'BestEffort') return bestEffortAdjust;
  const own = (c: ContainerSpec) => burstableAdjust(c.requests.memoryBytes, nodeMemoryBytes);
  if (container.kind !== 'sidecar') return own(container);
  return Math.min(own(container), ...template.containers.filter((c) => c.kind === 'main').map(own));
}

/** Of a burstable container by its memory request: behind a guaranteed one, and before one of best effort. */
export function burstableAdjust(requestBytes: number, nodeMemoryBytes: number): number {
  const adjust = 1000 - Math.floor((1000 * requestBytes) / nodeMemoryBytes);
  return Math.min(bestEffortAdjust - 1, Math.max(1000 + guaranteedAdjust, adjust));
}

/** Source: pkg/apis/scheduling SystemCriticalPriority. */
export const systemCriticalPriority = 2_000_000_000;

/**
 * The kernel's badness in bytes; the highest dies. `totalBytes`: memory of the node, or of the limited group in which room ran out. Source: Linux
 * mm/oom_kill.c oom_badness, counted there in pages; swap and page tables are not modelled.
 */
export function badness(anonymousBytes: number, adjust: number, totalBytes: number): number {
  return anonymousBytes + (adjust * totalBytes) / 1000;
}
