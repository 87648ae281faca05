import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Audit, audit, rules } from '../../src/experiment/audit/audit.ts';
import { readFacts } from '../../src/scenario/facts/read.ts';
import { command } from '../support/command.ts';
import { reader, root } from '../support/files.ts';

const path = 'scenarios/reference-day/facts/day.yaml';

function audited(text?: string): Audit {
  const read = readFacts(
    path,
    reader(text === undefined ? {} : { [path]: text }),
    rules.map((r) => r.name),
  );
  expect(read.problems).toEqual([]);
  return audit(read.facts!);
}

const places = (found: Audit) =>
  found.findings.map((f) => `${f.rule} ${f.about} ${f.places.map((p) => p.replace(/.*\//, '')).join(' ')}`);

describe('the reference day', () => {
  const found = audited();

  test('has every contradiction that its ledger numbers', () => {
    const ids = new Set(found.findings.map((f) => f.id));
    for (let k = 1; k <= 23; k += 1) expect(ids, `K${k}`).toContain(`K${k}`);
  });

  test('has the findings that are kept beside this test', async () => {
    const text = found.findings
      .map(
        (f) => `${f.id} ${f.rule} ${f.about}\n  ${f.says}\n  ${f.reading ?? '-'}\n  ${f.places.join(' ')}\n`,
      )
      .join('');
    await expect(text).toMatchFileSnapshot('files/audit.txt');
  });

  test('each cited line of the log holds a number of the fact that cites it', () => {
    const given = parse(reader()(path)!) as {
      facts: { value: string | number; source: unknown; printed?: string }[];
    };
    const log = reader()('scenarios/reference-day/facts/ops-log-2025-10-03.txt')!
      .replace(/(?<=\d),(?=\d{3})/g, '')
      .split('\n');
    let checked = 0;
    for (const f of given.facts) {
      if (typeof f.source === 'string' || f.value === 'absent') continue;
      const text = [f.source as number | number[]]
        .flat()
        .map((n) => log[n - 1])
        .join('\n');
      const numbers = f.printed === undefined ? String(f.value).match(/\d+(\.\d+)?/g)! : [f.printed];
      for (const n of numbers) expect(text, JSON.stringify(f)).toContain(n);
      checked += 1;
    }
    expect(checked).toBeGreaterThan(300);
  });

  const mends: readonly (readonly [string, (text: string) => string, (line: string) => boolean])[] = [
    [
      'a retention of 36 min',
      (text) =>
        text.replace(
          'of: kafka-prod, value: 72h, source: 519',
          "of: kafka-prod, value: 36min, source: 'mended'",
        ),
      (finding) => / ops-log[^ ]*:519( |$)/.test(finding),
    ],
    [
      'every broker sending 836 MB/s',
      (text) =>
        text.replace(
          /(quantity: networkOut, of: broker-\d, value: )\d+MB\/s, source: \d+/g,
          "$1836MB/s, source: 'mended'",
        ),
      (finding) => / ops-log[^ ]*:(33|43|53|63|73)( |$)/.test(finding),
    ],
    [
      'an alert at 04:10:08',
      (text) => text.replace("value: '04:12:08', source: 283", "value: '04:10:08', source: 'mended'"),
      (finding) => / ops-log[^ ]*:283( |$)/.test(finding),
    ],
  ];
  test.each(mends)('mended by %s loses exactly the findings that cite what is mended', (_, mend, cites) => {
    const text = reader()(path)!;
    expect(mend(text)).not.toBe(text);
    const before = places(found);
    expect(before.filter(cites).length).toBeGreaterThan(0);
    expect(places(audited(mend(text)))).toEqual(before.filter((finding) => !cites(finding)));
  });

  test('is told by the verb, which answers no', async () => {
    const { code, out } = await command(['audit', `${root}${path}`, '--json']);
    expect(code).toBe(20);
    const { findings } = JSON.parse(out) as { findings: { id: string; facts: string[]; says: string }[] };
    expect(findings.length).toBe(found.findings.length);
    for (const f of findings) for (const place of f.facts) expect(place).toMatch(/^scenarios\/.*:\d+$/);
  });
});
