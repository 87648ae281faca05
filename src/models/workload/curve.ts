/** A multiplier of load over time, piecewise linear. Times in microseconds. */
export interface Curve {
  at(t: number): number;
  /** Integral over [from, to), in seconds. */
  integral(from: number, to: number): number;
  /** The next moment after t at which the course changes; Infinity when it stays as it is. */
  nextChange(t: number): number;
}

/** A point of a curve. */
export interface Point {
  readonly micros: number;
  readonly value: number;
}

/** Straight lines between points; constant before the first and after the last. @throws RangeError unless times rise */
export function throughPoints(points: readonly Point[]): Curve {
  if (points.length === 0) throw new RangeError('a curve needs a point');
  for (let i = 1; i < points.length; i += 1) {
    if (!(points[i].micros > points[i - 1].micros)) throw new RangeError('the times of a curve must rise');
  }
  const last = points[points.length - 1];
  const at = (t: number): number => {
    if (t <= points[0].micros) return points[0].value;
    if (t >= last.micros) return last.value;
    let i = 1;
    while (points[i].micros < t) i += 1;
    const [a, b] = [points[i - 1], points[i]];
    return a.value + ((b.value - a.value) * (t - a.micros)) / (b.micros - a.micros);
  };
  return {
    at,
    integral: (from, to) => {
      const cuts = [from, ...points.map((p) => p.micros).filter((m) => m > from && m < to), to];
      let sum = 0;
      for (let i = 1; i < cuts.length; i += 1) {
        // Just inside the piece, so that a step between two equal times cannot be met.
        sum += ((at(cuts[i - 1]) + at(cuts[i])) / 2) * ((cuts[i] - cuts[i - 1]) / 1e6);
      }
      return sum;
    },
    nextChange: (t) => {
      if (t >= last.micros) return Number.POSITIVE_INFINITY;
      return points.find((p) => p.micros > t)?.micros ?? Number.POSITIVE_INFINITY;
    },
  };
}

export function steady(value: number): Curve {
  return {
    at: () => value,
    integral: (from, to) => (value * (to - from)) / 1e6,
    nextChange: () => Number.POSITIVE_INFINITY,
  };
}

const dayMicros = 86_400e6;

/**
 * A shape that repeats every day: 24 values at full hours, straight lines between.
 * @param startOfDayMicros time of day at which the scenario starts
 */
export function daily(hours: readonly number[], startOfDayMicros: number): Curve {
  const value = (t: number) => {
    const hour = ((((t + startOfDayMicros) % dayMicros) + dayMicros) % dayMicros) / 3600e6;
    const i = Math.floor(hour) % 24;
    const part = hour - Math.floor(hour);
    return hours[i] * (1 - part) + hours[(i + 1) % 24] * part;
  };
  const nextChange = (t: number) => {
    const shifted = t + startOfDayMicros;
    return (Math.floor(shifted / 3600e6) + 1) * 3600e6 - startOfDayMicros;
  };
  return {
    at: value,
    nextChange,
    integral: (from, to) => {
      let sum = 0;
      for (let a = from; a < to; ) {
        const b = Math.min(to, nextChange(a));
        // Straight within the hour: the middle is the mean.
        sum += value((a + b) / 2) * ((b - a) / 1e6);
        a = b;
      }
      return sum;
    },
  };
}

/** `factor` for a while, with straight ramps before and after. */
export function burst(at: number, forMicros: number, factor: number, rampMicros: number): Curve {
  const ramp = Math.max(1, rampMicros);
  return throughPoints([
    { micros: at - ramp, value: 1 },
    { micros: at, value: factor },
    { micros: at + Math.max(1, forMicros), value: factor },
    { micros: at + Math.max(1, forMicros) + ramp, value: 1 },
  ]);
}

/** Growth by a share each day, compounded; straight within steps of six hours. */
export function growth(perDay: number): Curve {
  const step = dayMicros / 4;
  const at = (t: number) => Math.exp((Math.log1p(perDay) * t) / dayMicros);
  return {
    at,
    nextChange: (t) => (Math.floor(t / step) + 1) * step,
    integral: (from, to) => {
      const rate = Math.log1p(perDay) / dayMicros;
      if (rate === 0) return (to - from) / 1e6;
      return (at(to) - at(from)) / rate / 1e6;
    },
  };
}

/**
 * Several curves multiplied. Simplified: over a piece on which all of them run straight, the product's integral is Simpson's rule,
 * which is exact up to three factors.
 */
export function product(curves: readonly Curve[]): Curve {
  const at = (t: number) => curves.reduce((x, c) => x * c.at(t), 1);
  const nextChange = (t: number) =>
    curves.reduce((x, c) => Math.min(x, c.nextChange(t)), Number.POSITIVE_INFINITY);
  return {
    at,
    nextChange,
    integral: (from, to) => {
      let sum = 0;
      for (let a = from; a < to; ) {
        const b = Math.min(to, nextChange(a));
        sum += ((at(a) + 4 * at((a + b) / 2) + at(b)) / 6) * ((b - a) / 1e6);
        a = b;
      }
      return sum;
    },
  };
}
