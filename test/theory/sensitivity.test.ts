import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { makeStream } from '../../src/engine/random.ts';
import {
  latinHypercube,
  morrisEffects,
  morrisTrajectories,
  mostDimensions,
  type SobolIndex,
  saltelli,
  sobolIndices,
  sobolPoints,
} from '../../src/experiment/sensitivity.ts';
import { command } from '../support/command.ts';

/** Ishigami and Homma (1990), a = 7, b = 0.1, over (-pi, pi), with a fourth input that nothing reads. */
const ishigami = ([u = 0, v = 0, w = 0]: readonly number[]) => {
  const [x, y, z] = [u, v, w].map((q) => Math.PI * (2 * q - 1)) as [number, number, number];
  return Math.sin(x) + 7 * Math.sin(y) * Math.sin(y) + 0.1 * z * z * z * z * Math.sin(x);
};

describe('designs', () => {
  test("every dimension of Sobol's first 2^k points has one in each of 2^k equal parts", () => {
    for (const k of [3, 6, 9]) {
      const points = sobolPoints(2 ** k, mostDimensions, makeStream('shift'));
      for (let d = 0; d < mostDimensions; d += 1)
        expect(new Set(points.map((p) => Math.floor(p[d]! * 2 ** k))).size, `dimension ${d}`).toBe(2 ** k);
    }
    // Pairs fill squares: of the first 2^8 points each of 16 x 16 squares has one, for the first two dimensions.
    const pairs = sobolPoints(256, 2, makeStream('shift'));
    expect(new Set(pairs.map((p) => Math.floor(p[0]! * 16) * 16 + Math.floor(p[1]! * 16))).size).toBe(256);
    expect(() => sobolPoints(2, mostDimensions + 1, makeStream('x'))).toThrow(RangeError);
  });

  test('every column of a Latin hypercube has one point in each part', () => {
    const points = latinHypercube(50, 6, makeStream('latin'));
    for (let d = 0; d < 6; d += 1) expect(new Set(points.map((p) => Math.floor(p[d]! * 50))).size).toBe(50);
  });

  test("Sobol's points integrate better than drawn ones", () => {
    const f = (p: readonly number[]) => p.reduce((product, x) => product * (0.5 + x), 1);
    const error = (points: readonly (readonly number[])[]) =>
      Math.abs(points.reduce((s, p) => s + f(p), 0) / points.length - 1);
    const draw = makeStream('drawn');
    const drawn = Array.from({ length: 1024 }, () => Array.from({ length: 5 }, draw));
    expect(error(sobolPoints(1024, 5, makeStream('sobol')))).toBeLessThan(error(drawn) / 4);
  });
});

describe('indices', () => {
  test('of the Ishigami function are those of its closed form, within 0.02 at N = 4,096', () => {
    const n = 4096;
    const points = saltelli(n, 4, makeStream('ishigami'));
    const found = sobolIndices(points.map(ishigami), n, 4, makeStream('bootstrap'));
    const variance = 49 / 8 + (0.1 * Math.PI ** 4) / 5 + (0.01 * Math.PI ** 8) / 18 + 0.5;
    const first = [0.5 * (1 + (0.1 * Math.PI ** 4) / 5) ** 2, 49 / 8, 0, 0].map((v) => v / variance);
    const third = (0.01 * Math.PI ** 8 * (1 / 18 - 1 / 50)) / variance;
    const total = [first[0]! + third, first[1]!, third, 0];
    found.forEach((index, i) => {
      expect(Math.abs(index.first - first[i]!), `first ${i}`).toBeLessThan(0.02);
      expect(Math.abs(index.total - total[i]!), `total ${i}`).toBeLessThan(0.02);
      expect(index.firstInterval[0]).toBeLessThanOrEqual(index.first);
      expect(index.firstInterval[1]).toBeGreaterThanOrEqual(index.first);
    });
    // What nothing reads comes last, and its interval holds 0.
    const last = [...found].sort((a, b) => a.total - b.total)[0]!;
    expect(last).toBe(found[3]);
    expect(last.totalInterval[0]).toBeLessThanOrEqual(0);
    expect(last.totalInterval[1]).toBeGreaterThanOrEqual(0);
  });

  test("Morris's effects order the inputs of a linear function by its slopes", () => {
    const f = (p: readonly number[]) => 5 * p[0]! - 2 * p[1]! + 0 * p[2]!;
    const points = morrisTrajectories(20, 3, makeStream('morris'));
    expect(points).toHaveLength(80);
    const found = morrisEffects(points, points.map(f), 3);
    expect(found.map((e) => Number(e.muStar.toFixed(9)))).toEqual([5, 2, 0]);
    expect(Math.max(...found.map((e) => e.sigma))).toBeLessThan(1e-9);
  });
});

describe('a scenario whose drivers are known', () => {
  const path = 'scenarios/planning/ishigami.yaml';
  const limitOf = (name: string) =>
    `kubernetes.workloads.inputs.template.containers.${name}.resources.limits.memory`;

  test('gives the function at every point of a sweep', async () => {
    const out = join(mkdtempSync(join(tmpdir(), 'ishigami-')), 'out');
    const vary = ['x', 'y', 'z'].map((name) => `${limitOf(name)}=1GiB..2GiB`);
    const args = ['--design', 'sobol:64', '--of', 'the function', '--workers', '1', '--out', out];
    const { code } = await command(['sweep', path, '--vary', ...vary, ...args]);
    expect(code).toBe(0);
    const rows = tableFromIPC(readFileSync(join(out, 'runs.arrow'))).toArray();
    expect(rows.length).toBe(64);
    for (const row of rows) {
      const point = ['x', 'y', 'z'].map((name) => Number.parseFloat(row[limitOf(name)]) - 1);
      expect(row['expectation/the function']).toBeCloseTo(ishigami(point), 6);
    }
  });

  test('ranks them as the closed form does, and what nothing reads last', async () => {
    const out = join(mkdtempSync(join(tmpdir(), 'ishigami-')), 'out');
    const args = ['--of', 'the function', '--points', '256', '--workers', '2', '--out', out];
    expect((await command(['sensitivity', path, ...args])).code).toBe(0);
    const { indices } = JSON.parse(readFileSync(join(out, 'answer.json'), 'utf8')).data as {
      indices: (SobolIndex & { name: string })[];
    };
    const index = (name: string) => indices.find((i) => i.name === limitOf(name))!;
    const truths = { x: [0.3139, 0.5576], y: [0.4424, 0.4424], z: [0, 0.2437] } as const;
    for (const [name, [first, total]] of Object.entries(truths)) {
      const { first: a, total: b } = index(name);
      expect(Math.abs(a - first), name).toBeLessThan(0.1);
      expect(Math.abs(b - total), name).toBeLessThan(0.1);
    }
    const last = indices.at(-1)!;
    expect([limitOf('unread'), 'chance']).toContain(last.name);
    expect(index('unread').totalInterval[0]).toBeLessThanOrEqual(0);
    expect(index('unread').totalInterval[1]).toBeGreaterThanOrEqual(0);
  }, 60_000);
});
