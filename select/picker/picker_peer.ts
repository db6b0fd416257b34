import type { PeerKey, PeerPieces } from "../selection_strategy.ts";

/** In place of a map that is made when it is needed: most peers are idle. */
export const NO_PIECES = new Map<number, number>();

/** What the picker keeps of one peer. */
export class PickerPeer implements PeerPieces {
  readonly key: PeerKey;
  words: Uint32Array | undefined;
  /** Whether it has all but what it lacks. */
  isSeed = false;
  /** What a seed lost again, while that is little. */
  lacks: Set<number> | undefined;
  readonly cursor: Int32Array = new Int32Array(8);
  /** Pieces it has. */
  count = 0;
  /** Pieces it has that are wanted and lacking. */
  interesting = 0;
  /** The same one by one while they are few; may name others too. */
  few: number[] | undefined;
  choked = true;
  parole = false;
  /** Bytes per second; 0 while unknown. */
  rate = 0;
  /** Blocks asked of it. */
  outstanding = 0;
  /** When it last gave a block or went to work. */
  activeAt = 0;
  /** Pieces with blocks asked of it, and how many. */
  pieces: Map<number, number> = NO_PIECES;
  /** The piece it works on. */
  current = -1;
  readonly allowedFast: number[] = [];
  readonly suggested: number[] = [];

  constructor(key: PeerKey) {
    this.key = key;
  }

  has(pieceIndex: number): boolean {
    const words = this.words;
    if (words === undefined) {
      return this.isSeed && !(this.lacks?.has(pieceIndex) ?? false);
    }
    return (words[pieceIndex >>> 5]! >>> (pieceIndex & 31) & 1) === 1;
  }
}
