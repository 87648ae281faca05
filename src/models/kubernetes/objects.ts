import type { Distribution } from '../../engine/distributions.ts';

/**
 * What a cluster is told: nodes and pods as their manifests describe them, in the words of the Kubernetes API. Amounts are bytes and thousandths of
 * a core.
 */

/** CPU and memory; a request that is not set is 0, a limit that is not set is Infinity. */
export interface Amounts {
  readonly memoryBytes: number;
  readonly cpuMillis: number;
}

export type TaintEffect = 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';

export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: TaintEffect;
}

export interface Toleration {
  /** Absent: every key. */
  readonly key: string | undefined;
  readonly operator: 'Exists' | 'Equal';
  readonly value: string;
  /** Absent: every effect. */
  readonly effect: TaintEffect | undefined;
  /** How long a `NoExecute` taint is borne; absent: for ever. */
  readonly tolerationMicros: number | undefined;
}

export interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values: readonly string[];
}

/** All of them must hold. */
export type Selector = readonly Requirement[];

export interface PodAffinityTerm {
  readonly selector: Selector;
  /** Absent: the pod's own. */
  readonly namespaces: readonly string[] | undefined;
  readonly topologyKey: string;
}

export interface Weighted<T> {
  /** 1 to 100. */
  readonly weight: number;
  readonly term: T;
}

export interface TopologySpreadConstraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway';
  readonly selector: Selector;
  readonly minDomains: number | undefined;
}

/** Where a pod may and would like to stand. */
export interface Placement {
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** One of them must hold; none: every node. */
  readonly nodeAffinity: readonly Selector[];
  readonly preferredNodes: readonly Weighted<Selector>[];
  readonly podAffinity: readonly PodAffinityTerm[];
  readonly preferredPods: readonly Weighted<PodAffinityTerm>[];
  readonly podAntiAffinity: readonly PodAffinityTerm[];
  readonly avoidedPods: readonly Weighted<PodAffinityTerm>[];
  readonly spread: readonly TopologySpreadConstraint[];
  readonly tolerations: readonly Toleration[];
  /** Value of the priority class. */
  readonly priority: number;
  /** Whether it may push out pods of a lower priority. */
  readonly preempts: boolean;
}

export interface Probe {
  readonly initialDelayMicros: number;
  readonly periodMicros: number;
  readonly timeoutMicros: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export interface ContainerSpec {
  readonly name: string;
  /** `init`: runs before the others, one after another; `sidecar`: an init container with restartPolicy Always. */
  readonly kind: 'main' | 'init' | 'sidecar';
  readonly requests: Amounts;
  readonly limits: Amounts;
  /** What its memory is made of, by name of the description that the kubelet knows; see memory.ts. */
  readonly memory: MemorySpec;
  /** Cores that it would use without a limit. */
  readonly cpuCores: number;
  /** From the start of the container until its probes would find it well. */
  readonly startMicros: Distribution | undefined;
  /** From its start to its own end, of an init container or of one that a Job runs; absent: it runs until it is stopped. */
  readonly runMicros?: Distribution;
  /** What it then exits with; 0 when absent. */
  readonly exitCode?: number;
  /** From SIGTERM to its end; absent: it ends at once. Beyond the grace period it is killed. */
  readonly stopMicros?: Distribution;
  readonly readiness: Probe | undefined;
  readonly liveness: Probe | undefined;
  readonly startup: Probe | undefined;
}

/** A point of a recorded series: bytes from then on, in a straight line to the next point; microseconds from the start of the run. */
export interface MemoryPoint {
  readonly at: number;
  readonly bytes: number;
}

/**
 * Memory of a container's processes over its life. `process`: what is there after the start and what a leak adds; `jvm`: the areas of a Java
 * process; `recorded`: as a recording tells, whatever restarts; `driven`: a program says so (a batch job).
 */
export type MemorySpec =
  | {
      readonly kind: 'process';
      readonly baseBytes: number;
      /** Bytes per second that are never given back. */
      readonly leakPerSecond: number;
      readonly pageCache: PageCacheSpec;
    }
  | {
      readonly kind: 'jvm';
      /** Committed and touched at the start, as with -Xms = -Xmx and AlwaysPreTouch, or growing at `heapPerSecond` to `maxHeapBytes`. */
      readonly heapBytes: number;
      readonly maxHeapBytes: number;
      readonly heapPerSecond: number;
      readonly metaspaceBytes: number;
      readonly codeCacheBytes: number;
      readonly threads: number;
      /** Touched part of one thread's stack. */
      readonly stackBytes: number;
      readonly directBytes: number;
      /** Mark bitmaps, card table, remembered sets: share of the heap. */
      readonly gcShare: number;
      readonly leakPerSecond: number;
      readonly pageCache: PageCacheSpec;
    }
  | { readonly kind: 'recorded'; readonly points: readonly MemoryPoint[]; readonly pageCache: PageCacheSpec }
  | { readonly kind: 'driven'; readonly idleBytes: number; readonly pageCache: PageCacheSpec };

/** File pages that a container's reads and writes bring in, as far as its limit and the node leave room. */
export interface PageCacheSpec {
  readonly demandBytes: number;
  /** Share of them on the active list, which the working set counts. */
  readonly activeShare: number;
  /** Share that cannot be given back: dirty pages, tmpfs, locked pages. */
  readonly unreclaimableShare: number;
}

/** What pods are made from. */
export interface PodTemplate {
  readonly labels: Readonly<Record<string, string>>;
  readonly placement: Placement;
  readonly containers: readonly ContainerSpec[];
  readonly restartPolicy: 'Always' | 'OnFailure' | 'Never';
  readonly terminationGraceMicros: number;
  /** The images' bytes to pull where a node has not had them. */
  readonly imageBytes: number;
  /** Pods of one image find it on a node where one of them has run; absent: every pod pulls. */
  readonly image?: string;
}

export interface NodeSpec {
  readonly name: string;
  readonly zone: string;
  readonly pool: string;
  readonly instance: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly capacity: Amounts;
  readonly maxPods: number;
  /** kubeReserved and systemReserved together. */
  readonly reserved: Amounts;
  /** Hard threshold of memory.available, bytes. */
  readonly evictionBytes: number;
  /** What runs beside the pods: kernel, kubelet, daemons of the system. */
  readonly systemBytes: number;
  /** Recorded memory of everything on the node that is not simulated as a container; empty: none. */
  readonly background: readonly MemoryPoint[];
  /** On-demand price. */
  readonly dollarsPerHour: number;
}

/** What may be requested on a node. Source: Kubernetes, Reserve Compute Resources for System Daemons (Node Allocatable). */
export function allocatable(node: NodeSpec): Amounts {
  return {
    memoryBytes: Math.max(0, node.capacity.memoryBytes - node.reserved.memoryBytes - node.evictionBytes),
    cpuMillis: Math.max(0, node.capacity.cpuMillis - node.reserved.cpuMillis),
  };
}

/**
 * What a pod asks of a node, by resource: the larger of its largest init container (with the sidecars that start before it) and the sum of its
 * containers and sidecars. Source: Kubernetes, Init Containers, Resource sharing within containers; k8s.io/component-helpers resource.PodRequests.
 */
export function podRequests(template: PodTemplate): Amounts {
  const of = (read: (c: ContainerSpec) => number): number => {
    let sidecars = 0;
    let largest = 0;
    let main = 0;
    for (const c of template.containers) {
      if (c.kind === 'sidecar') {
        sidecars += read(c);
        largest = Math.max(largest, sidecars);
      } else if (c.kind === 'init') largest = Math.max(largest, sidecars + read(c));
      else main += read(c);
    }
    return Math.max(largest, main + sidecars);
  };
  return { memoryBytes: of((c) => c.requests.memoryBytes), cpuMillis: of((c) => c.requests.cpuMillis) };
}

/** What a pod without requests counts for in scores. Source: pkg/scheduler/util/pod_resources.go. */
const defaultScored: Amounts = { cpuMillis: 100, memoryBytes: 200 * 1024 * 1024 };

/** Requests as the scheduler's scores count them, container by container. */
export function scoredRequests(template: PodTemplate): Amounts {
  let cpuMillis = 0;
  let memoryBytes = 0;
  for (const { kind, requests } of template.containers) {
    if (kind === 'init') continue;
    cpuMillis += requests.cpuMillis === 0 ? defaultScored.cpuMillis : requests.cpuMillis;
    memoryBytes += requests.memoryBytes === 0 ? defaultScored.memoryBytes : requests.memoryBytes;
  }
  return { cpuMillis, memoryBytes };
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** Source: Kubernetes, Pod Quality of Service Classes. */
export function qosClass(template: PodTemplate): QosClass {
  const { containers } = template;
  const isSet = (c: ContainerSpec) =>
    c.requests.memoryBytes > 0 ||
    c.requests.cpuMillis > 0 ||
    c.limits.memoryBytes < Number.POSITIVE_INFINITY ||
    c.limits.cpuMillis < Number.POSITIVE_INFINITY;
  if (!containers.some(isSet)) return 'BestEffort';
  const isGuaranteed = (c: ContainerSpec) =>
    c.limits.memoryBytes < Number.POSITIVE_INFINITY &&
    c.limits.cpuMillis < Number.POSITIVE_INFINITY &&
    c.requests.memoryBytes === c.limits.memoryBytes &&
    c.requests.cpuMillis === c.limits.cpuMillis;
  return containers.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}
