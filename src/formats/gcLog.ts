import type { Problem } from './problem.ts';

/**
 * One pause as a G1 log tells it. What the log does not tell is absent: regions need `gc+heap`, wall times `gc+phases` at info, worker sums,
 * cards and bytes `gc+phases` at debug, ages `gc+age` and the IHOP `gc+ihop`. Seconds since the JVM started (where only dates are logged:
 * since its first line); MiB where the log has M.
 */
export interface LoggedCollection {
  readonly number: number;
  /** `Young (Normal)`, `Young (Concurrent Start)`, `Young (Prepare Mixed)`, `Young (Mixed)`, `Full`, `Remark`, `Cleanup`. */
  readonly type: string;
  /** As in `gcCause.cpp`: `G1 Evacuation Pause`, `System.gc()`; empty for Remark and Cleanup. */
  readonly cause: string;
  /** Which unbroken stretch of one JVM's log it lies in, from 0: a restart of the JVM or missing lines begin another. */
  readonly stretch: number;
  readonly startSeconds: number;
  readonly millis: number;
  readonly usedMiB: readonly [before: number, after: number, capacity: number];
  /** Regions before and after, and the target for the next collection. */
  readonly eden?: readonly [before: number, after: number, target: number];
  /** Regions before and after, and the most that the next collection may fill. */
  readonly survivors?: readonly [before: number, after: number, most: number];
  readonly old?: readonly [before: number, after: number];
  readonly humongous?: readonly [before: number, after: number];
  /** Parallel workers: used, and at hand. */
  readonly workers?: readonly [used: number, most: number];
  /** Bytes of live objects that were copied, of all workers; JDK 11 does not tell. */
  readonly copiedBytes?: number;
  /** Cards of 512 bytes, of all workers. */
  readonly scannedCards?: number;
  /** Milliseconds of all workers in `Object Copy`. */
  readonly copyWorkerMillis?: number;
  /** Milliseconds of all workers in `Scan Heap Roots`; in JDK 11 in `Update RS` and `Scan RS`. */
  readonly scanWorkerMillis?: number;
  /** Wall time of `Evacuate Collection Set`, the optional one included. */
  readonly evacuateMillis?: number;
  /** Wall time of the pause outside `Evacuate Collection Set`: `mergeMillis`, `postMillis`, what goes before, and `Other`. */
  readonly otherMillis?: number;
  /** Wall time of `Merge Heap Roots`, the optional one included; JDK 11 has no such phase. */
  readonly mergeMillis?: number;
  /** Wall time of `Post Evacuate Collection Set`. */
  readonly postMillis?: number;
  /** Bytes of survivors that the next tenuring threshold aims at. */
  readonly desiredSurvivorBytes?: number;
  /** Age at which this collection promotes. */
  readonly tenuringThreshold?: number;
  /** Bytes of survivors by age: the first number is age 1. */
  readonly ageBytes?: readonly number[];
  /** Occupancy at which marking begins, and what it is a share of; `adaptive` once G1 predicts the threshold. */
  readonly ihop?: {
    readonly thresholdBytes: number;
    readonly targetBytes: number;
    readonly adaptive: boolean;
  };
  /** Seconds of all threads in user and kernel mode, and on the clock; the JVM rounds to hundredths. */
  readonly cpuSeconds?: readonly [user: number, system: number, real: number];
  /** Objects could not be copied: `To-space exhausted`, from JDK 21 `(Evacuation Failure)`. */
  readonly toSpaceExhausted: boolean;
  /** Line of its end, in the part of the log where it stands. */
  readonly line: number;
}

/** A concurrent phase, or a whole cycle, that ended. JDK 11's `Concurrent Cycle` is named `Concurrent Mark Cycle` as later ones name it. */
export interface LoggedPhase {
  readonly number: number;
  readonly name: string;
  readonly stretch: number;
  readonly endSeconds: number;
  /** 0 for `Concurrent Mark Abort`, which only happens. */
  readonly millis: number;
}

/** What a JVM says of itself when it starts; absent where the log does not begin with the start, or the release does not tell. */
export interface LoggedJvm {
  readonly version?: string;
  readonly cpus?: number;
  readonly regionBytes?: number;
  readonly heapMaxBytes?: number;
  readonly parallelThreads?: number;
  readonly concurrentThreads?: number;
}

export interface GcLog {
  /** The JVM of the last stretch. */
  readonly jvm: LoggedJvm;
  /** The JVM of each stretch. */
  readonly stretches: readonly LoggedJvm[];
  readonly collections: readonly LoggedCollection[];
  readonly phases: readonly LoggedPhase[];
  readonly lines: number;
  /** Lines that belong to something else, as a broker's own log. */
  readonly otherLines: number;
  readonly problems: readonly Problem[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What the lines of a pause tell before its last one. */
type Details = {
  -readonly [K in Exclude<keyof LoggedCollection, RequiredKeys | 'cpuSeconds'>]:
    | LoggedCollection[K]
    | undefined;
};
type RequiredKeys =
  | 'number'
  | 'type'
  | 'cause'
  | 'stretch'
  | 'startSeconds'
  | 'millis'
  | 'usedMiB'
  | 'toSpaceExhausted'
  | 'line';

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

interface Pending {
  /** Where it begins; line 0 when that was not seen. */
  at: Place;
  startSeconds: number;
  toSpaceExhausted: boolean;
  readonly details: Details;
}

/** What a line can carry at most: a longer one is no log line, and no pattern is tried on it. */
const longestLine = 4096;
/** Threads write their lines out of order by some milliseconds; a clock that goes back further belongs to another JVM. */
const disorderSeconds = 1;
/** The same where one part of a rotated log ends and the next begins. */
const lateSeconds = 0.05;
/** Milliseconds since 1970 are beyond this, those of an uptime (three years) are not. */
const leastEpochMillis = 1e11;
const mostProblems = 100;
const mostWarnings = 80;
const logOption = '-Xlog:gc*:file=gc.log:time,uptime,level,tags';
const nowhere: Place = { file: '', line: 0, column: 0 };

const uptimeDecorator = /^(\d{1,12})[.,](\d{1,9})s$/;
const unitDecorator = /^(\d{1,18})(ms|ns)$/;
const dateDecorator = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})([+-])(\d\d)(\d\d)$/;
const group = ' \\((?:[^()]|\\(\\))*\\)';
const pauseLine = new RegExp(`^Pause (Young|Full|Remark|Cleanup|Initial Mark|Mixed)((?:${group})*)(.*)$`);
const groups = / \(((?:[^()]|\(\))*)\)/g;
const size = '(\\d{1,12})([BKMG])';
// JDK 9 put the two times in parentheses before the milliseconds.
const pauseFigures = new RegExp(
  `^ ${size}->${size}\\(${size}\\)(?: \\([\\d.,s ]*\\))? (\\d{1,12}(?:[.,]\\d{1,9})?)ms$`,
);
const regionLine = /^(Eden|Survivor|Old|Humongous) regions: (\d{1,9})->(\d{1,9})(?:\((\d{1,9})\))?$/;
const workerSum = /Sum: *(\d{1,15}(?:[.,]\d{1,9})?), Workers: \d+$/;
const wallLine = /: (\d{1,12}(?:[.,]\d{1,9})?)ms$/;
const workersLine = /^Using (\d{1,6}) workers of (\d{1,6}) for evacuation$/;
const concurrentLine = /^(Concurrent [A-Z][A-Za-z ]*?)(?: \([\d.,s ]*\))?(?: (\d{1,12}(?:[.,]\d{1,9})?)ms)?$/;
const ihopLine =
  /^(?:Basic|Adaptive IHOP) information \(value update\), threshold: (\d{1,15})B \([^)]*\),(?: internal)? target occupancy: (\d{1,15})B(?:.*prediction active: (true|false))?/;
const desiredLine = /^Desired survivor size (\d{1,15}) bytes, new threshold (\d{1,3})\b/;
const ageLine = /^- age +(\d{1,2}): +(\d{1,15}) bytes/;
const cpuLine =
  /^User=(\d{1,9}(?:[.,]\d{1,9})?)s Sys=(\d{1,9}(?:[.,]\d{1,9})?)s Real=(\d{1,9}(?:[.,]\d{1,9})?)s$/;
const otherCollector =
  /^Using (Parallel|Serial|Shenandoah|Epsilon|Concurrent Mark Sweep|The Z Garbage Collector)/;
const beforeNine = /^(?:[\dT:.,+Z-]+: ){0,2}\[(?:GC|Full GC)[ (-]/;
// Escape may colour a console's lines.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const noText = /[\u0000-\u0008\u000e-\u001a\ufffd]/;

export const factors: Readonly<Record<string, number>> = {
  B: 1,
  K: 1024,
  M: 1_048_576,
  G: 1_073_741_824,
};
const mebibyte = 1_048_576;
const decimal = (text: string): number => Number(text.replace(',', '.'));
/** Drops the noise that adding decimal fractions leaves: a millionth is the finest that is logged. Sums that large are whole bytes. */
export const tidy = (x: number): number => (x > 1e9 ? x : Math.round(x * 1e6) / 1e6);

/** Seconds since 1970-01-01 UTC. Days by H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013), days_from_civil. */
function epochSeconds(d: RegExpExecArray): number {
  const [year, month, day] = [Number(d[1]), Number(d[2]), Number(d[3])];
  const y = month <= 2 ? year - 1 : year;
  const days =
    365 * y +
    Math.floor(y / 4) -
    Math.floor(y / 100) +
    Math.floor(y / 400) +
    Math.floor((153 * ((month + 9) % 12) + 2) / 5) +
    day -
    719_469;
  const zone = (Number(d[9]) * 60 + Number(d[10])) * (d[8] === '-' ? -60 : 60);
  return days * 86_400 + Number(d[4]) * 3600 + Number(d[5]) * 60 + Number(d[6]) + Number(d[7]) / 1000 - zone;
}

interface Clocks {
  /** Seconds since the JVM started. */
  readonly uptime: number | undefined;
  /** Seconds since 1970. */
  readonly date: number | undefined;
}

/**
 * The times that the decorators of a line tell. Source: JDK 17 `logDecorations.cpp`: uptime `0.009s`, `uptimemillis` and `timemillis` in
 * `ms`, `uptimenanos` and `timenanos` in `ns`, `time` and `utctime` as dates with a zone. Of two in one unit the smaller one is the uptime.
 *
 * @param decorators from the first bracket to the last one, both left out
 */
function clocksOf(decorators: string): Clocks {
  let uptime: number | undefined;
  let fine: number | undefined;
  let date: number | undefined;
  for (const padded of decorators.split('][')) {
    const text = padded.trimEnd();
    if (text.charCodeAt(text.length - 1) === 115 /* s */) {
      const s = uptimeDecorator.exec(text);
      const unit = s === null ? unitDecorator.exec(text) : null;
      if (s !== null) uptime = Number(`${s[1]}.${s[2]}`);
      else if (unit !== null) {
        const value = Number(unit[1]);
        const seconds = value / (unit[2] === 'ms' ? 1e3 : 1e9);
        if (unit[2] === 'ms' && value > leastEpochMillis) date ??= seconds;
        else if (fine === undefined || seconds < fine) fine = seconds;
      }
    } else if (date === undefined) {
      const found = dateDecorator.exec(text);
      if (found !== null) date = epochSeconds(found);
    }
  }
  return { uptime: uptime ?? fine, date };
}

/**
 * Reads a G1 log of unified logging, JDK 11 to 21 (JEP 158, JEP 271): any decorators in any order, one of which tells a time; lines of
 * other origin between its own are counted and left alone. Give it line by line, so that a log of any size needs little memory:
 * `onCollection` and `onPhase` hand over what is read instead of keeping it. The parts of a rotated log come one after another, oldest first
 * (`orderGcLogParts`), each announced by `part`.
 *
 * Never throws: what cannot be used becomes a problem with its place, at most one hundred.
 */
export class GcLogReader {
  private file: string;
  private readonly onCollection: ((collection: LoggedCollection) => void) | undefined;
  private readonly onPhase: ((phase: LoggedPhase) => void) | undefined;
  private readonly collections: LoggedCollection[] = [];
  private readonly phases: LoggedPhase[] = [];
  private readonly problems: Problem[] = [];
  private readonly stretches: Writable<LoggedJvm>[] = [{}];
  private readonly pending = new Map<number, Pending>();
  private readonly causes = new Map<string, string>();
  /** The last pause that ended: the line with its CPU time may still come. */
  private ended: Writable<LoggedCollection> | undefined;

  private lines = 0;
  private partLine = 0;
  private otherLines = 0;
  private decoratorsEnd = 0;
  private found = 0;

  // Of the stretch.
  private lastSeconds = -1;
  private lastNumber = -1;
  private lastPause = -1;
  private firstDate: number | undefined;
  /** The number whose first lines are missing: its sums would be too small. */
  private cut = -1;
  /** The file before, while nothing of this one has been read. */
  private boundary: string | undefined;

  // Told once each.
  private readonly others = new Set<string>();
  private anotherCollector = false;
  private timeless = 0;
  private timelessAt = nowhere;
  private backwards = 0;
  private backwardsAt = nowhere;
  private backwardsFound = '';
  private noText = 0;
  private noTextAt = nowhere;

  constructor(
    file: string,
    onCollection?: (collection: LoggedCollection) => void,
    onPhase?: (phase: LoggedPhase) => void,
  ) {
    this.file = file;
    this.onCollection = onCollection;
    this.onPhase = onPhase;
  }

  /** The lines that follow stand in another file, the next part of a rotated log. */
  part(file: string): void {
    if (this.partLine > 0) this.boundary = this.file;
    this.file = file;
    this.partLine = 0;
  }

  line(whole: string): void {
    this.lines += 1;
    this.partLine += 1;
    let text = whole;
    if (text.charCodeAt(text.length - 1) === 13) text = text.slice(0, -1);
    if (this.partLine === 1 && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    // Decorators end at the first bracket that a blank follows: their own blanks stand before a bracket.
    const close = text.charCodeAt(0) === 91 && text.length <= longestLine ? text.indexOf('] ') : -1;
    if (close < 0) {
      this.other(text);
      return;
    }
    const at = close + 2;
    this.decoratorsEnd = close;
    if (text.charCodeAt(at) === 71 && text.charCodeAt(at + 1) === 67 && text.charCodeAt(at + 2) === 40) {
      // GC(number): digits, at most nine of them.
      let i = at + 3;
      let n = 0;
      for (; i < at + 12; i += 1) {
        const c = text.charCodeAt(i);
        if (!(c >= 48 && c <= 57)) break;
        n = n * 10 + (c - 48);
      }
      if (i > at + 3 && text.charCodeAt(i) === 41) {
        for (i += 1; text.charCodeAt(i) === 32; ) i += 1;
        this.numbered(text, n, i);
        return;
      }
    }
    if (this.seconds(text) === undefined) this.other(text);
    else this.unnumbered(text.slice(at).trim());
  }

  /** Ends the reading and says what was found. */
  end(): GcLog {
    this.hand();
    this.abandon();
    const last: Problem[] = [];
    if (this.backwards > 0)
      last.push(
        problemAt(
          this.backwardsAt,
          `${this.backwardsFound}${this.backwards > 1 ? `, and so do ${this.backwards - 1} more` : ''}`,
          'give each JVM a file of its own, and the lines in the order in which they were written',
          this.backwards > 1 ? 'problem' : 'warning',
        ),
      );
    if (this.noText > 0)
      last.push(
        problemAt(
          this.noTextAt,
          `bytes that are no text in ${this.noText} line${this.noText > 1 ? 's' : ''}, the first here`,
          'unpack a compressed log, and give it as UTF-8; these lines are left out',
          this.found > 0 ? 'warning' : 'problem',
        ),
      );
    if (this.timeless > 0)
      last.push(
        problemAt(
          this.timelessAt,
          `no decorator tells the time of ${this.timeless} line${this.timeless > 1 ? 's' : ''} on collections, the first here`,
          `log with a time: ${logOption}; these lines are left out`,
          this.found > 0 ? 'warning' : 'problem',
        ),
      );
    if (this.found === 0 && this.problems.length + last.length === 0)
      last.push(
        problemAt(
          { file: this.file, line: 0, column: 0 },
          this.lines === 0 ? 'the file is empty' : 'no line of a G1 log in it',
          `log with ${logOption}`,
        ),
      );
    return {
      jvm: this.stretches[this.stretches.length - 1]!,
      stretches: this.stretches,
      collections: this.collections,
      phases: this.phases,
      lines: this.lines,
      otherLines: this.otherLines,
      // What concerns the whole log first: a cap must not hide it.
      problems: [...last, ...this.problems].slice(0, mostProblems),
    };
  }

  /** A line that is not of unified logging, or has no decorators. */
  private other(text: string): void {
    if (text === '') return;
    this.otherLines += 1;
    if (text.length > longestLine) return;
    const bad = text.search(noText);
    if (bad >= 0) {
      this.noText += 1;
      if (this.noText === 1) this.noTextAt = this.place(bad);
      return;
    }
    if (this.found === 0 && beforeNine.test(text))
      this.another(0, 'JDK 8 or older, which did not log in the unified form');
    else if (/^GC\(\d{1,9}\) Pause /.test(text)) this.withoutTime(0);
  }

  /** Seconds on the clock of this stretch; undefined when no decorator tells a time. */
  private seconds(text: string): number | undefined {
    const { uptime, date } = clocksOf(text.slice(1, this.decoratorsEnd));
    if (uptime !== undefined) return uptime;
    if (date === undefined) return undefined;
    this.firstDate ??= date;
    return Math.max(0, tidy(date - this.firstDate));
  }

  /** A line of collection `n`, whose message begins at `at`. */
  private numbered(text: string, n: number, at: number): void {
    if (this.anotherCollector) return;
    if (n > this.lastNumber || this.boundary !== undefined || (n === 0 && this.lastNumber > 2))
      this.next(text, n, at);
    switch (text.charCodeAt(at)) {
      case 80: // P
        if (text.startsWith('Pause ', at)) this.pause(text, n, at);
        else if (text.startsWith('Post Evacuate Collection Set: ', at)) this.wall(text, n, 'postMillis');
        else if (text.startsWith('Pre Evacuate Collection Set: ', at)) this.wall(text, n, 'otherMillis');
        break;
      case 77: // M
        if (text.startsWith('Merge Heap Roots: ', at) || text.startsWith('Merge Optional Heap Roots: ', at))
          this.wall(text, n, 'mergeMillis');
        else if (text.startsWith('Minor Collection (', at) || text.startsWith('Major Collection (', at))
          this.another(at, 'the Z collector');
        break;
      case 69: // E
        if (text.startsWith('Eden regions: ', at)) this.regions(text, n, at);
        else if (
          text.startsWith('Evacuate Collection Set: ', at) ||
          text.startsWith('Evacuate Optional Collection Set: ', at)
        )
          this.wall(text, n, 'evacuateMillis');
        break;
      case 83: // S
        if (text.startsWith('Survivor regions: ', at)) this.regions(text, n, at);
        else if (text.startsWith('Scanned Cards:', at)) this.sum(text, n, 'scannedCards');
        else if (text.startsWith('Scan Heap Roots (ms):', at) || text.startsWith('Scan RS (ms):', at))
          this.sum(text, n, 'scanWorkerMillis');
        break;
      case 79: // O
        if (text.startsWith('Old regions: ', at)) this.regions(text, n, at);
        else if (text.startsWith('Other: ', at)) this.wall(text, n, 'otherMillis');
        else if (
          text.startsWith('Object Copy (ms):', at) ||
          text.startsWith('Optional Object Copy (ms):', at)
        )
          this.sum(text, n, 'copyWorkerMillis');
        else if (text.startsWith('Optional Scan Heap Roots (ms):', at)) this.sum(text, n, 'scanWorkerMillis');
        break;
      case 72: // H
        if (text.startsWith('Humongous regions: ', at)) this.regions(text, n, at);
        break;
      case 67: // C
        if (text.startsWith('Concurrent ', at)) this.concurrent(text, n, at);
        else if (text.startsWith('Copied Bytes', at)) this.sum(text, n, 'copiedBytes');
        break;
      case 85: // U
        if (text.startsWith('User=', at)) this.cpu(text, n, at);
        else if (text.startsWith('Update RS (ms):', at)) this.sum(text, n, 'scanWorkerMillis');
        else if (text.startsWith('Using ', at)) {
          const m = workersLine.exec(text.slice(at));
          if (m !== null) this.of(n).details.workers = [Number(m[1]), Number(m[2])];
        }
        break;
      case 65: // A
      case 66: // B
        if (text.startsWith('Adaptive IHOP ', at) || text.startsWith('Basic information ', at)) {
          const m = ihopLine.exec(text.slice(at));
          if (m !== null)
            this.of(n).details.ihop = {
              thresholdBytes: Number(m[1]),
              targetBytes: Number(m[2]),
              adaptive: m[3] === 'true',
            };
        }
        break;
      case 68: // D
        if (text.startsWith('Desired survivor size ', at)) {
          const m = desiredLine.exec(text.slice(at));
          if (m !== null) {
            const { details } = this.of(n);
            details.desiredSurvivorBytes = Number(m[1]);
            details.tenuringThreshold = Number(m[2]);
          }
        }
        break;
      case 84: // T
        if (text.startsWith('To-space exhausted', at)) this.of(n).toSpaceExhausted = true;
        break;
      case 45: // -
        if (text.startsWith('- age ', at)) this.age(text, n, at);
        break;
      case 71: // G
        if (text.startsWith('Garbage Collection (', at)) this.another(at, 'the Z collector');
    }
  }

  /** The first line of a collection, or of a part: numbers go up by one, so a larger step means missing lines. */
  private next(text: string, n: number, at: number): void {
    const last = this.lastNumber;
    const before = this.boundary;
    this.boundary = undefined;
    const begins = text.startsWith('Pause ', at) || text.startsWith('Concurrent ', at);
    if (last >= 0) {
      const seconds = before === undefined ? undefined : this.seconds(text);
      // A cycle goes on while pauses with larger numbers come and go; its first line may be late by one.
      const back =
        before === undefined
          ? n < last
          : n < last - 2 || (seconds !== undefined && seconds < this.lastSeconds - disorderSeconds);
      if (!back && n <= last + (before === undefined ? 2 : 1)) {
        this.lastNumber = Math.max(last, n);
        return;
      }
      const between = before === undefined ? 'before this line' : `between ${before} and ${this.file}`;
      if (!back)
        this.problem(
          this.place(at),
          `GC(${last + 1}) to GC(${n - 1}) are missing ${between}`,
          before === undefined ? 'give the whole log' : 'give the part in between as well',
          'warning',
        );
      else if (before !== undefined)
        this.problem(
          this.place(at),
          `the log goes back from GC(${last}) to GC(${n}) ${between}`,
          'give all parts, oldest first: the JVM started anew in one that is missing, or their order is wrong',
          'warning',
        );
      if (back) this.restart();
      else this.stretch({ ...this.stretches[this.stretches.length - 1]! });
    }
    this.lastNumber = n;
    // In the middle of a collection: what stood before is gone.
    if (!begins) this.cut = n;
  }

  private of(n: number): Pending {
    let p = this.pending.get(n);
    if (p === undefined) {
      p = { at: nowhere, startSeconds: 0, toSpaceExhausted: false, details: nothing() };
      this.pending.set(n, p);
      // A pause and a cycle are under way at once at most: more are remains of damaged lines.
      if (this.pending.size > 16) this.pending.delete(this.pending.keys().next().value as number);
    }
    return p;
  }

  private pause(text: string, n: number, at: number): void {
    const message = text.slice(at).trimEnd();
    const m = pauseLine.exec(message);
    if (m === null) {
      if (/^Pause (?:Init|Final) (?:Mark|Update Refs)/.test(message))
        this.another(at, 'the Shenandoah collector');
      else if (/^Pause (?:Mark|Relocate) /.test(message)) this.another(at, 'the Z collector');
      return;
    }
    const word = m[1]!;
    const words = m[2] === '' ? [] : [...m[2]!.matchAll(groups)].map((g) => g[1]!);
    if (word === 'Young' && words[0] === 'Allocation Failure') {
      this.another(at, 'another collector than G1: Serial, Parallel or Concurrent Mark Sweep');
      return;
    }
    const seconds = this.seconds(text);
    if (seconds === undefined) {
      this.withoutTime(at);
      return;
    }
    this.found += 1;
    if (m[3] === '') {
      this.clock(n, seconds, at);
      // A pause stops everything, so one that was under way has ended.
      if (word !== 'Remark' && word !== 'Cleanup') this.abandon();
      const p = this.of(n);
      p.at = this.place(at);
      p.startSeconds = seconds;
      return;
    }
    const f = pauseFigures.exec(m[3]!);
    const p = this.pending.get(n);
    this.pending.delete(n);
    const mib = (i: number) => (Number(f![i]) * factors[f![i + 1]!]!) / mebibyte;
    if (f === null || mib(3) > mib(5)) {
      this.problem(
        this.place(at),
        f === null ? `the figures of GC(${n}) cannot be read` : `GC(${n}) uses more than the heap has`,
        'give the log as the JVM wrote it; this pause is left out',
        'warning',
      );
      return;
    }
    const short = word === 'Remark' || word === 'Cleanup';
    this.clock(n, seconds, at, !short && n <= this.lastPause);
    if (!short) this.lastPause = n;
    const millis = decimal(f[7]!);
    let exhausted = p?.toSpaceExhausted ?? false;
    if (words.length > 0 && words[words.length - 1]!.startsWith('Evacuation Failure')) {
      // A pinned region (JDK 22 and later) stays where it is although there is room.
      if (words.pop() !== 'Evacuation Failure: Pinned') exhausted = true;
    }
    let type = word;
    if (word === 'Young' || word === 'Mixed' || word === 'Initial Mark') {
      let kind = word === 'Mixed' ? 'Mixed' : word === 'Initial Mark' ? 'Concurrent Start' : 'Normal';
      if (/^(?:Normal|Concurrent Start|Prepare Mixed|Mixed)$/.test(words[0] ?? '')) kind = words.shift()!;
      type = `Young (${kind})`;
    }
    this.hand();
    const collection: Writable<LoggedCollection> = {
      number: n,
      type: this.shared(type),
      cause: this.shared(words[0] ?? ''),
      stretch: this.stretches.length - 1,
      startSeconds:
        p !== undefined && p.at.line > 0 ? p.startSeconds : tidy(Math.max(0, seconds - millis / 1000)),
      millis,
      usedMiB: [mib(1), mib(3), mib(5)],
      toSpaceExhausted: exhausted,
      line: this.partLine,
    };
    if (p !== undefined && !short) addDetails(collection, p.details, n !== this.cut);
    this.ended = collection;
  }

  /** One copy of a text that many collections share, so that they do not hold on to the lines it was cut from. */
  private shared(text: string): string {
    let one = this.causes.get(text);
    if (one === undefined) {
      one = text;
      if (this.causes.size < 100) this.causes.set(text, text);
    }
    return one;
  }

  /** Hands the last pause over. */
  private hand(): void {
    const { ended } = this;
    if (ended === undefined) return;
    this.ended = undefined;
    if (this.onCollection === undefined) this.collections.push(ended);
    else this.onCollection(ended);
  }

  /** Pauses that began and can no longer end. */
  private abandon(): void {
    for (const [n, p] of this.pending)
      if (p.at.line > 0) {
        this.problem(
          p.at,
          `GC(${n}) begins here and does not end`,
          'give the whole log; this pause is left out',
          'warning',
        );
      }
    this.pending.clear();
  }

  /** What follows belongs to another JVM, or comes after missing lines. */
  private stretch(jvm: LoggedJvm): void {
    this.hand();
    this.abandon();
    this.stretches.push(jvm);
    this.lastSeconds = -1;
    this.lastNumber = -1;
    this.lastPause = -1;
    this.cut = -1;
  }

  private restart(): void {
    this.stretch({});
    this.firstDate = undefined;
  }

  /** One JVM's lines are in the order of time, and its pauses in that of their numbers; `repeated` when a number is not. */
  private clock(n: number, seconds: number, at: number, repeated = false): void {
    if (repeated || seconds < this.lastSeconds - disorderSeconds) {
      this.backwards += 1;
      if (this.backwards === 1) {
        this.backwardsAt = this.place(at);
        this.backwardsFound = `GC(${n}) at ${seconds.toFixed(3)} s comes after GC(${this.lastNumber}) at ${this.lastSeconds.toFixed(3)} s`;
      }
    }
    this.lastSeconds = seconds;
  }

  private regions(text: string, n: number, at: number): void {
    const m = regionLine.exec(text.slice(at));
    if (m === null) return;
    const { details } = this.of(n);
    const before = Number(m[2]);
    const after = Number(m[3]);
    if (m[1] === 'Old') details.old = [before, after];
    else if (m[1] === 'Humongous') details.humongous = [before, after];
    else if (m[4] !== undefined) {
      if (m[1] === 'Eden') details.eden = [before, after, Number(m[4])];
      else details.survivors = [before, after, Number(m[4])];
    }
  }

  /** Adds a sum over workers: optional evacuation repeats the phases of a pause. */
  private sum(
    text: string,
    n: number,
    key: 'copiedBytes' | 'scannedCards' | 'copyWorkerMillis' | 'scanWorkerMillis',
  ): void {
    const m = workerSum.exec(text);
    if (m === null) return;
    const { details } = this.of(n);
    details[key] = tidy((details[key] ?? 0) + decimal(m[1]!));
  }

  private wall(
    text: string,
    n: number,
    key: 'otherMillis' | 'evacuateMillis' | 'mergeMillis' | 'postMillis',
  ): void {
    const m = wallLine.exec(text);
    if (m === null) return;
    const { details } = this.of(n);
    const millis = decimal(m[1]!);
    details[key] = tidy((details[key] ?? 0) + millis);
    if (key === 'mergeMillis' || key === 'postMillis')
      details.otherMillis = tidy((details.otherMillis ?? 0) + millis);
  }

  private age(text: string, n: number, at: number): void {
    const m = ageLine.exec(text.slice(at));
    if (m === null || m[1] === '0') return;
    const { details } = this.of(n);
    const ages = [...(details.ageBytes ?? [])];
    while (ages.length < Number(m[1])) ages.push(0);
    ages[Number(m[1]) - 1] = Number(m[2]);
    details.ageBytes = ages;
  }

  private cpu(text: string, n: number, at: number): void {
    if (this.ended?.number !== n) return;
    const m = cpuLine.exec(text.slice(at));
    if (m === null) return;
    this.ended.cpuSeconds = [decimal(m[1]!), decimal(m[2]!), decimal(m[3]!)];
    this.hand();
  }

  private concurrent(text: string, n: number, at: number): void {
    const message = text.slice(at).trimEnd();
    const m = concurrentLine.exec(message);
    if (m === null) {
      if (/^Concurrent (?:reset|marking|evacuation|cleanup)\b/.test(message))
        this.another(at, 'the Shenandoah collector');
      return;
    }
    const aborted = m[1] === 'Concurrent Mark Abort';
    if (m[2] === undefined && !aborted) return;
    const seconds = this.seconds(text);
    if (seconds === undefined) {
      this.withoutTime(at);
      return;
    }
    this.found += 1;
    this.clock(n, seconds, at);
    const phase: LoggedPhase = {
      number: n,
      name: this.shared(m[1] === 'Concurrent Cycle' ? 'Concurrent Mark Cycle' : m[1]!),
      stretch: this.stretches.length - 1,
      endSeconds: seconds,
      millis: aborted ? 0 : decimal(m[2]!),
    };
    if (this.onPhase === undefined) this.phases.push(phase);
    else this.onPhase(phase);
  }

  /** Lines outside any collection: what the JVM says when it starts. */
  private unnumbered(text: string): void {
    const g1 = text.startsWith('Using G1');
    // In JDK 11 the region size comes first.
    if (g1 || text.startsWith('Heap region size: ')) {
      this.anotherCollector = false;
      if (g1) this.found += 1;
      if (this.lastNumber >= 0) this.restart();
      if (g1) return;
    }
    if (text.startsWith('Using ')) {
      const m = otherCollector.exec(text);
      if (m !== null)
        this.another(
          this.decoratorsEnd + 2,
          m[1] === 'The Z Garbage Collector' ? 'the Z collector' : `the ${m[1]} collector`,
        );
      return;
    }
    if (this.anotherCollector) return;
    const jvm = this.stretches[this.stretches.length - 1]!;
    const bytes = /^(Heap Region Size|Heap region size|Heap Max Capacity): (\d{1,12})([BKMG])$/.exec(text);
    if (bytes !== null) {
      const value = Number(bytes[2]) * factors[bytes[3]!]!;
      if (bytes[1] === 'Heap Max Capacity') jvm.heapMaxBytes = value;
      else jvm.regionBytes = value;
      return;
    }
    const count =
      /^(?:(Parallel|Concurrent) Workers: (\d{1,6})|CPUs: \d{1,6} total, (\d{1,6}) available)$/.exec(text);
    if (count !== null) {
      if (count[3] !== undefined) jvm.cpus = Number(count[3]);
      else if (count[1] === 'Parallel') jvm.parallelThreads = Number(count[2]);
      else jvm.concurrentThreads = Number(count[2]);
      return;
    }
    const version = /^Version: (\S{1,100})/.exec(text);
    if (version !== null) jvm.version = this.shared(version[1]!);
  }

  /** The log is of something that cannot be read, at least until a JVM with G1 starts. */
  private another(at: number, what: string): void {
    this.anotherCollector = true;
    if (this.others.has(what)) return;
    this.others.add(what);
    this.problem(
      this.place(at),
      `the log is of ${what}`,
      `give a log of G1, of JDK 11 or later: -XX:+UseG1GC ${logOption}`,
    );
  }

  private withoutTime(at: number): void {
    this.timeless += 1;
    if (this.timeless === 1) this.timelessAt = this.place(at);
  }

  private place(at: number): Place {
    return { file: this.file, line: this.partLine, column: at + 1 };
  }

  private problem(at: Place, found: string, mend: string, severity?: Problem['severity']): void {
    // Many warnings must not hide the problem that comes after them.
    const most = severity === 'warning' ? mostWarnings : mostProblems;
    if (this.problems.length < most) this.problems.push(problemAt(at, found, mend, severity));
  }
}

function problemAt(
  at: Place,
  found: string,
  mend: string,
  severity: Problem['severity'] = 'problem',
): Problem {
  return { ...at, path: '', found, mend, severity };
}

function nothing(): Details {
  return {
    eden: undefined,
    survivors: undefined,
    old: undefined,
    humongous: undefined,
    workers: undefined,
    copiedBytes: undefined,
    scannedCards: undefined,
    copyWorkerMillis: undefined,
    scanWorkerMillis: undefined,
    evacuateMillis: undefined,
    otherMillis: undefined,
    mergeMillis: undefined,
    postMillis: undefined,
    desiredSurvivorBytes: undefined,
    tenuringThreshold: undefined,
    ageBytes: undefined,
    ihop: undefined,
  };
}

/**
 * Name by name, for objects made alike take a third of the memory of others. `whole` is false when the first lines of the pause are
 * missing: then only what a single late line tells is taken.
 */
function addDetails(c: Writable<LoggedCollection>, d: Details, whole: boolean): void {
  if (d.eden !== undefined) c.eden = d.eden;
  if (d.survivors !== undefined) c.survivors = d.survivors;
  if (d.old !== undefined) c.old = d.old;
  if (d.humongous !== undefined) c.humongous = d.humongous;
  if (!whole) return;
  if (d.workers !== undefined) c.workers = d.workers;
  if (d.copiedBytes !== undefined) c.copiedBytes = d.copiedBytes;
  if (d.scannedCards !== undefined) c.scannedCards = d.scannedCards;
  if (d.copyWorkerMillis !== undefined) c.copyWorkerMillis = d.copyWorkerMillis;
  if (d.scanWorkerMillis !== undefined) c.scanWorkerMillis = d.scanWorkerMillis;
  if (d.evacuateMillis !== undefined) c.evacuateMillis = d.evacuateMillis;
  if (d.otherMillis !== undefined) c.otherMillis = d.otherMillis;
  if (d.mergeMillis !== undefined) c.mergeMillis = d.mergeMillis;
  if (d.postMillis !== undefined) c.postMillis = d.postMillis;
  if (d.desiredSurvivorBytes !== undefined) c.desiredSurvivorBytes = d.desiredSurvivorBytes;
  if (d.tenuringThreshold !== undefined) c.tenuringThreshold = d.tenuringThreshold;
  if (d.ageBytes !== undefined) c.ageBytes = d.ageBytes;
  if (d.ihop !== undefined) c.ihop = d.ihop;
}

/** Gives the lines of a text, without their ends, to `onLine`. */
function forLines(text: string, onLine: (line: string) => void): void {
  for (let from = 0; from < text.length; ) {
    const to = text.indexOf('\n', from);
    onLine(text.slice(from, to < 0 ? text.length : to));
    if (to < 0) break;
    from = to + 1;
  }
}

/** A whole log that is in memory. */
export function readGcLog(text: string, file: string): GcLog {
  return readGcLogParts([{ file, text }]);
}

/** The parts of a rotated log, in any order, that are in memory. */
export function readGcLogParts(parts: readonly { readonly file: string; readonly text: string }[]): GcLog {
  const ordered = orderGcLogParts(
    parts.map((p) => ({ ...p, head: p.text.slice(0, 65_536), tail: p.text.slice(-65_536) })),
  );
  const reader = new GcLogReader(ordered.parts[0]?.file ?? '');
  for (const { file, text } of ordered.parts) {
    reader.part(file);
    forLines(text, (line) => reader.line(line));
  }
  const log = reader.end();
  return { ...log, problems: [...ordered.problems, ...log.problems].slice(0, mostProblems) };
}

/** A part of a rotated log: its name, and enough of its first and last lines to see their times. */
export interface GcLogPart {
  readonly file: string;
  readonly head: string;
  readonly tail: string;
}

/**
 * Puts the parts of a rotated log in the order in which they were written. The JVM writes `gc.log`, and renames it to `gc.log.0`,
 * `gc.log.1` and so on when it is full, beginning again at 0 after the last (JDK 17 `logFileOutput.cpp`): the number does not tell the age.
 * Dates do, and uptimes as long as the JVM did not start anew. Otherwise, of the orders that such renaming can leave, the one in which the
 * time goes back least often is taken, and a warning says so.
 */
export function orderGcLogParts<T extends GcLogPart>(
  parts: readonly T[],
): { readonly parts: readonly T[]; readonly problems: readonly Problem[] } {
  if (parts.length < 2) return { parts, problems: [] };
  const dated = parts.map((part, i) => ({ part, i, ...spanOf(part, 'date') }));
  if (dated.every((p) => p.from !== undefined))
    return { parts: dated.sort((a, b) => a.from! - b.from! || a.i - b.i).map((p) => p.part), problems: [] };

  const numberOf = (file: string) => Number(/\.(\d{1,6})$/.exec(file)?.[1] ?? Number.POSITIVE_INFINITY);
  const spans = parts
    .map((part, i) => ({ part, i, number: numberOf(part.file), ...spanOf(part, 'uptime') }))
    .sort((a, b) => (a.number === b.number ? a.i - b.i : a.number - b.number));
  const back = (order: typeof spans) => {
    let times = 0;
    order.forEach((p, i) => {
      const { from, to } = p;
      if (i > 0 && from !== undefined && from < (order[i - 1]!.to ?? from) - lateSeconds) times += 1;
      if (from !== undefined && to !== undefined && to < from) times += 1;
    });
    return times;
  };
  const byTime = [...spans].sort((a, b) => (a.from ?? 0) - (b.from ?? 0) || a.i - b.i);
  if (back(byTime) === 0) return { parts: byTime.map((p) => p.part), problems: [] };

  const numbered = spans.filter((p) => p.number < Number.POSITIVE_INFINITY);
  const current = spans.slice(numbered.length);
  let best = spans;
  for (let first = 1; first < numbered.length; first += 1) {
    const order = [...numbered.slice(first), ...numbered.slice(0, first), ...current];
    if (back(order) < back(best)) best = order;
  }
  const files = best.map((p) => p.part.file);
  return {
    parts: best.map((p) => p.part),
    problems: [
      {
        file: files[0]!,
        line: 0,
        column: 0,
        path: '',
        found: `the JVM started anew between parts that tell no date: taken in the order ${files.join(', ')}`,
        mend: 'log with the decorator time, or give the parts of each start by themselves',
        severity: 'warning',
      },
    ],
  };
}

/** First and last time that a part tells on one of the clocks. */
function spanOf(part: GcLogPart, clock: keyof Clocks): { from: number | undefined; to: number | undefined } {
  let from: number | undefined;
  let to: number | undefined;
  const timeOf = (line: string) => {
    const close = line.charCodeAt(0) === 91 && line.length <= longestLine ? line.indexOf('] ') : -1;
    return close < 0 ? undefined : clocksOf(line.slice(1, close))[clock];
  };
  for (let at = 0; at < part.head.length && from === undefined; ) {
    const end = part.head.indexOf('\n', at);
    from = timeOf(part.head.slice(at, end < 0 ? undefined : end));
    if (end < 0) break;
    at = end + 1;
  }
  for (let end = part.tail.length; end > 0 && to === undefined; ) {
    const begin = part.tail.lastIndexOf('\n', end - 1);
    to = timeOf(part.tail.slice(begin + 1, end));
    end = begin;
  }
  return { from, to };
}
