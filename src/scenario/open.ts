import type { ReadText } from '../formats/problem.ts';
import { conflictsOf } from '../models/operations/calendar.ts';
import { build } from './build.ts';
import { conflictWarnings, endingsOf } from './calendar.ts';
import { type Loaded, loadScenario, type Scenario } from './load.ts';
import { parts } from './parts/index.ts';
import { sortProblems } from './problems.ts';
import { unmatchedSelectors } from './selectors.ts';
import { parseTime } from './time.ts';

/** Loads a scenario of the shipped parts, with more rule files where some are given, and checks what can only be checked on the platform that it makes. */
export function openScenario(path: string, readText: ReadText, rules: readonly string[] = []): Loaded {
  const loaded = loadScenario(path, readText, parts, rules);
  if (loaded.scenario === undefined) return loaded;
  const problems = unmatchedSelectors(loaded.scenario);
  if (problems.length > 0) return { ...loaded, problems, scenario: undefined };
  const scenario = withEndings(loaded.scenario);
  return { ...loaded, scenario, warnings: scenario.warnings };
}

/** The scenario whose calendar knows what ends: only the platform as it is made tells when its certificates do. */
function withEndings(scenario: Scenario): Scenario {
  if (scenario.calendar.changes.length === 0) return scenario;
  const due = build(scenario, { seed: scenario.seed }).dueDates();
  const calendar = { ...scenario.calendar, endings: endingsOf(due, scenario.warmUp) };
  const conflicts = conflictsOf(calendar).filter((c) => c.kind === 'ending');
  const more = conflictWarnings(scenario.root, calendar, parseTime(scenario.from) ?? 0, conflicts);
  return { ...scenario, calendar, warnings: sortProblems([...scenario.warnings, ...more]) };
}
