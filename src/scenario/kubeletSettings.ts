import { z } from 'zod';
import { uniform } from '../engine/distributions.ts';
import type { KubeletSettings } from '../models/kubernetes/kubelet.ts';
import type { Checks } from './checks.ts';
import { q } from './quantity.ts';

/** Keys of KubeletConfiguration under their names, and what the kubelet's work takes. */
export const kubeletSettings = z.strictObject({
  /** Between two looks at the memory of a node. */
  housekeepingInterval: q.duration({ min: 1_000_000 }).optional(),
  evictionMinimumReclaim: z.strictObject({ memoryAvailable: q.bytes({ min: 0 }) }).optional(),
  evictionSoft: z
    .strictObject({ memoryAvailable: q.bytes({ min: 0 }), gracePeriod: q.duration({ min: 0 }) })
    .optional(),
  evictionMaxPodGracePeriod: q.duration({ min: 0 }).optional(),
  evictionPressureTransitionPeriod: q.duration({ min: 0 }).optional(),
  nodeStatusUpdateFrequency: q.duration({ min: 1 }).optional(),
  singleProcessOOMKill: z.boolean().optional(),
  crashLoopBackOff: z
    .strictObject({
      initial: q.duration({ min: 1 }).optional(),
      maxContainerRestartPeriod: q.duration({ min: 1 }).optional(),
    })
    .optional(),
  podStart: q.varying.duration().optional(),
  imagePull: q.byteRate({ min: 1 }).optional(),
  restart: q.varying.duration().optional(),
  resync: q.varying.duration().optional(),
});
export type KubeletPartSettings = z.output<typeof kubeletSettings>;

const second = 1_000_000;

/**
 * How the kubelets of a cluster behave; what is not said is as in Kubernetes 1.32: looks every 10 s, restarts at once and then after 10 s doubling to
 * 300 s, 5 minutes of pressure. Source: pkg/kubelet/kubelet.go (backOffPeriod, MaxContainerBackOff), eviction/eviction_manager.go, pod_workers.go
 * completeWork (a pod in back-off is looked at again after 10 s to 15 s), kuberuntime_container.go minimumGracePeriodInSeconds. A warm start of 0.5 s to
 * 1 s and pulls at 50 MB/s are assumed.
 */
export function kubeletModel(s: KubeletPartSettings | undefined): KubeletSettings {
  const soft = s?.evictionSoft;
  return {
    podStartMicros: s?.podStart ?? uniform(0.5 * second, second),
    pullBytesPerSecond: s?.imagePull ?? 50e6,
    restartMicros: s?.restart ?? uniform(second, 2 * second),
    resyncMicros: s?.resync ?? uniform(0, 15 * second),
    backOff: {
      initialMicros: s?.crashLoopBackOff?.initial ?? 10 * second,
      maxMicros: s?.crashLoopBackOff?.maxContainerRestartPeriod ?? 300 * second,
    },
    minimumGraceMicros: 2 * second,
    singleProcessOomKill: s?.singleProcessOOMKill ?? false,
    eviction: {
      housekeepingMicros: s?.housekeepingInterval ?? 10 * second,
      minReclaimBytes: s?.evictionMinimumReclaim?.memoryAvailable ?? 0,
      soft:
        soft === undefined
          ? undefined
          : {
              bytes: soft.memoryAvailable,
              graceMicros: soft.gracePeriod,
              maxPodGraceMicros: s?.evictionMaxPodGracePeriod ?? 0,
            },
      pressureTransitionMicros: s?.evictionPressureTransitionPeriod ?? 300 * second,
      hardGraceMicros: second,
      cleanupMicros: 30 * second,
      statusMicros: s?.nodeStatusUpdateFrequency ?? 10 * second,
    },
  };
}

export function checkKubelet(s: KubeletPartSettings | undefined, checks: Checks): void {
  const path = ['kubernetes', 'kubelet'];
  const initial = s?.crashLoopBackOff?.initial ?? 10 * second;
  const max = s?.crashLoopBackOff?.maxContainerRestartPeriod ?? 300 * second;
  if (initial > max)
    checks.problem(
      [...path, 'crashLoopBackOff'],
      'the first wait is longer than the longest',
      'lower initial, or raise maxContainerRestartPeriod',
    );
  if (s?.evictionMaxPodGracePeriod !== undefined && s.evictionSoft === undefined)
    checks.problem(
      [...path, 'evictionMaxPodGracePeriod'],
      'there is no soft threshold that it could hold for',
      'add evictionSoft, or remove it',
    );
}
