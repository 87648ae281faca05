import type { Replications } from '../experiment/replicated.ts';
import { number } from './words.ts';

export const replicationsHeader = [
  'measure',
  'of',
  'mean',
  '95 % interval',
  'median',
  '95 % of runs',
  '99 % of runs',
  'over its limit',
];

const of = { observed: 'fact', risk: 'risk', expectation: 'expectation' } as const;

function range(low: number, high: number, unit: string): string {
  return `${number(low, unit)} .. ${number(high, unit)}`;
}

/** Measures that some run has: mean with Student's interval, quantiles with those of order statistics, chances with Wilson's. */
export function replicationRows({ measures }: Replications): string[][] {
  return measures.map((m) => {
    const quantile = (p: number) => {
      const q = m.quantiles.find((one) => one.p === p)!;
      if (q.value === null) return `needs ${q.needs} runs`;
      return q.interval === null
        ? number(q.value, m.unit)
        : `${number(q.value, m.unit)} (${range(q.interval[0], q.interval[1], m.unit)})`;
    };
    if (!m.varies) {
      const value = number(m.mean, m.unit);
      return [
        m.name,
        of[m.of],
        value,
        'no chance reaches it',
        '',
        '',
        '',
        m.over === null ? '' : chance(m.over, m.count),
      ];
    }
    return [
      m.name,
      of[m.of],
      number(m.mean, m.unit),
      m.halfWidth === null || m.mean === null
        ? '-'
        : `${range(m.mean - m.halfWidth, m.mean + m.halfWidth, m.unit)}${m.skewNeeds === null ? '' : `, too few for its skew: ${m.skewNeeds} runs`}`,
      quantile(0.5),
      quantile(0.95),
      quantile(0.99),
      m.over === null ? '' : chance(m.over, m.count),
    ];
  });
}

function chance(
  over: { readonly count: number; readonly interval: readonly [number, number] },
  count: number,
): string {
  const percent = (x: number) => `${Number((x * 100).toPrecision(3))} %`;
  return `${over.count} of ${count}: ${percent(over.interval[0])} to ${percent(over.interval[1])}`;
}

/** What is to be said of the runs as a whole, and how the worst is played again. */
export function replicationsSays(r: Replications, scenario: string, seed: string): string[] {
  const each = r.nested?.runsEach ?? 1;
  const replay = (n: number) =>
    `rehearse replay scenarios/${scenario}.yaml --seed ${seed} --replication ${n}${n % each === 0 ? '' : ` --inputs-of ${n - (n % each)}`}`;
  const looks = r.looks > 1 ? `, looked at ${r.looks} times` : '';
  return [
    `${r.runs} ${r.runs === 1 ? 'run' : 'runs'}${looks}, ${r.distinct} of them different; intervals cover ${r.covers}${r.interrupted ? '; interrupted before all were played' : ''}`,
    ...r.expectations
      .filter((e) => e.holdsIn === null && e.held < r.runs - r.broken.length)
      .map((e) => `${e.name}: holds in ${e.held} of ${r.runs - r.broken.length} runs`),
    ...(r.worst === null
      ? []
      : [`the worst is run ${r.worst.replication}: ${r.worst.says}; ${replay(r.worst.replication)}`]),
    ...r.broken.map((b) => `run ${b.replication} broke a law: ${b.says}; ${replay(b.replication)}`),
  ];
}
