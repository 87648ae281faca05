import type { Proposal } from '../models/cruiseControl/description.ts';
import type { KafkaCluster } from '../models/kafka/cluster.ts';
import { type StarvedSide, starvedSides } from '../models/kafka/partitionFindings.ts';
import type { CopyLimit } from '../models/kafka/replication.ts';
import type { Curve } from '../models/workload/curve.ts';
import { evaluateVector } from '../promql/expectation.ts';
import type { Series, SeriesSet } from '../promql/series.ts';
import type { Scenario } from '../scenario/load.ts';
import type { KafkaPartSettings } from '../scenario/parts/kafka.ts';
import { type Begun, beginMoves, type PlannedMoves } from '../scenario/platform.ts';
import { overPlayed } from './reliability.ts';

const second = 1_000_000;
const minute = 60 * second;

/** Moves are played for a day at most. */
const longestMicros = 24 * 60 * minute;
/** Latency is sampled over the first half hour, and over a minute at least. */
const sampledMicros = 30 * minute;
const leastSampledMicros = minute;
/** Samples are followed and shown by the model's own rhythm: after so long those of a moment have been. */
const shownAfterMicros = 2 * minute;
/** Nothing but starved moves for so long under a steady load: they are starved for ever. */
const starvedForMicros = 5 * minute;
/** Before so long the pace of moves says little of what they will take. */
const settledMicros = 10 * minute;
/** A higher throttle is tried so often. */
const mostTries = 6;
/** A throttle that is tried is above what live traffic takes by this factor. Guess: what is left moves bytes at a pace that is worth a try. */
const roomBeside = 1.1;

/** What holds a copy back, of one broker, and for how long it did. */
export interface Holding {
  readonly broker: number;
  readonly limit: CopyLimit;
  readonly seconds: number;
}

/** A measure without the moves and with them. */
export interface Impact {
  readonly without: number;
  readonly during: number;
}

export interface LatencyImpact extends Impact {
  readonly request: string;
  /** Of produce requests; else empty. */
  readonly acks: string;
}

export interface GroupImpact extends Impact {
  readonly group: string;
}

/** What a broker reaches while replicas move: bytes on its disks, and bytes per second of its node's network card. */
export interface BrokerPeaks {
  readonly broker: number;
  readonly diskBytes: Impact;
  readonly diskCapacityBytes: number;
  readonly inboundBytesPerSecond: Impact;
  readonly outboundBytesPerSecond: Impact;
}

/** What playing moves against a platform gives. */
export interface Prediction {
  readonly by: PlannedMoves['by'];
  /**
   * `done`: nothing is under way any more; `never`: what is left is starved by its throttle, under a load that does not change; `open`: it lasts longer than
   * was played; `refused`: it did not begin.
   */
  readonly end: 'done' | 'never' | 'open' | 'refused';
  /** Until it was done, or for so long as it was played. */
  readonly seconds: number;
  /** Time in which nothing was copied: Cruise Control waits for its checks of progress, and moves leaders. */
  readonly idleSeconds: number;
  /** What was copied, what was produced meanwhile included. */
  readonly copiedBytes: number;
  readonly leftBytes: number;
  /** How long what was under way in the end would take at the pace that it had then; null where it has none, or nothing is left. */
  readonly leftSeconds: number | null;
  /** What held copies back, the longest first. */
  readonly heldBy: readonly Holding[];
  readonly starved: readonly StarvedSide[];
  /** The least throttle that was found to end, where this one does not. */
  readonly suffices: { readonly throttle: number; readonly seconds: number } | null;
  /** Partitions that are not where the plan puts them, of those that nothing moves any more, and why. */
  readonly astray: number;
  readonly why: string;
  /** Time from the beginning over which latency was sampled. */
  readonly sampledSeconds: number;
  /** 99 of 100 requests take less, milliseconds, from when a client wants one. */
  readonly latencyP99Ms: readonly LatencyImpact[];
  /** Worst lag on a topic, messages. */
  readonly lag: readonly GroupImpact[];
  readonly underMinIsrMinutes: number;
  readonly atMinIsrMinutes: number;
  readonly failedSends: number;
  readonly peaks: readonly BrokerPeaks[];
}

const measures = {
  latency: 'rehearse:request_latency_ms',
  network: 'node_network_bytes_total',
  disk: 'rehearse:log_disk_used_bytes',
  lag: 'kafka_consumergroup_lag_sum',
} as const;

/** Read when the moves end. */
interface Totals {
  readonly copiedBytes: number;
  readonly leftBytes: number;
  readonly leftSeconds: number | null;
  readonly underMinIsrMinutes: number;
  readonly atMinIsrMinutes: number;
  readonly failedSends: number;
}

interface Played {
  readonly begun: Begun;
  readonly end: Prediction['end'];
  /** Microseconds of the run. */
  readonly endedAt: number;
  readonly idleMicros: number;
  readonly heldBy: readonly Holding[];
  readonly totals: Totals;
}

/**
 * Plays moves against a platform or scenario from one of its moments on, beside the same without them, and tells what became of them.
 *
 * Moves are starved for ever when none of those under way comes nearer to its end for minutes, under a load that does not change; under one
 * that does they may go on at night, and are played for a day. What would last longer than another day at the pace of what is under way is
 * not played on either. Simplified: latency is that of the first half hour; later turns move other partitions.
 * @param after the moment, as for `clusterAt`
 */
export function predict(scenario: Scenario, after: number | undefined, plan: PlannedMoves): Prediction {
  const names = new Set<string>(Object.values(measures));
  const { begun, end, endedAt, idleMicros, heldBy, totals } = play(scenario, after, plan, names);
  const { kafka, since, executor, refusal, built } = begun;
  const starved = end === 'done' ? [] : starvedSides(kafka);
  const astray = end === 'done' ? plan.proposals.filter((m) => !stands(kafka, m)).length : 0;
  const sampled = Math.min(sampledMicros, Math.max(leastSampledMicros, endedAt - since));
  // What follows only completes the samples.
  built.sim.run(Math.max(built.sim.now, since + sampled) + shownAfterMicros);
  const still = beginMoves(scenario, after, sampled + shownAfterMicros, undefined, names);
  still.kafka.requests.measure(since, since + sampled);
  still.built.sim.run(since + sampled + shownAfterMicros);
  const from = since - scenario.warmUp;
  const lasted = Math.max(second, endedAt - since);
  const stretches = {
    during: { series: built.series(), from, to: from + lasted },
    without: { series: still.built.series(), from, to: from + Math.min(sampled, lasted) },
  };
  return {
    by: plan.by,
    end,
    seconds: (endedAt - since) / second,
    idleSeconds: idleMicros / second,
    heldBy,
    ...totals,
    starved,
    suffices:
      end === 'never' && starved.length > 0 ? sufficientThrottle(scenario, after, plan, starved) : null,
    astray,
    why: refusal ?? (astray > 0 ? (executor.last?.stopped ?? 'Kafka refuses to move them so') : ''),
    sampledSeconds: sampled / second,
    latencyP99Ms: latencies(begun, still),
    lag: lags(stretches),
    peaks: peaks(begun, stretches),
  };
}

function play(
  scenario: Scenario,
  after: number | undefined,
  plan: PlannedMoves,
  record: ReadonlySet<string>,
): Played {
  const begun = beginMoves(scenario, after, longestMicros + sampledMicros + shownAfterMicros, plan, record);
  const { built, kafka, executor, since, refusal } = begun;
  const { sim } = built;
  const { reassignments, requests } = kafka;
  const curves = (built.models.workload ?? []) as readonly Curve[];
  const steady = curves.every((c) => c.nextChange(since) === Number.POSITIVE_INFINITY);
  requests.measure(since, since + sampledMicros);
  const base = totalsOf(begun);
  const held = new Map<string, { broker: number; limit: CopyLimit; micros: number }>();
  let holding = new Map<string, { broker: number; limit: CopyLimit }>();
  let idleMicros = 0;
  let seen = since;
  let done: { readonly at: number; readonly totals: Totals } | undefined;
  const book = () => {
    const elapsed = sim.now - seen;
    seen = sim.now;
    if (elapsed === 0) return;
    if (holding.size === 0) idleMicros += elapsed;
    for (const [key, { broker, limit }] of holding) {
      const one = held.get(key);
      if (one === undefined) held.set(key, { broker, limit, micros: elapsed });
      else one.micros += elapsed;
    }
  };
  // At the end of each instant in which something happened: it reads, and changes nothing.
  sim.beforeAdvance(() => {
    if (done !== undefined) return false;
    book();
    holding = new Map();
    kafka.replication.copyLimits((row, limit) => {
      holding.set(`${row} ${limit}`, { broker: kafka.settings.brokers[row].id, limit });
    });
    if (executor.isIdle && reassignments.active === 0) {
      done = { at: sim.now, totals: since === sim.now ? base : totalsOf(begun) };
      requests.measure(since, Math.min(since + sampledMicros, Math.max(sim.now, since + leastSampledMicros)));
    }
    return false;
  });
  let end: Prediction['end'] = refusal === undefined ? 'open' : 'refused';
  let gainedAt = since;
  while (end !== 'refused' && sim.now - since < longestMicros) {
    const elapsed = sim.now - since;
    sim.run(since + Math.min(longestMicros, elapsed + stepMicros(elapsed)));
    if (done !== undefined) {
      end = 'done';
      break;
    }
    if (reassignments.active === 0 || reassignments.anyGains()) gainedAt = sim.now;
    if (!steady) continue;
    if (sim.now - gainedAt >= starvedForMicros) {
      end = 'never';
      break;
    }
    const left = totalsOf(begun).leftSeconds;
    if (sim.now - since >= settledMicros && left !== null && left * second > longestMicros) break;
  }
  if (done === undefined) book();
  const totals = done?.totals ?? totalsOf(begun);
  return {
    begun,
    end,
    endedAt: done?.at ?? sim.now,
    idleMicros,
    heldBy: [...held.values()]
      .map(({ broker, limit, micros }) => ({ broker, limit, seconds: micros / second }))
      .sort((x, y) => y.seconds - x.seconds || x.broker - y.broker || (x.limit < y.limit ? -1 : 1)),
    totals: {
      ...totals,
      copiedBytes: Math.round(totals.copiedBytes - base.copiedBytes),
      underMinIsrMinutes: totals.underMinIsrMinutes - base.underMinIsrMinutes,
      atMinIsrMinutes: totals.atMinIsrMinutes - base.atMinIsrMinutes,
      failedSends: totals.failedSends - base.failedSends,
    },
  };
}

/** Time until it is looked again whether moves get anywhere: a twentieth of what they have lasted. */
function stepMicros(elapsed: number): number {
  return Math.round(Math.min(10 * minute, Math.max(10 * second, elapsed / 20)));
}

function totalsOf({ built: { sim }, kafka }: Begun): Totals {
  const sum = (gauge: string) => {
    const g = sim.gauges.get(gauge)!;
    let all = 0;
    for (let row = 0; row < g.rows; row += 1) all += g.get(row);
    return all;
  };
  const { remaining } = kafka.reassignments;
  let gain = 0;
  for (let b = 0; b < remaining.rows; b += 1) gain -= remaining.slope(b);
  const leftBytes = Math.max(0, sum('rehearse:reassignment_remaining_bytes'));
  return {
    copiedBytes: sum('kafka_server_brokertopicmetrics_reassignmentbytesin_total'),
    leftBytes: Math.round(leftBytes),
    leftSeconds: leftBytes > 0 && gain > 0 ? leftBytes / gain : null,
    underMinIsrMinutes: sum('rehearse:under_min_isr_minutes'),
    atMinIsrMinutes: sum('rehearse:at_min_isr_minutes'),
    failedSends: sum('rehearse:failed_sends_total'),
  };
}

/**
 * A throttle with which the moves end, found by trying: each is above what was live at the side that starved under the one before, or twice
 * that one where all moves, and too slowly.
 */
function sufficientThrottle(
  scenario: Scenario,
  after: number | undefined,
  plan: PlannedMoves,
  starved: readonly StarvedSide[],
): Prediction['suffices'] {
  let sides = starved;
  let rate = starved.reduce((most, s) => Math.max(most, s.rate), 0);
  let factor = roomBeside;
  for (let n = 0; n < mostTries; n += 1) {
    rate = twoDigitsUp(sides.reduce((most, s) => Math.max(most, s.live), rate) * factor);
    const tried = play(scenario, after, { ...plan, throttle: rate }, new Set());
    if (tried.end === 'done')
      return { throttle: rate, seconds: (tried.endedAt - tried.begun.since) / second };
    sides = starvedSides(tried.begun.kafka);
    factor = sides.length > 0 ? roomBeside : 2;
  }
  return null;
}

function twoDigitsUp(rate: number): number {
  let unit = 1;
  while (rate / unit >= 100) unit *= 10;
  return Math.ceil(rate / unit) * unit;
}

function stands(kafka: KafkaCluster, { topic, partition, newReplicas }: Proposal): boolean {
  const { tables, settings } = kafka;
  const p = tables.firstPartition[settings.topics.findIndex((t) => t.name === topic)] + partition;
  return (
    tables
      .assigned(p)
      .map((b) => settings.brokers[b].id)
      .join() === newReplicas.join()
  );
}

/** What was recorded between two moments, microseconds from the start of the period. */
interface Stretch {
  readonly series: SeriesSet;
  readonly from: number;
  readonly to: number;
}

interface Stretches {
  readonly without: Stretch;
  readonly during: Stretch;
}

/** The highest value of each series of a metric, by labels in one text. */
function highest({ series, from, to }: Stretch, metric: string): ReadonlyMap<string, number> {
  const samples = evaluateVector(overPlayed(`max_over_time(${metric}[$__range])`, to - from), series, to);
  const most = new Map<string, number>();
  for (const { labels, value } of samples) {
    const key = labels.consumergroup ?? labels.broker ?? '';
    most.set(key, Math.max(value, most.get(key) ?? 0));
  }
  return most;
}

function lags({ without, during }: Stretches): GroupImpact[] {
  const before = highest(without, measures.lag);
  return [...highest(during, measures.lag)].map(([group, most]) => ({
    group,
    without: before.get(group) ?? 0,
    during: most,
  }));
}

function latencies(begun: Begun, still: Begun): LatencyImpact[] {
  const read = ({ built }: Begun, row: number) => built.sim.gauges.get(measures.latency)!.get(row);
  return begun.kafka.requests.latencyRows.flatMap(({ request, acks, side, quantile }, row) =>
    side === 'client' && quantile === '0.99' && request !== 'FetchFollower'
      ? [{ request, acks, without: read(still, row), during: read(begun, row) }]
      : [],
  );
}

/** The steepest course of a counter between two moments, per second. */
function steepest(series: Series | undefined, { from, to }: Stretch): number {
  let most = 0;
  for (let i = 0; series !== undefined && i < series.length; i += 1) {
    const until = i + 1 < series.length ? series.times[i + 1] : to;
    if (until > from && series.times[i] < to) most = Math.max(most, series.slopes[i]);
  }
  return most;
}

function peaks({ built }: Begun, { without, during }: Stretches): BrokerPeaks[] {
  const { brokers } = built.settings.kafka as KafkaPartSettings;
  const disk = { without: highest(without, measures.disk), during: highest(during, measures.disk) };
  return brokers.map(({ id, node }, row): BrokerPeaks => {
    const card = (direction: string): Impact => {
      const of = (stretch: Stretch) =>
        steepest(
          stretch.series
            .of(measures.network)
            .find((s) => s.labels.node === node && s.labels.direction === direction),
          stretch,
        );
      return { without: of(without), during: of(during) };
    };
    const broker = String(id);
    return {
      broker: id,
      diskBytes: { without: disk.without.get(broker) ?? 0, during: disk.during.get(broker) ?? 0 },
      diskCapacityBytes: built.sim.gauges.get('rehearse:log_disk_capacity_bytes')!.get(row),
      inboundBytesPerSecond: card('in'),
      outboundBytesPerSecond: card('out'),
    };
  });
}

/** The side that the moves wait for longest; without a broker where that is Cruise Control itself. */
export function bindingSide({ heldBy, idleSeconds }: Prediction): {
  readonly broker: number | null;
  readonly limit: CopyLimit | 'checks of progress';
  readonly seconds: number;
} {
  const longest = heldBy[0];
  return longest === undefined || idleSeconds > longest.seconds
    ? { broker: null, limit: 'checks of progress', seconds: idleSeconds }
    : longest;
}
