import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { renderProblems } from '../../scenario/problems.ts';
import { drawnOptions, mayAnnotate, tellDrawn, tellResult, wantedIn } from '../drawn.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { rootOf, writeResult } from '../files.ts';
import { beforeIn, filesOf, savedIn } from '../savedResult.ts';
import { type Command, type Given, version } from '../verbs.ts';

/** Every file of a folder by its path in it, with forward slashes. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile())
    .map((path) => path.split(sep).join('/'))
    .sort();
}

/** Draws the answer to a question about many runs: its page, its text and its charts. */
async function redraw(given: Given, folder: string): Promise<number> {
  const others = [...Object.keys(drawnOptions), 'against'].filter(
    (name) => given.flag(name) || given.text(name) !== undefined,
  );
  if (others.length > 0)
    throw new UsageError(
      `${folder} holds the answer to a question about many runs: --${others[0]} is about one\n  mend: leave it out, or name the folder that rehearse run wrote`,
    );
  const { answerText, redrawnAnswer } = await import('../../report/answer.ts');
  const drawn = await redrawnAnswer(filesOf(folder), version);
  if (drawn.answer === undefined) {
    process.stderr.write(`${renderProblems(drawn.problems, drawn.texts)}\n\n${folder}: nothing was drawn\n`);
    return exitCode.usage;
  }
  const kept = filesIn(folder).map((path) => [path, readFileSync(join(folder, path))] as const);
  writeResult(folder, new Map<string, string | Uint8Array>([...kept, ...drawn.files]));
  if (given.flag('json')) process.stdout.write(readFileSync(join(folder, 'answer.json')));
  else process.stdout.write(answerText(drawn.answer, relative(process.cwd(), folder) || '.'));
  return exitCode.yes;
}

export const report: Command = {
  usage: 'RESULT',
  question: 'What does this result look like, drawn again from its files?',
  examples: [
    'rehearse report out/reference-day/rolling-restart',
    'rehearse report out/reference-day/rolling-restart --openmetrics --perfetto --png',
    'rehearse report out/reference-day/rolling-restart --junit --annotations --quiet',
    'rehearse report out/what-if/min-isr-3 --against out/reference-day/rolling-restart',
    'rehearse report out/reference-day/rolling-restart --json | jq .verdict',
    'rehearse report out/planning/oom-chance.sweep',
  ],
  options: {
    ...drawnOptions,
    against: {
      says: 'the folder of a result to compare with: risks and expectations before and after',
      type: 'string',
    },
    json: { says: 'print summary.json and nothing else', type: 'boolean' },
    quiet: { says: 'print the verdict only', type: 'boolean' },
    'no-color': { says: 'no colours, as with NO_COLOR', type: 'boolean' },
  },
  run: async (given) => {
    const [folder, ...more] = given.files;
    if (folder === undefined || more.length > 0)
      throw new UsageError(
        'report draws one result folder\n  mend: rehearse report out/reference-day/rolling-restart',
      );
    if (!existsSync(folder) || !statSync(folder).isDirectory())
      throw new UsageError(`there is no folder ${folder}\n  mend: name the folder that a run wrote`);
    const file = (name: string) => join(folder, name);
    if (existsSync(file('answer.json'))) return redraw(given, folder);
    mayAnnotate(given);
    const saved = await savedIn(folder);
    if (saved.result === undefined) {
      process.stderr.write(
        `${renderProblems(saved.problems, saved.texts)}\n\n${folder}: nothing was drawn\n`,
      );
      return exitCode.usage;
    }
    const against = given.text('against');
    const before = against === undefined ? undefined : await beforeIn(against);
    const result = before === undefined ? saved.result : { ...saved.result, before };
    const { drawnFiles, isDrawn, summaryJson } = await import('../../report/files.ts');
    // What is not drawn stays as it is; a chart that is no longer drawn goes, and what was asked for before is drawn anew.
    const there = filesIn(folder);
    const kept = there.filter((path) => !isDrawn(path));
    const drawn = await drawnFiles(result, wantedIn(given, there));
    writeResult(
      folder,
      new Map([
        ...kept.map((path) => [path, readFileSync(file(path))] as const),
        ...(before === undefined ? [] : [['summary.json', summaryJson(result)] as const]),
        ...drawn,
      ]),
    );
    if (given.flag('json')) process.stdout.write(readFileSync(file('summary.json')));
    else await tellResult(given, result, folder);
    tellDrawn(given, result, rootOf(folder));
    return exitCode.yes;
  },
};
