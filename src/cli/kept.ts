import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import type { ReplicationRow } from '../experiment/replication.ts';
import { digest, writeWhole } from './files.ts';
import { version } from './verbs.ts';
import type { Batch } from './worker.ts';

const fileFor = (folder: string) => `${folder}.kept.json`;

/** What a batch gives depends on this alone. */
function keyOf({ source, over, fixed, seed, from, to, asked }: Batch): string {
  const { path, rules, digest: texts } = source;
  return digest(JSON.stringify([path, rules, texts, over, fixed, seed, from, to, asked]));
}

interface KeptFile {
  readonly version: string;
  readonly batches: readonly (readonly [string, readonly ReplicationRow[]])[];
}

/**
 * Batches that were played before an interruption, in a file beside the folder of the answer: the same command goes on with them, and another one finds nothing that is its own. A file of another
 * version, or one that is cut off, is left alone and told of.
 */
export class Kept {
  private readonly folder: string;
  private readonly rows: Map<string, readonly ReplicationRow[]>;

  constructor(folder: string) {
    this.folder = folder;
    const file = fileFor(folder);
    let found: Partial<KeptFile> = { version, batches: [] };
    if (existsSync(file))
      try {
        found = JSON.parse(readFileSync(file, 'utf8')) as Partial<KeptFile>;
      } catch {
        found = {};
      }
    const isOurs = found.version === version && Array.isArray(found.batches);
    if (!isOurs) process.stderr.write(`${file} is of another version or cut off: it is not used\n`);
    this.rows = new Map(isOurs ? found.batches : []);
  }

  get(batch: Batch): readonly ReplicationRow[] | undefined {
    return this.rows.get(keyOf(batch));
  }

  add(batch: Batch, rows: readonly ReplicationRow[]): void {
    this.rows.set(keyOf(batch), rows);
  }

  /** Writes what there is. @returns what to tell whoever interrupted */
  write(): string {
    const file = fileFor(this.folder);
    mkdirSync(dirname(file), { recursive: true });
    writeWhole(file, `${JSON.stringify({ version, batches: [...this.rows] } satisfies KeptFile)}\n`);
    const shown = relative(process.cwd(), file);
    return `interrupted: ${this.rows.size} batches are kept in ${shown}; the same command goes on from there`;
  }
}

/** The answer is there: what was kept for it is not needed any more. */
export function dropKept(folder: string): void {
  rmSync(fileFor(folder), { force: true });
}
