/** What Vault does with a certificate that would outlive its issuer. Source: Vault PKI API, `leaf_not_after_behavior`. */
export type LeafNotAfter = 'err' | 'truncate' | 'permit';

export interface VaultRole {
  readonly name: string;
  readonly ttlMicros: number | undefined;
  readonly maxTtlMicros: number | undefined;
}

/** A PKI secrets engine at its path, with the authority that it signs by. */
export interface VaultMount {
  readonly name: string;
  /** Row of the authority. */
  readonly issuer: number;
  readonly ttlMicros: number;
  readonly maxTtlMicros: number;
  readonly leafNotAfter: LeafNotAfter;
  readonly roles: readonly VaultRole[];
}

/** Source: Vault, system default of default_lease_ttl and max_lease_ttl: 768 h. */
export const vaultSystemTtlMicros = 768 * 3600e6;
/** Source: Vault PKI, `not_before_duration`. */
const backdatedMicros = 30e6;

export type Issued = { readonly notBefore: number; readonly notAfter: number } | { readonly refused: string };

/**
 * How long a certificate may live: what is asked for, else the role's, else the mount's, cut without a word to the maxima of role and mount.
 * Source: Vault PKI, "ttl" and "max_ttl" of roles and mounts.
 */
export function ttlOf(
  mount: VaultMount,
  role: VaultRole | undefined,
  askedMicros: number | undefined,
): number {
  const asked = askedMicros ?? role?.ttlMicros ?? mount.ttlMicros;
  return Math.min(asked, role?.maxTtlMicros ?? Number.POSITIVE_INFINITY, mount.maxTtlMicros);
}

/** Issues at `now` a certificate below an authority that ends at `issuerNotAfter`. */
export function issue(
  mount: VaultMount,
  role: VaultRole | undefined,
  askedMicros: number | undefined,
  now: number,
  issuerNotAfter: number,
): Issued {
  const notAfter = now + ttlOf(mount, role, askedMicros);
  const notBefore = now - backdatedMicros;
  if (notAfter <= issuerNotAfter || mount.leafNotAfter === 'permit') return { notBefore, notAfter };
  if (mount.leafNotAfter === 'err' || issuerNotAfter <= now)
    return { refused: 'it would end after the authority that signs it' };
  return { notBefore, notAfter: issuerNotAfter };
}
