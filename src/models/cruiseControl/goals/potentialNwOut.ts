import { nwOut } from '../clusterModel.ts';
import {
  type Acceptance,
  type Action,
  accept,
  Goal,
  type GoalMeasure,
  leadership,
  rejectReplica,
  swap,
} from './goal.ts';

/**
 * Soft: no broker would send more than its capacity times the threshold of outbound network if it led all its partitions.
 * Source: Cruise Control 2.5 `PotentialNwOutGoal`.
 */
export class PotentialNwOutGoal extends Goal {
  readonly name = 'PotentialNwOutGoal';
  private readonly threshold = this.run.constraint.capacityThreshold(nwOut);

  private limit(broker: number): number {
    return this.model.capacityOf(broker, nwOut) * this.threshold;
  }

  override accepts(action: Action, replica: number, to: number, back: number): Acceptance {
    if (action === leadership || this.keepsLimits(action, replica, to, back)) return accept;
    const { model } = this;
    const there = model.potentialNwOut(to);
    const here = model.potentialNwOut(model.brokerOf[replica]!);
    const most = Math.max(there, here);
    const goes = model.partitionNwOut(replica);
    if (action !== swap) return there + goes <= most ? accept : rejectReplica;
    const comes = model.partitionNwOut(back);
    return here + comes - goes <= most && there + goes - comes <= most ? accept : rejectReplica;
  }

  protected override satisfies(action: Action, replica: number, to: number, back: number): boolean {
    if (this.onlyOffline && this.model.isOffline(replica)) return true;
    return this.keepsLimits(action, replica, to, back);
  }

  private keepsLimits(action: Action, replica: number, to: number, back: number): boolean {
    const { model } = this;
    const there = model.potentialNwOut(to);
    const goes = model.partitionNwOut(replica);
    if (action !== swap) return this.limit(to) >= there + goes;
    const comes = model.partitionNwOut(back);
    if (this.limit(to) < there + goes - comes) return false;
    const from = model.brokerOf[replica]!;
    return this.limit(from) >= model.potentialNwOut(from) + comes - goes;
  }

  /** Brokers under the limit, of which there may not be fewer than before. */
  protected override measure(): GoalMeasure {
    const { model, excluded } = this.run;
    const value = excluded.allowed.filter(
      (b) => model.potentialNwOut(b) / model.capacityOf(b, nwOut) <= this.threshold,
    ).length;
    return { value, worseThan: (before) => value < before.value };
  }

  protected override begin(): void {}

  protected override brokersToBalance(): readonly number[] {
    const { model } = this;
    const broken = model.allBrokers.filter(
      (b) => model.alive[b] === 0 || (model.states[b] === 'BAD_DISKS' && model.offlineOn[b]! > 0),
    );
    return broken.length > 0 ? broken : model.allBrokers;
  }

  private isOver(broker: number): boolean {
    return this.model.replicasOn[broker]! > 0 && this.model.potentialNwOut(broker) > this.limit(broker);
  }

  protected override rebalance(broker: number): void {
    const { model, onlyOffline } = this;
    const mustEmpty = () => onlyOffline && model.offlineOn[broker]! > 0;
    let over = this.isOver(broker);
    if (!over && !mustEmpty()) return;
    let candidates = onlyOffline
      ? [...model.aliveBrokers]
      : model.brokersInSet(model.aliveBrokers.filter((b) => model.potentialNwOut(b) < this.limit(b)));
    // Those that send most are tried first; ties as the set hands them out.
    const sorted = () => [...candidates].sort((a, b) => model.leaderNwOut(b) - model.leaderNwOut(a));
    let inOrder = sorted();
    this.newTries();
    for (const replica of model.naturalOrder(broker)) {
      if (!this.mayGo(replica)) continue;
      if (this.exhausted && !model.isOffline(replica)) break;
      const to = inOrder.find((b) => this.tryMove(replica, b));
      if (to === undefined) continue;
      over = this.isOver(broker);
      if (!over && !mustEmpty()) break;
      if (!onlyOffline && model.potentialNwOut(to) > this.limit(to))
        candidates = candidates.filter((b) => b !== to);
      inOrder = sorted();
    }
    if (over) this.succeeded = false;
  }

  protected override endRound(): boolean {
    return this.endSoftRound();
  }
}
