import { describe, expect, test } from 'vitest';
import { makeStream } from '../../src/engine/random.ts';
import { agrees, binomialChance, coverages } from '../../src/evidence/coverage.ts';
import {
  alwaysValidBounds,
  cleanRunsFor,
  clopperPearson,
  orderStatisticRanks,
  quantileInterval,
  regularisedBeta,
  runsForSkew,
  runsStillNeeded,
  runsToBound,
} from '../../src/experiment/bounds.ts';
import { meanInterval, wilsonInterval } from '../../src/experiment/statistics.ts';

const sizes = [40, 100, 1000];
const shares = [0.01, 0.05, 0.1, 0.3, 0.5];

describe('bounds, by enumeration', () => {
  test('order statistics cover a quantile in 95 % or more, and refuse it where they cannot', () => {
    let given = 0;
    for (const n of sizes)
      for (const p of shares) {
        const ranks = orderStatisticRanks(n, p);
        const most = 1 - Math.exp(n * Math.log(p)) - Math.exp(n * Math.log1p(-p));
        expect(ranks === undefined, `${n} values at ${p}`).toBe(most < 0.95);
        if (ranks === undefined) continue;
        given += 1;
        const [low, high] = ranks;
        expect(binomialChance(n, p, (k) => k >= low && k < high)).toBeGreaterThanOrEqual(0.95);
        // One rank less on either side is too little.
        expect(
          binomialChance(n, p, (k) => k >= low + 1 && k < high) < 0.95 ||
            binomialChance(n, p, (k) => k >= low && k < high - 1) < 0.95,
        ).toBe(true);
      }
    expect(given).toBe(12);
    expect(runsToBound(0.99)).toBe(299);
    expect(runsToBound(0.95)).toBe(59);
    expect(quantileInterval([1, 2, 3], 0.99)).toEqual({ needs: 299 });
  });

  test('exact bounds of a probability cover it in 95 % or more, and no more often than is needed at the ends', () => {
    for (const n of sizes)
      for (const p of shares) {
        const covered = binomialChance(n, p, (k) => {
          const [low, high] = clopperPearson(k, n, 0.05);
          return low <= p && p <= high;
        });
        expect(covered).toBeGreaterThanOrEqual(0.95);
      }
    // 0 of n: (1 - p)^n = alpha / 2.
    expect(clopperPearson(0, 20, 0.05)[1]).toBeCloseTo(1 - Math.exp(Math.log(0.025) / 20), 9);
    // A published pair: 10 of 100.
    const [low, high] = clopperPearson(10, 100, 0.05);
    expect(low).toBeCloseTo(0.049, 4);
    expect(high).toBeCloseTo(0.1762, 4);
    expect(regularisedBeta(0.3, 2, 3)).toBeCloseTo(1 - 0.6517, 4);
  });

  test('381 clean runs say less than 1 %', () => {
    expect(cleanRunsFor(0.01)).toBe(381);
    expect(wilsonInterval(0, 380)[1]).toBeGreaterThanOrEqual(0.01);
  });

  test('the runs still needed decide, and one fewer does not', () => {
    for (const [held, of, wanted] of [
      [95, 100, 0.9],
      [20, 20, 0.99],
      [80, 100, 0.9],
      [99, 100, 0.95],
    ] as const) {
      const more = runsStillNeeded(held, of, wanted)!;
      const decided = (n: number) => {
        const [low, high] = wilsonInterval(Math.round((held / of) * n), n);
        return low >= wanted || high < wanted;
      };
      expect(decided(of + more), `${held} of ${of}`).toBe(true);
      if (more > 0) expect(decided(of + more - 1)).toBe(false);
    }
    expect(runsStillNeeded(90, 100, 0.9)).toBeUndefined();
    // The fewest, where rounding makes the bounds jump: 28 of a third decide against a half, 27 do not.
    const decided = (n: number) => wilsonInterval(Math.round(n / 3), n)[1] < 0.5;
    const more = runsStillNeeded(1, 3, 0.5)!;
    expect(decided(3 + more)).toBe(true);
    for (let n = 3; n < 3 + more; n += 1) expect(decided(n)).toBe(false);
    // By the bounds that a second look has, it takes more than by Wilson's.
    const second = runsStillNeeded(95, 100, 0.9, (k, n) => alwaysValidBounds(k, n, 2, 0.05))!;
    expect(second).toBeGreaterThan(runsStillNeeded(95, 100, 0.9)!);
    expect(
      alwaysValidBounds(Math.round(0.95 * (100 + second)), 100 + second, 2, 0.05)[0],
    ).toBeGreaterThanOrEqual(0.9);
    expect(() => runsToBound(1)).toThrow(RangeError);
    expect(() => alwaysValidBounds(1, 2, 0, 0.05)).toThrow(RangeError);
  });
});

describe('coverage over 2,000 synthetic experiments', () => {
  const all = coverages();

  test.each(all.map((c) => [`${c.method}: ${c.of}`, c] as const))('%s', (_, c) => {
    expect(agrees(c), `${c.measured} against ${c.reference}`).toBe(true);
    expect(c.measured).toBeLessThan(1);
  });

  test('they are of every kind; an interval that is a tenth too short is told', () => {
    const by = new Map<string, number>();
    for (const c of all) by.set(c.from, (by.get(c.from) ?? 0) + 1);
    expect(Object.fromEntries(by)).toEqual({
      enumeration: 27,
      theory: 5,
      'independent simulation': 2,
      'at least': 3,
    });
    // Student's t at 95 % covers 92 % of normal values, when it is a tenth too short.
    expect(agrees({ ...all.find((c) => c.from === 'theory')!, measured: 0.92 })).toBe(false);
  });
});

describe("what Student's interval needs of skew values", () => {
  const drawn = (n: number, inverse: (u: number) => number) => {
    const draw = makeStream(`skew|${n}`);
    return Array.from({ length: n }, () => inverse(draw()));
  };

  test('is told for an exponential below about a hundred runs, of which skewness 2 needs 25 x 4, and never for what is symmetric', () => {
    const few = Array.from({ length: 50 }, (_, i) => -Math.log(1 - (i + 0.5) / 50));
    expect(runsForSkew(few)!).toBeGreaterThan(50);
    expect(runsForSkew(drawn(1000, (u) => -Math.log(u)))).toBeNull();
    expect(runsForSkew(Array.from({ length: 10 }, (_, i) => i))).toBeNull();
    expect([runsForSkew([1, 1, 1, 1]), runsForSkew([1, 9]), runsForSkew([])]).toEqual([null, null, null]);
    // By hand: deviations -0.25 three times and 0.75, G1 = 2 exactly for four values of which one differs.
    expect(runsForSkew([0, 0, 0, 1])).toBe(100);
  });

  test('fewer runs than it asks for cover less than they say, by measure', () => {
    const experiments = 4000;
    const draw = makeStream('skew coverage');
    let [covered, warned] = [0, 0];
    for (let e = 0; e < experiments; e += 1) {
      // A lognormal as skew as times of outages are.
      const values = Array.from({ length: 10 }, () =>
        Math.exp(1.2 * Math.sqrt(-2 * Math.log(draw())) * Math.cos(2 * Math.PI * draw())),
      );
      if (runsForSkew(values) !== null) warned += 1;
      const { mean, halfWidth } = meanInterval(values);
      if (Math.abs(mean - Math.exp(0.72)) <= halfWidth!) covered += 1;
    }
    expect(covered / experiments).toBeLessThan(0.9);
    expect(warned / experiments).toBeGreaterThan(0.75);
  });
});
