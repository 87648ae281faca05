import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { noLeader } from '../../src/models/kafka/tables.ts';
import { arbitraryFaultyScenario, laws, playUnderLaws } from '../../src/testing.ts';
import { scenarioOf } from '../support/files.ts';

const folder = 'scenarios/random.yaml';

test('no crash, lost machine or cut, alone or in numbers, breaks a law, and the cluster heals when they have ended', () => {
  const seen = { runs: 0, twoAway: 0, withoutQuorum: 0, offline: 0, lost: 0, failed: 0, guarded: 0 };
  const kinds = new Map<string, number>();
  fc.assert(
    fc.property(
      arbitraryFaultyScenario({
        brokers: { min: 2, max: 7 },
        topics: { min: 1, max: 4 },
        partitionsPerTopic: { min: 1, max: 12 },
      }),
      ({ text }) => {
        const scenario = scenarioOf(folder, { [folder]: text });
        const { built, recount, twoAway, withoutQuorum } = playUnderLaws(scenario, scenario.seed, {
          record: new Set(),
        });
        const kafka = built.models.kafka as KafkaCluster;
        const { settings, tables, writes } = kafka;
        laws.healed(kafka);
        const topics = [...settings.topics.keys()];
        for (const { part, action } of scenario.timeline)
          if (part === 'faults') kinds.set(action, (kinds.get(action) ?? 0) + 1);
        seen.runs += 1;
        if (twoAway) seen.twoAway += 1;
        if (withoutQuorum) seen.withoutQuorum += 1;
        if (recount.offlineSeconds > 0) seen.offline += 1;
        if (topics.some((t) => writes.possiblyLostBytes.get(t) > 0)) seen.lost += 1;
        if (topics.some((t) => writes.failedBytesOf(t) > 0)) seen.failed += 1;
        const isGuarded = (t: number) =>
          settings.topics[t]!.acks === 'all' &&
          !settings.topics[t]!.uncleanElection &&
          settings.topics[t]!.bytesInPerSecond > 0 &&
          tables.effectiveMinIsr(tables.firstPartition[t]!) >= 2;
        if (topics.some(isGuarded)) seen.guarded += 1;
      },
    ),
    { seed: 7, numRuns: 100 },
  );
  for (const kind of ['broker', 'node', 'zone', 'controller', 'network'])
    expect(kinds.get(kind) ?? 0).toBeGreaterThanOrEqual(10);
  expect(seen.twoAway / seen.runs).toBeGreaterThanOrEqual(0.1);
  expect(seen.withoutQuorum / seen.runs).toBeGreaterThanOrEqual(0.05);
  expect(seen.offline / seen.runs).toBeGreaterThanOrEqual(0.9);
  // Records are lost where they may be, and there are runs in which none may.
  expect(seen.lost / seen.runs).toBeGreaterThanOrEqual(0.05);
  expect(seen.failed / seen.runs).toBeGreaterThanOrEqual(0.1);
  expect(seen.guarded / seen.runs).toBeGreaterThanOrEqual(0.1);
});

test('each law about faults goes red when its fact is broken', () => {
  const scenario = scenarioOf('scenarios/reference-day/steady-hour.yaml');
  const played = playUnderLaws(scenario, scenario.seed, { record: new Set() });
  const kafka = played.built.models.kafka as KafkaCluster;
  const { tables, writes } = kafka;
  const { recount } = played;
  const leader = tables.leader[0]!;
  const all = () => {
    laws.failuresAgree(kafka);
    laws.acknowledgedKept(kafka, recount);
    laws.secondsEqualRecount(kafka, recount);
    laws.healed(kafka);
  };
  all();
  const harms: readonly (readonly [harm: () => void, mend: () => void, says: RegExp])[] = [
    [() => writes.failedSends.add(0, 100), () => writes.failedSends.add(0, -100), /100 sends failed/],
    [() => (recount.lost[0] = 100), () => (recount.lost[0] = 0), /100 acknowledged bytes are lost/],
    [() => writes.offlineSeconds.add(0, 1), () => writes.offlineSeconds.add(0, -1), /without a leader/],
    [() => writes.blockedSeconds.add(0, 1), () => writes.blockedSeconds.add(0, -1), /could be written/],
    [() => (recount.offlineSeconds += 1), () => (recount.offlineSeconds -= 1), /without a leader/],
    [() => (tables.isrCount[0] = 2), () => (tables.isrCount[0] = 3), /2 replicas in sync/],
    [() => (tables.leader[0] = noLeader), () => (tables.leader[0] = leader), /has no leader/],
    [() => (tables.writable[0] = 0), () => (tables.writable[0] = 1), /cannot be written/],
    [() => (tables.frozenWatermark[0] = 1), () => (tables.frozenWatermark[0] = Number.NaN), /stands/],
  ];
  for (const [harm, mend, says] of harms) {
    harm();
    expect(all).toThrow(says);
    mend();
    all();
  }
});
