/** Every partition takes the same. */
export function evenShares(partitions: number): Float64Array {
  return new Float64Array(partitions).fill(1 / partitions);
}

/**
 * Partition i takes a share in proportion to 1 / (i + 1)^exponent.
 * Source: G. K. Zipf's law; an exponent near 1 is usual for keys, which hashing flattens over partitions.
 */
export function zipfShares(partitions: number, exponent: number): Float64Array {
  return measuredShares(Array.from({ length: partitions }, (_, i) => Math.exp(-exponent * Math.log(i + 1))));
}

/** Shares in proportion to what was measured. @throws RangeError when nothing was */
export function measuredShares(values: readonly number[]): Float64Array {
  const sum = values.reduce((a, b) => a + b, 0);
  if (!(sum > 0)) throw new RangeError('no partition has a share');
  return Float64Array.from(values, (x) => x / sum);
}
