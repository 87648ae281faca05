/**
 * Windows of partition metrics. Source: Cruise Control 2.5 `MonitorConfig` (`min.valid.partition.ratio`); Strimzi 0.42
 * `CruiseControlConfiguration` (windows of 300 s, one of them), Cruise Control's sample file (a sample each 120 s).
 */
const monitorTiming = {
  windowMicros: 300_000_000,
  sampleMicros: 120_000_000,
  minValidShare: 0.995,
} as const;

/**
 * Since when Cruise Control has metrics of the cluster's partitions. It has run for long when the run starts; partitions that are created later
 * are without metrics until the end of the first window in which they were sampled, and while more than one in 200 is, no proposal is made.
 *
 * Simplified: windows begin with the run, and samples are taken just before a window ends.
 */
export class Monitor {
  private readonly created: { readonly at: number; readonly count: number }[] = [];

  /** So many partitions came into being now. */
  note(at: number, count: number): void {
    this.created.push({ at, count });
  }

  /** When a proposal can be made, microseconds: now, or later. */
  readyAt(now: number, partitions: number): number {
    const { windowMicros, sampleMicros, minValidShare } = monitorTiming;
    let without = 0;
    let ready = now;
    for (let i = this.created.length - 1; i >= 0; i -= 1) {
      const { at, count } = this.created[i];
      const known = Math.ceil((at + sampleMicros) / windowMicros) * windowMicros;
      if (known <= now) break;
      without += count;
      if (without > partitions * (1 - minValidShare)) ready = Math.max(ready, known);
    }
    return ready;
  }
}
