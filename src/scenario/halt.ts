import { selectorsOf } from '../promql/parse.ts';
import type { Checks } from './checks.ts';

/** A `haltIf` must be a comparison that can be looked at in an instant. */
export function checkHalt(
  text: string | undefined,
  checks: Checks,
  path: readonly (string | number)[],
): void {
  if (text === undefined) return;
  const halt = checks.condition(path, text);
  if (
    halt !== undefined &&
    [...selectorsOf(halt.operand), ...selectorsOf(halt.limit)].some(
      (s) => s.range > 0 || s.offset !== 0 || s.pin !== undefined,
    )
  ) {
    checks.problem(path, 'a window or an offset', 'compare values of this instant');
  }
}
