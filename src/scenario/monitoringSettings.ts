import { z } from 'zod';
import { q } from './quantity.ts';

const duration = q.duration({ min: 0 });
const interval = q.duration({ min: 1_000_000 });
const texts = z.record(z.string(), z.string());
const offset = z
  .union([z.literal('drawn'), duration])
  .meta({ description: 'from the full interval by the clock; drawn: any, as the hash of a name gives it' });

const ruleKeys = {
  expr: z.string().min(1).meta({ description: 'PromQL over what is scraped' }),
  labels: texts.optional(),
};
const alertRule = z.strictObject({
  alert: z.string().min(1),
  ...ruleKeys,
  for: duration.optional(),
  keepFiringFor: duration.optional(),
  annotations: texts.optional(),
});
const recordRule = z.strictObject({ record: z.string().min(1), ...ruleKeys });

const ruleGroup = z.strictObject({
  name: z.string().min(1),
  interval: interval.optional(),
  offset: offset.optional(),
  queryOffset: duration.optional(),
  limit: q.count({ min: 0 }).optional(),
  rules: z.array(z.union([alertRule, recordRule])).max(10_000),
});

const grafanaRule = z.strictObject({
  name: z.string().min(1),
  expr: ruleKeys.expr,
  above: q
    .number()
    .optional()
    .meta({ description: 'the condition; a value other than 0 where none is given' }),
  below: q.number().optional(),
  for: duration.optional(),
  keepFiringFor: duration.optional(),
  noData: z.enum(['NoData', 'Alerting', 'OK', 'KeepLast']).optional(),
  error: z.enum(['Error', 'Alerting', 'OK', 'KeepLast']).optional(),
  missingEvaluations: q.count({ min: 1 }).optional(),
  labels: texts.optional(),
});

const grafanaGroup = z.strictObject({
  name: z.string().min(1),
  interval: interval.meta({ description: 'a multiple of 10 s' }),
  offset: offset.optional(),
  rules: z.array(grafanaRule).max(1000),
});

const rootKeys = {
  receiver: z.string().min(1).optional(),
  groupBy: z.array(z.string()).optional().meta({ description: 'label names, or ... for all' }),
  groupWait: duration.optional(),
  groupInterval: interval.optional(),
  repeatInterval: interval.optional(),
};
const routeKeys = {
  ...rootKeys,
  matchers: z
    .array(z.string())
    .optional()
    .meta({ description: 'as Alertmanager writes them: severity=~"page|ticket"' }),
  continue: z.boolean().optional(),
  muteTimeIntervals: z.array(z.string()).optional(),
  activeTimeIntervals: z.array(z.string()).optional(),
};

export interface RouteSettings {
  readonly receiver?: string | undefined;
  readonly matchers?: readonly string[] | undefined;
  readonly groupBy?: readonly string[] | undefined;
  readonly groupWait?: number | undefined;
  readonly groupInterval?: number | undefined;
  readonly repeatInterval?: number | undefined;
  readonly continue?: boolean | undefined;
  readonly muteTimeIntervals?: readonly string[] | undefined;
  readonly activeTimeIntervals?: readonly string[] | undefined;
  readonly routes?: readonly RouteSettings[] | undefined;
}

// Two levels below the root, which takes every alert at any time: deeper ones can be written with `continue`.
const leafRoute = z.strictObject(routeKeys);
const upperRoute = z.strictObject({ ...routeKeys, routes: z.array(leafRoute).max(1000).optional() });
const route = z.strictObject({ ...rootKeys, routes: z.array(upperRoute).max(1000).optional() });

const timeInterval = z.strictObject({
  name: z.string().min(1),
  weekdays: z
    .array(z.enum(['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']))
    .min(1)
    .optional(),
  times: z.array(z.string()).min(1).optional().meta({ description: 'of the day in UTC, as in 22:00-06:00' }),
});

const matchersOf = (description: string) => z.array(z.string()).min(1).meta({ description });

const alertmanager = z.strictObject({
  route: route.optional(),
  receivers: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        kinds: z
          .array(z.string().min(1))
          .optional()
          .meta({ description: 'integrations: slack, pagerduty, opsgenie, webhook, email, ...' }),
        sendResolved: z.boolean().optional(),
      }),
    )
    .max(1000)
    .optional(),
  inhibitRules: z
    .array(
      z.strictObject({
        source: matchersOf('what mutes'),
        target: matchersOf('what is muted'),
        equal: z.array(z.string()).optional(),
      }),
    )
    .max(1000)
    .optional(),
  timeIntervals: z.array(timeInterval).max(1000).optional(),
  startDelay: duration.optional(),
});

const channel = z.strictObject({
  name: z.string().min(1),
  receivers: z.array(z.string().min(1)).min(1),
  kinds: z.array(z.string().min(1)).optional(),
  delivery: q.varying.duration().optional(),
  steps: z
    .array(
      z.strictObject({
        name: z.string().min(1).meta({ description: 'who is told' }),
        after: duration.optional().meta({ description: 'from the arrival of the first message' }),
        acknowledges: q.varying
          .duration()
          .optional()
          .meta({ description: 'from being told; nobody acknowledges where it is left out' }),
      }),
    )
    .max(20)
    .optional(),
});

const silence = z.strictObject({
  name: z.string().min(1),
  matchers: matchersOf('as Alertmanager writes them'),
  from: z.string().meta({ description: 'RFC 3339, or an offset such as +10m' }),
  to: z.string(),
});

const query = z.string().min(1);
const serviceLevel = z.strictObject({
  name: z.string().min(1),
  objective: q.ratio({ min: 0, max: 0.999999 }).meta({ description: 'share that has to be good, as 99.9 %' }),
  period: q.duration({ min: 60_000_000 }).optional().meta({ description: 'of the budget; absent: 30d' }),
  errorQuery: query
    .optional()
    .meta({ description: 'PromQL for what is bad, with {{.window}} where the window stands' }),
  totalQuery: query.optional().meta({ description: 'PromQL for all there is, likewise' }),
  errorRatioQuery: query
    .optional()
    .meta({ description: 'PromQL for the share of what is bad, in place of the two' }),
});

export const monitoringSettings = z.strictObject({
  scrapeInterval: interval.optional(),
  scrapeOffset: offset.optional(),
  missedScrapes: q.ratio({ min: 0, max: 0.99 }).optional(),
  evaluationInterval: interval.optional(),
  evaluationOffset: offset.optional(),
  prometheus: z
    .union([z.literal(2), z.literal(3)])
    .optional()
    .meta({ description: 'major version: 3 leaves the left end of a window out' }),
  lookback: interval.optional(),
  kafkaNamespace: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'namespace label of what the Kafka pods expose' }),
  resendDelay: duration.optional(),
  rules: z
    .array(z.string().min(1))
    .max(64)
    .optional()
    .meta({ description: 'rule files of Prometheus, or PrometheusRule resources, as they are' }),
  groups: z.array(ruleGroup).max(10_000).optional(),
  alertmanager: alertmanager.optional(),
  grafana: z.array(grafanaGroup).max(1000).optional(),
  channels: z.array(channel).max(1000).optional(),
  serviceLevels: z.array(serviceLevel).max(1000).optional(),
  silences: z.array(silence).max(10_000).optional(),
});
export type MonitoringPartSettings = z.output<typeof monitoringSettings>;

/**
 * What a server does that is told nothing else. Source: Prometheus 3, config/config.go `DefaultGlobalConfig`; cmd/prometheus
 * `--query.lookback-delta`, `--rules.alert.resend-delay`.
 */
export const prometheusDefaults = {
  scrapeIntervalMicros: 60e6,
  evaluationIntervalMicros: 60e6,
  lookbackMicros: 300e6,
  resendDelayMicros: 60e6,
};
