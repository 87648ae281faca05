import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ReplicationRow } from '../experiment/replication.ts';
import { UsageError } from './exitCodes.ts';
import { digest, writeWhole } from './files.ts';
import type { Batch, Source } from './worker.ts';

/** What is played in all, as every shard of it says: who merges needs nothing else. */
export interface ShardPlan {
  readonly verb: 'run' | 'sweep';
  readonly version: string;
  readonly source: Source;
  readonly seed: string;
  readonly runs: number;
  /** What a sweep turns, as `--vary` has it, and the measures that it draws. */
  readonly vary: readonly string[];
  readonly of: readonly string[];
  /** A design in place of the grid, as `--design` has it. */
  readonly design?: string;
}

export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly of: number;
}

interface ShardFile {
  readonly rehearse: 1;
  readonly plan: ShardPlan;
  readonly shard: Shard;
  /** Batches of all in their order, from 0, and the rows of each. */
  readonly batches: readonly (readonly [number, readonly ReplicationRow[]])[];
}

const mostShards = 100_000;

/** Which part of the work is done here: `--shard 3/16`, or `--shard env/16` by JOB_COMPLETION_INDEX (from 0) or SLURM_ARRAY_TASK_ID (from 1). */
export function shardOf(
  text: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Shard | undefined {
  if (text === undefined) return undefined;
  const parts = /^(\d+|env)\/(\d+)$/.exec(text);
  const wrong = (found: string, mend: string) => new UsageError(`--shard ${text}: ${found}\n  mend: ${mend}`);
  if (parts === null)
    throw wrong('it is no part of a whole', 'write --shard 3/16, or --shard env/16 in an indexed job');
  const of = Number(parts[2]);
  if (of < 1 || of > mostShards)
    throw wrong('there are no such parts', `write 1 to ${mostShards} after the slash`);
  let index = Number(parts[1]);
  if (parts[1] === 'env') {
    const [job, slurm] = [env.JOB_COMPLETION_INDEX, env.SLURM_ARRAY_TASK_ID];
    if (job !== undefined && /^\d+$/.test(job)) index = Number(job) + 1;
    else if (slurm !== undefined && /^\d+$/.test(slurm)) index = Number(slurm);
    else
      throw wrong(
        'neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID is set to a number',
        'run it in an indexed Job or an array job, or write the number of the shard',
      );
  }
  if (index < 1 || index > of) throw wrong(`there is no part ${index}`, `write 1 to ${of} before the slash`);
  return { index, of };
}

/** The batches that a shard plays: every of-th, so that shards take about as long as each other. */
export function batchesOf(work: readonly Batch[], { index, of }: Shard): readonly number[] {
  return work.flatMap((_, i) => (i % of === index - 1 ? [i] : []));
}

/** Writes what a shard played, under a name that its content gives. @returns the name */
export function writeShard(
  folder: string,
  plan: ShardPlan,
  shard: Shard,
  batches: ShardFile['batches'],
): string {
  if (existsSync(folder) && !statSync(folder).isDirectory())
    throw new UsageError(`${folder} is no folder\n  mend: name another one with --out`);
  mkdirSync(folder, { recursive: true });
  const text = `${JSON.stringify({ rehearse: 1, plan, shard, batches } satisfies ShardFile)}\n`;
  const name = `shard-${shard.index}-of-${shard.of}-${digest(text).slice(0, 16)}.json`;
  writeWhole(join(folder, name), text);
  return name;
}

/**
 * Reads the shards of one whole from folders.
 * @throws UsageError when none are there, one was changed, they belong to different wholes, or some are missing
 */
export function readShards(folders: readonly string[]): {
  readonly plan: ShardPlan;
  readonly rows: readonly (readonly ReplicationRow[])[];
} {
  const files: ShardFile[] = [];
  for (const folder of folders) {
    if (!existsSync(folder) || !statSync(folder).isDirectory())
      throw new UsageError(`there is no folder ${folder}\n  mend: name folders that hold shards`);
    for (const name of readdirSync(folder).sort()) {
      const kept = /^shard-\d+-of-\d+-([0-9a-f]{16})\.json$/.exec(name);
      if (kept === null) continue;
      const text = readFileSync(join(folder, name), 'utf8');
      if (digest(text).slice(0, 16) !== kept[1])
        throw new UsageError(
          `${join(folder, name)} was changed or is cut off\n  mend: play this shard again`,
        );
      files.push(JSON.parse(text) as ShardFile);
    }
  }
  const [first] = files;
  if (first === undefined)
    throw new UsageError(
      `${folders.join(', ')}: there are no shards\n  mend: play them with --shard 1/${2} and so on`,
    );
  const key = (f: ShardFile) => digest(JSON.stringify([f.plan, f.shard.of]));
  const other = files.find((f) => key(f) !== key(first));
  if (other !== undefined)
    throw new UsageError(
      `shards of different wholes: ${first.plan.verb} ${first.plan.source.path} in ${first.shard.of} parts and ${other.plan.verb} ${other.plan.source.path} in ${other.shard.of}\n  mend: merge those of one scenario, seed, version and number of parts`,
    );
  const found = new Set(files.map((f) => f.shard.index));
  const missing = Array.from({ length: first.shard.of }, (_, i) => i + 1).filter((i) => !found.has(i));
  if (missing.length > 0)
    throw new UsageError(
      `${missing.length} of ${first.shard.of} shards are missing: ${missing.slice(0, 12).join(', ')}\n  mend: play them with --shard ${missing[0]}/${first.shard.of}`,
    );
  const byIndex = new Map(files.flatMap((f) => f.batches));
  const rows = [...byIndex.keys()].sort((a, b) => a - b).map((i) => byIndex.get(i)!);
  return { plan: first.plan, rows };
}
