import type { ClusterDescription, OptimizationRequest } from '../models/cruiseControl/description.ts';
import { demotionGoals, type RebalanceMode, stateOfNamed } from '../models/cruiseControl/modes.ts';
import { idsText, simpleNames, topicsOf } from './cruiseControlRequest.ts';
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
  readonly goals?: readonly string[];
  /** Brokers that the mode is about. */
  readonly brokers?: readonly number[];
  /** A regular expression that matches whole names of topics. */
  readonly excludedTopics?: string;
  readonly skipHardGoalCheck: boolean;
}

/** What is wrong with a request: what it is about, the finding and the remedy. */
export interface Mistake {
  readonly about: keyof Asked;
  readonly found: string;
  readonly mend: string;
}

/**
 * The cluster and the request as they go to the optimizer.
 * A request whose goals lack one of the hard goals is refused, as Cruise Control refuses it: `GoalBasedOperationRunnable`,
 * `RunnableUtils.sanityCheckGoals`.
 */
export function asked(
  cluster: ClusterDescription,
  settings: AnalyzerSettings | undefined,
  given: Asked,
): {
  readonly cluster: ClusterDescription;
  readonly request: OptimizationRequest;
  readonly mistakes: Mistake[];
} {
  const mistakes: Mistake[] = [];
  const mistake = (about: keyof Asked, found: string, mend: string) => mistakes.push({ about, found, mend });
  const { mode } = given;
  const state = stateOfNamed[mode];
  const known = new Map(cluster.brokers.map((b) => [b.id, b]));
  const brokers = given.brokers ?? [];
  if (state === undefined && brokers.length > 0)
    mistake(
      'brokers',
      `mode ${mode} names no brokers`,
      'leave them out, or choose add-broker, remove-broker or demote',
    );
  if (state !== undefined && brokers.length === 0)
    mistake('brokers', `mode ${mode} without brokers`, `name some of ${idsText(cluster)}`);
  for (const id of brokers) {
    if (!known.has(id))
      mistake(
        'brokers',
        `there is no broker ${id}`,
        mode === 'add-broker'
          ? `add it to kafka.brokers of the platform; there are ${idsText(cluster)}`
          : `name some of ${idsText(cluster)}`,
      );
  }
  if (mode === 'remove-broker' && cluster.brokers.every((b) => brokers.includes(b.id)))
    mistake('brokers', 'every broker would be removed', 'leave those that shall carry the replicas');
  if (mode === 'fix-offline' && !cluster.brokers.some((b) => b.state === 'DEAD' || b.state === 'BAD_DISKS'))
    mistake(
      'mode',
      'no broker is down and no disk is broken',
      'name a moment of the scenario at which one is',
    );
  const goals = goalsOf(mode, settings, given, mistake);
  let excludedTopics: readonly string[] = [];
  if (given.excludedTopics !== undefined) {
    const topics = topicsOf(given.excludedTopics, cluster);
    if (typeof topics === 'string')
      mistake('excludedTopics', topics, 'write a regular expression that matches whole names');
    else excludedTopics = topics;
  }
  return {
    cluster:
      state === undefined
        ? cluster
        : {
            ...cluster,
            brokers: cluster.brokers.map((b) => (brokers.includes(b.id) ? { ...b, state } : b)),
          },
    request: { goals, config: configOf(settings?.config), options: { excludedTopics } },
    mistakes,
  };
}

function goalsOf(
  mode: RebalanceMode,
  settings: AnalyzerSettings | undefined,
  given: Asked,
  mistake: (about: keyof Asked, found: string, mend: string) => void,
): readonly string[] {
  if (mode === 'demote') {
    if (given.goals !== undefined)
      mistake('goals', 'mode demote has one goal of its own: PreferredLeaderElectionGoal', 'leave goals out');
    return demotionGoals;
  }
  const goals = given.goals === undefined ? (settings?.goals ?? defaultGoals) : simpleNames(given.goals);
  if (goals.length === 0) mistake('goals', 'a list without a goal', 'name at least one, or leave goals out');
  const wrong = goalListProblems(goals);
  for (const { found, mend } of wrong) mistake('goals', found, mend);
  const missing = (settings?.hardGoals ?? defaultHardGoals).filter((goal) => !goals.includes(goal));
  if (missing.length > 0 && goals.length > 0 && wrong.length === 0 && !given.skipHardGoalCheck)
    mistake(
      'goals',
      `the hard ${missing.length === 1 ? 'goal' : 'goals'} ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing: Cruise Control refuses such a request`,
      'add them, or skip the check of hard goals',
    );
  return goals;
}
