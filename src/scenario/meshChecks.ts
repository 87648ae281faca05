import { vaultSystemTtlMicros } from '../models/mesh/vault.ts';
import type { Checks } from './checks.ts';
import { inOrder, type MeshSettings } from './meshSettings.ts';
import { unique } from './unique.ts';

const list = (names: readonly string[]) => names.slice(0, 12).join(', ');

/** Cross-checks of a mesh. */
export function checkMesh(s: MeshSettings, checks: Checks): void {
  checkAuthorities(s, checks);
  checkSigner(s, checks);
  checkVault(s, checks);
  checkCertificates(s, checks);
  checkAgents(s, checks);
  checkNamespaces(s, checks);
}

function twice(
  names: readonly string[],
  at: readonly (string | number)[],
  what: string,
  checks: Checks,
): void {
  unique(names, (name) =>
    checks.problem([...at, name], `${what} ${name} is listed twice`, 'give each its own name'),
  );
}

function checkAuthorities(s: MeshSettings, checks: Checks): void {
  const at = ['mesh', 'authorities'];
  twice(
    s.authorities.map((a) => a.name),
    at,
    'authority',
    checks,
  );
  const placed = new Set(inOrder(s));
  for (const a of s.authorities) {
    if (a.notAfter <= a.notBefore)
      checks.problem([...at, a.name, 'notAfter'], 'it ends before it begins', 'write a later time');
    if (a.issuer === undefined) continue;
    const issuer = s.authorities.find((o) => o.name === a.issuer);
    if (issuer === undefined)
      checks.problem(
        [...at, a.name, 'issuer'],
        `there is no authority ${a.issuer}: an intermediate without its root`,
        `add it, or write one of ${list(s.authorities.map((o) => o.name).filter((n) => n !== a.name))}`,
      );
    else if (!placed.has(a))
      checks.problem(
        [...at, a.name, 'issuer'],
        `${a.name} and what signed it lead to no root`,
        'leave issuer out of the one that is the root',
      );
    else if (a.notAfter > issuer.notAfter)
      checks.problem(
        [...at, a.name, 'notAfter'],
        `it ends after its issuer ${issuer.name} (line ${checks.lineOf([...at, issuer.name, 'notAfter'])})`,
        'let it end with its issuer or before',
      );
  }
}

function checkSigner(s: MeshSettings, checks: Checks): void {
  const at = ['mesh', 'istiod'];
  const signer = s.authorities.find((a) => a.name === s.istiod.signer);
  const names = s.authorities.map((a) => a.name);
  if (signer === undefined)
    checks.problem(
      [...at, 'signer'],
      `there is no authority ${s.istiod.signer}`,
      `write one of ${list(names)}`,
    );
  else if (signer.notAfter <= checks.from)
    checks.warning(
      [...at, 'signer'],
      `${signer.name} has ended before the period begins`,
      'name another, or play it as it is',
    );
  const roots = s.authorities.filter((a) => a.issuer === undefined).map((a) => a.name);
  s.istiod.roots?.forEach((r, i) => {
    if (!roots.includes(r))
      checks.problem([...at, 'roots', i], `there is no root ${r}`, `write one of ${list(roots)}`);
  });
}

function checkVault(s: MeshSettings, checks: Checks): void {
  const mounts = s.vault ?? [];
  const names = s.authorities.map((a) => a.name);
  twice(
    mounts.map((m) => m.name),
    ['mesh', 'vault'],
    'secrets engine',
    checks,
  );
  for (const m of mounts) {
    const at = ['mesh', 'vault', m.name];
    if (!names.includes(m.issuer))
      checks.problem([...at, 'issuer'], `there is no authority ${m.issuer}`, `write one of ${list(names)}`);
    twice(
      (m.roles ?? []).map((r) => r.name),
      [...at, 'roles'],
      'role',
      checks,
    );
    for (const r of m.roles ?? []) {
      const cap = Math.min(r.maxTtl ?? Number.POSITIVE_INFINITY, m.maxTtl ?? vaultSystemTtlMicros);
      if (r.ttl !== undefined && r.ttl > cap)
        checks.problem(
          [...at, 'roles', r.name, 'ttl'],
          'it is above the largest that role or engine allow, to which Vault cuts it without a word',
          'lower ttl, or raise maxTtl of both',
        );
    }
  }
}

function checkCertificates(s: MeshSettings, checks: Checks): void {
  const certificates = s.certManager?.certificates ?? [];
  const mounts = s.vault ?? [];
  const top = ['mesh', 'certManager', 'certificates'];
  twice(
    certificates.map((c) => c.name),
    top,
    'certificate',
    checks,
  );
  const signers = certificates.filter((c) => c.signs === true);
  if (signers.length > 1)
    checks.problem(
      [...top, signers[1]!.name, 'signs'],
      `${signers[0]!.name} signs already`,
      'let one of them sign',
    );
  for (const c of certificates) {
    const at = [...top, c.name];
    const mount = mounts.find((m) => m.name === c.mount);
    if (mount === undefined)
      checks.problem(
        [...at, 'mount'],
        `there is no secrets engine ${c.mount}`,
        mounts.length === 0 ? 'list it under mesh.vault' : `write one of ${list(mounts.map((m) => m.name))}`,
      );
    else if (c.role !== undefined && !(mount.roles ?? []).some((r) => r.name === c.role))
      checks.problem([...at, 'role'], `${mount.name} has no role ${c.role}`, 'add it to its roles');
    if (c.signs !== true && (c.notBefore === undefined || c.notAfter === undefined))
      checks.problem(at, 'it is not said when it begins and ends', 'write notBefore and notAfter');
    else if (c.notBefore !== undefined && c.notAfter !== undefined && c.notAfter <= c.notBefore)
      checks.problem([...at, 'notAfter'], 'it ends before it begins', 'write a later time');
  }
}

function checkAgents(s: MeshSettings, checks: Checks): void {
  const { agents, istiod } = s;
  const at = ['mesh', 'agents'];
  if (agents.ttl > istiod.maxTtl)
    checks.problem(
      [...at, 'ttl'],
      `it is above mesh.istiod.maxTtl (line ${checks.lineOf(['mesh', 'istiod', 'maxTtl'])}): istiod refuses every request`,
      'lower ttl, or raise maxTtl',
    );
  if (agents.grace !== undefined && agents.grace > agents.ttl)
    checks.problem([...at, 'grace'], 'it is above the life of a certificate', 'write less than ttl');
  if (agents.restarted !== undefined && agents.restarted.over > agents.restarted.ago)
    checks.problem([...at, 'restarted', 'over'], 'the restart is not over yet', 'write at most ago');
  for (const c of s.clocks ?? [])
    if (c.node >= s.nodes)
      checks.problem(
        ['mesh', 'clocks'],
        `there is no node ${c.node}`,
        `write a number from 0 to ${s.nodes - 1}`,
      );
}

function checkNamespaces(s: MeshSettings, checks: Checks): void {
  const top = ['mesh', 'namespaces'];
  unique(
    s.namespaces.map((n) => n.name),
    (name) =>
      checks.problem(
        [...top, name],
        `namespace ${name} is counted twice`,
        'list it once, with all its sidecars',
      ),
  );
  let sum = 0;
  for (const n of s.namespaces) {
    sum += n.sidecars;
    const own = (n.workloads ?? []).reduce((total, w) => total + w.sidecars, 0);
    twice(
      (n.workloads ?? []).map((w) => w.name),
      [...top, n.name, 'workloads'],
      'workload',
      checks,
    );
    if (own > n.sidecars)
      checks.problem(
        [...top, n.name, 'sidecars'],
        `its workloads have ${own} sidecars, more than its ${n.sidecars}`,
        'count those of the workloads among them',
      );
    if (n.mode === 'STRICT' && n.sidecars === 0 && (n.plaintextConnections ?? 0) > 0)
      checks.warning(
        [...top, n.name, 'mode'],
        'without a sidecar nothing enforces STRICT',
        'count its sidecars',
      );
  }
  if (s.sidecars !== undefined && sum !== s.sidecars)
    checks.problem(
      ['mesh', 'sidecars'],
      `the namespaces sum to ${sum}`,
      `write ${sum}, or correct the sidecars of a namespace`,
    );
  if (sum > 1_000_000) checks.problem(top, `${sum} sidecars`, 'write at most 1,000,000 in all');
}
