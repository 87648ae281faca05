/**
 * `node bench/models.ts`: the rolling restart as the verb plays it, and a cluster of 1,000 brokers and 1,000,000 partitions with load and one restart.
 * Each line says what was simulated, and prints the fingerprint.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { readerBelow, rootOf } from '../src/cli/files.ts';
import type { KafkaCluster } from '../src/models/kafka/cluster.ts';
import { build } from '../src/scenario/build.ts';
import { loadScenario } from '../src/scenario/load.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { renderProblems } from '../src/scenario/problems.ts';
import { largePlatform } from './platforms.ts';

const root = rootOf(import.meta.filename);
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);

function load(path: string, text?: string) {
  const below = readerBelow(root);
  const loaded = loadScenario(path, (p) => (p === path && text !== undefined ? text : below(p)), parts);
  if (loaded.scenario === undefined) throw new Error(renderProblems(loaded.problems, loaded.texts));
  return loaded.scenario;
}

const seconds = (began: bigint) => Number(process.hrtime.bigint() - began) / 1e9;

// From the shell, report included, without the further seeds.
for (const [says, file] of [
  ['rolling restart', 'rolling-restart'],
  ['partition expansion', 'partition-expansion'],
]) {
  const walls: number[] = [];
  for (let i = 0; i < 6; i += 1) {
    const began = process.hrtime.bigint();
    const ran = spawnSync(
      process.execPath,
      [
        join(root, 'bin/rehearse.js'),
        'run',
        join(root, `scenarios/reference-day/${file}.yaml`),
        '--seeds',
        '1',
        '--quiet',
      ],
      { encoding: 'utf8' },
    );
    if (ran.status !== 0) throw new Error(ran.stderr);
    if (i > 0) walls.push(seconds(began));
  }
  walls.sort((a, b) => a - b);
  console.log(
    `run of the ${says} from the shell, report included: ${walls[2]!.toFixed(2)} s [${walls[0]!.toFixed(2)} .. ${walls[4]!.toFixed(2)}], 5 calls after one`,
  );
}

const restart = load('scenarios/reference-day/rolling-restart.yaml');
const began = process.hrtime.bigint();
let events = 0;
let print = '';
for (let replication = 0; replication < 100; replication += 1) {
  const { sim, until } = build(restart, { seed: '1', replication });
  sim.run(until);
  events += sim.eventCount;
  print = sim.fingerprint();
}
console.log(
  `100 replications of it without series: ${seconds(began).toFixed(2)} s, ${events} events, last fingerprint ${print}`,
);

function large(brokers: number, partitions: number): void {
  const data = {
    ...largePlatform(brokers, partitions),
    timeline: [{ at: '+10s', do: 'operations.restart', broker: 7, downTime: '40s', drain: '8s' }],
  };
  const started = process.hrtime.bigint();
  const scenario = load('large.yaml', JSON.stringify(data));
  const loaded = seconds(started);
  const { sim, until, models } = build(scenario, {
    seed: '1',
    keepEvents: true,
    record: new Set([
      'rehearse:cluster_underreplicated_partitions',
      'kafka_server_replicamanager_isrexpands_total',
    ]),
  });
  const built = seconds(started);
  sim.run(until);
  const kafka = models.kafka as KafkaCluster;
  const urp = Math.max(...kafka.gauges.clusterUnderReplicated.rowRecord(0)!.values);
  let expands = 0;
  for (let b = 0; b < brokers; b += 1) expands += kafka.gauges.isrExpands.get(b);
  const recovery = kafka.brokers.recoverySeconds.get(7);
  console.log(
    `${brokers} brokers, ${partitions} partitions, RF 3, load ${(brokers * 100) / 1000} GB/s, one restart: ${seconds(started).toFixed(2)} s (load ${loaded.toFixed(2)}, build ${(built - loaded).toFixed(2)}), peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB; URP ${urp}, re-joins ${expands}, in sync after ${recovery.toFixed(1)} s, ${sim.eventCount} events, fingerprint ${sim.fingerprint()}`,
  );
  console.log(
    `  most events: ${sim
      .eventsByKind()
      .slice(0, 5)
      .map(([k, n]) => `${k} ${n}`)
      .join(', ')}`,
  );
}
for (const [brokers, partitions] of [
  [100, 100_000],
  [300, 300_000],
  [1000, 1_000_000],
] as const)
  large(brokers, partitions);
