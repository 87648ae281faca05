import type { GcLog, LoggedCollection, LoggedPhase } from '../formats/gcLog.ts';

/** Collections that are kept of a stretch, the latest: a bound on memory, and more than quantiles need. */
const mostKept = 20_000;

/** The latest rows of numbers: as objects, a log of 1 GB would not fit into 300 MB. */
class LatestRows {
  private values: Float64Array;
  private readonly width: number;
  private pushed = 0;

  constructor(width: number) {
    this.width = width;
    this.values = new Float64Array(1024 * width);
  }

  push(row: readonly (number | undefined)[]): void {
    const { width } = this;
    const rows = this.values.length / width;
    if (this.pushed === rows && rows < mostKept) {
      const larger = new Float64Array(Math.min(mostKept, 2 * rows) * width);
      larger.set(this.values);
      this.values = larger;
    }
    const at = (this.pushed % (this.values.length / width)) * width;
    for (let i = 0; i < width; i += 1) this.values[at + i] = row[i] ?? Number.NaN;
    this.pushed += 1;
  }

  /** Oldest first; undefined is what was undefined. */
  map<T>(from: (row: readonly (number | undefined)[]) => T): T[] {
    const { width } = this;
    const rows = this.values.length / width;
    const made: T[] = [];
    for (let i = Math.max(0, this.pushed - rows); i < this.pushed; i += 1) {
      const at = (i % rows) * width;
      made.push(
        from(Array.from(this.values.subarray(at, at + width), (x) => (Number.isNaN(x) ? undefined : x))),
      );
    }
    return made;
  }
}

/** Texts by number: there are few. */
class Texts {
  private readonly numbers = new Map<string, number>();
  private readonly texts: string[] = [];

  numberOf(text: string): number {
    let n = this.numbers.get(text);
    if (n === undefined) {
      n = this.texts.push(text) - 1;
      this.numbers.set(text, n);
    }
    return n;
  }

  of(n: number | undefined): string {
    return this.texts[n ?? -1] ?? '';
  }
}

interface Stretch {
  readonly number: number;
  readonly collections: LatestRows;
  readonly phases: LatestRows;
  young: number;
}

/** Takes what a reader hands over and keeps one JVM's unbroken stretch, the one with the most young pauses; of that what a fit needs. */
export class LongestStretch {
  private readonly texts = new Texts();
  private best = stretchOf(0);
  private present = this.best;

  readonly collection = (c: LoggedCollection): void => {
    const s = this.of(c.stretch);
    if (c.type.startsWith('Young')) s.young += 1;
    s.collections.push([
      c.number,
      this.texts.numberOf(c.type),
      this.texts.numberOf(c.cause),
      c.startSeconds,
      c.millis,
      ...c.usedMiB,
      ...(c.eden ?? none3),
      ...(c.survivors ?? none3),
      ...(c.old ?? none2),
      ...(c.humongous ?? none2),
      ...(c.workers ?? none2),
      c.copiedBytes,
      c.scannedCards,
      c.copyWorkerMillis,
      c.scanWorkerMillis,
      c.otherMillis,
      c.ageBytes?.[0],
      c.ihop?.thresholdBytes,
      c.ihop?.targetBytes,
      c.ihop === undefined ? undefined : Number(c.ihop.adaptive),
      Number(c.toSpaceExhausted),
      c.line,
    ]);
  };

  readonly phase = (p: LoggedPhase): void => {
    this.of(p.stretch).phases.push([p.number, this.texts.numberOf(p.name), p.endSeconds, p.millis]);
  };

  /** The stretch as a log of its own, with how many young pauses it had. */
  log(read: GcLog): { readonly log: GcLog; readonly young: number } {
    this.of(-1);
    const { number, collections, phases, young } = this.best;
    const jvm = read.stretches[number] ?? {};
    return {
      log: {
        ...read,
        jvm,
        stretches: [jvm],
        collections: collections.map((row) => this.collectionOf(row)),
        phases: phases.map((row) => ({
          number: row[0]!,
          name: this.texts.of(row[1]),
          stretch: 0,
          endSeconds: row[2]!,
          millis: row[3]!,
        })),
      },
      young,
    };
  }

  private collectionOf(row: readonly (number | undefined)[]): LoggedCollection {
    const pair = (i: number) => [row[i]!, row[i + 1]!] as const;
    const triple = (i: number) => [row[i]!, row[i + 1]!, row[i + 2]!] as const;
    return {
      number: row[0]!,
      type: this.texts.of(row[1]),
      cause: this.texts.of(row[2]),
      stretch: 0,
      startSeconds: row[3]!,
      millis: row[4]!,
      usedMiB: triple(5),
      ...(row[8] !== undefined && { eden: triple(8) }),
      ...(row[11] !== undefined && { survivors: triple(11) }),
      ...(row[14] !== undefined && { old: pair(14) }),
      ...(row[16] !== undefined && { humongous: pair(16) }),
      ...(row[18] !== undefined && { workers: pair(18) }),
      ...(row[20] !== undefined && { copiedBytes: row[20] }),
      ...(row[21] !== undefined && { scannedCards: row[21] }),
      ...(row[22] !== undefined && { copyWorkerMillis: row[22] }),
      ...(row[23] !== undefined && { scanWorkerMillis: row[23] }),
      ...(row[24] !== undefined && { otherMillis: row[24] }),
      ...(row[25] !== undefined && { ageBytes: [row[25]] }),
      ...(row[26] !== undefined && {
        ihop: { thresholdBytes: row[26], targetBytes: row[27]!, adaptive: row[28] === 1 },
      }),
      toSpaceExhausted: row[29] === 1,
      line: row[30]!,
    };
  }

  private of(stretch: number): Stretch {
    if (this.present.number !== stretch) {
      if (this.present.young > this.best.young) this.best = this.present;
      this.present = stretchOf(stretch);
    }
    return this.present;
  }
}

const none3 = [undefined, undefined, undefined] as const;
const none2 = [undefined, undefined] as const;

const stretchOf = (number: number): Stretch => ({
  number,
  collections: new LatestRows(31),
  phases: new LatestRows(4),
  young: 0,
});
