/**
 * `node bench/kubernetes.ts`: a day of 36 nodes and 498 pods under 50 rules, and an hour of up to 5,000 nodes and 150,000 pods with rollouts, lost nodes and
 * leaking containers, as the verb plays them. Each line says what was simulated.
 */
import { cpus } from 'node:os';
import { digest, readerBelow, rootOf } from '../src/cli/files.ts';
import { runScenario } from '../src/experiment/run.ts';
import { build } from '../src/scenario/build.ts';
import { loadScenario } from '../src/scenario/load.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { renderProblems } from '../src/scenario/problems.ts';

const root = rootOf(import.meta.filename);
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);

function load(given: unknown) {
  const below = readerBelow(root);
  const text = JSON.stringify(given);
  const loaded = loadScenario('bench.yaml', (p) => (p === 'bench.yaml' ? text : below(p)), parts);
  if (loaded.scenario === undefined) throw new Error(renderProblems(loaded.problems, loaded.texts));
  return loaded.scenario;
}

/** Deployments of up to 30 pods; one container in twenty leaks into its limit about once an hour. */
function workloads(pods: number) {
  const count = Math.ceil(pods / 30);
  return Array.from({ length: count }, (_, i) => ({
    name: `w${i}`,
    kind: 'Deployment',
    replicas: i + 1 < count ? 30 : pods - 30 * (count - 1),
    template: {
      labels: { app: `w${i}` },
      containers: [
        {
          name: 'c',
          resources: {
            requests: { memory: '512Mi', cpu: '100m' },
            limits: { memory: '1Gi', cpu: '1 cores' },
          },
          memory: { process: { base: '256MiB', ...(i % 20 === 7 ? { leak: '0.2MiB/s' } : {}) } },
          cpu: '200m',
          start: '5s',
          readinessProbe: { period: '10s' },
        },
      ],
    },
  }));
}

function cluster(nodes: number, pods: number, to: string, timeline: readonly unknown[], more: object = {}) {
  return {
    rehearse: 1,
    title: 'bench',
    extends: ['models/hardware/aws-ec2.yaml', 'models/kubernetes/kubernetes-1.30.yaml'],
    from: '2025-01-01T00:00:00Z',
    to,
    kubernetes: {
      nodes: Array.from({ length: nodes }, (_, i) => ({
        name: `n${i}`,
        instance: 'm6i.4xlarge',
        zone: `z${i % 3}`,
      })),
      workloads: workloads(pods),
    },
    timeline,
    ...more,
  };
}

/** Fifty rules as the Kubernetes mixin has them, over states and over memory that moves. */
const expressions = [
  'max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[5m]) >= 1',
  'sum by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Unknown|Failed"}) > 0',
  'kube_deployment_spec_replicas != kube_deployment_status_replicas_available',
  'kube_node_status_condition{condition="Ready",status="true"} == 0',
  'kube_pod_container_status_ready == 0',
  'increase(kube_pod_container_status_restarts_total[15m]) > 0',
  'container_memory_working_set_bytes / container_spec_memory_limit_bytes > 0.95',
  'sum by (node) (container_memory_working_set_bytes) > 60e9',
  'node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.08',
  'kube_pod_container_status_last_terminated_reason{reason="OOMKilled"} == 1',
];
const monitoring = {
  scrapeInterval: '15s',
  evaluationInterval: '30s',
  groups: Array.from({ length: 10 }, (_, g) => ({
    name: `g${g}`,
    rules: Array.from({ length: 5 }, (_, r) => ({
      alert: `R${g}x${r}`,
      expr: expressions[(g * 5 + r) % 10]!,
      for: '2m',
    })),
  })),
};

const seconds = (before: NodeJS.CpuUsage) => {
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1e6;
};
const spread = (values: number[]) => {
  values.sort((a, b) => a - b);
  return `${values[0]!.toFixed(2)} to ${values[values.length - 1]!.toFixed(2)} s`;
};

{
  const scenario = load(
    cluster(36, 498, '+24h', [{ at: '+6h', id: 'r', do: 'kubernetes.rolloutRestart', workload: 'w3' }], {
      monitoring,
    }),
  );
  const times: number[] = [];
  let said = '';
  for (let i = 0; i < 4; i += 1) {
    const before = process.cpuUsage();
    const result = runScenario(scenario, { version: 'bench', digest, seeds: 1 });
    if (i > 0) times.push(seconds(before));
    const read = new Set(
      expressions.flatMap((e) => [...e.matchAll(/(?:kube|container|node)_\w+/g)].map((m) => m[0])),
    );
    const series = [...read].reduce((sum, name) => sum + result.series.of(name).length, 0);
    const spells = result.alerts!.spells.filter((s) => s.firedAt !== null).length;
    said = `${series} series that rules read, 50 rules each 30 s, ${result.eventCount} events, ${spells} times that an alert fired`;
  }
  console.log(`24 h, 36 nodes, 498 pods with the whole result recorded: ${spread(times)} CPU; ${said}`);
}

const sizes: [number, number][] = [];
for (const [nodes, pods] of [
  [500, 15_000],
  [1_600, 48_000],
  [5_000, 150_000],
] as const) {
  const timeline = [
    ...Array.from({ length: nodes / 100 }, (_, i) => ({
      at: `+${600 + i * 10}s`,
      id: `lost-${i}`,
      do: 'kubernetes.loseNode',
      node: `n${i * 100}`,
    })),
    ...Array.from({ length: Math.ceil(pods / 3_000) }, (_, i) => ({
      at: `+${1200 + i * 5}s`,
      id: `roll-${i}`,
      do: 'kubernetes.rolloutRestart',
      workload: `w${i * 50}`,
    })),
  ];
  const loading = process.cpuUsage();
  const scenario = load(cluster(nodes, pods, '+1h', timeline));
  const loaded = seconds(loading);
  const times: number[] = [];
  let events = 0;
  for (let i = 0; i < 3; i += 1) {
    const before = process.cpuUsage();
    const built = build(scenario, { seed: '1' });
    built.sim.run(built.until);
    times.push(seconds(before));
    events = built.sim.eventCount;
  }
  const memory = process.memoryUsage().rss / 1024 / 1024;
  sizes.push([pods, Math.min(...times)]);
  console.log(
    `1 h, ${nodes} nodes, ${pods} pods, 1 % of nodes lost, 1 % of pods rolled, leaks: ${spread(times)} CPU, ${events} events, ${Math.round(memory)} MiB; reading and checking the file ${loaded.toFixed(1)} s`,
  );
}
const [first, , last] = sizes;
console.log(
  `growth exponent in pods ${(Math.log(last![1] / first![1]) / Math.log(last![0] / first![0])).toFixed(2)}`,
);
