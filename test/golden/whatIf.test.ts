import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { reader, root, run } from '../support/files.ts';

const folder = 'scenarios/what-if/';
const files = readdirSync(root + folder)
  .filter((f) => f.endsWith('.yaml'))
  .sort();

const verdicts = (result: ReturnType<typeof run>) =>
  new Map(result.expectations.map((e) => [e.name, e.verdict]));

test('there are the what-ifs that the documentation names', () => {
  expect(files).toEqual([
    'leftover-throttle.yaml',
    'min-isr-3.yaml',
    'no-wait.yaml',
    'node-replaced.yaml',
    'restart-at-peak.yaml',
    'retention-as-stated.yaml',
    'strimzi-roller.yaml',
  ]);
});

describe.each(files)('%s', (file) => {
  const text = reader()(folder + file)!;
  const data = parse(text);
  const base = `${folder}${data.extends}`.replace(/[^/]+\/\.\.\//, '');

  test('the expectation that it shows, and no other, has another verdict than in its base', () => {
    const changed = verdicts(run(folder + file, { verify: true }));
    const before = verdicts(run(base));
    expect([...changed.keys()]).toEqual([...before.keys()]);
    const moved = [...changed]
      .filter(([name, verdict]) => before.get(name) !== verdict)
      .map(([name]) => name);
    expect(moved).toEqual([data.shows]);
  });

  test('undoing the one change restores the fingerprint of the base', () => {
    const path = `${folder}undone.yaml`;
    const undone = `rehearse: 1\ntitle: ${JSON.stringify(data.title)}\nextends: ${data.extends}\nshows: ${JSON.stringify(data.shows)}\n`;
    expect(run(path, {}, { [path]: undone }).fingerprint).toBe(run(base).fingerprint);
    expect(run(folder + file).fingerprint).not.toBe(run(base).fingerprint);
  });
});

test('retention as stated: broker 2 is full first, near 36.6 min and before the 41.8 min of the mean', () => {
  const result = run('scenarios/what-if/retention-as-stated.yaml');
  const full = result.measures.filter((m) => m.name === 'rehearse:log_disk_full_seconds' && m.value > 0);
  expect(full.map((m) => m.labels.broker)).toEqual(['2']);
  expect(full[0]!.value / 60).toBeGreaterThan(36.1);
  expect(full[0]!.value / 60).toBeLessThan(37.1);
  expect(result.stoppedBecause).toContain('log_disk_full');
  expect(result.findings.some((f) => f.says.includes('692.1 TB'))).toBe(true);
});
