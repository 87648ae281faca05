import { makeStream } from '../../src/engine/random.ts';

/** A request path played request by request: the oracle of the tracers. Times in microseconds. */
export interface DiscretePath {
  readonly seed: string;
  /** Open Poisson arrivals, per microsecond. */
  readonly rate: number;
  readonly requests: number;
  readonly networkThreads: number;
  readonly ioThreads: number;
  readonly readMicros: number;
  readonly ioMicros: number;
  readonly sendMicros: number;
  /** A factor of mean 1 from a uniform number. */
  readonly factor: (u: number) => number;
  /** Pauses of all threads: every so often, so long; none when `micros` is 0. */
  readonly pause: { readonly every: number; readonly micros: number };
  /** Followers that each fetch all partitions over one connection; absent: acks=1. */
  readonly followers?: {
    readonly count: number;
    readonly roundTrip: number;
    readonly readMicros: number;
    readonly ioMicros: number;
    readonly sendMicros: number;
    /** Appending what one request wrote. */
    readonly appendPerRequest: number;
    /** The followers' own pauses. */
    readonly pause: { readonly every: number; readonly micros: number };
  };
}

export interface DiscreteResult {
  /** From the arrival at the socket to the end of the answer, by request. */
  readonly total: Float64Array;
  /** From the end of reading on: what the broker counts. */
  readonly broker: Float64Array;
  readonly queue: Float64Array;
  /** Broker side of follower fetches. */
  readonly fetches: number[];
}

type Pauses = DiscretePath['pause'];

/** When work of `micros` that may begin at `t` is done; the n-th pause begins at (n + 1) x every. */
function advance(pause: Pauses, t: number, micros: number): number {
  if (pause.micros === 0) return t + micros;
  let n = Math.floor(t / pause.every);
  let now = t;
  let left = micros;
  if (n >= 1 && now < n * pause.every + pause.micros) now = n * pause.every + pause.micros;
  for (;;) {
    n += 1;
    const next = n * pause.every;
    if (now + left <= next) return now + left;
    left -= next - now;
    now = next + pause.micros;
  }
}

/** Binary heap of (time, number). */
class Heap {
  private times: number[] = [];
  private items: number[] = [];
  get size(): number {
    return this.times.length;
  }
  push(time: number, item: number): void {
    const { times, items } = this;
    let i = times.length;
    times.push(time);
    items.push(item);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (times[parent]! <= time) break;
      times[i] = times[parent]!;
      items[i] = items[parent]!;
      i = parent;
    }
    times[i] = time;
    items[i] = item;
  }
  topTime(): number {
    return this.times.length === 0 ? Number.POSITIVE_INFINITY : this.times[0]!;
  }
  pop(): number {
    const { times, items } = this;
    const top = items[0]!;
    const time = times.pop()!;
    const item = items.pop()!;
    const n = times.length;
    if (n > 0) {
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= n) break;
        if (child + 1 < n && times[child + 1]! < times[child]!) child += 1;
        if (times[child]! >= time) break;
        times[i] = times[child]!;
        items[i] = items[child]!;
        i = child;
      }
      times[i] = time;
      items[i] = item;
    }
    return top;
  }
}

/** A pool with one queue, first come first served. */
class Pool {
  private readonly queue: number[] = [];
  private head = 0;
  private idle: number;
  constructor(servers: number) {
    this.idle = servers;
  }
  /** Whether the job starts at once. */
  arrive(job: number): boolean {
    if (this.idle > 0) {
      this.idle -= 1;
      return true;
    }
    this.queue.push(job);
    return false;
  }
  /** The job that a thread which has become free takes, or -1. */
  leave(): number {
    if (this.head < this.queue.length) {
      const job = this.queue[this.head]!;
      this.head += 1;
      if (this.head > 10_000) {
        this.queue.splice(0, this.head);
        this.head = 0;
      }
      return job;
    }
    this.idle += 1;
    return -1;
  }
}

/**
 * Every request an event at every station: network threads read it, io threads append it, followers fetch and acknowledge it, network threads answer.
 * Jobs 0 .. requests - 1 are produce requests, the following ones the followers' fetches. A job's phase: 0 read, 1 io, 2 answer.
 */
export function playDiscretely(p: DiscretePath): DiscreteResult {
  const arrivalDraw = makeStream(`${p.seed}|arrivals`);
  const serviceDraw = makeStream(`${p.seed}|services`);
  const n = p.requests;
  const followers = p.followers?.count ?? 0;
  const phase = new Uint8Array(n + followers);
  const came = new Float64Array(n);
  const read = new Float64Array(n + followers);
  const total = new Float64Array(n);
  const broker = new Float64Array(n);
  const queue = new Float64Array(n);
  const fetches: number[] = [];
  const network = new Pool(p.networkThreads);
  const io = new Pool(p.ioThreads);
  const heap = new Heap();
  /** Appends so far, the append number of a request, and what each follower has been sent and has acknowledged. */
  let appended = 0;
  const waiting: { offset: number; job: number }[] = [];
  let firstWaiting = 0;
  const sent = new Int32Array(followers);
  const acked = new Int32Array(followers);
  const brought = new Int32Array(followers);
  const parked = new Uint8Array(followers);
  const fetch = p.followers!;
  const mean = (job: number) => {
    const own = job < n ? p : fetch;
    return phase[job] === 0 ? own.readMicros : phase[job] === 1 ? own.ioMicros : own.sendMicros;
  };
  // Items of the heap: a job whose service ends, or (+ n + followers) a fetch that arrives.
  const begin = (job: number, now: number) =>
    heap.push(advance(p.pause, now, mean(job) * p.factor(serviceDraw())), job);
  const toNetwork = (job: number, now: number) => {
    if (network.arrive(job)) begin(job, now);
  };
  const toIo = (job: number, now: number) => {
    if (io.arrive(job)) {
      if (job < n) queue[job] = advance(p.pause, now, 0) - now;
      begin(job, now);
    }
  };
  const answerFetch = (f: number, now: number) => {
    brought[f] = appended - sent[f]!;
    sent[f] = appended;
    phase[n + f] = 2;
    toNetwork(n + f, now);
  };
  const acknowledge = (now: number) => {
    let low = Number.POSITIVE_INFINITY;
    for (let f = 0; f < followers; f += 1) low = Math.min(low, acked[f]!);
    while (firstWaiting < waiting.length && waiting[firstWaiting]!.offset <= low) {
      const { job } = waiting[firstWaiting]!;
      firstWaiting += 1;
      phase[job] = 2;
      toNetwork(job, now);
    }
  };
  let next = 0;
  let nextAt = -Math.log(arrivalDraw()) / p.rate;
  for (let f = 0; f < followers; f += 1) heap.push(f, n + followers + f);
  let left = n;
  while (left > 0) {
    if (next < n && nextAt <= heap.topTime()) {
      came[next] = nextAt;
      toNetwork(next, nextAt);
      next += 1;
      nextAt -= Math.log(arrivalDraw()) / p.rate;
      continue;
    }
    const now = heap.topTime();
    const item = heap.pop();
    if (item >= n + followers) {
      const job = item - followers;
      phase[job] = 0;
      toNetwork(job, now);
      continue;
    }
    const job = item;
    if (phase[job] === 1) {
      const taken = io.leave();
      if (taken >= 0) {
        if (taken < n) queue[taken] = now - read[taken]!;
        begin(taken, now);
      }
      if (job < n) {
        appended += 1;
        if (followers > 0) {
          waiting.push({ offset: appended, job });
          for (let f = 0; f < followers; f += 1) {
            if (parked[f] === 0) continue;
            parked[f] = 0;
            answerFetch(f, now);
          }
        } else {
          phase[job] = 2;
          toNetwork(job, now);
        }
      } else {
        const f = job - n;
        acked[f] = sent[f]!;
        acknowledge(now);
        if (appended > sent[f]!) answerFetch(f, now);
        else parked[f] = 1;
      }
      continue;
    }
    const taken = network.leave();
    if (taken >= 0) begin(taken, now);
    if (phase[job] === 0) {
      read[job] = now;
      phase[job] = 1;
      toIo(job, now);
      continue;
    }
    if (job < n) {
      total[job] = now - came[job]!;
      broker[job] = now - read[job]!;
      left -= 1;
    } else {
      fetches.push(now - read[job]!);
      const f = job - n;
      const at = now + fetch.roundTrip / 2;
      heap.push(
        advance(fetch.pause, at, brought[f]! * fetch.appendPerRequest) + fetch.roundTrip / 2,
        n + followers + f,
      );
    }
  }
  return { total, broker, queue, fetches };
}
