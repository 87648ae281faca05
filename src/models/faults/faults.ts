import type { Gauge } from '../../engine/gauge.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';

export const faultKinds = ['broker', 'node', 'zone', 'controller', 'network'] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** What is struck, as a reader names it. */
  readonly subject: string;
  readonly detail: string;
  /** How long it lasts, microseconds; 0: it is over as soon as it has happened. */
  readonly micros: number;
  /** Strikes; gives back what mends it. */
  readonly strike: () => () => void;
}

/** Book of the faults that strike a platform: each begins, lasts and is mended. */
export class Faults {
  readonly active: Gauge;
  readonly begun: Gauge;
  private readonly sim: Simulation;
  private readonly open: { readonly fault: Fault; readonly mend: () => void }[] = [];
  private readonly ends: Kind;

  constructor(sim: Simulation) {
    this.sim = sim;
    this.active = sim.gauge('rehearse:faults_active', faultKinds.length);
    this.begun = sim.gauge('rehearse:faults_total', faultKinds.length);
    this.ends = sim.on('faults.ends', (row) => this.onEnds(row));
  }

  begin(fault: Fault): void {
    const kind = faultKinds.indexOf(fault.kind);
    this.active.add(kind, 1);
    this.begun.add(kind, 1);
    this.sim.tell('faults.begins', fault.subject, fault.detail);
    this.open.push({ fault, mend: fault.strike() });
    this.sim.after(Math.max(1, fault.micros), this.ends, this.open.length - 1);
  }

  private onEnds(row: number): void {
    const { fault, mend } = this.open[row];
    this.active.add(faultKinds.indexOf(fault.kind), -1);
    this.sim.tell('faults.ends', fault.subject);
    mend();
  }
}
