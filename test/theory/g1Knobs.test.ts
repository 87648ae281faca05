import { describe, expect, test } from 'vitest';
import { type AllocatorProgram, playProgram, programDefaults } from '../../src/evidence/gcModel.ts';
import { quantile } from '../../src/experiment/statistics.ts';
import { gcFigures } from '../../src/formats/gcFigures.ts';
import type { GcLog } from '../../src/formats/gcLog.ts';
import type { G1Flags } from '../../src/models/jvm/flags.ts';
import { fittedCosts } from '../support/g1Runs.ts';

const costs = fittedCosts();
const gibibyte = 1_073_741_824;
const mebibyte = 1_048_576;
type Flags = Partial<G1Flags>;

interface Played {
  readonly interval: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly eden: number;
  readonly starts: number;
  readonly pauses: number;
  readonly mixedMillis: number;
  readonly mixedPerCycle: number;
  readonly fromRoots: number;
  readonly cycleMillis: number;
  readonly failures: number;
}

const cache = new Map<string, Played>();

/** Medians over thirty seeds of one run of 45 s. */
function played(flags: Flags, program: Partial<AllocatorProgram> = {}): Played {
  const key = JSON.stringify([flags, program]);
  const found = cache.get(key);
  if (found !== undefined) return found;
  const all: Played[] = [];
  for (let seed = 0; seed < 30; seed += 1) {
    const log = playProgram(
      { heapBytes: gibibyte, cpus: 2, ...flags },
      costs,
      { ...programDefaults, rate: 400, live: 200, ...program },
      { seed: `${seed}`, seconds: 45 },
    );
    all.push(figures(log));
  }
  const made = Object.fromEntries(
    (Object.keys(all[0]!) as (keyof Played)[]).map((k) => [
      k,
      quantile(
        all.map((x) => x[k]).filter((x) => !Number.isNaN(x)),
        0.5,
      ),
    ]),
  ) as unknown as Played;
  cache.set(key, made);
  return made;
}

function figures(log: GcLog): Played {
  const f = gcFigures(log);
  const mixed = log.collections.filter((c) => c.type === 'Young (Mixed)');
  const phase = (name: string) => {
    const all = log.phases.filter((p) => p.name === name).map((p) => p.millis);
    return all.length === 0 ? Number.NaN : quantile(all, 0.5);
  };
  return {
    interval: f.intervalSeconds ?? Number.NaN,
    p50: f.pauseMillisP50 ?? Number.NaN,
    p99: f.pauseMillisP99 ?? Number.NaN,
    max: f.pauseMillisMax ?? Number.NaN,
    eden: f.edenMiB ?? Number.NaN,
    starts: f.counts.concurrentStart,
    pauses: f.pauses,
    mixedMillis:
      mixed.length === 0
        ? Number.NaN
        : quantile(
            mixed.map((c) => c.millis),
            0.5,
          ),
    mixedPerCycle: f.counts.prepareMixed === 0 ? Number.NaN : f.counts.mixed / f.counts.prepareMixed,
    fromRoots: phase('Concurrent Mark From Roots'),
    cycleMillis: phase('Concurrent Mark Cycle'),
    failures: f.counts.full + f.counts.toSpaceExhausted,
  };
}

const near = (value: number, expected: number, share = 0.25) => {
  expect(value / expected).toBeGreaterThan(1 - share);
  expect(value / expected).toBeLessThan(1 + share);
};

describe('one option at a time, with the sizes that the recordings show', () => {
  const base = () => played({});

  test('a pause goal of 20 in place of 200 ms: a third of the interval', () => {
    near(played({ pauseGoalMillis: 20 }).interval / base().interval, 0.33);
  });

  test('a lower pause goal lowers p50 towards it, and p99 stays about twice as high', () => {
    const [fifty, twenty] = [played({ pauseGoalMillis: 50 }), played({ pauseGoalMillis: 20 })];
    expect(twenty.p50).toBeLessThan(fifty.p50);
    near(twenty.p50, 20, 0.25);
    expect(twenty.p99 / 20).toBeGreaterThan(1.8);
    expect(twenty.p99 / 20).toBeLessThan(2.8);
  });

  test('twice the allocation: 0.44 of the interval; half: 2.5 times', () => {
    near(played({}, { rate: 800 }).interval / base().interval, 0.44);
    near(played({}, { rate: 200 }).interval / base().interval, 2.5);
  });

  test('one parallel thread in place of two: p50 x 1.7 to 1.9', () => {
    near(played({ parallelThreads: 1 }).p50 / base().p50, 1.8);
  });

  test('a reserve of 20 in place of 10 % at 550 MB live takes 87 MB off eden', () => {
    const less = played({}, { live: 550 }).eden - played({ reservePercent: 20 }, { live: 550 }).eden;
    near(less * 1.048576, 87);
  });

  test('a larger reserve makes collections and cycles more frequent', () => {
    const [ten, twenty] = [played({}, { live: 550 }), played({ reservePercent: 20 }, { live: 550 })];
    expect(twenty.interval).toBeLessThan(ten.interval);
    expect(twenty.starts).toBeGreaterThan(ten.starts);
  });

  test('two concurrent threads in place of one: From Roots takes 0.71 of the time, a cycle less', () => {
    const [one, two] = [played({}, { live: 550 }), played({ concurrentThreads: 2 }, { live: 550 })];
    near(two.fromRoots / one.fromRoots, 0.71);
    expect(two.cycleMillis).toBeLessThan(one.cycleMillis);
  });

  test('regions of 4 in place of 1 MiB under large arrays: at most a tenth of the concurrent starts (recorded: 58 to 1)', () => {
    const arrays = { rate: 300, hum: 60, humKB: 1024 };
    const [small, large] = [played({}, arrays), played({ regionBytes: 4 * mebibyte }, arrays)];
    expect(small.starts).toBeGreaterThan(20);
    expect(large.starts).toBeLessThanOrEqual(small.starts / 10);
  });

  test('more heap: a longer interval, slightly longer pauses, fewer cycles', () => {
    const [half, one, two] = [
      played({ heapBytes: gibibyte / 2 }),
      base(),
      played({ heapBytes: 2 * gibibyte }),
    ];
    expect(one.interval).toBeGreaterThan(half.interval);
    expect(two.interval).toBeGreaterThan(one.interval);
    expect(two.p50).toBeGreaterThan(one.p50);
    expect(half.starts).toBeGreaterThan(one.starts);
    expect(one.starts).toBeGreaterThanOrEqual(two.starts);
  });

  test('more parallel threads on as many CPUs: a shorter p50 and p99', () => {
    const [two, four, eight] = [2, 4, 8].map((cpus) => played({ cpus }));
    expect(four!.p50).toBeLessThan(two!.p50);
    expect(eight!.p50).toBeLessThan(four!.p50);
    expect(eight!.p99).toBeLessThan(two!.p99);
  });

  test('more parallel threads than CPUs gain nothing', () => {
    expect(played({ parallelThreads: 8 }).p50).toBeGreaterThan(played({ parallelThreads: 2 }).p50 * 0.95);
  });

  test('a lower static IHOP: more cycles, and a longer time between failures', () => {
    const tight = { live: 400, old: 0.05 };
    const [low, high] = [30, 70].map((ihopPercent) => played({ ihopPercent, adaptiveIhop: false }, tight));
    expect(low!.starts).toBeGreaterThan(high!.starts);
    expect(low!.failures).toBeLessThanOrEqual(high!.failures);
  });

  test('a larger mixed count target: shorter mixed collections, and a longer series of them', () => {
    const goal = { pauseGoalMillis: 20 };
    const program = { live: 400, old: 0.05 };
    const [few, many] = [2, 16].map((mixedCountTarget) => played({ ...goal, mixedCountTarget }, program));
    expect(many!.mixedMillis).toBeLessThan(few!.mixedMillis);
    expect(many!.mixedPerCycle).toBeGreaterThan(few!.mixedPerCycle);
  });

  test('a larger live set: shorter intervals, more cycles, a larger share of time in pauses', () => {
    const all = [200, 400, 550, 700].map((live) => played({}, { live }));
    for (let i = 1; i < all.length; i += 1) {
      expect(all[i]!.interval).toBeLessThan(all[i - 1]!.interval);
      expect(all[i]!.starts).toBeGreaterThanOrEqual(all[i - 1]!.starts - 1);
    }
  });
});
