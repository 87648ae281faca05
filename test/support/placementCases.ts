/** Pairs of values for the keys that say where a pod may stand: affinities, spreading, taints and tolerations. */
import { cluster, container, node, type Setup, type Tree, workload } from './kubernetesCases.ts';
import type { LeafCase, Path } from './leafCases.ts';

type Json = NonNullable<LeafCase['values'][0]>;
type Pair = readonly [key: string, path: Path, a: Json, b: Json];

const small = container({
  resources: { requests: { memory: '128Mi', cpu: '100m' } },
  memory: { process: { base: '100MiB' } },
  cpu: '0 cores',
});
const pods = (name: string, labels: Tree, on: string, more: Tree = {}): Tree => ({
  name,
  kind: 'Deployment',
  replicas: 1,
  startsOn: [on],
  template: { labels, containers: [small] },
  ...more,
});

/** What is placed last, beside pods on each of two nodes of one zone: the first of which has more to do. */
const placed = (template: Tree, more: Tree = {}, nodes: readonly Tree[] = twoNodes): Setup =>
  cluster(
    {
      nodes,
      workloads: [
        { ...workload({ labels: { app: 'w' }, containers: [small], ...template }), replicas: 1, ...more },
        pods('s', { app: 's', tier: 'q' }, 'a', { replicas: 3 }),
        pods('t', { app: 't', tier: 's' }, 'b'),
        pods('s', { app: 's', tier: 'q' }, 'b', { namespace: 'other' }),
      ],
    },
    [{ at: '+60s', id: 'one', do: 'kubernetes.rolloutRestart', workload: 'w' }],
  );
const twoNodes = [
  node('a', { labels: { disk: 'x', gpu: 'y' } }),
  node('b', { labels: { disk: 'y', gpu: 'x' } }),
];

const hostname = 'kubernetes.io/hostname';
const selects = (values: readonly string[]): Tree => ({
  matchExpressions: [{ key: 'app', operator: 'In', values }],
});
const term = (more: Tree = {}): Tree => ({ labelSelector: selects(['s']), topologyKey: hostname, ...more });

const all: Record<string, LeafCase> = {};
const add = (under: string, at: Path, setup: Setup, pairs: readonly Pair[]) => {
  for (const [key, path, a, b] of pairs)
    all[`kubernetes.workloads[].template.${under}${key}`] = {
      setup,
      at: ['kubernetes', 'workloads', 0, 'template', ...at, ...path],
      values: [a, b],
    };
};

const inTerm = (prefix: string, path: Path): readonly Pair[] => [
  [
    `${prefix}labelSelector.matchExpressions[].key`,
    [...path, 'labelSelector', 'matchExpressions', 0, 'key'],
    'app',
    'tier',
  ],
  [
    `${prefix}labelSelector.matchExpressions[].operator`,
    [...path, 'labelSelector', 'matchExpressions', 0, 'operator'],
    'In',
    'NotIn',
  ],
  [
    `${prefix}labelSelector.matchExpressions[].values`,
    [...path, 'labelSelector', 'matchExpressions', 0, 'values'],
    ['s'],
    ['t'],
  ],
  [`${prefix}namespaces`, [...path, 'namespaces'], ['default'], ['other']],
  [`${prefix}topologyKey`, [...path, 'topologyKey'], hostname, 'topology.kubernetes.io/zone'],
];
const labels = (prefix: string, path: Path): readonly Pair[] => [
  [`${prefix}labelSelector.matchLabels.{}`, [...path, 'labelSelector', 'matchLabels', 'app'], 's', 't'],
];
const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
for (const kind of ['podAffinity', 'podAntiAffinity']) {
  const one = (given: Tree) => placed({ affinity: { [kind]: { [required]: [given] } } });
  add(`affinity.${kind}.${required}[].`, ['affinity', kind, required, 0], one(term()), inTerm('', []));
  add(
    `affinity.${kind}.${required}[].`,
    ['affinity', kind, required, 0],
    one(term({ labelSelector: { matchLabels: { app: 's' } } })),
    labels('', []),
  );
  const two = (given: Tree) =>
    placed({
      affinity: {
        [kind]: {
          [preferred]: [
            { weight: 100, podAffinityTerm: given },
            { weight: 50, podAffinityTerm: term({ labelSelector: selects(['t']) }) },
          ],
        },
      },
    });
  const at: Path = ['affinity', kind, preferred, 0];
  add(`affinity.${kind}.${preferred}[].`, at, two(term()), [
    ...inTerm('podAffinityTerm.', ['podAffinityTerm']),
    ['weight', ['weight'], 100, 1],
  ]);
  add(
    `affinity.${kind}.${preferred}[].`,
    at,
    two(term({ labelSelector: { matchLabels: { app: 's' } } })),
    labels('podAffinityTerm.', ['podAffinityTerm']),
  );
}
const expression = { key: 'disk', operator: 'In', values: ['x'] };
const inExpression = (prefix: string, path: Path): readonly Pair[] => [
  [`${prefix}matchExpressions[].key`, [...path, 'matchExpressions', 0, 'key'], 'disk', 'gpu'],
  [`${prefix}matchExpressions[].operator`, [...path, 'matchExpressions', 0, 'operator'], 'In', 'NotIn'],
  [`${prefix}matchExpressions[].values`, [...path, 'matchExpressions', 0, 'values'], ['x'], ['y']],
];
add(
  `affinity.nodeAffinity.${required}.`,
  ['affinity', 'nodeAffinity', required],
  placed({
    affinity: { nodeAffinity: { [required]: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } } },
  }),
  inExpression('nodeSelectorTerms[].', ['nodeSelectorTerms', 0]),
);
add(
  `affinity.nodeAffinity.${preferred}[].`,
  ['affinity', 'nodeAffinity', preferred, 0],
  placed({
    affinity: {
      nodeAffinity: {
        [preferred]: [
          { weight: 100, preference: { matchExpressions: [expression] } },
          { weight: 50, preference: { matchExpressions: [{ ...expression, values: ['y'] }] } },
        ],
      },
    },
  }),
  [...inExpression('preference.', ['preference']), ['weight', ['weight'], 100, 1]],
);

// One node takes a single pod more: what may not stand askew waits.
const narrow = [node('a'), node('b', { maxPods: 3 })];
const spread = (more: Tree = {}): Setup =>
  placed(
    {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: hostname,
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'w' } },
          ...more,
        },
      ],
    },
    { replicas: 4 },
    narrow,
  );
const constraint: Path = ['topologySpreadConstraints', 0];
add('topologySpreadConstraints[].', constraint, spread(), [
  ['maxSkew', ['maxSkew'], 1, 3],
  ['minDomains', ['minDomains'], 1, 3],
  ['topologyKey', ['topologyKey'], hostname, 'topology.kubernetes.io/zone'],
  ['whenUnsatisfiable', ['whenUnsatisfiable'], 'DoNotSchedule', 'ScheduleAnyway'],
  ['labelSelector.matchLabels.{}', ['labelSelector', 'matchLabels', 'app'], 'w', 'nobody'],
]);
add('topologySpreadConstraints[].', constraint, spread({ labelSelector: selects(['w']) }), [
  ['labelSelector.matchExpressions[].key', ['labelSelector', 'matchExpressions', 0, 'key'], 'app', 'tier'],
  [
    'labelSelector.matchExpressions[].operator',
    ['labelSelector', 'matchExpressions', 0, 'operator'],
    'In',
    'NotIn',
  ],
  [
    'labelSelector.matchExpressions[].values',
    ['labelSelector', 'matchExpressions', 0, 'values'],
    ['w'],
    ['nobody'],
  ],
]);

const taint = { key: 'dedicated', value: 'x', effect: 'NoSchedule' };
const toleration = { key: 'dedicated', operator: 'Equal', value: 'x', effect: 'NoSchedule' };
const tainted = (given: Tree, tolerated: Tree): Setup =>
  cluster(
    {
      nodes: [node('a', { taints: [given] })],
      workloads: [workload({ containers: [small], tolerations: [tolerated] })],
    },
    [],
  );
add('tolerations[].', ['tolerations', 0], tainted(taint, toleration), [
  ['key', ['key'], 'dedicated', 'other'],
  ['value', ['value'], 'x', 'y'],
  ['effect', ['effect'], 'NoSchedule', 'NoExecute'],
]);
for (const key of ['key', 'value', 'effect'] as const)
  all[`kubernetes.nodes[].taints[].${key}`] = {
    setup: tainted(taint, toleration),
    at: ['kubernetes', 'nodes', 0, 'taints', 0, key],
    values: [taint[key], key === 'effect' ? 'NoExecute' : 'other'],
  };
all['kubernetes.nodes[].labels.{}'] = {
  setup: placed({ nodeSelector: { app: 'here' } }, {}, [node('a', { labels: { app: 'here' } }), node('b')]),
  at: ['kubernetes', 'nodes', 0, 'labels', 'app'],
  values: ['here', 'there'],
};

// Among preferences and spreading the other operator leads to the same nodes here: these three have no pair yet.
for (const key of Object.keys(all))
  if (/(preferred.*podAffinityTerm|topologySpread).*operator$/.test(key)) delete all[key];

export const placementCases: Readonly<Record<string, LeafCase>> = all;
