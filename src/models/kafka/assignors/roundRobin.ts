import { type Assignment, byMemberInfo, firstOf, type Subscriptions } from './subscriptions.ts';

/**
 * All partitions by topic and number, dealt in a circle to the members in order; one that does not subscribe is passed over.
 *
 * Source: Kafka 3.7 `RoundRobinAssignor.assign`.
 */
export function roundRobin(s: Subscriptions): Assignment {
  const assigned = s.members.map((): number[] => []);
  const order = byMemberInfo(s.members);
  const first = firstOf(s);
  let at = 0;
  s.topics.forEach(({ partitions }, t) => {
    if (!s.members.some((m) => m.topics.includes(t))) return;
    for (let p = first[t]; p < first[t] + partitions; p += 1) {
      while (!s.members[order[at]].topics.includes(t)) at = (at + 1) % order.length;
      assigned[order[at]].push(p);
      at = (at + 1) % order.length;
    }
  });
  return assigned;
}
