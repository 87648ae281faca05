import { join } from 'node:path';
import { planAnswer, runsForVerdict, search } from '../../experiment/plan.ts';
import type { ReplicationRow } from '../../experiment/replication.ts';
import { playShown, scenarioName } from '../../experiment/run.ts';
import { judgePoint } from '../../experiment/sweep.ts';
import { CannotVary, factorsOf, grid, parseFactor } from '../../experiment/variations.ts';
import { catalogue } from '../../scenario/build.ts';
import { exitCode } from '../exitCodes.ts';
import { digest, mayHoldResult } from '../files.ts';
import {
  checkFactors,
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

export const plan: Command = {
  usage: 'SCENARIO [--find PATH=LOW..HIGH:N]',
  question: 'Which setting keeps what is expected?',
  examples: [
    'rehearse plan scenarios/planning/oom-limit.yaml --find kubernetes.workloads.analytics-batch-processor.template.containers.analytics-processor.resources.limits.memory=8GiB..12GiB:9',
    'rehearse plan scenarios/planning/double-load.yaml',
    'rehearse plan scenarios/what-if/bases/istiod-down.yaml --find timeline.down.for=1h..20h:20 --reverse',
  ],
  options: {
    find: {
      says: 'the setting by its path and its candidates, as for sweep --vary (those of vary: in the scenario); several are searched together, for the cheapest',
      type: 'list',
    },
    reverse: { says: 'the largest that holds, in place of the smallest', type: 'boolean' },
    replications: {
      says: 'runs for each candidate; by default what the shares in holdsIn need: 381 clean runs for 99 %',
      type: 'string',
    },
    ...manyRunsOptions,
  },
  run: async (given) => {
    const file = onlyFile(given, 'plan', 'SCENARIO [--find PATH=LOW..HIGH:N]');
    const { scenario, root } = openGiven(file, given);
    const factors = orUsage(() => {
      const asked = given.list('find');
      const parsed = asked.length > 0 ? asked.map(parseFactor) : factorsOf(scenario);
      if (parsed.length === 0)
        throw new CannotVary(
          'nothing is to be found',
          'add --find PATH=LOW..HIGH:N, such as --find mesh.agents.grace=1h..23h:23, or vary: to the scenario',
        );
      if (scenario.expect.length === 0)
        throw new CannotVary(
          'the scenario expects nothing, so that everything holds it',
          'add expect: to it',
        );
      grid(parsed);
      return parsed;
    });
    const folder = given.text('out') ?? join(root, 'out', `${scenarioName(scenario.file)}.plan`);
    mayHoldResult(folder);
    checkFactors(scenario, factors, given.list('rules'));
    const shown = playShown(scenario, {
      version,
      digest,
      ...(given.text('seed') === undefined ? {} : { seed: given.text('seed')! }),
    });
    const runs = runsOf(given, runsForVerdict(scenario, shown.draws));
    const request = { factors, reverse: given.flag('reverse'), runs };
    const kept = new Map<string, readonly ReplicationRow[]>();
    const steps = search(request);
    let step = steps.next();
    while (step.done !== true) {
      const { points, from, to } = step.value;
      const rows = await playPoints(scenario, factors, points, from, to, given, folder);
      if (from === 0)
        points.forEach((p, i) => {
          kept.set(JSON.stringify(p), rows[i]!);
        });
      step = steps.next(points.map((p, i) => judgePoint(scenario, p, rows[i]!)));
    }
    const found = step.value;
    const limitOf = (name: string) => catalogue.risks.find((r) => r.name === name)?.limit ?? null;
    const rows = found.played.map((p) => kept.get(JSON.stringify(p.point))!);
    const answer = planAnswer(scenario, headOf(scenario, given), request, found, rows, limitOf);
    await writeAnswer(answer, ['plan', scenario.file, ...given.list('find')], folder, given);
    return found.chosen === null ? exitCode.no : exitCode.yes;
  },
};
