/**
 * What a torrent's storage takes, does and tells.
 *
 * @module
 */
import type { Bitfield } from "../_shared/bitfield.ts";
import type { PieceLayout } from "../metainfo/piece_layout.ts";
import type { CheckOptions, ReserveProgress } from "./check_options.ts";
import type { DiskError } from "./error.ts";
import type { FilePath, FileSystem } from "./file_system.ts";

/** What a storage needs to know of a torrent. */
export interface StorageTorrent {
  /** 20-byte info-hash, the key of the torrent. */
  readonly infoHash: Uint8Array;
  /** Pieces and files; both in the order of `paths`. */
  readonly layout: PieceLayout;
  /** Where each file goes below the base folder; pad files are never used. */
  readonly paths: readonly FilePath[];
  /** SHA-1 of every piece, 20 bytes each (BEP 3); absent for v2-only. */
  readonly pieces?: Uint8Array | undefined;
  /**
   * The SHA-256 hash that a piece must have (BEP 52), as `pieceRoot` of the
   * metainfo module gives it; absent for v1-only, `undefined` where it is not
   * known. A piece without any hash is never good.
   *
   * @param pieceIndex Which piece.
   * @returns The hash of its subtree.
   */
  readonly pieceRoot?:
    | ((pieceIndex: number) => StoragePieceRoot | undefined)
    | undefined;
}

/** What a v2 piece must hash to (BEP 52). */
export interface StoragePieceRoot {
  /**
   * 32 bytes: its entry in the piece layer, or the pieces root of a file that
   * is no longer than a piece.
   */
  readonly hash: Uint8Array;
  /** Length of the file, which decides how high the subtree is. */
  readonly fileLength: number;
}

/** What {@linkcode TorrentStorage.writeBlock} did with a block. */
export type WriteBlockResult =
  /** It was taken. */
  | "accepted"
  /** All of it was there already. */
  | "duplicate"
  /** The piece is verified and stays as it is. */
  | "have"
  /** There is no room until files can be written again: ask for it later. */
  | "refused";

/** A piece is verified and written: it may be announced. */
export interface PieceGoodEvent {
  /** Which event. */
  readonly type: "piece-good";
  /** Which piece. */
  readonly pieceIndex: number;
  /**
   * SHA-1 of each of its blocks, 20 bytes each, when an earlier attempt at the
   * piece was bad: where they differ, the earlier block was wrong.
   */
  readonly blockDigests?: Uint8Array | undefined;
}

/** A piece was whole but wrong; all of its blocks are wanted again. */
export interface PieceBadEvent {
  /** Which event. */
  readonly type: "piece-bad";
  /** Which piece. */
  readonly pieceIndex: number;
  /**
   * `hash`: the bytes that came in are wrong. `lost`: bytes that had been
   * written out early were gone when read back; no peer is at fault.
   * `contradiction`: the bytes are right by one of a hybrid's hashes and wrong
   * by the other; the torrent itself is wrong.
   */
  readonly reason: "hash" | "lost" | "contradiction";
  /** SHA-1 of each of its blocks, 20 bytes each; with `hash` only. */
  readonly blockDigests?: Uint8Array | undefined;
}

/** A file could not be read or written. */
export interface StorageErrorEvent {
  /** Which event. */
  readonly type: "error";
  /** What happened. */
  readonly error: DiskError;
  /** Whether writing waits for {@linkcode TorrentStorage.resume}. */
  readonly paused: boolean;
}

/**
 * Verified pieces cannot be read any more: files are gone, shorter than they
 * were, or damaged. They are no longer in `have` and can be written again.
 */
export interface PiecesLostEvent {
  /** Which event. */
  readonly type: "pieces-lost";
  /** Which pieces. */
  readonly pieces: readonly number[];
  /** What happened. */
  readonly error: DiskError;
}

/**
 * Files were found that are longer than they should be though they are part of
 * the torrent. Unless the torrent is only read, they are cut after this.
 */
export interface SurplusEvent {
  /** Which event. */
  readonly type: "surplus";
  /** Indices of the files. */
  readonly files: readonly number[];
}

/**
 * Files cannot be read, of a torrent that is only read: they count as missing.
 */
export interface UnreadableEvent {
  /** Which event. */
  readonly type: "unreadable";
  /** Indices of the files. */
  readonly files: readonly number[];
  /** What happened with the first. */
  readonly error: DiskError;
}

/** What a torrent's storage tells. */
export type TorrentStorageEvent =
  | PieceGoodEvent
  | PieceBadEvent
  | PiecesLostEvent
  | SurplusEvent
  | UnreadableEvent
  | StorageErrorEvent;

/**
 * How files take space. `sparse`: a file has its full length from its first
 * write on, and takes space as pieces come. `full`: all space is taken before
 * anything is fetched, by writing zeros, so that a full disk is told at once.
 * `compact`: a file never holds more than what came, without gaps: pieces that
 * come early wait in the part file.
 */
export type FileAllocation = "sparse" | "full" | "compact";

/** Options of `DiskManager.add`. */
export interface DiskAddOptions extends CheckOptions {
  /**
   * How to treat existing files: `verify` hashes them; `assume-empty` takes
   * nothing as good; `trust` takes everything as good without looking; `resume`
   * trusts the resume data where files match it and hashes the rest.
   *
   * @default {"verify"}
   */
  readonly existing?:
    | "verify"
    | "assume-empty"
    | "trust"
    | "resume"
    | undefined;
  /** What {@linkcode TorrentStorage.resumeData} gave. */
  readonly resume?: Uint8Array | undefined;
  /** Files not to be created. @default {none} */
  readonly skippedFiles?: ReadonlySet<number> | undefined;
  /**
   * Whether files may be overwritten that cannot be part of the torrent: where
   * there is no resume data, and not one good piece in a file that is not empty
   * and of another length.
   *
   * @default {false}
   */
  readonly overwrite?: boolean | undefined;
  /** Folder below the base folder. @default {[]} */
  readonly folder?: FilePath | undefined;
  /**
   * Whether to write nothing at all, as for seeding.
   *
   * @default {false}
   */
  readonly readOnly?: boolean | undefined;
  /** How files take space. @default {"sparse"} */
  readonly allocation?: FileAllocation | undefined;
  /**
   * What names of files end with until they are complete, such as `.part`. Files
   * that are found under their own names keep them. A name that would be too long,
   * or another file's, goes without. A complete file is not renamed where something
   * has its name: {@linkcode TorrentStorage.confirm} fails then.
   *
   * @default {""}
   */
  readonly incompleteSuffix?: string | undefined;
  /**
   * Called from time to time while space is taken.
   *
   * @param progress Bytes taken so far, and in all.
   */
  readonly onReserve?: ((progress: ReserveProgress) => void) | undefined;
  /**
   * Called synchronously for each event, mostly from inside `writeBlock`,
   * instead of `events()`. Must not throw.
   *
   * @param event What happened.
   */
  readonly onEvent?: ((event: TorrentStorageEvent) => void) | undefined;
}

/** Options of {@linkcode TorrentStorage.resumeData}. */
export interface ResumeDataOptions {
  /**
   * Whether blocks of incomplete pieces are written out first, so that they are
   * part of it. They stay in memory, too.
   *
   * @default {true}
   */
  readonly flush?: boolean | undefined;
}

/** Options of {@linkcode TorrentStorage.move}. */
export interface MoveOptions {
  /**
   * Another file system to move to: files are copied, then removed here.
   * Without it they are renamed.
   */
  readonly fileSystem?: FileSystem | undefined;
}

/** Options of {@linkcode TorrentStorage.remove}. */
export interface RemoveOptions {
  /**
   * Whether the files and the folders that are empty then are deleted.
   *
   * @default {false}
   */
  readonly deleteFiles?: boolean | undefined;
  /** Ends the deletion of files early; the rest of them stays. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@linkcode TorrentStorage.readBlock}. */
export interface ReadBlockOptions {
  /**
   * Whether the caller copies or sends the bytes before it awaits anything.
   * Their memory is reused after that, which makes serving much cheaper.
   *
   * @default {false}
   */
  readonly brief?: boolean | undefined;
}

/** What a torrent's storage holds. */
export interface StorageStats {
  /** Payload bytes of verified pieces. */
  readonly verifiedBytes: number;
  /** Pieces that are being assembled. */
  readonly partialPieces: number;
  /** Bytes of buffers of these pieces. */
  readonly bufferedBytes: number;
  /** Payload bytes written to files since it was added. */
  readonly writtenBytes: number;
  /** Bytes read from files since it was added. */
  readonly readBytes: number;
  /** Pieces that turned out bad. */
  readonly badPieces: number;
}

/**
 * The stored part of one torrent. Made by `DiskManager.add`.
 *
 * Blocks are taken in any order and size. When a piece is whole it is hashed
 * and, if right, written; only then its bit is set in `have`. A verified piece
 * is never written to again, and nothing else is ever served.
 */
export interface TorrentStorage extends AsyncDisposable {
  /** What is stored. */
  readonly torrent: StorageTorrent;
  /** The pieces that are verified and written. To be read only. */
  readonly have: Bitfield;
  /**
   * `ready`; `checking` while it does something to all files, when blocks are
   * taken but not written; `paused` after an error until resumed; `closed`.
   */
  readonly state: "ready" | "checking" | "paused" | "closed";
  /** What paused it. */
  readonly error: DiskError | undefined;
  /**
   * Defined while too many bytes wait in memory: sockets should not be read
   * until it resolves. Shared by all torrents of a
   * budget.
   */
  readonly pressure: Promise<void> | undefined;
  /**
   * What happens, for one reader; nothing when `onEvent` was given.
   *
   * @returns Events since the torrent was added, the oldest lost first when more than
   * two a piece wait. They end with the storage, or when the loop is left.
   */
  events(): AsyncIterable<TorrentStorageEvent>;
  /**
   * Takes a block. The bytes are copied before it returns; whatever follows
   * from them (hashing, writing, events) happens at once with a file system
   * that answers at once.
   *
   * @param pieceIndex Which piece.
   * @param blockOffset Where the block starts in the piece.
   * @param data The bytes, at least one.
   * @param isDue Whether its piece is not to wait for others to be written with.
   * @returns What was done with it.
   * @throws {DiskError} `out-of-bounds`, `read-only` or `closed`.
   */
  writeBlock(
    pieceIndex: number,
    blockOffset: number,
    data: Uint8Array,
    isDue?: boolean,
  ): WriteBlockResult;
  /**
   * Reads bytes of a verified piece; padding reads as zeros.
   *
   * @param pieceIndex Which piece.
   * @param blockOffset Where to start in the piece.
   * @param length How many bytes, at least 1.
   * @param options Whether the bytes are kept.
   * @returns The bytes, at once when they are cached or the file system
   * answers at once. They stay as they are (unless `brief`) and must not be
   * changed.
   * @throws {DiskError} `not-verified`, `out-of-bounds`, `closed`, or why the
   * file cannot be read; thrown or rejected. The piece is lost then, if it is
   * not only that too many files are open.
   */
  readBlock(
    pieceIndex: number,
    blockOffset: number,
    length: number,
    options?: ReadBlockOptions,
  ): Uint8Array | Promise<Uint8Array>;
  /**
   * Which blocks of 16 KiB of an incomplete piece need not be asked for.
   *
   * @param pieceIndex Which piece.
   * @returns One bit a block (blocks of nothing but padding are set);
   * `undefined` when all are missing.
   */
  blocksOf(pieceIndex: number): Bitfield | undefined;
  /**
   * The pieces that are being assembled.
   *
   * @returns Their indices, in no order.
   */
  partialPieces(): number[];
  /**
   * Tries again what an error had stopped. Nothing was lost meanwhile.
   *
   * @returns Whether it goes on; if not, there was another error event.
   */
  resume(): Promise<boolean>;
  /**
   * Reads and hashes everything again, once it is this torrent's turn. Blocks
   * of incomplete pieces are forgotten. Updates `have` piece by piece, without
   * events for each piece.
   *
   * @param options Progress, pause and abort.
   * @throws {DiskError} If files cannot be read other than for being missing or
   * short. The reason of the signal if it was aborted: pieces that were not
   * looked at by then stay as they were.
   */
  recheck(options?: CheckOptions): Promise<void>;
  /**
   * Makes sure that the files at their paths are complete and the ones that
   * were written. Others are checked again; pieces found lost are also reported
   * as an event.
   *
   * @throws {DiskError} `replaced` if pieces were lost, with the files.
   */
  confirm(): Promise<void>;
  /**
   * Whether a file is wanted.
   *
   * @param fileIndex Which file.
   * @returns False for a deselected file.
   * @throws {DiskError} `out-of-bounds` if there is no such file.
   */
  isFileWanted(fileIndex: number): boolean;
  /**
   * Selects or deselects a file. A deselected file is never made: its share of
   * pieces at the border goes to one hidden part file and is put in place when
   * the file is selected. A file that exists stays.
   *
   * @param fileIndex Which file.
   * @param wanted Whether it is wanted.
   * @throws {DiskError} If the bytes cannot be moved; `taken` if another torrent
   * has the file, `foreign-file` if something else is in its place.
   */
  setFileWanted(fileIndex: number, wanted: boolean): Promise<void>;
  /**
   * Writes out what is there of incomplete pieces.
   *
   * @throws {DiskError} If it fails; nothing is lost then.
   */
  flush(): Promise<void>;
  /**
   * Waits until everything written so far is on the device.
   *
   * @throws {AggregateError} Of one DiskError for each file that failed.
   */
  sync(): Promise<void>;
  /**
   * Describes the state so that it need not be checked the next time.
   *
   * @param options Whether blocks of incomplete pieces are part of it.
   * @returns Bytes for `existing: "resume"`; see `saveResumeData`.
   * @throws {DiskError} If files cannot be looked at.
   */
  resumeData(options?: ResumeDataOptions): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Moves all files below another folder. Blocks may come meanwhile.
   *
   * @param folder Components below the base folder; none for the base itself.
   * @param options Another file system.
   * @throws {DiskError} If it fails, or the storage is closed meanwhile; `taken` if
   * another torrent has files there. The files are where they were then.
   */
  move(folder: FilePath, options?: MoveOptions): Promise<void>;
  /** Paths of files below the base folder; pad files are nowhere. */
  readonly paths: readonly FilePath[];
  /** What it moves and deletes: its own files by their present names, the part file. */
  readonly ownPlaces: readonly FilePath[];
  /**
   * Renames a file within the torrent's folder. Blocks may come meanwhile.
   *
   * @param fileIndex Which file.
   * @param path Its new path; no other file of the torrent may have it.
   * @throws {DiskError} `out-of-bounds` if there is no such file, `unsafe-path`
   * also for a name of more than 255 bytes, `exists` if something is there,
   * `taken` if another torrent has it, or why it cannot be renamed; the file is where it was then.
   */
  renameFile(fileIndex: number, path: FilePath): Promise<void>;
  /**
   * Closes the storage: writes out what is buffered, frees its memory, ends
   * `events`. More calls return the same promise.
   *
   * @throws {DiskError} If the last bytes cannot be written. It is closed then
   * all the same.
   */
  close(): Promise<void>;
  /**
   * Closes it and takes it out of its manager.
   *
   * @param options Whether to delete the files.
   * @throws {AggregateError} Of one DiskError for each file that is left. The
   * reason of the signal if it was aborted.
   */
  remove(options?: RemoveOptions): Promise<void>;
  /**
   * What it holds.
   *
   * @returns A snapshot.
   */
  stats(): StorageStats;
}
