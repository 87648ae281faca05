import type { Simulation } from '../../src/engine/simulation.ts';
import type { AlertmanagerSettings, Receiver } from '../../src/models/monitoring/alertmanager.ts';
import type { RuleSample } from '../../src/models/monitoring/alertState.ts';
import type { LabelMatcher, Labels } from '../../src/models/monitoring/labels.ts';
import { Monitoring, type MonitoringSettings } from '../../src/models/monitoring/monitoring.ts';
import { defaultRoute, type Route } from '../../src/models/monitoring/route.ts';
import type { AlertingRule, RuleGroup, RuleQuery } from '../../src/models/monitoring/ruleGroup.ts';

/** Microseconds of a clock time such as 12:00:10. */
export function clock(text: string): number {
  const [h = 0, m = 0, s = 0] = text.split(':').map(Number);
  return (h * 3600 + m * 60 + s) * 1e6;
}

export const clockText = (micros: number): string => {
  const seconds = Math.floor(micros / 1e6);
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((x) => String(x).padStart(2, '0'))
    .join(':');
};

export const equal = (label: string, value: string): LabelMatcher => ({
  label,
  op: '=',
  value,
  test: (given) => given === value,
});

/** `x > limit`, where x as scraped at `offset`, `offset + interval`, ... is what `value` gave then. */
export function thresholdQuery(
  value: (t: number) => number | undefined,
  limit: number,
  interval: number,
  offset: number,
  labels: Labels = {},
): RuleQuery {
  return {
    at: (t) => {
      const scrape = Math.floor((t - offset) / interval) * interval + offset;
      const v = scrape < 0 ? undefined : value(scrape);
      return v !== undefined && v > limit ? [{ labels, value: v }] : [];
    },
  };
}

/** A query that gives what is listed for each evaluation; nothing behind the list. */
export function listedQuery(
  answers: readonly (readonly RuleSample[])[],
  first: number,
  interval: number,
): RuleQuery {
  return { at: (t) => answers[Math.round((t - first) / interval)] ?? [] };
}

export const alertRule = (
  name: string,
  query: RuleQuery,
  more: { forMicros?: number; keepFiringForMicros?: number; labels?: Labels } = {},
): AlertingRule => ({
  kind: 'alert',
  name,
  query,
  forMicros: more.forMicros ?? 0,
  keepFiringForMicros: more.keepFiringForMicros ?? 0,
  labels: () => more.labels ?? {},
  annotations: () => ({}),
});

export const ruleGroup = (more: Partial<RuleGroup> & Pick<RuleGroup, 'rules'>): RuleGroup => ({
  name: 'group',
  intervalMicros: 60e6,
  offsetMicros: 0,
  queryOffsetMicros: 0,
  limit: 0,
  ...more,
});

let routeIds = 0;
export function route(more: Partial<Route> = {}): Route {
  routeIds += 1;
  return {
    ...defaultRoute,
    id: routeIds,
    receiver: 'team',
    matchers: [],
    groupBy: ['alertname'],
    continues: false,
    muteTimeIntervals: [],
    activeTimeIntervals: [],
    routes: [],
    ...more,
  };
}

export const webhook = (name: string, sendResolved = true): Receiver => ({
  name,
  integrations: [{ kind: 'webhook', sendResolved }],
});

export const alertmanager = (more: Partial<AlertmanagerSettings> = {}): AlertmanagerSettings => ({
  name: 'main',
  route: route(),
  receivers: [webhook('team')],
  inhibitRules: [],
  silences: [],
  intervals: new Map(),
  startDelayMicros: 0,
  ...more,
});

export const monitoring = (sim: Simulation, more: Partial<MonitoringSettings>): Monitoring =>
  new Monitoring(sim, {
    groups: [],
    resendDelayMicros: 60e6,
    alertmanager: alertmanager(),
    grafana: [],
    channels: [],
    unixSeconds: (t) => t / 1e6,
    ...more,
  });
