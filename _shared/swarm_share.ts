/**
 * How many entries each address holds, roughly and in fixed memory.
 *
 * @module
 */

const BITS = 17;
const MASK = (1 << BITS) - 1;
const MAX = 0xffff;

/** Two rows of counters; the smaller of an address's two is the estimate. */
export class SwarmShare {
  readonly #counts = new Uint16Array(2 << BITS);
  readonly #seed: number;

  /**
   * Makes counters that are all zero.
   *
   * @param seed A secret 32-bit number.
   */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Bytes of the counters. */
  get bytes(): number {
    return this.#counts.byteLength;
  }

  /**
   * Counts an entry in or out. What has once hit the ceiling of 65535 stays
   * there.
   *
   * @param a First word of the address.
   * @param b Second word of its subnet, 0 for IPv4.
   * @param by 1 or -1.
   */
  count(a: number, b: number, by: 1 | -1): void {
    const counts = this.#counts;
    const first = this.#first(a, b);
    const second = this.#second(a, b);
    if (counts[first]! < MAX) counts[first] = Math.max(0, counts[first]! + by);
    if (counts[second]! < MAX) {
      counts[second] = Math.max(0, counts[second]! + by);
    }
  }

  /**
   * Estimates how many entries an address holds; never too few.
   *
   * @param a First word of the address.
   * @param b Second word of its subnet, 0 for IPv4.
   * @returns A count.
   */
  of(a: number, b: number): number {
    return Math.min(
      this.#counts[this.#first(a, b)]!,
      this.#counts[this.#second(a, b)]!,
    );
  }

  #first(a: number, b: number): number {
    let h = Math.imul(a ^ this.#seed, 0x9e3779b1);
    h = Math.imul((h ^ (h >>> 15)) ^ b, 0x85ebca77);
    return (h ^ (h >>> 13)) & MASK;
  }

  #second(a: number, b: number): number {
    let h = Math.imul(b ^ ~this.#seed, 0xc2b2ae3d);
    h = Math.imul((h ^ (h >>> 16)) ^ a, 0x27d4eb2f);
    return ((h ^ (h >>> 14)) & MASK) + (1 << BITS);
  }
}
