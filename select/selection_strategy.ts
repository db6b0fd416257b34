/**
 * In which order pieces are asked for: what an order sees, and what it does.
 *
 * @module
 */

/**
 * A connection, as a number chosen by the caller: an integer from 0 to
 * 2^31 - 1. Give every connection of a torrent a fresh one, so that what is
 * remembered of a peer that left never sticks to another.
 */
export type PeerKey = number;

/** The priority of pieces that are not wanted. */
export const SKIP_PRIORITY = 0;
/** The priority that pieces start with. */
export const DEFAULT_PRIORITY = 4;
/** The highest priority. */
export const TOP_PRIORITY = 7;

/** What an order may know of one peer. */
export interface PeerPieces {
  /**
   * Whether the peer has a piece.
   *
   * @param pieceIndex Which piece.
   * @returns True when it announced it.
   */
  has(pieceIndex: number): boolean;
  /**
   * The peer's pieces as bits, piece `i` being bit `i % 32` of word
   * `i / 32`; `undefined` when it has all pieces, all but a few, or none.
   */
  readonly words: Uint32Array | undefined;
  /** Whether the peer has every piece, or all but a few: `has` knows. */
  readonly isSeed: boolean;
  /**
   * Eight numbers that belong to the order: lower bounds below which it has
   * nothing for this peer. Zero for a new peer.
   */
  readonly cursor: Int32Array;
}

/** What an order may know of the pieces. */
export interface PieceView {
  /** How many pieces there are. */
  readonly pieceCount: number;
  /** All connected peers. */
  readonly peers: readonly PeerPieces[];
  /**
   * The priority of a piece.
   *
   * @param pieceIndex Which piece.
   * @returns 0 (not wanted) to 7.
   */
  priority(pieceIndex: number): number;
  /**
   * How many peers that are no seeds have a piece.
   *
   * @param pieceIndex Which piece.
   * @returns The count; seeds would add the same to every piece.
   */
  rarity(pieceIndex: number): number;
  /**
   * Whether a piece is wanted, lacking and untouched. The order holds exactly
   * these.
   *
   * @param pieceIndex Which piece.
   * @returns True when it is open.
   */
  isOpen(pieceIndex: number): boolean;
  /**
   * Draws a number for breaking ties.
   *
   * @param below Exclusive upper bound, 1 to 2^31.
   * @returns An integer from 0 to `below - 1`; not for secrets.
   */
  random(below: number): number;
}

/** The open pieces of a torrent, kept in some order. */
export interface PieceOrder {
  /**
   * Whether blocks of a started piece may come before an open piece of the
   * same priority that ranks higher. False for orders that must be kept.
   */
  readonly prefersStarted: boolean;
  /**
   * A piece became open. The view already says so.
   *
   * @param pieceIndex Which piece.
   */
  add(pieceIndex: number): void;
  /**
   * A piece ceases to be open. The view still has its old priority.
   *
   * @param pieceIndex Which piece.
   */
  remove(pieceIndex: number): void;
  /**
   * The priority or rarity of a piece, open or not, has changed.
   *
   * @param pieceIndex Which piece.
   * @param oldPriority Its priority before.
   * @param oldRarity Its rarity before.
   * @param batch True when one of many: `lowered` will follow once.
   */
  changed(
    pieceIndex: number,
    oldPriority: number,
    oldRarity: number,
    batch: boolean,
  ): void;
  /** Some pieces were each made rarer by one in a batch of changes. */
  lowered(): void;
  /** Anything may have changed: take all from the view again. */
  invalidate(): void;
  /**
   * A peer got an open piece.
   *
   * @param peer The peer, which already has it.
   * @param pieceIndex Which piece.
   */
  peerGained(peer: PeerPieces, pieceIndex: number): void;
  /**
   * Finds the best open piece that a peer has.
   *
   * @param peer The peer.
   * @returns The piece, or -1 when there is none.
   */
  first(peer: PeerPieces): number;
  /**
   * Finds any open piece that a peer has, of the highest priority possible.
   * Orders without it are never asked for random first pieces.
   *
   * @param peer The peer.
   * @returns The piece, or -1 when there is none.
   */
  any?(peer: PeerPieces): number;
  /**
   * Tells which piece of two comes first.
   *
   * @param pieceIndex Which piece, open or not.
   * @returns A number that is lower for what comes sooner, good until the next
   * change.
   */
  rank(pieceIndex: number): number;
}

/** A way to choose pieces. */
export interface SelectionStrategy {
  /** For people and logs, such as `"rarest-first"`. */
  readonly name: string;
  /**
   * Makes the order of one torrent.
   *
   * @param view The torrent's pieces.
   * @returns An order that holds what is open in the view.
   */
  createOrder(view: PieceView): PieceOrder;
}
