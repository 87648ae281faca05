import { describe, expect, test } from 'vitest';
import { eventClass, Simulation } from '../../src/engine/simulation.ts';
import { lineToValue } from '../../src/experiment/causalLine.ts';
import { explain, explainAnswer, targetOf } from '../../src/experiment/explain.ts';
import { play } from '../../src/experiment/play.ts';
import type { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { parseExpression, selectorsOf } from '../../src/promql/parse.ts';
import { type Built, build, catalogue } from '../../src/scenario/build.ts';
import { scenarioOf } from '../support/files.ts';

const restart = 'scenarios/reference-day/rolling-restart.yaml';
const shipped = [
  restart,
  'scenarios/what-if/crash.yaml',
  'scenarios/what-if/zone-1b.yaml',
  'scenarios/reference-day/monthly-aggregation.yaml',
];

function played(path: string, causes: boolean, over: Readonly<Record<string, string>> = {}): Built {
  const scenario = scenarioOf(path, over);
  const built = build(scenario, {
    seed: scenario.seed,
    replication: 0,
    record: 'all',
    keepEvents: true,
    causes,
  });
  if (causes) (built.models.kafka as KafkaCluster | undefined)?.requests.keepStages();
  play(built, scenario);
  return built;
}

describe('keeping causes', () => {
  test.each(shipped)('moves nothing in %s: no event, no draw, no recorded value', (path) => {
    const [kept, bare] = [played(path, true), played(path, false)];
    expect([kept.sim.fingerprint(), kept.sim.eventCount, kept.sim.told]).toEqual([
      bare.sim.fingerprint(),
      bare.sim.eventCount,
      bare.sim.told,
    ]);
    for (const [name, gauge] of bare.sim.gauges)
      for (let row = 0; row < gauge.rows; row += 1) {
        const { writers, ...record } = kept.sim.gauges.get(name)!.rowRecord(row)!;
        expect(record).toEqual(gauge.rowRecord(row));
        expect(writers!.length).toBe(record.times.length);
      }
  });

  test('a change is that of the event that made it; an observer has no event, nor what it schedules', () => {
    const sim = new Simulation({ seed: 's', causes: true, record: 'all' });
    const level = sim.gauge('level', 1);
    const up = sim.on('up', () => level.add(0, 1));
    const look = sim.on(
      'look',
      () => {
        level.add(0, 10);
        sim.after(5, up);
      },
      eventClass.observer,
    );
    sim.at(1, up);
    sim.at(2, up);
    sim.at(3, look);
    sim.run(20);
    const { times, writers } = level.rowRecord(0)!;
    expect([times, writers]).toEqual([
      [0, 1, 2, 3, 8],
      [0, 1, 2, 0, 3],
    ]);
    expect([1, 2, 3].map((e) => sim.causeOfEvent(e))).toEqual([0, 0, 0]);
    expect([0, 3].map((e) => sim.kindOfEvent(e))).toEqual(['start', 'up']);
  });
});

describe('an event that is taken back and scheduled again', () => {
  /** Event 1 schedules `ring` for 100; event 2, at 50, moves it to `to`. @returns what caused it, by the number of the event */
  function causeOfMoved(to: number, how: 'again' | 'reschedule'): number {
    const sim = new Simulation({ seed: 's', causes: true });
    const ring = sim.on('ring', () => {});
    let pending = 0;
    const set = sim.on('set', () => {
      pending = sim.at(100, ring, 7, 1);
    });
    const touch = sim.on('touch', () => {
      if (how === 'reschedule') sim.reschedule(pending, to);
      else {
        sim.cancel(pending);
        sim.at(to, ring, 7, 1);
      }
    });
    sim.at(1, set);
    sim.at(50, touch);
    sim.run(1000);
    return sim.causeOfEvent(3);
  }

  test.each(['again', 'reschedule'] as const)(
    '%s: keeps its cause at its time, and has the one who moved it at another',
    (how) => {
      expect([100, 101, 200, 60].map((to) => causeOfMoved(to, how))).toEqual([1, 1, 2, 2]);
    },
  );

  test('long after another event took it back is a new one, whatever else that event takes back', () => {
    const sim = new Simulation({ seed: 's', causes: true });
    const ring = sim.on('ring', () => {});
    const handles: number[] = [];
    const set = sim.on('set', (target) => {
      handles[target] = sim.at(100, ring, target);
    });
    const drop = sim.on('drop', () => sim.cancel(handles[1]!));
    const anew = sim.on('anew', () => {
      sim.cancel(handles[2]!);
      sim.at(100, ring, 1);
    });
    sim.at(1, set, 1);
    sim.at(2, set, 2);
    sim.at(3, drop);
    sim.at(4, anew);
    sim.run(1000);
    expect(sim.causeOfEvent(5)).toBe(4);
  });

  test('by a later event is a new one', () => {
    const sim = new Simulation({ seed: 's', causes: true });
    const ring = sim.on('ring', () => {});
    let pending = 0;
    const set = sim.on('set', () => {
      pending = sim.at(100, ring);
    });
    const drop = sim.on('drop', () => sim.cancel(pending));
    const anew = sim.on('anew', () => sim.at(100, ring));
    sim.at(1, set);
    sim.at(2, drop);
    sim.at(3, anew);
    sim.run(1000);
    expect(sim.causeOfEvent(4)).toBe(3);
  });
});

const selectorsIn = (text: string) => {
  const read = parseExpression(text);
  if (!read.ok) throw new Error(text);
  return selectorsOf(read.value);
};

describe('a line of events', () => {
  test.each(shipped)(
    'in %s goes from the start to the change, each event scheduled in the one before it',
    (path) => {
      const built = played(path, true);
      const { sim } = built;
      let fromTimeline = 0;
      for (const { name } of catalogue.metrics) {
        const line = lineToValue(built, selectorsIn(name), {}, built.until);
        if (line === undefined || line.events.length === 0) continue;
        expect(line.events.map((e) => sim.causeOfEvent(e))).toEqual([0, ...line.events.slice(0, -1)]);
        expect([...line.events].sort((a, b) => a - b)).toEqual(line.events);
        const entries = line.events.flatMap((e) => built.entryOfEvent.get(e) ?? []);
        expect(line.entry).toBe(entries.at(-1) ?? (line.firstKind.startsWith('faults.') ? 'faults' : null));
        if (line.entry !== null) fromTimeline += 1;
      }
      expect(fromTimeline).toBeGreaterThan(3);
    },
  );

  test('is the same after a thousand unrelated events, which stand between its own', () => {
    const path = 'scenarios/reference-day/many.yaml';
    const entries = Array.from(
      { length: 1000 },
      (_, i) => `  - { at: +${250_000 + i * 51}ms, id: r${i}, do: jvm.pause, broker: 4, for: 1us }`,
    );
    const text = `rehearse: 1\nextends: rolling-restart.yaml\ntimeline:\n${entries.join('\n')}\n`;
    const names = ['rehearse:retried_sends_total', 'rehearse:unavailable_partition_seconds_total'];
    for (const name of names) {
      const lines = [played(restart, true), played(path, true, { [path]: text })].map((built) => {
        const line = lineToValue(built, selectorsIn(name), {}, 301e6)!;
        const told = built.sim.told.filter((t) => line.events.includes(t.event));
        return [
          line.entry,
          line.change,
          line.events.map((e) => built.sim.kindOfEvent(e)),
          told.map((t) => [t.time, t.kind, t.subject]),
        ];
      });
      expect(lines[1]).toEqual(lines[0]);
      expect(lines[0]![0]).toBe('restart');
    }
  });
});

const head = { scenario: '', seed: '', version: '' };

describe('what is said of a cause', () => {
  test.each([
    [0.9, 'is the cause'],
    [0.93, 'is the cause'],
    [0.89, 'is contributing'],
    [1.24, 'is the cause: without it more than all of what lies above the rest is gone'],
  ])('that takes %d away', (share, says) => {
    const scenario = scenarioOf(restart);
    const e = explain(scenario, targetOf(scenario, 'worstLag', []), scenario.seed, 0);
    const answer = explainAnswer(scenario, head, { ...e, root: { ...e.root!, share } }, (kind) => kind);
    expect(answer.says[0]).toContain(`restart ${says}`);
  });
});

test('an expectation is explained from the moment at which it is broken first', () => {
  const path = 'scenarios/reference-day/strict.yaml';
  const that = 'kafka_server_replicamanager_underreplicatedpartitions == 0';
  const text = `rehearse: 1\nextends: rolling-restart.yaml\nexpect:\n  - { name: all in sync, that: "${that}", throughout: true }\n`;
  const scenario = scenarioOf(path, { [path]: text });
  const e = explain(scenario, targetOf(scenario, 'all in sync', []), scenario.seed, 0);
  // The first of five brokers goes at five minutes; what comes after has no part in it.
  expect([e.value, e.lineEntry, e.root!.cause]).toEqual([1, 'restart', 'restart']);
  expect(e.at).toBe(e.change!.time);
  expect(e.at).toBeGreaterThanOrEqual(300e6);
  expect(e.at).toBeLessThan(310e6);
  expect(e.links.map((l) => [l.told.subject, l.count])).toContainEqual(['broker-0', 1]);
});

describe('the stages of a quantile', () => {
  const at = (quantile: string) => [
    `kafka_network_requestmetrics_totaltimems{request="Produce", quantile="${quantile}"}`,
    `kafka_network_requestmetrics_totaltimems{request="FetchFollower", quantile="${quantile}"}`,
    `rehearse:request_latency_ms{request="Produce", acks="all", side="client", quantile="${quantile}"}`,
    `rehearse:request_latency_ms{request="Produce", acks="1", side="client", quantile="${quantile}"}`,
    `rehearse:request_latency_ms{request="FetchConsumer", side="broker", quantile="${quantile}"}`,
  ];

  test.each(['0.50', '0.99', '0.999'])('sum to the quantile %s at its highest', (quantile) => {
    const scenario = scenarioOf('scenarios/what-if/crash.yaml');
    let seen = 0;
    for (const name of at(quantile)) {
      const e = explain(scenario, targetOf(scenario, name, []), scenario.seed, 0);
      if (e.value === 0) continue;
      seen += 1;
      const { ms, stages } = e.stages!;
      expect(ms).toBe(e.value);
      expect(stages.reduce((sum, s) => sum + s.ms, 0)).toBeCloseTo(ms, 9);
      for (const s of stages) {
        // A bucket is 2.2 % wide; what it leaves open is less.
        if (s.stage === 'width of the bucket') expect(Math.abs(s.ms)).toBeLessThan(0.022 * ms);
        else expect(s.ms).toBeGreaterThanOrEqual(0);
      }
    }
    expect(seen).toBeGreaterThanOrEqual(4);
  });
});
