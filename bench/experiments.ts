/**
 * `node bench/experiments.ts`: replications of the rolling restart with every measure, by one and by two workers, beside two bare processes that play half each; and a sweep of
 * the chance of a kill. As the verbs play them, with the start of the threads. Each line says what was simulated.
 */
import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { readerBelow, rootOf } from '../src/cli/files.ts';
import { batches, playBatches, sourceOf } from '../src/cli/pool.ts';
import { playReplications } from '../src/experiment/replication.ts';
import { factorsOf, grid, onTop } from '../src/experiment/variations.ts';
import { openScenario } from '../src/scenario/open.ts';

const root = rootOf(import.meta.filename);
const open = (path: string) => openScenario(path, readerBelow(root)).scenario!;
const restart = 'scenarios/reference-day/rolling-restart.yaml';
const all = { everything: true, fans: true } as const;
const runs = 200;

const [, , from, to] = process.argv;
if (from !== undefined) playReplications(open(restart), '1', Number(from), Number(to), all);
else await bench();

async function bench(): Promise<void> {
  console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);
  const seconds = async (what: () => Promise<unknown>) => {
    const began = performance.now();
    await what();
    return (performance.now() - began) / 1000;
  };
  const scenario = open(restart);
  const work = batches(sourceOf(scenario, []), '1', 0, runs, all);
  for (const workers of [1, 2])
    console.log(
      `${runs} replications of the rolling restart, tracers and risks on, ${workers} workers: ${(await seconds(() => playBatches(work, { workers }))).toFixed(1)} s`,
    );
  const half = runs / 2;
  const bare = (a: number, b: number) =>
    new Promise((resolve) =>
      spawn(process.execPath, [import.meta.filename, String(a), String(b)], { stdio: 'ignore' }).on(
        'exit',
        resolve,
      ),
    );
  console.log(
    `the same in two bare processes: ${(await seconds(() => Promise.all([bare(0, half), bare(half, runs)]))).toFixed(1)} s`,
  );
  const oom = open('scenarios/planning/oom-chance.yaml');
  const factors = factorsOf(oom);
  const points = grid(factors);
  const sweep = points.flatMap((p) =>
    batches(sourceOf(oom, []), '1', 0, 16, { everything: true }, onTop(oom, factors, p)),
  );
  console.log(
    `a sweep of ${points.length} points of the monthly job at 16 replications, 2 workers: ${(await seconds(() => playBatches(sweep, { workers: 2 }))).toFixed(1)} s`,
  );
}
