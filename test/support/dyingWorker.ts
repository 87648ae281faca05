/** The worker of replications, which ends its thread once, before the batch that a file names. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import playBatch, { type Batch } from '../../src/cli/worker.ts';

export default function dying(batch: Batch) {
  const file = process.env.REHEARSE_DIES_AT;
  if (file !== undefined && existsSync(file) && Number(readFileSync(file, 'utf8')) === batch.from) {
    rmSync(file);
    process.exit(9);
  }
  return playBatch(batch);
}
