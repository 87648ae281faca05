import type { ModelFinding } from '../engine/catalogue.ts';
import type { DueDate } from '../engine/dueDates.ts';
import { mathSelfTest } from '../engine/fingerprint.ts';
import type { Problem } from '../formats/problem.ts';
import { exactValue } from '../promql/exact.ts';
import { evaluateVector } from '../promql/expectation.ts';
import type { SeriesSet } from '../promql/series.ts';
import type { Sample } from '../promql/vector.ts';
import { type Built, build, catalogue } from '../scenario/build.ts';
import type { ObservedEntry, Scenario } from '../scenario/load.ts';
import { parts } from '../scenario/parts/index.ts';
import { judge, labelText } from './judge.ts';
import { play } from './play.ts';
import { failsByChance, leftOut, overPlayed, readReliability, reliabilityOf } from './reliability.ts';
import { playReplications, type ReplicationRow, single, withoutForeignFacts } from './replication.ts';
import type {
  AlertsOutcome,
  ExpectationOutcome,
  Finding,
  MeasureRow,
  ObservedRow,
  Result,
  RiskOutcome,
  Verdict,
} from './result.ts';
import { runSheetsOf, sheetOf } from './runSheet.ts';
import { accountsOf } from './serviceLevels.ts';
import { median, quantile } from './statistics.ts';

export interface RunOptions {
  readonly seed?: string;
  readonly replication?: number;
  readonly verify?: boolean;
  readonly shuffleTies?: boolean;
  /** false leaves out metrics that are sampled and that the scenario itself does not read: no event depends on them, and they cost most of a run. */
  readonly sampled?: false;
  /** Seeds behind the intervals of a scenario that draws; 1 for the one run alone. */
  readonly seeds?: number;
  /** Replications after the shown one that have been played already, in the order of their numbers. */
  readonly rows?: readonly ReplicationRow[];
  readonly version: string;
  /** Hexadecimal digest of a text. */
  readonly digest: (text: string) => string;
  readonly onProgress?: (fraction: number, events: number) => void;
}

/** The path below `scenarios/` without its ending: how a result is named. */
export function scenarioName(file: string): string {
  return file.replace(/^.*?scenarios\//, '').replace(/\.ya?ml$/, '');
}

/**
 * Plays a scenario and judges it. A what-if (`shows:`) plays another world than the one that was observed, so its run is not
 * compared with the facts that it inherits.
 */
export function runScenario(given: Scenario, options: RunOptions): Result {
  const shown = playShown(given, options);
  const rows =
    options.rows ??
    playReplications(
      given,
      shown.seed,
      shown.first + 1,
      shown.first + shown.wanted,
      { everything: false },
      (row) => options.onProgress?.((row.replication - shown.first) / shown.wanted, row.events),
    );
  return resultOf(shown, rows);
}

/** The run that is shown, played and not yet judged. */
export interface Shown {
  readonly scenario: Scenario;
  readonly options: RunOptions;
  readonly seed: string;
  /** Its replication, and how many in all stand behind intervals. */
  readonly first: number;
  readonly wanted: number;
  readonly draws: boolean;
  readonly byChance: boolean;
  readonly notSampled: readonly string[];
  readonly built: Built;
  readonly played: number;
  readonly series: SeriesSet;
}

/** Every metric of the catalogues, and those that come with the scenario's settings, such as what its rules record. */
function metricNamesOf(scenario: Scenario): readonly string[] {
  const settings = scenario.settings(() => 0.5);
  const own = parts.flatMap((p) =>
    settings[p.name] === undefined ? [] : (p.metrics?.(settings[p.name] as never, scenario.readText) ?? []),
  );
  return [...catalogue.metrics, ...own].map((m) => m.name);
}

/** Plays the run that is shown. */
export function playShown(given: Scenario, options: RunOptions): Shown {
  const scenario = withoutForeignFacts(given);
  const seed = options.seed ?? scenario.seed;
  const byChance = failsByChance(scenario);
  const notSampled = byChance || options.sampled === false ? leftOut(scenario) : [];
  const first = options.replication ?? 0;
  const built = build(scenario, {
    seed,
    replication: first,
    record:
      notSampled.length === 0
        ? 'all'
        : new Set(metricNamesOf(scenario).filter((name) => !notSampled.includes(name))),
    keepEvents: true,
    verify: options.verify ?? false,
    shuffleTies: options.shuffleTies ?? false,
  });
  play(built, scenario, options.onProgress);
  const { sim } = built;
  const draws = sim.draws;
  const asked = scenario.observed.length + (byChance ? catalogue.reliability.length : 0);
  return {
    scenario,
    options,
    seed,
    first,
    wanted: draws && asked > 0 ? Math.max(1, options.seeds ?? 100) : 1,
    draws,
    byChance,
    notSampled,
    built,
    played: Math.max(0, Math.min(sim.now, built.until) - scenario.warmUp),
    series: built.series(),
  };
}

/** Judges the shown run, with the replications that stand behind its intervals. */
export function resultOf(shown: Shown, rows: readonly ReplicationRow[]): Result {
  const { scenario, options, seed, byChance, notSampled, built, played, series, draws } = shown;
  const { sim } = built;
  const predictions = predict(shown, rows);
  const place = `${scenario.file}:1`;
  const expectations: ExpectationOutcome[] = scenario.expect.map((e) => {
    const { held: _, ...outcome } = judge(e, series, played);
    return outcome;
  });
  const risks = riskBlock(scenario, series, played);
  for (const risk of risks) {
    if (!scenario.standard.has(risk.name)) continue;
    expectations.push({
      name: `standard: ${risk.name}`,
      that: catalogue.risks.find((r) => r.name === risk.name)!.that,
      mode: 'exact',
      when: 'at the end',
      verdict: risk.ok ? 'pass' : 'fail',
      value: risk.value ?? Number.NaN,
      margin: (risk.limit ?? 0) - (risk.value ?? 0),
      says: `${risk.says}: ${risk.value ?? 'no value'}, limit ${risk.limit}`,
      place,
    });
  }
  const found = built.findings();
  for (const { rule, says, fails } of found) {
    if (fails !== true) continue;
    expectations.push({
      name: `standard: ${rule}`,
      that: '',
      mode: 'exact',
      when: 'at the end',
      verdict: 'fail',
      value: 1,
      margin: -1,
      says,
      place,
    });
  }
  const dueDates = dueDatesFrom(scenario.warmUp, built.dueDates());
  const alerts = shiftedBy(scenario.warmUp, built.alerts());
  const verdicts = expectations.map((e) => e.verdict);
  const verdict: Verdict = verdicts.includes('fail')
    ? 'fail'
    : verdicts.includes('inconclusive') || alerts?.rules.some((r) => r.notAnswerable !== null) === true
      ? 'inconclusive'
      : 'pass';
  const texts = [...scenario.texts].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    rehearse: 1,
    version: options.version,
    title: scenario.title,
    scenario: scenarioName(scenario.file),
    file: scenario.file,
    scenarioDigest: options.digest(JSON.stringify(scenario.resolved)),
    platformDigest: options.digest(texts.map(([, text]) => text).join('\u0000')),
    seed,
    replication: options.replication ?? 0,
    from: scenario.from,
    lengthMicros: scenario.length,
    playedMicros: played,
    stoppedBecause: sim.stoppedBecause ?? null,
    seeds: predictions.seeds,
    draws,
    verdict,
    eventCount: sim.eventCount,
    eventsByKind: sim.eventsByKind(),
    fingerprint: sim.fingerprint(),
    mathSelfTest: mathSelfTest(),
    expectations,
    observed: observedRows(scenario, predictions.values, draws),
    risks,
    measures: measures(series, played),
    findings: findings(scenario, found),
    assumed: scenario.sources,
    warmedInsteadOfPlayed:
      scenario.warmUp > 0
        ? []
        : parts.filter((p) => built.models[p.name] !== undefined).flatMap((p) => p.setInsteadOfWarmed ?? []),
    resolved: {
      scenario: scenario.resolved,
      sources: scenario.sources,
      files: Object.fromEntries(texts.filter(([file]) => !scenario.merged.has(file))),
    },
    metrics: catalogue.metrics,
    eventKinds: catalogue.events,
    panels: catalogue.panels,
    series,
    told: sim.told
      .filter((t) => t.time >= scenario.warmUp)
      .map((t) => ({ ...t, time: t.time - scenario.warmUp })),
    ...(built.serviceLevels.length === 0
      ? {}
      : { serviceLevels: accountsOf(built.serviceLevels, series, played) }),
    ...(dueDates.length === 0 ? {} : { dueDates }),
    ...(scenario.calendar.changes.length === 0
      ? {}
      : {
          runSheets: runSheetsOf(
            scenario,
            [sheetOf(scenario, built.settings, sim.told, series, played)],
            draws,
          ),
        }),
    ...(alerts === undefined ? {} : { alerts }),
    ...(byChance ? { reliability: reliabilityOf(predictions.reliability, played, notSampled) } : {}),
  };
}

/** In order of their ends, in times that count from the start of the period. */
function dueDatesFrom(warmUp: number, dueDates: readonly DueDate[]): readonly DueDate[] {
  return dueDates
    .map((d) => ({
      ...d,
      endsAt: d.endsAt - warmUp,
      renewsAt: d.renewsAt === null ? null : d.renewsAt - warmUp,
    }))
    .sort((a, b) => a.endsAt - b.endsAt || (a.name < b.name ? -1 : 1));
}

/** What rules said, in times that count from the start of the period. */
function shiftedBy(warmUp: number, alerts: AlertsOutcome | undefined): AlertsOutcome | undefined {
  if (alerts === undefined || warmUp === 0) return alerts;
  const shift = (t: number | null) => (t === null ? null : t - warmUp);
  return {
    rules: alerts.rules,
    spells: alerts.spells.map((s) => ({
      ...s,
      activeAt: s.activeAt - warmUp,
      firedAt: shift(s.firedAt),
      endedAt: shift(s.endedAt),
    })),
    silences: alerts.silences.map((s) => ({ ...s, from: s.from - warmUp, to: s.to - warmUp })),
  };
}

interface Predictions {
  readonly seeds: number;
  /** By observed row: one value for each seed; absent values are left out. */
  readonly values: readonly (readonly number[])[];
  /** By seed: what each measure of reliability gave. */
  readonly reliability: readonly (readonly number[])[];
}

/**
 * Observed expressions, and the measures of reliability where things fail by chance, over the shown run and the replications behind it.
 */
function predict(shown: Shown, rows: readonly ReplicationRow[]): Predictions {
  const { scenario, byChance, series, played } = shown;
  const own = scenario.observed.map((o) =>
    o.expression === undefined ? null : single(o.expression, series, played),
  );
  return {
    seeds: rows.length + 1,
    values: scenario.observed.map((_, i) =>
      [own[i]!, ...rows.map((r) => r.observed[i]!)].filter((v) => v !== null),
    ),
    reliability: byChance ? [readReliability(series, played), ...rows.map((r) => r.reliability)] : [],
  };
}

/** The standard risk block: what every run reports without being asked. */
function riskBlock(scenario: Scenario, series: SeriesSet, played: number): RiskOutcome[] {
  return catalogue.risks.map((risk) => {
    let worst: Sample | undefined;
    for (const sample of evaluateVector(overPlayed(risk.that, played), series, played)) {
      if (worst === undefined || sample.value > worst.value) worst = sample;
    }
    const limit = scenario.standard.get(risk.name) ?? risk.limit ?? null;
    const value = worst === undefined || !Number.isFinite(worst.value) ? null : worst.value;
    return {
      name: risk.name,
      unit: risk.unit,
      says: risk.says,
      value,
      limit,
      ok: limit === null || value === null || value <= limit,
      where: worst === undefined ? '' : labelText(worst.labels),
    };
  });
}

function measures(series: SeriesSet, played: number): MeasureRow[] {
  return catalogue.metrics
    .filter((m) => m.name.startsWith('rehearse:'))
    .flatMap((m) =>
      series.of(m.name).flatMap((s) => {
        const value = exactValue(s, played);
        return value === undefined ? [] : [{ name: m.name, labels: s.labels, unit: m.unit, value }];
      }),
    );
}

/** Odd facts of the input, what the models found out, and the contradictions that observed facts name. */
function findings(scenario: Scenario, found: readonly ModelFinding[]): Finding[] {
  const odd = scenario.warnings.map((w: Problem, i) => ({
    id: `W${i + 1}`,
    rule: w.path,
    facts: [`${w.file}:${w.line}`],
    says: `${w.found}; ${w.mend}`,
  }));
  const byId = new Map<string, { facts: string[]; says: string[] }>();
  for (const o of scenario.observed) {
    if (o.contradiction === null) continue;
    const one = byId.get(o.contradiction) ?? { facts: [], says: [] };
    one.facts.push(o.place);
    if (o.note !== null) one.says.push(o.note);
    byId.set(o.contradiction, one);
  }
  const named = [...byId].map(([id, { facts, says }]) => ({
    id,
    rule: 'observed facts contradict each other',
    facts,
    says: [...new Set(says)].join('; '),
  }));
  const models = found.map(({ rule, says }, i) => ({ id: `F${i + 1}`, rule, facts: [], says }));
  return [...odd, ...models, ...named];
}

function observedRows(scenario: Scenario, values: Predictions['values'], draws: boolean): ObservedRow[] {
  const byName = new Map(scenario.observed.map((o, i) => [o.name, i]));
  return scenario.observed.map((o, i): ObservedRow => {
    const all = values[i];
    const predicted = all.length === 0 ? null : median(all);
    const relativeError =
      predicted === null || o.value === null || o.value === 0 ? null : predicted / o.value - 1;
    const baseline = baselineOf(o, scenario.observed, byName);
    return {
      name: o.name,
      that: o.text,
      role: o.role,
      unit: o.unit,
      observed: o.value,
      observedRange: o.range,
      predicted,
      interval: draws && all.length > 1 ? [quantile(all, 0.05), quantile(all, 0.95)] : null,
      relativeError,
      within: o.within,
      ok: gate(o, predicted),
      baseline: baseline?.value ?? null,
      baselineSays: baseline?.says ?? null,
      contradiction: o.contradiction,
      note: o.note,
      source: o.source,
    };
  });
}

/** Derived facts must be right within their printed digits or band, predictions within their band; nothing else has a gate. */
function gate(o: ObservedEntry, predicted: number | null): boolean | null {
  if (o.role !== 'derived' && o.role !== 'predict') return null;
  if (o.value === null || predicted === null) return false;
  if (o.within !== null) return Math.abs(predicted - o.value) <= o.within * Math.abs(o.value) + 1e-9;
  const [low, high] = o.range ?? [o.value, o.value];
  return predicted >= low - 1e-9 && predicted <= high + 1e-9;
}

/** The naive answer beside a prediction. */
function baselineOf(
  o: ObservedEntry,
  all: readonly ObservedEntry[],
  byName: ReadonlyMap<string, number>,
): { readonly value: number; readonly says: string } | null {
  if (o.baseline === null) return null;
  if (o.baseline.kind === 'value') return { value: o.baseline.value, says: o.baseline.says };
  const reference = all[byName.get(o.baseline.from) ?? -1];
  const own = all[byName.get(o.baseline.times) ?? -1];
  const theirs = all[byName.get(o.baseline.over) ?? -1];
  if (reference?.value == null || own?.value == null || theirs?.value == null || theirs.value === 0)
    return null;
  return {
    value: (reference.value * own.value) / theirs.value,
    says: `${o.baseline.from} x ${o.baseline.times} / ${o.baseline.over}`,
  };
}
