import { Simulation, type SimulationOptions } from '../../src/engine/simulation.ts';
import { ConsumerGroups } from '../../src/models/kafka/consumerGroups.ts';
import { GroupLag } from '../../src/models/kafka/groupLag.ts';
import type { MembersSettings } from '../../src/models/kafka/settings.ts';
import { topic } from './cluster.ts';

/** Settings of members that read `topics` topics, as Kafka has them where nothing is said. */
export function someMembers(
  over: Partial<MembersSettings> & { readonly members?: number },
  topics = 1,
): MembersSettings {
  return {
    subscriptions: Array.from({ length: over.members ?? 3 }, () =>
      Array.from({ length: topics }, (_, t) => t),
    ),
    isNew: false,
    isStatic: false,
    protocol: 'classic',
    assignor: over.protocol === 'consumer' ? 'uniform' : 'range',
    capacity: 1000,
    sessionMicros: 45_000_000,
    heartbeatMicros: over.protocol === 'consumer' ? 5_000_000 : 3_000_000,
    maxPollMicros: 300_000_000,
    maxPollRecords: 500,
    metadataAgeMicros: 300_000_000,
    latest: true,
    initialDelayMicros: 3_000_000,
    pollMicros: 0,
    ...over,
  };
}

/** A group with members over topics whose partitions, shares and rates the test sets: no brokers. */
export function makeGroup(
  over: Partial<MembersSettings> & { readonly members?: number },
  layout: readonly { partitions: number; rate: number; shares?: readonly number[] }[] = [
    { partitions: 12, rate: 1200 },
  ],
  options: Partial<SimulationOptions> = {},
) {
  const sim = new Simulation({ seed: 'test', record: 'all', keepEvents: true, verify: true, ...options });
  const topics = layout.map((t) => ({ ...t }));
  const source = {
    messageRate: (t: number) => topics[t]!.rate,
    partitions: (t: number) => topics[t]!.partitions,
    mostPartitions: (t: number) => topics[t]!.partitions,
    steadyMicros: () => 0,
    share: (t: number, p: number) => topics[t]!.shares?.[p] ?? 1 / topics[t]!.partitions,
  };
  const cells = topics.map((_, t) => ({ topic: t, catchUpFactor: 3, fresh: over.isNew === true }));
  const lag = new GroupLag(sim, source, cells, 10_000);
  const groups = new ConsumerGroups(
    sim,
    lag,
    source,
    topics.map((_, t) => topic({ name: `t${t}` })),
    [
      {
        name: 'g',
        topics: topics.map((_, t) => t),
        catchUpFactor: 3,
        pollMicros: 0,
        clients: 1,
        fetchMinBytes: 1,
        fetchMaxWaitMicros: 500_000,
        members: someMembers(over, topics.length),
        owner: '',
      },
    ],
    1000,
  );
  return { sim, lag, groups, group: groups.groups[0]!, topics };
}
