import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';
import { NaiveLog } from '../support/naiveLog.ts';

const GB = 1e9;

/** When a broker's first retention check comes, microseconds. */
function firstCheck(id: number, interval: number): number {
  const draw = new Simulation({ seed: 'test' }).stream(`broker/${id}`, 'retentionPhase')();
  return Math.max(1, Math.ceil(draw * interval));
}

const config = fc.record({
  partitions: fc.integer({ min: 1, max: 5 }),
  rate: fc.integer({ min: 0, max: 40 }).map((x) => x * MB),
  used: fc.integer({ min: 0, max: 50 }).map((x) => x * GB),
  segmentBytes: fc.constantFrom(64 * 1_048_576, 1_073_741_824),
  segmentMicros: fc.constantFrom(seconds(60), seconds(3600), seconds(604_800)),
  retentionBytes: fc.constantFrom(Number.POSITIVE_INFINITY, 1 * GB, 7.3 * GB),
  retentionMicros: fc.constantFrom(Number.POSITIVE_INFINITY, seconds(600), seconds(9000)),
  interval: fc.constantFrom(seconds(30), seconds(300)),
});
const course = fc.array(
  fc.record({
    after: fc.integer({ min: 1, max: 4000 }),
    factor: fc.constantFrom(0, 0, 0.1, 1, 2, 7.5),
  }),
  { minLength: 1, maxLength: 20, size: 'max' },
);

test('appended bytes = retained + deleted for each log after every check, and its segments are those of a plain list', () => {
  let checks = 0;
  let deletions = 0;
  let emptied = 0;
  let aged = 0;
  fc.assert(
    fc.property(config, course, (c, steps) => {
      const shares = Float64Array.from({ length: c.partitions }, (_, i) => i + 1);
      const sum = shares.reduce((a, b) => a + b, 0);
      const settings = clusterSettings(
        {
          topics: [
            topic({
              name: 'a',
              partitions: c.partitions,
              shares: shares.map((x) => x / sum),
              replicationFactor: 2,
              bytesInPerSecond: c.rate,
              messagesInPerSecond: c.rate / 1000,
              retentionBytes: c.retentionBytes,
              retentionMicros: c.retentionMicros,
              segmentBytes: c.segmentBytes,
              segmentMicros: c.segmentMicros,
            }),
          ],
          retentionCheckMicros: c.interval,
          holdLogsAtInitialSize: false,
        },
        3,
      );
      for (const b of settings.brokers) Object.assign(b, { diskUsedBytes: c.used, diskCapacityBytes: 1e15 });
      const { sim, cluster } = makeCluster(settings);
      const { logs, tables } = cluster;
      const change = sim.on('test.factor', (i) => cluster.traffic.setFactor(0, steps[i]!.factor));
      const changes: { at: number; factor: number }[] = [];
      let t = 0;
      steps.forEach((s, i) => {
        t += seconds(s.after);
        changes.push({ at: t, factor: s.factor });
        sim.at(t, change, i);
      });
      const end = t + seconds(1000);
      const first = [0, 1, 2].map((id) => firstCheck(id, c.interval));
      const rows = Array.from({ length: tables.brokerCount }, (_, b) => [...tables.hosted(b)]).flat();
      const naive = new Map(
        rows.map((r) => {
          const rate = c.rate * tables.share[Math.floor(r / tables.stride)]!;
          return [r, new NaiveLog(logs.bytes(r), rate, c.segmentBytes, c.segmentMicros)];
        }),
      );
      let next = 0;
      let factor = 1;
      const append = (to: number) => {
        for (const [r, log] of naive)
          log.appendUntil(to, c.rate * factor * tables.share[Math.floor(r / tables.stride)]!);
      };
      for (let at = 0; at < end; ) {
        const check = Math.min(...first);
        const changeAt = changes[next]?.at ?? Number.POSITIVE_INFINITY;
        at = Math.min(check, changeAt, end);
        append(at);
        if (at === changeAt) {
          factor = changes[next]!.factor;
          next += 1;
          continue;
        }
        if (at === end) break;
        const broker = first.indexOf(check);
        first[broker]! += c.interval;
        sim.run(at);
        cluster.tables.verify();
        logs.verify();
        for (const r of tables.hosted(broker)) {
          const plain = naive.get(r)!;
          const before = plain.deleted;
          const oldest = plain.segments[0]!;
          plain.check(c.retentionBytes, c.retentionMicros);
          checks += 1;
          if (plain.deleted > before) deletions += 1;
          if (plain.deleted > before && plain.retained === 0) emptied += 1;
          if (plain.deleted > before && oldest.end - oldest.base < c.segmentBytes * 0.9) aged += 1;
          // Whole bytes against fractions: a byte for each segment, and what that byte's time is worth at a higher rate later.
          // A segment too many or too few is at least 400 kB.
          const from = plain.start - plain.deleted;
          const apart = Math.max(
            Math.abs(logs.startOf(r) - plain.start),
            Math.abs(logs.bytes(r) - plain.retained),
            Math.abs(plain.appended - from - logs.bytes(r) - plain.deleted),
          );
          if (apart > 100_000) throw new Error(`log ${r} at ${at / 1e6} s: ${apart} bytes apart`);
        }
      }
    }),
    { numRuns: 15, seed: 11 },
  );
  expect(checks).toBeGreaterThan(1000);
  expect(deletions).toBeGreaterThan(100);
  expect(emptied).toBeGreaterThan(0);
  expect(aged).toBeGreaterThan(20);
});

/** What the disks hold is what the logs hold, through crashes, losses by acks=1, lagging replicas and replaced disks. */
function balanced(cluster: KafkaCluster): void {
  cluster.logs.verify();
  cluster.gauges.verify();
  cluster.tables.verify();
}

const operation = fc.record({
  at: fc.integer({ min: 1, max: 4000 }),
  what: fc.constantFrom('kill', 'stop', 'start', 'fail', 'repair', 'wipe', 'factor'),
  broker: fc.integer({ min: 0, max: 3 }),
  place: fc.integer({ min: 0, max: 1 }),
});

test('a disk holds what its logs and deleted files hold, whatever fails, and every count of replicas agrees', () => {
  let offline = 0;
  let deletedFiles = 0;
  fc.assert(
    fc.property(
      fc.array(operation, { minLength: 1, maxLength: 40, size: 'max' }),
      fc.constantFrom('all' as const, '1' as const),
      fc.boolean(),
      (operations, acks, hold) => {
        const settings = clusterSettings(
          {
            topics: [
              topic({
                name: 'a',
                partitions: 8,
                acks,
                bytesInPerSecond: 40 * MB,
                retentionBytes: 2 * GB,
                uncleanElection: acks === '1',
              }),
              topic({ name: 'b', partitions: 3, replicationFactor: 1, bytesInPerSecond: 5 * MB }),
            ],
            holdLogsAtInitialSize: hold,
          },
          4,
        );
        settings.brokers.forEach((b, i) => {
          if (i % 2 === 0) return;
          const half = { capacityBytes: 1e12, usedBytes: 50e9 };
          Object.assign(b, {
            directories: [
              { ...half, name: 'x', disk: 0 },
              { ...half, name: 'y', disk: 1 },
            ],
          });
        });
        const { sim, cluster } = makeCluster(settings);
        const { brokers, logs, tables } = cluster;
        const operate = sim.on('test.operate', (i) => {
          const { what, broker: b, place } = operations[i]!;
          const only = tables.directoriesFrom[b + 1]! - tables.directoriesFrom[b]! === 1;
          const p = only ? 0 : place;
          if (what === 'kill') brokers.kill(b, 'test');
          else if (what === 'stop') brokers.stop(b);
          else if (what === 'start') brokers.start(b);
          else if (what === 'wipe') brokers.wipe(b);
          else if (what === 'factor') cluster.traffic.setFactor(0, place === 0 ? 0.5 : 2);
          else if (what === 'fail') logs.failDirectory(b, p);
          else if (logs.directoryOffline.get(tables.directoriesFrom[b]! + p) === 1)
            logs.repairDirectory(b, p);
        });
        [...operations]
          .map((o, i) => ({ at: o.at, i }))
          .sort((x, y) => x.at - y.at || x.i - y.i)
          .forEach(({ at, i }) => {
            sim.at(seconds(at), operate, i);
          });
        for (let t = 100; t <= 5000; t += 100) {
          sim.run(seconds(t));
          balanced(cluster);
          for (let d = 0; d < tables.directoryCount; d += 1) {
            if (logs.waitingBytes(d) > 0) deletedFiles += 1;
          }
          if (tables.offlineCount > 0) offline += 1;
        }
      },
    ),
    { numRuns: 25, seed: 5 },
  );
  expect(offline).toBeGreaterThan(100);
  expect(deletedFiles).toBeGreaterThan(100);
});
