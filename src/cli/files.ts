import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ReadText } from '../formats/problem.ts';
import { exitCode, UsageError } from './exitCodes.ts';

/** Largest file that is read, bytes: more is refused before it is loaded. */
const largestFile = 16 * 1024 * 1024;

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The nearest folder above a file that holds package.json or .git: nothing outside it is read. */
export function rootOf(file: string): string {
  for (let folder = dirname(resolve(file)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || existsSync(join(folder, '.git')))
      return realpathSync(folder);
    if (dirname(folder) === folder) return realpathSync(dirname(resolve(file)));
  }
}

/** Reads files below a root, links that lead out of it excluded; `.gz` is unpacked. A file that is too large reads as too long a text would. */
export function readerBelow(root: string): ReadText {
  return (path) => {
    const full = join(root, path);
    try {
      const real = realpathSync(full);
      if (real !== root && !real.startsWith(root + sep)) return undefined;
      const stat = statSync(real);
      if (!stat.isFile()) return undefined;
      if (stat.size > largestFile) return ' '.repeat(largestFile / 2);
      const bytes = readFileSync(real);
      return (path.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: largestFile }) : bytes).toString();
    } catch {
      return undefined;
    }
  };
}

/** A scenario file as the user named it: its root, and its path below that with forward slashes. */
export function locate(file: string): { readonly root: string; readonly path: string } {
  if (!existsSync(file))
    throw new UsageError(
      `there is no file ${file}\n  mend: name a scenario file, such as scenarios/reference-day/rolling-restart.yaml`,
    );
  const root = rootOf(file);
  const path = relative(root, realpathSync(file)).split(sep).join('/');
  if (path.startsWith('..'))
    throw new UsageError(`${file} lies outside ${root}\n  mend: name a file inside the project`);
  return { root, path };
}

/**
 * Writes a result folder: everything into a temporary folder beside it, then renamed, so that nobody ever sees half a result.
 * An existing folder is replaced only when it is a result. While nothing is being written an interruption ends the process at once;
 * one that comes during the writing waits for its end.
 */
export function writeResult(folder: string, files: ReadonlyMap<string, string | Uint8Array>): void {
  const target = resolve(folder);
  if (existsSync(target)) {
    const entries = statSync(target).isDirectory() ? readdirSync(target) : undefined;
    if (entries === undefined || (entries.length > 0 && !entries.includes('manifest.json'))) {
      throw new UsageError(`${folder} exists and holds no result\n  mend: name another folder with --out`);
    }
  }
  const made = `${target}.tmp-${process.pid}`;
  const old = `${target}.old-${process.pid}`;
  const interrupted = () => process.exit(exitCode.interrupted);
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  try {
    for (const [path, content] of files) {
      const full = join(made, path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content);
    }
    if (existsSync(target)) renameSync(target, old);
    renameSync(made, target);
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(made, { recursive: true, force: true });
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}
