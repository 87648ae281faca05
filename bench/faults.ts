/**
 * `node bench/faults.ts`: a zone of 334 of 1,000 brokers lost at 1,000,000 partitions, and the way back of a smaller one; every single fault at each step of the rolling
 * restart, as the verb tries them; a year of failures by chance on five brokers. Each line says what was simulated.
 */
import { cpus } from 'node:os';
import { digest, readerBelow, rootOf } from '../src/cli/files.ts';
import { tryFaults } from '../src/experiment/faults.ts';
import { runScenario } from '../src/experiment/run.ts';
import type { KafkaCluster } from '../src/models/kafka/cluster.ts';
import { build } from '../src/scenario/build.ts';
import { faultKinds } from '../src/scenario/faultVariants.ts';
import { loadScenario } from '../src/scenario/load.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { renderProblems } from '../src/scenario/problems.ts';
import { largePlatform } from './platforms.ts';

const root = rootOf(import.meta.filename);
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);

function load(path: string, data?: object) {
  const below = readerBelow(root);
  const text = data === undefined ? undefined : JSON.stringify(data);
  const loaded = loadScenario(path, (p) => (p === path && text !== undefined ? text : below(p)), parts);
  if (loaded.scenario === undefined) throw new Error(renderProblems(loaded.problems, loaded.texts));
  return loaded.scenario;
}

/** Seconds by the clock and of the processor, since this was made. */
function watch(): () => string {
  const began = process.hrtime.bigint();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return `${(Number(process.hrtime.bigint() - began) / 1e9).toFixed(2)} s (${((user + system) / 1e6).toFixed(2)} s of CPU)`;
  };
}

/** @param returns whether the logs are small enough to be read again, and the replicas back in their ISRs, within the period */
function zoneLost(brokers: number, partitions: number, returns: boolean): void {
  const base = largePlatform(brokers, partitions);
  const data = {
    ...base,
    kafka: {
      ...base.kafka,
      config: { ...base.kafka.config, 'num.recovery.threads.per.data.dir': returns ? 8 : 1 },
      brokers: base.kafka.brokers.map((b) => ({ ...b, diskUsed: returns ? '100GB' : '1TB' })),
    },
    to: '+30m',
    timeline: [{ at: '+1m', do: 'faults.zone', zone: 'z0', for: '5m' }],
  };
  const time = watch();
  const { sim, until, models } = build(load('large.yaml', data), { seed: '1' });
  const built = time();
  sim.run(until);
  const kafka = models.kafka as KafkaCluster;
  console.log(
    `${brokers} brokers, ${partitions} partitions, RF 3, a zone of ${Math.ceil(brokers / 3)} brokers lost for 5 min${returns ? ' and back in sync' : ', its logs still being read at the end'}: ${time()}, to build ${built}, peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB; at the end ${kafka.gauges.clusterUnderReplicated.get(0)} under-replicated, ${kafka.writes.unavailablePartitions.get(0)} unavailable, ${sim.eventCount} events, fingerprint ${sim.fingerprint()}`,
  );
  console.log(
    `  most events: ${sim
      .eventsByKind()
      .slice(0, 6)
      .map(([k, n]) => `${k} ${n}`)
      .join(', ')}`,
  );
}

function eachStep(): void {
  const scenario = load('scenarios/reference-day/rolling-restart.yaml');
  const base = runScenario(scenario, { version: '0.0.0', digest, seeds: 1 });
  const time = watch();
  const faults = tryFaults(scenario, base, { kinds: faultKinds });
  console.log(
    `every fault of the kinds ${faultKinds.join(', ')} at each step of the rolling restart: ${faults.variants.length} variants, ${time()}, worst fingerprint ${faults.worst?.fingerprint}`,
  );
}

function aYear(): void {
  const base = largePlatform(5, 50);
  const data = {
    ...base,
    to: '+365d',
    timeline: [],
    faults: {
      random: {
        broker: { mtbf: '30d', repair: '1m' },
        node: { mtbf: '90d', repair: '4h', wholeZone: '5%', disks: 'lost' },
        network: { mtbf: '60d', repair: '5m' },
      },
    },
  };
  const scenario = load('year.yaml', data);
  const time = watch();
  let events = 0;
  for (let replication = 0; replication < 10; replication += 1) {
    const { sim, until } = build(scenario, { seed: '1', replication });
    sim.run(until);
    events += sim.eventCount;
  }
  console.log(
    `ten years of five brokers with failures by chance, one year a run: ${time()}, ${events} events`,
  );
}

if (process.argv[2] !== 'large') {
  eachStep();
  aYear();
}
// The way back costs by the number of connections, followers times leaders: it is shown where it ends within a minute.
for (const brokers of [12, 24]) zoneLost(brokers, brokers * 1000, true);
for (const brokers of [100, 1000]) zoneLost(brokers, brokers * 1000, false);
