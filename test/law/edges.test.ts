import { describe, expect, test } from 'vitest';
import {
  constant,
  exponential,
  lognormal,
  pareto,
  uniform,
  weibull,
} from '../../src/engine/distributions.ts';
import { FlowNetwork } from '../../src/engine/flows.ts';
import { sleep } from '../../src/engine/process.ts';
import { EventQueue } from '../../src/engine/queue.ts';
import { eventClass, Simulation } from '../../src/engine/simulation.ts';
import { StripedReplicaPlacer } from '../../src/models/kafka/placement.ts';
import { Pods } from '../../src/models/kubernetes/pod.ts';
import { clusterSettings, makeCluster, seconds, topic } from '../support/cluster.ts';
import { variant } from '../support/files.ts';

describe('engine, at its edges', () => {
  test('payloads come back as they were given, also when only some events carry a second one', () => {
    const queue = new EventQueue();
    for (let i = 0; i < 200; i += 1) queue.push(i, i, i % 7, i * 3, -i, i % 3 === 0 ? i / 4 : 0);
    for (let i = 0; i < 200; i += 1) {
      expect(queue.pop()).toBe(true);
      expect([queue.time, queue.kind, queue.target, queue.a, queue.b]).toEqual([
        i,
        i % 7,
        i * 3,
        -i + 0,
        i % 3 === 0 ? i / 4 : 0,
      ]);
    }
    expect(queue.pop()).toBe(false);
    expect(queue.peekTime()).toBe(Number.POSITIVE_INFINITY);
  });

  test('an event without a second payload carries 0', () => {
    const queue = new EventQueue();
    queue.push(1, 0, 0, 0, 5, 0);
    queue.pop();
    expect([queue.a, queue.b]).toEqual([5, 0]);
  });

  test('a flow that is stopped has moved what it moved until then', () => {
    const sim = new Simulation({ seed: 's' });
    const net = new FlowNetwork(sim);
    const flow = net.start({ path: [net.link('l', 100)], cap: 50 });
    sim.run(3e6);
    expect(net.stop(flow)).toBe(150);
  });

  test('events are counted by kind, observers apart from the total', () => {
    const sim = new Simulation({ seed: 's' });
    const [a, b] = [sim.on('a', () => {}), sim.on('b', () => {})];
    const o = sim.on('o', () => {}, eventClass.observer);
    for (const [kind, times] of [
      [a, 3],
      [b, 5],
      [o, 2],
    ] as const)
      for (let i = 0; i < times; i += 1) sim.at(i, kind);
    sim.run(10);
    expect(sim.eventsByKind()).toEqual([
      ['b', 5],
      ['a', 3],
      ['o', 2],
    ]);
    expect(sim.eventCount).toBe(8);
  });

  test('a bound lets through just what it says', () => {
    const play = (count: number) => {
      const sim = new Simulation({ seed: 's', bounds: { eventsAtOneInstant: 3, events: 7, pending: 9 } });
      const kind = sim.on('k', () => {});
      for (let i = 0; i < count; i += 1) sim.at(Math.floor(i / 3), kind);
      sim.run(100);
      return sim.eventCount;
    };
    expect(play(7)).toBe(7);
    expect(() => play(8)).toThrow(/^7 events/);
    expect(() => play(10)).toThrow(/^9 events are pending/);
    const instant = new Simulation({ seed: 's', bounds: { eventsAtOneInstant: 3 } });
    const kind = instant.on('k', () => {});
    for (let i = 0; i < 4; i += 1) instant.at(5, kind);
    expect(() => instant.run(10)).toThrow(/^3 events at t = 5 us/);
  });

  test('stop ends the run after the event that asked for it, and says why', () => {
    const sim = new Simulation({ seed: 's' });
    let ran = 0;
    const kind = sim.on('k', () => {
      ran += 1;
      if (ran === 2) sim.stop('enough');
    });
    for (let i = 1; i <= 5; i += 1) sim.at(i, kind);
    sim.run(10);
    expect([ran, sim.now, sim.stoppedBecause]).toEqual([2, 2, 'enough']);
  });

  test('a run goes to its end although nothing happens there, and to an event when asked', () => {
    const sim = new Simulation({ seed: 's' });
    const kind = sim.on('k', () => {});
    for (let i = 1; i <= 5; i += 1) sim.at(i, kind);
    sim.run(100, 3);
    expect([sim.eventCount, sim.now]).toEqual([3, 3]);
    sim.run(100);
    expect([sim.eventCount, sim.now, sim.pendingCount]).toEqual([5, 100, 0]);
  });

  test('gauges know their names, refuse to be made twice, and have no mean unless recorded', () => {
    const sim = new Simulation({ seed: 's' });
    const g = sim.gauge('level', 2);
    expect([g.name, g.rows, g.rowRecord(0)]).toEqual(['level', 2, undefined]);
    expect(() => sim.gauge('level', 1)).toThrow(/level is made twice/);
    expect(() => g.mean(0)).toThrow(/level has no mean/);
    expect(() => sim.causeOfEvent(1)).toThrow(/not asked/);
  });

  test('a procedure tells when it has ended, and cannot interrupt itself', () => {
    const sim = new Simulation({ seed: 's' });
    const seen: string[] = [];
    const p = sim.spawn('p', function* () {
      yield sleep(5);
      expect(() => p.interrupt('me')).toThrow(/cannot interrupt itself/);
    });
    p.ended.add(() => seen.push(`ended at ${sim.now}`));
    sim.run(10);
    expect([p.done, seen]).toEqual([true, ['ended at 5']]);
  });

  test('families take parameters just above nothing, and tell whether they draw', () => {
    for (const d of [
      weibull(0.5, 0.5),
      pareto(0.5, 0.5),
      exponential(0.5),
      lognormal(0.5, 0.5),
      uniform(0.5, 0.5),
    ])
      expect(Number.isFinite(d.sample(0.5))).toBe(true);
    expect([
      uniform(1, 1).draws,
      uniform(1, 2).draws,
      lognormal(1, 1).draws,
      lognormal(1, 2).draws,
      constant(1).draws,
      weibull(1, 1).draws,
    ]).toEqual([false, true, false, true, false, true]);
    expect(pareto(1, 2).mean).toBe(Number.POSITIVE_INFINITY);
    expect(weibull(2, 1).mean).toBeCloseTo(Math.sqrt(Math.PI) / 2, 9);
    for (const bad of [
      () => weibull(1, 0),
      () => weibull(-1, 1),
      () => pareto(0, 1),
      () => pareto(1, -1),
      () => exponential(-1),
    ])
      expect(bad).toThrow(RangeError);
  });

  test('links tell capacity and use; a flow that was stopped is unknown', () => {
    const sim = new Simulation({ seed: 's' });
    const net = new FlowNetwork(sim);
    const link = net.link('l', 100);
    net.setBackground(link, 30);
    const flow = net.start({ path: [link], cap: Number.POSITIVE_INFINITY });
    sim.run(2e6);
    expect([net.capacity(link), net.used(link), net.rate(flow), net.moved(flow), net.flowCount]).toEqual([
      100, 100, 70, 140, 1,
    ]);
    expect(net.stop(flow)).toBe(140);
    expect(() => net.rate(flow)).toThrow(/no flow/);
    sim.run(3e6);
    expect([net.used(link), net.flowCount]).toEqual([30, 0]);
  });
});

describe('models, at their edges', () => {
  test('a pod that turns unhealthy while nobody deletes it is not ready, and is ready again by itself', () => {
    const sim = new Simulation({ seed: 's' });
    const pods = new Pods(sim, ['p'], {
      gracePeriodMicros: 30e6,
      recreateMicros: constant(1e6),
      readiness: { initialDelayMicros: 1e6, periodMicros: 10e6 },
    });
    let healthy = true;
    pods.connect({
      start: () => {},
      terminate: () => {},
      kill: () => {},
      lose: () => {},
      healthy: () => healthy,
      wipe: () => {},
    });
    const turn = sim.on('turn', (_, to) => {
      healthy = to === 1;
      pods.healthChanged(0);
    });
    sim.at(50e6, turn, 0, 0);
    sim.at(60e6, turn, 0, 1);
    sim.run(55e6);
    expect(pods.isReady(0)).toBe(false);
    sim.run(100e6);
    expect(pods.isReady(0)).toBe(true);
    expect(pods.uidOf(0)).toBe(1);
  });

  test('a broker that is not back when the next is due delays it, and that is told', () => {
    const result = variant(
      'scenarios/what-if/bases/two-brokers.yaml',
      'timeline: [{ id: restart, waitFor: null, stabilisation: null, every: 30s }]\nexpect: []',
    );
    const late = result.told.filter((t) => t.kind === 'operations.late');
    expect(late.map((t) => t.subject)).toEqual(['broker-0']);
    const starts = result.told.filter((t) => t.kind === 'operations.restart').map((t) => t.time / 1e6);
    expect(starts[1]! - starts[0]!).toBeCloseTo(42, 0);
  });

  test('an idle cluster keeps everything in the page cache; one that writes keeps cache / rate', () => {
    const { cluster } = makeCluster(
      clusterSettings({
        topics: [topic({ name: 't', partitions: 5, replicationFactor: 1, minInSyncReplicas: 1 })],
      }),
    );
    const rate = 60e6 / 5;
    expect(cluster.requests.pageCacheAgeMicros(0)).toBeCloseTo((5e9 / rate) * 1e6, 0);
    const idle = makeCluster(
      clusterSettings({ topics: [topic({ name: 't', bytesInPerSecond: 0, messagesInPerSecond: 0 })] }),
    );
    expect(idle.cluster.requests.pageCacheAgeMicros(0)).toBe(Number.POSITIVE_INFINITY);
  });

  test('a second request to stop a broker that is stopping changes nothing, and a start while it runs neither', () => {
    const { sim, cluster, stop, start } = makeCluster(clusterSettings());
    sim.at(seconds(10), start, 0, 0);
    sim.at(seconds(20), stop, 0, 5000);
    sim.at(seconds(21), stop, 0, 1000);
    sim.run(seconds(24));
    expect(cluster.brokers.state.get(0)).toBe(7);
    sim.run(seconds(26));
    expect(cluster.brokers.state.get(0)).toBe(0);
    expect(sim.told.filter((t) => t.kind === 'kafka.controlledShutdown')).toHaveLength(1);
    expect(() => cluster.row(99)).toThrow(/no broker 99/);
  });

  test('golden: where the placer puts replicas, with racks, fenced brokers and reshuffles', () => {
    const sim = new Simulation({ seed: 'golden' });
    const brokers = Array.from({ length: 9 }, (_, row) => ({
      row,
      id: row,
      rack: `r${row % 2}`,
      fenced: row % 4 === 3 || row === 0,
    }));
    const placer = new StripedReplicaPlacer(brokers, sim.stream('controller', 'placement'));
    expect(Array.from({ length: 24 }, () => placer.place(5).join(''))).toEqual([
      '65812',
      '18527',
      '25416',
      '14563',
      '65812',
      '18527',
      '54127',
      '21856',
      '58163',
      '61452',
      '54127',
      '21856',
      '81654',
      '56147',
      '41258',
      '52183',
      '81654',
      '56147',
      '14527',
      '25816',
      '18563',
      '65412',
      '14527',
      '25816',
    ]);
  });

  test('a single leader that returns is told, and none is when nothing is to be done', () => {
    const { sim, restart } = makeCluster(
      clusterSettings({
        topics: [topic({ name: 't', partitions: 1 })],
        assignment: Int32Array.from([3, 4, 0]),
      }),
    );
    restart(3, 10, 30);
    restart(1, 20, 30);
    sim.run(seconds(1000));
    const told = sim.told.filter((t) => t.kind === 'kafka.preferredElection');
    expect(told.map((t) => t.detail)).toEqual(['1 leaders']);
  });

  test('each running count is compared with the recount', () => {
    const gauges = [
      'leaderCount',
      'partitionCount',
      'underReplicated',
      'underMinIsr',
      'atMinIsr',
      'outOfSync',
    ] as const;
    const single = ['offlinePartitions', 'preferredImbalance', 'brokersOutOfSync'] as const;
    for (const name of [...gauges, ...single]) {
      const { cluster } = makeCluster(clusterSettings());
      cluster.gauges.verify();
      cluster.gauges[name].add(0, 1);
      expect(() => cluster.gauges.verify(), name).toThrow(/a recount of the partitions gives/);
    }
  });
});
