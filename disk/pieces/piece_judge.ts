/**
 * Hashes pieces that are being assembled, wherever their bytes are.
 *
 * @module
 */
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import { attempt, type Awaitable, chain } from "../awaitable.ts";
import type { StorageTorrent } from "../storage.ts";
import type { DiskTimings } from "../timings.ts";
import type { HashHelper } from "./hash_helper.ts";
import type { PieceBuffer } from "./piece_buffer.ts";
import {
  digestBlocks,
  type PieceVerdict,
  PieceVerifier,
} from "./piece_verifier.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { PieceStore } from "../piece_store.ts";

/** Where bytes of a piece are that are not in its buffers. */
interface PieceBytesContext {
  /** What was written out early. */
  readonly store: Pick<PieceStore, "readRange">;
  /** Where a buffer to read into comes from. */
  readonly pool: BufferPool;
}

/** Shows a whole piece, buffer by buffer; whether all was there. */
export function eachChunk(
  buffer: PieceBuffer,
  from: number,
  context: PieceBytesContext,
  use: (chunk: Uint8Array, offset: number) => void,
): Awaitable<boolean> {
  const { pool, store } = context;
  const { size, chunkSize } = buffer;
  for (let start = from; start < size; start += chunkSize) {
    const end = Math.min(size, start + chunkSize);
    const own = buffer.chunk(start / chunkSize);
    const stored = own === undefined
      ? [start, end]
      : buffer.storedRuns(start, end);
    const scratch = own === undefined ? pool.take(chunkSize) : undefined;
    const chunk = own ?? scratch!.subarray(0, end - start);
    const read = attempt(
      () => readStored(store, buffer.pieceIndex, stored, start, chunk),
      (error) => {
        if (scratch !== undefined) pool.give(scratch);
        throw error;
      },
    );
    const done = chain(read, (isThere) => {
      if (isThere) use(chunk, start);
      if (scratch !== undefined) pool.give(scratch);
      return isThere;
    });
    if (done instanceof Promise) {
      return done.then((isThere) =>
        isThere && eachChunk(buffer, end, context, use)
      );
    }
    if (!done) return false;
  }
  return true;
}

function readStored(
  store: PieceBytesContext["store"],
  pieceIndex: number,
  runs: readonly number[],
  base: number,
  chunk: Uint8Array<ArrayBuffer>,
): Awaitable<boolean> {
  let result: Awaitable<boolean> = true;
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i]!;
    const end = runs[i + 1]!;
    result = chain(
      result,
      (isThere) =>
        isThere &&
        store.readRange(
          pieceIndex,
          start,
          chunk.subarray(start - base, end - base),
        ),
    );
  }
  return result;
}

/** What a {@linkcode PieceJudge} works with. */
export interface PieceJudgeContext extends PieceBytesContext {
  /** The right hashes. */
  readonly torrent: StorageTorrent;
  /** Another thread that hashes, if there may be one. */
  readonly helper?: HashHelper | undefined;
  /** How long hashes take. */
  readonly timings: DiskTimings;
}

/** A piece that is hashed. */
export interface JudgedPiece {
  /** Its bytes. */
  readonly buffer: PieceBuffer;
  /** Hashes from the front as far as there is no gap. */
  digest: PieceVerifier | undefined;
  /** Whether another thread was to hash it when its first bytes came. */
  isForHelper?: boolean;
}

/** Tells whether pieces are right. */
export class PieceJudge {
  readonly #context: PieceJudgeContext;

  constructor(context: PieceJudgeContext) {
    this.#context = context;
  }

  /** Hashes full buffers from the front, so that the end costs little. */
  hashAhead(piece: JudgedPiece): void {
    const { buffer } = piece;
    const { chunkSize } = buffer;
    piece.isForHelper ??= this.#context.helper?.isFree ?? false;
    if (piece.isForHelper) return;
    while (true) {
      const start = piece.digest?.offset ?? 0;
      const end = start + chunkSize;
      if (end > buffer.size || !buffer.has(start, end)) return;
      const chunk = buffer.chunk(start / chunkSize);
      if (chunk === undefined || buffer.storedRuns(start, end).length > 0) {
        return;
      }
      this.#digestOf(piece).update(chunk);
    }
  }

  /** Judges a whole piece. */
  judge(piece: JudgedPiece): Awaitable<PieceVerdict | "lost"> {
    const { buffer } = piece;
    const { torrent, helper, pool, timings } = this.#context;
    helper?.note(buffer.size);
    const elsewhere = piece.digest === undefined
      ? helper?.judge(torrent, buffer, pool)
      : undefined;
    if (elsewhere !== undefined) return timings.time("verify", () => elsewhere);
    const digest = this.#digestOf(piece);
    return timings.time("verify", () =>
      chain(
        eachChunk(
          buffer,
          digest.offset,
          this.#context,
          (chunk) => digest.update(chunk),
        ),
        (isThere) => isThere ? digest.finish() : "lost",
      ));
  }

  /** SHA-1 of every block, as far as all are there. */
  blockDigests(buffer: PieceBuffer): Awaitable<Uint8Array | undefined> {
    const digests = new Uint8Array(Math.ceil(buffer.size / BLOCK_SIZE) * 20);
    return chain(
      eachChunk(
        buffer,
        0,
        this.#context,
        (chunk, offset) =>
          digestBlocks(chunk, digests, offset / BLOCK_SIZE * 20),
      ),
      (isThere) => isThere ? digests : undefined,
    );
  }

  #digestOf(piece: JudgedPiece): PieceVerifier {
    return piece.digest ??= new PieceVerifier(
      this.#context.torrent,
      piece.buffer.pieceIndex,
    );
  }
}
