import type { Gauge } from '../../engine/gauge.ts';
import { eventClass, type Kind, type Simulation } from '../../engine/simulation.ts';
import type { Controller } from './controller.ts';
import type { ClusterGauges } from './gauges.ts';
import type { Logs } from './logs.ts';
import type { Replication } from './replication.ts';
import type { ClusterSettings } from './settings.ts';
import { type ClusterTables, replicaState } from './tables.ts';
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
 * The life of a broker process: controlled shutdown by heartbeats, flush and close, start, log load while fenced,
 * fetching, unfencing.
 *
 * Heartbeats are not played: the grant is computed from each broker's phase and from when it applied the change.
 * Source: Kafka 3.7 `BrokerServer`, `BrokerLifecycleManager`, `BrokerHeartbeatManager.calculateNextBrokerState`, `LogManager.loadLogs`.
 */
export class Brokers {
  readonly state: Gauge;
  /** Seconds from fetching again to the last replica's return to its ISR, of the latest return; 0 before the first. */
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
  private readonly shutdownCommitted: Kind;
  private readonly shutdownGranted: Kind;
  private readonly exitedKind: Kind;
  private readonly registered: Kind;
  private readonly fetch: Kind;
  private readonly unfenced: Kind;
  private readonly expired: Kind;
  /** Counts starts and stops, so that an event of an earlier life is told from one of this. */
  private readonly life: Int32Array;
  private readonly exitAt: Float64Array;
  private readonly askedAt: Float64Array;
  private readonly unclean: Uint8Array;
  private readonly wipeAtExit: Uint8Array;
  private readonly backSince: Float64Array;
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
    this.backSince = new Float64Array(n).fill(Number.NaN);
    this.shutdownCommitted = sim.on('kafka.controlledShutdown', (b, life) =>
      this.onShutdownCommitted(b, life),
    );
    this.shutdownGranted = sim.on('kafka.shutdownGranted', (b, life) => this.onShutdownGranted(b, life));
    this.exitedKind = sim.on('kafka.exited', (b, life) => this.onExit(b, life));
    this.registered = sim.on('kafka.registered', (b, life) => this.onRegistered(b, life));
    this.fetch = sim.on('kafka.fetchersStarted', (b, life) => this.onFetchersStarted(b, life));
    this.unfenced = sim.on('kafka.unfenced', (b, life) => this.onUnfenced(b, life));
    this.expired = sim.on('kafka.sessionExpired', (b) => this.onSessionExpired(b), eventClass.timer);
    controller.onMembership = (b) => this.membership(b);
    writes.serving = (b) => controller.registrations.serving[b] === 1;
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
    this.life[broker] += 1;
    this.askedAt[broker] = this.sim.now;
    this.exitAt[broker] = exitAt ?? Number.NaN;
    if (state !== brokerState.running) {
      // Not yet unfenced: it leads nothing and is in no ISR.
      this.state.set(broker, brokerState.shuttingDown);
      this.stopFetching(broker);
      this.sim.at(exitAt ?? this.sim.now + 1, this.exitedKind, broker, this.life[broker]);
      return;
    }
    this.state.set(broker, brokerState.pendingControlledShutdown);
    this.onHealth(broker);
    const life = this.life[broker];
    this.controller.whenActive(() => {
      if (this.life[broker] === life) {
        this.sim.after(
          this.controller.commitDelay('controlledShutdown'),
          this.shutdownCommitted,
          broker,
          life,
        );
      }
    });
    if (exitAt !== undefined) this.sim.at(Math.max(exitAt, this.sim.now + 1), this.exitedKind, broker, life);
    else this.sim.after(shutdownTimeoutMicros, this.shutdownGranted, broker, life);
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
      const applied = this.sim.now + delays[k];
      const phase = this.heartbeatPhase(k);
      const beat = Math.ceil((applied - phase) / heartbeatMicros) * heartbeatMicros + phase;
      known = Math.max(known, beat + roundTripMicros / 2);
    }
    const asked = this.askedAt[broker];
    let grant = asked + secondHeartbeatMicros;
    if (led === 0) grant = this.sim.now + 1;
    else if (grant < known) grant += Math.ceil((known - grant) / heartbeatMicros) * heartbeatMicros;
    this.sim.at(
      Math.max(this.sim.now + 1, Math.ceil(grant + roundTripMicros)),
      this.shutdownGranted,
      broker,
      life,
    );
  }

  private onShutdownGranted(broker: number, life: number): void {
    if (this.life[broker] !== life || this.state.get(broker) !== brokerState.pendingControlledShutdown)
      return;
    this.state.set(broker, brokerState.shuttingDown);
    if (this.controller.registrations.inControlledShutdown[broker] === 1) this.controller.fence(broker);
    if (!Number.isNaN(this.exitAt[broker])) return;
    const entity = `broker/${this.settings.brokers[broker].id}`;
    const close = this.settings.timing.closeMicros.sample(this.sim.stream(entity, 'close')());
    this.sim.after(Math.max(1, Math.round(close)), this.exitedKind, broker, life);
  }

  private onExit(broker: number, life: number): void {
    if (this.life[broker] !== life) return;
    if (this.controller.registrations.inControlledShutdown[broker] === 1) this.controller.fence(broker);
    this.end(broker, false);
  }

  /** SIGKILL, or the process halts: nobody is told; the controller fences the broker when its session has run out. */
  kill(broker: number, why: string): void {
    const state = this.state.get(broker);
    if (state === brokerState.notRunning) return;
    this.life[broker] += 1;
    this.sim.tell('kafka.killed', this.name(broker), why);
    const registered = this.controller.registrations.fenced[broker] === 0;
    this.end(broker, true);
    if (!registered) return;
    const { heartbeatMicros, sessionTimeoutMicros } = this.settings.timing;
    const phase = this.heartbeatPhase(broker);
    const last = Math.floor((this.sim.now - phase) / heartbeatMicros) * heartbeatMicros + phase;
    this.sim.at(Math.max(this.sim.now + 1, last + sessionTimeoutMicros), this.expired, broker);
  }

  /** Whether or not a new process has started: it cannot register while the old session is valid. */
  private onSessionExpired(broker: number): void {
    if (this.controller.registrations.fenced[broker] === 1) return;
    this.controller.whenActive(() => {
      this.controller.fence(broker);
      this.controller.removeFromIsrs(broker);
      this.membership(broker);
    });
  }

  private end(broker: number, unclean: boolean): void {
    const { registrations } = this.controller;
    this.state.set(broker, brokerState.notRunning);
    this.unclean[broker] = unclean ? 1 : 0;
    this.logs.setRunning(broker, false);
    registrations.serving[broker] = 0;
    this.stopFetching(broker);
    this.controller.voterStopped(
      this.settings.brokers[broker].controller ? this.settings.brokers[broker].id : -1,
    );
    if (unclean) this.reviewHosted(broker);
    this.backSince[broker] = Number.NaN;
    if (this.wipeAtExit[broker] === 1) {
      this.wipeAtExit[broker] = 0;
      this.logs.wipe(broker);
    }
    this.sim.tell('kafka.stopped', this.name(broker), unclean ? 'unclean' : 'clean');
    this.onExited(broker);
    this.onHealth(broker);
  }

  /** Partitions with an ISR member that has died stall until the controller knows. */
  private reviewHosted(broker: number): void {
    const { tables } = this;
    for (let i = tables.replicasFrom[broker]; i < tables.replicasFrom[broker + 1]; i += 1) {
      this.writes.review(Math.floor(tables.replicasOf[i] / tables.stride));
    }
  }

  private stopFetching(broker: number): void {
    const { tables } = this;
    this.controller.registrations.fetching[broker] = 0;
    for (let i = tables.replicasFrom[broker]; i < tables.replicasFrom[broker + 1]; i += 1) {
      const r = tables.replicasOf[i];
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
    const life = this.life[broker];
    this.state.set(broker, brokerState.starting);
    const { timing } = this.settings;
    if (runningAt !== undefined) {
      const at = Math.max(this.sim.now + 1, runningAt - timing.fetchBeforeOnlineMicros);
      this.sim.at(at, this.fetch, broker, life);
      return;
    }
    const entity = `broker/${this.settings.brokers[broker].id}`;
    const jvm = timing.jvmStartMicros.sample(this.sim.stream(entity, 'jvmStart')());
    const replay = timing.metadataReplayMicros.sample(this.sim.stream(entity, 'metadataReplay')());
    this.sim.after(Math.max(1, Math.round(jvm + replay)), this.registered, broker, life);
  }

  /** Registered and caught up with the metadata: logs are loaded while the broker is fenced. */
  private onRegistered(broker: number, life: number): void {
    if (this.life[broker] !== life) return;
    if (this.controller.registrations.fenced[broker] === 0) {
      // The old incarnation's session is still valid: registration is refused and tried again.
      this.sim.after(this.settings.timing.heartbeatMicros / 2, this.registered, broker, life);
      return;
    }
    this.state.set(broker, brokerState.recovery);
    const { timing, segmentBytes, recoveryThreads } = this.settings;
    const segments = this.logs.segments(broker, segmentBytes);
    let micros = (segments * timing.segmentLoadMicros) / recoveryThreads;
    if (this.unclean[broker] === 1) {
      // One active segment of each replica is read again; half full in the mean.
      const replicas = this.tables.replicasFrom[broker + 1] - this.tables.replicasFrom[broker];
      micros += ((replicas * segmentBytes) / 2 / timing.recoveryScanRate / recoveryThreads) * 1e6;
    }
    this.sim.after(Math.max(1, Math.ceil(micros)), this.fetch, broker, life);
  }

  /** Metadata is published: fetchers start, still fenced, and the broker asks to be unfenced. */
  private onFetchersStarted(broker: number, life: number): void {
    if (this.life[broker] !== life) return;
    if (this.controller.registrations.fenced[broker] === 0) {
      this.sim.after(this.settings.timing.heartbeatMicros / 2, this.fetch, broker, life);
      return;
    }
    const { tables } = this;
    const { registrations } = this.controller;
    this.state.set(broker, brokerState.recovery);
    registrations.serving[broker] = 1;
    registrations.fetching[broker] = 1;
    this.logs.setRunning(broker, true);
    this.backSince[broker] = this.sim.now;
    this.controller.voterStarted(
      this.settings.brokers[broker].controller ? this.settings.brokers[broker].id : -1,
    );
    this.sim.tell('kafka.fetching', this.name(broker));
    this.reviewHosted(broker);
    const behind: number[] = [];
    for (let i = tables.replicasFrom[broker]; i < tables.replicasFrom[broker + 1]; i += 1) {
      const r = tables.replicasOf[i];
      if (tables.state[r] === replicaState.stopped && tables.inSync[r] === 0) behind.push(r);
    }
    this.replication.begin(broker, behind);
    this.controller.whenActive(() => {
      this.sim.after(this.controller.commitDelay('unfence'), this.unfenced, broker, life);
    });
  }

  private onUnfenced(broker: number, life: number): void {
    if (this.life[broker] !== life) return;
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

  /** The disks are replaced by empty ones: at once while the broker is down, else as soon as its process has ended. */
  wipe(broker: number): void {
    if (this.state.get(broker) === brokerState.notRunning) this.logs.wipe(broker);
    else this.wipeAtExit[broker] = 1;
  }
}
