import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { version } from '../../src/cli/verbs.ts';
import type { Result } from '../../src/experiment/result.ts';
import { gone, type Series, type SeriesSet } from '../../src/promql/series.ts';
import { readSeries, seriesArrow } from '../../src/report/arrow.ts';
import { fitting } from '../../src/report/markdown.ts';
import { savedResult } from '../../src/report/saved.ts';
import { type Summary, summaryOf } from '../../src/report/summary.ts';
import { command } from '../support/command.ts';
import { root } from '../support/files.ts';

const at = mkdtempSync(join(tmpdir(), 'rehearse-report-verb-'));
const whole = join(at, 'restart');
const restart = join(root, 'scenarios/reference-day/rolling-restart.yaml');
beforeAll(async () => {
  expect((await command(['run', restart, '--seeds', '1', '--out', whole, '--quiet'])).err).toBe('');
}, 60_000);
afterAll(() => rmSync(at, { recursive: true, force: true }));

/** Every byte of a folder, by path. */
function bytesOf(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
  return new Map(files.map((path) => [path, readFileSync(join(folder, path), 'base64')]));
}

let copies = 0;
function copy(): string {
  copies += 1;
  const folder = join(at, `copy-${copies}`);
  cpSync(whole, folder, { recursive: true });
  return folder;
}

describe('a result is drawn again from its files alone', () => {
  test.each([
    ['a restart', [restart, '--seeds', '1']],
    ['many runs', [restart, '--replications', '3', '--workers', '1']],
    ['single faults', [restart, '--seeds', '1', '--faults', 'node', '--at', '+6m,+20m']],
    [
      'alert rules',
      [restart, '--seeds', '1', '--rules', join(root, 'test/recordings/strimzi/kafka-rules.yaml')],
    ],
    ['a what-if, with what it changes', [join(root, 'scenarios/what-if/min-isr-3.yaml'), '--seeds', '1']],
    ['what ends next', [join(root, 'scenarios/reference-day/ca-rotation.yaml'), '--seeds', '1']],
  ])(
    'after %s, report leaves every byte as it was, and prints the same',
    async (name, args) => {
      const folder = join(at, name.replaceAll(' ', '-'));
      const played = await command(['run', ...args, '--out', folder, '--sparklines']);
      expect(played.err).toBe('');
      const before = bytesOf(folder);
      // Drawn files that are missing come back; what is not drawn is only read.
      for (const path of ['charts', 'summary.md', 'report.html'])
        rmSync(join(folder, path), { recursive: true });
      const drawn = await command(['report', folder, '--sparklines']);
      expect([drawn.err, drawn.code]).toEqual(['', 0]);
      expect(drawn.out).toBe(played.out);
      const after = bytesOf(folder);
      expect([...after.keys()]).toEqual([...before.keys()]);
      for (const [path, bytes] of after) expect(bytes === before.get(path), path).toBe(true);
      const json = await command(['report', folder, '--json']);
      const summary = readFileSync(join(folder, 'summary.json'), 'utf8');
      expect(json.out).toBe(summary);
      const saved = await savedResult({ folder, bytes: (file) => readFileSync(join(folder, file)) }, version);
      expect(JSON.parse(JSON.stringify(summaryOf(saved.result!)))).toEqual(JSON.parse(summary));
    },
    120_000,
  );

  test('a series that is zeroed in the Arrow file changes its chart, its line of text and no other chart', async () => {
    const folder = copy();
    const file = join(folder, 'series.arrow');
    const name = 'kafka_server_replicamanager_underreplicatedpartitions';
    const read = readSeries(readFileSync(file));
    const names = read.names.filter((n) => n.toLowerCase().includes('underreplicated'));
    expect(names, read.names.join(' ')).toContain(name);
    const zeroed: SeriesSet = {
      names: read.names,
      of: (n) =>
        read
          .of(n)
          .map((s) =>
            n === name ? { ...s, values: Array(s.length).fill(0), slopes: Array(s.length).fill(0) } : s,
          ),
    };
    writeFileSync(file, seriesArrow({ series: zeroed, playedMicros: Infinity } as Result));
    const before = bytesOf(folder);
    const drawn = await command(['report', folder]);
    expect(drawn.code).toBe(0);
    const after = bytesOf(folder);
    const moved = [...before.keys()].filter((path) => before.get(path) !== after.get(path));
    expect(moved).toEqual([
      'charts/under-replicated-partitions.svg',
      'charts/under-replicated-partitions.vl.json',
      'report.html',
      'summary.md',
    ]);
    const line = /^\| Under-replicated partitions .*$/m.exec(
      readFileSync(join(folder, 'summary.md'), 'utf8'),
    )![0];
    expect(line).toMatch(/▁{32} \| 0 \| 0 \| 0 \|$/);
  }, 60_000);
});

describe('an Arrow file of series', () => {
  test('is read back with every label, gap and number that is no number', () => {
    const series: Series[] = [
      [{ topic: 'a",b="c\\', note: 'two\nlines' }, [0, 5, 9], [1, gone, Number.NaN]],
      [{ topic: 'a' }, [0, 7], [gone, 2]],
      // The same labels again: a row that came after another.
      [{ topic: 'a' }, [3], [-0]],
    ].map(([labels, times, values]) => ({
      name: 'x',
      labels: labels as Series['labels'],
      times: times as number[],
      values: values as number[],
      slopes: (times as number[]).map(() => 0.5),
      length: (times as number[]).length,
    }));
    const set: SeriesSet = { names: ['x'], of: () => series };
    const bytes = seriesArrow({ series: set, playedMicros: 10 } as Result);
    expect(readSeries(bytes).of('x')).toEqual(series);
    expect(tableFromIPC(bytes).getChild('value')!.get(1)).toBeNull();
  });
});

describe('before and after', () => {
  const whatIf = join(root, 'scenarios/what-if/min-isr-3.yaml');
  const summaryIn = (folder: string) =>
    JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as Summary;

  test('a what-if is compared with the scenario that it extends, as that plays by itself', async () => {
    const folder = join(at, 'what-if');
    const played = await command(['run', whatIf, '--seeds', '1', '--out', folder]);
    const [own, base] = [summaryIn(folder), summaryIn(whole)];
    expect(own.before).toMatchObject({
      fingerprint: base.fingerprint,
      risks: base.risks,
      expectations: base.expectations,
    });
    const table = /## Before and after\n\n(.*?)\n\n/s.exec(
      readFileSync(join(folder, 'summary.md'), 'utf8'),
    )![1]!;
    expect(table).toContain('| no producer is turned away | pass | FAIL |  | now fails |');
    expect(table).toMatch(/\| no send fails \| pass \| pass \| {2}\| {2}\|/);
    const lag = (s: Summary) => s.risks.find((r) => r.says.startsWith('sends that were tried again'))!;
    expect(lag(own).value).toBeGreaterThan(lag(base).value!);
    expect(played.out).toMatch(/Before and after\n.*\n +no producer is turned away +pass +FAIL +now fails\n/);
    expect(played.out).not.toMatch(/no send fails +pass +pass/);
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain(
      '<h2 id="before">Before and after</h2>',
    );
    // A result that was there before says the same.
    const other = join(at, 'against');
    await command(['run', whatIf, '--seeds', '1', '--out', other, '--against', whole]);
    expect([...bytesOf(other)]).toEqual([...bytesOf(folder)]);
    await command(['report', other, '--against', whole]);
    expect([...bytesOf(other)]).toEqual([...bytesOf(folder)]);
    const turned = copy();
    await command(['report', turned, '--against', folder]);
    expect(readFileSync(join(turned, 'summary.md'), 'utf8')).toContain(
      '| no producer is turned away | FAIL | pass |  | now holds |',
    );
    expect(summaryIn(turned).before!.fingerprint).toBe(own.fingerprint);
  }, 60_000);

  test('a scenario that shows nothing is compared with nothing, and what holds no result is refused before the run', async () => {
    expect(summaryIn(whole)).not.toHaveProperty('before');
    expect(readFileSync(join(whole, 'summary.md'), 'utf8')).not.toContain('Before and after');
    const { code, err } = await command(['run', whatIf, '--out', join(at, 'none'), '--against', at]);
    expect([code, err]).toEqual([2, expect.stringContaining('manifest.json\n  there is no such file')]);
  });
});

describe('a folder that cannot be drawn is told of with its place and the remedy, and stays as it is', () => {
  async function refused(change: (folder: string) => void): Promise<string> {
    const folder = copy();
    change(folder);
    const before = bytesOf(folder);
    const { code, out, err } = await command(['report', folder]);
    expect([code, out]).toEqual([2, '']);
    expect(err).not.toMatch(/this is a bug|\n\s+at /);
    expect(err).toContain('mend: ');
    expect([...bytesOf(folder)]).toEqual([...before]);
    return err.replaceAll(folder, 'OUT');
  }
  const edit = (name: string, from: string | RegExp, to: string) => (folder: string) => {
    const text = readFileSync(join(folder, name), 'utf8');
    expect(text).toMatch(from);
    writeFileSync(join(folder, name), text.replace(from, to));
  };

  test('a result of another version', async () => {
    const err = await refused(edit('manifest.json', /"version": "[^"]+"/, '"version": "0.0.7"'));
    expect(err).toMatch(
      /^OUT\/manifest\.json:3:14 {2}version\n {2}written by rehearse 0\.0\.7, and this is /,
    );
    expect(err).toContain('npx rehearse@0.0.7');
  });
  test.each(['series.arrow', 'events.arrow'])('%s that is cut off anywhere', async (name) => {
    for (const share of [0, 0.02, 0.5, 0.9, 0.999]) {
      const err = await refused((folder) => {
        const bytes = readFileSync(join(folder, name));
        writeFileSync(join(folder, name), bytes.subarray(0, Math.floor(bytes.length * share)));
      });
      expect(err, String(share)).toMatch(new RegExp(`^OUT/${name}\\n {2}cut off or changed, at \\d+ bytes`));
    }
  });
  test('an Arrow file with changed bytes is read or refused, and never reads on for ever', () => {
    const bytes = readFileSync(join(whole, 'series.arrow'));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(2000), fc.nat(255), (anywhere, near, byte) => {
        const changed = Buffer.from(bytes);
        changed[anywhere] = byte;
        changed[near] = byte;
        try {
          expect(readSeries(changed).names.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 20 },
    );
  }, 60_000);
  test.each(['manifest.json', 'resolved.json', 'summary.json', 'series.arrow', 'events.arrow'])(
    'a missing %s',
    async (name) => {
      expect(await refused((folder) => rmSync(join(folder, name)))).toContain(
        `OUT/${name}\n  there is no such file`,
      );
    },
  );
  test('a measure that is missing, and a value of another kind', async () => {
    const err = await refused(edit('summary.json', /"risks": \[\s+\{\s+"name": "[^"]+",/, '"risks": [ {'));
    expect(err).toMatch(/^OUT\/summary\.json:\d+:\d+ {2}risks[.[]0/m);
    expect(await refused(edit('summary.json', /"verdict": "pass"/, '"verdict": "perhaps"'))).toMatch(
      /^OUT\/summary\.json:\d+:\d+ {2}verdict\n/,
    );
  });
  test('a summary that is no JSON, and one of another run', async () => {
    expect(await refused(edit('summary.json', /,\n/, '\n'))).toMatch(/^OUT\/summary\.json:\d+:\d+\n/);
    expect(await refused(edit('summary.json', /"fingerprint": "[^"]+"/, '"fingerprint": "0"'))).toContain(
      'belong to two runs',
    );
  });
  test('a folder that is none, one without a result, and one with the answer to another question', async () => {
    for (const args of [[], [join(at, 'none')], [at], [whole, whole]]) {
      const { code, err } = await command(['report', ...args]);
      expect([code, err.includes('mend: ')]).toEqual([2, true]);
    }
  });
});

describe('the answer to a question about many runs', () => {
  const answer = join(at, 'explained');
  beforeAll(async () => {
    expect((await command(['explain', restart, 'worstLag', '--out', answer])).code).toBe(0);
  }, 60_000);
  const changed = (name: string, change: (text: string) => string) => {
    copies += 1;
    const folder = join(at, `answer-${copies}`);
    cpSync(answer, folder, { recursive: true });
    writeFileSync(join(folder, name), change(readFileSync(join(folder, name), 'utf8')));
    return folder;
  };

  test('is drawn again from its files alone, byte for byte', async () => {
    const folder = changed('report.html', () => 'gone');
    rmSync(join(folder, 'charts/explain.svg'));
    const { code, out } = await command(['report', folder]);
    expect([code, out]).toEqual([0, expect.stringContaining('restart is the cause')]);
    expect(bytesOf(folder)).toEqual(bytesOf(answer));
  });

  test('shows what its files say now', async () => {
    const folder = changed('answer.json', (text) =>
      text.replaceAll('restart is the cause', 'it was the wind'),
    );
    writeFileSync(
      join(folder, 'charts/explain.vl.json'),
      readFileSync(join(folder, 'charts/explain.vl.json'), 'utf8').replaceAll('#2563eb', '#123456'),
    );
    expect((await command(['report', folder])).code).toBe(0);
    for (const name of ['report.html', 'summary.md'])
      expect(readFileSync(join(folder, name), 'utf8')).toContain('it was the wind');
    expect(readFileSync(join(folder, 'charts/explain.svg'), 'utf8')).toContain('#123456');
  });

  test.each([
    ['answer.json', (text: string) => text.slice(0, 400), 'answer.json:'],
    [
      'answer.json',
      (text: string) => text.replace(/"version": "[^"]+"/, '"version": "9.9.9"'),
      'rehearse@9.9.9',
    ],
    ['answer.json', (text: string) => text.replace('"header"', '"head"'), 'sections'],
    ['charts/explain.vl.json', (text: string) => text.slice(0, 100), 'charts/explain.vl.json:'],
    ['charts/explain.vl.json', () => '[]', 'charts/explain.vl.json:'],
  ])('whose %s is damaged is told, and nothing is drawn', async (name, change, says) => {
    const folder = changed(name, change);
    const before = bytesOf(folder);
    const { code, err } = await command(['report', folder]);
    expect([code, err]).toEqual([2, expect.stringContaining(says)]);
    expect(err).toContain('mend:');
    expect(bytesOf(folder)).toEqual(before);
  });

  test('has nothing of one run', async () => {
    const { code, err } = await command(['report', answer, '--perfetto']);
    expect([code, err]).toEqual([2, expect.stringContaining('--perfetto is about one')]);
  });
});

test('summary.md stays below 60 KB: the last sections are cut first, and say by how much', () => {
  const rows = (n: number) => Array.from({ length: n }, (_, i) => `| row ${i} | ${'x'.repeat(80)} |`);
  const lines = [
    '# PASS: x',
    '',
    '## Risks',
    '',
    '| a | b |',
    '|---|---|',
    ...rows(50),
    '',
    '## Last',
    '',
    '| a | b |',
    '|---|---|',
    ...rows(900),
  ];
  const kept = fitting(lines, 60_000);
  const text = kept.join('\n');
  expect(Buffer.byteLength(text)).toBeLessThan(60_000);
  expect(Buffer.byteLength(text)).toBeGreaterThan(59_000);
  expect(kept.slice(0, 57)).toEqual(lines.slice(0, 57));
  const cut = Number(/and (\d+) more lines/.exec(text)![1]);
  expect(cut + text.match(/\| row/g)!.length).toBe(950);
  expect(fitting(lines.slice(0, 200), 60_000)).toEqual(lines.slice(0, 200));
});
