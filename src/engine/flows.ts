import type { Handle, Kind, Simulation } from './simulation.ts';

export type LinkId = number;
export type FlowId = number;

export interface FlowOptions {
  /** The links it passes; each at most once. */
  readonly path: readonly LinkId[];
  /** Its own limit, bytes per second; Infinity for none. */
  readonly cap: number;
  /** Bytes to move; absent: it flows until it is stopped. */
  readonly bytes?: number;
  /** Called once all bytes have moved. */
  readonly onDone?: () => void;
  /** Called when its share changed, with bytes per second. */
  readonly onRate?: (rate: number) => void;
}

interface Flow {
  readonly id: FlowId;
  readonly path: readonly LinkId[];
  cap: number;
  rate: number;
  /** Bytes moved, whole; the fraction is in `carry`. */
  moved: number;
  carry: number;
  since: number;
  readonly bytes: number;
  readonly onDone: (() => void) | undefined;
  readonly onRate: ((rate: number) => void) | undefined;
  done: Handle | undefined;
  /** Number of the solve that it takes part in. */
  mark: number;
  frozen: boolean;
}

interface Link {
  readonly name: string;
  capacity: number;
  /** Taken before the background. */
  reserved: number;
  background: number;
  readonly flows: Set<Flow>;
  used: number;
  mark: number;
  // While solving.
  left: number;
  active: number;
}

/** Background above the room by less than this share is rounding. */
const overfullTolerance = 1e-9;
/** A link that is full but for such a share is full: rounding of sums. */
const fullTolerance = 1e-6;

/**
 * Bytes as fluid: flows over links, sharing max-min fairly. A flow runs at its own cap, or at the largest rate on some link
 * that is full.
 *
 * Shares are computed once an instant, before time moves on. A change reaches other flows only through links that were
 * full before it or are full after it: a flow held by its own cap on links with room left is not touched.
 *
 * Source of the sharing rule: D. Bertsekas and R. Gallager, "Data Networks" (1992), section 6.5.2 (progressive filling).
 * Background traffic has precedence: it is taken from a link before flows share what is left. What others take of a link (`reserve`)
 * comes before both. Who asks for more background than a link has room for is told by `overfull`; to lower it is the asker's affair.
 */
export class FlowNetwork {
  private readonly sim: Simulation;
  private readonly links: Link[] = [];
  private readonly flows = new Map<FlowId, Flow>();
  private nextFlow = 0;
  private readonly dirtyFlows = new Set<Flow>();
  private readonly dirtyLinks = new Set<Link>();
  private readonly done: Kind;
  private mark = 0;
  /** Counts changes of background and solves: while it stands still, nothing that `used` answers has changed. */
  changes = 0;
  /** Links whose background is more than they have room for, and a count of changes of anybody's room. */
  readonly overfull = new Set<LinkId>();
  roomChanges = 0;

  constructor(sim: Simulation) {
    this.sim = sim;
    this.done = sim.on('engine.flowDone', (id) => this.onFlowDone(id));
    sim.beforeAdvance(() => this.flush());
  }

  link(name: string, capacityBytesPerSecond: number): LinkId {
    this.links.push({
      name,
      capacity: capacityBytesPerSecond,
      reserved: 0,
      background: 0,
      flows: new Set(),
      used: 0,
      mark: 0,
      left: 0,
      active: 0,
    });
    return this.links.length - 1;
  }

  setCapacity(link: LinkId, bytesPerSecond: number): void {
    const l = this.links[link]!;
    if (l.capacity === bytesPerSecond) return;
    l.capacity = bytesPerSecond;
    this.roomChanges += 1;
    this.dirtyLinks.add(l);
    this.weigh(link, l);
  }

  /** Others than who uses this network take so much of a link, bytes per second. */
  reserve(link: LinkId, bytesPerSecond: number): void {
    const l = this.links[link]!;
    if (l.reserved === bytesPerSecond) return;
    this.changes += 1;
    this.roomChanges += 1;
    l.reserved = bytesPerSecond;
    this.dirtyLinks.add(l);
    this.weigh(link, l);
  }

  /** What background and flows can have of a link, bytes per second. */
  room(link: LinkId): number {
    const l = this.links[link]!;
    return Math.max(0, l.capacity - l.reserved);
  }

  private weigh(link: LinkId, l: Link): void {
    if (l.background > Math.max(0, l.capacity - l.reserved) * (1 + overfullTolerance))
      this.overfull.add(link);
    else this.overfull.delete(link);
  }

  setBackground(link: LinkId, bytesPerSecond: number): void {
    const l = this.links[link]!;
    if (l.background === bytesPerSecond) return;
    this.changes += 1;
    l.background = bytesPerSecond;
    this.dirtyLinks.add(l);
    this.weigh(link, l);
  }

  capacity(link: LinkId): number {
    return this.links[link]!.capacity;
  }

  background(link: LinkId): number {
    return this.links[link]!.background;
  }

  /** Bytes per second on a link, background and what others take included; shares are those of the last solve. */
  used(link: LinkId): number {
    const l = this.links[link]!;
    return l.reserved + l.background + l.used;
  }

  start(options: FlowOptions): FlowId {
    const id = this.nextFlow;
    this.nextFlow += 1;
    const flow: Flow = {
      id,
      path: options.path,
      cap: options.cap,
      rate: 0,
      moved: 0,
      carry: 0,
      since: this.sim.now,
      bytes: options.bytes ?? Number.POSITIVE_INFINITY,
      onDone: options.onDone,
      onRate: options.onRate,
      done: undefined,
      mark: 0,
      frozen: false,
    };
    this.flows.set(id, flow);
    for (const l of flow.path) this.links[l]!.flows.add(flow);
    this.dirtyFlows.add(flow);
    return id;
  }

  setCap(id: FlowId, cap: number): void {
    const flow = this.flow(id);
    if (flow.cap === cap) return;
    flow.cap = cap;
    this.dirtyFlows.add(flow);
  }

  /** Ends a flow. @returns bytes that it moved */
  stop(id: FlowId): number {
    const flow = this.flow(id);
    this.settle(flow);
    if (flow.done !== undefined) this.sim.cancel(flow.done);
    for (const l of flow.path) {
      const link = this.links[l]!;
      link.flows.delete(flow);
      if (flow.rate > 0) this.dirtyLinks.add(link);
    }
    this.flows.delete(id);
    this.dirtyFlows.delete(flow);
    return flow.moved;
  }

  rate(id: FlowId): number {
    return this.flow(id).rate;
  }

  /**
   * The link that a flow is held by: full, with no flow on it that runs faster. Undefined where its own cap holds it. Of several the first on its
   * path; shares are those of the last solve.
   *
   * Source: the bottleneck link of D. Bertsekas and R. Gallager, "Data Networks" (1992), section 6.5.2.
   */
  bottleneck(id: FlowId): LinkId | undefined {
    const flow = this.flow(id);
    if (flow.rate >= flow.cap * (1 - fullTolerance)) return undefined;
    return flow.path.find((link) => {
      const l = this.links[link]!;
      if (this.used(link) < l.capacity * (1 - fullTolerance)) return false;
      for (const f of l.flows) if (f.rate * (1 - fullTolerance) > flow.rate) return false;
      return true;
    });
  }

  /** Bytes moved so far: whole. */
  moved(id: FlowId): number {
    const flow = this.flow(id);
    this.settle(flow);
    return flow.moved;
  }

  get flowCount(): number {
    return this.flows.size;
  }

  private flow(id: FlowId): Flow {
    const flow = this.flows.get(id);
    if (flow === undefined) throw new RangeError(`no flow ${id}`);
    return flow;
  }

  private settle(flow: Flow): void {
    const elapsed = this.sim.now - flow.since;
    flow.since = this.sim.now;
    if (elapsed === 0 || flow.rate === 0) return;
    const exact = (flow.rate * elapsed) / 1e6 + flow.carry;
    const whole = Math.min(Math.floor(exact), flow.bytes - flow.moved);
    flow.moved += whole;
    flow.carry = exact - whole;
  }

  private plan(flow: Flow): void {
    if (flow.done !== undefined) this.sim.cancel(flow.done);
    flow.done = undefined;
    const left = flow.bytes - flow.moved - flow.carry;
    if (flow.rate === 0 || left === Number.POSITIVE_INFINITY) return;
    const micros = Math.max(1, Math.ceil((left / flow.rate) * 1e6));
    if (this.sim.now + micros < Number.MAX_SAFE_INTEGER)
      flow.done = this.sim.after(micros, this.done, flow.id);
  }

  private onFlowDone(id: FlowId): void {
    const flow = this.flow(id);
    flow.done = undefined;
    this.settle(flow);
    if (flow.bytes - flow.moved > 1) {
      this.plan(flow);
      return;
    }
    flow.moved = flow.bytes;
    this.stop(id);
    flow.onDone?.();
  }

  /** Computes the shares that the instant's changes leave; true when there was something to compute. */
  private flush(): boolean {
    if (this.dirtyFlows.size === 0 && this.dirtyLinks.size === 0) return false;
    this.changes += 1;
    this.mark += 1;
    const { mark } = this;
    const chosen: Flow[] = [];
    const touched: Link[] = [];
    const full = (l: Link, used: number) => used + l.reserved + l.background >= l.capacity * (1 - 1e-12);
    const choose = (flow: Flow) => {
      if (flow.mark === mark) return;
      flow.mark = mark;
      chosen.push(flow);
    };
    for (const flow of this.dirtyFlows) choose(flow);
    for (const l of this.dirtyLinks) {
      const used = sum(l);
      // `l.used` still holds what flows took before one of them was stopped here.
      if (full(l, Math.max(used, l.used)) || l.reserved + l.background + used > l.capacity)
        for (const f of l.flows) choose(f);
      l.used = used;
      if (full(l, used)) for (const f of l.flows) choose(f);
      // A link whose room grew may have held flows that ask for more.
      for (const f of l.flows) if (f.rate < f.cap) choose(f);
    }
    this.dirtyFlows.clear();
    this.dirtyLinks.clear();
    const old = new Map<Flow, number>();
    for (let solved = 0; solved < chosen.length; ) {
      for (; solved < chosen.length; solved += 1) {
        const flow = chosen[solved]!;
        old.set(flow, flow.rate);
        for (const l of flow.path) {
          const link = this.links[l]!;
          if (link.mark === mark) continue;
          link.mark = mark;
          touched.push(link);
          // Whoever shares a link that was full is concerned whatever the shares will be: found without solving for each hop.
          if (full(link, link.used)) for (const f of link.flows) choose(f);
        }
      }
      this.solve(chosen, touched, mark);
      for (const l of touched) {
        if (!full(l, l.used)) continue;
        for (const f of l.flows) choose(f);
      }
    }
    for (const flow of chosen) {
      const was = old.get(flow)!;
      if (was === flow.rate) continue;
      const now = flow.rate;
      flow.rate = was;
      this.settle(flow);
      flow.rate = now;
      if (flow.bytes !== Number.POSITIVE_INFINITY) this.plan(flow);
      flow.onRate?.(now);
    }
    return true;
  }

  /** Progressive filling of the chosen flows in what the others leave. */
  private solve(chosen: readonly Flow[], touched: readonly Link[], mark: number): void {
    for (const l of touched) {
      let fixed = 0;
      let active = 0;
      for (const f of l.flows) {
        if (f.mark === mark) active += 1;
        else fixed += f.rate;
      }
      l.left = Math.max(0, l.capacity - l.reserved - l.background - fixed);
      l.active = active;
    }
    for (const f of chosen) f.frozen = false;
    let remaining = [...chosen].sort((x, y) => x.cap - y.cap || x.id - y.id);
    const freeze = (f: Flow, rate: number) => {
      f.frozen = true;
      f.rate = rate;
      for (const id of f.path) {
        const l = this.links[id]!;
        l.left = Math.max(0, l.left - rate);
        l.active -= 1;
      }
    };
    while (remaining.length > 0) {
      let level = Number.POSITIVE_INFINITY;
      let tightest: Link | undefined;
      for (const l of touched) {
        if (l.active === 0) continue;
        const share = l.left / l.active;
        if (share < level) {
          level = share;
          tightest = l;
        }
      }
      // Flows that ask for no more than the level of the tightest link are held by their own cap.
      let held = 0;
      while (held < remaining.length && remaining[held]!.cap <= level) held += 1;
      if (held > 0) for (let i = 0; i < held; i += 1) freeze(remaining[i]!, Math.max(0, remaining[i]!.cap));
      else if (tightest !== undefined) {
        for (const f of tightest.flows) if (f.mark === mark && !f.frozen) freeze(f, level);
      } else throw new RangeError('a flow without a cap passes no link');
      remaining = remaining.filter((f) => !f.frozen);
    }
    for (const l of touched) l.used = sum(l);
  }
}

function sum(link: Link): number {
  let used = 0;
  for (const f of link.flows) used += f.rate;
  return used;
}
