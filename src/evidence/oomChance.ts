import { Simulation } from '../engine/simulation.ts';
import { wilsonInterval } from '../experiment/statistics.ts';
import type { JobSpec } from '../models/batch/jobs.ts';
import { drawPhases, noiseOfRun } from '../models/batch/noise.ts';
import { peakOf } from '../models/batch/program.ts';

/** How often a first attempt is above a limit. */
export interface OomChance {
  readonly limitBytes: number;
  readonly killed: number;
  readonly runs: number;
  /** Wilson's 95 % interval of the chance. */
  readonly interval: readonly [number, number];
}

/**
 * The chance that the first attempt of a job's run is killed at its container's limit, for several limits over the same runs: drawn by the job's own model from
 * the streams that a played run has, whose replications these are.
 */
export function oomChances(
  job: JobSpec,
  records: number,
  memorySigma: number,
  limits: readonly number[],
  runs: number,
  seed: string,
): OomChance[] {
  const program = { ...job.program, memorySigma };
  const peaks = Array.from({ length: runs }, (_, replication) => {
    const sim = new Simulation({ seed, replication });
    return peakOf(drawPhases(sim, job.name, program, records, noiseOfRun(sim, job.name, program)));
  });
  return limits.map((limitBytes) => {
    const killed = peaks.filter((peak) => peak > limitBytes).length;
    return { limitBytes, killed, runs, interval: wilsonInterval(killed, runs) };
  });
}
