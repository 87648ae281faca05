import { describe, expect, test } from 'vitest';
import { refusals } from '../../src/models/mesh/handshakes.ts';
import { day, hour, makeMesh, nextSigner, otherSigner } from '../support/mesh.ts';

const minute = 60e6;
const total = (gauge: { readonly rows: number; get(row: number): number }) => {
  let sum = 0;
  for (let row = 0; row < gauge.rows; row += 1) sum += gauge.get(row);
  return sum;
};

/** Four standard deviations of a share of n, at least that of 1 in n. */
const fourSigma = (p: number, n: number) => 4 * Math.sqrt(Math.max(p * (1 - p), 1 / n) / n);

/** Share expired after an outage of d, over ages even between renewals and an even jitter of the grace. */
function expiredAfter(d: number, ttl: number, grace: number, jitter: number): number {
  let sum = 0;
  const steps = 2000;
  for (let k = 0; k < steps; k += 1) {
    const left = ttl * (grace + jitter * ((2 * (k + 0.5)) / steps - 1));
    sum += Math.min(1, Math.max(0, (d - left) / (ttl - left)));
  }
  return sum / steps;
}

describe('renewals', () => {
  test('even phases give N / (T (1 - g)) a second, whatever the grace', () => {
    for (const graceRatio of [0.5, 2 / 24, 0.8]) {
      const { sim, mesh } = makeMesh({ sidecars: 2000, agents: { graceRatio } });
      sim.run(2 * day);
      const expected = (2000 * 2) / (1 - graceRatio);
      expect(total(mesh.istiod.requests) / expected).toBeGreaterThan(0.99);
      expect(total(mesh.istiod.requests) / expected).toBeLessThan(1.01);
    }
  });

  test('1,000 sidecars with 24 h ask 0.0232 times a second; 412 for 90 days renew 74,160 times', () => {
    const one = makeMesh();
    one.sim.run(10 * day);
    const rate = total(one.mesh.istiod.requests) / (10 * 86_400);
    expect(Math.abs(rate - 1000 / 43_200)).toBeLessThan(4 * (Math.sqrt(1000 / 6) / 864_000));
    const all = makeMesh({ sidecars: 412, sim: { record: new Set() } });
    all.sim.run(90 * day);
    // Each sidecar's count is 180 but for its phase and the jitter of 180 renewals: sd about 0.42.
    expect(Math.abs(total(all.mesh.fleet.renewals) - 74_160)).toBeLessThan(4 * 0.42 * Math.sqrt(412));
  });

  test('after a restart of all at once they ask within 14.4 min of half their life', () => {
    const { sim, mesh } = makeMesh({
      agents: { start: { restartedAgoMicros: 0, overMicros: 0 } },
    });
    sim.run(12 * hour - 14.4 * minute - 1);
    expect(total(mesh.istiod.requests)).toBe(0);
    sim.run(12 * hour + 14.4 * minute + 2000);
    expect(total(mesh.istiod.requests)).toBe(1000);
    // An even spread: half of them before the middle.
    const record = mesh.istiod.requests.rowRecord(0)!;
    const times = record.times.slice(1);
    expect(times.filter((t) => t < 12 * hour).length / times.length).toBeCloseTo(0.5, 1);
  });

  test('a new intermediate has half of them after 6 h and all after 12 h 14.4 min', () => {
    const { sim, mesh } = makeMesh({ sidecars: 4000 });
    mesh.install(nextSigner);
    sim.run(6 * hour + 2e6);
    expect(Math.abs(total(mesh.fleet.rolled) / 4000 - 0.5)).toBeLessThan(fourSigma(0.5, 4000));
    sim.run(12.24 * hour + 3e6);
    expect(total(mesh.fleet.rolled)).toBe(4000);
    expect(mesh.rotationSeconds.get(0) / 3600).toBeGreaterThan(12.15);
  });
});

describe('an outage of istiod', () => {
  test.each([
    [6, 0.5, 0],
    [12, 0.5, 0],
    [18, 0.5, 0.5],
    [6, 2 / 24, 4 / 22],
    [12, 2 / 24, 10 / 22],
    [18, 2 / 24, 16 / 22],
  ])('of %d h at a grace of %f of 24 h leaves %f expired', (hours, graceRatio, share) => {
    const n = 4000;
    const { sim, mesh } = makeMesh({ sidecars: n, agents: { graceRatio } });
    mesh.stopIstiod(undefined, undefined);
    sim.run(hours * hour);
    const expected = expiredAfter(hours * hour, day, graceRatio, 0.01);
    // The jitter alone: at half life 0.25 % where the outage is as long as the shortest remaining life.
    expect(Math.abs(expected - share)).toBeLessThan(0.006);
    const found = mesh.fleet.expired.get(0) / n;
    expect(Math.abs(found - expected)).toBeLessThan(fourSigma(expected, n));
  });

  test('of 18 h has its expired ones expired for 3 h in the mean', () => {
    const { sim, mesh } = makeMesh({ sidecars: 4000 });
    mesh.stopIstiod(undefined, undefined);
    sim.run(18 * hour);
    const mean = mesh.fleet.expiredSeconds.get(0) / mesh.fleet.expired.get(0) / 3600;
    expect(Math.abs(mean - 3)).toBeLessThan(4 * (1.73 / Math.sqrt(2000)));
  });

  test('ends with every agent asking within 30 s and a round, and no certificate is left expired', () => {
    const { sim, mesh } = makeMesh({ sidecars: 4000 });
    mesh.stopIstiod(undefined, 18 * hour);
    sim.run(18 * hour - 1);
    const waiting = mesh.fleet.waitingAgents.get(0);
    expect(waiting).toBeGreaterThan(3900);
    sim.run(18 * hour + 33e6);
    expect(mesh.fleet.waitingAgents.get(0)).toBe(0);
    expect(mesh.fleet.expired.get(0)).toBe(0);
    // The residual life of rounds of 1.5 s and an even part of 30 s: mean E[x^2] / (2 E[x]).
    const record = mesh.istiod.requests;
    let sum = 0;
    let count = 0;
    for (let row = 0; row < record.rows; row += 1)
      for (const t of record.rowRecord(row)!.times)
        if (t >= 18 * hour) {
          sum += (t - 18 * hour) / 1e6;
          count += 1;
        }
    const second = (31.5 ** 3 - 1.5 ** 3) / 3 / 30;
    expect(count).toBeGreaterThan(3900);
    expect(Math.abs(sum / count - second / (2 * 16.5))).toBeLessThan(4 * (7.5 / Math.sqrt(count)));
  });
});

describe('the end of the signing certificate', () => {
  test('without the clamp no new connection fails before it, and all do from then on', () => {
    const { sim, mesh } = makeMesh({ signerUntil: 10 * hour });
    sim.run(10 * hour - 1);
    expect(total(mesh.connections.failures)).toBe(0);
    expect(mesh.connections.failureShare.get(0)).toBe(0);
    sim.run(10 * hour);
    expect(mesh.connections.failureShare.get(0)).toBe(1);
    sim.run(11 * hour);
    expect(mesh.connections.failures.get(refusals.indexOf('issuer expired'))).toBeCloseTo(10_000, 6);
    expect(mesh.fleet.expired.get(0)).toBe(0);
  });

  test('with the clamp every renewal halves what is left: log2 (24 h / 10 s) renewals until 10 s before it', () => {
    const n = 500;
    const { sim, mesh } = makeMesh({
      sidecars: n,
      signerUntil: 3 * day,
      istiod: { clampsToIssuer: true, cores: 64 },
      agents: { keyGenMicros: 0, jitter: 0 },
    });
    sim.run(2 * day);
    const before = total(mesh.fleet.renewals);
    sim.run(3 * day - 10e6);
    const each = (total(mesh.fleet.renewals) - before) / n;
    expect(Math.abs(each - Math.log2(8640))).toBeLessThan(0.15);
    // The rate is 2 N / r a second: over the last of these seconds, between r = 11 s and 10 s.
    const late = total(mesh.fleet.renewals);
    sim.run(3 * day - 5e6);
    expect((total(mesh.fleet.renewals) - late) / n).toBeCloseTo(1, 1);
    sim.run(3 * day + 1e6);
    expect(mesh.fleet.expired.get(0)).toBe(n);
    expect(mesh.connections.failures.get(refusals.indexOf('certificate expired'))).toBeGreaterThan(0);
    sim.checkInvariants();
  });
});

describe('rotations', () => {
  test('a root without the trust phase refuses 2 p (1 - p) of pairs, p being the share renewed', () => {
    const n = 1000;
    const { sim, mesh } = makeMesh({ sidecars: n });
    mesh.rotateRootTo('other', ['trust', 'remove']);
    let most = 0;
    for (let t = hour; t <= 13 * hour; t += hour / 4) {
      sim.run(t);
      const p = total(mesh.fleet.rolled) / n;
      expect(mesh.connections.failureShare.get(0)).toBeCloseTo(2 * p * (1 - p), 12);
      most = Math.max(most, mesh.connections.failureShare.get(0));
    }
    expect(most).toBeGreaterThan(0.499);
    expect(mesh.connections.failures.get(refusals.indexOf('unknown authority'))).toBeGreaterThan(0);
    expect(mesh.connections.failureShare.get(0)).toBe(0);
  });

  test('a root in four phases refuses nobody', () => {
    const { sim, mesh } = makeMesh({ istiod: { multiRoot: true } });
    mesh.rotateRootTo('other', []);
    sim.run(3 * day);
    expect(mesh.istiod.secret.signer).toBe(otherSigner);
    expect(mesh.authorities.namesOfRoots(mesh.istiod.secret.roots)).toBe('root2');
    expect(mesh.fleet.stale.get(0)).toBe(0);
    expect(total(mesh.connections.failures)).toBe(0);
  });

  test('a root whose old one is removed t after the new one signs refuses new to old by then', () => {
    const n = 4000;
    const { sim, mesh } = makeMesh({ sidecars: n, istiod: { multiRoot: true }, agents: { jitter: 0 } });
    mesh.trustNamed(['root', 'root2']);
    sim.run(13 * hour);
    mesh.install(otherSigner);
    sim.run(16 * hour);
    mesh.trustNamed(['root2']);
    sim.run(16 * hour + 2e6);
    const old = mesh.fleet.stale.get(0) / n;
    expect(Math.abs(old - (1 - 3 / 12))).toBeLessThan(fourSigma(0.75, n));
    sim.run(17 * hour);
    // Who has renewed since trusts the new root alone; who has not yet, holds the old one: 1/12 and 8/12, both ways.
    expect(mesh.connections.failureShare.get(0)).toBeCloseTo(2 * (1 / 12) * (8 / 12), 2);
  });

  test('a push to all at once takes N x 2 ms / c of one replica', () => {
    const { sim, mesh } = makeMesh({
      agents: { takesTrustOverXds: true, keyGenMicros: 0 },
      istiod: { replicas: 1, cores: 1, signingCpu: { ...constantOf(2000) } },
    });
    sim.run(minute);
    const before = total(mesh.fleet.renewals);
    mesh.pushTrust();
    sim.run(minute + 2e6 + 6000 + 10_000 + 1000);
    expect(total(mesh.fleet.renewals) - before).toBeGreaterThanOrEqual(1000);
    const last = mesh.istiod.issued.rowRecord(0)!.times.at(-1)!;
    expect(Math.abs(last - minute - 6000 - 2e6)).toBeLessThan(2000);
    expect(mesh.fleet.peak.get(0)).toBe(1000);
  });
});

describe('clocks', () => {
  test('a node 5 min slow refuses fresh leaves for 3 min, and by its side nobody else does', () => {
    const n = 400;
    const { sim, mesh } = makeMesh({
      sidecars: n,
      mesh: { nodes: 4, skews: [0, -300e6, 0, 0] },
      agents: { start: { restartedAgoMicros: 6 * hour, overMicros: 0 } },
    });
    sim.run(hour);
    expect(mesh.connections.failureShare.get(0)).toBe(0);
    mesh.fleet.renew(0);
    sim.run(hour + 10e6);
    // One leaf, to and from the 100 sidecars of the slow node.
    expect(mesh.connections.failureShare.get(0)).toBeCloseTo((2 * 100) / (n * n), 12);
    const record = mesh.connections.failureShare.rowRecord(0)!;
    sim.run(hour + 200e6);
    const refused = record.times.filter((t) => t > hour);
    expect(refused.length).toBe(2);
    // From the swap until 180 s after the leaf was signed, which is 10 ms before it.
    expect(refused[1]! - refused[0]!).toBe(180e6 - 10_000);
    expect(mesh.connections.failures.get(refusals.indexOf('certificate not yet valid'))).toBeGreaterThan(0);
  });
});

function constantOf(value: number) {
  return { sample: () => value, mean: value, draws: false, says: '' };
}
