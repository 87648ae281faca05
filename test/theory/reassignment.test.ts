import { describe, expect, test } from 'vitest';
import { MB, seconds } from '../support/cluster.ts';
import { moved } from '../support/movedReplicas.ts';

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
  const assignment = Array.from({ length: replicas }, (_, p) => [p % 5, (p + 1) % 5, (p + 2) % 5]);
  return moved(assignment, bytes, live, throttle, (p) => [p % 5, (p + 1) % 5, 5], until);
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

  test('bound by the leader: bytes x new replicas / (throttle - live traffic to all followers), within 5 %', () => {
    const [bytes, live, throttle] = [4.8 * GB, MB, 100 * MB];
    const { cluster, sim, took } = moved(
      Array.from({ length: 10 }, () => [0, 1, 2]),
      bytes,
      live,
      throttle,
      (p) => [0, 1, 3 + (p % 3)],
      1000,
    );
    expect(cluster.reassignments.active).toBe(0);
    expect(sim.now).toBe(seconds(1000));
    // Two followers in sync and a new one take in each byte.
    const expected = (10 * bytes) / (throttle - 10 * live * 3);
    expect(Math.abs(took / expected - 1)).toBeLessThan(0.05);
  });

  test('what has moved counts on against the throttle of its destination while it is listed, within 5 %', () => {
    const [bytes, live, throttle] = [4.8 * GB, 6 * MB, 100 * MB];
    const first = (p: number) => p < 5;
    const { cluster, sim, begin } = moved(
      Array.from({ length: 10 }, (_, p) => [p % 5, (p + 1) % 5, (p + 2) % 5]),
      bytes,
      live,
      throttle,
      (p) => (first(p) ? [p % 5, (p + 1) % 5, 5] : undefined),
      500,
    );
    expect(cluster.reassignments.active).toBe(0);
    begin((p) => (first(p) ? undefined : [p % 5, (p + 1) % 5, 5]));
    sim.run(seconds(1500));
    expect(cluster.reassignments.active).toBe(0);
    const expected = (5 * bytes) / (throttle - 10 * live);
    expect(Math.abs(cluster.reassignments.latestSeconds.get(0) / expected - 1)).toBeLessThan(0.05);
  });

  test.each([
    { replicas: 10, throttle: 50 },
    { replicas: 20, throttle: 100 },
  ])(
    '48 GB in $replicas replicas at $throttle MB/s: never, and the run names who and what would suffice',
    (given) => {
      const bytes = (48 * GB) / given.replicas;
      const { cluster, open } = play(
        { replicas: given.replicas, bytes, live: 6.11 * MB, throttle: given.throttle * MB },
        500,
      );
      expect(open).toBe(given.replicas);
      const starved = cluster.reassignments.starved();
      expect(starved.length).toBe(given.replicas);
      for (const s of starved) {
        expect([s.side, s.broker, s.at]).toEqual(['follower', 5, 5]);
        expect(s.live).toBeCloseTo(given.replicas * 6.11 * MB, -3);
        expect(s.most).toBeCloseTo(given.replicas * 6.11 * MB, -3);
      }
    },
  );
});
