import { relative } from 'node:path';
import { summarise } from '../../experiment/replicated.ts';
import { playShown, resultOf, scenarioName } from '../../experiment/run.ts';
import { parseDesign, pointsOf, sweepAnswer } from '../../experiment/sweep.ts';
import { parseFactor } from '../../experiment/variations.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { digest, mayHoldResult, writeResult } from '../files.ts';
import { batchSize } from '../pool.ts';
import { withReplications } from '../replicate.ts';
import { readShards } from '../shards.ts';
import { type Command, version } from '../verbs.ts';
import { openSource } from '../worker.ts';

export const merge: Command = {
  usage: 'FOLDER... --out FOLDER',
  question: 'What do the shards that were played elsewhere say together?',
  examples: [
    'rehearse run scenarios/reference-day/ca-rotation.yaml --replications 400 --shard 1/4 --out out/shards',
    'rehearse merge out/shards --out out/ca-rotation-400',
  ],
  options: {
    out: { says: 'the folder of the result; by default beside the first shards', type: 'string' },
    json: { says: 'print summary.json, or answer.json of a sweep, and nothing else', type: 'boolean' },
  },
  run: async (given) => {
    if (given.files.length === 0)
      throw new UsageError('merge takes folders with shards\n  mend: rehearse merge out/shards');
    const { plan, rows } = readShards(given.files);
    if (plan.version !== version)
      throw new UsageError(
        `the shards were played by version ${plan.version}, and this is ${version}\n  mend: merge them by the version that played them`,
      );
    const scenario = openSource(plan.source);
    const folder = given.text('out') ?? `${given.files[0]!.replace(/\/+$/, '')}.merged`;
    mayHoldResult(folder);
    const shownFolder = relative(process.cwd(), folder) || '.';
    if (plan.verb === 'sweep') {
      const factors = plan.vary.map(parseFactor);
      const design = plan.design === undefined ? undefined : parseDesign(plan.design);
      const points = pointsOf(factors, design, plan.seed);
      const perPoint = Math.ceil(plan.runs / batchSize);
      const byPoint = points.map((_, i) => rows.slice(i * perPoint, (i + 1) * perPoint).flat());
      const head = { scenario: scenarioName(scenario.file), seed: plan.seed, version };
      const answer = sweepAnswer(scenario, head, factors, points, byPoint, plan.of, design);
      const { answerFiles, answerText } = await import('../../report/answer.ts');
      const files = await answerFiles(answer, [
        'sweep',
        scenario.file,
        ...plan.vary,
        ...(plan.design === undefined ? [] : ['--design', plan.design]),
      ]);
      writeResult(folder, files);
      process.stdout.write(
        given.flag('json') ? (files.get('answer.json') as string) : answerText(answer, shownFolder),
      );
      return exitCode.yes;
    }
    const shown = playShown(scenario, { version, digest, seed: plan.seed });
    const all = rows.flat();
    const result = withReplications(
      resultOf(shown, all.slice(1)),
      summarise(shown.scenario, all, 1, false, shown.draws),
    );
    const { reportFiles, summaryJson } = await import('../../report/files.ts');
    writeResult(folder, await reportFiles(result));
    if (given.flag('json')) process.stdout.write(summaryJson(result));
    else {
      const { terminalText } = await import('../../report/text.ts');
      process.stdout.write(terminalText(result, { colours: false, quiet: false, folder: shownFolder }));
    }
    return result.verdict === 'pass'
      ? exitCode.yes
      : result.verdict === 'fail'
        ? exitCode.no
        : exitCode.inconclusive;
  },
};
