/**
 * What torrent creation takes, and the piece length it would choose.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { BencodeInput } from "../bencode/mod.ts";
import type { HashProgress, HashThreadOptions } from "./hash_options.ts";
import { BLOCK_SIZE } from "./piece_layout.ts";

/** A file or a folder on disk. */
export interface CreatePathSource {
  /** Its path; the last component names it in the torrent. */
  readonly path: string;
}

/** A file in memory. */
export interface CreateBytesSource {
  /** Its path in the torrent. */
  readonly path: readonly string[];
  /** Its content. */
  readonly bytes: Uint8Array;
}

/** A file that arrives as a stream. It is read to its end or cancelled. */
export interface CreateStreamSource {
  /** Its path in the torrent. */
  readonly path: readonly string[];
  /** Its content. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Its length in bytes, when it is known beforehand; then it is checked. */
  readonly length?: number | undefined;
}

/** Where the files of a new torrent come from. */
export type CreateSource =
  | CreatePathSource
  | CreateBytesSource
  | CreateStreamSource;

/** Something in a folder on disk that does not go into a torrent. */
export interface LeftOut {
  /** Path on disk. */
  readonly path: string;
  /**
   * Why: a symbolic link that is skipped (`"symlink"`), leads to no file of the
   * torrent (`"outside"`), nowhere (`"dangling"`) or to a folder that it is in
   * (`"loop"`); a pipe, socket or device (`"not-a-file"`); or a folder with
   * nothing in it (`"empty"`).
   */
  readonly reason:
    | "symlink"
    | "outside"
    | "dangling"
    | "loop"
    | "not-a-file"
    | "empty";
}

/** Options of `createMetainfo`. */
export interface CreateMetainfoOptions extends HashThreadOptions {
  /** What goes into the torrent, in any order; see `createMetainfo`. */
  readonly inputs: readonly CreateSource[];
  /**
   * Name of the torrent: of the single file or of the top folder.
   *
   * @default {the name of the one input, or of the folder that all are in}
   */
  readonly name?: string | undefined;
  /**
   * Which format: BEP 3 (`"v1"`), BEP 52 (`"v2"`), or both in one file
   * (`"hybrid"`). Every client reads v1 and hybrid.
   *
   * @default {"v1"}
   */
  readonly version?: "v1" | "v2" | "hybrid" | undefined;
  /**
   * Bytes of a piece, up to 256 MiB: a multiple of 16 KiB (v1), or a power of
   * two (v2, hybrid).
   *
   * @default {suggestPieceLength(total), or 1 MiB when a length is unknown}
   */
  readonly pieceLength?: number | undefined;
  /**
   * Whether every file but the first is moved to a piece boundary by pad files
   * (BEP 47), in a v1 torrent of several files. Hybrid ones always have them,
   * after the last file, too, as libtorrent writes them.
   *
   * @default {false}
   */
  readonly padFiles?: boolean | undefined;
  /**
   * What to do with symbolic links inside folders. `"skip"` leaves them out.
   * `"follow"` takes what they lead to, wherever that is, but for folders that
   * they are in. `"store"` writes links to files of the same folder as links
   * (BEP 47) and leaves others out. `"refuse"` is an error. A link that is
   * itself an input is followed.
   *
   * @default {"skip"}
   */
  readonly symlinks?: "skip" | "follow" | "store" | "refuse" | undefined;
  /**
   * Decides what is taken from folders on disk: called with the path below the
   * input, with forward slashes, and whether it is a folder. `false` leaves it
   * out, a folder with all that is in it.
   *
   * @default {everything is taken}
   */
  readonly filter?: ((path: string, isFolder: boolean) => boolean) | undefined;
  /**
   * Whether files that their owner may execute are marked (BEP 47, `x`). Only
   * some systems know, so that the info-hash then depends on the system.
   *
   * @default {false}
   */
  readonly executables?: boolean | undefined;
  /**
   * Tracker URLs in tiers, the preferred tier first (BEP 12).
   *
   * @default {[]}
   */
  readonly trackers?: readonly (readonly string[])[] | undefined;
  /**
   * Web seed URLs (BEP 19).
   *
   * @default {[]}
   */
  readonly webSeeds?: readonly string[] | undefined;
  /**
   * DHT nodes to start from (BEP 5).
   *
   * @default {[]}
   */
  readonly nodes?: readonly Endpoint[] | undefined;
  /**
   * Whether peers may only come from the trackers (BEP 27).
   *
   * @default {false}
   */
  readonly private?: boolean | undefined;
  /** A note for readers. */
  readonly comment?: string | undefined;
  /** Where the torrent belongs; part of the info-hash. */
  readonly source?: string | undefined;
  /**
   * Name of the program, or `null` for none.
   *
   * @default {"bip for Deno"}
   */
  readonly createdBy?: string | null | undefined;
  /**
   * When the torrent was made, in seconds since 1970, or `null` for none.
   *
   * @default {now}
   */
  readonly creationDate?: number | null | undefined;
  /**
   * More keys of the torrent, outside of its info-hash.
   *
   * @default {{}}
   */
  readonly extra?: Readonly<Record<string, BencodeInput>> | undefined;
  /**
   * More keys of the info dictionary.
   *
   * @default {{}}
   */
  readonly extraInfo?: Readonly<Record<string, BencodeInput>> | undefined;
  /**
   * Called as the hashing goes on, a few times a second and at the end. The
   * total grows while the length of streams is unknown.
   */
  readonly onProgress?: ((progress: HashProgress) => void) | undefined;
  /** Stops the work; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Longest piece that may be chosen. */
export const MAX_CREATE_PIECE_LENGTH = 256 * 1024 * 1024;

/** Longest piece that the policy chooses. */
const MAX_SUGGESTED = 16 * 1024 * 1024;

/** The policy doubles the piece length while there are more pieces than this. */
const SUGGESTED_PIECES = 2048;

/**
 * The piece length to use for a payload: the smallest power of two from 16 KiB
 * to 16 MiB that makes at most 2048 pieces. Few pieces keep the torrent file
 * and the `have` traffic small; many make sharing start early.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { suggestPieceLength } from "@bip/bip/metainfo";
 *
 * assertEquals(suggestPieceLength(2 ** 30), 2 ** 19);
 * ```
 *
 * @param totalLength Bytes of payload.
 * @returns Bytes of a piece.
 */
export function suggestPieceLength(totalLength: number): number {
  let length = BLOCK_SIZE;
  while (length < MAX_SUGGESTED && totalLength > length * SUGGESTED_PIECES) {
    length *= 2;
  }
  return length;
}
