import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noLeader, replicaState } from '../../src/models/kafka/tables.ts';
import { crossingKinds } from '../../src/models/kafka/traffic.ts';
import { laws } from '../../src/testing.ts';
import { clusterSettings, MB, seconds, topic } from '../support/cluster.ts';
import { calm, inTurn, inZones } from '../support/zones.ts';

const acks = ['all', '1', '0'] as const;
const group = (name: string, topics: number[], more = {}) => ({
  name,
  topics,
  catchUpFactor: 2,
  pollMicros: 5000,
  clients: 3,
  fetchMinBytes: 1,
  fetchMaxWaitMicros: 500_000,
  owner: '',
  ...more,
});

const platform = fc.record({
  brokers: fc.integer({ min: 3, max: 7 }),
  topics: fc.array(
    fc.record({
      factor: fc.integer({ min: 1, max: 3 }),
      partitions: fc.integer({ min: 1, max: 9 }),
      rate: fc.integer({ min: 0, max: 60 }),
      acks: fc.constantFrom(...acks),
      clients: fc.constantFrom(1, 100),
    }),
    { minLength: 1, maxLength: 3, size: 'max' },
  ),
  fetchers: fc.integer({ min: 1, max: 2 }),
  linkRate: fc.integer({ min: 20, max: 150 }),
});
type Platform = typeof platform extends fc.Arbitrary<infer T> ? T : never;

const step = fc.record({
  at: fc.integer({ min: 1, max: 300 }),
  kind: fc.constantFrom('slow', 'slow', 'neighbour', 'loss', 'loss', 'trip', 'restart', 'bursts'),
  broker: fc.nat(6),
  pair: fc.constantFrom('aa', 'ab', 'ac', 'bc'),
  level: fc.constantFrom(0, 0.001, 0.02, 0.3, 1),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function settingsOf(p: Platform) {
  const topics = p.topics.map((t, i) => {
    const made = topic({
      name: `t${i}`,
      partitions: t.partitions,
      replicationFactor: t.factor,
      minInSyncReplicas: 1,
      bytesInPerSecond: t.rate * MB,
      messagesInPerSecond: t.rate * 100,
      acks: t.acks,
    });
    return { ...made, producers: { ...made.producers, clients: t.clients, bufferBytes: 4 * MB } };
  });
  const stride = Math.max(...topics.map((t) => t.replicationFactor));
  const rows: number[] = [];
  for (const t of topics) {
    const own = inTurn(p.brokers, t.replicationFactor, t.partitions);
    for (let i = 0; i < t.partitions; i += 1)
      for (let j = 0; j < stride; j += 1)
        rows.push(j < t.replicationFactor ? own[i * t.replicationFactor + j]! : -1);
  }
  const base = clusterSettings({}, p.brokers);
  return {
    ...base,
    topics,
    assignment: Int32Array.from(rows),
    groups: [group('readers', [0])],
    fetcher: { ...base.fetcher, threads: p.fetchers },
  };
}

function play(p: Platform, steps: readonly Step[], watch: (made: ReturnType<typeof inZones>) => void) {
  const made = inZones(settingsOf(p), calm, {}, p.linkRate * MB);
  const { sim, network, links, zones } = made;
  steps.forEach((s, i) => {
    const b = s.broker % p.brokers;
    if (s.kind === 'restart') {
      made.restart(b, s.at, 20);
      return;
    }
    const [x, y] = s.pair as unknown as [string, string];
    sim.at(
      seconds(s.at),
      sim.on(`test.step${i}`, () => {
        if (s.kind === 'slow') network.setCapacity(links[b]!.diskWrite, (1 - s.level) * 60 * MB + 1);
        else if (s.kind === 'neighbour') network.reserve(links[b]!.outbound, s.level * p.linkRate * MB);
        else if (s.kind === 'loss') zones.setLoss(x, y, s.level);
        else if (s.kind === 'trip') zones.setRoundTrip(x, y, s.level * 1e6);
        else
          zones.setBurstyLoss(x, y, {
            good: 0,
            bad: s.level,
            goodStayMicros: seconds(20),
            badStayMicros: seconds(20),
          });
      }),
    );
  });
  for (let t = 5; t <= 400; t += 5) {
    sim.run(seconds(t));
    watch(made);
  }
  return made;
}

test('whatever is saturated, offered = written + failed + waiting, shares lie in [0, 1], and no device carries more than it has', () => {
  const seen = { held: 0, shrunk: 0, failed: 0, runs: 0 };
  fc.assert(
    fc.property(platform, fc.array(step, { minLength: 1, maxLength: 8, size: 'max' }), (p, steps) => {
      let held = false;
      const { cluster } = play(p, steps, ({ cluster, network, links }) => {
        laws.bytesConserved(cluster);
        cluster.tables.verify();
        cluster.gauges.verify();
        const { admitted } = cluster.tables;
        expect(admitted.every((share) => share >= 0 && share <= 1)).toBe(true);
        held ||= admitted.some((share) => share < 1);
        // Consumers of acks=1 and 0 are not slowed by the way out: only it may be asked for more.
        const full = links
          .flatMap((l) => [l.inbound, l.diskWrite])
          .filter((link) => !(network.used(link) <= Math.max(network.capacity(link), 1) * (1 + 1e-6) + 1));
        expect(full).toEqual([]);
      });
      seen.runs += 1;
      if (held) seen.held += 1;
      if (p.topics.some((_, t) => cluster.writes.failedBytesOf(t) > 0)) seen.failed += 1;
      let shrinks = 0;
      for (let b = 0; b < p.brokers; b += 1) shrinks += cluster.gauges.isrShrinks.get(b);
      if (shrinks > 0) seen.shrunk += 1;
      expect(cluster.settings.topics.length).toBeGreaterThan(0);
    }),
    { seed: 11, numRuns: 120 },
  );
  expect(seen.held / seen.runs).toBeGreaterThan(0.3);
  expect(seen.failed).toBeGreaterThan(5);
  expect(seen.shrunk).toBeGreaterThan(5);
});

test('where every link has room to spare, nothing is admitted in part and the end is that of a cluster with boundless links', () => {
  fc.assert(
    fc.property(platform, (p) => {
      const ends = [3000, 300_000].map((linkRate) => {
        const { sim, cluster } = play({ ...p, linkRate }, [], ({ cluster }) => {
          expect(cluster.tables.admitted.every((a) => a === 1)).toBe(true);
          expect(cluster.saturation.saturatedLinks.get(0)).toBe(0);
        });
        return [sim.eventCount, ...cluster.tables.logEndBytes];
      });
      expect(ends[0]).toEqual(ends[1]);
    }),
    { seed: 3, numRuns: 30 },
  );
});

test('bytes between zones are those that a count over all replicas, producers and readers finds', () => {
  let crossed = 0;
  fc.assert(
    fc.property(
      platform,
      fc.array(step, { maxLength: 4, size: 'max' }),
      fc.constantFrom(undefined, 'a', 'c'),
      fc.boolean(),
      (p, steps, zone, aware) => {
        const base = settingsOf(p);
        const settings = {
          ...base,
          brokers: base.brokers.map((b, i) => ({ ...b, rack: 'abc'[i % 3] as string })),
          topics: base.topics.map((t) => (zone === undefined ? t : { ...t, zone })),
          groups: [group('spread', [0]), group('near', [0], { rack: 'b' })],
          rackAwareReads: aware,
        };
        const made = inZones(settings, calm, {}, p.linkRate * MB);
        for (const s of steps) if (s.kind === 'restart') made.restart(s.broker % p.brokers, s.at, 20);
        for (const t of [1, 50, 150, 330]) {
          made.sim.run(seconds(t));
          const { tables, traffic } = made.cluster;
          const found = [0, 0, 0];
          const read = new Float64Array(p.brokers);
          for (let q = 0; q < tables.partitionCount; q += 1) {
            const leader = tables.leader[q]!;
            if (tables.writable[q] === 0 || leader === noLeader) continue;
            const rate = traffic.partitionRate(q) * tables.admitted[q]!;
            let near = leader;
            for (let r = q * tables.stride; r < (q + 1) * tables.stride; r += 1) {
              const b = tables.broker[r]!;
              if (b < 0 || tables.state[r] !== replicaState.live) continue;
              if (b % 3 !== leader % 3) found[0]! += rate;
              if (aware && leader % 3 !== 1 && b % 3 === 1 && tables.inSync[r] === 1 && near === leader)
                near = b;
            }
            const zones = Math.min(3, p.brokers);
            if (zone === undefined) found[1]! += (rate * (zones - 1)) / zones;
            else if ('abc'[leader % 3] !== zone) found[1]! += rate;
            if (tables.topic[q] !== 0) continue;
            found[2]! += (rate * (zones - 1)) / zones + (near % 3 === 1 ? 0 : rate);
            read[leader]! += rate;
            read[near]! += rate;
          }
          const gauge = made.sim.gauges.get('rehearse:cross_zone_bytes_total')!;
          let catchUp = 0;
          for (let b = 0; b < p.brokers; b += 1) catchUp += traffic.catchUpOut[b]!;
          const reads = read.reduce((sum, x) => sum + x, 0);
          const out = made.sim.gauges.get('kafka_server_brokertopicmetrics_bytesout_total')!;
          let sent = 0;
          for (let b = 0; b < p.brokers; b += 1) sent += out.slope(b);
          // What a group that lags reads beyond what comes in, and replicas that catch up, are not in the count.
          const ahead = sent - reads;
          expect(ahead).toBeGreaterThan(-1);
          if (ahead < 1)
            for (let b = 0; b < p.brokers; b += 1) expect(Math.abs(out.slope(b) - read[b]!)).toBeLessThan(1);
          crossingKinds.forEach((_, k) => {
            const more = gauge.slope(k) - found[k]!;
            expect(more).toBeGreaterThan(-1e-3);
            expect(more).toBeLessThan([catchUp, 0, Math.max(0, ahead)][k]! + 1);
          });
          if (found[2]! > 0) crossed += 1;
        }
      },
    ),
    { seed: 5, numRuns: 60 },
  );
  expect(crossed).toBeGreaterThan(50);
});

test('a longer round trip to followers never lowers the latency of acks=all, nor its median', () => {
  const median = (micros: number) => {
    const settings = clusterSettings({ topics: [topic({ name: 'a' })], assignment: inTurn(6, 3, 12) }, 6);
    const between = { ...calm, betweenZones: { roundTripMicros: micros, loss: 0 } };
    const { sim, cluster } = inZones(settings, between, { record: 'all' });
    sim.run(seconds(400));
    const row = cluster.requests.latencyRows.findIndex(
      (r) => r.request === 'Produce' && r.acks === 'all' && r.side === 'broker' && r.quantile === '0.50',
    );
    return sim.gauges.get('rehearse:request_latency_ms')!.get(row);
  };
  const found = [200, 1000, 2000, 5000, 20_000, 80_000].map(median);
  for (let i = 1; i < found.length; i += 1) expect(found[i]!).toBeGreaterThanOrEqual(found[i - 1]!);
  // Followers in two other zones: at least one whole way there and back.
  expect(found[4]!).toBeGreaterThan(20);
  expect(found[5]!).toBeGreaterThan(80);
});
