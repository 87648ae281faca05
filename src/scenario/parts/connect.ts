import { z } from 'zod';
import { connectCatalogue, connectLabels } from '../../models/connect/catalogue.ts';
import { ConnectCluster, type ConnectorSettings } from '../../models/connect/connect.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import type { Checks } from '../checks.ts';
import { connectToKafka, sinkGroupName } from '../connections/connectToKafka.ts';
import type { MeshSettings } from '../meshSettings.ts';
import type { Part, Undo } from '../part.ts';
import { q } from '../quantity.ts';
import { resources } from '../resources.ts';
import { unique } from '../unique.ts';
import type { KafkaPartSettings } from './kafka.ts';

/** Connect's own keys with its own units, as they stand in a worker's properties. */
const config = z.strictObject({
  'session.timeout.ms': q.count({ min: 1 }),
  'heartbeat.interval.ms': q.count({ min: 1 }),
  'rebalance.timeout.ms': q.count({ min: 1 }),
  'scheduled.rebalance.max.delay.ms': q.count({ min: 0, max: 2_147_483_647 }),
  'offset.flush.interval.ms': q.count({ min: 1 }),
  'consumer.session.timeout.ms': q.count({ min: 1 }),
  'consumer.heartbeat.interval.ms': q.count({ min: 1 }),
});

const tasksMax = q.count({ min: 1, max: 10_000 });

const connector = z.strictObject({
  name: z.string().min(1),
  'tasks.max': tasksMax,
  sink: z
    .strictObject({
      topics: z.array(z.string().min(1)).min(1),
      capacity: q.rate({ min: 0.001 }).meta({ description: 'messages per second that one task can write' }),
    })
    .optional(),
  source: z
    .strictObject({
      tables: z.array(z.strictObject({ name: z.string().min(1), rows: q.rate({ min: 0 }) })).min(1),
      'poll.interval.ms': q.count({ min: 1 }),
      capacity: q.rate({ min: 0.001 }).meta({ description: 'rows per second that one task can send' }),
    })
    .optional(),
  owner: z.string().optional().meta({ description: 'owner of the consumer group of a sink' }),
});

const settings = z.strictObject({
  'group.id': z.string().min(1),
  config,
  timing: z.strictObject({
    taskStop: q.duration({ min: 0 }),
    taskStart: q.duration({ min: 0 }),
    workerStart: q.varying.duration(),
  }),
  workers: z.array(z.string().min(1)).min(1).max(1000),
  sidecars: z
    .string()
    .min(1)
    .meta({
      description:
        'namespace of the mesh whose first sidecars are those of the workers, in their order; it means nothing without a mesh',
    })
    .optional(),
  connectors: z.array(connector).min(1).max(1000),
});
export type ConnectPartSettings = z.output<typeof settings>;

/** The consumer group of each sink, as one of `kafka.consumerGroups` that has a member for each task. */
export function sinkGroups(
  s: ConnectPartSettings | undefined,
): NonNullable<KafkaPartSettings['consumerGroups']> {
  return (s?.connectors ?? []).flatMap((c) =>
    c.sink === undefined
      ? []
      : [
          {
            name: sinkGroupName(c.name),
            topics: [...c.sink.topics],
            pollInterval: 0,
            members: c['tasks.max'],
            capacity: c.sink.capacity,
            'session.timeout.ms': s?.config['consumer.session.timeout.ms'],
            'heartbeat.interval.ms': s?.config['consumer.heartbeat.interval.ms'],
            // Connect overrides what a consumer has by itself. Source: Kafka 3.7 `Worker.baseConsumerConfigs`.
            'auto.offset.reset': 'earliest' as const,
            owner: c.owner,
          },
        ],
  );
}

function check(s: ConnectPartSettings, checks: Checks): void {
  const namespaces = checks.settings<MeshSettings>('mesh')?.namespaces;
  if (s.sidecars !== undefined && namespaces !== undefined) {
    const found = namespaces.find((n) => n.name === s.sidecars);
    if (found === undefined || found.sidecars < s.workers.length)
      checks.problem(
        ['connect', 'sidecars'],
        found === undefined
          ? `the mesh has no namespace ${s.sidecars}`
          : `namespace ${s.sidecars} has ${found.sidecars} sidecars for ${s.workers.length} workers`,
        'name one of mesh.namespaces with a sidecar for each worker',
      );
  }
  const kafka = checks.settings<KafkaPartSettings>('kafka');
  unique(s.workers, (name) =>
    checks.problem(['connect', 'workers'], `worker ${name} is listed twice`, 'give each worker its own name'),
  );
  unique(
    s.connectors.map((c) => c.name),
    (name) =>
      checks.problem(
        ['connect', 'connectors', name, 'name'],
        `connector ${name} is listed twice`,
        'give each connector its own name',
      ),
  );
  for (const [short, long] of [
    ['heartbeat.interval.ms', 'session.timeout.ms'],
    ['heartbeat.interval.ms', 'rebalance.timeout.ms'],
    ['consumer.heartbeat.interval.ms', 'consumer.session.timeout.ms'],
  ] as const) {
    if (s.config[short] >= s.config[long])
      checks.problem(
        ['connect', 'config', long],
        `${s.config[long]} ms, and ${short} is ${s.config[short]} ms: a member would be missed between two heartbeats`,
        `raise it above ${short}`,
      );
  }
  for (const c of s.connectors) {
    const at = ['connect', 'connectors', c.name];
    if ((c.sink === undefined) === (c.source === undefined))
      checks.problem(
        at,
        c.sink === undefined ? 'neither sink nor source' : 'both a sink and a source',
        'give one of sink and source',
      );
    if (c.source !== undefined)
      unique(
        c.source.tables.map((t) => t.name),
        (name) =>
          checks.problem(
            [...at, 'source', 'tables', name, 'name'],
            `table ${name} is listed twice`,
            'list each table once',
          ),
      );
    if (c.sink === undefined || kafka === undefined) continue;
    for (const name of c.sink.topics) {
      if (!kafka.topics.some((t) => t.name === name))
        checks.problem([...at, 'sink', 'topics'], `there is no topic ${name}`, 'name topics of kafka.topics');
    }
    unique(c.sink.topics, (name) =>
      checks.problem([...at, 'sink', 'topics'], `topic ${name} is listed twice`, 'list each topic once'),
    );
    if ((kafka.consumerGroups ?? []).some((g) => g.name === sinkGroupName(c.name)))
      checks.problem(
        ['kafka', 'consumerGroups', sinkGroupName(c.name), 'name'],
        `${sinkGroupName(c.name)} is the group that the tasks of connector ${c.name} form`,
        `remove it here: the connector brings it (line ${checks.lineOf(at)})`,
      );
    const most = Math.max(
      ...c.sink.topics.map((name) => kafka.topics.find((t) => t.name === name)?.partitions ?? 0),
    );
    if (most > 0 && c['tasks.max'] > most)
      checks.warning(
        [...at, 'tasks.max'],
        `${c['tasks.max']} tasks for topics with ${most} partitions at most: ${c['tasks.max'] - most} of them read nothing`,
        `lower it to ${most}, or raise the partitions`,
      );
  }
}

const namesOf = (names: readonly string[]) => names.slice(0, 20).join(', ');

function checkWorker(args: { worker: string }, checks: Checks, at: readonly (string | number)[]): void {
  const workers = checks.settings<ConnectPartSettings>('connect')?.workers;
  if (workers !== undefined && !workers.includes(args.worker))
    checks.problem([...at, 'worker'], `there is no worker ${args.worker}`, `name one of ${namesOf(workers)}`);
}

function checkConnector(args: { connector: string }, checks: Checks, at: readonly (string | number)[]): void {
  const names = checks.settings<ConnectPartSettings>('connect')?.connectors.map((c) => c.name);
  if (names !== undefined && !names.includes(args.connector))
    checks.problem(
      [...at, 'connector'],
      `there is no connector ${args.connector}`,
      `name one of ${namesOf(names)}`,
    );
}

const stopArgs = z.strictObject({
  worker: z.string().min(1),
  how: z
    .enum(['close', 'crash'])
    .optional()
    .meta({ description: 'close: it leaves the group; crash: it is missed when its session ends' }),
  for: q
    .duration({ min: 1 })
    .optional()
    .meta({ description: 'after which its process is started again; absent: it stays away' }),
});
const workerArgs = z.strictObject({ worker: z.string().min(1) });
const connectorArgs = z.strictObject({ connector: z.string().min(1) });
const scaleArgs = z.strictObject({ connector: z.string().min(1), 'tasks.max': tasksMax });

/** Above 0 until the group is stable and every task has a worker. */
const tasksWait = [
  'kafka_connect_worker_rebalance_rebalancing',
  'kafka_connect_worker_connector_unassigned_task_count',
];

/** An action on one connector. */
const onConnector = (says: string, undo: Undo, play: (connect: ConnectCluster, row: number) => void) =>
  ({
    says,
    on: (args: z.output<typeof connectorArgs>) => resources('connector', [args.connector]),
    undo,
    args: connectorArgs,
    check: checkConnector,
    play: (connect: ConnectCluster, args: z.output<typeof connectorArgs>) =>
      play(connect, connect.connectorRow(args.connector)),
  }) as never;

export const connectPart: Part<ConnectPartSettings, ConnectCluster> = {
  name: 'connect',
  says: 'Kafka Connect in distributed mode: workers, connectors and their tasks',
  around: 'kafka',
  settings,
  check,
  create: (s, context) => {
    const kafka = context.models.kafka as KafkaCluster;
    const connectors = s.connectors
      .map(
        (c): ConnectorSettings => ({
          name: c.name,
          tasksMax: c['tasks.max'],
          ...(c.sink === undefined ? {} : { sink: { capacity: c.sink.capacity } }),
          ...(c.source === undefined
            ? {}
            : {
                source: {
                  tables: c.source.tables.map((t) => ({ name: t.name, rowsPerSecond: t.rows })),
                  pollMicros: c.source['poll.interval.ms'] * 1000,
                  capacity: c.source.capacity,
                },
              }),
        }),
      )
      .sort((x, y) => (x.name < y.name ? -1 : 1));
    return new ConnectCluster(
      context.sim,
      {
        workers: s.workers,
        connectors,
        timing: {
          sessionMicros: s.config['session.timeout.ms'] * 1000,
          heartbeatMicros: s.config['heartbeat.interval.ms'] * 1000,
          rebalanceTimeoutMicros: s.config['rebalance.timeout.ms'] * 1000,
          maxDelayMicros: s.config['scheduled.rebalance.max.delay.ms'] * 1000,
          flushMicros: s.config['offset.flush.interval.ms'] * 1000,
          taskStopMicros: s.timing.taskStop,
          taskStartMicros: s.timing.taskStart,
          workerStartMicros: s.timing.workerStart,
          roundTripMicros: kafka.settings.timing.roundTripMicros,
        },
      },
      connectToKafka(
        kafka,
        s['group.id'],
        connectors.map((c) => c.name),
      ),
    );
  },
  actions: {
    stopWorker: {
      says: 'stops a worker: its tasks run nowhere until the rebalance delay has passed',
      on: () => resources('connector'),
      undo: { can: 'yes', how: 'start the worker: its tasks return with the next rebalance' },
      busy: tasksWait,
      args: stopArgs,
      check: checkWorker,
      play: (connect: ConnectCluster, args: z.output<typeof stopArgs>) =>
        connect.stopWorker(connect.workerRow(args.worker), args.how === 'crash', args.for),
    } as never,
    startWorker: {
      says: 'starts the process of a worker that is stopped',
      on: () => resources('connector'),
      undo: { can: 'yes', how: 'stop the worker: its tasks wait for the rebalance delay' },
      busy: tasksWait,
      args: workerArgs,
      check: checkWorker,
      play: (connect: ConnectCluster, args: z.output<typeof workerArgs>) =>
        connect.startWorker(connect.workerRow(args.worker)),
    } as never,
    scaleTasks: {
      says: "changes a connector's tasks.max: its tasks stop, the workers rebalance, and they start again",
      on: (args: { readonly connector: string }) => resources('connector', [args.connector]),
      undo: { can: 'yes', how: 'set the old tasks.max: the tasks stop and start once more' },
      busy: tasksWait,
      args: scaleArgs,
      check: checkConnector,
      play: (connect: ConnectCluster, args: z.output<typeof scaleArgs>) =>
        connect.scaleTasks(connect.connectorRow(args.connector), args['tasks.max']),
    } as never,
    restart: onConnector(
      'stops and starts all tasks of a connector where they are',
      { can: 'no', how: 'the tasks have been restarted; what they read again stays' },
      (connect, row) => connect.restart(row),
    ),
    pause: onConnector(
      'pauses a connector: its tasks stay where they are and do nothing',
      { can: 'yes', how: 'resume the connector' },
      (connect, row) => connect.pause(row, true),
    ),
    resume: onConnector(
      'resumes a connector that is paused',
      { can: 'yes', how: 'pause the connector' },
      (connect, row) => connect.pause(row, false),
    ),
  },
  setInsteadOfWarmed: [
    'Connect: tasks dealt evenly, consumer groups of sinks stable, offsets flushed at a drawn moment',
  ],
  catalogue: connectCatalogue,
  labels: connectLabels,
};
