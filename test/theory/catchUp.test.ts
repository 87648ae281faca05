import { describe, expect, test } from 'vitest';
import { measure, measureAlone, variant } from '../support/files.ts';

const base = 'scenarios/reference-day/rolling-restart.yaml';
const one = (downTime: string, more = '') => `
to: +50m
timeline:
  - id: restart
    brokers: [0]
    downTime: [${downTime}]
    drain: [${downTime === '21s' ? '4s' : '8s'}]
observed: []
expect: []
${more}`;
const load = (factor: number) => `workload: { curves: [{ name: all, constant: ${factor} }] }`;
const recovery = (text: string) => measureAlone(base, text, 'rehearse:isr_recovery_seconds', { broker: '0' });

/**
 * Catch-up in closed form: what was missed in D seconds at rate r is fetched at C while r goes on, t = D r / (C - r). The simulator
 * does not know this formula. C = 1,350 MB/s is what 28 s after 42 s at 540 MB/s mean.
 */
const closedForm = (downSeconds: number, loadFactor: number) => {
  const r = 540 * loadFactor;
  return (downSeconds * r) / (1350 - r);
};

describe('broker 0 alone is restarted, and nothing else is changed', () => {
  test.each([
    [1, '42s', 42, 28],
    [1.25, '42s', 42, 42],
    [1.5, '42s', 42, 63],
    [2, '42s', 42, 168],
    [1, '21s', 21, 14],
  ])(
    'load x %f, away %s: the recovery is that of the closed form within 10 %%',
    (factor, down, seconds, stated) => {
      expect(closedForm(seconds, factor)).toBeCloseTo(stated, -0.5);
      const played = recovery(one(down, load(factor)));
      expect(Math.abs(played / stated - 1)).toBeLessThan(0.1);
    },
  );

  test('without load it is in sync in less than 2 s', () => {
    expect(recovery(one('42s', load(0)))).toBeLessThan(2);
  });

  test('two fetcher threads for each leader make it shorter', () => {
    expect(recovery(one('42s', 'kafka: { config: { num.replica.fetchers: 2 } }'))).toBeLessThan(
      0.75 * recovery(one('42s')),
    );
  });

  test('a leftover throttle below the live traffic keeps it out of sync for ever', () => {
    const result = variant(
      base,
      one(
        '42s',
        'kafka: { config: { leader.replication.throttled.rate: 100000000, follower.replication.throttled.rate: 100000000 } }',
      ),
    );
    expect(measure(result, 'rehearse:isr_recoveries_total', { broker: '0' })).toBe(0);
    expect(measure(result, 'rehearse:replicas_out_of_sync', { broker: '0' })).toBeGreaterThan(0);
  });

  test('ten minutes away: 400 s on burst, 635 s on the baseline network card, and between them as the credit is', () => {
    // Only the returning broker's own card: without credit on the others too, their outbound side would starve it.
    const burst = (credit: string) => {
      const type = `{ name: other, cores: 8, memory: 64Gi, network: { baseline: 8.4Gbit/s, burst: 25Gbit/s, burstFor: ${credit} }, disk: { read: 2GB/s, write: 2GB/s }, price: $1/h }`;
      const nodes = 'kubernetes: { nodes: [{ name: ip-10-42-30-101, instance: other }] }';
      return recovery(one('600s', `hardware: { instanceTypes: [${type}] }\n${nodes}`));
    };
    const [full, some, none] = [burst('10m'), burst('30s'), burst('0s')];
    expect(Math.abs(full / 400 - 1)).toBeLessThan(0.1);
    expect(Math.abs(none / 635 - 1)).toBeLessThan(0.1);
    expect(some).toBeGreaterThan(full + 10);
    expect(some).toBeLessThan(none - 10);
  });
});
