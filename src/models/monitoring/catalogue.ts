import type { Catalogue } from '../../engine/catalogue.ts';
import type { Monitoring } from './monitoring.ts';

const prometheus = 'Prometheus 3, rules/alerting.go';

export const monitoringCatalogue: Catalogue = {
  metrics: [
    {
      name: 'ALERTS',
      type: 'gauge',
      unit: '',
      labels: ['alertname', 'alertstate'],
      openLabels: true,
      help: '1 while an alert is pending, and while it fires, as of the last evaluation.',
      source: prometheus,
    },
    {
      name: 'ALERTS_FOR_STATE',
      type: 'gauge',
      unit: 's',
      labels: ['alertname'],
      openLabels: true,
      help: 'Unix time at which an alert became active.',
      source: prometheus,
    },
    {
      name: 'rehearse:alerts_firing',
      type: 'gauge',
      unit: '',
      labels: ['alertname'],
      help: 'Alerts of this name that fire, of Prometheus and of Grafana.',
      source: 'ours',
    },
    {
      name: 'rehearse:alert_firing_seconds',
      type: 'gauge',
      unit: 's',
      labels: ['alertname'],
      help: 'Seconds for which an alert fired, for any labels.',
      source: 'ours',
    },
    {
      name: 'rehearse:alert_fired_at_seconds',
      type: 'gauge',
      unit: 's',
      labels: ['alertname'],
      help: 'When an alert of this name first fired, from the start of what is played.',
      source: 'ours',
    },
    {
      name: 'rehearse:notifications_total',
      type: 'counter',
      unit: 'messages',
      labels: ['receiver'],
      help: 'Messages that an alert manager sent.',
      source: 'ours',
    },
  ],
  events: [
    { name: 'monitoring.pending', lane: 'alerts', says: '{subject} is pending{detail}' },
    { name: 'monitoring.firing', lane: 'alerts', says: '{subject} fires{detail}' },
    { name: 'monitoring.resolved', lane: 'alerts', says: '{subject} is resolved{detail}' },
    { name: 'monitoring.notified', lane: 'messages', says: 'receiver {subject} is told: {detail}' },
    { name: 'monitoring.delivered', lane: 'messages', says: 'channel {subject}: {detail}' },
    { name: 'monitoring.acknowledged', lane: 'messages', says: 'channel {subject}: acknowledged: {detail}' },
    { name: 'monitoring.escalated', lane: 'messages', says: 'channel {subject}: escalated: {detail}' },
    { name: 'monitoring.closed', lane: 'messages', says: 'channel {subject}: closed: {detail}' },
  ],
  risks: [
    {
      name: 'alertsFiring',
      unit: '',
      says: 'alerts that fire in the period',
      that: 'count(rehearse:alert_firing_seconds > 0)',
    },
  ],
  panels: [
    {
      title: 'Alerts that fire',
      that: 'rehearse:alerts_firing',
      unit: '',
      by: 'alertname',
      optional: true,
    },
    {
      title: 'Messages sent',
      that: 'rehearse:notifications_total',
      unit: 'messages',
      by: 'receiver',
      optional: true,
    },
  ],
};

/** The labels of the rows of one of these metrics, or of what a rule records. */
export function monitoringLabels(
  monitoring: Monitoring,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  if (monitoring.isWritten(name)) return (row) => monitoring.series(name).labelsOf(row);
  if (name.startsWith('rehearse:alert')) return (row) => ({ alertname: monitoring.alertNames[row]! });
  if (name === 'rehearse:notifications_total') return (row) => ({ receiver: monitoring.receivers[row]! });
  return undefined;
}
