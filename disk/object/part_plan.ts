/**
 * Of which pieces the parts of a finished file are put together.
 *
 * @module
 */
import type { PieceLayout } from "../../metainfo/piece_layout.ts";

/** Least bytes of a part, but for the last; and of what a part is copied from. */
export const LEAST_PART = 5 * 1024 * 1024;

/** Bytes of a part that is sent again, unless there would be too many. */
export const SENT_PART = 8 * 1024 * 1024;

/** Most bytes of a part that is sent, as it has to be in memory. */
export const MOST_SENT = 64 * 1024 * 1024;

/** Most parts of an object. */
const MOST_PARTS = 10_000;

/** A run of bytes of one piece. */
export interface PieceSpan {
  /** Which piece. */
  readonly pieceIndex: number;
  /** Where it starts in the piece. */
  readonly offset: number;
  /** Its length. */
  readonly length: number;
}

/** A part of a file. */
export interface FilePart {
  /** What it is made of, in order. */
  readonly spans: readonly PieceSpan[];
  /** Its length. */
  readonly length: number;
  /** Whether the server can copy it from the one piece that it is of. */
  readonly isCopy: boolean;
}

/** The bytes of a file as runs of pieces, in order. */
function* spansOf(
  layout: PieceLayout,
  fileIndex: number,
): Generator<PieceSpan> {
  const { first, end } = layout.filePieces(fileIndex);
  for (let pieceIndex = first; pieceIndex < end; pieceIndex++) {
    const size = layout.pieceSize(pieceIndex);
    for (const span of layout.spans(pieceIndex, 0, size)) {
      if (span.fileIndex !== fileIndex) continue;
      yield { pieceIndex, offset: span.dataOffset, length: span.length };
    }
  }
}

/**
 * Plans the parts of a file: pieces that are large enough each are copied by the
 * server, others are gathered and sent.
 *
 * @param layout Pieces and files.
 * @param fileIndex Which file.
 * @returns Its parts in order; `undefined` if it is too large for parts that fit
 * in memory.
 */
export function planParts(
  layout: PieceLayout,
  fileIndex: number,
): FilePart[] | undefined {
  const { length } = layout.files[fileIndex]!;
  const { first, end } = layout.filePieces(fileIndex);
  const copies = end - first < MOST_PARTS;
  // Gathered parts end with pieces, so they may be shorter by one.
  const most = Math.max(
    SENT_PART,
    Math.ceil(length / MOST_PARTS) + layout.pieceLength,
  );
  if (!copies && most > MOST_SENT) return undefined;
  const parts: FilePart[] = [];
  let spans: PieceSpan[] = [];
  let gathered = 0;
  const flush = () => {
    if (gathered > 0) parts.push({ spans, length: gathered, isCopy: false });
    spans = [];
    gathered = 0;
  };
  const take = (span: PieceSpan) => {
    spans.push(span);
    gathered += span.length;
  };
  for (let span of spansOf(layout, fileIndex)) {
    if (copies && span.length >= LEAST_PART && gathered >= LEAST_PART) flush();
    if (copies && span.length >= 2 * LEAST_PART && gathered > 0) {
      // As much of it as makes a part of what is in front of it.
      const length = LEAST_PART - gathered;
      take({ ...span, length });
      flush();
      span = {
        ...span,
        offset: span.offset + length,
        length: span.length - length,
      };
    }
    if (copies && span.length >= LEAST_PART && gathered === 0) {
      parts.push({ spans: [span], length: span.length, isCopy: true });
      continue;
    }
    if (gathered >= LEAST_PART && gathered + span.length > most) flush();
    take(span);
  }
  flush();
  return parts;
}
