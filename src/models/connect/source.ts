import { BrokenInvariant, type Simulation } from '../../engine/simulation.ts';
import { SharedQueues } from './queues.ts';
import { blockOf, Flushes, type Work } from './work.ts';

export interface SourceSettings {
  readonly tables: readonly { readonly name: string; readonly rowsPerSecond: number }[];
  /** `poll.interval.ms`: a table that was read to its end is asked again after so long, microseconds. */
  readonly pollMicros: number;
  /** Rows per second that one task reads, converts and sends. */
  readonly capacity: number;
}

/**
 * The tasks of a JDBC source: each reads its block of the tables. A table grows at its rate whether it is read or not.
 *
 * Source: Confluent JDBC connector, `JdbcSourceConnector.taskConfigs` (never more tasks than tables), Kafka `ConnectorUtils.groupPartitions`;
 * `poll.interval.ms`, `batch.max.rows`: the rows of one query are handed over batch by batch without a wait in between.
 * Simplified: the rows that wait for the next query are their mean, half an interval's; what is sent loads no topic beyond its `bytesIn`.
 */
export class SourceTables implements Work {
  onChange: () => void = () => {};
  private readonly queues: SharedQueues;
  private readonly settings: SourceSettings;
  private readonly flushes: Flushes;
  private readonly running = new Set<number>();
  private paused = false;

  constructor(sim: Simulation, name: string, settings: SourceSettings, flushMicros: number) {
    this.settings = settings;
    this.flushes = new Flushes(sim, flushMicros);
    this.queues = new SharedQueues(sim, 'connect.source', settings.tables.length, flushMicros);
    this.queues.onChange = () => this.onChange();
    sim.invariant('connect: rows of a source', () => this.verify());
    const draw = sim.stream(`connector/${name}`, 'flush');
    for (let task = 0; task < settings.tables.length; task += 1) this.flushes.beganBefore(task, draw());
    this.queues.change(() => {
      settings.tables.forEach((t, i) => {
        this.queues.setRate(i, t.rowsPerSecond);
      });
    });
  }

  /** Rows in tables that have not been sent. */
  behind(): number {
    let rows = 0;
    this.settings.tables.forEach((t, i) => {
      rows +=
        this.queues.behind(i) + (this.reads(i) ? (t.rowsPerSecond * this.settings.pollMicros) / 2e6 : 0);
    });
    return rows;
  }

  slope(): number {
    return this.settings.tables.reduce((sum, _, i) => sum + this.queues.slope(i), 0);
  }

  done(): number {
    let rows = 0;
    for (let q = 0; q < this.queues.queues; q += 1) rows += this.queues.read(q);
    return rows;
  }

  doneRate(): number {
    let rows = 0;
    for (let q = 0; q < this.queues.queues; q += 1) rows += this.queues.readRateOf(q);
    return rows;
  }

  taskCount(tasksMax: number): number {
    return Math.min(tasksMax, this.settings.tables.length);
  }

  configure(tasks: number): void {
    const { tables } = this.settings;
    this.queues.change(() => {
      tables.forEach((_, i) => {
        this.queues.setReader(i, blockOf(i, tables.length, tasks));
      });
    });
  }

  startBefore(task: number): void {
    this.running.add(task);
    this.apply(task);
  }

  start(task: number): void {
    this.flushes.begin(task);
    this.startBefore(task);
  }

  stop(task: number): void {
    this.running.delete(task);
    this.apply(task);
  }

  crash(task: number): number {
    if (!this.running.delete(task)) return 0;
    let again = 0;
    this.queues.change(() => {
      again = this.queues.rewind(task, this.flushes.last(task));
      this.queues.setCapacity(task, 0);
    });
    return again;
  }

  pause(paused: boolean): void {
    this.paused = paused;
    for (const task of this.running) this.apply(task);
  }

  idle(): number {
    return 0;
  }

  busiest(): number {
    let most = 0;
    for (const task of this.running)
      most = Math.max(most, this.queues.comesFor(task) / this.settings.capacity);
    return most;
  }

  state(add: (value: number) => void): void {
    for (let q = 0; q < this.queues.queues; q += 1) add(this.queues.behind(q));
  }

  private verify(): void {
    const { queues } = this;
    for (let q = 0; q < queues.queues; q += 1) {
      const off = queues.cameIn(q) - queues.read(q) - queues.behind(q);
      if (Math.abs(off) > 1e-3 + 1e-9 * queues.cameIn(q))
        throw new BrokenInvariant(`${off} rows came in and are neither read nor waiting`);
    }
  }

  private reads(table: number): boolean {
    return !this.paused && this.running.has(this.queues.reader(table));
  }

  private apply(task: number): void {
    this.queues.change(() => {
      this.queues.setCapacity(task, this.running.has(task) && !this.paused ? this.settings.capacity : 0);
    });
  }
}
