import { formatQuantity } from '../formats/quantity.ts';

/** A value with its unit as a reader likes it: three or four digits, units scaled. */
export function number(value: number | null, unit: string): string {
  if (value === null || Number.isNaN(value)) return '-';
  switch (unit) {
    case 's':
      return value === 0 ? '0 s' : Math.abs(value) < 120 ? `${digits(value)} s` : `${digits(value / 60)} min`;
    case 'B':
      return spaced(formatQuantity(rounded(value), 'bytes'));
    case 'B/s':
      return spaced(formatQuantity(rounded(value), 'byteRate'));
    case 'share':
      return nines(value);
    case 'ratio':
      return `${digits(value * 100)} %`;
    case '/s':
      return `${digits(value)}/s`;
    case '$':
      return `$${value.toFixed(2)}`;
    default:
      return unit === '' ? digits(value) : `${digits(value)} ${unit}`;
  }
}

/** A share near 1: as many digits as show how far it is from it. */
function nines(share: number): string {
  if (share >= 1) return '100 %';
  const places = Math.min(9, Math.max(1, Math.ceil(-Math.log10((1 - share) * 100)) + 1));
  return `${(share * 100).toFixed(places)} %`;
}

function digits(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6) return grouped(value.toFixed(0));
  if (size >= 1000) return grouped(value.toFixed(0));
  return String(Number(value.toPrecision(size >= 100 ? 4 : 3)));
}

function grouped(whole: string): string {
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

function spaced(text: string): string {
  return text.replace(/([A-Za-z]+(\/s)?)$/, ' $1');
}

/** Relative error with its sign: `-6.7 %`. */
export function percent(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '-';
  return `${value > 0 ? '+' : value < 0 ? '-' : ''}${Math.abs(value * 100).toFixed(1)} %`;
}

/** Minutes and seconds from the start of the period; with hours from the second one on. */
export function clock(micros: number): string {
  const seconds = micros / 1e6;
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - minutes * 60).toFixed(1).padStart(4, '0');
  if (minutes < 120) return `+${minutes}:${rest}`;
  const hours = Math.floor(minutes / 60);
  return `+${hours}h${String(minutes - hours * 60).padStart(2, '0')}m${rest}s`;
}

/** A told event as its kind's sentence. */
export function sentence(template: string, subject: string, detail: string): string {
  return template.replaceAll('{subject}', subject).replaceAll('{detail}', detail).trim();
}

/** The unit in which axes of time count: hours from three hours on, days from three days on. */
export function timeUnit(playedMicros: number): { readonly word: string; readonly micros: number } {
  const minutes = playedMicros / 60e6;
  if (minutes <= 180) return { word: 'minutes', micros: 60e6 };
  return minutes <= 4320 ? { word: 'hours', micros: 3600e6 } : { word: 'days', micros: 86_400e6 };
}
