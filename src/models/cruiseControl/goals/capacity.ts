import {
  cpu,
  disk,
  isBrokerResource,
  isHostResource,
  nwIn,
  nwOut,
  type Resource,
  resourceNames,
} from '../clusterModel.ts';
import {
  type Acceptance,
  type Action,
  accept,
  Goal,
  leadership,
  OptimizationFailure,
  rejectReplica,
  swap,
} from './goal.ts';

const units = ['% of a core', 'KB/s', 'KB/s', 'MB'] as const;

/**
 * Hard: no broker (disk, CPU) or host (network, CPU) is used beyond its capacity times a threshold. A move must leave its destination below that limit, with the
 * replica's full load even where only leadership moves; a broker that stands exactly at it is left alone.
 * Source: Cruise Control 2.5 `CapacityGoal` and its four subclasses.
 */
abstract class CapacityGoal extends Goal {
  protected abstract readonly resource: Resource;
  /** Whether leadership moves cost nothing of this resource. */
  protected readonly ignoresLeadership: boolean = false;
  private threshold = 0;

  override accepts(action: Action, replica: number, to: number, back: number): Acceptance {
    if (action === leadership && this.ignoresLeadership) return accept;
    const { model, resource } = this;
    const load = model.replicaLoad(replica, resource);
    if (action !== swap) return this.staysBelow(to, load) ? accept : rejectReplica;
    const gain = model.replicaLoad(back, resource) - load;
    const stays = gain > 0 ? this.staysBelow(model.brokerOf[replica]!, gain) : this.staysBelow(to, -gain);
    return stays ? accept : rejectReplica;
  }

  protected override satisfies(_action: Action, replica: number, to: number): boolean {
    return this.staysBelow(to, this.model.replicaLoad(replica, this.resource));
  }

  private staysBelow(broker: number, added: number): boolean {
    const { model, resource, threshold } = this;
    if (
      isHostResource(resource) &&
      model.hostLoad(broker, resource) + added >= model.capacityOfHost(broker, resource) * threshold
    )
      return false;
    return (
      !isBrokerResource(resource) ||
      model.brokerLoad(broker, resource) + added < model.capacityOf(broker, resource) * threshold
    );
  }

  private isOver(broker: number): boolean {
    const { model, resource, threshold } = this;
    if (
      isHostResource(resource) &&
      model.hostReplicas[model.hostOf[broker]!]! > 0 &&
      model.hostLoad(broker, resource) > model.capacityOfHost(broker, resource) * threshold
    )
      return true;
    return (
      isBrokerResource(resource) &&
      model.replicasOn[broker]! > 0 &&
      model.brokerLoad(broker, resource) > model.capacityOf(broker, resource) * threshold
    );
  }

  protected override begin(): void {
    const { model, excluded, constraint } = this.run;
    this.threshold = constraint.capacityThreshold(this.resource);
    const needed = model.clusterLoad(this.resource);
    const available = model.capacityOfAllowed(this.resource, excluded.moves) * this.threshold;
    if (available >= needed) return;
    this.requireAllowedBrokers();
    this.fail(
      'insufficient-capacity',
      needed,
      available,
      `the cluster needs ${round(needed)} ${units[this.resource]} of ${resourceNames[this.resource]}, and may use ${round(available)}`,
    );
  }

  private fail(kind: string, needed: number, available: number, says: string): never {
    throw new OptimizationFailure(`${this.name}: ${says}`, {
      kind,
      resource: resourceNames[this.resource],
      needed,
      available,
      unit: units[this.resource],
    });
  }

  protected override rebalance(broker: number): void {
    const { model, resource } = this;
    if (!this.isOver(broker) && model.offlineOn[broker] === 0) return;
    if (resource === nwOut || resource === cpu) this.moveLeadershipOut(broker);
    if (this.isOver(broker) || model.offlineOn[broker]! > 0) this.moveReplicasOut(broker);
    if (this.isOver(broker)) this.failOver(broker);
    if (model.offlineOn[broker]! > 0)
      this.fail(
        'offline-replicas-remain',
        model.offlineOn[broker]!,
        0,
        `replicas remain offline on broker ${model.brokerIds[broker]}`,
      );
  }

  private failOver(broker: number): never {
    const { model, resource } = this;
    const onHost = isHostResource(resource);
    const load = onHost ? model.hostLoad(broker, resource) : model.brokerLoad(broker, resource);
    const limit =
      (onHost ? model.capacityOfHost(broker, resource) : model.capacityOf(broker, resource)) * this.threshold;
    this.fail(
      'capacity-exceeded',
      load,
      Math.max(limit, 0),
      `broker ${model.brokerIds[broker]} is left with ${round(load)} ${units[resource]} of ${resourceNames[resource]}, and may use ${round(Math.max(limit, 0))}`,
    );
  }

  private moveLeadershipOut(broker: number): void {
    const { model, resource } = this;
    const leaders = model.replicasOf(broker).filter((r) => model.isLeader[r] === 1 && this.mayGo(r));
    leaders.sort(
      (a, b) =>
        Number(model.isImmigrant(b)) - Number(model.isImmigrant(a)) ||
        model.replicaLoad(b, resource) - model.replicaLoad(a, resource) ||
        model.compareNaturally(a, b),
    );
    for (const leader of leaders) {
      const heirs = model.onlineFollowers(model.partitionOf[leader]!).map((r) => model.brokerOf[r]!);
      heirs.sort((a, b) => model.brokerLoad(a, resource) - model.brokerLoad(b, resource) || a - b);
      for (const to of heirs) if (this.tryLeadership(leader, to)) break;
      if (!this.isOver(broker)) break;
    }
  }

  private moveReplicasOut(broker: number): void {
    const { model, resource, threshold } = this;
    const candidates = model.aliveBrokers.filter(
      (b) =>
        (!isBrokerResource(resource) ||
          model.brokerLoad(b, resource) < model.capacityOf(b, resource) * threshold) &&
        (!isHostResource(resource) ||
          model.hostLoad(b, resource) < model.capacityOfHost(b, resource) * threshold),
    );
    candidates.sort(
      (a, b) =>
        (isHostResource(resource) ? model.hostLoad(a, resource) - model.hostLoad(b, resource) : 0) ||
        model.brokerLoad(a, resource) - model.brokerLoad(b, resource),
    );
    const replicas = model.replicasOf(broker).filter((r) => this.mayGo(r));
    replicas.sort(
      (a, b) =>
        Number(model.isOffline(b)) - Number(model.isOffline(a)) ||
        Number(model.isImmigrant(b)) - Number(model.isImmigrant(a)) ||
        model.replicaLoad(b, resource) - model.replicaLoad(a, resource) ||
        model.compareNaturally(a, b),
    );
    for (const replica of replicas) {
      for (const to of candidates) if (this.tryMove(replica, to)) break;
      if (!this.isOver(broker) && model.offlineOn[broker] === 0) break;
    }
  }

  protected override endRound(): boolean {
    for (const b of this.model.allBrokers) if (this.isOver(b)) this.failOver(b);
    this.requireNothingOffline();
    this.requireOffBrokenDisks();
    return true;
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;

export class DiskCapacityGoal extends CapacityGoal {
  readonly name = 'DiskCapacityGoal';
  protected readonly resource = disk;
  protected override readonly ignoresLeadership = true;
}

export class NetworkInboundCapacityGoal extends CapacityGoal {
  readonly name = 'NetworkInboundCapacityGoal';
  protected readonly resource = nwIn;
  protected override readonly ignoresLeadership = true;
}

export class NetworkOutboundCapacityGoal extends CapacityGoal {
  readonly name = 'NetworkOutboundCapacityGoal';
  protected readonly resource = nwOut;
}

export class CpuCapacityGoal extends CapacityGoal {
  readonly name = 'CpuCapacityGoal';
  protected readonly resource = cpu;
}
