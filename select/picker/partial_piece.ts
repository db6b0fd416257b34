import type { PeerKey } from "../selection_strategy.ts";

/** A block that is not requested. */
export const FREE = 0;
/** A block that is on its way. */
export const REQUESTED = 1;
/** A block that is here. */
export const RECEIVED = 2;
/** No peer, or no known one. */
export const NOBODY = -1;

/** A piece of which at least one block is requested or here. */
export class PartialPiece {
  index: number;
  readonly blockCount: number;
  readonly state: Uint8Array;
  /** Who was asked first, or who gave the block. */
  readonly who: Int32Array;
  /** When the block was last asked for. */
  readonly askedAt: Float64Array;
  /** Others who were asked for a block too. */
  also: Map<number, PeerKey[]> | undefined;
  free: number;
  requested = 0;
  received = 0;
  /** Peers with a request for at least one block. */
  requesters = 0;
  /** The only peer that may be asked, or {@linkcode NOBODY}. */
  exclusive: PeerKey = NOBODY;
  /** Where it is in the list of pieces with free blocks. */
  slot = -1;
  /** No block before this one is free. */
  #next = 0;

  constructor(index: number, blockCount: number) {
    this.index = index;
    this.blockCount = blockCount;
    this.state = new Uint8Array(blockCount);
    this.who = new Int32Array(blockCount).fill(NOBODY);
    this.askedAt = new Float64Array(blockCount);
    this.free = blockCount;
  }

  /** Makes an ended piece that was forgotten serve for another one. */
  reuse(index: number): void {
    this.index = index;
    this.state.fill(FREE);
    this.who.fill(NOBODY);
    this.also = undefined;
    this.free = this.blockCount;
    this.requested = this.received = this.requesters = 0;
    this.exclusive = NOBODY;
    this.#next = 0;
  }

  get isUntouched(): boolean {
    return this.free === this.blockCount;
  }

  get isComplete(): boolean {
    return this.received === this.blockCount;
  }

  /** The first free block, or -1. */
  nextFree(): number {
    if (this.free === 0) return -1;
    while (this.state[this.#next] !== FREE) this.#next++;
    return this.#next;
  }

  isAskedOf(block: number, peer: PeerKey): boolean {
    if (this.state[block] !== REQUESTED) return false;
    return this.who[block] === peer ||
      (this.also?.get(block)?.includes(peer) ?? false);
  }

  askers(block: number): number {
    if (this.state[block] !== REQUESTED) return 0;
    return 1 + (this.also?.get(block)?.length ?? 0);
  }

  /** Notes a request; the block is free or asked of others. */
  ask(block: number, peer: PeerKey, now: number): void {
    this.askedAt[block] = now;
    if (this.state[block] === FREE) {
      this.state[block] = REQUESTED;
      this.who[block] = peer;
      this.free--;
      this.requested++;
      return;
    }
    const others = (this.also ??= new Map()).get(block);
    if (others === undefined) this.also.set(block, [peer]);
    else others.push(peer);
  }

  /** Drops a request of which `isAskedOf` is true. */
  unask(block: number, peer: PeerKey): void {
    const others = this.also?.get(block);
    if (others !== undefined) {
      if (this.who[block] === peer) this.who[block] = others.pop()!;
      else others.splice(others.indexOf(peer), 1);
      if (others.length === 0) this.also!.delete(block);
      return;
    }
    this.state[block] = FREE;
    this.who[block] = NOBODY;
    this.requested--;
    this.free++;
    if (block < this.#next) this.#next = block;
  }

  /** Notes that a free block is here. */
  receive(block: number, from: PeerKey): void {
    this.state[block] = RECEIVED;
    this.who[block] = from;
    this.free--;
    this.received++;
  }

  /** Makes a block that was here free again. */
  discard(block: number): void {
    this.state[block] = FREE;
    this.who[block] = NOBODY;
    this.received--;
    this.free++;
    if (block < this.#next) this.#next = block;
  }
}
