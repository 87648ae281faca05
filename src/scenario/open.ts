import type { ReadText } from '../formats/problem.ts';
import { type Loaded, loadScenario } from './load.ts';
import { parts } from './parts/index.ts';
import { unmatchedSelectors } from './selectors.ts';

/** Loads a scenario of the shipped parts, with more rule files where some are given, and checks what can only be checked on the platform that it makes. */
export function openScenario(path: string, readText: ReadText, rules: readonly string[] = []): Loaded {
  const loaded = loadScenario(path, readText, parts, rules);
  if (loaded.scenario === undefined) return loaded;
  const problems = unmatchedSelectors(loaded.scenario);
  return problems.length === 0 ? loaded : { ...loaded, problems, scenario: undefined };
}
