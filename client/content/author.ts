/**
 * Who gave a piece.
 *
 * @module
 */
import { BLOCK_SIZE, type PieceLayout } from "../../metainfo/piece_layout.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";

/** The source that gave all of a piece but its padding. */
export function authorOf(
  layout: PieceLayout,
  pieceIndex: number,
  contributors: readonly PeerKey[],
): PeerKey | undefined {
  const key = contributors.find((key) => key >= 0);
  const isOnly = contributors.every((other, block) =>
    other === key ||
    layout.spans(
      pieceIndex,
      block * BLOCK_SIZE,
      layout.blockSize(pieceIndex, block),
    ).every(({ pad }) => pad)
  );
  return isOnly ? key : undefined;
}
