import type { Proposal } from './description.ts';

/** Source: Cruise Control 2.5 `ExecutionTaskState`. A task is ABORTING or ABORTED only where its topic is deleted, which is not played. */
export const taskState = {
  pending: 0,
  inProgress: 1,
  completed: 2,
  /** A destination died, the change was refused, or the execution was stopped. */
  dead: 3,
} as const;
export type TaskState = (typeof taskState)[keyof typeof taskState];
export const taskStates = ['pending', 'in_progress', 'completed', 'dead'] as const;

/** How a partition stands against min.insync.replicas: replicas in sync minus the minimum. */
export interface PartitionHealth {
  readonly aboveMinIsr: number;
  readonly underReplicated: boolean;
  /** Whether a replica is on a broker that is down or on a directory that is offline. */
  readonly offlineReplicas: boolean;
}

/** One partition's change, as the executor follows it. */
export interface ExecutionTask {
  /** Order in which tasks were made; no two are alike. */
  readonly id: number;
  readonly proposal: Proposal;
  /** The partition, as the port numbers it. */
  readonly partition: number;
  /** Brokers that get a replica. */
  readonly adds: readonly number[];
  /** Brokers that a move takes a slot of: the old leader, which all copies are fetched from, and those that get a replica. */
  readonly slots: readonly number[];
  state: TaskState;
  startedAt: number;
}

export function makeTask(id: number, proposal: Proposal, partition: number): ExecutionTask {
  const { oldLeader, oldReplicas, newReplicas } = proposal;
  const adds = newReplicas.filter((b) => !oldReplicas.includes(b));
  return {
    id,
    proposal,
    partition,
    adds,
    slots: adds.includes(oldLeader) ? adds : [oldLeader, ...adds],
    state: taskState.pending,
    startedAt: Number.NaN,
  };
}

/** What a task copies, MB: the partition's size for each broker that gets a replica. Source: Cruise Control 2.5 `ExecutionProposal`. */
export const dataToMoveMb = (task: ExecutionTask): number => task.proposal.sizeMb * task.adds.length;

/** Negative where `a` goes first. */
type Comparator = (a: ExecutionTask, b: ExecutionTask) => number;

const flag = (first: boolean, second: boolean) => Number(second) - Number(first);

/** Source: Cruise Control 2.5 `executor.strategy`; what two tasks share is left to the next strategy of the chain. */
const comparators: Readonly<Record<string, (health: (partition: number) => PartitionHealth) => Comparator>> =
  {
    BaseReplicaMovementStrategy: () => (a, b) => a.id - b.id,
    PrioritizeLargeReplicaMovementStrategy: () => (a, b) => dataToMoveMb(b) - dataToMoveMb(a),
    PrioritizeSmallReplicaMovementStrategy: () => (a, b) => dataToMoveMb(a) - dataToMoveMb(b),
    PostponeUrpReplicaMovementStrategy: (health) => (a, b) =>
      flag(!health(a.partition).underReplicated, !health(b.partition).underReplicated),
    PrioritizeMinIsrWithOfflineReplicasStrategy: (health) => (a, b) =>
      flag(
        isEndangered(health(a.partition), (above) => above <= 0),
        isEndangered(health(b.partition), (above) => above <= 0),
      ),
    PrioritizeOneAboveMinIsrWithOfflineReplicasStrategy: (health) => (a, b) =>
      flag(
        isEndangered(health(a.partition), (above) => above === 1),
        isEndangered(health(b.partition), (above) => above === 1),
      ),
  };

function isEndangered(health: PartitionHealth, margin: (aboveMinIsr: number) => boolean): boolean {
  return health.offlineReplicas && margin(health.aboveMinIsr);
}

/** Simple names of the classes that `replica.movement.strategies` may list. */
export const movementStrategies: readonly string[] = Object.keys(comparators);

const baseStrategy = 'BaseReplicaMovementStrategy';

/** Strategies in the order given, the base strategy always last. Source: `ReplicaMovementStrategy.chain`. */
function chain(names: readonly string[], health: (partition: number) => PartitionHealth): Comparator {
  const parts = [...names.filter((n) => n !== baseStrategy), baseStrategy].map((name) =>
    comparators[name](health),
  );
  return (a, b) => {
    for (const part of parts) {
      const order = part(a, b);
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** The tasks of one broker, in the order of the strategy; those that were taken are stepped over. */
interface BrokerQueue {
  readonly broker: number;
  readonly tasks: readonly ExecutionTask[];
  /** Every task before this place was taken. */
  head: number;
  left: number;
}

/**
 * Pending moves of replicas between brokers, and which of them may start next.
 *
 * A task stands in the queue of each broker that it takes a slot of. Source: Cruise Control 2.5 `ExecutionTaskPlanner.getInterBrokerReplicaMovementTasks`. The order by a partition's health is that of
 * the moment when the plan was made, as there.
 */
export class ReplicaMovementPlan {
  private readonly queues: BrokerQueue[] = [];
  private readonly byBroker = new Map<number, BrokerQueue>();
  private readonly taken = new Set<ExecutionTask>();
  private readonly place = new Map<ExecutionTask, number>();

  constructor(
    tasks: readonly ExecutionTask[],
    strategies: readonly string[],
    health: (partition: number) => PartitionHealth,
  ) {
    const known = new Map<number, PartitionHealth>();
    for (const task of tasks) known.set(task.partition, health(task.partition));
    const sorted = [...tasks].sort(chain(strategies, (partition) => known.get(partition)!));
    const lists = new Map<number, ExecutionTask[]>();
    sorted.forEach((task, i) => {
      this.place.set(task, i);
      for (const broker of task.slots) {
        const list = lists.get(broker);
        if (list === undefined) lists.set(broker, [task]);
        else list.push(task);
      }
    });
    for (const [broker, list] of lists) {
      const queue = { broker, tasks: list, head: 0, left: list.length };
      this.queues.push(queue);
      this.byBroker.set(broker, queue);
    }
  }

  get pendingCount(): number {
    return this.place.size - this.taken.size;
  }

  /** Brokers that a task of the plan starts from or goes to. */
  get brokers(): readonly number[] {
    return this.queues.map((queue) => queue.broker);
  }

  /**
   * Takes the tasks that start now.
   * @param ready free slots by broker
   * @param clusterSlots free slots of the whole cluster
   */
  next(ready: Map<number, number>, clusterSlots: number): ExecutionTask[] {
    const started: ExecutionTask[] = [];
    for (let added = true; added; ) {
      added = false;
      const involved = new Set<number>();
      for (const queue of [...this.queues].sort((a, b) => this.before(a, b))) {
        if (involved.has(queue.broker) || (ready.get(queue.broker) ?? 0) <= 0) continue;
        if (started.length >= clusterSlots) return started;
        const task = this.firstOf(queue, involved, ready);
        if (task === undefined) continue;
        started.push(task);
        added = true;
        this.take(task);
        for (const broker of task.slots) {
          involved.add(broker);
          ready.set(broker, ready.get(broker)! - 1);
        }
      }
    }
    return started;
  }

  /** The broker whose first task is first; of those with the same the longer queue, then the smaller id. An empty queue is last. */
  private before(a: BrokerQueue, b: BrokerQueue): number {
    const first = this.headPlace(a) - this.headPlace(b);
    if (first !== 0 && !Number.isNaN(first)) return first;
    return b.left - a.left || a.broker - b.broker;
  }

  private headPlace(queue: BrokerQueue): number {
    while (queue.head < queue.tasks.length && this.taken.has(queue.tasks[queue.head])) queue.head += 1;
    return queue.head === queue.tasks.length
      ? Number.POSITIVE_INFINITY
      : this.place.get(queue.tasks[queue.head])!;
  }

  private firstOf(
    queue: BrokerQueue,
    involved: ReadonlySet<number>,
    ready: ReadonlyMap<number, number>,
  ): ExecutionTask | undefined {
    this.headPlace(queue);
    for (let i = queue.head; i < queue.tasks.length; i += 1) {
      const task = queue.tasks[i];
      if (this.taken.has(task)) continue;
      if (task.slots.every((broker) => !involved.has(broker) && (ready.get(broker) ?? 0) > 0)) return task;
    }
    return undefined;
  }

  private take(task: ExecutionTask): void {
    this.taken.add(task);
    for (const broker of task.slots) this.byBroker.get(broker)!.left -= 1;
  }
}

/**
 * Leadership moves that go together: at most so many in all, and for each broker of a task's new replica list at most so many.
 * Source: Cruise Control 2.5 `ExecutionTaskPlanner.getLeadershipMovementTasks`.
 */
export function leadershipBatch(
  pending: readonly ExecutionTask[],
  clusterCap: number,
  brokerCap: (broker: number) => number,
): { readonly batch: readonly ExecutionTask[]; readonly rest: readonly ExecutionTask[] } {
  const batch: ExecutionTask[] = [];
  const rest: ExecutionTask[] = [];
  const count = new Map<number, number>();
  for (const task of pending) {
    const { newReplicas } = task.proposal;
    if (batch.length >= clusterCap || newReplicas.some((b) => (count.get(b) ?? 0) >= brokerCap(b))) {
      rest.push(task);
      continue;
    }
    for (const broker of newReplicas) count.set(broker, (count.get(broker) ?? 0) + 1);
    batch.push(task);
  }
  return { batch, rest };
}
