/**
 * How many entries each address and its subnets hold, roughly and in fixed
 * memory.
 *
 * What one operator holds is not known: of IPv4 it may be an address, a /24 or
 * a /16, of IPv6 a /64, /56, /48 or /32. So all of them are counted. A subnet
 * has many owners the more likely the wider it is, so its entries weigh less.
 *
 * Addresses are given by their first words in the order of memory, as
 * `swapWord` makes them; the second one is 0 for IPv4.
 *
 * @module
 */
import type { IpFamily } from "./address.ts";
import { readUint32 } from "./bytes.ts";

/** Turns the bytes of a word around. */
export function swapWord(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}

/** Which bits of the two words name a subnet, and how its entries weigh. */
interface Level {
  readonly a: number;
  readonly b: number;
  /** Entries count by 1 / 2^shift. */
  readonly shift: number;
  readonly table: number;
}

const LEVELS: Readonly<Record<IpFamily, readonly Level[]>> = {
  4: [
    { a: -1, b: 0, shift: 0, table: 0 },
    { a: 0xffffff, b: 0, shift: 3, table: 2 },
    { a: 0xffff, b: 0, shift: 6, table: 3 },
  ],
  6: [
    { a: -1, b: -1, shift: 0, table: 0 },
    { a: -1, b: 0xffffff, shift: 1, table: 1 },
    { a: -1, b: 0xffff, shift: 3, table: 2 },
    { a: -1, b: 0, shift: 6, table: 3 },
  ],
};

/**
 * Counters of all levels. Each level has two rows; the smaller of a subnet's
 * two counters is the estimate.
 */
export class SwarmShare {
  readonly #tables: readonly Uint32Array[];
  readonly #seed: number;
  readonly #mask: number;

  constructor(seed: number, bits = 17) {
    this.#seed = seed | 0;
    this.#mask = (1 << bits) - 1;
    this.#tables = Array.from({ length: 4 }, () => new Uint32Array(2 << bits));
  }

  /** Bytes of the counters. */
  get bytes(): number {
    return this.#tables.length * this.#tables[0]!.byteLength;
  }

  /** Counts an entry in or out. */
  count(family: IpFamily, a: number, b: number, by: 1 | -1): void {
    const seed = this.#seed ^ family;
    const mask = this.#mask;
    const levels = LEVELS[family];
    for (let i = 0; i < levels.length; i++) {
      const level = levels[i]!;
      const counts = this.#tables[level.table]!;
      const first = firstOf(seed, a & level.a, b & level.b) & mask;
      const second = (secondOf(seed, a & level.a, b & level.b) & mask) + mask +
        1;
      counts[first] = Math.max(0, counts[first]! + by);
      counts[second] = Math.max(0, counts[second]! + by);
    }
  }

  /**
   * Estimates what an address holds: its own entries, and its part in those of
   * its subnets, the wider the smaller. Never too little.
   */
  of(family: IpFamily, a: number, b: number): number {
    const levels = LEVELS[family];
    let sum = 0;
    for (let i = 0; i < levels.length; i++) {
      sum += this.#entries(family, levels[i]!, a, b) >>> levels[i]!.shift;
    }
    return sum;
  }

  /** Estimates the entries of an address, IPv6 by /64; never too few. */
  ofAddress(family: IpFamily, a: number, b: number): number {
    return this.#entries(family, LEVELS[family][0]!, a, b);
  }

  /** Estimates the entries of an IPv4 /24 or IPv6 /48; never too few. */
  ofSubnet(family: IpFamily, a: number, b: number): number {
    return this.#entries(family, LEVELS[family][family === 4 ? 1 : 2]!, a, b);
  }

  /**
   * Whether an address or one of its subnets holds as much as it may; true if
   * one of them does.
   */
  reaches(
    family: IpFamily,
    a: number,
    b: number,
    limits: readonly number[],
  ): boolean {
    return LEVELS[family].some((level, i) =>
      this.#entries(family, level, a, b) >= limits[i]!
    );
  }

  #entries(family: IpFamily, level: Level, a: number, b: number): number {
    const seed = this.#seed ^ family;
    const mask = this.#mask;
    const counts = this.#tables[level.table]!;
    return Math.min(
      counts[firstOf(seed, a & level.a, b & level.b) & mask]!,
      counts[(secondOf(seed, a & level.a, b & level.b) & mask) + mask + 1]!,
    );
  }
}

function firstOf(seed: number, a: number, b: number): number {
  let h = Math.imul(a ^ seed, 0x9e3779b1);
  h = Math.imul((h ^ (h >>> 15)) ^ b, 0x85ebca77);
  return h ^ (h >>> 13);
}

function secondOf(seed: number, a: number, b: number): number {
  let h = Math.imul(b ^ ~seed, 0xc2b2ae3d);
  h = Math.imul((h ^ (h >>> 16)) ^ a, 0x27d4eb2f);
  return h ^ (h >>> 14);
}

/** Reads what shares are counted by. */
export function shareWords(
  ip: Uint8Array,
  family: IpFamily,
): [a: number, b: number] {
  const a = swapWord(readUint32(ip, 0));
  return family === 4 ? [a, 0] : [a, swapWord(readUint32(ip, 4))];
}
