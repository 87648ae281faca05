import type { ModelFinding } from '../../engine/catalogue.ts';
import { monitoringCatalogue, monitoringLabels } from '../../models/monitoring/catalogue.ts';
import { type GrafanaGroup, grafanaBaseMicros } from '../../models/monitoring/grafanaGroup.ts';
import { Monitoring } from '../../models/monitoring/monitoring.ts';
import type { RuleGroup, RuleQuery } from '../../models/monitoring/ruleGroup.ts';
import { SampleClock } from '../../models/monitoring/sampleClock.ts';
import { parseExpression, selectorsOf } from '../../promql/parse.ts';
import { alertmanagerOf, channelsOf } from '../alertRouting.ts';
import { exposedByProcess, type ReadingOptions, ScrapedGauges } from '../connections/gaugesToMonitoring.ts';
import { labelsBy } from '../labelTemplates.ts';
import { checkMonitoring } from '../monitoringChecks.ts';
import { recordedMetrics, ruleGroups } from '../monitoringRules.ts';
import {
  type MonitoringPartSettings,
  monitoringSettings,
  prometheusDefaults,
} from '../monitoringSettings.ts';
import type { BuildContext, Part } from '../part.ts';

const ownMetrics = monitoringCatalogue.metrics.map((m) => m.name);

/** Whether anybody looks at what the monitoring says: otherwise it is not played at all. */
function isWanted(s: MonitoringPartSettings, { sim }: BuildContext): boolean {
  return [...ownMetrics, ...recordedMetrics(ruleGroups(s)).map((m) => m.name)].some((name) =>
    sim.records(name),
  );
}

function expressions(s: MonitoringPartSettings): readonly string[] {
  return [
    ...ruleGroups(s).flatMap((g) => g.rules.map((r) => r.expr)),
    ...(s.grafana ?? []).flatMap((g) => g.rules.map((r) => r.expr)),
  ];
}

/** Every metric that a rule reads; expressions that cannot be read are told by the checks. */
function reads(s: MonitoringPartSettings, context: BuildContext): readonly string[] {
  if (!isWanted(s, context)) return [];
  return expressions(s).flatMap((text) => {
    const parsed = parseExpression(text);
    return parsed.ok ? selectorsOf(parsed.value).map((selector) => selector.name) : [];
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
  const gauges = new ScrapedGauges(sim, context.labelsOf, exposedByProcess, clockOf, (name, row) =>
    made.isWritten(name) ? made.series(name).clockOf(row) : undefined,
  );
  const options: ReadingOptions = {
    leftOpen: s.prometheus !== 2,
    lookbackMicros: s.lookback ?? prometheusDefaults.lookbackMicros,
    origin,
  };
  const query = (text: string): RuleQuery => {
    const parsed = parseExpression(text);
    if (!parsed.ok) throw new RangeError(`the rule's expression ${text} cannot be read`);
    return gauges.query(parsed.value, options);
  };
  const groups = wanted ? groupsOf(s, slot, query) : [];
  const made: Monitoring = new Monitoring(sim, {
    groups,
    resendDelayMicros: s.resendDelay ?? prometheusDefaults.resendDelayMicros,
    alertmanager: alertmanagerOf(s, (t) => origin + t, context.warmUp),
    grafana: wanted ? grafanaOf(s, slot, query) : [],
    channels: channelsOf(s),
    unixSeconds: (t) => (origin + t) / 1e6,
  });
  const written = recordedMetrics(ruleGroups(s)).map((m) => m.name);
  if ([...ownMetrics, ...written].some((name) => context.watched.has(name))) made.play();
  return made;
}

type Slot = (offset: number | 'drawn', interval: number, entity: string, purpose: string) => number;

function groupsOf(
  s: MonitoringPartSettings,
  slot: Slot,
  query: (text: string) => RuleQuery,
): readonly RuleGroup[] {
  return ruleGroups(s).map((g) => {
    const intervalMicros =
      g.intervalMicros ?? s.evaluationInterval ?? prometheusDefaults.evaluationIntervalMicros;
    return {
      name: g.name,
      intervalMicros,
      offsetMicros: slot(g.offset, intervalMicros, `ruleGroup/${g.file}/${g.name}`, 'evaluationOffset'),
      queryOffsetMicros: g.queryOffsetMicros,
      limit: g.limit,
      rules: g.rules.map((r) => {
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

function grafanaOf(
  s: MonitoringPartSettings,
  slot: Slot,
  query: (text: string) => RuleQuery,
): readonly GrafanaGroup[] {
  return (s.grafana ?? []).map((g) => {
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
      rules: g.rules.map((r) => ({
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
  settings: monitoringSettings,
  check: (s, checks) => checkMonitoring(s, checks, (name) => checks.isMetric(name)),
  create,
  metrics: (s) => recordedMetrics(ruleGroups(s)),
  reads,
  actions: {},
  catalogue: monitoringCatalogue,
  labels: monitoringLabels,
  findings,
};
