import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  candidates,
  type Plan,
  type PlanRequest,
  runsForVerdict,
  search,
} from '../../src/experiment/plan.ts';
import { playReplications } from '../../src/experiment/replication.ts';
import { judgePoint, type PlayedPoint } from '../../src/experiment/sweep.ts';
import { onTop, type Point, parseFactor } from '../../src/experiment/variations.ts';
import { scenarioOf } from '../support/files.ts';
import { oneJob } from '../support/oneJob.ts';

/** A candidate that was judged without being played. */
const judged = (point: Point, holds: boolean, cost = 0): PlayedPoint => ({
  point,
  runs: 1,
  verdict: holds ? 'pass' : 'fail',
  reasons: holds ? [] : ['it does not hold'],
  expectations: [],
  measures: [
    {
      name: 'cost',
      of: 'risk',
      unit: '$',
      count: 1,
      mean: cost,
      halfWidth: null,
      skewNeeds: null,
      quantiles: [],
      varies: false,
      over: null,
    },
  ],
});

/** Drives a search; `holds` says whether a candidate does, in its first runs and in fresh ones. */
function drive(
  request: PlanRequest,
  judge: (point: Point, isFresh: boolean) => PlayedPoint,
): { plan: Plan; played: number } {
  const steps = search(request);
  let step = steps.next();
  let played = 0;
  while (step.done !== true) {
    const { points, from } = step.value;
    played += points.length;
    step = steps.next(points.map((p) => judge(p, from > 0)));
  }
  return { plan: step.value, played };
}

describe('a plan', () => {
  test('finds what brute force finds, up to 33 candidates whatever holds, beyond where it is monotone', () => {
    let mixed = 0;
    let halved = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 200 }),
        fc.integer({ min: -1, max: 200 }),
        fc.boolean(),
        fc.array(fc.boolean(), { minLength: 33, maxLength: 33 }),
        fc.boolean(),
        (n, threshold, isMonotone, pattern, reverse) => {
          if (!isMonotone && n > 33) return;
          const request = { factors: [parseFactor(`a=1..${n}:${n}`)], reverse, runs: 1 };
          const holds = (p: Point) => {
            const v = Number(p[0]);
            if (!isMonotone) return pattern[v - 1]!;
            return reverse ? v <= threshold : v >= threshold;
          };
          const { plan, played } = drive(request, (p) => judged(p, holds(p)));
          const brute = candidates(request).find(holds);
          expect(plan.chosen?.point).toEqual(brute);
          if (!plan.monotone) mixed += 1;
          if (!plan.exhaustive) {
            halved += 1;
            // 17 probes, four halvings of what is between two, and the fresh runs.
            expect(played).toBeLessThanOrEqual(17 + 4 + 1);
          }
        },
      ),
      { numRuns: 1000, seed: 5 },
    );
    expect(mixed).toBeGreaterThan(100);
    expect(halved).toBeGreaterThan(100);
  });

  test('withdraws what held by luck, and takes the next that holds over fresh runs', () => {
    const request = { factors: [parseFactor('a=1..5:5')], reverse: false, runs: 1 };
    const { plan } = drive(request, (p, isFresh) => judged(p, Number(p[0]) >= (isFresh ? 4 : 2)));
    expect(plan.chosen?.point).toEqual([4]);
    expect(plan.withdrawn.map((w) => w.point)).toEqual([[2], [3]]);
    expect(drive(request, (p) => judged(p, false)).plan.chosen).toBeNull();
  });

  test('along several dimensions takes the cheapest that holds', () => {
    const request = { factors: [parseFactor('a=1,2,3'), parseFactor('b=1,2,3')], reverse: false, runs: 1 };
    const cost = (p: Point) => Number(p[0]) * 10 + Number(p[1]);
    const { plan } = drive(request, (p) => judged(p, Number(p[0]) * Number(p[1]) >= 3, cost(p)));
    expect(plan.chosen?.point).toEqual([1, 3]);
    expect(plan.played).toHaveLength(9);
  });

  test('plays fifty scenarios, ten of them not monotone: the smallest limit and the largest load that hold, as brute force says', () => {
    const found = { scenarios: 0, mixed: 0, none: 0, chosen: new Set<string>() };
    const limit = 'kubernetes.workloads.w.template.containers.c.resources.limits.memory';
    for (let k = 0; k < 25; k += 1) {
      const needs = `${(4.2 + 0.21 * k).toFixed(2)}GiB`;
      const job = oneJob(needs, {}, { perMillion: '500GiB' }) as { expect: object[] };
      // A machine whose pages come in twos: every other limit is refused, whatever the job needs.
      const even = {
        name: 'the limit is even',
        that: 'container_spec_memory_limit_bytes{container="c"} % 2147483648 < 1',
      };
      const files = {
        'job.yaml': JSON.stringify(job),
        'even.yaml': JSON.stringify({ ...job, expect: [...job.expect, even] }),
      };
      for (const [path, low, high, unit, reverse] of [
        [limit, 4, 12, 'GiB', false],
        ['batch.jobs.j.records', 1000, 9000, '', true],
      ] as const) {
        const file = path === limit && k % 2 === 0 ? 'even.yaml' : 'job.yaml';
        const scenario = scenarioOf(file, files);
        const request = {
          factors: [parseFactor(`${path}=${low}${unit}..${high}${unit}:9`)],
          reverse,
          runs: 2,
        };
        const known = new Map<string, PlayedPoint>();
        const judge = (point: Point, isFresh: boolean) => {
          const key = `${String(point[0])} ${isFresh}`;
          const before = known.get(key);
          if (before !== undefined) return before;
          const [name, text] = onTop(scenario, request.factors, point);
          const s = scenarioOf(name, { ...files, [name]: text });
          const [from, to] = isFresh ? [2, 4] : [0, 2];
          const made = judgePoint(s, point, playReplications(s, 'p', from, to, { everything: true }));
          known.set(key, made);
          return made;
        };
        const { plan } = drive(request, judge);
        const holds = (p: Point) => judge(p, false).verdict === 'pass' && judge(p, true).verdict === 'pass';
        const brute = candidates(request).find(holds);
        expect(plan.chosen?.point, `${needs} ${path}`).toEqual(brute);
        expect(plan.monotone).toBe(
          candidates(request).every((p, i, all) => i === 0 || holds(p) || !holds(all[i - 1]!)),
        );
        for (const p of plan.played) if (p.verdict === 'fail') expect(p.reasons.length).toBeGreaterThan(0);
        found.scenarios += 1;
        if (!plan.monotone) found.mixed += 1;
        if (brute === undefined) found.none += 1;
        else found.chosen.add(`${path} ${String(brute[0])}`);
      }
    }
    expect(found.scenarios).toBe(50);
    expect(found.mixed).toBeGreaterThanOrEqual(10);
    expect(found.chosen.size).toBeGreaterThan(5);
  });

  test('asks for the runs that a share needs', () => {
    expect(runsForVerdict(scenarioOf('scenarios/planning/oom-limit.yaml'), true)).toBe(381);
    expect(runsForVerdict(scenarioOf('scenarios/planning/oom-limit.yaml'), false)).toBe(1);
    expect(runsForVerdict(scenarioOf('scenarios/planning/oom-chance.yaml'), true)).toBe(10);
  });
});
