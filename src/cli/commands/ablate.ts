import { join } from 'node:path';
import {
  type AblatedRow,
  ablationAnswer,
  measured,
  measuresNamed,
  type Removable,
  removableNamed,
  removables,
  without,
} from '../../experiment/ablation.ts';
import { scenarioName } from '../../experiment/run.ts';
import { catalogue } from '../../scenario/build.ts';
import { exitCode } from '../exitCodes.ts';
import { mayHoldResult } from '../files.ts';
import { headOf, manyRunsOptions, onlyFile, openGiven, orUsage, writeAnswer } from '../points.ts';
import { progress } from '../progress.ts';
import type { Command } from '../verbs.ts';

const { workers: _, rules: __, ...options } = manyRunsOptions;

export const ablate: Command = {
  usage: 'SCENARIO [--of MEASURE...] [--without NAME...]',
  question: 'What does each change and each system move?',
  examples: [
    'rehearse ablate scenarios/reference-day/full-day.yaml',
    'rehearse ablate scenarios/reference-day/full-day.yaml --without restart --of worstLag --of "max(max_over_time(rehearse:connect_source_lag_rows[24h]))"',
  ],
  options: {
    of: {
      says: 'a measure: a risk by its name, or PromQL over the run at its end (all risks)',
      type: 'list',
    },
    without: {
      says: 'a change, an entry of the timeline, a part of the platform, or a setting as PATH=VALUE (each change, entry and part one at a time, and all changes and entries together)',
      type: 'list',
    },
    ...options,
  },
  run: async (given) => {
    const { scenario, root } = openGiven(onlyFile(given, 'ablate', 'SCENARIO'), given);
    const folder = given.text('out') ?? join(root, 'out', `${scenarioName(scenario.file)}.ablation`);
    mayHoldResult(folder);
    const named = given.list('of').length > 0 ? given.list('of') : catalogue.risks.map((r) => r.name);
    const measures = orUsage(() => measuresNamed(named));
    const single = orUsage(() =>
      given.list('without').length > 0
        ? given.list('without').map((name) => removableNamed(scenario, name))
        : removables(scenario),
    );
    const all = single.filter((r) => r.kind === 'change' || r.kind === 'entry');
    const sets: readonly (readonly [string, string, readonly Removable[]])[] = [
      ['nothing', '-', []],
      ...single.map((r) => [r.name, r.kind, [r]] as const),
      ...(all.length > 1 ? [['all of them', 'changes and entries', all] as const] : []),
    ];
    const seed = given.text('seed') ?? scenario.seed;
    const show = given.flag('json') ? undefined : progress(scenario.title);
    const rows = sets.map(([removed, kind, some], i): AblatedRow => {
      show?.tell(i / sets.length, 0);
      const rest = without(scenario, some);
      if (typeof rest === 'string') return { removed, kind, values: [], refused: rest, fingerprint: '' };
      return { removed, kind, refused: null, ...measured(rest, measures, seed) };
    });
    show?.end();
    const command = ['ablate', scenario.file, ...given.list('of').flatMap((m) => ['--of', m])];
    await writeAnswer(
      ablationAnswer(scenario, headOf(scenario, given), measures, rows),
      command,
      folder,
      given,
    );
    return exitCode.yes;
  },
};
