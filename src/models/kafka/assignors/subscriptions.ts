import { javaHash } from '../replication.ts';

/** A member of a group as an assignor sees it. */
export interface Subscriber {
  /** `member.id`. */
  readonly id: string;
  /** `group.instance.id` of a static member. */
  readonly instanceId?: string;
  /** Places in `Subscriptions.topics` that it subscribes to. */
  readonly topics: readonly number[];
  /** Partitions that it says it owns. */
  readonly owned: readonly number[];
  /** Generation in which it was given them; -1 for none. */
  readonly generation: number;
}

/**
 * What an assignor is given. A partition is a number: those of the first topic come first, each topic's in order. So the order of numbers
 * is that of (topic's name, partition).
 */
export interface Subscriptions {
  /** In the order of their names by code unit. */
  readonly topics: readonly { readonly name: string; readonly partitions: number }[];
  readonly members: readonly Subscriber[];
}

/** Partitions of each member, ascending. */
export type Assignment = readonly (readonly number[])[];

/** First partition of each topic, and behind them the number of all. */
export function firstOf(s: Subscriptions): Int32Array {
  const first = new Int32Array(s.topics.length + 1);
  s.topics.forEach((t, i) => {
    first[i + 1] = first[i] + t.partitions;
  });
  return first;
}

/** Topic of each partition. */
export function topicOf(s: Subscriptions): Int32Array {
  const first = firstOf(s);
  const topic = new Int32Array(first[s.topics.length]);
  s.topics.forEach((_, i) => {
    topic.fill(i, first[i], first[i + 1]);
  });
  return topic;
}

/** By topic, the members that subscribe to it, in the order given. */
export function subscribersOf(s: Subscriptions, order: readonly number[]): number[][] {
  const subscribers = s.topics.map((): number[] => []);
  for (const m of order) for (const t of s.members[m].topics) subscribers[t].push(m);
  return subscribers;
}

export const ascending = (x: number, y: number) => x - y;

/**
 * The order in which a `java.util.HashMap` lists keys that were put in the order given: by bucket, then by insertion. It decides who
 * goes first in some assignors. Simplified: a bucket with eight keys or more becomes a tree in Java, whose order this is not.
 * Source: OpenJDK 17 `HashMap.hash`, `resize`.
 */
export function hashOrder(hashes: readonly number[]): number[] {
  let buckets = 16;
  while (hashes.length > buckets * 0.75) buckets *= 2;
  const bucket = hashes.map((h) => (h ^ (h >>> 16)) & (buckets - 1));
  return hashes.map((_, i) => i).sort((x, y) => bucket[x] - bucket[y] || x - y);
}

/** Rows of the members in the order of a map by their ids. */
export function memberHashOrder(members: readonly Subscriber[]): number[] {
  return hashOrder(members.map((m) => javaHash(m.id)));
}

/** Static members by instance id, then the others by member id. Source: Kafka 3.7 `AbstractPartitionAssignor.MemberInfo.compareTo`. */
export function byMemberInfo(members: readonly Subscriber[]): number[] {
  const compare = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0);
  return members
    .map((_, i) => i)
    .sort((x, y) => {
      const [a, b] = [members[x].instanceId, members[y].instanceId];
      if (a !== undefined && b !== undefined) return compare(a, b);
      if (a !== undefined || b !== undefined) return a !== undefined ? -1 : 1;
      return compare(members[x].id, members[y].id);
    });
}
