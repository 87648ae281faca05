import {
  type Assignment,
  byMemberInfo,
  firstOf,
  type Subscriptions,
  subscribersOf,
} from './subscriptions.ts';

/**
 * All partitions by topic and number, dealt in a circle to the members in order; one that does not subscribe is passed over.
 *
 * Source: Kafka 3.7 `RoundRobinAssignor.assign`.
 */
export function roundRobin(s: Subscriptions): Assignment {
  const assigned = s.members.map((): number[] => []);
  const order = byMemberInfo(s.members);
  const first = firstOf(s);
  const subscribers = subscribersOf(s, order);
  let at = 0;
  s.topics.forEach(({ partitions }, t) => {
    if (subscribers[t].length === 0) return;
    const takes = new Set(subscribers[t]);
    for (let p = first[t]; p < first[t] + partitions; p += 1) {
      while (!takes.has(order[at])) at = (at + 1) % order.length;
      assigned[order[at]].push(p);
      at = (at + 1) % order.length;
    }
  });
  return assigned;
}
