import type { ToldEvent } from '../engine/simulation.ts';
import { nearest } from '../formats/nearest.ts';
import type { KafkaCluster } from '../models/kafka/cluster.ts';
import type { StagedQuantile } from '../models/kafka/latency.ts';
import { changeTimes, checkExpectation, evaluateVector } from '../promql/expectation.ts';
import { ExactView } from '../promql/leaves.ts';
import { type Expression, parseExpression, selectorsOf } from '../promql/parse.ts';
import type { SeriesSet } from '../promql/series.ts';
import type { Sample } from '../promql/vector.ts';
import { type Built, build, catalogue } from '../scenario/build.ts';
import type { ExpectationEntry, Scenario, TimelineEntry } from '../scenario/load.ts';
import { parseMoment, parseTime } from '../scenario/time.ts';
import { causesOf, type Removable, without } from './ablation.ts';
import type { Answer } from './answer.ts';
import { type CausalLine, type Change, lineTo, lineToValue, readByAlert, toldOn } from './causalLine.ts';
import { judge } from './judge.ts';
import { play } from './play.ts';
import type { Cell, Section } from './rebalance.ts';
import { overPlayed } from './reliability.ts';
import { CannotVary } from './variations.ts';

/** A cause takes away so much of a peak; whatever takes less contributes. */
const whole = 0.9;
/** Less of a peak than this is not told of. */
const little = 0.01;

/** What is to be explained. */
export type Target =
  | {
      readonly kind: 'measure';
      readonly name: string;
      readonly unit: string;
      readonly that: string;
      readonly isAlert?: true;
      /** Whether its highest value over the period counts, and not that at the end. */
      readonly highest?: true;
    }
  | { readonly kind: 'expectation'; readonly name: string; readonly entry: ExpectationEntry }
  | { readonly kind: 'event'; readonly name: string; readonly at: number };

/**
 * What a word names: an expectation, an alert, a risk, a panel, a metric, PromQL, or a time.
 * @throws CannotVary for what is none of them
 */
export function targetOf(scenario: Scenario, text: string, alerts: readonly string[]): Target {
  const entry = scenario.expect.find((e) => e.name === text);
  if (entry !== undefined) return { kind: 'expectation', name: text, entry };
  const measure = (name: string, unit: string, that: string): Target => ({
    kind: 'measure',
    name,
    unit,
    that,
  });
  if (alerts.includes(text))
    return {
      ...measure(text, 's', `max(rehearse:alert_firing_seconds{alertname=${JSON.stringify(text)}})`),
      isAlert: true,
    } as Target;
  const risk = catalogue.risks.find((r) => r.name === text);
  if (risk !== undefined) return measure(text, risk.unit, risk.that);
  const panel = catalogue.panels.find((p) => p.title === text);
  if (panel !== undefined) return { ...measure(text, panel.unit, panel.that), highest: true } as Target;
  if (/^[+\d]/.test(text)) {
    const moment = parseMoment(text, parseTime(scenario.from) ?? 0);
    if (typeof moment === 'number') return { kind: 'event', name: text, at: moment };
    throw new CannotVary(moment, 'write +12m, or an RFC 3339 time');
  }
  const read = parseExpression(text);
  const names = [
    ...scenario.expect.map((e) => e.name),
    ...alerts,
    ...catalogue.risks.map((r) => r.name),
    ...catalogue.panels.map((p) => p.title),
    ...catalogue.metrics.map((m) => m.name),
  ];
  const near = nearest(text, names);
  const mend =
    near === undefined
      ? 'name an alert, an expectation, a risk, a panel, a metric, or a time such as +12m'
      : `write "${near}"`;
  if (!read.ok) throw new CannotVary(`there is nothing called ${text}`, mend);
  const unknown = selectorsOf(read.value).find((s) => !catalogue.metrics.some((m) => m.name === s.name));
  if (unknown !== undefined || selectorsOf(read.value).length === 0)
    throw new CannotVary(`there is nothing called ${unknown?.name ?? text}`, mend);
  const metric = catalogue.metrics.find((m) => m.name === /^[\w:]+/.exec(text)?.[0]);
  const plain = read.value.kind === 'selector';
  return measure(text, metric?.unit ?? '', plain ? `max_over_time(${text}[$__range])` : text);
}

/** A run as far as an explanation needs it. */
interface Run {
  readonly value: number;
  readonly told: readonly ToldEvent[];
  readonly fingerprint: string;
  /** When the value was reached first, an alert began to fire, or an expectation was broken first; microseconds of the period. */
  readonly at: number;
  /** What came after this has no part in it. */
  readonly until: number;
  /** The events that led to it; undefined where causes were not kept, or nothing that it reads ever moved. */
  readonly line: CausalLine | undefined;
  /** Where a quantile's time went; undefined for what is none. */
  readonly stages: StagedQuantile | undefined;
}

const nobody: Sample = { labels: {}, value: 0 } as Sample;

function worstSample(expression: Expression, series: SeriesSet, t: number): Sample {
  let most = nobody;
  for (const sample of evaluateVector(expression, series, t))
    if (Number.isFinite(sample.value) && sample.value > most.value) most = sample;
  return most;
}

const worst = (expression: Expression, series: SeriesSet, t: number) =>
  worstSample(expression, series, t).value;

/** The first moment at which a value that only rises has what it has at the end, to the microsecond. */
function reachedAt(expression: Expression, series: SeriesSet, played: number, value: number): number {
  let [low, high] = [0, played];
  if (worst(expression, series, 0) >= value) return 0;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (worst(expression, series, middle) >= value) high = middle;
    else low = middle;
  }
  return high;
}

/** How an event of the whole run is found in another one: what it is and when. */
const keyOf = (t: ToldEvent) => `${t.kind}\u0000${t.subject}\u0000${t.time}`;

/** The highest sample over the period, and the first moment that has it. */
function highest(expression: Expression, series: SeriesSet, played: number) {
  let [sample, at] = [nobody, played];
  for (const t of changeTimes(expression, series, 0, played)) {
    const here = worstSample(expression, series, t);
    if (here.value > sample.value) [sample, at] = [here, t];
  }
  return { sample, at };
}

/** The first moment at which an expectation is broken. */
function brokenAt(entry: ExpectationEntry, series: SeriesSet, from: number, to: number): number {
  const { operand, limit } = entry.expression;
  if (from === to || entry.mode === 'scraped') return to;
  const times = [operand, limit].flatMap((e) => changeTimes(e, series, from, to)).sort((a, b) => a - b);
  const view = new ExactView(series);
  return (
    times.find((t) => {
      const { matched, holds } = checkExpectation(entry.expression, view, [t]);
      return matched && !holds;
    }) ?? to
  );
}

/** The stages of a quantile: of the row that a plain selector of one of the two metrics of latency found worst. */
function stagesOf(built: Built, expression: Expression, sample: Sample): StagedQuantile | undefined {
  const [selector, ...others] = selectorsOf(expression);
  const cluster = built.models.kafka as KafkaCluster | undefined;
  if (selector === undefined || others.length > 0 || cluster === undefined) return undefined;
  const row = built
    .series()
    .of(selector.name)
    .findIndex((s) => Object.entries(s.labels).every(([l, v]) => l === '__name__' || sample.labels[l] === v));
  return row < 0 ? undefined : cluster.requests.stagesOf(selector.name, row);
}

function playFor(
  scenario: Scenario,
  target: Target,
  seed: string,
  replication: number,
  { wanted, causes = false }: { readonly wanted?: ToldEvent; readonly causes?: boolean } = {},
): Run {
  const expression =
    target.kind === 'measure'
      ? [overPlayed(target.that, 1)]
      : target.kind === 'expectation'
        ? [target.entry.expression.operand, target.entry.expression.limit]
        : [];
  const selectors = expression.flatMap(selectorsOf);
  const record = new Set(selectors.map((s) => s.name));
  const built = build(scenario, { seed, replication, record, keepEvents: true, causes });
  if (causes) (built.models.kafka as KafkaCluster | undefined)?.requests.keepStages();
  play(built, scenario);
  const { sim } = built;
  const { warmUp } = scenario;
  const played = Math.max(0, Math.min(sim.now, built.until) - warmUp);
  const told = sim.told.map((t) => ({ ...t, time: t.time - warmUp }));
  const fingerprint = sim.fingerprint();
  const series = built.series();
  const lineAt = (at: number, labels: Sample['labels'], read = selectors) =>
    causes ? lineToValue(built, read, labels, at + warmUp) : undefined;
  const known = { told, fingerprint, stages: undefined };
  if (target.kind === 'measure') {
    const read = overPlayed(target.that, played);
    const end = worstSample(read, series, played);
    const { sample, at } =
      target.highest === true
        ? highest(read, series, played)
        : {
            sample: end,
            at: end.value === 0 ? played : reachedAt(read, series, played, end.value),
          };
    const found = { ...known, value: sample.value, until: at };
    if (target.isAlert === true) {
      const first = (built.alerts()?.spells ?? [])
        .filter((s) => s.alert === target.name && s.firedAt !== null)
        .sort((a, b) => (b.endedAt ?? built.until) - b.firedAt! - (a.endedAt ?? built.until) + a.firedAt!)[0];
      if (first === undefined) return { ...found, at, line: undefined };
      const own = readByAlert(built, scenario.readText, target.name);
      const line = causes ? lineToValue(built, own, first.labels, first.activeAt) : undefined;
      return { ...found, at: first.firedAt! - warmUp, line };
    }
    const stages = causes ? stagesOf(built, read, sample) : undefined;
    return { ...found, at, line: lineAt(at, sample.labels), stages };
  }
  if (target.kind === 'expectation') {
    const { held } = judge(target.entry, series, played);
    const [from, to] = [Math.min(target.entry.from, played), Math.min(target.entry.to, played)];
    const at = held ? to : brokenAt(target.entry, series, from, to);
    const { labels } = checkExpectation(target.entry.expression, new ExactView(series), [at]);
    return { ...known, value: held ? 0 : 1, at, until: to, line: held ? undefined : lineAt(at, labels) };
  }
  const last = wanted ?? told.filter((t) => t.time <= target.at).at(-1);
  const there = last !== undefined && told.some((t) => keyOf(t) === keyOf(last));
  const at = last?.time ?? target.at;
  const line = causes && last !== undefined ? lineTo(built, last.event) : undefined;
  return { ...known, value: there ? 1 : 0, at, until: at, line };
}

/** What one thing of the timeline does to what is explained. */
export interface Contribution {
  readonly cause: string;
  readonly at: number;
  readonly before: number;
  readonly without: number | null;
  /** Share of what lies above the run without any of them; null where the rest cannot be played. */
  readonly share: number | null;
  readonly refused: string | null;
}

/** One kind of event between the cause and the peak. */
export interface Link {
  readonly kind: string;
  /** On a line of events the latest of its kind, between two runs the first. */
  readonly told: ToldEvent;
  readonly count: number;
}

export interface Explanation {
  readonly target: Target;
  readonly fingerprint: string;
  readonly value: number;
  /** What is left when nothing of the timeline is played; null where that cannot be played. */
  readonly rest: number | null;
  readonly at: number;
  readonly contributions: readonly Contribution[];
  /** The thing that takes most away; null where it is how the platform stands and what it carries. */
  readonly root: Contribution | null;
  readonly links: readonly Link[];
  /**
   * Where the links come from: `line` for events of which each scheduled the next, down to the change that began the peak; `difference` for what was told with the cause and
   * not without it, where that line begins with a clock of the platform and not with the cause.
   */
  readonly linkedBy: 'line' | 'difference';
  /** The entry of the timeline that the line begins with; null where it begins with how the run starts, or there is none. */
  readonly lineEntry: string | null;
  /** The change that the line ends in, by microseconds of the period; null where there is none. */
  readonly change: Change | null;
  /** Where a quantile's time went, stage by stage. */
  readonly stages: StagedQuantile | null;
}

/**
 * Explains by what would have been: every entry of the timeline that comes before the peak is taken out alone, and what is left of the peak is measured, on the same draws. The cause is the
 * entry that takes most away. The chain is what was told in the events that led to the change with which the peak began (`CausalLine`); where those begin with a clock, what was told of
 * between the cause and the peak and is not told of without it. Source: the but-for test of causation (J. Pearl, "Causality", 2nd ed., ch. 10).
 * Two entries that each suffice hide each other: then neither takes much away, and the chain says so.
 * @param only entries that are asked for by name
 */
export function explain(
  scenario: Scenario,
  target: Target,
  seed: string,
  replication: number,
  only: readonly Removable[] = [],
): Explanation {
  const run = playFor(scenario, target, seed, replication, { causes: true });
  const wanted = target.kind === 'event' ? run.told.filter((t) => t.time <= target.at).at(-1) : undefined;
  const beginnings = new Map(scenario.timeline.map((e: TimelineEntry) => [e.id, e.at - scenario.warmUp]));
  const all = causesOf(scenario);
  const known = (only.length > 0 ? only : all).map((c) => ({ ...c, at: beginnings.get(c.name) ?? 0 }));
  const candidates = known.filter((c) => only.length > 0 || c.at <= run.until);
  const played = (removed: readonly Removable[]) => {
    const rest = without(scenario, removed);
    return typeof rest === 'string'
      ? rest
      : playFor(rest, target, seed, replication, wanted === undefined ? {} : { wanted });
  };
  const nothing = played(all);
  const rest = typeof nothing === 'string' ? null : nothing.value;
  const above = Math.max(0, run.value - (rest ?? 0));
  const runs = new Map<string, Run>();
  const contributions = candidates.map((c): Contribution => {
    const left = played([c]);
    if (typeof left === 'string')
      return { cause: c.name, at: c.at, before: run.value, without: null, share: null, refused: left };
    runs.set(c.name, left);
    const share = above <= 0 ? 0 : (run.value - left.value) / above;
    return { cause: c.name, at: c.at, before: run.value, without: left.value, share, refused: null };
  });
  contributions.sort((a, b) => (b.share ?? 0) - (a.share ?? 0) || a.at - b.at);
  const first = contributions[0];
  const root = first !== undefined && (first.share ?? 0) > little ? first : null;
  // A line to a peak that is there without the timeline too tells nothing of why.
  const fromPlatform = root === null && above <= little * run.value;
  const line = fromPlatform && run.line?.entry !== null ? undefined : run.line;
  const nothingToTell = target.kind === 'expectation' && run.value === 0;
  const linkedBy = line !== undefined && (line.entry !== null || root === null) ? 'line' : 'difference';
  const links: readonly Link[] = nothingToTell
    ? []
    : line !== undefined && linkedBy === 'line'
      ? toldOn(line, run.told, run.at)
      : root === null || !runs.has(root.cause)
        ? []
        : differences(run, runs.get(root.cause)!, root.at);
  return {
    target,
    fingerprint: run.fingerprint,
    value: run.value,
    rest,
    at: run.at,
    contributions,
    root,
    links,
    linkedBy,
    lineEntry: linkedBy === 'line' ? (line?.entry ?? null) : null,
    change:
      linkedBy === 'line' && line?.change != null
        ? { ...line.change, time: line.change.time - scenario.warmUp }
        : null,
    stages: run.stages ?? null,
  };
}

/** What is told from a moment to the peak, and not without the cause: the first of each kind. */
function differences(run: Run, left: Run, from: number): readonly Link[] {
  const others = new Set(left.told.map(keyOf));
  const byKind = new Map<string, { told: ToldEvent; count: number }>();
  for (const t of run.told) {
    if (t.time < from || t.time > run.at || others.has(keyOf(t))) continue;
    const one = byKind.get(t.kind);
    if (one === undefined) byKind.set(t.kind, { told: t, count: 1 });
    else one.count += 1;
  }
  return [...byKind]
    .map(([kind, one]) => ({ kind, ...one }))
    .sort((a, b) => a.told.time - b.told.time || a.told.event - b.told.event);
}

function stageSection({ ms, stages }: StagedQuantile): Section {
  const share = (part: number): Cell => (ms === 0 ? '-' : { value: part / ms, unit: 'ratio' });
  return {
    title: 'Where the time went',
    header: ['stage', 'time', 'share'],
    rows: [
      ...stages.map((s): Cell[] => [s.stage, { value: s.ms, unit: 'ms' }, share(s.ms)]),
      ['all', { value: ms, unit: 'ms' }, share(ms)],
    ],
    sentences: [],
  };
}

const clock = (micros: number) => `+${(micros / 60e6).toFixed(2)} min`;

/** An explanation in words: the chain in the order of time, then what each entry takes away. */
export function explainAnswer(
  scenario: Scenario,
  head: Pick<Answer, 'scenario' | 'seed' | 'version'>,
  e: Explanation,
  words: (kind: string, subject: string, detail: string) => string,
): Answer {
  const { target, root } = e;
  const unit = target.kind === 'measure' ? target.unit : '';
  const value = (x: number): Cell => ({ value: x, unit });
  const said =
    target.kind === 'measure'
      ? target.isAlert === true
        ? `${target.name} fires`
        : `${target.name} has its peak`
      : target.kind === 'expectation'
        ? e.value === 0
          ? `${target.name} is judged`
          : `${target.name} is broken`
        : 'the last event before it';
  const chain: Cell[][] = [];
  const beginsWith = e.linkedBy === 'line' ? e.lineEntry : (root?.cause ?? null);
  const begins = new Map(scenario.timeline.map((t) => [t.id, t.at]));
  if (beginsWith === null) chain.push(['+0.00 min', 'how the platform stands and what it carries', '']);
  else {
    const at = begins.get(beginsWith) ?? e.links[0]?.told.time ?? e.at;
    chain.push([clock(at), `${beginsWith} of the timeline`, '']);
  }
  for (const { kind, told, count } of e.links)
    chain.push([
      clock(told.time),
      words(kind, told.subject, told.detail),
      count === 1
        ? ''
        : e.linkedBy === 'line'
          ? `the last of ${count} on this line`
          : `and ${count - 1} more until the peak`,
    ]);
  if (e.change !== null)
    chain.push([
      clock(e.change.time),
      `${e.change.series} begins to ${e.change.rises ? 'rise' : 'fall'}`,
      '',
    ]);
  chain.push([clock(e.at), said, '']);
  const isCause = root !== null && (root.share ?? 0) >= whole;
  // Without all of the timeline more may be left than without this one entry: others of it make the peak smaller.
  const share = root?.share ?? 0;
  const percent = share > 1.0005 ? 'more than all' : `${(share * 100).toFixed(1)} %`;
  const nothing = target.kind === 'expectation' && e.value === 0;
  const says = nothing
    ? `${target.name} holds: there is nothing to explain`
    : root === null
      ? `nothing of the timeline takes any of it away: it comes from how the platform stands and what it carries`
      : isCause
        ? `${root.cause} is the cause: without it ${percent} of what lies above the rest is gone`
        : `${root.cause} is contributing: without it ${percent} of what lies above the rest is gone`;
  const sections: Section[] = [
    {
      title: 'Chain',
      header: ['when', 'what', ''],
      rows: chain,
      sentences: [
        e.linkedBy === 'line'
          ? 'what is told in the events of which each scheduled the next, down to the change that began it'
          : 'what is told between the cause and the peak and is not told without the cause',
        ...(e.linkedBy === 'line' && root !== null && e.lineEntry !== root.cause
          ? [`the line begins with ${e.lineEntry ?? 'the start'}; ${root.cause} takes most away`]
          : []),
      ],
    },
    ...(e.stages === null ? [] : [stageSection(e.stages)]),
    {
      title: 'What each takes away',
      header: ['without', 'at', 'with it', 'without it', 'share'],
      rows: e.contributions.map((c): Cell[] => [
        c.cause,
        clock(c.at),
        value(c.before),
        c.without === null ? '-' : value(c.without),
        c.share === null ? `cannot be played: ${c.refused}` : { value: c.share, unit: 'ratio' },
      ]),
      sentences: ['each is taken out alone, on the same draws; shares need not sum to one'],
    },
  ];
  return {
    ...head,
    verb: 'explain',
    title: `${scenario.title}: ${target.name}`,
    verdict: null,
    says: [
      says,
      `with all of the timeline ${String(Number(e.value.toPrecision(6)))}${unit === '' ? '' : ` ${unit}`}, ${e.rest === null ? 'the rest cannot be played without all of it' : `without any of it ${String(Number(e.rest.toPrecision(6)))}`}`,
    ],
    sections,
    plots: [
      {
        name: 'explain',
        title: `Share of ${target.name} that goes without it`,
        kind: 'bars',
        x: 'ratio',
        y: 'without',
        marks: e.contributions.flatMap((c) => (c.share === null ? [] : [{ x: c.share, y: c.cause }])),
      },
    ],
    data: {
      target: { kind: target.kind, name: target.name },
      value: e.value,
      rest: e.rest,
      atSeconds: e.at / 1e6,
      contributions: e.contributions,
      root: root?.cause ?? null,
      isCause,
      links: e.links,
      linkedBy: e.linkedBy,
      lineEntry: e.lineEntry,
      change: e.change,
      stages: e.stages,
    },
    columns: [
      { name: 'seconds', values: e.links.map((l) => l.told.time / 1e6) },
      { name: 'kind', values: e.links.map((l) => l.kind) },
      { name: 'subject', values: e.links.map((l) => l.told.subject) },
      { name: 'detail', values: e.links.map((l) => l.told.detail) },
      { name: 'count', values: e.links.map((l) => l.count) },
    ],
  };
}
