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

const lossy = fault('network', { zone: 'b', loss: '1%', for: '120s' });
const bursty = fault('network', {
  zone: 'b',
  bursts: { good: '0%', bad: '30%', goodFor: '10s', badFor: '10s' },
  for: '120s',
});
const failedDisk = fault('disk', { broker: 3, how: 'failed', for: '60s' });
const slowDisk = fault('disk', { broker: 3, how: 'slow', read: '1GB/s', write: '20MB/s', for: '60s' });
const twoDisks: Setup = [
  ...fault('disk', { broker: 3, directory: 'data-0', how: 'failed', for: '60s' }),
  [['hardware', 'instanceTypes', 0, 'disks'], 2],
  [['kafka', 'brokers', 3, 'disk'], undefined],
  [['kafka', 'brokers', 3, 'diskUsed'], undefined],
  [
    ['kafka', 'brokers', 3, 'logDirs'],
    [
      { size: '2TB', used: '50GB' },
      { size: '2TB', used: '50GB' },
    ],
  ],
];
const crowded = fault('neighbour', { node: 'n3', networkIn: '1MB/s', for: '60s' });

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
  ['broker', 'node', 'zone', 'controller', 'disk', 'network'].flatMap((kind): [string, LeafCase][] => {
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
  'timeline[faults.network].loss': { setup: lossy, at: ['timeline', 0, 'loss'], values: ['1%', '20%'] },
  'timeline[faults.network].roundTrip': {
    setup: fault('network', { zone: 'b', roundTrip: '1ms', for: '120s' }),
    at: ['timeline', 0, 'roundTrip'],
    values: ['1ms', '40ms'],
  },
  ...Object.fromEntries(
    Object.entries({
      good: ['0%', '10%'],
      bad: ['30%', '50%'],
      goodFor: ['10s', '40s'],
      badFor: ['10s', '40s'],
    }).map(([key, [a, b]]): [string, LeafCase] => [
      `timeline[faults.network].bursts.${key}`,
      { setup: bursty, at: ['timeline', 0, 'bursts', key], values: [a, b] },
    ]),
  ),
  ...common('disk', failedDisk),
  'timeline[faults.disk].broker': { setup: failedDisk, at: ['timeline', 0, 'broker'], values: [3, 4] },
  'timeline[faults.disk].directory': {
    setup: twoDisks,
    at: ['timeline', 0, 'directory'],
    values: ['data-0', 'data-1'],
  },
  'timeline[faults.disk].how': {
    setup: [],
    at: ['timeline'],
    values: [failedDisk.at(-1)![1], slowDisk.at(-1)![1]],
  },
  'timeline[faults.disk].read': {
    setup: slowDisk,
    at: ['timeline', 0, 'read'],
    values: ['1GB/s', '10MB/s'],
  },
  'timeline[faults.disk].write': {
    setup: slowDisk,
    at: ['timeline', 0, 'write'],
    values: ['20MB/s', '1GB/s'],
  },
  ...common('neighbour', crowded),
  'timeline[faults.neighbour].node': { setup: crowded, at: ['timeline', 0, 'node'], values: ['n3', 'n4'] },
  ...Object.fromEntries(
    (['networkIn', 'networkOut', 'diskRead', 'diskWrite'] as const).map((key): [string, LeafCase] => [
      `timeline[faults.neighbour].${key}`,
      {
        setup:
          key === 'diskRead'
            ? [
                ...zones,
                [['kafka', 'brokers', 3, 'pageCache'], '1MiB'],
                [
                  ['timeline'],
                  [
                    {
                      at: '+30s',
                      id: 'one',
                      do: 'faults.neighbour',
                      node: 'n3',
                      networkIn: '1MB/s',
                      for: '250s',
                    },
                    {
                      at: '+60s',
                      id: 'two',
                      do: 'operations.restart',
                      broker: 0,
                      downTime: '120s',
                      drain: '8s',
                    },
                  ],
                ],
              ]
            : crowded,
        at: ['timeline', 0, key],
        values: ['1MB/s', '3GB/s'],
      },
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
export const faultNames: readonly string[] = [
  'broker',
  'controller',
  'disk',
  'neighbour',
  'network',
  'node',
  'zone',
].flatMap((kind) => [`timeline[faults.${kind}].id`, `timeline[faults.${kind}].name`]);
