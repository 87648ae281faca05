import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { optimize } from '../../src/models/cruiseControl/optimizer.ts';
import { outcome, recordedCases } from '../support/cruiseControl.ts';

const cases = recordedCases();
const play = (c: (typeof cases)[number]) =>
  outcome(
    optimize(c.description, {
      goals: c.goals,
      config: c.config,
      ...(c.options !== undefined && { options: c.options }),
    }),
  );

test.each(cases)(
  'feasibility, failing goal and status of each goal are those of Cruise Control: $id',
  (c) => {
    const { ok, failedGoal, status } = play(c);
    expect({ ok, failedGoal, status }).toEqual({
      ok: c.expected.ok,
      failedGoal: c.expected.failedGoal,
      status: c.expected.status,
    });
  },
);

test('placement is exactly that of Cruise Control in 55 of 55 cases, and with it loads, counts, scores and provision status', () => {
  const found = cases.map(play);
  expect(found.filter((f, at) => isDeepStrictEqual(f.changed, cases[at]!.expected.changed)).length).toBe(55);
  for (const [at, c] of cases.entries()) expect(found[at], c.id).toEqual(c.expected);
});
