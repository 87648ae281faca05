import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import { fitCosts } from '../../src/evidence/gcFit.ts';
import { type AllocatorProgram, playProgram, programDefaults } from '../../src/evidence/gcModel.ts';
import { quantile } from '../../src/experiment/statistics.ts';
import { readGcLog } from '../../src/formats/gcLog.ts';
import { writeGcLog } from '../../src/formats/gcLogWriter.ts';
import { type G1Flags, parallelThreads, regionBytes } from '../../src/models/jvm/flags.ts';
import { type Allocation, type Collection, G1, type G1Kinds } from '../../src/models/jvm/g1.ts';
import { Jvms } from '../../src/models/jvm/jvms.ts';
import { pageCacheBytes } from '../../src/models/jvm/memory.ts';
import { Survival } from '../../src/models/jvm/survival.ts';
import { fittedCosts } from '../support/g1Runs.ts';

const costs = fittedCosts();
const mebibyte = 1_048_576;

const flags = fc.record({
  heapBytes: fc.integer({ min: 64, max: 4096 }).map((m) => m * mebibyte),
  cpus: fc.integer({ min: 1, max: 16 }),
  pauseGoalMillis: fc.integer({ min: 1, max: 500 }),
  reservePercent: fc.integer({ min: 0, max: 40 }),
  ihopPercent: fc.integer({ min: 0, max: 100 }),
  adaptiveIhop: fc.boolean(),
  mixedCountTarget: fc.integer({ min: 1, max: 20 }),
  release: fc.integer({ min: 11, max: 21 }),
});

const program = (heapBytes: number): fc.Arbitrary<AllocatorProgram> =>
  fc.record({
    rate: fc.integer({ min: 1, max: 1500 }),
    live: fc.double({ min: 0.01, max: 0.95, noNaN: true }).map((share) => (share * heapBytes) / 1e6),
    mid: fc.double({ min: 0, max: 0.5, noNaN: true }),
    midMs: fc.integer({ min: 1, max: 2000 }),
    old: fc.double({ min: 0, max: 0.1, noNaN: true }),
    hum: fc.constantFrom(0, 0, 5, 40),
    humKB: fc.integer({ min: 64, max: 4096 }),
    humMs: fc.constantFrom(0, 100, 2000),
    objectBytes: fc.integer({ min: 32, max: 4096 }),
  });

const run = fc
  .record({ flags, seed: fc.integer({ min: 0, max: 1e6 }) })
  .chain((r) => program(r.flags.heapBytes).map((p) => ({ ...r, program: p })));

const kinds = (sim: Simulation, list: G1[]): G1Kinds => ({
  edenFull: sim.on('edenFull', (i) => list[i]!.onEdenFull()),
  cycleStep: sim.on('cycleStep', (i) => list[i]!.onCycleStep()),
  humongous: sim.on('humongous', (i) => list[i]!.onHumongous()),
});

function steady(over: Partial<Allocation> = {}): Allocation {
  return {
    bytesPerSecond: 400 * mebibyte,
    mediumShare: 0.1,
    mediumMicros: 300_000,
    longShare: 0.02,
    liveBytes: 200e6,
    growing: false,
    objectBytes: 550,
    humongousPerSecond: 0,
    humongousBytes: 0,
    humongousMicros: 0,
    threads: 1,
    ...over,
  };
}

describe('one heap', () => {
  test('humongous objects live as long as they are said to: by Little, so many are left by a pause', () => {
    const program = { ...programDefaults, rate: 200, live: 100, hum: 10, humKB: 1024 };
    const left = (humMs: number) =>
      playProgram(
        { heapBytes: 1024 * mebibyte, cpus: 2 },
        costs,
        { ...program, humMs },
        { seed: '1', seconds: 30 },
      )
        .collections.filter((c) => c.humongous !== undefined && c.startSeconds > 5)
        .map((c) => c.humongous![1]);
    expect(new Set(left(0))).toEqual(new Set([0]));
    // Ten a second for half a second; an array of a region and its header takes two.
    expect(new Set(left(500))).toEqual(new Set([10]));
  });

  test('regions are conserved, a collection never leaves more in use, and time goes on, whatever the options and the program', () => {
    const seen = new Map<string, number>();
    const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
    fc.assert(
      fc.property(run, ({ flags: f, program: p, seed }) => {
        const log = playProgram(f, costs, p, { seed: `${seed}`, seconds: 6 });
        const regions = Math.floor(f.heapBytes / log.jvm.regionBytes!);
        let end = 0;
        for (const c of log.collections) {
          count(c.type);
          if (c.toSpaceExhausted) count('to-space exhausted');
          if (c.cause === 'G1 Preventive Collection') count('preventive');
          if (c.cause === 'G1 Humongous Allocation') count('humongous');
          // But for what copying loses in buffers where nothing has died, as in the recordings: 51M->52M.
          expect(c.usedMiB[1]).toBeLessThanOrEqual(c.usedMiB[0] * 1.002 + 1);
          if (c.usedMiB[1] < c.usedMiB[0]) count('less in use');
          expect(c.usedMiB[0]).toBeLessThanOrEqual(Math.ceil(c.usedMiB[2]));
          expect(c.millis).toBeGreaterThan(0);
          expect(c.startSeconds).toBeGreaterThanOrEqual(Math.min(end, c.startSeconds));
          if (c.eden === undefined || c.old === undefined) continue;
          const before = c.eden[0] + c.survivors![0] + c.old[0] + c.humongous![0];
          const after = c.survivors![1] + c.old[1] + c.humongous![1];
          expect(before, JSON.stringify([f, p, seed, c])).toBeLessThanOrEqual(regions + 1);
          expect(after).toBeLessThanOrEqual(regions);
          for (const x of [...c.eden, ...c.survivors!, ...c.old, ...c.humongous!]) {
            expect(x).toBeGreaterThanOrEqual(0);
            expect(Number.isInteger(x)).toBe(true);
          }
          end = c.startSeconds + c.millis / 1000;
        }
      }),
      { numRuns: 120, seed: 17, endOnFailure: true },
    );
    for (const what of [
      'Young (Normal)',
      'Young (Concurrent Start)',
      'Young (Prepare Mixed)',
      'Young (Mixed)',
      'Full',
      'Remark',
      'to-space exhausted',
      'preventive',
      'humongous',
      'less in use',
    ])
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
  });

  test('a run equals itself, and equals one that is stepped', () => {
    const trace = (steps: number) => {
      const sim = new Simulation({ seed: '7' });
      const list: G1[] = [];
      const told: Collection[] = [];
      list.push(
        new G1(
          sim,
          0,
          'jvm',
          {
            heapBytes: 1024 * mebibyte,
            cpus: 2,
            pauseGoalMillis: 20,
            reservePercent: 10,
            ihopPercent: 30,
            adaptiveIhop: true,
            mixedCountTarget: 8,
            release: 17,
          },
          costs,
          steady(),
          kinds(sim, list),
          { paused: () => {}, collected: (_, c) => told.push(c) },
        ),
      );
      for (let i = 1; i <= steps; i += 1) sim.run((30e6 * i) / steps);
      return { told, print: sim.fingerprint() };
    };
    const [one, other, stepped] = [trace(1), trace(1), trace(300)];
    expect(one.told.length).toBeGreaterThan(50);
    expect(other).toEqual(one);
    expect(stepped).toEqual(one);
  });

  test('a process that ended does nothing more, and one that is held allocates nothing meanwhile', () => {
    const sim = new Simulation({ seed: '7' });
    const list: G1[] = [];
    let pauses = 0;
    const jvm = new G1(
      sim,
      0,
      'jvm',
      {
        heapBytes: 1024 * mebibyte,
        cpus: 2,
        pauseGoalMillis: 200,
        reservePercent: 10,
        ihopPercent: 45,
        adaptiveIhop: true,
        mixedCountTarget: 8,
        release: 17,
      },
      costs,
      steady(),
      kinds(sim, list),
      {
        paused: () => {
          pauses += 1;
        },
      },
    );
    list.push(jvm);
    sim.run(500_000);
    const earlier = pauses;
    jvm.hold(5_000_000);
    const before = jvm.allocatedBytes;
    expect(before).toBeGreaterThan(150e6);
    sim.run(5_400_000);
    jvm.setLoad(steady());
    expect(jvm.allocatedBytes).toBe(before);
    expect(pauses).toBe(earlier + 1);
    sim.run(10e6);
    expect(pauses).toBeGreaterThan(earlier + 3);
    jvm.end();
    const at = pauses;
    sim.run(60e6);
    expect(pauses).toBe(at);
    expect(sim.pendingCount).toBe(0);
  });

  test('what was not allocated in a pause is caught up afterwards: bytes follow the rate', () => {
    const log = playProgram(
      { heapBytes: 1024 * mebibyte, cpus: 2 },
      costs,
      { ...programDefaults, rate: 400, live: 200 },
      { seed: '1', seconds: 60 },
    );
    const young = log.collections.filter((c) => c.eden !== undefined && c.type !== 'Full').slice(20);
    const eden = young.slice(1).reduce((sum, c) => sum + c.eden![0], 0);
    const seconds = young.at(-1)!.startSeconds - young[0]!.startSeconds;
    expect(eden / seconds / 400).toBeGreaterThan(0.98);
    expect(eden / seconds / 400).toBeLessThan(1.02);
  });
});

describe('a log of a simulated run', () => {
  const played = () =>
    playProgram(
      { heapBytes: 1024 * mebibyte, cpus: 2, pauseGoalMillis: 50 },
      costs,
      { ...programDefaults, rate: 400, live: 200 },
      { seed: '3', seconds: 300 },
    );

  test('is read back as it was', () => {
    const log = played();
    const read = readGcLog(writeGcLog(log), 'simulated');
    expect(read.problems).toEqual([]);
    expect(read.collections.length).toBe(log.collections.length);
    expect(read.collections.map(({ line: _, ...c }) => c)).toEqual(
      log.collections.map(({ line: _, ...c }) => c),
    );
  });

  test('fits the costs that it was played with, within their intervals', () => {
    const read = readGcLog(writeGcLog(played()), 'simulated');
    const fitted = fitCosts([
      {
        log: read,
        program: {
          liveMiB: (200e6 * 1.02) / mebibyte,
          longShare: programDefaults.old,
          objectBytes: programDefaults.objectBytes,
        },
      },
    ]);
    expect(fitted.pauses).toBeGreaterThan(200);
    // The noise multiplies every cost, and its median is not one: what the fit calls a cost is the median of cost and noise together.
    const middle = costs.noise[5]!;
    const band = 3 * fitted.halfWidth;
    expect(band).toBeLessThan(0.25);
    for (const key of ['copyMillisPerMiB', 'otherMillis', 'evacuationMillis'] as const)
      expect(Math.abs(fitted.costs[key] / (costs[key] * middle) - 1), key).toBeLessThan(Math.max(band, 0.1));
    // Scanning has two costs that trade against each other: their sum at the mean pause is what a log tells.
    const scan = (c: typeof costs) => c.scanMicrosPerCard * 3300 + c.scanMicrosPerReference * 10_000;
    expect(Math.abs(scan(fitted.costs) / (scan(costs) * middle) - 1)).toBeLessThan(Math.max(band, 0.1));
    expect(Math.abs(quantile(fitted.costs.noise, 0.5) - 1)).toBeLessThan(0.1);
    expect(Math.abs(fitted.costs.markMillisPerMiB / costs.markMillisPerMiB - 1)).toBeLessThan(0.35);
  });
});

describe('what G1 believes of survival', () => {
  const tenth = (regions: number) => 0.1 * regions;

  test('before any pause 0.4 of every region survives', () => {
    expect(new Survival().predict(10, tenth)).toBeCloseTo(4, 9);
  });

  test('an age that is new believes its first value doubled, and ages beyond it the same', () => {
    const survival = new Survival();
    survival.learn(10, tenth, true);
    const youngest = survival.predict(1, tenth);
    expect(youngest).toBeGreaterThan(0.4);
    expect(survival.predict(10, tenth)).toBeCloseTo(youngest + 9 * 0.2, 9);
    expect(survival.predict(30, tenth)).toBeCloseTo(youngest + 29 * 0.2, 9);
  });

  test('what survived whole is unlearned pause by pause, and never more than all survives', () => {
    const survival = new Survival();
    for (let i = 0; i < 8; i += 1) survival.learn(20, (n) => n, true);
    expect(survival.predict(20, tenth)).toBeCloseTo(20, 9);
    let before = 20;
    for (let i = 0; i < 30; i += 1) {
      survival.learn(20, tenth, true);
      const now = survival.predict(20, tenth);
      expect(now).toBeLessThanOrEqual(before);
      before = now;
    }
    expect(before).toBeCloseTo(2, 1);
  });

  test('no age is believed to survive more than whole, whatever the others do', () => {
    const survival = new Survival();
    const youngestDies = (n: number) => Math.max(0, n - 1);
    survival.learn(20, youngestDies, true);
    expect(survival.predict(20, youngestDies)).toBeLessThan(19.6);
    expect(survival.predict(20, youngestDies)).toBeGreaterThan(19);
  });

  test('ages beyond a pause learn its oldest one, but not while marking', () => {
    const filled = new Survival();
    const left = new Survival();
    for (const s of [filled, left]) for (let i = 0; i < 10; i += 1) s.learn(20, tenth, true);
    filled.learn(20, tenth, true);
    left.learn(20, tenth, true);
    for (let i = 0; i < 10; i += 1) {
      filled.learn(1, (n) => 0.9 * n, true);
      left.learn(1, (n) => 0.9 * n, false);
    }
    expect(filled.predict(20, tenth)).toBeGreaterThan(12);
    expect(left.predict(20, tenth)).toBeLessThan(4);
  });
});

describe('sampled pauses', () => {
  const options: G1Flags = {
    heapBytes: 6 * 1024 * mebibyte,
    cpus: 8,
    pauseGoalMillis: 20,
    reservePercent: 10,
    ihopPercent: 35,
    adaptiveIhop: true,
    mixedCountTarget: 8,
    release: 17,
  };
  const play = (sampled: boolean, load: Allocation, seconds: number) => {
    const sim = new Simulation({ seed: 'agree', record: 'all' });
    const jvms = new Jvms(
      sim,
      Array.from({ length: 20 }, (_, i) => `${i}`),
      Array.from({ length: 20 }, (_, i) => `jvm ${i}`),
      { costs, sampled },
      60e6,
      seconds * 1e6,
    );
    const pauses: number[] = [];
    jvms.optionsOf = () => options;
    jvms.loadOf = () => load;
    jvms.onPause = (_, micros) => {
      if (sim.now > 60e6) pauses.push(micros / 1000);
    };
    for (let i = 0; i < 20; i += 1) jvms.start(i);
    sim.run(seconds * 1e6);
    return {
      perSecond: pauses.length / 20 / (seconds - 60),
      share: pauses.reduce((a, b) => a + b, 0) / 1000 / 20 / (seconds - 60),
      p50: quantile(pauses, 0.5),
      p90: quantile(pauses, 0.9),
      p99: quantile(pauses, 0.99),
    };
  };

  test.each([
    [
      'a broker',
      steady({ bytesPerSecond: 600 * mebibyte, mediumShare: 0.3, mediumMicros: 5000, longShare: 0.005 }),
    ],
    ['a program with a tight heap', steady({ liveBytes: 3500e6, longShare: 0.05 })],
  ])('have the frequency and the quantiles of the exact ones: %s', (_, load) => {
    const [exact, sampled] = [play(false, load, 400), play(true, load, 400)];
    expect(exact.perSecond).toBeGreaterThan(0.05);
    for (const key of ['perSecond', 'share', 'p50', 'p90'] as const)
      expect(Math.abs(sampled[key] / exact[key] - 1), key).toBeLessThan(0.1);
    expect(Math.abs(sampled.p99 / exact.p99 - 1)).toBeLessThan(0.2);
  });

  test.each([false, true])(
    'a heap that what stays does not fit into is out of memory, sampled: %s',
    (sampled) => {
      const sim = new Simulation({ seed: 'small' });
      const jvms = new Jvms(sim, ['0'], ['jvm 0'], { costs, sampled }, 0, 60e6);
      const failed: number[] = [];
      jvms.optionsOf = () => ({ ...options, heapBytes: 64 * mebibyte });
      jvms.loadOf = () => steady({ liveBytes: 80e6 });
      jvms.onOutOfMemory = (row) => {
        failed.push(row);
        jvms.stop(row);
      };
      jvms.start(0);
      sim.run(60e6);
      expect(failed).toEqual([0]);
    },
  );

  test('follow the load: twice the rate, half the interval', () => {
    const load = steady({
      bytesPerSecond: 300 * mebibyte,
      mediumShare: 0.3,
      mediumMicros: 5000,
      longShare: 0.002,
    });
    const [one, two] = [play(true, load, 300), play(true, { ...load, bytesPerSecond: 600 * mebibyte }, 300)];
    expect(two.perSecond / one.perSecond).toBeGreaterThan(1.8);
    expect(two.perSecond / one.perSecond).toBeLessThan(2.3);
  });
});

describe('options', () => {
  test('region sizes and threads are those of the JVM', () => {
    const region = (gib: number) => regionBytes({ ...base, heapBytes: gib * 1024 * mebibyte }) / mebibyte;
    expect([1, 2, 4, 6, 8, 16, 32, 33].map(region)).toEqual([1, 1, 2, 4, 4, 8, 16, 32]);
    expect(regionBytes({ ...base, heapBytes: 1024 * mebibyte, regionBytes: 3 * mebibyte })).toBe(
      4 * mebibyte,
    );
    const threads = (cpus: number) => parallelThreads({ ...base, heapBytes: 1024 * mebibyte, cpus });
    expect([1, 2, 8, 9, 16, 72].map(threads)).toEqual([1, 2, 8, 8, 13, 48]);
  });

  test('two more GiB of heap take two GiB and what G1 keeps for them from the page cache', () => {
    const gib = 1024 * mebibyte;
    const offHeap = { fixedBytes: gib, heapShare: 0.05 };
    const less = pageCacheBytes(20 * gib, 12 * gib, offHeap) - pageCacheBytes(20 * gib, 14 * gib, offHeap);
    expect(less / gib).toBeCloseTo(2.1, 9);
    expect(pageCacheBytes(20 * gib, 31 * gib, offHeap)).toBe(0);
  });

  const base = {
    cpus: 2,
    pauseGoalMillis: 200,
    reservePercent: 10,
    ihopPercent: 45,
    adaptiveIhop: true,
    mixedCountTarget: 8,
    release: 17,
  };
});
