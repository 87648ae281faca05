import { expect, test } from 'vitest';
import { oomChances } from '../../src/evidence/oomChance.ts';
import { build } from '../../src/scenario/build.ts';
import { type BatchSettings, jobsOf } from '../../src/scenario/parts/batch.ts';
import { scenarioOf } from '../support/files.ts';

const GiB = 1024 ** 3;

/** The night alone with a limit and a noise. */
function night(limit: string, noise: string) {
  const text = `rehearse: 1
extends: scenarios/what-if/bases/night.yaml
batch: { programs: [{ name: order-aggregation, memoryNoise: ${noise} }] }
kubernetes:
  workloads:
    - name: analytics-batch-processor
      template: { containers: [{ name: analytics-processor, resources: { limits: { memory: ${limit} } } }] }
`;
  return scenarioOf('night-with-noise.yaml', { 'night-with-noise.yaml': text });
}

test('a chance of being killed counts exactly the replications whose first attempt is killed', () => {
  let killed = 0;
  let survived = 0;
  for (const [limit, noise] of [
    [8, 0.05],
    [8.3, 0.1],
    [9, 0.15],
  ] as const) {
    const scenario = night(`${limit}Gi`, `${noise * 100}%`);
    const [job] = jobsOf(scenario.settings(() => 0.5).batch as BatchSettings);
    const runs = 20;
    let played = 0;
    for (let replication = 0; replication < runs; replication += 1) {
      const built = build(scenario, { seed: scenario.seed, replication });
      built.sim.run(built.until);
      // A run that survives its first attempt is done; only one that does not has a second.
      if (built.sim.gauges.get('rehearse:job_runs_killed_total')!.get(0) > 0) played += 1;
    }
    const [counted] = oomChances(job!, 2_100_000, noise, [limit * GiB], runs, scenario.seed);
    expect(counted!.killed, `${limit} GiB at ${noise}`).toBe(played);
    expect(counted!.interval[0]).toBeLessThanOrEqual(played / runs);
    killed += played;
    survived += runs - played;
  }
  expect([killed > 10, survived > 10]).toEqual([true, true]);
});
