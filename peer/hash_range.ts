/**
 * Ranges of merkle hashes (BEP 52).
 *
 * @module
 */
import { MAX_HASH_LAYERS, MAX_HASH_REQUEST_LENGTH } from "./limits.ts";
import type { HashRange } from "./message.ts";

/**
 * Tells whether a hash request is well formed (BEP 52): the length is a power
 * of two from 2 to 512 and the index a multiple of it.
 *
 * @param range What is asked for.
 * @returns Whether it may be served.
 */
export function isHashRange(range: HashRange): boolean {
  const { length, index } = range;
  return range.piecesRoot.length === 32 && length >= 2 &&
    length <= MAX_HASH_REQUEST_LENGTH && (length & (length - 1)) === 0 &&
    index % length === 0 && index + length <= 0x100000000 &&
    range.baseLayer < MAX_HASH_LAYERS && range.proofLayers <= MAX_HASH_LAYERS;
}

/**
 * Counts the uncle hashes that follow the run in a hashes message (BEP 52):
 * the layers that the run itself yields are left out.
 *
 * @param range What was asked for.
 * @returns How many hashes prove the run.
 */
export function hashProofLength(range: HashRange): number {
  return Math.max(0, range.proofLayers - (Math.log2(range.length) - 1));
}
