import { parseQuantity } from '../formats/quantity.ts';

/**
 * Microseconds since 1970-01-01T00:00:00Z of an RFC 3339 time in UTC or with an offset; undefined when it is none.
 * Days by the civil calendar: H. Hinnant, "chrono-compatible low-level date algorithms" (2013), days_from_civil.
 */
export function parseTime(text: string): number | undefined {
  const parts =
    /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d{1,6})?(?:[Zz]|([+-])(\d\d):(\d\d))$/.exec(
      text.trim(),
    );
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (
    month < 1 ||
    month > 12 ||
    day < 1 ||
    day > daysIn(year, month) ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  )
    return undefined;
  const offset =
    parts[8] === undefined ? 0 : (parts[8] === '-' ? -1 : 1) * (Number(parts[9]) * 60 + Number(parts[10]));
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  const days = era * 146_097 + dayOfEra - 719_468;
  const fraction = parts[7] === undefined ? 0 : Math.round(Number(parts[7]) * 1e6);
  return ((days * 24 + hour) * 60 + minute - offset) * 60e6 + second * 1e6 + fraction;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Microseconds from the period's start: an offset such as `+10m`, or a time; a text that says why not. */
export function parseMoment(text: string, fromEpochMicros: number): number | string {
  if (text.startsWith('+') || text.startsWith('-')) {
    const offset = parseQuantity(text.slice(1), 'duration');
    if (!offset.ok) return offset.found;
    return text.startsWith('-') ? -offset.value : offset.value;
  }
  const time = parseTime(text);
  return time === undefined
    ? `${text.slice(0, 40)} is neither an RFC 3339 time nor an offset`
    : time - fromEpochMicros;
}

/**
 * Microseconds since 1970-01-01T00:00:00Z as RFC 3339 in UTC, in whole seconds, cut.
 * By H. Hinnant, "chrono-compatible low-level date algorithms" (2013), civil_from_days.
 */
export function formatTime(epochMicros: number): string {
  const seconds = Math.floor(epochMicros / 1e6);
  const days = Math.floor(seconds / 86_400);
  const ofDay = seconds - days * 86_400;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const two = (n: number) => String(n).padStart(2, '0');
  const clock = [Math.floor(ofDay / 3600), Math.floor(ofDay / 60) % 60, ofDay % 60].map(two).join(':');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${clock}Z`;
}
