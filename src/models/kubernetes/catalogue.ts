import type { Catalogue } from '../../engine/catalogue.ts';

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
  ],
  events: [
    { name: 'kubernetes.podDeleted', lane: '{subject}', says: 'pod {subject} is deleted' },
    { name: 'kubernetes.podReady', lane: '{subject}', says: 'pod {subject} is ready' },
    {
      name: 'kubernetes.containerKilled',
      lane: '{subject}',
      says: 'the container of {subject} is killed: {detail}',
    },
  ],
  risks: [
    {
      name: 'containersKilled',
      unit: '',
      says: 'containers killed',
      that: 'sum(rehearse:containers_killed_total)',
      limit: 0,
    },
  ],
  panels: [],
};
