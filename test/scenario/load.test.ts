import { describe, expect, test } from 'vitest';
import { loadScenario, type Scenario } from '../../src/scenario/load.ts';
import { renderProblems } from '../../src/scenario/problems.ts';
import { reading, toyParts, toyPlatform, toyScenario } from '../support/toyParts.ts';

type Files = Readonly<Record<string, string>>;

function load(files: Files, path = 'a.yaml') {
  return loadScenario(path, reading({ 'platform.yaml': toyPlatform, ...files }), toyParts);
}

function loaded(files: Files, path = 'a.yaml'): Scenario {
  const { scenario, problems, texts } = load(files, path);
  if (scenario === undefined) throw new Error(renderProblems(problems, texts));
  return scenario;
}

/** `file:line:column path: found`, one a problem. */
function told(files: Files, path = 'a.yaml'): string[] {
  const { scenario, problems } = load(files, path);
  expect(scenario).toBeUndefined();
  expect(problems.length).toBeGreaterThan(0);
  return problems.map((p) => `${p.file}:${p.line}:${p.column} ${p.path}: ${p.found}`);
}

/** The scenario with a line added below the top keys. */
const withLine = (text: string) => ({ 'a.yaml': `${toyScenario}${text}\n` });
const settingsOf = (s: Scenario, u = 0.5) => s.settings(() => u).workshop as Record<string, unknown>;

describe('a scenario file', () => {
  test('is read with its platform, in base units', () => {
    const s = loaded({ 'a.yaml': toyScenario });
    expect(s.length).toBe(50 * 60e6);
    expect(s.timeline).toEqual([
      {
        id: 'pause',
        at: 600e6,
        part: 'workshop',
        action: 'stop',
        args: { machine: 'saw', for: 300e6 },
        line: 7,
      },
    ]);
    expect(settingsOf(s)).toMatchObject({ workers: 3, machines: [{ rate: 10e6 }, { rate: 20e6 }] });
    expect(s.draws).toBe(false);
  });

  test('tells all its problems at once, from the top, each with its remedy', () => {
    const text = `rehearse: 1
titel: wrong
platform: platform.yaml
from: 2025-10-03T16:00:00Z
to: 2025-10-03T15:00:00Z
workshop:
  workers: 5 cores
  machines:
    - { name: saw, rat: 10MB/s }
    - { name: drill, rate: 20 }
timeline:
  - { at: +10m, do: workshop.stpo, machine: saw, for: 5m }
  - { at: +10m, do: workshop.stop, machine: saw, four: 5m }
expect:
  - { name: b, that: workshop_machine_runing == 1 }
`;
    const { problems, texts } = load({ 'a.yaml': text });
    expect(renderProblems(problems, texts)).toMatchInlineSnapshot(`
      "a.yaml:2:1  titel
        there is no key titel
          2 | titel: wrong
            | ^
        mend: write title, or remove it

      a.yaml:5:5  to
        the period ends before it begins
          5 | to: 2025-10-03T15:00:00Z
            |     ^
        mend: write a time after 2025-10-03T16:00:00Z (line 4)

      a.yaml:7:12  workshop.workers
        5 cores is not a whole number
          7 |   workers: 5 cores
            |            ^
        mend: write a whole number, as in 3

      a.yaml:9:20  workshop.machines.saw.rat
        there is no key rat
          9 |     - { name: saw, rat: 10MB/s }
            |                    ^
        mend: write rate, or remove it

      a.yaml:10:28  workshop.machines.drill.rate
        20 has no unit, but bytes per second is needed
          10 |     - { name: drill, rate: 20 }
             |                            ^
        mend: write the unit, as in 100MB/s or 8.4Gbit/s

      a.yaml:12:21  timeline.workshop.stpo#1.do
        there is no action workshop.stpo
          12 |   - { at: +10m, do: workshop.stpo, machine: saw, for: 5m }
             |                     ^
        mend: write workshop.stop; the actions are workshop.stop

      a.yaml:13:5  timeline.workshop.stop#2.for
        for is missing
          13 |   - { at: +10m, do: workshop.stop, machine: saw, four: 5m }
             |     ^
        mend: add for: a duration, such as 15ms or 1h30m

      a.yaml:13:50  timeline.workshop.stop#2.four
        there is no key four
          13 |   - { at: +10m, do: workshop.stop, machine: saw, four: 5m }
             |                                                  ^
        mend: write for, or remove it

      a.yaml:15:22  expect.b.that
        there is no metric workshop_machine_runing
          15 |   - { name: b, that: workshop_machine_runing == 1 }
             |                      ^
        mend: write workshop_machine_running"
    `);
  });

  test.each([
    ['kafca: {}', 'a.yaml:15:1 kafca: there is no key kafca'],
    ['warmUp: -5m', 'a.yaml:15:9 warmUp: the warm-up is negative'],
    ['warmUp: 5', 'a.yaml:15:9 warmUp: 5 where a text is needed'],
    ['seed: [1]', 'a.yaml:15:7 seed: a list of one is none of the forms that may stand here'],
    ['shows: all run at the ende', 'a.yaml:15:8 shows: there is no expectation all run at the ende'],
    ['until: workshop_machine_running', 'a.yaml:15:8 until: there is no comparison on top'],
    ['office: { desks: 1.5 }', 'a.yaml:15:18 office.desks: 1.5 is not a whole number'],
    ['office: 3', 'a.yaml:15:9 office: 3 where a map is needed'],
    ['observed: 3', 'a.yaml:15:11 observed: observed is no list'],
    ['observed: [3]', 'a.yaml:15:12 observed.0: an entry that is no map'],
  ])('says where %j is wrong', (line, says) => {
    expect(told(withLine(line))).toEqual([says]);
  });

  test('without the keys it needs says which at its first line', () => {
    expect(told({ 'a.yaml': 'title: x' })).toEqual([
      'a.yaml:1:1 from: from is missing',
      'a.yaml:1:1 rehearse: rehearse is missing',
      'a.yaml:1:1 to: to is missing',
      'a.yaml:1:1 workshop: workshop is missing: machines and their workers',
    ]);
  });

  test('of another version is refused, in whichever file', () => {
    expect(
      told({ 'a.yaml': toyScenario, 'platform.yaml': toyPlatform.replace('rehearse: 1', 'rehearse: 2') }),
    ).toEqual(['platform.yaml:1:11 rehearse: only version 1 is known']);
  });
});

describe('times', () => {
  test.each([
    ['+50m', 50 * 60e6],
    ['2025-10-03T16:50:00Z', 50 * 60e6],
    ['2025-10-03T18:50:00.25+02:00', 50 * 60e6 + 250_000],
    ['2025-10-04T00:00:00-01:00', 9 * 3600e6],
  ])('%s ends the period', (to, length) => {
    expect(loaded({ 'a.yaml': toyScenario.replace('+50m', to) }).length).toBe(length);
  });

  test.each([
    '10m',
    '2025-13-03T16:00:00Z',
    '2025-02-29T16:00:00Z',
    'soon',
    '+5',
    '2025-10-03 16:50',
    '+1000000d',
  ])('%s is no end of the period', (to) => {
    expect(told({ 'a.yaml': toyScenario.replace('+50m', to) })[0]).toMatch(/^a.yaml:5:5 to: /);
  });

  test.each(['+51m', '-1s', '2025-10-03T15:59:59Z'])('%s lies outside the period', (at) => {
    expect(told({ 'a.yaml': toyScenario.replace('+10m', at) })).toEqual([
      `a.yaml:8:9 timeline.pause.at: ${at} lies outside the period`,
    ]);
  });

  test('an entry after an end that cannot be read is not reported as well', () => {
    expect(told({ 'a.yaml': toyScenario.replace('+50m', 'soon') })).toHaveLength(1);
  });
});

describe('extends', () => {
  const child = (more: string) => `rehearse: 1\nextends: a.yaml\n${more}`;

  test('merges maps by key and named lists by name; other values are replaced, null removes', () => {
    const s = loaded(
      {
        'a.yaml': `${toyScenario}office: { desks: 4 }\n`,
        'b.yaml': child(
          'title: b\noffice: null\nworkshop:\n  workers: 5\n  machines:\n    - { name: drill, rate: 7MB/s }\n    - { name: lathe, rate: 1MB/s }\ntimeline:\n  - { id: pause, for: 1m }\n',
        ),
      },
      'b.yaml',
    );
    expect(s.title).toBe('b');
    expect(s.settings(() => 0.5).office).toEqual({});
    expect(settingsOf(s)).toMatchObject({
      workers: 5,
      machines: [
        { name: 'saw', rate: 10e6 },
        { name: 'drill', rate: 7e6, shift: 'day' },
        { name: 'lathe', rate: 1e6 },
      ],
    });
    expect(s.timeline).toEqual([
      {
        id: 'pause',
        at: 600e6,
        part: 'workshop',
        action: 'stop',
        args: { machine: 'saw', for: 60e6 },
        line: 11,
      },
    ]);
  });

  test('adds entries without a name, and lays limits on the risk block over each other', () => {
    const s = loaded(
      {
        'a.yaml': `${toyScenario}  - standard: { machinesStopped: 0 }\n`,
        'b.yaml': child(
          'timeline:\n  - { at: +1m, do: workshop.stop, machine: saw, for: 1s }\nexpect:\n  - standard: { machinesStopped: 1 }\n',
        ),
      },
      'b.yaml',
    );
    expect(s.timeline.map((entry) => entry.id)).toEqual(['pause', 'workshop.stop#2']);
    expect([...s.standard]).toEqual([['machinesStopped', 1]]);
    expect(s.expect.map((e) => e.name)).toEqual(['all run at the end']);
  });

  test('leaves each value the place in its own file', () => {
    const files = {
      'a.yaml': toyScenario,
      'b.yaml': child('workshop:\n  machines:\n    - { name: saw, guarded: true }\n'),
      'platform.yaml': toyPlatform.replace('rate: 10MB/s', 'rate: 10MB/s, shift: night'),
    };
    expect(told(files, 'b.yaml')).toEqual([
      'platform.yaml:6:41 workshop.machines.saw.shift: no guard at night',
    ]);
  });

  test('does not hand on what a base was made to show', () => {
    const s = loaded(
      {
        'a.yaml': `${toyScenario}shows: all run at the end\n`,
        'b.yaml': child('expect:\n  - { name: all run at the end, that: workshop_machine_running == 1 }\n'),
      },
      'b.yaml',
    );
    expect(s.shows).toBeUndefined();
  });

  test('takes several files, the later over the earlier, and a quantity with its source as one value', () => {
    const s = loaded(
      {
        'one.yaml': 'rehearse: 1\nname: one\nworkshop: { workers: { value: 7, source: log }, spare: 10% }\n',
        'two.yaml':
          'rehearse: 1\nname: two\nworkshop: { workers: { uncertain: { uniform: { from: 4, to: 8 } } } }\n',
        'a.yaml': toyScenario.replace('platform:', 'extends: [one.yaml, two.yaml]\nplatform:'),
      },
      'a.yaml',
    );
    expect(settingsOf(s, 0.99)).toMatchObject({ workers: 8, spare: 0.1 });
  });

  test('refuses a circle, a missing file, and every way out of the root', () => {
    const at = (target: string) =>
      told(
        { 'x/a.yaml': `rehearse: 1\nextends: ${target}\n`, 'x/b.yaml': 'rehearse: 1\nextends: a.yaml' },
        'x/a.yaml',
      );
    expect(at('b.yaml')).toEqual([
      'x/b.yaml:2:10 extends: x/a.yaml extends itself, by way of x/a.yaml, x/b.yaml',
    ]);
    expect(at('c.yaml')).toEqual(['x/a.yaml:2:10 extends: there is no file x/c.yaml']);
    for (const out of [
      '../../secrets.yaml',
      '/etc/passwd',
      'C:/secrets',
      "'..\\..\\secrets'",
      'b/../../../c.yaml',
    ]) {
      expect(at(out)[0]).toMatch(/^x\/a.yaml:2:10 extends: .* leads out of the project$/);
    }
    expect(at('[b.yaml, 3]')).toContain('x/a.yaml:2:19 extends: no file name');
  });

  test('refuses a fan of files that would never end', () => {
    const files: Record<string, string> = { 'platform.yaml': toyPlatform };
    for (let i = 0; i < 10; i += 1)
      files[`${i}.yaml`] = `rehearse: 1\nextends: [${`${i + 1}.yaml, `.repeat(10)}]\n`;
    files['10.yaml'] = 'rehearse: 1\n';
    const found = told(files, '0.yaml');
    expect(found.some((text) => text.includes('more than 64 files are named'))).toBe(true);
    expect(found.length).toBeLessThan(2000);
  });

  test('resolves a named file from the file that names it', () => {
    const files = {
      'sub/platform.yaml': `${toyPlatform}  assignment: data/list.txt\n`,
      'a.yaml': toyScenario.replace('platform.yaml', 'sub/platform.yaml'),
    };
    expect(told(files)).toEqual([
      'sub/platform.yaml:8:15 workshop.assignment: there is no file sub/data/list.txt',
    ]);
    expect(settingsOf(loaded({ ...files, 'sub/data/list.txt': '' })).assignment).toBe('sub/data/list.txt');
    expect(told({ ...files, 'sub/platform.yaml': `${toyPlatform}  assignment: ../../x\n` })).toContain(
      'sub/platform.yaml:8:15 workshop.assignment: ../../x leads out of the project',
    );
  });
});

describe('what is unknown and what varies', () => {
  const workers = (text: string) => ({ 'a.yaml': `${toyScenario}workshop:\n  ${text}\n` });

  test('an uncertain number is drawn once a replication, within its limits, in its own unit', () => {
    const s = loaded(workers('store: { uncertain: { uniform: { from: 1GB, to: 3GB } }, source: guess }'));
    expect(s.draws).toBe(true);
    const asked: unknown[] = [];
    const drawn = s.settings((path, shared) => {
      asked.push([path, shared]);
      return 0.25;
    }).workshop as { store: number };
    expect(asked).toEqual([['workshop.store', undefined]]);
    expect(drawn.store).toBeCloseTo(1.5e9, -4);
    expect(s.sources).toContainEqual({
      path: 'workshop.store',
      value: '{"uniform":{"from":"1GB","to":"3GB"}}',
      source: 'guess',
    });
  });

  test('numbers that share a factor ask for it by its name', () => {
    const s = loaded(
      workers(
        'store: { uncertain: { uniform: { from: 1GB, to: 3GB } }, shared: mood }\n  spare: { uncertain: { uniform: { from: 10%, to: 20% } }, shared: mood }',
      ),
    );
    const asked: unknown[] = [];
    s.settings((path, shared) => {
      asked.push([path, shared]);
      return 0.5;
    });
    expect(asked).toEqual([
      ['workshop.store', 'mood'],
      ['workshop.spare', 'mood'],
    ]);
  });

  test('an uncertain count is whole', () => {
    const s = loaded(workers('workers: { uncertain: { uniform: { from: 3, to: 9 } } }'));
    for (const u of [0.01, 0.33, 0.77]) expect(Number.isInteger(settingsOf(s, u).workers)).toBe(true);
  });

  test('an uncertain number in a timeline entry is drawn too', () => {
    const s = loaded({
      'a.yaml': toyScenario.replace('for: 5m', 'for: { uncertain: { uniform: { from: 1s, to: 3s } } }'),
    });
    expect(s.timelineArgs(() => 0.5)).toEqual([{ machine: 'saw', for: 2e6 }]);
    expect(s.draws).toBe(true);
  });

  test('a draw beyond the limits is found before anything runs', () => {
    expect(told(workers('spare: { uncertain: { uniform: { from: 50%, to: 150% } } }'))[0]).toMatch(
      /^a.yaml:16:10 workshop.spare: .* is too large$/,
    );
  });

  test('a number that varies gives a distribution, a plain one a constant', () => {
    const machine = (repair: string) =>
      loaded(workers(`machines:\n    - { name: saw, repair: ${repair} }`)).settings(() => 0.5).workshop as {
        machines: { repair: { sample(u: number): number; draws: boolean; mean: number } }[];
      };
    const varying = machine('{ varies: { lognormal: { median: 8s, p95: 14s } } }').machines[0]?.repair;
    expect(varying?.draws).toBe(true);
    expect(varying?.sample(0.5)).toBeCloseTo(8e6, 0);
    expect(varying?.sample(0.95)).toBeCloseTo(14e6, -1);
    expect(machine('8s').machines[0]?.repair).toMatchObject({ draws: false, mean: 8e6 });
    expect(machine('{ uncertain: { uniform: { from: 2s, to: 4s } } }').machines[0]?.repair.mean).toBe(3e6);
  });

  test('recorded values come from a file, one a line', () => {
    const files = workers(
      'machines:\n    - { name: saw, repair: { varies: { empirical: { file: repairs.csv } } } }',
    );
    const s = loaded({ ...files, 'repairs.csv': 'value\n1s\n2s\n9s\n' });
    const [saw] = (
      s.settings(() => 0.5).workshop as { machines: { repair: { sample(u: number): number } }[] }
    ).machines;
    expect([0.1, 0.5, 0.9].map((u) => saw?.repair.sample(u))).toEqual([1e6, 2e6, 9e6]);
    expect(told(files)).toContain(
      'a.yaml:17:59 workshop.machines.saw.repair.varies.empirical.file: there is no file repairs.csv',
    );
    expect(told({ ...files, 'repairs.csv': '1s\n2s' }).join()).toContain('holds no recorded values');
  });

  test.each([
    [
      'workers: { varies: { uniform: { from: 3, to: 4 } } }',
      'this number is used once, not drawn at each occurrence',
    ],
    ['workers: { uncertain: { uniform: { from: 3 } } }', 'uniform with from'],
    ['workers: { uncertain: { triangle: { from: 3 } } }', 'there is no distribution triangle'],
    ['store: { uncertain: { uniform: { from: 1GB, to: 3TB } } }', 'TB beside GB'],
    ['store: { uncertain: { uniform: { from: 3GB, to: 1GB } } }', 'uniform needs from <= to'],
    ['store: { uncertain: 3GB }', '3GB where a distribution is needed'],
    [
      'store: { uncertain: { pareto: { shape: 1, minimum: 0GB } } }',
      'pareto needs shape and minimum above 0',
    ],
    ['store: { uncertain: { uniform: { from: 1GB, to: 2GB } }, extra: 1 }', 'extra beside uncertain'],
  ])('%s is a problem', (line, says) => {
    expect(told(workers(line)).map((text) => text.replace(/^.*?: /, ''))).toContain(says);
  });
});

describe('expressions', () => {
  test.each([
    ['that: workshop_machine_running == ', 'a.yaml:14:11', 'the PromQL expression ends too early'],
    [
      'that: \'workshop_machine_running{machin="saw"} == 1\'',
      'a.yaml:14:12',
      'workshop_machine_running has no label machin',
    ],
    ['that: workshop_machine_runing == 1', 'a.yaml:14:11', 'there is no metric workshop_machine_runing'],
    ['that: sum(workshop_machine_running)', 'a.yaml:14:11', 'there is no comparison on top'],
    [
      'that: |\n      sum(\n        nothing_known\n      ) == 0',
      'a.yaml:16:9',
      'there is no metric nothing_known',
    ],
    [
      'that: >\n      workshop_machine_running ==\n      sum(nothing_known)',
      'a.yaml:16:11',
      'there is no metric nothing_known',
    ],
    ['scraped: workshop_machine_running ==== 1', 'a.yaml:14:41', undefined],
  ])('%j is a problem at its place in the file', (that, place, says) => {
    const [first] = told({ 'a.yaml': toyScenario.replace(/that: .*/, that) });
    expect(first?.split(' ')[0]).toBe(place);
    if (says !== undefined) expect(first).toContain(`: ${says}`);
  });

  test.each([
    ['{ name: x }', 'neither that nor scraped'],
    [
      '{ name: x, that: workshop_machine_running == 1, scraped: workshop_machine_running == 1 }',
      'both that and scraped',
    ],
    [
      '{ name: x, that: workshop_machine_running == 1, at: +1m, throughout: [+0m, +1m] }',
      'both at and throughout',
    ],
    ['{ name: x, that: workshop_machine_running == 1, throughout: [+2m, +1m] }', 'it ends before it begins'],
    ['{ name: x, that: workshop_machine_running == 1, at: +99m }', '+99m lies outside the period'],
    ['{ name: x, that: workshop_machine_running == 1, holdsIn: 120% }', '120% is no share of replications'],
    ['{ name: x, that: workshop_machine_running == 1, every: 15s }', 'a scrape interval without scraped'],
    [
      '{ name: all run at the end, that: workshop_machine_running == 1 }',
      'two expectations are named all run at the end',
    ],
    ['{ standard: { machineStopped: 0 } }', 'there is no risk machineStopped'],
    ['{ standard: { machinesStopped: none } }', 'none where a number is needed'],
    ['{ name: 3, that: workshop_machine_running == 1 }', '3 where a text is needed'],
  ])('expect %s is a problem', (entry, says) => {
    expect(told({ 'a.yaml': `${toyScenario}  - ${entry}\n` }).join()).toContain(says);
  });

  test.each([
    ['role: predict, value: 26s, within: 10%', 'a prediction without a naive baseline'],
    ['role: predict, value: 26s, baseline: { value: 20s, says: mean }', 'a prediction without a band'],
    ['role: guess, value: 26s', 'guess is not known here'],
    ['role: compare, value: lots', 'lots is no quantity'],
    ['role: compare, value: 1s, range: [2s, 1s]', 'no range'],
    ['role: compare, value: 1s, contradiction: 5', '5 where a text is needed'],
  ])('observed %s is a problem', (entry, says) => {
    const line = `observed:\n  - { name: o, that: "workshop:repair_seconds", ${entry}, source: log }`;
    expect(told(withLine(line)).join()).toContain(says);
  });

  test('a fact on which a parameter in use was fitted cannot be predicted', () => {
    const line = `workshop: { store: { value: 3GB, fittedOn: [o] } }
observed:
  - { name: o, that: "workshop:repair_seconds", role: predict, value: 26s, within: 10%, baseline: { value: 20s, says: mean }, source: log }`;
    expect(told(withLine(line))).toEqual([
      'a.yaml:17:55 observed.o.role: workshop.store was fitted on this fact, so it is not predicted',
    ]);
    expect(load(withLine(line.replace('[o]', '[p]'))).problems).toEqual([]);
  });

  test('observed numbers come in base units, with the interval that their digits allow', () => {
    const read = (value: string) => {
      const line = `observed:\n  - { name: o, that: "workshop:repair_seconds", value: ${value}, role: compare, source: log }`;
      const { value: v, range, unit } = loaded(withLine(line)).observed[0] ?? {};
      return [v, range, unit];
    };
    expect(read('26s')).toEqual([26, [25.5, 26.5], 's']);
    expect(read('22')).toEqual([22, [21.5, 22.5], '']);
    expect(read('1.2TB')).toEqual([1.2e12, [1.15e12, 1.25e12], 'B']);
  });
});

describe('cross-checks', () => {
  test('point at another place by its line', () => {
    const { problems } = load(withLine('workshop: { workers: 1 }'));
    expect(problems[0]).toMatchObject({
      path: 'workshop.workers',
      line: 15,
      found: '1 workers for 2 machines',
      mend: 'raise it to 2, or remove machines (line 6)',
    });
  });

  test('that need a part with problems of its own are left out', () => {
    expect(told(withLine('workshop: { workers: many }'))).toEqual([
      'a.yaml:15:22 workshop.workers: many is not a whole number',
    ]);
  });

  test('of an action stand at its entry', () => {
    expect(told({ 'a.yaml': toyScenario.replace('machine: saw', 'machine: sew') })).toEqual([
      'a.yaml:10:14 timeline.pause.machine: there is no machine sew',
    ]);
  });

  test('warn without refusing', () => {
    const { scenario, warnings } = load(withLine('workshop: { workers: 90 }'));
    expect(warnings.map((w) => w.found)).toEqual(['most workers have nothing to do']);
    expect(scenario?.warnings).toEqual(warnings);
  });
});

describe('what is shown', () => {
  test('control characters and very long lines cannot reach the terminal', () => {
    const { problems, texts } = load({
      'a.yaml': `rehearse: 1\n${'x'.repeat(300)}\u202e: "\t${'y'.repeat(300)}"\n`,
    });
    const text = renderProblems(problems, texts);
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    for (const line of text.split('\n')) expect(line.length).toBeLessThan(900);
  });

  test('problems beyond a hundred are counted', () => {
    const keys = Array.from({ length: 150 }, (_, i) => `nokey${i}: 1`).join('\n');
    const { problems, texts } = load({ 'a.yaml': `${toyScenario}${keys}\n` });
    expect(renderProblems(problems, texts).split('\n').at(-1)).toBe('and 50 more');
  });
});
