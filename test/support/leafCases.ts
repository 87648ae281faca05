/** Pairs of values for every key of a scenario file, on one small platform; see test/scenario/leafKeys.test.ts. */
import { calendarCases, calendarNames } from './calendarCases.ts';
import { connectCases, connectNames, registryCases, registryNames } from './connectCases.ts';
import { cruiseControlCases, cruiseControlNames } from './cruiseControlCases.ts';
import { faultCases, faultNames } from './faultCases.ts';
import { groupCases, groupNames } from './groupCases.ts';
import { kubernetesCases, kubernetesNames } from './kubernetesCases.ts';
import { meshCases, meshNames } from './meshCases.ts';
import { monitoringCases, monitoringFiles, monitoringNames } from './monitoringLeafCases.ts';
import { partitionCases, partitionFiles, partitionNames } from './partitionCases.ts';
import { placementCases } from './placementCases.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
export type Path = readonly (string | number)[];

/** Values to set before both runs, then the key's own two values; undefined leaves it out. */
export interface LeafCase {
  readonly setup?: readonly (readonly [Path, Json | undefined])[];
  readonly at: Path;
  readonly values: readonly [Json | undefined, Json | undefined];
}

const restart = { at: '+60s', id: 'one', do: 'operations.restart', broker: 0, downTime: '40s', drain: '8s' };
/** Without recorded times: the models decide how long each phase takes. */
const natural: [Path, Json | undefined][] = [
  [['timeline'], [{ at: '+60s', id: 'one', do: 'operations.restart', broker: 0 }]],
];
/** A grace period that is too short: the process is killed, and comes back unclean. */
const killed: [Path, Json | undefined][] = [
  ...natural,
  [['kubernetes', 'pods', 'terminationGracePeriod'], '1s'],
];
const rolling = (more: { readonly [key: string]: Json }): [Path, Json | undefined][] => [
  [['timeline'], [{ at: '+60s', id: 'roll', do: 'operations.rollingRestart', brokers: [0, 1], ...more }]],
];
const strimzi = (more: { readonly [key: string]: Json }): [Path, Json | undefined][] => [
  [['timeline'], [{ at: '+60s', id: 'roll', do: 'strimzi.rollingRestart', ...more }]],
];
/** Two brokers away at once: writes are turned away, longer than producers bear. */
const blocked: [Path, Json | undefined][] = [
  [
    ['timeline'],
    [
      { ...restart, downTime: '200s' },
      { ...restart, id: 'two', at: '+61s', broker: 1, downTime: '200s' },
      { ...restart, id: 'three', at: '+62s', broker: 2, downTime: '200s' },
    ],
  ],
];
/** Brokers 1 and 4 stand in another zone than the others, each in a rack of its zone's name. */
const twoZones: [Path, Json | undefined][] = [
  [['kubernetes', 'nodes', 1, 'zone'], 'b'],
  [['kubernetes', 'nodes', 4, 'zone'], 'b'],
  ...[0, 1, 2, 3, 4].map((i): [Path, Json] => [
    ['kafka', 'brokers', i, 'rack'],
    i === 1 || i === 4 ? 'b' : 'a',
  ]),
];
const rackAware: [Path, Json | undefined][] = [
  ...twoZones,
  [['kafka', 'config', 'replica.selector.class'], 'RackAwareReplicaSelector'],
];
const expectation = (e: { readonly [key: string]: Json }): [Path, Json | undefined][] => [
  [['expect'], [{ name: 'e', that: 'rehearse:brokers_out_of_sync == 0', at: '+70s', ...e }]],
];
const fact = (o: { readonly [key: string]: Json }): [Path, Json | undefined][] => [
  [
    ['observed'],
    [
      {
        name: 'ref',
        that: 'rehearse:isr_recovery_seconds{broker="0"}',
        value: '10s',
        role: 'compare',
        source: 's',
      },
      {
        name: 'big',
        that: 'rehearse:restart_down_seconds{broker="0"}',
        value: '40s',
        role: 'input',
        source: 's',
      },
      { name: 'small', value: '20s', role: 'input', source: 's' },
      {
        name: 'o',
        that: 'rehearse:restart_down_seconds{broker="0"}',
        value: '40s',
        role: 'compare',
        source: 's',
        ...o,
      },
    ],
  ],
];
const topic = (key: string): Path => ['kafka', 'topics', 0, key];
const jvm: readonly (readonly [string, Json, Json])[] = [
  ['heap', '12Gi', '14Gi'],
  ['maxGcPause', '20ms', '15ms'],
  ['reservePercent', 10, 15],
  ['concGcThreads', 2, 4],
  ['parallelGcThreads', 4, 8],
  ['regionSize', '8Mi', '16Mi'],
  ['initiatingHeapOccupancyPercent', 35, 45],
  ['adaptiveIhop', true, false],
  ['mixedGcCountTarget', 8, 2],
];
/** Brokers with a JVM each, whose heap is tight: collections of every kind within the period. */
const tightHeap: [Path, Json | undefined][] = [
  [
    ['extends'],
    [
      'models/hardware/aws-ec2.yaml',
      'models/kubernetes/kubernetes-1.30.yaml',
      'models/strimzi/strimzi-0.42.yaml',
      'models/kafka/kafka-3.7.yaml',
      'models/jvm/kafka-jvm.yaml',
    ],
  ],
  [['strimzi', 'jvm'], { heap: '512Mi', initiatingHeapOccupancyPercent: 35 }],
  [['jvm', 'program'], { live: '250MiB', longShare: '10%', bytesPerRequest: '20KiB' }],
  ...[0, 1, 2, 3, 4].map((i): [Path, undefined] => [['kafka', 'brokers', i, 'pageCache'], undefined]),
];
const resources: readonly (readonly [string, Json, Json])[] = [
  ['memoryLimit', '20Gi', '24Gi'],
  ['cpuRequest', '4 cores', '5 cores'],
  ['cpuLimit', '8 cores', '6 cores'],
];

const many: Record<string, LeafCase> = {};
for (const [key, a, b] of jvm) {
  const told = key !== 'adaptiveIhop';
  many[`strimzi.jvm.${key}`] = {
    ...(told ? {} : { setup: tightHeap }),
    at: ['strimzi', 'jvm', key],
    values: [a, b],
  };
  many[`timeline[operations.rollingRestart].jvm.${key}`] = {
    setup: rolling({}),
    at: ['timeline', 0, 'jvm', key],
    values: [a, b],
  };
  many[`timeline[strimzi.rollingRestart].jvm.${key}`] = {
    setup: strimzi({ jvm: { [key]: a } }),
    at: ['timeline', 0, 'jvm', key],
    values: [a, b],
  };
}
for (const [key, a, b] of [
  ['release', 17, 21],
  ['collections', 'events', 'sampled'],
  ['costFactor', 1, 2],
  ['noiseWidth', 1, 0.1],
  ['offHeap.fixed', '1GiB', '2GiB'],
  ['offHeap.heapShare', '5%', '50%'],
  ['program.bytesPerRequest', '20KiB', '40KiB'],
  ['program.live', '250MiB', '100MiB'],
  ['program.longShare', '10%', '1%'],
  ['program.objectSize', '550B', '100B'],
  ['costs.otherMillis', 1, 5],
  ['costs.evacuationMillis', 1, 5],
  ['costs.copyMillisPerMiB', 1, 3],
  ['costs.scanMicrosPerCard', 1, 5],
  ['costs.scanMicrosPerReference', 0.4, 2],
  ['costs.noise', [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 3]],
  ['costs.markMillisPerMiB', 0.5, 2],
  ['costs.rootMillisPerMiB', 0.5, 20],
  ['costs.rebuildShare', 1, 3],
  ['costs.cycleMillis', 1, 50],
  ['costs.remarkMillis', 1, 20],
  ['costs.cleanupMillis', 1, 20],
  ['costs.fullMillisPerMiB', 2, 8],
  ['costs.peakAllocationMiBPerSecond', 4000, 100],
] as const) {
  many[`jvm.${key}`] = {
    setup: [
      ...tightHeap,
      // Only a heap that does not hold what lives is collected whole.
      ...(key === 'costs.fullMillisPerMiB' || key === 'release'
        ? ([[['jvm', 'program', 'live'], '480MiB']] as [Path, Json][])
        : []),
    ],
    at: ['jvm', ...key.split('.')],
    values: [a as Json, b as Json],
  };
}
for (const [key, a, b] of [
  ['broker', 0, 1],
  ['for', '10s', '20s'],
  ['why', 'a heap dump', 'a frozen machine'],
] as const) {
  many[`timeline[jvm.pause].${key}`] = {
    setup: [...tightHeap, [['timeline'], [{ at: '+60s', id: 'p', do: 'jvm.pause', broker: 0, for: '10s' }]]],
    at: ['timeline', 0, key],
    values: [a, b],
  };
}
many['timeline[jvm.pause].at'] = {
  setup: [...tightHeap, [['timeline'], [{ at: '+60s', id: 'p', do: 'jvm.pause', broker: 0, for: '10s' }]]],
  at: ['timeline', 0, 'at'],
  values: ['+60s', '+90s'],
};
many['timeline[jvm.pause].do'] = {
  setup: [...tightHeap, [['timeline'], [{ at: '+60s', id: 'p', do: 'jvm.pause', broker: 0 }]]],
  at: ['timeline', 0],
  values: [
    { at: '+60s', id: 'p', do: 'jvm.pause', broker: 0, for: '10s' },
    { at: '+60s', id: 'p', do: 'operations.restart', broker: 0 },
  ],
};
for (const [key, a, b] of resources) {
  many[`strimzi.resources.${key}`] = { at: ['strimzi', 'resources', key], values: [a, b] };
  many[`timeline[operations.rollingRestart].resources.${key}`] = {
    setup: rolling({}),
    at: ['timeline', 0, 'resources', key],
    values: [a, b],
  };
  many[`timeline[strimzi.rollingRestart].resources.${key}`] = {
    setup: strimzi({ resources: { [key]: a } }),
    at: ['timeline', 0, 'resources', key],
    values: [a, b],
  };
}
for (const [key, a, b] of [
  ['clients', 1, 1000],
  ['buffer.memory', 1_000_000, 33_554_432_000],
  ['delivery.timeout.ms', 20_000, 190_000],
  ['max.block.ms', 1000, 60_000],
  ['retry.backoff.ms', 10, 5000],
] as const) {
  const setup: [Path, Json | undefined][] =
    key === 'retry.backoff.ms'
      ? [[['seed'], '4']]
      : [
          ...blocked,
          ...(key === 'delivery.timeout.ms'
            ? ([[['kafka', 'producers', 'clients'], 100_000]] as [Path, Json][])
            : []),
        ];
  many[`kafka.producers.${key}`] = { setup, at: ['kafka', 'producers', key], values: [a, b] };
  many[`kafka.topics[].producers.${key}`] = {
    setup,
    at: ['kafka', 'topics', 0, 'producers', key],
    values: [a, b],
  };
}
/** One producer client, so that its connection to a broker is what bounds it. */
const oneClient: [Path, Json | undefined][] = [[['kafka', 'producers', 'clients'], 1]];
for (const [key, setup, a, b] of [
  ['batch.size', [[['kafka', 'producers', 'linger.ms'], 20]], 16_384, 1_000_000],
  ['linger.ms', [[['kafka', 'producers', 'batch.size'], 1_000_000]], 0, 20],
  ['max.in.flight.requests.per.connection', oneClient, 5, 1],
  [
    'max.request.size',
    [
      [['kafka', 'producers', 'linger.ms'], 500],
      [['kafka', 'producers', 'batch.size'], 1_000_000],
    ],
    50_000,
    1_048_576,
  ],
] as const) {
  many[`kafka.producers.${key}`] = {
    setup: setup as [Path, Json][],
    at: ['kafka', 'producers', key],
    values: [a, b],
  };
  many[`kafka.topics[].producers.${key}`] = {
    setup: setup as [Path, Json][],
    at: ['kafka', 'topics', 0, 'producers', key],
    values: [a, b],
  };
}
for (const [key, setup, a, b] of [
  ['clients', [], 1, 60],
  ['fetch.min.bytes', [], 1, 1_000_000],
  ['fetch.max.wait.ms', [[['kafka', 'consumers', 'fetch.min.bytes'], 1_000_000_000]], 500, 50],
] as const) {
  many[`kafka.consumers.${key}`] = {
    setup: setup as unknown as [Path, Json][],
    at: ['kafka', 'consumers', key],
    values: [a, b],
  };
  many[`kafka.consumerGroups[].${key}`] = {
    setup: setup as unknown as [Path, Json][],
    at: ['kafka', 'consumerGroups', 0, key],
    values: [a, b],
  };
}
/** The stopped broker's backlog has left the page caches of its leaders. */
const coldCatchUp: [Path, Json | undefined][] = [0, 1, 2, 3, 4].map((i) => [
  ['kafka', 'brokers', i, 'pageCache'],
  '0B',
]);
const tls: [Path, Json | undefined][] = [[['kafka', 'requests', 'tls'], true]];
for (const [key, setup, a, b] of [
  ['networkRequestRate', [], '25000/s', '5000/s'],
  ['ioRequestRate', [], '10000/s', '5000/s'],
  ['networkByteRate', [], '5GB/s', '500MB/s'],
  ['ioByteRate', [], '2GB/s', '200MB/s'],
  ['serviceVariability', [], 1, 0],
  ['tls', [], false, true],
  ['tlsRequestTime', tls, '10us', '100us'],
  ['tlsByteRate', tls, '1GB/s', '100MB/s'],
  ['coldReadRate', coldCatchUp, '500MB/s', '50MB/s'],
] as const) {
  many[`kafka.requests.${key}`] = {
    setup: setup as [Path, Json | undefined][],
    at: ['kafka', 'requests', key],
    values: [a, b],
  };
}
for (const [key, setup, a, b] of [
  ['num.network.threads', [], 3, 8],
  ['num.io.threads', [], 8, 2],
  [
    'queued.max.requests',
    [
      [['kafka', 'config', 'num.io.threads'], 1],
      [['kafka', 'requests', 'ioRequestRate'], '11000/s'],
    ],
    500,
    1,
  ],
] as const) {
  many[`kafka.config.${key}`] = {
    setup: setup as unknown as [Path, Json][],
    at: ['kafka', 'config', key],
    values: [a, b],
  };
}
const reset = { at: '+60s', id: 'back', do: 'kafka.resetConsumer', group: 'readers', behind: '10m' };
const twoGroups: [Path, Json | undefined][] = [
  [['kafka', 'consumerGroups', 1], { name: 'others', topics: ['busy'], pollInterval: '0ms' }],
  [['timeline'], [reset]],
];
for (const [key, a, b] of [
  ['at', '+60s', '+90s'],
  ['group', 'readers', 'others'],
  ['behind', '10m', '20m'],
] as const) {
  many[`timeline[kafka.resetConsumer].${key}`] = {
    setup: twoGroups,
    at: ['timeline', 0, key],
    values: [a, b],
  };
}
many['timeline[kafka.resetConsumer].do'] = { at: ['timeline', 0], values: [reset, restart] };
for (const action of ['restart', 'replaceNode']) {
  const setup: [Path, Json | undefined][] = [[['timeline'], [{ ...restart, do: `operations.${action}` }]]];
  const key = (k: string) => `timeline[operations.${action}].${k}`;
  many[key('at')] = { setup, at: ['timeline', 0, 'at'], values: ['+60s', '+90s'] };
  many[key('broker')] = { setup, at: ['timeline', 0, 'broker'], values: [0, 1] };
  many[key('do')] = {
    setup,
    at: ['timeline', 0, 'do'],
    values: ['operations.restart', 'operations.replaceNode'],
  };
  many[key('downTime')] = { setup, at: ['timeline', 0, 'downTime'], values: ['40s', '80s'] };
  many[key('drain')] = { setup, at: ['timeline', 0, 'drain'], values: ['8s', '12s'] };
}
const curve = (c: { readonly [key: string]: Json }): [Path, Json | undefined][] => [
  [['workload', 'curves'], [{ name: 'shape', ...c }]],
  [topic('curve'), 'shape'],
];
for (const [key, a, b] of [
  ['at', '10s', '100s'],
  ['for', '30s', '90s'],
  ['factor', 2, 3],
  ['ramp', '1s', '9s'],
] as const) {
  many[`workload.curves[].burst.${key}`] = {
    setup: curve({ burst: { at: '30s', for: '60s', factor: 2 } }),
    at: ['workload', 'curves', 0, 'burst', key],
    values: [a, b],
  };
}
const hours = (peak: number): Json =>
  Array.from({ length: 24 }, (_, h) => (h === 0 ? peak : 1 + (h % 4) / 2));
const throttle: [Path, Json | undefined][] = [[topic('throttledReplicas'), '*']];
const dedicated: [Path, Json | undefined][] = [
  [['kafka', 'controllers'], { mode: 'dedicated', ids: [100, 101, 102], active: 100 }],
  ...[0, 1, 2].map((i): [Path, Json | undefined] => [['kafka', 'brokers', i, 'controller'], undefined]),
];
const growing: [Path, Json | undefined][] = [
  [['kafka', 'holdLogsAtInitialSize'], false],
  [['timeline'], []],
];
/** Segments that are rolled by age, and are opened when a broker comes back. */
const aged: [Path, Json | undefined][] = [
  ...natural,
  [['kafka', 'config', 'log.segment.bytes'], 1_000_000_000_000],
  [['kafka', 'brokers', 0, 'diskUsed'], '2TB'],
];
const jbod: [Path, Json | undefined][] = [
  ...natural,
  [['hardware', 'instanceTypes', 0, 'disks'], 3],
  [['kafka', 'brokers', 0, 'disk'], undefined],
  [['kafka', 'brokers', 0, 'diskUsed'], undefined],
  [
    ['kafka', 'brokers', 0, 'logDirs'],
    [
      { name: 'fast', size: '2TB', used: '100GB', disk: 0 },
      { size: '1TB', used: '90GB', disk: 0 },
    ],
  ],
];
const directory = (key: string): Path => ['kafka', 'brokers', 0, 'logDirs', 0, key];

/** Authorities of the operator that come within 30 days of their end as the period begins. */
const authorities: Record<string, LeafCase> = {};
for (const ca of ['clusterCa', 'clientsCa'])
  for (const [key, a, b] of [
    ['notAfter', '2025-01-30T00:00:00Z', '2025-03-30T00:00:00Z'],
    ['generateCertificateAuthority', true, false],
    ['validityDays', 365, 100],
    ['renewalDays', 30, 10],
    ['certificateExpirationPolicy', 'renew-certificate', 'replace-key'],
  ] as const)
    authorities[`strimzi.${ca}.${key}`] = {
      setup: [
        [['timeline'], []],
        [['strimzi', ca], { notAfter: '2025-01-30T00:00:00Z' }],
      ],
      at: ['strimzi', ca, key],
      values: [a, b],
    };

export const leafCases: Readonly<Record<string, LeafCase>> = {
  ...many,
  ...authorities,
  ...connectCases,
  ...meshCases,
  ...kubernetesCases,
  ...placementCases,
  ...monitoringCases,
  ...registryCases,
  ...calendarCases,
  ...faultCases,
  ...groupCases,
  ...cruiseControlCases,
  ...partitionCases,
  'expect[].at': { setup: expectation({}), at: ['expect', 0, 'at'], values: ['+70s', '+10s'] },
  'expect[].every': {
    setup: [
      [
        ['expect'],
        [{ name: 'e', scraped: 'rehearse:brokers_out_of_sync == 0', throughout: true, every: '15s' }],
      ],
    ],
    at: ['expect', 0, 'every'],
    values: ['15s', '250s'],
  },
  'expect[].holdsIn': { setup: expectation({}), at: ['expect', 0, 'holdsIn'], values: [undefined, '99%'] },
  'expect[].scraped': {
    setup: [[['expect'], [{ name: 'e', throughout: true }]]],
    at: ['expect', 0, 'scraped'],
    values: ['rehearse:brokers_out_of_sync == 0', 'rehearse:brokers_out_of_sync <= 1'],
  },
  'expect[].standard.{}': {
    setup: [[['expect'], [{ standard: {} }]]],
    at: ['expect', 0, 'standard', 'retriedSends'],
    values: [0, 1e12],
  },
  'expect[].steady': {
    setup: [[['expect'], [{ name: 'e', that: 'rehearse:brokers_out_of_sync == 0' }]]],
    at: ['expect', 0, 'steady'],
    values: [undefined, ['+80s', '+110s']],
  },
  'expect[].that': {
    setup: expectation({}),
    at: ['expect', 0, 'that'],
    values: ['rehearse:brokers_out_of_sync == 0', 'rehearse:brokers_out_of_sync == 1'],
  },
  'expect[].throughout': {
    setup: [[['expect'], [{ name: 'e', that: 'rehearse:brokers_out_of_sync == 0' }]]],
    at: ['expect', 0, 'throughout'],
    values: [
      ['+0s', '+50s'],
      ['+0s', '+80s'],
    ],
  },
  extends: { at: ['extends', 3], values: ['models/kafka/kafka-3.7.yaml', 'models/cheaper.yaml'] },
  from: {
    setup: [[['to'], '2025-01-01T00:05:00Z']],
    at: ['from'],
    values: ['2025-01-01T00:00:00Z', '2025-01-01T00:01:00Z'],
  },
  to: { at: ['to'], values: ['+5m', '+6m'] },
  platform: {
    setup: [[['extends'], []]],
    at: ['platform'],
    values: ['models/all.yaml', 'models/all-cheaper.yaml'],
  },
  seed: { at: ['seed'], values: ['1', '2'] },
  shows: { setup: [...expectation({}), ...fact({})], at: ['shows'], values: [undefined, 'e'] },
  until: { at: ['until'], values: [undefined, 'rehearse:brokers_out_of_sync == 1'] },
  warmUp: { at: ['warmUp'], values: [undefined, '2m'] },
  'hardware.instanceTypes[].cores': { at: ['hardware', 'instanceTypes', 0, 'cores'], values: [8, 4] },
  'hardware.instanceTypes[].disks': { at: ['hardware', 'instanceTypes', 0, 'disks'], values: [1, 2] },
  'hardware.instanceTypes[].memory': {
    at: ['hardware', 'instanceTypes', 0, 'memory'],
    values: ['64Gi', '32Gi'],
  },
  'hardware.instanceTypes[].price': {
    at: ['hardware', 'instanceTypes', 0, 'price'],
    values: ['$1/h', '$2/h'],
  },
  'hardware.instanceTypes[].network.baseline': {
    at: ['hardware', 'instanceTypes', 0, 'network', 'baseline'],
    values: ['2Gbit/s', '4Gbit/s'],
  },
  'hardware.instanceTypes[].network.burst': {
    at: ['hardware', 'instanceTypes', 0, 'network', 'burst'],
    values: ['10Gbit/s', '25Gbit/s'],
  },
  'hardware.instanceTypes[].network.burstFor': {
    at: ['hardware', 'instanceTypes', 0, 'network', 'burstFor'],
    values: ['1m', '10m'],
  },
  'hardware.instanceTypes[].disk.read': {
    setup: [
      [['kafka', 'brokers', 1, 'pageCache'], '0B'],
      [['kafka', 'brokers', 2, 'pageCache'], '0B'],
    ],
    at: ['hardware', 'instanceTypes', 0, 'disk', 'read'],
    values: ['50MB/s', '2GB/s'],
  },
  'hardware.network.betweenZones.roundTrip': {
    setup: twoZones,
    at: ['hardware', 'network', 'betweenZones', 'roundTrip'],
    values: [undefined, '20ms'],
  },
  'hardware.network.betweenZones.loss': {
    setup: twoZones,
    at: ['hardware', 'network', 'betweenZones', 'loss'],
    values: ['0%', '1%'],
  },
  'hardware.network.betweenZones.dollarsPerGB': {
    setup: twoZones,
    at: ['hardware', 'network', 'betweenZones', 'dollarsPerGB'],
    values: [0.02, 0.01],
  },
  'hardware.network.withinZone.roundTrip': {
    at: ['hardware', 'network', 'withinZone', 'roundTrip'],
    values: [undefined, '20ms'],
  },
  'hardware.network.withinZone.loss': {
    at: ['hardware', 'network', 'withinZone', 'loss'],
    values: ['0%', '1%'],
  },
  'hardware.network.pairs[].zones': {
    setup: [...twoZones, [['hardware', 'network', 'pairs'], [{ zones: ['a', 'b'], loss: '1%' }]]],
    at: ['hardware', 'network', 'pairs', 0, 'zones'],
    values: [
      ['a', 'b'],
      ['b', 'b'],
    ],
  },
  'hardware.network.pairs[].roundTrip': {
    setup: [...twoZones, [['hardware', 'network', 'pairs'], [{ zones: ['a', 'b'] }]]],
    at: ['hardware', 'network', 'pairs', 0, 'roundTrip'],
    values: [undefined, '20ms'],
  },
  'hardware.network.pairs[].loss': {
    setup: [...twoZones, [['hardware', 'network', 'pairs'], [{ zones: ['a', 'b'] }]]],
    at: ['hardware', 'network', 'pairs', 0, 'loss'],
    values: [undefined, '1%'],
  },
  'hardware.instanceTypes[].disk.write': {
    at: ['hardware', 'instanceTypes', 0, 'disk', 'write'],
    values: ['150MB/s', '2GB/s'],
  },
  'kubernetes.nodes[].instance': {
    at: ['kubernetes', 'nodes', 0, 'instance'],
    values: ['small', 'i3en.24xlarge'],
  },
  'kubernetes.nodes[].zone': { at: ['kubernetes', 'nodes', 0, 'zone'], values: ['a', 'z'] },
  'kubernetes.pods.readinessInitialDelay': {
    setup: natural,
    at: ['kubernetes', 'pods', 'readinessInitialDelay'],
    values: ['15s', '90s'],
  },
  'kubernetes.pods.readinessPeriod': {
    setup: [...natural, [['kubernetes', 'pods', 'readinessInitialDelay'], '1s']],
    at: ['kubernetes', 'pods', 'readinessPeriod'],
    values: ['10s', '60s'],
  },
  'kubernetes.pods.recreate': {
    setup: natural,
    at: ['kubernetes', 'pods', 'recreate'],
    values: ['3s', '30s'],
  },
  'kubernetes.pods.terminationGracePeriod': {
    setup: natural,
    at: ['kubernetes', 'pods', 'terminationGracePeriod'],
    values: ['30s', '1s'],
  },
  'strimzi.cluster': { at: ['strimzi', 'cluster'], values: ['a', 'b'] },
  'strimzi.version': { at: ['strimzi', 'version'], values: ['0.42.0', '0.45.0'] },
  'kafka.version': { at: ['kafka', 'version'], values: ['3.7.1', '4.0.0'] },
  'kafka.assignment': { at: ['kafka', 'assignment'], values: [undefined, 'models/assignment.json'] },
  'kafka.brokers[].controller': { at: ['kafka', 'brokers', 2, 'controller'], values: [true, undefined] },
  'kafka.brokers[].disk': { at: ['kafka', 'brokers', 0, 'disk'], values: ['2.5TB', '3TB'] },
  'kafka.brokers[].diskUsed': { at: ['kafka', 'brokers', 0, 'diskUsed'], values: ['100GB', '200GB'] },
  'kafka.brokers[].logDirs[].disk': {
    setup: [...jbod, [['hardware', 'instanceTypes', 0, 'disk', 'write'], '40MB/s']],
    at: directory('disk'),
    values: [0, 2],
  },
  'kafka.brokers[].logDirs[].name': { setup: jbod, at: directory('name'), values: ['fast', 'large'] },
  'kafka.brokers[].logDirs[].size': { setup: jbod, at: directory('size'), values: ['2TB', '3TB'] },
  'kafka.brokers[].logDirs[].used': { setup: jbod, at: directory('used'), values: ['100GB', '200GB'] },
  'kafka.brokers[].id': { at: ['kafka', 'brokers', 4, 'id'], values: [4, 7] },
  'kafka.brokers[].node': {
    setup: [[['kubernetes', 'nodes', 5], { name: 'spare', instance: 'i3en.24xlarge', zone: 'a' }]],
    at: ['kafka', 'brokers', 0, 'node'],
    values: ['n0', 'spare'],
  },
  'kafka.brokers[].pageCache': {
    setup: [[['hardware', 'instanceTypes', 0, 'disk', 'read'], '50MB/s']],
    at: ['kafka', 'brokers', 1, 'pageCache'],
    values: ['0B', '500GB'],
  },
  'kafka.config.replica.socket.receive.buffer.bytes': {
    at: ['kafka', 'config', 'replica.socket.receive.buffer.bytes'],
    values: [undefined, 4096],
  },
  'kafka.config.replica.selector.class': {
    setup: [...twoZones, [['kafka', 'consumerGroups', 0, 'client.rack'], 'b']],
    at: ['kafka', 'config', 'replica.selector.class'],
    values: ['LeaderSelector', 'RackAwareReplicaSelector'],
  },
  'kafka.topics[].zone': { setup: twoZones, at: ['kafka', 'topics', 0, 'zone'], values: [undefined, 'b'] },
  'kafka.consumerGroups[].client.rack': {
    setup: rackAware,
    at: ['kafka', 'consumerGroups', 0, 'client.rack'],
    values: [undefined, 'b'],
  },
  'kafka.consumerGroups[].zone': {
    setup: twoZones,
    at: ['kafka', 'consumerGroups', 0, 'zone'],
    values: [undefined, 'b'],
  },
  'kafka.config.message.max.bytes': {
    setup: [
      [['kafka', 'producers', 'linger.ms'], 500],
      [['kafka', 'producers', 'batch.size'], 1_000_000],
    ],
    at: ['kafka', 'config', 'message.max.bytes'],
    values: [20_000, 1_048_588],
  },
  'kafka.brokers[].rack': {
    setup: [1, 2, 3, 4].map((i): [Path, Json] => [['kafka', 'brokers', i, 'rack'], 'east']),
    at: ['kafka', 'brokers', 0, 'rack'],
    values: ['east', 'west'],
  },
  'kafka.config.auto.leader.rebalance.enable': {
    setup: [[['kafka', 'config', 'leader.imbalance.check.interval.seconds'], 60]],
    at: ['kafka', 'config', 'auto.leader.rebalance.enable'],
    values: [true, false],
  },
  'kafka.config.broker.heartbeat.interval.ms': {
    setup: natural,
    at: ['kafka', 'config', 'broker.heartbeat.interval.ms'],
    values: [2000, 4000],
  },
  'kafka.config.broker.session.timeout.ms': {
    setup: killed,
    at: ['kafka', 'config', 'broker.session.timeout.ms'],
    values: [9000, 18_000],
  },
  'kafka.config.controller.quorum.append.linger.ms': {
    at: ['kafka', 'config', 'controller.quorum.append.linger.ms'],
    values: [0, 200],
  },
  'kafka.config.controller.quorum.fetch.timeout.ms': {
    setup: killed,
    at: ['kafka', 'config', 'controller.quorum.fetch.timeout.ms'],
    values: [2000, 6000],
  },
  'kafka.config.default.replication.factor': {
    at: ['kafka', 'config', 'default.replication.factor'],
    values: [3, 2],
  },
  'kafka.config.follower.replication.throttled.rate': {
    setup: throttle,
    at: ['kafka', 'config', 'follower.replication.throttled.rate'],
    values: [undefined, 40_000_000],
  },
  'kafka.config.leader.replication.throttled.rate': {
    setup: throttle,
    at: ['kafka', 'config', 'leader.replication.throttled.rate'],
    values: [undefined, 20_000_000],
  },
  'kafka.config.leader.imbalance.check.interval.seconds': {
    at: ['kafka', 'config', 'leader.imbalance.check.interval.seconds'],
    values: [30, 120],
  },
  'kafka.config.log.retention.bytes': {
    setup: growing,
    at: ['kafka', 'config', 'log.retention.bytes'],
    values: [-1, 100_000_000],
  },
  'kafka.config.log.retention.hours': {
    setup: [...growing, [['kafka', 'brokers', 0, 'diskUsed'], '2TB']],
    at: ['kafka', 'config', 'log.retention.hours'],
    values: [1, 500],
  },
  'kafka.config.log.retention.check.interval.ms': {
    at: ['kafka', 'config', 'log.retention.check.interval.ms'],
    values: [300_000, 60_000],
  },
  'kafka.config.log.roll.hours': {
    setup: aged,
    at: ['kafka', 'config', 'log.roll.hours'],
    values: [1, 168],
  },
  'kafka.config.log.segment.delete.delay.ms': {
    at: ['kafka', 'config', 'log.segment.delete.delay.ms'],
    values: [60_000, 1000],
  },
  'kafka.config.log.segment.bytes': {
    setup: natural,
    at: ['kafka', 'config', 'log.segment.bytes'],
    values: [1_073_741_824, 1_048_576],
  },
  'kafka.config.min.insync.replicas': { at: ['kafka', 'config', 'min.insync.replicas'], values: [2, 3] },
  'kafka.config.num.recovery.threads.per.data.dir': {
    setup: [...natural, [['kafka', 'config', 'log.segment.bytes'], 1_048_576]],
    at: ['kafka', 'config', 'num.recovery.threads.per.data.dir'],
    values: [1, 8],
  },
  'kafka.config.num.replica.fetchers': { at: ['kafka', 'config', 'num.replica.fetchers'], values: [1, 4] },
  'kafka.config.replica.fetch.max.bytes': {
    at: ['kafka', 'config', 'replica.fetch.max.bytes'],
    values: [1_048_576, 10_000],
  },
  'kafka.config.replica.fetch.response.max.bytes': {
    at: ['kafka', 'config', 'replica.fetch.response.max.bytes'],
    values: [10_485_760, 100_000],
  },
  'kafka.config.replica.fetch.wait.max.ms': {
    at: ['kafka', 'config', 'replica.fetch.wait.max.ms'],
    values: [500, 20_000],
  },
  'kafka.config.replica.lag.time.max.ms': {
    setup: [
      ...natural,
      // Killed before it could ask to leave, and silent for longer than its leaders wait.
      [['kubernetes', 'pods', 'terminationGracePeriod'], '1ms'],
      [['kafka', 'config', 'broker.session.timeout.ms'], 60_000],
    ],
    at: ['kafka', 'config', 'replica.lag.time.max.ms'],
    values: [10_000, 30_000],
  },
  'kafka.config.unclean.leader.election.enable': {
    setup: [
      [['kafka', 'fetcher', 'appendRate'], '30MB/s'],
      [
        ['timeline'],
        [
          { ...restart, downTime: '30s' },
          { ...restart, id: 'two', at: '+95s', broker: 1, downTime: '100s' },
          { ...restart, id: 'three', at: '+100s', broker: 2, downTime: '100s' },
        ],
      ],
    ],
    at: ['kafka', 'config', 'unclean.leader.election.enable'],
    values: [false, true],
  },
  'kafka.consumerGroups[].catchUpFactor': {
    at: ['kafka', 'consumerGroups', 0, 'catchUpFactor'],
    values: [1.5, 4],
  },
  'kafka.consumerGroups[].owner': { at: ['kafka', 'consumerGroups', 0, 'owner'], values: ['a', 'b'] },
  'kafka.consumerGroups[].pollInterval': {
    at: ['kafka', 'consumerGroups', 0, 'pollInterval'],
    values: ['0ms', '100ms'],
  },
  'kafka.consumerGroups[].topics': {
    at: ['kafka', 'consumerGroups', 0, 'topics'],
    values: [['busy'], ['idle']],
  },
  'kafka.consumers.catchUpFactor': { at: ['kafka', 'consumers', 'catchUpFactor'], values: [1.5, 4] },
  'kafka.controllers.active': { at: ['kafka', 'controllers', 'active'], values: [0, 1] },
  'kafka.controllers.ids': {
    setup: dedicated,
    at: ['kafka', 'controllers', 'ids'],
    values: [
      [100, 101, 102],
      [100, 101],
    ],
  },
  'kafka.controllers.mode': {
    setup: [
      [
        ['kafka', 'controllers', 'ids'],
        [0, 1, 2],
      ],
    ],
    at: ['kafka', 'controllers', 'mode'],
    values: ['combined', 'dedicated'],
  },
  'kafka.fetcher.appendRate': { at: ['kafka', 'fetcher', 'appendRate'], values: ['100MB/s', '350MB/s'] },
  'kafka.holdLogsAtInitialSize': { at: ['kafka', 'holdLogsAtInitialSize'], values: [true, false] },
  'kafka.timing.close': { setup: natural, at: ['kafka', 'timing', 'close'], values: ['1s', '5s'] },
  'kafka.timing.controllerFailover': {
    at: ['kafka', 'timing', 'controllerFailover'],
    values: ['50ms', '5s'],
  },
  'kafka.timing.coordinatorLoad': {
    setup: [
      [topic('name'), '__consumer_offsets'],
      [['kafka', 'consumerGroups', 0, 'topics'], ['idle']],
      [
        ['timeline'],
        [{ at: '+10s', id: 'roll', do: 'operations.rollingRestart', downTime: '20s', drain: '5s' }],
      ],
    ],
    at: ['kafka', 'timing', 'coordinatorLoad'],
    values: ['200ms', '2s'],
  },
  'kafka.timing.fetchBeforeOnline': { at: ['kafka', 'timing', 'fetchBeforeOnline'], values: ['0s', '10s'] },
  'kafka.timing.jvmStart': { setup: natural, at: ['kafka', 'timing', 'jvmStart'], values: ['12s', '60s'] },
  'kafka.timing.metadataPoll': { at: ['kafka', 'timing', 'metadataPoll'], values: ['500ms', '2s'] },
  'kafka.timing.metadataReplay': {
    setup: natural,
    at: ['kafka', 'timing', 'metadataReplay'],
    values: ['1s', '40s'],
  },
  'kafka.timing.recoveryScan': {
    setup: killed,
    at: ['kafka', 'timing', 'recoveryScan'],
    values: ['100MB/s', '10GB/s'],
  },
  'kafka.timing.roundTrip': { at: ['kafka', 'timing', 'roundTrip'], values: ['1ms', '100ms'] },
  'kafka.timing.segmentLoad': {
    setup: natural,
    at: ['kafka', 'timing', 'segmentLoad'],
    values: ['2ms', '500ms'],
  },
  'kafka.topics[].acks': {
    setup: [[['kafka', 'config', 'min.insync.replicas'], 3]],
    at: topic('acks'),
    values: ['all', '1'],
  },
  'kafka.topics[].bytesIn': { at: topic('bytesIn'), values: ['100MB/s', '50MB/s'] },
  'kafka.topics[].curve': {
    setup: [
      [
        ['workload', 'curves'],
        [
          { name: 'one', constant: 1 },
          { name: 'two', constant: 2 },
        ],
      ],
    ],
    at: topic('curve'),
    values: ['one', 'two'],
  },
  'kafka.topics[].messagesIn': { at: topic('messagesIn'), values: ['1000/s', '2000/s'] },
  'kafka.topics[].minInSyncReplicas': { at: topic('minInSyncReplicas'), values: [2, 3] },
  'kafka.topics[].owner': { at: topic('owner'), values: ['a', 'b'] },
  'kafka.topics[].partitions': { at: topic('partitions'), values: [12, 24] },
  'kafka.topics[].replicationFactor': { at: topic('replicationFactor'), values: [3, 2] },
  'kafka.topics[].retention.bytes': {
    setup: growing,
    at: ['kafka', 'topics', 0, 'retention', 'bytes'],
    values: ['100MB', '900GB'],
  },
  'kafka.topics[].retention.time': {
    setup: growing,
    at: ['kafka', 'topics', 0, 'retention', 'time'],
    values: ['1m', '900h'],
  },
  'kafka.topics[].segment.bytes': {
    at: topic('segment'),
    values: [{ bytes: '1GiB' }, { bytes: '100MiB' }],
  },
  'kafka.topics[].segment.time': {
    setup: aged,
    at: topic('segment'),
    values: [{ time: '1h' }, { time: '168h' }],
  },
  'kafka.topics[].shares': { at: topic('shares'), values: ['even', { zipf: 1 }] },
  'kafka.topics[].shares.zipf': { at: topic('shares'), values: [{ zipf: 0.5 }, { zipf: 1 }] },
  'kafka.topics[].shares.measured': {
    setup: [[topic('partitions'), 2]],
    at: topic('shares'),
    values: [{ measured: [1, 2] }, { measured: [5, 1] }],
  },
  'kafka.topics[].throttledReplicas': {
    setup: [[['kafka', 'config', 'follower.replication.throttled.rate'], 40_000_000]],
    at: topic('throttledReplicas'),
    values: [undefined, '*'],
  },
  'kafka.topics[].uncleanElection': {
    setup: [
      [['kafka', 'fetcher', 'appendRate'], '30MB/s'],
      [
        ['timeline'],
        [
          { ...restart, downTime: '30s' },
          { ...restart, id: 'two', at: '+95s', broker: 1, downTime: '100s' },
          { ...restart, id: 'three', at: '+100s', broker: 2, downTime: '100s' },
        ],
      ],
    ],
    at: topic('uncleanElection'),
    values: [false, true],
  },
  'observed[].baseline.from': {
    setup: fact({ baseline: { from: 'ref', times: 'big', over: 'small' } }),
    at: ['observed', 3, 'baseline', 'from'],
    values: ['ref', 'big'],
  },
  'observed[].baseline.over': {
    setup: fact({ baseline: { from: 'ref', times: 'big', over: 'small' } }),
    at: ['observed', 3, 'baseline', 'over'],
    values: ['small', 'big'],
  },
  'observed[].baseline.times': {
    setup: fact({ baseline: { from: 'ref', times: 'big', over: 'small' } }),
    at: ['observed', 3, 'baseline', 'times'],
    values: ['big', 'small'],
  },
  'observed[].baseline.value': {
    setup: fact({ baseline: { value: 1, says: 's' } }),
    at: ['observed', 3, 'baseline', 'value'],
    values: [1, 2],
  },
  'observed[].contradiction': {
    setup: fact({}),
    at: ['observed', 3, 'contradiction'],
    values: [undefined, 'K1'],
  },
  'observed[].range': {
    setup: fact({ role: 'derived' }),
    at: ['observed', 3, 'range'],
    values: [
      ['30s', '50s'],
      ['1s', '2s'],
    ],
  },
  'observed[].role': { setup: fact({}), at: ['observed', 3, 'role'], values: ['compare', 'derived'] },
  'observed[].that': {
    setup: fact({}),
    at: ['observed', 3, 'that'],
    values: ['rehearse:restart_down_seconds{broker="0"}', 'rehearse:restart_drain_seconds{broker="0"}'],
  },
  'observed[].unit': { setup: fact({ value: 40 }), at: ['observed', 3, 'unit'], values: ['s', 'min'] },
  'observed[].value': { setup: fact({}), at: ['observed', 3, 'value'], values: ['40s', '50s'] },
  'observed[].within': {
    setup: fact({ role: 'derived', value: '44s' }),
    at: ['observed', 3, 'within'],
    values: ['20%', '1%'],
  },
  'timeline[operations.rollingRestart].at': {
    setup: rolling({}),
    at: ['timeline', 0, 'at'],
    values: ['+60s', '+90s'],
  },
  'timeline[operations.rollingRestart].brokers': {
    setup: rolling({}),
    at: ['timeline', 0, 'brokers'],
    values: [
      [0, 1],
      [1, 0],
    ],
  },
  'timeline[operations.rollingRestart].do': {
    setup: rolling({}),
    at: ['timeline', 0, 'do'],
    values: ['operations.rollingRestart', 'strimzi.rollingRestart'],
  },
  'timeline[operations.rollingRestart].downTime': {
    setup: rolling({}),
    at: ['timeline', 0, 'downTime'],
    values: ['40s', ['40s', '50s']],
  },
  'timeline[operations.rollingRestart].drain': {
    setup: rolling({ downTime: '40s' }),
    at: ['timeline', 0, 'drain'],
    values: ['8s', '12s'],
  },
  'timeline[operations.rollingRestart].every': {
    setup: rolling({ downTime: '20s', drain: '5s' }),
    at: ['timeline', 0, 'every'],
    values: ['60s', '100s'],
  },
  'timeline[operations.rollingRestart].haltIf': {
    setup: rolling({ downTime: '20s', drain: '5s' }),
    at: ['timeline', 0, 'haltIf'],
    values: ['rehearse:brokers_out_of_sync > 9', 'rehearse:restart_position{broker="0"} == 1'],
  },
  'timeline[operations.rollingRestart].rollback': {
    setup: rolling({ downTime: '20s', drain: '5s', haltIf: 'sum(rehearse:restart_position) > 0' }),
    at: ['timeline', 0, 'rollback'],
    values: [false, true],
  },
  'timeline[operations.rollingRestart].stabilisation': {
    setup: rolling({ downTime: '20s', drain: '5s' }),
    at: ['timeline', 0, 'stabilisation'],
    values: ['0s', '50s'],
  },
  'timeline[operations.rollingRestart].waitFor': {
    setup: rolling({ downTime: '20s', drain: '5s' }),
    at: ['timeline', 0, 'waitFor'],
    values: ['inSync', 'nothing'],
  },
  'timeline[strimzi.rollingRestart].at': {
    setup: strimzi({ manual: true }),
    at: ['timeline', 0, 'at'],
    values: ['+60s', '+90s'],
  },
  'timeline[strimzi.rollingRestart].brokers': {
    setup: strimzi({ manual: true }),
    at: ['timeline', 0, 'brokers'],
    values: [[0], [1]],
  },
  'timeline[strimzi.rollingRestart].do': {
    setup: rolling({}),
    at: ['timeline', 0, 'do'],
    values: ['strimzi.rollingRestart', 'operations.rollingRestart'],
  },
  'timeline[strimzi.rollingRestart].manual': {
    setup: strimzi({}),
    at: ['timeline', 0, 'manual'],
    values: [false, true],
  },
  'workload.scale': { at: ['workload', 'scale'], values: [1, 2] },
  'workload.curves[].constant': {
    setup: curve({}),
    at: ['workload', 'curves', 0, 'constant'],
    values: [1, 2],
  },
  'workload.curves[].daily.hours': {
    setup: curve({ daily: {} }),
    at: ['workload', 'curves', 0, 'daily', 'hours'],
    values: [hours(1), hours(9)],
  },
  'workload.curves[].daily.startHour': {
    setup: curve({ daily: { hours: hours(3) } }),
    at: ['workload', 'curves', 0, 'daily', 'startHour'],
    values: [0, 5],
  },
  'workload.curves[].growth.perDay': {
    setup: curve({ growth: {} }),
    at: ['workload', 'curves', 0, 'growth', 'perDay'],
    values: ['1%', '200%'],
  },
  'workload.curves[].recorded.file': {
    setup: curve({ recorded: {} }),
    at: ['workload', 'curves', 0, 'recorded', 'file'],
    values: ['models/a.csv', 'models/b.csv'],
  },
};

/** Keys that only name, explain or cite: they change what is printed, not what is played. */
export const namingKeys: readonly string[] = [
  // What only `sweep` reads.
  'vary.{}',
  'vary.{}.{}.{}',
  // What only `forecast` reads.
  'hardware.instanceTypes[].disk.dollarsPerGBMonth',
  'hardware.purchases[].discount',
  'hardware.purchases[].name',
  ...kubernetesNames,
  ...meshNames,
  ...calendarNames,
  'batch.jobs[].name',
  'batch.programs[].name',
  'batch.programs[].phases[].name',
  'kubernetes.nodePools[].name',
  'kubernetes.podDisruptionBudgets[].name',
  'kubernetes.workloads[].name',
  'runbooks[].name',
  'runbooks[].steps[].do',
  'expect[].name',
  'hardware.instanceTypes[].name',
  'hardware.instanceTypes[].source',
  'kafka.consumerGroups[].name',
  'kafka.topics[].name',
  'kubernetes.nodes[].name',
  'observed[].baseline.says',
  'observed[].name',
  'observed[].note',
  'observed[].source',
  'rehearse',
  ...connectNames,
  ...registryNames,
  ...faultNames,
  ...groupNames,
  ...cruiseControlNames,
  ...partitionNames,
  ...monitoringNames,
  'timeline[jvm.pause].id',
  'timeline[jvm.pause].name',
  'timeline[kafka.resetConsumer].id',
  'timeline[kafka.resetConsumer].name',
  'timeline[operations.replaceNode].id',
  'timeline[operations.replaceNode].name',
  'timeline[operations.restart].id',
  'timeline[operations.restart].name',
  'timeline[operations.rollingRestart].id',
  'timeline[operations.rollingRestart].name',
  'timeline[strimzi.rollingRestart].id',
  'timeline[strimzi.rollingRestart].name',
  'title',
  'facts',
  'workload.curves[].name',
];

const type = (price: string): Json => ({
  name: 'small',
  cores: 8,
  memory: '64Gi',
  network: { baseline: '8.4Gbit/s', burst: '25Gbit/s', burstFor: '10m' },
  disk: { read: '2GB/s', write: '2GB/s' },
  price,
});
const defaults = ['kubernetes/kubernetes-1.30.yaml', 'strimzi/strimzi-0.42.yaml', 'kafka/kafka-3.7.yaml'];

/** The small scenario that every pair starts from. */
export const smallScenario: Json = {
  rehearse: 1,
  title: 'small',
  extends: ['models/hardware/aws-ec2.yaml', ...defaults.map((f) => `models/${f}`)],
  from: '2025-01-01T00:00:00Z',
  to: '+5m',
  hardware: { instanceTypes: [type('$1/h')] },
  kubernetes: { nodes: [0, 1, 2, 3, 4].map((i) => ({ name: `n${i}`, instance: 'small', zone: 'a' })) },
  strimzi: { cluster: 'a', jvm: {}, resources: {} },
  kafka: {
    controllers: { mode: 'combined', active: 0 },
    config: { 'min.insync.replicas': 2, 'default.replication.factor': 3 },
    holdLogsAtInitialSize: true,
    brokers: [0, 1, 2, 3, 4].map((id) => ({
      id,
      node: `n${id}`,
      diskUsed: '100GB',
      disk: '2.5TB',
      pageCache: '5GiB',
      ...(id < 3 ? { controller: true } : {}),
    })),
    topics: [
      { name: 'busy', partitions: 12, bytesIn: '100MB/s', messagesIn: '10000/s', owner: 'a' },
      { name: 'idle', partitions: 6, bytesIn: '0B/s', messagesIn: '0/s' },
    ],
    consumerGroups: [{ name: 'readers', topics: ['busy'], pollInterval: '0ms', owner: 'a' }],
  },
  timeline: [restart],
};

/** Files that cases name. */
export const leafFiles: Readonly<Record<string, string>> = {
  ...monitoringFiles,
  ...partitionFiles,
  'models/cheaper.yaml': JSON.stringify({
    rehearse: 1,
    name: 'x',
    extends: 'kafka/kafka-3.7.yaml',
    kafka: { fetcher: { appendRate: '90MB/s' } },
  }),
  'models/all.yaml': JSON.stringify({
    rehearse: 1,
    name: 'x',
    extends: ['hardware/aws-ec2.yaml', ...defaults],
  }),
  'models/all-cheaper.yaml': JSON.stringify({
    rehearse: 1,
    name: 'x',
    extends: ['all.yaml'],
    kafka: { fetcher: { appendRate: '90MB/s' } },
  }),
  'models/a.csv': 'seconds,value\n0,1\n60,2\n',
  'models/b.csv': 'seconds,value\n0,3\n60,1\n',
  'models/assignment.json': JSON.stringify({
    version: 1,
    partitions: [
      ...Array.from({ length: 12 }, (_, p) => ({ topic: 'busy', partition: p, replicas: [0, 1, 2] })),
      ...Array.from({ length: 6 }, (_, p) => ({ topic: 'idle', partition: p, replicas: [2, 1, 0] })),
    ],
  }),
};
