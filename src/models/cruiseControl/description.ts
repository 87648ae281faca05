/** Load or capacity by resource. CPU is percent of one core, network KB/s, disk MB, as in Cruise Control's capacity file. */
export interface ResourceLoad {
  readonly cpu: number;
  readonly nwIn: number;
  readonly nwOut: number;
  readonly disk: number;
}

/** Source: Cruise Control 2.5 `Broker.State`. */
export type BrokerState = 'ALIVE' | 'DEAD' | 'NEW' | 'DEMOTED' | 'BAD_DISKS';

export interface BrokerDescription {
  readonly id: number;
  /** Absent or empty: the host is its own rack. Source: Cruise Control 2.5 `MonitorUtils.getRackHandleNull`. */
  readonly rack?: string;
  /** Absent: a host of its own. */
  readonly host?: string;
  /** Absent: ALIVE. */
  readonly state?: BrokerState;
  /** CPU is cores x 100. */
  readonly capacity: ResourceLoad;
  /** Replicas of a BAD_DISKS broker that are on its broken disks, as "topic-partition". */
  readonly offlineReplicas?: readonly string[];
}

export interface PartitionDescription {
  readonly topic: string;
  readonly partition: number;
  /** Broker ids in list order; the first is the preferred leader. */
  readonly replicas: readonly number[];
  /** Broker id; absent: the first replica. */
  readonly leader?: number;
  /** One for each replica, in list order: the leader's includes what followers and consumers fetch from it. */
  readonly loads: readonly ResourceLoad[];
}

/** A Kafka cluster as Cruise Control's analyzer sees it: where replicas live and what each costs its broker. */
export interface ClusterDescription {
  readonly brokers: readonly BrokerDescription[];
  readonly partitions: readonly PartitionDescription[];
}

/** What a request may exclude or ask for. Source: Cruise Control 2.5 `OptimizationOptions`. */
export interface OptimizationOptions {
  /** Topics whose online replicas stay where they are. */
  readonly excludedTopics?: readonly string[];
  readonly excludedForLeadership?: readonly number[];
  readonly excludedForReplicaMove?: readonly number[];
  /** Replicas go to these brokers only. */
  readonly destinationBrokers?: readonly number[];
}

export interface OptimizationRequest {
  /** Simple class names in priority order, such as RackAwareGoal. */
  readonly goals: readonly string[];
  /** Cruise Control's own keys, such as `disk.capacity.threshold`; what is absent has Cruise Control's default. */
  readonly config?: Readonly<Record<string, string>>;
  readonly options?: OptimizationOptions;
}

/** Source: Cruise Control 2.5 `OptimizerResult.goalResultDescription`. */
export type GoalStatus = 'NO-ACTION' | 'FIXED' | 'VIOLATED';

/** What moves of one partition. Source: Cruise Control 2.5 `ExecutionProposal`. */
export interface Proposal {
  readonly topic: string;
  readonly partition: number;
  readonly oldLeader: number;
  readonly oldReplicas: readonly number[];
  /** The new leader is the first. */
  readonly newReplicas: readonly number[];
  /** Size of the partition, MB. */
  readonly sizeMb: number;
}

/** What stands on a broker. */
export interface BrokerLoad extends ResourceLoad {
  readonly id: number;
  readonly replicas: number;
  readonly leaders: number;
  readonly leaderNwIn: number;
  /** What it would send if it led all its partitions, KB/s. */
  readonly potentialNwOut: number;
}

export type ProvisionStatus = 'UNDER_PROVISIONED' | 'OVER_PROVISIONED' | 'RIGHT_SIZED' | 'UNDECIDED';

/** Why a hard goal cannot be met. */
export interface UnsatisfiableGoal {
  readonly goal: string;
  readonly failureKind: string;
  /** What is short: a resource, replicas, racks or leaders. */
  readonly resource: string;
  readonly needed: number;
  readonly available: number;
  readonly unit: string;
  /** How many further empty brokers of the typical capacity, each in the rack where it helps, mend this goal; absent where no number does. */
  readonly brokersToAdd: number | undefined;
  /** Where trying found no number that does, the largest that would have been tried. */
  readonly brokersTried: number | undefined;
  /** The finding as a sentence. */
  readonly says: string;
}

export type OptimizationResult =
  | {
      readonly ok: false;
      readonly failure: UnsatisfiableGoal;
      readonly status: ReadonlyMap<string, GoalStatus>;
    }
  | {
      readonly ok: true;
      /** By goal, in the order of the request. */
      readonly status: ReadonlyMap<string, GoalStatus>;
      readonly proposals: readonly Proposal[];
      readonly before: readonly BrokerLoad[];
      readonly after: readonly BrokerLoad[];
      /** Partitions that get a replica on another broker. */
      readonly numReplicaMovements: number;
      readonly numLeaderMovements: number;
      readonly dataToMoveMB: number;
      readonly onDemandBalancednessScoreBefore: number;
      readonly onDemandBalancednessScoreAfter: number;
      readonly provisionStatus: ProvisionStatus;
    };
