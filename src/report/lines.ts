import type { Panel } from '../engine/catalogue.ts';
import type { Result } from '../experiment/result.ts';
import { changeTimes } from '../promql/expectation.ts';
import { ExactView } from '../promql/leaves.ts';
import { parseExpression } from '../promql/parse.ts';
import { Query } from '../promql/query.ts';
import type { Labels } from '../promql/series.ts';

/** A line of more points is drawn by what it does in each of so many parts: first, least, most and last. */
const mostPoints = 720;
const parts = 120;

/** A line of a panel: instants in microseconds, ascending, between which it is straight. */
export interface PanelLine {
  /** What tells it from the others; empty for the only one. */
  readonly by: string;
  readonly points: readonly { readonly t: number; readonly v: number }[];
  readonly peak: number;
}

/** Instants and values of a line, before it is thinned; the last point may still move on along a straight stretch. */
interface Raw {
  readonly times: number[];
  readonly values: number[];
  /** Slopes from the last but one point with which every point left out since is met within its sixth digit. */
  low: number;
  high: number;
}

const newLine = (): Raw => ({
  times: [],
  values: [],
  low: Number.NEGATIVE_INFINITY,
  high: Number.POSITIVE_INFINITY,
});

/**
 * Adds a point, and leaves out the one before it where that lies on a straight stretch.
 * Source: E. Bristol, "Swinging door trending: adaptive trend recording", ISA National Conference 1990.
 */
function add(raw: Raw, t: number, v: number): void {
  const { times, values } = raw;
  const n = times.length;
  if (n > 1) {
    const span = t - times[n - 2]!;
    const slope = (v - values[n - 2]!) / span;
    if (slope >= raw.low && slope <= raw.high) {
      times.pop();
      values.pop();
    } else {
      raw.low = Number.NEGATIVE_INFINITY;
      raw.high = Number.POSITIVE_INFINITY;
    }
  }
  times.push(t);
  values.push(v);
  if (times.length === 1) return;
  const [anchor, from] = [values.at(-2)!, times.at(-2)!];
  const slack = 2e-6 * Math.abs(v);
  raw.low = Math.max(raw.low, (v - slack - anchor) / (t - from));
  raw.high = Math.min(raw.high, (v + slack - anchor) / (t - from));
}

/**
 * Places of the points that are drawn. Every part of the line keeps its extremes: a peak between two instants of a grid is what a page is read for. No part is longer than an equal
 * share of the time, so that a step stays where it is, or has more than an equal share of the points, so that a busy hour keeps its shape when it is shown alone.
 * Source: U. Jugel, Z. Jerzak, G. Hackenbroich, V. Markl, "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014, with equal times alone.
 */
function drawnPlaces({ times, values }: Raw): number[] {
  const { length } = values;
  if (length <= mostPoints) return values.map((_, i) => i);
  const [begin, end] = [times[0]!, times[length - 1]!];
  const partOf = (i: number) =>
    Math.floor((i * parts) / length) + Math.floor(((times[i]! - begin) / (end - begin)) * parts);
  const kept = new Set<number>();
  for (let from = 0; from < length; ) {
    const part = partOf(from);
    let [to, least, most] = [from, from, from];
    // Both shares only grow along the line, so that their sum changes where either does.
    for (; to < length && partOf(to) === part; to += 1) {
      if (values[to]! < values[least]!) least = to;
      if (values[to]! > values[most]!) most = to;
    }
    for (const place of [from, least, most, to - 1]) kept.add(place);
    from = to;
  }
  return [...kept].sort((x, y) => x - y);
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
  // As long as the same series stand their labels are the same objects.
  const lineOf = new Map<Labels, Raw>();
  const lineWith = (labels: Labels): Raw => {
    const values = Object.entries(labels).flatMap(([k, v]) => (k === '__name__' ? [] : [v]));
    const by = panel.by === undefined ? '' : values.join(' ');
    const line = lines.get(by) ?? newLine();
    lines.set(by, line);
    lineOf.set(labels, line);
    return line;
  };
  const query = new Query(parsed.value, new ExactView(result.series));
  let before = Number.NEGATIVE_INFINITY;
  for (const change of changeTimes(parsed.value, result.series, 0, result.playedMicros)) {
    // With the microsecond before it a step stays a step.
    for (const t of [change - 1, change]) {
      if (t < 0 || t <= before) continue;
      before = t;
      for (const sample of query.samples(t)) {
        if (!Number.isFinite(sample.value)) continue;
        const line = lineOf.get(sample.labels) ?? lineWith(sample.labels);
        add(line, t, sample.value);
      }
    }
  }
  return [...lines].map(([by, raw]) => {
    const points = drawnPlaces(raw).map((i) => ({
      t: raw.times[i]!,
      v: raw.values[i] === 0 ? 0 : Number(raw.values[i]!.toPrecision(6)),
    }));
    return { by, points, peak: points.reduce((most, p) => Math.max(most, p.v), Number.NEGATIVE_INFINITY) };
  });
}

/** So many lines of a panel as have the highest peaks, the highest first. */
export function highest(lines: readonly PanelLine[], count: number): PanelLine[] {
  return [...lines].sort((a, b) => b.peak - a.peak || (a.by < b.by ? -1 : 1)).slice(0, count);
}
