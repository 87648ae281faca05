import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clusterSettings, makeCluster, seconds, topic } from '../support/cluster.ts';

const dedicated = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: 100 + i, zone: `zone-${i % 3}` }));

/** A small cluster with dedicated controllers; `at` runs something at a moment in seconds. */
function quorumOf(controllers: number, options: { seed?: string; brokers?: number } = {}) {
  const made = makeCluster(
    clusterSettings(
      {
        dedicatedControllers: dedicated(controllers),
        activeController: 100,
        topics: [topic({ name: 't', partitions: 4, replicationFactor: 3 })],
      },
      options.brokers ?? 3,
    ),
    { seed: options.seed ?? 'quorum' },
  );
  const runs: (() => void)[] = [];
  const kind = made.sim.on('test.run', (row) => runs[row]!());
  const at = (s: number, run: () => void) => {
    runs.push(run);
    made.sim.at(seconds(s), kind, runs.length - 1);
  };
  const told = (name: string) =>
    made.sim.told
      .filter((t) => t.kind === name)
      .map((t) => ({ at: t.time / 1e6, subject: t.subject, detail: t.detail }));
  return { ...made, at, told, quorum: made.cluster.controller.quorum };
}

describe('a quorum of three', () => {
  test('elects a successor 1.5 to 2 s after a crash, plus the vote and its activation; a split vote costs at most a second or two more', () => {
    const delays: number[] = [];
    for (let seed = 0; seed < 400; seed += 1) {
      const { sim, at, told, quorum } = quorumOf(3, { seed: String(seed) });
      at(10, () => quorum.crash(100));
      sim.run(seconds(40));
      delays.push(told('kafka.controllerElected')[0]!.at - 10);
    }
    const sorted = [...delays].sort((a, b) => a - b);
    // 1.5 s less nothing, and 50 ms of activation at the least; the earlier of two timers that are uniform over half a second.
    expect(sorted[0]).toBeGreaterThan(1.55);
    expect(sorted[Math.floor(delays.length * 0.9)]).toBeLessThan(2.0 + 0.3 + 0.001 * 2);
    expect(sorted.at(-1)).toBeLessThan(5);
    // Two timers within half a round trip of 1 ms split the vote: about 2 x 0.5 ms / 500 ms of all cases.
    const split = delays.filter((d) => d > 2.31).length;
    expect(split).toBeLessThan(12);
    const mean = delays.reduce((a, d) => a + d, 0) / delays.length;
    // E[min of two U(1.5, 2)] = 1.667 s, E[activation] = 0.175 s; the standard error of 400 draws is below 8 ms.
    expect(mean).toBeGreaterThan(1.667 + 0.175 - 0.03);
    expect(mean).toBeLessThan(1.667 + 0.175 + 0.04);
  });

  test('split votes are decided by the random back-off', () => {
    let split = 0;
    for (let seed = 0; seed < 60; seed += 1) {
      const made = makeCluster(
        clusterSettings(
          {
            dedicatedControllers: dedicated(3),
            activeController: 100,
            topics: [topic({ name: 't', partitions: 1, replicationFactor: 3 })],
            // A round trip of 80 ms: two timers of half a second within half of it are common.
            timing: { ...clusterSettings().timing, roundTripMicros: 80_000 },
          },
          3,
        ),
        { seed: String(seed) },
      );
      made.sim.at(
        seconds(10),
        made.sim.on('test.crash', () => made.cluster.controller.quorum.crash(100)),
      );
      made.sim.run(seconds(60));
      const elected = made.sim.told.filter((t) => t.kind === 'kafka.controllerElected');
      expect(elected.length).toBe(1);
      if (elected[0]!.time / 1e6 - 10 > 2.4) split += 1;
    }
    expect(split).toBeGreaterThan(0);
  });

  test('without a majority it commits nothing, resigns after 3 s, and goes on when a voter is back', () => {
    const { sim, cluster, at, told, quorum } = quorumOf(3);
    at(10, () => quorum.crash(101));
    at(20, () => quorum.crash(102));
    at(20.5, () => cluster.brokers.kill(2, 'test'));
    at(200, () => quorum.release(101));
    sim.run(seconds(22.9));
    expect([quorum.active, quorum.commits]).toEqual([100, false]);
    sim.run(seconds(23.1));
    expect([quorum.active, quorum.commits]).toEqual([-1, false]);
    expect(told('kafka.controllerResigned').map((t) => t.at)).toEqual([23]);
    sim.run(seconds(199));
    expect(told('kafka.fenced')).toEqual([]);
    expect(cluster.gauges.underReplicated.get(0)).toBe(0);
    sim.run(seconds(260));
    // Its process starts in 13 s; then the one that waited, or the new one, is elected within its retries.
    const [elected] = told('kafka.controllerElected');
    expect(elected!.at).toBeGreaterThan(213);
    expect(elected!.at).toBeLessThan(217);
    // The successor gives the dead broker a fresh session.
    expect(told('kafka.fenced')[0]!.at).toBeCloseTo(elected!.at + 9, 3);
  });

  test('one that is cut off from the others resigns, and they elect another', () => {
    const { sim, cluster, at, told, quorum } = quorumOf(3);
    // Places: brokers 0, 1, 2, then the controllers.
    at(10, () => cluster.connectivity.isolate(3));
    at(60, () => cluster.connectivity.rejoin(3));
    sim.run(seconds(11));
    expect([quorum.active, quorum.commits]).toEqual([100, false]);
    sim.run(seconds(59));
    expect(told('kafka.controllerElected')[0]!.at).toBeGreaterThan(11.55);
    expect(told('kafka.controllerElected')[0]!.at).toBeLessThan(13.1);
    expect(quorum.active).not.toBe(100);
    const active = quorum.active;
    sim.run(seconds(100));
    expect(quorum.active).toBe(active);
    expect(told('kafka.controllerElected').length).toBe(1);
    expect(told('kafka.fenced')).toEqual([]);
  });
});

test('a metadata change reaches brokers only while they hear the controller', () => {
  const { sim, cluster, at } = quorumOf(3);
  at(10, () => cluster.connectivity.cut('zone-0', 'zone-1'));
  at(10, () => cluster.connectivity.cut('zone-0', 'zone-2'));
  at(11, () => cluster.brokers.kill(2, 'test'));
  at(100, () => {
    cluster.connectivity.mend('zone-0', 'zone-1');
    cluster.connectivity.mend('zone-0', 'zone-2');
  });
  // Controller 100 and broker 0 are alone in zone 0; the others elect 101 or 102 and fence brokers 0 and 2.
  sim.run(seconds(60));
  expect(cluster.gauges.fencedBrokers.get(0)).toBe(2);
  expect(cluster.gauges.leaderCount.get(1)).toBe(4);
  sim.run(seconds(140));
  expect(cluster.gauges.fencedBrokers.get(0)).toBe(1);
  expect(cluster.gauges.outOfSync.get(0)).toBe(0);
});

test('whatever the order of crashes, returns and cuts, in the end a quorum commits just where a majority can, under one of that majority', () => {
  let lost = 0;
  let elections = 0;
  const step = fc.record({
    kind: fc.constantFrom('crash', 'release', 'isolate', 'rejoin', 'crash', 'release'),
    voter: fc.nat(),
    wait: fc.integer({ min: 1, max: 12_000 }),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(1, 3, 5),
      fc.array(step, { minLength: 3, maxLength: 14, size: 'max' }),
      fc.nat(),
      (voters, steps, seed) => {
        const { sim, cluster, at, told, quorum } = quorumOf(voters, { seed: String(seed) });
        const crashed = new Set<number>();
        const isolated = new Set<number>();
        let t = 1;
        for (const s of steps) {
          const v = s.voter % voters;
          t += s.wait / 1000;
          at(t, () => {
            if (s.kind === 'crash' && !crashed.has(v)) {
              crashed.add(v);
              quorum.crash(100 + v);
            } else if (s.kind === 'release' && crashed.delete(v)) quorum.release(100 + v);
            else if (s.kind === 'isolate' && !isolated.has(v)) {
              isolated.add(v);
              cluster.connectivity.isolate(3 + v);
            } else if (s.kind === 'rejoin' && isolated.delete(v)) cluster.connectivity.rejoin(3 + v);
            if (!quorum.commits) lost += 1;
          });
        }
        sim.run(seconds(t + 60));
        const up = Array.from({ length: voters }, (_, v) => v).filter(
          (v) => !crashed.has(v) && !isolated.has(v),
        );
        const able = up.length * 2 > voters;
        // A single voter that nothing reaches still is its own majority.
        const alone = voters === 1 && !crashed.has(0);
        expect(quorum.commits).toBe(able || alone);
        if (able) expect(up).toContain(quorum.active - 100);
        elections += told('kafka.controllerElected').length;
      },
    ),
    { seed: 11, numRuns: 150 },
  );
  expect(lost).toBeGreaterThan(50);
  expect(elections).toBeGreaterThan(50);
});
