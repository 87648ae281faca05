import { z } from 'zod';
import type { Distribution } from '../../engine/distributions.ts';
import { operationsCatalogue, operationsLabels } from '../../models/operations/catalogue.ts';
import { Operations, type WaitFor } from '../../models/operations/restarts.ts';
import type { Operator } from '../../models/strimzi/operator.ts';
import { checkBrokers } from '../brokerIds.ts';
import type { Checks } from '../checks.ts';
import { operationsToKafka } from '../connections/operationsToKafka.ts';
import { checkHalt } from '../halt.ts';
import type { BuildContext, Part } from '../part.ts';
import { checkJvm, containerResources, jvmOf, jvmOptions, resourcesOf } from '../podOptions.ts';
import { q } from '../quantity.ts';
import { resources } from '../resources.ts';
import type { KafkaPartSettings } from './kafka.ts';

const times = z.union([z.array(q.varying.duration({ min: 1 })).min(1), q.varying.duration({ min: 1 })]);

const rollingRestart = z.strictObject({
  brokers: z
    .array(q.count({ min: 0 }))
    .min(1)
    .optional(),
  every: q.duration({ min: 1_000_000 }).optional(),
  waitFor: z.enum(['inSync', 'ready', 'nothing']).optional(),
  stabilisation: q.duration({ min: 0 }).optional(),
  downTime: times.optional(),
  drain: times.optional(),
  jvm: jvmOptions.optional(),
  resources: containerResources.optional(),
  haltIf: z
    .string()
    .meta({
      description:
        'a PromQL comparison over the values of this instant, looked at before each step: one series that satisfies it is enough, as in an alert rule',
    })
    .optional(),
  rollback: z.boolean().optional(),
});

const one = z.strictObject({
  broker: q.count({ min: 0 }),
  downTime: q.varying.duration({ min: 1 }).optional(),
  drain: q.varying.duration({ min: 1 }).optional(),
});

type RollingRestart = z.output<typeof rollingRestart>;
type One = z.output<typeof one>;
type Played = BuildContext & { readonly id: string };

function isList(x: unknown): x is readonly Distribution[] {
  return Array.isArray(x);
}

function checkRollingRestart(args: RollingRestart, checks: Checks, at: readonly (string | number)[]): void {
  checkBrokers(args.brokers, checks, [...at, 'brokers']);
  if (args.jvm !== undefined || args.resources !== undefined) checkJvm(args, checks, at);
  if (args.every !== undefined && (args.waitFor !== undefined || args.stabilisation !== undefined)) {
    checks.problem(
      [...at, 'every'],
      'both a fixed spacing and a wait',
      'give every, or waitFor with stabilisation',
    );
  }
  const count = args.brokers?.length ?? checks.settings<KafkaPartSettings>('kafka')?.brokers.length ?? 0;
  for (const key of ['downTime', 'drain'] as const) {
    const given = args[key];
    if (isList(given) && given.length !== count) {
      checks.problem(
        [...at, key],
        `${given.length} times for ${count} brokers`,
        'give one for each broker, in their order, or one for all',
      );
    }
  }
  if (args.rollback === true && args.haltIf === undefined) {
    checks.problem([...at, 'rollback'], 'a rollback that nothing starts', 'add haltIf, or remove rollback');
  }
  checkHalt(args.haltIf, checks, [...at, 'haltIf']);
}

function checkOne(args: One, checks: Checks, at: readonly (string | number)[]): void {
  checkBrokers([args.broker], checks, [...at, 'broker']);
}

export const operationsPart: Part<Record<string, never>, Operations> = {
  name: 'operations',
  says: 'procedures that people follow by hand, and the book of all restarts',
  around: 'kafka',
  needed: false,
  settings: z.strictObject({}) as z.ZodType<Record<string, never>>,
  create: (_, context) =>
    new Operations(
      context.sim,
      (context.settings.kafka as KafkaPartSettings).brokers.map((b) => b.id),
      operationsToKafka(context.models),
    ),
  actions: {
    rollingRestart: {
      says: 'restarts brokers one after another, by a fixed spacing or by waiting',
      on: (args: { readonly brokers?: readonly number[] }) => resources('broker', args.brokers),
      undo: {
        can: 'yes',
        how: 'restart the brokers again with the old options, which takes as long as the step did; rollback: true does it at a halt',
      },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: rollingRestart,
      check: checkRollingRestart,
      play: (operations: Operations, args: RollingRestart, context: Played) => {
        const brokers = args.brokers ?? operations.ids;
        const operator = context.models.strimzi as Operator;
        const pick = (given: unknown) => (place: number) =>
          (isList(given) ? given[place] : given) as Distribution | undefined;
        operations.follow(
          {
            name: context.id,
            brokers,
            every: args.every,
            waitFor: (args.waitFor ?? 'inSync') as WaitFor,
            stabilisation: args.stabilisation ?? 0,
            downTime: pick(args.downTime),
            drain: pick(args.drain),
            halt: args.haltIf === undefined ? undefined : () => context.condition(args.haltIf as string),
            haltText: args.haltIf ?? '',
            rollback: args.rollback ?? false,
          },
          (id) => operator.apply([id], jvmOf(args.jvm), resourcesOf(args.resources)),
        );
      },
    } as never,
    restart: {
      says: 'restarts one broker',
      on: (args: { readonly broker: number }) => resources('broker', [args.broker]),
      undo: { can: 'yes', how: 'restart the broker again with the old options, which takes as long' },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: one,
      check: checkOne,
      play: (operations: Operations, args: One) =>
        operations.restartOne(args.broker, args.drain, args.downTime),
    } as never,
    replaceNode: {
      says: "replaces a broker's node: it comes back with empty disks",
      on: (args: { readonly broker: number }) => resources('broker', [args.broker]),
      undo: { can: 'no', how: 'the old disks are gone: every replica of the broker is copied anew' },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: one,
      check: checkOne,
      play: (operations: Operations, args: One) => operations.replace(args.broker, args.drain, args.downTime),
    } as never,
  },
  catalogue: operationsCatalogue,
  labels: operationsLabels,
};
