import type { Simulation } from '../../src/engine/simulation.ts';
import type { Proposal } from '../../src/models/cruiseControl/description.ts';
import type { PartitionHealth } from '../../src/models/cruiseControl/executionTasks.ts';
import type { ExecutorPort, ExecutorSettings } from '../../src/models/cruiseControl/executor.ts';

export const executorSettings = (over: Partial<ExecutorSettings> = {}): ExecutorSettings => ({
  concurrency: {
    movementsPerBroker: 5,
    movementsInCluster: 1250,
    movementsOfAllKinds: 1250,
    leadersInCluster: 1000,
    leadersPerBroker: 250,
  },
  adjuster: {
    replicaMovements: false,
    leadershipMovements: false,
    minIsrCheck: false,
    intervalMicros: 360_000_000,
    minIsrChecks: 5,
  },
  checkMicros: 10_000_000,
  minCheckMicros: 5_000_000,
  leaderTimeoutMicros: 180_000_000,
  throttle: undefined,
  strategies: ['BaseReplicaMovementStrategy'],
  ...over,
});

export interface FakePartition {
  readonly topic: string;
  readonly partition: number;
  replicas: number[];
  leader: number;
  target: readonly number[] | undefined;
  original: readonly number[];
}

/** A cluster that does what it is told after so many seconds, and keeps the book that the laws look at. */
export class FakeCluster {
  readonly partitions: FakePartition[];
  readonly dead = new Set<number>();
  readonly overLimits = new Set<number>();
  readonly healthOf = new Map<number, PartitionHealth>();
  readonly rates = new Map<number, number>();
  readonly listed = new Set<string>();
  readonly asked: { at: number; partition: number; replicas: readonly number[] | null }[] = [];
  /** Moves under way now, and the most of them there ever were, by broker. */
  readonly moving = new Map<number, number>();
  readonly mostMoving = new Map<number, number>();
  readonly elections: number[] = [];
  refuse = new Set<number>();
  electing = true;
  private readonly sim: Simulation;
  private readonly done: number;
  private readonly seconds: (partition: number) => number;

  constructor(
    sim: Simulation,
    proposals: readonly Proposal[],
    seconds: (partition: number) => number = () => 1,
  ) {
    this.sim = sim;
    this.seconds = seconds;
    this.partitions = proposals.map((p) => ({
      topic: p.topic,
      partition: p.partition,
      replicas: [...p.oldReplicas],
      leader: p.oldLeader,
      target: undefined,
      original: [...p.oldReplicas],
    }));
    this.done = sim.on('test.moved', (p, generation) => this.onMoved(p, generation));
  }

  private generation = 0;
  private readonly latest = new Map<number, number>();

  private onMoved(p: number, generation: number): void {
    const one = this.partitions[p]!;
    if (one.target === undefined || this.latest.get(p) !== generation) return;
    if (one.target.some((b) => this.dead.has(b))) return;
    this.count(one, -1);
    one.replicas = [...one.target];
    if (!one.replicas.includes(one.leader)) one.leader = one.replicas[0]!;
    one.original = one.replicas;
    one.target = undefined;
  }

  private count(one: FakePartition, sign: 1 | -1): void {
    for (const b of one.target!.filter((b) => !one.original.includes(b))) {
      const now = (this.moving.get(b) ?? 0) + sign;
      this.moving.set(b, now);
      this.mostMoving.set(b, Math.max(now, this.mostMoving.get(b) ?? 0));
    }
  }

  readonly port: ExecutorPort = {
    partition: (topic, partition) => {
      const at = this.partitions.findIndex((p) => p.topic === topic && p.partition === partition);
      return at < 0 ? undefined : at;
    },
    replicas: (p) => this.partitions[p]!.replicas,
    leader: (p) => this.partitions[p]!.leader,
    allInSync: (p) => this.partitions[p]!.replicas.every((b) => !this.dead.has(b)),
    isReassigning: (p) => this.partitions[p]!.target !== undefined,
    anyReassigning: () => this.partitions.some((p) => p.target !== undefined),
    alter: (p, replicas) => {
      this.asked.push({ at: this.sim.now, partition: p, replicas });
      const one = this.partitions[p]!;
      if (this.refuse.has(p)) return 'INVALID_REPLICA_ASSIGNMENT';
      if (one.target !== undefined) this.count(one, -1);
      if (replicas === null) {
        if (one.target === undefined) return 'NO_REASSIGNMENT_IN_PROGRESS';
        one.replicas = [...one.original];
        one.target = undefined;
        return undefined;
      }
      if (replicas.every((b) => one.original.includes(b))) {
        // A change of order, or fewer replicas: Kafka completes it in the same event.
        one.replicas = [...replicas];
        one.original = one.replicas;
        one.target = undefined;
        if (!one.replicas.includes(one.leader)) one.leader = one.replicas[0]!;
        return undefined;
      }
      one.target = replicas;
      one.replicas = [...replicas, ...one.original.filter((b) => !replicas.includes(b))];
      this.count(one, 1);
      this.generation += 1;
      this.latest.set(p, this.generation);
      this.sim.after(Math.round(this.seconds(p) * 1e6), this.done, p, this.generation);
      return undefined;
    },
    electPreferred: (partitions) => {
      this.elections.push(partitions.length);
      if (!this.electing) return;
      for (const p of partitions) {
        const one = this.partitions[p]!;
        if (!this.dead.has(one.replicas[0]!)) one.leader = one.replicas[0]!;
      }
    },
    isAlive: (b) => !this.dead.has(b),
    health: (p) => this.healthOf.get(p) ?? { aboveMinIsr: 1, underReplicated: false, offlineReplicas: false },
    partitions: () => this.partitions.keys(),
    isOverLimits: (b) => this.overLimits.has(b),
    setThrottle: (b, rate) => {
      this.rates.set(b, rate);
    },
    clearThrottle: (b) => {
      this.rates.delete(b);
    },
    listThrottled: (p, brokers) => {
      for (const b of brokers) this.listed.add(`${p}:${b}`);
    },
    unlistThrottled: (p, brokers) => {
      for (const b of brokers) this.listed.delete(`${p}:${b}`);
    },
  };
}

export const proposal = (
  partition: number,
  oldReplicas: readonly number[],
  newReplicas: readonly number[],
  sizeMb = 100,
): Proposal => ({ topic: 't', partition, oldLeader: oldReplicas[0]!, oldReplicas, newReplicas, sizeMb });
