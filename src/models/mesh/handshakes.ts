import type { Authorities } from './authority.ts';

/** Why a new connection is refused, the first that a peer finds; `no` code stands for a connection that is made. */
export const refusals = [
  'no certificate',
  'certificate expired',
  'certificate not yet valid',
  'issuer expired',
  'issuer not yet valid',
  'unknown authority',
  'plain text to STRICT',
  'TLS to DISABLE',
] as const;
export type Refusal = (typeof refusals)[number];

/** Codes of a pair: made with TLS, made in plain text, or refused for reason `code - firstRefusal`. */
export const madeWithTls = 0;
export const madeInPlainText = 1;
export const firstRefusal = 2;
const codes = firstRefusal + refusals.length;

const codeOf = (refusal: Refusal): number => firstRefusal + refusals.indexOf(refusal);

/** How clients reach a server: what is settled before any certificate is looked at. */
export type Transport = 'tls' | 'plain' | 'plain text to STRICT' | 'TLS to DISABLE';

/** What one side of a handshake is, as far as the other one can tell, and how it judges. */
export interface Side {
  /** Row of the authority that signed its leaf; -1 without a certificate. */
  readonly issuer: number;
  /** Bits of clocks by which its leaf has expired, and by which it is not yet valid. */
  readonly expired: number;
  readonly early: number;
  /** Roots that it trusts, as bits. */
  readonly trust: number;
  /** Which clock it goes by. */
  readonly clock: number;
  /** How clients reach it. */
  readonly transport: Transport;
}

/**
 * What a verifier says of the other side's chain, by its own clock. Source: Envoy checks the whole chain, its dates and the root, against the bundle of SDS
 * resource ROOTCA.
 */
export function verify(
  presented: Side,
  verifier: Side,
  authorities: Authorities,
  clockTime: number,
): Refusal | undefined {
  if (presented.issuer < 0) return 'no certificate';
  const bit = 1 << verifier.clock;
  if ((presented.expired & bit) !== 0) return 'certificate expired';
  if ((presented.early & bit) !== 0) return 'certificate not yet valid';
  if (clockTime >= authorities.chainUntil(presented.issuer)) return 'issuer expired';
  if (clockTime < authorities.chainFrom(presented.issuer)) return 'issuer not yet valid';
  return (authorities.rootBit(presented.issuer) & verifier.trust) === 0 ? 'unknown authority' : undefined;
}

/** The code of a connection from a client to a server: under mutual TLS the client looks at the server first. */
export function pairCode(
  client: Side,
  server: Side,
  authorities: Authorities,
  timeOf: (clock: number) => number,
): number {
  if (server.transport === 'plain') return madeInPlainText;
  if (server.transport !== 'tls') return codeOf(server.transport);
  const refusal =
    verify(server, client, authorities, timeOf(client.clock)) ??
    verify(client, server, authorities, timeOf(server.clock));
  return refusal === undefined ? madeWithTls : codeOf(refusal);
}

const keyOf = (s: Side): string => `${s.issuer}|${s.expired}|${s.early}|${s.trust}|${s.clock}|${s.transport}`;

/**
 * How many ordered pairs of sidecars end how, kept exactly while sidecars change. Sidecars that nobody can tell apart are one class, so that the cost of a
 * change is the number of classes.
 */
export class Handshakes {
  /** Ordered pairs by code; they sum to the square of the number of sidecars. */
  readonly pairs = new Float64Array(codes);
  private readonly authorities: Authorities;
  private readonly timeOf: (clock: number) => number;
  private readonly classes = new Map<string, number>();
  private readonly sides: Side[] = [];
  private readonly counts: number[] = [];
  /** Code of each client class with each server class. */
  private table: number[][] = [];

  constructor(authorities: Authorities, timeOf: (clock: number) => number) {
    this.authorities = authorities;
    this.timeOf = timeOf;
  }

  sideOf(cls: number): Side {
    return this.sides[cls]!;
  }

  /** The class of a side, made when it is new. */
  classOf(side: Side): number {
    const key = keyOf(side);
    const known = this.classes.get(key);
    if (known !== undefined) return known;
    const made = this.sides.length;
    this.classes.set(key, made);
    this.sides.push(side);
    this.counts.push(0);
    this.table.push([]);
    this.fill(made);
    return made;
  }

  private code(client: number, server: number): number {
    return pairCode(this.sides[client]!, this.sides[server]!, this.authorities, this.timeOf);
  }

  private fill(made: number): void {
    for (let other = 0; other <= made; other += 1) {
      this.table[made]![other] = this.code(made, other);
      this.table[other]![made] = this.code(other, made);
    }
  }

  add(cls: number): void {
    this.counts[cls]! += 1;
    this.count(cls, 1);
  }

  remove(cls: number): void {
    this.count(cls, -1);
    this.counts[cls]! -= 1;
  }

  /** Pairs of one member of a class with everybody, itself included. */
  private count(cls: number, sign: number): void {
    const { counts, pairs, table } = this;
    const row = table[cls]!;
    for (let other = 0; other < counts.length; other += 1) {
      const n = counts[other]!;
      if (n === 0) continue;
      pairs[row[other]!]! += sign * n;
      pairs[table[other]![cls]!]! += sign * n;
    }
    pairs[row[cls]!]! -= sign;
  }

  /** All pairs anew: the time has passed at which an authority's certificate begins or ends for some clock. */
  recount(): void {
    const { counts, pairs } = this;
    pairs.fill(0);
    for (let a = 0; a < counts.length; a += 1)
      for (let b = 0; b < counts.length; b += 1) {
        const code = this.code(a, b);
        this.table[a]![b] = code;
        pairs[code]! += counts[a]! * counts[b]!;
      }
  }

  /** The same sums, computed from all members, for a law. */
  oracle(): Float64Array {
    const sums = new Float64Array(codes);
    for (let a = 0; a < this.counts.length; a += 1)
      for (let b = 0; b < this.counts.length; b += 1)
        sums[this.code(a, b)]! += this.counts[a]! * this.counts[b]!;
    return sums;
  }
}
