/**
 * Superseeding: a first seed that gives each piece away once.
 *
 * @module
 */
import type { RandomSource } from "../_shared/random.ts";
import { randomInt } from "../_shared/random.ts";
import { rarestFirst } from "./rarest_first.ts";
import type { FirstReveal, Reveal, Revelation } from "./revelation.ts";
import type { PeerKey, PeerPieces, PieceOrder } from "./selection_strategy.ts";
import { DEFAULT_PRIORITY } from "./selection_strategy.ts";

/** Options of {@linkcode SuperSeeding}. */
export interface SuperSeedingOptions {
  /** How many pieces the torrent has; all of them are ours. */
  readonly pieceCount: number;
  /** Random source. */
  readonly random: RandomSource;
  /** Tells whether a peer announced a piece. */
  readonly hasPiece: (peer: PeerKey, pieceIndex: number) => boolean;
  /** Tells how many peers announced a piece. */
  readonly availability: (pieceIndex: number) => number;
  /** Pieces that a peer may know of and not have passed on. @default {2} */
  readonly piecesPerPeer?: number | undefined;
}

/** Time without progress after which pieces are told twice, at least, in ms. */
const PATIENCE_MS = 30_000;
/** And as a multiple of the longest time that a piece took so far. */
const PATIENCE = 3;

interface Guest {
  /** What it was told of and has not passed on yet. */
  readonly pending: Set<number>;
  /** All it was told of. */
  readonly told: Set<number>;
}

/**
 * Looks like a peer without pieces, and tells each peer of one or two that are
 * rare; of the next only once another peer has it from there (BEP 16). No piece
 * is told to two peers, unless nothing has gone on for long. Only for a seed of
 * the whole torrent.
 */
export class SuperSeeding implements Revelation {
  /** The name of this way. */
  readonly name: string = "superseeding";
  readonly #options: SuperSeedingOptions;
  readonly #piecesPerPeer: number;
  readonly #guests = new Map<PeerKey, Guest>();
  /** Whom a piece was told and who has not passed it on. */
  readonly #pending = new Map<number, Set<PeerKey>>();
  readonly #order: PieceOrder;
  readonly #known: Uint32Array;
  #now = 0;
  /** When a piece was last passed on, or the first or second peer came. */
  #progressAt: number | undefined;
  /** The longest time between two pieces that were passed on. */
  #longestMs = 0;

  /**
   * Starts without peers.
   *
   * @param options See {@linkcode SuperSeedingOptions}.
   * @throws {RangeError} If `piecesPerPeer` is no positive integer.
   */
  constructor(options: SuperSeedingOptions) {
    const { piecesPerPeer = 2 } = options;
    if (!Number.isInteger(piecesPerPeer) || piecesPerPeer < 1) {
      throw new RangeError(
        `Cannot superseed ${piecesPerPeer} pieces per peer: it must be a positive integer`,
      );
    }
    this.#options = options;
    this.#piecesPerPeer = piecesPerPeer;
    // What the order was last told: it must see one change at a time.
    const known = this.#known = new Uint32Array(options.pieceCount);
    this.#order = rarestFirst().createOrder({
      pieceCount: options.pieceCount,
      peers: [],
      priority: () => DEFAULT_PRIORITY,
      rarity: (pieceIndex) => known[pieceIndex]!,
      isOpen: () => true,
      random: (below) => randomInt(options.random, below),
    });
    this.#recount();
  }

  /**
   * A peer connected: it is told of its first pieces.
   *
   * @param peer The peer.
   * @returns A piece or two, to be announced one by one. A piece the peer turns
   * out to have is replaced when its bitfield comes.
   * @throws {RangeError} If the peer is connected already.
   */
  connected(peer: PeerKey): FirstReveal {
    if (this.#guests.has(peer)) {
      throw new RangeError(
        `Cannot reveal pieces to peer ${peer} again: a bitfield is sent once`,
      );
    }
    // As long as there is but one, nothing can be passed on.
    if (this.#guests.size < 2 && this.#progressAt !== undefined) {
      this.#progressAt = this.#now;
    }
    this.#guests.set(peer, { pending: new Set(), told: new Set() });
    return { later: this.#fill(peer).map(({ pieceIndex }) => pieceIndex) };
  }

  /**
   * A peer left. What only it was told of can be told to others.
   *
   * @param peer The peer.
   * @returns Pieces for peers that ran out.
   */
  disconnected(peer: PeerKey): readonly Reveal[] {
    const guest = this.#guests.get(peer);
    if (guest === undefined) return [];
    for (const pieceIndex of guest.pending) this.#settle(peer, pieceIndex);
    this.#guests.delete(peer);
    this.#recount();
    const reveals: Reveal[] = [];
    // A lone peer must not wait for others to have what it has.
    if (this.#guests.size === 1) {
      for (const other of this.#guests.keys()) {
        this.#advanceOwn(other);
        reveals.push(...this.#fill(other));
      }
    }
    return reveals;
  }

  /**
   * Tells the time. Peers that take what they were told of from nobody hold up
   * the others only for so long.
   *
   * @param now The time in milliseconds.
   * @returns Pieces to announce.
   */
  tick(now: number): readonly Reveal[] {
    this.#now = now;
    this.#progressAt ??= now;
    if (!this.#isStuck()) return [];
    return [...this.#guests.keys()].flatMap((peer) => this.#fill(peer));
  }

  /** Whether nobody has passed a piece on for long. */
  #isStuck(): boolean {
    if (this.#progressAt === undefined) return false;
    const patience = Math.max(PATIENCE_MS, PATIENCE * this.#longestMs);
    return this.#now - this.#progressAt > patience;
  }

  #noteProgress(): void {
    if (this.#progressAt === undefined) return;
    this.#longestMs = Math.max(this.#longestMs, this.#now - this.#progressAt);
    this.#progressAt = this.#now;
  }

  /**
   * A piece of ours was verified: it was ours before.
   *
   * @returns Nothing.
   */
  verified(): readonly Reveal[] {
    return [];
  }

  /**
   * A peer announced pieces: the other peers that were told of them have passed
   * them on and are told of the next.
   *
   * @param peer The peer, which the callbacks already know to have them.
   * @param pieceIndex Which piece; absent after a bitfield or have-all.
   * @returns Pieces to announce.
   */
  peerHas(peer: PeerKey, pieceIndex?: number): readonly Reveal[] {
    const served = new Set<PeerKey>();
    if (pieceIndex === undefined) {
      this.#recount();
      for (const [told, keys] of [...this.#pending]) {
        if (this.#options.hasPiece(peer, told)) {
          this.#passOn(peer, told, keys, served);
        }
      }
      // It may have been told of what it has.
      this.#advanceOwn(peer);
      served.add(peer);
    } else {
      this.#learn(pieceIndex);
      const keys = this.#pending.get(pieceIndex);
      if (keys !== undefined) this.#passOn(peer, pieceIndex, keys, served);
    }
    const reveals: Reveal[] = [];
    for (const key of served) reveals.push(...this.#fill(key));
    return reveals;
  }

  /**
   * What a peer does not know of: all but what it was told of or has.
   *
   * @param peer The peer.
   * @returns Piece indices in ascending order.
   */
  hidden(peer: PeerKey): readonly number[] {
    const guest = this.#guests.get(peer);
    if (guest === undefined) return [];
    const pieces: number[] = [];
    for (let i = 0; i < this.#options.pieceCount; i++) {
      if (!guest.told.has(i) && !this.#options.hasPiece(peer, i)) {
        pieces.push(i);
      }
    }
    return pieces;
  }

  /** Whether others have every piece: time to seed in the usual way. */
  get isDone(): boolean {
    const { pieceCount, availability } = this.#options;
    for (let i = 0; i < pieceCount; i++) {
      if (availability(i) === 0) return false;
    }
    return true;
  }

  /** Everyone else who was told of a piece that a peer has has passed it on. */
  #passOn(
    peer: PeerKey,
    pieceIndex: number,
    keys: ReadonlySet<PeerKey>,
    served: Set<PeerKey>,
  ): void {
    for (const key of [...keys]) {
      // Its own announcement proves nothing, unless no other peer is left.
      if (key === peer && this.#isLackedByOthers(peer, pieceIndex)) continue;
      this.#guests.get(key)!.pending.delete(pieceIndex);
      this.#settle(key, pieceIndex);
      this.#noteProgress();
      served.add(key);
    }
  }

  /** Strikes what a peer has from its list where no other peer lacks it. */
  #advanceOwn(peer: PeerKey): void {
    const guest = this.#guests.get(peer);
    if (guest === undefined) return;
    for (const pieceIndex of guest.pending) {
      if (!this.#options.hasPiece(peer, pieceIndex)) continue;
      guest.pending.delete(pieceIndex);
      this.#settle(peer, pieceIndex);
    }
  }

  #isLackedByOthers(peer: PeerKey, pieceIndex: number): boolean {
    for (const other of this.#guests.keys()) {
      if (other !== peer && !this.#options.hasPiece(other, pieceIndex)) {
        return true;
      }
    }
    return false;
  }

  #settle(peer: PeerKey, pieceIndex: number): void {
    const keys = this.#pending.get(pieceIndex);
    keys?.delete(peer);
    if (keys?.size === 0) this.#pending.delete(pieceIndex);
  }

  /** Tells a peer of pieces until it has enough to do. */
  #fill(peer: PeerKey): Reveal[] {
    const reveals: Reveal[] = [];
    const guest = this.#guests.get(peer);
    if (guest === undefined) return reveals;
    while (guest.pending.size < this.#piecesPerPeer) {
      const pieceIndex = this.#next(peer, guest);
      if (pieceIndex < 0) break;
      guest.pending.add(pieceIndex);
      guest.told.add(pieceIndex);
      const keys = this.#pending.get(pieceIndex);
      if (keys === undefined) this.#pending.set(pieceIndex, new Set([peer]));
      else keys.add(peer);
      reveals.push({ peer, pieceIndex });
    }
    return reveals;
  }

  /** A piece that no peer has or works on or, in need, the rarest one. */
  #next(peer: PeerKey, guest: Guest): number {
    const { hasPiece } = this.#options;
    const lacks = (i: number) => !guest.told.has(i) && !hasPiece(peer, i);
    const fresh = this.#order.first(
      candidates((i) => lacks(i) && !this.#pending.has(i)),
    );
    if (fresh >= 0 && this.#known[fresh] === 0) return fresh;
    // A second copy is for others to give, if there are any that do.
    if (this.#guests.size > 1 && !this.#isStuck()) return -1;
    return fresh >= 0 ? fresh : this.#order.first(candidates(lacks));
  }

  #learn(pieceIndex: number): void {
    const count = this.#options.availability(pieceIndex);
    while (this.#known[pieceIndex] !== count) {
      const old = this.#known[pieceIndex]!;
      this.#known[pieceIndex] = old + (old < count ? 1 : -1);
      this.#order.changed(pieceIndex, DEFAULT_PRIORITY, old, true);
    }
  }

  #recount(): void {
    for (let i = 0; i < this.#known.length; i++) {
      this.#known[i] = this.#options.availability(i);
    }
    this.#order.invalidate();
  }
}

function candidates(has: (pieceIndex: number) => boolean): PeerPieces {
  return { has, words: undefined, isSeed: false, cursor: new Int32Array(8) };
}
