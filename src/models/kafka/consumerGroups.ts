import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import { range, serverRange } from './assignors/range.ts';
import { roundRobin } from './assignors/roundRobin.ts';
import { cooperativeSticky, sticky } from './assignors/sticky.ts';
import { type Assignment, firstOf, type Subscriptions } from './assignors/subscriptions.ts';
import { uniform } from './assignors/uniform.ts';
import { ClassicProtocol } from './classicProtocol.ts';
import { ConsumerProtocol } from './consumerProtocol.ts';
import type { GroupLag, LagSource } from './groupLag.ts';
import type { AssignorName, GroupSettings, MembersSettings, TopicSettings } from './settings.ts';

/** Topics of a group by this factor, partitions below it: one number for both. */
const topicStride = 2_097_152;

/** How long a client waits before it asks for the coordinator again: `retry.backoff.ms`, of 100 ms. */
const backoffMicros = 100_000;

/** A client that finds no coordinator at all asks again after `retry.backoff.max.ms`, of 1 s. */
const absentMicros = 1_000_000;

/** A batch of more than 30 years does not end. */
const endlessMicros = 1e15;

const assignors: Readonly<
  Record<'classic' | 'consumer', Readonly<Partial<Record<AssignorName, (s: Subscriptions) => Assignment>>>>
> = {
  classic: { range, roundrobin: roundRobin, sticky, 'cooperative-sticky': cooperativeSticky },
  consumer: { uniform, range: serverRange },
};

/** One member, from the start of its process to the end; a static one comes back as the same. */
export interface Member {
  /** Its row among the readers, and in events. */
  readonly row: number;
  readonly group: Group;
  /** Which of the group's configured members it is. */
  readonly seat: number;
  /** How many processes of this member there have been, with this one; a static one stays the same. */
  readonly process: number;
  readonly id: string;
  running: boolean;
  /** The coordinator counts it as a member. */
  known: boolean;
  /** Its process was started anew since the coordinator last heard of it. */
  returning: boolean;
  /** Classic: it has joined the rebalance that is under way. */
  joined: boolean;
  generation: number;
  /** What it reads, as keys. */
  readonly owned: Set<number>;
  /** What it says it owned when it joins, as keys. */
  claims: readonly number[];
  /** What it was assigned, as keys. */
  target: readonly number[];
  /** Consumer protocol: what the coordinator counts as held by it. */
  readonly held: Set<number>;
  revoking: boolean;
  arrival: Handle | undefined;
  session: Handle | undefined;
  tooLate: Handle | undefined;
}

export interface Group {
  /** Row among the groups with members. */
  readonly row: number;
  readonly name: string;
  readonly settings: MembersSettings;
  /** Topic rows in the order of their names. */
  readonly topics: readonly number[];
  readonly topicNames: readonly string[];
  /** First of its cells in the lag; one for each topic, in the same order. */
  readonly firstCell: number;
  readonly seats: Member[];
  /** Members that the coordinator knows. */
  readonly members: Member[];
  /** Partitions of each topic, as far as whoever assigns them has seen. */
  readonly seen: number[];
  /** When whoever assigns will see further partitions. */
  seeing: Handle | undefined;
  state: 'empty' | 'preparing' | 'completing' | 'stable';
  generation: number;
  leader: Member | undefined;
  timer: Handle | undefined;
  /** When the rebalance that is under way began. */
  since: number;
  /** Classic: the first members of a group are waited for, and one more came since the last look. */
  initial: boolean;
  added: boolean;
  remaining: number;
  /** Consumer protocol: who holds a partition, by key. */
  readonly holder: Map<number, Member>;
  /** Before this moment its coordinator is loading. */
  readyAt: number;
}

/** How a group agrees on who reads what. */
export interface Protocol {
  /** All members have been running for long. */
  begin(g: Group): void;
  /** A running member asks to be one. */
  arrived(m: Member): void;
  /** The coordinator no longer counts a member. */
  gone(g: Group): void;
  /** Who assigns has seen more partitions. */
  refreshed(g: Group): void;
  /** The coordinator has moved and is loading. */
  moved(g: Group): void;
  due(g: Group): void;
}

/**
 * The members of consumer groups: who joins, leaves, crashes and comes back, and which partitions each reads meanwhile.
 *
 * A close tells the coordinator at once; a crash is noticed when the session ends, counted from the last heartbeat. A static member
 * (`group.instance.id`) does not say that it leaves, and within its session comes back to what it had. A member whose batch takes longer than
 * max.poll.interval.ms leaves by itself and joins again once the batch is done. A coordinator that moves loads the group as it was: heartbeats
 * are answered meanwhile, so nothing is rebalanced, but a rebalance that was under way begins again, and sessions are counted anew.
 *
 * Source: Kafka 3.7 `GroupCoordinator`, `GroupMetadata`, `ConsumerCoordinator`, KIP-345, KIP-429, KIP-848.
 * Simplified: a group that is not new reads from the first instant on, and one that is finds what came since then; offsets are committed at every revocation, so nothing is read twice; the time to compute an
 * assignment is none; a member's heartbeat phase is drawn anew at each occasion. A member's batch while it keeps up takes two poll intervals.
 */
export class ConsumerGroups {
  readonly groups: Group[] = [];
  readonly members: Member[] = [];
  readonly rebalances: Gauge;
  readonly sim: Simulation;
  readonly lag: GroupLag;
  readonly roundTripMicros: number;
  private readonly source: LagSource;
  private readonly protocols: Readonly<Record<'classic' | 'consumer', Protocol>>;
  private readonly arrives: Kind;
  private readonly due: Kind;
  private readonly expires: Kind;
  private readonly restarts: Kind;
  private readonly rolls: Kind;
  private readonly refreshes: Kind;
  private readonly pollsTooLate: Kind;
  private readonly stopped: Gauge;
  private readonly stoppedPartitions: Gauge;
  private readonly memberCount: Gauge;
  private readonly assignedMembers: Gauge;
  private readonly skipped: Gauge;
  /** By group, who wants to know when one of its members, by seat, gives up partitions: what it read is committed. */
  readonly onRevoked = new Map<number, (seat: number) => void>();
  /** Whether the coordinator of a group, by row, serves requests. */
  serves: (group: number) => boolean = () => true;

  constructor(
    sim: Simulation,
    lag: GroupLag,
    source: LagSource,
    topics: readonly TopicSettings[],
    groups: readonly GroupSettings[],
    roundTripMicros: number,
  ) {
    this.sim = sim;
    this.lag = lag;
    this.source = source;
    this.roundTripMicros = roundTripMicros;
    this.protocols = { classic: new ClassicProtocol(this), consumer: new ConsumerProtocol(this) };
    this.arrives = sim.on('kafka.memberArrives', (row) => {
      const m = this.members[row];
      m.arrival = undefined;
      if (!m.running || this.later(m.group, (wait) => this.arrive(m, wait))) return;
      this.protocol(m.group).arrived(m);
    });
    this.due = sim.on('kafka.groupDue', (row) => {
      const g = this.groups[row];
      g.timer = undefined;
      if (!this.later(g, (wait) => this.dueIn(g, wait))) this.protocol(g).due(g);
    });
    this.expires = sim.on('kafka.memberExpires', (row) => this.onExpired(this.members[row]));
    this.rolls = sim.on('kafka.memberRolls', (row, seat, micros) => this.restart(row, seat, micros, false));
    this.restarts = sim.on('kafka.memberRestarts', (row, seat) => this.start(row, seat));
    this.refreshes = sim.on('kafka.partitionsSeen', (row) => this.onSeen(this.groups[row]));
    this.pollsTooLate = sim.on('kafka.memberPollsTooLate', (row) => this.onTooLate(this.members[row]));
    this.rebalances = sim.gauge('rehearse:group_rebalances_total', groups.length);
    this.stopped = sim.gauge('rehearse:group_stopped_seconds_total', groups.length, { linear: true });
    this.stoppedPartitions = sim.gauge('rehearse:group_stopped_partition_seconds_total', groups.length, {
      linear: true,
    });
    this.memberCount = sim.gauge('kafka_consumergroup_members', groups.length);
    this.assignedMembers = sim.gauge('rehearse:group_members_assigned', groups.length);
    this.skipped = sim.gauge('rehearse:messages_skipped_total', lag.cells.length);
    lag.onBehind = (row) => this.watchPoll(this.members[row]);
    lag.onOverloaded = (row, offered) => this.tellOverload(this.members[row], offered);
    const passedOver = new Map<number, number>();
    lag.onSkipped = (cell, messages) => {
      if (messages <= 0) return;
      this.skipped.add(cell, messages);
      passedOver.set(cell, (passedOver.get(cell) ?? 0) + messages);
    };
    sim.beforeAdvance(() => {
      for (const [cell, messages] of passedOver)
        sim.tell(
          'kafka.messagesSkipped',
          topics[lag.cells[cell].topic].name,
          `${Math.round(messages)} by ${this.groupOfCell(cell).name}, whose auto.offset.reset is latest`,
        );
      passedOver.clear();
      return false;
    });
    let firstCell = 0;
    groups.forEach((group, row) => {
      const settings = group.members as MembersSettings;
      const names = group.topics.map((t) => topics[t].name);
      const g: Group = {
        row,
        name: group.name,
        settings,
        topics: group.topics,
        topicNames: names,
        firstCell,
        seats: [],
        members: [],
        seen: group.topics.map((t) => source.partitions(t)),
        seeing: undefined,
        state: 'empty',
        generation: 0,
        leader: undefined,
        timer: undefined,
        since: 0,
        initial: false,
        added: false,
        remaining: 0,
        holder: new Map(),
        readyAt: 0,
      };
      firstCell += group.topics.length;
      this.groups.push(g);
      settings.subscriptions.forEach((_, seat) => {
        const m = this.born(g, seat);
        if (settings.isNew) m.running = false;
        else this.admit(m);
      });
      if (!settings.isNew) this.protocol(g).begin(g);
      this.count(g);
    });
    sim.stateDigest('kafka groups', (add) => {
      for (const g of this.groups) add(g.generation);
      lag.cells.forEach((cell, c) => {
        for (const reader of cell.reader) add(reader);
        add(Math.round(lag.waiting(c)));
      });
    });
  }

  // What is done to members.

  /** A member's process ends: it closes its consumer, or crashes. */
  stop(group: number, seat: number, crash: boolean): void {
    const g = this.groups[group];
    const m = g.seats[seat];
    if (!m.running) return;
    m.running = false;
    for (const handle of [m.arrival, m.tooLate]) if (handle !== undefined) this.sim.cancel(handle);
    m.arrival = undefined;
    m.tooLate = undefined;
    m.revoking = false;
    this.revoke(m, [...m.owned]);
    this.sim.tell('kafka.memberStopped', m.id, crash ? 'it crashes' : 'it closes');
    if (crash || g.settings.isStatic) {
      if (m.known) {
        // The session is counted from the last heartbeat.
        const since = this.draw(m, 'heartbeat') * g.settings.heartbeatMicros;
        this.expireIn(m, Math.max(1, g.settings.sessionMicros - since));
      }
    } else this.leave(m);
    this.count(g);
  }

  /** A member's process starts, unless it runs. A seat that nobody had is made, with those before it: it subscribes to all topics. */
  start(group: number, seat: number): void {
    const g = this.groups[group];
    const isMade = seat >= g.seats.length;
    while (g.seats.length <= seat) this.born(g, g.seats.length).running = false;
    let m = g.seats[seat];
    if (m.running) return;
    if (g.settings.isStatic || isMade) m.running = true;
    else m = this.born(g, seat);
    m.returning = true;
    m.claims = [];
    m.joined = false;
    this.sim.tell('kafka.memberStarted', m.id);
    // It looks for the coordinator, then joins.
    this.arrive(m, 1.5 * this.roundTripMicros);
  }

  /** A member is closed, or crashes, and its process is back after so many microseconds. */
  restart(group: number, seat: number, micros: number, crash: boolean): void {
    this.stop(group, seat, crash);
    this.sim.after(Math.max(1, Math.round(micros)), this.restarts, group, seat);
  }

  /** All members are closed one after the other, each back after `micros`. @param every from one to the next, microseconds */
  restartAll(group: number, every: number, micros: number): void {
    this.groups[group].seats.forEach((_, seat) => {
      this.sim.after(Math.round(seat * every), this.rolls, group, seat, Math.max(1, Math.round(micros)));
    });
  }

  /** A member keeps its partitions and reads nothing from now on, or reads again. */
  pause(group: number, seat: number, paused: boolean): void {
    this.lag.pause(this.groups[group].seats[seat].row, paused);
  }

  /** What a member has read for so many microseconds, at the rate it reads now, is read again: nobody knows that it was. Answers how many messages that are. */
  reread(group: number, seat: number, micros: number): number {
    return this.lag.reread(this.groups[group].seats[seat].row, micros);
  }

  /** @param perSecond messages that a member handles in a second */
  setCapacity(group: number, seat: number, perSecond: number): void {
    const m = this.groups[group].seats[seat];
    this.lag.setCapacity(m.row, perSecond);
    this.watchPoll(m);
  }

  /** A topic has more partitions than before, in the source already. */
  partitionsAdded(topic: number): void {
    for (const g of this.groups) {
      const place = g.topics.indexOf(topic);
      if (place < 0) continue;
      this.lag.ratesChanged(g.firstCell + place);
      this.count(g);
      const first = g.members.find((m) => m.running) ?? g.seats[0];
      let wait: number;
      // Classic: the leader member's metadata is so old by then. KIP-848: the coordinator looks when a heartbeat comes.
      if (g.settings.protocol === 'classic')
        wait = this.draw(first, 'metadata') * g.settings.metadataAgeMicros;
      else {
        wait = g.settings.heartbeatMicros;
        for (const m of g.members)
          if (m.running) wait = Math.min(wait, this.draw(m, 'heartbeat') * g.settings.heartbeatMicros);
      }
      if (g.seeing === undefined)
        g.seeing = this.sim.after(Math.max(1, Math.round(wait)), this.refreshes, g.row);
    }
  }

  /** A group's coordinator has moved to another broker, which has loaded it after so many microseconds. */
  coordinatorMoved(group: number, pauseMicros: number): void {
    const g = this.groups[group];
    g.readyAt = this.sim.now + Math.ceil(pauseMicros);
    for (const m of g.members)
      if (m.session !== undefined) this.expireIn(m, pauseMicros + g.settings.sessionMicros);
    this.protocol(g).moved(g);
  }

  // What protocols use.

  draw(m: Member, purpose: string): number {
    return this.sim.stream(`group/${m.group.name}/member/${m.seat + 1}`, purpose)();
  }

  /** A running member's request reaches the coordinator after so many microseconds; one that is under way is replaced. */
  arrive(m: Member, micros: number): void {
    if (m.arrival !== undefined) this.sim.cancel(m.arrival);
    m.arrival = this.sim.after(Math.max(1, Math.round(micros)), this.arrives, m.row);
  }

  dueIn(g: Group, micros: number): void {
    this.notDue(g);
    g.timer = this.sim.after(Math.max(1, Math.round(micros)), this.due, g.row);
  }

  notDue(g: Group): void {
    if (g.timer !== undefined) this.sim.cancel(g.timer);
    g.timer = undefined;
  }

  expireIn(m: Member, micros: number): void {
    this.heard(m);
    m.session = this.sim.after(Math.max(1, Math.round(micros)), this.expires, m.row);
  }

  /** The member is there: its session does not end. */
  heard(m: Member): void {
    if (m.session !== undefined) this.sim.cancel(m.session);
    m.session = undefined;
  }

  /** Microseconds of one batch: what a member fetched is handled before it polls again. */
  batchMicros(m: Member): number {
    const { maxPollRecords, pollMicros } = m.group.settings;
    const speed = this.lag.speed(m.row);
    if (!this.lag.isBehind(m.row) || speed === 0) return 2 * pollMicros;
    return Math.min(endlessMicros, (maxPollRecords / speed) * 1e6);
  }

  /** Microseconds until a member polls again, at a random moment of its batch. */
  untilPoll(m: Member): number {
    return this.draw(m, 'poll') * Math.min(this.batchMicros(m), m.group.settings.maxPollMicros);
  }

  /** A member reads these partitions from now on. */
  grant(m: Member, keys: readonly number[]): void {
    for (const key of keys) {
      m.owned.add(key);
      this.lag.grant(m.row, this.cell(m.group, key), key % topicStride, m.group.settings.latest);
    }
    if (keys.length > 0) this.count(m.group);
  }

  /** A member no longer reads these partitions. */
  revoke(m: Member, keys: readonly number[]): void {
    for (const key of keys) {
      m.owned.delete(key);
      this.lag.revoke(m.row, this.cell(m.group, key), key % topicStride);
    }
    if (keys.length === 0) return;
    this.onRevoked.get(m.group.row)?.(m.seat);
    this.count(m.group);
  }

  /** The partitions of each member that the coordinator knows, as keys. @param owned what each is said to own */
  assign(g: Group, owned: (m: Member) => Iterable<number>): number[][] {
    const topics = g.topicNames.map((name, place) => ({ name, partitions: g.seen[place] }));
    const first = firstOf({ topics, members: [] });
    const number = (key: number) => first[Math.floor(key / topicStride)] + (key % topicStride);
    const keys = topics.flatMap((t, place) =>
      Array.from({ length: t.partitions }, (_, p) => place * topicStride + p),
    );
    const made = assignors[g.settings.protocol][g.settings.assignor]?.({
      topics,
      members: g.members.map((m) => ({
        id: m.id,
        ...(g.settings.isStatic ? { instanceId: m.id } : {}),
        topics: g.settings.subscriptions[m.seat] ?? g.topics.map((_, place) => place),
        owned: [...owned(m)].map(number),
        generation: m.generation,
      })),
    });
    if (made === undefined) throw new RangeError(`${g.settings.protocol} has no ${g.settings.assignor}`);
    return made.map((own) => own.map((p) => keys[p]));
  }

  /** The coordinator counts a member no longer. */
  drop(m: Member): void {
    this.heard(m);
    m.known = false;
    m.joined = false;
    m.target = [];
    m.generation = -1;
    for (const key of m.held) m.group.holder.delete(key);
    m.held.clear();
    const at = m.group.members.indexOf(m);
    if (at >= 0) m.group.members.splice(at, 1);
    if (m.group.leader === m) m.group.leader = undefined;
    this.count(m.group);
  }

  admit(m: Member): void {
    m.known = true;
    m.group.members.push(m);
    this.count(m.group);
  }

  /** A leader's process that is new counts what there is as seen, whether it was assigned or not. */
  lookAfresh(g: Group): void {
    if (g.seeing !== undefined) this.sim.cancel(g.seeing);
    g.seeing = undefined;
    const missed = this.misses(g);
    this.look(g);
    if (missed)
      this.sim.tell('kafka.partitionsMissed', g.name, 'its leader came back and takes them for assigned');
  }

  private misses(g: Group): boolean {
    return g.topics.some((t, place) => this.source.partitions(t) !== g.seen[place]);
  }

  /** A leader that sees new partitions sees all there are. */
  look(g: Group): void {
    g.topics.forEach((t, place) => {
      g.seen[place] = this.source.partitions(t);
    });
  }

  private protocol(g: Group): Protocol {
    return this.protocols[g.settings.protocol];
  }

  private groupOfCell(cell: number): Group {
    let row = this.groups.length - 1;
    while (this.groups[row].firstCell > cell) row -= 1;
    return this.groups[row];
  }

  private cell(g: Group, key: number): number {
    return g.firstCell + Math.floor(key / topicStride);
  }

  private born(g: Group, seat: number): Member {
    const name = `${g.name}-${seat + 1}`;
    const before = g.seats[seat];
    const count = before === undefined ? Number(!g.settings.isNew) : before.process + 1;
    const m: Member = {
      row: this.lag.addReader(
        g.seats[seat] === undefined ? g.settings.capacity : this.capacity(g.seats[seat]),
      ),
      group: g,
      seat,
      process: count,
      // A dynamic member is another one each time.
      id: count <= 1 ? name : `${name}.${count}`,
      running: true,
      known: false,
      returning: false,
      joined: false,
      generation: -1,
      owned: new Set(),
      claims: [],
      target: [],
      held: new Set(),
      revoking: false,
      arrival: undefined,
      session: undefined,
      tooLate: undefined,
    };
    this.members.push(m);
    g.seats[seat] = m;
    return m;
  }

  private capacity(m: Member): number {
    return this.lag.readers[m.row].capacity;
  }

  /** Whether the coordinator cannot answer now; it is then asked again. */
  private later(g: Group, again: (micros: number) => void): boolean {
    const { now } = this.sim;
    if (now < g.readyAt) again(g.readyAt - now + backoffMicros);
    else if (!this.serves(g.row)) again(absentMicros);
    else return false;
    return true;
  }

  private leave(m: Member): void {
    if (!m.known) return;
    this.drop(m);
    this.protocol(m.group).gone(m.group);
  }

  private onExpired(m: Member): void {
    m.session = undefined;
    const { group } = m;
    if (this.later(group, (wait) => this.expireIn(m, wait))) return;
    // Who waits for the others to join is not expected to send heartbeats.
    if (group.state === 'preparing' && m.joined) {
      this.expireIn(m, group.settings.sessionMicros);
      return;
    }
    this.sim.tell('kafka.memberExpired', m.id, `after ${group.settings.sessionMicros / 1e6} s`);
    this.leave(m);
  }

  private onSeen(g: Group): void {
    g.seeing = undefined;
    // A leader that is away looks when it comes back, and another one when it is elected.
    if ((g.leader !== undefined && !g.leader.running) || !this.misses(g)) return;
    this.look(g);
    this.sim.tell('kafka.partitionsSeen', g.name, `${g.seen.reduce((sum, n) => sum + n, 0)} partitions`);
    this.protocol(g).refreshed(g);
  }

  /** A batch that takes longer than max.poll.interval.ms: the member will leave. */
  private watchPoll(m: Member): void {
    const { maxPollMicros } = m.group.settings;
    const slow = m.running && this.lag.isBehind(m.row) && this.batchMicros(m) > maxPollMicros;
    if (slow === (m.tooLate !== undefined)) return;
    if (slow) m.tooLate = this.sim.after(maxPollMicros, this.pollsTooLate, m.row);
    else if (m.tooLate !== undefined) {
      this.sim.cancel(m.tooLate);
      m.tooLate = undefined;
    }
  }

  private onTooLate(m: Member): void {
    m.tooLate = undefined;
    const batch = this.batchMicros(m);
    const { maxPollMicros, isStatic, sessionMicros } = m.group.settings;
    this.sim.tell(
      'kafka.memberPollsTooLate',
      m.id,
      `a batch takes ${(batch / 1e6).toFixed(0)} s, max.poll.interval.ms is ${maxPollMicros / 1000}`,
    );
    this.revoke(m, [...m.owned]);
    m.claims = [];
    m.returning = true;
    this.arrive(m, batch - maxPollMicros + this.roundTripMicros / 2);
    if (!isStatic) this.leave(m);
    else if (m.known) this.expireIn(m, sessionMicros);
  }

  private tellOverload(m: Member, offered: number): void {
    const capacity = this.capacity(m);
    this.sim.tell(
      'kafka.memberOverloaded',
      m.id,
      offered > capacity
        ? `${Math.round(offered)} messages a second for ${Math.round(capacity)}: it lags for as long as that is so`
        : 'no longer',
    );
  }

  /** Books how much of the group nobody reads. */
  private count(g: Group): void {
    let partitions = 0;
    for (const t of g.topics) partitions += this.source.partitions(t);
    let read = 0;
    let assigned = 0;
    for (const m of g.seats) {
      read += m.owned.size;
      if (m.owned.size > 0) assigned += 1;
    }
    const unread = partitions - read;
    this.stopped.set(g.row, this.stopped.get(g.row), unread > 0 ? 1 : 0);
    this.stoppedPartitions.set(g.row, this.stoppedPartitions.get(g.row), unread);
    this.memberCount.set(g.row, g.members.length);
    this.assignedMembers.set(g.row, assigned);
  }
}
