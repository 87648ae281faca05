import { expect, test } from 'vitest';
import { fetcherCeiling } from '../../src/models/kafka/replication.ts';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';

test('a replica that could not catch up under load does so when the load ends, with the whole thread to itself', () => {
  const shape = { partitions: 1, replicationFactor: 2, minInSyncReplicas: 1, curve: 0 };
  const settings = clusterSettings(
    {
      topics: [
        topic({ name: 'heavy', ...shape, bytesInPerSecond: 300 * MB }),
        topic({ name: 'light', ...shape, bytesInPerSecond: 100 * MB }),
      ],
      assignment: Int32Array.from([0, 1, 0, 1]),
      autoLeaderRebalance: false,
    },
    2,
  );
  const { sim, cluster, restart } = makeCluster(settings);
  // All of the load until 300 s, and none after.
  const until = seconds(300);
  cluster.connectCurves([
    {
      integral: (from, to) => Math.max(0, Math.min(to, until) - from) / 1e6,
      nextChange: (t) => (t < until ? until : Number.POSITIVE_INFINITY),
    },
  ]);
  restart(1, 10, 40);
  sim.run(until);
  const { tables, replication } = cluster;
  const [heavy, light] = [tables.replicaOn(0, 1), tables.replicaOn(1, 1)];
  // The light one has caught up, and what it takes in keeps the heavy one from it.
  expect([tables.inSync[light], tables.inSync[heavy]]).toEqual([1, 0]);
  const behind = replication.backlogOf(heavy);
  expect(behind).toBeGreaterThan(1000 * MB);
  sim.run(until + seconds(600));
  const inSync = sim.told.find((t) => t.kind === 'kafka.inSync')!.time;
  const alone = fetcherCeiling(settings.fetcher, settings.timing.roundTripMicros, 1, 0);
  expect((inSync - until) / 1e6 / (behind / alone)).toBeCloseTo(1, 1);
});
