import type { Simulation } from '../../engine/simulation.ts';
import { Flushes, type Work } from './work.ts';

export interface SinkSettings {
  /** Messages per second that one task converts and writes to the other system. */
  readonly capacity: number;
}

/** The consumer group `connect-<name>` that the tasks of a sink form: a task is the member of its number. */
export interface SinkGroup {
  /** A task's consumer joins. */
  readonly start: (task: number) => void;
  /** It leaves the group, or is gone at once and missed when its session ends. */
  readonly stop: (task: number, crash: boolean) => void;
  readonly pause: (task: number, paused: boolean) => void;
  /** What it has read for so many microseconds is read again, by whoever reads next: answers how many messages that are. */
  readonly reread: (task: number, micros: number) => number;
  /** Whether it has partitions, and messages per second that come in at them. */
  readonly reads: (task: number) => boolean;
  readonly offered: (task: number) => number;
  /** Messages that the group has read so far, and reads per second. */
  readonly read: () => number;
  readonly readRate: () => number;
  /** Calls back when a task was told to give up partitions, which commits what it read. */
  readonly onRevoked: (committed: (task: number) => void) => void;
  /** Calls back when lag, reading or partitions are others. */
  readonly onChange: (changed: () => void) => void;
}

/**
 * The tasks of a sink connector. Who reads what is the business of their consumer group; a task beyond its partitions idles.
 *
 * Source: Kafka 3.7 `WorkerSinkTask`, `SinkUtils.consumerGroupId`.
 * Simplified: what a task that is gone at once does again is counted at the rate at which it read last.
 */
export class SinkTasks implements Work {
  onChange: () => void = () => {};
  private readonly sim: Simulation;
  private readonly settings: SinkSettings;
  private readonly group: SinkGroup;
  private readonly flushes: Flushes;
  private readonly draw: () => number;
  private readonly running = new Set<number>();
  private paused = false;

  constructor(sim: Simulation, name: string, settings: SinkSettings, group: SinkGroup, flushMicros: number) {
    this.sim = sim;
    this.settings = settings;
    this.group = group;
    this.flushes = new Flushes(sim, flushMicros);
    this.draw = sim.stream(`connector/${name}`, 'flush');
    group.onRevoked((task) => this.flushes.begin(task));
    group.onChange(() => this.onChange());
  }

  done(): number {
    return this.group.read();
  }

  doneRate(): number {
    return this.group.readRate();
  }

  taskCount(tasksMax: number): number {
    return tasksMax;
  }

  configure(): void {
    // Every task gets the same configuration: what each reads is the group's business.
  }

  startBefore(task: number): void {
    this.running.add(task);
    this.flushes.beganBefore(task, this.draw());
  }

  start(task: number): void {
    this.running.add(task);
    this.flushes.begin(task);
    this.group.start(task);
    if (this.paused) this.group.pause(task, true);
  }

  stop(task: number): void {
    this.running.delete(task);
    this.group.stop(task, false);
  }

  crash(task: number): number {
    if (!this.running.delete(task)) return 0;
    const again = this.group.reread(task, this.sim.now - this.flushes.last(task));
    this.group.stop(task, true);
    return again;
  }

  pause(paused: boolean): void {
    this.paused = paused;
    for (const task of this.running) this.group.pause(task, paused);
  }

  idle(): number {
    let idle = 0;
    for (const task of this.running) if (!this.group.reads(task)) idle += 1;
    return idle;
  }

  busiest(): number {
    let most = 0;
    for (const task of this.running) most = Math.max(most, this.group.offered(task) / this.settings.capacity);
    return most;
  }

  state(add: (value: number) => void): void {
    for (const task of this.running) add(task);
  }
}
