/**
 * The hash trees of BitTorrent v2 (BEP 52): leaves of 16 KiB, two children a
 * node, missing leaves all zero.
 *
 * Layers are numbered from the leaves (layer 0) up, as in hash requests. A run
 * of hashes is one byte array, 32 bytes a hash.
 *
 * @module
 */
import { equalBytes } from "../_shared/bytes.ts";
import {
  reduceTree,
  sha256Bytes,
  treeHeight,
  zeroSubtreeRoot,
} from "./sha256.ts";
import { BLOCK_SIZE } from "./piece_layout.ts";

/** Bytes of a SHA-256 hash (BEP 52). */
export const MERKLE_HASH_LENGTH = 32;

/**
 * SHA-256 of something short, such as an info dictionary.
 *
 * @param data What to hash.
 * @returns 32 bytes.
 */
export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256Bytes(data);
}

/** Options of {@linkcode merkleRoot}. */
export interface MerkleRootOptions {
  /**
   * Which layer the hashes belong to: missing ones are roots of zero leaves of
   * this height.
   *
   * @default {0}
   */
  readonly layer?: number | undefined;
  /**
   * How many layers above the hashes the root is. The default is the smallest
   * number that spans them all.
   */
  readonly levels?: number | undefined;
}

/** No tree over a 53-bit length is higher. */
const MAX_LAYER = 53;

/**
 * The hash of a subtree whose leaves are all missing (BEP 52: such leaves are
 * zero).
 *
 * @param layer Layer of the subtree's root, 0 to 53; 0 gives 32 zero bytes.
 * @returns 32 bytes, a new array.
 * @throws {RangeError} If there is no such layer.
 */
export function merklePadHash(layer: number): Uint8Array<ArrayBuffer> {
  checkLayer(layer);
  return new Uint8Array(zeroSubtreeRoot(layer));
}

function checkLayer(layer: number): void {
  if (!Number.isInteger(layer) || layer < 0 || layer > MAX_LAYER) {
    throw new RangeError(
      `Cannot use layer ${layer} of a hash tree: it must be 0 to ${MAX_LAYER}`,
    );
  }
}

function countHashes(hashes: Uint8Array): number {
  const count = hashes.length / MERKLE_HASH_LENGTH;
  if (!Number.isInteger(count) || count === 0) {
    throw new RangeError(
      `Cannot use a run of hashes of ${hashes.length} bytes: it must be a positive multiple of ${MERKLE_HASH_LENGTH}`,
    );
  }
  return count;
}

/**
 * How many layers a tree has above a run of nodes: the smallest `n` with
 * `2 ** n >= count`.
 *
 * @param count How many nodes there are, at least 1.
 * @returns The number of layers above them.
 */
export function merkleHeight(count: number): number {
  return treeHeight(count);
}

/**
 * The root over a run of hashes, padded with zero leaves (BEP 52).
 *
 * @param hashes The hashes of one layer from the left, 32 bytes each, at least
 * one.
 * @param options Which layer they are, how high the root is.
 * @returns 32 bytes.
 * @throws {RangeError} If there is no whole hash or more than fit.
 */
export function merkleRoot(
  hashes: Uint8Array,
  options: MerkleRootOptions = {},
): Uint8Array<ArrayBuffer> {
  const count = countHashes(hashes);
  const { layer = 0, levels = merkleHeight(count) } = options;
  if (!Number.isInteger(levels) || levels < merkleHeight(count)) {
    throw new RangeError(
      `Cannot find a root ${levels} layers above ${count} hashes: that is too low`,
    );
  }
  checkLayer(layer + levels);
  const nodes = new Uint8Array((count + 1) * MERKLE_HASH_LENGTH);
  nodes.set(hashes);
  return reduceTree(nodes, count, layer, layer + levels).slice();
}

/**
 * The parents of a run of hashes: the next layer up (BEP 52).
 *
 * @param hashes The hashes of a layer from the left, 32 bytes each.
 * @param layer Which layer they are.
 * @returns Half as many hashes, rounded up.
 * @throws {RangeError} If there is no whole hash.
 */
export function merkleParents(
  hashes: Uint8Array,
  layer: number,
): Uint8Array<ArrayBuffer> {
  const count = countHashes(hashes);
  const nodes = new Uint8Array((count + 1) * MERKLE_HASH_LENGTH);
  nodes.set(hashes);
  reduceTree(nodes, count, layer, layer + 1);
  return nodes.slice(0, Math.ceil(count / 2) * MERKLE_HASH_LENGTH);
}

/**
 * The leaves over some data: one hash for every 16 KiB, the last block as
 * short as it is (BEP 52).
 *
 * @param data Bytes of a file from a multiple of 16 KiB on.
 * @returns One hash a block, 32 bytes each.
 */
export function merkleLeaves(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const count = Math.ceil(data.length / BLOCK_SIZE);
  const leaves = new Uint8Array(count * MERKLE_HASH_LENGTH);
  for (let i = 0; i < count; i++) {
    const block = data.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE);
    leaves.set(sha256Bytes(block), i * MERKLE_HASH_LENGTH);
  }
  return leaves;
}

/**
 * The layer in which one hash covers a piece (BEP 52).
 *
 * @param pieceLength A power of two, at least 16384.
 * @returns 0 for 16 KiB, 1 for 32 KiB and so on.
 * @throws {RangeError} If it is no such power of two.
 */
export function merklePieceLayer(pieceLength: number): number {
  const layer = Math.log2(pieceLength / BLOCK_SIZE);
  if (!Number.isInteger(layer) || layer < 0) {
    throw new RangeError(
      `Cannot find the piece layer for a piece length of ${pieceLength}: it must be a power of two of at least ${BLOCK_SIZE}`,
    );
  }
  return layer;
}

/**
 * The hash that a piece of a v2 file must have: for a file longer than a piece
 * its entry in the piece layer, else the file's pieces root (BEP 52).
 *
 * @param leaves The leaf hashes of the piece.
 * @param pieceLength Bytes of a piece.
 * @param fileLength Bytes of the file the piece belongs to.
 * @returns 32 bytes.
 * @throws {RangeError} If there are no leaves, more than a piece has, or the
 * piece length is no power of two of at least 16 KiB.
 */
export function merklePieceHash(
  leaves: Uint8Array,
  pieceLength: number,
  fileLength: number,
): Uint8Array<ArrayBuffer> {
  const levels = fileLength > pieceLength
    ? merklePieceLayer(pieceLength)
    : merkleHeight(Math.ceil(fileLength / BLOCK_SIZE));
  return merkleRoot(leaves, { levels });
}

/**
 * Whether a piece layer belongs to a file: it has one hash a piece and leads
 * to the root (BEP 52).
 *
 * @param layer The hashes as found.
 * @param piecesRoot 32 bytes.
 * @param fileLength Bytes of the file.
 * @param pieceLength A power of two, at least 16384.
 * @returns Whether it does.
 */
export function isPieceLayer(
  layer: Uint8Array,
  piecesRoot: Uint8Array,
  fileLength: number,
  pieceLength: number,
): boolean {
  const count = Math.ceil(fileLength / pieceLength);
  return count > 0 && layer.length === count * MERKLE_HASH_LENGTH &&
    equalBytes(
      merkleRoot(layer, { layer: merklePieceLayer(pieceLength) }),
      piecesRoot,
    );
}
