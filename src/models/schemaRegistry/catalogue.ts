import type { Catalogue, Metric } from '../../engine/catalogue.ts';
import { asked, failures, type SchemaRegistry } from './registry.ts';

const metric = (
  name: string,
  unit: string,
  labels: readonly string[],
  help: string,
  source = 'ours',
): Metric => ({
  name,
  type: name.endsWith('_total') ? 'counter' : 'gauge',
  unit,
  labels,
  help,
  source,
});

export const schemaRegistryCatalogue: Catalogue = {
  metrics: [
    metric(
      'kafka_schema_registry_master_slave_role',
      '',
      ['instance'],
      '1 for the instance that leads, 0 for one that does not or is not there.',
      'schema-registry 7.6 kafka.schema.registry:type=master-slave-role',
    ),
    metric(
      'rehearse:schema_registry_requests_total',
      'requests',
      ['client', 'request'],
      'Requests that clients made; those of the timeline have no client.',
    ),
    metric(
      'rehearse:schema_registry_failed_requests_total',
      'requests',
      ['client', 'request', 'code'],
      'Requests that failed, each a serialisation or deserialisation that did: by error code, or unreachable where no instance serves.',
      'ours; schema-registry 7.6 rest Errors',
    ),
    metric(
      'rehearse:schema_registry_reads_available',
      '',
      [],
      'Whether an instance serves: ids are looked up, and known schemas found.',
    ),
    metric(
      'rehearse:schema_registry_writes_available',
      'ratio',
      [],
      'Share of the serving instances at which a new schema can be registered.',
    ),
  ],
  events: [
    {
      name: 'schemaRegistry.stopped',
      lane: '{subject}',
      says: 'registry {subject} is stopped: {detail}',
      step: true,
    },
    { name: 'schemaRegistry.serves', lane: '{subject}', says: 'registry {subject} serves' },
    {
      name: 'schemaRegistry.elected',
      lane: '{subject}',
      says: 'registry {subject} leads, elected in {detail}',
    },
    { name: 'schemaRegistry.request', lane: 'schema registry', says: 'request of a {subject}: {detail}' },
    {
      name: 'schemaRegistry.clientsStart',
      lane: 'schema registry',
      says: 'processes of {subject} start: {detail}',
      step: true,
    },
  ],
  risks: [],
  panels: [
    {
      title: 'Schema registry: requests that failed',
      that: 'sum by (code) (rehearse:schema_registry_failed_requests_total)',
      unit: 'requests',
      by: 'code',
      optional: true,
    },
  ],
};

export function schemaRegistryLabels(
  registry: SchemaRegistry,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  const labels = schemaRegistryCatalogue.metrics.find((m) => m.name === name)?.labels;
  if (labels === undefined) return undefined;
  const { instances, clients } = registry.settings;
  const requested = (row: number) => ({
    client: clients[Math.floor(row / asked.length)]?.name ?? '',
    request: asked[row % asked.length],
  });
  switch (labels.join()) {
    case '':
      return () => ({});
    case 'instance':
      return (row) => ({ instance: instances[row] });
    case 'client,request':
      return requested;
    default:
      return (row) => ({
        ...requested(Math.floor(row / failures.length)),
        code: failures[row % failures.length],
      });
  }
}
