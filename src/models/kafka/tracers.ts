import { derived, type Factor, normalAt, type Station, waitAt } from './queueing.ts';
import { type BrokerLoad, type RequestClass, requestType } from './requestRates.ts';

/** The parts of a request's way, in its order. The last five are Kafka's own and sum to its TotalTimeMs. */
export const stages = [
  'Batch',
  'Network',
  'Read',
  'RequestQueue',
  'Local',
  'Remote',
  'ResponseQueue',
  'ResponseSend',
] as const;
export const stage = {
  batch: 0,
  network: 1,
  read: 2,
  requestQueue: 3,
  local: 4,
  remote: 5,
  responseQueue: 6,
  responseSend: 7,
} as const;

/** Steps to the time in which a pool at full speed does a backlog's work, and the longest course that is kept. */
const stepsToBacklog = 48;
const mostSteps = 4096;

/**
 * A pause is felt no longer than so many times what its backlog takes at the spare capacity, and a little more for chance: from then on waits are those of the steady state. Chosen where simulations
 * of every request agree with and without it.
 */
const feltFactor = 3;
const feltMicros = 20_000;

/** Where a course is worked out before its length is known: room that every course uses again. */
const room = {
  come: new Float64Array(mostSteps),
  done: new Float64Array(mostSteps),
  queued: new Float64Array(mostSteps),
  handled: new Float64Array(mostSteps),
  orderWork: new Float64Array(mostSteps + 2),
  orderReads: new Float64Array(mostSteps + 2),
};

/** The load of a path as a fluid: requests per microsecond and mean microseconds of each visit. */
interface Fluid {
  /** Requests per microsecond, and how many can pile up while nobody answers, by kind of request. */
  readonly kinds: readonly { readonly rate: number; readonly most: number }[];
  readonly rate: number;
  readonly read: number;
  readonly io: number;
  readonly send: number;
}

function fluidOf(load: BrokerLoad): Fluid {
  let [rate, read, io, send] = [0, 0, 0, 0];
  const kinds = load.classes.map((c) => {
    const perMicro = c.perSecond / 1e6;
    rate += perMicro;
    read += perMicro * c.readMicros;
    io += perMicro * c.ioMicros;
    send += perMicro * c.sendMicros;
    return { rate: perMicro, most: c.connections * c.inFlight };
  });
  const by = rate === 0 ? 1 : rate;
  return { kinds, rate, read: read / by, io: io / by, send: send / by };
}

/** Requests that pile up in so many microseconds without an answer. */
function piledUp(fluid: Fluid, micros: number): number {
  let sum = 0;
  for (const k of fluid.kinds) sum += Math.min(k.rate * micros, k.most);
  return sum;
}

/**
 * What piled up in a pause, and how it drains through the network threads, the io threads and the network threads again, as a fluid, first
 * come first served, by steps from the end of the pause. Reads and answers share the network threads in the order of their arrival; network
 * threads stop reading while queued.max.requests wait for an io thread.
 */
class Drain {
  readonly step: number;
  /** Work that has come to the network threads at each step, and that they have done, thread-microseconds. */
  private readonly come: Float64Array;
  private readonly done: Float64Array;
  /** Requests that wait for an io thread at each step. */
  private readonly queued: Float64Array;
  /** Requests that io threads have handled since the pause at each step. */
  private readonly handled: Float64Array;
  private readonly count: number;
  readonly networkPeak: number;
  readonly ioPeak: number;
  /** When the last backlog has gone, microseconds after the pause. */
  readonly networkEnd: number;
  readonly ioEnd: number;
  private readonly fluid: Fluid;
  private readonly networkThreads: number;
  private readonly ioRate: number;
  private readonly carried: number;

  /**
   * @param carriedWork thread-microseconds that waited for network threads when the pause began, `carriedReads` of them in whole requests
   * @param carriedQueue requests that waited for an io thread then
   */
  constructor(
    fluid: Fluid,
    network: Station,
    io: Station,
    queuedMax: number,
    pauseMicros: number,
    carriedWork: number,
    carriedQueue: number,
  ) {
    this.fluid = fluid;
    this.networkThreads = network.servers;
    this.ioRate = fluid.io === 0 ? 1 : io.servers / fluid.io;
    this.carried = carriedWork;
    const perRequest = fluid.read + fluid.send;
    const carriedReads = perRequest === 0 ? 0 : carriedWork / perRequest;
    const piled = piledUp(fluid, pauseMicros);
    const start = carriedWork + piled * fluid.read;
    const spare = Math.max(0.01, 1 - Math.max(network.utilisation, io.utilisation));
    const work = Math.max(
      ((piled + carriedReads) * perRequest) / network.servers,
      (piled + carriedReads + carriedQueue) / this.ioRate,
    );
    // At the slower pool's spare capacity this is how long it takes, roughly; the steps are as fine as fits.
    this.step = Math.max(work / stepsToBacklog, (2 * work) / spare / mostSteps, 1);
    const { come, done, queued, handled, orderWork, orderReads } = room;
    come[0] = start;
    done[0] = 0;
    queued[0] = carriedQueue;
    handled[0] = 0;
    // In the order of arrival: carried work first, then what piled up, then what came in each step.
    orderWork[0] = 0;
    orderWork[1] = carriedWork;
    orderWork[2] = start;
    orderReads[0] = 0;
    orderReads[1] = carriedReads;
    orderReads[2] = carriedReads + piled;
    const h = this.step;
    let count = 0;
    let [networkEnd, ioEnd] = [0, 0];
    let queue = carriedQueue;
    let read = 0;
    let pointer = 1;
    let sends = 0;
    let networkPeak = start;
    let ioPeak = carriedQueue;
    for (let k = 1; k < mostSteps; k += 1) {
      const input = come[k - 1] + fluid.rate * h * fluid.read + sends * fluid.send;
      orderWork[k + 2] = input;
      orderReads[k + 2] = orderReads[k + 1] + fluid.rate * h;
      let served = Math.min(done[k - 1] + network.servers * h, input);
      while (pointer < k + 2 && orderWork[pointer] < served) pointer += 1;
      let taken = between(orderWork, orderReads, pointer, served);
      const answered = Math.min(queue + Math.max(0, taken - read), this.ioRate * h);
      const room = queuedMax - queue + answered;
      if (taken - read > room && this.ioRate * h < queue + taken - read) {
        taken = read + Math.max(0, room);
        while (pointer > 1 && orderReads[pointer - 1] > taken) pointer -= 1;
        served = Math.max(done[k - 1], between(orderReads, orderWork, pointer, taken));
      }
      queue += taken - read - answered;
      read = taken;
      sends = answered;
      come[k] = input;
      done[k] = served;
      queued[k] = queue;
      handled[k] = handled[k - 1] + answered;
      const waits = input - served;
      // What came within this step is no backlog.
      if (waits > 1e-6) networkEnd = k * h;
      if (queue > 1e-9) ioEnd = k * h;
      networkPeak = Math.max(networkPeak, waits);
      ioPeak = Math.max(ioPeak, queue);
      count = k + 1;
      if (waits <= 1e-6 && queue <= 1e-9) break;
    }
    this.count = count;
    this.come = come.slice(0, count);
    this.done = done.slice(0, count);
    this.queued = queued.slice(0, count);
    this.handled = handled.slice(0, count);
    this.networkEnd = networkEnd;
    this.ioEnd = ioEnd;
    this.networkPeak = networkPeak;
    this.ioPeak = ioPeak;
  }

  /** Wait after the pause of a request that came `into` microseconds after its beginning. */
  networkWaitInPause(into: number): number {
    return this.doneAt(this.carried + piledUp(this.fluid, into) * this.fluid.read);
  }

  /** Wait for a network thread of who comes `after` the pause's end. */
  networkWait(after: number): number {
    if (after >= this.networkEnd) return 0;
    const k = Math.floor(after / this.step);
    const part = after / this.step - k;
    const work = this.come[k] + part * (this.come[Math.min(k + 1, this.count - 1)] - this.come[k]);
    return Math.max(0, this.doneAt(work) - after);
  }

  /** Wait for an io thread of who comes to its queue `after` the pause's end. */
  ioWait(after: number): number {
    if (after >= this.ioEnd) return 0;
    const k = Math.floor(after / this.step);
    const part = after / this.step - k;
    return (
      (this.queued[k] + part * (this.queued[Math.min(k + 1, this.count - 1)] - this.queued[k])) / this.ioRate
    );
  }

  /** Requests that io threads have handled since the pause. */
  handledBy(after: number): number {
    const last = this.count - 1;
    if (after >= last * this.step) return this.handled[last] + (after - last * this.step) * this.fluid.rate;
    const k = Math.floor(after / this.step);
    return this.handled[k] + (after / this.step - k) * (this.handled[k + 1] - this.handled[k]);
  }

  /** What is left `after` the pause's end: thread-microseconds at the network threads, requests at the io threads. */
  left(after: number): readonly [number, number] {
    const last = this.count - 1;
    const k = Math.min(last, Math.floor(after / this.step));
    const next = Math.min(last, k + 1);
    const part = Math.min(1, after / this.step - k);
    const waits = (row: number) => this.come[row] - this.done[row];
    const network = after >= this.networkEnd ? 0 : waits(k) + part * (waits(next) - waits(k));
    const io = after >= this.ioEnd ? 0 : this.queued[k] + part * (this.queued[next] - this.queued[k]);
    return [network, io];
  }

  /** When the network threads will have done so much, microseconds after the pause. */
  private doneAt(work: number): number {
    const { done, count } = this;
    let [low, high] = [0, count - 1];
    if (work >= done[high]) return high * this.step + (work - done[high]) / this.networkThreads;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (done[middle] < work) low = middle;
      else high = middle;
    }
    const span = done[high] - done[low];
    return (low + (span === 0 ? 0 : (work - done[low]) / span)) * this.step;
  }
}

/** y at x on the piece that ends at `index`. */
function between(xs: Float64Array, ys: Float64Array, index: number, x: number): number {
  const width = xs[index] - xs[index - 1];
  return width <= 0
    ? ys[index]
    : ys[index - 1] + (ys[index] - ys[index - 1]) * Math.min(1, (x - xs[index - 1]) / width);
}

/** When a pause is no longer felt. */
function feltUntil({ from, to, load }: Pause): number {
  const spare = Math.max(0.01, 1 - Math.max(load.network.utilisation, load.io.utilisation));
  return to + (feltFactor * (to - from)) / spare + feltMicros;
}

interface Pause {
  readonly from: number;
  to: number;
  readonly load: BrokerLoad;
  drain: Drain | undefined;
}

/** One broker's path over time: its load, and the pauses in which all its threads stood still. */
export class PathHistory {
  private readonly queuedMax: number;
  private readonly loads: { readonly from: number; readonly load: BrokerLoad }[] = [];
  private readonly fluids = new Map<BrokerLoad, Fluid>();
  private pauses: Pause[] = [];
  private lastLoad = 0;
  private lastPause = -1;
  /** A time in which no pause lies, from the end of one to the next that is known: most of what is followed stays in it. */
  private quietFrom = Number.POSITIVE_INFINITY;
  private quietTo = 0;

  constructor(queuedMax: number) {
    this.queuedMax = queuedMax;
  }

  setLoad(now: number, load: BrokerLoad): void {
    const last = this.loads.length - 1;
    if (last >= 0 && this.loads[last].from === now) this.loads.pop();
    this.loads.push({ from: now, load });
  }

  /** All threads stand still from now for so long; pauses that overlap are one. */
  pause(now: number, micros: number): void {
    this.quietFrom = Number.POSITIVE_INFINITY;
    const last = this.pauses[this.pauses.length - 1];
    if (last !== undefined && now <= last.to) {
      last.to = Math.max(last.to, now + micros);
      last.drain = undefined;
      return;
    }
    this.pauses.push({ from: now, to: now + micros, load: this.loadAt(now), drain: undefined });
  }

  /** Drops what nobody asks for any more: what was over before `time`, but for the latest pause. */
  forget(time: number): void {
    let first = 0;
    while (first < this.pauses.length - 2 && this.pauses[first + 1].to < time) first += 1;
    if (first > 0) this.pauses = this.pauses.slice(first);
    let load = 0;
    while (load < this.loads.length - 1 && this.loads[load + 1].from <= time) load += 1;
    for (let i = 0; i < load; i += 1) this.fluids.delete(this.loads[i].load);
    this.loads.splice(0, load);
    this.lastLoad = 0;
  }

  loadAt(time: number): BrokerLoad {
    let i = Math.min(this.lastLoad, this.loads.length - 1);
    while (i + 1 < this.loads.length && this.loads[i + 1].from <= time) i += 1;
    while (i > 0 && this.loads[i].from > time) i -= 1;
    this.lastLoad = i;
    return this.loads[i].load;
  }

  /** What is asked of the broker at `time`: in a pause, what was asked when it began, whatever the broker can do for it. */
  wantedLoad(time: number): BrokerLoad {
    const i = this.pauseAt(time);
    return i >= 0 && time < this.pauses[i].to ? this.pauses[i].load : this.loadAt(time);
  }

  /** Row of the last pause that has begun at `time`, or -1. */
  pauseAt(time: number): number {
    const { pauses } = this;
    // Samples are followed about in the order of time: near the row that was asked for last.
    let i = Math.min(this.lastPause, pauses.length - 1);
    while (i + 1 < pauses.length && pauses[i + 1].from <= time) i += 1;
    while (i >= 0 && pauses[i].from > time) i -= 1;
    this.lastPause = i;
    return i;
  }

  /** Whether a pause has begun by `time`, of those that are kept. */
  hasPaused(time: number): boolean {
    return this.pauseAt(time) >= 0;
  }

  /** Whether a pause may still be felt at `time`, or begins within `reach` microseconds after it. */
  pausesNear(time: number, reach: number): boolean {
    const i = this.pauseAt(time);
    if (i >= 0 && time < feltUntil(this.pauses[i])) return true;
    return i + 1 < this.pauses.length && this.pauses[i + 1].from < time + reach;
  }

  /** When something that needs `micros` of a running process from `time` on is done. */
  advance(time: number, micros: number): number {
    if (time >= this.quietFrom && time + micros < this.quietTo) return time + micros;
    let i = this.pauseAt(time);
    let t = time;
    let left = micros;
    if (i >= 0 && t < this.pauses[i].to) t = this.pauses[i].to;
    this.quietFrom = i < 0 ? 0 : this.pauses[i].to;
    this.quietTo = i + 1 < this.pauses.length ? this.pauses[i + 1].from : Number.POSITIVE_INFINITY;
    for (i += 1; i < this.pauses.length; i += 1) {
      const next = this.pauses[i];
      if (t + left <= next.from) break;
      left -= next.from - t;
      t = next.to;
    }
    return t + left;
  }

  /** Whether more requests of a kind were wanted by `time`, in the pause then, than its connections can have under way. */
  beyondConnections(time: number, c: RequestClass): boolean {
    const i = this.pauseAt(time);
    if (i < 0 || time >= this.pauses[i].to) return false;
    return (c.perSecond / 1e6) * (time - this.pauses[i].from) > c.connections * c.inFlight;
  }

  /**
   * The next fetch of a follower that a record appended at `time` finds: in how many microseconds it is handled, and for how long the follower
   * appends what it brings. In the steady state the rest of a cycle is uniform (0 for a parked fetch). After a pause the cycles are followed one by
   * one: a follower's fetch waited with the others for its end, what was appended at once comes in one response, and its appending makes the
   * next cycle as long.
   */
  nextFetch(time: number, load: BrokerLoad, seed: number, purpose: number): readonly [number, number] {
    const { gapMicros, appendMicros, parked } = load.cycle;
    const u = derived(seed, purpose + 1);
    const i = this.pauseAt(time);
    if (i >= 0 && time >= this.pauses[i].to && time < feltUntil(this.pauses[i])) {
      const after = time - this.pauses[i].to;
      const drain = this.drainOf(i);
      const { rate } = this.fluidOf(this.pauses[i].load);
      if (rate > 0 && after < Math.max(drain.ioEnd, drain.networkEnd) + 4 * gapMicros) {
        const fixed = gapMicros - appendMicros;
        const perRequest = (appendMicros * (1 - parked)) / gapMicros / rate;
        let brought = -u * gapMicros * rate;
        let at = drain.networkWaitInPause(u * gapMicros);
        at += drain.ioWait(at);
        for (let n = 0; at < after && n < 1000; n += 1) {
          const now = drain.handledBy(at);
          const next =
            at + fixed + 2 * drain.networkWait(at) + drain.ioWait(at) + (now - brought) * perRequest;
          brought = now;
          at = next;
        }
        return [Math.max(0, at - after), (drain.handledBy(at) - brought) * perRequest];
      }
    }
    return derived(seed, purpose) < parked ? [0, appendMicros] : [u * gapMicros, appendMicros];
  }

  private fluidOf(load: BrokerLoad): Fluid {
    let fluid = this.fluids.get(load);
    if (fluid === undefined) {
      fluid = fluidOf(load);
      this.fluids.set(load, fluid);
    }
    return fluid;
  }

  /**
   * Wait of a request that comes to the network threads at `time`: microseconds of running threads, pauses apart.
   *
   *     V = max(W' + V0 + X, W)
   *
   * V0 is what the fluid has left of the last pause's backlog (or, once it has gone, less what the pool has had to spare since), X the chance in
   * what has come since the pause began, normal with that variance, W' what waited when it began, and W the wait that the pool would have
   * without the backlog, of the rank that the largest rise of the same chance has. For one server and the path of X itself this is the
   * exact coupling of a queue with and without an initial workload (Lindley's recursion: V = max(V0 + X, W)); a test against a full simulation
   * shows how near it comes for several servers in tandem.
   * Source: D. V. Lindley (1952); J. M. Harrison, "Brownian Motion and Stochastic Flow Systems" (1985), ch. 1.
   */
  networkWait(time: number, load: BrokerLoad, seed: number, purpose: number): number {
    const steady = waitAt(load.network, derived(seed, purpose), load.inSystem);
    const i = this.pauseAt(time);
    if (i < 0 || time >= feltUntil(this.pauses[i])) return steady;
    const pause = this.pauses[i];
    const drain = this.drainOf(i);
    if (drain.networkPeak < 1e-6) return steady;
    const inPause = time < pause.to;
    const after = time - pause.to;
    const backlog = inPause ? drain.networkWaitInPause(time - pause.from) : drain.networkWait(after);
    return coupled(
      pause.load.network,
      load.inSystem,
      steady,
      backlog,
      after - drain.networkEnd,
      Math.max(0, after),
      time - pause.from,
      seed,
      purpose,
    );
  }

  /** The fluid part of the wait for a network thread at `time`: what is left of the last pause's backlog. */
  networkBacklog(time: number): number {
    const i = this.pauseAt(time);
    if (i < 0 || time >= feltUntil(this.pauses[i])) return 0;
    const pause = this.pauses[i];
    const drain = this.drainOf(i);
    return time < pause.to ? drain.networkWaitInPause(time - pause.from) : drain.networkWait(time - pause.to);
  }

  /**
   * The same for the io threads. Who was `late` against the fluid at the network threads comes to a queue that has been worked on meanwhile: the
   * slower pool decides when it is done, not the sum of both pools' chances.
   */
  ioWait(time: number, load: BrokerLoad, seed: number, purpose: number, late: number): number {
    const steady = waitAt(load.io, derived(seed, purpose), load.inSystem);
    const i = this.pauseAt(time);
    if (i < 0 || time >= feltUntil(this.pauses[i])) return steady;
    const pause = this.pauses[i];
    const drain = this.drainOf(i);
    if (drain.ioPeak < 1e-3) return steady;
    const after = Math.max(0, time - pause.to);
    return coupled(
      pause.load.io,
      load.inSystem,
      steady,
      Math.max(0, drain.ioWait(Math.max(0, after - late)) - late),
      after - drain.ioEnd,
      after,
      after,
      seed,
      purpose,
    );
  }

  /** Time that an io thread's queue of queued.max.requests lasts. */
  longestQueueMicros(load: BrokerLoad): number {
    return (this.queuedMax * load.io.service) / load.io.servers;
  }

  private drainOf(i: number): Drain {
    const pause = this.pauses[i];
    if (pause.drain !== undefined) return pause.drain;
    let carried: readonly [number, number] = [0, 0];
    if (i > 0 && pause.from < feltUntil(this.pauses[i - 1])) {
      const before = this.pauses[i - 1];
      carried = this.drainOf(i - 1).left(pause.from - before.to);
    }
    pause.drain = new Drain(
      this.fluidOf(pause.load),
      pause.load.network,
      pause.load.io,
      this.queuedMax,
      pause.to - pause.from,
      carried[0],
      carried[1],
    );
    return pause.drain;
  }
}

/** max(W' + V0 + X, W); `since` is the time since the backlog had gone, negative while it lasts. */
function coupled(
  station: Station,
  inSystem: number,
  steady: number,
  backlog: number,
  since: number,
  after: number,
  chanceFor: number,
  seed: number,
  purpose: number,
): number {
  const drift = since > 0 ? -(1 - station.utilisation) * since : 0;
  const spread = Math.sqrt(station.variance * chanceFor);
  if (station.utilisation >= 1) return Math.max(steady, backlog);
  if (spread === 0 || backlog + drift + 5 * spread < 0) return steady;
  const before = waitAt(station, derived(seed, purpose + 1), inSystem);
  const normal = normalAt(derived(seed, purpose + 2));
  // The largest rise of what came since the pause ended, given its end: a Brownian bridge's; then the wait of that rank.
  const end = -(1 - station.utilisation) * after + Math.sqrt(station.variance * after) * normal;
  const rise =
    (end + Math.sqrt(end * end - 2 * station.variance * after * Math.log(derived(seed, purpose)))) / 2;
  const rank = 1 - Math.exp((-2 * (1 - station.utilisation) * rise) / station.variance);
  const now = after > 0 ? waitAt(station, rank, inSystem) : 0;
  return Math.max(now, before + backlog + drift + spread * normal);
}

/** Numbers of the chances of one sample; each station takes three for its wait and one for its service. */
const chance = {
  linger: 2,
  taken: 3,
  turn: 4,
  read: 8,
  io: 12,
  send: 16,
  parked: 20,
  parkedFor: 21,
  followers: 22,
  firstFollower: 32,
  ofFollower: 32,
} as const;

export interface Traced {
  /** Microseconds by stage. */
  readonly stages: Float64Array;
  /** Whether the broker sees a request of its own: in a pause a client with all its requests under way sends no further one. */
  arrives: boolean;
}

/** The followers in sync that a sampled request waits for, where the way to them is not that to everybody. */
export interface FollowerWays {
  readonly followers: readonly { readonly path: PathHistory; readonly roundTripMicros: number }[];
  /** The round trip that the leader's cycle of fetches was computed with. */
  readonly meanMicros: number;
}

/**
 * Follows one sampled request from the moment in which a client wants it, and writes its stages. Only reads.
 *
 * Source of the stages: Kafka 3.7 `RequestChannel.Request.updateRequestMetrics` (the clock starts when a network thread has read the request). Acks=all: the longest, over the
 * followers in sync, of the rest of the follower's present fetch (nothing when it lies parked) and one full cycle, whose next fetch is the
 * acknowledgement (`Partition.updateFollowerFetchState`, `DelayedProduce`).
 * @param others the brokers that may follow this one
 * @param ways the followers of the request's partition, where round trips differ
 * @returns when the client has its answer; with acks=0 when the broker is done
 */
export function trace(
  path: PathHistory,
  others: readonly PathHistory[],
  c: RequestClass,
  wanted: number,
  seed: number,
  factor: Factor,
  roundTripMicros: number,
  out: Traced,
  ways?: FollowerWays,
): number {
  const s = out.stages;
  s.fill(0);
  const half = roundTripMicros / 2;
  let t = wanted;

  // At the client.
  if (c.type === requestType.produce) {
    t += derived(seed, chance.linger) * c.lingerMicros;
    if (derived(seed, chance.taken) < c.busy) t = path.advance(t, derived(seed, chance.turn) * c.cycleMicros);
  }
  out.arrives = !path.beyondConnections(t, c);
  // Sent only when an answer has come back.
  if (!out.arrives) t = path.advance(t, 0) + roundTripMicros;
  s[stage.batch] = t - wanted;
  const answers = c.acks !== '0';
  s[stage.network] = answers ? roundTripMicros : half;
  t += half;

  // At the broker.
  const load = path.loadAt(t);
  const began = t;
  const backlog = path.networkBacklog(t);
  const wait = path.networkWait(t, load, seed, chance.read);
  const late = backlog > 0 ? wait - backlog : 0;
  t = path.advance(t, wait);
  t = path.advance(t, c.readMicros * factor(derived(seed, chance.read + 3)));
  // A network thread that finds the request queue full holds the request, and reads no other, until there is room.
  const waits = path.ioWait(t, load, seed, chance.io, late);
  const inQueue = Math.min(waits, path.longestQueueMicros(load));
  t = path.advance(t, waits - inQueue);
  s[stage.read] = t - began;
  const read = t;
  t = path.advance(t, inQueue);
  s[stage.requestQueue] = t - read;
  const taken = t;
  t = path.advance(t, c.ioMicros * factor(derived(seed, chance.io + 3)));
  s[stage.local] = t - taken;
  if (!answers) return t;
  const handled = t;
  if (c.parked > 0) {
    if (derived(seed, chance.parked) < c.parked)
      t = path.advance(
        t,
        Math.min(c.parkedMaxMicros, -c.parkedMicros * Math.log(1 - derived(seed, chance.parkedFor))),
      );
  } else if (c.acks === 'all' && c.followers > 0 && others.length > 0) {
    t = acknowledged(path, others, load, c, t, seed, factor, half, ways);
  }
  s[stage.remote] = t - handled;
  const ready = t;
  t = path.advance(t, path.networkWait(t, load, seed, chance.send));
  s[stage.responseQueue] = t - ready;
  const sending = t;
  t = path.advance(t, c.sendMicros * factor(derived(seed, chance.send + 3)));
  s[stage.responseSend] = t - sending;
  return t + half;
}

/** When the slowest follower in sync has acknowledged what was appended at `appended`. */
function acknowledged(
  path: PathHistory,
  others: readonly PathHistory[],
  load: BrokerLoad,
  c: RequestClass,
  appended: number,
  seed: number,
  factor: Factor,
  half: number,
  ways?: FollowerWays,
): number {
  const whole = Math.floor(c.followers);
  const count =
    ways?.followers.length ??
    Math.min(others.length, whole + (derived(seed, chance.followers) < c.followers - whole ? 1 : 0));
  const asked = load.classes.find((k) => k.type === requestType.fetchFollower) ?? c;
  const first = Math.floor(derived(seed, chance.followers + 1) * others.length);
  let last = appended;
  for (let f = 0; f < count; f += 1) {
    const at = chance.firstFollower + f * chance.ofFollower;
    const way = ways?.followers[f];
    const follower = way?.path ?? others[(first + f) % others.length];
    const oneWay = way === undefined ? half : way.roundTripMicros / 2;
    const [next, append] = path.nextFetch(appended, load, seed, at);
    // A longer way makes this follower's cycle longer than the mean one.
    const longer = way === undefined ? 0 : way.roundTripMicros - (ways?.meanMicros ?? 0);
    const rest = longer === 0 ? next : next * Math.max(0, 1 + longer / load.cycle.gapMicros);
    let t = path.advance(follower.advance(appended, rest), 0);
    t = path.advance(t, path.networkWait(t, load, seed, at + 4));
    t = path.advance(t, asked.sendMicros * factor(derived(seed, at + 7)));
    t = follower.advance(t + oneWay, append) + oneWay;
    t = path.advance(t, path.networkWait(t, load, seed, at + 8));
    t = path.advance(t, asked.readMicros * factor(derived(seed, at + 11)));
    t = path.advance(t, path.ioWait(t, load, seed, at + 12, 0));
    t = path.advance(t, asked.ioMicros * factor(derived(seed, at + 15)));
    last = Math.max(last, t);
  }
  return last;
}

/** TotalTimeMs of a traced request in microseconds: what the broker counts. */
export function brokerSide(s: Float64Array): number {
  return (
    s[stage.requestQueue] + s[stage.local] + s[stage.remote] + s[stage.responseQueue] + s[stage.responseSend]
  );
}

/** What the client waits from the moment it wanted the request, microseconds. With acks=0 it does not wait for the broker. */
export function clientSide(c: RequestClass, s: Float64Array): number {
  return c.acks === '0' ? s[stage.batch] : s[stage.batch] + s[stage.network] + s[stage.read] + brokerSide(s);
}
