import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { noLeader } from '../../src/models/kafka/tables.ts';
import { laws } from '../../src/testing.ts';
import { MB, makeCluster, seconds } from '../support/cluster.ts';
import { arbitraryCluster, expectHealed, holdLaws, settingsOf } from '../support/clusterLaws.ts';

type Target = readonly number[] | null;

/** One partition's replicas by the plain rules: what was asked for and is not committed yet, in order, and what is. */
class PlainPartition {
  replicas: number[];
  adding: number[] = [];
  removing: number[] = [];
  asked: Target[] = [];

  constructor(replicas: readonly number[]) {
    this.replicas = [...replicas];
  }

  copy(): PlainPartition {
    const made = new PlainPartition(this.replicas);
    made.adding = [...this.adding];
    made.removing = [...this.removing];
    made.asked = [...this.asked];
    return made;
  }

  /** The next request is committed. */
  commit(): void {
    const target = this.asked.shift()!;
    if (target === null) {
      this.replicas = this.replicas.filter((b) => !this.adding.includes(b));
      this.adding = [];
      this.removing = [];
      return;
    }
    this.adding = target.filter((b) => !this.replicas.includes(b)).sort((x, y) => x - y);
    this.removing = this.replicas.filter((b) => !target.includes(b)).sort((x, y) => x - y);
    this.replicas = [...target, ...this.removing];
  }

  complete(): void {
    this.replicas = this.replicas.filter((b) => !this.removing.includes(b));
    this.adding = [];
    this.removing = [];
  }

  get says(): string {
    return [this.replicas, [...this.adding].sort(), [...this.removing].sort()]
      .map((x) => x.join())
      .join(' / ');
  }
}

function marked(cluster: KafkaCluster, p: number, flags: Uint8Array): number[] {
  const { tables } = cluster;
  return tables
    .assigned(p)
    .filter((b) => flags[tables.replicaOn(p, b)] === 1)
    .sort((x, y) => x - y);
}

const says = (cluster: KafkaCluster, p: number) =>
  [
    cluster.tables.assigned(p),
    marked(cluster, p, cluster.tables.adding),
    marked(cluster, p, cluster.tables.removing),
  ]
    .map((x) => x.join())
    .join(' / ');

/** What a partition may be after an instant that shows `found`: commits, refusals and completions in any order that leads there. */
function follow(before: readonly PlainPartition[], found: string): PlainPartition[] {
  const seen = new Map<string, PlainPartition>();
  let states = [...before];
  while (states.length > 0) {
    const next: PlainPartition[] = [];
    for (const state of states) {
      const key = `${state.says} ${state.asked.length}`;
      if (seen.has(key)) continue;
      seen.set(key, state);
      if (state.asked.length > 0) {
        const committed = state.copy();
        committed.commit();
        // A request that has become wrong meanwhile is refused.
        const refused = state.copy();
        refused.asked.shift();
        next.push(committed, refused);
      }
      if (state.adding.length + state.removing.length > 0) {
        const completed = state.copy();
        completed.complete();
        next.push(completed);
      }
    }
    states = next;
  }
  return [...seen.values()].filter((state) => state.says === found);
}

/** ISR without `removing` is not empty and contains `adding`: then nothing may be left to do. */
function mustBeComplete(cluster: KafkaCluster, p: number): boolean {
  const { tables } = cluster;
  const inSync = marked(cluster, p, tables.inSync);
  const removing = marked(cluster, p, tables.removing);
  return (
    inSync.some((b) => !removing.includes(b)) &&
    marked(cluster, p, tables.adding).every((b) => inSync.includes(b))
  );
}

test('moves, overrides and cancels among crashes and stops: replicas are those of the plain rules at every instant, and all are in sync in the end', () => {
  const seen = {
    grown: 0,
    completed: 0,
    cancelled: 0,
    overridden: 0,
    refused: 0,
    leaderMoved: 0,
    crashedWhile: 0,
    shrunk: 0,
  };
  const step = fc.record({
    at: fc.integer({ min: 1, max: 120_000 }),
    what: fc.constantFrom('move', 'move', 'move', 'move', 'cancel', 'kill', 'stop', 'throttle', 'grow'),
    partition: fc.nat(),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 4, size: 'max' }),
  });
  fc.assert(
    fc.property(
      arbitraryCluster,
      fc.array(step, { minLength: 2, maxLength: 16, size: 'max' }),
      fc.nat(),
      (given, steps, seed) => {
        const settings = settingsOf(given);
        const { sim, cluster, start } = makeCluster(
          {
            ...settings,
            brokers: settings.brokers.map((b) => ({ ...b, diskUsedBytes: 5e9 })),
            replicaPlaces: given.brokers,
            topics: settings.topics.map((t) => ({
              ...t,
              partitionsEver: t.partitions + 4,
              producers: { ...t.producers, metadataMaxAgeMicros: seconds(40) },
            })),
          },
          { seed: `m${seed}`, record: new Set() },
        );
        const { tables, reassignments, brokers, throttle } = cluster;
        const check = holdLaws(cluster, () => sim.now);
        const plain = Array.from({ length: tables.partitionCount }, (_, p) => [
          new PlainPartition(tables.assigned(p)),
        ]);
        sim.invariant('laws', () => {
          check();
          plain.forEach((before, p) => {
            if (before[0]!.replicas.length === 0 && tables.exists(p)) {
              plain[p] = [new PlainPartition(tables.assigned(p))];
              seen.grown += 1;
              return;
            }
            const found = says(cluster, p);
            if (before.some((state) => state.says !== found || state.asked.length > 0)) {
              plain[p] = follow(before, found);
              if (plain[p]!.length === 0) {
                const was = before.map((state) => state.says).join(' or ');
                throw new Error(`${tables.partitionName(p)}: ${was} became ${found}`);
              }
            }
            if (reassignments.partitions.includes(p) && mustBeComplete(cluster, p))
              throw new Error(`${tables.partitionName(p)}: complete, and goes on`);
          });
        });
        reassignments.onEnded.push((_, complete) => {
          seen[complete ? 'completed' : 'cancelled'] += 1;
        });
        brokers.onExited = (b) => sim.after(seconds(3), start, b);
        const act = sim.on('test.act', (i) => {
          const { what, partition, picks } = steps[i]!;
          // Few, so that moves meet.
          const topic = partition % tables.topics.length;
          const p = tables.firstPartition[topic]! + (picks[0]! % Math.min(2, tables.partitionsOf[topic]!));
          const b = picks[0]! % given.brokers;
          if (what === 'kill' || what === 'stop') {
            if (reassignments.active > 0) seen.crashedWhile += 1;
            if (what === 'kill') brokers.kill(b, 'test');
            else brokers.stop(b);
          } else if (what === 'grow') {
            cluster.topics.createPartitions(topic, tables.partitionsOf[topic]! + 1 + (picks[0]! % 3));
          } else if (what === 'throttle') {
            throttle.list('leader', [[p, b]]);
            throttle.list('follower', [[p, b]]);
            throttle.setRate('leader', b, (1 + (picks[0]! % 50)) * MB);
            throttle.setRate('follower', b, (1 + (picks[0]! % 70)) * MB);
          } else {
            const target = what === 'cancel' ? null : [...new Set(picks.map((x) => x % given.brokers))];
            if (target !== null && tables.isReassigning(p)) seen.overridden += 1;
            const error = reassignments.alter(p, target);
            if (error === undefined) for (const state of plain[p]!) state.asked.push(target);
            else seen.refused += 1;
          }
        });
        steps.forEach((s, i) => {
          sim.at(s.at * 1000, act, i);
        });
        // Whatever was throttled goes on without.
        const free = sim.on('test.free', () => {
          for (let b = 0; b < given.brokers; b += 1) {
            throttle.setRate('leader', b, Number.POSITIVE_INFINITY);
            throttle.setRate('follower', b, Number.POSITIVE_INFINITY);
          }
        });
        sim.at(seconds(200), free);
        sim.run(seconds(2000));
        expect(reassignments.active).toBe(0);
        laws.failuresAgree(cluster);
        expectHealed(cluster);
        let hosted = 0;
        for (let b = 0; b < given.brokers; b += 1) {
          hosted += tables.hosted(b).length;
          expect(cluster.reassignments.remaining.get(b)).toBe(0);
        }
        let assigned = 0;
        plain.forEach(([state], p) => {
          expect(tables.assigned(p)).toEqual(state!.replicas);
          if (!tables.exists(p)) return;
          assigned += state!.replicas.length;
          expect(tables.leader[p]).not.toBe(noLeader);
          const leader = tables.replicaOn(p, tables.leader[p]!);
          for (const b of state!.replicas) {
            const r = tables.replicaOn(p, b);
            expect(cluster.logs.end(r)).toBe(cluster.logs.end(leader));
          }
        });
        expect(hosted).toBe(assigned);
        seen.leaderMoved += sim.told.filter((t) => t.kind === 'kafka.preferredElection').length;
        for (let b = 0; b < given.brokers; b += 1) seen.shrunk += cluster.gauges.isrShrinks.get(b);
      },
    ),
    { seed: 3, numRuns: 80 },
  );
  expect(seen.grown).toBeGreaterThan(60);
  expect(seen.completed).toBeGreaterThan(150);
  expect(seen.cancelled).toBeGreaterThan(2);
  expect(seen.overridden).toBeGreaterThan(15);
  expect(seen.refused).toBeGreaterThan(35);
  expect(seen.crashedWhile).toBeGreaterThan(20);
  expect(seen.leaderMoved).toBeGreaterThan(60);
  expect(seen.shrunk).toBeGreaterThan(20);
});
