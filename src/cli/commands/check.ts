import { openScenario } from '../../scenario/open.ts';
import { renderProblems } from '../../scenario/problems.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { locate, readerBelow } from '../files.ts';
import type { Command } from '../verbs.ts';

export const check: Command = {
  usage: 'SCENARIO...',
  question: 'Is this scenario complete and consistent?',
  examples: [
    'rehearse check scenarios/reference-day/rolling-restart.yaml',
    'rehearse check scenarios/*/*.yaml',
  ],
  options: { quiet: { says: 'print problems only', type: 'boolean' } },
  run: (given) => {
    if (given.files.length === 0)
      throw new UsageError(
        'check needs a scenario file\n  mend: rehearse check scenarios/reference-day/rolling-restart.yaml',
      );
    let good = true;
    for (const file of given.files) {
      const { root, path } = locate(file);
      const loaded = openScenario(path, readerBelow(root));
      if (loaded.problems.length > 0) {
        good = false;
        process.stderr.write(`${renderProblems(loaded.problems, loaded.texts)}\n\n`);
      }
      if (loaded.warnings.length > 0 && !given.flag('quiet'))
        process.stderr.write(`${renderProblems(loaded.warnings, loaded.texts)}\n\n`);
      if (loaded.problems.length > 0)
        process.stderr.write(
          `${path}: ${loaded.problems.length} ${loaded.problems.length === 1 ? 'problem' : 'problems'}\n`,
        );
      else if (!given.flag('quiet'))
        process.stdout.write(
          `${path}: good${loaded.warnings.length === 0 ? '' : `, ${loaded.warnings.length} to note`}\n`,
        );
    }
    return good ? exitCode.yes : exitCode.usage;
  },
};
