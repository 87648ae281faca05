import fc from 'fast-check';
import { expect, test } from 'vitest';
import { constant } from '../../src/engine/distributions.ts';
import type { Container } from '../../src/models/kubernetes/cluster.ts';
import type { ContainerSpec, MemorySpec } from '../../src/models/kubernetes/objects.ts';
import {
  bench,
  containerSpec,
  Gi,
  Mi,
  nodeSpec,
  prompt,
  second,
  template,
  unlimited,
} from '../support/kubelet.ts';

const cache = fc.record({
  demandBytes: fc.nat(3000).map((m) => m * Mi),
  activeShare: fc.constantFrom(0, 0.3, 1),
  unreclaimableShare: fc.constantFrom(0, 0, 0.1),
});

const memory: fc.Arbitrary<MemorySpec> = fc.oneof(
  fc.record({
    kind: fc.constant('process' as const),
    baseBytes: fc.nat(1500).map((m) => m * Mi),
    leakPerSecond: fc.oneof(
      fc.constant(0),
      fc.nat(40).map((m) => m * Mi * 0.25),
    ),
    pageCache: cache,
  }),
  fc.record({
    kind: fc.constant('jvm' as const),
    heapBytes: fc.nat(500).map((m) => m * Mi),
    maxHeapBytes: fc.integer({ min: 500, max: 1500 }).map((m) => m * Mi),
    heapPerSecond: fc.nat(20).map((m) => m * Mi),
    metaspaceBytes: fc.constant(80 * Mi),
    codeCacheBytes: fc.constant(40 * Mi),
    threads: fc.nat(300),
    stackBytes: fc.constant(Mi / 4),
    directBytes: fc.nat(100).map((m) => m * Mi),
    gcShare: fc.constantFrom(0, 0.05),
    leakPerSecond: fc.constantFrom(0, 0, Mi),
    pageCache: cache,
  }),
  fc.record({
    kind: fc.constant('recorded' as const),
    points: fc
      .array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat(2000)), { minLength: 1, maxLength: 5 })
      .map((steps) => {
        let at = 0;
        return steps.map(([wait, m]) => {
          at += wait * second;
          return { at, bytes: m * Mi };
        });
      }),
    pageCache: cache,
  }),
);

const container: fc.Arbitrary<ContainerSpec> = fc
  .record({
    memory,
    limitMi: fc.option(fc.integer({ min: 200, max: 2500 })),
    requestMi: fc.nat(1000),
    cpuCores: fc.constantFrom(0, 0.5, 3),
    cpuLimit: fc.option(fc.constantFrom(500, 2000)),
    startSeconds: fc.nat(30),
  })
  .map(({ memory: m, limitMi, requestMi, cpuCores, cpuLimit, startSeconds }) =>
    containerSpec('c', {
      memory: m,
      requests: { memoryBytes: Math.min(requestMi, limitMi ?? 1000) * Mi, cpuMillis: 100 },
      limits: {
        memoryBytes: limitMi === null ? unlimited.memoryBytes : limitMi * Mi,
        cpuMillis: cpuLimit ?? unlimited.cpuMillis,
      },
      cpuCores,
      startMicros: constant(startSeconds * second),
    }),
  );

test('memory of a node is the sum of its parts, no container is above its limit, and back-off never falls before its reset', () => {
  const occurred = { limit: 0, node: 0, evicted: 0, backOff: 0, reset: 0, squeezed: 0, deleted: 0 };
  fc.assert(
    fc.property(
      fc.array(fc.record({ container, node: fc.nat(1), at: fc.nat(600), until: fc.option(fc.nat(1800)) }), {
        minLength: 1,
        maxLength: 14,
      }),
      fc.integer({ min: 1, max: 1_000_000 }),
      (pods, seed) => {
        const { sim, kubelet, place } = bench(
          [
            nodeSpec('n1', 8 * Gi, { systemBytes: 200 * Mi, reserved: { memoryBytes: Gi, cpuMillis: 0 } }),
            nodeSpec('n2', 6 * Gi),
          ],
          prompt,
          `laws ${seed}`,
        );
        const add = sim.on('test.add', (i) => {
          place(
            `n${pods[i]!.node + 1}`,
            `p${i}`,
            template([pods[i]!.container], { terminationGraceMicros: 5 * second }),
          );
        });
        const remove = sim.on('test.remove', (i) => {
          const pod = kubelet.cluster.pod('default', `p${i}`);
          if (pod === undefined) return;
          kubelet.cluster.deletePod(pod);
          occurred.deleted += 1;
        });
        pods.forEach((p, i) => {
          sim.at(p.at * second, add, i);
          if (p.until !== null && p.until > p.at) sim.at(p.until * second, remove, i);
        });
        sim.run(3600 * second);
        checkWaits(sim.told, occurred);
        occurred.limit += sim.told.filter(
          (e) => e.kind === 'kubernetes.oomKilled' && e.detail.startsWith('its'),
        ).length;
        occurred.node += sim.told.filter((e) => e.kind === 'kubernetes.systemOom').length;
        occurred.evicted += sim.told.filter((e) => e.kind === 'kubernetes.evicted').length;
        const cached = sim.gauges.get('container_memory_cache')!;
        for (const c of kubelet.cluster.containers)
          if (isSqueezed(c, cached.rowRecord(c.row)?.values ?? [])) occurred.squeezed += 1;
      },
    ),
    { numRuns: 150, seed: 7 },
  );
  for (const [name, count] of Object.entries(occurred)) expect(count, name).toBeGreaterThan(10);
});

function isSqueezed(c: Container, values: readonly number[]): boolean {
  const { demandBytes } = c.spec.memory.pageCache;
  return values.some((v) => v > 0 && v < demandBytes - 1);
}

function checkWaits(
  told: readonly { kind: string; subject: string; detail: string; time: number }[],
  occurred: { backOff: number; reset: number },
) {
  const last = new Map<string, { wait: number; started: number }>();
  for (const e of told) {
    const known = last.get(e.subject);
    if (e.kind === 'kubernetes.containerStarted')
      last.set(e.subject, { wait: known?.wait ?? 0, started: e.time });
    if (e.kind === 'kubernetes.oomKilled' && known !== undefined && e.time - known.started > 600 * second) {
      occurred.reset += 1;
      known.wait = 0;
    }
    if (e.kind !== 'kubernetes.backOff' || known === undefined) continue;
    const wait = Number.parseFloat(e.detail);
    expect(wait).toBeGreaterThanOrEqual(known.wait);
    occurred.backOff += 1;
    known.wait = wait;
  }
}
