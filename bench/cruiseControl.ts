/**
 * `node bench/cruiseControl.ts`: the analyzer with eleven goals on random clusters, beside the times of Cruise Control 2.5.137's own goals in one thread on
 * clusters of those sizes on this kind of machine. Load is placed askew, so that nearly every goal has work.
 */
import { cpus } from 'node:os';
import seedrandom from 'seedrandom';
import type { ClusterDescription, PartitionDescription } from '../src/models/cruiseControl/description.ts';
import { optimize } from '../src/models/cruiseControl/optimizer.ts';

const goals = [
  'RackAwareGoal',
  'ReplicaCapacityGoal',
  'DiskCapacityGoal',
  'NetworkInboundCapacityGoal',
  'NetworkOutboundCapacityGoal',
  'CpuCapacityGoal',
  'ReplicaDistributionGoal',
  'PotentialNwOutGoal',
  'DiskUsageDistributionGoal',
  'TopicReplicaDistributionGoal',
  'LeaderReplicaDistributionGoal',
];

/** @param replicas a third of them partitions, on topics of 30; brokers with higher ids hold more */
function askew(brokers: number, replicas: number, seed: string): ClusterDescription {
  const random = seedrandom.alea(seed);
  const racks = Math.min(5, brokers);
  const partitions: PartitionDescription[] = [];
  for (let n = 0; n < replicas / 3; n += 1) {
    const chosen: number[] = [];
    while (chosen.length < 3) {
      const broker = Math.floor(brokers * Math.sqrt(0.25 + 0.75 * random()));
      if (!chosen.includes(broker)) chosen.push(broker);
    }
    const inbound = 5 + 190 * random() * random();
    const size = 100 + 3900 * random() * random();
    const leader = { cpu: inbound / 60, nwIn: inbound, nwOut: 3 * inbound, disk: size };
    const follower = { cpu: inbound / 300, nwIn: inbound, nwOut: 0, disk: size };
    partitions.push({
      topic: `t${Math.floor(n / 30)}`,
      partition: n % 30,
      replicas: chosen,
      loads: [leader, follower, follower],
    });
  }
  const perBroker = replicas / brokers;
  const capacity = {
    cpu: perBroker * 1.4,
    nwIn: perBroker * 100,
    nwOut: perBroker * 140,
    disk: perBroker * 1800,
  };
  return {
    brokers: Array.from({ length: brokers }, (_, id) => ({ id, rack: `r${id % racks}`, capacity })),
    partitions,
  };
}

const limit = Number(process.argv[2] ?? Number.POSITIVE_INFINITY);
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);
const measured: { replicas: number; seconds: number }[] = [];
for (const [brokers, replicas, theirs, rounds] of [
  [10, 1_300, 0.28, 5],
  [30, 9_000, 1.3, 5],
  [60, 50_000, 8.2, 3],
  [100, 101_000, 12.6, 3],
  [1_000, 1_000_000, undefined, 1],
] as const) {
  if (replicas > limit) continue;
  const cluster = askew(brokers, replicas, `${replicas}`);
  const times: number[] = [];
  let says = '';
  for (let round = 0; round < rounds; round += 1) {
    const began = process.cpuUsage();
    const result = optimize(cluster, { goals });
    const { user, system } = process.cpuUsage(began);
    times.push((user + system) / 1e6);
    says = result.ok
      ? `${result.numReplicaMovements} partitions move, ${result.numLeaderMovements} change leader, balancedness ${result.onDemandBalancednessScoreBefore.toFixed(1)} -> ${result.onDemandBalancednessScoreAfter.toFixed(1)}, violated: ${[...result.status].filter(([, s]) => s === 'VIOLATED').map(([g]) => g)}`
      : result.failure.says;
  }
  times.sort((a, b) => a - b);
  const seconds = times[Math.floor(times.length / 2)]!;
  measured.push({ replicas, seconds });
  console.log(
    `${brokers} brokers, ${replicas} replicas: ${seconds.toFixed(3)} s of CPU, median of ${rounds} (first round included)${theirs === undefined ? '' : `; Cruise Control ${theirs} s: ${(theirs / seconds).toFixed(1)} x`}; ${says}`,
  );
}
const [small, large] = [measured.at(-2), measured.at(-1)];
if (small !== undefined && large !== undefined)
  console.log(
    `growth exponent from ${small.replicas} to ${large.replicas} replicas: ${(Math.log(large.seconds / small.seconds) / Math.log(large.replicas / small.replicas)).toFixed(2)}`,
  );
