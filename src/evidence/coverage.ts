/** How often each kind of interval covers what it is about: measured on synthetic experiments by the code that results use, beside what the method has to give. */
import { inverseNormal } from '../engine/distributions.ts';
import { makeStream, type Stream } from '../engine/random.ts';
import {
  alwaysValidBounds,
  binomialPmf,
  orderStatisticRanks,
  quantileInterval,
} from '../experiment/bounds.ts';
import { varianceShares } from '../experiment/nested.ts';
import { meanInterval, wilsonInterval } from '../experiment/statistics.ts';

/** Synthetic experiments behind each measured coverage. */
export const experiments = 2000;

export interface Coverage {
  readonly method: string;
  /** What the values are. */
  readonly of: string;
  readonly measured: number;
  /** What the method covers at this number of values; of bounds that only promise a least coverage, that. */
  readonly reference: number;
  readonly from: 'enumeration' | 'theory' | 'independent simulation' | 'at least';
}

/** Chance that B of a binomial (n, p) lies in a set. */
export function binomialChance(n: number, p: number, isIn: (k: number) => boolean): number {
  let sum = 0;
  for (let k = 0; k <= n; k += 1) if (isIn(k)) sum += binomialPmf(n, k, p);
  return sum;
}

/** Whether a measured coverage lies within 3.3 standard errors of its reference, or not below it where it is the least. */
export function agrees({ measured, reference, from }: Coverage): boolean {
  const room = 3.3 * Math.sqrt((reference * (1 - reference)) / experiments);
  return measured >= reference - room && (from === 'at least' || measured <= reference + room);
}

function share(name: string, covers: (draw: Stream) => boolean): number {
  const draw = makeStream(`coverage|${name}`);
  let covered = 0;
  for (let e = 0; e < experiments; e += 1) if (covers(draw)) covered += 1;
  return covered / experiments;
}

const valuesOf = (draw: Stream, n: number, inverse: (u: number) => number) =>
  Array.from({ length: n }, () => inverse(draw()));

function trues(draw: Stream, n: number, p: number): number {
  let count = 0;
  for (let i = 0; i < n; i += 1) if (draw() < p) count += 1;
  return count;
}

const shares = [0.01, 0.05, 0.1, 0.3, 0.5];
const sizes = [40, 100, 1000];

function* counted(): Generator<Coverage> {
  for (const n of sizes)
    for (const p of shares) {
      const all = Array.from({ length: n + 1 }, (_, k) => wilsonInterval(k, n));
      const covers = (k: number) => all[k]![0] <= p && p <= all[k]![1];
      yield {
        method: "Wilson's, of a chance",
        of: `${n} trials at ${p}`,
        measured: share(`wilson ${n} ${p}`, (draw) => covers(trues(draw, n, p))),
        reference: binomialChance(n, p, covers),
        from: 'enumeration',
      };
    }
  for (const n of sizes)
    for (const p of shares) {
      const ranks = orderStatisticRanks(n, p);
      if (ranks === undefined) continue;
      yield {
        method: 'order statistics, of a quantile',
        of: `${n} values, quantile ${p}`,
        measured: share(`order ${n} ${p}`, (draw) => {
          const found = quantileInterval(
            valuesOf(draw, n, (u) => u),
            p,
          );
          return !('needs' in found) && found.low <= p && p <= found.high;
        }),
        reference: binomialChance(n, p, (k) => k >= ranks[0] && k < ranks[1]),
        from: 'enumeration',
      };
    }
}

/** References of skewed data: ten million experiments each in Go 1.26 (math/rand, seeds 7 and 8, -ln(1 - u)), standard error below 0.0001. */
const exponential = [
  [10, 0.9005],
  [30, 0.927],
] as const;

function* means(): Generator<Coverage> {
  const method = "Student's t, of a mean";
  const covers = (n: number, inverse: (u: number) => number, truth: number) => (draw: Stream) => {
    const { mean, halfWidth } = meanInterval(valuesOf(draw, n, inverse));
    return Math.abs(mean - truth) <= halfWidth;
  };
  for (const n of [5, 10])
    yield {
      method,
      of: `${n} normal values`,
      measured: share(`t ${n}`, covers(n, inverseNormal, 0)),
      reference: 0.95,
      from: 'theory',
    };
  for (const [n, reference] of exponential)
    yield {
      method,
      of: `${n} exponential values`,
      measured: share(
        `skewed ${n}`,
        covers(n, (u) => -Math.log1p(-u), 1),
      ),
      reference,
      from: 'independent simulation',
    };
}

function* others(): Generator<Coverage> {
  const known = new Map<string, readonly [number, number]>();
  const boundsAt = (held: number, n: number, look: number) => {
    const key = `${held} ${look}`;
    const found = known.get(key) ?? alwaysValidBounds(held, n, look, 0.05);
    known.set(key, found);
    return found;
  };
  for (const p of [0.5, 0.9, 0.99])
    yield {
      method: 'always valid, of a chance, at every look until one misses',
      of: `30 trials at ${p}, doubled six times`,
      measured: share(`looks ${p}`, (draw) => {
        let [held, n] = [0, 0];
        for (let look = 1; look <= 7; look += 1) {
          const more = 30 * (1 << (look - 1)) - n;
          held += trues(draw, more, p);
          n += more;
          const [low, high] = boundsAt(held, n, look);
          if (low > p || high < p) return false;
        }
        return true;
      }),
      reference: 0.95,
      from: 'at least',
    };
  for (const [groups, runs, between] of [
    [10, 5, 1],
    [5, 2, 0.5],
    [20, 10, 3],
  ] as const) {
    const truth = (between * between) / (between * between + 1);
    yield {
      method: 'nested runs, of the share of what is not known',
      of: `${groups} draws of ${runs} normal runs, share ${Number(truth.toPrecision(3))}`,
      measured: share(`nested ${groups} ${runs} ${between}`, (draw) => {
        const drawn = Array.from({ length: groups }, () => {
          const own = between * inverseNormal(draw());
          return valuesOf(draw, runs, (u) => own + inverseNormal(u));
        });
        const { interval } = varianceShares(drawn);
        return interval![0] <= truth && truth <= interval![1];
      }),
      reference: 0.95,
      from: 'theory',
    };
  }
}

/** Every kind of interval that results show, at 95 %. */
export function coverages(): readonly Coverage[] {
  return [...counted(), ...means(), ...others()];
}
