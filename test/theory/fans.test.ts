import { expect, test } from 'vitest';
import { fanOf, fansOf } from '../../src/experiment/fans.ts';
import { summarise } from '../../src/experiment/replicated.ts';
import { playReplications } from '../../src/experiment/replication.ts';
import { quantile } from '../../src/experiment/statistics.ts';
import { exactValue } from '../../src/promql/exact.ts';
import { charts } from '../../src/report/charts.ts';
import { run, scenarioOf } from '../support/files.ts';

const path = 'scenarios/planning/rotation-inputs.yaml';
const title = 'Sidecars with a certificate of the wanted signer';

test('a fan has at each moment the quantiles of what the runs have there', () => {
  const scenario = scenarioOf(path);
  const rows = playReplications(scenario, '1', 0, 24, { everything: true, fans: true });
  const { fans } = summarise(scenario, rows, 1, false);
  // Nothing else that is drawn so differs in any two runs.
  expect(fans.map((f) => f.title)).toEqual([title]);
  const [fan] = fans;
  expect(fan!.moments.length).toBe(61);
  expect(fan!.moments.at(-1)).toBe(scenario.length);
  const shown = run(path, { seed: '1' });
  for (const part of [0, 7, 20, 60]) {
    const t = fan!.moments[part]!;
    const rolled = shown.series
      .of('rehearse:mesh_certificates_rolled')
      .reduce((sum, s) => sum + (exactValue(s, t) ?? 0), 0);
    expect(rows[0]!.fans![`${title}@${part}`]).toBe(rolled);
    const all = rows.map((r) => r.fans![`${title}@${part}`]!);
    for (const { p, values } of fan!.bands) expect(values[part]).toBe(quantile(all, p));
  }
  // Chance spreads the middle, and neither the beginning nor the end.
  const width = (part: number) => fan!.bands[4]!.values[part]! - fan!.bands[0]!.values[part]!;
  expect([width(0), width(60)]).toEqual([0, 0]);
  expect(Math.max(...fan!.moments.map((_, part) => width(part)))).toBeGreaterThan(50);
  const drawn = charts({ ...shown, replications: summarise(scenario, rows, 1, false) });
  const chart = drawn.find((c) => c.name === 'fan-1')!;
  expect(chart.title).toContain(title);
});

test('few runs have none, nor curves that are all alike, and where half have ended nothing is said', () => {
  const rows = Array.from({ length: 24 }, (_, i) => ({
    [`${title}@0`]: 5,
    ...(i < 11 ? { [`${title}@1`]: i } : {}),
  }));
  const [fan] = fansOf(rows, 60e6);
  expect(fan!.bands.map((b) => b.values.slice(0, 3))).toEqual(fan!.bands.map(() => [5, null, null]));
  expect(fansOf(rows.slice(0, 19), 60e6)).toEqual([]);
  expect(
    fansOf(
      rows.map(() => ({ [`${title}@0`]: 5 })),
      60e6,
    ),
  ).toEqual([]);
});

test('what ends early has no values after that', () => {
  const { series } = run(path, { seed: '1' });
  const row = fanOf(series, 60e6, 30e6);
  expect(Object.keys(row)).toContain(`${title}@30`);
  expect(Object.keys(row)).not.toContain(`${title}@31`);
});
