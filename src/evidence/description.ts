import { parse } from 'yaml';
import type { z } from 'zod';
import type { ReadText } from '../formats/problem.ts';
import { loadScenario, resolvePath, type Scenario } from '../scenario/load.ts';
import { parts } from '../scenario/parts/index.ts';
import { renderProblems } from '../scenario/problems.ts';

/** A description of a fit, with what it needs at hand. */
export interface Described<T extends { readonly writes: string }> {
  readonly description: T;
  /** File to write, relative to the root. */
  readonly file: string;
  readonly scenario: Scenario;
  /**
   * The value of an observed fact.
   * @throws RangeError when there is none, or its role is another
   */
  fact(name: string, roles: readonly string[]): number;
}

/**
 * Reads a description of a fit and the scenario whose facts it names.
 * @throws RangeError when either cannot be read
 */
export function readDescription<T extends { readonly writes: string }>(
  file: string,
  schema: z.ZodType<T>,
  scenarioOf: (description: T) => string,
  readText: ReadText,
): Described<T> {
  const text = readText(file);
  if (text === undefined) throw new RangeError(`there is no fit description ${file}`);
  const description = schema.parse(parse(text));
  const written = resolvePath(file, description.writes);
  const scenarioFile = resolvePath(file, scenarioOf(description));
  if (written === undefined || scenarioFile === undefined)
    throw new RangeError(`${file} leads out of the project`);
  const loaded = loadScenario(scenarioFile, readText, parts);
  if (loaded.scenario === undefined) throw new RangeError(renderProblems(loaded.problems, loaded.texts));
  const { scenario } = loaded;
  return {
    description,
    file: written,
    scenario,
    fact(name, roles) {
      const found = scenario.observed.find((o) => o.name === name);
      if (found === undefined || found.value === null)
        throw new RangeError(`there is no observed fact ${name} with a value`);
      if (!roles.includes(found.role))
        throw new RangeError(`${name} has the role ${found.role}, not ${roles.join(' or ')}`);
      return found.value;
    },
  };
}
