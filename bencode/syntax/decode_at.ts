/**
 * The decoder's loop: bytes to a value, in one pass with a stack of its own.
 * Neither depth nor width of the input grows the call stack, and bad bytes
 * throw nothing.
 *
 * @module
 */
import { toByteString } from "../../_shared/bytes.ts";
import { type Fault, LENIENCY_BITS, type ResolvedOptions } from "./limits.ts";
import type { BencodeSyntaxErrorCode } from "../error.ts";
import type {
  BencodeDictionary,
  BencodeLeniency,
  BencodeList,
  BencodeValue,
} from "../types.ts";

const LONGEST_KEPT = 24;
const SLOTS = 256;
const kept: string[] = new Array(SLOTS).fill("");

/**
 * Reads a key.
 *
 * @param bytes The input.
 * @param start Of the key's first byte.
 * @param length Of the key, in bytes; it is inside the input.
 * @returns One character (U+0000 to U+00FF) a byte.
 */
function readKey(
  bytes: Uint8Array,
  start: number,
  length: number,
): string {
  if (length === 0) return "";
  if (length > LONGEST_KEPT) {
    return toByteString(bytes.subarray(start, start + length));
  }
  const slot = (length * 7 + bytes[start]! * 31 +
    bytes[start + length - 1]! * 13 + bytes[start + (length >> 1)]! * 5) &
    (SLOTS - 1);
  const candidate = kept[slot]!;
  if (candidate.length === length) {
    let i = 0;
    while (i < length && candidate.charCodeAt(i) === bytes[start + i]) i++;
    if (i === length) return candidate;
  }
  const key = toByteString(bytes.subarray(start, start + length));
  kept[slot] = key;
  return key;
}

const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const DICTIONARY = 0x64;
const END = 0x65;
const INTEGER = 0x69;
const LIST = 0x6c;

/**
 * Records a fault.
 *
 * @param fault Where to record it.
 * @param code What is wrong.
 * @param offset Where, in bytes from the start of the input.
 * @returns Nothing, for the caller to return.
 */
export function fail(
  fault: Fault,
  code: BencodeSyntaxErrorCode,
  offset: number,
): undefined {
  fault.code = code;
  fault.offset = offset;
  return undefined;
}

/**
 * Decides on a departure from the canonical form: reports it where it is
 * allowed, records a fault where it is not.
 *
 * @param leniency The departure.
 * @param offset Where, in bytes from the start of the input.
 * @param options What is allowed and who is told.
 * @param fault Where to record it.
 * @returns Whether it passes.
 */
export function passes(
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
 * Decodes the value that starts at an offset.
 *
 * @param bytes The input.
 * @param start Of the value.
 * @param end Of what may be read, at most the length of the input.
 * @param options Limits and leniencies.
 * @param fault Gets the offset after the value, or else what is wrong.
 * @returns The value, or `undefined` with `fault` set.
 */
export function decodeAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: ResolvedOptions,
  fault: Fault,
): BencodeValue | undefined {
  const { maxDepth, maxTokens, maxIntegerDigits } = options;
  const { buffer, byteOffset: base } = bytes;
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
      // Several times as fast as subarray(), and plain also of a Buffer.
      value = new Uint8Array(buffer, base + p, length);
      p += length;
    } else if (byte === INTEGER) {
      p++;
      const negative = p < end && bytes[p] === MINUS;
      if (negative) p++;
      const digits = p;
      // Nine digits fit an int32, whose arithmetic is faster.
      let head = 0;
      const headEnd = digits + 9 < end ? digits + 9 : end;
      while (p < headEnd && (byte = bytes[p]!) >= ZERO && byte < COLON) {
        head = (head * 10 + (byte - ZERO)) | 0;
        p++;
      }
      let number = head;
      if (p === headEnd) {
        while (p < end && (byte = bytes[p]!) >= ZERO && byte < COLON) {
          number = number * 10 + (byte - ZERO);
          p++;
        }
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
