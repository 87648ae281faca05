import type { Kind, Simulation } from './simulation.ts';

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
  readonly waiting = new Set<() => void>();
  constructor(_sim: Simulation, name: string) {
    this.name = name;
  }
  raise(): void {
    for (const wake of [...this.waiting]) wake();
  }
}

export class Process {
  readonly name: string;
  done = false;
  private readonly sim: Simulation;
  private readonly running: Generator<Wait, void, number>;
  private readonly resumeKind: Kind;
  private clear: (() => void)[] = [];

  constructor(sim: Simulation, name: string, body: ProcessBody) {
    this.sim = sim;
    this.name = name;
    this.running = body();
    this.resumeKind = sim.on(`process ${name}`, (index) => this.resume(index));
    sim.after(0, this.resumeKind, 0);
  }

  interrupt(reason: string): void {
    if (this.done) return;
    this.release();
    this.settle(this.running.throw(new Interrupted(reason)));
  }

  private resume(index: number): void {
    if (this.done) return;
    this.release();
    this.settle(this.running.next(index));
  }

  private release(): void {
    for (const clear of this.clear) clear();
    this.clear = [];
  }

  private settle(result: IteratorResult<Wait, void>): void {
    if (result.done === true) {
      this.done = true;
      return;
    }
    const waits = result.value.kind === 'either' ? result.value.waits : [result.value];
    waits.forEach((wait, index) => {
      if (wait.kind === 'sleep') {
        const handle = this.sim.after(wait.micros, this.resumeKind, index);
        this.clear.push(() => this.sim.cancel(handle));
      } else if (wait.kind === 'until') {
        const check = () => {
          if (!wait.condition()) return;
          wait.signal.waiting.delete(check);
          const handle = this.sim.after(0, this.resumeKind, index);
          this.clear.push(() => this.sim.cancel(handle));
        };
        wait.signal.waiting.add(check);
        this.clear.push(() => wait.signal.waiting.delete(check));
        check();
      } else throw new Error('either within either');
    });
  }
}
