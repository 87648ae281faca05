import type { WatchedMetric } from '../engine/catalogue.ts';
import type { ToldEvent } from '../engine/simulation.ts';
import { isShared } from '../models/operations/calendar.ts';
import { onLine } from '../promql/exact.ts';
import { gone, type Series, type SeriesSet } from '../promql/series.ts';
import { catalogue } from '../scenario/build.ts';
import type { Scenario, TimelineEntry } from '../scenario/load.ts';
import type { Action, Part, Undo } from '../scenario/part.ts';
import { parts } from '../scenario/parts/index.ts';
import { quantileInterval } from './bounds.ts';

/** Shares of runs whose durations are shown. */
const shares = [0.05, 0.5, 0.95] as const;

/** What one run says of the steps of its changes: numbers by step, sub-step and measure, as `sheetKey` writes them. */
export type SheetRow = Readonly<Record<string, number>>;

/** A quantile over runs with bounds at 95 % or more; or how many runs would bound it. Neither where it lies among runs that end first. */
export interface SheetQuantile {
  readonly p: number;
  readonly value: number | null;
  readonly interval: readonly [number, number] | null;
  readonly needs: number | null;
}

export interface SheetRange {
  readonly metric: string;
  readonly says: string;
  readonly unit: string;
  /** Least and most over the step and over all runs. */
  readonly low: number;
  readonly high: number;
}

export interface SheetStep {
  /** Entry of the timeline. */
  readonly step: string;
  /** What it does then, such as a machine that it restarts; null for the whole entry. */
  readonly sub: string | null;
  readonly does: string;
  /** When it begins in the run that begins it first, and last; microseconds from the start of the period. */
  readonly begins: readonly [number, number];
  /** Runs that reach it, and those in which it is over before the run ends. */
  readonly runs: number;
  readonly finished: number;
  /** Seconds that it took in the quickest and in the slowest run; null where none shows its end. */
  readonly took: readonly [number, number] | null;
  /** Seconds; empty for a step whose end nothing shows. */
  readonly seconds: readonly SheetQuantile[];
  readonly ranges: readonly SheetRange[];
  readonly abortIf: readonly string[];
  readonly undo: Undo;
}

/** How a change goes, step after step, for whoever carries it out. */
export interface RunSheet {
  readonly change: string;
  readonly title: string;
  readonly risk: string;
  /** Microseconds from the start of the period. */
  readonly from: number;
  readonly to: number;
  readonly recoveryMicros: number;
  readonly runs: number;
  /** Whether runs differ by chance: otherwise one says it all. */
  readonly draws: boolean;
  /** When the last of its steps whose end is known is over in the latest run; null where none is. */
  readonly over: number | null;
  readonly steps: readonly SheetStep[];
}

function sheetKey(step: string, sub: string | null, measure: string): string {
  return JSON.stringify([step, sub ?? '', measure]);
}

function actionOf(entry: TimelineEntry): Action<unknown, unknown> {
  const part = parts.find((p) => p.name === entry.part) as unknown as Part;
  return part.actions[entry.action] as unknown as Action<unknown, unknown>;
}

/** Metrics that have to be recorded for run sheets. */
export function sheetMetrics(scenario: Scenario): readonly string[] {
  if (scenario.calendar.changes.length === 0) return [];
  return [
    ...catalogue.watched.map((w) => w.metric),
    ...scenario.timeline.flatMap((entry) => actionOf(entry).busy ?? []),
  ];
}

/** The last instant of [from, to) in which a line is above 0; undefined where it never is. */
function lastAbove(series: Series, from: number, to: number): number | undefined {
  for (let i = series.length - 1; i >= 0; i -= 1) {
    const begins = Math.max(from, series.times[i]!);
    const ends = Math.min(to, i + 1 < series.length ? series.times[i + 1]! : to);
    if (series.times[i]! >= to || series.values[i] === gone) continue;
    if (ends <= from) return undefined;
    if (onLine(series, i, ends) > 0 || (series.slopes[i] === 0 && series.values[i]! > 0)) return ends;
    if (onLine(series, i, begins) <= 0) continue;
    return Math.min(ends, series.times[i]! - (series.values[i]! / series.slopes[i]!) * 1e6);
  }
  return undefined;
}

/** Least and most of a metric over [from, to], its series folded into one; undefined where it has none. */
function rangeOf(
  { metric, fold }: WatchedMetric,
  series: SeriesSet,
  from: number,
  to: number,
): readonly [number, number] | undefined {
  const all = series.of(metric);
  const times = new Set([from, to]);
  for (const s of all)
    for (let i = 0; i < s.length; i += 1) if (s.times[i]! > from && s.times[i]! < to) times.add(s.times[i]!);
  const sorted = [...times].sort((a, b) => a - b);
  const places = all.map(() => 0);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  sorted.forEach((t, k) => {
    // The value that begins at t, and the one to which its line runs before the next change.
    const next = sorted[k + 1] ?? t;
    let [at, before] = [Number.NaN, Number.NaN];
    all.forEach((s, row) => {
      let i = places[row]!;
      while (i + 1 < s.length && s.times[i + 1]! <= t) i += 1;
      places[row] = i;
      if (s.length === 0 || s.times[i]! > t || s.values[i] === gone) return;
      const [a, b] = [onLine(s, i, t), onLine(s, i, next)];
      at = Number.isNaN(at) ? a : fold === 'sum' ? at + a : Math.max(at, a);
      before = Number.isNaN(before) ? b : fold === 'sum' ? before + b : Math.max(before, b);
    });
    if (Number.isNaN(at)) return;
    low = Math.min(low, at, before);
    high = Math.max(high, at, before);
  });
  return low <= high ? [low, high] : undefined;
}

interface Begun {
  readonly sub: string;
  readonly at: number;
}

/** What a run told of the steps inside each entry; one alone that begins with its entry says nothing more. */
function begunIn(
  scenario: Scenario,
  told: readonly ToldEvent[],
  settings: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, readonly Begun[]> {
  const kinds = new Set(catalogue.events.filter((k) => k.step === true).map((k) => k.name));
  const entries = scenario.timeline.map((entry) => ({
    entry,
    on: actionOf(entry).on(entry.args, settings),
  }));
  const latest = (found: typeof entries) =>
    found.reduce<(typeof entries)[number] | undefined>(
      (last, one) => (last === undefined || one.entry.at >= last.entry.at ? one : last),
      undefined,
    );
  const made = new Map<string, Begun[]>();
  for (const t of told) {
    const at = t.time - scenario.warmUp;
    if (!kinds.has(t.kind) || at < 0) continue;
    // Who is told of a thing that stands for itself belongs to the entry that works on it, whoever carries it out.
    const resource = t.subject.replace(/-(\d+)$/, '/$1');
    const begun = entries.filter((e) => e.entry.at <= at);
    const own =
      latest(begun.filter((e) => e.on.some((x) => isShared(x, resource)))) ??
      latest(begun.filter((e) => t.kind.startsWith(`${e.entry.part}.`)));
    if (own === undefined) continue;
    const list = made.get(own.entry.id) ?? [];
    const times = list.filter((b) => b.sub === t.subject || b.sub.startsWith(`${t.subject} (`)).length;
    list.push({ sub: times === 0 ? t.subject : `${t.subject} (${times + 1})`, at });
    made.set(own.entry.id, list);
  }
  for (const [id, list] of made) if (list.length < 2) made.delete(id);
  return made;
}

/** Reads the steps of the changes from one run; times of `told` count from its start, those of series from that of the period. */
export function sheetOf(
  scenario: Scenario,
  settings: Readonly<Record<string, unknown>>,
  told: readonly ToldEvent[],
  series: SeriesSet,
  played: number,
): SheetRow {
  const row: Record<string, number> = {};
  const wanted = new Set(scenario.calendar.changes.flatMap((c) => c.steps.map((s) => s.name)));
  const begun = begunIn(scenario, told, settings);
  for (const entry of scenario.timeline) {
    if (!wanted.has(entry.id) || entry.at >= played) continue;
    const { busy } = actionOf(entry);
    // The next entry that keeps the same metrics above 0 takes over.
    // What nothing shows the end of is looked at until anything else begins.
    const next = scenario.timeline
      .filter(
        (e) =>
          e.at > entry.at &&
          (busy === undefined || (actionOf(e).busy ?? []).some((name) => busy.includes(name))),
      )
      .reduce((least, e) => Math.min(least, e.at), played);
    const tell = (sub: string | null, from: number, to: number) => {
      row[sheetKey(entry.id, sub, 'begins')] = from;
      const ends =
        busy === undefined
          ? undefined
          : busy
              .flatMap((name) => series.of(name))
              .reduce((last, s) => Math.max(last, lastAbove(s, from, to) ?? from), from);
      // What goes on when the run ends has no length.
      const isOver = ends !== undefined && (ends < played || to < played);
      if (isOver) row[sheetKey(entry.id, sub, 'seconds')] = (ends - from) / 1e6;
      for (const watched of catalogue.watched) {
        const range = rangeOf(watched, series, from, Math.max(from, isOver && ends > from ? ends : to));
        if (range === undefined) continue;
        row[sheetKey(entry.id, sub, `low ${watched.metric}`)] = range[0];
        row[sheetKey(entry.id, sub, `high ${watched.metric}`)] = range[1];
      }
    };
    tell(null, entry.at, next);
    const inner = begun.get(entry.id) ?? [];
    inner.forEach((one, i) => {
      tell(one.sub, one.at, Math.max(one.at, Math.min(next, inner[i + 1]?.at ?? next)));
    });
  }
  return row;
}

/** What ends a step early: its own condition, else the limits of what is watched; what the scenario expects at all times, and limits on its risks. */
function abortIfOf(
  scenario: Scenario,
  entry: TimelineEntry,
  ranges: readonly SheetRange[],
): readonly string[] {
  const own = (entry.args as { readonly haltIf?: string }).haltIf;
  const expected = scenario.expect
    .filter((e) => e.when.startsWith('throughout'))
    .map((e) => `not: ${e.text}`);
  const limits = catalogue.risks.flatMap((r) => {
    const limit = scenario.standard.get(r.name);
    return limit === undefined ? [] : [`${r.says} above ${limit}${r.unit === '' ? '' : ` ${r.unit}`}`];
  });
  const watched = catalogue.watched.flatMap((w) =>
    w.limit === undefined || !ranges.some((r) => r.metric === w.metric) ? [] : [`${w.says} above ${w.limit}`],
  );
  return [...(own === undefined ? [] : [own]), ...expected, ...limits, ...(own === undefined ? watched : [])];
}

/** Quantiles of durations; a run in which the step is not over counts as one that takes longer than any other. */
function quantilesOf(values: readonly number[], runs: number, isFixed: boolean): readonly SheetQuantile[] {
  const all = [...values, ...Array.from({ length: runs - values.length }, () => Number.POSITIVE_INFINITY)];
  return shares.map((p) => {
    const found =
      isFixed && all.length > 0 ? { value: all[0]!, low: all[0]!, high: all[0]! } : quantileInterval(all, p);
    if ('needs' in found) return { p, value: null, interval: null, needs: found.needs };
    const { value, low, high } = found;
    return Number.isFinite(value) && Number.isFinite(high)
      ? { p, value, interval: [low, high], needs: null }
      : { p, value: null, interval: null, needs: null };
  });
}

/**
 * The run sheet of each change. The first run says which steps there are; what others have beyond that, such as a rollback, is left out.
 * @param draws whether runs differ by chance
 */
export function runSheetsOf(
  scenario: Scenario,
  rows: readonly SheetRow[],
  draws: boolean,
): readonly RunSheet[] {
  const [first] = rows;
  if (first === undefined) return [];
  const names = Object.keys(first).map((key) => JSON.parse(key) as [string, string, string]);
  const read = (step: string, sub: string | null, measure: string) =>
    rows.flatMap((row) => row[sheetKey(step, sub, measure)] ?? []);
  const extreme = (values: readonly number[], of: 'min' | 'max') =>
    values.reduce((x, y) => Math[of](x, y), values[0]!);
  const stepOf = (entry: TimelineEntry, sub: string | null): SheetStep => {
    const begins = read(entry.id, sub, 'begins');
    const seconds = read(entry.id, sub, 'seconds');
    const action = actionOf(entry);
    const ranges = catalogue.watched.flatMap(({ metric, says, unit }): SheetRange[] => {
      const [lows, highs] = [read(entry.id, sub, `low ${metric}`), read(entry.id, sub, `high ${metric}`)];
      if (lows.length === 0) return [];
      return [{ metric, says, unit, low: extreme(lows, 'min'), high: extreme(highs, 'max') }];
    });
    return {
      step: entry.id,
      sub,
      does: `${entry.part}.${entry.action}`,
      begins: [extreme(begins, 'min'), extreme(begins, 'max')],
      runs: begins.length,
      finished: seconds.length,
      took: seconds.length === 0 ? null : [extreme(seconds, 'min'), extreme(seconds, 'max')],
      seconds: action.busy === undefined ? [] : quantilesOf(seconds, begins.length, !draws),
      ranges,
      abortIf: abortIfOf(scenario, entry, ranges),
      undo: action.undo,
    };
  };
  return scenario.calendar.changes.map((change) => {
    const entries = change.steps.flatMap(
      (s) => scenario.timeline.find((e) => e.id === s.name && e.at === s.at) ?? [],
    );
    const ordered = [...entries].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
    const ends = rows.flatMap((row) =>
      ordered.flatMap((entry) => {
        const lasts = row[sheetKey(entry.id, null, 'seconds')];
        return lasts === undefined ? [] : [entry.at + lasts * 1e6];
      }),
    );
    return {
      change: change.name,
      title: change.title,
      risk: change.risk,
      from: change.window.from,
      to: change.window.to,
      recoveryMicros: change.recovery,
      runs: rows.length,
      draws,
      over: ends.length === 0 ? null : extreme(ends, 'max'),
      steps: ordered.flatMap((entry) => {
        if (first[sheetKey(entry.id, null, 'begins')] === undefined) return [];
        const subs = names.filter(([step, sub, m]) => step === entry.id && sub !== '' && m === 'begins');
        return [stepOf(entry, null), ...subs.map(([, sub]) => stepOf(entry, sub))];
      }),
    };
  });
}
