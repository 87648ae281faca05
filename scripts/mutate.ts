/**
 * `npm run mutate [-- COUNT [FOLDER]]`: changes one thing at a time in the engine and the models (flips a comparison, adds or takes one, swaps min and max,
 * deletes a statement), by a fixed seed, and runs the fast tests against each. Prints which survive. At least 85 of 100 should die.
 */
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Node, parse } from 'acorn';
import { full } from 'acorn-walk';
import { rootOf } from '../src/cli/files.ts';
import { makeStream } from '../src/engine/random.ts';

const root = rootOf(import.meta.filename);
const count = Number(process.argv[2] ?? 100);
const folders = process.argv[3] === undefined ? ['src/engine', 'src/models'] : [process.argv[3]];

interface Mutant {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly says: string;
}

const flipped: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
};

/** Every place where a file can be changed; the stripped text keeps its offsets. */
function mutantsOf(file: string): Mutant[] {
  const text = readFileSync(join(root, file), 'utf8');
  const stripped = stripTypeScriptTypes(text);
  const found: Mutant[] = [];
  const line = (at: number) => text.slice(0, at).split('\n').length;
  const add = (from: number, to: number, made: string, what: string) =>
    found.push({ file, from, to, text: made, says: `${file}:${line(from)} ${what}` });
  full(parse(stripped, { ecmaVersion: 'latest', sourceType: 'module' }), (given) => {
    const node = given as Node & {
      operator?: string;
      left?: Node;
      right?: Node;
      value?: unknown;
      raw?: string;
      callee?: { object?: { name?: string }; property?: Node & { name?: string } };
      expression?: Node;
    };
    if (
      (node.type === 'BinaryExpression' || node.type === 'LogicalExpression') &&
      node.operator! in flipped
    ) {
      const at = stripped.indexOf(node.operator!, node.left!.end);
      if (at < node.right!.start)
        add(
          at,
          at + node.operator!.length,
          flipped[node.operator!]!,
          `${node.operator} becomes ${flipped[node.operator!]}`,
        );
    }
    if (
      node.type === 'Literal' &&
      typeof node.value === 'number' &&
      Number.isInteger(node.value) &&
      node.value < 1000
    )
      add(node.start, node.end, `${node.value + 1}`, `${node.value} becomes ${node.value + 1}`);
    if (
      node.type === 'CallExpression' &&
      node.callee?.object?.name === 'Math' &&
      ['min', 'max'].includes(node.callee.property?.name ?? '')
    ) {
      const other = node.callee.property!.name === 'min' ? 'max' : 'min';
      add(
        node.callee.property!.start,
        node.callee.property!.end,
        other,
        `Math.${node.callee.property!.name} becomes Math.${other}`,
      );
    }
    if (
      node.type === 'ExpressionStatement' &&
      !/^['"]/.test(text.slice(node.start, node.end)) &&
      !text.slice(node.start, node.end).includes('super(')
    ) {
      add(
        node.start,
        node.end,
        ';',
        `deleted: ${text.slice(node.start, Math.min(node.end, node.start + 60)).replace(/\s+/g, ' ')}`,
      );
    }
  });
  return found;
}

const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.ts') && !/catalogue|settings/.test(f))
    .sort()
    .map((f) => `${folder}/${f}`),
);
const all = files.flatMap(mutantsOf);
const draw = makeStream('mutants');
const chosen: Mutant[] = [];
while (chosen.length < Math.min(count, all.length)) {
  const one = all[Math.floor(draw() * all.length)]!;
  if (!chosen.includes(one)) chosen.push(one);
}
console.log(`${chosen.length} of ${all.length} mutants in ${files.length} files`);

/** Subsystems whose own tests are enough to ask. */
const own: Readonly<Record<string, readonly string[]>> = {
  'src/promql': ['test/law/promql', 'test/law/monitoring.test.ts', 'test/example/promql'],
  'src/models/mesh': [
    'test/law/certificates.test.ts',
    'test/theory/certificates.test.ts',
    'test/theory/csrQueue.test.ts',
    'test/example/mesh.test.ts',
    'test/golden/caRotation.test.ts',
    'test/scenario/leafKeys.test.ts',
  ],
};
const tests = own[folders[0]!] ?? [
  'test/law',
  'test/theory',
  'test/example/carWash.test.ts',
  'test/golden/rollingRestart.test.ts',
  'test/golden/scenarios.test.ts',
  'test/scenario/leafKeys.test.ts',
];

/** A copy of the checkout to change. */
function copy(name: string): string {
  const at = join(mkdtempSync(join(tmpdir(), 'rehearse-mutate-')), name);
  mkdirSync(at);
  for (const entry of [
    'src',
    'test',
    'models',
    'scenarios',
    'scripts',
    'bench',
    'docs',
    'package.json',
    'tsconfig.json',
    'vitest.config.ts',
    'README.md',
    'package-lock.json',
  ])
    cpSync(join(root, entry), join(at, entry), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(at, 'node_modules'));
  return at;
}

function survives(mutant: Mutant, at: string): Promise<boolean> {
  const original = readFileSync(join(root, mutant.file), 'utf8');
  writeFileSync(
    join(at, mutant.file),
    original.slice(0, mutant.from) + mutant.text + original.slice(mutant.to),
  );
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--bail', '1', '--maxWorkers', '1', ...tests],
      { cwd: at, stdio: 'ignore', env: { ...process.env, NO_COLOR: '1' } },
    );
    // A mutant that never ends is dead.
    const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
    child.on('exit', (code) => {
      clearTimeout(timer);
      writeFileSync(join(at, mutant.file), original);
      resolve(code === 0);
    });
  });
}

const survivors: Mutant[] = [];
let next = 0;
let done = 0;
await Promise.all(
  Array.from({ length: Math.max(1, cpus().length) }, async (_, worker) => {
    const at = copy(`copy-${worker}`);
    while (next < chosen.length) {
      const mutant = chosen[next++]!;
      const alive = await survives(mutant, at);
      done += 1;
      if (alive) survivors.push(mutant);
      console.log(`${String(done).padStart(3)} ${alive ? 'SURVIVES' : 'dies    '} ${mutant.says}`);
    }
    rmSync(join(at, '..'), { recursive: true, force: true });
  }),
);
console.log(`\n${chosen.length - survivors.length} of ${chosen.length} die; ${survivors.length} survive:`);
for (const s of survivors) console.log(`  ${s.says}`);
if (chosen.length - survivors.length < 0.85 * chosen.length) process.exitCode = 1;
