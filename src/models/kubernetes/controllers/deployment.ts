import { hashText } from '../../../engine/fingerprint.ts';
import type { Kind, Simulation } from '../../../engine/simulation.ts';
import type { Cluster, Pod } from '../cluster.ts';
import type { PodTemplate } from '../objects.ts';
import { Resync } from './resync.ts';

export interface DeploymentSpec {
  readonly name: string;
  readonly namespace: string;
  readonly replicas: number;
  readonly template: PodTemplate;
  readonly strategy: 'RollingUpdate' | 'Recreate';
  /** A count, or a share of the replicas where below 1 or so written. */
  readonly maxSurge: CountOrShare;
  readonly maxUnavailable: CountOrShare;
  readonly minReadyMicros: number;
  readonly progressDeadlineMicros: number;
}

export type CountOrShare = { readonly count: number } | { readonly share: number };

/**
 * How many pods may be there beyond the replicas, and how many may be missing. A share is rounded up for the surge and down for what may be missing;
 * where both come to nothing one may be missing. Source: pkg/controller/deployment/util ResolveFenceposts.
 */
export function fenceposts(
  surge: CountOrShare,
  unavailable: CountOrShare,
  replicas: number,
): { readonly surge: number; readonly unavailable: number } {
  const up = 'count' in surge ? surge.count : Math.ceil(surge.share * replicas - 1e-9);
  const down = 'count' in unavailable ? unavailable.count : Math.floor(unavailable.share * replicas + 1e-9);
  return { surge: up, unavailable: up === 0 && down === 0 ? 1 : down };
}

/** Pods of one revision of a template. */
export interface ReplicaSet {
  readonly name: string;
  readonly revision: number;
  readonly template: PodTemplate;
  replicas: number;
  made: number;
  readonly pods: Set<Pod>;
}

export interface Deployment {
  readonly row: number;
  spec: DeploymentSpec;
  generation: number;
  revision: number;
  readonly sets: ReplicaSet[];
  /** When the rollout that is under way last got further; NaN: none is. */
  progressedAt: number;
  isStuck: boolean;
  /** What its pods were made of, to tell progress. */
  seen: string;
}

/** Letters and digits of generated names. Source: apimachinery util/rand alphanums. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A suffix as generated names have it: always the same for the same text. */
export function suffixOf(text: string, length: number): string {
  let left = hashText(text);
  let made = '';
  for (let i = 0; i < length; i += 1) {
    made += alphabet[left % alphabet.length];
    left = Math.floor(left / alphabet.length) + (i === 4 ? hashText(`${text}/${i}`) : 0);
  }
  return made;
}

/**
 * The deployment controller and its replica sets. Source: pkg/controller/deployment rolling.go (reconcileNewReplicaSet, reconcileOldReplicaSets,
 * cleanupUnhealthyReplicas), recreate.go; pkg/controller/replicaset. Simplified: both act `syncMicros` after a change, and scaling in the middle of a
 * rollout goes to the newest replica set alone, not in proportion.
 */
export class Deployments {
  readonly all: Deployment[] = [];
  /** A deployment was changed, or its controller has looked at it. */
  onChanged: (deployment: Deployment) => void = () => {};
  private readonly cluster: Cluster;
  private readonly sim: Simulation;
  private readonly setOf = new Map<Pod, { readonly deployment: Deployment; readonly set: ReplicaSet }>();
  private readonly resync: Resync;
  private readonly deadline: Kind;

  constructor(cluster: Cluster, syncMicros: number) {
    this.cluster = cluster;
    this.sim = cluster.sim;
    this.resync = new Resync(this.sim, 'kubernetes.deploymentSync', syncMicros, (row) =>
      this.reconcile(this.all[row]!),
    );
    this.deadline = this.sim.on('kubernetes.progressDeadline', (row) => {
      const deployment = this.all[row]!;
      const late = deployment.progressedAt + deployment.spec.progressDeadlineMicros;
      if (deployment.isStuck || !(this.sim.now >= late)) return;
      deployment.isStuck = true;
      this.sim.tell('kubernetes.progressDeadlineExceeded', deployment.spec.name);
    });
    const changed = (pod: Pod) => {
      const owner = this.setOf.get(pod);
      if (owner !== undefined) this.sync(owner.deployment);
    };
    cluster.listen({
      podChanged: changed,
      podDeleted: changed,
      podRemoved: (pod) => {
        const owner = this.setOf.get(pod);
        if (owner === undefined) return;
        owner.set.pods.delete(pod);
        this.setOf.delete(pod);
        this.sync(owner.deployment);
      },
    });
  }

  named(namespace: string, name: string): Deployment | undefined {
    return this.all.find((d) => d.spec.namespace === namespace && d.spec.name === name);
  }

  /** The deployment that a pod belongs to. */
  ownerOf(pod: Pod): Deployment | undefined {
    return this.setOf.get(pod)?.deployment;
  }

  /** A deployment whose pods are all there: they are created now, and who calls places and starts them. */
  add(spec: DeploymentSpec): readonly Pod[] {
    const deployment: Deployment = {
      row: this.all.length,
      spec,
      generation: 1,
      revision: 0,
      sets: [],
      progressedAt: Number.NaN,
      isStuck: false,
      seen: '',
    };
    this.all.push(deployment);
    const set = this.newSet(deployment);
    set.replicas = spec.replicas;
    const made: Pod[] = [];
    for (let i = 0; i < spec.replicas; i += 1) made.push(this.create(deployment, set));
    return made;
  }

  /** Another template rolls out; the same one again does nothing. */
  setTemplate(deployment: Deployment, template: PodTemplate): void {
    deployment.spec = { ...deployment.spec, template };
    deployment.generation += 1;
    this.newSet(deployment);
    this.begin(deployment);
  }

  scale(deployment: Deployment, replicas: number): void {
    deployment.spec = { ...deployment.spec, replicas };
    deployment.generation += 1;
    this.begin(deployment);
  }

  /** Pods that are there and not on their way out. */
  podsOf(deployment: Deployment): readonly Pod[] {
    return deployment.sets.flatMap((s) => active(s));
  }

  /** Whether a pod has been ready for minReadySeconds. */
  isAvailable(deployment: Deployment, pod: Pod): boolean {
    return pod.isReady && this.sim.now >= pod.readyAt + deployment.spec.minReadyMicros;
  }

  availableOf(deployment: Deployment): number {
    return this.podsOf(deployment).filter((p) => this.isAvailable(deployment, p)).length;
  }

  /** Pods of the newest template. */
  updatedOf(deployment: Deployment): number {
    return active(deployment.sets[deployment.sets.length - 1]!).length;
  }

  private begin(deployment: Deployment): void {
    deployment.progressedAt = this.sim.now;
    deployment.isStuck = false;
    this.sync(deployment);
    this.sim.after(deployment.spec.progressDeadlineMicros, this.deadline, deployment.row);
  }

  private sync(deployment: Deployment): void {
    this.resync.soon(deployment.row);
  }

  private newSet(deployment: Deployment): ReplicaSet {
    deployment.revision += 1;
    const { name, namespace, template } = deployment.spec;
    const made: ReplicaSet = {
      name: `${name}-${suffixOf(`${namespace}/${name}/${deployment.revision}`, 9)}`,
      revision: deployment.revision,
      template,
      replicas: 0,
      made: 0,
      pods: new Set(),
    };
    deployment.sets.push(made);
    return made;
  }

  private create(deployment: Deployment, set: ReplicaSet): Pod {
    set.made += 1;
    const name = `${set.name}-${suffixOf(`${set.name}/${set.made}`, 5)}`;
    const { namespace } = deployment.spec;
    const unique = this.cluster.pod(namespace, name) === undefined ? name : `${name}${set.made}`;
    const pod = this.cluster.createPod(
      namespace,
      unique,
      { kind: 'ReplicaSet', name: set.name },
      set.template,
    );
    set.pods.add(pod);
    this.setOf.set(pod, { deployment, set });
    return pod;
  }

  private reconcile(deployment: Deployment): void {
    const { spec, sets } = deployment;
    const newest = sets[sets.length - 1]!;
    const old = sets.slice(0, -1);
    if (spec.strategy === 'Recreate') {
      for (const set of old) set.replicas = 0;
      // Even pods on their way out hold a recreation up.
      if (old.every((s) => [...s.pods].every((p) => p.phase === 'Failed' || p.phase === 'Succeeded')))
        newest.replicas = spec.replicas;
    } else this.roll(deployment, newest, old);
    for (const set of sets) this.match(deployment, set);
    this.note(deployment);
    this.watchMinReady(deployment);
    this.onChanged(deployment);
    for (let i = sets.length - 2; i >= 0; i -= 1)
      if (sets[i]!.replicas === 0 && sets[i]!.pods.size === 0) sets.splice(i, 1);
  }

  private roll(deployment: Deployment, newest: ReplicaSet, old: readonly ReplicaSet[]): void {
    const { spec } = deployment;
    const { surge, unavailable } = fenceposts(spec.maxSurge, spec.maxUnavailable, spec.replicas);
    let total = 0;
    for (const set of deployment.sets) total += set.replicas;
    if (newest.replicas > spec.replicas) newest.replicas = spec.replicas;
    else if (newest.replicas < spec.replicas) {
      const room = spec.replicas + surge - total;
      if (room > 0) {
        const more = Math.min(room, spec.replicas - newest.replicas);
        newest.replicas += more;
        total += more;
      }
    }
    const oldTotal = total - newest.replicas;
    if (oldTotal === 0) return;
    const least = spec.replicas - unavailable;
    const isUp = (p: Pod) => this.isAvailable(deployment, p);
    const newUp = active(newest).filter(isUp).length;
    let down = total - least - (newest.replicas - newUp);
    if (down <= 0) return;
    // Old pods that are not available go first; they cost nothing.
    for (const set of old) {
      const unhealthy = set.replicas - active(set).filter(isUp).length;
      const gone = Math.min(down, unhealthy, set.replicas);
      set.replicas -= gone;
      down -= gone;
    }
    let spare = newUp - least;
    for (const set of old) spare += active(set).filter(isUp).length;
    for (const set of old) {
      if (spare <= 0) break;
      const gone = Math.min(spare, set.replicas);
      set.replicas -= gone;
      spare -= gone;
    }
  }

  /** The replica set's own work: as many pods as it should have. */
  private match(deployment: Deployment, set: ReplicaSet): void {
    const there = active(set);
    for (let i = there.length; i < set.replicas; i += 1) this.create(deployment, set);
    if (there.length <= set.replicas) return;
    const first = [...there].sort(byDeletionOrder);
    for (const pod of first.slice(0, there.length - set.replicas)) this.cluster.deletePod(pod);
  }

  private note(deployment: Deployment): void {
    if (Number.isNaN(deployment.progressedAt)) return;
    const newest = deployment.sets[deployment.sets.length - 1]!;
    const oldPods = deployment.sets.slice(0, -1).reduce((n, s) => n + active(s).length, 0);
    const seen = `${newest.replicas} ${oldPods} ${this.availableOf(deployment)}`;
    if (seen !== deployment.seen) {
      deployment.seen = seen;
      deployment.progressedAt = this.sim.now;
      deployment.isStuck = false;
      this.sim.after(deployment.spec.progressDeadlineMicros, this.deadline, deployment.row);
    }
    const isDone = oldPods === 0 && this.availableOf(deployment) >= deployment.spec.replicas;
    if (!isDone) return;
    deployment.progressedAt = Number.NaN;
    this.sim.tell('kubernetes.rolledOut', deployment.spec.name);
  }

  /** Availability that only time brings. */
  private watchMinReady(deployment: Deployment): void {
    const { minReadyMicros } = deployment.spec;
    if (minReadyMicros === 0) return;
    let next = Number.POSITIVE_INFINITY;
    for (const pod of this.podsOf(deployment))
      if (pod.isReady && pod.readyAt + minReadyMicros > this.sim.now)
        next = Math.min(next, pod.readyAt + minReadyMicros);
    if (next < Number.POSITIVE_INFINITY) this.resync.at(deployment.row, next);
  }
}

function active(set: ReplicaSet): readonly Pod[] {
  return [...set.pods].filter(
    (p) => Number.isNaN(p.deletedAt) && p.phase !== 'Failed' && p.phase !== 'Succeeded',
  );
}

/**
 * Which pods a replica set deletes first: not bound, not ready, ready for less time, restarted more often, younger. Source: pkg/controller
 * controller_utils.go ActivePodsWithRanks; pods on nodes with many of their kind first is left out.
 */
export function byDeletionOrder(x: Pod, y: Pod): number {
  const restarts = (p: Pod) => Math.max(...p.containers.map((c) => c.restarts));
  const phase = (p: Pod) => (p.phase === 'Pending' ? 0 : 1);
  return (
    Number(x.node !== undefined) - Number(y.node !== undefined) ||
    phase(x) - phase(y) ||
    Number(x.isReady) - Number(y.isReady) ||
    (x.isReady && y.isReady ? y.readyAt - x.readyAt : 0) ||
    restarts(y) - restarts(x) ||
    y.createdAt - x.createdAt ||
    y.row - x.row
  );
}
