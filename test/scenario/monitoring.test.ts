import { expect, test } from 'vitest';
import { loadScenario } from '../../src/scenario/load.ts';
import { parts } from '../../src/scenario/parts/index.ts';
import { reader } from '../support/files.ts';

/** What is told of a scenario with this monitoring: `line:column path: found`. */
function told(monitoring: string): string[] {
  const lines = [
    'rehearse: 1',
    'extends: models/platforms/reference.yaml',
    'from: 2025-01-01T00:00:00Z',
    'to: +1h',
    monitoring,
  ];
  const loaded = loadScenario('m.yaml', reader({ 'm.yaml': lines.join('\n') }), parts);
  return loaded.problems.map((p) => `${p.line}:${p.column} ${p.path}: ${p.found}`);
}

const rule = (text: string) => told(`monitoring:\n  groups:\n    - name: g\n      rules:\n${text}`);

test('an expression that cannot be read is told at its character', () => {
  expect(rule('        - alert: A\n          expr: sum(x) > > 1')).toEqual([
    '10:26 monitoring.groups.g.rules.0.expr: PromQL cannot be read from "> 1" on',
  ]);
  expect(
    rule(
      '        - alert: A\n          expr: |\n            sum(x)\n              + nosuch(y)\n            > 1',
    ),
  ).toEqual(['12:23 monitoring.groups.g.rules.0.expr: PromQL cannot be read from "(y)\n> 1" on']);
  expect(rule('        - alert: A\n          expr: max_over_time(x) > 1')).toEqual([
    '10:31 monitoring.groups.g.rules.0.expr: max_over_time takes a window here, not a vector',
  ]);
});

test('a template that cannot be filled in is told at its character', () => {
  expect(
    rule('        - alert: A\n          expr: x\n          annotations: { summary: "is {{ query `up` }}" }'),
  ).toEqual([
    '11:42 monitoring.groups.g.rules.0.annotations.summary: the template function query is not played here',
  ]);
  expect(rule('        - alert: A\n          expr: x\n          labels: { bad-name: x }')).toEqual([
    '11:31 monitoring.groups.g.rules.0.labels.bad-name: bad-name is no label name',
  ]);
});

test('a rule that is none, or records what is there already, is told', () => {
  expect(rule('        - expr: x')).toHaveLength(1);
  expect(rule('        - record: kafka_server_replicamanager_leadercount\n          expr: x')).toEqual([
    '9:19 monitoring.groups.g.rules.0.record: kafka_server_replicamanager_leadercount is a metric already',
  ]);
  expect(rule('        - record: a-b\n          expr: x')).toEqual([
    '9:19 monitoring.groups.g.rules.0.record: a-b is no metric name',
  ]);
  expect(rule('        - record: a\n          expr: x\n          for: 5m')).toHaveLength(1);
});

test('names that lead nowhere, matchers and times that cannot be read are told', () => {
  expect(
    told(`monitoring:
  alertmanager:
    route: { receiver: nobody, routes: [{ receiver: r, matchers: ['a=~"("'], muteTimeIntervals: [night] }] }
    receivers: [{ name: r }]
    timeIntervals: [{ name: day, times: ['8-20'] }]
    inhibitRules: [{ source: [a], target: ['b="c"'] }]
  channels: [{ name: c, receivers: [q] }]
  silences: [{ name: s, matchers: ['a="b"'], from: +2h, to: +1h }, { name: t, matchers: ['a'], from: noon, to: +1h }]
  grafana: [{ name: g, interval: 15s, rules: [{ name: x, expr: y, above: 1, below: 2 }] }]`),
  ).toEqual([
    '7:24 monitoring.alertmanager.route.receiver: there is no receiver nobody',
    '7:67 monitoring.alertmanager.route.routes.0.matchers.0: a: ( is no regular expression that can be used: missing closing )',
    '7:98 monitoring.alertmanager.route.routes.0.muteTimeIntervals.0: there is no time interval night',
    '9:42 monitoring.alertmanager.timeIntervals.day.times.0: 8-20 is no time of the day',
    '10:31 monitoring.alertmanager.inhibitRules.0.source.0: a is no matcher',
    '11:37 monitoring.channels.c.receivers.0: there is no receiver q',
    '12:61 monitoring.silences.s.to: +1h is not after +2h',
    '12:90 monitoring.silences.t.matchers.0: a is no matcher',
    '12:102 monitoring.silences.t.from: noon is neither an RFC 3339 time nor an offset',
    '13:34 monitoring.grafana.g.interval: no multiple of 10 s',
    '13:84 monitoring.grafana.g.rules.x.below: two conditions',
  ]);
});

test('an expectation may name what a rule records, and no other unknown metric', () => {
  const groups = 'monitoring:\n  groups: [{ name: g, rules: [{ record: a:b, expr: x }] }]\n';
  const expecting = (that: string) => told(`${groups}expect:\n  - { name: e, that: '${that}' }`);
  expect(expecting('a:b{any="label"} == 1')).toEqual([]);
  expect(expecting('ALERTS{alertname="A", pod="p"} == 1')).toEqual([]);
  expect(expecting('a:c == 1')).toHaveLength(1);
});
