import type { BlockAddress } from "../../metainfo/piece_layout.ts";
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import {
  FREE,
  NOBODY,
  PartialPiece,
  RECEIVED,
  REQUESTED,
} from "./partial_piece.ts";
import { NO_PIECES, type PickerPeer } from "./picker_peers.ts";
import type { PieceTable } from "./piece_table.ts";
import { COMPLETE, HAVE, IDLE, PARTIAL } from "./piece_table.ts";
import type { PickerLayout } from "./picker_types.ts";
import type { PeerKey } from "../selection_strategy.ts";

/** Ended pieces that are kept. */
const SPARES = 64;

/** Who was asked for which block, and what arrived. */
export class BlockBook {
  readonly table: PieceTable;
  readonly layout: PickerLayout;
  readonly partials: Map<number, PartialPiece> = new Map();
  /** Wanted pieces with free blocks. */
  readonly sharing: PartialPiece[] = [];
  /** Free blocks in `sharing`. */
  freeBlocks = 0;
  /** Blocks asked for at least once, over all pieces. */
  requestedBlocks = 0;

  /** Ended pieces, to be used again: making their arrays is slow. */
  readonly #spares: PartialPiece[] = [];

  constructor(table: PieceTable, layout: PickerLayout) {
    this.table = table;
    this.layout = layout;
  }

  /** The partial piece, made from an untouched one where necessary. */
  start(pieceIndex: number): PartialPiece {
    let partial = this.partials.get(pieceIndex);
    if (partial === undefined) {
      partial = this.#make(pieceIndex);
      this.partials.set(pieceIndex, partial);
      this.table.setState(pieceIndex, PARTIAL);
      this.refile(partial);
    }
    return partial;
  }

  ask(
    peer: PickerPeer,
    partial: PartialPiece,
    block: number,
    now: number,
    out: BlockAddress[],
  ): void {
    if (partial.state[block] === FREE) {
      this.requestedBlocks++;
      if (partial.slot >= 0) this.freeBlocks--;
    }
    partial.ask(block, peer.key, now);
    if (partial.free === 0) this.refile(partial);
    if (peer.outstanding++ === 0) peer.activeAt = now;
    const asked = peer.pieces.get(partial.index) ?? 0;
    if (asked === 0) partial.requesters++;
    if (peer.pieces === NO_PIECES) peer.pieces = new Map();
    peer.pieces.set(partial.index, asked + 1);
    out.push(this.address(partial.index, block));
  }

  /** Drops a request of which `isAskedOf` is true. */
  unask(peer: PickerPeer, partial: PartialPiece, block: number): void {
    partial.unask(block, peer.key);
    if (partial.state[block] === FREE) {
      this.requestedBlocks--;
      if (partial.slot >= 0) this.freeBlocks++;
    }
    peer.outstanding--;
    const asked = peer.pieces.get(partial.index)! - 1;
    if (asked > 0) peer.pieces.set(partial.index, asked);
    else {
      peer.pieces.delete(partial.index);
      partial.requesters--;
      if (partial.exclusive === peer.key) partial.exclusive = NOBODY;
    }
  }

  /** Gives a request up; the block may come all the same. */
  release(peer: PickerPeer, partial: PartialPiece, block: number): void {
    this.unask(peer, partial, block);
    this.settle(partial);
  }

  /** Gives up all requests to a peer, or those for some pieces. */
  releaseAll(
    peer: PickerPeer,
    which: (pieceIndex: number) => boolean = () => true,
  ): BlockAddress[] {
    const released: BlockAddress[] = [];
    for (const pieceIndex of [...peer.pieces.keys()]) {
      if (!which(pieceIndex)) continue;
      const partial = this.partials.get(pieceIndex)!;
      for (let block = 0; block < partial.blockCount; block++) {
        if (!partial.isAskedOf(block, peer.key)) continue;
        this.unask(peer, partial, block);
        released.push(this.address(pieceIndex, block));
      }
      this.settle(partial);
    }
    peer.current = -1;
    return released;
  }

  /** Drops all requests for a block, and says whose they were. */
  dropAskers(
    partial: PartialPiece,
    block: number,
    except: PeerKey,
  ): readonly PeerKey[] {
    if (partial.state[block] !== REQUESTED) return NONE;
    let others: PeerKey[] | undefined;
    while (partial.state[block] === REQUESTED) {
      const key = partial.who[block]!;
      const peer = this.table.byKey.get(key)!;
      this.unask(peer, partial, block);
      if (key !== except) (others ??= []).push(key);
    }
    return others ?? NONE;
  }

  /** Marks a free block as here. */
  receive(partial: PartialPiece, block: number, from: PeerKey): void {
    if (partial.slot >= 0) this.freeBlocks--;
    partial.receive(block, from);
    if (partial.free === 0) this.refile(partial);
    if (partial.isComplete) this.table.setState(partial.index, COMPLETE);
  }

  /** Makes blocks of a complete piece free again. */
  discard(partial: PartialPiece, blocks: Iterable<number>): void {
    for (const block of blocks) {
      if (partial.state[block] !== RECEIVED) continue;
      partial.discard(block);
      if (partial.slot >= 0) this.freeBlocks++;
    }
    if (partial.isComplete) return;
    this.table.setState(partial.index, PARTIAL);
    this.refile(partial);
    this.settle(partial);
  }

  /** Ends a partial piece that is verified. */
  finish(pieceIndex: number): void {
    const partial = this.partials.get(pieceIndex);
    if (partial !== undefined) this.#forget(partial);
    this.table.setState(pieceIndex, HAVE);
  }

  /** Returns a piece without any block to the untouched ones. */
  settle(partial: PartialPiece): void {
    if (!partial.isUntouched) return this.refile(partial);
    this.#forget(partial);
    this.table.setState(partial.index, IDLE);
  }

  /** Puts a piece into or out of the list of what has free blocks. */
  refile(partial: PartialPiece): void {
    const belongs = partial.free > 0 && this.table.priority(partial.index) > 0;
    if (belongs === (partial.slot >= 0)) return;
    if (belongs) {
      partial.slot = this.sharing.push(partial) - 1;
      this.freeBlocks += partial.free;
      return;
    }
    this.#unlist(partial);
  }

  address(pieceIndex: number, block: number): BlockAddress {
    return {
      pieceIndex,
      blockOffset: block * BLOCK_SIZE,
      length: this.layout.blockSize(pieceIndex, block),
    };
  }

  #make(pieceIndex: number): PartialPiece {
    const blockCount = this.layout.blockCount(pieceIndex);
    const spare = this.#spares.at(-1);
    if (spare?.blockCount !== blockCount) {
      return new PartialPiece(pieceIndex, blockCount);
    }
    this.#spares.pop();
    spare.reuse(pieceIndex);
    return spare;
  }

  #forget(partial: PartialPiece): void {
    this.partials.delete(partial.index);
    this.#unlist(partial);
    const isUsual = partial.blockCount === this.layout.blockCount(0);
    if (isUsual && this.#spares.length < SPARES) {
      this.#spares.push(partial);
    }
  }

  #unlist(partial: PartialPiece): void {
    if (partial.slot < 0) return;
    const last = this.sharing.pop()!;
    if (last !== partial) {
      this.sharing[partial.slot] = last;
      last.slot = partial.slot;
    }
    partial.slot = -1;
    this.freeBlocks -= partial.free;
  }
}

const NONE: readonly PeerKey[] = Object.freeze([]);
