/** A certificate that may sign others. Times in microseconds from the start of what is played; before it they are negative. */
export interface Authority {
  readonly name: string;
  /** Row of the authority that signed it; -1 for a root. */
  readonly issuer: number;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Trust sets are numbers of 32 bits, one bit a root. */
export const maxRoots = 30;

/** Every authority there is, roots and intermediates, each below the one that signed it. Rows are added and never removed. */
export class Authorities {
  readonly rows: Authority[] = [];
  /** Bit of the root of each authority. */
  private readonly rootBits: number[] = [];
  private roots = 0;

  /** @throws RangeError when its issuer is not there, or there are too many roots */
  add(authority: Authority): number {
    const { issuer } = authority;
    if (issuer >= this.rows.length) throw new RangeError(`${authority.name} has no issuer`);
    if (issuer < 0) {
      if (this.roots === maxRoots) throw new RangeError(`more than ${maxRoots} roots, at ${authority.name}`);
      this.rootBits.push(1 << this.roots);
      this.roots += 1;
    } else this.rootBits.push(this.rootBits[issuer]!);
    this.rows.push(authority);
    return this.rows.length - 1;
  }

  rowOf(name: string): number {
    return this.rows.findIndex((a) => a.name === name);
  }

  /** The root of an authority, as the one bit that it is in a trust set. */
  rootBit(row: number): number {
    return this.rootBits[row]!;
  }

  /** When the first certificate of the chain ends, the root's too: a verifier looks at all of them. */
  chainUntil(row: number): number {
    let until = Number.POSITIVE_INFINITY;
    for (let at = row; at >= 0; at = this.rows[at]!.issuer) until = Math.min(until, this.rows[at]!.notAfter);
    return until;
  }

  chainFrom(row: number): number {
    let from = Number.NEGATIVE_INFINITY;
    for (let at = row; at >= 0; at = this.rows[at]!.issuer) from = Math.max(from, this.rows[at]!.notBefore);
    return from;
  }

  namesOfRoots(bits: number): string {
    return this.rows
      .filter((a, row) => a.issuer < 0 && (this.rootBits[row]! & bits) !== 0)
      .map((a) => a.name)
      .join(', ');
  }
}
