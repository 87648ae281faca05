import type { Simulation } from '../../engine/simulation.ts';

/** What the tasks of a connector do; tasks are numbered from 0. */
export interface Work {
  /** Something that is shown is another one from now on. */
  onChange: () => void;
  /** Records done so far, those that are done again counted once, and how many more are each second. */
  done(): number;
  doneRate(): number;
  /** How many tasks the connector makes of `tasks.max`. Source: `Connector.taskConfigs`, which may return fewer. */
  taskCount(tasksMax: number): number;
  /** The connector was reconfigured: its tasks, none of which runs, share the work anew. */
  configure(tasks: number): void;
  /** A task ran before the period. */
  startBefore(task: number): void;
  /** A task runs from now on. */
  start(task: number): void;
  /** A task has stopped in order: what it did is committed. */
  stop(task: number): void;
  /** A task is gone at once. Its offsets of the last flush are all that is left: answers how many records are done again. */
  crash(task: number): number;
  /** Tasks that run do nothing from now on, or work again. */
  pause(paused: boolean): void;
  /** Running tasks that have nothing to read. */
  idle(): number;
  /** What comes in for the busiest task, as a share of what it can do. */
  busiest(): number;
  /** Everything that decides how it goes on, for the digest. */
  state(add: (value: number) => void): void;
}

/** What splits `count` things into `groups`: as even as can be, in blocks, the first ones with one more. */
export function blockOf(thing: number, count: number, groups: number): number {
  const least = Math.floor(count / groups);
  const more = count % groups;
  const inLarge = more * (least + 1);
  return thing < inLarge ? Math.floor(thing / (least + 1)) : more + Math.floor((thing - inLarge) / least);
}

/**
 * When a task's offsets were flushed last: every `offset.flush.interval.ms` from its start on.
 * Source: Kafka 3.7 `SourceTaskOffsetCommitter` (fixed delay), `WorkerSinkTask.iteration` (next commit).
 */
export class Flushes {
  private readonly sim: Simulation;
  private readonly intervalMicros: number;
  private readonly from = new Map<number, number>();

  constructor(sim: Simulation, intervalMicros: number) {
    this.sim = sim;
    this.intervalMicros = intervalMicros;
  }

  /** A task's offsets are committed now; the next ones in whole intervals from here. */
  begin(task: number): void {
    this.from.set(task, this.sim.now);
  }

  /** A task that ran before the period: any moment within an interval is as likely as another. */
  beganBefore(task: number, u: number): void {
    this.from.set(task, -Math.floor(u * this.intervalMicros));
  }

  /** The latest flush, microseconds; what happened before the start counts from the start. */
  last(task: number): number {
    const from = this.from.get(task) ?? this.sim.now;
    return Math.max(0, from + Math.floor((this.sim.now - from) / this.intervalMicros) * this.intervalMicros);
  }
}
