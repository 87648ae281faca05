/** How a number is drawn: the inverse of a distribution function, one uniform number for one sample. */
export interface Distribution {
  /** The value at probability `u`, 0 < u < 1. */
  sample(u: number): number;
  readonly mean: number;
  /** Whether two samples can differ. */
  readonly draws: boolean;
  readonly says: string;
}

export function constant(value: number): Distribution {
  return { sample: () => value, mean: value, draws: false, says: `${value}` };
}

/** @throws RangeError when `to` is below `from` */
export function uniform(from: number, to: number): Distribution {
  need(to >= from, `uniform needs from <= to, not ${from} and ${to}`);
  return {
    sample: (u) => from + (to - from) * u,
    mean: (from + to) / 2,
    draws: to > from,
    says: `uniform from ${from} to ${to}`,
  };
}

/** @throws RangeError unless the mean is above 0 */
export function exponential(mean: number): Distribution {
  need(mean > 0, `exponential needs a mean above 0, not ${mean}`);
  return { sample: (u) => -mean * Math.log1p(-u), mean, draws: true, says: `exponential with mean ${mean}` };
}

const z95 = 1.6448536269514722;

/**
 * Lognormal by its median and 95 % quantile: exp(ln median + sigma z), sigma = ln(p95 / median) / 1.6449.
 * @throws RangeError unless 0 < median <= p95
 */
export function lognormal(median: number, p95: number): Distribution {
  need(median > 0 && p95 >= median, `lognormal needs 0 < median <= p95, not ${median} and ${p95}`);
  const mu = Math.log(median);
  const sigma = (Math.log(p95) - mu) / z95;
  return {
    sample: (u) => Math.exp(mu + sigma * inverseNormal(u)),
    mean: Math.exp(mu + (sigma * sigma) / 2),
    draws: sigma > 0,
    says: `lognormal with median ${median} and p95 ${p95}`,
  };
}

/** F(x) = 1 - exp(-(x / scale)^shape). @throws RangeError unless both are above 0 */
export function weibull(shape: number, scale: number): Distribution {
  need(shape > 0 && scale > 0, `weibull needs shape and scale above 0, not ${shape} and ${scale}`);
  return {
    sample: (u) => scale * Math.exp(Math.log(-Math.log1p(-u)) / shape),
    mean: scale * gamma(1 + 1 / shape),
    draws: true,
    says: `weibull with shape ${shape} and scale ${scale}`,
  };
}

/** F(x) = 1 - (minimum / x)^shape for x >= minimum; the mean is infinite for a shape of 1 or less. */
export function pareto(shape: number, minimum: number): Distribution {
  need(shape > 0 && minimum > 0, `pareto needs shape and minimum above 0, not ${shape} and ${minimum}`);
  return {
    sample: (u) => minimum * Math.exp(-Math.log1p(-u) / shape),
    mean: shape > 1 ? (shape * minimum) / (shape - 1) : Number.POSITIVE_INFINITY,
    draws: true,
    says: `pareto with shape ${shape} and minimum ${minimum}`,
  };
}

/** The given values, each as likely as the next, without interpolation. @throws RangeError when there is none */
export function empirical(values: readonly number[]): Distribution {
  need(
    values.length > 0 && values.every(Number.isFinite),
    'empirical needs at least one value, all of them numbers',
  );
  const sorted = [...values].sort((x, y) => x - y);
  return {
    sample: (u) => sorted[Math.min(sorted.length - 1, Math.floor(u * sorted.length))]!,
    mean: sorted.reduce((sum, x) => sum + x, 0) / sorted.length,
    draws: sorted[0] !== sorted[sorted.length - 1],
    says: `one of ${sorted.length} recorded values`,
  };
}

/** A distribution scaled by a factor, as units need it. */
export function scaled(inner: Distribution, factor: number): Distribution {
  return {
    sample: (u) => inner.sample(u) * factor,
    mean: inner.mean * factor,
    draws: inner.draws,
    says: inner.says,
  };
}

function need(condition: boolean, says: string): void {
  if (!condition) throw new RangeError(says);
}

/**
 * Quantile of the standard normal distribution, absolute error below 1e-9.
 * Source: P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003).
 */
export function inverseNormal(u: number): number {
  const low = 0.02425;
  if (u < low) {
    const x = Math.sqrt(-2 * Math.log(u));
    return tail(x);
  }
  if (u > 1 - low) return -tail(Math.sqrt(-2 * Math.log1p(-u)));
  const x = u - 0.5;
  const r = x * x;
  return (
    ((((((-3.969683028665376e1 * r + 2.209460984245205e2) * r - 2.759285104469687e2) * r +
      1.38357751867269e2) *
      r -
      3.066479806614716e1) *
      r +
      2.506628277459239) *
      x) /
    (((((-5.447609879822406e1 * r + 1.615858368580409e2) * r - 1.556989798598866e2) * r +
      6.680131188771972e1) *
      r -
      1.328068155288572e1) *
      r +
      1)
  );
}

function tail(x: number): number {
  return (
    (((((-7.784894002430293e-3 * x - 3.223964580411365e-1) * x - 2.400758277161838) * x - 2.549732539343734) *
      x +
      4.374664141464968) *
      x +
      2.938163982698783) /
    ((((7.784695709041462e-3 * x + 3.224671290700398e-1) * x + 2.445134137142996) * x + 3.754408661907416) *
      x +
      1)
  );
}

/** Gamma function for x > 0. Source: Lanczos approximation, g = 7, n = 9 (P. Godfrey's coefficients). */
function gamma(x: number): number {
  const c = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const y = x - 1;
  let sum = c[0]!;
  for (let i = 1; i < 9; i += 1) sum += c[i]! / (y + i);
  const t = y + 7.5;
  return Math.sqrt(2 * Math.PI) * Math.exp((y + 0.5) * Math.log(t) - t) * sum;
}
