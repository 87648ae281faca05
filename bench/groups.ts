/**
 * `node bench/groups.ts`: what an assignment costs at 1,000 members and 10,000 partitions, and a rebalance of a group with members on all of
 * 1,000,000 partitions with its lag.
 */
import { cpus } from 'node:os';
import { range, serverRange } from '../src/models/kafka/assignors/range.ts';
import { roundRobin } from '../src/models/kafka/assignors/roundRobin.ts';
import { cooperativeSticky, sticky } from '../src/models/kafka/assignors/sticky.ts';
import type { Subscriptions } from '../src/models/kafka/assignors/subscriptions.ts';
import { uniform } from '../src/models/kafka/assignors/uniform.ts';
import { makeGroup } from '../test/support/groups.ts';

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);
const seconds = (began: bigint) => Number(process.hrtime.bigint() - began) / 1e9;

const topics = Array.from({ length: 100 }, (_, t) => ({
  name: `topic-${String(t).padStart(3, '0')}`,
  partitions: 100,
}));
const all = topics.map((_, t) => t);
const members = (count: number, owned: readonly (readonly number[])[] = [], every = 1): Subscriptions => ({
  topics,
  members: Array.from({ length: count }, (_, m) => ({
    id: `consumer-${m}`,
    topics: every === 1 ? all : all.filter((t) => (m + t) % every > 0),
    owned: owned[m] ?? [],
    generation: owned[m] === undefined ? -1 : 1,
  })),
});
for (const [name, assign] of Object.entries({
  range,
  'round-robin': roundRobin,
  sticky,
  'cooperative-sticky': cooperativeSticky,
  uniform,
  'range of the coordinator': serverRange,
})) {
  const began = process.hrtime.bigint();
  const fresh = assign(members(1000));
  const first = seconds(began);
  assign(members(999, fresh));
  console.log(
    `${name}, 1,000 members, 10,000 partitions: fresh ${(first * 1000).toFixed(0)} ms, one member fewer ${((seconds(began) - first) * 1000).toFixed(0)} ms`,
  );
}
const began = process.hrtime.bigint();
sticky(members(1000, [], 3));
console.log(
  `sticky, each member subscribes to two topics in three: ${(seconds(began) * 1000).toFixed(0)} ms`,
);

for (const [count, each] of [
  [100, 100_000],
  [1000, 1_000_000],
] as const) {
  const started = process.hrtime.bigint();
  const { sim, groups, lag } = makeGroup(
    { members: count, assignor: 'cooperative-sticky', capacity: 20_000 },
    [{ partitions: each, rate: count * 10_000 }],
    { verify: false, record: new Set() },
  );
  const built = seconds(started);
  sim.run(10e6);
  groups.stop(0, 0, false);
  sim.run(120e6);
  console.log(
    `${count} members, ${each} partitions, one leaves: ${seconds(started).toFixed(2)} s (build ${built.toFixed(2)}), ${groups.rebalances.get(0)} rebalances, ${Math.round(lag.waiting(0))} messages wait, ${sim.eventCount} events, peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
  );
}
