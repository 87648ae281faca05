import type { Simulation } from '../../../engine/simulation.ts';
import type { Cluster, Node, Pod } from '../cluster.ts';
import type { PodTemplate, Toleration } from '../objects.ts';
import { isTolerated } from '../scheduler/filters.ts';
import { matches } from '../scheduler/matching.ts';
import { suffixOf } from './deployment.ts';
import { Resync } from './resync.ts';

export interface DaemonSetSpec {
  readonly name: string;
  readonly namespace: string;
  readonly template: PodTemplate;
  /** How many pods an update may take away at once. */
  readonly maxUnavailable: number;
}

export interface DaemonSet {
  readonly row: number;
  spec: DaemonSetSpec;
  revision: number;
  made: number;
  readonly pods: Map<Node, Pod>;
  readonly revisions: Map<Pod, number>;
}

/** Taints that a daemon's pods bear by themselves. Source: pkg/controller/daemon/util AddOrUpdateDaemonPodTolerations. */
const tolerated: readonly Toleration[] = [
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/unreachable',
  'node.kubernetes.io/disk-pressure',
  'node.kubernetes.io/memory-pressure',
  'node.kubernetes.io/pid-pressure',
  'node.kubernetes.io/unschedulable',
].map((key) => ({ key, operator: 'Exists', value: '', effect: undefined, tolerationMicros: undefined }));

/**
 * The daemon set controller: a pod on every node that its template admits. Source: pkg/controller/daemon daemon_controller.go, update.go. Simplified: it acts
 * `syncMicros` after a change, and updates delete before they create (maxSurge 0).
 */
export class DaemonSets {
  readonly all: DaemonSet[] = [];
  private readonly cluster: Cluster;
  private readonly sim: Simulation;
  private readonly setOf = new Map<Pod, DaemonSet>();
  private readonly resync: Resync;

  constructor(cluster: Cluster, syncMicros: number) {
    this.cluster = cluster;
    this.sim = cluster.sim;
    this.resync = new Resync(this.sim, 'kubernetes.daemonSetSync', syncMicros, (row) =>
      this.reconcile(this.all[row]!),
    );
    const changed = (pod: Pod) => {
      const set = this.setOf.get(pod);
      if (set !== undefined) this.sync(set);
    };
    const all = () => {
      for (const set of this.all) this.sync(set);
    };
    cluster.listen({
      podChanged: changed,
      podRemoved: (pod) => {
        const set = this.setOf.get(pod);
        if (set === undefined) return;
        if (pod.node !== undefined && set.pods.get(pod.node) === pod) set.pods.delete(pod.node);
        set.revisions.delete(pod);
        this.setOf.delete(pod);
        this.sync(set);
      },
      nodeAdded: all,
      nodeChanged: all,
    });
  }

  ownerOf(pod: Pod): DaemonSet | undefined {
    return this.setOf.get(pod);
  }

  /** Whether a pod is a daemon's: a drain leaves it where it is. */
  isDaemon(pod: Pod): boolean {
    return this.setOf.has(pod);
  }

  /** A set whose pods are all there, each with the node that it belongs to. */
  add(spec: DaemonSetSpec): readonly (readonly [Pod, Node])[] {
    const { template } = spec;
    const placement = {
      ...template.placement,
      tolerations: [...template.placement.tolerations, ...tolerated],
    };
    const set: DaemonSet = {
      row: this.all.length,
      spec: { ...spec, template: { ...template, placement } },
      revision: 1,
      made: 0,
      pods: new Map(),
      revisions: new Map(),
    };
    this.all.push(set);
    return this.nodesOf(set).map((node) => [this.create(set, node), node] as const);
  }

  setTemplate(set: DaemonSet, template: PodTemplate): void {
    set.spec = { ...set.spec, template };
    set.revision += 1;
    this.sync(set);
  }

  podsOf(set: DaemonSet): readonly Pod[] {
    return [...set.pods.values()].filter((p) => Number.isNaN(p.deletedAt));
  }

  private nodesOf(set: DaemonSet): readonly Node[] {
    const { nodeSelector, nodeAffinity, tolerations } = set.spec.template.placement;
    return this.cluster.nodes.filter(
      (node) =>
        this.cluster.node(node.spec.name) === node &&
        Object.entries(nodeSelector).every(([key, value]) => node.spec.labels[key] === value) &&
        (nodeAffinity.length === 0 || nodeAffinity.some((t) => matches(t, node.spec.labels))) &&
        node.taints.every((t) => t.effect === 'PreferNoSchedule' || isTolerated(t, tolerations)),
    );
  }

  private sync(set: DaemonSet): void {
    this.resync.soon(set.row);
  }

  private create(set: DaemonSet, node: Node): Pod {
    const { name, namespace, template } = set.spec;
    set.made += 1;
    const suffix = suffixOf(`${namespace}/${name}/${set.made}`, 5);
    const unique =
      this.cluster.pod(namespace, `${name}-${suffix}`) === undefined ? suffix : `${suffix}${set.made}`;
    // Source: daemon_controller.go: the pod is made for its node by an affinity to its name.
    const placement = {
      ...template.placement,
      nodeSelector: { ...template.placement.nodeSelector, 'kubernetes.io/hostname': node.spec.name },
    };
    const pod = this.cluster.createPod(
      namespace,
      `${name}-${unique}`,
      { kind: 'DaemonSet', name },
      { ...template, placement },
    );
    set.pods.set(node, pod);
    set.revisions.set(pod, set.revision);
    this.setOf.set(pod, set);
    return pod;
  }

  private reconcile(set: DaemonSet): void {
    const wanted = new Set(this.nodesOf(set));
    for (const [node, pod] of set.pods) {
      if (!wanted.has(node) || pod.phase === 'Failed') this.cluster.deletePod(pod);
    }
    let missing = 0;
    for (const node of wanted) {
      const pod = set.pods.get(node);
      if (pod === undefined) {
        this.create(set, node);
        missing += 1;
      } else if (!pod.isReady || !Number.isNaN(pod.deletedAt)) missing += 1;
    }
    for (const pod of set.pods.values()) {
      if (missing >= set.spec.maxUnavailable) return;
      if (set.revisions.get(pod) === set.revision || !Number.isNaN(pod.deletedAt)) continue;
      this.cluster.deletePod(pod);
      missing += 1;
    }
  }
}
