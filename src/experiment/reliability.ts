import { evaluateVector } from '../promql/expectation.ts';
import { type Expression, parseExpression, selectorsOf } from '../promql/parse.ts';
import type { SeriesSet } from '../promql/series.ts';
import { catalogue } from '../scenario/build.ts';
import type { Scenario } from '../scenario/load.ts';
import { parts } from '../scenario/parts/index.ts';
import type { Reliability, ReliabilityRow } from './result.ts';
import { meanInterval, wilsonInterval } from './statistics.ts';

/** 365 days, microseconds. */
const year = 365 * 86_400 * 1e6;

/** An expression of a catalogue over the played time: `$__range` is that as a duration, `$__range_s` in seconds, as in Grafana. */
export function overPlayed(that: string, played: number): Expression {
  const text = that
    .replaceAll('$__range_s', String(Math.max(1e-6, played / 1e6)))
    .replaceAll('$__range', `${Math.max(1, Math.ceil(played / 1e6))}s`);
  const read = parseExpression(text);
  if (!read.ok) throw new RangeError(`${that}: ${read.problems[0]?.message}`);
  return read.value;
}

/** Whether a part says that things fail by chance in this scenario. */
export function failsByChance(scenario: Scenario): boolean {
  const settings = scenario.settings(() => 0.5);
  return parts.some(
    (part) =>
      settings[part.name] !== undefined && part.failsByChance?.(settings[part.name] as never) === true,
  );
}

/**
 * The metrics that the shown run of a platform that fails by chance leaves out: such a run is long, and these cost by the simulated second. What
 * the scenario itself reads is recorded all the same.
 */
export function leftOut(scenario: Scenario): readonly string[] {
  const read = [
    ...scenario.expect.flatMap((e) => [e.expression.operand, e.expression.limit]),
    ...scenario.observed.flatMap((o) => o.expression ?? []),
  ].flatMap((expression) => selectorsOf(expression).map((s) => s.name));
  return catalogue.metrics.filter((m) => m.sampled === true && !read.includes(m.name)).map((m) => m.name);
}

/** What one run gives of each measure, its series added up. */
export function readReliability(series: SeriesSet, played: number): number[] {
  return catalogue.reliability.map((m) =>
    evaluateVector(overPlayed(m.that, played), series, played).reduce((sum, s) => sum + s.value, 0),
  );
}

/**
 * Estimates over runs that differ by their seed alone.
 * @param runs what each run gave, by measure
 * @param notSampled metrics that the shown run left out
 */
export function reliabilityOf(
  runs: readonly (readonly number[])[],
  playedMicros: number,
  notSampled: readonly string[],
): Reliability {
  const rows = catalogue.reliability.map((m, i): ReliabilityRow => {
    const values = runs.map((run) => run[i]);
    const { name, unit, says, of } = m;
    if (of === 'chance') {
      const count = values.filter((v) => v > 0).length;
      const interval = wilsonInterval(count, values.length);
      return { name, unit, says, of, value: count / values.length, interval, count };
    }
    const scaled = of === 'yearly' ? values.map((v) => (v * year) / Math.max(1, playedMicros)) : values;
    const value = scaled.reduce((a, b) => a + b, 0) / scaled.length;
    if (scaled.length < 2) return { name, unit, says, of, value, interval: null, count: null };
    const { halfWidth } = meanInterval(scaled);
    // None of these is below 0, and no share above 1: an interval by t does not know that.
    const most = unit === 'share' ? 1 : Number.POSITIVE_INFINITY;
    const interval = [Math.max(0, value - halfWidth), Math.min(most, value + halfWidth)] as const;
    return { name, unit, says, of, value, interval, count: null };
  });
  return { runs: runs.length, playedMicros, notSampled, rows };
}
