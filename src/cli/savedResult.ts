import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Before } from '../experiment/result.ts';
import type { Saved } from '../report/saved.ts';
import type { SavedFiles } from '../report/savedReader.ts';
import { renderProblems } from '../scenario/problems.ts';
import { UsageError } from './exitCodes.ts';
import { version } from './verbs.ts';

/** The files of a folder by their names. */
export function filesOf(folder: string): SavedFiles {
  const bytes = (name: string) => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path) : undefined;
  };
  return { folder, bytes };
}

/** The result that a folder holds. */
export async function savedIn(folder: string): Promise<Saved> {
  const { savedResult } = await import('../report/saved.ts');
  return savedResult(filesOf(folder), version);
}

/** What the result in a folder says, to compare another one with. @throws UsageError for a folder that holds none */
export async function beforeIn(folder: string): Promise<Before> {
  const saved = await savedIn(folder);
  if (saved.result === undefined)
    throw new UsageError(`--against ${folder}\n${renderProblems(saved.problems, saved.texts)}`);
  return saved.result;
}
