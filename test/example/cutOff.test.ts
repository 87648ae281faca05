import { describe, expect, test } from 'vitest';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';

const rate = 60 * MB;
const partitions = 12;

/** Five brokers, one topic, controllers on machines of their own; `at` runs something at a moment in seconds. */
function play(acks: 'all' | '1', more: { unclean?: boolean; minIsr?: number } = {}) {
  const made = makeCluster(
    clusterSettings({
      dedicatedControllers: [0, 1, 2].map((i) => ({ id: 100 + i, zone: `zone-${i}` })),
      activeController: 100,
      topics: [
        topic({
          name: 't',
          partitions,
          bytesInPerSecond: rate,
          acks,
          uncleanElection: more.unclean ?? false,
          minInSyncReplicas: more.minIsr ?? 2,
        }),
      ],
    }),
  );
  const runs: (() => void)[] = [];
  const kind = made.sim.on('test.run', (row) => runs[row]!());
  const at = (s: number, run: () => void) => {
    runs.push(run);
    made.sim.at(seconds(s), kind, runs.length - 1);
  };
  const { cluster, sim } = made;
  const first = (name: string, subject: string) =>
    (sim.told.find((t) => t.kind === name && t.subject === subject)?.time ?? Number.NaN) / 1e6;
  const ledBy = (b: number) =>
    Array.from({ length: partitions }, (_, p) => p).filter((p) => cluster.tables.leader[p] === b);
  return { ...made, at, first, ledBy, blocked: () => cluster.writes.blockedPartitions.get(0) };
}

describe('a broker dies', () => {
  test('clients of a dead process find the new leader when it is elected; those of a lost machine after request.timeout.ms', () => {
    for (const host of [false, true]) {
      const { sim, cluster, at, first, ledBy, blocked } = play('all');
      const led = ledBy(3).length;
      expect(led).toBeGreaterThan(0);
      at(10, () => (host ? cluster.brokers.loseHost(3) : cluster.brokers.kill(3, 'test')));
      sim.run(seconds(39.9));
      const fenced = first('kafka.fenced', 'broker-3');
      expect(fenced).toBeGreaterThanOrEqual(17);
      expect(fenced).toBeLessThanOrEqual(19);
      // The leader moved long ago; who waits for the answer of a machine that is gone still waits.
      expect([host, blocked(), cluster.writes.unavailablePartitions.get(0)]).toEqual([
        host,
        host ? led : 0,
        0,
      ]);
      sim.run(seconds(40.1));
      expect(blocked()).toBe(0);
    }
  });

  test('a process that is back before its session is over is refused, backs off from 100 ms, doubling, and loads its logs while fenced', () => {
    const { sim, cluster, at, first } = play('all');
    at(10, () => cluster.brokers.kill(3, 'test'));
    at(10.5, () => cluster.brokers.start(3, seconds(11)));
    sim.run(seconds(200));
    const fenced = first('kafka.fenced', 'broker-3');
    expect(fenced).toBeGreaterThanOrEqual(17);
    const asks = Array.from({ length: 8 }, (_, n) => 11 + 0.1 * (2 ** n - 1));
    expect(first('kafka.fetching', 'broker-3')).toBeCloseTo(asks.find((t) => t > fenced)!, 6);
    expect(first('kafka.unfenced', 'broker-3')).toBeGreaterThan(first('kafka.fetching', 'broker-3'));
  });

  test('what the system had not flushed is gone with the machine, and is fetched again', () => {
    const caughtUp = [false, true].map((host) => {
      const { sim, cluster, at } = play('all');
      at(60, () => (host ? cluster.brokers.loseHost(3) : cluster.brokers.kill(3, 'test')));
      at(100, () => cluster.brokers.start(3));
      sim.run(seconds(600));
      expect(cluster.gauges.brokersOutOfSync.get(0)).toBe(0);
      return cluster.replication.caughtUpBytes[3]!;
    });
    const hosted = play('all').cluster.gauges.partitionCount.get(3);
    const unflushed = (30 * rate * hosted) / partitions;
    expect(Math.abs(caughtUp[1]! - caughtUp[0]! - unflushed)).toBeLessThan(unflushed * 0.05);
  });

  test('with acks=1 a dead leader loses what no follower had fetched: one round trip of writes; with acks=all nothing', () => {
    for (const acks of ['1', 'all'] as const) {
      const { sim, cluster, at, ledBy } = play(acks);
      const led = ledBy(3).length;
      at(10, () => cluster.brokers.kill(3, 'test'));
      sim.run(seconds(60));
      const lost = cluster.writes.possiblyLostBytes.get(0);
      expect(lost).toBe(acks === 'all' ? 0 : led * Math.floor((rate / partitions) * 0.001));
    }
  });
});

describe('records that are in the log twice', () => {
  const twice = (acks: 'all' | '1', idempotent: boolean, strike: (made: ReturnType<typeof play>) => void) => {
    const made = play(acks);
    Object.assign(made.cluster.settings.topics[0]!.producers, { idempotent });
    made.at(10, () => strike(made));
    made.sim.run(seconds(100));
    return made.cluster.writes.duplicates.get(0);
  };
  const perByte = 6000 / rate;

  test('a leader that dies leaves unanswered what it appended in the last round trip; sequence numbers tell', () => {
    const led = play('1').ledBy(3).length;
    const kill = ({ cluster }: ReturnType<typeof play>) => cluster.brokers.kill(3, 'test');
    const trip = ((led * rate) / partitions) * 0.001 * perByte;
    expect(twice('1', false, kill)).toBeCloseTo(trip, 6);
    expect(twice('all', false, kill)).toBeCloseTo(trip, 6);
    expect(twice('all', true, kill)).toBe(0);
  });

  test('what leaders hold unanswered for longer than request.timeout.ms comes again: all that producers may have in flight', () => {
    // Without controllers nobody takes the dead broker out of its ISRs.
    const strike = ({ cluster }: ReturnType<typeof play>) => {
      for (const c of [5, 6, 7]) cluster.connectivity.isolate(c);
      cluster.brokers.kill(3, 'test');
    };
    const { cluster } = play('all');
    const followed = cluster.gauges.partitionCount.get(3) - play('all').ledBy(3).length;
    const inFlight = Math.min((rate / partitions) * 30, 10 * 5 * 16_384);
    const trip = ((play('all').ledBy(3).length * rate) / partitions) * 0.001;
    expect(twice('all', false, strike)).toBeCloseTo((followed * inFlight + trip) * perByte, 6);
  });
});

describe('zones that no longer reach each other', () => {
  test('a leader among the minority takes acks=1 until it is fenced, and loses all of it; acks=all waits and loses nothing', () => {
    for (const acks of ['1', 'all'] as const) {
      const { sim, cluster, at, first, ledBy, blocked } = play(acks);
      // Controllers 100, 101, 102 and brokers 0 and 3, 1 and 4, 2 stand in zones 0, 1, 2.
      const led = ledBy(2);
      at(10, () => {
        cluster.connectivity.cut('zone-2', 'zone-0');
        cluster.connectivity.cut('zone-2', 'zone-1');
      });
      at(100, () => {
        cluster.connectivity.mend('zone-2', 'zone-0');
        cluster.connectivity.mend('zone-2', 'zone-1');
      });
      sim.run(seconds(15));
      expect(cluster.writes.unavailablePartitions.get(0)).toBe(0);
      // Every partition with broker 2 in its ISR: as leader or as follower.
      expect(blocked()).toBe(acks === 'all' ? cluster.gauges.partitionCount.get(2) : 0);
      sim.run(seconds(99));
      expect(blocked()).toBe(0);
      const fenced = first('kafka.fenced', 'broker-2') - 10;
      const lost = cluster.writes.possiblyLostBytes.get(0);
      const expected = acks === 'all' ? 0 : (led.length * rate * fenced) / partitions;
      expect(Math.abs(lost - expected)).toBeLessThanOrEqual(led.length);
      sim.run(seconds(300));
      expect(cluster.gauges.brokersOutOfSync.get(0)).toBe(0);
      expect(cluster.gauges.fencedBrokers.get(0)).toBe(0);
      // Nobody was restarted.
      expect(sim.told.some((t) => t.kind === 'kafka.stopped')).toBe(false);
    }
  });

  test('a member that is cut off and elected before its session ends has not learnt of it: what the next one has is not lost', () => {
    const { sim, cluster, at, first } = play('1');
    const { tables } = cluster;
    const led = Array.from({ length: partitions }, (_, p) => p).filter((p) => tables.broker[p * 3 + 1] === 2);
    expect(led.length).toBeGreaterThan(0);
    const leader = tables.broker[led[0]! * 3]!;
    at(10, () => {
      cluster.connectivity.cut('zone-2', 'zone-0');
      cluster.connectivity.cut('zone-2', 'zone-1');
    });
    // Broker 2 has missed two seconds when the controller makes it the leader, since its session is still valid.
    at(12, () => cluster.brokers.stop(leader));
    sim.run(seconds(14));
    expect(tables.leader[led[0]!]).toBe(2);
    expect(cluster.writes.possiblyLostBytes.get(0)).toBe(0);
    sim.run(seconds(60));
    expect(tables.leader[led[0]!]).toBe(tables.broker[led[0]! * 3 + 2]);
    // Lost is what broker 2 itself took as a leader until it was fenced, and none of what the others have.
    const own = Array.from({ length: partitions }, (_, p) => p).filter(
      (p) => tables.broker[p * 3] === 2,
    ).length;
    const took = (own * rate * (first('kafka.fenced', 'broker-2') - 10)) / partitions;
    expect(Math.abs(cluster.writes.possiblyLostBytes.get(0) - took)).toBeLessThanOrEqual(own);
  });

  test('without a controller on either side a leader that lost its followers cannot shrink its ISR: acks=all waits until the cut is mended', () => {
    const { sim, cluster, at, blocked } = play('all');
    at(10, () => {
      for (const c of [5, 6, 7]) cluster.connectivity.isolate(c);
      cluster.connectivity.cut('zone-0', 'zone-1');
    });
    sim.run(seconds(400));
    expect(cluster.controller.active).toBe(-1);
    expect(blocked()).toBeGreaterThan(0);
    expect([0, 1, 2, 3, 4].map((b) => cluster.gauges.isrShrinks.get(b))).toEqual([0, 0, 0, 0, 0]);
  });
});

test('with unclean election a replica outside the ISR leads when it is the first to come back', () => {
  for (const unclean of [false, true]) {
    const { sim, cluster, at } = play('1', { unclean, minIsr: 1 });
    const { tables } = cluster;
    const [leader, second, third] = [0, 1, 2].map((j) => tables.broker[j]!) as [number, number, number];
    at(10, () => cluster.brokers.kill(third, 'test'));
    at(40, () => cluster.brokers.kill(second, 'test'));
    at(80, () => cluster.brokers.kill(leader, 'test'));
    // Only the one that missed most comes back.
    at(120, () => cluster.brokers.start(third));
    sim.run(seconds(400));
    expect(tables.leader[0]).toBe(unclean ? third : -1);
    const told = sim.told.filter((t) => t.kind === 'kafka.uncleanElection' && t.subject === 't-0');
    expect(told.length).toBe(unclean ? 1 : 0);
    // What was written since the third died, until the first did, is gone.
    if (unclean) expect(cluster.writes.possiblyLostBytes.get(0)).toBeGreaterThan((60 * rate) / partitions);
  }
});
