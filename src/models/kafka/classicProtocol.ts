import type { ConsumerGroups, Group, Member, Protocol } from './consumerGroups.ts';

/**
 * The classic protocol: a rebalance begins when a member joins, leaves, expires or finds other metadata; the others learn of it by their
 * heartbeats and join at their next poll; when all have, the leader assigns and everybody gets its part.
 *
 *     duration = max over members (U(0, heartbeat) + time to its next poll) + round trips to join and to sync
 *
 * An empty group waits group.initial.rebalance.delay.ms, and again while members keep coming, up to the rebalance timeout in all. Later
 * rebalances wait for all known members, or max.poll.interval.ms, after which dynamic members that did not come are left out.
 *
 * Eager assignors: each member gives up everything when it joins. Cooperative: it reads on, gives up after the sync what went to others, and joins
 * again, so that a second rebalance hands it over.
 *
 * A static leader that comes back assigns nothing and takes the partitions that there are for those it had assigned: new ones that it had not seen
 * before stay unread until the next rebalance (KIP-814, `ConsumerCoordinator.onLeaderElected`).
 *
 * Simplified: the metadata of a leader that is newly elected is up to date.
 *
 * Source: Kafka 3.7 `GroupCoordinator.prepareRebalance`, `DelayedJoin`, `InitialDelayedJoin`, `ConsumerCoordinator.onJoinPrepare`,
 * `onJoinComplete`, KIP-429; all members of a group have the same settings.
 */
export class ClassicProtocol implements Protocol {
  private readonly groups: ConsumerGroups;

  constructor(groups: ConsumerGroups) {
    this.groups = groups;
  }

  begin(g: Group): void {
    g.state = 'stable';
    g.generation = 1;
    g.leader = g.members[0];
    const assigned = this.groups.assign(g, () => []);
    g.members.forEach((m, i) => {
      m.generation = 1;
      m.target = assigned[i];
      this.groups.grant(m, assigned[i]);
    });
  }

  arrived(m: Member): void {
    const { group: g } = m;
    const { groups } = this;
    groups.heard(m);
    if (m.known && m.returning && g.state === 'stable') {
      // A static member with the same subscription gets back what it had (KIP-345).
      m.returning = false;
      if (m === g.leader) groups.lookAfresh(g);
      groups.grant(m, m.target);
      return;
    }
    if (!m.known) {
      groups.admit(m);
      if (g.state === 'preparing' && g.generation === 0) g.added = true;
    }
    if (m.returning && m === g.leader) groups.look(g);
    m.returning = false;
    const cooperative = g.settings.assignor === 'cooperative-sticky';
    // An eager member that joins again before it got its part still says what it had before.
    if (cooperative || m.owned.size > 0) m.claims = [...m.owned];
    if (!cooperative) groups.revoke(m, m.claims);
    if (g.state === 'empty') this.wait(g);
    else if (g.state !== 'preparing') this.prepare(g, m);
    m.joined = true;
    this.tryComplete(g);
  }

  gone(g: Group): void {
    if (g.state === 'preparing') this.tryComplete(g);
    else if (g.state !== 'empty') {
      this.prepare(g);
      this.tryComplete(g);
    }
  }

  refreshed(g: Group): void {
    const { leader } = g;
    if (g.state !== 'stable' || leader === undefined || !leader.running) return;
    this.groups.arrive(leader, this.groups.untilPoll(leader) + this.groups.roundTripMicros / 2);
  }

  moved(g: Group): void {
    if (g.state !== 'preparing' && g.state !== 'completing') return;
    const { groups } = this;
    groups.notDue(g);
    g.state = 'preparing';
    if (g.generation === 0) {
      // A group that never was complete is not in the log.
      g.state = 'empty';
      for (const m of [...g.members]) groups.drop(m);
    }
    const pause = g.readyAt - groups.sim.now;
    for (const m of g.seats) {
      m.joined = false;
      if (m.running) groups.arrive(m, pause + groups.roundTripMicros);
    }
    if (g.state === 'preparing') groups.dueIn(g, pause + g.settings.maxPollMicros);
    g.initial = false;
  }

  /** The wait for the first members is over, or that for the last one, or everybody has its part. */
  due(g: Group): void {
    if (g.state === 'completing') this.synced(g);
    else if (g.initial && g.added && g.remaining > 0) {
      g.added = false;
      const wait = Math.min(g.settings.initialDelayMicros, g.remaining);
      g.remaining -= wait;
      this.groups.dueIn(g, wait);
    } else this.complete(g);
  }

  /** An empty group waits for further members. */
  private wait(g: Group): void {
    const { initialDelayMicros, maxPollMicros } = g.settings;
    g.state = 'preparing';
    g.since = this.groups.sim.now;
    g.initial = true;
    g.added = false;
    g.remaining = Math.max(0, maxPollMicros - initialDelayMicros);
    this.groups.look(g);
    this.groups.dueIn(g, initialDelayMicros);
  }

  /** @param joiner who joins already; absent: nobody */
  private prepare(g: Group, joiner?: Member): void {
    const { groups } = this;
    // Who waits for its part is turned away at once, and joins again.
    const atOnce = g.state === 'completing';
    g.state = 'preparing';
    g.since = groups.sim.now;
    g.initial = false;
    groups.sim.tell('kafka.rebalanceBegins', g.name, `generation ${g.generation} ends`);
    for (const m of g.members) {
      const came = m.joined;
      m.joined = false;
      if (m === joiner || !m.running || m.arrival !== undefined) continue;
      const { heartbeatMicros } = g.settings;
      const learns = atOnce && came ? 0 : groups.draw(m, 'heartbeat') * heartbeatMicros + groups.untilPoll(m);
      groups.arrive(m, learns + groups.roundTripMicros / 2);
    }
    groups.dueIn(g, g.settings.maxPollMicros);
  }

  private tryComplete(g: Group): void {
    if (g.state === 'preparing' && !g.initial && g.members.every((m) => m.joined)) this.complete(g);
  }

  private complete(g: Group): void {
    const { groups } = this;
    groups.notDue(g);
    for (const m of [...g.members]) if (!m.joined && !g.settings.isStatic) groups.drop(m);
    if (g.members.length === 0) {
      g.generation += 1;
      g.state = 'empty';
      groups.sim.tell('kafka.groupEmpty', g.name);
      return;
    }
    const first = g.members.find((m) => m.joined);
    if (first === undefined) {
      groups.dueIn(g, g.settings.maxPollMicros);
      return;
    }
    g.generation += 1;
    g.initial = false;
    if (g.leader === undefined || !g.leader.joined) {
      g.leader = first;
      groups.look(g);
    }
    g.state = 'completing';
    groups.rebalances.add(g.row, 1);
    groups.dueIn(g, 2 * groups.roundTripMicros);
  }

  private synced(g: Group): void {
    const { groups } = this;
    const assigned = groups.assign(g, (m) => m.claims);
    g.state = 'stable';
    groups.sim.tell(
      'kafka.rebalanced',
      g.name,
      `generation ${g.generation}, ${g.members.length} members, ${((groups.sim.now - g.since) / 1e6).toFixed(2)} s`,
    );
    const here = g.members.map((m) => m.joined && m.running);
    g.members.forEach((m, i) => {
      m.target = assigned[i];
      if (here[i]) m.generation = g.generation;
      m.joined = false;
    });
    // What one gives up another may be given in the same round only once it is free.
    const again: Member[] = [];
    g.members.forEach((m, i) => {
      if (!here[i]) return;
      const target = new Set(m.target);
      const lost = [...m.owned].filter((key) => !target.has(key));
      groups.revoke(m, lost);
      if (lost.length > 0) again.push(m);
    });
    g.members.forEach((m, i) => {
      if (here[i])
        groups.grant(
          m,
          m.target.filter((key) => !m.owned.has(key)),
        );
    });
    for (const m of again) groups.arrive(m, groups.roundTripMicros / 2);
  }
}
