/** What an expression is: a window of samples, one sample for each series, one number, or a text. */
export type ValueType = 'range' | 'vector' | 'scalar' | 'text';

/** What a function takes, in order, and gives. */
export interface Signature {
  readonly takes: readonly ValueType[];
  /** How many of the last may be left out. */
  readonly optional: number;
  /** Whether the last may stand any number of times. */
  readonly repeats: boolean;
  readonly gives: 'vector' | 'scalar';
}

const vector = (...takes: ValueType[]): Signature => ({
  takes,
  optional: 0,
  repeats: false,
  gives: 'vector',
});
const scalar = (...takes: ValueType[]): Signature => ({
  takes,
  optional: 0,
  repeats: false,
  gives: 'scalar',
});
const optional = (signature: Signature): Signature => ({ ...signature, optional: 1 });

/** Functions over a window, each with its window alone or a number beside it. Source of this and the next: Prometheus, promql/parser/functions.go. */
const overWindows: Readonly<Record<string, Signature>> = {
  rate: vector('range'),
  irate: vector('range'),
  increase: vector('range'),
  delta: vector('range'),
  idelta: vector('range'),
  deriv: vector('range'),
  changes: vector('range'),
  resets: vector('range'),
  predict_linear: vector('range', 'scalar'),
  avg_over_time: vector('range'),
  min_over_time: vector('range'),
  max_over_time: vector('range'),
  sum_over_time: vector('range'),
  count_over_time: vector('range'),
  last_over_time: vector('range'),
  present_over_time: vector('range'),
  absent_over_time: vector('range'),
  quantile_over_time: vector('scalar', 'range'),
  stddev_over_time: vector('range'),
  stdvar_over_time: vector('range'),
};

const overInstants: Readonly<Record<string, Signature>> = {
  abs: vector('vector'),
  ceil: vector('vector'),
  floor: vector('vector'),
  round: optional(vector('vector', 'scalar')),
  sgn: vector('vector'),
  sqrt: vector('vector'),
  exp: vector('vector'),
  ln: vector('vector'),
  log2: vector('vector'),
  log10: vector('vector'),
  sin: vector('vector'),
  cos: vector('vector'),
  tan: vector('vector'),
  asin: vector('vector'),
  acos: vector('vector'),
  atan: vector('vector'),
  sinh: vector('vector'),
  cosh: vector('vector'),
  tanh: vector('vector'),
  asinh: vector('vector'),
  acosh: vector('vector'),
  atanh: vector('vector'),
  deg: vector('vector'),
  rad: vector('vector'),
  clamp: vector('vector', 'scalar', 'scalar'),
  clamp_min: vector('vector', 'scalar'),
  clamp_max: vector('vector', 'scalar'),
  histogram_quantile: vector('scalar', 'vector'),
  absent: vector('vector'),
  timestamp: vector('vector'),
  label_replace: vector('vector', 'text', 'text', 'text', 'text'),
  label_join: { ...vector('vector', 'text', 'text', 'text'), optional: 1, repeats: true },
  sort: vector('vector'),
  sort_desc: vector('vector'),
  scalar: scalar('vector'),
  vector: vector('scalar'),
  time: scalar(),
  pi: scalar(),
  minute: optional(vector('vector')),
  hour: optional(vector('vector')),
  day_of_week: optional(vector('vector')),
  day_of_month: optional(vector('vector')),
  day_of_year: optional(vector('vector')),
  days_in_month: optional(vector('vector')),
  month: optional(vector('vector')),
  year: optional(vector('vector')),
};

export const functions: Readonly<Record<string, Signature>> = { ...overWindows, ...overInstants };

/** Aggregations, and what stands before their vector. */
export const aggregations: Readonly<Record<string, 'scalar' | 'text' | undefined>> = {
  sum: undefined,
  min: undefined,
  max: undefined,
  avg: undefined,
  count: undefined,
  group: undefined,
  stddev: undefined,
  stdvar: undefined,
  topk: 'scalar',
  bottomk: 'scalar',
  quantile: 'scalar',
  count_values: 'text',
};

export const arithmetic: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '^']);
export const comparisons: ReadonlySet<string> = new Set(['==', '!=', '>', '<', '>=', '<=']);
export const setOperators: ReadonlySet<string> = new Set(['and', 'or', 'unless']);
