import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { root } from '../support/files.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rehearse-init-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function rehearse(args: readonly string[], cwd: string) {
  const done = spawnSync(process.execPath, [join(root, 'bin/rehearse.js'), ...args], {
    encoding: 'utf8',
    cwd,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
    timeout: 60_000,
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/** Files below a folder, sorted, without what is installed. */
const filesBelow = (at: string) =>
  readdirSync(at, { recursive: true, withFileTypes: true })
    .filter((f) => !f.isDirectory())
    .map((f) => join(f.parentPath, f.name).slice(at.length + 1))
    .filter((f) => !f.startsWith('node_modules'))
    .sort();

const whatInitWrites = [
  'README.md',
  'laws/platform.test.js',
  'models/hardware/aws-ec2.yaml',
  'models/kafka/kafka-3.7.yaml',
  'models/kubernetes/kubernetes-1.30.yaml',
  'models/strimzi/strimzi-0.42.yaml',
  'package.json',
  'platforms/team.yaml',
  'scenarios/rolling-restart.yaml',
];

const team = join(folder, 'team');
const links = join(team, 'node_modules');

beforeAll(async () => {
  const wrote = await command(['init', team]);
  expect([wrote.code, wrote.err]).toEqual([0, '']);
  // This checkout as the package that is installed: linked, and its sources in place of what a build makes of them.
  const linked = join(links, 'rehearse');
  mkdirSync(linked, { recursive: true });
  for (const name of ['bin', 'src', 'models', 'docs']) symlinkSync(join(root, name), join(linked, name));
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  manifest.exports = {
    '.': './src/index.ts',
    './testing': './src/testing.ts',
    './package.json': './package.json',
  };
  writeFileSync(join(linked, 'package.json'), JSON.stringify(manifest));
  // Node reads the sources itself: it is faster than having vitest turn each of them into what a build makes.
  writeFileSync(
    join(team, 'vitest.config.js'),
    `export default { test: { server: { deps: { external: [${new RegExp(join(root, 'src').replace(/[^\w]/g, '\\$&'))}] } } } };\n`,
  );
});

describe('init', () => {
  test('it writes a platform, a scenario, a suite and what they need, and nothing else; it says what comes next', async () => {
    const fresh = join(folder, 'fresh');
    const { out } = await command(['init', fresh]);
    expect(filesBelow(fresh)).toEqual(whatInitWrites);
    for (const path of whatInitWrites) expect(out).toContain(path);
    expect(out).toMatch(
      /\nnext: cd \S+ && npm install && npx rehearse run scenarios\/rolling-restart.yaml && npx rehearse test\n$/,
    );
    const { devDependencies } = JSON.parse(readFileSync(join(fresh, 'package.json'), 'utf8'));
    expect(Object.keys(devDependencies)).toEqual(['fast-check', 'rehearse', 'vitest']);
  });

  test('what it writes is good and holds, though the package is only linked', () => {
    const checked = rehearse(['check', 'scenarios/rolling-restart.yaml'], team);
    expect([checked.code, checked.err]).toEqual([0, '']);
    const ran = rehearse(['run', 'scenarios/rolling-restart.yaml', '--quiet'], team);
    expect([ran.code, ran.out]).toEqual([0, expect.stringContaining('PASS')]);
  });

  test('models are copied with their numbers and sources; only what editors read of the schema differs', () => {
    for (const path of whatInitWrites.filter((f) => f.startsWith('models/'))) {
      const [schema, copied, ...rest] = readFileSync(join(team, path), 'utf8').split('\n');
      expect(schema).toMatch(/\$schema=\S+schema\.json$/);
      const named = schema!.split('$schema=')[1]!;
      expect(existsSync(join(team, path, '..', named)), named).toBe(true);
      expect(copied).toMatch(/^# Copied from rehearse \d/);
      expect(rest).toEqual(readFileSync(join(root, path), 'utf8').split('\n').slice(1));
    }
  });

  test('it names every file that it would overwrite, and writes nothing', async () => {
    const full = join(folder, 'full');
    mkdirSync(join(full, 'laws'), { recursive: true });
    writeFileSync(join(full, 'README.md'), 'mine');
    symlinkSync(join(folder, 'nowhere'), join(full, 'laws/platform.test.js'));
    const { code, out, err } = await command(['init', full]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('laws/platform.test.js, README.md would be overwritten\n  mend: ');
    expect(filesBelow(full)).toEqual(['README.md', 'laws/platform.test.js']);
    expect(readFileSync(join(full, 'README.md'), 'utf8')).toBe('mine');
  });

  test('a package.json that is there stays, and it says what it needs', async () => {
    const ours = join(folder, 'ours');
    mkdirSync(ours);
    writeFileSync(join(ours, 'package.json'), '{"name":"ours"}');
    const { code, out } = await command(['init', ours]);
    expect(code).toBe(0);
    expect(out).toContain('npm install --save-dev fast-check rehearse vitest');
    expect(readFileSync(join(ours, 'package.json'), 'utf8')).toBe('{"name":"ours"}');
  });

  test('a file in place of a folder, and a link that leads elsewhere, are told without a stack', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const at of [file, join(file, 'below')]) {
      const { code, err } = await command(['init', at]);
      expect([code, err]).toEqual([2, expect.stringMatching(/is no folder|cannot be written \(ENOTDIR\)/)]);
      expect(err).not.toMatch(/\n\s+at /);
    }
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    mkdirSync(join(folder, 'links'));
    symlinkSync(elsewhere, join(folder, 'links/platforms'));
    const { code, err } = await command(['init', join(folder, 'links')]);
    expect([code, err]).toEqual([2, expect.stringContaining('platforms is no folder')]);
    expect([readdirSync(elsewhere), readdirSync(join(folder, 'links'))]).toEqual([[], ['platforms']]);
  });

  test('a hostile name of a folder is inert, in what is written and in the commands to copy', () => {
    const names = [`$(touch pwned)'; touch pwned; '`, '-n', '"`touch pwned`"'];
    for (const name of names) {
      const { code, out } = rehearse(['init', '--', name], folder);
      expect(code).toBe(0);
      const { name: called } = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8'));
      expect(called).toMatch(/^[a-z0-9][a-z0-9-]*$/);
      const cd = /\nnext: (cd .*?) && npm install/.exec(out)![1]!;
      const went = execFileSync('bash', ['-c', `${cd} && pwd -P`], { cwd: folder, encoding: 'utf8' });
      expect(went).toBe(`${join(folder, name)}\n`);
    }
    expect(existsSync(join(folder, 'pwned'))).toBe(false);
    const coloured = rehearse(['init', 'red\u001b[31m\nname'], folder);
    expect([coloured.code, coloured.out]).toEqual([2, '']);
    expect(coloured.err).toContain('control characters');
    expect(coloured.err).not.toContain('\u001b');
  });

  test('a folder named like a package that it needs gets another name', async () => {
    await command(['init', join(folder, 'vitest')]);
    expect(JSON.parse(readFileSync(join(folder, 'vitest/package.json'), 'utf8')).name).toBe('vitest-laws');
  });
});

describe('test', () => {
  test('without vitest it says how to install it', () => {
    const { code, err } = rehearse(['test'], team);
    expect([code, err]).toEqual([2, expect.stringContaining('npm install --save-dev vitest fast-check')]);
  });

  test('a folder that is not there, one without tests, and one with the tests of packages only are refused', async () => {
    const bare = join(folder, 'bare');
    mkdirSync(join(bare, 'node_modules/x'), { recursive: true });
    for (const [at, says] of [
      [join(folder, 'none'), 'there is no folder'],
      [bare, 'holds no tests'],
    ] as const) {
      writeFileSync(join(bare, 'node_modules/x/a.test.js'), '');
      const { code, err } = await command(['test', at]);
      expect([code, err]).toEqual([2, expect.stringContaining(says)]);
    }
  });

  test('what init writes passes as it is and from any folder; a scenario that does not hold is a no', () => {
    for (const name of ['vitest', 'fast-check'])
      symlinkSync(join(root, 'node_modules', name), join(links, name));
    // Not what `laws` is the beginning of.
    mkdirSync(join(team, 'laws-of-others'));
    writeFileSync(join(team, 'laws-of-others/bad.test.js'), 'throw new Error("not asked for");');
    const held = rehearse(['test', 'team/laws'], folder);
    expect(held.code, held.out + held.err).toBe(0);
    expect(held.out).toMatch(/Tests\s+3 passed \(3\)/);

    const scenario = join(team, 'scenarios/rolling-restart.yaml');
    writeFileSync(
      scenario,
      readFileSync(scenario, 'utf8').replace('failed_sends_total) == 0', 'failed_sends_total) == 7'),
    );
    // Random platforms do not depend on it, and cost most.
    const suite = join(team, 'laws/platform.test.js');
    const text = readFileSync(suite, 'utf8');
    expect(text).toContain("\ntest('no random platform");
    writeFileSync(suite, text.slice(0, text.indexOf("\ntest('no random platform")));
    const failed = rehearse(['test'], team);
    expect(failed.code, failed.out + failed.err).toBe(20);
    expect(failed.out + failed.err).toContain('no send fails');
  });
});
