import type { Catalogue, Metric } from '../../engine/catalogue.ts';
import { type Responder, stages } from './responder.ts';

const says: Readonly<Record<(typeof stages)[number], string>> = {
  detect: 'the first alert fires',
  notify: 'an alert manager sends the first message',
  deliver: 'the first message arrives in a channel',
  acknowledge: 'somebody acknowledges',
  mitigate: 'the last step of the answer is done',
  recover: 'no alert is active any more',
};

const metric = (name: string, unit: string, help: string): Metric => ({
  name,
  type: name.endsWith('_total') ? 'counter' : 'gauge',
  unit,
  labels: ['alertname', 'entry'],
  help,
  source: 'ours',
});

export const responderCatalogue: Catalogue = {
  metrics: [
    ...stages.map((stage) =>
      metric(
        `rehearse:incident_${stage}_seconds`,
        's',
        `From the evaluation that first found the alert true until ${says[stage]}, of the latest incident that fired; no value before.`,
      ),
    ),
    metric('rehearse:incidents_total', '', 'Incidents in which an alert fired that an entry waits for.'),
    metric('rehearse:incident_actions_total', '', 'Steps that were played because of an alert.'),
  ],
  events: [
    { name: 'responder.begins', lane: 'procedure', says: '{subject} is begun for {detail}' },
    { name: 'responder.acts', lane: 'procedure', says: '{subject}: {detail}' },
    {
      name: 'responder.standsDown',
      lane: 'procedure',
      says: '{subject} stands down before {detail}: the alert fires no more',
    },
  ],
  risks: [],
  panels: [],
};

export function responderLabels(
  responder: Responder,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  if (!responderCatalogue.metrics.some((m) => m.name === name)) return undefined;
  return (row) => ({ alertname: responder.answers[row]!.alert, entry: responder.answers[row]!.name });
}
