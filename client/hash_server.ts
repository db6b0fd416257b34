/**
 * Serves merkle hashes of a v2 or hybrid torrent out of its piece layers
 * (BEP 52).
 *
 * @module
 */
import { concatBytes, equalBytes, toHex } from "../_shared/bytes.ts";
import {
  BLOCK_SIZE,
  MERKLE_HASH_LENGTH,
  merkleHeight,
  merklePadHash,
  merkleParents,
  merklePieceLayer,
  type Metainfo,
} from "../metainfo/mod.ts";
import { hashProofLength, type HashRange } from "../peer/mod.ts";

/** The trees of this many files are kept built. */
const MAX_TREES = 16;

interface Tree {
  /** Layers from the piece layer up to the root. */
  readonly layers: readonly Uint8Array[];
  /** Layers from the leaves of 16 KiB to the root. */
  readonly height: number;
}

/** Answers hash requests of one torrent. */
export class HashServer {
  readonly #metainfo: Metainfo;
  readonly #pieceLayer: number;
  readonly #trees = new Map<string, Tree>();

  /**
   * Makes a server.
   *
   * @param metainfo A torrent with v2 hashes.
   */
  constructor(metainfo: Metainfo) {
    this.#metainfo = metainfo;
    this.#pieceLayer = merklePieceLayer(metainfo.pieceLength);
  }

  /**
   * Answers a request.
   *
   * @param range What is asked for.
   * @returns The run of hashes and its proof, or `undefined` to refuse.
   */
  answer(range: HashRange): Uint8Array | undefined {
    const base = range.baseLayer - this.#pieceLayer;
    const tree = this.#tree(range.piecesRoot);
    if (tree === undefined || base < 0) return undefined;
    const span = Math.log2(range.length);
    const proofs = hashProofLength(range);
    const runLayer = range.baseLayer + span;
    if (
      runLayer + proofs > tree.height ||
      range.index + range.length > 2 ** (tree.height - range.baseLayer)
    ) return undefined;
    const parts: Uint8Array[] = [];
    for (let i = 0; i < range.length; i++) {
      parts.push(this.#hash(tree, base, range.index + i));
    }
    let position = range.index / range.length;
    for (let i = 0; i < proofs; i++) {
      const uncle = position % 2 === 0 ? position + 1 : position - 1;
      parts.push(this.#hash(tree, base + span + i, uncle));
      position = Math.floor(position / 2);
    }
    return concatBytes(parts);
  }

  #hash(tree: Tree, level: number, index: number): Uint8Array {
    const at = index * MERKLE_HASH_LENGTH;
    const layer = tree.layers[level]!;
    return at < layer.length
      ? layer.subarray(at, at + MERKLE_HASH_LENGTH)
      : merklePadHash(this.#pieceLayer + level);
  }

  #tree(piecesRoot: Uint8Array): Tree | undefined {
    const key = toHex(piecesRoot);
    const known = this.#trees.get(key);
    if (known !== undefined) return known;
    const layer = this.#metainfo.pieceLayers?.get(key);
    const file = this.#metainfo.files.find(({ piecesRoot: root }) =>
      root !== undefined && equalBytes(root, piecesRoot)
    );
    if (layer === undefined || file === undefined) return undefined;
    const height = merkleHeight(Math.ceil(file.length / BLOCK_SIZE));
    const layers: Uint8Array[] = [layer];
    for (let at = this.#pieceLayer; at < height; at++) {
      layers.push(merkleParents(layers[layers.length - 1]!, at));
    }
    const tree = { layers, height };
    if (this.#trees.size >= MAX_TREES) {
      const [oldest] = this.#trees.keys();
      this.#trees.delete(oldest!);
    }
    this.#trees.set(key, tree);
    return tree;
  }
}
