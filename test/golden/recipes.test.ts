import { describe, expect, test } from 'vitest';
import type { Gauge } from '../../src/engine/gauge.ts';
import type { Simulation } from '../../src/engine/simulation.ts';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import type { ClusterSettings, GroupSettings } from '../../src/models/kafka/settings.ts';
import { clusterSettings, makeCluster, seconds, topic } from '../support/cluster.ts';

/**
 * Recipes of what a cluster shows when a broker restarts, crashes or falls behind: each step within the interval that its rule allows,
 * for twenty seeds. Source: Kafka 3.7 `BrokerLifecycleManager`, `BrokerHeartbeatManager`, `ReplicationControlManager`, `Partition`,
 * `ReplicaManager`; broker.heartbeat.interval.ms 2 s, broker.session.timeout.ms 9 s, metadata fetch of observers up to 0.5 s.
 */
const seeds = Array.from({ length: 20 }, (_, i) => `recipe ${i}`);
const dedicated = {
  dedicatedControllers: [100, 101, 102].map((id) => ({ id, zone: '' })),
  activeController: 100,
};
const readers: GroupSettings = {
  name: 'readers',
  topics: [0],
  catchUpFactor: 3,
  pollMicros: 5000,
  clients: 3,
  fetchMinBytes: 1,
  fetchMaxWaitMicros: 500_000,
  owner: '',
};
const manager = 'kafka_server_replicamanager_';
const controllerName = 'kafka_controller_kafkacontroller_';
/** What section "metrics" of a broker and a controller is made of: all of them are recorded, and only some of them may move. */
const counted = [
  ...[
    'underreplicatedpartitions',
    'underminisrpartitioncount',
    'atminisrpartitioncount',
    'partitioncount',
    'leadercount',
    'offlinereplicacount',
    'reassigningpartitions',
    'isrshrinks_total',
    'isrexpands_total',
    'failedisrupdates_total',
  ].map((n) => manager + n),
  ...[
    'offlinepartitionscount',
    'preferredreplicaimbalancecount',
    'activebrokercount',
    'fencedbrokercount',
    'activecontrollercount',
  ].map((n) => controllerName + n),
];
const others = [
  'kafka_consumergroup_lag_sum',
  'rehearse:unavailable_partitions',
  'rehearse:unavailable_partition_seconds_total',
  'rehearse:failed_sends_total',
  'rehearse:possibly_lost_bytes',
];

/** Slack for what is rounded to microseconds, and half of a round trip of 1 ms. */
const roundTrip = 0.001;
const longestMetadataDelay = 0.5 + roundTrip / 2 + 2e-6;
/** Linger of up to 25 ms, the round trip of the request and that of the quorum. */
const longestCommit = 0.025 + 2 * roundTrip + 2e-6;

function play(over: Partial<ClusterSettings>, seed: string, script: (made: Made) => void, until: number) {
  const made = makeCluster(clusterSettings({ ...dedicated, groups: [readers], ...over }), {
    seed,
    record: new Set([...counted, ...others]),
  });
  const doing = new Map<number, () => void>();
  const act = made.sim.on('test.act', (i) => doing.get(i)!());
  const full: Made = {
    ...made,
    brokers: made.cluster.brokers,
    do(at, what) {
      doing.set(doing.size, what);
      made.sim.at(seconds(at), act, doing.size - 1);
    },
  };
  script(full);
  made.sim.run(seconds(until));
  return { ...full, ...readingsOf(made.sim, made.cluster) };
}

interface Made {
  readonly sim: Simulation;
  readonly cluster: KafkaCluster;
  readonly brokers: KafkaCluster['brokers'];
  readonly start: number;
  do(at: number, what: () => void): void;
}

function readingsOf(sim: Simulation, cluster: KafkaCluster) {
  const at = (gauge: Gauge, row: number, t: number) => {
    const { times, values, slopes } = gauge.rowRecord(row)!;
    let i = times.length - 1;
    while (i > 0 && times[i]! > t * 1e6) i -= 1;
    return values[i]! + (slopes[i]! * (t * 1e6 - times[i]!)) / 1e6;
  };
  const changes = (gauge: Gauge, row: number) =>
    gauge
      .rowRecord(row)!
      .times.slice(1)
      .map((t) => t / 1e6);
  const rows = (gauge: Gauge) => Array.from({ length: gauge.rows }, (_, row) => row);
  return {
    at,
    sumAt: (gauge: Gauge, t: number) => rows(gauge).reduce((sum, row) => sum + at(gauge, row, t), 0),
    /** Every moment at which a row of a gauge changed, in order. */
    changesOf: (gauge: Gauge) =>
      rows(gauge)
        .flatMap((row) => changes(gauge, row))
        .sort((x, y) => x - y),
    total: (gauge: Gauge) => rows(gauge).reduce((sum, row) => sum + gauge.get(row), 0),
    told: (kind: string, subject?: string) =>
      sim.told
        .filter((t) => t.kind === kind && (subject === undefined || t.subject === subject))
        .map((t) => t.time / 1e6),
    /** Of all that is counted, what had more than one value. */
    moved: counted.filter((name) => {
      const gauge = sim.gauges.get(name)!;
      return rows(gauge).some((row) => new Set(gauge.rowRecord(row)!.values).size > 1);
    }),
    /** Partitions with a replica on every one of these brokers. */
    hostedBy: (...on: readonly number[]) =>
      [...cluster.tables.leader.keys()].filter((p) => on.every((b) => cluster.tables.replicaOn(p, b) >= 0)),
  };
}

/** `found` lies in [from, to], to a microsecond. */
function expectWithin(found: number | undefined, from: number, to: number, what: string): void {
  expect(found! >= from - 1e-6 && found! <= to + 1e-6, `${what}: ${found} lies in [${from}, ${to}]`).toBe(
    true,
  );
}

const movedOnRestart = [
  ...['underreplicatedpartitions', 'atminisrpartitioncount', 'leadercount', 'isrexpands_total'].map(
    (n) => manager + n,
  ),
  ...['preferredreplicaimbalancecount', 'activebrokercount', 'fencedbrokercount'].map(
    (n) => controllerName + n,
  ),
];

describe.each(seeds)('%s', (seed) => {
  test('a clean restart', () => {
    const b = 3;
    const t0 = 100;
    const gap = 3;
    const played = play(
      {},
      seed,
      ({ sim, brokers, start, do: plan }) => {
        brokers.onExited = (row) => sim.after(seconds(gap), start, row);
        plan(t0, () => brokers.stop(b));
      },
      1000,
    );
    const { cluster, at, sumAt, changesOf, total, told, hostedBy } = played;
    const { gauges, tables } = cluster;
    const replicas = hostedBy(b).length;
    const led = at(gauges.leaderCount, b, 0);
    expect(led).toBeGreaterThan(0);
    expect(replicas).toBeGreaterThan(led);

    // One event at the controller takes it out of every ISR and moves what it leads.
    const [committed] = told('kafka.controlledShutdown');
    expectWithin(committed, t0, t0 + longestCommit, 'the commit');
    expect(sumAt(gauges.underReplicated, committed!)).toBe(0);
    expect(at(gauges.preferredImbalance, 0, committed!)).toBe(led);
    // Each leader shows it when it has fetched the commit, at once and not one by one.
    const known = committed! + longestMetadataDelay;
    expectWithin(changesOf(gauges.underReplicated)[0], committed!, known, 'the first leader that knows');
    expect(at(gauges.underReplicated, b, known)).toBe(0);
    expect(sumAt(gauges.underReplicated, known)).toBe(replicas);
    expect(sumAt(gauges.atMinIsr, known)).toBe(replicas);
    expect(at(gauges.leaderCount, b, known)).toBe(0);

    // Granted with a heartbeat of its own, at 0.05 s and then every 2 s.
    const [fenced] = told('kafka.fenced');
    const onGrid = [0.05, 2.05, 4.05].filter((g) => fenced! >= t0 + g && fenced! <= t0 + g + 2 * roundTrip);
    expect(onGrid, `granted ${fenced! - t0} s after the request`).toHaveLength(1);
    expect(at(gauges.fencedBrokers, 0, fenced!)).toBe(1);
    expect(at(gauges.activeBrokers, 0, fenced!)).toBe(4);
    const [stopped] = told('kafka.stopped');
    expectWithin(stopped! - fenced!, 1.5, 1.5 + 2e-6, 'flush and close');

    // JVM, replay, then all segments are opened, still fenced; then the fetchers start.
    const [fetching] = told('kafka.fetching');
    // As many segments as at the end, within what was deleted and rolled since: a check or two.
    const segments = cluster.logs.loads(b).reduce((sum, d) => sum + d.segments, 0);
    const loadSeconds = (segments * cluster.settings.timing.segmentLoadMicros) / 1e6;
    expectWithin(
      fetching! - stopped! - gap - 13,
      loadSeconds * 0.9 - 0.01,
      loadSeconds * 1.1 + 0.01,
      'the load of the logs',
    );
    expect(at(gauges.fencedBrokers, 0, fetching!)).toBe(1);
    const [unfenced] = told('kafka.unfenced');
    expectWithin(unfenced! - fetching!, 0, longestCommit, 'unfenced');
    expect(sumAt(gauges.underReplicated, unfenced!)).toBe(replicas);
    expect(at(gauges.fencedBrokers, 0, unfenced!)).toBe(0);

    // Back in each ISR when its leader knows that it is unfenced and has seen it caught up.
    const expands = changesOf(gauges.isrExpands);
    expectWithin(expands[0], unfenced!, Number.POSITIVE_INFINITY, 'the first ISR');
    const [inSync] = told('kafka.inSync');
    const idle = hostedBy(b).filter((p) => tables.topic[p] === 1);
    expect(idle.length).toBeGreaterThan(0);
    const polled = unfenced! + longestMetadataDelay + 0.5 + 3 * (longestCommit + roundTrip);
    expectWithin(sumAt(gauges.isrExpands, polled), idle.length, replicas, 'idle partitions are back');
    expect(total(gauges.isrExpands)).toBe(replicas);
    expectWithin(inSync, expands.at(-1)!, expands.at(-1)! + 1e-6, 'in sync');
    expect(sumAt(gauges.underReplicated, inSync!)).toBe(0);

    // Leaders come back 300 s after the imbalance arose, wherever the broker is by then.
    const [elected] = told('kafka.preferredElection');
    expect(elected! - committed!).toBeCloseTo(300, 5);
    expect(at(gauges.preferredImbalance, 0, elected! - 1e-3)).toBe(led);
    expect(at(gauges.preferredImbalance, 0, elected!)).toBe(0);
    expect(at(gauges.leaderCount, b, elected! + longestMetadataDelay)).toBe(led);

    // A producer loses what two brokers learn at different times, and a back-off.
    const unavailable = total(cluster.writes.unavailableSeconds);
    expectWithin(unavailable, 0, 2 * led * (0.5 + 0.1 + 2 * roundTrip), 'unavailable partition-seconds');
    expect(unavailable).toBeGreaterThan(0);
    expect(total(cluster.writes.failedSends)).toBe(0);
    expect(played.moved).toEqual(movedOnRestart);
  });

  test('a crash, and a process that is back at once', () => {
    const b = 3;
    const t0 = 100;
    const jvm = 1;
    const base = clusterSettings().timing;
    const played = play(
      {
        timing: {
          ...base,
          jvmStartMicros: { ...base.jvmStartMicros, sample: () => seconds(jvm) },
          metadataReplayMicros: { ...base.metadataReplayMicros, sample: () => 1000 },
        },
        topics: [
          topic({ name: 'orders' }),
          topic({ name: 'idle', bytesInPerSecond: 0, messagesInPerSecond: 0 }),
        ],
      },
      seed,
      ({ sim, brokers, start, do: plan }) => {
        brokers.onExited = (row) => sim.after(seconds(0.1), start, row);
        plan(t0, () => brokers.kill(b, 'test'));
      },
      1000,
    );
    const { cluster, at, sumAt, changesOf, total, told, hostedBy } = played;
    const { gauges, settings, writes } = cluster;
    const replicas = hostedBy(b).length;
    const led = at(gauges.leaderCount, b, 0);
    expect(at(writes.unavailablePartitions, 0, t0)).toBe(led);

    // The session holds on from the last heartbeat, which is 0 to 2 s old.
    const [fenced] = told('kafka.fenced');
    expectWithin(fenced! - t0, 7, 9, 'fenced');
    for (const gauge of [gauges.underReplicated, gauges.atMinIsr, gauges.fencedBrokers])
      expect(changesOf(gauge)[0]).toBeGreaterThanOrEqual(fenced!);
    const known = fenced! + longestMetadataDelay;
    expect(sumAt(gauges.underReplicated, known)).toBe(replicas);
    expect(sumAt(gauges.atMinIsr, known)).toBe(replicas);
    expect(at(gauges.leaderCount, b, known)).toBe(0);
    expect(at(gauges.preferredImbalance, 0, fenced!)).toBe(led);
    expect(at(writes.unavailablePartitions, 0, fenced!)).toBe(0);
    expectWithin(
      at(writes.unavailableSeconds, 0, fenced! + 2),
      led * (fenced! - t0),
      led * (fenced! - t0 + 0.5 + 0.1 + 2 * roundTrip),
      'unavailable partition-seconds',
    );

    // Sends with acks=all waited on every partition that has it in the ISR, and are read when they are written.
    const { messagesInPerSecond, partitions } = settings.topics[0]!;
    const orders = hostedBy(b).filter((p) => cluster.tables.topic[p] === 0).length;
    const waited = (fenced! - t0) * messagesInPerSecond * (orders / partitions);
    const bump = at(cluster.consumers.lag, 0, fenced! + 1e-5) - at(cluster.consumers.lag, 0, t0 - 1);
    expect(bump / waited).toBeCloseTo(1, 2);
    expect(total(writes.failedSends)).toBe(0);
    expect(total(writes.possiblyLostBytes)).toBe(0);

    // The new process is refused while the session of the old one is valid; it tries again within 9 s.
    const [fetching] = told('kafka.fetching');
    const segments = cluster.logs.loads(b).reduce((sum, d) => sum + d.segments, 0) * 0.9;
    const loadSeconds = (segments * settings.timing.segmentLoadMicros) / 1e6;
    // Its last segments are read again, one a replica, none longer than segment.bytes.
    const scanSeconds = (replicas * 1_073_741_824) / settings.timing.recoveryScanRate;
    expectWithin(fetching! - fenced!, loadSeconds, loadSeconds + scanSeconds + 9, 'recovered');
    expect(fetching! - fenced! - loadSeconds).toBeGreaterThan(0.1 * scanSeconds);
    expect(at(gauges.fencedBrokers, 0, fetching!)).toBe(1);
    const [unfenced] = told('kafka.unfenced');
    expectWithin(unfenced! - fetching!, 0, longestCommit, 'unfenced');
    expect(changesOf(gauges.isrExpands)[0]).toBeGreaterThan(unfenced!);
    expect(total(gauges.isrExpands)).toBe(replicas);
    expect(told('kafka.preferredElection')[0]! - fenced!).toBeCloseTo(300, 5);
    expect(sumAt(gauges.underReplicated, 999)).toBe(0);
    expect(played.moved).toEqual(movedOnRestart);
  });

  test('two brokers crash', () => {
    const t0 = 100;
    const none = { bytesInPerSecond: 0, messagesInPerSecond: 0 };
    const played = play(
      {
        topics: [
          topic({ name: 'orders', partitions: 30 }),
          topic({ name: 'pairs', partitions: 30, replicationFactor: 2, minInSyncReplicas: 1, ...none }),
          topic({ name: 'single', partitions: 10, replicationFactor: 1, minInSyncReplicas: 1, ...none }),
        ],
      },
      seed,
      ({ brokers, start, sim, do: plan }) => {
        plan(t0, () => brokers.kill(3, 'test'));
        plan(t0 + 1, () => brokers.kill(4, 'test'));
        plan(t0 + 100, () => sim.after(0, start, 4));
        plan(t0 + 100, () => sim.after(0, start, 3));
      },
      1000,
    );
    const { cluster, at, sumAt, changesOf, total, told, hostedBy } = played;
    const { gauges, tables } = cluster;
    const fenced = [...told('kafka.fenced', 'broker-3'), ...told('kafka.fenced', 'broker-4')];
    expectWithin(fenced[0], t0 + 7, t0 + 9, 'the first fenced');
    expectWithin(fenced[1], t0 + 8, t0 + 10, 'the second fenced');
    const known = Math.max(...fenced) + longestMetadataDelay;
    const either = [...new Set([...hostedBy(3), ...hostedBy(4)])];
    const both = hostedBy(3, 4);
    const topicOf = (name: string) => tables.topics.findIndex((t) => t.name === name);
    const of = (name: string, partitions: readonly number[]) =>
      partitions.filter((p) => tables.topic[p] === topicOf(name));
    // Without a leader: whatever has no replica elsewhere. It is in nobody's URP.
    const leaderless = [...of('pairs', both), ...of('single', either)];
    expect(of('pairs', both).length).toBeGreaterThan(0);
    expect(of('single', either).length).toBeGreaterThan(0);
    expect(at(gauges.offlinePartitions, 0, known)).toBe(leaderless.length);
    expect(sumAt(gauges.underReplicated, known)).toBe(either.length - leaderless.length);
    // Of three replicas with a minimum of two: under it where both are away, at it where one is.
    const threes = of('orders', either).length;
    const under = of('orders', both).length;
    expect(under).toBeGreaterThan(0);
    expect(sumAt(gauges.underMinIsr, known)).toBe(under);
    // Pairs that lost one are at their minimum of one, and so is always a single replica, while it has a leader.
    const pairs = of('pairs', either).length - of('pairs', both).length;
    const singles = 10 - of('single', either).length;
    expect(sumAt(gauges.atMinIsr, known)).toBe(threes - under + pairs + singles);
    expect(at(gauges.fencedBrokers, 0, known)).toBe(2);
    // Offline since the second broker was fenced, or the only one.
    const before = Math.min(...fenced) - 1e-3;
    expect(at(gauges.offlinePartitions, 0, before)).toBe(0);
    expect(at(gauges.offlinePartitions, 0, Math.min(...fenced))).toBe(
      of('single', hostedBy(fenced[0]! < fenced[1]! ? 3 : 4)).length,
    );

    // The last replica in sync kept its place; each other comes back once, by its leader's own request.
    const removed = hostedBy(3).length + hostedBy(4).length - leaderless.length;
    expect(total(gauges.isrExpands)).toBe(removed);
    expect(changesOf(gauges.isrExpands)[0]).toBeGreaterThan(Math.min(...told('kafka.unfenced')));
    for (const gauge of [gauges.underReplicated, gauges.underMinIsr, gauges.offlinePartitions])
      expect(sumAt(gauge, 999)).toBe(0);
    expect(played.moved).toEqual(
      counted.filter(
        (name) =>
          movedOnRestart.includes(name) || /underminisrpartitioncount|offlinepartitionscount/.test(name),
      ),
    );
  });

  test('a follower that stands still within its session', () => {
    const b = 3;
    const t0 = 100;
    const timing = { ...clusterSettings().timing, sessionTimeoutMicros: seconds(60) };
    const played = play(
      { timing },
      seed,
      ({ cluster, do: plan }) => plan(t0, () => cluster.pause(b, seconds(50))),
      1000,
    );
    const { cluster, sumAt, changesOf, total, told, hostedBy } = played;
    const { gauges, tables } = cluster;
    // What it leads has no leader that could take it out; an idle partition has nothing that it could miss.
    const busy = hostedBy(b).filter((p) => tables.topic[p] === 0 && tables.broker[p * tables.stride] !== b);
    expect(busy.length).toBeGreaterThan(0);
    const shrinks = changesOf(gauges.isrShrinks);
    expectWithin(shrinks[0], t0 + 30, t0 + 45, 'the first leader takes it out');
    expectWithin(shrinks.at(-1), t0 + 30, t0 + 45 + 2 * (longestCommit + roundTrip), 'the last one does');
    expect(total(gauges.isrShrinks)).toBe(busy.length);
    expect(sumAt(gauges.underReplicated, t0 + 49)).toBe(busy.length);
    expect(sumAt(gauges.atMinIsr, t0 + 49)).toBe(busy.length);
    expect(told('kafka.fenced')).toEqual([]);
    expect(total(gauges.isrExpands)).toBe(busy.length);
    expect(sumAt(gauges.underReplicated, 999)).toBe(0);
    expect(played.moved).toEqual(
      counted.filter((name) => /underreplicated|atminisr|isrshrinks|isrexpands/.test(name)),
    );
  });
});

test('a broker that crashed and is stopped before it has loaded its logs recovers them at its next start', () => {
  const loading = (crash: boolean, interrupted: boolean) => {
    const { told } = play(
      {},
      'recipe',
      ({ sim, brokers, start, do: plan }) => {
        plan(100, () => (crash ? brokers.kill(3, 'test') : brokers.stop(3)));
        if (interrupted) {
          plan(120, () => sim.after(0, start, 3));
          plan(125, () => brokers.stop(3));
        }
        plan(140, () => sim.after(0, start, 3));
      },
      400,
    );
    return told('kafka.fetching').at(-1)! - 140;
  };
  const clean = loading(false, false);
  const unclean = loading(true, false);
  expect(unclean).toBeGreaterThan(clean + 5);
  expect(loading(false, true)).toBeCloseTo(clean, 6);
  expect(loading(true, true)).toBeCloseTo(unclean, 6);
});
