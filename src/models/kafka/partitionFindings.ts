import type { ModelFinding } from '../../engine/catalogue.ts';
import type { KafkaCluster } from './cluster.ts';
import type { Starvation } from './reassignment.ts';
import type { ThrottleSide } from './throttle.ts';
import { type Increase, keysMoved } from './topics.ts';

/** What a run found out about moves and new partitions that somebody has to know. */
export function partitionFindings(cluster: KafkaCluster): readonly ModelFinding[] {
  return [
    ...starvedMoves(cluster),
    ...unfinishedMoves(cluster),
    ...cluster.reassignmentTool.forgotten().map((rate) => ({
      rule: 'a replication throttle is left behind',
      says: `the moves for which it was set are done, and the throttle of ${megabytes(rate)} stays: replicas that are listed and restart catch up under it; run --verify`,
    })),
    ...cluster.topics.increases
      .filter((i) => cluster.settings.topics[i.topic].keyed ?? true)
      .flatMap((i) => movedKeys(cluster, i)),
  ];
}

const megabytes = (rate: number) =>
  rate < 1e5 ? `${Number(rate.toPrecision(3))} B/s` : `${Number((rate / 1e6).toPrecision(3))} MB/s`;

/** A share in per cent, with as many digits as keep it from reading as all. */
function percent(share: number): string {
  for (let digits = 3; ; digits += 1) {
    const text = Number((100 * share).toPrecision(digits));
    if (text < 100 || share >= 1 || digits === 15) return `${text}`;
  }
}

/** A few of these names. */
function some(names: readonly string[]): string {
  const more = names.length - 12;
  return `${names.slice(0, 12).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Moves that one side of one broker's throttle starves. */
export interface StarvedSide {
  readonly broker: number;
  readonly side: ThrottleSide;
  readonly partitions: readonly string[];
  /** The throttle, what takes part of it takes in now, and what it does at most, all in bytes per second: above the last it suffices. */
  readonly rate: number;
  readonly live: number;
  readonly most: number;
}

export function starvedSides(cluster: KafkaCluster): StarvedSide[] {
  const bySide = new Map<string, Starvation[]>();
  for (const s of cluster.reassignments.starved()) {
    const key = `${s.side} ${s.at}`;
    const group = bySide.get(key);
    if (group === undefined) bySide.set(key, [s]);
    else group.push(s);
  }
  return [...bySide.values()].map((group) => {
    const { side, at, rate, live, most } = group[0];
    const partitions = [...new Set(group.map((s) => s.partition))].map((p) =>
      cluster.tables.partitionName(p),
    );
    return { broker: cluster.settings.brokers[at].id, side, partitions, rate, live, most };
  });
}

/** A starved side in words: which partitions, and what would mend it. */
export function starvedText(side: StarvedSide): string {
  return `${some(side.partitions)}: ${starvedBy(side)}`;
}

function starvedBy({ broker, side, rate, live, most }: StarvedSide): string {
  const [now, always] = [megabytes(live), megabytes(most)];
  const enough =
    now === always
      ? `above ${always} it suffices`
      : `above ${now} it suffices while leaders stay where they are, above ${always} whoever leads`;
  const passes = side === 'leader' ? 'sends' : 'takes in';
  return `the ${side} throttle of broker ${broker} is ${megabytes(rate)}, and what is listed there ${passes} ${now} anyway; ${enough}, or move fewer at once`;
}

/** Under a load that still changes nobody knows whether it never ends, so that the run does not fail for it. */
function starvedMoves(cluster: KafkaCluster): ModelFinding[] {
  const varies = cluster.loadVaries;
  return starvedSides(cluster).map((s) =>
    varies
      ? {
          rule: 'a throttled move is starved at the end',
          says: `the move of ${some(s.partitions)} comes no nearer to its end at the load of the end of the run: ${starvedBy(s)}`,
        }
      : {
          rule: 'a throttled move never finishes',
          says: `the move of ${some(s.partitions)} never finishes: ${starvedBy(s)}`,
          fails: true,
        },
  );
}

function unfinishedMoves(cluster: KafkaCluster): ModelFinding[] {
  const { reassignments, tables } = cluster;
  const starved = new Set(reassignments.starved().map((s) => s.partition));
  const open = reassignments.partitions.filter((p) => !starved.has(p));
  if (open.length === 0) return [];
  const left = open.reduce((sum, p) => sum + reassignments.remainingBytes(p), 0);
  const leaderless = open.filter((p) => tables.leader[p] < 0).length;
  const away = receivers(cluster, open).filter((b) => cluster.controller.registrations.fenced[b] === 1);
  const names = away.map((b) => cluster.settings.brokers[b].id).join(', ');
  const why =
    (leaderless > 0 ? `; of them without a leader to copy from: ${leaderless}` : '') +
    (away.length > 0 ? `; of the brokers that are to receive them these are away: ${names}` : '');
  const mend =
    leaderless + away.length > 0
      ? 'bring back what is away, or cancel the move'
      : 'let the scenario end later';
  return [
    {
      rule: 'moves are not finished at the end',
      says: `the move of ${some(open.map((p) => tables.partitionName(p)))} is not finished at the end: ${Number((left / 1e9).toPrecision(3))} GB are left to copy${why}; ${mend}`,
    },
  ];
}

/** Brokers to which replicas of these partitions are being added, in their order. */
function receivers({ tables }: KafkaCluster, partitions: readonly number[]): number[] {
  const found = new Set<number>();
  for (const p of partitions)
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1)
      if (tables.adding[r] === 1) found.add(tables.broker[r]);
  return [...found].sort((a, b) => a - b);
}

function movedKeys(cluster: KafkaCluster, increase: Increase): ModelFinding[] {
  const { topic, from, to, at, foundAt, lagMicros } = increase;
  const { name, coPartitioned, streams } = cluster.settings.topics[topic];
  const share = keysMoved(from, to);
  const ramp = (foundAt - at) / 1e6;
  const window = Number.isNaN(lagMicros)
    ? `from the increase until every producer has found the new partitions, ${ramp} s, and the slowest group has read what was written before`
    : `for ${Number((ramp + lagMicros / 1e6).toPrecision(4))} s from the increase: ${ramp} s until every producer has found the new partitions, and ${Number((lagMicros / 1e6).toPrecision(3))} s that the slowest group is behind`;
  const found: ModelFinding[] = [
    {
      rule: 'keys change their partition',
      says: `${name} from ${from} to ${to} partitions: ${percent(share)} % of its keys go to another one; records of one key may be read out of order ${window}`,
    },
  ];
  if (streams !== undefined)
    found.push({
      rule: 'an increase breaks a Streams application',
      says: `${streams} keeps state by partition of ${name}: for ${percent(share)} % of the keys it looks in the wrong store from now on; write to a new topic with ${to} partitions, and reset the application`,
      fails: true,
    });
  for (const other of coPartitioned ?? []) {
    const row = cluster.settings.topics.findIndex((t) => t.name === other);
    const count = cluster.tables.partitionsOf[row];
    found.push({
      rule: 'an increase breaks co-partitioning',
      says:
        count === to
          ? `${name} and ${other} have ${to} partitions each, but what was written before lies by ${from}: ${percent(share)} % of the keys do not meet their records of before`
          : `${name} has ${to} partitions and ${other} has ${count}: records of one key lie in partitions of different numbers, so that they are not joined`,
      fails: true,
    });
  }
  return found;
}
