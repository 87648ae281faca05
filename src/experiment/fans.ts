import type { Panel } from '../engine/catalogue.ts';
import { evaluateVector } from '../promql/expectation.ts';
import { type Expression, parseExpression, selectorsOf } from '../promql/parse.ts';
import type { SeriesSet } from '../promql/series.ts';
import { catalogue } from '../scenario/build.ts';
import { quantile } from './statistics.ts';

/** Equal parts of the period at whose ends curves are read. */
const parts = 60;
/** Runs below which quantiles of 5 and 95 % say nothing. */
const fewestRuns = 20;
const shares = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

/** What one run says of the curves that are drawn over many: by panel and moment, as `keyOf` writes it. */
export type FanRow = Readonly<Record<string, number>>;

/** How a curve spreads over the runs: at each moment the quantiles of the highest of a panel's lines. */
export interface Fan {
  readonly title: string;
  readonly unit: string;
  readonly bands: readonly {
    readonly p: number;
    /** By moment; null where fewer than half of the runs get so far. */
    readonly values: readonly (number | null)[];
  }[];
  /** Microseconds of the period. */
  readonly moments: readonly number[];
}

const keyOf = (panel: Panel, part: number) => `${panel.title}@${part}`;

const fanned: readonly { readonly panel: Panel; readonly expression: Expression }[] =
  catalogue.panels.flatMap((panel) => {
    const read = panel.spreads === true ? parseExpression(panel.that) : undefined;
    return read?.ok === true ? [{ panel, expression: read.value }] : [];
  });

/** Metrics that have to be recorded for fans. */
export const fanMetrics: readonly string[] = fanned.flatMap(({ expression }) =>
  selectorsOf(expression).map((s) => s.name),
);

/** Reads the curves of one run. What ends early has no values after that. */
export function fanOf(series: SeriesSet, lengthMicros: number, played: number): FanRow {
  const row: Record<string, number> = {};
  for (const { panel, expression } of fanned)
    for (let part = 0; part <= parts; part += 1) {
      const t = Math.round((lengthMicros * part) / parts);
      if (t > played) break;
      let most = Number.NaN;
      for (const { value } of evaluateVector(expression, series, t))
        if (Number.isFinite(value) && !(value <= most)) most = value;
      if (!Number.isNaN(most)) row[keyOf(panel, part)] = most;
    }
  return row;
}

/** The fans of many runs: of those curves that differ in any two. */
export function fansOf(rows: readonly FanRow[], lengthMicros: number): readonly Fan[] {
  if (rows.length < fewestRuns) return [];
  const moments = Array.from({ length: parts + 1 }, (_, part) => Math.round((lengthMicros * part) / parts));
  return fanned.flatMap(({ panel }): Fan[] => {
    const at = moments.map((_, part) => rows.flatMap((row) => row[keyOf(panel, part)] ?? []));
    if (at.every((values) => values.every((v) => v === values[0]))) return [];
    const bands = shares.map((p) => ({
      p,
      values: at.map((values) => (2 * values.length < rows.length ? null : quantile(values, p))),
    }));
    return [{ title: panel.title, unit: panel.unit, bands, moments }];
  });
}
