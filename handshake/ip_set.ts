/**
 * A set of IP address ranges with fast look-up, as block lists need it.
 *
 * @module
 */
import { compareBytes, readUint32 } from "../_shared/bytes.ts";
import { isMappedIpv4, tryParseIp } from "../_shared/address.ts";

interface Range {
  readonly first: Uint8Array;
  last: Uint8Array;
}

function parseRange(text: string): Range | undefined {
  const dash = text.indexOf("-");
  if (dash >= 0) {
    const first = tryParseIp(text.slice(0, dash).trim());
    const last = tryParseIp(text.slice(dash + 1).trim());
    if (
      first === undefined || last === undefined ||
      first.length !== last.length || compareBytes(first, last) > 0
    ) return undefined;
    return { first, last };
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
  return { first, last };
}

/** Sorts ranges and joins those that overlap or are nested. */
function merge(ranges: Range[]): Range[] {
  ranges.sort((a, b) => compareBytes(a.first, b.first));
  const result: Range[] = [];
  for (const range of ranges) {
    const previous = result.at(-1);
    if (
      previous !== undefined && compareBytes(range.first, previous.last) <= 0
    ) {
      if (compareBytes(range.last, previous.last) > 0) {
        previous.last = range.last;
      }
    } else result.push({ first: range.first, last: range.last });
  }
  return result;
}

/**
 * An immutable set of IPv4 and IPv6 ranges. Look-ups cost the logarithm of its
 * size, so lists of a million ranges are fine.
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
  readonly #v4First: Uint32Array;
  readonly #v4Last: Uint32Array;
  readonly #v6: readonly Range[];

  /**
   * Parses ranges.
   *
   * @param ranges Each an address (`192.0.2.1`), a prefix (`10.0.0.0/8`,
   * `2001:db8::/32`) or a range (`192.0.2.1-192.0.2.9`).
   * @throws {TypeError} If one of them is none of these.
   */
  constructor(ranges: Iterable<string>) {
    const v4: Range[] = [];
    const v6: Range[] = [];
    for (const text of ranges) {
      const range = parseRange(text);
      if (range === undefined) {
        throw new TypeError(
          `Cannot parse "${text}" as a range of IP addresses: expected an address, a prefix or first-last`,
        );
      }
      if (range.first.length === 4) v4.push(range);
      else if (isMappedIpv4(range.first) && isMappedIpv4(range.last)) {
        v4.push({
          first: range.first.subarray(12),
          last: range.last.subarray(12),
        });
      } else v6.push(range);
    }
    const merged = merge(v4);
    this.#v4First = Uint32Array.from(merged, (r) => readUint32(r.first, 0));
    this.#v4Last = Uint32Array.from(merged, (r) => readUint32(r.last, 0));
    this.#v6 = merge(v6);
  }

  /** How many separate ranges there are. */
  get size(): number {
    return this.#v4First.length + this.#v6.length;
  }

  /**
   * Looks an address up.
   *
   * @param address IPv4 or IPv6 text; a mapped IPv4 address counts as IPv4.
   * @returns Whether it is in one of the ranges; false for a DNS name.
   */
  has(address: string): boolean {
    let bytes: Uint8Array | undefined = tryParseIp(address);
    if (bytes === undefined) return false;
    if (isMappedIpv4(bytes)) bytes = bytes.subarray(12);
    if (bytes.length === 4) {
      const value = readUint32(bytes, 0);
      const index = lastIndex(
        this.#v4First.length,
        (i) => this.#v4First[i]! <= value,
      );
      return index >= 0 && value <= this.#v4Last[index]!;
    }
    const ip = bytes;
    const index = lastIndex(
      this.#v6.length,
      (i) => compareBytes(this.#v6[i]!.first, ip) <= 0,
    );
    return index >= 0 && compareBytes(ip, this.#v6[index]!.last) <= 0;
  }
}

/** The last index that holds, when all that hold come first; -1 for none. */
function lastIndex(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
