/** Waits of one container between its restarts. */
export interface BackOffEntry {
  /** Microseconds; 0 before the first restart. */
  waitMicros: number;
  /** When the wait was last set: at the restart. */
  updatedAt: number;
}

export interface BackOffSettings {
  readonly initialMicros: number;
  readonly maxMicros: number;
}

/** Whether what is known of earlier ends is forgotten: the container ran for more than twice the longest wait. */
export function isExpired(entry: BackOffEntry, finishedAt: number, settings: BackOffSettings): boolean {
  return finishedAt - entry.updatedAt > 2 * settings.maxMicros;
}

/**
 * How long after its end a container is held back: 0 at its first end, and at one after a long run. Source: k8s.io/client-go util/flowcontrol
 * Backoff.IsInBackOffSince, which pkg/kubelet/kuberuntime doBackOff asks with the container's finishing time.
 */
export function waitAfter(
  entry: BackOffEntry | undefined,
  finishedAt: number,
  settings: BackOffSettings,
): number {
  return entry === undefined || isExpired(entry, finishedAt, settings) ? 0 : entry.waitMicros;
}

/** The entry once the container is started again at `now`. Source: flowcontrol Backoff.Next. */
export function afterRestart(
  entry: BackOffEntry | undefined,
  finishedAt: number,
  now: number,
  settings: BackOffSettings,
): BackOffEntry {
  const isFirst = entry === undefined || isExpired(entry, finishedAt, settings);
  return {
    waitMicros: Math.min(settings.maxMicros, isFirst ? settings.initialMicros : 2 * entry.waitMicros),
    updatedAt: now,
  };
}
