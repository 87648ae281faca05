/** What a JVM takes of its container beside the heap. */
export interface OffHeap {
  /** Metaspace, code cache, thread stacks, direct buffers: bytes that do not depend on the heap. */
  readonly fixedBytes: number;
  /** Mark bitmaps, card table and remembered sets, as a share of the heap. */
  readonly heapShare: number;
}

/** Bytes that a JVM keeps for itself, its heap touched whole. */
export function processBytes(heapBytes: number, offHeap: OffHeap): number {
  return heapBytes * (1 + offHeap.heapShare) + offHeap.fixedBytes;
}

/**
 * Bytes that a container leaves for the page cache: file pages count against the same limit as the process.
 * Source: Linux kernel, cgroup v2 memory controller: memory.current charges both anonymous memory and page cache.
 */
export function pageCacheBytes(limitBytes: number, heapBytes: number, offHeap: OffHeap): number {
  return Math.max(0, limitBytes - processBytes(heapBytes, offHeap));
}
