import { expect, test } from 'vitest';
import type { Result } from '../../src/experiment/result.ts';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { build } from '../../src/scenario/build.ts';
import type { CruiseControlModel } from '../../src/scenario/parts/cruiseControl.ts';
import { type Change, filesOf } from '../support/cruiseControlScenario.ts';
import { run, scenarioOf } from '../support/files.ts';

const unchanged: Change = () => {};
const played = (timeline: readonly object[], change = unchanged, to = '+40m'): Result =>
  run('leaf.yaml', {}, filesOf(timeline, change, to));

const add = { at: '+60s', id: 'add', do: 'cruiseControl.rebalance', mode: 'add-broker', brokers: [5] };
const measure = (r: Result, name: string, label = '') =>
  r.measures.find((m) => m.name === name && JSON.stringify(m.labels).includes(label))?.value;
const told = (r: Result, kind: string) => r.told.filter((t) => t.kind === `cruiseControl.${kind}`);
const partitions = 'kafka_server_replicamanager_partitioncount';
const last = (r: Result, name: string, broker: number) => {
  const { values } = r.series.of(name).find((s) => s.labels.broker === String(broker))!;
  return values[values.length - 1]!;
};
const reassigning = (r: Result) =>
  [0, 1, 2, 3, 4, 5].reduce(
    (sum, b) => sum + last(r, 'kafka_server_replicamanager_reassigningpartitions', b),
    0,
  );
const outcome = (r: Result, what: string) => measure(r, 'rehearse:cruise_control_tasks_total', what);

test('a sixth broker is filled, within the throttle, which is gone afterwards', () => {
  const result = played([{ ...add, throttle: '200MB/s' }]);
  const seconds = measure(result, 'rehearse:cruise_control_execution_seconds')!;
  const bytes = measure(result, 'rehearse:cruise_control_finished_data_bytes')!;
  expect(bytes).toBe(measure(result, 'rehearse:cruise_control_data_to_move_bytes'));
  expect(bytes).toBeGreaterThan(50e9);
  expect(bytes / seconds).toBeLessThan(200e6);
  expect(seconds).toBeGreaterThan(measure(result, 'rehearse:cruise_control_execution_least_seconds')!);
  expect(outcome(result, 'completed')).toBeGreaterThan(10);
  expect(told(result, 'executionFinished')).toHaveLength(1);
  const [finding] = result.findings.filter((f) => f.rule === 'what Cruise Control moved');
  expect(finding!.says).toMatch(
    /^add: \d+ of \d+ tasks, .* GB in .* min; at least .* min: broker 5 takes in; fixed: .*ReplicaDistributionGoal/,
  );
  const count = (broker: number) => last(result, partitions, broker);
  expect(count(5)).toBeGreaterThan(5);
  // 54 replicas before and after: those that moved away are gone.
  expect([0, 1, 2, 3, 4, 5].reduce((sum, b) => sum + count(b), 0)).toBe(54);
  expect(measure(result, 'rehearse:cruise_control_goal_status', '"ReplicaDistributionGoal"')).toBe(1);
});

test('the broker that is added is lost: its tasks are dead, and the execution ends at the next check', () => {
  const result = played([
    { ...add, throttle: '200MB/s' },
    { at: '+120s', id: 'lost', do: 'faults.broker', broker: 5, for: '30m' },
  ]);
  expect(outcome(result, 'dead')).toBeGreaterThan(0);
  const [stopped] = told(result, 'executionStopped');
  // Fenced after the session of 9 s, seen at a check each 10 s.
  expect(stopped!.time).toBeGreaterThan(127e6);
  expect(stopped!.time).toBeLessThan(145e6);
  expect(stopped!.detail).toContain('broker 5 is down');
  expect(reassigning(result)).toBe(0);
});

test('the disk of the broker that is added fills up: the broker goes, and with it the execution', () => {
  const result = played(
    [{ ...add, goals: ['ReplicaDistributionGoal'], skipHardGoalCheck: true, throttle: '200MB/s' }],
    (tree) => {
      tree.kafka.brokers[5]!.disk = '20GB';
    },
  );
  expect(result.told.find((t) => t.kind === 'kafka.diskFull')?.subject).toBe('broker-5');
  expect(told(result, 'executionStopped')[0]!.detail).toContain('broker 5 is down');
  expect(reassigning(result)).toBe(0);
  expect(measure(result, 'rehearse:cluster_underreplicated_partitions')).toBe(0);
});

test('what has no part in the loss is left to Kafka, and its throttle stays for good', () => {
  // Broker 4 is emptied; a broker that some of the partitions stay on or go to is lost.
  const files = filesOf(
    [
      { ...add, mode: 'remove-broker', brokers: [4], throttle: '60MB/s' },
      { at: '+90s', id: 'lost', do: 'faults.broker', broker: 0, for: '5m' },
    ],
    unchanged,
    '+40m',
  );
  const { sim, models, until } = build(scenarioOf('leaf.yaml', files), { seed: '1' });
  sim.run(until);
  const { throttle } = models.kafka as KafkaCluster;
  const { last } = (models.cruiseControl as CruiseControlModel).service.executor;
  expect(last?.stopped).toContain('broker 0 is down');
  expect(last?.abandoned).toBeGreaterThan(0);
  expect([0, 1, 2, 3].some((b) => throttle.rateOf('leader', b) === 60e6)).toBe(true);
});

test('a broken disk is emptied: its replicas go where there is room, and none stays offline', () => {
  const result = played(
    [
      {
        at: '+60s',
        id: 'disk',
        do: 'faults.disk',
        broker: 3,
        directory: 'data-0',
        how: 'failed',
        for: '39m',
      },
      { at: '+120s', id: 'fix', do: 'cruiseControl.rebalance', mode: 'fix-offline' },
    ],
    (tree) => {
      tree.hardware.instanceTypes[0]!.disks = 2;
      const logDirs = [1, 2].map(() => ({ size: '2TB', used: '50GB' }));
      tree.kafka.brokers[3] = { id: 3, node: 'n3', pageCache: '5GiB', logDirs };
    },
  );
  const { values } = result.series
    .of('kafka_server_replicamanager_offlinereplicacount')
    .find((s) => s.labels.broker === '3')!;
  expect(Math.max(...Array.from(values))).toBeGreaterThan(3);
  expect(last(result, 'kafka_server_replicamanager_offlinereplicacount', 3)).toBe(0);
  expect(told(result, 'executionFinished')).toHaveLength(1);
});

test('a stop rolls back what is in progress, and a halt does so by itself', () => {
  const stop = played(
    [add, { at: '+100s', id: 'stop', do: 'cruiseControl.stop' }].map((e, i) =>
      i === 0 ? { ...e, throttle: '50MB/s' } : e,
    ),
  );
  expect(told(stop, 'executionStopped')[0]!.detail).toMatch(/^asked to/);
  expect(outcome(stop, 'dead')).toBeGreaterThan(0);
  expect(outcome(stop, 'abandoned')).toBe(0);
  expect(reassigning(stop)).toBe(0);
  const halt = played([
    { ...add, throttle: '200MB/s', haltIf: 'sum(kafka_server_replicamanager_reassigningpartitions) > 0' },
  ]);
  // The next check finds nothing being reassigned any more.
  expect(told(halt, 'stopRequested')[0]!.time).toBe(70e6);
  expect(told(halt, 'executionStopped')[0]!.time).toBe(80e6);
});

test('a hard goal that cannot be met ends the request, with how many brokers would mend it', () => {
  const result = played([add], (tree) => {
    tree.timeline = [{ ...add, mode: undefined, brokers: undefined }];
    tree.cruiseControl.capacity.inboundNetwork = '40MB/s';
  });
  const [why] = told(result, 'unsatisfiable');
  expect(why!.detail).toMatch(
    /^.*NetworkInboundCapacityGoal.*; \d+ further empty brokers? of the usual capacity would mend it$/,
  );
  expect(measure(result, 'rehearse:cruise_control_brokers_to_add')).toBeGreaterThan(0);
  expect(measure(result, 'rehearse:cruise_control_goal_status', 'NetworkInboundCapacityGoal')).toBe(2);
  expect(result.findings.map((f) => f.rule)).toContain('a hard goal cannot be satisfied');
  expect(result.verdict).toBe('fail');
});

test('where nothing states what the network carries, the request ends with a hint that it does not', () => {
  const result = played([], (tree) => {
    tree.timeline = [{ ...add, mode: undefined, brokers: undefined }];
    delete tree.cruiseControl.capacity.inboundNetwork;
  });
  const hint = 'set cruiseControl.capacity.inboundNetwork';
  expect(told(result, 'unsatisfiable')[0]!.detail).toContain(hint);
  expect(result.findings.find((f) => f.rule === 'a hard goal cannot be satisfied')!.says).toContain(hint);
});

test('a broker that is removed still sends: where it leads all that moves, that bounds how fast it can go', () => {
  const files = filesOf(
    [{ ...add, mode: 'remove-broker', brokers: [0], throttle: '200MB/s' }],
    unchanged,
    '+3m',
  );
  const led = (topic: string, n: number) =>
    Array.from({ length: n }, (_, p) => ({
      topic,
      partition: p,
      replicas: [0, 1 + (p % 4), 1 + ((p + 1) % 4)],
    }));
  files['models/five.json'] = JSON.stringify({
    version: 1,
    partitions: [...led('busy', 12), ...led('idle', 6)],
  });
  const [proposals] = told(run('leaf.yaml', {}, files), 'proposals');
  expect(proposals!.detail).toMatch(/at least .* min: broker 0 sends/);
});

test('a throttle of another unit is echoed back', () => {
  const result = played([{ ...add, throttle: '10B/s' }], unchanged, '+2m');
  expect(result.findings[0]!.says).toMatch(
    /^10 B\/s: 83.3 GB would take \d+ years, which is what a broker holds/,
  );
});

test('a second request is refused while the first is under way, or ends it', () => {
  const second = { ...add, at: '+100s', id: 'second' };
  const refused = played([{ ...add, throttle: '50MB/s' }, second], undefined, '+4m');
  expect(told(refused, 'refused')[0]!.detail).toContain('in progress');
  const takesOver = played([
    { ...add, throttle: '50MB/s' },
    { ...second, stopOngoing: true },
  ]);
  expect(told(takesOver, 'refused')).toEqual([]);
  expect(told(takesOver, 'executionStopped')[0]!.subject).toBe('add');
  expect(told(takesOver, 'executionFinished')[0]!.subject).toBe('second');
});

test('a broker is removed: nothing is left on it, and a later rebalance leaves it alone', () => {
  const result = played([
    { at: '+60s', id: 'remove', do: 'cruiseControl.rebalance', mode: 'remove-broker', brokers: [4] },
    { at: '+20m', id: 'later', do: 'cruiseControl.rebalance' },
  ]);
  expect(last(result, partitions, 4)).toBe(0);
  expect(told(result, 'executionFinished').map((t) => t.subject)).toContain('remove');
});

test('a KafkaRebalance goes through its states, and is Ready at a reconciliation', () => {
  const result = played([
    {
      at: '+60s',
      id: 'mine',
      do: 'strimzi.rebalance',
      mode: 'add-brokers',
      brokers: [5],
      throttle: '200MB/s',
    },
  ]);
  const states = result.told.filter((t) => t.kind === 'strimzi.rebalance');
  expect(states.map((t) => t.detail.split(':')[0])).toEqual(['ProposalReady', 'Rebalancing', 'Ready']);
  expect(states[2]!.time % 120e6).toBe(0);
});

test('new partitions are without metrics at first: a request waits for the window, and a KafkaRebalance for the reconciliation after', () => {
  const more = { at: '+60s', id: 'more', do: 'kafka.createPartitions', topic: 'busy', partitions: 18 };
  const direct = played(
    [more, { at: '+90s', id: 'spread', do: 'cruiseControl.rebalance' }],
    unchanged,
    '+6m',
  );
  expect(told(direct, 'proposals')[0]!.time).toBe(300e6);
  const resource = played([more, { at: '+90s', id: 'spread', do: 'strimzi.rebalance' }], unchanged, '+7m');
  expect(told(resource, 'proposals')[0]!.time).toBe(360e6);
});

test('self-healing moves the replicas off a broker that stays away', () => {
  const heal = {
    'self.healing.enabled': true,
    'broker.failure.detection.backoff.ms': 60_000,
    'broker.failure.alert.threshold.ms': 120_000,
    'broker.failure.self.healing.threshold.ms': 240_000,
  };
  const result = played([{ at: '+60s', id: 'lost', do: 'faults.broker', broker: 4, for: '39m' }], (tree) => {
    tree.cruiseControl.config = heal;
  });
  const [found] = told(result, 'brokerFailure');
  const [healing] = told(result, 'selfHealing');
  expect(healing!.time - found!.time).toBe(240e6);
  expect(told(result, 'executionFinished')).toHaveLength(1);
  expect(measure(result, 'rehearse:cruise_control_fixes_total', 'BROKER_FAILURE')).toBe(1);
  expect(measure(result, 'rehearse:cluster_underreplicated_partitions')).toBe(0);
});

test('what has moved is no longer throttled while the rest still is, and in the end nothing is', () => {
  const files = filesOf([{ ...add, throttle: '100MB/s' }], unchanged, '+40m');
  const { sim, models, until } = build(scenarioOf('leaf.yaml', files), { seed: '1' });
  const { throttle, tables, reassignments } = models.kafka as KafkaCluster;
  const { executor } = (models.cruiseControl as CruiseControlModel).service;
  let partly = 0;
  for (let t = 61e6; t <= until; t += 10e6) {
    sim.run(t);
    const listed = [...Array(tables.partitionCount).keys()].filter((p) =>
      throttle.isListed('leader', p, tables.leader[p]!),
    );
    const rated = [0, 1, 2, 3, 4, 5].filter((b) => throttle.rateOf('follower', b) < Number.POSITIVE_INFINITY);
    if (executor.isIdle) expect([listed, rated]).toEqual([[], []]);
    else if (executor.state === 'INTER_BROKER_REPLICA_MOVEMENT_TASK_IN_PROGRESS') {
      expect(listed.length).toBeGreaterThanOrEqual(reassignments.active);
      expect(rated).toContain(5);
      if (rated.length < 6) partly += 1;
    }
  }
  expect(executor.last?.stopped).toBeUndefined();
  expect(partly).toBeGreaterThan(3);
});
