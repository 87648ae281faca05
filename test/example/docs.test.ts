import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { referenceFiles } from '../../scripts/docs.ts';
import { root, scenarioOf } from '../support/files.ts';

test('docs/reference is what npm run docs writes', async () => {
  const files = await referenceFiles();
  expect(readdirSync(join(root, 'docs/reference')).sort()).toEqual([...files.keys()].sort());
  for (const [path, text] of files)
    expect(readFileSync(join(root, 'docs/reference', path), 'utf8'), path).toBe(text);
});

test('every shipped scenario is good, and every number of models/ has a source or a unit', () => {
  for (const folder of ['scenarios/reference-day', 'scenarios/what-if', 'scenarios/what-if/bases']) {
    for (const f of readdirSync(join(root, folder)).filter((x) => x.endsWith('.yaml')))
      scenarioOf(`${folder}/${f}`);
  }
  const bare: string[] = [];
  const walk = (node: unknown, path: string, sourced: boolean): void => {
    if (Array.isArray(node))
      node.forEach((x, i) => {
        walk(x, `${path}.${i}`, sourced);
      });
    else if (typeof node === 'object' && node !== null) {
      const own = sourced || 'source' in node;
      for (const [key, value] of Object.entries(node)) walk(value, `${path}.${key}`, own);
    } else if (
      !sourced &&
      (typeof node === 'number' || /^\$?\d/.test(String(node))) &&
      !/rehearse|version/.test(path)
    )
      bare.push(path);
  };
  for (const file of [
    'models/kafka/kafka-3.7.yaml',
    'models/kubernetes/kubernetes-1.30.yaml',
    'models/hardware/aws-ec2.yaml',
    'models/jvm/kafka-jvm.yaml',
    'models/fitted/reference.yaml',
  ]) {
    walk(parse(readFileSync(join(root, file), 'utf8')), file, false);
  }
  expect(bare).toEqual([]);
});

test('the commands that the README names exist', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const scripts = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts as Record<
    string,
    string
  >;
  const named = [...readme.matchAll(/npm run ([a-z]+)/g)].map((m) => m[1]!);
  expect(named.length).toBeGreaterThan(4);
  for (const name of named) expect(Object.keys(scripts)).toContain(name);
  for (const [, file] of readme.matchAll(/((?:scenarios|models|docs)\/[\w./-]+\.(?:yaml|md|png|json))/g))
    expect(() => readFileSync(join(root, file!)), file).not.toThrow();
});

test('the real output that the README shows is what the run prints', async () => {
  const { terminalText } = await import('../../src/report/text.ts');
  const { run } = await import('../support/files.ts');
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const shown = /```text\n(.*?)```/s.exec(readme)![1]!;
  const printed = terminalText(run('scenarios/reference-day/rolling-restart.yaml', { seeds: 100 }), {
    colours: false,
    quiet: false,
    folder: 'out/reference-day/rolling-restart',
  });
  for (const line of shown.split('\n').filter((l) => l.trim() !== '' && l.trim() !== '...'))
    expect(printed).toContain(line.trimEnd());
}, 60_000);
