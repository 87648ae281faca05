import { inverseNormal, weibull } from '../../engine/distributions.ts';

/** Work that comes to a station: so many visits a second, each with a service of this mean and squared coefficient of variation. */
export interface Visits {
  readonly perSecond: number;
  readonly meanMicros: number;
  readonly scv: number;
}

/** A pool of threads with one queue, first come first served, in its steady state (M/G/c). */
export interface Station {
  readonly servers: number;
  /** Visits per microsecond. */
  readonly arrivals: number;
  /** Mean of one service, microseconds; 0 without work. */
  readonly service: number;
  /** Squared coefficient of variation of a service, over all kinds of visits. */
  readonly scv: number;
  /** Offered work over capacity; above 1 the pool cannot carry its load. */
  readonly utilisation: number;
  /** Probability that a visit waits. */
  readonly delayed: number;
  /** Mean wait of those that wait, microseconds; Infinity from a utilisation of 1 on. */
  readonly delayMicros: number;
  /** Variance of the work that comes in, per microsecond, in units of the whole pool's microseconds squared. */
  readonly variance: number;
}

/**
 * Probability that an arrival finds all servers busy in M/M/c.
 *
 *     B(0) = 1,  B(k) = a B(k-1) / (k + a B(k-1)),  C = B(c) / (1 - rho (1 - B(c))),  a = c rho
 *
 * @returns 1 at a utilisation of 1 or more
 *
 * Source: A. K. Erlang (1917); L. Kleinrock, "Queueing Systems" vol. 1 (1975), 3.5.
 */
export function erlangC(servers: number, utilisation: number): number {
  if (utilisation >= 1) return 1;
  const offered = servers * utilisation;
  let blocked = 1;
  for (let k = 1; k <= servers; k += 1) blocked = (offered * blocked) / (k + offered * blocked);
  return blocked / (1 - utilisation * (1 - blocked));
}

/**
 * A pool of `servers` threads under this work. The wait is 0 with probability 1 - C, else exponential with mean
 *
 *     (1 + scv) / 2  x  E[S] / (c (1 - rho))
 *
 * Exact for an scv of 1, also in tandem and with returns (product form). For one server the mean is exact for every scv (Pollaczek and Khinchine);
 * otherwise an approximation of the mean and the tail. Source: A. M. Lee, P. A. Longton, "Queueing processes associated with airline
 * passenger check-in" (1959); T. Kimura, "Approximations for multi-server queues" (1994).
 */
export function makeStation(servers: number, work: readonly Visits[]): Station {
  let arrivals = 0;
  let first = 0;
  let second = 0;
  for (const w of work) {
    const perMicro = w.perSecond / 1e6;
    arrivals += perMicro;
    first += perMicro * w.meanMicros;
    second += perMicro * w.meanMicros * w.meanMicros * (1 + w.scv);
  }
  return stationOf(servers, arrivals, first, second);
}

/** The same from sums over all visits per microsecond: of their number, of their services and of the squares of these (scv included). */
export function stationOf(servers: number, arrivals: number, first: number, second: number): Station {
  if (first === 0)
    return {
      servers,
      arrivals,
      service: 0,
      scv: 0,
      utilisation: 0,
      delayed: 0,
      delayMicros: 0,
      variance: 0,
    };
  const service = first / arrivals;
  const scv = second / arrivals / (service * service) - 1;
  const utilisation = first / servers;
  return {
    servers,
    arrivals,
    service,
    scv,
    utilisation,
    delayed: erlangC(servers, utilisation),
    delayMicros:
      utilisation >= 1
        ? Number.POSITIVE_INFINITY
        : (((1 + scv) / 2) * service) / (servers * (1 - utilisation)),
    variance: second / (servers * servers),
  };
}

/** Mean wait before service, microseconds, where never more than `inSystem` requests can be there at once (each client waits for its answers). */
export function meanWait(station: Station, inSystem: number): number {
  const bound = (inSystem * station.service) / station.servers;
  return station.delayed === 0 ? 0 : Math.min(bound, station.delayed * station.delayMicros);
}

/** The wait at probability u, microseconds, bounded as in `meanWait`. */
export function waitAt(station: Station, u: number, inSystem: number): number {
  const above = (1 - u) / station.delayed;
  if (!(above < 1)) return 0;
  const bound = (inSystem * station.service) / station.servers;
  return station.utilisation >= 1 ? bound : Math.min(bound, -station.delayMicros * Math.log(above));
}

/** Draws a factor of mean 1 from a uniform number. */
export type Factor = (u: number) => number;

/**
 * A positive factor of mean 1 with the given squared coefficient of variation: Weibull, so that 1 is exponential and 0 constant.
 * @throws RangeError for a scv below 0 or above 100
 */
export function factorOf(scv: number): Factor {
  if (!(scv >= 0 && scv <= 100)) throw new RangeError(`a service variability of ${scv}: 0 to 100`);
  if (scv < 1e-6) return () => 1;
  if (scv === 1) return (u) => -Math.log(1 - u);
  // The mean of Weibull(k) is Gamma(1 + 1/k), its second moment Gamma(1 + 2/k): the mean for half the shape.
  const scvOf = (shape: number) => {
    const mean = weibull(shape, 1).mean;
    return weibull(shape / 2, 1).mean / (mean * mean) - 1;
  };
  let [low, high] = [0.15, 2000];
  for (let i = 0; i < 100; i += 1) {
    const middle = Math.sqrt(low * high);
    if (scvOf(middle) > scv) low = middle;
    else high = middle;
  }
  const shape = Math.sqrt(low * high);
  const mean = weibull(shape, 1).mean;
  return (u) => Math.exp(Math.log(-Math.log(1 - u)) / shape) / mean;
}

/** Standard normal number at probability u. */
export const normalAt = inverseNormal;

/**
 * Number `purpose` of one occurrence that drew `seed` (32 bits as a number in (0, 1)), in (0, 1): an occurrence with many chances draws once and
 * derives them, so that none of them moves another.
 *
 * Source: the finalizer of A. Appleby's MurmurHash3 on seed + purpose x 2^32 / golden ratio, as in G. L. Steele et al., "Fast splittable
 * pseudorandom number generators" (2014).
 */
export function derived(seed: number, purpose: number): number {
  let h = ((seed * 4_294_967_296) | 0) + Math.imul(purpose + 1, 0x9e3779b9);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h ^= h >>> 16;
  return ((h >>> 0) + 0.5) / 4_294_967_296;
}
