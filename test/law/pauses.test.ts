import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventClass } from '../../src/engine/simulation.ts';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import type { ClusterSettings } from '../../src/models/kafka/settings.ts';
import { replicaState } from '../../src/models/kafka/tables.ts';
import { laws } from '../../src/testing.ts';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';
import { arbitraryCluster, expectHealed, holdLaws, settingsOf } from '../support/clusterLaws.ts';

/** A cluster, and kinds of events that pause, stop and kill its brokers. */
function paused(settings: ClusterSettings, options: Parameters<typeof makeCluster>[1] = {}) {
  const made = makeCluster(settings, options);
  const { sim, cluster } = made;
  const pause = sim.on('test.pause', (b, micros) => cluster.pause(b, micros));
  return { ...made, pauseAt: (b: number, at: number, micros: number) => sim.at(at, pause, b, micros) };
}

const withTiming = (over: Partial<ClusterSettings['timing']>, more: Partial<ClusterSettings> = {}) =>
  clusterSettings({ timing: { ...clusterSettings().timing, ...over }, ...more });

test('pauses, stops and kills of any brokers in any order break no law, and the cluster heals', () => {
  const seen = { fencedByPause: 0, shrunk: 0, stopInPause: 0, killInPause: 0, pauseInStart: 0, failover: 0 };
  const step = fc.record({
    at: fc.integer({ min: 1, max: 90_000 }),
    broker: fc.nat(),
    what: fc.constantFrom('pause', 'pause', 'pause', 'pause', 'pause', 'stop', 'kill'),
    millis: fc.oneof(
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 400, max: 4000 }),
      fc.integer({ min: 4000, max: 60_000 }),
    ),
  });
  fc.assert(
    fc.property(
      arbitraryCluster,
      fc.array(step, { minLength: 1, maxLength: 14, size: 'max' }),
      fc.nat(),
      (given, steps, seed) => {
        const settings = settingsOf(given);
        const { sim, cluster, pauseAt, start } = paused(settings, { seed: `s${seed}`, record: new Set() });
        const { brokers } = cluster;
        const check = holdLaws(cluster, () => sim.now);
        sim.invariant('laws', check);
        const act = sim.on('test.act', (b, kill) => {
          const inPause = cluster.controller.registrations.pausedUntil[b]! > 0;
          if (inPause) seen[kill === 1 ? 'killInPause' : 'stopInPause'] += 1;
          if (kill === 1) brokers.kill(b, 'test');
          else brokers.stop(b);
        });
        brokers.onExited = (b) => sim.after(seconds(3), start, b);
        for (const s of steps) {
          const b = s.broker % given.brokers;
          if (s.what === 'pause') pauseAt(b, s.at * 1000, s.millis * 1000);
          else sim.at(s.at * 1000, act, b, s.what === 'kill' ? 1 : 0);
        }
        sim.run(seconds(1200));
        expectHealed(cluster);
        const told = (kind: string) => sim.told.filter((t) => t.kind === kind);
        for (const fence of told('kafka.fenced')) {
          const last = sim.told
            .filter((t) => t.subject === fence.subject && t.time <= fence.time && t !== fence)
            .at(-1);
          if (last?.kind === 'kafka.paused') seen.fencedByPause += 1;
        }
        for (let b = 0; b < given.brokers; b += 1) seen.shrunk += cluster.gauges.isrShrinks.get(b);
        seen.failover += told('kafka.controllerElected').length;
        seen.pauseInStart += told('kafka.paused').filter((p) => {
          const last = sim.told
            .filter((t) => t.subject === p.subject && t.time <= p.time && /stopped|started/.test(t.kind))
            .at(-1);
          return last?.kind === 'kafka.stopped';
        }).length;
      },
    ),
    { seed: 11, numRuns: 300 },
  );
  expect(seen.fencedByPause).toBeGreaterThan(60);
  expect(seen.shrunk).toBeGreaterThan(100);
  expect(seen.stopInPause).toBeGreaterThan(15);
  expect(seen.killInPause).toBeGreaterThan(15);
  expect(seen.pauseInStart).toBeGreaterThan(60);
  expect(seen.failover).toBeGreaterThan(60);
});

/** Where the brokers' phases, and chance, fall otherwise: every case is another seed and another start. */
const cases = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ seed: `phase ${i}`, at: seconds(20) + i * 137_531 }));

test('a pause of 3 s fences nobody and moves no leader, whenever it begins', () => {
  for (const { seed, at } of cases(60)) {
    const { sim, cluster, pauseAt } = paused(clusterSettings(), { seed });
    const leaders = cluster.tables.leader.slice();
    const epochs = cluster.tables.leaderEpoch.slice();
    pauseAt(at % 5, at, seconds(3));
    sim.run(at + seconds(1));
    expect(cluster.writes.unavailablePartitions.get(0)).toBe(cluster.gauges.leaderCount.get(at % 5));
    expect(cluster.writes.blockedPartitions.get(0)).toBeGreaterThan(cluster.gauges.leaderCount.get(at % 5));
    sim.run(at + seconds(60));
    expect(sim.told.filter((t) => t.kind === 'kafka.fenced' || t.kind === 'kafka.isrShrunk')).toEqual([]);
    expect(cluster.tables.leader).toEqual(leaders);
    expect(cluster.tables.leaderEpoch).toEqual(epochs);
    // The task of the leaders is not played for what is back in time.
    expect(sim.eventsByKind().map(([kind]) => kind)).not.toContain('kafka.isrExpiration');
    expectHealed(cluster);
  }
});

test('a pause of 10 s fences the broker 7 to 9 s after it began, uniformly, and the broker rejoins without a restart', () => {
  const after: number[] = [];
  for (const { seed, at } of cases(300)) {
    const { sim, cluster, pauseAt } = paused(clusterSettings(), { seed, verify: after.length % 10 === 0 });
    const { gauges, brokers } = cluster;
    // Not the active controller: see the test on controllers.
    const b = 1 + (at % 4);
    const replicas = gauges.partitionCount.get(b);
    pauseAt(b, at, seconds(10));
    sim.run(at + seconds(9.99));
    const fenced = sim.told.filter((t) => t.kind === 'kafka.fenced');
    expect(fenced.map((t) => t.subject)).toEqual([`broker-${b}`]);
    after.push((fenced[0]!.time - at) / 1e6);
    expect(gauges.clusterUnderReplicated.get(0)).toBe(replicas);
    expect(gauges.leaderCount.get(b)).toBe(0);
    sim.run(at + seconds(10) + seconds(310));
    let urp = 0;
    for (let k = 0; k < 5; k += 1) urp = Math.max(urp, gauges.underReplicated.rowRecord(k)!.values.length);
    expect(urp).toBeGreaterThan(1);
    expect(brokers.state.rowRecord(b)!.values).toEqual([3]);
    expect(sim.told.filter((t) => /stopped|killed|fetching/.test(t.kind))).toEqual([]);
    expect(brokers.recoveries.get(b)).toBe(1);
    expect(brokers.recoverySeconds.get(b)).toBeLessThan(3);
    for (let k = 0; k < 5; k += 1) expect(gauges.isrShrinks.get(k)).toBe(0);
    // Preferred leaders are back as well.
    expect(gauges.preferredImbalance.get(0)).toBe(0);
    expectHealed(cluster);
  }
  const sorted = after.sort((x, y) => x - y);
  expect(sorted[0]).toBeGreaterThan(7);
  expect(sorted.at(-1)).toBeLessThanOrEqual(9);
  // Kolmogorov and Smirnov against the uniform on (7, 9): 1.63 / sqrt(n) is exceeded by chance in 1 % of samples.
  const distance = Math.max(...sorted.map((x, i) => Math.abs((i + 0.5) / sorted.length - (x - 7) / 2)));
  expect(distance).toBeLessThan(1.63 / Math.sqrt(sorted.length));
});

test('a follower that is silent within its session leaves ISRs 30 to 45 s after it was last caught up, idle partitions never', () => {
  const after: number[] = [];
  const spreads: number[] = [];
  for (const { seed, at } of cases(100)) {
    const { sim, cluster, pauseAt } = paused(withTiming({ sessionTimeoutMicros: seconds(60) }), {
      seed,
      verify: after.length < 40,
    });
    const { tables, gauges } = cluster;
    const b = at % 5;
    const epochs = tables.leaderEpoch.slice();
    const versions = tables.partitionEpoch.slice();
    const follows = (p: number) => tables.replicaOn(p, b) >= 0 && tables.leader[p] !== b;
    const busy: number[] = [];
    for (let p = tables.firstPartition[0]!; p < tables.firstPartition[1]!; p += 1)
      if (follows(p)) busy.push(p);
    // An earlier pause that was too short to cost anything.
    pauseAt(b, at - seconds(15), seconds(5));
    pauseAt(b, at, seconds(50));
    sim.run(at + seconds(49));
    expect(sim.told.filter((t) => t.kind === 'kafka.fenced')).toEqual([]);
    const times: number[] = [];
    let shrinks = 0;
    for (let k = 0; k < 5; k += 1) {
      const record = gauges.isrShrinks.rowRecord(k)!;
      shrinks += record.values.at(-1)!;
      for (const t of record.times.slice(1)) times.push((t - at) / 1e6);
    }
    after.push(...times);
    spreads.push(Math.max(...times) - Math.min(...times));
    expect(shrinks).toBe(busy.length);
    for (let p = 0; p < tables.partitionCount; p += 1) {
      const out = busy.includes(p);
      expect([p, tables.isrCount[p]]).toEqual([p, out ? 2 : 3]);
      expect(tables.partitionEpoch[p]).toBe(versions[p]! + (out ? 1 : 0));
      expect(tables.leaderEpoch[p]).toBe(epochs[p]);
    }
    expect(gauges.clusterUnderReplicated.get(0)).toBe(busy.length);
    let reported = 0;
    for (let k = 0; k < 5; k += 1) reported += gauges.underReplicated.get(k);
    expect(reported).toBe(busy.length);
    sim.run(at + seconds(80));
    expectHealed(cluster);
    let expands = 0;
    for (let k = 0; k < 5; k += 1) expands += gauges.isrExpands.get(k);
    expect(expands).toBe(busy.length);
    expect(cluster.brokers.recoveries.get(b)).toBe(1);
  }
  // Each leader looks at its own times.
  expect(spreads.filter((s) => s > 3).length).toBeGreaterThan(50);
  // The request takes up to 0.1 s more.
  expect(Math.min(...after)).toBeGreaterThan(30);
  expect(Math.max(...after)).toBeLessThan(45.1);
  expect(Math.max(...after) - Math.min(...after)).toBeGreaterThan(13);
  expect(after.reduce((sum, x) => sum + x, 0) / after.length).toBeCloseTo(37.5, -0.5);
});

test('an idle partition is safe until the first append, and then at the next look', () => {
  const { sim, cluster, pauseAt } = paused(
    withTiming(
      { sessionTimeoutMicros: seconds(120) },
      { topics: [topic({ name: 'later', acks: '1', curve: 0 })] },
    ),
  );
  cluster.connectCurves([
    {
      integral: (from, to) => Math.max(0, to - Math.max(from, seconds(80))) / 1e6,
      nextChange: (t) => (t < seconds(80) ? seconds(80) : Number.POSITIVE_INFINITY),
    },
  ]);
  pauseAt(4, seconds(10), seconds(100));
  sim.run(seconds(79));
  expect(cluster.gauges.brokersOutOfSync.get(0)).toBe(0);
  sim.run(seconds(96));
  const shrinks = [0, 1, 2, 3, 4].flatMap((k) => cluster.gauges.isrShrinks.rowRecord(k)!.times.slice(1));
  expect(shrinks.length).toBeGreaterThan(0);
  expect(Math.min(...shrinks)).toBeGreaterThan(seconds(80));
  expect(cluster.gauges.outOfSync.get(4)).toBe(
    [...cluster.tables.leader].filter((l, p) => l !== 4 && cluster.tables.replicaOn(p, 4) >= 0).length,
  );
  sim.run(seconds(200));
  expectHealed(cluster);
});

test('a member of the ISR that fetches more slowly than its leaders are written to is taken out, and stays out', () => {
  // 120 MB/s come in for each broker to replicate; a thread appends 25 MB/s for each of four leaders.
  const slow = withTiming(
    { sessionTimeoutMicros: seconds(60) },
    {
      fetcher: { threads: 1, partitionBytes: 1_048_576, responseBytes: 10_485_760, appendRate: 10 * MB },
      topics: [topic({ name: 'orders', acks: '1', bytesInPerSecond: 150 * MB, messagesInPerSecond: 15_000 })],
    },
  );
  const { sim, cluster, pauseAt } = paused(slow);
  pauseAt(4, seconds(10), seconds(5));
  sim.run(seconds(39));
  expect(cluster.gauges.brokersOutOfSync.get(0)).toBe(0);
  const behind = () => [...cluster.tables.state].filter((s) => s === replicaState.lagging).length;
  expect(behind()).toBeGreaterThan(0);
  expect(cluster.writes.blockedPartitions.get(0)).toBe(0);
  const frozen = cluster.tables.frozenWatermark.filter((x) => !Number.isNaN(x)).length;
  expect(frozen).toBe(behind());
  sim.run(seconds(55.2));
  expect(cluster.gauges.outOfSync.get(4)).toBe(behind());
  expect(cluster.tables.frozenWatermark.filter((x) => !Number.isNaN(x)).length).toBe(0);
  sim.run(seconds(600));
  expect(cluster.gauges.outOfSync.get(4)).toBeGreaterThan(0);
});

test('acks=all stalls while a member of the ISR stands still, acks=1 goes on, and nothing is lost', () => {
  const { sim, cluster, pauseAt } = paused(
    clusterSettings({ topics: [topic({ name: 'safe' }), topic({ name: 'quick', acks: '1' })] }),
  );
  const { tables, traffic, writes, gauges } = cluster;
  const b = 3;
  pauseAt(b, seconds(10), seconds(4));
  sim.run(seconds(10));
  const ends = Float64Array.from({ length: tables.partitionCount }, (_, p) => {
    traffic.settle(p);
    return tables.logEndBytes[p]!;
  });
  sim.run(seconds(13.9));
  const counts = { stalled: 0, free: 0, led: 0 };
  for (let p = 0; p < tables.partitionCount; p += 1) {
    traffic.settle(p);
    const grown = tables.logEndBytes[p]! - ends[p]!;
    const led = tables.leader[p] === b;
    const follows = !led && tables.replicaOn(p, b) >= 0;
    const all = tables.topic[p] === 0;
    if (led || (follows && all)) expect(grown).toBe(0);
    else expect(grown).toBeGreaterThan(15 * MB);
    // Consumers see nothing new wherever the broker is in the ISR.
    expect(writes.highWatermark(p) - ends[p]!).toBe(led || follows ? 0 : grown);
    counts[led ? 'led' : follows && all ? 'stalled' : 'free'] += 1;
  }
  expect(Math.min(counts.led, counts.stalled, counts.free)).toBeGreaterThan(1);
  expect(writes.waitingBytes(0)).toBeGreaterThan(60 * MB);
  expect(writes.retriedSends.get(0)).toBe(0);
  sim.run(seconds(40));
  for (const t of [0, 1]) {
    let written = 0;
    for (let p = tables.firstPartition[t]!; p < tables.firstPartition[t + 1]!; p += 1) {
      traffic.settle(p);
      written += tables.logEndBytes[p]!;
    }
    expect(writes.failedBytesOf(t)).toBe(0);
    expect(writes.possiblyLostBytes.get(t)).toBe(0);
    expect(written + writes.waitingBytes(t)).toBeCloseTo(traffic.volumeOf(t), 0);
  }
  expect(gauges.brokersOutOfSync.get(0)).toBe(0);
  expectHealed(cluster);
});

test('a stall longer than producers bear fails sends, and sent = acknowledged + failed + in flight', () => {
  const patient = topic({ name: 'safe' });
  const { sim, cluster, pauseAt } = paused(
    withTiming(
      { sessionTimeoutMicros: seconds(60) },
      {
        topics: [
          topic({ name: 'safe', producers: { ...patient.producers, deliveryTimeoutMicros: seconds(10) } }),
        ],
      },
    ),
  );
  sim.invariant('conserved', () => laws.bytesConserved(cluster));
  pauseAt(3, seconds(10), seconds(50));
  sim.run(seconds(100));
  expect(cluster.writes.failedSends.get(0)).toBeGreaterThan(10_000);
  expect(cluster.writes.failedBytesOf(0)).toBeGreaterThan(100 * MB);
  expectHealed(cluster);
});

test('a thousand pauses under 200 ms leave state, gauges and events as they are without them', () => {
  const play = (pauses: boolean) => {
    const { sim, cluster, restart } = makeCluster(clusterSettings(), { seed: 'short' });
    // An observer: what it does must change nothing.
    let longest = 0;
    const pause = sim.on(
      'test.pause',
      (b, micros) => {
        cluster.pause(b, micros);
        longest = Math.max(longest, micros);
      },
      eventClass.observer,
    );
    restart(1, 60, 40);
    const draw = sim.stream('test', 'pauses');
    for (let i = 0; pauses && i < 1000; i += 1)
      sim.at(Math.floor((i + draw()) * 240_000), pause, i % 5, 1000 + Math.floor(draw() * 198_000));
    sim.run(seconds(300));
    return { sim, longest };
  };
  const [without, with_] = [play(false), play(true)];
  expect(with_.longest).toBeGreaterThan(190_000);
  expect(with_.sim.fingerprint()).toBe(without.sim.fingerprint());
  expect(with_.sim.eventCount).toBe(without.sim.eventCount);
  expect(with_.sim.told).toEqual(without.sim.told);
  for (const [name, gauge] of without.sim.gauges) {
    const other = with_.sim.gauges.get(name)!;
    for (let r = 0; r < gauge.rows; r += 1)
      expect([name, other.rowRecord(r)]).toEqual([name, gauge.rowRecord(r)]);
  }
});

test('pauses that overlap are one pause, from the first begin to the last end', () => {
  let fenced = 0;
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 14_000 })),
        {
          minLength: 1,
          maxLength: 6,
          size: 'max',
        },
      ),
      fc.integer({ min: 0, max: 4 }),
      fc.nat({ max: 1000 }),
      (more, b, seed) => {
        const first = 500;
        const parts: [number, number][] = [[10_000, first]];
        let end = 10_000 + first;
        for (const [place, millis] of more) {
          const at = Math.floor(10_000 + place * (end - 10_000));
          parts.push([at, millis]);
          end = Math.max(end, at + millis);
        }
        const play = (pauses: readonly (readonly [number, number])[]) => {
          const { sim, cluster } = makeCluster(clusterSettings(), {
            seed: `overlap ${seed}`,
            record: new Set(),
          });
          const pause = sim.on(
            'test.pause',
            (row, millis) => cluster.pause(row, millis * 1000),
            eventClass.observer,
          );
          for (const [at, millis] of pauses) sim.at(at * 1000, pause, b, millis);
          sim.run(seconds(400));
          return { sim, cluster };
        };
        const apart = play(parts);
        const one = play([[10_000, end - 10_000]]);
        const told = (sim: typeof one.sim) =>
          sim.told.filter((t) => t.kind !== 'kafka.paused').map((t) => [t.time, t.kind, t.subject, t.detail]);
        expect(told(apart.sim)).toEqual(told(one.sim));
        expect(apart.sim.fingerprint()).toBe(one.sim.fingerprint());
        expectHealed(one.cluster);
        if (one.sim.told.some((t) => t.kind === 'kafka.fenced')) fenced += 1;
      },
    ),
    { seed: 5, numRuns: 60 },
  );
  expect(fenced).toBeGreaterThan(5);
});

test('the active controller is missed within 1.5 to 2 s: a successor gives every broker a fresh session of 9 s', () => {
  const of = (pauseSeconds: number) => {
    const { sim, cluster, pauseAt } = paused(clusterSettings());
    pauseAt(0, seconds(10), seconds(pauseSeconds));
    sim.run(seconds(400));
    expectHealed(cluster);
    const when = (kind: string) => sim.told.filter((t) => t.kind === kind).map((t) => t.time / 1e6 - 10);
    return {
      elected: when('kafka.controllerElected'),
      fenced: when('kafka.fenced'),
      active: cluster.controller.active,
    };
  };
  expect(of(1.45)).toEqual({ elected: [], fenced: [], active: 0 });
  const ten = of(10);
  expect(ten.fenced).toEqual([]);
  expect(ten.active).not.toBe(0);
  expect(ten.elected.length).toBe(1);
  expect(ten.elected[0]).toBeGreaterThan(1.55);
  expect(ten.elected[0]).toBeLessThan(2.31);
  const fifteen = of(15);
  expect(fifteen.fenced[0]! - fifteen.elected[0]!).toBeCloseTo(9, 3);
});

test('a controller that stands still for less than 1.5 s fences when it goes on; one without a successor whenever that is', () => {
  const fencedAt = (controllers: number, from: number, micros: number) => {
    const brokers = clusterSettings().brokers.map((b) => ({ ...b, controller: b.id < controllers }));
    const { sim, cluster, pauseAt } = paused(clusterSettings({ brokers }));
    const kill = sim.on('test.kill', () => cluster.brokers.kill(4, 'test'));
    sim.at(seconds(10), kill);
    if (micros > 0) pauseAt(0, from, micros);
    sim.run(seconds(100));
    return sim.told.filter((t) => t.kind === 'kafka.fenced').map((t) => [t.subject, t.time]);
  };
  const due = fencedAt(3, 0, 0)[0]![1] as number;
  expect(due).toBeGreaterThan(seconds(17));
  expect(due).toBeLessThanOrEqual(seconds(19));
  const from = due - 100_000;
  expect(fencedAt(3, from, seconds(1.45))).toEqual([['broker-4', from + seconds(1.45)]]);
  expect(fencedAt(3, from - seconds(1), seconds(1))).toEqual([['broker-4', due]]);
  expect(fencedAt(1, from, seconds(20))).toEqual([['broker-4', from + seconds(20)]]);
  // A successor begins afresh.
  const successor = fencedAt(3, from, seconds(20)).find(([who]) => who === 'broker-4')![1] as number;
  expect(successor).toBeGreaterThan(from + seconds(10.55));
  expect(successor).toBeLessThan(from + seconds(11.4));
});

test('SIGTERM is heard when the pause ends, SIGKILL at once, and a start takes longer by the pause', () => {
  const play = (
    pauses: readonly (readonly [number, number])[],
    act: (brokers: KafkaCluster['brokers']) => void,
  ) => {
    const { sim, cluster, pauseAt, start } = paused(clusterSettings());
    for (const [at, length] of pauses) pauseAt(3, seconds(at), seconds(length));
    sim.at(
      seconds(12),
      sim.on('test.act', () => act(cluster.brokers)),
    );
    sim.at(seconds(40), start, 3);
    sim.run(seconds(400));
    expectHealed(cluster);
    const first = (kind: string) =>
      (sim.told.find((t) => t.kind === kind && t.subject === 'broker-3')?.time ?? 0) / 1e6;
    return {
      asked: first('kafka.controlledShutdown'),
      ended: first('kafka.stopped'),
      fetches: first('kafka.fetching'),
    };
  };
  const stopped = play([], (b) => b.stop(3));
  const late = play([[10, 5]], (b) => b.stop(3));
  expect(stopped.asked).toBeLessThan(12.1);
  expect(late.asked).toBeGreaterThan(15);
  expect(late.asked).toBeLessThan(15.1);
  // A recorded end that falls into the pause is put off to where the process can hear of it.
  expect(play([[10, 5]], (b) => b.stop(3, seconds(13))).ended).toBeCloseTo(15, 3);
  expect(play([[10, 5]], (b) => b.kill(3, 'test')).ended).toBe(12);
  // Three pauses on the way: within the start of the JVM, across its end, and while logs are loaded.
  const slow = play(
    [
      [45, 3],
      [54, 5],
      [61, 1],
    ],
    (b) => b.stop(3),
  );
  expect(slow.fetches - stopped.fetches).toBeCloseTo(9, 6);
});

test('a leader that stands still answers no follower: what catches up from it waits', () => {
  const { sim, cluster, pauseAt, restart } = paused(
    clusterSettings({ topics: [topic({ name: 'orders', bytesInPerSecond: 200 * MB })] }),
  );
  restart(4, 10, 60);
  // Broker 4 is back at 70 s and needs more than 10 s; its leaders stand still one after the other.
  for (let b = 0; b < 4; b += 1) pauseAt(b, seconds(72), seconds(5));
  sim.run(seconds(72));
  const backlog = () =>
    [...cluster.tables.state.keys()].reduce((sum, r) => sum + cluster.replication.backlogOf(r), 0);
  const before = backlog();
  expect(before).toBeGreaterThan(1000 * MB);
  sim.run(seconds(76.9));
  expect(backlog()).toBe(before);
  sim.run(seconds(77.5));
  expect(backlog()).toBeLessThan(before);
  sim.run(seconds(500));
  expectHealed(cluster);
});

test('a heartbeat that was overdue is sent at once: the next pause has a whole session', () => {
  for (const { seed, at } of cases(40)) {
    const { sim, cluster, pauseAt } = paused(clusterSettings(), { seed });
    pauseAt(4, at, seconds(6.9));
    pauseAt(4, at + seconds(6.91), seconds(8.9));
    sim.run(at + seconds(60));
    expect(sim.told.filter((t) => t.kind === 'kafka.fenced')).toEqual([]);
    expectHealed(cluster);
  }
});

test('a new leader counts its followers as caught up when it takes over', () => {
  const settings = withTiming(
    { sessionTimeoutMicros: seconds(100) },
    { topics: [topic({ name: 'orders', partitions: 60 })] },
  );
  const { sim, cluster, pauseAt, stop } = paused(settings);
  const { tables, gauges } = cluster;
  const both = [...tables.leader.keys()].filter((p) => tables.leader[p] === 1 && tables.replicaOn(p, 4) >= 0);
  expect(both.length).toBeGreaterThan(0);
  pauseAt(4, seconds(10), seconds(90));
  sim.at(seconds(30), stop, 1);
  sim.run(seconds(59));
  for (const p of both) expect(tables.inSync[tables.replicaOn(p, 4)]).toBe(1);
  expect(gauges.outOfSync.get(4)).toBeGreaterThan(0);
  // Broker 4 itself was next in line for some: it is in the ISR, and nobody knows that it stands still.
  const led = both.filter((p) => tables.leader[p] !== 4);
  expect(led.length).toBeGreaterThan(0);
  expect(led.length).toBeLessThan(both.length);
  sim.run(seconds(75.2));
  for (const p of led) expect(tables.inSync[tables.replicaOn(p, 4)]).toBe(0);
});

test('a member of the ISR that was behind may lead: acks=1 loses what it lacks, acks=all nothing', () => {
  const shape = { partitions: 1, replicationFactor: 2, minInSyncReplicas: 1 };
  const settings = clusterSettings({
    topics: [topic({ name: 'quick', ...shape, acks: '1' }), topic({ name: 'safe', ...shape })],
    assignment: Int32Array.from([3, 4, 3, 4]),
  });
  const { sim, cluster, pauseAt } = paused(settings);
  const kill = sim.on('test.kill', () => cluster.brokers.kill(3, 'test'));
  pauseAt(4, seconds(10), seconds(5));
  sim.at(seconds(14), kill);
  sim.run(seconds(60));
  expect([...cluster.tables.leader]).toEqual([4, 4]);
  const lost = [0, 1].map((t) => cluster.writes.possiblyLostBytes.get(t));
  expect(lost).toEqual([4 * 60 * MB, 0]);
  laws.bytesConserved(cluster);
});

test('who stands still learns nothing, joins nobody and elects nobody until it goes on', () => {
  const dedicated = {
    dedicatedControllers: [100, 101, 102].map((id) => ({ id, zone: '' })),
    activeController: 100,
  };
  // A leader that was elected while it stood still.
  const learning = paused(clusterSettings(dedicated));
  learning.pauseAt(2, seconds(10), seconds(5));
  learning.sim.at(seconds(11), learning.stop, 1);
  learning.sim.run(seconds(14.9));
  const { tables, gauges } = learning.cluster;
  const led = () => tables.leader.reduce((sum, b) => sum + (b === 2 ? 1 : 0), 0);
  const knows = gauges.leaderCount.get(2);
  expect(led()).toBeGreaterThan(knows);
  learning.sim.run(seconds(15.1));
  expect(gauges.leaderCount.get(2)).toBe(led());
  // The grant to shut down needs every active broker's word.
  const fenced = learning.sim.told.filter((t) => t.kind === 'kafka.fenced');
  expect(fenced.length).toBe(0);
  learning.sim.run(seconds(20));
  expect(learning.sim.told.find((t) => t.kind === 'kafka.fenced')!.subject).toBe('broker-1');

  // Leaders that stand still ask for no ISR.
  const joining = paused(
    clusterSettings({
      ...dedicated,
      topics: [topic({ name: 'idle', bytesInPerSecond: 0, messagesInPerSecond: 0 })],
    }),
  );
  joining.restart(4, 10, 40);
  joining.sim.run(seconds(49));
  const back = () => joining.sim.told.find((t) => t.kind === 'kafka.unfenced' && t.subject === 'broker-4');
  while (back() === undefined) joining.sim.run(joining.sim.now + 1000);
  for (let b = 0; b < 4; b += 1) joining.pauseAt(b, joining.sim.now, seconds(4));
  joining.sim.run(joining.sim.now + seconds(3.9));
  const expands = () => [0, 1, 2, 3].reduce((sum, b) => sum + joining.cluster.gauges.isrExpands.get(b), 0);
  expect(expands()).toBe(0);
  joining.sim.run(joining.sim.now + seconds(1));
  expect(expands()).toBe(joining.cluster.gauges.partitionCount.get(4));

  // A controller that stands still elects no preferred leader.
  const electing = paused(clusterSettings({ activeController: 2 }));
  electing.restart(4, 10, 20);
  electing.pauseAt(2, seconds(309), seconds(1.4));
  electing.sim.run(seconds(400));
  expect(electing.sim.told.find((t) => t.kind === 'kafka.preferredElection')!.time).toBe(seconds(310.4));
});

test('a controller that stood still and then resigns has a successor at once', () => {
  const { sim, pauseAt, stop } = paused(clusterSettings());
  pauseAt(0, seconds(10), seconds(1));
  sim.at(seconds(11.01), stop, 0, 200);
  sim.run(seconds(20));
  const elected = sim.told.filter((t) => t.kind === 'kafka.controllerElected').map((t) => t.time / 1e6);
  expect(elected.length).toBe(1);
  expect(elected[0]).toBeLessThan(11.6);
});

test('a broker that was fenced, is restarted and unfenced is not fenced again by the session of its earlier process', () => {
  const brokers = clusterSettings({}, 2).brokers.map((b) => ({ ...b, controller: b.id === 0 }));
  const { sim, cluster, start, stop } = paused(
    clusterSettings({ brokers, topics: [topic({ name: 't', replicationFactor: 2 })] }, 2),
  );
  const kill = sim.on('test.kill', () => cluster.brokers.kill(0, 'test'));
  cluster.brokers.onExited = (b) => sim.after(seconds(3), start, b);
  sim.at(1000, stop, 0);
  sim.at(100_000, kill);
  // Asked to stop while it starts: it ends, and what is left of its shutdown fences it. The only controller is away meanwhile.
  sim.at(seconds(4), stop, 0);
  sim.run(seconds(100));
  expect(sim.told.filter((t) => t.kind === 'kafka.fenced').length).toBe(1);
  expectHealed(cluster);
});
