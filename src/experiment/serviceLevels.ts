import { sampleFunctions } from '../promql/exact.ts';
import { evaluateVector } from '../promql/expectation.ts';
import { selectorsOf, windowCallsOf } from '../promql/parse.ts';
import type { SeriesSet } from '../promql/series.ts';
import type { ServiceLevel } from '../scenario/serviceLevels.ts';

/** What a run did to an error budget. */
export interface ServiceLevelRow {
  readonly name: string;
  readonly objective: number;
  readonly periodMicros: number;
  /** Share of what was bad in the time that was played; null where nothing was asked for. */
  readonly errorRatio: number | null;
  /** How many times faster than allowed the budget was spent. */
  readonly burnRate: number | null;
  /** Share of the period's whole budget that the played time spent, at an even load. */
  readonly spent: number | null;
  /** How long the whole budget would last at this rate; null where nothing is spent. */
  readonly lastsMicros: number | null;
}

/**
 * The account of each objective over the played time, read from exact lines, or, where exporters
 * derive a metric or samples are counted, as a server has it: burn = error ratio / (1 - objective); spent = burn x played / period.
 * Source: Google, The Site Reliability Workbook, Alerting on SLOs.
 */
export function accountsOf(
  levels: readonly ServiceLevel[],
  series: SeriesSet,
  played: number,
): ServiceLevelRow[] {
  return levels.map(({ name, objective, periodMicros, errorRatio, scraped }) => {
    const expression = errorRatio(Math.max(1, played));
    const isExact =
      selectorsOf(expression).every((s) => series.names.includes(s.name)) &&
      windowCallsOf(expression).every((call) => !sampleFunctions.has(call.name));
    const samples = isExact ? evaluateVector(expression, series, played) : scraped(Math.max(1, played));
    const ratio = samples.length === 1 && Number.isFinite(samples[0]!.value) ? samples[0]!.value : null;
    const burnRate = ratio === null ? null : ratio / (1 - objective);
    return {
      name,
      objective,
      periodMicros,
      errorRatio: ratio,
      burnRate,
      spent: burnRate === null ? null : (burnRate * played) / periodMicros,
      lastsMicros: burnRate === null || burnRate <= 0 ? null : periodMicros / burnRate,
    };
  });
}
