import { greater, lesser } from './arithmetic.ts';
import { gone, type Series } from './series.ts';

/** Index of the last change at or before t, or -1. */
export function changeAt(series: Series, t: number): number {
  const { times } = series;
  let low = 0;
  let high = series.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The value at t, of the line that begins with change i. */
export function onLine(series: Series, i: number, t: number): number {
  return series.values[i]! + (series.slopes[i]! * (t - series.times[i]!)) / 1e6;
}

/** The value at an instant; undefined where the series is not there. */
export function exactValue(series: Series, t: number): number | undefined {
  const i = changeAt(series, t);
  return i < 0 || series.values[i] === gone ? undefined : onLine(series, i, t);
}

/** Functions that mean something only where there are samples. */
export const sampleFunctions: ReadonlySet<string> = new Set([
  'sum_over_time',
  'count_over_time',
  'irate',
  'idelta',
  'deriv',
  'predict_linear',
  'quantile_over_time',
  'stddev_over_time',
  'stdvar_over_time',
]);

/**
 * A function over (from, to] of the line itself: an extreme or a mean is that of the line, a counter's increase is its difference, resets apart, without
 * extrapolation; `changes` and `resets` count the jumps. Gaps count as nothing.
 * @returns undefined where there is no value
 * @throws RangeError for a function of `sampleFunctions`
 */
export function exactRange(name: string, series: Series, from: number, to: number): number | undefined {
  const first = Math.max(changeAt(series, from), 0);
  if (series.length === 0 || series.times[0]! > to) return undefined;
  const begin = Math.max(from, series.times[0]!);
  let held = 0;
  let least = Number.NaN;
  let most = Number.NaN;
  let area = 0;
  let gain = 0;
  let changes = 0;
  let resets = 0;
  let firstValue = Number.NaN;
  let lastValue = Number.NaN;
  let isSeen = false;
  for (let i = first; i < series.length && series.times[i]! <= to; i += 1) {
    if (series.values[i] === gone) continue;
    const start = Math.max(begin, series.times[i]!);
    const end = i + 1 < series.length ? Math.min(to, series.times[i + 1]!) : to;
    const a = onLine(series, i, start);
    const b = onLine(series, i, end);
    // The window is open on the left: a value that holds only at `from` itself is outside.
    if (end > from || start > from) {
      least = lesser(lesser(least, a), b);
      most = greater(greater(most, a), b);
    }
    area += ((a + b) / 2) * (end - start);
    held += end - start;
    if (!isSeen) firstValue = a;
    else {
      if (a !== lastValue) changes += 1;
      if (a < lastValue) resets += 1;
      gain += a >= lastValue ? a - lastValue : a;
    }
    isSeen = true;
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
    case 'changes':
      return changes;
    case 'resets':
      return resets;
    case 'increase':
      return gain;
    case 'rate':
      return gain / ((to - from) / 1e6);
    case 'delta':
      return lastValue - firstValue;
    default:
      throw new RangeError(`${name} counts samples: it has no value without a scraper`);
  }
}
