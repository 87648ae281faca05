import type { Problem } from '../formats/problem.ts';
import { renderProblems } from '../scenario/problems.ts';

/** Findings about the calendar of changes among the warnings of a scenario. */
export function conflictsIn(warnings: readonly Problem[]): readonly Problem[] {
  return warnings.filter((w) => w.path.startsWith('changes.'));
}

/** Says before anything is played where changes get in each other's way. */
export function tellConflicts(warnings: readonly Problem[], texts: ReadonlyMap<string, string>): void {
  const found = conflictsIn(warnings);
  if (found.length > 0) process.stderr.write(`${renderProblems(found, texts)}\n\n`);
}
