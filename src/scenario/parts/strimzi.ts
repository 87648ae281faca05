import { z } from 'zod';
import { strimziCatalogue, strimziLabels } from '../../models/strimzi/catalogue.ts';
import { Operator } from '../../models/strimzi/operator.ts';
import type { Checks } from '../checks.ts';
import { strimziToKafka } from '../connections/strimziToKafka.ts';
import type { Part } from '../part.ts';
import { checkJvm, containerResources, jvmOf, jvmOptions, resourcesOf } from '../podOptions.ts';
import { q } from '../quantity.ts';
import type { KafkaPartSettings } from './kafka.ts';

const settings = z.strictObject({
  version: z.string(),
  cluster: z
    .string()
    .min(1)
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'a Kubernetes name'),
  jvm: jvmOptions.optional(),
  resources: containerResources.optional(),
});
export type StrimziSettings = z.output<typeof settings>;

const rollArgs = z.strictObject({
  brokers: z
    .array(q.count({ min: 0 }))
    .min(1)
    .optional(),
  jvm: jvmOptions.optional(),
  resources: containerResources.optional(),
  manual: z.boolean().meta({ description: 'the annotation strimzi.io/manual-rolling-update' }).optional(),
});

/** Brokers that a timeline entry names must exist. */
export function checkBrokers(
  ids: readonly number[] | undefined,
  checks: Checks,
  path: readonly (string | number)[],
): void {
  const brokers = checks.settings<KafkaPartSettings>('kafka')?.brokers;
  if (brokers === undefined || ids === undefined) return;
  const known = brokers.map((b) => b.id);
  ids.forEach((id, i) => {
    if (!known.includes(id)) {
      checks.problem(
        ids.length === 1 && typeof path[path.length - 1] === 'string' && path[path.length - 1] === 'broker'
          ? path
          : [...path, i],
        `there is no broker ${id}`,
        `name one of ${known.slice(0, 20).join(', ')}`,
      );
    }
  });
}

export const strimziPart: Part<StrimziSettings, Operator> = {
  name: 'strimzi',
  says: 'the Strimzi cluster operator: what pods should look like, and how it rolls them',
  needed: true,
  settings,
  check: (s, checks) => {
    if (!s.version.startsWith('0.42')) {
      checks.warning(
        ['strimzi', 'version'],
        `Strimzi ${s.version} is played as 0.42: one pod at a time, controllers first`,
        'read the result with this in mind',
      );
    }
  },
  create: (s, context) =>
    new Operator(
      context.sim,
      (context.settings.kafka as KafkaPartSettings).brokers.map((b) => b.id),
      { jvm: jvmOf(s.jvm), resources: resourcesOf(s.resources) },
      strimziToKafka(context.models),
    ),
  actions: {
    rollingRestart: {
      says: 'changes JVM options or resources, or annotates pods, and lets the operator roll what differs',
      args: rollArgs,
      check: (args: z.output<typeof rollArgs>, checks: Checks, at: readonly (string | number)[]) => {
        checkBrokers(args.brokers, checks, [...at, 'brokers']);
        if (args.jvm !== undefined || args.resources !== undefined) checkJvm(args, checks, at);
      },
      play: (
        operator: Operator,
        args: z.output<typeof rollArgs>,
        context: Parameters<typeof strimziPart.create>[1],
      ) => {
        const all = (context.settings.kafka as KafkaPartSettings).brokers.map((b) => b.id);
        operator.roll(
          args.brokers ?? all,
          jvmOf(args.jvm),
          resourcesOf(args.resources),
          args.manual ?? false,
        );
      },
    } as never,
  },
  catalogue: strimziCatalogue,
  labels: strimziLabels,
};
