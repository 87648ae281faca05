import type { Reliability, ReliabilityRow } from '../experiment/result.ts';
import { number } from './words.ts';

export const reliabilityHeader = ['over many seeds', 'estimate', '95 % interval', ''];

function bounds(r: ReliabilityRow): string {
  if (r.interval === null) return 'one run';
  const [low, high] = r.interval;
  return `${number(low, r.unit)} .. ${number(high, r.unit)}`;
}

function counted(r: ReliabilityRow, runs: number): string {
  if (r.count === null) return '';
  const share = `${r.count} of ${runs} runs`;
  return r.count === 0 && r.interval !== null ? `${share}: at most ${number(r.interval[1], r.unit)}` : share;
}

export function reliabilityRows({ rows, runs }: Reliability): string[][] {
  return rows.map((r) => [r.says, number(r.value, r.unit), bounds(r), counted(r, runs)]);
}

export function reliabilitySays({ runs, playedMicros, notSampled }: Reliability): string {
  return `${runs} ${runs === 1 ? 'run' : 'runs'} of ${number(playedMicros / 8.64e10, 'days')}: a mean with Student's interval, a chance with Wilson's${notSampled.length === 0 ? '' : `; not sampled here: ${notSampled.join(', ')}`}`;
}
