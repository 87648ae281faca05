import type { Distribution } from '../../engine/distributions.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import type { Cluster, Node, Pod } from './cluster.ts';
import type { NodeSpec, Selector, Taint } from './objects.ts';
import { tolerates } from './scheduler/filters.ts';
import { matches } from './scheduler/matching.ts';

export interface DisruptionBudget {
  readonly name: string;
  readonly namespace: string;
  readonly selector: Selector;
  /** One of both; a share is rounded up. */
  readonly minAvailable: { readonly count: number } | { readonly share: number } | undefined;
  readonly maxUnavailable: { readonly count: number } | { readonly share: number } | undefined;
}

export interface DisruptionSettings {
  /** From the loss of a node to its being held for lost. */
  readonly monitorGraceMicros: number;
  /** How long pods bear a node that is not reachable, where they do not say so themselves; admission adds it. */
  readonly defaultTolerationMicros: number;
  /** Between two attempts of a drain at what a budget holds back. */
  readonly drainRetryMicros: number;
  /** From the order of a machine to its being ready. */
  readonly provisionMicros: Distribution;
}

const unreachable = 'node.kubernetes.io/unreachable';

/**
 * What takes pods from nodes: drains, nodes that are lost, removed or replaced, machines that are taken back, and taints that pods do not bear. Source:
 * Kubernetes, API-initiated Eviction, Disruptions, Taints and Tolerations; pkg/controller/nodelifecycle, tainteviction, podgc. Simplified: nodes that
 * are lost together are not evicted at a limited rate, and a deleted node's pods are collected at once.
 */
export class Disruptions {
  readonly budgets: readonly DisruptionBudget[];
  /** Whether a drain leaves a pod where it is: a daemon's. */
  isDaemon: (pod: Pod) => boolean = () => false;
  /** How many pods a controller wants of this one's kind. */
  wantedOf: (pod: Pod) => number = () => 1;
  private readonly cluster: Cluster;
  private readonly sim: Simulation;
  private readonly settings: DisruptionSettings;
  private readonly drains = new Map<Node, () => void>();
  private readonly evictions = new Map<Pod, number>();
  private readonly replaced = new Map<string, number>();
  private readonly joins: { readonly spec: NodeSpec; readonly then: (node: Node) => void }[] = [];
  private readonly retry: Kind;
  private readonly held: Kind;
  private readonly taintOver: Kind;
  private readonly joined: Kind;
  private readonly reclaimed: Kind;
  private readonly backKind: Kind;

  constructor(cluster: Cluster, budgets: readonly DisruptionBudget[], settings: DisruptionSettings) {
    this.cluster = cluster;
    this.sim = cluster.sim;
    this.budgets = budgets;
    this.settings = settings;
    this.retry = this.sim.on('kubernetes.drainRetry', (row) => this.continueDrain(cluster.nodes[row]!));
    this.held = this.sim.on('kubernetes.nodeHeldLost', (row) => this.onHeldLost(cluster.nodes[row]!));
    this.taintOver = this.sim.on('kubernetes.tolerationOver', (row) =>
      this.onTolerationOver(cluster.pods[row]!),
    );
    this.joined = this.sim.on('kubernetes.nodeJoins', (row) => this.onJoined(row));
    this.reclaimed = this.sim.on('kubernetes.machineTaken', (row) => this.onReclaimed(cluster.nodes[row]!));
    this.backKind = this.sim.on('kubernetes.nodeReturns', (row) => this.returnNode(cluster.nodes[row]!));
    cluster.listen({
      podBound: (pod) => this.watchTaints(pod),
      nodeChanged: (node) => {
        for (const pod of node.pods) this.watchTaints(pod);
      },
      podRemoved: (pod) => {
        this.evictions.delete(pod);
        if (pod.node !== undefined && this.drains.has(pod.node)) this.checkDrained(pod.node);
      },
    });
  }

  // Budgets.

  /** How many of these evictions the budgets do not allow now. Source: pkg/controller/disruption, getExpectedPodCount and updatePdbStatus. */
  violations(pods: readonly Pod[]): number {
    let over = 0;
    for (const budget of this.budgets) {
      const own = pods.filter((p) => covers(budget, p));
      if (own.length > 0) over += Math.max(0, own.length - this.allowed(budget));
    }
    return over;
  }

  /** Disruptions that a budget allows now. */
  allowed(budget: DisruptionBudget): number {
    const pods = this.cluster.pods.filter((p) => p.exists && covers(budget, p));
    const healthy = pods.filter((p) => p.isReady && Number.isNaN(p.deletedAt)).length;
    const wanted = pods.length === 0 ? 0 : this.wantedOf(pods[0]!);
    const { minAvailable, maxUnavailable } = budget;
    const count = (of: { readonly count: number } | { readonly share: number }) =>
      'count' in of ? of.count : Math.ceil(of.share * wanted - 1e-9);
    const least =
      minAvailable !== undefined ? count(minAvailable) : wanted - count(maxUnavailable ?? { count: 1 });
    return Math.max(0, healthy - least);
  }

  /** The eviction API: false where a budget does not allow it. A pod that is not ready yet goes by the same rule (IfHealthyBudget). */
  evict(pod: Pod): boolean {
    if (this.violations([pod]) > 0) return false;
    this.sim.tell('kubernetes.evictedByApi', pod.name);
    pod.reason = 'EvictionByEvictionAPI';
    this.cluster.deletePod(pod);
    return true;
  }

  // Drains.

  setCordoned(node: Node, isCordoned: boolean): void {
    if (node.isCordoned === isCordoned) return;
    node.isCordoned = isCordoned;
    this.sim.tell('kubernetes.cordoned', node.spec.name, isCordoned ? 'cordoned' : 'uncordoned');
    this.cluster.touchNode(node);
  }

  /** Cordons a node and evicts its pods but those of daemons; `then` once they are gone. Source: kubectl drain --ignore-daemonsets. */
  drain(node: Node, then: () => void = () => {}): void {
    this.sim.tell('kubernetes.drainBegins', node.spec.name);
    this.setCordoned(node, true);
    this.drains.set(node, then);
    this.continueDrain(node);
  }

  private continueDrain(node: Node): void {
    if (!this.drains.has(node)) return;
    let isHeld = false;
    for (const pod of [...node.pods]) {
      if (this.isDaemon(pod) || !Number.isNaN(pod.deletedAt)) continue;
      if (!this.evict(pod)) isHeld = true;
    }
    if (isHeld) this.sim.after(this.settings.drainRetryMicros, this.retry, node.row);
    this.checkDrained(node);
  }

  private checkDrained(node: Node): void {
    for (const pod of node.pods) if (!this.isDaemon(pod)) return;
    const then = this.drains.get(node);
    if (then === undefined) return;
    this.drains.delete(node);
    this.sim.tell('kubernetes.drained', node.spec.name);
    then();
  }

  // Nodes that go and come.

  /** The machine is lost at once, with what runs on it. */
  loseNode(node: Node): void {
    if (!node.isUp) return;
    node.isUp = false;
    this.sim.tell('kubernetes.nodeLost', node.spec.name);
    this.cluster.touchNode(node);
    this.sim.after(this.settings.monitorGraceMicros, this.held, node.row);
  }

  returnAfter(node: Node, micros: number): void {
    this.sim.after(micros, this.backKind, node.row);
  }

  /** It is back with the same name. */
  returnNode(node: Node): void {
    if (node.isUp || this.cluster.node(node.spec.name) !== node) return;
    node.isUp = true;
    node.isReady = true;
    node.taints = node.taints.filter((t) => t.key !== unreachable);
    this.sim.tell('kubernetes.nodeBack', node.spec.name);
    this.cluster.touchNode(node);
  }

  private onHeldLost(node: Node): void {
    if (node.isUp || this.cluster.node(node.spec.name) !== node) return;
    node.isReady = false;
    for (const effect of ['NoSchedule', 'NoExecute'] as const)
      node.taints = [...node.taints, { key: unreachable, value: '', effect }];
    this.sim.tell('kubernetes.nodeUnreachable', node.spec.name);
    for (const pod of node.pods) {
      if (!pod.isReady) continue;
      pod.isReady = false;
      this.cluster.touch(pod);
    }
    this.cluster.touchNode(node);
  }

  /** The node object is deleted, its pods with it. */
  removeNode(node: Node): void {
    if (this.cluster.node(node.spec.name) !== node) return;
    if (node.isUp) {
      node.isUp = false;
      this.cluster.touchNode(node);
    }
    for (const pod of [...node.pods]) this.cluster.removePod(pod);
    this.sim.tell('kubernetes.nodeRemoved', node.spec.name);
    this.cluster.removeNode(node);
  }

  /** A machine is ordered; it joins as a new node. */
  order(spec: NodeSpec, then: (node: Node) => void = () => {}): void {
    const micros = this.settings.provisionMicros.draws
      ? this.settings.provisionMicros.sample(this.sim.stream(`node/${spec.name}`, 'provision')())
      : this.settings.provisionMicros.mean;
    this.joins.push({ spec, then });
    this.sim.tell('kubernetes.nodeOrdered', spec.name);
    this.sim.after(Math.max(1, Math.round(micros)), this.joined, this.joins.length - 1);
  }

  private onJoined(row: number): void {
    const { spec, then } = this.joins[row]!;
    this.sim.tell('kubernetes.nodeJoined', spec.name);
    then(this.cluster.addNode(spec));
  }

  /** Drains a node and puts another one in its place; `surge`: the other one comes first. Source: rolling upgrades of managed node pools. */
  replaceNode(node: Node, surge: boolean): void {
    const count = (this.replaced.get(node.spec.name) ?? 0) + 1;
    this.replaced.set(node.spec.name, count);
    const name = `${node.spec.name}-r${count}`;
    const spec: NodeSpec = {
      ...node.spec,
      name,
      labels: { ...node.spec.labels, 'kubernetes.io/hostname': name },
      background: [],
    };
    const drainAway = (then: () => void) =>
      this.drain(node, () => {
        this.removeNode(node);
        then();
      });
    if (surge) this.order(spec, () => drainAway(() => {}));
    else drainAway(() => this.order(spec));
  }

  /** The provider takes a machine back: it is drained at the notice, and gone when the notice is over. */
  interruptSpot(node: Node, noticeMicros: number): void {
    this.sim.tell('kubernetes.spotNotice', node.spec.name);
    if (noticeMicros > 0) this.drain(node);
    this.sim.after(noticeMicros, this.reclaimed, node.row);
  }

  private onReclaimed(node: Node): void {
    this.drains.delete(node);
    this.removeNode(node);
  }

  // Taints that pods do not bear.

  private watchTaints(pod: Pod): void {
    const { node } = pod;
    if (node === undefined || !Number.isNaN(pod.deletedAt)) return;
    const repelling = node.taints.filter((t) => t.effect === 'NoExecute');
    if (repelling.length === 0) {
      this.evictions.delete(pod);
      return;
    }
    if (this.evictions.has(pod)) return;
    const bears = Math.min(...repelling.map((t) => this.bearsFor(pod, t)));
    if (bears === Number.POSITIVE_INFINITY) return;
    const at = this.sim.now + bears;
    this.evictions.set(pod, at);
    this.sim.at(at, this.taintOver, pod.row);
  }

  /** Source: pkg/controller/tainteviction getMinTolerationTime; plugin DefaultTolerationSeconds for nodes that are not reachable. */
  private bearsFor(pod: Pod, taint: Taint): number {
    let bears = Number.NEGATIVE_INFINITY;
    for (const t of pod.template.placement.tolerations)
      if (tolerates(t, taint)) bears = Math.max(bears, t.tolerationMicros ?? Number.POSITIVE_INFINITY);
    if (bears > Number.NEGATIVE_INFINITY) return bears;
    return taint.key === unreachable ? this.settings.defaultTolerationMicros : 0;
  }

  private onTolerationOver(pod: Pod): void {
    if (this.evictions.get(pod) !== this.sim.now || !pod.exists) return;
    this.evictions.delete(pod);
    pod.reason = 'DeletionByTaintManager';
    this.sim.tell('kubernetes.taintEviction', pod.name, pod.node?.spec.name ?? '');
    this.cluster.deletePod(pod);
  }
}

function covers(budget: DisruptionBudget, pod: Pod): boolean {
  return budget.namespace === pod.namespace && matches(budget.selector, pod.template.labels);
}
