import type { ModelFinding } from '../../engine/catalogue.ts';
import type { DueDate } from '../../engine/dueDates.ts';
import type { Gauge } from '../../engine/gauge.ts';
import { sleep } from '../../engine/process.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import { type Roller, rollerTiming } from './roller.ts';

/** The authorities of a Kafka resource, as `type` of `strimzi_certificate_expiration_timestamp_ms` names them. */
export const authorityTypes = ['cluster-ca', 'clients-ca'] as const;

/** `spec.clusterCa` or `spec.clientsCa`, and when the certificate that it has now ends. */
export interface AuthoritySpec {
  readonly type: (typeof authorityTypes)[number];
  /** Microseconds from the start of what is played. */
  readonly notAfter: number;
  readonly validityMicros: number;
  readonly renewalMicros: number;
  /** Whether the operator makes it; otherwise somebody has to. */
  readonly isGenerated: boolean;
  readonly replacesKey: boolean;
}

const soonMicros = 30 * 86_400e6;

/**
 * The operator's own certificate authorities. At the first reconciliation within the renewal time it makes a new certificate, and every broker is rolled to trust it: once where
 * the key stays; where it is replaced, to trust the new one, to be signed by it, and to trust the old one no longer.
 * Source: Strimzi 0.42 `CaReconciler`, `RestartReason` CA_CERT_RENEWED, CLUSTER_CA_CERT_KEY_REPLACED, KAFKA_CERTIFICATES_CHANGED, CA_CERT_REMOVED.
 * Simplified: there are no maintenance time windows, users' certificates are not played, and an authority that ends turns no client away.
 */
export class CertificateAuthorities {
  readonly expiration: Gauge;
  private readonly sim: Simulation;
  private readonly specs: readonly AuthoritySpec[];
  private readonly roller: Roller;
  private readonly ids: readonly number[];
  private readonly origin: number;
  private readonly notAfters: number[];
  private readonly renewKind: Kind;

  constructor(
    sim: Simulation,
    specs: readonly AuthoritySpec[],
    roller: Roller,
    ids: readonly number[],
    origin: number,
  ) {
    this.sim = sim;
    this.specs = specs;
    this.roller = roller;
    this.ids = ids;
    this.origin = origin;
    this.notAfters = specs.map((s) => s.notAfter);
    this.expiration = sim.gauge('strimzi_certificate_expiration_timestamp_ms', specs.length);
    this.renewKind = sim.on('strimzi.caRenewal', (row) => this.renew(row));
    specs.forEach((_, row) => {
      this.plan(row);
    });
  }

  typeOf(row: number): string {
    return this.specs[row]!.type;
  }

  /** The first reconciliation within the renewal time. */
  private renewsAt(row: number): number {
    const from = this.notAfters[row]! - this.specs[row]!.renewalMicros;
    const period = rollerTiming.reconciliationMicros;
    return Math.max(0, Math.ceil(from / period) * period);
  }

  private plan(row: number): void {
    this.expiration.set(row, (this.notAfters[row]! + this.origin) / 1000);
    if (this.specs[row]!.isGenerated)
      this.sim.at(Math.max(this.sim.now, this.renewsAt(row)), this.renewKind, row);
  }

  private renew(row: number): void {
    const { ids, roller, sim } = this;
    const { type, replacesKey, validityMicros } = this.specs[row]!;
    this.notAfters[row] = sim.now + validityMicros;
    sim.tell('strimzi.caRenewed', type, replacesKey ? 'with a new key' : 'with the same key');
    this.plan(row);
    const reasons = replacesKey
      ? ['CLUSTER_CA_CERT_KEY_REPLACED', 'KAFKA_CERTIFICATES_CHANGED', 'CA_CERT_REMOVED']
      : ['CA_CERT_RENEWED'];
    sim.spawn(`renewal of ${type}`, function* () {
      for (const reason of reasons) {
        roller.require(ids, reason);
        while (!roller.isIdle) yield sleep(rollerTiming.reconciliationMicros);
      }
    });
  }

  dueDates(): readonly DueDate[] {
    return this.specs.map((s, row) => ({
      name: s.type,
      kind: 'authority of Strimzi',
      endsAt: this.notAfters[row]!,
      renewsAt: s.isGenerated ? this.renewsAt(row) : null,
    }));
  }

  findings(): readonly ModelFinding[] {
    return this.dueDates().flatMap((d) => {
      const left = d.endsAt - this.sim.now;
      if (d.renewsAt !== null || left > soonMicros) return [];
      return {
        rule: 'a certificate that ends soon',
        says: `${d.name} of Strimzi ${left <= 0 ? 'has ended' : `ends in ${(left / 86_400e6).toFixed(1)} days`}, and nobody renews it`,
      };
    });
  }
}
