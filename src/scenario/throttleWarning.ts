import { rateMeans } from '../formats/quantity.ts';
import type { Checks } from './checks.ts';

/** Days that nobody waits for replicas to be copied. Guess. */
const endlessDays = 30;

/**
 * A throttle in bytes per second where somebody thought of another unit: what it means for so many bytes.
 * @param whose what the bytes are, after a comma; empty where it is plain
 */
export function warnOfThrottle(
  rate: number,
  bytes: number,
  whose: string,
  checks: Checks,
  path: readonly (string | number)[],
  mend = 'write the rate with its unit, such as 100MB/s',
): void {
  if (bytes / rate > endlessDays * 86_400) checks.warning(path, `${rateMeans(rate, bytes)}${whose}`, mend);
}
