import { describe, expect, test } from 'vitest';
import { rules } from '../../src/experiment/audit/audit.ts';
import { readFacts } from '../../src/scenario/facts/read.ts';
import { renderProblems } from '../../src/scenario/problems.ts';
import { command } from '../support/command.ts';
import { reader, root } from '../support/files.ts';

const path = 'facts/facts.yaml';
const good = `rehearse: 1
log: log.txt
date: 2025-01-31
subjects:
  cluster: { kind: cluster, complete: [broker] }
  one: { kind: broker, in: cluster }
facts:
  - { quantity: bytesIn, of: cluster, value: 90MB/s, source: 1 }
  - { quantity: bytesIn, of: one, value: 90MB/s, source: 2 }
  - { quantity: started, of: one, value: '16:00:05', source: 3 }
labels:
  - { id: A1, rule: sums, of: cluster }
`;
const log = 'in: 90 MB/s\none takes 90 MB/s\nstarted 16:00:05\n';

function read(text: string) {
  return readFacts(
    path,
    reader({ [path]: text, 'facts/log.txt': log }),
    rules.map((r) => r.name),
  );
}

const bad: readonly (readonly [name: string, from: string, to: string])[] = [
  ['a key with a typo', 'quantity: bytesIn, of: one', 'quantty: bytesIn, of: one'],
  ['an unknown quantity', 'quantity: bytesIn, of: one', 'quantity: bytsIn, of: one'],
  ['a unit of something else', 'of: one, value: 90MB/s', 'of: one, value: 90ms'],
  ['no unit', 'of: one, value: 90MB/s', 'of: one, value: 90'],
  ['a source that is missing', ', source: 2 }', ' }'],
  ['a line beyond the log', 'source: 2 }', 'source: 2000 }'],
  ['a line without the number', 'source: 2 }', 'source: 3 }'],
  ['a number that only ends like the cited one', 'of: one, value: 90MB/s', 'of: one, value: 0MB/s'],
  ['an unknown subject', 'of: one, value: 90MB/s', 'of: on, value: 90MB/s'],
  ['a whole that is not listed', 'in: cluster }', 'in: clster }'],
  ['a part of itself', 'cluster: { kind: cluster,', 'cluster: { kind: cluster, in: one,'],
  ['a time of no day', "value: '16:00:05'", "value: '25:00:05'"],
  ['a clock time without a date', 'date: 2025-01-31\n', ''],
  ['a log that is not there', 'log: log.txt', 'log: lgo.txt'],
  ['lines of no log', 'log: log.txt\n', ''],
  ['a rule that there is not', 'rule: sums', 'rule: sms'],
  ['a label about nobody', 'rule: sums, of: cluster', 'rule: sums, of: clustr'],
  ['a range whose ends are swapped', 'of: one, value: 90MB/s', 'of: one, value: 90..80MB/s'],
  ['a window that is none', 'source: 2 }', 'source: 2, over: soon }'],
  ['facts that are no list', 'facts:\n', 'facts: 3\nfact:\n'],
  ['a bracket that stays open', 'source: 1 }', 'source: 1'],
  ['nothing', good, ''],
];

describe('malformed facts', () => {
  test('differ from good ones only in what they are named for', () => {
    expect(read(good).problems).toEqual([]);
  });

  test.each(bad)('%s is told at its line and column, with a remedy', async (name, from, to) => {
    expect(good).toContain(from);
    const { facts, problems, texts } = read(good.replace(from, to));
    expect(facts).toBeUndefined();
    expect(problems.length).toBeGreaterThan(0);
    await expect(`${renderProblems(problems, texts)}\n`).toMatchFileSnapshot(
      `malformedFacts/${name.replaceAll(' ', '-')}.txt`,
    );
  });
});

test('the verb says what it lacks, and refuses a file that is no facts file, with exit code 2', async () => {
  expect(await command(['audit'])).toMatchObject({ code: 2 });
  expect(await command(['audit', 'there-is-none.yaml'])).toMatchObject({ code: 2 });
  const scenario = await command(['audit', `${root}scenarios/reference-day/rolling-restart.yaml`]);
  expect(scenario.code).toBe(2);
  expect(scenario.err).toContain('the scenario names no facts');
  expect(scenario.err).not.toMatch(/^\s+at /m);
});

test('a scenario names its facts, itself or by what it extends', () => {
  const files = {
    [path]: good,
    'facts/log.txt': log,
    'base.yaml': 'rehearse: 1\nfacts: facts/facts.yaml\nfrom: 2025-01-31T16:00:00Z\nto: +1h\n',
    'sub/on-top.yaml': 'rehearse: 1\nextends: ../base.yaml\n',
    'lost.yaml': 'rehearse: 1\nfacts: nowhere.yaml\nfrom: 2025-01-31T16:00:00Z\nto: +1h\n',
  };
  const names = rules.map((r) => r.name);
  for (const file of ['base.yaml', 'sub/on-top.yaml']) {
    const read = readFacts(file, reader(files), names);
    expect(read.problems).toEqual([]);
    expect(read.facts?.file).toBe(path);
  }
  const lost = readFacts('lost.yaml', reader(files), names);
  expect(lost.problems.map((p) => [p.file, p.line, p.found])).toEqual([
    ['lost.yaml', 2, 'there is no file nowhere.yaml'],
  ]);
});
