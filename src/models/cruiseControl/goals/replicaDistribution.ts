import type { KeptOrder } from '../clusterModel.ts';
import { disk } from '../clusterModel.ts';
import { countLimits } from '../constraint.ts';
import { JavaPriorityQueue, JavaTreeSet } from '../javaOrder.ts';
import {
  type Acceptance,
  type Action,
  accept,
  deviation,
  Goal,
  type GoalMeasure,
  move,
  rejectReplica,
} from './goal.ts';

/** Standard deviation of a count over the brokers that may take replicas. Source: Cruise Control 2.5 `ClusterModelStats.populateReplicaStats`. */
export function deviationOfCounts(counts: Int32Array, allowed: readonly number[]): GoalMeasure {
  let total = 0;
  for (const n of counts) total += n;
  const average = total / allowed.length;
  let variance = 0;
  for (const b of allowed) variance += ((counts[b]! - average) * (counts[b]! - average)) / allowed.length;
  return deviation(Math.sqrt(variance));
}

/**
 * Soft: every broker has about as many replicas as another. Small replicas move first. It never swaps, and lets later goals swap.
 * Source: Cruise Control 2.5 `ReplicaDistributionGoal`, `ReplicaDistributionAbstractGoal`.
 */
export class ReplicaDistributionGoal extends Goal {
  readonly name = 'ReplicaDistributionGoal';
  private upper = 0;
  private lower = 0;
  private order: KeptOrder | undefined;
  private unbalanced = false;

  override accepts(action: Action, replica: number, to: number): Acceptance {
    return action !== move || this.keepsLimits(this.model.brokerOf[replica]!, to) ? accept : rejectReplica;
  }

  protected override satisfies(_action: Action, replica: number, to: number): boolean {
    if (this.onlyOffline && this.model.isOffline(replica)) return true;
    return this.keepsLimits(this.model.brokerOf[replica]!, to);
  }

  private keepsLimits(from: number, to: number): boolean {
    const { model } = this;
    if (model.replicasOn[to]! + 1 > (model.alive[to] === 1 ? this.upper : 0)) return false;
    return !this.mayTake(from) || model.replicasOn[from]! - 1 >= (model.alive[from] === 1 ? this.lower : 0);
  }

  protected override measure(): GoalMeasure {
    return deviationOfCounts(this.model.replicasOn, this.run.excluded.allowed);
  }

  protected override begin(): void {
    this.requireAllowedBrokers();
    const { model, excluded, constraint } = this.run;
    const average = model.replicaCount / excluded.allowed.length;
    ({ upper: this.upper, lower: this.lower } = countLimits(
      average,
      constraint.number('replica.count.balance.threshold'),
    ));
    this.order = model.keep(
      (a, b) =>
        (model.selfHealing ? Number(model.isOffline(b)) - Number(model.isOffline(a)) : 0) ||
        Number(model.isImmigrant(b)) - Number(model.isImmigrant(a)) ||
        model.replicaLoad(a, disk) - model.replicaLoad(b, disk) ||
        model.rank[a]! - model.rank[b]!,
    );
  }

  /** Replicas that a broker may give, as they are now. */
  private gifts(broker: number): number[] {
    const { model, excluded } = this.run;
    const healing = model.selfHealing && model.alive[broker] === 1;
    const all = model.inOrder(this.order!, broker);
    if (!healing && !excluded.anyTopic) return all.slice();
    return all.filter((r) => this.mayGo(r) && (!healing || model.isImmigrant(r) || model.isOffline(r)));
  }

  protected override rebalance(broker: number): void {
    const { model } = this;
    const replicas = model.replicasOn[broker]!;
    const offline = model.offlineOn[broker]!;
    const alive = model.alive[broker] === 1;
    const allowed = this.mayTake(broker);
    const tooMany = offline > 0 || replicas > this.upper || !allowed;
    const tooFew = allowed && replicas - offline < this.lower;
    if (alive && !tooMany && !tooFew) return;
    if (model.newBrokers.length > 0 && model.isNew[broker] === 0 && !tooMany) return;
    if (model.selfHealing && offline === 0 && tooMany && model.immigrantsOn[broker] === 0) return;
    if (tooMany && !this.moveOut(broker)) this.unbalanced = true;
    if (tooFew && !this.moveIn(broker)) this.unbalanced = true;
  }

  /** @returns whether the broker has few enough then */
  private moveOut(broker: number): boolean {
    const { model } = this;
    const candidates = new JavaTreeSet((a, b) => model.replicasOn[a]! - model.replicasOn[b]! || a - b);
    const under = (b: number) => this.onlyOffline || model.replicasOn[b]! < this.upper;
    const first = model.aliveBrokers.filter(under);
    for (const b of this.onlyOffline ? first : model.brokersInSet(first)) candidates.add(b);
    const most = this.mayTake(broker) ? this.upper : 0;
    let offlineStays = false;
    this.newTries();
    for (const replica of this.gifts(broker)) {
      const offline = model.isOffline(replica);
      if (!offline && (this.exhausted || (offlineStays && model.replicasOn[broker]! <= most)))
        return !this.exhausted;
      const to = this.moveToFirst(replica, candidates);
      if (to >= 0) {
        if (model.replicasOn[broker]! <= (model.offlineOn[broker] === 0 ? most : 0)) return true;
        candidates.delete(to);
        if (under(to)) candidates.add(to);
      } else if (offline) offlineStays = true;
    }
    return model.replicasOn[broker] === 0;
  }

  private moveToFirst(replica: number, candidates: JavaTreeSet): number {
    for (let node = candidates.first(); node !== 0; node = candidates.next(node)) {
      const to = candidates.entryOf(node);
      if (this.tryMove(replica, to)) return to;
    }
    return -1;
  }

  private moveIn(broker: number): boolean {
    const { model } = this;
    const sources = new JavaPriorityQueue(
      (a, b) =>
        model.offlineOn[b]! - model.offlineOn[a]! || model.replicasOn[b]! - model.replicasOn[a]! || a - b,
    );
    for (const b of model.allBrokers) {
      if (
        this.onlyOffline
          ? b !== broker
          : model.replicasOn[b]! > this.lower || model.offlineOn[b]! > 0 || !this.mayTake(b)
      )
        sources.add(b);
    }
    this.newTries();
    const refused = this.newRefusals();
    while (sources.size > 0 && !this.exhausted) {
      const source = sources.poll();
      const gifts = this.gifts(source);
      let moved = 0;
      for (let at = refused?.[source] ?? 0; at < gifts.length; at += 1) {
        // Limits count replicas, whichever they are: where they forbid one, they forbid the rest.
        if (this.takesShortcuts && !this.keepsLimits(source, broker)) break;
        if (!this.tryMove(gifts[at]!, broker)) continue;
        moved += 1;
        if (model.replicasOn[broker]! >= this.lower) return true;
        if (sources.size === 0) continue;
        const next = sources.peek();
        const behind = model.offlineOn[source]! - model.offlineOn[next]!;
        if (behind < 0 || (behind === 0 && model.replicasOn[source]! < model.replicasOn[next]!)) {
          sources.add(source);
          if (refused !== undefined) refused[source] = at + 1 - moved;
          break;
        }
      }
    }
    return false;
  }

  protected override endRound(): boolean {
    const { model, excluded, constraint } = this.run;
    if (this.unbalanced) this.succeeded = false;
    this.unbalanced = false;
    const through = this.endSoftRound();
    const plenty = constraint.number('overprovisioned.max.replicas.per.broker');
    const spare = excluded.allowed.length - Math.floor(model.replicaCount / plenty);
    if (spare > 0 && model.aliveBrokers.every((b) => model.replicasOn[b]! <= plenty))
      this.provision = 'OVER_PROVISIONED';
    else if (this.succeeded) this.provision = 'RIGHT_SIZED';
    if (through) model.forget(this.order!);
    return through;
  }
}
