import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { play } from '../../src/experiment/play.ts';
import type { Result } from '../../src/experiment/result.ts';
import { type RunOptions, runScenario } from '../../src/experiment/run.ts';
import { exactValue } from '../../src/promql/exact.ts';
import { build } from '../../src/scenario/build.ts';
import { loadScenario, type Scenario } from '../../src/scenario/load.ts';
import { parts } from '../../src/scenario/parts/index.ts';
import { renderProblems } from '../../src/scenario/problems.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Files of the checkout, with some replaced or added. */
export function reader(over: Readonly<Record<string, string>> = {}): (path: string) => string | undefined {
  return (path) => {
    if (Object.hasOwn(over, path)) return over[path];
    try {
      return readFileSync(root + path, 'utf8');
    } catch {
      return undefined;
    }
  };
}

/** A scenario that must be good. */
export function scenarioOf(path: string, over: Readonly<Record<string, string>> = {}): Scenario {
  const loaded = loadScenario(path, reader(over), parts);
  if (loaded.scenario === undefined) throw new Error(renderProblems(loaded.problems, loaded.texts));
  return loaded.scenario;
}

export const runOptions: RunOptions = {
  version: '0.0.0',
  digest: (text) => createHash('sha256').update(text).digest('hex'),
  seeds: 1,
};

export function run(
  path: string,
  options: Partial<RunOptions> = {},
  over: Readonly<Record<string, string>> = {},
): Result {
  return runScenario(scenarioOf(path, over), { ...runOptions, ...options });
}

/** A file with a scenario on top of another: `text` is YAML without `rehearse` and `extends`. */
function onTop(base: string, text: string): { readonly path: string; readonly over: Record<string, string> } {
  const folder = base.slice(0, base.lastIndexOf('/') + 1);
  const path = `${folder}variant-of-a-test.yaml`;
  return {
    path,
    over: { [path]: `rehearse: 1\nextends: ${base.slice(folder.length)}\n${text}\n` },
  };
}

/** A scenario on top of another. */
export function variant(base: string, text: string, options: Partial<RunOptions> = {}): Result {
  const { path, over } = onTop(base, text);
  return run(path, options, over);
}

type Labels = Readonly<Record<string, string>>;

/** The only one of these with the labels. */
function only<T extends { readonly labels: Labels }>(all: readonly T[], name: string, labels: Labels): T {
  const found = all.filter((m) => Object.entries(labels).every(([k, v]) => m.labels[k] === v));
  if (found.length !== 1) throw new Error(`${found.length} measures ${name} ${JSON.stringify(labels)}`);
  return found[0]!;
}

/** The value of a measure at the end. */
export function measure(result: Result, name: string, labels: Labels = {}): number {
  return only(
    result.measures.filter((m) => m.name === name),
    name,
    labels,
  ).value;
}

/** A measure at the end of a scenario on top of another, which records nothing else: latency alone costs more than all the rest. */
export function measureAlone(base: string, text: string, name: string, labels: Labels = {}): number {
  const { path, over } = onTop(base, text);
  const scenario = scenarioOf(path, over);
  const built = build(scenario, { seed: scenario.seed, replication: 0, record: new Set([name]) });
  play(built, scenario);
  const value = exactValue(only(built.series().of(name), name, labels), scenario.length);
  if (value === undefined) throw new Error(`${name} has no value at the end`);
  return value;
}
