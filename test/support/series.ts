import type { Series, SeriesSet } from '../../src/promql/series.ts';

/** A series set from change points `[seconds, value, slope per second]`. */
export function seriesSet(
  given: readonly {
    name: string;
    labels?: Record<string, string>;
    points: readonly (readonly [number, number, number?])[];
  }[],
): SeriesSet {
  const made = given.map(
    ({ name, labels = {}, points }): Series => ({
      name,
      labels,
      times: points.map((p) => p[0] * 1e6),
      values: points.map((p) => p[1]),
      slopes: points.map((p) => p[2] ?? 0),
      length: points.length,
    }),
  );
  return { of: (name) => made.filter((s) => s.name === name), names: [...new Set(made.map((s) => s.name))] };
}
