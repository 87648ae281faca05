import { join } from 'node:path';
import { compareAnswer } from '../../experiment/compare.ts';
import { scenarioName } from '../../experiment/run.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { mayHoldResult } from '../files.ts';
import { headOf, manyRunsOptions, openGiven, playScenarios, runsOf, writeAnswer } from '../points.ts';
import type { Command } from '../verbs.ts';

export const compare: Command = {
  usage: 'SCENARIO SCENARIO...',
  question: 'What is different between these, in what is put in and in what comes out?',
  examples: [
    'rehearse compare scenarios/what-if/bases/istiod-down-12h.yaml scenarios/what-if/istiod-down-18h.yaml',
    'rehearse compare scenarios/reference-day/rolling-restart.yaml scenarios/what-if/no-wait.yaml --replications 40',
  ],
  options: {
    replications: { says: 'runs of each, which share their chance (30)', type: 'string' },
    ...manyRunsOptions,
  },
  run: async (given) => {
    if (given.files.length < 2)
      throw new UsageError('compare takes two scenarios or more\n  mend: rehearse compare A.yaml B.yaml');
    const opened = given.files.map((file) => openGiven(file, given));
    const scenarios = opened.map((o) => o.scenario);
    const names = scenarios.map((s) => scenarioName(s.file));
    const twice = names.find((n, i) => names.indexOf(n) !== i);
    if (twice !== undefined)
      throw new UsageError(`${twice} is compared with itself\n  mend: name two different scenarios`);
    const runs = runsOf(given, 30);
    if (runs < 2) throw new UsageError('--replications 1 gives no interval\n  mend: write 2 or more');
    const folder =
      given.text('out') ??
      join(
        opened[0]!.root,
        'out',
        `${names[0]}.against.${names
          .slice(1)
          .map((n) => n.split('/').at(-1))
          .join('.')}`,
      );
    mayHoldResult(folder);
    const rows = await playScenarios(scenarios, runs, given, folder);
    const answer = compareAnswer(scenarios, names, headOf(scenarios[0]!, given), rows);
    await writeAnswer(answer, ['compare', ...scenarios.map((s) => s.file)], folder, given);
    return exitCode.yes;
  },
};
