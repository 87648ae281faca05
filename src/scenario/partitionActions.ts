import { z } from 'zod';
import { readReassignment } from '../formats/assignment.ts';
import type { KafkaCluster } from '../models/kafka/cluster.ts';
import { mostNewPartitions } from '../models/kafka/topics.ts';
import type { Checks } from './checks.ts';
import type { TimelineEntry } from './load.ts';
import type { BuildContext } from './part.ts';
import type { KafkaPartSettings } from './parts/kafka.ts';
import { minInSyncReplicas, planWarnings } from './planWarnings.ts';
import { q } from './quantity.ts';
import { resources } from './resources.ts';
import { warnOfThrottle } from './throttleWarning.ts';

const topicName = z.string().min(1);
const partitions = q.count({ min: 1, max: 1_000_000 });

export const increaseArgs = z.strictObject({ topic: topicName, partitions });
export type IncreaseArgs = z.output<typeof increaseArgs>;

export const reassignArgs = z.strictObject({
  plan: z.string().min(1).optional().meta({
    description: 'a file as kafka-reassign-partitions --reassignment-json-file reads it; or partitions',
  }),
  partitions: z
    .array(
      z.strictObject({
        topic: topicName,
        partition: q.count({ min: 0 }),
        replicas: z
          .array(q.count({ min: 0 }))
          .min(1)
          .meta({ description: 'broker ids, the preferred leader first' }),
      }),
    )
    .min(1)
    .optional(),
  throttle: q.byteRate({ min: 1 }).optional().meta({
    description: 'replication throttle of every broker that takes part, on both sides; absent: none',
  }),
  verify: z.boolean().optional().meta({
    description: 'whether --verify removes the throttle once all is done; true where it is left out',
  }),
});
export type ReassignArgs = z.output<typeof reassignArgs>;

/** Topics that move and brokers that take part; of a plan in a file all of both may. */
export function reassigned(args: ReassignArgs): readonly string[] {
  if (args.partitions === undefined) return [...resources('topic'), ...resources('broker')];
  const topics = new Set(args.partitions.map((p) => p.topic));
  const brokers = new Set(args.partitions.flatMap((p) => p.replicas));
  return [...resources('topic', [...topics]), ...resources('broker', [...brokers])];
}

export const cancelArgs = z.strictObject({
  topic: topicName.optional().meta({ description: 'absent: all topics' }),
  partitions: z
    .array(q.count({ min: 0 }))
    .min(1)
    .optional()
    .meta({ description: 'partitions of the topic; absent: all' }),
});
export type CancelArgs = z.output<typeof cancelArgs>;

type Path = readonly (string | number)[];
type Topic = KafkaPartSettings['topics'][number];

/** Actions that give a topic partitions; their arguments name it and how many it is to have. */
const increases = ['kafka.createPartitions', 'strimzi.topic'];

interface TimedAction {
  readonly at: number;
  readonly part: string;
  readonly action: string;
  readonly args: unknown;
}

/** What a timeline asks of topics, in the order of time: those that have managed: false ask for nothing. */
function increasesIn(
  timeline: readonly TimedAction[],
): (IncreaseArgs & { readonly at: number; readonly order: number })[] {
  return timeline
    .map((entry, order) => ({ entry, order }))
    .filter(({ entry }) => increases.includes(`${entry.part}.${entry.action}`))
    .map(({ entry, order }) => ({
      ...(entry.args as IncreaseArgs & { managed?: boolean }),
      at: entry.at,
      order,
    }))
    .filter((x) => x.managed !== false)
    .sort((x, y) => x.at - y.at || x.order - y.order);
}

/** Partitions that a topic has when an entry of the timeline is played. */
function partitionsBefore(topic: Topic, checks: Checks, entry: TimelineEntry | undefined): number {
  let count = topic.partitions;
  if (entry === undefined) return count;
  const order = checks.timeline.indexOf(entry);
  for (const x of increasesIn(checks.timeline)) {
    if (x.at > entry.at || (x.at === entry.at && x.order >= order)) break;
    if (x.topic === topic.name) count = Math.max(count, x.partitions);
  }
  return count;
}

/** How many partitions each topic may have by the end of a timeline. */
export function partitionsEver(timeline: readonly TimedAction[]): ReadonlyMap<string, number> {
  const most = new Map<string, number>();
  for (const x of increasesIn(timeline)) most.set(x.topic, Math.max(most.get(x.topic) ?? 0, x.partitions));
  return most;
}

/**
 * Replicas that a partition may have at once: four sets of them, for a move that is overridden again and again; none more where nothing
 * moves.
 */
export function replicaPlaces(
  context: Pick<BuildContext, 'timeline' | 'readText'>,
  factor: number,
  brokers: number,
): number {
  const moves = context.timeline
    .filter((e) => e.part === 'kafka' && e.action === 'reassign')
    .flatMap((e) => plannedBy(e.args as ReassignArgs, context.readText));
  if (moves.length === 0) return factor;
  const most = moves.reduce((n, p) => Math.max(n, p.replicas.length), factor);
  return Math.min(brokers, 4 * most);
}

/** What a move names, in the file or in the entry. */
function plannedBy(args: ReassignArgs, readText: (path: string) => string): readonly Planned[] {
  return args.partitions ?? readReassignment(readText(args.plan as string), args.plan as string).partitions;
}

const some = (names: readonly (string | number)[]) => names.slice(0, 20).join(', ');

function topicOf(name: string, checks: Checks, path: Path): Topic | undefined {
  const topics = checks.settings<KafkaPartSettings>('kafka')?.topics ?? [];
  const found = topics.find((t) => t.name === name);
  if (found === undefined)
    checks.problem(path, `there is no topic ${name}`, `name one of ${some(topics.map((t) => t.name))}`);
  return found;
}

/** The entry at a path such as `timeline.3`. */
function entryAt(args: unknown, checks: Checks): TimelineEntry | undefined {
  return checks.timeline.find((e) => e.args === args);
}

export function checkIncrease(
  args: IncreaseArgs & { managed?: boolean | undefined },
  checks: Checks,
  at: Path,
): void {
  const topic = topicOf(args.topic, checks, [...at, 'topic']);
  if (topic === undefined || args.managed === false) return;
  const before = partitionsBefore(topic, checks, entryAt(args, checks));
  if (args.partitions < before)
    checks.problem(
      [...at, 'partitions'],
      `${args.topic} has ${before} partitions then: Decreasing partitions not supported`,
      `write more than ${before}; a topic with fewer is a new topic`,
    );
  else if (args.partitions === before)
    checks.problem(
      [...at, 'partitions'],
      `${args.topic} has ${before} partitions already then`,
      `write more than ${before}, or remove the entry`,
    );
  else if (args.partitions - before > mostNewPartitions)
    checks.problem(
      [...at, 'partitions'],
      `${args.topic} has ${before} partitions then, and ${args.partitions - before} more at once are refused: Unable to perform excessively large batch operation`,
      `add at most ${mostNewPartitions} with one entry`,
    );
}

interface Planned {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
}

/** Says what is wrong with a field of a plan's entry, or odd. */
type Tell = (
  what: 'topic' | 'partition' | 'replicas',
  found: string,
  mend: string,
  as?: 'problem' | 'warning',
) => void;

export function checkReassign(args: ReassignArgs, checks: Checks, at: Path): void {
  const kafka = checks.settings<KafkaPartSettings>('kafka');
  if (kafka === undefined) return;
  if ((args.plan === undefined) === (args.partitions === undefined)) {
    checks.problem(
      at,
      args.plan === undefined ? 'nothing says what is to move' : 'both a plan and partitions',
      'give one of plan and partitions',
    );
    return;
  }
  if (args.verify !== undefined && args.throttle === undefined)
    checks.problem(
      [...at, 'verify'],
      '--verify would remove no throttle',
      'give a throttle, or remove verify',
    );
  const ids = kafka.brokers.map((b) => b.id);
  const seen = new Set<string>();
  const moves: Planned[] = [];
  const warningsOf = planWarnings(kafka.brokers.map(({ id, rack }) => ({ id, rack, alive: true })));
  const minimum = minInSyncReplicas(kafka);
  /** Tells what is wrong with one partition of a plan, by what of it is wrong. */
  const look = (p: Planned, tell: Tell) => {
    const topic = kafka.topics.find((t) => t.name === p.topic);
    const name = `${p.topic}-${p.partition}`;
    if (topic === undefined) {
      tell('topic', `there is no topic ${p.topic}`, `name one of ${some(kafka.topics.map((t) => t.name))}`);
      return;
    }
    const count = partitionsBefore(topic, checks, entryAt(args, checks));
    if (p.partition >= count) {
      tell('partition', `${p.topic} has ${count} partitions then, from 0 on`, `name one below ${count}`);
      return;
    }
    if (seen.has(name)) {
      tell('partition', `${name} is listed twice`, 'keep one of the two');
      return;
    }
    seen.add(name);
    const unknown = p.replicas.filter((id) => !ids.includes(id));
    for (const id of unknown)
      tell('replicas', `${name}: there is no broker ${id}`, `name some of ${some(ids)}`);
    const twice = p.replicas.find((id, i) => p.replicas.indexOf(id) < i);
    if (twice !== undefined) tell('replicas', `${name} names broker ${twice} twice`, 'name each broker once');
    if (unknown.length > 0 || twice !== undefined) return;
    moves.push(p);
    const { replicas } = p;
    for (const { found, mend } of warningsOf({
      name,
      replicas,
      minInSyncReplicas: minimum.get(p.topic) ?? 1,
    }))
      tell('replicas', found, mend, 'warning');
  };
  if (args.partitions !== undefined)
    args.partitions.forEach((p, i) => {
      look(p, (what, found, mend, as = 'problem') => checks[as]([...at, 'partitions', i, what], found, mend));
    });
  else checkPlan(args.plan as string, checks, [...at, 'plan'], look);
  if (args.throttle !== undefined) checkRate(args.throttle, kafka, moves, checks, [...at, 'throttle']);
}

function checkPlan(file: string, checks: Checks, at: Path, look: (p: Planned, tell: Tell) => void): void {
  const text = checks.readText(file);
  if (text === undefined) {
    checks.problem(
      at,
      `there is no file ${file}`,
      'name a file that kafka-reassign-partitions could execute',
    );
    return;
  }
  const read = readReassignment(text, file);
  read.partitions.forEach((p, i) => {
    look(p, (what, found, mend, as = 'problem') => read.json[as]([...read.entryOf(i), what], found, mend));
  });
  const told = read.json.problems();
  for (const severity of ['problem', 'warning'] as const)
    for (const p of told.filter((p) => p.severity === severity).slice(0, 20))
      checks[severity](at, `${file}:${p.line}:${p.column} ${p.found}`, p.mend);
}

/** What a throttle means for what moves. */
function checkRate(
  rate: number,
  kafka: KafkaPartSettings,
  moves: readonly Planned[],
  checks: Checks,
  at: Path,
): void {
  const used = kafka.brokers.reduce(
    (sum, b) => sum + (b.logDirs?.reduce((s, d) => s + d.used, 0) ?? b.diskUsed ?? 0),
    0,
  );
  const factor = (t: Topic) => t.replicationFactor ?? kafka.config['default.replication.factor'];
  const replicas = kafka.topics.reduce((sum, t) => sum + t.partitions * factor(t), 0);
  // Where logs are equal.
  const bytes = (used / Math.max(1, replicas)) * moves.reduce((sum, p) => sum + p.replicas.length, 0);
  warnOfThrottle(rate, bytes, ', if every replica that is named is a new one', checks, at);
}

export function checkCancel(args: CancelArgs, checks: Checks, at: Path): void {
  if (args.topic === undefined) {
    if (args.partitions !== undefined)
      checks.problem([...at, 'partitions'], 'partitions of no topic', 'name the topic, or remove partitions');
    return;
  }
  const topic = topicOf(args.topic, checks, [...at, 'topic']);
  if (topic === undefined) return;
  const count = partitionsBefore(topic, checks, entryAt(args, checks));
  (args.partitions ?? []).forEach((p, i) => {
    if (p >= count)
      checks.problem(
        [...at, 'partitions', i],
        `${topic.name} has ${count} partitions then, from 0 on`,
        `name one below ${count}`,
      );
  });
}

// Playing.

const rowOf = (cluster: KafkaCluster, topic: string) =>
  cluster.settings.topics.findIndex((t) => t.name === topic);

export function playIncrease(cluster: KafkaCluster, args: IncreaseArgs): void {
  const error = cluster.topics.createPartitions(rowOf(cluster, args.topic), args.partitions);
  if (error !== undefined) cluster.topics.refused(rowOf(cluster, args.topic), error);
}

export function playReassign(cluster: KafkaCluster, args: ReassignArgs, context: BuildContext): void {
  const listed = plannedBy(args, context.readText);
  cluster.reassignmentTool.execute(
    listed.map((p) => ({
      partition: cluster.tables.firstPartition[rowOf(cluster, p.topic)] + p.partition,
      target: p.replicas.map((id) => cluster.row(id)),
    })),
    args.throttle === undefined ? undefined : Math.round(args.throttle),
    args.verify ?? true,
  );
}

export function playCancel(cluster: KafkaCluster, args: CancelArgs): void {
  const { tables, reassignments } = cluster;
  const topic = args.topic === undefined ? -1 : rowOf(cluster, args.topic);
  const wanted = (p: number) =>
    (topic < 0 || tables.topic[p] === topic) &&
    (args.partitions === undefined || args.partitions.includes(p - tables.firstPartition[topic]));
  cluster.reassignmentTool.cancel(reassignments.under.filter(wanted));
}
