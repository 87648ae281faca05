import type { Scenario } from '../scenario/load.ts';
import type { Answer, Mark } from './answer.ts';
import type { Section } from './rebalance.ts';
import { measuresOf } from './replicated.ts';
import type { ReplicationRow } from './replication.ts';
import { studentQuantile } from './statistics.ts';

/** The difference of a measure between two scenarios, over runs that share their chance. */
export interface PairedDifference {
  readonly count: number;
  readonly mean: number;
  readonly halfWidth: number;
  /** Of the two sides over the runs; null where one of them does not vary. */
  readonly correlation: number | null;
  /** Var (a - b) / (Var a + Var b): below 1 pairing helps; null where nothing varies. */
  readonly varianceRatio: number | null;
}

/**
 * Paired t interval of b - a at confidence 1 - alpha.
 * Source: A. M. Law, "Simulation Modeling and Analysis" (2015), 10.2.1.
 * @throws RangeError for fewer than two pairs
 */
export function pairedDifference(
  a: readonly number[],
  b: readonly number[],
  alpha: number,
): PairedDifference {
  const n = a.length;
  if (n < 2 || b.length !== n) throw new RangeError('a paired difference needs two pairs');
  const mean = (values: readonly number[]) => values.reduce((s, v) => s + v, 0) / n;
  const [ma, mb] = [mean(a), mean(b)];
  let [va, vb, cov] = [0, 0, 0];
  for (let i = 0; i < n; i += 1) {
    va += (a[i]! - ma) * (a[i]! - ma);
    vb += (b[i]! - mb) * (b[i]! - mb);
    cov += (a[i]! - ma) * (b[i]! - mb);
  }
  const vd = Math.max(0, va + vb - 2 * cov);
  const t = studentQuantile(1 - alpha / 2, n - 1);
  return {
    count: n,
    mean: mb - ma,
    halfWidth: t * Math.sqrt(vd / (n - 1) / n),
    correlation: va > 0 && vb > 0 ? cov / Math.sqrt(va * vb) : null,
    varianceRatio: va + vb > 0 ? vd / (va + vb) : null,
  };
}

/** What two trees of plain data differ in: by path, what it was and what it is. */
export function inputsChanged(
  a: unknown,
  b: unknown,
  path = '',
): readonly { readonly path: string; readonly before: string; readonly after: string }[] {
  const text = (v: unknown) => (v === undefined ? '-' : typeof v === 'string' ? v : JSON.stringify(v));
  const isTree = (v: unknown): v is Record<string, unknown> =>
    typeof v === 'object' && v !== null && !Array.isArray(v);
  if (isTree(a) && isTree(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.flatMap((k) => inputsChanged(a[k], b[k], path === '' ? k : `${path}.${k}`));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    const name = (e: unknown, i: number) => (isTree(e) ? String(e.id ?? e.name ?? i) : String(i));
    const left = new Map(a.map((e, i) => [name(e, i), e as unknown]));
    const right = new Map(b.map((e, i) => [name(e, i), e as unknown]));
    return [...new Set([...left.keys(), ...right.keys()])].flatMap((k) =>
      inputsChanged(left.get(k), right.get(k), `${path}.${k}`),
    );
  }
  return text(a) === text(b) ? [] : [{ path, before: text(a), after: text(b) }];
}

/** Keys that say what a file is, and not what is played. */
const wordsOnly = new Set([
  'title',
  'facts',
  'shows',
  'extends',
  'platform',
  'observed',
  'rehearse',
  'name',
  'vary',
]);

const played = (resolved: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(resolved).filter(([key]) => !wordsOnly.has(key)));

interface Compared {
  readonly measure: string;
  readonly of: string;
  readonly unit: string;
  readonly other: number;
  readonly difference: PairedDifference;
  readonly first: number;
  readonly second: number;
}

/**
 * What scenarios differ in, the first against each other one: inputs, and every measure that both have. All intervals hold together at 95 %, by Bonferroni's
 * inequality over the measures that vary and the scenarios.
 */
export function compareAnswer(
  scenarios: readonly Scenario[],
  names: readonly string[],
  head: Pick<Answer, 'scenario' | 'seed' | 'version'>,
  rows: readonly (readonly ReplicationRow[])[],
): Answer {
  const columns = scenarios.map((s, i) =>
    measuresOf(s).map((m) => ({ ...m, values: rows[i]!.map((r) => m.read(r)) })),
  );
  const pairs = columns.slice(1).flatMap((other, k) =>
    columns[0]!.flatMap((a) => {
      const b = other.find((m) => m.name === a.name && m.of === a.of);
      if (b === undefined) return [];
      const both = a.values.flatMap((v, i) => {
        const w = b.values[i];
        return v === null || w === null || w === undefined ? [] : [[v, w] as const];
      });
      return both.length < 2
        ? []
        : [{ a, k: k + 1, left: both.map(([v]) => v), right: both.map(([, w]) => w) }];
    }),
  );
  const moving = pairs.filter(({ left, right }) => left.some((v, i) => v !== right[i]));
  const alpha = 0.05 / Math.max(1, moving.length);
  const mean = (values: readonly number[]) => values.reduce((s, v) => s + v, 0) / values.length;
  const compared = moving.map(
    ({ a, k, left, right }): Compared => ({
      measure: a.name,
      of: a.of,
      unit: a.unit,
      other: k,
      difference: pairedDifference(left, right, alpha),
      first: mean(left),
      second: mean(right),
    }),
  );
  const isTold = (c: Compared) => Math.abs(c.difference.mean) > c.difference.halfWidth;
  const sections: Section[] = scenarios.slice(1).flatMap((other, i): Section[] => {
    const inputs = inputsChanged(played(scenarios[0]!.resolved), played(other.resolved));
    const mine = compared.filter((c) => c.other === i + 1);
    const same = mine.filter((c) => !isTold(c)).map((c) => c.measure);
    const against = mine
      .filter((c) => (c.difference.correlation ?? 1) < -2 / Math.sqrt(c.difference.count))
      .map((c) => c.measure);
    return [
      {
        title: `Inputs: ${names[0]} and ${names[i + 1]}`,
        header: ['setting', names[0]!, names[i + 1]!],
        rows: inputs.slice(0, 60).map((c) => [c.path, c.before.slice(0, 60), c.after.slice(0, 60)]),
        sentences: inputs.length > 60 ? [`and ${inputs.length - 60} more`] : [],
      },
      {
        title: `Outcomes: ${names[0]} and ${names[i + 1]}`,
        header: ['measure', names[0]!, names[i + 1]!, 'difference', 'at least', 'at most', 'correlation'],
        rows: mine
          .filter(isTold)
          .map((c) => [
            c.measure,
            { value: c.first, unit: c.unit },
            { value: c.second, unit: c.unit },
            { value: c.difference.mean, unit: c.unit },
            { value: c.difference.mean - c.difference.halfWidth, unit: c.unit },
            { value: c.difference.mean + c.difference.halfWidth, unit: c.unit },
            c.difference.correlation === null ? '-' : c.difference.correlation.toFixed(2),
          ]),
        sentences: [
          ...(same.length === 0 ? [] : [`cannot be told apart by these runs: ${same.join(', ')}`]),
          ...(against.length === 0
            ? []
            : [
                `warning: runs of the two sides move against each other, so that pairing widens these: ${against.join(', ')}`,
              ]),
        ],
      },
    ];
  });
  const told = compared.filter(isTold);
  const runs = rows[0]!.length;
  const largest = [...told].sort(
    (x, y) =>
      Math.abs(y.difference.mean) / y.difference.halfWidth -
      Math.abs(x.difference.mean) / x.difference.halfWidth,
  )[0];
  return {
    ...head,
    verb: 'compare',
    title: names.join(' against '),
    verdict: null,
    says: [
      told.length === 0
        ? `no measure can be told apart in ${runs} paired runs`
        : `${told.length} of ${compared.length} measures that move can be told apart in ${runs} paired runs${largest === undefined ? '' : `, the surest ${largest.measure}`}`,
      `all intervals together hold at 95 %: each at ${((1 - alpha) * 100).toFixed(2)} %, paired by common random numbers`,
    ],
    sections,
    plots: [
      {
        name: 'compare',
        title: 'Difference over the half width of its interval',
        kind: 'bars',
        x: 'half widths',
        y: 'measure',
        marks: told.slice(0, 30).map(
          (c): Mark => ({
            x: c.difference.halfWidth === 0 ? 0 : c.difference.mean / c.difference.halfWidth,
            y: scenarios.length > 2 ? `${c.measure}, ${names[c.other]}` : c.measure,
          }),
        ),
      },
    ],
    data: { runs, alpha, compared },
    columns: [
      { name: 'scenario', values: rows.flatMap((some, i) => some.map(() => names[i]!)) },
      { name: 'replication', values: rows.flatMap((some) => some.map((r) => r.replication)) },
      ...columns[0]!
        .filter((m) => m.values.some((v) => v !== null))
        .map((m) => ({
          name: `${m.of}/${m.name}`,
          values: columns.flatMap(
            (c, i) =>
              c.find((x) => x.name === m.name && x.of === m.of)?.values.map((v) => v ?? Number.NaN) ??
              rows[i]!.map(() => Number.NaN),
          ),
        })),
    ],
  };
}
