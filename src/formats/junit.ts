export interface JunitCase {
  readonly className: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** Absent for a case that passes. */
  readonly outcome?: {
    readonly kind: 'failure' | 'skipped';
    readonly message: string;
    readonly text: string;
  };
}

export interface JunitSuite {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly cases: readonly JunitCase[];
}

/** Text inside XML 1.0: what it does not allow at all becomes U+FFFD. */
export function xmlText(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
      // In an attribute a parser would turn them into blanks.
      .replace(/[\t\n\r]/g, (c) => `&#${c.charCodeAt(0)};`)
  );
}

function attributes(all: Readonly<Record<string, string | number>>): string {
  return Object.entries(all)
    .map(([name, value]) => ` ${name}="${xmlText(String(value))}"`)
    .join('');
}

function caseXml({ className, name, file, line, outcome }: JunitCase): string {
  const head = `    <testcase${attributes({ classname: className, name, file, line })}`;
  if (outcome === undefined) return `${head}/>`;
  const { kind, message, text } = outcome;
  const inner =
    kind === 'skipped'
      ? `<skipped${attributes({ message })}/>`
      : `<failure${attributes({ message, type: 'expectation' })}>${xmlText(text)}</failure>`;
  return `${head}>\n      ${inner}\n    </testcase>`;
}

/** One suite as JUnit's XML, as Jenkins, GitLab and GitHub read it; without times, since a simulated period says nothing of how long a test took. */
export function junitXml({ name, properties, cases }: JunitSuite): string {
  const count = (kind: string) => cases.filter((c) => c.outcome?.kind === kind).length;
  const counts = {
    tests: cases.length,
    failures: count('failure'),
    errors: 0,
    skipped: count('skipped'),
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'rehearse', ...counts })}>`,
    `  <testsuite${attributes({ name, ...counts })}>`,
    '    <properties>',
    ...Object.entries(properties).map(
      ([key, value]) => `      <property${attributes({ name: key, value })}/>`,
    ),
    '    </properties>',
    ...cases.map(caseXml),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}
