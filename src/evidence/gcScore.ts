import { median, quantile } from '../experiment/statistics.ts';
import { type GcFigures, gcFigures } from '../formats/gcFigures.ts';
import type { G1Costs } from '../models/jvm/costs.ts';
import type { G1Flags } from '../models/jvm/flags.ts';
import { type AllocatorProgram, playProgram } from './gcModel.ts';

/** The figures that a recorded run is compared by; undefined where it does not tell one. */
export interface ScoredFigures {
  readonly interval?: number | undefined;
  readonly p50?: number | undefined;
  readonly p90?: number | undefined;
  readonly p99?: number | undefined;
  readonly max?: number | undefined;
  readonly normal: number;
  readonly concurrentStart: number;
  readonly prepareMixed: number;
  readonly mixed: number;
  readonly full: number;
  readonly toSpaceExhausted: number;
  readonly preventive: number;
}
export type Figure = keyof ScoredFigures;

/** Relative bands: counts and intervals are the collector's logic, quantiles carry the machine's noise. */
export const bands: Readonly<Record<Figure, number>> = {
  interval: 0.1,
  p50: 0.2,
  p90: 0.3,
  p99: 0.4,
  max: 0.4,
  normal: 0.1,
  concurrentStart: 0.1,
  prepareMixed: 0.1,
  mixed: 0.1,
  full: 0.1,
  toSpaceExhausted: 0.1,
  preventive: 0.1,
};

export function scored(f: GcFigures): ScoredFigures {
  const { normal, concurrentStart, prepareMixed, mixed, full, toSpaceExhausted, preventive } = f.counts;
  return {
    interval: f.intervalSeconds,
    p50: f.pauseMillisP50,
    p90: f.pauseMillisP90,
    // Of fewer than a hundred pauses the largest stands for it.
    p99: f.pauses >= 100 ? f.pauseMillisP99 : undefined,
    max: f.pauseMillisMax,
    normal,
    concurrentStart,
    prepareMixed,
    mixed,
    full,
    toSpaceExhausted,
    preventive,
  };
}

export interface Prediction {
  readonly median: number;
  /** 5 % and 95 % quantile over the seeds. */
  readonly interval: readonly [number, number];
}

/** Median and 90 % interval of each figure over so many seeds. */
export function predictRun(
  flags: Partial<G1Flags> & Pick<G1Flags, 'heapBytes' | 'cpus'>,
  costs: G1Costs,
  program: AllocatorProgram,
  seconds: number,
  seeds: number,
): Readonly<Record<Figure, Prediction>> {
  const values = new Map<Figure, number[]>();
  for (let seed = 0; seed < seeds; seed += 1) {
    const figures = gcFigures(playProgram(flags, costs, program, { seed: `${seed}`, seconds }));
    const all: ScoredFigures = { ...scored(figures), p99: figures.pauseMillisP99 };
    for (const [name, value] of Object.entries(all) as [Figure, number | undefined][]) {
      if (value === undefined) continue;
      const list = values.get(name);
      if (list === undefined) values.set(name, [value]);
      else list.push(value);
    }
  }
  const prediction = (list: readonly number[]): Prediction => ({
    median: median(list),
    interval: [quantile(list, 0.05), quantile(list, 0.95)],
  });
  return Object.fromEntries(
    (Object.keys(bands) as Figure[]).map((name) => [name, prediction(values.get(name) ?? [])]),
  ) as Record<Figure, Prediction>;
}

/** Whether a predicted figure is within a relative band of the recorded one. A count of none is met by none alone. */
export function within(recorded: number, predicted: number, band: number): boolean {
  return recorded === 0 ? predicted === 0 : Math.abs(predicted / recorded - 1) <= band;
}

/** How far repeated runs of the same thing lie apart: largest less smallest, over their median. */
export function spread(values: readonly number[]): number {
  return values.length < 2 ? 0 : (Math.max(...values) - Math.min(...values)) / median(values);
}
