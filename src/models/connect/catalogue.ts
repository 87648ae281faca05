import type { Catalogue, Metric } from '../../engine/catalogue.ts';
import type { ConnectCluster } from './connect.ts';

const metric = (
  name: string,
  unit: string,
  labels: readonly string[],
  help: string,
  source: string,
): Metric => ({
  name,
  type: name.endsWith('_total') ? 'counter' : 'gauge',
  unit,
  labels,
  help,
  source,
});

const workerMetrics = 'Kafka 3.7 kafka.connect:type=connect-worker-metrics';
const rebalanceMetrics = 'Kafka 3.7 kafka.connect:type=connect-worker-rebalance-metrics';

export const connectCatalogue: Catalogue = {
  metrics: [
    metric(
      'kafka_connect_worker_connector_count',
      '',
      ['worker'],
      'Connectors that a worker runs.',
      `${workerMetrics}, connector-count`,
    ),
    metric(
      'kafka_connect_worker_task_count',
      '',
      ['worker'],
      'Tasks that a worker runs.',
      `${workerMetrics}, task-count`,
    ),
    metric(
      'kafka_connect_worker_rebalance_completed_rebalances_total',
      '',
      ['worker'],
      'Rebalances that a worker took part in.',
      `${rebalanceMetrics}, completed-rebalances-total`,
    ),
    metric(
      'kafka_connect_worker_rebalance_rebalancing',
      '',
      ['worker'],
      'Whether a worker is rebalancing.',
      `${rebalanceMetrics}, rebalancing`,
    ),
    metric(
      'kafka_connect_worker_connector_total_task_count',
      '',
      ['connector'],
      'Tasks of a connector.',
      `${workerMetrics},connector=*, connector-total-task-count; summed over the workers`,
    ),
    metric(
      'kafka_connect_worker_connector_running_task_count',
      '',
      ['connector'],
      'Tasks of a connector that run.',
      `${workerMetrics},connector=*, connector-running-task-count; summed over the workers`,
    ),
    metric(
      'kafka_connect_worker_connector_paused_task_count',
      '',
      ['connector'],
      'Tasks of a connector that are paused.',
      `${workerMetrics},connector=*, connector-paused-task-count; summed over the workers`,
    ),
    metric(
      'kafka_connect_worker_connector_unassigned_task_count',
      '',
      ['connector'],
      'Tasks of a connector that no worker in the group has.',
      `${workerMetrics},connector=*, connector-unassigned-task-count; here at once, where Connect goes by the last status that it was told`,
    ),
    metric(
      'rehearse:connect_idle_tasks',
      '',
      ['connector'],
      'Tasks of a sink that run and have no partition to read.',
      'ours; tasks.max against partitions',
    ),
    metric(
      'rehearse:connect_busiest_task_ratio',
      'ratio',
      ['connector'],
      'What comes in for the busiest task, as a share of what a task can do; above 1 its lag grows.',
      'ours',
    ),
    metric(
      'rehearse:connect_task_down_seconds_total',
      's',
      ['connector'],
      'Task-seconds in which tasks of a connector did not run, paused ones apart.',
      'ours',
    ),
    metric(
      'rehearse:connect_replayed_records_total',
      'records',
      ['connector'],
      'Records that are done again, because the task that did them was gone before its offsets were flushed.',
      'ours; Kafka 3.7 offset.flush.interval.ms',
    ),
    metric(
      'kafka_connect_sink_task_sink_record_send_total',
      'records',
      ['connector'],
      'Records handed to a sink.',
      'Kafka 3.7 kafka.connect:type=sink-task-metrics, sink-record-send-total; summed over the tasks',
    ),
    metric(
      'kafka_connect_source_task_source_record_write_total',
      'records',
      ['connector'],
      'Records that a source has sent to Kafka.',
      'Kafka 3.7 kafka.connect:type=source-task-metrics, source-record-write-total; summed over the tasks',
    ),
    metric(
      'rehearse:connect_source_lag_rows',
      'rows',
      ['connector'],
      'Rows in the tables of a source that have not been sent.',
      'ours; JDBC source connector',
    ),
    metric(
      'rehearse:connect_rebalance_delay_seconds',
      's',
      [],
      'How long the latest assignment puts the next one off: lost tasks wait so long for their worker; 0 when none does.',
      'ours; Kafka 3.7 scheduled.rebalance.max.delay.ms',
    ),
  ],
  events: [
    {
      name: 'connect.workerStopped',
      lane: '{subject}',
      says: 'worker {subject} is stopped: {detail}',
      step: true,
    },
    {
      name: 'connect.workerLeft',
      lane: '{subject}',
      says: 'worker {subject} {detail}: it is out of the group',
    },
    { name: 'connect.workerJoins', lane: '{subject}', says: 'worker {subject} asks to join' },
    { name: 'connect.rebalanced', lane: 'connect', says: 'the {subject} rebalanced: {detail}' },
    { name: 'connect.tasksChanged', lane: '{subject}', says: 'connector {subject}: {detail}', step: true },
    { name: 'connect.tasksUnchanged', lane: '{subject}', says: 'connector {subject} makes {detail}' },
    {
      name: 'connect.connectorRestarted',
      lane: '{subject}',
      says: 'connector {subject} is restarted: {detail}',
      step: true,
    },
    { name: 'connect.paused', lane: '{subject}', says: 'connector {subject} is paused' },
    { name: 'connect.resumed', lane: '{subject}', says: 'connector {subject} is resumed' },
    {
      name: 'connect.coordinatorLost',
      lane: '{subject}',
      says: 'worker {subject} cannot reach the coordinator of its group: {detail}',
    },
  ],
  risks: [],
  panels: [
    {
      title: 'Connect tasks that run',
      that: 'kafka_connect_worker_connector_running_task_count',
      unit: '',
      by: 'connector',
    },
    {
      title: 'Load of the busiest task',
      that: 'rehearse:connect_busiest_task_ratio',
      unit: 'ratio',
      by: 'connector',
    },
    { title: 'Source lag', that: 'rehearse:connect_source_lag_rows', unit: 'rows', by: 'connector' },
  ],
};

export function connectLabels(
  connect: ConnectCluster,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  const labels = connectCatalogue.metrics.find((m) => m.name === name)?.labels;
  if (labels === undefined) return undefined;
  if (labels.length === 0) return () => ({});
  return labels[0] === 'worker'
    ? (row) => ({ worker: connect.settings.workers[row] })
    : (row) => ({ connector: connect.settings.connectors[row].name });
}
