import { describe, expect, test } from 'vitest';
import { type Audit, audit, rules } from '../../src/experiment/audit/audit.ts';
import type { Fact, Facts, Subject } from '../../src/scenario/facts/fact.ts';
import type { Interval } from '../../src/scenario/facts/interval.ts';
import { quantities } from '../../src/scenario/facts/quantities.ts';
import { readFacts } from '../../src/scenario/facts/read.ts';
import { reader } from '../support/files.ts';
import { makeFact, Written } from '../support/playedFacts.ts';

const facts = readFacts(
  'scenarios/reference-day/facts/day.yaml',
  reader(),
  rules.map((r) => r.name),
).facts!;

const shape = (found: Audit) => found.findings.map((f) => [f.id, f.rule, f.places]);
const original = shape(audit(facts));

const mapped = (given: Facts, change: (f: Fact) => Fact): Facts => ({
  ...given,
  facts: given.facts.map(change),
});

describe('the findings of the reference day stay the same', () => {
  test('when every subject has another name', () => {
    const names = new Map([...facts.subjects.keys()].map((name, i) => [name, `s${(i * 37) % 101}-${i}`]));
    const to = (name: string) => names.get(name)!;
    const subjects = [...facts.subjects.values()].map(
      (s): Subject => ({
        ...s,
        name: to(s.name),
        in: s.in === undefined ? undefined : to(s.in),
        after: s.after.map(to),
        on: s.on.map(to),
        zone: s.zone === undefined ? undefined : `z${s.zone.length}${s.zone.slice(-1)}`,
      }),
    );
    const renamed: Facts = {
      ...mapped(facts, (f) => ({ ...f, subject: to(f.subject) })),
      subjects: new Map(subjects.map((s) => [s.name, s])),
      labels: facts.labels.map((l) => ({ ...l, of: l.of.map(to) })),
    };
    expect(shape(audit(renamed))).toEqual(original);
  });

  test.each([3600e6, -86_400e6 * 31, 12_345_678_000])(
    'when all times are shifted by %d microseconds',
    (by) => {
      const shifted = mapped(facts, (f) => ({
        ...f,
        value: f.dimension === 'instant' ? [f.value[0] + by, f.value[1] + by] : f.value,
        holds: { from: f.holds.from + by, to: f.holds.to + by },
      }));
      expect(shape(audit(shifted))).toEqual(original);
    },
  );

  test('when all bytes, rates and capacities are three times as large', () => {
    let moved = 0;
    const large = mapped(facts, (f) => {
      const flows = ['bytes', 'byteRate', 'cpu'].includes(f.dimension) || /^messages/.test(f.quantity);
      if (!flows && quantities.get(f.quantity)?.extensive !== true) return f;
      moved += 1;
      return { ...f, value: [f.value[0] * 3, f.value[1] * 3] as Interval };
    });
    expect(moved).toBeGreaterThan(100);
    expect(shape(audit(large))).toEqual(original);
  });

  test('when the facts stand in another order, but for the order of findings', () => {
    const sorted = (found: ReturnType<typeof shape>) =>
      found.map(([, rule, p]) => `${rule} ${[...(p as string[])].sort()}`).sort();
    // What is told twice of one subject is compared with what is told first, so only subjects change places.
    const bySubject = [...facts.facts].sort((x, y) =>
      x.subject < y.subject ? -1 : x.subject > y.subject ? 1 : 0,
    );
    expect(sorted(shape(audit({ ...facts, facts: bySubject })))).toEqual(sorted(original));
  });
});

/** The reference day with one printed value in place of another. */
function rewritten(quantity: string, subject: string, from: string, to: string): Facts {
  const one = facts.facts.find((f) => f.quantity === quantity && f.subject === subject && f.printed === from);
  expect(one, `${quantity} ${subject} ${from}`).toBeDefined();
  const made = makeFact(quantity, subject, to, 0);
  return mapped(facts, (f) => (f === one ? { ...f, value: made.value, printed: to } : f));
}

/** Subjects of one kind with facts of their own. */
function small(all: readonly (readonly [quantity: string, subject: string, printed: string])[]): Facts {
  const w = new Written();
  w.subject('cluster', 'cluster', { complete: ['topic'] });
  w.subject('a', 'topic', { in: 'cluster' });
  w.subject('b', 'topic', { in: 'cluster' });
  for (const [quantity, subject, printed] of all) w.fact(quantity, subject, printed);
  return w.read();
}

const written: readonly (readonly [quantity: string, subject: string, printed: string])[] = [
  ['bytesIn', 'a', '10.0MB/s'],
  ['messagesIn', 'a', '1000.0/s'],
  ['bytesIn', 'b', '40.0MB/s'],
  ['messagesIn', 'b', '2000.0/s'],
];

const made: readonly (readonly [rule: string, bad: Facts])[] = [
  ['shares', rewritten('heapUsedShare', 'broker-0-jvm', '60%', '70%')],
  ['complements', rewritten('memoryAvailable', 'ip-10-42-31-142', '18GiB', '28GiB')],
  ['means', rewritten('diskUsedShareMean', 'kafka-prod', '46%', '56%')],
  ['improvement', rewritten('pauseP99Improvement', 'gc-observation', '57%', '47%')],
  ['multiples', rewritten('recordsTimes', 'monthly-run', '30', '10')],
  ['neverFalls', rewritten('membersDone', 'workload-certificates', '248', '100')],
  ['frequency', rewritten('frequency', 'reconciliation', '2/h', '3/h')],
  ['order', rewritten('swapMax', 'workload-certificates', '420ms', '100ms')],
  ['sums', rewritten('bytesIn', 'vantage-order-events', '220MB/s', '250MB/s')],
  ['sums', rewritten('memoryUsed', 'eight-other-pods', '19.7GiB', '9.7GiB')],
  [
    'messageSize',
    small([...written, ['bytesOut', 'cluster', '90.0MB/s'], ['messagesOut', 'cluster', '1000.0/s']]),
  ],
  [
    'little',
    small([
      ['lagMessages', 'a', '5000'],
      ['lagTime', 'a', '800ms'],
      ['messagesOut', 'a', '100.0/s'],
    ]),
  ],
  [
    'quantileMean',
    small([
      ['pauseP99', 'a', '900ms'],
      ['pauseMean', 'a', '1.0ms'],
    ]),
  ],
];

const good: readonly Facts[] = [
  facts,
  small([...written, ['bytesOut', 'cluster', '90.0MB/s'], ['messagesOut', 'cluster', '5000.0/s']]),
  small([
    ['lagMessages', 'a', '80'],
    ['lagTime', 'a', '800ms'],
    ['messagesOut', 'a', '100.0/s'],
  ]),
  small([
    ['pauseP99', 'a', '90ms'],
    ['pauseMean', 'a', '1.0ms'],
  ]),
];

describe('a rule with no finding on the reference day', () => {
  test.each(made)('%s finds one where a figure is wrong', (rule, bad) => {
    expect(audit(bad).findings.filter((f) => f.rule === rule).length).toBeGreaterThan(0);
  });

  test('finds none where the figures are right', () => {
    const names = new Set(made.map(([rule]) => rule));
    for (const one of good) expect(audit(one).findings.filter((f) => names.has(f.rule))).toEqual([]);
  });

  test('is among those that are tried here: no rule is left without a finding', () => {
    const found = new Set([...original.map(([, rule]) => rule), ...made.map(([rule]) => rule)]);
    expect(rules.map((r) => r.name).filter((name) => !found.has(name))).toEqual([]);
  });
});
