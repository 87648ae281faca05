import type { ModelFinding } from '../../engine/catalogue.ts';
import type { KafkaCluster } from './cluster.ts';
import type { Starvation } from './reassignment.ts';
import { type Increase, keysMoved } from './topics.ts';

/** What a run found out about moves and new partitions that somebody has to know. */
export function partitionFindings(cluster: KafkaCluster): readonly ModelFinding[] {
  return [
    ...starvedMoves(cluster),
    ...unfinishedMoves(cluster),
    ...cluster.reassignmentTool.forgotten().map((rate) => ({
      rule: 'a replication throttle is left behind',
      says: `the moves are done, and the throttle of ${megabytes(rate)} stays: replicas that are listed and restart catch up under it; run --verify`,
    })),
    ...cluster.topics.increases
      .filter((i) => cluster.settings.topics[i.topic].keyed ?? true)
      .flatMap((i) => movedKeys(cluster, i)),
    ...hotPartitions(cluster),
    ...overloadedGroups(cluster),
  ];
}

const megabytes = (rate: number) => `${Number((rate / 1e6).toPrecision(3))} MB/s`;

/** Names of partitions, a few of them. */
function named(cluster: KafkaCluster, partitions: readonly number[]): string {
  const names = partitions.slice(0, 12).map((p) => cluster.tables.partitionName(p));
  const more = partitions.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function starvedMoves(cluster: KafkaCluster): ModelFinding[] {
  const bySide = new Map<string, Starvation[]>();
  for (const s of cluster.reassignments.starved()) {
    const key = `${s.side} ${s.at}`;
    const group = bySide.get(key);
    if (group === undefined) bySide.set(key, [s]);
    else group.push(s);
  }
  return [...bySide.values()].map((group) => {
    const { side, at, rate, live, most } = group[0];
    const partitions = [...new Set(group.map((s) => s.partition))];
    const id = cluster.settings.brokers[at].id;
    return {
      rule: 'a throttled move never finishes',
      says: `${named(cluster, partitions)}: the ${side} throttle of broker ${id} is ${megabytes(rate)}, and what is listed there takes in ${megabytes(live)} anyway; above ${megabytes(most)} it suffices, or move fewer at once`,
    };
  });
}

function unfinishedMoves(cluster: KafkaCluster): ModelFinding[] {
  const { reassignments, tables } = cluster;
  const starved = new Set(reassignments.starved().map((s) => s.partition));
  const open = reassignments.partitions.filter((p) => !starved.has(p));
  if (open.length === 0) return [];
  const left = open.reduce((sum, p) => sum + reassignments.remainingBytes(p), 0);
  const leaderless = open.filter((p) => tables.leader[p] < 0).length;
  const why = leaderless > 0 ? `; ${leaderless} of them have no leader to copy from` : '';
  return [
    {
      rule: 'moves are not finished at the end',
      says: `${named(cluster, open)}: ${Number((left / 1e9).toPrecision(3))} GB are left to copy${why}; let the scenario end later`,
    },
  ];
}

/** Partitions at which more came in than their member handles, at any time: the worst of each group. Tasks of sinks are members. */
function hotPartitions({ consumers, tables }: KafkaCluster): ModelFinding[] {
  const { membership } = consumers;
  return (membership?.groups ?? []).flatMap((g) => {
    const hot = membership!.members
      .filter((m) => m.group === g)
      .flatMap((m) => membership!.lag.readers[m.row].hottest ?? [])
      .sort((x, y) => y.offered / y.capacity - x.offered / x.capacity || x.atMicros - y.atMicros);
    if (hot.length === 0) return [];
    const { cell, partition, offered, capacity, atMicros } = hot[0];
    const name = tables.partitionName(tables.firstPartition[membership!.lag.cells[cell].topic] + partition);
    const share = Number((offered / capacity).toPrecision(3));
    return [
      {
        rule: 'a partition is hotter than its reader',
        says: `${name} takes ${Math.round(offered)} messages/s from ${Number((atMicros / 1e6).toPrecision(6))} s on, and a member of ${g.name} handles ${Math.round(capacity)}, ${share} times less: no further member helps; make members faster, or spread the keys over more partitions`,
      },
    ];
  });
}

/** Groups some of whose members are given more than they handle when the run ends. */
function overloadedGroups({ consumers }: KafkaCluster): ModelFinding[] {
  const { membership } = consumers;
  if (membership === undefined) return [];
  const { lag } = membership;
  return membership.groups.flatMap((g) => {
    const over = g.seats.filter((m) => m.running && lag.readers[m.row].overloaded);
    if (over.length === 0) return [];
    const worst = over.reduce((x, y) =>
      lag.offered(y.row) / lag.readers[y.row].capacity > lag.offered(x.row) / lag.readers[x.row].capacity
        ? y
        : x,
    );
    const { capacity } = lag.readers[worst.row];
    return [
      {
        rule: 'a group is given more than it handles',
        says: `${over.length} of ${g.seats.length} members of ${g.name} lag more and more at the end: ${worst.id} is given ${Math.round(lag.offered(worst.row))} messages/s and handles ${Math.round(capacity)}; add members as far as there are partitions, or make them faster`,
      },
    ];
  });
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
      says: `${name} from ${from} to ${to} partitions: ${Number((100 * share).toPrecision(3))} % of its keys go to another one; records of one key may be read out of order ${window}`,
    },
  ];
  if (streams !== undefined)
    found.push({
      rule: 'an increase breaks a Streams application',
      says: `${streams} keeps state by partition of ${name}: for ${Number((100 * share).toPrecision(3))} % of the keys it looks in the wrong store from now on; write to a new topic with ${to} partitions, and reset the application`,
      fails: true,
    });
  for (const other of coPartitioned ?? []) {
    const row = cluster.settings.topics.findIndex((t) => t.name === other);
    const count = cluster.tables.partitionsOf[row];
    found.push({
      rule: 'an increase breaks co-partitioning',
      says:
        count === to
          ? `${name} and ${other} have ${to} partitions each, but what was written before lies by ${from}: ${Number((100 * share).toPrecision(3))} % of the keys do not meet their records of before`
          : `${name} has ${to} partitions and ${other} has ${count}: records of one key lie in partitions of different numbers, so that they are not joined`,
      fails: true,
    });
  }
  return found;
}
