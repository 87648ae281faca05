/** What a worker runs, or is to run: whole numbers that name connectors and tasks, in the order in which it was given them. */
export interface Load {
  readonly connectors: readonly number[];
  readonly tasks: readonly number[];
}

/** A worker as it joins a rebalance, with what it runs. Members are compared by `id`. */
export interface Member extends Load {
  readonly id: string;
}

/** What one rebalance decides, by member in their order. */
export interface Round {
  readonly assigned: readonly Load[];
  readonly revoked: readonly Load[];
  /** After so many microseconds all members rejoin; 0: nothing is put off. */
  readonly delayMicros: number;
}

/** A list that is being made. */
interface Lists {
  readonly connectors: number[];
  readonly tasks: number[];
}

interface Working extends Lists {
  readonly id: string;
}

type Resource = 'connectors' | 'tasks';
const resources: readonly Resource[] = ['connectors', 'tasks'];
const nothing: Load = { connectors: [], tasks: [] };

/** Initial interval and multiplier of the `ExponentialBackoff` that the assignor makes. */
const firstBackoffMicros = 1000;
const backoffFactor = 40;

/** How long the k-th rebalance in a row that wants to revoke has to wait, microseconds: 1 ms x 40^k, at most `maxDelayMicros`. */
export function revocationBackoffMicros(k: number, maxDelayMicros: number): number {
  let micros = Math.min(firstBackoffMicros, maxDelayMicros);
  for (let i = 0; i < k && micros < maxDelayMicros; i += 1) micros *= backoffFactor;
  return Math.min(micros, maxDelayMicros);
}

/**
 * The incremental cooperative assignor of Kafka Connect, with what the leader of the group remembers from one rebalance to the next. Another
 * leader begins with a new one, which knows nothing of what was lost before.
 *
 * - What is new goes to the least loaded workers in turn, connectors and tasks apart.
 * - What a departed worker ran is lost. It is assigned to nobody until `scheduled.rebalance.max.delay.ms` has passed since the leader missed it;
 *   then to the workers that came without load meanwhile, else as if it were new. With a delay of 0, or when nobody left, at once.
 * - Nothing is revoked while a delay runs. Otherwise a worker gives up what it has beyond an even share, and the next rebalance assigns it;
 *   a rebalance that would revoke right after one that did waits first.
 *
 * Source: Kafka 3.7 `IncrementalCooperativeAssignor.performTaskAssignment`, `handleLostAssignments`, `performLoadBalancingRevocations`, KIP-415,
 * and the jar of Kafka 3.9.2, with whose decisions it is compared. Java walks through workers in the order of a hash table where this
 * takes the order of their ids, so that of equally loaded workers another one may be asked to give up a task.
 */
export class IncrementalCooperativeAssignor {
  private readonly maxDelayMicros: number;
  private previous: Load = nothing;
  private previousRevocation: Load = nothing;
  private previousMembers: readonly string[] = [];
  private revokedInPrevious = false;
  private successiveRevocations = 0;
  private candidates: string[] = [];
  private scheduled = 0;
  private delay = 0;

  /** @param maxDelayMicros `scheduled.rebalance.max.delay.ms` in microseconds; 0 switches all waits off */
  constructor(maxDelayMicros: number) {
    this.maxDelayMicros = maxDelayMicros;
  }

  /** When what is lost will be assigned, microseconds; 0 while nothing is. */
  get deadline(): number {
    return this.delay > 0 ? this.scheduled : 0;
  }

  /**
   * @param now microseconds
   * @param members at least one, in the order of their ids
   * @param configured everything that is to run, each list ascending
   */
  perform(now: number, members: readonly Member[], configured: Load): Round {
    const active: Load = {
      connectors: members.flatMap((m) => m.connectors),
      tasks: members.flatMap((m) => m.tasks),
    };
    // A revocation that did not reach its worker: what runs counts, and is revoked again.
    if (resources.some((r) => this.previousRevocation[r].some((x) => active[r].includes(x))))
      this.previous = active;
    this.previousRevocation = nothing;
    const deleted = less(this.previous, configured);
    const lost = less(this.previous, active, deleted);
    const created = less(configured, this.previous, active);
    const gone = { connectors: new Set(deleted.connectors), tasks: new Set(deleted.tasks) };
    const next: Working[] = members.map((m) => ({
      id: m.id,
      connectors: m.connectors.filter((x) => !gone.connectors.has(x)),
      tasks: m.tasks.filter((x) => !gone.tasks.has(x)),
    }));
    const before = { connectors: new Set(active.connectors), tasks: new Set(active.tasks) };
    const revoked = members.map((m) => ({
      connectors: m.connectors.filter((x) => gone.connectors.has(x)),
      tasks: m.tasks.filter((x) => gone.tasks.has(x)),
    }));
    const reassigned = this.handleLost(now, lost, next);
    if (this.delay === 0) this.balance(now, configured, next, revoked);
    else this.revokedInPrevious = false;
    for (const r of resources) deal(next, r, [...created[r], ...reassigned[r]]);
    const known = (r: Resource) => sorted(new Set([...next.flatMap((w) => w[r]), ...lost[r]]));
    this.previous = { connectors: known('connectors'), tasks: known('tasks') };
    this.previousRevocation = {
      connectors: revoked.flatMap((w) => w.connectors),
      tasks: revoked.flatMap((w) => w.tasks),
    };
    this.previousMembers = members.map((m) => m.id);
    return {
      assigned: next.map((w) => ({
        connectors: w.connectors.filter((x) => !before.connectors.has(x)),
        tasks: w.tasks.filter((x) => !before.tasks.has(x)),
      })),
      revoked,
      delayMicros: this.delay,
    };
  }

  /** Gives what is lost to those who came without load, or returns what is to be dealt as if it were new. */
  private handleLost(now: number, lost: Load, next: readonly Working[]): Load {
    const none = lost.connectors.length === 0 && lost.tasks.length === 0;
    if (none && !this.revokedInPrevious) {
      this.resetDelay();
      return nothing;
    }
    const ids = next.map((w) => w.id);
    if (this.scheduled <= 0 && this.previousMembers.every((id) => ids.includes(id))) return lost;
    if (this.maxDelayMicros === 0) return lost;
    if (this.scheduled > 0 && now >= this.scheduled) {
      const takers = this.candidates
        .map((id) => next.find((w) => w.id === id))
        .filter((w): w is Working => w !== undefined);
      if (takers.length > 0) {
        for (const r of resources) {
          lost[r].forEach((x, i) => {
            takers[i % takers.length][r].push(x);
          });
        }
      }
      this.resetDelay();
      this.revokedInPrevious = false;
      return takers.length > 0 ? nothing : lost;
    }
    for (const w of next) {
      if (w.connectors.length === 0 && w.tasks.length === 0 && !this.candidates.includes(w.id))
        this.candidates.push(w.id);
    }
    this.delay =
      now < this.scheduled ? Math.min(this.scheduled - now, this.maxDelayMicros) : this.maxDelayMicros;
    this.scheduled = now + this.delay;
    return nothing;
  }

  /** Revokes what workers have beyond an even share, or puts it off. */
  private balance(now: number, configured: Load, next: readonly Working[], revoked: readonly Lists[]): void {
    const surplus = resources.map((r) => surplusOf(next, r, configured[r].length));
    const some = surplus.some((byWorker) => byWorker.some((list) => list.length > 0));
    const idle = next.every((w) => w.connectors.length === 0 && w.tasks.length === 0);
    if (!some || idle) {
      if (this.revokedInPrevious) {
        this.revokedInPrevious = false;
        this.successiveRevocations = 0;
      }
      return;
    }
    if (this.revokedInPrevious) {
      this.successiveRevocations += 1;
      this.delay = revocationBackoffMicros(this.successiveRevocations, this.maxDelayMicros);
      if (this.delay !== 0) {
        this.scheduled = now + this.delay;
        return;
      }
    } else this.revokedInPrevious = true;
    resources.forEach((r, k) => {
      next.forEach((w, i) => {
        // The surplus are the first ones of what it has.
        revoked[i][r].push(...w[r].splice(0, surplus[k][i].length));
      });
    });
  }

  private resetDelay(): void {
    this.candidates = [];
    this.scheduled = 0;
    this.delay = 0;
  }
}

function sorted(ids: Iterable<number>): number[] {
  return [...ids].sort((x, y) => x - y);
}

function less(base: Load, ...others: readonly Load[]): Load {
  const rest = (r: Resource) => {
    const taken = new Set(others.flatMap((o) => o[r]));
    return sorted(base[r].filter((x) => !taken.has(x)));
  };
  return { connectors: rest('connectors'), tasks: rest('tasks') };
}

/** By worker: the first ones of what it has beyond its even share of `total`; workers before others may keep one of the remainder. */
function surplusOf(workers: readonly Working[], r: Resource, total: number): number[][] {
  const least = Math.floor(total / workers.length);
  const extras = total % workers.length;
  const withLeast = workers.filter((w) => w[r].length === least).length;
  const withOneMore = workers.filter((w) => w[r].length === least + 1).length;
  if (withOneMore === extras && withLeast + withOneMore === workers.length) return workers.map(() => []);
  let given = 0;
  return workers.map((w) => {
    if (w[r].length <= least) return [];
    const most = given < extras ? least + 1 : least;
    if (given < extras) given += 1;
    return w[r].slice(0, Math.max(0, w[r].length - most));
  });
}

/** Deals in turn, beginning with the least loaded; of equally loaded workers in the order of their ids. */
function deal(workers: readonly Working[], r: Resource, items: readonly number[]): void {
  const order = [...workers].sort((x, y) => x[r].length - y[r].length || (x.id < y.id ? -1 : 1));
  let i = 0;
  while (i < items.length) {
    const first = order[0][r].length;
    const above = order.findIndex((w) => w[r].length > first);
    for (const w of above < 0 ? order : order.slice(0, above)) {
      w[r].push(items[i]);
      i += 1;
      if (i >= items.length) break;
    }
  }
}
