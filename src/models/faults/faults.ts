import type { Gauge } from '../../engine/gauge.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';

export const faultKinds = ['broker', 'node', 'zone', 'controller', 'network', 'disk', 'neighbour'] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** What is struck, as a reader names it. */
  readonly subject: string;
  readonly detail: string;
  /** How long it lasts, microseconds; 0: it is over as soon as it has happened. */
  readonly micros: number;
  /** Names of what it takes away: what is struck does not fail by chance meanwhile. */
  readonly strikes?: readonly string[];
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
  /** How many open faults strike what bears a name. */
  private readonly struck = new Map<string, number>();

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
    this.count(fault, 1);
    this.open.push({ fault, mend: fault.strike() });
    this.sim.after(Math.max(1, fault.micros), this.ends, this.open.length - 1);
  }

  private onEnds(row: number): void {
    const { fault, mend } = this.open[row];
    this.active.add(faultKinds.indexOf(fault.kind), -1);
    this.sim.tell('faults.ends', fault.subject);
    this.count(fault, -1);
    mend();
  }

  /** Whether one of these is struck by a fault that is not mended. */
  isStruck(names: readonly string[]): boolean {
    return names.some((name) => (this.struck.get(name) ?? 0) > 0);
  }

  private count(fault: Fault, delta: 1 | -1): void {
    for (const name of fault.strikes ?? []) this.struck.set(name, (this.struck.get(name) ?? 0) + delta);
  }
}
