/**
 * `rehearse/testing`: random platforms and scenarios for fast-check, and laws that no run may break, so that a team can keep laws about
 * its own platform in its own suite.
 */
import fc from 'fast-check';
import { BrokenInvariant } from './engine/simulation.ts';
import type { Result } from './experiment/result.ts';
import type { KafkaCluster } from './models/kafka/cluster.ts';
import { noLeader, replicaState } from './models/kafka/tables.ts';
import { exactReading } from './promql/evaluate.ts';
import { type Built, build } from './scenario/build.ts';
import type { Scenario } from './scenario/load.ts';

export interface PlatformOptions {
  readonly brokers?: { readonly min: number; readonly max: number };
  readonly partitionsPerTopic?: { readonly min: number; readonly max: number };
  readonly topics?: { readonly min: number; readonly max: number };
}

/** What `arbitraryScenario` makes: YAML text that extends the shipped defaults, and its size. */
export interface ScenarioText {
  readonly text: string;
  readonly brokers: number;
  readonly partitions: number;
}

/**
 * Random platforms as YAML below `models/`: brokers of unlike size in up to three zones, one to three or five controllers, topics of every
 * replication factor and acks, groups that read some of them.
 */
export function arbitraryPlatform(options: PlatformOptions = {}): fc.Arbitrary<{
  readonly settings: Readonly<Record<string, unknown>>;
  readonly brokers: number;
  readonly partitions: number;
}> {
  const {
    brokers = { min: 1, max: 16 },
    topics = { min: 1, max: 5 },
    partitionsPerTopic = { min: 1, max: 60 },
  } = options;
  return fc
    .record({
      count: fc.integer(brokers),
      racks: fc.boolean(),
      sizes: fc.array(fc.constantFrom('i3en.2xlarge', 'i3en.6xlarge', 'i3en.xlarge'), {
        minLength: 3,
        maxLength: 3,
        size: 'max',
      }),
      dedicated: fc.boolean(),
      minIsr: fc.integer({ min: 1, max: 3 }),
      fetchers: fc.integer({ min: 1, max: 3 }),
      unclean: fc.boolean(),
      topics: fc.array(
        fc.record({
          partitions: fc.integer(partitionsPerTopic),
          factor: fc.integer({ min: 1, max: 5 }),
          megabytes: fc.oneof(
            { weight: 1, arbitrary: fc.constant(0) },
            { weight: 4, arbitrary: fc.integer({ min: 1, max: 200 }) },
          ),
          acks: fc.constantFrom('all', 'all', '1', '0'),
          zipf: fc.boolean(),
        }),
        { minLength: topics.min, maxLength: topics.max, size: 'max' },
      ),
    })
    .map((p) => {
      const voters = Math.min(p.count, 3);
      const made = p.topics.map((t, i) => ({
        name: `topic-${i}`,
        partitions: t.partitions,
        replicationFactor: Math.min(t.factor, p.count),
        bytesIn: `${t.megabytes}MB/s`,
        messagesIn: `${t.megabytes * 100}/s`,
        acks: t.acks,
        shares: t.zipf ? { zipf: 0.8 } : 'even',
      }));
      return {
        brokers: p.count,
        partitions: made.reduce((sum, t) => sum + t.partitions, 0),
        settings: {
          kubernetes: {
            nodes: Array.from({ length: p.count }, (_, id) => ({
              name: `node-${id}`,
              instance: p.sizes[id % 3],
              zone: `zone-${id % 3}`,
            })),
          },
          kafka: {
            controllers: p.dedicated
              ? { mode: 'dedicated', ids: [100, 101, 102], active: 100 }
              : { mode: 'combined', active: 0 },
            config: {
              'min.insync.replicas': Math.min(p.minIsr, p.count),
              'num.replica.fetchers': p.fetchers,
              'unclean.leader.election.enable': p.unclean,
            },
            brokers: Array.from({ length: p.count }, (_, id) => ({
              id,
              node: `node-${id}`,
              ...(p.racks ? { rack: `zone-${id % 3}` } : {}),
              ...(p.dedicated ? {} : { controller: id < voters }),
              diskUsed: '100GB',
              disk: '2.5TB',
              pageCache: '5GiB',
            })),
            holdLogsAtInitialSize: true,
            topics: made,
            consumerGroups: [{ name: 'readers', topics: made.map((t) => t.name), pollInterval: '5ms' }],
          },
        },
      };
    });
}

/** Random scenarios on random platforms: restarts, rolls with and without a wait, nodes replaced, load that changes. */
export function arbitraryScenario(options: PlatformOptions = {}): fc.Arbitrary<ScenarioText> {
  const step = fc.record({
    at: fc.integer({ min: 1, max: 900 }),
    kind: fc.constantFrom('restart', 'restart', 'roll', 'strimzi', 'replace'),
    broker: fc.nat(),
    down: fc.integer({ min: 15, max: 200 }),
    natural: fc.boolean(),
    waitFor: fc.constantFrom('inSync', 'ready', 'nothing'),
  });
  return fc
    .record({
      platform: arbitraryPlatform(options),
      steps: fc.array(step, { minLength: 1, maxLength: 6, size: 'max' }),
      seed: fc.string({ minLength: 1, maxLength: 8 }),
      burst: fc.option(
        fc.record({ at: fc.integer({ min: 10, max: 900 }), factor: fc.integer({ min: 0, max: 3 }) }),
        { nil: undefined },
      ),
    })
    .map(({ platform, steps, seed, burst }) => {
      const timeline = steps.map((s, i) => {
        const broker = s.broker % platform.brokers;
        const times = s.natural
          ? {}
          : { downTime: `${s.down}s`, drain: `${Math.min(10, Math.floor(s.down / 2))}s` };
        const head = { at: `+${s.at}s`, id: `step-${i}` };
        switch (s.kind) {
          case 'roll':
            return { ...head, do: 'operations.rollingRestart', waitFor: s.waitFor, ...times };
          case 'strimzi':
            return { ...head, do: 'strimzi.rollingRestart', manual: true };
          case 'replace':
            return { ...head, do: 'operations.replaceNode', broker, ...times };
          default:
            return { ...head, do: 'operations.restart', broker, ...times };
        }
      });
      const settings = platform.settings as { kafka: { topics: Record<string, unknown>[] } };
      const curves =
        burst === undefined
          ? {}
          : {
              workload: {
                curves: [
                  {
                    name: 'all',
                    burst: { at: `${burst.at}s`, for: '60s', factor: burst.factor, ramp: '5s' },
                  },
                ],
              },
            };
      const kafka =
        burst === undefined
          ? settings.kafka
          : { ...settings.kafka, topics: settings.kafka.topics.map((t) => ({ ...t, curve: 'all' })) };
      const data = {
        rehearse: 1,
        title: 'a random scenario',
        extends: [
          '../models/hardware/aws-ec2.yaml',
          '../models/kubernetes/kubernetes-1.30.yaml',
          '../models/strimzi/strimzi-0.42.yaml',
          '../models/kafka/kafka-3.7.yaml',
        ],
        from: '2025-01-01T00:00:00Z',
        to: '+20m',
        seed: `seed ${seed}`,
        ...settings,
        ...curves,
        kafka,
        timeline,
      };
      return {
        text: JSON.stringify(data, null, 1),
        brokers: platform.brokers,
        partitions: platform.partitions,
      };
    });
}

/** What a watched run saw, for counting how often an interesting case occurred. */
export interface Watched {
  readonly built: Built;
  readonly isrShrank: boolean;
  readonly underMinIsr: boolean;
  readonly leaderless: boolean;
}

interface Snapshot {
  readonly epoch: Int32Array;
  readonly leader: Int32Array;
  readonly watermark: Float64Array;
  readonly logEnd: Float64Array;
}

/** Each law takes the state before and after an instant and throws with a sentence. */
export const laws = {
  isrWithinReplicas(kafka: KafkaCluster): void {
    kafka.tables.verify();
  },
  leaderInIsr(kafka: KafkaCluster): void {
    const { tables } = kafka;
    for (let p = 0; p < tables.partitionCount; p += 1) {
      const leader = tables.leader[p]!;
      if (leader === noLeader) continue;
      const r = tables.replicaOn(p, leader);
      if (r < 0 || tables.inSync[r] === 0)
        throw new BrokenInvariant(`${tables.partitionName(p)} is led by a replica out of sync`);
      if (tables.state[r] !== replicaState.live)
        throw new BrokenInvariant(`${tables.partitionName(p)} is led by a replica that is behind`);
    }
  },
  oneLeaderPerEpoch(kafka: KafkaCluster, before: Snapshot): void {
    const { tables } = kafka;
    for (let p = 0; p < tables.partitionCount; p += 1) {
      if (tables.leaderEpoch[p]! < before.epoch[p]!)
        throw new BrokenInvariant(`${tables.partitionName(p)}: the leader epoch fell`);
      if (tables.leaderEpoch[p] === before.epoch[p] && tables.leader[p] !== before.leader[p]) {
        throw new BrokenInvariant(
          `${tables.partitionName(p)}: two leaders in epoch ${tables.leaderEpoch[p]}`,
        );
      }
    }
  },
  highWatermarkMonotone(kafka: KafkaCluster, before: Snapshot): void {
    const { tables } = kafka;
    for (let p = 0; p < tables.partitionCount; p += 1) {
      const now = kafka.writes.highWatermark(p);
      if (tables.leaderEpoch[p] === before.epoch[p] && now < before.watermark[p]!) {
        throw new BrokenInvariant(
          `${tables.partitionName(p)}: the high watermark moved back from ${before.watermark[p]} to ${now} within leader epoch ${tables.leaderEpoch[p]}`,
        );
      }
      if (now > tables.logEndBytes[p]!)
        throw new BrokenInvariant(`${tables.partitionName(p)}: the high watermark is beyond the log`);
    }
  },
  urpEqualsRecount(kafka: KafkaCluster): void {
    kafka.gauges.verify();
  },
  /** Offered = written + failed + waiting, for each topic, to a byte a partition. */
  bytesConserved(kafka: KafkaCluster): void {
    const { tables, traffic, writes } = kafka;
    tables.topics.forEach((topic, t) => {
      let written = 0;
      for (let p = tables.firstPartition[t]!; p < tables.firstPartition[t + 1]!; p += 1) {
        traffic.settle(p);
        written += tables.logEndBytes[p]!;
      }
      const offered = traffic.volumeOf(t);
      const lost = writes.possiblyLostBytes.get(t);
      const found = written + lost + writes.failedBytesOf(t) + writes.waitingBytes(t);
      if (Math.abs(found - offered) > topic.partitions + offered * 1e-9) {
        throw new BrokenInvariant(
          `${topic.name}: ${offered} bytes offered, ${found} written, failed or waiting`,
        );
      }
    });
  },
} as const;

function snapshot(kafka: KafkaCluster): Snapshot {
  const { tables } = kafka;
  return {
    epoch: tables.leaderEpoch.slice(),
    leader: tables.leader.slice(),
    watermark: Float64Array.from({ length: tables.partitionCount }, (_, p) => kafka.writes.highWatermark(p)),
    logEnd: tables.logEndBytes.slice(),
  };
}

/** Plays a scenario and holds every law after every instant. @throws BrokenInvariant with time, event and seed */
export function playUnderLaws(scenario: Scenario, seed = scenario.seed): Watched {
  const built = build(scenario, { seed, record: 'all', keepEvents: true });
  const kafka = built.models.kafka as KafkaCluster;
  let before = snapshot(kafka);
  let isrShrank = false;
  let underMinIsr = false;
  let leaderless = false;
  const checkAll = () => {
    laws.isrWithinReplicas(kafka);
    laws.leaderInIsr(kafka);
    laws.oneLeaderPerEpoch(kafka, before);
    laws.highWatermarkMonotone(kafka, before);
    laws.urpEqualsRecount(kafka);
    laws.bytesConserved(kafka);
    before = snapshot(kafka);
    isrShrank ||= kafka.gauges.brokersOutOfSync.get(0) > 0;
    underMinIsr ||= kafka.gauges.underMinIsrMinutes.slope(0) > 0;
    leaderless ||= kafka.gauges.offlinePartitions.get(0) > 0;
  };
  // At the end of each instant, in steps of what happened: a snapshot of every partition for each is the price of the proof.
  let last = -1;
  built.sim.invariant('laws', checkAll);
  built.sim.beforeAdvance(() => {
    if (last === built.sim.now) return false;
    last = built.sim.now;
    built.sim.checkInvariants();
    return false;
  });
  built.sim.run(built.until);
  return { built, isrShrank, underMinIsr, leaderless };
}

/** A finished result holds together: sums, bounds and verdicts. */
export function checkResult(result: Result): void {
  for (const name of result.series.names) {
    for (const series of result.series.of(name)) {
      for (let i = 1; i < series.length; i += 1) {
        if (!(series.times[i]! > series.times[i - 1]!)) throw new BrokenInvariant(`${name}: time goes back`);
      }
      const end = exactReading.instant(series, result.playedMicros);
      if (end !== undefined && !Number.isFinite(end)) throw new BrokenInvariant(`${name} ends as ${end}`);
    }
  }
  const failed = result.expectations.some((e) => e.verdict === 'fail');
  if (failed !== (result.verdict === 'fail'))
    throw new BrokenInvariant('the verdict is not that of the expectations');
}
