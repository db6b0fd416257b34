/**
 * A set of IP address ranges with fast look-up, as block lists need it.
 *
 * @module
 */
import { compareBytes, readUint32 } from "../_shared/bytes.ts";
import { isMappedIpv4, tryParseIp, tryParseIpv4 } from "../_shared/address.ts";

/** Where the high half of a 64-bit integer is, in 32-bit words. */
const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0]!;

type Ip = Uint8Array<ArrayBuffer>;

function parseRange(text: string): readonly [Ip, Ip] | undefined {
  const dash = text.indexOf("-");
  if (dash >= 0) {
    const first = tryParseIp(text.slice(0, dash).trim());
    const last = tryParseIp(text.slice(dash + 1).trim());
    if (
      first === undefined || last === undefined ||
      first.length !== last.length || compareBytes(first, last) > 0
    ) return undefined;
    return [first, last];
  }
  const slash = text.indexOf("/");
  const first = tryParseIp((slash < 0 ? text : text.slice(0, slash)).trim());
  if (first === undefined) return undefined;
  const last = first.slice();
  if (slash >= 0) {
    const digits = text.slice(slash + 1).trim();
    const bits = Number(digits);
    if (!/^\d{1,3}$/.test(digits) || bits > first.length * 8) return undefined;
    for (let i = 0; i < first.length; i++) {
      const kept = Math.max(0, Math.min(8, bits - 8 * i));
      const host = 0xff >> kept;
      first[i]! &= ~host;
      last[i]! |= host;
    }
  }
  return [first, last];
}

/** Writes an IPv6 address as two words. */
function putIpv6(words: BigUint64Array, at: number, ip: Ip): void {
  const view = new DataView(ip.buffer, ip.byteOffset, 16);
  words[at] = view.getBigUint64(0);
  words[at + 1] = view.getBigUint64(8);
}

/** Whether the address at one place is at most that at another. */
function isAtMost(
  a: BigUint64Array,
  at: number,
  b: BigUint64Array,
  bt: number,
): boolean {
  return a[at]! < b[bt]! || (a[at] === b[bt] && a[at + 1]! <= b[bt + 1]!);
}

function grown(
  words: BigUint64Array<ArrayBuffer>,
  needed: number,
): BigUint64Array<ArrayBuffer> {
  if (needed <= words.length) return words;
  const larger = new BigUint64Array(Math.max(needed, 2 * words.length));
  larger.set(words);
  return larger;
}

/** Makes a set of ranges that are sorted and apart. */
let makeSet: (
  v4First: Uint32Array,
  v4Last: Uint32Array,
  v6: BigUint64Array,
) => IpSet;

/**
 * Gathers ranges for an {@linkcode IpSet}, 8 bytes each (IPv6: 32).
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { IpSetBuilder } from "@bip/bip/handshake";
 *
 * const builder = new IpSetBuilder();
 * assert(builder.add("192.0.2.0/24"));
 * assert(!builder.add("nobody"));
 * assert(builder.build().has("192.0.2.9"));
 * ```
 */
export class IpSetBuilder {
  /** First and last address of each range, as one integer. */
  #v4 = new BigUint64Array(64);
  #v4Words = new Uint32Array(this.#v4.buffer);
  #v4Count = 0;
  /** First and last address of each range, two integers each. */
  #v6 = new BigUint64Array(64);
  #v6Count = 0;

  /** Ranges added, those that overlap counted apart. */
  get count(): number {
    return this.#v4Count + this.#v6Count;
  }

  /**
   * Adds a range.
   *
   * @param text An address (`192.0.2.1`), a prefix (`10.0.0.0/8`,
   * `2001:db8::/32`) or a range (`192.0.2.1-192.0.2.9`).
   * @returns Whether it was one of these.
   */
  add(text: string): boolean {
    const range = parseRange(text);
    if (range === undefined) return false;
    let [first, last] = range;
    if (isMappedIpv4(first) && isMappedIpv4(last)) {
      first = first.subarray(12);
      last = last.subarray(12);
    }
    if (first.length === 4) {
      this.addIpv4(readUint32(first, 0), readUint32(last, 0));
    } else {
      const at = 4 * this.#v6Count++;
      this.#v6 = grown(this.#v6, at + 4);
      putIpv6(this.#v6, at, first);
      putIpv6(this.#v6, at + 2, last);
    }
    return true;
  }

  /**
   * Adds a range of IPv4 addresses.
   *
   * @param first The first, as a 32-bit integer.
   * @param last The last, no smaller.
   */
  addIpv4(first: number, last: number): void {
    const at = this.#v4Count++;
    if (at === this.#v4.length) {
      this.#v4 = grown(this.#v4, at + 1);
      this.#v4Words = new Uint32Array(this.#v4.buffer);
    }
    this.#v4Words[2 * at + HIGH] = first;
    this.#v4Words[2 * at + 1 - HIGH] = last;
  }

  /**
   * Makes the set of what was added so far.
   *
   * @returns The set; ranges that overlap or touch are one.
   */
  build(): IpSet {
    const count = this.#mergeIpv4();
    const words = this.#v4Words;
    const first = new Uint32Array(count);
    const last = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      first[i] = words[2 * i + HIGH]!;
      last[i] = words[2 * i + 1 - HIGH]!;
    }
    return makeSet(first, last, this.#sortedIpv6());
  }

  /** Sorts and joins in place; returns how many are left. */
  #mergeIpv4(): number {
    this.#v4.subarray(0, this.#v4Count).sort();
    const words = this.#v4Words;
    let kept = 0;
    for (let i = 0; i < this.#v4Count; i++) {
      const first = words[2 * i + HIGH]!;
      const last = words[2 * i + 1 - HIGH]!;
      const before = 2 * kept - 1 - HIGH;
      if (kept > 0 && first <= words[before]! + 1) {
        if (last > words[before]!) words[before] = last;
      } else {
        words[2 * kept + HIGH] = first;
        words[2 * kept + 1 - HIGH] = last;
        kept++;
      }
    }
    return this.#v4Count = kept;
  }

  #sortedIpv6(): BigUint64Array {
    const all = this.#v6;
    const order = Uint32Array.from({ length: this.#v6Count }, (_, i) => 4 * i)
      .sort((a, b) => isAtMost(all, a, all, b) ? -1 : 1);
    const sorted = new BigUint64Array(4 * this.#v6Count);
    let length = 0;
    for (const at of order) {
      if (length > 0 && isAtMost(all, at, sorted, length - 2)) {
        if (isAtMost(sorted, length - 2, all, at + 2)) {
          sorted.set(all.subarray(at + 2, at + 4), length - 2);
        }
      } else {
        sorted.set(all.subarray(at, at + 4), length);
        length += 4;
      }
    }
    return sorted.slice(0, length);
  }
}

/**
 * An immutable set of IPv4 and IPv6 ranges. Look-ups cost the logarithm of its
 * size, a range 8 bytes (IPv6: 32), so lists of a million ranges are fine.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { IpSet } from "@bip/bip/handshake";
 *
 * const set = new IpSet(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);
 * assert(set.has("10.1.2.3"));
 * assert(!set.has("192.0.2.8"));
 * ```
 */
export class IpSet {
  #v4First: Uint32Array;
  #v4Last: Uint32Array;
  #v6: BigUint64Array;

  static {
    makeSet = (v4First, v4Last, v6) => {
      const set = new IpSet([]);
      set.#v4First = v4First;
      set.#v4Last = v4Last;
      set.#v6 = v6;
      return set;
    };
  }

  /**
   * Parses ranges.
   *
   * @param ranges Each as {@linkcode IpSetBuilder.add} takes it.
   * @throws {TypeError} If one of them is no range.
   */
  constructor(ranges: Iterable<string>) {
    this.#v4First = this.#v4Last = new Uint32Array();
    this.#v6 = new BigUint64Array();
    let builder: IpSetBuilder | undefined;
    for (const text of ranges) {
      builder ??= new IpSetBuilder();
      if (!builder.add(text)) {
        throw new TypeError(
          `Cannot parse "${text}" as a range of IP addresses: expected an address, a prefix or first-last`,
        );
      }
    }
    if (builder === undefined) return;
    const built = builder.build();
    this.#v4First = built.#v4First;
    this.#v4Last = built.#v4Last;
    this.#v6 = built.#v6;
  }

  /** How many separate ranges there are. */
  get size(): number {
    return this.#v4First.length + this.#v6.length / 4;
  }

  /** Bytes that the ranges take. */
  get byteLength(): number {
    return 2 * this.#v4First.byteLength + this.#v6.byteLength;
  }

  /**
   * Looks an address up.
   *
   * @param address IPv4 or IPv6 text; a mapped IPv4 address counts as IPv4.
   * @returns Whether it is in one of the ranges; false for a DNS name.
   */
  has(address: string): boolean {
    if (this.size === 0) return false;
    const value = tryParseIpv4(address);
    if (value >= 0) return this.#hasIpv4(value);
    const ip = tryParseIp(address);
    if (ip === undefined) return false;
    if (isMappedIpv4(ip)) return this.#hasIpv4(readUint32(ip, 12));
    const v6 = this.#v6;
    const own = new BigUint64Array(2);
    putIpv6(own, 0, ip);
    // The range after the last one that begins no later.
    let low = 0;
    let high = v6.length / 4;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAtMost(v6, 4 * middle, own, 0)) low = middle + 1;
      else high = middle;
    }
    return low > 0 && isAtMost(own, 0, v6, 4 * low - 2);
  }

  #hasIpv4(value: number): boolean {
    const firsts = this.#v4First;
    let low = 0;
    let high = firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (firsts[middle]! <= value) low = middle + 1;
      else high = middle;
    }
    return low > 0 && value <= this.#v4Last[low - 1]!;
  }
}
