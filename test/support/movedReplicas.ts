import { expect } from 'vitest';
import { throttleSides } from '../../src/models/kafka/throttle.ts';
import { clusterSettings, makeCluster, seconds, topic } from './cluster.ts';

/**
 * Moves what `target` says at once, under one throttle on all brokers, listed as kafka-reassign-partitions lists it.
 * @param throttled whether the whole topic is listed beforehand
 * @param assignment brokers of each partition at the start; broker 5 is empty where nobody names it
 */
export function moved(
  assignment: readonly (readonly number[])[],
  bytes: number,
  live: number,
  throttle: number,
  target: (partition: number) => readonly number[] | undefined,
  until: number,
  throttled = false,
) {
  const partitions = assignment.length;
  const all = assignment.flat();
  const base = clusterSettings({}, 6);
  const settings = clusterSettings({
    brokers: base.brokers.map((b) => ({ ...b, diskUsedBytes: all.filter((x) => x === b.id).length * bytes })),
    topics: [
      topic({
        name: 'events',
        partitions,
        bytesInPerSecond: partitions * live,
        messagesInPerSecond: partitions * 100,
        throttled,
        // So that logs do not differ by more.
        segmentBytes: 1_048_576,
      }),
    ],
    assignment: Int32Array.from(all),
    replicaPlaces: 6,
    // So that what a log has beyond its limit is small beside it.
    retentionCheckMicros: seconds(20),
    fileDeleteDelayMicros: 0,
  });
  const { sim, cluster } = makeCluster(settings, { verify: false, record: new Set() });
  const { tables } = cluster;
  const begin = (to: typeof target) => {
    const plan = assignment.flatMap((_, partition) => {
      const brokers = to(partition);
      return brokers === undefined ? [] : [{ partition, target: brokers }];
    });
    // As the tool lists them, beside what was listed before.
    for (const p of plan) {
      const current = tables.assigned(p.partition);
      cluster.throttle.list(
        'leader',
        current.map((b) => [p.partition, b] as const),
      );
      cluster.throttle.list(
        'follower',
        p.target.filter((b) => !current.includes(b)).map((b) => [p.partition, b] as const),
      );
      expect(cluster.reassignments.alter(p.partition, p.target)).toBeUndefined();
    }
    for (let b = 0; b < 6; b += 1)
      for (const side of throttleSides) cluster.throttle.setRate(side, b, throttle);
  };
  sim.at(
    seconds(10),
    sim.on('test.begin', () => begin(target)),
  );
  sim.run(seconds(until));
  tables.verify();
  cluster.gauges.verify();
  cluster.logs.verify();
  const { reassignments } = cluster;
  return { cluster, sim, begin, took: reassignments.longestSeconds.get(0), open: reassignments.active };
}
