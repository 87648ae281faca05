import { z } from 'zod';
import { kubernetesCatalogue } from '../../models/kubernetes/catalogue.ts';
import { Pods } from '../../models/kubernetes/pod.ts';
import { connectKubernetesToKafka } from '../connections/kubernetesToKafka.ts';
import type { Part } from '../part.ts';
import { q } from '../quantity.ts';
import type { HardwareSettings } from './hardware.ts';
import type { KafkaPartSettings } from './kafka.ts';
import type { StrimziSettings } from './strimzi.ts';

const settings = z.strictObject({
  nodes: z
    .array(z.strictObject({ name: z.string().min(1), instance: z.string().min(1), zone: z.string().min(1) }))
    .min(1)
    .max(10_000),
  pods: z.strictObject({
    terminationGracePeriod: q.duration({ min: 1 }),
    recreate: q.varying.duration(),
    readinessInitialDelay: q.duration({ min: 0 }),
    readinessPeriod: q.duration({ min: 1_000_000 }),
  }),
});
export type KubernetesSettings = z.output<typeof settings>;

export const kubernetesPart: Part<KubernetesSettings, Pods> = {
  name: 'kubernetes',
  says: 'nodes, and the life of pods: termination, recreation, readiness',
  needed: true,
  settings,
  check: (s, checks) => {
    const types = checks.settings<HardwareSettings>('hardware')?.instanceTypes;
    const names = new Set<string>();
    for (const node of s.nodes) {
      const path = ['kubernetes', 'nodes', node.name];
      if (names.has(node.name))
        checks.problem(path, `node ${node.name} is listed twice`, 'give each node its own name');
      names.add(node.name);
      if (types !== undefined && !types.some((t) => t.name === node.instance)) {
        checks.problem(
          [...path, 'instance'],
          `there is no instance type ${node.instance}`,
          `write one of ${types
            .map((t) => t.name)
            .slice(0, 12)
            .join(', ')}, or add it to hardware.instanceTypes`,
        );
      }
    }
  },
  create: (s, context) => {
    const cluster = (context.settings.strimzi as StrimziSettings).cluster;
    const { brokers } = context.settings.kafka as KafkaPartSettings;
    const pods = new Pods(
      context.sim,
      brokers.map((b) => `${cluster}-kafka-${b.id}`),
      {
        gracePeriodMicros: s.pods.terminationGracePeriod,
        recreateMicros: s.pods.recreate,
        readiness: { initialDelayMicros: s.pods.readinessInitialDelay, periodMicros: s.pods.readinessPeriod },
      },
    );
    connectKubernetesToKafka(pods, context.models);
    return pods;
  },
  actions: {},
  catalogue: kubernetesCatalogue,
  labels: (pods, name) =>
    kubernetesCatalogue.metrics.some((m) => m.name === name)
      ? (row) => ({ pod: pods.names[row] })
      : undefined,
};
