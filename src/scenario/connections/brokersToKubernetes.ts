import { type OffHeap, pageCacheBytes, processBytes } from '../../models/jvm/memory.ts';
import type { Guest } from '../../models/kubernetes/nodeMemory.ts';
import { burstableAdjust } from '../../models/kubernetes/oomKiller.ts';
import type { Platform } from '../../models/kubernetes/platform.ts';

/** What a broker's pod takes of its node. */
export interface BrokerPod {
  readonly node: string;
  readonly heapBytes: number;
  /** Limit of its container, which its request equals; undefined for none. */
  readonly memoryLimitBytes: number | undefined;
}

/**
 * Brokers' processes are memory of their nodes: the whole heap and what the JVM has beside it, and page cache up to the container's limit. The kernel may
 * kill one when its node is out of memory; its container then starts again.
 * Simplified: a heap is touched whole from the start; a broker's memory request is its limit; the kubelet evicts no broker.
 * @param podOf what a broker's pod is now, by row
 */
export function connectBrokersToKubernetes(
  platform: Platform,
  offHeap: OffHeap,
  count: number,
  podOf: (row: number) => BrokerPod,
): void {
  const { cluster, kubelet, pods } = platform;
  const guests = new Map<number, Guest>();
  const set = (row: number, runs: boolean) => {
    const { node: name, heapBytes, memoryLimitBytes } = podOf(row);
    const node = cluster.node(name);
    const guest = guests.get(row);
    if (node === undefined || guest === undefined) return;
    const limit = memoryLimitBytes ?? node.spec.capacity.memoryBytes;
    const bytes = Math.min(limit, processBytes(heapBytes, offHeap));
    kubelet.memory.setGuest(
      kubelet.memory.state(node),
      guest,
      runs ? bytes : 0,
      runs ? pageCacheBytes(limit, heapBytes, offHeap) : 0,
    );
  };
  for (let row = 0; row < count; row += 1) {
    const { node: name, memoryLimitBytes } = podOf(row);
    const node = cluster.node(name);
    if (node === undefined) continue;
    guests.set(row, {
      bytes: 0,
      wantedCacheBytes: 0,
      cacheBytes: 0,
      cachePerSecond: 0,
      oomScoreAdjust: burstableAdjust(memoryLimitBytes ?? 0, node.spec.capacity.memoryBytes),
      kill: () => pods.killForMemory(row),
    });
    set(row, true);
  }
  pods.onProcess = set;
}
