import { parse } from 'yaml';
import { z } from 'zod';
import { play } from '../experiment/run.ts';
import { median } from '../experiment/statistics.ts';
import type { ReadText } from '../formats/problem.ts';
import { evaluateVector } from '../promql/evaluate.ts';
import { selectorsOf } from '../promql/parse.ts';
import { build } from '../scenario/build.ts';
import { loadScenario, resolvePath, type Scenario } from '../scenario/load.ts';
import { parts } from '../scenario/parts/index.ts';
import { renderProblems } from '../scenario/problems.ts';

const path = z.array(z.string()).min(2);

const description = z.strictObject({
  scenario: z.string(),
  writes: z.string(),
  name: z.string(),
  parameters: z
    .array(
      z.strictObject({
        path,
        unit: z.string(),
        low: z.number(),
        high: z.number(),
        fittedOn: z.array(z.string()).min(1),
        seeds: z.number().int().min(1),
        alternatives: z
          .array(z.strictObject({ says: z.string(), set: z.strictObject({ path, value: z.string() }) }))
          .optional(),
      }),
    )
    .min(1),
});

type Parameter = z.output<typeof description>['parameters'][number];

export interface FittedParameter {
  readonly path: readonly string[];
  /** With its unit, as it is written. */
  readonly value: string;
  readonly fittedOn: readonly string[];
  /** Played over observed, less one: what the fit could not remove. */
  readonly residual: number;
  readonly alternatives: readonly { readonly says: string; readonly value: string }[];
}

export interface Fit {
  /** File to write, relative to the root. */
  readonly file: string;
  readonly text: string;
  readonly parameters: readonly FittedParameter[];
}

/** Settings with one value replaced: a scenario on top of the described one. */
function withValues(
  base: string,
  values: readonly { readonly path: readonly string[]; readonly value: string }[],
): string {
  const data: Record<string, unknown> = { rehearse: 1, extends: base };
  for (const { path: at, value } of values) {
    let node = data;
    for (const key of at.slice(0, -1)) {
      node[key] ??= {};
      node = node[key] as Record<string, unknown>;
    }
    node[at[at.length - 1]!] = value;
  }
  return JSON.stringify(data);
}

/**
 * Computes every parameter of a fit description by bisection on the median over its seeds, from facts of role `fit` and nothing
 * else. A parameter must move its facts one way; more of it must make the fact smaller, as a faster part makes a duration.
 * @throws RangeError when the description or the scenario has problems, or the range does not hold the fact
 */
export function fitParameters(
  file: string,
  readText: ReadText,
  options: { readonly alternatives: boolean } = { alternatives: true },
): Fit {
  const text = readText(file);
  if (text === undefined) throw new RangeError(`there is no fit description ${file}`);
  const described = description.parse(parse(text));
  const scenarioFile = resolvePath(file, described.scenario);
  const written = resolvePath(file, described.writes);
  if (scenarioFile === undefined || written === undefined)
    throw new RangeError(`${file} leads out of the project`);
  const load = (
    values: readonly { readonly path: readonly string[]; readonly value: string }[],
  ): Scenario => {
    const own = scenarioFile.replace(/[^/]+$/, 'fit.yaml');
    const name = scenarioFile.slice(scenarioFile.lastIndexOf('/') + 1);
    const loaded = loadScenario(own, (p) => (p === own ? withValues(name, values) : readText(p)), parts);
    if (loaded.scenario === undefined) throw new RangeError(renderProblems(loaded.problems, loaded.texts));
    return loaded.scenario;
  };
  const parameters = described.parameters.map((p) => {
    const found = solve(p, [], load);
    return {
      path: p.path,
      value: `${found.value}${p.unit}`,
      fittedOn: p.fittedOn,
      residual: found.residual,
      alternatives: (options.alternatives ? (p.alternatives ?? []) : []).map((a) => ({
        says: a.says,
        value: `${solve(p, [a.set], load).value}${p.unit}`,
      })),
    };
  });
  return { file: written, text: render(described.name, parameters), parameters };
}

/** Value of one parameter to five digits, and what remains. */
function solve(
  p: Parameter,
  fixed: readonly { readonly path: readonly string[]; readonly value: string }[],
  load: (values: readonly { readonly path: readonly string[]; readonly value: string }[]) => Scenario,
): { value: number; residual: number } {
  const error = (value: number): number => {
    const scenario = load([...fixed, { path: p.path, value: `${value}${p.unit}` }]);
    const facts = p.fittedOn.map((name) => {
      const fact = scenario.observed.find((o) => o.name === name);
      if (fact?.expression === undefined || fact.value === null)
        throw new RangeError(`there is no observed fact ${name} with a value and an expression`);
      if (fact.role !== 'fit')
        throw new RangeError(`${name} has the role ${fact.role}: only facts of role fit may be fitted on`);
      return { expression: fact.expression, value: fact.value };
    });
    const names = new Set(facts.flatMap((f) => selectorsOf(f.expression).map((s) => s.name)));
    const played = facts.map((): number[] => []);
    for (let seed = 0; seed < p.seeds; seed += 1) {
      const built = build(scenario, { seed: scenario.seed, replication: seed, record: names });
      play(built, scenario);
      facts.forEach((f, i) => {
        const samples = evaluateVector(f.expression, built.series(), scenario.length);
        if (samples.length === 1) played[i]!.push(samples[0]!.value);
      });
    }
    return facts.reduce((sum, f, i) => sum + median(played[i]!) / f.value - 1, 0) / facts.length;
  };
  let [low, high] = [p.low, p.high];
  // A run that never recovers has no value yet: the parameter is far too small.
  const above = (e: number) => e > 0 || e <= -0.999;
  if (!above(error(low)) || above(error(high))) {
    throw new RangeError(
      `${p.path.join('.')}: the range ${p.low} to ${p.high} ${p.unit} does not hold the fact`,
    );
  }
  for (let i = 0; i < 24 && high - low > 0.02; i += 1) {
    const middle = (low + high) / 2;
    if (above(error(middle))) low = middle;
    else high = middle;
  }
  const value = Number(((low + high) / 2).toFixed(2));
  return { value, residual: error(value) };
}

function render(name: string, parameters: readonly FittedParameter[]): string {
  const lines = [
    '# yaml-language-server: $schema=../../docs/reference/platform.schema.json',
    '# Written by `npm run fit`; nothing else sets these values.',
    'rehearse: 1',
    `name: ${name}`,
  ];
  const tree = new Map<string, FittedParameter[]>();
  for (const p of parameters) tree.set(p.path[0]!, [...(tree.get(p.path[0]!) ?? []), p]);
  for (const [part, list] of tree) {
    lines.push(`${part}:`);
    for (const p of list) {
      p.path.slice(1, -1).forEach((key, i) => {
        lines.push(`${'  '.repeat(i + 1)}${key}:`);
      });
      const indent = '  '.repeat(p.path.length - 1);
      lines.push(`${indent}${p.path[p.path.length - 1]}:`);
      lines.push(`${indent}  value: ${p.value}`);
      lines.push(`${indent}  fittedOn: [${p.fittedOn.join(', ')}]`);
      lines.push(`${indent}  residual: ${p.residual.toFixed(5)}`);
      lines.push(
        `${indent}  source: "fitted: median over seeds of the replay against ${p.fittedOn.length === 1 ? 'the fact' : 'the facts'}"`,
      );
      for (const a of p.alternatives) lines.push(`${indent}  # ${a.says}: ${a.value}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
