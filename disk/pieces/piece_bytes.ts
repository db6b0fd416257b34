/**
 * The bytes of a piece in order, wherever they are.
 *
 * @module
 */
import { attempt, type Awaitable, chain } from "../awaitable.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { PieceBuffer } from "./piece_buffer.ts";
import type { PieceStore } from "../piece_store.ts";

/** Where bytes of a piece are that are not in its buffers. */
export interface PieceBytesContext {
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
