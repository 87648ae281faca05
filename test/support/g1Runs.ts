import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { readCosts } from '../../src/evidence/gcFit.ts';
import { type AllocatorProgram, programDefaults } from '../../src/evidence/gcModel.ts';
import { type Figure, type ScoredFigures, scored, spread } from '../../src/evidence/gcScore.ts';
import { gcFigures } from '../../src/formats/gcFigures.ts';
import { readGcLog } from '../../src/formats/gcLog.ts';
import type { G1Costs } from '../../src/models/jvm/costs.ts';
import type { G1Flags } from '../../src/models/jvm/flags.ts';
import { reader, root } from './files.ts';

/** A run of OpenJDK 17.0.15 on two shared CPUs for 45 s: see test/recordings/g1/README.md. */
export interface G1Run {
  readonly name: string;
  readonly says: string;
  readonly flags: Partial<G1Flags> & Pick<G1Flags, 'heapBytes' | 'cpus'>;
  readonly program: AllocatorProgram;
  /** Recording below test/recordings/g1, where there is one; else its figures as they were noted. */
  readonly log?: string;
  readonly noted: readonly [
    interval: number,
    p50: number,
    p99: number,
    max: number,
    normal: number,
    concurrentStart: number,
    prepareMixed: number,
    mixed: number,
    full: number,
    toSpaceExhausted: number,
    preventive: number,
  ];
  /** Whether its log was used to fit the costs. */
  readonly fitted?: true;
}

const gibibyte = 1_073_741_824;
const base = { heapBytes: gibibyte, cpus: 2 };
const program = (over: Partial<AllocatorProgram>): AllocatorProgram => ({
  ...programDefaults,
  rate: 400,
  live: 200,
  ...over,
});

export const runs: readonly G1Run[] = [
  {
    name: 'a',
    says: 'base',
    flags: base,
    program: program({}),
    log: 'a-base',
    fitted: true,
    noted: [1.12, 31, 63, 70, 45, 1, 1, 3, 0, 0, 0],
  },
  {
    name: 't',
    says: 'base again',
    flags: base,
    program: program({}),
    noted: [1.11, 35, 66, 68, 44, 1, 1, 3, 0, 0, 0],
  },
  {
    name: 'v',
    says: 'base again, noisy host',
    flags: base,
    program: program({}),
    noted: [1.12, 50, 100, 102, 45, 1, 1, 3, 0, 0, 0],
  },
  {
    name: 'b',
    says: 'goal 50 ms',
    flags: { ...base, pauseGoalMillis: 50 },
    program: program({}),
    noted: [0.78, 32, 112, 124, 63, 1, 1, 6, 0, 0, 0],
  },
  {
    name: 'c',
    says: 'goal 20 ms',
    flags: { ...base, pauseGoalMillis: 20 },
    program: program({}),
    log: 'c-target20',
    fitted: true,
    noted: [0.37, 18, 46, 59, 118, 2, 2, 16, 0, 0, 0],
  },
  {
    name: 'd',
    says: 'goal 10 ms',
    flags: { ...base, pauseGoalMillis: 10 },
    program: program({}),
    noted: [0.19, 10.7, 25, 34, 207, 4, 4, 32, 0, 0, 0],
  },
  {
    name: 'e',
    says: 'half the rate',
    flags: base,
    program: program({ rate: 200 }),
    noted: [2.78, 47, 84, 86, 25, 0, 0, 0, 0, 0, 0],
  },
  {
    name: 'f',
    says: 'twice the rate',
    flags: base,
    program: program({ rate: 800 }),
    log: 'f-rate800',
    noted: [0.49, 55, 120, 141, 86, 3, 3, 9, 0, 0, 0],
  },
  {
    name: 's',
    says: 'heap 512 MiB',
    flags: { ...base, heapBytes: gibibyte / 2 },
    program: program({}),
    log: 's-heap512',
    noted: [0.29, 17, 49, 87, 38, 37, 37, 45, 0, 0, 0],
  },
  {
    name: 'g',
    says: 'heap 2 GiB',
    flags: { ...base, heapBytes: 2 * gibibyte },
    program: program({}),
    log: 'g-heap2',
    noted: [1.44, 50, 209, 217, 32, 0, 0, 0, 0, 0, 0],
  },
  {
    name: 'u',
    says: 'heap 2 GiB again',
    flags: { ...base, heapBytes: 2 * gibibyte },
    program: program({}),
    noted: [2.53, 85, 185, 200, 28, 0, 0, 0, 0, 0, 0],
  },
  {
    name: 'h',
    says: 'live 400 MB',
    flags: base,
    program: program({ live: 400 }),
    log: 'h-live400',
    noted: [0.7, 34, 94, 94, 25, 16, 16, 18, 0, 0, 0],
  },
  {
    name: 'i',
    says: 'live 550 MB',
    flags: base,
    program: program({ live: 550 }),
    noted: [0.47, 48, 142, 152, 41, 23, 21, 24, 0, 0, 0],
  },
  {
    name: 'j',
    says: 'live 550 MB, reserve 20 %',
    flags: { ...base, reservePercent: 20 },
    program: program({ live: 550 }),
    noted: [0.31, 34, 133, 165, 68, 29, 29, 31, 0, 0, 0],
  },
  {
    name: 'n',
    says: 'live 550 MB, two concurrent threads',
    flags: { ...base, concurrentThreads: 2 },
    program: program({ live: 550 }),
    noted: [0.47, 36, 213, 252, 34, 24, 23, 27, 0, 0, 0],
  },
  {
    name: 'k',
    says: 'live 700 MB, old 5 %',
    flags: base,
    program: program({ live: 700, old: 0.05 }),
    noted: [0.18, 27, 142, 197, 205, 23, 16, 25, 4, 16, 60],
  },
  {
    name: 'l',
    says: 'humongous arrays, regions of 1 MiB',
    flags: base,
    program: program({ rate: 300, hum: 60, humKB: 1024 }),
    log: 'l-hum',
    noted: [0.61, 26, 179, 303, 21, 58, 0, 0, 0, 0, 9],
  },
  {
    name: 'm',
    says: 'the same arrays, regions of 4 MiB',
    flags: { ...base, regionBytes: 4 * 1_048_576 },
    program: program({ rate: 300, hum: 60, humKB: 1024 }),
    noted: [1.11, 47, 176, 183, 45, 1, 1, 3, 0, 0, 0],
  },
  {
    name: 'o',
    says: 'one parallel thread',
    flags: { ...base, parallelThreads: 1 },
    program: program({}),
    noted: [1.1, 60, 149, 178, 47, 1, 1, 3, 0, 0, 0],
  },
  {
    name: 'p',
    says: 'mid 30 % for 500 ms',
    flags: base,
    program: program({ mid: 0.3, midMs: 500 }),
    noted: [0.72, 46, 208, 344, 42, 11, 10, 12, 0, 0, 0],
  },
  {
    name: 'q',
    says: 'the same, goal 20 ms',
    flags: { ...base, pauseGoalMillis: 20 },
    program: program({ mid: 0.3, midMs: 500 }),
    log: 'q-mid30-t20',
    noted: [0.24, 19, 36, 46, 136, 14, 14, 40, 0, 0, 0],
  },
  {
    name: 'r',
    says: 'as a broker: goal 20 ms, IHOP 35 %, regions of 16 MiB',
    flags: {
      ...base,
      heapBytes: 2 * gibibyte,
      pauseGoalMillis: 20,
      ihopPercent: 35,
      regionBytes: 16 * 1_048_576,
    },
    program: program({ rate: 200, live: 300, mid: 0.05, old: 0.01 }),
    log: 'r-kafka20',
    noted: [1.89, 11, 35, 39, 33, 0, 0, 0, 0, 0, 0],
  },
];

export function recording(name: string): string {
  return gunzipSync(readFileSync(`${root}test/recordings/g1/${name}.log.gz`)).toString();
}

const known = new Map<string, ScoredFigures>();

/** Figures of a run: of its log where there is one. */
export function recorded(run: G1Run): ScoredFigures {
  const figures = known.get(run.name) ?? figuresOf(run);
  known.set(run.name, figures);
  return figures;
}

function figuresOf(run: G1Run): ScoredFigures {
  if (run.log !== undefined) return scored(gcFigures(readGcLog(recording(run.log), run.log)));
  const [
    interval,
    p50,
    p99,
    max,
    normal,
    concurrentStart,
    prepareMixed,
    mixed,
    full,
    toSpaceExhausted,
    preventive,
  ] = run.noted;
  return {
    interval,
    p50,
    // 40 s of pauses after the warm-up.
    p99: 40 / interval >= 100 ? p99 : undefined,
    max,
    normal,
    concurrentStart,
    prepareMixed,
    mixed,
    full,
    toSpaceExhausted,
    preventive,
  };
}

/** Runs that repeat one another on the same machine: what a figure's value is worth. */
function repeats(run: string): readonly string[] {
  return run === 'g' || run === 'u' ? ['g', 'u'] : ['a', 't', 'v'];
}

/** How far the repeated runs lie apart in a figure. */
export function spreadOf(run: string, figure: Figure): number {
  return spread(
    repeats(run).flatMap((name) => {
      const value = recorded(runs.find((r) => r.name === name)!)[figure];
      return value === undefined ? [] : [value];
    }),
  );
}

/** The costs that the fit wrote. */
export const fittedCosts = (): G1Costs => readCosts('models/fitted/g1.yaml', reader());
