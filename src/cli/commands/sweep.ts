import { join } from 'node:path';
import { scenarioName } from '../../experiment/run.ts';
import { parseDesign, pointsOf, sweepAnswer } from '../../experiment/sweep.ts';
import { CannotVary, factorsOf, parseFactor } from '../../experiment/variations.ts';
import { exitCode } from '../exitCodes.ts';
import { mayHoldResult } from '../files.ts';
import { jobManifest } from '../manifest.ts';
import {
  checkFactors,
  headOf,
  manyRunsOptions,
  measureNamed,
  onlyFile,
  openGiven,
  orUsage,
  playPoints,
  playShard,
  pointBatches,
  runsOf,
  writeAnswer,
} from '../points.ts';
import { sourceOf } from '../pool.ts';
import { type ShardPlan, shardOf } from '../shards.ts';
import { type Command, version } from '../verbs.ts';

export const sweep: Command = {
  usage: 'SCENARIO [--vary PATH=VALUE,VALUE...]',
  question: 'How does it go at each of these settings?',
  examples: [
    'rehearse sweep scenarios/planning/oom-chance.yaml --replications 50',
    'rehearse sweep scenarios/what-if/bases/night.yaml --vary kubernetes.workloads.analytics-batch-processor.template.containers.analytics-processor.resources.limits.memory=8GiB,8.3GiB,9GiB,10GiB,12GiB',
    'rehearse sweep scenarios/reference-day/ca-rotation.yaml --vary mesh.agents.grace=2h,6h,12h mesh.staging.pace=0.2/s..1/s:5 --replications 20',
    'rehearse sweep scenarios/planning/oom-limit.yaml --vary batch.programs.order-aggregation.memoryNoise=1%..15% --design sobol:16',
    'rehearse sweep scenarios/planning/throttle-and-latency.yaml --of "the reassignment takes 15 min at most" "producers wait 20 ms at most in 99 of 100 requests"',
    'rehearse sweep scenarios/reference-day/ca-rotation.yaml --vary mesh.istiod.replicas=1,2,3 --of "longest swap"',
  ],
  options: {
    vary: {
      says: 'settings by their path, list entries by id or name, and the values that each takes: PATH=V,V or PATH=LOW..HIGH:N; several give every combination',
      type: 'list',
    },
    design: {
      says: 'points that fill the ranges in place of every combination: sobol:64 or latin-hypercube:50',
      type: 'string',
    },
    replications: { says: 'runs at each point, with the same seeds at all (1)', type: 'string' },
    of: {
      says: 'the measures to draw, two of them also against each other; by default the share of runs in which each expectation holds that does not hold everywhere',
      type: 'list',
    },
    shard: {
      says: 'play one part of all, such as 3/16, and write it for merge; env/16 takes the number from JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID',
      type: 'string',
    },
    manifest: { says: 'print what plays all shards: kubernetes, an indexed Job', type: 'string' },
    shards: { says: 'into how many parts the manifest cuts the work (16)', type: 'string' },
    image: {
      says: 'image of the manifest (node:24), in which rehearse and the scenario are found',
      type: 'string',
    },
    ...manyRunsOptions,
  },
  run: async (given) => {
    const file = onlyFile(given, 'sweep', 'SCENARIO --vary PATH=VALUE,VALUE');
    const { scenario, root } = openGiven(file, given);
    const of = given.list('of').map((name) => measureNamed(scenario, name)!);
    const designText = given.text('design');
    const seed = given.text('seed') ?? scenario.seed;
    const { factors, points, design } = orUsage(() => {
      const asked = given.list('vary');
      const parsed = asked.length > 0 ? asked.map(parseFactor) : factorsOf(scenario);
      if (parsed.length === 0)
        throw new CannotVary(
          'nothing is turned',
          'add --vary PATH=VALUE,VALUE, such as --vary mesh.agents.grace=2h,12h, or vary: to the scenario',
        );
      const wanted = designText === undefined ? undefined : parseDesign(designText);
      return { factors: parsed, points: pointsOf(parsed, wanted, seed), design: wanted };
    });
    const folder = given.text('out') ?? join(root, 'out', `${scenarioName(scenario.file)}.sweep`);
    if (given.text('shard') === undefined && given.text('manifest') === undefined) mayHoldResult(folder);
    checkFactors(scenario, factors, given.list('rules'));
    const runs = runsOf(given, 1);
    const vary = factors.map((f) => `${f.path}=${f.values.map(String).join(',')}`);
    const manifest = given.text('manifest');
    if (manifest !== undefined) {
      process.stdout.write(jobManifest(manifest, given, scenario.file, vary, runs));
      return exitCode.yes;
    }
    const shard = shardOf(given.text('shard'), process.env);
    if (shard !== undefined) {
      const work = pointBatches(scenario, factors, points, 0, runs, given).flat();
      const plan: ShardPlan = {
        verb: 'sweep',
        version,
        source: sourceOf(scenario, given.list('rules')),
        seed,
        runs,
        vary,
        of,
        ...(designText === undefined ? {} : { design: designText }),
      };
      return playShard(plan, work, shard, given, folder);
    }
    const rows = await playPoints(scenario, factors, points, 0, runs, given, folder);
    const answer = sweepAnswer(scenario, headOf(scenario, given), factors, points, rows, of, design);
    const command = [
      'sweep',
      scenario.file,
      ...vary,
      ...(designText === undefined ? [] : ['--design', designText]),
    ];
    await writeAnswer(answer, command, folder, given);
    return exitCode.yes;
  },
};
