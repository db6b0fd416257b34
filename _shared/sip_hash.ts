/**
 * SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash for short inputs, in
 * halves of 32 bits and without garbage; and one whose key changes, for proofs
 * that nobody has to remember.
 *
 * @module
 */
import { randomBytes, type RandomSource } from "./random.ts";

/** Bytes of a key. */
export const SIPHASH_KEY_LENGTH = 16;

function readWord(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) |
    (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24);
}

/** SipHash-2-4 with a fixed key; the two halves of a hash are read after it. */
export class SipHash {
  readonly #key: Int32Array;
  /** Low and high halves of v0 to v3. */
  #l0 = 0;
  #h0 = 0;
  #l1 = 0;
  #h1 = 0;
  #l2 = 0;
  #h2 = 0;
  #l3 = 0;
  #h3 = 0;

  constructor(key: Uint8Array) {
    if (key.length !== SIPHASH_KEY_LENGTH) {
      throw new RangeError(
        `Cannot use a key of ${key.length} bytes: expected 16`,
      );
    }
    this.#key = new Int32Array(4);
    for (let i = 0; i < 16; i++) {
      this.#key[i >> 2]! |= key[i]! << (8 * (i & 3));
    }
  }

  /** Low 32 bits of the last hash, as a signed number. */
  get low(): number {
    return this.#l0 ^ this.#l1 ^ this.#l2 ^ this.#l3;
  }

  /** High 32 bits of the last hash, as a signed number. */
  get high(): number {
    return this.#h0 ^ this.#h1 ^ this.#h2 ^ this.#h3;
  }

  /** Starts a hash. */
  start(): void {
    const key = this.#key;
    const k0 = key[0]!;
    const k1 = key[1]!;
    const k2 = key[2]!;
    const k3 = key[3]!;
    this.#l0 = k0 ^ 0x70736575;
    this.#h0 = k1 ^ 0x736f6d65;
    this.#l1 = k2 ^ 0x6e646f6d;
    this.#h1 = k3 ^ 0x646f7261;
    this.#l2 = k0 ^ 0x6e657261;
    this.#h2 = k1 ^ 0x6c796765;
    this.#l3 = k2 ^ 0x79746573;
    this.#h3 = k3 ^ 0x74656462;
  }

  /** Hashes eight bytes of the input. */
  block(low: number, high: number): void {
    this.#l3 ^= low;
    this.#h3 ^= high;
    this.#round();
    this.#round();
    this.#l0 ^= low;
    this.#h0 ^= high;
  }

  /** Ends a hash with what is left of the input. */
  finish(length: number, low = 0, high = 0): void {
    this.block(low, high | (length << 24));
    this.#l2 ^= 0xff;
    this.#round();
    this.#round();
    this.#round();
    this.#round();
  }

  /** Hashes a whole input. */
  hash(input: Uint8Array, out: Uint8Array): void {
    const { length } = input;
    const whole = length - (length & 7);
    this.start();
    for (let i = 0; i < whole; i += 8) {
      this.block(readWord(input, i), readWord(input, i + 4));
    }
    let low = 0;
    let high = 0;
    for (let i = whole; i < length; i++) {
      const byte = input[i]! << (8 * (i & 3));
      if (i - whole < 4) low |= byte;
      else high |= byte;
    }
    this.finish(length, low, high);
    for (let i = 0; i < 4; i++) {
      out[i] = this.low >>> (8 * i);
      out[4 + i] = this.high >>> (8 * i);
    }
  }

  #round(): void {
    let l0 = this.#l0 >>> 0;
    let h0 = this.#h0;
    let l1 = this.#l1;
    let h1 = this.#h1;
    let l2 = this.#l2 >>> 0;
    let h2 = this.#h2;
    let l3 = this.#l3;
    let h3 = this.#h3;
    let t: number;
    // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
    t = l0 + (l1 >>> 0);
    h0 = (h0 + h1 + (t > 0xffffffff ? 1 : 0)) | 0;
    l0 = t | 0;
    t = (l1 << 13) | (h1 >>> 19);
    h1 = (h1 << 13) | (l1 >>> 19);
    l1 = t ^ l0;
    h1 ^= h0;
    t = l0;
    l0 = h0;
    h0 = t;
    // v2 += v3; v3 <<<= 16; v3 ^= v2
    t = l2 + (l3 >>> 0);
    h2 = (h2 + h3 + (t > 0xffffffff ? 1 : 0)) | 0;
    l2 = t | 0;
    t = (l3 << 16) | (h3 >>> 16);
    h3 = (h3 << 16) | (l3 >>> 16);
    l3 = t ^ l2;
    h3 ^= h2;
    // v0 += v3; v3 <<<= 21; v3 ^= v0
    t = (l0 >>> 0) + (l3 >>> 0);
    h0 = (h0 + h3 + (t > 0xffffffff ? 1 : 0)) | 0;
    l0 = t | 0;
    t = (l3 << 21) | (h3 >>> 11);
    h3 = (h3 << 21) | (l3 >>> 11);
    l3 = t ^ l0;
    h3 ^= h0;
    // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
    t = (l2 >>> 0) + (l1 >>> 0);
    h2 = (h2 + h1 + (t > 0xffffffff ? 1 : 0)) | 0;
    l2 = t | 0;
    t = (l1 << 17) | (h1 >>> 15);
    h1 = (h1 << 17) | (l1 >>> 15);
    l1 = t ^ l2;
    h1 ^= h2;
    this.#l0 = l0;
    this.#h0 = h0;
    this.#l1 = l1;
    this.#h1 = h1;
    this.#l2 = h2;
    this.#h2 = l2;
    this.#l3 = l3;
    this.#h3 = h3;
  }
}

/** SipHash-2-4 under a key that is drawn anew again and again. */
export class RotatingHash {
  readonly #random: RandomSource;
  readonly #everyMs: number;
  #rotatedAt: number;
  /** The hash under the newest key. */
  current: SipHash;
  /** The hash under the key before that. */
  previous: SipHash;

  /** Draws the first keys; each is the newest one for so many ms. */
  constructor(random: RandomSource, everyMs: number, now: number) {
    this.#random = random;
    this.#everyMs = everyMs;
    this.#rotatedAt = now;
    this.current = this.#draw();
    this.previous = this.#draw();
  }

  /** Draws keys anew when it is time. */
  rotate(now: number): void {
    const periods = Math.floor((now - this.#rotatedAt) / this.#everyMs);
    if (!(periods >= 1)) return;
    this.previous = periods === 1 ? this.current : this.#draw();
    this.current = this.#draw();
    this.#rotatedAt += periods * this.#everyMs;
  }

  #draw(): SipHash {
    return new SipHash(randomBytes(this.#random, SIPHASH_KEY_LENGTH));
  }
}
