import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/files.ts';

/** The one test that uses the network: it installs the package as a user would. */
test('the packed package installs in an empty folder, and its binary and its library run there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rehearse-pack-'));
  // Packing builds dist/, which must not stand in the checkout that other tests use.
  const copy = join(folder, 'checkout');
  try {
    mkdirSync(copy);
    for (const name of readdirSync(root)) {
      if (['node_modules', '.git', 'out', 'dist'].includes(name)) continue;
      cpSync(join(root, name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const env = {
      ...process.env,
      PATH: `${join(root, 'node_modules/.bin')}:${dirname(process.execPath)}:${process.env.PATH}`,
    };
    const options = {
      encoding: 'utf8' as const,
      env,
      stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
    };
    execFileSync('npm', ['pack', '--pack-destination', folder], { ...options, cwd: copy });
    const tarball = readdirSync(folder).find((f) => f.endsWith('.tgz'))!;
    const project = join(folder, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{"name":"p","version":"1.0.0","type":"module"}');
    execFileSync(
      'npm',
      ['install', '--no-audit', '--no-fund', '--prefer-offline', '--omit=dev', join(folder, tarball)],
      { ...options, cwd: project },
    );
    const installed = join(project, 'node_modules/rehearse');
    expect(existsSync(join(installed, 'src'))).toBe(false);
    for (const f of ['models', 'scenarios'])
      cpSync(join(installed, f), join(project, f), { recursive: true });
    const ran = spawnSync(
      process.execPath,
      [
        join(installed, 'bin/rehearse.js'),
        'run',
        'scenarios/reference-day/rolling-restart.yaml',
        '--seeds',
        '1',
        '--quiet',
      ],
      { cwd: project, encoding: 'utf8' },
    );
    expect(ran.stderr).toBe('');
    expect([ran.status, ran.stdout]).toEqual([0, 'PASS JVM tuning by rolling restart\n']);
    expect(existsSync(join(project, 'out/reference-day/rolling-restart/report.html'))).toBe(true);
    const library = `
      import { loadScenario, simulate } from 'rehearse';
      import { arbitraryScenario, laws } from 'rehearse/testing';
      const result = simulate(loadScenario('scenarios/reference-day/steady-hour.yaml'));
      console.log(result.verdict, typeof arbitraryScenario, Object.keys(laws).length);`;
    writeFileSync(join(project, 'use.js'), library);
    symlinkSync(join(root, 'node_modules/fast-check'), join(project, 'node_modules/fast-check'));
    symlinkSync(join(root, 'node_modules/pure-rand'), join(project, 'node_modules/pure-rand'));
    expect(execFileSync(process.execPath, ['use.js'], { ...options, cwd: project })).toBe(
      'pass function 12\n',
    );

    // What `init` writes holds as it is, and not when something in it is made to fail.
    const team = join(project, 'team');
    const rehearse = (args: readonly string[], cwd: string) =>
      spawnSync(process.execPath, [join(installed, 'bin/rehearse.js'), ...args], { cwd, encoding: 'utf8' });
    expect(rehearse(['init', 'team'], project).stdout).toContain('wrote team/package.json');
    expect(rehearse(['init', 'team'], project)).toMatchObject({ status: 2 });
    mkdirSync(join(team, 'node_modules'));
    cpSync(installed, join(team, 'node_modules/rehearse'), { recursive: true });
    expect(rehearse(['check', 'scenarios/rolling-restart.yaml'], team).status).toBe(0);
    expect(rehearse(['run', 'scenarios/rolling-restart.yaml', '--quiet'], team).stdout).toContain('PASS');
    const missing = rehearse(['test'], team);
    expect([missing.status, missing.stderr]).toEqual([
      2,
      expect.stringContaining('npm install --save-dev vitest fast-check'),
    ]);
    for (const name of ['vitest', 'fast-check', 'pure-rand'])
      symlinkSync(join(root, 'node_modules', name), join(team, 'node_modules', name));
    for (const name of readdirSync(join(project, 'node_modules')))
      if (!existsSync(join(team, 'node_modules', name)))
        symlinkSync(join(project, 'node_modules', name), join(team, 'node_modules', name));
    const held = rehearse(['test'], team);
    expect(held.status, held.stdout + held.stderr).toBe(0);
    const scenario = join(team, 'scenarios/rolling-restart.yaml');
    writeFileSync(
      scenario,
      readFileSync(scenario, 'utf8').replace('failed_sends_total) == 0', 'failed_sends_total) == 7'),
    );
    expect(rehearse(['test'], team).status).toBe(20);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 180_000);
