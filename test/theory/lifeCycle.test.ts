import { describe, expect, test } from 'vitest';
import type { ClusterSettings } from '../../src/models/kafka/settings.ts';
import { clusterSettings, makeCluster, seconds, topic } from '../support/cluster.ts';
import { binomialMargin, criticalDistance, distanceFromUniform } from '../support/statistics.ts';

const seeds = Array.from({ length: 1000 }, (_, i) => `life ${i}`);

/** A small cluster with controllers apart; every broker leads a partition, and nothing is written. */
function small(brokers: number, seed: string, over: Partial<ClusterSettings> = {}) {
  const settings = clusterSettings(
    {
      dedicatedControllers: [100, 101, 102].map((id) => ({ id, zone: '' })),
      activeController: 100,
      autoLeaderRebalance: false,
      topics: [
        topic({
          name: 't',
          partitions: brokers,
          replicationFactor: Math.min(3, brokers),
          bytesInPerSecond: 0,
          messagesInPerSecond: 0,
        }),
      ],
      ...over,
    },
    brokers,
  );
  const record = new Set(['kafka_server_replicamanager_underreplicatedpartitions']);
  return makeCluster(settings, { seed, record, verify: false });
}

const at = seconds(20);

describe('a broker that crashes', () => {
  const fencedAfter: number[] = [];
  const learntAfter: number[] = [];
  for (const seed of seeds) {
    const { sim, cluster } = small(4, seed);
    sim.at(
      at,
      sim.on('test.kill', () => cluster.brokers.kill(3, 'test')),
    );
    sim.run(at + seconds(10));
    const fenced = sim.told.find((t) => t.kind === 'kafka.fenced')!.time;
    fencedAfter.push((fenced - at) / 1e6);
    for (let b = 0; b < 3; b += 1)
      for (const t of cluster.gauges.underReplicated.rowRecord(b)!.times.slice(1))
        learntAfter.push((t - fenced) / 1e6);
  }

  test('is fenced 7 to 9 s later, uniformly: its last heartbeat was 0 to 2 s old', () => {
    expect(Math.min(...fencedAfter)).toBeGreaterThanOrEqual(7);
    expect(Math.max(...fencedAfter)).toBeLessThanOrEqual(9);
    expect(distanceFromUniform(fencedAfter, 7, 9)).toBeLessThan(criticalDistance(fencedAfter.length));
    // With so many seeds a session that is a fifth of a second longer would be noticed.
    expect(distanceFromUniform(fencedAfter, 7.2, 9.2)).toBeGreaterThan(criticalDistance(fencedAfter.length));
  });

  test('is seen to be gone by each leader 0 to 0.5 s after that, uniformly, and half a round trip', () => {
    expect(learntAfter.length).toBeGreaterThan(2000);
    expect(distanceFromUniform(learntAfter, 0.0005, 0.5005)).toBeLessThan(
      criticalDistance(learntAfter.length),
    );
  });
});

/**
 * The probability that a shutdown is granted by the heartbeat at `grid` seconds after the request: every other broker has sent a
 * heartbeat that says it has applied the change. With c the commit, d_i the delay until broker i applies it, and heartbeats
 * every 2 s at a phase of their own,
 *
 *     P = E_c [ E_d [ min(1, max(0, (grid - c - d - r/2) / 2)) ] ^ (N - 1) ],   c = 2 r + U(0, 25 ms),   d = r/2 + U(0, 500 ms)
 *
 * which for small delays is (1 - d/2)^(N - 1). Both means are sums over midpoints.
 *
 * Source: Kafka 3.7 `BrokerHeartbeatManager.calculateNextBrokerState`; the formula is ours.
 */
function grantedBy(grid: number, brokers: number): number {
  const r = 0.001;
  const steps = 200;
  let sum = 0;
  for (let i = 0; i < steps; i += 1) {
    const c = 2 * r + (0.025 * (i + 0.5)) / steps;
    let one = 0;
    for (let j = 0; j < steps; j += 1) {
      const d = r / 2 + (0.5 * (j + 0.5)) / steps;
      one += Math.min(1, Math.max(0, (grid - c - d - r / 2) / 2)) / steps;
    }
    let all = 1;
    for (let k = 1; k < brokers; k += 1) all *= one;
    sum += all / steps;
  }
  return sum;
}

describe('a controlled shutdown', () => {
  const grantsOf = (brokers: number) =>
    seeds.map((seed) => {
      const { sim, stop } = small(brokers, seed);
      sim.at(at, stop, brokers - 1);
      sim.run(at + seconds(5));
      return (sim.told.find((t) => t.kind === 'kafka.fenced')!.time - at) / 1e6;
    });

  test.each([2, 4, 7, 12])(
    'of one of %i brokers is granted on the heartbeats at 0.05, 2.05 and 4.05 s, as often as the others have reported by then',
    (brokers) => {
      const grants = grantsOf(brokers);
      const grid = [0.05, 2.05, 4.05];
      const count = grid.map((g) => grants.filter((t) => t >= g && t <= g + 0.001 + 2e-6).length);
      // Each lies on one of them, a round trip later.
      expect(count[0]! + count[1]! + count[2]!).toBe(grants.length);
      const n = grants.length;
      // Next to none are granted at once: less than three standard deviations above one in a thousand.
      expect(count[0]).toBeLessThan(n * grantedBy(0.05, brokers) + binomialMargin(n, 0.001));
      const second = grantedBy(2.05, brokers);
      expect(Math.abs(count[0]! + count[1]! - n * second)).toBeLessThan(binomialMargin(n, second));
      // In plain words: (1 - d/2)^(N - 1), with d a quarter of a second and a little.
      let plain = 1;
      for (let k = 1; k < brokers; k += 1) plain *= 1 - 0.23 / 2;
      expect(Math.abs(second - plain)).toBeLessThan(0.05);
    },
  );

  test('of a broker that leads nothing, or that is alone, waits for nobody', () => {
    for (const seed of seeds.slice(0, 50)) {
      const follower = small(3, seed, { assignment: Int32Array.from([0, 1, 2, 1, 0, 2, 0, 2, 1]) });
      follower.sim.at(at, follower.stop, 2);
      follower.sim.run(at + seconds(5));
      expect(follower.sim.told.find((t) => t.kind === 'kafka.fenced')!.time - at).toBeLessThan(50_000);
      const alone = small(1, seed);
      alone.sim.at(at, alone.stop, 0);
      alone.sim.run(at + seconds(5));
      expect(alone.sim.told.find((t) => t.kind === 'kafka.fenced')!.time - at).toBeLessThan(52_000);
    }
  });
});
