import { nwIn } from '../clusterModel.ts';
import { type Acceptance, type Action, accept, Goal, move, rejectReplica, swap } from './goal.ts';

/**
 * Soft: no broker receives, as a leader, more than the mean times the balance threshold of inbound network. Moves leadership only.
 * Source: Cruise Control 2.5 `LeaderBytesInDistributionGoal`. Its own measure, the spread of all inbound traffic, cannot change by leadership and is left out.
 */
export class LeaderBytesInDistributionGoal extends Goal {
  readonly name = 'LeaderBytesInDistributionGoal';
  private mean = 0;
  private leftOver = 0;

  private limit(broker: number): number {
    const { model, excluded, constraint } = this.run;
    if (this.mean === 0) {
      let sum = 0;
      for (const b of model.aliveBrokers) sum += model.leaderNwIn(b);
      this.mean = sum / excluded.allowed.length;
    }
    return Math.max(
      this.mean * constraint.balanceThreshold(nwIn),
      constraint.lowUtilization(nwIn) * model.capacityOf(broker, nwIn),
    );
  }

  override accepts(action: Action, replica: number, to: number, back: number): Acceptance {
    const { model } = this;
    if (model.isLeader[replica] === 0 && (action === move || (action === swap && model.isLeader[back] === 0)))
      return accept;
    let gain = model.replicaLoad(replica, nwIn);
    if (action === swap) {
      gain -= model.replicaLoad(back, nwIn);
      const from = model.brokerOf[replica]!;
      if (model.leaderNwIn(from) - gain > this.limit(from)) return rejectReplica;
    }
    return model.leaderNwIn(to) + gain > this.limit(to) ? rejectReplica : accept;
  }

  protected override satisfies(action: Action, replica: number, to: number): boolean {
    return this.accepts(action, replica, to, -1) === accept;
  }

  protected override begin(): void {
    this.requireAllowedBrokers();
    this.mean = 0;
    this.leftOver = 0;
  }

  protected override brokersToBalance(): readonly number[] {
    return this.model.allBrokers.filter((b) => this.model.leaderNwIn(b) > this.limit(b));
  }

  protected override rebalance(broker: number): void {
    const { model } = this;
    const limit = this.limit(broker);
    if (model.leaderNwIn(broker) < limit) return;
    this.newTries();
    for (const leader of model.naturalOrder(broker)) {
      if (model.isLeader[leader] === 0 || !this.mayGo(leader)) continue;
      if (this.exhausted) break;
      const heirs = model.onlineFollowers(model.partitionOf[leader]!).map((r) => model.brokerOf[r]!);
      heirs.sort((a, b) => model.leaderNwIn(a) - model.leaderNwIn(b));
      heirs.some((to) => this.tryLeadership(leader, to));
      if (model.leaderNwIn(broker) <= limit) return;
    }
    this.leftOver += 1;
  }

  protected override endRound(): boolean {
    if (this.leftOver > 0) this.succeeded = false;
    return true;
  }
}
