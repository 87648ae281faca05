import type { Gauge } from '../../engine/gauge.ts';
import { gone } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import type { Container, Node } from './cluster.ts';
import { grantCpu, throttledPerSecond } from './cpu.ts';
import { anonymousMemory, pieceOf } from './memory.ts';
import { badness, oomScoreAdjust } from './oomKiller.ts';

/** What runs in a container now. */
export interface Run {
  readonly container: Container;
  readonly state: NodeState;
  readonly startedAt: number;
  /** Anonymous memory of the entrypoint at `since`, bytes, and its growth per second; read by `anonymousOf`. */
  bytes: number;
  bytesPerSecond: number;
  since: number;
  /** When the growth changes by itself; Infinity: never. */
  until: number;
  /** Of a process that was started beside the entrypoint; 0 when there is none. */
  besideBytes: number;
  besidePerSecond: number;
  /** Whether a program says what the entrypoint holds. */
  isDriven: boolean;
  demandCores: number;
  /** What it gets of its demand. */
  cores: number;
  /** Whether its own memory changed since its series were written. */
  isChanged: boolean;
  /** Page cache, bytes at the last settlement and its change per second. */
  cacheBytes: number;
  cachePerSecond: number;
}

/** A process that another part runs on the node, such as a broker: it takes memory and page cache there, and the kernel may kill it. */
export interface Guest {
  /** Memory that cannot be reclaimed; 0 while it does not run. */
  bytes: number;
  /** Page cache that it would fill. */
  wantedCacheBytes: number;
  /** Page cache at the last settlement, and its change per second. */
  cacheBytes: number;
  cachePerSecond: number;
  readonly oomScoreAdjust: number;
  readonly kill: () => void;
}

/** A node's memory as its kernel and its kubelet see it. */
export interface NodeState {
  readonly node: Node;
  readonly runs: Set<Run>;
  readonly guests: Set<Guest>;
  boundary: Handle;
  isDirty: boolean;
  /** At the last settlement: memory that cannot be reclaimed, that of pods alone, and what the kubelet calls memory.available. */
  firmBytes: number;
  firmPerSecond: number;
  availableBytes: number;
  availablePerSecond: number;
  settledAt: number;
  /** Whether the kernel has found nothing to kill since the last change. */
  isHopeless: boolean;
}

/** Who ends a container: its own limit, or the whole node's memory. */
export type OomScope = 'container' | 'pods' | 'node';

/** What follows from memory. */
export interface MemoryListener {
  /** The kernel kills: the container's processes, or only the one beside its entrypoint. */
  killed(run: Run, scope: OomScope, onlyBeside: boolean): void;
  /** Amounts of memory.available whose crossing has to be known. */
  thresholds(state: NodeState): readonly number[];
  /** What the kubelet could find changed. */
  availableChanged(state: NodeState): void;
  /** What a container gets of its demand for CPU changed. */
  coresChanged(run: Run): void;
}

const never = -1;

/**
 * Memory and CPU of nodes: the sum of what runs on them.
 *
 * Every amount moves in straight lines, and one event per node stands for the next instant at which a line ends or meets another one: a container's
 * limit, the room that is left for page cache, the eviction threshold, the end of memory. Nothing is sampled here.
 *
 * Page cache is what containers ask for, within their limits and what the node has left; where that is less, it is shared in proportion. Source:
 * Linux cgroup v2 memory controller (memory.max, memory.current, reclaim); cAdvisor, container_memory_*. Simplified: reclaim takes no time and slows
 * nothing down, dirty pages are a share of the cache, and kernel memory of a container is part of its anonymous memory.
 */
export class NodeMemory {
  private readonly sim: Simulation;
  private readonly states: NodeState[] = [];
  private readonly dirty: NodeState[] = [];
  private readonly listener: MemoryListener;
  private readonly boundaryKind: Kind;
  private readonly singleProcessOomKill: boolean;
  // Containers, by row.
  private readonly rss: Gauge;
  private readonly cache: Gauge;
  private readonly usage: Gauge;
  private readonly workingSet: Gauge;
  private readonly limit: Gauge;
  private readonly cpuUsage: Gauge;
  private readonly throttled: Gauge;
  private readonly periods: Gauge;
  private readonly throttledPeriods: Gauge;
  // Nodes, by row.
  private readonly memTotal: Gauge;
  private readonly memAvailable: Gauge;
  private readonly memFree: Gauge;
  private readonly cached: Gauge;
  private readonly available: Gauge;

  constructor(sim: Simulation, listener: MemoryListener, singleProcessOomKill: boolean) {
    this.sim = sim;
    this.listener = listener;
    this.singleProcessOomKill = singleProcessOomKill;
    const linear = { linear: true };
    this.rss = sim.gauge('container_memory_rss', 0, linear);
    this.cache = sim.gauge('container_memory_cache', 0, linear);
    this.usage = sim.gauge('container_memory_usage_bytes', 0, linear);
    this.workingSet = sim.gauge('container_memory_working_set_bytes', 0, linear);
    this.limit = sim.gauge('container_spec_memory_limit_bytes', 0);
    this.cpuUsage = sim.gauge('container_cpu_usage_seconds_total', 0, linear);
    this.throttled = sim.gauge('container_cpu_cfs_throttled_seconds_total', 0, linear);
    this.periods = sim.gauge('container_cpu_cfs_periods_total', 0, linear);
    this.throttledPeriods = sim.gauge('container_cpu_cfs_throttled_periods_total', 0, linear);
    this.memTotal = sim.gauge('node_memory_MemTotal_bytes', 0);
    this.memAvailable = sim.gauge('node_memory_MemAvailable_bytes', 0, linear);
    this.memFree = sim.gauge('node_memory_MemFree_bytes', 0, linear);
    this.cached = sim.gauge('node_memory_Cached_bytes', 0, linear);
    this.available = sim.gauge('rehearse:node_memory_available_bytes', 0, linear);
    this.boundaryKind = sim.on('kubernetes.memoryBoundary', (row) => {
      const state = this.states[row]!;
      state.boundary = never;
      this.touch(state);
    });
    sim.beforeAdvance(() => this.settleDirty());
    sim.invariant('memory of a node is the sum of its parts', () => this.checkSums());
    sim.invariant('no container is above its limit', () => this.checkLimits());
  }

  // Nodes and runs.

  addNode(node: Node): NodeState {
    const state: NodeState = {
      node,
      runs: new Set(),
      guests: new Set(),
      boundary: never,
      isDirty: false,
      firmBytes: 0,
      firmPerSecond: 0,
      availableBytes: node.spec.capacity.memoryBytes,
      availablePerSecond: 0,
      settledAt: this.sim.now,
      isHopeless: false,
    };
    this.states[node.row] = state;
    for (const gauge of [this.memTotal, this.memAvailable, this.memFree, this.cached, this.available])
      gauge.grow(node.row + 1);
    this.touch(state);
    return state;
  }

  state(node: Node): NodeState {
    return this.states[node.row]!;
  }

  start(container: Container, node: Node): Run {
    const state = this.states[node.row]!;
    const { sim } = this;
    const piece = anonymousMemory(container.spec.memory, sim.now, sim.now);
    const run: Run = {
      container,
      state,
      startedAt: sim.now,
      bytes: piece.bytes,
      bytesPerSecond: piece.bytesPerSecond,
      since: sim.now,
      until: piece.until,
      besideBytes: 0,
      besidePerSecond: 0,
      isDriven: container.spec.memory.kind === 'driven',
      demandCores: container.spec.cpuCores,
      cores: 0,
      isChanged: true,
      cacheBytes: 0,
      cachePerSecond: 0,
    };
    const rows = container.row + 1;
    for (const gauge of this.containerGauges) gauge.grow(rows);
    state.runs.add(run);
    this.limit.set(
      container.row,
      container.spec.limits.memoryBytes === Number.POSITIVE_INFINITY ? 0 : container.spec.limits.memoryBytes,
    );
    for (const counter of [this.cpuUsage, this.throttled, this.periods, this.throttledPeriods])
      if (counter.get(container.row) === gone) counter.set(container.row, 0);
    this.touch(state);
    return run;
  }

  /** Its processes have ended; its counters begin again with the next container, as those of its control group do. */
  end(run: Run): void {
    if (!run.state.runs.delete(run)) return;
    for (const gauge of this.containerGauges) gauge.set(run.container.row, gone);
    this.touch(run.state);
  }

  private get containerGauges(): readonly Gauge[] {
    return [
      this.rss,
      this.cache,
      this.usage,
      this.workingSet,
      this.limit,
      this.cpuUsage,
      this.throttled,
      this.periods,
      this.throttledPeriods,
    ];
  }

  /** What a guest of a node holds from now on. */
  setGuest(state: NodeState, guest: Guest, bytes: number, wantedCacheBytes: number): void {
    state.guests.add(guest);
    guest.bytes = bytes;
    guest.wantedCacheBytes = wantedCacheBytes;
    this.touch(state);
  }

  /** What a driven entrypoint holds from now on. */
  setAnonymous(run: Run, bytes: number, bytesPerSecond: number): void {
    run.bytes = bytes;
    run.bytesPerSecond = bytesPerSecond;
    run.since = this.sim.now;
    run.isChanged = true;
    this.touch(run.state);
  }

  /** What a process beside the entrypoint holds from now on; 0 and 0 once it has ended. */
  setBeside(run: Run, bytes: number, bytesPerSecond: number): void {
    run.besideBytes = bytes;
    run.besidePerSecond = bytesPerSecond;
    this.rebase(run);
    run.isChanged = true;
    this.touch(run.state);
  }

  setCpuDemand(run: Run, cores: number): void {
    run.demandCores = cores;
    this.touch(run.state);
  }

  /** Something on this node changed: it is worked out anew before time moves on. */
  touch(state: NodeState): void {
    if (state.isDirty) return;
    state.isDirty = true;
    state.isHopeless = false;
    this.dirty.push(state);
  }

  /** Anonymous memory of a container now. */
  anonymousOf(run: Run): number {
    const seconds = (this.sim.now - run.since) / 1e6;
    return run.bytes + run.besideBytes + (run.bytesPerSecond + run.besidePerSecond) * seconds;
  }

  /** Working set of a container now: what it uses without the inactive part of its page cache. Source: cAdvisor, setMemoryStats. */
  workingSetOf(run: Run): number {
    const { pageCache } = run.container.spec.memory;
    const seconds = (this.sim.now - run.state.settledAt) / 1e6;
    const cache = run.cacheBytes + run.cachePerSecond * seconds;
    return this.anonymousOf(run) + firmCache(run) + pageCache.activeShare * (cache - firmCache(run));
  }

  /** What the kubelet would read as memory.available now. */
  availableOf(state: NodeState): number {
    return state.availableBytes + (state.availablePerSecond * (this.sim.now - state.settledAt)) / 1e6;
  }

  // Settlement.

  private settleDirty(): boolean {
    if (this.dirty.length === 0) return false;
    const states = this.dirty.splice(0).sort((x, y) => x.node.row - y.node.row);
    for (const state of states) {
      state.isDirty = false;
      this.settle(state);
    }
    return true;
  }

  private rebase(run: Run): void {
    const { now } = this.sim;
    const seconds = (now - run.since) / 1e6;
    if (run.isDriven) run.bytes += run.bytesPerSecond * seconds;
    else {
      const piece = anonymousMemory(run.container.spec.memory, run.startedAt, now);
      run.isChanged ||= piece.bytesPerSecond !== run.bytesPerSecond;
      run.bytes = piece.bytes;
      run.bytesPerSecond = piece.bytesPerSecond;
      run.until = piece.until;
    }
    run.besideBytes += run.besidePerSecond * seconds;
    run.since = now;
  }

  private settle(state: NodeState): void {
    const { now } = this.sim;
    const { node } = state;
    if (!node.isUp) {
      this.silence(state);
      return;
    }
    // Containers first: a container that meets its limit dies of it, whatever the node has left.
    for (const run of state.runs) {
      this.rebase(run);
      if (!isOver(run)) continue;
      const onlyBeside =
        this.singleProcessOomKill && run.besideBytes > 0 && run.besideBytes >= run.bytes && !isOver(run, 0);
      this.kill(run, 'container', onlyBeside);
      return;
    }
    const background = pieceOf(node.spec.background, now);
    const capacity = node.spec.capacity.memoryBytes;
    const podsLimit = capacity - node.spec.reserved.memoryBytes;
    let pods = 0;
    let podsPerSecond = 0;
    let demand = 0;
    let demandPerSecond = 0;
    for (const run of state.runs) {
      pods += run.bytes + run.besideBytes + firmCache(run);
      podsPerSecond += run.bytesPerSecond + run.besidePerSecond;
      demand += wantedCache(run);
      demandPerSecond += wantedPerSecond(run);
    }
    for (const guest of state.guests) {
      pods += guest.bytes;
      demand += guest.wantedCacheBytes;
    }
    const firm = node.spec.systemBytes + background.bytes + pods;
    const firmPerSecond = background.bytesPerSecond + podsPerSecond;
    if (isReached(firm, firmPerSecond, capacity) && this.killOn(state, 'node', capacity)) return;
    if (isReached(pods, podsPerSecond, podsLimit) && this.killOn(state, 'pods', podsLimit)) return;

    const nodeRoom = Math.max(0, capacity - firm);
    const podsRoom = Math.max(0, podsLimit - pods);
    const room = Math.min(nodeRoom, podsRoom);
    const roomPerSecond = podsRoom < nodeRoom ? -podsPerSecond : -firmPerSecond;
    const isSqueezed = demand > room;
    let next = Math.min(background.until, boundaryAt(now, capacity - firm, -firmPerSecond));
    next = Math.min(next, boundaryAt(now, podsLimit - pods, -podsPerSecond));
    let reclaimable = 0;
    let reclaimablePerSecond = 0;
    let active = 0;
    let activePerSecond = 0;
    for (const run of state.runs) {
      const wanted = wantedCache(run);
      // Under pressure each holds the same part of what it wants.
      const part = isSqueezed ? room / demand : 1;
      const bytes = part * wanted;
      const change = isSqueezed ? (wanted / demand) * (roomPerSecond - part * demandPerSecond) : 0;
      const perSecond = part * wantedPerSecond(run) + change;
      if (isSqueezed)
        next = Math.min(next, boundaryAt(now, wanted - bytes, wantedPerSecond(run) - perSecond));
      const shown = bytes + firmCache(run);
      run.isChanged ||=
        perSecond !== run.cachePerSecond || Math.abs(shown - this.cache.get(run.container.row)) > 1;
      run.cacheBytes = shown;
      run.cachePerSecond = perSecond;
      reclaimable += bytes;
      reclaimablePerSecond += perSecond;
      active += run.container.spec.memory.pageCache.activeShare * bytes;
      activePerSecond += run.container.spec.memory.pageCache.activeShare * perSecond;
      next = Math.min(next, run.until, nextOf(run, now));
      if (run.isChanged) this.show(run);
    }
    for (const guest of state.guests) {
      const wanted = guest.wantedCacheBytes;
      const part = isSqueezed ? room / demand : 1;
      guest.cacheBytes = part * wanted;
      guest.cachePerSecond = isSqueezed ? (wanted / demand) * (roomPerSecond - part * demandPerSecond) : 0;
      if (isSqueezed)
        next = Math.min(next, boundaryAt(now, wanted - guest.cacheBytes, -guest.cachePerSecond));
      reclaimable += guest.cacheBytes;
      reclaimablePerSecond += guest.cachePerSecond;
    }
    // Where page cache begins or ceases to be squeezed by the node.
    next = Math.min(
      next,
      boundaryAt(
        now,
        isSqueezed ? demand - room : room - demand,
        isSqueezed ? demandPerSecond - roomPerSecond : roomPerSecond - demandPerSecond,
      ),
    );
    state.firmBytes = firm;
    state.firmPerSecond = firmPerSecond;
    state.settledAt = now;
    this.showNode(state, reclaimable, reclaimablePerSecond);
    const nodeAvailable = capacity - firm - active;
    const podsAvailable = podsLimit - pods - active;
    const isPods = podsAvailable < nodeAvailable;
    state.availableBytes = isPods ? podsAvailable : nodeAvailable;
    state.availablePerSecond = -(isPods ? podsPerSecond : firmPerSecond) - activePerSecond;
    this.available.set(node.row, state.availableBytes, state.availablePerSecond);
    const other = (isPods ? firmPerSecond : podsPerSecond) - (isPods ? podsPerSecond : firmPerSecond);
    next = Math.min(next, boundaryAt(now, Math.abs(podsAvailable - nodeAvailable), -other));
    for (const bytes of this.listener.thresholds(state)) {
      const above = state.availableBytes - bytes;
      const closing = above >= 0 ? state.availablePerSecond : -state.availablePerSecond;
      next = Math.min(next, boundaryAt(now, Math.abs(above), closing));
    }
    this.grant(state);
    this.plan(state, next);
    this.listener.availableChanged(state);
  }

  private plan(state: NodeState, next: number): void {
    if (next === Number.POSITIVE_INFINITY || next > Number.MAX_SAFE_INTEGER) {
      if (state.boundary !== never) this.sim.cancel(state.boundary);
      state.boundary = never;
    } else if (state.boundary === never || !this.sim.reschedule(state.boundary, next))
      state.boundary = this.sim.at(next, this.boundaryKind, state.node.row);
  }

  private kill(run: Run, scope: OomScope, onlyBeside: boolean): void {
    this.touch(run.state);
    this.listener.killed(run, scope, onlyBeside);
  }

  /** The kernel kills the process with the highest badness; false when there is none that it may. */
  private killOn(state: NodeState, scope: 'pods' | 'node', totalBytes: number): boolean {
    if (state.isHopeless) return false;
    let victim: Run | undefined;
    let worst = Number.NEGATIVE_INFINITY;
    for (const run of state.runs) {
      const { container } = run;
      const adjust = oomScoreAdjust(
        container.pod.template,
        container.spec,
        state.node.spec.capacity.memoryBytes,
      );
      const score = badness(run.bytes + run.besideBytes, adjust, totalBytes);
      if (score > worst) {
        worst = score;
        victim = run;
      }
    }
    let guestVictim: Guest | undefined;
    for (const guest of state.guests) {
      const score = badness(guest.bytes, guest.oomScoreAdjust, totalBytes);
      if (guest.bytes === 0 || score <= worst) continue;
      worst = score;
      guestVictim = guest;
    }
    if (guestVictim !== undefined) {
      this.setGuest(state, guestVictim, 0, 0);
      guestVictim.kill();
      return true;
    }
    if (victim === undefined) {
      state.isHopeless = true;
      return false;
    }
    this.kill(victim, scope, false);
    return true;
  }

  private grant(state: NodeState): void {
    const runs = [...state.runs];
    const demands = runs.map((run) => ({
      demandCores: run.demandCores,
      limitCores: run.container.spec.limits.cpuMillis / 1000,
      requestMillis: run.container.spec.requests.cpuMillis,
    }));
    const granted = grantCpu(demands, state.node.spec.capacity.cpuMillis / 1000);
    for (let i = 0; i < runs.length; i += 1) {
      const run = runs[i]!;
      const cores = granted[i]!;
      const { row } = run.container;
      if (this.cpuUsage.slope(row) !== cores) this.cpuUsage.set(row, this.cpuUsage.get(row), cores);
      const throttled = throttledPerSecond(demands[i]!);
      if (this.throttled.slope(row) !== throttled) {
        this.throttled.set(row, this.throttled.get(row), throttled);
        this.throttledPeriods.set(row, this.throttledPeriods.get(row), throttled > 0 ? periodsPerSecond : 0);
      }
      const counted =
        demands[i]!.limitCores < Number.POSITIVE_INFINITY && run.demandCores > 0 ? periodsPerSecond : 0;
      if (this.periods.slope(row) !== counted) this.periods.set(row, this.periods.get(row), counted);
      if (run.cores === cores) continue;
      run.cores = cores;
      this.listener.coresChanged(run);
    }
  }

  private show(run: Run): void {
    run.isChanged = false;
    const { row } = run.container;
    const { activeShare } = run.container.spec.memory.pageCache;
    const anonymous = run.bytes + run.besideBytes;
    const perSecond = run.bytesPerSecond + run.besidePerSecond;
    const firm = firmCache(run);
    this.rss.set(row, anonymous, perSecond);
    this.cache.set(row, run.cacheBytes, run.cachePerSecond);
    this.usage.set(row, anonymous + run.cacheBytes, perSecond + run.cachePerSecond);
    this.workingSet.set(
      row,
      anonymous + firm + activeShare * (run.cacheBytes - firm),
      perSecond + activeShare * run.cachePerSecond,
    );
  }

  /** `MemAvailable` is what is free and what could be reclaimed. Source: Linux si_mem_available, without the watermarks. */
  private showNode(state: NodeState, reclaimable: number, reclaimablePerSecond: number): void {
    const { row, spec } = state.node;
    const capacity = spec.capacity.memoryBytes;
    let firmCaches = 0;
    for (const run of state.runs) firmCaches += firmCache(run);
    const free = capacity - state.firmBytes;
    this.memTotal.set(row, capacity);
    set(this.memAvailable, row, free, -state.firmPerSecond);
    set(this.memFree, row, free - reclaimable, -state.firmPerSecond - reclaimablePerSecond);
    set(this.cached, row, reclaimable + firmCaches, reclaimablePerSecond);
  }

  private silence(state: NodeState): void {
    const { row } = state.node;
    for (const gauge of [this.memTotal, this.memAvailable, this.memFree, this.cached, this.available])
      gauge.set(row, gone);
    if (state.boundary !== never) this.sim.cancel(state.boundary);
    state.boundary = never;
  }

  // Laws.

  private checkSums(): void {
    for (const state of this.states) {
      if (!state.node.isUp || state.isDirty) continue;
      const { spec, row } = state.node;
      let sum = spec.systemBytes + pieceOf(spec.background, this.sim.now).bytes;
      for (const run of state.runs) sum += this.usage.get(run.container.row);
      const seconds = (this.sim.now - state.settledAt) / 1e6;
      for (const guest of state.guests)
        sum += guest.bytes + guest.cacheBytes + guest.cachePerSecond * seconds;
      const used = spec.capacity.memoryBytes - this.memFree.get(row);
      // Page cache that is being squeezed is followed to a byte at each settlement.
      this.sim.require(
        Math.abs(sum - used) <= 1 + 2 * (state.runs.size + state.guests.size) + 1e-9 * sum,
        'memory of a node is not the sum of its parts',
        {
          node: spec.name,
          parts: sum,
          node_bytes: used,
        },
      );
    }
  }

  private checkLimits(): void {
    for (const state of this.states) {
      for (const run of state.runs) {
        const limit = run.container.spec.limits.memoryBytes;
        const used = this.usage.get(run.container.row);
        this.sim.require(
          state.isDirty || used <= limit + 1 + 1e-9 * limit,
          'a container is above its limit',
          {
            container: run.container.spec.name,
            used,
            limit,
          },
        );
      }
    }
  }
}

/** Enforcement periods of a limit per second. Source: Linux CFS bandwidth control; kubelet cpuCFSQuotaPeriod 100 ms. */
const periodsPerSecond = 10;

function set(gauge: Gauge, row: number, value: number, slope: number): void {
  // Sums in another order differ in their last digits; a line that goes on is not written again.
  if (gauge.slope(row) === slope && Math.abs(gauge.get(row) - value) < 1) return;
  gauge.set(row, value, slope);
}

/** Pages that cannot be given back, as far as they are there at all. */
function firmCache(run: Run): number {
  const { demandBytes, unreclaimableShare } = run.container.spec.memory.pageCache;
  return demandBytes * unreclaimableShare;
}

/** Reclaimable page cache that the container would hold on a node with room. */
function wantedCache(run: Run): number {
  const { pageCache } = run.container.spec.memory;
  const demand = pageCache.demandBytes * (1 - pageCache.unreclaimableShare);
  return Math.max(0, Math.min(demand, roomIn(run)));
}

function roomIn(run: Run): number {
  return run.container.spec.limits.memoryBytes - run.bytes - run.besideBytes - firmCache(run);
}

/** Change per second of that. */
function wantedPerSecond(run: Run): number {
  return isLimited(run) ? -(run.bytesPerSecond + run.besidePerSecond) : 0;
}

function isLimited(run: Run): boolean {
  const { pageCache } = run.container.spec.memory;
  const demand = pageCache.demandBytes * (1 - pageCache.unreclaimableShare);
  const room = roomIn(run);
  return demand > 0 && (room < demand || (room === demand && run.bytesPerSecond + run.besidePerSecond > 0));
}

/** Whether memory that cannot be reclaimed has met the limit; `beside`: as if the other process held so much. */
function isOver(run: Run, beside = run.besideBytes): boolean {
  const firm = run.bytes + beside + firmCache(run);
  const perSecond = run.bytesPerSecond + (beside === 0 ? 0 : run.besidePerSecond);
  return isReached(firm, perSecond, run.container.spec.limits.memoryBytes);
}

function isReached(bytes: number, perSecond: number, limit: number): boolean {
  return bytes > limit || (bytes === limit && perSecond > 0);
}

/** When a gap that changes at this rate has closed, at least a microsecond from now; Infinity: never. */
function boundaryAt(now: number, gap: number, perSecond: number): number {
  if (perSecond >= 0 || gap < 0) return Number.POSITIVE_INFINITY;
  return now + Math.max(1, Math.ceil((gap / -perSecond) * 1e6));
}

/** When the container meets its limit, or the room for its page cache begins or ends to be its limit's. */
function nextOf(run: Run, now: number): number {
  const perSecond = run.bytesPerSecond + run.besidePerSecond;
  const room = roomIn(run);
  if (room === Number.POSITIVE_INFINITY) return room;
  const { pageCache } = run.container.spec.memory;
  const demand = pageCache.demandBytes * (1 - pageCache.unreclaimableShare);
  const kill = boundaryAt(now, room, -perSecond);
  const cache = boundaryAt(now, Math.abs(room - demand), room > demand ? -perSecond : perSecond);
  return Math.min(kill, demand > 0 ? cache : Number.POSITIVE_INFINITY);
}
