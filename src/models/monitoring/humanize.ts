/** Numbers as Go's `fmt` and Prometheus' templates print them. Source: Go 1.22 fmt, strconv; Prometheus 3, template/template.go. */

/** JavaScript rounds a tie up, Go to the even digit. `more` has every digit of the number, so that a tie shows. */
function evenly(rounded: string, more: string): string {
  const kept = rounded.replace(/e.*$/, '');
  const rest = more.replace(/e.*$/, '').slice(kept.includes('.') ? kept.length : kept.length + 1);
  const last = Number(kept.at(-1));
  if (!/^50*$/.test(rest) || last % 2 === 0) return rounded;
  return kept.slice(0, -1) + (last - 1) + rounded.slice(kept.length);
}

const exponential = (x: number, digits: number) => evenly(x.toExponential(digits), x.toExponential(100));

/** `%.<digits>g` with an exponent of two digits at least, and without the zeros behind the point that `%g` leaves out. */
function general(x: number, digits: number): string {
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  const [mantissa = '', power = '0'] = exponential(x, digits - 1).split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= digits)
    return `${trimmed(mantissa)}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  return trimmed(fixed(x, Math.max(0, digits - 1 - exponent)));
}

const trimmed = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);

function special(x: number): string | undefined {
  if (Number.isNaN(x)) return 'NaN';
  return x === Number.POSITIVE_INFINITY ? '+Inf' : x === Number.NEGATIVE_INFINITY ? '-Inf' : undefined;
}

/** As `%v` prints a float: the shortest digits that give the number back, with an exponent below 1e-4 and from 1e6 on. */
export function printFloat(x: number): string {
  const odd = special(x);
  if (odd !== undefined) return odd;
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  const [mantissa = '', power = '0'] = x.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 6)
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  return String(x);
}

/** As `%.<digits>f`, with every digit of a large number. */
function fixed(x: number, digits: number): string {
  if (Math.abs(x) < 1e21) return evenly(x.toFixed(digits), x.toFixed(100));
  return BigInt(x).toString() + (digits === 0 ? '' : `.${'0'.repeat(digits)}`);
}

/** A whole number of a template is a bigint: Go tells it from a float. */
export type Printable = string | number | boolean | bigint;

const goType = (x: Printable) =>
  typeof x === 'number'
    ? 'float64'
    : typeof x === 'bigint'
      ? 'int'
      : typeof x === 'boolean'
        ? 'bool'
        : 'string';

/** Go's `%<flags><width><.precision>verb` for the verbs that templates use: v, s, d, f, g, e, q and %. */
export function goFormat(format: string, args: readonly Printable[]): string {
  let next = 0;
  return format.replace(
    /%([-+0]*)(\d*)(?:\.(\d*))?([a-zA-Z%])/g,
    (_, flags: string, width: string, digits: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const value = args[next];
      next += 1;
      const body =
        formatted(value!, verb, digits === undefined ? undefined : Number(digits || 0)) ??
        `%!${verb}(${goType(value!)}=${typeof value === 'number' ? printFloat(value) : value})`;
      const signed = flags.includes('+') && typeof value === 'number' && value >= 0 ? `+${body}` : body;
      const room = Number(width || 0);
      if (flags.includes('-')) return signed.padEnd(room);
      if (!flags.includes('0')) return signed.padStart(room);
      const negative = /^[+-]/.test(signed);
      return negative ? signed[0] + signed.slice(1).padStart(room - 1, '0') : signed.padStart(room, '0');
    },
  );
}

function formatted(value: Printable, verb: string, digits: number | undefined): string | undefined {
  if (typeof value === 'bigint') return verb === 'd' || verb === 'v' ? String(value) : undefined;
  if (typeof value !== 'number') {
    if (verb === 'q') return JSON.stringify(String(value));
    if (verb !== 'v' && verb !== 's') return undefined;
    return digits === undefined ? String(value) : String(value).slice(0, digits);
  }
  const odd = special(value);
  if (odd !== undefined) return odd;
  switch (verb) {
    case 'f':
      return fixed(value, digits ?? 6);
    case 'e': {
      const [mantissa, power = '+0'] = exponential(value, digits ?? 6).split('e');
      return `${mantissa}e${power[0]}${power.slice(1).padStart(2, '0')}`;
    }
    case 'g':
      return digits === undefined ? printFloat(value) : general(value, Math.max(1, digits));
    case 'v':
      return digits === undefined ? printFloat(value) : general(value, Math.max(1, digits));
    default:
      return undefined;
  }
}

/** With four significant digits and a prefix of powers of 1000: 1234567 is `1.235M`. */
export function humanize(x: number): string {
  const odd = special(x);
  if (odd !== undefined) return odd;
  if (x === 0) return '0';
  let value = x;
  let prefix = '';
  if (Math.abs(value) >= 1) {
    for (const p of ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']) {
      if (Math.abs(value) < 1000) break;
      prefix = p;
      value /= 1000;
    }
    return general(value, 4) + prefix;
  }
  for (const p of ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']) {
    if (Math.abs(value) >= 1) break;
    prefix = p;
    value *= 1000;
  }
  return general(value, 4) + prefix;
}

/** With four significant digits and a prefix of powers of 1024. */
export function humanize1024(x: number): string {
  const odd = special(x);
  if (odd !== undefined) return odd;
  if (Math.abs(x) <= 1) return general(x, 4);
  let value = x;
  let prefix = '';
  for (const p of ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi']) {
    if (Math.abs(value) < 1024) break;
    prefix = p;
    value /= 1024;
  }
  return general(value, 4) + prefix;
}

/** A share as a percentage of four significant digits. */
export function humanizePercentage(x: number): string {
  return `${special(x) ?? general(x * 100, 4)}%`;
}

/** Seconds as `1d 2h 3m 4s`, or with a prefix below a second. */
export function goDuration(x: number): string {
  const odd = special(x);
  if (odd !== undefined) return odd;
  if (x === 0) return '0s';
  if (Math.abs(x) >= 1) {
    const sign = x < 0 ? '-' : '';
    // As int64: what does not fit becomes its least value.
    const exact = BigInt(Math.trunc(Math.abs(x)));
    const whole = exact < 9_223_372_036_854_775_808n ? exact : -9_223_372_036_854_775_808n;
    const seconds = whole % 60n;
    const minutes = (whole / 60n) % 60n;
    const hours = (whole / 3600n) % 24n;
    const days = whole / 86_400n;
    if (days !== 0n) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`;
    if (hours !== 0n) return `${sign}${hours}h ${minutes}m ${seconds}s`;
    if (minutes !== 0n) return `${sign}${minutes}m ${seconds}s`;
    return `${general(x, 4)}s`;
  }
  return `${humanize(x)}s`;
}
