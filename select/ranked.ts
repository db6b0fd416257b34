/**
 * Selection by a number of one's own for each piece.
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

/** Bits of open pieces for each priority, in the order of their ranks. */
class RankedOrder implements PieceOrder {
  readonly prefersStarted = false;
  readonly #view: PieceView;
  /** The pieces in order, and where each of them is. */
  readonly #pieces: Int32Array;
  readonly #places: Int32Array;
  readonly #levels: (Uint32Array | undefined)[] = [];
  readonly #counts = new Int32Array(TOP_PRIORITY + 1);
  #stale = true;

  constructor(view: PieceView, rank: (pieceIndex: number) => number) {
    const count = view.pieceCount;
    this.#view = view;
    const ranks = Float64Array.from({ length: count }, (_, i) => rank(i));
    this.#pieces = Int32Array.from({ length: count }, (_, i) => i)
      .sort((a, b) => ranks[a]! - ranks[b]!);
    this.#places = new Int32Array(count);
    this.#pieces.forEach((pieceIndex, at) => this.#places[pieceIndex] = at);
  }

  add(pieceIndex: number): void {
    if (this.#stale) return;
    this.#insert(pieceIndex, this.#view.priority(pieceIndex));
    for (const peer of this.#view.peers) {
      if (peer.has(pieceIndex)) this.peerGained(peer, pieceIndex);
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
    const word = this.#places[pieceIndex]! >>> 5;
    peer.cursor[priority] = Math.min(peer.cursor[priority]!, word);
  }

  first(peer: PeerPieces): number {
    if (this.#stale) this.#rebuild();
    for (let priority = TOP_PRIORITY; priority > 0; priority--) {
      if (this.#counts[priority] === 0) continue;
      const open = this.#levels[priority]!;
      for (let i = peer.cursor[priority]!; i < open.length; i++) {
        for (let word = open[i]!; word !== 0; word &= word - 1) {
          const at = i * 32 + 31 - Math.clz32(word & -word);
          const pieceIndex = this.#pieces[at]!;
          if (!peer.has(pieceIndex)) continue;
          peer.cursor[priority] = i;
          return pieceIndex;
        }
      }
      peer.cursor[priority] = open.length;
    }
    return -1;
  }

  rank(pieceIndex: number): number {
    const level = TOP_PRIORITY - this.#view.priority(pieceIndex);
    return level * this.#view.pieceCount + this.#places[pieceIndex]!;
  }

  #insert(pieceIndex: number, priority: number): void {
    const open = this.#levels[priority] ??= new Uint32Array(
      (this.#view.pieceCount + 31) >>> 5,
    );
    const at = this.#places[pieceIndex]!;
    open[at >>> 5]! |= 1 << (at & 31);
    this.#counts[priority]!++;
  }

  #delete(pieceIndex: number, priority: number): void {
    const at = this.#places[pieceIndex]!;
    this.#levels[priority]![at >>> 5]! &= ~(1 << (at & 31));
    this.#counts[priority]!--;
  }

  #rebuild(): void {
    const view = this.#view;
    for (const open of this.#levels) open?.fill(0);
    this.#counts.fill(0);
    for (const i of this.#pieces) {
      if (view.isOpen(i)) this.#insert(i, view.priority(i));
    }
    for (const { cursor } of view.peers) cursor.fill(0);
    this.#stale = false;
  }
}

/**
 * Selection by a function: inside of a priority, the piece with the lowest
 * number first, among equals the one with the lower index.
 *
 * @param rank Asked once for each piece.
 * @returns The strategy.
 *
 * @example The last pieces first
 * ```ts
 * import { ranked } from "@bip/bip/select";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ranked((pieceIndex) => -pieceIndex).name, "ranked");
 * ```
 */
export function ranked(
  rank: (pieceIndex: number) => number,
): SelectionStrategy {
  return {
    name: "ranked",
    createOrder: (view) => new RankedOrder(view, rank),
  };
}

/**
 * Selection in ascending order inside of a priority, for what is used while it
 * arrives.
 *
 * @param first The piece to begin with; those before it come last.
 * @returns The strategy.
 */
export function sequential(first = 0): SelectionStrategy {
  return {
    name: "sequential",
    createOrder: (view) =>
      new RankedOrder(
        view,
        (pieceIndex) => pieceIndex + (pieceIndex < first ? view.pieceCount : 0),
      ),
  };
}
