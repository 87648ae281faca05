import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDesign, pointsOf } from '../../src/experiment/sweep.ts';
import { parseFactor } from '../../src/experiment/variations.ts';
import { command } from '../support/command.ts';

test('a design has one point in each of as many equal parts of every range, in the unit of the range', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('sobol', 'latin-hypercube'),
      fc.integer({ min: 1, max: 7 }),
      fc.array(
        fc.tuple(
          fc.integer({ min: -50, max: 50 }),
          fc.integer({ min: 1, max: 100 }),
          fc.constantFrom('', 'GiB', '%', 's'),
        ),
        { minLength: 1, maxLength: 6 },
      ),
      fc.string(),
      (kind, power, ranges, seed) => {
        const count = kind === 'sobol' ? 1 << power : power + 2;
        const factors = ranges.map(([low, width, unit], i) =>
          parseFactor(`a.b${i}=${low}${unit}..${low + width}${unit}`),
        );
        const points = pointsOf(factors, parseDesign(`${kind}:${count}`), seed);
        expect(points.length).toBe(count);
        ranges.forEach(([low, width, unit], d) => {
          const parts = points.map((p) => {
            const text = String(p[d]);
            expect(text.endsWith(unit)).toBe(true);
            return Math.min(count - 1, Math.floor(((Number.parseFloat(text) - low) / width) * count + 1e-7));
          });
          expect(new Set(parts).size).toBe(count);
        });
        // No two settings go together.
        const shares = ranges.map(([low, width], d) =>
          points.map((p) => (Number.parseFloat(String(p[d])) - low) / width),
        );
        if (count >= 16)
          for (let d = 1; d < shares.length; d += 1)
            expect(shares[d]!.some((x, i) => Math.abs(x - shares[0]![i]!) > 0.1)).toBe(true);
        expect(pointsOf(factors, parseDesign(`${kind}:${count}`), seed)).toEqual(points);
      },
    ),
    { numRuns: 200 },
  );
});

test('shards of a design, merged in another order, are the design that was played at once', async () => {
  const [whole, parts, merged] = ['w', 'p', 'm'].map((name) =>
    join(mkdtempSync(join(tmpdir(), 'design-')), name),
  );
  const asked = [
    'sweep',
    'scenarios/planning/oom-limit.yaml',
    '--vary',
    'batch.programs.order-aggregation.memoryNoise=1%..15%',
    '--design',
    'latin-hypercube:6',
    '--replications',
    '2',
  ];
  expect((await command([...asked, '--out', whole!])).code).toBe(0);
  for (const shard of ['2/2', '1/2'])
    expect((await command([...asked, '--shard', shard, '--out', parts!])).code).toBe(0);
  expect((await command(['merge', parts!, '--out', merged!])).code).toBe(0);
  for (const file of ['answer.json', 'runs.arrow', 'report.html'])
    expect(readFileSync(join(merged!, file))).toEqual(readFileSync(join(whole!, file)));
});

test.each([
  ['sobol', 'is no design'],
  ['sobol:1', 'is no design'],
  ['halton:8', 'is no design'],
])('--design %s is told', async (text, says) => {
  const { code, err } = await command([
    'sweep',
    'scenarios/planning/oom-limit.yaml',
    '--vary',
    'batch.programs.order-aggregation.memoryNoise=1%..15%',
    '--design',
    text,
  ]);
  expect([code, err]).toEqual([2, expect.stringContaining(says)]);
});

test('a setting without a range has no design', async () => {
  const { code, err } = await command([
    'sweep',
    'scenarios/reference-day/ca-rotation.yaml',
    '--vary',
    'mesh.agents.grace=2h',
    '--design',
    'sobol:8',
  ]);
  expect([code, err]).toEqual([2, expect.stringContaining('has no range')]);
});
