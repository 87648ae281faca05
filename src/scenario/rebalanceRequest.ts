import { z } from 'zod';
import { namePattern } from '../engine/namePattern.ts';
import type { RebalanceRequest } from '../models/cruiseControl/cruiseControl.ts';
import { movementStrategies } from '../models/cruiseControl/executionTasks.ts';
import { type GoalName, goalNames } from '../models/cruiseControl/goals/index.ts';
import type { RebalanceMode } from '../models/cruiseControl/modes.ts';
import type { Checks } from './checks.ts';
import { topicsMatching } from './cruiseControlRequest.ts';
import type { AnalyzerSettings } from './cruiseControlSettings.ts';
import type { BuildContext } from './part.ts';
import { directoriesIn, type KafkaPartSettings } from './parts/kafka.ts';
import { q } from './quantity.ts';
import { type Asked, type brokerLists, lackOfHardGoals, mistakesOf } from './rebalanceModes.ts';
import { warnOfThrottle } from './throttleWarning.ts';

export const goalList = z.array(z.enum(goalNames as [GoalName, ...GoalName[]])).min(1);
export const strategyList = z.array(z.enum(movementStrategies as [string, ...string[]])).min(1);
export const brokerIds = z.array(q.count({ min: 0 })).min(1);

/** Arguments that a request for proposals may have. Source: Cruise Control 2.5, parameters of the endpoint /rebalance. */
export const rebalanceArgs = {
  brokers: brokerIds.optional().meta({ description: 'broker ids that are added, removed or demoted' }),
  goals: goalList.optional(),
  skipHardGoalCheck: z.boolean().optional(),
  excludedTopics: z
    .string()
    .optional()
    .meta({ description: 'a regular expression for whole names of topics' }),
  concurrency: q
    .count({ min: 1, max: 1249 })
    .optional()
    .meta({ description: 'partitions that may move from or to a broker at once' }),
  leaderConcurrency: q
    .count({ min: 1, max: 1250 })
    .optional()
    .meta({ description: 'leaders that may move at once' }),
  throttle: q
    .byteRate({ min: 1 })
    .optional()
    .meta({ description: 'of replication, for each broker and side that takes part' }),
  strategies: strategyList.optional().meta({ description: 'order in which partitions move' }),
};

type CommonArgs = z.output<z.ZodObject<typeof rebalanceArgs>>;
export type Played = BuildContext & { readonly id: string };

/** What is asked of Cruise Control, by an action or by the operator. */
export function requestOf(mode: RebalanceMode, args: CommonArgs, context: Played): RebalanceRequest {
  const { topics: all } = context.settings.kafka as KafkaPartSettings;
  const topics =
    args.excludedTopics === undefined
      ? undefined
      : topicsMatching(
          args.excludedTopics,
          all.map((t) => t.name),
        );
  return {
    mode,
    reason: context.id,
    brokers: args.brokers ?? [],
    goals: args.goals,
    skipHardGoalCheck: args.skipHardGoalCheck,
    excludedTopics: typeof topics === 'string' ? [] : topics,
    throttle: args.throttle,
    movementsPerBroker: args.concurrency,
    leadersInCluster: args.leaderConcurrency,
    strategies: args.strategies,
  };
}

/** Cross-checks of a request. */
export function checkRequest(
  mode: RebalanceMode,
  args: CommonArgs & Pick<Asked, (typeof brokerLists)[number]>,
  checks: Checks,
  at: readonly (string | number)[],
): void {
  const own = checks.settings<AnalyzerSettings>('cruiseControl');
  const kafka = checks.settings<KafkaPartSettings>('kafka');
  if (!checkPresence(checks, at) || own === undefined || kafka === undefined) return;
  const { brokers, topics } = kafka;
  // The operator has words of its own for a mode.
  const request = { ...args, mode };
  const mistakes = mistakesOf(
    request,
    brokers.map((b) => b.id),
  );
  for (const { about, place, found, mend } of mistakes) {
    const path = request[about] === undefined ? at : [...at, about];
    checks.problem(place === undefined ? path : [...path, place], found, mend);
  }
  if (args.throttle !== undefined) {
    const used = brokers.flatMap(directoriesIn).reduce((sum, d) => sum + d.usedBytes, 0);
    const each = used / Math.max(1, brokers.length);
    warnOfThrottle(args.throttle, each, ', which is what a broker holds', checks, [...at, 'throttle']);
  }
  const lack = lackOfHardGoals(request, own);
  if (lack !== undefined)
    checks.warning(
      args.goals === undefined ? at : [...at, 'goals'],
      lack,
      'add them, or write skipHardGoalCheck: true',
    );
  if (args.excludedTopics === undefined) return;
  const pattern = namePattern(args.excludedTopics);
  if (typeof pattern === 'string')
    checks.problem([...at, 'excludedTopics'], pattern, 'write one, such as "logs-.*"');
  else if (!topics.some((t) => pattern.matches(t.name)))
    checks.warning(
      [...at, 'excludedTopics'],
      `${args.excludedTopics.slice(0, 60)} matches no topic`,
      'write a regular expression that matches whole names, or remove it',
    );
}

/** An action of Cruise Control needs one. */
function checkPresence(checks: Checks, at: readonly (string | number)[]): boolean {
  if (checks.settings('cruiseControl') !== undefined) return true;
  checks.problem(
    at,
    'there is no Cruise Control',
    'add cruiseControl, such as cruiseControl: { version: 2.5.137 }',
  );
  return false;
}
