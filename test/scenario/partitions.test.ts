import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/experiment/result.ts';
import { openScenario } from '../../src/scenario/open.ts';
import { reader, run } from '../support/files.ts';
import { smallScenario } from '../support/leafCases.ts';

type Entry = { readonly [key: string]: unknown };

const written = (timeline: readonly Entry[], busy: Entry = {}) => {
  const base = structuredClone(smallScenario) as { kafka: { topics: Entry[]; brokers: Entry[] } };
  const brokers = base.kafka.brokers.map((b) => ({ ...b, diskUsed: '5GB' }));
  const topics = base.kafka.topics.map((t) => (t.name === 'busy' ? { ...t, ...busy } : t));
  return JSON.stringify({ ...base, to: '+4m', kafka: { ...base.kafka, brokers, topics }, timeline });
};
const play = (...given: Parameters<typeof written>): Result =>
  run('x.yaml', {}, { 'x.yaml': written(...given) });
const grow = { at: '+10s', id: 'grow', do: 'strimzi.topic', topic: 'busy', partitions: 18 };
const soon = { producers: { 'metadata.max.age.ms': 60_000 } };
const rules = (result: Result) => result.findings.map((f) => f.rule);

describe('what a run finds out about partitions', () => {
  test('keys that change their partition are told with their share and for how long order may be lost', () => {
    const result = play([grow], soon);
    expect(result.verdict).toBe('pass');
    const found = result.findings.find((f) => f.rule === 'keys change their partition')!;
    expect(found.says).toMatch(/from 12 to 18 partitions: 66\.7 % of its keys .* for 60 s/);
    expect(rules(play([grow], { ...soon, keys: 'none' }))).not.toContain('keys change their partition');
  });

  test('a topic of a Streams application, or one that is joined, fails the run when it grows, and not before', () => {
    const marked = { ...soon, streams: 'sums', partitions: 6, coPartitioned: ['idle'] };
    expect(play([], marked).verdict).toBe('pass');
    const result = play([{ ...grow, partitions: 12 }], marked);
    expect(result.verdict).toBe('fail');
    const failed = result.expectations.filter((e) => e.verdict === 'fail').map((e) => e.name);
    expect(failed).toEqual([
      'standard: an increase breaks a Streams application',
      'standard: an increase breaks co-partitioning',
    ]);
  });

  test('a throttle at or below live traffic is named, with the rate that would suffice; and one that nobody removes', () => {
    const partitions = [0, 1, 2, 3].map((partition) => ({ topic: 'busy', partition, replicas: [4, 3, 2] }));
    const move = { at: '+10s', id: 'move', do: 'kafka.reassign', partitions };
    const slow = play([{ ...move, throttle: '10MB/s' }]);
    // A change that never ends is no success.
    expect(slow.verdict).toBe('fail');
    const starved = slow.findings.filter((f) => f.rule === 'a throttled move never finishes');
    expect(starved.length).toBeGreaterThan(0);
    expect(starved.map((f) => f.says).join()).toMatch(
      /the leader throttle .* listed there sends .* whoever leads/,
    );
    // What suffices at every broker that was named does suffice.
    const most = Math.max(
      ...starved.map((f) => Number(/above ([\d.]+) MB\/s (whoever|it suffices,)/.exec(f.says)![1])),
    );
    expect(most).toBeGreaterThan(10);
    const enough = { ...move, throttle: `${Math.ceil(most) + 1}MB/s`, verify: false };
    const done = rules(play([enough]));
    expect(done).not.toContain('a throttled move never finishes');
    expect(done).toContain('a replication throttle is left behind');
  });

  test('under a load that changes a starved move is told of the load at the end, and fails nothing', () => {
    const partitions = [0, 1, 2, 3].map((partition) => ({ topic: 'busy', partition, replicas: [4, 3, 2] }));
    const move = { at: '+10s', id: 'move', do: 'kafka.reassign', partitions, throttle: '10MB/s' };
    const text = JSON.parse(written([move], { curve: 'day' }));
    const days = {
      curves: [{ name: 'day', daily: { hours: Array.from({ length: 24 }, (_, h) => 1 + h / 24) } }],
    };
    const result = run('x.yaml', {}, { 'x.yaml': JSON.stringify({ ...text, workload: days }) });
    expect(result.verdict).toBe('pass');
    const starved = result.findings.filter((f) => f.rule === 'a throttled move is starved at the end');
    expect(starved.length).toBeGreaterThan(0);
    expect(starved[0]!.says).toContain('at the load of the end of the run');
  });

  test('a plan below min.insync.replicas, or in fewer racks than there are, is warned of where it stands', () => {
    const base = JSON.parse(written([])) as { kafka: { brokers: Entry[] } };
    const brokers = base.kafka.brokers.map((b, i) => ({ ...b, rack: `rack-${i % 3}` }));
    const move = { at: '+10s', id: 'move', do: 'kafka.reassign' };
    const entries = [
      { topic: 'busy', partition: 0, replicas: [2] },
      { topic: 'busy', partition: 1, replicas: [0, 3, 1] },
      { topic: 'busy', partition: 2, replicas: [0, 1, 2] },
    ];
    for (const where of [{ partitions: entries }, { plan: 'plan.json' }]) {
      const text = JSON.stringify({
        ...base,
        kafka: { ...base.kafka, brokers },
        timeline: [{ ...move, ...where }],
      });
      const files = { 'x.yaml': text, 'plan.json': JSON.stringify({ version: 1, partitions: entries }) };
      const { warnings, problems } = openScenario('x.yaml', reader(files));
      expect(problems).toEqual([]);
      const told = warnings.filter((w) => w.path.startsWith('timeline.move')).map((w) => w.found);
      expect(told).toHaveLength(2);
      expect(told.join('\n')).toMatch(/busy-0 keeps one replica where min\.insync\.replicas is 2: /);
      expect(told.join('\n')).toMatch(/busy-1 has 3 replicas in 2 racks, where 3 racks could hold them/);
    }
  });

  test('a throttle of 10 B/s is echoed with what it means', () => {
    const move = {
      at: '+10s',
      id: 'move',
      do: 'kafka.reassign',
      throttle: '10B/s',
      partitions: [{ topic: 'busy', partition: 0, replicas: [4, 3, 2] }],
    };
    const { warnings, problems } = openScenario('x.yaml', reader({ 'x.yaml': written([move]) }));
    expect(problems).toEqual([]);
    const [warning] = warnings.filter((w) => w.path === 'timeline.move.throttle');
    expect(warning!.found).toMatch(/^10 B\/s: .* would take [\d.,]+ years, if /);
  });
});
