import { expect, test } from 'vitest';
import { revocationBackoffMicros } from '../../src/models/connect/assignor.ts';
import { blockOf } from '../../src/models/connect/work.ts';
import { makeConnect, sinkOf, sourceOf } from '../support/connect.ts';

/** Lag of a sink after so many seconds from a start without any. */
function lagAfter(
  seconds: number,
  partitions: number,
  rate: number,
  tasks: number,
  capacity: number,
): number {
  const { sim, lag } = makeConnect({
    connectors: [sinkOf('es', tasks, capacity)],
    topic: { partitions, rate },
  });
  sim.run(seconds * 1e6);
  return lag.get(0);
}

test('of 3 and 4 tasks over 36 partitions, 4 are needed exactly for r/4 <= capacity < r/3', () => {
  const rate = 12_000;
  for (const capacity of [2000, 2999, 3000, 3001, 3500, 3999, 4000, 4001, 6000]) {
    for (const tasks of [3, 4]) {
      const lag = lagAfter(600, 36, rate, tasks, capacity);
      const short = Math.max(0, rate - tasks * capacity);
      expect(lag).toBeCloseTo(short * 600, 3);
      expect(lag < 1).toBe(capacity >= rate / tasks);
    }
    const answer = lagAfter(600, 36, rate, 3, capacity) >= 1 && lagAfter(600, 36, rate, 4, capacity) < 1;
    expect(answer).toBe(capacity >= rate / 4 && capacity < rate / 3);
  }
});

test('where partitions do not divide, the task with most of them decides: 24 over 5 need r x 5/24 of each, and the others idle beside it', () => {
  const rate = 2400;
  expect(lagAfter(100, 24, rate, 5, 500)).toBeCloseTo(0, 6);
  // Four tasks have 5 partitions, one has 4: at 490/s, which is above r/5 = 480, the four fall behind by 10/s each.
  expect(lagAfter(100, 24, rate, 5, 490)).toBeCloseTo(4 * 10 * 100, 3);
  const sizes = [0, 1, 2, 3, 4].map(
    (g) => Array.from({ length: 24 }, (_, p) => blockOf(p, 24, 5)).filter((b) => b === g).length,
  );
  expect(sizes).toEqual([5, 5, 5, 5, 4]);
});

test('more tasks than partitions read no faster: the rest idle', () => {
  const { sim, connect, lag } = makeConnect({
    connectors: [sinkOf('es', 8, 100)],
    topic: { partitions: 6, rate: 1200 },
  });
  sim.run(100e6);
  expect(connect.idle.get(0)).toBe(2);
  expect(connect.busiest.get(0)).toBeCloseTo(2, 9);
  expect(lag.get(0)).toBeCloseTo((1200 - 6 * 100) * 100, 3);
});

test('a source that stood still for D is back after D g / (c - g), and makes no more tasks than it has tables', () => {
  const { sim, connect, at } = makeConnect({ connectors: [sourceOf('db', 4, [60, 60], 100)] });
  expect(connect.total.get(0)).toBe(2);
  at(100, () => connect.pause(0, true));
  at(220, () => connect.pause(0, false));
  sim.run(220e6);
  expect(connect.sourceLag.get(0)).toBeCloseTo(2 * 60 * 120 + (2 * 60 * 5) / 2, 3);
  const back = 220 + (120 * 60) / (100 - 60);
  sim.run((back - 1) * 1e6);
  expect(connect.sourceLag.slope(0)).toBeCloseTo(-80, 6);
  sim.run((back + 1) * 1e6);
  expect(connect.sourceLag.slope(0)).toBeCloseTo(0, 9);
  expect(connect.sourceLag.get(0)).toBeCloseTo(300, 3);
});

test('a crash replays what was done since the latest flush: never more than an interval, half of one on average', () => {
  const interval = 60;
  const rate = 50;
  let sum = 0;
  const runs = 400;
  let most = 0;
  for (let seed = 0; seed < runs; seed += 1) {
    const { sim, connect, at } = makeConnect(
      { connectors: [sourceOf('db', 1, [rate], 1000)] },
      { seed: `s${seed}`, record: new Set(), verify: false },
    );
    const worker = [0, 1, 2].find((w) => connect.held(w).tasks.length > 0) as number;
    at(300, () => connect.stopWorker(worker, true, undefined));
    sim.run(301e6);
    const replayed = connect.replayed.get(0);
    expect(replayed).toBeLessThanOrEqual(rate * interval + 1e-6);
    sum += replayed;
    most = Math.max(most, replayed);
  }
  const mean = sum / runs / (rate * interval);
  // A uniform share has a standard deviation of 1/sqrt(12): four standard errors.
  expect(Math.abs(mean - 0.5)).toBeLessThan((4 * Math.sqrt(1 / 12)) / Math.sqrt(runs));
  expect(most).toBeGreaterThan(0.95 * rate * interval);
});

test('what is stopped in order replays nothing', () => {
  const { sim, connect, at } = makeConnect({
    connectors: [sourceOf('db', 3, [50, 50, 50], 1000), sinkOf('es', 3, 1000)],
  });
  at(300, () => connect.stopWorker(1, false, undefined));
  sim.run(900e6);
  expect([connect.replayed.get(0), connect.replayed.get(1)]).toEqual([0, 0]);
});

test('rebalances in a row that would revoke wait 40 ms, 1.6 s, 64 s, then the longest delay', () => {
  const waits = [1, 2, 3, 4, 5].map((k) => revocationBackoffMicros(k, 300_000_000));
  expect(waits).toEqual([40_000, 1_600_000, 64_000_000, 300_000_000, 300_000_000]);
  expect(revocationBackoffMicros(3, 0)).toBe(0);
});

test('a worker that is gone at once is missed after its session, less what had passed since its latest heartbeat', () => {
  const found: number[] = [];
  for (let seed = 0; seed < 300; seed += 1) {
    const { sim, connect, at } = makeConnect(
      { connectors: [sourceOf('db', 3, [1, 1, 1], 10)] },
      { seed: `s${seed}`, record: new Set(), verify: false },
    );
    at(50, () => connect.stopWorker(1, true, undefined));
    sim.run(80e6);
    const left = sim.told.find((t) => t.kind === 'connect.workerLeft');
    found.push((left as { time: number }).time / 1e6 - 50);
  }
  expect(Math.min(...found)).toBeGreaterThanOrEqual(7);
  expect(Math.max(...found)).toBeLessThanOrEqual(10);
  const mean = found.reduce((a, b) => a + b) / found.length;
  expect(Math.abs(mean - 8.5)).toBeLessThan((4 * (3 / Math.sqrt(12))) / Math.sqrt(found.length));
});
