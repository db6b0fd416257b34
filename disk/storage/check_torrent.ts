/**
 * What must hold of a torrent before it is stored, and of what is asked of it.
 *
 * @module
 */
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { DiskError } from "../error.ts";
import type { StorageTorrent } from "../storage.ts";

/** Pieces of nothing but padding. */
export function padPieces(torrent: StorageTorrent): number[] {
  const { layout } = torrent;
  const pieces: number[] = [];
  if (!layout.files.some((file) => file.pad)) return pieces;
  for (let i = 0; i < layout.pieceCount; i++) {
    if (layout.payloadSize(i) === 0) pieces.push(i);
  }
  return pieces;
}

/** Throws a RangeError if paths, hashes and layout do not fit together. */
export function checkTorrent(torrent: StorageTorrent): void {
  const { infoHash, layout, paths, pieces } = torrent;
  if (infoHash.length !== 20) {
    throw new RangeError(
      `Cannot store a torrent: its info-hash has ${infoHash.length} bytes, 20 were expected`,
    );
  }
  if (paths.length !== layout.files.length) {
    throw new RangeError(
      `Cannot store a torrent: it has ${paths.length} paths for ${layout.files.length} files`,
    );
  }
  if (pieces !== undefined && pieces.length !== 20 * layout.pieceCount) {
    throw new RangeError(
      `Cannot store a torrent: it has ${pieces.length} bytes of hashes for ${layout.pieceCount} pieces`,
    );
  }
  const seen = new Set<string>();
  for (let i = 0; i < paths.length; i++) {
    if (layout.files[i]!.pad) continue;
    const key = paths[i]!.join("/");
    if (seen.has(key)) {
      throw new RangeError(
        `Cannot store a torrent: two of its files are "${key}"`,
      );
    }
    seen.add(key);
  }
}

/** Throws `out-of-bounds` unless there are such bytes. */
export function checkBlock(
  layout: PieceLayout,
  operation: string,
  pieceIndex: number,
  blockOffset: number,
  length: number,
): void {
  if (layout.isBlock(pieceIndex, blockOffset, length)) return;
  const end = blockOffset + length;
  throw new DiskError(
    "out-of-bounds",
    `There are no bytes ${blockOffset} to ${end} in piece ${pieceIndex} of ${layout.pieceCount}`,
    { operation },
  );
}

/** Throws `out-of-bounds` unless there is such a file. */
export function checkFile(layout: PieceLayout, fileIndex: number): void {
  if (layout.files[fileIndex] !== undefined) return;
  throw new DiskError(
    "out-of-bounds",
    `There is no file ${fileIndex}: the torrent has ${layout.files.length}`,
    { operation: "select file" },
  );
}
