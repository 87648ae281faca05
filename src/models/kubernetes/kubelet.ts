import type { Distribution } from '../../engine/distributions.ts';
import { constant } from '../../engine/distributions.ts';
import type { Gauge } from '../../engine/gauge.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import { afterRestart, type BackOffEntry, type BackOffSettings, waitAfter } from './backOff.ts';
import type { Cluster, Container, Node, Pod } from './cluster.ts';
import { EvictionManager, type EvictionSettings } from './eviction.ts';
import { NodeMemory, type OomScope, type Run } from './nodeMemory.ts';
import { systemCriticalPriority } from './oomKiller.ts';
import { failureAt, successAt } from './probes.ts';

export interface KubeletSettings {
  /** From the binding to the start of the first container, with an image that is there. */
  readonly podStartMicros: Distribution;
  /** Of an image that is not there. */
  readonly pullBytesPerSecond: number;
  /** From a container's end to its next start where nothing holds it back. */
  readonly restartMicros: Distribution;
  /** How much later than its back-off a container starts: the pod's next synchronisation. */
  readonly resyncMicros: Distribution;
  readonly backOff: BackOffSettings;
  /** The container runtime gives at least so much grace. */
  readonly minimumGraceMicros: number;
  /** Whether only the process that meets a limit dies, and not its whole container. */
  readonly singleProcessOomKill: boolean;
  readonly eviction: EvictionSettings;
}

/** What runs in containers that it was attached to, and drives their memory. */
export interface ContainerProgram {
  started(container: Container): void;
  /** Its processes have ended; `terminated` has told before where that was wanted. */
  ended(container: Container): void;
  /** SIGTERM: it may call `exit` within the grace period. */
  terminated?(container: Container, graceMicros: number): void;
  /** The process beside the entrypoint was killed alone. */
  besideKilled?(container: Container): void;
  /** How many cores it gets of what it asks for changed; `coresOf` tells. */
  coresChanged?(container: Container): void;
}

const pressureTaint = 'node.kubernetes.io/memory-pressure';

/** Signal that ends a process, as its exit code: 128 and the number of the signal. */
const sigkill = 137;
const sigterm = 143;

/** How far a pod's start has come. */
interface PodState {
  /** Number of init containers and sidecars that are done or started. */
  stage: number;
  isEnding: boolean;
  evictedWith: string;
}

/**
 * The kubelets of all nodes: they run the containers of bound pods, restart them, probe them, evict pods and report.
 *
 * Probes, samples of memory and synchronisations are not played; the instant at which one of them makes a difference is computed. Source: Kubernetes
 * pod life cycle; pkg/kubelet (kuberuntime_manager.go, prober, eviction). Simplified: containers of a pod start at the same instant, sidecars end with
 * the others, and what a kubelet knows reaches the API server at once, but for the pressure condition.
 */
export class Kubelet {
  readonly cluster: Cluster;
  readonly memory: NodeMemory;
  readonly eviction: EvictionManager;
  private readonly sim: Simulation;
  private readonly settings: KubeletSettings;
  private readonly runs: (Run | undefined)[] = [];
  private readonly backOffs: (BackOffEntry | undefined)[] = [];
  private readonly pods: PodState[] = [];
  /** Counts what was scheduled for a container, so that an older event finds that it is void. */
  private readonly epochs: number[] = [];
  private readonly probeEpochs: number[] = [];
  /** Since when a container's process is well or not, and whether it hangs. */
  private readonly wellAt: number[] = [];
  private readonly images = new Map<string, Set<number>>();
  private readonly programs: { matches: (c: Container) => boolean; program: ContainerProgram }[] = [];
  private readonly attached: (ContainerProgram | undefined)[] = [];
  private readonly isUp: boolean[] = [];
  private isAtStart = false;
  private readonly oomEvents: Gauge;
  private readonly oomKills: Gauge;
  private readonly evictions: Gauge;
  private readonly prepared: Kind;
  private readonly restart: Kind;
  private readonly exitKind: Kind;
  private readonly readyKind: Kind;
  private readonly unreadyKind: Kind;
  private readonly startedKind: Kind;
  private readonly unwellKind: Kind;
  private readonly wellKind: Kind;

  constructor(cluster: Cluster, settings: KubeletSettings) {
    const { sim } = cluster;
    this.cluster = cluster;
    this.sim = sim;
    this.settings = settings;
    this.oomEvents = sim.gauge('container_oom_events_total', 0);
    this.oomKills = sim.gauge('node_vmstat_oom_kill', 0);
    this.evictions = sim.gauge('kubelet_evictions', 0);
    this.memory = new NodeMemory(
      sim,
      {
        killed: (run, scope, onlyBeside) => this.oomKill(run, scope, onlyBeside),
        thresholds: ({ node }) => this.eviction.thresholds(node.spec.evictionBytes),
        availableChanged: (state) => this.eviction.availableChanged(state),
        coresChanged: (run) => this.attached[run.container.row]?.coresChanged?.(run.container),
      },
      settings.singleProcessOomKill,
    );
    this.eviction = new EvictionManager(sim, settings.eviction, this.memory, {
      evict: (pod, graceMicros) => this.evict(pod, graceMicros),
      setPressure: (state, hasPressure) => this.setPressure(state.node, hasPressure),
    });
    this.prepared = sim.on('kubernetes.podPrepared', (row) => this.onPrepared(cluster.pods[row]!));
    this.restart = sim.on('kubernetes.containerStart', (row, epoch) => {
      if (this.isCurrent(row, epoch)) this.start(cluster.containers[row]!);
    });
    this.exitKind = sim.on('kubernetes.containerExit', (row, epoch, code) => {
      if (this.isCurrent(row, epoch)) this.onExit(cluster.containers[row]!, code);
    });
    this.readyKind = sim.on('kubernetes.containerReady', (row, epoch) => {
      if (this.probeEpochs[row] === epoch) this.setReady(cluster.containers[row]!, true);
    });
    this.unreadyKind = sim.on('kubernetes.containerUnready', (row, epoch) => {
      if (this.probeEpochs[row] === epoch) this.setReady(cluster.containers[row]!, false);
    });
    this.startedKind = sim.on('kubernetes.sidecarStarted', (row, epoch) => {
      if (this.isCurrent(row, epoch)) this.goOn(cluster.containers[row]!.pod);
    });
    this.unwellKind = sim.on('kubernetes.livenessFailed', (row, epoch) => {
      if (this.probeEpochs[row] === epoch) this.onUnwell(cluster.containers[row]!);
    });
    this.wellKind = sim.on('kubernetes.processWell', (row, epoch) => {
      if (this.isCurrent(row, epoch)) this.setWell(cluster.containers[row]!, true);
    });
    cluster.listen({
      podBound: (pod) => this.onBound(pod),
      podDeleted: (pod, graceMicros) => this.onDeleted(pod, graceMicros),
      nodeAdded: (node) => this.onNodeAdded(node),
      nodeChanged: (node) => this.onNodeChanged(node),
    });
    for (const node of cluster.nodes) this.onNodeAdded(node);
  }

  /** Pods that run when the simulation begins: bound to their node, started and ready, without anything having to happen. */
  placeAtStart(pod: Pod, node: Node): void {
    this.isAtStart = true;
    this.cluster.bind(pod, node);
    this.isAtStart = false;
  }

  // Programs.

  /** Lets a program run in the containers that match: those that run already, and others at their first start. */
  attach(matches: (container: Container) => boolean, program: ContainerProgram): void {
    this.programs.push({ matches, program });
    for (const run of this.runs) {
      if (run === undefined || this.attached[run.container.row] !== undefined || !matches(run.container))
        continue;
      this.attached[run.container.row] = program;
      program.started(run.container);
    }
  }

  /** What the entrypoint of a `driven` container holds from now on, and its growth per second. */
  setAnonymous(container: Container, bytes: number, bytesPerSecond: number): void {
    this.memory.setAnonymous(this.running(container), bytes, bytesPerSecond);
  }

  /** What a process that was started beside the entrypoint holds; it ends with its container. */
  setBeside(container: Container, bytes: number, bytesPerSecond: number): void {
    this.memory.setBeside(this.running(container), bytes, bytesPerSecond);
  }

  /** Cores that the container would use without a limit. */
  setCpuDemand(container: Container, cores: number): void {
    this.memory.setCpuDemand(this.running(container), cores);
  }

  /** Cores that it gets of its demand; known once the instant has settled. */
  coresOf(container: Container): number {
    return this.runs[container.row]?.cores ?? 0;
  }

  /** Anonymous memory now, of all its processes; 0 when it does not run. */
  anonymousOf(container: Container): number {
    const run = this.runs[container.row];
    return run === undefined ? 0 : this.memory.anonymousOf(run);
  }

  /** The entrypoint ends by itself. */
  exit(container: Container, code: number): void {
    if (container.state === 'running') this.onExit(container, code);
  }

  /** The process hangs, or is well again: probes find out. */
  setWell(container: Container, isWell: boolean): void {
    if (container.state !== 'running') return;
    this.wellAt[container.row] = isWell ? this.sim.now : Number.POSITIVE_INFINITY;
    this.planProbes(container, this.sim.now, true);
  }

  /** The process hangs for so long. */
  hang(container: Container, micros: number): void {
    if (container.state !== 'running') return;
    this.setWell(container, false);
    this.sim.after(micros, this.wellKind, container.row, this.epochs[container.row]);
  }

  private running(container: Container): Run {
    const run = this.runs[container.row];
    if (run === undefined)
      throw new RangeError(`container ${container.spec.name} of ${container.pod.name} does not run`);
    return run;
  }

  // Nodes.

  private onNodeAdded(node: Node): void {
    this.isUp[node.row] = node.isUp;
    this.memory.addNode(node);
    for (const gauge of [this.oomKills, this.evictions]) {
      gauge.grow(node.row + 1);
      gauge.set(node.row, 0);
    }
  }

  private onNodeChanged(node: Node): void {
    if (this.isUp[node.row] === node.isUp) return;
    this.isUp[node.row] = node.isUp;
    const state = this.memory.state(node);
    // A node that is lost takes its processes with it, and nobody reports them; once back it starts what is bound to it again.
    for (const run of [...state.runs]) {
      this.stopRun(run.container);
      run.container.restarts += 1;
    }
    this.memory.touch(state);
    if (!node.isUp) return;
    for (const pod of [...node.pods]) {
      if (!Number.isNaN(pod.deletedAt)) {
        this.cluster.removePod(pod);
        continue;
      }
      for (const container of pod.containers) {
        if (container.state !== 'running') continue;
        container.state = 'waiting';
        container.reason = 'ContainerCreating';
        container.isReady = false;
      }
      this.updateReady(pod);
      this.prepare(pod);
    }
  }

  private setPressure(node: Node, hasPressure: boolean): void {
    if (node.hasMemoryPressure === hasPressure) return;
    node.hasMemoryPressure = hasPressure;
    node.taints = node.taints.filter((t) => t.key !== pressureTaint);
    if (hasPressure) node.taints = [...node.taints, { key: pressureTaint, value: '', effect: 'NoSchedule' }];
    this.sim.tell('kubernetes.memoryPressure', node.spec.name, hasPressure ? 'True' : 'False');
    this.cluster.touchNode(node);
  }

  // Pods.

  private onBound(pod: Pod): void {
    const node = pod.node!;
    this.pods[pod.row] = { stage: 0, isEnding: false, evictedWith: '' };
    const { placement } = pod.template;
    const bears = placement.tolerations.some(
      (t) => (t.key === undefined || t.key === pressureTaint) && (t.effect ?? 'NoSchedule') === 'NoSchedule',
    );
    // Source: pkg/kubelet/eviction Admit; lifecycle predicate for what the scheduler did not see.
    const refused =
      placement.priority < systemCriticalPriority &&
      (node.requestedMemoryBytes > node.allocatable.memoryBytes && pod.requests.memoryBytes > 0
        ? 'OutOfmemory'
        : this.eviction.hasPressure(node.row) && pod.qos === 'BestEffort' && !bears
          ? 'Evicted'
          : false);
    if (refused !== false) {
      this.fail(pod, refused);
      return;
    }
    if (this.isAtStart) this.runAtStart(pod);
    else if (node.isUp) this.prepare(pod);
  }

  private runAtStart(pod: Pod): void {
    const state = this.pods[pod.row]!;
    this.noteImage(pod);
    for (const container of pod.containers) {
      if (container.spec.kind !== 'main') state.stage += 1;
      if (container.spec.kind === 'init') {
        container.state = 'terminated';
        container.reason = 'Completed';
      } else this.start(container);
    }
    this.updateReady(pod);
    this.cluster.touch(pod);
  }

  private noteImage(pod: Pod): boolean {
    const row = pod.node!.row;
    const image = pod.template.image ?? '';
    const held = this.images.get(image);
    if (pod.template.image !== undefined && held?.has(row) === true) return true;
    if (held === undefined) this.images.set(image, new Set([row]));
    else held.add(row);
    return false;
  }

  /** Whether a node has a pod's image. */
  hasImage(pod: Pod, node: Node): boolean {
    return pod.template.image !== undefined && this.images.get(pod.template.image)?.has(node.row) === true;
  }

  private prepare(pod: Pod): void {
    this.pods[pod.row]!.stage = 0;
    let micros = this.draw(`pod/${pod.name}`, 'podStart', this.settings.podStartMicros);
    const { imageBytes } = pod.template;
    if (!this.noteImage(pod) && imageBytes > 0)
      micros += Math.ceil((imageBytes / this.settings.pullBytesPerSecond) * 1e6);
    this.sim.after(Math.max(1, micros), this.prepared, pod.row);
  }

  private onPrepared(pod: Pod): void {
    if (pod.exists && Number.isNaN(pod.deletedAt) && pod.phase !== 'Failed' && pod.node!.isUp) this.goOn(pod);
  }

  /** Starts the next init container or sidecar, and all others once those are done. Source: Kubernetes, Init Containers; Sidecar Containers. */
  private goOn(pod: Pod): void {
    const state = this.pods[pod.row]!;
    if (state.isEnding) return;
    const before = pod.containers.filter((c) => c.spec.kind !== 'main');
    if (state.stage < before.length) {
      const next = before[state.stage]!;
      state.stage += 1;
      if (next.state !== 'running') this.start(next);
      return;
    }
    for (const container of pod.containers)
      if (
        container.spec.kind === 'main' &&
        container.state === 'waiting' &&
        container.reason === 'ContainerCreating'
      )
        this.start(container);
  }

  private start(container: Container): void {
    const { row, spec, pod } = container;
    const { sim } = this;
    const node = pod.node!;
    if (container.state === 'running' || this.pods[pod.row]!.isEnding || !node.isUp) return;
    if (!Number.isNaN(container.finishedAt)) {
      this.backOffs[row] = afterRestart(
        this.backOffs[row],
        container.finishedAt,
        sim.now,
        this.settings.backOff,
      );
      container.restarts += 1;
    }
    container.state = 'running';
    container.reason = '';
    container.startedAt = sim.now;
    container.isReady = false;
    this.epochs[row] = (this.epochs[row] ?? 0) + 1;
    this.oomEvents.grow(row + 1);
    if (this.oomEvents.get(row) < 0) this.oomEvents.set(row, 0);
    if (this.attached[row] === undefined)
      this.attached[row] = this.programs.find((p) => p.matches(container))?.program;
    const entity = `container/${pod.namespace}/${pod.name}/${spec.name}`;
    this.runs[row] = this.memory.start(container, node);
    const startMicros =
      spec.startMicros === undefined || this.isAtStart ? 0 : this.draw(entity, 'start', spec.startMicros);
    this.wellAt[row] = sim.now + startMicros;
    if (spec.kind === 'init') {
      const micros = spec.runMicros === undefined ? startMicros : this.draw(entity, 'run', spec.runMicros);
      sim.after(micros, this.exitKind, row, this.epochs[row], spec.exitCode ?? 0);
    } else {
      if (spec.runMicros !== undefined)
        sim.after(
          this.draw(entity, 'run', spec.runMicros),
          this.exitKind,
          row,
          this.epochs[row],
          spec.exitCode ?? 0,
        );
      if (pod.phase === 'Pending' && spec.kind === 'main') {
        pod.phase = 'Running';
        pod.startedAt = sim.now;
      }
      if (this.isAtStart) container.isReady = true;
      else this.planProbes(container, sim.now, false);
      if (
        spec.kind === 'sidecar' &&
        !this.isAtStart &&
        this.pods[pod.row]!.stage <= this.indexBefore(container) + 1
      )
        sim.at(this.isStartedAt(container), this.startedKind, row, this.epochs[row]);
    }
    if (!this.isAtStart)
      sim.tell(
        'kubernetes.containerStarted',
        this.nameOf(container),
        container.restarts === 0 ? '' : `restart ${container.restarts}`,
      );
    this.attached[row]?.started(container);
    this.cluster.touch(pod);
  }

  private indexBefore(container: Container): number {
    return container.pod.containers.filter((c) => c.spec.kind !== 'main').indexOf(container);
  }

  /** When the startup probe finds the process well, or the process itself is, without one. */
  private isStartedAt(container: Container): number {
    const wellAt = this.wellAt[container.row]!;
    const { startup } = container.spec;
    return startup === undefined ? container.startedAt : successAt(startup, container.startedAt, wellAt);
  }

  /** What probes will find of a process that is well from `wellAt` on, seen from `at`. */
  private planProbes(container: Container, at: number, hangs: boolean): void {
    const { row, spec, startedAt } = container;
    const { sim } = this;
    const epoch = (this.probeEpochs[row] ?? 0) + 1;
    this.probeEpochs[row] = epoch;
    const wellAt = this.wellAt[row]!;
    const plan = (time: number, kind: Kind) => {
      if (time < Number.POSITIVE_INFINITY) sim.at(Math.max(sim.now, time), kind, row, epoch);
    };
    let from = startedAt;
    if (spec.startup !== undefined) {
      const fails = failureAt(spec.startup, startedAt, startedAt, hangs);
      from = successAt(spec.startup, startedAt, wellAt);
      if (from > fails && at <= fails) {
        plan(fails, this.unwellKind);
        return;
      }
    }
    if (spec.liveness !== undefined) {
      const probed = Math.max(from, hangs ? at : startedAt);
      const fails = failureAt(spec.liveness, from, probed, hangs);
      if (wellAt > fails - (hangs ? spec.liveness.timeoutMicros : 0)) plan(fails, this.unwellKind);
    }
    if (spec.readiness === undefined) {
      // Ready as soon as it has started; nothing looks whether it stays so.
      if (!container.isReady) plan(from, this.readyKind);
    } else if (wellAt === Number.POSITIVE_INFINITY) {
      if (container.isReady) plan(failureAt(spec.readiness, from, at, hangs), this.unreadyKind);
    } else if (!container.isReady)
      plan(successAt(spec.readiness, from, Math.max(wellAt, from)), this.readyKind);
  }

  private setReady(container: Container, isReady: boolean): void {
    if (container.state !== 'running' || container.isReady === isReady) return;
    container.isReady = isReady;
    this.updateReady(container.pod);
    this.cluster.touch(container.pod);
  }

  private updateReady(pod: Pod): void {
    const isReady =
      pod.phase === 'Running' &&
      Number.isNaN(pod.deletedAt) &&
      pod.containers.every((c) => c.spec.kind === 'init' || c.isReady);
    if (pod.isReady === isReady) return;
    pod.isReady = isReady;
    if (isReady) pod.readyAt = this.sim.now;
    if (!this.isAtStart) this.sim.tell(isReady ? 'kubernetes.podReady' : 'kubernetes.podNotReady', pod.name);
  }

  private onUnwell(container: Container): void {
    if (container.state !== 'running') return;
    this.sim.tell('kubernetes.livenessFailed', this.nameOf(container));
    // A process that hangs hears no SIGTERM.
    const hangs = this.wellAt[container.row] === Number.POSITIVE_INFINITY;
    this.stop(container, container.pod.template.terminationGraceMicros, hangs);
  }

  // Ends.

  /** SIGTERM, and SIGKILL once the grace period is over. */
  private stop(container: Container, graceMicros: number, isDeaf = false): void {
    if (container.state !== 'running') return;
    const { row, spec, pod } = container;
    this.epochs[row]! += 1;
    const entity = `container/${pod.namespace}/${pod.name}/${spec.name}`;
    const grace = Math.max(graceMicros, this.settings.minimumGraceMicros);
    const program = this.attached[row];
    const own =
      isDeaf || program?.terminated !== undefined
        ? Number.POSITIVE_INFINITY
        : this.draw(entity, 'stop', spec.stopMicros ?? constant(0));
    this.sim.after(
      Math.min(own, grace),
      this.exitKind,
      row,
      this.epochs[row],
      own <= grace ? sigterm : sigkill,
    );
    if (!isDeaf) program?.terminated?.(container, grace);
  }

  private onExit(container: Container, code: number): void {
    this.ended(container, code, code === 0 ? 'Completed' : 'Error');
  }

  private oomKill(run: Run, scope: OomScope, onlyBeside: boolean): void {
    const { container } = run;
    this.oomEvents.add(container.row, 1);
    this.oomKills.add(run.state.node.row, 1);
    const where = { container: 'its limit', pods: 'the limit of all pods', node: 'the memory of the node' }[
      scope
    ];
    if (scope !== 'container')
      this.sim.tell('kubernetes.systemOom', run.state.node.spec.name, this.nameOf(container));
    if (onlyBeside) {
      this.sim.tell('kubernetes.processKilled', this.nameOf(container), where);
      this.memory.setBeside(run, 0, 0);
      this.attached[container.row]?.besideKilled?.(container);
      return;
    }
    this.sim.tell('kubernetes.oomKilled', this.nameOf(container), `${where}, exit code ${sigkill}`);
    this.ended(container, sigkill, 'OOMKilled');
  }

  private stopRun(container: Container): void {
    const run = this.runs[container.row];
    if (run === undefined) return;
    this.runs[container.row] = undefined;
    this.epochs[container.row]! += 1;
    this.probeEpochs[container.row] = (this.probeEpochs[container.row] ?? 0) + 1;
    this.memory.end(run);
    this.attached[container.row]?.ended(container);
  }

  private ended(container: Container, code: number, reason: string): void {
    if (container.state !== 'running') return;
    const { pod } = container;
    container.state = 'terminated';
    container.reason = reason;
    container.lastReason = reason;
    container.exitCode = code;
    container.lastExitCode = code;
    container.finishedAt = this.sim.now;
    container.isReady = false;
    this.stopRun(container);
    this.updateReady(pod);
    const state = this.pods[pod.row]!;
    if (state.isEnding) this.finishEnding(pod);
    else if (container.spec.kind === 'init' && code === 0) this.goOn(pod);
    else if (this.restarts(container, code)) this.restartLater(container);
    else this.finish(pod);
    this.cluster.touch(pod);
  }

  private restarts(container: Container, code: number): boolean {
    const { restartPolicy } = container.pod.template;
    // A sidecar is an init container that always restarts. An init container that failed is tried again unless the pod never restarts.
    if (container.spec.kind === 'sidecar' || restartPolicy === 'Always') return true;
    return restartPolicy === 'OnFailure' && code !== 0;
  }

  private restartLater(container: Container): void {
    const { row, pod, spec, finishedAt } = container;
    const { settings, sim } = this;
    const entity = `container/${pod.namespace}/${pod.name}/${spec.name}`;
    const wait = waitAfter(this.backOffs[row], finishedAt, settings.backOff);
    const late =
      wait === 0
        ? this.draw(entity, 'restart', settings.restartMicros)
        : this.draw(entity, 'resync', settings.resyncMicros);
    container.state = 'waiting';
    container.reason = wait === 0 ? 'ContainerCreating' : 'CrashLoopBackOff';
    if (wait > 0) sim.tell('kubernetes.backOff', this.nameOf(container), `${wait / 1e6} s`);
    sim.after(Math.max(1, wait + late), this.restart, row, this.epochs[row]);
  }

  /** A container will not restart: the pod has ended once no main container runs or will run. Source: pkg/kubelet getPhase. */
  private finish(pod: Pod): void {
    const failedInit = pod.containers.find(
      (c) => c.spec.kind === 'init' && c.state === 'terminated' && c.exitCode !== 0,
    );
    const main = pod.containers.filter((c) => c.spec.kind === 'main');
    if (failedInit === undefined && main.some((c) => c.state !== 'terminated')) return;
    for (const container of pod.containers) if (container.state === 'running') this.stop(container, 0);
    this.pods[pod.row]!.isEnding = true;
    const isGood = failedInit === undefined && main.every((c) => c.exitCode === 0);
    pod.phase = isGood ? 'Succeeded' : 'Failed';
    this.updateReady(pod);
    this.cluster.release(pod);
  }

  private onDeleted(pod: Pod, graceMicros: number): void {
    const state = this.pods[pod.row];
    if (state === undefined || pod.phase === 'Failed' || pod.phase === 'Succeeded') {
      this.cluster.removePod(pod);
      return;
    }
    // A node that is lost cannot say that its pod has ended.
    if (!pod.node!.isUp) return;
    state.isEnding = true;
    this.sim.tell('kubernetes.podDeleted', pod.name);
    this.updateReady(pod);
    this.stopAll(pod, graceMicros);
  }

  private stopAll(pod: Pod, graceMicros: number): void {
    for (const container of pod.containers) {
      if (container.state === 'running') this.stop(container, graceMicros);
      else {
        this.epochs[container.row] = (this.epochs[container.row] ?? 0) + 1;
        if (container.state === 'waiting') container.state = 'terminated';
      }
    }
    this.finishEnding(pod);
  }

  private evict(pod: Pod, graceMicros: number): void {
    const state = this.pods[pod.row]!;
    state.isEnding = true;
    state.evictedWith = 'Evicted';
    pod.reason = 'Evicted';
    const node = pod.node!;
    this.evictions.add(node.row, 1);
    this.sim.tell('kubernetes.evicted', pod.name, node.spec.name);
    this.stopAll(pod, graceMicros);
  }

  private finishEnding(pod: Pod): void {
    if (pod.containers.some((c) => c.state === 'running')) return;
    const { evictedWith } = this.pods[pod.row]!;
    if (evictedWith !== '') {
      this.eviction.ended(pod);
      this.fail(pod, evictedWith);
    }
    if (!Number.isNaN(pod.deletedAt)) this.cluster.removePod(pod);
  }

  private fail(pod: Pod, reason: string): void {
    pod.phase = 'Failed';
    pod.reason = reason;
    this.pods[pod.row]!.isEnding = true;
    this.updateReady(pod);
    this.cluster.release(pod);
    this.cluster.touch(pod);
  }

  private isCurrent(row: number, epoch: number): boolean {
    return this.epochs[row] === epoch;
  }

  private draw(entity: string, purpose: string, from: Distribution): number {
    const value = from.draws ? from.sample(this.sim.stream(entity, purpose)()) : from.mean;
    return Math.max(0, Math.round(value));
  }

  private nameOf(container: Container): string {
    const { pod, spec } = container;
    return pod.containers.length === 1 ? pod.name : `${pod.name}/${spec.name}`;
  }
}
