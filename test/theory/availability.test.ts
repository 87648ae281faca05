import { expect, test } from 'vitest';
import { readReliability } from '../../src/experiment/reliability.ts';
import { meanInterval } from '../../src/experiment/statistics.ts';
import { build, catalogue } from '../../src/scenario/build.ts';
import type { Scenario } from '../../src/scenario/load.ts';
import { scenarioOf } from '../support/files.ts';
import { smallScenario } from '../support/leafCases.ts';

const hour = 3600;

/** Brokers on a node each, little load, controllers that never fail, and start-up times that are always the same. */
function platform(brokers: number, minInSync: number, more: Record<string, unknown>): Scenario {
  const tree = structuredClone(smallScenario) as { [key: string]: never };
  const kafka = tree.kafka as unknown as { brokers: object[] };
  const text = JSON.stringify({
    ...tree,
    timeline: [],
    kubernetes: {
      nodes: kafka.brokers
        .slice(0, brokers)
        .map((_, i) => ({ name: `n${i}`, instance: 'small', zone: `z${i}` })),
      pods: { recreate: '1s' },
    },
    kafka: {
      ...kafka,
      // Retention, looked at once a day and not every five minutes, is no matter here.
      config: {
        'min.insync.replicas': minInSync,
        'default.replication.factor': brokers,
        'log.retention.check.interval.ms': 86_400_000,
      },
      controllers: { mode: 'dedicated', ids: [100, 101, 102], active: 100 },
      brokers: kafka.brokers.slice(0, brokers).map((b) => ({ ...b, controller: undefined })),
      topics: [{ name: 'one', partitions: 1, bytesIn: '1MB/s', messagesIn: '100/s' }],
      consumerGroups: [],
      timing: { close: '1s', jvmStart: '10s', metadataReplay: '1s', recoveryScan: '100GB/s' },
    },
    ...more,
  });
  return scenarioOf('platform.yaml', { 'platform.yaml': text });
}

const record = new Set(
  catalogue.metrics
    .map((m) => m.name)
    .filter((name) => /partition_seconds|globalpartition|possibly/.test(name)),
);

/** What each measure of reliability gives, run by run. */
function played(scenario: Scenario, seeds: number): Record<string, number[]> {
  const runs = Array.from({ length: seeds }, (_, replication) => {
    const { sim, series, until } = build(scenario, { seed: '1', replication, record });
    sim.run(until);
    return readReliability(series(), until);
  });
  return Object.fromEntries(catalogue.reliability.map((m, i) => [m.name, runs.map((run) => run[i]!)]));
}

/** Seconds in which the one partition is out of use after one fault by itself. */
function outage(
  scenario: (more: Record<string, unknown>) => Scenario,
  entry: object,
  measure: string,
): number {
  const runs = played(scenario({ to: '+3h', timeline: [{ at: '+10m', id: 'one', ...entry }] }), 1);
  return (1 - runs[measure]![0]!) * 3 * hour;
}

test('one replica on one broker: it is out of use for repair and start, once in mean time between failures and repair', () => {
  const scenario = (more: Record<string, unknown>) => platform(1, 1, more);
  const down = outage(scenario, { do: 'faults.broker', broker: 0, for: '20m' }, 'availability');
  expect(down).toBeGreaterThan(20 * 60 + 10);
  expect(down).toBeLessThan(20 * 60 + 60);
  const { availability } = played(
    scenario({ to: '+100d', faults: { random: { broker: { mtbf: '10h', repair: '20m' } } } }),
    20,
  );
  const theory = 1 - down / (10 * hour + 20 * 60);
  const { mean, halfWidth } = meanInterval(availability!);
  expect(halfWidth).toBeLessThan(0.002);
  expect(Math.abs(mean - theory)).toBeLessThan(halfWidth);
  // A repair that did not count would be seen.
  expect(Math.abs(mean - 1)).toBeGreaterThan(10 * halfWidth);
});

test('three replicas on independent nodes, two needed: writes stop while two of three are away, as the binomial says', () => {
  const scenario = (more: Record<string, unknown>) => platform(3, 2, more);
  const [mtbf, repair] = [30, 1];
  // The loss of one alone: a follower's is noticed within the session timeout, the leader's clients wait for request.timeout.ms.
  const singles = ['n0', 'n1', 'n2'].map((node) =>
    outage(scenario, { do: 'faults.node', node, for: '1h' }, 'writeAvailability'),
  );
  for (const single of singles) {
    expect(single).toBeGreaterThan(5);
    expect(single).toBeLessThan(35);
  }
  const { writeAvailability } = played(
    scenario({
      to: '+365d',
      faults: { random: { node: { mtbf: `${mtbf}h`, repair: `${repair}h` } } },
    }),
    20,
  );
  // Away for the repair and a start of some 15 s.
  const q = (repair + 15 / hour) / (mtbf + repair);
  const noticed = singles.reduce((a, b) => a + b, 0) / ((mtbf + repair) * hour);
  const theory = 3 * q * q - 2 * q * q * q + noticed;
  const { mean, halfWidth } = meanInterval(writeAvailability!.map((a) => 1 - a));
  expect(halfWidth).toBeLessThan(0.1 * theory);
  expect(Math.abs(mean - theory)).toBeLessThan(halfWidth);
  expect(theory).toBeGreaterThan(5 * noticed);
});

test('a common cause of a zone takes its nodes together, and each node fails as often as without', () => {
  const zones = {
    kubernetes: {
      nodes: [0, 1, 2].map((i) => ({ name: `n${i}`, instance: 'small', zone: i < 2 ? 'a' : 'b' })),
      pods: { recreate: '1s' },
    },
  };
  const count = (wholeZone: string) => {
    const scenario = platform(3, 2, {
      ...zones,
      to: '+365d',
      faults: { random: { node: { mtbf: '100h', repair: '1h', wholeZone } } },
    });
    const runs = Array.from({ length: 10 }, (_, replication) => {
      const { sim, until } = build(scenario, { seed: '1', replication, keepEvents: true });
      sim.run(until);
      const begun = sim.told.filter((t) => t.kind === 'faults.begins');
      const own = begun.filter((t) => t.subject === 'n0').length;
      const common = begun.filter((t) => t.subject === 'zone a').length;
      return [own, common] as const;
    });
    return {
      all: meanInterval(runs.map(([own, common]) => own + common)),
      common: meanInterval(runs.map(([, common]) => common)),
    };
  };
  const failures = (365 * 24) / 101;
  const without = count('0%');
  const shared = count('30%');
  expect(Math.abs(without.all.mean - failures)).toBeLessThan(without.all.halfWidth);
  // Both machines of a zone are away at once for an hour more often: a little under the rate without.
  expect(Math.abs(shared.all.mean - failures)).toBeLessThan(shared.all.halfWidth);
  expect(Math.abs(shared.common.mean - 0.3 * failures)).toBeLessThan(shared.common.halfWidth);
  expect(without.common.mean).toBe(0);
});
