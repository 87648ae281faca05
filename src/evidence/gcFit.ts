import { parse } from 'yaml';
import { z } from 'zod';
import { quantile } from '../experiment/statistics.ts';
import { type GcLog, type LoggedCollection, readGcLog } from '../formats/gcLog.ts';
import type { ReadText } from '../formats/problem.ts';
import { type G1Costs, noiseAt, speedup } from '../models/jvm/costs.ts';
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

export interface FittedCosts {
  readonly costs: G1Costs;
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

/**
 * Costs of collector work from G1 logs with debug phases, by medians: half of the pauses may be disturbed. Worker times come from the records of
 * copying and scanning, the noise from the pauses themselves against what the medians predict.
 *
 * @throws RangeError when no log has enough: ten young pauses with debug phases, one marking cycle and one full collection
 */
export function fitCosts(
  logs: readonly { readonly log: GcLog; readonly program: LoggedProgram }[],
): FittedCosts {
  const copy: number[] = [];
  const scan: { cards: number; references: number; millis: number }[] = [];
  const other: number[] = [];
  const evacuation: number[] = [];
  const marks: number[] = [];
  const roots: number[] = [];
  const rebuilds: number[] = [];
  const rest: number[] = [];
  const remarks: number[] = [];
  const cleanups: number[] = [];
  const fulls: number[] = [];
  let peak = 0;
  const pauses: { c: LoggedCollection; references: number; faster: number }[] = [];
  for (const { log, program } of logs) {
    const from = steadyFrom(log);
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
      if (c.toSpaceExhausted || c.copiedBytes === undefined || c.scannedCards === undefined) continue;
      const { copyWorkerMillis = 0, scanWorkerMillis = 0, otherMillis = 0 } = c;
      const eden = (c.eden?.[0] ?? 0) * region;
      const references = (eden * mebibyte * program.longShare) / program.objectBytes;
      copy.push(copyWorkerMillis / (c.copiedBytes / mebibyte));
      scan.push({ cards: c.scannedCards, references, millis: scanWorkerMillis });
      other.push(otherMillis);
      evacuation.push(c.millis - otherMillis - (copyWorkerMillis + scanWorkerMillis) / faster);
      pauses.push({ c, references, faster });
    }
    const stopped = (from: number, to: number) =>
      log.collections.reduce(
        (sum, c) => sum + (c.startSeconds >= from && c.startSeconds < to ? c.millis : 0),
        0,
      );
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
      const before = log.collections
        .filter((c) => c.survivors !== undefined && c.startSeconds < mark.at)
        .at(-1);
      const survivors = (before?.survivors?.[1] ?? 0) * region;
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
  if (pauses.length < 10 || marks.length === 0 || fulls.length === 0)
    throw new RangeError(
      `the logs hold ${pauses.length} young pauses with debug phases, ${marks.length} marking cycles and ${fulls.length} full collections; a fit needs 10, 1 and 1`,
    );
  const scanning = leastAbsolute(scan);
  const copyMillisPerMiB = median(copy);
  const otherMillis = median(other);
  const evacuationMillis = Math.max(0, median(evacuation));
  const ratios = pauses.map(
    ({ c, references, faster }) =>
      c.millis /
      (otherMillis +
        evacuationMillis +
        ((copyMillisPerMiB * c.copiedBytes!) / mebibyte +
          (scanning.perCard * c.scannedCards! + scanning.perReference * references) * 1e-3) /
          faster),
  );
  return {
    costs: {
      otherMillis,
      evacuationMillis,
      copyMillisPerMiB,
      scanMicrosPerCard: scanning.perCard,
      scanMicrosPerReference: scanning.perReference,
      noise: noiseAt.map((p) => quantile(ratios, p)),
      markMillisPerMiB: median(marks),
      rootMillisPerMiB: roots.length === 0 ? 0 : median(roots),
      rebuildShare: rebuilds.length === 0 ? 0 : median(rebuilds),
      cycleMillis: median(rest),
      remarkMillis: remarks.length === 0 ? 0 : median(remarks),
      cleanupMillis: cleanups.length === 0 ? 0 : median(cleanups),
      fullMillisPerMiB: median(fulls),
      peakAllocationMiBPerSecond: peak,
    },
    pauses: pauses.length,
    cycles: marks.length,
    fulls: fulls.length,
    // Order statistics around the median: 0.98 root n on each side.
    halfWidth:
      (quantile(ratios, Math.min(1, 0.5 + 0.98 / Math.sqrt(ratios.length))) -
        quantile(ratios, Math.max(0, 0.5 - 0.98 / Math.sqrt(ratios.length)))) /
      2,
  };
}

/** Microseconds for each card and each reference with the least sum of absolute errors, both at least 0: by reweighted least squares. */
function leastAbsolute(
  points: readonly { readonly cards: number; readonly references: number; readonly millis: number }[],
): { readonly perCard: number; readonly perReference: number } {
  let perCard = 1;
  let perReference = 0;
  for (let round = 0; round < 60; round += 1) {
    let [cc, cr, rr, cy, ry] = [0, 0, 0, 0, 0];
    for (const p of points) {
      const micros = p.millis * 1000;
      const weight = 1 / Math.max(1, Math.abs(micros - perCard * p.cards - perReference * p.references));
      cc += weight * p.cards * p.cards;
      cr += weight * p.cards * p.references;
      rr += weight * p.references * p.references;
      cy += weight * p.cards * micros;
      ry += weight * p.references * micros;
    }
    const determinant = cc * rr - cr * cr;
    if (determinant <= 1e-9 * cc * rr) {
      perCard = cc > 0 ? cy / cc : 0;
      perReference = 0;
      continue;
    }
    perCard = (cy * rr - ry * cr) / determinant;
    perReference = (ry * cc - cy * cr) / determinant;
    if (perReference < 0) {
      perReference = 0;
      perCard = cy / cc;
    }
    if (perCard < 0) {
      perCard = 0;
      perReference = ry / rr;
    }
  }
  return { perCard, perReference };
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
