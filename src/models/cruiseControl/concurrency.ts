/** How many movements may go on at once. Source of keys and defaults: Cruise Control 2.5 `ExecutorConfig`. */
export interface ConcurrencySettings {
  /** `num.concurrent.partition.movements.per.broker`. */
  readonly movementsPerBroker: number;
  /** `max.num.cluster.partition.movements`: partitions that move between brokers in the whole cluster. */
  readonly movementsInCluster: number;
  /** `max.num.cluster.movements`: shared out among brokers that a request lifts the limit for. */
  readonly movementsOfAllKinds: number;
  /** `num.concurrent.leader.movements`. */
  readonly leadersInCluster: number;
  /** `num.concurrent.leader.movements.per.broker`. */
  readonly leadersPerBroker: number;
}

/** `concurrency.adjuster.*`. */
export interface AdjusterSettings {
  readonly replicaMovements: boolean;
  readonly leadershipMovements: boolean;
  readonly minIsrCheck: boolean;
  /** `concurrency.adjuster.interval.ms` and how many checks of min ISR fall into it. */
  readonly intervalMicros: number;
  readonly minIsrChecks: number;
}

/** Additive increase, multiplicative decrease. Source: Cruise Control 2.5 `ExecutorConfig`, `concurrency.adjuster.*` defaults. */
export const adjusterSteps = {
  /** The first check comes so long after Cruise Control has started. Source: `Executor`. */
  initialDelayMicros: 120_000_000,
  decrease: 2,
  replicas: { increase: 1, min: 1, max: 12 },
  leadersPerBroker: { increase: 25, min: 25, max: 500 },
  leadersInCluster: { increase: 100, min: 100, max: 1100 },
  /** So many brokers over their limits lower the cluster's value as well. */
  brokersForCluster: 2,
} as const;

export interface ConcurrencyRequest {
  readonly movementsPerBroker?: number | undefined;
  readonly movementsInCluster?: number | undefined;
  readonly leadersInCluster?: number | undefined;
  readonly leadersPerBroker?: number | undefined;
  /** Brokers for which the limit of each is lifted: `throttle_added_broker=false`, `throttle_removed_broker=false`. */
  readonly unlimitedBrokers?: readonly number[] | undefined;
}

type Step = { readonly increase: number; readonly min: number; readonly max: number };

/** One above its limit is left there by an increase, one below by a decrease. */
const raised = (value: number, step: Step) =>
  value < step.max ? Math.min(step.max, value + step.increase) : value;
const lowered = (value: number, step: Step) =>
  value > step.min ? Math.max(step.min, Math.floor(value / adjusterSteps.decrease)) : value;

/** The limits of one execution, which the adjuster moves. Source: Cruise Control 2.5 `ExecutionConcurrencyManager`. */
export class Concurrency {
  readonly movementsInCluster: number;
  leadersInCluster: number;
  private readonly perBroker: number;
  private readonly leaders: number;
  private readonly replicas = new Map<number, number>();
  private readonly leadersOf = new Map<number, number>();
  private readonly unlimited: ReadonlySet<number>;
  private readonly unlimitedCap: number;

  constructor(settings: ConcurrencySettings, request: ConcurrencyRequest, involved: readonly number[]) {
    this.movementsInCluster = request.movementsInCluster ?? settings.movementsInCluster;
    this.leadersInCluster = request.leadersInCluster ?? settings.leadersInCluster;
    this.perBroker = request.movementsPerBroker ?? settings.movementsPerBroker;
    this.leaders = request.leadersPerBroker ?? settings.leadersPerBroker;
    this.unlimited = new Set((request.unlimitedBrokers ?? []).filter((b) => involved.includes(b)));
    this.unlimitedCap = Math.floor(settings.movementsOfAllKinds / Math.max(1, this.unlimited.size));
  }

  /** Partitions that may move from or to a broker at once. */
  movementsOf(broker: number): number {
    return this.unlimited.has(broker) ? this.unlimitedCap : (this.replicas.get(broker) ?? this.perBroker);
  }

  leadersOfBroker(broker: number): number {
    return this.leadersOf.get(broker) ?? this.leaders;
  }

  /** Fewer movements of these brokers. */
  lowerReplicas(brokers: readonly number[]): void {
    for (const b of brokers)
      this.replicas.set(b, lowered(this.replicas.get(b) ?? this.perBroker, adjusterSteps.replicas));
  }

  lowerLeaders(brokers: readonly number[]): void {
    for (const b of brokers)
      this.leadersOf.set(b, lowered(this.leadersOfBroker(b), adjusterSteps.leadersPerBroker));
    if (brokers.length > 0)
      this.leadersInCluster = lowered(this.leadersInCluster, adjusterSteps.leadersInCluster);
  }

  /** By what the brokers' metrics say: fewer for those over a limit, more for the others. */
  adjustReplicas(brokers: readonly number[], isOver: (broker: number) => boolean): void {
    for (const b of brokers) {
      const now = this.replicas.get(b) ?? this.perBroker;
      this.replicas.set(b, (isOver(b) ? lowered : raised)(now, adjusterSteps.replicas));
    }
  }

  adjustLeaders(brokers: readonly number[], isOver: (broker: number) => boolean): void {
    let over = 0;
    for (const b of brokers) {
      const change = isOver(b) ? lowered : raised;
      if (isOver(b)) over += 1;
      this.leadersOf.set(b, change(this.leadersOfBroker(b), adjusterSteps.leadersPerBroker));
    }
    const change = over >= adjusterSteps.brokersForCluster ? lowered : raised;
    this.leadersInCluster = change(this.leadersInCluster, adjusterSteps.leadersInCluster);
  }
}
