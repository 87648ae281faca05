/**
 * Adds to a sum with what rounding lost kept beside it: `state[0]` is the sum, `state[1]` the rest.
 * Source: Prometheus, promql/functions.go `kahanSumInc`, with Neumaier's improvement.
 */
export function addTo(state: Float64Array, by: number): void {
  const sum = state[0]!;
  const next = sum + by;
  state[1]! += Math.abs(sum) >= Math.abs(by) ? sum - next + by : by - next + sum;
  state[0] = next;
}

/** The sum with its rest. */
export function total(state: Float64Array): number {
  return Number.isFinite(state[0]!) ? state[0]! + state[1]! : state[0]!;
}

const bits = new DataView(new ArrayBuffer(8));

/** x as fraction and power of two: 0.5 <= |fraction| < 1. */
function split(x: number): readonly [number, number] {
  if (x === 0 || !Number.isFinite(x)) return [x, 0];
  let exponent = 0;
  let value = x;
  if (Math.abs(value) < 2.2250738585072014e-308) {
    value *= 4503599627370496;
    exponent = -52;
  }
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  exponent += ((high >>> 20) & 0x7ff) - 1022;
  bits.setUint32(0, (high & 0x800fffff) | (1022 << 20));
  return [bits.getFloat64(0), exponent];
}

/** Two to a whole power from -1022 to 1023. */
function powerOfTwo(exponent: number): number {
  bits.setUint32(0, (exponent + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** fraction x 2^exponent, rounded once. */
function joined(fraction: number, exponent: number): number {
  if (fraction === 0 || !Number.isFinite(fraction)) return fraction;
  const [f, own] = split(fraction);
  const power = own + exponent;
  if (power > 1024) return f < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (power < -1075) return f < 0 ? -0 : 0;
  return power < -1021 ? f * powerOfTwo(power + 60) * powerOfTwo(-60) : f * 2 * powerOfTwo(power - 1);
}

/**
 * x to the power y, by squaring, with the roundings of Go's `math.Pow`, so that the last bit is Prometheus' own for whole y and depends on no runtime.
 * Source: Go, src/math/pow.go.
 */
export function power(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (y === 1) return x;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  const isOdd = Math.abs(y) < 2 * 4503599627370496 && Number.isInteger(y) && y % 2 !== 0;
  if (x === 0) {
    if (y < 0) return isOdd && Object.is(x, -0) ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return isOdd ? x : 0;
  }
  if (!Number.isFinite(y)) {
    if (x === -1) return 1;
    return Math.abs(x) < 1 === y > 0 ? 0 : Number.POSITIVE_INFINITY;
  }
  if (!Number.isFinite(x)) {
    if (x < 0) return power(-0, -y);
    return y < 0 ? 0 : Number.POSITIVE_INFINITY;
  }
  if (y === 0.5) return Math.sqrt(x);
  if (y === -0.5) return 1 / Math.sqrt(x);
  let whole = Math.floor(Math.abs(y));
  let fraction = Math.abs(y) - whole;
  if (fraction !== 0 && x < 0) return Number.NaN;
  if (whole >= 4294967296 * 2147483648) {
    if (x === -1) return 1;
    return Math.abs(x) < 1 === y > 0 ? 0 : Number.POSITIVE_INFINITY;
  }
  let result = 1;
  let exponent = 0;
  if (fraction !== 0) {
    if (fraction > 0.5) {
      fraction -= 1;
      whole += 1;
    }
    result = Math.exp(fraction * Math.log(x));
  }
  let [base, baseExponent] = split(x);
  for (let i = whole; i > 0; i = Math.floor(i / 2)) {
    if (baseExponent < -4096 || baseExponent > 4096) {
      exponent += baseExponent;
      break;
    }
    if (i % 2 === 1) {
      result *= base;
      exponent += baseExponent;
    }
    base *= base;
    baseExponent *= 2;
    if (base < 0.5) {
      base += base;
      baseExponent -= 1;
    }
  }
  return y < 0 ? joined(1 / result, -exponent) : joined(result, exponent);
}

/** The arithmetic operators. */
export const operators: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': power,
};

export const comparators: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
};

/** The smaller of two values; one that is no number gives way. Source: Prometheus promql/engine.go, aggregation MIN; functions.go funcMinOverTime. */
export function lesser(a: number, b: number): number {
  return b < a || Number.isNaN(a) ? b : a;
}

/** The greater one, likewise. */
export function greater(a: number, b: number): number {
  return b > a || Number.isNaN(a) ? b : a;
}

/**
 * The q-quantile of values, between the two nearest by their distance; NaN counts as least.
 * Source: Prometheus, promql/quantile.go `quantile`.
 */
export function quantile(q: number, values: ArrayLike<number>): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const sorted = Array.from(values).sort((a, b) =>
    Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : Number.isNaN(b) ? 1 : a - b,
  );
  const rank = q * (sorted.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(sorted.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return sorted[lower]! * (1 - weight) + sorted[upper]! * weight;
}

/** A number in plain digits, as few as tell it apart. Source: Go, strconv.FormatFloat(v, 'f', -1, 64). */
export function plainDigits(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const text = Object.is(value, -0) ? '-0' : String(value);
  const parts = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (parts === null) return text;
  const [, sign, whole, part = '', exponent] = parts;
  const digits = whole! + part;
  const point = whole!.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}
