/** A mesh without a scenario file: the model alone, with the numbers that a test changes. */
import { constant } from '../../src/engine/distributions.ts';
import { Simulation, type SimulationOptions } from '../../src/engine/simulation.ts';
import { Authorities } from '../../src/models/mesh/authority.ts';
import { type ManagedCertificate, Mesh } from '../../src/models/mesh/mesh.ts';
import type {
  AgentOptions,
  ConnectionOptions,
  IstiodOptions,
  MeshOptions,
} from '../../src/models/mesh/settings.ts';
import type { VaultMount } from '../../src/models/mesh/vault.ts';

export const hour = 3600e6;
export const day = 24 * hour;

export interface MeshCase {
  readonly sidecars?: number;
  readonly agents?: Partial<AgentOptions>;
  readonly istiod?: Partial<IstiodOptions>;
  readonly connections?: Partial<ConnectionOptions>;
  readonly mesh?: Partial<MeshOptions>;
  /** When the first intermediate ends. */
  readonly signerUntil?: number;
  readonly mounts?: readonly Partial<VaultMount>[];
  readonly managed?: readonly Partial<ManagedCertificate>[];
  readonly sim?: Partial<SimulationOptions>;
}

/** Rows of the authorities that every case has. */
export const root = 0;
export const signer = 1;
export const nextSigner = 2;
export const otherRoot = 3;
export const otherSigner = 4;

export function makeMesh(c: MeshCase = {}): { readonly sim: Simulation; readonly mesh: Mesh } {
  const sim = new Simulation({ seed: 'mesh', record: 'all', ...c.sim });
  const authorities = new Authorities();
  const long = 3650 * day;
  authorities.add({ name: 'root', issuer: -1, notBefore: -long, notAfter: long });
  authorities.add({ name: 'ca', issuer: root, notBefore: -90 * day, notAfter: c.signerUntil ?? 300 * day });
  authorities.add({ name: 'ca2', issuer: root, notBefore: -day, notAfter: 330 * day });
  authorities.add({ name: 'root2', issuer: -1, notBefore: -long, notAfter: long });
  authorities.add({ name: 'other', issuer: otherRoot, notBefore: -day, notAfter: 330 * day });
  const mesh = new Mesh(
    sim,
    {
      groups: [{ namespace: 'a', workload: '', sidecars: c.sidecars ?? 1000, mode: undefined }],
      namespaces: [{ name: 'a', mode: undefined, clientTls: 'auto', plaintextConnections: 0 }],
      meshMode: 'PERMISSIVE',
      nodes: 1,
      skews: c.mesh?.nodes === undefined ? [0] : Array.from({ length: c.mesh.nodes }, () => 0),
      signer,
      roots: 1,
      origin: 1_735_689_600e6,
      ...c.mesh,
      agents: {
        ttlMicros: day,
        graceRatio: 0.5,
        jitter: 0.01,
        keyGenMicros: 1000,
        swap: constant(10_000),
        requestTimeoutMicros: Number.POSITIVE_INFINITY,
        takesTrustOverXds: false,
        start: 'steady',
        ...c.agents,
      },
      istiod: {
        replicas: 2,
        cores: 2,
        multiRoot: false,
        clampsToIssuer: false,
        propagation: constant(1e6),
        signingCpu: constant(2000),
        reviewLatency: constant(6000),
        reviewsPerSecond: 0,
        reviewBurst: 1,
        idleCores: 0.2,
        memoryBytes: 0,
        memoryPerProxyBytes: 0,
        memoryPerRequestBytes: 0,
        ...c.istiod,
      },
      connections: {
        perSidecar: 10,
        lifetimeMicros: hour,
        maxDurationMicros: Number.POSITIVE_INFINITY,
        ...c.connections,
      },
    },
    authorities,
    (c.mounts ?? []).map((m) => ({
      name: 'pki',
      issuer: root,
      ttlMicros: 32 * day,
      maxTtlMicros: 32 * day,
      leafNotAfter: 'err',
      roles: [],
      ...m,
    })),
    (c.managed ?? []).map((m) => ({
      name: 'c',
      isSigner: false,
      durationMicros: 90 * day,
      renewBeforeMicros: undefined,
      renewBeforePercentage: undefined,
      notBefore: 0,
      notAfter: 90 * day,
      mount: 0,
      role: '',
      ...m,
    })),
    { minBackoffMicros: hour, maxBackoffMicros: 32 * hour },
  );
  return { sim, mesh };
}
