import { z } from 'zod';
import type { RebalanceRequest } from '../models/cruiseControl/cruiseControl.ts';
import { movementStrategies } from '../models/cruiseControl/executionTasks.ts';
import { type GoalName, goalNames } from '../models/cruiseControl/goals/index.ts';
import { type RebalanceMode, stateOfNamed } from '../models/cruiseControl/modes.ts';
import { checkBrokers } from './brokerIds.ts';
import type { Checks } from './checks.ts';
import { type AnalyzerSettings, defaultGoals, defaultHardGoals } from './cruiseControlSettings.ts';
import type { BuildContext } from './part.ts';
import { directoriesIn, type KafkaPartSettings } from './parts/kafka.ts';
import { q } from './quantity.ts';
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

/** Topics whose whole name matches. */
function topicsMatching(
  pattern: string | undefined,
  kafka: KafkaPartSettings,
): readonly string[] | undefined {
  if (pattern === undefined) return undefined;
  const whole = new RegExp(`^(?:${pattern})$`, 'u');
  return kafka.topics.map((t) => t.name).filter((name) => whole.test(name));
}

/** What is asked of Cruise Control, by an action or by the operator. */
export function requestOf(mode: RebalanceMode, args: CommonArgs, context: Played): RebalanceRequest {
  return {
    mode,
    reason: context.id,
    brokers: args.brokers ?? [],
    goals: args.goals,
    skipHardGoalCheck: args.skipHardGoalCheck,
    excludedTopics: topicsMatching(args.excludedTopics, context.settings.kafka as KafkaPartSettings),
    throttle: args.throttle,
    movementsPerBroker: args.concurrency,
    leadersInCluster: args.leaderConcurrency,
    strategies: args.strategies,
  };
}

/** Cross-checks of a request. */
export function checkRequest(
  mode: RebalanceMode,
  args: CommonArgs,
  checks: Checks,
  at: readonly (string | number)[],
): void {
  const own = checks.settings<AnalyzerSettings>('cruiseControl');
  if (!checkPresence(checks, at) || own === undefined) return;
  checkBrokers(args.brokers, checks, [...at, 'brokers']);
  const brokers = checks.settings<KafkaPartSettings>('kafka')?.brokers ?? [];
  if (mode === 'remove-broker' && brokers.every((b) => args.brokers?.includes(b.id)))
    checks.problem(
      [...at, 'brokers'],
      'every broker would be removed',
      'leave those that shall carry the replicas',
    );
  if (args.throttle !== undefined) {
    const used = brokers.flatMap(directoriesIn).reduce((sum, d) => sum + d.usedBytes, 0);
    const each = used / Math.max(1, brokers.length);
    warnOfThrottle(args.throttle, each, ', which is what a broker holds', checks, [...at, 'throttle']);
  }
  const named = stateOfNamed[mode] !== undefined;
  if (named && args.brokers === undefined)
    checks.problem(at, `${mode} without brokers`, 'name them under brokers');
  if (!named && args.brokers !== undefined)
    checks.problem(
      [...at, 'brokers'],
      `brokers for ${mode}, which concerns all`,
      'remove brokers, or write another mode',
    );
  if (mode === 'demote' && args.goals !== undefined)
    checks.problem([...at, 'goals'], 'goals for a demotion, which has its own', 'remove goals');
  const listed = args.goals ?? own.goals ?? defaultGoals;
  const missing = (own.hardGoals ?? defaultHardGoals).filter((g) => !listed.includes(g));
  if (mode !== 'demote' && missing.length > 0 && args.skipHardGoalCheck !== true) {
    checks.warning(
      args.goals === undefined ? at : [...at, 'goals'],
      `the goals lack ${missing.join(', ')}, which ${missing.length === 1 ? 'is' : 'are'} hard: Cruise Control will refuse the request`,
      'add them, or write skipHardGoalCheck: true',
    );
  }
  if (args.goals !== undefined && new Set(args.goals).size < args.goals.length)
    checks.problem(
      [...at, 'goals'],
      'a goal is listed twice',
      'keep the place that it shall have in the order',
    );
  if (args.excludedTopics === undefined) return;
  try {
    new RegExp(args.excludedTopics, 'u');
  } catch {
    checks.problem([...at, 'excludedTopics'], 'no regular expression', 'write one, such as "logs-.*"');
  }
}

/** A KafkaRebalance needs a Cruise Control. */
function checkPresence(checks: Checks, at: readonly (string | number)[]): boolean {
  if (checks.settings('cruiseControl') !== undefined) return true;
  checks.problem(
    at,
    'there is no Cruise Control',
    'add cruiseControl, such as cruiseControl: { version: 2.5.137 }',
  );
  return false;
}
