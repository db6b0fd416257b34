/**
 * Which pieces are written at once, where a storage takes more than one.
 *
 * @module
 */
import type { PieceLayout, PieceRange } from "../metainfo/piece_layout.ts";

/**
 * The run of pieces that a piece is one of. Runs begin at every multiple of their
 * length; where files are aligned, in each file anew.
 *
 * @param layout Pieces and files.
 * @param runPieces How many pieces a run has, but for the last.
 * @param pieceIndex Which piece.
 * @returns Its run.
 */
export function runOf(
  layout: PieceLayout,
  runPieces: number,
  pieceIndex: number,
): PieceRange {
  const place = layout.alignFiles
    ? layout.filePieces(layout.fileAt(pieceIndex))
    : { first: 0, end: layout.pieceCount };
  const first = pieceIndex - (pieceIndex - place.first) % runPieces;
  return { first, end: Math.min(first + runPieces, place.end) };
}

/** How many bytes a range of pieces has, all of them whole but for the last. */
export function bytesOf(
  layout: PieceLayout,
  { first, end }: PieceRange,
): number {
  return (end - 1 - first) * layout.pieceLength + layout.pieceSize(end - 1);
}
