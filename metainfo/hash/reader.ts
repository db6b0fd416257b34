/**
 * Reads pieces from disk and hashes them, synchronously, in whatever thread
 * runs it: one reused buffer, one open file.
 *
 * @module
 */
import type { PieceLayout } from "../piece_layout.ts";
import { PieceDigest, SHA1_LENGTH, writeDigest } from "../piece_digest.ts";
import {
  CONTROL_NEXT,
  CONTROL_STOP,
  FILE_LONG,
  FILE_MISSING,
  FILE_SHORT,
  type HashFailure,
  type HashMemory,
  type HashTask,
  PIECE_HASHED,
  PIECE_PENDING,
  PIECE_UNREADABLE,
  taskPath,
} from "./task.ts";

/** Bytes read at once: small enough to stay in a core's own cache. */
const BUFFER_SIZE = 256 * 1024;

/**
 * Where the buffer starts in its allocation. Large allocations of glibc start
 * 16 bytes into a page; the kernel copies a fifth faster to a cache line's
 * start. Elsewhere this does no harm.
 */
const BUFFER_SHIFT = 48;

/** Thrown inside a hashing thread when a file cannot be read. */
export class HashReadError extends Error {
  /** What went wrong, in a form that can be sent between threads. */
  readonly failure: HashFailure;

  /** Wraps a failure. */
  constructor(failure: HashFailure) {
    super(failure.message);
    this.name = "HashReadError";
    this.failure = failure;
  }
}

/** Opens a file, and nothing else: to open a pipe would wait for a writer. */
function openFile(path: string): Deno.FsFile {
  if (!Deno.statSync(path).isFile) {
    throw new Deno.errors.NotFound(`There is no file at ${path}`);
  }
  return Deno.openSync(path);
}

/** Hashes pieces of files on disk. Close it when done. */
export class HashReader implements Disposable {
  readonly #task: HashTask;
  readonly #memory: HashMemory;
  readonly #layout: PieceLayout;
  readonly #digest: PieceDigest;
  readonly #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(
    BUFFER_SIZE + BUFFER_SHIFT + 1,
  ).subarray(BUFFER_SHIFT);
  /** The open file and where its next read would start. */
  #file: Deno.FsFile | undefined;
  #fileIndex = -1;
  #position = 0;
  /** Which bytes of the open file the buffer holds. */
  #bufferStart = 0;
  #bufferEnd = 0;
  /** Address that is not worth reading past: the end of what is claimed. */
  #claimEnd = 0;

  /** Prepares to hash. */
  constructor(task: HashTask, memory: HashMemory, layout: PieceLayout) {
    this.#task = task;
    this.#memory = memory;
    this.#layout = layout;
    this.#digest = new PieceDigest(task.pieceLength, task.sha1, task.sha256);
  }

  /**
   * Claims the next run of pieces for this thread. Returns the run, or
   * `undefined` when none is left or all must stop.
   */
  claim(): { first: number; end: number } | undefined {
    const { control } = this.#memory;
    const { claimPieces } = this.#task;
    if (Atomics.load(control, CONTROL_STOP) !== 0) return undefined;
    const first = Atomics.add(control, CONTROL_NEXT, claimPieces);
    if (first >= this.#layout.pieceCount) return undefined;
    const end = Math.min(first + claimPieces, this.#layout.pieceCount);
    this.expect(end);
    return { first, end };
  }

  /** Says how far the following pieces go, so that reads stop there. */
  expect(end: number): void {
    this.#claimEnd = end * this.#task.pieceLength;
  }

  /** Hashes one piece, unless its status says that it is not wanted. */
  hashPiece(pieceIndex: number): void {
    const { pieces, sha1, sha256 } = this.#memory;
    if (pieces[pieceIndex] !== PIECE_PENDING) return;
    const layout = this.#layout;
    const digest = this.#digest;
    const spans = layout.spans(pieceIndex, 0, layout.pieceSize(pieceIndex));
    let fileLength = 0;
    let isWritten = false;
    for (const span of spans) {
      if (span.pad) {
        digest.updatePadding(span.length);
        continue;
      }
      const { fileIndex, fileOffset } = span;
      if (this.#task.sha256) fileLength = layout.file(fileIndex).length;
      for (let done = 0; done < span.length;) {
        const bytes = this.#read(
          fileIndex,
          fileOffset + done,
          span.length - done,
        );
        if (bytes === undefined) {
          digest.reset();
          if (Atomics.load(this.#memory.control, CONTROL_STOP) === 0) {
            pieces[pieceIndex] = PIECE_UNREADABLE;
          }
          return;
        }
        done += bytes.length;
        if (bytes.length === layout.pieceLength && !this.#task.sha256) {
          writeDigest("sha1", bytes, sha1, pieceIndex * SHA1_LENGTH);
          isWritten = true;
        } else digest.update(bytes);
      }
    }
    if (this.#task.sha1 && !isWritten) digest.finishSha1(sha1, pieceIndex);
    if (this.#task.sha256) digest.finishTree(sha256, pieceIndex, fileLength);
    pieces[pieceIndex] = PIECE_HASHED;
  }

  /**
   * Up to `length` bytes of a file, as a view of the buffer: all of them, or
   * those that are buffered.
   */
  #read(
    fileIndex: number,
    offset: number,
    length: number,
  ): Uint8Array | undefined {
    const { control, files } = this.#memory;
    if (
      fileIndex !== this.#fileIndex || offset < this.#bufferStart ||
      offset >= this.#bufferEnd
    ) {
      if (files[fileIndex] === FILE_MISSING) return undefined;
      if (Atomics.load(control, CONTROL_STOP) !== 0) return undefined;
      try {
        if (!this.#fill(fileIndex, offset)) return undefined;
      } catch (error) {
        this.#forgetFile();
        if (isAbsence(error)) {
          files[fileIndex] = FILE_MISSING;
          return undefined;
        }
        const { name, message } = error instanceof Error
          ? error
          : new Error(String(error));
        throw new HashReadError({ fileIndex, name, message });
      }
    }
    const start = offset - this.#bufferStart;
    const end = Math.min(start + length, this.#bufferEnd - this.#bufferStart);
    return this.#buffer.subarray(start, end);
  }

  #fill(fileIndex: number, offset: number): boolean {
    if (fileIndex !== this.#fileIndex) {
      this.#forgetFile();
      this.#file = openFile(taskPath(this.#task, fileIndex));
      this.#fileIndex = fileIndex;
      this.#position = 0;
    }
    const file = this.#file!;
    if (offset !== this.#position) {
      file.seekSync(offset, Deno.SeekMode.Start);
      this.#position = offset;
    }
    const placed = this.#layout.file(fileIndex);
    const want = Math.min(
      BUFFER_SIZE,
      placed.length - offset,
      this.#claimEnd - placed.offset - offset,
    );
    // One byte more where the file should end tells whether it does.
    const most = offset + want === placed.length ? want + 1 : want;
    let got = 0;
    while (got < want) {
      const count = file.readSync(this.#buffer.subarray(got, most));
      if (count === null || count === 0) break;
      got += count;
    }
    this.#position += got;
    const { files } = this.#memory;
    if (got < want) files[fileIndex] = FILE_SHORT;
    else if (got > want) files[fileIndex] = FILE_LONG;
    this.#bufferStart = offset;
    this.#bufferEnd = offset + Math.min(got, want);
    return got > 0;
  }

  #forgetFile(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#fileIndex = -1;
    this.#bufferStart = this.#bufferEnd = 0;
  }

  /** Closes the open file. */
  close(): void {
    this.#forgetFile();
  }

  /** Same as {@linkcode HashReader.close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.IsADirectory;
}
