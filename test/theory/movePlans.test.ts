import { describe, expect, test } from 'vitest';
import {
  leadersAfterGrowth,
  type MoveFacts,
  movePlans,
  planDuration,
  planKinds,
  planRange,
  planShapes,
} from '../../src/evidence/movePlans.ts';
import { MB } from '../support/cluster.ts';
import { moved } from '../support/movedReplicas.ts';

const GB = 1e9;
const facts: MoveFacts = {
  brokers: 6,
  partitions: 36,
  replicationFactor: 3,
  live: (220 / 36) * MB,
  throttle: 104_857_600,
  least: 47.5 * GB,
  most: 48.5 * GB,
  oldReplica: [16 * GB, 24 * GB],
  newReplica: [0.15 * GB, 0.75 * GB],
  newReplicas: 36,
  observed: 22 * 60,
};
const allAtOnce = { concurrency: Number.POSITIVE_INFINITY };
const equal = (count: number) => ({
  name: 'equal' as const,
  replicas: Array<number>(count).fill((48 * GB) / count),
});

/** The same plan on a cluster: six brokers that lead six partitions each, replicas on the two next ones. */
function played(count: number, destinations: number, leaders: number, allListed: boolean, until: number) {
  const assignment = Array.from({ length: 36 }, (_, p) => [p % 6, (p + 1) % 6, (p + 2) % 6]);
  const plan = new Map<number, number[]>();
  for (let i = 0; i < count; i += 1) {
    const leader = i % leaders;
    const partition = leader + 6 * Math.floor(i / leaders);
    plan.set(partition, [leader, leader + 1, 5 - (i % destinations)]);
  }
  return moved(
    assignment,
    (48 * GB) / count,
    facts.live,
    facts.throttle,
    (p) => plan.get(p),
    until,
    allListed,
  );
}

describe('the closed form of a plan', () => {
  test('agrees with the simulated cluster within 1 %, and says never where it never ends', () => {
    const seen = { 'takes in': 0, sends: 0, never: 0 };
    for (const [count, leaders, destinations, allListed] of [
      [2, 1, 1, false],
      [6, 3, 1, false],
      [4, 1, 3, false],
      [4, 2, 2, false],
      [6, 1, 3, false],
      [2, 1, 1, true],
      [4, 2, 2, true],
      [6, 3, 1, true],
    ] as const) {
      const shape = { ...allAtOnce, destinations, leaders, allListed };
      const { seconds, side } = planDuration(facts, equal(count), shape);
      const ends = seconds < Number.POSITIVE_INFINITY;
      const until = ends ? 1.1 * seconds + 60 : 600;
      const { took, open } = played(count, destinations, leaders, allListed, until);
      const what = `${count} replicas from ${leaders} to ${destinations}, all listed: ${allListed}, ${seconds} s, ${took} s`;
      if (ends) {
        expect(open, what).toBe(0);
        expect(Math.abs(took / seconds - 1), what).toBeLessThan(0.01);
        seen[side as 'sends'] += 1;
      } else {
        expect(open, what).toBe(count);
        seen.never += 1;
      }
    }
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(1);
  });

  test.each([
    { count: 10, throttle: 100, concurrency: Number.POSITIVE_INFINITY, minutes: 20.6 },
    { count: 10, throttle: 104.8576, concurrency: Number.POSITIVE_INFINITY, minutes: 18.3 },
    { count: 10, throttle: 100, concurrency: 5, minutes: 11.5 },
    { count: 5, throttle: 100, concurrency: Number.POSITIVE_INFINITY, minutes: 11.5 },
    { count: 10, throttle: 200, concurrency: Number.POSITIVE_INFINITY, minutes: 5.8 },
    { count: 20, throttle: 100, concurrency: Number.POSITIVE_INFINITY, minutes: Number.POSITIVE_INFINITY },
    { count: 10, throttle: 50, concurrency: Number.POSITIVE_INFINITY, minutes: Number.POSITIVE_INFINITY },
  ])('$count equal replicas to one broker, $throttle MB/s, $concurrency at once: $minutes min', (given) => {
    const { seconds } = planDuration({ ...facts, throttle: given.throttle * MB }, equal(given.count), {
      destinations: 1,
      leaders: 6,
      concurrency: given.concurrency,
      allListed: false,
    });
    expect(Math.round(seconds / 6) / 10).toBe(given.minutes);
  });

  test('turns that the executor waits for decide where little moves', () => {
    const small = { name: 'equal' as const, replicas: Array<number>(36).fill(1 * MB) };
    const shape = { destinations: 1, leaders: 6, concurrency: 5, allListed: false };
    // Eight turns: 10, 9, 8, 7, 6 and then 5 s each.
    expect(planDuration(facts, small, shape)).toEqual({ seconds: 55, side: 'waits for its turns' });
  });
});

test('every plan adds up to what moved, and none is listed twice', () => {
  const kinds = planKinds(facts);
  expect(kinds.length).toBeGreaterThan(80);
  for (const { replicas, name } of kinds) {
    const sum = replicas.reduce((x, y) => x + y, 0);
    expect(sum, `${name} ${replicas.length}`).toBeGreaterThanOrEqual(facts.least - 1);
    expect(sum, `${name} ${replicas.length}`).toBeLessThanOrEqual(facts.most + 1);
    expect(Math.max(...replicas)).toBeLessThanOrEqual(facts.oldReplica[1]);
    expect(replicas.length).toBeLessThanOrEqual(facts.partitions);
  }
  expect(new Set(kinds.map((k) => k.name)).size).toBe(3);
  expect(new Set(kinds.map((k) => JSON.stringify(k))).size).toBe(kinds.length);
});

test('a range counts each plan once, and its shares are of all of them', () => {
  const plans = movePlans(facts);
  expect(plans.length).toBe(planKinds(facts).reduce((sum, kind) => sum + planShapes(facts, kind).length, 0));
  const range = planRange(facts, plans);
  expect(range.plans).toBe(plans.length);
  const ends = plans.map((p) => p.duration.seconds).filter((x) => x < Number.POSITIVE_INFINITY);
  expect(range.never).toBeCloseTo(1 - ends.length / plans.length, 12);
  expect([range.minimum, range.maximum]).toEqual([Math.min(...ends), Math.max(...ends)]);
  const { binds } = range;
  expect(binds.sends + binds['takes in'] + binds['waits for its turns']).toBeCloseTo(1, 12);
  expect(range.sooner + range.asObserved + range.never).toBeLessThan(1);
  for (const p of plans.filter((_, i) => i % 20 === 0)) {
    // More throttle, never longer.
    const wider = planDuration({ ...facts, throttle: 2 * facts.throttle }, p.kind, p.shape);
    expect(wider.seconds).toBeLessThanOrEqual(p.duration.seconds);
  }
});

test('12 leaders more on an even 24 of five brokers: 8, 7, 7, 7, 7 in two draws of five, and nothing beside 8, 8, 7, 7, 6', () => {
  const counts = leadersAfterGrowth([5, 5, 5, 5, 4], 12, 3, 1000);
  expect([...counts.keys()].sort()).toEqual(['8, 7, 7, 7, 7', '8, 8, 7, 7, 6']);
  // Two of five brokers get a third one: the one with 4 is among them with probability 2/5. Three standard deviations of a thousand draws.
  expect(Math.abs(counts.get('8, 7, 7, 7, 7')! - 400)).toBeLessThan(3 * Math.sqrt(1000 * 0.4 * 0.6));
});
