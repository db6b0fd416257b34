import type { PeerKey, PeerPieces } from "./selection_strategy.ts";

/** Releases of one peer that are remembered, as their blocks may yet come. */
const LATE_LIMIT = 4096;
const LATE_STRIDE = 2 ** 20;

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
  readonly pieces: Map<number, number> = new Map();
  /** The piece it works on. */
  current = -1;
  readonly allowedFast: number[] = [];
  readonly suggested: number[] = [];
  readonly #late = new Set<number>();

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

  /** Notes that a block is no longer asked for but may still come. */
  expectLate(pieceIndex: number, block: number): void {
    const late = this.#late;
    late.add(pieceIndex * LATE_STRIDE + block);
    if (late.size > LATE_LIMIT) {
      for (const oldest of late) {
        late.delete(oldest);
        break;
      }
    }
  }

  /** Whether a block was to be expected late; forgets it. */
  takeLate(pieceIndex: number, block: number): boolean {
    return this.#late.size > 0 &&
      this.#late.delete(pieceIndex * LATE_STRIDE + block);
  }
}
