import { type Gauge, gone } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import { type Labels, labelKey } from './labels.ts';
import type { SampleClock } from './sampleClock.ts';

/** A family of series whose labels turn up while the run goes on: what a recording rule or an alert writes. */
export class WrittenSeries {
  readonly name: string;
  private readonly gauge: Gauge;
  private readonly rows = new Map<string, number>();
  private readonly labels: Labels[] = [];
  private readonly clocks: SampleClock[] = [];

  constructor(sim: Simulation, name: string) {
    this.name = name;
    this.gauge = sim.gauge(name, 0);
  }

  get count(): number {
    return this.labels.length;
  }

  labelsOf(row: number): Labels {
    return this.labels[row]!;
  }

  /** The clock of the group that wrote the row first. */
  clockOf(row: number): SampleClock {
    return this.clocks[row]!;
  }

  /** The row of a set of labels; a new one has no series yet. */
  row(labels: Labels, clock: SampleClock): number {
    const key = labelKey(labels);
    const known = this.rows.get(key);
    if (known !== undefined) return known;
    const row = this.labels.length;
    this.rows.set(key, row);
    this.labels.push(labels);
    this.clocks.push(clock);
    this.gauge.grow(row + 1);
    return row;
  }

  set(row: number, value: number): void {
    this.gauge.set(row, value);
  }

  /** The series ends: a scraper, and a rule, would write a stale marker. */
  end(row: number): void {
    this.gauge.set(row, gone);
  }
}
