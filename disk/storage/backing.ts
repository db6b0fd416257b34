/**
 * What a torrent's storage stands on: files, or a store of pieces.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { Awaitable } from "../awaitable.ts";
import type { CheckFilesOptions } from "../check/check.ts";
import type { CheckOptions } from "../check_options.ts";
import type { DiskError } from "../error.ts";
import type { FilePath, FileSystem } from "../file_system.ts";
import type { PieceWrites } from "../pieces/piece_assembler.ts";
import type { PiecesLostEvent, TorrentStorageEvent } from "../storage.ts";
import type { ReserveOptions } from "./reserve.ts";
import type { Clock } from "../../_shared/clock.ts";
import type { BufferPool } from "../pieces/buffer_pool.ts";
import type { CheckQueue } from "../turns.ts";
import type { HashHelper } from "../pieces/hash_helper.ts";
import type { ReadCache } from "../pieces/read_cache.ts";
import type { DiskTimings } from "../timings.ts";

/** What a `ManagedStorage` is given by its manager. */
export interface StorageContext {
  /** Where pieces are kept. */
  readonly backing: Backing;
  /** Memory for pieces. */
  readonly pool: BufferPool;
  /** Memory for served pieces. */
  readonly cache: ReadCache;
  /** Ends what takes long; fired when it is closed. */
  readonly ending: AbortController;
  /** For long checks. */
  readonly clock: Clock;
  /** Whether nothing is ever written. */
  readonly readOnly: boolean;
  /** Queue of file checks, one at a time on each disk. */
  readonly checks: CheckQueue;
  /** Another thread that hashes, if there may be one. */
  readonly helper: HashHelper | undefined;
  /** How long hashes take. */
  readonly timings: DiskTimings;
  /** Threads for checking, this one included. */
  readonly threads: number | undefined;
  /** Takes events instead of the queue. */
  readonly onEvent: ((event: TorrentStorageEvent) => void) | undefined;
  /** Told when it is closed. */
  readonly onClose: () => void;
}

/** Checks some pieces and corrects `have`. */
export type CheckPieces = (pieces: readonly number[]) => Promise<void>;

/** Where the pieces of one torrent are kept. */
export interface Backing extends PieceWrites {
  /** Whether each read costs a way to somewhere else. */
  readonly isFar: boolean;
  /** Where each file is. */
  readonly paths: readonly FilePath[];
  /** What it moves and deletes. */
  readonly ownPlaces: readonly FilePath[];
  /** Payload bytes written. */
  readonly writtenBytes: number;
  /** Bytes read. */
  readonly readBytes: number;
  /** Whether a file is wanted. */
  isWanted(fileIndex: number): boolean;
  /** Selects or deselects a file. */
  setWanted(
    fileIndex: number,
    wanted: boolean,
    readOnly: boolean,
  ): Promise<void>;
  /** Takes the space of wanted files, all by default, if that is wished. */
  reserve?(
    options: ReserveOptions,
    fileIndex?: number,
  ): Promise<void> | undefined;
  /**
   * Finds out anew what is there and has all of it checked, and once more what that
   * shows to be elsewhere. Where files are expected and all are gone it throws.
   */
  recheck(
    check: (pieces?: readonly number[]) => Promise<void>,
    options: Pick<CheckOptions, "expectFiles">,
  ): Promise<void>;
  /** Reads and hashes pieces, all by default. */
  check(have: Bitfield, options: CheckFilesOptions): Promise<void>;
  /** Makes sure that what is verified is in its place; tells what is not. */
  confirm(
    have: Bitfield,
    check: CheckPieces,
    readOnly?: boolean,
  ): Promise<Omit<PiecesLostEvent, "type"> | undefined>;
  /** Told that a piece is verified and written. */
  pieceGood?(pieceIndex: number, have: Bitfield): Promise<void> | undefined;
  /** Files that are complete by a piece, and not under their own names. */
  completedBy?(pieceIndex: number): readonly number[];
  /** Gives a file its own name, if it has not. */
  finish?(fileIndex: number): Promise<void>;
  /** Finds what else is gone when a piece cannot be read. */
  findLost(pieceIndex: number, have: Bitfield): Promise<readonly number[]>;
  /** Waits for the device. */
  sync(): Promise<DiskError[]>;
  /** Describes the state. */
  resumeData(
    have: Bitfield,
    partials: () => Iterable<readonly [number, Bitfield]>,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Moves all files. */
  move(folder: FilePath, target: FileSystem | undefined): Promise<void>;
  /** Gives a file another name. */
  rename(fileIndex: number, path: FilePath): Promise<void>;
  /** Deletes everything; throws the reason of the signal when that ends it. */
  remove(signal?: AbortSignal): Promise<DiskError[]>;
  /** Frees what it holds; after `remove` if that is called. */
  close(): Awaitable<void>;
}
