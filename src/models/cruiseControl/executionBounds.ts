import { brokersOf, type ExecutionTask } from './executionTasks.ts';
import { bytesPerMb } from './loads.ts';

/** What an execution cannot be faster than, and why. */
export interface ExecutionBound {
  readonly seconds: number;
  /** The broker whose side binds. */
  readonly broker: number;
  readonly side: 'copies into' | 'copies out of' | 'slots of';
}

/**
 * The largest of three lower bounds on the time of an execution's moves, each of the broker that it is largest for:
 *
 *     copies into b      Σ size / rate
 *     copies out of b    Σ size · replicas added, of what b led, / rate
 *     slots of b         ceil(tasks / slots) · check
 *
 * Ours. A task holds its slots until a check of progress; what in-sync replicas fetch of the same partitions meanwhile counts against the
 * same rate, so that a real execution is slower.
 *
 * @param rate bytes per second for each broker and side; Infinity: only the slots count
 * @param slots of a broker
 * @param checkSeconds the shortest time between two checks
 */
export function executionBound(
  tasks: readonly ExecutionTask[],
  rate: number,
  slots: (broker: number) => number,
  checkSeconds: number,
): ExecutionBound | undefined {
  const into = new Map<number, number>();
  const outOf = new Map<number, number>();
  const count = new Map<number, number>();
  const add = (sums: Map<number, number>, broker: number, value: number) =>
    sums.set(broker, (sums.get(broker) ?? 0) + value);
  for (const task of tasks) {
    const bytes = task.proposal.sizeMb * bytesPerMb;
    for (const b of task.adds) add(into, b, bytes);
    add(outOf, task.proposal.oldLeader, bytes * task.adds.length);
    for (const b of brokersOf(task)) add(count, b, 1);
  }
  let bound: ExecutionBound | undefined;
  const consider = (seconds: number, broker: number, side: ExecutionBound['side']) => {
    if (bound === undefined || seconds > bound.seconds) bound = { seconds, broker, side };
  };
  for (const [b, bytes] of into) consider(bytes / rate, b, 'copies into');
  for (const [b, bytes] of outOf) consider(bytes / rate, b, 'copies out of');
  for (const [b, n] of count) consider(Math.ceil(n / slots(b)) * checkSeconds, b, 'slots of');
  return bound;
}
