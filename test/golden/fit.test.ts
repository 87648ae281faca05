import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { fitParameters } from '../../src/evidence/fit.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { parts } from '../../src/scenario/parts/index.ts';
import { reader, root, run } from '../support/files.ts';

const scenario = 'scenarios/reference-day/rolling-restart.yaml';
const after = 'scenarios/reference-day/jvm-after.yaml';

interface Fact {
  name: string;
  role: string;
  value: string | number | null;
}

/** The reading of the fact that is played, without its alternatives. */
const quick = { alternatives: false };
const committed = parse(reader()('models/fitted/reference.yaml')!).kafka.fetcher.appendRate.value as string;

/** The scenarios of the fit with their observed facts changed. */
function changed(change: (facts: Fact[]) => Fact[]): Record<string, string> {
  return Object.fromEntries(
    [scenario, after].map((path) => {
      const data = parse(reader()(path)!) as { observed: Fact[] };
      return [path, stringify({ ...data, observed: change(data.observed) })];
    }),
  );
}

/** A printed value times 1.37, in its own unit. */
function scaled(value: string | number | null): string | number | null {
  if (typeof value === 'number') return value * 1.37;
  const found = /^([\d.]+)(.*)$/.exec(value ?? '');
  return found === null ? value : `${(Number(found[1]) * 1.37).toFixed(4)}${found[2]}`;
}

/** The fit that is committed, made anew once. */
let fitOnce: ReturnType<typeof fitParameters> | undefined;
function madeAnew(): ReturnType<typeof fitParameters> {
  fitOnce ??= fitParameters('models/fitted/reference.fit.yaml', reader());
  return fitOnce;
}

const compared = (f: Fact) => f.role === 'predict' || f.role === 'compare';

test('a new fit gives the bytes that are committed', () => {
  const made = madeAnew();
  expect(made.text).toBe(readFileSync(root + made.file, 'utf8'));
  expect(made.parameters.length).toBe(6);
  // The quantile of pauses moves in steps: a collection more or less, and a bucket of 2 %.
  for (const p of made.parameters) expect(Math.abs(p.residual), p.path.join('.')).toBeLessThan(0.01);
});

test('predicted and compared facts times 1.37, or left out, move no prediction, no parameter and no fingerprint', () => {
  const keep = (over: Record<string, string>) => {
    const result = run(scenario, { seeds: 3 }, over);
    // Nothing changed: what the first test has fitted.
    const same = Object.keys(over).length === 0;
    const { parameters } = same
      ? madeAnew()
      : fitParameters('models/fitted/reference.fit.yaml', reader(over), quick);
    return {
      fingerprint: result.fingerprint,
      fitted: parameters.map((p) => [p.path.join('.'), p.value]),
      predicted: new Map(result.observed.map((o) => [o.name, [o.predicted, o.interval]])),
    };
  };
  const before = keep({});
  let moved = 0;
  const larger = keep(
    changed((facts) =>
      facts.map((f) => {
        if (!compared(f)) return f;
        moved += 1;
        return { ...f, value: scaled(f.value) };
      }),
    ),
  );
  expect(moved).toBeGreaterThan(25);
  expect(larger).toEqual(before);
  const without = keep(changed((facts) => facts.filter((f) => !compared(f))));
  expect([without.fingerprint, without.fitted]).toEqual([before.fingerprint, before.fitted]);
  for (const [name, values] of without.predicted) expect(values, name).toEqual(before.predicted.get(name));
});

test('the fit does move with the fact it is fitted on', () => {
  const over = changed((facts) =>
    facts.map((f) => (f.name === 'ISR recovery of broker 0' ? { ...f, value: '35s' } : f)),
  );
  const moved = fitParameters('models/fitted/reference.fit.yaml', reader(over), quick).parameters.find(
    (p) => p.path.join('.') === 'kafka.fetcher.appendRate',
  );
  expect(Number.parseFloat(moved!.value)).toBeLessThan(0.95 * Number.parseFloat(committed));
});

test('only facts of role fit may be fitted on, and a fitted fact may not be shown as predicted', () => {
  const over = changed((facts) =>
    facts.map((f) => (f.name === 'ISR recovery of broker 0' ? { ...f, role: 'compare' } : f)),
  );
  expect(() => fitParameters('models/fitted/reference.fit.yaml', reader(over))).toThrow(
    /only facts of role fit/,
  );
  const claimed = changed(
    (facts) =>
      facts.map((f) =>
        f.name === 'ISR recovery of broker 0'
          ? { ...f, role: 'predict', within: '10%', baseline: { value: 1, says: 'x' } }
          : f,
      ) as Fact[],
  );
  const { problems } = loadScenario(scenario, reader(claimed), parts);
  expect(problems.map((p) => p.found).join()).toContain('fitted');
});
