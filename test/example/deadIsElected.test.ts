import { expect, test } from 'vitest';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';

test('a member of the ISR that has died and is elected all the same costs nothing that a living member has', () => {
  let elected = 0;
  for (let i = 0; i < 40; i += 1) {
    const { sim, cluster } = makeCluster(
      clusterSettings({
        dedicatedControllers: [100, 101, 102].map((id) => ({ id, zone: '' })),
        activeController: 100,
        topics: [topic({ name: 't', partitions: 1, acks: '1', bytesInPerSecond: 10 * MB })],
        assignment: Int32Array.from([3, 4, 2]),
      }),
      { seed: `two ${i}`, record: new Set() },
    );
    const kill = sim.on('test.kill', (b) => cluster.brokers.kill(b, 'test'));
    // The follower first, then the leader; whose session ends first is a matter of their heartbeats.
    sim.at(seconds(10), kill, 4);
    sim.at(seconds(10.5), kill, 3);
    sim.run(seconds(60));
    const fenced = sim.told.filter((t) => t.kind === 'kafka.fenced').map((t) => t.subject);
    if (fenced[0] === 'broker-3') elected += 1;
    expect(cluster.tables.leader[0]).toBe(2);
    // What was on its way to the followers when the leader died: a round trip of it.
    expect(cluster.writes.possiblyLostBytes.get(0)).toBeLessThanOrEqual(0.001 * 10 * MB);
  }
  expect(elected).toBeGreaterThan(5);
});
