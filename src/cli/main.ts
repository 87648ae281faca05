import { nearest } from '../formats/nearest.ts';
import { exitCode, Interrupted, UsageError } from './exitCodes.ts';
import { overviewText, verbText } from './help.ts';
import { allVerbs, type Command, type Given, verbs } from './verbs.ts';

/** Reads the arguments of a verb; every mistake is told at once. */
async function parse(name: string, command: Command, args: readonly string[]): Promise<Given> {
  const { default: yargs } = await import('yargs');
  const options = Object.fromEntries(
    Object.entries(command.options).map(([flag, o]) => {
      const type: 'boolean' | 'string' = o.type === 'boolean' ? 'boolean' : 'string';
      return [flag, { type, array: o.type === 'list', describe: o.says }];
    }),
  );
  const parser = yargs([...args])
    .scriptName('rehearse')
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail(false)
    .parserConfiguration({
      'camel-case-expansion': false,
      'boolean-negation': false,
      'parse-positional-numbers': false,
      'parse-numbers': false,
      'dot-notation': false,
    })
    .options(options);
  const parsed = (await parser.parse()) as Record<string, unknown>;
  const mistakes: string[] = [];
  const known = Object.keys(command.options);
  for (const [key, value] of Object.entries(parsed)) {
    if (key === '_' || key === '$0') continue;
    if (!known.includes(key)) {
      const near = nearest(key, known);
      mistakes.push(
        `there is no option --${key} of ${name}\n  mend: ${near === undefined ? `use ${known.map((k) => `--${k}`).join(', ')}` : `write --${near}`}`,
      );
    } else if (command.options[key]!.type === 'list') {
      if (
        (value as readonly unknown[]).some((one) => one === '') ||
        (value as readonly unknown[]).length === 0
      )
        mistakes.push(`--${key} has no value\n  mend: write --${key} VALUE...`);
    } else if (Array.isArray(value))
      mistakes.push(`--${key} is given ${value.length} times\n  mend: give it once`);
    else if (command.options[key]!.type === 'string' && value === '')
      mistakes.push(`--${key} has no value\n  mend: write --${key} VALUE`);
  }
  if (mistakes.length > 0) throw new UsageError(mistakes.join('\n'));
  return {
    files: (parsed._ as unknown[]).map(String),
    text: (key) => (typeof parsed[key] === 'string' ? (parsed[key] as string) : undefined),
    list: (key) => (Array.isArray(parsed[key]) ? (parsed[key] as unknown[]).map(String) : []),
    flag: (key) => parsed[key] === true,
    count: (key) => {
      const given = parsed[key];
      if (given === undefined) return undefined;
      if (typeof given !== 'string' || !/^\d+$/.test(given) || !Number.isSafeInteger(Number(given))) {
        throw new UsageError(`--${key} ${String(given)} is no whole number\n  mend: write --${key} 100`);
      }
      return Number(given);
    },
  };
}

async function main(args: readonly string[]): Promise<number> {
  const [verb, ...rest] = args;
  if (verb === undefined || verb === '--help' || verb === 'help' || verb === '-h') {
    process.stdout.write(overviewText(await allVerbs()));
    return verb === undefined ? exitCode.usage : exitCode.yes;
  }
  const load = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (load === undefined) {
    const near = nearest(verb, Object.keys(verbs));
    throw new UsageError(
      `there is no verb ${verb}\n  mend: ${near === undefined ? `use one of ${Object.keys(verbs).join(', ')}` : `write rehearse ${near}`}`,
    );
  }
  const command = await load();
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(verbText(verb, command));
    return exitCode.yes;
  }
  return command.run(await parse(verb, command, rest));
}

/** Plays one command line and prints what it did. @returns the exit code, whatever happens */
export async function start(args: readonly string[]): Promise<number> {
  try {
    return await main(args);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`rehearse: ${error.message}\n`);
      return exitCode.usage;
    }
    if (error instanceof Interrupted) {
      process.stderr.write(`${error.message}\n`);
      return exitCode.interrupted;
    }
    const said = error instanceof Error ? error : new Error(String(error));
    const ours = said.name === 'BrokenInvariant' || said.name === 'BoundReached';
    const place = (error as { replay?: string }).replay;
    process.stderr.write(
      ours
        ? `${said.name === 'BoundReached' ? 'bound reached' : 'invariant broken'}: ${said.message}\n${place === undefined ? '' : `  replay: ${place}\n`}`
        : `rehearse: this is a bug\n${said.stack}\n`,
    );
    return exitCode.bug;
  }
}
