export { gone } from '../engine/gauge.ts';

/**
 * A change-exact series: between two changes it runs in a straight line.
 * `times[i]` is in microseconds from the scenario's start, ascending; from then on the value is
 * `values[i] + slopes[i] * (t - times[i]) / 1e6`, until `times[i + 1]`. Only the first `length` places count. From a change to the value
 * `gone` on there is no series, until the next change.
 */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly times: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  /** Per second. */
  readonly slopes: ArrayLike<number>;
  readonly length: number;
}

/** Where an expression finds its series. */
export interface SeriesSet {
  /** All series of one metric name, in a fixed order; empty when there is none. */
  of(name: string): readonly Series[];
  readonly names: readonly string[];
}
