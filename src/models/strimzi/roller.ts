import { either, type ProcessBody, type Signal, sleep, waitUntil } from '../../engine/process.ts';
import type { Simulation } from '../../engine/simulation.ts';

export interface RolledNode {
  readonly id: number;
  readonly controller: boolean;
  readonly broker: boolean;
}

/** What the roller sees and does. */
export interface RollerPorts {
  /** In pool order, ids ascending. */
  readonly nodes: () => readonly RolledNode[];
  readonly isReady: (id: number) => boolean;
  readonly uid: (id: number) => number;
  readonly deletePod: (id: number) => void;
  /** Raised when a pod's uid or readiness changed. */
  readonly podsChanged: Signal;
  readonly activeController: () => number;
  /** Why a broker may not be taken away now; undefined when it may. */
  readonly brokerBlocked: (id: number) => string | undefined;
  readonly controllerMayRoll: (id: number) => boolean;
  readonly restartBegins: (id: number) => void;
}

/** Source: Strimzi 0.42 `ClusterOperatorConfig`, `KafkaReconciler` (BackOff), `PodOperator.restart`. */
export const rollerTiming = {
  operationTimeoutMicros: 300_000_000,
  reconciliationMicros: 120_000_000,
  pollMicros: 1_000_000,
  firstDelayMicros: 250_000,
  attempts: 10,
} as const;

/** Delay before attempt n (0 for the first): 0, 250 ms, 500 ms, ... 64 s; 127.75 s in all. */
export function backOffMicros(attempt: number): number {
  if (attempt === 0) return 0;
  let delay: number = rollerTiming.firstDelayMicros;
  for (let i = 1; i < attempt; i += 1) delay *= 2;
  return delay;
}

/**
 * Order of one reconciliation: nodes with the controller role (combined ones too) before brokers, and in each list unready pods
 * first, in reverse. Source: Strimzi 0.42 `KafkaRoller.rollingRestart`.
 */
export function rollOrder(
  nodes: readonly RolledNode[],
  isReady: (id: number) => boolean,
): { controllers: number[]; brokers: number[] } {
  const order = (list: readonly RolledNode[]) => {
    const ordered: number[] = [];
    for (const node of list) {
      if (isReady(node.id)) ordered.push(node.id);
      else ordered.unshift(node.id);
    }
    return ordered;
  };
  return {
    controllers: order(nodes.filter((n) => n.controller)),
    brokers: order(nodes.filter((n) => !n.controller)),
  };
}

interface Task {
  readonly id: number;
  attempt: number;
  due: number;
}

/**
 * Rolls pods one at a time until each that needs it was restarted, over as many reconciliations as that takes.
 *
 * Source: Strimzi 0.42 `KafkaRoller`. A pod moves on when it is ready: in-sync replicas are waited for only by the next pod's check.
 * Simplified: no pod is stuck or unresponsive, and no configuration is changed dynamically, since neither is played here.
 */
export class Roller {
  private readonly sim: Simulation;
  private readonly ports: RollerPorts;
  /** Pods that still differ from what is wanted: id, and why. */
  private readonly pending = new Map<number, string>();
  private running = false;

  constructor(sim: Simulation, ports: RollerPorts) {
    this.sim = sim;
    this.ports = ports;
  }

  get pendingCount(): number {
    return this.pending.size;
  }

  /** Whether no reconciliation that rolls is under way. */
  get isIdle(): boolean {
    return !this.running;
  }

  /** These pods no longer match what is wanted. A reconciliation that is under way takes up only what it began with. */
  require(ids: readonly number[], reason: string): void {
    for (const id of ids) if (!this.pending.has(id)) this.pending.set(id, reason);
    if (this.running || this.pending.size === 0) return;
    this.running = true;
    this.sim.spawn('strimzi reconciliation', this.reconcile());
  }

  private reconcile(): ProcessBody {
    const roller = this;
    const { sim } = this;
    return function* () {
      for (let tick = 1; roller.pending.size > 0; tick += 1) {
        const began = sim.now;
        sim.tell(
          'strimzi.reconciliation',
          'operator',
          `${roller.pending.size} pods to roll, reconciliation ${tick}`,
        );
        const order = rollOrder(roller.ports.nodes(), roller.ports.isReady);
        const controllersDone = yield* roller.phase(order.controllers);
        // Brokers are touched only when every controller succeeded.
        if (controllersDone) yield* roller.phase(order.brokers);
        if (roller.pending.size === 0) break;
        const period = rollerTiming.reconciliationMicros;
        const next = began + Math.ceil((sim.now - began + 1) / period) * period;
        yield sleep(next - sim.now);
      }
      roller.running = false;
      sim.tell('strimzi.rolled', 'operator', 'every pod matches its specification');
    };
  }

  /** One list of pods; true when every pod of it succeeded. */
  private *phase(ids: readonly number[]): Generator<ReturnType<typeof sleep>, boolean, number> {
    const { sim, ports } = this;
    const queue: Task[] = ids.map((id) => ({ id, attempt: 0, due: sim.now }));
    let good = true;
    while (queue.length > 0) {
      let at = 0;
      for (let i = 1; i < queue.length; i += 1) if (queue[i].due < queue[at].due) at = i;
      const task = queue[at];
      if (task.due > sim.now) yield sleep(task.due - sim.now);
      const refusal = yield* this.tryOne(task.id, queue.length > 1);
      if (refusal === undefined) {
        queue.splice(at, 1);
        continue;
      }
      if (refusal === 'fatal') {
        sim.tell('strimzi.rollAborted', 'operator', `pod ${task.id} did not become ready in time`);
        return false;
      }
      task.attempt += 1;
      if (task.attempt >= rollerTiming.attempts) {
        sim.tell('strimzi.rollFailed', `broker-${task.id}`, refusal);
        queue.splice(at, 1);
        good = false;
        continue;
      }
      if (task.attempt === 1) sim.tell('strimzi.rollDelayed', `broker-${task.id}`, refusal);
      // Behind the others that are due, as an executor's queue would have it.
      queue.splice(at, 1);
      task.due = sim.now + backOffMicros(task.attempt);
      queue.push(task);
    }
    return good && ids.every((id) => !this.pending.has(id) || ports.isReady(id));
  }

  /** undefined when the pod is as wanted and ready; else why not yet. */
  private *tryOne(
    id: number,
    othersLeft: boolean,
  ): Generator<ReturnType<typeof sleep>, string | undefined, number> {
    const { sim, ports } = this;
    const timeout = rollerTiming.operationTimeoutMicros;
    if (!ports.isReady(id)) {
      yield either(
        waitUntil(ports.podsChanged, () => ports.isReady(id)),
        sleep(timeout),
      ) as never;
      if (!ports.isReady(id) && !this.pending.has(id)) return 'fatal';
    }
    const reason = this.pending.get(id);
    if (reason === undefined) return undefined;
    const node = ports.nodes().find((n) => n.id === id);
    if (node === undefined) return undefined;
    if (ports.activeController() === id && othersLeft)
      return 'it is the active controller, and other pods are left';
    if (node.controller && !ports.controllerMayRoll(id)) return 'too few other controllers have caught up';
    if (node.broker) {
      const blocked = ports.brokerBlocked(id);
      if (blocked !== undefined) return blocked;
    }
    sim.tell('strimzi.roll', `broker-${id}`, reason);
    const uid = ports.uid(id);
    this.pending.delete(id);
    ports.restartBegins(id);
    ports.deletePod(id);
    const began = sim.now;
    while (ports.uid(id) === uid) {
      if (sim.now - began >= timeout) return 'fatal';
      yield sleep(rollerTiming.pollMicros);
    }
    yield either(
      waitUntil(ports.podsChanged, () => ports.isReady(id)),
      sleep(timeout),
    ) as never;
    if (!ports.isReady(id)) return 'fatal';
    return undefined;
  }
}
