/** Random platforms and scenarios for fast-check: what `rehearse/testing` draws. */
import fc from 'fast-check';

export interface PlatformOptions {
  readonly brokers?: { readonly min: number; readonly max: number };
  readonly partitionsPerTopic?: { readonly min: number; readonly max: number };
  readonly topics?: { readonly min: number; readonly max: number };
}

/** What `arbitraryScenario` makes: YAML text that extends the shipped defaults, and its size. */
export interface ScenarioText {
  readonly text: string;
  readonly brokers: number;
  readonly partitions: number;
}

/**
 * Random platforms as YAML below `models/`: brokers of unlike size in up to three zones, one to three or five controllers, topics of every
 * replication factor and acks, groups that read some of them.
 */
export function arbitraryPlatform(options: PlatformOptions = {}): fc.Arbitrary<{
  readonly settings: Readonly<Record<string, unknown>>;
  readonly brokers: number;
  readonly partitions: number;
}> {
  const {
    brokers = { min: 1, max: 16 },
    topics = { min: 1, max: 5 },
    partitionsPerTopic = { min: 1, max: 60 },
  } = options;
  return fc
    .record({
      count: fc.integer(brokers),
      racks: fc.boolean(),
      sizes: fc.array(fc.constantFrom('i3en.2xlarge', 'i3en.6xlarge', 'i3en.xlarge'), {
        minLength: 3,
        maxLength: 3,
        size: 'max',
      }),
      dedicated: fc.boolean(),
      minIsr: fc.integer({ min: 1, max: 3 }),
      fetchers: fc.integer({ min: 1, max: 3 }),
      unclean: fc.boolean(),
      topics: fc.array(
        fc.record({
          partitions: fc.integer(partitionsPerTopic),
          factor: fc.integer({ min: 1, max: 5 }),
          megabytes: fc.oneof(
            { weight: 1, arbitrary: fc.constant(0) },
            { weight: 4, arbitrary: fc.integer({ min: 1, max: 200 }) },
          ),
          acks: fc.constantFrom('all', 'all', '1', '0'),
          zipf: fc.boolean(),
        }),
        { minLength: topics.min, maxLength: topics.max, size: 'max' },
      ),
    })
    .map((p) => {
      const voters = Math.min(p.count, 3);
      const made = p.topics.map((t, i) => ({
        name: `topic-${i}`,
        partitions: t.partitions,
        replicationFactor: Math.min(t.factor, p.count),
        bytesIn: `${t.megabytes}MB/s`,
        messagesIn: `${t.megabytes * 100}/s`,
        acks: t.acks,
        shares: t.zipf ? { zipf: 0.8 } : 'even',
      }));
      return {
        brokers: p.count,
        partitions: made.reduce((sum, t) => sum + t.partitions, 0),
        settings: {
          kubernetes: {
            nodes: Array.from({ length: p.count }, (_, id) => ({
              name: `node-${id}`,
              instance: p.sizes[id % 3],
              zone: `zone-${id % 3}`,
            })),
          },
          kafka: {
            controllers: p.dedicated
              ? { mode: 'dedicated', ids: [100, 101, 102], active: 100 }
              : { mode: 'combined', active: 0 },
            config: {
              'min.insync.replicas': Math.min(p.minIsr, p.count),
              'num.replica.fetchers': p.fetchers,
              'unclean.leader.election.enable': p.unclean,
            },
            brokers: Array.from({ length: p.count }, (_, id) => ({
              id,
              node: `node-${id}`,
              ...(p.racks ? { rack: `zone-${id % 3}` } : {}),
              ...(p.dedicated ? {} : { controller: id < voters }),
              diskUsed: '100GB',
              disk: '2.5TB',
              pageCache: '5GiB',
            })),
            holdLogsAtInitialSize: true,
            topics: made,
            consumerGroups: [{ name: 'readers', topics: made.map((t) => t.name), pollInterval: '5ms' }],
          },
        },
      };
    });
}

/** Random scenarios on random platforms: restarts, rolls with and without a wait, nodes replaced, load that changes. */
export function arbitraryScenario(options: PlatformOptions = {}): fc.Arbitrary<ScenarioText> {
  const step = fc.record({
    at: fc.integer({ min: 1, max: 900 }),
    kind: fc.constantFrom('restart', 'restart', 'roll', 'strimzi', 'replace'),
    broker: fc.nat(),
    down: fc.integer({ min: 15, max: 200 }),
    natural: fc.boolean(),
    waitFor: fc.constantFrom('inSync', 'ready', 'nothing'),
  });
  return fc
    .record({
      platform: arbitraryPlatform(options),
      steps: fc.array(step, { minLength: 1, maxLength: 6, size: 'max' }),
      seed: fc.string({ minLength: 1, maxLength: 8 }),
      burst: fc.option(
        fc.record({ at: fc.integer({ min: 10, max: 900 }), factor: fc.integer({ min: 0, max: 3 }) }),
        { nil: undefined },
      ),
    })
    .map(({ platform, steps, seed, burst }) => {
      const timeline = steps.map((s, i) => {
        const broker = s.broker % platform.brokers;
        const times = s.natural
          ? {}
          : { downTime: `${s.down}s`, drain: `${Math.min(10, Math.floor(s.down / 2))}s` };
        const head = { at: `+${s.at}s`, id: `step-${i}` };
        switch (s.kind) {
          case 'roll':
            return { ...head, do: 'operations.rollingRestart', waitFor: s.waitFor, ...times };
          case 'strimzi':
            return { ...head, do: 'strimzi.rollingRestart', manual: true };
          case 'replace':
            return { ...head, do: 'operations.replaceNode', broker, ...times };
          default:
            return { ...head, do: 'operations.restart', broker, ...times };
        }
      });
      const settings = platform.settings as { kafka: { topics: Record<string, unknown>[] } };
      const curves =
        burst === undefined
          ? {}
          : {
              workload: {
                curves: [
                  {
                    name: 'all',
                    burst: { at: `${burst.at}s`, for: '60s', factor: burst.factor, ramp: '5s' },
                  },
                ],
              },
            };
      const kafka =
        burst === undefined
          ? settings.kafka
          : { ...settings.kafka, topics: settings.kafka.topics.map((t) => ({ ...t, curve: 'all' })) };
      const data = {
        rehearse: 1,
        title: 'a random scenario',
        extends: [
          '../models/hardware/aws-ec2.yaml',
          '../models/kubernetes/kubernetes-1.30.yaml',
          '../models/strimzi/strimzi-0.42.yaml',
          '../models/kafka/kafka-3.7.yaml',
        ],
        from: '2025-01-01T00:00:00Z',
        to: '+20m',
        seed: `seed ${seed}`,
        ...settings,
        ...curves,
        kafka,
        timeline,
      };
      return {
        text: JSON.stringify(data, null, 1),
        brokers: platform.brokers,
        partitions: platform.partitions,
      };
    });
}

/**
 * Random scenarios as `arbitraryScenario` makes them, and in their first twenty minutes up to three blows: crashes of one broker, of two
 * within a few seconds or of the first two, which are voters where controllers are combined; a lost machine or zone, with its disks or
 * without; a crash of the active controller; a broker, a zone or two zones that are cut off. Each is over before the next one comes. After
 * 75 of 150 minutes nothing is sent any more, so that whatever can catch up has caught up at the end.
 */
export function arbitraryFaultyScenario(options: PlatformOptions = {}): fc.Arbitrary<ScenarioText> {
  const blow = fc.record({
    kind: fc.constantFrom(
      'crash',
      'crash',
      'pair',
      'pair',
      'voters',
      'voters',
      'node',
      'zone',
      'controller',
      'isolate',
      'isolate',
      'cut',
    ),
    offset: fc.integer({ min: 0, max: 150 }),
    for: fc.integer({ min: 1, max: 200 }),
    broker: fc.nat(),
    other: fc.nat(),
    apart: fc.integer({ min: 0, max: 8 }),
    disks: fc.constantFrom('kept', 'kept', 'lost'),
  });
  return fc
    .record({
      scenario: arbitraryScenario(options),
      blows: fc.array(blow, { minLength: 1, maxLength: 3, size: 'max' }),
    })
    .map(({ scenario, blows }) => {
      const { brokers } = scenario;
      const faults = blows.flatMap((blown, i) => {
        const at = 1 + i * 400 + blown.offset;
        const lasts = `${blown.for}s`;
        const broker = blown.kind === 'voters' ? 0 : blown.broker % brokers;
        const others = Math.max(1, brokers - 1);
        const other = blown.kind === 'voters' ? 1 : (broker + 1 + (blown.other % others)) % brokers;
        const zones = [broker % 3, other % 3].map((zone) => `zone-${zone}`);
        const fault = (action: string, args: object, later = 0) => ({
          at: `+${at + later}s`,
          id: `fault-${i}-${later > 0 ? 'later' : 'first'}`,
          do: `faults.${action}`,
          for: lasts,
          ...args,
        });
        const crash = fault('broker', { broker });
        switch (blown.kind) {
          case 'pair':
          case 'voters':
            return brokers === 1 ? [crash] : [crash, fault('broker', { broker: other }, 1 + blown.apart)];
          case 'node':
            return [fault('node', { node: `node-${broker}`, disks: blown.disks })];
          case 'zone':
            return [fault('zone', { zone: zones[0], disks: blown.disks })];
          case 'controller':
            return [fault('controller', {})];
          case 'isolate':
            return [fault('network', { broker })];
          case 'cut':
            return [fault('network', zones[0] === zones[1] ? { zone: zones[0] } : { between: zones })];
          default:
            return [crash];
        }
      });
      const data = JSON.parse(scenario.text);
      const quiet = { at: '75m', for: '75m', factor: 0, ramp: '5s' };
      return {
        ...scenario,
        text: JSON.stringify(
          {
            ...data,
            to: '+150m',
            timeline: [...data.timeline, ...faults],
            workload: { curves: [{ name: 'all', burst: quiet }] },
            kafka: {
              ...data.kafka,
              topics: data.kafka.topics.map((t: object) => ({ ...t, curve: 'all' })),
            },
          },
          null,
          1,
        ),
      };
    });
}

type Json = Readonly<Record<string, unknown>>;

/** One thing that somebody does to partitions, groups, Connect or the registry; what its numbers mean depends on `kind`. */
const aChange = fc.record({
  at: fc.integer({ min: 1, max: 1400 }),
  kind: fc.constantFrom(
    ...['grow', 'grow', 'move', 'move', 'move', 'cancel', 'stopMember', 'startMember', 'restartMember'],
    ...['restartMembers', 'setMemberCapacity', 'resetConsumer', 'rebalance', 'rebalance', 'stop'],
    ...[
      'kafkaRebalance',
      'stopWorker',
      'startWorker',
      'scaleTasks',
      'connector',
      'registry',
      'disk',
      'pause',
    ],
  ),
  broker: fc.nat(),
  topic: fc.nat(),
  which: fc.nat({ max: 999 }),
  seconds: fc.integer({ min: 1, max: 300 }),
  crash: fc.boolean(),
  throttle: fc.constantFrom(undefined, undefined, '1MB/s', '40MB/s', '200MB/s', '1GB/s'),
  moved: fc.array(
    fc.record({ partition: fc.nat(), order: fc.nat(), replicas: fc.integer({ min: 1, max: 3 }) }),
    {
      minLength: 1,
      maxLength: 6,
      size: 'max',
    },
  ),
});

const aGroup = fc.record({
  topics: fc.integer({ min: 1, max: 7 }),
  members: fc.integer({ min: 1, max: 5 }),
  way: fc.constantFrom(
    ...[
      { assignor: 'range' },
      { assignor: 'roundrobin' },
      { assignor: 'sticky' },
      { assignor: 'cooperative-sticky' },
      { protocol: 'consumer', assignor: 'uniform' },
      { protocol: 'consumer', assignor: 'range' },
    ],
  ),
  static: fc.boolean(),
  new: fc.constantFrom(false, false, true),
  latest: fc.boolean(),
  capacity: fc.constantFrom(undefined, '300/s', '5000/s', '50000/s'),
  uneven: fc.boolean(),
});

const goalsOfRequests = [
  undefined,
  ['ReplicaDistributionGoal'],
  ['RackAwareDistributionGoal', 'LeaderReplicaDistributionGoal'],
  ['TopicReplicaDistributionGoal', 'DiskUsageDistributionGoal'],
  ['PreferredLeaderElectionGoal'],
];

/**
 * Random faulty scenarios in which partitions, groups, Connect, Cruise Control and the schema registry live and change, in the first half hour:
 * partitions added, replicas moved under throttles or without and taken back, requests to Cruise Control and KafkaRebalances, its
 * self-healing, members and workers that stop, crash and come back, tasks scaled, disks that fail, pauses of brokers.
 */
export function arbitraryChangingScenario(options: PlatformOptions = {}): fc.Arbitrary<ScenarioText> {
  return fc
    .record({
      scenario: arbitraryFaultyScenario({
        brokers: { min: 2, max: 7 },
        topics: { min: 1, max: 3 },
        partitionsPerTopic: { min: 1, max: 12 },
        ...options,
      }),
      changes: fc.array(aChange, { minLength: 3, maxLength: 12, size: 'max' }),
      used: fc.constantFrom('1GB', '10GB', '100GB'),
      groups: fc.array(aGroup, { maxLength: 3, size: 'max' }),
      workers: fc.integer({ min: 0, max: 4 }),
      delay: fc.constantFrom(0, 60_000, 300_000),
      registry: fc.boolean(),
      cruiseControl: fc.constantFrom('absent', 'asked', 'healing'),
      jvm: fc.constantFrom(false, false, true),
      few: fc.boolean(),
    })
    .map(({ scenario, ...drawn }) => withChanges(scenario, drawn));
}

type Of<T> = T extends fc.Arbitrary<infer V> ? V : never;
interface Drawn {
  readonly changes: readonly Of<typeof aChange>[];
  readonly used: string;
  readonly groups: readonly Of<typeof aGroup>[];
  readonly workers: number;
  readonly delay: number;
  readonly registry: boolean;
  readonly cruiseControl: string;
  readonly jvm: boolean;
  readonly few: boolean;
}

function withChanges(scenario: ScenarioText, drawn: Drawn): ScenarioText {
  const data = JSON.parse(scenario.text);
  const { brokers } = scenario;
  const topics: { name: string; partitions: number }[] = data.kafka.topics;
  const groups = drawn.groups.map((g, i) => groupOf(g, i, topics));
  const more = (name: string, partitions: number) => ({
    name,
    partitions,
    bytesIn: '0B/s',
    messagesIn: '0/s',
  });
  const kafka = {
    ...data.kafka,
    brokers: data.kafka.brokers.map((b: object) => ({
      ...b,
      diskUsed: drawn.used,
      // With JVMs it is what they leave.
      ...(drawn.jvm ? { pageCache: undefined } : {}),
    })),
    topics: [
      ...topics,
      more('__consumer_offsets', drawn.few ? 1 : 5),
      ...(drawn.registry ? [more('_schemas', 1)] : []),
    ],
    consumerGroups: [...data.kafka.consumerGroups, ...groups],
  };
  const connect =
    drawn.workers === 0
      ? {}
      : {
          connect: {
            config: { 'scheduled.rebalance.max.delay.ms': drawn.delay },
            workers: Array.from({ length: drawn.workers }, (_, w) => `worker-${w}`),
            connectors: [
              {
                name: 'sink',
                'tasks.max': 1 + (drawn.delay % 7),
                sink: { topics: [topics[0]?.name], capacity: drawn.few ? '2000/s' : '20000/s' },
              },
              {
                name: 'source',
                'tasks.max': 3,
                source: {
                  tables: ['a', 'b', 'c', 'd'].map((name, t) => ({ name, rows: `${10 * t}/s` })),
                  'poll.interval.ms': 5000,
                  capacity: drawn.few ? '35/s' : '1000/s',
                },
              },
            ],
          },
        };
  const registry = drawn.registry
    ? {
        schemaRegistry: {
          instances: ['registry-0', 'registry-1'],
          clients: [{ name: 'clients', newSchemas: '2/h', unseenIds: '1/min', coldStarts: '3/h' }],
        },
      }
    : {};
  const cruiseControl =
    drawn.cruiseControl === 'absent'
      ? {}
      : {
          cruiseControl: {
            version: '2.5.137',
            capacity: { inboundNetwork: '1GB/s', outboundNetwork: '1GB/s', cpu: '8 cores' },
            config: {
              'num.concurrent.partition.movements.per.broker': drawn.few ? 1 : 5,
              'concurrency.adjuster.min.isr.check.enabled': drawn.few,
              'concurrency.adjuster.inter.broker.replica.enabled': drawn.few,
              ...(drawn.cruiseControl === 'healing'
                ? {
                    'self.healing.enabled': true,
                    'anomaly.detection.interval.ms': 60_000,
                    'anomaly.detection.goals': ['RackAwareGoal', 'ReplicaDistributionGoal'],
                    'broker.failure.detection.backoff.ms': 20_000,
                    'broker.failure.alert.threshold.ms': 30_000,
                    'broker.failure.self.healing.threshold.ms': 60_000,
                  }
                : {}),
            },
          },
        };
  const counts = new Map(topics.map((t) => [t.name, t.partitions]));
  // After the blows: two faults must not strike one thing at a time.
  let disks = 0;
  const later = (change: Of<typeof aChange>) => {
    if (change.kind !== 'disk') return change;
    disks += 1;
    return { ...change, at: 950 + 310 * disks };
  };
  const changes = drawn.changes
    .map(later)
    .sort((x, y) => x.at - y.at)
    .flatMap((change, i) => {
      const entry = changeOf(change, { brokers, topics, counts, groups, drawn });
      return entry === undefined ? [] : [{ at: `+${change.at}s`, id: `change-${i}`, ...entry }];
    });
  return {
    ...scenario,
    text: JSON.stringify(
      {
        ...data,
        extends: [
          ...data.extends,
          ...(drawn.jvm ? ['../models/jvm/kafka-jvm.yaml'] : []),
          ...(drawn.workers === 0 ? [] : ['../models/connect/kafka-connect-3.7.yaml']),
          ...(drawn.registry ? ['../models/schemaRegistry/schema-registry-7.6.yaml'] : []),
        ],
        kafka,
        ...(drawn.jvm ? { jvm: { collections: 'sampled' }, strimzi: { jvm: { heap: '6Gi' } } } : {}),
        ...connect,
        ...registry,
        ...cruiseControl,
        timeline: [...data.timeline, ...changes],
      },
      null,
      1,
    ),
  };
}

function groupOf(g: Of<typeof aGroup>, i: number, topics: readonly { readonly name: string }[]) {
  const read = topics.filter((_, t) => ((g.topics >> t) & 1) === 1).map((t) => t.name);
  const [first = '', ...others] = read.length === 0 ? [topics[0]?.name ?? ''] : read;
  const uneven = g.uneven && others.length > 0 && g.way.assignor !== 'uniform';
  return {
    name: `group-${i}`,
    topics: [first, ...others],
    pollInterval: '5ms',
    members: uneven
      ? Array.from({ length: g.members }, (_, m) => ({ topics: m % 2 === 0 ? [first, ...others] : [first] }))
      : g.members,
    ...g.way,
    static: g.static,
    ...(g.new ? { new: true } : {}),
    'auto.offset.reset': g.latest ? 'latest' : 'earliest',
    ...(g.capacity === undefined ? {} : { capacity: g.capacity }),
  };
}

interface Around {
  readonly brokers: number;
  readonly topics: readonly { readonly name: string }[];
  /** Partitions that each topic has by then. */
  readonly counts: Map<string, number>;
  readonly groups: readonly { readonly name: string; readonly members: number | readonly unknown[] }[];
  readonly drawn: Drawn;
}

/** An entry of the timeline without time; undefined where the platform has nothing that it could concern. */
function changeOf(change: Of<typeof aChange>, around: Around): Json | undefined {
  const { kind, which, seconds, crash, throttle } = change;
  const { brokers, topics, counts, groups, drawn } = around;
  const broker = change.broker % brokers;
  const topic = topics[change.topic % topics.length]?.name ?? '';
  const how = crash ? 'crash' : 'close';
  const lasts = `${seconds}s`;
  if (/Member|resetConsumer/.test(kind)) {
    const chosen = groups[which % Math.max(1, groups.length)];
    if (chosen === undefined) return undefined;
    const count = typeof chosen.members === 'number' ? chosen.members : chosen.members.length;
    const head = { do: `kafka.${kind}`, group: chosen.name };
    const member = 1 + (change.topic % count);
    if (kind === 'stopMember') return { ...head, member, how };
    if (kind === 'startMember') return { ...head, member };
    if (kind === 'restartMember') return { ...head, member, how, for: lasts };
    if (kind === 'restartMembers') return { ...head, every: lasts, for: `${1 + (which % 90)}s` };
    if (kind === 'resetConsumer') return { ...head, behind: lasts };
    return { ...head, ...(crash ? { member } : {}), capacity: `${100 * (1 + which)}/s` };
  }
  switch (kind) {
    case 'grow': {
      const partitions = (counts.get(topic) ?? 0) + 1 + (which % 4);
      counts.set(topic, partitions);
      return { do: crash ? 'kafka.createPartitions' : 'strimzi.topic', topic, partitions };
    }
    case 'move': {
      const plan = new Map<number, Json>();
      for (const m of change.moved) {
        const partition = m.partition % (counts.get(topic) ?? 1);
        const replicas = Array.from(
          { length: Math.min(m.replicas, brokers) },
          (_, r) => (m.order + r) % brokers,
        );
        plan.set(partition, { topic, partition, replicas });
      }
      const rate = throttle === undefined ? {} : { throttle };
      return { do: 'kafka.reassign', partitions: [...plan.values()], ...rate };
    }
    case 'cancel':
      return { do: 'kafka.cancelReassignment', ...(crash ? { topic } : {}) };
    case 'rebalance':
    case 'kafkaRebalance': {
      if (drawn.cruiseControl === 'absent') return undefined;
      const own = ['rebalance', 'add-broker', 'remove-broker', 'demote', 'fix-offline'];
      const operators = ['full', 'add-brokers', 'remove-brokers'];
      const mode = kind === 'rebalance' ? own[which % own.length] : operators[which % operators.length];
      const named = !['rebalance', 'fix-offline', 'full'].includes(mode ?? '');
      const goals = goalsOfRequests[change.topic % goalsOfRequests.length];
      return {
        do: kind === 'rebalance' ? 'cruiseControl.rebalance' : 'strimzi.rebalance',
        mode,
        ...(named ? { brokers: [broker] } : {}),
        ...(mode === 'demote' || goals === undefined ? {} : { goals, skipHardGoalCheck: true }),
        ...(throttle === undefined ? {} : { throttle }),
        ...(kind === 'rebalance' ? { stopOngoing: crash } : crash ? { approveAfter: lasts } : {}),
      };
    }
    case 'stop':
      return drawn.cruiseControl === 'absent' ? undefined : { do: 'cruiseControl.stop' };
    case 'stopWorker':
    case 'startWorker': {
      if (drawn.workers === 0) return undefined;
      const worker = `worker-${which % drawn.workers}`;
      const more = { how, ...(change.topic % 3 === 0 ? {} : { for: lasts }) };
      return { do: `connect.${kind}`, worker, ...(kind === 'stopWorker' ? more : {}) };
    }
    case 'scaleTasks':
    case 'connector': {
      if (drawn.workers === 0) return undefined;
      const connector = change.topic % 2 === 0 ? 'sink' : 'source';
      if (kind === 'scaleTasks') return { do: 'connect.scaleTasks', connector, 'tasks.max': 1 + (which % 9) };
      return { do: `connect.${['pause', 'resume', 'restart'][which % 3]}`, connector };
    }
    case 'registry': {
      if (!drawn.registry) return undefined;
      const instance = `registry-${which % 2}`;
      if (which % 5 === 0)
        return { do: 'schemaRegistry.startClients', client: 'clients', schemas: which + 1, over: lasts };
      if (which % 5 === 1) return { do: 'schemaRegistry.start', instance };
      return { do: 'schemaRegistry.stop', instance, how, ...(crash ? { for: lasts } : {}) };
    }
    case 'disk':
      return crash
        ? { do: 'faults.disk', broker, how: 'failed', for: lasts }
        : { do: 'faults.disk', broker, how: 'slow', write: '30MB/s', for: lasts };
    case 'pause':
      return !drawn.jvm ? undefined : { do: 'jvm.pause', broker, for: `${seconds / 10}s` };
    default:
      return undefined;
  }
}
