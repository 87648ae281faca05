import { describe, expect, test } from 'vitest';
import { wilsonInterval } from '../../src/experiment/statistics.ts';
import {
  bench,
  containerSpec,
  Gi,
  Mi,
  noCache,
  nodeSpec,
  prompt,
  second,
  template,
} from '../support/kubelet.ts';

/** A node of 16 GiB with 14 GiB in use and a pod without limits that grows; who acts first, and on whom. */
function growing(mibPerSecond: number, replication: number) {
  const { sim, place } = bench([nodeSpec('n1', 16 * Gi)], prompt, 'eviction', replication);
  const steady = containerSpec('steady', {
    requests: { memoryBytes: 14 * Gi, cpuMillis: 0 },
    memory: { kind: 'process', baseBytes: 14 * Gi, leakPerSecond: 0, pageCache: noCache },
  });
  place('n1', 'steady', template([steady]));
  const batch = containerSpec('batch', {
    memory: { kind: 'process', baseBytes: Gi, leakPerSecond: mibPerSecond * Mi, pageCache: noCache },
  });
  const pod = place('n1', 'batch', template([batch], { restartPolicy: 'Never' }));
  sim.run(Math.ceil((Gi / (mibPerSecond * Mi)) * second) + 60 * second);
  const first = sim.told.find((e) => e.kind === 'kubernetes.evicted' || e.kind === 'kubernetes.systemOom')!;
  return { first, pod };
}

describe('without limits, 100 MiB of threshold and a growth of g MiB/s', () => {
  for (const g of [2, 10, 20, 50]) {
    test(`the kubelet looks before memory ends with probability min(1, 10 / ${g})`, () => {
      const runs = 400;
      let evicted = 0;
      for (let i = 0; i < runs; i += 1) {
        const { first, pod } = growing(g, i);
        if (first.kind === 'kubernetes.evicted') evicted += 1;
        expect(pod.phase).toBe('Failed');
        expect(pod.reason === 'Evicted').toBe(first.kind === 'kubernetes.evicted');
      }
      const [low, high] = wilsonInterval(evicted, runs);
      const expected = Math.min(1, 10 / g);
      expect(low).toBeLessThanOrEqual(expected);
      expect(high).toBeGreaterThanOrEqual(expected - 1e-9);
    });
  }
});

test('a pod that is evicted has failed and stays so; one that the kernel kills is started again in its place', () => {
  const { sim, place } = bench([nodeSpec('n1', 16 * Gi)]);
  const grows = (leak: number) =>
    template([
      containerSpec('c', {
        memory: { kind: 'process', baseBytes: 15 * Gi, leakPerSecond: leak * Mi, pageCache: noCache },
      }),
    ]);
  const pod = place('n1', 'slow', grows(1));
  sim.run(1200 * second);
  expect(pod).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
  expect(pod.containers[0]!.restarts).toBe(0);

  const other = bench([nodeSpec('n1', 16 * Gi)]);
  const fast = other.place('n1', 'fast', grows(400));
  other.sim.run(20 * second);
  expect(fast.phase).toBe('Running');
  expect(fast.containers[0]).toMatchObject({ lastReason: 'OOMKilled', lastExitCode: 137 });
  expect(fast.containers[0]!.restarts).toBeGreaterThan(0);
});

test('the node is under pressure until five minutes after memory was last seen short, and refuses best effort meanwhile', () => {
  const { sim, cluster, place } = bench([nodeSpec('n1', 16 * Gi)]);
  place(
    'n1',
    'slow',
    template([
      containerSpec('c', {
        memory: { kind: 'process', baseBytes: 15.5 * Gi, leakPerSecond: 2 * Mi, pageCache: noCache },
      }),
    ]),
  );
  sim.run(260 * second);
  const node = cluster.node('n1')!;
  const evictedAt = sim.told.find((e) => e.kind === 'kubernetes.evicted')!.time;
  // Memory falls below 100 MiB at 206 s; the look comes within 10 s, the report of the condition within 10 s more.
  expect(evictedAt / second).toBeGreaterThan(206);
  expect(evictedAt / second).toBeLessThanOrEqual(217);
  expect(node.hasMemoryPressure).toBe(true);
  expect(node.taints.map((t) => t.key)).toContain('node.kubernetes.io/memory-pressure');
  expect(place('n1', 'free', template([containerSpec('c')])).phase).toBe('Failed');
  const asks = containerSpec('c', { requests: { memoryBytes: Gi, cpuMillis: 0 } });
  expect(place('n1', 'burstable', template([asks])).phase).toBe('Pending');
  sim.run(evictedAt + 300 * second - 1);
  expect(node.hasMemoryPressure).toBe(true);
  sim.run(evictedAt + 311 * second);
  expect(node.hasMemoryPressure).toBe(false);
  expect(node.taints).toEqual([]);
});

test('a soft threshold evicts only after it was met without a break for its grace period', () => {
  const soft = { bytes: 2 * Gi, graceMicros: 90 * second, maxPodGraceMicros: 5 * second };
  const settings = { ...prompt, eviction: { ...prompt.eviction, soft } };
  const at = (base: number) => {
    const { sim, place } = bench([nodeSpec('n1', 16 * Gi)], settings);
    place(
      'n1',
      'p',
      template([
        containerSpec('c', {
          memory: { kind: 'process', baseBytes: base, leakPerSecond: 0, pageCache: noCache },
        }),
      ]),
    );
    sim.run(600 * second);
    return sim.told.filter((e) => e.kind === 'kubernetes.evicted').map((e) => e.time / second);
  };
  expect(at(13.9 * Gi)).toEqual([]);
  const [evicted] = at(14.1 * Gi);
  expect(evicted).toBeGreaterThanOrEqual(91);
  expect(evicted).toBeLessThanOrEqual(111);
});

test('a soft threshold is noticed when a leak crosses it, well before the hard one', () => {
  const soft = { bytes: 2 * Gi, graceMicros: 30 * second, maxPodGraceMicros: 5 * second };
  const { sim, place } = bench([nodeSpec('n1', 16 * Gi)], {
    ...prompt,
    eviction: { ...prompt.eviction, soft },
  });
  const leaks = { kind: 'process', baseBytes: 13 * Gi, leakPerSecond: 10 * Mi, pageCache: noCache } as const;
  place('n1', 'p', template([containerSpec('c', { memory: leaks })]));
  sim.run(200 * second);
  const [evicted] = sim.told.filter((e) => e.kind === 'kubernetes.evicted').map((e) => e.time / second);
  // Crossed 102.4 s after the start at 1 s; seen within 10 s, then held for 30 s up to the next look.
  expect(evicted).toBeGreaterThan(133.4);
  expect(evicted).toBeLessThanOrEqual(154);
});
