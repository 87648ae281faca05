import { describe, expect, test } from 'vitest';
import { refusals } from '../../src/models/mesh/handshakes.ts';
import { day, hour, makeMesh, nextSigner } from '../support/mesh.ts';

const sum = (gauge: { readonly rows: number; get(row: number): number }) =>
  Array.from({ length: gauge.rows }, (_, row) => gauge.get(row)).reduce((a, b) => a + b, 0);
const refused = (mesh: ReturnType<typeof makeMesh>['mesh'], reason: (typeof refusals)[number]) =>
  mesh.connections.failures.get(refusals.indexOf(reason));

describe('mutual TLS', () => {
  const namespaces = ['a', 'b'].map((name) => ({
    name,
    mode: undefined,
    clientTls: 'auto' as const,
    plaintextConnections: name === 'b' ? 6 : 0,
  }));
  const groups = ['a', 'b'].map((namespace) => ({ namespace, workload: '', sidecars: 50, mode: undefined }));
  const make = () => makeMesh({ mesh: { namespaces, groups } });

  test('a namespace that becomes STRICT turns plain text away at once, and closes what there was after 45 s', () => {
    const { sim, mesh } = make();
    sim.run(hour);
    expect(sum(mesh.connections.plaintext)).toBe(6);
    mesh.setMode('b', undefined, 'STRICT');
    sim.run(hour + 44e6);
    expect(sum(mesh.connections.plaintext)).toBe(6);
    sim.run(hour + 46e6);
    expect(sum(mesh.connections.plaintext)).toBe(0);
    // Six of plain text, and those of sidecars to 50 of 100 servers that are left after the drain time of a mean life of an hour.
    const drained = mesh.connections.closed.get(1);
    expect(drained).toBeCloseTo(6 + 1000 * 0.5 * Math.exp(-45 / 3600), 3);
    expect(mesh.connections.failureShare.get(0)).toBe(0);
    sim.run(2 * hour);
    // They go on wanting to connect: six an hour.
    expect(refused(mesh, 'plain text to STRICT')).toBeCloseTo(6 * (1 - 0 / 3600), 1);
    expect(sum(mesh.namespacesByMode)).toBe(2);
  });

  test('DISABLE is plain text under auto mTLS, whatever certificates say', () => {
    const { sim, mesh } = make();
    mesh.setMode(undefined, undefined, 'DISABLE');
    mesh.stopIstiod(undefined, undefined);
    sim.run(2 * day);
    expect(mesh.connections.plaintextShare.get(0)).toBe(1);
    expect(mesh.fleet.expired.get(0)).toBe(100);
    expect(mesh.connections.failureShare.get(0)).toBe(0);
  });

  test('an expired certificate is refused by a server that would take plain text: its client speaks TLS', () => {
    const { sim, mesh } = make();
    mesh.stopIstiod(undefined, undefined);
    sim.run(2 * day);
    expect(mesh.connections.failureShare.get(0)).toBe(1);
    expect(refused(mesh, 'certificate expired')).toBeGreaterThan(0);
  });
});

describe('rotations and outages', () => {
  test('a restart of all pods rotates as fast as they restart, and closes their connections', () => {
    const { sim, mesh } = makeMesh({ sidecars: 200 });
    mesh.install(nextSigner);
    sim.run(60e6);
    mesh.restart(undefined, 600e6);
    sim.run(60e6 + 601e6);
    expect(sum(mesh.fleet.rolled)).toBe(200);
    expect(mesh.rotationSeconds.get(0)).toBeLessThan(662);
    // As client and as server: twice the connections of each.
    expect(mesh.connections.closed.get(0)).toBeGreaterThan(3900);
    expect(mesh.connections.closed.get(0)).toBeLessThanOrEqual(4000);
  });

  test('pods that restart while istiod is away have no certificate until it is back', () => {
    const { sim, mesh } = makeMesh({ sidecars: 10 });
    mesh.stopIstiod(undefined, hour);
    mesh.restart(undefined, 1);
    sim.run(hour - 1);
    expect(mesh.fleet.expired.get(0)).toBe(10);
    expect(mesh.connections.failureShare.get(0)).toBe(1);
    sim.run(hour + 40e6);
    expect(mesh.fleet.expired.get(0)).toBe(0);
    expect(refused(mesh, 'no certificate')).toBeGreaterThan(90);
  });

  test('one replica away costs nothing: its agents ask the other', () => {
    const { sim, mesh } = makeMesh({ sidecars: 500 });
    mesh.stopIstiod([1], undefined);
    sim.run(2 * day);
    expect(mesh.fleet.expired.get(0)).toBe(0);
    expect(mesh.istiod.requests.get(0)).toBe(0);
    expect(mesh.istiod.requests.get(1)).toBeGreaterThan(1900);
  });

  test('a deadline below the wait for the API server turns requests away, and Envoy brings them again', () => {
    const { sim, mesh } = makeMesh({
      sidecars: 200,
      istiod: { reviewsPerSecond: 5, reviewBurst: 5, replicas: 1 },
      agents: { takesTrustOverXds: true, requestTimeoutMicros: 2e6 },
    });
    sim.run(60e6);
    mesh.pushTrust();
    sim.run(hour);
    expect(sum(mesh.istiod.authenticationFailures)).toBeGreaterThan(150);
    expect(sum(mesh.istiod.requests)).toBe(sum(mesh.istiod.issued) + sum(mesh.istiod.authenticationFailures));
    expect(sum(mesh.fleet.renewals)).toBeGreaterThanOrEqual(200);
    // 200 reviews at 5 a second after a burst of 5.
    expect(sum(mesh.istiod.issued)).toBeGreaterThanOrEqual(200);
  });

  test('an outage of Vault at the renewal costs 1, 2, 4 h of back-off; the intermediate that comes then is signed with', () => {
    const { sim, mesh } = makeMesh({
      sidecars: 20,
      signerUntil: 3 * day,
      mounts: [{ ttlMicros: 30 * day }],
      managed: [
        { name: 'cacerts', isSigner: true, durationMicros: 30 * day, notBefore: -6 * day, notAfter: 3 * day },
      ],
    });
    // Two thirds of nine days are over now.
    mesh.stopVault(5 * hour);
    sim.run(6 * hour);
    expect(mesh.authorities.rows).toHaveLength(5);
    sim.run(8 * hour);
    // Tried at 0, 1, 3 and 7 h.
    expect(mesh.authorities.rows).toHaveLength(6);
    expect(mesh.authorities.rows[5]!.notAfter).toBe(7 * hour + 30 * day);
    sim.run(2 * day);
    expect(mesh.fleet.stale.get(0)).toBe(0);
    expect(mesh.findings()).toEqual([]);
    expect(mesh.dueDates()[0]).toMatchObject({ kind: 'intermediate', endsAt: 7 * hour + 30 * day });
  });

  test('a certificate that Vault would have to let outlive its issuer is refused from then on', () => {
    const { sim, mesh } = makeMesh({
      sidecars: 1,
      mounts: [{ issuer: 1, ttlMicros: 20 * day }],
      signerUntil: 25 * day,
    });
    sim.run(4 * day);
    expect(mesh.issueIntermediate('early', 0, undefined, undefined)).toBe(5);
    sim.run(6 * day);
    expect(mesh.issueIntermediate('late', 0, undefined, undefined)).toContain('end after the authority');
  });
});
