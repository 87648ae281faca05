import { Fingerprint, hashText } from './fingerprint.ts';
import { Gauge } from './gauge.ts';
import { Process, type ProcessBody, Signal } from './process.ts';
import { EventQueue } from './queue.ts';
import { makeStream, type Stream, streamKey } from './random.ts';

export type { Stream } from './random.ts';

/** Model events come first at an instant, then controller timers, then observers. */
export const eventClass = { model: 0, timer: 1, observer: 2 } as const;
export type EventClass = (typeof eventClass)[keyof typeof eventClass];

export type Kind = number;
export type Handle = number;
/** What happens: `target` is a row; `a` a whole number of 32 bits, `b` any number. */
export type Handler = (target: number, a: number, b: number) => void;

/** Where a run must stop rather than go on for ever. */
export interface Bounds {
  readonly eventsAtOneInstant: number;
  readonly events: number;
  readonly pending: number;
}

const defaultBounds: Bounds = { eventsAtOneInstant: 5_000_000, events: 2_000_000_000, pending: 15_000_000 };

export interface SimulationOptions {
  /** There is no default: whoever plays a run names its seed. */
  readonly seed: string;
  readonly replication?: number;
  /** Names of the gauges to record; `all`, or none when absent. */
  readonly record?: 'all' | ReadonlySet<string>;
  /** Keep notable events (`sim.tell`). */
  readonly keepEvents?: boolean;
  /** Check every invariant after every instant. */
  readonly verify?: boolean;
  /** Run events of one instant and class in a drawn order, to find what depends on ties. */
  readonly shuffleTies?: boolean;
  /** Keep for each event which one scheduled it, and who last wrote a state that can be blamed. */
  readonly causes?: boolean;
  readonly bounds?: Partial<Bounds>;
}

/** Something that an operator would want to read: kept when asked, and no part of the model. */
export interface ToldEvent {
  readonly time: number;
  readonly kind: string;
  readonly subject: string;
  readonly detail: string;
  /** Number of the event in which it was told. */
  readonly event: number;
}

/** The model contradicts itself: every later number would be false. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
  time = 0;
  event = 0;
  seed = '';
}

/** A bound was reached: the run would not end, or not in this memory. */
export class BoundReached extends Error {
  override readonly name = 'BoundReached';
}

/** What is known of a pending event where causes are kept. */
interface Scheduled {
  readonly what: string;
  readonly time: number;
  readonly cause: number;
}

/** Sequence numbers of a class begin at class x this: an order is one exact number. */
const classStride = 2_251_799_813_685_248;

/** The one clock, the one queue, the one loop. */
export class Simulation {
  /** Microseconds from the scenario's start. Only the loop writes it. */
  now = 0;
  readonly seed: string;
  readonly replication: number;
  readonly told: ToldEvent[] = [];
  readonly gauges = new Map<string, Gauge>();
  /** Model and timer events that have run; observers are not counted. */
  eventCount = 0;
  private readonly options: SimulationOptions;
  private readonly bounds: Bounds;
  private readonly queue = new EventQueue();
  private readonly names: string[] = [];
  private readonly nameHashes: number[] = [];
  private readonly handlers: Handler[] = [];
  private readonly classes: EventClass[] = [];
  private readonly counts: number[] = [];
  private readonly sequence = [0, 0, 0];
  private readonly streams = new Map<string, Stream>();
  private readonly invariants: { readonly name: string; readonly check: () => void }[] = [];
  private readonly digests = new Map<string, (add: (value: number) => void) => void>();
  private readonly hooks: (() => boolean)[] = [];
  private readonly alsoRecorded = new Set<string>();
  private readonly print = new Fingerprint();
  private readonly processes: Process[] = [];
  private readonly resumeKind: Kind;
  private readonly tieDraw: Stream | undefined;
  private atThisInstant = 0;
  private stopReason: string | undefined;
  private observes = false;
  private causeOf: Float64Array | undefined;
  /** By event number, where causes are kept. */
  private readonly kindOf: number[] = [];
  private readonly causeBySlot = new Map<Handle, Scheduled>();
  /** By what they are: events that the one of number `takenBackIn` took back. */
  private readonly takenBack = new Map<string, Scheduled>();
  private takenBackIn = -1;

  constructor(options: SimulationOptions) {
    if (typeof options.seed !== 'string' || options.seed === '') throw new RangeError('a run needs a seed');
    this.options = options;
    this.bounds = { ...defaultBounds, ...options.bounds };
    this.seed = options.seed;
    this.replication = options.replication ?? 0;
    this.resumeKind = this.on('engine.process', (row, index) => this.processes[row]!.resume(index));
    this.tieDraw = options.shuffleTies === true ? this.stream('engine', 'ties') : undefined;
    if (options.causes === true) this.causeOf = new Float64Array(1024);
  }

  // Events.

  /** Names a kind of event and what it does. */
  on(name: string, handler: Handler, cls: EventClass = eventClass.model): Kind {
    if (this.names.length >= 65_535) throw new BoundReached(`more than 65,535 kinds of events, at ${name}`);
    this.names.push(name);
    this.nameHashes.push(hashText(name));
    this.handlers.push(handler);
    this.classes.push(cls);
    this.counts.push(0);
    return this.names.length - 1;
  }

  /** @param time whole microseconds, now or later and below 2^53 */
  at(time: number, kind: Kind, target = 0, a = 0, b = 0): Handle {
    if (!(time >= this.now && time <= Number.MAX_SAFE_INTEGER && Math.floor(time) === time)) {
      throw this.broken(`an event ${this.names[kind]} at ${time}: not a whole microsecond from now on`);
    }
    if (this.queue.size >= this.bounds.pending) {
      throw new BoundReached(
        `${this.bounds.pending} events are pending, the last of kind ${this.names[kind]}, t = ${this.now} us`,
      );
    }
    const handle = this.queue.push(time, this.order(this.classes[kind]!), kind, target, a, b);
    if (this.causeOf !== undefined) this.noteScheduled(handle, `${kind} ${target} ${a}`, time);
    return handle;
  }

  after(delay: number, kind: Kind, target = 0, a = 0, b = 0): Handle {
    return this.at(this.now + delay, kind, target, a, b);
  }

  /** False when the event has run, or was cancelled. */
  cancel(handle: Handle): boolean {
    if (this.causeOf !== undefined) this.noteTakenBack(handle);
    return this.queue.cancel(handle);
  }

  /** At another time an event counts as scheduled now; at the same time it keeps its place. */
  reschedule(handle: Handle, time: number): boolean {
    if (!(time >= this.now && time <= Number.MAX_SAFE_INTEGER && Math.floor(time) === time)) {
      throw this.broken(`an event moved to ${time}: not a whole microsecond from now on`);
    }
    const kind = this.queue.kindOf(handle);
    if (kind < 0) return false;
    const known = this.causeOf === undefined ? undefined : this.causeBySlot.get(handle);
    if (known !== undefined && Math.abs(known.time - time) > 1)
      this.causeBySlot.set(handle, { ...known, time, cause: this.writer });
    return this.queue.reschedule(handle, time, () => this.order(this.classes[kind]!));
  }

  isPending(handle: Handle): boolean {
    return this.queue.has(handle);
  }

  get pendingCount(): number {
    return this.queue.size;
  }

  private order(cls: EventClass): number {
    const sequence = this.sequence[cls]!;
    this.sequence[cls] = sequence + 1;
    if (this.tieDraw === undefined || cls === eventClass.observer) return cls * classStride + sequence;
    // A drawn order, with the sequence behind it so that no two are equal.
    return (
      cls * classStride + Math.floor(this.tieDraw() * 1_048_576) * 1_073_741_824 + (sequence % 1_073_741_824)
    );
  }

  /**
   * Runs before time moves on, once an instant has nothing more to run. A hook answers whether it changed something; all are
   * asked again until none did.
   */
  beforeAdvance(hook: () => boolean): void {
    this.hooks.push(hook);
  }

  // Processes.

  signal(name: string): Signal {
    return new Signal(name);
  }

  /** Starts a procedure; it runs from the next event of this instant on. */
  spawn(name: string, body: ProcessBody): Process {
    const row = this.processes.length;
    const spawned = new Process(this, name, body, (delay, index) =>
      this.after(delay, this.resumeKind, row, index),
    );
    this.processes.push(spawned);
    return spawned;
  }

  // Chance.

  /** The numbers of one chance of an entity; those of another replication where it is named. */
  stream(entity: string, purpose: string, replication = this.replication): Stream {
    const key = streamKey(this.seed, replication, entity, purpose);
    let found = this.streams.get(key);
    if (found === undefined) {
      found = makeStream(key);
      this.streams.set(key, found);
    }
    return found;
  }

  /** Whether chance has played a part so far. */
  get draws(): boolean {
    return this.streams.size > 0;
  }

  // What is watched.

  gauge(name: string, rows: number, options: { linear?: boolean } = {}): Gauge {
    if (this.gauges.has(name)) throw new RangeError(`gauge ${name} is made twice`);
    const made = new Gauge(this, name, rows, options.linear === true, this.records(name));
    this.gauges.set(name, made);
    return made;
  }

  /** Whether a gauge of this name is recorded, or will be. */
  records(name: string): boolean {
    return (
      this.options.record === 'all' || this.options.record?.has(name) === true || this.alsoRecorded.has(name)
    );
  }

  /** Gauges of these names are recorded whoever asked for what: a part reads their past. @throws RangeError when one is made already */
  record(names: Iterable<string>): void {
    for (const name of names) {
      if (this.gauges.has(name) && !this.records(name)) throw new RangeError(`gauge ${name} is made already`);
      this.alsoRecorded.add(name);
    }
  }

  tell(kind: string, subject: string, detail = ''): void {
    if (this.options.keepEvents === true) {
      this.told.push({ time: this.now, kind, subject, detail, event: this.eventCount });
    }
  }

  /** Where an event came from: the number of the event that scheduled it, or moved it last to another time; 0 for the start. */
  causeOfEvent(event: number): number {
    if (this.causeOf === undefined) throw new RangeError('causes were not asked for');
    return this.causeOf[event] ?? 0;
  }

  /** What an event was; `start` for 0. */
  kindOfEvent(event: number): string {
    if (this.causeOf === undefined) throw new RangeError('causes were not asked for');
    return event === 0 ? 'start' : this.names[this.kindOf[event]!]!;
  }

  /** Who acts now: the event that is running, or that ran last at this instant; 0 for an observer, whom nothing caused but the clock. */
  get writer(): number {
    return this.observes ? 0 : this.eventCount;
  }

  /** Whether causes are kept: who writes a state that can be blamed then notes `writer`. */
  get keepsCauses(): boolean {
    return this.causeOf !== undefined;
  }

  // Laws.

  /** A law of the model: throws BrokenInvariant, or returns. Checked at the end, and with `verify` after every instant. */
  invariant(name: string, check: () => void): void {
    this.invariants.push({ name, check });
  }

  /** A cheap law, checked always. */
  require(condition: boolean, says: string, details: Readonly<Record<string, number | string>> = {}): void {
    if (!condition) throw this.broken(says, details);
  }

  private broken(says: string, details: Readonly<Record<string, number | string>> = {}): BrokenInvariant {
    const shown = Object.entries(details).map(([key, value]) => `${key} ${value}`);
    const error = new BrokenInvariant(
      `${says}\n  ${[...shown, `t = ${(this.now / 1e6).toFixed(6)} s`, `event ${this.eventCount}`, `seed ${this.seed}`].join(', ')}`,
    );
    error.time = this.now;
    error.event = this.eventCount;
    error.seed = this.seed;
    return error;
  }

  checkInvariants(): void {
    for (const law of this.invariants) {
      try {
        law.check();
      } catch (error) {
        if (error instanceof BrokenInvariant && error.seed === '')
          throw this.broken(`${law.name}: ${error.message}`);
        throw error;
      }
    }
  }

  /** A part's final state, closed into the fingerprint in the order of names; one that adds nothing changes nothing. */
  stateDigest(name: string, write: (add: (value: number) => void) => void): void {
    this.digests.set(name, write);
  }

  /** Digest of every model event (time, kind's name, payload) and of the state they led to: 16 hexadecimal digits. */
  fingerprint(): string {
    const closed = this.print.copy();
    for (const name of [...this.digests.keys()].sort((x, y) => (x < y ? -1 : 1))) {
      let added = false;
      this.digests.get(name)!((value) => {
        if (!added) closed.addText(name);
        added = true;
        closed.add(value);
      });
    }
    return closed.digest();
  }

  /** Number of events by kind, most first. */
  eventsByKind(): readonly (readonly [string, number])[] {
    return this.names
      .map((name, kind) => [name, this.counts[kind]!] as const)
      .filter(([, count]) => count > 0)
      .sort((x, y) => y[1] - x[1] || (x[0] < y[0] ? -1 : 1));
  }

  // The loop.

  /** Ends the run after the event that is running. */
  stop(reason: string): void {
    this.stopReason ??= reason;
  }

  get stoppedBecause(): string | undefined {
    return this.stopReason;
  }

  /**
   * Plays everything up to and including `until`, or up to model event number `lastEvent`. Playing to t and then on gives the
   * same run as playing at once.
   */
  run(until: number, lastEvent = Number.POSITIVE_INFINITY): void {
    const { queue } = this;
    while (this.stopReason === undefined && this.eventCount < lastEvent) {
      if (queue.peekTime() > this.now) {
        if (this.settleInstant()) continue;
        // Read after the hooks: they may have scheduled something sooner.
        const time = queue.peekTime();
        if (time > until || time === Number.POSITIVE_INFINITY) break;
        this.now = time;
        this.atThisInstant = 0;
      }
      if (!queue.pop()) break;
      this.dispatch();
    }
    if (this.stopReason === undefined && this.eventCount < lastEvent && until > this.now) this.now = until;
    if (this.eventCount < lastEvent) this.checkInvariants();
  }

  /** Runs the hooks until nothing is left to do at this instant; true when one scheduled an event for this very instant. */
  private settleInstant(): boolean {
    for (let round = 0, again = true; again; round += 1) {
      again = false;
      for (const hook of this.hooks) if (hook()) again = true;
      if (round > 1000) throw new BoundReached(`the changes of t = ${this.now} us do not settle`);
    }
    if (this.queue.peekTime() === this.now && this.queue.size > 0) return true;
    if (this.options.verify === true) this.checkInvariants();
    return false;
  }

  private dispatch(): void {
    const { queue } = this;
    const { kind, target, a, b } = queue;
    this.atThisInstant += 1;
    if (this.atThisInstant > this.bounds.eventsAtOneInstant) {
      throw new BoundReached(
        `${this.bounds.eventsAtOneInstant} events at t = ${this.now} us without time moving on, the last of kind ${this.names[kind]}`,
      );
    }
    this.counts[kind]! += 1;
    this.observes = this.classes[kind] === eventClass.observer;
    if (!this.observes) {
      this.eventCount += 1;
      if (this.eventCount > this.bounds.events) {
        throw new BoundReached(
          `${this.bounds.events} events, the last of kind ${this.names[kind]}, t = ${this.now} us`,
        );
      }
      if (this.causeOf !== undefined) this.noteCause();
      this.print.add(this.now);
      this.print.add(this.nameHashes[kind]! + target * 4_294_967_296);
      if (a !== 0 || b !== 0) {
        this.print.add(a);
        this.print.add(b);
      }
    }
    this.handlers[kind]!(target, a, b);
    this.observes = false;
  }

  /** An event that one handler takes back and schedules again for the same time, up to rounding, was not moved by it: it keeps its cause. */
  private noteScheduled(handle: Handle, what: string, time: number): void {
    const before = this.takenBackIn === this.eventCount ? this.takenBack.get(what) : undefined;
    const same = before !== undefined && Math.abs(before.time - time) <= 1;
    this.causeBySlot.set(handle, { what, time, cause: same ? before.cause : this.writer });
  }

  private noteTakenBack(handle: Handle): void {
    const known = this.causeBySlot.get(handle);
    if (known === undefined) return;
    if (this.takenBackIn !== this.eventCount) this.takenBack.clear();
    this.takenBackIn = this.eventCount;
    this.takenBack.set(known.what, known);
    this.causeBySlot.delete(handle);
  }

  private noteCause(): void {
    const kept = this.causeOf!;
    if (this.eventCount >= kept.length) {
      this.causeOf = new Float64Array(kept.length * 2);
      this.causeOf.set(kept);
    }
    this.causeOf![this.eventCount] = this.causeBySlot.get(this.queue.handle)?.cause ?? 0;
    this.causeBySlot.delete(this.queue.handle);
    this.kindOf[this.eventCount] = this.queue.kind;
  }
}
