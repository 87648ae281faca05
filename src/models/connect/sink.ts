import { Gathering } from '../../engine/gathering.ts';
import type { Gauge } from '../../engine/gauge.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import { SharedQueues } from './queues.ts';
import { blockOf, Flushes, type Work } from './work.ts';

export interface SinkSettings {
  /** Messages per second that one task converts and writes to the other system. */
  readonly capacity: number;
}

/** The topics that a sink reads, as it sees them. Places count the topics of the connector from 0. */
export interface SinkTopics {
  /** Shares of each topic's partitions. */
  readonly shares: readonly ArrayLike<number>[];
  /** Messages per second that come into a topic now. */
  readonly messageRate: (place: number) => number;
  /** A topic's lag, how it moves, and what is read of it, per second. */
  readonly show: (place: number, behind: number, slope: number, readRate: number) => void;
}

/** What the consumers of a sink's tasks are told, microseconds. */
export interface SinkTiming {
  readonly sessionMicros: number;
  readonly heartbeatMicros: number;
  readonly roundTripMicros: number;
  readonly flushMicros: number;
}

interface Consumer {
  readonly task: number;
  /** A consumer whose process died stays a member until its session ends. */
  alive: boolean;
  /** Has its partitions and reads them, unless paused. */
  assigned: boolean;
}

/** `group.initial.rebalance.delay.ms`: so long a group that had nobody waits for others. Source: Kafka 3.7 default, `GroupCoordinatorConfig`. */
const initialDelayMicros = 3_000_000;

/**
 * The tasks of a sink connector and the consumer group `connect-<name>` that they form, each task being one member.
 *
 * Partitions are dealt by range, topic by topic. A rebalance is eager: a member that hears of it commits, gives up its partitions and
 * joins; all read again once every member has joined. A task that is gone at once stays a member until its session ends, and a rebalance
 * waits for it. A group that had nobody waits for others first.
 *
 * Source: Kafka 3.7 `GroupCoordinator`, `DelayedJoin`, `InitialDelayedJoin`, `RangeAssignor` (first of the default list), `WorkerSinkTask`.
 * Simplified: a task is never too busy to hear of a rebalance at its next heartbeat; moved leaders are read late on all of the topic's partitions
 * alike.
 */
export class SinkTasks implements Work {
  readonly queues: SharedQueues;
  private readonly sim: Simulation;
  private readonly name: string;
  private readonly settings: SinkSettings;
  private readonly topics: SinkTopics;
  private readonly timing: SinkTiming;
  private readonly flushes: Flushes;
  /** Members by number, in the order in which they came. A number is used once: it is the reader's. */
  private readonly members = new Map<number, Consumer>();
  private nextMember = 0;
  private readonly gathering: Gathering;
  private notBefore = 0;
  private paused = false;
  private readonly first: number[] = [];
  /** By topic: messages per second, those in partitions that cannot be read included. */
  private readonly rate: number[];
  private readonly stalledShare: number[];
  private readonly withheld: number[];
  private withheldSince = 0;
  private readonly expires: Kind;
  private readonly waited: Kind;

  constructor(
    sim: Simulation,
    name: string,
    settings: SinkSettings,
    topics: SinkTopics,
    timing: SinkTiming,
    rebalanceCount: Gauge,
    row: number,
  ) {
    this.sim = sim;
    this.name = name;
    this.settings = settings;
    this.topics = topics;
    this.timing = timing;
    this.flushes = new Flushes(sim, timing.flushMicros);
    let partitions = 0;
    for (const shares of topics.shares) {
      this.first.push(partitions);
      partitions += shares.length;
    }
    this.first.push(partitions);
    this.rate = topics.shares.map((_, place) => topics.messageRate(place));
    this.stalledShare = topics.shares.map(() => 0);
    this.withheld = topics.shares.map(() => 0);
    this.queues = new SharedQueues(sim, 'connect.sink', partitions, timing.flushMicros);
    this.gathering = new Gathering(sim, 'connect.consumers', 2 * timing.roundTripMicros, (m) =>
      this.members.get(m)?.alive === true
        ? Math.floor(this.draw('heartbeat') * timing.heartbeatMicros)
        : undefined,
    );
    this.gathering.onHeard = (m) => this.giveUp(m);
    this.gathering.onClosed = () => {
      rebalanceCount.add(row, 1);
      this.deal();
    };
    // The assignment takes a round trip of the join and one of the sync.
    this.gathering.mayClose = () => sim.now >= this.notBefore;
    this.expires = sim.on('connect.consumerSession', (m) => this.onGone(m));
    this.waited = sim.on('connect.consumersWaited', () => this.gathering.review());
    this.queues.onChange = () => this.show();
    this.queues.change(() => {
      for (let place = 0; place < topics.shares.length; place += 1) this.rates(place);
    });
  }

  get partitions(): number {
    return this.queues.queues;
  }

  taskCount(tasksMax: number): number {
    return tasksMax;
  }

  configure(): void {
    // Every task gets the same configuration: what each reads is the group's business.
  }

  /** Tasks that ran before the period: the group is stable. */
  startBefore(tasks: readonly number[]): void {
    const draw = this.sim.stream(`connector/${this.name}`, 'flush');
    for (const task of tasks) {
      this.enter(task);
      this.flushes.beganBefore(task, draw());
    }
    this.deal();
  }

  start(task: number): void {
    const empty = this.members.size === 0;
    if (empty) this.notBefore = this.sim.now + initialDelayMicros;
    this.gathering.call(this.enter(task));
    if (empty) this.sim.after(initialDelayMicros, this.waited);
  }

  stop(task: number): void {
    const m = this.memberOf(task);
    if (m !== undefined) this.onGone(m);
  }

  crash(task: number): number {
    const m = this.memberOf(task);
    if (m === undefined) return 0;
    const member = this.members.get(m) as Consumer;
    member.alive = false;
    this.gathering.deafen(m);
    let again = 0;
    this.queues.change(() => {
      again = this.queues.rewind(m, this.flushes.last(task));
      this.queues.setCapacity(m, 0);
    });
    const sinceHeartbeat = Math.floor(this.draw('session') * this.timing.heartbeatMicros);
    this.sim.after(Math.max(1, this.timing.sessionMicros - sinceHeartbeat), this.expires, m);
    return again;
  }

  pause(paused: boolean): void {
    this.paused = paused;
    this.queues.change(() => {
      for (const m of this.members.keys()) this.capacity(m);
    });
  }

  idle(): number {
    let idle = 0;
    for (const [m, member] of this.members) {
      if (member.alive && member.assigned && this.queues.ownOf(m) === 0) idle += 1;
    }
    return idle;
  }

  /** How much comes in for the busiest member, as a share of what it can read; 0 while nobody is assigned. */
  busiest(): number {
    let most = 0;
    for (const [m, member] of this.members) {
      if (!member.alive || !member.assigned) continue;
      most = Math.max(most, this.queues.comesFor(m) / this.settings.capacity);
    }
    return most;
  }

  /** The rate of a topic is another one from now on. */
  rateChanged(place: number): void {
    this.queues.change(() => {
      this.settleWithheld();
      this.rate[place] = this.topics.messageRate(place);
      this.rates(place);
    });
  }

  /** So many messages of a topic became readable at once. */
  burst(place: number, messages: number): void {
    this.queues.change(() => this.spread(place, messages));
  }

  /** Partitions with this share of a topic cannot be read from now on (negative: can be again). */
  stall(place: number, share: number): void {
    this.queues.change(() => {
      this.settleWithheld();
      if (share < 0) {
        const part = this.stalledShare[place] <= 1e-12 ? 1 : Math.min(1, -share / this.stalledShare[place]);
        const free = this.withheld[place] * part;
        this.withheld[place] -= free;
        this.spread(place, free);
      }
      this.stalledShare[place] += share;
      if (this.stalledShare[place] < 1e-12) this.stalledShare[place] = 0;
      this.rates(place);
    });
  }

  private memberOf(task: number): number | undefined {
    for (const [m, member] of this.members) if (member.alive && member.task === task) return m;
    return undefined;
  }

  private enter(task: number): number {
    const m = this.nextMember;
    this.nextMember += 1;
    this.queues.setCapacity(m, 0);
    this.members.set(m, { task, alive: true, assigned: false });
    this.gathering.enter(m);
    return m;
  }

  private draw(purpose: string): number {
    return this.sim.stream(`connector/${this.name}`, purpose)();
  }

  /** A member has heard of a rebalance: it commits, and reads again when all have joined. */
  private giveUp(m: number): void {
    const member = this.members.get(m) as Consumer;
    member.assigned = false;
    this.flushes.begin(member.task);
    this.queues.change(() => this.capacity(m));
  }

  /** A member has left, or its session has ended. */
  private onGone(m: number): void {
    if (!this.members.delete(m)) return;
    this.queues.change(() => {
      this.queues.setCapacity(m, 0);
      for (let q = 0; q < this.queues.queues; q += 1)
        if (this.queues.reader(q) === m) this.queues.setReader(q, -1);
    });
    this.gathering.remove(m);
  }

  private deal(): void {
    const order = [...this.members]
      .filter(([m]) => this.gathering.hasCome(m))
      .sort(([m, x], [n, y]) => x.task - y.task || m - n);
    this.queues.change(() => {
      this.topics.shares.forEach((shares, place) => {
        for (let p = 0; p < shares.length; p += 1)
          this.queues.setReader(
            this.first[place] + p,
            order.length === 0 ? -1 : order[blockOf(p, shares.length, order.length)][0],
          );
      });
      for (const [m, member] of order) {
        member.assigned = true;
        this.capacity(m);
      }
    });
  }

  private capacity(m: number): void {
    const member = this.members.get(m);
    const reads = member?.alive === true && member.assigned && !this.paused;
    this.queues.setCapacity(m, reads ? this.settings.capacity : 0);
  }

  private rates(place: number): void {
    const rate = this.rate[place] * (1 - this.stalledShare[place]);
    const shares = this.topics.shares[place];
    for (let p = 0; p < shares.length; p += 1) this.queues.setRate(this.first[place] + p, rate * shares[p]);
  }

  private spread(place: number, messages: number): void {
    const shares = this.topics.shares[place];
    for (let p = 0; p < shares.length; p += 1) this.queues.add(this.first[place] + p, messages * shares[p]);
  }

  /** What came into partitions that could not be read, up to now. To be called before a rate or a share changes. */
  private settleWithheld(): void {
    const seconds = (this.sim.now - this.withheldSince) / 1e6;
    this.withheldSince = this.sim.now;
    this.stalledShare.forEach((share, place) => {
      this.withheld[place] += share * this.rate[place] * seconds;
    });
  }

  private show(): void {
    for (let place = 0; place < this.topics.shares.length; place += 1) {
      let behind =
        this.withheld[place] +
        (this.stalledShare[place] * this.rate[place] * (this.sim.now - this.withheldSince)) / 1e6;
      let slope = 0;
      let reads = 0;
      for (let q = this.first[place]; q < this.first[place + 1]; q += 1) {
        behind += this.queues.behind(q);
        slope += this.queues.slope(q);
        reads += this.queues.readRateOf(q);
      }
      slope += this.stalledShare[place] * this.rate[place];
      this.topics.show(place, behind, slope, reads);
    }
  }
}
