import type { Stream } from '../engine/random.ts';
import { quantile } from './statistics.ts';

/**
 * Direction numbers of Sobol's sequence: degree, coefficients of the polynomial, and the first numbers, for dimensions 2 to 21.
 * Source: S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections" (2008), new-joe-kuo-6.
 */
const directions: readonly (readonly [number, number, readonly number[]])[] = [
  [1, 0, [1]],
  [2, 1, [1, 3]],
  [3, 1, [1, 3, 1]],
  [3, 2, [1, 1, 1]],
  [4, 1, [1, 1, 3, 3]],
  [4, 4, [1, 3, 5, 13]],
  [5, 2, [1, 1, 5, 5, 17]],
  [5, 4, [1, 1, 5, 5, 5]],
  [5, 7, [1, 1, 7, 11, 19]],
  [5, 11, [1, 1, 5, 1, 1]],
  [5, 13, [1, 1, 1, 3, 11]],
  [5, 14, [1, 3, 5, 5, 31]],
  [6, 1, [1, 3, 3, 9, 7, 49]],
  [6, 13, [1, 1, 1, 15, 21, 21]],
  [6, 16, [1, 3, 1, 13, 27, 49]],
  [6, 19, [1, 1, 1, 15, 7, 5]],
  [6, 22, [1, 3, 1, 15, 13, 25]],
  [6, 25, [1, 1, 5, 5, 19, 61]],
  [7, 1, [1, 3, 7, 11, 23, 15, 103]],
  [7, 4, [1, 3, 7, 13, 13, 15, 69]],
];
const bits = 32;

/** Most dimensions that the table has. */
export const mostDimensions = directions.length + 1;

function directionNumbers(dimension: number): readonly number[] {
  if (dimension === 0) return Array.from({ length: bits }, (_, i) => (1 << (bits - 1 - i)) >>> 0);
  const [degree, coefficients, first] = directions[dimension - 1]!;
  const v: number[] = first.map((m, i) => (m << (bits - 1 - i)) >>> 0);
  for (let i = degree; i < bits; i += 1) {
    let made = v[i - degree]! ^ (v[i - degree]! >>> degree);
    for (let k = 1; k < degree; k += 1) if (((coefficients >> (degree - 1 - k)) & 1) === 1) made ^= v[i - k]!;
    v.push(made >>> 0);
  }
  return v;
}

/**
 * Points of Sobol's sequence in the unit cube, strictly inside it, each coordinate shifted by exclusive or with a drawn number, which keeps every property of the net.
 * Source: I. M. Sobol (1967) in the order of Gray's code, by I. A. Antonov and V. M. Saleev (1979); digital shift: A. B. Owen, "Randomly permuted (t, m, s)-nets and (t, s)-sequences" (1995), in its simplest form.
 * @throws RangeError for more dimensions than the table has
 */
export function sobolPoints(count: number, dimensions: number, draw: Stream): readonly (readonly number[])[] {
  if (dimensions > mostDimensions)
    throw new RangeError(`${dimensions} dimensions, and ${mostDimensions} are known`);
  const v = Array.from({ length: dimensions }, (_, d) => directionNumbers(d));
  const shift = Array.from({ length: dimensions }, () => Math.floor(draw() * 4_294_967_296));
  const x = new Array<number>(dimensions).fill(0);
  return Array.from({ length: count }, (_, n) => {
    if (n > 0) {
      const zero = 31 - Math.clz32(n & -n);
      for (let d = 0; d < dimensions; d += 1) x[d] = (x[d]! ^ v[d]![zero]!) >>> 0;
    }
    return x.map((value, d) => (((value ^ shift[d]!) >>> 0) + 0.5) / 4_294_967_296);
  });
}

/** Points in which every coordinate falls once into each of as many equal parts. Source: M. D. McKay, R. J. Beckman, W. J. Conover (1979). */
export function latinHypercube(
  count: number,
  dimensions: number,
  draw: Stream,
): readonly (readonly number[])[] {
  const columns = Array.from({ length: dimensions }, () => {
    const order = Array.from({ length: count }, (_, i) => i);
    // Fisher and Yates.
    for (let i = count - 1; i > 0; i -= 1) {
      const j = Math.floor(draw() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order.map((k) => (k + draw()) / count);
  });
  return Array.from({ length: count }, (_, i) => columns.map((c) => c[i]!));
}

/** Rows of a design for indices: A, then B, then A with each column of B in turn. Source: A. Saltelli (2002, 2010). */
export function saltelli(count: number, dimensions: number, draw: Stream): readonly (readonly number[])[] {
  const both = sobolPoints(count, 2 * dimensions, draw);
  const a = both.map((p) => p.slice(0, dimensions));
  const b = both.map((p) => p.slice(dimensions));
  const mixed = Array.from({ length: dimensions }, (_, i) =>
    a.map((row, n) => row.map((value, d) => (d === i ? b[n]![i]! : value))),
  );
  return [...a, ...b, ...mixed.flat()];
}

export interface SobolIndex {
  /** Share of the variance that the input explains alone, and with all that it takes part in. */
  readonly first: number;
  readonly firstInterval: readonly [number, number];
  readonly total: number;
  readonly totalInterval: readonly [number, number];
}

/**
 * Indices from the outputs of a `saltelli` design, with 95 % percentile intervals over resampled rows.
 * Source: first order A. Saltelli et al. (2010), total M. J. W. Jansen (1999); bootstrap: G. E. B. Archer, A. Saltelli, I. M. Sobol (1997).
 */
export function sobolIndices(
  outputs: readonly number[],
  count: number,
  dimensions: number,
  draw: Stream,
): readonly SobolIndex[] {
  const a = outputs.slice(0, count);
  const b = outputs.slice(count, 2 * count);
  const mixed = (i: number) => outputs.slice((2 + i) * count, (3 + i) * count);
  const estimate = (
    rows: readonly number[] | undefined,
    ab: readonly number[],
  ): readonly [number, number] => {
    const at = (n: number) => (rows === undefined ? n : rows[n]!);
    let [sum, squares] = [0, 0];
    for (let n = 0; n < count; n += 1)
      for (const v of [a[at(n)]!, b[at(n)]!]) {
        sum += v;
        squares += v * v;
      }
    const mean = sum / (2 * count);
    const variance = squares / (2 * count) - mean * mean;
    if (!(variance > 0)) return [0, 0];
    let [first, total] = [0, 0];
    for (let n = 0; n < count; n += 1) {
      const [x, y, z] = [a[at(n)]!, b[at(n)]!, ab[at(n)]!];
      first += (y - mean) * (z - x);
      total += (x - z) * (x - z);
    }
    return [first / count / variance, total / (2 * count) / variance];
  };
  const samples = Array.from({ length: 200 }, () =>
    Array.from({ length: count }, () => Math.floor(draw() * count)),
  );
  return Array.from({ length: dimensions }, (_, i) => {
    const ab = mixed(i);
    const [first, total] = estimate(undefined, ab);
    const again = samples.map((rows) => estimate(rows, ab));
    const interval = (k: 0 | 1) => {
      const values = again.map((e) => e[k]);
      return [quantile(values, 0.025), quantile(values, 0.975)] as const;
    };
    return { first, firstInterval: interval(0), total, totalInterval: interval(1) };
  });
}

/** Trajectories that change one input at a time by `step`, from drawn corners of a grid of levels. Source: M. D. Morris (1991). */
export function morrisTrajectories(
  count: number,
  dimensions: number,
  draw: Stream,
): readonly (readonly number[])[] {
  const levels = 4;
  const step = levels / (2 * (levels - 1));
  return Array.from({ length: count }, () => {
    const order = Array.from({ length: dimensions }, (_, i) => i);
    for (let i = dimensions - 1; i > 0; i -= 1) {
      const j = Math.floor(draw() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    const at = Array.from({ length: dimensions }, () => Math.floor(draw() * (levels / 2)) / (levels - 1));
    const path = [[...at]];
    for (const d of order) {
      at[d] = at[d]! + step;
      path.push([...at]);
    }
    // Strictly inside the cube, as inverses of distributions need.
    return path.map((p) => p.map((v) => 0.005 + 0.99 * v));
  }).flat();
}

export interface MorrisEffect {
  /** Mean of the absolute elementary effects, and the spread of the effects. */
  readonly muStar: number;
  readonly sigma: number;
}

/** Elementary effects of a `morrisTrajectories` design. Source: F. Campolongo, J. Cariboni, A. Saltelli (2007). */
export function morrisEffects(
  points: readonly (readonly number[])[],
  outputs: readonly number[],
  dimensions: number,
): readonly MorrisEffect[] {
  const effects = Array.from({ length: dimensions }, () => [] as number[]);
  for (let n = 0; n + 1 < points.length; n += 1) {
    if ((n + 1) % (dimensions + 1) === 0) continue;
    const d = points[n]!.findIndex((v, i) => v !== points[n + 1]![i]);
    effects[d]!.push((outputs[n + 1]! - outputs[n]!) / (points[n + 1]![d]! - points[n]![d]!));
  }
  return effects.map((e) => {
    const mean = e.reduce((s, v) => s + v, 0) / Math.max(1, e.length);
    const squares = e.reduce((s, v) => s + (v - mean) * (v - mean), 0);
    return {
      muStar: e.reduce((s, v) => s + Math.abs(v), 0) / Math.max(1, e.length),
      sigma: e.length < 2 ? 0 : Math.sqrt(squares / (e.length - 1)),
    };
  });
}
