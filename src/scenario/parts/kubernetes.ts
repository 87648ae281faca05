import { z } from 'zod';
import { kubernetesCatalogue, kubernetesLabels } from '../../models/kubernetes/catalogue.ts';
import { Platform } from '../../models/kubernetes/platform.ts';
import { Pods } from '../../models/kubernetes/pod.ts';
import { connectKubernetesToKafka } from '../connections/kubernetesToKafka.ts';
import { checkKubelet, kubeletModel, kubeletSettings } from '../kubeletSettings.ts';
import { kubernetesActions } from '../kubernetesActions.ts';
import { allNodes, checkNodes, nodePoolSettings, nodeSettings, nodeSpec } from '../nodeSettings.ts';
import type { Part } from '../part.ts';
import { q } from '../quantity.ts';
import { schedulerModel, schedulerSettings } from '../schedulerSettings.ts';
import { checkWorkloads, deploymentOf, workloadSettings } from '../workloadSettings.ts';
import type { HardwareSettings } from './hardware.ts';
import type { KafkaPartSettings } from './kafka.ts';
import type { StrimziSettings } from './strimzi.ts';

const settings = z.strictObject({
  nodes: z.array(nodeSettings).min(1).max(10_000),
  nodePools: z.array(nodePoolSettings).max(1000).optional(),
  pods: z.strictObject({
    terminationGracePeriod: q.duration({ min: 1 }),
    recreate: q.varying.duration(),
    readinessInitialDelay: q.duration({ min: 0 }),
    readinessPeriod: q.duration({ min: 1_000_000 }),
  }),
  kubelet: kubeletSettings.optional(),
  scheduler: schedulerSettings.optional(),
  controllerSync: q
    .duration({ min: 1 })
    .optional()
    .meta({ description: 'from a change to what a controller makes of it; 10 ms where nothing is said' }),
  workloads: z.array(workloadSettings).max(20_000).optional(),
});
export type KubernetesSettings = z.output<typeof settings>;

export const kubernetesPart: Part<KubernetesSettings, Platform> = {
  name: 'kubernetes',
  says: 'nodes and pods: memory and its ends, restarts, scheduling, workloads and their controllers',
  needed: true,
  settings,
  check: (s, checks) => {
    checkNodes(s.nodes, s.nodePools, checks);
    checkKubelet(s.kubelet, checks);
    checkWorkloads(s.workloads ?? [], allNodes(s.nodes, s.nodePools), checks);
  },
  create: (s, context) => {
    const strimzi = context.settings.strimzi as StrimziSettings | undefined;
    const kafka = context.settings.kafka as KafkaPartSettings | undefined;
    const pods = new Pods(
      context.sim,
      (kafka?.brokers ?? []).map((b) => `${strimzi?.cluster}-kafka-${b.id}`),
      {
        gracePeriodMicros: s.pods.terminationGracePeriod,
        recreateMicros: s.pods.recreate,
        readiness: { initialDelayMicros: s.pods.readinessInitialDelay, periodMicros: s.pods.readinessPeriod },
      },
    );
    if (kafka !== undefined) connectKubernetesToKafka(pods, context.models);
    const hardware = context.settings.hardware as HardwareSettings;
    const platform = new Platform(
      context.sim,
      pods,
      allNodes(s.nodes, s.nodePools).map((n) => nodeSpec(n, hardware, context.warmUp)),
      {
        kubelet: kubeletModel(s.kubelet),
        scheduler: schedulerModel(s.scheduler),
        controllerSyncMicros: s.controllerSync ?? 10_000,
      },
    );
    for (const w of s.workloads ?? [])
      platform.startDeployment(deploymentOf(w, context.warmUp), w.startsOn ?? []);
    return platform;
  },
  actions: kubernetesActions as never,
  catalogue: kubernetesCatalogue,
  labels: (platform, name) => kubernetesLabels(platform, name),
};
