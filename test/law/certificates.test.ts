import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { constant, lognormal } from '../../src/engine/distributions.ts';
import { Authorities } from '../../src/models/mesh/authority.ts';
import { insideBackoff, outsideBackoff, untilNextAttempt } from '../../src/models/mesh/backoff.ts';
import { failureBackoff, renewalTime } from '../../src/models/mesh/certManager.ts';
import { Earliest } from '../../src/models/mesh/earliest.ts';
import { rotationDelay } from '../../src/models/mesh/fleet.ts';
import {
  firstRefusal,
  madeInPlainText,
  madeWithTls,
  pairCode,
  refusals,
  type Side,
} from '../../src/models/mesh/handshakes.ts';
import type { Mesh } from '../../src/models/mesh/mesh.ts';
import { modeOf, transportTo } from '../../src/models/mesh/mtls.ts';
import { RatePeak } from '../../src/models/mesh/ratePeak.ts';
import { type PeerMode, peerModes } from '../../src/models/mesh/settings.ts';
import { issue, ttlOf, type VaultMount } from '../../src/models/mesh/vault.ts';
import { day, hour, makeMesh } from '../support/mesh.ts';

const minute = 60e6;

/** Something that happens to a mesh, some minutes after what came before. */
interface Deed {
  readonly after: number;
  readonly what: string;
  readonly n: number;
  readonly flag: boolean;
}

const deeds = fc.array(
  fc.record({
    after: fc.integer({ min: 1, max: 300 }),
    what: fc.constantFrom(
      'signer',
      'root',
      'stop',
      'stopOne',
      'staged',
      'restart',
      'push',
      'mode',
      'clock',
      'trust',
    ),
    n: fc.integer({ min: 0, max: 5 }),
    flag: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

const cases = fc.record({
  sidecars: fc.integer({ min: 1, max: 20 }),
  clamps: fc.boolean(),
  multiRoot: fc.boolean(),
  xds: fc.boolean(),
  ttlHours: fc.constantFrom(1, 4, 24),
  grace: fc.constantFrom(0, 0.1, 0.5, 0.9),
  signerHours: fc.constantFrom(3, 20, 2000),
  timeout: fc.constantFrom(20_000, Number.POSITIVE_INFINITY),
  reviews: fc.constantFrom(0, 2),
  deeds,
});

function doDeed(mesh: Mesh, { what, n, flag }: Deed): void {
  const micros = (n + 1) * 40 * minute;
  if (what === 'signer') mesh.install(n % 2 === 0 ? 2 : 1);
  else if (what === 'root') mesh.rotateRootTo('other', flag ? ['trust'] : [], micros);
  else if (what === 'stop') mesh.stopIstiod(undefined, micros);
  else if (what === 'stopOne') mesh.stopIstiod([1 + (n % 2)], flag ? micros : 1);
  else if (what === 'staged') mesh.renewStaged(undefined, n, 0.05);
  else if (what === 'restart') mesh.restart(flag ? ['a'] : undefined, micros);
  else if (what === 'push') mesh.pushTrust();
  else if (what === 'mode') mesh.setMode(flag ? 'a' : undefined, undefined, peerModes[n % 3]!);
  else if (what === 'clock') mesh.setClock(n % 3, (n - 2) * 240e6);
  else mesh.trustNamed(flag ? ['root', 'root2'] : [n % 2 === 0 ? 'root' : 'root2']);
}

describe('a mesh under any sequence of changes', () => {
  test('keeps its laws: timers, clamp, pairs; rolled counts and expired minutes by recount', () => {
    const seen = { clamped: 0, expired: 0, waiting: 0, refused: 0, rolled: 0 };
    fc.assert(
      fc.property(cases, (c) => {
        const { sim, mesh } = makeMesh({
          sidecars: c.sidecars,
          signerUntil: c.signerHours * hour,
          mesh: { nodes: 3 },
          agents: {
            ttlMicros: c.ttlHours * hour,
            graceRatio: c.grace,
            takesTrustOverXds: c.xds,
            requestTimeoutMicros: c.timeout,
            swap: lognormal(180_000, 230_000),
          },
          istiod: {
            clampsToIssuer: c.clamps,
            multiRoot: c.multiRoot,
            reviewsPerSecond: c.reviews,
            signingCpu: lognormal(2000, 5000),
            propagation: constant(20e6),
          },
          sim: { verify: true, bounds: { eventsAtOneInstant: 100_000, events: 2_000_000 } },
        });
        let rolled = 0;
        let wanted = mesh.istiod.secret.signer;
        let expiredMicros = 0;
        let last = 0;
        const look = () => {
          // Between two looks nothing was looked at: the recount asks every certificate at every event.
          let sum = 0;
          for (let row = 0; row < mesh.fleet.rolled.rows; row += 1) sum += mesh.fleet.rolled.get(row);
          if (mesh.istiod.secret.signer !== wanted) {
            wanted = mesh.istiod.secret.signer;
            rolled = 0;
          }
          expect(sum).toBeGreaterThanOrEqual(rolled);
          rolled = sum;
        };
        const lacks = () => {
          let n = 0;
          for (let i = 0; i < mesh.fleet.count; i += 1)
            if (mesh.fleet.issuer[i]! < 0 || mesh.fleet.notAfter[i]! <= sim.now) n += 1;
          return n;
        };
        let before = lacks();
        sim.beforeAdvance(() => {
          expiredMicros += before * (sim.now - last);
          last = sim.now;
          before = lacks();
          look();
          return false;
        });
        for (const d of c.deeds) {
          sim.run(sim.now + d.after * minute);
          doDeed(mesh, d);
        }
        sim.run(sim.now + (c.ttlHours * 1.3 + 2) * hour);
        expiredMicros += before * (sim.now - last);
        expect(mesh.fleet.expiredSeconds.get(0)).toBeCloseTo(expiredMicros / 1e6, 3);
        if (c.clamps && c.signerHours < 24) seen.clamped += 1;
        if (expiredMicros > 0) seen.expired += 1;
        if (mesh.fleet.waitingAgents.rowRecord(0)!.values.some((v) => v > 0)) seen.waiting += 1;
        if (mesh.connections.failureShare.rowRecord(0)!.values.some((v) => v > 0)) seen.refused += 1;
        if (rolled > 0 && wanted !== 1) seen.rolled += 1;
      }),
      { numRuns: 120, seed: 7 },
    );
    for (const [what, count] of Object.entries(seen))
      expect(count, `${what} occurred in ${count} of 120`).toBeGreaterThan(12);
  });

  test('gives the same run whether it is looked at or not', () => {
    const play = (verify: boolean, record: 'all' | ReadonlySet<string>) => {
      const { sim, mesh } = makeMesh({ sidecars: 50, sim: { verify, record } });
      mesh.install(2);
      mesh.stopIstiod([1], 3 * hour);
      sim.run(30 * hour);
      return sim.fingerprint();
    };
    expect(play(true, 'all')).toBe(play(false, new Set()));
  });
});

describe('a handshake', () => {
  const roots = new Authorities();
  roots.add({ name: 'r0', issuer: -1, notBefore: -100, notAfter: 100 });
  roots.add({ name: 'r1', issuer: -1, notBefore: -100, notAfter: 40 });
  roots.add({ name: 'i0', issuer: 0, notBefore: -50, notAfter: 60 });
  roots.add({ name: 'i1', issuer: 1, notBefore: 10, notAfter: 30 });
  const side: fc.Arbitrary<Side> = fc.record({
    issuer: fc.integer({ min: -1, max: 3 }),
    expired: fc.constantFrom(0, 0, 0, 1, 2, 3),
    early: fc.constantFrom(0, 0, 0, 1, 2, 3),
    trust: fc.constantFrom(0, 1, 2, 3, 3, 3),
    clock: fc.integer({ min: 0, max: 1 }),
    transport: fc.constantFrom(
      'tls' as const,
      'plain' as const,
      'plain text to STRICT' as const,
      'TLS to DISABLE' as const,
    ),
  });

  /** Chain valid and trusted, link by link. */
  const accepts = (shown: Side, by: Side, time: number): boolean => {
    if (shown.issuer < 0 || ((shown.expired | shown.early) >> by.clock) % 2 === 1) return false;
    for (let at = shown.issuer; at >= 0; at = roots.rows[at]!.issuer) {
      const { notBefore, notAfter, issuer } = roots.rows[at]!;
      if (time < notBefore || time >= notAfter) return false;
      if (issuer < 0) return (by.trust & (at === 0 ? 1 : 2)) !== 0;
    }
    return false;
  };

  test('that is accepted has both chains valid and trusted; a refused one has a reason', () => {
    const count = new Map<number, number>();
    fc.assert(
      fc.property(side, side, fc.integer({ min: -120, max: 120 }), (client, server, now) => {
        const timeOf = (clock: number) => now + clock * 7;
        const code = pairCode(client, server, roots, timeOf);
        count.set(code, (count.get(code) ?? 0) + 1);
        if (server.transport === 'plain') expect(code).toBe(madeInPlainText);
        else if (server.transport !== 'tls') expect(refusals[code - firstRefusal]).toBe(server.transport);
        else {
          const both =
            accepts(server, client, timeOf(client.clock)) && accepts(client, server, timeOf(server.clock));
          expect(code === madeWithTls).toBe(both);
          if (!both) expect(code).toBeGreaterThanOrEqual(firstRefusal);
        }
      }),
      { numRuns: 20_000, seed: 3 },
    );
    for (let code = 0; code < firstRefusal + refusals.length; code += 1)
      expect(count.get(code) ?? 0, `code ${code}`).toBeGreaterThan(20);
  });

  test('modes: the workload before the namespace before the mesh; a client never speaks what is refused under auto mTLS', () => {
    for (const w of [undefined, ...peerModes])
      for (const n of [undefined, ...peerModes])
        for (const m of peerModes) expect(modeOf(w, n, m)).toBe(w ?? n ?? m);
    const table: Record<PeerMode, readonly string[]> = {
      STRICT: ['tls', 'tls', 'plain text to STRICT'],
      PERMISSIVE: ['tls', 'tls', 'plain'],
      DISABLE: ['plain', 'TLS to DISABLE', 'plain'],
    };
    for (const mode of peerModes)
      expect((['auto', 'ISTIO_MUTUAL', 'DISABLE'] as const).map((c) => transportTo(mode, c))).toEqual(
        table[mode],
      );
  });
});

describe('formulas', () => {
  test('an agent renews when its share of life is left, cut to 0 and 1', () => {
    expect(rotationDelay(0, day, 0, 0.5, 0.01, 0.5)).toBe(12 * hour);
    expect(rotationDelay(0, day, 0, 0.5, 0.01, 0)).toBeCloseTo(12 * hour + 14.4 * minute, 0);
    expect(rotationDelay(0, day, 0, 0.5, 0.01, 1)).toBeCloseTo(12 * hour - 14.4 * minute, 0);
    expect(rotationDelay(0, day, 0, 1, 0.5, 1)).toBe(0);
    expect(rotationDelay(0, day, 0, 0, 0.5, 0)).toBe(day);
    // A clock that is behind: what is left by it is longer.
    expect(rotationDelay(-hour, day, -hour, 0.5, 0, 0.5)).toBe(12.5 * hour);
  });

  test('cert-manager: two thirds, renewBefore, per cent, in whole seconds; failures 1, 2, 4 ... 32 h', () => {
    const life = 90 * day;
    expect(renewalTime(0, life, undefined, undefined, 0)).toBe(60 * day);
    expect(renewalTime(0, life, 10 * day, 50, 0)).toBe(80 * day);
    expect(renewalTime(0, life, 0, 25, 0)).toBe(67.5 * day);
    expect(renewalTime(0, life, life, undefined, 0)).toBe(60 * day);
    expect(renewalTime(0, life, life, 25, 0)).toBe(67.5 * day);
    expect(renewalTime(0, 10e6, undefined, undefined, 400_000)).toBe(5_600_000 + 1_000_000);
    const options = { minBackoffMicros: hour, maxBackoffMicros: 32 * hour, origin: 0 };
    expect([1, 2, 3, 4, 5, 6, 7, 40].map((n) => failureBackoff(n, options) / hour)).toEqual([
      1, 2, 4, 8, 16, 32, 32, 32,
    ]);
  });

  test('Vault: what is asked for, the role, the mount, cut to both maxima; beyond the issuer by its behaviour', () => {
    const mount: VaultMount = {
      name: 'pki',
      issuer: 0,
      ttlMicros: 10,
      maxTtlMicros: 100,
      leafNotAfter: 'err',
      roles: [],
    };
    const role = { name: 'r', ttlMicros: 20, maxTtlMicros: 50 };
    expect(ttlOf(mount, undefined, undefined)).toBe(10);
    expect(ttlOf(mount, role, undefined)).toBe(20);
    expect(ttlOf(mount, role, 70)).toBe(50);
    expect(ttlOf(mount, undefined, 700)).toBe(100);
    expect(issue(mount, role, 40, 0, 40)).toEqual({ notBefore: -30e6, notAfter: 40 });
    expect(issue(mount, role, 40, 1, 40)).toHaveProperty('refused');
    expect(issue({ ...mount, leafNotAfter: 'truncate' }, role, 40, 1, 40)).toMatchObject({ notAfter: 40 });
    expect(issue({ ...mount, leafNotAfter: 'truncate' }, role, 40, 40, 40)).toHaveProperty('refused');
    expect(issue({ ...mount, leafNotAfter: 'permit' }, role, 40, 1, 40)).toMatchObject({ notAfter: 41 });
  });

  test('back-off: 0.1, 0.2, 0.4, 0.8 s inside a request, 0.5 to 30 s outside', () => {
    expect([1, 2, 3, 4].map((n) => insideBackoff(n, 0.5))).toEqual([100_000, 200_000, 400_000, 800_000]);
    expect(insideBackoff(1, 0)).toBe(90_000);
    expect([0, 1, 2, 5, 6, 7, 50].map((n) => outsideBackoff(n, 1) / 1e6)).toEqual([
      0.5, 1, 2, 16, 30, 30, 30,
    ]);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e9 }),
        fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }),
        (waited, u) => {
          const next = untilNextAttempt(waited, () => u);
          expect(next).toBeGreaterThan(0);
          expect(next).toBeLessThanOrEqual(31.5e6 + 1);
        },
      ),
    );
  });

  test('the earliest of many, and the fullest window, are those of a plain search', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(9), fc.integer({ min: -50, max: 50 })), { maxLength: 80 }),
        fc.array(fc.nat(400_000), { minLength: 1, maxLength: 300 }),
        (sets, gaps) => {
          const times = Array.from({ length: 10 }, () => 0);
          const earliest = new Earliest(10, 0);
          for (const [row, time] of sets) {
            earliest.set(row, time);
            times[row] = time;
            expect(earliest.time).toBe(Math.min(...times));
          }
          const peak = new RatePeak(1e6);
          const all: number[] = [];
          let found = 0;
          for (const gap of gaps) {
            all.push((all.at(-1) ?? 0) + gap);
            found = peak.add(all.at(-1)!);
          }
          const most = Math.max(...all.map((t) => all.filter((o) => o > t - 1e6 && o <= t).length));
          expect(found).toBe(most);
        },
      ),
    );
  });
});
