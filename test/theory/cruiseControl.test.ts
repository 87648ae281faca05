import { describe, expect, test } from 'vitest';
import { ClusterModel, followerCpu } from '../../src/models/cruiseControl/clusterModel.ts';
import {
  Constraint,
  countLimits,
  topicLimits,
  utilizationLimits,
} from '../../src/models/cruiseControl/constraint.ts';
import type { ClusterDescription } from '../../src/models/cruiseControl/description.ts';
import { goalNames } from '../../src/models/cruiseControl/goals/index.ts';
import {
  bucketsGrown,
  bucketsOfCopy,
  hashOrder,
  JavaPriorityQueue,
  JavaTreeSet,
  stringHash,
} from '../../src/models/cruiseControl/javaOrder.ts';
import { balancednessCosts, optimize } from '../../src/models/cruiseControl/optimizer.ts';
import { analyzerConfig } from '../../src/scenario/cruiseControlSettings.ts';

describe('limits of the goals, worked by hand with the default thresholds', () => {
  test('503 replicas on 5 brokers: between 91 and 110 each', () => {
    expect(countLimits(503 / 5, 1.1)).toEqual({ upper: 110, lower: 91 });
  });

  test('7 leaders on 3 brokers: 2 or 3 each', () => {
    expect(countLimits(7 / 3, 1.1)).toEqual({ upper: 3, lower: 2 });
  });

  test('12 replicas of a topic on 6 brokers: up to 6 each; 10 a broker: 0 to 28; 100 a broker: 60 to 140; 1 a broker: 0 to 3', () => {
    expect(topicLimits(2, 3, 2, 40)).toEqual({ upper: 6, lower: 0 });
    expect(topicLimits(10, 3, 2, 40)).toEqual({ upper: 28, lower: 0 });
    expect(topicLimits(100, 3, 2, 40)).toEqual({ upper: 140, lower: 60 });
    expect(topicLimits(1, 3, 2, 40)).toEqual({ upper: 3, lower: 0 });
  });

  test('600 MB on 3 brokers of 1,000 MB: between 182 and 218 MB each', () => {
    const { upper, lower, isLow } = utilizationLimits(600 / 3000, 1.1, 0);
    expect([1000 * upper, 1000 * lower, isLow]).toEqual([
      expect.closeTo(218, 9),
      expect.closeTo(182, 9),
      false,
    ]);
  });

  test('a cluster hardly used has no lower limit, and nine tenths of the threshold as its upper one', () => {
    expect(utilizationLimits(0.1, 1.1, 0.3)).toEqual({ upper: 0.27, lower: 0, isLow: true });
    expect(utilizationLimits(0.3, 1.1, 0.3).upper).toBeCloseTo(0.327, 12);
  });
});

test('balancedness: two hard and two soft goals cost 33.77, 30.70, 18.61 and 16.92; the third alone violated leaves 81.39', () => {
  const costs = balancednessCosts(
    ['RackAwareGoal', 'DiskCapacityGoal', 'ReplicaDistributionGoal', 'DiskUsageDistributionGoal'],
    new Constraint(),
  );
  expect(costs.map((c) => Math.round(c * 100) / 100)).toEqual([33.77, 30.7, 18.61, 16.92]);
  expect(100 - costs[2]!).toBeCloseTo(81.39, 2);
});

test('costs of all goals sum to 100 whatever weights may be set', () => {
  for (const priority of ['0.001', '1', '1000'])
    for (const strictness of ['0.001', '1000']) {
      const weights = {
        'goal.balancedness.priority.weight': priority,
        'goal.balancedness.strictness.weight': strictness,
      };
      for (const goals of [goalNames, ['RackAwareGoal']]) {
        expect(analyzerConfig.safeParse(weights).success).toBe(true);
        const costs = balancednessCosts(goals, new Constraint(weights));
        expect(costs.reduce((sum, cost) => sum + cost, 0)).toBeCloseTo(100, 9);
      }
    }
  for (const weight of [0, 1e-4, 1e4])
    for (const of of ['priority', 'strictness'])
      expect(analyzerConfig.safeParse({ [`goal.balancedness.${of}.weight`]: weight }).success).toBe(false);
});

test('a leader that receives 100 and sends 300 at 10 % CPU needs 1.304 % as a follower, and an idle one nothing', () => {
  expect(followerCpu(10, 100, 300)).toBeCloseTo(1.304, 3);
  expect(followerCpu(10, 0, 0)).toBe(0);
});

test('leadership carries all that is sent and the CPU a follower does not need; what is received and stored stays', () => {
  const load = (cpu: number, nwOut: number) => ({ cpu, nwIn: 100, nwOut, disk: 50 });
  const cluster: ClusterDescription = {
    brokers: [0, 1].map((id) => ({ id, capacity: { cpu: 100, nwIn: 1000, nwOut: 1000, disk: 1000 } })),
    partitions: [{ topic: 't', partition: 0, replicas: [0, 1], loads: [load(10, 300), load(1, 0)] }],
  };
  const model = new ClusterModel(cluster);
  model.moveLeadership(0, 1);
  const [from, to] = model.describe();
  expect(from).toMatchObject({ leaders: 0, nwIn: 100, nwOut: 0, disk: 50, cpu: expect.closeTo(1.304, 3) });
  expect(to).toMatchObject({
    leaders: 1,
    nwIn: 100,
    nwOut: 300,
    disk: 50,
    cpu: expect.closeTo(1 + 10 - 1.304, 3),
  });
});

test('a broker filled exactly to its limit is left alone, and no move fills one exactly', () => {
  const cluster = (sizes: readonly number[], on: readonly number[]): ClusterDescription => ({
    brokers: [0, 1].map((id) => ({ id, capacity: { cpu: 1e6, nwIn: 1e6, nwOut: 1e6, disk: 100 } })),
    partitions: sizes.map((disk, partition) => ({
      topic: 't',
      partition,
      replicas: [on[partition]!],
      loads: [{ cpu: 0, nwIn: 0, nwOut: 0, disk }],
    })),
  });
  const goals = ['DiskCapacityGoal'];
  expect(optimize(cluster([80], [0]), { goals }).status.get('DiskCapacityGoal')).toBe('NO-ACTION');
  // 60 + 40 on the first; the 40 would fill the second, which has 40, to exactly 80.
  expect(optimize(cluster([60, 40, 40], [0, 0, 1]), { goals }).ok).toBe(false);
  expect(optimize(cluster([60, 39, 40], [0, 0, 1]), { goals }).ok).toBe(true);
});

test('a description or a config that contradicts itself is refused, not played', () => {
  const capacity = { cpu: 100, nwIn: 100, nwOut: 100, disk: 100 };
  const load = { cpu: 1, nwIn: 1, nwOut: 1, disk: 1 };
  const play =
    (replicas: readonly number[], config = {}, goals = ['DiskCapacityGoal'], leader = replicas[0]!) =>
    () =>
      optimize(
        {
          brokers: [0, 1].map((id) => ({ id, capacity })),
          partitions: [{ topic: 't', partition: 0, replicas, leader, loads: replicas.map(() => load) }],
        },
        { goals, config },
      );
  expect(play([0, 1])).not.toThrow();
  expect(play([0, 7])).toThrow('t-0 has a replica on broker 7, which is not there');
  expect(play([0, 0])).toThrow('t-0 has two replicas on broker 0');
  expect(play([])).toThrow('t-0 has no replica');
  expect(play([0], {}, ['DiskCapacityGoal'], 1)).toThrow(
    't-0 is led by broker 1, which has no replica of it',
  );
  expect(play([0], {}, ['DiskGoal'])).toThrow('DiskGoal is no goal');
  expect(play([0], { 'disk.capacity.treshold': '1' })).toThrow(
    'disk.capacity.treshold is no key of the analyzer',
  );
  expect(play([0], { 'disk.capacity.threshold': 'half' })).toThrow(
    'disk.capacity.threshold: half is no number',
  );
  expect(play([0], { 'topics.with.min.leaders.per.broker': '(' })).toThrow(
    '( is no regular expression that can be used: missing closing )',
  );
});

describe('orders of Java', () => {
  test('hash codes of strings are those of the language', () => {
    expect(stringHash('')).toBe(0);
    expect(stringHash('hello')).toBe(99162322);
    expect(stringHash('polygenelubricants')).toBe(-2147483648);
  });

  test('a set of small numbers is in ascending order, one of larger ones by their remainder', () => {
    const order = (ids: number[]) => hashOrder(ids, (x) => x, bucketsGrown(ids.length));
    expect(order([5, 3, 9, 1])).toEqual([1, 3, 5, 9]);
    expect(order([17, 2, 16, 1])).toEqual([16, 17, 1, 2]);
    expect([bucketsGrown(12), bucketsGrown(13), bucketsOfCopy(12), bucketsOfCopy(13)]).toEqual([
      16, 32, 32, 32,
    ]);
  });

  test('the queue and the tree hand out in order what does not change inside them', () => {
    const entries = Array.from({ length: 200 }, (_, n) => (n * 73) % 200);
    const queue = new JavaPriorityQueue((a, b) => a - b);
    const tree = new JavaTreeSet((a, b) => a - b);
    for (const e of entries) {
      queue.add(e);
      tree.add(e);
    }
    for (const e of entries) if (e % 3 === 0) expect(tree.delete(e)).toBe(true);
    const walked: number[] = [];
    for (let node = tree.first(); node !== 0; node = tree.next(node)) walked.push(tree.entryOf(node));
    expect(walked).toEqual([...entries].filter((e) => e % 3 !== 0).sort((a, b) => a - b));
    expect(entries.map(() => queue.poll())).toEqual([...entries].sort((a, b) => a - b));
  });

  test('an entry whose key changed inside the tree may be lost to a search, and come in twice', () => {
    const key = [0, 10, 20, 30, 40, 50, 60];
    const tree = new JavaTreeSet((a, b) => key[a]! - key[b]!);
    for (const e of [0, 1, 2, 3, 4, 5, 6]) tree.add(e);
    key[0] = 55;
    expect(tree.delete(0)).toBe(false);
    tree.add(0);
    const walked: number[] = [];
    for (let node = tree.first(); node !== 0; node = tree.next(node)) walked.push(tree.entryOf(node));
    expect(walked).toEqual([0, 1, 2, 3, 4, 5, 0, 6]);
  });
});
