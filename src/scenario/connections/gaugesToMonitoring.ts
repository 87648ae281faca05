import type { Simulation } from '../../engine/simulation.ts';
import type { Labels } from '../../models/monitoring/labels.ts';
import type { RuleQuery } from '../../models/monitoring/ruleGroup.ts';
import type { WritingClock } from '../../models/monitoring/written.ts';
import { evaluateVector, scrapedReadingOf } from '../../promql/evaluate.ts';
import { type Expression, selectorsOf } from '../../promql/parse.ts';
import { gone, type Series, type SeriesSet } from '../../promql/series.ts';
import type { BuildContext } from '../part.ts';

/** When a target is scraped: at `offset`, `offset + interval`, ... microseconds. */
export interface Clocking {
  readonly intervalMicros: number;
  readonly offsetMicros: number;
}

/** Which target exposes a row, and what it is labelled with there; undefined where no scraper sees it. */
export type Exposition = (
  metric: string,
  labels: Labels,
) => { readonly target: string; readonly labels: Labels } | undefined;

interface Sampled {
  readonly source: { readonly times: number[]; readonly values: number[]; readonly slopes: number[] };
  readonly clocking: WritingClock;
  readonly series: Series & { times: number[]; values: number[]; slopes: number[]; length: number };
}

/** Labels that name the process behind a series, the first that is there. */
const processLabels = ['instance', 'pod', 'broker', 'worker', 'node'];

/** Each process is a target with the labels that the metric itself has; measures of ours are exposed by nobody. */
export const exposedByProcess: Exposition = (metric, labels) => {
  if (metric.startsWith('rehearse:')) return undefined;
  const name = processLabels.find((label) => labels[label] !== undefined);
  return { target: name === undefined ? 'platform' : `${name}/${labels[name]}`, labels };
};

/** The clock of a row that a rule writes; undefined for any other metric. */
export type Writing = (metric: string, row: number) => WritingClock | undefined;

/** Gauges as a Prometheus server holds them: by target and scrape, or by the evaluations of the rule that writes them. */
export class ScrapedGauges implements SeriesSet {
  private readonly sim: Simulation;
  private readonly labelsOf: BuildContext['labelsOf'];
  private readonly expose: Exposition;
  private readonly clockingOf: (target: string) => Clocking;
  private readonly written: Writing;
  private readonly known = new Map<string, Sampled[]>();
  private readonly rows = new Map<string, number>();

  constructor(
    sim: Simulation,
    labelsOf: BuildContext['labelsOf'],
    expose: Exposition,
    clockingOf: (target: string) => Clocking,
    written: Writing,
  ) {
    this.sim = sim;
    this.labelsOf = labelsOf;
    this.expose = expose;
    this.clockingOf = clockingOf;
    this.written = written;
  }

  get names(): readonly string[] {
    return [...this.sim.gauges.keys()];
  }

  of(name: string): readonly Series[] {
    const list = this.sampled(name);
    for (const one of list) extend(one, this.sim.now);
    return list.map((one) => one.series);
  }

  private sampled(name: string): readonly Sampled[] {
    let list = this.known.get(name);
    if (list === undefined) {
      list = [];
      this.known.set(name, list);
    }
    const gauge = this.sim.gauges.get(name);
    const labelsOf = this.labelsOf(name);
    if (gauge === undefined || labelsOf === undefined) return list;
    for (let row = this.rows.get(name) ?? 0; row < gauge.rows; row += 1) {
      const source = gauge.rowRecord(row);
      const own = labelsOf(row);
      const writes = this.written(name, row);
      const exposed = writes === undefined ? this.expose(name, own) : { target: '', labels: own };
      if (source === undefined || exposed === undefined) continue;
      const clocking = writes ?? { ...this.clockingOf(exposed.target), lagMicros: 0 };
      const series = { name, labels: exposed.labels, times: [], values: [], slopes: [], length: 0 };
      list.push({ source, clocking, series });
    }
    this.rows.set(name, gauge.rows);
    return list;
  }

  /** An expression as a rule evaluates it. */
  query(expression: Expression, leftOpen: boolean): RuleQuery {
    const reading = scrapedReadingOf(leftOpen);
    const set: SeriesSet = { of: (name) => this.of(name), names: [] };
    selectorsOf(expression);
    return { at: (t) => evaluateVector(expression, set, t, reading) };
  }
}

function extend({ source, clocking, series }: Sampled, now: number): void {
  const { intervalMicros, offsetMicros, lagMicros } = clocking;
  let at = 0;
  for (;;) {
    const last = series.times.at(-1);
    const t = last === undefined ? offsetMicros : last + lagMicros + intervalMicros;
    if (t > now) return;
    while (at + 1 < source.times.length && source.times[at + 1]! <= t) at += 1;
    const value = source.values[at]!;
    series.times.push(t - lagMicros);
    series.values.push(
      value === gone ? Number.NaN : value + (source.slopes[at]! * (t - source.times[at]!)) / 1e6,
    );
    series.slopes.push(0);
    series.length += 1;
  }
}
