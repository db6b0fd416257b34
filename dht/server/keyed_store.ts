/**
 * What a node keeps, by key: of all, the farthest from our id goes first; and how
 * much of it an address may have.
 *
 * @module
 */
import { compareNodeDistance } from "../node_id.ts";
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

/** Entries by their 20-byte keys, in the order in which they were added. */
export class KeyedStore<Entry extends { readonly key: Uint8Array }> {
  readonly #entries = new Map<string, Entry>();
  #ownId: Uint8Array;
  #farthest: Entry | undefined;

  constructor(ownId: Uint8Array) {
    this.#ownId = ownId.slice();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Changes the id whose neighbourhood is kept. */
  setOwnId(id: Uint8Array): void {
    this.#ownId = id.slice();
    this.#farthest = undefined;
  }

  get(key: Uint8Array): Entry | undefined {
    return this.#entries.get(idKey(key));
  }

  values(): MapIterator<Entry> {
    return this.#entries.values();
  }

  /** Adds an entry as the newest one. */
  add(entry: Entry): void {
    this.#entries.set(idKey(entry.key), entry);
    if (this.#farthest !== undefined && this.#isFarther(entry)) {
      this.#farthest = entry;
    }
  }

  delete(entry: Entry): void {
    this.#entries.delete(idKey(entry.key));
    if (entry === this.#farthest) this.#farthest = undefined;
  }

  /** The entry that is farthest from our id. */
  get farthest(): Entry | undefined {
    if (this.#farthest === undefined) {
      for (const entry of this.#entries.values()) {
        if (this.#isFarther(entry)) this.#farthest = entry;
      }
    }
    return this.#farthest;
  }

  /** Whether a key is worth more to us than that of the farthest entry. */
  isCloser(key: Uint8Array): boolean {
    const { farthest } = this;
    return farthest !== undefined &&
      compareNodeDistance(this.#ownId, key, farthest.key) < 0;
  }

  #isFarther({ key }: Entry): boolean {
    return this.#farthest === undefined ||
      compareNodeDistance(this.#ownId, key, this.#farthest.key) > 0;
  }
}

/**
 * Turns an id into a string of one character a byte, several times faster than
 * the general way, which spreads it.
 */
function idKey(id: Uint8Array): string {
  return String.fromCharCode(
    id[0]!,
    id[1]!,
    id[2]!,
    id[3]!,
    id[4]!,
    id[5]!,
    id[6]!,
    id[7]!,
    id[8]!,
    id[9]!,
    id[10]!,
    id[11]!,
    id[12]!,
    id[13]!,
    id[14]!,
    id[15]!,
    id[16]!,
    id[17]!,
    id[18]!,
    id[19]!,
  );
}
