import { describe, expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import { Concurrency } from '../../src/models/cruiseControl/concurrency.ts';
import {
  leadershipBatch,
  makeTask,
  ReplicaMovementPlan,
} from '../../src/models/cruiseControl/executionTasks.ts';
import {
  type ExecutionRequest,
  Executor,
  type ExecutorSettings,
} from '../../src/models/cruiseControl/executor.ts';
import { turnsSeconds } from '../../src/models/cruiseControl/movement.ts';
import { executorSettings, FakeCluster, proposal } from '../support/executorPort.ts';

const healthy = () => ({ aboveMinIsr: 1, underReplicated: false, offlineReplicas: false });
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

function play(
  proposals: readonly ReturnType<typeof proposal>[],
  over: { settings?: Partial<ExecutorSettings>; request?: Partial<ExecutionRequest>; seconds?: number } = {},
) {
  const sim = new Simulation({ seed: 'executor', record: 'all', keepEvents: true });
  const cluster = new FakeCluster(sim, proposals, () => over.seconds ?? 1);
  const executor = new Executor(sim, executorSettings(over.settings), cluster.port);
  expect(executor.execute({ proposals, reason: 'test', ...over.request })).toBeUndefined();
  return { sim, cluster, executor };
}

describe('a batch, worked by hand', () => {
  // Tasks 0..5: brokers 1 and 2 send, 3 and 4 receive.
  const tasks = [
    [1, 3],
    [1, 3],
    [1, 4],
    [2, 3],
    [2, 4],
    [2, 3],
  ].map(([from, to], i) => makeTask(i, proposal(i, [from!], [to!]), i));

  test('goes round the brokers, one task of each broker a round', () => {
    const plan = new ReplicaMovementPlan(tasks, [], healthy);
    const ready = new Map([1, 2, 3, 4].map((b) => [b, 2]));
    // Round 1: broker 1 (first task 0; as long a queue as 3, which has 4) takes 0 with broker 3, then 2 takes 4 with broker 4, since 3 has taken part.
    // Round 2: broker 1 takes 1 with broker 3; broker 2's next are 3 and 5, to broker 3, which has taken part, and nothing is left for 4 but 2, from 1.
    // Round 3: brokers 1 and 3 are full: broker 2 has a slot, and none of its tasks goes elsewhere than to 3.
    expect(plan.next(ready, 100).map((t) => t.id)).toEqual([0, 4, 1]);
    expect([...ready]).toEqual([
      [1, 0],
      [2, 1],
      [3, 0],
      [4, 1],
    ]);
    expect(plan.pendingCount).toBe(3);
  });

  test('of brokers with the same first task, which cannot start, the one with more tasks is served first', () => {
    // Broker 4 has no slot, so task 0 waits. Broker 3 has three tasks and takes 2 from broker 6, which broker 1 would have sent 1 to.
    const queued = [
      proposal(0, [1, 2, 8], [1, 3, 4]),
      proposal(1, [1, 2], [1, 6]),
      proposal(2, [6, 2], [6, 3]),
      proposal(3, [7, 2], [7, 3]),
    ].map((p, i) => makeTask(i, p, i));
    const plan = new ReplicaMovementPlan(queued, [], healthy);
    const ready = new Map([1, 3, 4, 6, 7].map((b) => [b, b === 4 ? 0 : 1]));
    expect(plan.next(ready, 100).map((t) => t.id)).toEqual([2]);
  });

  test('the cluster has a limit of its own', () => {
    const plan = new ReplicaMovementPlan(tasks, [], healthy);
    const ready = new Map([1, 2, 3, 4].map((b) => [b, 2]));
    expect(plan.next(ready, 2).map((t) => t.id)).toEqual([0, 4]);
  });

  test('strategies decide the order, and the order of making breaks ties', () => {
    const sized = [5, 9, 9, 1].map((mb, i) => makeTask(i, proposal(i, [1], [2], mb), i));
    const order = (names: readonly string[], health = (_: number) => healthy()) => {
      const plan = new ReplicaMovementPlan(sized, names, health);
      return range(4).flatMap(() =>
        plan
          .next(
            new Map([
              [1, 1],
              [2, 1],
            ]),
            1,
          )
          .map((t) => t.id),
      );
    };
    expect(order([])).toEqual([0, 1, 2, 3]);
    expect(order(['PrioritizeLargeReplicaMovementStrategy'])).toEqual([1, 2, 0, 3]);
    expect(order(['PrioritizeSmallReplicaMovementStrategy'])).toEqual([3, 0, 1, 2]);
    const ill = (p: number) => ({ ...healthy(), underReplicated: p === 0 });
    expect(order(['PostponeUrpReplicaMovementStrategy'], ill)).toEqual([1, 2, 3, 0]);
    expect(
      order(['PostponeUrpReplicaMovementStrategy', 'PrioritizeSmallReplicaMovementStrategy'], ill),
    ).toEqual([3, 1, 2, 0]);
    const atMin = (p: number) => ({ ...healthy(), offlineReplicas: p > 1, aboveMinIsr: p === 2 ? 1 : 0 });
    expect(order(['PrioritizeMinIsrWithOfflineReplicasStrategy'], atMin)).toEqual([3, 0, 1, 2]);
    expect(order(['PrioritizeOneAboveMinIsrWithOfflineReplicasStrategy'], atMin)).toEqual([2, 0, 1, 3]);
  });

  test('leaders: each broker of the new list has a limit, and the batch has one', () => {
    const pending = range(6).map((i) => makeTask(i, proposal(i, [1, 2], [2, 1]), i));
    const { batch, rest } = leadershipBatch(pending, 5, () => 4);
    expect(batch.map((t) => t.id)).toEqual([0, 1, 2, 3]);
    expect(rest.map((t) => t.id)).toEqual([4, 5]);
    expect(leadershipBatch(pending, 3, () => 4).batch).toHaveLength(3);
  });
});

describe('how long an execution takes', () => {
  const empty = (n: number) => range(n).map((i) => proposal(i, [i % 4, 8], [i % 4, 9], 0));

  test('1,000 empty partitions to one new broker, 5 at once, a check each 10 s that never comes sooner: 2,000 s', () => {
    const { sim, executor } = play(empty(1000), { settings: { minCheckMicros: 10_000_000 } });
    sim.run(3_600_000_000);
    expect(executor.last).toMatchObject({ seconds: 2000, completed: 1000, dead: 0 });
  });

  test('with checks that come sooner while every move is done by the next: 10, 9, 8, 7, 6 s, then 5 s', () => {
    const { sim, executor } = play(empty(1000));
    sim.run(3_600_000_000);
    expect(executor.last?.seconds).toBe(10 + 9 + 8 + 7 + 6 + 195 * 5);
    expect(executor.last?.seconds).toBe(turnsSeconds(200));
  });

  test('slots are filled only at checks: 2 moves of 11 s one after the other, a check each 10 s, take 2 x 20 s', () => {
    const { sim, executor } = play(
      range(2).map((i) => proposal(i, [0, 8], [0, 9])),
      {
        seconds: 11,
        settings: { minCheckMicros: 10_000_000 },
        request: { movementsPerBroker: 1 },
      },
    );
    sim.run(3_600_000_000);
    expect(executor.last?.seconds).toBe(40);
  });

  test('checks come later again, up to what was asked for, where some are not done by then', () => {
    // Five of 1 s each beside one that outlasts them: the first two checks end a batch each, of which something is left over.
    const proposals = range(6).map((i) => proposal(i, [i, 8], [i, 9]));
    const sim = new Simulation({ seed: 'executor' });
    const cluster = new FakeCluster(sim, proposals, (p) => (p === 3 ? 25 : 1));
    const executor = new Executor(sim, executorSettings(), cluster.port);
    executor.execute({ proposals, reason: 'test', movementsPerBroker: 2 });
    sim.run(3_600_000_000);
    // 0 and 1 by 10 s; then 2 and 3, of which 2 is done at 19 s; 4 at 29 s; 3 was done at 35 s and 5 at 30 s: both seen at 39 s.
    expect(cluster.asked.map((a) => [a.partition, a.at / 1e6])).toEqual([
      [0, 0],
      [1, 0],
      [2, 10],
      [3, 10],
      [4, 19],
      [5, 29],
    ]);
    expect(executor.last?.seconds).toBe(39);
  });

  test('leaders go in batches, each looked at when the check comes', () => {
    const proposals = range(600).map((i) => proposal(i, [1, 2], [2, 1]));
    const { sim, executor, cluster } = play(proposals, {
      settings: { minCheckMicros: 10_000_000 },
      request: { movementsPerBroker: 600 },
    });
    sim.run(3_600_000_000);
    // All changes of order are done by the first check; then 250 + 250 + 100 leaders.
    expect(cluster.elections).toEqual([250, 250, 100]);
    expect(executor.last).toMatchObject({ seconds: 40, completed: 1200 });
  });

  test('a leader that never comes is given up after 180 s, and the execution goes on', () => {
    const { sim, executor, cluster } = play([proposal(0, [1, 2], [2, 1])]);
    cluster.electing = false;
    sim.run(3_600_000_000);
    expect(executor.last).toMatchObject({ completed: 1, dead: 1, seconds: 10 + 190, stopped: undefined });
  });
});

describe('the concurrency adjuster', () => {
  const settings = {
    concurrency: executorSettings().concurrency,
  };

  test('steps: +1 a broker up to 12, halved down to 1; leaders +25 and +100, halved', () => {
    const c = new Concurrency(settings.concurrency, {}, [1, 2]);
    c.adjustReplicas([1, 2], (b) => b === 1);
    expect([c.movementsOf(1), c.movementsOf(2)]).toEqual([2, 6]);
    for (let i = 0; i < 20; i += 1) c.adjustReplicas([1, 2], (b) => b === 1);
    expect([c.movementsOf(1), c.movementsOf(2)]).toEqual([1, 12]);
    c.adjustLeaders([1, 2], () => false);
    expect([c.leadersOfBroker(1), c.leadersInCluster]).toEqual([275, 1100]);
    c.adjustLeaders([1, 2], (b) => b === 1);
    expect([c.leadersOfBroker(1), c.leadersOfBroker(2), c.leadersInCluster]).toEqual([137, 300, 1100]);
    c.adjustLeaders([1, 2], () => true);
    expect([c.leadersOfBroker(1), c.leadersInCluster]).toEqual([68, 550]);
  });

  test('brokers without a limit of their own share that of the cluster', () => {
    const c = new Concurrency(settings.concurrency, { unlimitedBrokers: [2, 3, 7] }, [1, 2, 3]);
    expect([1, 2, 3].map((b) => c.movementsOf(b))).toEqual([5, 625, 625]);
  });

  test('looks at min ISR every 72 s, and at metrics every sixth minute, from two minutes after the start on', () => {
    const adjuster = { ...executorSettings().adjuster, replicaMovements: true, minIsrCheck: true };
    const { sim, cluster } = play(
      range(40).map((i) => proposal(i, [0], [9])),
      {
        seconds: 100_000,
        settings: { adjuster },
      },
    );
    const cap = () =>
      sim.gauges
        .get('kafka_cruisecontrol_executor_inter_broker_partition_movements_per_broker_cap_value')!
        .get(0);
    const at = (seconds: number) => {
      sim.run(seconds * 1e6);
      return cap();
    };
    expect([at(119), at(121), at(479), at(481)]).toEqual([5, 6, 6, 7]);
    cluster.healthOf.set(0, { aboveMinIsr: 0, underReplicated: true, offlineReplicas: false });
    expect([at(551), at(553), at(625)]).toEqual([7, 3, 1]);
    cluster.healthOf.set(0, { aboveMinIsr: -1, underReplicated: true, offlineReplicas: true });
    expect([at(841)]).toEqual([2]);
    cluster.healthOf.set(0, { aboveMinIsr: -1, underReplicated: true, offlineReplicas: false });
    sim.run(940e6);
    expect(sim.told.map((t) => t.kind)).toContain('cruiseControl.executionStopped');
  });
});
