/**
 * Sequential selection, for what is used while it arrives.
 *
 * @module
 */
import type {
  PeerPieces,
  PieceOrder,
  PieceView,
  SelectionStrategy,
} from "./selection_strategy.ts";
import { TOP_PRIORITY } from "./selection_strategy.ts";

/** A set of bits of open pieces for each priority, searched by words. */
class SequentialOrder implements PieceOrder {
  readonly prefersStarted = false;
  readonly #view: PieceView;
  readonly #levels: (Uint32Array | undefined)[] = [];
  readonly #counts = new Int32Array(TOP_PRIORITY + 1);
  #stale = true;

  constructor(view: PieceView) {
    this.#view = view;
  }

  add(pieceIndex: number): void {
    if (this.#stale) return;
    const priority = this.#view.priority(pieceIndex);
    this.#insert(pieceIndex, priority);
    const word = pieceIndex >>> 5;
    for (const peer of this.#view.peers) {
      if (peer.cursor[priority]! > word && peer.has(pieceIndex)) {
        peer.cursor[priority] = word;
      }
    }
  }

  remove(pieceIndex: number): void {
    if (!this.#stale) {
      this.#delete(pieceIndex, this.#view.priority(pieceIndex));
    }
  }

  changed(pieceIndex: number, oldPriority: number): void {
    if (this.#stale || !this.#view.isOpen(pieceIndex)) return;
    if (this.#view.priority(pieceIndex) === oldPriority) return;
    this.#delete(pieceIndex, oldPriority);
    this.add(pieceIndex);
  }

  lowered(): void {}

  invalidate(): void {
    this.#stale = true;
  }

  peerGained(peer: PeerPieces, pieceIndex: number): void {
    if (this.#stale) return;
    const priority = this.#view.priority(pieceIndex);
    const word = pieceIndex >>> 5;
    if (peer.cursor[priority]! > word) peer.cursor[priority] = word;
  }

  first(peer: PeerPieces): number {
    if (this.#stale) this.#rebuild();
    const theirs = peer.words;
    if (theirs === undefined && !peer.isSeed) return -1;
    for (let priority = TOP_PRIORITY; priority > 0; priority--) {
      if (this.#counts[priority] === 0) continue;
      const open = this.#levels[priority]!;
      for (let i = peer.cursor[priority]!; i < open.length; i++) {
        const both = theirs === undefined ? open[i]! : open[i]! & theirs[i]!;
        if (both !== 0) {
          peer.cursor[priority] = i;
          return i * 32 + 31 - Math.clz32(both & -both);
        }
      }
      peer.cursor[priority] = open.length;
    }
    return -1;
  }

  rank(pieceIndex: number): number {
    const level = TOP_PRIORITY - this.#view.priority(pieceIndex);
    return level * this.#view.pieceCount + pieceIndex;
  }

  #insert(pieceIndex: number, priority: number): void {
    const open = this.#levels[priority] ??= new Uint32Array(
      (this.#view.pieceCount + 31) >>> 5,
    );
    open[pieceIndex >>> 5]! |= 1 << (pieceIndex & 31);
    this.#counts[priority]!++;
  }

  #delete(pieceIndex: number, priority: number): void {
    this.#levels[priority]![pieceIndex >>> 5]! &= ~(1 << (pieceIndex & 31));
    this.#counts[priority]!--;
  }

  #rebuild(): void {
    const view = this.#view;
    for (const open of this.#levels) open?.fill(0);
    this.#counts.fill(0);
    for (let i = 0; i < view.pieceCount; i++) {
      if (view.isOpen(i)) this.#insert(i, view.priority(i));
    }
    for (const { cursor } of view.peers) cursor.fill(0);
    this.#stale = false;
  }
}

/**
 * Selection in ascending order inside of a priority.
 *
 * @returns The strategy.
 */
export function sequential(): SelectionStrategy {
  return {
    name: "sequential",
    createOrder: (view) => new SequentialOrder(view),
  };
}
