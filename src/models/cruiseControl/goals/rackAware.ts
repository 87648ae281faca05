import {
  type Acceptance,
  type Action,
  accept,
  Goal,
  leadership,
  OptimizationFailure,
  rejectBroker,
  rejectReplica,
  swap,
} from './goal.ts';

/** What the two rack goals share. Source: Cruise Control 2.5 `AbstractRackAwareGoal`. */
abstract class RackGoal extends Goal {
  protected readonly failsAtOnce: boolean = true;

  protected abstract breaksRacks(replica: number, to: number): boolean;
  protected abstract mayStay(replica: number): boolean;
  /** In the order in which they are tried. */
  protected abstract destinations(replica: number): Iterable<number>;

  override accepts(action: Action, replica: number, to: number, back: number): Acceptance {
    if (action === leadership) return accept;
    if (this.breaksRacks(replica, to)) return rejectBroker;
    if (action === swap && this.breaksRacks(back, this.model.brokerOf[replica]!)) return rejectReplica;
    return accept;
  }

  protected override satisfies(): boolean {
    return true;
  }

  protected override rebalance(broker: number): void {
    const { model } = this;
    for (const replica of model.naturalOrder(broker)) {
      if (!this.mayGo(replica)) continue;
      if (model.alive[broker] === 1 && !model.isOffline(replica) && this.mayStay(replica)) continue;
      if (this.moveToFirst(replica) || !this.failsAtOnce) continue;
      const partition = model.partitionOf[replica]!;
      throw new OptimizationFailure(
        `${this.name}: no broker of another rack can take a replica of ${this.partitionName(partition)} from broker ${model.brokerIds[broker]}`,
        { kind: 'no-eligible-broker', resource: 'racks', needed: 1, available: 0, unit: 'brokers' },
      );
    }
  }

  private moveToFirst(replica: number): boolean {
    for (const to of this.destinations(replica)) if (this.tryMove(replica, to)) return true;
    return false;
  }

  protected partitionName(partition: number): string {
    return `${this.model.topics[this.model.topicOf[partition]!]}-${this.model.partitionNumber[partition]}`;
  }

  protected replicasByRack(partition: number): Map<number, number> {
    const { model } = this;
    const found = new Map<number, number>();
    for (let r = model.firstReplica[partition]!; r < model.firstReplica[partition + 1]!; r += 1) {
      const rack = model.rackOf[model.brokerOf[r]!]!;
      found.set(rack, (found.get(rack) ?? 0) + 1);
    }
    return found;
  }

  protected noteExtraRacks(racks: number): void {
    if (
      racks - this.model.maxReplicationFactor >=
      this.run.constraint.number('overprovisioned.min.extra.racks')
    )
      this.provision = 'OVER_PROVISIONED';
  }

  protected noteSized(): void {
    if (this.provision !== 'OVER_PROVISIONED') this.provision = 'RIGHT_SIZED';
  }

  protected isExcludedTopic(partition: number): boolean {
    return this.run.excluded.topics[this.model.topicOf[partition]!] === 1;
  }
}

/**
 * Hard: the replicas of a partition stand in distinct racks. The lowest broker id that fits takes a replica, whatever its load.
 * Source: Cruise Control 2.5 `RackAwareGoal`. The mapping of rack ids (`rack.aware.goal.rack.id.mapper.class`) is the identity.
 */
export class RackAwareGoal extends RackGoal {
  readonly name = 'RackAwareGoal';

  protected override breaksRacks(replica: number, to: number): boolean {
    const { model } = this;
    const partition = model.partitionOf[replica]!;
    const rack = model.rackOf[to];
    for (let r = model.firstReplica[partition]!; r < model.firstReplica[partition + 1]!; r += 1)
      if (r !== replica && model.rackOf[model.brokerOf[r]!] === rack) return true;
    return false;
  }

  protected override begin(): void {
    const { model, excluded } = this.run;
    const racks = model.aliveRacks();
    let needed = excluded.anyTopic ? 1 : model.maxReplicationFactor;
    if (excluded.anyTopic)
      for (let t = 0; t < model.topicCount; t += 1)
        if (excluded.topics[t] === 0) needed = Math.max(needed, model.topicFactor[t]!);
    if (needed > racks)
      throw new OptimizationFailure(
        `${this.name}: ${needed} replicas of a partition need ${needed} racks, and ${racks} have a live broker`,
        { kind: 'insufficient-racks', resource: 'racks', needed, available: racks, unit: 'racks' },
      );
    this.noteExtraRacks(racks);
  }

  protected override mayStay(replica: number): boolean {
    return !this.breaksRacks(replica, this.model.brokerOf[replica]!);
  }

  protected override *destinations(replica: number): Iterable<number> {
    const { model } = this;
    for (const b of model.allBrokers) if (model.alive[b] === 1 && !this.breaksRacks(replica, b)) yield b;
  }

  protected override endRound(): boolean {
    const { model } = this;
    for (let p = 0; p < model.partitionCount; p += 1) {
      if (this.isExcludedTopic(p)) continue;
      const factor = model.firstReplica[p + 1]! - model.firstReplica[p]!;
      const racks = this.racksOf(p);
      if (racks === factor) continue;
      throw new OptimizationFailure(
        `${this.name}: ${this.partitionName(p)} has ${factor} replicas in ${racks} racks`,
        {
          kind: 'not-rack-aware',
          resource: 'racks',
          needed: factor,
          available: racks,
          unit: 'racks',
        },
      );
    }
    this.requireNothingOffline();
    this.requireOffBrokenDisks();
    this.noteSized();
    return true;
  }

  private racksOf(partition: number): number {
    const { model } = this;
    let distinct = 0;
    for (let r = model.firstReplica[partition]!; r < model.firstReplica[partition + 1]!; r += 1) {
      const rack = model.rackOf[model.brokerOf[r]!];
      let earlier = model.firstReplica[partition]!;
      while (earlier < r && model.rackOf[model.brokerOf[earlier]!] !== rack) earlier += 1;
      if (earlier === r) distinct += 1;
    }
    return distinct;
  }
}

/**
 * Hard: the replicas of a partition are spread over the racks as evenly as their number allows, so that there may be more of them than racks.
 * Source: Cruise Control 2.5 `RackAwareDistributionGoal`.
 */
export class RackAwareDistributionGoal extends RackGoal {
  readonly name = 'RackAwareDistributionGoal';
  protected override readonly failsAtOnce = false;
  private racks = 0;

  protected override breaksRacks(replica: number, to: number): boolean {
    const { model } = this;
    const there = model.rackOf[to]!;
    const here = model.rackOf[model.brokerOf[replica]!]!;
    if (there === here) return false;
    const byRack = this.replicasByRack(model.partitionOf[replica]!);
    return (byRack.get(there) ?? 0) >= (byRack.get(here) ?? 0);
  }

  protected override begin(): void {
    this.requireAllowedBrokers();
    this.racks = this.model.aliveRacks(this.run.excluded.moves);
    this.noteExtraRacks(this.racks);
  }

  /** How many replicas each rack has at least, and how many racks have one more. */
  private limits(partition: number): { readonly base: number; readonly racksWithMore: number } {
    const factor = this.model.firstReplica[partition + 1]! - this.model.firstReplica[partition]!;
    return { base: Math.floor(factor / this.racks), racksWithMore: factor % this.racks };
  }

  private racksAbove(byRack: ReadonlyMap<number, number>, base: number): number {
    let above = 0;
    for (const n of byRack.values()) if (n > base) above += 1;
    return above;
  }

  protected override mayStay(replica: number): boolean {
    const { model } = this;
    const broker = model.brokerOf[replica]!;
    if (!this.mayTake(broker)) return false;
    const partition = model.partitionOf[replica]!;
    const { base, racksWithMore } = this.limits(partition);
    const byRack = this.replicasByRack(partition);
    const here = byRack.get(model.rackOf[broker]!)!;
    if (here <= base) return true;
    if (here > base + (racksWithMore === 0 ? 0 : 1)) return false;
    return this.racksAbove(byRack, base) <= racksWithMore;
  }

  protected override destinations(replica: number): readonly number[] {
    const { model } = this;
    const partition = model.partitionOf[replica]!;
    const byRack = this.replicasByRack(partition);
    const own = model.rackOf[model.brokerOf[replica]!]!;
    byRack.set(own, byRack.get(own)! - 1);
    const { base, racksWithMore } = this.limits(partition);
    const roomAtBase = this.racksAbove(byRack, base) < racksWithMore;
    const there = (b: number) => byRack.get(model.rackOf[b]!) ?? 0;
    return model.aliveBrokers
      .filter(
        (b) => (there(b) < base || (roomAtBase && there(b) === base)) && !model.hasReplica(partition, b),
      )
      .sort((a, b) => there(a) - there(b) || a - b);
  }

  protected override endRound(): boolean {
    const { model } = this;
    this.requireNothingOffline();
    for (let p = 0; p < model.partitionCount; p += 1) {
      if (this.isExcludedTopic(p)) continue;
      const counts = [...this.replicasByRack(p).values()];
      const most = counts.reduce((a, b) => Math.max(a, b));
      const least = counts.reduce((a, b) => Math.min(a, b));
      if (most <= 1 || (counts.length >= this.racks && most - least <= 1)) continue;
      throw new OptimizationFailure(
        `${this.name}: one rack has ${most} replicas of ${this.partitionName(p)}, another ${counts.length < this.racks ? 0 : least}`,
        {
          kind: 'uneven-over-racks',
          resource: 'racks',
          needed: Math.min(this.racks, model.firstReplica[p + 1]! - model.firstReplica[p]!),
          available: counts.length,
          unit: 'racks',
        },
      );
    }
    this.requireOffBrokenDisks();
    this.noteSized();
    return true;
  }
}
