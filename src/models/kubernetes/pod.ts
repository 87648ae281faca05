import type { Distribution } from '../../engine/distributions.ts';
import type { Gauge } from '../../engine/gauge.ts';
import type { Signal } from '../../engine/process.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';

/** What runs in a pod's container, as the pod sees it. */
export interface Workload {
  /** The container has started; `runningAt` where a recording says when it is back. */
  start(pod: number, runningAt: number | undefined): void;
  /** SIGTERM; the workload calls `exited`. `exitAt` where a recording says when. */
  terminate(pod: number, exitAt: number | undefined): void;
  /** SIGKILL. */
  kill(pod: number): void;
  /** The pod's node is lost with it. */
  lose(pod: number): void;
  /** What the readiness probe would find now. */
  healthy(pod: number): boolean;
  /** The volume was replaced by an empty one. */
  wipe(pod: number): void;
}

/** What a recording says of one restart, microseconds after the deletion. */
export interface Replay {
  readonly drainMicros?: number;
  readonly downMicros?: number;
}

export interface ProbeSettings {
  readonly initialDelayMicros: number;
  readonly periodMicros: number;
}

export interface PodTiming {
  /** `terminationGracePeriodSeconds`, microseconds. */
  readonly gracePeriodMicros: number;
  /** From the end of the old pod to the start of the new container: watch, schedule, attach, pull. */
  readonly recreateMicros: Distribution;
  readonly readiness: ProbeSettings;
}

/**
 * Pods of a pod set: deleted, ended, made again under the same name on the same node, started, ready.
 *
 * Probes are not played: the moment of readiness is the first probe at or after the workload became healthy.
 * A pod whose node is away, or that is held, is not started until the last such fault is over.
 *
 * Source: Kubernetes pod life cycle (termination: SIGTERM, grace period, SIGKILL; readinessProbe initialDelaySeconds and
 * periodSeconds). Simplified: a pod stays on its node, and one failed probe is not enough to lose readiness; leaving
 * the state RUNNING takes readiness at once, as the deletion of a pod does.
 */
export class Pods {
  readonly ready: Gauge;
  readonly restarts: Gauge;
  readonly killed: Gauge;
  /** Raised when a pod became ready, or was made again. */
  readonly changed: Signal;
  readonly names: readonly string[];
  onReady: (pod: number) => void = () => {};
  private readonly sim: Simulation;
  private readonly timing: PodTiming;
  private workload: Workload | undefined;
  /** Counts a pod's incarnations. */
  private readonly uid: Int32Array;
  private readonly startedAt: Float64Array;
  private readonly deletedAt: Float64Array;
  private readonly downMicros: Float64Array;
  private readonly terminating: Uint8Array;
  /** Faults that keep a pod from starting. */
  private readonly holds: Int32Array;
  /** 1 while a start is due once nothing holds the pod. */
  private readonly due: Uint8Array;
  private readonly grace: Kind;
  private readonly container: Kind;
  private readonly probed: Kind;

  constructor(sim: Simulation, names: readonly string[], timing: PodTiming) {
    this.sim = sim;
    this.names = names;
    this.timing = timing;
    const n = names.length;
    this.ready = sim.gauge('kube_pod_status_ready', n);
    this.restarts = sim.gauge('rehearse:pod_recreations_total', n);
    this.killed = sim.gauge('rehearse:containers_killed_total', n);
    this.changed = sim.signal('kubernetes.changed');
    this.uid = new Int32Array(n).fill(1);
    this.startedAt = new Float64Array(n);
    this.deletedAt = new Float64Array(n);
    this.downMicros = new Float64Array(n).fill(Number.NaN);
    this.terminating = new Uint8Array(n);
    this.holds = new Int32Array(n);
    this.due = new Uint8Array(n);
    for (let p = 0; p < n; p += 1) this.ready.set(p, 1);
    this.grace = sim.on('kubernetes.gracePeriodOver', (pod, uid) => this.onGraceOver(pod, uid));
    this.container = sim.on('kubernetes.containerStarted', (pod, uid) => this.onContainerStarted(pod, uid));
    this.probed = sim.on('kubernetes.readinessProbe', (pod, uid) => this.onProbe(pod, uid));
  }

  /** The process of a pod begins or has ended. */
  onProcess: (pod: number, runs: boolean) => void = () => {};

  connect(workload: Workload): void {
    this.workload = workload;
  }

  uidOf(pod: number): number {
    return this.uid[pod];
  }

  isReady(pod: number): boolean {
    return this.ready.get(pod) === 1;
  }

  /** Deletes a pod; its pod set makes it again. Nothing happens while it is already being deleted. */
  deletePod(pod: number, replay: Replay = {}): void {
    if (this.terminating[pod] === 1) return;
    this.terminating[pod] = 1;
    this.deletedAt[pod] = this.sim.now;
    this.downMicros[pod] = replay.downMicros ?? Number.NaN;
    this.ready.set(pod, 0);
    this.sim.tell('kubernetes.podDeleted', this.names[pod]);
    this.sim.after(this.timing.gracePeriodMicros, this.grace, pod, this.uid[pod]);
    this.workload!.terminate(
      pod,
      replay.drainMicros === undefined ? undefined : this.sim.now + replay.drainMicros,
    );
    this.changed.raise();
  }

  /** The workload's process has ended: after a deletion the pod is made again, after a crash its container restarts. */
  exited(pod: number): void {
    this.ready.set(pod, 0);
    this.uid[pod] += this.terminating[pod];
    this.restarts.add(pod, 1);
    this.terminating[pod] = 0;
    this.onProcess(pod, false);
    this.startLater(pod);
    this.changed.raise();
  }

  /** The kernel of its node kills the process for want of memory; its container starts again. */
  killForMemory(pod: number): void {
    this.killed.add(pod, 1);
    this.downMicros[pod] = Number.NaN;
    this.sim.tell('kubernetes.containerKilled', this.names[pod], 'its node is out of memory');
    this.workload!.kill(pod);
  }

  /** The process is killed, and its container is not started before `release`. */
  crash(pod: number): void {
    this.hold(pod);
    this.workload!.kill(pod);
  }

  /** The pod's node is lost at once; the pod, bound to it by its volume, waits for the node until `release`. */
  loseNode(pod: number): void {
    this.hold(pod);
    this.onProcess(pod, false);
    this.workload!.lose(pod);
  }

  private hold(pod: number): void {
    this.holds[pod] += 1;
    // What a recording tells of a restart holds no longer.
    this.downMicros[pod] = Number.NaN;
  }

  /** What kept a pod from starting is over. */
  release(pod: number): void {
    this.holds[pod] -= 1;
    if (this.holds[pod] > 0 || this.due[pod] === 0) return;
    this.due[pod] = 0;
    this.startLater(pod);
  }

  private startLater(pod: number): void {
    const draw = this.sim.stream(`pod/${this.names[pod]}`, 'recreate')();
    const recreate = Math.max(1, Math.round(this.timing.recreateMicros.sample(draw)));
    const due = this.deletedAt[pod] + this.downMicros[pod];
    // A recording's down time leaves no more for the start than it leaves.
    const at = Number.isNaN(due)
      ? this.sim.now + recreate
      : Math.max(this.sim.now + 1, Math.min(this.sim.now + recreate, due - 1));
    this.sim.at(at, this.container, pod, this.uid[pod]);
  }

  /** The workload's health changed. */
  healthChanged(pod: number): void {
    if (!this.workload!.healthy(pod)) {
      if (this.ready.get(pod) === 1) {
        this.ready.set(pod, 0);
        this.changed.raise();
      }
      return;
    }
    if (this.terminating[pod] === 1 || this.ready.get(pod) === 1) return;
    const replayed = this.deletedAt[pod] + this.downMicros[pod];
    const { initialDelayMicros, periodMicros } = this.timing.readiness;
    const first = this.startedAt[pod] + initialDelayMicros;
    const probe = first + Math.max(0, Math.ceil((this.sim.now - first) / periodMicros)) * periodMicros;
    const at = Number.isNaN(replayed) ? probe : Math.max(this.sim.now, replayed);
    this.sim.at(Math.max(this.sim.now, at), this.probed, pod, this.uid[pod]);
  }

  /** The pod's local volume is gone: when it comes back it is empty. */
  replaceVolume(pod: number): void {
    this.workload!.wipe(pod);
  }

  private onGraceOver(pod: number, uid: number): void {
    if (this.uid[pod] !== uid || this.terminating[pod] === 0) return;
    this.killed.add(pod, 1);
    this.sim.tell('kubernetes.containerKilled', this.names[pod], 'the grace period is over');
    this.workload!.kill(pod);
  }

  private onContainerStarted(pod: number, uid: number): void {
    if (this.uid[pod] !== uid) return;
    if (this.holds[pod] > 0) {
      this.due[pod] = 1;
      return;
    }
    this.startedAt[pod] = this.sim.now;
    const due = this.deletedAt[pod] + this.downMicros[pod];
    this.onProcess(pod, true);
    this.workload!.start(pod, Number.isNaN(due) ? undefined : due);
    this.changed.raise();
  }

  private onProbe(pod: number, uid: number): void {
    if (this.uid[pod] !== uid || this.terminating[pod] === 1 || !this.workload!.healthy(pod)) return;
    this.ready.set(pod, 1);
    this.downMicros[pod] = Number.NaN;
    this.sim.tell('kubernetes.podReady', this.names[pod]);
    this.onReady(pod);
    this.changed.raise();
  }
}
