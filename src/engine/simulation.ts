import seedrandom from 'seedrandom';
import { Gauge } from './gauge.ts';
import { Process, type ProcessBody, Signal } from './process.ts';

/** Model events come first at an instant, then controller timers, then observers. */
export const eventClass = { model: 0, timer: 1, observer: 2 } as const;
export type EventClass = (typeof eventClass)[keyof typeof eventClass];

export type Kind = number;
export type Handle = number;
/** What happens: `target` is a row, `a` and `b` a small payload. */
export type Handler = (target: number, a: number, b: number) => void;
/** A stream of numbers in (0, 1). */
export type Stream = () => number;

export interface SimulationOptions {
  readonly seed: string;
  readonly replication?: number;
  /** Names of the gauges to record; `all`, or none when absent. */
  readonly record?: 'all' | ReadonlySet<string>;
  /** Keep notable events (`sim.tell`). */
  readonly keepEvents?: boolean;
  readonly verify?: boolean;
}

export interface ToldEvent {
  readonly time: number;
  readonly kind: string;
  readonly subject: string;
  readonly detail: string;
}

export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
}

interface Entry {
  time: number;
  cls: EventClass;
  seq: number;
  kind: Kind;
  target: number;
  a: number;
  b: number;
  live: boolean;
}

export class Simulation {
  now = 0;
  readonly seed: string;
  readonly replication: number;
  readonly told: ToldEvent[] = [];
  readonly gauges = new Map<string, Gauge>();
  eventCount = 0;
  private readonly options: SimulationOptions;
  private readonly names: string[] = [];
  private readonly handlers: Handler[] = [];
  private readonly classes: EventClass[] = [];
  private readonly heap: Entry[] = [];
  private readonly entries: Entry[] = [];
  private readonly sequence = [0, 0, 0];
  private readonly streams = new Map<string, Stream>();
  private stopped: string | undefined;

  constructor(options: SimulationOptions) {
    this.options = options;
    this.seed = options.seed;
    this.replication = options.replication ?? 0;
  }

  on(name: string, handler: Handler, cls: EventClass = eventClass.model): Kind {
    this.names.push(name);
    this.handlers.push(handler);
    this.classes.push(cls);
    return this.names.length - 1;
  }

  at(time: number, kind: Kind, target = 0, a = 0, b = 0): Handle {
    const cls = this.classes[kind]!;
    const entry: Entry = { time, cls, seq: this.sequence[cls]!++, kind, target, a, b, live: true };
    this.entries.push(entry);
    this.heap.push(entry);
    this.heap.sort((x, y) => y.time - x.time || y.cls - x.cls || y.seq - x.seq);
    return this.entries.length - 1;
  }

  after(delay: number, kind: Kind, target = 0, a = 0, b = 0): Handle {
    return this.at(this.now + delay, kind, target, a, b);
  }

  cancel(handle: Handle): boolean {
    const entry = this.entries[handle];
    if (!entry?.live) return false;
    entry.live = false;
    this.heap.splice(this.heap.indexOf(entry), 1);
    return true;
  }

  reschedule(handle: Handle, time: number): boolean {
    const entry = this.entries[handle];
    if (!entry?.live) return false;
    entry.time = time;
    this.heap.sort((x, y) => y.time - x.time || y.cls - x.cls || y.seq - x.seq);
    return true;
  }

  stream(entity: string, purpose: string): Stream {
    const key = `${this.seed.length}:${this.seed}|${this.replication}|${entity.length}:${entity}|${purpose.length}:${purpose}`;
    let found = this.streams.get(key);
    if (found === undefined) {
      const draw = seedrandom.alea(key);
      found = () => {
        const u = draw();
        return u > 0 ? u : 2 ** -33;
      };
      this.streams.set(key, found);
    }
    return found;
  }

  gauge(name: string, rows: number, options: { linear?: boolean } = {}): Gauge {
    const recording = this.options.record === 'all' || this.options.record?.has(name) === true;
    const made = new Gauge(this, name, rows, options.linear === true, recording);
    this.gauges.set(name, made);
    return made;
  }

  signal(name: string): Signal {
    return new Signal(this, name);
  }

  spawn(name: string, body: ProcessBody): Process {
    return new Process(this, name, body);
  }

  tell(kind: string, subject: string, detail = ''): void {
    if (this.options.keepEvents === true) this.told.push({ time: this.now, kind, subject, detail });
  }

  stop(reason: string): void {
    this.stopped ??= reason;
  }

  run(until: number): void {
    while (this.stopped === undefined) {
      const next = this.heap[this.heap.length - 1];
      if (next === undefined || next.time > until) break;
      this.heap.pop();
      next.live = false;
      this.now = next.time;
      this.eventCount += 1;
      this.handlers[next.kind]!(next.target, next.a, next.b);
    }
    if (this.stopped === undefined) this.now = until;
  }
}
