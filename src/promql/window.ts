import { addTo, greater, lesser, quantile, total } from './arithmetic.ts';
import { gone } from './series.ts';

/** Which Prometheus: since 3 a window and the lookback leave out their first instant, and sums keep what rounding loses. */
export type Major = 2 | 3;

/** Samples of one series in a window: those of places `first` to `end`, the end left out. */
export interface Window {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly first: number;
  readonly end: number;
  /** Where the window begins and ends, microseconds. */
  readonly from: number;
  readonly to: number;
  /** When the expression is evaluated. */
  readonly at: number;
}

/** Samples that come at one end of a window and leave at the other. */
export class SampleBuffer {
  times = new Float64Array(16);
  values = new Float64Array(16);
  first = 0;
  end = 0;

  push(time: number, value: number): void {
    if (this.end === this.times.length) {
      const length = this.end - this.first;
      const room = length * 2 > this.times.length ? this.times.length * 2 : this.times.length;
      const times = new Float64Array(room);
      const values = new Float64Array(room);
      times.set(this.times.subarray(this.first, this.end));
      values.set(this.values.subarray(this.first, this.end));
      this.times = times;
      this.values = values;
      this.first = 0;
      this.end = length;
    }
    this.times[this.end] = time;
    this.values[this.end] = value;
    this.end += 1;
  }

  /** Takes the last one back. */
  pop(): void {
    this.end -= 1;
  }

  /** Leaves out what lies before `from`, and at it where the window is open on the left. */
  leave(from: number, isOpen: boolean): void {
    while (
      this.first < this.end &&
      (isOpen ? this.times[this.first]! <= from : this.times[this.first]! < from)
    )
      this.first += 1;
  }

  clear(): void {
    this.first = 0;
    this.end = 0;
  }
}

/** A function of a window; `gone` where it has no value. */
export interface WindowFunction {
  readonly of: (window: Window, parameter: number, major: Major) => number;
  /** Of samples that are all alike it gives the same however many there are, of `least` or more. */
  readonly least: number;
  readonly isCountFree: boolean;
}

const countFree = (least: number, f: WindowFunction['of']): WindowFunction => ({
  of: (w, parameter, major) => (w.end - w.first < least ? gone : f(w, parameter, major)),
  least,
  isCountFree: true,
});
const counting = (f: WindowFunction['of']): WindowFunction => ({
  of: (w, parameter, major) => (w.end === w.first ? gone : f(w, parameter, major)),
  least: 1,
  isCountFree: false,
});

/** What a counter had reached before each of its resets. */
function lostInResets({ values, first, end }: Window): number {
  let lost = 0;
  for (let i = first + 1; i < end; i += 1) if (values[i]! < values[i - 1]!) lost += values[i - 1]!;
  return lost;
}

/**
 * Rates are extrapolated to the ends of the window where a sample is near, in Prometheus' own order of operations, so that the last bit agrees.
 * Source: Prometheus, promql/functions.go `extrapolatedRate`; the order of its two limits changed with 2.50.
 */
function extrapolated(w: Window, isCounter: boolean, isRate: boolean, major: Major): number {
  const { times, values, first, end, from, to } = w;
  const last = end - 1;
  const difference = values[last]! - values[first]! + (isCounter ? lostInResets(w) : 0);
  const sampled = (times[last]! - times[first]!) / 1e6;
  const average = sampled / (last - first);
  const threshold = average * 1.1;
  let toStart = (times[first]! - from) / 1e6;
  let toEnd = (to - times[last]!) / 1e6;
  if (major === 3 && toStart >= threshold) toStart = average / 2;
  if (isCounter && difference > 0 && values[first]! >= 0) {
    const toZero = sampled * (values[first]! / difference);
    if (toZero < toStart) toStart = toZero;
  }
  if (major === 2 && toStart >= threshold) toStart = average / 2;
  if (toEnd >= threshold) toEnd = average / 2;
  let factor = (sampled + toStart + toEnd) / sampled;
  if (isRate) factor /= (to - from) / 1e6;
  return difference * factor;
}

/** From the last two samples. Source: Prometheus, promql/functions.go `instantValue`. */
function instant({ times, values, end }: Window, isRate: boolean): number {
  const last = values[end - 1]!;
  const before = values[end - 2]!;
  const difference = isRate && last < before ? last : last - before;
  const elapsed = times[end - 1]! - times[end - 2]!;
  if (elapsed === 0) return gone;
  return isRate ? difference / (elapsed / 1e6) : difference;
}

const x = new Float64Array(2);
const y = new Float64Array(2);
const xy = new Float64Array(2);
const xx = new Float64Array(2);

/** Least squares: slope per second, and value at `origin`. Source: Prometheus, promql/functions.go `linearRegression`. */
function regression({ times, values, first, end }: Window, origin: number): readonly [number, number] {
  for (const state of [x, y, xy, xx]) state.fill(0);
  let isConstant = true;
  const n = end - first;
  for (let i = first; i < end; i += 1) {
    const value = values[i]!;
    if (value !== values[first]) isConstant = false;
    const seconds = (times[i]! - origin) / 1e6;
    addTo(x, seconds);
    addTo(y, value);
    addTo(xy, seconds * value);
    addTo(xx, seconds * seconds);
  }
  if (isConstant) return Number.isFinite(values[first]!) ? [0, values[first]!] : [Number.NaN, Number.NaN];
  const sumX = x[0]! + x[1]!;
  const sumY = y[0]! + y[1]!;
  const slope = (xy[0]! + xy[1]! - (sumX * sumY) / n) / (xx[0]! + xx[1]! - (sumX * sumX) / n);
  return [slope, sumY / n - (slope * sumX) / n];
}

const one = new Float64Array(2);
const other = new Float64Array(2);

function sum({ values, first, end }: Window): number {
  one.fill(0);
  for (let i = first; i < end; i += 1) addTo(one, values[i]!);
  return total(one);
}

/** Source: Prometheus 2.42 and 3.0, promql/functions.go `funcAvgOverTime`. */
function mean(w: Window, major: Major): number {
  const { values, first, end } = w;
  if (major === 3) {
    one.fill(0);
    let i = first;
    for (; i < end; i += 1) {
      const [before, rest] = [one[0]!, one[1]!];
      addTo(one, values[i]!);
      if (i > first && !Number.isFinite(one[0]!) && !Number.isNaN(one[0]!)) {
        one[0] = before;
        one[1] = rest;
        break;
      }
    }
    const n = end - first;
    if (i === end) return Number.isFinite(one[0]!) ? one[0]! / n + one[1]! / n : one[0]! / n;
    one[0]! /= i - first;
    one[1]! /= i - first;
    for (; i < end; i += 1) {
      const count = i - first + 1;
      const share = (count - 1) / count;
      one[0]! *= share;
      one[1]! *= share;
      addTo(one, values[i]! / count);
    }
    return total(one);
  }
  one.fill(0);
  for (let i = first; i < end; i += 1) {
    const count = i - first + 1;
    const v = values[i]!;
    const isInfinite = !Number.isFinite(one[0]!) && !Number.isNaN(one[0]!);
    // An infinite mean stays what it is, unless the other infinity or NaN comes.
    if (isInfinite && (v === one[0] || Number.isFinite(v))) continue;
    addTo(one, v / count - one[0]! / count);
  }
  return total(one);
}

/** Source: Prometheus, promql/functions.go `funcStdvarOverTime`. */
function variance({ values, first, end }: Window): number {
  one.fill(0);
  other.fill(0);
  for (let i = first; i < end; i += 1) {
    const delta = values[i]! - (one[0]! + one[1]!);
    addTo(one, delta / (i - first + 1));
    addTo(other, delta * (values[i]! - (one[0]! + one[1]!)));
  }
  return (other[0]! + other[1]!) / (end - first);
}

const fold = (f: (a: number, b: number) => number) =>
  countFree(1, ({ values, first, end }) => {
    let found = values[first]!;
    for (let i = first + 1; i < end; i += 1) found = f(found, values[i]!);
    return found;
  });

const steps = (counts: (before: number, after: number) => boolean) =>
  countFree(1, ({ values, first, end }) => {
    let count = 0;
    for (let i = first + 1; i < end; i += 1) if (counts(values[i - 1]!, values[i]!)) count += 1;
    return count;
  });

/** Functions over a window by name, but for `absent_over_time`. Source: Prometheus, promql/functions.go. */
export const windowFunctions: Readonly<Record<string, WindowFunction>> = {
  rate: countFree(2, (w, _, major) => extrapolated(w, true, true, major)),
  increase: countFree(2, (w, _, major) => extrapolated(w, true, false, major)),
  delta: countFree(2, (w, _, major) => extrapolated(w, false, false, major)),
  irate: countFree(2, (w) => instant(w, true)),
  idelta: countFree(2, (w) => instant(w, false)),
  deriv: countFree(2, (w) => regression(w, w.times[w.first]!)[0]),
  predict_linear: countFree(2, (w, seconds) => {
    const [slope, now] = regression(w, w.at);
    return slope * seconds + now;
  }),
  changes: steps((a, b) => a !== b && !(Number.isNaN(a) && Number.isNaN(b))),
  resets: steps((a, b) => b < a),
  min_over_time: fold(lesser),
  max_over_time: fold(greater),
  last_over_time: countFree(1, ({ values, end }) => values[end - 1]!),
  present_over_time: countFree(1, () => 1),
  avg_over_time: countFree(1, (w, _, major) => mean(w, major)),
  quantile_over_time: countFree(1, ({ values, first, end }, q) => quantile(q, values.subarray(first, end))),
  sum_over_time: counting((w) => sum(w)),
  count_over_time: counting(({ first, end }) => end - first),
  stdvar_over_time: counting((w) => variance(w)),
  stddev_over_time: counting((w) => Math.sqrt(variance(w))),
};
