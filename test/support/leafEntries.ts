import type { LeafCase } from './leafCases.ts';

type Json = NonNullable<LeafCase['values'][0]>;
type Tree = { readonly [key: string]: Json };

/** The cases, and for each action among them when it is done and what is done in its place. */
export function withEntries(
  cases: Readonly<Record<string, LeafCase>>,
  instead: Tree,
): Record<string, LeafCase> {
  const all: Record<string, LeafCase> = { ...cases };
  for (const [name, { setup = [], at }] of Object.entries(cases)) {
    const action = /^timeline\[([^\]]+)\]/.exec(name)?.[1];
    if (action === undefined || `timeline[${action}].do` in all) continue;
    const timeline = setup.find(([path]) => path.join() === 'timeline')?.[1] as readonly Tree[];
    const entry = timeline[at[1] as number]!;
    all[`timeline[${action}].at`] = {
      setup,
      at: [...at.slice(0, 2), 'at'],
      values: [entry.at, '+160s'],
    };
    all[`timeline[${action}].do`] = {
      setup,
      at: at.slice(0, 2),
      values: [entry, { at: entry.at!, ...instead }],
    };
  }
  return all;
}
