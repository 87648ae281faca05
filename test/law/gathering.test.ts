import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Gathering } from '../../src/engine/gathering.ts';
import { Simulation } from '../../src/engine/simulation.ts';

const step = fc.record({
  kind: fc.integer({ min: 0, max: 4 }),
  member: fc.integer({ min: 0, max: 5 }),
  after: fc.integer({ min: 0, max: 12 }),
});

test('every call and every removal is followed by the close of a round, to which all who are left have come', () => {
  let whileClosing = 0;
  let held = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }), (steps) => {
      const sim = new Simulation({ seed: 'test' });
      const deaf = new Set<number>();
      const inside = new Set<number>();
      let may = true;
      const gathering = new Gathering(sim, 'test', 5, (m) => (deaf.has(m) ? undefined : 1 + (m % 7)));
      gathering.mayClose = () => may;
      /** When each closed. */
      const closed: number[] = [];
      let emptied = 0;
      gathering.onClosed = () => {
        for (const m of inside) expect(gathering.hasCome(m)).toBe(true);
        closed.push(sim.now);
      };
      const wanted: number[] = [];
      let next = 0;
      const ids: number[] = [];
      const act = sim.on('act', (row) => {
        const { kind, member } = steps[row]!;
        const id = ids[member % Math.max(1, ids.length)];
        const before = closed.length;
        const closing = gathering.size > 0 && !gathering.isOpen && gathering.rounds > before;
        if (kind === 0) {
          ids.push(next);
          inside.add(next);
          gathering.enter(next);
          gathering.call(next);
          next += 1;
          wanted.push(sim.now);
        } else if (id === undefined || !inside.has(id)) return;
        else if (kind === 1) {
          gathering.call(id);
          wanted.push(sim.now);
        } else if (kind === 2) {
          inside.delete(id);
          gathering.remove(id);
          if (inside.size > 0) wanted.push(sim.now);
          else emptied += 1;
        } else if (kind === 3) {
          deaf.add(id);
          gathering.deafen(id);
          held += 1;
        } else may = !may;
        if (closing) whileClosing += 1;
      });
      let time = 0;
      steps.forEach(({ after }, row) => {
        time += after;
        sim.at(time, act, row);
      });
      // In the end everybody hears, and nothing is held back.
      const mend = sim.on('mend', () => {
        may = true;
        deaf.clear();
        for (const m of [...inside]) gathering.call(m);
        gathering.review();
        if (inside.size > 0) wanted.push(sim.now);
      });
      sim.at(time + 50, mend);
      sim.run(time + 1000);
      expect(gathering.isOpen).toBe(false);
      expect(gathering.rounds).toBeGreaterThanOrEqual(closed.length);
      expect(gathering.rounds).toBeLessThanOrEqual(closed.length + emptied);
      if (inside.size > 0) expect(closed[closed.length - 1]).toBeGreaterThan(Math.max(...wanted));
    }),
    { seed: 9, numRuns: 300 },
  );
  expect(whileClosing).toBeGreaterThan(100);
  expect(held).toBeGreaterThan(100);
});

test('who leaves or asks while a round closes makes for another one; who leaves last makes for none', () => {
  const played = (during: (gathering: Gathering) => void, members = 3) => {
    const sim = new Simulation({ seed: 'test' });
    const gathering = new Gathering(sim, 'test', 5, () => 2);
    let closed = 0;
    gathering.onClosed = () => {
      closed += 1;
    };
    for (let m = 0; m < members; m += 1) gathering.enter(m);
    const act = sim.on('act', (step) => (step === 0 ? gathering.call(0) : during(gathering)));
    sim.at(10, act, 0);
    // All have come at 12, and it closes at 17.
    sim.at(14, act, 1);
    sim.run(100);
    return closed;
  };
  expect(played(() => {})).toBe(1);
  expect(played((g) => g.remove(1))).toBe(2);
  expect(played((g) => g.call(2))).toBe(2);
  expect(played((g) => g.forget(1))).toBe(1);
  expect(played((g) => g.remove(0), 1)).toBe(1);
});
