import type { Metric } from '../../engine/catalogue.ts';
import type { Gauge } from '../../engine/gauge.ts';
import type { Cluster, Node } from './cluster.ts';

export const nodeCostMetric: Metric = {
  name: 'rehearse:node_cost_dollars_total',
  type: 'counter',
  unit: '$',
  labels: ['node'],
  help: 'Cost of the node at its on-demand price, while it is there.',
  source: 'AWS on-demand prices in the hardware file',
};

/** What each node costs from when it is there until it is removed: listed ones, those of pools, and those that an autoscaler adds. */
export class NodeCosts {
  private readonly cost: Gauge;

  constructor(cluster: Cluster) {
    this.cost = cluster.sim.gauge(nodeCostMetric.name, 0, { linear: true });
    cluster.listen({
      nodeAdded: (node) => this.begin(node),
      nodeRemoved: (node) => this.cost.set(node.row, this.cost.get(node.row), 0),
    });
    for (const node of cluster.nodes) this.begin(node);
  }

  private begin({ row, spec }: Node): void {
    this.cost.grow(row + 1);
    this.cost.set(row, 0, spec.dollarsPerHour / 3600);
  }
}
