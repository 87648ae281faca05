import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstOfEach, summariseNested } from '../experiment/nested.ts';
import { fromColumns, measuresOf, summarise } from '../experiment/replicated.ts';
import type { ReplicationRow } from '../experiment/replication.ts';
import { playReplication } from '../experiment/replication.ts';
import type { Result } from '../experiment/result.ts';
import { resultOf, type Shown } from '../experiment/run.ts';
import { meanInterval } from '../experiment/statistics.ts';
import { nearest } from '../formats/nearest.ts';
import { parseQuantity } from '../formats/quantity.ts';
import type { Scenario } from '../scenario/load.ts';
import { UsageError } from './exitCodes.ts';
import { batches, playBatches, sourceOf, workersOf } from './pool.ts';
import type { progress } from './progress.ts';
import type { Given } from './verbs.ts';

/** Runs of the first look under `--precision`. */
const firstLook = 30;
/** More runs than this are another kind of question. */
const mostRuns = 1_000_000;

/** How many runs are played: a number, or until a mean is known so well. */
export type ReplicationPlan =
  | { readonly runs: number; readonly runsEach?: number }
  | { readonly precision: number; readonly of: string };

/** Draws of the uncertain inputs, and runs for each, of which the parts of a variance can be told. */
const [fewestInputs, fewestRuns] = [3, 2];

/** What `--inputs N` makes of `--replications M`: N draws of what is uncertain, each with M runs by chance. */
function nestedPlan(inputs: number, runs: number | undefined, scenario: Scenario): ReplicationPlan {
  if (!scenario.hasUncertain)
    throw new UsageError(
      `--inputs: nothing in ${scenario.file} is uncertain\n  mend: leave it out, or write { uncertain: ... } for what is not known`,
    );
  if (runs === undefined)
    throw new UsageError(
      '--inputs says how often, and not how many runs each\n  mend: add --replications 10',
    );
  if (inputs < fewestInputs || runs < fewestRuns || inputs * runs > mostRuns)
    throw new UsageError(
      `--inputs ${inputs} --replications ${runs}\n  mend: write ${fewestInputs} draws of the inputs or more, of ${fewestRuns} runs or more each, ${mostRuns.toLocaleString('en')} runs in all at most`,
    );
  return { runs: inputs * runs, runsEach: runs };
}

/** What `--replications`, `--inputs`, `--precision` and `--of` ask for; undefined where none is given. */
export function replicationPlan(given: Given, scenario: Scenario): ReplicationPlan | undefined {
  const runs = given.count('replications');
  const inputs = given.count('inputs');
  const [precision, of] = [given.text('precision'), given.text('of')];
  if (runs !== undefined && precision !== undefined)
    throw new UsageError(
      '--replications and --precision say different things\n  mend: leave one of them out',
    );
  if (inputs !== undefined) {
    if (given.text('extend') !== undefined || given.text('precision') !== undefined)
      throw new UsageError(
        '--inputs plays a number of runs anew\n  mend: leave --extend and --precision out',
      );
    return nestedPlan(inputs, runs, scenario);
  }
  if (runs !== undefined) {
    if (runs < 1 || runs > mostRuns)
      throw new UsageError(`--replications ${runs}\n  mend: write 1 to ${mostRuns.toLocaleString('en')}`);
    if (of !== undefined) throw new UsageError('--of belongs to --precision\n  mend: leave it out');
    return { runs };
  }
  if (precision === undefined && of === undefined) return undefined;
  if (precision === undefined) throw new UsageError('--of says nothing alone\n  mend: add --precision 5%');
  const share = parseQuantity(precision, 'ratio');
  if (!share.ok || share.value <= 0 || share.value >= 1)
    throw new UsageError(
      `--precision ${precision} is no share of a mean\n  mend: write it as in --precision 5%`,
    );
  const names = measuresOf(scenario).map((m) => m.name);
  if (of === undefined)
    throw new UsageError(
      `--precision of what?\n  mend: add --of with one of ${names.slice(0, 12).join(', ')}`,
    );
  if (!names.includes(of)) {
    const near = nearest(of, names);
    throw new UsageError(
      `--of: there is no measure ${of}\n  mend: ${near === undefined ? `write one of ${names.slice(0, 12).join(', ')}` : `write --of "${near}"`}`,
    );
  }
  return { precision: share.value, of };
}

/** Runs of a finished or interrupted result, and how often they were looked at. */
export interface Extended {
  readonly rows: readonly ReplicationRow[];
  readonly looks: number;
}

/**
 * The runs that a result folder holds, to which others are added.
 * @throws UsageError when it holds none, or those of another scenario, seed or version
 */
export async function extendedFrom(folder: string, shown: Shown): Promise<Extended> {
  const file = (name: string) => join(folder, name);
  if (!existsSync(file('manifest.json')) || !existsSync(file('replications.arrow')))
    throw new UsageError(
      `${folder} holds no replications\n  mend: name the folder of a result that was played with --replications`,
    );
  const manifest = JSON.parse(readFileSync(file('manifest.json'), 'utf8')) as Record<string, unknown>;
  const own = resultOf(shown, []);
  for (const key of ['version', 'scenarioDigest', 'platformDigest', 'seed'] as const)
    if (manifest[key] !== own[key])
      throw new UsageError(
        `${folder} has another ${key === 'scenarioDigest' ? 'scenario' : key === 'platformDigest' ? 'platform' : key}\n  mend: play it anew, or name what it was played with`,
      );
  const summary = JSON.parse(readFileSync(file('summary.json'), 'utf8')) as {
    readonly replications?: { readonly looks?: number; readonly nested?: object | null };
  };
  if (summary.replications?.nested != null)
    throw new UsageError(
      `${folder} was played with --inputs: its runs depend on each other\n  mend: play it anew with more of them`,
    );
  try {
    const { readReplications } = await import('../report/arrow.ts');
    const { heads, columns } = readReplications(readFileSync(file('replications.arrow')));
    return { rows: fromColumns(shown.scenario, heads, columns), looks: summary.replications?.looks ?? 1 };
  } catch {
    throw new UsageError(
      `${file('replications.arrow')} is cut off or was changed\n  mend: play the result anew`,
    );
  }
}

/** Whether the mean of a measure is known well enough; a mean of 0 is, once nothing differs. */
function isPrecise(
  rows: readonly ReplicationRow[],
  read: (row: ReplicationRow) => number | null,
  precision: number,
): boolean {
  const values = rows.map(read).filter((v) => v !== null);
  if (values.length < 2) return false;
  const { mean, halfWidth } = meanInterval(values);
  return halfWidth <= precision * Math.abs(mean);
}

/**
 * The result of a run with its replications. An interruption keeps the runs that were finished without a gap, in their order.
 * Whether to go on is decided on all runs of a look, never on those that happened to be ready.
 */
export async function replicated(
  shown: Shown,
  plan: ReplicationPlan,
  given: Given,
  show: ReturnType<typeof progress> | undefined,
  before: Extended | undefined = undefined,
): Promise<Result> {
  const { scenario, seed, first } = shown;
  const runsEach = 'runs' in plan ? plan.runsEach : undefined;
  const asked = { everything: true, fans: true as const, ...(runsEach === undefined ? {} : { runsEach }) };
  const workers = workersOf(given.count('workers'));
  const source = sourceOf(scenario, given.list('rules'));
  const stop = new AbortController();
  const rows: ReplicationRow[] =
    before === undefined ? [playReplication(scenario, seed, first, asked)] : [...before.rows];
  if (before !== undefined && 'runs' in plan && plan.runs <= before.rows.length)
    throw new UsageError(
      `the result has ${before.rows.length} runs already\n  mend: write --replications ${2 * before.rows.length}, or more than it has`,
    );
  let looks = before?.looks ?? 0;
  // Runs of a scenario without chance are all the same: one says it all.
  const wanted = 'runs' in plan ? plan.runs : firstLook;
  let upTo = shown.draws ? wanted : 1;
  const interrupt = () => stop.abort();
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    for (;;) {
      const from = rows.length;
      const work = batches(source, seed, first + from, first + upTo, asked);
      const found = await playBatches(work, {
        workers,
        signal: stop.signal,
        onPlayed: (some) => show?.tell(Math.min(1, (rows.length + some.length) / upTo), 0),
      });
      const gap = found.indexOf(undefined);
      for (const some of gap < 0 ? found : found.slice(0, gap)) rows.push(...some!);
      looks += 1;
      if (stop.signal.aborted || 'runs' in plan || !shown.draws || upTo >= mostRuns) break;
      const { read } = measuresOf(scenario).find((m) => m.name === plan.of)!;
      if (isPrecise(rows, read, plan.precision)) break;
      upTo = Math.min(mostRuns, upTo * 2);
    }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  const replications =
    runsEach === undefined
      ? summarise(scenario, rows, looks, stop.signal.aborted, shown.draws, !('runs' in plan))
      : summariseNested(scenario, rows, runsEach, stop.signal.aborted);
  const independent = runsEach === undefined ? rows : firstOfEach(rows, runsEach);
  return withReplications(resultOf(shown, independent.slice(1)), replications);
}

/** A result whose verdict counts what replications say of expectations that need a share of runs. */
export function withReplications(result: Result, replications: ReturnType<typeof summarise>): Result {
  const expectations = result.expectations.map((e) => {
    const found = replications.expectations.find((r) => r.name === e.name);
    if (found === undefined || found.verdict === null) return e;
    const percent = (x: number) => `${Number((x * 100).toPrecision(4))} %`;
    const needs = found.needs === null ? '' : `; about ${found.needs} more runs would decide`;
    return {
      ...e,
      verdict: found.verdict,
      says: `holds in ${found.held} of ${replications.runs} runs: ${percent(found.interval[0])} to ${percent(found.interval[1])} of all, and ${percent(found.holdsIn!)} is wanted${needs}`,
    };
  });
  const broken = replications.broken.map((b) => ({
    name: `standard: replication ${b.replication} keeps the laws`,
    that: '',
    mode: 'exact' as const,
    when: 'in every run',
    verdict: 'fail' as const,
    value: 1,
    margin: -1,
    says: b.says,
    place: `${result.file}:1`,
  }));
  const all = [...expectations, ...broken];
  const verdicts = all.map((e) => e.verdict);
  const unanswered = result.alerts?.rules.some((r) => r.notAnswerable !== null) === true;
  return {
    ...result,
    expectations: all,
    verdict: verdicts.includes('fail')
      ? 'fail'
      : verdicts.includes('inconclusive') || unanswered
        ? 'inconclusive'
        : 'pass',
    seeds: replications.runs,
    replications,
    ...(replications.runSheets.length === 0 ? {} : { runSheets: replications.runSheets }),
  };
}
