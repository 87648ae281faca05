import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';

/** When so much had been read by a reader, microseconds and items: its total is linear between two of them. */
interface Mark {
  readonly at: number;
  readonly total: number;
}

/**
 * Queues that fill at given rates, and readers that empty them, as fluid. A queue has one reader at most; a reader has a capacity that
 * its queues share. With room to spare it reads what comes in and works off what had piled up, of all its queues in step; without, each of
 * its queues grows by the same share of what comes in.
 *
 * Conserved: what came in = what was read + what lies there. Simplified: a reader works off its queues in step where a real one takes turns,
 * and no batch is played one by one.
 */
export class SharedQueues {
  /** Called after the course of any queue has changed. */
  onChange: () => void = () => {};
  private readonly sim: Simulation;
  private readonly drained: Kind;
  private readonly rate: Float64Array;
  private readonly lag: Float64Array;
  private readonly readRate: Float64Array;
  private readonly readerOf: Int32Array;
  /** By queue: what has come in, and what has been read, as of `since`. */
  private readonly offered: Float64Array;
  private readonly taken: Float64Array;
  private readonly capacity: number[] = [];
  /** By reader: what comes into its queues, per second. */
  private comes = new Float64Array(0);
  private readonly marks: Mark[][] = [];
  private readonly keptMicros: number;
  private since = 0;
  private timer: Handle | undefined;

  /** @param keptMicros how far back a reader's total is asked for */
  constructor(sim: Simulation, name: string, queues: number, keptMicros: number) {
    this.sim = sim;
    this.keptMicros = keptMicros;
    this.drained = sim.on(`${name}.drained`, () => {
      this.timer = undefined;
      this.change(() => {});
    });
    this.rate = new Float64Array(queues);
    this.lag = new Float64Array(queues);
    this.readRate = new Float64Array(queues);
    this.offered = new Float64Array(queues);
    this.taken = new Float64Array(queues);
    this.readerOf = new Int32Array(queues).fill(-1);
  }

  get queues(): number {
    return this.lag.length;
  }

  /** Everything that changes at this instant is changed in here: the courses are worked out once, after it. */
  change(make: () => void): void {
    this.settle();
    make();
    this.plan();
    this.onChange();
  }

  /** Within `change`: items per second that come into a queue from now on. */
  setRate(queue: number, perSecond: number): void {
    this.rate[queue] = perSecond;
  }

  /** Within `change`: who reads a queue from now on; -1 for nobody. */
  setReader(queue: number, reader: number): void {
    this.readerOf[queue] = reader;
  }

  /** Within `change`: items per second that a reader can read; 0 while it does not. */
  setCapacity(reader: number, perSecond: number): void {
    this.capacity[reader] = perSecond;
    this.marks[reader] ??= [{ at: this.sim.now, total: 0 }];
  }

  reader(queue: number): number {
    return this.readerOf[queue];
  }

  /** Items in a queue now. */
  behind(queue: number): number {
    return this.lag[queue] + ((this.rate[queue] - this.readRate[queue]) * (this.sim.now - this.since)) / 1e6;
  }

  /** How many more there are each second. */
  slope(queue: number): number {
    return this.rate[queue] - this.readRate[queue];
  }

  /** Items per second that are read from a queue. */
  readRateOf(queue: number): number {
    return this.readRate[queue];
  }

  /** Items read from a queue since the start. */
  read(queue: number): number {
    return this.taken[queue] + (this.readRate[queue] * (this.sim.now - this.since)) / 1e6;
  }

  /** Items that came into a queue since the start. */
  cameIn(queue: number): number {
    return this.offered[queue] + (this.rate[queue] * (this.sim.now - this.since)) / 1e6;
  }

  /**
   * Within `change`: what a reader has read since a moment is read again, because nobody knows that it was.
   * @param from microseconds, at most `keptMicros` ago
   * @returns how many items that are
   */
  rewind(reader: number, from: number): number {
    const marks = this.marks[reader] ?? [];
    const total = marks.length === 0 ? 0 : marks[marks.length - 1].total;
    const again = Math.max(0, total - totalAt(marks, from));
    const own = [...this.readerOf.keys()].filter((q) => this.readerOf[q] === reader);
    const share = own.reduce((sum, q) => sum + this.rate[q], 0);
    for (const q of own) {
      const items = share === 0 ? again / own.length : (again * this.rate[q]) / share;
      this.lag[q] += items;
      this.taken[q] -= items;
    }
    return own.length === 0 ? 0 : again;
  }

  /** Items per second that come into a reader's queues. */
  comesFor(reader: number): number {
    return this.comes[reader];
  }

  private settle(): void {
    const { now } = this.sim;
    const seconds = (now - this.since) / 1e6;
    this.since = now;
    const byReader = new Float64Array(this.capacity.length);
    for (let q = 0; q < this.lag.length; q += 1) {
      this.offered[q] += this.rate[q] * seconds;
      this.taken[q] += this.readRate[q] * seconds;
      const left = this.lag[q] + (this.rate[q] - this.readRate[q]) * seconds;
      // A timer ends at a whole microsecond, after the queue was empty: what was not there was not read. A rest below that is no item.
      const empty = this.readRate[q] > this.rate[q] && left < 1e-6;
      if (empty) this.taken[q] += left;
      this.lag[q] = empty ? 0 : left;
      if (this.readerOf[q] >= 0) byReader[this.readerOf[q]] += this.readRate[q] * seconds;
    }
    byReader.forEach((items, r) => {
      const marks = this.marks[r];
      if (marks === undefined) return;
      const total = (marks.length === 0 ? 0 : marks[marks.length - 1].total) + items;
      while (marks.length > 1 && marks[1].at <= now - this.keptMicros) marks.shift();
      if (marks.length > 0 && marks[marks.length - 1].at === now) marks.pop();
      marks.push({ at: now, total });
    });
  }

  private plan(): void {
    const readers = this.capacity.length;
    const comes = new Float64Array(readers);
    const lies = new Float64Array(readers);
    for (let q = 0; q < this.lag.length; q += 1) {
      const r = this.readerOf[q];
      if (r < 0) continue;
      comes[r] += this.rate[q];
      lies[r] += this.lag[q];
    }
    this.comes = comes;
    let soonest = Number.POSITIVE_INFINITY;
    for (let q = 0; q < this.lag.length; q += 1) {
      const r = this.readerOf[q];
      const capacity = r < 0 ? 0 : this.capacity[r];
      if (capacity === 0) this.readRate[q] = 0;
      else if (capacity <= comes[r]) this.readRate[q] = (this.rate[q] * capacity) / comes[r];
      else if (lies[r] > 0) {
        this.readRate[q] = this.rate[q] + ((capacity - comes[r]) * this.lag[q]) / lies[r];
        soonest = Math.min(soonest, (lies[r] / (capacity - comes[r])) * 1e6);
      } else this.readRate[q] = this.rate[q];
    }
    if (this.timer !== undefined) this.sim.cancel(this.timer);
    this.timer =
      soonest < Number.MAX_SAFE_INTEGER - this.sim.now
        ? this.sim.after(Math.max(1, Math.ceil(soonest)), this.drained)
        : undefined;
  }
}

function totalAt(marks: readonly Mark[], at: number): number {
  let i = marks.length - 1;
  while (i > 0 && marks[i].at > at) i -= 1;
  if (i < 0) return 0;
  const next = marks[i + 1];
  if (next === undefined || at <= marks[i].at) return marks[i].total;
  return marks[i].total + ((next.total - marks[i].total) * (at - marks[i].at)) / (next.at - marks[i].at);
}
