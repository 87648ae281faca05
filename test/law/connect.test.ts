import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IncrementalCooperativeAssignor, type Member } from '../../src/models/connect/assignor.ts';
import { makeConnect, sinkOf, sourceOf } from '../support/connect.ts';

interface Step {
  readonly kind: number;
  readonly worker: number;
  readonly after: number;
  readonly size: number;
}

const step = fc.record({
  kind: fc.integer({ min: 0, max: 7 }),
  worker: fc.integer({ min: 0, max: 3 }),
  after: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 400 })),
  size: fc.integer({ min: 1, max: 9 }),
});

test('whatever workers, connectors and the coordinator do, a task runs once at most, no record is lost, and in the end all run, evenly', () => {
  let delayed = 0;
  let revoked = 0;
  let cutOff = 0;
  let replayed = 0;
  let scaled = 0;
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 14, size: 'max' }),
      fc.constantFrom(0, 60_000_000, 300_000_000),
      (steps: readonly Step[], maxDelayMicros) => {
        const { sim, connect, lag, at, setCoordinator } = makeConnect(
          {
            workers: 4,
            connectors: [sourceOf('db', 5, [10, 20, 30, 40, 50, 60, 70], 100), sinkOf('es', 3, 700)],
            timing: { maxDelayMicros },
          },
          { record: new Set() },
        );
        let time = 1;
        let down = false;
        for (const { kind, worker, after, size } of steps) {
          time += after + size / 16;
          if (kind === 0)
            at(time, () => connect.stopWorker(worker, true, size % 2 === 0 ? size * 1e7 : undefined));
          else if (kind === 1) at(time, () => connect.stopWorker(worker, false, undefined));
          else if (kind <= 3) at(time, () => connect.startWorker(worker));
          else if (kind === 4) at(time, () => connect.scaleTasks(worker % 2, size));
          else if (kind === 5) at(time, () => connect.restart(worker % 2));
          else if (kind === 6) at(time, () => connect.pause(worker % 2, size % 2 === 0));
          else {
            down = !down;
            at(time, () => setCoordinator(!down, !down && size > 2));
          }
        }
        time += 1;
        at(time, () => {
          setCoordinator(true);
          for (let w = 0; w < 4; w += 1) connect.startWorker(w);
          connect.pause(0, false);
          connect.pause(1, false);
        });
        // Two delays, a back-off of its full length, and sessions: then all is quiet.
        sim.run((time + 4000) * 1e6);
        const held = [0, 1, 2, 3].map((w) => connect.held(w));
        const tasks = held.map((h) => h.tasks.length).sort((x, y) => x - y);
        const total = connect.total.get(0) + connect.total.get(1);
        expect(tasks.reduce((sum, n) => sum + n, 0)).toBe(total);
        expect(new Set(held.flatMap((h) => h.tasks)).size).toBe(total);
        expect(tasks[3]! - tasks[0]!).toBeLessThanOrEqual(1);
        expect(held.flatMap((h) => [...h.connectors]).sort()).toEqual(['db', 'es']);
        expect(connect.running.get(0) + connect.running.get(1)).toBe(total);
        expect(connect.unassigned.get(0) + connect.unassigned.get(1)).toBe(0);
        expect(lag.get(1)).toBeGreaterThanOrEqual(-1e-6);
        // What came into the topic of the sink was read once, or waits; what was read again was sent twice.
        const came = (1200 * sim.now) / 1e6;
        expect(connect.sent.get(1) - connect.replayed.get(1) + lag.get(1)).toBeCloseTo(came, 1);
        for (const t of sim.told) {
          if (t.kind === 'connect.rebalanced' && t.detail.includes('wait')) delayed += 1;
          if (t.kind === 'connect.coordinatorLost') cutOff += 1;
          if (t.kind === 'connect.tasksChanged') scaled += 1;
          if (t.kind === 'connect.rebalanced' && / tasks assigned: 0$/.test(t.detail)) revoked += 1;
        }
        replayed += connect.replayed.get(0) + connect.replayed.get(1) > 0 ? 1 : 0;
      },
    ),
    { seed: 5, numRuns: 120 },
  );
  expect(delayed).toBeGreaterThan(50);
  expect(revoked).toBeGreaterThan(20);
  expect(cutOff).toBeGreaterThan(20);
  expect(scaled).toBeGreaterThan(20);
  expect(replayed).toBeGreaterThan(20);
});

test('who joins a group that is balanced costs as few revocations as an even share allows, and the next rebalance ends it', () => {
  let moves = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 4 }),
      (connectors, workers, tasks, joiners) => {
        const assignor = new IncrementalCooperativeAssignor(300_000_000);
        const configured = {
          connectors: Array.from({ length: connectors }, (_, i) => i),
          tasks: Array.from({ length: tasks }, (_, i) => i),
        };
        let members: Member[] = Array.from({ length: workers }, (_, i) => ({
          id: `a${i}`,
          connectors: [],
          tasks: [],
        }));
        const rebalance = (now: number) => {
          const round = assignor.perform(now, members, configured);
          const kept = members.map((m, i) => ({
            id: m.id,
            connectors: [
              ...m.connectors.filter((x) => !round.revoked[i]!.connectors.includes(x)),
              ...round.assigned[i]!.connectors,
            ],
            tasks: [
              ...m.tasks.filter((x) => !round.revoked[i]!.tasks.includes(x)),
              ...round.assigned[i]!.tasks,
            ],
          }));
          members = kept;
          return round;
        };
        rebalance(1);
        for (let j = 0; j < joiners; j += 1) members.push({ id: `b${j}`, connectors: [], tasks: [] });
        for (const resource of ['connectors', 'tasks'] as const) {
          // What newcomers must get is what others must give: all of the even shares with one more are left with who has them.
          const n = members.length;
          const all = configured[resource].length;
          const large = members.filter((m) => m[resource].length > Math.floor(all / n)).length;
          const extras = Math.min(all % n, large);
          const floor = Math.floor(all / n);
          const surplus = members.reduce((sum, m) => sum + Math.max(0, m[resource].length - floor), 0);
          expect(surplusOf(members, resource, all)).toBe(surplus - extras);
        }
        const expected = surplusOf(members, 'tasks', tasks) + surplusOf(members, 'connectors', connectors);
        const first = rebalance(2);
        const revoked = first.revoked.reduce((sum, l) => sum + l.tasks.length + l.connectors.length, 0);
        expect(revoked).toBe(expected);
        moves += revoked;
        const second = rebalance(3);
        expect(second.revoked.every((l) => l.tasks.length + l.connectors.length === 0)).toBe(true);
        for (const resource of ['connectors', 'tasks'] as const) {
          const sizes = members.map((m) => m[resource].length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          expect(new Set(members.flatMap((m) => [...m[resource]])).size).toBe(configured[resource].length);
        }
      },
    ),
    { seed: 3, numRuns: 300 },
  );
  expect(moves).toBeGreaterThan(500);
});

/** The least number of pieces that must move so that all workers have an even share, where sizes already differ by one at most among those with any. */
function surplusOf(members: readonly Member[], resource: 'connectors' | 'tasks', all: number): number {
  const floor = Math.floor(all / members.length);
  let extras = all % members.length;
  let least = 0;
  for (const size of members.map((m) => m[resource].length).sort((x, y) => y - x)) {
    const most = extras > 0 && size > floor ? floor + 1 : floor;
    if (most > floor) extras -= 1;
    least += Math.max(0, size - most);
  }
  return least;
}
