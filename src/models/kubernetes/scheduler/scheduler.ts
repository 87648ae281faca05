import type { Kind, Simulation } from '../../../engine/simulation.ts';
import type { Cluster, Node, Pod } from '../cluster.ts';
import { filters } from './filters.ts';
import { isClearing, pickOneNode, victimsOn } from './preemption.ts';
import { scoresOf } from './scores.ts';

export interface SchedulerSettings {
  /** Time of one scheduling cycle and its binding. */
  readonly cycleMicros: number;
  /** Waits of a pod that did not fit, doubling from the first to the longest. */
  readonly backOffInitialMicros: number;
  readonly backOffMaxMicros: number;
  /** After so long in the queue of the unschedulable a pod is tried whatever happened. */
  readonly flushMicros: number;
  /** Filters and scores that are switched off, by name. */
  readonly disabled: ReadonlySet<string>;
  /** Percentage of the nodes after which enough have passed the filters; 0: as kube-scheduler works it out. */
  readonly percentageOfNodesToScore: number;
}

/** A pod that waits. */
interface Waiting {
  readonly pod: Pod;
  attempts: number;
  /** Where it is: to be tried, waiting for its back-off, or for something to change. */
  place: 'active' | 'backOff' | 'unschedulable';
  readyAt: number;
  since: number;
}

/** How many nodes have to pass before no more are asked. Source: pkg/scheduler/schedule_one.go numFeasibleNodesToFind. */
export function nodesToFind(nodes: number, percentage: number): number {
  const least = 100;
  if (nodes < least) return nodes;
  let share = percentage;
  if (share === 0) share = Math.max(5, 50 - Math.trunc(nodes / 125));
  return Math.max(least, Math.trunc((nodes * share) / 100));
}

/**
 * kube-scheduler: one pod at a time, by priority and then by its time in the queue; filters, scores, preemption. Requests decide, never usage. Source:
 * pkg/scheduler schedule_one.go, backend/queue/scheduling_queue.go.
 *
 * Of several best nodes Kubernetes takes one at random: here a draw of the pod's own, over the nodes in the order of their names. Simplified: a cycle
 * takes the same time for every pod, and any change of pods or nodes wakes all that are unschedulable.
 */
export class Scheduler {
  onUnschedulable: (pod: Pod) => void = () => {};
  /** How many evictions of these pods their budgets do not allow now. */
  budget: (pods: readonly Pod[]) => number = () => 0;
  hasImage: (pod: Pod, node: Node) => boolean = () => false;
  private readonly cluster: Cluster;
  private readonly sim: Simulation;
  private readonly settings: SchedulerSettings;
  private readonly waiting = new Map<Pod, Waiting>();
  private readonly filters: readonly (readonly [string, (typeof filters)[string]])[];
  private readonly scores: readonly {
    readonly weight: number;
    readonly score: ReturnType<typeof scoresOf>[string]['score'];
  }[];
  private readonly cycle: Kind;
  private readonly wake: Kind;
  private isBusy = false;
  private ordered: readonly Node[] | undefined;
  private startFrom = 0;

  constructor(cluster: Cluster, settings: SchedulerSettings) {
    this.cluster = cluster;
    this.sim = cluster.sim;
    this.settings = settings;
    this.filters = Object.entries(filters).filter(([name]) => !settings.disabled.has(name));
    this.scores = Object.entries(scoresOf((pod, node) => this.hasImage(pod, node)))
      .filter(([name]) => !settings.disabled.has(name))
      .map(([, s]) => s);
    this.cycle = this.sim.on('kubernetes.schedulingCycle', () => this.onCycle());
    this.wake = this.sim.on('kubernetes.schedulingBackOffOver', (row) => {
      const waits = this.waiting.get(cluster.pods[row]!);
      if (waits === undefined || waits.place === 'active' || this.sim.now < waits.readyAt) return;
      waits.place = 'active';
      this.arm();
    });
    cluster.listen({
      podCreated: (pod) => this.add(pod),
      podRemoved: (pod) => {
        this.waiting.delete(pod);
        this.moveAll();
      },
      podChanged: (pod) => {
        if (pod.phase === 'Succeeded' || pod.phase === 'Failed') this.moveAll();
      },
      nodeAdded: () => {
        this.ordered = undefined;
        this.moveAll();
      },
      nodeChanged: () => this.moveAll(),
      nodeRemoved: () => {
        this.ordered = undefined;
      },
    });
  }

  /** Pods that no node has room for now. */
  unschedulable(): readonly Pod[] {
    return [...this.waiting.values()].filter((w) => w.attempts > 0).map((w) => w.pod);
  }

  /** The pod is placed by somebody else, or at the start of the run. */
  forget(pod: Pod): void {
    this.waiting.delete(pod);
  }

  /** Where the pod would go now; undefined: nowhere. */
  choose(pod: Pod): Node | undefined {
    const feasible = this.feasible(pod);
    if (feasible.length <= 1) return feasible[0];
    const total = new Float64Array(feasible.length);
    for (const { weight, score } of this.scores) {
      const given = score(pod, feasible, this.cluster);
      for (let i = 0; i < given.length; i += 1) total[i]! += weight * given[i]!;
    }
    let best = Number.NEGATIVE_INFINITY;
    for (const t of total) best = Math.max(best, t);
    const tied = feasible.filter((_, i) => total[i] === best);
    if (tied.length === 1) return tied[0];
    const draw = this.sim.stream(`pod/${pod.namespace}/${pod.name}`, 'tie')();
    return tied[Math.floor(draw * tied.length)];
  }

  /** Why the pod fits nowhere, as FailedScheduling says: reasons with the number of nodes. */
  reasons(pod: Pod): string {
    const counts = new Map<string, number>();
    for (const node of this.byName()) {
      const reason = node.isUp ? this.refusal(pod, node) : undefined;
      if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    const told = [...counts].sort((x, y) => (x[0] < y[0] ? -1 : 1)).map(([reason, n]) => `${n} ${reason}`);
    return `0/${this.byName().length} nodes are available: ${told.join(', ')}`;
  }

  private byName(): readonly Node[] {
    this.ordered ??= this.cluster.nodes
      .filter((n) => this.cluster.node(n.spec.name) === n)
      .sort((x, y) => (x.spec.name < y.spec.name ? -1 : 1));
    return this.ordered;
  }

  private refusal(pod: Pod, node: Node): string | undefined {
    for (const [, filter] of this.filters) {
      const reason = filter(pod, node, this.cluster);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  private feasible(pod: Pod): readonly Node[] {
    const nodes = this.byName();
    const enough = nodesToFind(nodes.length, this.settings.percentageOfNodesToScore);
    const found: Node[] = [];
    let asked = 0;
    for (; asked < nodes.length && found.length < enough; asked += 1) {
      const node = nodes[(this.startFrom + asked) % nodes.length]!;
      if (node.isUp && this.refusal(pod, node) === undefined) found.push(node);
    }
    // Where only a part is asked the next pod begins behind it. Source: schedule_one.go nextStartNodeIndex.
    if (enough < nodes.length) this.startFrom = (this.startFrom + asked) % nodes.length;
    return found;
  }

  private add(pod: Pod): void {
    if (pod.node !== undefined) return;
    this.waiting.set(pod, { pod, attempts: 0, place: 'active', readyAt: this.sim.now, since: this.sim.now });
    this.arm();
  }

  private arm(): void {
    if (this.isBusy) return;
    this.isBusy = true;
    this.sim.after(this.settings.cycleMicros, this.cycle);
  }

  /** Something changed that could make room: who was unschedulable is tried once its back-off is over. */
  private moveAll(): void {
    for (const waits of this.waiting.values()) {
      if (waits.place !== 'unschedulable') continue;
      if (this.sim.now >= waits.readyAt) {
        waits.place = 'active';
        this.arm();
      } else {
        waits.place = 'backOff';
        this.sim.at(waits.readyAt, this.wake, waits.pod.row);
      }
    }
  }

  private onCycle(): void {
    this.isBusy = false;
    let next: Waiting | undefined;
    for (const waits of this.waiting.values()) {
      if (waits.place !== 'active') continue;
      const ahead =
        next === undefined
          ? 1
          : waits.pod.template.placement.priority - next.pod.template.placement.priority ||
            next.since - waits.since;
      if (ahead > 0) next = waits;
    }
    if (next === undefined) return;
    const { pod } = next;
    const node = this.choose(pod);
    if (node !== undefined) {
      this.waiting.delete(pod);
      this.sim.tell('kubernetes.scheduled', pod.name, node.spec.name);
      this.cluster.bind(pod, node);
    } else this.putBack(next);
    for (const waits of this.waiting.values())
      if (waits.place === 'active') {
        this.arm();
        break;
      }
  }

  private putBack(waits: Waiting): void {
    const { pod } = waits;
    const { settings, sim } = this;
    if (waits.attempts === 0) {
      sim.tell('kubernetes.failedScheduling', pod.name, this.reasons(pod));
    }
    let wait = settings.backOffInitialMicros;
    for (let i = 0; i < waits.attempts && wait < settings.backOffMaxMicros; i += 1) wait *= 2;
    waits.attempts += 1;
    waits.readyAt = sim.now + Math.min(wait, settings.backOffMaxMicros);
    waits.place = 'unschedulable';
    waits.since = sim.now;
    this.preempt(pod);
    this.onUnschedulable(pod);
    sim.after(settings.flushMicros, this.wake, pod.row);
  }

  private preempt(pod: Pod): void {
    const { placement } = pod.template;
    if (!placement.preempts) return;
    const nodes = this.byName().filter((n) => n.isUp);
    if (nodes.some((n) => isClearing(pod, n, this.cluster))) return;
    const candidates = nodes.flatMap((node) => {
      const found = victimsOn(pod, node, (without) => this.fitsWithout(pod, node, without), this.budget);
      return found === undefined ? [] : [found];
    });
    const chosen = pickOneNode(candidates);
    if (chosen === undefined) return;
    for (const victim of chosen.victims) {
      victim.reason = 'Preempted';
      this.sim.tell('kubernetes.preempted', victim.name, pod.name);
      this.cluster.deletePod(victim);
    }
  }

  /** Whether the pod would fit if some were gone; they are taken off the node for the question only. */
  private fitsWithout(pod: Pod, node: Node, without: ReadonlySet<Pod>): boolean {
    const kept = [...node.pods];
    const { requestedMemoryBytes, requestedCpuMillis } = node;
    for (const gone of without) {
      node.pods.delete(gone);
      node.requestedMemoryBytes -= gone.requests.memoryBytes;
      node.requestedCpuMillis -= gone.requests.cpuMillis;
    }
    const fits = this.refusal(pod, node) === undefined;
    node.pods.clear();
    for (const p of kept) node.pods.add(p);
    node.requestedMemoryBytes = requestedMemoryBytes;
    node.requestedCpuMillis = requestedCpuMillis;
    return fits;
  }
}
