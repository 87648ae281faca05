import type { Probe } from './objects.ts';

/**
 * Probes are not played: what follows from them is computed. A worker probes at `from + initialDelay` and every period after it. Source:
 * pkg/kubelet/prober worker.go. Simplified: a probe that finds a process well takes no time, and the random offset after a restart of the kubelet
 * is left out.
 */

/** When the probe's success threshold is reached, for a container that is well from `wellAt` on. */
export function successAt(probe: Probe, from: number, wellAt: number): number {
  const first = nextProbe(probe, from, wellAt);
  return first + (probe.successThreshold - 1) * probe.periodMicros;
}

/**
 * When the failure threshold is reached for a container that is unwell from `unwellAt` on: the first of so many probes in a row, and the last one's
 * timeout where a process hangs rather than refuses.
 */
export function failureAt(probe: Probe, from: number, unwellAt: number, hangs: boolean): number {
  const first = nextProbe(probe, from, unwellAt);
  return first + (probe.failureThreshold - 1) * probe.periodMicros + (hangs ? probe.timeoutMicros : 0);
}

function nextProbe(probe: Probe, from: number, at: number): number {
  const first = from + probe.initialDelayMicros;
  return first + Math.max(0, Math.ceil((at - first) / probe.periodMicros)) * probe.periodMicros;
}
