import { describe, expect, test } from 'vitest';
import { meanInterval, studentQuantile, wilsonInterval } from '../../src/experiment/statistics.ts';

describe("Student's t", () => {
  // W. S. Gosset's distribution as tabulated in NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
  test.each([
    [0.95, 1, 6.314],
    [0.975, 1, 12.706],
    [0.975, 2, 4.303],
    [0.975, 5, 2.571],
    [0.99, 10, 2.764],
    [0.975, 30, 2.042],
    [0.975, 60, 2.0],
    [0.975, 99, 1.984],
    [0.995, 100, 2.626],
    [0.9, 3, 1.638],
  ])('quantile %f with %i degrees of freedom is %f', (p, degrees, stated) => {
    expect(Math.abs(studentQuantile(p, degrees) - stated)).toBeLessThan(0.0006);
    expect(studentQuantile(1 - p, degrees)).toBeCloseTo(-studentQuantile(p, degrees), 9);
  });

  test('it has no quantile outside (0, 1), or of part of a degree', () => {
    for (const [p, degrees] of [
      [0, 3],
      [1, 3],
      [0.5, 0],
      [0.5, 1.5],
    ] as const)
      expect(() => studentQuantile(p, degrees)).toThrow(RangeError);
    expect(studentQuantile(0.5, 7)).toBeCloseTo(0, 12);
  });

  test('the mean of 9, 10 and 11 is known to 2.48', () => {
    const { mean, halfWidth } = meanInterval([9, 10, 11]);
    expect(mean).toBe(10);
    expect(halfWidth).toBeCloseTo(4.3027 / Math.sqrt(3), 3);
  });
});

describe("Wilson's interval", () => {
  // R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%i of %i is %f to %f', (count, of, low, high) => {
    const [a, b] = wilsonInterval(count, of);
    expect(Math.abs(a - low)).toBeLessThan(0.00006);
    expect(Math.abs(b - high)).toBeLessThan(0.00006);
  });

  test('0 of 100 is at most 3.7 %, and all of 100 at least 96.3 %', () => {
    expect(wilsonInterval(0, 100)[0]).toBe(0);
    expect(wilsonInterval(0, 100)[1]).toBeCloseTo(0.037, 4);
    expect(wilsonInterval(100, 100)[0]).toBeCloseTo(0.963, 4);
    expect(wilsonInterval(100, 100)[1]).toBe(1);
  });

  test('without a trial there is none', () => {
    expect(() => wilsonInterval(0, 0)).toThrow(RangeError);
    expect(() => wilsonInterval(3, 2)).toThrow(RangeError);
  });
});
