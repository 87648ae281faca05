import type { Gauge } from '../../engine/gauge.ts';
import { type Process, type ProcessBody, Signal, sleep } from '../../engine/process.ts';
import type { Simulation } from '../../engine/simulation.ts';
import {
  type AdjusterSettings,
  adjusterSteps,
  Concurrency,
  type ConcurrencyRequest,
  type ConcurrencySettings,
} from './concurrency.ts';
import type { Proposal } from './description.ts';
import {
  dataToMoveMb,
  type ExecutionTask,
  leadershipBatch,
  makeTask,
  type PartitionHealth,
  ReplicaMovementPlan,
  type TaskState,
  taskState,
  taskStates,
} from './executionTasks.ts';

import { bytesPerMb } from './loads.ts';

/** What the executor sees of the cluster through its admin client, and does to it. Brokers are node ids. */
export interface ExecutorPort {
  /** A number for a partition, used by all that follows; undefined where there is none of that name. */
  readonly partition: (topic: string, partition: number) => number | undefined;
  /** Replicas in list order, with those that are being added or removed. */
  readonly replicas: (partition: number) => readonly number[];
  readonly leader: (partition: number) => number | undefined;
  readonly allInSync: (partition: number) => boolean;
  readonly isReassigning: (partition: number) => boolean;
  /** Whether any partition of the cluster is being reassigned, by whomever. */
  readonly anyReassigning: () => boolean;
  /** Asks for a reassignment, or with null for its end. @returns why it is refused */
  readonly alter: (partition: number, replicas: readonly number[] | null) => string | undefined;
  readonly electPreferred: (partitions: readonly number[]) => void;
  /** Whether a broker stands in the cluster's metadata. */
  readonly isAlive: (broker: number) => boolean;
  readonly health: (partition: number) => PartitionHealth;
  /** Every partition of the cluster, as `partition` numbers them. */
  readonly partitions: () => Iterable<number>;
  /** Whether a broker's metrics are over one of the concurrency adjuster's limits. */
  readonly isOverLimits: (broker: number) => boolean;
  /** Both rates, bytes per second, as dynamic configuration of a broker. */
  readonly setThrottle: (broker: number, bytesPerSecond: number) => void;
  readonly clearThrottle: (broker: number) => void;
  /** Adds replicas to both lists of throttled replicas of a partition's topic, or takes them out. */
  readonly listThrottled: (partition: number, brokers: readonly number[]) => void;
  readonly unlistThrottled: (partition: number, brokers: readonly number[]) => void;
}

export interface ExecutorSettings {
  readonly concurrency: ConcurrencySettings;
  readonly adjuster: AdjusterSettings;
  /** `execution.progress.check.interval.ms`. */
  readonly checkMicros: number;
  /** `min.execution.progress.check.interval.ms`: the interval never falls below it. */
  readonly minCheckMicros: number;
  /** `leader.movement.timeout.ms`. */
  readonly leaderTimeoutMicros: number;
  /** `default.replication.throttle`, bytes per second of each broker and side; absent: none. */
  readonly throttle: number | undefined;
  /** `default.replica.movement.strategies`. */
  readonly strategies: readonly string[];
}

export interface ExecutionRequest extends ConcurrencyRequest {
  readonly proposals: readonly Proposal[];
  /** Who asked, for the told events. */
  readonly reason: string;
  readonly throttle?: number | undefined;
  readonly checkMicros?: number | undefined;
  readonly strategies?: readonly string[] | undefined;
  /** Looked at with every check of progress: why the execution is to be stopped. */
  readonly halt?: (() => string | undefined) | undefined;
}

/** Source: Cruise Control 2.5 `ExecutorState.State`, without those of the analyzer, which takes no time here, and of moves between disks. */
export const executorStates = [
  'NO_TASK_IN_PROGRESS',
  'STARTING_EXECUTION',
  'INTER_BROKER_REPLICA_MOVEMENT_TASK_IN_PROGRESS',
  'LEADER_MOVEMENT_TASK_IN_PROGRESS',
  'STOPPING_EXECUTION',
] as const;
export type ExecutorState = (typeof executorStates)[number];

/** How an execution ended. */
export interface ExecutionSummary {
  readonly reason: string;
  readonly seconds: number;
  readonly replicaTasks: number;
  readonly leadershipTasks: number;
  readonly completed: number;
  readonly dead: number;
  /** Never begun, since the execution was stopped. */
  readonly cancelled: number;
  /** Left to Kafka in the middle of their move, throttled, when a dead destination stopped the execution. */
  readonly abandoned: number;
  readonly movedMb: number;
  readonly stopped: string | undefined;
}

/** What became of a task. */
export const taskOutcomes = ['completed', 'dead', 'cancelled', 'abandoned'] as const;

const checkStepMicros = 1_000_000;

/** An execution that is under way. */
interface Execution {
  readonly request: ExecutionRequest;
  readonly startedAt: number;
  readonly concurrency: Concurrency;
  readonly throttle: number | undefined;
  readonly requestedCheckMicros: number;
  checkMicros: number;
  readonly plan: ReplicaMovementPlan;
  readonly replicaTasks: readonly ExecutionTask[];
  leadershipPending: readonly ExecutionTask[];
  readonly leadershipTasks: readonly ExecutionTask[];
  readonly inProgress: Set<ExecutionTask>;
  readonly busy: Map<number, number>;
  stop: string | undefined;
}

/**
 * Plays proposals against the cluster: moves of replicas in batches within the brokers' slots, looked after at every check of progress, then
 * leadership by preferred leader elections.
 *
 * Source: Cruise Control 2.5 `Executor`, `ExecutionTaskManager`, `ReplicationThrottleHelper`. A task is done when the partition's replica list is
 * the proposed one, in its order, with all of it in sync. When a destination has died its task is dead, its reassignment is cancelled and the
 * execution ends at once: what else was in progress is left to Kafka, throttled as it was. A stop rolls back everything in progress.
 *
 * Simplified: no topic is deleted, no replica moves between the disks of a broker; requests to Kafka take no time of their own.
 */
export class Executor {
  readonly settings: ExecutorSettings;
  /** Raised when an execution has ended. */
  readonly ended = new Signal('cruise control execution ended');
  last: ExecutionSummary | undefined;
  onEnd: (summary: ExecutionSummary) => void = () => {};
  state: ExecutorState = 'NO_TASK_IN_PROGRESS';
  private readonly sim: Simulation;
  private readonly port: ExecutorPort;
  private running: Execution | undefined;
  private nextTask = 0;
  private readonly replicaActions: readonly Gauge[];
  private readonly leadershipActions: readonly Gauge[];
  private readonly replicaCap: Gauge;
  private readonly leadershipCap: Gauge;
  private readonly started: Gauge;
  private readonly stopped: Gauge;
  private readonly stateGauge: Gauge;
  private readonly seconds: Gauge;
  private readonly toMoveBytes: Gauge;
  private readonly movedBytes: Gauge;
  private readonly outcomes: Gauge;

  constructor(sim: Simulation, settings: ExecutorSettings, port: ExecutorPort) {
    this.sim = sim;
    this.settings = settings;
    this.port = port;
    const jmx = 'kafka_cruisecontrol_executor';
    const actions = (kind: string) =>
      taskStates.map((state) => sim.gauge(`${jmx}_${kind}_action_${state}_value`, 1));
    this.replicaActions = actions('replica');
    this.leadershipActions = actions('leadership');
    this.replicaCap = sim.gauge(`${jmx}_inter_broker_partition_movements_per_broker_cap_value`, 1);
    this.leadershipCap = sim.gauge(`${jmx}_leadership_movements_global_cap_value`, 1);
    this.started = sim.gauge(`${jmx}_execution_started_non_kafka_assigner_value`, 1);
    this.stopped = sim.gauge(`${jmx}_execution_stopped_value`, 1);
    this.stateGauge = sim.gauge('rehearse:cruise_control_executor_state', executorStates.length);
    this.seconds = sim.gauge('rehearse:cruise_control_execution_seconds', 1, { linear: true });
    this.toMoveBytes = sim.gauge('rehearse:cruise_control_data_to_move_bytes', 1);
    this.movedBytes = sim.gauge('rehearse:cruise_control_finished_data_bytes', 1);
    this.outcomes = sim.gauge('rehearse:cruise_control_tasks_total', taskOutcomes.length);
    this.enter('NO_TASK_IN_PROGRESS');
    this.replicaCap.set(0, settings.concurrency.movementsPerBroker);
    this.leadershipCap.set(0, settings.concurrency.leadersInCluster);
  }

  get isIdle(): boolean {
    return this.running === undefined;
  }

  /** Starts an execution. @returns why it is refused */
  execute(request: ExecutionRequest): string | undefined {
    if (!this.isIdle) return 'another execution is in progress';
    if (this.port.anyReassigning())
      return 'partitions are being reassigned that this execution did not ask for';
    const { settings, port, sim } = this;
    const replicaTasks: ExecutionTask[] = [];
    const leadershipTasks: ExecutionTask[] = [];
    const known: { proposal: Proposal; partition: number }[] = [];
    for (const proposal of request.proposals) {
      const partition = port.partition(proposal.topic, proposal.partition);
      if (partition !== undefined) known.push({ proposal, partition });
    }
    for (const { proposal, partition } of known) {
      if (this.isMoved(partition, proposal)) continue;
      replicaTasks.push(makeTask(this.nextTask, proposal, partition));
      this.nextTask += 1;
    }
    for (const { proposal, partition } of known) {
      const newLeader = proposal.newReplicas[0];
      if (proposal.oldLeader === newLeader || port.leader(partition) === newLeader) continue;
      leadershipTasks.push(makeTask(this.nextTask, proposal, partition));
      this.nextTask += 1;
    }
    const plan = new ReplicaMovementPlan(
      replicaTasks,
      request.strategies ?? settings.strategies,
      port.health,
    );
    const checkMicros = request.checkMicros ?? settings.checkMicros;
    const execution: Execution = {
      request,
      startedAt: sim.now,
      concurrency: new Concurrency(settings.concurrency, request, plan.brokers),
      throttle: request.throttle ?? settings.throttle,
      requestedCheckMicros: checkMicros,
      checkMicros,
      plan,
      replicaTasks,
      leadershipPending: leadershipTasks,
      leadershipTasks,
      inProgress: new Set(),
      busy: new Map(plan.brokers.map((b) => [b, 0])),
      stop: undefined,
    };
    this.running = execution;
    this.enter('STARTING_EXECUTION');
    this.started.set(0, 1);
    this.seconds.set(0, 0, 1);
    this.movedBytes.set(0, 0);
    this.toMoveBytes.set(0, replicaTasks.reduce((sum, t) => sum + dataToMoveMb(t), 0) * bytesPerMb);
    this.replicaActions[taskState.pending].set(0, replicaTasks.length);
    this.leadershipActions[taskState.pending].set(0, leadershipTasks.length);
    this.showCaps(execution);
    sim.tell(
      'cruiseControl.executionStarted',
      request.reason,
      `${replicaTasks.length} partitions to move, ${leadershipTasks.length} leaders`,
    );
    const adjuster = this.startAdjuster(execution);
    sim.spawn('cruise control execution', this.body(execution, adjuster));
    return undefined;
  }

  /** The execution under way: who asked for it, and how far it is. */
  get underWay():
    | { readonly reason: string; readonly pending: number; readonly inProgress: number }
    | undefined {
    const { running } = this;
    return running === undefined
      ? undefined
      : {
          reason: running.request.reason,
          pending: running.plan.pendingCount + running.leadershipPending.length,
          inProgress: running.inProgress.size,
        };
  }

  /** Ends the execution at its next check of progress; false when there is none. */
  stop(reason: string): boolean {
    const { running } = this;
    if (running === undefined) return false;
    if (running.stop === undefined) {
      running.stop = reason;
      this.enter('STOPPING_EXECUTION');
      this.stopped.add(0, 1);
      this.sim.tell('cruiseControl.stopRequested', running.request.reason, reason);
    }
    return true;
  }

  /** Partitions that move from or to a broker now. */
  inProgressOf(broker: number): number {
    return this.running?.busy.get(broker) ?? 0;
  }

  private body(execution: Execution, adjuster: Process | undefined): ProcessBody {
    const executor = this;
    return function* () {
      yield* executor.moveReplicas(execution);
      yield* executor.moveLeaders(execution);
      adjuster?.interrupt('the execution has ended');
      executor.finish(execution);
    };
  }

  private *moveReplicas(e: Execution): Generator<ReturnType<typeof sleep>, void, number> {
    const { plan, inProgress, concurrency } = e;
    if (plan.pendingCount > 0 && e.stop === undefined)
      this.enter('INTER_BROKER_REPLICA_MOVEMENT_TASK_IN_PROGRESS');
    while ((plan.pendingCount > 0 || inProgress.size > 0) && e.stop === undefined) {
      const ready = new Map<number, number>();
      for (const [broker, count] of e.busy)
        ready.set(broker, Math.max(0, concurrency.movementsOf(broker) - count));
      const batch = plan.next(ready, concurrency.movementsInCluster - inProgress.size);
      const refused = this.submit(e, batch);
      const finished = yield* this.untilOneIsMoved(e, refused);
      this.clearThrottles(e, finished);
      // Sooner where all that was in progress is done, later again where some is left.
      e.checkMicros =
        inProgress.size === 0
          ? Math.max(this.settings.minCheckMicros, e.checkMicros - checkStepMicros)
          : Math.min(e.requestedCheckMicros, e.checkMicros + checkStepMicros);
    }
    e.checkMicros = e.requestedCheckMicros;
  }

  private submit(e: Execution, batch: readonly ExecutionTask[]): ReadonlySet<ExecutionTask> {
    const { port } = this;
    const refused = new Set<ExecutionTask>();
    if (e.throttle !== undefined) {
      const brokers = new Set(batch.flatMap((t) => takingPart(t)));
      for (const b of brokers) if (port.isAlive(b)) port.setThrottle(b, e.throttle);
      for (const t of batch) port.listThrottled(t.partition, takingPart(t));
    }
    for (const task of batch) {
      this.begin(e, task, this.replicaActions);
      for (const b of task.slots) e.busy.set(b, e.busy.get(b)! + 1);
    }
    for (const task of batch) if (this.ask(task) !== undefined) refused.add(task);
    return refused;
  }

  private ask(task: ExecutionTask): string | undefined {
    return this.port.alter(task.partition, task.proposal.newReplicas);
  }

  /** Checks progress until a task has finished, well or badly. @returns those that have */
  private *untilOneIsMoved(
    e: Execution,
    refused: ReadonlySet<ExecutionTask>,
  ): Generator<ReturnType<typeof sleep>, readonly ExecutionTask[], number> {
    const { port } = this;
    const rejected = new Set(refused);
    for (;;) {
      yield sleep(e.checkMicros);
      this.lookAtHalt(e);
      const finished: ExecutionTask[] = [];
      const cancelled: ExecutionTask[] = [];
      for (const task of e.inProgress) {
        if (e.stop !== undefined) {
          cancelled.push(task);
        } else if (this.isMoved(task.partition, task.proposal)) {
          finished.push(task);
          this.end(e, task, taskState.completed, this.replicaActions);
        } else if (rejected.has(task) || task.proposal.newReplicas.some((b) => !port.isAlive(b))) {
          cancelled.push(task);
        }
      }
      for (const task of cancelled) {
        finished.push(task);
        this.end(e, task, taskState.dead, this.replicaActions);
        port.alter(task.partition, null);
      }
      if (cancelled.length > 0 && e.stop === undefined) {
        const [first] = cancelled;
        const gone = first.proposal.newReplicas.filter((b) => !port.isAlive(b));
        this.stop(
          gone.length === 0
            ? `${nameOf(first)} cannot be reassigned`
            : `${cancelled.length} tasks are dead: broker ${gone.join(', ')} is down`,
        );
        return finished;
      }
      if (cancelled.length > 0) {
        while (cancelled.some((task) => port.isReassigning(task.partition))) yield sleep(e.checkMicros);
      }
      if (e.inProgress.size === 0 || finished.length > 0) return finished;
      // Somebody has cancelled what is in progress: it is asked for again.
      const tasks = [...e.inProgress];
      if (tasks.some((task) => !port.isReassigning(task.partition)))
        for (const task of tasks) if (this.ask(task) !== undefined) rejected.add(task);
    }
  }

  /** Removes the throttle of what has finished: from its topics' lists, and from the brokers that no task in progress needs. */
  private clearThrottles(e: Execution, finished: readonly ExecutionTask[]): void {
    if (e.throttle === undefined) return;
    const { port } = this;
    const needed = new Set([...e.inProgress].flatMap((t) => takingPart(t)));
    const brokers = new Set(finished.flatMap((t) => takingPart(t)));
    for (const b of brokers) if (!needed.has(b)) port.clearThrottle(b);
    for (const t of finished) port.unlistThrottled(t.partition, takingPart(t));
  }

  private *moveLeaders(e: Execution): Generator<ReturnType<typeof sleep>, void, number> {
    const { port, sim } = this;
    const { concurrency, inProgress } = e;
    if (e.leadershipPending.length > 0 && e.stop === undefined)
      this.enter('LEADER_MOVEMENT_TASK_IN_PROGRESS');
    while (e.leadershipPending.length > 0 && e.stop === undefined) {
      const { batch, rest } = leadershipBatch(e.leadershipPending, concurrency.leadersInCluster, (b) =>
        concurrency.leadersOfBroker(b),
      );
      e.leadershipPending = rest;
      for (const task of batch) this.begin(e, task, this.leadershipActions);
      while (inProgress.size > 0) {
        port.electPreferred([...inProgress].map((task) => task.partition));
        yield sleep(e.checkMicros);
        this.lookAtHalt(e);
        for (const task of inProgress) {
          const newLeader = task.proposal.newReplicas[0];
          const isLate = sim.now > task.startedAt + this.settings.leaderTimeoutMicros;
          if (e.stop !== undefined) this.end(e, task, taskState.dead, this.leadershipActions);
          else if (port.leader(task.partition) === newLeader)
            this.end(e, task, taskState.completed, this.leadershipActions);
          else if (!port.isAlive(newLeader) || isLate)
            this.end(e, task, taskState.dead, this.leadershipActions);
        }
      }
    }
  }

  private finish(e: Execution): void {
    const { sim } = this;
    // Those whose destination lives, where a dead one has stopped the execution.
    const abandoned = e.inProgress.size;
    const count = (state: TaskState) =>
      [...e.replicaTasks, ...e.leadershipTasks].filter((t) => t.state === state).length;
    const summary: ExecutionSummary = {
      reason: e.request.reason,
      seconds: (sim.now - e.startedAt) / 1e6,
      replicaTasks: e.replicaTasks.length,
      leadershipTasks: e.leadershipTasks.length,
      completed: count(taskState.completed),
      dead: count(taskState.dead),
      cancelled: count(taskState.pending),
      abandoned,
      movedMb: e.replicaTasks.reduce(
        (sum, t) => (t.state === taskState.completed ? sum + dataToMoveMb(t) : sum),
        0,
      ),
      stopped: e.stop,
    };
    this.last = summary;
    this.running = undefined;
    this.started.set(0, 0);
    this.seconds.set(0, summary.seconds);
    for (const gauge of [...this.replicaActions, ...this.leadershipActions]) gauge.set(0, 0);
    taskOutcomes.forEach((outcome, i) => {
      this.outcomes.add(i, summary[outcome]);
    });
    this.replicaCap.set(0, this.settings.concurrency.movementsPerBroker);
    this.leadershipCap.set(0, this.settings.concurrency.leadersInCluster);
    this.enter('NO_TASK_IN_PROGRESS');
    sim.tell(
      summary.stopped === undefined ? 'cruiseControl.executionFinished' : 'cruiseControl.executionStopped',
      summary.reason,
      summaryText(summary),
    );
    if (abandoned > 0) {
      sim.tell(
        'cruiseControl.tasksAbandoned',
        summary.reason,
        e.throttle === undefined
          ? `${abandoned} partitions`
          : `${abandoned} partitions, whose throttle nobody removes`,
      );
    }
    this.onEnd(summary);
    this.ended.raise();
  }

  private isMoved(partition: number, proposal: Proposal): boolean {
    const now = this.port.replicas(partition);
    const { newReplicas } = proposal;
    return (
      now.length === newReplicas.length &&
      now.every((b, i) => b === newReplicas[i]) &&
      this.port.allInSync(partition)
    );
  }

  private begin(e: Execution, task: ExecutionTask, gauges: readonly Gauge[]): void {
    task.startedAt = this.sim.now;
    e.inProgress.add(task);
    this.mark(task, taskState.inProgress, gauges);
  }

  private end(e: Execution, task: ExecutionTask, state: TaskState, gauges: readonly Gauge[]): void {
    e.inProgress.delete(task);
    this.mark(task, state, gauges);
    if (gauges !== this.replicaActions) return;
    for (const b of task.slots) e.busy.set(b, e.busy.get(b)! - 1);
    if (state === taskState.completed) this.movedBytes.add(0, dataToMoveMb(task) * bytesPerMb);
  }

  private mark(task: ExecutionTask, state: TaskState, gauges: readonly Gauge[]): void {
    gauges[task.state].add(0, -1);
    gauges[state].add(0, 1);
    task.state = state;
  }

  private lookAtHalt(e: Execution): void {
    if (e.stop !== undefined) return;
    const why = e.request.halt?.();
    if (why !== undefined) this.stop(why);
  }

  private enter(state: ExecutorState): void {
    this.state = state;
    for (let i = 0; i < executorStates.length; i += 1)
      this.stateGauge.set(i, executorStates[i] === state ? 1 : 0);
  }

  // The concurrency adjuster.

  private startAdjuster(e: Execution): Process | undefined {
    const { adjuster } = this.settings;
    if (!adjuster.replicaMovements && !adjuster.leadershipMovements) return undefined;
    const executor = this;
    const { sim } = this;
    const every = Math.round(adjuster.intervalMicros / adjuster.minIsrChecks);
    return sim.spawn('cruise control concurrency adjuster', function* () {
      // It runs from the start of Cruise Control on, which is that of the run.
      let run = Math.max(0, Math.floor((sim.now - adjusterSteps.initialDelayMicros) / every) + 1);
      for (;;) {
        yield sleep(adjusterSteps.initialDelayMicros + run * every - sim.now);
        executor.adjust(e, run % adjuster.minIsrChecks === 0);
        run += 1;
      }
    });
  }

  /** One run of the adjuster: the check of min ISR first; metrics only where that says nothing. Source: `Executor.ConcurrencyAdjuster`. */
  private adjust(e: Execution, withMetrics: boolean): void {
    const { adjuster } = this.settings;
    const ofReplicas = this.state === 'INTER_BROKER_REPLICA_MOVEMENT_TASK_IN_PROGRESS';
    const ofLeaders = this.state === 'LEADER_MOVEMENT_TASK_IN_PROGRESS';
    if (!(ofReplicas && adjuster.replicaMovements) && !(ofLeaders && adjuster.leadershipMovements)) return;
    const atMinIsr = adjuster.minIsrCheck ? this.lookAtMinIsr() : [];
    if (e.stop !== undefined) return;
    const { concurrency, plan } = e;
    const brokers = ofReplicas
      ? plan.brokers
      : [...new Set(e.leadershipTasks.flatMap((t) => t.proposal.newReplicas))];
    if (atMinIsr.length > 0) {
      if (ofReplicas) concurrency.lowerReplicas(atMinIsr);
      else concurrency.lowerLeaders(atMinIsr);
    } else if (withMetrics) {
      if (ofReplicas) concurrency.adjustReplicas(brokers, this.port.isOverLimits);
      else concurrency.adjustLeaders(brokers, this.port.isOverLimits);
    }
    this.showCaps(e);
  }

  /** Stops the execution where a partition is under min ISR although nothing of it is offline. @returns brokers of those at min ISR */
  private lookAtMinIsr(): readonly number[] {
    const { port } = this;
    const brokers = new Set<number>();
    for (const partition of port.partitions()) {
      const health = port.health(partition);
      if (health.offlineReplicas || health.aboveMinIsr > 0) continue;
      if (health.aboveMinIsr < 0) {
        this.stop('partitions are under min ISR without offline replicas');
        return [];
      }
      for (const b of port.replicas(partition)) brokers.add(b);
    }
    return [...brokers];
  }

  /** The smallest limit that a broker of the execution has now. */
  private showCaps(e: Execution): void {
    const caps = e.plan.brokers.map((b) => e.concurrency.movementsOf(b));
    if (caps.length > 0) this.replicaCap.set(0, Math.min(...caps));
    this.leadershipCap.set(0, e.concurrency.leadersInCluster);
  }
}

/** An execution in words. */
export function summaryText(s: ExecutionSummary): string {
  const gigabytes = ((s.movedMb * bytesPerMb) / 1e9).toFixed(1);
  const done = `${s.completed} of ${s.replicaTasks + s.leadershipTasks} tasks, ${gigabytes} GB in ${(s.seconds / 60).toFixed(1)} min`;
  return s.stopped === undefined ? done : `${s.stopped}; ${done}`;
}

/** Brokers of a task's old and new replicas: those that its throttle concerns. */
function takingPart(task: ExecutionTask): readonly number[] {
  return [...task.proposal.oldReplicas, ...task.adds];
}

const nameOf = (task: ExecutionTask) => `${task.proposal.topic}-${task.proposal.partition}`;
