/**
 * The piece picker: which blocks to ask of which peer.
 *
 * @module
 */
import { BLOCK_SIZE, type BlockAddress } from "../metainfo/piece_layout.ts";
import { BlockBook } from "./picker/block_book.ts";
import { BlockChooser } from "./picker/block_chooser.ts";
import { Deadlines } from "./picker/deadlines.ts";
import { RECEIVED } from "./picker/partial_piece.ts";
import { findPeer, PieceTable } from "./picker/piece_table.ts";
import { spareSeeds, steal } from "./picker/steal.ts";
import { PickerPeers } from "./picker/picker_peers.ts";
import { PickerPieces } from "./picker/picker_pieces.ts";
import type {
  PeerBlock,
  PickerStats,
  PiecePickerOptions,
  ReceiveResult,
} from "./picker/picker_types.ts";
import { rarestFirst } from "./rarest_first.ts";
import type { PeerKey } from "./selection_strategy.ts";

/** The books of a picker, for tests. */
export let bookOf: (picker: PiecePicker) => BlockBook;

const NONE: readonly PeerKey[] = Object.freeze([]);
const WASTE: ReceiveResult = Object.freeze({
  accepted: false,
  cancel: NONE,
  pieceComplete: false,
});
const STORED: ReceiveResult = Object.freeze({ ...WASTE, accepted: true });
const LAST: ReceiveResult = Object.freeze({ ...STORED, pieceComplete: true });

/**
 * Chooses the blocks to request from each peer, and keeps track of who has
 * what, what was requested from whom, and what arrived. Time is in milliseconds
 * of any steady clock.
 *
 * A pick costs the same however many pieces the torrent has.
 */
export class PiecePicker {
  /** The connected peers: what they have, whether they choke us. */
  readonly peers: PickerPeers;
  /** The pieces: states, priorities, deadlines. */
  readonly pieces: PickerPieces;
  readonly #table: PieceTable;
  readonly #book: BlockBook;
  readonly #deadlines = new Deadlines();
  readonly #chooser: BlockChooser;

  static {
    bookOf = (picker) => picker.#book;
  }

  /**
   * Makes a picker without peers.
   *
   * @param options See {@linkcode PiecePickerOptions}.
   * @throws {RangeError} If `have` has another length than the layout has
   * pieces, or a number is out of range.
   */
  constructor(options: PiecePickerOptions) {
    const { layout, random, have, randomFirstPieces = 4 } = options;
    if (have !== undefined && have.length !== layout.pieceCount) {
      throw new RangeError(
        `Cannot make a picker as "have" must be of ${layout.pieceCount} pieces: it is of ${have.length}`,
      );
    }
    if (!(randomFirstPieces >= 0)) {
      throw new RangeError(
        `Cannot make a picker as "randomFirstPieces" must be at least 0: it is ${randomFirstPieces}`,
      );
    }
    const strategy = options.strategy ?? rarestFirst();
    const table = new PieceTable(layout.pieceCount, strategy, random, have);
    const book = new BlockBook(table, layout);
    const deadlines = this.#deadlines;
    this.#table = table;
    this.#book = book;
    this.#chooser = new BlockChooser(book, deadlines, randomFirstPieces);
    this.peers = new PickerPeers(book);
    this.pieces = new PickerPieces(book, deadlines);
  }

  /**
   * Chooses blocks and marks them as asked of the peer: first what has a
   * deadline, then the rest of the piece it works on, its suggestions, started
   * pieces and open ones; with nothing left, one block that others were asked
   * for (end-game).
   *
   * @param peer The peer.
   * @param count The most blocks to choose.
   * @param now The time in milliseconds.
   * @param out Where to append them.
   * @returns `out`.
   * @throws {RangeError} If the peer is unknown.
   */
  pick(
    peer: PeerKey,
    count: number,
    now: number,
    out: BlockAddress[] = [],
  ): BlockAddress[] {
    const known = findPeer(this.#table, peer);
    if (known.interesting > 0) this.#chooser.pick(known, count, now, out);
    return out;
  }

  /**
   * Chooses a run of whole pieces that nobody was asked for and that lie
   * together, for a source that is asked for much at a time. It begins with the
   * piece that is due, or near before it, and nobody else is asked for its pieces.
   *
   * @param peer The source.
   * @param count About how many blocks; one piece at least.
   * @param now The time in milliseconds.
   * @param out Where to append them.
   * @returns `out`.
   * @throws {RangeError} If the peer is unknown.
   */
  pickRun(
    peer: PeerKey,
    count: number,
    now: number,
    out: BlockAddress[] = [],
  ): BlockAddress[] {
    const known = findPeer(this.#table, peer);
    if (known.interesting > 0) this.#chooser.pickRun(known, count, now, out);
    return out;
  }

  /**
   * Takes requests over from peers that have sent nothing for 15 seconds, for a
   * peer for which {@linkcode PiecePicker.pick} finds nothing.
   *
   * @param peer The peer that has nothing to do.
   * @param count The most blocks to take.
   * @param now The time in milliseconds.
   * @returns The blocks, now asked of the peer, each with the one to send a
   * cancel to.
   * @throws {RangeError} If the peer is unknown.
   */
  steal(peer: PeerKey, count: number, now: number): PeerBlock[] {
    return steal(this.#book, findPeer(this.#table, peer), count, now);
  }

  /**
   * Takes note of a block that arrived of those that a peer was asked for, as
   * its connection knows. Blocks that were given up (released, cancelled,
   * stolen) are still accepted while they are lacking.
   *
   * @param peer Who sent it.
   * @param pieceIndex Which piece.
   * @param blockOffset Where in the piece, in bytes.
   * @param now The time in milliseconds.
   * @returns What to do about it. What is no block of this torrent, or from
   * an unknown peer, is not accepted.
   */
  received(
    peer: PeerKey,
    pieceIndex: number,
    blockOffset: number,
    now: number,
  ): ReceiveResult {
    const known = this.#table.byKey.get(peer);
    const block = this.#block(pieceIndex, blockOffset);
    if (known === undefined || block < 0) return WASTE;
    const book = this.#book;
    let partial = book.partials.get(pieceIndex);
    const asked = partial?.isAskedOf(block, peer) ?? false;
    if (asked) this.#chooser.sample(now - partial!.askedAt[block]!);
    if (partial === undefined) {
      if (!this.#table.isOpen(pieceIndex)) return WASTE;
      partial = book.start(pieceIndex);
    } else if (partial.state[block] === RECEIVED) return WASTE;
    known.activeAt = now;
    const cancel = book.dropAskers(partial, block, peer);
    book.receive(partial, block, peer);
    if (cancel.length === 0) return partial.isComplete ? LAST : STORED;
    return { accepted: true, cancel, pieceComplete: partial.isComplete };
  }

  /**
   * Gives up a request: rejected, timed out, or never sent.
   *
   * @param peer Who was asked.
   * @param block Which block.
   * @returns Whether it was asked of that peer.
   */
  released(peer: PeerKey, block: BlockAddress): boolean {
    const known = this.#table.byKey.get(peer);
    const index = this.#block(block.pieceIndex, block.blockOffset);
    const partial = this.#book.partials.get(block.pieceIndex);
    if (known === undefined || partial === undefined || index < 0) return false;
    if (!partial.isAskedOf(index, peer)) return false;
    this.#book.release(known, partial, index);
    return true;
  }

  /**
   * Gives up all requests to a peer (choke without the fast extension, snub).
   *
   * @param peer Who was asked; an unknown peer is ignored.
   * @returns The blocks that were asked of it.
   */
  releaseAll(peer: PeerKey): BlockAddress[] {
    const known = this.#table.byKey.get(peer);
    return known === undefined ? [] : this.#book.releaseAll(known);
  }

  /**
   * Gives up the requests to a peer for pieces without a deadline.
   *
   * @param peer Who was asked; an unknown peer is ignored.
   * @returns The blocks that were asked of it.
   */
  releaseUndue(peer: PeerKey): BlockAddress[] {
    const known = this.#table.byKey.get(peer);
    if (known === undefined) return [];
    return this.#book.releaseAll(known, (i) => !this.#deadlines.has(i));
  }

  /**
   * Gives up requests to seeds for a piece without a deadline that another peer
   * just got too, when the seeds have pieces that nobody else has: there is no need for a second
   * copy from where the first copies come from.
   *
   * @param pieceIndex Which piece.
   * @returns The blocks that were asked of seeds.
   */
  spareSeeds(pieceIndex: number): PeerBlock[] {
    return this.#deadlines.has(pieceIndex)
      ? []
      : spareSeeds(this.#book, pieceIndex);
  }

  /**
   * How many blocks are asked of a peer.
   *
   * @param peer The peer.
   * @returns The count; 0 for an unknown peer.
   */
  outstanding(peer: PeerKey): number {
    return this.#table.byKey.get(peer)?.outstanding ?? 0;
  }

  /** How many blocks are asked of somebody. */
  get requestedBlocks(): number {
    return this.#book.requestedBlocks;
  }

  /** How many pieces are verified. */
  get haveCount(): number {
    return this.#table.haveCount;
  }

  /** Whether every wanted piece is verified. */
  get isDone(): boolean {
    return this.#table.lacking === 0;
  }

  /**
   * A snapshot of the counters.
   *
   * @returns See {@linkcode PickerStats}.
   */
  stats(): PickerStats {
    const { partials } = this.#book;
    let complete = 0;
    let seeds = 0;
    for (const peer of this.#table.peers) {
      if (peer.isSeed && peer.count === this.#table.pieceCount) seeds++;
    }
    for (const partial of partials.values()) if (partial.isComplete) complete++;
    return {
      pieces: this.#table.pieceCount,
      have: this.#table.haveCount,
      lacking: this.#table.lacking,
      open: this.#table.openCount,
      partial: partials.size - complete,
      complete,
      freeBlocks: this.#book.freeBlocks,
      requestedBlocks: this.#book.requestedBlocks,
      peers: this.#table.peers.length,
      seeds,
      endGame: this.#chooser.isEndGame(),
    };
  }

  /** The index of a block, or -1 when there is none at that place. */
  #block(pieceIndex: number, blockOffset: number): number {
    if (
      !Number.isInteger(pieceIndex) || pieceIndex < 0 ||
      pieceIndex >= this.#table.pieceCount
    ) return -1;
    const block = blockOffset / BLOCK_SIZE;
    return Number.isInteger(block) && block >= 0 &&
        block < this.#book.layout.blockCount(pieceIndex)
      ? block
      : -1;
  }
}
