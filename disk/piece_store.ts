/**
 * The interface between verified pieces and what keeps them, for storages that
 * are not made of files.
 *
 * @module
 */
import type { Awaitable } from "./awaitable.ts";
import type { PieceLayout } from "../metainfo/piece_layout.ts";
import type { StorageTorrent } from "./storage.ts";

/** A run of bytes of a piece. */
export interface PieceRun {
  /** Where it starts in the piece. */
  readonly offset: number;
  /** The bytes; not to be used once the call is done. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What {@linkcode PieceStore.find} found. */
export interface FoundPieces {
  /** Pieces that were verified before they were stored, and are as they were. */
  readonly good: Iterable<number>;
  /** Pieces that may be good: they are read and hashed. @default {none} */
  readonly doubtful?: Iterable<number> | undefined;
}

/** Options of {@linkcode PieceStorage.open}. */
export interface PieceStoreOptions {
  /** Whether nothing is to be written, as for seeding. @default {false} */
  readonly readOnly?: boolean | undefined;
  /**
   * Whether what lies where files go, and is no part of the torrent, may be
   * replaced.
   *
   * @default {false}
   */
  readonly overwrite?: boolean | undefined;
  /** Ends the opening. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A place for the pieces of torrents: a database, a bucket, whatever keeps
 * bytes. Any implementation passes `testPieceStorage` of `testing/`.
 */
export interface PieceStorage {
  /**
   * How many pieces beside each other are best written at once. They are asked for
   * together where nothing else decides; those that are verified wait for each
   * other some seconds, while there is memory. For stores without `writeRange`.
   *
   * @default {1}
   */
  readonly runPieces?: ((layout: PieceLayout) => number) | undefined;
  /**
   * Opens the place of one torrent.
   *
   * @param torrent What is, or will be, stored.
   * @param options Whether it is only read.
   * @returns Its store.
   * @throws {DiskError} If it cannot be opened.
   */
  open(
    torrent: StorageTorrent,
    options?: PieceStoreOptions,
  ): Awaitable<PieceStore>;
}

/**
 * The pieces of one torrent. Calls may overlap, but a piece is not read before
 * its write is done. Results may be returned at once or as promises; whatever
 * waits for a promise of a write counts against the memory for pieces, and
 * sockets are not read while that is full. Padding is never written, and pieces of
 * nothing but padding are neither written nor read.
 */
export interface PieceStore {
  /**
   * Finds out what is there.
   *
   * @param signal Ends the search.
   * @returns Indices of pieces.
   * @throws {DiskError} If it cannot be found out.
   */
  find(signal?: AbortSignal): Awaitable<FoundPieces>;
  /**
   * Stores a verified piece, or a run of them. It is there, also after a crash, once
   * this is done.
   *
   * @param pieceIndex Which piece.
   * @param runs Its bytes in order, all but padding and what
   * {@linkcode PieceStore.writeRange} was given before.
   * @param count How many pieces from that one on; offsets go on from the end of
   * one in the next. More than 1 only for a storage with
   * {@linkcode PieceStorage.runPieces}.
   * @throws {DiskError} If it fails; the same pieces may come again.
   */
  writePiece(
    pieceIndex: number,
    runs: readonly PieceRun[],
    count?: number,
  ): Awaitable<void>;
  /**
   * Takes unverified bytes of an incomplete piece when memory gets short. Without
   * it incomplete pieces are dropped then, and fetched again.
   *
   * @param pieceIndex Which piece.
   * @param offset Where the bytes start in the piece.
   * @param bytes The bytes; not to be used once the call is done.
   * @throws {DiskError} If it fails.
   */
  writeRange?:
    | ((
      pieceIndex: number,
      offset: number,
      bytes: Uint8Array<ArrayBuffer>,
    ) => Awaitable<void>)
    | undefined;
  /**
   * Reads bytes of a piece that was found or written.
   *
   * @param pieceIndex Which piece.
   * @param offset Where to start in the piece.
   * @param into Where to put them; padding is zeros.
   * @returns Whether all of them are there.
   * @throws {DiskError} If it fails.
   */
  readRange(
    pieceIndex: number,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
  ): Awaitable<boolean>;
  /**
   * Told when all pieces of a wanted file are there, empty files included; also
   * of files that were finished before.
   *
   * @param fileIndex Which file.
   * @param signal Ends the work.
   * @throws {DiskError} If it fails; it will be told again.
   */
  finish?(fileIndex: number, signal?: AbortSignal): Awaitable<void>;
  /**
   * Deletes all that is stored of the torrent.
   *
   * @throws {DiskError} If something is left.
   */
  remove(): Awaitable<void>;
  /** Frees what it holds; nothing is called after that. */
  close?(): Awaitable<void>;
}
