import type { CruiseControl, RebalanceRequest } from '../../models/cruiseControl/cruiseControl.ts';
import type { RebalancePorts } from '../../models/strimzi/rebalance.ts';

/** What the operator asks of Cruise Control for one KafkaRebalance: a dry run, then the same for real. */
export function strimziToCruiseControl(service: CruiseControl, request: RebalanceRequest): RebalancePorts {
  return {
    propose: () => {
      const refusal = service.refusalOf(request);
      if (refusal !== undefined) return { kind: 'error', says: refusal };
      if (service.proposalsFrom() > service.now) return { kind: 'notReady' };
      const result = service.propose(request);
      return result.ok ? { kind: 'proposal' } : { kind: 'error', says: result.failure.says };
    },
    execute: (ended) =>
      service.request(request, (outcome) =>
        ended(outcome.kind === 'executed' ? outcome.summary.stopped : outcome.says),
      ),
  };
}
