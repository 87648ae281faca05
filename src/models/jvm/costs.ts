/**
 * What collector work costs on a machine, all of it fitted from GC logs with debug phases. "Worker" time is the sum over the parallel workers,
 * "wall" time is what passes on the clock.
 */
export interface G1Costs {
  /** Wall milliseconds of a pause outside evacuation: what G1 itself learns as constant. */
  readonly otherMillis: number;
  /** Wall milliseconds of evacuation that no worker's copying or scanning explains: roots, start and end of the workers, waiting for the last. */
  readonly evacuationMillis: number;
  /** Worker milliseconds to copy a MiB of live objects. */
  readonly copyMillisPerMiB: number;
  /** Worker microseconds to scan a card. */
  readonly scanMicrosPerCard: number;
  /** Worker microseconds for each reference from an old object to one in eden: its first touch. */
  readonly scanMicrosPerReference: number;
  /** A pause over the predicted one, at the probabilities of `noiseAt`: resampled, for no simple family has its tail. */
  readonly noise: readonly number[];
  /** Concurrent thread milliseconds to mark a MiB of live objects. */
  readonly markMillisPerMiB: number;
  /** Concurrent thread milliseconds to scan a MiB of survivors as roots. */
  readonly rootMillisPerMiB: number;
  /** Rebuilding of remembered sets, as a share of the marking time. */
  readonly rebuildShare: number;
  /** Wall milliseconds of a cycle that do not depend on the live set: claimed marks, preclean, the next bitmap. */
  readonly cycleMillis: number;
  readonly remarkMillis: number;
  readonly cleanupMillis: number;
  /** Worker milliseconds of a full collection for each MiB of live objects. */
  readonly fullMillisPerMiB: number;
  /** What one thread allocates when nothing paces it, MiB per second. */
  readonly peakAllocationMiBPerSecond: number;
}

/** Share of a copied byte that is lost in allocation buffers. Measured: LAB waste over copied bytes of a whole recording, 0.13 %. */
export const bufferWaste = 0.0013;

/** Probabilities at which `noise` is given. */
export const noiseAt = [0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 1] as const;

/** A factor drawn from the recorded ones: linear between the given quantiles. */
export function noiseFactor(noise: readonly number[], u: number): number {
  let i = 1;
  while (i < noiseAt.length - 1 && u > noiseAt[i]!) i += 1;
  const from = noiseAt[i - 1]!;
  const share = (u - from) / (noiseAt[i]! - from);
  return noise[i - 1]! + share * (noise[i]! - noise[i - 1]!);
}

/**
 * How many times faster `threads` workers are than one, on `cpus` CPUs. Measured: one worker in place of two took 1.7 to 1.9 times as long with a
 * fixed part, so two are twice as fast. Beyond two each doubling keeps 85 % of its gain: inferred, no run has more.
 */
export function speedup(threads: number, cpus: number): number {
  const busy = Math.max(1, Math.min(threads, cpus));
  return busy <= 2 ? busy : busy * Math.exp(Math.log(0.85) * Math.log2(busy / 2));
}

/**
 * How fast `threads` concurrent threads mark beside a program that keeps `busyCpus` of `cpus` busy. A doubling of real CPU time keeps 85 % of its
 * gain: inferred; measured with two threads on two CPUs under load: 0.71 of the time.
 */
export function markingSpeed(threads: number, cpus: number, busyCpus: number): number {
  const running = Math.max(0.25, Math.min(threads, cpus - Math.min(busyCpus, cpus - 1)));
  return running <= 1 ? running : running * Math.exp(Math.log(0.85) * Math.log2(running));
}

/** To-space exhausted: the pause is three to ten times as long (inferred from G1's handling of failed copies); the middle of it on a log scale. */
export const failureFactor = 5.5;
