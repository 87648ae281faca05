import { describe, expect, test } from 'vitest';
import { memberFindings } from '../../src/models/kafka/memberFindings.ts';
import { seconds } from '../support/cluster.ts';
import { makeGroup } from '../support/groups.ts';

const gauge = (made: ReturnType<typeof makeGroup>, name: string) => made.sim.gauges.get(name)!.get(0);
const when = (made: ReturnType<typeof makeGroup>, kind: string) =>
  made.sim.told.filter((t) => t.kind === kind).map((t) => t.time / 1e6);

describe('the length of a rebalance', () => {
  /** Mean and standard deviation of the maximum of n sums of two independent uniform numbers, by integration of 1 - F(x)^n. */
  function maximum(n: number, heartbeat: number, batch: number): readonly [number, number] {
    const steps = 20_000;
    const end = heartbeat + batch;
    const triangle = (x: number) => (Math.max(0, x) * Math.max(0, x)) / 2;
    const below = (x: number) =>
      batch === 0
        ? x / heartbeat
        : (triangle(x) - triangle(x - heartbeat) - triangle(x - batch)) / (heartbeat * batch);
    let [mean, square] = [0, 0];
    for (let i = 0; i < steps; i += 1) {
      const x = ((i + 0.5) * end) / steps;
      let all = 1;
      for (let k = 0; k < n; k += 1) all *= below(x);
      mean += ((1 - all) * end) / steps;
      square += (2 * x * (1 - all) * end) / steps;
    }
    return [mean, Math.sqrt(square - mean * mean)];
  }

  test.each([
    ['members that keep up', 4, 100, 0],
    ['members whose batches take 2 s', 4, 250, 2],
    ['one member', 2, 100, 0],
  ])('of %s is the latest of heartbeat and poll, in the mean of 1,000 seeds', (_, members, rate, batch) => {
    // 500 records at 250/s take 2 s.
    const capacity = 250;
    const runs = 1000;
    let sum = 0;
    for (let i = 0; i < runs; i += 1) {
      const made = makeGroup({ members, capacity }, [{ partitions: 12, rate: batch > 0 ? 2000 : rate }], {
        seed: `${i}`,
        verify: false,
        record: new Set(),
      });
      made.sim.run(seconds(5));
      made.groups.stop(0, 0, false);
      made.sim.run(seconds(20));
      sum += when(made, 'kafka.rebalanced')[0]! - 5;
    }
    const [mean, deviation] = maximum(members - 1, 3, batch);
    // Half a round trip to join, two to have the answer and to sync.
    const expected = mean + 0.0025;
    expect(Math.abs(sum / runs - expected)).toBeLessThan((3.5 * deviation) / Math.sqrt(runs));
    if (batch === 0) expect(mean).toBeCloseTo((3 * (members - 1)) / members, 3);
  });
});

describe('the initial delay', () => {
  test.each([
    ['one member', [0], 3],
    ['a second within it', [0, 2], 6],
    ['one after another', [0, 2, 5, 8], 12],
    ['a second after it', [0, 4], 3],
  ])('of a new group: %s', (_, starts, first) => {
    const made = makeGroup({ isNew: true, members: 4 });
    const { sim, groups } = made;
    starts.forEach((at, seat) => {
      sim.run(seconds(10 + at));
      groups.start(0, seat);
    });
    sim.run(seconds(60));
    expect(when(made, 'kafka.rebalanced')[0]).toBeCloseTo(10 + first + 0.0035, 3);
  });

  test('ends with max.poll.interval.ms, however many come', () => {
    const made = makeGroup({ isNew: true, members: 20, maxPollMicros: 9_500_000 });
    for (let seat = 0; seat < 20; seat += 1) {
      made.sim.run(seconds(10 + seat));
      made.groups.start(0, seat);
    }
    made.sim.run(seconds(60));
    expect(when(made, 'kafka.rebalanced')[0]).toBeCloseTo(19.5035, 3);
  });

  test('begins again when the coordinator moves, as the group is not in its log yet', () => {
    const made = makeGroup({ isNew: true, members: 1 });
    made.sim.run(seconds(10));
    made.groups.start(0, 0);
    made.sim.run(seconds(12));
    made.groups.coordinatorMoved(0, seconds(4));
    made.sim.run(seconds(60));
    expect(made.group.generation).toBe(1);
    // It asks a round trip after the load, then the group waits.
    expect(when(made, 'kafka.rebalanced')).toEqual([expect.closeTo(16 + 3 + 0.003, 3)]);
  });

  test('of a group that has been there before is not extended', () => {
    const made = makeGroup({ members: 2 });
    made.groups.stop(0, 0, false);
    made.groups.stop(0, 1, false);
    made.sim.run(seconds(10));
    made.groups.start(0, 0);
    made.sim.run(seconds(12));
    made.groups.start(0, 1);
    made.sim.run(seconds(60));
    expect(when(made, 'kafka.rebalanced').at(-1)).toBeCloseTo(13.0035, 3);
  });
});

describe('restarts', () => {
  test.each([
    ['spaced', 60, 20, 10],
    ['faster than a rebalance', 1, 0.5, 9],
  ])('a rolling restart of 5 members, %s, is at most two rebalances for each', (name, every, away, most) => {
    const made = makeGroup({ members: 5 });
    made.sim.run(seconds(10));
    made.groups.restartAll(0, seconds(every), seconds(away));
    made.sim.run(seconds(600));
    if (name === 'spaced') expect(gauge(made, 'rehearse:group_rebalances_total')).toBe(most);
    else expect(gauge(made, 'rehearse:group_rebalances_total')).toBeLessThanOrEqual(most);
    expect(made.group.seats.map((m) => m.owned.size).sort()).toEqual([2, 2, 2, 3, 3]);
  });

  test.each(['classic', 'consumer'] as const)(
    'a static member of the %s protocol is back within its session: its partitions wait, and nothing else',
    (protocol) => {
      const made = makeGroup({ members: 4, isStatic: true, protocol });
      made.sim.run(seconds(10));
      made.groups.restart(0, 1, seconds(30), false);
      made.sim.run(seconds(100));
      expect(gauge(made, 'rehearse:group_rebalances_total')).toBe(0);
      expect(gauge(made, 'rehearse:group_stopped_partition_seconds_total')).toBeCloseTo(3 * 30.0015, 6);
    },
  );

  test('a static member that is away for longer than a rebalance waits keeps its part, a dynamic one does not', () => {
    for (const isStatic of [true, false]) {
      const made = makeGroup({ members: 3, isStatic, sessionMicros: 600_000_000, maxPollMicros: 20_000_000 });
      made.sim.run(seconds(10));
      made.groups.stop(0, 1, true);
      made.topics[0]!.partitions = 18;
      made.groups.partitionsAdded(0);
      made.sim.run(seconds(400));
      expect(made.group.members.length).toBe(isStatic ? 3 : 2);
      expect(made.group.seats.map((m) => m.owned.size)).toEqual(isStatic ? [6, 0, 6] : [9, 0, 9]);
      if (!isStatic) continue;
      made.groups.start(0, 1);
      made.sim.run(seconds(500));
      expect(made.group.seats.map((m) => m.owned.size)).toEqual([6, 6, 6]);
    }
  });

  test('a crash is noticed when the session has ended since the last heartbeat', () => {
    const noticed: number[] = [];
    for (let i = 0; i < 200; i += 1) {
      const made = makeGroup({ members: 3 }, undefined, { seed: `${i}`, verify: false });
      made.sim.run(seconds(10));
      made.groups.stop(0, 0, true);
      made.sim.run(seconds(100));
      noticed.push(when(made, 'kafka.memberExpired')[0]! - 10);
    }
    expect(Math.min(...noticed)).toBeGreaterThan(42);
    expect(Math.min(...noticed)).toBeLessThan(42.2);
    expect(Math.max(...noticed)).toBeLessThanOrEqual(45);
    expect(Math.max(...noticed)).toBeGreaterThan(44.8);
  });

  test('a dynamic member that is back at once waits for its own old session, and the group with it', () => {
    const made = makeGroup({ members: 3 });
    made.sim.run(seconds(10));
    made.groups.restart(0, 0, seconds(1), true);
    made.sim.run(seconds(40));
    expect(made.group.state).toBe('preparing');
    expect(made.group.seats.every((m) => m.owned.size === 0)).toBe(true);
    made.sim.run(seconds(60));
    expect(when(made, 'kafka.rebalanced')[0]).toBeGreaterThan(52);
    expect(made.group.seats.map((m) => m.owned.size)).toEqual([4, 4, 4]);
  });

  test('a member whose batch takes longer than max.poll.interval.ms leaves and comes back with every batch', () => {
    // 500 records at 10/s take 50 s.
    const made = makeGroup({ members: 2, capacity: 10, maxPollMicros: 20_000_000 });
    made.sim.run(seconds(600));
    expect(when(made, 'kafka.memberPollsTooLate').length).toBeGreaterThan(8);
    const patient = makeGroup({ members: 2, capacity: 10, maxPollMicros: 60_000_000 });
    patient.sim.run(seconds(600));
    expect(gauge(patient, 'rehearse:group_rebalances_total')).toBe(0);
  });

  test('under the consumer protocol a newcomer has its part within two heartbeats, and the rest is read on', () => {
    const took: number[] = [];
    for (let i = 0; i < 100; i += 1) {
      const made = makeGroup({ members: 4, protocol: 'consumer' }, undefined, {
        seed: `${i}`,
        verify: false,
      });
      made.groups.stop(0, 3, false);
      made.sim.run(seconds(30));
      const before = gauge(made, 'rehearse:group_stopped_partition_seconds_total');
      made.groups.start(0, 3);
      while (made.group.seats[3]!.owned.size < 3) made.sim.run(made.sim.now + 100_000);
      took.push(made.sim.now / 1e6 - 30);
      made.sim.run(seconds(60));
      expect(gauge(made, 'rehearse:group_stopped_partition_seconds_total') - before).toBeLessThan(3 * 10);
    }
    expect(Math.max(...took)).toBeLessThan(10.2);
    expect(took.reduce((sum, x) => sum + x, 0) / took.length).toBeGreaterThan(4);
  });
});

describe('capacity', () => {
  test('a partition hotter than a member lags by just what the member cannot handle, and the others do not', () => {
    const shares = [0.5, 0.1, 0.1, 0.1, 0.1, 0.1];
    const made = makeGroup({ members: 6, capacity: 400 }, [{ partitions: 6, rate: 1000, shares }]);
    made.sim.run(seconds(100));
    expect(made.lag.waitingAt(0, 0)).toBeCloseTo((500 - 400) * 100, 6);
    for (let p = 1; p < 6; p += 1) expect(made.lag.waitingAt(0, p)).toBe(0);
    expect(when(made, 'kafka.memberOverloaded').length).toBe(1);
  });

  test('a member shares what it handles max-min: small partitions keep up, large ones lag alike in what they get', () => {
    const shares = [0.6, 0.3, 0.1];
    const made = makeGroup({ members: 1, capacity: 500 }, [{ partitions: 3, rate: 1000, shares }]);
    made.sim.run(seconds(10));
    // 100 of 500 go to the small one, 200 each to the others.
    expect([0, 1, 2].map((p) => made.lag.waitingAt(0, p))).toEqual([
      expect.closeTo(4000, 6),
      expect.closeTo(1000, 6),
      0,
    ]);
  });

  test.each([
    [3, 260, true],
    [4, 260, false],
    [3, 340, false],
    [4, 240, true],
  ])(
    '%i members of %i/s at 1000/s in 12 partitions lag: %s, as r/4 <= capacity < r/3',
    (members, capacity, lags) => {
      const made = makeGroup({ members, capacity }, [{ partitions: 12, rate: 1000 }]);
      made.sim.run(seconds(100));
      expect(made.lag.waiting(0) > 0).toBe(lags);
      if (lags) expect(made.lag.waiting(0)).toBeCloseTo((1000 - members * capacity) * 100, 5);
    },
  );

  test('members beyond the partitions are idle, and change nothing', () => {
    const made = makeGroup({ members: 20, capacity: 100 });
    made.sim.run(seconds(10));
    expect(gauge(made, 'rehearse:group_members_assigned')).toBe(12);
    expect(gauge(made, 'kafka_consumergroup_members')).toBe(20);
    expect(made.lag.waiting(0)).toBe(0);
  });

  test('lag after a stop drains at what the members have to spare', () => {
    const made = makeGroup({ members: 2, capacity: 1000 });
    made.sim.run(seconds(10));
    made.lag.burst(0, 0, 3000);
    // Its member reads 600 a second of the six partitions, and has 400 to spare.
    made.sim.run(seconds(17.4));
    expect(made.lag.waitingAt(0, 0)).toBeCloseTo(3000 - 7.4 * 400, 5);
    made.sim.run(seconds(17.6));
    expect(made.lag.waiting(0)).toBe(0);
  });
});

describe('new partitions', () => {
  test.each([
    ['classic', true],
    ['classic', false],
    ['consumer', true],
  ] as const)('%s, latest %s: what came before the first read is skipped, or read', (protocol, latest) => {
    const made = makeGroup({ members: 3, protocol, latest, capacity: 5000 });
    made.sim.run(seconds(100));
    made.topics[0]!.partitions = 18;
    made.groups.partitionsAdded(0);
    made.sim.run(seconds(600));
    const [seen] = when(made, 'kafka.partitionsSeen');
    const found = protocol === 'classic' ? when(made, 'kafka.rebalanced')[0]! : seen!;
    expect(seen! - 100).toBeLessThan(protocol === 'classic' ? 300 : 5);
    const skipped = made.lag.cells[0]!.skipped;
    // A third of 1,200 a second goes to the new ones.
    if (protocol === 'classic') expect(skipped).toBeCloseTo(latest ? 400 * (found - 100) : 0, 3);
    else expect(skipped).toBeGreaterThan(0);
    expect(memberFindings(made.groups).map((f) => f.says)).toEqual(
      skipped === 0
        ? []
        : [
            expect.stringContaining(
              `g never reads ${Math.round(skipped)} messages of t0, which were written before`,
            ),
          ],
    );
    expect(made.lag.waiting(0)).toBe(0);
    expect(made.group.seats.map((m) => m.owned.size)).toEqual([6, 6, 6]);
  });

  test('are never seen by a group whose static leader was away when it would have looked', () => {
    const made = makeGroup({ members: 3, isStatic: true });
    made.sim.run(seconds(100));
    made.topics[0]!.partitions = 18;
    made.groups.partitionsAdded(0);
    made.groups.restart(0, 0, seconds(20), false);
    made.sim.run(seconds(1000));
    expect(when(made, 'kafka.partitionsMissed').length).toBe(1);
    expect(made.group.seats.reduce((sum, m) => sum + m.owned.size, 0)).toBe(12);
    // A member that goes for good mends it.
    made.groups.stop(0, 2, false);
    made.sim.run(seconds(1100));
    expect(made.group.seats.reduce((sum, m) => sum + m.owned.size, 0)).toBe(18);
  });
});

describe('a group that lags for good is told with what would be enough', () => {
  const says = (members: number, capacity: number, shares?: readonly number[]) => {
    const made = makeGroup({ members, capacity }, [
      { partitions: 12, rate: 1200, ...(shares === undefined ? {} : { shares }) },
    ]);
    made.sim.run(seconds(60));
    return memberFindings(made.groups).map((f) => f.says);
  };

  test('three members of r / 4 <= capacity < r / 3 need a fourth, and four are enough', () => {
    expect(says(3, 400)).toEqual([]);
    for (const capacity of [399, 300]) {
      expect(says(3, capacity)).toEqual([
        `g lags more and more: 3 of 3 members are given more than they handle, the busiest 400 messages a second for ${capacity}; 1200 come in, for which at least 4 such members are needed`,
      ]);
      expect(says(4, capacity)).toEqual([]);
    }
    expect(says(4, 299)[0]).toContain('at least 5 such members');
  });

  test('a partition that one member cannot handle: no number of them is enough', () => {
    const hot = [0.5, ...Array.from({ length: 11 }, () => 0.5 / 11)];
    const [one, group] = says(3, 500, hot);
    expect(one).toMatch(/-0 takes 600 messages\/s from 0 s on, 1.2 times the 500 .* no further member helps/);
    expect(group).toMatch(/1 of 3 members .* one partition alone brings 600: more members do not help/);
  });

  test('members that could do it, were partitions dealt evenly', () => {
    const uneven = [0.2, 0.2, 0.2, 0.1, ...Array.from({ length: 8 }, () => 0.3 / 8)];
    expect(says(3, 500, uneven)[0]).toContain(
      '3 such members are enough for the 1200 that come in, if partitions are dealt evenly',
    );
  });
});
