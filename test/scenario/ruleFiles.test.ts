import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Problem } from '../../src/formats/problem.ts';
import { readRuleFile } from '../../src/scenario/ruleFile.ts';
import { root, run, scenarioOf } from '../support/files.ts';
import { leafFiles, smallScenario } from '../support/leafCases.ts';

const strimzi = {
  broker: readFileSync(`${root}test/recordings/strimzi/kafka-rules.yaml`, 'utf8'),
  exporter: readFileSync(`${root}test/recordings/strimzi/kafka-exporter-topic-rules-group.yaml`, 'utf8'),
};

type Tree = { [key: string]: unknown };

/** A run of the small platform with rule files, scraped and judged each 15 s. */
function played(rules: Readonly<Record<string, string>>, timeline: readonly Tree[], more: Tree = {}) {
  const scenario = {
    ...(smallScenario as Tree),
    to: '+20m',
    timeline,
    monitoring: {
      rules: Object.keys(rules),
      scrapeInterval: '15s',
      evaluationInterval: '15s',
      alertmanager: { route: { groupBy: ['alertname'] } },
    },
    ...more,
  };
  return run('r.yaml', {}, { ...leafFiles, ...rules, 'r.yaml': JSON.stringify(scenario) });
}

const fired = (result: ReturnType<typeof played>) =>
  new Set(result.alerts!.spells.filter((s) => s.firedAt !== null).map((s) => s.alert));

const brokers = (ids: readonly number[], lasts: string) =>
  ids.map((broker) => ({ at: '+60s', id: `b${broker}`, do: 'faults.broker', broker, for: lasts }));

/** Each broker's container dies every 100 s. */
const restarts = Array.from({ length: 40 }, (_, n) => ({
  at: `+${60 + n * 20}s`,
  id: `kill-${n}`,
  do: 'faults.broker',
  broker: n % 5,
}));

const almostFull = (smallScenario as { kafka: Tree }).kafka;

describe('the broker rules of Strimzi', () => {
  const cases: readonly (readonly [string, readonly Tree[], Tree?])[] = [
    ['UnderReplicatedPartitions', brokers([4], '3m')],
    ['UnderMinIsrPartitionCount', brokers([3, 4], '3m')],
    ['OfflinePartitions', brokers([2, 3, 4], '3m')],
    ['AbnormalControllerState', brokers([0, 1], '5m')],
    [
      'OfflineLogDirectoryCount',
      [{ at: '+60s', id: 'd', do: 'faults.disk', broker: 3, how: 'failed', for: '3m' }],
    ],
    ['ScrapeProblem', brokers([3], '6m')],
    ['KafkaNodeContainersDown', brokers([0, 1, 2, 3, 4], '6m')],
    ['KafkaContainerRestartedInTheLast5Minutes', restarts],
    [
      'KafkaRunningOutOfSpace',
      [],
      {
        kafka: {
          ...almostFull,
          brokers: (almostFull.brokers as readonly Tree[]).map((b, i) =>
            i === 2 ? { ...b, diskUsed: '2.2TB' } : b,
          ),
        },
      },
    ],
  ];

  test('are all there', () => {
    const names = cases.map(([name]) => name).sort();
    expect([...strimzi.broker.matchAll(/alert: (\w+)/g)].map((m) => m[1]).sort()).toEqual(names);
  });

  test.each(cases.map(([name, timeline, more = {}]) => ({ name, timeline, more })))(
    '$name fires',
    ({ name, timeline, more }) => {
      const result = played({ 'rules.yaml': strimzi.broker }, timeline, more);
      expect(result.alerts!.rules.filter((r) => r.notAnswerable !== null)).toEqual([]);
      expect([...fired(result)]).toContain(name);
    },
  );

  test('say nothing where nothing happens', () => {
    const result = played({ 'rules.yaml': strimzi.broker }, []);
    expect([...fired(result)]).toEqual([]);
    expect(result.alerts!.rules).toHaveLength(9);
    expect(result.verdict).toBe('pass');
  });
});

test('a rule that cannot be answered is counted, and makes the verdict inconclusive', () => {
  const result = played({ 'a.yaml': strimzi.broker, 'b.yaml': strimzi.exporter }, []);
  const lacking = result.alerts!.rules.filter((r) => r.notAnswerable !== null);
  expect(lacking.map((r) => [r.rule, r.notAnswerable])).toEqual([
    ['NoMessageForTooLong', 'kafka_topic_partition_current_offset is not simulated'],
  ]);
  expect(result.alerts!.rules).toHaveLength(12);
  expect(result.verdict).toBe('inconclusive');
});

test('what rests on it cannot be answered either, and no absence of it is ever told', () => {
  const rules = `groups:
- name: g
  rules:
  - { record: 'nothing:sum', expr: sum(no_such_metric) }
  - { record: 'good:sum', expr: sum(kafka_server_replicamanager_leadercount) }
  - { alert: OnNothing, expr: 'absent(nothing:sum)' }
  - { alert: Absent, expr: absent(no_such_metric) }
  - { alert: NoLabel, expr: 'absent(kafka_server_replicamanager_leadercount{nolabel="x"})' }
  - { alert: Good, expr: 'good:sum > 0 and on() absent(kafka_server_replicamanager_leadercount{pod="none"})' }
  - { alert: Names, expr: 'count({__name__=~"kafka_server_replicamanager_(leader|partition)count"}) == 10' }
`;
  const result = played({ 'r1.yaml': rules }, []);
  expect(result.alerts!.rules.map((r) => [r.rule, r.notAnswerable, r.fired])).toEqual([
    ['nothing:sum', 'no_such_metric is not simulated', 0],
    ['good:sum', null, 0],
    ['OnNothing', 'nothing:sum is not simulated', 0],
    ['Absent', 'no_such_metric is not simulated', 0],
    ['NoLabel', 'label nolabel of kafka_server_replicamanager_leadercount is not simulated', 0],
    ['Good', null, 1],
    ['Names', null, 1],
  ]);
});

test('the silence that a change needs covers every time it is told of, and is not asked for what was there before', () => {
  const rules = `groups:
- name: g
  rules:
  - { alert: Always, expr: 'sum(kafka_server_replicamanager_leadercount) > 0', labels: { severity: info } }
  - { alert: Down, expr: up == 0, for: 30s, labels: { severity: page } }
`;
  const result = played({ 'r1.yaml': rules }, [
    { at: '+5m', id: 'one', do: 'faults.broker', broker: 3, for: '2m' },
    { at: '+10m', id: 'two', do: 'faults.broker', broker: 4, for: '2m' },
  ]);
  const { silences, spells } = result.alerts!;
  expect(silences.map((s) => [s.alert, s.matchers, s.from / 60e6])).toEqual([
    ['Down', ['alertname="Down"', 'severity="page"', 'namespace="kafka"', 'strimzi_io_cluster="a"'], 5],
  ]);
  const ends = spells.filter((s) => s.alert === 'Down').map((s) => s.endedAt!);
  expect(ends).toHaveLength(2);
  expect(silences[0]!.to).toBeGreaterThan(Math.max(...ends));
  expect(silences[0]!.to - Math.max(...ends)).toBeLessThanOrEqual(60e6);
});

describe('a rule file', () => {
  const problemsOf = (text: string) => {
    const problems: Problem[] = [];
    readRuleFile('r.yaml', text, problems);
    return problems.map((p) => `${p.line}:${p.column} ${p.path}: ${p.found}`);
  };

  test('is read as it is: groups, resources, lists of resources, several documents', () => {
    const group = 'groups: [{ name: NAME, interval: 1m30s, rules: [{ alert: A, expr: up == 0, for: 5m }] }]';
    const resource = (name: string) =>
      `kind: PrometheusRule\napiVersion: monitoring.coreos.com/v1\nmetadata: { name: x }\nspec: { ${group.replace('NAME', name)} }`;
    const problems: Problem[] = [];
    expect(readRuleFile('r.yaml', group, problems)).toMatchObject([
      { name: 'NAME', intervalMicros: 90e6, rules: [{ kind: 'alert', name: 'A', forMicros: 300e6 }] },
    ]);
    expect(
      readRuleFile('r.yaml', `${resource('a')}\n---\n${resource('b')}`, problems).map((g) => g.name),
    ).toEqual(['a', 'b']);
    const list = `kind: List\nitems:\n${[resource('c'), resource('d')].map((r) => `- ${r.replaceAll('\n', '\n  ')}`).join('\n')}`;
    expect(readRuleFile('r.yaml', list, problems).map((g) => g.name)).toEqual(['c', 'd']);
    expect(problems).toEqual([]);
  });

  test.each([
    [
      'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: sum(x) > > 1',
      ['5:20 groups[0].rules[0].expr: PromQL cannot be read from "> 1" on'],
    ],
    [
      'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      sum(x)\n        > histogram(y)',
      ['7:20 groups[0].rules[0].expr: PromQL cannot be read from "(y)" on'],
    ],
    [
      'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    four: 5m',
      ['6:5 groups[0].rules[0].four: there is no key four'],
    ],
    [
      'groups:\n- name: g\n  rules:\n  - alert: A\n    record: b\n    expr: x',
      ['4:5 groups[0].rules[0]: both record and alert'],
    ],
    [
      'groups:\n- name: g\n  rules:\n  - expr: x',
      [
        '4:5 groups[0].rules[0]: neither record nor alert',
        '4:5 groups[0].rules[0].alert: a rule without alert',
      ],
    ],
    [
      'groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n    for: 5m',
      ['6:10 groups[0].rules[0].for: for of a recording rule'],
    ],
    [
      'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    for: 5 minutes',
      ['6:10 groups[0].rules[0].for: 5 minutes is no duration'],
    ],
    ['groups:\n- name: g\n- name: g', ['3:3 groups.g: group g is listed twice']],
    ['groups:\n- rules: []', ['2:3 groups[0].name: a group without a name']],
    [
      'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    labels: { a-b: c }',
      ['6:15 groups[0].rules[0].labels.a-b: a-b is no label name'],
    ],
    ['kind: Deployment\napiVersion: apps/v1', ['1:7 kind: a resource of kind Deployment']],
    ['a list: no', ['1:1 a list: there is no key a list', '1:1 groups: no list of groups']],
    ['', ['0:0 : the file is empty']],
  ])('%j is told with its place', (text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  test('with problems is told with the scenario that names it', () => {
    const scenario = { ...(smallScenario as Tree), monitoring: { rules: ['bad.yaml', 'none.yaml'] } };
    expect(() =>
      scenarioOf('r.yaml', {
        ...leafFiles,
        'r.yaml': JSON.stringify(scenario),
        'bad.yaml': 'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: rate(x)',
      }),
    ).toThrow(
      /rate takes a window here[\s\S]*there is no file none.yaml|there is no file none.yaml[\s\S]*rate takes a window here/,
    );
  });
});
