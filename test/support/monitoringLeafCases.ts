/** Pairs of values for the keys of the monitoring. */
import type { LeafCase, Path } from './leafCases.ts';

type Json = NonNullable<LeafCase['values'][0]>;
type Tree = { readonly [key: string]: Json };

/** Rule files that cases name. */
export const monitoringFiles: Readonly<Record<string, string>> = {
  'models/rules-a.yaml': 'groups: [{ name: file, rules: [{ alert: FromFile, expr: up == 0 }] }]',
  'models/rules-b.yaml': 'groups: [{ name: file, rules: [{ alert: FromFile, expr: up == 1 }] }]',
};

/** True of the brokers that lead while another is away. */
const under = 'kafka_server_replicamanager_underreplicatedpartitions > 0';
const alert = (name: string, more: Tree = {}): Tree => ({ alert: name, expr: under, ...more });
const clocks: Tree = {
  scrapeInterval: '5s',
  scrapeOffset: '0s',
  evaluationInterval: '5s',
  evaluationOffset: '0s',
};
const waits: Tree = { groupWait: '5s', groupInterval: '10s', repeatInterval: '5m' };
const group = (...rules: Tree[]): Tree => ({ name: 'g', rules });
const receivers = ['r', 's', 't'].map((name): Tree => ({ name, kinds: ['webhook'] }));

/** A rule that fires while broker 0 is away, and who is told. */
const monitored = (more: Tree = {}, manager: Tree = {}): [Path, Json][] => [
  [
    ['monitoring'],
    {
      ...clocks,
      groups: [group(alert('A'))],
      alertmanager: { route: waits, receivers, ...manager },
      ...more,
    },
  ],
];
const root = (...path: (string | number)[]): Path => ['monitoring', ...path];
const settings = (key: string, a: Json, b: Json, more: Tree = {}): Record<string, LeafCase> => ({
  [`monitoring.${key}`]: { setup: monitored(more), at: root(key), values: [a, b] },
});

const outOf = (metric: string) =>
  `avg(avg_over_time((kafka_server_replicamanager_${metric} == bool 0)[{{.window}}:1s]))`;
const ratio: Tree = { errorRatioQuery: outOf('leadercount') };
const counted: Tree = {
  errorQuery: 'sum(avg_over_time(kafka_server_replicamanager_leadercount[{{.window}}]))',
  totalQuery: 'sum(avg_over_time(kafka_server_replicamanager_partitioncount[{{.window}}]))',
};
/** One objective: how it counts what is bad is the last argument. */
const level = (key: string, a: Json, b: Json, how: Tree = ratio): Record<string, LeafCase> => ({
  [`monitoring.serviceLevels[].${key}`]: {
    setup: monitored({ serviceLevels: [{ name: 'one', objective: '99 %', ...how }] }),
    at: root('serviceLevels', 0, key),
    values: [a, b],
  },
});

const rule = (key: string, a: Json, b: Json, more: Tree = {}): Record<string, LeafCase> => ({
  [`monitoring.groups[].rules[].${key}`]: {
    setup: monitored({ groups: [group(alert('A', more))] }),
    at: root('groups', 0, 'rules', 0, key),
    values: [a, b],
  },
});
const ofGroup = (key: string, a: Json, b: Json): Record<string, LeafCase> => ({
  [`monitoring.groups[].${key}`]: { setup: monitored(), at: root('groups', 0, key), values: [a, b] },
});

const everyRoute = (
  name: string,
  path: readonly (string | number)[],
  manager: (inner: Tree) => Tree,
  key: string,
  a: Json,
  b: Json,
  more: Tree = {},
): Record<string, LeafCase> => ({
  [`monitoring.alertmanager.${name}.${key}`]: {
    setup: monitored({}, manager(more)),
    at: root('alertmanager', ...path, key),
    values: [a, b],
  },
});
type Of = (key: string, a: Json, b: Json, more?: Tree) => Record<string, LeafCase>;
const ofRoot: Of = (key, a, b, more) =>
  everyRoute('route', ['route'], (inner) => ({ route: { ...waits, ...inner } }), key, a, b, more);
const intervals: Json = [
  { name: 'always', times: ['00:00-24:00'] },
  { name: 'evening', times: ['18:00-20:00'] },
];
const ofChild: Of = (key, a, b, more = {}) =>
  everyRoute(
    'route.routes[]',
    ['route', 'routes', 0],
    (inner) => ({
      timeIntervals: intervals,
      route: { ...waits, routes: [inner, { receiver: 's', ...waits }] },
    }),
    key,
    a,
    b,
    { receiver: 't', ...more },
  );
const ofGrandchild: Of = (key, a, b, more = {}) =>
  everyRoute(
    'route.routes[].routes[]',
    ['route', 'routes', 0, 'routes', 0],
    (inner) => ({
      timeIntervals: intervals,
      route: { ...waits, routes: [{ routes: [inner, { receiver: 's' }] }] },
    }),
    key,
    a,
    b,
    { receiver: 't', ...more },
  );
const common = (of: Of): Record<string, LeafCase> => ({
  ...of('receiver', 'r', 's'),
  ...of('groupBy', [], ['broker']),
  ...of('groupWait', '1s', '20s'),
  ...of('groupInterval', '10s', '70s'),
  ...of('repeatInterval', '10s', '5m'),
});
const inner = (of: Of): Record<string, LeafCase> => ({
  ...common(of),
  ...of('matchers', ['broker=~"1|2"'], ['broker!="1"']),
  ...of('continue', true, false),
  ...of('muteTimeIntervals', ['always'], ['evening']),
  ...of('activeTimeIntervals', ['always'], ['evening']),
});

const interval = (key: string, a: Json, b: Json): Record<string, LeafCase> => ({
  [`monitoring.alertmanager.timeIntervals[].${key}`]: {
    setup: monitored(
      {},
      {
        timeIntervals: [{ name: 'i' }],
        route: { ...waits, routes: [{ receiver: 't', muteTimeIntervals: ['i'] }] },
      },
    ),
    at: root('alertmanager', 'timeIntervals', 0, key),
    values: [a, b],
  },
});

/** B fires after A, which mutes it. */
const inhibit = (key: string, a: Json, b: Json): Record<string, LeafCase> => ({
  [`monitoring.alertmanager.inhibitRules[].${key}`]: {
    setup: monitored(
      { groups: [group(alert('A', { labels: { zone: 'x' } }), alert('B', { for: '10s' }))] },
      {
        route: { ...waits, groupBy: ['alertname'] },
        inhibitRules: [{ source: ['alertname=A'], target: ['alertname=B'] }],
      },
    ),
    at: root('alertmanager', 'inhibitRules', 0, key),
    values: [a, b],
  },
});

const receiver = (key: string, a: Json, b: Json): Record<string, LeafCase> => ({
  [`monitoring.alertmanager.receivers[].${key}`]: {
    setup: monitored({}, { receivers: [{ name: 'only' }] }),
    at: root('alertmanager', 'receivers', 0, key),
    values: [a, b],
  },
});

const channel = (key: string, a: Json, b: Json): Record<string, LeafCase> => ({
  [`monitoring.channels[].${key}`]: {
    setup: monitored({ channels: [{ name: 'c', receivers: ['r'] }] }),
    at: root('channels', 0, key),
    values: [a, b],
  },
});
const step = (key: string, a: Json, b: Json): Record<string, LeafCase> => ({
  [`monitoring.channels[].steps[].${key}`]: {
    setup: monitored({
      channels: [{ name: 'c', receivers: ['r'], steps: [{ name: 'p', acknowledges: '10s' }] }],
    }),
    at: root('channels', 0, 'steps', 0, key),
    values: [a, b],
  },
});

const leaders = 'kafka_server_replicamanager_leadercount';
const grafana = (more: Tree, group: Tree = {}): [Path, Json][] =>
  monitored({
    groups: [],
    grafana: [
      {
        name: 'g',
        interval: '10s',
        offset: '0s',
        ...group,
        rules: [{ name: 'G', expr: 'kafka_server_replicamanager_underreplicatedpartitions', ...more }],
      },
    ],
  });
const ofGrafana = (key: string, a: Json, b: Json, more: Tree = {}): Record<string, LeafCase> => ({
  [`monitoring.grafana[].rules[].${key}`]: {
    setup: grafana(more),
    at: root('grafana', 0, 'rules', 0, key),
    values: [a, b],
  },
});

const silence = (key: string, a: Json, b: Json): Record<string, LeafCase> => ({
  [`monitoring.silences[].${key}`]: {
    setup: monitored({ silences: [{ name: 'one', matchers: ['alertname=A'], from: '+0s', to: '+4m' }] }),
    at: root('silences', 0, key),
    values: [a, b],
  },
});

export const monitoringCases: Readonly<Record<string, LeafCase>> = {
  ...settings('scrapeInterval', '5s', '30s'),
  ...settings('scrapeOffset', '0s', '4s', { scrapeInterval: '30s' }),
  ...settings('missedScrapes', '0%', '50%'),
  ...settings('evaluationInterval', '5s', '30s'),
  ...settings('evaluationOffset', '0s', '3s'),
  ...settings('prometheus', 2, 3, {
    groups: [group({ alert: 'A', expr: `count_over_time(${leaders}[10s]) > 2` })],
  }),
  ...settings('kafkaNamespace', 'kafka', 'prod', {
    groups: [group({ alert: 'A', expr: 'up{namespace="kafka"} == 0' })],
  }),
  ...settings('rules', ['models/rules-a.yaml'], ['models/rules-b.yaml']),
  ...level('name', 'one', 'two'),
  ...level('objective', '99 %', '99.9 %'),
  ...level('period', '30d', '7d'),
  ...level('errorQuery', counted.errorQuery!, `0 * ${counted.errorQuery}`, counted),
  ...level('totalQuery', counted.totalQuery!, `2 * ${counted.totalQuery}`, counted),
  ...level('errorRatioQuery', outOf('leadercount'), outOf('partitioncount'), {}),
  ...settings('lookback', '5m', '10s', { scrapeInterval: '30s' }),
  // What ended under a silence is told when the server sends it again.
  ...settings('resendDelay', '1m', '10m', {
    silences: [{ name: 'one', matchers: ['alertname=A'], from: '+90s', to: '+150s' }],
  }),
  ...ofGroup('interval', '5s', '30s'),
  ...ofGroup('offset', '0s', '3s'),
  ...ofGroup('queryOffset', '0s', '20s'),
  ...ofGroup('limit', 1, 10),
  ...rule('alert', 'A', 'B'),
  ...rule('expr', under, `${leaders} == 0`),
  ...rule('for', '0s', '20s'),
  ...rule('keepFiringFor', '0s', '30s'),
  'monitoring.groups[].rules[].labels.{}': {
    setup: monitored({ groups: [group(alert('A', { labels: {} }))] }),
    at: root('groups', 0, 'rules', 0, 'labels', 'severity'),
    values: ['page', 'ticket'],
  },
  'monitoring.groups[].rules[].annotations.{}': {
    setup: monitored({ groups: [group(alert('A', { annotations: {} }))] }),
    at: root('groups', 0, 'rules', 0, 'annotations', 'summary'),
    values: ['{{ $labels.broker }} has {{ $value }}', '{{ $value | humanize }}'],
  },
  'monitoring.groups[].rules[].record': {
    setup: monitored({ groups: [group({ record: 'a:b', expr: under })] }),
    at: root('groups', 0, 'rules', 0, 'record'),
    values: ['a:b', 'a:c'],
  },
  ...common(ofRoot),
  ...inner(ofChild),
  ...inner(ofGrandchild),
  ...interval('times', ['00:00-01:00'], ['12:00-13:00']),
  ...interval('weekdays', ['wednesday'], ['friday']),
  ...inhibit('source', ['alertname=A'], ['alertname=C']),
  ...inhibit('target', ['alertname=B'], ['alertname=C']),
  ...inhibit('equal', [], ['zone']),
  ...receiver('name', 'one', 'two'),
  ...receiver('kinds', ['slack'], ['pagerduty']),
  ...receiver('sendResolved', true, false),
  'monitoring.alertmanager.startDelay': {
    setup: monitored(),
    at: root('alertmanager', 'startDelay'),
    values: ['0s', '2m'],
  },
  ...channel('name', 'c', 'd'),
  ...channel('receivers', ['r'], ['s']),
  ...channel('kinds', ['webhook'], ['slack']),
  ...channel('delivery', '1s', '20s'),
  ...step('name', 'p', 'q'),
  ...step('after', '0s', '20s'),
  ...step('acknowledges', '10s', '30s'),
  'monitoring.grafana[].interval': {
    setup: grafana({}),
    at: root('grafana', 0, 'interval'),
    values: ['10s', '30s'],
  },
  'monitoring.grafana[].offset': {
    setup: grafana({}, { interval: '30s' }),
    at: root('grafana', 0, 'offset'),
    values: ['0s', '20s'],
  },
  ...ofGrafana('expr', under, `${leaders} == 0`),
  ...ofGrafana('above', 0, 10_000),
  ...ofGrafana('below', 0, 10_000),
  ...ofGrafana('for', '0s', '20s'),
  ...ofGrafana('keepFiringFor', '0s', '30s'),
  ...ofGrafana('noData', 'NoData', 'OK', { expr: under }),
  ...ofGrafana('error', 'Error', 'OK', { expr: `${leaders} + on() ${leaders}` }),
  // Broker 0 leads nothing once it was away.
  ...ofGrafana('missingEvaluations', 2, 5, { expr: `${leaders} > 0` }),
  'monitoring.grafana[].rules[].labels.{}': {
    setup: grafana({ labels: {} }),
    at: root('grafana', 0, 'rules', 0, 'labels', 'severity'),
    values: ['page', 'ticket'],
  },
  ...silence('matchers', ['alertname=A'], ['alertname=B']),
  ...silence('from', '+0s', '+3m'),
  ...silence('to', '+4m', '+30s'),
};

export const monitoringNames: readonly string[] = [
  'monitoring.alertmanager.timeIntervals[].name',
  'monitoring.grafana[].name',
  'monitoring.grafana[].rules[].name',
  'monitoring.groups[].name',
  'monitoring.silences[].name',
];
