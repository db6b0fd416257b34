/**
 * Rarest-first and random selection: pieces in buckets of one priority and
 * one rarity, moved in constant time.
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

/** Priorities 7 to 1 from the front, then the pieces that are not wanted. */
const LEVELS = TOP_PRIORITY + 1;
/** Runs that were begun and are gone on with. */
const BEGUN_RUNS = 4;
/** Draws before a random first piece is given up for the rarest. */
const RANDOM_DRAWS = 24;

/**
 * One array of all pieces, cut into buckets: first by priority from high to
 * low, then by rarity. Inside a bucket the open pieces come first. A piece
 * steps to the next bucket by two swaps and one moved border.
 */
class BucketOrder implements PieceOrder {
  readonly prefersStarted = true;
  readonly #view: PieceView;
  readonly #byRarity: boolean;
  #pieces: Int32Array;
  readonly #position: Int32Array;
  /** Buckets of one priority. */
  #stride: number;
  /** Where each bucket begins; one more entry for the end. */
  #start = new Int32Array();
  /** How many open pieces each bucket has. */
  #open = new Int32Array();
  #stale = true;
  /** Pieces of a run, and the first pieces of runs that were begun last. */
  readonly #run: number;
  readonly #begun: number[] = [];

  constructor(view: PieceView, byRarity: boolean, run = 1) {
    const count = view.pieceCount;
    this.#view = view;
    this.#byRarity = byRarity;
    this.#run = run;
    this.#pieces = new Int32Array(count);
    this.#position = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      // Fisher-Yates from the inside out.
      const k = view.random(i + 1);
      this.#pieces[i] = this.#pieces[k]!;
      this.#pieces[k] = i;
    }
    this.#stride = byRarity ? 16 : 1;
  }

  add(pieceIndex: number): void {
    if (this.#stale) return;
    const bucket = this.#bucket(pieceIndex);
    const start = this.#start[bucket]!;
    const open = this.#open[bucket]!++;
    this.#swap(this.#position[pieceIndex]!, start + open);
    // To the front: what was given up once is asked for first, and found soon.
    this.#swap(start + open, start);
    this.#lowerCursors(pieceIndex, bucket);
  }

  remove(pieceIndex: number): void {
    if (this.#stale) return;
    const bucket = this.#bucket(pieceIndex);
    const open = --this.#open[bucket]!;
    this.#swap(this.#position[pieceIndex]!, this.#start[bucket]! + open);
    const run = this.#runOf(pieceIndex);
    if (this.#run === 1 || this.#begun.includes(run)) return;
    if (this.#begun.push(run) > BEGUN_RUNS) this.#begun.shift();
  }

  changed(
    pieceIndex: number,
    oldPriority: number,
    oldRarity: number,
    batch: boolean,
  ): void {
    if (this.#stale) return;
    const rarity = this.#byRarity ? this.#view.rarity(pieceIndex) : 0;
    if (rarity >= this.#stride) {
      this.#stale = true;
      return;
    }
    let bucket = (TOP_PRIORITY - oldPriority) * this.#stride +
      (this.#byRarity ? oldRarity : 0);
    const target = this.#bucket(pieceIndex);
    const falls = target < bucket;
    while (bucket < target) this.#stepUp(pieceIndex, bucket++);
    while (bucket > target) this.#stepDown(pieceIndex, bucket--);
    if (falls && !batch && this.#isOpen(pieceIndex, bucket)) {
      this.#lowerCursors(pieceIndex, bucket);
    }
  }

  lowered(): void {
    for (const { cursor } of this.#view.peers) {
      if (cursor[0]! > 0) cursor[0]!--;
    }
  }

  invalidate(): void {
    this.#stale = true;
  }

  peerGained(peer: PeerPieces, pieceIndex: number): void {
    if (this.#stale) return;
    this.#lower(peer, this.#bucket(pieceIndex));
  }

  first(peer: PeerPieces): number {
    const rarest = this.#rarest(peer);
    if (this.#run === 1 || rarest < 0) return rarest;
    const beside = this.#beside(peer, this.#view.priority(rarest));
    return beside < 0 ? rarest : beside;
  }

  /** An open piece of a run that was begun, wanted as much at least. */
  #beside(peer: PeerPieces, priority: number): number {
    const { pieceCount } = this.#view;
    for (let k = 0; k < this.#begun.length; k++) {
      const run = this.#begun[k]!;
      let isOver = true;
      for (let i = run; i < run + this.#run && i < pieceCount; i++) {
        if (!this.#view.isOpen(i)) continue;
        isOver = false;
        if (this.#view.priority(i) >= priority && peer.has(i)) return i;
      }
      if (isOver) this.#begun.splice(k--, 1);
    }
    return -1;
  }

  #rarest(peer: PeerPieces): number {
    if (this.#stale) this.#rebuild();
    const end = (LEVELS - 1) * this.#stride;
    for (let bucket = peer.cursor[0]!; bucket < end; bucket++) {
      const open = this.#open[bucket]!;
      if (open === 0) continue;
      const start = this.#start[bucket]!;
      for (let i = start; i < start + open; i++) {
        const pieceIndex = this.#pieces[i]!;
        if (peer.has(pieceIndex)) {
          peer.cursor[0] = bucket;
          return pieceIndex;
        }
      }
    }
    peer.cursor[0] = end;
    return -1;
  }

  any(peer: PeerPieces): number {
    const best = this.first(peer);
    if (best < 0 || this.#begun.includes(this.#runOf(best))) return best;
    const level = TOP_PRIORITY - this.#view.priority(best);
    const start = this.#start[level * this.#stride]!;
    const size = this.#start[(level + 1) * this.#stride]! - start;
    for (let i = 0; i < RANDOM_DRAWS; i++) {
      const pieceIndex = this.#pieces[start + this.#view.random(size)]!;
      if (this.#view.isOpen(pieceIndex) && peer.has(pieceIndex)) {
        return pieceIndex;
      }
    }
    return best;
  }

  rank(pieceIndex: number): number {
    if (this.#stale) this.#rebuild();
    if (!this.#begun.includes(this.#runOf(pieceIndex))) {
      return this.#position[pieceIndex]!;
    }
    // Before all of its priority.
    const level = TOP_PRIORITY - this.#view.priority(pieceIndex);
    return this.#start[level * this.#stride]! - 0.5;
  }

  #runOf(pieceIndex: number): number {
    return pieceIndex - pieceIndex % this.#run;
  }

  #bucket(pieceIndex: number): number {
    const level = TOP_PRIORITY - this.#view.priority(pieceIndex);
    return this.#byRarity
      ? level * this.#stride + this.#view.rarity(pieceIndex)
      : level;
  }

  #isOpen(pieceIndex: number, bucket: number): boolean {
    return this.#position[pieceIndex]! <
      this.#start[bucket]! + this.#open[bucket]!;
  }

  #lower({ cursor }: PeerPieces, bucket: number): void {
    cursor[0] = Math.min(cursor[0]!, bucket);
  }

  #lowerCursors(pieceIndex: number, bucket: number): void {
    for (const peer of this.#view.peers) {
      if (peer.has(pieceIndex)) this.#lower(peer, bucket);
    }
  }

  #swap(a: number, b: number): void {
    if (a === b) return;
    const pieces = this.#pieces;
    const left = pieces[a]!;
    const right = pieces[b]!;
    pieces[a] = right;
    pieces[b] = left;
    this.#position[right] = a;
    this.#position[left] = b;
  }

  /** From a bucket to the one behind it. */
  #stepUp(pieceIndex: number, bucket: number): void {
    const start = this.#start;
    const open = this.#open;
    let at = this.#position[pieceIndex]!;
    const isOpen = this.#isOpen(pieceIndex, bucket);
    if (isOpen) {
      const lastOpen = start[bucket]! + --open[bucket]!;
      this.#swap(at, lastOpen);
      at = lastOpen;
    }
    const border = --start[bucket + 1]!;
    this.#swap(at, border);
    if (isOpen) {
      const size = ++open[bucket + 1]!;
      this.#swap(border, border + this.#view.random(size));
    } else {
      this.#swap(border, border + open[bucket + 1]!);
    }
  }

  /** From a bucket to the one before it. */
  #stepDown(pieceIndex: number, bucket: number): void {
    const start = this.#start;
    const open = this.#open;
    const isOpen = this.#isOpen(pieceIndex, bucket);
    const border = start[bucket]!++;
    if (isOpen) {
      open[bucket]!--;
      this.#swap(this.#position[pieceIndex]!, border);
      const first = start[bucket - 1]!;
      const size = ++open[bucket - 1]!;
      this.#swap(border, first + size - 1);
      this.#swap(first + size - 1, first + this.#view.random(size));
    } else {
      const firstClosed = border + open[bucket]!;
      this.#swap(this.#position[pieceIndex]!, firstClosed);
      this.#swap(firstClosed, border);
    }
  }

  /** Counting sort that keeps the chance order inside of buckets. */
  #rebuild(): void {
    const view = this.#view;
    if (this.#byRarity) {
      let most = 0;
      for (const i of this.#pieces) most = Math.max(most, view.rarity(i));
      while (most >= this.#stride) this.#stride *= 2;
    }
    const buckets = LEVELS * this.#stride;
    const start = this.#start = new Int32Array(buckets + 1);
    const open = this.#open = new Int32Array(buckets);
    const old = this.#pieces;
    for (const pieceIndex of old) {
      const bucket = this.#bucket(pieceIndex);
      start[bucket + 1]!++;
      if (view.isOpen(pieceIndex)) open[bucket]!++;
    }
    const nextOpen = new Int32Array(buckets);
    const nextClosed = new Int32Array(buckets);
    for (let bucket = 0; bucket < buckets; bucket++) {
      start[bucket + 1]! += start[bucket]!;
      nextOpen[bucket] = start[bucket]!;
      nextClosed[bucket] = start[bucket]! + open[bucket]!;
    }
    const pieces = this.#pieces = new Int32Array(old.length);
    for (const pieceIndex of old) {
      const bucket = this.#bucket(pieceIndex);
      const at = view.isOpen(pieceIndex)
        ? nextOpen[bucket]!++
        : nextClosed[bucket]!++;
      pieces[at] = pieceIndex;
      this.#position[pieceIndex] = at;
    }
    for (const { cursor } of view.peers) cursor.fill(0);
    this.#stale = false;
  }
}

/**
 * Selection that asks for the rarest pieces first: inside of a priority, what
 * the fewest peers have; ties are broken by chance. The usual choice, as it
 * keeps every piece alive in the swarm.
 *
 * @param run How many pieces beside each other are asked for together, the first of
 * them as the rarest, for a storage that writes such better.
 * @returns The strategy.
 */
export function rarestFirst(run: number = 1): SelectionStrategy {
  return {
    name: "rarest-first",
    createOrder: (view) => new BucketOrder(view, true, run),
  };
}

/**
 * Selection by chance inside of a priority, whatever the swarm has.
 *
 * @returns The strategy.
 */
export function randomOrder(): SelectionStrategy {
  return {
    name: "random",
    createOrder: (view) => new BucketOrder(view, false),
  };
}
