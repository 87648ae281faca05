import type { Catalogue } from '../../engine/catalogue.ts';
import { collectors, type Jvms, pauseQuantiles, pauseTypes } from './jvms.ts';

const exporter = 'JMX exporter, hotspot collectors of the Prometheus Java client';

export const jvmCatalogue: Catalogue = {
  metrics: [
    {
      name: 'jvm_gc_collection_seconds_count',
      type: 'counter',
      unit: '',
      labels: ['broker', 'gc'],
      help: 'Collections since the start of the run; remark and cleanup are not counted, as up to JDK 19.',
      source: `GarbageCollectorMXBean, ${exporter}`,
    },
    {
      name: 'jvm_gc_collection_seconds_sum',
      type: 'counter',
      unit: 's',
      labels: ['broker', 'gc'],
      help: 'Seconds in them.',
      source: `GarbageCollectorMXBean, ${exporter}`,
    },
    {
      name: 'jvm_memory_used_bytes',
      type: 'gauge',
      unit: 'B',
      labels: ['broker', 'area'],
      help: 'Heap in use.',
      source: `MemoryMXBean, ${exporter}`,
    },
    {
      name: 'jvm_memory_max_bytes',
      type: 'gauge',
      unit: 'B',
      labels: ['broker', 'area'],
      help: 'Size of the heap, which is touched whole.',
      source: `MemoryMXBean, ${exporter}`,
    },
    {
      name: 'rehearse:gc_pauses_total',
      type: 'counter',
      unit: '',
      labels: ['broker', 'type'],
      help: 'Pauses by type; preventive ones and those whose to-space was exhausted count under their own type as well.',
      source: 'ours; types of unified logging, OpenJDK 17',
    },
    {
      name: 'rehearse:gc_stopped_seconds_total',
      type: 'counter',
      unit: 's',
      labels: ['broker'],
      help: 'Seconds in which the JVM stood still, remark, cleanup and held times included.',
      source: 'ours',
    },
    {
      name: 'rehearse:gc_pause_ms',
      type: 'gauge',
      unit: 'ms',
      labels: ['broker', 'quantile'],
      help: "Quantiles of the present JVM's collection pauses in the period, read once a minute; 1 is the longest.",
      source: 'ours',
    },
    {
      name: 'rehearse:gc_interval_seconds',
      type: 'gauge',
      unit: 's',
      labels: ['broker'],
      help: 'Mean time from one collection of the present JVM to the next in the period, read once a minute.',
      source: 'ours',
    },
    {
      name: 'rehearse:heap_after_collection_bytes',
      type: 'gauge',
      unit: 'B',
      labels: ['broker'],
      help: 'Heap in use after the latest collection.',
      source: 'ours',
    },
    {
      name: 'rehearse:allocation_bytes_per_second',
      type: 'gauge',
      unit: 'B/s',
      labels: ['broker'],
      help: 'What the broker allocates on its heap.',
      source: 'ours',
    },
  ],
  events: [
    {
      name: 'jvm.fullCollection',
      lane: '{subject}',
      says: 'the heap of {subject} is collected whole: {detail}',
    },
    {
      name: 'jvm.toSpaceExhausted',
      lane: '{subject}',
      says: 'a collection of {subject} finds no room for what lives: {detail}',
    },
    { name: 'jvm.longPause', lane: '{subject}', says: '{subject} stands still for {detail}' },
    {
      name: 'jvm.outOfMemory',
      lane: '{subject}',
      says: 'the heap of {subject} does not hold what it must keep: OutOfMemoryError',
    },
    { name: 'jvm.held', lane: '{subject}', says: '{subject} stands still for {detail}' },
  ],
  risks: [
    {
      name: 'fullCollections',
      unit: '',
      says: 'full collections',
      that: 'sum(rehearse:gc_pauses_total{type="Full"})',
      limit: 0,
    },
    {
      name: 'longestPause',
      unit: 'ms',
      says: 'longest collection pause of a JVM',
      that: 'max(rehearse:gc_pause_ms{quantile="1"})',
    },
    {
      name: 'collectionShare',
      unit: 'ratio',
      says: 'share of the time in which the worst JVM stood still',
      that: 'max(rate(rehearse:gc_stopped_seconds_total[$__range]))',
    },
  ],
  panels: [
    { title: 'Heap in use', that: 'jvm_memory_used_bytes', unit: 'B', by: 'broker' },
    {
      title: 'Share of time in collections',
      that: 'rate(rehearse:gc_stopped_seconds_total[1m])',
      unit: 'ratio',
      by: 'broker',
    },
  ],
};

export function jvmLabels(
  jvms: Jvms,
  metric: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  const labels = jvmCatalogue.metrics.find((m) => m.name === metric)?.labels;
  if (labels === undefined) return undefined;
  const second = labels[1];
  if (second === undefined) return (row) => ({ broker: jvms.labels[row]! });
  if (second === 'area') return (row) => ({ broker: jvms.labels[row]!, area: 'heap' });
  const values: readonly (string | number)[] =
    second === 'gc' ? collectors : second === 'type' ? pauseTypes : pauseQuantiles;
  return (row) => ({
    broker: jvms.labels[Math.floor(row / values.length)]!,
    [second]: String(values[row % values.length]),
  });
}
