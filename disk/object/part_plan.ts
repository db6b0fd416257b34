/**
 * Of which pieces the parts of a finished file are put together, and which are
 * written at once for that.
 *
 * @module
 */
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { bytesOf, runOf } from "../run_of.ts";

/** Least bytes of a part, but for the last; and of what a part is copied from. */
export const LEAST_PART = 5 * 1024 * 1024;

/** Bytes of a part that is sent again, unless there would be too many. */
export const SENT_PART = 8 * 1024 * 1024;

/** Most bytes of a part that is sent, as it has to be in memory. */
export const MOST_SENT = 64 * 1024 * 1024;

/** Most bytes of pieces that are written at once. */
const MOST_RUN = 16 * 1024 * 1024;

/** Most parts of an object. */
const MOST_PARTS = 10_000;

/** A run of bytes of one run of pieces. */
export interface PieceSpan {
  /** The first piece of the run. */
  readonly pieceIndex: number;
  /** Where it starts, from the start of that piece. */
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
  /** Whether the server can copy it from the one run that it is of. */
  readonly isCopy: boolean;
}

/**
 * How many pieces are written at once: as many as the server copies as a part of
 * the longest file. It is part of the names of objects.
 */
export function runLength(layout: PieceLayout): number {
  const { pieceLength, fileCount } = layout;
  if (pieceLength >= LEAST_PART) return 1;
  let longest = 0;
  for (let i = 0; i < fileCount; i++) {
    longest = Math.max(longest, layout.file(i).length);
  }
  const least = Math.max(SENT_PART, longest / (MOST_PARTS - 2));
  return Math.min(
    Math.ceil(least / pieceLength),
    Math.floor(MOST_RUN / pieceLength),
  );
}

function runBytes(
  layout: PieceLayout,
  runPieces: number,
  pieceIndex: number,
): number {
  return bytesOf(layout, runOf(layout, runPieces, pieceIndex));
}

/** The bytes of a file by runs of pieces, in order. */
function* spansOf(
  layout: PieceLayout,
  runPieces: number,
  fileIndex: number,
): Generator<PieceSpan> {
  const { pieceLength } = layout;
  const { offset, length } = layout.file(fileIndex);
  const { first, end } = layout.filePieces(fileIndex);
  for (let i = first; i < end;) {
    const run = runOf(layout, runPieces, i);
    const address = run.first * pieceLength;
    const start = Math.max(offset, address);
    const stop = Math.min(offset + length, run.end * pieceLength);
    yield {
      pieceIndex: run.first,
      offset: start - address,
      length: stop - start,
    };
    i = run.end;
  }
}

/**
 * Plans the parts of a file: runs of pieces that are large enough are copied by the
 * server, others are gathered and sent.
 *
 * @param layout Pieces and files.
 * @param runPieces How many pieces a run has.
 * @param fileIndex Which file.
 * @returns Its parts in order; `undefined` if it is too large for parts that fit
 * in memory.
 */
export function planParts(
  layout: PieceLayout,
  runPieces: number,
  fileIndex: number,
): FilePart[] | undefined {
  const { length } = layout.file(fileIndex);
  const all = [...spansOf(layout, runPieces, fileIndex)];
  const copies = all.length < MOST_PARTS;
  // Gathered parts end with runs, so they may be shorter by one.
  const most = Math.max(
    SENT_PART,
    Math.ceil(length / MOST_PARTS) + runPieces * layout.pieceLength,
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
  const last = all.at(-1);
  for (let span of all) {
    // The last may be short, but only whole objects that short are copied.
    const isLong = span.length >= LEAST_PART || span === last &&
        span.length === runBytes(layout, runPieces, span.pieceIndex);
    if (copies && isLong && gathered >= LEAST_PART) flush();
    if (
      copies && gathered > 0 && gathered < LEAST_PART &&
      gathered + span.length >= 2 * LEAST_PART
    ) {
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
    if (copies && isLong && gathered === 0) {
      parts.push({ spans: [span], length: span.length, isCopy: true });
      continue;
    }
    if (gathered >= LEAST_PART && gathered + span.length > most) flush();
    take(span);
  }
  flush();
  return parts;
}
