import type { EventKind, Metric, Risk } from '../../engine/catalogue.ts';

const container = ['namespace', 'pod', 'container', 'node'] as const;
const cadvisor = 'cAdvisor, prometheus.go';
const nodeExporter = 'node_exporter, meminfo collector';

/** Memory and CPU of containers and nodes, under the names of cAdvisor, the kubelet and node_exporter. */
export const containerMetrics: readonly Metric[] = [
  {
    name: 'container_memory_rss',
    type: 'gauge',
    unit: 'B',
    labels: container,
    help: 'Anonymous memory of the container.',
    source: cadvisor,
  },
  {
    name: 'container_memory_cache',
    type: 'gauge',
    unit: 'B',
    labels: container,
    help: 'Page cache that is charged to the container.',
    source: cadvisor,
  },
  {
    name: 'container_memory_usage_bytes',
    type: 'gauge',
    unit: 'B',
    labels: container,
    help: 'Memory that is charged to the container: anonymous memory and page cache.',
    source: cadvisor,
  },
  {
    name: 'container_memory_working_set_bytes',
    type: 'gauge',
    unit: 'B',
    labels: container,
    help: 'Usage without the inactive part of the page cache.',
    source: cadvisor,
  },
  {
    name: 'container_spec_memory_limit_bytes',
    type: 'gauge',
    unit: 'B',
    labels: container,
    help: 'Memory limit; 0 without one.',
    source: cadvisor,
  },
  {
    name: 'container_oom_events_total',
    type: 'counter',
    unit: '',
    labels: container,
    help: 'Kills for lack of memory in the container.',
    source: cadvisor,
  },
  {
    name: 'container_cpu_usage_seconds_total',
    type: 'counter',
    unit: 's',
    labels: container,
    help: 'CPU time that the container used.',
    source: cadvisor,
  },
  {
    name: 'container_cpu_cfs_periods_total',
    type: 'counter',
    unit: '',
    labels: container,
    help: 'Enforcement periods of the CPU limit while the container had work.',
    source: cadvisor,
  },
  {
    name: 'container_cpu_cfs_throttled_periods_total',
    type: 'counter',
    unit: '',
    labels: container,
    help: 'Enforcement periods in which the container was throttled.',
    source: cadvisor,
  },
  {
    name: 'container_cpu_cfs_throttled_seconds_total',
    type: 'counter',
    unit: 's',
    labels: container,
    help: 'Time for which the threads of the container were throttled.',
    source: cadvisor,
  },
  {
    name: 'node_memory_MemTotal_bytes',
    type: 'gauge',
    unit: 'B',
    labels: ['node'],
    help: 'Memory of the node.',
    source: nodeExporter,
  },
  {
    name: 'node_memory_MemAvailable_bytes',
    type: 'gauge',
    unit: 'B',
    labels: ['node'],
    help: 'Memory that is free or could be reclaimed.',
    source: `${nodeExporter}; Linux si_mem_available, without the watermarks`,
  },
  {
    name: 'node_memory_MemFree_bytes',
    type: 'gauge',
    unit: 'B',
    labels: ['node'],
    help: 'Memory that nobody uses.',
    source: nodeExporter,
  },
  {
    name: 'node_memory_Cached_bytes',
    type: 'gauge',
    unit: 'B',
    labels: ['node'],
    help: 'Page cache of the containers.',
    source: nodeExporter,
  },
  {
    name: 'node_vmstat_oom_kill',
    type: 'counter',
    unit: '',
    labels: ['node'],
    help: 'Kills for lack of memory on the node.',
    source: 'node_exporter, vmstat collector',
  },
  {
    name: 'kubelet_evictions',
    type: 'counter',
    unit: '',
    labels: ['node'],
    help: 'Pods that the kubelet evicted for memory.',
    source: 'pkg/kubelet/metrics, kubelet_evictions with eviction_signal="memory.available"',
  },
  {
    name: 'rehearse:node_memory_available_bytes',
    type: 'gauge',
    unit: 'B',
    labels: ['node'],
    help: 'What the kubelet takes for memory.available: capacity without the working set of the node, or of all pods against what they may have.',
    source: 'pkg/kubelet/eviction/helpers.go, memory.available and allocatableMemory.available',
  },
];

export const containerEvents: readonly EventKind[] = [
  { name: 'kubernetes.containerStarted', lane: '{subject}', says: 'container {subject} starts {detail}' },
  { name: 'kubernetes.oomKilled', lane: '{subject}', says: '{subject} is OOMKilled at {detail}' },
  {
    name: 'kubernetes.processKilled',
    lane: '{subject}',
    says: 'the process beside the entrypoint of {subject} is killed at {detail}',
  },
  {
    name: 'kubernetes.systemOom',
    lane: '{subject}',
    says: 'SystemOOM on {subject}: the kernel kills {detail}',
  },
  { name: 'kubernetes.evicted', lane: '{subject}', says: '{subject} is evicted from {detail} for memory' },
  { name: 'kubernetes.backOff', lane: '{subject}', says: '{subject} waits in CrashLoopBackOff for {detail}' },
  {
    name: 'kubernetes.livenessFailed',
    lane: '{subject}',
    says: 'the liveness probe of {subject} has failed',
  },
  { name: 'kubernetes.podNotReady', lane: '{subject}', says: 'pod {subject} is not ready' },
  { name: 'kubernetes.memoryPressure', lane: '{subject}', says: 'MemoryPressure of {subject} is {detail}' },
];

export const containerRisks: readonly Risk[] = [
  {
    name: 'oomKills',
    unit: '',
    says: 'kills for lack of memory',
    that: 'sum(node_vmstat_oom_kill)',
    limit: 0,
  },
  {
    name: 'evictions',
    unit: '',
    says: 'pods evicted for memory',
    that: 'sum(kubelet_evictions)',
    limit: 0,
  },
];
