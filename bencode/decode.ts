/**
 * Bytes to values, in one pass with a stack of its own: neither depth nor
 * width of the input grows the call stack.
 *
 * @module
 */
import { toByteString } from "../_shared/bytes.ts";
import {
  type Fault,
  LENIENCY_BITS,
  type ResolvedOptions,
  resolveOptions,
  toSyntaxError,
} from "./_limits.ts";
import type { BencodeSyntaxErrorCode } from "./error.ts";
import { readKey } from "./_key.ts";
import type {
  BencodeDictionary,
  BencodeLeniency,
  BencodeList,
  BencodeValue,
  DecodeBencodeOptions,
} from "./types.ts";

const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const DICTIONARY = 0x64;
const END = 0x65;
const INTEGER = 0x69;
const LIST = 0x6c;

function fail(
  fault: Fault,
  code: BencodeSyntaxErrorCode,
  offset: number,
): undefined {
  fault.code = code;
  fault.offset = offset;
  return undefined;
}

/** Whether a departure passes; it is reported if so, a fault if not. */
function passes(
  leniency: BencodeLeniency,
  offset: number,
  options: ResolvedOptions,
  fault: Fault,
): boolean {
  if ((options.allowed & LENIENCY_BITS[leniency]) === 0) {
    fail(fault, leniency, offset);
    return false;
  }
  options.onLeniency?.({ leniency, offset });
  return true;
}

/**
 * Decodes the value that starts at an offset. Writes the offset after it, or
 * what is wrong, to `fault`.
 */
function decodeAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: ResolvedOptions,
  fault: Fault,
): BencodeValue | undefined {
  const { maxDepth, maxTokens, maxIntegerDigits } = options;
  const buffer = bytes.buffer;
  const base = bytes.byteOffset;
  // The open container is one of these two; those around it are on the stack.
  let list: BencodeList | undefined;
  let dictionary: BencodeDictionary | undefined;
  const stack: (BencodeList | BencodeDictionary)[] = [];
  // Of each open dictionary, the greatest key so far: a greater one is new.
  let greatest: string | undefined;
  const greatests: (string | undefined)[] = [];
  let depth = 0;
  let tokens = 0;
  let key = "";
  let kept = true;
  let p = start;

  while (true) {
    if (p >= end) return fail(fault, "unexpected-end", end);
    let byte = bytes[p]!;
    let value: BencodeValue;

    if (byte === END) {
      const closed = list ?? dictionary;
      if (closed === undefined) return fail(fault, "invalid-value", p);
      p++;
      if (--depth === 0) {
        fault.offset = p;
        return closed;
      }
      const outer = stack.pop();
      greatest = greatests.pop();
      if (Array.isArray(outer)) {
        list = outer;
        dictionary = undefined;
      } else {
        list = undefined;
        dictionary = outer;
      }
      continue;
    }

    if (dictionary !== undefined) {
      const keyStart = p;
      let length = byte - ZERO;
      if (length < 0 || length > 9) return fail(fault, "invalid-key", p);
      while (++p < end && (byte = bytes[p]!) >= ZERO && byte < COLON) {
        length = length * 10 + (byte - ZERO);
      }
      if (p >= end) return fail(fault, "unexpected-end", end);
      if (byte !== COLON) return fail(fault, "invalid-length", p);
      if (
        bytes[keyStart] === ZERO && p - keyStart > 1 &&
        !passes("leading-zero", keyStart, options, fault)
      ) return undefined;
      p++;
      if (length > end - p) {
        return length > Number.MAX_SAFE_INTEGER
          ? fail(fault, "length-overflow", keyStart)
          : fail(fault, "unexpected-end", end);
      }
      if (++tokens > maxTokens) return fail(fault, "too-many-tokens", keyStart);
      key = readKey(bytes, p, length);
      kept = true;
      if (greatest === undefined || key > greatest) {
        greatest = key;
      } else if (dictionary.has(key)) {
        if (!passes("duplicate-keys", keyStart, options, fault)) return;
        kept = false;
      } else if (!passes("unsorted-keys", keyStart, options, fault)) return;
      p += length;
      if (p >= end) return fail(fault, "unexpected-end", end);
      byte = bytes[p]!;
      if (byte === END) return fail(fault, "missing-value", p);
    }

    const valueStart = p;
    if (++tokens > maxTokens) return fail(fault, "too-many-tokens", p);
    if (byte >= ZERO && byte < COLON) {
      let length = byte - ZERO;
      while (++p < end && (byte = bytes[p]!) >= ZERO && byte < COLON) {
        length = length * 10 + (byte - ZERO);
      }
      if (p >= end) return fail(fault, "unexpected-end", end);
      if (byte !== COLON) return fail(fault, "invalid-length", p);
      if (
        bytes[valueStart] === ZERO && p - valueStart > 1 &&
        !passes("leading-zero", valueStart, options, fault)
      ) return undefined;
      p++;
      if (length > end - p) {
        return length > Number.MAX_SAFE_INTEGER
          ? fail(fault, "length-overflow", valueStart)
          : fail(fault, "unexpected-end", end);
      }
      value = new Uint8Array(buffer, base + p, length);
      p += length;
    } else if (byte === INTEGER) {
      p++;
      const negative = p < end && bytes[p] === MINUS;
      if (negative) p++;
      const digits = p;
      let number = 0;
      while (p < end && (byte = bytes[p]!) >= ZERO && byte < COLON) {
        number = number * 10 + (byte - ZERO);
        p++;
      }
      const count = p - digits;
      if (count > maxIntegerDigits) {
        return fail(fault, "integer-too-long", valueStart);
      }
      if (p >= end) return fail(fault, "unexpected-end", end);
      if (count === 0 || byte !== END) return fail(fault, "invalid-integer", p);
      if (
        count > 1 && bytes[digits] === ZERO &&
        !passes("leading-zero", valueStart, options, fault)
      ) return undefined;
      p++;
      // Rounding is monotonic, so an unsafe integer never looks safe here.
      if (number <= Number.MAX_SAFE_INTEGER) {
        if (negative) {
          if (number !== 0) number = -number;
          else if (!passes("negative-zero", valueStart, options, fault)) return;
        }
        value = number;
      } else {
        const big = BigInt(toByteString(bytes.subarray(digits, p - 1)));
        value = negative ? -big : big;
      }
    } else if (byte === LIST || byte === DICTIONARY) {
      if (depth === maxDepth) return fail(fault, "too-deep", p);
      p++;
      const open = byte === LIST ? [] : new Map<string, BencodeValue>();
      const outer = list ?? dictionary;
      if (outer !== undefined) {
        if (list !== undefined) list.push(open);
        else if (kept) dictionary!.set(key, open);
        stack.push(outer);
        greatests.push(greatest);
      }
      depth++;
      greatest = undefined;
      if (Array.isArray(open)) {
        list = open;
        dictionary = undefined;
      } else {
        list = undefined;
        dictionary = open;
      }
      continue;
    } else {
      return fail(fault, "invalid-value", p);
    }

    if (list !== undefined) {
      list.push(value);
    } else if (dictionary !== undefined) {
      if (kept) dictionary.set(key, value);
    } else {
      fault.offset = p;
      return value;
    }
  }
}

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
 * @param options Limits, and which departures from the canonical form pass. Of
 * duplicate keys the first wins.
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
