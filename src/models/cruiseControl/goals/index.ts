import {
  CpuCapacityGoal,
  DiskCapacityGoal,
  NetworkInboundCapacityGoal,
  NetworkOutboundCapacityGoal,
} from './capacity.ts';
import type { Goal, Run } from './goal.ts';
import { LeaderBytesInDistributionGoal } from './leaderBytesIn.ts';
import { LeaderReplicaDistributionGoal } from './leaderReplicaDistribution.ts';
import { MinTopicLeadersPerBrokerGoal } from './minTopicLeaders.ts';
import { PotentialNwOutGoal } from './potentialNwOut.ts';
import { PreferredLeaderElectionGoal } from './preferredLeaderElection.ts';
import { RackAwareDistributionGoal, RackAwareGoal } from './rackAware.ts';
import { ReplicaCapacityGoal } from './replicaCapacity.ts';
import { ReplicaDistributionGoal } from './replicaDistribution.ts';
import {
  CpuUsageDistributionGoal,
  DiskUsageDistributionGoal,
  NetworkInboundUsageDistributionGoal,
  NetworkOutboundUsageDistributionGoal,
} from './resourceDistribution.ts';
import { TopicReplicaDistributionGoal } from './topicReplicaDistribution.ts';

const makers = {
  RackAwareGoal: (run: Run): Goal => new RackAwareGoal(run),
  RackAwareDistributionGoal: (run: Run): Goal => new RackAwareDistributionGoal(run),
  MinTopicLeadersPerBrokerGoal: (run: Run): Goal => new MinTopicLeadersPerBrokerGoal(run),
  ReplicaCapacityGoal: (run: Run): Goal => new ReplicaCapacityGoal(run),
  DiskCapacityGoal: (run: Run): Goal => new DiskCapacityGoal(run),
  NetworkInboundCapacityGoal: (run: Run): Goal => new NetworkInboundCapacityGoal(run),
  NetworkOutboundCapacityGoal: (run: Run): Goal => new NetworkOutboundCapacityGoal(run),
  CpuCapacityGoal: (run: Run): Goal => new CpuCapacityGoal(run),
  ReplicaDistributionGoal: (run: Run): Goal => new ReplicaDistributionGoal(run),
  PotentialNwOutGoal: (run: Run): Goal => new PotentialNwOutGoal(run),
  DiskUsageDistributionGoal: (run: Run): Goal => new DiskUsageDistributionGoal(run),
  NetworkInboundUsageDistributionGoal: (run: Run): Goal => new NetworkInboundUsageDistributionGoal(run),
  NetworkOutboundUsageDistributionGoal: (run: Run): Goal => new NetworkOutboundUsageDistributionGoal(run),
  CpuUsageDistributionGoal: (run: Run): Goal => new CpuUsageDistributionGoal(run),
  TopicReplicaDistributionGoal: (run: Run): Goal => new TopicReplicaDistributionGoal(run),
  LeaderReplicaDistributionGoal: (run: Run): Goal => new LeaderReplicaDistributionGoal(run),
  LeaderBytesInDistributionGoal: (run: Run): Goal => new LeaderBytesInDistributionGoal(run),
  PreferredLeaderElectionGoal: (run: Run): Goal => new PreferredLeaderElectionGoal(run),
} as const;

export type GoalName = keyof typeof makers;
export const goalNames = Object.keys(makers) as readonly GoalName[];
export const isGoalName = (name: string): name is GoalName => Object.hasOwn(makers, name);

/**
 * Goals that are hard by their class, whatever `hard.goals` lists: one that cannot be met ends an optimization, and costs more balancedness.
 * Source: Cruise Control 2.5, `isHardGoal` of each.
 */
const hardByClass: ReadonlySet<string> = new Set<GoalName>([
  'RackAwareGoal',
  'RackAwareDistributionGoal',
  'MinTopicLeadersPerBrokerGoal',
  'ReplicaCapacityGoal',
  'DiskCapacityGoal',
  'NetworkInboundCapacityGoal',
  'NetworkOutboundCapacityGoal',
  'CpuCapacityGoal',
]);
export const isHard = (goal: string): boolean => hardByClass.has(goal);

export const makeGoal = (name: GoalName, run: Run): Goal => makers[name](run);
