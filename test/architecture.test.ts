import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { parse } from 'acorn';
import { full } from 'acorn-walk';
import { describe, expect, test } from 'vitest';
import { root } from './support/files.ts';

/** Rooms from left to right; an import may only point left. `formats` stands beside `engine`. */
const rooms = ['engine', 'promql', 'models', 'scenario', 'experiment', 'evidence', 'report', 'cli'];
const portable = new Set(['engine', 'formats', 'promql', 'models', 'scenario', 'experiment']);

interface Source {
  readonly path: string;
  readonly text: string;
}

function sources(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.ts'))
    .sort()
    .map((f) => ({ path: `${folder}/${f}`, text: readFileSync(join(root, folder, f), 'utf8') }));
}

const all = sources('src');

function importsOf({ text }: Source): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((m) => m[1]!);
}

/** Paths below src that a file's relative imports name. */
function resolved(path: string, to: string): string {
  const parts = path.split('/').slice(0, -1);
  for (const word of to.split('/')) {
    if (word === '..') parts.pop();
    else if (word !== '.') parts.push(word);
  }
  return parts.join('/');
}

function wrongImports(source: Source): string[] {
  const [, room = '', subsystem = ''] = source.path.split('/');
  const wrong: string[] = [];
  for (const to of importsOf(source)) {
    if (!to.startsWith('.')) {
      if (portable.has(room) && to.startsWith('node:')) wrong.push(`${source.path} uses ${to}`);
      continue;
    }
    const [, other = '', otherSubsystem = ''] = resolved(source.path, to).split('/');
    if (room.endsWith('.ts') || other.endsWith('.ts')) continue;
    if (room === 'formats') {
      if (other !== 'formats') wrong.push(`${source.path} imports ${to}`);
      continue;
    }
    if (other === 'formats') {
      if (!['formats', 'scenario', 'experiment', 'evidence', 'report', 'cli'].includes(room))
        wrong.push(`${source.path} imports ${to}`);
      continue;
    }
    if (rooms.indexOf(other) > rooms.indexOf(room))
      wrong.push(`${source.path} imports ${to}, which lies to its right`);
    if (room === 'models' && other === 'models' && subsystem !== otherSubsystem)
      wrong.push(`${source.path} imports another subsystem, ${to}`);
  }
  return wrong;
}

/** Calls and words that make a run depend on the clock, on chance, on the locale or on the runtime. */
function forbidden(source: Source): string[] {
  const code = stripTypeScriptTypes(source.text);
  const tree = parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true });
  const found: string[] = [];
  const say = (node: { loc?: { start: { line: number } } | null }, what: string) =>
    found.push(`${source.path}:${node.loc?.start.line} ${what}`);
  full(tree, (node) => {
    const n = node as unknown as Record<string, unknown> & { type: string; loc: { start: { line: number } } };
    if (
      n.type === 'Identifier' &&
      ['Date', 'performance', 'setTimeout', 'setInterval', 'Promise', 'Intl', 'process', 'fetch'].includes(
        n.name as string,
      )
    )
      say(n, n.name as string);
    if (n.type === 'MemberExpression') {
      const property = (n.property as { name?: string }).name ?? '';
      const object = (n.object as { name?: string }).name ?? '';
      if (object === 'Math' && ['random', 'pow'].includes(property)) say(n, `Math.${property}`);
      if (['localeCompare', 'toLocaleString', 'toLocaleUpperCase', 'toLocaleLowerCase'].includes(property))
        say(n, property);
    }
    if (n.type === 'BinaryExpression' && n.operator === '**') say(n, '**');
    if (
      (n.type === 'FunctionDeclaration' ||
        n.type === 'FunctionExpression' ||
        n.type === 'ArrowFunctionExpression') &&
      n.async
    )
      say(n, 'async');
    if (n.type === 'AwaitExpression') say(n, 'await');
  });
  return found;
}

const subsystemWords =
  /\b(brokers?|partitions?|kafka|strimzi|replicas?|isr|pods?|kubernetes|zookeeper|topics?|consumers?|producers?)\b/i;
const referenceDay =
  /vantage|kafka-prod|prod-us-east|ip-10-|ravi|order-event|us-east-1|\b48[_,]?000\b|\b890\b|\b(142|138|144|136), ?(138|144|140|136)\b|2025-10-03/;
const machine = /\/(work|home|root|farm)\/[a-z]|registry\.npmjs|regist(ry|er)\.[a-z]+\.(org|com)/;

function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}

describe('imports', () => {
  test('point left only, subsystems never import each other, and portable rooms use no Node API', () => {
    expect(all.flatMap(wrongImports)).toEqual([]);
    expect(all.length).toBeGreaterThan(60);
  });

  test.each([
    ['src/engine/x.ts', "import { a } from '../models/kafka/tables.ts';"],
    ['src/models/kafka/x.ts', "import { a } from '../hardware/nic.ts';"],
    ['src/models/kafka/x.ts', "import { a } from '../../scenario/load.ts';"],
    ['src/experiment/x.ts', "import { readFileSync } from 'node:fs';"],
    ['src/formats/x.ts', "import { a } from '../engine/queue.ts';"],
    ['src/report/x.ts', "const a = await import('../cli/files.ts');"],
  ])('%s with %s is caught', (path, text) => {
    expect(wrongImports({ path, text })).toHaveLength(1);
  });
});

describe('determinism', () => {
  test('engine, promql, models, scenario and experiment call nothing that differs between runs or runtimes', () => {
    const rooms = ['engine', 'promql', 'models', 'scenario', 'experiment', 'formats'];
    expect(rooms.flatMap((room) => sources(`src/${room}`)).flatMap(forbidden)).toEqual([]);
  });

  test.each([
    'Math.random()',
    'Math.pow(2, 3)',
    '2 ** 3',
    'Date.now()',
    'new Date()',
    'performance.now()',
    "'a'.localeCompare('b')",
    '(1).toLocaleString()',
    'async () => 1',
    'setTimeout(f, 1)',
    'Promise.resolve(1)',
  ])('%s is caught', (text) => {
    expect(forbidden({ path: 'x', text: `const a = ${text};` }).length).toBeGreaterThan(0);
  });
});

describe('words', () => {
  test('the report room knows no subsystem', () => {
    expect(
      sources('src/report')
        .filter((s) => subsystemWords.test(code(s.text)))
        .map((s) => s.path),
    ).toEqual([]);
    expect(subsystemWords.test('const broker = 1;')).toBe(true);
  });

  test('no proper name or figure of the reference day stands in src', () => {
    expect(
      all
        .filter((s) => referenceDay.test(code(s.text)))
        .map((s) => `${s.path}: ${referenceDay.exec(code(s.text))?.[0]}`),
    ).toEqual([]);
    for (const bad of ["'vantage-x'", 'const rate = 890;', '[142, 138]', 'const m = 48_000;'])
      expect(referenceDay.test(bad), bad).toBe(true);
  });

  test('no path of a machine and no registry address stands anywhere', () => {
    const files = [
      ...all,
      ...sources('test').filter((s) => !s.path.endsWith('architecture.test.ts')),
      ...sources('scripts'),
      ...sources('bench'),
    ];
    expect(files.filter((s) => machine.test(s.text)).map((s) => s.path)).toEqual([]);
    expect(machine.test(readFileSync(join(root, 'package-lock.json'), 'utf8'))).toBe(false);
  });
});

test('build.ts only loops over parts', () => {
  const lines = readFileSync(join(root, 'src/scenario/build.ts'), 'utf8').split('\n').length;
  expect(lines).toBeLessThan(150);
});

test('every shipped YAML file tells editors its schema', () => {
  const files = ['models', 'scenarios'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((f) => f.endsWith('.yaml') && !f.endsWith('.fit.yaml'))
      .map((f) => join(root, folder, f)),
  );
  expect(files.length).toBeGreaterThan(14);
  expect(
    files.filter(
      (f) =>
        !/^# yaml-language-server: \$schema=\S+(scenario|platform|facts)\.schema\.json$/m.test(
          readFileSync(f, 'utf8'),
        ),
    ),
  ).toEqual([]);
});
