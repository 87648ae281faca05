import {
  cpu,
  disk,
  isBrokerResource,
  isHostResource,
  type KeptOrder,
  nwIn,
  nwOut,
  type Resource,
} from '../clusterModel.ts';
import { utilizationLimits } from '../constraint.ts';
import { JavaPriorityQueue, JavaTreeSet } from '../javaOrder.ts';
import {
  type Acceptance,
  type Action,
  accept,
  Goal,
  type GoalMeasure,
  leadership,
  move,
  rejectReplica,
  swap,
} from './goal.ts';

/** How a broker is tried: leadership, then replicas. */
type Way = typeof leadership | typeof move;

/** The first place at which something holds that, once it holds, holds to the end; the end where it never does. */
function firstWhere(
  list: readonly number[],
  holds: (entry: number) => boolean,
  end: number = list.length,
): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(list[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Those of a list that pass, found as far as somebody asks, and once. */
class Filtered {
  private readonly list: readonly number[];
  private readonly passes: (entry: number) => boolean;
  private readonly found: number[] = [];
  private at = 0;

  constructor(list: readonly number[], passes: (entry: number) => boolean) {
    this.list = list;
    this.passes = passes;
  }

  *[Symbol.iterator](): Generator<number> {
    for (let n = 0; ; n += 1) {
      while (n >= this.found.length && this.at < this.list.length) {
        const entry = this.list[this.at]!;
        this.at += 1;
        if (this.passes(entry)) this.found.push(entry);
      }
      if (n >= this.found.length) return;
      yield this.found[n]!;
    }
  }
}

/**
 * Soft: every broker is used about as much as another, in shares of its capacity. Leadership moves first (outbound network, CPU), then replicas, then swaps.
 * Source: Cruise Control 2.5 `ResourceDistributionGoal` and its four subclasses.
 */
abstract class ResourceDistributionGoal extends Goal {
  protected abstract readonly resource: Resource;
  protected readonly ignoresLeadership: boolean = false;
  override readonly refusesForGood = false;
  private upper = 0;
  private lower = 0;
  private isLow = false;
  private descending: KeptOrder | undefined;
  private ascending: KeptOrder | undefined;

  private load(replica: number): number {
    return this.model.replicaLoad(replica, this.resource);
  }

  // --- limits --------------------------------------------------------------------------------------------------------------------------------------------------

  /** Whether a broker, or for a host's resource its host, is at least at the lower limit with so much more. */
  private isAboveLower(broker: number, change = 0): boolean {
    const { model, resource, lower } = this;
    return (
      model.brokerLoad(broker, resource) + change >= model.capacityOf(broker, resource) * lower ||
      (isHostResource(resource) &&
        model.hostLoad(broker, resource) + change >= model.capacityOfHost(broker, resource) * lower)
    );
  }

  private isUnderUpper(broker: number, change = 0, upper = this.upper): boolean {
    const { model, resource } = this;
    return (
      model.brokerLoad(broker, resource) + change <= model.capacityOf(broker, resource) * upper ||
      (isHostResource(resource) &&
        model.hostLoad(broker, resource) + change <= model.capacityOfHost(broker, resource) * upper)
    );
  }

  private keepsLimits(replica: number, to: number): boolean {
    const load = this.load(replica);
    return this.isUnderUpper(to, load) && this.isAboveLower(this.model.brokerOf[replica]!, -load);
  }

  /** @param gain what the source gets more by the swap; negative where it gives more */
  private swapBreaksLimits(gain: number, from: number, to: number): boolean {
    const { model, resource } = this;
    const breaks = (loadOf: (b: number) => number, capacityOf: (b: number) => number): boolean => {
      const here = loadOf(from);
      const there = loadOf(to);
      if (gain > 0 ? here + gain > capacityOf(from) * this.upper : there - gain > capacityOf(to) * this.upper)
        return true;
      return gain < 0
        ? here + gain < capacityOf(from) * this.lower
        : there - gain < capacityOf(to) * this.lower;
    };
    if (
      !breaks(
        (b) => model.brokerLoad(b, resource),
        (b) => model.capacityOf(b, resource),
      )
    )
      return false;
    return (
      !isHostResource(resource) ||
      breaks(
        (b) => model.hostLoad(b, resource),
        (b) => model.capacityOfHost(b, resource),
      )
    );
  }

  /** Whether two brokers come closer when the source's load changes by so much and the destination's by the opposite. */
  private comeCloser(from: number, to: number, change: number): boolean {
    const { model, resource } = this;
    const here = model.capacityOf(from, resource);
    const there = model.capacityOf(to, resource);
    const before = model.brokerLoad(from, resource) / here - model.brokerLoad(to, resource) / there;
    const after = before + change / here + change / there;
    return Math.abs(after) < Math.abs(before);
  }

  override accepts(action: Action, replica: number, to: number, back: number): Acceptance {
    if (action === leadership && this.ignoresLeadership) return accept;
    const from = this.model.brokerOf[replica]!;
    return (
      action === swap
        ? this.acceptsSwap(this.load(back) - this.load(replica), from, to)
        : this.acceptsMove(replica, from, to)
    )
      ? accept
      : rejectReplica;
  }

  private acceptsSwap(gain: number, from: number, to: number): boolean {
    if (gain === 0) return true;
    const within =
      gain > 0
        ? this.isAboveLower(to) && this.isUnderUpper(from)
        : this.isAboveLower(from) && this.isUnderUpper(to);
    return within ? !this.swapBreaksLimits(gain, from, to) : this.comeCloser(from, to, gain);
  }

  private acceptsMove(replica: number, from: number, to: number): boolean {
    const load = this.load(replica);
    const excluded = !this.mayTake(from);
    if ((excluded || this.isAboveLower(from)) && this.isUnderUpper(to))
      return this.isUnderUpper(to, load) && (excluded || this.isAboveLower(from, -load));
    return excluded ? load === 0 : this.comeCloser(from, to, -load);
  }

  protected override satisfies(action: Action, replica: number, to: number, back: number): boolean {
    if (this.onlyOffline && this.model.isOffline(replica)) return action === move;
    if (action !== swap) return this.keepsLimits(replica, to);
    const gain = this.load(back) - this.load(replica);
    return gain !== 0 && !this.swapBreaksLimits(gain, this.model.brokerOf[replica]!, to);
  }

  // --- course --------------------------------------------------------------------------------------------------------------------------------------------------

  private limits() {
    const { model, excluded, constraint } = this.run;
    return utilizationLimits(
      model.clusterLoad(this.resource) / model.capacityOfAllowed(this.resource, excluded.moves),
      constraint.balanceThreshold(this.resource),
      constraint.lowUtilization(this.resource),
    );
  }

  /** Balanced brokers may become fewer only if the deviation does not grow. Source: Cruise Control 2.5 `ClusterModelStats.utilizationForResources`. */
  protected override measure(): GoalMeasure & { readonly deviation: number } {
    const { model, excluded } = this.run;
    const { upper, lower } = this.limits();
    const average = model.clusterLoad(this.resource) / model.capacityOfAllowed(this.resource, excluded.moves);
    const onHost = isHostResource(this.resource);
    let balanced = 0;
    let variance = 0;
    for (const b of model.aliveBrokers) {
      if (excluded.moves[b] === 1) continue;
      const load = onHost ? model.hostLoad(b, this.resource) : model.brokerLoad(b, this.resource);
      const capacity = onHost ? model.capacityOfHost(b, this.resource) : model.capacityOf(b, this.resource);
      if (load / capacity >= lower && load / capacity <= upper) balanced += 1;
      const off = load - average * capacity;
      variance += off * off;
    }
    const spread = Math.sqrt(variance / excluded.allowed.length);
    return {
      value: balanced,
      deviation: spread,
      worseThan: (before) =>
        before.value > balanced && (before as { deviation?: number }).deviation! < spread,
    };
  }

  protected override begin(): void {
    this.requireAllowedBrokers();
    const { model } = this;
    ({ upper: this.upper, lower: this.lower, isLow: this.isLow } = this.limits());
    const offlineFirst = (a: number, b: number) =>
      model.selfHealing ? Number(model.isOffline(b)) - Number(model.isOffline(a)) : 0;
    this.descending = model.keep(
      (a, b) => offlineFirst(a, b) || this.load(b) - this.load(a) || model.rank[a]! - model.rank[b]!,
    );
    this.ascending = model.keep(
      (a, b) => offlineFirst(a, b) || this.load(a) - this.load(b) || model.rank[a]! - model.rank[b]!,
    );
  }

  protected override brokersToBalance(): readonly number[] {
    return this.model.newBrokers.length > 0 ? this.model.newBrokers : this.model.allBrokers;
  }

  protected override rebalance(broker: number): void {
    const { model, resource } = this;
    const allowed = this.mayTake(broker);
    const offline = model.offlineOn[broker]! > 0;
    let tooMuch = offline || !allowed || !this.isUnderUpper(broker);
    let tooLittle = allowed && !this.isAboveLower(broker);
    let immigrantsOnly = false;
    if (!offline) {
      if (!tooMuch && !tooLittle) return;
      immigrantsOnly = model.selfHealing;
      if (immigrantsOnly && tooMuch && model.immigrantsOn[broker] === 0) return;
    }
    if ((resource === nwOut || resource === cpu) && !(this.onlyOffline && offline)) {
      if (tooMuch && this.moveOut(broker, leadership)) tooMuch = false;
      if (tooLittle && this.moveIn(broker, leadership, false)) tooLittle = false;
    }
    let swapFailed = false;
    if (tooMuch && !this.moveOut(broker, move)) swapFailed = !this.swapOut(broker, immigrantsOnly);
    if (tooLittle && !this.moveIn(broker, move, immigrantsOnly) && !swapFailed)
      this.swapIn(broker, immigrantsOnly);
  }

  // --- out -----------------------------------------------------------------------------------------------------------------------------------------------------

  private brokersUnder(threshold: number): number[] {
    const { model, resource } = this;
    return model.aliveBrokers.filter(
      (b) =>
        (!isBrokerResource(resource) ||
          model.brokerLoad(b, resource) < model.capacityOf(b, resource) * threshold) &&
        (!isHostResource(resource) ||
          model.hostLoad(b, resource) < model.capacityOfHost(b, resource) * threshold),
    );
  }

  private brokersOver(threshold: number): number[] {
    const { model, resource } = this;
    return model.aliveBrokers.filter(
      (b) =>
        (!isBrokerResource(resource) ||
          model.brokerLoad(b, resource) > model.capacityOf(b, resource) * threshold) &&
        (!isHostResource(resource) ||
          model.hostLoad(b, resource) > model.capacityOfHost(b, resource) * threshold),
    );
  }

  private readonly byUse = (a: number, b: number): number =>
    this.model.utilization(a, this.resource) - this.model.utilization(b, this.resource) || a - b;

  /** @returns whether the broker is under its upper limit then, or empty */
  private moveOut(broker: number, way: Way): boolean {
    const { model, resource } = this;
    const candidates = new JavaTreeSet(this.byUse);
    for (const b of this.onlyOffline ? model.aliveBrokers : this.brokersUnder(this.upper)) candidates.add(b);
    const healing = model.selfHealing && model.alive[broker] === 1;
    const gifts = model
      .inOrder(this.descending!, broker)
      .filter(
        (r) =>
          (way === move || model.isLeader[r] === 1) &&
          (!healing || model.isImmigrant(r) || model.isOffline(r)) &&
          this.mayGo(r),
      );
    // Immigrants come before the others; the sort keeps the rest as it is.
    gifts.sort(
      (a, b) =>
        Number(model.isOffline(b)) - Number(model.isOffline(a)) ||
        Number(model.isImmigrant(b)) - Number(model.isImmigrant(a)),
    );
    const upperHere = this.mayTake(broker) ? this.upper : 0;
    this.newTries();
    for (const replica of gifts) {
      if (!model.isOffline(replica) && (this.exhausted || this.load(replica) === 0)) break;
      const to =
        way === leadership ? this.leadToFirst(replica, candidates) : this.moveToFirst(replica, candidates);
      if (to < 0) continue;
      if (this.isUnderUpper(broker, 0, upperHere) && !(this.onlyOffline && model.offlineOn[broker]! > 0))
        return true;
      candidates.delete(to);
      if (model.utilization(to, resource) < this.upper) candidates.add(to);
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

  private leadToFirst(replica: number, candidates: JavaTreeSet): number {
    const { model } = this;
    const heirs = model
      .onlineFollowers(model.partitionOf[replica]!)
      .map((r) => model.brokerOf[r]!)
      .filter((b) => candidates.has(b))
      .sort(this.byUse);
    for (const to of heirs) if (this.tryLeadership(replica, to)) return to;
    return -1;
  }

  // --- in ------------------------------------------------------------------------------------------------------------------------------------------------------

  /** @returns whether the broker is above its lower limit then */
  private moveIn(broker: number, way: Way, immigrantsOnly: boolean): boolean {
    const { resource } = this;
    const { model, excluded } = this.run;
    if (model.newBrokers.length > 0 && model.isNew[broker] === 0) return false;
    const followersOnly = excluded.leadership[broker] === 1;
    const sources = new JavaPriorityQueue((a, b) => -this.byUse(a, b));
    for (const b of model.aliveBrokers)
      if (model.utilization(b, resource) > (this.mayTake(b) ? this.lower : 0)) sources.add(b);
    this.newTries();
    const refused = way === move ? this.newRefusals() : undefined;
    while (
      sources.size > 0 &&
      !this.exhausted &&
      (way === move || model.leadersOn[broker] !== model.replicasOn[broker])
    ) {
      const source = sources.poll();
      // What moves away leaves the list, so it is tried from a copy; first come those too large for either broker.
      const gifts = model.inOrder(this.descending!, source).slice();
      const fits = this.takesShortcuts ? firstWhere(gifts, (r) => this.keepsLimits(r, broker)) : 0;
      let moved = 0;
      for (let at = Math.max(fits, refused?.[source] ?? 0); at < gifts.length; at += 1) {
        const replica = gifts[at]!;
        if (!this.isCandidate(replica, followersOnly, resource === nwOut, immigrantsOnly)) continue;
        if (this.load(replica) === 0) continue;
        if (!(way === move ? this.tryMove(replica, broker) : this.tryLeadership(replica, broker))) continue;
        moved += 1;
        if (this.isAboveLower(broker)) return true;
        if (
          sources.size > 0 &&
          model.utilization(source, resource) < model.utilization(sources.peek(), resource)
        ) {
          sources.add(source);
          if (refused !== undefined) refused[source] = at + 1 - moved;
          break;
        }
      }
    }
    return false;
  }

  private isCandidate(
    replica: number,
    followersOnly: boolean,
    leadersOnly: boolean,
    immigrantsOnly: boolean,
  ): boolean {
    const { model } = this;
    const leads = model.isLeader[replica] === 1;
    return (
      !(followersOnly && leads) &&
      !(leadersOnly && !leads) &&
      !(immigrantsOnly && !model.isImmigrant(replica)) &&
      this.mayGo(replica)
    );
  }

  // --- swaps ---------------------------------------------------------------------------------------------------------------------------------------------------

  /** Load of the first, or of the first that is online if that is further out. */
  private extremeLoad(
    replicas: readonly number[],
    isFurther: (load: number, than: number) => boolean,
  ): number {
    const first = this.load(replicas[0]!);
    const online = replicas.find((r) => !this.model.isOffline(r));
    return online !== undefined && isFurther(this.load(online), first) ? this.load(online) : first;
  }

  /** Large replicas against small ones of brokers that are used less. */
  private swapOut(broker: number, immigrantsOnly: boolean): boolean {
    const { model, excluded } = this.run;
    if (!this.mayTake(broker)) return false;
    const leadersOnly = this.resource === nwOut;
    const own = () =>
      model
        .inOrder(this.descending!, broker)
        .filter((r) => this.isCandidate(r, false, leadersOnly, immigrantsOnly) && this.load(r) > 0);
    const first = own();
    if (first.length === 0) return false;
    const most = this.extremeLoad(first, (load, than) => load > than);
    const followersOnly = excluded.leadership[broker] === 1;
    const candidates = model.brokersInSet(
      this.brokersUnder(this.upper).filter((b) => model.replicasOn[b]! > 0),
    );
    return this.swapWith(
      broker,
      1,
      own,
      new JavaPriorityQueue(this.byUse),
      candidates,
      (b) => model.inOrder(this.ascending!, b),
      (r) => this.isCandidate(r, followersOnly, false, immigrantsOnly) && this.load(r) < most,
      () => this.isUnderUpper(broker),
    );
  }

  /** Small replicas against large ones of brokers that are used more. */
  private swapIn(broker: number, immigrantsOnly: boolean): boolean {
    const { model, excluded } = this.run;
    if (!this.mayTake(broker)) return false;
    const own = () =>
      model.inOrder(this.ascending!, broker).filter((r) => this.isCandidate(r, false, false, immigrantsOnly));
    const first = own();
    if (first.length === 0) return false;
    const least = this.extremeLoad(first, (load, than) => load < than);
    const followersOnly = excluded.leadership[broker] === 1;
    const leadersOnly = this.resource === nwOut;
    return this.swapWith(
      broker,
      -1,
      own,
      new JavaPriorityQueue((a, b) => -this.byUse(a, b)),
      this.brokersOver(this.lower),
      (b) => model.inOrder(this.descending!, b),
      (r) => this.isCandidate(r, followersOnly, leadersOnly, immigrantsOnly) && this.load(r) > least,
      () => this.isAboveLower(broker),
    );
  }

  /**
   * @param outward 1 where large replicas go for small ones, -1 for the opposite
   * @param own replicas of the broker, those that should go first; the further on, the nearer they come in load to what comes back
   * @param offered by another broker, those that should come first
   */
  private swapWith(
    broker: number,
    outward: 1 | -1,
    own: () => readonly number[],
    queue: JavaPriorityQueue,
    candidates: readonly number[],
    offered: (broker: number) => readonly number[],
    isOffered: (replica: number) => boolean,
    isDone: () => boolean,
  ): boolean {
    for (const b of candidates) queue.add(b);
    let mine = own();
    this.newTries();
    while (queue.size > 0 && !this.exhausted) {
      const other = queue.poll();
      const theirs = new Filtered(offered(other), isOffered);
      const [from, to] = this.promising(mine, theirs, broker, other, outward);
      for (let at = from; at < to; at += 1) {
        if (this.exhausted) return false;
        if (this.trySwap(mine[at]!, theirs) < 0) continue;
        if (isDone()) return true;
        mine = own();
        queue.add(other);
        break;
      }
    }
    return false;
  }

  /**
   * Which of a broker's replicas can be swapped at all with another's. The first offered that may come decides for each, as its load is the furthest off: too far
   * for the first of ours, and nothing is gained from where ours are no further out than it. So only a stretch between is worth trying; the outcome is the same.
   */
  private promising(
    mine: readonly number[],
    theirs: Iterable<number>,
    broker: number,
    other: number,
    outward: 1 | -1,
  ): readonly [number, number] {
    const { model } = this;
    if (!this.takesShortcuts || model.newBrokers.length > 0) return [0, mine.length];
    for (const back of theirs) {
      const partition = model.partitionOf[back]!;
      if (model.hasReplica(partition, broker) || model.isBarred(partition, broker)) continue;
      const load = this.load(back);
      const end = firstWhere(mine, (r) => Math.sign(this.load(r) - load) !== outward);
      const fits = (r: number) => !this.swapBreaksLimits(load - this.load(r), broker, other);
      return [firstWhere(mine, fits, end), end];
    }
    return [0, 0];
  }

  protected override endRound(): boolean {
    const { model } = this;
    const above = model.aliveBrokers.some((b) => !this.isUnderUpper(b));
    const below = model.aliveBrokers.some((b) => this.mayTake(b) && !this.isAboveLower(b));
    if (above || below) this.succeeded = false;
    if (!above && this.isLow) this.provision = 'OVER_PROVISIONED';
    else if (!above && !below) this.provision = 'RIGHT_SIZED';
    const through = this.endSoftRound();
    if (through) {
      model.forget(this.descending!);
      model.forget(this.ascending!);
    }
    return through;
  }
}

export class DiskUsageDistributionGoal extends ResourceDistributionGoal {
  readonly name = 'DiskUsageDistributionGoal';
  protected readonly resource = disk;
  protected override readonly ignoresLeadership = true;
}

export class NetworkInboundUsageDistributionGoal extends ResourceDistributionGoal {
  readonly name = 'NetworkInboundUsageDistributionGoal';
  protected readonly resource = nwIn;
  protected override readonly ignoresLeadership = true;
}

export class NetworkOutboundUsageDistributionGoal extends ResourceDistributionGoal {
  readonly name = 'NetworkOutboundUsageDistributionGoal';
  protected readonly resource = nwOut;
}

export class CpuUsageDistributionGoal extends ResourceDistributionGoal {
  readonly name = 'CpuUsageDistributionGoal';
  protected readonly resource = cpu;
}
