import { expect, test } from 'vitest';
import { runScenario } from '../../src/experiment/run.ts';
import { reportFiles } from '../../src/report/files.ts';
import { summaryOf, summarySchema } from '../../src/report/summary.ts';
import { terminalText } from '../../src/report/text.ts';
import { runOptions, scenarioOf } from '../support/files.ts';
import { smallScenario } from '../support/leafCases.ts';

/** A day of five brokers, each of which dies once in two hours. */
function day(random: object | undefined, seeds: number, to = '+1d') {
  const text = JSON.stringify({
    ...(smallScenario as object),
    to,
    timeline: [],
    ...(random === undefined ? {} : { faults: { random } }),
  });
  return runScenario(scenarioOf('day.yaml', { 'day.yaml': text }), { ...runOptions, seeds });
}
const broker = { mtbf: '2h', repair: '1m' };

test('a platform that fails by chance is judged over many seeds, each number with its interval', async () => {
  const result = day({ broker }, 20);
  const { runs, rows } = result.reliability!;
  expect([runs, result.seeds]).toEqual([20, 20]);
  const by = new Map(rows.map((r) => [r.name, r]));
  const { value, interval } = by.get('availability')!;
  expect(value).toBeLessThan(1);
  expect(interval![0]).toBeLessThan(value);
  expect(interval![1]).toBeGreaterThan(value);
  expect(by.get('writeAvailability')!.value).toBeLessThan(value);
  // Three replicas, and processes that die without their machine: nothing is lost, as far as 20 days can tell.
  expect(by.get('lossChance')).toMatchObject({ count: 0, value: 0 });
  expect(by.get('lossChance')!.interval![1]).toBeCloseTo(0.161, 3);
  expect(summarySchema.parse(summaryOf(result)).reliability?.measures).toHaveLength(rows.length);
  const text = terminalText(result, { colours: false, quiet: false, folder: 'out/x' });
  expect(text).toContain('0 of 20 runs: at most 16.1 %');
  expect(text).toMatch(/partition-time with a leader that serves +99\.\d+ % +99\.\d+ % \.\. 99\.\d+ %/);
  const files = await reportFiles(result);
  for (const file of ['report.html', 'summary.md']) expect(String(files.get(file))).toContain('Reliability');
});

test('more seeds make the interval shorter; one alone has none', () => {
  const width = (seeds: number) => {
    const [row] = day({ broker }, seeds).reliability!.rows;
    return row!.interval === null ? Number.POSITIVE_INFINITY : row!.interval[1] - row!.interval[0];
  };
  expect(width(40)).toBeLessThan(width(5));
  expect(width(1)).toBe(Number.POSITIVE_INFINITY);
});

test('where nothing fails by chance there is no estimate', () => {
  for (const random of [{}]) {
    const result = day(random, 20, '+1h');
    expect(result.reliability).toBeUndefined();
    expect(result.seeds).toBe(1);
    expect(summaryOf(result)).not.toHaveProperty('reliability');
  }
});
