/**
 * What callers of a storage do wrong.
 *
 * @module
 */
import type { PieceLayout } from "../metainfo/piece_layout.ts";
import { DiskError } from "./error.ts";

/** Says that a storage is used after its end. */
export function closed(operation: string): DiskError {
  return new DiskError("closed", "The storage is closed", { operation });
}

/** Says that there are no such bytes. */
export function outOfBounds(
  operation: string,
  layout: PieceLayout,
  pieceIndex: number,
  blockOffset: number,
  length: number,
): DiskError {
  return new DiskError(
    "out-of-bounds",
    `There are no bytes ${blockOffset} to ${
      blockOffset + length
    } in piece ${pieceIndex} of ${layout.pieceCount}`,
    { operation },
  );
}
