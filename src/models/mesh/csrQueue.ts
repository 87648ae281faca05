/**
 * Requests that an API server is asked for, at most so many a second after a burst: a token bucket whose requests wait in their order.
 * Source: client-go `flowcontrol.NewTokenBucketRateLimiter` over golang.org/x/time/rate.
 */
export class RateLimit {
  private readonly microsEach: number;
  private readonly burst: number;
  /** When the bucket would be full again. */
  private full = Number.NEGATIVE_INFINITY;

  /** @param perSecond 0 for no limit */
  constructor(perSecond: number, burst: number) {
    this.microsEach = perSecond > 0 ? 1e6 / perSecond : 0;
    this.burst = Math.max(1, burst);
  }

  /**
   * How long a request that comes now waits, microseconds; it takes its token. One that would wait longer than `most` is refused at once and takes none, as the
   * limiter refuses a context whose deadline it would exceed.
   */
  take(now: number, most: number): number | undefined {
    if (this.microsEach === 0) return 0;
    const full = Math.max(this.full, now) + this.microsEach;
    const wait = Math.max(0, full - this.burst * this.microsEach - now);
    if (wait > most) return undefined;
    this.full = full;
    return Math.ceil(wait);
  }
}

/** Work for several servers, first come, first served: since each piece's length is known as it comes, so is its end. */
export class Servers {
  private readonly free: Float64Array;

  constructor(count: number) {
    this.free = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  }

  /** When work that comes now and takes so long is done. */
  end(now: number, micros: number): number {
    const { free } = this;
    let first = 0;
    for (let i = 1; i < free.length; i += 1) if (free[i]! < free[first]!) first = i;
    const done = Math.max(now, free[first]!) + micros;
    free[first] = done;
    return done;
  }

  /** All work is dropped. */
  clear(): void {
    this.free.fill(Number.NEGATIVE_INFINITY);
  }
}
