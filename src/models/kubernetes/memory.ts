import type { MemoryPoint, MemorySpec } from './objects.ts';

/** Anonymous memory from an instant on: bytes, their growth per second, and until when that holds, microseconds. */
export interface MemoryPiece {
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly until: number;
}

const forEver = Number.POSITIVE_INFINITY;

/**
 * Anonymous memory of a container's entrypoint at `now`, started at `startedAt`.
 *
 * A Java process holds what its heap has touched, metaspace, code cache, the touched part of its threads' stacks, direct buffers, and the
 * collector's tables as a share of the largest heap; a heap once touched is not given back. Source: HotSpot native memory tracking, areas of
 * `jcmd VM.native_memory`. Simplified: the areas beside the heap are there from the start, and malloc arenas are not modelled.
 */
export function anonymousMemory(spec: MemorySpec, startedAt: number, now: number): MemoryPiece {
  const seconds = (now - startedAt) / 1e6;
  switch (spec.kind) {
    case 'process':
      return {
        bytes: spec.baseBytes + spec.leakPerSecond * seconds,
        bytesPerSecond: spec.leakPerSecond,
        until: forEver,
      };
    case 'jvm': {
      const beside =
        spec.metaspaceBytes +
        spec.codeCacheBytes +
        spec.threads * spec.stackBytes +
        spec.directBytes +
        spec.gcShare * spec.maxHeapBytes +
        spec.leakPerSecond * seconds;
      const grown = spec.heapBytes + spec.heapPerSecond * seconds;
      const grows = spec.heapPerSecond > 0 && grown < spec.maxHeapBytes;
      const full = spec.heapPerSecond > 0 ? spec.maxHeapBytes : spec.heapBytes;
      return {
        bytes: beside + (grows ? grown : full),
        bytesPerSecond: spec.leakPerSecond + (grows ? spec.heapPerSecond : 0),
        until: grows
          ? startedAt + Math.ceil(((spec.maxHeapBytes - spec.heapBytes) / spec.heapPerSecond) * 1e6)
          : forEver,
      };
    }
    case 'recorded':
      return pieceOf(spec.points, now);
    case 'driven':
      return { bytes: spec.idleBytes, bytesPerSecond: 0, until: forEver };
  }
}

/** A recording at an instant: the first value before its first point, the last one after its last. */
export function pieceOf(points: readonly MemoryPoint[], now: number): MemoryPiece {
  if (points.length === 0) return { bytes: 0, bytesPerSecond: 0, until: forEver };
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]!.at <= now) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return { bytes: points[0]!.bytes, bytesPerSecond: 0, until: points[0]!.at };
  const from = points[low - 1]!;
  if (low === points.length) return { bytes: from.bytes, bytesPerSecond: 0, until: forEver };
  const to = points[low]!;
  const perSecond = ((to.bytes - from.bytes) / (to.at - from.at)) * 1e6;
  return {
    bytes: from.bytes + (perSecond * (now - from.at)) / 1e6,
    bytesPerSecond: perSecond,
    until: to.at,
  };
}
