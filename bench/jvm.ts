/**
 * `node bench/jvm.ts`: the JVMs of a platform. A day of the reference cluster with every collection an event, and an hour of 1,000 brokers with
 * pauses read off recordings. Each line says what was simulated.
 */
import { cpus } from 'node:os';
import { readerBelow, rootOf } from '../src/cli/files.ts';
import type { Jvms } from '../src/models/jvm/jvms.ts';
import { pauseTypes } from '../src/models/jvm/jvms.ts';
import { build } from '../src/scenario/build.ts';
import { loadScenario } from '../src/scenario/load.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { renderProblems } from '../src/scenario/problems.ts';

const root = rootOf(import.meta.filename);
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);

function load(path: string, text: string) {
  const below = readerBelow(root);
  const loaded = loadScenario(path, (p) => (p === path ? text : below(p)), parts);
  if (loaded.scenario === undefined) throw new Error(renderProblems(loaded.problems, loaded.texts));
  return loaded.scenario;
}

const seconds = (began: bigint) => Number(process.hrtime.bigint() - began) / 1e9;
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

function play(scenario: ReturnType<typeof load>): { run: number; built: ReturnType<typeof build> } {
  const built = build(scenario, { seed: '1', replication: 0 });
  const began = process.hrtime.bigint();
  built.sim.run(built.until);
  return { run: seconds(began), built };
}

const collections = (built: ReturnType<typeof build>) => {
  const byType = built.sim.gauges.get('rehearse:gc_pauses_total')!;
  let sum = 0;
  for (let row = 0; row < byType.rows; row += 1)
    if (pauseTypes[row % pauseTypes.length] !== 'preventive') sum += byType.get(row);
  return sum;
};

const day = load(
  'scenarios/reference-day/bench.yaml',
  'rehearse: 1\nextends: jvm-after.yaml\ntitle: a day\nto: +24h\nexpect: []\nobserved: []\n',
);
const runs = [play(day), play(day), play(day)];
const last = runs.at(-1)!;
console.log(
  `24 h of the reference cluster, 5 JVMs, every collection an event, Kafka and the request path with it: ${median(runs.map((r) => r.run)).toFixed(3)} s after start-up, ${collections(last.built)} pauses, ${last.built.sim.eventCount} events, fingerprint ${last.built.sim.fingerprint()}`,
);

const nodes = Array.from(
  { length: 1000 },
  (_, i) => `{ name: n${i}, instance: i3en.2xlarge, zone: z${i % 3} }`,
);
const brokers = Array.from(
  { length: 1000 },
  (_, i) => `{ id: ${i}, node: n${i}, controller: ${i < 3}, diskUsed: 1TB, disk: 2.5TB }`,
);
for (const kind of ['sampled', 'events'] as const) {
  const many = load(
    'scenarios/reference-day/bench.yaml',
    `rehearse: 1
extends: steady-hour.yaml
title: 1,000 brokers
expect: []
kubernetes: { nodes: [${nodes.join(', ')}] }
jvm: { collections: ${kind} }
kafka:
  assignment: null
  brokers: [${brokers.join(', ')}]
  topics: [{ name: load, partitions: 10000, bytesIn: 178GB/s, messagesIn: 9600000/s, curve: all }]
  consumerGroups: []
`,
  );
  const { run, built } = play(many);
  const jvms = built.models.jvm as Jvms;
  console.log(
    `1 h of ${jvms.names.length} JVMs, ${kind === 'sampled' ? 'pauses read off recordings' : 'every collection an event, for comparison'}: ${run.toFixed(2)} s after start-up, ${collections(built)} pauses`,
  );
}
