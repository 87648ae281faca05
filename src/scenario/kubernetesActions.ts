import { z } from 'zod';
import { Platform, type Workload } from '../models/kubernetes/platform.ts';
import type { Checks } from './checks.ts';
import { allNodes } from './nodeSettings.ts';
import type { KubernetesSettings } from './parts/kubernetes.ts';
import { q } from './quantity.ts';
import { resources } from './resources.ts';
import { checkResources, jobOf, type WorkloadSettings } from './workloadSettings.ts';

type At = readonly (string | number)[];

const workload = {
  workload: z.string().min(1),
  namespace: z.string().min(1).optional(),
};
const amounts = z.strictObject({ memory: q.bytes({ min: 0 }).optional(), cpu: q.cpu({ min: 0 }).optional() });

/** Above 0 until every pod that a deployment wants is available. */
const podsMissing = ['kube_deployment_status_replicas_unavailable'];

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
const ofWorkload = z.strictObject(workload);
const deletePods = z.strictObject({
  ...workload,
  count: q.count({ min: 1 }).optional().meta({ description: 'absent: all' }),
});
const hang = z.strictObject({ ...workload, for: q.duration({ min: 1 }) });
const onNode = z.strictObject({ node: z.string().min(1) });
const loseNode = z.strictObject({
  node: z.string().min(1),
  for: q.duration({ min: 1 }).optional().meta({ description: 'until it is back; absent: for good' }),
});
const replaceNode = z.strictObject({
  node: z.string().min(1),
  surge: z.boolean().optional().meta({ description: 'whether the new node comes first' }),
});
const interruptSpot = z.strictObject({
  node: z.string().min(1),
  notice: q
    .duration({ min: 0 })
    .optional()
    .meta({ description: 'two minutes where nothing is said, as on EC2' }),
});

type Named = { readonly workload: string; readonly namespace?: string | undefined };

function settingsOf(checks: Checks): KubernetesSettings | undefined {
  return checks.settings<KubernetesSettings>('kubernetes');
}

function workloadOf(
  args: Named,
  checks: Checks,
  at: At,
  kinds: readonly WorkloadSettings['kind'][] = ['Deployment', 'StatefulSet', 'DaemonSet'],
): WorkloadSettings | undefined {
  const workloads = (settingsOf(checks)?.workloads ?? []).filter((w) => kinds.includes(w.kind));
  const found = workloads.find(
    (w) =>
      w.name === args.workload &&
      (args.namespace === undefined || (w.namespace ?? 'default') === args.namespace),
  );
  if (found === undefined && settingsOf(checks) !== undefined)
    checks.problem(
      [...at, 'workload'],
      `there is no ${kinds.join(' or ')} ${args.workload}${args.namespace === undefined ? '' : ` in ${args.namespace}`}`,
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
    `there is no node ${args.node} at the start`,
    `write one of ${nodes
      .map((n) => n.name)
      .slice(0, 12)
      .join(', ')}`,
  );
}

const carriers = (args: { readonly node: string }, checks: Checks, at: At) => {
  checkNode(args, checks, at);
  const kafka = checks.settings<{ readonly brokers: readonly { readonly node: string }[] }>('kafka');
  if (kafka?.brokers.some((b) => b.node === args.node) === true)
    checks.problem(
      [...at, 'node'],
      `a broker runs on ${args.node}`,
      'write faults.node or operations.rollingRestart: brokers stay on their nodes here',
    );
};

const millis = (cores: number | undefined) =>
  cores === undefined ? {} : { cpuMillis: Math.round(cores * 1000) };
const bytes = (memory: number | undefined) => (memory === undefined ? {} : { memoryBytes: memory });

type Played = { readonly settings: Readonly<Record<string, unknown>>; readonly warmUp: number };

/** Plays on the workload that the arguments name. */
function on<Args extends Named>(play: (workload: Workload, args: Args, platform: Platform) => void) {
  return (platform: Platform, args: Args) =>
    play(platform.workload(args.workload, args.namespace)!, args, platform);
}

/** Plays on a node, unless it has gone meanwhile. */
function onThe<Args extends { readonly node: string }>(
  play: (platform: Platform, node: NonNullable<ReturnType<Platform['cluster']['node']>>, args: Args) => void,
) {
  return (platform: Platform, args: Args) => {
    const node = platform.cluster.node(args.node);
    if (node !== undefined) play(platform, node, args);
  };
}

function checkNamed(args: Named, checks: Checks, at: At): void {
  workloadOf(args, checks, at);
}

export const kubernetesActions = {
  setResources: {
    says: 'changes requests and limits in the template of a workload, which rolls out',
    on: (args: { readonly workload: string }) => resources('workload', [args.workload]),
    undo: {
      can: 'yes',
      how: 'set the old requests and limits: the workload rolls out once more, which takes as long',
    },
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
    play: on<z.output<typeof setResources>>((found, args, { cluster }) => {
      cluster.sim.tell('kubernetes.resourcesSet', found.name);
      found.setTemplate(
        Platform.withResources(found.template(), args.container, {
          requests: { ...bytes(args.requests?.memory), ...millis(args.requests?.cpu) },
          limits: { ...bytes(args.limits?.memory), ...millis(args.limits?.cpu) },
        }),
      );
    }),
  },
  scale: {
    says: 'sets the number of replicas of a workload',
    on: (args: { readonly workload: string }) => resources('workload', [args.workload]),
    undo: { can: 'yes', how: 'set the old number of replicas' },
    busy: podsMissing,
    args: scale,
    check: (args: z.output<typeof scale>, checks: Checks, at: At) => {
      workloadOf(args, checks, at, ['Deployment', 'StatefulSet']);
    },
    play: on<z.output<typeof scale>>((found, args, { cluster }) => {
      cluster.sim.tell('kubernetes.scaled', found.name, `${args.replicas}`);
      found.scale?.(args.replicas);
    }),
  },
  rolloutRestart: {
    says: 'makes all pods of a workload again, as kubectl rollout restart does',
    on: (args: { readonly workload: string }) => resources('workload', [args.workload]),
    undo: { can: 'no', how: 'the old pods are gone; the new ones are made from the same template' },
    args: ofWorkload,
    check: checkNamed,
    play: on<Named>((found, _, { cluster }) => {
      cluster.sim.tell('kubernetes.rolloutRestarted', found.name);
      found.setTemplate(found.template());
    }),
  },
  deletePods: {
    says: 'deletes pods of a workload, the oldest first; its controller makes others',
    on: (args: { readonly workload: string }) => resources('workload', [args.workload]),
    undo: { can: 'no', how: 'the pods are gone; their controller makes others' },
    busy: podsMissing,
    args: deletePods,
    check: checkNamed,
    play: on<z.output<typeof deletePods>>((found, args, { cluster }) => {
      for (const pod of found.pods().slice(0, args.count)) cluster.deletePod(pod);
    }),
  },
  hang: {
    says: 'makes the processes of a workload hang: probes find out',
    on: (args: { readonly workload: string }) => resources('workload', [args.workload]),
    undo: { can: 'no', how: 'a process that hangs is ended by its probe or by hand' },
    args: hang,
    check: checkNamed,
    play: on<z.output<typeof hang>>((found, args, platform) => {
      platform.cluster.sim.tell('kubernetes.hangs', found.name);
      for (const pod of found.pods())
        for (const container of pod.containers) platform.kubelet.hang(container, args.for);
    }),
  },
  startJob: {
    says: 'creates a Job that is suspended, or one from a CronJob',
    on: (args: { readonly workload: string }) => resources('workload', [args.workload]),
    undo: { can: 'partly', how: 'delete the Job; what it has written stays' },
    args: ofWorkload,
    check: (args: Named, checks: Checks, at: At) => {
      workloadOf(args, checks, at, ['Job', 'CronJob']);
    },
    play: (platform: Platform, args: Named, { settings, warmUp }: Played) => {
      const { workloads } = settings.kubernetes as KubernetesSettings;
      const named = (workloads ?? []).find(
        (w) =>
          w.name === args.workload &&
          (args.namespace === undefined || (w.namespace ?? 'default') === args.namespace),
      )!;
      if (named.kind === 'Job') platform.startJob(jobOf(named, warmUp));
      else platform.cronJobs.start(platform.cronJobs.all.findIndex((c) => c.spec.job.name === named.name));
    },
  },
  cordon: {
    says: 'marks a node as unschedulable',
    on: (args: { readonly node: string }) => resources('node', [args.node]),
    undo: { can: 'yes', how: 'uncordon the node' },
    args: onNode,
    check: checkNode,
    play: onThe(({ disruptions }, node) => disruptions.setCordoned(node, true)),
  },
  uncordon: {
    says: 'lets pods be placed on a node again',
    on: (args: { readonly node: string }) => resources('node', [args.node]),
    undo: { can: 'yes', how: 'cordon the node; pods that came to it stay' },
    args: onNode,
    check: checkNode,
    play: onThe(({ disruptions }, node) => disruptions.setCordoned(node, false)),
  },
  drain: {
    says: 'cordons a node and evicts its pods, as far as disruption budgets allow, but those of daemon sets',
    on: (args: { readonly node: string }) => resources('node', [args.node]),
    undo: { can: 'partly', how: 'uncordon the node; pods that have moved stay where they are' },
    busy: podsMissing,
    args: onNode,
    check: carriers,
    play: onThe(({ disruptions }, node) => disruptions.drain(node)),
  },
  replaceNode: {
    says: 'drains a node and puts a new one in its place, as an upgrade of a node pool does',
    on: (args: { readonly node: string }) => resources('node', [args.node]),
    undo: { can: 'no', how: 'the old machine is gone, with its local disks' },
    busy: podsMissing,
    args: replaceNode,
    check: carriers,
    play: onThe<z.output<typeof replaceNode>>(({ disruptions }, node, args) =>
      disruptions.replaceNode(node, args.surge ?? false),
    ),
  },
  loseNode: {
    says: 'loses a machine at once',
    on: (args: { readonly node: string }) => resources('node', [args.node]),
    undo: { can: 'no', how: 'a machine is not brought back by hand' },
    busy: podsMissing,
    args: loseNode,
    check: carriers,
    play: onThe<z.output<typeof loseNode>>((platform, node, args) => {
      platform.disruptions.loseNode(node);
      if (args.for !== undefined) platform.disruptions.returnAfter(node, args.for);
    }),
  },
  removeNode: {
    says: 'deletes a node and its machine, without a drain',
    on: (args: { readonly node: string }) => resources('node', [args.node]),
    undo: { can: 'no', how: 'the machine is gone, with its local disks; add another' },
    busy: podsMissing,
    args: onNode,
    check: carriers,
    play: onThe(({ disruptions }, node) => disruptions.removeNode(node)),
  },
  interruptSpot: {
    says: 'takes a spot machine back: drained at the notice, gone at its end',
    on: (args: { readonly node: string }) => resources('node', [args.node]),
    undo: { can: 'no', how: 'the machine goes back to its owner; add another' },
    busy: podsMissing,
    args: interruptSpot,
    check: carriers,
    play: onThe<z.output<typeof interruptSpot>>(({ disruptions }, node, args) =>
      disruptions.interruptSpot(node, args.notice ?? 120_000_000),
    ),
  },
};
