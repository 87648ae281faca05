import { addTo, greater, lesser, plainDigits, quantile, total } from './arithmetic.ts';
import type { Grouping } from './parse.ts';
import { gone, type Labels } from './series.ts';
import { keyOf, Shape, type Vector } from './vector.ts';
import type { Major } from './window.ts';

const state = new Float64Array(2);

/** Values of one group to one. Source: Prometheus 2.42 and 3.0, promql/engine.go `aggregation`. */
const reductions: Readonly<Record<string, (values: readonly number[], major: Major) => number>> = {
  sum(values, major) {
    if (major === 2) return values.reduce((a, b) => a + b);
    state.fill(0);
    for (const v of values) addTo(state, v);
    return total(state);
  },
  avg(values, major) {
    if (major === 3) {
      state.fill(0);
      for (const v of values) addTo(state, v);
      if (Number.isFinite(state[0]!) || values.some((v) => !Number.isFinite(v)))
        return Number.isFinite(state[0]!) ? state[0]! / values.length + state[1]! / values.length : state[0]!;
    }
    let mean = values[0]!;
    for (let i = 1; i < values.length; i += 1) {
      const v = values[i]!;
      const isInfinite = !Number.isFinite(mean) && !Number.isNaN(mean);
      if (isInfinite && (v === mean || Number.isFinite(v))) continue;
      mean += v / (i + 1) - mean / (i + 1);
    }
    return mean;
  },
  min: (values) => values.reduce(lesser),
  max: (values) => values.reduce(greater),
  count: (values) => values.length,
  group: () => 1,
  stdvar: (values, major) => variance(values, major),
  stddev: (values, major) => Math.sqrt(variance(values, major)),
};

/** By Welford. Of one value that is no number it is 0 before 3. */
function variance(values: readonly number[], major: Major): number {
  let mean = values[0]!;
  let squares = 0;
  for (let i = 1; i < values.length; i += 1) {
    const delta = values[i]! - mean;
    mean += delta / (i + 1);
    squares += delta * (values[i]! - mean);
  }
  return major === 2 || Number.isFinite(values[0]!) ? squares / values.length : Number.NaN;
}

/** One value for each group. @param parameter of `quantile` */
export function reduced(
  op: string,
  vector: Vector,
  grouping: Grouping,
  parameter: number,
  major: Major,
): Vector {
  const { groupOf, shape } = vector.shape.groupsBy(grouping);
  const members: number[][] = shape.labels.map(() => []);
  for (let i = 0; i < groupOf.length; i += 1)
    if (vector.values[i] !== gone) members[groupOf[i]!]!.push(vector.values[i]!);
  const values = Float64Array.from(members, (own) => {
    if (own.length === 0) return gone;
    return op === 'quantile' ? quantile(parameter, own) : reductions[op]!(own, major);
  });
  return { shape, values };
}

/** The greatest, or least, k of each group, with all their labels; of equal ones those that come first. NaN gives way. */
export function chosen(op: string, vector: Vector, grouping: Grouping, k: number): Vector {
  if (Number.isNaN(k)) throw new RangeError('Scalar value NaN overflows int64');
  const { groupOf, shape } = vector.shape.groupsBy(grouping);
  const members: number[][] = shape.labels.map(() => []);
  for (const [i, group] of groupOf.entries()) if (vector.values[i] !== gone) members[group]!.push(i);
  const values = new Float64Array(vector.values.length).fill(gone);
  const isTop = op === 'topk';
  for (const own of members) {
    own.sort((i, j) => {
      const [a, b] = [vector.values[i]!, vector.values[j]!];
      if (Number.isNaN(a) || Number.isNaN(b))
        return Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || i - j;
      return (isTop ? b - a : a - b) || i - j;
    });
    for (const i of own.slice(0, Math.max(0, Math.trunc(k)))) values[i] = vector.values[i]!;
  }
  return { shape: vector.shape, values };
}

/** How many of each group have each value; the value is one more label. */
export function counted(label: string, vector: Vector, grouping: Grouping): Vector {
  const { groupOf, shape } = vector.shape.groupsBy(grouping);
  const labels: Labels[] = [];
  const counts: number[] = [];
  const places = new Map<string, number>();
  for (const [i, group] of groupOf.entries()) {
    if (vector.values[i] === gone) continue;
    const made: Labels = { ...shape.labels[group], [label]: plainDigits(vector.values[i]!) };
    const key = keyOf(made, Object.keys(made));
    const place = places.get(key);
    if (place === undefined) {
      places.set(key, labels.length);
      labels.push(made);
      counts.push(1);
    } else counts[place]! += 1;
  }
  return { shape: new Shape(labels), values: Float64Array.from(counts) };
}
