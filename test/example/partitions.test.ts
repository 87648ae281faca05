import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import { brokerState } from '../../src/models/kafka/broker.ts';
import { noLeader, replicaState } from '../../src/models/kafka/tables.ts';
import { keysMoved, sharesAfter } from '../../src/models/kafka/topics.ts';
import { TopicOperator } from '../../src/models/strimzi/topicOperator.ts';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';

const GB = 1e9;

/** One topic of few partitions on brokers 0, 1 and 2 of five; logs of 6 GB. */
function small(over: Parameters<typeof topic>[0] = { name: 'orders' }, more: object = {}) {
  const partitions = over.partitions ?? 2;
  const assignment = new Int32Array(partitions * 3);
  for (let p = 0; p < partitions; p += 1) for (let j = 0; j < 3; j += 1) assignment[p * 3 + j] = (p + j) % 3;
  const base = clusterSettings();
  const made = makeCluster(
    clusterSettings({
      brokers: base.brokers.map((b) => ({ ...b, diskUsedBytes: b.id < 3 ? partitions * 6 * GB : 0 })),
      topics: [
        topic({
          ...over,
          partitions,
          bytesInPerSecond: over.bytesInPerSecond ?? partitions * MB,
          messagesInPerSecond: 1000,
          segmentBytes: 1_048_576,
        }),
      ],
      assignment,
      replicaPlaces: 5,
      fileDeleteDelayMicros: seconds(60),
      ...more,
    }),
  );
  let steps = 0;
  const at = (when: number, run: () => void) => {
    steps += 1;
    made.sim.at(seconds(when), made.sim.on(`test.${steps}`, run));
  };
  return { ...made, at };
}

describe('a reassignment', () => {
  test('copies the whole log, keeps both copies until it is complete, and gives the disk back 60 s later', () => {
    const { sim, cluster, at } = small();
    const { tables, reassignments, logs } = cluster;
    at(10, () => expect(reassignments.alter(0, [3, 1, 2])).toBeUndefined());
    sim.run(seconds(9));
    const used = [0, 3].map((b) => logs.used.get(b));
    sim.run(seconds(15));
    expect(tables.assigned(0)).toEqual([3, 1, 2, 0]);
    expect(logs.used.get(3)).toBeGreaterThan(used[1]! + GB);
    expect(logs.used.get(0)).toBeGreaterThan(used[0]!);
    sim.run(seconds(70));
    const done = sim.told.find((t) => t.kind === 'kafka.reassignmentCompleted')!.time / 1e6;
    // 6 GB over one thread of 350 MB/s, whose round trips and size limit cost some of it.
    expect(done).toBeGreaterThan(10 + 6000 / 350);
    expect(done).toBeLessThan(45);
    expect(tables.assigned(0)).toEqual([3, 1, 2]);
    expect(tables.leader[0]).toBe(3);
    expect(cluster.reassignments.bytesIn.get(3)).toBeGreaterThan(6 * GB - 1.1e9);
    const held = logs.used.get(0);
    sim.run(seconds(done + 59));
    expect(logs.used.get(0)).toBeGreaterThan(held - GB);
    sim.run(seconds(done + 61));
    expect(logs.used.get(0)).toBeLessThan(held - 5 * GB);
    expect(tables.hosted(0).length).toBe(1);
  });

  test('of mere order, or to fewer replicas, is complete at once and bumps the epoch only where a replica goes', () => {
    const { sim, cluster, at } = small();
    const { tables, reassignments } = cluster;
    at(10, () => {
      reassignments.alter(0, [2, 1, 0]);
      reassignments.alter(1, [1]);
    });
    sim.run(seconds(11));
    expect([tables.assigned(0), tables.assigned(1)]).toEqual([[2, 1, 0], [1]]);
    expect([tables.leader[0], tables.leaderEpoch[0], tables.leaderEpoch[1]]).toEqual([0, 0, 1]);
    expect(cluster.gauges.preferredImbalance.get(0)).toBe(1);
    expect(reassignments.completedCount.get(0)).toBe(2);
  });

  test('that is cancelled does not bring back the order: [2,1,0] to [3,1,0] cancelled is [1,0,2]', () => {
    const { sim, cluster, at } = small();
    const { tables, reassignments } = cluster;
    at(10, () => reassignments.alter(0, [2, 1, 0]));
    at(20, () => reassignments.alter(0, [3, 1, 0]));
    at(25, () => expect(reassignments.alter(0, null)).toBeUndefined());
    at(30, () => expect(reassignments.alter(0, null)).toBe('NO_REASSIGNMENT_IN_PROGRESS'));
    sim.run(seconds(40));
    expect(tables.assigned(0)).toEqual([1, 0, 2]);
    expect(tables.hosted(3).length).toBe(0);
    expect(reassignments.completedCount.get(0)).toBe(1);
  });

  test('waits for a controller that can commit, and goes on where it was when its destination has crashed', () => {
    const { sim, cluster, at, start } = small();
    const { reassignments, brokers, tables } = cluster;
    // Without two of three voters nothing is committed.
    at(10, () => brokers.kill(1, 'test'));
    at(10, () => brokers.kill(2, 'test'));
    at(14, () => reassignments.alter(0, [0, 3, 1]));
    sim.run(seconds(19));
    expect([reassignments.active, tables.assigned(0).length]).toEqual([1, 3]);
    at(20, () => {
      sim.after(1, start, 1);
      sim.after(1, start, 2);
    });
    sim.run(seconds(45));
    expect(tables.assigned(0)).toEqual([0, 3, 1, 2]);
    const r = tables.replicaOn(0, 3);
    const before = cluster.logs.bytes(r);
    brokers.kill(3, 'test');
    sim.run(seconds(46));
    expect(tables.state[r]).toBe(replicaState.stopped);
    const kept = cluster.logs.bytes(r);
    expect(kept).toBeGreaterThanOrEqual(before);
    at(50, () => sim.after(1, start, 3));
    sim.run(seconds(200));
    expect(tables.assigned(0)).toEqual([0, 3, 1]);
  });

  test('of a partition without a leader begins to copy when there is one, to a broker that runs then', () => {
    for (const dies of [false, true]) {
      const { sim, cluster, at, start } = small();
      const { reassignments, brokers, tables } = cluster;
      at(10, () => reassignments.alter(0, [0]));
      at(20, () => brokers.kill(0, 'test'));
      at(60, () => reassignments.alter(0, [3]));
      sim.run(seconds(62));
      expect([tables.leader[0], tables.assigned(0)]).toEqual([noLeader, [3, 0]]);
      const r = tables.replicaOn(0, 3);
      at(80, () => sim.after(1, start, 0));
      let t = 80;
      const until = (holds: () => boolean) => {
        while (!holds()) {
          t += 1;
          sim.run(seconds(t));
        }
      };
      until(() => brokers.state.get(0) === brokerState.recovery);
      // It loads for 22 s.
      const loads = t + 16;
      until(() => t === loads);
      // Its session outlives the return of the leader.
      if (dies) brokers.kill(3, 'test');
      until(() => brokers.isRunning(0));
      expect(tables.state[r]).toBe(dies ? replicaState.stopped : replicaState.lagging);
      // Somebody else's change is published.
      at(150, () => reassignments.alter(1, [1, 0, 2]));
      sim.run(seconds(152));
      expect(tables.assigned(0)).toEqual(dies ? [3, 0] : [3]);
      expect(tables.leader[0]).toBe(dies ? 0 : 3);
      if (dies) expect(tables.state[r]).toBe(replicaState.stopped);
    }
  });

  test('reads what has left the page cache from the disk of its source', () => {
    const { sim, cluster, links, network, at } = small();
    at(10, () => cluster.reassignments.alter(0, [0, 3, 1]));
    sim.run(seconds(15));
    expect(network.used(links[0]!.diskRead)).toBeGreaterThan(100 * MB);
  });

  test('of unknown partitions, unknown or twice the same brokers, or to nobody is refused, and nothing changes', () => {
    const { sim, cluster } = small();
    const { reassignments, tables } = cluster;
    const before = tables.broker.slice();
    expect(reassignments.alter(7, [0])).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    for (const target of [[], [0, 0], [9], [-1]])
      expect(reassignments.alter(0, target)).toBe('INVALID_REPLICA_ASSIGNMENT');
    sim.run(seconds(10));
    expect(reassignments.active).toBe(0);
    expect(tables.broker).toEqual(before);
  });

  test('its throttle lists all current replicas as sources and new ones as destinations, until --verify', () => {
    for (const verify of [true, false]) {
      const { sim, cluster, at } = small();
      const { throttle } = cluster;
      at(10, () => cluster.reassignmentTool.execute([{ partition: 0, target: [0, 3, 1] }], 200 * MB, verify));
      sim.run(seconds(12));
      for (const b of [0, 1, 2]) expect(throttle.isListed('leader', 0, b)).toBe(true);
      expect([0, 1, 2, 3].map((b) => throttle.isListed('follower', 0, b))).toEqual([
        false,
        false,
        false,
        true,
      ]);
      expect([0, 1, 2, 3, 4].map((b) => throttle.rateOf('leader', b) / MB)).toEqual([
        200,
        200,
        200,
        200,
        Number.POSITIVE_INFINITY,
      ]);
      sim.run(seconds(100));
      expect(cluster.reassignments.active).toBe(0);
      expect(throttle.rateOf('leader', 0)).toBe(verify ? Number.POSITIVE_INFINITY : 200 * MB);
      expect(throttle.isListed('leader', 0, 1)).toBe(!verify);
      expect(cluster.reassignmentTool.forgotten().length).toBe(verify ? 0 : 1);
    }
  });
});

test('a second throttled plan lists and limits what moves already, and --verify waits for both', () => {
  const { sim, cluster, at } = small();
  const { throttle, reassignments, tables } = cluster;
  const rates = () => [0, 1, 2, 3, 4].map((b) => throttle.rateOf('follower', b) / MB);
  at(10, () => cluster.reassignmentTool.execute([{ partition: 0, target: [0, 1, 3] }], 100 * MB, true));
  sim.run(seconds(40));
  expect(rates()).toEqual([100, 100, 100, 100, Number.POSITIVE_INFINITY]);
  // Another partition, between other brokers where it can be.
  const from = tables.assigned(1);
  const free = [0, 1, 2, 3, 4].filter((b) => !from.includes(b)).at(-1)!;
  const target = [...from.slice(0, 2), free];
  cluster.reassignmentTool.execute([{ partition: 1, target }], 150 * MB, true);
  sim.run(sim.now + seconds(1));
  expect(reassignments.active).toBe(2);
  for (const b of [0, 1, 2]) expect(throttle.isListed('leader', 0, b)).toBe(true);
  expect(throttle.isListed('follower', 0, 3)).toBe(true);
  expect(throttle.isListed('follower', 1, free)).toBe(true);
  for (const b of [0, 1, 2, 3, ...from, free]) expect(throttle.rateOf('leader', b)).toBe(150 * MB);
  while (reassignments.active === 2) sim.run(sim.now + seconds(1));
  expect(reassignments.active).toBe(1);
  expect(throttle.rateOf('leader', 0)).toBe(150 * MB);
  sim.run(sim.now + seconds(200));
  expect(reassignments.active).toBe(0);
  expect(rates().every((rate) => rate === Number.POSITIVE_INFINITY)).toBe(true);
  expect(throttle.isListed('leader', 0, 1)).toBe(false);
  expect(sim.told.filter((t) => t.kind === 'kafka.throttleRemoved').length).toBe(1);
});

describe('more partitions', () => {
  const grown = (age: number, more: object = {}) =>
    small({
      name: 'orders',
      partitions: 24,
      partitionsEver: 36,
      bytesInPerSecond: 72 * MB,
      producers: { ...topic({ name: 'x' }).producers, metadataMaxAgeMicros: seconds(age) },
      ...more,
    });

  test('24 to 36: 12 leaders and 36 replicas more, nothing moves, and each partition has its leader in sync', () => {
    const { sim, cluster, at } = grown(300);
    const { tables, gauges } = cluster;
    const sums = () =>
      [gauges.leaderCount, gauges.partitionCount].map((g) =>
        [0, 1, 2, 3, 4].reduce((s, b) => s + g.get(b), 0),
      );
    const before = tables.broker.slice(0, 24 * tables.stride);
    expect(sums()).toEqual([24, 72]);
    at(10, () => expect(cluster.topics.createPartitions(0, 36)).toBeUndefined());
    sim.run(seconds(12));
    expect(sums()).toEqual([36, 108]);
    expect(tables.broker.slice(0, 24 * tables.stride)).toEqual(before);
    expect(gauges.globalPartitions.get(0)).toBe(36);
    for (let p = 24; p < 36; p += 1)
      expect([tables.leader[p] !== noLeader, tables.isrCount[p]]).toEqual([true, 3]);
    expect(cluster.topics.createPartitions(0, 36)).toBe('INVALID_PARTITIONS');
  });

  test('are found evenly over metadata.max.age.ms: a new one has r t^2 / (2 age m) bytes at t, and no byte is lost', () => {
    const { sim, cluster, at } = grown(200);
    at(10, () => cluster.topics.createPartitions(0, 36));
    const start = 10;
    for (const t of [50, 100, 150, 200]) {
      sim.run(seconds(start + t + 0.03));
      const expected = ((72 * MB) / 36) * ((t * t) / (2 * 200));
      expect(cluster.topics.producedBytes(30) / expected).toBeCloseTo(1, 2);
    }
    sim.run(seconds(start + 300));
    expect(cluster.tables.share[0]).toBeCloseTo(1 / 36, 12);
    let written = 0;
    for (let p = 0; p < 36; p += 1) written += cluster.topics.producedBytes(p);
    expect(Math.abs(written - 72 * MB * (start + 300))).toBeLessThan(100);
  });

  test('do not age what is in the logs: retention by time deletes no more after an increase than before', () => {
    const { sim, cluster, at } = small(
      {
        name: 'orders',
        partitions: 24,
        partitionsEver: 36,
        bytesInPerSecond: 72 * MB,
        retentionMicros: seconds(2400),
        producers: { ...topic({ name: 'x' }).producers, metadataMaxAgeMicros: 0 },
      },
      { holdLogsAtInitialSize: false },
    );
    const { logs, tables } = cluster;
    at(700, () => cluster.topics.createPartitions(0, 36));
    sim.run(seconds(699));
    const r = tables.replicaOn(0, 0);
    const before = logs.bytes(r);
    expect(before / (3 * MB * 2400)).toBeGreaterThan(0.9);
    sim.run(seconds(1400));
    // In at 2 MB/s, out at 3 MB/s: what is deleted came before the increase.
    expect(logs.bytes(r) / (before - MB * 700)).toBeGreaterThan(0.85);
    expect(logs.bytes(r) / (before - MB * 700)).toBeLessThan(1.15);
  });

  test('the share of keys that move is that of a count over all hash values, 2/3 for 24 to 36', () => {
    expect(keysMoved(24, 36)).toBeCloseTo(2 / 3, 12);
    expect(keysMoved(36, 37)).toBeCloseTo(36 / 37, 12);
    const lcm = (n: number, m: number) => {
      let x = n;
      while (x % m !== 0) x += n;
      return x;
    };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 24 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 24, maxLength: 24 }),
        (n, m, weights) => {
          const sum = weights.slice(0, n).reduce((x, y) => x + y, 0);
          const old = Float64Array.from(weights.slice(0, n), (w) => w / sum);
          const all = lcm(n, m);
          const shares = new Float64Array(m);
          let moved = 0;
          for (let h = 0; h < all; h += 1) {
            shares[h % m]! += (old[h % n]! * n) / all;
            if (h % n !== h % m) moved += 1;
          }
          expect(keysMoved(n, m)).toBeCloseTo(moved / all, 12);
          sharesAfter(old, m, true).forEach((share, j) => {
            expect(share).toBeCloseTo(shares[j]!, 12);
          });
        },
      ),
      { seed: 4, numRuns: 100 },
    );
  });
});

describe('the topic operator', () => {
  const play = (refuseUntil: number, changes: readonly (readonly [number, number, boolean])[]) => {
    const sim = new Simulation({ seed: 's', keepEvents: true });
    let count = 24;
    const created: number[] = [];
    const operator = new TopicOperator(sim, {
      partitions: () => count,
      createPartitions: (_, wanted) => {
        if (sim.now < seconds(refuseUntil)) return 'INVALID_REPLICATION_FACTOR';
        count = wanted;
        created.push(sim.now);
        return undefined;
      },
    });
    const change = sim.on('test.change', (i) => operator.change('orders', changes[i]![1], changes[i]![2]));
    changes.forEach(([at], i) => {
      sim.at(seconds(at), change, i);
    });
    sim.run(seconds(1000));
    return { created, count, told: sim.told.map((t) => t.kind) };
  };

  test('creates what is missing 100 ms after the resource changed', () => {
    expect(play(0, [[10, 36, true]])).toMatchObject({ created: [10_100_000], count: 36 });
  });

  test('tries again with each reconciliation, every two minutes', () => {
    const { created, told } = play(100, [[10, 36, true]]);
    expect(created.length).toBe(1);
    expect(created[0]).toBeGreaterThan(seconds(100));
    expect(created[0]).toBeLessThan(seconds(10 + 0.1 + 240));
    expect(told).toContain('strimzi.topicNotReady');
  });

  test('never takes partitions away, and leaves alone what is not managed', () => {
    expect(play(0, [[10, 12, true]])).toMatchObject({ created: [], count: 24 });
    expect(play(0, [[10, 12, true]]).told).toContain('strimzi.topicNotReady');
    expect(play(0, [[10, 36, false]])).toMatchObject({ created: [], count: 24 });
  });
});
