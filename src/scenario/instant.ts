import { z } from 'zod';
import { parseTime } from './time.ts';

/** A point in time: microseconds since 1970-01-01T00:00:00Z. */
export const instant = z
  .string()
  .meta({ description: 'a time, RFC 3339' })
  .transform((text, context): number => {
    const time = parseTime(text);
    if (time !== undefined) return time;
    context.issues.push({
      code: 'custom',
      message: `${text.slice(0, 40)} is not an RFC 3339 time`,
      input: text,
      params: { mend: 'write it as in 2025-01-31T16:00:00Z' },
    });
    return z.NEVER;
  });
