/** The options of one JVM that G1's behaviour depends on. Percentages are 0 to 100; bytes and milliseconds are plain numbers. */
export interface G1Flags {
  /** -Xmx, with -Xms the same: the heap neither grows nor shrinks. */
  readonly heapBytes: number;
  /** -XX:G1HeapRegionSize, or undefined for the size that the JVM chooses. */
  readonly regionBytes?: number;
  /** -XX:MaxGCPauseMillis. */
  readonly pauseGoalMillis: number;
  /** -XX:G1ReservePercent. */
  readonly reservePercent: number;
  /** -XX:InitiatingHeapOccupancyPercent. */
  readonly ihopPercent: number;
  /** -XX:G1UseAdaptiveIHOP. */
  readonly adaptiveIhop: boolean;
  /** -XX:ParallelGCThreads, or undefined for the number that the JVM chooses. */
  readonly parallelThreads?: number;
  /** -XX:ConcGCThreads, or undefined for the number that the JVM chooses. */
  readonly concurrentThreads?: number;
  /** -XX:G1MixedGCCountTarget. */
  readonly mixedCountTarget: number;
  /** CPUs that the container may use, its quota rounded up. */
  readonly cpus: number;
  /** Release of the JDK: preventive collections exist in 17 to 20. */
  readonly release: number;
}

/** What the JVM runs with when only the heap and the CPUs are given. Source: g1_globals.hpp and gc_globals.hpp of JDK 17. */
export const defaultFlags: Omit<G1Flags, 'heapBytes' | 'cpus'> = {
  pauseGoalMillis: 200,
  reservePercent: 10,
  ihopPercent: 45,
  adaptiveIhop: true,
  mixedCountTarget: 8,
  release: 17,
};

/** Options that Rehearse does not vary, in percent. Source: g1_globals.hpp of JDK 17. */
export const fixedFlags = {
  newSizePercent: 5,
  maxNewSizePercent: 60,
  heapWastePercent: 5,
  mixedLiveThresholdPercent: 85,
  oldSetRegionPercent: 10,
  confidencePercent: 50,
  targetPlabWastePercent: 10,
  survivorRatio: 8,
  targetSurvivorPercent: 50,
  maxTenuringThreshold: 15,
} as const;

const mebibyte = 1_048_576;

/** Least power of two that is not below `bytes`. */
function powerOfTwoUp(bytes: number): number {
  let size = 1;
  while (size < bytes) size *= 2;
  return size;
}

/** Bytes of one region: a 2048th of the maximum heap, rounded up to a power of two, 1 to 32 MiB. Source: HeapRegion::setup_heap_region_size, JDK 17. */
export function regionBytes(flags: G1Flags): number {
  const wanted = flags.regionBytes ?? Math.max(flags.heapBytes / 2048, mebibyte);
  return Math.min(32 * mebibyte, Math.max(mebibyte, powerOfTwoUp(wanted)));
}

/** Parallel workers of a pause. Source: WorkerPolicy::nof_parallel_worker_threads: all of 8 CPUs, five eighths of the rest. */
export function parallelThreads(flags: G1Flags): number {
  const n = Math.max(1, Math.ceil(flags.cpus));
  return flags.parallelThreads ?? (n <= 8 ? n : 8 + Math.floor(((n - 8) * 5) / 8));
}

/** Concurrent marking threads. Source: G1ConcurrentMark scale_concurrent_worker_threads. */
export function concurrentThreads(flags: G1Flags): number {
  return flags.concurrentThreads ?? Math.max(1, Math.floor((parallelThreads(flags) + 2) / 4));
}
