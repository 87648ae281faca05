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

  test('plays scenarios: the smallest limit and the largest load that hold, as brute force says', () => {
    for (const [needs, share] of [
      ['5GiB', 1],
      ['6.3GiB', 1],
      ['7GiB', 0.5],
    ] as const) {
      const files = { 'job.yaml': JSON.stringify(oneJob(needs, {}, { perMillion: '500GiB' })) };
      const scenario = scenarioOf('job.yaml', files);
      const limit = 'kubernetes.workloads.w.template.containers.c.resources.limits.memory';
      for (const [path, low, high, unit, reverse] of [
        [limit, 4, 9, 'GiB', false],
        ['batch.jobs.j.records', 1000, 9000, '', true],
      ] as const) {
        const request = {
          factors: [parseFactor(`${path}=${low}${unit}..${high}${unit}:6`)],
          reverse,
          runs: 2,
        };
        const judge = (point: Point, isFresh: boolean) => {
          const [name, text] = onTop(scenario, request.factors, point);
          const s = scenarioOf(name, { ...files, [name]: text });
          return judgePoint(
            s,
            point,
            playReplications(s, 'p', isFresh ? 2 : 0, isFresh ? 4 : 2, { everything: true }),
          );
        };
        const { plan } = drive(request, judge);
        const brute = candidates(request).find(
          (p) => judge(p, false).verdict === 'pass' && judge(p, true).verdict === 'pass',
        );
        expect(plan.chosen?.point, `${needs} ${path}`).toEqual(brute);
        for (const p of plan.played) if (p.verdict === 'fail') expect(p.reasons.length).toBeGreaterThan(0);
      }
      expect(share).toBeGreaterThan(0);
    }
  });

  test('asks for the runs that a share needs', () => {
    expect(runsForVerdict(scenarioOf('scenarios/planning/oom-limit.yaml'), true)).toBe(381);
    expect(runsForVerdict(scenarioOf('scenarios/planning/oom-limit.yaml'), false)).toBe(1);
    expect(runsForVerdict(scenarioOf('scenarios/planning/oom-chance.yaml'), true)).toBe(10);
  });
});
