/**
 * Bloom filters over IP addresses, by which peers are counted.
 *
 * @module
 */
import { sha1 } from "../_shared/sha1.ts";
import { isMappedIpv4 } from "../_shared/address.ts";

/** Bytes of a filter. Source: BEP 33. */
export const BLOOM_FILTER_LENGTH = 256;

const BITS = 8 * BLOOM_FILTER_LENGTH;

/**
 * Computes which two bits of a filter stand for an address, to set them later.
 *
 * @param ip 4 or 16 bytes.
 * @returns The first bit, plus 2048 times the second. Source: BEP 33.
 */
export function bloomFilterBits(ip: Uint8Array): number {
  const address = isMappedIpv4(ip) ? ip.subarray(12) : ip;
  const hash = sha1(address);
  const first = (hash[0]! | hash[1]! << 8) % BITS;
  const second = (hash[2]! | hash[3]! << 8) % BITS;
  return first + BITS * second;
}

/**
 * A set of addresses of which the size can be told, roughly, and which can be
 * joined with others. Source: BEP 33.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BloomFilter } from "@bip/bip/dht";
 *
 * const filter = new BloomFilter();
 * filter.insert(new Uint8Array([192, 168, 1, 1]));
 * assertEquals(Math.round(filter.estimate()), 1);
 * ```
 */
export class BloomFilter {
  /** The filter as it is sent, 256 bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;

  /**
   * Makes a filter.
   *
   * @param bytes 256 bytes to copy; none for an empty filter.
   * @throws {RangeError} If there are not 256 bytes.
   */
  constructor(bytes?: Uint8Array) {
    if (bytes !== undefined && bytes.length !== BLOOM_FILTER_LENGTH) {
      throw new RangeError(
        `Cannot use ${bytes.length} bytes as a filter: it must have ${BLOOM_FILTER_LENGTH}`,
      );
    }
    this.bytes = new Uint8Array(BLOOM_FILTER_LENGTH);
    if (bytes !== undefined) this.bytes.set(bytes);
  }

  /**
   * Adds an address.
   *
   * @param ip 4 or 16 bytes.
   */
  insert(ip: Uint8Array): void {
    this.insertBits(bloomFilterBits(ip));
  }

  /**
   * Adds an address whose bits are known.
   *
   * @param bits From {@linkcode bloomFilterBits}.
   */
  insertBits(bits: number): void {
    const first = bits % BITS;
    const second = Math.floor(bits / BITS) % BITS;
    this.bytes[first >> 3]! |= 1 << (first & 7);
    this.bytes[second >> 3]! |= 1 << (second & 7);
  }

  /**
   * Asks for an address.
   *
   * @param ip 4 or 16 bytes.
   * @returns False when it is not in the filter; true when it is, or by chance.
   */
  has(ip: Uint8Array): boolean {
    const bits = bloomFilterBits(ip);
    const first = bits % BITS;
    const second = Math.floor(bits / BITS);
    return (this.bytes[first >> 3]! & 1 << (first & 7)) !== 0 &&
      (this.bytes[second >> 3]! & 1 << (second & 7)) !== 0;
  }

  /**
   * Adds all addresses of another filter.
   *
   * @param other The other filter, or its 256 bytes.
   */
  union(other: BloomFilter | Uint8Array): void {
    const bytes = other instanceof BloomFilter ? other.bytes : other;
    for (let i = 0; i < BLOOM_FILTER_LENGTH; i++) {
      this.bytes[i]! |= bytes[i] ?? 0;
    }
  }

  /**
   * Estimates how many addresses are in the filter.
   *
   * @returns A number of at least 0, not whole. Nearly full filters, of 6000
   * and more, tell little.
   */
  estimate(): number {
    let zeros = BITS;
    for (const byte of this.bytes) {
      for (let rest = byte; rest !== 0; rest &= rest - 1) zeros--;
    }
    // A full filter has no estimate; one with a single zero has the highest.
    const counted = Math.max(1, Math.min(BITS - 1, zeros));
    if (zeros === BITS) return 0;
    return Math.log(counted / BITS) / (2 * Math.log(1 - 1 / BITS));
  }
}
