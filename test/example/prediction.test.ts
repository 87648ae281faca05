import { describe, expect, test } from 'vitest';
import { predict } from '../../src/experiment/prediction.ts';
import { movementOf, proposalsOf, reassignmentOf, rebalance } from '../../src/experiment/rebalance.ts';
import { readReassignment, writeReassignment } from '../../src/formats/assignment.ts';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { build } from '../../src/scenario/build.ts';
import { networkRates } from '../../src/scenario/cruiseControlSettings.ts';
import type { Scenario } from '../../src/scenario/load.ts';
import { clusterAt, type PlannedMoves } from '../../src/scenario/platform.ts';
import { type Change, filesOf } from '../support/cruiseControlScenario.ts';
import { scenarioOf } from '../support/files.ts';

const MB = 1e6;

const tenGigabytes: Change = (tree) => {
  for (const b of tree.kafka.brokers) if (b.diskUsed !== '0B') b.diskUsed = '10GB';
};

/** Five brokers with 10 GB each and an empty sixth, opened with an entry before the moves. */
const small = (change: Change = () => {}, timeline: readonly object[] = []): Scenario =>
  scenarioOf(
    'leaf.yaml',
    filesOf(
      timeline,
      (tree) => {
        tenGigabytes(tree);
        change(tree);
      },
      '+40m',
    ),
  );

/** The second replica of each partition of a topic goes to the empty broker. */
function plan(scenario: Scenario, topic: string, over: Partial<PlannedMoves> = {}): PlannedMoves {
  const { cluster } = clusterAt(scenario);
  const partitions = cluster.partitions
    .filter((p) => p.topic === topic)
    .map((p) => ({ ...p, replicas: [p.replicas[0]!, 5, p.replicas[2]!] }));
  const text = writeReassignment(partitions);
  return {
    proposals: proposalsOf(readReassignment(text, 'plan.json'), cluster),
    by: 'executor',
    throttle: undefined,
    concurrency: undefined,
    ...over,
  };
}

const throttled = { by: 'tool', throttle: 300 * MB } as const;

describe('moves that are played', () => {
  test('go where the plan puts them, in no less than the shortest time, and are told with what they cost', () => {
    const scenario = small();
    const moment = clusterAt(scenario);
    const network = networkRates(moment.settings);
    for (const by of ['executor', 'tool'] as const) {
      for (const throttle of [undefined, 300 * MB]) {
        const moves = plan(scenario, 'busy', { by, throttle });
        const p = predict(scenario, undefined, moves);
        const { shortest, brokers } = movementOf(moment.cluster, moves.proposals, {
          rate: (id) => Math.min(throttle ?? Number.POSITIVE_INFINITY, network.get(id)!),
          throttled: throttle !== undefined,
          concurrency: by === 'tool' ? Number.POSITIVE_INFINITY : 5,
        });
        expect([p.end, p.astray, p.leftBytes, p.starved]).toEqual(['done', 0, 0, []]);
        expect(p.seconds).toBeGreaterThanOrEqual(shortest!.seconds);
        expect(p.seconds).toBeLessThan(4 * shortest!.seconds + 60);
        const sink = brokers.find((b) => b.id === 5)!;
        expect(p.copiedBytes).toBeGreaterThanOrEqual(sink.receivedBytes);
        expect(p.peaks[5]!.diskBytes).toEqual({ without: 0, during: expect.any(Number) });
        expect(p.peaks[5]!.diskBytes.during).toBeGreaterThanOrEqual(sink.receivedBytes);
        expect(p.peaks[5]!.inboundBytesPerSecond.during).toBeGreaterThan(100 * MB);
        // Time is either waited through or held by something.
        expect(p.idleSeconds + p.heldBy.reduce((sum, h) => sum + h.seconds, 0)).toBeGreaterThan(
          p.seconds - 1e-3,
        );
        expect(Math.max(p.idleSeconds, ...p.heldBy.map((h) => h.seconds))).toBeLessThanOrEqual(p.seconds);
        const limit = throttle === undefined ? 'fetcher threads' : 'follower throttle';
        expect(p.heldBy[0]).toMatchObject({ broker: 5, limit });
        for (const l of p.latencyP99Ms) expect(Math.min(l.without, l.during)).toBeGreaterThan(0);
        expect(p.latencyP99Ms.map((l) => l.request)).toEqual(['Produce', 'FetchConsumer']);
        expect(p.lag.map((l) => l.group)).toEqual(['readers']);
      }
    }
  });

  test('are those of a scenario that executes the written plan: the same placement, the same bytes, the same time', () => {
    const goals = ['ReplicaDistributionGoal', 'LeaderReplicaDistributionGoal'];
    const proposed = rebalance(clusterAt(small()).cluster, { goals });
    if (!proposed.ok) throw new Error('unmet');
    const { proposals } = proposed;
    expect(proposals.length).toBeGreaterThan(5);
    const files = {
      ...filesOf(
        [{ at: '+0s', id: 'x', do: 'kafka.reassign', plan: 'plan.json', throttle: '300MB/s' }],
        tenGigabytes,
        '+40m',
      ),
      'plan.json': writeReassignment(reassignmentOf(proposals)),
    };
    const { sim, models, until } = build(scenarioOf('leaf.yaml', files), { seed: '1', keepEvents: true });
    sim.run(until);
    const { tables, reassignments } = models.kafka as KafkaCluster;
    const row = (topic: string) => tables.topics.findIndex((t) => t.name === topic);
    for (const m of proposals)
      expect(tables.assigned(tables.firstPartition[row(m.topic)]! + m.partition)).toEqual(m.newReplicas);
    let bytes = 0;
    for (let b = 0; b < 6; b += 1) bytes += reassignments.bytesIn.get(b);
    const byTool = predict(small(), undefined, { proposals, concurrency: undefined, ...throttled });
    expect([byTool.end, byTool.astray, byTool.copiedBytes]).toEqual(['done', 0, Math.round(bytes)]);
    const removed = sim.told.find((t) => t.kind === 'kafka.throttleRemoved')!;
    expect(byTool.seconds * 1e6).toBeCloseTo(removed.time, 0);
    const byExecutor = predict(small(), undefined, {
      proposals,
      by: 'executor',
      throttle: undefined,
      concurrency: undefined,
    });
    expect([byExecutor.end, byExecutor.astray]).toEqual(['done', 0]);
  });

  test('take longer with fewer at once; latency is that of the time in which it is sampled', () => {
    const scenario = small();
    const [one, five] = [1, 5].map((concurrency) =>
      predict(scenario, undefined, plan(scenario, 'busy', { concurrency })),
    );
    expect(one!.seconds).toBeGreaterThan(1.5 * five!.seconds);
    const { sim, models } = build(scenario, { seed: '1', record: new Set(['rehearse:request_latency_ms']) });
    const { requests } = models.kafka as KafkaCluster;
    const shown = () =>
      requests.latencyRows.map((_, row) => sim.gauges.get('rehearse:request_latency_ms')!.get(row));
    sim.run(300e6);
    const before = shown();
    requests.measure(0, 300e6);
    sim.run(420e6);
    const during = shown();
    sim.run(900e6);
    expect(shown()).toEqual(during);
    expect(during).not.toEqual(before);
    requests.measure(0);
    sim.run(1200e6);
    expect(shown()).not.toEqual(during);
  });

  test('that a throttle starves never end; they are named, and the throttle that is told does end', () => {
    const scenario = small();
    const starved = predict(scenario, undefined, plan(scenario, 'busy', { throttle: 20 * MB }));
    expect(starved).toMatchObject({ end: 'never', copiedBytes: expect.any(Number), astray: 0 });
    expect(starved.heldBy[0]!.limit).toMatch(/throttle/);
    const names = new Set(starved.starved.flatMap((s) => s.partitions));
    expect(names.size).toBe(5);
    for (const s of starved.starved) expect(s.live).toBeGreaterThan(s.rate);
    const { throttle, seconds } = starved.suffices!;
    const mended = predict(scenario, undefined, plan(scenario, 'busy', { throttle }));
    expect([mended.end, mended.seconds]).toEqual(['done', seconds]);
  });

  test('go on when the load that starved them falls, as nobody could tell by looking for minutes', () => {
    const scenario = small((tree) => {
      Object.assign(tree, {
        workload: {
          curves: [{ name: 'night', daily: { hours: [...Array(20).fill(0.1), 1, 1, 1, 1], startHour: 23 } }],
        },
      });
      const { topics } = tree.kafka as unknown as { topics: { curve?: string }[] };
      topics[0]!.curve = 'night';
    });
    const p = predict(scenario, undefined, plan(scenario, 'busy', { by: 'tool', throttle: 60 * MB }));
    expect(p.end).toBe('done');
    expect(p.seconds).toBeGreaterThan(3000);
  });

  test('that would last for more than a day are not played for one', () => {
    const scenario = small();
    const moves = plan(scenario, 'busy', { by: 'tool', throttle: 25.01 * MB });
    // Two followers in sync and the new replica take 25 MB/s of one partition.
    const p = predict(scenario, undefined, { ...moves, proposals: moves.proposals.slice(0, 1) });
    expect(p).toMatchObject({ end: 'open', suffices: null, starved: [], underMinIsrMinutes: 0 });
    expect(p.seconds).toBeLessThan(1200);
    expect(p.leftSeconds!).toBeCloseTo(p.leftBytes / 0.01 / MB, -4);
    expect(p.leftSeconds).toBeGreaterThan(86_400);
  });

  test('are held by a throttle that the platform sets, and begin after a warm-up as without one', () => {
    const own = small((tree) => {
      tree.cruiseControl.config = { 'default.replication.throttle': 20 * MB };
    });
    const starved = predict(own, undefined, plan(own, 'busy'));
    expect(starved).toMatchObject({ end: 'never', suffices: { throttle: expect.any(Number) } });
    const warm = small((tree) => Object.assign(tree, { warmUp: '90s' }));
    const [late, soon] = [warm, small()].map((s) => predict(s, undefined, plan(s, 'busy', throttled)));
    expect([late!.end, late!.starved]).toEqual([soon!.end, soon!.starved]);
    // Logs have grown meanwhile; the pace is much the same: what has caught up takes its part of the throttle beside the rest.
    expect(late!.copiedBytes).toBeGreaterThan(1.2 * soon!.copiedBytes);
    const pace = (p: typeof late) => p!.copiedBytes / p!.seconds;
    expect(Math.abs(pace(late) / pace(soon) - 1)).toBeLessThan(0.1);
    expect(late!.peaks[5]!.diskBytes.without).toBe(0);
    expect(late!.peaks[5]!.inboundBytesPerSecond.during).toBeGreaterThan(100 * MB);
  });

  test('begin at their moment: beside others they are refused, and what comes later in the timeline does not happen', () => {
    const entry = (at: string, partition: number) => ({
      at,
      id: at,
      do: 'kafka.reassign',
      partitions: [{ topic: 'busy', partition, replicas: [partition, 5, (partition + 2) % 5] }],
      throttle: '9MB/s',
    });
    const scenario = small(() => {}, [entry('+65s', 0), entry('+3m', 1)]);
    const moves = plan(scenario, 'idle');
    const before = predict(scenario, 60e6, moves);
    expect([before.end, before.seconds]).toEqual(['done', predict(scenario, undefined, moves).seconds]);
    expect(predict(scenario, 150e6, moves)).toMatchObject({
      end: 'refused',
      why: 'partitions are being reassigned that this execution did not ask for',
    });
  });
});
