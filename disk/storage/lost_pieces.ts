/**
 * Pieces of files that are no longer what they were.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import type { TorrentFiles } from "../files/torrent_files.ts";

/** The verified pieces that have bytes of some files. */
export function piecesOf(
  files: readonly number[],
  layout: PieceLayout,
  have: Bitfield,
): number[] {
  const pieces = new Set<number>();
  for (const i of files) {
    const { first, end } = layout.filePieces(i);
    for (let k = first; k < end; k++) if (have.has(k)) pieces.add(k);
  }
  return [...pieces];
}

/** Verified pieces that reach behind the ends of a bad one's files. */
export async function findLost(
  pieceIndex: number,
  files: TorrentFiles,
  have: Bitfield,
): Promise<number[]> {
  const { layout } = files;
  const spans = (i: number) => layout.spans(i, 0, layout.pieceSize(i));
  const lost = new Set<number>();
  for (const { fileIndex, pad } of spans(pieceIndex)) {
    if (pad || files.apart.from(fileIndex) === 0) continue;
    // What cannot be looked at will be found when it is read.
    const size = await files.stored.look(fileIndex).catch(() => Infinity);
    for (const other of piecesOf([fileIndex], layout, have)) {
      const isThere = spans(other).every((span) =>
        span.fileIndex !== fileIndex || files.apart.has(span) ||
        span.fileOffset + span.length <= size
      );
      if (!isThere) lost.add(other);
    }
  }
  lost.delete(pieceIndex);
  return [...lost];
}
