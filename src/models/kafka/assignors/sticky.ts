import { generalSticky } from './generalSticky.ts';
import {
  type Assignment,
  ascending,
  firstOf,
  memberHashOrder,
  type Subscriptions,
  topicOf,
} from './subscriptions.ts';

/** An assignment, and for each partition that a member gets while another still owns it, the member that gets it. */
interface Moving {
  readonly assignment: Assignment;
  readonly transferring: ReadonlyMap<number, number>;
}

/**
 * Balanced to one partition, and of what members own as little as possible moves. Members of one subscription are dealt with by the
 * constrained algorithm, others by the general one.
 *
 * Source: Kafka 3.7 `StickyAssignor`, `AbstractStickyAssignor`. Simplified: without racks (KIP-881).
 */
export function sticky(s: Subscriptions): Assignment {
  return assign(s).assignment;
}

/**
 * As `sticky`, but a partition that another member still owns is given to nobody in this round: its owner sees that it has to give it up,
 * does so and joins again, and the next round assigns it.
 *
 * Source: Kafka 3.7 `CooperativeStickyAssignor.adjustAssignment`.
 */
export function cooperativeSticky(s: Subscriptions): Assignment {
  const { assignment, transferring } = assign(s);
  return assignment.map((own, m) => own.filter((p) => transferring.get(p) !== m));
}

function assign(s: Subscriptions): Moving {
  if (s.members.length === 0) return { assignment: [], transferring: new Map() };
  const owned = claims(s);
  const [one] = s.members;
  const topics = new Set(one.topics);
  if (s.members.every((m) => m.topics.length === topics.size && m.topics.every((t) => topics.has(t))))
    return constrained(s, owned.of, owned.twice);
  const assignment = generalSticky(s, owned.of);
  const transferring = new Map<number, number>();
  const revoked = new Set<number>();
  const added: [number, number][] = [];
  assignment.forEach((own, m) => {
    const before = new Set(s.members[m].owned);
    const now = new Set(own);
    for (const p of own) if (!before.has(p)) added.push([p, m]);
    for (const p of before) if (!now.has(p)) revoked.add(p);
  });
  for (const [p, m] of added) if (revoked.has(p)) transferring.set(p, m);
  return { assignment, transferring };
}

/**
 * What each member may keep of what it says it owns: of a partition that two claim the one of the later generation, and neither when the
 * generations are equal. Source: `AbstractStickyAssignor.allSubscriptionsEqual`.
 */
function claims(s: Subscriptions): { readonly of: number[][]; readonly twice: ReadonlySet<number> } {
  const of = s.members.map((): number[] => []);
  const twice = new Set<number>();
  const owner = new Map<number, number>();
  for (const m of memberHashOrder(s.members)) {
    const { generation } = s.members[m];
    for (const p of s.members[m].owned) {
      const other = owner.get(p);
      if (other === undefined) {
        of[m].push(p);
        owner.set(p, m);
        continue;
      }
      const others = s.members[other].generation;
      if (generation < others) continue;
      const at = of[other].indexOf(p);
      if (at >= 0) of[other].splice(at, 1);
      if (generation === others) twice.add(p);
      else of[m].push(p);
      owner.set(p, m);
    }
  }
  return { of, twice };
}

/** Source: `AbstractStickyAssignor.ConstrainedAssignmentBuilder`. */
function constrained(s: Subscriptions, owned: readonly number[][], twice: ReadonlySet<number>): Moving {
  const { members } = s;
  const first = firstOf(s);
  const topic = topicOf(s);
  const subscribed = new Set(members[0].topics);
  const isSubscribed = s.topics.map((_, t) => subscribed.has(t));
  const count = s.topics.reduce((sum, t, i) => sum + (isSubscribed[i] ? t.partitions : 0), 0);
  const least = Math.floor(count / members.length);
  const most = Math.ceil(count / members.length);
  const expectedOver = count % members.length;
  let over = 0;
  const assigned = members.map((): number[] => []);
  const taken = new Uint8Array(first[s.topics.length]);
  const givenUpBy = new Map<number, number>();
  const under: number[] = [];
  let exact: number[] = [];
  const number = (p: number) => p - first[topic[p]];
  for (const m of memberHashOrder(members)) {
    const own = owned[m]
      .filter((p) => isSubscribed[topic[p]] && !twice.has(p))
      .sort((x, y) => number(x) - number(y) || x - y);
    let keep = own.length;
    if (own.length < least) under.push(m);
    else if (own.length >= most && over < expectedOver) {
      over += 1;
      // Who was to get one more finds that no one is left to.
      if (over === expectedOver) exact = [];
      keep = most;
    } else {
      keep = least;
      if (over < expectedOver) exact.push(m);
    }
    own.forEach((p, i) => {
      if (i >= keep) givenUpBy.set(p, m);
      else {
        taken[p] = 1;
        assigned[m].push(p);
      }
    });
  }
  const byId = (x: number, y: number) => (members[x].id < members[y].id ? -1 : 1);
  under.sort(byId);
  exact.sort(byId);
  const transferring = new Map<number, number>();
  let at = 0;
  let nextExact = 0;
  for (let p = 0; p < taken.length; p += 1) {
    if (taken[p] === 1 || !isSubscribed[topic[p]]) continue;
    if (at >= under.length) at = 0;
    const fromExact = under.length === 0;
    const m = fromExact ? exact[nextExact] : under[at];
    if (fromExact) nextExact += 1;
    assigned[m].push(p);
    const before = givenUpBy.get(p);
    if ((before !== undefined && before !== m) || twice.has(p)) transferring.set(p, m);
    if (fromExact) continue;
    if (assigned[m].length === least) {
      under.splice(at, 1);
      exact.push(m);
    } else at += 1;
  }
  return { assignment: assigned.map((own) => own.sort(ascending)), transferring };
}
