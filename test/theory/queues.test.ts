import { describe, expect, test } from 'vitest';
import { FlowNetwork } from '../../src/engine/flows.ts';
import { Simulation } from '../../src/engine/simulation.ts';
import { meanInterval } from '../../src/experiment/statistics.ts';

interface Station {
  readonly servers: number;
  readonly exponentialService: boolean;
  /** Utilisation of each server. */
  readonly load: number;
}

/** Mean time in the system, in mean service times, and what Little's law needs, of one replication. */
function station({ servers, exponentialService, load }: Station, replication: number, customers: number) {
  const sim = new Simulation({ seed: 'theory', replication });
  const meanServiceMicros = 1e6;
  const between = sim.stream('arrivals', 'gap');
  const service = sim.stream('servers', 'time');
  const queue: number[] = [];
  let head = 0;
  let busy = 0;
  let left = 0;
  let arrivals = 0;
  let total = 0;
  let area = 0;
  let inside = 0;
  let changedAt = 0;
  const warm = customers / 10;
  const book = () => {
    area += inside * (sim.now - changedAt);
    changedAt = sim.now;
  };
  const serviceTime = () =>
    Math.max(
      1,
      Math.round(exponentialService ? -Math.log1p(-service()) * meanServiceMicros : meanServiceMicros),
    );
  const arrived: number[] = [];
  const done = sim.on('done', (customer) => {
    book();
    inside -= 1;
    left += 1;
    if (customer >= warm) total += sim.now - arrived[customer]!;
    if (head < queue.length) sim.after(serviceTime(), done, queue[head++]!);
    else busy -= 1;
  });
  const arrive = sim.on('arrive', (customer) => {
    book();
    inside += 1;
    arrivals += 1;
    arrived.push(sim.now);
    if (busy < servers) {
      busy += 1;
      sim.after(serviceTime(), done, customer);
    } else queue.push(customer);
    if (customer + 1 < customers) {
      sim.after(
        Math.max(1, Math.round((-Math.log1p(-between()) * meanServiceMicros) / (load * servers))),
        arrive,
        customer + 1,
      );
    }
  });
  sim.at(0, arrive, 0);
  sim.run(Number.MAX_SAFE_INTEGER);
  expect(left).toBe(customers);
  return {
    mean: total / (customers - warm) / meanServiceMicros,
    inside: area / changedAt,
    rate: arrivals / (changedAt / meanServiceMicros),
    all: arrived,
  };
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

/** Time in the system in mean service times. Sources: Erlang; Pollaczek and Khinchine; Harchol-Balter (2013), ch. 13, 14, 23. */
const theory = {
  mm1: (rho: number) => 1 / (1 - rho),
  md1: (rho: number) => 1 + rho / (2 * (1 - rho)),
  mmc: (rho: number, c: number) => {
    const a = rho * c;
    let sum = 0;
    let power = 1;
    for (let n = 0; n < c; n += 1) {
      sum += power / factorial(n);
      power *= a;
    }
    const wait = power / factorial(c) / (1 - rho);
    return 1 + wait / (sum + wait) / (c * (1 - rho));
  },
};

function interval(s: Station, replications = 10, customers = 60_000) {
  return meanInterval(Array.from({ length: replications }, (_, r) => station(s, r, customers).mean));
}

describe('time in the system', () => {
  const cases = [
    ['M/M/1', { servers: 1, exponentialService: true, load: 0.6 }, theory.mm1(0.6)],
    ['M/D/1', { servers: 1, exponentialService: false, load: 0.7 }, theory.md1(0.7)],
    ['M/M/3', { servers: 3, exponentialService: true, load: 0.7 }, theory.mmc(0.7, 3)],
  ] as const;
  test.each(cases)('%s: theory lies in an interval of at most 2 %% half-width', (_, s, expected) => {
    const { mean, halfWidth } = interval(s);
    expect(halfWidth / mean).toBeLessThanOrEqual(0.02);
    // Three half-widths: 1 of 10,000 honest runs would miss by chance.
    expect(Math.abs(mean - expected)).toBeLessThan(2.5 * halfWidth);
  });

  test('the formula of M/D/1 is rejected for M/M/1, so the test can tell laws apart', () => {
    const { mean, halfWidth } = interval({ servers: 1, exponentialService: true, load: 0.6 });
    expect(Math.abs(mean - theory.md1(0.6))).toBeGreaterThan(10 * halfWidth);
  });

  test("Little's law: the mean number inside is rate x time, as counted apart", () => {
    for (const s of cases.map((c) => c[1])) {
      const run = station(s, 3, 40_000);
      const { mean } = interval(s, 3, 40_000);
      expect(Math.abs(run.inside / (run.rate * mean) - 1)).toBeLessThan(0.05);
    }
  });
});

test('processor sharing by flows: a job takes its size / (1 - load) in the mean, whatever its size is drawn from', () => {
  const one = (replication: number, deterministic: boolean) => {
    const sim = new Simulation({ seed: 'sharing', replication });
    const net = new FlowNetwork(sim);
    const link = net.link('server', 1e6);
    const gap = sim.stream('jobs', 'gap');
    const size = sim.stream('jobs', 'size');
    let total = 0;
    let count = 0;
    const jobs = 12_000;
    const arrive = sim.on('arrive', (job) => {
      const bytes = deterministic ? 1e6 : Math.max(1, Math.round(-Math.log1p(-size()) * 1e6));
      const began = sim.now;
      net.start({
        path: [link],
        cap: Number.POSITIVE_INFINITY,
        bytes,
        onDone: () => {
          if (job >= jobs / 10) {
            total += (sim.now - began) / 1e6;
            count += 1;
          }
        },
      });
      if (job + 1 < jobs)
        sim.after(Math.max(1, Math.round((-Math.log1p(-gap()) * 1e6) / 0.5)), arrive, job + 1);
    });
    sim.at(0, arrive, 0);
    sim.run(Number.MAX_SAFE_INTEGER);
    return total / count;
  };
  for (const deterministic of [false, true]) {
    const { mean, halfWidth } = meanInterval(Array.from({ length: 16 }, (_, r) => one(r, deterministic)));
    expect(halfWidth / mean).toBeLessThan(0.02);
    expect(Math.abs(mean - 1 / (1 - 0.5))).toBeLessThan(2.5 * halfWidth);
  }
});
