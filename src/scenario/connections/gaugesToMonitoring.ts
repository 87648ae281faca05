import type { Gauge } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import type { RuleSample } from '../../models/monitoring/alertState.ts';
import type { Labels } from '../../models/monitoring/labels.ts';
import type { RuleQuery } from '../../models/monitoring/ruleGroup.ts';
import type { SampleClock } from '../../models/monitoring/sampleClock.ts';
import { evaluateVector, exactReading, type Reading, scrapedReadingOf } from '../../promql/evaluate.ts';
import { type Expression, selectorsOf } from '../../promql/parse.ts';
import { gone, type Series, type SeriesSet } from '../../promql/series.ts';
import type { BuildContext } from '../part.ts';

/** Which target exposes a row, and what it is labelled with there; undefined where no scraper sees it. */
export type Exposition = (
  metric: string,
  labels: Labels,
) => { readonly target: string; readonly labels: Labels } | undefined;

/** Labels that name the process behind a series, the first that is there. */
const processLabels = ['instance', 'pod', 'broker', 'worker', 'node'];

/** Each process is a target with the labels that the metric itself has; measures of ours are exposed by nobody. */
export const exposedByProcess: Exposition = (metric, labels) => {
  if (metric.startsWith('rehearse:')) return undefined;
  const name = processLabels.find((label) => labels[label] !== undefined);
  return { target: name === undefined ? 'platform' : `${name}/${labels[name]}`, labels };
};

/** A change-exact series with the times at which it is sampled. */
class SampledSeries implements Series {
  readonly name: string;
  readonly labels: Labels;
  readonly times: number[];
  readonly values: number[];
  readonly slopes: number[];
  readonly clock: SampleClock;

  constructor(name: string, labels: Labels, gauge: Gauge, row: number, clock: SampleClock) {
    const kept = gauge.rowRecord(row)!;
    this.name = name;
    this.labels = labels;
    this.times = kept.times;
    this.values = kept.values;
    this.slopes = kept.slopes;
    this.clock = clock;
  }

  /** The record grows while the run goes on. */
  get length(): number {
    return this.times.length;
  }
}

export interface ReadingOptions {
  /** As Prometheus 3: a window, and the lookback, leave out their first instant. */
  readonly leftOpen: boolean;
  readonly lookbackMicros: number;
  /** Microseconds since 1970 of the run's first moment: expressions are evaluated in the time of the real clock. */
  readonly origin: number;
}

/**
 * What a server sees of change-exact series: the value that each had at its last sample, until that is older than the lookback. No sample is stored. Where
 * a series had ended at a sample, or the scrape was missed, the server has a stale marker: it sees nothing until the next sample.
 */
function sampledReading({ leftOpen, lookbackMicros, origin }: ReadingOptions): Reading {
  const ranges = scrapedReadingOf(leftOpen);
  const asSampled = (series: Series) => series as SampledSeries;
  return {
    instant(series, at) {
      const t = at - origin;
      const { clock } = asSampled(series);
      const k = clock.indexAt(t);
      if (k < 0) return undefined;
      const age = t - clock.timeOf(k);
      if (age > lookbackMicros || (leftOpen && age === lookbackMicros)) return undefined;
      return clock.isMissed(k) ? undefined : exactReading.instant(series, clock.momentOf(k));
    },
    range(name, series, from, to) {
      const { clock } = asSampled(series);
      const last = clock.indexAt(to - origin);
      const flat = flatAnswer(name, asSampled(series), clock.indexAt(from - origin) + 1, last);
      if (flat !== undefined) return flat;
      const times: number[] = [];
      const values: number[] = [];
      for (let k = Math.max(0, clock.indexAt(from - origin)); k <= last; k += 1) {
        const value = clock.isMissed(k) ? undefined : exactReading.instant(series, clock.momentOf(k));
        if (value === undefined) continue;
        times.push(clock.timeOf(k) + origin);
        values.push(value);
      }
      const { length } = times;
      return ranges.range(name, { ...series, times, values, slopes: times, length }, from, to);
    },
  };
}

/** What a function gives over samples first to last where the series has not changed since before them; undefined where it has to be counted. */
function flatAnswer(name: string, series: SampledSeries, first: number, last: number): number | undefined {
  const { clock, times, values, slopes, length } = series;
  const value = values[length - 1]!;
  const isFlat = slopes[length - 1] === 0 && value !== gone && clock.isRegular && last - first >= 1;
  if (!isFlat || first < 0 || times[length - 1]! > clock.momentOf(first - 1)) return undefined;
  switch (name) {
    case 'rate':
    case 'increase':
    case 'delta':
      return 0;
    case 'min_over_time':
    case 'max_over_time':
    case 'last_over_time':
      return value;
    case 'present_over_time':
      return 1;
    default:
      return undefined;
  }
}

/** Gauges as a Prometheus server holds them: by target and scrape, or by the evaluations of the rule that writes them. */
export class ScrapedGauges implements SeriesSet {
  readonly names: readonly string[] = [];
  private readonly sim: Simulation;
  private readonly labelsOf: BuildContext['labelsOf'];
  private readonly expose: Exposition;
  private readonly clockOf: (target: string) => SampleClock;
  private readonly writtenBy: (metric: string, row: number) => SampleClock | undefined;
  private readonly known = new Map<string, { readonly list: SampledSeries[]; rows: number }>();

  /**
   * @param clockOf when a target is scraped
   * @param writtenBy when a rule writes a row; undefined for a metric that no rule writes
   */
  constructor(
    sim: Simulation,
    labelsOf: BuildContext['labelsOf'],
    expose: Exposition,
    clockOf: (target: string) => SampleClock,
    writtenBy: (metric: string, row: number) => SampleClock | undefined,
  ) {
    this.sim = sim;
    this.labelsOf = labelsOf;
    this.expose = expose;
    this.clockOf = clockOf;
    this.writtenBy = writtenBy;
  }

  of(name: string): readonly SampledSeries[] {
    let known = this.known.get(name);
    if (known === undefined) {
      known = { list: [], rows: 0 };
      this.known.set(name, known);
    }
    const gauge = this.sim.gauges.get(name);
    const labelsOf = this.labelsOf(name);
    if (gauge === undefined || labelsOf === undefined) return known.list;
    for (; known.rows < gauge.rows; known.rows += 1) {
      const own = labelsOf(known.rows);
      const writer = this.writtenBy(name, known.rows);
      const exposed = writer === undefined ? this.expose(name, own) : { target: '', labels: own };
      if (exposed === undefined || gauge.rowRecord(known.rows) === undefined) continue;
      const clock = writer ?? this.clockOf(exposed.target);
      known.list.push(new SampledSeries(name, exposed.labels, gauge, known.rows, clock));
    }
    return known.list;
  }

  /** An expression as a rule evaluates it, at moments that never go back. */
  query(expression: Expression, options: ReadingOptions): RuleQuery {
    const reading = sampledReading(options);
    const memo = new Memo(this, this.sim, expression, options.lookbackMicros);
    return { at: (t) => memo.at(t, () => evaluateVector(expression, this, options.origin + t, reading)) };
  }
}

/**
 * The last answer of an expression, for as long as it cannot have changed: nothing that it reads has changed since before the first sample that
 * counts, none of its series moves, and it does not ask for the time. Windows see other samples each time, of the same values at the same
 * distances: for that the evaluations must come at a multiple of every scrape's interval.
 */
class Memo {
  private readonly gauges: ScrapedGauges;
  private readonly sim: Simulation;
  private readonly names: readonly string[];
  private readonly isTimed: boolean;
  /** How far back from an evaluation the expression looks, the lookback apart. */
  private readonly reachMicros: number;
  private readonly hasWindow: boolean;
  private readonly lookbackMicros: number;
  private changes = -1;
  /** When the count of changes was first seen as it is. */
  private unchangedSince = Number.POSITIVE_INFINITY;
  private answer: readonly RuleSample[] | undefined;
  private last = Number.NaN;
  private step = Number.NaN;

  constructor(gauges: ScrapedGauges, sim: Simulation, expression: Expression, lookbackMicros: number) {
    this.gauges = gauges;
    this.lookbackMicros = lookbackMicros;
    this.sim = sim;
    const selectors = selectorsOf(expression);
    this.names = [...new Set(selectors.map((s) => s.name))];
    this.reachMicros = Math.max(0, ...selectors.map((s) => s.range + s.offset));
    this.hasWindow = selectors.some((s) => s.range > 0);
    this.isTimed = asksTime(expression) || selectors.some((s) => s.offset < 0);
  }

  at(t: number, evaluate: () => readonly RuleSample[]): readonly RuleSample[] {
    if (this.isTimed) return evaluate();
    let changes = 0;
    for (const name of this.names) changes += this.sim.gauges.get(name)?.changes ?? 0;
    const step = t - this.last;
    this.last = t;
    if (changes !== this.changes) {
      this.changes = changes;
      // By the run's clock: a rule may look at a time before it.
      this.unchangedSince = this.sim.now;
      this.answer = undefined;
    }
    if (this.hasWindow && step !== this.step) this.answer = undefined;
    this.step = step;
    if (this.answer !== undefined) return this.answer;
    const answer = evaluate();
    // Before that some sample of a change may count.
    if (t - this.reachMicros > this.unchangedSince && this.isSettled(t)) this.answer = answer;
    return answer;
  }

  /** Whether every series was sampled since the last change, is always seen, and runs level. */
  private isSettled(t: number): boolean {
    return this.names.every((name) =>
      this.gauges.of(name).every(({ clock, slopes, length }) => {
        const k = clock.indexAt(t - this.reachMicros);
        const isSeen = clock.isRegular && clock.intervalMicros < this.lookbackMicros;
        const isInStep = !this.hasWindow || this.step % clock.intervalMicros === 0;
        return (
          isSeen && isInStep && k >= 0 && clock.momentOf(k) > this.unchangedSince && slopes[length - 1] === 0
        );
      }),
    );
  }
}

function asksTime(e: Expression): boolean {
  switch (e.kind) {
    case 'call':
      return e.name === 'time' || e.args.some(asksTime);
    case 'negate':
    case 'aggregate':
      return asksTime(e.of);
    case 'binary':
      return asksTime(e.left) || asksTime(e.right);
    default:
      return false;
  }
}
