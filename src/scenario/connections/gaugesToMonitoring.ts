import type { Gauge } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import type { Labels } from '../../models/monitoring/labels.ts';
import type { RuleQuery } from '../../models/monitoring/ruleGroup.ts';
import type { SampleClock } from '../../models/monitoring/sampleClock.ts';
import { type ServerOptions, ServerView } from '../../promql/leaves.ts';
import type { Expression } from '../../promql/parse.ts';
import { Query } from '../../promql/query.ts';
import { gone, type SampledSeries, type SeriesSet } from '../../promql/series.ts';
import type { BuildContext } from '../part.ts';
import { type DerivedMetric, derivedMetrics, type Exposition, type Place } from './exposition.ts';

/** The changes of one gauge's row, read at moments that mostly go forward. */
class Course {
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly slopes: readonly number[];
  /** The change that was found last. */
  private cursor = 0;

  constructor(gauge: Gauge, row: number) {
    const kept = gauge.rowRecord(row)!;
    this.times = kept.times;
    this.values = kept.values;
    this.slopes = kept.slopes;
  }

  /** Number of the change that holds at t; negative before the first. */
  indexAt(t: number): number {
    const { times } = this;
    let i = Math.min(this.cursor, times.length - 1);
    while (i > 0 && times[i]! > t) i -= 1;
    while (i + 1 < times.length && times[i + 1]! <= t) i += 1;
    this.cursor = i;
    return times[i]! > t ? -1 : i;
  }

  /** The value at t; `gone` where there is none. */
  at(t: number): number {
    const i = this.indexAt(t);
    if (i < 0) return gone;
    const value = this.values[i]!;
    const slope = this.slopes[i]!;
    return slope === 0 || value === gone ? value : value + (slope * (t - this.times[i]!)) / 1e6;
  }

  get isLevel(): boolean {
    return this.slopes[this.slopes.length - 1] === 0;
  }

  get lastChange(): number {
    return this.times[this.times.length - 1]!;
  }
}

/** The number of the time that a process runs, from 1; 0 while it does not. */
function spellAt(owner: Course, t: number): number {
  const last = owner.indexAt(t);
  if (last < 0 || !isRunning(owner.values[last]!)) return 0;
  let spell = 0;
  for (let i = 0; i <= last; i += 1)
    if (isRunning(owner.values[i]!) && (i === 0 || !isRunning(owner.values[i - 1]!))) spell += 1;
  return spell;
}

const isRunning = (state: number) => state !== gone && state > 0;

/** What a series shows: of one gauge's row, or worked out from several. */
interface Shown {
  readonly courses: readonly Course[];
  readonly value: (values: readonly number[]) => number;
  /** The process whose end makes the series end. */
  readonly owner: Course | undefined;
  /** Shows the time at which the process was seen, while it runs for the n-th time. */
  readonly spell: number | undefined;
}

/**
 * A series as a server holds it: the value that it had at each sample. No sample is stored. Where it had ended at a sample, its process did not run, or
 * the scrape was missed, the server has a stale marker.
 */
class ScrapedSeries implements SampledSeries {
  readonly name: string;
  readonly labels: Labels;
  private readonly shown: Shown;
  private readonly sim: Simulation;
  private readonly clock: SampleClock;
  private readonly origin: number;
  private readonly all: readonly Course[];

  constructor(
    name: string,
    labels: Labels,
    shown: Shown,
    clock: SampleClock,
    sim: Simulation,
    origin: number,
  ) {
    this.name = name;
    this.labels = labels;
    this.shown = shown;
    this.sim = sim;
    this.clock = clock;
    this.origin = origin;
    this.all = shown.owner === undefined ? shown.courses : [...shown.courses, shown.owner];
  }

  /** The records grow while the run goes on. */
  get length(): number {
    let sum = 0;
    for (const course of this.all) sum += course.times.length;
    return sum;
  }

  indexAt(t: number): number {
    const { clock } = this;
    const taken = Math.floor((this.sim.now - clock.offsetMicros) / clock.intervalMicros);
    return Math.min(taken, clock.indexAt(t - this.origin));
  }

  timeAt(k: number): number {
    return this.origin + this.clock.timeOf(k);
  }

  valueAt(k: number): number {
    const { clock } = this;
    const { courses, owner, spell, value } = this.shown;
    if (clock.isMissed(k)) return gone;
    const t = clock.momentOf(k);
    if (spell !== undefined) return spellAt(owner!, t) === spell ? (this.origin + t) / 1e6 : gone;
    if (owner !== undefined && !isRunning(owner.at(t))) return gone;
    if (courses.length === 1) {
      const only = courses[0]!.at(t);
      return only === gone ? gone : value([only]);
    }
    const values = courses.map((course) => course.at(t));
    return values.includes(gone) ? gone : value(values);
  }

  isFinal(k: number): boolean {
    return this.clock.momentOf(k) < this.sim.now;
  }

  steadyFrom(): number {
    const { clock, shown } = this;
    if (!clock.isRegular || shown.spell !== undefined) return Number.POSITIVE_INFINITY;
    let last = 0;
    for (const course of this.all) {
      if (!course.isLevel) return Number.POSITIVE_INFINITY;
      if (course.lastChange > last) last = course.lastChange;
    }
    return Math.floor((last - clock.offsetMicros) / clock.intervalMicros) + 1;
  }
}

export interface ScrapedGaugesOptions {
  readonly sim: Simulation;
  readonly labelsOf: BuildContext['labelsOf'];
  readonly names: readonly string[];
  readonly exposition: Exposition;
  /** When a target is scraped. */
  readonly clockOf: (target: string) => SampleClock;
  /** When a rule writes a row; undefined for a metric that no rule writes. */
  readonly writtenBy: (metric: string, row: number) => SampleClock | undefined;
  /** Microseconds since 1970 of the run's first moment: expressions are evaluated in the time of the real clock. */
  readonly origin: number;
}

/** How a broker tells that its process runs. */
export const processGauge = 'kafka_server_kafkaserver_brokerstate';

interface Known {
  readonly list: ScrapedSeries[];
  rows: number;
  /** Of a metric with a series for each time that a container runs: how many each row has. */
  readonly spells: number[];
}

/** Gauges as a Prometheus server holds them: by target and scrape, or by the evaluations of the rule that writes them. */
export class ScrapedGauges implements SeriesSet<SampledSeries> {
  readonly names: readonly string[];
  private readonly options: ScrapedGaugesOptions;
  private readonly known = new Map<string, Known>();
  private readonly processes = new Map<string, Course>();

  constructor(options: ScrapedGaugesOptions) {
    this.names = options.names;
    this.options = options;
  }

  changesOf(name: string): number {
    const { gauges } = this.options.sim;
    const derived = derivedMetrics.find((d) => d.name === name);
    let sum = gauges.get(processGauge)?.changes ?? 0;
    for (const source of derived?.from ?? [name]) sum += gauges.get(source)?.changes ?? 0;
    return sum;
  }

  /** An expression as a rule evaluates it. */
  query(expression: Expression, server: ServerOptions): RuleQuery {
    const query = new Query(expression, new ServerView(this, server));
    return { at: (t) => query.samples(this.options.origin + t) };
  }

  of(name: string): readonly SampledSeries[] {
    let known = this.known.get(name);
    if (known === undefined) {
      known = { list: [], rows: 0, spells: [] };
      this.known.set(name, known);
    }
    const derived = derivedMetrics.find((d) => d.name === name);
    if (derived === undefined) this.take(name, known);
    else this.derive(derived, known);
    return known.list;
  }

  private take(name: string, known: Known): void {
    const { sim, labelsOf, exposition, writtenBy } = this.options;
    const gauge = sim.gauges.get(name);
    const rowLabels = labelsOf(name);
    if (gauge === undefined || rowLabels === undefined) return;
    for (; known.rows < gauge.rows; known.rows += 1) {
      const own = rowLabels(known.rows);
      const writer = writtenBy(name, known.rows);
      const place = writer === undefined ? exposition.placeOf(name, own) : { target: '', labels: own };
      if (place === undefined || gauge.rowRecord(known.rows) === undefined) continue;
      this.add(known, name, place, [new Course(gauge, known.rows)], ([v]) => v!, undefined, writer);
    }
  }

  private derive(derived: DerivedMetric, known: Known): void {
    const { sim, labelsOf, exposition } = this.options;
    const gauges = derived.from.flatMap((name) => sim.gauges.get(name) ?? []);
    const rowLabels = labelsOf(derived.from[0]!);
    if (gauges.length < derived.from.length || rowLabels === undefined) return;
    const rows = gauges[0]!.rows;
    for (let row = derived.isPerContainer === true ? 0 : known.rows; row < rows; row += 1) {
      const own = derived.labelsOf(rowLabels(row), exposition.options);
      const place = exposition.placeOf(derived.name, own);
      if (place === undefined || gauges.some((gauge) => gauge.rowRecord(row) === undefined)) continue;
      const courses = gauges.map((gauge) => new Course(gauge, row));
      if (derived.isPerContainer !== true)
        this.add(known, derived.name, place, courses, derived.value, undefined, undefined);
      else this.addSpells(derived, known, row, place, courses[0]!);
    }
    known.rows = rows;
  }

  /** One series more for each time that the container has run since. */
  private addSpells(derived: DerivedMetric, known: Known, row: number, place: Place, owner: Course): void {
    let ran = 0;
    for (const [i, state] of owner.values.entries())
      if (isRunning(state) && (i === 0 || !isRunning(owner.values[i - 1]!))) ran += 1;
    for (let spell = (known.spells[row] ?? 0) + 1; spell <= ran; spell += 1) {
      const id = `/kubepods/pod-${row}/${spell}`;
      this.add(
        known,
        derived.name,
        { ...place, labels: { ...place.labels, id } },
        [owner],
        derived.value,
        spell,
        undefined,
      );
    }
    known.spells[row] = ran;
  }

  private add(
    known: Known,
    name: string,
    { target, labels, broker }: Place,
    courses: readonly Course[],
    value: Shown['value'],
    spell: number | undefined,
    writer: SampleClock | undefined,
  ): void {
    const { sim, clockOf, origin } = this.options;
    const owner =
      spell !== undefined ? courses[0] : broker === undefined ? undefined : this.processOf(broker);
    const shown = { courses, value, owner, spell };
    known.list.push(new ScrapedSeries(name, labels, shown, writer ?? clockOf(target), sim, origin));
  }

  /** Whether a broker's process runs, over time; undefined where the platform has no such broker. */
  private processOf(broker: string): Course | undefined {
    const known = this.processes.get(broker);
    if (known !== undefined) return known;
    const gauge = this.options.sim.gauges.get(processGauge);
    const rowLabels = this.options.labelsOf(processGauge);
    for (let row = 0; gauge !== undefined && rowLabels !== undefined && row < gauge.rows; row += 1) {
      if (rowLabels(row).broker !== broker || gauge.rowRecord(row) === undefined) continue;
      const made = new Course(gauge, row);
      this.processes.set(broker, made);
      return made;
    }
    return undefined;
  }
}
