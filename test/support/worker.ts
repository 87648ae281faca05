/** Plays a scenario in a worker thread and posts the digest of each of its files. */
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { reportFiles } from '../../src/report/files.ts';
import { run } from './files.ts';

const files = await reportFiles(run(workerData as string));
parentPort?.postMessage(
  [...files].map(([path, content]) => [path, createHash('sha256').update(content).digest('hex')]),
);
