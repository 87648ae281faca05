import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  constant,
  empirical,
  exponential,
  lognormal,
  pareto,
  uniform,
  weibull,
} from '../../src/engine/distributions.ts';
import { mathSelfTest } from '../../src/engine/fingerprint.ts';
import { FlowNetwork } from '../../src/engine/flows.ts';
import { gone } from '../../src/engine/gauge.ts';
import { Histogram } from '../../src/engine/histogram.ts';
import { either, Interrupted, sleep, waitUntil } from '../../src/engine/process.ts';
import { EventQueue } from '../../src/engine/queue.ts';
import { makeStream, streamKey } from '../../src/engine/random.ts';
import { BoundReached, BrokenInvariant, eventClass, Simulation } from '../../src/engine/simulation.ts';
import { bytesOf, table } from '../../src/engine/table.ts';
import { exactRange, exactValue } from '../../src/promql/exact.ts';
import { NaiveQueue } from '../support/naiveQueue.ts';

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), time: fc.nat(40) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pop' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(400) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('move' as const), which: fc.nat(400), time: fc.nat(40) }),
  },
);

describe('event queue', () => {
  test('it gives the same events in the same order as a sorted list, under push, pop, cancel and reschedule', () => {
    let cancelled = 0;
    let moved = 0;
    let stale = 0;
    let ties = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 600, size: 'max' }), (steps) => {
        const queue = new EventQueue();
        const naive = new NaiveQueue();
        const handles: number[] = [];
        let order = 0;
        let last = -1;
        for (const s of steps) {
          if (s.do === 'push') {
            const handle = queue.push(s.time, order, order, 0, 0, 0);
            naive.push(handle, s.time, order, order);
            handles.push(handle);
            order += 1;
          } else if (s.do === 'pop') {
            const expected = naive.pop();
            expect(queue.pop()).toBe(expected !== undefined);
            if (expected === undefined) continue;
            expect([queue.time, queue.kind]).toEqual([expected.time, expected.kind]);
            if (expected.time === last) ties += 1;
            last = expected.time;
          } else {
            const handle = handles[s.which % Math.max(1, handles.length)];
            if (handle === undefined) continue;
            if (s.do === 'cancel') {
              const known = naive.cancel(handle);
              expect(queue.cancel(handle)).toBe(known);
              if (known) cancelled += 1;
              else stale += 1;
            } else {
              const next = () => order++;
              const before = order;
              const known = naive.reschedule(handle, s.time, next);
              order = before;
              expect(queue.reschedule(handle, s.time, next)).toBe(known);
              if (known) moved += 1;
            }
          }
          expect(queue.size).toBe(naive.size);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
    expect(Math.min(cancelled, moved, stale, ties)).toBeGreaterThan(200);
  });

  test('a pending event takes at most 40 bytes', () => {
    expect(EventQueue.bytesPerEntry).toBeLessThanOrEqual(40);
  });

  test('cancelled events leave nothing behind', () => {
    const queue = new EventQueue();
    let handle = queue.push(1, 0, 0, 0, 0, 0);
    for (let i = 1; i < 10_000; i += 1) {
      queue.cancel(handle);
      handle = queue.push(i, i, 0, 0, 0, 0);
    }
    expect(queue.size).toBe(1);
  });
});

describe('simulation', () => {
  test('events of one instant run by class, and in a class in the order of scheduling; rescheduling to the same time keeps the place', () => {
    const sim = new Simulation({ seed: 's' });
    const seen: string[] = [];
    const model = sim.on('m', (i) => seen.push(`m${i}`));
    const timer = sim.on('t', (i) => seen.push(`t${i}`), eventClass.timer);
    const observer = sim.on('o', (i) => seen.push(`o${i}`), eventClass.observer);
    sim.at(5, observer, 1);
    sim.at(5, timer, 1);
    const first = sim.at(5, model, 1);
    sim.at(5, model, 2);
    const late = sim.at(9, model, 3);
    sim.reschedule(first, 5);
    sim.reschedule(late, 5);
    sim.run(10);
    expect(seen).toEqual(['m1', 'm2', 'm3', 't1', 'o1']);
    expect(sim.eventCount).toBe(4);
  });

  /** A small random model: events that schedule, cancel and move others, by chance. */
  const randomModel = (seed: string, observed: boolean, stops: readonly number[], end: number) => {
    const sim = new Simulation({ seed, record: 'all', ...(observed ? { keepEvents: true } : {}) });
    const level = sim.gauge('level', 3, { linear: true });
    const chance = sim.stream('model', 'step');
    let pending = 0;
    const go = sim.on('go', (target, a) => {
      level.set(target, a, chance() - 0.5);
      for (let i = 0; i < (a % 3) + (sim.now < 50 ? 1 : 0); i += 1) {
        const handle = sim.after(1 + Math.floor(chance() * 20), go, Math.floor(chance() * 3), a + 1);
        const fate = chance();
        if (fate < 0.2) sim.cancel(handle);
        else if (fate < 0.4) sim.reschedule(handle, sim.now + 7);
        pending += 1;
      }
    });
    if (observed) {
      const look = sim.on(
        'look',
        () => {
          level.get(0);
          if (sim.now < end - 3) sim.after(3, look);
        },
        eventClass.observer,
      );
      sim.at(0, look);
    }
    sim.stateDigest('model', (add) => add(pending));
    sim.at(0, go, 0, 1);
    for (const t of stops) sim.run(t);
    sim.run(end);
    return { print: sim.fingerprint(), events: sim.eventCount };
  };

  test('a run equals itself, one with observers, and one that was stopped and went on', () => {
    const prints = new Set<string>();
    let events = 0;
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(90), { maxLength: 5 }),
        (seed, stops) => {
          const plain = randomModel(seed, false, [], 90);
          expect(randomModel(seed, true, [], 90)).toEqual(plain);
          expect(
            randomModel(
              seed,
              false,
              [...stops].sort((x, y) => x - y),
              90,
            ),
          ).toEqual(plain);
          prints.add(plain.print);
          events += plain.events;
        },
      ),
      { seed: 2, numRuns: 50 },
    );
    expect(prints.size).toBeGreaterThan(25);
    expect(events).toBeGreaterThan(500);
  });

  test('the order in which kinds are named does not move the fingerprint, another payload does', () => {
    const print = (swap: boolean, payload: number) => {
      const sim = new Simulation({ seed: 's' });
      if (swap) sim.on('b', () => {});
      const a = sim.on('a', () => {});
      sim.at(1, a, 0, payload);
      sim.run(2);
      return sim.fingerprint();
    };
    expect(print(true, 1)).toBe(print(false, 1));
    expect(print(false, 2)).not.toBe(print(false, 1));
  });

  test('a shuffled run has the same events in another order', () => {
    const order = (shuffleTies: boolean) => {
      const sim = new Simulation({ seed: 's', shuffleTies });
      const seen: number[] = [];
      const kind = sim.on('k', (i) => seen.push(i));
      for (let i = 0; i < 30; i += 1) sim.at(1, kind, i);
      sim.run(2);
      return seen;
    };
    expect(order(true)).not.toEqual(order(false));
    expect([...order(true)].sort((x, y) => x - y)).toEqual(order(false));
  });

  test('bounds stop a run that would not end, and say who', () => {
    const endless = (bounds: object) => {
      const sim = new Simulation({ seed: 's', bounds });
      const again = sim.on('again', () => {
        sim.after(0, again);
        sim.after(1, again);
      });
      sim.at(0, again);
      sim.run(1e9);
    };
    expect(() => endless({ eventsAtOneInstant: 100 })).toThrow(/100 events at t = 0 us.*again/);
    expect(() => endless({ events: 50 })).toThrow(BoundReached);
    expect(() => endless({ pending: 10 })).toThrow(/pending/);
  });

  test('times that are not whole microseconds from now on are refused', () => {
    const sim = new Simulation({ seed: 's' });
    const kind = sim.on('k', () => {});
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])
      expect(() => sim.at(bad, kind)).toThrow(BrokenInvariant);
    expect(() => new Simulation({ seed: '' })).toThrow(/seed/);
  });

  test('a broken law stops the run with time, event and seed; without verify it is found at the end', () => {
    const play = (verify: boolean) => {
      const sim = new Simulation({ seed: '42', verify });
      let level = 0;
      const up = sim.on('up', () => {
        level += 1;
      });
      sim.invariant('level', () => {
        if (level > 2) throw new BrokenInvariant('the level is above 2');
      });
      for (let i = 1; i <= 5; i += 1) sim.at(i * 1000, up);
      sim.run(10_000);
    };
    expect(() => play(true)).toThrow(/level: the level is above 2\n {2}t = 0.003000 s, event 3, seed 42/);
    expect(() => play(false)).toThrow(/event 5/);
  });

  test('causes are kept when asked: each event knows the one that scheduled it', () => {
    const sim = new Simulation({ seed: 's', causes: true });
    const second = sim.on('second', () => {});
    const first = sim.on('first', () => sim.after(5, second));
    sim.at(1, first);
    sim.run(10);
    expect([sim.causeOfEvent(1), sim.causeOfEvent(2)]).toEqual([0, 1]);
  });
});

describe('processes', () => {
  test('sleep, waitUntil, either and interruption do as they say', () => {
    const sim = new Simulation({ seed: 's' });
    const log: string[] = [];
    const door = sim.signal('door');
    let open = false;
    const waiter = sim.spawn('waiter', function* () {
      yield sleep(10);
      log.push(`slept ${sim.now}`);
      const which = yield either(
        waitUntil(door, () => open),
        sleep(100),
      );
      log.push(`either ${which} at ${sim.now}`);
      const late = yield either(
        waitUntil(door, () => !open),
        sleep(5),
      );
      log.push(`either ${late} at ${sim.now}`);
      try {
        yield sleep(1000);
      } catch (error) {
        log.push(`${(error as Error).name} ${(error as Error).message} at ${sim.now}`);
        yield sleep(1);
      }
      log.push(`done ${sim.now}`);
    });
    const act = sim.on('act', (what) => {
      if (what === 0) {
        open = true;
        door.raise();
      } else waiter.interrupt('fire');
    });
    sim.at(30, act, 0);
    sim.at(50, act, 1);
    sim.run(2000);
    expect(log).toEqual([
      'slept 10',
      'either 0 at 30',
      'either 1 at 35',
      'Interrupted fire at 50',
      'done 51',
    ]);
    expect(waiter.done).toBe(true);
    expect(sim.pendingCount).toBe(0);
  });

  test('an interruption that a procedure does not answer ends it, and one that waits twice wakes once', () => {
    const sim = new Simulation({ seed: 's' });
    const signal = sim.signal('x');
    let woken = 0;
    const p = sim.spawn('p', function* () {
      yield either(
        waitUntil(signal, () => true),
        waitUntil(signal, () => true),
      );
      woken += 1;
      yield sleep(1e6);
    });
    sim.run(10);
    p.interrupt('stop');
    expect([woken, p.done]).toEqual([1, true]);
    expect(new Interrupted('x').name).toBe('Interrupted');
  });
});

describe('chance', () => {
  test('streams are frozen: seed, replication, entity and purpose each give another, none ever 0 or 1', () => {
    const draw = (key: string) => {
      const s = makeStream(key);
      return [s(), s(), s()];
    };
    expect(draw(streamKey('42', 0, 'broker/3', 'disk'))).toEqual(
      draw(streamKey('42', 0, 'broker/3', 'disk')),
    );
    expect(draw(streamKey('42', 0, 'broker/3', 'disk')).map((u) => u.toFixed(9))).toEqual(frozen);
    const keys = [
      streamKey('42', 1, 'a', 'b'),
      streamKey('42', 0, 'a', 'b'),
      streamKey('4', 20, 'a', 'b'),
      streamKey('42', 0, 'ab', ''),
      streamKey('42', 0, '', 'ab'),
    ];
    expect(new Set(keys.map((k) => draw(k)[0])).size).toBe(5);
    const s = makeStream('x');
    for (let i = 0; i < 20_000; i += 1) {
      const u = s();
      if (!(u > 0 && u < 1)) throw new Error(`${u} is not inside (0, 1)`);
    }
  });

  test('a sample of each distribution has its mean and quantiles', () => {
    const u = makeStream('distributions');
    const us = Array.from({ length: 40_000 }, () => u());
    for (const d of [
      uniform(2, 6),
      exponential(5),
      lognormal(8, 14),
      weibull(1.5, 3),
      pareto(3, 2),
      empirical([1, 2, 2, 7]),
      constant(4),
    ]) {
      const mean = us.reduce((sum, x) => sum + d.sample(x), 0) / us.length;
      expect(Math.abs(mean / d.mean - 1), d.says).toBeLessThan(0.02);
      expect(d.sample(0.2)).toBeLessThanOrEqual(d.sample(0.8));
    }
    expect(lognormal(8, 14).sample(0.5)).toBeCloseTo(8, 6);
    expect(lognormal(8, 14).sample(0.95)).toBeCloseTo(14, 6);
    expect(exponential(5).sample(1 - Math.exp(-2))).toBeCloseTo(10, 9);
    expect(weibull(1.5, 3).sample(1 - Math.exp(-1))).toBeCloseTo(3, 9);
    expect(pareto(3, 2).sample(7 / 8)).toBeCloseTo(4, 9);
    expect(constant(4).draws).toBe(false);
  });

  test('impossible parameters are refused', () => {
    for (const bad of [
      () => uniform(2, 1),
      () => exponential(0),
      () => lognormal(0, 1),
      () => lognormal(2, 1),
      () => weibull(0, 1),
      () => pareto(1, 0),
      () => empirical([]),
    ]) {
      expect(bad).toThrow(RangeError);
    }
  });
});

/** First three numbers of the stream (42, 0, broker/3, disk): results move when they move. */
const frozen = ['0.306401276', '0.034051120', '0.097111443'];

describe('flows', () => {
  const network = fc.record({
    capacities: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 6, size: 'max' }),
    flows: fc.array(
      fc.record({
        path: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 3 }),
        cap: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(Number.POSITIVE_INFINITY)),
      }),
      { minLength: 1, maxLength: 25, size: 'max' },
    ),
    changes: fc.array(
      fc.record({
        at: fc.integer({ min: 1, max: 1000 }),
        flow: fc.nat(24),
        cap: fc.integer({ min: 0, max: 80 }),
        stop: fc.boolean(),
        link: fc.nat(5),
        capacity: fc.integer({ min: 1, max: 120 }),
        background: fc.nat(30),
      }),
      { maxLength: 20, size: 'max' },
    ),
  });

  /** Max-min fair shares from the definition, by raising all rates together in small exact steps of a full solve. */
  const fullSolve = (
    links: { capacity: number; background: number }[],
    flows: { path: readonly number[]; cap: number }[],
  ) => {
    const rates = flows.map(() => 0);
    const held = flows.map((f) => f.cap <= 0);
    const left = links.map((l) => Math.max(0, l.capacity - l.background));
    while (held.includes(false)) {
      let rise = Number.POSITIVE_INFINITY;
      links.forEach((_, l) => {
        const on = flows.filter((f, i) => !held[i] && f.path.includes(l)).length;
        if (on > 0) rise = Math.min(rise, left[l]! / on);
      });
      flows.forEach((f, i) => {
        if (!held[i]) rise = Math.min(rise, f.cap - rates[i]!);
      });
      flows.forEach((f, i) => {
        if (held[i]) return;
        rates[i]! += rise;
        for (const l of f.path) left[l]! -= rise;
      });
      flows.forEach((f, i) => {
        if (!held[i] && (rates[i]! >= f.cap - 1e-9 || f.path.some((l) => left[l]! <= 1e-9))) held[i] = true;
      });
    }
    return rates;
  };

  test('after any change shares are those of the full solve, held by a cap or a full link; links are never over-full, and bytes are whole', () => {
    let saturated = 0;
    let capped = 0;
    let bottlenecks = 0;
    fc.assert(
      fc.property(network, ({ capacities, flows, changes }) => {
        const sim = new Simulation({ seed: 's' });
        const net = new FlowNetwork(sim);
        const links = capacities.map((capacity, i) => ({
          id: net.link(`${i}`, capacity),
          capacity,
          background: 0,
        }));
        const live = flows.map((f) => {
          const path = [...new Set(f.path.map((l) => l % links.length))];
          return {
            path,
            cap: f.cap,
            id: net.start({ path: path.map((l) => links[l]!.id), cap: f.cap }) as number | undefined,
          };
        });
        const check = () => {
          const running = live.filter((f) => f.id !== undefined);
          const want = fullSolve(links, running);
          running.forEach((f, i) => {
            expect(net.rate(f.id!)).toBeCloseTo(want[i]!, 6);
            if (f.cap === want[i]) capped += 1;
            // What holds a flow: its cap, or a link of its path that is full and lets nobody run faster.
            const full = net.bottleneck(f.id!);
            if (full === undefined) expect(want[i]).toBeCloseTo(f.cap, 4);
            else {
              bottlenecks += 1;
              const others = running.flatMap((o, j) => (o.path.includes(full) ? [want[j]!] : []));
              const used = others.reduce((a, b) => a + b, links[full]!.background);
              expect(f.path).toContain(full);
              expect(used).toBeGreaterThan(links[full]!.capacity - 1e-3);
              expect(want[i]).toBeGreaterThan(Math.max(...others) - 1e-3);
            }
          });
          links.forEach((l) => {
            expect(net.used(l.id)).toBeLessThanOrEqual(Math.max(l.capacity, l.background) + 1e-6);
            if (net.used(l.id) >= l.capacity - 1e-6) saturated += 1;
          });
        };
        const change = sim.on('change', (i) => {
          const c = changes[i]!;
          const f = live[c.flow % live.length]!;
          if (f.id !== undefined && c.stop) {
            expect(Number.isInteger(net.stop(f.id))).toBe(true);
            f.id = undefined;
          } else if (f.id !== undefined) {
            f.cap = c.cap;
            net.setCap(f.id, c.cap);
          }
          const l = links[c.link % links.length]!;
          l.capacity = c.capacity;
          l.background = Math.min(c.background, c.capacity);
          net.setCapacity(l.id, l.capacity);
          net.setBackground(l.id, l.background);
        });
        const look = sim.on('look', check, eventClass.observer);
        changes.forEach((c, i) => {
          sim.at(c.at * 1000, change, i);
          sim.at(c.at * 1000 + 1, look);
        });
        sim.at(1, look);
        sim.run(2_000_000);
      }),
      { seed: 3, numRuns: 150 },
    );
    expect(saturated).toBeGreaterThan(500);
    expect(capped).toBeGreaterThan(500);
    expect(bottlenecks).toBeGreaterThan(500);
  });

  test('a flow of so many bytes ends when they have moved at the rate it had, and moved exactly those', () => {
    const sim = new Simulation({ seed: 's' });
    const net = new FlowNetwork(sim);
    const link = net.link('l', 100);
    const ends: [number, number][] = [];
    const flow = (bytes: number) => {
      const id = net.start({
        path: [link],
        cap: Number.POSITIVE_INFINITY,
        bytes,
        onDone: () => ends.push([sim.now / 1e6, bytes]),
      });
      return id;
    };
    flow(100);
    flow(300);
    sim.run(10e6);
    // Both at 50 B/s until 2 s, then the second alone at 100: its other 200 bytes take 2 s more.
    expect(ends).toEqual([
      [2, 100],
      [4, 300],
    ]);
  });

  test('a flow held by its own cap is not touched by changes on links with room left', () => {
    const sim = new Simulation({ seed: 's' });
    const net = new FlowNetwork(sim);
    const link = net.link('l', 1000);
    let told = 0;
    net.start({ path: [link], cap: 10, onRate: () => (told += 1) });
    const other = sim.on('other', () => {
      net.start({ path: [link], cap: 20 });
    });
    for (let t = 1; t <= 5; t += 1) sim.at(t, other);
    sim.run(10);
    expect(told).toBe(1);
  });
});

describe('measures', () => {
  test('merged histograms are the histogram of all, and a quantile lies in its bucket', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), { maxLength: 200, size: 'max' }), {
          minLength: 2,
          maxLength: 4,
        }),
        (parts) => {
          const whole = new Histogram();
          const merged = new Histogram();
          for (const part of parts) {
            const one = new Histogram();
            for (const x of part) {
              one.add(x);
              whole.add(x);
            }
            merged.merge(one);
          }
          expect(merged.count).toBe(whole.count);
          const all = parts.flat().sort((x, y) => x - y);
          for (const p of [0.1, 0.5, 0.99]) {
            if (all.length === 0) continue;
            expect(merged.quantile(p)).toEqual(whole.quantile(p));
            const exact = all[Math.min(all.length - 1, Math.floor(p * all.length))]!;
            const [low, high] = whole.quantile(p);
            expect(exact).toBeGreaterThanOrEqual(low * (1 - 1e-12));
            expect(exact).toBeLessThanOrEqual(high * (1 + 1e-12));
            expect(high / low).toBeLessThan(1.04);
          }
        },
      ),
      { seed: 4, numRuns: 60 },
    );
  });

  test('a histogram has what is nothing, or has no end, at its ends', () => {
    const one = new Histogram();
    for (const x of [-1, 0, 2, 1e-200, 1e200, Number.POSITIVE_INFINITY]) one.add(x);
    const twice = new Histogram();
    twice.merge(one);
    twice.merge(one);
    for (const h of [one, twice]) {
      const [none, tiny, two, huge, endless] = h.quantiles([0.2, 0.4, 0.6, 0.7, 0.9]);
      expect([none, endless]).toEqual([
        [0, 0],
        [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
      ]);
      const at = [tiny, two, huge].map((bounds) => Math.sqrt(bounds![0]) * Math.sqrt(bounds![1]));
      for (const [i, x] of [1e-200, 2, 1e200].entries()) expect(at[i]! / x).toBeCloseTo(1, 1);
    }
    expect(twice.count).toBe(12);
  });

  test('a gauge is straight between its changes, its mean is that of the line, and recording keeps the last value of an instant', () => {
    const sim = new Simulation({ seed: 's', record: 'all' });
    const g = sim.gauge('g', 1, { linear: true });
    const set = sim.on('set', (_, value) => g.set(0, value, value));
    sim.at(1e6, set, 0, 7);
    sim.at(1e6, set, 0, 2);
    sim.at(3e6, set, 0, 0);
    sim.run(2e6);
    expect(g.get(0)).toBe(4);
    sim.run(4e6);
    expect(g.rowRecord(0)).toEqual({ times: [0, 1e6, 3e6], values: [0, 2, 0], slopes: [0, 2, 0] });
    expect(g.mean(0)).toBeCloseTo((0 + ((2 + 6) / 2) * 2 + 0) / 4, 9);
  });

  test('a row that is added, or has gone, gives no series until it is set, in the record as now', () => {
    const sim = new Simulation({ seed: 's', record: 'all' });
    const g = sim.gauge('g', 1, { linear: true });
    const add = sim.on('add', (row) => {
      g.grow(row + 1);
      g.set(row, 5, 1);
    });
    const end = sim.on('end', (row) => g.set(row, gone));
    sim.at(1e6, add, 40);
    sim.at(3e6, end, 40);
    sim.run(2e6);
    expect([g.rows, g.get(0), g.get(39), g.get(40)]).toEqual([41, 0, gone, 6]);
    sim.run(9e6);
    expect(g.get(40)).toBe(gone);
    expect(g.rowRecord(40)).toEqual({ times: [0, 1e6, 3e6], values: [gone, 5, gone], slopes: [0, 1, 0] });
    const series = { name: 'g', labels: {}, ...g.rowRecord(40)!, length: 3 };
    expect([0.5e6, 2e6, 3e6].map((t) => exactValue(series, t))).toEqual([undefined, 6, undefined]);
    expect(exactRange('avg_over_time', series, 0, 9e6)).toBe(6);
    expect(exactRange('max_over_time', series, 4e6, 9e6)).toBeUndefined();
    const seen = g.changes;
    g.set(40, gone);
    expect(g.changes).toBe(seen);
    g.set(0, 1);
    expect(g.changes).toBe(seen + 1);
  });

  test('a table has typed columns of one length and knows its bytes', () => {
    const t = table(10, { a: 'f64', b: 'u8' });
    t.a[3] = 1.5;
    expect([t.a.length, t.b.length, t.rows, bytesOf(t)]).toEqual([10, 10, 10, 90]);
  });

  test('the mathematics of this machine are those of every other', () => {
    expect(mathSelfTest()).toBe('4afe52a101d233f9');
  });
});
