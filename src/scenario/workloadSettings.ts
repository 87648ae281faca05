import { z } from 'zod';
import type { CountOrShare, DeploymentSpec } from '../models/kubernetes/controllers/deployment.ts';
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
import type { Checks } from './checks.ts';
import { shifted } from './nodeSettings.ts';
import { q } from './quantity.ts';

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

const probe = z
  .strictObject({
    initialDelay: q.duration({ min: 0 }).optional(),
    period: q.duration({ min: 1_000_000 }).optional(),
    timeout: q.duration({ min: 1 }).optional(),
    successThreshold: q.count({ min: 1 }).optional(),
    failureThreshold: q.count({ min: 1 }).optional(),
  })
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
  readinessProbe: probe,
  livenessProbe: probe,
  startupProbe: probe,
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

export const workloadSettings = z.strictObject({
  name: z.string().min(1).max(253),
  namespace: z.string().min(1).optional(),
  kind: z.enum(['Deployment']),
  replicas: q.count({ min: 0, max: 200_000 }).optional(),
  strategy: z
    .strictObject({
      type: z.enum(['RollingUpdate', 'Recreate']).optional(),
      maxSurge: countOrShare.optional(),
      maxUnavailable: countOrShare.optional(),
    })
    .optional(),
  minReady: q.duration({ min: 0 }).optional(),
  progressDeadline: q.duration({ min: 1 }).optional(),
  template: podTemplate,
  startsOn: z.array(z.string().min(1)).optional().meta({
    description: 'nodes on which its pods stand at the start, in turn; absent: where the scheduler puts them',
  }),
});
export type WorkloadSettings = z.output<typeof workloadSettings>;

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

/** Cross-checks of all workloads. */
export function checkWorkloads(
  workloads: readonly WorkloadSettings[],
  nodes: readonly { readonly name: string }[],
  checks: Checks,
): void {
  const names = new Set<string>();
  for (const w of workloads) {
    const path = ['kubernetes', 'workloads', w.name];
    const name = `${w.namespace ?? 'default'}/${w.name}`;
    if (names.has(name))
      checks.problem(path, `workload ${name} is listed twice`, 'give each workload its own name');
    names.add(name);
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
    checkTemplate([...path, 'template'], w.template, checks);
  }
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
