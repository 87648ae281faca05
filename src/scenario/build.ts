import type { Catalogue } from '../engine/catalogue.ts';
import type { Gauge } from '../engine/gauge.ts';
import { Simulation, type SimulationOptions } from '../engine/simulation.ts';
import { checkExpectation } from '../promql/evaluate.ts';
import { parseExpectation } from '../promql/parse.ts';
import type { Series, SeriesSet } from '../promql/series.ts';
import type { Scenario } from './load.ts';
import type { BuildContext, Part } from './part.ts';
import { parts } from './parts/index.ts';

/** A scenario made ready to be played. */
export interface Built {
  readonly sim: Simulation;
  readonly models: Readonly<Record<string, unknown>>;
  /** Microseconds to play: warm-up and period. */
  readonly until: number;
  /** What was recorded, with labels; times count from the start of the period. */
  readonly series: () => SeriesSet;
  /** The values of this instant. */
  readonly live: () => SeriesSet;
}

/** All catalogues in one. */
export const catalogue: Catalogue = {
  metrics: parts.flatMap((p) => p.catalogue.metrics),
  events: parts.flatMap((p) => p.catalogue.events),
  risks: parts.flatMap((p) => p.catalogue.risks),
  panels: parts.flatMap((p) => p.catalogue.panels),
};

/** A condition is met by one series, as in an alert rule: that is, unless all satisfy the opposite. */
const opposites: Readonly<Record<string, string>> = {
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
  '==': '!=',
  '!=': '==',
};

/** Creates every part in order and schedules the timeline. */
export function build(scenario: Scenario, options: SimulationOptions): Built {
  const sim = new Simulation(options);
  // One stream for each unknown number, or for each factor that several share: a new one moves no other's draw.
  const draw = (path: string, shared: string | undefined) =>
    sim.stream(shared === undefined ? path : `shared/${shared}`, 'uncertain')();
  const settings = scenario.settings(draw);
  const args = scenario.timelineArgs(draw);
  const models: Record<string, unknown> = {};
  const until = scenario.warmUp + scenario.length;
  const labelled = new Map<string, (row: number) => Readonly<Record<string, string>>>();
  const context: BuildContext = {
    sim,
    settings,
    models,
    until,
    readText: scenario.readText,
    condition: (text) => {
      const parsed = parseExpectation(text);
      if (!parsed.ok) throw new RangeError(`the condition ${text} cannot be read`);
      const opposite = { ...parsed.value, op: opposites[parsed.value.op] };
      const { matched, holds } = checkExpectation(opposite, live(sim, labelled), [sim.now]);
      return matched && !holds;
    },
  };
  for (const part of parts as unknown as readonly Part<unknown, unknown>[]) {
    if (settings[part.name] === undefined) continue;
    const model = part.create(settings[part.name], context);
    models[part.name] = model;
    part.connect?.(model, context);
    for (const metric of part.catalogue.metrics) {
      const labels = part.labels(model, metric.name);
      if (labels !== undefined) labelled.set(metric.name, labels);
    }
  }
  const play = sim.on('timeline', (row) => {
    const entry = scenario.timeline[row];
    const part = parts.find((p) => p.name === entry.part) as unknown as Part<unknown, unknown>;
    part.actions[entry.action].play(models[entry.part], args[row] as never, { ...context, id: entry.id });
  });
  scenario.timeline.forEach((entry, row) => {
    sim.at(scenario.warmUp + entry.at, play, row);
  });
  return {
    sim,
    models,
    until,
    series: () => recorded(sim, labelled, scenario.warmUp),
    live: () => live(sim, labelled),
  };
}

/** Recorded gauges as labelled series; what lies before `origin` is folded into the first point. */
function recorded(
  sim: Simulation,
  labelled: ReadonlyMap<string, (row: number) => Readonly<Record<string, string>>>,
  origin: number,
): SeriesSet {
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
        from[0] += (slopes[first] * (origin - Math.min(origin, times[first]))) / 1e6;
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
function live(
  sim: Simulation,
  labelled: ReadonlyMap<string, (row: number) => Readonly<Record<string, string>>>,
): SeriesSet {
  const point = (gauge: Gauge, name: string, labels: (row: number) => Readonly<Record<string, string>>) =>
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
