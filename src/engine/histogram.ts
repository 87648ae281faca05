/** Buckets to a factor of two: a bucket's bounds differ by 2 ^ (1/32), 2.2 %. */
const bucketsPerDoubling = 32;
const scale = bucketsPerDoubling / Math.LN2;

/** The bucket of a positive, finite value. */
export function bucketOf(value: number): number {
  return Math.floor(Math.log(value) * scale);
}

/**
 * Counts of positive values in fixed logarithmic buckets, so that histograms of several runs add up exactly. Values of 0 or less have a
 * bucket of their own, and so has infinity. After G. Tene's HdrHistogram, with buckets by logarithm in place of halves.
 */
export class Histogram {
  /** Counts of the buckets from `first` on. */
  private counts = new Float64Array(0);
  private first = 0;
  private nonPositive = 0;
  private infinite = 0;
  count = 0;

  add(value: number, times = 1): void {
    this.count += times;
    if (!(value > 0)) this.nonPositive += times;
    else if (value === Number.POSITIVE_INFINITY) this.infinite += times;
    else this.addTo(bucketOf(value), times);
  }

  merge(other: Histogram): void {
    this.count += other.count;
    this.nonPositive += other.nonPositive;
    this.infinite += other.infinite;
    other.counts.forEach((n, i) => {
      if (n > 0) this.addTo(other.first + i, n);
    });
  }

  private addTo(bucket: number, times: number): void {
    const { counts, first } = this;
    if (bucket < first || bucket >= first + counts.length) {
      // Room for a factor of two beyond on either side, so that it seldom grows.
      const empty = counts.length === 0;
      const low = bucket - bucketsPerDoubling;
      const end = bucket + bucketsPerDoubling;
      this.first = empty ? low : Math.min(first, low);
      this.counts = new Float64Array((empty ? end : Math.max(first + counts.length, end)) - this.first);
      if (!empty) this.counts.set(counts, first - this.first);
    }
    this.counts[bucket - this.first] += times;
  }

  /**
   * Bounds of the bucket that holds the order statistic at share p.
   * @throws RangeError for an empty histogram
   */
  quantile(p: number): readonly [number, number] {
    return this.quantiles([p])[0]!;
  }

  /** The same for several shares, in one pass. */
  quantiles(shares: readonly number[]): readonly (readonly [number, number])[] {
    if (this.count === 0) throw new RangeError('an empty histogram has no quantile');
    return shares.map((p) => {
      let rank = Math.min(this.count - 1, Math.floor(p * this.count));
      if (rank < this.nonPositive) return [0, 0];
      rank -= this.nonPositive;
      if (rank >= this.count - this.nonPositive - this.infinite)
        return [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let i = 0; i < this.counts.length; i += 1) {
        const bucket = this.first + i;
        if (rank < this.counts[i]) return [Math.exp(bucket / scale), Math.exp((bucket + 1) / scale)];
        rank -= this.counts[i];
      }
      throw new RangeError('the counts do not add up');
    });
  }
}
