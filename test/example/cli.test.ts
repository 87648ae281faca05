import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
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
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { exitCode } from '../../src/cli/exitCodes.ts';
import { version } from '../../src/cli/verbs.ts';
import { command } from '../support/command.ts';
import { root } from '../support/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'rehearse-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const launcher = join(root, 'bin/rehearse.js');
const restart = join(root, 'scenarios/reference-day/rolling-restart.yaml');

/** A command line in a process of its own, where that is what is proved; most are played by `command` in this one. */
function rehearse(args: readonly string[], options: { env?: Record<string, string>; cwd?: string } = {}) {
  const done = spawnSync(process.execPath, [launcher, ...args], {
    encoding: 'utf8',
    cwd: options.cwd ?? folder,
    env: { ...process.env, ...options.env },
    timeout: 60_000,
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/** A project of its own, with one scenario. */
function project(name: string, text: string): string {
  const at = join(folder, name);
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'package.json'), '{}');
  writeFileSync(join(at, 'x.yaml'), text);
  return join(at, 'x.yaml');
}

test('who reads the output may stop early', () => {
  const { status, stderr } = spawnSync(
    'bash',
    [
      '-c',
      `set -o pipefail; "${process.execPath}" "${launcher}" schema scenario | head -c 10; exit "\${PIPESTATUS[0]}"`,
    ],
    { encoding: 'utf8', cwd: root },
  );
  expect([status, stderr]).toEqual([0, '']);
});

describe('usage', () => {
  test('without a verb it lists the verbs and ends 2; --help ends 0; --version says it', async () => {
    const none = rehearse([]);
    expect([none.code, none.out.includes('check')]).toEqual([2, true]);
    expect(rehearse(['--help']).code).toBe(0);
    expect((await command(['run', '--help'])).out).toContain('--shuffle-ties');
    expect(rehearse(['--version']).out.trim()).toBe(
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
    );
  });

  test.each([
    [['rnu', 'x'], 'mend: write rehearse run'],
    [['run', restart, '--sede', '3'], 'mend: write --seed'],
    [['run', restart, '--seed', '1', '--seed', '2'], '--seed is given 2 times'],
    [['run', restart, '--seeds', 'many'], 'is no whole number'],
    [['run', restart, '--faults', 'brokr'], 'mend: write broker; the kinds are'],
    [['run', restart, '--at', '+10m'], '--at says nothing without --faults'],
    [['run', restart, '--for', '10m'], '--for says nothing without --faults'],
    [['run', restart, '--faults', 'node', '--at', '+3h'], '+3h lies beyond the period'],
    [['run', restart, '--faults', 'node', '--at', 'noon'], 'mend: write --at each-step'],
    [['run', restart, '--faults', 'node', '--for', '0s'], 'a fault lasts longer than nothing'],
    [
      ['run', join(root, 'scenarios/reference-day/steady-hour.yaml'), '--faults', 'node', '--seeds', '1'],
      'there is no step at which a fault could be tried',
    ],
    [['run'], 'run plays one scenario'],
    [['run', 'nowhere.yaml'], 'there is no file nowhere.yaml'],
    [['replay', folder], 'holds no result'],
    [['schema', 'planet'], 'there is no schema planet'],
    [['completion', 'csh'], 'no completion for csh'],
  ])('%j is refused with its remedy', async (args, says) => {
    const { code, err, out } = await command(args);
    expect(code).toBe(exitCode.usage);
    expect(err).toContain(says);
    expect(err).not.toMatch(/\n\s+at /);
    expect(out).toBe('');
  });

  test('schemas and completions are printed', async () => {
    for (const which of ['scenario', 'platform', 'summary'])
      expect(JSON.parse((await command(['schema', which])).out)).toHaveProperty('$schema');
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await command(['completion', shell])).out).toContain('shuffle-ties');
    execFileSync('bash', ['-n'], { input: rehearse(['completion', 'bash']).out });
  });
});

describe('check', () => {
  test('a good scenario is good; a typo is told with place, finding and remedy, and ends 2', async () => {
    expect((await command(['check', restart, '--quiet'])).code).toBe(0);
    const bad = rehearse([
      'check',
      project('typo', 'rehearse: 1\ntitel: x\nfrom: 2025-01-01T00:00:00Z\nto: +1h\n'),
    ]);
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('x.yaml:2:1  titel');
    expect(bad.err).toContain('mend: write title, or remove it');
  });

  test('nothing outside the project is read', async () => {
    const secret = join(folder, 'secret.yaml');
    writeFileSync(secret, 'rehearse: 1\nname: SECRET\n');
    const at = project(
      'outside',
      'rehearse: 1\nextends: ../secret.yaml\nfrom: 2025-01-01T00:00:00Z\nto: +1h\n',
    );
    const direct = await command(['check', at]);
    expect([direct.code, direct.err.includes('leads out of the project')]).toEqual([2, true]);
    const linked = project(
      'linked',
      'rehearse: 1\nextends: link.yaml\nfrom: 2025-01-01T00:00:00Z\nto: +1h\n',
    );
    symlinkSync(secret, join(folder, 'linked/link.yaml'));
    const followed = await command(['check', linked]);
    expect([
      followed.code,
      followed.err.includes('there is no file link.yaml'),
      followed.err.includes('SECRET'),
    ]).toEqual([2, true, false]);
  });

  test('a file of 100 MB is refused within seconds', () => {
    const began = process.hrtime.bigint();
    const at = project('large', `rehearse: 1\n#${' '.repeat(100_000_000)}\n`);
    const { code, err } = rehearse(['check', at]);
    expect(code).toBe(2);
    expect(err).toContain('characters');
    expect(Number(process.hrtime.bigint() - began) / 1e9).toBeLessThan(10);
  });

  test('a selector that matches no series is a problem', async () => {
    const text = readFileSync(restart, 'utf8').replace(
      'rehearse:restart_position{broker="0"}',
      'rehearse:restart_position{broker="9"}',
    );
    const at = join(root, 'scenarios/reference-day/variant-cli-test.yaml');
    writeFileSync(at, text);
    try {
      const { code, err } = await command(['check', at]);
      expect(code).toBe(2);
      expect(err).toContain('rehearse:restart_position{broker="9"} matches no series');
      expect(err).toContain('use one of the values of broker: 0, 1, 2, 3, 4');
    } finally {
      rmSync(at);
    }
  });
});

describe('run', () => {
  const out = join(folder, 'result');
  const quick = ['run', restart, '--seeds', '1'];
  const bytes = (at: string) =>
    Object.fromEntries(
      readdirSync(at, { recursive: true, encoding: 'utf8' })
        .filter((f) => /\.\w+$/.test(f))
        .sort()
        .map((f) => [f, readFileSync(join(at, f)).toString('base64')]),
    );

  test('it writes every file of a result, prints the verdict, and ends 0', async () => {
    const { code, out: said } = await command([...quick, '--out', out]);
    expect(code).toBe(0);
    expect(said).toContain('broker-4 is in sync after');
    expect(said).toMatch(
      /PASS; 5 of 5 predictions within their band\nfingerprint [0-9a-f]{16}, seed 1, \d+ events, one draw, seed 1\nreport /,
    );
    expect(said).not.toContain('\u001b');
    expect(readdirSync(out).sort()).toEqual([
      'charts',
      'events.arrow',
      'manifest.json',
      'report.html',
      'resolved.json',
      'series.arrow',
      'summary.json',
      'summary.md',
    ]);
  });

  test('all files have the same bytes in a child with another time zone, language and folder, and with --verify', () => {
    const other = join(folder, 'other');
    mkdirSync(other, { recursive: true });
    expect(
      rehearse([...quick, '--out', join(folder, 'b'), '--verify'], {
        env: { TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
        cwd: other,
      }).code,
    ).toBe(0);
    expect(bytes(join(folder, 'b'))).toEqual(bytes(out));
  });

  test('--json prints the summary alone; --quiet the verdict alone; a failed expectation ends 20', async () => {
    const json = await command([...quick, '--json', '--out', join(folder, 'j')]);
    expect(JSON.parse(json.out)).toMatchObject({
      rehearse: 1,
      verdict: 'pass',
      scenario: 'reference-day/rolling-restart',
    });
    const failed = await command([
      'run',
      join(root, 'scenarios/what-if/min-isr-3.yaml'),
      '--quiet',
      '--out',
      join(folder, 'f'),
    ]);
    expect([failed.code, failed.out]).toEqual([20, 'FAIL Rolling restart with min.insync.replicas 3\n']);
  });

  test('holdsIn with one run is inconclusive and ends 21', async () => {
    const at = join(root, 'scenarios/reference-day/variant-cli-holds.yaml');
    writeFileSync(
      at,
      'rehearse: 1\nextends: steady-hour.yaml\nexpect:\n  - name: no send fails\n    holdsIn: 99%\n',
    );
    try {
      expect((await command(['run', at, '--quiet', '--out', join(folder, 'h')])).code).toBe(21);
    } finally {
      rmSync(at);
    }
  });

  test('a bad scenario writes nothing, and a folder that is no result is not overwritten', async () => {
    const bad = project('bad', 'rehearse: 2\n');
    expect((await command(['run', bad, '--out', join(folder, 'never')])).code).toBe(2);
    expect(existsSync(join(folder, 'never'))).toBe(false);
    const precious = join(folder, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'thesis.txt'), 'x');
    // Before anything is played: it would take hours.
    const { code, err } = await command(['run', restart, '--seeds', '1000000', '--out', precious]);
    expect([code, err.includes('holds no result'), readdirSync(precious)]).toEqual([2, true, ['thesis.txt']]);
  });

  test('--shuffle-ties says what depends on the order of ties', async () => {
    const { err } = await command([...quick, '--shuffle-ties', '--quiet', '--out', join(folder, 's')]);
    expect(err).toMatch(/order of ties/);
  });

  test('Ctrl-C ends 130 and leaves no half result', async () => {
    const at = join(folder, 'interrupted');
    const child = spawn(process.execPath, [launcher, 'run', restart, '--seeds', '100000', '--out', at], {
      stdio: 'ignore',
    });
    const ended = new Promise<number | null>((resolve) =>
      child.on('exit', (code, signal) => resolve(signal === 'SIGINT' ? 130 : code)),
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(readdirSync(folder).filter((f) => f.startsWith('interrupted'))).toEqual([]);
  });
});

describe('an answer that is interrupted', () => {
  const noise = 'batch.programs.order-aggregation.memoryNoise=5%,10%,15%';
  const sweep = (out: string, runs = '64') => [
    ...['sweep', 'scenarios/planning/oom-chance.yaml', '--vary', noise, '--replications', runs, '--out', out],
  ];

  test('keeps what was played, and the same command goes on to the same bytes', async () => {
    const out = join(folder, 'swept');
    const whole = join(folder, 'swept-whole');
    expect((await command(sweep(whole))).code).toBe(0);
    const child = spawn(process.execPath, [launcher, ...sweep(out)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: root,
    });
    let err = '';
    child.stderr.on('data', (text) => {
      err += text;
    });
    const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
    await new Promise((resolve) => setTimeout(resolve, 2000));
    child.kill('SIGINT');
    expect([await ended, err]).toEqual([130, expect.stringContaining('the same command goes on from there')]);
    expect(existsSync(out)).toBe(false);
    const { batches } = JSON.parse(readFileSync(`${out}.kept.json`, 'utf8')) as {
      batches: [string, object[]][];
    };
    expect(batches.length).toBeGreaterThan(0);
    expect(batches.length).toBeLessThan(3 * 8);
    // What is kept is taken, not played again: a row that was changed shows in the answer.
    expect((await command(sweep(out))).code).toBe(0);
    expect(existsSync(`${out}.kept.json`)).toBe(false);
    for (const name of ['runs.arrow', 'report.html', 'answer.json'])
      expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
    const changed = batches.map(([key, rows]) => [key, rows.map((r) => ({ ...r, fingerprint: 'kept' }))]);
    writeFileSync(`${out}.kept.json`, JSON.stringify({ version, batches: changed }));
    expect((await command(sweep(out))).code).toBe(0);
    expect(readFileSync(join(out, 'runs.arrow')).includes('kept')).toBe(true);
  }, 60_000);

  test('a kept file of another version, or cut off, is not used and told', async () => {
    const out = join(folder, 'kept-other');
    for (const text of ['{"version":"0.0.0","batches":[]}', '{"version']) {
      writeFileSync(`${out}.kept.json`, text);
      const { code, err } = await command(sweep(out, '1'));
      expect([code, err]).toEqual([0, expect.stringContaining('is not used')]);
    }
  }, 60_000);
});

describe('replay', () => {
  test('a result is replayed to the same fingerprint, and to an event or a time', async () => {
    const out = join(folder, 'result');
    const whole = rehearse(['replay', out], { cwd: root });
    expect(whole.out + whole.err).toContain('the fingerprint is that of the result');
    expect(whole.code).toBe(0);
    const event = await command(['replay', restart, '--until', '40']);
    expect(event.out).toContain('event 40, seed 1');
    expect((await command(['replay', restart, '--until', '+5m1s'])).out).toContain('t = 301.000000 s');
  });
});
