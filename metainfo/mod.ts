/**
 * Torrent files, magnet links, and the arithmetic of pieces: everything that
 * is known about a torrent before the first byte is transferred.
 *
 * - {@linkcode parseMetainfo} reads `.torrent` files of v1, v2 and both, with
 *   every check that can be made without the payload, and safe file names;
 *   {@linkcode parseInfo} reads an info dictionary that peers sent.
 * - {@linkcode editMetainfo} changes trackers, comment and the like; the
 *   info-hash only when told to.
 * - {@linkcode parseMagnet} and {@linkcode formatMagnet} read and write magnet
 *   links, {@linkcode magnetOf} makes one of a torrent.
 * - {@linkcode PieceLayout} knows where each byte of a piece lies;
 *   {@linkcode pieceHashV1}, {@linkcode pieceRoot} and the `merkle` functions
 *   know what it must hash to.
 *
 * @example Read a torrent, make a magnet link
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeBencode } from "@bip/bip/bencode";
 * import { formatMagnet, magnetOf, parseMetainfo } from "@bip/bip/metainfo";
 *
 * const torrent = parseMetainfo(encodeBencode({
 *   announce: "http://tracker.example/announce",
 *   info: {
 *     files: [
 *       { length: 20000, path: ["docs", "a.txt"] },
 *       { length: 3, path: ["..", "b.txt"] },
 *     ],
 *     name: "two",
 *     "piece length": 16384,
 *     pieces: new Uint8Array(40),
 *   },
 * }));
 * assertEquals(torrent.version, "v1");
 * assertEquals(torrent.files.map((file) => file.path.join("/")), [
 *   "docs/a.txt",
 *   "b.txt",
 * ]);
 * assertEquals(torrent.layout.spans(1, 3614, 5), [
 *   { fileIndex: 0, fileOffset: 19998, length: 2, dataOffset: 0, pad: false },
 *   { fileIndex: 1, fileOffset: 0, length: 3, dataOffset: 2, pad: false },
 * ]);
 * assertEquals(
 *   formatMagnet(magnetOf(torrent)),
 *   "magnet:?xt=urn:btih:5d37e6ef4d44afb6f85f7c52be14fbe4bdfc95b1&dn=two&xl=20003" +
 *     "&tr=http%3A%2F%2Ftracker.example%2Fannounce",
 * );
 * ```
 *
 * | BEP | What is here |
 * | --- | --- |
 * | 3 | torrent files, pieces |
 * | 5 | `nodes` |
 * | 9 | magnet links, info dictionaries from peers |
 * | 12 | `announce-list` |
 * | 17, 19 | `httpseeds`, `url-list` |
 * | 27 | `private` |
 * | 38, 39 | `similar`, `collections`, `update-url` |
 * | 47 | pad files, attributes, symbolic links |
 * | 52 | v2 and hybrid torrents, hash trees |
 * | 53 | `so` in magnet links |
 *
 * Permissions: none to read and edit. To create and verify, `--allow-read` for
 * the payload and, to use more than one thread, for this folder where it is a
 * local one.
 *
 * @module
 */
export * from "./create.ts";
export * from "./create_error.ts";
export {
  type CreateBytesSource,
  type CreateMetainfoOptions,
  type CreatePathSource,
  type CreateSource,
  type CreateStreamSource,
  type LeftOut,
  suggestPieceLength,
} from "./create_options.ts";
export {
  type DiskNaming,
  diskPaths,
  type NamedTorrent,
  type RenamedFile,
  renamedFiles,
  type UnportableFile,
  unportableFiles,
} from "./disk_paths.ts";
export * from "./edit.ts";
export type { HashProgress, HashThreadOptions } from "./hash_options.ts";
export * from "./magnet.ts";
export {
  isPieceLayer,
  merkleLeaves,
  merklePieceHash,
  merklePieceLayer,
} from "./merkle.ts";
export {
  collectMerkleRange,
  isMerkleRange,
  isProvedMerkleRange,
  type MerkleLookup,
  type MerkleRange,
} from "./merkle_range.ts";
export * from "./metainfo.ts";
export * from "./parse.ts";
export {
  cleanMagnetText,
  parseMagnet,
  type ParseMagnetOptions,
} from "./parse_magnet.ts";
export * from "./piece_layout.ts";
export { sanitizePath, type SanitizePathOptions } from "./safe_path.ts";
export * from "./verify.ts";
