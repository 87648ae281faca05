import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type GcLog, type LoggedCollection, readGcLog } from '../../src/formats/gcLog.ts';
import { root } from './files.ts';
import { numbers } from './mutations.ts';

/** The text of a recording, below test/recordings. */
export function recording(path: string): string {
  const bytes = readFileSync(`${root}test/recordings/${path}`);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

/** The nine logs of JDK 17 whose flags and programs are known. */
export const g1Recordings = readdirSync(`${root}test/recordings/g1`)
  .filter((name) => name.endsWith('.log.gz'))
  .sort();

/** What a log says, without the places where it says so. */
export function told({ stretches, collections, phases }: GcLog): unknown {
  return { stretches, phases, collections: collections.map(({ line, ...c }) => c) };
}

const sources = [
  'g1/l-hum.log.gz',
  'g1/h-live400.log.gz',
  'gcLogs/jdk11.log.gz',
  'gcLogs/jdk21.log.gz',
  'gcLogs/kafka-default-jdk17.log.gz',
];
let pieces: string[] | undefined;

/** Pieces of about 300 lines, one in twelve, that end with a collection. */
function windows(): readonly string[] {
  pieces ??= sources.flatMap((path) => {
    const lines = recording(path).split('\n');
    const found: string[] = [];
    for (let from = 0; from < lines.length; from += 3600) {
      const piece = lines.slice(from, from + 300);
      found.push(piece.slice(0, piece.findLastIndex((line) => line.includes('User=')) + 1).join('\n'));
    }
    return found;
  });
  return pieces;
}

const junk = [
  '\0\0\0\0',
  '\ufffd',
  '99999999999999999999',
  '-1',
  '1e400',
  'NaN',
  '[',
  '] ',
  '(',
  ')',
  'GC(',
  'GC(0) ',
  'M->',
  'ms',
  '0M->0M(0M) 0.000ms',
  'Pause Full (System.gc())',
  '[2025-10-03 16:00:00,123] INFO [GroupCoordinator 1]: Stabilized group a (kafka.coordinator)',
  'Using G1',
  'Using Parallel',
  '\r',
  ' '.repeat(5000),
  '('.repeat(4000),
  ' ('.repeat(1000),
  'Concurrent Mark'.repeat(200),
] as const;

/** A piece of a log in which lines or characters were lost, doubled, moved or replaced. */
export function mutatedGcLog(seed: number): string {
  const draw = numbers(seed);
  const below = (n: number) => Math.min(n - 1, Math.floor(draw() * n));
  let lines = windows()[below(windows().length)]!.split('\n');
  for (let left = 1 + below(8); left > 0; left -= 1) {
    // Most lines are debug phases that say little: prefer those that a collection depends on.
    let i = below(lines.length);
    for (let tries = 0; tries < 20 && !/Pause|regions|Sum|IHOP|User/.test(lines[i] ?? ''); tries += 1)
      i = below(lines.length);
    const line = lines[i] ?? '';
    const at = below(line.length + 1);
    const piece = junk[below(junk.length)]!;
    switch (below(9)) {
      case 0:
        lines.splice(i, 1 + below(60));
        break;
      case 1:
        lines.splice(i, 0, line);
        break;
      case 2: {
        const j = below(lines.length);
        lines[i] = lines[j] ?? '';
        lines[j] = line;
        break;
      }
      case 3:
        lines[i] = line.slice(0, at) + line.slice(at + 1 + below(3));
        break;
      case 4:
        lines[i] = line.slice(0, at) + String.fromCharCode(below(256)) + line.slice(at + below(2));
        break;
      case 5:
        lines[i] = line.slice(0, at) + piece + line.slice(at);
        break;
      case 6:
        lines[i] = line.replace(/\d+(?!.*\d)|\d+/, () => piece);
        break;
      case 7:
        lines = below(6) === 0 ? [...lines.slice(0, i), line.slice(0, at)] : lines;
        break;
      default:
        lines.splice(i, 0, piece);
    }
    if (lines.length === 0) lines = [''];
  }
  return lines.join(draw() < 0.1 ? '\r\n' : '\n');
}

/** @throws Error when a value that was read is no number, or less than nothing */
export function checkCollection(c: LoggedCollection): void {
  for (const [key, value] of Object.entries(c))
    for (const x of typeof value === 'object' ? Object.values(value) : [value])
      if (typeof x === 'number' && !(x >= 0 && x < Number.MAX_SAFE_INTEGER))
        throw new Error(`${key} of GC(${c.number}) is ${x}`);
  if (c.usedMiB[1] > c.usedMiB[2]) throw new Error(`GC(${c.number}) uses more than the heap has`);
  if (!/^(Young \((Normal|Concurrent Start|Prepare Mixed|Mixed)\)|Full|Remark|Cleanup)$/.test(c.type))
    throw new Error(`GC(${c.number}) is of type ${c.type}`);
}

/**
 * Reads a mutated log.
 * @throws Error when it gives something that is no number, or a problem without words or place
 */
export function readMutatedGcLog(seed: number): 'as if whole' | 'with warnings' | 'refused' {
  const text = mutatedGcLog(seed);
  const log = readGcLog(text, 'gc.log');
  log.collections.forEach(checkCollection);
  for (const p of log.phases)
    if (!(p.millis >= 0 && p.endSeconds >= 0)) throw new Error(`${p.name} of GC(${p.number}) is no number`);
  const lines = text.split('\n');
  if (log.lines > lines.length || log.otherLines > log.lines) throw new Error('lines are miscounted');
  for (const p of log.problems) {
    if (p.found === '' || p.mend === '' || /undefined|NaN/.test(p.found + p.mend))
      throw new Error(`not for a reader: ${JSON.stringify(p)}`);
    const whole = p.line === 0 && p.column === 0;
    const line = lines[p.line - 1];
    if (!whole && (line === undefined || p.column < 1 || p.column > line.length + 1))
      throw new Error(`no such place: ${JSON.stringify(p)}`);
  }
  if (log.problems.some((p) => p.severity === 'problem')) return 'refused';
  return log.problems.length > 0 ? 'with warnings' : 'as if whole';
}
