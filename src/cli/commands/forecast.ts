import { join } from 'node:path';
import {
  type ForecastRequest,
  factorsAt,
  forecastAnswer,
  type Probe,
  parseGrowth,
  pointAt,
  probe,
} from '../../experiment/forecast.ts';
import { runsForVerdict } from '../../experiment/plan.ts';
import { playShown, scenarioName } from '../../experiment/run.ts';
import { onTop } from '../../experiment/variations.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { digest, mayHoldResult } from '../files.ts';
import {
  headOf,
  manyRunsOptions,
  onlyFile,
  openGiven,
  orUsage,
  playPoints,
  runsOf,
  writeAnswer,
} from '../points.ts';
import { type Command, version } from '../verbs.ts';

const monthMicros = 30.436875 * 86_400e6;

export const forecast: Command = {
  usage: 'SCENARIO --growth SHARE/PERIOD',
  question: 'When does it give out, how much is left, what does a month cost?',
  examples: [
    'rehearse forecast scenarios/planning/disks-fill.yaml --growth 30%..50%/quarter',
    'rehearse forecast scenarios/reference-day/rolling-restart.yaml --growth 40%/quarter --months 12',
    'rehearse forecast scenarios/planning/records-grow.yaml --growth 5%/month --of timeline.monthly.records',
  ],
  options: {
    growth: { says: 'how the load grows: 40%/quarter, or a range, 30%..50%/quarter', type: 'string' },
    months: { says: 'how far ahead, in months (24)', type: 'string' },
    of: {
      says: 'settings that grow, by their paths, in place of what all topics take in (workload.scale)',
      type: 'list',
    },
    'partition-growth': { says: 'how the number of partitions grows, as --growth', type: 'string' },
    replications: { says: 'runs at each load; by default what the shares in holdsIn need', type: 'string' },
    ...manyRunsOptions,
  },
  run: async (given) => {
    const file = onlyFile(given, 'forecast', 'SCENARIO --growth 40%/quarter');
    const text = given.text('growth');
    if (text === undefined)
      throw new UsageError('how does the load grow?\n  mend: add --growth, as in --growth 40%/quarter');
    const growth = orUsage(() => parseGrowth(text));
    const partitionText = given.text('partition-growth');
    const partitions = partitionText === undefined ? null : orUsage(() => parseGrowth(partitionText));
    const months = given.count('months') ?? 24;
    if (months < 1 || months > 240) throw new UsageError(`--months ${months}\n  mend: write 1 to 240`);
    const { scenario, root } = openGiven(file, given);
    const folder = given.text('out') ?? join(root, 'out', `${scenarioName(scenario.file)}.forecast`);
    mayHoldResult(folder);
    const paths = given.list('of').length > 0 ? given.list('of') : ['workload.scale'];
    const shown = playShown(scenario, {
      version,
      digest,
      sampled: false,
      ...(given.text('seed') === undefined ? {} : { seed: given.text('seed')! }),
    });
    if (paths.includes('workload.scale') && shown.built.models.kafka === undefined)
      throw new UsageError(
        'the scenario has no topics whose load could grow\n  mend: name what grows, as in --of timeline.monthly.records',
      );
    const request: ForecastRequest = {
      growth,
      partitions,
      horizonMicros: Math.round(months * monthMicros),
      paths,
      runs: runsOf(given, runsForVerdict(scenario, shown.draws)),
    };
    const factors = orUsage(() => factorsAt(scenario, request));
    orUsage(() => onTop(scenario, factors, pointAt(scenario, request, 1)));
    const steps = probe(scenario, request);
    let step = steps.next();
    while (step.done !== true) {
      const loads = step.value;
      const rows = await playPoints(
        scenario,
        factors,
        orUsage(() => loads.map((f) => pointAt(scenario, request, f))),
        0,
        request.runs,
        given,
        folder,
      );
      step = steps.next(loads.map((factor, i): Probe => ({ factor, rows: rows[i]! })));
    }
    const answer = forecastAnswer(shown, headOf(scenario, given), request, step.value);
    const command = ['forecast', scenario.file, '--growth', text, '--months', String(months)];
    await writeAnswer(answer, command, folder, given);
    return answer.verdict === 'pass' ? exitCode.yes : exitCode.no;
  },
};
