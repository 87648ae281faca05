/**
 * `node bench/changes.ts`: at up to 1,000 brokers and 1,000,000 partitions, a group of 100 members over a tenth of them, a topic that is given 100
 * partitions more, and 1,000 partitions moved under a throttle while a broker restarts. Each line says what it cost, then the growth exponent.
 */
import { cpus } from 'node:os';
import type { KafkaCluster } from '../src/models/kafka/cluster.ts';
import { build } from '../src/scenario/build.ts';
import { loadScenario } from '../src/scenario/load.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { renderProblems } from '../src/scenario/problems.ts';
import { reader } from '../test/support/files.ts';
import { largePlatform } from './platforms.ts';

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);
const seconds = (began: bigint) => Number(process.hrtime.bigint() - began) / 1e9;

/** Answers seconds in all. */
function changes(brokers: number, partitions: number): number {
  const platform = largePlatform(brokers, partitions);
  const each = partitions / 10;
  const moved = Math.min(1000, each);
  const data = {
    ...platform,
    to: '+30m',
    kafka: {
      ...platform.kafka,
      consumerGroups: [
        {
          name: 'readers',
          topics: ['t0'],
          pollInterval: '5ms',
          members: 100,
          assignor: 'cooperative-sticky',
          capacity: `${brokers * 20}/s`,
        },
      ],
    },
    timeline: [
      { at: '+10s', do: 'kafka.createPartitions', topic: 't0', partitions: each + 100 },
      {
        at: '+20s',
        do: 'kafka.reassign',
        throttle: '200MB/s',
        partitions: Array.from({ length: moved }, (_, partition) => ({
          topic: 't1',
          partition,
          replicas: [0, 1, 2].map((r) => (partition * 7 + r * 3) % brokers),
        })),
      },
      { at: '+60s', do: 'kafka.stopMember', group: 'readers', member: 7, how: 'crash' },
      { at: '+3m', do: 'operations.restart', broker: 7, downTime: '40s', drain: '8s' },
    ],
  };
  const began = process.hrtime.bigint();
  const text = JSON.stringify(data);
  const read = reader({ 'large.yaml': text });
  const loaded = loadScenario('large.yaml', read, parts);
  if (loaded.scenario === undefined) throw new Error(renderProblems(loaded.problems, loaded.texts));
  const loading = seconds(began);
  const { sim, until, models } = build(loaded.scenario, { seed: '1', keepEvents: true });
  const building = seconds(began) - loading;
  sim.run(until);
  const all = seconds(began);
  const kafka = models.kafka as KafkaCluster;
  const done = kafka.reassignments.completedCount.get(0);
  console.log(
    `${brokers} brokers, ${partitions} partitions: ${all.toFixed(2)} s (load ${loading.toFixed(2)}, build ${building.toFixed(2)}), peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB; ${done} of ${moved} moves complete, the longest after ${kafka.reassignments.longestSeconds.get(0).toFixed(0)} s, ${kafka.consumers.membership!.rebalances.get(0)} rebalances, ${sim.eventCount} events, fingerprint ${sim.fingerprint()}`,
  );
  console.log(
    `  most events: ${sim
      .eventsByKind()
      .slice(0, 6)
      .map(([k, n]) => `${k} ${n}`)
      .join(', ')}`,
  );
  return all;
}

const sizes = [
  [100, 100_000],
  [300, 300_000],
  [1000, 1_000_000],
] as const;
const took = sizes.map(([brokers, partitions]) => changes(brokers, partitions));
const exponent = Math.log(took[2]! / took[0]!) / Math.log(sizes[2][1] / sizes[0][1]);
console.log(`grows with the size to the power of ${exponent.toFixed(2)}`);
