import type { Stream } from '../../engine/simulation.ts';

/**
 * When a series is sampled: k-th at `offset + k x interval`. No sample is an event: whoever reads computes what the series was then.
 *
 * A target is scraped at an offset that the hash of its labels and address gives, strictly each interval; a rule writes at its slots, as samples of the
 * moment at which it looked. Source: Prometheus 3, scrape/target.go `offset`, rules/group.go `EvalTimestamp`.
 */
export class SampleClock {
  readonly intervalMicros: number;
  readonly offsetMicros: number;
  /** By how much the time of a sample lies before the moment at which it was taken. */
  readonly lagMicros: number;
  private readonly missProbability: number;
  private readonly draw: Stream | undefined;
  private readonly missed: boolean[] = [];

  constructor(
    intervalMicros: number,
    offsetMicros: number,
    more: { readonly lagMicros?: number; readonly missProbability?: number; readonly draw?: Stream } = {},
  ) {
    this.intervalMicros = intervalMicros;
    this.offsetMicros = offsetMicros;
    this.lagMicros = more.lagMicros ?? 0;
    this.missProbability = more.missProbability ?? 0;
    this.draw = more.draw;
  }

  /** Whether no scrape is missed. */
  get isRegular(): boolean {
    return this.missProbability === 0;
  }

  /** Number of the last sample that carries a time of t or before; negative before the first. */
  indexAt(t: number): number {
    return Math.floor((t + this.lagMicros - this.offsetMicros) / this.intervalMicros);
  }

  /** When sample k was taken. */
  momentOf(k: number): number {
    return this.offsetMicros + k * this.intervalMicros;
  }

  /** The time that sample k carries. */
  timeOf(k: number): number {
    return this.momentOf(k) - this.lagMicros;
  }

  /** Whether scrape k failed: the server then marks every series of the target as stale. */
  isMissed(k: number): boolean {
    if (this.missProbability === 0 || this.draw === undefined) return false;
    while (this.missed.length <= k) this.missed.push(this.draw() < this.missProbability);
    return this.missed[k]!;
  }
}
