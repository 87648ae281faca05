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

const description = 'models/fitted/reference.fit.yaml';
const fitted = parse(reader()('models/fitted/reference.yaml')!);

interface Described {
  rounds: number;
  parameters: { path: string[]; low: number; high: number; seeds: number }[];
}

/** What is committed for a parameter, without its unit. */
function committed(path: readonly string[]): number {
  return Number.parseFloat(path.reduce((node, key) => node[key], fitted).value);
}

/** The description of the fit with less to compute: one round, one seed, and what else is changed. */
function lighter(
  change: (parameters: Described['parameters']) => Described['parameters'],
): Record<string, string> {
  const whole = parse(reader()(description)!) as Described;
  const parameters = change(whole.parameters).map((p) => ({ ...p, seeds: 1, alternatives: [] }));
  return { [description]: JSON.stringify({ ...whole, rounds: 1, parameters }) };
}

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

const compared = (f: Fact) => f.role === 'predict' || f.role === 'compare';

test('a new fit gives the bytes that are committed', () => {
  const made = fitParameters(description, reader());
  expect(made.text).toBe(readFileSync(root + made.file, 'utf8'));
  expect(made.parameters.length).toBe(6);
  // The quantile of pauses moves in steps: a collection more or less, and a bucket of 2 %.
  for (const p of made.parameters) expect(Math.abs(p.residual), p.path.join('.')).toBeLessThan(0.01);
});

test('predicted and compared facts times 1.37, or left out, move no prediction, no parameter and no fingerprint', () => {
  // Every parameter on its own fact, sought near what is committed.
  const near = lighter((all) =>
    all.map((p) => ({ ...p, low: committed(p.path) / 1.05, high: committed(p.path) * 1.05 })),
  );
  const keep = (over: Record<string, string>) => {
    const result = run(scenario, { seeds: 3 }, over);
    const { parameters } = fitParameters(description, reader({ ...near, ...over }));
    expect(parameters.length).toBe(6);
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
  const one = lighter((all) => all.filter((p) => p.path.includes('appendRate')));
  const value = (files: Record<string, string>) => {
    const { parameters } = fitParameters(description, reader({ ...one, ...files }));
    expect(parameters.map((p) => p.path.join('.'))).toEqual(['kafka.fetcher.appendRate']);
    return Number.parseFloat(parameters[0]!.value);
  };
  expect(value(over)).toBeLessThan(0.95 * value({}));
});

test('only facts of role fit may be fitted on, and a fitted fact may not be shown as predicted', () => {
  const over = changed((facts) =>
    facts.map((f) => (f.name === 'ISR recovery of broker 0' ? { ...f, role: 'compare' } : f)),
  );
  expect(() => fitParameters(description, reader(over))).toThrow(/only facts of role fit/);
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
