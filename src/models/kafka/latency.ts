import type { Gauge } from '../../engine/gauge.ts';
import { bucketOf, Histogram } from '../../engine/histogram.ts';
import { eventClass, type Simulation, type Stream } from '../../engine/simulation.ts';
import { derived, type Factor, factorOf } from './queueing.ts';
import { type BrokerLoad, type RequestClass, requestType, requestTypes } from './requestRates.ts';
import type { ClusterSettings } from './settings.ts';
import {
  brokerSide,
  clientSide,
  type FollowerWays,
  type PathHistory,
  stage,
  stages,
  type Traced,
  trace,
} from './tracers.ts';

const quantiles = [0.5, 0.95, 0.99, 0.999] as const;
const quantileNames = ['0.50', '0.95', '0.99', '0.999'] as const;
const sides = ['broker', 'client'] as const;

/** The broker's metrics show the requests of the last minute, and are read off every so often. */
const windowMicros = 60_000_000;
const updateMicros = 15_000_000;
/** Samples are followed this long after they began, so that later pauses are known. */
const behindMicros = 1_000_000;
/** A request that is not parked is answered within this, where nobody pauses. */
const reachMicros = 50_000;
/**
 * Time between the samples of one request type on one broker, for the last minute's quantiles and for the whole period's. They are sets of their
 * own, so that a run that shows the period alone finds the same and follows fewer. On more brokers than this each gives fewer.
 */
const windowSampleMicros = 400_000;
const periodSampleMicros = 1_000_000;
const sampledBrokers = 20;
/** After so long the period's samples come half as often and count twice, and again after twice that: a day costs three times what an hour does. */
const denseMicros = 3_600_000_000;
/**
 * Far from every pause one request is as good as another: of so many samples there one is followed, and counts for all. Near a pause, which makes the tail, each is. Where nothing ever pauses the
 * queues make the tail, and each is followed too. What is far is decided before a sample is followed, so that quantiles are as likely too high as too low.
 * Source: W. G. Cochran, "Sampling Techniques" (1977), ch. 5: strata that are sampled at rates of their own.
 */
const quietSamples = 4;
/** The measures of the whole period are read off at each of the first so many updates, then at every so-many-th. */
const updatesToPeriod = 6;

/** Numbers of a sample's chances beside those of its way. */
const chance = { moment: 0, kind: 1, partition: 24 } as const;

interface Group {
  readonly request: number;
  readonly acks: string;
}

/** Samples at drawn moments, one for each request type and broker in each span of `every` microseconds. */
interface Sampling {
  readonly every: number;
  readonly streams: readonly Stream[];
  /** Whether samples outside the measured time are left out, and come the more seldom the longer it lasts. */
  readonly measured: boolean;
  /** Spans followed so far. */
  followed: number;
  /** Samples far from every pause so far, by broker and request type. */
  readonly quiet: Uint32Array;
  /** Takes what was traced. */
  readonly book: (
    broker: number,
    type: number,
    c: RequestClass,
    wanted: number,
    load: BrokerLoad,
    counts: number,
  ) => void;
}

/** One part of the time that a quantile takes. */
export interface StageTime {
  readonly stage: string;
  readonly ms: number;
}

/** The whole, and what it is made of. */
export interface StagedQuantile {
  readonly ms: number;
  readonly stages: readonly StageTime[];
}

/** Where the time of quantiles went, kept only when somebody asks. */
interface KeptStages {
  /** By window: stages of each of its samples, one after the other. */
  readonly windows: readonly Float64Array[];
  /** By histogram and bucket: the weight of its samples, then their weighted stages. */
  readonly buckets: readonly Map<number, Float64Array>[];
  /** By row of Kafka's own metric: the request that it showed at its highest. */
  readonly highest: (StagedQuantile | undefined)[];
  /** By row of the period's metric: as it was read off at its highest. */
  readonly period: (StagedQuantile | undefined)[];
}

interface Window {
  readonly times: Float64Array;
  readonly micros: Float64Array;
  /** For how many samples each counts. */
  readonly weights: Uint8Array;
  next: number;
  count: number;
}

/**
 * Latency by samples: at drawn moments a request of each type is followed through each broker's path (`trace`). Observers: they read the
 * path's history, draw from streams of their own, and change nothing.
 *
 * Broker-side are the requests that arrive, from when they were read (Kafka's TotalTimeMs); client-side those that were wanted, batch, connection and
 * network included. Simplified: requests to a broker that is down or has just lost its partitions are no samples (their retries are counted by
 * `rehearse:retried_sends_total`); what a fenced broker's clients wanted waits here until it goes on.
 */
export class Latency {
  private readonly sim: Simulation;
  private readonly paths: readonly PathHistory[];
  private readonly others: readonly (readonly PathHistory[])[];
  private readonly factor: Factor;
  private readonly roundTripMicros: number;
  private readonly wayOf: (broker: number, u: number) => FollowerWays | undefined;
  private readonly groups: readonly Group[];
  private readonly totals: Gauge;
  private readonly period: Gauge;
  private readonly stageMeans: Gauge;
  private readonly histograms: readonly Histogram[];
  private readonly stageSums: Float64Array;
  private readonly weights: Float64Array;
  private readonly windows: readonly Window[];
  private readonly samplings: readonly Sampling[];
  private readonly scratch: Float64Array;
  private readonly traced: Traced = { stages: new Float64Array(stages.length), arrives: true };
  private keptStages: KeptStages | undefined;
  private updates = 0;
  /** Samples before this moment, and from that one on, are left out of the period's measures. */
  measuredFrom = 0;
  measuredUntil = Number.POSITIVE_INFINITY;

  constructor(
    sim: Simulation,
    settings: ClusterSettings,
    paths: readonly PathHistory[],
    gauges: { readonly totals: Gauge; readonly period: Gauge; readonly stages: Gauge },
    wayOf: (broker: number, u: number) => FollowerWays | undefined,
  ) {
    this.wayOf = wayOf;
    this.sim = sim;
    this.paths = paths;
    this.others = paths.map((own) => paths.filter((p) => p !== own));
    this.factor = factorOf(settings.requests.serviceVariability);
    this.roundTripMicros = settings.timing.roundTripMicros;
    this.groups = latencyGroups(settings);
    this.totals = gauges.totals;
    this.period = gauges.period;
    this.stageMeans = gauges.stages;
    this.histograms = Array.from({ length: this.groups.length * sides.length }, () => new Histogram());
    this.stageSums = new Float64Array(requestTypes.length * stages.length);
    this.weights = new Float64Array(requestTypes.length);
    const sampling = (
      purpose: string,
      micros: number,
      measured: boolean,
      book: Sampling['book'],
    ): Sampling => ({
      measured,
      every: Math.round(micros * Math.max(1, paths.length / sampledBrokers)),
      streams: settings.brokers.map((b) => sim.stream(`broker/${b.id}`, purpose)),
      followed: 0,
      quiet: new Uint32Array(paths.length * requestTypes.length),
      book,
    });
    const ofWindows = sampling('windowTracers', windowSampleMicros, false, this.bookWindow.bind(this));
    const ofPeriod = sampling('periodTracers', periodSampleMicros, true, this.bookPeriod.bind(this));
    const recorded = (gauge: Gauge) => gauge.rowRecord(0) !== undefined;
    this.samplings = [
      ...(recorded(gauges.totals) ? [ofWindows] : []),
      ...(recorded(gauges.period) || recorded(gauges.stages) ? [ofPeriod] : []),
    ];
    const capacity = Math.ceil(windowMicros / ofWindows.every) + 1;
    this.windows = Array.from({ length: paths.length * requestTypes.length }, () => ({
      times: new Float64Array(capacity),
      micros: new Float64Array(capacity),
      weights: new Uint8Array(capacity),
      next: 0,
      count: 0,
    }));
    this.scratch = new Float64Array(capacity * quietSamples);
    const update = sim.on('kafka.latency', () => this.onUpdate(update), eventClass.observer);
    sim.after(updateMicros, update);
  }

  /** Keeps from now on where the time of each quantile goes; changes nothing that is measured. */
  keepStages(): void {
    this.keptStages ??= {
      windows: this.windows.map((w) => new Float64Array(w.times.length * stages.length)),
      buckets: this.histograms.map(() => new Map()),
      highest: [],
      period: [],
    };
  }

  /**
   * The stages of a row at its highest. For Kafka's own metric they are those of the one request that was the quantile, for the period's
   * metric the mean of the requests in the quantile's bucket, and a last part is what the bucket's width leaves open.
   * @returns undefined where nothing was kept, or the row never had a request
   */
  stagesOf(of: 'totals' | 'period', row: number): StagedQuantile | undefined {
    return this.keptStages?.[of === 'totals' ? 'highest' : 'period'][row];
  }

  private onUpdate(kind: number): void {
    const { sim } = this;
    const until = sim.now - behindMicros;
    for (const sampling of this.samplings) {
      for (;;) {
        const spans = this.spansOf(sampling);
        if ((sampling.followed + spans) * sampling.every > until) break;
        this.sample(sampling, spans);
        sampling.followed += spans;
      }
    }
    for (const path of this.paths) path.forget(until - behindMicros);
    if (this.totals.rowRecord(0) !== undefined) this.showWindows();
    this.updates += 1;
    if (this.updates < updatesToPeriod || this.updates % updatesToPeriod === 0) this.showPeriod();
    sim.after(updateMicros, kind);
  }

  /** How many spans the next sample stands for. */
  private spansOf({ every, followed, measured }: Sampling): number {
    let spans = 1;
    if (measured) while (followed * every - this.measuredFrom >= spans * denseMicros) spans *= 2;
    return spans;
  }

  /** One sample of each request type on each broker, in the next spans. */
  private sample({ every, followed, streams, measured, quiet, book }: Sampling, spans: number): void {
    for (let b = 0; b < this.paths.length; b += 1) {
      const path = this.paths[b];
      for (let type = 0; type < requestTypes.length; type += 1) {
        const seed = streams[b]();
        const wanted = (followed + spans * derived(seed, chance.moment)) * every;
        if (measured && (wanted < this.measuredFrom || wanted >= this.measuredUntil)) continue;
        const load = path.wantedLoad(wanted);
        const c = pick(load, type, derived(seed, chance.kind));
        if (c === undefined) continue;
        let counts = spans;
        if (this.isQuiet(b, c, wanted)) {
          quiet[b * requestTypes.length + type] += 1;
          if (quiet[b * requestTypes.length + type] % quietSamples !== 0) continue;
          counts *= quietSamples;
        }
        const ways = c.acks === 'all' ? this.wayOf(b, derived(seed, chance.partition)) : undefined;
        trace(path, this.others[b], c, wanted, seed, this.factor, this.roundTripMicros, this.traced, ways);
        book(b, type, c, wanted, load, counts);
      }
    }
  }

  /** Whether the broker pauses at times, and neither it nor, for acks=all, another does so near this moment. */
  private isQuiet(broker: number, c: RequestClass, wanted: number): boolean {
    const reach = c.parked > 0 ? c.parkedMaxMicros : reachMicros;
    const own = this.paths[broker];
    if (!own.hasPaused(wanted) || own.pausesNear(wanted, reach)) return false;
    return c.acks !== 'all' || !this.others[broker].some((path) => path.pausesNear(wanted, reach));
  }

  private bookWindow(
    broker: number,
    type: number,
    _: RequestClass,
    wanted: number,
    __: BrokerLoad,
    counts: number,
  ): void {
    if (!this.traced.arrives) return;
    const window = this.windows[broker * requestTypes.length + type];
    window.times[window.next] = wanted;
    window.micros[window.next] = brokerSide(this.traced.stages);
    window.weights[window.next] = counts;
    this.keptStages?.windows[broker * requestTypes.length + type].set(
      this.traced.stages,
      window.next * stages.length,
    );
    window.next = (window.next + 1) % window.times.length;
    window.count = Math.min(window.count + 1, window.times.length);
  }

  private bookPeriod(
    _: number,
    type: number,
    c: RequestClass,
    __: number,
    load: BrokerLoad,
    counts: number,
  ): void {
    const s = this.traced.stages;
    const weight = counts * Math.max(1, Math.round(load.perSecond[type]));
    const group = this.groups.findIndex((g) => g.request === type && g.acks === c.acks);
    this.histograms[group * sides.length + 1].add(clientSide(c, s), weight);
    this.bookStages(group * sides.length + 1, clientSide(c, s), weight);
    if (!this.traced.arrives) return;
    this.histograms[group * sides.length].add(brokerSide(s), weight);
    this.bookStages(group * sides.length, brokerSide(s), weight);
    this.weights[type] += weight;
    for (let i = 0; i < stages.length; i += 1) this.stageSums[type * stages.length + i] += weight * s[i];
  }

  private bookStages(histogram: number, micros: number, weight: number): void {
    const buckets = this.keptStages?.buckets[histogram];
    if (buckets === undefined || !(micros > 0 && micros < Number.POSITIVE_INFINITY)) return;
    const bucket = bucketOf(micros);
    let sums = buckets.get(bucket);
    if (sums === undefined) {
      sums = new Float64Array(1 + stages.length);
      buckets.set(bucket, sums);
    }
    sums[0] += weight;
    for (let i = 0; i < stages.length; i += 1) sums[i + 1] += weight * this.traced.stages[i];
  }

  /** Notes the request that a window shows as a quantile, where it is the slowest so far. */
  private keepHighest(kept: KeptStages, row: number, w: number, micros: number, from: number): void {
    if (micros === 0 || this.sim.now < this.measuredFrom) return;
    if (micros / 1000 <= (kept.highest[row]?.ms ?? 0)) return;
    const window = this.windows[w];
    for (let i = 0; i < window.count; i += 1) {
      if (window.micros[i] !== micros || window.times[i] < from) continue;
      const own = kept.windows[w].subarray(i * stages.length, (i + 1) * stages.length);
      kept.highest[row] = { ms: micros / 1000, stages: staged(own, 'broker', '', 1000) };
      return;
    }
  }

  private keepPeriod(kept: KeptStages, histogram: number, row: number, ms: number): void {
    const sums = kept.buckets[histogram].get(bucketOf(ms * 1000));
    if (sums === undefined || ms <= (kept.period[row]?.ms ?? 0)) return;
    const { acks } = this.groups[Math.floor(histogram / sides.length)];
    const parts = staged(sums.subarray(1), sides[histogram % sides.length], acks, sums[0] * 1000);
    const open = ms - parts.reduce((sum, p) => sum + p.ms, 0);
    kept.period[row] = { ms, stages: [...parts, { stage: 'width of the bucket', ms: open }] };
  }

  private showWindows(): void {
    const from = this.sim.now - behindMicros - windowMicros;
    for (let w = 0; w < this.windows.length; w += 1) {
      const { times, micros, weights, count } = this.windows[w];
      let n = 0;
      for (let i = 0; i < count; i += 1) {
        if (times[i] < from) continue;
        this.scratch.fill(micros[i], n, n + weights[i]);
        n += weights[i];
      }
      let ordered = 0;
      for (let q = 0; q < quantiles.length; q += 1) {
        const rank = Math.min(n - 1, Math.floor(quantiles[q] * n));
        const value = n === 0 ? 0 : nthOf(this.scratch, ordered, n, rank);
        ordered = Math.max(0, rank);
        this.totals.set(w * quantiles.length + q, value / 1000);
        if (this.keptStages !== undefined)
          this.keepHighest(this.keptStages, w * quantiles.length + q, w, value, from);
      }
    }
  }

  private showPeriod(): void {
    this.histograms.forEach((h, i) => {
      if (h.count === 0) return;
      h.quantiles(quantiles).forEach(([low, high], q) => {
        const ms = Math.sqrt(low * high) / 1000;
        this.period.set(i * quantiles.length + q, ms);
        if (this.keptStages !== undefined) this.keepPeriod(this.keptStages, i, i * quantiles.length + q, ms);
      });
    });
    for (let i = 0; i < this.stageSums.length; i += 1) {
      const weight = this.weights[Math.floor(i / stages.length)];
      if (weight > 0) this.stageMeans.set(i, this.stageSums[i] / weight / 1000);
    }
  }
}

/**
 * The value of rank n, from 0, among values[0..end), of which those before `from` are the lowest already. Moves it to its place, lower ones before it.
 * Source: C. A. R. Hoare, "Algorithm 65: find", Communications of the ACM 4 (1961).
 */
export function nthOf(values: Float64Array, from: number, end: number, n: number): number {
  let [low, high] = [from, end - 1];
  while (low < high) {
    const middle = values[n];
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i] < middle) i += 1;
      while (values[j] > middle) j -= 1;
      if (i > j) break;
      const held = values[i];
      values[i] = values[j];
      values[j] = held;
      i += 1;
      j -= 1;
    }
    if (j < n) low = i;
    if (n < i) high = j;
  }
  return values[n];
}

/** The stages that a side counts, each divided. With acks=0 a client waits for its batch alone. */
function staged(sums: Float64Array, side: string, acks: string, by: number): StageTime[] {
  const [first, end] = side === 'broker' ? [stage.requestQueue, stages.length] : [0, stages.length];
  const to = side === 'client' && acks === '0' ? stage.network : end;
  return stages.slice(first, to).map((name, i) => ({ stage: name, ms: sums[first + i] / by }));
}

/** A request of this type at probability u; undefined where there is none. */
function pick(load: BrokerLoad, type: number, u: number): RequestClass | undefined {
  let left = u * load.perSecond[type];
  if (left === 0) return undefined;
  let last: RequestClass | undefined;
  for (const c of load.classes) {
    if (c.type !== type) continue;
    last = c;
    left -= c.perSecond;
    if (left < 0) break;
  }
  return last;
}

/** What latency is told apart by: produce requests by acks, and fetches. */
function latencyGroups(settings: ClusterSettings): Group[] {
  const acks = (['all', '1', '0'] as const).filter((a) => settings.topics.some((t) => t.acks === a));
  return [
    ...acks.map((a) => ({ request: requestType.produce, acks: a })),
    ...(settings.groups.length > 0 ? [{ request: requestType.fetchConsumer, acks: '' }] : []),
    { request: requestType.fetchFollower, acks: '' },
  ];
}

/** Rows of `rehearse:request_latency_ms`. */
export function periodRows(settings: ClusterSettings): readonly {
  readonly request: string;
  readonly acks: string;
  readonly side: string;
  readonly quantile: string;
}[] {
  return latencyGroups(settings).flatMap((g) =>
    sides.flatMap((side) =>
      quantileNames.map((quantile) => ({ request: requestTypes[g.request], acks: g.acks, side, quantile })),
    ),
  );
}

/** Request type, quantile and broker row of a row of Kafka's own metric. */
export function totalTimeRow(row: number): { request: string; quantile: string; broker: number } {
  const window = Math.floor(row / quantiles.length);
  return {
    request: requestTypes[window % requestTypes.length],
    quantile: quantileNames[row % quantiles.length],
    broker: Math.floor(window / requestTypes.length),
  };
}

export const totalTimeRows = requestTypes.length * quantiles.length;
export const stageRows = requestTypes.length * stages.length;

export function stageRow(row: number): { request: string; stage: string } {
  return { request: requestTypes[Math.floor(row / stages.length)], stage: stages[row % stages.length] };
}
