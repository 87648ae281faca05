import { constant, uniform } from '../../src/engine/distributions.ts';
import { Simulation } from '../../src/engine/simulation.ts';
import { Cluster, type Pod } from '../../src/models/kubernetes/cluster.ts';
import { Kubelet, type KubeletSettings } from '../../src/models/kubernetes/kubelet.ts';
import type { ContainerSpec, NodeSpec, PodTemplate } from '../../src/models/kubernetes/objects.ts';

export const Mi = 1_048_576;
export const Gi = 1_073_741_824;
export const second = 1_000_000;
export const unlimited = { memoryBytes: Number.POSITIVE_INFINITY, cpuMillis: Number.POSITIVE_INFINITY };
export const noCache = { demandBytes: 0, activeShare: 0, unreclaimableShare: 0 };

/** What a kubelet does by default, without waiting for a synchronisation. */
export const prompt: KubeletSettings = {
  podStartMicros: constant(second),
  pullBytesPerSecond: 50e6,
  restartMicros: constant(second),
  resyncMicros: constant(0),
  backOff: { initialMicros: 10 * second, maxMicros: 300 * second },
  minimumGraceMicros: 2 * second,
  singleProcessOomKill: false,
  eviction: {
    housekeepingMicros: 10 * second,
    minReclaimBytes: 0,
    soft: undefined,
    pressureTransitionMicros: 300 * second,
    hardGraceMicros: second,
    cleanupMicros: 30 * second,
    statusMicros: 10 * second,
  },
};

/** As a real one: it restarts after one to two seconds, and looks at what waits in back-off every ten to fifteen. */
export const usual: KubeletSettings = {
  ...prompt,
  restartMicros: uniform(second, 2 * second),
  resyncMicros: uniform(0, 15 * second),
};

export function nodeSpec(name: string, memoryBytes: number, more: Partial<NodeSpec> = {}): NodeSpec {
  return {
    name,
    zone: 'a',
    pool: 'pool',
    instance: 'instance',
    labels: {},
    taints: [],
    capacity: { memoryBytes, cpuMillis: 8000 },
    maxPods: 110,
    reserved: { memoryBytes: 0, cpuMillis: 0 },
    evictionBytes: 100 * Mi,
    systemBytes: 0,
    background: [],
    dollarsPerHour: 0,
    ...more,
  };
}

export function containerSpec(name: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    name,
    kind: 'main',
    requests: { memoryBytes: 0, cpuMillis: 0 },
    limits: unlimited,
    memory: { kind: 'process', baseBytes: 0, leakPerSecond: 0, pageCache: noCache },
    cpuCores: 0,
    startMicros: undefined,
    readiness: undefined,
    liveness: undefined,
    startup: undefined,
    ...more,
  };
}

export function template(containers: readonly ContainerSpec[], more: Partial<PodTemplate> = {}): PodTemplate {
  return {
    labels: {},
    placement: {
      nodeSelector: {},
      nodeAffinity: [],
      preferredNodes: [],
      podAffinity: [],
      preferredPods: [],
      podAntiAffinity: [],
      avoidedPods: [],
      spread: [],
      tolerations: [],
      priority: 0,
      preempts: true,
    },
    containers,
    restartPolicy: 'Always',
    terminationGraceMicros: 30 * second,
    imageBytes: 0,
    ...more,
  };
}

export interface Bench {
  readonly sim: Simulation;
  readonly cluster: Cluster;
  readonly kubelet: Kubelet;
  /** Creates a pod and binds it to the node at once. */
  readonly place: (node: string, name: string, from: PodTemplate) => Pod;
}

/** A cluster without a scheduler, its invariants checked after every instant. */
export function bench(nodes: readonly NodeSpec[], settings = prompt, seed = 'test', replication = 0): Bench {
  const sim = new Simulation({ seed, replication, record: 'all', keepEvents: true, verify: true });
  const cluster = new Cluster(sim);
  for (const node of nodes) cluster.addNode(node);
  const kubelet = new Kubelet(cluster, settings);
  const place = (node: string, name: string, from: PodTemplate) => {
    const pod = cluster.createPod('default', name, undefined, from);
    cluster.bind(pod, cluster.node(node)!);
    return pod;
  };
  return { sim, cluster, kubelet, place };
}
