import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { calibrate, calibrationText } from '../../src/evidence/gcCalibration.ts';
import { fitCosts, type PauseCosts } from '../../src/evidence/gcFit.ts';
import { type AllocatorProgram, playProgram, programDefaults } from '../../src/evidence/gcModel.ts';
import { seenJvm, seenProgram, withJvm } from '../../src/evidence/gcProgram.ts';
import { LongestStretch } from '../../src/evidence/gcStretch.ts';
import { GcLogReader, readGcLog } from '../../src/formats/gcLog.ts';
import { writeGcLog } from '../../src/formats/gcLogWriter.ts';
import type { G1Costs } from '../../src/models/jvm/costs.ts';
import { fittedCosts, recording } from '../support/g1Runs.ts';
import { numbers } from '../support/mutations.ts';

const kept = fittedCosts();
const mebibyte = 1_048_576;
const objectBytes = programDefaults.objectBytes;

/** Without the lines that only debug and trace levels write. */
const infoOnly = (text: string) =>
  text
    .split('\n')
    .filter((line) => /\[info *\]/.test(line))
    .join('\n');

const machine = fc.record({
  factor: fc.double({ min: 0.4, max: 3, noNaN: true }),
  goal: fc.constantFrom(20, 50, 200),
  rate: fc.integer({ min: 200, max: 600 }),
  live: fc.integer({ min: 60, max: 300 }),
  old: fc.double({ min: 0.005, max: 0.04, noNaN: true }),
  mid: fc.double({ min: 0.02, max: 0.15, noNaN: true }),
  seed: fc.integer({ min: 0, max: 1e6 }),
});

/** A machine that is so much slower in each of the costs of a pause. */
const slower = (factor: number): G1Costs => ({
  ...kept,
  otherMillis: kept.otherMillis * factor,
  evacuationMillis: kept.evacuationMillis * factor,
  copyMillisPerMiB: kept.copyMillisPerMiB * factor,
  scanMicrosPerCard: kept.scanMicrosPerCard * factor,
  scanMicrosPerReference: kept.scanMicrosPerReference * factor,
});

function played(
  m: { goal: number; seed: number; factor: number } & Pick<AllocatorProgram, 'rate' | 'live' | 'old' | 'mid'>,
): string {
  return writeGcLog(
    playProgram(
      { heapBytes: 1024 * mebibyte, cpus: 2, pauseGoalMillis: m.goal },
      slower(m.factor),
      // They die before the next pause: no log tells longer-lived ones from what stays.
      { ...programDefaults, midMs: 60, rate: m.rate, live: m.live, old: m.old, mid: m.mid },
      { seed: `${m.seed}`, seconds: 240 },
    ),
  );
}

describe('a log written from a simulated run and read back', () => {
  // The noise multiplies every cost and its median is not one: what a fit calls a cost is the cost times that.
  const middle = kept.noise[5]!;

  test.each([
    ['with debug phases', (text: string) => text, 0],
    // Bytes copied are told in whole regions only, and cards not at all.
    ['without', infoOnly, 0.1],
  ])('gives back the costs within their intervals, %s', (_, levels, slack) => {
    let told = 0;
    let inside = 0;
    let factors = 0;
    fc.assert(
      fc.property(machine, (m) => {
        const log = readGcLog(levels(played(m)), 'simulated');
        expect(log.problems).toEqual([]);
        const jvm = seenJvm(log);
        const whole = withJvm(log, jvm);
        const from = 5 + log.collections.find((c) => c.type === 'Full')!.startSeconds;
        const program = seenProgram(whole, from)!;
        const fitted = fitCosts(
          [{ log: whole, program: { liveMiB: program.liveMiB, longShare: program.longShare, objectBytes } }],
          kept,
        );
        expect(fitted.debugPhases).toBe(slack === 0);
        expect(fitted.pauses).toBeGreaterThan(50);
        for (const key of ['otherMillis', 'evacuationMillis', 'copyMillisPerMiB'] as (keyof PauseCosts)[]) {
          const truth = kept[key] * m.factor * middle;
          const allowed = fitted.halfWidths[key] + slack * truth;
          const off = Math.abs(fitted.costs[key] - truth);
          told += 1;
          if (off <= allowed) inside += 1;
          expect(off, `${key} ${JSON.stringify(m)}`).toBeLessThan(3 * allowed + 0.1 * truth);
        }
        if (m.factor < 0.7 || m.factor > 1.5) factors += 1;
      }),
      { numRuns: 12, seed: 29, endOnFailure: true },
    );
    // Intervals of 95 %: of 36 a few lie beside the truth.
    expect(inside / told).toBeGreaterThan(0.8);
    expect(factors).toBeGreaterThan(4);
  });

  test('gives back the program: rate, what stays, and the live set', () => {
    let cycles = 0;
    let slowly = 0;
    fc.assert(
      fc.property(machine, (m) => {
        const log = readGcLog(infoOnly(played(m)), 'simulated');
        const from = 5 + log.collections.find((c) => c.type === 'Full')!.startSeconds;
        const program = seenProgram(log, from)!;
        expect(Math.abs(program.allocatedMiBPerSecond / m.rate - 1), 'rate').toBeLessThan(0.02);
        // What is replaced while it still survives is never seen to stay.
        const seen = program.longShare / m.old;
        expect(seen, 'long').toBeLessThan(1.3);
        expect(seen, 'long').toBeGreaterThan(0.7 * (1 - program.survivorMiB / program.liveMiB));
        if (program.survivorMiB < 0.1 * program.liveMiB) slowly += 1;
        expect(Math.abs(program.liveMiB / ((m.live * 1.02e6) / mebibyte) - 1), 'live').toBeLessThan(0.05);
        if (log.collections.some((c) => c.type === 'Young (Mixed)')) cycles += 1;
      }),
      { numRuns: 12, seed: 31, endOnFailure: true },
    );
    expect(cycles).toBeGreaterThan(5);
    expect(slowly).toBeGreaterThan(3);
  });

  test('gives the same of its stretch when only what a fit needs is kept', () => {
    const text = played({ factor: 1, goal: 20, rate: 400, live: 200, old: 0.02, mid: 0.1, seed: 5 });
    const stretch = new LongestStretch();
    const reader = new GcLogReader('simulated', stretch.collection, stretch.phase);
    for (const line of text.split('\n')) reader.line(line);
    const { log, young } = stretch.log(reader.end());
    const whole = readGcLog(text, 'simulated');
    expect(young).toBe(whole.collections.filter((c) => c.type.startsWith('Young')).length);
    expect(log.phases).toEqual(whole.phases);
    const needed = (c: (typeof whole.collections)[number]) => {
      const {
        evacuateMillis,
        mergeMillis,
        postMillis,
        desiredSurvivorBytes,
        tenuringThreshold,
        cpuSeconds,
        ...rest
      } = c;
      return { ...rest, ...(rest.ageBytes === undefined ? {} : { ageBytes: rest.ageBytes.slice(0, 1) }) };
    };
    expect(log.collections).toEqual(whole.collections.map(needed));
  });
});

describe('a stretch', () => {
  test('is the one with the most young pauses, with its own JVM, and its latest when there are more than can be kept', () => {
    const stretch = new LongestStretch();
    const [pauses, most] = [45_000, 20_000];
    const collection = (of: number, number: number) =>
      stretch.collection({
        number,
        type: 'Young (Normal)',
        cause: 'G1 Evacuation Pause',
        stretch: of,
        startSeconds: number,
        millis: 1,
        usedMiB: [2, 1, 8],
        toSpaceExhausted: false,
        line: number,
      });
    for (let i = 0; i < 10; i += 1) collection(0, i);
    for (let i = 0; i < pauses; i += 1) collection(1, i);
    for (let i = 0; i < 20; i += 1) collection(2, i);
    const stretches = [{ cpus: 1 }, { cpus: 2 }, { cpus: 3 }];
    const empty = { jvm: {}, collections: [], phases: [], lines: 0, otherLines: 0, problems: [] };
    const { log, young } = stretch.log({ ...empty, stretches });
    expect(young).toBe(pauses);
    expect(log.jvm).toEqual({ cpus: 2 });
    expect(log.collections.map((c) => c.number)).toEqual(
      Array.from({ length: most }, (_, i) => pauses - most + i),
    );
  });
});

describe('a damaged log', () => {
  test('is calibrated, or refused with words; costs stay numbers that a platform file may hold', () => {
    const lines = infoOnly(recording('a-base')).split('\n');
    let good = 0;
    let refused = 0;
    for (let seed = 0; seed < 120; seed += 1) {
      const draw = numbers(seed);
      const damaged = [...lines];
      const below = (n: number) => Math.min(n - 1, Math.floor(draw() * n));
      for (let left = 1 + below(seed % 3 === 0 ? 400 : 30); left > 0; left -= 1) {
        const i = below(damaged.length);
        const number = ['0', '1', '99999', '0.000', '4000000000', '7'][below(6)]!;
        if (draw() < 0.3) damaged.splice(i, 1 + below(40));
        else damaged[i] = (damaged[i] ?? '').replace(/\d+(?:\.\d+)?(?=[^\d\]]*$)/, number);
      }
      const log = readGcLog(damaged.join('\n'), 'damaged');
      if (log.problems.some((p) => p.severity === 'problem')) continue;
      const stretch = new LongestStretch();
      log.collections.forEach(stretch.collection);
      log.phases.forEach(stretch.phase);
      const made = calibrate(stretch.log(log).log, 'damaged', { objectBytes }, kept);
      if ('problems' in made) {
        refused += 1;
        expect(made.problems[0]!.found).not.toMatch(/NaN|undefined|Infinity/);
        continue;
      }
      good += 1;
      const text = calibrationText(made.calibration, ['damaged'], 'models/fitted/g1.yaml');
      expect(text, `${seed}`).not.toMatch(/NaN|undefined|Infinity/);
      for (const [key, value] of Object.entries(made.calibration.fitted.costs))
        for (const x of [value].flat()) expect(x >= 0 && Number.isFinite(x), `${seed} ${key}`).toBe(true);
    }
    expect(good).toBeGreaterThan(40);
    expect(refused).toBeGreaterThan(10);
  }, 20_000);
});
