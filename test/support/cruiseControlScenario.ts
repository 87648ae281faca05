import { smallScenario } from './leafCases.ts';

/** As much of the small scenario as these examples change. */
export interface Tree {
  to: string;
  timeline: readonly object[];
  kubernetes: { nodes: object[] };
  hardware: { instanceTypes: { disks?: number }[] };
  kafka: {
    brokers: { id: number; disk?: string; diskUsed?: string; [key: string]: unknown }[];
    assignment?: string;
  };
  cruiseControl: { version: string; capacity: Record<string, string>; config?: object };
}
export type Change = (tree: Tree) => void;

/** The small scenario with a sixth, empty broker, and Cruise Control. */
export function filesOf(timeline: readonly object[], change: Change, to: string): Record<string, string> {
  const tree = structuredClone(smallScenario) as unknown as Tree;
  tree.to = to;
  tree.kubernetes.nodes.push({ name: 'n5', instance: 'small', zone: 'a' });
  const sixth = { id: 5, node: 'n5', diskUsed: '0B', disk: '2.5TB', pageCache: '5GiB' };
  tree.kafka.brokers.push(sixth);
  tree.kafka.assignment = 'models/five.json';
  tree.cruiseControl = {
    version: '2.5.137',
    capacity: { inboundNetwork: '1GB/s', outboundNetwork: '1GB/s', cpu: '8 cores' },
  };
  tree.timeline = timeline;
  change(tree);
  const row = (topic: string, n: number, last: number) =>
    Array.from({ length: n }, (_, p) => ({
      topic,
      partition: p,
      replicas: [p % 5, (p + 1) % 5, (p + last) % 5],
    }));
  const five = JSON.stringify({ version: 1, partitions: [...row('busy', 12, 2), ...row('idle', 6, 3)] });
  return { 'models/five.json': five, 'leaf.yaml': JSON.stringify(tree) };
}
