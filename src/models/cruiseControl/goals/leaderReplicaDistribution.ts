import { countLimits } from '../constraint.ts';
import { JavaPriorityQueue, JavaTreeSet } from '../javaOrder.ts';
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
import { deviationOfCounts } from './replicaDistribution.ts';

/**
 * Soft: every broker leads about as many partitions as another; leadership moves first, leader replicas then. Its leadership moves walk hash sets.
 * Source: Cruise Control 2.5 `LeaderReplicaDistributionGoal`.
 */
export class LeaderReplicaDistributionGoal extends Goal {
  readonly name = 'LeaderReplicaDistributionGoal';
  private upper = 0;
  private lower = 0;
  private unbalanced = false;

  override accepts(action: Action, replica: number, to: number, back: number): Acceptance {
    const { model } = this;
    const from = model.brokerOf[replica]!;
    const leads = model.isLeader[replica] === 1;
    if (action === swap) {
      const comesLeading = model.isLeader[back] === 1;
      if (leads === comesLeading) return accept;
      return (leads ? this.keepsLimits(from, to) : this.keepsLimits(to, from)) ? accept : rejectReplica;
    }
    return (!leads && action !== leadership) || this.keepsLimits(from, to) ? accept : rejectReplica;
  }

  protected override satisfies(action: Action, replica: number, to: number, back: number): boolean {
    if (this.onlyOffline && this.model.isOffline(replica)) return true;
    return this.accepts(action, replica, to, back) === accept;
  }

  private keepsLimits(from: number, to: number): boolean {
    const { model } = this;
    if (model.leadersOn[to]! + 1 > (model.alive[to] === 1 ? this.upper : 0)) return false;
    return !this.mayTake(from) || model.leadersOn[from]! - 1 >= (model.alive[from] === 1 ? this.lower : 0);
  }

  protected override measure(): GoalMeasure {
    return deviationOfCounts(this.model.leadersOn, this.run.excluded.allowed);
  }

  protected override begin(): void {
    this.requireAllowedBrokers();
    const { model, excluded, constraint } = this.run;
    ({ upper: this.upper, lower: this.lower } = countLimits(
      model.partitionCount / excluded.allowed.length,
      constraint.number('leader.replica.count.balance.threshold'),
    ));
  }

  protected override rebalance(broker: number): void {
    const { model } = this;
    const leaders = model.leadersOn[broker]!;
    const alive = model.alive[broker] === 1;
    const allowed = this.mayTake(broker);
    const tooMany = alive && leaders > (allowed ? this.upper : 0);
    const tooFew = allowed && leaders < this.lower;
    const mustEmpty = this.onlyOffline && model.offlineOn[broker]! > 0;
    const leadersStay = tooMany && !this.leadershipOut(broker);
    if ((leadersStay || mustEmpty) && !this.replicasOut(broker)) {
      if (!mustEmpty) this.unbalanced = true;
    } else if (tooFew && !this.leadershipIn(broker) && !this.replicasIn(broker)) this.unbalanced = true;
  }

  private isExcludedTopic(replica: number): boolean {
    return this.run.excluded.topics[this.model.topicOf[this.model.partitionOf[replica]!]!] === 1;
  }

  private leadershipOut(broker: number): boolean {
    const { model } = this;
    if (model.deadBrokers.length > 0) return false;
    const most = this.mayTake(broker) ? this.upper : 0;
    this.newTries();
    for (const leader of model.leadersInCopiedSet(broker)) {
      if (this.exhausted) break;
      if (this.isExcludedTopic(leader)) continue;
      const partition = model.partitionOf[leader]!;
      const all: number[] = [];
      const online: number[] = [];
      for (let at = model.firstReplica[partition]!; at < model.firstReplica[partition + 1]!; at += 1) {
        const r = model.listed[at]!;
        all.push(model.brokerOf[r]!);
        if (r !== leader && !model.isOffline(r)) online.push(model.brokerOf[r]!);
      }
      const heirs = model.brokersInSet(model.brokersInSet(all).filter((b) => online.includes(b)));
      if (heirs.some((to) => this.tryLeadership(leader, to)) && model.leadersOn[broker]! <= most) return true;
    }
    return false;
  }

  private leadershipIn(broker: number): boolean {
    const { model, excluded } = this.run;
    if (model.deadBrokers.length > 0 || excluded.leadership[broker] === 1) return false;
    this.newTries();
    for (const replica of model.replicasInSet(broker)) {
      if (this.exhausted) break;
      if (model.isLeader[replica] === 1 || model.isOffline(replica) || this.isExcludedTopic(replica))
        continue;
      const leader = model.leaderOf[model.partitionOf[replica]!]!;
      if (this.tryLeadership(leader, broker) && model.leadersOn[broker]! >= this.lower) return true;
    }
    return false;
  }

  private replicasOut(broker: number): boolean {
    const { model, onlyOffline } = this;
    const count = onlyOffline ? model.replicasOn : model.leadersOn;
    const candidates = new JavaTreeSet((a, b) => count[a]! - count[b]! || a - b);
    const under = (b: number) => onlyOffline || model.leadersOn[b]! < this.upper;
    const first = model.aliveBrokers.filter(under);
    for (const b of onlyOffline ? first : model.brokersInSet(first)) candidates.add(b);
    const gifts = model
      .naturalOrder(broker)
      .filter(
        (r) =>
          (onlyOffline
            ? model.isOffline(r)
            : model.isLeader[r] === 1 && (!model.selfHealing || model.isImmigrant(r))) && this.mayGo(r),
      );
    const most = onlyOffline ? 0 : this.upper;
    let left = gifts.length;
    this.newTries();
    for (const replica of gifts) {
      if (this.exhausted && !model.isOffline(replica)) break;
      let to = -1;
      for (let node = candidates.first(); node !== 0 && to < 0; node = candidates.next(node))
        if (this.tryMove(replica, candidates.entryOf(node))) to = candidates.entryOf(node);
      if (to < 0) continue;
      left -= 1;
      if (left <= most) return true;
      candidates.delete(to);
      if (under(to)) candidates.add(to);
    }
    return false;
  }

  private replicasIn(broker: number): boolean {
    const { model, excluded } = this.run;
    if (excluded.leadership[broker] === 1) return false;
    const sources = new JavaPriorityQueue((a, b) => model.leadersOn[b]! - model.leadersOn[a]! || a - b);
    for (const b of model.aliveBrokers) if (model.leadersOn[b]! > this.lower) sources.add(b);
    const broken = model.deadBrokers.length > 0 || model.badDiskBrokers.length > 0;
    this.newTries();
    while (sources.size > 0 && !this.exhausted) {
      const source = sources.poll();
      const gifts = model
        .naturalOrder(source)
        .filter((r) => model.isLeader[r] === 1 && (!broken || model.isImmigrant(r)) && this.mayGo(r));
      for (const replica of gifts) {
        if (!this.tryMove(replica, broker)) continue;
        if (model.leadersOn[broker]! >= this.lower) return true;
        if (sources.size > 0 && model.leadersOn[source]! < model.leadersOn[sources.peek()]!) {
          sources.add(source);
          break;
        }
      }
    }
    return false;
  }

  protected override endRound(): boolean {
    if (this.unbalanced) this.succeeded = false;
    this.unbalanced = false;
    return this.endSoftRound();
  }
}
