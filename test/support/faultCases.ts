/** Pairs of values for the keys of faults, and for what only a fault shows; see leafCases.ts. */
import type { LeafCase, Path } from './leafCases.ts';

type Json = NonNullable<LeafCase['values'][0]>;
type Setup = readonly (readonly [Path, Json | undefined])[];

const zones: Setup = [
  [
    ['kubernetes', 'nodes'],
    [0, 1, 2, 3, 4].map((i) => ({ name: `n${i}`, instance: 'small', zone: ['a', 'a', 'b', 'b', 'c'][i]! })),
  ],
];
const fault = (kind: string, more: { readonly [key: string]: Json }, at = '+60s'): Setup => [
  ...zones,
  [['timeline'], [{ at, id: 'one', do: `faults.${kind}`, ...more }]],
];
const lostNode = fault('node', { node: 'n4', for: '60s' });
const dedicated: Setup = [
  ...fault('zone', { zone: 'a', for: '60s' }),
  [
    ['kafka', 'controllers'],
    { mode: 'dedicated', ids: [100, 101, 102], active: 100, nodes: ['n0', 'n2', 'n4'] },
  ],
  ...[0, 1, 2].map((i) => [['kafka', 'brokers', i, 'controller'], undefined] as const),
];
const network: { readonly [key: string]: readonly [Setup, Json, Json] } = {
  between: [fault('network', { between: ['a', 'b'], for: '40s' }), ['a', 'b'], ['a', 'c']],
  broker: [fault('network', { broker: 3, for: '40s' }), 3, 4],
  zone: [fault('network', { zone: 'a', for: '40s' }), 'a', 'b'],
};

/** Cases of the keys that every action has. */
function common(kind: string, setup: Setup): Record<string, LeafCase> {
  return {
    [`timeline[faults.${kind}].at`]: { setup, at: ['timeline', 0, 'at'], values: ['+60s', '+90s'] },
    [`timeline[faults.${kind}].do`]: {
      setup: zones,
      at: ['timeline'],
      values: [setup.at(-1)![1], [{ at: '+60s', id: 'one', do: 'operations.restart', broker: 2 }]],
    },
    [`timeline[faults.${kind}].for`]: { setup, at: ['timeline', 0, 'for'], values: ['40s', '90s'] },
  };
}

/** Failures by chance, often enough to be seen within five minutes. */
const byChance = (kind: string, more: { readonly [key: string]: Json } = {}): Setup => [
  ...zones,
  [['timeline'], []],
  [['faults', 'random'], { [kind]: { mtbf: '60s', repair: '20s', ...more } }],
];
const random: Record<string, LeafCase> = Object.fromEntries(
  ['broker', 'node', 'zone', 'controller', 'network'].flatMap((kind): [string, LeafCase][] => {
    const at = ['faults', 'random', kind];
    return [
      [`faults.random.${kind}.mtbf`, { setup: byChance(kind), at: [...at, 'mtbf'], values: ['60s', '90s'] }],
      [
        `faults.random.${kind}.between`,
        {
          setup: [...byChance(kind), [[...at, 'mtbf'], undefined]],
          at: [...at, 'between'],
          values: [
            { varies: { exponential: { mean: '60s' } } },
            { varies: { weibull: { scale: '60s', shape: 3 } } },
          ],
        },
      ],
      [
        `faults.random.${kind}.repair`,
        {
          setup: byChance(kind),
          at: [...at, 'repair'],
          values: ['20s', { varies: { exponential: { mean: '20s' } } }],
        },
      ],
    ];
  }),
);

export const faultCases: Readonly<Record<string, LeafCase>> = {
  ...random,
  'faults.random.node.wholeZone': {
    setup: byChance('node'),
    at: ['faults', 'random', 'node', 'wholeZone'],
    values: ['0%', '50%'],
  },
  'faults.random.node.disks': {
    setup: byChance('node'),
    at: ['faults', 'random', 'node', 'disks'],
    values: ['kept', 'lost'],
  },
  'faults.random.zone.disks': {
    setup: byChance('zone'),
    at: ['faults', 'random', 'zone', 'disks'],
    values: ['kept', 'lost'],
  },
  ...common('broker', fault('broker', { broker: 1, for: '40s' })),
  'timeline[faults.broker].broker': {
    setup: fault('broker', { broker: 1 }),
    at: ['timeline', 0, 'broker'],
    values: [1, 2],
  },
  ...common('controller', fault('controller', { for: '40s' })),
  'timeline[faults.controller].node': {
    setup: fault('controller', { node: 0 }),
    at: ['timeline', 0, 'node'],
    values: [0, 1],
  },
  ...common('node', lostNode),
  'timeline[faults.node].node': { setup: lostNode, at: ['timeline', 0, 'node'], values: ['n4', 'n3'] },
  'timeline[faults.node].disks': { setup: lostNode, at: ['timeline', 0, 'disks'], values: ['kept', 'lost'] },
  ...common('zone', fault('zone', { zone: 'c', for: '60s' })),
  'timeline[faults.zone].zone': {
    setup: fault('zone', { zone: 'a', for: '60s' }),
    at: ['timeline', 0, 'zone'],
    values: ['a', 'c'],
  },
  'timeline[faults.zone].disks': {
    setup: fault('zone', { zone: 'c', for: '60s' }),
    at: ['timeline', 0, 'disks'],
    values: ['kept', 'lost'],
  },
  ...common('network', network.broker![0]),
  ...Object.fromEntries(
    Object.entries(network).map(([key, [setup, a, b]]): [string, LeafCase] => [
      `timeline[faults.network].${key}`,
      { setup, at: ['timeline', 0, key], values: [a, b] },
    ]),
  ),
  'kafka.controllers.nodes': {
    setup: dedicated,
    at: ['kafka', 'controllers', 'nodes'],
    values: [
      ['n0', 'n2', 'n4'],
      ['n0', 'n1', 'n4'],
    ],
  },
  'kafka.config.controller.quorum.election.timeout.ms': {
    setup: fault('controller', { node: 0, for: '40s' }).concat([
      [['kafka', 'brokers', 2, 'controller'], undefined],
    ]),
    at: ['kafka', 'config', 'controller.quorum.election.timeout.ms'],
    values: [1000, 8000],
  },
  'kafka.config.controller.quorum.election.backoff.max.ms': {
    setup: fault('controller', { node: 0, for: '40s' }).concat([
      [['kafka', 'brokers', 2, 'controller'], undefined],
    ]),
    at: ['kafka', 'config', 'controller.quorum.election.backoff.max.ms'],
    values: [1000, 0],
  },
  'kafka.timing.pageFlush': { setup: lostNode, at: ['kafka', 'timing', 'pageFlush'], values: ['0s', '30s'] },
  'kafka.producers.enable.idempotence': {
    setup: lostNode,
    at: ['kafka', 'producers', 'enable.idempotence'],
    values: [true, false],
  },
  'kafka.topics[].producers.enable.idempotence': {
    setup: lostNode,
    at: ['kafka', 'topics', 0, 'producers', 'enable.idempotence'],
    values: [true, false],
  },
  'kafka.producers.request.timeout.ms': {
    setup: lostNode,
    at: ['kafka', 'producers', 'request.timeout.ms'],
    values: [30_000, 15_000],
  },
  'kafka.topics[].producers.request.timeout.ms': {
    setup: lostNode,
    at: ['kafka', 'topics', 0, 'producers', 'request.timeout.ms'],
    values: [30_000, 15_000],
  },
};

/** Keys of faults that only name. */
export const faultNames: readonly string[] = ['broker', 'controller', 'network', 'node', 'zone'].flatMap(
  (kind) => [`timeline[faults.${kind}].id`, `timeline[faults.${kind}].name`],
);
