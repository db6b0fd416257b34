/**
 * SipHash-2-4, a keyed hash for short input (Aumasson, Bernstein), on halves
 * of 32 bits.
 *
 * @module
 */

/** Bytes of a key. */
export const SIPHASH_KEY_LENGTH = 16;

/** A keyed hash. The state is reused by each call. */
export class SipHash {
  readonly #key = new Int32Array(4);
  /** Low and high half of v0 to v3. */
  readonly #v = new Int32Array(8);

  /** Takes a key of 16 bytes. */
  constructor(key: Uint8Array) {
    for (let i = 0; i < 4; i++) this.#key[i] = word(key, 4 * i);
  }

  /** Hashes input; writes the 8 bytes of the hash, lowest first. */
  hash(input: Uint8Array, out: Uint8Array, outOffset = 0): void {
    const v = this.#v;
    const k0 = this.#key[0]!;
    const k1 = this.#key[1]!;
    const k2 = this.#key[2]!;
    const k3 = this.#key[3]!;
    v[0] = k0 ^ 0x70736575;
    v[1] = k1 ^ 0x736f6d65;
    v[2] = k2 ^ 0x6e646f6d;
    v[3] = k3 ^ 0x646f7261;
    v[4] = k0 ^ 0x6e657261;
    v[5] = k1 ^ 0x6c796765;
    v[6] = k2 ^ 0x79746573;
    v[7] = k3 ^ 0x74656462;
    const { length } = input;
    const whole = length - (length & 7);
    for (let i = 0; i < whole; i += 8) {
      block(v, word(input, i), word(input, i + 4));
    }
    let low = 0;
    let high = length << 24;
    for (let i = whole; i < length; i++) {
      const shift = 8 * (i & 3);
      if (i - whole < 4) low |= input[i]! << shift;
      else high |= input[i]! << shift;
    }
    block(v, low, high);
    v[4]! ^= 0xff;
    for (let i = 0; i < 4; i++) round(v);
    const resultLow = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
    const resultHigh = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
    for (let i = 0; i < 4; i++) {
      out[outOffset + i] = resultLow >>> 8 * i;
      out[outOffset + 4 + i] = resultHigh >>> 8 * i;
    }
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) |
    (bytes[at + 3]! << 24);
}

function block(v: Int32Array, low: number, high: number): void {
  v[6]! ^= low;
  v[7]! ^= high;
  round(v);
  round(v);
  v[0]! ^= low;
  v[1]! ^= high;
}

function round(v: Int32Array): void {
  let l0 = v[0]!, h0 = v[1]!, l1 = v[2]!, h1 = v[3]!;
  let l2 = v[4]!, h2 = v[5]!, l3 = v[6]!, h3 = v[7]!;
  let low = (l0 + l1) | 0;
  h0 = (h0 + h1 + ((low >>> 0) < (l0 >>> 0) ? 1 : 0)) | 0;
  l0 = low;
  let t = (l1 << 13) | (h1 >>> 19);
  h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0;
  l1 = t ^ l0;
  t = l0;
  l0 = h0;
  h0 = t;
  low = (l2 + l3) | 0;
  h2 = (h2 + h3 + ((low >>> 0) < (l2 >>> 0) ? 1 : 0)) | 0;
  l2 = low;
  t = (l3 << 16) | (h3 >>> 16);
  h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2;
  l3 = t ^ l2;
  low = (l0 + l3) | 0;
  h0 = (h0 + h3 + ((low >>> 0) < (l0 >>> 0) ? 1 : 0)) | 0;
  l0 = low;
  t = (l3 << 21) | (h3 >>> 11);
  h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0;
  l3 = t ^ l0;
  low = (l2 + l1) | 0;
  h2 = (h2 + h1 + ((low >>> 0) < (l2 >>> 0) ? 1 : 0)) | 0;
  l2 = low;
  t = (l1 << 17) | (h1 >>> 15);
  h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2;
  l1 = t ^ l2;
  t = l2;
  l2 = h2;
  h2 = t;
  v[0] = l0;
  v[1] = h0;
  v[2] = l1;
  v[3] = h1;
  v[4] = l2;
  v[5] = h2;
  v[6] = l3;
  v[7] = h3;
}
