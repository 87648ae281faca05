import { relative } from 'node:path';
import type { Answer } from '../experiment/answer.ts';
import { measuresOf } from '../experiment/replicated.ts';
import type { ReplicationRow } from '../experiment/replication.ts';
import { scenarioName } from '../experiment/run.ts';
import { CannotVary, type Factor, onTop, type Point, pointText } from '../experiment/variations.ts';
import { nearest } from '../formats/nearest.ts';
import type { Scenario } from '../scenario/load.ts';
import { openScenario } from '../scenario/open.ts';
import { nodeAt, renderProblems } from '../scenario/problems.ts';
import { tellConflicts } from './conflicts.ts';
import { exitCode, Interrupted, UsageError } from './exitCodes.ts';
import { locate, withFiles, writeResult } from './files.ts';
import { dropKept, Kept } from './kept.ts';
import { batches, playBatches, sourceOf, workersOf } from './pool.ts';
import { progress } from './progress.ts';
import { batchesOf, type Shard, type ShardPlan, writeShard } from './shards.ts';
import { type Given, version } from './verbs.ts';
import type { Batch } from './worker.ts';

/** A scenario that a verb plays many times, or every problem of it. */
export function openGiven(
  file: string,
  given: Given,
  /** Whether conflicts of changes are left to the caller. */
  { quiet = false } = {},
): { readonly scenario: Scenario; readonly root: string } {
  const { root, path } = locate(file);
  const { names, reader } = withFiles(given.list('rules'), root);
  const loaded = openScenario(path, reader, names);
  if (loaded.scenario === undefined)
    throw new UsageError(
      `${path} has ${loaded.problems.length} ${loaded.problems.length === 1 ? 'problem' : 'problems'}, nothing was played\n${renderProblems(loaded.problems, loaded.texts)}`,
    );
  if (!quiet) tellConflicts(loaded.warnings, loaded.texts);
  return { scenario: loaded.scenario, root };
}

/** What an answer says of where it comes from. */
export function headOf(scenario: Scenario, given: Given) {
  return { scenario: scenarioName(scenario.file), seed: given.text('seed') ?? scenario.seed, version };
}

/** Says what the user wrote wrong, with its remedy. */
export function orUsage<T>(what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (error instanceof CannotVary) throw new UsageError(`${error.message}\n  mend: ${error.mend}`);
    throw error;
  }
}

/** A measure that `--of` names. */
export function measureNamed(scenario: Scenario, name: string | undefined): string | undefined {
  const names = measuresOf(scenario).map((m) => m.name);
  if (name === undefined || names.includes(name)) return name;
  const near = nearest(name, names);
  throw new UsageError(
    `--of: there is no measure ${name}\n  mend: ${near === undefined ? `write one of ${names.slice(0, 12).join(', ')}` : `write --of "${near}"`}`,
  );
}

/** Runs a point: `--replications`, or so many. */
export function runsOf(given: Given, otherwise: number): number {
  const runs = given.count('replications') ?? otherwise;
  if (runs < 1 || runs > 1_000_000)
    throw new UsageError(`--replications ${runs}\n  mend: write 1 to 1000000`);
  return runs;
}

/**
 * Every value of every factor, alone, as the scenario's own checks see it: what they refuse is told once, before anything is played.
 * @throws UsageError
 */
export function checkFactors(scenario: Scenario, factors: readonly Factor[], rules: readonly string[]): void {
  const found: string[] = [];
  for (const f of factors)
    for (const value of f.values) {
      const [path, text] = orUsage(() => located(scenario, f, () => onTop(scenario, [f], [value])));
      const loaded = openScenario(path, (p) => (p === path ? text : scenario.texts.get(p)), rules);
      if (loaded.scenario === undefined)
        found.push(`${pointText([f], [value])}\n${renderProblems(loaded.problems, loaded.texts)}`);
      if (found.length >= 5) break;
    }
  if (found.length > 0) throw new UsageError(`a value cannot be played\n${found.join('\n')}`);
}

/** Says of what a scenario's own `vary:` says wrong where it does. */
function located<T>(scenario: Scenario, { path }: Factor, what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (!(error instanceof CannotVary) || scenario.vary[path] === undefined) throw error;
    const { node } = nodeAt(scenario.root, ['vary', path]);
    throw new CannotVary(
      `${node.file}:${node.line}:${node.column}  vary.${path}: ${error.message}`,
      error.mend,
    );
  }
}

/** The batches of every point, over the same replications. */
export function pointBatches(
  scenario: Scenario,
  factors: readonly Factor[],
  points: readonly Point[],
  from: number,
  to: number,
  given: Given,
): readonly (readonly Batch[])[] {
  const source = sourceOf(scenario, given.list('rules'));
  const seed = given.text('seed') ?? scenario.seed;
  return points.map((p) =>
    batches(
      source,
      seed,
      from,
      to,
      { everything: true },
      orUsage(() => onTop(scenario, factors, p)),
    ),
  );
}

/** Plays the part of the work that a shard has, and writes it. */
export async function playShard(
  plan: ShardPlan,
  work: readonly Batch[],
  shard: Shard,
  given: Given,
  folder: string,
): Promise<number> {
  const mine = batchesOf(work, shard);
  const rows = await playAll(
    mine.map((i) => work[i]!),
    given,
    `shard ${shard.index} of ${shard.of}`,
  );
  const name = writeShard(
    folder,
    plan,
    shard,
    mine.map((i, k) => [i, rows[k]!] as const),
  );
  process.stdout.write(
    `shard ${shard.index} of ${shard.of}: ${mine.length} of ${work.length} batches, ${folder}/${name}\n`,
  );
  return exitCode.yes;
}

/** Plays the same replications at every point: the same seeds, so that points are paired. */
export async function playPoints(
  scenario: Scenario,
  factors: readonly Factor[],
  points: readonly Point[],
  from: number,
  to: number,
  given: Given,
  folder: string,
): Promise<readonly (readonly ReplicationRow[])[]> {
  return playGroups(pointBatches(scenario, factors, points, from, to, given), given, scenario.title, folder);
}

/** Plays several scenarios over the same replications. */
export async function playScenarios(
  scenarios: readonly Scenario[],
  runs: number,
  given: Given,
  folder: string,
): Promise<readonly (readonly ReplicationRow[])[]> {
  const seed = given.text('seed') ?? scenarios[0]!.seed;
  const perScenario = scenarios.map((s) =>
    batches(sourceOf(s, given.list('rules')), seed, 0, runs, { everything: true }),
  );
  return playGroups(perScenario, given, 'compare', folder);
}

/** Plays groups of batches together, and gives each group its rows. */
async function playGroups(
  groups: readonly (readonly Batch[])[],
  given: Given,
  title: string,
  folder: string,
): Promise<readonly (readonly ReplicationRow[])[]> {
  const rows = await playAll(groups.flat(), given, title, folder);
  let at = 0;
  return groups.map((some) => {
    const mine = rows.slice(at, at + some.length).flat();
    at += some.length;
    return mine;
  });
}

/** What the steps of one command have played so far. */
const keptBy = new WeakMap<Given, Kept>();

/**
 * Plays batches with their progress.
 * @param folder of the answer, beside which an interruption keeps what was played; absent: it keeps nothing
 * @throws UsageError for values that only fail together
 * @throws Interrupted when it was
 */
export async function playAll(
  work: ReturnType<typeof batches>,
  given: Given,
  title: string,
  folder?: string,
): Promise<readonly (readonly ReplicationRow[])[]> {
  const kept = folder === undefined ? undefined : (keptBy.get(given) ?? new Kept(folder));
  if (kept !== undefined) keptBy.set(given, kept);
  const known = work.map((batch) => kept?.get(batch));
  const left = work.filter((_, i) => known[i] === undefined);
  const show = given.flag('json') ? undefined : progress(title);
  let done = work.length - left.length;
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const found = await playBatches(left, {
      workers: workersOf(given.count('workers')),
      signal: stop.signal,
      onPlayed: () => {
        done += 1;
        show?.tell(done / work.length, 0);
      },
    });
    found.forEach((rows, i) => {
      if (rows !== undefined) kept?.add(left[i]!, rows);
    });
    if (stop.signal.aborted) throw new Interrupted(kept?.write() ?? 'interrupted: nothing is kept');
    let next = 0;
    return known.map((rows) => {
      if (rows !== undefined) return rows;
      next += 1;
      return found[next - 1] ?? [];
    });
  } catch (error) {
    // Values that only fail together: no single one could have told it.
    if (error instanceof Error && error.name === 'RangeError')
      throw new UsageError(`a point cannot be played\n${error.message}`);
    throw error;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    show?.end();
  }
}

/** Options that every verb has which plays a scenario many times. */
export const manyRunsOptions = {
  seed: { says: 'another seed than the scenario names', type: 'string' },
  workers: { says: 'threads that play runs (as many as there are cores)', type: 'string' },
  rules: { says: 'rule files of Prometheus, as for run', type: 'list' },
  out: { says: 'the folder of the result', type: 'string' },
  json: { says: 'print answer.json and nothing else', type: 'boolean' },
} as const;

/** Writes the files of an answer, and says it. */
export async function writeAnswer(
  answer: Answer,
  command: readonly string[],
  folder: string,
  given: Given,
): Promise<void> {
  const { answerFiles, answerText } = await import('../report/answer.ts');
  const files = await answerFiles(answer, command);
  writeResult(folder, files);
  dropKept(folder);
  process.stdout.write(
    given.flag('json')
      ? (files.get('answer.json') as string)
      : answerText(answer, relative(process.cwd(), folder) || '.'),
  );
}

/** The one scenario that a verb takes. */
export function onlyFile(given: Given, verb: string, usage: string): string {
  const [file, ...more] = given.files;
  if (file === undefined || more.length > 0)
    throw new UsageError(`${verb} takes one scenario\n  mend: rehearse ${verb} ${usage}`);
  return file;
}
