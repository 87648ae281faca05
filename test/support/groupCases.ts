/** Pairs of values for the keys of consumer groups with members; see leafCases.ts. */
import type { LeafCase, Path } from './leafCases.ts';

type Set = NonNullable<LeafCase['setup']>[number];
type Value = Set[1];

const group = (key: string): Path => ['kafka', 'consumerGroups', 0, key];
const stop = { at: '+60s', id: 'm', do: 'kafka.stopMember', group: 'readers', member: 1 };
const start = { at: '+60s', id: 'm', do: 'kafka.startMember', group: 'readers', member: 1 };
const restart = { at: '+60s', id: 'm', do: 'kafka.restartMember', group: 'readers', member: 1, for: '20s' };
const roll = { at: '+60s', id: 'm', do: 'kafka.restartMembers', group: 'readers', every: '30s', for: '10s' };
const capacity = { at: '+60s', id: 'm', do: 'kafka.setMemberCapacity', group: 'readers', capacity: '1000/s' };
const members: Set = [group('members'), 3];
const plays = (...timeline: NonNullable<Value>[]): Set => [['timeline'], timeline];
const crash = plays({ ...stop, how: 'crash' });
const consumer: Set = [group('protocol'), 'consumer'];
const twoTopics: Set[] = [
  [group('topics'), ['busy', 'idle']],
  [
    ['kafka', 'consumerGroups', 0, 'members'],
    [{ topics: ['busy', 'idle'] }, { topics: ['busy'] }, { topics: ['busy'] }],
  ],
];
const others: Set = [
  ['kafka', 'consumerGroups', 1],
  { name: 'others', topics: ['busy'], pollInterval: '0ms', members: 2 },
];

export const groupCases: Readonly<Record<string, LeafCase>> = {
  'kafka.consumerGroups[].members': { setup: [crash], at: group('members'), values: [3, 6] },
  'kafka.consumerGroups[].members[].topics': {
    setup: [...twoTopics, plays({ ...stop, member: 2 })],
    at: ['kafka', 'consumerGroups', 0, 'members', 2, 'topics'],
    values: [['busy'], ['idle']],
  },
  'kafka.consumerGroups[].new': {
    setup: [members, plays(start)],
    at: group('new'),
    values: [true, false],
  },
  'kafka.consumerGroups[].auto.offset.reset': {
    setup: [members, [group('new'), true], plays(start)],
    at: group('auto.offset.reset'),
    values: ['latest', 'earliest'],
  },
  'kafka.consumerGroups[].static': {
    setup: [members, plays(restart)],
    at: group('static'),
    values: [true, false],
  },
  'kafka.consumerGroups[].protocol': {
    setup: [members, crash],
    at: group('protocol'),
    values: ['classic', 'consumer'],
  },
  'kafka.consumerGroups[].assignor': {
    setup: [members, crash],
    at: group('assignor'),
    values: ['sticky', 'cooperative-sticky'],
  },
  'kafka.consumerGroups[].capacity': {
    setup: [members],
    at: group('capacity'),
    values: ['5000/s', '3000/s'],
  },
  'kafka.consumerGroups[].session.timeout.ms': {
    setup: [members, crash],
    at: group('session.timeout.ms'),
    values: [45000, 10000],
  },
  'kafka.consumerGroups[].heartbeat.interval.ms': {
    setup: [members, crash],
    at: group('heartbeat.interval.ms'),
    values: [3000, 10000],
  },
  // A batch of 500 takes 50 s.
  'kafka.consumerGroups[].max.poll.interval.ms': {
    setup: [members, [group('capacity'), '10/s']],
    at: group('max.poll.interval.ms'),
    values: [300000, 20000],
  },
  'kafka.consumerGroups[].max.poll.records': {
    setup: [members, [group('capacity'), '100/s'], plays(stop)],
    at: group('max.poll.records'),
    values: [500, 5000],
  },
  'kafka.consumerGroups[].metadata.max.age.ms': {
    setup: [
      members,
      plays({ at: '+30s', id: 'grow', do: 'kafka.createPartitions', topic: 'busy', partitions: 18 }),
      [['kafka', 'producers', 'metadata.max.age.ms'], 0],
    ],
    at: group('metadata.max.age.ms'),
    values: [60000, 10000],
  },
  'kafka.config.group.initial.rebalance.delay.ms': {
    setup: [[group('members'), 1], plays(restart)],
    at: ['kafka', 'config', 'group.initial.rebalance.delay.ms'],
    values: [3000, 0],
  },
  'kafka.config.group.consumer.heartbeat.interval.ms': {
    setup: [members, consumer, plays(stop)],
    at: ['kafka', 'config', 'group.consumer.heartbeat.interval.ms'],
    values: [5000, 15000],
  },
  'kafka.config.group.consumer.session.timeout.ms': {
    setup: [members, consumer, crash],
    at: ['kafka', 'config', 'group.consumer.session.timeout.ms'],
    values: [45000, 60000],
  },
};

const actions = { stopMember: stop, startMember: start, restartMember: restart, restartMembers: roll };
const made = groupCases as Record<string, LeafCase>;
const pair = (
  action: string,
  entry: { readonly [key: string]: NonNullable<Value> },
  key: string,
  a: Value,
  b: Value,
) => {
  const timeline = action === 'startMember' ? [{ ...stop, id: 'before', at: '+30s' }, entry] : [entry];
  made[`timeline[kafka.${action}].${key}`] = {
    setup: [members, others, plays(...timeline)],
    at: ['timeline', timeline.length - 1, key],
    values: [a, b],
  };
};
for (const [action, entry] of Object.entries({ ...actions, setMemberCapacity: capacity })) {
  pair(action, entry, 'at', '+60s', '+90s');
  pair(action, entry, 'group', 'readers', 'others');
  if ('member' in entry) pair(action, entry, 'member', 1, 2);
  made[`timeline[kafka.${action}].do`] = {
    setup: [members],
    at: ['timeline', 0],
    values: [entry, { at: '+60s', id: 'x', do: 'operations.restart', broker: 0, downTime: '40s' }],
  };
}
pair('stopMember', stop, 'how', 'close', 'crash');
pair('restartMember', restart, 'how', 'close', 'crash');
pair('restartMember', restart, 'for', '20s', '40s');
pair('restartMembers', roll, 'every', '30s', '50s');
pair('restartMembers', roll, 'for', '10s', '20s');
pair('setMemberCapacity', capacity, 'member', 1, undefined);
pair('setMemberCapacity', capacity, 'capacity', '1000/s', '2000/s');

export const groupNames: readonly string[] = ['id', 'name'].flatMap((key) =>
  [...Object.keys(actions), 'setMemberCapacity'].map((action) => `timeline[kafka.${action}].${key}`),
);
