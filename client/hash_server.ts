/**
 * Serves merkle hashes of a v2 or hybrid torrent out of its piece layers
 * (BEP 52).
 *
 * @module
 */
import { equalBytes, toHex } from "../_shared/bytes.ts";
import { FileHashTree } from "../metainfo/merkle_range.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { HashRange } from "../peer/mod.ts";

/** The trees of this many files are kept built. */
const MAX_TREES = 16;

/** Answers hash requests of one torrent. */
export class HashServer {
  readonly #metainfo: Metainfo;
  readonly #trees = new Map<string, FileHashTree>();

  /**
   * Makes a server.
   *
   * @param metainfo A torrent with v2 hashes.
   */
  constructor(metainfo: Metainfo) {
    this.#metainfo = metainfo;
  }

  /**
   * Answers a request.
   *
   * @param range What is asked for.
   * @returns The run of hashes and its proof, or `undefined` to refuse.
   */
  answer(range: HashRange): Uint8Array | undefined {
    return this.#tree(range.piecesRoot)?.answer(range);
  }

  #tree(piecesRoot: Uint8Array): FileHashTree | undefined {
    const key = toHex(piecesRoot);
    const known = this.#trees.get(key);
    if (known !== undefined) return known;
    const { pieceLayers, pieceLength, files } = this.#metainfo;
    const pieceLayer = pieceLayers?.get(key);
    const file = files.find(({ piecesRoot: root }) =>
      root !== undefined && equalBytes(root, piecesRoot)
    );
    if (pieceLayer === undefined || file === undefined) return undefined;
    const tree = new FileHashTree({
      fileLength: file.length,
      pieceLength,
      piecesRoot,
      pieceLayer,
    });
    if (this.#trees.size >= MAX_TREES) {
      const [oldest] = this.#trees.keys();
      this.#trees.delete(oldest!);
    }
    this.#trees.set(key, tree);
    return tree;
  }
}
