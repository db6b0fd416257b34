/**
 * The pieces of a picker: their states, priorities and deadlines.
 *
 * @module
 */
import type { BlockBook } from "./block_book.ts";
import type { Deadlines } from "./deadlines.ts";
import { FREE, NOBODY, type PartialPiece, REQUESTED } from "./partial_piece.ts";
import {
  checkPiece,
  COMPLETE,
  HAVE,
  IDLE,
  PARTIAL,
  type PieceTable,
} from "./piece_table.ts";
import type { PeerBlock, PieceState } from "./picker_types.ts";
import type { PeerKey, SelectionStrategy } from "../selection_strategy.ts";
import { DEFAULT_PRIORITY, TOP_PRIORITY } from "../selection_strategy.ts";

/**
 * The pieces of a `PiecePicker`, as its field `pieces`.
 *
 * A piece goes from `open` to `partial` when a block is asked for, to
 * `complete` when all blocks are here, then by
 * {@linkcode PickerPieces.verified} to `have` or by
 * {@linkcode PickerPieces.failed} back. Pieces of priority 0 are `skipped`
 * while they are untouched.
 */
export class PickerPieces {
  readonly #table: PieceTable;
  readonly #book: BlockBook;
  readonly #deadlines: Deadlines;

  /** Made by a picker. */
  constructor(book: BlockBook, deadlines: Deadlines) {
    this.#table = book.table;
    this.#book = book;
    this.#deadlines = deadlines;
  }

  /**
   * How many peers have a piece.
   *
   * @param pieceIndex Which piece.
   * @returns The count, seeds included.
   * @throws {RangeError} If the piece is unknown.
   */
  availability(pieceIndex: number): number {
    checkPiece(this.#table, pieceIndex);
    return this.#table.availability(pieceIndex);
  }

  /**
   * How many whole copies of the torrent the peers have together: the lowest
   * availability, plus the share of pieces above it. Looks at every piece.
   *
   * @returns Copies, such as 1.25; 0 for a torrent without pieces.
   */
  distributedCopies(): number {
    const count = this.#table.pieceCount;
    if (count === 0) return 0;
    let least = Infinity;
    let above = 0;
    for (let i = 0; i < count; i++) {
      const rarity = this.#table.rarity(i);
      if (rarity < least) {
        least = rarity;
        above = i;
      } else if (rarity > least) above++;
    }
    return this.#table.seeds + least + above / count;
  }

  /**
   * A complete piece passed its hash and is written.
   *
   * @param pieceIndex Which piece.
   * @returns For each block the peer that sent it, or -1 when it was on disk.
   * @throws {RangeError} If the piece is not complete.
   */
  verified(pieceIndex: number): PeerKey[] {
    const contributors = [...this.#complete(pieceIndex).who];
    this.setHave(pieceIndex);
    return contributors;
  }

  /**
   * A complete piece failed its hash: it is asked for again.
   *
   * @param pieceIndex Which piece.
   * @param badBlocks Only these blocks are bad, when that is known (BEP 52);
   * all otherwise.
   * @returns For each block the peer that sent it, or -1 when it was on disk.
   * @throws {RangeError} If the piece is not complete.
   */
  failed(
    pieceIndex: number,
    badBlocks?: Iterable<number>,
  ): PeerKey[] {
    const partial = this.#complete(pieceIndex);
    const contributors = [...partial.who];
    this.#book.discard(partial, badBlocks ?? contributors.keys());
    return contributors;
  }

  /**
   * Notes that a piece is verified, wherever it came from.
   *
   * @param pieceIndex Which piece.
   * @returns Requests for its blocks, to be cancelled.
   * @throws {RangeError} If the piece is unknown.
   */
  setHave(pieceIndex: number): PeerBlock[] {
    checkPiece(this.#table, pieceIndex);
    const dropped: PeerBlock[] = [];
    if (this.#table.state(pieceIndex) === HAVE) return dropped;
    const partial = this.#book.partials.get(pieceIndex);
    if (partial !== undefined) {
      for (let block = 0; block < partial.blockCount; block++) {
        if (partial.state[block] !== REQUESTED) continue;
        const address = this.#book.address(pieceIndex, block);
        for (const peer of this.#book.dropAskers(partial, block, NOBODY)) {
          dropped.push({ peer, block: address });
        }
      }
    }
    this.setDeadline(pieceIndex, undefined);
    this.#book.finish(pieceIndex);
    return dropped;
  }

  /**
   * Notes that a verified piece is lost (deleted or damaged on disk).
   *
   * @param pieceIndex Which piece; one that is not verified is left alone.
   * @throws {RangeError} If the piece is unknown.
   */
  clearHave(pieceIndex: number): void {
    checkPiece(this.#table, pieceIndex);
    if (this.#table.state(pieceIndex) === HAVE) {
      this.#table.setState(pieceIndex, IDLE);
    }
  }

  /**
   * Notes that blocks of a piece are on disk already, though not verified.
   *
   * @param pieceIndex Which piece, not verified.
   * @param blocks Indices of blocks; those that are here or asked for are left
   * alone.
   * @returns Whether the piece is complete now and waits to be verified.
   * @throws {RangeError} If the piece or a block is unknown.
   */
  markBlocks(pieceIndex: number, blocks: Iterable<number>): boolean {
    checkPiece(this.#table, pieceIndex);
    if (this.#table.state(pieceIndex) === HAVE) return false;
    const list = [...blocks];
    const count = this.#book.layout.blockCount(pieceIndex);
    for (const block of list) {
      if (!Number.isInteger(block) || block < 0 || block >= count) {
        throw new RangeError(
          `Cannot mark block ${block} of piece ${pieceIndex}: it has ${count} blocks`,
        );
      }
    }
    if (list.length === 0) return this.state(pieceIndex) === "complete";
    const partial = this.#book.start(pieceIndex);
    for (const block of list) {
      if (partial.state[block] === FREE) {
        this.#book.receive(partial, block, NOBODY);
      }
    }
    return partial.isComplete;
  }

  /**
   * Notes that a block that was received could not be kept: it is asked for
   * again.
   *
   * @param pieceIndex Which piece.
   * @param block Index of the block in the piece, all that are here by default;
   * one that is not here is left alone.
   * @throws {RangeError} If the piece is unknown.
   */
  lostBlock(pieceIndex: number, block?: number): void {
    checkPiece(this.#table, pieceIndex);
    const partial = this.#book.partials.get(pieceIndex);
    if (partial === undefined) return;
    const blocks = block === undefined ? [...partial.state.keys()] : [block];
    this.#book.discard(partial, blocks);
  }

  /**
   * Sets the priority of a piece. For many pieces use
   * {@linkcode PickerPieces.setPriorities}.
   *
   * @param pieceIndex Which piece.
   * @param priority 0 (not wanted) to 7 (first); 4 for a new picker.
   * @throws {RangeError} If the piece is unknown or the priority out of range.
   */
  setPriority(pieceIndex: number, priority: number): void {
    checkPiece(this.#table, pieceIndex);
    checkPriority(priority);
    if (this.#deadlines.has(pieceIndex)) {
      this.#deadlines.setBefore(pieceIndex, priority);
      priority ||= DEFAULT_PRIORITY;
    }
    this.#setPriority(pieceIndex, priority);
  }

  /**
   * Sets the priorities of all pieces, in one pass.
   *
   * @param priorities One priority per piece, 0 to 7.
   * @throws {RangeError} If there are not as many as pieces, or one is out of
   * range.
   */
  setPriorities(priorities: ArrayLike<number>): void {
    if (priorities.length !== this.#table.pieceCount) {
      throw new RangeError(
        `Cannot set ${priorities.length} priorities: the torrent has ${this.#table.pieceCount} pieces`,
      );
    }
    for (let i = 0; i < priorities.length; i++) checkPriority(priorities[i]!);
    this.#table.setPriorities((i) => {
      if (!this.#deadlines.has(i)) return priorities[i]!;
      this.#deadlines.setBefore(i, priorities[i]!);
      return priorities[i]! || DEFAULT_PRIORITY;
    });
    for (const partial of this.#book.partials.values()) {
      this.#book.refile(partial);
    }
  }

  /**
   * The priority that a piece is asked for with.
   *
   * @param pieceIndex Which piece.
   * @returns 0 to 7; never 0 while it has a deadline.
   * @throws {RangeError} If the piece is unknown.
   */
  priority(pieceIndex: number): number {
    checkPiece(this.#table, pieceIndex);
    return this.#table.priority(pieceIndex);
  }

  /**
   * Wants a piece by a moment. Peers that are fast enough are asked for it
   * before all others, soonest first, and overdue blocks are asked of several
   * peers; for the slowest tenth it is a piece like any other. A piece that is
   * not wanted gets priority 4 for that time.
   *
   * @param pieceIndex Which piece; a verified one is left alone.
   * @param at When, in milliseconds; `undefined` gives it back its former
   * priority.
   * @throws {RangeError} If the piece is unknown or the time not finite.
   */
  setDeadline(pieceIndex: number, at: number | undefined): void {
    checkPiece(this.#table, pieceIndex);
    if (at === undefined) {
      const before = this.#deadlines.before(pieceIndex);
      if (before === undefined) return;
      this.#deadlines.delete(pieceIndex);
      this.#setPriority(pieceIndex, before);
      return;
    }
    if (!Number.isFinite(at)) {
      throw new RangeError(
        `Cannot set the deadline of piece ${pieceIndex} as it must be finite: it is ${at}`,
      );
    }
    if (this.#table.state(pieceIndex) === HAVE) return;
    const before = this.#table.priority(pieceIndex);
    this.#deadlines.set(pieceIndex, at, before);
    if (before === 0) this.#setPriority(pieceIndex, DEFAULT_PRIORITY);
  }

  /** Whether any piece has a deadline. */
  get hasDeadlines(): boolean {
    return this.#deadlines.list.length > 0;
  }

  /**
   * Whether a piece has a deadline.
   *
   * @param pieceIndex Which piece.
   * @returns True between two calls of {@linkcode PickerPieces.setDeadline},
   * unless it was verified.
   */
  hasDeadline(pieceIndex: number): boolean {
    return this.#deadlines.has(pieceIndex);
  }

  /**
   * Changes the order in which pieces are asked for.
   *
   * @param strategy The new one.
   */
  setStrategy(strategy: SelectionStrategy): void {
    this.#table.setStrategy(strategy);
  }

  /**
   * Where a piece stands.
   *
   * @param pieceIndex Which piece.
   * @returns Its only state.
   * @throws {RangeError} If the piece is unknown.
   */
  state(pieceIndex: number): PieceState {
    checkPiece(this.#table, pieceIndex);
    switch (this.#table.state(pieceIndex)) {
      case HAVE:
        return "have";
      case COMPLETE:
        return "complete";
      case PARTIAL:
        return "partial";
      default:
        return this.#table.isOpen(pieceIndex) ? "open" : "skipped";
    }
  }

  #complete(pieceIndex: number): PartialPiece {
    const state = this.state(pieceIndex);
    if (state !== "complete") {
      throw new RangeError(
        `Cannot finish piece ${pieceIndex} as it must be complete: it is ${state}`,
      );
    }
    return this.#book.partials.get(pieceIndex)!;
  }

  #setPriority(pieceIndex: number, priority: number): void {
    this.#table.setPriority(pieceIndex, priority);
    const partial = this.#book.partials.get(pieceIndex);
    if (partial !== undefined) this.#book.refile(partial);
  }
}

function checkPriority(priority: number): void {
  if (!Number.isInteger(priority) || priority < 0 || priority > TOP_PRIORITY) {
    throw new RangeError(
      `Cannot set priority ${priority}: it must be an integer from 0 to 7`,
    );
  }
}
