import { expect, test } from 'vitest';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';

test.each([99, 100])(
  'of %d brokers one is away: from a hundred on its catch-up is one flow, and takes as long: t = D r / (C - r)',
  (brokers) => {
    const partitions = brokers * 12;
    const r = 36 * MB;
    const { sim, cluster, restart } = makeCluster(
      clusterSettings(
        {
          dedicatedControllers: [0, 1, 2].map((i) => ({ id: 1000 + i, zone: '' })),
          activeController: 1000,
          topics: [
            topic({
              name: 't',
              partitions,
              bytesInPerSecond: (r * brokers) / 3,
              messagesInPerSecond: 1000 * brokers,
            }),
          ],
        },
        brokers,
      ),
      { record: new Set(['rehearse:isr_recovery_seconds']), verify: false },
      100 * MB,
    );
    restart(4, 10, 60);
    sim.run(seconds(300));
    // What its replicas take in, which is what it hosts; the card of 100 MB/s is the limit.
    const own = (r * (cluster.gauges.partitionCount.get(4) / partitions) * brokers) / 3;
    // It leaves its ISRs when it asks to shut down.
    const away = 60;
    const closed = (away * own) / (100 * MB - own);
    const measured = cluster.brokers.recoverySeconds.get(4);
    expect(cluster.gauges.brokersOutOfSync.get(0)).toBe(0);
    expect(measured / closed).toBeGreaterThan(0.97);
    expect(measured / closed).toBeLessThan(1.05);
  },
);
