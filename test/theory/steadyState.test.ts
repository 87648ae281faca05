import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inverseNormal } from '../../src/engine/distributions.ts';
import { makeStream } from '../../src/engine/random.ts';
import { mser5 } from '../../src/experiment/steadyState.ts';
import { openScenario } from '../../src/scenario/open.ts';
import { reader, run } from '../support/files.ts';

/** MSER-5 as its definition reads: every cut tried, in words of the paper. */
function byDefinition(values: readonly number[]): number | undefined {
  const batches: number[] = [];
  for (let i = 0; i + 5 <= values.length; i += 5)
    batches.push(values.slice(i, i + 5).reduce((a, b) => a + b, 0) / 5);
  const k = batches.length;
  if (k < 10) return undefined;
  let [least, cut] = [Number.POSITIVE_INFINITY, 0];
  for (let d = 0; d <= k - 5; d += 1) {
    const rest = batches.slice(d);
    const mean = rest.reduce((a, b) => a + b, 0) / rest.length;
    const mser = rest.reduce((sum, y) => sum + (y - mean) * (y - mean), 0) / (rest.length * rest.length);
    if (mser < least) [least, cut] = [mser, d];
  }
  return 2 * cut > k ? undefined : 5 * cut;
}

/** Values about 10, from a start that is off by so much and fades to a share at each step. */
function fading(seed: string, count: number, off: number, share: number): number[] {
  const draw = makeStream(seed);
  let left = off;
  return Array.from({ length: count }, () => {
    left *= share;
    return 10 + left + inverseNormal(draw());
  });
}

describe('MSER-5', () => {
  test('is the cut of its definition', () => {
    const noise = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 300, size: 'max' });
    const lists = fc
      .tuple(noise, fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 1000 }))
      .map(([values, length, off]) => values.map((v, i) => (i < length ? v + off : v)));
    let cuts = 0;
    fc.assert(
      fc.property(lists, (values) => {
        const cut = mser5(values);
        expect(cut).toBe(byDefinition(values));
        if (cut !== undefined && cut > 0) cuts += 1;
      }),
      { numRuns: 200 },
    );
    expect(cuts).toBeGreaterThan(20);
  });

  test('cuts off a start that fades, and brings the mean nearer to what it is', () => {
    let [nearer, none] = [0, 0];
    for (let i = 0; i < 100; i += 1) {
      const values = fading(`a${i}`, 500, 60, 0.9);
      const cut = mser5(values);
      if (cut === undefined) {
        none += 1;
        continue;
      }
      expect(cut).toBeGreaterThanOrEqual(10);
      expect(cut).toBeLessThanOrEqual(250);
      const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
      if (Math.abs(mean(values.slice(cut)) - 10) < Math.abs(mean(values) - 10)) nearer += 1;
    }
    // Of equal noise a late stretch may look the quietest by chance.
    expect(none).toBeLessThan(10);
    expect(nearer).toBeGreaterThan(85);
  });

  test('finds no steady state in a rise, and needs no cut where nothing moves', () => {
    expect(mser5(Array.from({ length: 500 }, (_, i) => i))).toBeUndefined();
    expect(mser5(Array.from({ length: 500 }, () => 3))).toBe(0);
    expect(mser5(Array.from({ length: 49 }, () => 3))).toBeUndefined();
  });
});

describe('an expectation of a steady state', () => {
  const path = 'scenarios/what-if/steady.yaml';
  const base = 'rehearse: 1\ntitle: x\nextends: bases/hour.yaml\n';
  const idle = 'kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent';
  const judged = (entry: string) =>
    run(path, {}, { [path]: `${base}expect:\n  - { name: e, ${entry} }\n` }).expectations.find(
      (e) => e.name === 'e',
    )!;

  test('compares the mean of each series, and the worst counts', () => {
    const { verdict, value, when, says } = judged(`that: "${idle} > 0.5", steady: true`);
    expect([verdict, when]).toEqual(['pass', 'on average in the steady state']);
    expect(value).toBeGreaterThan(0.5);
    expect(value).toBeLessThan(1);
    expect(says).toContain('on average against 0.5000, from +');
    expect(judged(`that: "${idle} > 0.99999", steady: [+5m, +50m]`).verdict).toBe('fail');
  });

  test('is inconclusive where nothing becomes steady', () => {
    const { verdict, says } = judged('that: "sum(rehearse:node_cost_dollars_total) < 1e9", steady: true');
    expect([verdict, says]).toEqual(['inconclusive', expect.stringContaining('no steady state')]);
  });

  test.each([
    ['expect: [{ name: e, that: "up == 1", steady: true, throughout: true }]', 'both throughout and steady'],
    ['expect: [{ name: e, scraped: "up == 1", steady: true }]', 'a steady state of what was scraped'],
    [
      `timeline: [{ at: +5m, id: stop, do: jvm.pause, broker: 1, for: 1s }]\nexpect: [{ name: e, that: "${idle} > 0", steady: true }]`,
      'the load is not constant meanwhile: stop begins inside it',
    ],
    [
      `workload: { curves: [{ name: up, growth: { perDay: 10% } }] }\nexpect: [{ name: e, that: "${idle} > 0", steady: true }]`,
      'the load is not constant meanwhile: curve up',
    ],
    [
      `workload: { curves: [{ name: b, burst: { at: 20m, for: 5m, factor: 2 } }] }\nexpect: [{ name: e, that: "${idle} > 0", steady: [+10m, +21m] }]`,
      'the load is not constant meanwhile: curve b',
    ],
    [`expect: [{ name: e, that: "${idle} > 0", steady: [+10m, +5m] }]`, 'it ends before it begins'],
  ])('%s is refused', (text, found) => {
    const { problems } = openScenario(path, reader({ [path]: base + text }));
    expect(problems.map((p) => p.found)).toContainEqual(expect.stringContaining(found));
    for (const p of problems) expect([p.file, p.line > 3]).toEqual([path, true]);
  });

  test('outside a burst, and after an entry of the timeline, the load is constant', () => {
    const text = `timeline: [{ at: +5m, id: stop, do: jvm.pause, broker: 1, for: 1s }]\nworkload: { curves: [{ name: b, burst: { at: 20m, for: 5m, factor: 2 } }] }\nexpect: [{ name: e, that: "${idle} > 0", steady: [+5m, +19m] }]`;
    expect(openScenario(path, reader({ [path]: base + text })).problems).toEqual([]);
  });
});
