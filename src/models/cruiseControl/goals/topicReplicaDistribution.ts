import { topicLimits } from '../constraint.ts';
import { JavaPriorityQueue, JavaTreeSet } from '../javaOrder.ts';
import {
  type Acceptance,
  type Action,
  accept,
  deviation,
  Goal,
  type GoalMeasure,
  leadership,
  rejectReplica,
  swap,
} from './goal.ts';

/**
 * Soft: the replicas of each topic are spread over the brokers. With its defaults only a topic of more than 40 replicas a broker has a lower limit at all.
 * Source: Cruise Control 2.5 `TopicReplicaDistributionGoal`.
 */
export class TopicReplicaDistributionGoal extends Goal {
  readonly name = 'TopicReplicaDistributionGoal';
  private readonly upper = new Int32Array(this.model.topicCount);
  private readonly lower = new Int32Array(this.model.topicCount);
  private readonly offlineTopic = new Uint8Array(this.model.topicCount);
  private unbalanced = false;

  override accepts(action: Action, replica: number, to: number, back: number): Acceptance {
    if (action === leadership) return accept;
    const { model } = this;
    const from = model.brokerOf[replica]!;
    const topic = model.topicOf[model.partitionOf[replica]!]!;
    if (action !== swap) return this.keepsLimits(topic, from, to) ? accept : rejectReplica;
    const other = model.topicOf[model.partitionOf[back]!]!;
    if (topic === other) return accept;
    return this.keepsLimits(topic, from, to) && this.keepsLimits(other, to, from) ? accept : rejectReplica;
  }

  protected override satisfies(_action: Action, replica: number, to: number): boolean {
    const { model } = this;
    if (this.onlyOffline && model.isOffline(replica)) return true;
    return this.keepsLimits(model.topicOf[model.partitionOf[replica]!]!, model.brokerOf[replica]!, to);
  }

  private keepsLimits(topic: number, from: number, to: number): boolean {
    const { model } = this;
    if (model.topicReplicasOn(to, topic) + 1 > (model.alive[to] === 1 ? this.upper[topic]! : 0)) return false;
    const least = model.alive[from] === 1 ? this.lower[topic]! : 0;
    return !this.mayTake(from) || model.topicReplicasOn(from, topic) - 1 >= least;
  }

  /** Mean over the topics of the deviation over the brokers. */
  protected override measure(): GoalMeasure {
    const { model, excluded } = this.run;
    let total = 0;
    for (let t = 0; t < model.topicCount; t += 1) {
      const average = model.topicReplicas[t]! / excluded.allowed.length;
      let variance = 0;
      for (const b of excluded.allowed) {
        const off = model.topicReplicasOn(b, t) - average;
        variance += (off * off) / excluded.allowed.length;
      }
      total += Math.sqrt(variance);
    }
    return deviation(model.topicCount === 0 ? 0 : total / model.topicCount);
  }

  protected override begin(): void {
    this.requireAllowedBrokers();
    const { model, excluded, constraint } = this.run;
    const threshold = constraint.number('topic.replica.count.balance.threshold');
    const minGap = constraint.number('topic.replica.count.balance.min.gap');
    const maxGap = constraint.number('topic.replica.count.balance.max.gap');
    for (let t = 0; t < model.topicCount; t += 1) {
      const limits = topicLimits(
        model.topicReplicas[t]! / excluded.allowed.length,
        threshold,
        minGap,
        maxGap,
      );
      this.upper[t] = limits.upper;
      this.lower[t] = limits.lower;
    }
    for (let r = 0; r < model.replicaCount; r += 1)
      if (model.originallyOffline[r] === 1) this.offlineTopic[model.topicOf[model.partitionOf[r]!]!] = 1;
  }

  /** While something is offline only its topics count; else all that are not excluded. */
  private isBalanced(topic: number): boolean {
    return this.model.selfHealing ? this.offlineTopic[topic] === 1 : this.run.excluded.topics[topic] === 0;
  }

  private replicasOfTopic(broker: number, topic: number): number[] {
    const { model } = this;
    return model.replicasOf(broker).filter((r) => model.topicOf[model.partitionOf[r]!] === topic);
  }

  /** Replicas of a topic that a broker may give. */
  private gifts(broker: number, topic: number): number[] {
    const { model } = this;
    const healing = model.selfHealing && model.alive[broker] === 1;
    return this.replicasOfTopic(broker, topic)
      .filter((r) => this.mayGo(r) && (!healing || model.isImmigrant(r) || model.isOffline(r)))
      .sort(
        (a, b) =>
          Number(model.isOffline(b)) - Number(model.isOffline(a)) ||
          Number(model.isImmigrant(b)) - Number(model.isImmigrant(a)) ||
          model.partitionNumber[model.partitionOf[a]!]! - model.partitionNumber[model.partitionOf[b]!]!,
      );
  }

  private offlineOf(broker: number, topic: number): number {
    const { model } = this;
    if (model.offlineOn[broker] === 0) return 0;
    return this.replicasOfTopic(broker, topic).filter((r) => model.isOffline(r)).length;
  }

  protected override rebalance(broker: number): void {
    const { model } = this;
    const allowed = this.mayTake(broker);
    for (const topic of model.topicsInSet(broker)) {
      if (!this.isBalanced(topic)) continue;
      const replicas = model.topicReplicasOn(broker, topic);
      const offline = this.offlineOf(broker, topic);
      const tooMany = offline > 0 || replicas > this.upper[topic]! || !allowed;
      const tooFew = allowed && replicas - offline < this.lower[topic]!;
      if (model.alive[broker] === 1 && !tooMany && !tooFew) continue;
      if (model.newBrokers.length > 0 && model.isNew[broker] === 0 && !tooMany) continue;
      if (
        model.selfHealing &&
        tooMany &&
        offline === 0 &&
        !this.replicasOfTopic(broker, topic).some((r) => model.isImmigrant(r))
      )
        continue;
      if (tooMany && !this.moveOut(broker, topic)) this.unbalanced = true;
      if (tooFew && !this.moveIn(broker, topic)) this.unbalanced = true;
    }
  }

  private moveOut(broker: number, topic: number): boolean {
    const { model } = this;
    const candidates = new JavaTreeSet(
      (a, b) => model.topicReplicasOn(a, topic) - model.topicReplicasOn(b, topic) || a - b,
    );
    const under = (b: number) => this.onlyOffline || model.topicReplicasOn(b, topic) < this.upper[topic]!;
    const first = model.aliveBrokers.filter(under);
    for (const b of this.onlyOffline ? first : model.brokersInSet(first)) candidates.add(b);
    const most = this.mayTake(broker) ? this.upper[topic]! : 0;
    let offlineLeft = this.offlineOf(broker, topic);
    let offlineStays = false;
    this.newTries();
    for (const replica of this.gifts(broker, topic)) {
      if (this.exhausted) return false;
      const offline = model.isOffline(replica);
      if (offlineStays && !offline && model.topicReplicasOn(broker, topic) <= most) return true;
      let to = -1;
      for (let node = candidates.first(); node !== 0 && to < 0; node = candidates.next(node))
        if (this.tryMove(replica, candidates.entryOf(node))) to = candidates.entryOf(node);
      if (to >= 0) {
        if (offline) offlineLeft -= 1;
        if (model.topicReplicasOn(broker, topic) <= (offlineLeft === 0 ? most : 0)) return true;
        candidates.delete(to);
        if (under(to)) candidates.add(to);
      } else if (offline) offlineStays = true;
    }
    return model.topicReplicasOn(broker, topic) === 0;
  }

  private moveIn(broker: number, topic: number): boolean {
    const { model } = this;
    const sources = new JavaPriorityQueue(
      (a, b) =>
        this.offlineOf(b, topic) - this.offlineOf(a, topic) ||
        model.topicReplicasOn(b, topic) - model.topicReplicasOn(a, topic) ||
        a - b,
    );
    for (const b of model.allBrokers) {
      if (
        this.onlyOffline
          ? b !== broker
          : model.topicReplicasOn(b, topic) > this.lower[topic]! ||
            model.offlineOn[b]! > 0 ||
            !this.mayTake(b)
      )
        sources.add(b);
    }
    this.newTries();
    while (sources.size > 0 && !this.exhausted) {
      const source = sources.poll();
      const gifts = this.gifts(source, topic);
      let offlineLeft = gifts.filter((r) => model.isOffline(r)).length;
      for (const replica of gifts) {
        const offline = model.isOffline(replica);
        if (!this.tryMove(replica, broker)) continue;
        if (offline) offlineLeft -= 1;
        if (model.topicReplicasOn(broker, topic) >= this.lower[topic]!) return true;
        if (
          sources.size > 0 &&
          offlineLeft === 0 &&
          model.topicReplicasOn(source, topic) < model.topicReplicasOn(sources.peek(), topic)
        ) {
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
