import { fixedFlags } from './flags.ts';

const ages = fixedFlags.maxTenuringThreshold;

/** What is alive of the survivors of one age. */
interface Alive {
  readonly long: number;
  readonly medium: number;
}

/**
 * The survivors of a JVM by age (1 to 15 collections survived): bytes that stay, which are replaced at random and so decay with the old
 * generation's clock, and bytes that die at times spread evenly over an interval (microseconds).
 */
export class Survivors {
  readonly long = new Float64Array(ages + 1);
  private readonly medium = new Float64Array(ages + 1);
  private readonly from = new Float64Array(ages + 1);
  private readonly to = new Float64Array(ages + 1);
  /** Bytes at each age when they were copied. */
  private readonly copied = new Float64Array(ages + 1);

  /** First age whose cumulated bytes exceed `desired`; at least that age is promoted. Source: OpenJDK 17, AgeTable::compute_tenuring_threshold. */
  tenuringThreshold(desired: number): number {
    let sum = 0;
    for (let age = 1; age < ages; age += 1) {
      sum += this.copied[age]!;
      if (sum > desired) return age;
    }
    return ages;
  }

  /** Bytes alive at `now`; `kept` is the share of the bytes that stay which were not replaced since they were copied. */
  bytes(now: number, kept: number): number {
    let sum = 0;
    for (let age = 1; age <= ages; age += 1) sum += this.long[age]! * kept + this.mediumAt(age, now);
    return sum;
  }

  /** Bytes when they were copied. */
  get copiedBytes(): number {
    let sum = 0;
    for (let age = 1; age <= ages; age += 1) sum += this.copied[age]!;
    return sum;
  }

  /** Bytes among them that stay, when they were copied. */
  get longBytes(): number {
    let sum = 0;
    for (let age = 1; age <= ages; age += 1) sum += this.long[age]!;
    return sum;
  }

  /**
   * Every survivor becomes one collection older; those of `threshold` and above are handed to `promote` (bytes that stay, bytes that die
   * between `from` and `to`). Returns the bytes that were alive.
   */
  age(
    now: number,
    kept: number,
    threshold: number,
    promote: (alive: Alive, from: number, to: number) => void,
  ): number {
    let alive = 0;
    for (let age = ages; age >= 1; age -= 1) {
      const one = { long: this.long[age]! * kept, medium: this.mediumAt(age, now) };
      if (one.long === 0 && one.medium === 0 && this.copied[age] === 0) continue;
      const from = Math.max(now, this.from[age]!);
      const to = Math.max(now, this.to[age]!);
      this.set(age, 0, 0, 0, 0);
      alive += one.long + one.medium;
      if (age >= threshold) promote(one, from, to);
      else this.set(age + 1, one.long, one.medium, from, to);
    }
    return alive;
  }

  /** What of eden was alive: age 1. */
  add(long: number, medium: number, from: number, to: number): void {
    this.set(1, long, medium, from, to);
  }

  /** More than the survivor regions hold goes to old regions at once, from each age alike. */
  overflow(mostBytes: number, promote: (alive: Alive, from: number, to: number) => void): void {
    const bytes = this.copiedBytes;
    if (bytes <= mostBytes) return;
    const over = 1 - mostBytes / bytes;
    for (let age = ages; age >= 1; age -= 1)
      if (this.copied[age]! > 0)
        promote(
          { long: this.long[age]! * over, medium: this.medium[age]! * over },
          this.from[age]!,
          this.to[age]!,
        );
    this.keepOnly(1 - over);
  }

  /** Only `share` of each age is left; the rest is no survivor. */
  keepOnly(share: number): void {
    if (share === 1) return;
    for (let age = 1; age <= ages; age += 1)
      this.set(age, this.long[age]! * share, this.medium[age]! * share, this.from[age]!, this.to[age]!);
  }

  clear(): void {
    this.keepOnly(0);
  }

  private set(age: number, long: number, medium: number, from: number, to: number): void {
    this.long[age] = long;
    this.medium[age] = medium;
    this.from[age] = from;
    this.to[age] = to;
    this.copied[age] = long + medium;
  }

  private mediumAt(age: number, now: number): number {
    const bytes = this.medium[age]!;
    if (bytes === 0) return 0;
    const from = this.from[age]!;
    const to = this.to[age]!;
    return now <= from ? bytes : now >= to ? 0 : (bytes * (to - now)) / (to - from);
  }
}
