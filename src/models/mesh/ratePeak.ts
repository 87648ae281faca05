/** The most events that any window of a length has held so far, by a ring of the times within the last window. */
export class RatePeak {
  private readonly windowMicros: number;
  private times = new Float64Array(64);
  private first = 0;
  private count = 0;
  private most = 0;

  constructor(windowMicros: number) {
    this.windowMicros = windowMicros;
  }

  /** An event at `now`, not before the last one: events a second in the fullest window. */
  add(now: number): number {
    while (this.count > 0 && this.times[this.first]! <= now - this.windowMicros) {
      this.first = (this.first + 1) % this.times.length;
      this.count -= 1;
    }
    if (this.count === this.times.length) {
      const longer = new Float64Array(2 * this.times.length);
      for (let i = 0; i < this.count; i += 1) longer[i] = this.times[(this.first + i) % this.times.length]!;
      this.times = longer;
      this.first = 0;
    }
    this.times[(this.first + this.count) % this.times.length] = now;
    this.count += 1;
    this.most = Math.max(this.most, this.count);
    return this.most / (this.windowMicros / 1e6);
  }
}
