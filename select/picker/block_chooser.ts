import type { BlockAddress } from "../../metainfo/piece_layout.ts";
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import type { BlockBook } from "./block_book.ts";
import type { Deadlines } from "./deadlines.ts";
import type { PartialPiece } from "./partial_piece.ts";
import { NOBODY, REQUESTED } from "./partial_piece.ts";
import type { PickerPeer } from "./picker_peers.ts";
import type { PieceTable } from "./piece_table.ts";

/** A peer that needs less for a piece takes it for itself. */
const WHOLE_PIECE_MS = 20_000;
/** More free blocks than this in started pieces: finish these first. */
const STARTED_BLOCKS = 2048;
/** The longest queue of a peer that is trusted with urgent pieces. */
const URGENT_QUEUE_MS = 2_000;
/** Overdue blocks are asked for again so long before they are needed, in ms. */
const REPEAT_MS = 1_000;
/** Urgent pieces looked at in one pick. */
const URGENT_PIECES = 256;
/** Blocks looked at for one duplicate, the oldest pieces first. */
const END_GAME_BLOCKS = 4096;
/** The most peers that one block is requested from at a time. */
const MAX_ASKERS = 4;

/** How often the slowest tenth of the peers is found again. */
const PACE_MS = 1_000;

/** One pick: for whom, how many blocks in all, when, and where they go. */
interface Turn {
  readonly peer: PickerPeer;
  readonly end: number;
  readonly now: number;
  readonly out: BlockAddress[];
}

/** Chooses the blocks to request from a peer. */
export class BlockChooser {
  readonly #table: PieceTable;
  readonly #book: BlockBook;
  readonly #deadlines: Deadlines;
  readonly #randomFirst: number;
  /** Mean time from request to block, and its mean deviation, in ms. */
  #meanMs = 0;
  #deviationMs = 0;
  /** Rate of the fastest of the slowest tenth of the peers. */
  #slowRate = 0;
  /** Of pieces with a deadline, for as long as that. */
  readonly #paces = new Map<number, { rate: number; peers: number }>();
  #pacedAt = -Infinity;

  constructor(book: BlockBook, deadlines: Deadlines, randomFirst: number) {
    this.#table = book.table;
    this.#book = book;
    this.#deadlines = deadlines;
    this.#randomFirst = randomFirst;
  }

  /** Learns how long a block took. */
  sample(ms: number): void {
    if (this.#meanMs === 0) {
      this.#meanMs = ms;
      this.#deviationMs = ms / 2;
      return;
    }
    this.#deviationMs += (Math.abs(ms - this.#meanMs) - this.#deviationMs) / 16;
    this.#meanMs += (ms - this.#meanMs) / 16;
  }

  /** Whether every block that can be had has been asked for. */
  isEndGame(): boolean {
    const table = this.#table;
    if (table.lacking === 0 || table.reachable > 0) return false;
    for (const partial of this.#book.sharing) {
      if (table.availability(partial.index) > 0) return false;
    }
    return true;
  }

  pick(
    peer: PickerPeer,
    count: number,
    now: number,
    out: BlockAddress[],
  ): void {
    const end = out.length + count;
    const turn = { peer, end, now, out };
    if (peer.choked) {
      this.#allowed(turn);
      return;
    }
    const idle = peer.outstanding === 0;
    if (!peer.parole) this.#urgent(turn);
    this.#current(turn);
    while (out.length < end) {
      // A peer on parole has one piece at a time.
      if (peer.parole && peer.pieces.size > 0) break;
      const partial = this.#next(peer);
      if (partial === undefined) break;
      this.#take(turn, partial);
    }
    if (idle && out.length === end - count && count > 0 && !peer.parole) {
      this.#endGame(turn);
    }
  }

  /**
   * Asks for whole untouched pieces that lie together: the one that is due, and
   * those beside it, from a multiple of the run's length on.
   */
  pickRun(
    peer: PickerPeer,
    count: number,
    now: number,
    out: BlockAddress[],
  ): void {
    const table = this.#table;
    const fits = (i: number) => table.isOpen(i) && peer.has(i);
    const urgent = this.#deadlines.list.slice(0, URGENT_PIECES)
      .find(({ pieceIndex }) => fits(pieceIndex))?.pieceIndex;
    const due = urgent ?? this.#open(peer);
    if (due < 0) return;
    const most = Math.max(
      1,
      Math.floor(count / this.#book.layout.blockCount(due)),
    );
    let first = due;
    if (urgent === undefined) {
      while (first % most > 0 && fits(first - 1)) first--;
    }
    for (let i = first; i < first + most && fits(i); i++) {
      const partial = this.#book.start(i);
      // A bad piece has one author then.
      partial.exclusive = peer.key;
      this.#take({ peer, end: Infinity, now, out }, partial);
    }
  }

  /** Asks for free blocks of a piece in ascending order. */
  #take(turn: Turn, partial: PartialPiece): void {
    const { peer, end, now, out } = turn;
    if (peer.parole && partial.exclusive === NOBODY) {
      partial.exclusive = peer.key;
    }
    peer.current = partial.index;
    while (out.length < end) {
      const block = partial.nextFree();
      if (block < 0) break;
      this.#book.ask(peer, partial, block, now, out);
    }
  }

  #mayShare(peer: PickerPeer, partial: PartialPiece): boolean {
    return partial.exclusive === NOBODY || partial.exclusive === peer.key ||
      this.#table.reachable === 0;
  }

  /** Whether a peer may go on with a piece; on parole only with its own. */
  #mayJoin(peer: PickerPeer, partial: PartialPiece): boolean {
    return peer.parole
      ? partial.exclusive === peer.key
      : this.#mayShare(peer, partial);
  }

  /** Goes on with the piece that the peer was asked for last. */
  #current(turn: Turn): void {
    const { peer } = turn;
    const partial = this.#book.partials.get(peer.current);
    if (
      partial === undefined || partial.slot < 0 || !peer.has(partial.index) ||
      !this.#mayJoin(peer, partial)
    ) {
      peer.current = -1;
      return;
    }
    this.#take(turn, partial);
  }

  /** Pieces that the peer allowed (BEP 6). */
  #allowed(turn: Turn): void {
    const { peer, end, out } = turn;
    for (const pieceIndex of peer.allowedFast) {
      if (out.length >= end) return;
      if (!this.#table.isMissing(pieceIndex) || !peer.has(pieceIndex)) continue;
      if (this.#table.priority(pieceIndex) < 1) continue;
      if (this.#table.isOpen(pieceIndex)) {
        this.#take(turn, this.#book.start(pieceIndex));
        continue;
      }
      const partial = this.#book.partials.get(pieceIndex);
      if (
        partial !== undefined && partial.slot >= 0 &&
        this.#mayJoin(peer, partial)
      ) this.#take(turn, partial);
    }
  }

  /** The piece to take blocks from next; it has free ones. */
  #next(peer: PickerPeer): PartialPiece | undefined {
    const table = this.#table;
    const open = this.#open(peer);
    const mustFinish = this.#book.freeBlocks > STARTED_BLOCKS ||
      this.#book.partials.size > 1.5 * table.peers.length;
    if (peer.parole) {
      if (open >= 0) return this.#book.start(open);
      return this.#started(peer, (partial) => partial.requesters === 0);
    }
    let started: PartialPiece | undefined;
    if (this.#book.sharing.length > 0) {
      if (mustFinish || open < 0) started = this.#started(peer);
      else {
        started = this.#started(
          peer,
          (partial) =>
            partial.requesters === 0 || !this.#takesWhole(peer, partial),
        );
      }
    }
    if (started === undefined) {
      return open < 0 ? undefined : this.#book.start(open);
    }
    if (open < 0) return started;
    if (!table.order.prefersStarted) {
      return table.order.rank(started.index) < table.order.rank(open)
        ? started
        : this.#book.start(open);
    }
    return mustFinish || table.priority(started.index) >= table.priority(open)
      ? started
      : this.#book.start(open);
  }

  #open(peer: PickerPeer): number {
    const table = this.#table;
    const { order } = table;
    const open = table.haveCount < this.#randomFirst && order.any !== undefined
      ? order.any(peer)
      : table.first(peer);
    const { suggested } = peer;
    if (open < 0 || suggested.length === 0) return open;
    if (peer.parole || !order.prefersStarted) return open;
    // What we know goes before a peer's suggestion (BEP 6).
    const least = table.priority(open);
    const most = table.rarity(open);
    return suggested.find((i) =>
      table.isOpen(i) && peer.has(i) && table.priority(i) >= least &&
      table.rarity(i) <= most
    ) ?? open;
  }

  #takesWhole(peer: PickerPeer, partial: PartialPiece): boolean {
    return peer.rate * WHOLE_PIECE_MS >
      partial.blockCount * BLOCK_SIZE * 1000;
  }

  /** The best started piece with free blocks for a peer. */
  #started(
    peer: PickerPeer,
    fits: (partial: PartialPiece) => boolean = () => true,
  ): PartialPiece | undefined {
    const table = this.#table;
    let best: PartialPiece | undefined;
    let bestRank = Infinity;
    let bestPriority = 0;
    for (const partial of this.#book.sharing) {
      const priority = table.priority(partial.index);
      if (priority < bestPriority) continue;
      if (!peer.has(partial.index) || !this.#mayShare(peer, partial)) continue;
      if (!fits(partial)) continue;
      const rank = table.order.prefersStarted
        ? table.rarity(partial.index)
        : partial.index;
      if (priority === bestPriority && rank >= bestRank) continue;
      best = partial;
      bestRank = rank;
      bestPriority = priority;
    }
    return best;
  }

  /** Pieces with a deadline, and duplicates of what is overdue. */
  #urgent(turn: Turn): void {
    const { peer, end, now, out } = turn;
    const { list } = this.#deadlines;
    const queueMs = peer.rate > 0
      ? peer.outstanding * BLOCK_SIZE / peer.rate * 1000
      : 0;
    if (this.#isSlow(peer, now)) return;
    const most = Math.min(list.length, URGENT_PIECES);
    for (let i = 0; i < most && out.length < end; i++) {
      const { pieceIndex, at } = list[i]!;
      if (!peer.has(pieceIndex)) continue;
      if (queueMs > URGENT_QUEUE_MS && queueMs > at - now) continue;
      const most = this.#fairShare(peer, pieceIndex, at - now);
      const part = { ...turn, end: Math.min(end, out.length + most) };
      if (this.#table.isOpen(pieceIndex)) {
        if (most > 0) this.#take(part, this.#book.start(pieceIndex));
        continue;
      }
      const partial = this.#book.partials.get(pieceIndex);
      if (partial === undefined) continue;
      if (partial.slot >= 0) this.#take(part, partial);
      if (partial.free === 0 && at - now < REPEAT_MS) {
        this.#repeat(turn, partial);
      }
    }
  }

  /** Asks again for blocks that take longer than usual. */
  #repeat(turn: Turn, partial: PartialPiece): void {
    const { peer, end, now, out } = turn;
    if (this.#meanMs === 0) return;
    const overdueMs = this.#meanMs + 3 * this.#deviationMs;
    for (let block = 0; block < partial.blockCount; block++) {
      if (out.length >= end) return;
      if (partial.state[block] !== REQUESTED) continue;
      // `askedAt` is the last request: each one has to be overdue in turn.
      if (now - partial.askedAt[block]! < overdueMs) continue;
      if (partial.askers(block) >= MAX_ASKERS) continue;
      if (partial.isAskedOf(block, peer.key)) continue;
      this.#book.ask(peer, partial, block, now, out);
    }
  }

  /**
   * Blocks that a peer can give of a piece by its deadline or, if all who have
   * it need longer, about as fast as they do. A peer that is no slower than others
   * may give one.
   */
  #fairShare(peer: PickerPeer, pieceIndex: number, leftMs: number): number {
    if (peer.rate === 0) return Infinity;
    const { rate, peers } = this.#pace(pieceIndex);
    const { layout, requestedBlocks } = this.#book;
    // Blocks that all of them have to give with this piece, as time.
    const blocksMs = BLOCK_SIZE * 1000 *
      (requestedBlocks + layout.blockCount(pieceIndex)) / rate;
    const ms = Math.max(leftMs, blocksMs);
    const blocks = Math.round(peer.rate * ms / 1000 / BLOCK_SIZE) -
      peer.outstanding;
    return Math.max(blocks, peer.rate * peers >= rate ? 1 : 0);
  }

  /** How many peers can be asked for a piece, and their rate together. */
  #pace(pieceIndex: number): { rate: number; peers: number } {
    let pace = this.#paces.get(pieceIndex);
    if (pace !== undefined) return pace;
    pace = { rate: 0, peers: 0 };
    for (const peer of this.#table.peers) {
      if (peer.choked || !peer.has(pieceIndex)) continue;
      pace.rate += peer.rate;
      pace.peers++;
    }
    this.#paces.set(pieceIndex, pace);
    return pace;
  }

  /** Whether the peer is of the slowest tenth. */
  #isSlow(peer: PickerPeer, now: number): boolean {
    if (now - this.#pacedAt >= PACE_MS) {
      this.#pacedAt = now;
      const rates: number[] = [];
      for (const { rate } of this.#table.peers) if (rate > 0) rates.push(rate);
      this.#paces.clear();
      rates.sort((a, b) => a - b);
      const tenth = Math.floor(rates.length / 10);
      this.#slowRate = tenth > 0 ? rates[tenth - 1]! : 0;
    }
    return peer.rate > 0 && peer.rate <= this.#slowRate;
  }

  /** Asks for one block that others were asked for. */
  #endGame({ peer, now, out }: Turn): void {
    if (!this.isEndGame()) return;
    let bestPiece: PartialPiece | undefined;
    let bestBlock = -1;
    let fewest = MAX_ASKERS;
    let oldest = Infinity;
    let budget = END_GAME_BLOCKS;
    for (const partial of this.#book.partials.values()) {
      if (budget <= 0) break;
      if (partial.requested === 0 || !peer.has(partial.index)) continue;
      if (!this.#table.isMissing(partial.index)) continue;
      budget -= partial.blockCount;
      for (let block = 0; block < partial.blockCount; block++) {
        if (partial.state[block] !== REQUESTED) continue;
        const askers = partial.askers(block);
        if (askers > fewest || askers >= MAX_ASKERS) continue;
        const askedAt = partial.askedAt[block]!;
        if (askers === fewest && askedAt >= oldest) continue;
        if (partial.isAskedOf(block, peer.key)) continue;
        fewest = askers;
        oldest = askedAt;
        bestPiece = partial;
        bestBlock = block;
      }
    }
    if (bestPiece !== undefined) {
      this.#book.ask(peer, bestPiece, bestBlock, now, out);
    }
  }
}
