import { describe, expect, test } from 'vitest';
import { laws } from '../../src/testing.ts';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';
import { calm, inTurn, inZones } from '../support/zones.ts';

const sum = (gauge: { get(row: number): number }, rows: number) =>
  Array.from({ length: rows }, (_, b) => gauge.get(b)).reduce((a, b) => a + b, 0);

describe('a link that flaps', () => {
  const play = (bad: number) => {
    const settings = clusterSettings(
      { topics: [topic({ name: 'a', acks: '1' })], assignment: inTurn(6, 3, 12) },
      6,
    );
    const made = inZones(settings);
    made.zones.setBurstyLoss('a', 'b', {
      good: 0,
      bad,
      goodStayMicros: seconds(90),
      badStayMicros: seconds(90),
    });
    made.sim.run(seconds(1800));
    laws.bytesConserved(made.cluster);
    const { isrShrinks, isrExpands } = made.cluster.gauges;
    return { shrinks: sum(isrShrinks, 6), expands: sum(isrExpands, 6), events: made.sim.eventCount, made };
  };

  test('shrinks and expands the same ISRs again and again, in the same way each time it is played', () => {
    const found = play(0.05);
    // Four partitions lead in a with a follower in b or the other way round on each of the eight pairs: 8 replicas.
    expect(found.shrinks).toBeGreaterThanOrEqual(3 * 8);
    expect(found.expands).toBeGreaterThanOrEqual(2 * 8);
    expect(play(0.05).events).toBe(found.events);
    expect(sum(found.made.cluster.writes.failedSends, 1)).toBe(0);
  });

  test('with so little loss that followers keep up, no ISR moves', () => {
    const { shrinks, expands, made } = play(0.0001);
    expect([shrinks, expands]).toEqual([0, 0]);
    expect(made.sim.told.filter((t) => t.kind === 'hardware.networkChanged').length).toBeGreaterThan(5);
  });
});

describe('reading from followers (KIP-392)', () => {
  const group = (more = {}) => ({
    name: 'readers',
    topics: [0],
    catchUpFactor: 2,
    pollMicros: 5000,
    clients: 3,
    fetchMinBytes: 1,
    fetchMaxWaitMicros: 500_000,
    owner: '',
    ...more,
  });
  const play = (aware: boolean) => {
    const base = clusterSettings({}, 3);
    // All partitions lead on broker 0, in zone a; each has followers in b and c.
    const made = inZones({
      ...base,
      brokers: base.brokers.map((b, i) => ({ ...b, rack: 'abc'[i] as string })),
      topics: [topic({ name: 'a', partitions: 3, bytesInPerSecond: 30 * MB, zone: 'a' })],
      assignment: Int32Array.from([0, 1, 2, 0, 1, 2, 0, 1, 2]),
      groups: [group({ rack: 'b' })],
      rackAwareReads: aware,
      autoLeaderRebalance: false,
    });
    const out = made.sim.gauges.get('kafka_server_brokertopicmetrics_bytesout_total')!;
    const crossed = made.sim.gauges.get('rehearse:cross_zone_bytes_total')!;
    const cost = made.sim.gauges.get('rehearse:cross_zone_cost_dollars_total')!;
    return { ...made, out: () => [0, 1, 2].map((b) => Math.round(out.slope(b) / MB)), crossed, cost };
  };

  test('the group reads in its own rack, and nothing of it crosses zones', () => {
    const leaders = play(false);
    leaders.sim.run(seconds(10));
    expect(leaders.out()).toEqual([30, 0, 0]);
    expect([0, 1, 2].map((k) => Math.round(leaders.crossed.slope(k)) / MB)).toEqual([60, 0, 30]);
    // 90 MB/s for ten seconds at $0.02/GB.
    expect(sum(leaders.cost, 3)).toBeCloseTo(0.9 * 0.02, 9);
    const near = play(true);
    near.sim.run(seconds(10));
    expect(near.out()).toEqual([0, 30, 0]);
    expect([0, 1, 2].map((k) => Math.round(near.crossed.slope(k)) / MB)).toEqual([60, 0, 0]);
    // One round trip further behind.
    const lag = (made: typeof near) => made.sim.gauges.get('kafka_consumergroup_lag_sum')!.get(0);
    expect(lag(near) - lag(leaders)).toBeCloseTo(6000 * 0.001, 6);
  });

  test('without the follower it reads from the leader, and turns back when the follower is in sync again', () => {
    const made = play(true);
    made.restart(1, 20, 40);
    made.sim.run(seconds(35));
    expect(made.out()[0]).toBeGreaterThanOrEqual(30);
    expect(made.out()[1]).toBe(0);
    made.sim.run(seconds(200));
    expect(made.out()).toEqual([0, 30, 0]);
  });
});

test('a network that nobody changed costs no event', () => {
  const events = (sim: ReturnType<typeof makeCluster>['sim']) => {
    sim.run(seconds(100));
    return sim.eventCount;
  };
  const without = events(makeCluster(clusterSettings({}, 6)).sim);
  for (const network of [calm, { ...calm, dollarsPerByte: 0 }])
    expect(events(inZones(clusterSettings({}, 6), network).sim)).toBe(without);
});
