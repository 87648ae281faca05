import { describe, expect, test } from 'vitest';
import { compareAnswer, inputsChanged, pairedDifference } from '../../src/experiment/compare.ts';
import { playReplications } from '../../src/experiment/replication.ts';
import { wilsonInterval } from '../../src/experiment/statistics.ts';
import { judgePoint, sweepAnswer } from '../../src/experiment/sweep.ts';
import {
  axisOf,
  CannotVary,
  factorsOf,
  grid,
  onTop,
  parseFactor,
  settingAt,
  shortPaths,
} from '../../src/experiment/variations.ts';
import { answerFiles } from '../../src/report/answer.ts';
import { reader, scenarioOf } from '../support/files.ts';
import { oneJob } from '../support/oneJob.ts';

const job = oneJob('8.2GiB', { memoryNoise: '5%' }, {});
const files = { 'job.yaml': JSON.stringify(job) };
const scenario = scenarioOf('job.yaml', files);
const limit = 'kubernetes.workloads.w.template.containers.c.resources.limits.memory';
const noise = 'batch.programs.p.memoryNoise';

function at(factors: ReturnType<typeof parseFactor>[], point: (string | number)[]) {
  const [path, text] = onTop(scenario, factors, point);
  return scenarioOf(path, { ...files, [path]: text });
}

describe('what is turned', () => {
  test('is found by its path, list entries by id or name, keys with dots whole', () => {
    const tree = {
      a: { 'min.insync.replicas': 2 },
      list: [
        { name: 'x', v: 1 },
        { id: 3, deep: { w: '1s' } },
      ],
    };
    expect(settingAt(tree, 'a.min.insync.replicas', 3)).toEqual({ a: { 'min.insync.replicas': 3 } });
    expect(settingAt(tree, 'list.x.v', 5)).toEqual({ list: [{ name: 'x', v: 5 }] });
    expect(settingAt(tree, 'list.3.deep.w', '2s')).toEqual({ list: [{ id: 3, deep: { w: '2s' } }] });
    expect(settingAt(tree, 'a.new', true)).toEqual({ a: { new: true } });
  });

  test.each([
    ['list.y.v', 'there is no y'],
    ['b.c', 'there is no b'],
    ['list.x.v.w', 'leads below a value'],
  ])('%s is refused, with what is there', (path, says) => {
    const tree = { a: 1, list: [{ name: 'x', v: 1 }] };
    expect(() => settingAt(tree, path, 1)).toThrow(says);
    expect(() => settingAt(tree, path, 1)).toThrow(CannotVary);
  });

  test('is a list, or a range in one unit', () => {
    expect(parseFactor('a.b=1,x, true')).toEqual({ path: 'a.b', values: [1, 'x', true] });
    expect(parseFactor('a=6GiB..9GiB:4').values).toEqual(['6GiB', '7GiB', '8GiB', '9GiB']);
    expect(parseFactor('a=0..1:3').values).toEqual([0, 0.5, 1]);
    for (const text of ['a', 'a=', '=1', 'a=2s..1s', 'a=1s..2GiB', 'a=x..y', 'a=1..2:1'])
      expect(() => parseFactor(text), text).toThrow(CannotVary);
    expect(grid([parseFactor('a=1,2'), parseFactor('b=x,y,z')])).toHaveLength(6);
    expect(() => grid([parseFactor('a=1..2:10000'), parseFactor('b=1..2:100')])).toThrow('too many');
    expect(shortPaths([parseFactor('a.b.c.d=1'), parseFactor('x.c.d=1'), parseFactor('q=1')])).toEqual([
      'b.c.d',
      'x.c.d',
      'q',
    ]);
    const hours = axisOf(parseFactor('a.b=1h,2.5h'), 'b');
    expect([hours.title, hours.at('2.5h')]).toEqual(['b, h', 2.5]);
    const mixed = axisOf(parseFactor('a.b=1h,90m'), 'b');
    expect([mixed.title, mixed.at('90m')]).toEqual(['b', '90m']);
    expect(axisOf(parseFactor('a=1,2'), 'a').at(2)).toBe(2);
  });

  test('stands in a scenario as vary:, where a sweep finds it', () => {
    const planned = scenarioOf('scenarios/planning/oom-chance.yaml');
    expect(factorsOf(planned).map((f) => f.values.length)).toEqual([7, 3]);
  });
});

describe('named variants', () => {
  const varied = {
    'job.yaml': JSON.stringify({
      ...job,
      vary: {
        size: { small: { [limit]: '8GiB', [noise]: '1%' }, large: { [limit]: '12GiB' }, as: {} },
        [noise]: ['5%', '10%'],
      },
    }),
  };
  const given = scenarioOf('job.yaml', varied);
  const played = (value: string) => {
    const [path, text] = onTop(given, [{ path: 'size', values: [] }], [value]);
    return scenarioOf(path, { ...varied, [path]: text }).resolved;
  };
  const settingsOf = (tree: unknown) => [limit, noise].map((path) => valueAt(tree, path));
  const valueAt = (tree: unknown, path: string): unknown =>
    path.split('.').reduce<unknown>((node, word) => {
      if (Array.isArray(node)) return node.find((e: { name?: string }) => e.name === word) as unknown;
      return (node as Record<string, unknown>)[word];
    }, tree);

  test('turn several settings at once, beside other factors', () => {
    expect(factorsOf(given)).toEqual([
      { path: 'size', values: ['small', 'large', 'as'] },
      { path: noise, values: ['5%', '10%'] },
    ]);
    expect(settingsOf(played('small'))).toEqual(['8GiB', '1%']);
    expect(settingsOf(played('large'))).toEqual(['12GiB', '5%']);
    expect(settingsOf(played('as'))).toEqual(settingsOf(given.resolved));
    const factors = factorsOf(given);
    const [path, text] = onTop(given, factors, ['small', '10%']);
    expect(settingsOf(scenarioOf(path, { ...varied, [path]: text }).resolved)).toEqual(['8GiB', '10%']);
  });

  test('are named as they are written', () => {
    expect(() => played('smal')).toThrow('size has no variant smal');
    expect(() => played('smal')).toThrow(CannotVary);
  });

  test('add brokers with their machines: twice the load needs nine, and eight live on burst credit', () => {
    const path = 'scenarios/planning/double-load.yaml';
    const twice = scenarioOf(path);
    const heldWith = (brokers: string) => {
      const [over, text] = onTop(twice, factorsOf(twice), [brokers]);
      const variant = scenarioOf(over, { [over]: text });
      const { held } = playReplications(variant, variant.seed, 0, 1, { everything: true })[0]!;
      return variant.expect.filter((_, i) => !held[i]).map((e) => e.name);
    };
    expect(heldWith('8')).toEqual(['no network card lives on burst credit before the loss']);
    expect(heldWith('9')).toEqual([]);
  });
});

describe('a sweep', () => {
  test('gives the chance of a kill that the normal distribution says, within Wilson bounds', () => {
    // Phi (ln (8.2 / 8) / sigma).
    for (const [sigma, expected] of [
      ['5%', 0.689],
      ['10%', 0.597],
    ] as const) {
      const factors = [parseFactor(`${noise}=${sigma}`)];
      const rows = playReplications(at(factors, [sigma]), 'sweep', 0, 300, { everything: true });
      const killed = rows.filter((r) => r.held[0] === false).length;
      const [low, high] = wilsonInterval(killed, 300);
      expect(low).toBeLessThan(expected);
      expect(high).toBeGreaterThan(expected);
    }
    // The limit that holds it below 1 %: 8.2 GiB x exp (2.326 sigma), 9.22 GiB at 5 %.
    const factors = [parseFactor(`${limit}=9.22GiB`)];
    const rows = playReplications(at(factors, ['9.22GiB']), 'sweep', 0, 300, { everything: true });
    const [low, high] = wilsonInterval(rows.filter((r) => r.held[0] === false).length, 300);
    expect(low).toBeLessThanOrEqual(0.01);
    expect(high).toBeGreaterThan(0.01);
  });

  test('judges points by expectations, keeps its reasons, and writes every run', async () => {
    const factors = [parseFactor(`${limit}=7GiB,12GiB`), parseFactor(`${noise}=5%,10%`)];
    const points = grid(factors);
    const rows = points.map((p) =>
      playReplications(at(factors, [...p] as string[]), 's', 0, 5, { everything: true }),
    );
    const answer = sweepAnswer(
      scenario,
      { scenario: 'job', seed: 's', version: '0' },
      factors,
      points,
      rows,
      [],
    );
    expect(answer.says[0]).toBe('2 of 4 points hold everything that is expected');
    const judged = judgePoint(scenario, points[0]!, rows[0]!);
    expect(judged.verdict).toBe('fail');
    expect(judged.reasons).toEqual(['not killed: holds in 0 of 5 runs']);
    expect(answer.plots[0]!.kind).toBe('map');
    const written = await answerFiles(answer, ['sweep', 'job.yaml']);
    expect([...written.keys()]).toEqual(
      expect.arrayContaining([
        'manifest.json',
        'answer.json',
        'runs.arrow',
        'report.html',
        'charts/sweep-1.svg',
      ]),
    );
    expect(JSON.parse(written.get('answer.json') as string).data.points).toHaveLength(4);
    expect(answer.columns.find((c) => c.name === 'replication')!.values).toHaveLength(20);
    expect(written.get('report.html')).not.toMatch(/NaN|undefined/);
  });

  test('of two measures has a frontier: points that no other is below in both', async () => {
    const moved = scenarioOf('scenarios/planning/throttle-and-latency.yaml');
    const names = moved.expect.slice(-2).map((e) => e.name);
    const pairs = [
      [3, 3],
      [1, 5],
      [2, 4],
      [2, 4],
      [3, 5],
      [5, 1],
      [5, 2],
    ] as const;
    const rows = pairs.map((pair) => [
      {
        ...{
          replication: 0,
          fingerprint: '',
          events: 0,
          observed: [],
          reliability: [],
          risks: [],
          broken: null,
        },
        held: moved.expect.map(() => true),
        values: moved.expect.map((_, i) => pair[i - moved.expect.length + 2] ?? 0),
      },
    ]);
    const factors = [{ path: 'timeline.reassignment.throttle', values: pairs.map((_, i) => i) }];
    const points = pairs.map((_, i) => [i]);
    const answer = sweepAnswer(moved, { scenario: '', seed: '', version: '' }, factors, points, rows, names);
    const frontier = answer.plots.find((p) => p.kind === 'frontier')!;
    const best = frontier.marks.filter((m) => m.by === 'none is lower in both').map((m) => m.label);
    expect(best).toEqual(['0', '1', '2', '3', '5']);
    expect(answer.says.join()).toContain(`on the frontier of ${names[0]} against ${names[1]}: 0; 1; 2; 3; 5`);
    const svg = (await answerFiles(answer, [])).get('charts/frontier.svg') as string;
    expect(svg).toContain('none is lower in both');
    const one = sweepAnswer(moved, { scenario: '', seed: '', version: '' }, factors, points, rows, [
      names[0]!,
    ]);
    expect(one.plots.some((p) => p.kind === 'frontier')).toBe(false);
  });

  test('pairs its points by common random numbers: an unused setting changes no run', () => {
    const again = at([parseFactor('kubernetes.workloads.w.template.labels.more=x')], ['x']);
    const rows = (s: typeof scenario) =>
      playReplications(s, 's', 0, 5, { everything: true }).map((r) => r.fingerprint);
    expect(rows(again)).toEqual(rows(scenario));
  });
});

describe('a comparison', () => {
  test('takes differences in pairs, whose variance is that of the differences', () => {
    const a = [1, 2, 3, 4, 5];
    const b = [2, 3, 4, 5, 6.5];
    const d = pairedDifference(a, b, 0.05);
    expect(d.mean).toBeCloseTo(1.1, 12);
    // s_d = 0.2236 over 5, t = 2.776.
    expect(d.halfWidth).toBeCloseTo((2.7764 * 0.223607) / Math.sqrt(5), 4);
    expect(d.correlation).toBeGreaterThan(0.99);
    expect(d.varianceRatio).toBeLessThan(0.02);
    expect(pairedDifference(a, [...a].reverse(), 0.05).correlation).toBeCloseTo(-1, 12);
  });

  test('on a monotone model pairing lowers the variance', () => {
    const tighter = at([parseFactor(`${noise}=6%`)], ['6%']);
    const peak = (s: typeof scenario) =>
      playReplications(s, 's', 0, 40, { everything: true }).map((r) => Number(r.held[0]));
    const d = pairedDifference(peak(scenario), peak(tighter), 0.05);
    expect(d.varianceRatio!).toBeLessThan(1);
    expect(d.correlation!).toBeGreaterThan(0.5);
  });

  test('says what changed in inputs beside what changed in outcomes, and what cannot be told apart', () => {
    const wider = at([parseFactor(`${limit}=12GiB`)], ['12GiB']);
    const rows = [scenario, wider].map((s) => playReplications(s, 's', 0, 20, { everything: true }));
    const answer = compareAnswer(
      [scenario, wider],
      ['a', 'b'],
      { scenario: 'a', seed: 's', version: '0' },
      rows,
    );
    const [inputs, outcomes] = answer.sections;
    expect(inputs!.rows).toEqual([[limit, '8GiB', '12GiB']]);
    expect(outcomes!.rows.map((r) => r[0])).toContain('oomKills');
    const same = compareAnswer([scenario, scenario], ['a', 'b'], { scenario: 'a', seed: 's', version: '0' }, [
      rows[0]!,
      rows[0]!,
    ]);
    expect(same.says[0]).toBe('no measure can be told apart in 20 paired runs');
    expect(inputsChanged({ a: [{ name: 'x', v: 1 }], t: 1 }, { a: [{ name: 'x', v: 2 }], u: 1 })).toEqual([
      { path: 'a.x.v', before: '1', after: '2' },
      { path: 't', before: '1', after: '-' },
      { path: 'u', before: '-', after: '1' },
    ]);
    expect(reader()('scenarios/planning/oom-chance.yaml')).toContain('vary:');
  });
});
