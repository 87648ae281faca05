import { vi } from 'vitest';
import { start } from '../../src/cli/main.ts';

/** Takes what this process prints, until `end`. */
export function capturing(): {
  readonly printed: { out: string; err: string };
  readonly end: () => void;
} {
  const printed = { out: '', err: '' };
  const into = (stream: keyof typeof printed) => (text: string | Uint8Array) => {
    printed[stream] += String(text);
    return true;
  };
  const out = vi.spyOn(process.stdout, 'write').mockImplementation(into('out'));
  const err = vi.spyOn(process.stderr, 'write').mockImplementation(into('err'));
  return {
    printed,
    end: () => {
      out.mockRestore();
      err.mockRestore();
    },
  };
}

/** A command line played in this process: all of it but the launcher and the end of the process. */
export async function command(
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const { printed, end } = capturing();
  try {
    return { code: await start(args), ...printed };
  } finally {
    end();
  }
}
