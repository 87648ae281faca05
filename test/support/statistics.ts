/**
 * Largest distance between the distribution of a sample and the uniform one on (from, to).
 * Source: Kolmogorov and Smirnov, D = sup |F_n(x) - F(x)|.
 */
export function distanceFromUniform(sample: readonly number[], from: number, to: number): number {
  const sorted = [...sample].sort((x, y) => x - y);
  const n = sorted.length;
  return sorted.reduce((most, x, i) => {
    const share = Math.min(1, Math.max(0, (x - from) / (to - from)));
    return Math.max(most, share - i / n, (i + 1) / n - share);
  }, 0);
}

/** What `distanceFromUniform` exceeds by chance in 1 % of samples of that size: 1.628 / sqrt(n), good above n = 40. */
export const criticalDistance = (n: number) => 1.628 / Math.sqrt(n);

/**
 * How far the count of n trials with probability p may be from n p: three standard deviations and the half of a whole
 * number, which chance exceeds in 0.3 % of samples. Holds while n p (1 - p) is above about 9.
 */
export const binomialMargin = (n: number, p: number) => 3 * Math.sqrt(n * p * (1 - p)) + 0.5;
