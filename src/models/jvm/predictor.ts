import { fixedFlags } from './flags.ts';

const sigma = fixedFlags.confidencePercent / 100;

/**
 * A decaying mean and variance, as G1 keeps one for each statistic.
 * Source: OpenJDK 17, AbsSeq::add and TruncatedSeq in numberSeq.cpp; G1Predictions::predict and stddev_estimate in g1Predictions.hpp.
 */
export class Sequence {
  mean = 0;
  samples = 0;
  private variance = 0;
  private readonly alpha: number;

  constructor(alpha = 0.3, seed?: number) {
    this.alpha = alpha;
    if (seed !== undefined) this.add(seed);
  }

  add(value: number): void {
    if (this.samples === 0) {
      this.mean = value;
      this.variance = 0;
    } else {
      const d = value - this.mean;
      this.mean += this.alpha * d;
      this.variance = (1 - this.alpha) * (this.variance + this.alpha * d * d);
    }
    // The window of G1's sequences holds ten values.
    this.samples = Math.min(10, this.samples + 1);
  }

  /** Mean and half a standard deviation; with fewer than five samples the deviation is taken as at least half the mean for each one missing. */
  predict(): number {
    const sd = Math.sqrt(this.variance);
    const spread = this.samples < 5 ? Math.max(sd, (this.mean * (5 - this.samples)) / 2) : sd;
    return Math.max(0, this.mean + sigma * spread);
  }
}

/** What one young or mixed pause taught. Times are wall milliseconds of the whole worker team, as G1 records them. */
export interface Lesson {
  readonly marking: boolean;
  readonly mixed: boolean;
  readonly copiedBytes: number;
  readonly copyMillis: number;
  readonly cards: number;
  readonly scanMillis: number;
  readonly youngRegions: number;
  readonly youngOtherMillis: number;
  readonly oldRegions: number;
  readonly oldOtherMillis: number;
  readonly constantOtherMillis: number;
}

/**
 * What G1 believes about the length of the next pause.
 *
 *     pause(n) = base + copy x predicted survivors of n regions + other x n
 *     base     = constant + scan x cards + survivor regions x other + copy x their survivors
 *
 * Source: OpenJDK 17, G1Policy::predict_base_elapsed_time_ms, predict_eden_copy_time_ms, predict_region_total_time_ms; seeds and
 * choice of sequence by g1Analytics.cpp. Simplified: merging of remembered sets and logged cards is part of scanning, so that what G1 believes of it
 * only fades from its seed; every card is merged once and scanned once.
 */
export class Predictor {
  private readonly copy: Sequence;
  private readonly copyWhileMarking = new Sequence();
  private readonly scanYoung: Sequence;
  private readonly mergeYoung: Sequence;
  private readonly mergeMixed = new Sequence();
  private readonly scanMixed = new Sequence();
  private readonly cardsYoung = new Sequence();
  private readonly cardsMixed = new Sequence();
  private readonly youngOther: Sequence;
  private readonly oldOther: Sequence;
  private readonly constantOther: Sequence;

  /** @param workers parallel workers: the seeds' column. Source of the seeds: g1Analytics.cpp */
  constructor(workers: number) {
    const column = Math.min(Math.max(1, workers) - 1, 7);
    this.copy = new Sequence(0.3, [6, 3, 3, 1.5, 1.5, 1, 1, 0.9][column]! * 1e-5);
    this.scanYoung = new Sequence(0.3, [0.015, 0.01, 0.01, 0.008, 0.008, 0.0055, 0.0055, 0.005][column]!);
    this.mergeYoung = new Sequence(0.3, [0.01, 0.005, 0.005, 0.003, 0.003, 0.002, 0.002, 0.0015][column]!);
    this.youngOther = new Sequence(0.3, [0.3, 0.2, 0.2, 0.15, 0.15, 0.12, 0.12, 0.1][column]!);
    this.oldOther = new Sequence(0.3, [1, 0.7, 0.7, 0.5, 0.5, 0.42, 0.42, 0.3][column]!);
    this.constantOther = new Sequence(0.3, 5);
  }

  /** Source: G1Policy::record_collection_pause_end. A pause whose evacuation failed teaches nothing. */
  learn(lesson: Lesson): void {
    if (lesson.copiedBytes > 0)
      (lesson.marking ? this.copyWhileMarking : this.copy).add(lesson.copyMillis / lesson.copiedBytes);
    // G1 leaves out pauses with few cards, whose cost for one card is all noise (G1NumCardsCostSampleThreshold, 1000).
    if (lesson.cards >= 1000) {
      (lesson.mixed ? this.scanMixed : this.scanYoung).add(lesson.scanMillis / lesson.cards);
      (lesson.mixed ? this.mergeMixed : this.mergeYoung).add(0);
    }
    (lesson.mixed ? this.cardsMixed : this.cardsYoung).add(lesson.cards);
    if (lesson.youngRegions > 0) this.youngOther.add(lesson.youngOtherMillis / lesson.youngRegions);
    if (lesson.oldRegions > 0) this.oldOther.add(lesson.oldOtherMillis / lesson.oldRegions);
    this.constantOther.add(lesson.constantOtherMillis);
  }

  copyMillisPerByte(marking: boolean): number {
    if (!marking) return this.copy.predict();
    return this.copyWhileMarking.samples >= 3 ? this.copyWhileMarking.predict() : 1.1 * this.copy.predict();
  }

  youngOtherMillis(): number {
    return this.youngOther.predict();
  }

  oldOtherMillis(): number {
    return this.oldOther.predict();
  }

  /** Everything but eden. */
  baseMillis(mixed: boolean, marking: boolean, survivorRegions: number, survivorBytes: number): number {
    const scan = mixed && this.scanMixed.samples >= 3 ? this.scanMixed : this.scanYoung;
    const merge = mixed && this.mergeMixed.samples >= 3 ? this.mergeMixed : this.mergeYoung;
    const cards = mixed && this.cardsMixed.samples >= 3 ? this.cardsMixed : this.cardsYoung;
    return (
      this.constantOther.predict() +
      (merge.predict() + scan.predict()) * cards.predict() +
      survivorRegions * this.youngOther.predict() +
      survivorBytes * this.copyMillisPerByte(marking)
    );
  }
}
