import { readFileSync } from 'node:fs';
import type {
  ClusterDescription,
  GoalStatus,
  OptimizationOptions,
  OptimizationResult,
  ResourceLoad,
} from '../../src/models/cruiseControl/description.ts';
import { root } from './files.ts';

type LoadArray = readonly [number, number, number, number];

interface RecordedCluster {
  readonly capacity: ResourceLoad;
  readonly brokers: readonly {
    readonly id: number;
    readonly rack: string;
    readonly state?: 'NEW' | 'DEAD';
  }[];
  readonly partitions: readonly {
    readonly t: string;
    readonly p: number;
    readonly replicas: readonly number[];
    readonly leader?: number;
    readonly loads?: readonly LoadArray[];
    readonly leaderLoad?: LoadArray;
    readonly followerLoad?: LoadArray;
  }[];
}

export interface RecordedOutcome {
  readonly ok: boolean;
  readonly failedGoal?: string;
  readonly failureKind?: string;
  readonly status?: Readonly<Record<string, GoalStatus>>;
  readonly changed?: Readonly<Record<string, readonly number[]>>;
  readonly loadAfter?: Readonly<Record<string, readonly number[]>>;
  readonly numReplicaMovements?: number;
  readonly numLeaderMovements?: number;
  readonly dataToMoveMB?: number;
  readonly provisionStatus?: string;
  readonly onDemandBalancednessScoreBefore?: number;
  readonly onDemandBalancednessScoreAfter?: number;
}

export interface RecordedCase {
  readonly id: string;
  readonly cluster: string;
  readonly goals: readonly string[];
  readonly config: Readonly<Record<string, string>>;
  readonly options?: OptimizationOptions;
  readonly expected: RecordedOutcome;
}

const load = ([cpu, nwIn, nwOut, disk]: LoadArray): ResourceLoad => ({ cpu, nwIn, nwOut, disk });

function description(recorded: RecordedCluster): ClusterDescription {
  return {
    brokers: recorded.brokers.map((b) => ({ ...b, capacity: recorded.capacity })),
    partitions: recorded.partitions.map((p) => {
      const leader = p.leader ?? p.replicas[0]!;
      const loads = p.loads ?? p.replicas.map((b) => (b === leader ? p.leaderLoad! : p.followerLoad!));
      return { topic: p.t, partition: p.p, replicas: p.replicas, leader, loads: loads.map(load) };
    }),
  };
}

interface Recording {
  readonly clusters: Readonly<Record<string, RecordedCluster>>;
  readonly cases: readonly RecordedCase[];
}

/** The recorded outcomes, but for the mode whose two goals are not among the 18. */
export function recordedCases(): (RecordedCase & { readonly description: ClusterDescription })[] {
  const file = `${root}test/recordings/cruiseControl/oracle-cases.json`;
  const { clusters, cases } = JSON.parse(readFileSync(file, 'utf8')) as Recording;
  return cases
    .filter((c) => c.id !== 'cc-test:medium/kafkaAssigner')
    .map((c) => ({ ...c, description: description(clusters[c.cluster]!) }));
}

/** A result in the shape of a recorded outcome, figures rounded as those are. */
export function outcome(result: OptimizationResult): RecordedOutcome {
  if (!result.ok)
    return { ok: false, failedGoal: result.failure.goal, failureKind: result.failure.failureKind };
  const round = (value: number, unit = 1e4) => Math.round(value * unit) / unit;
  return {
    ok: true,
    status: Object.fromEntries(result.status),
    changed: Object.fromEntries(result.proposals.map((p) => [`${p.topic}-${p.partition}`, p.newReplicas])),
    numReplicaMovements: result.numReplicaMovements,
    numLeaderMovements: result.numLeaderMovements,
    dataToMoveMB: result.dataToMoveMB,
    onDemandBalancednessScoreBefore: round(result.onDemandBalancednessScoreBefore),
    onDemandBalancednessScoreAfter: round(result.onDemandBalancednessScoreAfter),
    provisionStatus: result.provisionStatus,
    loadAfter: Object.fromEntries(
      result.after.map((b) => [
        b.id,
        [
          b.replicas,
          b.leaders,
          ...[b.cpu, b.nwIn, b.nwOut, b.disk, b.potentialNwOut].map((x) => round(x, 1e3)),
        ],
      ]),
    ),
  };
}
