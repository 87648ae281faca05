import type { Catalogue, ModelFinding } from '../engine/catalogue.ts';
import type { DueDate } from '../engine/dueDates.ts';
import { Simulation, type SimulationOptions } from '../engine/simulation.ts';
import type { AlertsOutcome } from '../models/monitoring/outcome.ts';
import { selectorsOf } from '../promql/parse.ts';
import type { SeriesSet } from '../promql/series.ts';
import { isMet, type Labels, live, recorded } from './labelled.ts';
import type { Scenario } from './load.ts';
import type { BuildContext, Part } from './part.ts';
import { parts } from './parts/index.ts';
import type { ServiceLevel } from './serviceLevels.ts';
import { parseTime } from './time.ts';

/** A scenario made ready to be played. */
export interface Built {
  readonly sim: Simulation;
  readonly models: Readonly<Record<string, unknown>>;
  /** All settings as this replication drew them, by part name. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Microseconds to play: warm-up and period. */
  readonly until: number;
  /** What the models found out, as things stand now. */
  readonly findings: () => readonly ModelFinding[];
  readonly serviceLevels: readonly ServiceLevel[];
  readonly dueDates: () => readonly DueDate[];
  /** What alert rules said until now. */
  readonly alerts: () => AlertsOutcome | undefined;
  /** What was recorded, with labels; times count from the start of the period. */
  readonly series: () => SeriesSet;
  /** The values of this instant. */
  readonly live: () => SeriesSet;
  /** Where causes are kept: the entries of the timeline by the number of the event that played them. */
  readonly entryOfEvent: ReadonlyMap<number, string>;
}

/** All catalogues in one. */
export const catalogue: Required<Catalogue> = {
  metrics: parts.flatMap((p) => p.catalogue.metrics),
  events: parts.flatMap((p) => p.catalogue.events),
  risks: parts.flatMap((p) => p.catalogue.risks),
  panels: parts.flatMap((p) => p.catalogue.panels),
  outages: parts.flatMap((p) => p.catalogue.outages ?? []),
  reliability: parts.flatMap((p) => p.catalogue.reliability ?? []),
  watched: parts.flatMap((p) => p.catalogue.watched ?? []),
  exposures: parts.flatMap((p) => p.catalogue.exposures ?? []),
};

export interface BuildOptions extends SimulationOptions {
  /** The replication whose draws of uncertain inputs are taken; absent: its own. Chance is always its own. */
  readonly inputsOf?: number;
}

/** Creates every part in order and schedules the timeline. */
export function build(
  scenario: Scenario,
  { inputsOf, ...options }: BuildOptions,
  /** Where an unknown number lies in its distribution, by its path or the factor that it shares; drawn where nothing is said. */
  fixed: ReadonlyMap<string, number> = new Map(),
): Built {
  const watched = new Set(
    [
      ...scenario.conditions.map((c) => c.expression),
      ...(scenario.until === undefined ? [] : [scenario.until.expression]),
    ].flatMap((e) => [...selectorsOf(e.operand), ...selectorsOf(e.limit)].map((selector) => selector.name)),
  );
  const sim = new Simulation(options);
  // One stream for each unknown number, or for each factor that several share: a new one moves no other's draw.
  const draw = (path: string, shared: string | undefined) =>
    fixed.get(shared ?? path) ??
    sim.stream(shared === undefined ? path : `shared/${shared}`, 'uncertain', inputsOf)();
  const settings = scenario.settings(draw);
  const args = scenario.timelineArgs(draw);
  const reactions = scenario.reactions(draw);
  if (reactions.length > 0) watched.add('ALERTS');
  // What a procedure looks at has to be kept up to date, whoever asks for what: some gauges are read only where they are recorded.
  sim.record(watched);
  const models: Record<string, unknown> = {};
  const until = scenario.warmUp + scenario.length;
  const labelled = new Map<string, Labels>();
  const entryOfEvent = new Map<number, string>();
  const context: BuildContext = {
    sim,
    settings,
    models,
    timeline: scenario.timeline.map(({ at, part, action }, row) => ({ at, part, action, args: args[row] })),
    reactions,
    act: (step, id) => {
      if (sim.keepsCauses) entryOfEvent.set(sim.eventCount, id);
      const part = parts.find((p) => p.name === step.part) as unknown as Part<unknown, unknown>;
      part.actions[step.action].play(models[step.part], step.args as never, { ...context, id });
    },
    until,
    warmUp: scenario.warmUp,
    from: parseTime(scenario.from) ?? 0,
    watched,
    labelsOf: (metric) => labelled.get(metric),
    metricNames: parts.flatMap((p) => p.catalogue.metrics.map((m) => m.name)),
    metrics: (parts as unknown as readonly Part[])
      .filter((p) => settings[p.name] !== undefined)
      .flatMap((p) => p.catalogue.metrics),
    readText: scenario.readText,
    condition: (text) => isMet(text, live(sim, labelled), sim.now),
  };
  const used = (parts as unknown as readonly Part<unknown, unknown>[]).filter(
    (p) => settings[p.name] !== undefined,
  );
  for (const part of used) sim.record(part.reads?.(settings[part.name], context) ?? []);
  for (const part of used) {
    const model = part.create(settings[part.name], context);
    models[part.name] = model;
    part.connect?.(model, context);
    for (const metric of [
      ...part.catalogue.metrics,
      ...(part.metrics?.(settings[part.name], scenario.readText) ?? []),
    ]) {
      const labels = part.labels(model, metric.name);
      if (labels !== undefined) labelled.set(metric.name, labels);
    }
  }
  const play = sim.on('timeline', (row) => {
    const entry = scenario.timeline[row];
    if (sim.keepsCauses) entryOfEvent.set(sim.eventCount, entry.id);
    const part = parts.find((p) => p.name === entry.part) as unknown as Part<unknown, unknown>;
    part.actions[entry.action].play(models[entry.part], args[row] as never, { ...context, id: entry.id });
  });
  scenario.timeline.forEach((entry, row) => {
    sim.at(scenario.warmUp + entry.at, play, row);
  });
  return {
    sim,
    models,
    settings,
    until,
    findings: () =>
      (parts as unknown as readonly Part[]).flatMap((p) =>
        models[p.name] === undefined ? [] : (p.findings?.(models[p.name]) ?? []),
      ),
    serviceLevels: used.flatMap((p) => p.serviceLevels?.(settings[p.name], models[p.name]) ?? []),
    dueDates: () => used.flatMap((p) => p.dueDates?.(models[p.name]) ?? []),
    alerts: () =>
      (parts as unknown as readonly Part[]).flatMap((p) =>
        models[p.name] === undefined ? [] : (p.alerts?.(models[p.name]) ?? []),
      )[0],
    series: () => recorded(sim, labelled, scenario.warmUp),
    live: () => live(sim, labelled),
    entryOfEvent,
  };
}
