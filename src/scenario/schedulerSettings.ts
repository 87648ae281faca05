import { z } from 'zod';
import { lognormal } from '../engine/distributions.ts';
import type { AutoscalerSettings } from '../models/kubernetes/autoscaler.ts';
import type { DisruptionSettings } from '../models/kubernetes/disruptions.ts';
import { filters } from '../models/kubernetes/scheduler/filters.ts';
import type { SchedulerSettings } from '../models/kubernetes/scheduler/scheduler.ts';
import { scoresOf } from '../models/kubernetes/scheduler/scores.ts';
import { q } from './quantity.ts';

const plugins = [...new Set([...Object.keys(filters), ...Object.keys(scoresOf(() => false))])];

/** Keys of KubeSchedulerConfiguration, and how long its work takes. */
export const schedulerSettings = z.strictObject({
  disabled: z
    .array(z.enum(plugins as [string, ...string[]]))
    .optional()
    .meta({ description: 'plugins that a profile switches off, as filters and as scores' }),
  percentageOfNodesToScore: q.count({ min: 0, max: 100 }).optional(),
  podInitialBackoff: q.duration({ min: 1 }).optional(),
  podMaxBackoff: q.duration({ min: 1 }).optional(),
  cycle: q
    .duration({ min: 1 })
    .optional()
    .meta({ description: 'time of one scheduling cycle with its binding' }),
});

const second = 1_000_000;

/**
 * Where nothing is said: waits of 1 s doubling to 10 s, and pods that nobody woke are tried after 5 min. Source: pkg/scheduler backend/queue
 * scheduling_queue.go. A cycle of 10 ms is assumed.
 */
export function schedulerModel(s: z.output<typeof schedulerSettings> | undefined): SchedulerSettings {
  return {
    cycleMicros: s?.cycle ?? 10_000,
    backOffInitialMicros: s?.podInitialBackoff ?? second,
    backOffMaxMicros: s?.podMaxBackoff ?? 10 * second,
    flushMicros: 300 * second,
    disabled: new Set(s?.disabled ?? []),
    percentageOfNodesToScore: s?.percentageOfNodesToScore ?? 0,
  };
}

export const autoscalerSettings = z.strictObject({
  scanInterval: q.duration({ min: 1_000_000 }).optional(),
  decision: q.duration({ min: 0 }).optional().meta({ description: 'from a scan to the order of a machine' }),
  scaleDownUnneededTime: q.duration({ min: 1 }).optional(),
  scaleDownUtilizationThreshold: q.ratio({ min: 0, max: 1 }).optional(),
  expander: z.enum(['least-waste', 'priority']).optional(),
});

/** Source: kubernetes/autoscaler, cluster-autoscaler FAQ: scans each 10 s, 5 s of its own on average, nodes below half of their requests for 10 min. */
export function autoscalerModel(s: z.output<typeof autoscalerSettings>): AutoscalerSettings {
  return {
    scanMicros: s.scanInterval ?? 10 * second,
    decisionMicros: s.decision ?? 5 * second,
    unneededMicros: s.scaleDownUnneededTime ?? 600 * second,
    utilizationThreshold: s.scaleDownUtilizationThreshold ?? 0.5,
    expander: s.expander ?? 'least-waste',
  };
}

export const nodeLifecycleSettings = z.strictObject({
  monitorGracePeriod: q.duration({ min: 1 }).optional(),
  defaultUnreachableToleration: q.duration({ min: 0 }).optional(),
  drainRetry: q.duration({ min: 1 }).optional(),
  provisioning: q.varying
    .duration()
    .optional()
    .meta({ description: 'from the order of a machine to its being ready' }),
});

/**
 * Source: kube-controller-manager --node-monitor-grace-period 40 s; plugin DefaultTolerationSeconds 300 s; kubectl drain, 5 s between attempts; a
 * machine in 3 to 4 min (cluster-autoscaler FAQ), as a lognormal with a median of 180 s.
 */
export function nodeLifecycleModel(
  s: z.output<typeof nodeLifecycleSettings> | undefined,
): DisruptionSettings {
  return {
    monitorGraceMicros: s?.monitorGracePeriod ?? 40 * second,
    defaultTolerationMicros: s?.defaultUnreachableToleration ?? 300 * second,
    drainRetryMicros: s?.drainRetry ?? 5 * second,
    provisionMicros: s?.provisioning ?? lognormal(180 * second, 320 * second),
  };
}
