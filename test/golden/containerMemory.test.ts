import { describe, expect, test } from 'vitest';
import { constant } from '../../src/engine/distributions.ts';
import { rankForEviction } from '../../src/models/kubernetes/eviction.ts';
import { oomScoreAdjust } from '../../src/models/kubernetes/oomKiller.ts';
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
  unlimited,
  usual,
} from '../support/kubelet.ts';

/** 400 MiB and a leak, under a limit of 1 GiB: the worked timeline of a container limit. */
function leaking(leakMiPerSecond: number, settings = prompt, seed = 'test') {
  const made = bench([nodeSpec('n1', 16 * Gi)], settings, seed);
  const pod = made.place(
    'n1',
    'leaky',
    template([
      containerSpec('app', {
        requests: { memoryBytes: 512 * Mi, cpuMillis: 0 },
        limits: { ...unlimited, memoryBytes: 1024 * Mi },
        memory: {
          kind: 'process',
          baseBytes: 400 * Mi,
          leakPerSecond: leakMiPerSecond * Mi,
          pageCache: noCache,
        },
        startMicros: constant(20 * second),
        readiness: {
          initialDelayMicros: 0,
          periodMicros: 10 * second,
          timeoutMicros: second,
          successThreshold: 1,
          failureThreshold: 3,
        },
      }),
    ]),
  );
  return { ...made, pod };
}

const times = (told: readonly { kind: string; time: number }[], kind: string) =>
  told.filter((e) => e.kind === kind).map((e) => e.time / second);

describe('a container that leaks to its limit', () => {
  test('dies 312 s after each start and waits 0, 10, 20, 40, 80, 160, 300, 300 s', () => {
    const { sim, pod } = leaking(2);
    sim.run(6000 * second);
    const starts = times(sim.told, 'kubernetes.containerStarted');
    const kills = times(sim.told, 'kubernetes.oomKilled');
    expect(kills.map((k, i) => k - starts[i]!)).toEqual(kills.map(() => 312));
    const gaps = starts.slice(1).map((s, i) => s - kills[i]!);
    expect(gaps.slice(0, 9)).toEqual([1, 10, 20, 40, 80, 160, 300, 300, 300]);
    expect(pod.containers[0]).toMatchObject({ lastReason: 'OOMKilled', lastExitCode: 137 });
  });

  test('is seen to wait up to 15 s longer, until the pod is looked at again', () => {
    const waits = [0, 10, 20, 40, 80, 160, 300];
    for (let seed = 0; seed < 20; seed += 1) {
      const { sim } = leaking(2, usual, `seed ${seed}`);
      sim.run(4000 * second);
      const starts = times(sim.told, 'kubernetes.containerStarted');
      const kills = times(sim.told, 'kubernetes.oomKilled');
      const gaps = starts.slice(1, 8).map((s, i) => s - kills[i]!);
      expect(gaps[0]).toBeGreaterThanOrEqual(1);
      expect(gaps[0]).toBeLessThanOrEqual(2);
      gaps.slice(1).forEach((gap, i) => {
        expect(gap).toBeGreaterThanOrEqual(waits[i + 1]!);
        expect(gap).toBeLessThanOrEqual(waits[i + 1]! + 15);
      });
    }
  });

  test('is ready 46 % of the time once the wait is 300 s, and 96 % where it outlasts ten minutes', () => {
    const share = (leak: number, from: number, to: number) => {
      const { sim, pod, cluster } = leaking(leak);
      let ready = 0;
      let since = Number.NaN;
      cluster.listen({
        podChanged: () => {
          if (pod.isReady && Number.isNaN(since)) since = sim.now;
          if (!pod.isReady && !Number.isNaN(since)) {
            ready += sim.now - since;
            since = Number.NaN;
          }
        },
      });
      sim.run(from * second);
      const before = ready;
      sim.run(to * second);
      return (ready - before) / ((to - from) * second);
    };
    // Steady: 292 of 312 + 300 s are ready; the table's 46 % counts the mean of the resynchronisation as well.
    expect(share(2, 6000, 6000 + 612 * 20)).toBeCloseTo(292 / 612, 2);
    expect(share(0.9, 7000, 7000 + 694.333 * 20)).toBeGreaterThan(0.95);
    expect(times(leakFor(0.9, 20_000), 'kubernetes.backOff')).toEqual([]);
  });

  function leakFor(leak: number, seconds: number) {
    const { sim } = leaking(leak);
    sim.run(seconds * second);
    return sim.told;
  }
});

describe('oom_score_adj', () => {
  const capacity = 8_000_000_000;
  const adjust = (requestBytes: number, more: Parameters<typeof template>[1] = {}) => {
    const c = containerSpec('c', {
      requests: { memoryBytes: requestBytes, cpuMillis: 1 },
      limits: unlimited,
    });
    return oomScoreAdjust(template([c], more), c, capacity);
  };

  test('is 999, 500 and 3 for a request of nothing, half and all but a byte of the node', () => {
    expect([adjust(0), adjust(capacity / 2), adjust(capacity - 1)]).toEqual([999, 500, 3]);
  });

  test('is 1000 for best effort and -997 where requests are limits', () => {
    const free = containerSpec('free');
    expect(oomScoreAdjust(template([free]), free, capacity)).toBe(1000);
    const both = { memoryBytes: Gi, cpuMillis: 1000 };
    const fixed = containerSpec('fixed', { requests: both, limits: both });
    expect(oomScoreAdjust(template([fixed]), fixed, capacity)).toBe(-997);
  });

  test('of a sidecar is no higher than that of the containers it serves', () => {
    const main = containerSpec('main', { requests: { memoryBytes: capacity / 2, cpuMillis: 0 } });
    const sidecar = containerSpec('proxy', {
      kind: 'sidecar',
      requests: { memoryBytes: capacity / 8, cpuMillis: 0 },
    });
    expect(oomScoreAdjust(template([main, sidecar]), sidecar, capacity)).toBe(500);
  });
});

test('eviction takes D, C, B and A last: those above their request, by priority, by how far above', () => {
  const { place } = bench([nodeSpec('n1', 64 * Gi)]);
  const candidate = (name: string, requestMi: number, usageMi: number, priority: number) => {
    const c = containerSpec('c', { requests: { memoryBytes: requestMi * Mi, cpuMillis: 0 } });
    const made = template([c]);
    const pod = place('n1', name, { ...made, placement: { ...made.placement, priority } });
    return { pod, usageBytes: usageMi * Mi };
  };
  const order = rankForEviction([
    candidate('a', 1024, 900, 0),
    candidate('b', 100, 400, 1000),
    candidate('c', 0, 400, 1000),
    candidate('d', 0, 100, 0),
  ]);
  expect(order.map((c) => c.pod.name)).toEqual(['d', 'c', 'b', 'a']);
});
