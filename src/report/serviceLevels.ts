import type { Result } from '../experiment/result.ts';
import { number } from './words.ts';

export const serviceLevelsHeader = [
  'objective',
  'wanted',
  'bad',
  'burn rate',
  'budget spent',
  'budget lasts',
];

/** A share in per cent with as many digits as tell it from 100 %. */
function share(value: number | null): string {
  return value === null ? '-' : `${Number((value * 100).toPrecision(6))} %`;
}

export function serviceLevelRows(rows: NonNullable<Result['serviceLevels']>): string[][] {
  return rows.map((r) => [
    r.name,
    `${share(r.objective)} of ${number(r.periodMicros / 8.64e10, 'days')}`,
    r.errorRatio === null ? 'nothing was asked for' : `${Number((r.errorRatio * 100).toPrecision(3))} %`,
    r.burnRate === null ? '-' : `${Number(r.burnRate.toPrecision(3))}`,
    r.spent === null ? '-' : `${Number((r.spent * 100).toPrecision(3))} %`,
    r.lastsMicros === null ? '-' : number(r.lastsMicros / 8.64e10, 'days'),
  ]);
}
