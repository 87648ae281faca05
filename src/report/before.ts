import type { Result, RiskOutcome, Verdict } from '../experiment/result.ts';
import { number } from './words.ts';

export const beforeHeader = ['', 'before', 'after', 'limit', ''];

/** What moved, in two words; nothing where it holds as before, or where one of the two does not say. */
function change(was: Verdict | undefined, is: Verdict | undefined): string {
  if (is === 'fail') return was === 'fail' ? 'still fails' : was === undefined ? '' : 'now fails';
  return is === 'pass' && was === 'fail' ? 'now holds' : '';
}

function verdictOf(risk: RiskOutcome | undefined): Verdict | undefined {
  if (risk === undefined) return undefined;
  return risk.ok ? 'pass' : 'fail';
}

function word(verdict: Verdict | undefined): string {
  if (verdict === undefined) return '-';
  return { pass: 'pass', fail: 'FAIL', inconclusive: 'not decided' }[verdict];
}

interface Named {
  readonly name: string;
}

/** Names of two lists: those of the second in their order, then what only the first has. */
function namesOf(before: readonly Named[], after: readonly Named[]): string[] {
  return [...new Set([...after, ...before].map((one) => one.name))];
}

function find<T extends Named>(all: readonly T[], name: string): T | undefined {
  return all.find((one) => one.name === name);
}

/** Every expectation, and every risk of which there is something, of both results; what only one of them has is a dash in the other. */
export function beforeRows(result: Result): string[][] {
  const { before } = result;
  if (before === undefined) return [];
  const expectations = namesOf(before.expectations, result.expectations).map((name) => {
    const was = find(before.expectations, name)?.verdict;
    const is = find(result.expectations, name)?.verdict;
    return [name, word(was), word(is), '', change(was, is)];
  });
  const risks = namesOf(before.risks, result.risks).flatMap((name) => {
    const was = find(before.risks, name);
    const is = find(result.risks, name);
    const [old, value] = [was?.value ?? null, is?.value ?? null];
    if (old === null && value === null) return [];
    const { says, unit, limit } = is ?? was!;
    const moved = change(verdictOf(was), verdictOf(is));
    return [[says, number(old, unit), number(value, unit), limit === null ? '' : number(limit, unit), moved]];
  });
  return [...expectations, ...risks];
}

/** What the result is compared with. */
export function beforeSays({ before }: Result): string {
  if (before === undefined) return '';
  const { title, scenario, seed, verdict, fingerprint } = before;
  return `before: ${title} (${scenario}, seed ${seed}, ${verdict}, fingerprint ${fingerprint})`;
}
