import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTemplate } from '../../src/models/monitoring/template.ts';

const filled = (text: string, labels: Record<string, string>, value: number): string => {
  const parsed = parseTemplate(text);
  if (!parsed.ok) throw new Error(parsed.problem.message);
  return parsed.template(labels, value);
};

/** Texts as production rules have them. */
const templates: readonly string[] = [
  '{{ $value }}',
  '{{ $value | humanize }}',
  '{{ $value | humanize1024 }}B',
  '{{ $value | humanizePercentage }}',
  '{{ $value | humanizeDuration }}',
  '{{ printf "%.2f" $value }}%',
  '{{ $value | printf "%.0f" }}',
  '{{ printf "%e and %g" $value $value }}',
  '{{ printf "%8.3f|%-8.1f|%+.1f|%08.2f" $value $value $value $value }}',
  '{{ $labels.pod }} in {{ $labels.namespace }}: {{ $labels.missing }}.',
  'LABELS = {{ $labels }}',
  '{{ .Labels.pod | toUpper }} {{ .Value | humanize }}',
  '{{ $labels.pod | title }} {{ printf "%s/%s" $labels.namespace $labels.pod }}',
  '{{ if gt $value 100.0 }}many{{ else if lt $value 0.0 }}negative{{ else }}few{{ end }}',
  '{{ with $labels.pod }}on {{ . }}{{ end }}{{ with $labels.missing -}} never {{- end }}',
  'a {{- " b " -}} c {{ `raw "text"` }} {{/* a comment */}}{{- /* another */ -}} d',
  '{{ if and (eq $labels.pod "web-0") (not (eq $labels.namespace "x")) }}yes{{ end }}',
  '{{ printf "%q %v %d%%" $labels.pod $labels.pod 5 }}',
];

const isInstalled = spawnSync('promtool', ['--version'], { stdio: 'ignore' }).status === 0;

test.skipIf(!isInstalled)(
  'a template gives what promtool gives, on 18 texts and 80 numbers of every size',
  () => {
    const numbers = [
      ...fc
        .sample(fc.tuple(fc.integer({ min: 1, max: 99_999 }), fc.integer({ min: -9, max: 20 })), {
          numRuns: 70,
          seed: 3,
        })
        .map(([m, e]) => Number(`${m}e${e}`)),
      ...[0, 1, 10, 60, 61.5, 3600, 90_061, 0.5, 999.95, 1024, 1_048_576, -5, -3700, -0.02],
    ];
    const folder = mkdtempSync(join(tmpdir(), 'rehearse-templates-'));
    const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
    const rules = ['groups:', '- name: g', '  rules:', '  - alert: A', '    expr: x', '    annotations:'];
    for (const [i, text] of templates.entries()) rules.push(`      t${i}: ${quote(text)}`);
    const labels = { pod: 'web-0', namespace: 'shop' };
    const tests = [
      'rule_files: [rules.yml]',
      'evaluation_interval: 1m',
      'tests:',
      '- interval: 1m',
      '  input_series:',
    ];
    const expected: string[] = [];
    for (const [n, value] of numbers.entries()) {
      const own = { __name__: 'x', ...labels, n: String(n) };
      tests.push(`  - { series: 'x{pod="web-0", namespace="shop", n="${n}"}', values: '${value}' }`);
      expected.push(`    - exp_labels: { pod: web-0, namespace: shop, n: "${n}" }`, '      exp_annotations:');
      for (const [i, text] of templates.entries())
        expected.push(`        t${i}: ${JSON.stringify(filled(text, own, value))}`);
    }
    tests.push('  alert_rule_test:', '  - eval_time: 0m', '    alertname: A', '    exp_alerts:', ...expected);
    writeFileSync(join(folder, 'rules.yml'), rules.join('\n'));
    writeFileSync(join(folder, 'tests.yml'), tests.join('\n'));
    const ran = spawnSync('promtool', ['test', 'rules', 'tests.yml'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1e8,
    });
    rmSync(folder, { recursive: true, force: true });
    expect(differences(`${ran.stdout}${ran.stderr}`)).toEqual([]);
    expect(ran.stdout).toContain('SUCCESS');
  },
);

/** The first annotations that differ, of a printed comparison. */
function differences(text: string): string[] {
  if (text.includes('SUCCESS')) return [];
  const [expected = '', got = ''] = text.split(/\n\s*got:/);
  const parts = (of: string) =>
    [...of.matchAll(/Annotations:\{(.*)\}/g)].map((m) => m[1]!.split(/, (?=t\d+=)/));
  const [a, b] = [parts(expected), parts(got)];
  const found = a.flatMap((list, i) =>
    list.flatMap((x, j) => (x === b[i]?.[j] ? [] : [`${x} but promtool ${b[i]?.[j]}`])),
  );
  return found.length === 0 ? [text.slice(0, 1000)] : found.slice(0, 30);
}

test('what a template cannot say here is told by name, at its place', () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ['at {{ query "up" | first | value }}', 6, 'the template function query'],
    ['{{ range query "up" }}x{{ end }}', 2, 'range is not played'],
    ['{{ $value | humanizeTimestamp }}', 12, 'the template function humanizeTimestamp'],
    ['{{ $nothing }}', 3, 'the template variable $nothing'],
    ['{{ $value', 0, 'without its }}'],
    ['{{ if $value }}x', 2, 'without its end'],
    ['{{ end }}', 2, 'end without'],
    ['{{ $value | }}', 2, 'without a value'],
    ['{{ }}', 2, 'without a value'],
    ['{{ humanize }}', 3, 'humanize with 0 values'],
    ['{{ ($value }}', 3, '( without its )'],
  ];
  for (const [text, offset, says] of cases) {
    const parsed = parseTemplate(text);
    expect(parsed.ok ? text : [text, parsed.problem.offset]).toEqual([text, offset]);
    if (!parsed.ok) expect(parsed.problem.message).toContain(says);
  }
});

test('reading any text as a template ends without breaking', () => {
  const word = fc.constantFrom(
    '{{',
    '}}',
    '-',
    ' ',
    '|',
    '$value',
    '$labels.a',
    'if',
    'end',
    'else',
    'with',
    '"',
    '`',
    '(',
    ')',
    'printf',
    '"%d"',
    '5',
    'x',
  );
  let good = 0;
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      const parsed = parseTemplate(words.join(' '));
      if (parsed.ok) {
        expect(typeof parsed.template({ a: 'b' }, 1)).toBe('string');
        good += 1;
      }
    }),
    { numRuns: 1000 },
  );
  expect(good).toBeGreaterThan(50);
});
