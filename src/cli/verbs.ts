import { readFileSync } from 'node:fs';

/** A verb: what it answers, how it is called, what it does. */
export interface Command {
  readonly usage: string;
  readonly question: string;
  readonly examples: readonly string[];
  readonly options: Readonly<
    Record<string, { readonly says: string; readonly type: 'boolean' | 'string' | 'list' }>
  >;
  readonly run: (given: Given) => number | Promise<number>;
}

export interface Given {
  readonly files: readonly string[];
  readonly text: (name: string) => string | undefined;
  /** All values of an option that takes several; empty where it is not given. */
  readonly list: (name: string) => readonly string[];
  readonly flag: (name: string) => boolean;
  readonly count: (name: string) => number | undefined;
}

export const verbs: Readonly<Record<string, () => Promise<Command>>> = {
  check: async () => (await import('./commands/check.ts')).check,
  run: async () => (await import('./commands/run.ts')).run,
  report: async () => (await import('./commands/report.ts')).report,
  replay: async () => (await import('./commands/replay.ts')).replay,
  sweep: async () => (await import('./commands/sweep.ts')).sweep,
  plan: async () => (await import('./commands/plan.ts')).plan,
  ablate: async () => (await import('./commands/ablate.ts')).ablate,
  explain: async () => (await import('./commands/explain.ts')).explain,
  forecast: async () => (await import('./commands/forecast.ts')).forecast,
  compare: async () => (await import('./commands/compare.ts')).compare,
  sensitivity: async () => (await import('./commands/sensitivity.ts')).sensitivity,
  merge: async () => (await import('./commands/merge.ts')).merge,
  calendar: async () => (await import('./commands/calendar.ts')).calendar,
  rebalance: async () => (await import('./commands/rebalance.ts')).rebalance,
  audit: async () => (await import('./commands/audit.ts')).audit,
  calibrate: async () => (await import('./commands/calibrate.ts')).calibrate,
  init: async () => (await import('./commands/init.ts')).init,
  test: async () => (await import('./commands/test.ts')).testVerb,
  schema: async () => (await import('./commands/schema.ts')).schema,
  completion: async () => (await import('./commands/completion.ts')).completion,
};

/** Every verb by its name, in the order of the help. */
export async function allVerbs(): Promise<ReadonlyMap<string, Command>> {
  const all = Object.entries(verbs).map(async ([name, load]) => [name, await load()] as const);
  return new Map(await Promise.all(all));
}

export const version: string = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version;
