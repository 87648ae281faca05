import { z } from 'zod';
import { defaultFlags, type G1Flags } from '../models/jvm/flags.ts';
import { processBytes } from '../models/jvm/memory.ts';
import type { JvmOptions, PodSpec, Resources } from '../models/strimzi/operator.ts';
import type { Checks } from './checks.ts';
import type { HardwareSettings } from './parts/hardware.ts';
import type { JvmSettings } from './parts/jvm.ts';
import type { KafkaPartSettings } from './parts/kafka.ts';
import type { KubernetesSettings } from './parts/kubernetes.ts';
import type { StrimziSettings } from './parts/strimzi.ts';
import { q } from './quantity.ts';

/** Keys of `jvmOptions`, with units. */
export const jvmOptions = z.strictObject({
  heap: q.bytes({ min: 1_048_576 }).optional(),
  maxGcPause: q.duration({ min: 1 }).optional(),
  reservePercent: q.count({ min: 0, max: 50 }).optional(),
  concGcThreads: q.count({ min: 1 }).optional(),
  parallelGcThreads: q.count({ min: 1 }).optional(),
  regionSize: q.bytes({ min: 1_048_576, max: 536_870_912 }).optional(),
  initiatingHeapOccupancyPercent: q.count({ min: 0, max: 100 }).optional(),
  adaptiveIhop: z.boolean().optional(),
  mixedGcCountTarget: q.count({ min: 1, max: 1000 }).optional(),
});

export const containerResources = z.strictObject({
  memoryLimit: q.bytes({ min: 1 }).optional(),
  cpuRequest: q.cpu({ min: 0 }).optional(),
  cpuLimit: q.cpu({ min: 0 }).optional(),
});

export function jvmOf(given: z.output<typeof jvmOptions> | undefined): JvmOptions {
  return {
    heapBytes: given?.heap,
    maxGcPauseMicros: given?.maxGcPause,
    reservePercent: given?.reservePercent,
    concGcThreads: given?.concGcThreads,
    parallelGcThreads: given?.parallelGcThreads,
    regionSizeBytes: given?.regionSize,
    initiatingHeapOccupancyPercent: given?.initiatingHeapOccupancyPercent,
    adaptiveIhop: given?.adaptiveIhop === undefined ? undefined : Number(given.adaptiveIhop),
    mixedGcCountTarget: given?.mixedGcCountTarget,
  };
}

export function resourcesOf(given: z.output<typeof containerResources> | undefined): Resources {
  return { memoryLimitBytes: given?.memoryLimit, cpuRequest: given?.cpuRequest, cpuLimit: given?.cpuLimit };
}

/** The instance type of the node that a broker runs on. */
export function nodeOf(
  broker: number,
  kafka: KafkaPartSettings | undefined,
  kubernetes: KubernetesSettings | undefined,
  hardware: HardwareSettings | undefined,
): HardwareSettings['instanceTypes'][number] | undefined {
  const name = kafka?.brokers.find((b) => b.id === broker)?.node;
  const instance = kubernetes?.nodes.find((n) => n.name === name)?.instance;
  return hardware?.instanceTypes.find((t) => t.name === instance);
}

/** What the options of a pod make of G1. Source: the JVM's flags of the same names. */
export function flagsOf(spec: PodSpec, release: number, cores: number): G1Flags {
  const { jvm, resources } = spec;
  return {
    ...defaultFlags,
    heapBytes: jvm.heapBytes ?? 0,
    ...(jvm.maxGcPauseMicros === undefined ? {} : { pauseGoalMillis: jvm.maxGcPauseMicros / 1000 }),
    ...(jvm.reservePercent === undefined ? {} : { reservePercent: jvm.reservePercent }),
    ...(jvm.initiatingHeapOccupancyPercent === undefined
      ? {}
      : { ihopPercent: jvm.initiatingHeapOccupancyPercent }),
    ...(jvm.mixedGcCountTarget === undefined ? {} : { mixedCountTarget: jvm.mixedGcCountTarget }),
    ...(jvm.adaptiveIhop === undefined ? {} : { adaptiveIhop: jvm.adaptiveIhop === 1 }),
    ...(jvm.parallelGcThreads === undefined ? {} : { parallelThreads: jvm.parallelGcThreads }),
    ...(jvm.concGcThreads === undefined ? {} : { concurrentThreads: jvm.concGcThreads }),
    ...(jvm.regionSizeBytes === undefined ? {} : { regionBytes: jvm.regionSizeBytes }),
    cpus: resources.cpuLimit ?? cores,
    release,
  };
}

/** Options that the timeline changes are checked as they will be in force: over the platform's own. */
export function checkJvm(
  given: {
    readonly jvm?: StrimziSettings['jvm'];
    readonly resources?: StrimziSettings['resources'];
  },
  checks: Checks,
  at: readonly (string | number)[],
): void {
  const s = checks.settings<JvmSettings>('jvm');
  const base = checks.settings<StrimziSettings>('strimzi');
  const kafka = checks.settings<KafkaPartSettings>('kafka');
  if (s === undefined || base === undefined || kafka === undefined) return;
  const jvm = { ...base.jvm, ...given.jvm };
  const resources = { ...base.resources, ...given.resources };
  // All pods are alike: what does not fit the smallest node does not fit.
  const nodes = kafka.brokers.flatMap(
    (b) =>
      nodeOf(
        b.id,
        kafka,
        checks.settings<KubernetesSettings>('kubernetes'),
        checks.settings<HardwareSettings>('hardware'),
      ) ?? [],
  );
  const least = (of: (node: { readonly cores: number; readonly memory: number }) => number) =>
    nodes.length === 0 ? undefined : nodes.reduce((m, n) => Math.min(m, of(n)), Number.POSITIVE_INFINITY);
  const where = (key: string) => [...at, ...(key in (given.jvm ?? base.jvm ?? {}) ? ['jvm', key] : ['jvm'])];
  const limit = resources.memoryLimit ?? least((n) => n.memory);
  if (jvm.heap !== undefined && limit !== undefined) {
    const needed = processBytes(jvm.heap, { fixedBytes: s.offHeap.fixed, heapShare: s.offHeap.heapShare });
    if (needed > limit) {
      checks.problem(
        where('heap'),
        `a heap of ${gib(jvm.heap)} needs ${gib(needed)} with what the JVM keeps beside it, and the container may use ${gib(limit)}`,
        `lower the heap to ${gib(Math.floor(((limit - s.offHeap.fixed) / (1 + s.offHeap.heapShare)) * 0.9))} or less, or raise the memory limit`,
      );
    }
  }
  if (jvm.regionSize !== undefined && jvm.regionSize > 32 * 1_048_576 && s.release < 18) {
    checks.problem(where('regionSize'), `JDK ${s.release} refuses regions above 32Mi`, 'write 32Mi or less');
  }
  const cpus = resources.cpuLimit ?? least((n) => n.cores);
  for (const key of ['parallelGcThreads', 'concGcThreads'] as const) {
    const threads = jvm[key];
    if (threads === undefined || cpus === undefined || threads <= Math.ceil(cpus)) continue;
    checks.warning(
      where(key),
      `${threads} threads on ${cpus} CPUs: they take turns, and no more than ${Math.ceil(cpus)} of them run`,
      `lower it to ${Math.ceil(cpus)}, or raise the CPU limit`,
    );
  }
  if (
    jvm.parallelGcThreads !== undefined &&
    jvm.concGcThreads !== undefined &&
    jvm.concGcThreads > jvm.parallelGcThreads
  ) {
    checks.problem(
      where('concGcThreads'),
      `${jvm.concGcThreads} concurrent threads, but only ${jvm.parallelGcThreads} parallel ones: the JVM does not start`,
      `lower it to ${jvm.parallelGcThreads}, or raise parallelGcThreads`,
    );
  }
}

function gib(bytes: number): string {
  return `${(bytes / 1_073_741_824).toFixed(1)} GiB`;
}
