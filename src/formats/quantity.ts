/** What a quantity measures, and so in which unit its value comes out. */
export type Dimension =
  | 'bytes'
  | 'byteRate'
  | 'duration'
  | 'cpu'
  | 'ratio'
  | 'count'
  | 'rate'
  | 'money'
  | 'number';

/** Base units: bytes, bytes per second, microseconds, cores, fraction of one, pieces, pieces per second, US dollars per hour. */
const units: Readonly<Record<Dimension, Readonly<Record<string, number>>>> = {
  bytes: {
    B: 1,
    kB: 1e3,
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
    PB: 1e15,
    KiB: 1024,
    MiB: 1_048_576,
    GiB: 1_073_741_824,
    TiB: 1_099_511_627_776,
    // Kubernetes quantities.
    Ki: 1024,
    Mi: 1_048_576,
    Gi: 1_073_741_824,
    Ti: 1_099_511_627_776,
    k: 1e3,
    M: 1e6,
    G: 1e9,
    T: 1e12,
  },
  byteRate: {
    'B/s': 1,
    'kB/s': 1e3,
    'MB/s': 1e6,
    'GB/s': 1e9,
    'KiB/s': 1024,
    'MiB/s': 1_048_576,
    'GiB/s': 1_073_741_824,
    'kbit/s': 125,
    'Mbit/s': 125e3,
    'Gbit/s': 125e6,
  },
  duration: { us: 1, ms: 1e3, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9, d: 8.64e10 },
  cpu: { cores: 1, core: 1, m: 1e-3 },
  ratio: { '%': 0.01, x: 1 },
  count: {},
  rate: { '/s': 1, '/min': 1 / 60, '/h': 1 / 3600 },
  money: { '$/h': 1 },
  number: {},
};

const examples: Readonly<Record<Dimension, string>> = {
  bytes: '20Gi, 1.2TB or 512MB',
  byteRate: '100MB/s or 8.4Gbit/s',
  duration: '15ms, 42s, 1h30m or 7d',
  cpu: '8 cores, 4 or 500m',
  ratio: '15%',
  count: '3',
  rate: '12000/s',
  money: '$0.90/h',
  number: '1.4',
};

export type ParsedQuantity =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly found: string; readonly mend: string };

/** Words that a reader may use for what a dimension measures. */
const words: Readonly<Record<Dimension, string>> = {
  bytes: 'an amount of bytes',
  byteRate: 'bytes per second',
  duration: 'a duration',
  cpu: 'processor cores',
  ratio: 'a share in percent',
  count: 'a whole number',
  rate: 'a rate per second',
  money: 'a price per hour',
  number: 'a number',
};

/**
 * Reads a quantity with its unit. Durations may be compound (`1h30m`) and come out in whole microseconds; `m` is minutes for a
 * duration and milli for CPU. Decimal and binary prefixes are told apart, bits and bytes too.
 */
export function parseQuantity(text: string | number, dimension: Dimension): ParsedQuantity {
  const bare = typeof text === 'number' ? text : bareNumber(text);
  if (bare !== undefined) {
    if (!Number.isFinite(bare)) return refuse(text, dimension);
    if (dimension === 'count') {
      return Number.isSafeInteger(bare) ? { ok: true, value: bare } : refuse(text, dimension);
    }
    if (dimension === 'number' || dimension === 'cpu') return { ok: true, value: bare };
    return {
      ok: false,
      found: `${text} has no unit, but ${words[dimension]} is needed`,
      mend: `write the unit, as in ${examples[dimension]}`,
    };
  }
  const trimmed = String(text).trim();
  if (dimension === 'money') {
    const price = /^\$\s*(\d+(?:\.\d+)?)\s*\/\s*h$/.exec(trimmed);
    return price === null ? refuse(text, dimension) : { ok: true, value: Number(price[1]) };
  }
  if (dimension === 'duration') return duration(trimmed);
  const parts = /^([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([A-Za-z%/]+)$/.exec(trimmed);
  if (parts === null) return refuse(text, dimension);
  const factor = Object.hasOwn(units[dimension], parts[2]!) ? units[dimension][parts[2]!] : undefined;
  if (factor === undefined) return unknownUnit(trimmed, parts[2]!, dimension);
  const value = Number(parts[1]) * factor;
  if (!Number.isFinite(value)) return refuse(text, dimension);
  // Bytes are whole; a percentage such as 15 % is 0.15 and not 0.15000000000000002.
  if (dimension === 'bytes') return { ok: true, value: Math.round(value) };
  if (dimension === 'ratio' && parts[2] === '%') return { ok: true, value: Number(parts[1]) / 100 };
  return { ok: true, value };
}

function duration(text: string): ParsedQuantity {
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[+-]/, '');
  if (!/^(\d+(\.\d+)?\s*[A-Za-z]+\s*)+$/.test(body)) return refuse(text, 'duration');
  let micros = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (const part of body.matchAll(/(\d+(?:\.\d+)?)\s*([A-Za-z]+)/g)) {
    const factor = Object.hasOwn(units.duration, part[2]!) ? units.duration[part[2]!] : undefined;
    if (factor === undefined) return unknownUnit(text, part[2]!, 'duration');
    if (factor >= smallest) {
      return {
        ok: false,
        found: `${text}: units must fall`,
        mend: `write larger units first, as in ${examples.duration}`,
      };
    }
    smallest = factor;
    micros += Number(part[1]) * factor;
  }
  if (micros > Number.MAX_SAFE_INTEGER) {
    return { ok: false, found: `${text} is longer than 285 years`, mend: 'write a shorter duration' };
  }
  return { ok: true, value: sign * Math.round(micros) };
}

function bareNumber(text: string): number | undefined {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

function refuse(text: string | number, dimension: Dimension): ParsedQuantity {
  return {
    ok: false,
    found: `${String(text).slice(0, 60)} is not ${words[dimension]}`,
    mend: `write ${words[dimension]}, as in ${examples[dimension]}`,
  };
}

function unknownUnit(text: string, unit: string, dimension: Dimension): ParsedQuantity {
  const known = Object.keys(units[dimension]);
  if (known.length === 0) return refuse(text, dimension);
  return {
    ok: false,
    found: `${text.slice(0, 60)}: ${unit.slice(0, 20)} is no unit of ${words[dimension].replace(/^an? /, '')}`,
    mend: `use one of ${known.join(', ')}`,
  };
}

/** The quantity as a reader writes it, exact enough that reading it gives the same value to six digits. */
export function formatQuantity(value: number, dimension: Dimension): string {
  if (!Number.isFinite(value)) return value > 0 ? 'unlimited' : String(value);
  switch (dimension) {
    case 'bytes':
      return scaled(value, [
        ['TB', 1e12],
        ['GB', 1e9],
        ['MB', 1e6],
        ['kB', 1e3],
        ['B', 1],
      ]);
    case 'byteRate':
      return scaled(value, [
        ['GB/s', 1e9],
        ['MB/s', 1e6],
        ['kB/s', 1e3],
        ['B/s', 1],
      ]);
    case 'duration':
      return scaled(value, [
        ['d', 8.64e10],
        ['h', 3.6e9],
        ['m', 6e7],
        ['s', 1e6],
        ['ms', 1e3],
        ['us', 1],
      ]);
    case 'cpu':
      return `${digits(value)} cores`;
    case 'ratio':
      return `${digits(value * 100)}%`;
    case 'rate':
      return `${digits(value)}/s`;
    case 'money':
      return `$${digits(value)}/h`;
    default:
      return digits(value);
  }
}

/** Years, days, hours, minutes, seconds: the largest of which there are two, microseconds each. */
const spans: readonly (readonly [string, number])[] = [
  ['years', 3.155_76e13],
  ['days', 8.64e10],
  ['hours', 3.6e9],
  ['minutes', 6e7],
];

/** A time in words with two digits: `2,500 years`, `23 minutes`. */
export function spanWords(micros: number): string {
  if (micros === Number.POSITIVE_INFINITY) return 'for ever';
  const [unit, length] = spans.find(([, l]) => micros >= 2 * l) ?? ['seconds', 1e6];
  const rounded = Number((micros / length).toPrecision(2));
  return `${String(rounded).replace(/\B(?=(\d{3})+(?!\d))/g, ',')} ${unit}`;
}

/** An amount for a sentence: three digits, and a space before its unit. */
export function quantityWords(value: number, dimension: 'bytes' | 'byteRate'): string {
  return formatQuantity(Number(value.toPrecision(3)), dimension).replace(/(?<=\d)(?=[A-Za-z])/, ' ');
}

/** A rate with what it means for an amount: `10 B/s: 800 GB would take 2,500 years`. */
export function rateMeans(bytesPerSecond: number, bytes: number): string {
  return `${quantityWords(bytesPerSecond, 'byteRate')}: ${quantityWords(bytes, 'bytes')} would take ${spanWords((bytes / bytesPerSecond) * 1e6)}`;
}

function scaled(value: number, scale: readonly (readonly [string, number])[]): string {
  const [unit, factor] = scale.find(([, f]) => Math.abs(value) >= f) ?? scale[scale.length - 1]!;
  return `${digits(value / factor)}${unit}`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(6)));
}
