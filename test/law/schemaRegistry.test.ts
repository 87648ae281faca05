import fc from 'fast-check';
import { expect, test } from 'vitest';
import { constant } from '../../src/engine/distributions.ts';
import { Simulation } from '../../src/engine/simulation.ts';
import { asked, failures, SchemaRegistry } from '../../src/models/schemaRegistry/registry.ts';

const step = fc.record({
  kind: fc.integer({ min: 0, max: 5 }),
  instance: fc.integer({ min: 0, max: 2 }),
  after: fc.integer({ min: 0, max: 30 }),
  crash: fc.boolean(),
});

test('one instance leads at most, failures are a part of what was asked, and in the end the smallest name leads and all is answered', () => {
  const seen = new Map<string, number>();
  let elections = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20, size: 'max' }), (steps) => {
      const sim = new Simulation({ seed: 'test', keepEvents: true, verify: true });
      const store = { led: true, inSync: true, coordinator: true };
      let look = () => {};
      const registry = new SchemaRegistry(
        sim,
        {
          instances: ['b', 'a', 'c'],
          storeTimeoutMicros: 500_000,
          startMicros: constant(10e6),
          roundTripMicros: 1000,
          clients: [{ name: 'x', newSchemas: 1, unseenIds: 2, coldStarts: 3 }],
        },
        {
          led: () => store.led,
          enoughInSync: () => store.inSync,
          writable: () => store.led && store.inSync,
          coordinator: () => store.coordinator,
          watch: (tell) => {
            look = tell;
          },
        },
      );
      const act = sim.on('act', (row) => {
        const { kind, instance, crash } = steps[row]!;
        if (kind <= 1) registry.stop(instance, crash, kind === 0 ? 20e6 : undefined);
        else if (kind === 2) registry.start(instance);
        else {
          const key = (['led', 'inSync', 'coordinator'] as const)[kind - 3]!;
          store[key] = !store[key];
          look();
        }
      });
      let time = 0;
      steps.forEach(({ after }, row) => {
        time += after;
        sim.at(time * 1e6, act, row);
      });
      const mend = sim.on('mend', () => {
        Object.assign(store, { led: true, inSync: true, coordinator: true });
        look();
        for (let i = 0; i < 3; i += 1) registry.start(i);
      });
      sim.at((time + 1) * 1e6, mend);
      sim.run((time + 100) * 1e6);
      expect([0, 1, 2].map((i) => registry.role.get(i))).toEqual([0, 1, 0]);
      expect([registry.reads.get(0), registry.writes.get(0)]).toEqual([1, 1]);
      asked.forEach((kind, request) => {
        const all = registry.requests.get(request);
        expect(all).toBeCloseTo((request + 1) * (time + 100), 6);
        const failed = failures.map((_, f) => registry.failed.get(request * failures.length + f));
        const sum = failed.reduce((x, y) => x + y);
        expect(sum).toBeLessThanOrEqual(all + 1e-6);
        failed.forEach((count, f) => {
          if (count > 0) seen.set(`${kind} ${failures[f]}`, (seen.get(`${kind} ${failures[f]}`) ?? 0) + 1);
          // Reads need an instance, and nothing else.
          if (kind !== 'newSchema' && f > 0) expect(count).toBe(0);
        });
        expect(registry.failed.slope(request * failures.length)).toBe(0);
      });
      elections += sim.told.filter((t) => t.kind === 'schemaRegistry.elected').length;
    }),
    { seed: 4, numRuns: 150 },
  );
  expect(elections).toBeGreaterThan(100);
  for (const what of [
    'newSchema unreachable',
    'newSchema 50001',
    'newSchema 50002',
    'newSchema 50003',
    'newSchema 50004',
    'coldClient unreachable',
  ])
    expect([what, (seen.get(what) ?? 0) > 10]).toEqual([what, true]);
});
