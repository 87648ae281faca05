import { z } from 'zod';
import {
  constant,
  type Distribution,
  empirical,
  exponential,
  lognormal,
  pareto,
  uniform,
  weibull,
} from '../engine/distributions.ts';
import { type Dimension, formatQuantity, parseQuantity } from '../formats/quantity.ts';

const words: Readonly<Record<Dimension, string>> = {
  bytes: 'an amount of bytes',
  byteRate: 'bytes per second',
  duration: 'a duration',
  cpu: 'a number of cores',
  ratio: 'a share',
  count: 'a whole number',
  rate: 'a rate',
  money: 'a price',
  number: 'a number',
};

const examples: Readonly<Record<Dimension, string>> = {
  bytes: '20Gi or 1.2TB',
  byteRate: '100MB/s or 8.4Gbit/s',
  duration: '15ms or 1h30m',
  cpu: '4 cores or 500m',
  ratio: '15%',
  count: '3',
  rate: '12000/s',
  money: '$0.90/h',
  number: '1.4',
};

/** Limits of a quantity, in its base unit. */
export interface Limits {
  readonly min?: number;
  readonly max?: number;
}

export type Told = { readonly found: string; readonly mend: string };
export type Read<T> = { readonly value: T } | Told;

/** Keys that may stand beside `value`: where a number comes from, and what a fit says of it. */
const annotations: ReadonlySet<string> = new Set(['value', 'source', 'fittedOn', 'residual', 'unit']);

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Stands beside a value that was drawn for `uncertain:`. No file can write it. */
const drawn = Symbol('drawn');

function readNumber(input: unknown, dimension: Dimension, limits: Limits): Read<number> {
  let given = input;
  if (isRecord(input)) {
    if ('varies' in input) {
      return {
        found: 'this number is used once, not drawn at each occurrence',
        mend: 'write uncertain: in place of varies:, or a plain value',
      };
    }
    const unknown = Object.keys(input).find((key) => !annotations.has(key));
    if (unknown !== undefined || !('value' in input)) {
      return {
        found: `a map with ${Object.keys(input).slice(0, 5).join(', ') || 'nothing'}`,
        mend: 'write a value, { value: ..., source: ... } or { uncertain: ... }',
      };
    }
    given = input.value;
    // A drawn count is the nearest whole number.
    if (drawn in input && dimension === 'count' && typeof given === 'number') given = Math.round(given);
  }
  if (typeof given !== 'string' && typeof given !== 'number') {
    return {
      found: `${shown(given)} where ${words[dimension]} is needed`,
      mend: `write it as in ${examples[dimension]}`,
    };
  }
  const parsed = parseQuantity(given, dimension);
  if (!parsed.ok) return { found: parsed.found, mend: parsed.mend };
  if (limits.min !== undefined && parsed.value < limits.min) {
    return {
      found: `${given} is too small`,
      mend: `write at least ${formatQuantity(limits.min, dimension)}`,
    };
  }
  if (limits.max !== undefined && parsed.value > limits.max) {
    return { found: `${given} is too large`, mend: `write at most ${formatQuantity(limits.max, dimension)}` };
  }
  return { value: parsed.value };
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return isRecord(value) ? 'a map' : String(value).slice(0, 40);
}

/** Distribution families by name, with their parameters: those with a unit first. */
const families: Readonly<
  Record<string, { readonly parameters: readonly string[]; readonly bare: readonly string[] }>
> = {
  uniform: { parameters: ['from', 'to'], bare: [] },
  exponential: { parameters: ['mean'], bare: [] },
  lognormal: { parameters: ['median', 'p95'], bare: [] },
  weibull: { parameters: ['scale'], bare: ['shape'] },
  pareto: { parameters: ['minimum'], bare: ['shape'] },
  empirical: { parameters: ['of'], bare: [] },
};

/** Reads `{ lognormal: { median: 8s, p95: 14s } }`. `number` reads one parameter that carries the unit. */
export function readDistribution(
  input: unknown,
  number: (value: unknown) => Read<number>,
): Read<Distribution> {
  const names = Object.keys(families).join(', ');
  if (!isRecord(input) || Object.keys(input).length !== 1) {
    return {
      found: `${shown(input)} where a distribution is needed`,
      mend: `write one of ${names}, as in { uniform: { from: 20s, to: 40s } }`,
    };
  }
  const name = Object.keys(input)[0]!;
  const family = Object.hasOwn(families, name) ? families[name] : undefined;
  const given = input[name];
  if (family === undefined) return { found: `there is no distribution ${name}`, mend: `use one of ${names}` };
  const keys = [...family.parameters, ...family.bare];
  if (!isRecord(given) || Object.keys(given).length !== keys.length || !keys.every((key) => key in given)) {
    return {
      found: `${name} with ${isRecord(given) ? Object.keys(given).join(', ') || 'nothing' : shown(given)}`,
      mend: `give ${name} just ${keys.join(' and ')}`,
    };
  }
  const values: number[] = [];
  const read = (value: unknown, reader: (value: unknown) => Read<number>): Told | undefined => {
    const one = reader(value);
    if ('found' in one) return one;
    values.push(one.value);
    return undefined;
  };
  if (name === 'empirical') {
    if (!Array.isArray(given.of) || given.of.length === 0)
      return { found: 'empirical without values', mend: 'give of: a list of values' };
    for (const value of given.of) {
      const told = read(value, number);
      if (told !== undefined) return told;
    }
  } else {
    for (const key of family.parameters) {
      const told = read(given[key], number);
      if (told !== undefined) return told;
    }
    for (const key of family.bare) {
      const told = read(given[key], (value) => readNumber(value, 'number', {}));
      if (told !== undefined) return told;
    }
  }
  try {
    return { value: makeDistribution(name, values) };
  } catch (error) {
    return { found: (error as Error).message.replace(/, not .*/, ''), mend: 'correct the parameters' };
  }
}

function makeDistribution(name: string, [x = 0, y = 0, ...more]: readonly number[]): Distribution {
  switch (name) {
    case 'uniform':
      return uniform(x, y);
    case 'exponential':
      return exponential(x);
    case 'lognormal':
      return lognormal(x, y);
    case 'weibull':
      return weibull(y, x);
    case 'pareto':
      return pareto(y, x);
    default:
      return empirical(more.length === 0 && y === 0 ? [x] : [x, y, ...more]);
  }
}

/** What the exported JSON Schema and the reference pages say of a quantity. */
export interface QuantityMeta {
  readonly description: string;
  readonly quantity: Dimension;
  readonly varies: boolean;
}

function schemaOf<T>(dimension: Dimension, varies: boolean, read: (input: unknown) => Read<T>) {
  const forms = varies ? ', or { varies: <distribution> }' : '';
  const meta: QuantityMeta = {
    description: `${words[dimension]}, such as ${examples[dimension]}${forms}`,
    quantity: dimension,
    varies,
  };
  return z
    .unknown()
    .meta({ ...meta })
    .transform((input, context): T => {
      if (input === undefined) {
        context.issues.push({
          code: 'custom',
          message: 'is missing',
          input,
          params: { needs: `${words[dimension]}, such as ${examples[dimension]}` },
        });
        return z.NEVER;
      }
      const result = read(input);
      if ('value' in result) return result.value;
      context.issues.push({ code: 'custom', message: result.found, input, params: { mend: result.mend } });
      return z.NEVER;
    });
}

function fixed(dimension: Dimension) {
  return (limits: Limits = {}) => schemaOf(dimension, false, (input) => readNumber(input, dimension, limits));
}

function varying(dimension: Dimension) {
  return (limits: Limits = { min: 0 }) =>
    schemaOf(dimension, true, (input): Read<Distribution> => {
      if (!isRecord(input) || !('varies' in input)) {
        const one = readNumber(input, dimension, limits);
        return 'found' in one ? one : { value: constant(one.value) };
      }
      const extra = Object.keys(input).find(
        (key) => key !== 'varies' && key !== 'source' && key !== 'fittedOn',
      );
      if (extra !== undefined) {
        return { found: `varies with ${extra} beside it`, mend: 'leave only varies and source' };
      }
      return readDistribution(input.varies, (value) => readNumber(value, dimension, limits));
    });
}

/**
 * Schemas of quantities: a value with its unit, or `{ value, source }`. The output is a number in the base unit: bytes, bytes per
 * second, microseconds, cores, a fraction, a count, per second, US dollars an hour. Under `varying` a distribution is accepted
 * too, and the output always is one. `uncertain:` is accepted everywhere: it is drawn before the schema sees the value.
 */
export const q = {
  bytes: fixed('bytes'),
  byteRate: fixed('byteRate'),
  duration: fixed('duration'),
  cpu: fixed('cpu'),
  ratio: fixed('ratio'),
  count: fixed('count'),
  rate: fixed('rate'),
  money: fixed('money'),
  number: fixed('number'),
  varying: {
    duration: varying('duration'),
    bytes: varying('bytes'),
    byteRate: varying('byteRate'),
    ratio: varying('ratio'),
    count: varying('count'),
    rate: varying('rate'),
    number: varying('number'),
  },
};

/** The number and the unit of a quantity as written, where it has both. */
function split(value: unknown): { number: number; unit: string } | undefined {
  if (typeof value === 'number') return { number: value, unit: '' };
  if (typeof value !== 'string') return undefined;
  const parts = /^\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([A-Za-z%/]*)\s*$/.exec(value);
  return parts === null ? undefined : { number: Number(parts[1]), unit: parts[2] };
}

/**
 * Draws an `uncertain:` number at probability u: `{ value }` as a quantity in the unit of its parameters. They must all carry the
 * same unit, since nothing is known here of what they measure.
 */
export function drawUncertain(distribution: unknown, u: number): Read<Readonly<Record<string, unknown>>> {
  let unit: string | undefined;
  const read = readDistribution(distribution, (value) => {
    const parts = split(value);
    if (parts === undefined) {
      return { found: `${shown(value)} in a distribution`, mend: 'write a number with its unit' };
    }
    if (unit !== undefined && unit !== parts.unit) {
      return {
        found: `${parts.unit || 'no unit'} beside ${unit || 'no unit'}`,
        mend: 'write all parameters of an uncertain number in one unit',
      };
    }
    unit = parts.unit;
    return { value: parts.number };
  });
  if ('found' in read) return read;
  const value = read.value.sample(u);
  return {
    value: { value: unit === undefined || unit === '' ? value : `${value.toFixed(9)}${unit}`, [drawn]: true },
  };
}
