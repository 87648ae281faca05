import type { Signal } from '../../engine/process.ts';
import type { Simulation } from '../../engine/simulation.ts';
import {
  type Amounts,
  allocatable,
  type ContainerSpec,
  type NodeSpec,
  type PodTemplate,
  podRequests,
  type QosClass,
  qosClass,
  scoredRequests,
  type Taint,
} from './objects.ts';

/** A node as the API server knows it, with what is bound to it. */
export interface Node {
  readonly row: number;
  readonly spec: NodeSpec;
  readonly allocatable: Amounts;
  taints: readonly Taint[];
  /** `spec.unschedulable`: cordoned. */
  isCordoned: boolean;
  isReady: boolean;
  /** Whether the machine is there at all; a lost node's pods do not run. */
  isUp: boolean;
  hasMemoryPressure: boolean;
  /** Pods bound to it that have not ended, in the order of binding. */
  readonly pods: Set<Pod>;
  requestedMemoryBytes: number;
  requestedCpuMillis: number;
  /** As the scheduler's scores count them, with a default where nothing is requested. */
  scoredMemoryBytes: number;
  scoredCpuMillis: number;
}

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** Who made a pod: a controller's kind, name and row; pods of one owner are alike but for their revision. */
export interface Owner {
  readonly kind: string;
  readonly name: string;
}

export interface Container {
  readonly row: number;
  readonly pod: Pod;
  readonly spec: ContainerSpec;
  state: 'waiting' | 'running' | 'terminated';
  /** Why it waits or how it ended: ContainerCreating, CrashLoopBackOff, OOMKilled, Error, Completed. */
  reason: string;
  isReady: boolean;
  restarts: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  /** Of the termination before the present state; empty before the first. */
  lastReason: string;
  lastExitCode: number;
}

export interface Pod {
  readonly row: number;
  readonly name: string;
  readonly namespace: string;
  readonly owner: Owner | undefined;
  readonly template: PodTemplate;
  readonly requests: Amounts;
  readonly scored: Amounts;
  readonly qos: QosClass;
  readonly containers: readonly Container[];
  readonly createdAt: number;
  node: Node | undefined;
  phase: PodPhase;
  /** Evicted, NodeLost, Preempted, ...; empty otherwise. */
  reason: string;
  isReady: boolean;
  readyAt: number;
  startedAt: number;
  /** When its deletion began; NaN before. */
  deletedAt: number;
  /** Whether it is still known to the API server. */
  exists: boolean;
}

/** Told of what changes, after the change; the order of listeners is that of their addition. */
export interface ClusterListener {
  podCreated?(pod: Pod): void;
  podBound?(pod: Pod): void;
  /** Phase, readiness, container states. */
  podChanged?(pod: Pod): void;
  /** Its deletion has begun: who runs it has to end it within `graceMicros` and then call `remove`. */
  podDeleted?(pod: Pod, graceMicros: number): void;
  podRemoved?(pod: Pod): void;
  nodeAdded?(node: Node): void;
  /** Conditions, taints, cordon. */
  nodeChanged?(node: Node): void;
  nodeRemoved?(node: Node): void;
}

/** The cluster as its API server keeps it: nodes, pods and bindings. Controllers, scheduler and kubelets act through it. */
export class Cluster {
  readonly sim: Simulation;
  /** By row; a removed node keeps its row. */
  readonly nodes: Node[] = [];
  /** By row, also those that no longer exist. */
  readonly pods: Pod[] = [];
  readonly containers: Container[] = [];
  /** Raised after every change: what procedures wait for. */
  readonly changed: Signal;
  private readonly nodesByName = new Map<string, Node>();
  private readonly podsByName = new Map<string, Pod>();
  private readonly listeners: ClusterListener[] = [];
  /** Placed pods that say beside which others they would stand or not. */
  readonly withPodTerms = new Set<Pod>();

  constructor(sim: Simulation) {
    this.sim = sim;
    this.changed = sim.signal('kubernetes.cluster');
  }

  listen(listener: ClusterListener): void {
    this.listeners.push(listener);
  }

  node(name: string): Node | undefined {
    return this.nodesByName.get(name);
  }

  /** The pod of that name that exists now. */
  pod(namespace: string, name: string): Pod | undefined {
    return this.podsByName.get(`${namespace}/${name}`);
  }

  addNode(spec: NodeSpec): Node {
    if (this.nodesByName.has(spec.name)) throw new RangeError(`node ${spec.name} is there already`);
    const node = emptyNode(spec, this.nodes.length);
    this.nodes.push(node);
    this.nodesByName.set(spec.name, node);
    this.tellAll((l) => l.nodeAdded?.(node));
    return node;
  }

  /** The node object is deleted; pods bound to it must be gone. */
  removeNode(node: Node): void {
    if (node.pods.size > 0) throw new RangeError(`node ${node.spec.name} still has pods`);
    this.nodesByName.delete(node.spec.name);
    node.isUp = false;
    node.isReady = false;
    this.tellAll((l) => l.nodeRemoved?.(node));
  }

  /** @throws RangeError when a pod of that name exists */
  createPod(namespace: string, name: string, owner: Owner | undefined, template: PodTemplate): Pod {
    const key = `${namespace}/${name}`;
    if (this.podsByName.has(key)) throw new RangeError(`pod ${key} is there already`);
    const containers: Container[] = [];
    const pod: Pod = {
      row: this.pods.length,
      name,
      namespace,
      owner,
      template,
      requests: podRequests(template),
      scored: scoredRequests(template),
      qos: qosClass(template),
      containers,
      createdAt: this.sim.now,
      node: undefined,
      phase: 'Pending',
      reason: '',
      isReady: false,
      readyAt: Number.NaN,
      startedAt: Number.NaN,
      deletedAt: Number.NaN,
      exists: true,
    };
    for (const spec of template.containers) {
      const container: Container = {
        row: this.containers.length,
        pod,
        spec,
        state: 'waiting',
        reason: 'ContainerCreating',
        isReady: false,
        restarts: 0,
        startedAt: Number.NaN,
        finishedAt: Number.NaN,
        exitCode: 0,
        lastReason: '',
        lastExitCode: 0,
      };
      this.containers.push(container);
      containers.push(container);
    }
    this.pods.push(pod);
    this.podsByName.set(key, pod);
    this.tellAll((l) => l.podCreated?.(pod));
    return pod;
  }

  /** The scheduler's binding: from now on the pod's requests count on the node. */
  bind(pod: Pod, node: Node): void {
    this.sim.require(pod.node === undefined && pod.exists, 'a pod is bound twice', { pod: pod.name });
    pod.node = node;
    node.pods.add(pod);
    node.requestedMemoryBytes += pod.requests.memoryBytes;
    node.requestedCpuMillis += pod.requests.cpuMillis;
    node.scoredMemoryBytes += pod.scored.memoryBytes;
    node.scoredCpuMillis += pod.scored.cpuMillis;
    if (hasPodTerms(pod)) this.withPodTerms.add(pod);
    this.tellAll((l) => l.podBound?.(pod));
  }

  /**
   * Deletes a pod: it is removed once its containers have ended, and at once where it was never bound. Nothing happens while it is already being
   * deleted.
   */
  deletePod(pod: Pod, graceMicros = pod.template.terminationGraceMicros): void {
    if (!pod.exists || !Number.isNaN(pod.deletedAt)) return;
    pod.deletedAt = this.sim.now;
    if (pod.node === undefined) {
      this.removePod(pod);
      return;
    }
    this.tellAll((l) => l.podDeleted?.(pod, graceMicros));
  }

  /** A pod's state was changed by who owns that part of it. */
  touch(pod: Pod): void {
    this.tellAll((l) => l.podChanged?.(pod));
  }

  touchNode(node: Node): void {
    this.tellAll((l) => l.nodeChanged?.(node));
  }

  /** A pod has ended (Succeeded, Failed) and keeps no room on its node. Source: kube-scheduler counts no pods in a terminal phase. */
  release(pod: Pod): void {
    const { node } = pod;
    if (node === undefined || !node.pods.delete(pod)) return;
    node.requestedMemoryBytes -= pod.requests.memoryBytes;
    node.requestedCpuMillis -= pod.requests.cpuMillis;
    node.scoredMemoryBytes -= pod.scored.memoryBytes;
    node.scoredCpuMillis -= pod.scored.cpuMillis;
    this.withPodTerms.delete(pod);
  }

  /** The pod object is gone. */
  removePod(pod: Pod): void {
    if (!pod.exists) return;
    pod.exists = false;
    this.release(pod);
    this.podsByName.delete(`${pod.namespace}/${pod.name}`);
    this.tellAll((l) => l.podRemoved?.(pod));
  }

  private tellAll(tell: (listener: ClusterListener) => void): void {
    for (const listener of this.listeners) tell(listener);
    this.changed.raise();
  }
}

function hasPodTerms({ template: { placement } }: Pod): boolean {
  const { podAffinity, preferredPods, podAntiAffinity, avoidedPods } = placement;
  return podAffinity.length + preferredPods.length + podAntiAffinity.length + avoidedPods.length > 0;
}

/** A node with nothing on it. */
export function emptyNode(spec: NodeSpec, row: number): Node {
  return {
    row,
    spec,
    allocatable: allocatable(spec),
    taints: spec.taints,
    isCordoned: false,
    isReady: true,
    isUp: true,
    hasMemoryPressure: false,
    pods: new Set(),
    requestedMemoryBytes: 0,
    requestedCpuMillis: 0,
    scoredMemoryBytes: 0,
    scoredCpuMillis: 0,
  };
}
