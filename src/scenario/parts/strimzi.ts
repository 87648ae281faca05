import { z } from 'zod';
import type { AuthoritySpec } from '../../models/strimzi/authorities.ts';
import { strimziCatalogue, strimziLabels } from '../../models/strimzi/catalogue.ts';
import { Operator } from '../../models/strimzi/operator.ts';
import { checkBrokers } from '../brokerIds.ts';
import type { Checks } from '../checks.ts';
import { strimziToCruiseControl } from '../connections/strimziToCruiseControl.ts';
import { strimziToKafka, topicOperatorToKafka } from '../connections/strimziToKafka.ts';
import { instant } from '../instant.ts';
import type { Part } from '../part.ts';
import { checkIncrease, increaseArgs } from '../partitionActions.ts';
import { checkJvm, containerResources, jvmOf, jvmOptions, resourcesOf } from '../podOptions.ts';
import { q } from '../quantity.ts';
import { checkRequest, type Played, rebalanceArgs, requestOf } from '../rebalanceRequest.ts';
import { resources } from '../resources.ts';
import type { CruiseControlModel } from './cruiseControl.ts';
import type { KafkaPartSettings } from './kafka.ts';

const certificateAuthority = z.strictObject({
  notAfter: instant.meta({ description: 'when the certificate that it has now ends, RFC 3339' }),
  generateCertificateAuthority: z.boolean().optional(),
  validityDays: q.count({ min: 1, max: 36_500 }).optional(),
  renewalDays: q.count({ min: 0, max: 36_500 }).optional(),
  certificateExpirationPolicy: z.enum(['renew-certificate', 'replace-key']).optional(),
});

const settings = z.strictObject({
  version: z.string(),
  cluster: z
    .string()
    .min(1)
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'a Kubernetes name'),
  jvm: jvmOptions.optional(),
  resources: containerResources.optional(),
  clusterCa: certificateAuthority.optional(),
  clientsCa: certificateAuthority.optional(),
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

/** Modes of a KafkaRebalance, and what the operator asks of Cruise Control. Source: Strimzi 0.42 `KafkaRebalanceMode`. */
const rebalanceModes = {
  full: 'rebalance',
  'add-brokers': 'add-broker',
  'remove-brokers': 'remove-broker',
} as const;

const rebalance = z.strictObject({
  ...rebalanceArgs,
  mode: z.enum(['full', 'add-brokers', 'remove-brokers']).optional(),
  approveAfter: q.duration({ min: 0 }).optional().meta({
    description:
      'when somebody approves the proposal that is ready; absent: it is approved at once by its annotation',
  }),
});

const topicArgs = z.strictObject({
  ...increaseArgs.shape,
  managed: z.boolean().optional().meta({
    description:
      'false: the KafkaTopic is annotated strimzi.io/managed: "false", and the operator leaves it alone',
  }),
});

/** Source: Strimzi 0.42 `CertificateAuthority`: 365 days, renewed 30 days before their end. */
function authoritiesOf(s: StrimziSettings, from: number): readonly AuthoritySpec[] {
  const one = (type: AuthoritySpec['type'], given: StrimziSettings['clusterCa']): readonly AuthoritySpec[] =>
    given === undefined
      ? []
      : [
          {
            type,
            notAfter: given.notAfter - from,
            validityMicros: (given.validityDays ?? 365) * 86_400e6,
            renewalMicros: (given.renewalDays ?? 30) * 86_400e6,
            isGenerated: given.generateCertificateAuthority ?? true,
            replacesKey: given.certificateExpirationPolicy === 'replace-key',
          },
        ];
  return [...one('cluster-ca', s.clusterCa), ...one('clients-ca', s.clientsCa)];
}

export const strimziPart: Part<StrimziSettings, Operator> = {
  name: 'strimzi',
  says: 'the Strimzi cluster operator: what pods should look like, and how it rolls them',
  around: 'kafka',
  needed: true,
  settings,
  check: (s, checks) => {
    for (const key of ['clusterCa', 'clientsCa'] as const) {
      const given = s[key];
      if (given !== undefined && (given.renewalDays ?? 30) >= (given.validityDays ?? 365))
        checks.problem(
          ['strimzi', key],
          'it would be renewed as soon as it is made',
          'let renewalDays be less than validityDays',
        );
    }
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
      topicOperatorToKafka(context.models),
      authoritiesOf(s, context.from - context.warmUp),
      context.from - context.warmUp,
    ),
  dueDates: (operator) => operator.authorities.dueDates(),
  findings: (operator) => operator.authorities.findings(),
  ahead: ['topic'],
  actions: {
    topic: {
      says: 'changes the partitions of a KafkaTopic, and the topic operator creates what is missing',
      on: (args: { readonly topic?: string }) =>
        resources('topic', args.topic === undefined ? undefined : [args.topic]),
      undo: {
        can: 'no',
        how: 'Kafka never takes partitions away from a topic; delete the topic and create it anew, which loses its records',
      },
      args: topicArgs,
      check: checkIncrease,
      play: (operator: Operator, args: z.output<typeof topicArgs>) =>
        operator.topics.change(args.topic, args.partitions, args.managed ?? true),
    } as never,
    rollingRestart: {
      says: 'changes JVM options or resources, or annotates pods, and lets the operator roll what differs',
      on: (args: { readonly brokers?: readonly number[] }) => resources('broker', args.brokers),
      undo: {
        can: 'yes',
        how: 'set the old options in the Kafka resource: the operator rolls the brokers again, which takes as long as the step did',
      },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
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
    rebalance: {
      says: 'makes a KafkaRebalance resource, which the operator has Cruise Control carry out',
      on: () => resources('broker'),
      undo: {
        can: 'partly',
        how: 'annotate the KafkaRebalance with stop: moves under way are rolled back, finished ones stay and take a reassignment of their own',
      },
      busy: ['rehearse:reassignments', 'rehearse:kafka_rebalances'],
      args: rebalance,
      check: (args: z.output<typeof rebalance>, checks: Checks, at: readonly (string | number)[]) =>
        checkRequest(rebalanceModes[args.mode ?? 'full'], args, checks, at),
      play: (_: Operator, args: z.output<typeof rebalance>, context: Played) => {
        const { service, rebalances } = context.models.cruiseControl as CruiseControlModel;
        const request = requestOf(rebalanceModes[args.mode ?? 'full'], args, context);
        rebalances.create(context.id, args.approveAfter, strimziToCruiseControl(service, request));
      },
    } as never,
  },
  catalogue: strimziCatalogue,
  labels: strimziLabels,
};
