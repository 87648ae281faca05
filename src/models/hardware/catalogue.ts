import type { Catalogue } from '../../engine/catalogue.ts';
import type { Hardware } from './nodes.ts';

export const hardwareCatalogue: Catalogue = {
  metrics: [
    {
      name: 'rehearse:nic_credit_bytes',
      type: 'gauge',
      unit: 'B',
      labels: ['node', 'direction'],
      help: 'Burst credit left on a network card.',
      source: 'ours, after the EC2 network credit mechanism',
    },
    {
      name: 'rehearse:nic_baseline_headroom_ratio',
      type: 'gauge',
      unit: 'ratio',
      labels: ['node', 'direction'],
      help: 'Share of the baseline bandwidth that is free; negative while the card lives on credit.',
      source: 'ours',
    },
    {
      name: 'node_network_bytes_total',
      type: 'counter',
      unit: 'B',
      labels: ['node', 'direction'],
      help: 'Bytes through a network card, as node_network_receive_bytes_total and node_network_transmit_bytes_total of the node exporter count them.',
      source: 'node exporter, netdev collector',
    },
    {
      name: 'machine_cpu_cores',
      type: 'gauge',
      unit: 'cores',
      labels: ['node', 'zone'],
      help: 'Processor cores of the node.',
      source: 'cAdvisor',
    },
    {
      name: 'machine_memory_bytes',
      type: 'gauge',
      unit: 'B',
      labels: ['node', 'zone'],
      help: 'Memory of the node.',
      source: 'cAdvisor',
    },
    {
      name: 'rehearse:disk_write_headroom_ratio',
      type: 'gauge',
      unit: 'ratio',
      labels: ['node'],
      help: "Share of the write bandwidth that steady traffic leaves free, on the node's tightest disk.",
      source: 'ours',
    },
    {
      name: 'rehearse:disk_read_limit_bytes_per_second',
      type: 'gauge',
      unit: 'B/s',
      labels: ['node', 'disk'],
      help: 'What a disk of the node can read.',
      source: 'ours',
    },
    {
      name: 'rehearse:disk_write_limit_bytes_per_second',
      type: 'gauge',
      unit: 'B/s',
      labels: ['node', 'disk'],
      help: 'What a disk of the node can write.',
      source: 'ours',
    },
    {
      name: 'rehearse:node_overload_ratio',
      type: 'gauge',
      unit: 'ratio',
      labels: ['node'],
      help: 'How far steady traffic asks for more than the tightest device of the node carries; 0 when it fits.',
      source: 'ours',
    },
  ],
  events: [{ name: 'hardware.networkChanged', lane: 'network', says: 'between zones {subject}: {detail}' }],
  risks: [
    {
      name: 'nicBaselineHeadroom',
      unit: 'ratio',
      says: 'use of the tightest network card against its baseline (above 1 it lives on credit)',
      that: '1 - min_over_time(rehearse:nic_baseline_headroom_ratio[$__range])',
      full: 1,
    },
    {
      name: 'nicBurstUsed',
      unit: 'B',
      says: 'least burst credit left on a network card, as a loss from the fullest',
      that: 'max_over_time(rehearse:nic_credit_bytes[$__range]) - min_over_time(rehearse:nic_credit_bytes[$__range])',
    },
    {
      name: 'overload',
      unit: 'ratio',
      says: 'steady traffic beyond what the tightest device of a node carries',
      that: 'max_over_time(rehearse:node_overload_ratio[$__range])',
      full: 0,
      limit: 0,
    },
    {
      name: 'cost',
      unit: '$',
      says: 'cost of the nodes over the period',
      that: 'sum(increase(rehearse:node_cost_dollars_total[$__range]))',
    },
  ],
  panels: [
    {
      title: 'Network card use against baseline',
      that: '1 - rehearse:nic_baseline_headroom_ratio',
      unit: 'ratio',
      by: 'node',
    },
  ],
};

export function hardwareLabels(
  hardware: Hardware,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  const labels = hardwareCatalogue.metrics.find((m) => m.name === name)?.labels;
  if (labels === undefined) return undefined;
  if (labels.includes('zone'))
    return (row) => ({ node: hardware.nodes[row].name, zone: hardware.nodes[row].zone });
  if (labels.includes('disk')) {
    return (row) => {
      const { node, disk } = hardware.diskAt(row);
      return { node: hardware.nodes[node].name, disk: String(disk) };
    };
  }
  if (labels.length === 1) return (row) => ({ node: hardware.nodes[row].name });
  return (row) => ({
    node: hardware.nodes[Math.floor(row / 2)].name,
    direction: row % 2 === 0 ? 'in' : 'out',
  });
}
