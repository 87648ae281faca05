import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { play } from '../../experiment/play.ts';
import type { Result } from '../../experiment/result.ts';
import { parseQuantity } from '../../formats/quantity.ts';
import { build } from '../../scenario/build.ts';
import { loadScenario, type Scenario } from '../../scenario/load.ts';
import { parts } from '../../scenario/parts/index.ts';
import { renderProblems } from '../../scenario/problems.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { locate, readerBelow } from '../files.ts';
import type { Command } from '../verbs.ts';

interface Kept {
  readonly scenario: Scenario;
  readonly seed: string;
  readonly replication: number;
  readonly fingerprint: string | undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a JSON file of a result holds. @throws UsageError where it is cut off or was changed */
function objectIn(path: string): Readonly<Record<string, unknown>> {
  let read: unknown;
  let says = 'is no object';
  try {
    read = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    says = `is not JSON: ${(error as Error).message.replaceAll('\n', ' ')}`;
  }
  if (isObject(read)) return read;
  throw new UsageError(
    `${path} ${says}\n  mend: it was cut off or changed, or another version wrote it: run the scenario again`,
  );
}

/** A scenario file, or a result folder with what was played there. */
export function kept(given: string, seed: string | undefined, replication: number | undefined): Kept {
  const folder = existsSync(given) && statSync(given).isDirectory();
  let manifest: { seed?: string; replication?: number; fingerprint?: string } = {};
  let loaded: ReturnType<typeof loadScenario>;
  if (folder) {
    const [resolved, noted] = [join(given, 'resolved.json'), join(given, 'manifest.json')];
    if (!existsSync(resolved) || !existsSync(noted))
      throw new UsageError(`${given} holds no result\n  mend: name a result folder or a scenario file`);
    manifest = objectIn(noted);
    const { seed: own, replication: number = 0, fingerprint } = manifest;
    const isPlayed = typeof own === 'string' && own !== '' && typeof fingerprint === 'string';
    if (!isPlayed || !Number.isSafeInteger(number) || number < 0)
      throw new UsageError(
        `${noted}:1:1  does not say which run it was: a seed, a replication and a fingerprint\n  mend: another version wrote it, or it was changed: run the scenario again`,
      );
    const { scenario, files } = objectIn(resolved) as Partial<Result['resolved']>;
    if (!isObject(scenario) || !isObject(files))
      throw new UsageError(
        `${resolved}:1:1  holds no scenario with its files\n  mend: another version wrote it, or it was changed: run the scenario again`,
      );
    const { platform: _, extends: __, ...data } = scenario;
    loaded = loadScenario(
      'resolved.json',
      (path) => (path === 'resolved.json' ? JSON.stringify(data) : files[path]),
      parts,
    );
  } else {
    const { root, path } = locate(given);
    loaded = loadScenario(path, readerBelow(root), parts);
  }
  if (loaded.scenario === undefined) throw new UsageError(renderProblems(loaded.problems, loaded.texts));
  return {
    scenario: loaded.scenario,
    seed: seed ?? manifest.seed ?? loaded.scenario.seed,
    replication: replication ?? manifest.replication ?? 0,
    fingerprint: seed === undefined && replication === undefined ? manifest.fingerprint : undefined,
  };
}

export const replay: Command = {
  usage: 'RESULT|SCENARIO [--until EVENT|TIME]',
  question: 'What happened up to this event, bit for bit?',
  examples: [
    'rehearse replay out/reference-day/rolling-restart',
    'rehearse replay out/reference-day/rolling-restart --until 482',
    'rehearse replay out/reference-day/rolling-restart --until +5m2s',
    'rehearse replay scenarios/reference-day/rolling-restart.yaml --replication 17',
  ],
  options: {
    until: { says: 'stop after this event number, or at this time from the start', type: 'string' },
    replication: { says: 'the run of this number, of those that differ by chance', type: 'string' },
    'inputs-of': {
      says: 'the uncertain inputs of the run of this number, as runs of --inputs share them (its own)',
      type: 'string',
    },
    seed: { says: 'another seed than the result was played with', type: 'string' },
    last: { says: 'how many told events to print (10)', type: 'string' },
  },
  run: (given) => {
    const [what, ...more] = given.files;
    if (what === undefined || more.length > 0)
      throw new UsageError(
        'replay takes one result folder or scenario\n  mend: rehearse replay out/reference-day/rolling-restart',
      );
    const { scenario, seed, replication, fingerprint } = kept(
      what,
      given.text('seed'),
      given.count('replication'),
    );
    const until = given.text('until');
    let lastEvent = Number.POSITIVE_INFINITY;
    let time: number | undefined;
    if (until !== undefined) {
      if (/^\d+$/.test(until)) lastEvent = Number(until);
      else {
        const parsed = parseQuantity(until.replace(/^\+/, ''), 'duration');
        if (!parsed.ok)
          throw new UsageError(
            `--until ${until} is neither an event number nor a time\n  mend: write --until 482 or --until +5m2s`,
          );
        time = parsed.value + scenario.warmUp;
      }
    }
    const inputsOf = given.count('inputs-of');
    const built = build(scenario, {
      ...{ seed, replication, keepEvents: true, verify: true },
      ...(inputsOf === undefined ? {} : { inputsOf }),
    });
    const { sim } = built;
    if (until === undefined) play(built, scenario);
    else sim.run(Math.min(time ?? built.until, built.until), lastEvent);
    const shown = sim.told.slice(-(given.count('last') ?? 10));
    for (const t of shown) {
      process.stdout.write(
        `${String(t.event).padStart(9)}  ${((t.time - scenario.warmUp) / 1e6).toFixed(6).padStart(14)} s  ${t.kind}  ${t.subject}  ${t.detail}\n`,
      );
    }
    process.stdout.write(
      `t = ${((sim.now - scenario.warmUp) / 1e6).toFixed(6)} s, event ${sim.eventCount}, seed ${seed}, fingerprint ${sim.fingerprint()}\n`,
    );
    if (until !== undefined || inputsOf !== undefined || fingerprint === undefined) return exitCode.yes;
    if (sim.fingerprint() === fingerprint) {
      process.stdout.write('the fingerprint is that of the result\n');
      return exitCode.yes;
    }
    process.stderr.write(
      `the result has fingerprint ${fingerprint}: it was played by another version, or its files were changed\n`,
    );
    return exitCode.no;
  },
};
