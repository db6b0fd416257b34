/**
 * A keyed hash of info-hashes that strangers cannot make collide.
 *
 * @module
 */
import { writeUint32 } from "../../_shared/bytes.ts";
import { SipHash, SIPHASH_KEY_LENGTH } from "../../_shared/sip_hash.ts";

const KEY_LENGTH = 20;

/** Hashes keys of 20 bytes. */
export class SwarmHash {
  /** Secret factors, one for each byte of a key. */
  readonly #factors = new Int32Array(KEY_LENGTH);

  constructor(seed: number) {
    const key = new Uint8Array(SIPHASH_KEY_LENGTH);
    writeUint32(key, 0, seed >>> 0);
    const hasher = new SipHash(key);
    for (let i = 0; i < KEY_LENGTH; i++) {
      hasher.start();
      hasher.finish(4, i);
      this.#factors[i] = hasher.low;
    }
  }

  /**
   * The multilinear hash of bytes modulo 2^32: of its upper 25 bits any two
   * values are equally likely for any two keys, however they were chosen, to
   * whom the factors are secret (Dietzfelbinger 1996). Mixed at the end, as
   * keys that differ by the same would come at the same distances.
   */
  of(bytes: Uint8Array, offset: number): number {
    const factors = this.#factors;
    let h = 0;
    for (let i = 0; i < KEY_LENGTH; i += 4) {
      h += Math.imul(factors[i]!, bytes[offset + i]!) +
        Math.imul(factors[i + 1]!, bytes[offset + i + 1]!) +
        Math.imul(factors[i + 2]!, bytes[offset + i + 2]!) +
        Math.imul(factors[i + 3]!, bytes[offset + i + 3]!);
      h |= 0;
    }
    h >>>= 7;
    h = Math.imul(h ^ (h >>> 15), 0x85ebca77);
    return h ^ (h >>> 13);
  }
}
