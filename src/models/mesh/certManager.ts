import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import type { Issued } from './vault.ts';

/** A Certificate resource of cert-manager, and what it holds at the start. */
export interface CertificateSpec {
  readonly name: string;
  /** What the secret is for: the signing certificate of istiod, or anything else. */
  readonly isSigner: boolean;
  readonly durationMicros: number;
  readonly renewBeforeMicros: number | undefined;
  readonly renewBeforePercentage: number | undefined;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface CertManagerOptions {
  readonly minBackoffMicros: number;
  readonly maxBackoffMicros: number;
  /** Microseconds since 1970 at the start of what is played: certificates count whole seconds from there. */
  readonly origin: number;
}

/** Source: cert-manager v1 `certificateRequestMinimumBackoffDuration`, `certificateRequestMaximumBackoffDuration`. */
export const certManagerDefaults = {
  durationMicros: 90 * 86_400e6,
  minBackoffMicros: 3600e6,
  maxBackoffMicros: 32 * 3600e6,
} as const;

/**
 * When a certificate is renewed: `renewBefore` before its end where that is shorter than its life, else a percentage of its life before it, else a third
 * of its life; in whole seconds. Its life is what was issued, not what was asked for. Source: cert-manager `pkg/util/pki/renewaltime.go`.
 */
export function renewalTime(
  notBefore: number,
  notAfter: number,
  renewBefore: number | undefined,
  percentage: number | undefined,
  origin: number,
): number {
  const life = notAfter - notBefore;
  let before = life / 3;
  if (renewBefore !== undefined && renewBefore > 0 && renewBefore < life) before = renewBefore;
  else if (percentage !== undefined && percentage > 0 && percentage < 100) before = (life * percentage) / 100;
  return Math.floor((notAfter - before + origin) / 1e6) * 1e6 - origin;
}

/** Wait after the n-th failure in a row: the least, doubled each time. Source: cert-manager `trigger_controller.go`. */
export function failureBackoff(failures: number, options: CertManagerOptions): number {
  let wait = options.minBackoffMicros;
  for (let i = 1; i < failures && wait < options.maxBackoffMicros; i += 1) wait *= 2;
  return Math.min(wait, options.maxBackoffMicros);
}

/**
 * cert-manager: each certificate is issued anew at its renewal time, without jitter, and after a failure not before the back-off is over.
 * Simplified: a request is answered at once; ACME and its windows are not played.
 */
export class CertManager {
  readonly specs: readonly CertificateSpec[];
  readonly expiration: Gauge;
  readonly renewal: Gauge;
  readonly ready: Gauge;
  private readonly sim: Simulation;
  private readonly options: CertManagerOptions;
  private readonly issueNow: (row: number) => Issued;
  private readonly issued: (row: number, notBefore: number, notAfter: number) => void;
  private readonly notAfters: number[];
  private readonly renewals: number[];
  private readonly failures: number[];
  private readonly pending: Handle[];
  private readonly renewKind: Kind;
  private readonly expiredKind: Kind;

  constructor(
    sim: Simulation,
    specs: readonly CertificateSpec[],
    options: CertManagerOptions,
    issueNow: (row: number) => Issued,
    issued: (row: number, notBefore: number, notAfter: number) => void,
  ) {
    this.sim = sim;
    this.specs = specs;
    this.options = options;
    this.issueNow = issueNow;
    this.issued = issued;
    this.notAfters = specs.map((s) => s.notAfter);
    this.renewals = specs.map(() => 0);
    this.failures = specs.map(() => 0);
    this.pending = specs.map(() => -1);
    this.expiration = sim.gauge('certmanager_certificate_expiration_timestamp_seconds', specs.length);
    this.renewal = sim.gauge('certmanager_certificate_renewal_timestamp_seconds', specs.length);
    this.ready = sim.gauge('certmanager_certificate_ready_status', specs.length);
    this.renewKind = sim.on('certManager.renew', (row) => this.renew(row));
    this.expiredKind = sim.on('certManager.expired', (row) => this.onExpired(row));
    specs.forEach((s, row) => {
      this.hold(row, s.notBefore, s.notAfter);
    });
  }

  notAfterOf(row: number): number {
    return this.notAfters[row]!;
  }

  renewalOf(row: number): number {
    return this.renewals[row]!;
  }

  private hold(row: number, notBefore: number, notAfter: number): void {
    const { sim } = this;
    const spec = this.specs[row]!;
    const { origin } = this.options;
    const at = renewalTime(notBefore, notAfter, spec.renewBeforeMicros, spec.renewBeforePercentage, origin);
    this.notAfters[row] = notAfter;
    this.renewals[row] = at;
    this.failures[row] = 0;
    this.expiration.set(row, (notAfter + origin) / 1e6);
    this.renewal.set(row, (at + origin) / 1e6);
    this.ready.set(row, notAfter > sim.now ? 1 : 0);
    if (notAfter > sim.now) sim.at(notAfter, this.expiredKind, row);
    this.pending[row] = sim.at(Math.max(sim.now, at), this.renewKind, row);
  }

  private onExpired(row: number): void {
    if (this.notAfters[row] !== this.sim.now) return;
    this.ready.set(row, 0);
    this.sim.tell('certManager.expired', this.specs[row]!.name);
  }

  private renew(row: number): void {
    const { sim } = this;
    const { name } = this.specs[row]!;
    const made = this.issueNow(row);
    if ('refused' in made) {
      const failures = this.failures[row]! + 1;
      this.failures[row] = failures;
      const wait = failureBackoff(failures, this.options);
      sim.tell(
        'certManager.failed',
        name,
        `${made.refused}; the next attempt is made after ${wait / 3600e6} h`,
      );
      this.pending[row] = sim.after(wait, this.renewKind, row);
      return;
    }
    sim.tell('certManager.issued', name, `for ${((made.notAfter - sim.now) / 86_400e6).toFixed(1)} days`);
    this.hold(row, made.notBefore, made.notAfter);
    this.issued(row, made.notBefore, made.notAfter);
  }
}
