import type { GcLog, LoggedCollection } from './gcLog.ts';

/** What a G1 log says of a JVM, in figures; absent where the log has no case of one. Young pauses are meant where nothing else is said. */
export interface GcFigures {
  /** Pauses that the times, eden and copied bytes are of: those after the warm-up. */
  readonly pauses: number;
  /** Mean, from the start of one pause to the start of the next. */
  readonly intervalSeconds?: number;
  readonly pauseMillisP50?: number;
  readonly pauseMillisP90?: number;
  readonly pauseMillisP99?: number;
  readonly pauseMillisMax?: number;
  /** All pauses together. */
  readonly pausedSeconds: number;
  /** Share of the time between the first pause and the last that passed in pauses. */
  readonly pausePercent?: number;
  /** Mean eden before a pause of type Normal, in whole regions. */
  readonly edenMiB?: number;
  /** Mean bytes copied; where the log does not tell them, survivors after the pause and the growth of old, in whole regions. */
  readonly copiedMiB?: number;
  /** Of the whole log, the warm-up included. */
  readonly counts: {
    readonly normal: number;
    readonly concurrentStart: number;
    readonly prepareMixed: number;
    readonly mixed: number;
    /** Without those that the program asked for. */
    readonly full: number;
    readonly toSpaceExhausted: number;
    readonly preventive: number;
    /** Concurrent cycles that G1 took back at once, as JDK 16 and later can. */
    readonly undoCycles: number;
  };
  /** Mean of the whole log, without aborted cycles. */
  readonly markCycleMillis?: number;
  /** The last occupancy at which marking begins, as a share of the most that G1 lets old objects occupy, and whether it was predicted. */
  readonly ihopPercent?: number;
  readonly ihopAdaptive?: boolean;
}

const mebibyte = 1_048_576;
const systemGc = 'System.gc()';
/** Time after a program's own full collection in which G1 still learns. Chosen, not measured: ten and more pauses of a busy heap. */
const warmUpSeconds = 5;

/**
 * Figures of a log.
 *
 * @param options.skipSeconds warm-up that is left out, seconds of uptime; by default until 5 s after the last `System.gc()` of each JVM,
 *   nothing where there is none
 */
export function gcFigures(log: GcLog, options: { readonly skipSeconds?: number } = {}): GcFigures {
  const { collections, phases, stretches } = log;
  const from = stretches.map((_, stretch) => {
    if (options.skipSeconds !== undefined) return options.skipSeconds;
    const asked = collections.findLast((c) => c.stretch === stretch && c.cause === systemGc);
    return asked === undefined ? 0 : asked.startSeconds + asked.millis / 1000 + warmUpSeconds;
  });
  const young = collections.filter((c) => isYoung(c) && c.startSeconds >= from[c.stretch]!);

  let intervals = 0;
  let seconds = 0;
  let pausedInIntervals = 0;
  young.forEach((c, i) => {
    const next = young[i + 1];
    // What passed while lines are missing, or between two JVMs, is no interval.
    if (next === undefined || next.stretch !== c.stretch) return;
    intervals += 1;
    seconds += next.startSeconds - c.startSeconds;
    pausedInIntervals += c.millis / 1000;
  });
  const millis = young.map((c) => c.millis).sort((a, b) => a - b);

  const regionMiB = (c: LoggedCollection): number | undefined => {
    const bytes = stretches[c.stretch]?.regionBytes;
    return bytes === undefined ? undefined : bytes / mebibyte;
  };
  const eden: number[] = [];
  const copied: number[] = [];
  for (const c of young) {
    const region = regionMiB(c);
    if (c.type === 'Young (Normal)' && c.eden !== undefined && region !== undefined)
      eden.push(c.eden[0] * region);
    if (c.copiedBytes !== undefined) copied.push(c.copiedBytes / mebibyte);
    else if (c.survivors !== undefined && c.old !== undefined && region !== undefined)
      copied.push((c.survivors[1] + Math.max(0, c.old[1] - c.old[0])) * region);
  }

  const count = (is: (c: LoggedCollection) => boolean) => collections.filter(is).length;
  const ofType = (type: string) => count((c) => c.type === type);
  const key = (p: { stretch: number; number: number }) => `${p.stretch}/${p.number}`;
  const aborted = new Set(phases.filter((p) => p.name === 'Concurrent Mark Abort').map(key));
  const cycles = phases.filter((p) => p.name === 'Concurrent Mark Cycle' && !aborted.has(key(p)));
  const ihop = collections.findLast((c) => c.ihop !== undefined)?.ihop;

  return {
    pauses: young.length,
    pausedSeconds: sum(millis) / 1000,
    counts: {
      normal: ofType('Young (Normal)'),
      concurrentStart: ofType('Young (Concurrent Start)'),
      prepareMixed: ofType('Young (Prepare Mixed)'),
      mixed: ofType('Young (Mixed)'),
      full: count((c) => c.type === 'Full' && c.cause !== systemGc),
      toSpaceExhausted: count((c) => c.toSpaceExhausted),
      preventive: count((c) => c.cause === 'G1 Preventive Collection'),
      undoCycles: phases.filter((p) => p.name === 'Concurrent Undo Cycle').length,
    },
    ...(millis.length > 0 && {
      pauseMillisP50: quantile(millis, 0.5),
      pauseMillisP90: quantile(millis, 0.9),
      pauseMillisP99: quantile(millis, 0.99),
      pauseMillisMax: millis[millis.length - 1]!,
    }),
    ...(intervals > 0 && { intervalSeconds: seconds / intervals }),
    ...(seconds > 0 && { pausePercent: (100 * pausedInIntervals) / seconds }),
    ...(eden.length > 0 && { edenMiB: sum(eden) / eden.length }),
    ...(copied.length > 0 && { copiedMiB: sum(copied) / copied.length }),
    ...(cycles.length > 0 && { markCycleMillis: sum(cycles.map((p) => p.millis)) / cycles.length }),
    ...(ihop !== undefined &&
      ihop.targetBytes > 0 && {
        ihopPercent: (100 * ihop.thresholdBytes) / ihop.targetBytes,
        ihopAdaptive: ihop.adaptive,
      }),
  };
}

const isYoung = (c: LoggedCollection): boolean => c.type.startsWith('Young');

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const x of numbers) total += x;
  return total;
}

/** Linear between the two nearest of the sorted numbers. Source: R. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages" (1996), definition 7. */
function quantile(sorted: readonly number[], p: number): number {
  const place = p * (sorted.length - 1);
  const i = Math.floor(place);
  const low = sorted[i]!;
  return low + (place - i) * ((sorted[i + 1] ?? low) - low);
}
