/**
 * In which order a seed answers: first copies before second ones.
 *
 * @module
 */
import { Bitfield } from "../_shared/bitfield.ts";
import type { PeerKey } from "./selection_strategy.ts";

/**
 * Knows the pieces that nobody but us has, and whom each of them is on its way
 * to. Requests for them are answered before others, and each is sent to one
 * peer first.
 */
export class FirstCopies {
  readonly #have: Bitfield;
  readonly #availability: (pieceIndex: number) => number;
  /** Pieces that no peer had at the last look. */
  #rare: Bitfield | undefined;
  /** Who is being sent a piece of these. */
  readonly #taker = new Map<number, PeerKey>();

  /**
   * Starts without any.
   *
   * @param have What is ours; live.
   * @param availability Tells how many peers have a piece.
   */
  constructor(have: Bitfield, availability: (pieceIndex: number) => number) {
    this.#have = have;
    this.#availability = availability;
  }

  /** Looks which pieces nobody but us has; to be called now and then. */
  look(): void {
    let rare: Bitfield | undefined;
    for (const pieceIndex of this.#have) {
      if (this.#availability(pieceIndex) > 0) continue;
      (rare ??= new Bitfield(this.#have.length)).set(pieceIndex);
    }
    this.#rare = rare;
    for (const pieceIndex of this.#taker.keys()) {
      if (!rare?.has(pieceIndex)) this.#taker.delete(pieceIndex);
    }
  }

  /**
   * Notes that a peer is being sent some of a piece.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   */
  served(peer: PeerKey, pieceIndex: number): void {
    if (this.#rare?.has(pieceIndex) && !this.#taker.has(pieceIndex)) {
      this.#taker.set(pieceIndex, peer);
    }
  }

  /**
   * A peer left or lost its slot: what it was sent may go to others.
   *
   * @param peer The peer.
   */
  gone(peer: PeerKey): void {
    for (const [pieceIndex, taker] of this.#taker) {
      if (taker === peer) this.#taker.delete(pieceIndex);
    }
  }

  /**
   * Tells which pieces come first for a peer.
   *
   * @param peer The peer.
   * @returns Asked of a piece; `undefined` when all come in the order of requests.
   */
  firstFor(peer: PeerKey): ((pieceIndex: number) => boolean) | undefined {
    const rare = this.#rare;
    if (rare === undefined) return undefined;
    return (pieceIndex) =>
      rare.has(pieceIndex) && this.#availability(pieceIndex) === 0 &&
      (this.#taker.get(pieceIndex) ?? peer) === peer;
  }
}
