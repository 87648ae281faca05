import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import { type Cluster, emptyNode, type Node, type Pod } from './cluster.ts';
import type { Disruptions } from './disruptions.ts';
import type { NodeSpec } from './objects.ts';
import { filters } from './scheduler/filters.ts';

export interface ScalablePool {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Node number `i` of the pool, from 1. */
  readonly node: (i: number) => NodeSpec;
  /** Lower is taken first, under the expander `priority`. */
  readonly priority: number;
}

export interface AutoscalerSettings {
  readonly scanMicros: number;
  /** From a scan that finds pods without room to the order of a machine. */
  readonly decisionMicros: number;
  /** How long a node has to be unneeded, and below which share of its requests it is. */
  readonly unneededMicros: number;
  readonly utilizationThreshold: number;
  readonly expander: 'least-waste' | 'priority';
}

interface PoolState {
  readonly pool: ScalablePool;
  made: number;
  readonly nodes: Set<Node>;
  readonly ordered: NodeSpec[];
}

/**
 * The cluster autoscaler: adds nodes for pods that fit nowhere, and takes away nodes that few requests need. Scans are at multiples of `scanMicros`; those that find
 * nothing to do are not played. Source: kubernetes/autoscaler cluster-autoscaler FAQ (scan-interval, scale-down-unneeded-time,
 * scale-down-utilization-threshold, expanders). Simplified: a node that is to go needs room elsewhere by requests alone, pods that are asked for are packed first
 * fit, and node groups never fail.
 */
export class Autoscaler {
  private readonly cluster: Cluster;
  private readonly sim: Simulation;
  private readonly settings: AutoscalerSettings;
  private readonly disruptions: Disruptions;
  private readonly pools: readonly PoolState[];
  private readonly unschedulable: () => readonly Pod[];
  private readonly unneededSince = new Map<Node, number>();
  private scan: Handle = -1;
  private readonly scanKind: Kind;
  private readonly orderKind: Kind;
  private readonly downKind: Kind;
  private readonly decided: { readonly pool: PoolState; readonly spec: NodeSpec }[] = [];

  constructor(
    cluster: Cluster,
    disruptions: Disruptions,
    pools: readonly ScalablePool[],
    settings: AutoscalerSettings,
    unschedulable: () => readonly Pod[],
  ) {
    this.cluster = cluster;
    this.sim = cluster.sim;
    this.settings = settings;
    this.disruptions = disruptions;
    this.unschedulable = unschedulable;
    this.pools = pools.map((pool) => {
      const nodes = new Set(cluster.nodes.filter((n) => n.spec.pool === pool.name));
      return { pool, made: nodes.size, nodes, ordered: [] };
    });
    this.scanKind = this.sim.on('kubernetes.autoscalerScan', () => {
      this.scan = -1;
      this.onScan();
    });
    this.orderKind = this.sim.on('kubernetes.scaleUp', (row) => this.onOrder(row));
    this.downKind = this.sim.on('kubernetes.scaleDown', (row) => this.onScaleDown(cluster.nodes[row]!));
    cluster.listen({
      podRemoved: (pod) => {
        if (pod.node !== undefined) this.lookAt(pod.node);
      },
      podChanged: (pod) => {
        if (pod.node !== undefined) this.lookAt(pod.node);
      },
      podBound: (pod) => this.lookAt(pod.node!),
      nodeRemoved: (node) => {
        for (const state of this.pools) state.nodes.delete(node);
        this.unneededSince.delete(node);
      },
    });
    for (const node of cluster.nodes) this.lookAt(node);
  }

  /** A pod fits nowhere: the next scan sees it. */
  wake(): void {
    if (this.scan !== -1) return;
    const { scanMicros } = this.settings;
    this.scan = this.sim.at((Math.floor(this.sim.now / scanMicros) + 1) * scanMicros, this.scanKind);
  }

  private onScan(): void {
    // What is on its way takes pods first.
    const coming = this.pools.flatMap((s) => s.ordered.map(notYetThere));
    for (const pod of this.unschedulable()) {
      if (coming.some((node) => this.put(pod, node))) continue;
      const options = this.pools.flatMap((state) => {
        if (state.nodes.size + state.ordered.length >= state.pool.max) return [];
        const spec = state.pool.node(state.made + 1);
        const node = notYetThere(spec);
        return this.fits(pod, node) ? [{ state, spec, node }] : [];
      });
      const waste = (n: Node) =>
        2 -
        pod.requests.cpuMillis / Math.max(1, n.allocatable.cpuMillis) -
        pod.requests.memoryBytes / Math.max(1, n.allocatable.memoryBytes);
      const [best] = options.sort(
        (x, y) =>
          (this.settings.expander === 'priority'
            ? x.state.pool.priority - y.state.pool.priority
            : waste(x.node) - waste(y.node)) || (x.state.pool.name < y.state.pool.name ? -1 : 1),
      );
      if (best === undefined) continue;
      best.state.made += 1;
      best.state.ordered.push(best.spec);
      this.put(pod, best.node);
      coming.push(best.node);
      this.decided.push({ pool: best.state, spec: best.spec });
      this.sim.after(this.settings.decisionMicros, this.orderKind, this.decided.length - 1);
    }
  }

  private onOrder(row: number): void {
    const { pool, spec } = this.decided[row]!;
    this.disruptions.order(spec, (node) => {
      pool.ordered.splice(pool.ordered.indexOf(spec), 1);
      pool.nodes.add(node);
      this.lookAt(node);
    });
  }

  private fits(pod: Pod, node: Node): boolean {
    const { NodeResourcesFit, NodeAffinity, TaintToleration } = filters;
    return [NodeResourcesFit!, NodeAffinity!, TaintToleration!].every(
      (f) => f(pod, node, this.cluster) === undefined,
    );
  }

  private put(pod: Pod, node: Node): boolean {
    if (!this.fits(pod, node)) return false;
    node.pods.add(pod);
    node.requestedCpuMillis += pod.requests.cpuMillis;
    node.requestedMemoryBytes += pod.requests.memoryBytes;
    return true;
  }

  // Nodes that are not needed.

  private movable(node: Node): readonly Pod[] {
    return [...node.pods].filter((p) => !this.disruptions.isDaemon(p));
  }

  private lookAt(node: Node): void {
    const state = this.pools.find((s) => s.nodes.has(node));
    if (state === undefined) return;
    const pods = this.movable(node);
    const used = Math.max(
      pods.reduce((sum, p) => sum + p.requests.memoryBytes, 0) / Math.max(1, node.allocatable.memoryBytes),
      pods.reduce((sum, p) => sum + p.requests.cpuMillis, 0) / Math.max(1, node.allocatable.cpuMillis),
    );
    if (used >= this.settings.utilizationThreshold) {
      this.unneededSince.delete(node);
      return;
    }
    if (this.unneededSince.has(node)) return;
    this.unneededSince.set(node, this.sim.now);
    this.sim.after(this.settings.unneededMicros, this.downKind, node.row);
  }

  private onScaleDown(node: Node): void {
    const since = this.unneededSince.get(node);
    const state = this.pools.find((s) => s.nodes.has(node));
    if (since === undefined || state === undefined || node.isCordoned) return;
    if (this.sim.now < since + this.settings.unneededMicros) return;
    const hasRoom = this.movable(node).every((pod) =>
      this.cluster.nodes.some((n) => n !== node && n.isUp && !n.isCordoned && this.fits(pod, n)),
    );
    if (state.nodes.size <= state.pool.min || !hasRoom) {
      // Looked at again after as long: what would make room or need may have changed.
      this.sim.after(this.settings.unneededMicros, this.downKind, node.row);
      return;
    }
    this.sim.tell('kubernetes.scaledDown', node.spec.name);
    this.disruptions.drain(node, () => this.disruptions.removeNode(node));
  }
}

/** A node that is not there yet, to try pods on. */
function notYetThere(spec: NodeSpec): Node {
  return emptyNode(spec, -1);
}
