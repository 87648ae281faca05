import { expect, test } from 'vitest';
import { operators, plainDigits, power, quantile } from '../../src/promql/arithmetic.ts';
import { histogramQuantile } from '../../src/promql/calls.ts';
import { changeTimes, checkExpectation } from '../../src/promql/expectation.ts';
import { ExactView, ServerView } from '../../src/promql/leaves.ts';
import { parseExpectation, parseExpression } from '../../src/promql/parse.ts';
import { Query } from '../../src/promql/query.ts';
import { prometheus3, StoredSamples } from '../../src/promql/samples.ts';
import { gone } from '../../src/promql/series.ts';
import { Shape } from '../../src/promql/vector.ts';
import { windowFunctions } from '../../src/promql/window.ts';
import { seriesSet } from '../support/series.ts';

const parsed = (text: string) => {
  const p = parseExpression(text);
  if (!p.ok) throw new Error(p.problems[0]!.message);
  return p.value;
};

test.each([
  [2, 10, 1024],
  [10, -3, 0.001],
  [1.5, 3, 3.375],
  [-2, 3, -8],
  [-2, 0.5, Number.NaN],
  [0, -1, Number.POSITIVE_INFINITY],
  [-0, -3, Number.NEGATIVE_INFINITY],
  [-0, -2, Number.POSITIVE_INFINITY],
  [-0, 3, -0],
  [2, 1023, 8.98846567431158e307],
  [2, 1024, Number.POSITIVE_INFINITY],
  [2, -1022, 2.2250738585072014e-308],
  [2, -1074, 5e-324],
  [2, -1073, 1e-323],
  [2, -1076, 0],
  [1.5, 1e300, Number.POSITIVE_INFINITY],
  [1.5, -1e300, 0],
  [0.5, 1e300, 0],
  [-1, 1e300, 1],
  [-1, Number.POSITIVE_INFINITY, 1],
  [0.5, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  [Number.NEGATIVE_INFINITY, 3, Number.NEGATIVE_INFINITY],
  [Number.NEGATIVE_INFINITY, -3, -0],
  [Number.NaN, 0, 1],
  [4, 0.5, 2],
  [4, -0.5, 0.5],
])('%d ^ %d is %d', (x, y, result) => {
  expect(power(x, y)).toBe(result);
  expect(operators['^']!(x, y)).toBe(result);
});

test('numbers in plain digits', () => {
  const values = [
    1,
    -0,
    1e21,
    1.5e-7,
    -1.25e22,
    123456.789,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  expect(values.map(plainDigits)).toEqual([
    '1',
    '-0',
    '1000000000000000000000',
    '0.00000015',
    '-12500000000000000000000',
    '123456.789',
    'NaN',
    '+Inf',
    '-Inf',
  ]);
});

test('quantiles lie between their neighbours, NaN least', () => {
  expect([0, 0.25, 0.5, 1, -1, 2, Number.NaN].map((q) => quantile(q, [3, 1, 2, 5]))).toEqual([
    1,
    1.75,
    2.5,
    5,
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NaN,
  ]);
  expect([quantile(1, [Number.NaN, 1]), quantile(0, [Number.NaN, 1])]).toEqual([1, Number.NaN]);
});

const buckets = (counts: readonly (readonly [string, number])[]) => ({
  shape: new Shape(counts.map(([le]) => ({ le }))),
  values: Float64Array.from(counts, ([, count]) => count),
});

test.each([
  [
    'inside a bucket',
    0.5,
    [
      ['1', 2],
      ['2', 6],
      ['+Inf', 8],
    ],
    1.5,
  ],
  [
    'the first bucket begins at 0',
    0.125,
    [
      ['1', 2],
      ['2', 6],
      ['+Inf', 8],
    ],
    0.5,
  ],
  [
    'a first bucket that ends at 0 gives its end',
    0.1,
    [
      ['0', 2],
      ['2', 6],
      ['+Inf', 8],
    ],
    0,
  ],
  [
    'a first bucket below 0 gives its end',
    0.1,
    [
      ['-1', 2],
      ['2', 6],
      ['+Inf', 8],
    ],
    -1,
  ],
  [
    'the last bucket gives where it begins',
    0.9,
    [
      ['1', 2],
      ['2', 6],
      ['+Inf', 8],
    ],
    2,
  ],
  [
    'counts that fall are raised',
    0.5,
    [
      ['1', 4],
      ['2', 3],
      ['+Inf', 8],
    ],
    1,
  ],
  [
    'without the last there is none',
    0.5,
    [
      ['1', 4],
      ['2', 8],
    ],
    Number.NaN,
  ],
  ['the last alone is none', 0.5, [['+Inf', 8]], Number.NaN],
  [
    'nothing observed',
    0.5,
    [
      ['1', 0],
      ['+Inf', 0],
    ],
    Number.NaN,
  ],
  [
    'what is no bound is left out',
    0.5,
    [
      ['1', 4],
      ['', 5],
      ['x', 9],
      ['+Inf', 8],
    ],
    1,
  ],
] as const)('a histogram: %s', (_, q, counts, result) => {
  const made = histogramQuantile(q, buckets(counts.map(([le, n]) => [le, n] as const)), 3);
  expect([...made.values].map((v) => Number(v.toPrecision(12)))).toEqual([result]);
});

test('a mean whose sum has no room is still a mean', () => {
  const values = Float64Array.of(1.5e308, 1.5e308, 1.5e308, 1.5e308);
  const window = { times: Float64Array.of(1, 2, 3, 4), values, first: 0, end: 4, from: 0, to: 4, at: 4 };
  for (const major of [2, 3] as const)
    expect(windowFunctions.avg_over_time!.of(window, Number.NaN, major)).toBeCloseTo(1.5e308, -300);
  const infinite = { ...window, values: Float64Array.of(1, Number.POSITIVE_INFINITY, 3, 4) };
  for (const major of [2, 3] as const)
    expect(windowFunctions.avg_over_time!.of(infinite, Number.NaN, major)).toBe(Number.POSITIVE_INFINITY);
});

test('an expression asked for an earlier moment reads anew', () => {
  const times = Array.from({ length: 40 }, (_, k) => k * 15e6);
  const values = times.map((_, k) => (k === 20 ? gone : k * k));
  const set = { names: ['m'], of: () => [new StoredSamples('m', {}, times, values)] };
  for (const text of [
    'm',
    'rate(m[2m])',
    'avg_over_time(m[90s])',
    'sum_over_time((m * 2)[2m:30s])',
    'm offset 1m',
    'm @ 300',
  ]) {
    const kept = new Query(parsed(text), new ServerView(set, prometheus3));
    for (const t of [200e6, 500e6, 100e6, 300e6, 599e6, 301e6, 45e6, 44e6]) {
      const anew = new Query(parsed(text), new ServerView(set, prometheus3));
      expect(kept.samples(t), `${text} at ${t}`).toEqual(anew.samples(t));
    }
  }
});

test('the moments to look at are those of every part of an expression', () => {
  const set = seriesSet([
    {
      name: 'a',
      points: [
        [0, 0],
        [10, 1, 2],
        [20, 3],
      ],
    },
    {
      name: 'b',
      points: [
        [0, 0],
        [15, 1],
      ],
    },
  ]);
  const at = (text: string) => changeTimes(parsed(text), set, 0, 100e6).map((t) => t / 1e6);
  expect(at('sum(a)')).toEqual([0, 10, 19.999999, 20, 100]);
  expect(at('topk(scalar(b), -a)')).toEqual([0, 10, 15, 19.999999, 20, 100]);
  expect(at('b offset 5s')).toEqual([0, 5, 20, 100]);
  expect(at('max_over_time(b[5s])')).toEqual([0, 4.999999, 5, 15, 19.999999, 20, 100]);
  expect(at('max_over_time(b[30s:30s])')).toContain(60);
  expect(new Query(parsed('max_over_time(b[30s:10s])'), new ExactView(set)).value(25e6)).toEqual([
    { labels: {}, value: 1 },
  ]);
});

test('changes and resets of a line are its jumps', () => {
  const set = seriesSet([
    {
      name: 'c',
      points: [
        [0, 0, 1],
        [10, 10, 1],
        [20, 5],
        [30, 5],
        [40, 9],
      ],
    },
  ]);
  const value = (text: string) =>
    new Query(parsed(text), new ExactView(set)).samples(50e6).map((s) => s.value);
  // At 10 s only the slope begins anew.
  expect([value('changes(c[1m])'), value('resets(c[1m])'), value('changes(c[5s])')]).toEqual([[2], [1], [0]]);
});

test('an inequality is missed by a value at the limit alone', () => {
  const set = seriesSet([{ name: 'c', points: [[0, 4]] }]);
  const checked = (text: string) => {
    const e = parseExpectation(text);
    if (!e.ok) throw new Error(text);
    const { holds, margin } = checkExpectation(e.value, new ExactView(set), [0]);
    return [holds, margin];
  };
  expect([
    checked('c != 4'),
    checked('c != 7'),
    checked('c == 4'),
    checked('c == 7'),
    checked('c >= 3'),
    checked('c < 3'),
  ]).toEqual([
    [false, -1],
    [true, 3],
    [true, -0],
    [false, -3],
    [true, 1],
    [false, -1],
  ]);
});
