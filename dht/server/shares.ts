/**
 * How much of a store an address may have.
 *
 * @module
 */
import { type IpFamily, ipScope } from "../../_shared/address.ts";
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import { shareWords, SwarmShare } from "../../_shared/swarm_share.ts";

/**
 * Counts what addresses and the subnets around them hold: IPv4 addresses, /24
 * and /16; IPv6 /64, /56, /48 and /32. The wider a subnet, the more it may have;
 * loopback is not counted. Counts may be too high by chance, never too low.
 */
export class Shares {
  readonly #share: SwarmShare;
  readonly #quotas: Readonly<Record<IpFamily, readonly number[]>>;

  /** `most` is what an address may have, `widest` times as much a /16 or /32. */
  constructor(
    random: RandomSource,
    counterBits: number,
    most: number,
    widest: number,
  ) {
    this.#share = new SwarmShare(randomInt(random, 0x100000000), counterBits);
    this.#quotas = {
      4: [most, 2 * most, widest * most],
      6: [most, 1.5 * most, 2 * most, widest * most],
    };
  }

  /** Whether an address, or a subnet it is in, has all that it may. */
  reaches(ip: Uint8Array): boolean {
    if (isLoopback(ip)) return false;
    const [family, a, b] = wordsOf(ip);
    return this.#share.reaches(family, a, b, this.#quotas[family]);
  }

  /** What an address and its subnets hold, the wider the less it counts. */
  of(ip: Uint8Array): number {
    return isLoopback(ip) ? 0 : this.#share.of(...wordsOf(ip));
  }

  /** Counts an entry in or out. */
  count(ip: Uint8Array, by: 1 | -1): void {
    if (!isLoopback(ip)) this.#share.count(...wordsOf(ip), by);
  }
}

/** Loopback is several nodes of one machine. */
export function isLoopback(ip: Uint8Array): boolean {
  return ip.length === 4 ? ip[0] === 127 : ipScope(ip) === "loopback";
}

function wordsOf(ip: Uint8Array): [IpFamily, number, number] {
  const family = ip.length === 4 ? 4 : 6;
  return [family, ...shareWords(ip, family)];
}
