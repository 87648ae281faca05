import { expect, test } from 'vitest';
import { ExactView, ServerView, type View } from '../../src/promql/leaves.ts';
import { parseExpression } from '../../src/promql/parse.ts';
import { Query } from '../../src/promql/query.ts';
import { prometheus3, StoredSamples, scrape } from '../../src/promql/samples.ts';
import type { Series, SeriesSet } from '../../src/promql/series.ts';

/** Samples each 15 s from 0 s; what `promtool test rules` 2.42 gives at 165 s for the same series is written below. */
const values: Readonly<Record<string, readonly (readonly number[])[]>> = {
  c: [[0, 0, 0, 0.5, 10, 20.3, 30.1, 0.1, 0.7, 1.3, 2.9, 3.1]],
  n: [Array.from({ length: 12 }, () => Number.NaN), Array.from({ length: 12 }, () => 1)],
  m: [[5, 0, 1, 2, 3, 4, 5, Number.NaN, 7, 8, 9, 10]],
};

const set: SeriesSet = {
  names: Object.keys(values),
  of: (name) =>
    (values[name] ?? []).map(
      (v, i): Series => ({
        name,
        labels: { i: `${i}` },
        times: v.map((_, k) => k * 15e6),
        values: v,
        slopes: v.map(() => 0),
        length: v.length,
      }),
    ),
};

const scraped = new ServerView(scrape(set, set.names, 15e6, 0, 165e6), { ...prometheus3, major: 2 });

function result(text: string, view: View = scraped): number {
  const parsed = parseExpression(text);
  if (!parsed.ok) throw new Error(parsed.problems[0]!.message);
  const found = new Query(parsed.value, view).value(165e6);
  return typeof found === 'number' ? found : found[0]!.value;
}

test('a power binds stronger than a sign', () => {
  expect(['-1^2', '-2^2', '2^-1^2', '(-2)^2', '+2^2'].map((e) => result(e))).toEqual([-1, -4, 0.5, 4, 4]);
});

test('a value that is no number gives way to one that is, in both readings', () => {
  for (const view of [scraped, new ExactView(set)]) {
    expect([result('min(n)', view), result('max(n)', view)]).toEqual([1, 1]);
    expect([result('min_over_time(m[135s])', view), result('max_over_time(m[135s])', view)]).toEqual([1, 10]);
    expect(result('max(n{i="0"})', view)).toBeNaN();
  }
});

test('an increase is the last value less the first, and what each reset took', () => {
  expect(result('increase(c[2m])')).toBe(32.7);
  expect(result('rate(c[2m])')).toBe(0.2725);
});

test('since 3 a window and the lookback leave out their first instant', () => {
  const each = (seconds: number, count: number) =>
    new StoredSamples(
      'm',
      {},
      Array.from({ length: count }, (_, k) => k * seconds * 1e6),
      Array.from({ length: count }, (_, k) => k),
    );
  const value = (text: string, series: StoredSamples, seconds: number, major: 2 | 3) => {
    const parsed = parseExpression(text);
    if (!parsed.ok) throw new Error(text);
    const view = new ServerView({ names: ['m'], of: () => [series] }, { ...prometheus3, major });
    return new Query(parsed.value, view).samples(seconds * 1e6).map((s) => s.value);
  };
  // On the grid of a minute a window of five holds five samples, and six before.
  expect(([3, 2] as const).map((m) => value('count_over_time(m[5m])', each(60, 20), 600, m))).toEqual([
    [5],
    [6],
  ]);
  expect(([3, 2] as const).map((m) => value('count_over_time(m[5m])', each(60, 20), 601, m))).toEqual([
    [5],
    [5],
  ]);
  // One sample, at 0: seen at 4 min 59 s, and at 5 min only before.
  const last = each(60, 1);
  expect([299, 300, 301].map((t) => value('m', last, t, 3).length)).toEqual([1, 0, 0]);
  expect([299, 300, 301].map((t) => value('m', last, t, 2).length)).toEqual([1, 1, 0]);
  expect(([3, 2] as const).map((m) => value('count_over_time(m[5m:1m])', each(60, 20), 600, m))).toEqual([
    [5],
    [6],
  ]);
});
