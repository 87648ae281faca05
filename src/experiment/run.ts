import type { ModelFinding } from '../engine/catalogue.ts';
import type { DueDate } from '../engine/dueDates.ts';
import { mathSelfTest } from '../engine/fingerprint.ts';
import { eventClass } from '../engine/simulation.ts';
import type { Problem } from '../formats/problem.ts';
import { exactValue } from '../promql/exact.ts';
import { changeTimes, checkExpectation, evaluateVector } from '../promql/expectation.ts';
import { ExactView, ServerView, type View } from '../promql/leaves.ts';
import { type Expression, selectorsOf } from '../promql/parse.ts';
import { prometheus3, scrape } from '../promql/samples.ts';
import type { SeriesSet } from '../promql/series.ts';
import type { Sample } from '../promql/vector.ts';
import { type Built, build, catalogue } from '../scenario/build.ts';
import type { ExpectationEntry, ObservedEntry, Scenario } from '../scenario/load.ts';
import { parts } from '../scenario/parts/index.ts';
import { failsByChance, leftOut, overPlayed, readReliability, reliabilityOf } from './reliability.ts';
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
import { accountsOf } from './serviceLevels.ts';
import { median, quantile } from './statistics.ts';

export interface RunOptions {
  readonly seed?: string;
  readonly replication?: number;
  readonly verify?: boolean;
  readonly shuffleTies?: boolean;
  /** Seeds behind the intervals of a scenario that draws; 1 for the one run alone. */
  readonly seeds?: number;
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
  const scenario = given.shows === undefined ? given : { ...given, observed: [] };
  const seed = options.seed ?? scenario.seed;
  const byChance = failsByChance(scenario);
  const notSampled = byChance ? leftOut(scenario) : [];
  const built = build(scenario, {
    seed,
    replication: options.replication ?? 0,
    record:
      notSampled.length === 0
        ? 'all'
        : new Set(catalogue.metrics.map((m) => m.name).filter((name) => !notSampled.includes(name))),
    keepEvents: true,
    verify: options.verify ?? false,
    shuffleTies: options.shuffleTies ?? false,
  });
  play(built, scenario, options.onProgress);
  const { sim } = built;
  const played = Math.max(0, Math.min(sim.now, built.until) - scenario.warmUp);
  const series = built.series();
  const draws = sim.draws;
  const predictions = predict(scenario, options, seed, draws, byChance, series, played);
  const expectations = scenario.expect.map((e) => judge(e, series, played));
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
    ...(alerts === undefined ? {} : { alerts }),
    ...(byChance ? { reliability: reliabilityOf(predictions.reliability, played, notSampled) } : {}),
  };
}

/** Plays to the end, or until the scenario's own condition holds; in slices, so that progress can be told. */
export function play(
  built: Built,
  scenario: Scenario,
  onProgress?: (fraction: number, events: number) => void,
): void {
  const { sim, until } = built;
  if (scenario.until !== undefined) {
    const { expression, text } = scenario.until;
    // An observer at the end of each instant in which something happened: it reads, and stops the run.
    const look = sim.on(
      'experiment.until',
      () => {
        if (checkExpectation(expression, new ExactView(built.live()), [sim.now]).holds) sim.stop(text);
      },
      eventClass.observer,
    );
    let pending = sim.at(0, look);
    let last = -1;
    sim.beforeAdvance(() => {
      if (last === sim.now || sim.isPending(pending)) return false;
      last = sim.now;
      pending = sim.at(sim.now, look);
      return false;
    });
  }
  const slices = onProgress === undefined ? 1 : 50;
  for (let i = 1; i <= slices && sim.stoppedBecause === undefined; i += 1) {
    sim.run(Math.round((until * i) / slices));
    onProgress?.(i / slices, sim.eventCount);
  }
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

/** A single number of an expression at the end of the period: null when there is none, or more than one. */
function single(expression: Expression, series: SeriesSet, t: number): number | null {
  const samples = evaluateVector(expression, series, t);
  return samples.length === 1 && Number.isFinite(samples[0].value) ? samples[0].value : null;
}

interface Predictions {
  readonly seeds: number;
  /** By observed row: one value for each seed; absent values are left out. */
  readonly values: readonly (readonly number[])[];
  /** By seed: what each measure of reliability gave. */
  readonly reliability: readonly (readonly number[])[];
}

/**
 * Observed expressions, and the measures of reliability where things fail by chance, over the shown run and, where it draws, over further seeds, played by a plain loop that records only what these
 * expressions select.
 */
function predict(
  scenario: Scenario,
  options: RunOptions,
  seed: string,
  draws: boolean,
  byChance: boolean,
  shown: SeriesSet,
  played: number,
): Predictions {
  const values: number[][] = scenario.observed.map(() => []);
  const measures = byChance ? catalogue.reliability : [];
  const reliability: number[][] = [];
  const collect = (series: SeriesSet, t: number) => {
    scenario.observed.forEach((o, i) => {
      const value = o.expression === undefined ? null : single(o.expression, series, t);
      if (value !== null) values[i].push(value);
    });
    if (byChance) reliability.push(readReliability(series, t));
  };
  collect(shown, played);
  const asked = scenario.observed.length + measures.length;
  const seeds = draws && asked > 0 ? Math.max(1, options.seeds ?? 100) : 1;
  const expressions = [
    ...scenario.observed.flatMap((o) => o.expression ?? []),
    ...measures.map((m) => overPlayed(m.that, 1)),
  ];
  const names = new Set(expressions.flatMap((e) => selectorsOf(e).map((s) => s.name)));
  for (let n = 1; n < seeds; n += 1) {
    const built = build(scenario, { seed, replication: (options.replication ?? 0) + n, record: names });
    play(built, scenario);
    collect(built.series(), Math.max(0, Math.min(built.sim.now, built.until) - scenario.warmUp));
    options.onProgress?.(n / seeds, built.sim.eventCount);
  }
  return { seeds, values, reliability };
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels).filter(([label]) => label !== '__name__');
  return entries.length === 0 ? '' : `{${entries.map(([k, v]) => `${k}="${v}"`).join(', ')}}`;
}

function judge(e: ExpectationEntry, series: SeriesSet, played: number): ExpectationOutcome {
  const from = Math.min(e.from, played);
  const to = Math.min(e.to, played);
  let view: View = new ExactView(series);
  let times =
    from === to
      ? [to]
      : changeTimes(
          {
            kind: 'binary',
            op: '-',
            left: e.expression.operand,
            right: e.expression.limit,
            bool: false,
            on: undefined,
            ignoring: [],
            group: undefined,
            include: [],
          },
          series,
          from,
          to,
        );
  if (e.mode === 'scraped') {
    const names = [...selectorsOf(e.expression.operand), ...selectorsOf(e.expression.limit)].map(
      (s) => s.name,
    );
    view = new ServerView(scrape(series, new Set(names), e.scrapeMicros, 0, played), prometheus3);
    if (from !== to) {
      times = [];
      for (let t = Math.ceil(from / e.scrapeMicros) * e.scrapeMicros; t <= to; t += e.scrapeMicros)
        times.push(t);
    }
  }
  const checked = checkExpectation(e.expression, view, times);
  const base = { name: e.name, that: e.text, mode: e.mode, when: e.when };
  if (!checked.matched) {
    return {
      ...base,
      verdict: 'fail',
      value: Number.NaN,
      margin: Number.NaN,
      says: 'no series has a value there',
    };
  }
  const where =
    `${labelText(checked.labels)} ${checked.value.toPrecision(4)} against ${checked.limit.toPrecision(4)} at +${(checked.time / 1e6).toFixed(1)} s`.trim();
  const verdict: Verdict = e.holdsIn !== undefined ? 'inconclusive' : checked.holds ? 'pass' : 'fail';
  return {
    ...base,
    verdict,
    value: checked.value,
    margin: checked.margin,
    says:
      e.holdsIn !== undefined
        ? `${checked.holds ? 'holds' : 'fails'} in this one run: ${where}; a share of runs needs replications`
        : where,
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
