import type { Simulation } from '../../../engine/simulation.ts';
import type { Cluster, Pod } from '../cluster.ts';
import type { PodTemplate } from '../objects.ts';
import { Resync } from './resync.ts';

export interface StatefulSetSpec {
  readonly name: string;
  readonly namespace: string;
  readonly replicas: number;
  readonly template: PodTemplate;
  /** `Parallel` creates and deletes without waiting; updates go one by one under both. */
  readonly podManagement: 'OrderedReady' | 'Parallel';
  /** Ordinals from here on are updated. */
  readonly partition: number;
  readonly minReadyMicros: number;
}

export interface StatefulSet {
  readonly row: number;
  spec: StatefulSetSpec;
  revision: number;
  /** By ordinal; undefined: not there. */
  readonly pods: (Pod | undefined)[];
  readonly revisions: Map<Pod, number>;
}

/**
 * The stateful set controller: pods by ordinal, made one after another and updated from the highest down, each once the one before is ready. Source:
 * pkg/controller/statefulset stateful_set_control.go. Simplified: it acts `syncMicros` after a change, and volumes are not modelled: a pod of a node that
 * is lost stays in its way until the node is back or gone.
 */
export class StatefulSets {
  readonly all: StatefulSet[] = [];
  private readonly cluster: Cluster;
  private readonly sim: Simulation;
  private readonly setOf = new Map<Pod, StatefulSet>();
  private readonly resync: Resync;

  constructor(cluster: Cluster, syncMicros: number) {
    this.cluster = cluster;
    this.sim = cluster.sim;
    this.resync = new Resync(this.sim, 'kubernetes.statefulSetSync', syncMicros, (row) =>
      this.reconcile(this.all[row]!),
    );
    const changed = (pod: Pod) => {
      const set = this.setOf.get(pod);
      if (set !== undefined) this.sync(set);
    };
    cluster.listen({
      podChanged: changed,
      podDeleted: changed,
      podRemoved: (pod) => {
        const set = this.setOf.get(pod);
        if (set === undefined) return;
        const ordinal = set.pods.indexOf(pod);
        if (ordinal >= 0) set.pods[ordinal] = undefined;
        set.revisions.delete(pod);
        this.setOf.delete(pod);
        this.sync(set);
      },
    });
  }

  ownerOf(pod: Pod): StatefulSet | undefined {
    return this.setOf.get(pod);
  }

  /** A set whose pods are all there: they are created now, and who calls places and starts them. */
  add(spec: StatefulSetSpec): readonly Pod[] {
    const set: StatefulSet = { row: this.all.length, spec, revision: 1, pods: [], revisions: new Map() };
    this.all.push(set);
    return Array.from({ length: spec.replicas }, (_, i) => this.create(set, i));
  }

  setTemplate(set: StatefulSet, template: PodTemplate): void {
    set.spec = { ...set.spec, template };
    set.revision += 1;
    this.sync(set);
  }

  scale(set: StatefulSet, replicas: number): void {
    set.spec = { ...set.spec, replicas };
    this.sync(set);
  }

  podsOf(set: StatefulSet): readonly Pod[] {
    return set.pods.filter((p) => p !== undefined && Number.isNaN(p.deletedAt)) as readonly Pod[];
  }

  private sync(set: StatefulSet): void {
    this.resync.soon(set.row);
  }

  private create(set: StatefulSet, ordinal: number): Pod {
    const { name, namespace, template } = set.spec;
    const pod = this.cluster.createPod(
      namespace,
      `${name}-${ordinal}`,
      { kind: 'StatefulSet', name },
      template,
    );
    set.pods[ordinal] = pod;
    set.revisions.set(pod, set.revision);
    this.setOf.set(pod, set);
    return pod;
  }

  private isAvailable(set: StatefulSet, pod: Pod | undefined): boolean {
    return (
      pod?.isReady === true &&
      Number.isNaN(pod.deletedAt) &&
      this.sim.now >= pod.readyAt + set.spec.minReadyMicros
    );
  }

  private reconcile(set: StatefulSet): void {
    const { replicas, podManagement, partition } = set.spec;
    const inOrder = podManagement === 'OrderedReady';
    for (let i = 0; i < replicas; i += 1) {
      const pod = set.pods[i];
      if (pod === undefined) this.create(set, i);
      else if (pod.phase === 'Failed' || pod.phase === 'Succeeded') this.cluster.deletePod(pod);
      if (inOrder && !this.isAvailable(set, set.pods[i])) {
        this.wait(set, set.pods[i]);
        return;
      }
    }
    for (let i = set.pods.length - 1; i >= replicas; i -= 1) {
      const pod = set.pods[i];
      if (pod === undefined) continue;
      this.cluster.deletePod(pod);
      if (inOrder) return;
    }
    for (let i = replicas - 1; i >= partition; i -= 1) {
      const pod = set.pods[i];
      if (pod === undefined) return;
      if (set.revisions.get(pod) !== set.revision) {
        if (Number.isNaN(pod.deletedAt)) this.cluster.deletePod(pod);
        return;
      }
      if (!this.isAvailable(set, pod)) {
        this.wait(set, pod);
        return;
      }
    }
  }

  /** A ready pod becomes available by time alone. */
  private wait(set: StatefulSet, pod: Pod | undefined): void {
    if (pod?.isReady === true)
      this.resync.at(set.row, Math.max(this.sim.now + 1, pod.readyAt + set.spec.minReadyMicros));
  }
}
