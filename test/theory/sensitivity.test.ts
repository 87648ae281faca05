import { describe, expect, test } from 'vitest';
import { makeStream } from '../../src/engine/random.ts';
import {
  latinHypercube,
  morrisEffects,
  morrisTrajectories,
  mostDimensions,
  saltelli,
  sobolIndices,
  sobolPoints,
} from '../../src/experiment/sensitivity.ts';

/** Ishigami and Homma (1990), a = 7, b = 0.1, over (-pi, pi), with a fourth input that nothing reads. */
const ishigami = ([u = 0, v = 0, w = 0]: readonly number[]) => {
  const [x, y, z] = [u, v, w].map((q) => Math.PI * (2 * q - 1)) as [number, number, number];
  return Math.sin(x) + 7 * Math.sin(y) * Math.sin(y) + 0.1 * z * z * z * z * Math.sin(x);
};

describe('designs', () => {
  test("every dimension of Sobol's first 2^k points has one in each of 2^k equal parts", () => {
    for (const k of [3, 6, 9]) {
      const points = sobolPoints(2 ** k, mostDimensions, makeStream('shift'));
      for (let d = 0; d < mostDimensions; d += 1)
        expect(new Set(points.map((p) => Math.floor(p[d]! * 2 ** k))).size, `dimension ${d}`).toBe(2 ** k);
    }
    // Pairs fill squares: of the first 2^8 points each of 16 x 16 squares has one, for the first two dimensions.
    const pairs = sobolPoints(256, 2, makeStream('shift'));
    expect(new Set(pairs.map((p) => Math.floor(p[0]! * 16) * 16 + Math.floor(p[1]! * 16))).size).toBe(256);
    expect(() => sobolPoints(2, mostDimensions + 1, makeStream('x'))).toThrow(RangeError);
  });

  test('every column of a Latin hypercube has one point in each part', () => {
    const points = latinHypercube(50, 6, makeStream('latin'));
    for (let d = 0; d < 6; d += 1) expect(new Set(points.map((p) => Math.floor(p[d]! * 50))).size).toBe(50);
  });

  test("Sobol's points integrate better than drawn ones", () => {
    const f = (p: readonly number[]) => p.reduce((product, x) => product * (0.5 + x), 1);
    const error = (points: readonly (readonly number[])[]) =>
      Math.abs(points.reduce((s, p) => s + f(p), 0) / points.length - 1);
    const draw = makeStream('drawn');
    const drawn = Array.from({ length: 1024 }, () => Array.from({ length: 5 }, draw));
    expect(error(sobolPoints(1024, 5, makeStream('sobol')))).toBeLessThan(error(drawn) / 4);
  });
});

describe('indices', () => {
  test('of the Ishigami function are those of its closed form, within 0.02 at N = 4,096', () => {
    const n = 4096;
    const points = saltelli(n, 4, makeStream('ishigami'));
    const found = sobolIndices(points.map(ishigami), n, 4, makeStream('bootstrap'));
    const variance = 49 / 8 + (0.1 * Math.PI ** 4) / 5 + (0.01 * Math.PI ** 8) / 18 + 0.5;
    const first = [0.5 * (1 + (0.1 * Math.PI ** 4) / 5) ** 2, 49 / 8, 0, 0].map((v) => v / variance);
    const third = (0.01 * Math.PI ** 8 * (1 / 18 - 1 / 50)) / variance;
    const total = [first[0]! + third, first[1]!, third, 0];
    found.forEach((index, i) => {
      expect(Math.abs(index.first - first[i]!), `first ${i}`).toBeLessThan(0.02);
      expect(Math.abs(index.total - total[i]!), `total ${i}`).toBeLessThan(0.02);
      expect(index.firstInterval[0]).toBeLessThanOrEqual(index.first);
      expect(index.firstInterval[1]).toBeGreaterThanOrEqual(index.first);
    });
    // What nothing reads comes last, and its interval holds 0.
    const last = [...found].sort((a, b) => a.total - b.total)[0]!;
    expect(last).toBe(found[3]);
    expect(last.totalInterval[0]).toBeLessThanOrEqual(0);
    expect(last.totalInterval[1]).toBeGreaterThanOrEqual(0);
  });

  test("Morris's effects order the inputs of a linear function by its slopes", () => {
    const f = (p: readonly number[]) => 5 * p[0]! - 2 * p[1]! + 0 * p[2]!;
    const points = morrisTrajectories(20, 3, makeStream('morris'));
    expect(points).toHaveLength(80);
    const found = morrisEffects(points, points.map(f), 3);
    expect(found.map((e) => Number(e.muStar.toFixed(9)))).toEqual([5, 2, 0]);
    expect(Math.max(...found.map((e) => e.sigma))).toBeLessThan(1e-9);
  });
});
