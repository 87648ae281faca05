import type { Distribution } from '../../engine/distributions.ts';

/**
 * What a batch program needs, as a function of its records. Memory is the whole of its process; a phase goes from where the one before left it to its
 * own peak.
 */
export interface Phase {
  readonly name: string;
  readonly durationFixedMicros: number;
  readonly durationPerRecordMicros: number;
  readonly memoryFixedBytes: number;
  readonly memoryPerRecordBytes: number;
  /** Share of its time for which memory stays where the phase before left it. */
  readonly plateauShare: number;
  /** Share of its time at which the peak is reached, in a straight line from the end of the plateau. */
  readonly peakShare: number;
  /** What is left at its end, as a share of the peak: a temporary copy is given back, and an allocator keeps some of it. */
  readonly residualShare: number;
  /** Work in parts, one after another. */
  readonly chunks: Chunks | undefined;
  /** Cores that it keeps busy. */
  readonly cpuCores: number;
}

export interface Chunks {
  readonly count: number;
  /** Share of what the phase adds to memory that the parts keep until its end; 0: each is written out. */
  readonly keptShare: number;
  readonly durationFactor: number;
}

export interface Program {
  readonly name: string;
  readonly phases: readonly Phase[];
  /** Standard deviations of the logarithms of a run's durations and memory. */
  readonly durationSigma: number;
  readonly memorySigma: number;
  /** Correlation of the phases of one run. */
  readonly correlation: number;
  readonly checkpoint: Checkpoint | undefined;
}

export interface Checkpoint {
  /** After so many records of the whole. */
  readonly everyRecords: number;
  readonly costMicros: number;
  /** To load what was saved, at the start of a run that goes on from there. */
  readonly reloadMicros: number;
  /** Whether one more is written at SIGTERM, where the grace period allows it. */
  readonly onNotice: boolean;
}

/** Records of a run: a number, or drawn anew for each. */
export type Records = Distribution;

/** One phase of one run, with its noise. */
export interface PlannedPhase {
  readonly phase: Phase;
  readonly micros: number;
  readonly peakBytes: number;
}

/** Memory that moves in a straight line for so much work. */
export interface Segment {
  readonly phase: number;
  /** Length at full speed, microseconds. */
  readonly micros: number;
  readonly fromBytes: number;
  readonly toBytes: number;
  /** Whether it makes progress; a checkpoint and a reload do not. */
  readonly does: 'work' | 'checkpoint' | 'reload';
  /** Share of the whole work that is done at its end. */
  readonly doneAfter: number;
}

/**
 * Duration and peak of each phase. `zs` gives the standard normal of a phase (memory, duration); 0 without noise. Lognormal around fixed + per record.
 * Source of the form: linear for loads and merges (pandas, scaling to large datasets; merging), with relative residuals.
 */
export function planPhases(
  program: Program,
  records: number,
  zs: (phase: number) => { readonly memory: number; readonly duration: number },
): readonly PlannedPhase[] {
  let level = 0;
  return program.phases.map((phase, i) => {
    const z = zs(i);
    const memory = phase.memoryFixedBytes + phase.memoryPerRecordBytes * records;
    const whole = memory * Math.exp(program.memorySigma * z.memory);
    const { chunks } = phase;
    // What is there before a chunked phase stays; what it adds is there one part at a time, and as far as parts are kept.
    const added = Math.max(0, whole - level);
    const part = chunks === undefined ? 1 : chunks.keptShare + (1 - chunks.keptShare) / chunks.count;
    const peakBytes = chunks === undefined ? whole : Math.min(whole, level) + added * part;
    level = peakBytes * phase.residualShare;
    const micros =
      (phase.durationFixedMicros + phase.durationPerRecordMicros * records) *
      Math.exp(program.durationSigma * z.duration) *
      (chunks?.durationFactor ?? 1);
    return { phase, micros: Math.max(1, Math.ceil(micros)), peakBytes };
  });
}

/** The largest memory of a run. */
export function peakOf(phases: readonly PlannedPhase[]): number {
  return phases.reduce((most, p) => Math.max(most, p.peakBytes), 0);
}

/**
 * Lines of memory and work, from a share of the whole work that is done already.
 * @param idleBytes what the process holds before its first phase
 */
export function segmentsOf(
  program: Program,
  phases: readonly PlannedPhase[],
  records: number,
  idleBytes: number,
  from = 0,
): readonly Segment[] {
  let total = 0;
  for (const p of phases) total += p.micros;
  const made: Segment[] = [];
  let level = idleBytes;
  let at = 0;
  phases.forEach(({ phase, micros, peakBytes }, i) => {
    const knots: [number, number][] = [
      [0, level],
      [Math.min(phase.plateauShare, phase.peakShare), level],
      [phase.peakShare, peakBytes],
      [1, phase.peakShare < 1 ? peakBytes * phase.residualShare : peakBytes],
    ];
    for (let k = 1; k < knots.length; k += 1) {
      const [x0, y0] = knots[k - 1]!;
      const [x1, y1] = knots[k]!;
      if (x1 <= x0) continue;
      made.push({
        phase: i,
        micros: (x1 - x0) * micros,
        fromBytes: y0,
        toBytes: y1,
        does: 'work',
        doneAfter: (at + x1 * micros) / total,
      });
    }
    level = peakBytes * phase.residualShare;
    at += micros;
  });
  return round(withCheckpoints(program, made, records, from, idleBytes));
}

/** Cuts the lines at checkpoints, and leaves out what is done. */
function withCheckpoints(
  program: Program,
  segments: readonly Segment[],
  records: number,
  from: number,
  idleBytes: number,
): readonly Segment[] {
  const { checkpoint } = program;
  const step = checkpoint === undefined ? Number.POSITIVE_INFINITY : checkpoint.everyRecords / records;
  const made: Segment[] = [];
  let done = 0;
  // Counted in whole steps, so that no rounding makes one twice.
  let next = Math.floor(from / step + 1e-9) + 1;
  for (const s of segments) {
    const before = done;
    const length = s.doneAfter - before;
    const levelAt = (share: number) =>
      length <= 0 ? s.toBytes : s.fromBytes + ((s.toBytes - s.fromBytes) * (share - before)) / length;
    let at = Math.max(before, from);
    done = s.doneAfter;
    if (done <= from) continue;
    const add = (until: number) => {
      if (until <= at) return;
      if (made.length === 0 && from > 0 && checkpoint !== undefined)
        made.push({
          phase: s.phase,
          micros: checkpoint.reloadMicros,
          fromBytes: idleBytes,
          toBytes: levelAt(at),
          does: 'reload',
          doneAfter: from,
        });
      made.push({
        ...s,
        micros: (s.micros * (until - at)) / length,
        fromBytes: levelAt(at),
        toBytes: levelAt(until),
        doneAfter: until,
      });
      at = until;
    };
    while (checkpoint !== undefined && next * step <= done && next * step < 1) {
      add(next * step);
      made.push({
        phase: s.phase,
        micros: checkpoint.costMicros,
        fromBytes: levelAt(at),
        toBytes: levelAt(at),
        does: 'checkpoint',
        doneAfter: at,
      });
      next += 1;
    }
    add(done);
  }
  return made;
}

/** Whole microseconds, none of them empty; what a line is too short for goes to the next one. */
function round(segments: readonly Segment[]): readonly Segment[] {
  let carried = 0;
  const made: Segment[] = [];
  for (const s of segments) {
    const exact = s.micros + carried;
    const micros = Math.round(exact);
    carried = exact - micros;
    if (micros > 0 || s.does === 'checkpoint') made.push({ ...s, micros });
  }
  return made;
}

/**
 * The fewest records with which a run without noise is above so many bytes; Infinity where it never is.
 */
export function fewestRecordsAbove(program: Program, bytes: number): number {
  let fewest = Number.POSITIVE_INFINITY;
  for (const { memoryFixedBytes, memoryPerRecordBytes } of program.phases) {
    if (memoryFixedBytes > bytes) return 0;
    if (memoryPerRecordBytes > 0)
      fewest = Math.min(fewest, Math.floor((bytes - memoryFixedBytes) / memoryPerRecordBytes) + 1);
  }
  return fewest;
}
