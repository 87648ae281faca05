import { inverseNormal } from '../engine/distributions.ts';

/** A curve of how many of `total` are done by a time, through two counts of it. */
export interface RolloverCurve {
  readonly name: string;
  readonly says: string;
  /** @param seconds from the start of the rollover */
  at(seconds: number): number;
}

export interface Count {
  /** From the start of the rollover. */
  readonly seconds: number;
  readonly done: number;
}

/** Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 7.1.26: absolute error below 1.5e-7. */
function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = (series * Math.exp(-x * x)) / 2;
  return z > 0 ? 1 - tail : tail;
}

/**
 * Four families with two parameters each, all through the same two counts, so that none has more freedom than another: a burst and a constant pace; what is left falling
 * exponentially after a burst; times by Weibull and by lognormal from the start.
 * @throws RangeError unless 0 < first.done < second.done < total, in that order of time
 */
export function rolloverCurves(first: Count, second: Count, total: number): readonly RolloverCurve[] {
  const ordered = first.seconds > 0 && first.seconds < second.seconds;
  if (!ordered || !(first.done > 0 && first.done < second.done && second.done < total))
    throw new RangeError('a rollover needs two counts, the second later and larger, both below the total');
  const pace = (second.done - first.done) / (second.seconds - first.seconds);
  const left = (c: Count) => Math.log(1 - c.done / total);
  const decay = (left(first) - left(second)) / (second.seconds - first.seconds);
  const slope = (y: (c: Count) => number) =>
    (y(second) - y(first)) / (Math.log(second.seconds) - Math.log(first.seconds));
  const hazard = (c: Count) => Math.log(-left(c));
  const shape = slope(hazard);
  const score = (c: Count) => inverseNormal(c.done / total);
  const spread = slope(score);
  return [
    {
      name: 'linear',
      says: 'a burst, then a constant pace: what is played',
      at: (s) => Math.min(total, first.done + pace * (s - first.seconds)),
    },
    {
      name: 'exponential',
      says: 'a burst, then what is left falls exponentially',
      at: (s) => total * (1 - Math.exp(left(first) - decay * (s - first.seconds))),
    },
    {
      name: 'Weibull',
      says: `shape ${shape.toFixed(2)}`,
      at: (s) => total * (1 - Math.exp(-Math.exp(hazard(first) + shape * Math.log(s / first.seconds)))),
    },
    {
      name: 'lognormal',
      says: `sigma ${(1 / spread).toFixed(2)}`,
      at: (s) => total * normalCdf(score(first) + spread * Math.log(s / first.seconds)),
    },
  ];
}
