/**
 * Merkle hashes over the wire (BEP 52): what may be asked, and which answers
 * belong to a question.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import type { HashRange } from "../message.ts";
import {
  MAX_HASH_LAYERS,
  MAX_HASH_REQUEST_LENGTH,
  MAX_HASH_REQUESTS,
} from "../limits.ts";

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

function rangeKey(range: HashRange): string {
  return `${
    toHex(range.piecesRoot)
  }/${range.baseLayer}/${range.index}/${range.length}/${range.proofLayers}`;
}

/** Hash requests of one connection that wait for an answer, both directions. */
export class HashExchange {
  readonly #asked = new Set<string>();
  readonly #owed = new Set<string>();

  /** How many of our requests wait. */
  get outstanding(): number {
    return this.#asked.size;
  }

  /**
   * Notes a request of ours. Returns false when it waits already, is not well
   * formed, or there are too many.
   */
  ask(range: HashRange): boolean {
    if (!isHashRange(range) || this.#asked.size >= MAX_HASH_REQUESTS) {
      return false;
    }
    const key = rangeKey(range);
    if (this.#asked.has(key)) return false;
    this.#asked.add(key);
    return true;
  }

  /**
   * Settles an answer. Returns false when nobody asked, or it has the wrong
   * number of hashes.
   */
  answer(range: HashRange, hashBytes?: number): boolean {
    if (!isHashRange(range) || !this.#asked.delete(rangeKey(range))) {
      return false;
    }
    return hashBytes === undefined ||
      hashBytes === 32 * (range.length + hashProofLength(range));
  }

  /**
   * Takes a request of the peer. Returns whether it is to be served; else it is
   * to be rejected.
   */
  owe(range: HashRange): boolean {
    if (!isHashRange(range) || this.#owed.size >= MAX_HASH_REQUESTS) {
      return false;
    }
    const key = rangeKey(range);
    if (this.#owed.has(key)) return false;
    this.#owed.add(key);
    return true;
  }

  /** Settles a request of the peer. Returns false when it does not wait. */
  settle(range: HashRange): boolean {
    return this.#owed.delete(rangeKey(range));
  }
}
