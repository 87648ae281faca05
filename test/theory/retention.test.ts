import { describe, expect, test } from 'vitest';
import type { Simulation } from '../../src/engine/simulation.ts';
import { loadMicros } from '../../src/models/kafka/logs.ts';
import type { TopicSettings } from '../../src/models/kafka/settings.ts';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';

const rate = 1 * MB;
/** No whole number of them comes in between two checks, so that all phases of the sawtooth occur. */
const segment = 97_300_000;
const day = 86_400;

/** One log on one broker that takes in 1 MB/s; its volume's course over `length` seconds. */
function oneLog(over: Partial<TopicSettings>, length: number, hold = false, used = 0) {
  const settings = clusterSettings(
    {
      topics: [
        topic({
          name: 'a',
          partitions: 1,
          replicationFactor: 1,
          minInSyncReplicas: 1,
          bytesInPerSecond: rate,
          messagesInPerSecond: 1000,
          segmentBytes: segment,
          ...over,
        }),
      ],
      holdLogsAtInitialSize: hold,
    },
    1,
  );
  Object.assign(settings.brokers[0]!, { diskUsedBytes: used, diskCapacityBytes: 1e15 });
  const made = makeCluster(settings, { verify: false });
  made.sim.run(seconds(length));
  return made;
}

/** Change points of a broker's volume, with the value just before each: [seconds, before, after]. */
function course(sim: Simulation, used: { rowRecord(row: number): unknown }): [number, number, number][] {
  const { times, values, slopes } = used.rowRecord(0) as {
    times: number[];
    values: number[];
    slopes: number[];
  };
  return times.map((t, i) => {
    const before = i === 0 ? values[0]! : values[i - 1]! + (slopes[i - 1]! * (t - times[i - 1]!)) / 1e6;
    return [t / 1e6, before, i < values.length ? values[i]! : sim.now];
  });
}

describe('the most that a replica takes on its disk', () => {
  const delays = 300 + 60;
  test.each([
    [
      'by time alone: rate x (retention.ms + age span of a segment + check interval + delete delay)',
      { retentionMicros: seconds(3600) },
      rate * (3600 + segment / rate + delays),
    ],
    [
      'by time alone, segments rolled by age: the span is segment.ms',
      { retentionMicros: seconds(3600), segmentMicros: seconds(41.3) },
      rate * (3600 + 41.3 + delays),
    ],
    [
      'by size alone: retention.bytes + segment.bytes + rate x (check interval + delete delay)',
      { retentionBytes: 2e9 },
      2e9 + segment + rate * delays,
    ],
    [
      'by both: the less of the two',
      { retentionBytes: 2e9, retentionMicros: seconds(3600) },
      2e9 + segment + rate * delays,
    ],
  ])('%s; it is never passed, and reached to a tenth of a segment', (_, over, bound) => {
    const { sim, cluster } = oneLog(over, 5 * day);
    const points = course(sim, cluster.logs.used);
    const most = Math.max(...points.map(([, before]) => before));
    expect(most).toBeLessThanOrEqual(bound + 1);
    expect(most).toBeGreaterThan(bound - segment / 10);
    // A sawtooth: it falls by whole segments, hundreds of times.
    expect(points.filter(([, before, after]) => after < before - 1).length).toBeGreaterThan(100);
  });

  test('a log held at its initial size swings around it: never a segment and the delays away', () => {
    const { sim, cluster } = oneLog({}, 2 * day, true, 20e9);
    const points = course(sim, cluster.logs.used).slice(1);
    const values = points.flatMap(([, before, after]) => [before, after]);
    const swing = segment + rate * delays;
    expect(Math.max(...values)).toBeLessThan(20e9 + swing);
    expect(Math.min(...values)).toBeGreaterThan(20e9 - swing);
    const mean = cluster.logs.used.mean(0);
    expect(Math.abs(mean - 20e9)).toBeLessThan(swing);
    expect(points[0]![1]).toBeGreaterThan(0);
  });
});

test('the disk has the bytes back 60 s after the check that deleted them, and checks are 300 s apart', () => {
  const { sim, cluster } = oneLog({ retentionBytes: 2e9 }, day);
  const falls = course(sim, cluster.logs.used).filter(([, before, after]) => after < before - 1);
  for (const [, before, after] of falls) expect((before - after) % segment).toBeCloseTo(0, 3);
  const phase = falls[0]![0] % 300;
  for (const [at] of falls) expect(at % 300).toBeCloseTo(phase, 5);
  // The deletion itself was 60 s before: until then the log's own bytes are fewer than the disk's.
  const { logs } = cluster;
  const next = falls[falls.length - 1]![0] + 300;
  sim.run(seconds(next - 60) + 1);
  expect(logs.waitingBytes(0)).toBeGreaterThan(0);
  expect(logs.usedBytes(0) - logs.retainedBytes(0)).toBeCloseTo(logs.waitingBytes(0), -1);
  sim.run(seconds(next) + 1);
  expect(logs.waitingBytes(0)).toBe(0);
});

test('a topic that falls idle is empty after retention.ms and one check, its active segment too', () => {
  const settings = { retentionMicros: seconds(3600) };
  const made = oneLog(settings, 7200);
  const { sim, cluster } = made;
  const stop = sim.on('test.idle', () => cluster.traffic.setFactor(0, 0));
  sim.after(1, stop);
  sim.run(seconds(7200 + 3590));
  expect(cluster.logs.usedBytes(0)).toBeGreaterThan(0);
  sim.run(seconds(7200 + 3600 + 300 + 60) + 2);
  expect(cluster.logs.usedBytes(0)).toBe(0);
  expect(cluster.logs.bytes(0)).toBe(0);
  // Nothing more happens on it: an idle log costs no event.
  const events = sim.eventCount;
  sim.run(seconds(30 * day));
  expect(sim.eventCount - events).toBeLessThan(5);
});

test('without an append no segment is rolled by age: size alone never takes an idle log below retention.bytes', () => {
  const { sim, cluster } = oneLog({ retentionBytes: 5e8, segmentMicros: seconds(60) }, 7200);
  const stop = sim.on('test.idle', () => cluster.traffic.setFactor(0, 0));
  sim.after(1, stop);
  sim.run(seconds(7200 + 400));
  const kept = cluster.logs.bytes(0);
  expect(kept).toBeGreaterThanOrEqual(5e8);
  expect(kept).toBeLessThan(5e8 + 60 * rate + 1);
  sim.run(seconds(10 * day));
  expect(cluster.logs.bytes(0)).toBe(kept);
});

describe('loading logs', () => {
  const directory = (segments: number, activeBytes: number, readRate = 2e9) => ({
    segments,
    activeBytes,
    readRate,
  });

  test('directories load in parallel: two with half of the logs each take half as long', () => {
    const one = loadMicros([directory(1000, 400e9)], true, 1, 2000, 250e6);
    const two = loadMicros([directory(500, 200e9), directory(500, 200e9)], true, 1, 2000, 250e6);
    expect(one).toBe(1000 * 2000 + 1600e6);
    expect(two).toBe(one / 2);
  });

  test('the slowest directory decides, and a clean stop reads no bytes', () => {
    const both = [directory(10, 1e9), directory(700, 50e9)];
    expect(loadMicros(both, true, 1, 2000, 250e6)).toBe(700 * 2000 + 200e6);
    expect(loadMicros(both, false, 1, 2000, 250e6)).toBe(700 * 2000);
  });

  test('more threads help until the disk reads no faster', () => {
    const at = (threads: number) => loadMicros([directory(0, 100e9, 1e9)], true, threads, 2000, 250e6) / 1e6;
    expect([1, 2, 4, 8, 64].map(at)).toEqual([400, 200, 100, 100, 100]);
  });

  test('a killed broker reads the bytes of its active segments, not half a segment of each', () => {
    const settings = clusterSettings({
      topics: [
        topic({ name: 'a', bytesInPerSecond: 60 * MB }),
        topic({ name: 'idle', partitions: 500, bytesInPerSecond: 0, messagesInPerSecond: 0 }),
      ],
    });
    const { sim, cluster, start } = makeCluster(settings);
    const kill = sim.on('test.kill', () => cluster.brokers.kill(0, 'test'));
    sim.at(seconds(100), kill);
    sim.at(seconds(120), start, 0);
    sim.run(seconds(119));
    const load = cluster.logs.loads(0)[0]!;
    const active = cluster.tables.hosted(0).filter((r) => cluster.logs.bytes(r) > 0);
    expect(load.activeBytes).toBeLessThan(active.length * 1_073_741_824);
    const expected = load.segments * 2000 + (load.activeBytes / 250e6) * 1e6;
    sim.run(seconds(400));
    const fetching = sim.told.find((t) => t.kind === 'kafka.fetching')!.time;
    // Registered after 12 s of start and 1 s of replay.
    expect(fetching - seconds(133)).toBe(Math.ceil(expected));
  });
});
