import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { keysMoved } from '../../src/models/kafka/topics.ts';
import { exactValue } from '../../src/promql/exact.ts';
import { charts } from '../../src/report/charts.ts';
import { drawSvg } from '../../src/report/drawing.ts';
import { openScenario } from '../../src/scenario/open.ts';
import { measure, reader, root, run, scenarioOf, variant } from '../support/files.ts';

const folder = 'scenarios/what-if/';
const files = readdirSync(root + folder)
  .filter((f) => f.endsWith('.yaml'))
  .sort();

const played = new Map<string, ReturnType<typeof run>>();
/** A shipped scenario, played once: with its invariants checked where it is a what-if in which something stops. */
function once(path: string): ReturnType<typeof run> {
  const found =
    played.get(path) ??
    run(path, {
      sampled: false,
      verify:
        files.includes(path.slice(folder.length)) && /do: (faults|operations)\./.test(reader()(path) ?? ''),
    });
  played.set(path, found);
  return found;
}

const golden = JSON.parse(readFileSync(`${root}test/golden/files/fingerprints.json`, 'utf8')) as Record<
  string,
  { fingerprint: string; events: number }
>;

test.each(Object.keys(golden))('%s plays as it did (npm run golden rewrites)', (file) => {
  const result = once(file);
  expect({ fingerprint: result.fingerprint, events: result.eventCount }).toEqual(golden[file]);
});

const verdicts = (result: ReturnType<typeof run>) =>
  new Map(result.expectations.map((e) => [e.name, e.verdict]));

test('there are the what-ifs that the documentation names', () => {
  expect(files).toEqual([
    'broker-lost-in-move.yaml',
    'broker-lost-in-rebalance.yaml',
    'broker-removed.yaml',
    'burst-pool.yaml',
    'ca-forgotten.yaml',
    'ca-natural-6h.yaml',
    'ca-natural-grace-2h-6h.yaml',
    'ca-natural-grace-2h.yaml',
    'chunked-merge.yaml',
    'clock-skew.yaml',
    'cold-consumer.yaml',
    'crash.yaml',
    'disk-full-in-move.yaml',
    'drain-for-upgrade.yaml',
    'heap-14.yaml',
    'heap-20.yaml',
    'heap-6.yaml',
    'humongous-requests.yaml',
    'istiod-down-12h-grace-2h.yaml',
    'istiod-down-18h.yaml',
    'istiod-down-6h-grace-2h.yaml',
    'leftover-throttle.yaml',
    'limit-10.yaml',
    'limit-12.yaml',
    'limit-16.yaml',
    'limit-6.yaml',
    'limit-8.3.yaml',
    'limit-8.yaml',
    'long-pause.yaml',
    'min-isr-3.yaml',
    'no-throttle.yaml',
    'no-wait.yaml',
    'node-replaced.yaml',
    'one-more-partition.yaml',
    'others-56.yaml',
    'others-flat.yaml',
    'pause-goal-5ms.yaml',
    'rack-aware.yaml',
    'restart-at-peak.yaml',
    'resumable-at-8gib.yaml',
    'resumable.yaml',
    'retention-as-stated.yaml',
    'root-without-trust.yaml',
    'second-broker-drained.yaml',
    'second-broker-lost.yaml',
    'sidecars-100000.yaml',
    'sink-4-tasks.yaml',
    'sixth-broker-rebalance.yaml',
    'sixth-broker.yaml',
    'slow-disk.yaml',
    'started-by-exec.yaml',
    'strimzi-ca-renewal.yaml',
    'strimzi-roller.yaml',
    'ten-times-the-clients.yaml',
    'throttle-200.yaml',
    'throttle-50.yaml',
    'throttle-in-bytes.yaml',
    'tls.yaml',
    'trust-push.yaml',
    'ttl-1h.yaml',
    'unlimited.yaml',
    'volume-10x.yaml',
    'volume-30x.yaml',
    'volume-45x.yaml',
    'zone-1a-dedicated.yaml',
    'zone-1a.yaml',
    'zone-1b.yaml',
    'zone-1c.yaml',
    'zone-loss-in-bursts.yaml',
  ]);
});

/** What fails a run whatever it expects, and stands in it only then; by what-if. */
const failsByItself: Readonly<Record<string, string>> = {
  'one-more-partition.yaml': 'standard: an increase breaks co-partitioning',
  'throttle-50.yaml': 'standard: a throttled move never finishes',
  'throttle-in-bytes.yaml': 'standard: a throttled move never finishes',
};

describe.each(files)('%s', (file) => {
  const text = reader()(folder + file)!;
  const data = parse(text);
  const base = `${folder}${data.extends}`.replace(/[^/]+\/\.\.\//, '');

  test('the expectation that it shows, and no other, has another verdict than in its base', () => {
    const changed = verdicts(once(folder + file));
    const before = verdicts(once(base));
    // What fails by itself says the same as what is shown.
    const broken = [...changed.keys()].filter((name) => !before.has(name));
    expect(broken).toEqual(failsByItself[file] === undefined ? [] : [failsByItself[file]]);
    expect([...changed.keys()].filter((name) => before.has(name))).toEqual([...before.keys()]);
    const moved = [...changed]
      .filter(([name, verdict]) => before.has(name) && before.get(name) !== verdict)
      .map(([name]) => name);
    expect(moved).toEqual([data.shows]);
  });

  test('without its one change it is its base, and with it another run', () => {
    // What is left of it is its base and its words; the same settings give the same run (law/engine, golden/bytes).
    const path = `${folder}undone.yaml`;
    const undone = `rehearse: 1\ntitle: ${JSON.stringify(data.title)}\nextends: ${data.extends}\nshows: ${JSON.stringify(data.shows)}\n`;
    const bare = (of: Readonly<Record<string, unknown>>) => ({ ...of, title: undefined, shows: undefined });
    expect(bare(scenarioOf(path, { [path]: undone }).resolved)).toEqual(bare(scenarioOf(base).resolved));
    expect(once(folder + file).fingerprint).not.toBe(once(base).fingerprint);
  });
});

describe('48 GB in 10 equal replicas move to one broker while 61.1 MB/s come in', () => {
  const [bytes, live] = [48e9, 61.1e6];
  const took = (file: string) => measure(once(`scenarios/what-if/${file}`), 'rehearse:reassignment_seconds');
  // Without a throttle five fetcher threads, one for each leader, wait a round trip for each response of 1 MiB for each of two partitions.
  const response = 2 * 1_048_576;
  const fetchers = (5 * response) / (0.001 + response / 350e6);

  test.each([
    { file: 'bases/move.yaml', rate: 100e6 },
    { file: 'throttle-200.yaml', rate: 200e6 },
    { file: 'no-throttle.yaml', rate: fetchers },
  ])('$file: bytes / (rate - live) within 3 %', ({ file, rate }) => {
    expect(Math.abs(took(file) / (bytes / (rate - live)) - 1)).toBeLessThan(0.03);
  });

  test.each(['throttle-50.yaml', 'throttle-in-bytes.yaml'])(
    '%s: never, and the run names the partitions and the rate that would suffice',
    (file) => {
      const result = once(`scenarios/what-if/${file}`);
      expect(measure(result, 'rehearse:reassignments')).toBe(10);
      const says = result.findings.map((f) => f.says).join('\n');
      for (let p = 0; p < 10; p += 1) expect(says).toContain(`events-${p}`);
      expect(says).toContain('never finishes');
      expect(says).toContain('above 61.1 MB/s it suffices');
    },
  );
});

test('a sixth broker that is added receives alone, a rebalance moves among the others as well, and a removed one is emptied', () => {
  const all = (file: string) =>
    once(`scenarios/what-if/${file}`)
      .series.of('kafka_server_replicamanager_partitioncount')
      .map((s) => s.values[s.length - 1]!);
  const sum = (counts: readonly number[]) => counts.reduce((x, y) => x + y, 0);
  const before = all('bases/empty-broker.yaml');
  expect(before).toEqual([8, 7, 6, 5, 4, 0]);
  const added = all('sixth-broker.yaml');
  for (let b = 0; b < 5; b += 1) expect(added[b]).toBeLessThanOrEqual(before[b]!);
  expect(added[5]).toBe(5);
  expect(all('sixth-broker-rebalance.yaml')).toEqual([5, 5, 5, 5, 5, 5]);
  expect(all('broker-removed.yaml')[4]).toBe(0);
  for (const file of ['sixth-broker.yaml', 'sixth-broker-rebalance.yaml', 'broker-removed.yaml'])
    expect(sum(all(file))).toBe(30);
});

test('what breaks during a move is told with what is left, and what nobody removes', () => {
  const says = (file: string) =>
    once(`scenarios/what-if/${file}`)
      .findings.map((f) => f.says)
      .join('\n');
  expect(says('disk-full-in-move.yaml')).toContain('away: 5; bring back what is away, or cancel the move');
  expect(says('broker-lost-in-move.yaml')).toContain('let the scenario end later');
  expect(says('broker-lost-in-rebalance.yaml')).toContain('4 tasks are dead: broker 5 is down');
  expect(says('broker-lost-in-rebalance.yaml')).toContain(
    'nobody looks after them, or removes their throttle',
  );
});

test('a page about a move has curves of what moves, what is left and the throttle, and one about a sink has its tasks', async () => {
  const titles = (file: string) => charts(once(`scenarios/what-if/${file}`)).map((c) => c.title);
  expect(titles('broker-lost-in-rebalance.yaml')).toEqual(
    expect.arrayContaining([
      'Copied into a broker by reassignments',
      'Left to copy by reassignments',
      'Replication throttle: the highest of the brokers',
      'Partitions that Cruise Control is moving',
    ]),
  );
  // The axis of a curve that is 0 throughout.
  const flat = charts(once('scenarios/what-if/no-throttle.yaml')).find((c) =>
    c.title.startsWith('Under-rep'),
  )!;
  expect(await drawSvg(flat)).not.toContain('NaN');
  expect(titles('no-throttle.yaml')).not.toContain('Replication throttle: the highest of the brokers');
  expect(titles('no-throttle.yaml')).not.toContain('Partitions that Cruise Control is moving');
  expect(titles('sink-4-tasks.yaml')).toEqual(
    expect.arrayContaining(['Lag of the partition that is furthest behind', 'Connect tasks that run']),
  );
});

test('36 to 37 partitions move 36 of 37 keys, and what is joined with them fails the run', () => {
  const result = once('scenarios/what-if/one-more-partition.yaml');
  expect(keysMoved(36, 37)).toBeCloseTo(36 / 37, 12);
  expect(result.verdict).toBe('fail');
  const says = result.findings.map((f) => f.says).join('\n');
  expect(says).toContain('97.3 % of its keys go to another one');
  expect(says).toContain('orders has 37 partitions and payments has 36');
});

test('a sink of three tasks lags by what they cannot do, and a fourth works it off at the difference', () => {
  const lag = (file: string, at: number) => {
    const series = once(`scenarios/what-if/${file}`)
      .series.of('kafka_consumergroup_lag_sum')
      .filter((s) => s.labels.consumergroup === 'connect-elasticsearch-sink-search');
    return exactValue(series[0]!, at * 1e6)!;
  };
  const [incoming, capacity] = [12_000, 3500];
  expect(lag('bases/sink.yaml', 1200)).toBeCloseTo(1200 * (incoming - 3 * capacity), -3);
  expect(lag('sink-4-tasks.yaml', 300)).toBeCloseTo(300 * (incoming - 3 * capacity), -3);
  expect(
    once('scenarios/what-if/bases/sink.yaml')
      .findings.map((f) => f.says)
      .join(),
  ).toContain('at least 4 such members are needed');
  const [early, late] = [lag('sink-4-tasks.yaml', 330), lag('sink-4-tasks.yaml', 430)];
  expect((early - late) / 100).toBeCloseTo(4 * capacity - incoming, -2);
});

test('retention as stated: broker 2 is full first, near 36.6 min and before the 41.8 min of the mean', () => {
  const result = once('scenarios/what-if/retention-as-stated.yaml');
  const full = result.measures.filter((m) => m.name === 'rehearse:log_disk_full_seconds' && m.value > 0);
  expect(full.map((m) => m.labels.broker)).toEqual(['2']);
  expect(full[0]!.value / 60).toBeGreaterThan(36.1);
  expect(full[0]!.value / 60).toBeLessThan(37.1);
  expect(result.stoppedBecause).toContain('log_disk_full');
  expect(result.findings.some((f) => f.says.includes('692.1 TB'))).toBe(true);
});

test('a heap of 31 GiB is refused in the same container of 20 GiB, and the finding says what it needs', () => {
  const path = `${folder}heap-31.yaml`;
  const text = 'rehearse: 1\ntitle: x\nextends: bases/hour.yaml\nstrimzi:\n  jvm:\n    heap: 31Gi\n';
  const { problems } = openScenario(path, reader({ [path]: text }));
  expect(problems.map((p) => [p.file, p.line, p.column, p.path, p.found])).toEqual([
    [
      path,
      6,
      11,
      'strimzi.jvm.heap',
      'a heap of 31.0 GiB needs 33.3 GiB with what the JVM keeps beside it, and the container may use 20.0 GiB',
    ],
  ]);
  const later = `${folder}heap-31-later.yaml`;
  const restart =
    'rehearse: 1\ntitle: x\nextends: ../reference-day/rolling-restart.yaml\ntimeline:\n  - id: restart\n    jvm: { heap: 31Gi, parallelGcThreads: 12 }\n';
  const opened = openScenario(later, reader({ [later]: restart }));
  expect(opened.problems.map((p) => [p.line, p.path])).toEqual([[6, 'timeline.restart.jvm.heap']]);
  expect(opened.warnings.map((w) => w.found).join()).toContain('12 threads on 8 CPUs');
});

test('a heap of 14 in place of 12 GiB takes 2.1 GiB from the page cache, and the restart shows it', () => {
  const gib = 1_073_741_824;
  const cache = (file: string) => measure(once(file), 'rehearse:page_cache_bytes', { broker: '0' }) / gib;
  expect(
    cache('scenarios/reference-day/jvm-before.yaml') - cache('scenarios/reference-day/jvm-after.yaml'),
  ).toBeCloseTo(2.1, 6);
  const restart = once('scenarios/reference-day/rolling-restart.yaml');
  const series = restart.series.of('rehearse:page_cache_bytes').find((s) => s.labels.broker === '0')!;
  expect((series.values[0]! - series.values[series.length - 1]!) / gib).toBeCloseTo(2.1, 6);
});

describe('a pause of a broker that does not lead the quorum', () => {
  const pause = (seconds: number) =>
    variant(
      'scenarios/what-if/bases/hour.yaml',
      `title: x\nto: +12m\ntimeline:\n  - { at: +2m, id: p, do: jvm.pause, broker: 3, for: ${seconds}s }`,
    );
  const most = (result: ReturnType<typeof pause>, name: string) =>
    Math.max(...result.series.of(name).flatMap((s) => Array.from(s.values).slice(0, s.length)));

  test('of 3 s fences nobody and moves no leader', () => {
    const result = pause(3);
    expect(most(result, 'kafka_controller_kafkacontroller_fencedbrokercount')).toBe(0);
    expect(most(result, 'kafka_controller_kafkacontroller_preferredreplicaimbalancecount')).toBe(0);
  });

  test('of 10 s fences it: 420 partitions are under-replicated, it comes back without a restart, and its leaders return', () => {
    const result = pause(10);
    expect(most(result, 'kafka_controller_kafkacontroller_fencedbrokercount')).toBe(1);
    expect(most(result, 'rehearse:cluster_underreplicated_partitions')).toBe(420);
    const at = (name: string) => result.told.find((t) => t.kind === name)!.time / 1e6 - 120;
    expect(at('kafka.fenced')).toBeGreaterThan(7);
    expect(at('kafka.fenced')).toBeLessThan(9);
    expect(at('kafka.inSync')).toBeLessThan(60);
    expect(measure(result, 'rehearse:pod_recreations_total', { pod: 'kafka-prod-kafka-3' })).toBe(0);
    expect(result.told.some((t) => t.kind === 'kafka.stopped')).toBe(false);
    const end = result.series.of('kafka_controller_kafkacontroller_preferredreplicaimbalancecount')[0]!;
    expect(end.values[end.length - 1]).toBe(0);
  });
});

test('what a request costs is told in a scenario: half the io threads, RTT, acks and pauses each move the latency they must', () => {
  const hour = 'scenarios/what-if/bases/hour.yaml';
  const p = (result: ReturnType<typeof variant>, quantile: string, side = 'broker', acks = 'all') =>
    measure(result, 'rehearse:request_latency_ms', { request: 'Produce', acks, side, quantile });
  const base = variant(hour, 'title: x\nto: +20m');
  const far = variant(hour, 'title: x\nto: +20m\nkafka: { timing: { roundTrip: 2ms } }');
  expect(p(far, '0.50') - p(base, '0.50')).toBeGreaterThanOrEqual(1);
  const one = variant(
    hour,
    'title: x\nto: +20m\nkafka: { topics: [{ name: a, partitions: 60, bytesIn: 400MB/s, messagesIn: 22000/s, acks: "1" }], assignment: null, consumerGroups: [] }',
  );
  const all = variant(
    hour,
    'title: x\nto: +20m\nkafka: { topics: [{ name: a, partitions: 60, bytesIn: 400MB/s, messagesIn: 22000/s }], assignment: null, consumerGroups: [] }',
  );
  expect(p(one, '0.99', 'broker', '1')).toBeLessThan(p(all, '0.99'));
});
