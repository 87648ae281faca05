import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import type { ReplicationRow } from '../experiment/replication.ts';
import type { Scenario } from '../scenario/load.ts';
import { UsageError } from './exitCodes.ts';
import { digest } from './files.ts';
import { type Batch, keyOf, openSource, playOf, type Source } from './worker.ts';

/** A batch is tried so often before it counts as impossible: a worker may be killed for want of memory. */
const attempts = 3;
/** More threads than this help nobody on one machine. */
const mostWorkers = 256;

/** `--workers`, or as many as there are cores. */
export function workersOf(given: number | undefined): number {
  if (given === undefined) return availableParallelism();
  if (given < 1 || given > mostWorkers)
    throw new UsageError(`--workers ${given}: there is nobody to work\n  mend: write 1 to ${mostWorkers}`);
  return given;
}

export function sourceOf(scenario: Scenario, rules: readonly string[]): Source {
  const texts = [...scenario.texts];
  return { path: scenario.file, texts, rules, digest: digest(JSON.stringify(texts)) };
}

export interface PoolOptions {
  readonly workers: number;
  readonly onPlayed?: (rows: readonly ReplicationRow[]) => void;
  /** Stops handing out work; what is played by then is kept. */
  readonly signal?: AbortSignal;
  /** Another worker than ours, as tests have. */
  readonly filename?: string;
}

/** Replications of a batch. */
export const batchSize = 8;

/** Cuts replications into batches of a size that does not depend on how many workers there are. */
export function batches(
  source: Source,
  seed: string,
  from: number,
  to: number,
  asked: Batch['asked'],
  over?: readonly [string, string],
): readonly Batch[] {
  const made: Batch[] = [];
  for (let at = from; at < to; at += batchSize)
    made.push({
      source,
      seed,
      from: at,
      to: Math.min(to, at + batchSize),
      asked,
      ...(over === undefined ? {} : { over }),
    });
  return made;
}

/**
 * Plays batches, on threads where more than one worker is asked for. The answer has the order of the batches, whoever played them and when; a batch that was not
 * reached before the signal is undefined.
 * @throws Error of the worker when a batch cannot be played in three attempts
 */
export async function playBatches(
  work: readonly Batch[],
  options: PoolOptions,
): Promise<readonly (readonly ReplicationRow[] | undefined)[]> {
  const { workers, onPlayed, signal } = options;
  if ((workers === 1 || work.length <= 1) && options.filename === undefined) return alone(work, options);
  const { Piscina } = await import('piscina');
  const pool = new Piscina({
    filename: options.filename ?? new URL(`./worker${extname(import.meta.url)}`, import.meta.url).href,
    minThreads: Math.min(workers, work.length),
    maxThreads: Math.min(workers, work.length),
    // Batches go out one by one from here: none waits in the pool.
    concurrentTasksPerWorker: 1,
  });
  const found: (readonly ReplicationRow[] | undefined)[] = work.map(() => undefined);
  let next = 0;
  const playOne = async (batch: Batch): Promise<readonly ReplicationRow[]> => {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await pool.run(batch);
      } catch (error) {
        // A scenario that cannot be read is our bug, and another attempt gives the same.
        if (attempt === attempts || error instanceof RangeError) throw error;
      }
  };
  const runner = async () => {
    while (next < work.length && signal?.aborted !== true) {
      const at = next;
      next += 1;
      found[at] = await playOne(work[at]!);
      onPlayed?.(found[at]!);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(workers, work.length) }, runner));
  } finally {
    await pool.destroy();
  }
  return found;
}

/** In this thread, batch after batch; the signal is heard between two. */
async function alone(
  work: readonly Batch[],
  { onPlayed, signal }: PoolOptions,
): Promise<readonly (readonly ReplicationRow[] | undefined)[]> {
  const found: (readonly ReplicationRow[] | undefined)[] = [];
  let open: { readonly key: string; readonly scenario: Scenario } | undefined;
  for (const batch of work) {
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted === true) found.push(undefined);
    else {
      const key = keyOf(batch);
      if (open?.key !== key) open = { key, scenario: openSource(batch.source, batch.over) };
      const rows = playOf(open.scenario, batch);
      onPlayed?.(rows);
      found.push(rows);
    }
  }
  return found;
}
