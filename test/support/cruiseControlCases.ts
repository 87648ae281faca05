/** Pairs of values for the keys of Cruise Control and of KafkaRebalance; see leafCases.ts. */
import type { LeafCase, Path } from './leafCases.ts';

type Value = LeafCase['values'][number];
type Setup = (readonly [Path, Value])[];
interface More {
  readonly [key: string]: Value;
}

/** All replicas on brokers 0, 1 and 2 of five, so that there is something to move; logs are small, so that it moves soon. */
const lopsided: Setup = [
  [['to'], '+40s'],
  [['kafka', 'assignment'], 'models/assignment.json'],
  ...[0, 1, 2, 3, 4].map((i): [Path, Value] => [['kafka', 'brokers', i, 'diskUsed'], i < 3 ? '6GB' : '0B']),
  [
    ['cruiseControl'],
    {
      version: '2.5.137',
      capacity: { cpu: '8 cores', inboundNetwork: '1GB/s', outboundNetwork: '1GB/s' },
    },
  ],
];
const config = (key: string): Path => ['cruiseControl', 'config', key];
const entry = (more: More): [Path, Value] => [
  ['timeline'],
  [{ at: '+20s', id: 'one', do: 'cruiseControl.rebalance', ...more }],
];
/** Long enough for proposals. */
const rebalance = (more: More = {}): Setup => [...lopsided, entry(more)];
/** Long enough for some of the moves. */
const executed = (more: More): Setup => [...rebalance(more), [['to'], '+100s']];
/** One goal and no other, whichever are hard. */
const only = (...goals: readonly string[]): More => ({ goals, skipHardGoalCheck: true });
const argument = (key: string): Path => ['timeline', 0, key];

const leadersOnly = only('LeaderReplicaDistributionGoal');

/** Self-healing whose times are short, and a broker that is lost. */
const healing: Setup = [
  ...lopsided,
  [['to'], '+5m'],
  [['timeline'], [{ at: '+20s', id: 'lost', do: 'faults.broker', broker: 1, for: '5m' }]],
  [
    ['cruiseControl', 'config'],
    {
      'self.healing.enabled': true,
      'anomaly.detection.goals': ['RackAwareGoal'],
      'anomaly.detection.interval.ms': 300_000,
      'broker.failure.detection.backoff.ms': 20_000,
      'broker.failure.alert.threshold.ms': 30_000,
      'broker.failure.self.healing.threshold.ms': 60_000,
    },
  ],
];
/** Nothing fails; the goals that are watched say what is violated. */
const watching: Setup = [
  ...lopsided,
  [['to'], '+100s'],
  [['timeline'], []],
  [
    ['cruiseControl', 'config'],
    {
      'self.healing.enabled': true,
      'anomaly.detection.goals': ['RackAwareGoal', 'ReplicaDistributionGoal'],
      'anomaly.detection.interval.ms': 60_000,
    },
  ],
];
const adjusting = (more: More): Setup => [
  ...rebalance({ ...only('ReplicaDistributionGoal'), throttle: '30MB/s' }),
  [['to'], '+160s'],
  [['cruiseControl', 'config'], { 'concurrency.adjuster.inter.broker.replica.enabled': true, ...more }],
];

const cases: Record<string, LeafCase> = {};
const pair = (key: string, setup: Setup, at: Path, a: Value, b: Value) => {
  cases[key] = { setup, at, values: [a, b] };
};
const key = (name: string, setup: Setup, a: Value, b: Value) =>
  pair(`cruiseControl.config.${name}`, setup, config(name), a, b);

// The analyzer.
const capacity = (name: string): Path => ['cruiseControl', 'capacity', name];
const over = (name: string): Path => ['cruiseControl', 'capacity', 'overrides', 0, name];
const overridden: Setup = [
  ...rebalance(only('CpuCapacityGoal', 'NetworkInboundCapacityGoal', 'NetworkOutboundCapacityGoal')),
  [['cruiseControl', 'capacity', 'overrides'], [{ brokers: [0] }]],
];
pair('cruiseControl.version', rebalance(), ['cruiseControl', 'version'], '2.5.137', '3.0.1');
// What a broker's processor does is a share of its capacity: only a difference between brokers shows.
const unequal: Setup = [
  ...rebalance(only('CpuUsageDistributionGoal')),
  [['cruiseControl', 'capacity', 'overrides'], [{ brokers: [0], cpu: '4 cores' }]],
];
pair('cruiseControl.capacity.cpu', unequal, capacity('cpu'), '8 cores', '1 core');
for (const way of ['inbound', 'outbound'] as const) {
  const goal = way === 'inbound' ? 'NetworkInboundCapacityGoal' : 'NetworkOutboundCapacityGoal';
  pair(
    `cruiseControl.capacity.${way}Network`,
    rebalance(only(goal)),
    capacity(`${way}Network`),
    '1GB/s',
    '100MB/s',
  );
  pair(
    `cruiseControl.capacity.overrides[].${way}Network`,
    overridden,
    over(`${way}Network`),
    '1GB/s',
    '100MB/s',
  );
}
pair('cruiseControl.capacity.overrides[].cpu', unequal, over('cpu'), '8 cores', '1 core');
pair(
  'cruiseControl.capacity.overrides[].brokers',
  [...overridden, [over('inboundNetwork'), '100MB/s']],
  over('brokers'),
  [0],
  [3],
);
pair(
  'cruiseControl.goals',
  rebalance({ skipHardGoalCheck: true }),
  ['cruiseControl', 'goals'],
  ['RackAwareGoal'],
  ['ReplicaDistributionGoal'],
);
pair(
  'cruiseControl.hardGoals',
  [...rebalance({}), [['cruiseControl', 'goals'], ['RackAwareGoal']]],
  ['cruiseControl', 'hardGoals'],
  ['RackAwareGoal'],
  ['DiskCapacityGoal'],
);

const balance = (name: string, goal: string, a: Value, b: Value) => key(name, rebalance(only(goal)), a, b);
balance('cpu.balance.threshold', 'CpuUsageDistributionGoal', 1.1, 3);
balance('disk.balance.threshold', 'DiskUsageDistributionGoal', 1.1, 3);
balance('network.inbound.balance.threshold', 'NetworkInboundUsageDistributionGoal', 1.1, 3);
balance('network.outbound.balance.threshold', 'NetworkOutboundUsageDistributionGoal', 1.1, 3);
balance('replica.count.balance.threshold', 'ReplicaDistributionGoal', 1.1, 2);
balance('leader.replica.count.balance.threshold', 'LeaderReplicaDistributionGoal', 1.1, 6);
balance('topic.replica.count.balance.threshold', 'TopicReplicaDistributionGoal', 1.1, 3);
key(
  'topic.replica.count.balance.min.gap',
  [
    ...rebalance(only('TopicReplicaDistributionGoal')),
    [config('topic.replica.count.balance.threshold'), 1.1],
  ],
  1,
  5,
);
key('topic.replica.count.balance.max.gap', rebalance(only('TopicReplicaDistributionGoal')), 40, 3);
key('cpu.capacity.threshold', rebalance(only('CpuCapacityGoal')), 0.7, 0.001);
key('disk.capacity.threshold', rebalance(only('DiskCapacityGoal')), 0.8, 0.0015);
key('network.inbound.capacity.threshold', rebalance(only('NetworkInboundCapacityGoal')), 0.8, 0.08);
key('network.outbound.capacity.threshold', rebalance(only('NetworkOutboundCapacityGoal')), 0.8, 0.08);
key('cpu.low.utilization.threshold', rebalance(only('CpuUsageDistributionGoal')), 0, 1);
key('disk.low.utilization.threshold', rebalance(only('DiskUsageDistributionGoal')), 0, 1);
key(
  'network.inbound.low.utilization.threshold',
  rebalance(only('NetworkInboundUsageDistributionGoal')),
  0,
  1,
);
key(
  'network.outbound.low.utilization.threshold',
  rebalance(only('NetworkOutboundUsageDistributionGoal')),
  0,
  1,
);
key('max.replicas.per.broker', rebalance(only('ReplicaCapacityGoal')), 10_000, 15);
key('overprovisioned.min.extra.racks', rebalance(only('RackAwareGoal')), 1, 4);
key('overprovisioned.min.brokers', rebalance(only('RackAwareGoal')), 3, 9);
key('overprovisioned.max.replicas.per.broker', rebalance(only('ReplicaDistributionGoal')), 1500, 1);
key('goal.balancedness.priority.weight', rebalance(only('RackAwareGoal', 'ReplicaDistributionGoal')), 1.1, 3);
key(
  'goal.balancedness.strictness.weight',
  rebalance(only('RackAwareGoal', 'ReplicaDistributionGoal')),
  1.5,
  3,
);
key(
  'min.topic.leaders.per.broker',
  [
    ...rebalance(only('MinTopicLeadersPerBrokerGoal')),
    [config('topics.with.min.leaders.per.broker'), 'busy'],
  ],
  1,
  2,
);
key('topics.with.min.leaders.per.broker', rebalance(only('MinTopicLeadersPerBrokerGoal')), 'busy', 'idle');

// The executor.

/** Broker 1 is back and behind when the request comes. */
const returned = (at: string, more: More): Setup => [
  [
    ['timeline'],
    [
      { at, id: 'one', do: 'cruiseControl.rebalance', ...more },
      { at: '+10s', id: 'lost', do: 'faults.broker', broker: 1, for: '90s' },
    ],
  ],
];
const spread = only('ReplicaDistributionGoal');
key('num.concurrent.partition.movements.per.broker', executed(spread), 5, 1);
key('max.num.cluster.partition.movements', executed(spread), 1250, 1);
key('num.concurrent.leader.movements', executed(leadersOnly), 1000, 1);
key('num.concurrent.leader.movements.per.broker', executed(leadersOnly), 250, 1);
key('execution.progress.check.interval.ms', executed(spread), 10_000, 20_000);
key('min.execution.progress.check.interval.ms', executed(leadersOnly), 5000, 10_000);
/** Controllers apart, two of three of which go while leaders move: nobody is elected. */
const leaderless: Setup = [
  ...executed(leadersOnly),
  [
    ['kafka', 'controllers'],
    { mode: 'dedicated', ids: [100, 101, 102], active: 100, nodes: ['n0', 'n2', 'n4'] },
  ],
  ...[0, 1, 2].map((i): [Path, Value] => [['kafka', 'brokers', i, 'controller'], undefined]),
  ...[100, 101].map((node, i): [Path, Value] => [
    ['timeline', i + 1],
    { at: '+38s', id: `lost ${node}`, do: 'faults.controller', node, for: '60s' },
  ]),
];
key('leader.movement.timeout.ms', leaderless, 180_000, 1000);
key('default.replication.throttle', executed(spread), 100_000_000, 40_000_000);
key(
  'default.replica.movement.strategies',
  executed(spread),
  ['BaseReplicaMovementStrategy'],
  ['PrioritizeLargeReplicaMovementStrategy'],
);
const adjuster = (name: string) => `concurrency.adjuster.${name}`;
key(adjuster('inter.broker.replica.enabled'), adjusting({}), false, true);
key(adjuster('interval.ms'), adjusting({}), 360_000, 30_000);
key(
  adjuster('min.isr.check.enabled'),
  [
    ...adjusting({ 'concurrency.adjuster.interval.ms': 50_000 }),
    [['to'], '+160s'],
    ...returned('+130s', { ...spread, throttle: '30MB/s' }),
  ],
  false,
  true,
);
key(
  adjuster('leadership.enabled'),
  [
    ...executed({ ...leadersOnly, leaderConcurrency: 1, checkInterval: '20s' }),
    [['to'], '+160s'],
    [['cruiseControl', 'config'], {}],
  ],
  false,
  true,
);

// Self-healing.
key('self.healing.enabled', healing, true, false);
key('anomaly.detection.goals', watching, ['RackAwareGoal'], ['ReplicaDistributionGoal']);
key('anomaly.detection.interval.ms', watching, 60_000, 30_000);
key('broker.failure.detection.backoff.ms', healing, 20_000, 60_000);
key('broker.failure.alert.threshold.ms', healing, 30_000, 40_000);
key('broker.failure.self.healing.threshold.ms', healing, 60_000, 90_000);
key('fixable.failed.broker.count.threshold', healing, 10, 0);
key('fixable.failed.broker.percentage.threshold', healing, 0.4, 0.1);

// What a request may say, here and in a KafkaRebalance.
for (const [action, modes] of [
  ['cruiseControl.rebalance', ['add-broker', 'remove-broker']],
  ['strimzi.rebalance', ['add-brokers', 'remove-brokers']],
] as const) {
  const asked = (more: More): Setup => executed({ do: action, ...more });
  const one = (name: string, setup: Setup, a: Value, b: Value) =>
    pair(`timeline[${action}].${name}`, setup, argument(name), a, b);
  one('at', asked(spread), '+20s', '+40s');
  one('mode', asked({ ...spread, brokers: [4] }), modes[0], modes[1]);
  one('brokers', asked({ ...spread, mode: modes[0] }), [3], [4]);
  one('goals', asked({ skipHardGoalCheck: true }), ['ReplicaDistributionGoal'], ['RackAwareGoal']);
  one('skipHardGoalCheck', asked({ goals: ['ReplicaDistributionGoal'] }), true, false);
  one('excludedTopics', asked(spread), 'i.*', 'busy');
  one('concurrency', asked(spread), 5, 1);
  one('leaderConcurrency', asked(leadersOnly), 1000, 1);
  one('throttle', asked(spread), '100MB/s', '40MB/s');
  one(
    'strategies',
    asked(spread),
    ['BaseReplicaMovementStrategy'],
    ['PrioritizeLargeReplicaMovementStrategy'],
  );
}
const one = (name: string, setup: Setup, a: Value, b: Value) =>
  pair(`timeline[cruiseControl.rebalance].${name}`, setup, argument(name), a, b);
one('do', rebalance(), 'cruiseControl.rebalance', 'cruiseControl.stop');
one('destinationBrokers', executed(spread), [3], [4]);
one('excludedForLeadership', executed(leadersOnly), [1], [2]);
one('excludedForReplicaMove', executed(spread), [3], [4]);
one('brokerLeaderConcurrency', executed(leadersOnly), 250, 1);
one('clusterConcurrency', executed(spread), 1250, 1);
one(
  'limitNamedBrokers',
  executed({ ...spread, mode: 'add-broker', brokers: [3, 4], concurrency: 1 }),
  true,
  false,
);
one('checkInterval', executed(spread), '10s', '20s');
one(
  'stopOngoing',
  [
    ...executed({ ...spread, at: '+40s' }),
    [
      ['timeline', 1],
      { at: '+20s', id: 'two', do: 'cruiseControl.rebalance', ...spread, throttle: '30MB/s' },
    ],
  ],
  true,
  false,
);
one('haltIf', executed(spread), 'rehearse:brokers_out_of_sync < 9', 'rehearse:brokers_out_of_sync > 9');
pair(
  'timeline[strimzi.rebalance].approveAfter',
  executed({ do: 'strimzi.rebalance', ...spread }),
  argument('approveAfter'),
  '10s',
  '30s',
);
pair(
  'timeline[strimzi.rebalance].do',
  rebalance(),
  argument('do'),
  'strimzi.rebalance',
  'cruiseControl.rebalance',
);
const stopping: Setup = [
  ...executed({ ...spread, throttle: '30MB/s' }),
  [['timeline', 1], { at: '+40s', id: 'two', do: 'cruiseControl.stop' }],
];
pair('timeline[cruiseControl.stop].at', stopping, ['timeline', 1, 'at'], '+40s', '+60s');
pair(
  'timeline[cruiseControl.stop].do',
  stopping,
  ['timeline', 1, 'do'],
  'cruiseControl.stop',
  'cruiseControl.rebalance',
);

export const cruiseControlCases: Readonly<Record<string, LeafCase>> = cases;

/** Keys of them that only name. */
export const cruiseControlNames: readonly string[] = [
  'cruiseControl.rebalance',
  'cruiseControl.stop',
  'strimzi.rebalance',
].flatMap((action) => [`timeline[${action}].id`, `timeline[${action}].name`]);
