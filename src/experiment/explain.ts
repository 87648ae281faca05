import type { ToldEvent } from '../engine/simulation.ts';
import { nearest } from '../formats/nearest.ts';
import { evaluateVector } from '../promql/expectation.ts';
import { type Expression, parseExpression, selectorsOf } from '../promql/parse.ts';
import type { SeriesSet } from '../promql/series.ts';
import { build, catalogue } from '../scenario/build.ts';
import type { ExpectationEntry, Scenario, TimelineEntry } from '../scenario/load.ts';
import { parseMoment, parseTime } from '../scenario/time.ts';
import { causesOf, type Removable, without } from './ablation.ts';
import type { Answer } from './answer.ts';
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
  | { readonly kind: 'measure'; readonly name: string; readonly unit: string; readonly that: string }
  | { readonly kind: 'expectation'; readonly name: string; readonly entry: ExpectationEntry }
  | { readonly kind: 'event'; readonly name: string; readonly at: number };

/**
 * What a word names: an expectation, an alert, a risk, a metric, PromQL, or a time.
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
    return measure(text, 's', `max(rehearse:alert_firing_seconds{alertname=${JSON.stringify(text)}})`);
  const risk = catalogue.risks.find((r) => r.name === text);
  if (risk !== undefined) return measure(text, risk.unit, risk.that);
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
    ...catalogue.metrics.map((m) => m.name),
  ];
  const near = nearest(text, names);
  const mend =
    near === undefined
      ? 'name an alert, an expectation, a risk, a metric, or a time such as +12m'
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
  /** When the value was reached first, microseconds of simulated time. */
  readonly at: number;
}

function worst(expression: Expression, series: SeriesSet, t: number): number {
  let most = 0;
  for (const { value } of evaluateVector(expression, series, t))
    if (Number.isFinite(value)) most = Math.max(most, value);
  return most;
}

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

function playFor(
  scenario: Scenario,
  target: Target,
  seed: string,
  replication: number,
  wanted?: ToldEvent,
): Run {
  const expression =
    target.kind === 'measure'
      ? [overPlayed(target.that, 1)]
      : target.kind === 'expectation'
        ? [target.entry.expression.operand, target.entry.expression.limit]
        : [];
  const record = new Set(expression.flatMap((e) => selectorsOf(e).map((s) => s.name)));
  const built = build(scenario, { seed, replication, record, keepEvents: true });
  play(built, scenario);
  const { sim } = built;
  const played = Math.max(0, Math.min(sim.now, built.until) - scenario.warmUp);
  const told = sim.told.map((t) => ({ ...t, time: t.time - scenario.warmUp }));
  const fingerprint = sim.fingerprint();
  const series = built.series();
  if (target.kind === 'measure') {
    const read = overPlayed(target.that, played);
    const value = worst(read, series, played);
    return { value, told, fingerprint, at: value === 0 ? played : reachedAt(read, series, played, value) };
  }
  if (target.kind === 'expectation') {
    const { held } = judge(target.entry, series, played);
    const to = Math.min(target.entry.to, played);
    return { value: held ? 0 : 1, told, fingerprint, at: to };
  }
  const last = wanted ?? told.filter((t) => t.time <= target.at).at(-1);
  const there = last !== undefined && told.some((t) => keyOf(t) === keyOf(last));
  return { value: there ? 1 : 0, told, fingerprint, at: last?.time ?? target.at };
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

/** One kind of event between the cause and the peak that is not there without the cause. */
export interface Link {
  readonly kind: string;
  readonly first: ToldEvent;
  readonly count: number;
}

export interface Explanation {
  readonly target: Target;
  readonly fingerprint: string;
  readonly value: number;
  /** What is left when nothing of the timeline is played. */
  readonly rest: number;
  readonly at: number;
  readonly contributions: readonly Contribution[];
  /** The thing that takes most away; null where it is how the platform stands and what it carries. */
  readonly root: Contribution | null;
  readonly links: readonly Link[];
}

/**
 * Explains by what would have been: every entry of the timeline that comes before the peak is taken out alone, and what is left of the peak is measured, on the same draws. The cause is the
 * entry that takes most away; what was told of between it and the peak, and is not told of without it, is the chain. Source: the but-for test of causation (J. Pearl, "Causality", 2nd ed., ch. 10).
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
  const run = playFor(scenario, target, seed, replication);
  const wanted = target.kind === 'event' ? run.told.filter((t) => t.time <= target.at).at(-1) : undefined;
  const beginnings = new Map(scenario.timeline.map((e: TimelineEntry) => [e.id, e.at - scenario.warmUp]));
  const all = causesOf(scenario);
  const known = (only.length > 0 ? only : all).map((c) => ({ ...c, at: beginnings.get(c.name) ?? 0 }));
  const candidates = known.filter((c) => only.length > 0 || c.at <= run.at);
  const played = (removed: readonly Removable[]) => {
    const rest = without(scenario, removed);
    return typeof rest === 'string' ? rest : playFor(rest, target, seed, replication, wanted);
  };
  const nothing = played(all);
  const rest = typeof nothing === 'string' ? 0 : Math.min(run.value, nothing.value);
  const above = run.value - rest;
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
  const links: Link[] = [];
  if (root !== null) {
    const others = new Set(runs.get(root.cause)!.told.map(keyOf));
    const byKind = new Map<string, { first: ToldEvent; count: number }>();
    for (const t of run.told) {
      if (t.time < root.at || t.time > run.at || others.has(keyOf(t))) continue;
      const one = byKind.get(t.kind);
      if (one === undefined) byKind.set(t.kind, { first: t, count: 1 });
      else one.count += 1;
    }
    for (const [kind, { first: f, count }] of byKind) links.push({ kind, first: f, count });
    links.sort((a, b) => a.first.time - b.first.time || a.first.event - b.first.event);
  }
  return {
    target,
    fingerprint: run.fingerprint,
    value: run.value,
    rest,
    at: run.at,
    contributions,
    root,
    links,
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
      ? `${target.name} has its peak`
      : target.kind === 'expectation'
        ? `${target.name} is judged`
        : 'the last event before it';
  const chain: Cell[][] = [];
  if (root === null) chain.push(['+0.00 min', 'how the platform stands and what it carries', '']);
  else chain.push([clock(root.at), `${root.cause} of the timeline`, '']);
  for (const { kind, first, count } of e.links)
    chain.push([
      clock(first.time),
      words(kind, first.subject, first.detail),
      count === 1 ? '' : `and ${count - 1} more until the peak`,
    ]);
  chain.push([clock(e.at), said, '']);
  const isCause = root !== null && (root.share ?? 0) >= whole;
  const percent = root === null ? '' : `${((root.share ?? 0) * 100).toFixed(1)} %`;
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
      sentences: ['what is told between the cause and the peak and is not told without the cause'],
    },
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
      `with all of the timeline ${String(Number(e.value.toPrecision(6)))}${unit === '' ? '' : ` ${unit}`}, without any of it ${String(Number(e.rest.toPrecision(6)))}`,
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
    },
    columns: [
      { name: 'without', values: e.contributions.map((c) => c.cause) },
      { name: 'share', values: e.contributions.map((c) => c.share ?? Number.NaN) },
    ],
  };
}
