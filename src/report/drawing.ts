import type { Result } from '../experiment/result.ts';
import type { PanelLine } from './lines.ts';
import { timeUnit } from './words.ts';

export interface Chart {
  /** File name without ending. */
  readonly name: string;
  readonly title: string;
  /** Where a page shows it. */
  readonly kind: 'timeline' | 'curve' | 'observed' | 'chance' | 'answer';
  readonly spec: Record<string, unknown>;
  /** How wide its plot is, where that is the time of the run. */
  readonly span?: number;
  /** Its lines as drawn, with their unit; absent for a chart without lines. */
  readonly lines?: readonly PanelLine[];
  readonly unit?: string;
}

/** Widths of plots over the time of the run, in units of their drawings. */
export const plotWidth = { curve: 640, timeline: 800 };

export const base = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  width: plotWidth.curve,
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

/** All charts share one span of time. */
export const xOf = (result: Result) => {
  const { word, micros } = timeUnit(result.playedMicros);
  return {
    field: 't',
    type: 'quantitative',
    title: `${word} from the start`,
    axis: { tickCount: 12 },
    scale: { nice: false, domain: [0, Math.max(1e6, result.playedMicros) / micros] },
  };
};

/** Draws one chart without a browser; the same spec gives the same bytes. */
export async function drawSvg(chart: Chart): Promise<string> {
  const [vega, lite] = await Promise.all([import('vega'), import('vega-lite')]);
  const compiled = lite.compile(chart.spec as never, { logger: silent }).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: 'none' });
  // Numbers of gradients and clips go on from chart to chart, in one process and in one page: each chart has its own, by its name.
  (vega as unknown as { readonly resetSVGDefIds: () => void }).resetSVGDefIds();
  const svg = await view.toSVG();
  view.finalize();
  // A layer without marks is no picture to whoever listens to the page.
  const named = svg.replace(/ role="graphics-symbol" aria-roledescription="[^"]*"(?=\/>|><\/g>)/g, '');
  return named.replace(/(id="|url\(#|href="#)(clip|gradient_)(\d+)/g, `$1${chart.name}-$2$3`);
}

const silent = {
  level: () => silent,
  error: () => silent,
  warn: () => silent,
  info: () => silent,
  debug: () => silent,
} as never;
