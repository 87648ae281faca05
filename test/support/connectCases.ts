/** Pairs of values for the keys of Connect and of the schema registry. */
import type { LeafCase, Path } from './leafCases.ts';
import { withEntries } from './leafEntries.ts';

type Json = NonNullable<LeafCase['values'][0]>;
type Tree = { readonly [key: string]: Json };

/** As in smallScenario, with the defaults of Connect behind them. */
const defaults = [
  'models/hardware/aws-ec2.yaml',
  'models/kubernetes/kubernetes-1.30.yaml',
  'models/strimzi/strimzi-0.42.yaml',
  'models/kafka/kafka-3.7.yaml',
];
const offsetsTopic: Tree = { name: '__consumer_offsets', partitions: 50, bytesIn: '0B/s', messagesIn: '0/s' };

const sink: Tree = { name: 'es', 'tasks.max': 3, sink: { topics: ['busy'], capacity: '5000/s' } };
const source: Tree = {
  name: 'db',
  'tasks.max': 2,
  source: {
    tables: [
      { name: 'a', rows: '100/s' },
      { name: 'b', rows: '50/s' },
    ],
    'poll.interval.ms': 5000,
    capacity: '400/s',
  },
};

/** Three workers, a source and a sink of a topic without load, and what happens to them. */
const connect = (timeline: readonly Json[], more: Tree = {}): [Path, Json][] => [
  [['extends'], [...defaults, 'models/connect/kafka-connect-3.7.yaml']],
  [['to'], '+4m'],
  [['kafka', 'topics', 0, 'bytesIn'], '0B/s'],
  [['kafka', 'topics', 0, 'messagesIn'], '0/s'],
  [['kafka', 'topics', 2], offsetsTopic],
  [['kafka', 'consumerGroups'], []],
  [
    ['connect'],
    {
      config: { 'scheduled.rebalance.max.delay.ms': 60_000 },
      timing: { taskStop: '1s', taskStart: '2s', workerStart: '20s' },
      workers: ['w0', 'w1', 'w2'],
      connectors: [sink, source],
      ...more,
    },
  ],
  [['timeline'], timeline],
];
/** The same with a load on the sink's topic. */
const loaded = (timeline: readonly Json[]): [Path, Json][] => [
  ...connect(timeline),
  [['kafka', 'topics', 0, 'bytesIn'], '100MB/s'],
  [['kafka', 'topics', 0, 'messagesIn'], '10000/s'],
];
const crash = (more: Tree = {}): Json => ({
  at: '+60s',
  id: 'one',
  do: 'connect.stopWorker',
  worker: 'w1',
  how: 'crash',
  for: '30s',
  ...more,
});
const scale: Json = { at: '+60s', id: 'one', do: 'connect.scaleTasks', connector: 'es', 'tasks.max': 4 };
const pause: Json = { at: '+60s', id: 'one', do: 'connect.pause', connector: 'es' };
/** The source pauses for a minute and catches up. */
const pauseSource: readonly Json[] = [
  { at: '+60s', id: 'one', do: 'connect.pause', connector: 'db' },
  { at: '+120s', id: 'two', do: 'connect.resume', connector: 'db' },
];
const key = (name: string): Path => ['connect', 'config', name];
const entry = (name: string): Path => ['timeline', 0, name];
const sinkKey = (name: string): Path => ['connect', 'connectors', 0, 'sink', name];
const sourceKey = (...path: Path): Path => ['connect', 'connectors', 1, 'source', ...path];

const connectKeys: Record<string, LeafCase> = {
  'connect.group.id': {
    // The broker that leads the partition of one of the two is gone long enough for workers to miss their coordinator.
    setup: connect([{ at: '+60s', id: 'one', do: 'faults.broker', broker: 4, for: '60s' }]),
    at: ['connect', 'group.id'],
    values: ['connect-cluster', 'analytics-connect'],
  },
  'connect.config.session.timeout.ms': {
    setup: connect([crash()]),
    at: key('session.timeout.ms'),
    values: [10_000, 30_000],
  },
  'connect.config.heartbeat.interval.ms': {
    setup: connect([crash()]),
    at: key('heartbeat.interval.ms'),
    values: [3000, 9000],
  },
  'connect.config.rebalance.timeout.ms': {
    // A worker that is back before its old self is missed waits for it, but no longer than this.
    setup: connect([crash({ for: '1s' })], { config: { 'session.timeout.ms': 100_000 } }),
    at: key('rebalance.timeout.ms'),
    values: [60_000, 30_000],
  },
  'connect.config.scheduled.rebalance.max.delay.ms': {
    setup: connect([crash()]),
    at: key('scheduled.rebalance.max.delay.ms'),
    values: [60_000, 0],
  },
  'connect.config.offset.flush.interval.ms': {
    setup: connect([crash()]),
    at: key('offset.flush.interval.ms'),
    values: [60_000, 10_000],
  },
  'connect.config.consumer.session.timeout.ms': {
    setup: loaded([crash()]),
    at: key('consumer.session.timeout.ms'),
    values: [45_000, 10_000],
  },
  'connect.config.consumer.heartbeat.interval.ms': {
    setup: loaded([crash()]),
    at: key('consumer.heartbeat.interval.ms'),
    values: [3000, 9000],
  },
  'connect.timing.taskStop': {
    setup: connect([scale]),
    at: ['connect', 'timing', 'taskStop'],
    values: ['1s', '5s'],
  },
  'connect.timing.taskStart': {
    setup: connect([scale]),
    at: ['connect', 'timing', 'taskStart'],
    values: ['2s', '10s'],
  },
  'connect.timing.workerStart': {
    setup: connect([crash()]),
    at: ['connect', 'timing', 'workerStart'],
    values: ['20s', '40s'],
  },
  'connect.workers': {
    setup: connect([crash()]),
    at: ['connect', 'workers'],
    values: [
      ['w0', 'w1'],
      ['w0', 'w1', 'w2'],
    ],
  },
  'connect.connectors[].tasks.max': {
    setup: loaded([]),
    at: ['connect', 'connectors', 0, 'tasks.max'],
    values: [3, 1],
  },
  'connect.connectors[].owner': {
    setup: connect([]),
    at: ['connect', 'connectors', 0, 'owner'],
    values: ['a', 'b'],
  },
  'connect.connectors[].sink.topics': {
    setup: loaded([pause]),
    at: sinkKey('topics'),
    values: [['busy'], ['idle']],
  },
  'connect.connectors[].sink.capacity': {
    setup: loaded([]),
    at: sinkKey('capacity'),
    values: ['5000/s', '2500/s'],
  },
  'connect.connectors[].source.tables[].rows': {
    setup: connect([]),
    at: sourceKey('tables', 0, 'rows'),
    values: ['100/s', '300/s'],
  },
  'connect.connectors[].source.poll.interval.ms': {
    setup: connect([]),
    at: sourceKey('poll.interval.ms'),
    values: [5000, 60_000],
  },
  'connect.connectors[].source.capacity': {
    setup: connect(pauseSource),
    at: sourceKey('capacity'),
    values: ['400/s', '150/s'],
  },
  'timeline[connect.stopWorker].worker': {
    setup: connect([crash()]),
    at: entry('worker'),
    values: ['w0', 'w1'],
  },
  'timeline[connect.stopWorker].how': {
    setup: connect([crash()]),
    at: entry('how'),
    values: ['crash', 'close'],
  },
  'timeline[connect.stopWorker].for': {
    setup: connect([crash()]),
    at: entry('for'),
    values: ['60s', undefined],
  },
  'timeline[connect.startWorker].worker': {
    setup: connect([
      { at: '+150s', id: 'three', do: 'connect.startWorker', worker: 'w1' },
      { at: '+60s', id: 'one', do: 'connect.stopWorker', worker: 'w1' },
      { at: '+70s', id: 'two', do: 'connect.stopWorker', worker: 'w2' },
    ]),
    at: entry('worker'),
    values: ['w1', 'w2'],
  },
  'timeline[connect.scaleTasks].connector': {
    setup: connect([scale]),
    at: entry('connector'),
    values: ['es', 'db'],
  },
  'timeline[connect.scaleTasks].tasks.max': {
    setup: connect([scale]),
    at: entry('tasks.max'),
    values: [4, 6],
  },
  'timeline[connect.restart].connector': {
    setup: connect([{ at: '+60s', id: 'one', do: 'connect.restart', connector: 'es' }]),
    at: entry('connector'),
    values: ['es', 'db'],
  },
  'timeline[connect.pause].connector': {
    setup: connect([pause]),
    at: entry('connector'),
    values: ['es', 'db'],
  },
  'timeline[connect.resume].connector': {
    setup: connect([
      { at: '+120s', id: 'two', do: 'connect.resume', connector: 'db' },
      ...pauseSource.slice(0, 1),
      { ...(pause as Tree), id: 'three' },
    ]),
    at: entry('connector'),
    values: ['db', 'es'],
  },
};

/** Two instances, clients, and a topic without room for the loss of a replica. */
const registry = (timeline: readonly Json[]): [Path, Json][] => [
  [['extends'], [...defaults, 'models/schemaRegistry/schema-registry-7.6.yaml']],
  [['kafka', 'topics', 0], offsetsTopic],
  [
    ['kafka', 'topics', 2],
    {
      name: '_schemas',
      partitions: 1,
      replicationFactor: 5,
      minInSyncReplicas: 5,
      bytesIn: '0B/s',
      messagesIn: '0/s',
    },
  ],
  [['kafka', 'consumerGroups'], []],
  [
    ['schemaRegistry'],
    {
      instanceStart: '10s',
      instances: ['sr-0', 'sr-1'],
      clients: [{ name: 'a' }, { name: 'b' }],
    },
  ],
  [['timeline'], timeline],
];
const stopInstance = (more: Tree = {}): Json => ({
  at: '+60s',
  id: 'one',
  do: 'schemaRegistry.stop',
  instance: 'sr-0',
  how: 'crash',
  for: '30s',
  ...more,
});
const stopBoth: readonly Json[] = [stopInstance(), stopInstance({ id: 'two', instance: 'sr-1' })];
const startClients: Json = {
  at: '+70s',
  id: 'starts',
  do: 'schemaRegistry.startClients',
  client: 'a',
  schemas: 10,
  over: '10s',
};
const lost: Json = { at: '+60s', id: 'lost', do: 'faults.broker', broker: 3, for: '30s' };
const ask = (more: Tree = {}): Json => ({
  at: '+62s',
  id: 'ask',
  do: 'schemaRegistry.request',
  client: 'newSchema',
  ...more,
});
const client = (name: string): Path => ['schemaRegistry', 'clients', 0, name];

const registryKeys: Record<string, LeafCase> = {
  'schemaRegistry.schema.registry.group.id': {
    // The broker that is lost coordinates one of the two groups: its election waits for another coordinator.
    setup: registry([
      { ...(lost as Tree), broker: 4 },
      stopInstance({ how: 'close' }),
      ask({ at: '+65s', instance: 'sr-1' }),
    ]),
    at: ['schemaRegistry', 'schema.registry.group.id'],
    values: ['schema-registry', 'registry-b'],
  },
  'schemaRegistry.kafkastore.timeout.ms': {
    setup: registry([lost, ask()]),
    at: ['schemaRegistry', 'kafkastore.timeout.ms'],
    values: [500, 10_000],
  },
  'schemaRegistry.instanceStart': {
    setup: registry([stopInstance()]),
    at: ['schemaRegistry', 'instanceStart'],
    values: ['10s', '20s'],
  },
  'schemaRegistry.instances': {
    setup: registry([stopInstance(), ask()]),
    at: ['schemaRegistry', 'instances'],
    values: [['sr-0', 'sr-1'], ['sr-0']],
  },
  'schemaRegistry.clients[].newSchemas': {
    setup: registry([]),
    at: client('newSchemas'),
    values: ['1/s', '2/s'],
  },
  'schemaRegistry.clients[].unseenIds': {
    setup: registry([]),
    at: client('unseenIds'),
    values: ['1/s', '2/s'],
  },
  'schemaRegistry.clients[].coldStarts': {
    setup: registry([]),
    at: client('coldStarts'),
    values: ['1/s', '2/s'],
  },
  'timeline[schemaRegistry.stop].instance': {
    setup: registry([stopInstance()]),
    at: entry('instance'),
    values: ['sr-0', 'sr-1'],
  },
  'timeline[schemaRegistry.stop].how': {
    setup: registry([stopInstance()]),
    at: entry('how'),
    values: ['close', 'crash'],
  },
  'timeline[schemaRegistry.stop].for': {
    setup: registry([stopInstance()]),
    at: entry('for'),
    values: ['30s', undefined],
  },
  'timeline[schemaRegistry.start].instance': {
    setup: registry([
      { at: '+120s', id: 'start', do: 'schemaRegistry.start', instance: 'sr-0' },
      stopInstance({ for: '200s' }),
      stopInstance({ id: 'two', instance: 'sr-1', for: '200s' }),
    ]),
    at: entry('instance'),
    values: ['sr-0', 'sr-1'],
  },
  'timeline[schemaRegistry.request].client': {
    setup: registry([ask(), lost]),
    at: entry('client'),
    values: ['newSchema', 'coldClient'],
  },
  'timeline[schemaRegistry.request].instance': {
    setup: registry([ask({ at: '+100.1s' }), stopInstance()]),
    at: entry('instance'),
    values: ['sr-0', 'sr-1'],
  },
  'timeline[schemaRegistry.startClients].client': {
    setup: registry([startClients, ...stopBoth]),
    at: entry('client'),
    values: ['a', 'b'],
  },
  'timeline[schemaRegistry.startClients].schemas': {
    setup: registry([startClients, ...stopBoth]),
    at: entry('schemas'),
    values: [10, 20],
  },
  'timeline[schemaRegistry.startClients].over': {
    setup: registry([startClients, ...stopBoth]),
    at: entry('over'),
    values: ['10s', '40s'],
  },
};

export const registryNames: readonly string[] = [
  'schemaRegistry.clients[].name',
  ...['request', 'start', 'startClients', 'stop'].flatMap((action) => [
    `timeline[schemaRegistry.${action}].id`,
    `timeline[schemaRegistry.${action}].name`,
  ]),
];

export const connectNames: readonly string[] = [
  'connect.connectors[].name',
  'connect.connectors[].source.tables[].name',
  ...['pause', 'restart', 'resume', 'scaleTasks', 'startWorker', 'stopWorker'].flatMap((action) => [
    `timeline[connect.${action}].id`,
    `timeline[connect.${action}].name`,
  ]),
];

const instead = { id: 'other', do: 'operations.restart', broker: 0 };
export const connectCases = withEntries(connectKeys, instead);
export const registryCases = withEntries(registryKeys, instead);
