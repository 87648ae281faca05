import type { ModelFinding } from '../../engine/catalogue.ts';
import type { DueDate } from '../../engine/dueDates.ts';
import { type Gauge, gone } from '../../engine/gauge.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import type { Authorities } from './authority.ts';
import { type CertificateSpec, CertManager, type CertManagerOptions } from './certManager.ts';
import { Connections } from './connections.ts';
import { Fleet } from './fleet.ts';
import { type Bundle, Istiod } from './istiod.ts';
import { modeOf, transportTo } from './mtls.ts';
import { type RootPhase, Rotations, rotateRoot } from './rotation.ts';
import { type MeshOptions, type PeerMode, peerModes } from './settings.ts';
import { type Issued, issue, type VaultMount } from './vault.ts';

/** A Certificate of cert-manager, and where Vault issues it. */
export interface ManagedCertificate extends CertificateSpec {
  readonly mount: number;
  readonly role: string;
}

const dayMicros = 86_400e6;
/** How far ahead somebody has to be told of what ends. */
const soonMicros = 30 * dayMicros;

/** A service mesh as far as certificates go: who signs them, who holds them, and which connections they let through. */
export class Mesh {
  readonly authorities: Authorities;
  readonly istiod: Istiod;
  readonly fleet: Fleet;
  readonly connections: Connections;
  readonly rotations: Rotations;
  readonly certManager: CertManager;
  readonly namespacesByMode: Gauge;
  readonly rotationSeconds: Gauge;
  readonly vaultUp: Gauge;
  /** Rows: certificates of cert-manager, then authorities; those that nothing rests on are gone. */
  readonly endsIn: Gauge;
  readonly options: MeshOptions;
  private readonly sim: Simulation;
  private readonly mounts: readonly VaultMount[];
  private readonly managed: readonly ManagedCertificate[];
  private readonly workloadModes: (PeerMode | undefined)[];
  private readonly namespaceModes: (PeerMode | undefined)[];
  private meshMode: PeerMode;
  private isVaultUp = true;
  private vaultReturns = -1;
  private rotationFrom = Number.NaN;
  private readonly vaultKind: Kind;

  constructor(
    sim: Simulation,
    options: MeshOptions,
    authorities: Authorities,
    mounts: readonly VaultMount[],
    managed: readonly ManagedCertificate[],
    certManager: Omit<CertManagerOptions, 'origin'>,
  ) {
    this.sim = sim;
    this.options = options;
    this.authorities = authorities;
    this.mounts = mounts;
    this.managed = managed;
    const bundle = { signer: options.signer, roots: options.roots };
    this.istiod = new Istiod(sim, options.istiod, authorities, bundle, options.origin);
    this.fleet = new Fleet(sim, options, authorities, this.istiod);
    this.connections = new Connections(sim, options.connections, options.namespaces, this.fleet);
    this.rotations = new Rotations(sim, this.fleet, (n) => this.connections.restarted(n));
    this.namespacesByMode = sim.gauge('rehearse:mesh_namespaces', peerModes.length);
    this.rotationSeconds = sim.gauge('rehearse:mesh_rotation_seconds', 1);
    this.vaultUp = sim.gauge('rehearse:vault_up', 1);
    this.endsIn = sim.gauge('rehearse:certificate_ends_in_seconds', managed.length, { linear: true });
    this.vaultUp.set(0, 1);
    this.rotationSeconds.set(0, Number.NaN);
    this.vaultKind = sim.on('vault.start', () => this.startVault());
    this.workloadModes = options.groups.map((g) => g.mode);
    this.namespaceModes = options.namespaces.map((n) => n.mode);
    this.meshMode = options.meshMode;
    this.applyModes();
    options.namespaces.forEach((_, row) => {
      this.connections.startPlaintext(row, this.takesPlainText(row));
    });
    this.fleet.onAllRolled = () => this.completed();
    if (options.agents.takesTrustOverXds)
      this.istiod.onRootsChanged = (replica) =>
        this.fleet.pushTrustToAll(this.istiod.loadedBy(replica).roots, replica);
    this.certManager = new CertManager(
      sim,
      managed,
      { ...certManager, origin: options.origin },
      (row) => this.issueManaged(row),
      (row, notBefore, notAfter) => this.onIssued(row, notBefore, notAfter),
    );
    this.showEnds();
    sim.stateDigest('mesh', (add) => this.digest(add));
    sim.invariant('a leaf ends with its issuer', () => this.checkClamp());
    sim.invariant('pairs of sidecars', () => this.checkPairs());
  }

  private digest(add: (value: number) => void): void {
    for (let i = 0; i < this.fleet.count; i += 1) {
      add(this.fleet.notAfter[i]!);
      add(this.fleet.issuer[i]! + 1);
      add(this.fleet.trust[i]!);
    }
  }

  private checkClamp(): void {
    if (!this.options.istiod.clampsToIssuer) return;
    const { fleet, authorities } = this;
    for (let i = 0; i < fleet.count; i += 1) {
      const issuer = fleet.issuer[i]!;
      if (issuer >= 0)
        this.sim.require(
          fleet.notAfter[i]! <= authorities.rows[issuer]!.notAfter,
          'a leaf outlives the certificate that signed it',
          { sidecar: i },
        );
    }
  }

  private checkPairs(): void {
    const { pairs } = this.fleet.handshakes;
    const counted = this.fleet.handshakes.oracle();
    for (let code = 0; code < pairs.length; code += 1)
      this.sim.require(pairs[code] === counted[code], 'pairs of sidecars do not add up', { code });
  }

  // Vault and cert-manager.

  /** Asks Vault for an intermediate: its row, or why there is none. */
  issueIntermediate(
    name: string,
    mount: number,
    role: string | undefined,
    ttlMicros: number | undefined,
  ): number | string {
    const made = this.issueBy(mount, role, ttlMicros);
    if ('refused' in made) {
      this.sim.tell('vault.refused', name, made.refused);
      return made.refused;
    }
    this.sim.tell(
      'vault.issued',
      name,
      `for ${((made.notAfter - this.sim.now) / dayMicros).toFixed(1)} days`,
    );
    return this.addAuthority(name, mount, made.notBefore, made.notAfter);
  }

  private addAuthority(name: string, mount: number, notBefore: number, notAfter: number): number {
    const { authorities } = this;
    const row = authorities.add({ name, issuer: this.mounts[mount]!.issuer, notBefore, notAfter });
    this.fleet.watchAuthority(row);
    return row;
  }

  private issueBy(mount: number, role: string | undefined, ttlMicros: number | undefined): Issued {
    if (!this.isVaultUp) return { refused: 'Vault does not answer' };
    const at = this.mounts[mount]!;
    return issue(
      at,
      at.roles.find((r) => r.name === role),
      ttlMicros,
      this.sim.now,
      this.authorities.rows[at.issuer]!.notAfter,
    );
  }

  private issueManaged(row: number): Issued {
    const { mount, role, durationMicros } = this.managed[row]!;
    return this.issueBy(mount, role, durationMicros);
  }

  private onIssued(row: number, notBefore: number, notAfter: number): void {
    const { name, mount, isSigner } = this.managed[row]!;
    this.showEnds();
    if (!isSigner) return;
    const renewals = this.authorities.rows.filter((a) => a.name.startsWith(`${name}-renewal-`)).length;
    this.install(this.addAuthority(`${name}-renewal-${renewals + 1}`, mount, notBefore, notAfter));
  }

  /** How long each certificate that something rests on has to live. */
  private showEnds(): void {
    const { authorities, endsIn, fleet, istiod, managed, sim } = this;
    endsIn.grow(managed.length + authorities.rows.length);
    const left = (time: number) => (time - sim.now) / 1e6;
    managed.forEach(({ isSigner }, row) => {
      // What istiod signs with stands among the authorities.
      if (isSigner) endsIn.set(row, gone);
      else endsIn.set(row, left(this.certManager.notAfterOf(row)), -1);
    });
    const used = new Set<number>();
    const use = (signer: number) => {
      for (let row = signer; row >= 0; row = authorities.rows[row]!.issuer) used.add(row);
    };
    use(istiod.secret.signer);
    if (fleet.stale.get(0) > 0) for (let i = 0; i < fleet.count; i += 1) use(fleet.issuer[i]!);
    authorities.rows.forEach((a, row) => {
      if (used.has(row)) endsIn.set(managed.length + row, left(a.notAfter), -1);
      else endsIn.set(managed.length + row, gone, 0);
    });
  }

  /** Name and kind of a row of `endsIn`. */
  endingOf(row: number): { readonly name: string; readonly kind: string } {
    const { authorities, managed } = this;
    if (row < managed.length) return { name: managed[row]!.name, kind: 'certificate' };
    const authority = authorities.rows[row - managed.length]!;
    return { name: authority.name, kind: authority.issuer < 0 ? 'root' : 'intermediate' };
  }

  stopVault(micros: number | undefined): void {
    const { sim } = this;
    sim.cancel(this.vaultReturns);
    if (micros !== undefined) this.vaultReturns = sim.after(micros, this.vaultKind);
    this.isVaultUp = false;
    this.vaultUp.set(0, 0);
    sim.tell('vault.stopped', 'vault');
  }

  private startVault(): void {
    this.isVaultUp = true;
    this.vaultUp.set(0, 1);
    this.sim.tell('vault.started', 'vault');
  }

  // The signer and the roots.

  setSigner(name: string): void {
    const row = this.authorities.rowOf(name);
    if (row < 0) this.sim.tell('mesh.notInstalled', name, 'it was never issued');
    else this.install(row);
  }

  /** Puts a signing certificate into the secret `cacerts`, beside its root where that is not trusted yet. */
  install(signer: number): void {
    const { authorities, istiod } = this;
    const root = authorities.rootBit(signer);
    const { roots } = istiod.secret;
    this.installBundle({ signer, roots: (roots & root) === 0 ? root : roots });
  }

  private installBundle(bundle: Bundle): void {
    const { istiod, sim, authorities } = this;
    const isOther = bundle.signer !== istiod.secret.signer;
    sim.tell(
      'mesh.installed',
      authorities.rows[bundle.signer]!.name,
      `trusted: ${authorities.namesOfRoots(bundle.roots)}`,
    );
    istiod.install(bundle);
    if (!isOther) {
      this.showEnds();
      return;
    }
    this.rotationFrom = sim.now;
    this.rotationSeconds.set(0, Number.NaN);
    this.fleet.want(bundle.signer);
    this.showEnds();
  }

  private completed(): void {
    const { sim } = this;
    this.showEnds();
    if (Number.isNaN(this.rotationFrom)) return;
    this.rotationSeconds.set(0, (sim.now - this.rotationFrom) / 1e6);
    sim.tell('mesh.rolled', 'sidecars', `${this.fleet.count} of ${this.fleet.count}`);
    this.rotationFrom = Number.NaN;
  }

  trustNamed(names: readonly string[]): void {
    const { authorities, istiod } = this;
    let roots = 0;
    for (const name of names) roots |= authorities.rootBit(authorities.rowOf(name));
    this.installBundle({ signer: istiod.secret.signer, roots });
  }

  rotateRootTo(name: string, skip: readonly RootPhase[], waitMicros = this.longestRenewalMicros()): void {
    const { authorities, istiod, sim } = this;
    const signer = authorities.rowOf(name);
    if (signer < 0) {
      sim.tell('mesh.notInstalled', name, 'it was never issued');
      return;
    }
    sim.spawn(
      'root rotation',
      rotateRoot(sim, istiod, { signer, skip, waitMicros }, authorities.rootBit(signer), (bundle) =>
        this.installBundle(bundle),
      ),
    );
  }

  // What makes sidecars renew, and what keeps them from it.

  renewStaged(namespaces: readonly string[] | undefined, burst: number, perSecond: number): void {
    const sidecars = this.sidecarsOf(namespaces);
    this.sim.tell('mesh.staged', 'sidecars', `${sidecars.length}, ${burst} at once`);
    this.rotations.staged(sidecars, burst, perSecond);
  }

  restart(namespaces: readonly string[] | undefined, overMicros: number): void {
    const sidecars = this.sidecarsOf(namespaces);
    this.sim.tell('mesh.restarted', 'sidecars', `${sidecars.length} within ${overMicros / 1e6} s`);
    this.rotations.restart(sidecars, overMicros);
  }

  pushTrust(): void {
    const { authorities, fleet, istiod, sim } = this;
    const { roots } = istiod.secret;
    sim.tell('mesh.trustPushed', 'sidecars', authorities.namesOfRoots(roots));
    fleet.pushTrustToAll(roots);
  }

  /** @param replicas from 1; all where none are named */
  stopIstiod(replicas: readonly number[] | undefined, micros: number | undefined): void {
    const all = Array.from({ length: this.options.istiod.replicas }, (_, i) => i + 1);
    for (const replica of replicas ?? all) this.istiod.stop(replica - 1, micros);
  }

  setClock(node: number, skewMicros: number): void {
    const says =
      skewMicros === 0 ? 'right' : `${Math.abs(skewMicros) / 1e6} s ${skewMicros > 0 ? 'ahead' : 'behind'}`;
    this.sim.tell('mesh.clock', `node ${node}`, says);
    this.fleet.setClock(node, skewMicros);
  }

  /** The longest time from one renewal to the next, with what a replica takes to see a new secret. */
  longestRenewalMicros(): number {
    const { ttlMicros, graceRatio, jitter } = this.options.agents;
    return ttlMicros * Math.min(1, 1 - graceRatio + jitter) + 300e6;
  }

  // Modes.

  private modeOfGroup(group: number): PeerMode {
    const { groups, namespaces } = this.options;
    const namespace = namespaces.findIndex((n) => n.name === groups[group]!.namespace);
    return modeOf(this.workloadModes[group], this.namespaceModes[namespace], this.meshMode);
  }

  private takesPlainText(namespace: number): boolean {
    return modeOf(undefined, this.namespaceModes[namespace], this.meshMode) !== 'STRICT';
  }

  private applyModes(): void {
    const { groups, namespaces } = this.options;
    groups.forEach((g, row) => {
      const told = namespaces.find((n) => n.name === g.namespace)!.clientTls;
      this.fleet.setTransport(row, transportTo(this.modeOfGroup(row), told));
    });
    peerModes.forEach((mode, row) => {
      this.namespacesByMode.set(
        row,
        namespaces.filter((_, n) => modeOf(undefined, this.namespaceModes[n], this.meshMode) === mode).length,
      );
    });
  }

  /** A PeerAuthentication is changed: of the mesh, of a namespace, or of a workload in it. */
  setMode(namespace: string | undefined, workload: string | undefined, mode: PeerMode): void {
    const { groups, namespaces } = this.options;
    const before = groups.map((_, row) => this.modeOfGroup(row));
    if (namespace === undefined) this.meshMode = mode;
    else if (workload === undefined)
      this.namespaceModes[namespaces.findIndex((n) => n.name === namespace)] = mode;
    else
      this.workloadModes[groups.findIndex((g) => g.namespace === namespace && g.workload === workload)] =
        mode;
    this.applyModes();
    let servers = 0;
    groups.forEach((g, row) => {
      if (this.modeOfGroup(row) !== before[row]) servers += g.sidecars;
    });
    this.connections.listenersChanged(servers);
    namespaces.forEach((_, row) => {
      this.connections.setPlaintext(row, this.takesPlainText(row));
    });
    this.sim.tell('mesh.mode', namespace ?? 'mesh', workload === undefined ? mode : `${workload}: ${mode}`);
  }

  /** Sidecars of these namespaces, in their order; of all where none are named. */
  sidecarsOf(names: readonly string[] | undefined): readonly number[] {
    const { namespaces } = this.options;
    const rows = new Map((names ?? namespaces.map((n) => n.name)).map((name, place) => [name, place]));
    const places = namespaces.map((n) => rows.get(n.name) ?? -1);
    const found: number[][] = Array.from({ length: rows.size }, () => []);
    for (let i = 0; i < this.fleet.count; i += 1) found[places[this.fleet.namespaceOf[i]!]!]?.push(i);
    return found.flat();
  }

  // What comes next.

  /** What ends, and when it is renewed, as things stand now. */
  dueDates(): readonly DueDate[] {
    const { authorities, certManager, fleet, istiod, sim } = this;
    const chain: DueDate[] = [];
    const renewed = this.managed.findIndex((m) => m.isSigner);
    for (let row = istiod.secret.signer; row >= 0; row = authorities.rows[row]!.issuer) {
      const authority = authorities.rows[row]!;
      const isRenewed = row === istiod.secret.signer && renewed >= 0;
      chain.push({
        name: authority.name,
        kind: authority.issuer < 0 ? 'root' : 'intermediate',
        endsAt: authority.notAfter,
        renewsAt: isRenewed ? certManager.renewalOf(renewed) : null,
      });
    }
    const others = certManager.specs.flatMap((s, row) =>
      s.isSigner
        ? []
        : [
            {
              name: s.name,
              kind: 'certificate',
              endsAt: certManager.notAfterOf(row),
              renewsAt: certManager.renewalOf(row),
            },
          ],
    );
    if (fleet.count === 0) return [...chain, ...others];
    return [
      ...chain,
      ...others,
      {
        name: 'first of the sidecars',
        kind: 'leaf',
        endsAt: sim.now + Math.round(fleet.remaining.get(0) * 1e6),
        renewsAt: fleet.nextRenewal(),
      },
    ];
  }

  findings(): readonly ModelFinding[] {
    const found: ModelFinding[] = [];
    for (const due of this.dueDates()) {
      if (due.kind === 'leaf') continue;
      const left = due.endsAt - this.sim.now;
      const days = (left / dayMicros).toFixed(1);
      if (left <= 0)
        found.push({ rule: 'a certificate that has ended', says: `the ${due.kind} ${due.name} has ended` });
      else if (left < soonMicros && due.renewsAt === null)
        found.push({
          rule: 'a certificate that ends soon',
          says: `the ${due.kind} ${due.name} ends in ${days} days, and nothing renews it`,
        });
      else if (due.renewsAt !== null && due.renewsAt > due.endsAt)
        found.push({
          rule: 'a certificate that is renewed too late',
          says: `the ${due.kind} ${due.name} ends in ${days} days, before it is renewed`,
        });
    }
    const { fleet } = this;
    if (fleet.stale.get(0) > 0)
      found.push({
        rule: 'a rotation that is not complete',
        says: `${fleet.stale.get(0)} of ${fleet.count} sidecars still hold certificates of another signer than ${this.authorities.rows[this.istiod.secret.signer]!.name}`,
      });
    return found;
  }
}
