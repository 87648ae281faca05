import type { Catalogue, Metric } from '../../engine/catalogue.ts';
import type { Operations } from './restarts.ts';

const metric = (name: string, unit: string, labels: readonly string[], help: string): Metric => ({
  name,
  type: name.endsWith('_total') ? 'counter' : 'gauge',
  unit,
  labels,
  help,
  source: 'ours',
});

export const operationsCatalogue: Catalogue = {
  metrics: [
    metric(
      'rehearse:restart_started_seconds',
      's',
      ['broker'],
      'When the latest restart of a broker began, from the start of the run; 0 before the first.',
    ),
    metric(
      'rehearse:restart_down_seconds',
      's',
      ['broker'],
      'From the deletion of the pod to its readiness, of the latest restart.',
    ),
    metric(
      'rehearse:restart_drain_seconds',
      's',
      ['broker'],
      'From the deletion of the pod to the end of its process, of the latest restart.',
    ),
    metric(
      'rehearse:restart_position',
      '',
      ['broker'],
      'Place of the latest restart in the order of all restarts; 0 before the first.',
    ),
    metric(
      'rehearse:restart_spacing_seconds',
      's',
      ['broker'],
      'From the start of the restart before to the start of this one; 0 for the first.',
    ),
    metric(
      'rehearse:restarts_duration_seconds',
      's',
      [],
      "From the first restart to the latest return of a broker's replicas to their ISRs.",
    ),
    metric('rehearse:procedures_halted_total', '', [], 'Procedures that were halted by their haltIf.'),
  ],
  events: [
    { name: 'operations.restart', lane: '{subject}', says: '{subject} is restarted; {detail}', step: true },
    {
      name: 'operations.nodeReplaced',
      lane: '{subject}',
      says: 'the disks of {subject} are replaced by empty ones; {detail}',
    },
    { name: 'operations.halted', lane: 'procedure', says: '{subject} is halted {detail}' },
    { name: 'operations.rollback', lane: '{subject}', says: '{subject} is rolled back: {detail}' },
    { name: 'operations.late', lane: '{subject}', says: '{subject} {detail}' },
    { name: 'operations.done', lane: 'procedure', says: '{subject} has made its last step: {detail}' },
  ],
  risks: [],
  panels: [],
};

export function operationsLabels(
  operations: Operations,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  const labels = operationsCatalogue.metrics.find((m) => m.name === name)?.labels;
  if (labels === undefined) return undefined;
  return labels.length === 0 ? () => ({}) : (row) => ({ broker: String(operations.ids[row]) });
}
