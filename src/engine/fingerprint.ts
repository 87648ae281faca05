/** FNV-1a over text, 32 bits. Source: G. Fowler, L. C. Noll, K.-P. Vo. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

const word = new Uint32Array(2);
const double = new Float64Array(word.buffer);

/**
 * A running digest of numbers, by their IEEE 754 bits: two lanes of 32 bits, mixed as MurmurHash3 does (A. Appleby), so that
 * equal runs give equal texts on every little-endian machine. No protection against intent.
 */
export class Fingerprint {
  private h1 = 0x9747b28c;
  private h2 = 0x85ebca6b;

  add(value: number): void {
    double[0] = value === 0 ? 0 : value;
    this.mix(word[0]!);
    this.mix(word[1]!);
  }

  addText(text: string): void {
    this.add(hashText(text));
    this.add(text.length);
  }

  copy(): Fingerprint {
    const made = new Fingerprint();
    made.h1 = this.h1;
    made.h2 = this.h2;
    return made;
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return hex(finish(this.h1 ^ (this.h2 >>> 7))) + hex(finish(this.h2 ^ Math.imul(this.h1, 0xcc9e2d51)));
  }

  private mix(k: number): void {
    let m = Math.imul(k, 0xcc9e2d51);
    m = (m << 15) | (m >>> 17);
    m = Math.imul(m, 0x1b873593);
    this.h1 ^= m;
    this.h1 = (this.h1 << 13) | (this.h1 >>> 19);
    this.h1 = (Math.imul(this.h1, 5) + 0xe6546b64) | 0;
    this.h2 = (Math.imul(this.h2 ^ k, 0x01000193) + 0x9e3779b9) | 0;
    this.h2 = (this.h2 << 7) | (this.h2 >>> 25);
  }
}

function finish(h: number): number {
  let x = h ^ (h >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** Digest of 4,096 values of log and exp: equal on two machines whose mathematics agree. Stamped into each result. */
export function mathSelfTest(): string {
  const print = new Fingerprint();
  for (let i = 1; i <= 2048; i += 1) {
    print.add(Math.log(i * 0.37));
    print.add(Math.exp(i * 0.017 - 17));
  }
  return print.digest();
}
