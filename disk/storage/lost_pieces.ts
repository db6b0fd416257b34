/**
 * Pieces of files that are no longer what they were, and how that is found out.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import type { TorrentFiles } from "../files/torrent_files.ts";
import { randomInt, type RandomSource } from "../../_shared/random.ts";

/** Pieces of a sample. */
export const SAMPLE_PIECES = 64;

/** What {@linkcode checkSample} works with. */
interface SampleOptions {
  readonly layout: PieceLayout;
  readonly have: Bitfield;
  readonly random: RandomSource;
  /** Hashes pieces and corrects `have`. */
  readonly check: (pieces: readonly number[]) => Promise<void>;
}

/**
 * Hashes a sample of the pieces of files, then all of a file that has a bad one,
 * until a sample is good. Damage in a part `f` of the pieces is found with a
 * probability of `1 - (1 - f) ** 64`. Gives the files that have bad ones.
 */
export async function checkSample(
  files: readonly number[],
  { layout, have, random, check }: SampleOptions,
): Promise<ReadonlySet<number>> {
  const damaged = new Set<number>();
  let rest = piecesOf(files, layout, have);
  while (rest.length > 0) {
    const sample = drawn(rest, random);
    await check(sample);
    const bad = sample.filter((i) => !have.has(i));
    if (bad.length === 0) break;
    for (const i of bad) {
      for (const span of layout.spans(i, 0, layout.pieceSize(i))) {
        if (!span.pad) damaged.add(span.fileIndex);
      }
    }
    const pieces = new Set(piecesOf([...damaged], layout, have));
    await check([...pieces]);
    rest = rest.filter((i) => have.has(i) && !pieces.has(i));
  }
  return damaged;
}

/** One of each of so many runs of pieces, so that runs of damage are found. */
function drawn(pieces: readonly number[], random: RandomSource): number[] {
  const count = Math.min(SAMPLE_PIECES, pieces.length);
  return Array.from({ length: count }, (_, k) => {
    const from = Math.floor(k * pieces.length / count);
    const end = Math.floor((k + 1) * pieces.length / count);
    return pieces[from + randomInt(random, end - from)]!;
  });
}

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
