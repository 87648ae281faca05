import { javaHash } from '../replication.ts';
import {
  type Assignment,
  ascending,
  firstOf,
  hashOrder,
  memberHashOrder,
  type Subscriptions,
} from './subscriptions.ts';

/**
 * The uniform assignor of the group coordinator (KIP-848) for members of one subscription: each keeps up to floor(P / m) of what it
 * has, the first that have more keep one more while P mod m lasts; the rest is dealt in a circle to who is not full. Topics come in the
 * order of their ids, which are random in Kafka and that of the names here.
 *
 * Source: Kafka 3.7 `OptimizedUniformAssignmentBuilder`. Simplified: without racks; who is first is the order of a Java map by member id.
 */
export function uniform(s: Subscriptions): Assignment {
  const { members } = s;
  const assigned = members.map((): number[] => []);
  if (members.length === 0) return assigned;
  const first = firstOf(s);
  const count = first[s.topics.length];
  const quota = Math.floor(count / members.length);
  let extra = count % members.length;
  const taken = new Uint8Array(count);
  const give = (m: number, p: number) => {
    taken[p] = 1;
    assigned[m].push(p);
  };
  const unfilled: number[] = [];
  const remaining = new Int32Array(members.length);
  for (const m of memberHashOrder(members)) {
    const has = s.topics.flatMap((_, t) => {
      const own = members[m].owned.filter((p) => p >= first[t] && p < first[t + 1]).sort(ascending);
      return hashOrder(own.map((p) => p - first[t])).map((i) => own[i]);
    });
    for (const p of has.slice(0, quota)) give(m, p);
    if (has.length > quota && extra > 0) {
      extra -= 1;
      give(m, has[quota]);
    }
    if (has.length <= quota) {
      remaining[m] = quota - has.length;
      unfilled.push(m);
    }
  }
  let circle = hashOrder(unfilled.map((m) => javaHash(members[m].id))).map((i) => unfilled[i]);
  let at = 0;
  for (let p = 0; p < count; p += 1) {
    if (taken[p] === 1) continue;
    for (let asked = circle.length; asked > 0; asked -= 1) {
      const m = circle[at];
      let gave = true;
      let full = false;
      if (remaining[m] > 0) {
        remaining[m] -= 1;
        full = remaining[m] === 0 && extra === 0;
      } else if (extra > 0) {
        extra -= 1;
        full = true;
      } else {
        gave = false;
      }
      if (gave) give(m, p);
      if (full) circle = [...circle.slice(0, at), ...circle.slice(at + 1)];
      else at += 1;
      if (at >= circle.length) at = 0;
      if (gave) break;
    }
  }
  return assigned.map((own) => own.sort(ascending));
}
