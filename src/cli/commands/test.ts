import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { exitCode, UsageError } from '../exitCodes.ts';
import { rootOf } from '../files.ts';
import type { Command } from '../verbs.ts';

/** Of the team's own: what its packages bring is theirs. */
const isTest = (path: string) =>
  /\.(test|spec)\.[cm]?[jt]s$/.test(path) && !path.split(sep).includes('node_modules');

/** The program of the user's own vitest. @throws UsageError when it is not installed */
function vitestOf(root: string): string {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('vitest/package.json');
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { vitest: string } };
    return join(dirname(manifest), bin.vitest);
  } catch {
    throw new UsageError(
      `vitest is not installed in ${root}\n  mend: npm install --save-dev vitest fast-check`,
    );
  }
}

export const testVerb: Command = {
  usage: '[FOLDER]',
  question: 'Does everything hold that we say of our platform?',
  examples: ['rehearse test', 'rehearse test laws'],
  options: {},
  run: (given) => {
    const [folder = 'laws', ...more] = given.files;
    if (more.length > 0) throw new UsageError('test takes one folder\n  mend: rehearse test laws');
    if (!existsSync(folder) || !statSync(folder).isDirectory())
      throw new UsageError(
        `there is no folder ${folder}\n  mend: name one with tests, or begin with rehearse init`,
      );
    const tests = readdirSync(folder, { recursive: true }).map(String).filter(isTest);
    if (tests.length === 0)
      throw new UsageError(
        `${folder} holds no tests\n  mend: add one named like platform.test.js, or begin with rehearse init`,
      );
    // Links are followed: vitest names its files without them.
    const real = realpathSync(folder);
    const root = rootOf(join(real, 'x'));
    const ran = spawnSync(process.execPath, [vitestOf(root), 'run', '--root', root, `${real}${sep}`], {
      cwd: root,
      stdio: 'inherit',
    });
    if (ran.status === exitCode.interrupted || ran.signal !== null) return exitCode.interrupted;
    if (ran.error !== undefined) throw ran.error;
    return ran.status === 0 ? exitCode.yes : exitCode.no;
  },
};
