/** Rehearse as a library: load a scenario, simulate it, read the typed result. */
import { digest, locate, readerBelow } from './cli/files.ts';
import { version } from './cli/verbs.ts';
import type { Result } from './experiment/result.ts';
import { runScenario } from './experiment/run.ts';
import type { Problem, ReadText } from './formats/problem.ts';
import type { Scenario } from './scenario/load.ts';
import { openScenario } from './scenario/open.ts';
import { renderProblems } from './scenario/problems.ts';

export type {
  ExpectationOutcome,
  Finding,
  MeasureRow,
  ObservedRow,
  Result,
  RiskOutcome,
  Role,
  Verdict,
} from './experiment/result.ts';
export type { Problem, ReadText } from './formats/problem.ts';
export type { Series, SeriesSet } from './promql/series.ts';
export type { Scenario } from './scenario/load.ts';
export { version };

/** A scenario or platform has problems: all of them, and as one text. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], texts: ReadonlyMap<string, string>) {
    super(renderProblems(problems, texts));
    this.problems = problems;
  }
}

/**
 * Loads a scenario file and everything that it names.
 * @param readText where files come from, by path; without it the file is read from disk, and what it names from below its project's root
 * @throws ScenarioError with every problem at once
 */
export function loadScenario(path: string, readText?: ReadText): Scenario {
  let where = path;
  let read = readText;
  if (read === undefined) {
    const found = locate(path);
    where = found.path;
    read = readerBelow(found.root);
  }
  const loaded = openScenario(where, read);
  if (loaded.scenario === undefined) throw new ScenarioError(loaded.problems, loaded.texts);
  return loaded.scenario;
}

export interface SimulateOptions {
  readonly seed?: string;
  /** Check every invariant after every instant. */
  readonly verify?: boolean;
  /** Seeds behind the intervals of observed facts; 1 when absent. */
  readonly seeds?: number;
}

/** Plays a scenario. The same scenario, seed and version give the same result. */
export function simulate(scenario: Scenario, options: SimulateOptions = {}): Result {
  return runScenario(scenario, { version, digest, seeds: 1, ...options });
}
