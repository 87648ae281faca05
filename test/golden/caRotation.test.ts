import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { rolloverCurves } from '../../src/evidence/rolloverCurves.ts';
import { fitDescribedRollover, lognormalOfMeans } from '../../src/evidence/rolloverFit.ts';
import { reader, root, run } from '../support/files.ts';

const path = 'scenarios/reference-day/ca-rotation.yaml';
const description = 'models/fitted/mesh.fit.yaml';

interface Fact {
  name: string;
  role: string;
  value: string | number;
}

describe('the rotation of the intermediate on the reference day', () => {
  const result = run(path, { seeds: 100 });
  const observed = (name: string) => result.observed.find((o) => o.name === name)!;

  test('ends well, with its five predictions in their bands', () => {
    expect(result.verdict).toBe('pass');
    const predicted = result.observed.filter((o) => o.role === 'predict');
    expect(predicted.map((o) => [o.name, o.ok])).toEqual([
      ['rolled at 10:40', true],
      ['rolled at 10:50', true],
      ['rolled at 11:00', true],
      ['connections dropped', true],
      ['handshakes refused', true],
    ]);
    // What the ledger says that a burst and a constant pace give, and a few natural renewals beside them.
    expect(observed('rolled at 10:40').predicted).toBeGreaterThanOrEqual(251);
    expect(observed('rolled at 10:40').predicted).toBeLessThanOrEqual(254);
    expect(observed('rolled at 10:50').predicted).toBe(412);
  });

  test('has the CPU of the log beside it, and uses it nowhere', () => {
    const cpu = observed('CPU of the first istiod in the rotation');
    expect(cpu.role).toBe('compare');
    expect(cpu.predicted).toBeLessThan(0.21);
  });

  test('without the staging 9 to 17 sidecars renew in 29 minutes, by 2 h of grace and by half life', () => {
    const data = parse(reader()(path)!);
    const natural = (grace: string | null) => {
      const { observed: _, timeline, ...rest } = data;
      const given = {
        ...rest,
        platform: '../../models/platforms/reference-mesh.yaml',
        mesh: { agents: { grace } },
        timeline: timeline.filter((e: { id: string }) => e.id !== 'rollover'),
        expect: [],
        observed: [
          {
            name: 'n',
            that: 'sum(rehearse:mesh_certificates_rolled offset 5m)',
            value: 412,
            role: 'compare',
            source: 's',
          },
        ],
      };
      return run(path, { seeds: 100 }, { [path]: stringify(given) }).observed[0]!;
    };
    const slow = natural('2h');
    const fast = natural(null);
    // Poisson: 412 x 28.9 min / 22 h and / 12 h.
    expect(slow.predicted).toBeGreaterThan(7);
    expect(slow.predicted).toBeLessThan(11);
    expect(fast.predicted).toBeGreaterThan(14);
    expect(fast.predicted).toBeLessThan(19);
  });
});

describe('the fit of the rollover', () => {
  test('gives the bytes that are committed', () => {
    const made = fitDescribedRollover(description, reader());
    expect(made.text).toBe(readFileSync(root + made.file, 'utf8'));
    expect(made.burst).toBe(27);
    expect(made.perSecond).toBeCloseTo(76 / 180, 12);
  });

  test('does not move with what is predicted or compared, and does with what it is fitted on', () => {
    const data = parse(reader()(path)!) as { observed: Fact[] };
    const scaled = (roles: readonly string[]) => ({
      [path]: stringify({
        ...data,
        observed: data.observed.map((o) =>
          roles.includes(o.role) && typeof o.value === 'number' ? { ...o, value: o.value * 1.37 } : o,
        ),
      }),
    });
    const before = fitDescribedRollover(description, reader());
    const compared = fitDescribedRollover(description, reader(scaled(['predict', 'compare'])));
    expect(compared.text).toBe(before.text);
    expect(fitDescribedRollover(description, reader(scaled(['fit']))).text).not.toBe(before.text);
  });

  test('four families through the same two counts, of which the linear one is played', () => {
    const { curves, later } = fitDescribedRollover(description, reader());
    expect(curves.map((c) => c.name)).toEqual(['linear', 'exponential', 'Weibull', 'lognormal']);
    for (const c of curves) {
      expect(c.at(50)).toBeCloseTo(48, 4);
      expect(c.at(230)).toBeCloseTo(124, 4);
    }
    expect(later.map((l) => curves.map((c) => Math.round(c.at(l.seconds))))).toEqual([
      [251, 217, 195, 181],
      [412, 323, 273, 235],
      [412, 371, 316, 265],
    ]);
    expect(() => rolloverCurves({ seconds: 50, done: 48 }, { seconds: 40, done: 124 }, 412)).toThrow(
      RangeError,
    );
    expect(() => rolloverCurves({ seconds: 50, done: 48 }, { seconds: 230, done: 412 }, 412)).toThrow(
      RangeError,
    );
  });

  test('a spread from means of groups: two groups of 100 that are two standard errors apart', () => {
    // Means 1 and 1.2 of 100 each: 100 x 0.1^2 x 2 = 2 over one degree of freedom: a variance of 2.
    const found = lognormalOfMeans(1.1, [
      { size: 100, mean: 1 },
      { size: 100, mean: 1.2 },
    ]);
    const sigma = Math.sqrt(Math.log1p(2 / 1.21));
    expect(found.medianSeconds).toBeCloseTo(1.1 * Math.exp((-sigma * sigma) / 2), 12);
    expect(found.p95Seconds / found.medianSeconds).toBeCloseTo(Math.exp(1.6448536269514722 * sigma), 12);
    expect(() => lognormalOfMeans(1, [{ size: 1, mean: 1 }])).toThrow(RangeError);
  });
});
