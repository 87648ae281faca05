import { z } from 'zod';
import { parseCron } from '../models/kubernetes/controllers/cronJob.ts';
import type { DaemonSetSpec } from '../models/kubernetes/controllers/daemonSet.ts';
import type { CountOrShare, DeploymentSpec } from '../models/kubernetes/controllers/deployment.ts';
import type { JobSpec } from '../models/kubernetes/controllers/job.ts';
import type { StatefulSetSpec } from '../models/kubernetes/controllers/statefulSet.ts';
import type { DisruptionBudget } from '../models/kubernetes/disruptions.ts';
import type {
  ContainerSpec,
  MemorySpec,
  PageCacheSpec,
  PodAffinityTerm,
  PodTemplate,
  Probe,
  Selector,
  Weighted,
} from '../models/kubernetes/objects.ts';
import { allocatable, type NodeSpec, podRequests } from '../models/kubernetes/objects.ts';
import { isTolerated } from '../models/kubernetes/scheduler/filters.ts';
import { matches } from '../models/kubernetes/scheduler/matching.ts';
import type { Checks } from './checks.ts';
import { shifted } from './nodeSettings.ts';
import { q } from './quantity.ts';
import { unique } from './unique.ts';

/** Pods and what makes them, in the words of manifests; amounts are written with units. */

const amounts = z.strictObject({ memory: q.bytes({ min: 0 }).optional(), cpu: q.cpu({ min: 0 }).optional() });

const pageCache = z
  .strictObject({
    demand: q.bytes({ min: 0 }),
    activeShare: q.ratio({ min: 0, max: 1 }).optional(),
    unreclaimableShare: q.ratio({ min: 0, max: 1 }).optional(),
  })
  .optional();

const leak = q.byteRate({ min: 0 }).optional();

/** What a container's memory is made of: one of four descriptions. */
const memory = z
  .strictObject({
    process: z.strictObject({ base: q.bytes({ min: 0 }), leak }).optional(),
    jvm: z
      .strictObject({
        heap: q.bytes({ min: 1 }).meta({ description: '-Xmx' }),
        touched: q.bytes({ min: 0 }).optional().meta({
          description:
            'of the heap at the start; absent: all of it, as with -Xms equal to -Xmx and AlwaysPreTouch',
        }),
        growth: q.byteRate({ min: 0 }).optional().meta({ description: 'of the touched heap, up to -Xmx' }),
        metaspace: q.bytes({ min: 0 }),
        codeCache: q.bytes({ min: 0 }),
        threads: q.count({ min: 0 }),
        stack: q.bytes({ min: 0 }).meta({ description: "touched part of a thread's stack" }),
        direct: q.bytes({ min: 0 }),
        gcShare: q
          .ratio({ min: 0, max: 1 })
          .optional()
          .meta({ description: "the collector's own, of the heap" }),
        leak,
      })
      .optional(),
    recorded: z
      .array(z.strictObject({ at: q.duration({ min: 0 }), bytes: q.bytes({ min: 0 }) }))
      .min(1)
      .max(100_000)
      .optional(),
    job: q.bytes({ min: 0 }).optional().meta({
      description:
        'what the container holds while no batch job runs in it; a job of the part batch adds its own',
    }),
    pageCache,
  })
  .meta({ description: 'process, jvm, recorded or job' });

const probeKeys = {
  initialDelay: q.duration({ min: 0 }).optional(),
  period: q.duration({ min: 1_000_000 }).optional(),
  failureThreshold: q.count({ min: 1 }).optional(),
};
const timeout = q.duration({ min: 1 }).optional();
const startupProbe = z.strictObject(probeKeys).optional();
const livenessProbe = z.strictObject({ ...probeKeys, timeout }).optional();
const readinessProbe = z
  .strictObject({ ...probeKeys, timeout, successThreshold: q.count({ min: 1 }).optional() })
  .optional();

const container = z.strictObject({
  name: z.string().min(1),
  resources: z.strictObject({ requests: amounts.optional(), limits: amounts.optional() }).optional(),
  memory: memory.optional(),
  cpu: q.cpu({ min: 0 }).optional().meta({ description: 'cores that it would use without a limit' }),
  start: q.varying.duration().optional().meta({ description: 'until its process is well' }),
  run: q.varying.duration().optional().meta({ description: 'until it ends by itself; absent: never' }),
  exitCode: q.count({ min: 0, max: 255 }).optional(),
  stop: q.varying.duration().optional().meta({ description: 'from SIGTERM to its end' }),
  readinessProbe,
  livenessProbe,
  startupProbe,
});
const initContainer = container.extend({
  restartPolicy: z.enum(['Always']).optional().meta({ description: 'Always makes it a sidecar' }),
});

const expression = z.strictObject({
  key: z.string().min(1),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
  values: z.array(z.string()).optional(),
});
const labelMap = z.record(z.string(), z.string());
const labelSelector = z.strictObject({
  matchLabels: labelMap.optional(),
  matchExpressions: z.array(expression).optional(),
});
const nodeTerm = z.strictObject({ matchExpressions: z.array(expression).min(1) });
const podTerm = z.strictObject({
  labelSelector,
  namespaces: z.array(z.string()).optional(),
  topologyKey: z.string().min(1),
});
const weight = q.count({ min: 1, max: 100 });
const podTerms = z
  .strictObject({
    requiredDuringSchedulingIgnoredDuringExecution: z.array(podTerm).optional(),
    preferredDuringSchedulingIgnoredDuringExecution: z
      .array(z.strictObject({ weight, podAffinityTerm: podTerm }))
      .optional(),
  })
  .optional();
const affinity = z.strictObject({
  nodeAffinity: z
    .strictObject({
      requiredDuringSchedulingIgnoredDuringExecution: z
        .strictObject({ nodeSelectorTerms: z.array(nodeTerm).min(1) })
        .optional(),
      preferredDuringSchedulingIgnoredDuringExecution: z
        .array(z.strictObject({ weight, preference: nodeTerm }))
        .optional(),
    })
    .optional(),
  podAffinity: podTerms,
  podAntiAffinity: podTerms,
});

const toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  toleration: q.duration({ min: 0 }).optional().meta({ description: 'tolerationSeconds' }),
});

const spread = z.strictObject({
  maxSkew: q.count({ min: 1 }),
  topologyKey: z.string().min(1),
  whenUnsatisfiable: z.enum(['DoNotSchedule', 'ScheduleAnyway']),
  labelSelector,
  minDomains: q.count({ min: 1 }).optional(),
});

export const podTemplate = z.strictObject({
  labels: labelMap.optional(),
  containers: z.array(container).min(1).max(100),
  initContainers: z.array(initContainer).max(100).optional(),
  image: z
    .strictObject({ name: z.string().min(1).optional(), size: q.bytes({ min: 0 }) })
    .optional()
    .meta({ description: 'what a node has to pull where no pod with this image has run' }),
  nodeSelector: labelMap.optional(),
  affinity: affinity.optional(),
  tolerations: z.array(toleration).optional(),
  topologySpreadConstraints: z.array(spread).optional(),
  priority: z
    .strictObject({
      value: q.number({ min: -2_147_483_648, max: 2_000_001_000 }),
      preempts: z.boolean().optional(),
    })
    .optional()
    .meta({ description: 'of the priority class; preempts: false is preemptionPolicy Never' }),
  terminationGracePeriod: q.duration({ min: 0 }).optional(),
});
export type PodTemplateSettings = z.output<typeof podTemplate>;
type ContainerSettings = z.output<typeof container>;

/** Source: apimachinery intstr.IntOrString. */
const countOrShare = z.union([
  z.number().int().min(0),
  z.string().regex(/^(100|[0-9]{1,2})%$/, 'a whole number, or a percentage such as 25%'),
]);

const failurePolicy = z.strictObject({
  failOn: z
    .array(q.count({ min: 1, max: 255 }))
    .optional()
    .meta({ description: 'exit codes that fail the whole job' }),
  ignoreDisruption: z
    .boolean()
    .optional()
    .meta({ description: 'pods that were evicted, preempted or deleted do not count as failed' }),
});

export const workloadSettings = z.strictObject({
  name: z.string().min(1).max(253),
  namespace: z.string().min(1).optional(),
  kind: z.enum(['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob']),
  replicas: q.count({ min: 0, max: 200_000 }).optional(),
  strategy: z
    .strictObject({
      type: z.enum(['RollingUpdate', 'Recreate']).optional(),
      maxSurge: countOrShare.optional(),
      maxUnavailable: countOrShare.optional(),
      partition: q
        .count({ min: 0 })
        .optional()
        .meta({ description: 'of a StatefulSet: ordinals from here on are updated' }),
    })
    .optional(),
  podManagementPolicy: z.enum(['OrderedReady', 'Parallel']).optional(),
  minReady: q.duration({ min: 0 }).optional(),
  progressDeadline: q.duration({ min: 1 }).optional(),
  suspend: z.boolean().optional().meta({ description: 'of a Job: kubernetes.startJob creates it' }),
  schedule: z.string().optional().meta({ description: 'of a CronJob: five fields of cron, in UTC' }),
  concurrencyPolicy: z.enum(['Allow', 'Forbid', 'Replace']).optional(),
  completions: q.count({ min: 1, max: 100_000 }).optional(),
  parallelism: q.count({ min: 1, max: 100_000 }).optional(),
  completionMode: z.enum(['NonIndexed', 'Indexed']).optional(),
  backoffLimit: q.count({ min: 0 }).optional(),
  activeDeadline: q.duration({ min: 1 }).optional(),
  podFailurePolicy: failurePolicy.optional(),
  restartPolicy: z
    .enum(['OnFailure', 'Never'])
    .optional()
    .meta({ description: 'of the pods of a Job; Never where nothing is said' }),
  template: podTemplate,
  startsOn: z.array(z.string().min(1)).optional().meta({
    description: 'nodes on which its pods stand at the start, in turn; absent: where the scheduler puts them',
  }),
});
export type WorkloadSettings = z.output<typeof workloadSettings>;

/** Which keys belong to which kinds; the others are for all. */
const keysOf: Readonly<Record<string, readonly WorkloadSettings['kind'][]>> = {
  replicas: ['Deployment', 'StatefulSet'],
  strategy: ['Deployment', 'StatefulSet', 'DaemonSet'],
  podManagementPolicy: ['StatefulSet'],
  minReady: ['Deployment', 'StatefulSet'],
  progressDeadline: ['Deployment'],
  suspend: ['Job'],
  schedule: ['CronJob'],
  concurrencyPolicy: ['CronJob'],
  completions: ['Job', 'CronJob'],
  parallelism: ['Job', 'CronJob'],
  completionMode: ['Job', 'CronJob'],
  backoffLimit: ['Job', 'CronJob'],
  activeDeadline: ['Job', 'CronJob'],
  podFailurePolicy: ['Job', 'CronJob'],
  restartPolicy: ['Job', 'CronJob'],
  startsOn: ['Deployment', 'StatefulSet'],
};

export const budgetSettings = z.strictObject({
  name: z.string().min(1),
  namespace: z.string().min(1).optional(),
  selector: labelSelector,
  minAvailable: countOrShare.optional(),
  maxUnavailable: countOrShare.optional(),
});
export type BudgetSettings = z.output<typeof budgetSettings>;

const second = 1_000_000;

function probeOf(p: ContainerSettings['readinessProbe']): Probe | undefined {
  // Source: pkg/apis/core/v1/defaults.go SetDefaults_Probe.
  return p === undefined
    ? undefined
    : {
        initialDelayMicros: p.initialDelay ?? 0,
        periodMicros: p.period ?? 10 * second,
        timeoutMicros: p.timeout ?? second,
        successThreshold: p.successThreshold ?? 1,
        failureThreshold: p.failureThreshold ?? 3,
      };
}

function pageCacheOf(p: z.output<typeof pageCache>): PageCacheSpec {
  return {
    demandBytes: p?.demand ?? 0,
    activeShare: p?.activeShare ?? 0,
    unreclaimableShare: p?.unreclaimableShare ?? 0,
  };
}

function memoryOf(m: ContainerSettings['memory'], warmUpMicros: number): MemorySpec {
  const cache = pageCacheOf(m?.pageCache);
  if (m?.jvm !== undefined) {
    const { jvm } = m;
    return {
      kind: 'jvm',
      heapBytes: jvm.touched ?? jvm.heap,
      maxHeapBytes: jvm.heap,
      heapPerSecond: jvm.growth ?? 0,
      metaspaceBytes: jvm.metaspace,
      codeCacheBytes: jvm.codeCache,
      threads: jvm.threads,
      stackBytes: jvm.stack,
      directBytes: jvm.direct,
      gcShare: jvm.gcShare ?? 0,
      leakPerSecond: jvm.leak ?? 0,
      pageCache: cache,
    };
  }
  if (m?.recorded !== undefined)
    return { kind: 'recorded', points: shifted(m.recorded, warmUpMicros), pageCache: cache };
  if (m?.job !== undefined) return { kind: 'driven', idleBytes: m.job, pageCache: cache };
  return {
    kind: 'process',
    baseBytes: m?.process?.base ?? 0,
    leakPerSecond: m?.process?.leak ?? 0,
    pageCache: cache,
  };
}

function containerOf(c: ContainerSettings, kind: ContainerSpec['kind'], warmUpMicros: number): ContainerSpec {
  const { requests, limits } = c.resources ?? {};
  const millis = (cores: number | undefined) => (cores === undefined ? undefined : Math.round(cores * 1000));
  return {
    name: c.name,
    kind,
    // What is limited and not requested is requested. Source: pkg/apis/core/v1/defaults.go SetDefaults_Pod.
    requests: {
      memoryBytes: requests?.memory ?? limits?.memory ?? 0,
      cpuMillis: millis(requests?.cpu) ?? millis(limits?.cpu) ?? 0,
    },
    limits: {
      memoryBytes: limits?.memory ?? Number.POSITIVE_INFINITY,
      cpuMillis: millis(limits?.cpu) ?? Number.POSITIVE_INFINITY,
    },
    memory: memoryOf(c.memory, warmUpMicros),
    cpuCores: c.cpu ?? 0,
    startMicros: c.start,
    ...(c.run === undefined ? {} : { runMicros: c.run }),
    ...(c.exitCode === undefined ? {} : { exitCode: c.exitCode }),
    ...(c.stop === undefined ? {} : { stopMicros: c.stop }),
    readiness: probeOf(c.readinessProbe),
    liveness: probeOf(c.livenessProbe),
    startup: probeOf(c.startupProbe),
  };
}

function selectorOf(s: z.output<typeof labelSelector>): Selector {
  return [
    ...Object.entries(s.matchLabels ?? {}).map(([key, value]) => ({
      key,
      operator: 'In' as const,
      values: [value],
    })),
    ...(s.matchExpressions ?? []).map((e) => ({ key: e.key, operator: e.operator, values: e.values ?? [] })),
  ];
}

function nodeTermOf(t: z.output<typeof nodeTerm>): Selector {
  return selectorOf(t);
}

function podTermOf(t: z.output<typeof podTerm>): PodAffinityTerm {
  return { selector: selectorOf(t.labelSelector), namespaces: t.namespaces, topologyKey: t.topologyKey };
}

function podTermsOf(t: z.output<typeof podTerms>): {
  required: readonly PodAffinityTerm[];
  preferred: readonly Weighted<PodAffinityTerm>[];
} {
  return {
    required: (t?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(podTermOf),
    preferred: (t?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) => ({
      weight: w.weight,
      term: podTermOf(w.podAffinityTerm),
    })),
  };
}

export function templateOf(
  t: PodTemplateSettings,
  restartPolicy: PodTemplate['restartPolicy'],
  warmUpMicros: number,
): PodTemplate {
  const nodes = t.affinity?.nodeAffinity;
  const near = podTermsOf(t.affinity?.podAffinity);
  const far = podTermsOf(t.affinity?.podAntiAffinity);
  return {
    labels: t.labels ?? {},
    placement: {
      nodeSelector: t.nodeSelector ?? {},
      nodeAffinity: (nodes?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []).map(
        nodeTermOf,
      ),
      preferredNodes: (nodes?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) => ({
        weight: w.weight,
        term: nodeTermOf(w.preference),
      })),
      podAffinity: near.required,
      preferredPods: near.preferred,
      podAntiAffinity: far.required,
      avoidedPods: far.preferred,
      spread: (t.topologySpreadConstraints ?? []).map((c) => ({
        maxSkew: c.maxSkew,
        topologyKey: c.topologyKey,
        whenUnsatisfiable: c.whenUnsatisfiable,
        selector: selectorOf(c.labelSelector),
        minDomains: c.minDomains,
      })),
      tolerations: (t.tolerations ?? []).map((x) => ({
        key: x.key,
        operator: x.operator ?? 'Equal',
        value: x.value ?? '',
        effect: x.effect,
        tolerationMicros: x.toleration,
      })),
      priority: t.priority?.value ?? 0,
      preempts: t.priority?.preempts ?? true,
    },
    containers: [
      ...(t.initContainers ?? []).map((c) =>
        containerOf(c, c.restartPolicy === 'Always' ? 'sidecar' : 'init', warmUpMicros),
      ),
      ...t.containers.map((c) => containerOf(c, 'main', warmUpMicros)),
    ],
    restartPolicy,
    terminationGraceMicros: t.terminationGracePeriod ?? 30 * second,
    imageBytes: t.image?.size ?? 0,
    ...(t.image?.name === undefined ? {} : { image: t.image.name }),
  };
}

/** Absent: a quarter, as apps/v1 defaults.go sets it. */
function countOrShareOf(given: z.output<typeof countOrShare> | undefined): CountOrShare {
  if (typeof given === 'number') return { count: given };
  return { share: given === undefined ? 0.25 : Number(given.slice(0, -1)) / 100 };
}

export function deploymentOf(w: WorkloadSettings, warmUpMicros: number): DeploymentSpec {
  return {
    name: w.name,
    namespace: w.namespace ?? 'default',
    replicas: w.replicas ?? 1,
    template: templateOf(w.template, 'Always', warmUpMicros),
    strategy: w.strategy?.type ?? 'RollingUpdate',
    maxSurge: countOrShareOf(w.strategy?.maxSurge),
    maxUnavailable: countOrShareOf(w.strategy?.maxUnavailable),
    minReadyMicros: w.minReady ?? 0,
    progressDeadlineMicros: w.progressDeadline ?? 600 * second,
  };
}

export function statefulSetOf(w: WorkloadSettings, warmUpMicros: number): StatefulSetSpec {
  return {
    name: w.name,
    namespace: w.namespace ?? 'default',
    replicas: w.replicas ?? 1,
    template: templateOf(w.template, 'Always', warmUpMicros),
    podManagement: w.podManagementPolicy ?? 'OrderedReady',
    partition: w.strategy?.partition ?? 0,
    minReadyMicros: w.minReady ?? 0,
  };
}

export function daemonSetOf(w: WorkloadSettings, nodes: number, warmUpMicros: number): DaemonSetSpec {
  // Source: apps/v1 defaults.go: one pod at a time.
  const given = w.strategy?.maxUnavailable;
  const unavailable = given === undefined ? { count: 1 } : countOrShareOf(given);
  return {
    name: w.name,
    namespace: w.namespace ?? 'default',
    template: templateOf(w.template, 'Always', warmUpMicros),
    maxUnavailable: Math.max(
      1,
      'count' in unavailable ? unavailable.count : Math.ceil(unavailable.share * nodes),
    ),
  };
}

export function jobOf(w: WorkloadSettings, warmUpMicros: number): JobSpec {
  // Source: batch/v1 defaults.go.
  return {
    name: w.name,
    namespace: w.namespace ?? 'default',
    template: templateOf(w.template, w.restartPolicy ?? 'Never', warmUpMicros),
    completions: w.completions ?? 1,
    parallelism: w.parallelism ?? 1,
    backoffLimit: w.backoffLimit ?? 6,
    activeDeadlineMicros: w.activeDeadline ?? Number.POSITIVE_INFINITY,
    completionMode: w.completionMode ?? 'NonIndexed',
    failOn: w.podFailurePolicy?.failOn ?? [],
    ignoresDisruption: w.podFailurePolicy?.ignoreDisruption ?? false,
  };
}

export function budgetOf(b: BudgetSettings): DisruptionBudget {
  return {
    name: b.name,
    namespace: b.namespace ?? 'default',
    selector: selectorOf(b.selector),
    minAvailable: b.minAvailable === undefined ? undefined : countOrShareOf(b.minAvailable),
    maxUnavailable: b.maxUnavailable === undefined ? undefined : countOrShareOf(b.maxUnavailable),
  };
}

/** Cross-checks of disruption budgets. */
export function checkBudgets(
  budgets: readonly BudgetSettings[],
  workloads: readonly WorkloadSettings[],
  checks: Checks,
): void {
  unique(
    budgets.map((b) => b.name),
    (name) =>
      checks.problem(
        ['kubernetes', 'podDisruptionBudgets', name],
        `budget ${name} is listed twice`,
        'give each its own name',
      ),
  );
  for (const b of budgets) {
    const path = ['kubernetes', 'podDisruptionBudgets', b.name];
    if ((b.minAvailable === undefined) === (b.maxUnavailable === undefined))
      checks.problem(path, 'neither or both of minAvailable and maxUnavailable', 'write one of the two');
    const covered = workloads.some(
      (w) =>
        (w.namespace ?? 'default') === (b.namespace ?? 'default') &&
        matches(selectorOf(b.selector), w.template.labels ?? {}),
    );
    if (!covered)
      checks.warning(
        [...path, 'selector'],
        'no workload of its namespace has such pods',
        'correct the labels',
      );
  }
}

/** Cross-checks of all workloads. */
export function checkWorkloads(
  workloads: readonly WorkloadSettings[],
  nodes: readonly NodeSpec[],
  checks: Checks,
): void {
  const names = new Set<string>();
  for (const w of workloads) {
    const path = ['kubernetes', 'workloads', w.name];
    const name = `${w.namespace ?? 'default'}/${w.name}`;
    if (names.has(name))
      checks.problem(path, `workload ${name} is listed twice`, 'give each workload its own name');
    names.add(name);
    for (const [key, kinds] of Object.entries(keysOf))
      if (w[key as keyof WorkloadSettings] !== undefined && !kinds.includes(w.kind))
        checks.problem(
          [...path, key],
          `a ${w.kind} has no ${key}`,
          `remove it: it belongs to a ${kinds.join(' or ')}`,
        );
    for (const [i, node] of (w.startsOn ?? []).entries())
      if (!nodes.some((n) => n.name === node))
        checks.problem(
          [...path, 'startsOn', i],
          `there is no node ${node}`,
          'write a node of kubernetes.nodes or of a pool',
        );
    if (w.strategy?.type === 'Recreate' && (w.strategy.maxSurge ?? w.strategy.maxUnavailable) !== undefined)
      checks.problem(
        [...path, 'strategy'],
        'Recreate knows no surge',
        'remove maxSurge and maxUnavailable, or write RollingUpdate',
      );
    if (w.strategy?.partition !== undefined && w.kind !== 'StatefulSet')
      checks.problem([...path, 'strategy', 'partition'], `a ${w.kind} has no partition`, 'remove it');
    if (
      w.strategy !== undefined &&
      w.kind !== 'Deployment' &&
      (w.strategy.type ?? w.strategy.maxSurge) !== undefined
    )
      checks.problem(
        [...path, 'strategy'],
        `a ${w.kind} has no such strategy`,
        'leave only partition of a StatefulSet, or maxUnavailable of a DaemonSet',
      );
    if (w.strategy?.maxUnavailable !== undefined && w.kind === 'StatefulSet')
      checks.problem(
        [...path, 'strategy', 'maxUnavailable'],
        'a StatefulSet updates one pod at a time',
        'remove it',
      );
    if (w.kind === 'CronJob') {
      const read = w.schedule === undefined ? { problem: 'no schedule' } : parseCron(w.schedule);
      if ('problem' in read)
        checks.problem(
          [...path, 'schedule'],
          read.problem,
          'write five fields, as in "0 4 * * *": minute, hour, day, month, weekday',
        );
    }
    if (w.kind === 'Job' || w.kind === 'CronJob') {
      if (!w.template.containers.some((c) => c.run !== undefined))
        checks.problem(
          [...path, 'template', 'containers'],
          `the pods of a ${w.kind} never end`,
          'write run: how long a container runs',
        );
    }
    checkTemplate([...path, 'template'], w.template, checks);
    const template = templateOf(w.template, 'Always', 0);
    const fits = nodes.some((n) => admits(n, template));
    if (!fits && nodes.length > 0)
      checks.warning(
        [...path, 'template'],
        'no node can carry its pods, by labels, taints and what is allocatable',
        'correct nodeSelector, affinity, tolerations or requests; until then they wait',
      );
  }
}

/** Whether an empty node would take a pod. */
function admits(node: NodeSpec, template: PodTemplate): boolean {
  const { placement } = template;
  const asked = podRequests(template);
  const room = allocatable(node);
  return (
    asked.memoryBytes <= room.memoryBytes &&
    asked.cpuMillis <= room.cpuMillis &&
    Object.entries(placement.nodeSelector).every(([key, value]) => node.labels[key] === value) &&
    (placement.nodeAffinity.length === 0 || placement.nodeAffinity.some((t) => matches(t, node.labels))) &&
    node.taints.every((t) => t.effect === 'PreferNoSchedule' || isTolerated(t, placement.tolerations))
  );
}

type Path = readonly (string | number)[];

/** Cross-checks of a template. */
export function checkTemplate(path: Path, t: PodTemplateSettings, checks: Checks): void {
  const names = new Set<string>();
  const all = [
    ...t.containers.map((c) => ({ c, at: [...path, 'containers', c.name] })),
    ...(t.initContainers ?? []).map((c) => ({ c, at: [...path, 'initContainers', c.name] })),
  ];
  for (const { c, at } of all) {
    if (names.has(c.name))
      checks.problem(at, `container ${c.name} is listed twice`, 'give each its own name');
    names.add(c.name);
    checkResources([...at, 'resources'], c.resources, checks);
    checkMemory([...at, 'memory'], c.memory, checks);
    if (c.exitCode !== undefined && c.run === undefined)
      checks.problem([...at, 'exitCode'], 'it never ends by itself', 'add run, or remove exitCode');
  }
  for (const [i, toleration] of (t.tolerations ?? []).entries())
    if (toleration.operator === 'Exists' && toleration.value !== undefined)
      checks.problem(
        [...path, 'tolerations', i, 'value'],
        'a value beside operator Exists',
        'remove one of the two',
      );
}

export function checkResources(
  path: Path,
  given:
    | {
        readonly requests?: z.output<typeof amounts> | undefined;
        readonly limits?: z.output<typeof amounts> | undefined;
      }
    | undefined,
  checks: Checks,
): void {
  const { requests, limits } = given ?? {};
  for (const [which, amounts] of [
    ['requests', requests],
    ['limits', limits],
  ] as const)
    if (amounts?.memory !== undefined) echoDecimal([...path, which, 'memory'], amounts.memory, checks);
  for (const resource of ['memory', 'cpu'] as const) {
    const asked = requests?.[resource];
    const limit = limits?.[resource];
    if (asked !== undefined && limit !== undefined && asked > limit)
      checks.problem(
        [...path, 'limits', resource],
        `the limit of ${resource} is below the request`,
        'raise the limit, or lower the request',
      );
  }
}

/** `8G` and `8Gi` differ by 7 %: what was read is said, since a manifest that means the one often says the other. */
function echoDecimal(path: Path, bytes: number, checks: Checks): void {
  const text = checks.written(path);
  const unit = text === undefined ? undefined : /^[\d.]+\s*([kKMGT])B?$/.exec(text.trim())?.[1];
  if (unit === undefined) return;
  const binary = bytes / 1_073_741_824;
  checks.warning(
    path,
    `${text} is ${bytes} bytes, ${binary.toPrecision(3)} GiB`,
    `write ${unit.toUpperCase()}i where powers of two are meant, as in 8Gi`,
  );
}

function checkMemory(path: Path, m: ContainerSettings['memory'], checks: Checks): void {
  if (m === undefined) return;
  const kinds = (['process', 'jvm', 'recorded', 'job'] as const).filter((k) => m[k] !== undefined);
  if (kinds.length > 1)
    checks.problem(
      [...path, kinds[1]!],
      `${kinds.join(' and ')} for one container`,
      'describe its memory in one way',
    );
  if (m.jvm?.touched !== undefined && m.jvm.touched > m.jvm.heap)
    checks.problem([...path, 'jvm', 'touched'], 'more than the heap', 'lower it, or raise heap');
  if (m.jvm?.growth !== undefined && (m.jvm.touched ?? m.jvm.heap) >= m.jvm.heap)
    checks.problem(
      [...path, 'jvm', 'growth'],
      'all of the heap is touched from the start',
      'write touched, or remove growth',
    );
  let before = -1;
  m.recorded?.forEach((point, i) => {
    if (point.at <= before)
      checks.problem(
        [...path, 'recorded', i, 'at'],
        'is not after the point before it',
        'list the points in the order of time',
      );
    before = point.at;
  });
}
