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

/** The hashes that pieces should have. */
export type ExpectedHashes =
  | {
    /** SHA-1 of each piece (BEP 3): `pieces` of the info dictionary. */
    readonly algorithm: "sha1";
    /** 20 bytes a piece, back to back. */
    readonly hashes: Uint8Array;
  }
  | {
    /**
     * The node of its file's merkle tree that covers each piece (BEP 52): the
     * entry of the piece layer, or `pieces root` for a file of one piece.
     */
    readonly algorithm: "sha256";
    /** 32 bytes a piece, back to back. */
    readonly hashes: Uint8Array;
  }
  | {
    /** Both, read once: a piece of a hybrid torrent has to pass both. */
    readonly algorithm: "both";
    /** As above, 20 bytes a piece. */
    readonly sha1: Uint8Array;
    /** As above, 32 bytes a piece. */
    readonly sha256: Uint8Array;
    /**
     * Pieces of which no SHA-256 is known, such as without a piece layer: SHA-1
     * alone decides.
     *
     * @default {none}
     */
    readonly sha1Only?: Iterable<number> | undefined;
  };

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

/** Which hashes a piece passes: none, all, or only some. */
type Verdict = "bad" | "good" | "contradictory";

/** Compares digests in memory with what they should be. */
class Judge {
  readonly digests: { readonly sha1: boolean; readonly sha256: boolean };
  readonly #sha1: Uint8Array | undefined;
  readonly #sha256: Uint8Array | undefined;
  readonly #sha1Only: ReadonlySet<number>;

  constructor(expected: ExpectedHashes, pieceCount: number) {
    const { algorithm } = expected;
    this.#sha1 = algorithm === "both"
      ? expected.sha1
      : algorithm === "sha1"
      ? expected.hashes
      : undefined;
    this.#sha256 = algorithm === "both"
      ? expected.sha256
      : algorithm === "sha256"
      ? expected.hashes
      : undefined;
    this.#sha1Only = new Set(
      algorithm === "both" ? expected.sha1Only ?? [] : [],
    );
    this.digests = {
      sha1: this.#sha1 !== undefined,
      sha256: this.#sha256 !== undefined,
    };
    checkLength(this.#sha1, SHA1_LENGTH, pieceCount);
    checkLength(this.#sha256, SHA256_LENGTH, pieceCount);
  }

  judge({ sha1, sha256 }: HashMemory, pieceIndex: number): Verdict {
    const a = this.#sha1 &&
      equalAt(sha1, this.#sha1, pieceIndex * SHA1_LENGTH, SHA1_LENGTH);
    const b = this.#sha256 && !this.#sha1Only.has(pieceIndex)
      ? equalAt(sha256, this.#sha256, pieceIndex * SHA256_LENGTH, SHA256_LENGTH)
      : undefined;
    if (a !== undefined && b !== undefined && a !== b) return "contradictory";
    return a ?? b ? "good" : "bad";
  }
}

function checkLength(
  hashes: Uint8Array | undefined,
  hashLength: number,
  pieceCount: number,
): void {
  if (hashes === undefined || hashes.length === hashLength * pieceCount) return;
  throw new RangeError(
    `Cannot verify ${pieceCount} pieces: expected ${
      hashLength * pieceCount
    } bytes of hashes, got ${hashes.length}`,
  );
}

function equalAt(
  hashes: Uint8Array,
  expected: Uint8Array,
  start: number,
  length: number,
): boolean {
  for (let i = start; i < start + length; i++) {
    if (hashes[i] !== expected[i]) return false;
  }
  return true;
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
 *   expected: { algorithm: "sha1", hashes: new Uint8Array(20) },
 * });
 * assertEquals(bad, [0]);
 * await Deno.remove(path);
 * ```
 *
 * @param options See {@linkcode VerifyPiecesOptions}.
 * @returns Which pieces are bad, and which files are absent or short.
 * @throws {RangeError} If the hashes or paths do not fit the layout, a piece
 * index is not in it, or the number of threads is nonsense.
 * @throws {VerifyError} If a file is there but cannot be read.
 */
export async function verifyPieces(
  options: VerifyPiecesOptions,
): Promise<VerifyPiecesResult> {
  const { layout, filePaths, expected, onPiece, onProgress, signal } = options;
  const { pieceCount } = layout;
  const judge = new Judge(expected, pieceCount);
  if (filePaths.length !== layout.fileCount) {
    throw new RangeError(
      `Cannot verify: expected ${layout.fileCount} file paths, got ${filePaths.length}`,
    );
  }
  const task = hashTask(layout, filePaths, judge.digests);
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
        ? judge.judge(memory, i)
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
 * those with a last piece that had failed already or that nobody asked for.
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
