import { describe, expect, test } from 'vitest';
import { followerLoad, leaderCpu } from '../../src/models/cruiseControl/loads.ts';
import { clusterAt, openPlatform } from '../../src/scenario/platform.ts';
import { renderProblems } from '../../src/scenario/problems.ts';
import { reader } from '../support/files.ts';
import { leafFiles, smallScenario } from '../support/leafCases.ts';

/** The small platform, of which one leader listens to two groups. */
function small(over: (tree: typeof smallScenario) => unknown = (tree) => tree) {
  const tree = over(structuredClone(smallScenario));
  const read = reader({ ...leafFiles, 'small.yaml': JSON.stringify(tree) });
  const loaded = openPlatform('small.yaml', read);
  if (loaded.scenario === undefined) throw new Error(renderProblems(loaded.problems, loaded.texts));
  const settings = loaded.scenario.settings(() => 0.5) as {
    kafka: {
      topics: { name: string; bytesIn: number; replicationFactor?: number; partitions: number }[];
      consumerGroups?: { topics: string[] }[];
      config: { 'default.replication.factor': number };
    };
  };
  return { cluster: clusterAt(loaded.scenario).cluster, kafka: settings.kafka };
}

describe("Cruise Control's load model", () => {
  test('a follower of a leader with IN 100, OUT 300 and CPU 10 needs 10 x 15 / 115', () => {
    const load = followerLoad({ cpu: 10, nwIn: 100, nwOut: 300, disk: 7 });
    expect(load.cpu).toBeCloseTo(150 / 115, 12);
    expect([load.nwIn, load.nwOut, load.disk]).toEqual([100, 0, 7]);
    expect(followerLoad({ cpu: 10, nwIn: 0, nwOut: 0, disk: 7 }).cpu).toBe(0);
  });

  test('the leaders and followers of a broker share out its whole processor by weighted bytes', () => {
    const broker = { leaderIn: 100, leaderOut: 300, followerIn: 200, cpuShare: 0.5 };
    const parts = [0.2, 0.3, 0.5].map((x) => leaderCpu(broker, 8, 100 * x, 300 * x));
    const leaders = parts.reduce((sum, x) => sum + x, 0);
    expect(leaders).toBeCloseTo((400 * (70 + 45)) / (70 + 45 + 30), 9);
    // The rest is what its followers are booked for at the rate of this broker: 15 for each 100 that come in.
    expect(400 - leaders).toBeCloseTo((400 * 30) / 145, 9);
    expect(leaderCpu({ ...broker, leaderOut: 0 }, 8, 100, 0)).toBe(0);
  });

  test('of a platform, every byte is counted: in once for each replica, out once for each follower and group', () => {
    const { cluster, kafka } = small();
    const sum = (of: 'nwIn' | 'nwOut') =>
      cluster.partitions.reduce((all, p) => all + p.loads.reduce((s, l) => s + l[of] * 1024, 0), 0);
    let bytesIn = 0;
    let bytesOut = 0;
    for (const t of kafka.topics) {
      const replicas = t.replicationFactor ?? kafka.config['default.replication.factor'];
      const groups = (kafka.consumerGroups ?? []).filter((g) => g.topics.includes(t.name)).length;
      bytesIn += t.bytesIn * replicas;
      bytesOut += t.bytesIn * (replicas - 1 + groups);
    }
    expect(bytesIn).toBeGreaterThan(0);
    expect(sum('nwIn')).toBeCloseTo(bytesIn, 3);
    expect(sum('nwOut')).toBeCloseTo(bytesOut, 3);
    expect(cluster.partitions.length).toBe(kafka.topics.reduce((n, t) => n + t.partitions, 0));
  });

  test('partitions of one topic that a broker leads are alike, however skewed they are', () => {
    const even = small();
    const name = even.kafka.topics.find((t) => t.bytesIn > 0 && t.partitions > 1)!.name;
    const skewed = small((tree) => {
      const topics = (tree as unknown as { kafka: { topics: { name: string; shares?: unknown }[] } }).kafka
        .topics;
      topics.find((t) => t.name === name)!.shares = { zipf: 1 };
      return tree;
    });
    const own = skewed.cluster.partitions.filter((p) => p.topic === name);
    let together = 0;
    for (const p of own) {
      const alike = own.filter((o) => o.leader === p.leader);
      if (alike.length > 1) together += 1;
      const loads = alike.map((o) => o.loads[o.replicas.indexOf(o.leader!)]!.nwIn);
      for (const load of loads) expect(load).toBeCloseTo(loads[0]!, 6);
      // Sizes are the logs' own.
      if (alike.length > 1) expect(new Set(alike.map((o) => o.loads[0]!.disk)).size).toBeGreaterThan(1);
    }
    expect(together).toBeGreaterThan(1);
    expect(own.map((p) => p.loads[0]!.nwIn)).not.toEqual(
      even.cluster.partitions.filter((p) => p.topic === name).map((p) => p.loads[0]!.nwIn),
    );
  });

  test('capacity is what Strimzi would write: the CPU request, 10000 KiB/s each way, the volumes in MiB', () => {
    const cpu = (resources: Record<string, string>) =>
      small((tree) => ({
        ...(tree as object),
        strimzi: { ...(tree as { strimzi: object }).strimzi, resources },
      })).cluster.brokers.map((b) => b.capacity.cpu);
    expect(new Set(cpu({ cpuRequest: '4 cores', cpuLimit: '8 cores' }))).toEqual(new Set([400]));
    expect(new Set(cpu({ cpuLimit: '8 cores' }))).toEqual(new Set([800]));
    expect(new Set(cpu({}))).toEqual(new Set([100]));
    for (const b of small().cluster.brokers) {
      expect([b.capacity.nwIn, b.capacity.nwOut]).toEqual([10_000, 10_000]);
      expect(Number.isInteger(b.capacity.disk)).toBe(true);
    }
  });
});
