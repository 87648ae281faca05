import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { gunzipSync } from 'node:zlib';
import { type GcLog, GcLogReader, orderGcLogParts } from '../formats/gcLog.ts';
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

/**
 * A reader below a root that also knows files given on the command line, wherever they lie: by their path below the root, else by their name.
 * @throws UsageError for one that does not exist
 */
export function withFiles(
  files: readonly string[],
  root: string,
): { readonly names: readonly string[]; readonly reader: ReadText } {
  const below = readerBelow(root);
  const given = new Map<string, string>();
  for (const file of files) {
    if (!existsSync(file) || !statSync(file).isFile())
      throw new UsageError(`there is no file ${file}\n  mend: correct the path`);
    const path = relative(root, realpathSync(file)).split(sep).join('/');
    given.set(path.startsWith('..') ? basename(file) : path, realpathSync(file));
  }
  return {
    names: [...given.keys()],
    reader: (path) => {
      const full = given.get(path);
      return full === undefined ? below(path) : readerBelow(dirname(full))(basename(full));
    },
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

/** Bytes that are read at once from a file of any size. */
const chunkBytes = 16 * 1024;
/** Characters of one line that are kept: a file without line ends must not fill the memory. */
const longestLine = 64 * 1024;

/** Largest packed file that is read, bytes once unpacked: beyond the 100 MB at which Kafka's scripts rotate a GC log. */
const largestPacked = 128 * 1024 * 1024;

/** A file of any size; one that is packed is unpacked whole. */
interface Opened {
  readonly bytes: number;
  /** Fills a buffer from a place in the file. @returns how many bytes there were */
  readonly read: (into: Buffer, at: number) => number;
}

function opened<T>(path: string, use: (file: Opened) => T): T {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    throw new UsageError(`${path} cannot be read\n  mend: name a file`);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new UsageError(`${path} is no file\n  mend: name a file`);
    if (!path.endsWith('.gz'))
      return use({ bytes: stat.size, read: (into, at) => readSync(fd, into, 0, into.length, at) });
    const whole = stat.size > largestPacked ? undefined : unpacked(path, readFileSync(fd));
    if (whole === undefined)
      throw new UsageError(
        `${path} holds more than ${largestPacked / 1_048_576} MiB once unpacked\n  mend: gunzip it, a plain file may have any size`,
      );
    return use({ bytes: whole.length, read: (into, at) => whole.copy(into, 0, at, at + into.length) });
  } finally {
    closeSync(fd);
  }
}

/** @returns undefined when it holds too much */
function unpacked(path: string, bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: largestPacked });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw new UsageError(
      `${path} is not packed as its name says, or is cut off\n  mend: pack it anew with gzip, or take .gz from its name`,
    );
  }
}

/** Longest text that the runtime holds, less what reading it takes, bytes. */
const largestText = 512 * 1024 * 1024;

/** A whole text file that the user named. */
export function readWhole(path: string): string {
  return opened(path, (file) => {
    if (file.bytes > largestText)
      throw new UsageError(
        `${path} holds more than ${largestText / 1_048_576} MiB\n  mend: name a smaller file`,
      );
    const bytes = Buffer.allocUnsafe(file.bytes);
    return bytes.toString('utf8', 0, file.read(bytes, 0));
  });
}

/** Writes a file under another name beside it, then renames it: nobody ever sees half of it. */
export function writeWhole(path: string, text: string): void {
  const made = `${path}.tmp-${process.pid}`;
  try {
    writeFileSync(made, text);
    renameSync(made, path);
  } catch (error) {
    rmSync(made, { force: true });
    throw new UsageError(
      `${path} cannot be written (${(error as { code?: string }).code ?? 'unknown'})\n  mend: name a file in a folder that exists and may be written`,
    );
  }
}

/** Gives a UTF-8 file of any size to `onLine`, line by line, without the line feeds; of a line beyond 64 Ki characters only the beginning. */
export function readLines(path: string, onLine: (line: string) => void): void {
  opened(path, (file) => {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for (let at = 0; ; ) {
      const bytes = file.read(chunk, at);
      at += bytes;
      const text = bytes === 0 ? decoder.end() : decoder.write(chunk.subarray(0, bytes));
      let from = 0;
      let to = text.indexOf('\n');
      if (to >= 0 && rest !== '') {
        onLine(rest + text.slice(0, to));
        rest = '';
        from = to + 1;
        to = text.indexOf('\n', from);
      }
      for (; to >= 0; to = text.indexOf('\n', from)) {
        onLine(text.slice(from, to));
        from = to + 1;
      }
      rest = (rest + text.slice(from)).slice(0, longestLine);
      if (bytes === 0) break;
    }
    if (rest !== '') onLine(rest);
  });
}

/** The beginning of a file of any size: enough to show the lines that are told of. */
export function beginningOf(path: string): string {
  const bytes = Buffer.alloc(1_048_576);
  return opened(path, (file) => bytes.toString('utf8', 0, file.read(bytes, 0)));
}

/** A GC log of any size, in one file or in the parts that rotation left, in any order; the two functions hand over what is read. */
export function readGcLogFiles(
  paths: readonly string[],
  onCollection?: ConstructorParameters<typeof GcLogReader>[1],
  onPhase?: ConstructorParameters<typeof GcLogReader>[2],
): GcLog {
  const piece = (file: Opened, at: number) => {
    const bytes = Buffer.alloc(chunkBytes);
    return bytes.toString('utf8', 0, file.read(bytes, at));
  };
  const mistakes: string[] = [];
  const parts = paths.flatMap((path) => {
    try {
      return opened(path, (file) => ({
        path,
        // The number of a part stands at the end of its name: gc.log.3.gz is part 3.
        file: path.replace(/\.gz$/, ''),
        head: piece(file, 0),
        tail: piece(file, Math.max(0, file.bytes - chunkBytes)),
      }));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      mistakes.push(error.message);
      return [];
    }
  });
  if (mistakes.length > 0) throw new UsageError(mistakes.join('\n'));
  const ordered = orderGcLogParts(parts);
  const reader = new GcLogReader(paths[0] ?? '', onCollection, onPhase);
  for (const { path } of ordered.parts) {
    reader.part(path);
    readLines(path, (line) => reader.line(line));
  }
  const log = reader.end();
  const named = ordered.problems.map((p) => ({
    ...p,
    file: parts.find(({ file }) => file === p.file)?.path ?? p.file,
  }));
  return { ...log, problems: [...named, ...log.problems] };
}

/** @throws UsageError for a folder that a result may not replace: it exists, and is none */
export function mayHoldResult(folder: string): void {
  const target = resolve(folder);
  if (!existsSync(target)) return;
  const entries = statSync(target).isDirectory() ? readdirSync(target) : undefined;
  if (entries === undefined || (entries.length > 0 && !entries.includes('manifest.json')))
    throw new UsageError(`${folder} exists and holds no result\n  mend: name another folder with --out`);
}

/**
 * Writes a result folder: everything into a temporary folder beside it, then renamed, so that nobody ever sees half a result.
 * An existing folder is replaced only when it is a result. While nothing is being written an interruption ends the process at once;
 * one that comes during the writing waits for its end.
 */
export function writeResult(folder: string, files: ReadonlyMap<string, string | Uint8Array>): void {
  mayHoldResult(folder);
  const target = resolve(folder);
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
