import { UsageError } from '../../src/cli/exitCodes.ts';
import type { Command, Given } from '../../src/cli/verbs.ts';

/** Calls a verb in this process, as the command line would: options after `--`, true where none follows. */
export async function callVerb(
  command: Command,
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const files: string[] = [];
  const options = new Map<string, string | true>();
  for (let i = 0; i < args.length; i += 1) {
    const name = args[i]!.replace(/^--/, '');
    if (name === args[i]) files.push(name);
    else if (command.options[name]!.type === 'boolean') options.set(name, true);
    else {
      i += 1;
      options.set(name, args[i]!);
    }
  }
  const text = (name: string) => {
    const value = options.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const given: Given = {
    files,
    text,
    list: (name) => {
      const value = options.get(name);
      return typeof value === 'string' ? [value] : [];
    },
    flag: (name) => options.get(name) === true,
    count: (name) => (text(name) === undefined ? undefined : Number(text(name))),
  };
  const said = { out: '', err: '' };
  const [stdout, stderr] = [process.stdout.write, process.stderr.write];
  const taken = (to: 'out' | 'err') =>
    ((chunk: string) => {
      said[to] += chunk;
      return true;
    }) as typeof process.stdout.write;
  process.stdout.write = taken('out');
  process.stderr.write = taken('err');
  try {
    return { code: await command.run(given), ...said };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { code: 2, out: said.out, err: `rehearse: ${error.message}\n` };
  } finally {
    process.stdout.write = stdout;
    process.stderr.write = stderr;
  }
}
