import { describe, expect, test } from 'vitest';
import { FlowNetwork } from '../../src/engine/flows.ts';
import { Simulation } from '../../src/engine/simulation.ts';
import { Hardware } from '../../src/models/hardware/nodes.ts';
import { replicaState } from '../../src/models/kafka/tables.ts';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';

const GB = 1e9;

/** Five brokers; broker 4 has log directories of these sizes, with 100 GB in use in each. */
function withDirectories(sizes: readonly number[], grows = true) {
  const settings = clusterSettings({ holdLogsAtInitialSize: !grows });
  Object.assign(settings.brokers[4]!, {
    directories: sizes.map((capacityBytes, i) => ({
      name: `data-${i}`,
      capacityBytes,
      usedBytes: 100 * GB,
      disk: i,
    })),
  });
  const made = makeCluster(settings);
  const { cluster, sim } = made;
  const fail = sim.on('test.fail', (b, place) => cluster.logs.failDirectory(b, place));
  const repair = sim.on('test.repair', (b, place) => cluster.logs.repairDirectory(b, place));
  const told = (kind: string) => sim.told.filter((t) => t.kind === kind && t.subject === 'broker-4');
  return { ...made, fail, repair, told };
}

test('replicas go into the directory with the fewest partitions, so that two differ by one at most', () => {
  const { cluster } = withDirectories([1e12, 1e12, 1e12]);
  const { tables } = cluster;
  const counts = [0, 0, 0];
  for (const r of tables.hosted(4)) counts[tables.placeOf(r)]! += 1;
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  expect(counts.reduce((a, b) => a + b)).toBeGreaterThan(10);
});

test('the writes of a broker are spread over its disks, and sum to what one disk would take', () => {
  const { sim, cluster, network, disks } = withDirectories([1e12, 1e12]);
  sim.run(seconds(10));
  const written = disks[4]!.map((d) => network.used(d.diskWrite));
  let all = 0;
  for (let t = 0; t < 2; t += 1) all += cluster.traffic.appendRate(t, 4);
  expect(written[0]! + written[1]!).toBeCloseTo(all, 3);
  expect(Math.min(...written)).toBeGreaterThan(0);
  expect(network.used(disks[0]![0]!.diskWrite)).toBeCloseTo(
    cluster.traffic.appendRate(0, 0) + cluster.traffic.appendRate(1, 0),
    3,
  );
});

test('a full disk under the only directory halts the broker; it dies again at each start until the disk is replaced', () => {
  const { sim, cluster, start, repair, told } = withDirectories([103 * GB]);
  sim.run(seconds(200));
  expect(told('kafka.diskFull')).toHaveLength(1);
  const full = told('kafka.killed')[0]!;
  expect(full.detail).toBe('the log directory is full');
  // 3 GB more in the directory's six replicas of 5 MB/s.
  expect(full.time / 1e6).toBeCloseTo((3 * GB) / (6 * 5 * MB), 3);
  sim.after(seconds(1), start, 4);
  sim.run(seconds(300));
  expect(told('kafka.killed').map((t) => t.detail)).toEqual([
    'the log directory is full',
    'none of its log directories can be used',
  ]);
  expect(cluster.brokers.isRunning(4)).toBe(false);
  sim.after(seconds(1), repair, 4, 0);
  sim.after(seconds(2), start, 4);
  sim.run(seconds(330));
  expect(cluster.brokers.isRunning(4)).toBe(true);
  // Everything is fetched again, from the start of the leaders' logs; they have grown, so that a disk of this size is full again.
  sim.run(seconds(3000));
  expect(told('kafka.diskFull')).toHaveLength(2);
  expect(cluster.logs.usedBytes(cluster.tables.directoriesFrom[4]!)).toBeCloseTo(103 * GB, -2);
});

test('a container that is restarted over and over waits for a disk, and the broker comes back when it is replaced', () => {
  const { sim, cluster, start, repair, fail, told } = withDirectories([1e12], false);
  sim.at(seconds(10), fail, 4, 0);
  for (const at of [20, 60, 100]) sim.at(seconds(at), start, 4);
  sim.run(seconds(1000));
  expect(told('kafka.killed')).toHaveLength(2);
  expect(cluster.brokers.isRunning(4)).toBe(false);
  sim.after(1, repair, 4, 0);
  sim.run(seconds(3000));
  expect(cluster.brokers.isRunning(4)).toBe(true);
  expect(cluster.gauges.outOfSync.get(4)).toBe(0);
});

test('files that were deleted and still lay there when the process died are gone when it starts: a full disk has room again', () => {
  const settings = clusterSettings({
    topics: [topic({ name: 'a', bytesInPerSecond: 60 * MB, retentionBytes: 2 * GB })],
    holdLogsAtInitialSize: false,
    fileDeleteDelayMicros: seconds(100_000),
  });
  for (const b of settings.brokers) Object.assign(b, { diskUsedBytes: 20 * GB });
  Object.assign(settings.brokers[4]!, { diskCapacityBytes: 50 * GB });
  const { sim, cluster, start } = makeCluster(settings);
  sim.run(seconds(1300));
  const killed = sim.told.filter((t) => t.kind === 'kafka.killed');
  expect(killed.map((t) => [t.subject, t.detail])).toEqual([['broker-4', 'the log directory is full']]);
  expect(cluster.logs.waitingBytes(4)).toBeGreaterThan(20 * GB);
  sim.after(seconds(1), start, 4);
  sim.run(seconds(1400));
  expect(cluster.brokers.isRunning(4)).toBe(true);
  expect(cluster.logs.usedBytes(4)).toBeLessThan(35 * GB);
});

describe('of two directories', () => {
  test('a full one goes offline with its replicas, and the broker serves the others', () => {
    const { sim, cluster, told } = withDirectories([101 * GB, 1000 * GB]);
    sim.run(seconds(300));
    const { tables, gauges } = cluster;
    expect(told('kafka.diskFull')).toHaveLength(1);
    expect(told('kafka.killed')).toHaveLength(0);
    expect(cluster.brokers.isRunning(4)).toBe(true);
    const hosted = [...tables.hosted(4)];
    const lost = hosted.filter((r) => tables.placeOf(r) === 0);
    expect(gauges.offlineReplicas.get(4)).toBe(lost.length);
    expect(gauges.partitionCount.get(4)).toBe(hosted.length - lost.length);
    for (const r of hosted) expect(tables.inSync[r]).toBe(tables.placeOf(r));
    expect(gauges.clusterUnderReplicated.get(0)).toBe(lost.length);
    expect(gauges.offlinePartitions.get(0)).toBe(0);
    const before = cluster.logs.usedBytes(tables.directoriesFrom[4]!);
    sim.run(seconds(600));
    expect(cluster.logs.usedBytes(tables.directoriesFrom[4]!)).toBe(before);
    expect(cluster.logs.usedBytes(tables.directoriesFrom[4]! + 1)).toBeGreaterThan(105 * GB);
  });

  test('the controller knows within a round trip and a commit: writes wait that long, not for a session to end', () => {
    const { sim, cluster, fail } = withDirectories([1e12, 1e12]);
    sim.at(seconds(10), fail, 4, 0);
    sim.run(seconds(10));
    expect(cluster.writes.blockedPartitions.get(0)).toBeGreaterThan(0);
    expect(cluster.writes.unavailablePartitions.get(0)).toBeGreaterThan(0);
    sim.run(seconds(10.05));
    expect(cluster.writes.blockedPartitions.get(0)).toBe(0);
    expect(cluster.writes.unavailablePartitions.get(0)).toBe(0);
    expect(cluster.gauges.fencedBrokers.get(0)).toBe(0);
  });

  test('a failed one stays offline through a restart, and comes back with the restart after its repair', () => {
    const { sim, cluster, fail, repair, restart } = withDirectories([1e12, 1e12], false);
    const { tables, gauges, logs } = cluster;
    const offline = () => gauges.offlineReplicas.get(4);
    sim.at(seconds(10), fail, 4, 1);
    restart(4, 100, 40);
    sim.run(seconds(300));
    expect(cluster.brokers.isRunning(4)).toBe(true);
    expect(offline()).toBeGreaterThan(0);
    expect(logs.offlineDirectories.get(4)).toBe(1);
    expect(gauges.outOfSync.get(4)).toBe(offline());
    sim.at(seconds(310), repair, 4, 1);
    sim.run(seconds(400));
    expect(offline()).toBeGreaterThan(0);
    restart(4, 400.5, 40);
    sim.run(seconds(3000));
    expect(offline()).toBe(0);
    expect(logs.offlineDirectories.get(4)).toBe(0);
    expect(gauges.outOfSync.get(4)).toBe(0);
    const replaced = tables.directoriesFrom[4]! + 1;
    expect(logs.usedBytes(replaced)).toBeGreaterThan(60 * GB);
    for (const r of [...tables.hosted(4)]) expect(tables.state[r]).toBe(replicaState.live);
  });

  test('when the second fails as well, the broker halts', () => {
    const { sim, cluster, fail, told } = withDirectories([1e12, 1e12]);
    sim.at(seconds(10), fail, 4, 1);
    sim.at(seconds(20), fail, 4, 0);
    sim.run(seconds(60));
    expect(told('kafka.directoryOffline')).toHaveLength(1);
    expect(told('kafka.killed').map((t) => t.detail)).toEqual(['its disk failed']);
    expect(cluster.brokers.isRunning(4)).toBe(false);
    expect(cluster.gauges.fencedBrokers.get(0)).toBe(1);
  });

  test('a directory in use is not repaired, and one that does not exist has no disk', () => {
    const { cluster } = withDirectories([1e12, 1e12]);
    expect(() => cluster.logs.repairDirectory(4, 0)).toThrow('in use');
    expect(() => cluster.logs.failDirectory(4, 2)).toThrow('no log directory 2');
  });
});

test('a partition whose only replica is on a failed disk has no leader, and its bytes are lost with the disk', () => {
  const settings = clusterSettings({
    topics: [
      topic({ name: 'single', partitions: 20, replicationFactor: 1, minInSyncReplicas: 1 }),
      topic({ name: 'safe', partitions: 20 }),
    ],
  });
  const half = { capacityBytes: 1e12, usedBytes: 100 * GB };
  Object.assign(settings.brokers[4]!, {
    directories: [
      { ...half, name: 'a', disk: 0 },
      { ...half, name: 'b', disk: 1 },
    ],
  });
  const { sim, cluster, restart } = makeCluster(settings);
  const fail = sim.on('test.fail', () => cluster.logs.failDirectory(4, 0));
  const repair = sim.on('test.repair', () => cluster.logs.repairDirectory(4, 0));
  sim.at(seconds(10), fail);
  sim.run(seconds(20));
  expect(cluster.gauges.offlinePartitions.get(0)).toBeGreaterThan(0);
  expect(cluster.logs.lostWithDisk.get(0)).toBe(0);
  sim.at(seconds(30), repair);
  restart(4, 40, 40);
  sim.run(seconds(2000));
  expect(cluster.gauges.offlinePartitions.get(0)).toBe(0);
  expect(cluster.logs.lostWithDisk.get(0)).toBeGreaterThan(GB);
  expect(cluster.logs.lostWithDisk.get(1)).toBe(0);
});

test('a replica whose log ends before its leader begins starts afresh at the start of the leader, not in a gap', () => {
  const settings = clusterSettings({
    topics: [topic({ name: 'a', partitions: 5, bytesInPerSecond: 100 * MB, retentionBytes: 3 * GB })],
    holdLogsAtInitialSize: false,
  });
  for (const b of settings.brokers) Object.assign(b, { diskUsedBytes: 12 * GB });
  const { sim, cluster, start } = makeCluster(settings);
  const kill = sim.on('test.kill', () => cluster.brokers.kill(1, 'test'));
  sim.at(seconds(10), kill);
  sim.at(seconds(2000), start, 1);
  sim.run(seconds(6000));
  const { tables, logs } = cluster;
  expect(cluster.gauges.outOfSync.get(1)).toBe(0);
  for (const r of tables.hosted(1)) {
    // It was 40 GB behind, and no log keeps more than 3 GB and what comes between two checks.
    expect(logs.bytes(r)).toBeLessThan(12 * GB);
    expect(logs.startOf(r)).toBeGreaterThan(20 * GB);
  }
});

test('a slow disk slows what flows through it at once, and shows in its limit and headroom', () => {
  const sim = new Simulation({ seed: 'test' });
  const instance = {
    name: 'x',
    cores: 8,
    memoryBytes: 64e9,
    nicBaseline: 1e9,
    nicBurst: 1e9,
    nicBurstMicros: 0,
    disks: 2,
    diskRead: 2e9,
    diskWrite: 1e9,
    dollarsPerHour: 1,
  };
  const hardware = new Hardware(
    sim,
    [
      { name: 'n0', zone: 'a', instance: { ...instance, disks: 1 } },
      { name: 'n1', zone: 'a', instance },
    ],
    {
      betweenZones: { roundTripMicros: undefined, loss: 0 },
      withinZone: { roundTripMicros: undefined, loss: 0 },
      pairs: [],
      dollarsPerByte: 0,
    },
  );
  expect(hardware.network).toBeInstanceOf(FlowNetwork);
  expect([0, 1, 2].map((row) => hardware.diskAt(row))).toEqual([
    { node: 0, disk: 0 },
    { node: 1, disk: 0 },
    { node: 1, disk: 1 },
  ]);
  hardware.setBackground(1, 0, 0, [100e6, 200e6]);
  expect(hardware.diskBusy.get(1)).toBeCloseTo(0.8, 9);
  const flow = hardware.network.start({ path: [hardware.links(1, 1).diskWrite], cap: 5e9 });
  sim.run(seconds(1));
  expect(hardware.network.rate(flow)).toBeCloseTo(800e6, 0);
  hardware.setDiskRates(1, 1, 50e6, 250e6);
  sim.run(seconds(2));
  expect(hardware.network.rate(flow)).toBeCloseTo(50e6, 0);
  expect(hardware.diskBusy.get(1)).toBeCloseTo(0.2, 9);
  expect(() => hardware.setDiskRates(0, 1, 1, 1)).toThrow('n0 has no disk 1');
});
