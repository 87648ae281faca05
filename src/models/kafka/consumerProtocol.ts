import type { ConsumerGroups, Group, Member, Protocol } from './consumerGroups.ts';

/**
 * The consumer protocol (KIP-848): the coordinator computes who is to read what at every change, and each member is led there by its own
 * heartbeats. A member first gives up what is no longer its own, at its next poll, and says so at once; what it is to get it gets at a heartbeat at
 * which nobody else holds it. There is no barrier: what does not move is read on.
 *
 * Source: Kafka 3.7 `CurrentAssignmentBuilder`, `TargetAssignmentBuilder`, `GroupMetadataManager.consumerGroupHeartbeat`. Simplified: the
 * rebalance timeout, after which a member that does not give up is fenced, is not played.
 */
export class ConsumerProtocol implements Protocol {
  private readonly groups: ConsumerGroups;

  constructor(groups: ConsumerGroups) {
    this.groups = groups;
  }

  begin(g: Group): void {
    g.state = 'stable';
    g.generation = 1;
    this.retarget(g);
    for (const m of g.members) this.take(m, m.target);
  }

  arrived(m: Member): void {
    const { group: g } = m;
    const { groups } = this;
    groups.heard(m);
    if (!m.known) {
      groups.admit(m);
      m.returning = false;
      this.change(g);
    } else if (m.returning) {
      // A static member is back, and the coordinator has kept its part.
      m.returning = false;
      groups.grant(m, [...m.held]);
    }
    this.reconcile(m);
  }

  gone(g: Group): void {
    this.change(g);
  }

  refreshed(g: Group): void {
    if (g.members.length > 0) this.change(g);
  }

  /** Epochs and parts are in the log, and heartbeats wait until it is loaded. */
  moved(): void {}

  due(): void {}

  /** A new epoch: everybody is led to its new part. */
  private change(g: Group): void {
    const { groups } = this;
    g.generation += 1;
    g.state = g.members.length === 0 ? 'empty' : 'stable';
    groups.look(g);
    groups.rebalances.add(g.row, 1);
    groups.sim.tell('kafka.groupEpoch', g.name, `epoch ${g.generation}, ${g.members.length} members`);
    this.retarget(g);
    for (const m of g.members) if (m.running && m.arrival === undefined) this.beat(m);
  }

  private retarget(g: Group): void {
    if (g.members.length === 0) return;
    const assigned = this.groups.assign(g, (m) => m.target);
    g.members.forEach((m, i) => {
      m.target = assigned[i];
      m.generation = g.generation;
    });
  }

  private beat(m: Member): void {
    this.groups.arrive(m, this.groups.draw(m, 'heartbeat') * m.group.settings.heartbeatMicros);
  }

  /** What a heartbeat of a running member brings about. */
  private reconcile(m: Member): void {
    const { groups } = this;
    const { group: g } = m;
    const target = new Set(m.target);
    const lost = [...m.owned].filter((key) => !target.has(key));
    if (lost.length > 0 && !m.revoking) {
      m.revoking = true;
      groups.arrive(m, groups.untilPoll(m) + groups.roundTripMicros);
      return;
    }
    if (m.revoking) {
      m.revoking = false;
      groups.revoke(m, lost);
      for (const key of lost) {
        m.held.delete(key);
        g.holder.delete(key);
      }
    }
    const wanted = m.target.filter((key) => !m.owned.has(key));
    const free = wanted.filter((key) => !g.holder.has(key));
    this.take(m, free);
    if (free.length < wanted.length) groups.arrive(m, m.group.settings.heartbeatMicros);
  }

  private take(m: Member, keys: readonly number[]): void {
    for (const key of keys) {
      m.held.add(key);
      m.group.holder.set(key, m);
    }
    this.groups.grant(m, keys);
  }
}
