import type { Result } from '../experiment/result.ts';

/** The risks that a page shows: those of which the platform has something. The summary lists them all. */
export function shownRisks(result: Result): Result['risks'] {
  return result.risks.filter((r) => r.value !== null);
}
