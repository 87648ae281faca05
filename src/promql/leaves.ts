import { changeAt, exactRange, exactValue, onLine } from './exact.ts';
import { namesOf, type Selector } from './parse.ts';
import { gone, type Labels, type SampledSeries, type Series, type SeriesSet } from './series.ts';
import { empty, Shape, type Vector } from './vector.ts';
import { type Major, SampleBuffer, type Window, type WindowFunction } from './window.ts';

/** A part of an expression that gives a vector; `t` is microseconds. */
export interface VectorNode {
  at(t: number): Vector;
}

export interface ScalarNode {
  at(t: number): number;
}

/** One series as a selector sees it. */
export interface Row {
  /** The value at t; sets `until`. */
  read(t: number): number;
  /** Up to here, exclusively, the same answer holds, unless the series changes. */
  until: number;
}

/** What makes rows of the series that a selector finds. */
export interface View {
  readonly set: SeriesSet<{ readonly name: string; readonly labels: Labels; readonly length: number }>;
  readonly major: Major;
  /** Step of a subquery that names none, microseconds. */
  readonly stepMicros: number;
  instant(series: object): Row;
  /** When the sample was taken that counts, seconds. */
  timestamp(series: object): Row;
  range(call: WindowCall, series: object): Row;
}

/** A function over windows of each series that a selector finds. */
export interface WindowCall {
  readonly name: string;
  readonly f: WindowFunction;
  readonly rangeMicros: number;
  /** The number beside the window. */
  readonly parameter: () => number;
  /** When the expression is evaluated, which an offset or `@` does not move. */
  readonly evaluatedAt: () => number;
}

/** Whether a series has all the labels that are asked for. */
export function matches(
  series: { readonly name: string; readonly labels: Labels },
  matchers: Selector['matchers'],
): boolean {
  return matchers.every((m) => m.test(m.label === '__name__' ? series.name : (series.labels[m.label] ?? '')));
}

/**
 * The series of one selector with their values. A series is read again only when its answer may have changed, and the vector stays the same object while
 * none did.
 */
export class Leaf implements VectorNode {
  private readonly selector: Selector;
  private readonly view: View;
  private readonly rowOf: (series: object) => Row;
  private readonly hasNames: boolean;
  /** Undefined where matchers decide. */
  private readonly names: readonly string[] | undefined;
  private readonly taken = new Map<string, number>();
  private readonly rows: Row[] = [];
  private readonly series: { readonly length: number }[] = [];
  private readonly labels: Labels[] = [];
  private readonly lengths: number[] = [];
  private vector = empty;
  private last = Number.NEGATIVE_INFINITY;
  private quietUntil = Number.NEGATIVE_INFINITY;
  private changes = -1;
  /** Places of the rows whose answer changes with time alone. */
  private moving: readonly number[] = [];

  constructor(view: View, selector: Selector, hasNames: boolean, rowOf: (series: object) => Row) {
    this.view = view;
    this.selector = selector;
    this.hasNames = hasNames;
    this.names = selector.name === '' ? undefined : [selector.name];
    this.rowOf = rowOf;
  }

  at(t: number): Vector {
    const { set } = this.view;
    const names = this.names ?? namesOf(this.selector, set.names);
    let changes = 0;
    for (const name of names) changes += set.changesOf?.(name) ?? 0;
    const isBack = t < this.last;
    this.last = t;
    const isQuiet = !isBack && changes === this.changes;
    if (isQuiet && t < this.quietUntil) return this.vector;
    this.changes = changes;
    if (!isQuiet) for (const name of names) this.take(name);
    this.read(t, isBack, isQuiet);
    return this.vector;
  }

  private take(name: string): void {
    const all = this.view.set.of(name);
    for (let i = this.taken.get(name) ?? 0; i < all.length; i += 1) {
      const found = all[i]!;
      if (!matches(found, this.selector.matchers)) continue;
      this.rows.push(this.rowOf(found));
      this.series.push(found);
      this.labels.push(this.hasNames ? { ...found.labels, __name__: found.name } : found.labels);
      this.lengths.push(-1);
    }
    this.taken.set(name, all.length);
  }

  /** @param isQuiet whether no series has changed, so that only those that move by themselves are looked at */
  private read(t: number, isBack: boolean, isQuiet: boolean): void {
    const { rows, series, lengths } = this;
    let { values } = this.vector;
    let isNew = false;
    if (values.length !== rows.length) {
      const longer = new Float64Array(rows.length).fill(gone);
      longer.set(values);
      values = longer;
      isNew = true;
    }
    let quietUntil = Number.POSITIVE_INFINITY;
    const count = isQuiet ? this.moving.length : rows.length;
    const moving: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const i = isQuiet ? this.moving[n]! : n;
      const row = rows[i]!;
      if (isQuiet ? t >= row.until : isBack || t >= row.until || series[i]!.length !== lengths[i]) {
        const { length } = series[i]!;
        const value = row.read(t);
        lengths[i] = length;
        if (!Object.is(value, values[i])) {
          if (!isNew) values = values.slice();
          isNew = true;
          values[i] = value;
        }
      }
      if (row.until === Number.POSITIVE_INFINITY) continue;
      moving.push(i);
      if (row.until < quietUntil) quietUntil = row.until;
    }
    this.moving = moving;
    this.quietUntil = quietUntil;
    if (!isNew) return;
    const isLonger = this.vector.values.length !== values.length;
    this.vector = { shape: isLonger ? new Shape(this.labels.slice()) : this.vector.shape, values };
  }
}

/**
 * Every change counts: a value is exact at any instant, and a function of a window is one of the line itself. Functions that count samples are refused
 * before.
 */
export class ExactView implements View {
  readonly set: SeriesSet;
  readonly major = 3;
  readonly stepMicros = 60e6;

  constructor(set: SeriesSet) {
    this.set = set;
  }

  instant(series: object): Row {
    return new ExactRow(series as Series);
  }

  timestamp(series: object): Row {
    return exactRow((t) => (exactValue(series as Series, t) === undefined ? undefined : t / 1e6));
  }

  range({ name, rangeMicros }: WindowCall, series: object): Row {
    return exactRow((t) => exactRange(name, series as Series, t - rangeMicros, t));
  }
}

/** The value of a line: a level stretch is read once. */
class ExactRow implements Row {
  until = Number.NEGATIVE_INFINITY;
  private readonly series: Series;

  constructor(series: Series) {
    this.series = series;
  }

  read(t: number): number {
    const { series } = this;
    const i = changeAt(series, t);
    const isLevel = i < 0 || series.slopes[i] === 0 || series.values[i] === gone;
    // The last stretch may yet be another one while the run goes on.
    this.until = isLevel && i + 1 < series.length ? series.times[i + 1]! : Number.NEGATIVE_INFINITY;
    return i < 0 || series.values[i] === gone ? gone : onLine(series, i, t);
  }
}

function exactRow(value: (t: number) => number | undefined): Row {
  // Lines move: each instant is read anew.
  return { until: Number.NEGATIVE_INFINITY, read: (t) => value(t) ?? gone };
}

export interface ServerOptions {
  readonly major: Major;
  /** `--query.lookback-delta`: how long a sample counts. */
  readonly lookbackMicros: number;
  /** The global evaluation interval: the step of a subquery that names none. */
  readonly stepMicros: number;
}

/** What a Prometheus server knows: samples, which count until the lookback is over or a stale marker comes. */
export class ServerView implements View, ServerOptions {
  readonly set: SeriesSet<SampledSeries>;
  readonly major: Major;
  readonly lookbackMicros: number;
  readonly stepMicros: number;

  constructor(set: SeriesSet<SampledSeries>, options: ServerOptions) {
    this.set = set;
    this.major = options.major;
    this.lookbackMicros = options.lookbackMicros;
    this.stepMicros = options.stepMicros;
  }

  instant(series: object): Row {
    return new InstantRow(this, series as SampledSeries, false);
  }

  timestamp(series: object): Row {
    return new InstantRow(this, series as SampledSeries, true);
  }

  range(call: WindowCall, series: object): Row {
    return new WindowRow(this, series as SampledSeries, call);
  }
}

/** Source: Prometheus, promql/engine.go `vectorSelectorSingle`. */
class InstantRow implements Row {
  until = Number.NEGATIVE_INFINITY;
  private readonly server: ServerOptions;
  private readonly series: SampledSeries;
  private readonly isTime: boolean;

  constructor(server: ServerOptions, series: SampledSeries, isTime: boolean) {
    this.server = server;
    this.series = series;
    this.isTime = isTime;
  }

  read(t: number): number {
    const { series } = this;
    const { lookbackMicros, major } = this.server;
    const k = series.indexAt(t);
    this.until = Number.NEGATIVE_INFINITY;
    if (k < 0) return gone;
    const time = series.timeAt(k);
    const next = series.timeAt(k + 1);
    // The first moment at which the sample counts no more.
    const end = time + lookbackMicros + (major === 2 ? 1 : 0);
    if (t >= end) {
      this.until = next;
      return gone;
    }
    const value = series.valueAt(k);
    if (series.isFinal(k)) {
      const isSteady = !this.isTime && series.steadyFrom() <= k && (next < end || value === gone);
      this.until = isSteady ? Number.POSITIVE_INFINITY : Math.min(next, end);
    }
    return value === gone || !this.isTime ? value : time / 1e6;
  }
}

/** Keeps the samples of a window from one evaluation to the next. */
class WindowRow implements Row {
  until = Number.NEGATIVE_INFINITY;
  private readonly server: ServerOptions;
  private readonly series: SampledSeries;
  private readonly call: WindowCall;
  private readonly buffer = new SampleBuffer();
  /** The next sample to be read. */
  private next = 0;
  private last = Number.NEGATIVE_INFINITY;
  /** Whether the last sample may yet change at this instant. */
  private isProvisional = false;

  constructor(server: ServerOptions, series: SampledSeries, call: WindowCall) {
    this.server = server;
    this.series = series;
    this.call = call;
  }

  read(t: number): number {
    const { series, call } = this;
    const from = t - call.rangeMicros;
    this.until = Number.NEGATIVE_INFINITY;
    const last = series.indexAt(t);
    if (last < 0) return gone;
    let begin = Math.max(0, series.indexAt(from) + 1);
    if (this.server.major === 2 && begin > 0 && series.timeAt(begin - 1) === from) begin -= 1;
    if (series.steadyFrom() <= begin && begin <= last && series.isFinal(last)) {
      const steady = this.steady(t, from, begin, last);
      if (steady !== undefined) return steady;
    }
    this.fill(t, from, begin, last);
    const { times, values, first, end } = this.buffer;
    return this.valueOf({ times, values, first, end, from, to: t });
  }

  private valueOf(window: Omit<Window, 'at'>): number {
    const { f, parameter, evaluatedAt } = this.call;
    return f.of({ ...window, at: evaluatedAt() }, parameter(), this.server.major);
  }

  /** Where all samples are alike, and come often enough, the answer stays. */
  private steady(t: number, from: number, begin: number, last: number): number | undefined {
    const { series } = this;
    const { f, rangeMicros } = this.call;
    const value = series.valueAt(last);
    if (value === gone) {
      this.until = Number.POSITIVE_INFINITY;
      return gone;
    }
    const interval = series.timeAt(last + 1) - series.timeAt(last);
    if (!f.isCountFree || !(interval * f.least < rangeMicros)) return undefined;
    const count = Math.max(f.least, 1);
    if (last - begin + 1 < count) return undefined;
    const times = Float64Array.from({ length: count }, (_, i) => series.timeAt(last - count + 1 + i));
    const values = new Float64Array(count).fill(value);
    this.until = Number.POSITIVE_INFINITY;
    this.next = Number.POSITIVE_INFINITY;
    return this.valueOf({ times, values, first: 0, end: count, from, to: t });
  }

  private fill(t: number, from: number, begin: number, last: number): void {
    const { series } = this;
    if (t < this.last || this.next > last + 1 || this.next < begin) {
      this.buffer.clear();
      this.next = begin;
      this.isProvisional = false;
    }
    this.last = t;
    if (this.isProvisional) this.buffer.pop();
    this.isProvisional = false;
    this.buffer.leave(from, this.server.major === 3);
    for (let k = this.next; k <= last; k += 1) {
      const value = series.valueAt(k);
      if (value !== gone) this.buffer.push(series.timeAt(k), value);
      if (!series.isFinal(k)) {
        // Read now, and again next time.
        this.isProvisional = value !== gone;
        this.next = k;
        return;
      }
      this.next = k + 1;
    }
  }
}
