import type { Gauge } from '../../engine/gauge.ts';
import { Signal, sleep, waitUntil } from '../../engine/process.ts';
import type { Simulation } from '../../engine/simulation.ts';
import { rollerTiming } from './roller.ts';

/** Source: Strimzi 0.42 `KafkaRebalanceState`, without ReconciliationPaused, since nobody pauses one here. */
export const rebalanceStates = [
  'New',
  'PendingProposal',
  'ProposalReady',
  'Rebalancing',
  'Stopped',
  'NotReady',
  'Ready',
] as const;
export type RebalanceState = (typeof rebalanceStates)[number];

/** What Cruise Control answers to a dry run. */
export type Proposal =
  | { readonly kind: 'notReady' }
  | { readonly kind: 'error'; readonly says: string }
  | { readonly kind: 'proposal' };

/** The requests that the operator makes of Cruise Control for one resource. */
export interface RebalancePorts {
  readonly propose: () => Proposal;
  /** Starts the real call. @param ended is told when the user task is completed, with its error if it has one */
  readonly execute: (ended: (error: string | undefined) => void) => void;
}

/** One KafkaRebalance resource. */
interface Resource {
  readonly name: string;
  state: RebalanceState;
}

/**
 * The operator's side of KafkaRebalance resources.
 *
 * A resource that is made or annotated is looked at at once, since the operator watches them; all else waits for the operator's next
 * reconciliation, every 120 s. Source: Strimzi 0.42 `KafkaRebalanceAssemblyOperator`. Simplified: reconciliations count from the start of the
 * run; a resource whose execution was stopped in Cruise Control itself becomes NotReady (guess).
 */
export class KafkaRebalances {
  private readonly sim: Simulation;
  private readonly states: Gauge;
  private readonly seconds: Gauge;

  constructor(sim: Simulation) {
    this.sim = sim;
    this.states = sim.gauge('rehearse:kafka_rebalances', rebalanceStates.length);
    this.seconds = sim.gauge('rehearse:kafka_rebalance_seconds', 1);
  }

  /**
   * A resource is made now.
   * @param approveAfter when somebody approves the proposal, microseconds from when it is ready; absent: the annotation
   * strimzi.io/rebalance-auto-approval does
   */
  create(name: string, approveAfter: number | undefined, ports: RebalancePorts): void {
    const { sim } = this;
    const rebalances = this;
    const resource: Resource = { name, state: 'New' };
    this.states.add(rebalanceStates.indexOf('New'), 1);
    sim.spawn(`KafkaRebalance ${name}`, function* () {
      const began = sim.now;
      let answer = ports.propose();
      while (answer.kind === 'notReady') {
        rebalances.enter(resource, 'PendingProposal', 'Cruise Control has no proposal yet');
        yield sleep(rebalances.untilReconciliation());
        answer = ports.propose();
      }
      if (answer.kind === 'error') {
        rebalances.enter(resource, 'NotReady', answer.says);
        return;
      }
      rebalances.enter(
        resource,
        'ProposalReady',
        approveAfter === undefined ? 'approved by its annotation' : 'waits to be approved',
      );
      if (approveAfter !== undefined) yield sleep(approveAfter);
      rebalances.enter(resource, 'Rebalancing', '');
      const completed = new Signal(`KafkaRebalance ${name} completed`);
      let outcome: { readonly error: string | undefined } | undefined;
      ports.execute((error) => {
        outcome = { error };
        completed.raise();
      });
      yield waitUntil(completed, () => outcome !== undefined);
      // The user task is looked at with each reconciliation.
      yield sleep(rebalances.untilReconciliation());
      const { error } = outcome!;
      rebalances.seconds.set(0, (sim.now - began) / 1e6);
      if (error === undefined) rebalances.enter(resource, 'Ready', '');
      else rebalances.enter(resource, 'NotReady', error);
    });
  }

  private enter(resource: Resource, state: RebalanceState, why: string): void {
    if (state === resource.state) return;
    this.states.add(rebalanceStates.indexOf(resource.state), -1);
    this.states.add(rebalanceStates.indexOf(state), 1);
    resource.state = state;
    this.sim.tell('strimzi.rebalance', resource.name, why === '' ? state : `${state}: ${why}`);
  }

  private untilReconciliation(): number {
    const period = rollerTiming.reconciliationMicros;
    return period - (this.sim.now % period);
  }
}
