/**
 * Which files of a torrent a web seed has, and where.
 *
 * @module
 */
import { Bitfield } from "../_shared/bitfield.ts";
import type { PieceLayout } from "../metainfo/piece_layout.ts";
import type { FileRange } from "./plan.ts";
import { webSeedFileUrl, type WebSeedTorrent } from "./url.ts";

/** Files of which it is remembered where they were moved to. */
const MAX_MOVED = 1024;
/** So many bad pieces, and nothing more is asked. */
const MAX_BAD_PIECES = 16;
/** A file is read for what lies behind so much of no use, or a quarter of it. */
const MAX_SKIPPED = 64 * 1024 * 1024;

/** What is known of the files of one web seed. */
export class WebSeedFiles {
  /** Pieces that it may be asked for. */
  readonly pieces: Bitfield;
  readonly #base: URL;
  readonly #torrent: WebSeedTorrent;
  readonly #layout: PieceLayout;
  readonly #isWanted: (pieceIndex: number) => boolean;
  readonly #dropped = new Set<number>();
  /** Bad pieces of files that have no such piece to themselves. */
  readonly #suspects = new Map<number, number>();
  readonly #moved = new Map<number, string>();
  #badPieces = 0;

  constructor(
    base: URL,
    torrent: WebSeedTorrent,
    isWanted: (pieceIndex: number) => boolean = () => true,
  ) {
    this.#base = base;
    this.#torrent = torrent;
    this.#layout = torrent.layout;
    this.#isWanted = isWanted;
    this.pieces = Bitfield.full(torrent.layout.pieceCount);
  }

  /** Whether a piece may be had from here, and is of use. */
  readonly isLacking = (pieceIndex: number): boolean =>
    this.pieces.has(pieceIndex) && this.#isWanted(pieceIndex);

  /** Whether a file is left alone. */
  isDropped(fileIndex: number): boolean {
    return this.#dropped.has(fileIndex);
  }

  /** Where a file is. */
  url(fileIndex: number): string {
    return this.#moved.get(fileIndex) ??
      webSeedFileUrl(this.#base, this.#torrent, fileIndex);
  }

  /** Whether a file is at another place than the torrent says. */
  isMoved(fileIndex: number): boolean {
    return this.#moved.has(fileIndex);
  }

  /** Notes where a server sent us for a file, or that it is there no more. */
  setMoved(fileIndex: number, url: string | undefined): void {
    if (url === undefined) this.#moved.delete(fileIndex);
    else if (this.#moved.size < MAX_MOVED) this.#moved.set(fileIndex, url);
  }

  /** All of a file. */
  whole(fileIndex: number): FileRange {
    return { fileIndex, start: 0, end: this.#layout.file(fileIndex).length };
  }

  /** Whether enough of a whole file is of use. */
  isWorth(fileIndex: number): boolean {
    if (this.#layout.file(fileIndex).length <= MAX_SKIPPED) return true;
    const { first, end } = this.#layout.filePieces(fileIndex);
    let lacking = 0;
    for (let i = first; i < end; i++) if (this.isLacking(i)) lacking++;
    return lacking * 4 >= end - first;
  }

  /** Whether nothing of a file is of use from a position on. */
  isRestUseless(fileIndex: number, position: number): boolean {
    const { offset } = this.#layout.file(fileIndex);
    const { end } = this.#layout.filePieces(fileIndex);
    let piece = Math.floor((offset + position) / this.#layout.pieceLength);
    while (piece < end && !this.isLacking(piece)) piece++;
    return piece === end;
  }

  /** Leaves a file alone from now on; returns the pieces that are lost by it. */
  drop(fileIndex: number): number[] {
    this.#dropped.add(fileIndex);
    const { first, end } = this.#layout.filePieces(fileIndex);
    return this.#lose(Array.from({ length: end - first }, (_, i) => first + i));
  }

  /**
   * Leaves a bad piece alone, and its file, or those of its files that had part
   * in another one. Returns the pieces that are lost by it; `undefined` where
   * nothing more is to be believed.
   */
  bad(pieceIndex: number): number[] | undefined {
    const { isSingleFile } = this.#torrent;
    if (!this.pieces.has(pieceIndex)) return [];
    if (isSingleFile || ++this.#badPieces >= MAX_BAD_PIECES) return undefined;
    const size = this.#layout.pieceSize(pieceIndex);
    const files = this.#layout.spans(pieceIndex, 0, size)
      .flatMap(({ fileIndex, pad }) => pad ? [] : [fileIndex]);
    let lost = this.#lose([pieceIndex]);
    for (const fileIndex of files) {
      const count = (this.#suspects.get(fileIndex) ?? 0) + 1;
      this.#suspects.set(fileIndex, count);
      // It may have more pieces than a call takes arguments.
      if (files.length === 1 || count > 1) {
        lost = [...lost, ...this.drop(fileIndex)];
      }
    }
    return lost;
  }

  /** Leaves everything alone; returns the pieces that are lost by it. */
  dropAll(): number[] {
    const { length } = this.pieces;
    return this.#lose(Array.from({ length }, (_, i) => i));
  }

  #lose(pieces: readonly number[]): number[] {
    return pieces.filter((piece) => this.pieces.clear(piece));
  }
}
