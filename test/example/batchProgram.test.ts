import { expect, test } from 'vitest';
import {
  fewestRecordsAbove,
  type Phase,
  type Program,
  peakOf,
  planPhases,
  segmentsOf,
} from '../../src/models/batch/program.ts';

const minute = 60e6;
const phase = (name: string, more: Partial<Phase> = {}): Phase => ({
  name,
  durationFixedMicros: 10 * minute,
  durationPerRecordMicros: 0,
  memoryFixedBytes: 100,
  memoryPerRecordBytes: 1,
  plateauShare: 0,
  peakShare: 1,
  residualShare: 1,
  chunks: undefined,
  cpuCores: 1,
  ...more,
});
const program = (phases: readonly Phase[], more: Partial<Program> = {}): Program => ({
  name: 'p',
  phases,
  durationSigma: 0,
  memorySigma: 0,
  correlation: 0.7,
  checkpoint: undefined,
  ...more,
});
const plain = () => ({ memory: 0, duration: 0 });
/** Lines as `does minutes from -> to @ share`. */
const lines = (p: Program, records: number, from = 0) =>
  segmentsOf(p, planPhases(p, records, plain), records, 10, from).map(
    (s) => `${s.does} ${s.micros / minute} min ${s.fromBytes} -> ${s.toBytes} @ ${s.doneAfter}`,
  );

test('a phase goes from where the one before left it to its own peak, and gives back what is temporary', () => {
  const p = program([phase('a'), phase('b', { memoryFixedBytes: 900, peakShare: 0.5, residualShare: 0.4 })]);
  expect(planPhases(p, 100, plain).map((x) => x.peakBytes)).toEqual([200, 1000]);
  expect(peakOf(planPhases(p, 100, plain))).toBe(1000);
  expect(lines(p, 100)).toEqual([
    'work 10 min 10 -> 200 @ 0.5',
    'work 5 min 200 -> 1000 @ 0.75',
    'work 5 min 1000 -> 400 @ 1',
  ]);
});

test('the fewest records above a limit are those of the phase that gets there first', () => {
  const p = program([phase('a'), phase('b', { memoryFixedBytes: 50, memoryPerRecordBytes: 3 })]);
  expect([fewestRecordsAbove(p, 349), fewestRecordsAbove(p, 350), fewestRecordsAbove(p, 10)]).toEqual([
    100, 101, 0,
  ]);
  for (const bytes of [349, 350, 1000]) {
    const fewest = fewestRecordsAbove(p, bytes);
    expect(peakOf(planPhases(p, fewest, plain))).toBeGreaterThan(bytes);
    expect(peakOf(planPhases(p, fewest - 1, plain))).toBeLessThanOrEqual(bytes);
  }
});

test('a phase in chunks has the peak of a part and what parts leave, and takes longer', () => {
  const load = phase('load', { memoryFixedBytes: 200, memoryPerRecordBytes: 0 });
  const merge = (chunks: Phase['chunks']) =>
    phase('merge', { memoryFixedBytes: 1000, memoryPerRecordBytes: 0, chunks });
  const peaks = (chunks: Phase['chunks']) =>
    planPhases(program([load, merge(chunks)]), 1, plain).map((x) => x.peakBytes);
  expect(peaks(undefined)).toEqual([200, 1000]);
  // 800 are added: a fourth at a time.
  expect(peaks({ count: 4, keptShare: 0, durationFactor: 1.2 })).toEqual([200, 400]);
  // Half of each part stays: 400, and a fourth of the other half.
  expect(peaks({ count: 4, keptShare: 0.5, durationFactor: 1.2 })).toEqual([200, 700]);
  expect(peaks({ count: 4, keptShare: 1, durationFactor: 1.2 })).toEqual([200, 1000]);
  const [, slower] = planPhases(
    program([load, merge({ count: 4, keptShare: 0, durationFactor: 1.2 })]),
    1,
    plain,
  );
  expect(slower!.micros).toBe(12 * minute);
});

const saving = (onNotice: boolean) =>
  program([phase('a'), phase('b', { memoryFixedBytes: 300 })], {
    checkpoint: { everyRecords: 25, costMicros: minute, reloadMicros: 2 * minute, onNotice },
  });

test('a checkpoint stands after so many records, at the memory of that moment, and not at the end', () => {
  expect(lines(saving(false), 100)).toEqual([
    'work 5 min 10 -> 105 @ 0.25',
    'checkpoint 1 min 105 -> 105 @ 0.25',
    'work 5 min 105 -> 200 @ 0.5',
    'checkpoint 1 min 200 -> 200 @ 0.5',
    'work 5 min 200 -> 300 @ 0.75',
    'checkpoint 1 min 300 -> 300 @ 0.75',
    'work 5 min 300 -> 400 @ 1',
  ]);
});

test('a run that goes on from a checkpoint loads what was saved and does the rest', () => {
  expect(lines(saving(false), 100, 0.5)).toEqual([
    'reload 2 min 10 -> 200 @ 0.5',
    'work 5 min 200 -> 300 @ 0.75',
    'checkpoint 1 min 300 -> 300 @ 0.75',
    'work 5 min 300 -> 400 @ 1',
  ]);
  // Saved between two checkpoints, as at SIGTERM.
  expect(lines(saving(true), 100, 0.6)).toEqual([
    'reload 2 min 10 -> 240 @ 0.6',
    'work 3 min 240 -> 300 @ 0.75',
    'checkpoint 1 min 300 -> 300 @ 0.75',
    'work 5 min 300 -> 400 @ 1',
  ]);
});
