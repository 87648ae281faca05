import type { Result } from '../experiment/result.ts';
import { highest, panelLines } from './lines.ts';
import { shownRisks } from './risks.ts';
import { clock, number } from './words.ts';

/** A number of the first screen, with what it is held against. */
export interface Headline {
  readonly value: string;
  readonly says: string;
  readonly against: string;
  readonly over: boolean;
}

const count = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`;

/** The verdict in words, and what stands out in the curves. */
export function verdictSentence(result: Result): string {
  const failed = result.expectations.filter((e) => e.verdict === 'fail');
  const open = result.expectations.filter((e) => e.verdict === 'inconclusive');
  const all = count(result.expectations.length, 'expectation');
  const words =
    result.verdict === 'fail'
      ? `It does not hold: ${failed.length} of ${all} fail, first "${failed[0]?.name ?? ''}".`
      : result.verdict === 'inconclusive'
        ? `It is not decided: ${open.length === 0 ? 'some rules cannot be answered' : `${open.length} of ${all} cannot be decided by this many runs`}.`
        : result.expectations.length === 0
          ? 'Nothing was expected: read the risks.'
          : `It holds: all of ${all}.`;
  const peak = peakSentence(result);
  return peak === '' ? words : `${words} ${peak}`;
}

/** The first panel that moves, with its highest point: read from the series themselves. */
function peakSentence(result: Result): string {
  for (const panel of result.panels) {
    const [line] = highest(panelLines(panel, result), 1);
    const first = line?.points[0];
    if (line === undefined || first === undefined || line.points.every((p) => p.v === first.v)) continue;
    const at = line.points.find((p) => p.v === line.peak)!;
    return `${panel.title} is highest at ${clock(at.t)}: ${number(line.peak, panel.unit)}${line.by === '' ? '' : ` (${line.by})`}.`;
  }
  return '';
}

/** Three to five numbers: what is over its limit, what was predicted with its interval, then what is nearest to a limit. */
export function headlines(result: Result): readonly Headline[] {
  const risks = shownRisks(result).filter((r) => r.value !== null);
  const share = (r: (typeof risks)[number]) => (r.limit !== null && r.limit > 0 ? r.value! / r.limit : -1);
  const risk = (r: (typeof risks)[number]): Headline => ({
    value: number(r.value, r.unit),
    says: r.says,
    against: `${r.limit === null ? '' : `limit ${number(r.limit, r.unit)} `}${r.where}`.trim(),
    over: !r.ok,
  });
  const over = risks.filter((r) => !r.ok).map(risk);
  const predicted = result.observed
    .filter((o) => o.role === 'predict' && o.predicted !== null && o.observed !== 0)
    .sort((a, b) => Math.abs(b.relativeError ?? 0) - Math.abs(a.relativeError ?? 0))
    .slice(0, 2)
    .map((o): Headline => {
      const [low, high] = (o.interval ?? []).map((x) => number(x, o.unit));
      const range =
        o.interval === null
          ? ''
          : low === high
            ? ', the same in 90 % of runs'
            : `, ${low} to ${high} in 90 % of runs`;
      return {
        value: number(o.predicted, o.unit),
        says: o.name,
        against: `predicted${range}; observed ${number(o.observed, o.unit)}`,
        over: o.ok === false,
      };
    });
  const rest = risks
    .filter((r) => r.ok)
    .sort((a, b) => share(b) - share(a) || Number(b.value !== 0) - Number(a.value !== 0))
    .map(risk);
  return [...over.slice(0, 3), ...predicted, ...rest].slice(0, 5);
}

/** What to worry about, the worst first. */
export function worries(result: Result): readonly string[] {
  const near = shownRisks(result).filter(
    (r) =>
      r.ok &&
      r.limit !== null &&
      r.limit > 0 &&
      r.value !== null &&
      r.value > 0.8 * r.limit &&
      r.value < r.limit,
  );
  const missed = result.observed.filter((o) => o.ok === false);
  const fired = new Set((result.alerts?.spells ?? []).flatMap((s) => (s.firedAt === null ? [] : [s.alert])));
  const soon = (result.dueDates ?? []).filter((d) => d.renewsAt === null && d.endsAt < 30 * 86_400e6);
  return [
    ...result.expectations.filter((e) => e.verdict === 'fail').map((e) => `${e.name}: ${e.says}`),
    ...result.expectations.filter((e) => e.verdict === 'inconclusive').map((e) => `not decided: ${e.name}`),
    ...shownRisks(result)
      .filter((r) => !r.ok)
      .map((r) => `${r.says}: ${number(r.value, r.unit)}, limit ${number(r.limit, r.unit)}`),
    ...near.map((r) => `${r.says}: ${number(r.value, r.unit)}, near its limit of ${number(r.limit, r.unit)}`),
    ...missed.map(
      (o) =>
        `${o.name} misses its band: ${number(o.predicted, o.unit)} against ${number(o.observed, o.unit)}`,
    ),
    ...(fired.size === 0 ? [] : [`alerts fire: ${[...fired].join(', ')}`]),
    ...soon.map((d) => `${d.name} ends within 30 days, and nobody renews it`),
    ...result.findings.filter((f) => /^[FW]/.test(f.id)).map((f) => f.says),
  ];
}
