import { join } from 'node:path';
import { BoundReached, BrokenInvariant } from '../../engine/simulation.ts';
import { CannotTry, type FaultOptions, tryFaults } from '../../experiment/faults.ts';
import type { Before, Result } from '../../experiment/result.ts';
import { playShown, type RunOptions, resultOf, runScenario, scenarioName } from '../../experiment/run.ts';
import { nearest } from '../../formats/nearest.ts';
import type { ReadText } from '../../formats/problem.ts';
import { formatQuantity, parseQuantity } from '../../formats/quantity.ts';
import { faultKinds } from '../../scenario/faultVariants.ts';
import { baseOf } from '../../scenario/files.ts';
import type { Scenario } from '../../scenario/load.ts';
import { openScenario } from '../../scenario/open.ts';
import { renderProblems } from '../../scenario/problems.ts';
import { tellConflicts } from '../conflicts.ts';
import { drawnOptions, mayAnnotate, tellDrawn, tellResult, wantedIn } from '../drawn.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { digest, locate, mayHoldResult, withFiles, writeResult } from '../files.ts';
import { playShard, runsOf } from '../points.ts';
import { batches, playBatches, sourceOf, workersOf } from '../pool.ts';
import { progress } from '../progress.ts';
import { extendedFrom, replicated, replicationPlan } from '../replicate.ts';
import { beforeIn } from '../savedResult.ts';
import { shardOf } from '../shards.ts';
import { type Command, type Given, version } from '../verbs.ts';

/** What `--faults`, `--at` and `--for` ask for; undefined when no fault is to be tried. */
function faultOptions(given: Given, scenario: Scenario): FaultOptions | undefined {
  const [faults, at, lasts] = [given.text('faults'), given.text('at'), given.text('for')];
  if (faults === undefined) {
    for (const [flag, value] of [
      ['at', at],
      ['for', lasts],
    ]) {
      if (value !== undefined)
        throw new UsageError(
          `--${flag} says nothing without --faults\n  mend: add --faults ${faultKinds.join(',')}, or leave --${flag} out`,
        );
    }
    return undefined;
  }
  const kinds = faults === 'all' ? faultKinds : [...new Set(faults.split(',').map((kind) => kind.trim()))];
  const unknown = kinds.find((kind) => !faultKinds.includes(kind));
  if (unknown !== undefined) {
    const near = nearest(unknown, faultKinds);
    throw new UsageError(
      `--faults: there is no kind of fault ${unknown || 'without a name'}\n  mend: ${near === undefined ? '' : `write ${near}; `}the kinds are ${faultKinds.join(', ')}, and all`,
    );
  }
  let length: number | undefined;
  if (lasts !== undefined) {
    const parsed = parseQuantity(lasts, 'duration');
    if (!parsed.ok || parsed.value < 1)
      throw new UsageError(
        `--for ${lasts}: ${parsed.ok ? 'a fault lasts longer than nothing' : parsed.found}\n  mend: write a duration such as --for 10m`,
      );
    length = parsed.value;
  }
  const more = length === undefined ? {} : { lasts: length };
  if (at === undefined || at === 'each-step') return { kinds, ...more };
  const moments = at.split(',').map((one) => {
    const text = one.trim();
    const parsed = parseQuantity(text.replace(/^\+/, ''), 'duration');
    if (!text.startsWith('+') || !parsed.ok)
      throw new UsageError(
        `--at: ${text || 'nothing'} is no offset from the start of the period\n  mend: write --at each-step, or offsets such as --at +10m,+20m`,
      );
    if (parsed.value >= scenario.length)
      throw new UsageError(
        `--at: ${text} lies beyond the period\n  mend: write offsets below +${formatQuantity(scenario.length, 'duration')}`,
      );
    return parsed.value;
  });
  return { kinds, at: moments, ...more };
}

/**
 * What a what-if changes, without the change: the scenario that it extends, played once.
 * @returns undefined for a scenario that shows nothing, or extends none that can be played by itself
 */
function playedBefore(
  scenario: Scenario,
  texts: ReadonlyMap<string, string>,
  reader: ReadText,
  rules: readonly string[],
  options: RunOptions,
): Before | undefined {
  const base =
    scenario.shows === undefined ? undefined : baseOf(scenario.file, texts.get(scenario.file) ?? '');
  const loaded = base === undefined ? undefined : openScenario(base, reader, rules);
  if (loaded?.scenario === undefined) return undefined;
  const { onProgress: _, ...quiet } = options;
  return runScenario(loaded.scenario, { ...quiet, seeds: 1 });
}

type Shows = ReturnType<typeof progress> | undefined;

/** The run that is shown, and on threads the replications behind it: as many as are asked for, or as the intervals of observed facts need. */
async function played(scenario: Scenario, given: Given, options: RunOptions, show: Shows): Promise<Result> {
  const shown = playShown(scenario, options);
  const plan = replicationPlan(given, scenario);
  const folder = given.text('extend');
  if (folder !== undefined && plan === undefined)
    throw new UsageError('--extend adds runs, and no number is given\n  mend: add --replications N');
  if (plan !== undefined)
    return replicated(
      shown,
      plan,
      given,
      show,
      folder === undefined ? undefined : await extendedFrom(folder, shown),
    );
  const source = sourceOf(scenario, given.list('rules'));
  const work = batches(source, shown.seed, shown.first + 1, shown.first + shown.wanted, {
    everything: false,
  });
  let done = 0;
  const rows = await playBatches(work, {
    workers: workersOf(given.count('workers')),
    onPlayed: (some) => {
      done += some.length;
      show?.tell(done / shown.wanted, 0);
    },
  });
  return resultOf(
    shown,
    rows.flatMap((r) => r ?? []),
  );
}

export const run: Command = {
  usage: 'SCENARIO',
  question: 'What happens if I do this?',
  examples: [
    'rehearse run scenarios/reference-day/rolling-restart.yaml',
    'rehearse run scenarios/what-if/min-isr-3.yaml --out out/try --seed 7',
    'rehearse run scenarios/reference-day/rolling-restart.yaml --json | jq .verdict',
    'rehearse run scenarios/reference-day/rolling-restart.yaml --replications 200 --workers 2',
    'rehearse run scenarios/reference-day/rolling-restart.yaml --replications 400 --extend out/reference-day/rolling-restart',
    'rehearse run scenarios/planning/rotation-inputs.yaml --inputs 30 --replications 10',
    'rehearse run scenarios/reference-day/rolling-restart.yaml --precision 1% --of "ISR recovery of broker 1"',
    'rehearse run scenarios/reference-day/rolling-restart.yaml --faults broker,node,zone,controller',
    'rehearse run scenarios/reference-day/rolling-restart.yaml --faults all --at +6m,+20m --for 30m',
    'rehearse run scenarios/reference-day/rolling-restart.yaml --junit --annotations',
    'rehearse run scenarios/reference-day/rolling-restart.yaml --rules test/recordings/strimzi/kafka-rules.yaml',
  ],
  options: {
    seed: { says: 'another seed than the scenario names', type: 'string' },
    seeds: {
      says: 'seeds behind the intervals of observed facts (100; 1 for the one run alone)',
      type: 'string',
    },
    replications: {
      says: 'play so many runs that differ by chance, and show every measure, risk and expectation with its intervals',
      type: 'string',
    },
    inputs: {
      says: 'draw the uncertain inputs so often, each with --replications runs: tells chance apart from what is not known',
      type: 'string',
    },
    precision: {
      says: 'play runs until the mean of --of is known to this, such as 5%: looks at 30 runs, and again at twice as many',
      type: 'string',
    },
    of: {
      says: 'the measure that --precision is about: a risk, an observed fact or an expectation',
      type: 'string',
    },
    workers: {
      says: 'threads that play runs (as many as there are cores); changes no byte of the result',
      type: 'string',
    },
    extend: {
      says: 'a result folder whose runs, finished or interrupted, are added to; every further look makes its verdicts more careful',
      type: 'string',
    },
    shard: {
      says: 'play one part of --replications, such as 3/16, and write it for merge; env/16 takes the number from JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID',
      type: 'string',
    },
    faults: {
      says: `try every single fault of these kinds during the change: all, or of ${faultKinds.join(',')}; the verdict stays that of the run without`,
      type: 'string',
    },
    at: {
      says: 'where faults are tried: each-step (the default), or offsets such as +10m,+20m',
      type: 'string',
    },
    for: {
      says: 'how long each tried fault lasts; by default 10m where it needs a length, else until what it struck has started again',
      type: 'string',
    },
    rules: {
      says: 'rule files of Prometheus, or PrometheusRule resources, as they are: which alerts fire, and what to silence',
      type: 'list',
    },
    out: { says: 'the folder of the result', type: 'string' },
    json: { says: 'print summary.json and nothing else', type: 'boolean' },
    quiet: { says: 'print the verdict only', type: 'boolean' },
    ...drawnOptions,
    against: {
      says: 'the folder of a result to compare with; without it, a scenario with shows: is compared with the one that it extends',
      type: 'string',
    },
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
    const { names, reader } = withFiles(given.list('rules'), root);
    const loaded = openScenario(path, reader, names);
    if (loaded.scenario === undefined) {
      process.stderr.write(
        `${renderProblems(loaded.problems, loaded.texts)}\n\n${path}: ${loaded.problems.length} ${loaded.problems.length === 1 ? 'problem' : 'problems'}, nothing was played\n`,
      );
      return exitCode.usage;
    }
    const { scenario } = loaded;
    if (!given.flag('quiet')) tellConflicts(loaded.warnings, loaded.texts);
    const tried = faultOptions(given, scenario);
    const shard = shardOf(given.text('shard'), process.env);
    if (shard !== undefined) {
      const runs = given.count('replications');
      if (runs === undefined || tried !== undefined || given.count('inputs') !== undefined)
        throw new UsageError(
          '--shard is a part of --replications\n  mend: add --replications N, and leave --faults and --inputs out',
        );
      const source = sourceOf(scenario, given.list('rules'));
      const seed = given.text('seed') ?? scenario.seed;
      const plan = {
        verb: 'run' as const,
        version,
        source,
        seed,
        runs: runsOf(given, runs),
        vary: [],
        of: [],
      };
      const work = batches(source, seed, 0, runs, { everything: true, fans: true });
      return playShard(
        plan,
        work,
        shard,
        given,
        given.text('out') ?? join(root, 'out', `${scenarioName(scenario.file)}.shards`),
      );
    }
    const folder = given.text('out') ?? join(root, 'out', scenarioName(scenario.file));
    // Before minutes are spent on what could not be written.
    mayHoldResult(folder);
    mayAnnotate(given);
    const against = given.text('against');
    // Read before minutes are spent on what cannot be compared.
    const saidBefore = against === undefined ? undefined : await beforeIn(against);
    const show = given.flag('quiet') || given.flag('json') ? undefined : progress(scenario.title);
    const options = {
      version,
      digest,
      verify: given.flag('verify'),
      seeds: given.count('seeds') ?? 100,
      ...(given.text('seed') === undefined ? {} : { seed: given.text('seed')! }),
      ...(show === undefined ? {} : { onProgress: show.tell }),
    };
    let result: Result;
    try {
      result = await played(scenario, given, options, show);
      if (tried !== undefined) {
        const faults = tryFaults(scenario, result, {
          ...tried,
          ...(show === undefined ? {} : { onProgress: (fraction) => show.tell(fraction, 0) }),
        });
        result = { ...result, faults };
      }
      const before = saidBefore ?? playedBefore(scenario, loaded.texts, reader, names, options);
      if (before !== undefined) result = { ...result, before };
    } catch (error) {
      if (error instanceof CannotTry) throw new UsageError(`${error.message}\n  mend: ${error.mend}`);
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
    writeResult(folder, await reportFiles(result, wantedIn(given, [])));
    if (given.flag('json')) process.stdout.write(summaryJson(result));
    else await tellResult(given, result, folder);
    tellDrawn(given, result, root);
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
    if (result.replications?.interrupted === true) return exitCode.interrupted;
    return result.verdict === 'pass'
      ? exitCode.yes
      : result.verdict === 'fail'
        ? exitCode.no
        : exitCode.inconclusive;
  },
};
