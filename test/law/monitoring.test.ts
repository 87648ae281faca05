import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gone } from '../../src/engine/gauge.ts';
import { eventClass, Simulation } from '../../src/engine/simulation.ts';
import { SampleClock } from '../../src/models/monitoring/sampleClock.ts';
import type { ServerOptions } from '../../src/promql/leaves.ts';
import { parseExpression } from '../../src/promql/parse.ts';
import { prometheus3 } from '../../src/promql/samples.ts';
import { build } from '../../src/scenario/build.ts';
import { Exposition } from '../../src/scenario/connections/exposition.ts';
import { ScrapedGauges } from '../../src/scenario/connections/gaugesToMonitoring.ts';
import { run, scenarioOf } from '../support/files.ts';
import { leafFiles, smallScenario } from '../support/leafCases.ts';
import { alertRule, monitoring, ruleGroup } from '../support/monitoring.ts';

const parsed = (text: string) => {
  const p = parseExpression(text);
  if (!p.ok) throw new Error(p.problems[0]!.message);
  return p.value;
};

/** Scraped gauges of a run, each row a target of its own. */
function scraped(sim: Simulation, clockOf: (target: string) => SampleClock): ScrapedGauges {
  return new ScrapedGauges({
    sim,
    labelsOf: () => (row) => ({ instance: `i${row}` }),
    names: [...sim.gauges.keys()],
    exposition: new Exposition({ cluster: 'c', namespace: 'kafka', nodeOf: new Map(), hasJbod: false }),
    clockOf,
    writtenBy: () => undefined,
    origin: 0,
  });
}

const options: ServerOptions = prometheus3;

describe('the way from a threshold to a message', () => {
  test('takes wScrape + wEval + ceil(for / interval) x interval + group_wait, for any offsets', () => {
    let longest = 0;
    fc.assert(
      fc.property(
        fc.record({
          scrape: fc.constantFrom(5, 15, 30, 60),
          interval: fc.constantFrom(15, 30, 60),
          for: fc.integer({ min: 0, max: 400 }),
          wait: fc.integer({ min: 0, max: 60 }),
          u: fc.double({ min: 0, max: 0.999, noNaN: true }),
          v: fc.double({ min: 0, max: 0.999, noNaN: true }),
          crossed: fc.integer({ min: 61_000_000, max: 200_000_000 }),
        }),
        (c) => {
          const [scrape, interval] = [c.scrape * 1e6, c.interval * 1e6];
          const scrapeOffset = Math.floor(c.u * scrape);
          const evalOffset = Math.floor(c.v * interval);
          const sim = new Simulation({ seed: '1', record: 'all' });
          const gauge = sim.gauge('x', 1);
          const cross = sim.on('test.cross', () => gauge.set(0, 20), eventClass.model);
          sim.at(c.crossed, cross);
          const source = scraped(sim, () => new SampleClock(scrape, scrapeOffset));
          const rule = alertRule('High', source.query(parsed('x > 10'), options), { forMicros: c.for * 1e6 });
          const made = monitoring(sim, {
            groups: [ruleGroup({ intervalMicros: interval, offsetMicros: evalOffset, rules: [rule] })],
          });
          const { route } = made.settings.alertmanager;
          Object.assign(route, { groupWaitMicros: c.wait * 1e6 });
          sim.run(1200e6);
          const next = (t: number, every: number, offset: number) =>
            offset + Math.ceil((t - offset) / every) * every;
          const sampled = next(c.crossed, scrape, scrapeOffset);
          const pending = next(sampled, interval, evalOffset);
          const wScrape = sampled - c.crossed;
          const wEval = pending - sampled;
          const latency = wScrape + wEval + Math.ceil(c.for / c.interval) * interval + c.wait * 1e6;
          expect(made.messages.map((m) => m.at)).toEqual([c.crossed + latency]);
          expect([wScrape < scrape, wEval < interval]).toEqual([true, true]);
          longest = Math.max(longest, latency);
        },
      ),
      { numRuns: 300 },
    );
    expect(longest).toBeGreaterThan(400e6);
  });
});

/** Change points of a series: seconds to the next, and a value, or the end of the series. */
const course = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 200 }), fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(gone))),
  { minLength: 1, maxLength: 25, size: 'max' },
);

describe('a scraper', () => {
  test('sees of a series what a table of stored samples and stale markers holds, and a kept answer is that of a fresh one', () => {
    let ended = 0;
    let kept = 0;
    fc.assert(
      fc.property(
        fc.array(course, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(15, 60, 290, 360),
        fc.array(fc.constantFrom(30, 60, 60, 60, 60), { minLength: 50, maxLength: 50, size: 'max' }),
        fc.boolean(),
        (courses, every, steps, leftOpen) => {
          const sim = new Simulation({ seed: '1', record: 'all' });
          const gauge = sim.gauge('x', courses.length);
          const set = sim.on('test.set', (row, place) => gauge.set(row, courses[row]![place]![1]));
          for (const [row, points] of courses.entries()) {
            let at = 0;
            for (const [place, [after]] of points.entries()) {
              at += after * 1e6;
              sim.at(at, set, row, place);
            }
          }
          const offsets = courses.map((_, row) => ((row * 30) % every) * 1e6);
          const clocks = offsets.map((offset) => new SampleClock(every * 1e6, offset));
          const source = scraped(sim, (target) => clocks[Number(target.slice(-1))]!);
          const query = source.query(parsed('x'), { ...options, major: leftOpen ? 3 : 2 });
          const window = source.query(parsed('sum_over_time(x[80s])'), {
            ...options,
            major: leftOpen ? 3 : 2,
          });
          const most = source.query(parsed('max_over_time(x[80s])'), { ...options, major: leftOpen ? 3 : 2 });
          const gain = source.query(parsed('delta(x[80s])'), { ...options, major: leftOpen ? 3 : 2 });
          const samples: (readonly [number, number])[][] = courses.map(() => []);
          let last: unknown;
          let t = 0;
          for (const step of steps) {
            t += step * 1e6;
            const due = offsets.flatMap((offset, row) => {
              const made: (readonly [number, number])[] = [];
              for (let k = samples[row]!.length; offset + k * every * 1e6 <= t; k += 1)
                made.push([offset + k * every * 1e6, row]);
              return made;
            });
            for (const [at, row] of due.sort((x, y) => x[0] - y[0] || x[1] - y[1])) {
              sim.run(at);
              samples[row]!.push([at, gauge.get(row)]);
            }
            sim.run(t);
            const seen = samples.map((list) => {
              const sample = list.at(-1);
              if (sample === undefined || sample[1] === gone) return undefined;
              const age = t - sample[0];
              return age < 300e6 || (!leftOpen && age === 300e6) ? sample[1] : undefined;
            });
            const answer = query.at(t);
            if (answer === last) kept += 1;
            last = answer;
            const of = new Map(answer.map((s) => [s.labels.instance, s.value]));
            expect(courses.map((_, row) => of.get(`i${row}`))).toEqual(seen);
            if (samples.some((list) => list.at(-1)?.[1] === gone)) ended += 1;
            const sums = samples.map((list) => {
              const inside = list.filter(
                ([at, v]) => v !== gone && at <= t && (at > t - 80e6 || (!leftOpen && at === t - 80e6)),
              );
              return inside.length === 0 ? undefined : inside.reduce((sum, [, v]) => sum + v, 0);
            });
            const inWindow = samples.map((list) =>
              list.filter(
                ([at, v]) => v !== gone && at <= t && (at > t - 80e6 || (!leftOpen && at === t - 80e6)),
              ),
            );
            const largest = new Map(most.at(t).map((s) => [s.labels.instance, s.value]));
            const gains = new Map(gain.at(t).map((s) => [s.labels.instance, Math.sign(s.value)]));
            for (const [row, list] of inWindow.entries()) {
              expect(largest.get(`i${row}`)).toBe(
                list.length === 0 ? undefined : Math.max(...list.map(([, v]) => v)),
              );
              const sign = list.length < 2 ? undefined : Math.sign(list.at(-1)![1] - list[0]![1]);
              expect(gains.get(`i${row}`)).toBe(sign);
            }
            const ofWindow = new Map(window.at(t).map((s) => [s.labels.instance, s.value]));
            expect(courses.map((_, row) => ofWindow.get(`i${row}`))).toEqual(sums);
          }
        },
      ),
      { numRuns: 60 },
    );
    expect([ended > 100, kept > 100]).toEqual([true, true]);
  });

  test('that misses a scrape sees nothing of the target until the next one', () => {
    const sim = new Simulation({ seed: 'missed', record: 'all' });
    sim.gauge('x', 1).set(0, 5);
    const clock = new SampleClock(30e6, 0, { missProbability: 0.3, draw: sim.stream('a', 'missedScrapes') });
    const query = scraped(sim, () => clock).query(parsed('x'), options);
    let missed = 0;
    for (let k = 0; k < 400; k += 1) {
      sim.run(k * 30e6);
      expect(query.at(k * 30e6).length).toBe(clock.isMissed(k) ? 0 : 1);
      if (clock.isMissed(k)) missed += 1;
    }
    // Binomial: 120, within four standard deviations of 9.2.
    expect(Math.abs(missed - 120)).toBeLessThan(37);
  });
});

const rules = {
  scrapeInterval: '15s',
  evaluationInterval: '15s',
  groups: [
    {
      name: 'brokers',
      rules: [
        { record: 'cluster:urp:sum', expr: 'sum(kafka_server_replicamanager_underreplicatedpartitions)' },
        { alert: 'UnderReplicated', expr: 'cluster:urp:sum > 0', for: '15s', labels: { severity: 'page' } },
      ],
    },
  ],
  channels: [{ name: 'pager', receivers: ['default'], steps: [{ name: 'one', acknowledges: '10s' }] }],
};

function played(more: object, record: 'all' | ReadonlySet<string> = 'all') {
  const scenario = scenarioOf('monitored.yaml', {
    ...leafFiles,
    'monitored.yaml': JSON.stringify({ ...(smallScenario as object), ...more }),
  });
  const built = build(scenario, { seed: scenario.seed, record, keepEvents: true });
  built.sim.run(built.until);
  return built;
}

describe('rules', () => {
  test('that somebody only looks at move neither the fingerprint nor the count of events of a run', () => {
    const plain = played({});
    const watched = played({ monitoring: rules });
    expect(watched.sim.told.filter((t) => t.kind === 'monitoring.firing')).toHaveLength(1);
    expect(watched.sim.told.some((t) => t.kind === 'monitoring.acknowledged')).toBe(true);
    expect([watched.sim.fingerprint(), watched.sim.eventCount]).toEqual([
      plain.sim.fingerprint(),
      plain.sim.eventCount,
    ]);
  });

  test('are not played at all where nobody records what they say', () => {
    const built = played({ monitoring: rules }, new Set(['rehearse:brokers_out_of_sync']));
    expect(built.sim.eventsByKind().filter(([kind]) => kind.startsWith('monitoring'))).toEqual([]);
    expect(played({ monitoring: rules }, new Set(['ALERTS'])).sim.told.length).toBeGreaterThan(0);
  });

  test('that look back see what others of the group recorded for that time, and so everything later by that much', () => {
    const firing = (queryOffset: string) => {
      const groups = rules.groups.map((g) => ({ ...g, queryOffset }));
      const { sim } = played({ monitoring: { ...rules, groups } });
      return sim.told
        .filter((t) => t.kind === 'monitoring.firing' || t.kind === 'monitoring.resolved')
        .map((t) => t.time);
    };
    const [now, back] = [firing('0s'), firing('30s')];
    expect(now).toHaveLength(2);
    expect(back).toEqual(now.map((t) => t + 30e6));
  });

  test('that a condition of a procedure reads are part of the model, and the procedure acts on them', () => {
    const roll = (haltIf: string) => ({
      monitoring: rules,
      to: '+10m',
      timeline: [
        {
          at: '+60s',
          id: 'roll',
          do: 'operations.rollingRestart',
          brokers: [0, 1, 2],
          downTime: '60s',
          drain: '8s',
          every: '2m',
          haltIf,
        },
      ],
    });
    const halted = played(roll('rehearse:alert_firing_seconds{alertname="UnderReplicated"} > 0'));
    const free = played(roll('ALERTS{alertstate="no such"} > 0'));
    const evaluations = (built: typeof halted) =>
      built.sim.eventsByKind().find(([kind]) => kind === 'monitoring.evaluation')?.[1] ?? 0;
    expect(evaluations(halted)).toBeGreaterThan(30);
    const count = (built: typeof halted) =>
      built.sim.told.filter((t) => t.kind === 'monitoring.firing').length;
    expect([count(halted), count(free)]).toEqual([1, 3]);
  });

  test('give series that expectations can name, and tell where they cannot be evaluated', () => {
    const result = run(
      'monitored.yaml',
      {},
      {
        ...leafFiles,
        'monitored.yaml': JSON.stringify({
          ...(smallScenario as object),
          monitoring: {
            ...rules,
            groups: [
              ...rules.groups,
              {
                name: 'wrong',
                rules: [
                  {
                    alert: 'Wrong',
                    expr: 'kafka_server_replicamanager_leadercount + on() kafka_server_replicamanager_leadercount',
                  },
                ],
              },
            ],
          },
          expect: [
            {
              name: 'it fires while a broker is away',
              that: 'ALERTS{alertname="UnderReplicated", alertstate="firing", severity="page"} == 1',
              at: '+100s',
            },
            { name: 'recorded', that: 'cluster:urp:sum > 0', at: '+100s' },
            { name: 'over at the end', that: 'cluster:urp:sum == 0' },
            { name: 'told', that: 'sum(rehearse:notifications_total) >= 1' },
          ],
        }),
      },
    );
    expect(result.expectations.map((e) => [e.name, e.verdict])).toEqual([
      ['it fires while a broker is away', 'pass'],
      ['recorded', 'pass'],
      ['over at the end', 'pass'],
      ['told', 'pass'],
    ]);
    const found = result.findings.filter((f) => f.rule.startsWith('an alert rule'));
    expect(found.map((f) => f.says)).toEqual([
      expect.stringMatching(/^Wrong of group wrong fails at \d+ evaluations: many/),
    ]);
  });
});
