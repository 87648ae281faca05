import { median } from '../experiment/statistics.ts';
import type { GcLog, LoggedCollection, LoggedJvm } from '../formats/gcLog.ts';
import { defaultFlags, type G1Flags, parallelThreads } from '../models/jvm/flags.ts';
import { steadyFrom } from './gcFit.ts';
import { type AllocatorProgram, liveOverhead } from './gcModel.ts';

const mebibyte = 1_048_576;

/** What is said of a JVM or a program: read off a log, computed from it, or taken for granted. */
export type Origin = 'logged' | 'inferred' | 'assumed' | 'given';

/** The JVM that a log tells of. */
export interface SeenJvm {
  readonly version: string | undefined;
  readonly flags: Partial<G1Flags> &
    Pick<
      G1Flags,
      'heapBytes' | 'cpus' | 'release' | 'reservePercent' | 'ihopPercent' | 'adaptiveIhop' | 'pauseGoalMillis'
    > &
    Required<Pick<G1Flags, 'regionBytes' | 'parallelThreads'>>;
  readonly origins: Readonly<
    Record<'heap' | 'region' | 'cpus' | 'parallelThreads' | 'ihop' | 'reserve' | 'release', Origin>
  >;
  /** The smallest heap in the log, bytes: the model keeps it at its largest. */
  readonly leastHeapBytes: number;
}

/** Mebibytes of heap in use over the regions that it lies in, rounded up to a power of two: regions are nearly full when eden is. */
function regionMiB(collections: readonly LoggedCollection[]): number | undefined {
  const ratios = collections.flatMap((c) => {
    if (c.eden === undefined || c.survivors === undefined || c.old === undefined) return [];
    const regions = c.eden[0] + c.survivors[0] + c.old[0] + (c.humongous?.[0] ?? 0);
    return regions > 0 ? [c.usedMiB[0] / regions] : [];
  });
  if (ratios.length === 0) return undefined;
  const mean = median(ratios);
  let size = 1;
  // Regions in use are never fuller than full; used is told in whole MiB.
  while (size < 32 && size * 1.02 < mean) size *= 2;
  return size;
}

/**
 * The JVM of a log. What a rotated log lost with its first lines is inferred: the heap from its capacity, the region size from used bytes and regions,
 * the CPUs from the workers (OpenJDK 17, WorkerPolicy::nof_parallel_worker_threads, backwards). With `gc+ihop` at debug the reserve comes
 * from the target occupancy and the static IHOP from the threshold (g1IHOPControl.cpp). The pause goal is in no log.
 */
export function seenJvm(log: GcLog): SeenJvm {
  const { jvm, collections } = log;
  const capacities = collections.map((c) => c.usedMiB[2]);
  const heapBytes = jvm.heapMaxBytes ?? Math.max(...capacities.slice(-1000)) * mebibyte;
  const workers = collections.findLast((c) => c.workers !== undefined)?.workers?.[1];
  const threads = jvm.parallelThreads ?? workers;
  const cpus =
    jvm.cpus ?? (threads === undefined ? 1 : threads <= 8 ? threads : 8 + Math.ceil(((threads - 8) * 8) / 5));
  const major = /^(\d+)/.exec(jvm.version ?? '')?.[1];
  const release = major === undefined ? defaultFlags.release : Number(major);
  const told = collections.find((c) => c.ihop !== undefined && !c.ihop.adaptive)?.ihop;
  const region = jvm.regionBytes ?? (regionMiB(collections) ?? 1) * mebibyte;
  return {
    version: jvm.version,
    flags: {
      heapBytes,
      cpus,
      release,
      regionBytes: region,
      parallelThreads: threads ?? parallelThreads({ ...defaultFlags, heapBytes, cpus }),
      ...(jvm.concurrentThreads === undefined ? {} : { concurrentThreads: jvm.concurrentThreads }),
      pauseGoalMillis: defaultFlags.pauseGoalMillis,
      reservePercent:
        told === undefined
          ? defaultFlags.reservePercent
          : Math.min(50, Math.max(0, Math.round(95 - (100 * told.targetBytes) / heapBytes))),
      ihopPercent:
        told === undefined ? defaultFlags.ihopPercent : Math.round((100 * told.thresholdBytes) / heapBytes),
      adaptiveIhop: defaultFlags.adaptiveIhop,
    },
    origins: {
      heap: jvm.heapMaxBytes === undefined ? 'inferred' : 'logged',
      region: jvm.regionBytes === undefined ? 'inferred' : 'logged',
      cpus: jvm.cpus === undefined ? 'inferred' : 'logged',
      parallelThreads: threads === undefined ? 'inferred' : 'logged',
      ihop: told === undefined ? 'assumed' : 'inferred',
      reserve: told === undefined ? 'assumed' : 'inferred',
      release: major === undefined ? 'assumed' : 'logged',
    },
    leastHeapBytes: capacities.reduce((least, c) => Math.min(least, c), heapBytes / mebibyte) * mebibyte,
  };
}

/** The log with what `seenJvm` inferred in place of what it does not tell. */
export function withJvm(log: GcLog, { version, flags }: SeenJvm): GcLog {
  const jvm: LoggedJvm = {
    ...(version === undefined ? {} : { version }),
    cpus: flags.cpus,
    regionBytes: flags.regionBytes,
    heapMaxBytes: flags.heapBytes,
    parallelThreads: flags.parallelThreads,
    ...(flags.concurrentThreads === undefined ? {} : { concurrentThreads: flags.concurrentThreads }),
  };
  return { ...log, jvm, stretches: [jvm] };
}

/**
 * Seconds of uptime from which a log is taken: the warm-up of `steadyFrom`, or, where a program asks for full collections again and again, only
 * the first seconds: most of the log would be lost.
 */
export function steadySeconds(log: GcLog): number {
  const young = log.collections.filter((c) => c.type.startsWith('Young'));
  const after = (seconds: number) => young.filter((c) => c.startSeconds > seconds).length;
  const first = log.collections[0]?.startSeconds ?? 0;
  // A log that begins in the middle of a JVM's life has its warm-up behind it.
  const least = log.jvm.version === undefined && first > 60 ? first : steadyFrom({ ...log, collections: [] });
  const asked = steadyFrom(log);
  return after(asked) >= 0.5 * after(least) ? Math.max(asked, least) : least;
}

/** What a program does, as far as its log tells. */
export interface SeenProgram {
  /** MiB allocated each second, humongous objects left out. */
  readonly allocatedMiBPerSecond: number;
  readonly humongousPerSecond: number;
  readonly humongousBytes: number;
  readonly humongousMillis: number;
  /** MiB of eden that each pause found, and of survivors that it left; means. */
  readonly edenMiB: number;
  readonly survivorMiB: number;
  /** Share of the bytes in eden that stay, and MiB of them each second: the rate of promotion in the long run. */
  readonly longShare: number;
  readonly longMiBPerSecond: number;
  /** Share of the bytes in eden that live on for a while and then die, and for how long. */
  readonly mediumShare: number;
  readonly mediumMillis: number;
  readonly liveMiB: number;
  /** What the live set was read off. */
  readonly liveFrom: 'full collection' | 'marking cycle' | 'smallest heap';
}

/** What a program does that only its owner can say better. */
export interface GivenProgram {
  readonly liveBytes?: number;
  readonly longShare?: number;
  readonly objectBytes: number;
}

/**
 * Reads a program off the pauses of a log after `from` seconds. Young pauses are meant where nothing else is said.
 *
 * - Allocation: heap in use before a collection less that after the one before it, over the time between their starts; a pause holds the program up, and it
 *   catches up. Humongous objects: their regions' growth between pauses, one object a region.
 * - Long share: how much more is in use after a pause than after the one before it, what Remark and Cleanup freed added, over eden; where neither of the two
 *   pauses is mixed, for those empty old regions. Survivors and old regions count alike, so that the age of promotion does not matter. Too low
 *   by the share of the live set that survivors are, for some of it is replaced there; too high when objects of medium age live through two pauses:
 *   they are promoted with the rest. Measured on nine recordings: 0.78 to 1.2 times the true one where the medium ones die in time,
 *   thirteen times where they do not.
 * - Medium: with `gc+age` at trace the bytes of age 1 less the long ones. Without, survivors less what is long among them, which the tenuring
 *   threshold decides: all fifteen ages when survivors are below half of their most (OpenJDK 17, AgeTable::compute_tenuring_threshold),
 *   else half of them is taken to be long: many mixtures leave the same bytes to copy. They are taken to live a quarter of the mean interval:
 *   a steady log tells the product of share and time only.
 * - Live set: heap in use after the last full collection; without one the least in use after a mixed pause, else after any pause, less survivors
 *   (garbage in old regions included: too high as long as no cycle has freed it).
 *
 * @returns undefined when the log has no two young pauses with regions, at different times after `from`
 */
export function seenProgram(log: GcLog, from: number): SeenProgram | undefined {
  const region = (log.jvm.regionBytes ?? mebibyte) / mebibyte;
  let grown = 0;
  let humongousRegions = 0;
  let humongousKept = 0;
  let eden = 0;
  let kept = 0;
  let keptOfEden = 0;
  let freed = 0;
  let previous: { readonly afterMiB: number; readonly mixed: boolean } | undefined;
  let survivors = 0;
  let mostSurvivors = 0;
  let age1 = 0;
  let aged = 0;
  let pauses = 0;
  let least = Number.POSITIVE_INFINITY;
  let leastMixed = Number.POSITIVE_INFINITY;
  let full: number | undefined;
  let first: LoggedCollection | undefined;
  let last: LoggedCollection | undefined;
  let before: LoggedCollection | undefined;
  let humongousAfter: number | undefined;
  for (const c of log.collections) {
    const steady = c.startSeconds > from;
    // A full collection that ended the warm-up is the best of them.
    if (c.type === 'Full' && c.startSeconds + c.millis / 1000 >= from - fullBefore) full = c.usedMiB[1];
    if (steady && before !== undefined && first !== undefined)
      grown += Math.max(0, c.usedMiB[0] - before.usedMiB[1]);
    before = c;
    if (c.humongous !== undefined) {
      if (first !== undefined && humongousAfter !== undefined)
        humongousRegions += Math.max(0, c.humongous[0] - humongousAfter);
      humongousAfter = c.humongous[1];
    }
    if (!steady) continue;
    if (c.type === 'Full') previous = undefined;
    else if (!c.type.startsWith('Young')) freed += Math.max(0, c.usedMiB[0] - c.usedMiB[1]);
    if (!c.type.startsWith('Young') || c.eden === undefined || c.survivors === undefined) continue;
    if (first === undefined) first = c;
    else {
      last = c;
      eden += c.eden[0];
    }
    pauses += 1;
    humongousKept += c.humongous?.[1] ?? 0;
    survivors += c.survivors[1];
    mostSurvivors += c.survivors[2];
    if (c.ageBytes !== undefined) {
      age1 += (c.ageBytes[0] ?? 0) / mebibyte;
      aged += 1;
    }
    const mixed = c.type === 'Young (Mixed)';
    const old = Math.max(0, c.usedMiB[1] - c.survivors[1] * region);
    least = Math.min(least, old);
    if (mixed) leastMixed = Math.min(leastMixed, old);
    const afterMiB = c.usedMiB[1] - (c.humongous?.[1] ?? 0) * region;
    if (previous !== undefined && !previous.mixed && !mixed && !c.toSpaceExhausted) {
      kept += afterMiB - previous.afterMiB + freed;
      keptOfEden += c.eden[0] * region;
    }
    previous = { afterMiB, mixed };
    freed = 0;
  }
  if (first === undefined || last === undefined || last.startSeconds <= first.startSeconds) return undefined;
  const seconds = last.startSeconds - first.startSeconds;
  const interval = seconds / (pauses - 1);
  const edenMiB = (eden * region) / (pauses - 1);
  // Of a region that holds a humongous object at least half is used, and at most all.
  const humongousMiB = Math.min(
    humongousRegions * region,
    Math.max(humongousRegions * region * 0.5, grown - eden * region),
  );
  const allocatedMiBPerSecond = Math.max(0, grown - humongousMiB) / seconds;
  const longShare = keptOfEden > 0 ? Math.min(1, Math.max(0, kept / keptOfEden)) : 0;
  const long = longShare * edenMiB;
  const survivorMiB = (Math.max(0, survivors - 0.5 * pauses) * region) / pauses;
  const desired = (mostSurvivors * region) / pauses / 2;
  const medium =
    aged > 0 ? age1 / aged - long : survivorMiB < desired ? survivorMiB - oldest * long : survivorMiB / 2;
  // No more than all of eden.
  const mediumMiB = Math.min(Math.max(0, medium), edenMiB - long);
  const quarter = interval / 4;
  const mediumShare =
    allocatedMiBPerSecond > 0 ? Math.min(1 - longShare, mediumMiB / (allocatedMiBPerSecond * quarter)) : 0;
  const mediumSeconds = mediumShare > 0 ? mediumMiB / (allocatedMiBPerSecond * mediumShare) : quarter;
  return {
    allocatedMiBPerSecond,
    humongousPerSecond: humongousRegions / seconds,
    // A header comes on top of what is asked for.
    humongousBytes:
      humongousRegions > 0
        ? Math.min(region * mebibyte - 16, (humongousMiB / humongousRegions) * mebibyte)
        : 0,
    // Little's law: how many are alive after a pause, over how many come.
    humongousMillis:
      humongousRegions > 0 ? (humongousKept / pauses / (humongousRegions / seconds)) * 1000 : 0,
    edenMiB,
    survivorMiB,
    longShare,
    longMiBPerSecond: (longShare * eden * region) / seconds,
    mediumShare,
    mediumMillis: mediumSeconds * 1000,
    liveMiB: full ?? (leastMixed < Number.POSITIVE_INFINITY ? leastMixed : least),
    liveFrom:
      full !== undefined
        ? 'full collection'
        : leastMixed < Number.POSITIVE_INFINITY
          ? 'marking cycle'
          : 'smallest heap',
  };
}

/** Highest age of a survivor. Source: OpenJDK 17, MaxTenuringThreshold. */
const oldest = 15;
/** Seconds before the steady work in which a full collection still shows its live set. */
const fullBefore = 5.01;

/** The program as it is played, with what was said about it. */
export function playedProgram(seen: SeenProgram, given: GivenProgram): AllocatorProgram {
  return {
    rate: seen.allocatedMiBPerSecond,
    live: (given.liveBytes ?? seen.liveMiB * mebibyte) / 1e6 / liveOverhead,
    mid: seen.mediumShare,
    midMs: seen.mediumMillis,
    old: given.longShare ?? seen.longShare,
    hum: seen.humongousPerSecond,
    humKB: seen.humongousBytes / 1024,
    humMs: seen.humongousMillis,
    objectBytes: given.objectBytes,
  };
}
