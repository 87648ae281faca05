import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { exitCode, UsageError } from '../exitCodes.ts';
import { rootOf } from '../files.ts';
import type { Command } from '../verbs.ts';

const isTest = (name: string) => /\.(test|spec)\.[cm]?[jt]s$/.test(name);

/** The program of the user's own vitest. @throws UsageError when it is not installed */
function vitestOf(root: string): string {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('vitest/package.json');
    return join(dirname(manifest), 'vitest.mjs');
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
    const root = rootOf(join(resolve(folder), 'x'));
    const ran = spawnSync(process.execPath, [vitestOf(root), 'run', '--root', root, resolve(folder)], {
      stdio: 'inherit',
    });
    return ran.status === 0 ? exitCode.yes : ran.signal === null ? exitCode.no : exitCode.interrupted;
  },
};
