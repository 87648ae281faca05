import { comparators } from './arithmetic.ts';
import { ExactView, matches, type View } from './leaves.ts';
import { type Expectation, type Expression, namesOf } from './parse.ts';
import { Query } from './query.ts';
import type { Labels, SeriesSet } from './series.ts';
import { keyOf, type Sample } from './vector.ts';

/** What an expression gives at an instant, from the exact lines of the series: samples without names; a number is one without labels. */
export function evaluateVector(expression: Expression, set: SeriesSet, t: number): readonly Sample[] {
  return new Query(expression, new ExactView(set)).samples(t);
}

/**
 * Instants in [from, to] at which an expression over change-exact series can jump or have an extreme: every change, the microsecond
 * before it, and the same shifted by windows and offsets. Between them a sum or a ratio of straight lines is monotone.
 */
export function changeTimes(expression: Expression, set: SeriesSet, from: number, to: number): number[] {
  const found = new Set<number>([from, to]);
  for (const t of shiftedChanges(expression, set, from, to)) if (t >= from && t <= to) found.add(t);
  return [...found].sort((x, y) => x - y);
}

function shiftedChanges(e: Expression, set: SeriesSet, from: number, to: number): Set<number> {
  const found = new Set<number>();
  switch (e.kind) {
    case 'selector':
      for (const name of namesOf(e, set.names)) {
        for (const series of set.of(name).filter((s) => matches(s, e.matchers))) {
          for (let i = 0; i < series.length; i += 1) {
            const t = series.times[i]! + e.offset;
            found.add(t);
            if (i > 0 && series.slopes[i - 1] !== 0) found.add(t - 1);
            if (e.range > 0) {
              found.add(t + e.range);
              found.add(t + e.range - 1);
            }
          }
        }
      }
      return found;
    case 'subquery': {
      const step = e.step === 0 ? 60e6 : e.step;
      const first = Math.floor((from - e.offset - e.range) / step) * step;
      for (let t = first; t <= to - e.offset; t += step)
        for (const at of [t + e.offset, t + e.offset + e.range])
          for (const near of [at, at - 1]) found.add(near);
      return found;
    }
    case 'negate':
      return shiftedChanges(e.of, set, from, to);
    case 'aggregate':
      for (const inner of [e.parameter, e.of]) {
        if (inner !== undefined) for (const t of shiftedChanges(inner, set, from, to)) found.add(t);
      }
      return found;
    case 'call':
      for (const arg of e.args) for (const t of shiftedChanges(arg, set, from, to)) found.add(t);
      return found;
    case 'binary':
      for (const side of [e.left, e.right]) for (const t of shiftedChanges(side, set, from, to)) found.add(t);
      return found;
    default:
      return found;
  }
}

/** Whether an expectation held, and how near it came to its limit. */
export interface Checked {
  readonly holds: boolean;
  /** The operand's value that came nearest to the limit, or broke it furthest. */
  readonly value: number;
  readonly limit: number;
  /** Distance to the limit, negative where it is broken. */
  readonly margin: number;
  readonly labels: Labels;
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

/** Whether a value keeps a limit, and how far it is from breaking it; nothing keeps or has what is no number. */
export function compared(
  op: Expectation['op'],
  value: number,
  limit: number,
): { readonly holds: boolean; readonly distance: number } {
  return {
    holds: comparators[op]!(value, limit),
    distance:
      Number.isNaN(limit) || Number.isNaN(value) ? Number.NEGATIVE_INFINITY : margin(op, value, limit),
  };
}

/**
 * An expectation holds only if every series of its operand satisfies it at every instant: PromQL's own filter would keep the one good
 * series of five and look like success.
 */
export function checkExpectation(e: Expectation, view: View, times: readonly number[]): Checked {
  const operand = new Query(e.operand, view);
  const limitQuery = new Query(e.limit, view);
  let worst: Checked | undefined;
  for (const t of times) {
    const limits = limitQuery.value(t);
    for (const sample of operand.samples(t)) {
      const limit =
        typeof limits === 'number'
          ? limits
          : (limits.find((l) => textOf(l.labels) === textOf(sample.labels))?.value ?? Number.NaN);
      const { holds, distance } = compared(e.op, sample.value, limit);
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

function textOf(labels: Labels): string {
  return keyOf(labels, Object.keys(labels));
}
