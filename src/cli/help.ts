import { exitWords } from './exitCodes.ts';
import type { Command } from './verbs.ts';

export const tagline = 'rehearse a change to a Kafka-on-Kubernetes platform before you make it';

/** What beginners type first. */
const firstSteps = [
  ['rehearse init my-platform', 'write a platform and a scenario to start from'],
  ['rehearse check my-platform/scenarios/rolling-restart.yaml', 'is it complete and consistent?'],
  ['rehearse run my-platform/scenarios/rolling-restart.yaml', 'what happens if I do this?'],
  ['rehearse report my-platform/out/rolling-restart --openmetrics', 'draw the result again, and export it'],
] as const;

const exitLine = `Exit codes: ${exitWords.map(([code, says]) => `${code} ${says}`).join(', ')}.`;

/** The value that an option takes, as usage shows it. */
export function placeholder(type: Command['options'][string]['type']): string {
  return { string: ' VALUE', list: ' VALUE...', boolean: '' }[type];
}

function columns(rows: readonly (readonly [string, string])[], least = 0): string[] {
  const width = rows.reduce((most, [first]) => Math.max(most, first.length + 2), least);
  return rows.map(([first, second]) => `  ${first.padEnd(width)}${second}`);
}

/** What `rehearse --help` prints: examples first. */
export function overviewText(all: ReadonlyMap<string, Command>): string {
  return [
    `rehearse: ${tagline}`,
    '',
    'Examples:',
    ...columns(firstSteps),
    '',
    'Verbs:',
    ...columns([...all].map(([name, { question }]) => [name, question] as const)),
    '',
    exitLine,
    '',
    '  rehearse VERB --help tells more',
    '',
  ].join('\n');
}

/** What `rehearse VERB --help` prints: examples first. */
export function verbText(name: string, { usage, question, examples, options }: Command): string {
  const rows = Object.entries(options).map(
    ([option, { type, says }]) => [`--${option}${placeholder(type)}`, says] as const,
  );
  return [
    question,
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    '',
    'Usage:',
    `  rehearse ${name} ${usage}`.trimEnd(),
    ...(rows.length === 0 ? [] : ['', 'Options:', ...columns(rows, 24)]),
    '',
    exitLine,
    '',
  ].join('\n');
}

/** Text in a man page: nothing in it is a request or an escape, and a minus stays one. */
function roff(text: string): string {
  return text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/'/g, '\\(aq')
    .replace(/"/g, '\\(dq')
    .replace(/`/g, '\\(ga')
    .replace(/^\./, '\\&.');
}

function verbPage([name, { usage, question, examples, options }]: readonly [string, Command]): string[] {
  const values = { string: ' \\fIVALUE\\fR', list: ' \\fIVALUE\\fR...', boolean: '' };
  return [
    `.SS "rehearse ${roff(`${name} ${usage}`.trimEnd())}"`,
    roff(question),
    '.PP',
    '.EX',
    ...examples.map((example) => roff(example)),
    '.EE',
    ...Object.entries(options).flatMap(([option, { type, says }]) => [
      '.TP',
      `\\fB${roff(`--${option}`)}\\fR${values[type]}`,
      roff(says),
    ]),
  ];
}

/** The manual page, section 1, of the same table of verbs as the help. Source: man(7). */
export function manPage(all: ReadonlyMap<string, Command>, version: string): string {
  return [
    // Without a date: a page of the same verbs is the same page.
    `.TH REHEARSE 1 "" "rehearse ${roff(version)}" "User Commands"`,
    '.SH NAME',
    `rehearse \\- ${roff(tagline)}`,
    '.SH SYNOPSIS',
    '.B rehearse',
    '\\fIVERB\\fR [\\fIFILE\\fR...] [\\fIOPTION\\fR...]',
    '.SH EXAMPLES',
    ...firstSteps.flatMap(([example, says]) => ['.TP', roff(example), roff(says)]),
    '.SH VERBS',
    ...[...all].flatMap(verbPage),
    '.SH "EXIT STATUS"',
    ...exitWords.flatMap(([code, says]) => ['.TP', `.B ${code}`, roff(says)]),
    '',
  ].join('\n');
}
