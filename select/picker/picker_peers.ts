/**
 * The peers of a picker: what they have, and what is known of them.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { BlockAddress } from "../../metainfo/piece_layout.ts";
import type { BlockBook } from "./block_book.ts";
import { NOBODY } from "./partial_piece.ts";
import { checkPiece, findPeer, type PieceTable } from "./piece_table.ts";
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

/** Pieces of a peer's suggestions and allowances that are kept (BEP 6). */
const NAMED_LIMIT = 64;

/** The peers of a `PiecePicker`, as its field `peers`. */
export class PickerPeers {
  readonly #table: PieceTable;
  readonly #book: BlockBook;

  /** Made by a picker. */
  constructor(book: BlockBook) {
    this.#table = book.table;
    this.#book = book;
  }

  /**
   * Adds a peer that has nothing yet and chokes us.
   *
   * @param peer A key that no connected peer has.
   * @throws {RangeError} If the key is taken or no integer from 0 to 2^31 - 1.
   */
  add(peer: PeerKey): void {
    if (!Number.isInteger(peer) || peer < 0 || peer > 0x7fffffff) {
      throw new RangeError(
        `Cannot add peer ${peer}: the key must be an integer from 0 to 2147483647`,
      );
    }
    if (this.#table.byKey.has(peer)) {
      throw new RangeError(`Cannot add peer ${peer}: the key is taken`);
    }
    this.#table.addPeer(new PickerPeer(peer));
  }

  /**
   * Removes a peer.
   *
   * @param peer The peer; an unknown one is ignored.
   * @returns The blocks that were asked of it and are free again, or asked of
   * others only.
   */
  remove(peer: PeerKey): BlockAddress[] {
    const known = this.#table.byKey.get(peer);
    if (known === undefined) return [];
    const released = this.#book.releaseAll(known);
    this.#table.removePeer(known);
    return released;
  }

  /**
   * Whether a peer is connected.
   *
   * @param peer The peer.
   * @returns True between `add` and `remove`.
   */
  has(peer: PeerKey): boolean {
    return this.#table.byKey.has(peer);
  }

  /**
   * Sets all that a peer has (bitfield, BEP 3).
   *
   * @param peer The peer.
   * @param field Its pieces; copied.
   * @throws {RangeError} If the peer is unknown or the length is wrong.
   */
  setBitfield(peer: PeerKey, field: Bitfield): void {
    const known = findPeer(this.#table, peer);
    if (field.length !== this.#table.pieceCount) {
      throw new RangeError(
        `Cannot set a bitfield of ${field.length} pieces: the torrent has ${this.#table.pieceCount}`,
      );
    }
    this.#table.setBitfield(known, field);
  }

  /**
   * Notes that a peer has everything (have all, BEP 6). Constant time for a
   * new peer.
   *
   * @param peer The peer.
   * @throws {RangeError} If the peer is unknown.
   */
  setAll(peer: PeerKey): void {
    this.#table.setSeed(findPeer(this.#table, peer));
  }

  /**
   * Notes that a peer got a piece (have, BEP 3).
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   * @returns Whether that is new.
   * @throws {RangeError} If the peer or the piece is unknown.
   */
  gained(peer: PeerKey, pieceIndex: number): boolean {
    checkPiece(this.#table, pieceIndex);
    return this.#table.gain(findPeer(this.#table, peer), pieceIndex);
  }

  /**
   * Notes that a peer no longer has a piece (lt_donthave, BEP 54). Blocks of
   * it that were asked of the peer are free again.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   * @returns The blocks that were asked of it.
   * @throws {RangeError} If the peer or the piece is unknown.
   */
  lost(peer: PeerKey, pieceIndex: number): BlockAddress[] {
    checkPiece(this.#table, pieceIndex);
    const known = findPeer(this.#table, peer);
    this.#table.lose(known, pieceIndex);
    const partial = this.#book.partials.get(pieceIndex);
    const released: BlockAddress[] = [];
    if (partial === undefined) return released;
    for (let block = 0; block < partial.blockCount; block++) {
      if (!partial.isAskedOf(block, peer)) continue;
      released.push(this.#book.address(pieceIndex, block));
      this.#book.release(known, partial, block);
    }
    return released;
  }

  /**
   * Whether a peer has a piece.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   * @returns True when it announced it; false for an unknown peer.
   */
  hasPiece(peer: PeerKey, pieceIndex: number): boolean {
    return this.#table.byKey.get(peer)?.has(pieceIndex) ?? false;
  }

  /**
   * Whether a peer has a wanted piece that we lack. Constant time.
   *
   * @param peer The peer.
   * @returns Whether to be interested in it; false for an unknown peer.
   */
  isInteresting(peer: PeerKey): boolean {
    return (this.#table.byKey.get(peer)?.interesting ?? 0) > 0;
  }

  /**
   * Takes the peers that became interesting, or ceased to be, since the last
   * call.
   *
   * @returns Peers, each once.
   */
  takeInterestChanges(): PeerKey[] {
    const { flipped } = this.#table;
    if (flipped.size === 0) return [];
    const keys = Array.from(flipped, (peer) => peer.key);
    flipped.clear();
    return keys;
  }

  /**
   * Notes whether a peer chokes us. A choked peer is only asked for allowed
   * pieces. Requests stay until they are released.
   *
   * @param peer The peer.
   * @param choked Whether it chokes us; true for a new peer.
   * @throws {RangeError} If the peer is unknown.
   */
  setChoked(peer: PeerKey, choked: boolean): void {
    findPeer(this.#table, peer).choked = choked;
  }

  /**
   * Notes how fast a peer is: fast peers take whole pieces, slow ones share.
   *
   * @param peer The peer.
   * @param bytesPerSecond Its measured rate; 0 while unknown.
   * @throws {RangeError} If the peer is unknown.
   */
  setRate(peer: PeerKey, bytesPerSecond: number): void {
    findPeer(this.#table, peer).rate = bytesPerSecond > 0 ? bytesPerSecond : 0;
  }

  /**
   * Puts a peer under suspicion: only whole pieces are requested from it, and
   * from no other peer, so that a bad piece has one author.
   *
   * @param peer The peer.
   * @param parole Whether it is under suspicion.
   * @throws {RangeError} If the peer is unknown.
   */
  setParole(peer: PeerKey, parole: boolean): void {
    const known = findPeer(this.#table, peer);
    known.parole = parole;
    if (parole) return;
    for (const pieceIndex of known.pieces.keys()) {
      const partial = this.#book.partials.get(pieceIndex)!;
      if (partial.exclusive === peer) partial.exclusive = NOBODY;
    }
  }

  /**
   * Notes that a peer answers requests for a piece while it chokes us (allowed
   * fast, BEP 6). Only so many are kept.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   * @throws {RangeError} If the peer or the piece is unknown.
   */
  allowFast(peer: PeerKey, pieceIndex: number): void {
    checkPiece(this.#table, pieceIndex);
    const { allowedFast } = findPeer(this.#table, peer);
    if (allowedFast.length < NAMED_LIMIT && !allowedFast.includes(pieceIndex)) {
      allowedFast.push(pieceIndex);
    }
  }

  /**
   * Notes that a peer would like to be asked for a piece (suggest piece, BEP 6).
   * Among the rarest pieces of the highest priority it then comes first; not so
   * with sequential selection. Only the latest are kept.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   * @throws {RangeError} If the peer or the piece is unknown.
   */
  suggest(peer: PeerKey, pieceIndex: number): void {
    checkPiece(this.#table, pieceIndex);
    const { suggested } = findPeer(this.#table, peer);
    if (suggested.includes(pieceIndex)) return;
    suggested.push(pieceIndex);
    if (suggested.length > NAMED_LIMIT) suggested.shift();
  }
}
