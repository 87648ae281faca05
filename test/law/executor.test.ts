import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import { movementStrategies } from '../../src/models/cruiseControl/executionTasks.ts';
import { Executor } from '../../src/models/cruiseControl/executor.ts';
import { executorSettings, FakeCluster, proposal } from '../support/executorPort.ts';

const brokers = 7;

/** A partition's old and new replicas out of a drawn order of all brokers: some stay, some move, some only change their order. */
const aMove = fc
  .record({
    order: fc.shuffledSubarray([...Array(brokers).keys()], { minLength: brokers }),
    replicas: fc.integer({ min: 1, max: 3 }),
    keeps: fc.integer({ min: 0, max: 3 }),
    turns: fc.boolean(),
    mb: fc.integer({ min: 0, max: 5000 }),
    seconds: fc.integer({ min: 0, max: 90 }),
  })
  .map(({ order, replicas, keeps, turns, mb, seconds }) => {
    const before = order.slice(0, replicas);
    const kept = before.slice(0, Math.min(keeps, replicas));
    const after = [...kept, ...order.slice(replicas, replicas + replicas - kept.length)];
    return { before, after: turns ? after.reverse() : after, mb, seconds };
  });

const anExecution = fc.record({
  moves: fc.array(aMove, { minLength: 1, maxLength: 60, size: 'max' }),
  cap: fc.integer({ min: 1, max: 6 }),
  clusterCap: fc.integer({ min: 1, max: 20 }),
  leaders: fc.integer({ min: 1, max: 10 }),
  strategies: fc.subarray([...movementStrategies]),
  throttle: fc.option(fc.constant(50e6), { nil: undefined }),
  trouble: fc.constantFrom('none', 'none', 'dies', 'stops', 'refused'),
  broker: fc.nat(brokers - 1),
  at: fc.integer({ min: 1, max: 120 }),
  refused: fc.nat(60),
});

test('whatever is proposed: slots are never exceeded, every task ends once, the result is as proposed, and no throttle stays', () => {
  let finished = 0;
  let stopped = 0;
  let abandoned = 0;
  let full = 0;
  let leaders = 0;
  fc.assert(
    fc.property(anExecution, (x) => {
      const sim = new Simulation({ seed: 'law', record: 'all', keepEvents: true });
      const proposals = x.moves.map((m, i) => proposal(i, m.before, m.after, m.mb));
      const cluster = new FakeCluster(sim, proposals, (p) => x.moves[p]!.seconds);
      cluster.rates.set(99, 1);
      cluster.listed.add('0:99');
      const executor = new Executor(sim, executorSettings(), cluster.port);
      if (x.trouble === 'refused') cluster.refuse.add(x.refused);
      executor.execute({
        proposals,
        reason: 'law',
        throttle: x.throttle,
        movementsPerBroker: x.cap,
        movementsInCluster: x.clusterCap,
        leadersPerBroker: x.leaders,
        strategies: x.strategies,
      });
      const die = sim.on('test.dies', (b) => cluster.dead.add(b));
      if (x.trouble === 'dies') sim.at(x.at * 1e6 + 1, die, x.broker);
      const stop = sim.on('test.stops', () => executor.stop('asked to'));
      if (x.trouble === 'stops') sim.at(x.at * 1e6 + 1, stop);
      const busiest = new Map<number, number>();
      for (let t = 0; !executor.isIdle && t < 20_000; t += 1) {
        sim.run(t * 1e6);
        for (let b = 0; b < brokers; b += 1) {
          busiest.set(b, Math.max(busiest.get(b) ?? 0, executor.inProgressOf(b)));
          expect(executor.inProgressOf(b)).toBeGreaterThanOrEqual(0);
        }
        expect(cluster.partitions.filter((p) => p.target !== undefined).length).toBeLessThanOrEqual(
          x.clusterCap,
        );
      }
      expect(executor.isIdle).toBe(true);
      for (const most of [...busiest.values(), ...cluster.mostMoving.values()])
        expect(most).toBeLessThanOrEqual(x.cap);
      if (Math.max(...busiest.values()) === x.cap) full += 1;

      const last = executor.last!;
      expect(last.completed + last.dead + last.cancelled + last.abandoned).toBe(
        last.replicaTasks + last.leadershipTasks,
      );
      // Asked for at most once, but where something was asked for again because it had been given up.
      const asks = new Map<number, number>();
      for (const { partition, replicas } of cluster.asked)
        if (replicas !== null) asks.set(partition, (asks.get(partition) ?? 0) + 1);
      if (last.stopped === undefined) {
        finished += 1;
        leaders += last.leadershipTasks;
        expect(last.dead + last.cancelled + last.abandoned).toBe(
          last.leadershipTasks - (last.completed - last.replicaTasks),
        );
        for (const p of cluster.partitions) {
          const { oldLeader, newReplicas } = proposals[p.partition]!;
          expect(p.replicas).toEqual(newReplicas);
          if (x.trouble === 'none' && oldLeader !== newReplicas[0]) expect(p.leader).toBe(newReplicas[0]);
        }
        if (x.trouble === 'none') expect(Math.max(0, ...asks.values())).toBeLessThanOrEqual(1);
      } else stopped += 1;
      // What the executor has set it takes away, but for what it leaves behind; what others have set stays.
      const left = cluster.partitions.filter((p) => p.target !== undefined);
      expect(last.abandoned).toBeGreaterThanOrEqual(left.length);
      if (last.abandoned === 0) {
        expect(left).toEqual([]);
        expect([...cluster.rates]).toEqual([[99, 1]]);
        expect([...cluster.listed]).toEqual(['0:99']);
      } else {
        abandoned += 1;
        expect(cluster.rates.size > 1).toBe(x.throttle !== undefined);
      }
      // Whole or nothing: each partition is as before, as proposed, or still on its way.
      for (const p of cluster.partitions) {
        if (p.target !== undefined) continue;
        const { oldReplicas, newReplicas } = proposals[p.partition]!;
        expect([oldReplicas, newReplicas]).toContainEqual(p.replicas);
      }
    }),
    { seed: 11, numRuns: 100 },
  );
  expect(finished).toBeGreaterThan(25);
  expect(stopped).toBeGreaterThan(15);
  expect(abandoned).toBeGreaterThan(3);
  expect(full).toBeGreaterThan(40);
  expect(leaders).toBeGreaterThan(60);
});

test('no execution is faster than its slots and checks allow', () => {
  fc.assert(
    fc.property(
      fc.array(aMove, { minLength: 1, maxLength: 60, size: 'max' }),
      fc.integer({ min: 1, max: 6 }),
      (moves, cap) => {
        const sim = new Simulation({ seed: 'law' });
        const proposals = moves.map((m, i) => proposal(i, m.before, m.after, m.mb));
        const cluster = new FakeCluster(sim, proposals, (p) => moves[p]!.seconds);
        const executor = new Executor(sim, executorSettings({ minCheckMicros: 10_000_000 }), cluster.port);
        executor.execute({ proposals, reason: 'law', movementsPerBroker: cap });
        sim.run(100_000_000_000);
        const charged = Array<number>(brokers).fill(0);
        const work = Array<number>(brokers).fill(0);
        moves.forEach((m) => {
          const adds = m.after.filter((b) => !m.before.includes(b));
          if (adds.length === 0 && m.after.every((b, i) => b === m.before[i])) return;
          for (const b of new Set([m.before[0]!, ...adds])) {
            charged[b]! += 1;
            work[b]! += Math.max(1, adds.length === 0 ? 1 : Math.ceil(m.seconds / 10)) * 10;
          }
        });
        for (let b = 0; b < brokers; b += 1) {
          expect(executor.last!.seconds).toBeGreaterThanOrEqual(Math.ceil(charged[b]! / cap) * 10);
          expect(executor.last!.seconds).toBeGreaterThanOrEqual(work[b]! / cap);
        }
      },
    ),
    { seed: 12, numRuns: 60 },
  );
});
