import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { calibrate } from '../../src/cli/commands/calibrate.ts';
import { UsageError } from '../../src/cli/exitCodes.ts';
import { readerBelow } from '../../src/cli/files.ts';
import { openScenario } from '../../src/scenario/open.ts';
import type { JvmSettings } from '../../src/scenario/parts/jvm.ts';
import { capturing } from '../support/command.ts';
import { root } from '../support/files.ts';
import { fittedCosts, recording } from '../support/g1Runs.ts';
import { recording as otherRecording } from '../support/gcLogs.ts';

const folder = mkdtempSync(join(tmpdir(), 'rehearse-calibrate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const at = join(folder, name);
  writeFileSync(at, content);
  return at;
}

/** The verb in this process: what it ends with, and what it printed; paths below the test's folder as bare names. */
function calibrated(files: readonly string[], options: Readonly<Record<string, string | true>> = {}) {
  const { printed, end } = capturing();
  let code: number;
  try {
    code = calibrate.run({
      files,
      text: (name) => (typeof options[name] === 'string' ? options[name] : undefined),
      list: () => [],
      flag: (name) => options[name] === true,
      count: () => undefined,
    }) as number;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    code = 2;
    printed.err += `${error.message}\n`;
  } finally {
    end();
  }
  const bare = (text: string) => text.replaceAll(`${folder}/`, '');
  return { code, out: printed.out, err: bare(printed.err) };
}

const infoOnly = (text: string) =>
  text
    .split('\n')
    .filter((line) => /\[info *\]/.test(line))
    .join('\n');

// biome-ignore lint/suspicious/noExplicitAny: JSON of the verb
const json = (at: readonly string[], options: Readonly<Record<string, string>> = {}): any => {
  const { code, out, err } = calibrated(at, { ...options, json: true });
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
};

const names = [
  'a-base',
  'c-target20',
  'f-rate800',
  'g-heap2',
  'h-live400',
  'l-hum',
  'q-mid30-t20',
  'r-kafka20',
  's-heap512',
] as const;
const text = Object.fromEntries(names.map((n) => [n, recording(n)]));
const debug = file('gc.log', text['a-base']!);
const info = file('gc-info.log', infoOnly(text['a-base']!));
// biome-ignore lint/suspicious/noExplicitAny: JSON of the verb
const row = (c: any, name: string) => c.compared.find((r: { name: string }) => r.name === name);

describe('the recordings', () => {
  test('a-base with debug phases gives the order of the shipped costs', () => {
    const { fitted } = json([debug]);
    const shipped = fittedCosts();
    expect(fitted.debugPhases).toBe(true);
    expect([fitted.pauses, fitted.cycles, fitted.fulls]).toEqual([33, 1, 1]);
    for (const key of [
      'otherMillis',
      'evacuationMillis',
      'copyMillisPerMiB',
      'markMillisPerMiB',
      'rootMillisPerMiB',
      'rebuildShare',
      'cycleMillis',
      'remarkMillis',
      'cleanupMillis',
      'fullMillisPerMiB',
    ] as const) {
      expect(fitted.costs[key] / shipped[key], key).toBeGreaterThan(0.5);
      expect(fitted.costs[key] / shipped[key], key).toBeLessThan(2);
    }
    // It is fast only while it builds its live set, not as fast as the other recording.
    expect(fitted.notFitted).toEqual(['peakAllocationMiBPerSecond']);
  });

  test.each(names)('%s: without debug lines the cost of copying is within 40 % of that with them', (name) => {
    const [whole, plain] = [file('whole.log', text[name]!), file('plain.log', infoOnly(text[name]!))].map(
      (f) => json([f]),
    );
    expect([whole.fitted.debugPhases, plain.fitted.debugPhases]).toEqual([true, false]);
    expect(
      Math.abs(plain.fitted.costs.copyMillisPerMiB / whole.fitted.costs.copyMillisPerMiB - 1),
    ).toBeLessThan(0.4);
  });

  // Not l-hum: its heap fills from second to second, and the model, with the true program too, is some seconds late.
  test.each([
    'a-base',
    'c-target20',
    'f-rate800',
    'g-heap2',
    'h-live400',
    'q-mid30-t20',
    'r-kafka20',
    's-heap512',
  ])('%s: without debug lines the median pause is played within a quarter', (name) => {
    const p50 = row(json([file('plain.log', infoOnly(text[name]!))]), 'pause p50');
    expect(Math.abs(p50.played / p50.logged - 1)).toBeLessThan(0.25);
  });

  test('the pause goal, which no log tells, is found by its eden: 20 ms of 20, 200 of 200', () => {
    expect(json([debug]).pauseGoalMillis).toBe(200);
    for (const name of ['c-target20', 'q-mid30-t20', 'r-kafka20'])
      expect(json([file('goal.log', text[name]!)]).pauseGoalMillis, name).toBe(20);
    const given = json([debug], { 'pause-goal': '50ms' });
    expect([given.pauseGoalMillis, given.origins.pauseGoal]).toEqual([50, 'given']);
  });

  test('the program is read off the log: rate, share that stays, live set', () => {
    const { program } = json([info]);
    expect(program.allocatedMiBPerSecond).toBeGreaterThan(390);
    expect(program.allocatedMiBPerSecond).toBeLessThan(410);
    expect(program.longShare).toBeGreaterThan(0.015);
    expect(program.longShare).toBeLessThan(0.025);
    expect(program.liveMiB).toBe(195);
    const large = json([file('hum.log', infoOnly(text['l-hum']!))]).program;
    // Sixty objects a second, each a little over one region: two of them.
    expect(large.humongousPerSecond).toBeGreaterThan(115);
    expect(large.humongousPerSecond).toBeLessThan(125);
  });

  test('what a rotated log lost with its first lines is inferred: heap, regions, threads and CPUs', () => {
    for (const [name, region, heap] of [
      ['a-base', 1, 1024],
      ['r-kafka20', 16, 2048],
      ['s-heap512', 1, 512],
    ] as const) {
      const headless = infoOnly(text[name]!)
        .split('\n')
        .filter((line) => !line.includes('gc,init'))
        .join('\n');
      const { jvm } = json([file('headless.log', headless)]);
      expect([jvm.flags.regionBytes, jvm.flags.heapBytes]).toEqual([region * 1_048_576, heap * 1_048_576]);
      expect([jvm.flags.parallelThreads, jvm.flags.cpus]).toEqual([2, 2]);
      expect(jvm.origins).toMatchObject({
        heap: 'inferred',
        region: 'inferred',
        cpus: 'inferred',
        release: 'assumed',
      });
    }
  });
});

describe('what it prints', () => {
  test('the JVM, the figures, each cost with its unit, and logged beside played', () => {
    const { code, out } = calibrated([info]);
    expect(code).toBe(0);
    for (const said of [
      'The JVM: 17.0.15+6-Debian-1deb12u1',
      'heap                 1 GiB',
      '31 Normal, 1 Concurrent Start, 1 Prepare Mixed, 3 Mixed',
      'worker ms for each MiB copied *',
      'one factor for all, in the proportions of models/fitted/g1.yaml',
      'MiB/s of one thread (not in the log: models/fitted/g1.yaml)',
      'fitted on this log, not predicted',
      'if every pause were the mean',
    ])
      expect(out).toContain(said);
    expect(out).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('options are taken in place of what the log tells', () => {
    const c = json([debug], { live: '300MiB', 'long-share': '5%', 'object-size': '100B', ihop: '30%' });
    expect(c.given).toEqual({ liveBytes: 314_572_800, longShare: 0.05, objectBytes: 100, ihopPercent: 30 });
    expect(c.jvm.flags.ihopPercent).toBe(30);
    // Twice the live set, half the time for each MiB of it.
    const ratio = c.fitted.costs.markMillisPerMiB / json([debug]).fitted.costs.markMillisPerMiB;
    expect(ratio).toBeLessThan(0.8);
  });

  test('parts of a rotated log, packed and in any order, are the whole', () => {
    const lines = text['a-base']!.split('\n');
    const parts = [0, 1, 2].map((i) =>
      file(
        ['gc.log.1.gz', 'gc.log.0', 'gc.log.2.gz'][i]!,
        i === 1
          ? lines.slice(2000, 4000).join('\n')
          : gzipSync(lines.slice(i === 0 ? 0 : 4000, i === 0 ? 2000 : undefined).join('\n')),
      ),
    );
    const { files: _, ...whole } = json([debug]);
    const { files: __, ...made } = json([parts[2]!, parts[0]!, parts[1]!]);
    expect(made).toEqual(whole);
  });
});

describe('parts of which the JVM started anew', () => {
  test('go by the numbers in their names, packed or not, and it is said', () => {
    const first = infoOnly(text['a-base']!).split('\n');
    const parts = [
      file('again.log', infoOnly(text['c-target20']!)),
      file('again.log.1.gz', gzipSync(first.slice(400).join('\n'))),
      file('again.log.0.gz', gzipSync(first.slice(0, 400).join('\n'))),
    ];
    const { code, out, err } = calibrated(parts);
    expect(code).toBe(0);
    expect(err).toContain('taken in the order again.log.0, again.log.1, again.log\n');
    expect(out).toContain('the longest of 2 unbroken stretches');
    expect(out).toContain('fitted on 93 young pauses');
  });
});

describe('--out', () => {
  test('writes a platform file that check accepts, and whose costs a scenario on top of it has', () => {
    const project = join(folder, 'project');
    mkdirSync(project);
    cpSync(join(root, 'models'), join(project, 'models'), { recursive: true });
    cpSync(join(root, 'scenarios'), join(project, 'scenarios'), { recursive: true });
    writeFileSync(join(project, 'package.json'), '{}');
    writeFileSync(join(project, 'gc "1".log'), infoOnly(text['a-base']!));
    const rehearse = (...args: string[]) =>
      spawnSync(process.execPath, [join(root, 'bin/rehearse.js'), ...args], {
        encoding: 'utf8',
        cwd: project,
      });
    writeFileSync(join(project, 'my-g1.yaml'), 'an older one');
    const made = rehearse('calibrate', 'gc "1".log', '--out', 'my-g1.yaml');
    expect([made.status, made.stderr]).toEqual([0, '']);
    expect(made.stdout).toContain('wrote my-g1.yaml: name it in extends:');
    const written = parse(readFileSync(join(project, 'my-g1.yaml'), 'utf8'));
    expect(written.jvm.costs.copyMillisPerMiB.fittedOn).toEqual(['gc "1".log']);
    expect(written.jvm.costs.peakAllocationMiBPerSecond.source).toBe('not in the log: models/fitted/g1.yaml');
    expect(Object.keys(written.jvm.costs)).toEqual(expect.arrayContaining(Object.keys(fittedCosts())));
    expect(readdirSync(project).filter((f) => f.includes('tmp'))).toEqual([]);

    writeFileSync(
      join(project, 'mine.yaml'),
      'rehearse: 1\nname: mine\nextends: [models/platforms/reference.yaml, my-g1.yaml]\n',
    );
    writeFileSync(
      join(project, 'hour.yaml'),
      'rehearse: 1\ntitle: x\nplatform: mine.yaml\nfrom: 2025-01-01T00:00:00Z\nto: +1h\n',
    );
    const checked = rehearse('check', 'hour.yaml');
    expect([checked.status, checked.stdout]).toEqual([0, 'hour.yaml: good, 1 to note\n']);
    // The note is on the reference platform's retention, as without the file.
    expect(checked.stderr).toContain('retention would keep');
    const { scenario } = openScenario('hour.yaml', readerBelow(project));
    const { costs, costFactor, program } = scenario!.settings(() => 0.5).jvm as JvmSettings;
    expect(costs.copyMillisPerMiB).toBe(written.jvm.costs.copyMillisPerMiB.value);
    expect(costs.noise).toEqual(written.jvm.costs.noise);
    expect([costFactor, program.live]).toEqual([1, 195 * 1_048_576]);
  });

  test('says where it cannot write, and leaves nothing there', () => {
    const { code, err } = calibrated([debug], { out: join(folder, 'nowhere/g1.yaml') });
    expect(code).toBe(2);
    expect(err).toMatch(
      /^nowhere\/g1\.yaml cannot be written: ENOENT.*\n {2}mend: name a file in a folder that exists with --out\n$/s,
    );
  });
});

describe('bad input is told with its place and remedy, and ends 2', () => {
  const options = '-Xlog:gc*:file=gc.log:time,uptime,level,tags';
  const short = infoOnly(text['a-base']!)
    .split('\n')
    .filter((line) => !/GC\(([3-9]|1[0-9])\d*\)/.test(line) && !/GC\(2\d\)/.test(line))
    .join('\n');
  const z = otherRecording('gcLogs/z-jdk17.log');

  test.each<[string, () => string[], string]>([
    ['no file', () => [], 'calibrate needs a GC log\n  mend: rehearse calibrate gc.log\n'],
    [
      'files that are none, all at once',
      () => [
        join(folder, 'none.log'),
        folder,
        file('bad.log.gz', 'no gzip'),
        file('cut.log.gz', gzipSync('x'.repeat(999)).subarray(0, 20)),
      ],
      `none.log cannot be read\n  mend: name a file\n${folder} is no file\n  mend: name a file\nbad.log.gz is not packed as its name says, or is cut off\n  mend: pack it anew with gzip, or take .gz from its name\ncut.log.gz is not packed as its name says, or is cut off\n  mend: pack it anew with gzip, or take .gz from its name\n`,
    ],
    [
      'an empty one',
      () => [file('empty.log', '')],
      `empty.log\n  the file is empty\n  mend: log with ${options}\n\n1 problem, nothing was fitted\n`,
    ],
    [
      'something else',
      () => [file('else.log', 'hello\n')],
      `else.log\n  no line of a G1 log in it\n  mend: log with ${options}\n\n1 problem, nothing was fitted\n`,
    ],
    [
      'another collector',
      () => [file('z.log', z)],
      `z.log:20:25\n  the log is of the Z collector\n    20 | ${z.split('\n')[19]}\n       |                         ^\n  mend: give a log of G1, of JDK 11 or later: -XX:+UseG1GC ${options}\n\n1 problem, nothing was fitted\n`,
    ],
    [
      'no regions',
      () => [
        file(
          'flat.log',
          infoOnly(text['a-base']!)
            .split('\n')
            .filter((l) => !l.includes(' regions: '))
            .join('\n'),
        ),
      ],
      `flat.log\n  no pause tells its regions\n  mend: log with ${options}\n\n1 problem, nothing was fitted\n`,
    ],
    [
      'too few pauses',
      () => [file('short.log', short)],
      'short.log\n  3 young pauses, 0 of them after the warm-up; a fit needs 10\n  mend: give a longer log, or all of its parts\n\n1 problem, nothing was fitted\n',
    ],
  ])('%s', (_, files, says) => {
    const { code, out, err } = calibrated(files());
    expect([code, out]).toEqual([2, '']);
    expect(err.split('\n')).toEqual(says.split('\n'));
  });

  test('two JVMs mixed in one file', () => {
    const [a, b] = [infoOnly(text['a-base']!).split('\n'), infoOnly(text['c-target20']!).split('\n')];
    const mixed = a.slice(200).flatMap((line, i) => [line, b[i + 150] ?? '']);
    const { code, err } = calibrated([file('mixed.log', mixed.join('\n'))]);
    expect(code).toBe(2);
    expect(err).toMatch(/mixed\.log:\d+:\d+\n {2}GC\(\d+\) at [\d.]+ s comes after GC\(\d+\)/);
    expect(err).toContain(
      'mend: give each JVM a file of its own, and the lines in the order in which they were written',
    );
  });

  test('a log that is cut off in a pause is taken without it, with a warning', () => {
    const lines = text['a-base']!.split('\n');
    const cut = lines.slice(
      0,
      lines.findLastIndex((line) => line.includes('Evacuate Collection Set')),
    );
    const { code, err } = calibrated([file('cut.log', cut.join('\n'))], { json: true });
    expect(code).toBe(0);
    expect(err).toMatch(/cut\.log:\d+:\d+\n {2}warning: GC\(\d+\) begins here and does not end\n/);
  });

  test('every option that cannot be read, at once', () => {
    const { code, err } = calibrated([debug], {
      live: '400',
      'long-share': '200%',
      'object-size': '1B',
      'pause-goal': '20',
      ihop: 'much',
    });
    expect(code).toBe(2);
    expect(err).toBe(
      [
        '--live 400 has no unit, but an amount of bytes is needed',
        '  mend: write the unit, as in 20Gi, 1.2TB or 512MB',
        '--long-share 200% is out of range',
        '  mend: write 0% to 100%',
        '--object-size 1B is out of range',
        '  mend: write 16B to 1GB',
        '--pause-goal 20 has no unit, but a duration is needed',
        '  mend: write the unit, as in 15ms, 42s, 1h30m or 7d',
        '--ihop much is not a share in percent',
        '  mend: write a share in percent, as in 15%',
        '',
      ].join('\n'),
    );
    expect(calibrated([debug], { live: '2GiB' }).err).toBe(
      'gc.log\n  a live set of 2.14748GB in a heap of 1.07374GB\n  mend: give the bytes that stay alive with --live, below the heap\n\n1 problem, nothing was fitted\n',
    );
  });
});
