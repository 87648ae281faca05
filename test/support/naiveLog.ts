interface Segment {
  readonly base: number;
  end: number;
  /** When the first record came, microseconds; NaN while there is none. */
  firstAt: number;
  lastAt: number;
}

/**
 * One log as a plain list of segments, appended to and rolled one after another, checked at every check: the oracle of
 * `src/models/kafka/logs.ts`. Bytes are fractions here.
 */
export class NaiveLog {
  readonly segments: Segment[];
  appended = 0;
  deleted = 0;
  private now: number;
  private readonly segmentBytes: number;
  private readonly segmentMicros: number;

  /** A log of so many bytes that came in at a constant rate until time 0; without a rate, just then. */
  constructor(bytes: number, rate: number, segmentBytes: number, segmentMicros: number) {
    this.segmentBytes = segmentBytes;
    this.segmentMicros = segmentMicros;
    this.now = rate > 0 ? -(bytes / rate) * 1e6 : 0;
    this.segments = [{ base: -bytes, end: -bytes, firstAt: Number.NaN, lastAt: this.now }];
    this.appendUntil(0, rate);
    this.appended = 0;
    if (rate > 0 || bytes === 0) return;
    this.segments.length = 0;
    for (let base = -bytes; base < 0; base += segmentBytes)
      this.segments.push({ base, end: Math.min(0, base + segmentBytes), firstAt: 0, lastAt: 0 });
  }

  get end(): number {
    return this.segments[this.segments.length - 1]!.end;
  }

  get start(): number {
    return this.segments[0]!.base;
  }

  get retained(): number {
    return this.segments.reduce((sum, s) => sum + s.end - s.base, 0);
  }

  /** Appends at a constant rate, bytes per second, until `t` microseconds. */
  appendUntil(t: number, rate: number): void {
    while (rate > 0 && this.now < t) {
      const active = this.segments[this.segments.length - 1]!;
      if (Number.isNaN(active.firstAt)) active.firstAt = this.now;
      const full = this.now + ((this.segmentBytes - (active.end - active.base)) / rate) * 1e6;
      const old = active.firstAt + this.segmentMicros;
      const until = Math.min(t, full, old);
      if (until > this.now) {
        const bytes = (rate * (until - this.now)) / 1e6;
        active.end += bytes;
        this.appended += bytes;
        active.lastAt = until;
        this.now = until;
      }
      if (until < t) {
        // The next record finds the segment full, or too old, and begins another one.
        this.segments.push({ base: active.end, end: active.end, firstAt: this.now, lastAt: this.now });
      }
    }
    this.now = t;
  }

  /** The retention check: by size, then by time, whole segments, from the oldest one on. */
  check(retentionBytes: number, retentionMicros: number): void {
    let excess = this.retained - retentionBytes;
    while (this.segments.length > 1 && excess >= this.segments[0]!.end - this.segments[0]!.base) {
      excess -= this.segments[0]!.end - this.segments[0]!.base;
      this.drop();
    }
    while (this.now - this.segments[0]!.lastAt > retentionMicros) {
      const only = this.segments.length === 1;
      if (only && this.segments[0]!.end === this.segments[0]!.base) break;
      if (only) this.segments.push({ base: this.end, end: this.end, firstAt: Number.NaN, lastAt: this.now });
      this.drop();
    }
  }

  private drop(): void {
    const oldest = this.segments.shift()!;
    this.deleted += oldest.end - oldest.base;
  }
}
