import type { Scenario } from '../scenario/load.ts';
import { betaQuantile } from './bounds.ts';
import {
  brokenOf,
  measuresOf,
  type ReplicatedMeasure,
  type Replications,
  summarise,
  toColumns,
} from './replicated.ts';
import type { ReplicationRow } from './replication.ts';
import { meanInterval, wilsonInterval } from './statistics.ts';

/** How much of what a number does lies between groups, and how much within them. */
export interface VarianceShares {
  /** Standard deviations: of the groups' own means, and within a group. */
  readonly between: number;
  readonly within: number;
  /** Share of the variance that lies between groups, with its 95 % interval; null where nothing varies. */
  readonly share: number | null;
  readonly interval: readonly [number, number] | null;
}

/** Quantile of Snedecor's F, by the beta distribution. */
function fQuantile(p: number, numerator: number, denominator: number): number {
  const x = betaQuantile(p, numerator / 2, denominator / 2);
  return (denominator * x) / (numerator * (1 - x));
}

/**
 * Parts of the variance of values in groups of one size, by a one-way analysis of variance with random groups. The interval is exact for normal values.
 * Source: S. R. Searle, G. Casella and C. E. McCulloch, "Variance Components" (1992), 3.6 (estimators, cut at 0) and 3.8 (F. E. Satterthwaite's and the exact
 * interval of the share).
 * @throws RangeError for fewer than three groups, fewer than two values in each, or groups of several sizes
 */
export function varianceShares(groups: readonly (readonly number[])[]): VarianceShares {
  const [n, m] = [groups.length, groups[0]?.length ?? 0];
  if (n < 3 || m < 2 || groups.some((g) => g.length !== m))
    throw new RangeError(`${n} groups of ${m} values: three of two at least, all of one size`);
  const means = groups.map((g) => g.reduce((a, b) => a + b, 0) / m);
  const mean = means.reduce((a, b) => a + b, 0) / n;
  const among = (m * means.reduce((sum, x) => sum + (x - mean) * (x - mean), 0)) / (n - 1);
  const inside =
    groups.reduce((sum, g, i) => sum + g.reduce((s, x) => s + (x - means[i]!) * (x - means[i]!), 0), 0) /
    (n * (m - 1));
  const between = Math.max(0, (among - inside) / m);
  const sds = { between: Math.sqrt(between), within: Math.sqrt(inside) };
  if (between + inside === 0) return { ...sds, share: null, interval: null };
  const share = between / (between + inside);
  if (inside === 0) return { ...sds, share, interval: [1, 1] };
  const ratio = among / inside;
  const bound = (p: number) => {
    const f = ratio / fQuantile(p, n - 1, n * (m - 1));
    return Math.max(0, (f - 1) / (f - 1 + m));
  };
  return { ...sds, share, interval: [bound(0.975), bound(0.025)] };
}

export interface NestedMeasure extends VarianceShares {
  readonly name: string;
  readonly of: ReplicatedMeasure['of'];
  readonly unit: string;
  /** Draws of the inputs in all of whose runs it has a value. */
  readonly inputs: number;
  readonly mean: number;
  /** Of the mean's 95 % interval, by Student's t over the means of the draws. */
  readonly halfWidth: number;
}

export interface NestedExpectation {
  readonly name: string;
  /** Share of a draw's runs in which it has to hold; 1 where it says none. */
  readonly holdsIn: number;
  /** Draws of the inputs under which it does, with Wilson's 95 % interval of the share of all. */
  readonly holds: number;
  readonly inputs: number;
  readonly interval: readonly [number, number];
}

/** Runs by chance inside draws of the uncertain inputs: what comes from not knowing, and what from chance. */
export interface Nested {
  readonly inputs: number;
  readonly runsEach: number;
  readonly measures: readonly NestedMeasure[];
  readonly expectations: readonly NestedExpectation[];
}

/** The parts of each measure's variance. Draws with a run that broke a law, or that was not played, are left out. */
function nestedOf(scenario: Scenario, given: readonly ReplicationRow[], runsEach: number): Nested {
  const sets = new Map<number, ReplicationRow[]>();
  for (const row of given) {
    const set = Math.floor(row.replication / runsEach);
    sets.set(set, [...(sets.get(set) ?? []), row]);
  }
  const whole = [...sets.values()].filter(
    (rows) => rows.length === runsEach && rows.every((r) => r.broken === null),
  );
  const measures = measuresOf(scenario).flatMap(({ name, of, unit, read }): NestedMeasure[] => {
    const groups = whole.flatMap((rows) => {
      const values = rows.map(read).filter((v) => v !== null);
      return values.length === runsEach ? [values] : [];
    });
    if (groups.length < 3) return [];
    const means = groups.map((g) => g.reduce((a, b) => a + b, 0) / runsEach);
    return [{ name, of, unit, inputs: groups.length, ...meanInterval(means), ...varianceShares(groups) }];
  });
  const expectations = scenario.expect.flatMap((e, i): NestedExpectation[] => {
    if (whole.length === 0) return [];
    const holdsIn = e.holdsIn ?? 1;
    const holds = whole.filter(
      (rows) => rows.filter((r) => r.held[i] === true).length >= holdsIn * runsEach,
    ).length;
    const interval = wilsonInterval(holds, whole.length);
    return [{ name: e.name, holdsIn, holds, inputs: whole.length, interval }];
  });
  return { inputs: whole.length, runsEach, measures, expectations };
}

/**
 * Sums up runs of which each `runsEach` in a row have the uncertain inputs of the first. Those of one draw depend on each other: all but the parts of the variance is said of the first run of
 * each draw.
 */
export function summariseNested(
  scenario: Scenario,
  rows: readonly ReplicationRow[],
  runsEach: number,
  interrupted: boolean,
): Replications {
  return {
    ...summarise(scenario, firstOfEach(rows, runsEach), 1, interrupted),
    covers: 'chance, and the uncertain inputs: one run of each of their draws',
    nested: nestedOf(scenario, rows, runsEach),
    broken: brokenOf(rows),
    rows,
    columns: toColumns(scenario, rows),
  };
}

/** The first run of each draw of the inputs: these are independent. */
export function firstOfEach(rows: readonly ReplicationRow[], runsEach: number): readonly ReplicationRow[] {
  return rows.filter((r) => r.replication % runsEach === 0);
}
