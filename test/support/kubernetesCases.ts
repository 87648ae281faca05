/** Pairs of values for the keys of nodes, kubelets, workloads and batch jobs, on a platform without Kafka. */
import type { LeafCase, Path } from './leafCases.ts';

type Json = NonNullable<LeafCase['values'][0]>;
export type Tree = { readonly [key: string]: Json };
export type Setup = NonNullable<LeafCase['setup']>;

export const container = (more: Tree = {}): Tree => ({
  name: 'c',
  resources: { requests: { memory: '1Gi', cpu: '100m' }, limits: { memory: '2Gi', cpu: '1 cores' } },
  memory: { process: { base: '1Gi', leak: '1MiB/s' } },
  cpu: '1.5 cores',
  start: '5s',
  readinessProbe: { period: '2s' },
  ...more,
});
export const workload = (template: Tree = {}, more: Tree = {}): Tree => ({
  name: 'w',
  kind: 'Deployment',
  replicas: 2,
  template: { labels: { app: 'w' }, containers: [container()], ...template },
  ...more,
});
export const node = (name: string, more: Tree = {}): Tree => ({
  name,
  instance: 'small',
  zone: 'a',
  ...more,
});
const restart: Tree = { at: '+60s', id: 'r', do: 'kubernetes.rolloutRestart', workload: 'w' };

/** A cluster of two nodes with one workload, which is restarted after a minute. */
export const cluster = (more: Tree = {}, timeline: readonly Json[] = [restart], rest: Tree = {}): Setup => [
  [['extends'], ['models/hardware/aws-ec2.yaml', 'models/kubernetes/kubernetes-1.30.yaml']],
  [['kafka'], undefined],
  [['strimzi'], undefined],
  [['timeline'], timeline],
  [['kubernetes'], { nodes: [node('a'), node('b')], workloads: [workload()], ...more }],
  ...Object.entries(rest).map(([key, value]): Setup[number] => [[key], value]),
];

type Case = readonly [key: string, a: Json | undefined, b: Json | undefined, setup?: Setup];
const under = (name: string, at: Path, cases: readonly Case[]): Record<string, LeafCase> =>
  Object.fromEntries(
    cases.map(([key, a, b, setup]) => [
      `${name}.${key}`,
      {
        setup: setup ?? cluster(),
        at: [
          ...at,
          ...key
            .replaceAll('[]', '.0')
            .split('.')
            .map((k) => (/^\d+$/.test(k) ? Number(k) : k === '{}' ? 'app' : k)),
        ],
        values: [a, b] as const,
      },
    ]),
  );

const short = (more: Tree, timeline?: readonly Json[]): Setup =>
  cluster({ workloads: [workload({ containers: [container(more)] })] }, timeline);
const hang: Tree = { at: '+60s', id: 'h', do: 'kubernetes.hang', workload: 'w', for: '90s' };
const jvm: Tree = {
  heap: '1Gi',
  touched: '500Mi',
  growth: '1MiB/s',
  metaspace: '50MiB',
  codeCache: '20MiB',
  threads: 50,
  stack: '256KiB',
  direct: '10MiB',
  gcShare: '2%',
  leak: '0B/s',
};
/** Killed at its limit, again and again. */
const leaks: Tree = { memory: { process: { base: '1Gi', leak: '40MiB/s' } } };
/** A node that comes to its end: its pod has no limit. */
const starved = (kubelet: Tree = {}): Setup =>
  cluster(
    {
      nodes: [node('a', { capacity: { memory: '4Gi' } })],
      kubelet,
      workloads: [
        workload(
          { containers: [{ name: 'c', memory: { process: { base: '3Gi', leak: '8MiB/s' } } }] },
          { replicas: 1 },
        ),
      ],
    },
    [],
  );

const containerCases: readonly Case[] = [
  ['name', 'c', 'd'],
  ['cpu', '500m', '900m'],
  ['start', '5s', '9s'],
  ['run', '20s', '40s'],
  ['exitCode', 0, 3, short({ run: '20s' })],
  ['stop', '0s', '4s'],
  ['resources.requests.memory', '1Gi', '1.5Gi'],
  ['resources.requests.cpu', '100m', '200m'],
  ['resources.limits.memory', '2Gi', '1100Mi'],
  ['resources.limits.cpu', '1 cores', '800m'],
  ['memory.process.base', '1Gi', '1.2Gi'],
  ['memory.process.leak', '1MiB/s', '2MiB/s'],
  ['memory.job', '1Gi', '1.1Gi', short({ memory: {} })],
  ...Object.entries({
    heap: '1.1Gi',
    touched: '600Mi',
    growth: '2MiB/s',
    metaspace: '60MiB',
    codeCache: '30MiB',
    threads: 90,
    stack: '512KiB',
    direct: '20MiB',
    gcShare: '4%',
    leak: '1MiB/s',
  }).map(
    ([key, other]): Case => [`memory.jvm.${key}`, jvm[key], other, short({ memory: { jvm }, resources: {} })],
  ),
  [
    'memory.recorded[].at',
    '10s',
    '40s',
    short({
      memory: {
        recorded: [
          { at: '10s', bytes: '1Gi' },
          { at: '2m', bytes: '1.5Gi' },
        ],
      },
    }),
  ],
  [
    'memory.recorded[].bytes',
    '1Gi',
    '1.1Gi',
    short({
      memory: {
        recorded: [
          { at: '10s', bytes: '1Gi' },
          { at: '2m', bytes: '1.5Gi' },
        ],
      },
    }),
  ],
  ...[
    ['demand', '500MiB', '600MiB'],
    ['activeShare', '10%', '30%'],
    ['unreclaimableShare', '0%', '10%'],
  ].map(
    ([key, a, b]): Case => [
      `memory.pageCache.${key}`,
      a,
      b,
      short({ memory: { process: { base: '1Gi' }, pageCache: { demand: '500MiB' } } }),
    ],
  ),
  ['readinessProbe.initialDelay', '0s', '9s'],
  ['readinessProbe.period', '2s', '7s'],
  ['readinessProbe.successThreshold', 1, 3],
  ['readinessProbe.failureThreshold', 2, 6, short({ readinessProbe: { period: '2s' } }, [hang])],
  ['readinessProbe.timeout', '1s', '2s', short({ readinessProbe: { period: '2s' } }, [hang])],
  ['livenessProbe.initialDelay', '0s', '30s', short({ start: '50s', livenessProbe: { period: '5s' } })],
  ['livenessProbe.period', '5s', '9s', short({ start: '50s', livenessProbe: {} })],
  ['livenessProbe.failureThreshold', 2, 4, short({ start: '50s', livenessProbe: { period: '5s' } })],
  ['livenessProbe.timeout', '1s', '3s', short({ livenessProbe: { period: '5s' } }, [hang])],
  ['startupProbe.initialDelay', '0s', '9s', short({ startupProbe: { period: '2s', failureThreshold: 30 } })],
  ['startupProbe.period', '2s', '7s', short({ startupProbe: { failureThreshold: 30 } })],
  ['startupProbe.failureThreshold', 2, 30, short({ start: '20s', startupProbe: { period: '3s' } })],
];

const containers = under(
  'kubernetes.workloads[].template.containers[]',
  ['kubernetes', 'workloads', 0, 'template', 'containers', 0],
  containerCases,
);

/** The same of an init container that is a sidecar. */
const sidecars = under(
  'kubernetes.workloads[].template.initContainers[]',
  ['kubernetes', 'workloads', 0, 'template', 'initContainers', 0],
  containerCases.map(([key, a, b, setup]) => {
    const given = (setup ?? cluster()).map(([path, value]): Setup[number] => {
      if (path[0] !== 'kubernetes') return [path, value];
      const tree = structuredClone(value) as {
        workloads: { template: { containers: Tree[]; initContainers?: Tree[] } }[];
      };
      const { template } = tree.workloads[0]!;
      template.initContainers = [{ ...template.containers[0]!, restartPolicy: 'Always' }];
      template.containers = [{ name: 'main' }];
      return [path, tree as unknown as Json];
    });
    return [key, a, b === 'd' ? 'e' : b, given] as const;
  }),
);

const jobsOf = (more: Tree = {}, phase: Tree = {}, of: Tree = {}): Tree => ({
  programs: [
    {
      name: 'p',
      memory: { fixed: '500MiB' },
      phases: [
        {
          name: 'load',
          duration: { fixed: '20s', perMillion: '10s' },
          memory: { perMillion: '200MiB' },
          ...phase,
        },
        { name: 'merge', duration: { fixed: '20s' }, memory: { perMillion: '400MiB' } },
      ],
      ...more,
    },
  ],
  jobs: [{ name: 'j', program: 'p', workload: 'w', records: 1_000_000, ...of }],
});
const due: Tree = { at: '+20s', id: 'due', do: 'batch.run', job: 'j' };
const batch = (more?: Tree, phase?: Tree, of?: Tree, timeline: readonly Json[] = [due, restart]): Setup =>
  cluster(
    {
      workloads: [
        workload(
          {
            containers: [
              container({ memory: { job: '100MiB' } }),
              { name: 'other', memory: { job: '1MiB' } },
            ],
          },
          { namespace: 'default', replicas: 1 },
        ),
      ],
    },
    timeline,
    { batch: jobsOf(more, phase, of) },
  );
const saving: Tree = { every: 100_000, cost: '1s', reload: '2s' };

const program = under(
  'batch.programs[]',
  ['batch', 'programs', 0],
  [
    ['memory.fixed', '500MiB', '600MiB', batch()],
    ['memoryNoise', '0%', '20%', batch()],
    ['durationNoise', '0%', '20%', batch()],
    ['correlation', '0%', '100%', batch({ memoryNoise: '20%' })],
    ['checkpoint.every', 100_000, 300_000, batch({ checkpoint: saving })],
    ['checkpoint.cost', '1s', '3s', batch({ checkpoint: saving })],
    ['checkpoint.reload', '2s', '8s', batch({ checkpoint: saving })],
    ['checkpoint.onNotice', false, true, batch({ checkpoint: { ...saving, every: 900_000 } })],
    ['phases[].duration.fixed', '20s', '25s', batch()],
    ['phases[].duration.perMillion', '10s', '15s', batch()],
    ['phases[].memory.fixed', '500MiB', '550MiB', batch()],
    ['phases[].memory.perMillion', '200MiB', '250MiB', batch()],
    ['phases[].plateau', '0%', '40%', batch()],
    ['phases[].peakAt', '100%', '60%', batch()],
    ['phases[].residual', '100%', '60%', batch()],
    ['phases[].cpu', '1 cores', '2 cores', batch()],
    ['phases[].chunks.count', 2, 10, batch({}, { chunks: { count: 2 } })],
    ['phases[].chunks.kept', '0%', '50%', batch({}, { chunks: { count: 2 } })],
    ['phases[].chunks.slower', 1, 2, batch({}, { chunks: { count: 2 } })],
  ],
);
const job = under(
  'batch.jobs[]',
  ['batch', 'jobs', 0],
  [
    ['records', 1_000_000, 1_200_000, batch()],
    ['start', 'entrypoint', 'exec', batch()],
    ['container', 'c', 'other', batch()],
  ],
);

const kubelet = under(
  'kubernetes.kubelet',
  ['kubernetes', 'kubelet'],
  [
    ['podStart', '1s', '3s'],
    ['restart', '1s', '3s', short(leaks)],
    ['resync', '0s', '9s', short(leaks)],
    ['crashLoopBackOff.initial', '10s', '20s', short(leaks)],
    ['crashLoopBackOff.maxContainerRestartPeriod', '20s', '300s', short(leaks)],
    ['imagePull', '50MB/s', '10MB/s', cluster({ workloads: [workload({ image: { size: '100MB' } })] })],
    ['housekeepingInterval', '10s', '20s', starved()],
    ['nodeStatusUpdateFrequency', '10s', '40s', starved()],
    ['evictionPressureTransitionPeriod', '30s', '60s', starved()],
    [
      'evictionMinimumReclaim.memoryAvailable',
      '0B',
      '3.95Gi',
      starved({ evictionPressureTransitionPeriod: '30s' }),
    ],
    [
      'evictionSoft.memoryAvailable',
      '500Mi',
      '700Mi',
      starved({ evictionSoft: { memoryAvailable: '500Mi', gracePeriod: '10s' } }),
    ],
    [
      'evictionSoft.gracePeriod',
      '10s',
      '40s',
      starved({ evictionSoft: { memoryAvailable: '500Mi', gracePeriod: '10s' } }),
    ],
  ],
);

const nodeKeys: readonly Case[] = [
  ['capacity.memory', '8Gi', '6Gi'],
  ['capacity.cpu', '4 cores', '1 cores'],
  ['maxPods', 110, 1],
  ['kubeReserved.memory', '1Gi', '2Gi'],
  ['kubeReserved.cpu', '500m', '1 cores'],
  ['systemReserved.memory', '1Gi', '2Gi'],
  ['systemReserved.cpu', '500m', '1 cores'],
  ['systemMemory', '1Gi', '2Gi'],
  ['evictionHard.memoryAvailable', '100Mi', '500Mi'],
];
const nodes = under(
  'kubernetes.nodes[]',
  ['kubernetes', 'nodes', 0],
  [
    ...nodeKeys,
    [
      'background[].at',
      '10s',
      '30s',
      cluster({
        nodes: [
          node('a', {
            background: [
              { at: '10s', bytes: '1Gi' },
              { at: '2m', bytes: '2Gi' },
            ],
          }),
        ],
      }),
    ],
    [
      'background[].bytes',
      '1Gi',
      '1.5Gi',
      cluster({
        nodes: [
          node('a', {
            background: [
              { at: '10s', bytes: '1Gi' },
              { at: '2m', bytes: '2Gi' },
            ],
          }),
        ],
      }),
    ],
  ],
);
const pool = under(
  'kubernetes.nodePools[]',
  ['kubernetes', 'nodePools', 0],
  [...nodeKeys, ['count', 1, 2] as Case].map(
    ([key, a, b]) =>
      [
        key,
        a,
        b,
        cluster({ nodePools: [{ name: 'p', count: 1, zones: ['a'], instance: 'small' }] }),
      ] as const,
  ),
);

const workloads = under(
  'kubernetes.workloads[]',
  ['kubernetes', 'workloads', 0],
  [
    ['replicas', 2, 3],
    ['namespace', 'default', 'other', cluster({}, [])],
    ['minReady', '0s', '20s'],
    ['startsOn', ['a'], ['b']],
    ['strategy.type', 'RollingUpdate', 'Recreate'],
    ['strategy.maxSurge', 0, 1],
    ['strategy.maxUnavailable', 0, 2],
    ['template.terminationGracePeriod', '3s', '20s', short({ stop: '30s' })],
    ['template.image.size', '100MB', '900MB'],
    [
      'template.nodeSelector.{}',
      'x',
      'y',
      cluster({ nodes: [node('a', { labels: { app: 'x' } }), node('b', { labels: { app: 'y' } })] }),
    ],
  ],
);

const actions = {
  'timeline[kubernetes.scale].replicas': {
    setup: cluster({}, [{ at: '+60s', id: 's', do: 'kubernetes.scale', workload: 'w', replicas: 3 }]),
    at: ['timeline', 0, 'replicas'],
    values: [3, 4],
  },
  'timeline[kubernetes.hang].for': {
    setup: short({ readinessProbe: { period: '2s' } }, [hang]),
    at: ['timeline', 0, 'for'],
    values: ['90s', '40s'],
  },
  'timeline[kubernetes.deletePods].count': {
    setup: cluster({}, [{ at: '+60s', id: 'd', do: 'kubernetes.deletePods', workload: 'w' }]),
    at: ['timeline', 0, 'count'],
    values: [1, 2],
  },
  'timeline[kubernetes.loseNode].for': {
    setup: cluster({}, [{ at: '+60s', id: 'l', do: 'kubernetes.loseNode', node: 'a' }]),
    at: ['timeline', 0, 'for'],
    values: ['20s', '100s'],
  },
  'timeline[kubernetes.interruptSpot].notice': {
    setup: cluster({}, [{ at: '+60s', id: 'i', do: 'kubernetes.interruptSpot', node: 'a' }]),
    at: ['timeline', 0, 'notice'],
    values: ['20s', '100s'],
  },
  'timeline[kubernetes.drain].node': {
    setup: cluster({}, [{ at: '+60s', id: 'i', do: 'kubernetes.drain', node: 'a' }]),
    at: ['timeline', 0, 'node'],
    values: ['a', 'b'],
  },
  'timeline[kubernetes.setResources].limits.memory': {
    setup: cluster({}, [
      { at: '+60s', id: 'i', do: 'kubernetes.setResources', workload: 'w', limits: { memory: '3Gi' } },
    ]),
    at: ['timeline', 0, 'limits', 'memory'],
    values: ['3Gi', '4Gi'],
  },
  'timeline[kubernetes.setResources].requests.memory': {
    setup: cluster({}, [
      { at: '+60s', id: 'i', do: 'kubernetes.setResources', workload: 'w', requests: { memory: '1Gi' } },
    ]),
    at: ['timeline', 0, 'requests', 'memory'],
    values: ['1Gi', '1.5Gi'],
  },
  'timeline[batch.run].records': {
    setup: batch(),
    at: ['timeline', 0, 'records'],
    values: [1_000_000, 900_000],
  },
} as const satisfies Record<string, LeafCase>;

/** A Job that waits to be started, and then runs for a time. */
const suspended = (name: string, run: string, namespace = 'default'): Tree => {
  const template = { containers: [container({ run })] };
  return { name, namespace, kind: 'Job', suspend: true, template };
};

/** Two workloads, one of them in two namespaces, and jobs, on three nodes. */
const crowded = (timeline: readonly Json[]): Setup =>
  cluster(
    {
      nodes: [node('a'), node('b'), node('c')],
      workloads: [
        workload(),
        workload({}, { name: 'v', replicas: 1 }),
        workload({}, { namespace: 'other', replicas: 3 }),
        suspended('j', '20s'),
        suspended('k', '30s'),
        suspended('j', '40s', 'other'),
      ],
    },
    timeline,
  );

/** An action after a minute, what else it could be, what it is done to, and what shows it. */
interface Acted {
  readonly entry: Tree;
  readonly instead: Tree;
  readonly other: readonly (readonly [key: string, a: Json, b: Json])[];
  readonly before?: readonly Tree[];
  readonly after?: readonly Tree[];
}
const onW = { workload: 'w', namespace: 'default' };
const restartV: Tree = { do: 'kubernetes.rolloutRestart', workload: 'v' };
const ofWorkload: Acted['other'] = [
  ['workload', 'w', 'v'],
  ['namespace', 'default', 'other'],
];
const ofNode: Acted['other'] = [['node', 'a', 'b']];
const grows: Tree = { at: '+75s', id: 'grows', do: 'kubernetes.scale', workload: 'v', replicas: 6 };
const acted: Readonly<Record<string, Acted>> = {
  scale: { entry: { ...onW, replicas: 4 }, instead: restartV, other: ofWorkload },
  hang: { entry: { ...onW, for: '90s' }, instead: restartV, other: ofWorkload },
  deletePods: { entry: onW, instead: restartV, other: ofWorkload },
  rolloutRestart: {
    entry: onW,
    instead: { do: 'kubernetes.scale', workload: 'v', replicas: 3 },
    other: ofWorkload,
  },
  setResources: {
    entry: { ...onW, container: 'c', limits: { cpu: '2 cores' }, requests: { cpu: '200m' } },
    instead: restartV,
    other: ofWorkload,
  },
  startJob: {
    entry: { workload: 'j', namespace: 'default' },
    instead: restartV,
    other: [
      ['workload', 'j', 'k'],
      ['namespace', 'default', 'other'],
    ],
  },
  cordon: { entry: { node: 'a' }, instead: restartV, other: ofNode, after: [grows] },
  uncordon: {
    entry: { node: 'a' },
    instead: restartV,
    other: ofNode,
    before: ['a', 'b'].map((name) => ({
      at: '+30s',
      id: `cordon-${name}`,
      do: 'kubernetes.cordon',
      node: name,
    })),
    after: [grows],
  },
  drain: { entry: { node: 'a' }, instead: restartV, other: [] },
  interruptSpot: { entry: { node: 'a' }, instead: restartV, other: ofNode },
  loseNode: { entry: { node: 'a' }, instead: restartV, other: ofNode },
  removeNode: { entry: { node: 'a' }, instead: restartV, other: ofNode },
  replaceNode: { entry: { node: 'a' }, instead: restartV, other: [...ofNode, ['surge', false, true]] },
};

/** For every action: when it comes, whether it is that one, and what it is done to. */
const timelines = Object.fromEntries(
  Object.entries(acted).flatMap(
    ([action, { entry, instead, other, before = [], after = [] }]): [string, LeafCase][] => {
      const own: Tree = { at: '+60s', id: 'one', do: `kubernetes.${action}`, ...entry };
      const setup = crowded([own, ...before, ...after]);
      const key = (name: string) => `timeline[kubernetes.${action}].${name}`;
      return [
        [key('at'), { setup, at: ['timeline', 0, 'at'], values: ['+60s', '+90s'] }],
        [key('do'), { setup, at: ['timeline', 0], values: [own, { at: '+60s', id: 'one', ...instead }] }],
        ...other.map(([name, a, b]): [string, LeafCase] => [
          key(name),
          { setup, at: ['timeline', 0, name], values: [a, b] },
        ]),
      ];
    },
  ),
);

const resources = {
  'timeline[kubernetes.setResources].limits.cpu': {
    setup: crowded([
      { at: '+60s', id: 'one', do: 'kubernetes.setResources', ...onW, limits: { cpu: '2 cores' } },
    ]),
    at: ['timeline', 0, 'limits', 'cpu'],
    values: ['2 cores', '3 cores'],
  },
  'timeline[kubernetes.setResources].requests.cpu': {
    setup: crowded([
      { at: '+60s', id: 'one', do: 'kubernetes.setResources', ...onW, requests: { cpu: '200m' } },
    ]),
    at: ['timeline', 0, 'requests', 'cpu'],
    values: ['200m', '300m'],
  },
} as const satisfies Record<string, LeafCase>;

/** Keys that only name an entry. */
export const kubernetesNames: readonly string[] = [
  ...Object.keys(acted).map((action) => `kubernetes.${action}`),
  'batch.run',
].flatMap((action) => [`timeline[${action}].id`, `timeline[${action}].name`]);

export const kubernetesCases: Record<string, LeafCase> = {
  ...containers,
  ...sidecars,
  ...program,
  ...job,
  ...kubelet,
  ...nodes,
  ...pool,
  ...workloads,
  ...actions,
  ...timelines,
  ...resources,
};
