import type { ClusterDescription, OptimizationRequest } from '../models/cruiseControl/description.ts';
import {
  demotionGoals,
  missingHardGoals,
  type RebalanceMode,
  stateOfNamed,
} from '../models/cruiseControl/modes.ts';
import { idsText, simpleNames, topicNames, topicsMatching } from './cruiseControlRequest.ts';
import {
  type AnalyzerSettings,
  configOf,
  defaultGoals,
  defaultHardGoals,
  goalListProblems,
} from './cruiseControlSettings.ts';

/** A request as somebody makes it. */
export interface Asked {
  readonly mode: RebalanceMode;
  /** Absent: those of the platform, else Strimzi's. */
  readonly goals?: readonly string[] | undefined;
  /** Brokers that the mode is about. */
  readonly brokers?: readonly number[] | undefined;
  /** A regular expression that matches whole names of topics. */
  readonly excludedTopics?: string | undefined;
  readonly excludedForLeadership?: readonly number[] | undefined;
  readonly excludedForReplicaMove?: readonly number[] | undefined;
  readonly destinationBrokers?: readonly number[] | undefined;
  readonly skipHardGoalCheck?: boolean | undefined;
}

/** Lists of brokers that a request may have beside those that its mode is about. */
export const brokerLists = ['destinationBrokers', 'excludedForLeadership', 'excludedForReplicaMove'] as const;

/** What is wrong with a request: what it is about, the finding and the remedy. */
export interface Mistake {
  readonly about: keyof Asked;
  /** In a list, which entry; absent: the whole. */
  readonly place?: number;
  readonly found: string;
  readonly mend: string;
}

/**
 * What is wrong with the mode, brokers and goals of a request.
 * @param known ids of the brokers there are
 */
export function mistakesOf(given: Asked, known: readonly number[]): Mistake[] {
  const mistakes: Mistake[] = [];
  const { mode, brokers = [], goals } = given;
  const named = stateOfNamed[mode] !== undefined;
  if (!named && brokers.length > 0)
    mistakes.push({
      about: 'brokers',
      found: `brokers for ${mode}, which concerns all`,
      mend: 'leave them out, or choose another mode',
    });
  if (named && brokers.length === 0)
    mistakes.push({
      about: 'brokers',
      found: `${mode} without brokers`,
      mend: `name some of ${idsText(known)}`,
    });
  for (const about of ['brokers', ...brokerLists] as const) {
    (given[about] ?? []).forEach((id, place) => {
      if (known.includes(id)) return;
      const add = about === 'brokers' && mode === 'add-broker' ? ', or add it to kafka.brokers' : '';
      mistakes.push({
        about,
        place,
        found: `there is no broker ${id}`,
        mend: `name some of ${idsText(known)}${add}`,
      });
    });
  }
  if (mode === 'remove-broker' && known.every((id) => brokers.includes(id)))
    mistakes.push({
      about: 'brokers',
      found: 'every broker would be removed',
      mend: 'leave those that shall carry the replicas',
    });
  if (goals === undefined) return mistakes;
  if (mode === 'demote')
    mistakes.push({
      about: 'goals',
      found: `goals for a demotion, which has its own: ${demotionGoals.join(', ')}`,
      mend: 'leave them out',
    });
  if (goals.length === 0)
    mistakes.push({
      about: 'goals',
      found: 'a list without a goal',
      mend: 'name at least one, or leave goals out',
    });
  for (const { place, found, mend } of goalListProblems(goals))
    mistakes.push({ about: 'goals', place, found, mend });
  return mistakes;
}

/**
 * For lack of hard goals Cruise Control refuses a request: `GoalBasedOperationRunnable`, `RunnableUtils.sanityCheckGoals`.
 * @returns what is missing, as a sentence; undefined when nothing is, or nobody looks
 */
export function lackOfHardGoals(given: Asked, settings: AnalyzerSettings | undefined): string | undefined {
  if (given.skipHardGoalCheck === true) return undefined;
  const goals = given.goals ?? settings?.goals ?? defaultGoals;
  const missing = missingHardGoals(given.mode, goals, settings?.hardGoals ?? defaultHardGoals);
  if (missing.length === 0) return undefined;
  return `the hard ${missing.length === 1 ? 'goal' : 'goals'} ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing: Cruise Control refuses such a request`;
}

/** The cluster and the request as they go to the optimizer. */
export function asked(
  cluster: ClusterDescription,
  settings: AnalyzerSettings | undefined,
  request: Asked,
): {
  readonly cluster: ClusterDescription;
  readonly request: OptimizationRequest;
  readonly mistakes: readonly Mistake[];
} {
  const given = request.goals === undefined ? request : { ...request, goals: simpleNames(request.goals) };
  const { mode, brokers = [], excludedForLeadership, excludedForReplicaMove, destinationBrokers } = given;
  const mistakes = mistakesOf(
    given,
    cluster.brokers.map((b) => b.id),
  );
  if (mode === 'fix-offline' && !cluster.brokers.some((b) => b.state === 'DEAD' || b.state === 'BAD_DISKS'))
    mistakes.push({
      about: 'mode',
      found: 'no broker is down and no disk is broken',
      mend: 'name a moment of the scenario at which one is',
    });
  const lack = lackOfHardGoals(given, settings);
  if (lack !== undefined && !mistakes.some((m) => m.about === 'goals'))
    mistakes.push({
      about: 'goals',
      found: lack,
      mend: 'add them, or skip the check of hard goals',
    });
  const topics =
    given.excludedTopics === undefined ? [] : topicsMatching(given.excludedTopics, topicNames(cluster));
  if (typeof topics === 'string')
    mistakes.push({
      about: 'excludedTopics',
      found: topics,
      mend: 'write a regular expression that matches whole names',
    });
  const state = stateOfNamed[mode];
  return {
    cluster:
      state === undefined
        ? cluster
        : {
            ...cluster,
            brokers: cluster.brokers.map((b) => (brokers.includes(b.id) ? { ...b, state } : b)),
          },
    request: {
      goals: mode === 'demote' ? demotionGoals : (given.goals ?? settings?.goals ?? defaultGoals),
      config: configOf(settings?.config),
      options: {
        excludedTopics: typeof topics === 'string' ? [] : topics,
        ...(excludedForLeadership === undefined ? {} : { excludedForLeadership }),
        ...(excludedForReplicaMove === undefined ? {} : { excludedForReplicaMove }),
        ...(destinationBrokers === undefined ? {} : { destinationBrokers }),
      },
    },
    mistakes,
  };
}
