/**
 * In which order a seed answers: first copies before second ones.
 *
 * @module
 */
import { Bitfield } from "../_shared/bitfield.ts";
import { randomInt, type RandomSource } from "../_shared/random.ts";
import type { PeerKey } from "./selection_strategy.ts";

/** Between two looks at all pieces, which cost more with more of them. */
const LOOK_MS = 5_000;
/** Pieces that a peer is to be told of before it asks for them. */
const AHEAD = 2;
/** How often something was passed on before anybody is judged by it. */
const SAMPLES = 3;
/** What is not passed on in so many times the usual time, and this long, is kept. */
const PATIENCE = 3;
const PATIENCE_MS = 5_000;
/** For how long a peer that kept a piece comes after others. */
const KEEPER_MS = 120_000;

/** Options of {@linkcode FirstCopies}. */
export interface FirstCopiesOptions {
  /** What is ours; live. */
  readonly have: Bitfield;
  /** Tells how many peers have a piece. */
  readonly availability: (pieceIndex: number) => number;
  /** Tells whether a peer that is there has a piece. */
  readonly hasPiece: (peer: PeerKey, pieceIndex: number) => boolean;
  /** Random source. */
  readonly random: RandomSource;
}

/** Who is being sent a piece that nobody else has. */
interface Taker {
  readonly peer: PeerKey;
  /** Whether it has not asked for it yet. */
  isAhead: boolean;
  /** Since when it is known to have it, in milliseconds. */
  hasAt: number | undefined;
}

/**
 * Knows the pieces that nobody but us has, and whom each of them is on its way
 * to. Requests for them are answered before others, and each is sent to one
 * peer first. What a peer got and did not pass on as others do counts for nothing.
 */
export class FirstCopies {
  readonly #options: FirstCopiesOptions;
  #lookAt = -Infinity;
  /** Pieces that no peer had at the last look. */
  #rare: Bitfield | undefined;
  /** Those of them that may be suggested. */
  #open: number[] | undefined;
  readonly #takers = new Map<number, Taker>();
  /** Peers that took a piece: of others nothing has to be forgotten. */
  readonly #served = new Set<PeerKey>();
  /** How many of them each peer has not asked for yet. */
  readonly #ahead = new Map<PeerKey, number>();
  /** Pieces that somebody got and did not pass on. */
  readonly #kept = new Map<number, PeerKey>();
  /** Until when those who did so come after others. */
  readonly #keepers = new Map<PeerKey, number>();
  /** How long it takes until a piece is passed on, and how often it was. */
  #passMs = 0;
  #passed = 0;

  /**
   * Starts without any.
   *
   * @param options See {@linkcode FirstCopiesOptions}.
   */
  constructor(options: FirstCopiesOptions) {
    this.#options = options;
  }

  /**
   * Sees what became of pieces on their way and, every five seconds, which
   * pieces nobody but us has; to be called often.
   *
   * @param now The time in milliseconds.
   */
  look(now: number): void {
    this.#follow(now);
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    const { have } = this.#options;
    let rare: Bitfield | undefined;
    for (const pieceIndex of have) {
      if (this.#copies(pieceIndex) > 0) continue;
      (rare ??= new Bitfield(have.length)).set(pieceIndex);
    }
    this.#rare = rare;
    this.#open = undefined;
  }

  /**
   * Notes that a peer is being sent some of a piece.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   */
  served(peer: PeerKey, pieceIndex: number): void {
    const taker = this.#takers.get(pieceIndex);
    if (taker?.peer === peer) this.#asked(taker);
    if (taker !== undefined || !this.#rare?.has(pieceIndex)) return;
    this.#take(pieceIndex, peer, false);
  }

  /**
   * Chooses pieces for a peer to ask for (suggest piece, BEP 6) that nobody has
   * or was told to ask for.
   *
   * @param peer The peer.
   * @returns Piece indices: so many that there are two it has not asked for.
   */
  suggest(peer: PeerKey): number[] {
    const chosen: number[] = [];
    const open = this.#open ??= [...this.#rare ?? []];
    if (open.length === 0) return chosen;
    let ahead = this.#ahead.get(peer) ?? 0;
    while (ahead < AHEAD && open.length > 0) {
      const at = randomInt(this.#options.random, open.length);
      const pieceIndex = open[at]!;
      open[at] = open.at(-1)!;
      open.pop();
      if (this.#takers.has(pieceIndex) || this.#copies(pieceIndex) > 0) {
        continue;
      }
      if (this.#kept.get(pieceIndex) === peer) continue;
      this.#take(pieceIndex, peer, true);
      chosen.push(pieceIndex);
      this.#ahead.set(peer, ++ahead);
    }
    return chosen;
  }

  /**
   * A peer lost its slot: what is on its way to it may go to others.
   *
   * @param peer The peer.
   */
  choked(peer: PeerKey): void {
    this.#ahead.delete(peer);
    for (const [pieceIndex, taker] of this.#takers) {
      if (taker.peer === peer && taker.hasAt === undefined) {
        this.#takers.delete(pieceIndex);
      }
    }
  }

  /**
   * A peer left.
   *
   * @param peer The peer.
   */
  gone(peer: PeerKey): void {
    if (!this.#served.delete(peer)) return;
    this.#ahead.delete(peer);
    this.#keepers.delete(peer);
    for (const [pieceIndex, taker] of this.#takers) {
      if (taker.peer === peer) this.#takers.delete(pieceIndex);
    }
    for (const [pieceIndex, keeper] of this.#kept) {
      if (keeper === peer) this.#kept.delete(pieceIndex);
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
      rare.has(pieceIndex) && this.#copies(pieceIndex) === 0 &&
      (this.#takers.get(pieceIndex)?.peer ?? peer) === peer;
  }

  /**
   * Tells whether a peer lately kept what only it was sent, while others pass on
   * what they get.
   *
   * @param peer The peer.
   * @param now The time in milliseconds.
   * @returns True for two minutes after it was found out.
   */
  keeps(peer: PeerKey, now: number): boolean {
    return (this.#keepers.get(peer) ?? -Infinity) > now;
  }

  /** How many peers have a piece, but one that keeps it. */
  #copies(pieceIndex: number): number {
    const count = this.#options.availability(pieceIndex);
    return this.#kept.has(pieceIndex) ? count - 1 : count;
  }

  #take(pieceIndex: number, peer: PeerKey, isAhead: boolean): void {
    this.#takers.set(pieceIndex, { peer, isAhead, hasAt: undefined });
    this.#served.add(peer);
  }

  /** Notes that a piece needs to be suggested no more. */
  #asked(taker: Taker): void {
    if (!taker.isAhead) return;
    taker.isAhead = false;
    this.#ahead.set(taker.peer, this.#ahead.get(taker.peer)! - 1);
  }

  #follow(now: number): void {
    for (const [pieceIndex, taker] of this.#takers) {
      const count = this.#copies(pieceIndex);
      if (count === 0) continue;
      const { peer } = taker;
      this.#asked(taker);
      if (count === 1 && this.#options.hasPiece(peer, pieceIndex)) {
        taker.hasAt ??= now;
        const patience = Math.max(PATIENCE_MS, PATIENCE * this.#passMs);
        if (this.#passed < SAMPLES || now - taker.hasAt < patience) continue;
        this.#kept.set(pieceIndex, peer);
        this.#keepers.set(peer, now + KEEPER_MS);
      } else if (taker.hasAt !== undefined) {
        this.#keepers.delete(peer);
        const weight = 1 / Math.min(++this.#passed, 8);
        this.#passMs += (now - taker.hasAt - this.#passMs) * weight;
      }
      this.#takers.delete(pieceIndex);
    }
  }
}
