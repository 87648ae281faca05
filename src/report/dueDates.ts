import type { Result } from '../experiment/result.ts';
import { number } from './words.ts';

export const dueDatesHeader = ['what', '', 'ends', 'that is in', 'renewed'];

/** A time as RFC 3339, from the start of a period. */
function timeOf(result: Result, micros: number): string {
  return new Date(Date.parse(result.from) + Math.round(micros / 1000)).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** What ends next, seen from the end of what was played. */
export function dueDateRows(result: Result): string[][] {
  return (result.dueDates ?? []).map((d) => {
    const left = d.endsAt - result.playedMicros;
    return [
      d.name,
      d.kind,
      timeOf(result, d.endsAt),
      left <= 0
        ? 'it has ended'
        : left < 2 * 86_400e6
          ? number(left / 3600e6, 'h')
          : number(left / 86_400e6, 'days'),
      d.renewsAt === null ? 'by nobody' : timeOf(result, d.renewsAt),
    ];
  });
}
