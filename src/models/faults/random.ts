import type { Distribution } from '../../engine/distributions.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import type { FaultKind, Faults } from './faults.ts';

/** One thing that fails by chance, again and again. */
export interface FailingItem {
  readonly kind: FaultKind;
  /** What is struck, as a reader names it. */
  readonly subject: string;
  readonly detail: string;
  /** The name of its random streams. */
  readonly entity: string;
  /** From the end of a repair to the next failure, microseconds. */
  readonly between: Distribution;
  readonly repair: Distribution;
  /** What a fault of it takes away, by name. */
  readonly strikes: readonly string[];
  /** It is down already, and cannot fail, while one of these is struck. */
  readonly within: readonly string[];
  readonly strike: () => () => void;
}

/**
 * Failures by chance: an alternating renewal process for each item (D. R. Cox, "Renewal Theory" (1962), ch. 7). An item that is down already when it
 * is due, since what carries it has failed or a fault of the timeline holds it, does not fail: its clock starts anew.
 *
 * Each occurrence draws once for the time before it and once for its repair, in streams of the item: the third failure of an item is the
 * same in every variant of a scenario, unless an earlier repair moved it.
 */
export class RandomFaults {
  private readonly sim: Simulation;
  private readonly book: Faults;
  private readonly items: readonly FailingItem[];
  private readonly until: number;
  private readonly fails: Kind;

  /** @param until end of the played time, microseconds: what is due later is not scheduled */
  constructor(sim: Simulation, book: Faults, items: readonly FailingItem[], until: number) {
    this.sim = sim;
    this.book = book;
    this.items = items;
    this.until = until;
    this.fails = sim.on('faults.strikes', (row) => this.onFails(row));
    for (let row = 0; row < items.length; row += 1) this.next(row, 0);
  }

  /** @param repairMicros what lies before the item's clock starts */
  private next(row: number, repairMicros: number): void {
    const { between, entity } = this.items[row];
    const micros = between.sample(this.sim.stream(entity, 'between')());
    const at = this.sim.now + repairMicros + Math.max(1, Math.round(micros));
    if (at <= this.until) this.sim.at(at, this.fails, row);
  }

  private onFails(row: number): void {
    const { kind, subject, detail, entity, repair, strikes, within, strike } = this.items[row];
    const micros = Math.max(1, Math.round(repair.sample(this.sim.stream(entity, 'repair')())));
    if (this.book.isStruck(within)) {
      this.sim.tell('faults.skipped', subject, 'it is down already');
      this.next(row, 0);
      return;
    }
    this.book.begin({ kind, subject, detail, micros, strikes, strike });
    this.next(row, micros);
  }
}
