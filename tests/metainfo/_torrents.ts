/** Small valid torrents to bend. */
import { assertThrows } from "@std/assert";
import { type BencodeInput, encodeBencode } from "../../bencode/mod.ts";
import {
  merkleLeaves,
  merklePieceHash,
  merkleRoot,
} from "../../metainfo/merkle.ts";
import { diskPaths } from "../../metainfo/disk_paths.ts";
import {
  type Metainfo,
  MetainfoError,
  type ParseMetainfoOptions,
} from "../../metainfo/metainfo.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { concatBytes, toByteString } from "../../_shared/bytes.ts";
import { payload } from "./_data.ts";

/** Fields of a dictionary. */
export type Fields = Record<string, BencodeInput | undefined>;

/** A v1 info dictionary of one file of 5 bytes. */
export function v1Info(changes: Fields = {}): Fields {
  return {
    length: 5,
    name: "a.txt",
    "piece length": 16384,
    pieces: new Uint8Array(20),
    ...changes,
  };
}

/** A v1 info dictionary of several files. */
export function v1Files(files: BencodeInput[], changes: Fields = {}): Fields {
  let total = 0;
  for (const file of files) {
    total += ((file as Fields)?.length as number | undefined) ?? 0;
  }
  return {
    files,
    name: "dir",
    "piece length": 16384,
    ...changes,
    pieces: changes.pieces ?? new Uint8Array(20 * Math.ceil(total / 16384)),
  };
}

/** A torrent file around an info dictionary. */
export function torrent(
  info: Fields,
  top: Fields = {},
): Uint8Array<ArrayBuffer> {
  return encodeBencode({ ...top, info });
}

/** A file of a v2 tree with its hashes. */
export interface V2File {
  readonly length: number;
  readonly piecesRoot: Uint8Array;
  /** The hashes of its pieces. */
  readonly layer: Uint8Array;
  /** Its properties in the file tree. */
  readonly entry: Fields;
}

/** Makes a file of a v2 tree out of the payload rule. */
export function v2File(length: number, pieceLength = 16384, k = 0): V2File {
  const data = payload(k, length);
  const piecesRoot = length > 0
    ? merkleRoot(merkleLeaves(data))
    : new Uint8Array(32);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < length; at += pieceLength) {
    const leaves = merkleLeaves(data.subarray(at, at + pieceLength));
    pieces.push(merklePieceHash(leaves, pieceLength, length));
  }
  const entry: Fields = { length };
  if (length > 0) entry["pieces root"] = piecesRoot;
  return { length, piecesRoot, layer: concatBytes(pieces), entry };
}

/** A v2 torrent: `files` maps names of the top level to files. */
export function v2Torrent(
  files: Record<string, V2File>,
  changes: Fields = {},
  top: Fields = {},
): Uint8Array<ArrayBuffer> {
  const tree: Fields = {};
  const layers = new Map<string, BencodeInput>();
  const pieceLength = (changes["piece length"] as number) ?? 16384;
  for (const [name, file] of Object.entries(files)) {
    tree[name] = { "": file.entry };
    if (file.length > pieceLength) {
      layers.set(toByteString(file.piecesRoot), file.layer);
    }
  }
  return torrent(
    {
      "file tree": tree,
      "meta version": 2,
      name: "dir",
      "piece length": 16384,
      ...changes,
    },
    { "piece layers": layers, ...top },
  );
}

/** What is wrong with a torrent, and where. */
export function codeOf(
  bytes: Uint8Array,
  options: ParseMetainfoOptions = {},
): string {
  const error = assertThrows(
    () => parseMetainfo(bytes, options),
    MetainfoError,
  );
  return `${error.code} ${error.path}`.trim();
}

export const v1 = (changes: Fields = {}, top: Fields = {}): Metainfo =>
  parseMetainfo(torrent(v1Info(changes), top));
export const paths = (metainfo: Metainfo): string[] =>
  diskPaths(metainfo).map((path) => path.join("/"));
export const warned = (metainfo: Metainfo): string[] =>
  metainfo.warnings.map((w) => `${w.code} ${w.path}`);
