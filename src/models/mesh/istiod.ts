import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation, Stream } from '../../engine/simulation.ts';
import type { Authorities } from './authority.ts';
import { RateLimit, Servers } from './csrQueue.ts';
import type { IstiodOptions } from './settings.ts';

/** Source: Istio `ClockSkewGracePeriod`, security/pkg/pki/util/generate_cert.go: leaves begin two minutes before they are signed. */
export const leafBackdatedMicros = 120e6;
/** Source: Istio pilot/pkg/bootstrap/istio_ca.go: changes of mounted files are gathered for so long. */
const debounceMicros = 100_000;

/** A signing certificate and the roots that go with it: what the secret `cacerts` holds. */
export interface Bundle {
  readonly signer: number;
  readonly roots: number;
}

export interface Leaf {
  readonly issuer: number;
  readonly roots: number;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Why no request can be answered now, whoever asks. */
export type Block = 'down' | 'signer expired';

/**
 * The replicas of istiod as a certificate authority: what each has loaded, and the requests it signs.
 *
 * A request waits for its TokenReview, which is limited per replica, and then for a core. A change of the secret reaches each replica when its
 * kubelet has refreshed the mount. It is taken up where the roots are the same, or, with ISTIO_MULTIROOT_MESH, where one set of roots holds the other; otherwise a
 * replica keeps what it has until it starts again. Source: Istio 1.22 `pilot/pkg/bootstrap/istio_ca.go`, `security/pkg/server/ca/server.go`.
 */
export class Istiod {
  readonly options: IstiodOptions;
  secret: Bundle;
  readonly requests: Gauge;
  readonly issued: Gauge;
  readonly signErrors: Gauge;
  readonly authenticationFailures: Gauge;
  readonly cpu: Gauge;
  readonly memory: Gauge;
  readonly up: Gauge;
  readonly rootExpiry: Gauge;
  readonly chainExpiry: Gauge;
  readonly rejections: Gauge;
  private readonly sim: Simulation;
  private readonly authorities: Authorities;
  private readonly origin: number;
  private readonly loaded: Bundle[];
  private readonly limits: RateLimit[];
  private readonly servers: Servers[];
  private readonly reloads: Handle[];
  private readonly returns: Handle[];
  private readonly isUp: boolean[];
  /** Agents whose attempts fail by an expired signer: their rate of requests, per second. */
  private refusedPerSecond = 0;
  private readonly reloadKind: Kind;
  private readonly returnKind: Kind;
  private readonly propagated: Stream;
  private readonly reviewed: Stream;
  private readonly signed: Stream;
  /** What hears of it: requests may be answered again, roots changed at a replica, a replica is gone, another signer is wanted. */
  onUnblocked: () => void = () => {};
  onRootsChanged: (replica: number) => void = () => {};
  onStopped: (replica: number) => void = () => {};

  constructor(
    sim: Simulation,
    options: IstiodOptions,
    authorities: Authorities,
    bundle: Bundle,
    origin: number,
  ) {
    this.sim = sim;
    this.options = options;
    this.authorities = authorities;
    this.origin = origin;
    this.secret = bundle;
    const n = options.replicas;
    const all = Array.from({ length: n });
    this.loaded = all.map(() => bundle);
    this.limits = all.map(() => new RateLimit(options.reviewsPerSecond, options.reviewBurst));
    this.servers = all.map(() => new Servers(options.cores));
    this.reloads = all.map(() => -1);
    this.returns = all.map(() => -1);
    this.isUp = all.map(() => true);
    this.requests = sim.gauge('citadel_server_csr_count', n, { linear: true });
    this.issued = sim.gauge('citadel_server_success_cert_issuance_count', n);
    this.signErrors = sim.gauge('citadel_server_csr_sign_err_count', n, { linear: true });
    this.authenticationFailures = sim.gauge('citadel_server_authentication_failure_count', n);
    this.cpu = sim.gauge('process_cpu_seconds_total', n, { linear: true });
    this.memory = sim.gauge('process_resident_memory_bytes', n);
    this.up = sim.gauge('rehearse:istiod_up', n);
    this.rootExpiry = sim.gauge('citadel_server_root_cert_expiry_timestamp', n);
    this.chainExpiry = sim.gauge('citadel_server_cert_chain_expiry_timestamp', n);
    this.rejections = sim.gauge('rehearse:istiod_bundles_rejected_total', n);
    this.reloadKind = sim.on('istiod.reload', (replica) => this.reload(replica));
    this.returnKind = sim.on('istiod.start', (replica) => this.start(replica));
    this.propagated = sim.stream('istiod', 'propagation');
    this.reviewed = sim.stream('istiod', 'tokenReview');
    this.signed = sim.stream('istiod', 'signing');
    for (let replica = 0; replica < n; replica += 1) {
      this.up.set(replica, 1);
      this.cpu.set(replica, 0, options.idleCores);
      this.showExpiry(replica);
    }
  }

  nameOf(replica: number): string {
    return `istiod-${replica + 1}`;
  }

  loadedBy(replica: number): Bundle {
    return this.loaded[replica]!;
  }

  isRunning(replica: number): boolean {
    return this.isUp[replica]!;
  }

  /** The replica that an agent asks: the one it is connected to while that runs. */
  replicaFor(agent: number, connected: number): number {
    if (this.isUp[connected]!) return connected;
    const up = this.isUp.flatMap((is, replica) => (is ? [replica] : []));
    return up.length === 0 ? -1 : up[agent % up.length]!;
  }

  get block(): Block | undefined {
    let running = false;
    for (let replica = 0; replica < this.isUp.length; replica += 1) {
      if (!this.isUp[replica]!) continue;
      running = true;
      if (!this.refuses(replica)) return undefined;
    }
    return running ? 'signer expired' : 'down';
  }

  private refuses(replica: number): boolean {
    return (
      this.options.clampsToIssuer &&
      this.authorities.rows[this.loaded[replica]!.signer]!.notAfter <= this.sim.now
    );
  }

  // Requests.

  /** A request arrives: microseconds until its TokenReview is answered; undefined when the limiter refuses it. */
  review(replica: number, timeoutMicros: number): number | undefined {
    this.requests.add(replica, 1);
    const latency = Math.max(1, Math.round(this.options.reviewLatency.sample(this.reviewed())));
    const wait = this.limits[replica]!.take(this.sim.now, timeoutMicros);
    if (wait === undefined) {
      this.authenticationFailures.add(replica, 1);
      return undefined;
    }
    return wait + latency;
  }

  /** It is authenticated and wants a core: when it will be signed. */
  schedule(replica: number): number {
    const micros = Math.max(1, Math.round(this.options.signingCpu.sample(this.signed())));
    this.cpu.add(replica, micros / 1e6);
    return this.servers[replica]!.end(this.sim.now, micros);
  }

  /** Signs now; undefined when the signing certificate has expired and the version looks. */
  sign(replica: number, ttlMicros: number): Leaf | undefined {
    const { sim } = this;
    const { signer, roots } = this.loaded[replica]!;
    if (this.refuses(replica)) {
      this.signErrors.add(replica, 1);
      return undefined;
    }
    this.issued.add(replica, 1);
    const wanted = sim.now + ttlMicros;
    const { notAfter } = this.authorities.rows[signer]!;
    return {
      issuer: signer,
      roots,
      notBefore: sim.now - leafBackdatedMicros,
      notAfter: this.options.clampsToIssuer ? Math.min(wanted, notAfter) : wanted,
    };
  }

  /** So many agents ask again and again while the signer is expired: their requests are a rate, not events. */
  setRefused(perSecond: number): void {
    if (this.refusedPerSecond === perSecond) return;
    this.refusedPerSecond = perSecond;
    this.showRates();
  }

  private showRates(): void {
    const up = this.isUp.filter((is) => is).length;
    for (let replica = 0; replica < this.isUp.length; replica += 1) {
      const rate = this.isUp[replica]! && up > 0 ? this.refusedPerSecond / up : 0;
      this.requests.set(replica, this.requests.get(replica), rate);
      this.signErrors.set(replica, this.signErrors.get(replica), rate);
      const idle = this.isUp[replica]! ? this.options.idleCores : 0;
      const cores = Math.min(this.options.cores, idle + (rate * this.options.signingCpu.mean) / 1e6);
      this.cpu.set(replica, this.cpu.get(replica), cores);
    }
  }

  // The secret.

  /** Writes the secret `cacerts`: each replica sees it when its mount is refreshed. */
  install(bundle: Bundle): void {
    const { sim } = this;
    this.secret = bundle;
    for (let replica = 0; replica < this.isUp.length; replica += 1) {
      const micros = Math.max(0, Math.round(this.options.propagation.sample(this.propagated())));
      sim.cancel(this.reloads[replica]!);
      if (this.isUp[replica]!)
        this.reloads[replica] = sim.after(micros + debounceMicros, this.reloadKind, replica);
    }
  }

  private reload(replica: number): void {
    const { sim, secret } = this;
    const before = this.loaded[replica]!;
    if (before.signer === secret.signer && before.roots === secret.roots) return;
    const holds = (all: number, some: number) => (all & some) === some;
    const same = before.roots === secret.roots;
    const accepted =
      same ||
      (this.options.multiRoot && (holds(secret.roots, before.roots) || holds(before.roots, secret.roots)));
    if (!accepted) {
      this.rejections.add(replica, 1);
      sim.tell(
        'istiod.rejected',
        this.nameOf(replica),
        this.options.multiRoot
          ? 'neither set of roots holds the other'
          : 'the roots differ, and ISTIO_MULTIROOT_MESH is off',
      );
      return;
    }
    this.load(replica);
    if (!same) this.onRootsChanged(replica);
    this.onUnblocked();
  }

  private load(replica: number): void {
    this.loaded[replica] = this.secret;
    this.showExpiry(replica);
    this.sim.tell('istiod.loaded', this.nameOf(replica), this.authorities.rows[this.secret.signer]!.name);
  }

  private showExpiry(replica: number): void {
    const { signer } = this.loaded[replica]!;
    const { rows } = this.authorities;
    let root = signer;
    while (rows[root]!.issuer >= 0) root = rows[root]!.issuer;
    this.rootExpiry.set(replica, (rows[root]!.notAfter + this.origin) / 1e6);
    this.chainExpiry.set(replica, (rows[signer]!.notAfter + this.origin) / 1e6);
  }

  // Outages.

  /** Stops a replica; it comes back after `micros`, or stays away where none is given. */
  stop(replica: number, micros: number | undefined): void {
    const { sim } = this;
    sim.cancel(this.returns[replica]!);
    if (micros !== undefined) this.returns[replica] = sim.after(micros, this.returnKind, replica);
    if (!this.isUp[replica]!) return;
    this.isUp[replica] = false;
    sim.cancel(this.reloads[replica]!);
    this.servers[replica]!.clear();
    this.up.set(replica, 0);
    this.memory.set(replica, 0);
    this.showRates();
    sim.tell('istiod.stopped', this.nameOf(replica));
    this.onStopped(replica);
  }

  /** A replica that starts loads what the secret holds, whatever it had before. */
  start(replica: number): void {
    if (this.isUp[replica]!) return;
    this.sim.cancel(this.returns[replica]!);
    this.isUp[replica] = true;
    this.limits[replica] = new RateLimit(this.options.reviewsPerSecond, this.options.reviewBurst);
    this.up.set(replica, 1);
    this.sim.tell('istiod.started', this.nameOf(replica));
    const before = this.loaded[replica]!;
    this.load(replica);
    this.showRates();
    if (before.roots !== this.secret.roots) this.onRootsChanged(replica);
    this.onUnblocked();
  }
}
