import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import type { Pod } from './cluster.ts';
import type { NodeMemory, NodeState } from './nodeMemory.ts';
import { systemCriticalPriority } from './oomKiller.ts';

export interface EvictionSettings {
  /** Between two looks at the node's memory. */
  readonly housekeepingMicros: number;
  /** Added to a threshold while it was met before. */
  readonly minReclaimBytes: number;
  readonly soft:
    | { readonly bytes: number; readonly graceMicros: number; readonly maxPodGraceMicros: number }
    | undefined;
  /** How long the condition stays after memory was last seen short. */
  readonly pressureTransitionMicros: number;
  /** Grace of a pod that is evicted at the hard threshold. */
  readonly hardGraceMicros: number;
  /** How long an eviction is waited for before the node is looked at again. */
  readonly cleanupMicros: number;
  /** Between two reports of the node's conditions to the API server. */
  readonly statusMicros: number;
}

/** A pod as the ranking sees it. */
export interface Candidate {
  readonly pod: Pod;
  readonly usageBytes: number;
}

/**
 * The order in which pods are evicted for memory: those above their request first, then by priority, then by how far they are above it. Source:
 * pkg/kubelet/eviction helpers.go rankMemoryPressure. Ties end in the order of creation.
 */
export function rankForEviction(candidates: readonly Candidate[]): readonly Candidate[] {
  const above = (c: Candidate) => c.usageBytes - c.pod.requests.memoryBytes;
  return [...candidates].sort(
    (x, y) =>
      Number(above(y) > 0) - Number(above(x) > 0) ||
      x.pod.template.placement.priority - y.pod.template.placement.priority ||
      above(y) - above(x) ||
      x.pod.row - y.pod.row,
  );
}

interface Watch {
  /** An instant of the sampling grid; NaN until the node was first short of memory. */
  anchor: number;
  sync: Handle;
  over: Handle;
  status: Handle;
  /** Since when the soft threshold is seen met; NaN: it is not. */
  softSince: number;
  isMet: boolean;
  lastSeen: number;
  hasPressure: boolean;
  victim: Pod | undefined;
  passAt: number;
}

const none = -1;

/**
 * The eviction manager of every node's kubelet. It looks each `housekeeping`, at a phase drawn for the node; looks that find enough memory are not
 * played. Source: pkg/kubelet/eviction/eviction_manager.go synchronize, waitForPodsCleanup.
 *
 * A threshold is met while memory.available is below it, on the node or on the group of all pods (allocatable enforcement); the lower of both is
 * read. One pod goes per look; the next look comes when it has ended, at the next whole second, or after `cleanup`.
 */
export class EvictionManager {
  private readonly sim: Simulation;
  private readonly settings: EvictionSettings;
  private readonly memory: NodeMemory;
  private readonly watches: (Watch | undefined)[] = [];
  private readonly states: NodeState[] = [];
  private readonly evict: (pod: Pod, graceMicros: number) => void;
  private readonly setPressure: (state: NodeState, hasPressure: boolean) => void;
  private readonly syncKind: Kind;
  private readonly overKind: Kind;
  private readonly statusKind: Kind;

  constructor(
    sim: Simulation,
    settings: EvictionSettings,
    memory: NodeMemory,
    act: {
      readonly evict: (pod: Pod, graceMicros: number) => void;
      /** As the API server learns it. */
      readonly setPressure: (state: NodeState, hasPressure: boolean) => void;
    },
  ) {
    this.sim = sim;
    this.settings = settings;
    this.memory = memory;
    this.evict = act.evict;
    this.setPressure = act.setPressure;
    this.syncKind = sim.on('kubernetes.evictionSync', (row) => this.onSync(row));
    this.overKind = sim.on('kubernetes.pressureOver', (row) => this.onOver(row));
    this.statusKind = sim.on('kubernetes.nodeStatus', (row) => this.onStatus(row));
  }

  /** Whether the kubelet itself holds the node under pressure: what it admits by. */
  hasPressure(row: number): boolean {
    return this.watches[row]?.hasPressure === true;
  }

  /** Every amount at which a look finds something else: the thresholds, each with what is to be reclaimed beyond it. */
  thresholds(hardBytes: number): readonly number[] {
    const { soft, minReclaimBytes } = this.settings;
    const all = soft === undefined ? [hardBytes] : [hardBytes, soft.bytes];
    return minReclaimBytes === 0 ? all : [...all, ...all.map((bytes) => bytes + minReclaimBytes)];
  }

  availableChanged(state: NodeState): void {
    const { row } = state.node;
    const watch = this.watches[row];
    if (watch === undefined && this.isEnough(state, 0)) return;
    const known = watch ?? this.watch(state);
    if (known.victim !== undefined || known.sync !== none) return;
    if (!this.isEnough(state, known.isMet ? this.settings.minReclaimBytes : 0))
      known.sync = this.sim.at(this.nextLook(known), this.syncKind, row);
    else if (known.isMet) this.unmet(known, row);
  }

  /** An evicted pod's containers have ended. */
  ended(pod: Pod): void {
    const row = pod.node?.row ?? none;
    const watch = this.watches[row];
    if (watch === undefined || watch.victim !== pod) return;
    const second = 1_000_000;
    const polls = Math.max(1, Math.ceil((this.sim.now - watch.passAt) / second));
    const at = Math.min(watch.passAt + polls * second, watch.passAt + this.settings.cleanupMicros);
    if (watch.sync === none || !this.sim.reschedule(watch.sync, Math.max(at, this.sim.now)))
      watch.sync = this.sim.at(Math.max(at, this.sim.now), this.syncKind, row);
  }

  private watch(state: NodeState): Watch {
    const { row, spec } = state.node;
    const phase = Math.floor(
      this.sim.stream(`node/${spec.name}`, 'housekeeping')() * this.settings.housekeepingMicros,
    );
    const made: Watch = {
      anchor: phase,
      sync: none,
      over: none,
      status: none,
      softSince: Number.NaN,
      isMet: false,
      lastSeen: Number.NaN,
      hasPressure: false,
      victim: undefined,
      passAt: Number.NaN,
    };
    this.watches[row] = made;
    this.states[row] = state;
    return made;
  }

  private nextLook(watch: Watch): number {
    const { housekeepingMicros } = this.settings;
    const passed = Math.floor((this.sim.now - watch.anchor) / housekeepingMicros);
    return watch.anchor + (passed + 1) * housekeepingMicros;
  }

  private isEnough(state: NodeState, added: number): boolean {
    const available = this.memory.availableOf(state);
    const { soft } = this.settings;
    return (
      available >= state.node.spec.evictionBytes + added &&
      (soft === undefined || available >= soft.bytes + added)
    );
  }

  private onSync(row: number): void {
    const watch = this.watches[row]!;
    const state = this.states[row]!;
    const { sim, settings } = this;
    watch.sync = none;
    watch.victim = undefined;
    watch.anchor = sim.now;
    if (!state.node.isUp) return;
    const added = watch.isMet ? settings.minReclaimBytes : 0;
    const available = this.memory.availableOf(state);
    const isHard = available < state.node.spec.evictionBytes + added;
    const isSoft = settings.soft !== undefined && available < settings.soft.bytes + added;
    if (!isSoft) watch.softSince = Number.NaN;
    else if (Number.isNaN(watch.softSince)) watch.softSince = sim.now;
    if (!isHard && !isSoft) {
      if (watch.isMet) this.unmet(watch, row);
      return;
    }
    watch.isMet = true;
    watch.lastSeen = sim.now;
    if (watch.over !== none) sim.cancel(watch.over);
    watch.over = none;
    this.press(watch, state, true);
    const isDue = isHard || (isSoft && sim.now - watch.softSince >= settings.soft!.graceMicros);
    const victim = isDue ? this.choose(state) : undefined;
    if (victim === undefined) {
      // A soft threshold is looked at until its grace period is over; without anything to evict the next change of the node decides.
      if (!isDue) watch.sync = sim.at(this.nextLook(watch), this.syncKind, row);
      return;
    }
    watch.victim = victim;
    watch.passAt = sim.now;
    watch.sync = sim.at(sim.now + settings.cleanupMicros, this.syncKind, row);
    const grace = isHard
      ? settings.hardGraceMicros
      : Math.min(victim.template.terminationGraceMicros, settings.soft!.maxPodGraceMicros);
    this.evict(victim, grace);
  }

  private choose(state: NodeState): Pod | undefined {
    const usage = new Map<Pod, number>();
    for (const run of state.runs) {
      const { pod } = run.container;
      usage.set(pod, (usage.get(pod) ?? 0) + this.memory.workingSetOf(run));
    }
    const candidates: Candidate[] = [];
    for (const [pod, usageBytes] of usage) {
      const isCritical = pod.template.placement.priority >= systemCriticalPriority;
      if (!isCritical && Number.isNaN(pod.deletedAt) && pod.reason !== 'Evicted')
        candidates.push({ pod, usageBytes });
    }
    return rankForEviction(candidates)[0]?.pod;
  }

  private unmet(watch: Watch, row: number): void {
    watch.isMet = false;
    watch.softSince = Number.NaN;
    // The last look that found too little: memory may have come back between two looks.
    const { housekeepingMicros, pressureTransitionMicros } = this.settings;
    const looks = Math.floor((this.sim.now - watch.anchor) / housekeepingMicros);
    const seen = Math.max(watch.lastSeen, watch.anchor + looks * housekeepingMicros);
    if (watch.over !== none) this.sim.cancel(watch.over);
    watch.over = this.sim.at(Math.max(this.sim.now, seen + pressureTransitionMicros), this.overKind, row);
  }

  private onOver(row: number): void {
    const watch = this.watches[row]!;
    watch.over = none;
    this.press(watch, this.states[row]!, false);
  }

  private press(watch: Watch, state: NodeState, hasPressure: boolean): void {
    if (watch.hasPressure === hasPressure) return;
    watch.hasPressure = hasPressure;
    const { statusMicros } = this.settings;
    const phase = Math.floor(this.sim.stream(`node/${state.node.spec.name}`, 'nodeStatus')() * statusMicros);
    if (watch.status !== none) this.sim.cancel(watch.status);
    watch.status = this.sim.at(this.sim.now + phase, this.statusKind, state.node.row);
  }

  private onStatus(row: number): void {
    const watch = this.watches[row]!;
    watch.status = none;
    this.setPressure(this.states[row]!, watch.hasPressure);
  }
}
