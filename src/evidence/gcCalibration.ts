import { median, quantile } from '../experiment/statistics.ts';
import { type GcFigures, gcFigures } from '../formats/gcFigures.ts';
import type { GcLog, LoggedCollection } from '../formats/gcLog.ts';
import type { Problem } from '../formats/problem.ts';
import { formatQuantity } from '../formats/quantity.ts';
import type { G1Costs } from '../models/jvm/costs.ts';
import { type Cost, type FittedCosts, fewestPauses, fitCosts, type PauseCosts, steadyFrom } from './gcFit.ts';
import { playProgram } from './gcModel.ts';
import {
  type GivenProgram,
  type Origin,
  playedProgram,
  type SeenJvm,
  type SeenProgram,
  seenJvm,
  seenProgram,
  steadySeconds,
  withJvm,
} from './gcProgram.ts';

const mebibyte = 1_048_576;

export interface GivenToCalibrate extends GivenProgram {
  /** -XX:MaxGCPauseMillis, which no log tells. */
  readonly pauseGoalMillis?: number;
  /** -XX:InitiatingHeapOccupancyPercent. */
  readonly ihopPercent?: number;
}

/** A figure of the log beside the played one. */
export interface ComparedFigure {
  readonly name: string;
  readonly unit: string;
  readonly logged: number | undefined;
  /** Median over the seeds, and their smallest and largest; counts in the time of the log. */
  readonly played: number | undefined;
  readonly range: readonly [number, number] | undefined;
  /** With every pause as long as the mean one, and none but young pauses. */
  readonly naive: number | undefined;
}

export interface Calibration {
  readonly jvm: SeenJvm;
  readonly pauseGoalMillis: number;
  readonly origins: SeenJvm['origins'] & { readonly pauseGoal: Origin };
  /** Seconds of uptime that are taken for steady work. */
  readonly steady: readonly [from: number, to: number];
  readonly figures: GcFigures;
  readonly program: SeenProgram;
  readonly given: GivenToCalibrate;
  readonly fitted: FittedCosts;
  readonly compared: readonly ComparedFigure[];
  readonly seeds: number;
}

/** Pause goals in use: those of the JVM, of Kafka's scripts, and what lies between and around. */
export const usualGoals = [5, 10, 20, 50, 100, 200, 500] as const;
const seeds = 5;
/** Played at most: more says nothing new. */
const mostPlayed = 4000;
const mostPlayedForGoal = 200;

/**
 * What a log says of its JVM, the costs of its machine, and how well the model plays it with them.
 *
 * @param file where the log is, for problems
 * @param kept costs for what the log does not tell
 */
export function calibrate(
  whole: GcLog,
  file: string,
  given: GivenToCalibrate,
  kept: G1Costs,
): { readonly calibration: Calibration } | { readonly problems: readonly Problem[] } {
  const problem = (found: string, mend: string) => ({
    problems: [{ file, line: 0, column: 0, path: '', found, mend, severity: 'problem' as const }],
  });
  const hasRegions = (c: LoggedCollection) =>
    c.eden !== undefined && c.survivors !== undefined && c.old !== undefined;
  const young = whole.collections.filter((c) => c.type.startsWith('Young'));
  if (young.length > 0 && !young.some(hasRegions))
    return problem('no pause tells its regions', 'log with -Xlog:gc*:file=gc.log:time,uptime,level,tags');
  const jvm = seenJvm(whole);
  const log = withJvm(whole, jvm);
  const from = steadySeconds(log);
  const steady = after(log, from);
  const count = steady.collections.filter((c) => c.type.startsWith('Young') && hasRegions(c)).length;
  const program = seenProgram(log, from);
  if (count < fewestPauses || program === undefined)
    return problem(
      `${young.length} young pauses, ${count} of them after the warm-up; a fit needs ${fewestPauses}`,
      'give a longer log, or all of its parts',
    );
  const liveBytes = given.liveBytes ?? program.liveMiB * mebibyte;
  if (liveBytes >= jvm.flags.heapBytes)
    return problem(
      `a live set of ${formatQuantity(liveBytes, 'bytes')} in a heap of ${formatQuantity(jvm.flags.heapBytes, 'bytes')}`,
      'give the bytes that stay alive with --live, below the heap',
    );
  const fitted = fitCosts(
    [
      {
        log,
        program: {
          liveMiB: liveBytes / mebibyte,
          longShare: given.longShare ?? program.longShare,
          objectBytes: given.objectBytes,
        },
        from,
      },
    ],
    kept,
  );
  const figures = gcFigures(steady, { skipSeconds: 0 });
  const flags = {
    ...jvm.flags,
    ...(given.ihopPercent === undefined ? {} : { ihopPercent: given.ihopPercent }),
  };
  const allocator = playedProgram(program, given);
  const interval = figures.intervalSeconds ?? 1;
  const to = steady.collections.at(-1)!.startSeconds;
  const since = Math.max(from, steady.collections[0]!.startSeconds);
  // Eden is a twentieth of the heap at least: no more collections than ten times as many as that gives, and so many large objects.
  const bound = Math.min(
    (10 * mostPlayed * 0.05 * jvm.flags.heapBytes) / mebibyte / Math.max(1e-3, program.allocatedMiBPerSecond),
    1e6 / Math.max(1e-3, program.humongousPerSecond),
  );
  const playFor = (pauseGoalMillis: number, seed: number, most: number) => {
    const seconds = Math.min(Math.max(20, Math.min(to - since, most * interval)), bound) + warmUp;
    const played = playProgram({ ...flags, pauseGoalMillis }, fitted.costs, allocator, {
      seed: `${seed}`,
      seconds,
    });
    const steadily = after(played, steadyFrom(played));
    return { figures: gcFigures(steadily, { skipSeconds: 0 }), seconds: seconds - warmUp };
  };
  const goal =
    given.pauseGoalMillis ??
    nearestGoal(
      figures.edenMiB,
      flags.pauseGoalMillis,
      (g) => playFor(g, 0, mostPlayedForGoal).figures.edenMiB,
    );
  const plays = Array.from({ length: seeds }, (_, seed) => playFor(goal, seed, mostPlayed));
  return {
    calibration: {
      jvm: { ...jvm, flags: { ...flags, pauseGoalMillis: goal } },
      pauseGoalMillis: goal,
      origins: {
        ...jvm.origins,
        ...(given.ihopPercent === undefined ? {} : { ihop: 'given' as const }),
        pauseGoal: given.pauseGoalMillis === undefined ? 'inferred' : 'given',
      },
      steady: [since, to],
      figures,
      program,
      given,
      fitted,
      compared: compare({ figures, seconds: to - since }, plays),
      seeds,
    },
  };
}

/** Seconds that `steadyFrom` leaves out after a program's own full collection. */
const warmUp = 5;

/** The part of a log after so many seconds of uptime. */
function after(log: GcLog, seconds: number): GcLog {
  return {
    ...log,
    collections: log.collections.filter((c) => c.startSeconds > seconds),
    phases: log.phases.filter((p) => p.endSeconds > seconds),
  };
}

/** The usual goal whose eden, when played, is nearest to the logged one; the usual one, unless another is nearer by more than a tenth. */
function nearestGoal(
  logged: number | undefined,
  usual: number,
  edenOf: (goal: number) => number | undefined,
): number {
  if (logged === undefined || logged <= 0) return usual;
  const distance = (goal: number) => {
    const eden = edenOf(goal);
    return eden === undefined ? Number.POSITIVE_INFINITY : Math.abs(Math.log(eden / logged));
  };
  let best = usual;
  let least = distance(usual) - 0.1;
  if (least <= 0) return usual;
  for (const goal of usualGoals) {
    const d = goal === usual ? Number.POSITIVE_INFINITY : distance(goal);
    if (d < least) [best, least] = [goal, d];
  }
  return best;
}

interface Told {
  readonly figures: GcFigures;
  readonly seconds: number;
}

function compare(logged: Told, plays: readonly Told[]): ComparedFigure[] {
  const { figures: f } = logged;
  const mean = f.pauses > 0 ? (f.pausedSeconds / f.pauses) * 1000 : undefined;
  const row = (
    name: string,
    unit: string,
    of: (told: Told) => number | undefined,
    naive: number | undefined,
  ): ComparedFigure => {
    const values = plays.flatMap((p) => of(p) ?? []);
    return {
      name,
      unit,
      logged: of(logged),
      played: values.length === 0 ? undefined : median(values),
      range: values.length === 0 ? undefined : [quantile(values, 0), quantile(values, 1)],
      naive,
    };
  };
  const counted = (of: (counts: GcFigures['counts']) => number) => (told: Told) =>
    (of(told.figures.counts) * logged.seconds) / told.seconds;
  return [
    row('time between pauses', 's', (t) => t.figures.intervalSeconds, f.intervalSeconds),
    row('pause p50', 'ms', (t) => t.figures.pauseMillisP50, mean),
    row('pause p90', 'ms', (t) => t.figures.pauseMillisP90, mean),
    row('pause p99', 'ms', (t) => t.figures.pauseMillisP99, mean),
    row('longest pause', 'ms', (t) => t.figures.pauseMillisMax, mean),
    row('time in pauses', '%', (t) => t.figures.pausePercent, f.pausePercent),
    row('eden before a pause', 'MiB', (t) => t.figures.edenMiB, undefined),
    row('copied by a pause', 'MiB', (t) => t.figures.copiedMiB, undefined),
    row(
      'concurrent starts',
      '',
      counted((c) => c.concurrentStart),
      0,
    ),
    row(
      'mixed pauses',
      '',
      counted((c) => c.mixed),
      0,
    ),
    row(
      'full collections',
      '',
      counted((c) => c.full),
      0,
    ),
    row('marking cycle', 'ms', (t) => t.figures.markCycleMillis, undefined),
  ];
}

/** Units of the costs, as a reader says them. */
export const costUnits: Readonly<Record<Exclude<Cost, 'noise'>, string>> = {
  otherMillis: 'ms of a pause',
  evacuationMillis: 'ms of a pause',
  copyMillisPerMiB: 'worker ms for each MiB copied',
  scanMicrosPerCard: 'worker us for each card',
  scanMicrosPerReference: 'worker us for each reference from an old object',
  markMillisPerMiB: 'thread ms for each live MiB',
  rootMillisPerMiB: 'thread ms for each MiB of survivors',
  rebuildShare: 'of the marking time',
  cycleMillis: 'ms of a cycle',
  remarkMillis: 'ms',
  cleanupMillis: 'ms',
  fullMillisPerMiB: 'worker ms for each live MiB',
  peakAllocationMiBPerSecond: 'MiB/s of one thread',
};

/** How far the log tells a cost: by itself, in proportion to the others, or not at all. */
export function costOrigin(fitted: FittedCosts, cost: Cost): 'fitted' | 'in proportion' | 'not in the log' {
  if (fitted.notFitted.includes(cost)) return 'not in the log';
  return !fitted.debugPhases &&
    cost in fitted.halfWidths &&
    cost !== ('otherMillis' satisfies keyof PauseCosts)
    ? 'in proportion'
    : 'fitted';
}

/** Five digits: more than any of these is known to. */
const digits = (x: number) => Number(x.toPrecision(5));

/**
 * The costs of a machine, and what its JVM keeps, as a platform file that `extends:` takes.
 *
 * @param files names of the logs
 * @param keptFrom the file that the costs stand in which the log does not tell
 */
export function calibrationText(c: Calibration, files: readonly string[], keptFrom: string): string {
  const { fitted, given, program } = c;
  const names = `[${files.map((f) => JSON.stringify(f)).join(', ')}]`;
  const sources = {
    fitted: 'fitted: rehearse calibrate',
    'in proportion': `fitted: rehearse calibrate, one factor for the costs of a pause in the proportions of ${keptFrom}`,
    'not in the log': `not in the log: ${keptFrom}`,
  };
  const lines = (Object.keys(costUnits) as Exclude<Cost, 'noise'>[]).map((key) => {
    const origin = costOrigin(fitted, key);
    const on = origin === 'not in the log' ? '' : ` fittedOn: ${names},`;
    return `    ${key}: { value: ${digits(fitted.costs[key])},${on} source: ${JSON.stringify(sources[origin])} }`;
  });
  const live =
    given.liveBytes === undefined
      ? `${digits(program.liveMiB)}MiB, source: ${JSON.stringify(`estimated by rehearse calibrate on ${files.join(', ')}: ${liveSays[program.liveFrom]}`)}`
      : `${given.liveBytes}B, source: "given: --live"`;
  const long =
    given.longShare === undefined
      ? `${digits(program.longShare * 100)}%, source: ${JSON.stringify(`estimated by rehearse calibrate on ${files.join(', ')}: growth after pauses over eden`)}`
      : `${digits(given.longShare * 100)}%, source: "given: --long-share"`;
  return `${[
    '# Written by `rehearse calibrate`. Name it in `extends:`, after the platform that it corrects.',
    `# From ${fitted.pauses} young pauses, ${fitted.cycles} concurrent cycles and ${fitted.fulls} full collections; a median pause over the fitted one: +- ${fitted.halfWidth.toFixed(3)}.`,
    `# Not in the log: ${fitted.notFitted.length === 0 ? 'nothing' : `${fitted.notFitted.join(', ')}: as in ${keptFrom}`}.`,
    'rehearse: 1',
    `name: ${JSON.stringify(`costs of G1, fitted on ${files.join(', ')}`)}`,
    'jvm:',
    '  costFactor: { value: 1, source: "the costs are of this machine" }',
    '  noiseWidth: { value: 1, source: "the noise is of this machine" }',
    '  costs:',
    ...lines,
    `    noise: [${fitted.costs.noise.map(digits).join(', ')}]`,
    '  program:',
    `    live: { value: ${live} }`,
    `    longShare: { value: ${long} }`,
  ].join('\n')}\n`;
}

/** What the estimate of the live set stands on. */
export const liveSays: Readonly<Record<SeenProgram['liveFrom'], string>> = {
  'full collection': 'in use after the last full collection',
  'marking cycle':
    'least in use after a mixed pause, survivors left out; with garbage that was not worth a mixed pause',
  'smallest heap': 'least in use after a pause, survivors left out; with garbage, for no cycle freed any',
};
