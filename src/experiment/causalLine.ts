import { gone } from '../engine/gauge.ts';
import type { ToldEvent } from '../engine/simulation.ts';
import { matches } from '../promql/leaves.ts';
import { namesOf, parseExpression, type Selector, selectorsOf } from '../promql/parse.ts';
import type { Labels } from '../promql/series.ts';
import type { Built } from '../scenario/build.ts';
import { ruleGroups } from '../scenario/monitoringRules.ts';
import type { MonitoringPartSettings } from '../scenario/monitoringSettings.ts';
import { labelText } from './judge.ts';

/**
 * The events that led to one, each scheduled in the one before it: ancestors only, in the order of time.
 *
 * What an event read from state that another one wrote is no part of it. A clock that goes by itself and finds something therefore has a line of its
 * own ticks, which begins at the start of the run; playing without an entry of the timeline tells those apart.
 */
export interface CausalLine {
  /** Numbers of the events, the first cause before the others. */
  readonly events: readonly number[];
  /** The latest entry of the timeline or failure by chance on it; null for one that begins with how the run starts. */
  readonly entry: string | null;
  /** The kind of its first event. */
  readonly firstKind: string;
  /** The change that its last event made; null for a line to an event. */
  readonly change: Change | null;
}

/** With it a series began to move as it did until the peak. */
export interface Change {
  readonly series: string;
  /** Microseconds of simulated time, warm-up included. */
  readonly time: number;
  readonly rises: boolean;
}

/** The line that ends in an event. */
export function lineTo(built: Built, event: number, change: Change | null = null): CausalLine {
  const { sim, entryOfEvent } = built;
  const events: number[] = [];
  for (let e = event; e > 0; e = sim.causeOfEvent(e)) events.push(e);
  events.reverse();
  const firstKind = sim.kindOfEvent(events[0] ?? 0);
  const entry = events.map((e) => entryOfEvent.get(e)).findLast((id) => id !== undefined);
  const byChance = firstKind.startsWith('faults.') ? 'faults' : null;
  return { events, entry: entry ?? byChance, firstKind, change };
}

/** A change of one series that brought a value about. */
interface Onset {
  readonly event: number;
  readonly time: number;
  /** What it moved by in the end, as a share of the largest that the series was. */
  readonly share: number;
  readonly rises: boolean;
}

/**
 * Where the last stretch before a moment began in which a series went one way: the change that began a rise, or a fall.
 * @param at microseconds of simulated time, warm-up included
 */
function onsetOf(
  record: {
    readonly times: readonly number[];
    readonly values: readonly number[];
    readonly slopes: readonly number[];
    readonly writers?: readonly number[];
  },
  at: number,
): Onset | undefined {
  const { times, values, slopes, writers } = record;
  let last = times.length - 1;
  while (last > 0 && times[last]! > at) last -= 1;
  const value = (i: number, t: number) => values[i]! + (slopes[i]! * (t - times[i]!)) / 1e6;
  const now = value(last, at);
  if (writers === undefined || values[last] === gone) return undefined;
  // By change: how much it jumped, and how it went on until the next one.
  const move = (i: number) => {
    const before = i === 0 || values[i - 1] === gone ? values[i]! : value(i - 1, times[i]!);
    return value(i, i === last ? at : times[i + 1]!) - before;
  };
  let way = 0;
  let onset = -1;
  for (let i = last; i > 0; i -= 1) {
    const by = Math.sign(move(i));
    if (by === 0) continue;
    if (way === 0) way = by;
    if (by !== way) break;
    onset = i;
  }
  if (onset < 0) return undefined;
  const before = values[onset - 1] === gone ? 0 : value(onset - 1, times[onset]!);
  const most = Math.max(Math.abs(now), Math.abs(before));
  return {
    event: writers[onset]!,
    time: times[onset]!,
    share: most === 0 ? 0 : Math.abs(now - before) / most,
    rises: now >= before,
  };
}

/**
 * The line to what an expression was at a moment: of the series that it reads, and that agree with the sample's labels, the one that moved most.
 * @returns undefined where none of them ever moved, or none is a gauge of the models
 */
export function lineToValue(
  built: Built,
  selectors: readonly Selector[],
  labels: Labels,
  at: number,
): CausalLine | undefined {
  const set = built.series();
  let best: Onset | undefined;
  let shown = '';
  for (const selector of selectors) {
    for (const name of namesOf(selector, set.names)) {
      const gauge = built.sim.gauges.get(name);
      set.of(name).forEach((series, row) => {
        const agrees = Object.entries(labels).every(
          ([label, text]) => label === '__name__' || (series.labels[label] ?? text) === text,
        );
        if (!agrees || !matches(series, selector.matchers)) return;
        const record = gauge?.rowRecord(row);
        const onset = record === undefined ? undefined : onsetOf(record, at);
        if (onset === undefined || onset.share <= (best?.share ?? 0)) return;
        best = onset;
        shown = `${name}${labelText(series.labels)}`;
      });
    }
  }
  if (best === undefined) return undefined;
  const { event, time, rises } = best as Onset;
  return lineTo(built, event, { series: shown, time, rises });
}

/** What an alert's rules read, with what recording rules among them read in turn. */
export function readByAlert(
  built: Built,
  readText: (file: string) => string | undefined,
  alert: string,
): readonly Selector[] {
  const settings = built.settings.monitoring as MonitoringPartSettings | undefined;
  if (settings === undefined) return [];
  const rules = ruleGroups(settings, readText).flatMap((g) => g.rules);
  const managed = (settings.grafana ?? []).flatMap((g) => g.rules);
  const wanted = [
    ...rules.filter((r) => r.kind === 'alert' && r.name === alert),
    ...managed.filter((r) => r.name === alert),
  ].map((r) => r.expr);
  const found: Selector[] = [];
  const seen = new Set<string>();
  for (let expr = wanted.pop(); expr !== undefined; expr = wanted.pop()) {
    if (seen.has(expr)) continue;
    seen.add(expr);
    const read = parseExpression(expr);
    for (const selector of read.ok ? selectorsOf(read.value) : []) {
      const recorded = rules.filter((r) => r.kind === 'record' && r.name === selector.name);
      if (recorded.length === 0) found.push(selector);
      for (const r of recorded) wanted.push(r.expr);
    }
  }
  return found;
}

/** What was told in the events of a line, by kind: the latest of each and how many there were, in the order of time. */
export function toldOn(
  line: CausalLine,
  told: readonly ToldEvent[],
  until: number,
): readonly { readonly kind: string; readonly told: ToldEvent; readonly count: number }[] {
  const own = new Set(line.events);
  const byKind = new Map<string, { told: ToldEvent; count: number }>();
  for (const t of told) {
    if (!own.has(t.event) || t.time > until) continue;
    byKind.set(t.kind, { told: t, count: (byKind.get(t.kind)?.count ?? 0) + 1 });
  }
  return [...byKind]
    .map(([kind, one]) => ({ kind, ...one }))
    .sort((a, b) => a.told.time - b.told.time || a.told.event - b.told.event);
}
