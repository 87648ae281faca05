import type { Result } from '../experiment/result.ts';
import { base, type Chart } from './drawing.ts';
import { timeUnit } from './words.ts';

/** Facts that are drawn of one role, at most: those that are missed by most. */
const mostFacts = 16;
const mostMeasures = 20;

const short = (name: string) => (name.length > 52 ? `${name.slice(0, 51)}…` : name);

const nameAxis = {
  field: 'name',
  type: 'nominal',
  title: null,
  sort: null,
  axis: { labelLimit: 420, ticks: false },
};
const strokes = { good: '#2563eb', bad: '#ea580c', soft: '#9ca3af' };
const missed = { condition: { test: 'datum.ok === false', value: strokes.bad }, value: strokes.good };

/** How far what was played is from what was observed, role by role; the inputs of the run are not asked. */
export function observedChart(result: Result): Chart | undefined {
  const roles = ['predict', 'fit', 'derived', 'reconciled', 'compare'] as const;
  const rows = roles.flatMap((role) =>
    result.observed
      .map((o, place) => ({ ...o, place }))
      .filter((o) => o.role === role && o.relativeError !== null && Number.isFinite(o.relativeError))
      .sort((a, b) => Math.abs(b.relativeError!) - Math.abs(a.relativeError!) || a.place - b.place)
      .slice(0, mostFacts),
  );
  if (rows.length === 0) return undefined;
  const most = rows.reduce((m, o) => Math.max(m, Math.abs(o.relativeError!), o.within ?? 0), 0.01);
  const edge = Math.min(1, most * 1.1);
  const relative = (value: number, observed: number | null) =>
    observed === null || observed === 0 ? undefined : (value - observed) / Math.abs(observed);
  const values = rows.map((o) => ({
    name: short(o.name),
    role: o.role,
    error: o.relativeError,
    ok: o.ok,
    ...(o.within === null ? {} : { least: -o.within, most: o.within }),
    ...(o.interval === null
      ? {}
      : { low: relative(o.interval[0], o.observed), high: relative(o.interval[1], o.observed) }),
  }));
  const scale = { domain: [-edge, edge], clamp: true, nice: false };
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    title: 'error of the run against what was observed',
    scale,
    axis: { format: '+~%', tickCount: 7 },
  });
  return {
    name: 'observed-and-played',
    title: `Observed and played, by role: ${edge < most ? 'errors above 100 % are drawn at the edge; ' : ''}the band is what is allowed, the line what 90 % of runs give`,
    kind: 'observed',
    spec: {
      ...base,
      height: undefined,
      data: { values },
      facet: {
        row: {
          field: 'role',
          type: 'nominal',
          title: null,
          sort: roles,
          header: { labelAngle: 0, labelAlign: 'left', labelColor: '#6b7280', labelFontWeight: 'bold' },
        },
      },
      resolve: { scale: { y: 'independent' } },
      spec: {
        width: 480,
        height: { step: 17 },
        encoding: { y: nameAxis },
        layer: [
          {
            mark: { type: 'bar', color: strokes.soft, opacity: 0.3, height: 12 },
            encoding: { x: x('least'), x2: { field: 'most' } },
          },
          {
            mark: { type: 'rule', strokeWidth: 2 },
            encoding: { x: x('low'), x2: { field: 'high' }, color: missed },
          },
          {
            mark: { type: 'point', filled: true, size: 55, opacity: 1 },
            encoding: {
              x: x('error'),
              color: missed,
              shape: { condition: { test: 'datum.ok === false', value: 'triangle-up' }, value: 'circle' },
            },
          },
        ],
      },
    },
  };
}

/** How often something happened over the runs, with its 95 % interval. */
export function chancesChart(result: Result): Chart | undefined {
  const says = new Map(result.risks.map((r) => [r.name, r.says]));
  const values = [
    ...(result.replications?.expectations ?? []).map((e) => ({
      name: short(`holds: ${e.name}`),
      share: e.held / Math.max(1, result.replications!.runs - result.replications!.broken.length),
      low: e.interval[0],
      high: e.interval[1],
      ok: e.verdict !== 'fail',
    })),
    ...(result.replications?.measures ?? []).flatMap((m) =>
      m.over === null || m.over.count === 0
        ? []
        : [
            {
              name: short(`over its limit: ${says.get(m.name) ?? m.name}`),
              share: m.over.count / m.count,
              low: m.over.interval[0],
              high: m.over.interval[1],
              ok: false,
            },
          ],
    ),
    ...(result.reliability?.rows ?? []).flatMap((r) =>
      r.of !== 'chance' || r.interval === null
        ? []
        : [{ name: short(r.says), share: r.value, low: r.interval[0], high: r.interval[1], ok: true }],
    ),
  ];
  if (values.length === 0) return undefined;
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    title: 'share of the runs, with its 95 % interval',
    scale: { domain: [0, 1] },
    axis: { format: '~%', tickCount: 5 },
  });
  return {
    name: 'how-often',
    title: 'How often, over the runs',
    kind: 'chance',
    spec: {
      ...base,
      width: 480,
      height: { step: 20 },
      data: { values },
      encoding: { y: nameAxis },
      layer: [
        {
          mark: { type: 'rule', strokeWidth: 3, opacity: 0.5 },
          encoding: { x: x('low'), x2: { field: 'high' }, color: missed },
        },
        {
          mark: { type: 'point', filled: true, size: 60, opacity: 1 },
          encoding: { x: x('share'), color: missed },
        },
      ],
    },
  };
}

/** How far runs differ in what chance reaches, the widest first: each measure relative to its mean. */
export function spreadChart(result: Result): Chart | undefined {
  const says = new Map(result.risks.map((r) => [r.name, r.says]));
  const values = (result.replications?.measures ?? [])
    .flatMap((m, place) => {
      const { mean, halfWidth } = m;
      if (!m.varies || mean === null || mean === 0 || halfWidth === null || m.of === 'expectation') return [];
      const relative = (value: number) => (value - mean) / Math.abs(mean);
      const at = (p: number) => m.quantiles.find((q) => q.p === p)?.value ?? null;
      const [low, median, high] = [at(0.05), at(0.5), at(0.95)];
      return [
        {
          name: short(says.get(m.name) ?? m.name),
          place,
          least: -halfWidth / Math.abs(mean),
          most: halfWidth / Math.abs(mean),
          ...(low === null ? {} : { low: relative(low) }),
          ...(high === null ? {} : { high: relative(high) }),
          ...(median === null ? {} : { median: relative(median) }),
        },
      ];
    })
    .sort((a, b) => b.most - a.most || a.place - b.place)
    .slice(0, mostMeasures);
  if (values.length === 0) return undefined;
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    title: 'difference from the mean of the runs',
    axis: { format: '+~%', tickCount: 7 },
  });
  return {
    name: 'spread-over-the-runs',
    title:
      'Spread over the runs: the bar is the 95 % interval of the mean, the line from 5 to 95 % of runs, the dot the median',
    kind: 'chance',
    spec: {
      ...base,
      width: 480,
      height: { step: 18 },
      data: { values },
      encoding: { y: nameAxis },
      layer: [
        {
          mark: { type: 'bar', height: 10, color: strokes.good, opacity: 0.35 },
          encoding: { x: x('least'), x2: { field: 'most' } },
        },
        {
          transform: [{ filter: 'isValid(datum.low) && isValid(datum.high)' }],
          mark: { type: 'rule', strokeWidth: 1.5, color: strokes.good },
          encoding: { x: x('low'), x2: { field: 'high' } },
        },
        {
          transform: [{ filter: 'isValid(datum.median)' }],
          mark: { type: 'point', filled: true, size: 45, opacity: 1, color: strokes.good },
          encoding: { x: x('median') },
        },
      ],
    },
  };
}

/** How curves spread over the runs: half of them within the inner band, nine in ten within the outer one, the median as a line. */
export function fanCharts(result: Result): readonly Chart[] {
  const { word, micros } = timeUnit(result.playedMicros);
  return (result.replications?.fans ?? []).map((fan, i): Chart => {
    const at = (p: number, k: number) => fan.bands.find((b) => b.p === p)?.values[k] ?? null;
    const values = fan.moments.map((moment, k) => ({
      t: moment / micros,
      low: at(0.05, k),
      lower: at(0.25, k),
      median: at(0.5, k),
      upper: at(0.75, k),
      high: at(0.95, k),
    }));
    const y = (field: string) => ({
      field,
      type: 'quantitative',
      title: fan.unit === '' ? null : fan.unit,
      axis: { format: '~s' },
    });
    return {
      name: `fan-${i + 1}`,
      title: `${fan.title}, the highest line: median, 25 to 75 %, 5 to 95 % of ${result.replications!.runs} runs`,
      kind: 'chance',
      spec: {
        ...base,
        height: 180,
        data: { values },
        encoding: { x: { field: 't', type: 'quantitative', title: word, scale: { nice: false } } },
        layer: [
          {
            mark: { type: 'area', opacity: 0.18, color: strokes.good },
            encoding: { y: y('low'), y2: { field: 'high' } },
          },
          {
            mark: { type: 'area', opacity: 0.3, color: strokes.good },
            encoding: { y: y('lower'), y2: { field: 'upper' } },
          },
          { mark: { type: 'line', color: strokes.good }, encoding: { y: y('median') } },
        ],
      },
    };
  });
}
