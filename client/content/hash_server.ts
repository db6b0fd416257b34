/**
 * Serves merkle hashes of a v2 or hybrid torrent out of its piece layers
 * (BEP 52). Nothing is worth a whole tree: of each file the top is kept, and
 * below it a few subtrees of 512 pieces, within a bound in bytes.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import {
  merkleHeight,
  merkleParents,
  merklePieceLayer,
} from "../../metainfo/merkle.ts";
import {
  collectMerkleRange,
  isMerkleRange,
  MAX_MERKLE_RANGE_LENGTH,
} from "../../metainfo/merkle_range.ts";
import type { Metainfo } from "../../metainfo/mod.ts";
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import type { HashRange } from "../../peer/mod.ts";

const HASH_LENGTH = 32;
/** Layers of a subtree: over as many hashes as a request may ask for. */
const SUBTREE_LAYERS: number = Math.log2(MAX_MERKLE_RANGE_LENGTH);
/** Bytes of subtrees that are kept. */
const MAX_CACHE = 4 * 1024 * 1024;
/** Hashes made for one request; the rest of a top is left for the next ones. */
const MAX_WORK = 65_536;
/** Part of the work for a top that is charged to the first peer to ask. */
const FIRST_SHARE = 8;
/** Subtrees that the run of one request may span. */
const MAX_SUBTREES = 8;

/** What is known of one file. */
interface FileTop {
  readonly length: number;
  readonly pieceLayer: Uint8Array;
  /** Roots of the subtrees, and the layers above them; made bit by bit. */
  readonly layers: Uint8Array[];
  /** Subtrees whose roots are made. */
  made: number;
}

/** What a request led to. */
export interface HashAnswer {
  /** The run of hashes and its proof, or `undefined` to refuse. */
  readonly hashes: Uint8Array | undefined;
  /** How many hashes had to be made for it. */
  readonly work: number;
}

/** Answers hash requests of one torrent. */
export class HashServer {
  readonly #metainfo: Metainfo;
  readonly #pieceLayer: number;
  /** Of files by their roots, once asked for. */
  #lengths: ReadonlyMap<string, number> | undefined;
  readonly #tops = new Map<string, FileTop>();
  /** Layers of subtrees above their hashes, by file and index; oldest first. */
  readonly #subtrees = new Map<string, Uint8Array[]>();
  #cached = 0;
  #work = 0;

  constructor(metainfo: Metainfo) {
    this.#metainfo = metainfo;
    this.#pieceLayer = merklePieceLayer(metainfo.pieceLength);
  }

  /** Bytes of subtrees that are kept. */
  get cachedBytes(): number {
    return this.#cached;
  }

  /** Answers a request. */
  answer(range: HashRange): HashAnswer {
    this.#work = 0;
    const hashes = this.#answer(range);
    return { hashes, work: this.#work };
  }

  #answer(range: HashRange): Uint8Array | undefined {
    const key = toHex(range.piecesRoot);
    const top = this.#top(key);
    if (top === undefined || !isMerkleRange(range, top.length)) {
      return undefined;
    }
    const above = range.baseLayer - this.#pieceLayer;
    if (above < 0) {
      // Of the leaves only those behind the end are known.
      return collectMerkleRange(range, top.length, () => undefined);
    }
    if (
      above < SUBTREE_LAYERS &&
      (range.length << above) > MAX_SUBTREES * MAX_MERKLE_RANGE_LENGTH
    ) return undefined;
    if (!this.#makeTop(top)) return undefined;
    return collectMerkleRange(
      range,
      top.length,
      (layer, index) => this.#hashAt(key, top, layer, index),
    );
  }

  #top(key: string): FileTop | undefined {
    const known = this.#tops.get(key);
    if (known !== undefined) return known;
    const pieceLayer = this.#metainfo.pieceLayers?.get(key);
    if (pieceLayer === undefined) return undefined;
    const length = (this.#lengths ??= lengthsOf(this.#metainfo)).get(key);
    if (length === undefined) return undefined;
    const count = Math.ceil(
      pieceLayer.length / (HASH_LENGTH * MAX_MERKLE_RANGE_LENGTH),
    );
    const top = {
      length,
      pieceLayer,
      layers: [new Uint8Array(count * HASH_LENGTH)],
      made: 0,
    };
    this.#tops.set(key, top);
    return top;
  }

  /** Makes the roots of all subtrees and what is above; false for later. */
  #makeTop(top: FileTop): boolean {
    const roots = top.layers[0]!;
    const count = roots.length / HASH_LENGTH;
    if (top.made === count) return true;
    const most = top.made + MAX_WORK / MAX_MERKLE_RANGE_LENGTH;
    while (top.made < Math.min(count, most)) {
      const layers = this.#makeSubtree(top, top.made);
      roots.set(layers.at(-1)!, top.made++ * HASH_LENGTH);
    }
    // Done once for everybody: the first peer to ask pays a part of it.
    this.#work = Math.ceil(this.#work / FIRST_SHARE);
    if (top.made < count) return false;
    const height = merkleHeight(Math.ceil(top.length / BLOCK_SIZE));
    let layer = this.#pieceLayer + SUBTREE_LAYERS;
    for (let below = roots; layer < height; layer++) {
      below = merkleParents(below, layer);
      top.layers.push(below);
    }
    return true;
  }

  /** All layers above some hashes of the piece layer, up to one root. */
  #makeSubtree(top: FileTop, index: number): Uint8Array[] {
    const size = MAX_MERKLE_RANGE_LENGTH * HASH_LENGTH;
    let below = top.pieceLayer.subarray(index * size, (index + 1) * size);
    const layers: Uint8Array[] = [];
    for (let i = 0; i < SUBTREE_LAYERS; i++) {
      below = merkleParents(below, this.#pieceLayer + i);
      layers.push(below);
      this.#work += below.length / HASH_LENGTH;
    }
    return layers;
  }

  #hashAt(
    key: string,
    top: FileTop,
    layer: number,
    index: number,
  ): Uint8Array | undefined {
    const above = layer - this.#pieceLayer;
    if (above === 0) return hashOf(top.pieceLayer, index);
    if (above >= SUBTREE_LAYERS) {
      const layers = top.layers[above - SUBTREE_LAYERS];
      return layers && hashOf(layers, index);
    }
    const perSubtree = 2 ** (SUBTREE_LAYERS - above);
    const layers = this.#subtree(key, top, Math.floor(index / perSubtree));
    return hashOf(layers[above - 1]!, index % perSubtree);
  }

  #subtree(key: string, top: FileTop, index: number): Uint8Array[] {
    const name = `${key}/${index}`;
    const known = this.#subtrees.get(name);
    if (known !== undefined) {
      this.#subtrees.delete(name);
      this.#subtrees.set(name, known);
      return known;
    }
    const made = this.#makeSubtree(top, index);
    this.#subtrees.set(name, made);
    this.#cached += sizeOf(made);
    for (const [oldest, layers] of this.#subtrees) {
      if (this.#cached <= MAX_CACHE) break;
      this.#subtrees.delete(oldest);
      this.#cached -= sizeOf(layers);
    }
    return made;
  }
}

function lengthsOf(metainfo: Metainfo): Map<string, number> {
  const lengths = new Map<string, number>();
  for (const { piecesRoot, length } of metainfo.files) {
    if (piecesRoot !== undefined) lengths.set(toHex(piecesRoot), length);
  }
  return lengths;
}

function hashOf(hashes: Uint8Array, index: number): Uint8Array {
  return hashes.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH);
}

function sizeOf(layers: readonly Uint8Array[]): number {
  return layers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
