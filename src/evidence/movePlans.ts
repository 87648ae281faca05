import { Simulation, type Stream } from '../engine/simulation.ts';
import { median } from '../experiment/statistics.ts';
import { turnsSeconds } from '../models/cruiseControl/movement.ts';
import { StripedReplicaPlacer } from '../models/kafka/placement.ts';

/** A topic whose replicas are moved under a throttle, and what is known of the move: how much, but not what. */
export interface MoveFacts {
  readonly brokers: number;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** What each partition takes in, bytes per second. */
  readonly live: number;
  /** Of replication, for each broker and side, bytes per second. */
  readonly throttle: number;
  /** Bytes that moved, as printed digits allow them. */
  readonly least: number;
  readonly most: number;
  /** Bytes of a replica that was there before: from, to. */
  readonly oldReplica: readonly [number, number];
  /** What a replica of a new partition may hold by then. */
  readonly newReplica: readonly number[];
  /** Replicas of new partitions. */
  readonly newReplicas: number;
  /** Seconds that were observed. */
  readonly observed: number;
}

/** Replicas that move together, each of another partition. */
export interface PlanKind {
  readonly name: 'old' | 'old and new' | 'equal';
  /** Bytes by replica, descending. */
  readonly replicas: readonly number[];
}

/** How a plan is carried out. */
export interface PlanShape {
  /** Brokers that get a replica, and that lead what moves: replicas are dealt to each in turn. */
  readonly destinations: number;
  readonly leaders: number;
  /** Partitions at once on a broker's side; Infinity for all, as kafka-reassign-partitions moves them. */
  readonly concurrency: number;
  /** Whether the throttle lists the whole topic, or only what moves at the time. */
  readonly allListed: boolean;
}

export type Side = 'takes in' | 'sends' | 'waits for its turns';
export interface PlanDuration {
  /** Infinity: it never ends. */
  readonly seconds: number;
  readonly side: Side;
}

/** Figures of plans of one sort. */
export interface PlanRange {
  readonly plans: number;
  /** Seconds, of those that end. */
  readonly minimum: number;
  readonly median: number;
  readonly maximum: number;
  /** Shares of the plans: that never end, that end within the printed digits of what was observed, that end sooner. */
  readonly never: number;
  readonly asObserved: number;
  readonly sooner: number;
  /** Of those that end, the share that each side decides. */
  readonly binds: Readonly<Record<Side, number>>;
}

/**
 * Which replicas can add up to what moved:
 * - `old`: k replicas that were there before, of one size within the range of theirs;
 * - `old and new`: one or more of them with some of the new partitions';
 * - `equal`: k replicas of one size, for every k of which none would be larger than the largest that there is.
 * Sizes are those at the beginning: what is produced meanwhile is the live traffic of the formula.
 */
export function planKinds(facts: MoveFacts): PlanKind[] {
  const { least, most, oldReplica, newReplica, newReplicas, partitions } = facts;
  const middle = (least + most) / 2;
  const [smallest, largest] = oldReplica;
  const kinds: PlanKind[] = [];
  for (const size of newReplica) {
    for (let old = 1; old * smallest <= most; old += 1) {
      for (let fresh = 0; fresh <= Math.min(newReplicas, partitions - old); fresh += 1) {
        const rest = fresh * size;
        if (old * smallest + rest > most || old * largest + rest < least) continue;
        // Without new ones it is the same plan whatever they hold.
        if (fresh === 0 && size !== newReplica[0]) continue;
        const each = Math.min(largest, Math.max(smallest, (middle - rest) / old));
        kinds.push({
          name: fresh === 0 ? 'old' : 'old and new',
          replicas: [...Array<number>(old).fill(each), ...Array<number>(fresh).fill(size)],
        });
      }
    }
  }
  for (let count = Math.ceil(middle / largest); count <= partitions; count += 1)
    kinds.push({ name: 'equal', replicas: Array<number>(count).fill(middle / count) });
  return kinds;
}

/**
 * How long a throttled move takes: what a broker's side has to copy over what the throttle leaves, the slower side of the slowest broker.
 * Where n equal replicas are copied at once that is
 *
 *     takes in: bytes / (throttle - n·live),   sends: bytes / (throttle - n·live·f),   f = replicas of a partition and the one that is added
 *
 * since what is listed counts whether it is in sync or not, and in-sync followers are never withheld. Where some end sooner, the others
 * share what they leave. With the whole topic listed, what a broker leads and what it follows count beside them. A side that leaves a replica no more than its
 * live traffic never ends. What moves in turns is not over before the executor's next check.
 *
 * Source: Kafka 3.7 `ReplicationQuotaManager`, `ReplicaManager.shouldLeaderThrottle`; Cruise Control 2.5 `Executor`, for turns and lists.
 * Simplified: every partition has the same live traffic; each side as if the other were never slower; a broker's slots are not shared by both
 * sides; larger replicas go first.
 */
export function planDuration(facts: MoveFacts, kind: PlanKind, shape: PlanShape): PlanDuration {
  const { throttle, live, partitions, brokers, replicationFactor } = facts;
  const { destinations, leaders, concurrency, allListed } = shape;
  const inTurns = concurrency < Number.POSITIVE_INFINITY;
  const followers = replicationFactor - 1;
  const leads = Math.ceil(partitions / brokers);
  const follows = Math.ceil((partitions * followers) / brokers);
  let slowest: PlanDuration = { seconds: 0, side: 'takes in' };
  const consider = (seconds: number, side: Side) => {
    if (seconds > slowest.seconds) slowest = { seconds, side };
  };
  /**
   * @param count brokers of this side, and `others` of the other one, with each of which there is one connection
   * @param taken how many times the live traffic of a partition in-sync replicas take there, of so many moved, so many under way and so many done
   */
  const deal = (
    side: Side,
    count: number,
    others: number,
    taken: (here: number, open: number, done: number) => number,
  ) => {
    for (let broker = 0; broker < count; broker += 1) {
      const here = kind.replicas
        .map((bytes, i) => ({ bytes, broker: i % count, connection: i % others }))
        .filter((copy) => copy.broker === broker);
      const left = (open: number, done: number) => throttle - taken(here.length, open, done) * live;
      consider(copySeconds(here, concurrency, live, left), side);
      if (inTurns) consider(turnsSeconds(Math.ceil(here.length / concurrency)), 'waits for its turns');
    }
  };
  // Cruise Control takes a replica off the lists when it is done; kafka-reassign-partitions leaves all on them until the last one is.
  deal(
    'takes in',
    destinations,
    leaders,
    (_, __, done) => (allListed ? follows : 0) + (inTurns && !allListed ? 0 : done),
  );
  deal('sends', leaders, destinations, (here, open) => {
    const listed = inTurns ? open : here;
    return followers * (allListed ? Math.max(leads, here) : listed);
  });
  return slowest;
}

interface Copy {
  readonly bytes: number;
  /** The broker at its other end. */
  readonly connection: number;
}

/**
 * Seconds until the last of some replicas is copied. Connections share what is left evenly, and so do the replicas of a connection.
 * @param copies in the order in which they begin
 * @param live what a replica takes in while it is copied, bytes per second
 * @param left bytes per second for all that are under way, when so many are and so many are done
 */
function copySeconds(
  copies: readonly Copy[],
  atOnce: number,
  live: number,
  left: (open: number, done: number) => number,
): number {
  let seconds = 0;
  let begun = Math.min(atOnce, copies.length);
  let open = copies.slice(0, begun);
  while (open.length > 0) {
    const onConnection = new Map<number, number>();
    for (const c of open) onConnection.set(c.connection, (onConnection.get(c.connection) ?? 0) + 1);
    const share = left(open.length, begun - open.length) / onConnection.size;
    // By which each comes nearer to its leader, or falls behind.
    const rates = open.map((c) => share / onConnection.get(c.connection)! - live);
    const times = open.map((c, i) => {
      const rate = rates[i]!;
      return rate > 0 ? c.bytes / rate : Number.POSITIVE_INFINITY;
    });
    const first = times.reduce((x, y) => Math.min(x, y));
    if (first === Number.POSITIVE_INFINITY) return first;
    seconds += first;
    const rest = open
      .map((c, i) => ({ ...c, bytes: c.bytes - rates[i]! * first }))
      .filter((_, i) => times[i]! > first);
    const upTo = Math.min(copies.length, begun + open.length - rest.length);
    open = [...rest, ...copies.slice(begun, upTo)];
    begun = upTo;
  }
  return seconds;
}

/** Every way in which a plan may be carried out: at Cruise Control's default, at twice it, and all at once. */
export function planShapes(facts: MoveFacts, kind: PlanKind): PlanShape[] {
  const shapes: PlanShape[] = [];
  const most = Math.min(facts.brokers, kind.replicas.length);
  for (const allListed of [false, true])
    for (const concurrency of [5, 10, Number.POSITIVE_INFINITY])
      for (let destinations = 1; destinations <= most; destinations += 1)
        for (let leaders = 1; leaders <= most; leaders += 1)
          shapes.push({ destinations, leaders, concurrency, allListed });
  return shapes;
}

/** A plan, a way to carry it out, and what that takes. */
export interface MovePlan {
  readonly kind: PlanKind;
  readonly shape: PlanShape;
  readonly duration: PlanDuration;
}

/** All plans that fit what is known, each once for each way to carry it out. */
export function movePlans(facts: MoveFacts): MovePlan[] {
  return planKinds(facts).flatMap((kind) =>
    planShapes(facts, kind).map((shape) => ({ kind, shape, duration: planDuration(facts, kind, shape) })),
  );
}

/** How the durations of some plans spread. */
export function planRange(facts: MoveFacts, plans: readonly MovePlan[]): PlanRange {
  const all = plans.map((plan) => plan.duration);
  const ends = all.filter((d) => d.seconds < Number.POSITIVE_INFINITY);
  const seconds = ends.map((d) => d.seconds);
  const share = (of: readonly PlanDuration[], among: readonly PlanDuration[]) =>
    among.length === 0 ? 0 : of.length / among.length;
  const bound = (side: Side) =>
    share(
      ends.filter((d) => d.side === side),
      ends,
    );
  // Minutes are printed whole: half a minute either way is the same.
  const [low, high] = [facts.observed - 30, facts.observed + 30];
  return {
    plans: all.length,
    minimum: seconds.reduce((x, y) => Math.min(x, y), Number.POSITIVE_INFINITY),
    median: median(seconds),
    maximum: seconds.reduce((x, y) => Math.max(x, y), 0),
    never: 1 - share(ends, all),
    asObserved: share(
      ends.filter((d) => d.seconds >= low && d.seconds <= high),
      all,
    ),
    sooner: share(
      ends.filter((d) => d.seconds < low),
      all,
    ),
    binds: {
      'takes in': bound('takes in'),
      sends: bound('sends'),
      'waits for its turns': bound('waits for its turns'),
    },
  };
}

/**
 * How leaders stand after a topic has grown, by how often: the placer's draw from so many seeds, on brokers without racks, none fenced.
 * @param before leaders of each broker
 * @returns leaders in descending order, joined by commas, with the number of seeds
 */
export function leadersAfterGrowth(
  before: readonly number[],
  added: number,
  replicationFactor: number,
  seeds: number,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= seeds; seed += 1) {
    const draw: Stream = new Simulation({ seed: String(seed) }).stream('placer', 'leaders after growth');
    const placer = new StripedReplicaPlacer(
      before.map((_, row) => ({ row, id: row, rack: '', fenced: false })),
      draw,
    );
    const leaders = [...before];
    for (let i = 0; i < added; i += 1) leaders[placer.place(replicationFactor)[0]!]! += 1;
    const key = leaders.sort((x, y) => y - x).join(', ');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
