import {
  type Assignment,
  ascending,
  byMemberInfo,
  firstOf,
  memberHashOrder,
  type Subscriptions,
  subscribersOf,
} from './subscriptions.ts';

/**
 * Of each topic every member in order gets a block of floor(n / m) partitions, the first n mod m one more: the same members get
 * the extra in every topic, and partitions of one number lie at one member where topics have equally many.
 *
 * Source: Kafka 3.7 `RangeAssignor.assignRanges`. Simplified: without racks (KIP-881).
 */
export function range(s: Subscriptions): Assignment {
  const assigned = s.members.map((): number[] => []);
  const order = byMemberInfo(s.members);
  const first = firstOf(s);
  const subscribers = subscribersOf(s, order);
  s.topics.forEach(({ partitions }, t) => {
    const members = subscribers[t];
    let next = first[t];
    members.forEach((m, place) => {
      const size = Math.floor(partitions / members.length) + (place < partitions % members.length ? 1 : 0);
      for (const end = next + size; next < end; next += 1) assigned[m].push(next);
    });
  });
  return assigned;
}

/**
 * The range assignor of the group coordinator (KIP-848): it keeps of each topic what a member has, up to its quota, and deals the rest
 * in blocks. Members come in the order of a map by member id.
 *
 * Source: Kafka 3.7 `org.apache.kafka.coordinator.group.assignor.RangeAssignor`.
 */
export function serverRange(s: Subscriptions): Assignment {
  const assigned = s.members.map((): number[] => []);
  const order = memberHashOrder(s.members);
  const first = firstOf(s);
  const subscribers = subscribersOf(s, order);
  s.topics.forEach(({ partitions }, t) => {
    const members = subscribers[t];
    const quota = Math.floor(partitions / members.length);
    let extra = members.length === 0 ? 0 : partitions % members.length;
    const kept = new Uint8Array(partitions);
    const unfilled: { readonly member: number; readonly remaining: number }[] = [];
    const keep = (m: number, p: number) => {
      kept[p - first[t]] = 1;
      assigned[m].push(p);
    };
    for (const m of members) {
      const has = s.members[m].owned.filter((p) => p >= first[t] && p < first[t + 1]).sort(ascending);
      for (const p of has.slice(0, quota)) keep(m, p);
      if (has.length > quota && extra > 0) {
        extra -= 1;
        keep(m, has[quota]);
      } else unfilled.push({ member: m, remaining: quota - has.length });
    }
    let next = 0;
    for (const { member, remaining } of unfilled) {
      // A member above its quota that came too late for an extra one is counted as if it still had to give up what it lost.
      let more = remaining + (extra > 0 ? 1 : 0);
      if (extra > 0) extra -= 1;
      for (; more > 0 && next < partitions; next += 1) {
        if (kept[next] === 1) continue;
        assigned[member].push(first[t] + next);
        more -= 1;
      }
    }
  });
  return assigned.map((own) => own.sort(ascending));
}
