import { z } from 'zod';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import type { ConsumerGroups } from '../../models/kafka/consumerGroups.ts';
import type { MembersSettings } from '../../models/kafka/settings.ts';
import type { Checks } from '../checks.ts';
import type { Action, Undo } from '../part.ts';
import { q } from '../quantity.ts';
import { resources } from '../resources.ts';

/** Kafka's integers have 32 bits. */
const integer = (min: number) => q.count({ min, max: 2_147_483_647 });

/**
 * Keys of the brokers that concern groups, with Kafka's own units. The brokers refuse heartbeats and sessions of the consumer protocol
 * beyond group.consumer.min. and max.heartbeat.interval.ms and session.timeout.ms (`GroupCoordinatorConfig`).
 */
export const groupConfig = {
  'group.initial.rebalance.delay.ms': integer(0).optional(),
  'group.consumer.heartbeat.interval.ms': q.count({ min: 5000, max: 15_000 }).optional(),
  'group.consumer.session.timeout.ms': q.count({ min: 45_000, max: 60_000 }).optional(),
};

/** Keys of a consumer group that concern its members. */
export const membership = {
  members: z
    .union([
      q.count({ min: 1, max: 10_000 }),
      z
        .array(z.strictObject({ topics: z.array(z.string()).min(1) }))
        .min(1)
        .max(10_000),
    ])
    .optional()
    .meta({
      description:
        'how many members share its partitions, or a list that says which of its topics each subscribes to; absent: one reader of them all',
    }),
  new: z
    .boolean()
    .optional()
    .meta({ description: 'the group does not exist yet: the timeline starts its members' }),
  'auto.offset.reset': z.enum(['latest', 'earliest']).optional(),
  static: z.boolean().optional().meta({
    description: 'each member has a group.instance.id: its restart within the session changes nothing',
  }),
  protocol: z
    .enum(['classic', 'consumer'])
    .optional()
    .meta({ description: 'group.protocol; classic when absent' }),
  assignor: z.enum(['range', 'roundrobin', 'sticky', 'cooperative-sticky', 'uniform']).optional().meta({
    description: 'partition.assignment.strategy; range when absent, and uniform under the consumer protocol',
  }),
  capacity: q.rate({ min: 0.001 }).optional().meta({
    description: 'messages that each member handles in a second; absent: catchUpFactor times what comes in',
  }),
  'session.timeout.ms': integer(1).optional(),
  'heartbeat.interval.ms': integer(1).optional(),
  'max.poll.interval.ms': integer(1).optional(),
  'max.poll.records': integer(1).optional(),
  'metadata.max.age.ms': integer(0).optional(),
};

const group = z.strictObject({
  name: z.string(),
  topics: z.array(z.string()),
  pollInterval: q.duration(),
  ...membership,
});
type Given = Pick<z.output<typeof group>, 'name' | 'topics' | keyof typeof membership>;
type Config = { readonly [key in keyof typeof groupConfig]?: number | undefined };

/** Keys that say nothing without members. */
const needMembers = Object.keys(membership).filter((key) => key !== 'members') as (keyof typeof membership)[];

/**
 * What Kafka 3.7 has where a group or the brokers say nothing, milliseconds.
 * Source: `ConsumerConfig`, `GroupCoordinatorConfig`.
 */
const usual = {
  sessionMs: 45_000,
  heartbeatMs: 3000,
  consumerHeartbeatMs: 5000,
  maxPollMs: 300_000,
  maxPollRecords: 500,
  metadataAgeMs: 300_000,
  initialDelayMs: 3000,
};

/** The topics of a group in the order in which the models want them. */
export function topicsInOrder(g: Given): readonly string[] {
  return g.members === undefined ? g.topics : [...new Set(g.topics)].sort((x, y) => (x < y ? -1 : 1));
}

export function membersOf(g: Given, config: Config, pollMicros: number): MembersSettings | undefined {
  if (g.members === undefined) return undefined;
  const topics = topicsInOrder(g);
  const consumer = g.protocol === 'consumer';
  const ms = (...given: readonly (number | undefined)[]) => (given.find((x) => x !== undefined) ?? 0) * 1000;
  return {
    subscriptions:
      typeof g.members === 'number'
        ? Array.from({ length: g.members }, () => topics.map((_, place) => place))
        : g.members.map((m) => topics.flatMap((name, place) => (m.topics.includes(name) ? [place] : []))),
    isNew: g.new ?? false,
    isStatic: g.static ?? false,
    protocol: g.protocol ?? 'classic',
    assignor: g.assignor ?? (consumer ? 'uniform' : 'range'),
    capacity: g.capacity ?? 0,
    sessionMicros: consumer
      ? ms(config['group.consumer.session.timeout.ms'], usual.sessionMs)
      : ms(g['session.timeout.ms'], usual.sessionMs),
    heartbeatMicros: consumer
      ? ms(config['group.consumer.heartbeat.interval.ms'], usual.consumerHeartbeatMs)
      : ms(g['heartbeat.interval.ms'], usual.heartbeatMs),
    maxPollMicros: ms(g['max.poll.interval.ms'], usual.maxPollMs),
    maxPollRecords: g['max.poll.records'] ?? usual.maxPollRecords,
    metadataAgeMicros: ms(g['metadata.max.age.ms'], usual.metadataAgeMs),
    latest: (g['auto.offset.reset'] ?? 'latest') === 'latest',
    initialDelayMicros: ms(config['group.initial.rebalance.delay.ms'], usual.initialDelayMs),
    pollMicros,
  };
}

export function checkMembers(
  g: Given & { readonly clients?: number | undefined; readonly 'client.rack'?: string | undefined },
  config: Config,
  checks: Checks,
): void {
  const at = ['kafka', 'consumerGroups', g.name];
  const problem = (key: string, found: string, mend: string) => checks.problem([...at, key], found, mend);
  if (g.members === undefined) {
    for (const key of needMembers)
      if (g[key] !== undefined)
        problem(key, `${key} of a group without members`, 'add members, such as members: 6, or remove it');
    return;
  }
  if (g.clients !== undefined)
    problem('clients', 'clients beside members: each member is one client', 'remove clients');
  const consumer = g.protocol === 'consumer';
  const allowed = consumer ? ['uniform', 'range'] : ['range', 'roundrobin', 'sticky', 'cooperative-sticky'];
  if (g.assignor !== undefined && !allowed.includes(g.assignor))
    problem(
      'assignor',
      `${g.assignor} under the ${g.protocol ?? 'classic'} protocol`,
      `name one of ${allowed.join(', ')}, or set protocol: ${consumer ? 'classic' : 'consumer'}`,
    );
  if (consumer) {
    for (const key of ['session.timeout.ms', 'heartbeat.interval.ms'] as const)
      if (g[key] !== undefined)
        problem(
          key,
          `${key} under the consumer protocol, where the brokers decide it`,
          `remove it, and set group.consumer.${key} in kafka.config`,
        );
    if (g['metadata.max.age.ms'] !== undefined)
      problem(
        'metadata.max.age.ms',
        'metadata.max.age.ms under the consumer protocol, where the coordinator sees new partitions at a heartbeat',
        'remove it',
      );
  } else {
    const { sessionMicros, heartbeatMicros } = membersOf(g, config, 0) as MembersSettings;
    if (heartbeatMicros >= sessionMicros)
      problem(
        g['heartbeat.interval.ms'] === undefined ? 'session.timeout.ms' : 'heartbeat.interval.ms',
        `a heartbeat each ${heartbeatMicros / 1000} ms, and a session of ${sessionMicros / 1000} ms: the consumer refuses to start`,
        'keep heartbeat.interval.ms at a third of session.timeout.ms',
      );
  }
  if (typeof g.members !== 'number') {
    const all = new Set(g.topics);
    const subscribed = new Set(g.members.flatMap((m) => m.topics));
    for (const name of subscribed)
      if (!all.has(name))
        problem(
          'members',
          `a member subscribes to ${name}, which the group does not list`,
          'add it to topics',
        );
    for (const name of all)
      if (!subscribed.has(name))
        problem(
          'members',
          `no member subscribes to ${name}`,
          'give it to a member, or remove it from topics',
        );
    const uneven = g.members.some((m) => new Set(m.topics).size !== all.size);
    if (uneven && consumer && (g.assignor ?? 'uniform') === 'uniform')
      problem(
        'members',
        'members of different subscriptions under the uniform assignor: its algorithm for them is not modelled',
        'let all members subscribe to all topics, or set assignor: range',
      );
  }
  if (g['client.rack'] !== undefined)
    checks.warning(
      [...at, 'client.rack'],
      'a client.rack beside members: partitions are assigned without regard to racks (KIP-881 is not modelled)',
      'expect the same sizes, but other partitions for each member',
    );
  if (consumer)
    checks.warning(
      [...at, 'protocol'],
      'the consumer protocol (KIP-848) is early access in Kafka 3.7',
      'use it to see what it would change, not in production',
    );
}

interface Named {
  readonly group: string;
  readonly member?: number | undefined;
}

const member = q.count({ min: 1 }).meta({ description: 'which of its members, from 1 on' });

/** A group with members, and a member that it has. */
function checkNamed(args: Named, checks: Checks, at: readonly (string | number)[]): void {
  const groups = checks.settings<{ consumerGroups?: readonly Given[] }>('kafka')?.consumerGroups ?? [];
  const named = groups.filter((g) => g.members !== undefined).map((g) => g.name);
  const found = groups.find((g) => g.name === args.group);
  if (found?.members === undefined) {
    checks.problem(
      [...at, 'group'],
      found === undefined ? `there is no consumer group ${args.group}` : `${args.group} has no members`,
      named.length === 0
        ? 'give a group of kafka.consumerGroups members, such as members: 6'
        : `name one of ${named.slice(0, 20).join(', ')}`,
    );
    return;
  }
  const count = typeof found.members === 'number' ? found.members : found.members.length;
  if (args.member !== undefined && args.member > count)
    checks.problem([...at, 'member'], `${args.group} has ${count} members`, `name one from 1 to ${count}`);
}

function action<Args extends Named>(
  says: string,
  undo: Undo,
  args: z.ZodType<Args>,
  play: (groups: ConsumerGroups, group: number, args: Args) => void,
): Action<KafkaCluster, never> {
  const made: Action<KafkaCluster, Args> = {
    says,
    on: (given) => resources('group', [given.group]),
    undo,
    args,
    check: checkNamed,
    play: (cluster, given) => {
      const { membership: groups, memberRow } = cluster.consumers;
      const row = memberRow[cluster.settings.groups.findIndex((g) => g.name === given.group)];
      if (groups !== undefined) play(groups, row, given);
    },
  };
  return made as never;
}

const how = z
  .enum(['close', 'crash'])
  .optional()
  .meta({ description: 'close tells the coordinator, crash does not; close when absent' });

export const memberActions: Readonly<Record<string, Action<KafkaCluster, never>>> = {
  stopMember: action(
    'a member of a consumer group ends: it closes its consumer, or crashes',
    { can: 'yes', how: 'start the member: the group rebalances once more' },
    z.strictObject({ group: z.string().min(1), member, how }),
    (groups, row, { member: m, how: end }) => groups.stop(row, m - 1, end === 'crash'),
  ),
  startMember: action(
    'a member that was stopped starts again',
    { can: 'yes', how: 'stop the member: the group rebalances once more' },
    z.strictObject({ group: z.string().min(1), member }),
    (groups, row, { member: m }) => groups.start(row, m - 1),
  ),
  restartMember: action(
    'a member ends and is back after a while',
    { can: 'no', how: 'the member has been restarted; the group has rebalanced' },
    z.strictObject({ group: z.string().min(1), member, how, for: q.duration({ min: 1 }) }),
    (groups, row, { member: m, how: end, for: micros }) =>
      groups.restart(row, m - 1, micros, end === 'crash'),
  ),
  restartMembers: action(
    'all members of a group are restarted one after the other, as a rolling update does',
    { can: 'no', how: 'the members have been restarted; the group has rebalanced' },
    z.strictObject({
      group: z.string().min(1),
      every: q.duration({ min: 1 }).meta({ description: 'from the stop of one member to that of the next' }),
      for: q.duration({ min: 1 }).meta({ description: 'how long each is away' }),
    }),
    (groups, row, { every, for: micros }) => groups.restartAll(row, every, micros),
  ),
  setMemberCapacity: action(
    'a member, or all of a group, handles so many messages a second from now on',
    { can: 'yes', how: 'set the old capacity' },
    z.strictObject({ group: z.string().min(1), member: member.optional(), capacity: q.rate({ min: 0.001 }) }),
    (groups, row, { member: m, capacity }) => {
      groups.groups[row].seats.forEach((_, seat) => {
        if (m === undefined || m === seat + 1) groups.setCapacity(row, seat, capacity);
      });
    },
  ),
};
