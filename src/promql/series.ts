export { gone } from '../engine/gauge.ts';

export type Labels = Readonly<Record<string, string>>;

/**
 * A change-exact series: between two changes it runs in a straight line.
 * `times[i]` is in microseconds from the scenario's start, ascending; from then on the value is
 * `values[i] + slopes[i] * (t - times[i]) / 1e6`, until `times[i + 1]`. Only the first `length` places count. From a change to the value
 * `gone` on there is no series, until the next change.
 */
export interface Series {
  readonly name: string;
  readonly labels: Labels;
  readonly times: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  /** Per second. */
  readonly slopes: ArrayLike<number>;
  readonly length: number;
}

/** A series as a server holds it: numbered samples, of ascending times in microseconds. */
export interface SampledSeries {
  readonly name: string;
  readonly labels: Labels;
  /** Grows when something changes that samples to come show: what was worked out holds for as long as it stays. */
  readonly length: number;
  /** Number of the last sample with a time of t or before that has been taken; negative where there is none. */
  indexAt(t: number): number;
  /** Infinity behind the last sample. */
  timeAt(k: number): number;
  /** `gone` for a stale marker. */
  valueAt(k: number): number;
  /** Whether a sample stays as it is now, whatever else happens at this instant. */
  isFinal(k: number): boolean;
  /** From this sample on all have one value, at regular distances, for as long as `length` stays; Infinity where that is not known. */
  steadyFrom(): number;
}

/** Where an expression finds its series. */
export interface SeriesSet<S = Series> {
  /** All series of one metric name, in a fixed order, to which new ones are added; empty when there is none. */
  of(name: string): readonly S[];
  readonly names: readonly string[];
  /** Grows with every change of any series of a name; undefined where none changes any more. */
  changesOf?(name: string): number;
}
