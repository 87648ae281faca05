import { relative } from 'node:path';
import { causesOf } from '../../experiment/ablation.ts';
import { explainAnswer, explain as explained, targetOf } from '../../experiment/explain.ts';
import { playShown } from '../../experiment/run.ts';
import { catalogue } from '../../scenario/build.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { digest, mayHoldResult } from '../files.ts';
import { headOf, manyRunsOptions, orUsage, writeAnswer } from '../points.ts';
import { type Command, version } from '../verbs.ts';
import { kept } from './replay.ts';

const { workers: _, rules: __, seed: ___, ...options } = manyRunsOptions;

export const explain: Command = {
  usage: 'RESULT|SCENARIO MEASURE|ALERT|EXPECTATION|TIME',
  question: 'Why did it happen?',
  examples: [
    'rehearse explain out/reference-day/rolling-restart worstLag',
    'rehearse explain scenarios/reference-day/full-day.yaml HighMemoryPressure',
    'rehearse explain scenarios/what-if/no-wait.yaml "no producer is turned away"',
    'rehearse explain out/what-if/crash "Produce latency p99 by broker"',
    'rehearse explain out/reference-day/rolling-restart +12m --without restart',
  ],
  options: {
    without: {
      says: 'an entry of the timeline that is taken out (each that comes before, one at a time)',
      type: 'list',
    },
    ...options,
  },
  run: async (given) => {
    const [where, what, ...more] = given.files;
    if (where === undefined || what === undefined || more.length > 0)
      throw new UsageError(
        'explain takes a result or a scenario, and what is to be explained\n  mend: rehearse explain out/reference-day/rolling-restart worstLag',
      );
    const { scenario, seed, replication, fingerprint } = kept(where, undefined, undefined);
    const all = causesOf(scenario);
    const only = given.list('without').map((name) => {
      const found = all.find((c) => c.name === name);
      if (found === undefined)
        throw new UsageError(
          `--without: there is no ${name}\n  mend: name one of ${all.map((c) => c.name).join(', ')}`,
        );
      return found;
    });
    const place = (relative(process.cwd(), where) || '.')
      .replace(/\.ya?ml$/, '')
      .replace(/^scenarios\b/, 'out');
    const folder = given.text('out') ?? `${place}.explained`;
    mayHoldResult(folder);
    const shown = playShown(scenario, { version, digest, seed, replication, sampled: false });
    const alerts = [...new Set((shown.built.alerts()?.rules ?? []).map((r) => r.rule))];
    const target = orUsage(() => targetOf(scenario, what, alerts));
    const e = explained(scenario, target, seed, replication, only);
    if (fingerprint !== undefined && e.fingerprint !== fingerprint)
      throw new UsageError(
        `the result has fingerprint ${fingerprint}, its replay ${e.fingerprint}: another version played it, or its files were changed\n  mend: run the scenario again`,
      );
    const { sentence } = await import('../../report/words.ts');
    const words = (kind: string, subject: string, detail: string) =>
      sentence(catalogue.events.find((k) => k.name === kind)?.says ?? kind, subject, detail);
    await writeAnswer(
      explainAnswer(scenario, { ...headOf(scenario, given), seed }, e, words),
      ['explain', where, what],
      folder,
      given,
    );
    return exitCode.yes;
  },
};
