import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  changeTimes,
  checkExpectation,
  evaluateVector,
  exactReading,
  scrape,
  scrapedReading,
  scrapedReadingOf,
} from '../../src/promql/evaluate.ts';
import { parseExpectation, parseExpression } from '../../src/promql/parse.ts';
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
const at = (text: string, set: SeriesSet, seconds: number, reading = exactReading) =>
  evaluateVector(parsed(text), set, seconds * 1e6, reading).map((s) => [s.labels, s.value] as const);

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
    const checked = checkExpectation(expected('urp == 0'), five, [20e6]);
    expect([checked.holds, checked.labels.broker, checked.value]).toEqual([false, '3', 7]);
    expect(checkExpectation(expected('urp == 0'), five, [5e6]).holds).toBe(true);
    expect(checkExpectation(expected('0 >= urp'), five, [20e6]).holds).toBe(false);
  });

  test('a 5 s peak between 15 s scrapes passes scraped and fails exact', () => {
    const e = expected('urp == 0');
    expect(checkExpectation(e, spike, changeTimes(e.operand, spike, 0, 60e6)).holds).toBe(false);
    const seen = scrape(spike, ['urp'], 15e6, 0, 60e6);
    const times = [0, 15, 30, 45, 60].map((s) => s * 1e6);
    expect(checkExpectation(e, seen, times, scrapedReading).holds).toBe(true);
  });

  test('a selector that matches nothing holds nothing', () => {
    expect(checkExpectation(expected('urp{broker="9"} == 0'), five, [20e6])).toMatchObject({
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
    const checked = checkExpectation(e, saw, changeTimes(e.operand, saw, 0, 30e6));
    expect(checked.holds).toBe(false);
    expect(checked.value).toBeCloseTo(10, 4);
  });
});

describe('what cannot be read', () => {
  test.each([
    ['sum(', 4, 'the PromQL expression ends too early'],
    ['foo{', 4, 'ends too early'],
    ['histogram_quantile(0.9, x)', 0, 'the function histogram_quantile is not played here'],
    ['topk(2, a)', 0, 'the aggregation topk is not played here'],
    ['max_over_time(x[1m:5s])', 14, 'a subquery is not played here'],
    ['a @ 5', 0, 'the @ modifier is not played here'],
    ['rate(x)', 0, 'rate needs a window'],
    ['x[5m]', 0, 'a window outside a function'],
    ['abs(x[5m])', 0, 'abs takes no window'],
    ['x{a=~"("}', 2, 'the pattern ( cannot be read'],
    ['{a="b"}', 0, 'a selector without a metric name'],
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

/** The real Prometheus is the oracle: the same samples, the same expressions, the same answers. */
test('scraped evaluation agrees with promtool', (context) => {
  let version = '';
  try {
    version = execFileSync('promtool', ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch {
    if (process.env.CI !== undefined) throw new Error('promtool is missing: install the package prometheus');
    context.skip('promtool is not installed (package prometheus)');
  }
  // Windows are open on the left since Prometheus 3; Debian has version 2.
  const reading = scrapedReadingOf(/version 3/.test(version));
  const interval = 15;
  const values = {
    'reqs_total{i="a"}': '0 10 20 35 50 50 70 90 5 20 40 60 80 100 130 160 190 220 250 280 300',
    'reqs_total{i="b"}':
      '100 100 101 103 106 110 115 121 128 136 145 155 166 178 191 205 220 236 253 271 290',
    'temp{i="a"}': '20 21 19 18 25 30 28 22 20 19 18 17 25 26 27 28 29 30 31 32 33',
    'temp{i="b"}': '1 -1 1 -1 1 -1 1 -1 1 -1 1 -1 1 -1 1 -1 1 -1 1 -1 1',
    'gone{i="a"}': '1 2 3 4 _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _',
  };
  const set = seriesSet(
    Object.entries(values).map(([key, text]) => ({
      name: key.slice(0, key.indexOf('{')),
      labels: { i: /i="(.)"/.exec(key)![1]! },
      points: text.split(' ').flatMap((v, n) => (v === '_' ? [] : [[n * interval, Number(v)] as const])),
    })),
  );
  const expressions = [
    'temp',
    'temp > 0',
    'temp > bool 0',
    '-temp',
    'abs(temp)',
    'temp * 2 + 1',
    'temp % 7',
    '2 ^ temp{i="b"}',
    'sum(temp)',
    'avg(temp)',
    'min(temp)',
    'max(temp)',
    'count(temp)',
    'sum by (i) (temp)',
    'sum without (i) (temp)',
    'rate(reqs_total[1m])',
    'increase(reqs_total[2m])',
    'rate(reqs_total[50s])',
    'delta(temp[1m])',
    'avg_over_time(temp[1m])',
    'max_over_time(temp[2m])',
    'min_over_time(temp[2m])',
    'sum_over_time(temp[1m])',
    'count_over_time(temp[1m])',
    'last_over_time(temp[1m])',
    'present_over_time(gone[10m])',
    'temp offset 1m',
    'rate(reqs_total[1m] offset 30s)',
    'temp / on (i) reqs_total',
    'temp - ignoring (x) reqs_total',
    'temp and temp > 0',
    'temp or reqs_total',
    'temp unless temp > 0',
    'clamp_max(temp, 10)',
    'clamp_min(temp, 10)',
    'round(temp / 7)',
    'ceil(temp / 7)',
    'floor(temp / 7)',
    'gone',
    'sum(gone)',
    'temp{i=~"a|c"}',
    'temp{i!="a"}',
    'scalar(temp{i="a"}) + 1',
    'temp + on (i) group_left () reqs_total',
  ];
  const folder = mkdtempSync(join(tmpdir(), 'rehearse-promql-'));
  try {
    const cases = expressions.flatMap((expr) =>
      [75, 135, 200, 300].map((seconds) => {
        const samples = evaluateVector(parsed(expr), set, seconds * 1e6, reading);
        const keepsName =
          /^(temp|gone)( offset .*| > 0|\{.*\}| and .*| unless .*)?$/.test(expr) ||
          expr === 'temp or reqs_total' ||
          expr.startsWith('last_over');
        const rows = evaluateRows(expr, seconds, samples, keepsName);
        return `      - expr: '${expr}'\n        eval_time: ${seconds}s\n        exp_samples:${rows.length === 0 ? ' []' : `\n${rows.join('\n')}`}`;
      }),
    );
    const input = Object.entries(values).map(
      ([key, v]) => `      - series: '${key}'\n        values: '${v}'`,
    );
    writeFileSync(join(folder, 'rules.yml'), 'groups: []\n');
    writeFileSync(
      join(folder, 'test.yml'),
      `rule_files: [rules.yml]\nevaluation_interval: 15s\ntests:\n  - interval: ${interval}s\n    input_series:\n${input.join('\n')}\n    promql_expr_test:\n${cases.join('\n')}\n`,
    );
    let out = '';
    try {
      out = execFileSync('promtool', ['test', 'rules', join(folder, 'test.yml')], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      const failed = error as { stdout: string; stderr: string };
      throw new Error(`${failed.stdout}\n${failed.stderr}`.slice(0, 6000));
    }
    expect(out).toContain('SUCCESS');
    expect(cases.length).toBeGreaterThan(150);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function evaluateRows(
  expr: string,
  _seconds: number,
  samples: readonly { labels: Readonly<Record<string, string>>; value: number }[],
  keepsName: boolean,
): string[] {
  return samples.map((s) => {
    const labels = Object.entries(s.labels)
      .map(([k, v]) => `${k}="${v}"`)
      .join(', ');
    const name = !keepsName ? '' : expr === 'temp or reqs_total' ? 'temp' : /(temp|gone)/.exec(expr)![0];
    return `          - labels: '${name}{${labels}}'\n            value: ${s.value}`;
  });
}
