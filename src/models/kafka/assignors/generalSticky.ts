import { javaHash } from '../replication.ts';
import {
  type Assignment,
  ascending,
  firstOf,
  hashOrder,
  memberHashOrder,
  type Subscriptions,
  subscribersOf,
  topicOf,
} from './subscriptions.ts';

/**
 * The sticky assignment for members of different subscriptions: what is owned stays, the rest goes to the least loaded member that
 * subscribes, and then partitions move to members with at least two fewer until none is left that could. Each such move makes the sum of the
 * differences in size smaller, so that what Kafka would undo where it had not become so never comes about.
 *
 * Source: Kafka 3.7 `AbstractStickyAssignor.GeneralAssignmentBuilder`, `PartitionMovements`.
 *
 * @param owned by member, what of its claims is valid
 */
export function generalSticky(s: Subscriptions, owned: readonly (readonly number[])[]): Assignment {
  const { members, topics } = s;
  const first = firstOf(s);
  const topic = topicOf(s);
  const count = first[topics.length];
  const subscribes = members.map((m) => {
    const has = new Uint8Array(topics.length);
    for (const t of m.topics) has[t] = 1;
    return has;
  });
  const potential = subscribersOf(
    s,
    members.map((_, m) => m),
  );
  const most = members.map((m) => m.topics.reduce((sum, t) => sum + topics[t].partitions, 0));

  // Who held a partition in an earlier generation gets it back where that makes the group more even.
  const previous = new Map<number, { readonly member: number; readonly generation: number }>();
  const latest = members.reduce((max, m) => Math.max(max, m.generation), -1);
  for (const m of memberHashOrder(members)) {
    const { generation } = members[m];
    if (generation >= latest) continue;
    for (const p of members[m].owned) {
      const before = previous.get(p);
      if (before === undefined || generation > before.generation) previous.set(p, { member: m, generation });
    }
  }

  const owner = new Int32Array(count).fill(-1);
  const size = new Int32Array(members.length);
  let revoked = false;
  owned.forEach((own, m) => {
    for (const p of own) {
      if (subscribes[m][topic[p]] === 0) revoked = true;
      else {
        owner[p] = m;
        size[m] += 1;
      }
    }
  });
  const byTopic = topics.map((_, t) => t).sort((x, y) => potential[x].length - potential[y].length || x - y);
  const sorted = byTopic.flatMap((t) => Array.from({ length: topics[t].partitions }, (_, i) => first[t] + i));
  const unassigned = sorted.filter((p) => owner[p] < 0);

  const rank = new Int32Array(members.length);
  members
    .map((_, m) => m)
    .sort((x, y) => (members[x].id < members[y].id ? -1 : 1))
    .forEach((m, place) => {
      rank[m] = place;
    });
  /** Members by (partitions, id). */
  const loaded = members.map((_, m) => m).sort((x, y) => size[x] - size[y] || rank[x] - rank[y]);
  const place = (m: number) => {
    let [low, high] = [0, loaded.length];
    while (low < high) {
      const mid = (low + high) >> 1;
      const other = loaded[mid];
      if (size[other] < size[m] || (size[other] === size[m] && rank[other] < rank[m])) low = mid + 1;
      else high = mid;
    }
    return low;
  };
  const resize = (m: number, delta: number) => {
    loaded.splice(place(m), 1);
    size[m] += delta;
    loaded.splice(place(m), 0, m);
  };
  const least = (t: number) => loaded.find((m) => subscribes[m][t] === 1) as number;

  for (const p of unassigned) {
    if (potential[topic[p]].length === 0) continue;
    const m = least(topic[p]);
    owner[p] = m;
    resize(m, 1);
  }

  const movable = (p: number) => potential[topic[p]].length >= 2;
  const reassignable = sorted.filter(movable);
  // A member whose partitions nobody else may have is left out.
  const holdsMovable = new Uint8Array(members.length);
  for (const p of reassignable) holdsMovable[owner[p]] = 1;
  const fixed = new Set(members.map((_, m) => m).filter((m) => size[m] >= most[m] && holdsMovable[m] === 0));
  for (const m of fixed) loaded.splice(place(m), 1);

  const movements = new Movements(topics, first, topic);
  const balanced = () => {
    if (size[loaded[0]] >= size[loaded[loaded.length - 1]] - 1) return true;
    const largest = new Int32Array(topics.length);
    for (let p = 0; p < count; p += 1) {
      if (owner[p] >= 0 && !fixed.has(owner[p]))
        largest[topic[p]] = Math.max(largest[topic[p]], size[owner[p]]);
    }
    return !loaded.some(
      (m) => size[m] !== most[m] && members[m].topics.some((t) => size[m] + 1 < largest[t]),
    );
  };
  const move = (asked: number, to: number) => {
    const p = movements.actual(asked, owner[asked], to);
    const from = owner[p];
    movements.move(p, from, to);
    owner[p] = to;
    resize(to, 1);
    resize(from, -1);
  };
  const reassign = (partitions: readonly number[]): boolean => {
    let moved = false;
    for (let again = true; again; ) {
      again = false;
      for (const p of partitions) {
        if (balanced()) break;
        const from = owner[p];
        const before = previous.get(p);
        if (before !== undefined && size[from] > size[before.member] + 1) move(p, before.member);
        else if (potential[topic[p]].some((m) => size[from] > size[m] + 1)) move(p, least(topic[p]));
        else continue;
        moved = true;
        again = true;
      }
    }
    return moved;
  };
  if (loaded.length > 0) {
    if (!revoked) reassign(unassigned.filter(movable));
    reassign(reassignable);
  }
  const assigned = members.map((): number[] => []);
  for (let p = 0; p < count; p += 1) if (owner[p] >= 0) assigned[owner[p]].push(p);
  return assigned.map((own) => own.sort(ascending));
}

/** Where partitions came from in this assignment, so that two of one topic do not merely change places. */
class Movements {
  private readonly topic: Int32Array;
  private readonly hash: (p: number) => number;
  private readonly pairOf = new Map<number, readonly [number, number]>();
  /** By topic: partitions by (from, to). */
  private readonly moved: Map<string, number[]>[];

  constructor(topics: readonly { readonly name: string }[], first: Int32Array, topic: Int32Array) {
    this.topic = topic;
    const names = topics.map((t) => javaHash(t.name));
    // TopicPartition.hashCode
    this.hash = (p) => (Math.imul(31, 31 + p - first[topic[p]]) + names[topic[p]]) | 0;
    this.moved = topics.map(() => new Map());
  }

  move(p: number, from: number, to: number): void {
    const before = this.pairOf.get(p);
    let source = from;
    if (before !== undefined) {
      const list = this.list(p, before);
      list.splice(list.indexOf(p), 1);
      this.pairOf.delete(p);
      source = before[0];
      if (source === to) return;
    }
    this.pairOf.set(p, [source, to]);
    this.list(p, [source, to]).push(p);
  }

  /** The partition to move in place of `p`: one of its topic that came the other way goes back. */
  actual(p: number, from: number, to: number): number {
    const back = this.list(p, [to, this.pairOf.get(p)?.[0] ?? from]);
    return back.length === 0 ? p : back[hashOrder(back.map(this.hash))[0]];
  }

  private list(p: number, [from, to]: readonly [number, number]): number[] {
    const key = `${from} ${to}`;
    const lists = this.moved[this.topic[p]];
    const found = lists.get(key) ?? [];
    lists.set(key, found);
    return found;
  }
}
