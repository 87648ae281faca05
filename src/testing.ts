/**
 * `rehearse/testing`: random platforms and scenarios for fast-check, and laws that no run may break, so that a team can keep laws about
 * its own platform in its own suite.
 */
import fc from 'fast-check';
import { BrokenInvariant, type Simulation, type SimulationOptions } from './engine/simulation.ts';
import type { Result } from './experiment/result.ts';
import { brokerState } from './models/kafka/broker.ts';
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

/**
 * Random scenarios as `arbitraryScenario` makes them, and in their first twenty minutes up to three blows: crashes of one broker, of two
 * within a few seconds or of the first two, which are voters where controllers are combined; a lost machine or zone, with its disks or
 * without; a crash of the active controller; a broker, a zone or two zones that are cut off. Each is over before the next one comes. After
 * 75 of 150 minutes nothing is sent any more, so that whatever can catch up has caught up at the end.
 */
export function arbitraryFaultyScenario(options: PlatformOptions = {}): fc.Arbitrary<ScenarioText> {
  const blow = fc.record({
    kind: fc.constantFrom(
      'crash',
      'crash',
      'pair',
      'pair',
      'voters',
      'voters',
      'node',
      'zone',
      'controller',
      'isolate',
      'isolate',
      'cut',
    ),
    offset: fc.integer({ min: 0, max: 150 }),
    for: fc.integer({ min: 1, max: 200 }),
    broker: fc.nat(),
    other: fc.nat(),
    apart: fc.integer({ min: 0, max: 8 }),
    disks: fc.constantFrom('kept', 'kept', 'lost'),
  });
  return fc
    .record({
      scenario: arbitraryScenario(options),
      blows: fc.array(blow, { minLength: 1, maxLength: 3, size: 'max' }),
    })
    .map(({ scenario, blows }) => {
      const { brokers } = scenario;
      const faults = blows.flatMap((blown, i) => {
        const at = 1 + i * 400 + blown.offset;
        const lasts = `${blown.for}s`;
        const broker = blown.kind === 'voters' ? 0 : blown.broker % brokers;
        const others = Math.max(1, brokers - 1);
        const other = blown.kind === 'voters' ? 1 : (broker + 1 + (blown.other % others)) % brokers;
        const zones = [broker % 3, other % 3].map((zone) => `zone-${zone}`);
        const fault = (action: string, args: object, later = 0) => ({
          at: `+${at + later}s`,
          id: `fault-${i}-${later > 0 ? 'later' : 'first'}`,
          do: `faults.${action}`,
          for: lasts,
          ...args,
        });
        const crash = fault('broker', { broker });
        switch (blown.kind) {
          case 'pair':
          case 'voters':
            return brokers === 1 ? [crash] : [crash, fault('broker', { broker: other }, 1 + blown.apart)];
          case 'node':
            return [fault('node', { node: `node-${broker}`, disks: blown.disks })];
          case 'zone':
            return [fault('zone', { zone: zones[0], disks: blown.disks })];
          case 'controller':
            return [fault('controller', {})];
          case 'isolate':
            return [fault('network', { broker })];
          case 'cut':
            return [fault('network', zones[0] === zones[1] ? { zone: zones[0] } : { between: zones })];
          default:
            return [crash];
        }
      });
      const data = JSON.parse(scenario.text);
      const quiet = { at: '75m', for: '75m', factor: 0, ramp: '5s' };
      return {
        ...scenario,
        text: JSON.stringify(
          {
            ...data,
            to: '+150m',
            timeline: [...data.timeline, ...faults],
            workload: { curves: [{ name: 'all', burst: quiet }] },
            kafka: {
              ...data.kafka,
              topics: data.kafka.topics.map((t: object) => ({ ...t, curve: 'all' })),
            },
          },
          null,
          1,
        ),
      };
    });
}

/** What a watched run saw, for counting how often an interesting case occurred. */
export interface Watched {
  readonly built: Built;
  readonly isrShrank: boolean;
  readonly underMinIsr: boolean;
  readonly leaderless: boolean;
  /** Two brokers or more were not running, or cut off, at one time. */
  readonly twoAway: boolean;
  /** No majority of the voters was running at one time. */
  readonly withoutQuorum: boolean;
  readonly recount: Recount;
}

/**
 * What is counted over time, recounted from the plain rows: partition-seconds without a leader that serves, partition-seconds in which
 * nothing can be written, how many replicas of one partition have failed, and what was lost.
 */
export class Recount {
  private readonly kafka: KafkaCluster;
  private readonly sim: Simulation;
  private since = 0;
  private offline = 0;
  private blocked = 0;
  offlineSeconds = 0;
  blockedSeconds = 0;
  /** By topic: the most replicas of one partition that are away, behind or out of the ISR now. */
  readonly failed: Int32Array;
  /** The same, at the end of the instant before this one. */
  readonly failedBefore: Int32Array;
  /** By topic: acknowledged bytes that may have been lost in this instant. */
  readonly lost: Float64Array;
  private readonly lostBefore: Float64Array;

  constructor(kafka: KafkaCluster, sim: Simulation) {
    this.kafka = kafka;
    this.sim = sim;
    this.failed = new Int32Array(kafka.tables.topics.length);
    this.failedBefore = new Int32Array(kafka.tables.topics.length);
    this.lost = new Float64Array(kafka.tables.topics.length);
    this.lostBefore = new Float64Array(kafka.tables.topics.length);
    this.note();
  }

  /** To be called at the end of every instant; again where the instant had more to run. */
  note(): void {
    const { kafka, failed, failedBefore, lost, lostBefore } = this;
    const { tables, writes, brokers } = kafka;
    const { leader, writable, topic, stride, broker, inSync, state } = tables;
    const elapsed = (this.sim.now - this.since) / 1e6;
    for (let t = 0; t < lost.length; t += 1) {
      if (elapsed > 0) {
        failedBefore[t] = failed[t]!;
        lostBefore[t]! += lost[t]!;
      }
      failed[t] = 0;
      lost[t] = writes.possiblyLostBytes.get(t) - lostBefore[t]!;
    }
    this.since = this.sim.now;
    this.offlineSeconds += this.offline * elapsed;
    this.blockedSeconds += this.blocked * elapsed;
    this.offline = 0;
    this.blocked = 0;
    const serves = new Uint8Array(tables.brokerCount);
    const runs = new Uint8Array(tables.brokerCount);
    for (let b = 0; b < tables.brokerCount; b += 1) {
      serves[b] = writes.serving(b) ? 1 : 0;
      runs[b] = brokers.isRunning(b) ? 1 : 0;
    }
    for (let p = 0; p < tables.partitionCount; p += 1) {
      if (!tables.exists(p)) continue;
      if (leader[p] === noLeader || serves[leader[p]!] === 0) this.offline += 1;
      if (writable[p] === 0) this.blocked += 1;
      let away = 0;
      for (let r = p * stride; r < (p + 1) * stride; r += 1) {
        const b = broker[r]!;
        if (b >= 0 && (inSync[r] === 0 || state[r] !== replicaState.live || runs[b] === 0)) away += 1;
      }
      const t = topic[p]!;
      failed[t] = Math.max(failed[t]!, away);
    }
  }
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
      // One that stands still or is cut off has not learnt of its election.
      if (
        tables.state[r] !== replicaState.live &&
        kafka.writes.serving(leader) &&
        kafka.controller.hears(leader)
      )
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
      if (Math.abs(found - offered) > tables.partitionsOf[t]! + offered * 1e-9) {
        throw new BrokenInvariant(
          `${topic.name}: ${offered} bytes offered, ${found} written, failed or waiting`,
        );
      }
    });
  },
  /** What failed, counted as messages over time and as bytes by partition, is the same. */
  failuresAgree(kafka: KafkaCluster): void {
    const { writes, settings } = kafka;
    settings.topics.forEach(({ name, bytesInPerSecond, messagesInPerSecond }, t) => {
      const bytes = writes.failedBytesOf(t);
      const messages = bytesInPerSecond === 0 ? 0 : (bytes * messagesInPerSecond) / bytesInPerSecond;
      const counted = writes.failedSends.get(t);
      if (Math.abs(counted - messages) > 1 + messages * 1e-9)
        throw new BrokenInvariant(`${name}: ${counted} sends failed, by their bytes ${messages}`);
    });
  },
  /**
   * No acknowledged record of a topic with acks=all is lost while min.insync.replicas is 2 or more, unclean election is off and fewer
   * than min.insync.replicas of the replicas of each partition fail at once.
   */
  acknowledgedKept({ tables, settings }: KafkaCluster, { failed, failedBefore, lost }: Recount): void {
    settings.topics.forEach((topic, t) => {
      const minimum = tables.effectiveMinIsr(tables.firstPartition[t]!);
      if (topic.acks !== 'all' || topic.uncleanElection || minimum < 2) return;
      const most = Math.max(failed[t]!, failedBefore[t]!);
      if (lost[t]! > 0 && most < minimum) {
        throw new BrokenInvariant(
          `${topic.name}: ${lost[t]} acknowledged bytes are lost although at most ${most} replicas of a partition failed at once`,
        );
      }
    });
  },
  /** Partition-seconds that were counted as they happened are those of a recount. */
  secondsEqualRecount(kafka: KafkaCluster, { offlineSeconds, blockedSeconds }: Recount): void {
    const { writes } = kafka;
    const same = (what: string, counted: number, recounted: number) => {
      if (Math.abs(counted - recounted) > 1e-6 + recounted * 1e-9)
        throw new BrokenInvariant(`${counted} partition-seconds ${what}, a recount gives ${recounted}`);
    };
    same('without a leader that serves', writes.offlineSeconds.get(0), offlineSeconds);
    same('that nothing could be written', writes.blockedSeconds.get(0), blockedSeconds);
    // Beside them, what the moves of leaders cost clients.
    if (writes.unavailableSeconds.get(0) < offlineSeconds - 1e-6)
      throw new BrokenInvariant('partitions were unavailable for less time than they had no leader');
  },
  /**
   * The cluster is whole: to be asked when all faults have ended and time has passed without load. Where nobody is the active
   * controller nothing is claimed, nor for partitions with a replica on a broker that is not running, as one with a full disk.
   */
  healed(kafka: KafkaCluster): void {
    const { tables, brokers, writes, controller } = kafka;
    if (controller.active < 0) return;
    const broken = (p: number, says: string) => {
      throw new BrokenInvariant(`${tables.partitionName(p)} ${says} after everything has ended`);
    };
    for (let p = 0; p < tables.partitionCount; p += 1) {
      if (!tables.exists(p)) continue;
      let runs = true;
      for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1)
        if (tables.broker[r]! >= 0 && !brokers.isRunning(tables.broker[r]!)) runs = false;
      if (!runs) continue;
      if (tables.leader[p] === noLeader) broken(p, 'has no leader');
      if (tables.isrCount[p] !== tables.replicationFactor(p))
        broken(p, `has ${tables.isrCount[p]} replicas in sync`);
      if (tables.writable[p] === 0) broken(p, 'cannot be written');
      if (writes.highWatermark(p) !== tables.logEndBytes[p]) broken(p, 'has a high watermark that stands');
    }
  },
} as const;

/** High watermarks by partition; -Infinity where the leader has not learnt of its election: it shows none yet. */
export function shownWatermarks(kafka: KafkaCluster): Float64Array {
  const { tables, writes } = kafka;
  const shown = new Float64Array(tables.partitionCount);
  for (let p = 0; p < shown.length; p += 1) {
    const leader = tables.leader[p]!;
    const leads = leader === noLeader || tables.state[tables.replicaOn(p, leader)] === replicaState.live;
    shown[p] = leads ? writes.highWatermark(p) : Number.NEGATIVE_INFINITY;
  }
  return shown;
}

function snapshot(kafka: KafkaCluster): Snapshot {
  const { tables } = kafka;
  return {
    epoch: tables.leaderEpoch.slice(),
    leader: tables.leader.slice(),
    watermark: shownWatermarks(kafka),
    logEnd: tables.logEndBytes.slice(),
  };
}

/**
 * Plays a scenario and holds every law but `healed` after every instant. What is not recorded costs less, above all latency, and
 * changes no result.
 * @throws BrokenInvariant with time, event and seed
 */
export function playUnderLaws(
  scenario: Scenario,
  seed = scenario.seed,
  { record = 'all' }: Pick<SimulationOptions, 'record'> = {},
): Watched {
  const built = build(scenario, { seed, record, keepEvents: true });
  const kafka = built.models.kafka as KafkaCluster;
  const { quorum } = kafka.controller;
  let before = snapshot(kafka);
  const recount = new Recount(kafka, built.sim);
  let isrShrank = false;
  let underMinIsr = false;
  let leaderless = false;
  let twoAway = false;
  let withoutQuorum = false;
  const checkAll = () => {
    recount.note();
    laws.isrWithinReplicas(kafka);
    laws.leaderInIsr(kafka);
    laws.oneLeaderPerEpoch(kafka, before);
    laws.highWatermarkMonotone(kafka, before);
    laws.urpEqualsRecount(kafka);
    laws.bytesConserved(kafka);
    laws.failuresAgree(kafka);
    laws.acknowledgedKept(kafka, recount);
    laws.secondsEqualRecount(kafka, recount);
    before = snapshot(kafka);
    isrShrank ||= kafka.gauges.brokersOutOfSync.get(0) > 0;
    underMinIsr ||= kafka.gauges.underMinIsrMinutes.slope(0) > 0;
    leaderless ||= kafka.gauges.offlinePartitions.get(0) > 0;
    const away = kafka.settings.brokers.filter(
      (_, row) =>
        kafka.brokers.state.get(row) === brokerState.notRunning || !kafka.connectivity.reachable(row),
    );
    twoAway ||= away.length >= 2;
    withoutQuorum ||= quorum.voterIds.filter((id) => quorum.isUp(id)).length * 2 <= quorum.voterIds.length;
  };
  // At the end of each instant, in steps of what happened: a snapshot of every partition for each is the price of the proof.
  let last = -1;
  built.sim.invariant('laws', checkAll);
  built.sim.beforeAdvance(() => {
    if (last === built.sim.now) recount.note();
    else {
      last = built.sim.now;
      built.sim.checkInvariants();
    }
    return false;
  });
  built.sim.run(built.until);
  return { built, isrShrank, underMinIsr, leaderless, twoAway, withoutQuorum, recount };
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
