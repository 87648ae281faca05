import type { Kind, Simulation } from '../../../engine/simulation.ts';

/** When a controller looks at its objects again: once for whatever changes happened meanwhile. */
export class Resync {
  private readonly sim: Simulation;
  private readonly micros: number;
  private readonly pending = new Set<number>();
  private readonly kind: Kind;

  /** @param micros from a change to what the controller makes of it */
  constructor(sim: Simulation, name: string, micros: number, reconcile: (row: number) => void) {
    this.sim = sim;
    this.micros = micros;
    this.kind = sim.on(name, (row) => {
      this.pending.delete(row);
      reconcile(row);
    });
  }

  /** Something about the object changed. */
  soon(row: number): void {
    this.at(row, this.sim.now + this.micros);
  }

  /** Only time will change something; nothing to do where a look is due anyway. */
  at(row: number, time: number): void {
    if (this.pending.has(row)) return;
    this.pending.add(row);
    this.sim.at(time, this.kind, row);
  }
}
