/**
 * Hashes pieces that are being assembled.
 *
 * @module
 */
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import { type Awaitable, chain } from "../awaitable.ts";
import type { StorageTorrent } from "../storage.ts";
import type { DiskTimings } from "../timings.ts";
import type { HashHelper } from "./hash_helper.ts";
import type { PieceBuffer } from "./piece_buffer.ts";
import { eachChunk, type PieceBytesContext } from "./piece_bytes.ts";
import {
  digestBlocks,
  type PieceVerdict,
  PieceVerifier,
} from "./piece_verifier.ts";

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
