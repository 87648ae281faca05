import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sumOver } from '../../src/experiment/calendar.ts';
import {
  type Calendar,
  type CalendarChange,
  conflictsOf,
  findWindow,
  moved,
  riskLevels,
  type Span,
} from '../../src/models/operations/calendar.ts';

/** Calendars of a day in ticks, small enough to be looked at tick by tick. */
const day = 48;
const span = fc
  .tuple(fc.integer({ min: 0, max: day - 2 }), fc.integer({ min: 1, max: 8 }))
  .map(([from, length]): Span => ({ from, to: from + length }));
const resource = fc.constantFrom('broker/0', 'broker/1', 'broker/*', 'topic/a', 'topic/*', 'node/x');

const calendars: fc.Arbitrary<Calendar> = fc.integer({ min: 2, max: 6 }).chain((count) => {
  const names = Array.from({ length: count }, (_, i) => `c${i}`);
  const change = (place: number) =>
    fc
      .record({
        risk: fc.constantFrom(...riskLevels),
        window: span,
        recovery: fc.integer({ min: 0, max: 5 }),
        on: fc.uniqueArray(resource, { minLength: 1, maxLength: 2 }),
        after: fc.subarray(names.slice(0, place)),
        offsets: fc.array(fc.integer({ min: -1, max: 6 }), { maxLength: 2 }),
      })
      .map(
        ({ offsets, ...rest }): CalendarChange => ({
          ...rest,
          name: names[place]!,
          steps: offsets.map((offset, i) => ({
            name: `s${i}`,
            // Mostly inside, now and then before or behind the window.
            at: rest.window.from + (offset === 6 ? rest.window.to - rest.window.from : offset % 2),
          })),
        }),
      );
  return fc.record({
    changes: fc.tuple(...names.map((_, i) => change(i))),
    freezes: fc.array(
      fc.record({
        name: fc.constantFrom('f', 'g'),
        from: fc.integer({ min: 0, max: day }),
        to: fc.integer({ min: 1, max: day }),
        except: fc.subarray(names),
      }),
      { maxLength: 2 },
    ),
    endings: fc.array(
      fc.record({
        name: fc.constant('root'),
        kind: fc.constant('root'),
        at: fc.integer({ min: 0, max: day }),
      }),
      { maxLength: 2 },
    ),
  });
});

const ticks = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
const inside = (s: Span, t: number) => s.from <= t && t < s.to;
const same = (a: string, b: string) => {
  const [[kindA, nameA], [kindB, nameB]] = [a.split('/'), b.split('/')];
  return kindA === kindB && (nameA === nameB || nameA === '*' || nameB === '*');
};

/** Every conflict, found by looking at each tick of the day: kind, change and what it meets. */
function naive(calendar: Calendar): string[] {
  const { changes } = calendar;
  const found = new Set<string>();
  for (let i = 0; i < changes.length; i += 1) {
    const a = changes[i]!;
    for (const step of a.steps)
      if (!inside(a.window, step.at)) found.add(`step ${a.name} ${step.name} ${step.at}`);
    for (const before of a.after) {
      const earlier = changes.find((c) => c.name === before)!;
      if (earlier.window.to > a.window.from) found.add(`dependency ${a.name} ${before}`);
    }
    for (const t of ticks(-20, day + 40)) {
      if (!inside(a.window, t)) continue;
      for (const freeze of calendar.freezes)
        if (inside(freeze, t) && !freeze.except.includes(a.name))
          found.add(`freeze ${a.name} ${freeze.name}`);
      for (const ending of calendar.endings)
        if (ending.at === t) found.add(`ending ${a.name} ${ending.name}`);
      for (let j = 0; j < changes.length; j += 1) {
        const b = changes[j]!;
        if (i === j) continue;
        if (t >= b.window.to && t < b.window.to + b.recovery) found.add(`recovery ${a.name} ${b.name}`);
        if (!inside(b.window, t)) continue;
        const [first, later] =
          a.window.from < b.window.from || (a.window.from === b.window.from && i < j) ? [a, b] : [b, a];
        if (a.on.some((x) => b.on.some((y) => same(x, y)))) found.add(`resource ${later.name} ${first.name}`);
        else if (a.risk === 'high' || b.risk === 'high') found.add(`alone ${later.name} ${first.name}`);
      }
    }
  }
  return [...found].sort();
}

const told = (calendar: Calendar) =>
  [
    ...new Set(
      conflictsOf(calendar).map(
        (c) => `${c.kind} ${c.change} ${c.other}${c.kind === 'step' ? ` ${c.span.from}` : ''}`,
      ),
    ),
  ].sort();

describe('conflicts of a calendar', () => {
  test('are those that a look at every tick of the day finds', () => {
    const met = new Set<string>();
    fc.assert(
      fc.property(calendars, (calendar) => {
        const expected = naive(calendar);
        for (const one of expected) met.add(one.split(' ')[0]!);
        expect(told(calendar)).toEqual(expected);
      }),
      { seed: 9, numRuns: 500 },
    );
    expect([...met].sort()).toEqual([
      'alone',
      'dependency',
      'ending',
      'freeze',
      'recovery',
      'resource',
      'step',
    ]);
  });

  test('of one change are those of all in which it has a part', () => {
    const isOfTwo = (kind: string) => ['resource', 'alone', 'recovery', 'dependency'].includes(kind);
    fc.assert(
      fc.property(calendars, (calendar) => {
        for (const { name } of calendar.changes)
          expect(conflictsOf(calendar, name)).toEqual(
            conflictsOf(calendar).filter((c) => c.change === name || (isOfTwo(c.kind) && c.other === name)),
          );
      }),
      { seed: 9 },
    );
  });

  test('the order of the file changes none where no two windows begin together', () => {
    fc.assert(
      fc.property(calendars, (calendar) => {
        fc.pre(new Set(calendar.changes.map((c) => c.window.from)).size === calendar.changes.length);
        expect(told({ ...calendar, changes: [...calendar.changes].reverse() })).toEqual(told(calendar));
      }),
      { seed: 9 },
    );
  });

  test('there are none once each change waits for the recovery of the one before it', () => {
    fc.assert(
      fc.property(calendars, (calendar) => {
        let at = 0;
        const changes = calendar.changes.map((c) => {
          const window = { from: at, to: at + (c.window.to - c.window.from) };
          at = window.to + c.recovery;
          return { ...c, window, steps: [] };
        });
        expect(conflictsOf({ changes, freezes: [], endings: [] })).toEqual([]);
      }),
      { seed: 9 },
    );
  });
});

describe('the quietest window', () => {
  const requests = fc.record({
    length: fc.integer({ min: 1, max: 8 }),
    within: span.map((s) => ({ from: s.from, to: s.from + 30 })),
    step: fc.integer({ min: 1, max: 4 }),
    // Few values, so that windows are often equally quiet.
    loads: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 90, maxLength: 90, size: 'max' }),
  });

  test('is that of brute force on 50 calendars: the least load of all without a conflict, the earliest of equals', () => {
    let [found, none, ties] = [0, 0, 0];
    fc.assert(
      fc.property(calendars, requests, (calendar, { length, within, step, loads }) => {
        const change = calendar.changes[calendar.changes.length - 1]!;
        const loadOver = (s: Span) => ticks(s.from, s.to).reduce((sum, t) => sum + loads[t]!, 0);
        // Every start there is, conflicts by the naive look, sorted.
        const good = ticks(within.from, within.to)
          .filter((from) => (from - within.from) % step === 0 && from + length <= within.to)
          .filter((from) => {
            const shifted = moved(calendar, change.name, { from, to: from + length });
            return !naive(shifted).some((c) => {
              const [kind, own, other] = c.split(' ');
              const isOfTwo = ['resource', 'alone', 'recovery', 'dependency'].includes(kind!);
              return own === change.name || (isOfTwo && other === change.name);
            });
          })
          .map((from) => ({ from, load: loadOver({ from, to: from + length }) }))
          .sort((x, y) => x.load - y.load || x.from - y.from);
        const answer = findWindow(calendar, change.name, { length, within, step }, loadOver);
        expect(answer.quietest?.window.from).toBe(good[0]?.from);
        expect(answer.quietest?.load).toBe(good[0]?.load);
        expect(answer.feasible.length).toBe(good.length);
        if (good.length === 0) none += 1;
        else found += 1;
        if (good.length > 1 && good[0]!.load === good[1]!.load) ties += 1;
      }),
      { seed: 3, numRuns: 50 },
    );
    // The cases that matter came up.
    expect(Math.min(found, none, ties)).toBeGreaterThan(3);
  });

  test('moving a change keeps the distances of its steps, and touches no other change', () => {
    fc.assert(
      fc.property(calendars, span, (calendar, window) => {
        const { name } = calendar.changes[0]!;
        const after = moved(calendar, name, window);
        const [before, now] = [calendar.changes[0]!, after.changes[0]!];
        expect(now.steps.map((s) => s.at - now.window.from)).toEqual(
          before.steps.map((s) => s.at - before.window.from),
        );
        expect(after.changes.slice(1)).toEqual(calendar.changes.slice(1));
        expect(conflictsOf(moved(after, name, before.window), name)).toEqual(conflictsOf(calendar, name));
      }),
      { seed: 9 },
    );
  });

  test('a load summed up over a span is the sum over its single pieces, cut at both ends', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 40e6 }),
        fc.integer({ min: 1, max: 40e6 }),
        (values, from, length) => {
          const window = { from, to: from + length };
          const naiveSum = values.reduce((sum, v, i) => {
            const micros = Math.min(window.to, (i + 1) * 2e6) - Math.max(window.from, i * 2e6);
            return sum + v * Math.max(0, micros);
          }, 0);
          expect(sumOver(values, 0, 2e6, window)).toBeCloseTo(naiveSum / 1e6, 6);
        },
      ),
      { seed: 9 },
    );
  });
});
