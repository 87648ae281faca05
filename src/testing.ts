/**
 * `rehearse/testing`: random platforms and scenarios for fast-check, and laws that no run may break, so that a team can keep laws about
 * its own platform in its own suite.
 */
import { gone } from './engine/gauge.ts';
import { BrokenInvariant, type Simulation, type SimulationOptions } from './engine/simulation.ts';
import type { Result } from './experiment/result.ts';
import { brokerState } from './models/kafka/broker.ts';
import type { KafkaCluster } from './models/kafka/cluster.ts';
import type { GroupLag } from './models/kafka/groupLag.ts';
import { noLeader, replicaState } from './models/kafka/tables.ts';
import { exactValue } from './promql/exact.ts';
import { type Built, build } from './scenario/build.ts';
import type { Scenario } from './scenario/load.ts';

export {
  arbitraryChangingScenario,
  arbitraryFaultyScenario,
  arbitraryPlatform,
  arbitraryScenario,
  type PlatformOptions,
  type ScenarioText,
} from './arbitraryScenarios.ts';

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
      const l = leader[p]!;
      // A leader that has not learnt of its election serves nobody.
      if (l === noLeader || serves[l] === 0 || state[tables.replicaOn(p, l)] !== replicaState.live)
        this.offline += 1;
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

/** Replica lists that partitions had at first and that somebody asked for since. */
export class AskedReplicas {
  private readonly kafka: KafkaCluster;
  private readonly known = new Map<number, Set<string>>();
  private readonly cancelled = new Set<number>();

  constructor(kafka: KafkaCluster) {
    this.kafka = kafka;
    const { reassignments } = kafka;
    const { alter } = reassignments;
    reassignments.alter = (p, target) => {
      if (target === null) this.cancelled.add(p);
      else this.known.get(p)?.add(target.join());
      return alter.call(reassignments, p, target);
    };
    this.verify();
  }

  /**
   * A partition that is not being moved has the replicas that it had or that were asked for, each broker once. One whose move was cancelled may
   * keep replicas of several of them: a cancelled override takes out only what the override added.
   */
  verify(): void {
    const { tables, reassignments } = this.kafka;
    for (let p = 0; p < tables.partitionCount; p += 1) {
      if (!tables.exists(p)) continue;
      const now = tables.assigned(p);
      const known = this.known.get(p);
      if (known === undefined) this.known.set(p, new Set([now.join()]));
      if (new Set(now).size !== now.length)
        throw new BrokenInvariant(`${tables.partitionName(p)} has two replicas on one broker: ${now}`);
      if (known === undefined || reassignments.isActive(p) || known.has(now.join())) continue;
      const all = [...known].join().split(',');
      if (!this.cancelled.has(p) || now.some((b) => !all.includes(String(b))))
        throw new BrokenInvariant(
          `${tables.partitionName(p)} has the replicas ${now}, and nobody asked for them: ${[...known].join(' or ')}`,
        );
    }
  }
}

/** Messages that came to each topic of the groups with members, recounted over time. */
export class LagRecount {
  private readonly sim: Simulation;
  private readonly lag: GroupLag;
  private readonly came: Float64Array;
  private readonly rate: Float64Array;
  private since = 0;

  constructor(sim: Simulation, lag: GroupLag) {
    this.sim = sim;
    this.lag = lag;
    this.came = new Float64Array(lag.cells.length);
    this.rate = new Float64Array(lag.cells.length);
    const { burst, reset, reread } = lag;
    const noted = (cell: number, change: () => void) => {
      const before = this.accounted(cell);
      change();
      this.came[cell]! += this.accounted(cell) - before;
    };
    lag.burst = (cell, partition, messages) => noted(cell, () => burst.call(lag, cell, partition, messages));
    lag.reset = (cell, micros) => noted(cell, () => reset.call(lag, cell, micros));
    lag.reread = (reader, micros) => {
      // What is read again came once.
      const before = this.came.slice();
      const messages = reread.call(lag, reader, micros);
      this.came.set(before);
      return messages;
    };
    this.note();
  }

  private accounted(cell: number): number {
    return this.lag.read(cell) + this.lag.waiting(cell) + this.lag.cells[cell]!.skipped;
  }

  /** To be called at the end of every instant. */
  note(): void {
    const elapsed = (this.sim.now - this.since) / 1e6;
    this.since = this.sim.now;
    this.lag.cells.forEach((cell, c) => {
      this.came[c]! += this.rate[c]! * elapsed;
      this.rate[c] = cell.inRate.reduce((sum, rate) => sum + rate, 0);
    });
  }

  /** What came was read, waits, or was passed over. */
  verify(): void {
    this.lag.cells.forEach((_, c) => {
      const found = this.accounted(c);
      if (Math.abs(found - this.came[c]!) > 1 + this.came[c]! * 1e-9)
        throw new BrokenInvariant(`${found} messages read, waiting or skipped, and ${this.came[c]} came`);
    });
  }
}

interface Snapshot {
  readonly epoch: Int32Array;
  readonly leader: Int32Array;
  readonly watermark: Float64Array;
  readonly logEnd: Float64Array;
}

/** What is unknown yet is -1, and what is asked for beyond what a card or disk gives leaves less than nothing of it. */
const mayBeNegative = new Set([
  'rehearse:cruise_control_goal_status',
  'kafka_cruisecontrol_anomalydetector_balancedness_score_value',
  'rehearse:nic_baseline_headroom_ratio',
  'rehearse:disk_read_headroom_ratio',
  'rehearse:disk_write_headroom_ratio',
]);

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
      // A move may leave a partition fewer replicas than min.insync.replicas asks for.
      let minimum = Number.POSITIVE_INFINITY;
      for (let i = 0; i < tables.partitionsOf[t]!; i += 1)
        minimum = Math.min(minimum, tables.effectiveMinIsr(tables.firstPartition[t]! + i));
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
   * controller nothing is claimed, nor for partitions with a replica on a broker that is not running, as one with a full disk, or that are being
   * moved or held back by a throttle that has not been removed.
   */
  healed(kafka: KafkaCluster): void {
    const { tables, brokers, writes, controller, reassignments, throttle } = kafka;
    if (controller.active < 0) return;
    const broken = (p: number, says: string) => {
      throw new BrokenInvariant(`${tables.partitionName(p)} ${says} after everything has ended`);
    };
    for (let p = 0; p < tables.partitionCount; p += 1) {
      if (!tables.exists(p) || reassignments.isActive(p)) continue;
      let excused = false;
      for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
        if (tables.broker[r]! < 0) continue;
        const holds = throttle.holds(r, tables.leader[p]!);
        if (
          !brokers.isRunning(tables.broker[r]!) ||
          (tables.inSync[r] === 0 && (holds.leader || holds.follower))
        )
          excused = true;
      }
      if (excused) continue;
      if (tables.leader[p] === noLeader) broken(p, 'has no leader');
      if (tables.isrCount[p] !== tables.replicationFactor(p))
        broken(p, `has ${tables.isrCount[p]} replicas in sync`);
      if (tables.writable[p] === 0) broken(p, 'cannot be written');
      if (writes.highWatermark(p) !== tables.logEndBytes[p]) broken(p, 'has a high watermark that stands');
    }
  },
  /** No measure is anything but a number, and none is negative but for a few. */
  measuresAreNumbers(sim: Simulation): void {
    for (const [name, gauge] of sim.gauges) {
      if (mayBeNegative.has(name)) continue;
      for (let row = 0; row < gauge.rows; row += 1) {
        const value = gauge.get(row);
        // Sums leave a rest of rounding.
        if (value !== gone && !(value >= -1e-3))
          throw new BrokenInvariant(`${name} of row ${row} is ${value}`);
      }
    }
  },
  /**
   * Each partition that a group subscribes to has one reader, where nothing has happened for long and its coordinator answers. Nothing is claimed for
   * a group none of whose members runs, or where one of them is lost in a batch, nor for partitions that a static leader found at its return:
   * it skips the assignment (KAFKA-13435) and takes them for known.
   */
  everyPartitionRead(kafka: KafkaCluster): void {
    const { membership } = kafka.consumers;
    if (membership === undefined) return;
    const { lag } = membership;
    for (const g of membership.groups) {
      const running = g.seats.filter((m) => m.running);
      if (running.length === 0 || !membership.serves(g.row)) continue;
      if (g.settings.isStatic && g.settings.protocol === 'classic') continue;
      if (running.some((m) => m.tooLate !== undefined || m.arrival !== undefined)) continue;
      g.topics.forEach((_, place) => {
        const subscribed = running.some((m) => g.settings.subscriptions[m.seat]?.includes(place) ?? true);
        const cell = lag.cells[g.firstCell + place]!;
        cell.reader.forEach((reader, p) => {
          if (reader < 0 && subscribed)
            throw new BrokenInvariant(`${g.name}: nobody reads partition ${p} of ${g.topicNames[place]}`);
          if (reader >= 0 && !running.includes(membership.members[reader]!))
            throw new BrokenInvariant(`${g.name}: ${membership.members[reader]!.id} reads and does not run`);
        });
      });
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
  const asked = new AskedReplicas(kafka);
  const { membership } = kafka.consumers;
  const lag = membership === undefined ? undefined : new LagRecount(built.sim, membership.lag);
  let isrShrank = false;
  let underMinIsr = false;
  let leaderless = false;
  let twoAway = false;
  let withoutQuorum = false;
  let instants = 0;
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
    // All measures at every instant would cost more than the rest.
    if (instants % 16 === 0) laws.measuresAreNumbers(built.sim);
    instants += 1;
    asked.verify();
    lag?.note();
    lag?.verify();
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
  laws.measuresAreNumbers(built.sim);
  return { built, isrShrank, underMinIsr, leaderless, twoAway, withoutQuorum, recount };
}

/** A finished result holds together: sums, bounds and verdicts. */
export function checkResult(result: Result): void {
  for (const name of result.series.names) {
    for (const series of result.series.of(name)) {
      for (let i = 1; i < series.length; i += 1) {
        if (!(series.times[i]! > series.times[i - 1]!)) throw new BrokenInvariant(`${name}: time goes back`);
      }
      const end = exactValue(series, result.playedMicros);
      if (end !== undefined && !Number.isFinite(end)) throw new BrokenInvariant(`${name} ends as ${end}`);
    }
  }
  const failed = result.expectations.some((e) => e.verdict === 'fail');
  if (failed !== (result.verdict === 'fail'))
    throw new BrokenInvariant('the verdict is not that of the expectations');
}
