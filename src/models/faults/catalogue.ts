import type { Catalogue } from '../../engine/catalogue.ts';
import { faultKinds } from './faults.ts';

export const faultsCatalogue: Catalogue = {
  metrics: [
    {
      name: 'rehearse:faults_active',
      type: 'gauge',
      unit: '',
      labels: ['kind'],
      help: 'Faults that have begun and are not mended.',
      source: 'ours',
    },
    {
      name: 'rehearse:faults_total',
      type: 'counter',
      unit: '',
      labels: ['kind'],
      help: 'Faults that have begun.',
      source: 'ours',
    },
  ],
  events: [
    { name: 'faults.begins', lane: 'faults', says: '{subject}: {detail}' },
    { name: 'faults.skipped', lane: 'faults', says: '{subject} does not fail by chance: {detail}' },
    { name: 'faults.ends', lane: 'faults', says: '{subject}: the fault is mended' },
  ],
  risks: [],
  panels: [],
};

export function faultsLabels(
  _: unknown,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  if (!faultsCatalogue.metrics.some((m) => m.name === name)) return undefined;
  return (row) => ({ kind: faultKinds[row] });
}
