import { describe, expect, test } from 'vitest';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';

const GB = 1e9;

interface Move {
  readonly replicas: number;
  /** Bytes of each replica, and what its partition takes in per second. */
  readonly bytes: number;
  readonly live: number;
  readonly throttle: number;
}

/** Partitions led by brokers 0 to 4 in turn, with two followers each; broker 5 is empty and gets one follower of each, all at once. */
function play({ replicas, bytes, live, throttle }: Move, until: number) {
  const assignment = new Int32Array(replicas * 3);
  for (let p = 0; p < replicas; p += 1) for (let j = 0; j < 3; j += 1) assignment[p * 3 + j] = (p + j) % 5;
  const hosted = (b: number) => assignment.filter((x) => x === b).length;
  const base = clusterSettings({}, 6);
  const settings = clusterSettings({
    brokers: base.brokers.map((b) => ({ ...b, diskUsedBytes: hosted(b.id) * bytes })),
    topics: [
      topic({
        name: 'events',
        partitions: replicas,
        bytesInPerSecond: replicas * live,
        messagesInPerSecond: replicas * 100,
        // So that logs do not differ by more.
        segmentBytes: 1_048_576,
      }),
    ],
    assignment,
    replicaPlaces: 6,
    // So that what a log has beyond its limit is small beside it.
    retentionCheckMicros: seconds(20),
    fileDeleteDelayMicros: 0,
  });
  const { sim, cluster } = makeCluster(settings, { verify: false });
  const begin = sim.on('test.begin', () => {
    const rows = Array.from({ length: replicas }, (_, p) => p);
    // As kafka-reassign-partitions lists them: all current replicas at the leaders, the new ones at the destination.
    cluster.throttle.list(
      'leader',
      rows.flatMap((p) => cluster.tables.assigned(p).map((b) => [p, b] as const)),
    );
    cluster.throttle.list(
      'follower',
      rows.map((p) => [p, 5] as const),
    );
    for (let b = 0; b < 6; b += 1) {
      cluster.throttle.setRate('leader', b, throttle);
      cluster.throttle.setRate('follower', b, throttle);
    }
    for (const p of rows) {
      const [leader, second] = cluster.tables.assigned(p);
      expect(cluster.reassignments.alter(p, [leader!, second!, 5])).toBeUndefined();
    }
  });
  sim.at(seconds(10), begin);
  sim.run(seconds(until));
  const { tables } = cluster;
  tables.verify();
  cluster.gauges.verify();
  cluster.logs.verify();
  return {
    cluster,
    sim,
    took: cluster.reassignments.longestSeconds.get(0),
    open: cluster.reassignments.active,
  };
}

describe('a throttled move takes bytes / (throttle - live traffic of what is listed)', () => {
  test('10 x 50 GB to one new broker at 50 MB/s, 1 MB/s live each: 12,500 s, bound by the destination, within 2 %', () => {
    const { took, open } = play({ replicas: 10, bytes: 50 * GB, live: MB, throttle: 50 * MB }, 14_000);
    expect(open).toBe(0);
    expect(Math.abs(took / 12_500 - 1)).toBeLessThan(0.02);
  });

  test.each([
    { replicas: 10, throttle: 100, minutes: 20.6 },
    { replicas: 10, throttle: 200, minutes: 5.8 },
    { replicas: 5, throttle: 100, minutes: 11.5 },
  ])(
    '48 GB in $replicas replicas at $throttle MB/s, 6.11 MB/s live each: $minutes min within 5 %',
    (given) => {
      const bytes = (48 * GB) / given.replicas;
      const { took, open } = play(
        { replicas: given.replicas, bytes, live: 6.11 * MB, throttle: given.throttle * MB },
        1500,
      );
      expect(open).toBe(0);
      expect(Math.abs(took / (given.minutes * 60) - 1)).toBeLessThan(0.05);
    },
  );

  test.each([
    { replicas: 10, throttle: 50 },
    { replicas: 20, throttle: 100 },
  ])(
    '48 GB in $replicas replicas at $throttle MB/s: never, and the run names who and what would suffice',
    (given) => {
      const bytes = (48 * GB) / given.replicas;
      const { cluster, open } = play(
        { replicas: given.replicas, bytes, live: 6.11 * MB, throttle: given.throttle * MB },
        20_000,
      );
      expect(open).toBe(given.replicas);
      const starved = cluster.reassignments.starved();
      expect(starved.length).toBe(given.replicas);
      for (const s of starved) {
        expect([s.side, s.broker, s.at]).toEqual(['follower', 5, 5]);
        expect(s.live).toBeCloseTo(given.replicas * 6.11 * MB, -3);
      }
    },
  );
});
