/**
 * Bytes to values, at once.
 *
 * @module
 */
import { decodeAt, fail, passes } from "./syntax/decode_at.ts";
import {
  type Fault,
  type ResolvedOptions,
  resolveOptions,
  toSyntaxError,
} from "./syntax/limits.ts";
import type { BencodeValue, DecodeBencodeOptions } from "./types.ts";

function decodeWhole(
  bytes: Uint8Array,
  options: ResolvedOptions,
  fault: Fault,
): BencodeValue | undefined {
  if (bytes.length > options.maxLength) {
    return fail(fault, "too-long", options.maxLength);
  }
  const value = decodeAt(bytes, 0, bytes.length, options, fault);
  if (value === undefined) return undefined;
  return fault.offset === bytes.length ||
      passes("trailing-bytes", fault.offset, options, fault)
    ? value
    : undefined;
}

/**
 * Decodes one value that is the whole input. Source: BEP 3.
 *
 * Byte strings are views of the input, not copies: later changes of the input
 * show in them.
 *
 * @param bytes The bencoded bytes.
 * @param options Limits, and which departures from the canonical form are
 * accepted. Of duplicate keys the first wins.
 * @returns The value.
 * @throws {BencodeSyntaxError} If the bytes are not bencode, not canonical
 * where they must be, or beyond a limit.
 * @throws {RangeError} If a limit is not an integer of at least 0 or Infinity.
 * @throws {TypeError} If the mode is unknown.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeBencode } from "@bip/bip/bencode";
 *
 * assertEquals(decodeBencode(new TextEncoder().encode("li-3ei7ee")), [-3, 7]);
 * ```
 */
export function decodeBencode(
  bytes: Uint8Array,
  options?: DecodeBencodeOptions,
): BencodeValue {
  const fault: Fault = { code: undefined, offset: 0 };
  const value = decodeWhole(bytes, resolveOptions(options), fault);
  if (value === undefined) throw toSyntaxError(fault);
  return value;
}

/**
 * Decodes one value that is the whole input, where junk is normal: nothing is
 * thrown for bad bytes, which makes refusing them cheap. Source: BEP 3.
 *
 * @param bytes The bytes, such as a datagram.
 * @param options As for {@linkcode decodeBencode}.
 * @returns The value, or `undefined` where `decodeBencode` would throw a
 * {@linkcode BencodeSyntaxError}.
 * @throws {RangeError} If a limit is not an integer of at least 0 or Infinity.
 * @throws {TypeError} If the mode is unknown.
 */
export function tryDecodeBencode(
  bytes: Uint8Array,
  options?: DecodeBencodeOptions,
): BencodeValue | undefined {
  const fault: Fault = { code: undefined, offset: 0 };
  return decodeWhole(bytes, resolveOptions(options), fault);
}

/** A value and how many bytes it takes. */
export interface BencodePrefix {
  /** The value. */
  readonly value: BencodeValue;
  /** Its length in the input, in bytes. */
  readonly length: number;
}

/**
 * Decodes the value at the start of the input, whatever follows it: a
 * `ut_metadata` message has a payload behind its dictionary. Source: BEP 3,
 * BEP 9.
 *
 * @param bytes The bencoded bytes and what follows.
 * @param options As for {@linkcode decodeBencode}; `maxLength` bounds the value
 * and not what follows.
 * @returns The value and its length in bytes.
 * @throws {BencodeSyntaxError} If the bytes do not start with bencode, or it
 * is not canonical where it must be, or beyond a limit.
 * @throws {RangeError} If a limit is not an integer of at least 0 or Infinity.
 * @throws {TypeError} If the mode is unknown.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeBencodePrefix } from "@bip/bip/bencode";
 *
 * const bytes = new TextEncoder().encode("i5epayload");
 * assertEquals(decodeBencodePrefix(bytes), { value: 5, length: 3 });
 * ```
 */
export function decodeBencodePrefix(
  bytes: Uint8Array,
  options?: DecodeBencodeOptions,
): BencodePrefix {
  const resolved = resolveOptions(options);
  const fault: Fault = { code: undefined, offset: 0 };
  const end = Math.min(bytes.length, resolved.maxLength);
  const value = decodeAt(bytes, 0, end, resolved, fault);
  if (value === undefined) {
    if (fault.code === "unexpected-end" && end < bytes.length) {
      fault.code = "too-long";
    }
    throw toSyntaxError(fault);
  }
  return { value, length: fault.offset };
}
