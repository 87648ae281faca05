import { z } from 'zod';
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
