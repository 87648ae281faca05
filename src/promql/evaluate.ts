import {
  comparisons,
  type Expectation,
  type Expression,
  type Matcher,
  type Selector,
  selectorsOf,
} from './parse.ts';
import { gone, type Series, type SeriesSet } from './series.ts';

/** One element of an instant vector. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type Value = number | readonly Sample[];

/** How series are read: by every change, or as a scraper saw them. */
export interface Reading {
  instant(series: Series, t: number): number | undefined;
  /** A function over (from, to]; undefined where it has no value. */
  range(name: string, series: Series, from: number, to: number): number | undefined;
}

/** Index of the last change at or before t, or -1. */
function indexAt(series: Series, t: number): number {
  const { times } = series;
  let low = 0;
  let high = series.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function valueAt(series: Series, i: number, t: number): number {
  return series.values[i] + (series.slopes[i] * (t - series.times[i])) / 1e6;
}

/**
 * Every change counts: a value is exact at any instant, an extreme or a mean over a window is that of the line itself, and a
 * counter's increase is its difference, resets apart, without extrapolation.
 */
export const exactReading: Reading = {
  instant(series, t) {
    const i = indexAt(series, t);
    return i < 0 || series.values[i] === gone ? undefined : valueAt(series, i, t);
  },
  range(name, series, from, to) {
    const first = Math.max(indexAt(series, from), 0);
    if (series.length === 0 || series.times[0] > to) return undefined;
    const begin = Math.max(from, series.times[0]);
    let held = 0;
    let least = Number.NaN;
    let most = Number.NaN;
    let area = 0;
    let gain = 0;
    let firstValue = Number.NaN;
    let lastValue = Number.NaN;
    let isSeen = false;
    for (let i = first; i < series.length && series.times[i] <= to; i += 1) {
      if (series.values[i] === gone) continue;
      const start = Math.max(begin, series.times[i]);
      const end = i + 1 < series.length ? Math.min(to, series.times[i + 1]) : to;
      const a = valueAt(series, i, start);
      const b = valueAt(series, i, end);
      // The window is open on the left: a value that holds only at `from` itself is outside.
      if (end > from || start > from) {
        least = lesser(lesser(least, a), b);
        most = greater(greater(most, a), b);
      }
      area += ((a + b) / 2) * (end - start);
      held += end - start;
      if (!isSeen) firstValue = a;
      isSeen = true;
      if (!Number.isNaN(lastValue)) gain += a >= lastValue ? a - lastValue : a;
      gain += b - a;
      lastValue = b;
    }
    if (!isSeen) return undefined;
    switch (name) {
      case 'min_over_time':
        return least;
      case 'max_over_time':
        return most;
      case 'avg_over_time':
        return held === 0 ? lastValue : area / held;
      case 'last_over_time':
        return lastValue;
      case 'present_over_time':
        return 1;
      case 'increase':
        return gain;
      case 'rate':
        return gain / ((to - from) / 1e6);
      case 'delta':
        return lastValue - firstValue;
      default:
        throw new RangeError(`${name} counts samples: it has no value without a scraper`);
    }
  },
};

/** The smaller of two values; one that is no number gives way. Source: Prometheus promql/engine.go, aggregation MIN; functions.go funcMinOverTime. */
function lesser(a: number, b: number): number {
  return b < a || Number.isNaN(a) ? b : a;
}

/** The greater one, likewise. */
function greater(a: number, b: number): number {
  return b > a || Number.isNaN(a) ? b : a;
}

/** Functions that mean something only where there are samples. */
export const sampleFunctions: ReadonlySet<string> = new Set(['sum_over_time', 'count_over_time']);

/** Source: Prometheus, `--query.lookback-delta`. */
const lookbackMicros = 300e6;

/**
 * What a scraper saw: samples at a fixed interval; each series holds them as its change points, without slopes. A sample counts for
 * five minutes; rates are extrapolated as `extrapolatedRate` in promql/functions.go does.
 * @param leftOpen whether a window leaves out its first instant, as Prometheus 3 does; Prometheus 2 takes it in
 */
export const scrapedReadingOf = (leftOpen: boolean): Reading => ({
  instant(series, t) {
    const i = indexAt(series, t);
    return i < 0 || series.times[i] <= t - lookbackMicros ? undefined : series.values[i];
  },
  range(name, series, from, to) {
    let first = indexAt(series, from) + 1;
    if (!leftOpen && first > 0 && series.times[first - 1] === from) first -= 1;
    const last = indexAt(series, to);
    const count = last - first + 1;
    if (count <= 0) return undefined;
    let least = Number.NaN;
    let most = Number.NaN;
    let sum = 0;
    // What a counter had reached before each of its resets.
    let reset = 0;
    for (let i = first; i <= last; i += 1) {
      const v = series.values[i];
      least = lesser(least, v);
      most = greater(most, v);
      sum += v;
      if (i > first && v < series.values[i - 1]) reset += series.values[i - 1];
    }
    switch (name) {
      case 'min_over_time':
        return least;
      case 'max_over_time':
        return most;
      case 'avg_over_time':
        return sum / count;
      case 'sum_over_time':
        return sum;
      case 'count_over_time':
        return count;
      case 'last_over_time':
        return series.values[last];
      case 'present_over_time':
        return 1;
      default: {
        if (count < 2) return undefined;
        const isCounter = name !== 'delta';
        const difference = series.values[last] - series.values[first] + (isCounter ? reset : 0);
        const sampled = (series.times[last] - series.times[first]) / 1e6;
        const average = sampled / (count - 1);
        let toStart = (series.times[first] - from) / 1e6;
        let toEnd = (to - series.times[last]) / 1e6;
        const threshold = average * 1.1;
        if (toStart >= threshold) toStart = average / 2;
        if (isCounter && difference > 0 && series.values[first] >= 0) {
          const toZero = sampled * (series.values[first] / difference);
          if (toZero < toStart) toStart = toZero;
        }
        if (toEnd >= threshold) toEnd = average / 2;
        // In Prometheus' own order of operations, so that the last bit agrees.
        let factor = (sampled + toStart + toEnd) / sampled;
        if (name === 'rate') factor /= (to - from) / 1e6;
        return difference * factor;
      }
    }
  },
});

/** By the rules of Prometheus 3. */
export const scrapedReading: Reading = scrapedReadingOf(true);

/** Samples of every series at `offset`, `offset + interval`, ... up to `to`: what a scraper with that interval would hold. */
export function scrape(
  set: SeriesSet,
  names: Iterable<string>,
  interval: number,
  offset: number,
  to: number,
): SeriesSet {
  const made = new Map<string, Series[]>();
  for (const name of names) {
    made.set(
      name,
      set.of(name).map((series) => {
        const times: number[] = [];
        const values: number[] = [];
        for (let t = offset; t <= to; t += interval) {
          const value = exactReading.instant(series, t);
          if (value === undefined) continue;
          times.push(t);
          values.push(value);
        }
        return { ...series, times, values, slopes: new Float64Array(times.length), length: times.length };
      }),
    );
  }
  return { of: (name) => made.get(name) ?? [], names: [...made.keys()] };
}

export function matches(series: Series, matchers: readonly Matcher[]): boolean {
  return matchers.every((m) => m.test(series.labels[m.label] ?? ''));
}

function select(selector: Selector, set: SeriesSet): readonly Series[] {
  return set.of(selector.name).filter((series) => matches(series, selector.matchers));
}

/** The value of an expression at an instant. Instant vectors come in the order of the series. */
export function evaluate(
  expression: Expression,
  set: SeriesSet,
  t: number,
  reading: Reading = exactReading,
): Value {
  switch (expression.kind) {
    case 'number':
      return expression.value;
    case 'selector': {
      const samples: Sample[] = [];
      for (const series of select(expression, set)) {
        const value = reading.instant(series, t - expression.offset);
        if (value !== undefined) samples.push({ labels: named(series), value });
      }
      return samples;
    }
    case 'negate':
      return map(evaluate(expression.of, set, t, reading), (x) => -x);
    case 'call':
      return call(expression.name, expression.args, set, t, reading);
    case 'aggregate':
      return aggregate(expression.op, vector(evaluate(expression.of, set, t, reading)), expression.grouping);
    case 'binary':
      return binary(
        expression,
        evaluate(expression.left, set, t, reading),
        evaluate(expression.right, set, t, reading),
      );
  }
}

/** The same as a list of samples: a scalar becomes one sample without labels. */
export function evaluateVector(
  expression: Expression,
  set: SeriesSet,
  t: number,
  reading: Reading = exactReading,
): readonly Sample[] {
  const value = evaluate(expression, set, t, reading);
  return typeof value === 'number'
    ? [{ labels: {}, value }]
    : value.map((s) => ({ labels: nameless(s.labels), value: s.value }));
}

function vector(value: Value): readonly Sample[] {
  return typeof value === 'number' ? [{ labels: {}, value }] : value;
}

function nameless(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (!('__name__' in labels)) return labels;
  const { __name__: _, ...rest } = labels;
  return rest;
}

function map(value: Value, f: (x: number) => number): Value {
  return typeof value === 'number'
    ? f(value)
    : value.map((s) => ({ labels: nameless(s.labels), value: f(s.value) }));
}

function call(name: string, args: readonly Expression[], set: SeriesSet, t: number, reading: Reading): Value {
  const first = args[0];
  if (first?.kind === 'selector' && first.range > 0) {
    const to = t - first.offset;
    const samples: Sample[] = [];
    for (const series of select(first, set)) {
      const value = reading.range(name, series, to - first.range, to);
      if (value !== undefined) {
        const labels = name === 'last_over_time' ? named(series) : series.labels;
        samples.push({ labels, value });
      }
    }
    return samples;
  }
  const value = first === undefined ? 0 : evaluate(first, set, t, reading);
  const second = args[1] === undefined ? 0 : evaluate(args[1], set, t, reading);
  const limit = typeof second === 'number' ? second : Number.NaN;
  switch (name) {
    case 'time':
      return t / 1e6;
    case 'abs':
      return map(value, Math.abs);
    case 'ceil':
      return map(value, Math.ceil);
    case 'floor':
      return map(value, Math.floor);
    case 'round':
      return map(value, (x) => Math.floor(x + 0.5));
    case 'clamp_min':
      return map(value, (x) => Math.max(x, limit));
    case 'clamp_max':
      return map(value, (x) => Math.min(x, limit));
    case 'scalar':
      return typeof value === 'number' ? value : value.length === 1 ? value[0].value : Number.NaN;
    default:
      return typeof value === 'number' ? [{ labels: {}, value }] : value;
  }
}

const namedOf = new WeakMap<Series, Readonly<Record<string, string>>>();

/** The labels of a series with its name among them: the same object each time, so that what was worked out for it is found again. */
function named(series: Series): Readonly<Record<string, string>> {
  let labels = namedOf.get(series);
  if (labels === undefined) {
    labels = { ...series.labels, __name__: series.name };
    namedOf.set(series, labels);
  }
  return labels;
}

const keysOf = new WeakMap<object, WeakMap<object, string>>();

/** As `keyOf`, kept for the labels under what they are matched or grouped by: an expression, or a grouping. */
function keptKey(
  by: object,
  labels: Readonly<Record<string, string>>,
  keep: (label: string) => boolean,
): string {
  let keys = keysOf.get(by);
  if (keys === undefined) {
    keys = new WeakMap();
    keysOf.set(by, keys);
  }
  let key = keys.get(labels);
  if (key === undefined) {
    key = keyOf(labels, keep);
    keys.set(labels, key);
  }
  return key;
}

const matchedOf = new WeakMap<object, WeakMap<object, Readonly<Record<string, string>>>>();

/** The labels that an operation leaves of those it matched by: the same object each time. */
function matchedLabels(
  by: object,
  labels: Readonly<Record<string, string>>,
  keep: (label: string) => boolean,
): Readonly<Record<string, string>> {
  let made = matchedOf.get(by);
  if (made === undefined) {
    made = new WeakMap();
    matchedOf.set(by, made);
  }
  let left = made.get(labels);
  if (left === undefined) {
    left = Object.fromEntries(Object.entries(labels).filter(([l]) => l !== '__name__' && keep(l)));
    made.set(labels, left);
  }
  return left;
}

function keyOf(labels: Readonly<Record<string, string>>, keep: (label: string) => boolean): string {
  return Object.keys(labels)
    .filter((label) => label !== '__name__' && keep(label))
    .sort()
    .map((label) => `${label}\u0000${labels[label]}`)
    .join('\u0001');
}

function aggregate(
  op: string,
  samples: readonly Sample[],
  grouping: { by: boolean; labels: readonly string[] },
): readonly Sample[] {
  const keep = (label: string) => label !== '__name__' && grouping.labels.includes(label) === grouping.by;
  const groups = new Map<string, { labels: Record<string, string>; values: number[] }>();
  for (const sample of samples) {
    const key = keptKey(grouping, sample.labels, keep);
    let group = groups.get(key);
    if (group === undefined) {
      group = {
        labels: Object.fromEntries(Object.entries(sample.labels).filter(([label]) => keep(label))),
        values: [],
      };
      groups.set(key, group);
    }
    group.values.push(sample.value);
  }
  return [...groups.values()].map(({ labels, values }) => ({ labels, value: reduce(op, values) }));
}

function reduce(op: string, values: readonly number[]): number {
  switch (op) {
    case 'sum':
      return values.reduce((a, b) => a + b, 0);
    case 'avg':
      return values.reduce((a, b) => a + b, 0) / values.length;
    case 'min':
      return values.reduce(lesser, Number.NaN);
    case 'max':
      return values.reduce(greater, Number.NaN);
    case 'count':
      return values.length;
    default:
      return 1;
  }
}

function compute(op: string, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    default:
      return power(a, b);
  }
}

/** Whole exponents by multiplication, others by exp and log, whose last bits do not depend on the runtime. */
function power(a: number, b: number): number {
  if (Number.isInteger(b) && Math.abs(b) <= 64) {
    let product = 1;
    for (let i = 0; i < Math.abs(b); i += 1) product *= a;
    return b < 0 ? 1 / product : product;
  }
  return Math.exp(b * Math.log(a));
}

export function compare(op: string, a: number, b: number): boolean {
  switch (op) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '>':
      return a > b;
    case '<=':
      return a <= b;
    default:
      return a >= b;
  }
}

function binary(e: Extract<Expression, { kind: 'binary' }>, left: Value, right: Value): Value {
  const isComparison = comparisons.has(e.op);
  if (typeof left === 'number' && typeof right === 'number') {
    return isComparison ? (compare(e.op, left, right) ? 1 : 0) : compute(e.op, left, right);
  }
  const one = (a: number, b: number, kept: number): number | undefined => {
    if (!isComparison) return compute(e.op, a, b);
    const holds = compare(e.op, a, b);
    return e.bool ? (holds ? 1 : 0) : holds ? kept : undefined;
  };
  const named = isComparison && !e.bool;
  if (typeof right === 'number') return filter(left as readonly Sample[], (v) => one(v, right, v), named);
  if (typeof left === 'number') return filter(right, (v) => one(left, v, v), named);
  const keep = (label: string) => (e.on === undefined ? !e.ignoring.includes(label) : e.on.includes(label));
  if (e.op === 'and' || e.op === 'unless' || e.op === 'or') {
    const keys = new Set(right.map((s) => keyOf(s.labels, keep)));
    if (e.op === 'and') return left.filter((s) => keys.has(keyOf(s.labels, keep)));
    if (e.op === 'unless') return left.filter((s) => !keys.has(keyOf(s.labels, keep)));
    const own = new Set(left.map((s) => keyOf(s.labels, keep)));
    return [...left, ...right.filter((s) => !own.has(keyOf(s.labels, keep)))];
  }
  const many = e.group === 'right' ? right : left;
  const few = e.group === 'right' ? left : right;
  const byKey = new Map<string, Sample>();
  for (const sample of few) {
    const key = keptKey(e, sample.labels, keep);
    if (byKey.has(key))
      throw new RangeError('many-to-many matching: the labels do not tell the series of one side apart');
    byKey.set(key, sample);
  }
  const used = new Set<string>();
  const result: Sample[] = [];
  for (const sample of many) {
    const key = keptKey(e, sample.labels, keep);
    const other = byKey.get(key);
    if (other === undefined) continue;
    if (e.group === undefined && used.has(key))
      throw new RangeError('many-to-one matching needs group_left or group_right');
    used.add(key);
    const [a, b] = e.group === 'right' ? [other.value, sample.value] : [sample.value, other.value];
    const value = one(a, b, a);
    if (value === undefined) continue;
    if (e.group === undefined) {
      const isWhole = named && e.on === undefined;
      result.push({ labels: isWhole ? sample.labels : matchedLabels(e, sample.labels, keep), value });
      continue;
    }
    const labels: Record<string, string> = { ...nameless(sample.labels) };
    for (const label of e.include) if (other.labels[label] !== undefined) labels[label] = other.labels[label];
    result.push({ labels, value });
  }
  return result;
}

function filter(
  samples: readonly Sample[],
  f: (value: number) => number | undefined,
  named: boolean,
): readonly Sample[] {
  const kept: Sample[] = [];
  for (const sample of samples) {
    const value = f(sample.value);
    if (value !== undefined) kept.push({ labels: named ? sample.labels : nameless(sample.labels), value });
  }
  return kept;
}

/**
 * Instants in [from, to] at which an expression over change-exact series can jump or have an extreme: every change, the microsecond
 * before it, and the same shifted by windows and offsets. Between them a sum or a ratio of straight lines is monotone.
 */
export function changeTimes(expression: Expression, set: SeriesSet, from: number, to: number): number[] {
  const found = new Set<number>([from, to]);
  const add = (t: number) => {
    if (t >= from && t <= to) found.add(t);
  };
  for (const selector of selectorsOf(expression)) {
    for (const series of select(selector, set)) {
      for (let i = 0; i < series.length; i += 1) {
        const t = series.times[i] + selector.offset;
        add(t);
        if (i > 0 && series.slopes[i - 1] !== 0) add(t - 1);
        if (selector.range > 0) {
          add(t + selector.range);
          add(t + selector.range - 1);
        }
      }
    }
  }
  return [...found].sort((x, y) => x - y);
}

/** Whether an expectation held, and how near it came to its limit. */
export interface Checked {
  readonly holds: boolean;
  /** The operand's value that came nearest to the limit, or broke it furthest. */
  readonly value: number;
  readonly limit: number;
  /** Distance to the limit, negative where it is broken. */
  readonly margin: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly time: number;
  /** False when no series had a value at any instant looked at. */
  readonly matched: boolean;
}

function margin(op: string, value: number, limit: number): number {
  switch (op) {
    case '<':
    case '<=':
      return limit - value;
    case '>':
    case '>=':
      return value - limit;
    case '==':
      return -Math.abs(value - limit);
    default:
      return value === limit ? -1 : Math.abs(value - limit);
  }
}

/**
 * An expectation holds only if every series of its operand satisfies it at every instant: PromQL's own filter would keep the one good
 * series of five and look like success.
 */
export function checkExpectation(
  e: Expectation,
  set: SeriesSet,
  times: readonly number[],
  reading: Reading = exactReading,
): Checked {
  let worst: Checked | undefined;
  for (const t of times) {
    const limits = evaluate(e.limit, set, t, reading);
    for (const sample of evaluateVector(e.operand, set, t, reading)) {
      const limit =
        typeof limits === 'number'
          ? limits
          : (limits.find((l) => keyOf(l.labels, () => true) === keyOf(sample.labels, () => true))?.value ??
            Number.NaN);
      const holds = compare(e.op, sample.value, limit);
      const distance =
        Number.isNaN(limit) || Number.isNaN(sample.value)
          ? Number.NEGATIVE_INFINITY
          : margin(e.op, sample.value, limit);
      const better =
        worst === undefined || (worst.holds && !holds) || (worst.holds === holds && distance < worst.margin);
      if (better) {
        worst = {
          holds,
          value: sample.value,
          limit,
          margin: distance,
          labels: sample.labels,
          time: t,
          matched: true,
        };
      }
    }
  }
  return (
    worst ?? {
      holds: false,
      value: Number.NaN,
      limit: Number.NaN,
      margin: Number.NaN,
      labels: {},
      time: times[times.length - 1] ?? 0,
      matched: false,
    }
  );
}
