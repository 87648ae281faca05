import type { Panel } from '../engine/catalogue.ts';
import type { Result } from '../experiment/result.ts';
import { changeTimes } from '../promql/expectation.ts';
import { ExactView } from '../promql/leaves.ts';
import { parseExpression } from '../promql/parse.ts';
import { Query } from '../promql/query.ts';
import { sentence } from './words.ts';

export interface Chart {
  /** File name without ending. */
  readonly name: string;
  readonly title: string;
  readonly spec: Record<string, unknown>;
  /** Its lines as drawn, with their unit; absent for a chart without lines. */
  readonly lines?: readonly PanelLine[];
  readonly unit?: string;
}

/** At most so many instants of a line are drawn. */
const mostPoints = 600;

/** Instants worth drawing: changes, thinned where they are too many, each with the microsecond before it, so that a step stays a step. */
function instants(times: readonly number[]): readonly number[] {
  let kept = times;
  if (times.length > mostPoints) {
    const step = (times.length - 1) / (mostPoints - 1);
    kept = Array.from({ length: mostPoints }, (_, i) => times[Math.round(i * step)]!);
  }
  return [...new Set(kept.flatMap((t) => (t > 0 ? [t - 1, t] : [t])))].sort((a, b) => a - b);
}

/** A line of a panel: instants in microseconds, ascending, between which it is straight. */
export interface PanelLine {
  /** What tells it from the others; empty for the only one. */
  readonly by: string;
  readonly points: readonly { readonly t: number; readonly v: number }[];
  readonly peak: number;
}

/** The lines of a panel, in the order in which they first have a value. */
export function panelLines(panel: Panel, result: Result): PanelLine[] {
  const parsed = parseExpression(panel.that);
  if (!parsed.ok) throw new RangeError(`panel ${panel.title}: ${parsed.problems[0]?.message}`);
  const lines = new Map<string, { t: number; v: number }[]>();
  const query = new Query(parsed.value, new ExactView(result.series));
  for (const t of instants(changeTimes(parsed.value, result.series, 0, result.playedMicros))) {
    for (const sample of query.samples(t)) {
      if (!Number.isFinite(sample.value)) continue;
      const by =
        panel.by === undefined
          ? ''
          : Object.entries(sample.labels)
              .filter(([k]) => k !== '__name__')
              .map(([, v]) => v)
              .join(' ');
      const line = lines.get(by) ?? [];
      lines.set(by, line);
      line.push({ t, v: Number(sample.value.toPrecision(6)) });
    }
  }
  return [...lines].map(([by, all]) => ({
    by,
    // The middle of a level stretch draws nothing.
    points: all.filter(
      (p, i) => i === 0 || i + 1 === all.length || all[i - 1]!.v !== p.v || all[i + 1]!.v !== p.v,
    ),
    peak: all.reduce((most, p) => Math.max(most, p.v), Number.NEGATIVE_INFINITY),
  }));
}

/** So many lines of a panel as have the highest peaks, the highest first. */
export function highest(lines: readonly PanelLine[], count: number): PanelLine[] {
  return [...lines].sort((a, b) => b.peak - a.peak || (a.by < b.by ? -1 : 1)).slice(0, count);
}

export const base = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  width: 640,
  height: 180,
  background: 'transparent',
  config: {
    font: 'system-ui, sans-serif',
    axis: {
      labelColor: '#6b7280',
      titleColor: '#6b7280',
      gridColor: '#9ca3af33',
      domainColor: '#9ca3af',
      tickColor: '#9ca3af',
    },
    legend: { labelColor: '#6b7280', titleColor: '#6b7280', symbolType: 'stroke', labelLimit: 240 },
    view: { stroke: null },
    range: {
      category: [
        '#2563eb',
        '#ea580c',
        '#059669',
        '#9333ea',
        '#dc2626',
        '#0891b2',
        '#ca8a04',
        '#db2777',
        '#65a30d',
        '#475569',
      ],
    },
  },
};

function fileName(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

/** All charts share one span of time. */
const xOf = (result: Result) => ({
  field: 't',
  type: 'quantitative',
  title: 'minutes from the start',
  scale: { nice: false, domain: [0, Math.max(1 / 60, result.playedMicros / 60e6)] },
});

function panelChart(panel: Panel, result: Result): Chart | undefined {
  const lines = panelLines(panel, result);
  const zero = lines.every(({ points }) => points.every((p) => p.v === 0));
  if (lines.length === 0 || (zero && panel.optional === true)) return undefined;
  // Too many lines are no picture: the largest ones are drawn.
  const shown = highest(lines, 10);
  const values = lines
    .filter((line) => shown.includes(line))
    .flatMap(({ by, points }) => points.map(({ t, v }) => ({ t: t / 60e6, v, by })));
  const format = panel.unit === 'ratio' ? '~%' : '~s';
  return {
    name: fileName(panel.title),
    title: panel.title,
    lines: lines.filter((line) => shown.includes(line)),
    unit: panel.unit,
    spec: {
      ...base,
      data: { values },
      mark: { type: 'line', strokeWidth: 1.6, interpolate: 'linear' },
      encoding: {
        x: xOf(result),
        y: {
          field: 'v',
          type: 'quantitative',
          title: panel.unit === 'ratio' || panel.unit === '' ? null : panel.unit,
          axis: { format, tickCount: 4 },
          // An axis from 0 to 0 has no ticks that could be named.
          ...(zero ? { scale: { domain: [0, 1] } } : {}),
        },
        ...(panel.by === undefined ? {} : { color: { field: 'by', type: 'nominal', title: panel.by } }),
      },
    },
  };
}

/** What was told, one lane a subject. */
function timelineChart(result: Result): Chart | undefined {
  const kinds = new Map(result.eventKinds.map((k) => [k.name, k]));
  const values = result.told.slice(0, 2000).flatMap((t) => {
    const kind = kinds.get(t.kind);
    return kind === undefined
      ? []
      : [
          {
            t: t.time / 60e6,
            lane: sentence(kind.lane, t.subject, t.detail).slice(0, 40),
            what: t.kind.replace(/^.*\./, ''),
          },
        ];
  });
  if (values.length === 0) return undefined;
  return {
    name: 'timeline',
    title: 'Timeline',
    spec: {
      ...base,
      height: { step: 24 },
      data: { values },
      mark: { type: 'point', filled: true, size: 60, opacity: 0.85 },
      encoding: {
        x: xOf(result),
        y: { field: 'lane', type: 'nominal', title: null, sort: null },
        color: {
          field: 'what',
          type: 'nominal',
          title: null,
          legend: { symbolType: 'circle', columns: 1, symbolLimit: 20 },
        },
      },
    },
  };
}

export function charts(result: Result): Chart[] {
  return [timelineChart(result), ...result.panels.map((panel) => panelChart(panel, result))].filter(
    (c) => c !== undefined,
  );
}

/** Draws one chart without a browser; the same spec gives the same bytes. */
export async function drawSvg(chart: Chart): Promise<string> {
  const [vega, lite] = await Promise.all([import('vega'), import('vega-lite')]);
  const compiled = lite.compile(chart.spec as never, { logger: silent }).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: 'none' });
  // Numbers of gradients and clips go on from chart to chart, in one process and in one page: each chart has its own, by its name.
  (vega as unknown as { readonly resetSVGDefIds: () => void }).resetSVGDefIds();
  const svg = await view.toSVG();
  view.finalize();
  return svg.replace(/(id="|url\(#|href="#)(clip|gradient_)(\d+)/g, `$1${chart.name}-$2$3`);
}

const silent = {
  level: () => silent,
  error: () => silent,
  warn: () => silent,
  info: () => silent,
  debug: () => silent,
} as never;
