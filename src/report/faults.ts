import type { FaultsOutcome } from '../experiment/result.ts';
import { clock, number } from './words.ts';

/** The folder within a result that replays the worst fault. */
export const worstFolder = 'worst-fault';

/** The sign of an outage as a letter: the worst is A. */
function letter(faults: FaultsOutcome, name: string): string {
  return String.fromCharCode(65 + faults.signs.findIndex((s) => s.name === name));
}

function worstSign(faults: FaultsOutcome, names: readonly (string | null)[]): string | undefined {
  return faults.signs.find((s) => names.includes(s.name))?.name;
}

/** One cell: the worst that a fault of the kind leads to at a moment, by how many of the things it may strike. */
function cell(faults: FaultsOutcome, moment: number, kind: string): string {
  const all = faults.variants.filter((v) => v.moment === moment && v.kind === kind);
  if (all.length === 0) return '';
  const now = all.filter((v) => v.outage !== null);
  const later = all.filter((v) => v.outage === null && v.later !== null);
  const said: string[] = [];
  const sign = worstSign(
    faults,
    now.map((v) => v.outage),
  );
  const laterSign = worstSign(
    faults,
    later.map((v) => v.later),
  );
  if (sign !== undefined) said.push(`${letter(faults, sign)} ${now.length}/${all.length}`);
  if (laterSign !== undefined) said.push(`then ${letter(faults, laterSign)} ${later.length}/${all.length}`);
  return said.length === 0 ? 'borne' : said.join(', ');
}

export const faultsHeader = (faults: FaultsOutcome): string[] => [
  'step',
  'struck at',
  'for',
  ...faults.kinds,
];

/** The matrix of moments and kinds. */
export function faultRows(faults: FaultsOutcome): string[][] {
  return faults.moments.map((m, i) => [
    m.row,
    clock(m.atMicros),
    m.spanMicros === null ? '' : number(m.spanMicros / 1e6, 's'),
    ...faults.kinds.map((kind) => cell(faults, i, kind)),
  ]);
}

export function faultLegend(faults: FaultsOutcome): string[] {
  const used = faults.signs.filter((s) =>
    faults.variants.some((v) => v.later === s.name || v.outage === s.name),
  );
  return [
    ...used.map((s) => `${letter(faults, s.name)}: ${s.says}`),
    'A 2/5: an outage before the next step begins, for 2 of the 5 things that can be struck; then A: only later, since the change goes on',
    `a fault that needs a length lasts ${number(faults.lastsMicros / 1e6, 's')}; each strikes in the middle of a time in which the run without faults is exposed alike, and stands for it`,
    ...(faults.refused === 0
      ? []
      : [`${faults.refused} faults were left out: the scenario itself strikes the same then`]),
  ];
}

/** What the change risks, one sentence a kind. */
export function exposureSentences(faults: FaultsOutcome): string[] {
  return faults.exposure.map((e) => {
    const variant = e.worst === null ? undefined : faults.variants[e.worst];
    if (variant === undefined) return `${e.kind}: every fault is borne, at each step`;
    const signed = faults.signs.find((s) => s.name === variant.later)!;
    const worst = `worst: ${variant.target} at ${clock(faults.moments[variant.moment]!.atMicros)}, ${number(variant.more[signed.name]!, signed.unit)} (${letter(faults, signed.name)})`;
    const time =
      e.micros === null || faults.changeMicros === null
        ? `one more fault is an outage at ${e.rows.length} of ${faults.moments.length} instants`
        : `one more fault is an outage in ${number(e.micros / 1e6, 's')} of the ${number(faults.changeMicros / 1e6, 's')} of the change${e.rows.length === 0 ? '' : `, at ${e.rows.join(', ')}`}`;
    return `${e.kind}: ${time}; ${worst}`;
  });
}

/** The worst fault as the entry that plays it. */
export function worstEntry(faults: FaultsOutcome): string | undefined {
  if (faults.worst === null) return undefined;
  const keys = Object.entries(faults.worst.entry).map(([key, value]) => `${key}: ${value}`);
  return `{ ${keys.join(', ')} }`;
}
