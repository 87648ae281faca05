import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeTimes, checkExpectation, evaluateVector } from '../../src/promql/expectation.ts';
import { ExactView, ServerView } from '../../src/promql/leaves.ts';
import { parseExpectation, parseExpression } from '../../src/promql/parse.ts';
import { prometheus3, scrape } from '../../src/promql/samples.ts';
import type { SeriesSet } from '../../src/promql/series.ts';
import { seriesSet } from '../support/series.ts';

const parsed = (text: string) => {
  const p = parseExpression(text);
  if (!p.ok) throw new Error(p.problems[0]!.message);
  return p.value;
};
const expected = (text: string) => {
  const p = parseExpectation(text);
  if (!p.ok) throw new Error(p.problems[0]!.message);
  return p.value;
};
const at = (text: string, set: SeriesSet, seconds: number) =>
  evaluateVector(parsed(text), set, seconds * 1e6).map((s) => [s.labels, s.value] as const);

describe('exact reading', () => {
  const set = seriesSet([
    {
      name: 'lag',
      labels: { g: 'a' },
      points: [
        [0, 0],
        [10, 0, 5],
        [20, 50, -10],
        [25, 0],
      ],
    },
    {
      name: 'sent_total',
      points: [
        [0, 0, 2],
        [100, 200, 4],
      ],
    },
    {
      name: 'level',
      labels: { b: '0' },
      points: [
        [0, 1],
        [60, 3],
      ],
    },
    {
      name: 'level',
      labels: { b: '1' },
      points: [
        [0, 2],
        [60, 5],
      ],
    },
  ]);
  test.each([
    ['lag', 15, 25],
    ['lag', 22, 30],
    ['max_over_time(lag[30s])', 30, 50],
    ['min_over_time(lag[5s])', 19, 20],
    ['avg_over_time(lag[20s])', 20, 12.5],
    ['avg_over_time(lag[10s])', 30, 12.5],
    ['rate(sent_total[10s])', 50, 2],
    ['increase(sent_total[100s])', 150, 300],
    ['rate(sent_total[100s])', 150, 3],
    ['delta(lag[5s])', 15, 25],
    ['sum(level)', 61, 8],
    ['max(level) - min(level)', 0, 1],
    ['sum(level offset 1m)', 61, 3],
    ['2 * sum(level) + 2 ^ 3', 61, 24],
    ['-sum(level)', 61, -8],
    ['count(level > 2)', 61, 2],
    ['scalar(lag) + time()', 15, 40],
    ['clamp_max(lag, 10)', 15, 10],
  ])('%s at %d s is %d', (text, seconds, value) => {
    expect(at(text, set, seconds).map(([, v]) => v)).toEqual([value]);
  });

  test('by and without keep the labels they say, comparisons filter or answer with bool', () => {
    expect(at('sum by (b) (level)', set, 0)).toEqual([
      [{ b: '0' }, 1],
      [{ b: '1' }, 2],
    ]);
    expect(at('sum without (b) (level)', set, 0)).toEqual([[{}, 3]]);
    expect(at('level > 1', set, 0)).toEqual([[{ b: '1' }, 2]]);
    expect(at('level > bool 1', set, 0).map(([, v]) => v)).toEqual([0, 1]);
    expect(at('level{b=~"[1-9]"} / on (b) level', set, 0)).toEqual([[{ b: '1' }, 1]]);
    expect(at('level unless level > 1', set, 0)).toEqual([[{ b: '0' }, 1]]);
  });

  test('an extreme over a window is never passed by any instant inside it', () => {
    const points = fc.array(
      fc.tuple(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: -5, max: 5 }),
      ),
      { minLength: 1, maxLength: 12, size: 'max' },
    );
    fc.assert(
      fc.property(points, fc.integer({ min: 5, max: 100 }), (steps, window) => {
        let t = 0;
        const random = seriesSet([
          {
            name: 'm',
            points: steps.map(([gap, v, s]) => {
              t += gap;
              return [t, v, s] as const;
            }),
          },
        ]);
        const end = t + 10;
        const [most] = at(`max_over_time(m[${window}s])`, random, end);
        for (let i = 0; i < 50; i += 1) {
          const [value] = at('m', random, end - (window * i) / 50);
          if (value !== undefined) expect(value[1]).toBeLessThanOrEqual(most![1] + 1e-9);
        }
      }),
      { seed: 5, numRuns: 80 },
    );
  });
});

describe('expectations', () => {
  const five = seriesSet(
    [0, 1, 2, 3, 4].map((b) => ({
      name: 'urp',
      labels: { broker: `${b}` },
      points: [
        [0, 0],
        [10, b === 3 ? 7 : 0],
      ] as const,
    })),
  );
  const spike = seriesSet([
    {
      name: 'urp',
      points: [
        [0, 0],
        [16, 5],
        [21, 0],
      ],
    },
  ]);

  test('four of five brokers within the limit fails, and names the fifth', () => {
    const checked = checkExpectation(expected('urp == 0'), new ExactView(five), [20e6]);
    expect([checked.holds, checked.labels.broker, checked.value]).toEqual([false, '3', 7]);
    expect(checkExpectation(expected('urp == 0'), new ExactView(five), [5e6]).holds).toBe(true);
    expect(checkExpectation(expected('0 >= urp'), new ExactView(five), [20e6]).holds).toBe(false);
  });

  test('a 5 s peak between 15 s scrapes passes scraped and fails exact', () => {
    const e = expected('urp == 0');
    expect(checkExpectation(e, new ExactView(spike), changeTimes(e.operand, spike, 0, 60e6)).holds).toBe(
      false,
    );
    const seen = new ServerView(scrape(spike, ['urp'], 15e6, 0, 60e6), prometheus3);
    const times = [0, 15, 30, 45, 60].map((s) => s * 1e6);
    expect(checkExpectation(e, seen, times).holds).toBe(true);
  });

  test('a selector that matches nothing holds nothing', () => {
    expect(checkExpectation(expected('urp{broker="9"} == 0'), new ExactView(five), [20e6])).toMatchObject({
      holds: false,
      matched: false,
    });
  });

  test('a value that only rises to the limit just before it falls is caught', () => {
    const saw = seriesSet([
      {
        name: 'lag',
        points: [
          [0, 0, 1],
          [10, 0, 1],
          [20, 0],
        ],
      },
    ]);
    const e = expected('lag < 9.9');
    const checked = checkExpectation(e, new ExactView(saw), changeTimes(e.operand, saw, 0, 30e6));
    expect(checked.holds).toBe(false);
    expect(checked.value).toBeCloseTo(10, 4);
  });
});

describe('what cannot be read', () => {
  test.each([
    ['sum(', 4, 'the PromQL expression ends too early'],
    ['foo{', 4, 'ends too early'],
    ['mad_over_time(x[5m])', 0, 'the function mad_over_time is not played here'],
    ['limitk(2, a)', 0, 'the aggregation limitk is not played here'],
    ['a atan2 b', 2, 'the operator atan2 is not played here'],
    ['histogram_quantile(x, 0.9)', 19, 'histogram_quantile takes a number here, not a vector'],
    ['topk(a)', 0, 'topk takes a number and a vector'],
    ['topk(a, b)', 5, 'topk takes a number first, not a vector'],
    ['count_values("a b", x)', 13, '"a b" is no label name'],
    ['max_over_time(x[1m:5s] offset 1m offset 2m)', 14, 'a second offset'],
    ['(a + b) offset 5m', 0, 'an offset behind something that is no selector'],
    ['(a + b) @ 5', 0, 'an @ behind something that is no selector'],
    ['rate(x)', 5, 'rate takes a window here, not a vector'],
    ['rate(x, 5)', 0, 'rate takes 1 arguments, not 2'],
    ['round(x, 5, 6)', 0, 'round takes 1 or 2 arguments, not 3'],
    ['x[5m]', 0, 'a window outside a function'],
    ['x[0s]', 2, 'a window without length'],
    ['x[5m:0s]', 5, 'a window without length'],
    ['abs(x[5m])', 4, 'abs takes a vector here, not a window'],
    ['-(x[5m])', 1, 'a sign before a window'],
    ['x + "a"', 4, 'the operator + with a text'],
    ['x and 5', 6, 'the operator and with a number'],
    ['x + bool y', 4, 'bool without a comparison'],
    ['x + on(a) 5', 4, 'labels are matched with a number'],
    ['x and on(a) group_left() y', 6, 'and takes no group_left'],
    ['x + on(a) group_left(a) y', 4, 'a label in on and in group'],
    ['1 < 2', 2, 'a comparison of two numbers'],
    ['x{a=~"("}', 2, '( is no regular expression that can be used'],
    ['x{a=~"(?=b)"}', 2, 'is no regular expression that can be used'],
    ['label_replace(x, "a", "$1", "b", "(")', 33, 'is no regular expression that can be used'],
    ['label_replace(x, "1a", "$1", "b", "c")', 17, '"1a" is no label name'],
    ['{a="b"}', 0, 'a selector without a metric name'],
    ['{__name__=~".*"}', 0, 'a selector without a metric name'],
    ['x{__name__="y"}', 2, 'a metric name and a matcher of __name__'],
    ['"text"', 0, 'a text is no expression'],
    ['', 0, 'ends too early'],
  ])('%s is refused at %d: %s', (text, offset, message) => {
    const p = parseExpression(text);
    expect(p.ok).toBe(false);
    if (!p.ok) {
      expect(p.problems[0]!.message).toContain(message);
      expect(p.problems[0]!.offset).toBe(offset);
      expect(p.problems[0]!.mend).not.toBe('');
    }
  });

  test('an expectation needs a comparison on top, of a metric', () => {
    for (const text of ['x', 'sum(x)', 'x + 1', '1 < 2']) expect(parseExpectation(text).ok, text).toBe(false);
    for (const text of ['x < 1', '1 < x', 'sum(x) == 0', 'a <= b'])
      expect(parseExpectation(text).ok, text).toBe(true);
  });

  test('junk never throws', () => {
    const word = fc.constantFrom(
      'a',
      'sum',
      'by',
      '(',
      ')',
      '[',
      ']',
      '5m',
      '{',
      '}',
      '"x"',
      '=',
      '>',
      'rate',
      'offset',
      '-',
      '1',
      ',',
      '@',
      'bool',
      'on',
      '*',
      '^',
    );
    let good = 0;
    fc.assert(
      fc.property(
        fc.array(fc.oneof(word, fc.string({ maxLength: 3 })), { maxLength: 12, size: 'max' }),
        (words) => {
          const p = parseExpression(words.join(' '));
          if (p.ok) good += 1;
          else expect(p.problems.length).toBeGreaterThan(0);
        },
      ),
      { seed: 6, numRuns: 2000 },
    );
    expect(good).toBeGreaterThan(20);
  });
});
