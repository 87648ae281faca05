import { join } from 'node:path';
import { findDrivers, inputsOf, runsOfDrivers, sensitivityAnswer } from '../../experiment/drivers.ts';
import { measuresOf } from '../../experiment/replicated.ts';
import { scenarioName } from '../../experiment/run.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { mayHoldResult } from '../files.ts';
import {
  headOf,
  manyRunsOptions,
  measureNamed,
  onlyFile,
  openGiven,
  playAll,
  writeAnswer,
} from '../points.ts';
import { sourceOf } from '../pool.ts';
import type { Command } from '../verbs.ts';

export const sensitivity: Command = {
  usage: 'SCENARIO --of MEASURE',
  question: 'Which input drives the result?',
  examples: [
    'rehearse sensitivity scenarios/planning/rotation-inputs.yaml --of "longest swap"',
    'rehearse sensitivity scenarios/reference-day/ca-rotation.yaml --of "rolled at 10:40" --points 64',
  ],
  options: {
    of: { says: 'the measure: a risk, an observed fact or an expectation', type: 'string' },
    points: {
      says: 'points of each design, a power of two (32): a question takes points x (inputs + 2) runs',
      type: 'string',
    },
    ...manyRunsOptions,
  },
  run: async (given) => {
    const file = onlyFile(given, 'sensitivity', 'SCENARIO --of MEASURE');
    const { scenario, root } = openGiven(file, given);
    const of = measureNamed(scenario, given.text('of'));
    if (of === undefined)
      throw new UsageError(
        `what is to be driven?\n  mend: add --of with one of ${measuresOf(scenario)
          .slice(0, 12)
          .map((m) => m.name)
          .join(', ')}`,
      );
    const points = given.count('points') ?? 32;
    if (points < 2 || points > 65_536 || (points & (points - 1)) !== 0)
      throw new UsageError(`--points ${points} is no power of two\n  mend: write 32, 64, 128 and so on`);
    const folder = given.text('out') ?? join(root, 'out', `${scenarioName(scenario.file)}.sensitivity`);
    mayHoldResult(folder);
    const inputs = inputsOf(scenario);
    if (!given.flag('json'))
      process.stderr.write(
        `${runsOfDrivers(inputs.length, points)} runs over ${inputs.length} inputs: ${inputs.slice(0, 20).join(', ')}\n`,
      );
    const measure = measuresOf(scenario).find((m) => m.name === of)!;
    const source = sourceOf(scenario, given.list('rules'));
    const seed = given.text('seed') ?? scenario.seed;
    const steps = findDrivers(scenario, seed, points);
    let step = steps.next();
    while (step.done !== true) {
      const work = step.value.map(({ fixed, replication }) => ({
        source,
        seed,
        fixed,
        from: replication,
        to: replication + 1,
        asked: { everything: true },
      }));
      const rows = await playAll(work, given, scenario.title, folder);
      step = steps.next(rows.map(([row]) => measure.read(row!)));
    }
    const answer = sensitivityAnswer(scenario, headOf(scenario, given), measure, step.value);
    await writeAnswer(answer, ['sensitivity', scenario.file, '--of', of], folder, given);
    return exitCode.yes;
  },
};
