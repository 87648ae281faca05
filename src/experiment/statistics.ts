/**
 * Quantile of a sample by linear interpolation between order statistics (R. J. Hyndman and Y. Fan, "Sample quantiles in
 * statistical packages" (1996), definition 7). NaN for an empty sample.
 */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((x, y) => x - y);
  const at = (sorted.length - 1) * p;
  const below = Math.floor(at);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom; beyond, the normal one is close enough to 1 %. */
const t975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** Mean and half-width of its 95 % interval. @throws RangeError for fewer than two values */
export function meanInterval(values: readonly number[]): {
  readonly mean: number;
  readonly halfWidth: number;
} {
  if (values.length < 2) throw new RangeError('an interval needs two values');
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((a, b) => a + (b - mean) * (b - mean), 0);
  const t = t975[values.length - 2] ?? 1.96;
  return { mean, halfWidth: t * Math.sqrt(squares / (values.length - 1) / values.length) };
}
