import type { Gauge } from '../engine/gauge.ts';
import type { Simulation } from '../engine/simulation.ts';
import { checkExpectation } from '../promql/expectation.ts';
import { ExactView } from '../promql/leaves.ts';
import { parseExpectation } from '../promql/parse.ts';
import { gone, type Series, type SeriesSet } from '../promql/series.ts';

/** The labels of a gauge's rows. */
export type Labels = (row: number) => Readonly<Record<string, string>>;

const opposites: Readonly<Record<string, string>> = {
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
  '==': '!=',
  '!=': '==',
};

/**
 * Whether a PromQL comparison is true of any series, as in an alert rule: that is, unless all satisfy the opposite.
 * @throws RangeError when the text is no comparison, which the checks of a scenario exclude
 */
export function isMet(text: string, set: SeriesSet, now: number): boolean {
  const parsed = parseExpectation(text);
  if (!parsed.ok) throw new RangeError(`the condition ${text} cannot be read`);
  const { matched, holds } = checkExpectation(
    { ...parsed.value, op: opposites[parsed.value.op] },
    new ExactView(set),
    [now],
  );
  return matched && !holds;
}

/** Recorded gauges as labelled series; what lies before `origin` is folded into the first point. */
export function recorded(sim: Simulation, labelled: ReadonlyMap<string, Labels>, origin: number): SeriesSet {
  const made = new Map<string, Series[]>();
  const of = (name: string): readonly Series[] => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const gauge = sim.gauges.get(name);
    const labels = labelled.get(name);
    const list: Series[] = [];
    for (let row = 0; gauge !== undefined && labels !== undefined && row < gauge.rows; row += 1) {
      const kept = gauge.rowRecord(row);
      if (kept === undefined) break;
      const { times, values, slopes } = kept;
      let first = 0;
      while (first + 1 < times.length && times[first + 1] <= origin) first += 1;
      if (origin === 0) list.push({ name, labels: labels(row), times, values, slopes, length: times.length });
      else {
        const shifted = times.slice(first).map((t) => Math.max(0, t - origin));
        const from = values.slice(first);
        if (from[0] !== gone) from[0] += (slopes[first] * (origin - Math.min(origin, times[first]))) / 1e6;
        list.push({
          name,
          labels: labels(row),
          times: shifted,
          values: from,
          slopes: slopes.slice(first),
          length: shifted.length,
        });
      }
    }
    made.set(name, list);
    return list;
  };
  return { of, names: [...labelled.keys()].filter((name) => (sim.gauges.get(name)?.rows ?? 0) > 0) };
}

/** The values of this instant as series of one point: what a condition of a procedure sees. */
export function live(sim: Simulation, labelled: ReadonlyMap<string, Labels>): SeriesSet {
  const point = (gauge: Gauge, name: string, labels: Labels) =>
    Array.from({ length: gauge.rows }, (_, row) => ({
      name,
      labels: labels(row),
      times: [0],
      values: [gauge.get(row)],
      slopes: [0],
      length: 1,
    }));
  return {
    of: (name) => {
      const gauge = sim.gauges.get(name);
      const labels = labelled.get(name);
      return gauge === undefined || labels === undefined ? [] : point(gauge, name, labels);
    },
    names: [...labelled.keys()],
  };
}
