import { exactValue } from './exact.ts';
import type { ServerOptions } from './leaves.ts';
import type { Labels, SampledSeries, SeriesSet } from './series.ts';

/** Samples as they stand. */
export class StoredSamples implements SampledSeries {
  readonly name: string;
  readonly labels: Labels;
  readonly length: number;
  private readonly times: ArrayLike<number>;
  private readonly values: ArrayLike<number>;

  /** @param times ascending, microseconds @param values `gone` for a stale marker */
  constructor(name: string, labels: Labels, times: ArrayLike<number>, values: ArrayLike<number>) {
    this.name = name;
    this.labels = labels;
    this.times = times;
    this.values = values;
    this.length = times.length;
  }

  indexAt(t: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.times[middle]! <= t) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  timeAt(k: number): number {
    return k < this.length ? this.times[k]! : Number.POSITIVE_INFINITY;
  }

  valueAt(k: number): number {
    return this.values[k]!;
  }

  isFinal(): boolean {
    return true;
  }

  steadyFrom(): number {
    return Number.POSITIVE_INFINITY;
  }
}

/** The defaults of Prometheus 3. */
export const prometheus3: ServerOptions = { major: 3, lookbackMicros: 300e6, stepMicros: 60e6 };

/** Samples of every series at `offset`, `offset + interval`, ... up to `to`: what a scraper with that interval would hold. */
export function scrape(
  set: SeriesSet,
  names: Iterable<string>,
  interval: number,
  offset: number,
  to: number,
): SeriesSet<SampledSeries> {
  const made = new Map<string, SampledSeries[]>();
  for (const name of names) {
    made.set(
      name,
      set.of(name).map((series) => {
        const times: number[] = [];
        const values: number[] = [];
        for (let t = offset; t <= to; t += interval) {
          const value = exactValue(series, t);
          if (value === undefined) continue;
          times.push(t);
          values.push(value);
        }
        return new StoredSamples(name, series.labels, times, values);
      }),
    );
  }
  return { of: (name) => made.get(name) ?? [], names: [...made.keys()] };
}
