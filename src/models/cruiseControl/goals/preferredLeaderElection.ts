import { type Acceptance, accept, Goal, leadership } from './goal.ts';

/**
 * Soft: each partition is led by the first live replica of its list that may lead; replicas of demoted brokers go to the end of their lists first. It lets later
 * goals do what they like, and answers whether it moved anything: with nothing to do it counts as violated.
 * Source: Cruise Control 2.5 `PreferredLeaderElectionGoal`, without its options for under-replicated partitions and followers, and without demoted disks.
 */
export class PreferredLeaderElectionGoal extends Goal {
  readonly name = 'PreferredLeaderElectionGoal';

  override accepts(): Acceptance {
    return accept;
  }

  protected override satisfies(): boolean {
    return true;
  }

  protected override begin(): void {}
  protected override rebalance(): void {}
  protected override endRound(): boolean {
    return true;
  }

  override optimize(): boolean {
    const { model, excluded, watch, optimized } = this.run;
    const demoted = model.aliveBrokers.filter((b) => model.states[b] === 'DEMOTED');
    const mustMove = new Uint8Array(model.partitionCount);
    for (const b of demoted) {
      for (const r of model.replicasInSet(b)) model.moveToEndOfList(r);
      for (const r of model.replicasOf(b)) if (model.isLeader[r] === 1) mustMove[model.partitionOf[r]!] = 1;
    }
    let moved = false;
    for (let p = 0; p < model.partitionCount; p += 1) {
      if (demoted.length > 0 && mustMove[p] === 0) continue;
      const first = model.firstReplica[p]!;
      const end = demoted.length > 0 ? model.firstReplica[p + 1]! : first + 1;
      for (let at = first; at < end; at += 1) {
        const heir = model.listed[at]!;
        const to = model.brokerOf[heir]!;
        if (model.alive[to] === 0 || model.isOffline(heir)) continue;
        if (model.isLeader[heir] === 0) {
          if (excluded.leadership[to] === 1) continue;
          const replica = model.leaderOf[p]!;
          watch.onMove?.(
            { goal: this, action: leadership, replica, from: model.brokerOf[replica]!, to, back: undefined },
            model,
            optimized,
          );
          model.moveLeadership(p, heir);
          moved = true;
        }
        break;
      }
    }
    return moved;
  }
}
