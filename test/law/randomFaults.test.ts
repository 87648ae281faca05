import fc from 'fast-check';
import { expect, test } from 'vitest';
import { build } from '../../src/scenario/build.ts';
import { scenarioOf } from '../support/files.ts';
import { smallScenario } from '../support/leafCases.ts';

const zones = ['a', 'b', 'c', 'a', 'b'];

interface Plan {
  readonly mtbf: number;
  readonly repair: number;
  readonly wholeZone: number;
  readonly disks: 'kept' | 'lost';
  readonly dedicated: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  mtbf: fc.integer({ min: 5, max: 60 }),
  repair: fc.integer({ min: 1, max: 300 }),
  wholeZone: fc.constantFrom(0, 20, 100),
  disks: fc.constantFrom('kept', 'lost'),
  dedicated: fc.boolean(),
});

/** Two hours in which everything fails again and again, by the minute. */
function played({ mtbf, repair, wholeZone, disks, dedicated }: Plan, kinds: readonly string[], seed: number) {
  const tree = structuredClone(smallScenario) as { [key: string]: never };
  const { brokers, ...kafka } = tree.kafka as unknown as { brokers: object[] };
  const chance = { mtbf: `${mtbf}m`, repair: { varies: { exponential: { mean: `${repair}s` } } } };
  const more: Record<string, object> = {
    node: { wholeZone: `${wholeZone}%`, disks },
    zone: { disks },
  };
  const text = JSON.stringify({
    ...tree,
    to: '+2h',
    timeline: [{ at: '+30m', id: 'own', do: 'faults.node', node: 'n3', for: '20m' }],
    kubernetes: { nodes: zones.map((zone, i) => ({ name: `n${i}`, instance: 'small', zone })) },
    kafka: {
      ...kafka,
      brokers: dedicated ? brokers.map((b) => ({ ...b, controller: undefined })) : brokers,
      ...(dedicated
        ? {
            controllers: {
              mode: 'dedicated',
              ids: [100, 101, 102],
              active: 100,
              nodes: ['n0', 'n1', 'n2'],
            },
          }
        : {}),
    },
    faults: { random: Object.fromEntries(kinds.map((kind) => [kind, { ...chance, ...more[kind] }])) },
  });
  const { sim, until } = build(scenarioOf('chance.yaml', { 'chance.yaml': text }), {
    seed: String(seed),
    keepEvents: true,
    verify: true,
  });
  sim.run(until);
  return sim;
}

const all = ['broker', 'node', 'zone', 'controller', 'disk', 'network'];

test('whatever fails by chance, every invariant holds at every instant, and nothing fails that is down already', () => {
  let [begun, skipped, within] = [0, 0, 0];
  fc.assert(
    fc.property(plan, fc.nat(1000), (given, seed) => {
      const sim = played(given, all, seed);
      const open = new Map<string, number>();
      for (const t of sim.told) {
        if (t.kind === 'faults.skipped') skipped += 1;
        if (t.kind === 'faults.begins') {
          begun += 1;
          open.set(t.subject, (open.get(t.subject) ?? 0) + 1);
          const node = /^n(\d)$/.exec(t.subject);
          // A machine of a zone that is away does not fail by itself, but for the one that the timeline names.
          if (node !== null && t.subject !== 'n3' && open.get(`zone ${zones[Number(node[1])]}`) === 1)
            within += 1;
        }
        if (t.kind === 'faults.ends') open.set(t.subject, (open.get(t.subject) ?? 0) - 1);
        // Faults of its process, its disk and its network bear a broker's name: at most one of each is open.
        const most = t.subject.startsWith('broker-') ? 3 : t.subject === 'n3' ? 2 : 1;
        expect(open.get(t.subject) ?? 0).toBeLessThanOrEqual(most);
      }
    }),
    { numRuns: 25, seed: 7 },
  );
  expect(begun).toBeGreaterThan(200);
  expect(skipped).toBeGreaterThan(20);
  expect(within).toBe(0);
});

test('failures of one kind come when they come, whatever else fails', () => {
  const given: Plan = { mtbf: 20, repair: 5, wholeZone: 0, disks: 'kept', dedicated: false };
  const cuts = (kinds: readonly string[]) => {
    const first = new Map<string, number>();
    for (const t of played(given, kinds, 3).told)
      if (t.detail === 'the network is cut' && !first.has(t.subject)) first.set(t.subject, t.time);
    return first;
  };
  const alone = cuts(['network']);
  const among = cuts(['network', 'controller']);
  expect(alone.size).toBeGreaterThan(3);
  for (const [broker, at] of alone) expect(among.get(broker)).toBe(at);
});

test('a run with failures by chance equals itself', () => {
  const given: Plan = { mtbf: 10, repair: 60, wholeZone: 20, disks: 'lost', dedicated: true };
  expect(played(given, all, 1).fingerprint()).toBe(played(given, all, 1).fingerprint());
  expect(played(given, all, 1).fingerprint()).not.toBe(played(given, all, 2).fingerprint());
});
