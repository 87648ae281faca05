/** States of Grafana-managed rules, evaluation by evaluation, as state.go and the documentation have them. */
import { expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import {
  type GrafanaAnswer,
  type GrafanaRule,
  GrafanaRuleState,
} from '../../src/models/monitoring/grafanaState.ts';
import { monitoring } from '../support/monitoring.ts';

const rule = (more: Partial<GrafanaRule> = {}): GrafanaRule => ({
  name: 'G',
  forMicros: 0,
  keepFiringForMicros: 0,
  noData: 'NoData',
  error: 'Error',
  missingEvaluations: 2,
  breaches: (value) => value > 0,
  labels: () => ({}),
  annotations: () => ({}),
  ...more,
});

const failed: GrafanaAnswer = { failed: 'no' };
const series = (values: Readonly<Record<string, number>>): GrafanaAnswer =>
  Object.entries(values).map(([s, value]) => ({ labels: { s }, value }));

/** The states after each evaluation, one a minute: `a:Alerting`, or a rule's own under its name. */
function states(given: Partial<GrafanaRule>, answers: readonly GrafanaAnswer[]): string[] {
  const state = new GrafanaRuleState(rule(given));
  return answers.map((answer, i) => {
    state.evaluate(i * 60e6, answer, () => {});
    return [...state.all]
      .map((s) => `${s.labels.s ?? s.labels.alertname}:${s.state}${s.reason === '' ? '' : ` (${s.reason})`}`)
      .join(' ');
  });
}

test('a breach is Pending until `for` is over, and a normal result in between starts it anew', () => {
  const [up, down] = [series({ a: 1 }), series({ a: 0 })];
  expect(states({ forMicros: 120e6 }, [down, up, up, down, up, up, up, down])).toEqual([
    'a:Normal',
    'a:Pending',
    'a:Pending',
    'a:Normal',
    'a:Pending',
    'a:Pending',
    'a:Alerting',
    'a:Normal',
  ]);
});

test('with keep firing for it is Recovering until that is over, and Alerting again on a breach', () => {
  const [up, down] = [series({ a: 1 }), series({ a: 0 })];
  expect(states({ keepFiringForMicros: 120e6 }, [up, down, down, up, down, down, down])).toEqual([
    'a:Alerting',
    'a:Recovering',
    'a:Recovering',
    'a:Alerting',
    'a:Recovering',
    'a:Recovering',
    'a:Normal',
  ]);
});

test('a series that is missing beside others is resolved at the second evaluation', () => {
  expect(states({}, [series({ a: 1, b: 1 }), series({ b: 1 }), series({ b: 1 })])).toEqual([
    'a:Alerting b:Alerting',
    'a:Alerting b:Alerting',
    'a:Normal (MissingSeries) b:Alerting',
  ]);
});

test('no data is an alert of its own that passes through Pending, or what the rule says instead', () => {
  const answers = [series({ a: 1 }), [], [], series({ a: 1 })];
  expect(states({ noData: 'NoData', forMicros: 60e6 }, answers)).toEqual([
    'a:Pending',
    'a:Pending DatasourceNoData:Pending (NoData)',
    'DatasourceNoData:NoData (NoData)',
    'DatasourceNoData:Normal (NoData) a:Pending',
  ]);
  expect(states({ noData: 'OK' }, answers)).toEqual([
    'a:Alerting',
    'a:Normal (NoData)',
    'a:Normal (NoData)',
    'a:Alerting',
  ]);
  expect(states({ noData: 'Alerting', forMicros: 60e6 }, [[], [], series({ a: 0 })])).toEqual([
    'G:Pending (NoData)',
    'G:Alerting (NoData)',
    'G:Normal (NoData) a:Normal',
  ]);
  expect(states({ noData: 'KeepLast' }, answers)).toEqual([
    'a:Alerting',
    'a:Alerting',
    'a:Alerting',
    'a:Alerting',
  ]);
});

test('an evaluation that fails is handled in the same way', () => {
  expect(states({ error: 'Error' }, [failed, series({ a: 0 })])).toEqual([
    'DatasourceError:Error (Error)',
    'DatasourceError:Normal (Error) a:Normal',
  ]);
  expect(states({ error: 'KeepLast' }, [series({ a: 1 }), failed])).toEqual(['a:Alerting', 'a:Alerting']);
});

test('a firing alert is sent again each 30 s and ends four intervals after its last evaluation unless told otherwise', () => {
  const state = new GrafanaRuleState(rule());
  const sent: string[] = [];
  for (let t = 0; t <= 90e6; t += 10e6) {
    state.evaluate(t, series({ a: t < 60e6 ? 1 : 0 }), () => {});
    for (const { state: of, endsAt } of state.toSend(t, 10e6))
      sent.push(`${t / 1e6} ${of.state} ${endsAt / 1e6}`);
  }
  expect(sent).toEqual(['0 Alerting 120', '30 Alerting 150', '60 Normal 60', '90 Normal 60']);
});

test('the alert manager that is built in tells of it after group_wait, without ALERTS', () => {
  const sim = new Simulation({ seed: '1', record: 'all', keepEvents: true });
  const made = monitoring(sim, {
    grafana: [
      {
        name: 'g',
        intervalMicros: 60e6,
        offsetMicros: 10e6,
        rules: [
          {
            ...rule({ forMicros: 60e6 }),
            query: {
              at: (t) =>
                t >= 100e6 && t < 400e6
                  ? [{ labels: { s: 'a' }, value: 1 }]
                  : [{ labels: { s: 'a' }, value: 0 }],
            },
          },
        ],
      },
    ],
  });
  sim.run(1200e6);
  // Breach at 130 s, Alerting at 190 s, told at 220 s; over at 430 s, told at the tick 220 + 300 s.
  expect(made.messages.map((m) => [m.at / 1e6, m.firing.length, m.resolved.length])).toEqual([
    [220, 1, 0],
    [520, 0, 1],
  ]);
  expect(made.series('ALERTS').count).toBe(0);
  expect(sim.gauges.get('rehearse:alert_firing_seconds')!.get(0)).toBe(240);
});
