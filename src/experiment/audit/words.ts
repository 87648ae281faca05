import { formatQuantity } from '../../formats/quantity.ts';
import type { Fact } from '../../scenario/facts/fact.ts';
import { type Interval, middle } from '../../scenario/facts/interval.ts';
import type { FactDimension } from '../../scenario/facts/quantities.ts';

/** A value to three digits, in its unit. */
export function amount(value: number, dimension: FactDimension): string {
  if (dimension === 'instant') return clock(value);
  const rounded = Number(value.toPrecision(dimension === 'duration' ? 4 : 3));
  if (dimension === 'duration') return span(rounded);
  if (dimension === 'rate' || dimension === 'count' || dimension === 'number') {
    const text = grouped(rounded);
    return dimension === 'rate' ? `${text}/s` : text;
  }
  return formatQuantity(rounded, dimension).replace(/(?<=\d)(?=[A-Za-z])/, ' ');
}

/** An interval by its middle where its ends hardly differ, else by both. */
export function shown(value: Interval, dimension: FactDimension): string {
  const [low, high] = value;
  if (!Number.isFinite(high)) return `at least ${amount(low, dimension)}`;
  if (dimension === 'instant') return clock(Math.ceil(low / 1e6) * 1e6);
  if (high - low <= 0.12 * Math.abs(middle(value))) return amount(middle(value), dimension);
  return `${amount(low, dimension)} to ${amount(high, dimension)}`;
}

/** Memory in binary units. */
export function memory(value: Interval): string {
  return `${Number((middle(value) / 1_073_741_824).toPrecision(3))} GiB`;
}

/** A fact as its source writes it, with whose it is. */
export function told(f: Fact): string {
  return `${f.subject} ${spaced(f.quantity)} ${f.printed}`;
}

/** `bytesIn` as `bytes in`. */
export function spaced(quantity: string): string {
  return quantity
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase()
    .replace(/ p(?=\d)/, ' p');
}

export function clock(micros: number): string {
  const seconds = Math.round(micros / 1e6);
  const inDay = ((seconds % 86_400) + 86_400) % 86_400;
  const two = (x: number) => String(x).padStart(2, '0');
  return `${two(Math.floor(inDay / 3600))}:${two(Math.floor(inDay / 60) % 60)}:${two(inDay % 60)}`;
}

function span(micros: number): string {
  const seconds = micros / 1e6;
  const size = Math.abs(seconds);
  const digits = (x: number) => String(Number(x.toPrecision(3)));
  if (size >= 2 * 86_400) return `${digits(seconds / 86_400)} d`;
  if (size >= 2 * 3600) return `${digits(seconds / 3600)} h`;
  if (size >= 120) return `${digits(seconds / 60)} min`;
  return size < 0.5 ? `${digits(seconds * 1000)} ms` : `${digits(seconds)} s`;
}

function grouped(value: number): string {
  const [whole = '', rest] = String(value).split('.');
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',') + (rest === undefined ? '' : `.${rest}`);
}
