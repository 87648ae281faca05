import { describe, expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import { Hardware } from '../../src/models/hardware/nodes.ts';
import { tcpRate } from '../../src/models/hardware/tcp.ts';
import { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { fetcherCeiling } from '../../src/models/kafka/replication.ts';
import type { ClusterSettings } from '../../src/models/kafka/settings.ts';
import { laws } from '../../src/testing.ts';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';
import { calm, inTurn, inZones } from '../support/zones.ts';

const even = (over: Parameters<typeof topic>[0], brokers = 5, more: Partial<ClusterSettings> = {}) => {
  const made = topic({ partitions: brokers, ...over });
  const assignment = inTurn(brokers, made.replicationFactor, made.partitions);
  return clusterSettings({ topics: [made], assignment, ...more }, brokers);
};

describe('one TCP connection', () => {
  // By hand from the formula of the paper, b = 2, T = R + 200 ms: segments a second.
  test.each([
    [0.01, 100_000, 1e12, 79.43108921204711],
    [0.001, 1000, 6_291_456, 18_752.934805641267],
    [0.05, 1000, 6_291_456, 174.42002098722838],
    [0.0001, 20_000, 65_536, 2137.3273440312596],
    [0.3, 50_000, 1e12, 7.991460448855696],
  ])('loss %f, round trip %i us, window %i: that of the full model', (p, micros, window, segments) => {
    expect(tcpRate(p, micros, window) / 1448 / segments).toBeCloseTo(1, 9);
  });

  test('without loss it sends one window each round trip, and a vanishing loss is no other case', () => {
    expect(tcpRate(0, 20_000, 65_536)).toBeCloseTo(65_536 / 0.02, 6);
    expect(tcpRate(1e-13, 20_000, 65_536) / tcpRate(0, 20_000, 65_536)).toBeCloseTo(1, 3);
    expect(tcpRate(1, 20_000, 65_536)).toBe(0);
  });
});

describe('a saturated card', () => {
  test('admits capacity / demand, and sends fail from the computed second on', () => {
    // In: 60 MB/s x 3 / 5 = 36 MB/s of 30.
    const { sim, cluster } = makeCluster(even({ name: 'a' }), {}, 30 * MB);
    sim.run(seconds(390));
    expect(cluster.writes.admittedRatio.get(0)).toBeCloseTo(30 / 36, 9);
    expect(cluster.saturation.saturatedLinks.get(0)).toBe(1);
    expect(cluster.writes.waitingBytes(0) / (390 * 10 * MB)).toBeCloseTo(1, 9);
    expect(cluster.writes.failedSends.get(0)).toBe(0);
    // Ten buffers of 32 MiB fill at 10 MB/s; then a send waits max.block.ms where one in six does not get through: 60 s x 6.
    const fails = (10 * 33_554_432) / (10 * MB) + 60 * 6;
    sim.run(seconds(fails - 0.001));
    expect(cluster.writes.failedSends.slope(0)).toBe(0);
    sim.run(seconds(fails + 0.001));
    expect(cluster.writes.failedSends.slope(0)).toBeCloseTo(1000, 6);
    sim.run(seconds(600));
    expect(cluster.writes.waitingBytes(0) / (fails * 10 * MB)).toBeCloseTo(1, 6);
    laws.bytesConserved(cluster);
  });

  test('with a delivery time-out that ends before, sends fail when the first in line is that old', () => {
    const base = topic({ name: 'a', partitions: 5 });
    const producers = { ...base.producers, deliveryTimeoutMicros: seconds(20) };
    const { sim, cluster } = makeCluster(even({ name: 'a', producers }), {}, 30 * MB);
    // What was sent at s has (1 - a) s r bytes before it and leaves at s / a: it is 20 s old first when 20 s / (1 - a) have gone.
    sim.run(seconds(119.999));
    expect(cluster.writes.failedSends.slope(0)).toBe(0);
    sim.run(seconds(120.001));
    expect(cluster.writes.failedSends.slope(0)).toBeGreaterThan(0);
  });

  test('holds nobody back whose own links have room', () => {
    // Broker 0 alone is slow: only partitions that it leads or follows are held.
    const settings = even({ name: 'a' });
    const { sim, cluster, network, links } = makeCluster(settings);
    sim.at(
      seconds(5),
      sim.on('test.slow', () => network.setCapacity(links[0]!.inbound, 18 * MB)),
    );
    sim.run(seconds(10));
    expect([...cluster.tables.admitted]).toEqual([0.5, 1, 1, 0.5, 0.5]);
    expect(network.used(links[0]!.inbound)).toBeCloseTo(18 * MB, 0);
    sim.at(
      seconds(11),
      sim.on('test.fast', () => network.setCapacity(links[0]!.inbound, 36.1 * MB)),
    );
    sim.run(seconds(12));
    expect([...cluster.tables.admitted]).toEqual([1, 1, 1, 1, 1]);
    expect(cluster.writes.waitingBytes(0)).toBeLessThan(5);
    expect(cluster.saturation.saturatedSeconds.get(0)).toBeCloseTo(6, 6);
    laws.bytesConserved(cluster);
  });

  test('without acks=all followers lag instead, and are shrunk 30 to 45 s later; producers notice nothing', () => {
    const { sim, cluster } = makeCluster(even({ name: 'a', acks: '1' }), {}, 30 * MB);
    sim.run(seconds(20));
    expect(cluster.writes.admittedRatio.get(0)).toBe(1);
    const shrinks = () => cluster.gauges.isrShrinks;
    const sum = () => [0, 1, 2, 3, 4].reduce((s, b) => s + shrinks().get(b), 0);
    expect(sum()).toBe(0);
    sim.run(seconds(46));
    expect(sum()).toBeGreaterThan(0);
    sim.run(seconds(600));
    expect(cluster.writes.failedSends.get(0)).toBe(0);
    // No ping-pong: a handful of events, not thousands.
    expect(sim.eventCount).toBeLessThan(200);
    laws.bytesConserved(cluster);
  });

  test('on burst credit admits all until the credit is gone, then baseline / demand', () => {
    const sim = new Simulation({ seed: 'test', record: 'all', verify: true });
    const instance = {
      name: 'small',
      cores: 2,
      memoryBytes: 16e9,
      nicBaseline: 30 * MB,
      nicBurst: 60 * MB,
      nicBurstMicros: seconds(10),
      disks: 1,
      diskRead: 2000 * MB,
      diskWrite: 2000 * MB,
      dollarsPerHour: 1,
    };
    const nodes = [0, 1, 2, 3, 4].map((i) => ({ name: `n${i}`, zone: 'a', instance }));
    const hardware = new Hardware(sim, nodes, calm);
    const cluster = new KafkaCluster(sim, even({ name: 'a' }));
    cluster.connectNodes(
      hardware.network,
      (b, disk) => hardware.links(b, disk),
      (b, inbound, outbound, disk) => hardware.setBackground(b, inbound, outbound, disk),
    );
    cluster.saturation.onHeld = (b, inbound, outbound, disk) => hardware.setHeld(b, inbound, outbound, disk);
    // 300 MB of credit drain at 36 - 30 MB/s: 50 s.
    sim.run(seconds(49.999));
    expect(cluster.writes.admittedRatio.get(0)).toBe(1);
    sim.run(seconds(50.001));
    expect(cluster.writes.admittedRatio.get(0)).toBeCloseTo(30 / 36, 9);
    // What the links do not take still counts as overload.
    const overload = sim.gauges.get('rehearse:node_overload_ratio')!;
    expect(overload.get(0)).toBeCloseTo(36 / 30 - 1, 6);
    sim.run(seconds(600));
    expect(cluster.writes.admittedRatio.get(0)).toBeCloseTo(30 / 36, 9);
    expect(sim.eventCount).toBeLessThan(50);
    // A neighbour takes 12 MB/s of what is left, on one node, and goes again.
    sim.at(
      seconds(610),
      sim.on('test.neighbour', () => hardware.setNeighbour(0, 12 * MB, 0, 0, 0)),
    );
    sim.at(
      seconds(620),
      sim.on('test.alone', () => hardware.setNeighbour(0, 0, 0, 0, 0)),
    );
    sim.run(seconds(615));
    expect(cluster.tables.admitted[0]).toBeCloseTo(18 / 36, 9);
    sim.run(seconds(625));
    expect(cluster.tables.admitted[0]).toBeCloseTo(30 / 36, 9);
    expect(overload.get(0)).toBeCloseTo(36 / 30 - 1, 6);
  });
});

describe('loss and round trips between zones', () => {
  const restartWith = (prepare: (made: ReturnType<typeof inZones>) => void, settings: ClusterSettings) => {
    const made = inZones(settings);
    prepare(made);
    made.restart(0, 100, 42);
    made.sim.run(seconds(3000));
    return made.cluster.brokers.recoverySeconds.get(0);
  };
  // Broker 0 follows broker 1 for one partition only.
  const settings = (factor = 2) =>
    even({ name: 'a', replicationFactor: factor, minInSyncReplicas: 1, bytesInPerSecond: 30 * MB }, 3);

  test('a longer round trip makes catch-up no faster, by the ceiling of one fetcher', () => {
    const times = [1000, 20_000, 50_000].map((micros) =>
      restartWith(({ zones }) => zones.setRoundTrip('a', 'b', micros), settings(3)),
    );
    expect(times[1]!).toBeGreaterThan(times[0]!);
    expect(times[2]!).toBeGreaterThan(times[1]!);
    const { fetcher } = settings();
    // One partition of 10 MB/s: what was missed in 50 s or so at C - r.
    const rate = fetcherCeiling(fetcher, 50_000, 1, 0);
    expect(rate).toBeLessThan(20 * MB);
    expect(times[2]!).toBeGreaterThan((42 * 10 * MB) / (rate - 10 * MB));
  });

  test('catch-up under loss takes what was missed / (rate of the connection - what comes in)', () => {
    const loss = 0.001;
    const calmTime = restartWith(() => {}, settings());
    const lossy = restartWith(({ zones }) => {
      zones.setLoss('a', 'b', loss);
      zones.setLoss('a', 'c', loss);
    }, settings());
    const rate = tcpRate(loss, 1000, 6_291_456);
    expect(rate).toBeGreaterThan(20 * MB);
    const down = 55;
    expect(lossy).toBeGreaterThan(calmTime * 2);
    expect(Math.abs(lossy / ((down * 10 * MB) / (rate - 10 * MB)) - 1)).toBeLessThan(0.35);
  });

  test('with acks=all writes are slowed to the slowest member, which stays in sync', () => {
    const made = inZones(
      even({ name: 'a', replicationFactor: 2, minInSyncReplicas: 2, bytesInPerSecond: 30 * MB }, 3),
    );
    made.sim.at(
      seconds(10),
      made.sim.on('test.loss', () => made.zones.setLoss('a', 'b', 0.01)),
    );
    made.sim.run(seconds(200));
    const rate = tcpRate(0.01, 1000, 6_291_456);
    // Partition 0 leads in a and follows in b.
    expect(made.cluster.tables.admitted[0]! / (rate / (10 * MB))).toBeCloseTo(1, 9);
    expect(made.cluster.tables.admitted[1]).toBe(1);
    expect(made.cluster.gauges.isrShrinks.get(0)).toBe(0);
    laws.bytesConserved(made.cluster);
  });

  test('a member that takes longer than replica.lag.time.max.ms for what is under way lags, is shrunk, and writes go on', () => {
    const made = inZones(
      even({ name: 'a', replicationFactor: 2, minInSyncReplicas: 1, bytesInPerSecond: 30 * MB }, 3),
    );
    made.sim.at(
      seconds(10),
      made.sim.on('test.loss', () => made.zones.setLoss('a', 'b', 0.4)),
    );
    // 10 clients x 5 x 16 KiB = 819 kB at that rate.
    expect(819_200 / tcpRate(0.4, 1000, 6_291_456)).toBeGreaterThan(30);
    made.sim.run(seconds(30));
    expect(made.cluster.writes.blockedPartitions.get(0)).toBe(1);
    made.sim.run(seconds(56));
    expect(made.cluster.gauges.isrShrinks.get(0)).toBe(1);
    expect(made.cluster.writes.admittedRatio.get(0)).toBe(1);
    laws.bytesConserved(made.cluster);
    made.sim.at(
      seconds(100),
      made.sim.on('test.calm', () => made.zones.setLoss('a', 'b', 0)),
    );
    made.sim.run(seconds(200));
    expect(made.cluster.gauges.isrExpands.get(0)).toBe(1);
    expect(made.cluster.gauges.clusterUnderReplicated.get(0)).toBe(0);
  });

  test('what only the leader had of sends under way is sent again, not lost, when the lagging member leads', () => {
    const one = { name: 'a', replicationFactor: 2, minInSyncReplicas: 1, bytesInPerSecond: 30 * MB };
    const made = inZones(even(one, 3));
    const { sim, cluster } = made;
    sim.at(
      seconds(10),
      sim.on('test.loss', () => made.zones.setLoss('a', 'b', 0.4)),
    );
    sim.at(
      seconds(20),
      sim.on('test.kill', () => cluster.brokers.kill(0, 'test')),
    );
    sim.run(seconds(25));
    expect(cluster.writes.unacknowledged.size).toBe(1);
    sim.run(seconds(35));
    expect(cluster.tables.leader[0]).toBe(1);
    expect(cluster.writes.possiblyLostBytes.get(0)).toBe(0);
    laws.bytesConserved(cluster);
  });
});
