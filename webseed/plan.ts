/**
 * Which bytes of which files to ask for.
 *
 * @module
 */
import type { BlockAddress, PieceLayout } from "../metainfo/piece_layout.ts";

/** Most bytes of one request for a part of a file. */
export const MAX_REQUEST = 16 * 1024 * 1024;

/** A run of bytes of a file. */
export interface FileRange {
  /** Index of the file. */
  readonly fileIndex: number;
  /** The first byte. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/**
 * The parts of files that hold blocks, padding left out, of at most
 * {@linkcode MAX_REQUEST} bytes each, in the order of the blocks.
 */
export function planRanges(
  layout: PieceLayout,
  blocks: readonly BlockAddress[],
): FileRange[] {
  const ranges: { fileIndex: number; start: number; end: number }[] = [];
  for (const { pieceIndex, blockOffset, length } of blocks) {
    for (const span of layout.spans(pieceIndex, blockOffset, length)) {
      if (span.pad) continue;
      const { fileIndex, fileOffset: start, length } = span;
      const last = ranges.at(-1);
      if (
        last?.fileIndex === fileIndex && last.end === start &&
        start + length - last.start <= MAX_REQUEST
      ) last.end = start + length;
      else ranges.push({ fileIndex, start, end: start + length });
    }
  }
  return ranges;
}

/**
 * The file to begin with where a server sends whole files only: the one that
 * holds the start of a piece, or of a lacking piece that it shares with files
 * before it.
 */
export function firstWhole(
  layout: PieceLayout,
  pieceIndex: number,
  isLacking: (pieceIndex: number) => boolean,
): number {
  let fileIndex = layout.fileAt(pieceIndex);
  if (layout.file(fileIndex).pad) {
    fileIndex = after(layout, fileIndex, pieceIndex) ?? fileIndex;
  }
  while (true) {
    const { first } = layout.filePieces(fileIndex);
    const start = layout.file(fileIndex).offset;
    if (start === first * layout.pieceLength || !isLacking(first)) break;
    const before = layout.fileAt(first);
    if (before === fileIndex || layout.file(before).pad) break;
    fileIndex = before;
  }
  return fileIndex;
}

/**
 * The file to go on with where a server sends whole files only: the next one,
 * where it has the rest of a lacking piece; else `undefined`.
 */
export function nextWhole(
  layout: PieceLayout,
  fileIndex: number,
  isLacking: (pieceIndex: number) => boolean,
): number | undefined {
  const last = layout.filePieces(fileIndex).end - 1;
  return isLacking(last) ? after(layout, fileIndex, last) : undefined;
}

/** The next file with payload in a piece. */
function after(
  layout: PieceLayout,
  fileIndex: number,
  pieceIndex: number,
): number | undefined {
  for (let i = fileIndex + 1; i < layout.fileCount; i++) {
    const { length, offset, pad } = layout.file(i);
    if (Math.floor(offset / layout.pieceLength) > pieceIndex) return undefined;
    if (length > 0 && !pad) return i;
  }
  return undefined;
}
