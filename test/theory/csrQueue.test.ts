import { describe, expect, test } from 'vitest';
import { lognormal } from '../../src/engine/distributions.ts';
import { makeStream } from '../../src/engine/random.ts';
import { meanInterval } from '../../src/experiment/statistics.ts';
import { RateLimit, Servers } from '../../src/models/mesh/csrQueue.ts';

/** Mean waiting time, in mean service times, of Poisson requests at c servers, of one block. */
function waiting(c: number, load: number, service: (u: number) => number, block: number, customers: number) {
  const gaps = makeStream(`gaps ${block}`);
  const times = makeStream(`times ${block}`);
  const servers = new Servers(c);
  let now = 0;
  let sum = 0;
  const warm = customers / 10;
  for (let i = 0; i < customers; i += 1) {
    now += -Math.log1p(-gaps()) / (c * load);
    const micros = service(times());
    const end = servers.end(now, micros);
    if (i >= warm) sum += end - micros - now;
  }
  return sum / (customers - warm);
}

/** Erlang's C: the chance of waiting in M/M/c. */
function erlangC(c: number, load: number): number {
  const a = c * load;
  let blocked = 1;
  for (let k = 1; k <= c; k += 1) blocked = (a * blocked) / (k + a * blocked);
  return blocked / (1 - load * (1 - blocked));
}

const exponentialTime = (u: number) => -Math.log1p(-u);
/** Of mean 1, with the sigma of a signing time: 0.5. */
const lognormalTime = (() => {
  const d = lognormal(1, Math.exp(0.5 * 1.6448536269514722));
  return (u: number) => d.sample(u) / d.mean;
})();
const scv = Math.exp(0.25) - 1;

/** Mean of 30 blocks, and twice the half width of its 95 % interval. */
function measured(c: number, load: number, service: (u: number) => number) {
  const { mean, halfWidth } = meanInterval(
    Array.from({ length: 30 }, (_, block) => waiting(c, load, service, block, 40_000)),
  );
  return { mean, margin: 2 * halfWidth };
}

describe('requests that wait for a core', () => {
  test.each([0.3, 0.6, 0.8])('M/G/1 at %f: Pollaczek and Khinchine', (load) => {
    const expected = (load * (1 + scv)) / (2 * (1 - load));
    const { mean, margin } = measured(1, load, lognormalTime);
    expect(Math.abs(mean - expected)).toBeLessThan(margin);
    expect(margin / expected).toBeLessThan(0.08);
  });

  test.each([
    [2, 0.6],
    [4, 0.8],
  ])('M/M/%d at %f: Erlang C', (c, load) => {
    const expected = erlangC(c, load) / (c * (1 - load));
    const { mean, margin } = measured(c, load, exponentialTime);
    expect(Math.abs(mean - expected)).toBeLessThan(margin);
    expect(margin / expected).toBeLessThan(0.08);
  });

  test.each([
    [2, 0.6],
    [4, 0.8],
  ])('M/G/%d at %f: within a twentieth of Lee and Longton', (c, load) => {
    // W(M/G/c) is about (1 + scv) / 2 of W(M/M/c). Source: Lee and Longton (1959).
    const expected = ((1 + scv) / 2) * (erlangC(c, load) / (c * (1 - load)));
    expect(Math.abs(measured(c, load, lognormalTime).mean / expected - 1)).toBeLessThan(0.05);
  });
});

describe('requests to the API server', () => {
  test('a burst goes at once, then one every 1/80 s', () => {
    const limit = new RateLimit(80, 160);
    const waits = Array.from({ length: 320 }, () => limit.take(0, Number.POSITIVE_INFINITY)!);
    expect(waits.slice(0, 160).every((w) => w === 0)).toBe(true);
    waits.slice(160).forEach((w, i) => {
      expect(w).toBe(Math.ceil((i + 1) * 12_500));
    });
    // Two seconds of tokens are owed; after four the bucket is full again.
    expect(limit.take(4e6 - 12_500, 0)).toBe(0);
  });

  test('who would wait longer than it may is refused, and takes no token', () => {
    const limit = new RateLimit(1, 1);
    expect(limit.take(0, 0)).toBe(0);
    expect(limit.take(0, 500_000)).toBeUndefined();
    expect(limit.take(0, 1e6)).toBe(1e6);
    expect(limit.take(0, 1e6)).toBeUndefined();
  });

  test('no limit where none is set', () => {
    const limit = new RateLimit(0, 1);
    for (let i = 0; i < 1000; i += 1) expect(limit.take(0, 0)).toBe(0);
  });
});
