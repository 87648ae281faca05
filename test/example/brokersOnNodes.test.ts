import { expect, test } from 'vitest';
import { run } from '../support/files.ts';
import { leafFiles, smallScenario } from '../support/leafCases.ts';

type Tree = { [key: string]: unknown };
const GiB = 1024 ** 3;

const machine = (memory: string) => ({
  name: 'machine',
  cores: 16,
  memory,
  network: { baseline: '10Gbit/s', burst: '10Gbit/s', burstFor: '10m' },
  disk: { read: '1GB/s', write: '1GB/s' },
  price: '$1/h',
});

/** Brokers with 6 GiB of heap in containers of 12 GiB, and what else runs beside broker 0. */
function played(workloads: readonly Tree[], timeline: readonly Tree[], system = '0Gi') {
  const small = smallScenario as Tree & { kafka: Tree };
  const scenario = {
    ...small,
    extends: [...(small.extends as string[]), 'models/jvm/kafka-jvm.yaml'],
    to: '+10m',
    kafka: { ...small.kafka, brokers: (small.kafka.brokers as Tree[]).map(({ pageCache: _, ...b }) => b) },
    hardware: { instanceTypes: [machine('32Gi')] },
    kubernetes: {
      nodes: [0, 1, 2, 3, 4].map((i) => ({
        name: `n${i}`,
        instance: 'machine',
        zone: 'a',
        systemMemory: i === 0 ? system : '0Gi',
      })),
      workloads,
    },
    strimzi: {
      cluster: 'a',
      jvm: { heap: '6Gi' },
      resources: { memoryLimit: '12Gi', cpuRequest: '2 cores' },
    },
    jvm: { offHeap: { fixed: '720MiB', heapShare: '0%' } },
    timeline,
  };
  return run('b.yaml', { verify: true }, { ...leafFiles, 'b.yaml': JSON.stringify(scenario) });
}

const at = (result: ReturnType<typeof played>, name: string, labels: Tree, seconds: number) => {
  const series = result.series
    .of(name)
    .find((s) => Object.entries(labels).every(([l, v]) => s.labels[l] === v))!;
  let value = Number.NaN;
  for (let i = 0; i < series.length; i += 1) if (series.times[i]! <= seconds * 1e6) value = series.values[i]!;
  return value;
};

const eater = (more: Tree): Tree => ({
  name: 'eater',
  kind: 'Deployment',
  replicas: 1,
  startsOn: ['n0'],
  template: {
    containers: [
      {
        name: 'c',
        resources: {
          requests: { memory: '18Gi', cpu: '1 cores' },
          limits: { memory: '18Gi', cpu: '1 cores' },
        },
        memory: { process: { base: '1Gi' } },
        ...more,
      },
    ],
  },
});

test('a broker is memory of its node while its process runs: heap, what stands beside it, and page cache up to its limit', () => {
  const result = played(
    [],
    [{ at: '+60s', id: 'r', do: 'operations.restart', broker: 0, downTime: '60s', drain: '8s' }],
  );
  const course = (name: string) => result.series.of(name).find((s) => s.labels.node === 'n0')!;
  const values = (name: string) =>
    Array.from({ length: course(name).length }, (_, i) => course(name).values[i]!);
  const jvm = 6 * GiB + 720 * 1024 * 1024;
  const free = values('node_memory_MemFree_bytes');
  const cached = values('node_memory_Cached_bytes');
  expect(Math.max(...free) - Math.min(...free)).toBe(12 * GiB);
  expect([Math.max(...cached), Math.min(...cached)]).toEqual([12 * GiB - jvm, 0]);
  // It is back.
  expect([free.at(-1), cached.at(-1)]).toEqual([Math.min(...free), 12 * GiB - jvm]);
});

test('its request counts where pods are placed', () => {
  const nodesOf = (memory: string) => {
    const container = {
      name: 'c',
      resources: { requests: { memory, cpu: '1 cores' } },
      memory: { process: { base: '1Gi' } },
    };
    const result = played([{ ...eater({}), startsOn: [], template: { containers: [container] } }], []);
    return new Set(
      result.series
        .of('kube_pod_info')
        .map((s) => s.labels.node)
        .filter((n) => n !== ''),
    );
  };
  // Of 32 GiB the broker's 12 leave less than 20.
  expect([nodesOf('16Gi').size, nodesOf('22Gi').size]).toEqual([1, 0]);
});

test('where a node runs out of memory the kernel kills whose badness is highest: a burstable broker before a guaranteed pod', () => {
  const grows = eater({ memory: { process: { base: '10Gi', leak: '2GiB/s' } }, start: '1s' });
  // Of 32 GiB the system has 10 and the broker 6.7: the pod may have 16.
  const result = played([{ ...grows, template: over(grows, '16Gi', '16Gi') }], [], '10Gi');
  const killed = result.told.filter((t) => t.kind === 'kubernetes.containerKilled');
  expect(killed[0]?.detail).toBe('its node is out of memory');
  expect(at(result, 'kafka_server_kafkaserver_brokerstate', { broker: '0' }, 600)).toBe(3);
  const burstable = played([{ ...grows, template: over(grows, '1Gi', '16Gi') }], [], '10Gi');
  expect(burstable.told.filter((t) => t.detail === 'its node is out of memory')).toEqual([]);
  expect(at(burstable, 'node_vmstat_oom_kill', { node: 'n0' }, 600)).toBeGreaterThan(0);
});

/** The pod with another request and limit of memory. */
function over(workload: Tree, request: string, limit: string): Tree {
  const [container] = (workload.template as { containers: Tree[] }).containers;
  return {
    containers: [
      {
        ...container,
        resources: {
          requests: { memory: request, cpu: '1 cores' },
          limits: { memory: limit, cpu: '1 cores' },
        },
      },
    ],
  };
}
