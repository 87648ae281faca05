import type { Simulation } from './simulation.ts';

/**
 * The value of a row that stands for nothing now, such as a deleted pod: it gives no series. No quantity of a model comes near the least finite
 * number; NaN is a value that series may have.
 */
export const gone = -Number.MAX_VALUE;

/** The change points of one row: at `times[i]` (microseconds) the value became `values[i]`, moving by `slopes[i]` per second. */
export interface RecordedRow {
  readonly times: number[];
  readonly values: number[];
  readonly slopes: number[];
  /** Where causes are kept: the number of the event that wrote each change, the last one of that instant; 0 for an observer. */
  readonly writers?: number[];
}

/**
 * A family of values, one per row, each piecewise linear in time. The model keeps its state here where the state is
 * also a metric; a recording keeps the change points, and switching it on changes no result.
 */
export class Gauge {
  readonly name: string;
  private readonly sim: Simulation;
  private count: number;
  /** Longer than `count` once rows were added. */
  private values: Float64Array;
  /** Only for gauges that move between events (`linear`); absent otherwise. */
  private slopes: Float64Array | undefined;
  private since: Float64Array | undefined;
  private recorded: (RecordedRow | undefined)[] | undefined;
  private changeCount = 0;

  constructor(sim: Simulation, name: string, rows: number, linear: boolean, recording: boolean) {
    this.sim = sim;
    this.name = name;
    this.count = rows;
    this.values = new Float64Array(rows);
    if (linear) {
      this.slopes = new Float64Array(rows);
      this.since = new Float64Array(rows);
    }
    if (recording) this.recorded = new Array(rows);
  }

  get rows(): number {
    return this.count;
  }

  /** Grows with every change of any row, and with every new row: who remembers it knows whether something changed since. */
  get changes(): number {
    return this.changeCount;
  }

  /** Makes room for so many rows in all; the new ones are `gone` until they are set, also in what was recorded before. */
  grow(rows: number): void {
    if (rows <= this.count) return;
    if (rows > this.values.length) {
      const room = Math.max(rows, 2 * this.values.length, 16);
      const longer = (old: Float64Array) => {
        const made = new Float64Array(room);
        made.set(old);
        return made;
      };
      this.values = longer(this.values);
      if (this.slopes !== undefined) this.slopes = longer(this.slopes);
      if (this.since !== undefined) this.since = longer(this.since);
    }
    this.values.fill(gone, this.count, rows);
    for (let row = this.count; this.recorded !== undefined && row < rows; row += 1)
      this.recorded[row] = this.begun(gone, 0);
    this.count = rows;
    this.changeCount += 1;
  }

  /** The value now. */
  get(row: number): number {
    const value = this.values[row]!;
    if (this.slopes === undefined) return value;
    const slope = this.slopes[row]!;
    return slope === 0 ? value : value + (slope * (this.sim.now - this.since![row]!)) / 1e6;
  }

  /** The change per second now. */
  slope(row: number): number {
    return this.slopes === undefined ? 0 : this.slopes[row]!;
  }

  /** Sets the value now and how it moves from here, in units per second (only where the gauge is `linear`). */
  set(row: number, value: number, slopePerSecond = 0): void {
    if (this.slopes !== undefined) {
      if (this.slopes[row] === slopePerSecond && this.get(row) === value) return;
      this.slopes[row] = slopePerSecond;
      this.since![row] = this.sim.now;
    } else if (this.values[row] === value) return;
    this.values[row] = value;
    this.changeCount += 1;
    if (this.recorded !== undefined) this.record(row, value, slopePerSecond);
  }

  add(row: number, delta: number): void {
    this.set(row, this.get(row) + delta, this.slope(row));
  }

  /** The change points of a row, with its value at the start, growing with later changes; undefined when the gauge is not recorded. */
  rowRecord(row: number): RecordedRow | undefined {
    if (this.recorded === undefined) return undefined;
    this.recorded[row] ??= this.begun(this.values[row]!, this.slope(row));
    return this.recorded[row];
  }

  /**
   * Time-weighted mean from the start until now, from the record.
   * @throws RangeError when the gauge is not recorded, or no time has passed
   */
  mean(row: number): number {
    const kept = this.rowRecord(row);
    if (kept === undefined || this.sim.now === 0)
      throw new RangeError(`${this.name} has no mean: not recorded, or no time has passed`);
    const { times, values, slopes } = kept;
    let area = 0;
    for (let i = 0; i < times.length; i += 1) {
      const end = i + 1 < times.length ? times[i + 1]! : this.sim.now;
      const seconds = (end - times[i]!) / 1e6;
      area += values[i]! * seconds + (slopes[i]! * seconds * seconds) / 2;
    }
    return area / (this.sim.now / 1e6);
  }

  private record(row: number, value: number, slope: number): void {
    let kept = this.recorded![row];
    if (kept === undefined) {
      kept = this.begun(0, 0);
      this.recorded![row] = kept;
    }
    const last = kept.times.length - 1;
    if (kept.times[last] === this.sim.now) {
      kept.values[last] = value;
      kept.slopes[last] = slope;
      if (kept.writers !== undefined) kept.writers[last] = this.sim.writer;
      return;
    }
    kept.times.push(this.sim.now);
    kept.values.push(value);
    kept.slopes.push(slope);
    kept.writers?.push(this.sim.writer);
  }

  /** A record with the value at the start; nobody wrote it. */
  private begun(value: number, slope: number): RecordedRow {
    return {
      times: [0],
      values: [value],
      slopes: [slope],
      ...(this.sim.keepsCauses ? { writers: [0] } : {}),
    };
  }
}
