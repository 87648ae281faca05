import { z } from 'zod';
import type { DetectorSettings } from '../../models/cruiseControl/anomalyDetector.ts';
import { cruiseControlCatalogue, cruiseControlLabels } from '../../models/cruiseControl/catalogue.ts';
import { isAnalyzerKey } from '../../models/cruiseControl/constraint.ts';
import { CruiseControl } from '../../models/cruiseControl/cruiseControl.ts';
import type { ExecutorSettings } from '../../models/cruiseControl/executor.ts';
import { rebalanceModes } from '../../models/cruiseControl/modes.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import { KafkaRebalances } from '../../models/strimzi/rebalance.ts';
import type { Checks } from '../checks.ts';
import { cruiseControlToKafka } from '../connections/cruiseControlToKafka.ts';
import {
  analyzerConfig,
  analyzerSettings,
  checkAnalyzer,
  configOf,
  defaultGoals,
  defaultHardGoals,
} from '../cruiseControlSettings.ts';
import { checkHalt } from '../halt.ts';
import type { Part } from '../part.ts';
import { q } from '../quantity.ts';
import {
  brokerIds,
  checkRequest,
  goalList,
  type Played,
  rebalanceArgs,
  requestOf,
  strategyList,
} from '../rebalanceRequest.ts';
import { resources } from '../resources.ts';

const milliseconds = q.count({ min: 1 }).optional();

/**
 * Cruise Control's own keys for the executor and the anomaly detector, as they stand in cruisecontrol.properties, and what holds where one is
 * absent. Source: Cruise Control 2.5 `ExecutorConfig`, `AnomalyDetectorConfig`.
 */
const executorConfig = z.strictObject({
  'num.concurrent.partition.movements.per.broker': q.count({ min: 1, max: 1249 }).optional(),
  'max.num.cluster.partition.movements': q.count({ min: 1, max: 1250 }).optional(),
  'num.concurrent.leader.movements': q.count({ min: 1, max: 1250 }).optional(),
  'num.concurrent.leader.movements.per.broker': q.count({ min: 1, max: 1250 }).optional(),
  'execution.progress.check.interval.ms': q.count({ min: 5000 }).optional(),
  'min.execution.progress.check.interval.ms': q.count({ min: 1000 }).optional(),
  'leader.movement.timeout.ms': milliseconds,
  'default.replication.throttle': q.count({ min: 1 }).optional(),
  'default.replica.movement.strategies': strategyList.optional(),
  'concurrency.adjuster.inter.broker.replica.enabled': z.boolean().optional(),
  'concurrency.adjuster.leadership.enabled': z.boolean().optional(),
  'concurrency.adjuster.min.isr.check.enabled': z.boolean().optional(),
  'concurrency.adjuster.interval.ms': milliseconds,
  'self.healing.enabled': z.boolean().optional(),
  'anomaly.detection.interval.ms': milliseconds,
  'anomaly.detection.goals': goalList.optional(),
  'broker.failure.detection.backoff.ms': milliseconds,
  'broker.failure.alert.threshold.ms': milliseconds,
  'broker.failure.self.healing.threshold.ms': milliseconds,
  'fixable.failed.broker.count.threshold': q.count({ min: 0 }).optional(),
  'fixable.failed.broker.percentage.threshold': q.number({ min: 0, max: 1 }).optional(),
});
type ExecutorConfig = z.output<typeof executorConfig>;

const settings = z.strictObject({
  ...analyzerSettings,
  version: z.string(),
  config: z.strictObject({ ...analyzerConfig.shape, ...executorConfig.shape }).optional(),
});
export type CruiseControlPartSettings = z.output<typeof settings>;

/** Source: Cruise Control 2.5 `AnomalyDetectorConfig.DEFAULT_ANOMALY_DETECTION_GOALS`; Strimzi 0.42 has the same. */
const detectionGoals = [
  'RackAwareGoal',
  'MinTopicLeadersPerBrokerGoal',
  'ReplicaCapacityGoal',
  'DiskCapacityGoal',
] as const;

/** `max.num.cluster.movements`, and how many checks of min ISR fall into an interval of the adjuster. Source: Cruise Control 2.5 `ExecutorConfig`. */
const movementsOfAllKinds = 1250;
const minIsrChecks = 5;

const micros = (milliseconds: number) => Math.round(milliseconds * 1000);

function executorOf(c: ExecutorConfig): ExecutorSettings {
  return {
    concurrency: {
      movementsPerBroker: c['num.concurrent.partition.movements.per.broker'] ?? 5,
      movementsInCluster: c['max.num.cluster.partition.movements'] ?? 1250,
      movementsOfAllKinds,
      leadersInCluster: c['num.concurrent.leader.movements'] ?? 1000,
      leadersPerBroker: c['num.concurrent.leader.movements.per.broker'] ?? 250,
    },
    adjuster: {
      replicaMovements: c['concurrency.adjuster.inter.broker.replica.enabled'] ?? false,
      leadershipMovements: c['concurrency.adjuster.leadership.enabled'] ?? false,
      minIsrCheck: c['concurrency.adjuster.min.isr.check.enabled'] ?? false,
      intervalMicros: micros(c['concurrency.adjuster.interval.ms'] ?? 360_000),
      minIsrChecks,
    },
    checkMicros: micros(c['execution.progress.check.interval.ms'] ?? 10_000),
    minCheckMicros: micros(c['min.execution.progress.check.interval.ms'] ?? 5000),
    leaderTimeoutMicros: micros(c['leader.movement.timeout.ms'] ?? 180_000),
    throttle: c['default.replication.throttle'],
    strategies: c['default.replica.movement.strategies'] ?? ['BaseReplicaMovementStrategy'],
  };
}

function detectorOf(c: ExecutorConfig): DetectorSettings | undefined {
  if (c['self.healing.enabled'] !== true) return undefined;
  return {
    intervalMicros: micros(c['anomaly.detection.interval.ms'] ?? 300_000),
    goals: c['anomaly.detection.goals'] ?? detectionGoals,
    backoffMicros: micros(c['broker.failure.detection.backoff.ms'] ?? 300_000),
    alertMicros: micros(c['broker.failure.alert.threshold.ms'] ?? 900_000),
    healMicros: micros(c['broker.failure.self.healing.threshold.ms'] ?? 1_800_000),
    fixableBrokers: c['fixable.failed.broker.count.threshold'] ?? 10,
    fixableShare: c['fixable.failed.broker.percentage.threshold'] ?? 0.4,
  };
}

const requestArgs = z.strictObject({
  ...rebalanceArgs,
  mode: z.enum(rebalanceModes).optional(),
  destinationBrokers: brokerIds.optional(),
  excludedForLeadership: brokerIds.optional(),
  excludedForReplicaMove: brokerIds.optional(),
  brokerLeaderConcurrency: q.count({ min: 1, max: 1250 }).optional(),
  clusterConcurrency: q.count({ min: 1, max: 1250 }).optional(),
  limitNamedBrokers: z
    .boolean()
    .optional()
    .meta({ description: 'false lifts the limit of each for brokers that are added or removed' }),
  checkInterval: q.duration({ min: 5_000_000 }).optional(),
  stopOngoing: z.boolean().optional(),
  haltIf: z
    .string()
    .meta({
      description:
        'a PromQL comparison over the values of this instant, looked at with every check of progress: one series that satisfies it stops the execution',
    })
    .optional(),
});
type RequestArgs = z.output<typeof requestArgs>;
export interface CruiseControlModel {
  readonly service: CruiseControl;
  readonly rebalances: KafkaRebalances;
}

function checkArgs(args: RequestArgs, checks: Checks, at: readonly (string | number)[]): void {
  const mode = args.mode ?? 'rebalance';
  checkRequest(mode, args, checks, at);
  if (args.limitNamedBrokers !== undefined && mode !== 'add-broker' && mode !== 'remove-broker')
    checks.problem(
      [...at, 'limitNamedBrokers'],
      'no brokers are added or removed',
      'remove limitNamedBrokers',
    );
  checkHalt(args.haltIf, checks, [...at, 'haltIf']);
}

export const cruiseControlPart: Part<CruiseControlPartSettings, CruiseControlModel> = {
  name: 'cruiseControl',
  says: 'Cruise Control: where replicas and leaders should be, how they get there, and self-healing',
  around: 'kafka',
  settings,
  check: (s, checks) => {
    if (!s.version.startsWith('2.5')) {
      checks.warning(
        ['cruiseControl', 'version'],
        `Cruise Control ${s.version} is played as 2.5.137`,
        'read the result with this in mind',
      );
    }
    checkAnalyzer(s, checks);
    const { checkMicros, minCheckMicros } = executorOf(s.config ?? {});
    if (minCheckMicros > checkMicros) {
      checks.problem(
        ['cruiseControl', 'config', 'min.execution.progress.check.interval.ms'],
        'the minimum is above the interval itself: Cruise Control does not start',
        `lower it to ${checkMicros / 1000} or less`,
      );
    }
  },
  create: (s, context) => {
    const own = s.config ?? {};
    const analyzer = Object.fromEntries(Object.entries(own).filter(([key]) => isAnalyzerKey(key)));
    return {
      service: new CruiseControl(
        context.sim,
        {
          goals: s.goals ?? defaultGoals,
          hardGoals: s.hardGoals ?? defaultHardGoals,
          config: configOf(analyzer),
          executor: executorOf(own),
          detector: detectorOf(own),
        },
        cruiseControlToKafka(context),
      ),
      rebalances: new KafkaRebalances(context.sim),
    };
  },
  connect: ({ service }, context) => {
    const { topics } = context.models.kafka as KafkaCluster;
    topics.onPartitionsAdded.push((_, from, to) => service.monitor.note(context.sim.now, to - from));
  },
  actions: {
    rebalance: {
      says: 'asks Cruise Control for moves that satisfy its goals, and has them executed',
      on: () => resources('broker'),
      undo: {
        can: 'partly',
        how: 'stop the execution: moves under way are rolled back, finished ones stay and take a reassignment of their own',
      },
      busy: ['rehearse:reassignments'],
      args: requestArgs,
      check: checkArgs,
      play: ({ service }: CruiseControlModel, args: RequestArgs, context: Played) => {
        const mode = args.mode ?? 'rebalance';
        const { haltIf } = args;
        service.request({
          ...requestOf(mode, args, context),
          destinationBrokers: args.destinationBrokers,
          excludedForLeadership: args.excludedForLeadership,
          excludedForReplicaMove: args.excludedForReplicaMove,
          leadersPerBroker: args.brokerLeaderConcurrency,
          movementsInCluster: args.clusterConcurrency,
          unlimitedBrokers: args.limitNamedBrokers === false ? args.brokers : undefined,
          checkMicros: args.checkInterval,
          stopOngoing: args.stopOngoing,
          halt:
            haltIf === undefined
              ? undefined
              : () => (context.condition(haltIf) ? `halted by ${haltIf}` : undefined),
        });
      },
    } as never,
    stop: {
      says: 'stops the execution under way: what is in progress is rolled back',
      on: () => resources('broker'),
      undo: { can: 'yes', how: 'ask for the rebalance again: it begins anew with what is left' },
      busy: ['rehearse:reassignments'],
      args: z.strictObject({}),
      play: ({ service }: CruiseControlModel, _: unknown, context: Played) => {
        if (!service.executor.stop('asked to'))
          context.sim.tell('cruiseControl.refused', context.id, 'nothing is being executed');
      },
    } as never,
  },
  findings: ({ service }) => service.findings(),
  catalogue: cruiseControlCatalogue,
  labels: (_, name) => cruiseControlLabels(name),
};
