import { namePattern } from '../engine/namePattern.ts';
import { gone, type Labels } from './series.ts';
import { distinct, Shape, type Vector } from './vector.ts';
import type { Major } from './window.ts';

/** The greater of two, with an infinite one before one that is no number. Source: Go, math.Max. */
function atLeast(a: number, b: number): number {
  return a === Number.POSITIVE_INFINITY || b === Number.POSITIVE_INFINITY
    ? Number.POSITIVE_INFINITY
    : Math.max(a, b);
}

/** The smaller one, likewise. Source: Go, math.Min. */
function atMost(a: number, b: number): number {
  return a === Number.NEGATIVE_INFINITY || b === Number.NEGATIVE_INFINITY
    ? Number.NEGATIVE_INFINITY
    : Math.min(a, b);
}

/** Functions of a value, with numbers beside it. Source: Prometheus, promql/functions.go. */
export const valueFunctions: Readonly<Record<string, (x: number, a: number, b: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  round: (x, to) => {
    const inverse = 1 / to;
    return Math.floor(x * inverse + 0.5) / inverse;
  },
  sgn: (x) => (x < 0 ? -1 : x > 0 ? 1 : x),
  sqrt: Math.sqrt,
  exp: Math.exp,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  deg: (x) => (x * 180) / Math.PI,
  rad: (x) => (x * Math.PI) / 180,
  clamp: (x, least, most) => atLeast(least, atMost(most, x)),
  clamp_min: (x, least) => atLeast(least, x),
  clamp_max: (x, most) => atMost(most, x),
};

/** Year, month from 1, day from 1 of a count of days since 1970. Source: H. Hinnant, chrono-compatible low-level date algorithms, `civil_from_days`. */
function civil(days: number): readonly [number, number, number] {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const day = z - era * 146097;
  const year = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36524) - Math.floor(day / 146096)) / 365,
  );
  const ofYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const shifted = Math.floor((5 * ofYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return [year + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - Math.floor((153 * shifted + 2) / 5) + 1];
}

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const monthDays = (year: number, month: number) =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;

const onDay = (f: (days: number) => number) => (seconds: number) =>
  Number.isFinite(seconds) ? f(Math.floor(Math.trunc(seconds) / 86400)) : Number.NaN;

/** Functions of a moment in seconds since 1970, UTC. */
export const dateFunctions: Readonly<Record<string, (seconds: number) => number>> = {
  minute: (t) => Math.floor((((Math.trunc(t) % 3600) + 3600) % 3600) / 60),
  hour: (t) => Math.floor((((Math.trunc(t) % 86400) + 86400) % 86400) / 3600),
  day_of_week: onDay((d) => (((d + 4) % 7) + 7) % 7),
  day_of_month: onDay((d) => civil(d)[2]),
  day_of_year: onDay((d) => {
    const [year, month, day] = civil(d);
    let sum = day;
    for (let m = 1; m < month; m += 1) sum += monthDays(year, m);
    return sum;
  }),
  days_in_month: onDay((d) => {
    const [year, month] = civil(d);
    return monthDays(year, month);
  }),
  month: onDay((d) => civil(d)[1]),
  year: onDay((d) => civil(d)[0]),
};

export function mapped(vector: Vector, f: (x: number) => number): Vector {
  return distinct({
    shape: vector.shape.nameless,
    values: vector.values.map((v) => (v === gone ? gone : f(v))),
  });
}

/** Sets or removes a label of each series, as worked out from its others. */
export class Relabelling {
  private readonly label: string;
  private readonly made: (labels: Labels) => string | undefined;
  private readonly shapes = new WeakMap<Shape, Shape>();

  /** @param made undefined leaves the labels as they are; an empty text removes the label */
  constructor(label: string, made: (labels: Labels) => string | undefined) {
    this.label = label;
    this.made = made;
  }

  /** Source: Prometheus, promql/functions.go `funcLabelReplace`. */
  static replacing(label: string, template: string, source: string, regex: string): Relabelling {
    const pattern = namePattern(regex, { dotMatchesAll: true });
    if (typeof pattern === 'string') throw new RangeError(pattern);
    return new Relabelling(label, (labels) => pattern.expand(labels[source] ?? '', template));
  }

  static joining(label: string, separator: string, sources: readonly string[]): Relabelling {
    return new Relabelling(label, (labels) => sources.map((s) => labels[s] ?? '').join(separator));
  }

  of(vector: Vector): Vector {
    let shape = this.shapes.get(vector.shape);
    if (shape === undefined) {
      shape = new Shape(
        vector.shape.labels.map((labels) => {
          const value = this.made(labels);
          if (value === undefined) return labels;
          const { [this.label]: _, ...rest } = labels;
          return value === '' ? rest : { ...rest, [this.label]: value };
        }),
      );
      this.shapes.set(vector.shape, shape);
    }
    return distinct({ shape, values: vector.values });
  }
}

/** In order of values; NaN comes last. */
export function sorted(vector: Vector, isDescending: boolean): Vector {
  const order = [...vector.values.keys()].filter((i) => vector.values[i] !== gone);
  order.sort((i, j) => {
    const [a, b] = [vector.values[i]!, vector.values[j]!];
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || i - j;
    return (isDescending ? b - a : a - b) || i - j;
  });
  return {
    shape: new Shape(order.map((i) => vector.shape.labels[i]!)),
    values: Float64Array.from(order, (i) => vector.values[i]!),
  };
}

interface Bucket {
  readonly upper: number;
  count: number;
}

const leOnly = { by: false, labels: ['le'] };

/**
 * The q-quantile of classic histograms, linear inside a bucket, for each set of labels but `le`.
 * Source: Prometheus, promql/quantile.go `bucketQuantile`, `coalesceBuckets`, `ensureMonotonic`; 3 forgives differences of 1e-12 of a count.
 */
export function histogramQuantile(q: number, vector: Vector, major: Major): Vector {
  const { groupOf, shape } = vector.shape.groupsBy(leOnly);
  const groups: Bucket[][] = shape.labels.map(() => []);
  for (const [i, group] of groupOf.entries()) {
    const upper = boundOf(vector.shape.labels[i]!.le ?? '');
    if (vector.values[i] !== gone && upper !== undefined)
      groups[group]!.push({ upper, count: vector.values[i]! });
  }
  const values = Float64Array.from(groups, (buckets) =>
    buckets.length === 0 ? gone : bucketQuantile(q, buckets, major),
  );
  return distinct({ shape, values });
}

function boundOf(text: string): number | undefined {
  if (/^[+-]?inf(inity)?$/i.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const bound = Number(text);
  return text.trim() === '' || Number.isNaN(bound) ? undefined : bound;
}

function bucketQuantile(q: number, given: Bucket[], major: Major): number {
  if (Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  given.sort((a, b) => (a.upper < b.upper ? -1 : a.upper > b.upper ? 1 : 0));
  if (given.at(-1)!.upper !== Number.POSITIVE_INFINITY) return Number.NaN;
  const buckets: Bucket[] = [];
  for (const bucket of given) {
    const last = buckets.at(-1);
    if (last?.upper === bucket.upper) last.count += bucket.count;
    else buckets.push(bucket);
  }
  rising(buckets, major);
  if (buckets.length < 2) return Number.NaN;
  const observations = buckets.at(-1)!.count;
  if (observations === 0) return Number.NaN;
  let rank = q * observations;
  const end = buckets.length - 1;
  let b = buckets.findIndex(({ count }) => count >= rank);
  if (b === -1 || b > end) b = end;
  if (b === end) return buckets[end - 1]!.upper;
  if (b === 0 && buckets[0]!.upper <= 0) return buckets[0]!.upper;
  let start = 0;
  let { count } = buckets[b]!;
  if (b > 0) {
    start = buckets[b - 1]!.upper;
    count -= buckets[b - 1]!.count;
    rank -= buckets[b - 1]!.count;
  }
  return start + (buckets[b]!.upper - start) * (rank / count);
}

/** Counts never fall from bucket to bucket. */
function rising(buckets: readonly Bucket[], major: Major): void {
  let most = buckets[0]!.count;
  for (const bucket of buckets.slice(1)) {
    const isNear = major === 3 && isAlmost(most, bucket.count);
    if (bucket.count > most && !isNear) most = bucket.count;
    else if (bucket.count < most || isNear) bucket.count = most;
  }
}

function isAlmost(a: number, b: number): boolean {
  return a === b || Math.abs(a - b) / Math.min(Math.abs(a) + Math.abs(b), Number.MAX_VALUE) < 1e-12;
}

/** What `absent` says: the labels that the selector's matchers fix. Source: Prometheus, promql/functions.go `createLabelsForAbsentFunction`. */
export function absentLabels(
  matchers: readonly { readonly label: string; readonly op: string; readonly value: string }[],
): Labels {
  const made: Record<string, string> = {};
  const isSet = new Set<string>();
  for (const { label, op, value } of matchers) {
    if (label === '__name__') continue;
    if (op === '=' && !isSet.has(label)) {
      made[label] = value;
      isSet.add(label);
    } else delete made[label];
  }
  for (const label of Object.keys(made)) if (made[label] === '') delete made[label];
  return made;
}
