import { Sequence } from './predictor.ts';

/** Ages that have been seen together ever since. */
interface Ages {
  readonly from: number;
  to: number;
  readonly share: Sequence;
  /** What `share` predicts, between 0 and 1. */
  predicted: number;
}

/** Before the first collection the youngest region is taken to survive by this share. Source: OpenJDK 17, G1SurvRateGroup::reset. */
export const initialShare = 0.4;
/** More ages that came one by one than this are learned as one. */
const mostGroups = 12;

/**
 * What G1 has learned of how much of an eden region survives, by its age: its place in the order of allocation, the youngest first. An age that
 * no pause had yet begins without a value, so that it believes the first one it gets doubled; ages beyond those of a pause get the oldest one's.
 * Source: OpenJDK 17, g1SurvRateGroup.cpp. Simplified: ages that came in one pause are learned as one, by their mean; how it spreads over them is
 * the program's own.
 */
export class Survival {
  private readonly groups: Ages[] = [
    { from: 0, to: 1, share: new Sequence(0.3, initialShare), predicted: initialShare },
  ];
  /** Number of ages known. */
  private length = 1;

  /**
   * A pause found so many eden regions.
   * @param surviving true bytes of the youngest n regions that survive, in regions
   * @param fill whether ages beyond learn as well: outside marking and mixed collections
   */
  learn(eden: number, surviving: (regions: number) => number, fill: boolean): void {
    if (eden <= 0) return;
    if (eden > this.length) {
      const last = this.groups[this.groups.length - 1]!;
      if (this.groups.length < mostGroups)
        this.groups.push({ from: this.length, to: eden, share: new Sequence(), predicted: 0 });
      else last.to = eden;
      this.length = eden;
    }
    const oldest = surviving(eden) - surviving(eden - 1);
    for (const g of this.groups) {
      const seen = Math.min(g.to, eden) - g.from;
      if (seen > 0) {
        // Ages of the group that this pause did not have stay as they were.
        const beyond = (g.to - g.from - seen) * (fill || g.share.samples === 0 ? oldest : g.share.mean);
        g.share.add((surviving(g.from + seen) - surviving(g.from) + beyond) / (g.to - g.from));
      } else if (fill) g.share.add(oldest);
      g.predicted = Math.min(1, g.share.predict());
    }
  }

  /**
   * Predicted survivors of so many eden regions, in regions.
   * @param surviving as in `learn`, under the present load
   */
  predict(eden: number, surviving: (regions: number) => number): number {
    let sum = 0;
    for (const g of this.groups) {
      if (g.from >= eden) break;
      const size = g.to - g.from;
      const part = Math.min(g.to, eden) - g.from;
      const whole = surviving(g.to) - surviving(g.from);
      const share = whole > 0 ? (surviving(g.from + part) - surviving(g.from)) / whole : part / size;
      sum += g.predicted * size * share;
    }
    // Ages never seen are as the oldest one.
    const last = this.groups[this.groups.length - 1]!;
    return Math.min(eden, sum + Math.max(0, eden - this.length) * last.predicted);
  }
}
