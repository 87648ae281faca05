import type { Handle, Simulation } from './simulation.ts';

/** What a process waits for. */
export type Wait =
  | { readonly kind: 'sleep'; readonly micros: number }
  | { readonly kind: 'until'; readonly signal: Signal; readonly condition: () => boolean }
  | { readonly kind: 'either'; readonly waits: readonly Wait[] };

/** A procedure, written as the runbook reads. It yields waits; `either` answers with the index of the wait that ended it. */
export type ProcessBody = () => Generator<Wait, void, number>;

export const sleep = (micros: number): Wait => ({ kind: 'sleep', micros });
export const waitUntil = (signal: Signal, condition: () => boolean): Wait => ({
  kind: 'until',
  signal,
  condition,
});
export const either = (...waits: readonly Wait[]): Wait => ({ kind: 'either', waits });

/** Thrown into a process by `interrupt`. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Raised by a model when something changed that processes may wait for. */
export class Signal {
  readonly name: string;
  private readonly waiting: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Lets every process that waits look at its condition again, in the order in which they began to wait. */
  raise(): void {
    for (const look of [...this.waiting]) if (this.waiting.includes(look)) look();
  }

  add(look: () => void): void {
    this.waiting.push(look);
  }

  delete(look: () => void): void {
    const at = this.waiting.indexOf(look);
    if (at >= 0) this.waiting.splice(at, 1);
  }
}

/** A running procedure. */
export class Process {
  readonly name: string;
  done = false;
  /** Raised when the procedure has ended. */
  readonly ended: Signal;
  private readonly sim: Simulation;
  private readonly running: Generator<Wait, void, number>;
  private readonly wake: (delay: number, index: number) => Handle;
  private clear: (() => void)[] = [];
  private active = false;

  constructor(
    sim: Simulation,
    name: string,
    body: ProcessBody,
    wake: (delay: number, index: number) => Handle,
  ) {
    this.sim = sim;
    this.name = name;
    this.ended = new Signal(`${name} ended`);
    this.running = body();
    this.wake = wake;
    const handle = wake(0, 0);
    this.clear.push(() => sim.cancel(handle));
  }

  /** Throws `Interrupted` into the procedure where it waits; nothing happens when it has ended. */
  interrupt(reason: string): void {
    if (this.done) return;
    if (this.active) throw new Error(`${this.name} cannot interrupt itself`);
    this.release();
    this.step(() => this.running.throw(new Interrupted(reason)));
  }

  /** Called by the loop when a wait is over. */
  resume(index: number): void {
    if (this.done) return;
    this.release();
    this.step(() => this.running.next(index));
  }

  private step(go: () => IteratorResult<Wait, void>): void {
    this.active = true;
    let result: IteratorResult<Wait, void>;
    try {
      result = go();
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      // The procedure has no answer to the interruption: it ends.
      result = { done: true, value: undefined };
    } finally {
      this.active = false;
    }
    if (result.done === true) {
      this.done = true;
      this.ended.raise();
      return;
    }
    this.arm(result.value, undefined);
  }

  private release(): void {
    for (const clear of this.clear) clear();
    this.clear = [];
  }

  /** Arms a wait; `index` is its place in the `either` it belongs to. */
  private arm(wait: Wait, index: number | undefined): void {
    const at = index ?? 0;
    if (wait.kind === 'sleep') {
      const handle = this.wake(Math.max(0, Math.ceil(wait.micros)), at);
      this.clear.push(() => this.sim.cancel(handle));
    } else if (wait.kind === 'until') {
      let told = false;
      const look = () => {
        if (told || !wait.condition()) return;
        told = true;
        const handle = this.wake(0, at);
        this.clear.push(() => this.sim.cancel(handle));
      };
      wait.signal.add(look);
      this.clear.push(() => wait.signal.delete(look));
      look();
    } else {
      if (index !== undefined) throw new Error(`${this.name}: either stands inside either`);
      wait.waits.forEach((one, i) => {
        this.arm(one, i);
      });
    }
  }
}
