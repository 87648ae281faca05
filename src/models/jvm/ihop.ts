import { fixedFlags, type G1Flags } from './flags.ts';
import { Sequence } from './predictor.ts';

/**
 * When a concurrent cycle begins: the bytes of old and humongous regions above which it does.
 *
 * Static: a share of the heap. Adaptive, once three marking times and three allocation rates are known: what marking will need is left free
 * below a target that spares the reserve and the waste.
 * Source: OpenJDK 17, g1IHOPControl.cpp: G1StaticIHOPControl, G1AdaptiveIHOPControl::get_conc_mark_start_threshold, actual_target_threshold.
 */
export class Ihop {
  /** The heap occupancy that the adaptive control aims at, bytes. */
  readonly target: number;
  private readonly fixed: number;
  private readonly adaptive: boolean;
  private readonly markingSeconds = new Sequence(0.05);
  private readonly oldBytesPerSecond = new Sequence(0.05);
  private youngBytes = 0;

  constructor(flags: G1Flags) {
    const { heapBytes } = flags;
    this.target = Math.min(
      (heapBytes * (100 - (flags.reservePercent + fixedFlags.heapWastePercent))) / 100,
      (heapBytes * (100 - fixedFlags.heapWastePercent)) / 100,
    );
    this.adaptive = flags.adaptiveIhop;
    const share = (heapBytes * flags.ihopPercent) / 100;
    this.fixed = this.adaptive ? Math.min(share, this.target) : share;
  }

  get isActive(): boolean {
    return this.adaptive && this.markingSeconds.samples >= 3 && this.oldBytesPerSecond.samples >= 3;
  }

  get threshold(): number {
    if (!this.isActive) return this.fixed;
    const need = this.markingSeconds.predict() * this.oldBytesPerSecond.predict() + this.youngBytes;
    return Math.max(0, this.target - need);
  }

  /** @param seconds from the end of the Concurrent Start pause to the first mixed pause, pauses between left out */
  marked(seconds: number): void {
    if (seconds > 1e-6) this.markingSeconds.add(seconds);
  }

  /** @param youngBytes of the next young generation, had the reserve not bounded it */
  allocated(oldBytes: number, mutatorSeconds: number, youngBytes: number): void {
    if (mutatorSeconds <= 1e-6) return;
    this.oldBytesPerSecond.add(oldBytes / mutatorSeconds);
    this.youngBytes = youngBytes;
  }
}
