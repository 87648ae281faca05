import type { Panel } from '../engine/catalogue.ts';
import type { Result } from '../experiment/result.ts';
import { changeTimes } from '../promql/expectation.ts';
import { ExactView } from '../promql/leaves.ts';
import { parseExpression } from '../promql/parse.ts';
import { Query } from '../promql/query.ts';

/** A line of more points is drawn by what it does in each of so many equal parts of the time: first, least, most and last. */
const mostPoints = 600;
const parts = 150;

/** A line of a panel: instants in microseconds, ascending, between which it is straight. */
export interface PanelLine {
  /** What tells it from the others; empty for the only one. */
  readonly by: string;
  readonly points: readonly { readonly t: number; readonly v: number }[];
  readonly peak: number;
}

/** Instants and values of a line, before it is thinned. */
interface Raw {
  readonly times: number[];
  readonly values: number[];
}

/** Adds a point; the middle of a level stretch draws nothing and is dropped. */
function add({ times, values }: Raw, t: number, v: number): void {
  const n = values.length;
  if (n > 1 && values[n - 1] === v && values[n - 2] === v) times[n - 1] = t;
  else {
    times.push(t);
    values.push(v);
  }
}

/**
 * Places of the points that are drawn. Every part of the time keeps its extremes: a peak between two instants of a grid is what a page is read for.
 * Source: U. Jugel, Z. Jerzak, G. Hackenbroich, V. Markl, "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
 */
function drawnPlaces({ times, values }: Raw, playedMicros: number): number[] {
  if (values.length <= mostPoints) return values.map((_, i) => i);
  const kept = new Set<number>();
  for (let from = 0; from < values.length; ) {
    const part = Math.floor((times[from]! / playedMicros) * parts);
    let [to, least, most] = [from, from, from];
    for (; to < values.length && Math.floor((times[to]! / playedMicros) * parts) === part; to += 1) {
      if (values[to]! < values[least]!) least = to;
      if (values[to]! > values[most]!) most = to;
    }
    for (const place of [from, least, most, to - 1]) kept.add(place);
    from = to;
  }
  return [...kept].sort((a, b) => a - b);
}

/** Lines by panel: the first screen, the curves and the texts ask for the same ones. */
const known = new WeakMap<Result, Map<Panel, readonly PanelLine[]>>();

/** The lines of a panel, in the order in which they first have a value; values have six digits. */
export function panelLines(panel: Panel, result: Result): readonly PanelLine[] {
  const ofResult = known.get(result) ?? new Map<Panel, readonly PanelLine[]>();
  known.set(result, ofResult);
  const lines = ofResult.get(panel) ?? evaluated(panel, result);
  ofResult.set(panel, lines);
  return lines;
}

function evaluated(panel: Panel, result: Result): PanelLine[] {
  const parsed = parseExpression(panel.that);
  if (!parsed.ok) throw new RangeError(`panel ${panel.title}: ${parsed.problems[0]?.message}`);
  const lines = new Map<string, Raw>();
  const query = new Query(parsed.value, new ExactView(result.series));
  let before = Number.NEGATIVE_INFINITY;
  for (const change of changeTimes(parsed.value, result.series, 0, result.playedMicros)) {
    // With the microsecond before it a step stays a step.
    for (const t of [change - 1, change]) {
      if (t < 0 || t <= before) continue;
      before = t;
      for (const sample of query.samples(t)) {
        if (!Number.isFinite(sample.value)) continue;
        const by =
          panel.by === undefined
            ? ''
            : Object.entries(sample.labels)
                .filter(([k]) => k !== '__name__')
                .map(([, v]) => v)
                .join(' ');
        const line = lines.get(by) ?? { times: [], values: [] };
        lines.set(by, line);
        add(line, t, sample.value === 0 ? 0 : Number(sample.value.toPrecision(6)));
      }
    }
  }
  return [...lines].map(([by, raw]) => {
    const points = drawnPlaces(raw, result.playedMicros).map((i) => ({
      t: raw.times[i]!,
      v: raw.values[i]!,
    }));
    return { by, points, peak: points.reduce((most, p) => Math.max(most, p.v), Number.NEGATIVE_INFINITY) };
  });
}

/** So many lines of a panel as have the highest peaks, the highest first. */
export function highest(lines: readonly PanelLine[], count: number): PanelLine[] {
  return [...lines].sort((a, b) => b.peak - a.peak || (a.by < b.by ? -1 : 1)).slice(0, count);
}
