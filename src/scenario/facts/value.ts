import { type Dimension, parseQuantity } from '../../formats/quantity.ts';
import { parseTime } from '../time.ts';
import type { Interval } from './interval.ts';
import type { Quantity } from './quantities.ts';

export type ReadValue =
  | { readonly ok: true; readonly value: Interval; readonly numbers: readonly string[] }
  | { readonly ok: false; readonly found: string; readonly mend: string };

/** Of a value that begins with `~` a tenth is left open on either side: nobody who writes it has measured it closer. */
const about = 0.1;

/**
 * The interval of a value as it is written: half a unit of the last digit on either side (22 min is 21.5 to 22.5). Zeros at the end of a whole
 * number from 1,000 on are no digits. `45..60min` is both ends, `1..` has no upper one, `~45min` is a tenth around it.
 * @param day RFC 3339 date that a clock time without one belongs to
 */
export function readValue(text: string, quantity: Quantity, day: string | undefined): ReadValue {
  const trimmed = text.trim();
  const numbers = trimmed.match(/\d[\d,]*(?:\.\d+)?/g) ?? [];
  if (quantity.dimension === 'instant') {
    const at = readInstant(trimmed, day);
    return typeof at === 'string'
      ? { ok: false, found: at, mend: 'write 16:00:05, with date: above, or RFC 3339' }
      : { ok: true, value: at, numbers: [trimmed] };
  }
  const { dimension } = quantity;
  const range = /^(.*?)\.\.(.*)$/.exec(trimmed);
  if (range !== null) {
    const [, low = '', high = ''] = range;
    const unit = /[A-Za-z%/]*$/.exec(high)![0];
    const first = readOne(/[A-Za-z%]$/.test(low) ? low : low + unit, dimension, true);
    if (!first.ok) return first;
    if (high === '') return { ok: true, value: [first.value[0], Number.POSITIVE_INFINITY], numbers };
    const last = readOne(high, dimension, true);
    if (!last.ok) return last;
    if (last.value[1] < first.value[0])
      return { ok: false, found: `${trimmed} ends before it begins`, mend: 'write the smaller end first' };
    return { ok: true, value: [first.value[0], last.value[1]], numbers };
  }
  const one = readOne(trimmed.replace(/^~\s*/, ''), dimension, quantity.exact === true);
  if (!one.ok) return one;
  if (!trimmed.startsWith('~')) return { ...one, numbers };
  const mid = (one.value[0] + one.value[1]) / 2;
  return { ok: true, value: [mid * (1 - about), mid * (1 + about)], numbers };
}

function readOne(
  text: string,
  dimension: Dimension,
  exact: boolean,
): { ok: true; value: Interval } | { ok: false; found: string; mend: string } {
  const bare = text.replace(/(?<=\d),(?=\d{3})/g, '');
  const scale = dimension === 'count' ? /^([+-]?[\d.]+)\s*(k|M|G)$/.exec(bare) : null;
  const factor = scale === null ? 1 : { k: 1e3, M: 1e6, G: 1e9 }[scale[2] as 'k' | 'M' | 'G'];
  const parsed =
    scale === null
      ? parseQuantity(bare, dimension)
      : { ok: true as const, value: Math.round(Number(scale[1]) * factor) };
  if (!parsed.ok) return parsed;
  const { value } = parsed;
  if (exact) return { ok: true, value: [value, value] };
  const last = /(\d+)(?:\.(\d+))?\s*([A-Za-z%/]*)$/.exec(bare);
  if (last === null) return { ok: true, value: [value, value] };
  const [, whole = '', decimals = '', unit = ''] = last;
  const zeros = decimals === '' && Number(whole) >= 1000 ? /0*$/.exec(whole)![0].length : 0;
  // A count is whole: without zeros at its end it is what it says.
  if (dimension === 'count' && scale === null && zeros === 0) return { ok: true, value: [value, value] };
  const step = Math.exp(Math.LN10 * (zeros - decimals.length));
  const size = scale === null ? sizeOf(unit, dimension) : factor;
  const half = 0.5 * Number(step.toPrecision(12)) * size;
  return { ok: true, value: [value - half, value + half] };
}

/** One unit, in the base unit. */
function sizeOf(unit: string, dimension: Dimension): number {
  // Through a thousand: bytes and microseconds are rounded to whole ones.
  const parsed = parseQuantity(dimension === 'count' ? 1000 : `1000${unit}`, dimension);
  return parsed.ok ? parsed.value / 1000 : 1;
}

/** A time is read off a clock whose last place may have been cut off or rounded: half a unit before it, a whole one after. */
export function readInstant(text: string, day: string | undefined): Interval | string {
  const clock = /^(\d\d):(\d\d)(:\d\d)?Z?$/.exec(text);
  const date = /^\d{4}-\d\d-\d\d$/.exec(text);
  if (clock !== null && day === undefined) return `${text} has no date`;
  const full =
    clock !== null
      ? `${day}T${clock[1]}:${clock[2]}${clock[3] ?? ':00'}Z`
      : date !== null
        ? `${text}T00:00:00Z`
        : text;
  const time = parseTime(full);
  if (time === undefined) return `${text.slice(0, 40)} is no time`;
  const unit = date !== null ? 86_400e6 : clock !== null && clock[3] === undefined ? 60e6 : 1e6;
  return [time - (date !== null ? 0 : unit / 2), time + unit];
}
