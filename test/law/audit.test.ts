import { describe, expect, test } from 'vitest';
import { type Audit, audit, rules } from '../../src/experiment/audit/audit.ts';
import type { Fact, Facts, Subject } from '../../src/scenario/facts/fact.ts';
import type { Interval } from '../../src/scenario/facts/interval.ts';
import { quantities } from '../../src/scenario/facts/quantities.ts';
import { readFacts } from '../../src/scenario/facts/read.ts';
import { reader } from '../support/files.ts';

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
