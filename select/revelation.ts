/**
 * Revelation: which pieces other peers are told of.
 *
 * @module
 */
import type { Bitfield } from "../_shared/bitfield.ts";
import type { RandomSource } from "../_shared/random.ts";
import { randomInt, shuffle } from "../_shared/random.ts";
import type { PeerKey } from "./selection_strategy.ts";

/** What a peer is told of when it connects. */
export interface FirstReveal {
  /** The pieces of the first message; copied. Absent for none. */
  readonly told?: Bitfield | undefined;
  /** Pieces to announce after that, one by one. @default {none} */
  readonly later?: readonly number[] | undefined;
}

/** A piece that a peer is to be told of. */
export interface Reveal {
  /** The peer to tell; absent for all. */
  readonly peer?: PeerKey | undefined;
  /** Which piece to announce. */
  readonly pieceIndex: number;
}

/** Decides what peers are told of our pieces. */
export interface Revelation {
  /** For people and logs, such as `"honest"`. */
  readonly name: string;
  /**
   * Whether every peer is told of everything at once, so that there
   * is no need to keep who was told of what. @default {false}
   */
  readonly tellsAll?: boolean | undefined;
  /**
   * Whether it has done its work and the honest way is to take over.
   * @default {false}
   */
  readonly isDone?: boolean | undefined;
  /**
   * A peer connected. To be called once for each connection.
   *
   * @param peer The peer.
   * @returns What it is told of; requests for anything else are refused.
   */
  connected(peer: PeerKey): FirstReveal;
  /**
   * A peer left.
   *
   * @param peer The peer; an unknown one is ignored.
   * @returns Pieces to announce to others.
   */
  disconnected(peer: PeerKey): readonly Reveal[];
  /**
   * A piece of ours was verified and written.
   *
   * @param pieceIndex Which piece.
   * @returns Whom to tell.
   */
  verified(pieceIndex: number): readonly Reveal[];
  /**
   * A peer announced pieces, one or many. May be left out.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece; absent after a bitfield or have-all.
   * @returns Pieces to announce.
   */
  peerHas?(peer: PeerKey, pieceIndex?: number): readonly Reveal[];
  /**
   * Time has passed. May be left out.
   *
   * @param now The time in milliseconds.
   * @returns Pieces to announce.
   */
  tick?(now: number): readonly Reveal[];
  /**
   * What a peer does not know of, to be announced when another way of
   * revelation takes over. May be left out where all is told.
   *
   * @param peer The peer.
   * @returns Piece indices in ascending order.
   */
  hidden?(peer: PeerKey): readonly number[];
}

/** Options of {@linkcode HonestRevelation}. */
export interface RevelationOptions {
  /** What is verified, now and later on: it is followed. */
  readonly have: Bitfield;
}

/** Options of {@linkcode LazyRevelation}. */
export interface LazyRevelationOptions extends RevelationOptions {
  /** Random source. */
  readonly random: RandomSource;
  /** The most pieces to hold back at first. @default {16} */
  readonly holdBack?: number | undefined;
}

/** Tells every peer everything, at once. */
export class HonestRevelation implements Revelation {
  /** The name of this way. */
  readonly name: string = "honest";
  /** Every peer is told of everything at once. */
  readonly tellsAll: boolean = true;
  readonly #have: Bitfield;

  /**
   * Starts without peers.
   *
   * @param options See {@linkcode RevelationOptions}.
   */
  constructor(options: RevelationOptions) {
    this.#have = options.have;
  }

  /**
   * A peer connected.
   *
   * @returns All that we have.
   */
  connected(): FirstReveal {
    return { told: this.#have };
  }

  /**
   * A peer left.
   *
   * @returns Nothing.
   */
  disconnected(): readonly Reveal[] {
    return [];
  }

  /**
   * A piece of ours was verified: all are told.
   *
   * @param pieceIndex Which piece.
   * @returns The piece, for all.
   */
  verified(pieceIndex: number): readonly Reveal[] {
    return [{ pieceIndex }];
  }
}

/**
 * Tells every peer everything, but some of it in messages of its own after an
 * incomplete bitfield, so that middleboxes that look for the bitfield of a seed
 * do not see one.
 */
export class LazyRevelation implements Revelation {
  /** The name of this way. */
  readonly name: string = "lazy";
  readonly #have: Bitfield;
  readonly #random: RandomSource;
  readonly #holdBack: number;

  /**
   * Starts without peers.
   *
   * @param options See {@linkcode LazyRevelationOptions}.
   * @throws {RangeError} If `holdBack` is no positive integer.
   */
  constructor(options: LazyRevelationOptions) {
    const { holdBack = 16 } = options;
    if (!Number.isInteger(holdBack) || holdBack < 1) {
      throw new RangeError(
        `Cannot hold back ${holdBack} pieces: it must be a positive integer`,
      );
    }
    this.#have = options.have;
    this.#random = options.random;
    this.#holdBack = holdBack;
  }

  /**
   * A peer connected: it gets a bitfield with gaps and then the rest.
   *
   * @returns What is told at once, and the pieces held back, in random order.
   */
  connected(): FirstReveal {
    const told = this.#have.clone();
    const most = Math.min(this.#holdBack, Math.ceil(told.count / 10));
    const later: number[] = [];
    // A draw hits a piece we have with this chance at least; then look on.
    while (later.length < most) {
      let pieceIndex = randomInt(this.#random, told.length);
      while (!told.has(pieceIndex)) pieceIndex = (pieceIndex + 1) % told.length;
      told.clear(pieceIndex);
      later.push(pieceIndex);
    }
    return { told, later: shuffle(this.#random, later) };
  }

  /**
   * A peer left.
   *
   * @returns Nothing.
   */
  disconnected(): readonly Reveal[] {
    return [];
  }

  /**
   * A piece of ours was verified: all are told.
   *
   * @param pieceIndex Which piece.
   * @returns The piece, for all.
   */
  verified(pieceIndex: number): readonly Reveal[] {
    return [{ pieceIndex }];
  }
}
