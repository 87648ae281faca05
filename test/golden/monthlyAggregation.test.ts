import { expect, test } from 'vitest';
import { fitDescribedMemory } from '../../src/evidence/batchFit.ts';
import type { Program } from '../../src/models/batch/program.ts';
import { fewestRecordsAbove } from '../../src/models/batch/program.ts';
import { jobsOf } from '../../src/scenario/parts/batch.ts';
import { reader, run, scenarioOf } from '../support/files.ts';

const file = 'scenarios/reference-day/monthly-aggregation.yaml';
const GiB = 1_073_741_824;

function programOf(path: string): Program {
  const settings = scenarioOf(path).settings(() => 0.5);
  return jobsOf(settings.batch as Parameters<typeof jobsOf>[0])[0]!.program;
}

/** The program as it would be fitted with another daily peak: the same memory at 2.1 M records, another fixed part. */
function withDailyPeak(program: Program, peakBytes: number): Program {
  const atMonth = (p: Program['phases'][number]) => p.memoryFixedBytes + p.memoryPerRecordBytes * 2_100_000;
  const most = Math.max(...program.phases.map(atMonth));
  const slope = (most - peakBytes) / (2_100_000 - 70_000);
  const fixed = most - slope * 2_100_000;
  return {
    ...program,
    phases: program.phases.map((p) => ({
      ...p,
      memoryFixedBytes: fixed,
      memoryPerRecordBytes: (atMonth(p) - fixed) / 2_100_000,
    })),
  };
}

test('the night of the reference day: killed in the merge by its own limit, restarted at once, done on another node', () => {
  const result = run(file);
  expect(result.verdict).toBe('pass');
  const told = result.told.filter((e) => e.kind === 'kubernetes.oomKilled');
  expect(told.map((e) => e.detail)).toEqual(['its limit, exit code 137']);
  expect(result.told.filter((e) => e.kind === 'batch.ended')[0]?.detail).toMatch(/^OOMKilled in merge/);
  expect(result.told.some((e) => e.kind === 'kubernetes.backOff')).toBe(false);
  const placed = result.told.filter((e) => e.kind === 'kubernetes.scheduled');
  expect(placed.map((e) => e.detail)).toEqual(['ip-10-42-20-103']);
  for (const fact of result.observed.filter((o) => o.role === 'predict' || o.role === 'derived'))
    expect(fact.ok, fact.name).toBe(true);
});

test('without noise the fewest records that are killed under 8 GiB are 2.02 to 2.04 M, for daily peaks of 3 to 2 GiB', () => {
  const program = programOf(file);
  const fewest = [3, 2.5, 2].map((gib) => fewestRecordsAbove(withDailyPeak(program, gib * GiB), 8 * GiB));
  expect(fewest[1]).toBeCloseTo(fewestRecordsAbove(program, 8 * GiB), -3);
  expect(fewest[0]).toBeGreaterThan(2.015e6);
  expect(fewest[2]).toBeLessThan(2.04e6);
  expect(fewest[0]!).toBeLessThan(fewest[2]!);
});

test('left alone the job is killed about every 12 minutes and never waits in back-off', () => {
  const result = run('scenarios/what-if/bases/night.yaml');
  const kills = result.told.filter((e) => e.kind === 'kubernetes.oomKilled').map((e) => e.time / 60e6);
  expect(kills.length).toBeGreaterThanOrEqual(5);
  for (let i = 1; i < kills.length; i += 1) expect(kills[i]! - kills[i - 1]!).toBeCloseTo(12.06, 1);
  expect(result.told.some((e) => e.kind === 'kubernetes.backOff')).toBe(false);
});

test('started beside the entrypoint the run is lost with its container', () => {
  const result = run('scenarios/what-if/started-by-exec.yaml');
  expect(result.told.filter((e) => e.kind === 'batch.lost').length).toBe(1);
  expect(result.told.filter((e) => e.kind === 'kubernetes.oomKilled').length).toBe(1);
});

test('a new fit of its memory gives the bytes that are committed', () => {
  const made = fitDescribedMemory('models/fitted/batch.fit.yaml', reader());
  expect(made.text).toBe(reader()(made.file));
});
