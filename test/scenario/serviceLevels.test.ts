import { describe, expect, test } from 'vitest';
import { loadScenario } from '../../src/scenario/load.ts';
import { parts } from '../../src/scenario/parts/index.ts';
import { reader, run } from '../support/files.ts';
import { leafFiles, smallScenario } from '../support/leafCases.ts';

type Tree = { [key: string]: unknown };

const up = '1 - avg(avg_over_time(up[{{.window}}]))';

function textOf(level: Tree, timeline: readonly Tree[], to: string): string {
  return JSON.stringify({
    ...(smallScenario as Tree),
    to,
    timeline,
    monitoring: {
      scrapeInterval: '15s',
      evaluationInterval: '15s',
      serviceLevels: [{ name: 'brokers', ...level }],
    },
  });
}

const played = (level: Tree, timeline: readonly Tree[], to: string) =>
  run('s.yaml', {}, { ...leafFiles, 's.yaml': textOf(level, timeline, to) });

const twoDown = [0, 1].map((n) => ({
  at: '+60m',
  id: `b${n}`,
  do: 'faults.broker',
  broker: 3 + n,
  for: '30m',
}));

describe('an error budget', () => {
  test('is spent by the share of what was bad, over what is allowed', () => {
    const { serviceLevels } = played(
      {
        objective: '99 %',
        period: '10h',
        errorQuery: 'sum(increase(rehearse:failed_sends_total[{{.window}}]))',
        totalQuery: 'sum(increase(rehearse:failed_sends_total[{{.window}}])) + 1000',
      },
      [],
      '+1h',
    );
    expect(serviceLevels).toEqual([
      {
        name: 'brokers',
        objective: 0.99,
        periodMicros: 36_000e6,
        errorRatio: 0,
        burnRate: 0,
        spent: 0,
        lastsMicros: null,
      },
    ]);
    // Two of five brokers are down for 30 of 120 minutes: a tenth of the time is bad, ten times what is allowed.
    const [bad] = played(
      {
        objective: '99 %',
        period: '10h',
        errorRatioQuery:
          'avg(avg_over_time((kafka_server_kafkaserver_brokerstate == bool 0)[{{.window}}:1s]))',
      },
      twoDown,
      '+2h',
    ).serviceLevels!;
    expect(bad!.errorRatio).toBeGreaterThan(0.1);
    expect(bad!.errorRatio).toBeLessThan(0.105);
    expect(bad!.burnRate).toBeCloseTo(bad!.errorRatio! / 0.01, 9);
    // Two of the budget's ten hours.
    expect(bad!.spent).toBeCloseTo(bad!.burnRate! * 0.2, 9);
    expect(bad!.lastsMicros).toBeCloseTo(36_000e6 / bad!.burnRate!, 0);
  });

  test('that burns too fast pages when arithmetic says, and stops soon after', () => {
    const { alerts, serviceLevels } = played({ objective: '99 %', errorRatioQuery: up }, twoDown, '+2h');
    // The account is what a server has: two of five for a quarter of the time.
    expect(serviceLevels![0]!.errorRatio).toBeGreaterThan(0.099);
    expect(serviceLevels![0]!.errorRatio).toBeLessThan(0.105);
    expect(alerts!.rules.filter((r) => r.notAnswerable !== null)).toEqual([]);
    const pages = alerts!.spells.filter((s) => s.alert === 'ErrorBudgetBurnsFast');
    expect(pages).toHaveLength(1);
    expect(pages[0]!.labels).toEqual({ alertname: 'ErrorBudgetBurnsFast', severity: 'page', slo: 'brokers' });
    // Of six hours there is one, clean: 0.4 t / (3600 + t) passes 6 x 0.01 after 635 s; 30 minutes have passed it by then.
    const after = (pages[0]!.firedAt! - 3600e6) / 1e6;
    expect(after).toBeGreaterThan(635 - 16);
    expect(after).toBeLessThan(635 + 46);
    // The short windows let go of it: 0.4 (1800 - t) / 1800 falls to 0.06 after 1530 s.
    const ends = (pages[0]!.endedAt! - 5400e6) / 1e6;
    expect(ends).toBeGreaterThan(1530 - 16);
    expect(ends).toBeLessThan(1530 + 100);
  });

  test('over a measure that no exporter shows has an account and no alerts', () => {
    const { alerts, verdict } = played(
      { objective: '99 %', errorRatioQuery: 'avg(avg_over_time(rehearse:saturated_links[{{.window}}]))' },
      [],
      '+10m',
    );
    expect([alerts, verdict]).toEqual([undefined, 'pass']);
  });
});

test.each([
  [{ objective: '99 %' }, 'not one way to count what is bad'],
  [
    { objective: '99 %', errorQuery: 'x[{{.window}}]', errorRatioQuery: up },
    'not one way to count what is bad',
  ],
  [{ objective: '99 %', errorRatioQuery: 'avg(up)' }, 'a query without its window'],
  [
    { objective: '99 %', errorRatioQuery: 'rate(up[{{.window}}]) + sum(' },
    'the PromQL expression ends too early',
  ],
  [{ objective: '100 %', errorRatioQuery: up }, '100 % is too large'],
  [{ objective: '99 %', period: '1s', errorRatioQuery: up }, '1s is too small'],
])('%j is refused', (level, found) => {
  const loaded = loadScenario('s.yaml', reader({ ...leafFiles, 's.yaml': textOf(level, [], '+1h') }), parts);
  expect(loaded.scenario).toBeUndefined();
  expect(loaded.problems.map((p) => p.found).join('; ')).toContain(found);
});
