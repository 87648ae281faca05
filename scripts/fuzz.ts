/**
 * `npm run fuzz [-- COUNT [SEED]]`: plays 100,000 mutated scenario files; each ends refused or judged, within five seconds. Then reads ten times as
 * many damaged GC logs; each gives numbers or located problems, within a second. Then plays a fiftieth as many random scenarios in which everything
 * changes, from SEED on: each holds every law at every instant, is whole in the end, within ten seconds, and is the same run when it is verified.
 */
import fc from 'fast-check';
import type { KafkaCluster } from '../src/models/kafka/cluster.ts';
import { build } from '../src/scenario/build.ts';
import { arbitraryChangingScenario, laws, playUnderLaws } from '../src/testing.ts';
import { scenarioOf } from '../test/support/files.ts';
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

const path = 'scenarios/random.yaml';
const first = Number(process.argv[3] ?? 1);
const total = Math.ceil(count / 50);
let events = 0;
slowest = 0;
for (let seed = first; seed < first + total; seed += 1) {
  const [drawn] = fc.sample(arbitraryChangingScenario(), { seed, numRuns: 1 });
  const text = drawn!.text;
  const began = performance.now();
  try {
    const scenario = scenarioOf(path, { [path]: text });
    const { built } = playUnderLaws(scenario, scenario.seed, { record: new Set() });
    events += built.sim.eventCount;
    laws.healed(built.models.kafka as KafkaCluster);
    laws.everyPartitionRead(built.models.kafka as KafkaCluster);
    if (seed % 10 === 0) {
      const prints = [{}, { verify: true, record: 'all' as const }].map((options) => {
        const { sim, until } = build(scenario, { seed: scenario.seed, ...options });
        sim.run(until);
        return sim.fingerprint();
      });
      if (prints[0] !== prints[1]) throw new Error('verified it is another run');
    }
  } catch (error) {
    console.error(`random scenario ${seed}:\n${text}\n`);
    throw error;
  }
  const took = performance.now() - began;
  slowest = Math.max(slowest, took);
  if (took > 10_000) throw new Error(`random scenario ${seed} took ${took.toFixed(0)} ms`);
  if ((seed + 1 - first) % 500 === 0)
    console.log(`${seed + 1 - first} random scenarios, ${events} events, slowest ${slowest.toFixed(0)} ms`);
}
console.log(`${total} random scenarios, ${events} events, slowest ${slowest.toFixed(0)} ms`);
