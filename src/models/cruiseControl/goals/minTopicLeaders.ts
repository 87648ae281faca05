import { bucketsGrown, hashOrder, JavaPriorityQueue, stringHash } from '../javaOrder.ts';
import {
  type Acceptance,
  type Action,
  accept,
  Goal,
  move,
  OptimizationFailure,
  rejectReplica,
  swap,
} from './goal.ts';

/**
 * Hard: each broker that may lead leads at least so many partitions of each topic whose name matches a pattern.
 * Source: Cruise Control 2.5 `MinTopicLeadersPerBrokerGoal`. The pattern is read as a JavaScript expression; both match whole names.
 */
export class MinTopicLeadersPerBrokerGoal extends Goal {
  readonly name = 'MinTopicLeadersPerBrokerGoal';
  /** By topic; topics in the order of a hash map of their names. */
  private readonly least = new Map<number, number>();

  private leastOf(replica: number): number | undefined {
    return this.least.get(this.model.topicOf[this.model.partitionOf[replica]!]!);
  }

  override accepts(action: Action, replica: number, _to: number, back: number): Acceptance {
    if (action !== swap) return this.losesTooMany(replica) ? rejectReplica : accept;
    const { model } = this;
    const sameTopic = model.topicOf[model.partitionOf[replica]!] === model.topicOf[model.partitionOf[back]!];
    if (model.isLeader[replica] === 1 && model.isLeader[back] === 1 && sameTopic) return accept;
    return this.losesTooMany(replica) || this.losesTooMany(back) ? rejectReplica : accept;
  }

  private losesTooMany(replica: number): boolean {
    const { model } = this;
    const least = this.leastOf(replica);
    if (least === undefined || model.isLeader[replica] === 0) return false;
    return model.topicLeaders(model.brokerOf[replica]!, model.topicOf[model.partitionOf[replica]!]!) <= least;
  }

  protected override satisfies(action: Action, replica: number): boolean {
    const { model } = this;
    if (model.isOffline(replica)) return action === move;
    const topic = model.topicOf[model.partitionOf[replica]!]!;
    return model.topicLeaders(model.brokerOf[replica]!, topic) > (this.least.get(topic) ?? 0);
  }

  private mayLead(broker: number): boolean {
    const { model, excluded } = this.run;
    return model.alive[broker] === 1 && excluded.leadership[broker] === 0 && excluded.moves[broker] === 0;
  }

  private fail(kind: string, needed: number, available: number, says: string): never {
    throw new OptimizationFailure(`${this.name}: ${says}`, {
      kind,
      resource: 'leaders',
      needed,
      available,
      unit: 'leaders',
    });
  }

  protected override begin(): void {
    const { model, excluded, constraint } = this.run;
    const pattern = constraint.topicsWithMinLeaders;
    this.least.clear();
    if (pattern === undefined) return;
    const matching = model.topics.map((_, t) => t).filter((t) => pattern.matches(model.topics[t]!));
    const brokers = model.aliveBrokers.filter((b) => this.mayLead(b)).length;
    const partitions = new Int32Array(model.topicCount);
    for (const t of model.topicOf) partitions[t]! += 1;
    const wanted = constraint.number('min.topic.leaders.per.broker');
    for (const t of hashOrder(matching, (t) => stringHash(model.topics[t]!), bucketsGrown(matching.length)))
      this.least.set(t, wanted > 0 ? wanted : brokers === 0 ? 0 : Math.floor(partitions[t]! / brokers));
    for (const [t] of this.least)
      if (excluded.topics[t] === 1)
        this.fail(
          'excluded-topic',
          1,
          0,
          `topic ${model.topics[t]} must have leaders on each broker, and is excluded`,
        );
    for (const [t, least] of this.least)
      if (partitions[t]! < least * brokers)
        this.fail(
          'min-leaders-impossible',
          least * brokers,
          partitions[t]!,
          `topic ${model.topics[t]} has ${partitions[t]} partitions, and ${brokers} brokers are to lead ${least} each`,
        );
    if (this.least.size > 0) this.requireAllowedBrokers();
  }

  protected override rebalance(broker: number): void {
    this.emptyOffline(broker);
    if (this.mayLead(broker))
      for (const [topic, least] of this.least) this.bringLeaders(topic, least, broker);
  }

  private emptyOffline(broker: number): void {
    const { model } = this;
    if (model.offlineOn[broker] === 0) return;
    const candidates = [...model.aliveBrokers].sort(
      (a, b) => model.replicasOn[a]! - model.replicasOn[b]! || a - b,
    );
    for (const replica of model.offlineInCopiedSet(broker)) {
      if (!candidates.some((to) => this.tryMove(replica, to)))
        this.fail(
          'offline-replicas-remain',
          1,
          0,
          `no broker can take what is offline on ${model.brokerIds[broker]}`,
        );
    }
  }

  private bringLeaders(topic: number, least: number, broker: number): void {
    const { model } = this;
    if (model.topicLeaders(broker, topic) >= least) return;
    const ofTopic = (b: number, leads: 0 | 1) =>
      model
        .naturalOrder(b)
        .filter((r) => model.isLeader[r] === leads && model.topicOf[model.partitionOf[r]!] === topic)
        .sort((x, y) => Number(model.isImmigrant(y)) - Number(model.isImmigrant(x)));
    for (const follower of ofTopic(broker, 0)) {
      const leader = model.leaderOf[model.partitionOf[follower]!]!;
      if (model.topicLeaders(model.brokerOf[leader]!, topic) <= least) continue;
      if (this.tryLeadership(leader, broker) && model.topicLeaders(broker, topic) >= least) return;
    }
    const givers = new JavaPriorityQueue(
      (a, b) => model.topicLeaders(b, topic) - model.topicLeaders(a, topic) || a - b,
    );
    for (const b of model.aliveBrokers) if (model.topicLeaders(b, topic) > least) givers.add(b);
    while (givers.size > 0) {
      const giver = givers.poll();
      if (!ofTopic(giver, 1).some((leader) => this.tryMove(leader, broker))) continue;
      if (model.topicLeaders(broker, topic) >= least) return;
      if (model.topicLeaders(giver, topic) > least) givers.add(giver);
    }
    this.fail(
      'min-leaders-unreachable',
      least,
      model.topicLeaders(broker, topic),
      `broker ${model.brokerIds[broker]} cannot be made to lead ${least} partitions of ${model.topics[topic]}`,
    );
  }

  protected override endRound(): boolean {
    const { model } = this;
    this.requireNothingOffline();
    this.requireOffBrokenDisks();
    for (const b of model.aliveBrokers) {
      if (!this.mayLead(b)) continue;
      for (const [topic, least] of this.least)
        if (model.topicLeaders(b, topic) < least)
          this.fail(
            'min-leaders-unreachable',
            least,
            model.topicLeaders(b, topic),
            `broker ${model.brokerIds[b]} leads ${model.topicLeaders(b, topic)} partitions of ${model.topics[topic]}, and is to lead ${least}`,
          );
    }
    return true;
  }
}
