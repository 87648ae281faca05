import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { rebalance as verb } from '../../src/cli/commands/rebalance.ts';
import { readReassignment } from '../../src/formats/assignment.ts';
import { rateMeans, spanWords } from '../../src/formats/quantity.ts';
import type { ClusterDescription } from '../../src/models/cruiseControl/description.ts';
import type { RebalanceMode } from '../../src/models/cruiseControl/modes.ts';
import { optimize } from '../../src/models/cruiseControl/optimizer.ts';
import { openScenario } from '../../src/scenario/open.ts';
import { type Asked, asked } from '../../src/scenario/rebalanceModes.ts';
import { filesOf } from '../support/cruiseControlScenario.ts';
import { reader, root } from '../support/files.ts';
import { callVerb } from '../support/verb.ts';

const folder = mkdtempSync(join(tmpdir(), 'rehearse-rebalance-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const platform = join(root, 'models/platforms/reference.yaml');

const rebalance = (...args: readonly string[]) => callVerb(verb, args);

function file(name: string, data: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof data === 'string' ? data : JSON.stringify(data));
  return path;
}

const capacity = file('capacity.json', {
  brokerCapacities: [
    {
      brokerId: '-1',
      capacity: { DISK: '2384185', CPU: { 'num.cores': '8' }, NW_IN: '3000000', NW_OUT: '3000000' },
    },
  ],
});

/** Three brokers, of which one has everything. */
const model = {
  capacity: { cpu: 100, nwIn: 1000, nwOut: 1000, disk: 1000 },
  brokers: [{ id: 0 }, { id: 1 }, { id: 2 }],
  partitions: [0, 1, 2, 3, 4, 5].map((p) => ({ t: 'orders', p, replicas: [0], loads: [[5, 10, 20, 100]] })),
  goals: ['ReplicaDistributionGoal'],
};

describe('a model file', () => {
  test('is answered in one JSON object, in the form in which outcomes of Cruise Control are recorded', () => {
    const shell = [
      join(root, 'bin/rehearse.js'),
      'rebalance',
      '--model',
      file('model.json', model),
      '--json',
    ];
    const { status: code, stdout: out, stderr } = spawnSync(process.execPath, shell, { encoding: 'utf8' });
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({
      ok: true,
      status: { ReplicaDistributionGoal: 'FIXED' },
      numReplicaMovements: 3,
      numLeaderMovements: 0,
      dataToMoveMB: 300,
      onDemandBalancednessScoreBefore: 0,
      onDemandBalancednessScoreAfter: 100,
      provisionStatus: 'OVER_PROVISIONED',
      changed: expect.any(Object),
      loadAfter: expect.any(Object),
    });
    const { changed, loadAfter } = JSON.parse(out);
    expect(Object.values(changed).flat().sort()).toEqual([1, 1, 2]);
    expect(loadAfter['0']).toEqual([3, 3, 15, 30, 60, 300, 60]);
  });

  test('with a hard goal that cannot be met ends 20, with the numbers and how many brokers would mend it', async () => {
    const tight = { ...model, capacity: { ...model.capacity, disk: 200 } };
    const path = file('tight.json', tight);
    const { code, out } = await rebalance('--model', path, '--goals', 'DiskCapacityGoal', '--json');
    expect(code).toBe(20);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      failedGoal: 'DiskCapacityGoal',
      failureKind: 'insufficient-capacity',
      needed: 600,
      available: 480,
    });
    const told = await rebalance(
      '--model',
      path,
      '--goals',
      'com.linkedin.kafka.cruisecontrol.analyzer.goals.DiskCapacityGoal',
    );
    expect(told.code).toBe(20);
    expect(told.out).toContain('CANNOT BE MET');
    expect(told.out).toMatch(/further empty brokers? of the usual capacity would mend it/);
  });

  test.each([0, 0.01])(
    'with a disk of %s MB ends with an answer, not with millions of brokers',
    async (disk) => {
      const path = file('none.json', { ...model, capacity: { ...model.capacity, disk } });
      const args = ['--model', path, '--goals', 'DiskCapacityGoal'];
      const { code, out } = await rebalance(...args, '--json');
      expect([code, JSON.parse(out)]).toEqual([
        20,
        expect.objectContaining({ ok: false, brokersToAdd: null }),
      ]);
      expect((await rebalance(...args)).out).toContain('no number of further brokers mends it');
    },
  );
});

describe('a platform', () => {
  const plan = join(folder, 'plan.json');

  test('without a broker: nothing stays on it, and the plan can be read and rehearsed', async () => {
    const args = [
      '--capacity',
      capacity,
      '--mode',
      'remove-broker',
      '--brokers',
      '4',
      '--throttle',
      '700MB/s',
      // Four brokers are too few for its CPU.
      '--goals',
      'RackAwareGoal,DiskCapacityGoal,ReplicaDistributionGoal,LeaderReplicaDistributionGoal',
      '--skip-hard-goal-check',
    ];
    const { code, out } = await rebalance(platform, ...args, '--out', plan);
    expect(code).toBe(0);
    expect(out).toMatch(/\n {2}4 DEAD +420 -> 0 /);
    expect(out).toContain('hottest source');
    expect(out).toMatch(/takes at least +\d/);
    expect(out).toContain(`written to ${plan}`);
    expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
    const { partitions, json } = readReassignment(readFileSync(plan, 'utf8'), plan);
    expect(json.problems()).toEqual([]);
    expect(partitions.length).toBeGreaterThanOrEqual(420);
    expect(partitions.flatMap((p) => p.replicas)).not.toContain(4);
    expect(out).toMatch(
      /Played by Cruise Control's executor\n {2}takes +\d+(\.\d+)? min +the \w+ throttle of broker \d holds it/,
    );
    for (const says of [
      /produce p99, acks=all +\d.* ms/,
      /fetch p99 +\d.* ms/,
      /worst lag on a topic +\d/,
      /under min ISR +never/,
    ])
      expect(out).toMatch(says);
    const rehearsed = await rebalance(platform, '--plan', plan, '--throttle', '700MB/s');
    expect(rehearsed.code).toBe(0);
    // The same brokers before and after.
    const rows = (text: string) =>
      [...text.slice(0, text.indexOf('\nMoves')).matchAll(/^ {2}([0-3]) +(.*?) {2}\d/gm)].map(
        (m) => m[1]! + m[2]!,
      );
    expect(rows(rehearsed.out)).toEqual(rows(out));
    expect(rehearsed.out).toMatch(
      /Played as kafka-reassign-partitions executes it\n {2}takes +\d+(\.\d+)? min/,
    );
    expect(rehearsed.out).toMatch(/the throttle, 700 MB\/s: \d+ GB would take [\d.]+ minutes/);
  });

  test('a throttle below live traffic never ends: what it means, who is starved, and what would suffice', async () => {
    cpSync(join(root, 'models'), join(folder, 'models'), { recursive: true });
    for (const [name, text] of Object.entries(filesOf([], () => {}, '+40m')))
      writeFileSync(join(folder, name), text);
    const partitions = [0, 1].map((partition) => ({
      topic: 'busy',
      partition,
      replicas: [partition, 5, partition + 2],
    }));
    const args = [
      join(folder, 'leaf.yaml'),
      '--plan',
      file('move.json', { version: 1, partitions }),
      '--throttle',
      '10B/s',
    ];
    const { code, out } = await rebalance(...args);
    expect(code).toBe(20);
    expect(out).toMatch(/executes it\n {2}takes +for ever +the leader throttle of broker 0 holds it/);
    expect(out).toMatch(
      /busy-0, busy-1: the follower throttle of broker 5 is 10 B\/s, .* above 16.7 MB\/s it suffices/,
    );
    expect(out).toMatch(/tried: with a throttle of \d+ MB\/s all of it ends, after/);
    expect(out).toMatch(/the throttle, 10 B\/s: [\d.]+ GB would take \d+ years/);
    const { predicted } = JSON.parse((await rebalance(...args, '--json')).out);
    expect(predicted).toMatchObject({
      by: 'tool',
      end: 'never',
      bindingSide: { broker: 0, limit: 'leader throttle' },
    });
  });

  test('whose network nobody stated meets no network goal, and says why', async () => {
    const { code, out } = await rebalance(platform);
    expect(code).toBe(20);
    expect(out).toMatch(/NetworkInboundCapacityGoal +CANNOT BE MET/);
    expect(out).toContain('set cruiseControl.capacity.inboundNetwork');
  });

  test('a plan that does not fit is told with its places, and nothing is done', async () => {
    const bad = file('bad.json', '{"partitions":[\n{"topic":"_schemas","partition":0,"replicas":[0,9]}]}');
    const { code, out, err } = await rebalance(platform, '--plan', bad);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(
      'bad.json:2:49  partitions.0.replicas.1\n  _schemas-0 moves to broker 9, which does not exist',
    );
    expect(err).toContain('1 problem, nothing was done');
  });
});

test('the same cores from a file and from the platform are the same share of the processor', async () => {
  cpSync(join(root, 'models'), join(folder, 'models'), { recursive: true });
  const eight = join(folder, 'eight.yaml');
  writeFileSync(
    eight,
    'rehearse: 1\nextends: models/platforms/reference.yaml\ncruiseControl: { version: 2.5.137, capacity: { cpu: 8 cores } }\n',
  );
  const shares = async (...args: readonly string[]) => {
    const { out } = await rebalance(...args, '--mode', 'demote', '--brokers', '0', '--json');
    return (JSON.parse(out).before as { cpu: number }[]).map((b) => b.cpu / 800);
  };
  const byFile = await shares(platform, '--capacity', capacity);
  expect(byFile[0]).toBeGreaterThan(0.05);
  expect(byFile).toEqual(await shares(eight));
});

test('brokers may be left out of leadership or of moves, or be the only destinations', () => {
  const load = { cpu: 1, nwIn: 1, nwOut: 1, disk: 1 };
  const cluster: ClusterDescription = {
    brokers: [0, 1, 2, 3].map((id) => ({
      id,
      rack: `r${id}`,
      capacity: { cpu: 100, nwIn: 1000, nwOut: 1000, disk: 1000 },
    })),
    partitions: Array.from({ length: 12 }, (_, partition) => ({
      topic: 't',
      partition,
      replicas: [0, 1],
      loads: [load, load],
    })),
  };
  const outcome = (mode: RebalanceMode, more: Partial<Asked>) => {
    const made = asked(cluster, undefined, { mode, skipHardGoalCheck: true, ...more });
    expect(made.mistakes).toEqual([]);
    const result = optimize(made.cluster, made.request);
    if (!result.ok) throw new Error(result.failure.says);
    return result.proposals;
  };
  const goals = ['ReplicaDistributionGoal', 'LeaderReplicaDistributionGoal'];
  const gain = (more: Partial<Asked>) =>
    [...new Set(outcome('rebalance', { goals, ...more }).flatMap((p) => p.newReplicas))].sort();
  const lead = (more: Partial<Asked>) =>
    [...new Set(outcome('rebalance', { goals, ...more }).map((p) => p.newReplicas[0]))].sort();
  expect(gain({})).toEqual([0, 1, 2, 3]);
  expect(gain({ excludedForReplicaMove: [2] })).toEqual([0, 1, 3]);
  expect(gain({ destinationBrokers: [2] })).toEqual([0, 1, 2]);
  expect(lead({})).toContain(3);
  expect(lead({ excludedForLeadership: [3] })).not.toContain(3);
});

test('a plan below min.insync.replicas is played, with a warning at its place', async () => {
  const below = file('below.json', '{"partitions":[\n{"topic":"_schemas","partition":0,"replicas":[0]}]}');
  const { code, err } = await rebalance(platform, '--plan', below);
  expect(code).toBe(0);
  expect(err).toMatch(
    /below\.json:2:\d+ {2}partitions\.0\.replicas\n {2}warning: _schemas-0 keeps one replica where min\.insync\.replicas is 2/,
  );
});

test('a plan entry of which everything is unknown is told in full', async () => {
  const bad = file('both.json', '{"partitions":[{"topic":"_schemas","partition":7,"replicas":[0,9]}]}');
  const { code, err } = await rebalance(platform, '--plan', bad);
  expect(code).toBe(2);
  expect(err).toContain('there is no partition _schemas-7');
  expect(err).toContain('moves to broker 9, which does not exist');
});

test.each([
  [[], 'rebalance needs a cluster'],
  [['x.yaml', '--model', 'y.json'], 'more than one cluster is named'],
  [['--load', 'l.json'], '--state is missing: without it nothing says where replicas are'],
  [['--model', 'nowhere.json'], 'nowhere.json cannot be read'],
  [['--model', 'm.json', '--mode', 'demote'], '--mode says nothing of a cluster from files'],
  [[platform, '--goals', 'RakAwareGoal'], 'mend: write RackAwareGoal'],
  [[platform, '--goals', 'RackAwareGoal,RackAwareGoal'], 'RackAwareGoal is listed twice'],
  [[platform, '--goals', 'RackAwareGoal'], 'Cruise Control refuses such a request'],
  [[platform, '--mode', 'remove', '--throttle', '50'], '--throttle 50: 50 has no unit'],
  [[platform, '--mode', 'add-broker', '--brokers', '7'], 'there is no broker 7'],
  [[platform, '--mode', 'remove-broker', '--brokers', '0,1,2,3,4'], 'every broker would be removed'],
  [[platform, '--mode', 'fix-offline'], 'no broker is down and no disk is broken'],
  [[platform, '--brokers', '1', '--exclude-topics', 'zzz'], 'zzz matches no topic'],
  [[platform, '--exclude-leadership', '0,9'], '--exclude-leadership: there is no broker 9'],
  [[platform, '--destination-brokers', 'a'], '--destination-brokers: a is no broker id'],
  [
    [platform, '--exclude-topics', '(?=vantage).*'],
    '(?=vantage).* is no regular expression that can be used: invalid or unsupported Perl syntax: (?=',
  ],
  [[platform, '--exclude-topics', '([a-z-]+)+X'], '([a-z-]+)+X matches no topic'],
  [[platform, '--concurrency', '0'], 'nothing would ever move'],
  [[platform, '--concurrency', '2000'], 'Cruise Control refuses more than 1249'],
  [[platform, '--at', 'noon'], 'noon is no offset within the period'],
  [
    [platform, '--mode', 'demote', '--brokers', '0', '--out', join(folder, 'no/such/plan.json')],
    'cannot be written (ENOENT)',
  ],
])('%j is refused with its remedy', async (args, says) => {
  const { code, out, err } = await rebalance(...args);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain(says);
  expect(err).toContain('mend: ');
  expect(existsSync(join(folder, 'no'))).toBe(false);
});

test('a throttle that nobody meant is told of by check and run', () => {
  const warnings = (rate: number) =>
    openScenario(
      'models/platforms/x.yaml',
      reader({
        'models/platforms/x.yaml': `rehearse: 1\nextends: reference.yaml\nfrom: 2025-01-01T00:00:00Z\nto: +1h\nkafka: { config: { follower.replication.throttled.rate: ${rate} } }\n`,
      }),
    )
      .warnings.filter((w) => w.path.includes('throttled'))
      .map((w) => `${w.path}: ${w.found}`);
  expect(warnings(100)).toEqual([
    'kafka.config.follower.replication.throttled.rate: 100 B/s: 1.3 TB would take 410 years, which is what the fullest broker holds',
  ]);
  expect(warnings(100_000_000)).toEqual([]);
});

test('a throttle is told with what it means', () => {
  expect(rateMeans(10, 800e9)).toBe('10 B/s: 800 GB would take 2,500 years');
  expect(rateMeans(100e6, 48e9)).toBe('100 MB/s: 48 GB would take 8 minutes');
  expect([59e6, 119e6, 120e6, 3 * 3.6e9, 40 * 8.64e10].map(spanWords)).toEqual([
    '59 seconds',
    '120 seconds',
    '2 minutes',
    '3 hours',
    '40 days',
  ]);
});
