/**
 * Dictionary keys as strings. The same few keys come again and again, so the
 * short ones seen last are kept.
 *
 * @module
 */
import { toByteString } from "../../_shared/bytes.ts";

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
export function readKey(
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
