import { realpathSync } from 'node:fs';
import { relative, sep } from 'node:path';
import type { Result } from '../experiment/result.ts';
import { annotations, type Export, exportFiles, sampleSeconds } from '../report/exports.ts';
import type { Wanted } from '../report/files.ts';
import { UsageError } from './exitCodes.ts';
import type { Given } from './verbs.ts';

/** What `run` and `report` draw only where it is asked for. */
export const drawnOptions = {
  openmetrics: {
    says: 'write metrics.om: every series in scenario time, for promtool tsdb create-blocks-from openmetrics',
    type: 'boolean',
  },
  perfetto: { says: 'write trace.json: timeline, alerts and curves for ui.perfetto.dev', type: 'boolean' },
  junit: { says: 'write junit.xml: every expectation as a test case', type: 'boolean' },
  png: { says: 'draw every chart as PNG, too', type: 'boolean' },
  annotations: {
    says: 'print a line for GitHub Actions at each expectation that failed or is not decided',
    type: 'boolean',
  },
  sparklines: {
    says: 'print the highest curve of every chart in one line of text, as on a terminal',
    type: 'boolean',
  },
} as const;

/** @throws UsageError where two things would be printed into one another */
export function mayAnnotate(given: Given): void {
  if (given.flag('annotations') && given.flag('json'))
    throw new UsageError(
      '--json prints one document, and --annotations lines\n  mend: leave one of them out',
    );
}

/** What is asked for, and what a folder has already. */
export function wantedIn(given: Given, before: readonly string[]): Wanted {
  const names = Object.keys(exportFiles) as Export[];
  return {
    png: given.flag('png') || before.some((path) => /^charts\/.*\.png$/.test(path)),
    exports: names.filter((name) => given.flag(name) || before.includes(exportFiles[name])),
  };
}

/** Prints a result as text, with curves in a line each and in colour where a terminal reads it. */
export async function tellResult(given: Given, result: Result, folder: string): Promise<void> {
  const { terminalText } = await import('../report/text.ts');
  const isTerminal = process.stdout.isTTY === true;
  process.stdout.write(
    terminalText(result, {
      colours: isTerminal && process.env.NO_COLOR === undefined && !given.flag('no-color'),
      sparklines: given.flag('sparklines') || isTerminal,
      quiet: given.flag('quiet'),
      folder: relative(process.cwd(), folder) || '.',
    }),
  );
}

/** Prints what belongs to the drawn files. @param root of the project whose files the result names */
export function tellDrawn(given: Given, result: Result, root: string): void {
  if (given.flag('annotations')) {
    // Paths of annotations count from the root of the repository that the job has checked out.
    const workspace = process.env.GITHUB_WORKSPACE;
    const below = workspace === undefined ? '' : relative(realpathSync(workspace), root).split(sep).join('/');
    for (const line of annotations(result, below.startsWith('..') ? '' : below))
      process.stdout.write(`${line}\n`);
  }
  const every = sampleSeconds(result);
  if (given.flag('openmetrics') && every > 300)
    process.stderr.write(
      `metrics.om has a sample each ${every} s: query it with --query.lookback-delta=${2 * every}s\n`,
    );
}
