/** Buckets to a factor of two: a bucket's bounds differ by 2 ^ (1/32), 2.2 %. */
const bucketsPerDoubling = 32;
const scale = bucketsPerDoubling / Math.LN2;

/**
 * Counts of positive values in fixed logarithmic buckets, so that histograms of several runs add up exactly. Values of 0 or less have a
 * bucket of their own. After G. Tene's HdrHistogram, with buckets by logarithm in place of halves.
 */
export class Histogram {
  private readonly buckets = new Map<number, number>();
  private nonPositive = 0;
  count = 0;

  add(value: number, times = 1): void {
    this.count += times;
    if (!(value > 0)) {
      this.nonPositive += times;
      return;
    }
    const bucket = Math.floor(Math.log(value) * scale);
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + times);
  }

  merge(other: Histogram): void {
    this.count += other.count;
    this.nonPositive += other.nonPositive;
    for (const [bucket, n] of other.buckets) this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + n);
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
    const sorted = [...this.buckets.keys()].sort((x, y) => x - y);
    return shares.map((p) => {
      let rank = Math.min(this.count - 1, Math.floor(p * this.count));
      if (rank < this.nonPositive) return [0, 0];
      rank -= this.nonPositive;
      for (const bucket of sorted) {
        const n = this.buckets.get(bucket)!;
        if (rank < n) return [Math.exp(bucket / scale), Math.exp((bucket + 1) / scale)];
        rank -= n;
      }
      throw new RangeError('the counts do not add up');
    });
  }
}
