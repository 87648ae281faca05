import { describe, expect, test } from 'vitest';
import { clusterSettings, makeCluster, seconds } from '../support/cluster.ts';

describe('the recipe of a clean restart', () => {
  const { sim, cluster, restart } = makeCluster(clusterSettings());
  const hosted = cluster.gauges.partitionCount.get(0);
  const led = cluster.gauges.leaderCount.get(0);
  const imbalanceBefore = cluster.gauges.preferredImbalance.get(0);
  restart(0, 100, 40);
  sim.run(seconds(1000));
  const at = (kind: string) => sim.told.filter((t) => t.kind === kind).map((t) => t.time / 1e6 - 100);
  const urp = (t: number) => {
    let sum = 0;
    for (let b = 0; b < 5; b += 1) {
      const { times, values } = cluster.gauges.underReplicated.rowRecord(b)!;
      let i = times.length - 1;
      while (times[i]! > (100 + t) * 1e6) i -= 1;
      sum += values[i]!;
    }
    return sum;
  };

  test('the steps come in their order', () => {
    expect(sim.told.map((t) => t.kind)).toEqual([
      'kafka.controlledShutdown',
      'kafka.fenced',
      'kafka.stopped',
      'kafka.controllerElected',
      'kafka.fetching',
      'kafka.unfenced',
      'kafka.started',
      'kafka.inSync',
      'kafka.preferredElection',
    ]);
  });

  test('the controller commits within 0.1 s, and the sum of URP is every replica once all brokers have applied it', () => {
    expect(at('kafka.controlledShutdown')[0]).toBeLessThan(0.1);
    expect(urp(-1)).toBe(0);
    expect(urp(0.6)).toBe(hosted);
    expect(hosted).toBeGreaterThan(led);
  });

  test('the shutdown is granted on the heartbeat grid of 50 ms, 2.05 s, 4.05 s', () => {
    const granted = at('kafka.fenced')[0]!;
    const onGrid = [0.05, 2.05, 4.05].some((g) => granted >= g && granted < g + 0.01);
    expect(onGrid, `granted at ${granted} s`).toBe(true);
  });

  test('fetching begins while the broker is still fenced, and it joins ISRs only after it is unfenced', () => {
    expect(at('kafka.fetching')[0]!).toBeLessThan(at('kafka.unfenced')[0]!);
    const expands = [0, 1, 2, 3, 4].map((b) => cluster.gauges.isrExpands.rowRecord(b)!);
    const first = Math.min(...expands.map((e) => e.times[1] ?? Number.POSITIVE_INFINITY)) / 1e6 - 100;
    expect(first).toBeGreaterThan(at('kafka.unfenced')[0]!);
  });

  test('ISR expansions sum to the replicas, shrinks to nothing: the controller shrank', () => {
    let expands = 0;
    let shrinks = 0;
    for (let b = 0; b < 5; b += 1) {
      expands += cluster.gauges.isrExpands.get(b);
      shrinks += cluster.gauges.isrShrinks.get(b);
    }
    expect(expands).toBe(hosted);
    expect(shrinks).toBe(0);
    expect(urp(400)).toBe(0);
  });

  test('leaders return with the preferred election, 300 s after the new controller armed its timer', () => {
    expect(at('kafka.preferredElection')[0]! - at('kafka.controllerElected')[0]!).toBeCloseTo(300, 3);
    expect(cluster.gauges.preferredImbalance.get(0)).toBe(imbalanceBefore);
    expect(cluster.gauges.leaderCount.get(0)).toBe(led);
  });
});
