/** The values that a printed number allows, both ends included. */
export type Interval = readonly [low: number, high: number];

export const plus = (x: Interval, y: Interval): Interval => [x[0] + y[0], x[1] + y[1]];
export const minus = (x: Interval, y: Interval): Interval => [x[0] - y[1], x[1] - y[0]];

export function times(x: Interval, y: Interval): Interval {
  const all = [x[0] * y[0], x[0] * y[1], x[1] * y[0], x[1] * y[1]];
  return [Math.min(...all), Math.max(...all)];
}

/** A quotient; unbounded where the divisor may be 0. */
export function over(x: Interval, y: Interval): Interval {
  if (y[0] <= 0 && y[1] >= 0) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return times(x, [1 / y[1], 1 / y[0]]);
}

export const scaled = (x: Interval, factor: number): Interval => times(x, [factor, factor]);

export function sum(all: readonly Interval[]): Interval {
  return all.reduce(plus, [0, 0]);
}

/** Room for the last bits of the arithmetic; of a time since 1970 it is two milliseconds. */
const rounding = 1e-12;

/** How far x lies above y at least, once both are rounded as kindly as their digits allow; 0 where they can be equal. */
export function above(x: Interval, y: Interval): number {
  const gap = x[0] - y[1];
  return gap > rounding * Math.max(Math.abs(x[0]), Math.abs(y[1])) ? gap : 0;
}

/** How far two values are apart at least; 0 where they can be equal. */
export function apart(x: Interval, y: Interval): number {
  return Math.max(above(x, y), above(y, x));
}

export const middle = (x: Interval): number => (x[0] + x[1]) / 2;
