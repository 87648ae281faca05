import { z } from 'zod';
import type { MemoryPoint, NodeSpec, Taint } from '../models/kubernetes/objects.ts';
import type { Checks } from './checks.ts';
import type { HardwareSettings } from './parts/hardware.ts';
import { q } from './quantity.ts';

const taint = z.strictObject({
  key: z.string().min(1),
  value: z.string().default(''),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
});

const amounts = z.strictObject({
  memory: q.bytes({ min: 0 }).optional(),
  cpu: q.cpu({ min: 0 }).optional(),
});

/** What a node and a pool of nodes have in common. */
const common = {
  instance: z.string().min(1),
  labels: z.record(z.string(), z.string()).optional(),
  taints: z.array(taint).max(50).optional(),
  /** What the kubelet finds where it is less than the instance's. */
  capacity: amounts.optional(),
  maxPods: q.count({ min: 1, max: 10_000 }).optional(),
  kubeReserved: amounts.optional(),
  systemReserved: amounts.optional(),
  evictionHard: z.strictObject({ memoryAvailable: q.bytes({ min: 0 }) }).optional(),
  systemMemory: q.bytes({ min: 0 }).optional(),
};

const recordedMemory = z
  .array(z.strictObject({ at: q.duration({ min: 0 }), bytes: q.bytes({ min: 0 }) }))
  .min(1)
  .max(100_000);

export const nodeSettings = z.strictObject({
  name: z.string().min(1),
  zone: z.string().min(1),
  pool: z.string().min(1).optional(),
  ...common,
  /** Memory of all on the node that is not simulated as a container, over the run. */
  background: recordedMemory.optional(),
});
export type NodeSettings = z.output<typeof nodeSettings>;

/** Nodes that are alike: as many as `count` says, over the zones in turn; names are the pool's and a number from 1. */
export const nodePoolSettings = z.strictObject({
  name: z.string().min(1),
  count: q.count({ min: 0, max: 10_000 }),
  min: q
    .count({ min: 0, max: 10_000 })
    .optional()
    .meta({ description: 'nodes that the cluster autoscaler leaves' }),
  max: q
    .count({ min: 0, max: 10_000 })
    .optional()
    .meta({ description: 'nodes that the cluster autoscaler may have; absent: it leaves the pool alone' }),
  priority: q
    .count({ min: 0 })
    .optional()
    .meta({ description: 'under the expander priority: the lowest is taken first' }),
  zones: z.array(z.string().min(1)).min(1).max(100),
  ...common,
});
export type NodePoolSettings = z.output<typeof nodePoolSettings>;

interface Placed extends Omit<NodeSettings, 'pool'> {
  readonly pool: string;
}

/** Every node at the start: those written out, then those of pools. */
export function allNodes(
  nodes: readonly NodeSettings[],
  pools: readonly NodePoolSettings[] = [],
): readonly Placed[] {
  const placed: Placed[] = nodes.map((n) => {
    const pool = pools.find((p) => p.name === n.pool);
    return { ...pool, ...n, pool: n.pool ?? '' };
  });
  for (const pool of pools) for (let i = 1; i <= pool.count; i += 1) placed.push(pooledNode(pool, i));
  return placed;
}

/** Node number `i` of a pool, from 1. */
export function pooledNode(pool: NodePoolSettings, i: number): Placed {
  const { count, zones, min, max, priority, ...rest } = pool;
  return { ...rest, name: `${pool.name}-${i}`, zone: zones[(i - 1) % zones.length]!, pool: pool.name };
}

const Mi = 1_048_576;

/** A recording that counts from the start of the period, as it is told to models, which count from the start of the run. */
export function shifted(
  points: readonly MemoryPoint[] | undefined,
  warmUpMicros: number,
): readonly MemoryPoint[] {
  return (points ?? []).map((p) => ({ at: p.at + warmUpMicros, bytes: p.bytes }));
}

/**
 * A node as the cluster is told it. Where nothing is said: 110 pods and 100 MiB of memory.available before eviction. Source: pkg/kubelet/apis/config
 * v1beta1 defaults.go (maxPods), pkg/kubelet/eviction/defaults_linux.go.
 */
export function nodeSpec(node: Placed, hardware: HardwareSettings, warmUpMicros: number): NodeSpec {
  const type = hardware.instanceTypes.find((t) => t.name === node.instance)!;
  const reserved = (of: 'memory' | 'cpu') =>
    (node.kubeReserved?.[of] ?? 0) + (node.systemReserved?.[of] ?? 0);
  return {
    name: node.name,
    zone: node.zone,
    pool: node.pool,
    instance: node.instance,
    // Source: Kubernetes, Well-Known Labels.
    labels: {
      'kubernetes.io/hostname': node.name,
      'topology.kubernetes.io/zone': node.zone,
      'node.kubernetes.io/instance-type': node.instance,
      ...node.labels,
    },
    taints: (node.taints satisfies readonly Taint[] | undefined) ?? [],
    capacity: {
      memoryBytes: node.capacity?.memory ?? type.memory,
      cpuMillis: Math.round((node.capacity?.cpu ?? type.cores) * 1000),
    },
    maxPods: node.maxPods ?? 110,
    reserved: { memoryBytes: reserved('memory'), cpuMillis: Math.round(reserved('cpu') * 1000) },
    evictionBytes: node.evictionHard?.memoryAvailable ?? 100 * Mi,
    systemBytes: node.systemMemory ?? 0,
    background: shifted(node.background, warmUpMicros),
    dollarsPerHour: type.price,
  };
}

/** Cross-checks of nodes and pools. */
export function checkNodes(
  nodes: readonly NodeSettings[],
  pools: readonly NodePoolSettings[] | undefined,
  checks: Checks,
): void {
  const types = checks.settings<HardwareSettings>('hardware')?.instanceTypes;
  const names = new Set<string>();
  const instance = (path: readonly (string | number)[], name: string) => {
    if (types === undefined || types.some((t) => t.name === name)) return;
    const known = types
      .map((t) => t.name)
      .slice(0, 12)
      .join(', ');
    checks.problem(
      [...path, 'instance'],
      `there is no instance type ${name}`,
      `write one of ${known}, or add it to hardware.instanceTypes`,
    );
  };
  const poolNames = new Set<string>();
  for (const pool of pools ?? []) {
    const path = ['kubernetes', 'nodePools', pool.name];
    if (poolNames.has(pool.name))
      checks.problem(path, `pool ${pool.name} is listed twice`, 'give each pool its own name');
    poolNames.add(pool.name);
    if ((pool.min ?? 0) > (pool.max ?? Number.POSITIVE_INFINITY))
      checks.problem([...path, 'min'], 'more than max', 'lower min, or raise max');
    instance(path, pool.instance);
    amountsOf(path, pool, types, checks);
    for (let i = 1; i <= pool.count; i += 1) names.add(`${pool.name}-${i}`);
  }
  for (const node of nodes) {
    const path = ['kubernetes', 'nodes', node.name];
    if (names.has(node.name))
      checks.problem(path, `node ${node.name} is listed twice`, 'give each node its own name');
    names.add(node.name);
    instance(path, node.instance);
    if (node.pool !== undefined && !poolNames.has(node.pool))
      checks.problem(
        [...path, 'pool'],
        `there is no node pool ${node.pool}`,
        poolNames.size === 0
          ? 'list it under kubernetes.nodePools'
          : `write one of ${[...poolNames].slice(0, 12).join(', ')}`,
      );
    amountsOf(path, node, types, checks);
  }
}

function amountsOf(
  path: readonly (string | number)[],
  node: NodePoolSettings | NodeSettings,
  types: HardwareSettings['instanceTypes'] | undefined,
  checks: Checks,
): void {
  const type = types?.find((t) => t.name === node.instance);
  if (type === undefined) return;
  const capacity = node.capacity?.memory ?? type.memory;
  if (capacity > type.memory)
    checks.problem(
      [...path, 'capacity', 'memory'],
      `more memory than ${node.instance} has`,
      'write what the kubelet reports, or another instance type',
    );
  const reserved = (node.kubeReserved?.memory ?? 0) + (node.systemReserved?.memory ?? 0);
  if (reserved + (node.evictionHard?.memoryAvailable ?? 100 * Mi) >= capacity)
    checks.problem(
      [
        ...path,
        node.kubeReserved !== undefined
          ? 'kubeReserved'
          : node.systemReserved !== undefined
            ? 'systemReserved'
            : 'capacity',
      ],
      'reserved memory and the eviction threshold leave nothing to allocate',
      'lower what is reserved',
    );
  const cores = node.capacity?.cpu ?? type.cores;
  if ((node.kubeReserved?.cpu ?? 0) + (node.systemReserved?.cpu ?? 0) >= cores)
    checks.problem(
      [
        ...path,
        node.kubeReserved?.cpu !== undefined
          ? 'kubeReserved'
          : node.systemReserved?.cpu !== undefined
            ? 'systemReserved'
            : 'capacity',
      ],
      'reserved CPU leaves nothing to allocate',
      'lower what is reserved',
    );
  if (!('background' in node) || node.background === undefined) {
    if ((node.systemMemory ?? 0) > capacity)
      checks.problem([...path, 'systemMemory'], 'more memory than the node has', 'lower it');
    return;
  }
  let before = -1;
  node.background.forEach((point, i) => {
    if (point.at <= before)
      checks.problem(
        [...path, 'background', i, 'at'],
        'is not after the point before it',
        'list the points in the order of time',
      );
    before = point.at;
    if (point.bytes + (node.systemMemory ?? 0) > capacity)
      checks.problem(
        [...path, 'background', i, 'bytes'],
        'is more memory than the node has beside systemMemory',
        'write what is used by all that is not simulated as a container',
      );
  });
}
