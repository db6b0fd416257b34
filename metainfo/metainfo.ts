/**
 * What a torrent file says (BEP 3, 52), and the errors and limits of reading
 * one.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { Magnet } from "./magnet.ts";
import { MERKLE_HASH_LENGTH } from "./merkle.ts";
import type { PieceLayout } from "./piece_layout.ts";
import { toHex } from "../_shared/bytes.ts";

/** What is wrong with a torrent. */
export type MetainfoErrorCode =
  /** The bytes are not bencoded (well enough); see `cause`. */
  | "bad-bencode"
  /** A needed field is not there. */
  | "missing"
  /** A field has another type than it must have. */
  | "wrong-type"
  /** A field has a value that it must not have. */
  | "bad-value"
  /** A limit of the options or of the arithmetic is exceeded. */
  | "too-large"
  /** There is not one hash for each piece. */
  | "bad-pieces"
  /** The piece layers are missing or do not lead to the pieces roots. */
  | "bad-piece-layers"
  /** The meta version is newer than 2. */
  | "unsupported-version"
  /** The v1 and v2 halves of a hybrid torrent describe different files. */
  | "hybrid-mismatch";

/** Bytes are no valid torrent. */
export class MetainfoError extends SyntaxError {
  /** What is wrong. */
  readonly code: MetainfoErrorCode;
  /** Which field, such as `info.files[3].length`; empty for the whole. */
  readonly path: string;

  /**
   * Makes an error.
   *
   * @param code What is wrong.
   * @param path Which field.
   * @param message What is wrong, for people.
   * @param options The cause, if any.
   */
  constructor(
    code: MetainfoErrorCode,
    path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "MetainfoError";
    this.code = code;
    this.path = path;
  }
}

/** Something odd in a torrent that was put right or passed over. */
export interface MetainfoWarning {
  /** What is odd. */
  readonly code:
    /** The bencoding is not canonical. */
    | "not-canonical"
    /** A field that is not needed has another type and was passed over. */
    | "ignored"
    /** A name was changed to be safe. */
    | "renamed"
    /** A symbolic link leads nowhere or out of the torrent and was dropped. */
    | "dropped-symlink"
    /** A piece layer of no file was passed over. */
    | "stray-piece-layer"
    /** Some piece layers are missing. */
    | "missing-piece-layers";
  /** Which field, such as `info.files[3].path`. */
  readonly path: string;
}

/** One file of a torrent. */
export interface MetainfoFile {
  /**
   * The file's path, safe components below the torrent's name that are unique on
   * every file system; empty in a single-file torrent. Where the file lies on a
   * given disk is what {@linkcode diskPaths} says.
   */
  readonly path: readonly string[];
  /** Length in bytes; 0 for a symbolic link. */
  readonly length: number;
  /** Whether it is only padding (BEP 47, attribute `p`). */
  readonly pad: boolean;
  /** Whether it is executable (BEP 47, attribute `x`). */
  readonly executable: boolean;
  /** Whether it is hidden (BEP 47, attribute `h`). */
  readonly hidden: boolean;
  /**
   * For a symbolic link (BEP 47, attribute `l`): the file or folder of this
   * torrent that it leads to, safe components below the torrent's name, with
   * no other link on the way.
   */
  readonly symlink?: readonly string[];
  /** Root of the file's hash tree, 32 bytes (BEP 52); not for empty files. */
  readonly piecesRoot?: Uint8Array;
  /** SHA-1 of the file, 20 bytes, a hint only (BEP 47). */
  readonly sha1?: Uint8Array;
  /** MD5 of the file, 32 hex digits, a hint only (BEP 3). */
  readonly md5?: string;
  /** The components as the torrent has them, as text, where `path` differs. */
  readonly originalPath?: readonly string[];
  /**
   * The last component of `path` before a number was put into it, where another
   * file has that name already, or one that is the same but for case or Unicode
   * form.
   */
  readonly sharedName?: string;
  /** The bytes of the components, where `path` is not UTF-8 of the same. */
  readonly rawPath?: readonly Uint8Array[];
}

/** A parsed torrent. Byte arrays are views of the input. */
export interface Metainfo {
  /** Which protocol it is for: v1 (BEP 3), v2 (BEP 52) or both. */
  readonly version: "v1" | "v2" | "hybrid";
  /** Safe name of the file or folder, never empty. */
  readonly name: string;
  /** The name as the torrent has it, as text, where `name` differs. */
  readonly originalName?: string;
  /** 20 bytes for the wire: the v1 hash, else the truncated v2 hash. */
  readonly infoHash: Uint8Array;
  /** SHA-1 of the info dictionary, 20 bytes; not in a v2-only torrent. */
  readonly infoHashV1?: Uint8Array;
  /** SHA-256 of the info dictionary, 32 bytes; not in a v1-only torrent. */
  readonly infoHashV2?: Uint8Array;
  /** The first 20 bytes of the v2 hash (BEP 52). */
  readonly infoHashV2Truncated?: Uint8Array;
  /** Whether the torrent is one file called `name` rather than a folder. */
  readonly isSingleFile: boolean;
  /** The files in order, pad files of v1 and hybrid torrents included. */
  readonly files: readonly MetainfoFile[];
  /** Where the bytes of the files are in the pieces. */
  readonly layout: PieceLayout;
  /** Bytes of a piece. */
  readonly pieceLength: number;
  /** How many pieces there are. */
  readonly pieceCount: number;
  /** Bytes of all files but the pad files. */
  readonly totalLength: number;
  /** The v1 hashes, 20 bytes a piece (BEP 3); not in a v2-only torrent. */
  readonly pieces?: Uint8Array;
  /**
   * The piece layers (BEP 52), verified: lowercase hex of a pieces root to the
   * hashes, 32 bytes a piece. Only for files longer than a piece.
   */
  readonly pieceLayers?: ReadonlyMap<string, Uint8Array>;
  /** Whether only the trackers of this torrent may give peers (BEP 27). */
  readonly private: boolean;
  /**
   * Where the torrent is from; trackers set it to get an info-hash of their
   * own.
   */
  readonly source?: string;
  /** Free text. */
  readonly comment?: string;
  /** The program that made it. */
  readonly createdBy?: string;
  /** When it was made, in seconds since 1970. */
  readonly creationDate?: number;
  /** The encoding that names are in where they are not UTF-8. */
  readonly encoding?: string;
  /** Tracker URLs in tiers (BEP 12), or the one of `announce`. */
  readonly trackers: readonly (readonly string[])[];
  /** Web seeds (`url-list`, BEP 19), as written, each once. */
  readonly webSeeds: readonly string[];
  /** HTTP seeds (`httpseeds`, BEP 17), as written, each once. */
  readonly httpSeeds: readonly string[];
  /** DHT nodes (BEP 5). */
  readonly nodes: readonly Endpoint[];
  /** Info-hashes of torrents that share files, 20 bytes each (BEP 38). */
  readonly similar: readonly Uint8Array[];
  /** Collections whose torrents share files (BEP 38). */
  readonly collections: readonly string[];
  /**
   * Where to find a newer version (BEP 39). Not to be fetched without asking.
   */
  readonly updateUrl?: string;
  /** The exact bytes of the info dictionary. */
  readonly infoBytes: Uint8Array;
  /** What was odd, at most 100 entries. */
  readonly warnings: readonly MetainfoWarning[];
}

/** Limits and choices of {@linkcode parseMetainfo}. */
export interface ParseMetainfoOptions {
  /**
   * Most bytes of the file.
   *
   * @default {67108864}
   */
  readonly maxLength?: number | undefined;
  /**
   * Most pieces.
   *
   * @default {2097152}
   */
  readonly maxPieces?: number | undefined;
  /**
   * Longest piece, in bytes.
   *
   * @default {2147483647}
   */
  readonly maxPieceLength?: number | undefined;
  /**
   * Most lists and dictionaries inside each other. Nothing recurses.
   *
   * @default {2000}
   */
  readonly maxDepth?: number | undefined;
  /**
   * Most bencoded tokens.
   *
   * @default {3000000}
   */
  readonly maxTokens?: number | undefined;
  /**
   * Most components of a path.
   *
   * @default {1000}
   */
  readonly maxPathDepth?: number | undefined;
  /**
   * Most components of all paths together.
   *
   * @default {3000000}
   */
  readonly maxPathComponents?: number | undefined;
  /**
   * Most files that may need another name because theirs is taken.
   *
   * @default {500}
   */
  readonly maxDuplicateNames?: number | undefined;
  /**
   * Whether names that Windows reserves or forbids are changed, too.
   *
   * @default {false}
   */
  readonly windowsNames?: boolean | undefined;
  /**
   * Whether every v2 file longer than a piece must have its piece layer, as
   * BEP 52 demands. {@linkcode parseInfo} never demands it: layers are outside
   * the info dictionary.
   *
   * @default {true}
   */
  readonly requirePieceLayers?: boolean | undefined;
}

/**
 * The path of a file with the torrent's name before it.
 *
 * @param metainfo A torrent.
 * @param fileIndex Index of the file.
 * @returns `[name]` in a single-file torrent, else `[name, ...path]`.
 * @throws {RangeError} If there is no such file.
 */
export function filePath(metainfo: Metainfo, fileIndex: number): string[] {
  const file = metainfo.files[fileIndex];
  if (file === undefined) {
    throw new RangeError(
      `Cannot use file ${fileIndex}: there are ${metainfo.files.length} files`,
    );
  }
  return [metainfo.name, ...file.path];
}

/**
 * The SHA-1 that a piece must have (BEP 3). Pad bytes count as zeros.
 *
 * @param metainfo A torrent.
 * @param pieceIndex Index of the piece.
 * @returns 20 bytes, or `undefined` in a v2-only torrent.
 * @throws {RangeError} If there is no such piece.
 */
export function pieceHashV1(
  metainfo: Metainfo,
  pieceIndex: number,
): Uint8Array | undefined {
  metainfo.layout.pieceSize(pieceIndex);
  return metainfo.pieces?.subarray(20 * pieceIndex, 20 * pieceIndex + 20);
}

/** What a v2 piece must hash to, see {@linkcode pieceRoot}. */
export interface PieceRoot {
  /** Hash of the piece's subtree, 32 bytes. */
  readonly hash: Uint8Array;
  /**
   * Length of the file, which decides how high the subtree is: give it to
   * `merklePieceHash`.
   */
  readonly fileLength: number;
  /** Bytes of the piece that are hashed: payload only, no padding. */
  readonly length: number;
}

/**
 * The hash that a piece must have in the file's hash tree (BEP 52): its entry
 * in the piece layer, or the pieces root for a file no longer than a piece.
 *
 * @param metainfo A torrent.
 * @param pieceIndex Index of the piece.
 * @returns The hash and what it covers; `undefined` in a v1-only torrent, for
 * a piece of nothing but padding, or where the piece layer is not known.
 * @throws {RangeError} If there is no such piece.
 */
export function pieceRoot(
  metainfo: Metainfo,
  pieceIndex: number,
): PieceRoot | undefined {
  const { layout, pieceLength } = metainfo;
  const fileIndex = layout.fileAt(pieceIndex, 0);
  const { piecesRoot, length: fileLength } = metainfo.files[fileIndex]!;
  if (piecesRoot === undefined) return undefined;
  const index = pieceIndex - layout.filePieces(fileIndex).first;
  const length = Math.min(pieceLength, fileLength - index * pieceLength);
  if (fileLength <= pieceLength) {
    return { hash: piecesRoot, fileLength, length };
  }
  const layer = metainfo.pieceLayers?.get(toHex(piecesRoot));
  if (layer === undefined) return undefined;
  const at = index * MERKLE_HASH_LENGTH;
  const hash = layer.subarray(at, at + MERKLE_HASH_LENGTH);
  return { hash, fileLength, length };
}

/**
 * What a magnet link of a torrent says (BEP 9): both hashes, name, length,
 * trackers, web seeds and DHT nodes.
 *
 * @param metainfo A torrent.
 * @returns The link's fields, for `formatMagnet`.
 */
export function magnetOf(metainfo: Metainfo): Magnet {
  const { infoHash, infoHashV1, infoHashV2 } = metainfo;
  return {
    infoHash,
    ...(infoHashV1 && { infoHashV1 }),
    ...(infoHashV2 && { infoHashV2 }),
    name: metainfo.name,
    length: metainfo.totalLength,
    trackers: [...new Set(metainfo.trackers.flat())],
    webSeeds: metainfo.webSeeds,
    exactSources: [],
    acceptableSources: [],
    manifests: [],
    keywords: [],
    peers: [],
    nodes: metainfo.nodes,
    selectOnly: [],
    otherTopics: [],
    unknown: [],
  };
}
