import { z } from 'zod';
import { kubernetesCatalogue, kubernetesLabels } from '../../models/kubernetes/catalogue.ts';
import { type CronSchedule, parseCron } from '../../models/kubernetes/controllers/cronJob.ts';
import { Platform } from '../../models/kubernetes/platform.ts';
import { Pods } from '../../models/kubernetes/pod.ts';
import { connectKubernetesToKafka } from '../connections/kubernetesToKafka.ts';
import { checkKubelet, kubeletModel, kubeletSettings } from '../kubeletSettings.ts';
import { kubernetesActions } from '../kubernetesActions.ts';
import {
  allNodes,
  checkNodes,
  nodePoolSettings,
  nodeSettings,
  nodeSpec,
  pooledNode,
} from '../nodeSettings.ts';
import type { Part } from '../part.ts';
import { q } from '../quantity.ts';
import {
  autoscalerModel,
  autoscalerSettings,
  nodeLifecycleModel,
  nodeLifecycleSettings,
  schedulerModel,
  schedulerSettings,
} from '../schedulerSettings.ts';
import {
  budgetOf,
  budgetSettings,
  checkBudgets,
  checkWorkloads,
  daemonSetOf,
  deploymentOf,
  jobOf,
  statefulSetOf,
  type WorkloadSettings,
  workloadSettings,
} from '../workloadSettings.ts';
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
  podDisruptionBudgets: z.array(budgetSettings).max(20_000).optional(),
  clusterAutoscaler: autoscalerSettings.optional(),
  nodeLifecycle: nodeLifecycleSettings.optional(),
});
export type KubernetesSettings = z.output<typeof settings>;

function startWorkload(platform: Platform, w: WorkloadSettings, nodes: number, warmUp: number): void {
  if (w.kind === 'Deployment') platform.startDeployment(deploymentOf(w, warmUp), w.startsOn ?? []);
  else if (w.kind === 'StatefulSet') platform.startStatefulSet(statefulSetOf(w, warmUp), w.startsOn ?? []);
  else if (w.kind === 'DaemonSet') platform.startDaemonSet(daemonSetOf(w, nodes, warmUp));
  else if (w.kind === 'Job') {
    if (w.suspend !== true) platform.startJob(jobOf(w, warmUp));
  } else
    platform.addCronJob({
      schedule: parseCron(w.schedule ?? '') as CronSchedule,
      concurrencyPolicy: w.concurrencyPolicy ?? 'Allow',
      job: jobOf(w, warmUp),
    });
}

export const kubernetesPart: Part<KubernetesSettings, Platform> = {
  name: 'kubernetes',
  says: 'nodes and pods: memory and its ends, restarts, scheduling, workloads and their controllers',
  needed: true,
  settings,
  check: (s, checks) => {
    checkNodes(s.nodes, s.nodePools, checks);
    checkKubelet(s.kubelet, checks);
    checkBudgets(s.podDisruptionBudgets ?? [], s.workloads ?? [], checks);
    const hardware = checks.settings<HardwareSettings>('hardware');
    const known = hardware?.instanceTypes ?? [];
    // Also the first node of a pool that is empty now: an autoscaler may fill it.
    const all = [
      ...allNodes(s.nodes, s.nodePools),
      ...(s.nodePools ?? []).map((p) => pooledNode(p, 1)),
    ].filter((n) => known.some((t) => t.name === n.instance));
    if (hardware !== undefined)
      checkWorkloads(
        s.workloads ?? [],
        all.map((n) => nodeSpec(n, hardware, 0)),
        checks,
      );
    if (s.clusterAutoscaler !== undefined && !(s.nodePools ?? []).some((p) => p.max !== undefined))
      checks.problem(
        ['kubernetes', 'clusterAutoscaler'],
        'there is no pool that it may change',
        'give a pool of kubernetes.nodePools its max',
      );
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
        budgets: (s.podDisruptionBudgets ?? []).map(budgetOf),
        disruptions: nodeLifecycleModel(s.nodeLifecycle),
        autoscaler: s.clusterAutoscaler === undefined ? undefined : autoscalerModel(s.clusterAutoscaler),
        pools: (s.nodePools ?? []).flatMap((pool) =>
          pool.max === undefined
            ? []
            : [
                {
                  name: pool.name,
                  min: pool.min ?? 0,
                  max: pool.max,
                  priority: pool.priority ?? 0,
                  node: (i: number) => nodeSpec(pooledNode(pool, i), hardware, 0),
                },
              ],
        ),
        epoch: context.from - context.warmUp,
      },
    );
    // Brokers stand where they are before anything else is placed: their requests count.
    for (const { node: name } of kafka?.brokers ?? []) {
      const node = platform.cluster.node(name);
      if (node === undefined) continue;
      node.requestedMemoryBytes += strimzi?.resources?.memoryLimit ?? 0;
      node.requestedCpuMillis += (strimzi?.resources?.cpuRequest ?? 0) * 1000;
    }
    for (const w of s.workloads ?? [])
      startWorkload(platform, w, allNodes(s.nodes, s.nodePools).length, context.warmUp);
    return platform;
  },
  actions: kubernetesActions as never,
  catalogue: kubernetesCatalogue,
  labels: (platform, name) => kubernetesLabels(platform, name),
};
