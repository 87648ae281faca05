import type { BrokerState } from './description.ts';

/** What Cruise Control is asked to do, after its endpoints. */
export const rebalanceModes = ['rebalance', 'add-broker', 'remove-broker', 'demote', 'fix-offline'] as const;
export type RebalanceMode = (typeof rebalanceModes)[number];

/** What a mode makes of the brokers that it names. Source: Cruise Control 2.5 `AddBrokersRunnable`, `RemoveBrokersRunnable`, `DemoteBrokerRunnable`. */
export const stateOfNamed: Readonly<Record<RebalanceMode, BrokerState | undefined>> = {
  rebalance: undefined,
  'add-broker': 'NEW',
  'remove-broker': 'DEAD',
  demote: 'DEMOTED',
  'fix-offline': undefined,
};

/**
 * Hard goals that a request lacks, for which Cruise Control refuses it unless the check is skipped; a demotion has a goal of its own.
 * Source: Cruise Control 2.5 `RunnableUtils.sanityCheckGoals`.
 */
export function missingHardGoals(
  mode: RebalanceMode,
  goals: readonly string[],
  hardGoals: readonly string[],
): readonly string[] {
  return mode === 'demote' ? [] : hardGoals.filter((goal) => !goals.includes(goal));
}

/** Goals of a demotion, whatever is asked for. Source: Cruise Control 2.5 `DemoteBrokerRunnable`. */
export const demotionGoals: readonly string[] = ['PreferredLeaderElectionGoal'];
