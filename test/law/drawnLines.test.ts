import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Result } from '../../src/experiment/result.ts';
import { panelLines } from '../../src/report/lines.ts';

/** A series with a value and a slope at each instant, in microseconds from the start. */
interface Curve {
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly slopes: readonly number[];
}

const panel = { title: 'x', that: 'x', unit: '' };

function drawn({ times, values, slopes }: Curve, playedMicros: number) {
  const one = { name: 'x', labels: {}, times, values, slopes, length: times.length };
  const series = { names: ['x'], of: (name: string) => (name === 'x' ? [one] : []) };
  return panelLines(panel, { series, playedMicros } as unknown as Result)[0]!.points;
}

/** Steps, ramps that go on as they were, ramps that bend, and level stretches. */
const curve = (most: number): fc.Arbitrary<Curve> =>
  fc
    .array(
      fc.record({
        after: fc.integer({ min: 2, max: 5_000_000 }),
        step: fc.oneof(fc.constant(0), fc.integer({ min: -1000, max: 1000 })),
        slope: fc.oneof(fc.constant(null), fc.constant(0), fc.double({ min: -50, max: 50, noNaN: true })),
      }),
      { minLength: 1, maxLength: most, size: 'max' },
    )
    .map((moves) => {
      const [times, values, slopes] = [[0], [100], [0]];
      for (const { after, step, slope } of moves) {
        const [t, v, s] = [times.at(-1)!, values.at(-1)!, slopes.at(-1)!];
        times.push(t + after);
        values.push(v + (s * after) / 1e6 + step);
        slopes.push(slope ?? s);
      }
      return { times, values, slopes };
    });

/** Both ends of every straight stretch of a series. */
function ends({ times, values, slopes }: Curve, playedMicros: number): { t: number; v: number }[] {
  return times.flatMap((t, i) => {
    const until = (times[i + 1] ?? playedMicros + 1) - 1;
    return [
      { t, v: values[i]! },
      { t: until, v: values[i]! + (slopes[i]! * (until - t)) / 1e6 },
    ];
  });
}

const near = (x: number, y: number) => Math.abs(x - y) <= 1e-5 * Math.max(Math.abs(x), Math.abs(y)) + 1e-4;

test('a drawn line goes through both ends of every straight stretch of its series, with fewer points where stretches go on', () => {
  let leftOut = 0;
  fc.assert(
    fc.property(curve(200), (one) => {
      const played = one.times.at(-1)! + 1_000_000;
      const points = drawn(one, played);
      const all = ends(one, played);
      let i = 0;
      for (const { t, v } of all) {
        while (points[i + 1] !== undefined && points[i + 1]!.t <= t) i += 1;
        const [p, q] = [points[i]!, points[i + 1] ?? points[i]!];
        const at = q.t === p.t ? p.v : p.v + ((q.v - p.v) * (t - p.t)) / (q.t - p.t);
        if (!near(at, v)) throw new Error(`${at} is drawn at ${t}, and the series has ${v}`);
      }
      if (points.length < all.length) leftOut += 1;
    }),
    { numRuns: 100 },
  );
  expect(leftOut).toBeGreaterThan(50);
});

test('least, most and last of a line of any length are drawn', () => {
  let thinned = 0;
  fc.assert(
    fc.property(curve(3000), (one) => {
      const played = one.times.at(-1)! + 1_000_000;
      const values = drawn(one, played).map((p) => p.v);
      const all = ends(one, played).map((p) => p.v);
      expect(near(Math.min(...values), Math.min(...all))).toBe(true);
      expect(near(Math.max(...values), Math.max(...all))).toBe(true);
      expect(near(values.at(-1)!, all.at(-1)!)).toBe(true);
      if (values.length < all.length / 2) thinned += 1;
    }),
    // A counterexample of thousands of stretches takes minutes to make smaller.
    { numRuns: 40, endOnFailure: true },
  );
  expect(thinned).toBeGreaterThan(5);
});
