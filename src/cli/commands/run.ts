import { join, relative } from 'node:path';
import { BoundReached, BrokenInvariant } from '../../engine/simulation.ts';
import { runScenario, scenarioName } from '../../experiment/run.ts';
import { openScenario } from '../../scenario/open.ts';
import { renderProblems } from '../../scenario/problems.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { digest, locate, readerBelow, writeResult } from '../files.ts';
import { progress } from '../progress.ts';
import { type Command, version } from '../verbs.ts';

export const run: Command = {
  usage: 'SCENARIO',
  question: 'What happens if I do this?',
  examples: [
    'rehearse run scenarios/reference-day/rolling-restart.yaml',
    'rehearse run scenarios/what-if/min-isr-3.yaml --out out/try --seed 7',
    'rehearse run scenarios/reference-day/rolling-restart.yaml --json | jq .verdict',
  ],
  options: {
    seed: { says: 'another seed than the scenario names', type: 'string' },
    seeds: {
      says: 'seeds behind the intervals of observed facts (100; 1 for the one run alone)',
      type: 'string',
    },
    out: { says: 'the folder of the result', type: 'string' },
    json: { says: 'print summary.json and nothing else', type: 'boolean' },
    quiet: { says: 'print the verdict only', type: 'boolean' },
    'no-color': { says: 'no colours, as with NO_COLOR', type: 'boolean' },
    verify: { says: 'check every invariant after every instant', type: 'boolean' },
    'shuffle-ties': {
      says: 'run events of one instant in a drawn order, and tell which measures moved',
      type: 'boolean',
    },
  },
  run: async (given) => {
    const [file, ...more] = given.files;
    if (file === undefined || more.length > 0)
      throw new UsageError(
        'run plays one scenario\n  mend: rehearse run scenarios/reference-day/rolling-restart.yaml',
      );
    const { root, path } = locate(file);
    const loaded = openScenario(path, readerBelow(root));
    if (loaded.scenario === undefined) {
      process.stderr.write(
        `${renderProblems(loaded.problems, loaded.texts)}\n\n${path}: ${loaded.problems.length} ${loaded.problems.length === 1 ? 'problem' : 'problems'}, nothing was played\n`,
      );
      return exitCode.usage;
    }
    const { scenario } = loaded;
    const folder = given.text('out') ?? join(root, 'out', scenarioName(scenario.file));
    const show = given.flag('quiet') || given.flag('json') ? undefined : progress(scenario.title);
    const options = {
      version,
      digest,
      verify: given.flag('verify'),
      seeds: given.count('seeds') ?? 100,
      ...(given.text('seed') === undefined ? {} : { seed: given.text('seed')! }),
      ...(show === undefined ? {} : { onProgress: show.tell }),
    };
    let result: ReturnType<typeof runScenario>;
    try {
      result = runScenario(scenario, options);
    } catch (error) {
      if (error instanceof BrokenInvariant || error instanceof BoundReached) {
        const event = error instanceof BrokenInvariant ? ` --until ${error.event}` : '';
        Object.assign(error, {
          replay: `npx rehearse replay ${path} --seed ${options.seed ?? scenario.seed}${event}`,
        });
      }
      throw error;
    } finally {
      show?.end();
    }
    const { reportFiles, summaryJson } = await import('../../report/files.ts');
    writeResult(folder, await reportFiles(result));
    if (given.flag('json')) process.stdout.write(summaryJson(result));
    else {
      const { terminalText } = await import('../../report/text.ts');
      const colours =
        process.stdout.isTTY === true && process.env.NO_COLOR === undefined && !given.flag('no-color');
      process.stdout.write(
        terminalText(result, {
          colours,
          quiet: given.flag('quiet'),
          folder: relative(process.cwd(), folder) || '.',
        }),
      );
    }
    if (given.flag('shuffle-ties')) {
      const other = runScenario(scenario, { ...options, seeds: 1, shuffleTies: true });
      const moved = other.measures.filter((m, i) => m.value !== result.measures[i]?.value);
      process.stderr.write(
        moved.length === 0
          ? 'no measure depends on the order of ties\n'
          : `${moved.length} measures depend on the order of ties:\n${moved
              .slice(0, 40)
              .map((m) => `  ${m.name}${JSON.stringify(m.labels)}`)
              .join('\n')}\n`,
      );
    }
    return result.verdict === 'pass'
      ? exitCode.yes
      : result.verdict === 'fail'
        ? exitCode.no
        : exitCode.inconclusive;
  },
};
