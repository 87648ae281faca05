import { z } from 'zod';
import { jvmCatalogue, jvmLabels } from '../../models/jvm/catalogue.ts';
import { type G1Costs, noiseAt } from '../../models/jvm/costs.ts';
import { Jvms } from '../../models/jvm/jvms.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import type { Platform } from '../../models/kubernetes/platform.ts';
import type { Operator } from '../../models/strimzi/operator.ts';
import { checkBrokers } from '../brokerIds.ts';
import type { Checks } from '../checks.ts';
import { connectBrokersToKubernetes } from '../connections/brokersToKubernetes.ts';
import { connectJvmToKafka } from '../connections/jvmToKafka.ts';
import type { BuildContext, Part } from '../part.ts';
import { checkJvm, flagsOf, nodeOf } from '../podOptions.ts';
import { q } from '../quantity.ts';
import { resources } from '../resources.ts';
import type { HardwareSettings } from './hardware.ts';
import type { KafkaPartSettings } from './kafka.ts';
import type { KubernetesSettings } from './kubernetes.ts';
import type { StrimziSettings } from './strimzi.ts';

const cost = q.number({ min: 0 });

const costs = z.strictObject({
  otherMillis: cost,
  evacuationMillis: cost,
  copyMillisPerMiB: cost,
  scanMicrosPerCard: cost,
  scanMicrosPerReference: cost,
  noise: z.array(q.number({ min: 0.001 })).length(noiseAt.length),
  markMillisPerMiB: cost,
  rootMillisPerMiB: cost,
  rebuildShare: cost,
  cycleMillis: cost,
  remarkMillis: cost,
  cleanupMillis: cost,
  fullMillisPerMiB: cost,
  peakAllocationMiBPerSecond: q.number({ min: 1 }),
});

const settings = z.strictObject({
  release: q.count({ min: 11, max: 21 }),
  collections: z.enum(['events', 'sampled']).meta({
    description:
      'every collection an event, or read off a recording of the same collector: for very many brokers',
  }),
  costs,
  costFactor: q.number({ min: 0.01, max: 100 }),
  noiseWidth: q.number({ min: 0, max: 10 }),
  offHeap: z.strictObject({ fixed: q.bytes({ min: 0 }), heapShare: q.ratio({ min: 0, max: 1 }) }),
  program: z.strictObject({
    bytesPerRequest: q.bytes({ min: 0 }),
    live: q.bytes({ min: 0 }),
    longShare: q.ratio({ min: 0, max: 1 }),
    objectSize: q.bytes({ min: 16 }),
  }),
});
export type JvmSettings = z.output<typeof settings>;

const pause = z.strictObject({
  broker: q.count({ min: 0 }),
  for: q.duration({ min: 1 }),
  why: z.string().optional(),
});

/** Costs times the factor, the noise as wide as said around its median: each quantile to the power of the width. */
function scaledCosts(s: JvmSettings): G1Costs {
  const scaled = Object.fromEntries(
    Object.entries(s.costs).map(([key, value]) => [
      key,
      key === 'rebuildShare'
        ? value
        : key === 'peakAllocationMiBPerSecond'
          ? (value as number) / s.costFactor
          : (value as number) * s.costFactor,
    ]),
  );
  const middle = s.costs.noise[(noiseAt.length - 1) / 2];
  const noise = s.costs.noise.map((x) => middle * Math.exp(s.noiseWidth * Math.log(x / middle)));
  return { ...scaled, noise } as unknown as G1Costs;
}

export const jvmPart: Part<JvmSettings, Jvms> = {
  name: 'jvm',
  says: 'the JVMs of the brokers: heap, G1, and what they leave of the container',
  around: 'kafka',
  settings,
  check: (s, checks) => {
    const sorted = s.costs.noise.every((x, i) => i === 0 || x >= s.costs.noise[i - 1]);
    if (!sorted)
      checks.problem(
        ['jvm', 'costs', 'noise'],
        'quantiles that fall',
        'give them in ascending order: run npm run fit again',
      );
    const strimzi = checks.settings<StrimziSettings>('strimzi');
    if (strimzi !== undefined && strimzi.jvm?.heap === undefined)
      checks.problem(['strimzi', 'jvm'], 'JVMs without a heap size', 'write strimzi.jvm.heap, such as 6Gi');
    checkJvm({}, checks, ['strimzi']);
  },
  create: (s, context: BuildContext) => {
    const kafka = context.models.kafka as KafkaCluster;
    const operator = context.models.strimzi as Operator;
    const ids = kafka.settings.brokers.map((b) => b.id);
    const jvms = new Jvms(
      context.sim,
      ids.map(String),
      ids.map((id) => `broker-${id}`),
      { costs: scaledCosts(s), sampled: s.collections === 'sampled' },
      context.warmUp,
      context.until,
    );
    const nodes = ids.map((id) => {
      const node = nodeOf(
        id,
        context.settings.kafka as KafkaPartSettings,
        context.settings.kubernetes as KubernetesSettings,
        context.settings.hardware as HardwareSettings,
      );
      if (node === undefined) throw new RangeError(`broker ${id} has no node`);
      return node;
    });
    connectJvmToKafka(
      jvms,
      kafka,
      {
        bytesPerRequest: s.program.bytesPerRequest,
        liveBytes: s.program.live,
        longShare: s.program.longShare,
        objectBytes: s.program.objectSize,
      },
      { fixedBytes: s.offHeap.fixed, heapShare: s.offHeap.heapShare },
      (b) => flagsOf(operator.specOf(ids[b]), s.release, nodes[b].cores),
      (b) => operator.specOf(ids[b]).resources.memoryLimitBytes ?? nodes[b].memory,
    );
    const names = (context.settings.kafka as KafkaPartSettings).brokers.map((b) => b.node);
    connectBrokersToKubernetes(
      context.models.kubernetes as Platform,
      { fixedBytes: s.offHeap.fixed, heapShare: s.offHeap.heapShare },
      ids.length,
      (b) => {
        const { jvm, resources } = operator.specOf(ids[b]);
        return {
          node: names[b],
          heapBytes: jvm.heapBytes ?? 0,
          memoryLimitBytes: resources.memoryLimitBytes,
        };
      },
    );
    return jvms;
  },
  actions: {
    pause: {
      says: 'stops all threads of a broker for a time, as a heap dump or a frozen machine does',
      on: (args: { readonly broker: number }) => resources('broker', [args.broker]),
      undo: { can: 'no', how: 'the time is spent: requests have waited' },
      args: pause,
      check: (args: z.output<typeof pause>, checks: Checks, at: readonly (string | number)[]) =>
        checkBrokers([args.broker], checks, [...at, 'broker']),
      play: (jvms: Jvms, args: z.output<typeof pause>) =>
        jvms.hold(jvms.labels.indexOf(String(args.broker)), args.for, args.why ?? 'held'),
    } as never,
  },
  setInsteadOfWarmed: ['heaps: the live set is there from the start, nothing else'],
  catalogue: jvmCatalogue,
  labels: jvmLabels,
};
