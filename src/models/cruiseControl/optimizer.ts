import { ClusterModel, disk, Exclusions, type Resource, resourceNames } from './clusterModel.ts';
import { Constraint } from './constraint.ts';
import type {
  BrokerDescription,
  ClusterDescription,
  GoalStatus,
  OptimizationOptions,
  OptimizationRequest,
  OptimizationResult,
  Proposal,
  ProvisionStatus,
  UnsatisfiableGoal,
} from './description.ts';
import { type Goal, OptimizationFailure, type Run, type Watch } from './goals/goal.ts';
import { type GoalName, isGoalName, isHard, makeGoal } from './goals/index.ts';

/**
 * Balancedness: 100 less what each violated goal costs. The last goal weighs 1, each one before it `priority` times as much, a hard one `strictness` times that;
 * the costs of all sum to 100. Source: Cruise Control 2.5 `KafkaCruiseControlUtils.balancednessCostByGoal`.
 *
 * @param goals in priority order, at least one
 * @returns the cost of each goal, in the order given
 * @throws RangeError on weights whose sum is 0 or beyond numbers: settings keep them away from that
 */
export function balancednessCosts(goals: readonly string[], constraint: Constraint): number[] {
  const priority = constraint.number('goal.balancedness.priority.weight');
  const strictness = constraint.number('goal.balancedness.strictness.weight');
  const weights: number[] = [];
  let weight = 1 / priority;
  let sum = 0;
  for (let at = goals.length - 1; at >= 0; at -= 1) {
    weight *= priority;
    weights[at] = weight * (isHard(goals[at]!) ? strictness : 1);
    sum += weights[at]!;
  }
  if (!(sum > 0 && sum < Number.POSITIVE_INFINITY))
    throw new RangeError(`weights of goals without a sum: priority ${priority}, strictness ${strictness}`);
  return weights.map((w) => (100 * w) / sum);
}

/** Source: Cruise Control 2.5 `ProvisionResponse.aggregate`. */
function aggregate(so: ProvisionStatus, other: ProvisionStatus): ProvisionStatus {
  if (so === 'UNDER_PROVISIONED' || other === 'UNDECIDED') return so;
  if (other === 'OVER_PROVISIONED' && so === 'RIGHT_SIZED') return so;
  return other;
}

interface Placement {
  readonly brokers: Int32Array;
  readonly leaders: Int32Array;
}

/** Brokers in list order, partition by partition, and which of them leads. */
function placementOf(model: ClusterModel): Placement {
  return {
    brokers: Int32Array.from(model.listed, (r) => model.brokerOf[r]!),
    leaders: Int32Array.from(model.leaderOf, (r) => model.brokerOf[r]!),
  };
}

const differ = (a: Placement, b: Placement): boolean =>
  a.brokers.some((x, at) => x !== b.brokers[at]) || a.leaders.some((x, at) => x !== b.leaders[at]);

/** Source: Cruise Control 2.5 `AnalyzerUtils.getDiff`: the new leader changes places with the first of the list. */
function proposalsOf(model: ClusterModel, before: Placement): Proposal[] {
  const proposals: Proposal[] = [];
  const after = placementOf(model);
  const idOf = (b: number) => model.brokerIds[b]!;
  for (let p = 0; p < model.partitionCount; p += 1) {
    const [from, to] = [model.firstReplica[p]!, model.firstReplica[p + 1]!];
    const old = before.brokers.slice(from, to);
    const now = after.brokers.slice(from, to);
    if (before.leaders[p] === after.leaders[p] && old.every((b, at) => b === now[at])) continue;
    const leader = after.leaders[p]!;
    now[now.indexOf(leader)] = now[0]!;
    now[0] = leader;
    proposals.push({
      topic: model.topics[model.topicOf[p]!]!,
      partition: model.partitionNumber[p]!,
      oldLeader: idOf(before.leaders[p]!),
      oldReplicas: [...old].map(idOf),
      newReplicas: [...now].map(idOf),
      sizeMb: Math.trunc(model.replicaLoad(model.leaderOf[p]!, disk)),
    });
  }
  return proposals;
}

/** Replicas that a proposal brings to brokers that had none. */
const replicasAdded = (proposal: Proposal): number =>
  proposal.newReplicas.filter((b) => !proposal.oldReplicas.includes(b)).length;

interface Played {
  readonly run: Run;
  readonly goals: readonly Goal[];
  readonly violatedBefore: ReadonlySet<Goal>;
  readonly violatedAfter: ReadonlySet<Goal>;
  readonly provision: ProvisionStatus;
  readonly initial: Placement;
  readonly before: ReturnType<ClusterModel['describe']>;
  readonly failure: { readonly goal: Goal; readonly why: OptimizationFailure } | undefined;
}

/** Runs the goals once each on one model; a hard goal that cannot be met ends it. Source: Cruise Control 2.5 `GoalOptimizer.optimizations`. */
function play(
  cluster: ClusterDescription,
  names: readonly GoalName[],
  config: Readonly<Record<string, string>> | undefined,
  options: OptimizationOptions | undefined,
  watch: Watch,
): Played {
  const model = new ClusterModel(cluster);
  const optimized: Goal[] = [];
  const run: Run = {
    model,
    excluded: new Exclusions(model, options),
    constraint: new Constraint(config),
    optimized,
    watch,
    triesLeft: 0,
    lastRefuser: undefined,
  };
  const goals = names.map((name) => makeGoal(name, run));
  const violatedBefore = new Set<Goal>();
  const violatedAfter = new Set<Goal>();
  const before = model.describe();
  const initial = placementOf(model);
  let provision: ProvisionStatus = 'UNDECIDED';
  let last = initial;
  for (const goal of goals) {
    run.lastRefuser = undefined;
    try {
      if (!goal.optimize()) violatedAfter.add(goal);
    } catch (error) {
      if (!(error instanceof OptimizationFailure)) throw error;
      return {
        run,
        goals,
        violatedBefore,
        violatedAfter,
        provision: 'UNDER_PROVISIONED',
        initial,
        before,
        failure: { goal, why: error },
      };
    }
    const now = placementOf(model);
    if (violatedAfter.has(goal) || differ(last, now)) violatedBefore.add(goal);
    last = now;
    optimized.push(goal);
    watch.onGoal?.(goal, model);
    provision = aggregate(provision, goal.provision);
  }
  return { run, goals, violatedBefore, violatedAfter, provision, initial, before, failure: undefined };
}

function statusOf(played: Played): ReadonlyMap<string, GoalStatus> {
  const status = new Map<string, GoalStatus>();
  for (const goal of played.run.optimized) {
    const before = played.violatedBefore.has(goal);
    status.set(goal.name, !before ? 'NO-ACTION' : played.violatedAfter.has(goal) ? 'VIOLATED' : 'FIXED');
  }
  return status;
}

/** The cluster with so many further empty brokers, each in a rack of its own, of the capacity of the first broker by id that may take replicas. */
export function withEmptyBrokers(
  cluster: ClusterDescription,
  options: OptimizationOptions | undefined,
  count: number,
): { readonly cluster: ClusterDescription; readonly options: OptimizationOptions } {
  const excluded = new Set(options?.excludedForReplicaMove);
  const byId = [...cluster.brokers].sort((a, b) => a.id - b.id);
  const alive = byId.filter((b) => b.state !== 'DEAD');
  const typical = alive.find((b) => !excluded.has(b.id)) ?? alive[0] ?? byId[0]!;
  const firstId = byId.at(-1)!.id + 1;
  const anyNew = cluster.brokers.some((b) => b.state === 'NEW');
  const added: BrokerDescription[] = [];
  for (let n = 0; n < count; n += 1)
    added.push({
      id: firstId + n,
      rack: `added ${firstId + n}`,
      host: `added ${firstId + n}`,
      state: anyNew ? 'NEW' : 'ALIVE',
      capacity: typical.capacity,
    });
  const destinations = options?.destinationBrokers ?? [];
  return {
    cluster: { brokers: [...cluster.brokers, ...added], partitions: cluster.partitions },
    options: {
      ...options,
      ...(destinations.length > 0 && { destinationBrokers: [...destinations, ...added.map((b) => b.id)] }),
    },
  };
}

/** More brokers are no remedy, whatever they would mend: a capacity that is nearly 0 asks for millions. Guess. */
const mostAdded = 10_000;

/**
 * How many empty brokers mend a goal: with so many the goals up to it are met, with one fewer they are not. Found by trying: twice as many until it is met, then
 * between. More than eight times the brokers there are, or that counting alone asks for, is not tried, and never more than `mostAdded`.
 *
 * @param atLeast what counting alone asks for; tried first
 */
function brokersThatMend(
  cluster: ClusterDescription,
  request: OptimizationRequest,
  names: readonly GoalName[],
  atLeast: number,
): Pick<UnsatisfiableGoal, 'brokersToAdd' | 'brokersTried'> {
  const suffices = (count: number): boolean => {
    const larger = withEmptyBrokers(cluster, request.options, count);
    return play(larger.cluster, names, request.config, larger.options, {}).failure === undefined;
  };
  const none = (brokersTried: number) => ({ brokersToAdd: undefined, brokersTried });
  if (!(atLeast <= mostAdded)) return none(mostAdded);
  const most = Math.min(mostAdded, 8 * Math.max(cluster.brokers.length, atLeast));
  let fails = 0;
  let enough = atLeast;
  while (!suffices(enough)) {
    if (enough >= most) return none(most);
    fails = enough;
    enough = Math.min(2 * enough, most);
  }
  const found = (brokersToAdd: number) => ({ brokersToAdd, brokersTried: undefined });
  if (fails === 0 && enough > 1 && !suffices(enough - 1)) return found(enough);
  while (enough - fails > 1) {
    const middle = Math.floor((enough + fails) / 2);
    if (suffices(middle)) enough = middle;
    else fails = middle;
  }
  return found(enough);
}

/** What would mend a goal, as a sentence. */
export function mendText({ brokersToAdd, brokersTried }: UnsatisfiableGoal): string {
  if (brokersToAdd !== undefined)
    return `${brokersToAdd} further empty ${brokersToAdd === 1 ? 'broker' : 'brokers'} of the usual capacity would mend it`;
  const none = 'no number of further brokers mends it';
  return brokersTried === undefined ? none : `${none}: more than ${brokersTried} were not tried`;
}

function leastThatMend(why: OptimizationFailure, played: Played): number {
  const { model, excluded, constraint } = played.run;
  if (why.kind === 'insufficient-racks') return why.needed - why.available;
  if (why.kind !== 'insufficient-capacity' || excluded.allowed.length === 0) return 1;
  const perBroker =
    why.resource === 'replicas'
      ? constraint.number('max.replicas.per.broker')
      : roomOf(
          why.resource,
          model,
          excluded.allowed.reduce((a, b) => Math.min(a, b)),
          constraint,
        );
  return Math.max(1, Math.ceil((why.needed - why.available) / perBroker));
}

function roomOf(resource: string, model: ClusterModel, broker: number, constraint: Constraint): number {
  const names: readonly string[] = resourceNames;
  const at = names.indexOf(resource) as Resource;
  return model.capacityOf(broker, at) * constraint.capacityThreshold(at);
}

/**
 * Rearranges a cluster for the goals asked for, in their order, as Cruise Control's analyzer would.
 *
 * It takes the first candidate that every rule allows, never the best, and never goes back to an earlier goal. What differs: a count of tries stands for its time
 * limits, and rejections of a swap are asked for in order of priority, where Cruise Control asks in the order of a hash set of goals.
 *
 * @param request its goals must be among `goalNames`, its config keys among `analyzerDefaults`
 * @param watch for tests and explanations
 * Source: Cruise Control 2.5 `GoalOptimizer`, `OptimizerResult`.
 */
export function optimize(
  cluster: ClusterDescription,
  request: OptimizationRequest,
  watch: Watch = {},
): OptimizationResult {
  const names = request.goals.map((name) => {
    if (!isGoalName(name)) throw new RangeError(`${name} is no goal`);
    return name;
  });
  const played = play(cluster, names, request.config, request.options, watch);
  const status = statusOf(played);
  const { run, goals } = played;
  if (played.failure !== undefined) {
    const { goal, why } = played.failure;
    const upTo = names.slice(0, goals.indexOf(goal) + 1);
    const none =
      why.kind === 'min-leaders-impossible' ||
      why.kind === 'excluded-topic' ||
      why.kind === 'worse-than-before';
    return {
      ok: false,
      status,
      failure: {
        goal: goal.name,
        failureKind: why.kind,
        resource: why.resource,
        needed: why.needed,
        available: why.available,
        unit: why.unit,
        ...(none
          ? { brokersToAdd: undefined, brokersTried: undefined }
          : brokersThatMend(cluster, request, upTo, leastThatMend(why, played))),
        says: why.message,
      },
    };
  }
  const proposals = proposalsOf(run.model, played.initial);
  const moving = proposals.filter((p) => replicasAdded(p) > 0);
  const costs = balancednessCosts(names, run.constraint);
  const score = (violated: ReadonlySet<Goal>) =>
    goals.reduce((left, goal, at) => (violated.has(goal) ? left - costs[at]! : left), 100);
  return {
    ok: true,
    status,
    proposals,
    before: played.before,
    after: run.model.describe(),
    numReplicaMovements: moving.length,
    numLeaderMovements: proposals.length - moving.length,
    dataToMoveMB: moving.reduce((sum, p) => sum + p.sizeMb * replicasAdded(p), 0),
    onDemandBalancednessScoreBefore: score(played.violatedBefore),
    onDemandBalancednessScoreAfter: score(played.violatedAfter),
    provisionStatus: played.provision,
  };
}
