import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { exitCode } from '../../src/cli/exitCodes.ts';
import { manPage } from '../../src/cli/help.ts';
import { allVerbs } from '../../src/cli/verbs.ts';
import type { Result } from '../../src/experiment/result.ts';
import { sparklines } from '../../src/report/sparklines.ts';
import { command } from '../support/command.ts';
import { root } from '../support/files.ts';

const at = mkdtempSync(join(tmpdir(), 'rehearse-terminal-'));
afterAll(() => rmSync(at, { recursive: true, force: true }));
const all = await allVerbs();
const is = (program: string, arg = '--version') =>
  spawnSync(program, [arg], { stdio: 'ignore' }).status === 0;

describe('help', () => {
  test('the overview and every verb show examples before anything that is listed, and name every option', async () => {
    const overview = (await command(['--help'])).out;
    expect(overview.indexOf('Examples:')).toBeLessThan(overview.indexOf('Verbs:'));
    for (const [name, { options, examples }] of all) {
      expect(overview, name).toContain(`  ${name} `);
      const { code, out } = await command([name, '--help']);
      expect(code).toBe(0);
      expect(examples.length, name).toBeGreaterThan(0);
      const places = [out.indexOf('Examples:'), out.indexOf('Usage:'), out.indexOf('Options:')];
      expect(places[0]! < places[1]! && (places[2] === -1 || places[1]! < places[2]!), name).toBe(true);
      for (const example of examples) expect(out).toContain(`  ${example}\n`);
      for (const [option, { says }] of Object.entries(options)) {
        expect(out).toContain(`  --${option}`);
        expect(out).toContain(says);
      }
    }
  });

  test('every option in an example is one of the verb', () => {
    let seen = 0;
    for (const [name, { examples, options }] of all)
      for (const example of examples.filter((e) => e.startsWith(`rehearse ${name} `)))
        for (const [, option] of example.replace(/[|>].*/s, '').matchAll(/ --([a-z-]+)/g)) {
          expect(Object.keys(options), example).toContain(option);
          seen += 1;
        }
    expect(seen).toBeGreaterThan(20);
  });

  test('exit codes are told with one set of words in help, man page and reference', async () => {
    const [, line] = /Exit codes: (.*)\./.exec((await command(['run', '--help'])).out)!;
    expect(
      line!
        .split(', ')
        .map((one) => Number.parseInt(one, 10))
        .sort(),
    ).toEqual(Object.values(exitCode).sort());
    expect(readFileSync(join(root, 'docs/reference/verbs.md'), 'utf8')).toContain(`Exit codes: ${line}.`);
    const page = manPage(all, '1');
    for (const one of line!.split(', '))
      expect(page).toContain(`.B ${one.slice(0, one.indexOf(' '))}\n${one.slice(one.indexOf(' ') + 1)}\n`);
  });

  test('the first steps of the overview can be taken, one after the other', async () => {
    const steps = [...(await command(['--help'])).out.matchAll(/^ {2}rehearse (.*?) {2,}/gm)].map((m) =>
      m[1]!.split(' '),
    );
    expect(steps.map((s) => s[0])).toEqual(['init', 'check', 'run', 'report']);
    for (const args of steps) {
      const played = spawnSync(process.execPath, [join(root, 'bin/rehearse.js'), ...args], {
        cwd: at,
        encoding: 'utf8',
      });
      expect([played.status, played.stderr], args.join(' ')).toEqual([0, '']);
    }
    expect(existsSync(join(at, 'my-platform/out/rolling-restart/metrics.om'))).toBe(true);
  }, 60_000);
});

describe.skipIf(!is('man') && process.env.CI === undefined)('the man page (man-db and groff)', () => {
  const shown = (text: string) => {
    const file = join(at, 'rehearse.1');
    writeFileSync(file, text);
    const read = spawnSync('man', ['--warnings', '-l', file], {
      encoding: 'utf8',
      env: { ...process.env, MANWIDTH: '200' },
    });
    return {
      err: read.stderr,
      out: read.stdout.replaceAll(new RegExp(`.${String.fromCharCode(8)}`, 'g'), ''),
    };
  };

  test('is read without a warning, and shows every verb and every option with what it says', () => {
    const { err, out } = shown(readFileSync(join(root, 'docs/reference/rehearse.1'), 'utf8'));
    expect(err).toBe('');
    const words = (text: string) => text.replaceAll(/[\s‐]+/g, ' ');
    const page = words(out);
    for (const [name, { question, options, examples }] of all) {
      expect(page, name).toContain(words(`rehearse ${name} `));
      expect(page).toContain(words(question));
      for (const example of examples) expect(page).toContain(words(example));
      for (const option of Object.keys(options)) expect(page).toContain(`--${option}`);
    }
    expect(shown('.TH X 1\n.SH NAME\n.nonsense\n').err).not.toBe('');
  });

  test('text that looks like a request or an escape is shown as it is', () => {
    const hostile = '.TH \\fBx\\fR \'it\' "q" `c` --a-b \\';
    const run = async () => 0;
    const made = new Map([['x', { usage: 'F', question: hostile, examples: [hostile], options: {}, run }]]);
    const { err, out } = shown(manPage(made, '1'));
    expect(err).toBe('');
    expect(out.split(hostile)).toHaveLength(3);
  });
});

describe('completion', () => {
  const bashOffers = async (words: readonly string[], cwd = at): Promise<string[]> => {
    const { out } = await command(['completion', 'bash']);
    const line = words.map((word) => `'${word}'`).join(' ');
    const script = `${out}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _rehearse; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { cwd, encoding: 'utf8' }).trimEnd().split('\n');
  };

  test('bash offers verbs, the options of a verb, and files with blanks in their names', async () => {
    expect(await bashOffers(['rehearse', 're'])).toEqual(['report', 'replay', 'rebalance']);
    expect(await bashOffers(['rehearse', 'report', '--o'])).toEqual(['--openmetrics']);
    expect(await bashOffers(['rehearse', 'completion', 'f'])).toEqual(['fish']);
    writeFileSync(join(at, 'my scenario.yaml'), '');
    expect(await bashOffers(['rehearse', 'run', 'my s'])).toEqual(['my scenario.yaml']);
    for (const [name, { options }] of all)
      for (const option of Object.keys(options))
        expect(await bashOffers(['rehearse', name, `--${option}`])).toContain(`--${option}`);
  }, 60_000);

  test('zsh takes the same function, and offers the same', async () => {
    const script = (await command(['completion', 'zsh'])).out;
    expect(script).toContain((await command(['completion', 'bash'])).out);
    if (!is('zsh')) return;
    const file = join(at, 'completion.zsh');
    writeFileSync(file, script);
    // Completion is the line editor's: a shell at a terminal of its own is asked by its keys.
    const asks = `zmodload zsh/zpty
zpty z env TERM=dumb zsh -f -i
zpty -w z 'autoload -Uz compinit; compinit -u -D; source ${file}; echo REA""DY'
zpty -r z out '*READY*'
zpty -w -n z $'rehearse re\t'
zpty -r z out '*rebalance*report*'
zpty -d z
print -r -- $out`;
    const out = execFileSync('zsh', ['-f', '-c', asks], { encoding: 'utf8', timeout: 30_000 });
    expect(out).toMatch(/rebalance +replay +report/);
  }, 40_000);

  test('fish has a line with words for every verb and option', async () => {
    const { out } = await command(['completion', 'fish']);
    if (is('fish')) {
      const file = join(at, 'completion.fish');
      writeFileSync(file, out);
      const offers = (line: string) =>
        execFileSync('fish', ['--no-config', '-c', `source ${file}; complete -C '${line}'`], {
          encoding: 'utf8',
        })
          .trimEnd()
          .split('\n')
          .map((l) => l.split('\t')[0]);
      expect(offers('rehearse re')).toEqual(['rebalance', 'replay', 'report']);
      expect(offers('rehearse report --o')).toEqual(['--openmetrics']);
      expect(offers('rehearse completion f')).toEqual(['fish']);
    }
    for (const [name, { options }] of all) {
      expect(out).toContain(` -f -a ${name} -d '`);
      for (const [option, { type }] of Object.entries(options))
        expect(out).toContain(
          `'__fish_seen_subcommand_from ${name}' -l ${option}${type === 'boolean' ? '' : ' -r'} -d '`,
        );
    }
    // In single quotes of fish only \\ and \' are escapes: every quote closes.
    for (const line of out.trimEnd().split('\n'))
      expect(line.replaceAll(/'(?:[^'\\]|\\.)*'/g, '')).not.toContain("'");
  });
});

describe('sparklines', () => {
  const curve = (times: number[], values: number[], slopes: number[]) => {
    const series = { name: 'x', labels: {}, times, values, slopes, length: times.length };
    const result = {
      series: { names: ['x'], of: (name: string) => (name === 'x' ? [series] : []) },
      playedMicros: 32e6,
      panels: [{ title: 'X', that: 'x', unit: 's' }],
    } as unknown as Result;
    return sparklines(result)[0]!;
  };

  test('a ramp rises evenly, a step stays a step, and what is shorter than a part is still seen', () => {
    expect(curve([0], [0], [1]).drawn).toBe('▁▁▁▂▂▂▂▃▃▃▃▄▄▄▄▅▅▅▅▆▆▆▆▇▇▇▇█████');
    expect(curve([0, 16e6], [0, 8], [0, 0])).toMatchObject({
      drawn: `${'▁'.repeat(16)}${'█'.repeat(16)}`,
      least: '0 s',
      most: '8 s',
      last: '8 s',
    });
    expect(curve([0, 10_500_000, 10_500_001], [0, 5, 0], [0, 0, 0]).drawn).toBe(
      `${'▁'.repeat(10)}█${'▁'.repeat(21)}`,
    );
    expect(curve([8e6], [2], [0]).drawn).toBe(`${'·'.repeat(8)}${'▁'.repeat(24)}`);
  });
});
