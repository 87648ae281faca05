import type { Checks } from './checks.ts';
import type { KafkaPartSettings } from './parts/kafka.ts';

/** Brokers that a timeline entry names must exist. */
export function checkBrokers(
  ids: readonly number[] | undefined,
  checks: Checks,
  path: readonly (string | number)[],
): void {
  const brokers = checks.settings<KafkaPartSettings>('kafka')?.brokers;
  if (brokers === undefined || ids === undefined) return;
  const known = brokers.map((b) => b.id);
  ids.forEach((id, i) => {
    if (!known.includes(id)) {
      checks.problem(
        ids.length === 1 && typeof path[path.length - 1] === 'string' && path[path.length - 1] === 'broker'
          ? path
          : [...path, i],
        `there is no broker ${id}`,
        `name one of ${known.slice(0, 20).join(', ')}`,
      );
    }
  });
}
