import { inverseNormal } from '../../engine/distributions.ts';
import type { Simulation } from '../../engine/simulation.ts';
import { type PlannedPhase, type Program, planPhases } from './program.ts';

/** What all phases and attempts of one run share, as standard normals. */
export interface RunNoise {
  readonly memory: number;
  readonly duration: number;
}

function draw(sim: Simulation, job: string, sigma: number, purpose: string): number {
  return sigma === 0 ? 0 : inverseNormal(sim.stream(`job/${job}`, purpose)());
}

export function noiseOfRun(sim: Simulation, job: string, { memorySigma, durationSigma }: Program): RunNoise {
  return {
    memory: draw(sim, job, memorySigma, 'memory'),
    duration: draw(sim, job, durationSigma, 'duration'),
  };
}

/** The phases of the next attempt of a run: what its phases share, and what each has of its own. */
export function drawPhases(
  sim: Simulation,
  job: string,
  program: Program,
  records: number,
  run: RunNoise,
): readonly PlannedPhase[] {
  const shared = Math.sqrt(program.correlation);
  const own = Math.sqrt(1 - program.correlation);
  return planPhases(program, records, (i) => ({
    memory: shared * run.memory + own * draw(sim, job, program.memorySigma, `memory of phase ${i}`),
    duration: shared * run.duration + own * draw(sim, job, program.durationSigma, `duration of phase ${i}`),
  }));
}
