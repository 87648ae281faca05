import { describe, expect, test } from 'vitest';
import { makeStream } from '../../src/engine/random.ts';
import { erlangC, factorOf, makeStation, meanWait, waitAt } from '../../src/models/kafka/queueing.ts';
import {
  type BrokerLoad,
  type LeaderTraffic,
  pools,
  type RequestClass,
  requestLoad,
} from '../../src/models/kafka/requestRates.ts';
import type { FetcherSettings, RequestSettings } from '../../src/models/kafka/settings.ts';
import {
  brokerSide,
  PathHistory,
  stage,
  stages,
  type Traced,
  trace,
} from '../../src/models/kafka/tracers.ts';
import { clusterSettings, topic } from '../support/cluster.ts';
import { type DiscretePath, playDiscretely } from '../support/discretePath.ts';

const base = clusterSettings().requests;
const noPause = { every: 2e6, micros: 0 };

const meanOf = (x: Float64Array) => x.reduce((sum, v) => sum + v, 0) / x.length;

const figures = ['mean', 'p50', 'p99', 'p99.9'] as const;
type Figure = (typeof figures)[number];

function figuresOf(x: Float64Array): Record<Figure, number> {
  const sorted = x.slice().sort();
  const quantile = (p: number) => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]!;
  return { mean: meanOf(x), p50: quantile(0.5), p99: quantile(0.99), 'p99.9': quantile(0.999) };
}

/** Mean over replications and its standard error. */
function over(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) * (v - mean), 0) / (values.length - 1);
  return { mean, error: Math.sqrt(variance / values.length) };
}

/**
 * Two independent sets of replications have the same mean: their difference lies within its 99 % interval (Student's t by Welch's rule, at least 4
 * degrees of freedom: 4.60; about 99.8 % for the 8 of equal variances) or, where the theory itself is an approximation, within that share.
 */
function same(oracle: readonly number[], ours: readonly number[], approximation: number, what: string): void {
  const [a, b] = [over(oracle), over(ours)];
  const bound = 4.6 * Math.sqrt(a.error * a.error + b.error * b.error) + approximation * a.mean;
  expect(bound, `${what}: an interval that proves something`).toBeLessThan(0.35 * a.mean);
  expect(
    Math.abs(a.mean - b.mean),
    `${what}: ${a.mean.toFixed(0)} against ${b.mean.toFixed(0)} us`,
  ).toBeLessThan(bound);
}

/** Samples of one class on a path, evenly over `micros`. */
function traced(
  path: PathHistory,
  others: readonly PathHistory[],
  c: RequestClass,
  roundTrip: number,
  scv: number,
  micros: number,
  count: number,
  seed: string,
  read: (t: Traced) => number,
): Float64Array {
  const draw = makeStream(`${seed}|samples`);
  const moment = makeStream(`${seed}|moments`);
  const factor = factorOf(scv);
  const out: Traced = { stages: new Float64Array(stages.length), arrives: true };
  const values = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    trace(path, others, c, ((i + moment()) / count) * micros, draw(), factor, roundTrip, out);
    values[i] = read(out);
  }
  return values;
}

function paused(load: BrokerLoad, pause: DiscretePath['pause'], micros: number): PathHistory {
  const path = new PathHistory(1e9);
  path.setLoad(0, load);
  if (pause.micros > 0) for (let t = pause.every; t < micros; t += pause.every) path.pause(t, pause.micros);
  return path;
}

/** Requests of one kind with acks=1 from open arrivals. */
function openClass(perSecond: number, read: number, io: number, send: number): RequestClass {
  return {
    type: 0,
    acks: '1',
    perSecond,
    bytes: 1000,
    connections: 1e12,
    inFlight: 1,
    readMicros: read,
    ioMicros: io,
    sendMicros: send,
    lingerMicros: 0,
    cycleMicros: 0,
    busy: 0,
    followers: 0,
    parked: 0,
    parkedMicros: 0,
    parkedMaxMicros: 0,
  };
}

function openLoad(c: RequestClass, s: RequestSettings): BrokerLoad {
  const { network, ioPool, inSystem, perSecond } = pools([c], s);
  return {
    classes: [c],
    network,
    io: ioPool,
    inSystem,
    overload: 0,
    perSecond,
    cycle: { connections: 0, gapMicros: 0, appendMicros: 0, parked: 0 },
    meanRead: 0,
    meanIo: 0,
    meanSend: 0,
    purgatoryMicros: 0,
  };
}

describe('a station', () => {
  test("Erlang's C has the values of the tables", () => {
    // For one server C is the utilisation; for two 2 rho^2 / (1 + rho).
    for (const rho of [0.1, 0.5, 0.9]) {
      expect(erlangC(1, rho)).toBeCloseTo(rho, 12);
      expect(erlangC(2, rho)).toBeCloseTo((2 * rho * rho) / (1 + rho), 12);
    }
    // a = 8 erlang on 10 servers: Kleinrock's curves, 0.409.
    expect(erlangC(10, 0.8)).toBeCloseTo(0.4092, 3);
    expect(erlangC(4, 1.2)).toBe(1);
  });

  test('M/G/1 waits lambda E[S^2] / (2 (1 - rho)) on average', () => {
    for (const scv of [0, 0.5, 1, 3]) {
      const s = makeStation(1, [{ perSecond: 7000, meanMicros: 100, scv }]);
      expect(meanWait(s, 1e9)).toBeCloseTo((0.007 * 100 * 100 * (1 + scv)) / (2 * (1 - 0.7)), 9);
    }
  });

  test('the drawn wait has the probability of waiting and the mean of the formula', () => {
    const s = makeStation(3, [
      { perSecond: 12_000, meanMicros: 100, scv: 1 },
      { perSecond: 3000, meanMicros: 300, scv: 0 },
    ]);
    expect(s.utilisation).toBeCloseTo(0.7, 12);
    let [sum, waits] = [0, 0];
    const n = 200_000;
    for (let i = 0; i < n; i += 1) {
      const w = waitAt(s, (i + 0.5) / n, 1e9);
      sum += w;
      if (w > 0) waits += 1;
    }
    expect(waits / n).toBeCloseTo(s.delayed, 3);
    expect(sum / n / meanWait(s, 1e9)).toBeCloseTo(1, 3);
  });

  test('a service factor has mean 1 and the variability that was asked for', () => {
    for (const scv of [0, 0.25, 1, 2, 4]) {
      const factor = factorOf(scv);
      let [first, second] = [0, 0];
      const n = 400_000;
      for (let i = 0; i < n; i += 1) {
        const x = factor((i + 0.5) / n);
        first += x / n;
        second += (x * x) / n;
      }
      expect(first).toBeCloseTo(1, 3);
      expect(second - 1, `scv ${scv}`).toBeCloseTo(scv, 1);
    }
  });
});

describe('tracers equal a simulation of every request', () => {
  // Four io threads at this utilisation, two network threads at 0.8 of it.
  const [read, io, send] = [80, 400, 80];
  const settings: RequestSettings = { ...base, networkThreads: 2, ioThreads: 4 };
  const micros = 12e6;
  const cases = [0.2, 0.5, 0.8, 0.95].flatMap((utilisation) => [
    { utilisation, pauseMs: 0, scv: 1 },
    { utilisation, pauseMs: 30, scv: 1 },
    { utilisation, pauseMs: 30, scv: 0.25 },
  ]);
  test.each(cases)(
    'utilisation $utilisation, pauses of $pauseMs ms, service variability $scv',
    ({ utilisation, pauseMs, scv }) => {
      const pause = { every: 2e6, micros: pauseMs * 1000 };
      const rate = (utilisation * settings.ioThreads) / io;
      const c = openClass(rate * 1e6, read, io, send);
      const load = openLoad(c, { ...settings, serviceVariability: scv });
      const oracle = new Map<Figure, number[]>();
      const ours = new Map<Figure, number[]>();
      const queue: [number[], number[]] = [[], []];
      const replications = pauseMs === 0 ? 8 : 5;
      for (let r = 0; r < replications; r += 1) {
        const played = playDiscretely({
          seed: `path ${utilisation} ${pauseMs} ${scv} ${r}`,
          rate,
          requests: Math.round(rate * micros),
          networkThreads: settings.networkThreads,
          ioThreads: settings.ioThreads,
          readMicros: read,
          ioMicros: io,
          sendMicros: send,
          factor: factorOf(scv),
          pause,
        });
        const path = paused(load, pause, micros);
        let queued = 0;
        const total = (t: Traced) => {
          queued += t.stages[stage.requestQueue]!;
          return t.stages[stage.read]! + brokerSide(t.stages);
        };
        const samples = traced(path, [], c, 0, scv, micros, 15_000, `ours ${r}`, total);
        const [theirs, own] = [figuresOf(played.total), figuresOf(samples)];
        for (const name of figures) {
          oracle.set(name, [...(oracle.get(name) ?? []), theirs[name]]);
          ours.set(name, [...(ours.get(name) ?? []), own[name]]);
        }
        if (utilisation < 0.8) continue;
        queue[0].push(meanOf(played.queue));
        queue[1].push(queued / samples.length);
      }
      // With exponential service the wait is exact; else it is Kimura's approximation, and so is its tail.
      const approximation = scv === 1 ? 0 : 0.05;
      for (const name of figures)
        same(oracle.get(name)!, ours.get(name)!, approximation, `${name} of the whole way`);
      if (utilisation >= 0.8) {
        const [a, b] = [over(queue[0]), over(queue[1])];
        expect(Math.abs(a.mean - b.mean)).toBeLessThan(4.6 * Math.hypot(a.error, b.error) + 0.1 * a.mean);
      }
      if (pauseMs > 0) expect(over(oracle.get('p99.9')!).mean).toBeGreaterThan(20_000);
    },
  );
});

describe('the backlog of a pause', () => {
  const settings: RequestSettings = { ...base, networkThreads: 2, ioThreads: 4 };
  const many = openClass(8000, 80, 400, 80);
  const pathWith = (c: RequestClass, pauses: readonly (readonly [number, number])[], queuedMax = 1e9) => {
    const path = new PathHistory(queuedMax);
    path.setLoad(0, openLoad(c, settings));
    for (const [at, micros] of pauses) path.pause(at, micros);
    return path;
  };

  test('is what came in it, and the first of it waits as long as the pause lasts', () => {
    const path = pathWith(many, [[1e6, 100_000]]);
    // 800 requests of 80 us for two threads.
    expect(path.networkBacklog(1.1e6)).toBeCloseTo((800 * 80) / 2, -1);
    expect(path.networkBacklog(1.05e6)).toBeCloseTo((400 * 80) / 2, -1);
    expect(path.advance(1e6, 10)).toBe(1.1e6 + 10);
    expect(path.networkBacklog(2e6)).toBe(0);
  });

  test('is no more than the connections can have under way', () => {
    const few = { ...many, connections: 20, inFlight: 5 };
    const path = pathWith(few, [[1e6, 3e6]]);
    expect(path.networkBacklog(4e6)).toBeCloseTo((100 * 80) / 2, -1);
    expect(path.beyondConnections(1e6 + 12_000, few)).toBe(false);
    expect(path.beyondConnections(1e6 + 13_000, few)).toBe(true);
  });

  test('adds to what the pause before it has left', () => {
    const one = pathWith(many, [[1.05e6, 100_000]]);
    const two = pathWith(many, [
      [0.94e6, 100_000],
      [1.05e6, 100_000],
    ]);
    const left = pathWith(many, [[0.94e6, 100_000]]);
    expect(left.networkBacklog(1.05e6)).toBeGreaterThan(15_000);
    expect(two.networkBacklog(1.15e6) - one.networkBacklog(1.15e6)).toBeCloseTo(
      left.networkBacklog(1.05e6),
      -2,
    );
  });

  test('waits before the network threads where the request queue is full', () => {
    const waits = (queuedMax: number) => {
      const path = pathWith(many, [[1e6, 200_000]], queuedMax);
      const out: Traced = { stages: new Float64Array(stages.length), arrives: true };
      trace(path, [], many, 1.19e6, 0.5, factorOf(0), 0, out);
      return out.stages;
    };
    const [short, long] = [waits(50), waits(1e9)];
    expect(short[stage.requestQueue]!).toBeLessThanOrEqual((50 * 400) / 4 + 1);
    expect(long[stage.requestQueue]!).toBeGreaterThan(4 * short[stage.requestQueue]!);
    // Done at about the same time: the io threads decide.
    const done = (s: Float64Array) => s[stage.read]! + s[stage.requestQueue]!;
    expect(done(short) / done(long)).toBeCloseTo(1, 1);
  });

  test('counts against who was late at the network threads: the slower pool decides', () => {
    const path = pathWith(many, [[1e6, 100_000]]);
    const load = path.loadAt(0);
    const [late, punctual] = [3000, 0].map((by) => path.ioWait(1.12e6, load, 0.5, 0, by));
    expect(punctual! - late!).toBeGreaterThan(2500);
  });

  test('a follower that stands still acknowledges when it goes on', () => {
    const load = requestLoad(leader(150), settings, fetcher, 1000, 500_000);
    const [own, follower] = [paused(load, noPause, 1e6), paused(load, noPause, 1e6)];
    // It begins after the response has left the leader and before it arrives.
    follower.pause(1.001e6, 50_000);
    const out: Traced = { stages: new Float64Array(stages.length), arrives: true };
    let slow = 0;
    for (let i = 0; i < 50; i += 1) {
      trace(
        own,
        [follower, follower],
        load.classes[0]!,
        1.0005e6 - 500,
        (i + 0.5) / 50,
        factorOf(0),
        1000,
        out,
      );
      if (out.stages[stage.remote]! > 49_000) slow += 1;
    }
    expect(slow).toBe(50);
  });
});

/** One topic led by one broker of three, on both others followed. */
function leader(
  messages: number,
  over: Partial<LeaderTraffic['topics'][number]['topic']> = {},
): LeaderTraffic {
  const bytes = messages * 10_000;
  const written = topic({ name: 't', acks: 'all', ...over });
  return {
    topics: [
      {
        topic: { ...written, producers: { ...written.producers, clients: 1_000_000 } },
        bytesPerSecond: bytes,
        messagesPerSecond: messages,
        partitions: 12,
        followers: 2,
      },
    ],
    groups: [],
    followerBrokers: 2,
    followerBytesPerSecond: 2 * bytes,
    catchUpBytesPerSecond: 0,
    coldCatchUpBytesPerSecond: 0,
  };
}
const fetcher: FetcherSettings = clusterSettings().fetcher;

describe('acks=all', () => {
  const micros = 12e6;
  const settings: RequestSettings = { ...base, networkThreads: 2, ioThreads: 4 };

  test.each([
    { messages: 150, pauseMs: 0, followerMs: 0 },
    { messages: 4000, pauseMs: 0, followerMs: 0 },
    { messages: 4000, pauseMs: 0, followerMs: 40 },
    { messages: 4000, pauseMs: 30, followerMs: 0 },
  ])(
    'equals a simulation with real fetchers at $messages requests a second, pauses $pauseMs and of followers $followerMs ms',
    ({ messages, pauseMs, followerMs }) => {
      const load = requestLoad(leader(messages), settings, fetcher, 1000, 500_000);
      const c = load.classes[0]!;
      const fetch = load.classes.find((k) => k.type === 2)!;
      const pause = { every: 2e6, micros: pauseMs * 1000 };
      const followers = { every: 1.7e6, micros: followerMs * 1000 };
      const oracle: Record<string, number[]> = { mean: [], p50: [], p99: [], fetches: [] };
      const ours: Record<string, number[]> = { mean: [], p50: [], p99: [], fetches: [] };
      for (let r = 0; r < 5; r += 1) {
        const played = playDiscretely({
          seed: `acks ${messages} ${r}`,
          rate: messages / 1e6,
          requests: Math.round((messages * micros) / 1e6),
          networkThreads: settings.networkThreads,
          ioThreads: settings.ioThreads,
          readMicros: c.readMicros,
          ioMicros: c.ioMicros,
          sendMicros: c.sendMicros,
          factor: factorOf(1),
          pause,
          followers: {
            count: 2,
            roundTrip: 1000,
            readMicros: fetch.readMicros,
            ioMicros: fetch.ioMicros,
            sendMicros: fetch.sendMicros,
            appendPerRequest: (10_000 / fetcher.appendRate) * 1e6,
            pause: followers,
          },
        });
        const path = paused(load, pause, micros);
        const other = paused(load, followers, micros);
        const samples = traced(path, [other, other], c, 1000, 1, micros, 15_000, `acks ${r}`, (t) =>
          brokerSide(t.stages),
        );
        const [theirs, own] = [figuresOf(played.broker), figuresOf(samples)];
        for (const name of ['mean', 'p50', 'p99'] as const) {
          oracle[name]!.push(theirs[name]);
          ours[name]!.push(own[name]);
        }
        oracle.fetches!.push(played.fetches.length / (micros / 1e6));
        ours.fetches!.push(fetch.perSecond);
      }
      // The rest of a cycle is taken as uniform and its length as its mean.
      for (const name of ['mean', 'p50', 'p99'])
        same(oracle[name]!, ours[name]!, 0.12, `${name} of acks=all`);
      same(oracle.fetches!, ours.fetches!, 0.12, 'fetches a second');
    },
  );

  test('one millisecond more of round trip adds at least one to mean, median and p99', () => {
    const latency = (roundTrip: number) => {
      const load = requestLoad(leader(4000), settings, fetcher, roundTrip, 500_000);
      const path = paused(load, noPause, micros);
      return figuresOf(
        traced(path, [path, path], load.classes[0]!, roundTrip, 1, micros, 20_000, 'rtt', (t) =>
          brokerSide(t.stages),
        ),
      );
    };
    const [near, far] = [latency(1000), latency(2000)];
    for (const name of ['mean', 'p50', 'p99'] as const)
      expect(far[name] - near[name], name).toBeGreaterThanOrEqual(1000);
  });

  test('acks=1 answers before acks=all, sample by sample, and the oracle agrees', () => {
    const load = requestLoad(leader(4000), settings, fetcher, 1000, 500_000);
    const path = paused(load, { every: 2e6, micros: 30_000 }, micros);
    const [all, one] = (['all', '1'] as const).map((acks) =>
      traced(path, [path, path], { ...load.classes[0]!, acks }, 1000, 1, micros, 5000, 'acks', (t) => {
        return t.stages[stage.remote]!;
      }),
    );
    expect(one!.every((x) => x === 0)).toBe(true);
    expect(all!.every((x) => x > 1000)).toBe(true);
  });

  test('half the io threads raises the time in the request queue', () => {
    const queueOf = (ioThreads: number) => {
      const load = requestLoad(
        leader(24_000),
        { ...settings, networkThreads: 8, ioThreads },
        fetcher,
        1000,
        500_000,
      );
      const path = paused(load, noPause, micros);
      return meanOf(
        traced(
          path,
          [],
          load.classes[0]!,
          1000,
          1,
          micros,
          20_000,
          'io',
          (t) => t.stages[stage.requestQueue]!,
        ),
      );
    };
    expect(queueOf(4)).toBeGreaterThan(2 * queueOf(8));
    expect(queueOf(8)).toBeGreaterThan(0.01);
  });
});

describe('request rates', () => {
  const rates = (traffic: LeaderTraffic, s: Partial<RequestSettings> = {}) =>
    requestLoad(traffic, { ...base, networkThreads: 8, ioThreads: 16, ...s }, fetcher, 1000, 500_000);

  test('a record of batch.size or more goes alone, whatever linger.ms is', () => {
    const big = topic({ name: 't' }).producers;
    const load = rates(leader(1000, { producers: { ...big, batchBytes: 10_000, lingerMicros: 50_000 } }));
    expect(load.classes[0]!.perSecond).toBeCloseTo(1000, 6);
    expect(load.classes[0]!.lingerMicros).toBe(0);
    expect(load.classes[0]!.bytes).toBeCloseTo(10_000, 6);
  });

  test('linger.ms gathers the records of a client, no further than a batch holds, and no byte is lost', () => {
    const traffic = (clients: number, linger: number, batch: number): LeaderTraffic => {
      const one = leader(2000);
      const written = one.topics[0]!;
      const producers = { ...written.topic.producers, clients, lingerMicros: linger, batchBytes: batch };
      return { ...one, topics: [{ ...written, topic: { ...written.topic, producers } }] };
    };
    const of = (clients: number, linger: number, batch: number) =>
      rates(traffic(clients, linger, batch)).classes[0]!;
    // 100 clients with 20 records a second each: a window of 100 ms holds two more.
    expect(of(100, 100_000, 1e9).perSecond).toBeCloseTo(2000 / 3, 6);
    // The batch of one of 12 partitions holds two records: it is full after 0.6 s.
    expect(of(100, 1e9, 20_000).perSecond).toBeCloseTo(2000 / (1 + 20 * 0.6), 6);
    expect(of(100, 0, 1e9).perSecond).toBeCloseTo(2000, 6);
    for (const c of [of(100, 100_000, 1e9), of(2, 0, 1e9), of(1, 0, 1e9)])
      expect(c.perSecond * c.bytes).toBeCloseTo(2000 * 10_000, 3);
    // One client has one connection, which is muted until each answer.
    expect(of(1, 0, 1e9).perSecond).toBeLessThan(600);
    expect(of(1, 0, 1e9).busy).toBe(1);
  });

  test('a follower that finds nothing is parked until the next append; a busy one fetches once a cycle', () => {
    const quiet = rates(leader(10));
    expect(quiet.cycle.parked).toBeGreaterThan(0.95);
    expect(quiet.classes[1]!.perSecond).toBeCloseTo(2 * 10, 0);
    const busy = rates(leader(9000));
    expect(busy.cycle.parked).toBeLessThan(0.01);
    expect(busy.classes[1]!.perSecond).toBeCloseTo(2e6 / busy.cycle.gapMicros, -1);
    // 90 MB/s on one connection of 350: the rest of a cycle is the round trip and the leader's own stations.
    const fetch = 1000 + busy.meanRead + busy.meanIo + busy.meanSend;
    expect(busy.cycle.gapMicros * (1 - 90 / 350)).toBeCloseTo(fetch, 0);
  });

  test('a request with many records wakes every fetcher, one with a single record only those of its partition', () => {
    const spread = (batch: number): LeaderTraffic => {
      const one = leader(400);
      const written = one.topics[0]!;
      const producers = { ...written.topic.producers, clients: 1, batchBytes: batch, lingerMicros: 200_000 };
      return {
        ...one,
        followerBrokers: 8,
        topics: [{ ...written, topic: { ...written.topic, acks: '1', producers } }],
      };
    };
    const [single, gathered] = [rates(spread(10_000)), rates(spread(1e9))];
    expect(single.classes[0]!.perSecond).toBeCloseTo(400, 6);
    expect(gathered.classes[0]!.perSecond).toBeLessThan(10);
    // Eight connections, each with a quarter of the records.
    expect(single.classes[1]!.perSecond).toBeCloseTo(8 * 400 * 0.25, -2);
    expect(gathered.classes[1]!.perSecond / (8 * gathered.classes[0]!.perSecond)).toBeGreaterThan(0.9);
  });

  test('idle ratios are one less the work by hand', () => {
    const load = rates(leader(5000), { networkByteRate: 1e15, ioByteRate: 1e15 });
    const requests = load.classes.reduce((sum, c) => sum + c.perSecond, 0);
    expect(load.io.utilisation).toBeCloseTo(requests / base.ioRequestRate / 16, 7);
    expect(load.network.utilisation).toBeCloseTo(requests / base.networkRequestRate / 8, 7);
  });

  test('TLS costs network threads and no io thread, and copies what consumers and followers fetch', () => {
    const [plain, tls] = [rates(leader(5000)), rates(leader(5000), { tls: true })];
    expect(tls.network.utilisation).toBeGreaterThan(1.5 * plain.network.utilisation);
    expect(tls.io.utilisation).toBeCloseTo(plain.io.utilisation, 2);
  });

  test('more load than a pool carries makes fewer, larger requests, and a bounded wait', () => {
    const clients = topic({ name: 't' }).producers;
    const traffic = leader(40_000, { acks: '1' });
    const written = traffic.topics[0]!;
    const load = rates(
      {
        ...traffic,
        topics: [{ ...written, topic: { ...written.topic, producers: { ...clients, clients: 50 } } }],
      },
      { ioThreads: 1 },
    );
    expect(load.io.utilisation).toBeGreaterThan(0.5);
    expect(load.classes[0]!.perSecond).toBeLessThan(20_000);
    expect(load.classes[0]!.perSecond * load.classes[0]!.bytes).toBeCloseTo(4e8, 0);
    expect(meanWait(load.io, load.inSystem)).toBeLessThanOrEqual(load.inSystem * load.io.service);
  });
});
