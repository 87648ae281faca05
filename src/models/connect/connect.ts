import type { Distribution } from '../../engine/distributions.ts';
import { Gathering } from '../../engine/gathering.ts';
import type { Gauge } from '../../engine/gauge.ts';
import { BrokenInvariant, type Handle, type Kind, type Simulation } from '../../engine/simulation.ts';
import { IncrementalCooperativeAssignor, type Load } from './assignor.ts';
import { type SinkGroup, type SinkSettings, SinkTasks } from './sink.ts';
import { type SourceSettings, SourceTables } from './source.ts';
import type { Work } from './work.ts';

export interface ConnectorSettings {
  readonly name: string;
  /** `tasks.max`. */
  readonly tasksMax: number;
  readonly sink?: SinkSettings;
  readonly source?: SourceSettings;
}

/** All in microseconds. */
export interface ConnectTiming {
  /** `session.timeout.ms` of a worker. */
  readonly sessionMicros: number;
  /** `heartbeat.interval.ms`. */
  readonly heartbeatMicros: number;
  /** `rebalance.timeout.ms`: who has not joined by then is no member any more. */
  readonly rebalanceTimeoutMicros: number;
  /** `scheduled.rebalance.max.delay.ms`. */
  readonly maxDelayMicros: number;
  /** `offset.flush.interval.ms`. */
  readonly flushMicros: number;
  /** From the request to stop a task until it has stopped; the worker waits for `task.shutdown.graceful.timeout.ms` at most. */
  readonly taskStopMicros: number;
  readonly taskStartMicros: number;
  /** From the start of a worker's process until it asks to join. */
  readonly workerStartMicros: Distribution;
  readonly roundTripMicros: number;
}

export interface ConnectSettings {
  readonly workers: readonly string[];
  /** In the order of their names. */
  readonly connectors: readonly ConnectorSettings[];
  readonly timing: ConnectTiming;
}

/** What the workers see of the cluster that holds their group. */
export interface CoordinatorPort {
  /** Whether the group's coordinator answers. */
  readonly answers: () => boolean;
  /** Whether it can also write: a rebalance ends with a write. */
  readonly writes: () => boolean;
  /** Calls back when one of these may have changed. */
  readonly watch: (look: () => void) => void;
}

export interface ConnectPorts {
  readonly coordinator: CoordinatorPort;
  readonly sinkGroup: (connector: number) => SinkGroup;
}

interface GroupMember {
  readonly id: string;
  readonly worker: number;
  /** A worker whose process died stays a member until its session ends. */
  alive: boolean;
  /** Its process is about to leave the group in order. */
  leaving: boolean;
  /** It stopped its tasks because the coordinator did not answer, and has not joined again. */
  cutOff: boolean;
  connectors: number[];
  tasks: number[];
}

const workerState = { down: 0, starting: 1, member: 2 } as const;

/** Task ids: connector x this + number. */
const taskStride = 100_000;

type TaskState = 'running' | 'starting' | 'stopped';

/**
 * A cluster of Kafka Connect workers in distributed mode, protocol `sessioned`: who is in the group, which rebalances follow, and which tasks run
 * meanwhile. What a task does is its connector's `Work`.
 *
 * A rebalance: whoever causes it joins at once, the others with their next heartbeat; once all members have joined, a round trip for the join
 * and one for the sync pass. Running tasks go on, but for those that are revoked, whose workers then join again. A worker that is gone at once
 * is missed when its session ends, and a rebalance waits for it until then. Who leads the group keeps the assignor's memory.
 * A change of a connector's tasks stops them all, and they start with the next assignment; pausing needs none.
 * A worker whose coordinator does not answer for a heartbeat's interval stops its tasks, and gets them back with the next assignment.
 *
 * Source: Kafka 3.7 `DistributedHerder`, `WorkerCoordinator.poll` (coordinatorDiscoveryTimeoutMs), `WorkerGroupMember`, `GroupCoordinator`,
 * KIP-415, KAFKA-9184.
 * Simplified: the config topic is read in no time and is never behind (`worker.unsync.backoff.ms` never applies); a coordinator that moves
 * keeps sessions and rebalances that were under way; no task fails by itself.
 */
export class ConnectCluster {
  readonly settings: ConnectSettings;
  readonly connectorCount: Gauge;
  readonly taskCount: Gauge;
  readonly rebalances: Gauge;
  readonly rebalancing: Gauge;
  readonly total: Gauge;
  readonly running: Gauge;
  readonly paused: Gauge;
  readonly unassigned: Gauge;
  readonly idle: Gauge;
  readonly busiest: Gauge;
  readonly downSeconds: Gauge;
  readonly replayed: Gauge;
  readonly sent: Gauge;
  readonly written: Gauge;
  readonly sourceLag: Gauge;
  readonly delaySeconds: Gauge;
  private readonly sim: Simulation;
  private readonly ports: ConnectPorts;
  readonly work: readonly Work[];
  /** `tasks.max` as configured now, and how many tasks that makes. */
  private readonly tasksMax: number[];
  private readonly tasks: number[];
  private readonly pausedNow: boolean[];
  private readonly reconfiguring: boolean[];
  private readonly waitingConfig: (number | undefined)[];
  private readonly state: number[];
  private readonly incarnation: number[];
  private members: GroupMember[] = [];
  private leader: string | undefined;
  private assignor: IncrementalCooperativeAssignor;
  private readonly gathering: Gathering;
  private deadline: Handle | undefined;
  private shown = false;
  private readonly taskState = new Map<number, TaskState>();
  private readonly expired: Kind;
  private readonly timedOut: Kind;
  private readonly deadlineKind: Kind;
  private readonly rejoin: Kind;
  private readonly taskStarts: Kind;
  private readonly started: Kind;
  private readonly left: Kind;
  private readonly configured: Kind;
  private readonly restarted: Kind;
  private readonly giveUp: Kind;
  private readonly back: Kind;
  /** Members by number, for events: a number is used once. */
  private readonly everyMember: GroupMember[] = [];
  private readonly numbers = new Map<GroupMember, number>();

  constructor(sim: Simulation, settings: ConnectSettings, ports: ConnectPorts) {
    this.sim = sim;
    this.settings = settings;
    this.ports = ports;
    const { workers, connectors, timing } = settings;
    const w = workers.length;
    const c = connectors.length;
    this.connectorCount = sim.gauge('kafka_connect_worker_connector_count', w);
    this.taskCount = sim.gauge('kafka_connect_worker_task_count', w);
    this.rebalances = sim.gauge('kafka_connect_worker_rebalance_completed_rebalances_total', w);
    this.rebalancing = sim.gauge('kafka_connect_worker_rebalance_rebalancing', w);
    this.total = sim.gauge('kafka_connect_worker_connector_total_task_count', c);
    this.running = sim.gauge('kafka_connect_worker_connector_running_task_count', c);
    this.paused = sim.gauge('kafka_connect_worker_connector_paused_task_count', c);
    this.unassigned = sim.gauge('kafka_connect_worker_connector_unassigned_task_count', c);
    this.idle = sim.gauge('rehearse:connect_idle_tasks', c);
    this.busiest = sim.gauge('rehearse:connect_busiest_task_ratio', c);
    this.downSeconds = sim.gauge('rehearse:connect_task_down_seconds_total', c, { linear: true });
    this.replayed = sim.gauge('rehearse:connect_replayed_records_total', c);
    this.sent = sim.gauge('kafka_connect_sink_task_sink_record_send_total', c, { linear: true });
    this.written = sim.gauge('kafka_connect_source_task_source_record_write_total', c, { linear: true });
    this.sourceLag = sim.gauge('rehearse:connect_source_lag_rows', c, { linear: true });
    this.delaySeconds = sim.gauge('rehearse:connect_rebalance_delay_seconds', 1);
    this.expired = sim.on('connect.sessionEnds', (m) => this.onExpired(this.everyMember[m]));
    this.timedOut = sim.on('connect.rebalanceTimesOut', (round) => this.onTimedOut(round));
    this.gathering = new Gathering(sim, 'connect.workers', 2 * timing.roundTripMicros, (m) => {
      const { alive, cutOff: unreached, worker } = this.everyMember[m];
      return alive && !unreached
        ? Math.floor(this.draw(worker, 'heartbeat') * timing.heartbeatMicros)
        : undefined;
    });
    this.gathering.mayClose = () => ports.coordinator.answers() && ports.coordinator.writes();
    this.gathering.onOpened = () => this.onOpened();
    this.gathering.onClosed = () => this.onSynced();
    this.deadlineKind = sim.on('connect.delayEnds', () => this.onDeadline());
    this.rejoin = sim.on('connect.rejoins', (m) => this.request(this.everyMember[m]));
    this.taskStarts = sim.on('connect.taskStarts', (m, task) => this.onTaskStarts(this.everyMember[m], task));
    this.started = sim.on('connect.workerJoins', (worker, life) => this.onWorkerStarted(worker, life));
    this.left = sim.on('connect.workerLeaves', (m) => this.remove(this.everyMember[m], 'left'));
    this.configured = sim.on('connect.tasksConfigured', (connector, max) =>
      this.onConfigured(connector, max),
    );
    this.restarted = sim.on('connect.connectorRestarts', (connector) => this.startHeld(connector));
    this.giveUp = sim.on('connect.coordinatorLost', (m) => this.onGiveUp(this.everyMember[m]));
    this.back = sim.on('connect.workerReturns', (worker) => this.startWorker(worker));
    this.work = connectors.map((one, i): Work => {
      if (one.sink !== undefined)
        return new SinkTasks(sim, one.name, one.sink, ports.sinkGroup(i), timing.flushMicros);
      return new SourceTables(sim, one.name, one.source as SourceSettings, timing.flushMicros);
    });
    this.tasksMax = connectors.map((one) => one.tasksMax);
    this.tasks = this.work.map((work, i) => work.taskCount(this.tasksMax[i]));
    this.pausedNow = connectors.map(() => false);
    this.reconfiguring = connectors.map(() => false);
    this.waitingConfig = connectors.map(() => undefined);
    this.state = workers.map(() => workerState.member);
    this.incarnation = workers.map(() => 0);
    this.assignor = new IncrementalCooperativeAssignor(timing.maxDelayMicros);
    this.begin();
    ports.coordinator.watch(() => this.onCoordinator());
    sim.beforeAdvance(() => this.showAll());
    sim.invariant('connect: every task in one place at most, and nothing of what nobody configured', () =>
      this.verify(),
    );
    sim.stateDigest('connect', (add) => {
      for (const m of this.members) {
        add(m.worker);
        for (const task of m.tasks) add(task);
        for (const one of m.connectors) add(one);
      }
      for (const work of this.work) work.state(add);
    });
  }

  /** Everybody is in the group and everything runs, as the assignor deals it to workers without load. */
  private begin(): void {
    const { sim, settings } = this;
    settings.workers.forEach((_, worker) => {
      this.enter(worker);
    });
    this.leader = this.members[0]?.id;
    const dealt = this.assignor.perform(sim.now, this.ordered(), this.everything());
    this.ordered().forEach((m, i) => {
      m.connectors = [...dealt.assigned[i].connectors];
      m.tasks = [...dealt.assigned[i].tasks];
    });
    this.work.forEach((work, c) => {
      const numbers = Array.from({ length: this.tasks[c] }, (_, n) => n);
      for (const n of numbers) this.taskState.set(c * taskStride + n, 'running');
      work.configure(this.tasks[c]);
      for (const n of numbers) work.startBefore(n);
      work.onChange = () => this.show();
    });
    this.showAll();
  }

  workerRow(name: string): number {
    return rowOf(this.settings.workers, name);
  }

  connectorRow(name: string): number {
    return rowOf(
      this.settings.connectors.map((c) => c.name),
      name,
    );
  }

  // What people and faults do.

  /**
   * A worker's process ends.
   * @param crash at once; otherwise it stops its tasks and leaves the group
   * @param forMicros after which its process is started again; absent: it stays away
   * @param why what is told of it
   */
  stopWorker(
    worker: number,
    crash: boolean,
    forMicros: number | undefined,
    why = crash ? 'its process is gone' : 'it leaves the group',
  ): void {
    if (this.state[worker] === workerState.down) return;
    const member = this.memberOf(worker);
    this.state[worker] = workerState.down;
    this.incarnation[worker] += 1;
    this.sim.tell('connect.workerStopped', this.settings.workers[worker], why);
    if (member !== undefined) {
      for (const task of [...member.tasks]) this.end(task, crash);
      if (crash) {
        this.kill(member);
        const sinceHeartbeat = Math.floor(
          this.draw(worker, 'session') * this.settings.timing.heartbeatMicros,
        );
        this.sim.after(
          Math.max(1, this.settings.timing.sessionMicros - sinceHeartbeat),
          this.expired,
          this.numberOf(member),
        );
      } else {
        member.leaving = true;
        this.sim.after(Math.max(1, this.settings.timing.taskStopMicros), this.left, this.numberOf(member));
      }
    }
    if (forMicros !== undefined) this.sim.after(Math.max(1, forMicros), this.back, worker);
    this.show();
  }

  /** Whether the process of a worker is there. */
  runsWorker(worker: number): boolean {
    return this.state[worker] !== workerState.down;
  }

  /** A worker's process is started; it asks to join once it is up. */
  startWorker(worker: number): void {
    if (this.state[worker] !== workerState.down) return;
    this.state[worker] = workerState.starting;
    const micros = Math.max(
      1,
      Math.round(this.settings.timing.workerStartMicros.sample(this.draw(worker, 'start'))),
    );
    this.sim.after(micros, this.started, worker, this.incarnation[worker]);
  }

  /** A connector's `tasks.max` is another one: its tasks stop, a rebalance follows, and they start again. */
  scaleTasks(connector: number, tasksMax: number): void {
    this.tasksMax[connector] = tasksMax;
    const { name } = this.settings.connectors[connector];
    const count = this.work[connector].taskCount(tasksMax);
    if (count === this.tasks[connector]) {
      this.sim.tell('connect.tasksUnchanged', name, `as many tasks as before: ${count}`);
      return;
    }
    this.sim.tell('connect.tasksChanged', name, `tasks: ${count} in place of ${this.tasks[connector]}`);
    if (!this.members.some((m) => m.alive && m.connectors.includes(connector))) {
      this.waitingConfig[connector] = count;
      return;
    }
    this.reconfigure(connector, count);
  }

  /** All tasks of a connector stop and start again where they are. */
  restart(connector: number): void {
    const { timing, connectors } = this.settings;
    this.sim.tell(
      'connect.connectorRestarted',
      connectors[connector].name,
      'its tasks stop and start where they are',
    );
    for (const m of this.members)
      for (const task of m.tasks) if (connectorOf(task) === connector) this.end(task, false);
    this.sim.after(Math.max(1, timing.taskStopMicros), this.restarted, connector);
    this.show();
  }

  pause(connector: number, paused: boolean): void {
    if (this.pausedNow[connector] === paused) return;
    this.pausedNow[connector] = paused;
    this.sim.tell(paused ? 'connect.paused' : 'connect.resumed', this.settings.connectors[connector].name);
    this.work[connector].pause(paused);
    this.show();
  }

  /** Whether a task runs now. */
  runs(connector: number, number: number): boolean {
    return this.taskState.get(connector * taskStride + number) === 'running';
  }

  /** Workers by what they run now, for tests and reports: connectors and tasks as `connector-number`. */
  held(worker: number): { readonly connectors: readonly string[]; readonly tasks: readonly string[] } {
    const member = this.memberOf(worker);
    const name = (c: number) => this.settings.connectors[c].name;
    return {
      connectors: (member?.connectors ?? []).map(name),
      tasks: (member?.tasks ?? []).map((t) => `${name(connectorOf(t))}-${t % taskStride}`),
    };
  }

  // The group.

  private enter(worker: number): GroupMember {
    const life = this.incarnation[worker];
    const made: GroupMember = {
      id: `${this.settings.workers[worker]}/${life}`,
      worker,
      alive: true,
      leaving: false,
      cutOff: false,
      connectors: [],
      tasks: [],
    };
    this.numbers.set(made, this.everyMember.length);
    this.members.push(made);
    this.everyMember.push(made);
    this.gathering.enter(this.numberOf(made));
    return made;
  }

  private numberOf(member: GroupMember): number {
    return this.numbers.get(member) as number;
  }

  private memberOf(worker: number): GroupMember | undefined {
    return this.members.find((m) => m.alive && !m.leaving && m.worker === worker);
  }

  private ordered(): GroupMember[] {
    return [...this.members].sort((x, y) => (x.id < y.id ? -1 : 1));
  }

  private draw(worker: number, purpose: string): number {
    return this.sim.stream(`connect/${this.settings.workers[worker]}`, purpose)();
  }

  private everything(): Load {
    return {
      connectors: this.tasks.map((_, c) => c),
      tasks: this.tasks.flatMap((count, c) => Array.from({ length: count }, (_, n) => c * taskStride + n)),
    };
  }

  private onWorkerStarted(worker: number, life: number): void {
    if (this.state[worker] !== workerState.starting || this.incarnation[worker] !== life) return;
    this.state[worker] = workerState.member;
    const member = this.enter(worker);
    this.leader ??= member.id;
    this.sim.tell('connect.workerJoins', this.settings.workers[worker]);
    if (this.ports.coordinator.answers()) this.request(member);
    else member.cutOff = true;
  }

  /** Members ask to join again, at once. */
  private request(...asking: readonly GroupMember[]): void {
    const members = asking.filter((m) => m.alive && this.members.includes(m));
    if (members.length > 0) this.gathering.call(...members.map((m) => this.numberOf(m)));
  }

  private onOpened(): void {
    for (const m of this.members) if (m.alive && !m.cutOff) this.rebalancing.set(m.worker, 1);
    this.sim.after(this.settings.timing.rebalanceTimeoutMicros, this.timedOut, this.gathering.rounds);
  }

  private onTimedOut(round: number): void {
    const { gathering } = this;
    if (!gathering.isOpen || round !== gathering.rounds || !this.ports.coordinator.answers()) return;
    for (const m of this.members.filter((one) => !one.alive && !gathering.hasCome(this.numberOf(one)))) {
      this.drop(m);
      gathering.forget(this.numberOf(m));
    }
    gathering.review();
  }

  private onExpired(member: GroupMember): void {
    if (this.members.includes(member)) this.remove(member, 'was missed');
  }

  /** A member is out of the group: the others have to share anew. */
  private remove(member: GroupMember, how: string): void {
    if (!this.members.includes(member)) return;
    this.drop(member);
    this.sim.tell('connect.workerLeft', this.settings.workers[member.worker], how);
    this.gathering.remove(this.numberOf(member));
    this.show();
  }

  private drop(member: GroupMember): void {
    this.kill(member);
    this.members = this.members.filter((m) => m !== member);
    if (this.leader !== member.id) return;
    // Another leader knows nothing of what was assigned before.
    this.leader = this.members[0]?.id;
    this.assignor = new IncrementalCooperativeAssignor(this.settings.timing.maxDelayMicros);
  }

  private kill(member: GroupMember): void {
    member.alive = false;
    member.connectors = [];
    member.tasks = [];
    this.gathering.deafen(this.numberOf(member));
    this.rebalancing.set(member.worker, 0);
  }

  private onSynced(): void {
    const { sim, settings } = this;
    const members = this.ordered();
    const round = this.assignor.perform(sim.now, members, this.everything());
    let moved = 0;
    members.forEach((m, i) => {
      const { connectors: toStart, tasks } = round.assigned[i];
      const revoked = round.revoked[i];
      for (const task of revoked.tasks) this.end(task, false);
      m.connectors = [...m.connectors.filter((x) => !revoked.connectors.includes(x)), ...toStart];
      m.tasks = [...m.tasks.filter((x) => !revoked.tasks.includes(x)), ...tasks];
      m.cutOff = false;
      moved += tasks.length;
      if (!m.alive) {
        // It died after it had joined: what it was given runs nowhere until its session ends.
        m.connectors = [];
        m.tasks = [];
        return;
      }
      this.rebalances.add(m.worker, 1);
      this.rebalancing.set(m.worker, 0);
      if (revoked.tasks.length + revoked.connectors.length > 0)
        sim.after(Math.max(1, settings.timing.taskStopMicros), this.rejoin, this.numberOf(m));
      for (const connector of toStart) {
        const waiting = this.waitingConfig[connector];
        if (waiting === undefined) continue;
        this.waitingConfig[connector] = undefined;
        this.reconfigure(connector, waiting);
      }
      for (const task of m.tasks) this.startLater(m, task);
    });
    if (this.deadline !== undefined) sim.cancel(this.deadline);
    this.deadline = round.delayMicros > 0 ? sim.after(round.delayMicros, this.deadlineKind) : undefined;
    this.delaySeconds.set(0, round.delayMicros / 1e6);
    const missing = this.missing();
    const wait = `${(round.delayMicros / 1e6).toFixed(2)} s`;
    const later = missing > 0 ? `${missing} wait ${wait} for their worker` : `the next may revoke in ${wait}`;
    sim.tell(
      'connect.rebalanced',
      'workers',
      `${((sim.now - this.gathering.began) / 1e6).toFixed(2)} s, tasks assigned: ${moved}${round.delayMicros > 0 ? `, ${later}` : ''}`,
    );
    this.show();
  }

  /** Lost tasks that nobody has: all that is configured and held by no member. */
  private missing(): number {
    const held = this.members.reduce((sum, m) => sum + m.tasks.length, 0);
    return this.tasks.reduce((sum, count) => sum + count, 0) - held;
  }

  /** Every member was told when to join again, and does. */
  private onDeadline(): void {
    this.deadline = undefined;
    this.request(...this.members);
  }

  // The coordinator.

  private onCoordinator(): void {
    const { coordinator } = this.ports;
    const { timing } = this.settings;
    if (!coordinator.answers()) {
      for (const m of this.members) {
        if (!m.alive || m.cutOff) continue;
        const wait = Math.floor(this.draw(m.worker, 'heartbeat') * timing.heartbeatMicros);
        this.sim.after(wait + timing.heartbeatMicros, this.giveUp, this.numberOf(m));
      }
      return;
    }
    this.request(...this.members.filter((m) => m.cutOff));
    this.gathering.review();
  }

  private onGiveUp(member: GroupMember): void {
    if (this.ports.coordinator.answers() || !member.alive || member.cutOff || !this.members.includes(member))
      return;
    member.cutOff = true;
    this.sim.tell(
      'connect.coordinatorLost',
      this.settings.workers[member.worker],
      `tasks stopped: ${member.tasks.length}`,
    );
    for (const task of member.tasks) this.end(task, false);
    member.connectors = [];
    member.tasks = [];
    this.show();
  }

  // Tasks.

  private end(task: number, crash: boolean): void {
    const before = this.taskState.get(task);
    this.taskState.set(task, 'stopped');
    if (before !== 'running') return;
    const connector = connectorOf(task);
    if (!crash) this.work[connector].stop(task % taskStride);
    else this.replayed.add(connector, this.work[connector].crash(task % taskStride));
  }

  private startLater(member: GroupMember, task: number): void {
    if (this.taskState.get(task) === 'running' || this.taskState.get(task) === 'starting') return;
    if (member.leaving || this.reconfiguring[connectorOf(task)]) return;
    this.taskState.set(task, 'starting');
    this.sim.after(
      Math.max(1, this.settings.timing.taskStartMicros),
      this.taskStarts,
      this.numberOf(member),
      task,
    );
  }

  private onTaskStarts(member: GroupMember, task: number): void {
    if (this.taskState.get(task) !== 'starting' || !member.tasks.includes(task)) return;
    this.taskState.set(task, 'running');
    this.work[connectorOf(task)].start(task % taskStride);
    this.show();
  }

  /** Tasks of a connector that are held and do not run are started. */
  private startHeld(connector: number): void {
    for (const m of this.members)
      for (const task of m.tasks) if (connectorOf(task) === connector) this.startLater(m, task);
  }

  private reconfigure(connector: number, count: number): void {
    this.reconfiguring[connector] = true;
    for (let n = 0; n < this.tasks[connector]; n += 1) this.end(connector * taskStride + n, false);
    this.sim.after(Math.max(1, this.settings.timing.taskStopMicros), this.configured, connector, count);
    this.show();
  }

  /** The new task configurations are in the config topic, and every worker joins for them. */
  private onConfigured(connector: number, count: number): void {
    this.reconfiguring[connector] = false;
    this.tasks[connector] = count;
    this.work[connector].configure(count);
    this.request(...this.members.filter((m) => !m.cutOff));
    this.show();
  }

  // What is shown.

  /** Once at the end of the instant, however much changed in it. */
  private show(): void {
    this.shown = false;
  }

  private showAll(): boolean {
    if (this.shown) return false;
    this.shown = true;
    const running = this.settings.connectors.map(() => 0);
    for (const [task, state] of this.taskState) if (state === 'running') running[connectorOf(task)] += 1;
    const held = this.settings.connectors.map(() => 0);
    const byWorker = new Map(this.members.filter((m) => m.alive && !m.leaving).map((m) => [m.worker, m]));
    this.settings.workers.forEach((_, worker) => {
      const member = byWorker.get(worker);
      this.connectorCount.set(worker, member?.connectors.length ?? 0);
      this.taskCount.set(worker, member?.tasks.length ?? 0);
      for (const task of member?.tasks ?? []) held[connectorOf(task)] += 1;
    });
    this.settings.connectors.forEach((_, c) => {
      this.total.set(c, this.tasks[c]);
      this.running.set(c, this.pausedNow[c] ? 0 : running[c]);
      this.paused.set(c, this.pausedNow[c] ? running[c] : 0);
      this.unassigned.set(c, Math.max(0, this.tasks[c] - held[c]));
      this.downSeconds.set(c, this.downSeconds.get(c), Math.max(0, this.tasks[c] - running[c]));
      this.showWork(c);
    });
    return false;
  }

  private showWork(c: number): void {
    const work = this.work[c];
    this.idle.set(c, work.idle());
    this.busiest.set(c, work.busiest());
    const rate = work.doneRate();
    // What is done again was sent before.
    const sent = work.done() + this.replayed.get(c);
    if (work instanceof SinkTasks) this.sent.set(c, sent, rate);
    else if (work instanceof SourceTables) {
      this.written.set(c, sent, rate);
      this.sourceLag.set(c, work.behind(), work.slope());
    }
  }

  private verify(): void {
    const seen = new Set<number>();
    for (const m of this.members) {
      for (const task of m.tasks) {
        if (seen.has(task)) throw new BrokenInvariant(`task ${task} runs in two places`);
        seen.add(task);
        if (!m.alive) throw new BrokenInvariant(`task ${task} is held by a worker that is gone`);
      }
    }
    for (const [task, state] of this.taskState) {
      if (state === 'running' && !seen.has(task))
        throw new BrokenInvariant(`task ${task} runs and nobody has it`);
    }
  }
}

function connectorOf(task: number): number {
  return Math.floor(task / taskStride);
}

function rowOf(names: readonly string[], name: string): number {
  const row = names.indexOf(name);
  if (row < 0) throw new RangeError(`there is no ${name}`);
  return row;
}
