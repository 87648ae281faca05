import { describe, expect, test } from 'vitest';
import { makeConnect, playConnect, sinkOf, sourceOf } from '../support/connect.ts';
import { run } from '../support/files.ts';

const nineTables = sourceOf('db', 9, new Array(9).fill(10), 100);

/** A worker of three is gone at once at 60 s; it is back, and asks to join, so many seconds after the leader has missed it. */
function back(after: number | undefined) {
  const plain = makeConnect({ connectors: [nineTables] });
  plain.at(60, () => plain.connect.stopWorker(1, true, undefined));
  plain.sim.run(100e6);
  const missed = plain.sim.told.find((t) => t.kind === 'connect.rebalanced') as { time: number };
  const made = makeConnect({ connectors: [nineTables] });
  const { connect, at } = made;
  at(60, () => connect.stopWorker(1, true, undefined));
  const mine = connect.held(1).tasks;
  // 20 s pass from the start of the process until it asks to join.
  if (after !== undefined) at(missed.time / 1e6 + after - 20, () => connect.startWorker(1));
  const counts = () => [0, 1, 2].map((w) => connect.held(w).tasks.length);
  return { ...made, missed: missed.time / 1e6, mine, counts };
}

describe('a worker that was gone at once', () => {
  test('and is back before the delay has passed gets nothing until then, and then what it had; nobody else is touched', () => {
    const { sim, connect, missed, mine, counts } = back(100);
    const others = [connect.held(0).tasks, connect.held(2).tasks];
    sim.run((missed + 299) * 1e6);
    expect(counts()).toEqual([3, 0, 3]);
    expect(connect.unassigned.get(0)).toBe(3);
    sim.run((missed + 310) * 1e6);
    expect(connect.held(1).tasks).toEqual(mine);
    expect([connect.held(0).tasks, connect.held(2).tasks]).toEqual(others);
  });

  test('after 299 s and after 301 s differ: the first gets its tasks back, the second finds them with the others, which have to give some up', () => {
    const soon = back(299);
    const others = [soon.connect.held(0).tasks, soon.connect.held(2).tasks];
    soon.sim.run((soon.missed + 400) * 1e6);
    expect(soon.counts()).toEqual([3, 3, 3]);
    expect([soon.connect.held(0).tasks, soon.connect.held(2).tasks]).toEqual(others);

    const late = back(301);
    late.sim.run((late.missed + 300.5) * 1e6);
    expect(late.counts().sort()).toEqual([0, 4, 5]);
    late.sim.run((late.missed + 400) * 1e6);
    expect(late.counts()).toEqual([3, 3, 3]);
    expect(late.connect.held(1).tasks).not.toEqual(late.mine);
    // Lost ones wait as long in both cases; the second also stops what it moves.
    const down = (made: typeof soon) => made.connect.downSeconds.get(0);
    expect(down(late)).not.toBeCloseTo(down(soon), 0);
    const rebalances = (made: typeof soon) =>
      made.sim.told.filter((t) => t.kind === 'connect.rebalanced').length;
    expect([rebalances(soon), rebalances(late)]).toEqual([3, 4]);
  });

  test('and stays away leaves its tasks to the others when the delay has passed; with a delay of 0 at once', () => {
    const { sim, connect, missed, counts } = back(undefined);
    sim.run((missed + 299) * 1e6);
    expect(counts()).toEqual([3, 0, 3]);
    sim.run((missed + 310) * 1e6);
    expect(counts().sort()).toEqual([0, 4, 5]);
    expect(connect.running.get(0)).toBe(9);
    const atOnce = makeConnect({ connectors: [nineTables], timing: { maxDelayMicros: 0 } });
    atOnce.at(60, () => atOnce.connect.stopWorker(1, true, undefined));
    atOnce.sim.run(80e6);
    expect(atOnce.connect.running.get(0)).toBe(9);
  });
});

test('a worker that leaves in order is missed at once, and waited for as long', () => {
  const { sim, connect, at } = makeConnect({ connectors: [nineTables] });
  at(60, () => connect.stopWorker(1, false, undefined));
  sim.run(66e6);
  expect(sim.told.filter((t) => t.kind === 'connect.rebalanced')).toHaveLength(1);
  sim.run(360e6);
  expect(connect.running.get(0)).toBe(6);
  sim.run(370e6);
  expect(connect.running.get(0)).toBe(9);
});

test('when the leader is gone nobody remembers what it had: its tasks are new, and assigned with the next rebalance', () => {
  const { sim, connect, at } = makeConnect({ connectors: [nineTables] });
  at(60, () => connect.stopWorker(0, true, undefined));
  sim.run(80e6);
  expect(connect.running.get(0)).toBe(9);
});

test('a worker that is back before it was missed waits for its old self, and the lost tasks for the delay', () => {
  const { sim, connect, at } = makeConnect({
    connectors: [nineTables],
    timing: { workerStartMicros: { sample: () => 1e6, mean: 1e6, draws: false, says: '' } },
  });
  at(60, () => connect.stopWorker(1, true, 1e6));
  sim.run(66e6);
  expect(sim.told.filter((t) => t.kind === 'connect.rebalanced')).toHaveLength(0);
  sim.run(75e6);
  expect(sim.told.filter((t) => t.kind === 'connect.rebalanced')).toHaveLength(1);
  expect(connect.running.get(0)).toBe(6);
  sim.run(400e6);
  expect([0, 1, 2].map((w) => connect.held(w).tasks.length)).toEqual([3, 3, 3]);
});

test('other tasks stop only when they are moved; a pause moves none; a change of tasks stops its own connector alone', () => {
  const { sim, connect, at } = makeConnect({
    connectors: [sourceOf('db', 3, [1, 1, 1], 10), sinkOf('es', 3, 500)],
  });
  const rebalances = () => sim.told.filter((t) => t.kind === 'connect.rebalanced').length;
  at(60, () => connect.pause(1, true));
  at(90, () => connect.pause(1, false));
  at(120, () => connect.scaleTasks(1, 4));
  sim.run(100e6);
  expect(rebalances()).toBe(0);
  sim.run(200e6);
  expect(rebalances()).toBe(1);
  expect(connect.downSeconds.get(0)).toBe(0);
  // Stop, two round trips and start, for the three; the fourth is missing from the change of configuration on.
  expect(connect.downSeconds.get(1)).toBeCloseTo(3 * (1 + 0.002 + 2) + 2.002, 6);
});

test('tasks of a sink that is reconfigured find their group empty, and wait for others to join it', () => {
  const { sim, connect, lag, at } = makeConnect({
    connectors: [sinkOf('es', 3, 500)],
    topic: { partitions: 12, rate: 1200 },
  });
  at(60, () => connect.scaleTasks(0, 4));
  sim.run(60e6 + 1);
  expect(lag.slope(0)).toBeCloseTo(1200, 6);
  // Stop 1 s, rebalance, start 2 s, then 3 s of group.initial.rebalance.delay.ms.
  sim.run(66e6);
  expect(lag.slope(0)).toBeCloseTo(1200, 6);
  sim.run(66.1e6);
  expect(lag.slope(0)).toBeCloseTo(1200 - 4 * 500, 6);
  sim.run(80e6);
  expect(lag.get(0)).toBeCloseTo(0, 6);
});

test('the tasks of a sink that are left take over its partitions when the session of the lost consumer ends, long before the delay has passed', () => {
  const { sim, connect, lag, at } = makeConnect({
    connectors: [sinkOf('es', 3, 700)],
    topic: { partitions: 12, rate: 1200 },
  });
  const worker = 1;
  at(60, () => connect.stopWorker(worker, true, undefined));
  sim.run(101e6);
  // A third of the topic is read by nobody.
  expect(lag.slope(0)).toBeCloseTo(400, 6);
  sim.run(111e6);
  // Two tasks of 700/s for 1,200/s.
  expect(lag.slope(0)).toBeCloseTo(-200, 6);
  expect(connect.running.get(0)).toBe(2);
});

test('partitions that a topic gets are found with the metadata of the leading task, and read from their start', () => {
  const { sim, lag, at, grow } = makeConnect({
    connectors: [sinkOf('es', 4, 3500)],
    topic: { partitions: 24, rate: 12_000 },
  });
  at(60, () => grow(36));
  sim.run(61e6);
  // A third of what is keyed anew goes where nobody reads.
  expect(lag.slope(0)).toBeCloseTo(4000, 6);
  sim.run(60e6 + 300e6 + 10e6);
  // By range the twelve new ones, which lie at the end, went to the last two of four tasks: only these have something to catch up.
  expect(lag.slope(0)).toBeCloseTo(2 * (12_000 / 4 - 3500), 6);
  // Nine of them to the last task.
  const last = (lag.get(0) * 9) / 12 / 500;
  sim.run((370 + 0.98 * last) * 1e6);
  expect(lag.get(0)).toBeGreaterThan(1000);
  sim.run((370 + 1.1 * last) * 1e6);
  expect(lag.get(0)).toBeCloseTo(0, 3);
});

test('a sink that is paused falls behind at the rate of its topic, and catches up with what its tasks have to spare', () => {
  const { sim, connect, lag, at } = makeConnect({ connectors: [sinkOf('es', 3, 700)] });
  at(60, () => connect.pause(0, true));
  at(90, () => connect.pause(0, false));
  sim.run(90e6 - 1);
  expect(lag.get(0)).toBeCloseTo(30 * 1200, 1);
  expect([connect.running.get(0), connect.paused.get(0)]).toEqual([0, 3]);
  sim.run(100e6);
  expect(lag.slope(0)).toBeCloseTo(1200 - 3 * 700, 6);
  expect(connect.downSeconds.get(0)).toBe(0);
});

test('tasks that are being reconfigured do not start with a rebalance that has another cause', () => {
  const { sim, connect, at } = makeConnect({
    connectors: [sourceOf('db', 3, [1, 1, 1], 10), sinkOf('es', 3, 700)],
    timing: { taskStopMicros: 6e6 },
  });
  at(20, () => connect.stopWorker(2, false, undefined));
  at(60, () => connect.scaleTasks(1, 4));
  // It asks to join at 60.1 s, and the others hear of it within 3 s.
  at(40.1, () => connect.startWorker(2));
  sim.run(65.9e6);
  const told = sim.told.filter((t) => t.kind === 'connect.rebalanced' && t.time > 60e6);
  expect(told).toHaveLength(1);
  expect(connect.running.get(1)).toBe(0);
  sim.run(400e6);
  expect(connect.running.get(1)).toBe(4);
});

test('a rebalance of its group commits what a sink has read: a crash soon afterwards replays no more than what came since', () => {
  for (let seed = 0; seed < 8; seed += 1) {
    const { sim, connect, at } = makeConnect({ connectors: [sinkOf('es', 3, 700)] }, { seed: `s${seed}` });
    at(100, () => connect.stopWorker(1, false, undefined));
    at(112, () => connect.stopWorker(2, true, undefined));
    sim.run(113e6);
    // The group heard of the first within 3 s: a task that reads up to 700/s had read for 12 s at most.
    expect(connect.replayed.get(0)).toBeGreaterThan(0);
    expect(connect.replayed.get(0)).toBeLessThan(700 * 12);
  }
});

test('workers that cannot reach the coordinator of their group stop their tasks, and have them back when they can', () => {
  const { sim, connect, at, setCoordinator } = makeConnect({ connectors: [nineTables] });
  at(60, () => setCoordinator(false));
  sim.run(62.9e6);
  expect(connect.running.get(0)).toBe(9);
  sim.run(66.1e6);
  expect(connect.running.get(0)).toBe(0);
  at(120, () => setCoordinator(true));
  sim.run(123e6);
  expect(connect.running.get(0)).toBe(9);
});

test('while the group cannot be written no rebalance ends, and what runs goes on', () => {
  const { sim, connect, at, setCoordinator } = makeConnect({
    connectors: [nineTables],
    timing: { maxDelayMicros: 0 },
  });
  at(50, () => setCoordinator(true, false));
  at(60, () => connect.stopWorker(1, false, undefined));
  at(100, () => setCoordinator(true));
  sim.run(99e6);
  expect(connect.running.get(0)).toBe(6);
  sim.run(104e6);
  expect(connect.running.get(0)).toBe(9);
});

test('played on a cluster: a sink of three tasks falls behind before and after its topic gets partitions, and a fourth task mends it', () => {
  const result = playConnect({
    to: '+10m',
    topics: [{ name: 'orders', partitions: 24, bytesIn: '60MB/s', messagesIn: '12000/s' }],
    connectors: [{ name: 'es', 'tasks.max': 3, sink: { topics: ['orders'], capacity: '3500/s' } }],
    timeline: [
      { at: '+1m', id: 'grow', do: 'kafka.createPartitions', topic: 'orders', partitions: 36 },
      { at: '+7m', id: 'four', do: 'connect.scaleTasks', connector: 'es', 'tasks.max': 4 },
    ],
  });
  const all = result.series
    .of('kafka_consumergroup_lag_sum')
    .filter((s) => s.labels.consumergroup === 'connect-es')[0]!;
  const slopeAt = (seconds: number) => {
    let i = 0;
    while (i + 1 < all.length && all.times[i + 1]! <= seconds * 1e6) i += 1;
    return all.slopes[i]!;
  };
  expect(slopeAt(30)).toBeCloseTo(12_000 - 3 * 3500, 6);
  expect(slopeAt(415)).toBeCloseTo(12_000 - 3 * 3500, 6);
  expect(slopeAt(440)).toBeCloseTo(12_000 - 4 * 3500, 6);
  const told = result.told.filter((t) => t.kind === 'connect.tasksChanged').map((t) => t.detail);
  expect(told).toEqual(['tasks: 4 in place of 3']);
});

test('played on a cluster: the loss of the broker that coordinates the workers stops all their tasks until another one leads', () => {
  const result = playConnect({
    to: '+3m',
    connectors: [
      {
        name: 'db',
        'tasks.max': 3,
        source: { tables: [{ name: 'a', rows: '100/s' }], 'poll.interval.ms': 5000, capacity: '400/s' },
      },
    ],
    timeline: [{ at: '+60s', id: 'crash', do: 'faults.broker', broker: 4, for: '30s' }],
  });
  const told = result.told.filter((t) => t.kind.startsWith('connect.')).map((t) => t.kind);
  expect(told).toEqual([...new Array(3).fill('connect.coordinatorLost'), 'connect.rebalanced']);
});

test('a run whose laws are checked at every instant is the same run', () => {
  const path = 'test/scenario/malformed/_connect.yaml';
  const checked = run(path, { verify: true });
  expect(run(path).fingerprint).toBe(checked.fingerprint);
  expect(checked.told.filter((t) => t.kind === 'connect.rebalanced').length).toBeGreaterThan(3);
});
