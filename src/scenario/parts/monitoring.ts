import type { ModelFinding } from '../../engine/catalogue.ts';
import { monitoringCatalogue, monitoringLabels } from '../../models/monitoring/catalogue.ts';
import { type GrafanaGroup, grafanaBaseMicros } from '../../models/monitoring/grafanaGroup.ts';
import { Monitoring } from '../../models/monitoring/monitoring.ts';
import type { RuleGroup, RuleQuery } from '../../models/monitoring/ruleGroup.ts';
import { SampleClock } from '../../models/monitoring/sampleClock.ts';
import type { ServerOptions } from '../../promql/leaves.ts';
import { namesOf, parseExpression, selectorsOf } from '../../promql/parse.ts';
import { alertmanagerOf, channelsOf } from '../alertRouting.ts';
import { type Unanswerable, unanswerable } from '../answerable.ts';
import { derivedMetrics, Exposition } from '../connections/exposition.ts';
import { processGauge, ScrapedGauges } from '../connections/gaugesToMonitoring.ts';
import { labelsBy } from '../labelTemplates.ts';
import { checkMonitoring } from '../monitoringChecks.ts';
import { type PlacedGroup, recordedMetrics, ruleGroups } from '../monitoringRules.ts';
import {
  type MonitoringPartSettings,
  monitoringSettings,
  prometheusDefaults,
} from '../monitoringSettings.ts';
import type { BuildContext, Part } from '../part.ts';
import { serviceLevelsOf } from '../serviceLevels.ts';

const ownMetrics = monitoringCatalogue.metrics.map((m) => m.name);

/** Whether anybody looks at what the monitoring says: otherwise it is not played at all. */
function isWanted(s: MonitoringPartSettings, { sim, readText }: BuildContext): boolean {
  return [...ownMetrics, ...recordedMetrics(ruleGroups(s, readText)).map((m) => m.name)].some((name) =>
    sim.records(name),
  );
}

function expressions(s: MonitoringPartSettings, { readText }: BuildContext): readonly string[] {
  return [
    ...ruleGroups(s, readText).flatMap((g) => g.rules.map((r) => r.expr)),
    ...(s.grafana ?? []).flatMap((g) => g.rules.map((r) => r.expr)),
  ];
}

/** Every metric that a rule reads; expressions that cannot be read are told by the checks. */
function reads(s: MonitoringPartSettings, context: BuildContext): readonly string[] {
  if (!isWanted(s, context)) return [];
  const names = [...context.metricNames, ...derivedMetrics.map((d) => d.name)];
  const read = expressions(s, context).flatMap((text) => {
    const parsed = parseExpression(text);
    return parsed.ok ? selectorsOf(parsed.value).flatMap((s) => namesOf(s, names)) : [];
  });
  return [
    processGauge,
    ...read.flatMap((name) => derivedMetrics.find((d) => d.name === name)?.from ?? [name]),
  ];
}

/** The names that rules know the platform's things by. */
function expositionOf(s: MonitoringPartSettings, context: BuildContext): Exposition {
  const strimzi = context.settings.strimzi as { readonly cluster?: string } | undefined;
  const kafka = context.settings.kafka as
    | {
        readonly brokers?: readonly {
          readonly id: number;
          readonly node: string;
          readonly disks?: readonly unknown[];
        }[];
      }
    | undefined;
  return new Exposition({
    cluster: strimzi?.cluster ?? 'kafka',
    namespace: s.kafkaNamespace ?? 'kafka',
    nodeOf: new Map((kafka?.brokers ?? []).map((b) => [`${b.id}`, b.node])),
    hasJbod: (kafka?.brokers ?? []).some((b) => (b.disks?.length ?? 0) > 1),
  });
}

/**
 * The first slot of a clock that goes each interval: `offset` from a full interval of the real clock, or drawn.
 * @param origin microseconds since 1970 of the run's first moment
 */
function firstSlot(
  offset: number | 'drawn',
  intervalMicros: number,
  origin: number,
  draw: () => number,
): number {
  if (offset === 'drawn') return Math.floor(draw() * intervalMicros);
  const phase = (offset - origin) % intervalMicros;
  return phase < 0 ? phase + intervalMicros : phase;
}

function create(s: MonitoringPartSettings, context: BuildContext): Monitoring {
  const { sim } = context;
  const origin = context.from - context.warmUp;
  const wanted = isWanted(s, context);
  const slot = (offset: number | 'drawn', interval: number, entity: string, purpose: string) =>
    firstSlot(offset, interval, origin, () => sim.stream(entity, purpose)());
  const targets = new Map<string, SampleClock>();
  const scrapeInterval = s.scrapeInterval ?? prometheusDefaults.scrapeIntervalMicros;
  const clockOf = (target: string) => {
    let known = targets.get(target);
    if (known === undefined) {
      const entity = `target/${target}`;
      const missProbability = s.missedScrapes ?? 0;
      known = new SampleClock(
        scrapeInterval,
        slot(s.scrapeOffset ?? 'drawn', scrapeInterval, entity, 'scrapeOffset'),
        missProbability === 0 ? {} : { missProbability, draw: sim.stream(entity, 'missedScrapes') },
      );
      targets.set(target, known);
    }
    return known;
  };
  const all = ruleGroups(s, context.readText);
  const exposition = expositionOf(s, context);
  const managed = managedGroups(s);
  const lacking = unanswerable([...all, ...managed], exposition.exposed(context.metrics));
  const [change] = context.timeline.map((entry) => entry.at).sort((a, b) => a - b);
  const gauges = new ScrapedGauges({
    sim,
    labelsOf: context.labelsOf,
    names: [...context.metricNames, ...derivedMetrics.map((d) => d.name)],
    exposition,
    clockOf,
    writtenBy: (name, row) => (made.isWritten(name) ? made.series(name).clockOf(row) : undefined),
    origin,
  });
  const server: ServerOptions = {
    major: s.prometheus === 2 ? 2 : 3,
    lookbackMicros: s.lookback ?? prometheusDefaults.lookbackMicros,
    stepMicros: s.evaluationInterval ?? prometheusDefaults.evaluationIntervalMicros,
  };
  const query = (text: string): RuleQuery => {
    const parsed = parseExpression(text);
    if (!parsed.ok) throw new RangeError(`the rule's expression ${text} cannot be read`);
    return gauges.query(parsed.value, server);
  };
  const groups = wanted ? groupsOf(s, all, lacking, slot, query) : [];
  const made: Monitoring = new Monitoring(sim, {
    groups,
    resendDelayMicros: s.resendDelay ?? prometheusDefaults.resendDelayMicros,
    alertmanager: alertmanagerOf(s, (t) => origin + t, context.warmUp),
    grafana: wanted ? grafanaOf(s, managed, lacking, slot, query) : [],
    channels: channelsOf(s),
    unixSeconds: (t) => (origin + t) / 1e6,
    ask: (text) => query(text).at(sim.now),
    rules: [...all, ...managed].flatMap(({ name: group, file, rules }) =>
      rules.map((r) => ({ rule: r.name, kind: r.kind, group, file, notAnswerable: lacking.get(r) ?? null })),
    ),
    changeAt: change === undefined ? undefined : context.warmUp + change,
  });
  const written = recordedMetrics(all).map((m) => m.name);
  if ([...ownMetrics, ...written].some((name) => context.watched.has(name))) made.play();
  return made;
}

type Slot = (offset: number | 'drawn', interval: number, entity: string, purpose: string) => number;

function groupsOf(
  s: MonitoringPartSettings,
  all: readonly PlacedGroup[],
  lacking: Unanswerable,
  slot: Slot,
  query: (text: string) => RuleQuery,
): readonly RuleGroup[] {
  return all.map((g) => {
    const intervalMicros =
      g.intervalMicros ?? s.evaluationInterval ?? prometheusDefaults.evaluationIntervalMicros;
    return {
      name: g.name,
      intervalMicros,
      offsetMicros: slot(g.offset, intervalMicros, `ruleGroup/${g.file}/${g.name}`, 'evaluationOffset'),
      queryOffsetMicros: g.queryOffsetMicros,
      limit: g.limit,
      rules: g.rules
        .filter((r) => !lacking.has(r))
        .map((r) => {
          const labels = { ...g.labels, ...r.labels };
          if (r.kind === 'record') return { kind: 'record', name: r.name, query: query(r.expr), labels };
          return {
            kind: 'alert',
            name: r.name,
            query: query(r.expr),
            forMicros: r.forMicros,
            keepFiringForMicros: r.keepFiringForMicros,
            labels: labelsBy(labels),
            annotations: labelsBy(r.annotations),
          };
        }),
    };
  });
}

/** The rules that Grafana manages, as groups like those of a server. */
function managedGroups(s: MonitoringPartSettings): readonly PlacedGroup[] {
  return (s.grafana ?? []).map((g) => ({
    name: g.name,
    file: 'grafana',
    intervalMicros: g.interval,
    queryOffsetMicros: 0,
    limit: 0,
    offset: 0,
    rules: g.rules.map((r) => ({
      kind: 'alert',
      name: r.name,
      expr: r.expr,
      forMicros: r.for ?? 0,
      keepFiringForMicros: r.keepFiringFor ?? 0,
      labels: r.labels ?? {},
      annotations: {},
    })),
  }));
}

function grafanaOf(
  s: MonitoringPartSettings,
  managed: readonly PlacedGroup[],
  lacking: Unanswerable,
  slot: Slot,
  query: (text: string) => RuleQuery,
): readonly GrafanaGroup[] {
  return (s.grafana ?? []).map((g, place) => {
    const played = g.rules.filter((_, i) => !lacking.has(managed[place]!.rules[i]!));
    const at = slot(
      g.offset ?? s.evaluationOffset ?? 'drawn',
      g.interval,
      `grafana/${g.name}`,
      'evaluationOffset',
    );
    return {
      name: g.name,
      intervalMicros: g.interval,
      // A drawn offset is in steps of the base interval; the clock of the scheduler begins with the run.
      offsetMicros: at - (at % grafanaBaseMicros),
      rules: played.map((r) => ({
        name: r.name,
        query: query(r.expr),
        forMicros: r.for ?? 0,
        keepFiringForMicros: r.keepFiringFor ?? 0,
        noData: r.noData ?? 'NoData',
        error: r.error ?? 'Error',
        missingEvaluations: r.missingEvaluations ?? 2,
        breaches: (value: number) =>
          r.above !== undefined ? value > r.above : r.below !== undefined ? value < r.below : value !== 0,
        labels: labelsBy(r.labels ?? {}),
        annotations: () => ({}),
      })),
    };
  });
}

function findings(monitoring: Monitoring): readonly ModelFinding[] {
  return monitoring.errors().map((e) => ({
    rule: 'an alert rule that cannot be evaluated',
    says: `${e.rule} of group ${e.group} fails at ${e.count} evaluations: ${e.says}`,
  }));
}

export const monitoringPart: Part<MonitoringPartSettings, Monitoring> = {
  name: 'monitoring',
  says: 'Prometheus with its rules, Alertmanager, Grafana-managed alerts, and whom they tell',
  stands: 'beside',
  settings: monitoringSettings,
  check: (s, checks) => checkMonitoring(s, checks, (name) => checks.isMetric(name)),
  create,
  metrics: (s, readText) => recordedMetrics(ruleGroups(s, readText)),
  reads,
  actions: {},
  catalogue: monitoringCatalogue,
  labels: monitoringLabels,
  findings,
  serviceLevels: serviceLevelsOf,
  alerts: (monitoring) => monitoring.outcome(),
};
