import type { Gauge } from '../../engine/gauge.ts';
import { eventClass, type Handle, type Kind, type Simulation } from '../../engine/simulation.ts';
import type { Connectivity } from './connectivity.ts';
import type { Controller } from './controller.ts';
import type { ClusterGauges } from './gauges.ts';
import { type Logs, loadMicros } from './logs.ts';
import type { Replication } from './replication.ts';
import type { ClusterSettings } from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';
import type { Traffic } from './traffic.ts';
import type { Writes } from './writes.ts';

/** Source: Kafka 3.7 `org.apache.kafka.metadata.BrokerState`. */
export const brokerState = {
  notRunning: 0,
  starting: 1,
  recovery: 2,
  running: 3,
  pendingControlledShutdown: 6,
  shuttingDown: 7,
} as const;

/** A controlled shutdown is given up after five minutes. Source: Kafka 3.7 `BrokerServer.shutdown`. */
const shutdownTimeoutMicros = 300_000_000;
/** Second heartbeat of a broker that asked to shut down. Source: Kafka 3.7 `BrokerLifecycleManager`. */
const secondHeartbeatMicros = 50_000;
/**
 * First wait of a broker whose registration is refused; it doubles up to the session time-out. Source: Kafka 3.7 `BrokerLifecycleManager`
 * (ExponentialBackoff). Simplified: its jitter of 2 % is left out.
 */
const registrationBackoffMicros = 100_000;
/**
 * A pause from here on changes who serves and who fetches; a shorter one only stalls requests. Guess: well below every
 * time-out of the protocol, and above nearly every young collection.
 */
const leastPauseMicros = 200_000;

/**
 * The life of a broker process: controlled shutdown by heartbeats, flush and close, start, log load while fenced,
 * fetching, unfencing; pauses in which all its threads stand still, and times in which it is cut off.
 *
 * Heartbeats are not played: the grant is computed from each broker's phase and from when it applied the change, the end of a
 * session from the last heartbeat on the grid before the process fell silent.
 *
 * A process that stands still serves nobody, fetches nothing and hears no SIGTERM; what it was doing takes so much longer. When
 * it goes on it sends the heartbeat that is overdue. If the controller has fenced it meanwhile, that heartbeat unfences it:
 * the process registered before, so its metadata is newer than its registration. It then learns that it leads nothing and
 * fetches from the new leaders. Its state stays RUNNING, nothing is restarted, no log is recovered.
 *
 * A process that does not reach the active controller sends heartbeats to nobody, and comes back in the same way. Until it is fenced it leads
 * on for those who reach it: what it acknowledges with acks=1 meanwhile is cut off when it follows again.
 *
 * Clients of a process that has died learn of it at once, by the reset of their connections. Clients of a machine that is lost, cut off or
 * stands still wait for the answer to what they have sent: until request.timeout.ms, though another leads after the session.
 *
 * Source: Kafka 3.7 `BrokerServer`, `BrokerLifecycleManager`, `BrokerHeartbeatManager.calculateNextBrokerState`, `LogManager.loadLogs`;
 * `NetworkClient` (request.timeout.ms).
 * Simplified: what a fenced broker that goes on acknowledges as a leader of yesterday (acks=1, until its next metadata fetch) is not
 * played; the metrics of a broker that stands still follow the metadata only where another broker reports them.
 */
export class Brokers {
  readonly state: Gauge;
  /**
   * Seconds from fetching again to the last replica's return to its ISR, of the latest return; 0 before the first. A return from a
   * pause counts when the pause cost the broker its place in an ISR.
   */
  readonly recoverySeconds: Gauge;
  readonly recoveries: Gauge;
  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly tables: ClusterTables;
  private readonly gauges: ClusterGauges;
  private readonly controller: Controller;
  private readonly replication: Replication;
  private readonly traffic: Traffic;
  private readonly writes: Writes;
  private readonly logs: Logs;
  private readonly connectivity: Connectivity;
  private readonly shutdownCommitted: Kind;
  private readonly shutdownGranted: Kind;
  private readonly exitedKind: Kind;
  private readonly registered: Kind;
  private readonly fetch: Kind;
  private readonly unfenced: Kind;
  private readonly expired: Kind;
  private readonly pauseOver: Kind;
  private readonly directoryOffline: Kind;
  private readonly caughtUpWithMetadata: Kind;
  /** Counts starts and stops, so that an event of an earlier life is told from one of this. */
  private readonly life: Int32Array;
  private readonly exitAt: Float64Array;
  private readonly askedAt: Float64Array;
  private readonly unclean: Uint8Array;
  private readonly wipeAtExit: Uint8Array;
  /** 1 where the machine was lost: what the system had not yet written to disk is lost with it. */
  private readonly unflushed: Uint8Array;
  /** Since when a registered broker has not been answering its clients without their knowing; NaN while they know. */
  private readonly mute: Float64Array;
  /** 1 while a running process does not reach the active controller. */
  private readonly cutOff: Uint8Array;
  /** When a process that was fenced behind its back has learnt of the metadata, microseconds. */
  private readonly learnsAt: Float64Array;
  /** Refused registrations of this start. */
  private readonly refusals: Int32Array;
  /** Starts in a row that found no usable log directory. */
  private readonly fruitless: Int32Array;
  private readonly backSince: Float64Array;
  /** The latest interval in which all threads of a process stood still or do, microseconds; pauses that overlap are one. */
  private readonly stillSince: Float64Array;
  private readonly stillUntil: Float64Array;
  /** Microseconds of ended pauses of 200 ms and more. */
  private readonly stoodStill: Float64Array;
  private readonly pauseEnds: (Handle | undefined)[];
  /** The latest heartbeat that was sent off the grid, when a pause ended, microseconds. */
  private readonly beatAt: Float64Array;
  /** When the session of a registered broker that sends no heartbeats ends, microseconds; NaN while it sends them. */
  private readonly sessionEnds: Float64Array;
  private readonly sessionTimers: (Handle | undefined)[];
  /** SIGTERMs that a process which stands still has not yet seen, with the end that a recording tells. */
  private readonly pendingStops = new Map<number, number | undefined>();
  /** A process starts. */
  onStarting: (broker: number) => void = () => {};
  /** The process has ended. */
  onExited: (broker: number) => void = () => {};
  /** The broker's state reached, or left, RUNNING. */
  onHealth: (broker: number) => void = () => {};
  /** All replicas of a broker are in sync again, or one is not. */
  onMembership: (broker: number) => void = () => {};

  constructor(
    sim: Simulation,
    settings: ClusterSettings,
    tables: ClusterTables,
    gauges: ClusterGauges,
    controller: Controller,
    replication: Replication,
    traffic: Traffic,
    writes: Writes,
    logs: Logs,
    connectivity: Connectivity,
  ) {
    this.sim = sim;
    this.settings = settings;
    this.tables = tables;
    this.gauges = gauges;
    this.controller = controller;
    this.replication = replication;
    this.traffic = traffic;
    this.writes = writes;
    this.logs = logs;
    this.connectivity = connectivity;
    const n = tables.brokerCount;
    this.state = sim.gauge('kafka_server_kafkaserver_brokerstate', n);
    this.recoverySeconds = sim.gauge('rehearse:isr_recovery_seconds', n);
    this.recoveries = sim.gauge('rehearse:isr_recoveries_total', n);
    for (let b = 0; b < n; b += 1) this.state.set(b, brokerState.running);
    this.life = new Int32Array(n);
    this.exitAt = new Float64Array(n).fill(Number.NaN);
    this.askedAt = new Float64Array(n);
    this.unclean = new Uint8Array(n);
    this.wipeAtExit = new Uint8Array(n);
    this.unflushed = new Uint8Array(n);
    this.mute = new Float64Array(n).fill(Number.NaN);
    this.cutOff = new Uint8Array(n);
    this.learnsAt = new Float64Array(n);
    this.refusals = new Int32Array(n);
    this.fruitless = new Int32Array(n);
    this.backSince = new Float64Array(n).fill(Number.NaN);
    this.stillSince = new Float64Array(n);
    this.stillUntil = new Float64Array(n);
    this.stoodStill = new Float64Array(n);
    this.pauseEnds = new Array(n);
    this.beatAt = new Float64Array(n).fill(Number.NEGATIVE_INFINITY);
    this.sessionEnds = new Float64Array(n).fill(Number.NaN);
    this.sessionTimers = new Array(n);
    this.shutdownCommitted = sim.on('kafka.controlledShutdown', (b, life) =>
      this.onShutdownCommitted(b, life),
    );
    this.shutdownGranted = this.step('kafka.shutdownGranted', (b) => this.onShutdownGranted(b));
    this.exitedKind = this.step('kafka.exited', (b) => this.onExit(b));
    this.registered = this.step('kafka.registered', (b, life) => this.onRegistered(b, life));
    this.fetch = this.step('kafka.fetchersStarted', (b, life) => this.onFetchersStarted(b, life));
    this.unfenced = this.step('kafka.unfenced', (b) => this.onUnfenced(b));
    this.caughtUpWithMetadata = this.step('kafka.metadataCaughtUp', (b) => this.fetchOn(b));
    this.directoryOffline = this.step('kafka.directoryOffline', (b) => this.onDirectoryOffline(b));
    this.expired = sim.on('kafka.sessionExpired', (b) => this.onSessionExpired(b), eventClass.timer);
    this.pauseOver = sim.on('kafka.pauseOver', (b) => this.onPauseOver(b));
    controller.onMembership = (b) => this.membership(b);
    const { serving, pausedUntil } = controller.registrations;
    const runs = (b: number) => serving[b] === 1 && pausedUntil[b] === 0;
    controller.onActivated = () => {
      this.lookForController();
      this.renewSessions();
      // Elected while the controller that did it was being lost: who hears the next one learns of it now.
      for (let b = 0; b < n; b += 1)
        if (runs(b) && controller.hears(b) && !this.isExpelled(b)) controller.takeUpLed(b);
    };
    writes.serving = (b) => runs(b) && connectivity.reachable(b);
    writes.standsStill = (b) => !Number.isNaN(this.mute[b]);
    replication.serves = (leader, follower) => runs(leader) && connectivity.reaches(leader, follower);
    replication.runs = runs;
    connectivity.onChange = () => this.onConnectivity();
  }

  /** A kind of event in one life of a process. A pause before it puts it off by as long: the process did nothing meanwhile. */
  private step(name: string, happens: (broker: number, life: number) => void): Kind {
    const kind = this.sim.on(name, (broker, life, lost) => {
      if (this.life[broker] !== life) return;
      const owed = this.stillMicros(broker, this.controller.registrations.pausedUntil[broker]) - lost;
      if (owed > 0) this.sim.after(owed, kind, broker, life, lost + owed);
      else happens(broker, life);
    });
    return kind;
  }

  private schedule(at: number, kind: Kind, broker: number): void {
    this.sim.at(at, kind, broker, this.life[broker], this.stillMicros(broker, this.sim.now));
  }

  /** Microseconds that a process has stood still, of the pause in progress what falls before `until`. */
  private stillMicros(broker: number, until: number): number {
    const paused = this.controller.registrations.pausedUntil[broker] > 0;
    return this.stoodStill[broker] + (paused ? until - this.stillSince[broker] : 0);
  }

  private name(broker: number): string {
    return `broker-${this.settings.brokers[broker].id}`;
  }

  isRunning(broker: number): boolean {
    return this.state.get(broker) === brokerState.running;
  }

  /** Phase of a broker's heartbeats, microseconds: fixed for a process's life. */
  private heartbeatPhase(broker: number): number {
    const u = this.sim.stream(
      `broker/${this.settings.brokers[broker].id}`,
      `heartbeatPhase/${this.life[broker]}`,
    )();
    return Math.floor(u * this.settings.timing.heartbeatMicros);
  }

  // Stopping.

  /**
   * SIGTERM: asks for a controlled shutdown.
   * @param exitAt when the process ends, where a recording tells it; else the grant and the closing of logs decide
   */
  stop(broker: number, exitAt?: number): void {
    const state = this.state.get(broker);
    if (state !== brokerState.running && state !== brokerState.starting && state !== brokerState.recovery)
      return;
    if (this.controller.registrations.pausedUntil[broker] > 0) {
      this.pendingStops.set(broker, exitAt);
      return;
    }
    this.life[broker] += 1;
    this.askedAt[broker] = this.sim.now;
    this.exitAt[broker] = exitAt ?? Number.NaN;
    const exit = Math.max(exitAt ?? 0, this.sim.now + 1);
    if (state !== brokerState.running) {
      // Not yet unfenced: it leads nothing and is in no ISR.
      this.state.set(broker, brokerState.shuttingDown);
      this.stopFetching(broker);
      this.schedule(exit, this.exitedKind, broker);
      return;
    }
    this.state.set(broker, brokerState.pendingControlledShutdown);
    this.onHealth(broker);
    const life = this.life[broker];
    this.controller.whenActive(broker, () => {
      if (this.life[broker] === life) {
        this.sim.after(
          this.controller.commitDelay('controlledShutdown'),
          this.shutdownCommitted,
          broker,
          life,
        );
      }
    });
    if (exitAt !== undefined) this.schedule(exit, this.exitedKind, broker);
    else this.schedule(this.sim.now + shutdownTimeoutMicros, this.shutdownGranted, broker);
  }

  private onShutdownCommitted(broker: number, life: number): void {
    if (this.life[broker] !== life) return;
    const { registrations } = this.controller;
    registrations.inControlledShutdown[broker] = 1;
    registrations.fetching[broker] = 0;
    const led = this.gauges.leaderCount.get(broker);
    const delays = this.controller.removeFromIsrs(broker);
    this.sim.tell('kafka.controlledShutdown', this.name(broker), `${led} leaders moved`);
    this.membership(broker);
    const { heartbeatMicros, roundTripMicros } = this.settings.timing;
    // Granted with the first heartbeat after every other active broker reported that it has applied the change.
    let known = this.sim.now;
    for (let k = 0; k < this.tables.brokerCount; k += 1) {
      if (k === broker || registrations.fenced[k] === 1 || registrations.inControlledShutdown[k] === 1)
        continue;
      const applied = Math.max(this.sim.now + delays[k], registrations.pausedUntil[k]);
      const phase = this.heartbeatPhase(k);
      const beat = Math.ceil((applied - phase) / heartbeatMicros) * heartbeatMicros + phase;
      known = Math.max(known, beat + roundTripMicros / 2);
    }
    const asked = this.askedAt[broker];
    let grant = asked + secondHeartbeatMicros;
    if (led === 0) grant = this.sim.now + 1;
    else if (grant < known) grant += Math.ceil((known - grant) / heartbeatMicros) * heartbeatMicros;
    this.schedule(
      Math.max(this.sim.now + 1, Math.ceil(grant + roundTripMicros)),
      this.shutdownGranted,
      broker,
    );
  }

  private onShutdownGranted(broker: number): void {
    if (this.state.get(broker) !== brokerState.pendingControlledShutdown) return;
    this.state.set(broker, brokerState.shuttingDown);
    if (this.controller.registrations.inControlledShutdown[broker] === 1) this.controller.fence(broker);
    if (!Number.isNaN(this.exitAt[broker])) return;
    const entity = `broker/${this.settings.brokers[broker].id}`;
    const close = this.settings.timing.closeMicros.sample(this.sim.stream(entity, 'close')());
    this.schedule(this.sim.now + Math.max(1, Math.round(close)), this.exitedKind, broker);
  }

  private onExit(broker: number): void {
    if (this.controller.registrations.inControlledShutdown[broker] === 1) this.controller.fence(broker);
    this.end(broker, false);
  }

  /** SIGKILL, or the process halts: nobody is told; the controller fences the broker when its session has run out. */
  kill(broker: number, why: string): void {
    const state = this.state.get(broker);
    if (state === brokerState.notRunning) return;
    this.life[broker] += 1;
    this.sim.tell('kafka.killed', this.name(broker), why);
    this.end(broker, true);
  }

  /** The broker's machine is lost at once: no connection is reset, and what the system had not written to disk is gone. */
  loseHost(broker: number): void {
    if (this.state.get(broker) === brokerState.notRunning) return;
    this.unflushed[broker] = 1;
    this.fallMute(broker);
    this.kill(broker, 'its machine is lost');
  }

  // Who knows that a broker does not answer.

  private fallMute(broker: number): void {
    if (Number.isNaN(this.mute[broker])) this.mute[broker] = this.sim.now;
  }

  /** The broker's machine answers again, at least by resets: its clients know. */
  private speak(broker: number): void {
    if (Number.isNaN(this.mute[broker])) return;
    this.mute[broker] = Number.NaN;
    this.writes.release(broker);
  }

  // Who reaches whom.

  /** Something was cut or mended: heartbeats, fetches and writes follow. */
  private onConnectivity(): void {
    const { tables, connectivity } = this;
    for (let b = 0; b < tables.brokerCount; b += 1) {
      if (this.state.get(b) === brokerState.notRunning) continue;
      if (!connectivity.reachable(b)) this.fallMute(b);
      else if (this.controller.registrations.pausedUntil[b] === 0) this.speak(b);
    }
    this.haltUnreached();
    this.controller.quorum.look();
    this.lookForController();
    this.controller.runWaiting();
    for (let p = 0; p < tables.partitionCount; p += 1) this.writes.review(p);
    for (let b = 0; b < tables.brokerCount; b += 1) {
      // One that was fenced fetches on once it has learnt of the metadata.
      const learns = this.isExpelled(b) && (this.cutOff[b] === 1 || this.learnsAt[b] > this.sim.now);
      if (this.controller.registrations.pausedUntil[b] === 0 && !learns) this.fetchOn(b);
    }
  }

  /** Followers that no longer reach their leaders stop. */
  private haltUnreached(): void {
    const { tables } = this;
    if (this.connectivity.whole) return;
    for (let p = 0; p < tables.partitionCount; p += 1) {
      const leader = tables.leader[p];
      if (leader === noLeader) continue;
      for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
        const b = tables.broker[r];
        if (b < 0 || tables.state[r] === replicaState.stopped || this.connectivity.reaches(leader, b))
          continue;
        this.traffic.count(p, -1);
        this.replication.halt(r);
        this.traffic.count(p, 1);
        if (tables.inSync[r] === 1) this.controller.watchMember(r);
      }
    }
  }

  /** Brokers that do not reach the active controller fall silent; those that reach it again send the heartbeat that is due. */
  private lookForController(): void {
    if (this.controller.active < 0) return;
    const { registrations } = this.controller;
    for (let b = 0; b < this.tables.brokerCount; b += 1) {
      const cut = this.state.get(b) !== brokerState.notRunning && !this.controller.hears(b);
      if (cut === (this.cutOff[b] === 1)) continue;
      this.cutOff[b] = cut ? 1 : 0;
      if (this.state.get(b) === brokerState.notRunning) continue;
      if (cut) {
        if (registrations.fenced[b] === 0 && this.hasBeenUnfenced(b)) {
          this.fallSilent(b);
          this.watchSession(b);
        }
      } else if (registrations.pausedUntil[b] === 0) this.beHeard(b);
    }
  }

  /** A process that was silent is heard again: a heartbeat, and where it was fenced meanwhile the way back. */
  private beHeard(broker: number): void {
    if (this.hasBeenUnfenced(broker)) {
      this.beatAt[broker] = this.sim.now;
      this.hear(broker);
    }
    if (!this.isExpelled(broker)) {
      if (this.hasBeenUnfenced(broker)) this.controller.takeUpLed(broker);
      return;
    }
    this.askToUnfence(broker, this.life[broker]);
    this.learnsAt[broker] = this.sim.now + this.controller.propagation(broker);
    this.schedule(this.learnsAt[broker], this.caughtUpWithMetadata, broker);
  }

  /** Whether a running process was fenced behind its back. */
  private isExpelled(broker: number): boolean {
    return (
      this.state.get(broker) === brokerState.running && this.controller.registrations.fenced[broker] === 1
    );
  }

  // Sessions.

  /** A registered broker sends no heartbeats from now on. */
  private fallSilent(broker: number): void {
    if (!Number.isNaN(this.sessionEnds[broker])) return;
    const { heartbeatMicros, sessionTimeoutMicros } = this.settings.timing;
    const phase = this.heartbeatPhase(broker);
    const onGrid = Math.floor((this.sim.now - phase) / heartbeatMicros) * heartbeatMicros + phase;
    this.sessionEnds[broker] = Math.max(onGrid, this.beatAt[broker]) + sessionTimeoutMicros;
  }

  /** Plans the end of a silent broker's session, unless it goes on before. */
  private watchSession(broker: number): void {
    const ends = this.sessionEnds[broker];
    const until = this.controller.registrations.pausedUntil[broker];
    if (Number.isNaN(ends) || this.sessionTimers[broker] !== undefined) return;
    const resumes = until > 0 && until <= ends && this.cutOff[broker] === 0;
    if (resumes && this.hasBeenUnfenced(broker)) return;
    this.sessionTimers[broker] = this.sim.at(Math.max(this.sim.now + 1, ends), this.expired, broker);
  }

  private hear(broker: number): void {
    this.sessionEnds[broker] = Number.NaN;
    const timer = this.sessionTimers[broker];
    if (timer !== undefined) this.sim.cancel(timer);
    this.sessionTimers[broker] = undefined;
  }

  /**
   * A new active controller gives every broker a fresh session.
   * Source: Kafka 3.7 `BrokerHeartbeatManager`, made anew by `ClusterControlManager.activate`.
   */
  private renewSessions(): void {
    for (let b = 0; b < this.sessionEnds.length; b += 1) {
      if (Number.isNaN(this.sessionEnds[b])) continue;
      this.hear(b);
      this.sessionEnds[b] = this.sim.now + this.settings.timing.sessionTimeoutMicros;
      this.watchSession(b);
    }
  }

  /** Whether or not a new process has started: it cannot register while the old session is valid. */
  private onSessionExpired(broker: number): void {
    this.sessionTimers[broker] = undefined;
    // Without an active controller nobody looks; its successor begins afresh.
    if (this.controller.active < 0) return;
    this.controller.whenActive(-1, () => {
      if (!(this.sessionEnds[broker] <= this.sim.now)) return;
      this.hear(broker);
      if (this.controller.registrations.fenced[broker] === 1) return;
      this.controller.fence(broker);
      if (!Number.isNaN(this.mute[broker])) this.writes.waitForAnswers(broker, this.mute[broker]);
      this.controller.removeFromIsrs(broker);
      this.membership(broker);
    });
  }

  private end(broker: number, unclean: boolean): void {
    const { registrations } = this.controller;
    this.state.set(broker, brokerState.notRunning);
    // A process that has not loaded its logs writes no marker of a clean shutdown (Kafka 3.7 `LogManager.shutdown`).
    if (unclean) this.unclean[broker] = 1;
    else if (registrations.serving[broker] === 1) this.unclean[broker] = 0;
    this.logs.setRunning(broker, false);
    registrations.serving[broker] = 0;
    this.endPause(broker);
    this.pendingStops.delete(broker);
    this.cutOff[broker] = 0;
    const registered = registrations.fenced[broker] === 0;
    if (registered) this.fallSilent(broker);
    registrations.fetching[broker] = 0;
    registrations.died[broker] = unclean ? 1 : 0;
    this.controller.forgetRequests(broker);
    if (unclean && registered) this.leaveUnanswered(broker);
    this.standStill(broker);
    this.controller.quorum.stopped(this.voter(broker), !unclean);
    if (unclean || registered) this.reviewHosted(broker);
    this.watchSession(broker);
    this.backSince[broker] = Number.NaN;
    if (this.wipeAtExit[broker] === 1) {
      this.wipeAtExit[broker] = 0;
      this.logs.wipe(broker);
    }
    this.sim.tell('kafka.stopped', this.name(broker), unclean ? 'unclean' : 'clean');
    this.onExited(broker);
    this.onHealth(broker);
  }

  /** Producers send again what a leader had appended and not answered when it died: with acks=all about a round trip of records. */
  private leaveUnanswered(broker: number): void {
    const { tables } = this;
    for (const r of tables.hosted(broker)) {
      const p = Math.floor(r / tables.stride);
      if (tables.leader[p] === broker) this.writes.leaderDied(p, this.settings.timing.roundTripMicros);
    }
  }

  /** Partitions with an ISR member that has died stall until the controller knows. */
  private reviewHosted(broker: number): void {
    const { tables } = this;
    for (const r of tables.hosted(broker)) this.writes.review(Math.floor(r / tables.stride));
  }

  /** Node id of a broker whose process is a quorum voter as well, else -1. */
  private voter(broker: number): number {
    const { controller, id } = this.settings.brokers[broker];
    return controller ? id : -1;
  }

  /** The process neither fetches nor serves from now on: its replicas stop, and those that catch up from it. */
  private standStill(broker: number): void {
    this.stopReplicas(broker, this.tables.hosted(broker));
  }

  private stopReplicas(broker: number, replicas: Int32Array): void {
    const { tables } = this;
    for (const r of replicas) {
      const p = Math.floor(r / tables.stride);
      if (tables.leader[p] === broker) {
        const first = p * tables.stride;
        for (let f = first; f < first + tables.stride; f += 1) {
          if (tables.state[f] === replicaState.lagging) this.replication.halt(f);
        }
      } else if (tables.inSync[r] === 0 || tables.state[r] !== replicaState.stopped) {
        this.traffic.count(p, -1);
        this.replication.halt(r);
        this.traffic.count(p, 1);
        if (tables.inSync[r] === 1 && tables.leader[p] !== noLeader) this.controller.watchMember(r);
      }
    }
  }

  private stopFetching(broker: number): void {
    const { tables } = this;
    this.controller.registrations.fetching[broker] = 0;
    for (const r of tables.hosted(broker)) {
      if (tables.inSync[r] === 1) continue;
      const p = Math.floor(r / tables.stride);
      this.traffic.count(p, -1);
      this.replication.halt(r);
      this.traffic.count(p, 1);
    }
  }

  // Starting.

  /**
   * The container has started the process.
   * @param runningAt when the broker is back, where a recording tells it; else the phases of the start decide
   */
  start(broker: number, runningAt?: number): void {
    if (this.state.get(broker) !== brokerState.notRunning) return;
    this.life[broker] += 1;
    this.beatAt[broker] = Number.NEGATIVE_INFINITY;
    this.refusals[broker] = 0;
    if (this.connectivity.reachable(broker)) this.speak(broker);
    this.state.set(broker, brokerState.starting);
    this.onStarting(broker);
    const { timing } = this.settings;
    if (runningAt !== undefined) {
      this.schedule(
        Math.max(this.sim.now + 1, runningAt - timing.fetchBeforeOnlineMicros),
        this.fetch,
        broker,
      );
      return;
    }
    const entity = `broker/${this.settings.brokers[broker].id}`;
    const jvm = timing.jvmStartMicros.sample(this.sim.stream(entity, 'jvmStart')());
    const replay = timing.metadataReplayMicros.sample(this.sim.stream(entity, 'metadataReplay')());
    this.schedule(this.sim.now + Math.max(1, Math.round(jvm + replay)), this.registered, broker);
  }

  /** Registered and caught up with the metadata: logs are loaded while the broker is fenced. */
  private onRegistered(broker: number, life: number): void {
    // A combined node's controller runs before its broker registers: with it a lost majority may be one again.
    this.controller.quorum.started(this.voter(broker));
    this.whenRegistered(broker, life, this.registered, () => {
      if (!this.loadLogs(broker)) return;
      this.state.set(broker, brokerState.recovery);
      this.schedule(this.sim.now + Math.max(1, Math.ceil(this.loadMicros(broker))), this.fetch, broker);
    });
  }

  /** Runs once the controller takes the registration: it answers, and the session of the process before is over. */
  private whenRegistered(broker: number, life: number, again: Kind, run: () => void): void {
    this.controller.whenActive(broker, () => {
      if (this.life[broker] !== life) return;
      if (this.controller.registrations.fenced[broker] === 1) {
        run();
        return;
      }
      // The old incarnation's session is still valid: registration is refused and tried again.
      const wait = registrationBackoffMicros * (1 << Math.min(20, this.refusals[broker]));
      this.refusals[broker] += 1;
      this.schedule(this.sim.now + Math.min(wait, this.settings.timing.sessionTimeoutMicros), again, broker);
    });
  }

  /** How long the logs take to load, microseconds. */
  private loadMicros(broker: number): number {
    const { timing, recoveryThreads } = this.settings;
    return loadMicros(
      this.logs.loads(broker),
      this.unclean[broker] === 1,
      recoveryThreads,
      timing.segmentLoadMicros,
      timing.recoveryScanRate,
    );
  }

  /** Metadata is published: fetchers start, still fenced, and the broker asks to be unfenced. */
  private onFetchersStarted(broker: number, life: number): void {
    this.controller.quorum.started(this.voter(broker));
    this.whenRegistered(broker, life, this.fetch, () => {
      if (!this.loadLogs(broker)) return;
      const { registrations } = this.controller;
      this.state.set(broker, brokerState.recovery);
      registrations.serving[broker] = 1;
      registrations.fetching[broker] = 1;
      this.logs.setRunning(broker, true);
      this.backSince[broker] = this.sim.now;
      this.sim.tell('kafka.fetching', this.name(broker));
      if (this.unflushed[broker] === 1) this.cutUnflushed(broker);
      this.reviewHosted(broker);
      this.beginAll(broker);
      this.askToUnfence(broker, life);
    });
  }

  /** Recovery after the loss of the machine: each log ends where the system had last written it to disk. */
  private cutUnflushed(broker: number): void {
    const { tables } = this;
    this.unflushed[broker] = 0;
    for (const r of tables.hosted(broker)) {
      if (tables.state[r] !== replicaState.stopped) continue;
      const p = Math.floor(r / tables.stride);
      const bytes = (this.traffic.partitionRate(p) * this.settings.timing.pageFlushMicros) / 1e6;
      this.logs.cutBack(r, Math.floor(bytes));
    }
  }

  private beginAll(broker: number): void {
    const { tables } = this;
    const behind: number[] = [];
    for (const r of tables.hosted(broker)) {
      if (tables.state[r] === replicaState.stopped) behind.push(r);
    }
    this.replication.begin(broker, behind);
  }

  private askToUnfence(broker: number, life: number): void {
    this.controller.whenActive(broker, () => {
      if (this.life[broker] !== life) return;
      this.schedule(this.sim.now + this.controller.commitDelay('unfence'), this.unfenced, broker);
    });
  }

  private onUnfenced(broker: number): void {
    if (this.controller.registrations.fenced[broker] === 0) return;
    // The end of an earlier process's session may still be due: it was fenced otherwise, or renewed by a new controller.
    this.hear(broker);
    this.state.set(broker, brokerState.running);
    this.controller.unfence(broker);
    this.controller.releaseHeld(broker);
    this.sim.tell('kafka.started', this.name(broker));
    this.onHealth(broker);
    this.membership(broker);
  }

  private membership(broker: number): void {
    const out = this.gauges.outOfSync.get(broker);
    if (
      out === 0 &&
      !Number.isNaN(this.backSince[broker]) &&
      this.state.get(broker) === brokerState.running
    ) {
      const seconds = (this.sim.now - this.backSince[broker]) / 1e6;
      this.backSince[broker] = Number.NaN;
      this.recoverySeconds.set(broker, seconds);
      this.recoveries.add(broker, 1);
      this.sim.tell('kafka.inSync', this.name(broker), `after ${seconds.toFixed(1)} s`);
    }
    this.onMembership(broker);
  }

  // Pauses.

  /**
   * All threads of a broker's process stand still from now on for that long: a stop-the-world collection, a frozen machine, a
   * heap dump. Pauses that overlap are one. Below 200 ms nothing changes here: a short one is only kept, since another may lengthen it.
   * @param micros whole, above 0
   */
  pause(broker: number, micros: number): void {
    const { pausedUntil } = this.controller.registrations;
    const until = this.sim.now + micros;
    if (until <= this.stillUntil[broker] || this.state.get(broker) === brokerState.notRunning) return;
    const longer = pausedUntil[broker] > 0;
    if (this.sim.now >= this.stillUntil[broker] && !longer) this.stillSince[broker] = this.sim.now;
    this.stillUntil[broker] = until;
    if (until - this.stillSince[broker] < leastPauseMicros) return;
    this.sim.tell('kafka.paused', this.name(broker), `${(micros / 1e6).toFixed(1)} s`);
    pausedUntil[broker] = until;
    const ends = this.pauseEnds[broker];
    if (ends !== undefined) this.sim.cancel(ends);
    this.pauseEnds[broker] = this.sim.at(until, this.pauseOver, broker);
    if (!longer) {
      // One that is starting has registered nothing yet that could expire.
      if (this.controller.registrations.fenced[broker] === 0 && this.hasBeenUnfenced(broker))
        this.fallSilent(broker);
      this.fallMute(broker);
      this.standStill(broker);
      this.reviewHosted(broker);
      this.controller.quorum.paused(this.voter(broker));
    }
    this.watchSession(broker);
  }

  private hasBeenUnfenced(broker: number): boolean {
    const state = this.state.get(broker);
    return state !== brokerState.starting && state !== brokerState.recovery;
  }

  /** The pause in progress is over, or the process that stood still is. */
  private endPause(broker: number): void {
    const { pausedUntil } = this.controller.registrations;
    this.stillUntil[broker] = this.sim.now;
    if (pausedUntil[broker] === 0) return;
    this.stoodStill[broker] += this.sim.now - this.stillSince[broker];
    pausedUntil[broker] = 0;
    const ends = this.pauseEnds[broker];
    if (ends !== undefined) this.sim.cancel(ends);
    this.pauseEnds[broker] = undefined;
  }

  private onPauseOver(broker: number): void {
    this.pauseEnds[broker] = undefined;
    this.endPause(broker);
    const seconds = (this.sim.now - this.stillSince[broker]) / 1e6;
    this.sim.tell('kafka.resumed', this.name(broker), `${seconds.toFixed(1)} s`);
    if (this.hasBeenUnfenced(broker) && this.cutOff[broker] === 0) {
      this.beatAt[broker] = this.sim.now;
      this.hear(broker);
    }
    if (this.connectivity.reachable(broker)) this.speak(broker);
    this.controller.quorum.resumed(this.voter(broker));
    if (!this.isExpelled(broker) && this.cutOff[broker] === 0) this.controller.takeUpLed(broker);
    this.controller.runWaiting();
    this.reviewHosted(broker);
    this.beginFollowersOf(broker);
    const expelled = this.isExpelled(broker);
    if (!expelled) this.fetchOn(broker);
    const stop = this.pendingStops.has(broker);
    if (stop) {
      const exitAt = this.pendingStops.get(broker);
      this.pendingStops.delete(broker);
      this.stop(broker, exitAt);
    } else if (expelled && this.cutOff[broker] === 0) this.beHeard(broker);
  }

  /** The fetchers go on, each replica from its own log end. */
  private fetchOn(broker: number): void {
    if (this.controller.registrations.fetching[broker] === 0) return;
    const out = this.gauges.outOfSync.get(broker) > 0 && this.state.get(broker) === brokerState.running;
    if (out && Number.isNaN(this.backSince[broker])) this.backSince[broker] = this.sim.now;
    this.beginAll(broker);
  }

  /** A leader answers again: what had not caught up from it fetches on. */
  private beginFollowersOf(leader: number): void {
    const { tables } = this;
    const { fetching, pausedUntil } = this.controller.registrations;
    const behind = new Map<number, number[]>();
    for (const r of tables.hosted(leader)) {
      const p = Math.floor(r / tables.stride);
      if (tables.leader[p] !== leader) continue;
      for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
        const b = tables.broker[r];
        if (b < 0 || tables.state[r] !== replicaState.stopped) continue;
        if (fetching[b] === 0 || pausedUntil[b] > 0) continue;
        const group = behind.get(b);
        if (group === undefined) behind.set(b, [r]);
        else group.push(r);
      }
    }
    for (const [follower, replicas] of behind) this.replication.begin(follower, replicas);
  }

  // Log directories.

  /**
   * Takes a starting broker's directories into use. Without one the process halts. Its container would go on like that with
   * the back-off of its restarts: once it has failed twice in a row it waits in STARTING for a disk instead.
   */
  private loadLogs(broker: number): boolean {
    if (this.logs.load(broker)) {
      this.fruitless[broker] = 0;
      return true;
    }
    this.fruitless[broker] += 1;
    if (this.fruitless[broker] === 1) this.kill(broker, 'none of its log directories can be used');
    else this.state.set(broker, brokerState.starting);
    return false;
  }

  /** A disk of a broker was replaced: one that waits for it starts. */
  diskReplaced(broker: number): void {
    const waits = this.fruitless[broker] > 1 && this.state.get(broker) === brokerState.starting;
    this.fruitless[broker] = 0;
    if (!waits) return;
    this.state.set(broker, brokerState.notRunning);
    this.start(broker);
  }

  /**
   * A log directory of a running broker goes offline. Without another one the process halts; else the broker serves and
   * fetches the other replicas, and tells the controller with a heartbeat that it sends at once.
   * Source: Kafka 3.7 `BrokerLifecycleManager.propagateDirectoryFailure`, `ReplicationControlManager.handleDirectoriesOffline`
   * (KIP-858), `LogManager.handleLogDirFailure` (halt).
   */
  directoryLost(broker: number, replicas: Int32Array, why: string, last: boolean): void {
    if (last) {
      this.kill(broker, why);
      return;
    }
    this.sim.tell('kafka.directoryOffline', this.name(broker), `${replicas.length} replicas: ${why}`);
    this.stopReplicas(broker, replicas);
    for (const r of replicas) this.writes.review(Math.floor(r / this.tables.stride));
    const life = this.life[broker];
    this.controller.whenActive(broker, () => {
      if (this.life[broker] !== life) return;
      const micros =
        this.settings.timing.roundTripMicros / 2 + this.controller.commitDelay('directoryOffline');
      this.schedule(this.sim.now + Math.max(1, Math.round(micros)), this.directoryOffline, broker);
    });
  }

  /** The controller has committed that directories of a broker are offline. */
  private onDirectoryOffline(broker: number): void {
    const { tables } = this;
    this.controller.removeFromIsrs(
      broker,
      tables.hosted(broker).filter((r) => tables.offline[r] === 1),
    );
    this.membership(broker);
  }

  /** The disks are replaced by empty ones: at once while the broker is down, else as soon as its process has ended. */
  wipe(broker: number): void {
    if (this.state.get(broker) === brokerState.notRunning) this.logs.wipe(broker);
    else this.wipeAtExit[broker] = 1;
  }
}
