import type { Catalogue } from '../../engine/catalogue.ts';
import { containerEvents, containerMetrics, containerRisks } from './containerMetrics.ts';
import { nodeCostMetric } from './nodeCosts.ts';
import type { Platform } from './platform.ts';
import { stateMetrics } from './stateMetrics.ts';

export const kubernetesCatalogue: Catalogue = {
  metrics: [
    {
      name: 'kube_pod_status_ready',
      type: 'gauge',
      unit: '',
      labels: ['pod'],
      help: '1 while the pod is ready.',
      source: 'kube-state-metrics, kube_pod_status_ready with condition="true"',
    },
    {
      name: 'rehearse:pod_recreations_total',
      type: 'counter',
      unit: '',
      labels: ['pod'],
      help: 'How often the pod was made again or its container restarted.',
      source: 'ours',
    },
    {
      name: 'rehearse:containers_killed_total',
      type: 'counter',
      unit: '',
      labels: ['pod'],
      help: 'Containers that were killed: SIGKILL at the end of the grace period.',
      source: 'ours',
    },
    ...containerMetrics,
    nodeCostMetric,
    ...stateMetrics,
  ],
  events: [
    { name: 'kubernetes.podDeleted', lane: '{subject}', says: 'pod {subject} is deleted' },
    { name: 'kubernetes.podReady', lane: '{subject}', says: 'pod {subject} is ready' },
    {
      name: 'kubernetes.containerKilled',
      lane: '{subject}',
      says: 'the container of {subject} is killed: {detail}',
    },
    ...containerEvents,
    { name: 'kubernetes.scheduled', lane: '{subject}', says: 'pod {subject} is placed on {detail}' },
    { name: 'kubernetes.failedScheduling', lane: '{subject}', says: 'pod {subject} fits nowhere: {detail}' },
    { name: 'kubernetes.preempted', lane: '{subject}', says: 'pod {subject} has to make room for {detail}' },
    {
      name: 'kubernetes.resourcesSet',
      lane: '{subject}',
      says: '{subject} gets other resources',
      step: true,
    },
    { name: 'kubernetes.scaled', lane: '{subject}', says: '{subject} is scaled to {detail}', step: true },
    { name: 'kubernetes.rolloutRestarted', lane: '{subject}', says: '{subject} is restarted', step: true },
    { name: 'kubernetes.rolledOut', lane: '{subject}', says: '{subject} has rolled out' },
    {
      name: 'kubernetes.progressDeadlineExceeded',
      lane: '{subject}',
      says: 'the rollout of {subject} has not got further within its deadline',
    },
    { name: 'kubernetes.hangs', lane: '{subject}', says: 'the processes of {subject} hang', step: true },
    { name: 'kubernetes.jobStarted', lane: '{subject}', says: 'job {subject} is created' },
    { name: 'kubernetes.jobComplete', lane: '{subject}', says: 'job {subject} is complete' },
    { name: 'kubernetes.jobFailed', lane: '{subject}', says: 'job {subject} has failed: {detail}' },
    {
      name: 'kubernetes.jobSkipped',
      lane: '{subject}',
      says: 'a run of {subject} is skipped: one is under way',
    },
    { name: 'kubernetes.evictedByApi', lane: '{subject}', says: 'pod {subject} is evicted by the API' },
    {
      name: 'kubernetes.taintEviction',
      lane: '{subject}',
      says: 'pod {subject} no longer bears a taint of {detail}',
    },
    { name: 'kubernetes.drainBegins', lane: '{subject}', says: 'the drain of {subject} begins', step: true },
    { name: 'kubernetes.drained', lane: '{subject}', says: 'node {subject} is drained' },
    { name: 'kubernetes.nodeLost', lane: '{subject}', says: 'node {subject} is lost', step: true },
    { name: 'kubernetes.nodeBack', lane: '{subject}', says: 'node {subject} is back' },
    { name: 'kubernetes.nodeUnreachable', lane: '{subject}', says: 'node {subject} is held for lost' },
    { name: 'kubernetes.nodeRemoved', lane: '{subject}', says: 'node {subject} is removed' },
    { name: 'kubernetes.nodeOrdered', lane: '{subject}', says: 'a machine is ordered for {subject}' },
    { name: 'kubernetes.nodeJoined', lane: '{subject}', says: 'node {subject} joins' },
    { name: 'kubernetes.scaledDown', lane: '{subject}', says: 'node {subject} is not needed' },
    {
      name: 'kubernetes.spotNotice',
      lane: '{subject}',
      says: 'the provider will take {subject} back',
      step: true,
    },
    { name: 'kubernetes.cordoned', lane: '{subject}', says: 'node {subject} is {detail}', step: true },
  ],
  risks: [
    {
      name: 'containersKilled',
      unit: '',
      says: 'containers killed',
      that: 'sum(rehearse:containers_killed_total)',
      limit: 0,
    },
    ...containerRisks,
  ],
  panels: [],
};

const ofContainers = new Set(
  containerMetrics.filter((m) => m.labels.includes('container')).map((m) => m.name),
);
const ofState = new Set(stateMetrics.map((m) => m.name));
const ofNodes = new Set(
  [...containerMetrics, nodeCostMetric].filter((m) => m.labels.length === 1).map((m) => m.name),
);

/** The labels of a gauge's rows: pods of brokers, containers, or nodes. */
export function kubernetesLabels(
  platform: Platform,
  metric: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  const { cluster, pods } = platform;
  if (ofState.has(metric)) return platform.stateMetrics.labels(metric);
  if (ofContainers.has(metric))
    return (row) => {
      const { pod, spec } = cluster.containers[row];
      return {
        namespace: pod.namespace,
        pod: pod.name,
        container: spec.name,
        node: pod.node?.spec.name ?? '',
      };
    };
  if (ofNodes.has(metric)) return (row) => ({ node: cluster.nodes[row].spec.name });
  return kubernetesCatalogue.metrics.some((m) => m.name === metric)
    ? (row) => ({ pod: pods.names[row] })
    : undefined;
}
