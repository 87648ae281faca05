import { parse } from 'yaml';
import { z } from 'zod';
import { play } from '../experiment/play.ts';
import { median } from '../experiment/statistics.ts';
import type { ReadText } from '../formats/problem.ts';
import { evaluateVector } from '../promql/expectation.ts';
import { type Expression, selectorsOf } from '../promql/parse.ts';
import { build } from '../scenario/build.ts';
import { loadScenario, resolvePath, type Scenario } from '../scenario/load.ts';
import { parts } from '../scenario/parts/index.ts';
import { renderProblems } from '../scenario/problems.ts';

const path = z.array(z.string()).min(2);

const description = z.strictObject({
  writes: z.string(),
  name: z.string(),
  /** How often all parameters are found anew with the others as they then are. */
  rounds: z.number().int().min(1).max(10),
  parameters: z
    .array(
      z.strictObject({
        scenario: z.string(),
        path,
        unit: z.string(),
        low: z.number(),
        high: z.number(),
        /** What more of the parameter does to its facts. */
        more: z.enum(['raises', 'lowers']),
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

/** A parameter whose facts are played so near to what was observed is not sought again. */
const closeEnough = 5e-4;

/** A parameter held at a value while another is found. */
interface Held {
  readonly path: readonly string[];
  readonly value: string;
}

/**
 * Computes every parameter of a fit description by bisection on the median over its seeds, from facts of role `fit` and nothing
 * else, one after another with the others held, for so many rounds. A parameter must move its facts one way, which it says.
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
  const written = resolvePath(file, described.writes);
  if (written === undefined) throw new RangeError(`${file} leads out of the project`);
  const load = (named: string, values: readonly Held[]): Scenario => {
    const scenarioFile = resolvePath(file, named);
    if (scenarioFile === undefined) throw new RangeError(`${named} leads out of the project`);
    const own = scenarioFile.replace(/[^/]+$/, 'fit.yaml');
    const name = scenarioFile.slice(scenarioFile.lastIndexOf('/') + 1);
    const loaded = loadScenario(own, (p) => (p === own ? withValues(name, values) : readText(p)), parts);
    if (loaded.scenario === undefined) throw new RangeError(renderProblems(loaded.problems, loaded.texts));
    return loaded.scenario;
  };
  // What may not be fitted on is refused before anything is played.
  for (const p of described.parameters) factsOf(p, load(p.scenario, []));
  // Where nothing is known yet the middle of the range stands in, so that what an earlier fit wrote changes nothing.
  const held: Held[] = described.parameters.map((p) => ({
    path: p.path,
    value: `${Number(Math.sqrt(p.low * p.high).toPrecision(5))}${p.unit}`,
  }));
  const others = (i: number) => held.filter((_, j) => j !== i);
  const residuals: number[] = [];
  for (let round = 0; round < described.rounds; round += 1) {
    described.parameters.forEach((p, i) => {
      if (round > 0) {
        // What the others' new values did not move is found already.
        const stays = misses(p, others(i), load)(Number.parseFloat(held[i]!.value));
        if (Math.abs(stays) < closeEnough) {
          residuals[i] = stays;
          return;
        }
      }
      const found = solve(p, others(i), load);
      held[i] = { path: p.path, value: `${found.value}${p.unit}` };
      residuals[i] = found.residual;
    });
  }
  const parameters = described.parameters.map((p, i) => ({
    path: p.path,
    value: held[i]!.value,
    fittedOn: p.fittedOn,
    residual: residuals[i]!,
    alternatives: (options.alternatives ? (p.alternatives ?? []) : []).map((a) => ({
      says: a.says,
      value: `${solve(p, [...others(i), a.set], load).value}${p.unit}`,
    })),
  }));
  return { file: written, text: render(described.name, parameters), parameters };
}

type Load = (scenario: string, values: readonly Held[]) => Scenario;

/** The facts that a parameter is fitted on. @throws RangeError for one that is not there, has no value, or has another role */
function factsOf(
  p: Parameter,
  scenario: Scenario,
): { readonly expression: Expression; readonly value: number }[] {
  return p.fittedOn.map((name) => {
    const fact = scenario.observed.find((o) => o.name === name);
    if (fact?.expression === undefined || fact.value === null)
      throw new RangeError(`there is no observed fact ${name} with a value and an expression`);
    if (fact.role !== 'fit')
      throw new RangeError(`${name} has the role ${fact.role}: only facts of role fit may be fitted on`);
    return { expression: fact.expression, value: fact.value };
  });
}

/** Played over observed, less one, as a function of one parameter. */
function misses(p: Parameter, fixed: readonly Held[], load: Load): (value: number) => number {
  return (value) => {
    const scenario = load(p.scenario, [...fixed, { path: p.path, value: `${value}${p.unit}` }]);
    const facts = factsOf(p, scenario);
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
}

/** Value of one parameter to four digits, and what remains. */
function solve(p: Parameter, fixed: readonly Held[], load: Load): { value: number; residual: number } {
  const error = misses(p, fixed, load);
  let [low, high] = [p.low, p.high];
  // A run that never gets there has no value yet: the parameter is far too small.
  const tooSmall = (e: number) => (p.more === 'lowers' ? e > 0 || e <= -0.999 : e < 0 || Number.isNaN(e));
  if (!tooSmall(error(low)) || tooSmall(error(high))) {
    throw new RangeError(
      `${p.path.join('.')}: the range ${p.low} to ${p.high} ${p.unit} does not hold the fact`,
    );
  }
  while (high / low > 1.0004) {
    const middle = Math.sqrt(low * high);
    if (tooSmall(error(middle))) low = middle;
    else high = middle;
  }
  const value = Number(Math.sqrt(low * high).toPrecision(5));
  return { value, residual: error(value) };
}

function render(name: string, parameters: readonly FittedParameter[]): string {
  const lines = [
    '# yaml-language-server: $schema=../../docs/reference/platform.schema.json',
    '# Written by `npm run fit`; nothing else sets these values.',
    'rehearse: 1',
    `name: ${name}`,
  ];
  // Parameters of one map stand together, maps in the order in which they first appear.
  const write = (list: readonly FittedParameter[], depth: number): void => {
    const indent = '  '.repeat(depth);
    for (const key of new Set(list.map((p) => p.path[depth]!))) {
      const below = list.filter((p) => p.path[depth] === key);
      lines.push(`${indent}${key}:`);
      const inner = below.filter((p) => p.path.length > depth + 1);
      if (inner.length > 0) {
        write(inner, depth + 1);
        continue;
      }
      const p = below[0]!;
      lines.push(`${indent}  value: ${p.value}`);
      lines.push(`${indent}  fittedOn: [${p.fittedOn.join(', ')}]`);
      lines.push(`${indent}  residual: ${p.residual.toFixed(5)}`);
      lines.push(
        `${indent}  source: "fitted: median over seeds of the replay against ${p.fittedOn.length === 1 ? 'the fact' : 'the facts'}"`,
      );
      for (const a of p.alternatives) lines.push(`${indent}  # ${a.says}: ${a.value}`);
    }
  };
  write(parameters, 0);
  return `${lines.join('\n')}\n`;
}
