import { z } from 'zod';
import { Authorities, maxRoots } from '../models/mesh/authority.ts';
import { certManagerDefaults } from '../models/mesh/certManager.ts';
import type { ManagedCertificate } from '../models/mesh/mesh.ts';
import { type Group, type MeshOptions, peerModes } from '../models/mesh/settings.ts';
import { type VaultMount, vaultSystemTtlMicros } from '../models/mesh/vault.ts';
import { instant } from './instant.ts';
import { q } from './quantity.ts';

const name = z.string().min(1).max(253);
const mode = z.enum(peerModes);
const most = 1_000_000;

const authority = z.strictObject({
  name,
  issuer: name.optional().meta({ description: 'the authority that signed it; absent: it is a root' }),
  notBefore: instant,
  notAfter: instant,
});

const mount = z.strictObject({
  name,
  issuer: name.meta({ description: 'the authority that it signs by' }),
  ttl: q.duration({ min: 1 }).optional(),
  maxTtl: q.duration({ min: 1 }).optional().meta({ description: '768 h where nothing is said' }),
  leafNotAfterBehavior: z
    .enum(['err', 'truncate', 'permit'])
    .optional()
    .meta({ description: 'what is done with a certificate that would end after its issuer' }),
  roles: z
    .array(
      z.strictObject({
        name,
        ttl: q.duration({ min: 1 }).optional(),
        maxTtl: q.duration({ min: 1 }).optional(),
      }),
    )
    .max(1000)
    .optional(),
});

const certificate = z.strictObject({
  name,
  mount: name.meta({ description: 'the PKI secrets engine of Vault that issues it' }),
  role: name.optional(),
  duration: q.duration({ min: 3600e6 }).optional().meta({ description: '90 days where nothing is said' }),
  renewBefore: q.duration({ min: 300e6 }).optional(),
  renewBeforePercentage: q
    .count({ min: 1, max: 99 })
    .optional()
    .meta({ description: 'share of its life that is left when it is renewed' }),
  signs: z.boolean().optional().meta({ description: 'true: it is what istiod signs with' }),
  notBefore: instant.optional(),
  notAfter: instant.optional(),
});

const namespace = z.strictObject({
  name,
  sidecars: q.count({ min: 0, max: most }),
  mode: mode.optional().meta({ description: 'of its PeerAuthentication; absent: that of the mesh' }),
  workloads: z
    .array(
      z.strictObject({
        name,
        sidecars: q.count({ min: 0, max: most }),
        mode: mode.meta({ description: 'of a PeerAuthentication that selects it' }),
      }),
    )
    .max(1000)
    .optional()
    .meta({ description: 'sidecars among those of the namespace that have a mode of their own' }),
  clients: z
    .enum(['auto', 'ISTIO_MUTUAL', 'DISABLE'])
    .optional()
    .meta({ description: 'what a DestinationRule tells clients; auto: by what the server takes' }),
  plaintextConnections: q
    .count({ min: 0 })
    .optional()
    .meta({ description: 'connections that clients without a sidecar hold to it' }),
});

export const meshSettings = z.strictObject({
  version: z.string().meta({ description: 'of Istio' }),
  authorities: z.array(authority).min(1).max(1000),
  vault: z.array(mount).max(100).optional(),
  certManager: z
    .strictObject({
      minimumBackoff: q.duration({ min: 1 }).optional(),
      maximumBackoff: q.duration({ min: 1 }).optional(),
      certificates: z.array(certificate).max(1000).optional(),
    })
    .optional(),
  istiod: z.strictObject({
    replicas: q.count({ min: 1, max: 1000 }),
    cores: q.count({ min: 1, max: 1000 }),
    signer: name.meta({ description: 'the authority in the secret cacerts' }),
    roots: z
      .array(name)
      .min(1)
      .max(maxRoots)
      .optional()
      .meta({ description: 'what is trusted; absent: the root of the signer' }),
    multiRoot: z.boolean().optional().meta({ description: 'ISTIO_MULTIROOT_MESH' }),
    clampToIssuer: z
      .boolean()
      .optional()
      .meta({ description: 'whether a leaf ends with its signer; absent: by version' }),
    maxTtl: q.duration({ min: 1 }).meta({ description: 'MAX_WORKLOAD_CERT_TTL' }),
    secretPropagation: q.varying.duration({ min: 0 }),
    signingCpu: q.varying.duration({ min: 1 }),
    tokenReview: z.strictObject({
      latency: q.varying.duration({ min: 0 }),
      rate: q.rate({ min: 0 }).meta({ description: 'kubernetesApiQPS of a replica; 0/s: no limit' }),
      burst: q.count({ min: 1 }).meta({ description: 'kubernetesApiBurst' }),
    }),
    idleCpu: q.cpu({ min: 0 }),
    memory: z.strictObject({
      base: q.bytes({ min: 0 }),
      perProxy: q.bytes({ min: 0 }),
      perRequest: q.bytes({ min: 0 }),
    }),
  }),
  agents: z.strictObject({
    ttl: q.duration({ min: 1e6 }).meta({ description: 'SECRET_TTL' }),
    graceRatio: q.ratio({ min: 0, max: 1 }).meta({ description: 'SECRET_GRACE_PERIOD_RATIO' }),
    grace: q
      .duration({ min: 0 })
      .optional()
      .meta({ description: 'life that is left at renewal, in place of the ratio' }),
    jitter: q.ratio({ min: 0, max: 1 }).meta({ description: 'SECRET_GRACE_PERIOD_RATIO_JITTER' }),
    keyGeneration: q.duration({ min: 0 }).meta({ description: 'CPU time of a new key' }),
    cpu: q.cpu({ min: 0.001 }).meta({ description: 'what an agent may use' }),
    swap: q.varying.duration({ min: 0 }),
    requestTimeout: q.duration({ min: 1 }).optional(),
    trustOverXds: z.boolean().optional().meta({ description: 'PROXY_CONFIG_XDS_AGENT' }),
    restarted: z
      .strictObject({ ago: q.duration({ min: 0 }), over: q.duration({ min: 0 }) })
      .optional()
      .meta({ description: 'all pods restarted then; absent: renewals are spread as in the long run' }),
  }),
  nodes: q.count({ min: 1, max: 100_000 }),
  clocks: z
    .array(z.strictObject({ node: q.count({ min: 0 }), ahead: q.duration() }))
    .max(30)
    .optional()
    .meta({ description: 'nodes, from 0, whose clocks are off; below 0 they are behind' }),
  connections: z.strictObject({
    perSidecar: q.number({ min: 0 }),
    lifetime: q.duration({ min: 1e6 }),
    maxDuration: q.duration({ min: 1e6 }).optional(),
  }),
  staging: z
    .strictObject({ burst: q.count({ min: 0 }), pace: q.rate({ min: 1e-6 }) })
    .optional()
    .meta({ description: 'how agents are made to renew where an action does not say' }),
  mode: mode.optional().meta({ description: 'of the mesh; PERMISSIVE where nothing is said' }),
  sidecars: q
    .count({ min: 0 })
    .optional()
    .meta({ description: 'how many there are in all: those of the namespaces have to sum to it' }),
  namespaces: z.array(namespace).min(1).max(10_000),
});
export type MeshSettings = z.output<typeof meshSettings>;

/** Authorities, each after the one that signed it; those that hang in the air are left out. */
export function inOrder(s: MeshSettings): readonly MeshSettings['authorities'][number][] {
  const placed: MeshSettings['authorities'][number][] = [];
  const names = new Set<string>();
  for (let again = true; again; ) {
    again = false;
    for (const a of s.authorities) {
      if (names.has(a.name) || (a.issuer !== undefined && !names.has(a.issuer))) continue;
      placed.push(a);
      names.add(a.name);
      again = true;
    }
  }
  return placed;
}

/**
 * From which version on a leaf ends with the certificate that signs it: istio/istio issue 59768 of April 2026 is about 1.29, so 1.30 is taken.
 */
export function clampsByVersion(version: string): boolean {
  const parts = /^v?(\d+)\.(\d+)/.exec(version);
  return parts !== null && (Number(parts[1]) > 1 || Number(parts[2]) >= 30);
}

export function authoritiesOf(s: MeshSettings, from: number): Authorities {
  const made = new Authorities();
  for (const a of inOrder(s))
    made.add({
      name: a.name,
      issuer: a.issuer === undefined ? -1 : made.rowOf(a.issuer),
      notBefore: a.notBefore - from,
      notAfter: a.notAfter - from,
    });
  return made;
}

export function mountsOf(s: MeshSettings, authorities: Authorities): readonly VaultMount[] {
  return (s.vault ?? []).map((m) => {
    const maxTtlMicros = m.maxTtl ?? vaultSystemTtlMicros;
    return {
      name: m.name,
      issuer: authorities.rowOf(m.issuer),
      ttlMicros: m.ttl ?? Math.min(vaultSystemTtlMicros, maxTtlMicros),
      maxTtlMicros,
      leafNotAfter: m.leafNotAfterBehavior ?? 'err',
      roles: (m.roles ?? []).map((r) => ({ name: r.name, ttlMicros: r.ttl, maxTtlMicros: r.maxTtl })),
    };
  });
}

export function managedOf(s: MeshSettings, from: number): readonly ManagedCertificate[] {
  const signer = s.authorities.find((a) => a.name === s.istiod.signer);
  return (s.certManager?.certificates ?? []).map((c) => {
    const held = c.signs === true ? signer : undefined;
    return {
      name: c.name,
      isSigner: c.signs ?? false,
      mount: (s.vault ?? []).findIndex((m) => m.name === c.mount),
      role: c.role ?? '',
      durationMicros: c.duration ?? certManagerDefaults.durationMicros,
      renewBeforeMicros: c.renewBefore,
      renewBeforePercentage: c.renewBeforePercentage,
      notBefore: (held?.notBefore ?? c.notBefore ?? from) - from,
      notAfter: (held?.notAfter ?? c.notAfter ?? from) - from,
    };
  });
}

/** Sidecars by what tells them apart: those of a workload with a mode of its own, then the rest of the namespace. */
export function groupsOf(s: MeshSettings): readonly Group[] {
  return s.namespaces.flatMap((n) => {
    const own = (n.workloads ?? []).map((w) => ({
      namespace: n.name,
      workload: w.name,
      sidecars: w.sidecars,
      mode: w.mode,
    }));
    const taken = own.reduce((sum, w) => sum + w.sidecars, 0);
    return [
      ...own,
      { namespace: n.name, workload: '', sidecars: Math.max(0, n.sidecars - taken), mode: undefined },
    ];
  });
}

/** Clocks in whole seconds: what they differ by within one changes no judgement of a certificate for longer than that. */
export const wholeSeconds = (micros: number): number => Math.round(micros / 1e6) * 1e6;

export function meshOptions(s: MeshSettings, authorities: Authorities, from: number): MeshOptions {
  const { agents, istiod, connections } = s;
  const signer = authorities.rowOf(istiod.signer);
  let roots = 0;
  for (const root of istiod.roots ?? []) roots |= authorities.rootBit(authorities.rowOf(root));
  if (roots === 0) roots = authorities.rootBit(signer);
  const skews = Array.from({ length: s.nodes }, () => 0);
  for (const c of s.clocks ?? []) skews[c.node] = wholeSeconds(c.ahead);
  return {
    groups: groupsOf(s),
    namespaces: s.namespaces.map((n) => ({
      name: n.name,
      mode: n.mode,
      clientTls: n.clients ?? 'auto',
      plaintextConnections: n.plaintextConnections ?? 0,
    })),
    meshMode: s.mode ?? 'PERMISSIVE',
    nodes: s.nodes,
    skews,
    agents: {
      ttlMicros: agents.ttl,
      graceRatio: agents.grace === undefined ? agents.graceRatio : agents.grace / agents.ttl,
      jitter: agents.jitter,
      keyGenMicros: Math.round(agents.keyGeneration / agents.cpu),
      swap: agents.swap,
      requestTimeoutMicros: agents.requestTimeout ?? Number.POSITIVE_INFINITY,
      takesTrustOverXds: agents.trustOverXds ?? false,
      start:
        agents.restarted === undefined
          ? 'steady'
          : { restartedAgoMicros: agents.restarted.ago, overMicros: agents.restarted.over },
    },
    istiod: {
      replicas: istiod.replicas,
      cores: istiod.cores,
      multiRoot: istiod.multiRoot ?? false,
      clampsToIssuer: istiod.clampToIssuer ?? clampsByVersion(s.version),
      propagation: istiod.secretPropagation,
      signingCpu: istiod.signingCpu,
      reviewLatency: istiod.tokenReview.latency,
      reviewsPerSecond: istiod.tokenReview.rate,
      reviewBurst: istiod.tokenReview.burst,
      idleCores: istiod.idleCpu,
      memoryBytes: istiod.memory.base,
      memoryPerProxyBytes: istiod.memory.perProxy,
      memoryPerRequestBytes: istiod.memory.perRequest,
    },
    connections: {
      perSidecar: connections.perSidecar,
      lifetimeMicros: connections.lifetime,
      maxDurationMicros: connections.maxDuration ?? Number.POSITIVE_INFINITY,
    },
    signer,
    roots,
    origin: from,
  };
}
