import { expect, test } from 'vitest';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import type { Platform } from '../../src/models/kubernetes/platform.ts';
import { build } from '../../src/scenario/build.ts';
import { scenarioOf } from '../support/files.ts';

const began = 60e6;

/** The reference platform at its logged load, in which the process of one broker stands still once, a minute after the start. */
function steady(broker: number, pauseSeconds: number) {
  const scenario = scenarioOf('scenarios/reference-day/steady-hour.yaml');
  const { sim, models } = build(scenario, {
    seed: scenario.seed,
    record: new Set(['rehearse:cluster_underreplicated_partitions', 'rehearse:unavailable_partitions']),
    keepEvents: true,
  });
  const kafka = models.kafka as KafkaCluster;
  const { pods } = models.kubernetes as Platform;
  const pause = sim.on('test.pause', (row, micros) => kafka.pause(row, micros));
  sim.at(began, pause, kafka.row(broker), pauseSeconds * 1e6);
  // The preferred leaders are back 300 s after they moved.
  sim.run(began + 400e6);
  const sum = (name: string) => {
    const gauge = sim.gauges.get(name)!;
    return Array.from({ length: gauge.rows }, (_, row) => gauge.get(row)).reduce((a, x) => a + x, 0);
  };
  const most = (name: string) => Math.max(...sim.gauges.get(name)!.rowRecord(0)!.values);
  const told = (kind: string) =>
    sim.told.filter((t) => t.kind === kind).map((t) => [t.subject, (t.time - began) / 1e6] as const);
  return { kafka, pods, sum, most, told };
}

test('the reference cluster notices a pause of 3 s only as a stall: nobody is fenced, no leader moves, no send fails', () => {
  const { kafka, sum, most, told } = steady(3, 3);
  expect(told('kafka.fenced')).toEqual([]);
  expect(told('kafka.preferredElection')).toEqual([]);
  expect(most('rehearse:cluster_underreplicated_partitions')).toBe(0);
  expect(most('rehearse:unavailable_partitions')).toBe(kafka.gauges.leaderCount.get(3));
  expect(sum('rehearse:failed_sends_total')).toBe(0);
});

test('a pause of 10 s fences a broker of the reference cluster, URP is 420, and it rejoins by itself: no container restarts', () => {
  for (const broker of [1, 2, 3, 4]) {
    const { kafka, pods, sum, most, told } = steady(broker, 10);
    const [fenced, ...more] = told('kafka.fenced');
    expect(more).toEqual([]);
    expect(fenced![0]).toBe(`broker-${broker}`);
    expect(fenced![1]).toBeGreaterThan(7);
    expect(fenced![1]).toBeLessThanOrEqual(9);
    expect(most('rehearse:cluster_underreplicated_partitions')).toBe(420);
    const [inSync] = told('kafka.inSync');
    expect(inSync![0]).toBe(`broker-${broker}`);
    expect(inSync![1]).toBeGreaterThan(10);
    expect(inSync![1]).toBeLessThan(30);
    expect(sum('rehearse:brokers_out_of_sync')).toBe(0);
    expect(sum('kafka_controller_kafkacontroller_preferredreplicaimbalancecount')).toBe(0);
    expect(sum('kafka_server_replicamanager_isrshrinks_total')).toBe(0);
    expect(sum('kafka_server_replicamanager_isrexpands_total')).toBe(420);
    expect(sum('rehearse:pod_recreations_total')).toBe(0);
    expect(sum('rehearse:containers_killed_total')).toBe(0);
    expect(pods.isReady(kafka.row(broker))).toBe(true);
    expect(sum('rehearse:failed_sends_total')).toBe(0);
  }
});

test('the broker that is the active controller as well outlives 10 s: its successor gives it a fresh session', () => {
  const { kafka, told, most } = steady(0, 10);
  expect(told('kafka.controllerElected').length).toBe(1);
  expect(kafka.controller.active).not.toBe(0);
  expect(told('kafka.fenced')).toEqual([]);
  expect(most('rehearse:unavailable_partitions')).toBe(kafka.gauges.leaderCount.get(kafka.row(0)));
});
