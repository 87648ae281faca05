import type { Result } from '../experiment/result.ts';
import { highest, type PanelLine, panelLines } from './lines.ts';
import { number } from './words.ts';

const levels = '▁▂▃▄▅▆▇█';
/** Characters of a sparkline. */
const width = 32;

/** One curve of a panel as text. */
export interface Sparkline {
  readonly panel: string;
  /** Which of the panel's lines: the one that comes highest. */
  readonly by: string;
  /** One character for each equal part of the time, its largest value in it; a dot where there is none. */
  readonly drawn: string;
  readonly least: string;
  readonly most: string;
  readonly last: string;
}

/** The largest value of each equal part of the time; undefined where there is none. */
function largest({ points }: PanelLine, playedMicros: number): (number | undefined)[] {
  const parts = new Array<number | undefined>(width).fill(undefined);
  const place = (t: number) => Math.min(width - 1, Math.floor((t / Math.max(1, playedMicros)) * width));
  const put = (i: number, v: number) => {
    parts[i] = Math.max(parts[i] ?? Number.NEGATIVE_INFINITY, v);
  };
  points.forEach((p, i) => {
    put(place(p.t), p.v);
    const next = points[i + 1];
    // Between two instants the line is straight, so that at the edge of a part it has the value between.
    if (next === undefined) return;
    for (let k = place(p.t) + 1; k <= place(next.t); k += 1) {
      const edge = (k / width) * playedMicros;
      const v = p.v + (next.v - p.v) * Math.min(1, Math.max(0, (edge - p.t) / Math.max(1, next.t - p.t)));
      // A step at the edge itself belongs to the part behind it.
      if (edge < next.t) put(k - 1, v);
      put(k, v);
    }
  });
  return parts;
}

/** The highest curve of every panel that has one, in the order of the panels. */
export function sparklines(result: Result): Sparkline[] {
  return result.panels.flatMap((panel) => {
    const lines = panelLines(panel, result);
    const first = highest(lines, 1)[0];
    if (first === undefined || (panel.optional === true && lines.every((l) => l.peak === 0))) return [];
    const parts = largest(first, result.playedMicros);
    const values = first.points.map((p) => p.v);
    const least = values.reduce((a, b) => Math.min(a, b));
    const range = first.peak - least;
    const level = (v: number) =>
      levels[
        range === 0 ? 0 : Math.min(levels.length - 1, Math.floor(((v - least) / range) * levels.length))
      ];
    return [
      {
        panel: panel.title,
        by: first.by,
        drawn: parts.map((v) => (v === undefined ? '·' : level(v))).join(''),
        least: number(least, panel.unit),
        most: number(first.peak, panel.unit),
        last: number(values.at(-1)!, panel.unit),
      },
    ];
  });
}

export const sparklinesHeader = ['curve', '', 'over the time', 'least', 'most', 'at the end'];

export function sparklineRows(result: Result): string[][] {
  return sparklines(result).map((s) => [s.panel, s.by, s.drawn, s.least, s.most, s.last]);
}
