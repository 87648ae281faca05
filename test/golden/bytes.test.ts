import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { reportFiles } from '../../src/report/files.ts';
import { run } from '../support/files.ts';

const scenario = 'scenarios/what-if/bases/two-brokers.yaml';

const digests = async (options = {}) =>
  [...(await reportFiles(run(scenario, options)))].map(([path, content]) => [
    path,
    createHash('sha256').update(content).digest('hex'),
  ]);

test('all files have the same bytes in this process, after 10 other runs in it, with invariants checked, and in a worker thread', async () => {
  const first = await digests();
  expect(first.length).toBeGreaterThan(10);
  for (let i = 0; i < 10; i += 1) run(scenario, { seed: `other ${i}` });
  expect(await digests()).toEqual(first);
  expect(await digests({ verify: true })).toEqual(first);
  const worker = new Worker(new URL('../support/worker.ts', import.meta.url), { workerData: scenario });
  const posted = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  expect(posted).toEqual(first);
  expect(await digests({ seed: 'another' })).not.toEqual(first);
});
