import {
  type Acceptance,
  type Action,
  accept,
  Goal,
  move,
  OptimizationFailure,
  rejectReplica,
} from './goal.ts';

/** Hard: no broker has more than `max.replicas.per.broker` replicas. Source: Cruise Control 2.5 `ReplicaCapacityGoal`. */
export class ReplicaCapacityGoal extends Goal {
  readonly name = 'ReplicaCapacityGoal';
  private readonly most = this.run.constraint.number('max.replicas.per.broker');
  private healing = false;

  override accepts(action: Action, _replica: number, to: number): Acceptance {
    return action !== move || this.model.replicasOn[to]! < this.most ? accept : rejectReplica;
  }

  protected override satisfies(_action: Action, _replica: number, to: number): boolean {
    return this.model.replicasOn[to]! < this.most;
  }

  private fail(kind: string, needed: number, available: number, says: string): never {
    throw new OptimizationFailure(`${this.name}: ${says}`, {
      kind,
      resource: 'replicas',
      needed,
      available,
      unit: 'replicas',
    });
  }

  protected override begin(): void {
    const { model, excluded } = this.run;
    this.healing = false;
    for (const b of model.allBrokers) {
      if (model.alive[b] === 0 || model.states[b] === 'BAD_DISKS') this.healing = true;
      if (model.alive[b] === 0 || !excluded.anyTopic) continue;
      const fixed = model.replicasOf(b).filter((r) => !this.mayGo(r)).length;
      if (fixed > this.most)
        this.fail(
          'excluded-topics-exceed-capacity',
          fixed,
          this.most,
          `broker ${model.brokerIds[b]} has ${fixed} replicas of excluded topics, and may have ${this.most}`,
        );
    }
    const room = this.most * excluded.allowed.length;
    if (model.replicaCount > room)
      this.fail(
        'insufficient-capacity',
        model.replicaCount,
        room,
        `${model.replicaCount} replicas on ${excluded.allowed.length} brokers that may have ${this.most} each`,
      );
  }

  protected override rebalance(broker: number): void {
    const { model } = this;
    if (model.replicasOn[broker]! <= this.most && model.offlineOn[broker] === 0) return;
    const takes = (b: number) => this.healing || model.replicasOn[b]! < this.most;
    const byCount = (a: number, b: number) => model.replicasOn[a]! - model.replicasOn[b]! || a - b;
    const candidates = model.aliveBrokers.filter((b) => b !== broker && takes(b)).sort(byCount);
    for (const replica of model.naturalOrder(broker)) {
      if (!this.mayGo(replica)) continue;
      const offline = model.isOffline(replica);
      if (model.replicasOn[broker]! <= this.most && !offline) break;
      const at = candidates.findIndex((to) => this.tryMove(replica, to));
      if (at >= 0) {
        // Only that one has more now: it moves up among those behind it.
        const [to] = candidates.splice(at, 1);
        let place = at;
        while (place < candidates.length && byCount(candidates[place]!, to!) < 0) place += 1;
        if (takes(to!)) candidates.splice(place, 0, to!);
      } else if (offline)
        this.fail(
          'offline-replicas-remain',
          1,
          0,
          `no broker can take what is offline on ${model.brokerIds[broker]}`,
        );
    }
  }

  protected override endRound(): boolean {
    const { model } = this;
    this.requireNothingOffline();
    this.requireOffBrokenDisks();
    if (this.healing) {
      this.healing = false;
      return false;
    }
    for (const b of model.allBrokers)
      if (model.replicasOn[b]! > this.most)
        this.fail(
          'capacity-exceeded',
          model.replicasOn[b]!,
          this.most,
          `broker ${model.brokerIds[b]} has ${model.replicasOn[b]} replicas, and may have ${this.most}`,
        );
    return true;
  }
}
