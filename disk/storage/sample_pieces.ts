/**
 * Whether files that look as they did are what they were.
 *
 * @module
 */
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { piecesOf } from "./lost_pieces.ts";

/** Pieces of a sample. */
export const SAMPLE_PIECES = 64;

/** What {@linkcode checkSample} works with. */
export interface SampleOptions {
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
