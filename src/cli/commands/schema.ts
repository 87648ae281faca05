import { platformJsonSchema, scenarioJsonSchema } from '../../scenario/jsonSchema.ts';
import { parts } from '../../scenario/parts/index.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import type { Command } from '../verbs.ts';

export const schema: Command = {
  usage: '[scenario|platform|facts|summary]',
  question: 'What may a scenario, a platform, a file of facts or a summary hold, as JSON Schema?',
  examples: ['rehearse schema scenario > scenario.schema.json', 'rehearse schema summary'],
  options: {},
  run: async (given) => {
    const which = given.files[0] ?? 'scenario';
    let made: unknown;
    if (which === 'scenario') made = scenarioJsonSchema(parts);
    else if (which === 'platform') made = platformJsonSchema(parts);
    else if (which === 'facts') made = (await import('../../scenario/facts/read.ts')).factsJsonSchema();
    else if (which === 'summary') made = (await import('../../report/summary.ts')).summaryJsonSchema();
    else
      throw new UsageError(`there is no schema ${which}\n  mend: write scenario, platform, facts or summary`);
    process.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
    return exitCode.yes;
  },
};
