import type { ModelFinding } from '../../engine/catalogue.ts';
import type { Gauge } from '../../engine/gauge.ts';
import { sleep, waitUntil } from '../../engine/process.ts';
import type { Simulation } from '../../engine/simulation.ts';
import { AnomalyDetector, type DetectorSettings, type GoalCheck } from './anomalyDetector.ts';
import { Constraint } from './constraint.ts';
import type {
  BrokerState,
  ClusterDescription,
  GoalStatus,
  OptimizationRequest,
  OptimizationResult,
  Proposal,
} from './description.ts';
import {
  type ExecutionRequest,
  type ExecutionSummary,
  Executor,
  type ExecutorPort,
  type ExecutorSettings,
  summaryText,
} from './executor.ts';
import { type GoalName, goalNames } from './goals/index.ts';
import { bytesPerMb } from './loads.ts';
import { demotionGoals, missingHardGoals, type RebalanceMode, stateOfNamed } from './modes.ts';
import { Monitor } from './monitor.ts';
import { type DurationBound, movements, shortestDuration } from './movement.ts';
import { balancednessCosts, mendText } from './optimizer.ts';

/** An execution that never ends is said to take at least so long, seconds: thirty years. */
const neverSeconds = 1e9;

export interface RebalanceRequest extends Omit<ExecutionRequest, 'proposals'> {
  readonly mode: RebalanceMode;
  readonly brokers: readonly number[];
  /** Absent: those of the settings. */
  readonly goals?: readonly string[] | undefined;
  readonly skipHardGoalCheck?: boolean | undefined;
  readonly excludedTopics?: readonly string[] | undefined;
  readonly destinationBrokers?: readonly number[] | undefined;
  readonly excludedForLeadership?: readonly number[] | undefined;
  readonly excludedForReplicaMove?: readonly number[] | undefined;
  /** Ends what is under way and then begins; otherwise a request is refused while something is. */
  readonly stopOngoing?: boolean | undefined;
}

export interface CruiseControlSettings {
  /** `default.goals`. */
  readonly goals: readonly string[];
  /** `hard.goals`: a request whose goals lack one of them is refused. */
  readonly hardGoals: readonly string[];
  /** Keys of the analyzer. */
  readonly config: Readonly<Record<string, string>>;
  readonly executor: ExecutorSettings;
  /** Absent: self-healing is off, and nothing is looked for. */
  readonly detector: DetectorSettings | undefined;
}

export interface CruiseControlPort {
  readonly executor: ExecutorPort;
  /** The cluster of this instant; brokers have the states given, else those they are in. */
  readonly describe: (states: ReadonlyMap<number, BrokerState>) => ClusterDescription;
  readonly optimize: (cluster: ClusterDescription, request: OptimizationRequest) => OptimizationResult;
  /** What a reader should know of a goal's limit that nobody stated. */
  readonly unstated: (goal: string) => readonly string[];
  readonly brokers: () => readonly number[];
  readonly partitionCount: () => number;
}

/** What came of a request. */
export type Outcome =
  | { readonly kind: 'refused' | 'unsatisfiable'; readonly says: string }
  | { readonly kind: 'executed'; readonly summary: ExecutionSummary };

/** Values of `rehearse:cruise_control_goal_status`. */
const goalStatusValue = { notAsked: -1, 'NO-ACTION': 0, FIXED: 1, VIOLATED: 2 } as const;

/**
 * Cruise Control: describes the cluster, optimizes, executes, and heals.
 *
 * Source: Cruise Control 2.5 `KafkaCruiseControl`, `RebalanceRunnable`, `AddBrokersRunnable`, `RemoveBrokersRunnable`, `DemoteBrokerRunnable`,
 * `FixOfflineReplicasRunnable`. A rebalance leaves brokers that were removed before out of moves. Simplified: optimizing takes no time;
 * no proposal is cached, so each is made from the cluster as it is.
 */
export class CruiseControl {
  readonly executor: Executor;
  readonly monitor = new Monitor();
  readonly settings: CruiseControlSettings;
  private readonly sim: Simulation;
  private readonly book: ModelFinding[] = [];
  /** What was said of the proposals that are executed. */
  private proposed = '';
  private readonly port: CruiseControlPort;
  private readonly removed = new Set<number>();
  private readonly status: Gauge;
  private readonly unsatisfiable: Gauge;
  private readonly brokersToAdd: Gauge;
  private readonly refused: Gauge;
  private readonly scores: Gauge;
  private readonly leastSeconds: Gauge;
  private readonly movements: Gauge;

  constructor(sim: Simulation, settings: CruiseControlSettings, port: CruiseControlPort) {
    this.sim = sim;
    this.settings = settings;
    this.port = port;
    this.executor = new Executor(sim, settings.executor, port.executor);
    this.status = sim.gauge('rehearse:cruise_control_goal_status', goalNames.length);
    this.unsatisfiable = sim.gauge('rehearse:cruise_control_unsatisfiable_total', 1);
    this.brokersToAdd = sim.gauge('rehearse:cruise_control_brokers_to_add', 1);
    this.refused = sim.gauge('rehearse:cruise_control_requests_refused_total', 1);
    this.leastSeconds = sim.gauge('rehearse:cruise_control_execution_least_seconds', 1);
    this.scores = sim.gauge('rehearse:cruise_control_balancedness', scoreTimes.length);
    this.movements = sim.gauge('rehearse:cruise_control_movements', movementKinds.length);
    for (let i = 0; i < goalNames.length; i += 1) this.status.set(i, goalStatusValue.notAsked);
    this.executor.onEnd = (summary) => {
      this.note('what Cruise Control moved', `${summary.reason}: ${summaryText(summary)}; ${this.proposed}`);
      if (summary.abandoned > 0) {
        this.note(
          'moves are left to Kafka',
          `${summary.reason}: ${summary.abandoned} partitions were on their way when the execution stopped; nobody looks after them, or removes their throttle`,
        );
      }
    };
    if (settings.detector !== undefined) this.startDetector(settings.detector);
  }

  get now(): number {
    return this.sim.now;
  }

  private note(rule: string, says: string): void {
    this.book.push({ rule, says });
  }

  /** What became of each request; at the end of the run also what is still under way. */
  findings(): readonly ModelFinding[] {
    const open = this.executor.underWay;
    return open === undefined
      ? this.book
      : [
          ...this.book,
          {
            rule: 'an execution is not finished at the end',
            says: `${open.reason}: ${open.inProgress} tasks are in progress and ${open.pending} have not begun; let the scenario end later`,
          },
        ];
  }

  /** When proposals can be made next, microseconds. */
  proposalsFrom(): number {
    return this.monitor.readyAt(this.sim.now, this.port.partitionCount());
  }

  /** Why a request is refused whatever the cluster looks like. Source: Cruise Control 2.5 `RunnableUtils.sanityCheckGoals`. */
  refusalOf(request: RebalanceRequest): string | undefined {
    if (request.skipHardGoalCheck === true) return undefined;
    const goals = request.goals ?? this.settings.goals;
    const missing = missingHardGoals(request.mode, goals, this.settings.hardGoals);
    return missing.length === 0 ? undefined : `hard goals are missing: ${missing.join(', ')}`;
  }

  /** Makes proposals without executing them, from a request that is not refused. */
  propose(request: RebalanceRequest): OptimizationResult {
    const { mode } = request;
    const state = stateOfNamed[mode];
    const states = new Map(state === undefined ? [] : request.brokers.map((b) => [b, state]));
    const avoided =
      mode === 'rebalance' ? [...this.removed].filter((b) => !request.destinationBrokers?.includes(b)) : [];
    const excludedForReplicaMove = [...new Set([...(request.excludedForReplicaMove ?? []), ...avoided])];
    const { excludedTopics, excludedForLeadership, destinationBrokers } = request;
    const cluster = this.port.describe(states);
    const result = this.port.optimize(cluster, {
      goals: mode === 'demote' ? demotionGoals : (request.goals ?? this.settings.goals),
      config: this.settings.config,
      options: {
        ...(excludedTopics === undefined ? {} : { excludedTopics }),
        ...(excludedForLeadership === undefined ? {} : { excludedForLeadership }),
        ...(excludedForReplicaMove.length === 0 ? {} : { excludedForReplicaMove }),
        ...(destinationBrokers === undefined ? {} : { destinationBrokers }),
      },
    });
    this.show(result, request);
    return result;
  }

  /**
   * Plays a request: waits for the monitor's window, optimizes, executes.
   * @param done is told what came of it
   */
  request(request: RebalanceRequest, done: (outcome: Outcome) => void = () => {}): void {
    const { sim, executor } = this;
    const cruiseControl = this;
    sim.spawn(`cruise control ${request.reason}`, function* () {
      const ready = cruiseControl.proposalsFrom();
      if (ready > sim.now) {
        sim.tell('cruiseControl.waitsForMetrics', request.reason, `${Math.round((ready - sim.now) / 1e6)} s`);
        yield sleep(ready - sim.now);
      }
      if (request.stopOngoing === true && executor.stop(`another request, ${request.reason}`))
        yield waitUntil(executor.ended, () => executor.isIdle);
      const refusal = cruiseControl.start(request);
      if (refusal !== undefined) {
        done(refusal);
        return;
      }
      yield waitUntil(executor.ended, () => executor.isIdle);
      done({ kind: 'executed', summary: executor.last! });
    });
  }

  /** Optimizes and starts the execution; answers when neither can be. */
  private start(request: RebalanceRequest): Outcome | undefined {
    const { executor } = this;
    // It is refused before the model is built. Source: `GoalBasedOperationRunnable`.
    const busy = executor.isIdle ? undefined : 'another execution is in progress';
    const why = this.refusalOf(request) ?? busy;
    if (why !== undefined) return this.refuse(request, why);
    const result = this.propose(request);
    if (!result.ok) return { kind: 'unsatisfiable', says: result.failure.says };
    const refusal = executor.execute({ ...request, proposals: result.proposals });
    if (refusal !== undefined) return this.refuse(request, refusal);
    if (request.mode === 'remove-broker') for (const b of request.brokers) this.removed.add(b);
    if (request.mode === 'add-broker') for (const b of request.brokers) this.removed.delete(b);
    return undefined;
  }

  private refuse(request: RebalanceRequest, says: string): Outcome {
    this.refused.add(0, 1);
    this.note('Cruise Control refused a request', `${request.reason}: ${says}`);
    this.sim.tell('cruiseControl.refused', request.reason, says);
    return { kind: 'refused', says };
  }

  private show(result: OptimizationResult, request: RebalanceRequest): void {
    const { sim } = this;
    const { reason } = request;
    for (const [goal, status] of result.status) {
      const row = goalNames.indexOf(goal as GoalName);
      if (row >= 0) this.status.set(row, goalStatusValue[status]);
    }
    if (!result.ok) {
      const { goal, brokersToAdd, says } = result.failure;
      const row = goalNames.indexOf(goal as GoalName);
      if (row >= 0) this.status.set(row, goalStatusValue.VIOLATED);
      this.unsatisfiable.add(0, 1);
      this.brokersToAdd.set(0, brokersToAdd ?? 0);
      const told = [says, mendText(result.failure), ...this.port.unstated(goal)].join('; ');
      this.book.push({ rule: 'a hard goal cannot be satisfied', says: `${reason}: ${told}`, fails: true });
      sim.tell('cruiseControl.unsatisfiable', reason, told);
      return;
    }
    this.brokersToAdd.set(0, 0);
    this.scores.set(0, result.onDemandBalancednessScoreBefore);
    this.scores.set(1, result.onDemandBalancednessScoreAfter);
    this.movements.set(0, result.numReplicaMovements);
    this.movements.set(1, result.numLeaderMovements);
    const of = (wanted: GoalStatus) =>
      [...result.status].filter(([, status]) => status === wanted).map(([goal]) => goal);
    const shortest = this.shortest(request, result.proposals);
    this.leastSeconds.set(0, Math.min(neverSeconds, shortest?.seconds ?? 0));
    this.proposed = [
      ...(shortest === undefined ? [] : [boundText(shortest)]),
      ...(of('FIXED').length === 0 ? [] : [`fixed: ${of('FIXED').join(', ')}`]),
      ...(of('VIOLATED').length === 0 ? [] : [`still violated: ${of('VIOLATED').join(', ')}`]),
      result.provisionStatus,
    ].join('; ');
    sim.tell(
      'cruiseControl.proposals',
      reason,
      `${result.numReplicaMovements} partitions and ${((result.dataToMoveMB * bytesPerMb) / 1e9).toFixed(1)} GB to move, beside them ${result.numLeaderMovements} whose leader alone moves; ${this.proposed}`,
    );
  }

  /** What the execution cannot be faster than; without a throttle only by the turns of its partitions. */
  private shortest(request: RebalanceRequest, proposals: readonly Proposal[]): DurationBound | undefined {
    const { executor } = this.settings;
    const throttle = request.throttle ?? executor.throttle;
    // As it is: a broker that is to go still sends.
    return shortestDuration(movements(this.port.describe(new Map()), proposals), {
      rate: () => throttle ?? Number.POSITIVE_INFINITY,
      throttled: throttle !== undefined,
      concurrency: request.movementsPerBroker ?? executor.concurrency.movementsPerBroker,
    });
  }

  private startDetector(settings: DetectorSettings): void {
    const { port, executor } = this;
    const heal = (mode: RebalanceMode, brokers: readonly number[]): string | undefined => {
      const refusal = this.start({ mode, brokers, reason: 'self-healing', skipHardGoalCheck: true });
      return refusal === undefined || refusal.kind === 'executed' ? undefined : refusal.says;
    };
    const holding = () => {
      const brokers = new Set<number>();
      for (const p of port.executor.partitions()) for (const b of port.executor.replicas(p)) brokers.add(b);
      return brokers;
    };
    new AnomalyDetector(this.sim, settings, {
      failedBrokers: () => {
        const gone = port.brokers().filter((b) => !port.executor.isAlive(b));
        if (gone.length === 0) return gone;
        const holders = holding();
        return gone.filter((b) => holders.has(b));
      },
      brokerCount: () => port.brokers().length,
      hasOfflineReplicas: () => {
        for (const p of port.executor.partitions()) if (port.executor.health(p).offlineReplicas) return true;
        return false;
      },
      isExecuting: () => !executor.isIdle,
      checkGoals: (goals) => this.checkGoals(goals),
      removeBrokers: (brokers) => heal('remove-broker', brokers),
      rebalance: () => heal('rebalance', []),
    });
  }

  /** Each goal alone, on the cluster as it is: violated when it would move something, or must and cannot. Source: `GoalViolationDetector`. */
  private checkGoals(goals: readonly string[]): GoalCheck {
    const { port, settings } = this;
    const cluster = port.describe(new Map());
    const fixable: string[] = [];
    const unfixable: string[] = [];
    for (const goal of goals) {
      const result = port.optimize(cluster, { goals: [goal], config: settings.config });
      if (!result.ok) unfixable.push(goal);
      else if (result.proposals.length > 0) fixable.push(goal);
    }
    const constraint = new Constraint(settings.config);
    const costs = balancednessCosts(goals, constraint);
    const violated = [...fixable, ...unfixable];
    return {
      fixable,
      unfixable,
      balancedness: goals.reduce((left, goal, i) => (violated.includes(goal) ? left - costs[i] : left), 100),
    };
  }
}

function boundText({ seconds, broker, side }: DurationBound): string {
  return seconds === Number.POSITIVE_INFINITY
    ? `it never ends: followers in sync take all of the throttle of broker ${broker}`
    : `at least ${(seconds / 60).toFixed(1)} min: broker ${broker} ${side}`;
}

export const scoreTimes = ['before', 'after'] as const;
export const movementKinds = ['replicas', 'leaders'] as const;
