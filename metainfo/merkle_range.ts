/**
 * Runs of hashes with their proof, as the hash messages of BEP 52 carry them:
 * which ones are asked for, whether an answer is right, and how to answer.
 *
 * @module
 */
import { equalBytes } from "../_shared/bytes.ts";
import {
  MERKLE_HASH_LENGTH,
  merkleHeight,
  merklePadHash,
  merkleRoot,
  sha256,
} from "./merkle.ts";
import { BLOCK_SIZE } from "./piece_layout.ts";

/** Most hashes of one run: BEP 52 says a length should not be above 512. */
export const MAX_MERKLE_RANGE_LENGTH = 512;

/** Which hashes a hash request asks for (BEP 52, messages 21 to 23). */
export interface MerkleRange {
  /** Layer of the run, 0 for leaves. */
  readonly baseLayer: number;
  /** Index of the first hash in its layer, a multiple of `length`. */
  readonly index: number;
  /** How many hashes, a power of two from 2 to 512. */
  readonly length: number;
  /** How many layers above the run are to be proved. */
  readonly proofLayers: number;
}

/** Gives the hash of a node, or `undefined` when it is not known. */
export type MerkleLookup = (
  layer: number,
  index: number,
) => Uint8Array | undefined;

function heightOf(fileLength: number): number {
  return merkleHeight(Math.ceil(fileLength / BLOCK_SIZE));
}

/**
 * Whether a range names hashes of a file's tree. Safe for numbers from the
 * wire.
 *
 * @param range The range.
 * @param fileLength Bytes of the file.
 * @returns Whether its length is a power of two from 2 to 512, its index a
 * multiple of that, and all of it inside the tree.
 */
export function isMerkleRange(range: MerkleRange, fileLength: number): boolean {
  const { baseLayer, index, length, proofLayers } = range;
  const height = heightOf(fileLength);
  if (
    !Number.isInteger(baseLayer) || baseLayer < 0 || baseLayer >= height ||
    !Number.isInteger(proofLayers) || proofLayers < 0 ||
    proofLayers > height - baseLayer
  ) return false;
  return Number.isInteger(length) && length >= 2 &&
    length <= MAX_MERKLE_RANGE_LENGTH && (length & (length - 1)) === 0 &&
    Number.isSafeInteger(index) && index >= 0 && index % length === 0 &&
    index + length <= 2 ** (height - baseLayer);
}

/** Layers of the first uncle and one past the last one. */
function uncleLayers(
  range: MerkleRange,
  height: number,
): { first: number; end: number } {
  const { baseLayer, length, proofLayers } = range;
  const first = baseLayer + Math.log2(length);
  const end = Math.min(baseLayer + proofLayers + 1, height);
  return { first, end: Math.max(first, end) };
}

/**
 * How many hashes the answer to a range holds: the run and one uncle for each
 * layer that needs one (BEP 52).
 *
 * @param range A range for which {@linkcode isMerkleRange} holds.
 * @param fileLength Bytes of the file.
 * @returns The number of hashes.
 */
export function merkleRangeSize(
  range: MerkleRange,
  fileLength: number,
): number {
  const { first, end } = uncleLayers(range, heightOf(fileLength));
  return range.length + end - first;
}

/**
 * Whether the answer to a hash request is right: its hashes lead to the
 * file's pieces root (BEP 52).
 *
 * @param hashes The run, then the uncles from below, 32 bytes each.
 * @param range What was asked for; the proof must reach the root.
 * @param piecesRoot Root of the file, 32 bytes.
 * @param fileLength Bytes of the file.
 * @returns Whether it is right; false for a range that is not valid.
 */
export function isProvedMerkleRange(
  hashes: Uint8Array,
  range: MerkleRange,
  piecesRoot: Uint8Array,
  fileLength: number,
): boolean {
  if (
    !isMerkleRange(range, fileLength) ||
    hashes.length !== merkleRangeSize(range, fileLength) * MERKLE_HASH_LENGTH
  ) return false;
  const { baseLayer, length } = range;
  const height = heightOf(fileLength);
  const { first, end } = uncleLayers(range, height);
  let at = length * MERKLE_HASH_LENGTH;
  let hash = merkleRoot(hashes.subarray(0, at), { layer: baseLayer });
  let index = range.index / length;
  const pair = new Uint8Array(2 * MERKLE_HASH_LENGTH);
  for (let layer = first; layer < end; layer++) {
    const uncle = hashes.subarray(at, at + MERKLE_HASH_LENGTH);
    const isRight = index % 2 === 1;
    pair.set(hash, isRight ? MERKLE_HASH_LENGTH : 0);
    pair.set(uncle, isRight ? 0 : MERKLE_HASH_LENGTH);
    hash = sha256(pair);
    index = Math.floor(index / 2);
    at += MERKLE_HASH_LENGTH;
  }
  return end === height && equalBytes(hash, piecesRoot);
}

/**
 * Answers a hash request (BEP 52). Hashes beyond the end of the file are made
 * here and not looked up.
 *
 * @param range What is asked for.
 * @param fileLength Bytes of the file.
 * @param lookup Gives the hashes of nodes.
 * @returns The run, then the uncles from below; `undefined`, to be answered by
 * a hash reject, when the range is not valid or a hash is not known.
 */
export function collectMerkleRange(
  range: MerkleRange,
  fileLength: number,
  lookup: MerkleLookup,
): Uint8Array<ArrayBuffer> | undefined {
  if (!isMerkleRange(range, fileLength)) return undefined;
  const leafCount = Math.ceil(fileLength / BLOCK_SIZE);
  const size = merkleRangeSize(range, fileLength);
  const result = new Uint8Array(size * MERKLE_HASH_LENGTH);
  let at = 0;
  const add = (layer: number, index: number): boolean => {
    const hash = index * 2 ** layer >= leafCount
      ? merklePadHash(layer)
      : lookup(layer, index);
    if (hash === undefined) return false;
    result.set(hash, at);
    at += MERKLE_HASH_LENGTH;
    return true;
  };
  for (let i = 0; i < range.length; i++) {
    if (!add(range.baseLayer, range.index + i)) return undefined;
  }
  const { first, end } = uncleLayers(range, heightOf(fileLength));
  let index = range.index / range.length;
  for (let layer = first; layer < end; layer++) {
    if (!add(layer, index % 2 === 0 ? index + 1 : index - 1)) return undefined;
    index = Math.floor(index / 2);
  }
  return result;
}
