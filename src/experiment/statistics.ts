/**
 * Quantile of a sample by linear interpolation between order statistics (R. J. Hyndman and Y. Fan, "Sample quantiles in
 * statistical packages" (1996), definition 7). NaN for an empty sample.
 */
export function quantile(values: ArrayLike<number>, p: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * p;
  const below = Math.floor(at);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/**
 * Probability that Student's t with whole degrees of freedom lies between -t and t.
 * Source: M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.7.3 and 26.7.4, with tan θ = t / √ν.
 */
function studentWithin(theta: number, degrees: number): number {
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  const odd = degrees % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= (cosine * cosine * (k - 1)) / k;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum;
}

/**
 * Quantile of Student's t.
 * @param p probability below it, between 0 and 1
 * @param degrees of freedom, a whole number from 1
 * @throws RangeError outside these
 */
export function studentQuantile(p: number, degrees: number): number {
  if (!(p > 0 && p < 1) || !Number.isInteger(degrees) || degrees < 1)
    throw new RangeError(`Student's t has no quantile ${p} with ${degrees} degrees of freedom`);
  const within = Math.abs(2 * p - 1);
  let [low, high] = [0, Math.PI / 2];
  // Each halving gives one bit; 60 leave nothing of a double.
  for (let i = 0; i < 60; i += 1) {
    const middle = (low + high) / 2;
    if (studentWithin(middle, degrees) < within) low = middle;
    else high = middle;
  }
  return Math.sign(p - 0.5) * Math.tan(low) * Math.sqrt(degrees);
}

/** Two-sided 95 % quantile of the normal distribution. */
const z975 = 1.959963984540054;

/**
 * Bounds of a probability of which `count` of `of` independent trials came true, at 95 %: of 0 of 100 it says "at most 3.7 %".
 * Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
 * @throws RangeError without a trial
 */
export function wilsonInterval(count: number, of: number): readonly [number, number] {
  if (of < 1 || count < 0 || count > of) throw new RangeError(`${count} of ${of} trials`);
  const z2 = z975 * z975;
  const share = count / of;
  const centre = (share + z2 / (2 * of)) / (1 + z2 / of);
  const half = (z975 / (1 + z2 / of)) * Math.sqrt((share * (1 - share)) / of + z2 / (4 * of * of));
  return [count === 0 ? 0 : Math.max(0, centre - half), count === of ? 1 : Math.min(1, centre + half)];
}

/** Mean and half-width of its 95 % interval. @throws RangeError for fewer than two values */
export function meanInterval(values: readonly number[]): {
  readonly mean: number;
  readonly halfWidth: number;
} {
  if (values.length < 2) throw new RangeError('an interval needs two values');
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((a, b) => a + (b - mean) * (b - mean), 0);
  const t = studentQuantile(0.975, values.length - 1);
  return { mean, halfWidth: t * Math.sqrt(squares / (values.length - 1) / values.length) };
}
