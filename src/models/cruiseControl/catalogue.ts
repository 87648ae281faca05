import type { Catalogue, Metric } from '../../engine/catalogue.ts';
import { anomalyTypes } from './anomalyDetector.ts';
import { movementKinds, scoreTimes } from './cruiseControl.ts';
import { taskStates } from './executionTasks.ts';
import { executorStates, taskOutcomes } from './executor.ts';
import { goalNames } from './goals/index.ts';

const jmx = 'Cruise Control 2.5, names as the JMX exporter rules of Strimzi write them';
const executor = 'kafka_cruisecontrol_executor';
const detector = 'kafka_cruisecontrol_anomalydetector';

const metric = (
  name: string,
  unit: string,
  labels: readonly string[],
  help: string,
  source = 'ours',
): Metric => ({ name, type: name.endsWith('_total') ? 'counter' : 'gauge', unit, labels, help, source });

const actions = (kind: string, what: string) =>
  taskStates.map((state) =>
    metric(
      `${executor}_${kind}_action_${state}_value`,
      '',
      [],
      `${what} of the execution under way that are ${state.replace('_', ' ')}.`,
      `ExecutionTaskTracker, ${jmx}`,
    ),
  );

export const cruiseControlCatalogue: Catalogue = {
  metrics: [
    ...actions('replica', 'Partitions to move between brokers'),
    ...actions('leadership', 'Leaders to move'),
    metric(
      `${executor}_inter_broker_partition_movements_per_broker_cap_value`,
      '',
      [],
      'Partitions that may move from or to a broker at once; the smallest of the brokers where they differ.',
      `Executor, ${jmx}`,
    ),
    metric(
      `${executor}_leadership_movements_global_cap_value`,
      '',
      [],
      'Leaders that may move at once.',
      `Executor, ${jmx}`,
    ),
    metric(
      `${executor}_execution_started_non_kafka_assigner_value`,
      '',
      [],
      '1 while an execution is under way.',
      `Executor, ${jmx}`,
    ),
    metric(
      `${executor}_execution_stopped_value`,
      '',
      [],
      'Executions that were stopped so far.',
      `Executor, ${jmx}`,
    ),
    metric(
      `${detector}_balancedness_score_value`,
      '',
      [],
      'Score of the goals that are watched, 100 where all are satisfied; -1 while replicas are offline.',
      `GoalViolationDetector, ${jmx}`,
    ),
    metric(
      `${detector}_has_unfixable_goals_value`,
      '',
      [],
      '1 when a watched goal cannot be satisfied by moving replicas.',
      `AnomalyDetectorManager, ${jmx}`,
    ),
    metric(
      'rehearse:cruise_control_executor_state',
      '',
      ['state'],
      '1 for the state that the executor is in.',
      'ours; ExecutorState, Cruise Control 2.5',
    ),
    metric(
      'rehearse:cruise_control_execution_seconds',
      's',
      [],
      'How long the execution under way has lasted, or the last one did.',
    ),
    metric(
      'rehearse:cruise_control_execution_least_seconds',
      's',
      [],
      'What the moves of the last optimization cannot take less than, by its throttle and by the turns of its partitions; 1e9 where they never end.',
    ),
    metric(
      'rehearse:cruise_control_data_to_move_bytes',
      'B',
      [],
      'What the execution under way, or the last one, was to copy.',
      'ours; totalDataToMove of ExecutorState, Cruise Control 2.5',
    ),
    metric(
      'rehearse:cruise_control_finished_data_bytes',
      'B',
      [],
      'What the completed tasks of that execution have copied.',
      'ours; finishedDataMovement of ExecutorState, Cruise Control 2.5, which counts dead tasks as well',
    ),
    metric(
      'rehearse:cruise_control_tasks_total',
      '',
      ['outcome'],
      'What became of tasks: completed, dead, cancelled before they began, or abandoned in the middle when an execution ended.',
    ),
    metric(
      'rehearse:cruise_control_goal_status',
      '',
      ['goal'],
      'Of the last optimization: 0 NO-ACTION, 1 FIXED, 2 VIOLATED; -1 for a goal that was never asked for.',
      'ours; OptimizerResult.goalResultDescription, Cruise Control 2.5',
    ),
    metric(
      'rehearse:cruise_control_unsatisfiable_total',
      '',
      [],
      'Requests that ended because a hard goal cannot be satisfied.',
    ),
    metric(
      'rehearse:cruise_control_brokers_to_add',
      '',
      [],
      'Empty brokers that would mend the hard goal which ended the last optimization; 0 where none did, or no number would.',
    ),
    metric(
      'rehearse:cruise_control_requests_refused_total',
      '',
      [],
      'Requests that were refused, since an execution or another reassignment was under way.',
    ),
    metric(
      'rehearse:cruise_control_balancedness',
      '',
      ['at'],
      'Balancedness score of the last optimization before and after its moves, 0 to 100.',
      'ours; onDemandBalancednessScore of OptimizationResult, Cruise Control 2.5',
    ),
    metric(
      'rehearse:cruise_control_movements',
      '',
      ['of'],
      'What the last optimization proposed: partitions that get a replica elsewhere, and partitions whose leader alone moves.',
      'ours; numReplicaMovements and numLeaderMovements of OptimizationResult, Cruise Control 2.5',
    ),
    metric('rehearse:cruise_control_fixes_total', '', ['anomaly'], 'Executions that self-healing has begun.'),
  ],
  events: [
    {
      name: 'cruiseControl.waitsForMetrics',
      lane: 'Cruise Control',
      says: '{subject} waits for metrics of new partitions: {detail}',
    },
    { name: 'cruiseControl.proposals', lane: 'Cruise Control', says: '{subject}: {detail}' },
    {
      name: 'cruiseControl.unsatisfiable',
      lane: 'Cruise Control',
      says: '{subject} ends without a proposal: {detail}',
    },
    { name: 'cruiseControl.refused', lane: 'Cruise Control', says: '{subject} is refused: {detail}' },
    {
      name: 'cruiseControl.executionStarted',
      lane: 'Cruise Control',
      says: '{subject} begins: {detail}',
      step: true,
    },
    {
      name: 'cruiseControl.stopRequested',
      lane: 'Cruise Control',
      says: '{subject} is to stop at the next check of progress: {detail}',
    },
    { name: 'cruiseControl.executionFinished', lane: 'Cruise Control', says: '{subject} is done: {detail}' },
    {
      name: 'cruiseControl.executionStopped',
      lane: 'Cruise Control',
      says: '{subject} has stopped: {detail}',
    },
    {
      name: 'cruiseControl.tasksAbandoned',
      lane: 'Cruise Control',
      says: '{subject} leaves to Kafka what is still moving: {detail}',
    },
    { name: 'cruiseControl.brokerFailure', lane: 'Cruise Control', says: '{subject} {detail}' },
    { name: 'cruiseControl.alert', lane: 'Cruise Control', says: 'alert for {subject}: {detail}' },
    {
      name: 'cruiseControl.selfHealing',
      lane: 'Cruise Control',
      says: 'self-healing of {subject}: {detail}',
    },
    {
      name: 'cruiseControl.fixNotStarted',
      lane: 'Cruise Control',
      says: 'self-healing of {subject} is not begun: {detail}',
    },
  ],
  risks: [],
  panels: [
    {
      title: 'Partitions that Cruise Control is moving',
      that: `${executor}_replica_action_in_progress_value`,
      unit: '',
      optional: true,
    },
    {
      title: 'Partitions that Cruise Control has still to move',
      that: `${executor}_replica_action_pending_value`,
      unit: '',
      optional: true,
    },
    {
      title: 'Data that Cruise Control has moved',
      that: 'rehearse:cruise_control_finished_data_bytes',
      unit: 'B',
      optional: true,
    },
  ],
};

const rows: Readonly<Record<string, readonly string[]>> = {
  state: executorStates,
  outcome: taskOutcomes,
  at: scoreTimes,
  of: movementKinds,
  anomaly: anomalyTypes,
  goal: goalNames,
};

export function cruiseControlLabels(
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  const labels = cruiseControlCatalogue.metrics.find((m) => m.name === name)?.labels;
  if (labels === undefined) return undefined;
  const [label] = labels;
  if (label === undefined) return () => ({});
  const values = rows[label];
  return (row) => ({ [label]: values[row] });
}
