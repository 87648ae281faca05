import type { Panel } from '../engine/catalogue.ts';
import type { Result } from '../experiment/result.ts';
import { chancesChart, fanCharts, observedChart, spreadChart } from './chanceCharts.ts';
import { base, type Chart, plotWidth, xOf } from './drawing.ts';
import { highest, panelLines } from './lines.ts';
import { timelineChart } from './timeline.ts';
import { timeUnit } from './words.ts';

function fileName(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

/** Lines of a panel that are drawn one below the other, at most; more than that share one plot. */
const mostStrips = 6;

/** Its lines, one below the other over one axis of time, so that none hides another; or all in one plot. */
function panelChart(panel: Panel, result: Result): Chart | undefined {
  const lines = panelLines(panel, result);
  const zero = lines.every(({ points }) => points.every((p) => p.v === 0));
  if (lines.length === 0 || (zero && panel.optional === true)) return undefined;
  // Too many lines are no picture: the largest ones are drawn.
  const highestOnes = highest(lines, 10);
  const shown = lines.filter((line) => highestOnes.includes(line));
  const { micros } = timeUnit(result.playedMicros);
  const values = shown.flatMap(({ by, points }) => points.map(({ t, v }) => ({ t: t / micros, v, by })));
  const strips = panel.by !== undefined && shown.length > 1 && shown.length <= mostStrips;
  const encoding = {
    x: xOf(result),
    y: {
      field: 'v',
      type: 'quantitative',
      title: panel.unit === 'ratio' || panel.unit === '' || strips ? null : panel.unit,
      axis: { format: panel.unit === 'ratio' ? '~%' : '~s', tickCount: strips ? 2 : 4 },
      // An axis from 0 to 0 has no ticks that could be named.
      ...(zero ? { scale: { domain: [0, 1] } } : {}),
    },
  };
  const mark = { type: 'line', strokeWidth: 1.6, interpolate: 'linear' };
  const color = { field: 'by', type: 'nominal', title: panel.by };
  const legend = { orient: 'bottom', columns: 4, labelLimit: 150 };
  const order = shown.map((line) => line.by);
  const plot = strips
    ? {
        height: undefined,
        facet: {
          row: {
            field: 'by',
            type: 'nominal',
            title: panel.unit === 'ratio' || panel.unit === '' ? panel.by : `${panel.by}, ${panel.unit}`,
            sort: order,
            header: {
              titleColor: '#6b7280',
              labelColor: '#6b7280',
              labelAngle: 0,
              labelAlign: 'left',
              labelLimit: 150,
            },
          },
        },
        spacing: 8,
        spec: {
          width: plotWidth.curve,
          height: 38,
          mark,
          encoding: { ...encoding, color: { ...color, sort: order, legend: null } },
        },
      }
    : { mark, encoding: { ...encoding, ...(panel.by === undefined ? {} : { color: { ...color, legend } }) } };
  return {
    name: fileName(panel.title),
    title: panel.title,
    kind: 'curve',
    span: plotWidth.curve,
    lines: shown,
    unit: panel.unit,
    spec: { ...base, data: { values }, ...plot },
  };
}

export function charts(result: Result): Chart[] {
  return [
    timelineChart(result),
    ...result.panels.map((panel) => panelChart(panel, result)),
    observedChart(result),
    chancesChart(result),
    spreadChart(result),
    ...fanCharts(result),
  ].filter((c) => c !== undefined);
}
