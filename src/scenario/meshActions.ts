import { z } from 'zod';
import type { Mesh } from '../models/mesh/mesh.ts';
import { rootPhases } from '../models/mesh/rotation.ts';
import { peerModes } from '../models/mesh/settings.ts';
import { vaultSystemTtlMicros } from '../models/mesh/vault.ts';
import type { Checks } from './checks.ts';
import { type MeshSettings, wholeSeconds } from './meshSettings.ts';
import type { Action } from './part.ts';
import { q } from './quantity.ts';
import { resources } from './resources.ts';
import { unique } from './unique.ts';

type Path = readonly (string | number)[];
type Settings = { readonly mesh?: MeshSettings };

const settingsOf = (checks: Checks) => checks.settings<MeshSettings>('mesh');
const list = (names: readonly string[]) => names.slice(0, 12).join(', ');

/** A name that has to be one of several. */
function named(
  value: string | undefined,
  of: readonly string[],
  what: string,
  checks: Checks,
  at: Path,
): void {
  if (value === undefined || of.includes(value)) return;
  checks.problem(
    at,
    `there is no ${what} ${value}`,
    of.length === 0 ? `add it to mesh` : `write one of ${list(of)}`,
  );
}

/** Authorities that are there when an entry is played: those of the file, and those that Vault issues in entries before. */
function authorityNames(checks: Checks): readonly string[] {
  const issued = checks.timeline
    .filter((e) => e.part === 'mesh' && e.action === 'issueIntermediate')
    .map((e) => (e.args as { readonly authority: string }).authority);
  return [...new Set([...(settingsOf(checks)?.authorities ?? []).map((a) => a.name), ...issued])];
}

function checkNamespaces(names: readonly string[] | undefined, checks: Checks, at: Path): void {
  const known = settingsOf(checks)?.namespaces.map((n) => n.name);
  if (known === undefined || names === undefined) return;
  names.forEach((n, i) => {
    named(n, known, 'namespace', checks, [...at, 'namespaces', i]);
  });
  unique(names, (n) =>
    checks.problem([...at, 'namespaces'], `namespace ${n} is listed twice`, 'leave it in once'),
  );
}

const namespaces = z.array(z.string().min(1)).min(1).max(10_000).optional();

const issueArgs = z.strictObject({
  authority: z.string().min(1).max(253),
  mount: z.string().min(1),
  role: z.string().min(1).optional(),
  ttl: q.duration({ min: 1 }).optional(),
});
const signerArgs = z.strictObject({ authority: z.string().min(1) });
const trustArgs = z.strictObject({ roots: z.array(z.string().min(1)).min(1).max(30) });
const stagedArgs = z.strictObject({
  namespaces: namespaces.meta({ description: 'in which order; absent: all, as they are listed' }),
  burst: q.count({ min: 0 }).optional(),
  pace: q.rate({ min: 1e-6 }).optional(),
});
const restartArgs = z.strictObject({ namespaces, over: q.duration({ min: 0 }) });
const pushArgs = z.strictObject({});
const rootArgs = z.strictObject({
  to: z.string().min(1).meta({ description: 'the intermediate below the new root' }),
  skip: z.array(z.enum(rootPhases)).max(3).optional(),
  wait: q
    .duration({ min: 0 })
    .optional()
    .meta({ description: 'between phases; absent: the longest time to a renewal' }),
});
const stopArgs = z.strictObject({
  replicas: z
    .array(q.count({ min: 1 }))
    .min(1)
    .max(1000)
    .optional()
    .meta({ description: 'from 1; absent: all' }),
  for: q.duration({ min: 1 }).optional().meta({ description: 'absent: they stay away' }),
});
const vaultArgs = z.strictObject({ for: q.duration({ min: 1 }).optional() });
const modeArgs = z.strictObject({
  namespace: z.string().min(1).optional(),
  workload: z.string().min(1).optional(),
  mode: z.enum(peerModes),
});
const clockArgs = z.strictObject({ node: q.count({ min: 0 }), ahead: q.duration() });

/** The staging that the platform's file gives where an action has none. */
const defaults = (context: { readonly settings: Readonly<Record<string, unknown>> }) =>
  (context.settings as Settings).mesh?.staging;

export const meshActions = {
  issueIntermediate: {
    says: 'Vault issues an intermediate certificate, which nothing uses yet',
    on: () => resources('mesh'),
    undo: { can: 'yes', how: 'nothing uses it yet: revoke it' },
    args: issueArgs,
    check: (args: z.output<typeof issueArgs>, checks: Checks, at: Path) => {
      const s = settingsOf(checks);
      if (s === undefined) return;
      const mounts = s.vault ?? [];
      named(
        args.mount,
        mounts.map((m) => m.name),
        'secrets engine',
        checks,
        [...at, 'mount'],
      );
      const mount = mounts.find((m) => m.name === args.mount);
      if (mount === undefined) return;
      named(
        args.role,
        (mount.roles ?? []).map((r) => r.name),
        `${mount.name} role`,
        checks,
        [...at, 'role'],
      );
      const role = (mount.roles ?? []).find((r) => r.name === args.role);
      const cap = Math.min(mount.maxTtl ?? vaultSystemTtlMicros, role?.maxTtl ?? Number.POSITIVE_INFINITY);
      if (args.ttl !== undefined && args.ttl > cap)
        checks.problem(
          [...at, 'ttl'],
          'it is above the largest that role or engine allow, to which Vault cuts it without a word',
          'lower ttl, or raise maxTtl of both',
        );
      const others = [
        ...(settingsOf(checks)?.authorities ?? []).map((a) => a.name),
        ...checks.timeline
          .filter((e) => e.part === 'mesh' && e.action === 'issueIntermediate' && e.args !== args)
          .map((e) => (e.args as { readonly authority: string }).authority),
      ];
      if (others.includes(args.authority))
        checks.problem(
          [...at, 'authority'],
          `there is an authority ${args.authority} already`,
          'give it a name of its own',
        );
    },
    play: (
      mesh: Mesh,
      args: z.output<typeof issueArgs>,
      context: { readonly settings: Readonly<Record<string, unknown>> },
    ) => {
      const row = ((context.settings as Settings).mesh?.vault ?? []).findIndex((m) => m.name === args.mount);
      mesh.issueIntermediate(args.authority, row, args.role, args.ttl);
    },
  },
  setSigner: {
    says: 'puts an intermediate into the secret cacerts: each istiod takes it up when it sees it',
    on: () => resources('mesh'),
    undo: {
      can: 'yes',
      how: 'put the old intermediate back into cacerts, while it has not ended; certificates signed meanwhile stay valid',
    },
    args: signerArgs,
    check: (args: z.output<typeof signerArgs>, checks: Checks, at: Path) =>
      named(args.authority, authorityNames(checks), 'authority', checks, [...at, 'authority']),
    play: (mesh: Mesh, args: z.output<typeof signerArgs>) => mesh.setSigner(args.authority),
  },
  trust: {
    says: 'changes the roots in the secret cacerts: sidecars get them with their next certificates',
    on: () => resources('mesh'),
    undo: { can: 'yes', how: 'put the old roots back: sidecars get them with their next certificates' },
    args: trustArgs,
    check: (args: z.output<typeof trustArgs>, checks: Checks, at: Path) => {
      const roots = (settingsOf(checks)?.authorities ?? [])
        .filter((a) => a.issuer === undefined)
        .map((a) => a.name);
      if (settingsOf(checks) !== undefined)
        args.roots.forEach((r, i) => {
          named(r, roots, 'root', checks, [...at, 'roots', i]);
        });
    },
    play: (mesh: Mesh, args: z.output<typeof trustArgs>) => mesh.trustNamed(args.roots),
  },
  renewStaged: {
    says: 'makes agents renew, namespace after namespace: a burst, then a constant pace',
    on: () => resources('mesh'),
    undo: {
      can: 'partly',
      how: 'stop where it is: certificates that were renewed stay, and both signers are trusted',
    },
    busy: ['rehearse:mesh_certificates_stale'],
    args: stagedArgs,
    check: (args: z.output<typeof stagedArgs>, checks: Checks, at: Path) => {
      checkNamespaces(args.namespaces, checks, at);
      if (
        settingsOf(checks) !== undefined &&
        args.pace === undefined &&
        settingsOf(checks)?.staging?.pace === undefined
      )
        checks.problem(
          [...at, 'pace'],
          'is missing',
          'write the sidecars a second, such as 0.5/s, or mesh.staging.pace',
        );
    },
    play: (
      mesh: Mesh,
      args: z.output<typeof stagedArgs>,
      context: { readonly settings: Readonly<Record<string, unknown>> },
    ) =>
      mesh.renewStaged(
        args.namespaces,
        args.burst ?? defaults(context)?.burst ?? 0,
        args.pace ?? defaults(context)?.pace ?? 1,
      ),
  },
  restart: {
    says: 'restarts pods with sidecars, evenly over a time: each begins without a certificate',
    on: () => resources('mesh'),
    undo: { can: 'no', how: 'the pods have been restarted; their connections are made anew' },
    busy: ['rehearse:mesh_agents_waiting'],
    args: restartArgs,
    check: (args: z.output<typeof restartArgs>, checks: Checks, at: Path) =>
      checkNamespaces(args.namespaces, checks, at),
    play: (mesh: Mesh, args: z.output<typeof restartArgs>) => mesh.restart(args.namespaces, args.over),
  },
  pushTrust: {
    says: 'pushes the trust bundle over XDS to every agent, which renews at once',
    on: () => resources('mesh'),
    undo: { can: 'partly', how: 'push the old bundle; certificates that were renewed stay' },
    args: pushArgs,
    check: (_: z.output<typeof pushArgs>, checks: Checks, at: Path) => {
      const s = settingsOf(checks);
      if (s !== undefined && s.agents.trustOverXds !== true)
        checks.problem(
          [...at, 'do'],
          'agents do not take the trust bundle over XDS',
          'set mesh.agents.trustOverXds to true, which is PROXY_CONFIG_XDS_AGENT',
        );
    },
    play: (mesh: Mesh) => mesh.pushTrust(),
  },
  rotateRoot: {
    says: 'rotates the root in four phases: trust both, sign by the new one, wait, trust the new one alone',
    on: () => resources('mesh'),
    undo: {
      can: 'partly',
      how: 'up to its last phase sign by the old root again; once that is trusted no more, trust both and wait for every sidecar',
    },
    busy: ['rehearse:mesh_certificates_stale'],
    args: rootArgs,
    check: (args: z.output<typeof rootArgs>, checks: Checks, at: Path) =>
      named(args.to, authorityNames(checks), 'authority', checks, [...at, 'to']),
    play: (mesh: Mesh, args: z.output<typeof rootArgs>) =>
      mesh.rotateRootTo(args.to, args.skip ?? [], args.wait),
  },
  stopIstiod: {
    says: 'replicas of istiod stop',
    on: () => resources('mesh'),
    undo: { can: 'yes', how: 'start the replicas' },
    args: stopArgs,
    check: (args: z.output<typeof stopArgs>, checks: Checks, at: Path) => {
      const replicas = settingsOf(checks)?.istiod.replicas;
      (args.replicas ?? []).forEach((r, i) => {
        if (replicas !== undefined && r > replicas)
          checks.problem(
            [...at, 'replicas', i],
            `istiod has no replica ${r}`,
            `write a number from 1 to ${replicas}`,
          );
      });
    },
    play: (mesh: Mesh, args: z.output<typeof stopArgs>) => mesh.stopIstiod(args.replicas, args.for),
  },
  stopVault: {
    says: 'Vault does not answer any more',
    on: () => resources('mesh'),
    undo: { can: 'yes', how: 'start Vault' },
    args: vaultArgs,
    play: (mesh: Mesh, args: z.output<typeof vaultArgs>) => mesh.stopVault(args.for),
  },
  setMode: {
    says: 'changes the mode of mutual TLS: of the mesh, of a namespace, or of a workload in it',
    on: () => resources('mesh'),
    undo: { can: 'yes', how: 'set the old mode: sidecars take it up at once' },
    args: modeArgs,
    check: (args: z.output<typeof modeArgs>, checks: Checks, at: Path) => {
      const s = settingsOf(checks);
      if (s === undefined) return;
      named(
        args.namespace,
        s.namespaces.map((n) => n.name),
        'namespace',
        checks,
        [...at, 'namespace'],
      );
      if (args.workload === undefined) return;
      const found = s.namespaces.find((n) => n.name === args.namespace);
      if (found === undefined && args.namespace === undefined)
        checks.problem([...at, 'workload'], 'a workload without its namespace', 'write namespace too');
      else if (found !== undefined)
        named(
          args.workload,
          (found.workloads ?? []).map((w) => w.name),
          `${found.name} workload`,
          checks,
          [...at, 'workload'],
        );
    },
    play: (mesh: Mesh, args: z.output<typeof modeArgs>) =>
      mesh.setMode(args.namespace, args.workload, args.mode),
  },
  setClock: {
    says: 'the clock of a node is off by so much from now on',
    on: () => resources('mesh'),
    undo: { can: 'yes', how: 'set the clock right' },
    args: clockArgs,
    check: (args: z.output<typeof clockArgs>, checks: Checks, at: Path) => {
      const nodes = settingsOf(checks)?.nodes;
      if (nodes !== undefined && args.node >= nodes)
        checks.problem(
          [...at, 'node'],
          `there is no node ${args.node}`,
          `write a number from 0 to ${nodes - 1}`,
        );
    },
    play: (mesh: Mesh, args: z.output<typeof clockArgs>) =>
      mesh.setClock(args.node, wholeSeconds(args.ahead)),
  },
} as unknown as Readonly<Record<string, Action<Mesh, never>>>;
