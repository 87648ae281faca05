import type { ClusterModel, Exclusions } from '../clusterModel.ts';
import type { Constraint } from '../constraint.ts';
import type { ProvisionStatus } from '../description.ts';

/** What is done to a replica: it moves, it changes places with another, or it hands its leadership over. Source: Cruise Control 2.5 `ActionType`. */
export const move = 0;
export const swap = 1;
export const leadership = 2;
export type Action = typeof move | typeof swap | typeof leadership;

/** Source: Cruise Control 2.5 `ActionAcceptance`. A swap refused for the broker tries no other replica there. */
export const accept = 0;
export const rejectReplica = 1;
export const rejectBroker = 2;
export type Acceptance = typeof accept | typeof rejectReplica | typeof rejectBroker;

/** A hard goal that cannot be met, or a plan that made a goal's own measure worse. */
export class OptimizationFailure extends Error {
  readonly kind: string;
  readonly resource: string;
  readonly needed: number;
  readonly available: number;
  readonly unit: string;

  constructor(
    message: string,
    at: { kind: string; resource: string; needed: number; available: number; unit: string },
  ) {
    super(message);
    this.kind = at.kind;
    this.resource = at.resource;
    this.needed = at.needed;
    this.available = at.available;
    this.unit = at.unit;
  }
}

/** One applied move, as those hear of it who watch. */
export interface AppliedMove {
  readonly goal: Goal;
  readonly action: Action;
  readonly replica: number;
  readonly from: number;
  readonly to: number;
  /** Replica that comes back in a swap. */
  readonly back: number | undefined;
}

export interface Watch {
  /** Called before a move is applied, with the goals already optimized. */
  readonly onMove?: (applied: AppliedMove, model: ClusterModel, optimized: readonly Goal[]) => void;
  /** Called when a goal is through. */
  readonly onGoal?: (goal: Goal, model: ClusterModel) => void;
  /** Names of goals whose acceptance of later goals' moves is not asked for: what would come out without it. */
  readonly deaf?: readonly string[];
  /** Tries everything, without the shortcuts that pass over what cannot fit: the plan is the same, which a law checks. */
  readonly plain?: boolean;
}

/** What all goals of one optimization share. */
export interface Run {
  readonly model: ClusterModel;
  readonly excluded: Exclusions;
  readonly constraint: Constraint;
  readonly optimized: Goal[];
  readonly watch: Watch;
  /** Of the budget of the present goal, broker and way. */
  triesLeft: number;
  /** Who refused a move last is asked first: whoever refuses, a move is refused. */
  lastRefuser: Goal | undefined;
}

/**
 * Most tries of one goal for one broker and one of its ways (out, in, swap): a replica against a place for it. Cruise Control stops after 500 ms by the clock
 * (`fast.mode.per.broker.move.timeout.ms`), swaps after 1 s; here a count stands for it, so that a plan does not depend on the machine.
 * Hard goals have no such limit, there or here. A guess, high enough: the recorded outcomes take 1,093 tries at most, the busiest broker of 100 with 101,000
 * replicas in `bench/cruiseControl.ts` 83,000.
 */
const triesPerBroker = 400_000;

function isEligible({ model, excluded }: Run, action: Action, replica: number, to: number): boolean {
  if (action === leadership) {
    if (excluded.leadership[to] === 1) return false;
    if (excluded.destinations !== undefined) return true;
  } else {
    if (excluded.destinations !== undefined) return excluded.destinations[to] === 1;
    if (excluded.moves[to] === 1) return false;
    if (excluded.leadership[to] === 1 && model.isLeader[replica] === 1) return false;
  }
  return model.newBrokers.length === 0 || model.isNew[to] === 1 || model.originalOf[replica] === to;
}

function isLegitMove(model: ClusterModel, replica: number, to: number): boolean {
  const partition = model.partitionOf[replica]!;
  return !model.hasReplica(partition, to) && !model.isBarred(partition, to);
}

/**
 * A goal. Subclasses say what they move and what they let later goals move.
 * Source: Cruise Control 2.5 `AbstractGoal`, `GoalUtils.eligibleBrokers`, `legitMove`, `eligibleReplicasForSwap`.
 */
export abstract class Goal {
  abstract readonly name: string;
  readonly run: Run;
  readonly model: ClusterModel;
  /**
   * Whether a move from one broker to another, once refused by this goal, stays refused while replicas only move to that other broker. It does wherever the rule
   * asks how much either has; not where it asks whether they come closer.
   */
  readonly refusesForGood: boolean = true;
  provision: ProvisionStatus = 'UNDECIDED';
  protected succeeded = true;
  /** Second round: what is offline goes where it can, whatever this goal would like. */
  protected onlyOffline = false;

  constructor(run: Run) {
    this.run = run;
    this.model = run.model;
  }

  /** Whether this goal, once optimized, lets a later one do this. `back` is the replica that a swap brings to the source. */
  abstract accepts(action: Action, replica: number, to: number, back: number): Acceptance;
  protected abstract satisfies(action: Action, replica: number, to: number, back: number): boolean;
  protected abstract begin(): void;
  protected abstract rebalance(broker: number): void;
  /** @returns whether the goal is through; otherwise there is another round */
  protected abstract endRound(): boolean;

  protected brokersToBalance(): readonly number[] {
    return this.model.allBrokers;
  }

  /** A number that must not shrink from before to after, unless the cluster is broken; undefined where the goal has none. */
  protected measure(): GoalMeasure | undefined {
    return undefined;
  }

  /** @returns whether the goal is met
   *  @throws OptimizationFailure */
  optimize(): boolean {
    const { model, excluded } = this.run;
    const before = this.measure();
    this.begin();
    const whole =
      model.deadBrokers.length === 0 &&
      model.badDiskBrokers.length === 0 &&
      !model.aliveBrokers.some((b) => excluded.moves[b] === 1 && model.replicasOn[b]! > 0);
    let through = false;
    while (!through) {
      for (const broker of this.brokersToBalance()) this.rebalance(broker);
      through = this.endRound();
    }
    if (before !== undefined && whole) {
      const after = this.measure()!;
      if (after.worseThan(before))
        throw new OptimizationFailure(
          `${this.name}: the plan is worse by its own measure than what was (${after.value} after ${before.value})`,
          {
            kind: 'worse-than-before',
            resource: 'balance',
            needed: before.value,
            available: after.value,
            unit: '',
          },
        );
    }
    if (
      this.provision === 'OVER_PROVISIONED' &&
      model.aliveBrokers.length < this.run.constraint.number('overprovisioned.min.brokers')
    )
      this.provision = 'RIGHT_SIZED';
    return this.succeeded;
  }

  // --- moves -------------------------------------------------------------------------------------------------------------------------------------------------

  /** From here the budget of tries counts anew. */
  protected newTries(): void {
    this.run.triesLeft = triesPerBroker;
  }

  protected get exhausted(): boolean {
    return this.run.triesLeft <= 0;
  }

  /** While anything was offline, lists are not in order of load alone. */
  protected get takesShortcuts(): boolean {
    return !this.model.selfHealing && this.run.watch.plain !== true;
  }

  /**
   * By broker: how many of its replicas, from the first, have been refused for good while replicas are brought to one broker, and need not be tried when that
   * broker's turn comes again. Undefined where that may change.
   */
  protected newRefusals(): Int32Array | undefined {
    const { model, optimized } = this.run;
    return this.takesShortcuts && optimized.every((g) => g.refusesForGood)
      ? new Int32Array(model.brokerCount)
      : undefined;
  }

  private isDeaf(goal: Goal): boolean {
    return this.run.watch.deaf?.includes(goal.name) ?? false;
  }

  private swapAcceptance(replica: number, to: number, back: number): Acceptance {
    for (const goal of this.run.optimized) {
      const answer = goal.accepts(swap, replica, to, back);
      if (answer !== accept && !this.isDeaf(goal)) return answer;
    }
    return accept;
  }

  private isAccepted(action: Action, replica: number, to: number): boolean {
    const { run } = this;
    const { optimized, lastRefuser } = run;
    if (lastRefuser !== undefined && lastRefuser.accepts(action, replica, to, -1) !== accept) return false;
    for (let at = 0; at < optimized.length; at += 1) {
      const goal = optimized[at]!;
      if (goal === lastRefuser || goal.accepts(action, replica, to, -1) === accept || this.isDeaf(goal))
        continue;
      if (run.watch.plain !== true) run.lastRefuser = goal;
      return false;
    }
    return true;
  }

  private tell(action: Action, replica: number, to: number, back: number | undefined): void {
    const { watch, model, optimized } = this.run;
    watch.onMove?.(
      { goal: this, action, replica, from: model.brokerOf[replica]!, to, back },
      model,
      optimized,
    );
  }

  /** Moves a replica to a broker if every rule allows it. */
  protected tryMove(replica: number, to: number): boolean {
    const { run } = this;
    run.triesLeft -= 1;
    if (!isLegitMove(run.model, replica, to) || !isEligible(run, move, replica, to)) return false;
    if (!this.satisfies(move, replica, to, -1) || !this.isAccepted(move, replica, to)) return false;
    this.tell(move, replica, to, undefined);
    run.model.moveReplica(replica, to);
    return true;
  }

  /** Makes the partition's replica on a broker its leader, if `replica` leads and every rule allows it. */
  protected tryLeadership(replica: number, to: number): boolean {
    const { run } = this;
    const { model } = run;
    run.triesLeft -= 1;
    if (model.isLeader[replica] === 0 || !isEligible(run, leadership, replica, to)) return false;
    const partition = model.partitionOf[replica]!;
    const heir = this.replicaOn(partition, to);
    if (heir < 0 || heir === replica) return false;
    if (!this.satisfies(leadership, replica, to, -1) || !this.isAccepted(leadership, replica, to))
      return false;
    this.tell(leadership, replica, to, undefined);
    model.moveLeadership(partition, heir);
    return true;
  }

  private replicaOn(partition: number, broker: number): number {
    const { model } = this;
    for (let r = model.firstReplica[partition]!; r < model.firstReplica[partition + 1]!; r += 1)
      if (model.brokerOf[r] === broker) return r;
    return -1;
  }

  /**
   * Changes a replica against the first of another broker's that every rule allows.
   *
   * @param candidates on one broker, in the order in which they are tried
   * @returns the replica that came back, or -1
   */
  protected trySwap(replica: number, candidates: Iterable<number>): number {
    const { model } = this;
    const from = model.brokerOf[replica]!;
    let to = -1;
    for (const back of candidates) {
      if (to < 0) {
        to = model.brokerOf[back]!;
        if (!this.maySwapWith(replica, to)) return -1;
      }
      if (this.swapsOnlyNatives(replica, to) && model.originalOf[back] !== from) continue;
      this.run.triesLeft -= 1;
      if (!isLegitMove(model, replica, to)) return -1;
      if (!isLegitMove(model, back, from)) continue;
      if (!this.satisfies(swap, replica, to, back)) return -1;
      const answer = this.swapAcceptance(replica, to, back);
      if (answer === rejectBroker) return -1;
      if (answer === rejectReplica) continue;
      this.tell(swap, replica, to, back);
      model.moveReplica(replica, to);
      model.moveReplica(back, from);
      return back;
    }
    return -1;
  }

  private maySwapWith(replica: number, to: number): boolean {
    const { model, excluded } = this.run;
    if (model.originallyOffline[replica] === 0) {
      if (excluded.leadership[to] === 1 && model.isLeader[replica] === 1) return false;
      if (excluded.moves[to] === 1) return false;
    }
    if (model.newBrokers.length === 0 || model.isNew[to] === 1) return true;
    return model.isNew[model.brokerOf[replica]!] === 1 && model.originalOf[replica] === to;
  }

  /** An old broker takes back from a new one only what it gave. */
  private swapsOnlyNatives(replica: number, to: number): boolean {
    const { model } = this;
    return model.isNew[to] === 1 && model.isNew[model.brokerOf[replica]!] === 0;
  }

  // --- what subclasses share -----------------------------------------------------------------------------------------------------------------------------------

  /** Whether an exclusion of its topic keeps a replica where it is; one that was offline must go all the same. */
  protected mayGo(replica: number): boolean {
    const { model, excluded } = this.run;
    return (
      !excluded.anyTopic ||
      model.originallyOffline[replica] === 1 ||
      excluded.topics[model.topicOf[model.partitionOf[replica]!]!] === 0
    );
  }

  protected mayTake(broker: number): boolean {
    const { model, excluded } = this.run;
    return model.alive[broker] === 1 && excluded.moves[broker] === 0;
  }

  protected requireAllowedBrokers(): void {
    if (this.run.excluded.allowed.length > 0) return;
    throw new OptimizationFailure(`${this.name}: every live broker is excluded from replica moves`, {
      kind: 'all-brokers-excluded',
      resource: 'brokers',
      needed: this.model.maxReplicationFactor,
      available: 0,
      unit: 'brokers',
    });
  }

  /** @throws OptimizationFailure when a replica is still on a dead broker or a broken disk */
  protected requireNothingOffline(): void {
    const { model } = this;
    for (const b of model.allBrokers) {
      if (model.offlineOn[b] === 0) continue;
      throw new OptimizationFailure(
        `${this.name}: ${model.offlineOn[b]} replicas cannot leave broker ${model.brokerIds[b]}, which is ${model.states[b]}`,
        {
          kind: 'offline-replicas-remain',
          resource: 'replicas',
          needed: model.offlineOn[b]!,
          available: 0,
          unit: 'replicas',
        },
      );
    }
  }

  protected requireOffBrokenDisks(): void {
    if (!this.model.movedBackToBrokenDisk()) return;
    throw new OptimizationFailure(`${this.name}: a replica went back to a broker whose disk is broken`, {
      kind: 'broken-disk',
      resource: 'disk',
      needed: 1,
      available: 0,
      unit: 'brokers',
    });
  }

  /** End of a round of a soft goal: what is left offline gets a second round in which only that counts. */
  protected endSoftRound(): boolean {
    if (this.model.anyOffline()) {
      if (this.onlyOffline) this.requireNothingOffline();
      this.onlyOffline = true;
      return false;
    }
    this.requireOffBrokenDisks();
    return true;
  }
}

export interface GoalMeasure {
  readonly value: number;
  worseThan(before: GoalMeasure): boolean;
}

/** A deviation that must not grow by more than 1e-5. Source: Cruise Control 2.5 `AnalyzerUtils.EPSILON`. */
export const deviation = (value: number): GoalMeasure => ({
  value,
  worseThan: (before) => value - before.value > 1e-5,
});
