import { parse } from 'yaml';
import { z } from 'zod';
import { quantile } from '../experiment/statistics.ts';
import { type GcLog, type LoggedCollection, readGcLog } from '../formats/gcLog.ts';
import type { ReadText } from '../formats/problem.ts';
import { parseQuantity } from '../formats/quantity.ts';
import { type G1Costs, noiseAt, speedup } from '../models/jvm/costs.ts';
import { cardsWritten } from '../models/jvm/g1.ts';
import { resolvePath } from '../scenario/files.ts';

/** What the program of a log did, as far as costs depend on it. */
export interface LoggedProgram {
  /** MiB that stay alive. */
  readonly liveMiB: number;
  /** Share of the allocated bytes that replaces a long-lived one. */
  readonly longShare: number;
  /** Bytes of a mean object. */
  readonly objectBytes: number;
}

/** A log to fit from. */
export interface FittedLog {
  readonly log: GcLog;
  readonly program: LoggedProgram;
  /** Seconds of uptime at which the steady work begins; `steadyFrom` by default. */
  readonly from?: number;
}

export type Cost = keyof G1Costs;

export interface FittedCosts {
  readonly costs: G1Costs;
  /** What the logs do not tell; `costs` has what was given for it. */
  readonly notFitted: readonly Cost[];
  /** Whether debug phases tell the costs of a pause apart; else they keep their proportions, and one factor is fitted. */
  readonly debugPhases: boolean;
  /** Half the widths of 95 % intervals of what is fitted on pauses, in the units of the costs. */
  readonly halfWidths: PauseCosts;
  /** Young pauses, concurrent cycles and full collections behind them. */
  readonly pauses: number;
  readonly cycles: number;
  readonly fulls: number;
  /** Half the width of a 95 % interval of the median pause over the predicted one. */
  readonly halfWidth: number;
}

const mebibyte = 1_048_576;
const median = (values: readonly number[]) => quantile(values, 0.5);

/** What a JVM does in its first seconds of steady work says little: its predictor still unlearns its seeds, and its code is being compiled. */
const warmUpSeconds = 5;

/** Seconds at which the program's steady work has warmed up: a while after the last collection that it asked for itself. */
export function steadyFrom(log: GcLog): number {
  let from = 0;
  for (const c of log.collections)
    if (c.type === 'Full' && c.cause === 'System.gc()') from = c.startSeconds + c.millis / 1000;
  return from + warmUpSeconds;
}

/** A young pause that costs are fitted on. */
interface FittedPause {
  readonly millis: number;
  /** Undefined where the log has no phases at all. */
  readonly otherMillis: number | undefined;
  readonly copyWorkerMillis: number;
  readonly scanWorkerMillis: number;
  readonly copiedMiB: number;
  readonly cards: number;
  readonly references: number;
  /** How many times faster its workers are than one. */
  readonly faster: number;
}

/** Fewest pauses that say anything of costs. */
export const fewestPauses = 10;

/** What is fitted on pauses alone. */
export type PauseCosts = Pick<
  G1Costs,
  'otherMillis' | 'evacuationMillis' | 'copyMillisPerMiB' | 'scanMicrosPerCard' | 'scanMicrosPerReference'
>;

/**
 * Costs of collector work from G1 logs. Half of the pauses may be disturbed: medians, and least absolute deviations.
 *
 * With debug phases, worker times come from the records of copying and scanning. Without, a steady program's log does not tell them apart: what
 * is copied and scanned hardly varies from pause to pause (a regression on a recording gave 29 ms for nothing copied, and none for copying). So
 * they keep the proportions of `kept`, and their common factor is the median of what pauses take outside merging, `Post Evacuate` and `Other` over what
 * `kept` predicts: from bytes copied (survivors after it, the last region half full, and the growth of old) and from the cards and references that
 * the program's long share and live set mean. The noise is the pauses themselves against what the costs predict.
 *
 * @param kept what stands for the costs that the logs do not tell
 * @throws RangeError without `kept` when there is such a cost
 */
export function fitCosts(logs: readonly FittedLog[], kept?: G1Costs): FittedCosts {
  const debug: FittedPause[] = [];
  const plain: FittedPause[] = [];
  const marks: number[] = [];
  const roots: number[] = [];
  const rebuilds: number[] = [];
  const rest: number[] = [];
  const remarks: number[] = [];
  const cleanups: number[] = [];
  const fulls: number[] = [];
  let peak = 0;
  for (const { log, program, from = steadyFrom(log) } of logs) {
    const region = (log.jvm.regionBytes ?? mebibyte) / mebibyte;
    const cpus = log.jvm.cpus ?? 1;
    const faster = speedup(log.jvm.parallelThreads ?? cpus, cpus);
    let end = 0;
    for (const c of log.collections) {
      if (c.type === 'Remark' && c.startSeconds > from) remarks.push(c.millis);
      if (c.type === 'Cleanup' && c.startSeconds > from) cleanups.push(c.millis);
      if (c.type === 'Full') fulls.push((c.millis * faster) / Math.max(1, c.usedMiB[1]));
      if (c.eden !== undefined) {
        const gap = c.startSeconds - end;
        if (end > 0 && gap > 0.005) peak = Math.max(peak, (c.eden[0] * region) / gap);
        end = c.startSeconds + c.millis / 1000;
      }
      if (!c.type.startsWith('Young') || c.type === 'Young (Mixed)' || c.startSeconds <= from) continue;
      if (c.toSpaceExhausted) continue;
      const { copyWorkerMillis = 0, scanWorkerMillis = 0, otherMillis } = c;
      const eden = (c.eden?.[0] ?? 0) * region;
      const references = (eden * mebibyte * program.longShare) / program.objectBytes;
      const pause = { millis: c.millis, otherMillis, copyWorkerMillis, scanWorkerMillis, references, faster };
      if (c.copiedBytes !== undefined && c.scannedCards !== undefined)
        debug.push({ ...pause, copiedMiB: c.copiedBytes / mebibyte, cards: c.scannedCards });
      if (c.survivors !== undefined && c.old !== undefined)
        plain.push({
          ...pause,
          copiedMiB: (Math.max(0, c.survivors[1] - 0.5) + Math.max(0, c.old[1] - c.old[0])) * region,
          cards: cardsWritten(references, program.liveMiB * mebibyte, program.objectBytes),
        });
    }
    const stopped = (from: number, to: number) => {
      let sum = 0;
      for (let i = firstFrom(log.collections, from - disorderSeconds); i < log.collections.length; i += 1) {
        const c = log.collections[i]!;
        if (c.startSeconds >= to + disorderSeconds) break;
        if (c.startSeconds >= from && c.startSeconds < to) sum += c.millis;
      }
      return sum;
    };
    const byCycle = new Map<number, Map<string, { millis: number; at: number }>>();
    for (const p of log.phases) {
      if (p.endSeconds <= from) continue;
      const cycle = byCycle.get(p.number) ?? new Map();
      cycle.set(p.name, {
        millis: p.millis - stopped(p.endSeconds - p.millis / 1000, p.endSeconds),
        at: p.endSeconds,
      });
      byCycle.set(p.number, cycle);
    }
    const busy = Math.min(1, cpus);
    for (const cycle of byCycle.values()) {
      const mark = cycle.get('Concurrent Mark From Roots');
      if (mark === undefined) continue;
      let i = firstFrom(log.collections, mark.at + disorderSeconds) - 1;
      while (
        i >= 0 &&
        !(log.collections[i]!.survivors !== undefined && log.collections[i]!.startSeconds < mark.at)
      )
        i -= 1;
      const survivors = (log.collections[i]?.survivors?.[1] ?? 0) * region;
      const speed = Math.max(1, Math.min(log.jvm.concurrentThreads ?? 1, cpus - busy));
      marks.push((mark.millis * speed) / (program.liveMiB + survivors));
      const root = cycle.get('Concurrent Scan Root Regions');
      if (root !== undefined && survivors > 0) roots.push((root.millis * speed) / survivors);
      const rebuild = cycle.get('Concurrent Rebuild Remembered Sets');
      if (rebuild !== undefined) rebuilds.push(rebuild.millis / mark.millis);
      rest.push(
        ['Concurrent Clear Claimed Marks', 'Concurrent Preclean', 'Concurrent Cleanup for Next Mark'].reduce(
          (sum, name) => sum + (cycle.get(name)?.millis ?? 0),
          0,
        ),
      );
    }
  }
  const debugPhases = debug.length >= fewestPauses;
  const pauses = debugPhases ? debug : plain;
  const enough = pauses.length >= fewestPauses;
  const costsOf = debugPhases
    ? fromPhases
    : kept === undefined
      ? undefined
      : (some: readonly FittedPause[]) => fromProportions(some, kept);
  const fitted = enough ? costsOf?.(pauses) : undefined;
  const quantiles = (ratios: readonly number[]) =>
    ratios.length === 0 ? undefined : noiseAt.map((p) => quantile(ratios, p));
  const ratios =
    fitted === undefined ? [] : pauses.map((p) => p.millis / (fitted.otherMillis + evacuation(fitted, p)));
  const known = (cost: number | undefined) =>
    cost !== undefined && Number.isFinite(cost) && cost >= 0 ? cost : undefined;
  const of = (values: readonly number[]) => known(median(values));
  const told: { readonly [K in Cost]: G1Costs[K] | undefined } = {
    otherMillis: known(fitted?.otherMillis),
    evacuationMillis: known(fitted?.evacuationMillis),
    copyMillisPerMiB: known(fitted?.copyMillisPerMiB),
    scanMicrosPerCard: known(fitted?.scanMicrosPerCard),
    scanMicrosPerReference: known(fitted?.scanMicrosPerReference),
    noise: ratios.every((r) => r > 0 && Number.isFinite(r)) ? quantiles(ratios) : undefined,
    markMillisPerMiB: of(marks),
    rootMillisPerMiB: of(roots),
    rebuildShare: of(rebuilds),
    cycleMillis: of(rest),
    remarkMillis: of(remarks),
    cleanupMillis: of(cleanups),
    fullMillisPerMiB: of(fulls),
    // Eden shows the pace of the program; what it could do unpaced is at least that.
    peakAllocationMiBPerSecond:
      kept === undefined || peak > kept.peakAllocationMiBPerSecond ? peak : undefined,
  };
  const notFitted = (Object.keys(told) as Cost[]).filter((key) => told[key] === undefined);
  if (kept === undefined && notFitted.length > 0)
    throw new RangeError(
      `the logs hold ${pauses.length} young pauses, ${marks.length} marking cycles and ${fulls.length} full collections; that does not tell ${notFitted.join(', ')}`,
    );
  // Order statistics around the median: 0.98 root n on each side.
  const halfWidth = enough
    ? (quantile(ratios, Math.min(1, 0.5 + 0.98 / Math.sqrt(ratios.length))) -
        quantile(ratios, Math.max(0, 0.5 - 0.98 / Math.sqrt(ratios.length)))) /
      2
    : Number.POSITIVE_INFINITY;
  const apart = jackknife(costsOf === undefined ? [] : pauses, costsOf ?? fromPhases);
  return {
    costs: Object.fromEntries(
      (Object.keys(told) as Cost[]).map((key) => [key, told[key] ?? kept?.[key]]),
    ) as unknown as G1Costs,
    notFitted,
    debugPhases,
    // A slow moment of the machine raises all costs of a pause at once, which leaving out groups sees little of (medians hardly move).
    halfWidths: Object.fromEntries(
      (Object.keys(apart) as (keyof PauseCosts)[]).map((key) => [
        key,
        Math.max(apart[key], fitted === undefined ? Number.POSITIVE_INFINITY : halfWidth * fitted[key]),
      ]),
    ) as unknown as PauseCosts,
    pauses: pauses.length,
    cycles: marks.length,
    fulls: fulls.length,
    halfWidth,
  };
}

/** The value of a setting as a platform file has it, with or without its source beside it. */
const settingOf = (given: unknown): unknown =>
  typeof given === 'object' && given !== null && 'value' in given ? given.value : given;

/** The `jvm` settings of a platform file. @throws RangeError when there is no such file */
function readJvm(
  file: string,
  readText: ReadText,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const text = readText(file);
  if (text === undefined) throw new RangeError(`there is no file ${file}`);
  return parse(text).jvm;
}

/** The costs in a platform file that has all of them. @throws RangeError when there is no such file */
export function readCosts(file: string, readText: ReadText): G1Costs {
  const costs = Object.entries(readJvm(file, readText).costs ?? {});
  return Object.fromEntries(costs.map(([key, given]) => [key, settingOf(given)])) as unknown as G1Costs;
}

/** Bytes of a mean object in a platform file. @throws RangeError when it does not tell them */
export function readObjectBytes(file: string, readText: ReadText): number {
  const parsed = parseQuantity(String(settingOf(readJvm(file, readText).program?.objectSize)), 'bytes');
  if (!parsed.ok) throw new RangeError(`${file}: jvm.program.objectSize: ${parsed.found}`);
  return parsed.value;
}

/** Threads write their lines out of order by so much at most. */
const disorderSeconds = 1;

/** Index of the first collection that starts at `seconds` or later, where they are in the order of time. */
function firstFrom(collections: readonly LoggedCollection[], seconds: number): number {
  let low = 0;
  let high = collections.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (collections[middle]!.startSeconds < seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Wall milliseconds of evacuation. */
function evacuation(costs: PauseCosts, p: FittedPause): number {
  return (
    costs.evacuationMillis +
    (costs.copyMillisPerMiB * p.copiedMiB +
      (costs.scanMicrosPerCard * p.cards + costs.scanMicrosPerReference * p.references) * 1e-3) /
      p.faster
  );
}

function fromPhases(pauses: readonly FittedPause[]): PauseCosts {
  const scanning = leastAbsolute(
    pauses.map((p) => ({ x: p.cards, y: p.references, value: p.scanWorkerMillis * 1000 })),
  );
  return {
    otherMillis: median(pauses.map((p) => p.otherMillis ?? 0)),
    evacuationMillis: Math.max(
      0,
      median(
        pauses.map(
          (p) => p.millis - (p.otherMillis ?? 0) - (p.copyWorkerMillis + p.scanWorkerMillis) / p.faster,
        ),
      ),
    ),
    copyMillisPerMiB: median(
      pauses.filter((p) => p.copiedMiB > 0).map((p) => p.copyWorkerMillis / p.copiedMiB),
    ),
    scanMicrosPerCard: scanning.x,
    scanMicrosPerReference: scanning.y,
  };
}

function fromProportions(pauses: readonly FittedPause[], kept: G1Costs): PauseCosts {
  const others = pauses.flatMap((p) => p.otherMillis ?? []);
  const phases = others.length === pauses.length;
  const factor = median(
    pauses.map((p) =>
      phases
        ? (p.millis - p.otherMillis!) / evacuation(kept, p)
        : p.millis / (kept.otherMillis + evacuation(kept, p)),
    ),
  );
  return {
    otherMillis: phases ? median(others) : factor * kept.otherMillis,
    evacuationMillis: factor * kept.evacuationMillis,
    copyMillisPerMiB: factor * kept.copyMillisPerMiB,
    scanMicrosPerCard: factor * kept.scanMicrosPerCard,
    scanMicrosPerReference: factor * kept.scanMicrosPerReference,
  };
}

/**
 * Half the widths of 95 % intervals: ten groups of consecutive pauses, each left out in turn, so that pauses may depend on their
 * neighbours. Source: B. Efron and C. Stein, "The jackknife estimate of variance" (1981), with groups; Student's t of nine degrees of freedom.
 * Infinite for fewer than twenty pauses.
 */
function jackknife(
  pauses: readonly FittedPause[],
  costsOf: (pauses: readonly FittedPause[]) => PauseCosts,
): PauseCosts {
  const groups = 10;
  const enough = pauses.length >= 2 * groups;
  const fits = Array.from({ length: enough ? groups : 0 }, (_, g) =>
    costsOf(pauses.filter((_, i) => Math.floor((i * groups) / pauses.length) !== g)),
  );
  const halfWidth = (key: keyof PauseCosts) => {
    if (!enough) return Number.POSITIVE_INFINITY;
    const mean = fits.reduce((sum, f) => sum + f[key], 0) / groups;
    const squares = fits.reduce((sum, f) => sum + (f[key] - mean) * (f[key] - mean), 0);
    return 2.262 * Math.sqrt(((groups - 1) / groups) * squares);
  };
  return {
    // A log tells it in tenths.
    otherMillis: Math.max(0.05, halfWidth('otherMillis')),
    evacuationMillis: halfWidth('evacuationMillis'),
    copyMillisPerMiB: halfWidth('copyMillisPerMiB'),
    scanMicrosPerCard: halfWidth('scanMicrosPerCard'),
    scanMicrosPerReference: halfWidth('scanMicrosPerReference'),
  };
}

/**
 * The factors of `x` and `y` whose sum is nearest to the value, by the sum of absolute errors, both at least 0. By reweighted least squares
 * (E. J. Schlossmacher, 1973); errors below one unit count as one.
 */
function leastAbsolute(
  points: readonly { readonly x: number; readonly y: number; readonly value: number }[],
): { readonly x: number; readonly y: number } {
  let ofX = 1;
  let ofY = 0;
  for (let round = 0; round < 60; round += 1) {
    let [xx, xy, yy, xv, yv] = [0, 0, 0, 0, 0];
    for (const p of points) {
      const weight = 1 / Math.max(1, Math.abs(p.value - ofX * p.x - ofY * p.y));
      xx += weight * p.x * p.x;
      xy += weight * p.x * p.y;
      yy += weight * p.y * p.y;
      xv += weight * p.x * p.value;
      yv += weight * p.y * p.value;
    }
    const determinant = xx * yy - xy * xy;
    if (determinant <= 1e-9 * xx * yy) {
      ofX = xx > 0 ? xv / xx : 0;
      ofY = 0;
      continue;
    }
    ofX = (xv * yy - yv * xy) / determinant;
    ofY = (yv * xx - xv * xy) / determinant;
    if (ofY < 0) {
      ofY = 0;
      ofX = xv / xx;
    }
    if (ofX < 0) {
      ofX = 0;
      ofY = yv / yy;
    }
  }
  return { x: ofX, y: ofY };
}

const description = z.strictObject({
  writes: z.string(),
  name: z.string(),
  logs: z
    .array(
      z.strictObject({
        name: z.string(),
        file: z.string(),
        program: z.strictObject({
          liveMiB: z.number().positive(),
          longShare: z.number().min(0).max(1),
          objectBytes: z.number().positive(),
        }),
      }),
    )
    .min(1),
});

/** Five digits: more than any of these is known to. */
const digits = (x: number) => Number(x.toPrecision(5));

/**
 * Costs from the logs that a description names, as the file that it writes.
 * @throws RangeError when a log is missing or does not have what a fit needs
 */
export function fitDescribedCosts(
  file: string,
  readText: ReadText,
): { readonly file: string; readonly text: string; readonly fitted: FittedCosts } {
  const text = readText(file);
  if (text === undefined) throw new RangeError(`there is no fit description ${file}`);
  const described = description.parse(parse(text));
  const fitted = fitCosts(
    described.logs.map(({ file: log, program }) => {
      const path = resolvePath(file, log);
      const recorded = path === undefined ? undefined : readText(path);
      if (path === undefined || recorded === undefined) throw new RangeError(`there is no log ${log}`);
      return { log: readGcLog(recorded, path), program };
    }),
  );
  const names = described.logs.map((l) => l.name).join(', ');
  const { costs, pauses, cycles, fulls, halfWidth } = fitted;
  const lines = Object.entries(costs).map(([key, value]) =>
    Array.isArray(value)
      ? `    ${key}: [${value.map(digits).join(', ')}]`
      : `    ${key}: { value: ${digits(value as number)}, fittedOn: [${names}], source: "fitted: medians of recorded collections" }`,
  );
  return {
    file: resolvePath(file, described.writes) ?? described.writes,
    fitted,
    text: `${[
      '# yaml-language-server: $schema=../../docs/reference/platform.schema.json',
      '# Written by `npm run fit`; nothing else sets these values.',
      `# From ${pauses} young pauses, ${cycles} concurrent cycles and ${fulls} full collections; a median pause over the predicted one: +- ${halfWidth.toFixed(3)}.`,
      'rehearse: 1',
      `name: ${described.name}`,
      'jvm:',
      '  costs:',
      ...lines,
    ].join('\n')}\n`,
  };
}
