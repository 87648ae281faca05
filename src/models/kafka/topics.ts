import type { Kind, Simulation } from '../../engine/simulation.ts';
import type { Controller } from './controller.ts';
import { StripedReplicaPlacer } from './placement.ts';
import type { Replication } from './replication.ts';
import type { ClusterSettings } from './settings.ts';
import { type ClusterTables, noLeader } from './tables.ts';
import type { Traffic } from './traffic.ts';
import type { Writes } from './writes.ts';

/** Why Kafka refuses new partitions, by the name of the error. */
export type CreatePartitionsError =
  | 'UNKNOWN_TOPIC_OR_PARTITION'
  | 'INVALID_PARTITIONS'
  | 'POLICY_VIOLATION'
  | 'INVALID_REPLICATION_FACTOR';

/** More new partitions in one request are too many records. Source: Kafka 3.7 `QuorumController.MAX_RECORDS_PER_USER_OP`, `EventHandlerExceptionInfo`. */
export const mostNewPartitions = 10_000;

/** metadata.max.age.ms of a producer that does not set it. Source: Kafka 3.7 `CommonClientConfigs`, `ProducerConfig`. */
const defaultMetadataAgeMicros = 300_000_000;
/** Producers find new partitions over their metadata's age, which is played in so many steps, each with its mean. */
const discoverySteps = 20;

/** A topic that was given more partitions. */
export interface Increase {
  readonly topic: number;
  readonly from: number;
  readonly to: number;
  /** When the controller committed it, and when the last producer has found the new partitions, microseconds. */
  readonly at: number;
  readonly foundAt: number;
  /** How far behind the slowest group read when the last producer had found them, microseconds; NaN before. */
  lagMicros: number;
}

/**
 * Share of keys that go to another partition where murmur2(key) mod n becomes mod m: 1 - min(n, m) / lcm(n, m).
 *
 * Over lcm(n, m) hash values, which are equally likely, the two remainders are equal for min(n, m) of them.
 * Source: Kafka 3.7 `BuiltInPartitioner.partitionForKey` for the mapping; the formula is ours.
 */
export function keysMoved(n: number, m: number): number {
  return 1 - (Math.min(n, m) * gcd(n, m)) / (n * m);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/**
 * Shares of m partitions once every producer has found them, from the shares of n. Records without keys go evenly to all. The keys of an old
 * partition i have all hash values that leave i mod n, equally often: of those the ones that leave j mod m come from every i with
 * i = j mod gcd(n, m), so that new share j = gcd / m x sum of their old shares.
 *
 * Source: Kafka 3.7 `BuiltInPartitioner`; the formula is ours. Simplified: a partition is hot by many keys, not by one.
 */
export function sharesAfter(old: Float64Array, m: number, keyed: boolean): Float64Array {
  if (!keyed) return new Float64Array(m).fill(1 / m);
  const g = gcd(old.length, m);
  const sums = new Float64Array(g);
  for (let i = 0; i < old.length; i += 1) sums[i % g] += old[i];
  return Float64Array.from({ length: m }, (_, j) => (sums[j % g] * g) / m);
}

/**
 * More partitions for a topic. The controller places them as it places a new topic, from fresh offsets of the stripe; nothing that
 * exists moves, and the new ones are empty. Nothing is written to them until producers find them: each within
 * metadata.max.age.ms, evenly spread, so that the traffic goes over in a ramp, played in twenty steps.
 *
 * Source: Kafka 3.7 `ReplicationControlManager.createPartitions`, `ProducerMetadata`. Simplified: an error that makes a producer
 * look at the metadata sooner does not shorten the ramp.
 */
export class Topics {
  /** What was increased so far. */
  readonly increases: Increase[] = [];
  /** Partitions [from, to) of a topic exist from now on. */
  readonly onPartitionsAdded: ((topic: number, from: number, to: number) => void)[] = [];
  /** Shares of a topic's partitions changed; they are in `tables.share`. */
  readonly onShares: ((topic: number) => void)[] = [];
  /** How old what the slowest group reads of a topic is, microseconds. */
  lagMicros: (topic: number) => number = () => 0;
  /** Called before the share of a partition changes, and after those of a topic have. */
  beforeShare: (partition: number) => void = () => {};
  afterShares: (topic: number) => void = () => {};

  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly tables: ClusterTables;
  private readonly traffic: Traffic;
  private readonly controller: Controller;
  private readonly replication: Replication;
  private readonly writes: Writes;
  private readonly committed: Kind;
  private readonly found: Kind;
  /** By topic: shares at the increase, and when all producers have found it. */
  private readonly ramps = new Map<number, { from: Float64Array; to: Float64Array; increase: Increase }>();

  constructor(
    sim: Simulation,
    settings: ClusterSettings,
    tables: ClusterTables,
    traffic: Traffic,
    controller: Controller,
    replication: Replication,
    writes: Writes,
  ) {
    this.sim = sim;
    this.settings = settings;
    this.tables = tables;
    this.traffic = traffic;
    this.controller = controller;
    this.replication = replication;
    this.writes = writes;
    this.committed = sim.on('kafka.partitionsCreated', (topic, count) => this.onCommitted(topic, count));
    this.found = sim.on('kafka.partitionsFound', (topic, step, begun) => this.onFound(topic, step, begun));
  }

  /**
   * Asks the controller for more partitions.
   * @param topic row of the topic
   * @param count how many it is to have
   * @returns the error that Kafka answers with; undefined where the request is taken up
   */
  createPartitions(topic: number, count: number): CreatePartitionsError | undefined {
    const error = this.refusal(topic, count);
    if (error !== undefined) return error;
    this.controller.whenActive(-1, () => {
      this.sim.after(this.controller.commitDelay('createPartitions'), this.committed, topic, count);
    });
    return undefined;
  }

  private refusal(topic: number, count: number): CreatePartitionsError | undefined {
    const { tables } = this;
    if (!(topic >= 0 && topic < tables.topics.length)) return 'UNKNOWN_TOPIC_OR_PARTITION';
    const rows = tables.firstPartition[topic + 1] - tables.firstPartition[topic];
    // More rows than were kept for it: a bound of ours.
    if (count <= tables.partitionsOf[topic] || count > rows) return 'INVALID_PARTITIONS';
    if (count - tables.partitionsOf[topic] > mostNewPartitions) return 'POLICY_VIOLATION';
    const { fenced, inControlledShutdown } = this.controller.registrations;
    const usable = Array.from(fenced.keys()).filter((b) => inControlledShutdown[b] === 0 || fenced[b] === 1);
    if (usable.length < this.factorOf(topic) || usable.every((b) => fenced[b] === 1))
      return 'INVALID_REPLICATION_FACTOR';
    return undefined;
  }

  /** New partitions have as many replicas as the first one. */
  private factorOf(topic: number): number {
    return this.tables.replicaCount[this.tables.firstPartition[topic]];
  }

  /** Somebody's request for more partitions came back with an error. */
  refused(topic: number, error: CreatePartitionsError): void {
    this.sim.tell('kafka.partitionsRefused', this.settings.topics[topic].name, error);
  }

  private onCommitted(topic: number, count: number): void {
    const { sim, tables, controller, settings } = this;
    const { name, keyed, producers } = settings.topics[topic];
    const error = this.refusal(topic, count);
    if (error !== undefined) {
      this.refused(topic, error);
      return;
    }
    const { fenced, inControlledShutdown } = controller.registrations;
    const placer = new StripedReplicaPlacer(
      settings.brokers
        .map((b, row) => ({ row, id: b.id, rack: b.rack, fenced: fenced[row] === 1 }))
        .filter((b) => inControlledShutdown[b.row] === 0 || b.fenced),
      sim.stream(`topic/${name}`, 'placement'),
    );
    const before = tables.partitionsOf[topic];
    const factor = this.factorOf(topic);
    const first = tables.firstPartition[topic];
    const created: number[] = [];
    for (let i = before; i < count; i += 1) {
      controller.createPartition(first + i, placer.place(factor));
      created.push(first + i);
    }
    const led = created.filter((p) => tables.leader[p] !== noLeader);
    if (led.length > 0) controller.publish(led, tables.leader[led[0]], new Map(), false);
    controller.beginFetching();
    sim.tell('kafka.partitionsCreated', name, `${before} to ${count} partitions`);
    const from = tables.share.slice(first, first + count);
    const to = sharesAfter(from.slice(0, before), count, keyed ?? true);
    const ageMicros = producers.metadataMaxAgeMicros ?? defaultMetadataAgeMicros;
    const increase = {
      topic,
      from: before,
      to: count,
      at: sim.now,
      foundAt: sim.now + ageMicros,
      lagMicros: Number.NaN,
    };
    this.increases.push(increase);
    this.ramps.set(topic, { from, to, increase });
    for (const listener of this.onPartitionsAdded) listener(topic, before, count);
    if (ageMicros === 0) this.onFound(topic, discoverySteps, sim.now);
    else this.onFound(topic, 0, sim.now);
  }

  /** So many steps of the ramp that began then are over. */
  private onFound(topic: number, step: number, begun: number): void {
    const { sim, tables, replication, writes } = this;
    const ramp = this.ramps.get(topic);
    // Another increase began meanwhile, from where this one had come.
    if (ramp === undefined || ramp.increase.at !== begun) return;
    const { from, to, increase } = ramp;
    const part = step === discoverySteps ? 1 : (step + 0.5) / discoverySteps;
    const first = tables.firstPartition[topic];
    replication.beforeLoadChange();
    for (let i = 0; i < to.length; i += 1) {
      this.beforeShare(first + i);
      writes.reshare(first + i, from[i] + part * (to[i] - from[i]));
    }
    replication.afterLoadChange();
    this.afterShares(topic);
    for (const listener of this.onShares) listener(topic);
    if (step === discoverySteps) {
      this.ramps.delete(topic);
      increase.lagMicros = this.lagMicros(topic);
      sim.tell('kafka.partitionsFound', this.settings.topics[topic].name, 'by every producer');
      return;
    }
    const age = increase.foundAt - increase.at;
    const at = Math.max(sim.now + 1, increase.at + Math.round((age * (step + 1)) / discoverySteps));
    sim.at(at, this.found, topic, step + 1, begun);
  }

  /** Bytes that were produced to a partition since it was created in this run; its log began at 0. */
  producedBytes(partition: number): number {
    this.traffic.settle(partition);
    return this.tables.logEndBytes[partition];
  }
}
