import { execFileSync } from 'node:child_process';
import { expect, type TestContext, test } from 'vitest';
import { ServerView } from '../../src/promql/leaves.ts';
import { parseExpression } from '../../src/promql/parse.ts';
import { Query } from '../../src/promql/query.ts';
import { prometheus3 } from '../../src/promql/samples.ts';
import { samplesOf } from '../../src/promql/vector.ts';
import type { Major } from '../../src/promql/window.ts';
import { type Answer, inputSeries, labelText, promtool, randomOf, storedSet } from '../support/promql.ts';
import { features, type Made, PromqlGenerator, transcendental } from '../support/promqlCases.ts';

function needPromtool(context: TestContext): void {
  try {
    const version = execFileSync('promtool', ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (!/version 2\.42/.test(version))
      context.skip('promtool is not version 2.42, whose rules are compared');
  } catch {
    if (process.env.CI !== undefined) throw new Error('promtool is missing: install the package prometheus');
    context.skip('promtool is not installed (package prometheus)');
  }
}

const input = inputSeries(11);
const set = storedSet(input);

function ours(expr: string, time: number, major: Major): Answer {
  const parsed = parseExpression(expr);
  if (!parsed.ok) return `${parsed.problems[0]!.message} at ${parsed.problems[0]!.offset}`;
  try {
    const view = new ServerView(set, { ...prometheus3, major, stepMicros: 15e6 });
    const samples = samplesOf(new Query(parsed.value, view).vector(time * 1e6));
    return new Map(samples.map((s) => [labelText(s.labels), s.value]));
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** Where two answers differ; undefined where they agree: to the bit, or to a part in `tolerance`. */
function difference(given: Answer, wanted: Answer, tolerance: number): string | undefined {
  if (typeof given === 'string' || typeof wanted === 'string')
    return typeof given === typeof wanted ? undefined : `${said(given)} in place of ${said(wanted)}`;
  for (const [labels, value] of wanted) {
    const own = given.get(labels);
    if (own === undefined) return `no ${labels} (${value})`;
    const isNear = Math.abs(own - value) <= tolerance * Math.max(Math.abs(value), 1e-9);
    // promtool does not print the sign of a zero.
    if (!(own === value || (Number.isNaN(own) && Number.isNaN(value)) || isNear))
      return `${own} in place of ${value} at ${labels}`;
  }
  for (const labels of given.keys())
    if (!wanted.has(labels)) return `${labels} (${given.get(labels)}) too many`;
  return undefined;
}

const said = (answer: Answer) => (typeof answer === 'string' ? answer : `${answer.size} samples`);

/** Makes so many expressions that each feature of the language comes often enough. */
function generated(count: number, isOffGrid: boolean): (Made & { readonly time: number })[] {
  const random = randomOf(isOffGrid ? 5 : 3);
  const generator = new PromqlGenerator(random, { isOffGrid });
  const wanted = features.filter((f) => !isOffGrid || f !== 'modifier:subquery');
  return Array.from({ length: count }, (_, n) => {
    const made = generator.using(wanted[n % wanted.length]!, 1 + (n % 4));
    return {
      ...made,
      time: [300, 615, 900, 1170, 1260, 1425][Math.floor(random() * 6)]! + (isOffGrid ? 1 : 0),
    };
  });
}

/** Last digits that are not fixed: promtool adds up in the order of a Go map, and Go's exp and log are machine code of their own. */
const loose = [
  'modifier:subquery',
  'operator:^',
  'function:histogram_quantile',
  ...transcendental.map((name) => `function:${name}`),
];
const addsUp = ['sum', 'avg', 'stddev', 'stdvar'].map((name) => `aggregation:${name}`);
const isLoose = ({ uses, text }: Made) =>
  uses.some((use) => loose.includes(use) || addsUp.includes(use)) || /(sum|avg) by/.test(text);

test('2.x equals promtool 2.42 to the bit on 3,600 expressions', (context) => {
  needPromtool(context);
  const cases = generated(3600, false);
  const answers = promtool(
    input,
    cases.map(({ text, time }) => ({ expr: text, time })),
  );
  const counts = new Map<string, number>();
  let answered = 0;
  const differences: string[] = [];
  for (const [n, made] of cases.entries()) {
    const wanted = answers[n]!;
    for (const use of new Set(made.uses)) counts.set(use, (counts.get(use) ?? 0) + 1);
    if (typeof wanted !== 'string' && wanted.size > 0) answered += 1;
    const found = difference(ours(made.text, made.time, 2), wanted, isLoose(made) ? 1e-11 : 0);
    if (found !== undefined) differences.push(`${made.text} at ${made.time}: ${found}`);
  }
  expect(differences.slice(0, 40)).toEqual([]);
  expect(features.filter((f) => (counts.get(f) ?? 0) < 30)).toEqual([]);
  expect(cases.filter(({ depth }) => depth >= 3).length).toBeGreaterThanOrEqual(1000);
  expect(answered / cases.length).toBeGreaterThanOrEqual(0.6);
  expect(answers.filter((a) => typeof a === 'string').length).toBeLessThan(600);
});

test('between samples 2.x, 3.x and promtool agree', (context) => {
  needPromtool(context);
  const cases = generated(1000, true);
  const answers = promtool(
    input,
    cases.map(({ text, time }) => ({ expr: text, time })),
  );
  let others = 0;
  const differences = cases.flatMap((made, n) =>
    ([2, 3] as const).flatMap((major) => {
      // 3.x has another deviation for infinite values.
      if (major === 3 && made.uses.some((use) => /stddev$|stdvar$/.test(use))) return [];
      // 3.x takes the two limits of an extrapolation in another order: then it differs from 2.x where a counter's zero lies near.
      if (
        major === 3 &&
        made.uses.some((use) => /:(rate|increase)$/.test(use)) &&
        difference(ours(made.text, made.time, 3), ours(made.text, made.time, 2), 1e-9) !== undefined
      ) {
        others += 1;
        return [];
      }
      const found = difference(
        ours(made.text, made.time, major),
        answers[n]!,
        major === 2 && !isLoose(made) ? 0 : 1e-9,
      );
      return found === undefined ? [] : [`${major}.x: ${made.text} at ${made.time}: ${found}`];
    }),
  );
  expect(differences.slice(0, 40)).toEqual([]);
  expect(others).toBeLessThan(10);
});
