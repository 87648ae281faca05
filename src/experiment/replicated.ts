import { catalogue } from '../scenario/build.ts';
import type { Scenario } from '../scenario/load.ts';
import { alwaysValidBounds, quantileInterval, runsForSkew, runsStillNeeded } from './bounds.ts';
import { type Fan, fansOf } from './fans.ts';
import type { Nested } from './nested.ts';
import type { ReplicationRow } from './replication.ts';
import type { Verdict } from './result.ts';
import { type RunSheet, runSheetsOf } from './runSheet.ts';
import { meanInterval, wilsonInterval } from './statistics.ts';

/** Shares whose quantiles are shown. */
const shares = [0.05, 0.5, 0.95, 0.99] as const;

/** A quantile over the runs, or how many runs it would take to bound it. */
export interface ReplicatedQuantile {
  readonly p: number;
  readonly value: number | null;
  /** By order statistics, at 95 % or more; null where the runs cannot bound it. */
  readonly interval: readonly [number, number] | null;
  /** Runs that would bound it; null where these do. */
  readonly needs: number | null;
}

export interface ReplicatedMeasure {
  readonly name: string;
  readonly of: 'observed' | 'risk' | 'expectation';
  readonly unit: string;
  /** Runs in which it has a value. */
  readonly count: number;
  readonly mean: number | null;
  /** Of the mean's 95 % interval by Student's t; null for fewer than two values. */
  readonly halfWidth: number | null;
  /** How many runs the mean's interval needs for values as skew as these, where there are fewer; else null. */
  readonly skewNeeds: number | null;
  readonly quantiles: readonly ReplicatedQuantile[];
  /** Whether any two runs differ: chance reaches it. */
  readonly varies: boolean;
  /** For a risk with a limit: in how many runs it was above, with Wilson's 95 % interval. */
  readonly over: { readonly count: number; readonly interval: readonly [number, number] } | null;
}

export interface ReplicatedExpectation {
  readonly name: string;
  /** Share of runs in which it has to hold; null: it is judged by the shown run. */
  readonly holdsIn: number | null;
  readonly held: number;
  /** Bounds of the share, at 95 %: Wilson's, or always valid ones where the runs were extended. */
  readonly interval: readonly [number, number];
  readonly verdict: Verdict | null;
  /** Further runs after which it would be decided if the share stays; null where it is, or never would be. */
  readonly needs: number | null;
}

/** What many runs that differ by chance alone say. */
export interface Replications {
  readonly runs: number;
  /** How often the runs were looked at to decide whether to go on. */
  readonly looks: number;
  readonly measures: readonly ReplicatedMeasure[];
  readonly expectations: readonly ReplicatedExpectation[];
  /** The run that fails most expectations; where none fails one, that with the most of the first risk that varies, else of the first fact. */
  readonly worst: { readonly replication: number; readonly says: string } | null;
  readonly broken: readonly { readonly replication: number; readonly says: string }[];
  /** How many fingerprints differ. */
  readonly distinct: number;
  /** What an interval covers. */
  readonly covers: string;
  /** Chance and uncertain inputs told apart; null where each run draws both. */
  readonly nested: Nested | null;
  /** What stopped the runs before their number was reached. */
  readonly interrupted: boolean;
  readonly rows: readonly ReplicationRow[];
  /** How each change goes, over all good runs; empty where the scenario declares none. */
  readonly runSheets: readonly RunSheet[];
  /** How curves spread over the runs; empty for few runs, or where none differ. */
  readonly fans: readonly Fan[];
  /** The rows as columns, which a file keeps. */
  readonly columns: readonly Column[];
}

/** One number of every run, in their order; not a number where a run has none. */
export interface Column {
  readonly name: string;
  readonly values: readonly number[];
}

/** Names of the columns of a row after its own, and how they are read. */
function columnsOf(
  scenario: Scenario,
  withReliability: boolean,
): readonly { readonly name: string; readonly read: (row: ReplicationRow) => number | null | undefined }[] {
  return [
    ...scenario.observed.map((o, i) => ({
      name: `observed/${o.name}`,
      read: (r: ReplicationRow) => r.observed[i],
    })),
    ...catalogue.risks.map((k, i) => ({ name: `risk/${k.name}`, read: (r: ReplicationRow) => r.risks[i] })),
    ...scenario.expect.map((e, i) => ({
      name: `held/${e.name}`,
      read: (r: ReplicationRow) => (r.held[i] === undefined ? null : Number(r.held[i])),
    })),
    ...scenario.expect.map((e, i) => ({ name: `value/${e.name}`, read: (r: ReplicationRow) => r.values[i] })),
    ...(withReliability ? catalogue.reliability : []).map((m, i) => ({
      name: `reliability/${m.name}`,
      read: (r: ReplicationRow) => r.reliability[i],
    })),
  ];
}

export function toColumns(scenario: Scenario, rows: readonly ReplicationRow[]): readonly Column[] {
  const own = columnsOf(scenario, (rows[0]?.reliability.length ?? 0) > 0).map(({ name, read }) => ({
    name,
    values: rows.map((r) => read(r) ?? Number.NaN),
  }));
  const keyed = (['sheet', 'fans'] as const).flatMap((of) => {
    const keys = new Set(rows.flatMap((r) => Object.keys(r[of] ?? {})));
    return [...keys].map((key) => ({
      name: `${of}/${key}`,
      values: rows.map((r) => r[of]?.[key] ?? Number.NaN),
    }));
  });
  return [...own, ...keyed];
}

/** What a file keeps of a row beside its numbers. */
export type RowHead = Pick<ReplicationRow, 'replication' | 'fingerprint' | 'events' | 'broken'>;

/**
 * The rows that were written as columns.
 * @throws RangeError when a column of the scenario is missing: the file belongs to another scenario or version
 */
export function fromColumns(
  scenario: Scenario,
  heads: readonly RowHead[],
  columns: readonly Column[],
): readonly ReplicationRow[] {
  const byName = new Map(columns.map((c) => [c.name, c.values]));
  const column = (name: string) => {
    const found = byName.get(name);
    if (found === undefined) throw new RangeError(`there is no column ${name}`);
    return found;
  };
  const orNull = (v: number) => (Number.isNaN(v) ? null : v);
  const observed = scenario.observed.map((o) => column(`observed/${o.name}`));
  const risks = catalogue.risks.map((k) => column(`risk/${k.name}`));
  const held = scenario.expect.map((e) => column(`held/${e.name}`));
  const values = scenario.expect.map((e) => column(`value/${e.name}`));
  const reliability = columns.some((c) => c.name.startsWith('reliability/'))
    ? catalogue.reliability.map((m) => column(`reliability/${m.name}`))
    : [];
  const keyed = (of: 'sheet' | 'fans', i: number) => {
    const found = columns.filter((c) => c.name.startsWith(`${of}/`));
    if (found.length === 0) return {};
    const entries = found.flatMap((c) =>
      Number.isNaN(c.values[i]!) ? [] : [[c.name.slice(of.length + 1), c.values[i]!] as const],
    );
    return { [of]: Object.fromEntries(entries) };
  };
  return heads.map((head, i) => ({
    ...head,
    observed: observed.map((c) => orNull(c[i]!)),
    risks: risks.map((c) => orNull(c[i]!)),
    held: held.map((c) => c[i] === 1),
    values: values.map((c) => orNull(c[i]!)),
    reliability: reliability.map((c) => c[i]!),
    ...keyed('sheet', i),
    ...keyed('fans', i),
  }));
}

/** Name, unit and reader of every measure of a row. */
export function measuresOf(scenario: Scenario): readonly {
  readonly name: string;
  readonly of: ReplicatedMeasure['of'];
  readonly unit: string;
  readonly limit: number | null;
  readonly read: (row: ReplicationRow) => number | null;
}[] {
  return [
    ...scenario.observed.map((o, i) => ({
      name: o.name,
      of: 'observed' as const,
      unit: o.unit,
      limit: null,
      read: (row: ReplicationRow) => row.observed[i] ?? null,
    })),
    ...catalogue.risks.map((r, i) => ({
      name: r.name,
      of: 'risk' as const,
      unit: r.unit,
      limit: scenario.standard.get(r.name) ?? r.limit ?? null,
      read: (row: ReplicationRow) => row.risks[i] ?? null,
    })),
    ...scenario.expect.map((e, i) => ({
      name: e.name,
      of: 'expectation' as const,
      unit: '',
      limit: null,
      read: (row: ReplicationRow) => row.values[i] ?? null,
    })),
  ];
}

function quantilesOf(values: readonly number[]): readonly ReplicatedQuantile[] {
  return shares.map((p) => {
    const found = quantileInterval(values, p);
    if ('needs' in found) return { p, value: null, interval: null, needs: found.needs };
    return { p, value: found.value, interval: [found.low, found.high], needs: null };
  });
}

/** Sums up rows in the order of their numbers: who played them does not matter. */
export function summarise(
  scenario: Scenario,
  given: readonly ReplicationRow[],
  looks: number,
  interrupted: boolean,
  draws = true,
  /** Whether the runs decide themselves how many there are: then the first look counts as one of many, too. */
  goesOn = false,
): Replications {
  const rows = [...given].sort((a, b) => a.replication - b.replication);
  const good = rows.filter((r) => r.broken === null);
  const measures = measuresOf(scenario).flatMap(({ name, of, unit, limit, read }): ReplicatedMeasure[] => {
    const values = good.map(read).filter((v) => v !== null);
    if (values.length === 0) return [];
    const { mean, halfWidth } =
      values.length < 2 ? { mean: values[0]!, halfWidth: null } : meanInterval(values);
    const above = limit === null ? 0 : values.filter((v) => v > limit).length;
    return [
      {
        name,
        of,
        unit,
        count: values.length,
        mean,
        halfWidth,
        skewNeeds: runsForSkew(values),
        quantiles: quantilesOf(values),
        varies: values.some((v) => v !== values[0]),
        over: limit === null ? null : { count: above, interval: wilsonInterval(above, values.length) },
      },
    ];
  });
  const expectations = scenario.expect.map((e, i): ReplicatedExpectation => {
    const held = good.filter((r) => r.held[i] === true).length;
    // The next look, which would decide if this one does not, has less left to spend.
    const boundsAt =
      looks > 1 || goesOn
        ? (look: number) => (count: number, of: number) => alwaysValidBounds(count, of, look, 0.05)
        : () => (count: number, of: number) => wilsonInterval(count, of);
    const interval = good.length === 0 ? ([0, 1] as const) : boundsAt(looks)(held, good.length);
    const holdsIn = e.holdsIn ?? null;
    if (holdsIn === null) return { name: e.name, holdsIn, held, interval, verdict: null, needs: null };
    const verdict: Verdict =
      interval[0] >= holdsIn ? 'pass' : interval[1] < holdsIn ? 'fail' : 'inconclusive';
    const needs =
      verdict === 'inconclusive'
        ? (runsStillNeeded(held, good.length, holdsIn, boundsAt(looks + 1)) ?? null)
        : null;
    return { name: e.name, holdsIn, held, interval, verdict, needs };
  });
  return {
    runs: rows.length,
    looks,
    measures,
    expectations,
    worst: worstOfAll(scenario, good, measures),
    broken: brokenOf(rows),
    distinct: new Set(good.map((r) => r.fingerprint)).size,
    covers: !draws
      ? 'nothing: no chance plays a part, and one run says it all'
      : scenario.hasUncertain
        ? 'chance, and the uncertain inputs drawn anew in every run'
        : 'chance',
    nested: null,
    interrupted,
    rows,
    runSheets: runSheetsOf(
      scenario,
      good.map((r) => r.sheet).filter((sheet) => sheet !== undefined),
      draws,
    ),
    fans: fansOf(
      good.map((r) => r.fans).filter((fans) => fans !== undefined),
      scenario.length,
    ),
    columns: toColumns(scenario, rows),
  };
}

/** Runs that broke a law, with what they said first. */
export function brokenOf(rows: readonly ReplicationRow[]): Replications['broken'] {
  return rows.flatMap((r) =>
    r.broken === null ? [] : [{ replication: r.replication, says: r.broken.split('\n')[0]! }],
  );
}

function worstOfAll(
  scenario: Scenario,
  rows: readonly ReplicationRow[],
  measures: readonly ReplicatedMeasure[],
): Replications['worst'] {
  const failed = rows
    .map((row) => ({ row, count: row.held.filter((h) => !h).length }))
    .sort((a, b) => b.count - a.count || a.row.replication - b.row.replication)[0];
  if (failed !== undefined && failed.count > 0) {
    const names = scenario.expect.filter((_, i) => failed.row.held[i] === false).map((e) => e.name);
    return { replication: failed.row.replication, says: `fails ${names.join('; ')}` };
  }
  const first =
    measures.find((m) => m.varies && m.of === 'risk') ??
    measures.find((m) => m.varies && m.of === 'observed');
  if (first === undefined) return null;
  const { read } = measuresOf(scenario).find((m) => m.name === first.name && m.of === first.of)!;
  const most = rows.reduce((a, b) =>
    (read(b) ?? Number.NEGATIVE_INFINITY) > (read(a) ?? Number.NEGATIVE_INFINITY) ? b : a,
  );
  return { replication: most.replication, says: `${first.name} is ${read(most)}, the most of all` };
}
