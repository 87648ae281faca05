import { z } from 'zod';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import { schemaRegistryCatalogue, schemaRegistryLabels } from '../../models/schemaRegistry/catalogue.ts';
import { type RequestKind, requestKinds, SchemaRegistry } from '../../models/schemaRegistry/registry.ts';
import type { Checks } from '../checks.ts';
import { schemaRegistryToKafka, schemasTopic } from '../connections/schemaRegistryToKafka.ts';
import type { Part } from '../part.ts';
import { q } from '../quantity.ts';
import { resources } from '../resources.ts';
import { unique } from '../unique.ts';
import type { KafkaPartSettings } from './kafka.ts';

const settings = z.strictObject({
  'schema.registry.group.id': z.string().min(1),
  'kafkastore.timeout.ms': q.count({ min: 1 }),
  instanceStart: q.varying.duration(),
  instances: z.array(z.string().min(1)).min(1).max(100),
  clients: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        newSchemas: q.rate({ min: 0 }).optional(),
        unseenIds: q.rate({ min: 0 }).optional(),
        coldStarts: q
          .rate({ min: 0 })
          .optional()
          .meta({ description: 'schemas that processes ask for which have just started' }),
      }),
    )
    .max(1000)
    .optional(),
});
export type SchemaRegistryPartSettings = z.output<typeof settings>;

function check(s: SchemaRegistryPartSettings, checks: Checks): void {
  unique(s.instances, (name) =>
    checks.problem(
      ['schemaRegistry', 'instances'],
      `instance ${name} is listed twice`,
      'give each instance its own name',
    ),
  );
  unique(
    (s.clients ?? []).map((c) => c.name),
    (name) =>
      checks.problem(
        ['schemaRegistry', 'clients', name, 'name'],
        `clients ${name} are listed twice`,
        'give each its own name',
      ),
  );
  const topic = checks.settings<KafkaPartSettings>('kafka')?.topics.find((t) => t.name === schemasTopic);
  if (checks.settings('kafka') === undefined) return;
  if (topic === undefined)
    checks.problem(
      ['schemaRegistry'],
      `there is no topic ${schemasTopic}, in which the registry keeps its schemas`,
      `add { name: ${schemasTopic}, partitions: 1, bytesIn: 0B/s, messagesIn: 0/s } to kafka.topics`,
    );
  else if (topic.partitions !== 1)
    checks.problem(
      ['kafka', 'topics', schemasTopic, 'partitions'],
      `${topic.partitions} partitions: the registry refuses to start`,
      'set it to 1',
    );
}

const namesOf = (names: readonly string[]) => names.slice(0, 20).join(', ');

function checkInstance(
  args: { instance?: string | undefined },
  checks: Checks,
  at: readonly (string | number)[],
): void {
  const names = checks.settings<SchemaRegistryPartSettings>('schemaRegistry')?.instances;
  if (names !== undefined && args.instance !== undefined && !names.includes(args.instance))
    checks.problem(
      [...at, 'instance'],
      `there is no instance ${args.instance}`,
      `name one of ${namesOf(names)}`,
    );
}

const instanceArgs = z.strictObject({ instance: z.string().min(1) });
const stopArgs = z.strictObject({
  instance: z.string().min(1),
  how: z
    .enum(['close', 'crash'])
    .optional()
    .meta({ description: 'close: it leaves the group; crash: it is missed when its session ends' }),
  for: q
    .duration({ min: 1 })
    .optional()
    .meta({ description: 'after which its process is started again; absent: it stays away' }),
});
const requestArgs = z.strictObject({
  client: z
    .enum(requestKinds)
    .meta({ description: 'what kind of client asks: with warm caches it asks nobody' }),
  instance: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'the one that is asked first; the first of the list where it is left out' }),
});
const startArgs = z.strictObject({
  client: z.string().min(1),
  schemas: q
    .count({ min: 1 })
    .meta({ description: 'processes that start, times the schemas that each needs' }),
  over: q.duration({ min: 1 }),
});

export const schemaRegistryPart: Part<SchemaRegistryPartSettings, SchemaRegistry> = {
  name: 'schemaRegistry',
  says: 'Confluent Schema Registry: its instances, their leader, and the clients that ask them',
  around: 'kafka',
  settings,
  check,
  create: (s, context) => {
    const kafka = context.models.kafka as KafkaCluster;
    return new SchemaRegistry(
      context.sim,
      {
        instances: s.instances,
        storeTimeoutMicros: s['kafkastore.timeout.ms'] * 1000,
        startMicros: s.instanceStart,
        roundTripMicros: kafka.settings.timing.roundTripMicros,
        clients: (s.clients ?? []).map((c) => ({
          name: c.name,
          newSchemas: c.newSchemas ?? 0,
          unseenIds: c.unseenIds ?? 0,
          coldStarts: c.coldStarts ?? 0,
        })),
      },
      schemaRegistryToKafka(kafka, s['schema.registry.group.id']),
    );
  },
  actions: {
    stop: {
      says: 'stops an instance of the schema registry',
      on: () => resources('registry'),
      undo: { can: 'yes', how: 'start the instance' },
      args: stopArgs,
      check: checkInstance,
      play: (registry: SchemaRegistry, args: z.output<typeof stopArgs>) =>
        registry.stop(registry.instanceRow(args.instance), args.how === 'crash', args.for),
    } as never,
    start: {
      says: 'starts the process of an instance that is stopped',
      on: () => resources('registry'),
      undo: { can: 'yes', how: 'stop the instance' },
      args: instanceArgs,
      check: checkInstance,
      play: (registry: SchemaRegistry, args: z.output<typeof instanceArgs>) =>
        registry.start(registry.instanceRow(args.instance)),
    } as never,
    request: {
      says: 'makes one request, to see how it ends',
      on: () => resources('registry'),
      undo: {
        can: 'no',
        how: 'a request that was answered stays answered; a schema that it registered can be deleted',
      },
      args: requestArgs,
      check: checkInstance,
      play: (registry: SchemaRegistry, args: z.output<typeof requestArgs>) => {
        registry.request(
          args.client as RequestKind,
          args.instance === undefined ? 0 : registry.instanceRow(args.instance),
        );
      },
    } as never,
    startClients: {
      says: 'starts processes of clients, whose caches are empty: each asks for its schemas',
      on: () => resources('registry'),
      undo: { can: 'no', how: 'the requests are made; the clients can be stopped' },
      args: startArgs,
      check: (args: z.output<typeof startArgs>, checks: Checks, at: readonly (string | number)[]) => {
        const clients = checks.settings<SchemaRegistryPartSettings>('schemaRegistry')?.clients ?? [];
        if (clients.some((c) => c.name === args.client)) return;
        checks.problem(
          [...at, 'client'],
          `there are no clients ${args.client}`,
          clients.length === 0
            ? 'add them to schemaRegistry.clients'
            : `name one of ${namesOf(clients.map((c) => c.name))}`,
        );
      },
      play: (registry: SchemaRegistry, args: z.output<typeof startArgs>) =>
        registry.coldStart(registry.clientRow(args.client), args.schemas, args.over),
    } as never,
  },
  setInsteadOfWarmed: ['schema registry: its leader elected, all schemas in memory'],
  catalogue: schemaRegistryCatalogue,
  labels: schemaRegistryLabels,
};
