import { BoundReached, BrokenInvariant } from '../engine/simulation.ts';
import { evaluateVector } from '../promql/expectation.ts';
import { type Expression, selectorsOf } from '../promql/parse.ts';
import type { SeriesSet } from '../promql/series.ts';
import { build, catalogue } from '../scenario/build.ts';
import type { Scenario } from '../scenario/load.ts';
import { type FanRow, fanMetrics, fanOf } from './fans.ts';
import { judge } from './judge.ts';
import { play } from './play.ts';
import { failsByChance, overPlayed, readReliability } from './reliability.ts';
import { type SheetRow, sheetMetrics, sheetOf } from './runSheet.ts';

/** What is asked of a replication, beside the facts that were observed. */
export interface Asked {
  /** Risks and expectations too: more is recorded, and each run is slower. */
  readonly everything: boolean;
  /** Curves over time, too, of which quantiles are drawn. */
  readonly fans?: true;
  /** So many replications in a row have the uncertain inputs of the first of them; absent: each has its own. */
  readonly runsEach?: number;
}

/** What one replication gave: numbers in the order of the scenario's own lists, so that rows of many replications merge. */
export interface ReplicationRow {
  readonly replication: number;
  readonly fingerprint: string;
  readonly events: number;
  /** By observed row; null where it has no single value. */
  readonly observed: readonly (number | null)[];
  /** By measure of reliability; empty where nothing fails by chance. */
  readonly reliability: readonly number[];
  /** By risk of the catalogue; empty where not asked. */
  readonly risks: readonly (number | null)[];
  /** By expectation, whether it held; empty where not asked. */
  readonly held: readonly boolean[];
  /** By expectation: the operand that came closest to its limit, or broke it furthest. */
  readonly values: readonly (number | null)[];
  /** What it says of the steps of changes; absent where there are none, or it was not asked. */
  readonly sheet?: SheetRow;
  /** Curves over time; absent where not asked. */
  readonly fans?: FanRow;
  /** Why the run was ended by a law or a bound; null for a good one. */
  readonly broken: string | null;
}

/** A what-if (`shows:`) plays another world than the one that was observed: its runs are not compared with the facts that it inherits. */
export function withoutForeignFacts(scenario: Scenario): Scenario {
  return scenario.shows === undefined ? scenario : { ...scenario, observed: [] };
}

/** A single number of an expression at a time: null when there is none, or more than one. */
export function single(expression: Expression, series: SeriesSet, t: number): number | null {
  const samples = evaluateVector(expression, series, t);
  return samples.length === 1 && Number.isFinite(samples[0]!.value) ? samples[0]!.value : null;
}

/** The worst series of a risk; null when it has none with a value. */
export function worstOf(that: string, series: SeriesSet, played: number): number | null {
  let worst: number | null = null;
  for (const { value } of evaluateVector(overPlayed(that, played), series, played))
    if (worst === null || value > worst) worst = value;
  return worst !== null && Number.isFinite(worst) ? worst : null;
}

/** Metrics that have to be recorded for what is asked. */
function recordedFor(scenario: Scenario, asked: Asked, byChance: boolean): ReadonlySet<string> {
  const risks = asked.everything ? catalogue.risks.map((r) => overPlayed(r.that, 1)) : [];
  const expected = asked.everything
    ? scenario.expect.flatMap((e) => [e.expression.operand, e.expression.limit])
    : [];
  const expressions = [
    ...scenario.observed.flatMap((o) => o.expression ?? []),
    ...(byChance ? catalogue.reliability.map((m) => overPlayed(m.that, 1)) : []),
    ...risks,
    ...expected,
  ];
  return new Set([
    ...expressions.flatMap((e) => selectorsOf(e).map((s) => s.name)),
    ...(asked.everything ? sheetMetrics(scenario) : []),
    ...(asked.fans === true ? fanMetrics : []),
  ]);
}

/** Plays one replication and reads what is asked of it. A law that it breaks is told in its row: the others go on. */
export function playReplication(
  given: Scenario,
  seed: string,
  replication: number,
  asked: Asked,
  fixed: ReadonlyMap<string, number> = new Map(),
): ReplicationRow {
  const scenario = withoutForeignFacts(given);
  const byChance = failsByChance(scenario);
  const hasSheet = asked.everything && scenario.calendar.changes.length > 0;
  const built = build(
    scenario,
    {
      seed,
      replication,
      record: recordedFor(scenario, asked, byChance),
      keepEvents: hasSheet,
      ...(asked.runsEach === undefined ? {} : { inputsOf: replication - (replication % asked.runsEach) }),
    },
    fixed,
  );
  const { sim } = built;
  let broken: string | null = null;
  try {
    play(built, scenario);
  } catch (error) {
    if (!(error instanceof BrokenInvariant || error instanceof BoundReached)) throw error;
    broken = error.message;
  }
  const played = Math.max(0, Math.min(sim.now, built.until) - scenario.warmUp);
  const series = built.series();
  const judged = asked.everything ? scenario.expect.map((e) => judge(e, series, played)) : [];
  return {
    replication,
    fingerprint: sim.fingerprint(),
    events: sim.eventCount,
    observed: scenario.observed.map((o) =>
      o.expression === undefined ? null : single(o.expression, series, played),
    ),
    reliability: byChance ? readReliability(series, played) : [],
    risks: asked.everything ? catalogue.risks.map((r) => worstOf(r.that, series, played)) : [],
    held: judged.map((j) => j.held),
    values: judged.map((j) => (Number.isFinite(j.value) ? j.value : null)),
    ...(asked.fans === true ? { fans: fanOf(series, scenario.length, played) } : {}),
    ...(hasSheet ? { sheet: sheetOf(scenario, built.settings, sim.told, series, played) } : {}),
    broken,
  };
}

/** Replications one after another, as a worker plays its batch. */
export function playReplications(
  scenario: Scenario,
  seed: string,
  from: number,
  to: number,
  asked: Asked,
  onPlayed?: (row: ReplicationRow) => void,
  fixed: ReadonlyMap<string, number> = new Map(),
): ReplicationRow[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => {
    const row = playReplication(scenario, seed, from + i, asked, fixed);
    onPlayed?.(row);
    return row;
  });
}
