/**
 * What hashing threads share: the description of the work, and the memory the
 * results go to.
 *
 * @module
 */
import {
  type PieceDigests,
  type PieceHashing,
  SHA1_LENGTH,
} from "../piece_digest.ts";
import { PieceLayout } from "../piece_layout.ts";

/** The piece is not hashed yet. */
export const PIECE_PENDING = 0;
/** The piece's digests are in memory. */
export const PIECE_HASHED = 1;
/** Bytes of the piece are missing. */
export const PIECE_UNREADABLE = 2;
/** The piece was not asked for. */
export const PIECE_SKIPPED = 3;

/** Nothing is wrong with the file so far. */
export const FILE_FINE = 0;
/** There is no such file. */
export const FILE_MISSING = 1;
/** The file ends too early. */
export const FILE_SHORT = 2;
/** The file goes on past its end. */
export const FILE_LONG = 3;

/** Slot of {@linkcode HashMemory.control}: the next piece to claim. */
export const CONTROL_NEXT = 0;
/** Slot of {@linkcode HashMemory.control}: not 0 when all must stop. */
export const CONTROL_STOP = 1;

/** Paths of files by index. */
export type HashPaths = readonly string[] | ((fileIndex: number) => string);

/** The work. */
export interface HashTask {
  /** Bytes of a piece. */
  readonly pieceLength: number;
  /** Whether files start on piece boundaries without pad files (v2-only). */
  readonly alignFiles: boolean;
  /** Bytes of each file in order. */
  readonly lengths: Float64Array;
  /** 1 for padding (BEP 47): zeros, not read. */
  readonly pads: Uint8Array;
  /**
   * Where each file is on disk, by index; ignored for padding and files of 0
   * bytes. In the thread that made the task it may be a function.
   */
  readonly paths: HashPaths;
  /** Whether to compute SHA-1 of every piece (BEP 3). */
  readonly sha1: boolean;
  /** Whether to compute the SHA-256 subtree root of every piece (BEP 52). */
  readonly sha256: boolean;
  /** Pieces a thread claims at once. */
  readonly claimPieces: number;
}

/** Memory that all threads of one job share. */
export interface HashMemory {
  /** Next piece and stop flag. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** A `PIECE_` constant a piece. */
  readonly pieces: Uint8Array<SharedArrayBuffer>;
  /** A `FILE_` constant a file. */
  readonly files: Uint8Array<SharedArrayBuffer>;
  /** 20 bytes a piece; empty when SHA-1 is not wanted. */
  readonly sha1: Uint8Array<SharedArrayBuffer>;
  /** 32 bytes a piece; empty when SHA-256 is not wanted. */
  readonly sha256: Uint8Array<SharedArrayBuffer>;
}

/** What the pool sends to a worker, once. */
export interface HashWorkerStart {
  /** The work. */
  readonly task: HashTask;
  /** Where results go. */
  readonly memory: HashMemory;
}

/** What `HashThread` sends to a worker: a piece, its buffers transferred. */
export interface HashPiece {
  readonly type: "piece";
  readonly wanted: PieceHashing;
  /** Bytes of the piece; the last buffer may be longer. */
  readonly size: number;
  readonly buffers: readonly ArrayBuffer[];
}

/** What a worker sends back, in order. */
export interface HashedPiece extends PieceDigests {
  readonly buffers: readonly ArrayBuffer[];
}

/** Why a thread gave up. */
export interface HashFailure {
  /** Index of the file. */
  readonly fileIndex: number;
  /** Name of the error, such as `PermissionDenied`. */
  readonly name: string;
  /** The operating system's words. */
  readonly message: string;
}

/** What a worker sends to the pool. */
export type HashWorkerMessage =
  | { readonly type: "pieces"; readonly first: number; readonly end: number }
  | { readonly type: "failed"; readonly failure: HashFailure }
  | { readonly type: "done" };

/** A job claims about this many bytes at a time. */
const CLAIM_BYTES = 8 * 1024 * 1024;

/** Describes the hashing of a layout. */
export function hashTask(
  layout: PieceLayout,
  paths: HashPaths,
  digests: { readonly sha1: boolean; readonly sha256: boolean },
): HashTask {
  let address = 0;
  let alignFiles = false;
  const lengths = new Float64Array(layout.fileCount);
  const pads = new Uint8Array(layout.fileCount);
  for (let i = 0; i < lengths.length; i++) {
    const { offset, length, pad } = layout.file(i);
    lengths[i] = length;
    if (pad) pads[i] = 1;
    if (length === 0) continue;
    if (offset !== address) alignFiles = true;
    address = offset + length;
  }
  const claimPieces = Math.max(
    1,
    Math.floor(CLAIM_BYTES / layout.pieceLength),
  );
  return {
    pieceLength: layout.pieceLength,
    alignFiles,
    lengths,
    pads,
    paths,
    ...digests,
    claimPieces,
  };
}

/** Where a file of a task is. */
export function taskPath({ paths }: HashTask, fileIndex: number): string {
  return typeof paths === "function"
    ? paths(fileIndex)
    : paths[fileIndex] ?? "";
}

/** Makes a task fit to be sent to a worker. */
export function sendableTask(task: HashTask): HashTask {
  const { paths, lengths, pads } = task;
  if (typeof paths !== "function") return task;
  const list = Array.from(
    lengths,
    (_, i) => pads[i] === 1 ? "" : paths(i),
  );
  return { ...task, paths: list };
}

/** Rebuilds the layout of a task, as a worker must. */
export function taskLayout(task: HashTask): PieceLayout {
  const { pieceLength, alignFiles, lengths, pads } = task;
  const files = Array.from(
    lengths,
    (length, i) => ({ length, pad: pads[i] === 1 }),
  );
  return new PieceLayout({ pieceLength, alignFiles, files });
}

/** Makes the memory for a task. */
export function hashMemory(task: HashTask, pieceCount: number): HashMemory {
  const shared = (length: number) =>
    new Uint8Array(new SharedArrayBuffer(length));
  return {
    control: new Int32Array(new SharedArrayBuffer(8)),
    pieces: shared(pieceCount),
    files: shared(task.lengths.length),
    sha1: shared(task.sha1 ? pieceCount * SHA1_LENGTH : 0),
    sha256: shared(task.sha256 ? pieceCount * 32 : 0),
  };
}
