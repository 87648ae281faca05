import type { Kind, Simulation } from '../../engine/simulation.ts';

/** A batch of changes waits so long for more. Source: Strimzi 0.42 `TopicOperatorConfig` (maxBatchLingerMs). */
const lingerMicros = 100_000;
/** All topics are looked at again after so long. Source: Strimzi 0.42 `TopicOperatorConfig` (fullReconciliationIntervalMs). */
const reconciliationMicros = 120_000_000;

/** What the topic operator does in Kafka through its admin client. */
export interface TopicPorts {
  /** Partitions that a topic has now. */
  readonly partitions: (topic: string) => number;
  /** @returns the error that Kafka answers with; undefined where it takes the request up */
  readonly createPartitions: (topic: string, count: number) => string | undefined;
}

/**
 * The topic operator: changes of KafkaTopic resources go to Kafka, and nothing comes back. More partitions in the resource are created; fewer
 * make it not ready ("Decreasing partitions not supported"), again with each reconciliation. What Kafka refuses is tried again
 * every two minutes. A resource annotated `strimzi.io/managed: "false"` is left alone.
 *
 * Source: Strimzi 0.42 `BatchingLoop`, `BatchingTopicController`.
 */
export class TopicOperator {
  private readonly sim: Simulation;
  private readonly ports: TopicPorts;
  /** Partitions that each resource names, in the order in which they were changed; those that are not managed are left out. */
  private readonly specs = new Map<string, number>();
  private readonly names: string[] = [];
  private readonly changed: Kind;
  private readonly reconcile: Kind;
  private waits = false;

  constructor(sim: Simulation, ports: TopicPorts) {
    this.sim = sim;
    this.ports = ports;
    this.changed = sim.on('strimzi.topicBatch', (name) => this.apply(this.names[name]));
    this.reconcile = sim.on('strimzi.topicReconciliation', () => {
      this.waits = false;
      for (const topic of this.specs.keys()) this.apply(topic);
    });
  }

  /** Somebody changes a KafkaTopic. @param managed false: annotated so that the operator leaves it alone */
  change(topic: string, partitions: number, managed: boolean): void {
    if (!managed) {
      this.specs.delete(topic);
      this.sim.tell('strimzi.topicUnmanaged', topic, `${partitions} partitions`);
      return;
    }
    this.specs.set(topic, partitions);
    this.sim.after(lingerMicros, this.changed, this.names.length);
    this.names.push(topic);
  }

  private apply(topic: string): void {
    const wanted = this.specs.get(topic);
    if (wanted === undefined) return;
    const found = this.ports.partitions(topic);
    if (wanted === found) return;
    const error =
      wanted < found ? 'Decreasing partitions not supported' : this.ports.createPartitions(topic, wanted);
    if (error === undefined) {
      this.sim.tell('strimzi.topicChanged', topic, `${found} to ${wanted} partitions`);
      return;
    }
    this.sim.tell('strimzi.topicNotReady', topic, error);
    if (this.waits) return;
    this.waits = true;
    const u = this.sim.stream('topicOperator', 'reconciliationPhase')();
    this.sim.after(Math.max(1, Math.ceil(u * reconciliationMicros)), this.reconcile);
  }
}
