/** Bounds of quantiles and of probabilities that hold for any distribution. */
import { quantile, wilsonInterval } from './statistics.ts';

/** Lanczos coefficients of P. Godfrey, g = 7. */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Natural logarithm of the gamma function for x >= 1. Source: C. Lanczos (1964), coefficients by P. Godfrey. */
export function logGamma(x: number): number {
  const y = x - 1;
  let sum = lanczos[0]!;
  for (let i = 1; i < lanczos.length; i += 1) sum += lanczos[i]! / (y + i);
  const t = y + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (y + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Probability of k of n at p. */
export function binomialPmf(n: number, k: number, p: number): number {
  if (p <= 0) return k === 0 ? 1 : 0;
  if (p >= 1) return k === n ? 1 : 0;
  return Math.exp(
    logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1) + k * Math.log(p) + (n - k) * Math.log1p(-p),
  );
}

/** The continued fraction of the incomplete beta function, by W. J. Lentz's method (1976). */
function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let h = d;
  for (let m = 1; m < 10_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 + even * d;
    c = 1 + even / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + odd * d;
    c = 1 + odd / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return h;
}

/** Regularised incomplete beta function I_x(a, b), for a and b of 1 or more. */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(a, b, x)) / a
    : 1 - (front * betaFraction(b, a, 1 - x)) / b;
}

/** Where I_x(a, b) reaches a probability. */
export function betaQuantile(p: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 60; i += 1) {
    const middle = (low + high) / 2;
    if (regularisedBeta(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Exact bounds of a probability of which `count` of `of` independent trials came true: they miss it with at most `alpha`.
 * Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial" (1934).
 */
export function clopperPearson(count: number, of: number, alpha: number): readonly [number, number] {
  if (of < 1 || count < 0 || count > of) throw new RangeError(`${count} of ${of} trials`);
  return [
    count === 0 ? 0 : betaQuantile(alpha / 2, count, of - count + 1),
    count === of ? 1 : betaQuantile(1 - alpha / 2, count + 1, of - count),
  ];
}

/**
 * Bounds at the k-th look at a growing number of trials: exact ones at alpha / (k (k + 1)), so that all looks together, however many there are, miss the probability with at
 * most alpha. Source: the union bound; 1 / (k (k + 1)) sums to 1.
 */
export function alwaysValidBounds(
  count: number,
  of: number,
  look: number,
  alpha: number,
): readonly [number, number] {
  if (look < 1) throw new RangeError(`look ${look}: the first is 1`);
  return clopperPearson(count, of, alpha / (look * (look + 1)));
}

/**
 * Ranks, from 1, of the order statistics of n independent values between which the p-quantile lies with at least the confidence; undefined where n values cannot bound it.
 * The nearer side is taken up first, so that no narrower pair around the quantile is passed over.
 * Source: H. A. David and H. N. Nagaraja, "Order Statistics" (2003), 7.1: P(X_(l) <= q < X_(u)) = P(l <= B < u) with B binomial (n, p).
 */
export function orderStatisticRanks(
  n: number,
  p: number,
  confidence = 0.95,
): readonly [number, number] | undefined {
  let low = Math.min(n - 1, Math.max(1, Math.floor(n * p)));
  let high = low + 1;
  if (n < 2) return undefined;
  // Covered: B from `low` to `high` - 1.
  let covered = binomialPmf(n, low, p);
  while (covered < confidence) {
    const below = low > 1 ? binomialPmf(n, low - 1, p) : -1;
    const above = high < n ? binomialPmf(n, high, p) : -1;
    if (below < 0 && above < 0) return undefined;
    if (below >= above) {
      low -= 1;
      covered += below;
    } else {
      high += 1;
      covered += above;
    }
  }
  return [low, high];
}

/** The fewest independent values that bound a p-quantile: 1 - p^n - (1 - p)^n must reach the confidence. @throws RangeError unless 0 < p < 1 */
export function runsToBound(p: number, confidence = 0.95): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`no number of values bounds the ${p}-quantile`);
  const misses = (n: number) => Math.exp(n * Math.log(p)) + Math.exp(n * Math.log1p(-p));
  let n = 2;
  while (1 - misses(n) < confidence) n += 1;
  return n;
}

/** A quantile with bounds that hold for any distribution, or how many values it takes to bound it. */
export function quantileInterval(
  values: readonly number[],
  p: number,
  confidence = 0.95,
): { readonly value: number; readonly low: number; readonly high: number } | { readonly needs: number } {
  const ranks = orderStatisticRanks(values.length, p, confidence);
  if (ranks === undefined) return { needs: runsToBound(p, confidence) };
  const sorted = Float64Array.from(values).sort();
  return { value: quantile(sorted, p), low: sorted[ranks[0] - 1]!, high: sorted[ranks[1] - 1]! };
}

/** The fewest runs without a single event after which Wilson's upper bound is below p: 381 for 1 %. */
export function cleanRunsFor(p: number): number {
  let [low, high] = [1, 1];
  while (wilsonInterval(0, high)[1] >= p) high *= 2;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (wilsonInterval(0, middle)[1] < p) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** Candidates up to which the fewest runs are looked for one by one: rounding makes bounds jump, so that halving may pass the first. */
const mostScanned = 5000;

/**
 * Further runs after which bounds decide whether at least a share holds, if the observed share stays as it is; undefined where they never do. It is the fewest up to 5,000, beyond
 * that one that decides.
 * @param bounds those that will decide; Wilson's at 95 % by default
 */
export function runsStillNeeded(
  held: number,
  of: number,
  wanted: number,
  bounds: (count: number, of: number) => readonly [number, number] = wilsonInterval,
): number | undefined {
  const share = of === 0 ? 1 : held / of;
  const decides = (n: number) => {
    const [low, high] = bounds(Math.round(share * n), n);
    return low >= wanted || high < wanted;
  };
  let n = Math.max(1, of);
  for (; n < 1e8; n *= 2) if (decides(n)) break;
  if (n >= 1e8) return undefined;
  for (let fewest = Math.max(1, of); fewest < Math.min(n, of + mostScanned); fewest += 1)
    if (decides(fewest)) return fewest - of;
  let [low, high] = [Math.max(of, Math.floor(n / 2)), n];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (decides(middle)) high = middle;
    else low = middle + 1;
  }
  return high - of;
}

/**
 * Runs that Student's interval of a mean needs for values as skew as these, where there are fewer: 25 times the square of Fisher's skewness G1. Below, the interval covers less than it says.
 * Null for enough, for fewer than three values, and for values that do not vary.
 * Source: W. G. Cochran, "Sampling Techniques", 3rd ed. (1977), section 2.15; G1: D. N. Joanes, C. A. Gill (1998).
 */
export function runsForSkew(values: readonly number[]): number | null {
  const n = values.length;
  if (n < 3) return null;
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  let [second, third] = [0, 0];
  for (const v of values) {
    const d = v - mean;
    second += d * d;
    third += d * d * d;
  }
  second /= n;
  third /= n;
  if (second <= 0) return null;
  const g1 = (third / (second * Math.sqrt(second))) * (Math.sqrt(n * (n - 1)) / (n - 2));
  const needs = Math.ceil(25 * g1 * g1);
  return needs > n ? needs : null;
}
