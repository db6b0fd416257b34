/**
 * Checks files on disk against piece hashes, on all cores.
 *
 * @module
 */
import type { PieceLayout } from "./piece_layout.ts";
import { HashReadError } from "./hash/reader.ts";
import type { HashProgress, HashThreadOptions } from "./hash_options.ts";
import { nextTurn } from "./node.ts";
import { runHashTask } from "./hash/pool.ts";
import {
  FILE_FINE,
  FILE_LONG,
  FILE_MISSING,
  FILE_SHORT,
  type HashMemory,
  hashMemory,
  hashTask,
  PIECE_HASHED,
  PIECE_PENDING,
  PIECE_SKIPPED,
} from "./hash/task.ts";
import { SHA1_LENGTH } from "./piece_digest.ts";
import { SHA256_LENGTH } from "./sha256.ts";

/** The hashes that pieces should have; where there are two, both must fit. */
export interface ExpectedHashes {
  /** SHA-1 of every piece, 20 bytes each (BEP 3); absent for v2-only. */
  readonly pieces?: Uint8Array | undefined;
  /**
   * The SHA-256 hash of a piece's subtree, 32 bytes (BEP 52), as `pieceRoot`
   * gives it; `undefined` where it is not known. Absent for v1-only.
   *
   * @param pieceIndex Which piece.
   * @returns The hash.
   */
  readonly pieceRoot?:
    | ((pieceIndex: number) => { readonly hash: Uint8Array } | undefined)
    | undefined;
}

/** Options of {@linkcode verifyPieces}. */
export interface VerifyPiecesOptions extends HashThreadOptions {
  /** Where the pieces are. */
  readonly layout: PieceLayout;
  /**
   * Where each file of the layout is on disk, by file index. Entries of pad
   * files are ignored.
   */
  readonly filePaths: readonly string[];
  /** The hashes the pieces should have. */
  readonly expected: ExpectedHashes;
  /**
   * Which pieces to check.
   *
   * @default {all}
   */
  readonly pieces?: Iterable<number> | undefined;
  /** Called once for each checked piece, in no particular order. */
  readonly onPiece?:
    | ((pieceIndex: number, good: boolean) => void)
    | undefined;
  /** Called as the work goes on, a few times a second and at the end. */
  readonly onProgress?: ((progress: HashProgress) => void) | undefined;
  /** Stops the check; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Outcome of {@linkcode verifyPieces}. */
export interface VerifyPiecesResult {
  /** How many pieces are good. */
  readonly goodCount: number;
  /** Indices of the bad pieces, ascending; pieces left out are in neither. */
  readonly bad: readonly number[];
  /**
   * Those of the bad pieces that pass one of two hashes, ascending: no data can
   * ever pass both, the torrent contradicts itself.
   */
  readonly contradictory: readonly number[];
  /** Indices of the files that are not there, ascending. */
  readonly missingFiles: readonly number[];
  /** Indices of the files that end too early, ascending. */
  readonly shortFiles: readonly number[];
  /**
   * Indices of the files with more bytes than they should have, ascending;
   * their pieces may be good all the same. What a symbolic link leads to is
   * looked at.
   */
  readonly surplusFiles: readonly number[];
}

/** A file could not be read while its pieces were checked. */
export class VerifyError extends Error {
  /** What failed. */
  readonly code: "read-failed" = "read-failed";
  /** Path of the file. */
  readonly path: string;

  /**
   * Makes the error.
   *
   * @param message What failed.
   * @param path Path of the file.
   * @param options The cause.
   */
  constructor(message: string, path: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "VerifyError";
    this.path = path;
  }
}

/** Compares the digests of a piece with what they should be. */
function judge(
  { pieces, pieceRoot }: ExpectedHashes,
  { sha1, sha256 }: HashMemory,
  pieceIndex: number,
): "bad" | "good" | "contradictory" {
  const at = pieceIndex * SHA1_LENGTH;
  const v1 = pieces &&
    equalAt(sha1, at, pieces.subarray(at, at + SHA1_LENGTH));
  const root = pieceRoot?.(pieceIndex);
  const v2 = root && equalAt(sha256, pieceIndex * SHA256_LENGTH, root.hash);
  if (v1 !== undefined && v2 !== undefined && v1 !== v2) return "contradictory";
  return v1 ?? v2 ? "good" : "bad";
}

function equalAt(
  hashes: Uint8Array,
  start: number,
  expected: Uint8Array,
): boolean {
  for (let i = 0; i < expected.length; i++) {
    if (hashes[start + i] !== expected[i]) return false;
  }
  return true;
}

/** Whether there is a v2 hash at all: trees of v1 pieces make no sense. */
function knowsRoots(expected: ExpectedHashes, pieceCount: number): boolean {
  if (expected.pieceRoot === undefined) return false;
  for (let i = 0; i < pieceCount; i++) {
    if (expected.pieceRoot(i) !== undefined) return true;
  }
  return false;
}

/**
 * Hashes files on disk and compares with what their pieces should be (BEP 3,
 * 52). Reads with several threads and keeps memory flat. Absent and short
 * files make pieces bad; they are no errors.
 *
 * Needs `--allow-read` for the files, and for this package's folder
 * `metainfo/` (where that is a local one) to use more than one thread.
 *
 * @example Check one file
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { PieceLayout, verifyPieces } from "@bip/bip/metainfo";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeFile(path, new TextEncoder().encode("spam"));
 * const { bad } = await verifyPieces({
 *   layout: new PieceLayout({ pieceLength: 16384, files: [{ length: 4 }] }),
 *   filePaths: [path],
 *   expected: { pieces: new Uint8Array(20) },
 * });
 * assertEquals(bad, [0]);
 * await Deno.remove(path);
 * ```
 *
 * @param options See {@linkcode VerifyPiecesOptions}.
 * @returns Which pieces are bad, and which files are absent or short.
 * @throws {RangeError} If the hashes or paths do not fit the layout, a piece
 * index is not in it, or the number of threads is out of range.
 * @throws {VerifyError} If a file is there but cannot be read.
 */
export async function verifyPieces(
  options: VerifyPiecesOptions,
): Promise<VerifyPiecesResult> {
  const { layout, filePaths, expected, onPiece, onProgress, signal } = options;
  const { pieceCount } = layout;
  const length = expected.pieces?.length ?? SHA1_LENGTH * pieceCount;
  if (length !== SHA1_LENGTH * pieceCount) {
    throw new RangeError(
      `Cannot verify ${pieceCount} pieces against ${length} bytes of hashes`,
    );
  }
  if (filePaths.length !== layout.fileCount) {
    throw new RangeError(
      `Cannot verify: expected ${layout.fileCount} file paths, got ${filePaths.length}`,
    );
  }
  const task = hashTask(layout, filePaths, {
    sha1: expected.pieces !== undefined,
    sha256: knowsRoots(expected, pieceCount),
  });
  const memory = hashMemory(task, pieceCount);
  const { pieces } = memory;
  if (options.pieces !== undefined) selectPieces(pieces, options.pieces);

  const bad: number[] = [];
  const contradictory: number[] = [];
  let goodCount = 0;
  let hashedBytes = 0;
  let totalBytes = 0;
  for (let i = 0; i < pieceCount; i++) {
    if (pieces[i] !== PIECE_SKIPPED) totalBytes += layout.pieceSize(i);
  }
  let reported = performance.now();
  const onPieces = (first: number, end: number) => {
    for (let i = first; i < end; i++) {
      if (pieces[i] === PIECE_SKIPPED) continue;
      const verdict = pieces[i] === PIECE_HASHED
        ? judge(expected, memory, i)
        : "bad";
      const good = verdict === "good";
      if (good) goodCount++;
      else bad.push(i);
      if (verdict === "contradictory") contradictory.push(i);
      hashedBytes += layout.pieceSize(i);
      onPiece?.(i, good);
    }
    if (onProgress === undefined) return;
    const now = performance.now();
    if (now - reported < 100 && hashedBytes < totalBytes) return;
    reported = now;
    onProgress({ hashedBytes, totalBytes });
  };
  try {
    const { threads, useCallingThread } = options;
    await runHashTask(
      task,
      layout,
      { threads, useCallingThread, onPieces, signal },
      memory,
    );
    await lookAtFiles(layout, filePaths, memory, signal);
  } catch (error) {
    if (!(error instanceof HashReadError)) throw error;
    const path = filePaths[error.failure.fileIndex]!;
    throw new VerifyError(
      `Cannot read "${path}" to verify it: ${error.message}`,
      path,
      { cause: error },
    );
  }
  const missingFiles: number[] = [];
  const shortFiles: number[] = [];
  const surplusFiles: number[] = [];
  memory.files.forEach((status, i) => {
    if (status === FILE_MISSING) missingFiles.push(i);
    else if (status === FILE_SHORT) shortFiles.push(i);
    else if (status === FILE_LONG) surplusFiles.push(i);
  });
  bad.sort((a, b) => a - b);
  contradictory.sort((a, b) => a - b);
  return {
    goodCount,
    bad,
    contradictory,
    missingFiles,
    shortFiles,
    surplusFiles,
  };
}

/** Marks all pieces as skipped but the wanted ones. */
function selectPieces(pieces: Uint8Array, wanted: Iterable<number>): void {
  pieces.fill(PIECE_SKIPPED);
  for (const i of wanted) {
    if (!Number.isInteger(i) || i < 0 || i >= pieces.length) {
      throw new RangeError(
        `Cannot verify piece ${i}: there are ${pieces.length} pieces`,
      );
    }
    pieces[i] = PIECE_PENDING;
  }
}

/**
 * Looks at the files whose end hashing did not come to: those of 0 bytes, and
 * those with a last piece that had failed already or that was not asked for.
 */
async function lookAtFiles(
  layout: PieceLayout,
  filePaths: readonly string[],
  memory: HashMemory,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { files, pieces } = memory;
  for (let i = 0, asked = 0; i < files.length; i++) {
    const { length, pad } = layout.file(i);
    if (pad || files[i] === FILE_MISSING || files[i] === FILE_LONG) continue;
    const isRead = length > 0 &&
      pieces[layout.filePieces(i).end - 1] === PIECE_HASHED;
    if (isRead) continue;
    files[i] = statusOf(filePaths[i]!, length);
    if (++asked % 256 === 0) {
      await nextTurn();
      signal?.throwIfAborted();
    }
  }
}

function statusOf(path: string, length: number): number {
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile) return FILE_MISSING;
    return size < length ? FILE_SHORT : size > length ? FILE_LONG : FILE_FINE;
  } catch {
    return FILE_MISSING;
  }
}
