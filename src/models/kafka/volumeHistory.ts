/**
 * The course of a topic's offered volume, piecewise linear in time: when a byte was written, and how far the topic was at a moment.
 *
 * Before the start the topic took in its base rate for ever; a topic without a base rate wrote what it had at the start just then,
 * for want of knowledge. After the latest change the rate holds on.
 */
export class VolumeHistory {
  private readonly baseRate: number;
  private readonly times: number[] = [0];
  private readonly volumes: number[] = [0];
  /** Bytes per second from the latest change on. */
  private rate: number;

  /** @param baseRate bytes per second until the first change */
  constructor(baseRate: number) {
    this.baseRate = baseRate;
    this.rate = baseRate;
  }

  /**
   * The rate is another one from `now` on.
   * @param now microseconds
   * @param volume bytes offered since the start
   * @param rate bytes per second
   * @param keepMicros what was written longer ago need not be told apart any more
   */
  change(now: number, volume: number, rate: number, keepMicros: number): void {
    const last = this.times.length - 1;
    if (rate === this.rate) return;
    this.rate = rate;
    if (this.times[last] === now) {
      this.volumes[last] = volume;
      return;
    }
    this.times.push(now);
    this.volumes.push(volume);
    if (this.times.length < 4096 || this.times[2048] > now - keepMicros) return;
    this.times.splice(0, 2048);
    this.volumes.splice(0, 2048);
  }

  /** Bytes offered from the start until `t` microseconds; below 0 before the start. */
  volumeAt(t: number): number {
    const i = before(this.times, t);
    if (i < 0) return this.volumes[0] + (this.baseRate * (t - this.times[0])) / 1e6;
    if (i === this.times.length - 1) return this.volumes[i] + (this.rate * (t - this.times[i])) / 1e6;
    const span = this.times[i + 1] - this.times[i];
    return this.volumes[i] + ((this.volumes[i + 1] - this.volumes[i]) * (t - this.times[i])) / span;
  }

  /** When the topic had first taken in so much, microseconds. Infinity where it never will at today's rate. */
  reached(volume: number): number {
    const { times, volumes } = this;
    if (volume <= volumes[0]) {
      if (this.baseRate === 0) return times[0];
      return times[0] - ((volumes[0] - volume) / this.baseRate) * 1e6;
    }
    const i = before(volumes, volume, true);
    if (i === times.length - 1)
      return this.rate > 0 ? times[i] + ((volume - volumes[i]) / this.rate) * 1e6 : Number.POSITIVE_INFINITY;
    const span = volumes[i + 1] - volumes[i];
    return times[i] + ((times[i + 1] - times[i]) * (volume - volumes[i])) / span;
  }
}

/** Index of the last entry that is at most `x` (`strictly`: below `x`), or -1; entries never fall. */
function before(sorted: readonly number[], x: number, strictly = false): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < x || (!strictly && sorted[middle] === x)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
