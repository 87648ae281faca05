import { z } from 'zod';
import { Platform } from '../models/kubernetes/platform.ts';
import type { Checks } from './checks.ts';
import { allNodes } from './nodeSettings.ts';
import type { KubernetesSettings } from './parts/kubernetes.ts';
import { q } from './quantity.ts';
import { checkResources, type WorkloadSettings } from './workloadSettings.ts';

type At = readonly (string | number)[];

const workload = {
  workload: z.string().min(1),
  namespace: z.string().min(1).optional(),
};
const amounts = z.strictObject({ memory: q.bytes({ min: 0 }).optional(), cpu: q.cpu({ min: 0 }).optional() });

const setResources = z.strictObject({
  ...workload,
  container: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'absent: every container but init containers' }),
  requests: amounts.optional(),
  limits: amounts.optional(),
});
const scale = z.strictObject({ ...workload, replicas: q.count({ min: 0, max: 200_000 }) });
const rolloutRestart = z.strictObject(workload);
const deletePods = z.strictObject({ ...workload, count: q.count({ min: 1 }).optional() });
const onNode = z.strictObject({ node: z.string().min(1) });

function settingsOf(checks: Checks): KubernetesSettings | undefined {
  return checks.settings<KubernetesSettings>('kubernetes');
}

function workloadOf(
  args: { readonly workload: string; readonly namespace?: string | undefined },
  checks: Checks,
  at: At,
): WorkloadSettings | undefined {
  const workloads = settingsOf(checks)?.workloads ?? [];
  const found = workloads.find(
    (w) =>
      w.name === args.workload &&
      (args.namespace === undefined || (w.namespace ?? 'default') === args.namespace),
  );
  if (found === undefined)
    checks.problem(
      [...at, 'workload'],
      `there is no workload ${args.workload}${args.namespace === undefined ? '' : ` in ${args.namespace}`}`,
      workloads.length === 0
        ? 'list it under kubernetes.workloads'
        : `write one of ${workloads
            .map((w) => w.name)
            .slice(0, 12)
            .join(', ')}`,
    );
  return found;
}

function checkNode(args: { readonly node: string }, checks: Checks, at: At): void {
  const settings = settingsOf(checks);
  if (settings === undefined) return;
  const nodes = allNodes(settings.nodes, settings.nodePools);
  if (nodes.some((n) => n.name === args.node)) return;
  checks.problem(
    [...at, 'node'],
    `there is no node ${args.node}`,
    `write one of ${nodes
      .map((n) => n.name)
      .slice(0, 12)
      .join(', ')}`,
  );
}

function deploymentIn(
  platform: Platform,
  args: { readonly workload: string; readonly namespace?: string | undefined },
) {
  return platform.deployments.all.find(
    (d) =>
      d.spec.name === args.workload && (args.namespace === undefined || d.spec.namespace === args.namespace),
  )!;
}

const millis = (cores: number | undefined) =>
  cores === undefined ? {} : { cpuMillis: Math.round(cores * 1000) };
const bytes = (memory: number | undefined) => (memory === undefined ? {} : { memoryBytes: memory });

export const kubernetesActions = {
  setResources: {
    says: 'changes requests and limits in the template of a workload, which rolls out',
    args: setResources,
    check: (args: z.output<typeof setResources>, checks: Checks, at: At) => {
      const found = workloadOf(args, checks, at);
      if (args.requests === undefined && args.limits === undefined)
        checks.problem(at, 'it changes nothing', 'write requests or limits');
      if (found === undefined) return;
      const { container } = args;
      const touched = found.template.containers.filter(
        (c) => container === undefined || c.name === container,
      );
      if (touched.length === 0)
        checks.problem(
          [...at, 'container'],
          `${args.workload} has no container ${container ?? ''}`,
          `write one of ${found.template.containers.map((c) => c.name).join(', ')}`,
        );
      for (const c of touched)
        checkResources(
          at,
          {
            requests: { ...c.resources?.requests, ...args.requests },
            limits: { ...c.resources?.limits, ...args.limits },
          },
          checks,
        );
    },
    play: (platform: Platform, args: z.output<typeof setResources>) => {
      const deployment = deploymentIn(platform, args);
      platform.cluster.sim.tell('kubernetes.resourcesSet', deployment.spec.name);
      platform.deployments.setTemplate(
        deployment,
        Platform.withResources(deployment.spec.template, args.container, {
          requests: { ...bytes(args.requests?.memory), ...millis(args.requests?.cpu) },
          limits: { ...bytes(args.limits?.memory), ...millis(args.limits?.cpu) },
        }),
      );
    },
  },
  scale: {
    says: 'sets the number of replicas of a workload',
    args: scale,
    check: (args: z.output<typeof scale>, checks: Checks, at: At) => {
      workloadOf(args, checks, at);
    },
    play: (platform: Platform, args: z.output<typeof scale>) => {
      const deployment = deploymentIn(platform, args);
      platform.cluster.sim.tell('kubernetes.scaled', deployment.spec.name, `${args.replicas}`);
      platform.deployments.scale(deployment, args.replicas);
    },
  },
  rolloutRestart: {
    says: 'makes all pods of a workload again, as kubectl rollout restart does',
    args: rolloutRestart,
    check: (args: z.output<typeof rolloutRestart>, checks: Checks, at: At) => {
      workloadOf(args, checks, at);
    },
    play: (platform: Platform, args: z.output<typeof rolloutRestart>) => {
      const deployment = deploymentIn(platform, args);
      platform.cluster.sim.tell('kubernetes.rolloutRestarted', deployment.spec.name);
      platform.deployments.setTemplate(deployment, deployment.spec.template);
    },
  },
  deletePods: {
    says: 'deletes pods of a workload, the oldest first; its controller makes others',
    args: deletePods,
    check: (args: z.output<typeof deletePods>, checks: Checks, at: At) => {
      workloadOf(args, checks, at);
    },
    play: (platform: Platform, args: z.output<typeof deletePods>) => {
      const pods = platform.deployments.podsOf(deploymentIn(platform, args));
      for (const pod of pods.slice(0, args.count ?? pods.length)) platform.cluster.deletePod(pod);
    },
  },
  cordon: {
    says: 'marks a node as unschedulable',
    args: onNode,
    check: checkNode,
    play: (platform: Platform, args: z.output<typeof onNode>) => platform.setCordoned(args.node, true),
  },
  uncordon: {
    says: 'lets pods be placed on a node again',
    args: onNode,
    check: checkNode,
    play: (platform: Platform, args: z.output<typeof onNode>) => platform.setCordoned(args.node, false),
  },
};
