/**
 * `npm run fuzz [-- COUNT]`: plays 100,000 mutated scenario files; each ends refused or judged, within five seconds. Then reads ten times as
 * many damaged GC logs; each gives numbers or located problems, within a second.
 */
import { mutatedGcLog, readMutatedGcLog } from '../test/support/gcLogs.ts';
import { mutated, mutatedFiles, playMutated } from '../test/support/mutations.ts';

const count = Number(process.argv[2] ?? 100_000);
const outcomes: Record<string, number> = {};
let slowest = 0;
for (let i = 0; i < count; i += 1) {
  const file = mutatedFiles[i % mutatedFiles.length]!;
  const seed = 1 + i;
  const began = performance.now();
  try {
    const outcome = playMutated(file, seed);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  } catch (error) {
    console.error(`seed ${seed} of ${file}:\n${mutated(file, seed)}\n`);
    throw error;
  }
  const took = performance.now() - began;
  slowest = Math.max(slowest, took);
  if (took > 5000) throw new Error(`seed ${seed} of ${file} took ${took.toFixed(0)} ms`);
  if ((i + 1) % 5000 === 0)
    console.log(`${i + 1} files: ${JSON.stringify(outcomes)}, slowest ${slowest.toFixed(0)} ms`);
}
console.log(`${count} files: ${JSON.stringify(outcomes)}, slowest ${slowest.toFixed(0)} ms`);

const read: Record<string, number> = {};
slowest = 0;
for (let seed = 1; seed <= 10 * count; seed += 1) {
  const began = performance.now();
  try {
    const outcome = readMutatedGcLog(seed);
    read[outcome] = (read[outcome] ?? 0) + 1;
  } catch (error) {
    console.error(`seed ${seed} of the GC logs:\n${mutatedGcLog(seed)}\n`);
    throw error;
  }
  const took = performance.now() - began;
  slowest = Math.max(slowest, took);
  if (took > 1000) throw new Error(`seed ${seed} of the GC logs took ${took.toFixed(0)} ms`);
  if (seed % 100_000 === 0)
    console.log(`${seed} GC logs: ${JSON.stringify(read)}, slowest ${slowest.toFixed(0)} ms`);
}
console.log(`${10 * count} GC logs: ${JSON.stringify(read)}, slowest ${slowest.toFixed(0)} ms`);
