import { describe, expect, test } from 'vitest';
import { audit } from '../../src/experiment/audit/audit.ts';
import type { Fact, Facts } from '../../src/scenario/facts/fact.ts';
import { clockAt, makeFact, playedDay, share } from '../support/playedFacts.ts';

const sizes = [3, 9, 30];
const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

const days = new Map<string, Facts>();
function dayOf(brokers: number, seed: number): Facts {
  const key = `${brokers} ${seed}`;
  const made = days.get(key) ?? playedDay(brokers, seed);
  days.set(key, made);
  return made;
}

/** Writes another value into one fact of the quantity, chosen by the seed. */
function changed(
  facts: Facts,
  quantity: string,
  seed: number,
  which: (f: Fact) => boolean,
  write: (f: Fact) => Fact,
): Facts {
  const all = facts.facts.filter((f) => f.quantity === quantity && which(f));
  expect(all.length, quantity).toBeGreaterThan(0);
  const one = all[Math.floor(share(seed, 99) * all.length)]!;
  return {
    ...facts,
    facts: facts.facts.map((f) => (f === one ? { ...write(f), citations: f.citations } : f)),
  };
}

/** The fact with another printed number, in its own unit. */
function times(f: Fact, factor: number, count = 4): Fact {
  const [, number = '', unit = ''] = /^([\d.]+)(.*)$/.exec(f.printed)!;
  const x = Number(number) * factor;
  const printed =
    unit === ''
      ? String(Math.round(x))
      : Number(x.toPrecision(count)).toFixed(Math.max(0, count - 1 - Math.floor(Math.log10(x))));
  const made = makeFact(f.quantity, f.subject, printed + unit, 0, {});
  return { ...made, holds: f.holds, window: f.window };
}

const isBroker = (f: Fact) => f.subject.startsWith('broker-');
const shifted = (f: Fact, by: number): Fact => ({
  ...f,
  value: [f.value[0] + by, f.value[1] + by],
  printed: clockAt(0),
});

/**
 * Each changes one fact, by an amount that the seed draws, so far that it contradicts others: a step that is shifted within the slack between steps
 * leaves facts that can be true.
 */
const corruptions: Readonly<Record<string, (facts: Facts, seed: number) => Facts>> = {
  'a part of a sum is changed': (facts, seed) =>
    changed(facts, 'bytesIn', seed, isBroker, (f) => times(f, 1.3 + share(seed, 5))),
  'a rate is a thousand times too large': (facts, seed) =>
    changed(
      facts,
      'bytesIn',
      seed,
      (f) => f.subject.startsWith('t'),
      (f) => times(f, 1000),
    ),
  'MiB are written for MB': (facts, seed) =>
    changed(
      facts,
      'bytesIn',
      seed,
      (f) => f.subject === 'cluster',
      (f) => times(f, 1 / 1.048576),
    ),
  'a duration does not match its ends': (facts, seed) =>
    changed(
      facts,
      'duration',
      seed,
      (f) => f.subject === 'roll',
      (f) => times(f, 1.3 + share(seed, 6), 3),
    ),
  'a counter counts on over a restart': (facts, seed) =>
    changed(
      facts,
      'bytesInTotal',
      seed,
      (f) => f.window !== undefined,
      (f) => ({ ...f, window: [86_400e6, 86_400e6] }),
    ),
  'a mean is above its maximum': (facts, seed) =>
    changed(
      facts,
      'durationMean',
      seed,
      () => true,
      (f) => times(f, 2 + share(seed, 7), 3),
    ),
  'quantiles are out of order': (facts, seed) =>
    changed(
      facts,
      'durationP99',
      seed,
      () => true,
      (f) => times(f, 0.4, 3),
    ),
  'an alert fires before its threshold is crossed': (facts, seed) =>
    changed(
      facts,
      'fired',
      seed,
      () => true,
      (f) => shifted(f, -(300 + 300 * share(seed, 8)) * 1e6),
    ),
  'more is used than there is': (facts, seed) =>
    changed(facts, 'diskUsed', seed, isBroker, (f) => times(f, 30)),
  'a retention does not fit the disks': (facts, seed) =>
    changed(
      facts,
      'retention',
      seed,
      () => true,
      (f) => times(f, 2 + Math.floor(share(seed, 9) * 9), 2),
    ),
  'a step is shifted in time': (facts, seed) =>
    changed(
      facts,
      'started',
      seed,
      (f) => /^step-[1-9]/.test(f.subject),
      (f) => shifted(f, -(230 + 60 * share(seed, 11)) * 1e6),
    ),
  'a count does not grow': (facts, seed) => {
    const later = facts.facts.filter((f) => f.quantity === 'bytesInTotal' && isBroker(f));
    const latest = Math.max(...later.map((f) => f.holds.from));
    return changed(
      facts,
      'bytesInTotal',
      seed,
      (f) => isBroker(f) && f.holds.from === latest,
      (f) => times(f, 0.2 + 0.3 * share(seed, 12)),
    );
  },
};

const key = (f: { rule: string; places: readonly string[] }) => `${f.rule} ${f.places.join(' ')}`;

describe('days that were played, of 3, 9 and 30 brokers', () => {
  test('a day as it was has no more than one finding, and nearly every day none', () => {
    let all = 0;
    for (const brokers of sizes)
      for (const seed of seeds) {
        const { findings } = audit(dayOf(brokers, seed));
        all += findings.length;
        expect(
          findings.length,
          findings.map((f) => `${f.rule} ${f.about}: ${f.says}`).join('\n'),
        ).toBeLessThanOrEqual(1);
      }
    process.stdout.write(`clean days: ${all} false findings on ${sizes.length * seeds.length} days\n`);
    expect(all).toBeLessThanOrEqual(3);
  }, 300_000);

  test('of twelve kinds of corruption at least nine tenths are found, each by a finding that cites the fact', () => {
    let found = 0;
    let all = 0;
    const rows: string[] = [];
    for (const [name, corrupt] of Object.entries(corruptions)) {
      let hits = 0;
      let tries = 0;
      for (const brokers of sizes)
        for (const seed of seeds) {
          const clean = dayOf(brokers, seed);
          const bad = corrupt(clean, seed);
          const index = bad.facts.findIndex((f, i) => f !== clean.facts[i]);
          expect(index, name).toBeGreaterThanOrEqual(0);
          const place = bad.facts[index]!.citations.map((c) => `${c.file}:${c.line}`)[0]!;
          const before = new Set(audit(clean).findings.map(key));
          tries += 1;
          if (audit(bad).findings.some((f) => !before.has(key(f)) && f.places.includes(place))) hits += 1;
        }
      rows.push(`${name}: ${hits} of ${tries}`);
      found += hits;
      all += tries;
      expect(hits / tries, name).toBeGreaterThanOrEqual(0.9);
    }
    process.stdout.write(`${rows.join('\n')}\nrecall ${found} of ${all}\n`);
    expect(Object.keys(corruptions).length).toBe(12);
  }, 300_000);
});
