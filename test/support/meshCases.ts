/** Pairs of values for the keys of a mesh, on a platform of nothing else. */
import type { LeafCase, Path } from './leafCases.ts';
import { withEntries } from './leafEntries.ts';

type Json = NonNullable<LeafCase['values'][0]>;
type Tree = { readonly [key: string]: Json };
type Setup = NonNullable<LeafCase['setup']>;

const wide = { notBefore: '2020-01-01T00:00:00Z', notAfter: '2040-01-01T00:00:00Z' };
const first = {
  name: 'ca',
  issuer: 'root',
  notBefore: '2024-12-01T00:00:00Z',
  notAfter: '2025-01-20T00:00:00Z',
};
const second = { ...first, name: 'ca2', notAfter: '2025-02-20T00:00:00Z' };
const foreign = { ...second, name: 'other', issuer: 'root2' };
const roots = [
  { name: 'root', ...wide },
  { name: 'root2', ...wide },
];
const vault = [
  {
    name: 'pki',
    issuer: 'root',
    roles: [
      { name: 'short', ttl: '10m' },
      { name: 'long', ttl: '700h' },
    ],
  },
];
const istiod = (more: Tree): Tree => ({
  replicas: 2,
  signer: 'ca',
  secretPropagation: '5s',
  ...more,
});
const agents = (more: Tree): Tree => ({
  ttl: '10m',
  keyGeneration: '1ms',
  jitter: '1%',
  ...more,
});

/** 40 sidecars in two namespaces, whose certificates live ten minutes, for half an hour. */
const mesh = (more: Tree = {}, timeline: readonly Json[] = []): Setup => [
  [['extends'], ['models/mesh/istio-1.22.yaml']],
  ...['kafka', 'strimzi', 'kubernetes', 'hardware'].map((part): Setup[number] => [[part], undefined]),
  [['to'], '+30m'],
  [['timeline'], timeline],
  [
    ['mesh'],
    {
      nodes: 4,
      authorities: [...roots, first, second, foreign],
      vault,
      istiod: istiod({}),
      agents: agents({}),
      namespaces: [
        { name: 'a', sidecars: 20 },
        { name: 'b', sidecars: 20, plaintextConnections: 3 },
      ],
      ...more,
    },
  ],
];

const setSigner = { at: '+60s', id: 's', do: 'mesh.setSigner', authority: 'ca2' };
const act = (action: string, more: Tree = {}): Tree => ({
  at: '+120s',
  id: 'x',
  do: `mesh.${action}`,
  ...more,
});
const certificate = (more: Tree = {}): Tree => ({
  name: 'c',
  mount: 'pki',
  duration: '24h',
  notBefore: '2024-12-31T00:00:00Z',
  notAfter: '2025-01-01T00:10:00Z',
  ...more,
});
const managed = (more: Tree = {}, rest: Tree = {}, timeline: readonly Json[] = []): Setup =>
  mesh({ certManager: { certificates: [certificate(more)], ...rest } }, timeline);
const vaultAway = act('stopVault', { for: '20h' });
const longRun = (setup: Setup): Setup => [...setup, [['to'], '+20h']];
const pushes = act('pushTrust');

type Case = readonly [key: string, a: Json | undefined, b: Json | undefined, setup?: Setup];
const under = (name: string, at: Path, cases: readonly Case[]): Record<string, LeafCase> =>
  Object.fromEntries(
    cases.map(([key, a, b, setup]) => [
      `${name}${key}`,
      {
        setup: setup ?? mesh(),
        at: [
          ...at,
          ...key
            .replaceAll('[]', '.0')
            .split('.')
            .filter((k) => k !== '')
            .map((k) => (/^\d+$/.test(k) ? Number(k) : k)),
        ],
        values: [a, b] as const,
      },
    ]),
  );

const settings = under(
  'mesh.',
  ['mesh'],
  [
    ['agents.cpu', '100m', '1 cores', mesh({ agents: agents({ keyGeneration: '1s' }) })],
    ['agents.grace', undefined, '2m'],
    ['agents.graceRatio', '50%', '20%'],
    ['agents.jitter', '1%', '10%'],
    ['agents.keyGeneration', '1ms', '500ms'],
    [
      'agents.requestTimeout',
      undefined,
      '100ms',
      mesh({ agents: agents({ trustOverXds: true }), istiod: istiod({ signingCpu: '100ms' }) }, [pushes]),
    ],
    ['agents.restarted.ago', '2m', '4m', mesh({ agents: agents({ restarted: { over: '1m' } }) })],
    ['agents.restarted.over', '1m', '2m', mesh({ agents: agents({ restarted: { ago: '4m' } }) })],
    ['agents.swap', '10ms', '400ms'],
    [
      'agents.trustOverXds',
      false,
      true,
      mesh({ istiod: istiod({ multiRoot: true }) }, [act('trust', { roots: ['root', 'root2'] })]),
    ],
    ['agents.ttl', '10m', '20m'],
    ['certManager.maximumBackoff', '1h', '4h', longRun(managed({}, { minimumBackoff: '1h' }, [vaultAway]))],
    ['certManager.minimumBackoff', '10m', '1h', longRun(managed({}, {}, [vaultAway]))],
    ['clocks[].ahead', '0s', '-5min', mesh({ clocks: [{ node: 1 }] })],
    ['clocks[].node', 1, 2, mesh({ clocks: [{ ahead: '-5min' }], nodes: 7 })],
    ['connections.lifetime', '1h', '10m'],
    ['connections.maxDuration', undefined, '10m'],
    ['connections.perSidecar', 20, 30],
    [
      'istiod.clampToIssuer',
      false,
      true,
      mesh({ authorities: [...roots, { ...first, notAfter: '2025-01-01T00:12:00Z' }] }),
    ],
    [
      'istiod.cores',
      1,
      4,
      mesh({ agents: agents({ trustOverXds: true }), istiod: istiod({ signingCpu: '100ms' }) }, [pushes]),
    ],
    ['istiod.idleCpu', '200m', '300m'],
    ['istiod.memory.base', '512MiB', '600MiB'],
    ['istiod.memory.perProxy', '1MiB', '2MiB'],
    ['istiod.memory.perRequest', '1MiB', '2MiB'],
    ['istiod.multiRoot', false, true, mesh({}, [act('trust', { roots: ['root', 'root2'] })])],
    ['istiod.replicas', 1, 2],
    ['istiod.roots', ['root'], ['root', 'root2'], mesh({}, [act('setSigner', { authority: 'other' })])],
    ['istiod.secretPropagation', '5s', '60s', mesh({}, [setSigner])],
    ['istiod.signer', 'ca', 'ca2'],
    ['istiod.signingCpu', '1ms', '10ms'],
    ['istiod.tokenReview.latency', '6ms', '60ms'],
    [
      'istiod.tokenReview.rate',
      '1/s',
      '0/s',
      mesh({ agents: agents({ trustOverXds: true }), istiod: istiod({ tokenReview: { burst: 1 } }) }, [
        pushes,
      ]),
    ],
    [
      'istiod.tokenReview.burst',
      1,
      100,
      mesh({ agents: agents({ trustOverXds: true }), istiod: istiod({ tokenReview: { rate: '1/s' } }) }, [
        pushes,
      ]),
    ],
    ['mode', undefined, 'STRICT'],
    ['nodes', 4, 3, mesh({ clocks: [{ node: 1, ahead: '-5min' }] })],
    ['staging.burst', 0, 10, mesh({ staging: { pace: '0.1/s' } }, [setSigner, act('renewStaged')])],
    ['staging.pace', '0.1/s', '1/s', mesh({ staging: { burst: 0 } }, [setSigner, act('renewStaged')])],
    [
      'version',
      '1.22.4',
      '1.30.0',
      mesh({ authorities: [...roots, { ...first, notAfter: '2025-01-01T00:12:00Z' }] }),
    ],
  ],
);

const authorities = under(
  'mesh.authorities[].',
  ['mesh', 'authorities', 2],
  [
    ['issuer', 'root', 'root2', mesh({ istiod: istiod({ roots: ['root'] }) })],
    ['notAfter', first.notAfter, '2025-01-01T00:12:00Z'],
    ['notBefore', first.notBefore, '2025-01-01T00:12:00Z'],
  ],
);

const certificates = under(
  'mesh.certManager.certificates[].',
  ['mesh', 'certManager', 'certificates', 0],
  [
    ['duration', '24h', '48h', managed()],
    [
      'mount',
      'pki',
      'pki2',
      managed({}, {}, []).concat([
        [
          ['mesh', 'vault'],
          [...vault, { name: 'pki2', issuer: 'root', maxTtl: '2h' }],
        ],
      ]),
    ],
    ['notAfter', '2025-01-01T00:10:00Z', '2025-01-03T00:00:00Z', managed()],
    ['notBefore', '2024-12-31T00:00:00Z', '2024-12-31T23:50:00Z', managed()],
    ['renewBefore', undefined, '6m', managed({ notAfter: '2025-01-01T00:20:00Z' })],
    ['renewBeforePercentage', undefined, 1, managed({ notAfter: '2025-01-01T00:20:00Z' })],
    [
      'role',
      'short',
      'long',
      managed({}).concat([
        [
          ['mesh', 'vault'],
          [{ name: 'pki', issuer: 'root', roles: [{ name: 'short', maxTtl: '2h' }, { name: 'long' }] }],
        ],
      ]),
    ],
    [
      'signs',
      false,
      true,
      managed({}).concat([[['mesh', 'authorities', 2, 'notAfter'], '2025-01-01T00:12:00Z']]),
    ],
  ],
);

const namespaces = under(
  'mesh.namespaces[].',
  ['mesh', 'namespaces', 0],
  [
    ['clients', 'auto', 'DISABLE'],
    ['mode', undefined, 'STRICT'],
    ['plaintextConnections', 1, 5],
    ['sidecars', 20, 30],
    [
      'workloads[].mode',
      'STRICT',
      'DISABLE',
      mesh({ namespaces: [{ name: 'a', sidecars: 20, workloads: [{ name: 'w', sidecars: 5 }] }] }),
    ],
    [
      'workloads[].sidecars',
      5,
      6,
      mesh({ namespaces: [{ name: 'a', sidecars: 20, workloads: [{ name: 'w', mode: 'DISABLE' }] }] }),
    ],
  ],
);

const issues = act('issueIntermediate', { authority: 'new', mount: 'pki' });
const sign = { at: '+180s', id: 'y', do: 'mesh.setSigner', authority: 'new' };
const secretsEngine = under(
  'mesh.vault[].',
  ['mesh', 'vault', 0],
  [
    ['issuer', 'root', 'root2', mesh({ vault: [{ name: 'pki' }] }, [issues, sign])],
    [
      'leafNotAfterBehavior',
      'err',
      'truncate',
      mesh({ vault: [{ name: 'pki', issuer: 'ca', ttl: '700h' }] }, [issues]),
    ],
    ['maxTtl', '760h', '710h', mesh({}, [issues])],
    ['ttl', '700h', '100h', mesh({}, [issues])],
    ['roles[].ttl', '20m', '10m', mesh({}, [{ ...issues, role: 'short' }, sign])],
    ['roles[].maxTtl', '2h', '1h', managed({ role: 'short' })],
  ],
);

const action = (
  name: string,
  cases: readonly Case[],
  more: Tree = {},
  settingsOfMesh: Tree = {},
  before: readonly Json[] = [],
) =>
  under(
    `timeline[mesh.${name}].`,
    ['timeline', before.length],
    cases.map(
      ([key, a, b, setup]): Case => [key, a, b, setup ?? mesh(settingsOfMesh, [...before, act(name, more)])],
    ),
  );

const xds = { agents: agents({ trustOverXds: true }) };
const actions = {
  ...action(
    'issueIntermediate',
    [
      ['authority', 'new', 'newer'],
      [
        'mount',
        'pki',
        'pki2',
        mesh({ vault: [...vault, { name: 'pki2', issuer: 'root', ttl: '1h' }] }, [issues]),
      ],
      ['role', 'short', 'long'],
      ['ttl', '1h', '2h'],
    ],
    { authority: 'new', mount: 'pki' },
  ),
  ...action('setSigner', [['authority', 'ca2', 'ca']], { authority: 'ca2' }),
  ...action(
    'trust',
    [['roots', ['root'], ['root', 'root2']]],
    { roots: ['root'] },
    { istiod: istiod({ multiRoot: true }) },
  ),
  ...action(
    'renewStaged',
    [
      ['burst', 0, 10],
      ['pace', '0.1/s', '1/s'],
      ['namespaces', ['a'], ['b', 'a']],
    ],
    { burst: 1, pace: '0.1/s' },
    {},
    [setSigner],
  ),
  ...action(
    'restart',
    [
      ['namespaces', ['a'], ['b']],
      ['over', '1m', '5m'],
    ],
    { over: '1m' },
  ),
  ...action('pushTrust', [['at', '+120s', '+200s']], {}, xds),
  ...action(
    'rotateRoot',
    [
      ['to', 'other', 'ca2'],
      ['skip', undefined, ['trust']],
      ['wait', '5m', '10m'],
    ],
    { to: 'other', wait: '5m' },
    { istiod: istiod({ multiRoot: true }) },
  ),
  ...action(
    'stopIstiod',
    [
      ['replicas', [1], [1, 2]],
      ['for', '2m', '20m'],
    ],
    { for: '2m' },
  ),
  ...action('stopVault', [['for', '1h', '5h', longRun(managed({}, {}, [act('stopVault')]))]]),
  ...action(
    'setMode',
    [
      ['mode', 'STRICT', 'DISABLE'],
      ['namespace', 'a', 'b'],
      [
        'workload',
        undefined,
        'w',
        mesh(
          {
            namespaces: [
              { name: 'a', sidecars: 20, workloads: [{ name: 'w', sidecars: 5, mode: 'STRICT' }] },
            ],
          },
          [act('setMode', { mode: 'DISABLE', namespace: 'a' })],
        ),
      ],
    ],
    { mode: 'DISABLE', namespace: 'a' },
  ),
  ...action(
    'setClock',
    [
      ['ahead', '-5min', '5min'],
      ['node', 1, 2],
    ],
    { node: 1, ahead: '-5min' },
    { nodes: 7 },
  ),
};

export const meshCases: Record<string, LeafCase> = withEntries(
  { ...settings, ...authorities, ...certificates, ...namespaces, ...secretsEngine, ...actions },
  { id: 'other', do: 'mesh.stopIstiod', for: '1s' },
);

/** Keys that name, and two that are only held against others: a cap, and a sum. */
export const meshNames: readonly string[] = [
  'mesh.authorities[].name',
  'mesh.certManager.certificates[].name',
  'mesh.istiod.maxTtl',
  'mesh.namespaces[].name',
  'mesh.namespaces[].workloads[].name',
  'mesh.sidecars',
  'mesh.vault[].name',
  'mesh.vault[].roles[].name',
  ...[
    'issueIntermediate',
    'setSigner',
    'trust',
    'renewStaged',
    'restart',
    'pushTrust',
    'rotateRoot',
    'stopIstiod',
    'stopVault',
    'setMode',
    'setClock',
  ].flatMap((a) => [`timeline[mesh.${a}].id`, `timeline[mesh.${a}].name`]),
];
