/**
 * Revelation: which pieces other peers are told of.
 *
 * @module
 */
import { Bitfield } from "../_shared/bitfield.ts";
import type { RandomSource } from "../_shared/random.ts";
import { randomInt, shuffle } from "../_shared/random.ts";
import type { PeerKey } from "./selection_strategy.ts";

/** A message about our pieces (BEP 3, BEP 6). */
export type RevealMessage =
  | { readonly type: "bitfield"; readonly field: Bitfield }
  | { readonly type: "have-all" }
  | { readonly type: "have-none" }
  | { readonly type: "have"; readonly pieceIndex: number };

/** A piece that a peer is to be told of. */
export interface Reveal {
  /** The peer to tell; absent for all. */
  readonly peer?: PeerKey | undefined;
  /** Which piece to announce. */
  readonly pieceIndex: number;
}

/** Options of a peer that connects. */
export interface RevealConnectOptions {
  /** Whether both sides have the fast extension (BEP 6). @default {false} */
  readonly fast?: boolean | undefined;
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
   * @param options See {@linkcode RevealConnectOptions}.
   * @returns Messages to send right after the handshake, in order.
   * @throws {RangeError} If the peer is connected already.
   */
  connected(
    peer: PeerKey,
    options?: RevealConnectOptions,
  ): readonly RevealMessage[];
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
   * @throws {RangeError} If there is no such piece.
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
   * Whether a request for a piece is to be served: we have it and the peer was
   * told so.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   * @returns False for what looks missing to the peer.
   */
  mayServe(peer: PeerKey, pieceIndex: number): boolean;
  /**
   * What a peer does not know of, to be announced when another way of
   * revelation takes over. May be left out where all is told.
   *
   * @param peer The peer.
   * @returns Piece indices in ascending order.
   */
  hidden?(peer: PeerKey): readonly number[];
}

/** Options of {@linkcode HonestRevelation} and {@linkcode LazyRevelation}. */
export interface RevelationOptions {
  /** How many pieces the torrent has. */
  readonly pieceCount: number;
  /** What is verified at the start; copied. @default {none} */
  readonly have?: Bitfield | undefined;
}

/** Options of {@linkcode LazyRevelation}. */
export interface LazyRevelationOptions extends RevelationOptions {
  /** Random source. */
  readonly random: RandomSource;
  /** The most pieces to hold back at first. @default {16} */
  readonly holdBack?: number | undefined;
}

function ownHave(options: RevelationOptions): Bitfield {
  const { pieceCount, have } = options;
  if (have === undefined) return new Bitfield(pieceCount);
  if (have.length !== pieceCount) {
    throw new RangeError(
      `Cannot reveal pieces as "have" must be of ${pieceCount} pieces: it is of ${have.length}`,
    );
  }
  return have.clone();
}

/** The peers and pieces that every way of revelation has to know. */
class Audience {
  readonly have: Bitfield;
  readonly peers: Set<PeerKey> = new Set();

  constructor(options: RevelationOptions) {
    this.have = ownHave(options);
  }

  add(peer: PeerKey): void {
    if (this.peers.has(peer)) {
      throw new RangeError(
        `Cannot reveal pieces to peer ${peer} again: a bitfield is sent once`,
      );
    }
    this.peers.add(peer);
  }

  verified(pieceIndex: number): Reveal[] {
    // Throws for an index out of range.
    return this.have.set(pieceIndex) ? [{ pieceIndex }] : [];
  }
}

/** Tells every peer everything, at once. */
export class HonestRevelation implements Revelation {
  /** The name of this way. */
  readonly name: string = "honest";
  /** Every peer is told of everything at once. */
  readonly tellsAll: boolean = true;
  readonly #audience: Audience;

  /**
   * Starts without peers.
   *
   * @param options See {@linkcode RevelationOptions}.
   * @throws {RangeError} If `have` has the wrong length.
   */
  constructor(options: RevelationOptions) {
    this.#audience = new Audience(options);
  }

  /**
   * A peer connected: it gets our bitfield, or its short form with the fast
   * extension; nothing when we have nothing.
   *
   * @param peer The peer.
   * @param options See {@linkcode RevealConnectOptions}.
   * @returns At most one message.
   * @throws {RangeError} If the peer is connected already.
   */
  connected(
    peer: PeerKey,
    options: RevealConnectOptions = {},
  ): readonly RevealMessage[] {
    this.#audience.add(peer);
    const { have } = this.#audience;
    if (options.fast && have.isEmpty) return [{ type: "have-none" }];
    if (have.isEmpty) return [];
    if (options.fast && have.isFull) return [{ type: "have-all" }];
    return [{ type: "bitfield", field: have.clone() }];
  }

  /**
   * A peer left.
   *
   * @param peer The peer.
   * @returns Nothing.
   */
  disconnected(peer: PeerKey): readonly Reveal[] {
    this.#audience.peers.delete(peer);
    return [];
  }

  /**
   * A piece of ours was verified: all are told.
   *
   * @param pieceIndex Which piece.
   * @returns Whom to tell.
   * @throws {RangeError} If there is no such piece.
   */
  verified(pieceIndex: number): readonly Reveal[] {
    return this.#audience.verified(pieceIndex);
  }

  /**
   * Whether a request is to be served.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   * @returns Whether we have it.
   */
  mayServe(peer: PeerKey, pieceIndex: number): boolean {
    return this.#audience.peers.has(peer) &&
      this.#audience.have.has(pieceIndex);
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
  readonly #audience: Audience;
  readonly #random: RandomSource;
  readonly #holdBack: number;

  /**
   * Starts without peers.
   *
   * @param options See {@linkcode LazyRevelationOptions}.
   * @throws {RangeError} If `have` has the wrong length or `holdBack` is no
   * positive integer.
   */
  constructor(options: LazyRevelationOptions) {
    const { holdBack = 16 } = options;
    if (!Number.isInteger(holdBack) || holdBack < 1) {
      throw new RangeError(
        `Cannot hold back ${holdBack} pieces: it must be a positive integer`,
      );
    }
    this.#audience = new Audience(options);
    this.#random = options.random;
    this.#holdBack = holdBack;
  }

  /**
   * A peer connected: it gets a bitfield with gaps and then the rest.
   *
   * @param peer The peer.
   * @param options See {@linkcode RevealConnectOptions}.
   * @returns The bitfield and the pieces held back, in random order.
   * @throws {RangeError} If the peer is connected already.
   */
  connected(
    peer: PeerKey,
    options: RevealConnectOptions = {},
  ): readonly RevealMessage[] {
    this.#audience.add(peer);
    const { have } = this.#audience;
    if (have.isEmpty) return options.fast ? [{ type: "have-none" }] : [];
    const field = have.clone();
    const most = Math.min(this.#holdBack, Math.ceil(have.count / 10));
    const later: number[] = [];
    // A draw hits a piece we have with this chance at least; then look on.
    while (later.length < most) {
      let pieceIndex = randomInt(this.#random, field.length);
      while (!field.has(pieceIndex)) {
        pieceIndex = (pieceIndex + 1) % field.length;
      }
      field.clear(pieceIndex);
      later.push(pieceIndex);
    }
    const messages: RevealMessage[] = [];
    if (!field.isEmpty) messages.push({ type: "bitfield", field });
    else if (options.fast) messages.push({ type: "have-none" });
    for (const pieceIndex of shuffle(this.#random, later)) {
      messages.push({ type: "have", pieceIndex });
    }
    return messages;
  }

  /**
   * A peer left.
   *
   * @param peer The peer.
   * @returns Nothing.
   */
  disconnected(peer: PeerKey): readonly Reveal[] {
    this.#audience.peers.delete(peer);
    return [];
  }

  /**
   * A piece of ours was verified: all are told.
   *
   * @param pieceIndex Which piece.
   * @returns Whom to tell.
   * @throws {RangeError} If there is no such piece.
   */
  verified(pieceIndex: number): readonly Reveal[] {
    return this.#audience.verified(pieceIndex);
  }

  /**
   * Whether a request is to be served.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   * @returns Whether we have it.
   */
  mayServe(peer: PeerKey, pieceIndex: number): boolean {
    return this.#audience.peers.has(peer) &&
      this.#audience.have.has(pieceIndex);
  }
}
