/** Pairs of values for the keys of partition increases and reassignments; see leafCases.ts. */
import type { LeafCase, Path } from './leafCases.ts';

type Setup = NonNullable<LeafCase['setup']>;
type Json = Setup[number][1];

const timeline = (...entries: { readonly [key: string]: Json }[]): Setup => [
  [['to'], '+2m'],
  [['timeline'], entries as Json],
];
const grow = { at: '+30s', id: 'grow', do: 'kafka.createPartitions', topic: 'busy', partitions: 18 };
const change = { ...grow, do: 'strimzi.topic' };
const replicas = [0, 1, 2];
const listed = [{ topic: 'busy', partition: 3, replicas }];
const move = { at: '+30s', id: 'move', do: 'kafka.reassign', partitions: listed, throttle: '200MB/s' };
const cancel = { at: '+40s', id: 'cancel', do: 'kafka.cancelReassignment' };
const both = {
  ...move,
  throttle: '30MB/s',
  partitions: [0, 1, 2, 3].flatMap((partition) => [
    { topic: 'busy', partition, replicas: [4, 3, 2] },
    { topic: 'idle', partition, replicas: [4, 3, 2] },
  ]),
};
const plan = (partition: number) =>
  JSON.stringify({ version: 1, partitions: [{ topic: 'busy', partition, replicas }] });

const first = (key: string, ...more: (string | number)[]): Path => ['timeline', 0, key, ...more];
const topic = (key: string): Path => ['kafka', 'topics', 0, key];
/** 60 s are left for producers to find what is new. */
const found: Setup = [...timeline(grow), [['kafka', 'producers', 'metadata.max.age.ms'], 60_000]];

const age = 'metadata.max.age.ms';
export const partitionCases: Readonly<Record<string, LeafCase>> = {
  'kafka.producers.metadata.max.age.ms': {
    setup: timeline(grow),
    at: ['kafka', 'producers', age],
    values: [60_000, 200_000],
  },
  'kafka.topics[].producers.metadata.max.age.ms': {
    setup: timeline(grow),
    at: topic('producers'),
    values: [{ [age]: 60_000 }, { [age]: 200_000 }],
  },
  'kafka.topics[].keys': {
    setup: [...found, [topic('shares'), { zipf: 1 }]],
    at: topic('keys'),
    values: [undefined, 'none'],
  },
  'kafka.topics[].coPartitioned': {
    setup: [...found, [['kafka', 'topics', 1, 'partitions'], 12]],
    at: topic('coPartitioned'),
    values: [undefined, ['idle']],
  },
  'kafka.topics[].streams': { setup: found, at: topic('streams'), values: [undefined, 'sums'] },
  'timeline[kafka.createPartitions].at': { setup: timeline(grow), at: first('at'), values: ['+30s', '+60s'] },
  'timeline[kafka.createPartitions].do': {
    at: ['timeline', 0],
    values: [grow, { ...move, id: 'grow' }],
  },
  'timeline[kafka.createPartitions].topic': {
    setup: timeline(grow),
    at: first('topic'),
    values: ['busy', 'idle'],
  },
  'timeline[kafka.createPartitions].partitions': {
    setup: timeline(grow),
    at: first('partitions'),
    values: [18, 24],
  },
  'timeline[strimzi.topic].at': { setup: timeline(change), at: first('at'), values: ['+30s', '+60s'] },
  'timeline[strimzi.topic].do': { setup: timeline(change), at: first('do'), values: [change.do, grow.do] },
  'timeline[strimzi.topic].topic': { setup: timeline(change), at: first('topic'), values: ['busy', 'idle'] },
  'timeline[strimzi.topic].partitions': {
    setup: timeline(change),
    at: first('partitions'),
    values: [18, 24],
  },
  'timeline[strimzi.topic].managed': {
    setup: timeline(change),
    at: first('managed'),
    values: [undefined, false],
  },
  'timeline[kafka.reassign].at': { setup: timeline(move), at: first('at'), values: ['+30s', '+60s'] },
  'timeline[kafka.reassign].do': { at: ['timeline', 0], values: [move, { ...grow, id: 'move' }] },
  'timeline[kafka.reassign].plan': {
    setup: timeline({ at: '+30s', id: 'move', do: 'kafka.reassign' }),
    at: first('plan'),
    values: ['models/plan-3.json', 'models/plan-5.json'],
  },
  'timeline[kafka.reassign].partitions[].topic': {
    setup: timeline(move),
    at: first('partitions', 0, 'topic'),
    values: ['busy', 'idle'],
  },
  'timeline[kafka.reassign].partitions[].partition': {
    setup: timeline(move),
    at: first('partitions', 0, 'partition'),
    values: [3, 5],
  },
  'timeline[kafka.reassign].partitions[].replicas': {
    setup: timeline(move),
    at: first('partitions', 0, 'replicas'),
    values: [replicas, [4, 3, 2]],
  },
  'timeline[kafka.reassign].throttle': {
    setup: timeline(both),
    at: first('throttle'),
    values: ['100MB/s', '50MB/s'],
  },
  'timeline[kafka.reassign].verify': { setup: timeline(move), at: first('verify'), values: [true, false] },
  'timeline[kafka.cancelReassignment].at': {
    setup: timeline(both, cancel),
    at: ['timeline', 1, 'at'],
    values: ['+40s', '+50s'],
  },
  'timeline[kafka.cancelReassignment].do': {
    setup: timeline(both),
    at: ['timeline', 1],
    values: [cancel, { ...grow, id: 'cancel', at: '+40s' }],
  },
  'timeline[kafka.cancelReassignment].topic': {
    setup: timeline({ ...both, throttle: '1MB/s' }, cancel),
    at: ['timeline', 1, 'topic'],
    values: ['busy', 'idle'],
  },
  'timeline[kafka.cancelReassignment].partitions': {
    setup: timeline(both, { ...cancel, topic: 'busy' }),
    at: ['timeline', 1, 'partitions'],
    values: [[0], [1]],
  },
};

export const partitionNames: readonly string[] = [
  'kafka.createPartitions',
  'kafka.reassign',
  'kafka.cancelReassignment',
  'strimzi.topic',
].flatMap((action) => [`timeline[${action}].id`, `timeline[${action}].name`]);

export const partitionFiles: Readonly<Record<string, string>> = {
  'models/plan-3.json': plan(3),
  'models/plan-5.json': plan(5),
};
