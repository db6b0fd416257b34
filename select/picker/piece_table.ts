import type { Bitfield } from "../../_shared/bitfield.ts";
import type { RandomSource } from "../../_shared/random.ts";
import { randomInt } from "../../_shared/random.ts";
import type { PickerPeer } from "./picker_peers.ts";
import type {
  PeerKey,
  PieceOrder,
  PieceView,
  SelectionStrategy,
} from "../selection_strategy.ts";
import { DEFAULT_PRIORITY } from "../selection_strategy.ts";

/** No block is requested or here. */
export const IDLE = 0;
/** Some block is requested or here. */
export const PARTIAL = 1;
/** All blocks are here, the hash is not checked yet. */
export const COMPLETE = 2;
/** Verified. */
export const HAVE = 3;

/** A peer with no more interesting pieces than this is served from a list. */
const FEW = 512;

/** A seed that lost no more pieces than this is kept as one. */
const MAX_LACKS = 256;

/** The bits of a byte in reverse: BEP 3 counts from the highest. */
const REVERSED = Uint8Array.from({ length: 256 }, (_, byte) => {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) {
    if ((byte >>> bit & 1) === 1) reversed |= 0x80 >>> bit;
  }
  return reversed;
});

function popcount(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function countCommon(a: Uint32Array, b: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) {
    const both = a[i]! & b[i]!;
    if (both !== 0) count += popcount(both);
  }
  return count;
}

/** Every piece's state, priority and rarity, and who has what. */
export class PieceTable implements PieceView {
  readonly pieceCount: number;
  readonly peers: PickerPeer[] = [];
  readonly byKey: Map<PeerKey, PickerPeer> = new Map();
  /** Peers that have everything, or all but a few pieces. */
  seeds = 0;
  /** Peers that came to be of interest, or ceased to be, since last asked. */
  readonly flipped: Set<PickerPeer> = new Set();
  /** How many seeds lack a piece; it makes no piece rarer to the order. */
  readonly #lackers = new Map<number, number>();
  /** Open pieces that no peer has though there are seeds, once counted. */
  #hidden: number | undefined = 0;
  haveCount = 0;
  /** Wanted pieces that are not verified. */
  lacking: number;
  /** Wanted pieces that are untouched. */
  openCount: number;
  order: PieceOrder;
  readonly #state: Uint8Array;
  readonly #priority: Uint8Array;
  readonly #rarity: Uint32Array;
  /** Bits of what is wanted and not verified; those behind the last say nothing. */
  readonly #missing: Uint32Array;
  /** Open pieces that no peer but seeds has. */
  #openOnlySeeds: number;
  #random: number;

  constructor(
    pieceCount: number,
    strategy: SelectionStrategy,
    random: RandomSource,
    have: Bitfield | undefined,
  ) {
    this.pieceCount = pieceCount;
    this.#state = new Uint8Array(pieceCount);
    this.#priority = new Uint8Array(pieceCount).fill(DEFAULT_PRIORITY);
    this.#rarity = new Uint32Array(pieceCount);
    this.#missing = new Uint32Array((pieceCount + 31) >>> 5).fill(0xffffffff);
    this.lacking = this.openCount = this.#openOnlySeeds = pieceCount;
    this.#random = randomInt(random, 0xffffffff) + 1;
    this.order = strategy.createOrder(this);
    if (have !== undefined) {
      for (const pieceIndex of have) this.setState(pieceIndex, HAVE);
    }
  }

  random(below: number): number {
    // xorshift32: only breaks ties.
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return Math.floor(this.#random / 0x100000000 * below);
  }

  priority(pieceIndex: number): number {
    return this.#priority[pieceIndex]!;
  }

  rarity(pieceIndex: number): number {
    return this.#rarity[pieceIndex]!;
  }

  state(pieceIndex: number): number {
    return this.#state[pieceIndex]!;
  }

  isOpen(pieceIndex: number): boolean {
    return this.#state[pieceIndex] === IDLE && this.#priority[pieceIndex]! > 0;
  }

  availability(pieceIndex: number): number {
    return this.#rarity[pieceIndex]! + this.seeds -
      (this.#lackers.get(pieceIndex) ?? 0);
  }

  isMissing(pieceIndex: number): boolean {
    return (this.#missing[pieceIndex >>> 5]! >>> (pieceIndex & 31) & 1) === 1;
  }

  /** Open pieces that at least one peer has. */
  get reachable(): number {
    if (this.seeds === 0) return this.openCount - this.#openOnlySeeds;
    return this.openCount - (this.#hidden ??= this.#countHidden());
  }

  setStrategy(strategy: SelectionStrategy): void {
    for (const peer of this.peers) peer.cursor.fill(0);
    this.order = strategy.createOrder(this);
  }

  setState(pieceIndex: number, state: number): void {
    this.#update(pieceIndex, state, this.#priority[pieceIndex]!);
  }

  setPriority(pieceIndex: number, priority: number): void {
    this.#update(pieceIndex, this.#state[pieceIndex]!, priority);
  }

  /** Sets all priorities at once. */
  setPriorities(priorityOf: (pieceIndex: number) => number): void {
    this.#missing.fill(0);
    this.lacking = this.openCount = this.#openOnlySeeds = 0;
    for (let i = 0; i < this.pieceCount; i++) {
      const priority = this.#priority[i] = priorityOf(i);
      if (priority === 0 || this.#state[i] === HAVE) continue;
      this.#missing[i >>> 5]! |= 1 << (i & 31);
      this.lacking++;
      if (this.#state[i] !== IDLE) continue;
      this.openCount++;
      if (this.#rarity[i] === 0) this.#openOnlySeeds++;
    }
    for (const peer of this.peers) this.#recount(peer);
    this.#hidden = undefined;
    this.order.invalidate();
  }

  addPeer(peer: PickerPeer): void {
    this.peers.push(peer);
    this.byKey.set(peer.key, peer);
  }

  removePeer(peer: PickerPeer): void {
    this.withdraw(peer);
    this.flipped.delete(peer);
    this.byKey.delete(peer.key);
    const last = this.peers.pop()!;
    if (last !== peer) this.peers[this.peers.indexOf(peer)] = last;
  }

  /** Forgets what a peer has. */
  withdraw(peer: PickerPeer): void {
    this.#hidden = undefined;
    if (peer.isSeed) {
      this.seeds--;
      for (const pieceIndex of peer.lacks ?? []) {
        this.#countLacker(pieceIndex, -1);
      }
      peer.lacks = undefined;
    } else if (peer.words !== undefined) {
      this.#addAll(peer.words, peer.count, -1);
      this.order.lowered();
    }
    peer.isSeed = false;
    peer.words = undefined;
    peer.count = 0;
    this.#recount(peer);
  }

  setSeed(peer: PickerPeer): void {
    this.withdraw(peer);
    this.seeds++;
    peer.isSeed = true;
    peer.count = this.pieceCount;
    peer.cursor.fill(0);
    this.#recount(peer);
  }

  setBitfield(peer: PickerPeer, field: Bitfield): void {
    if (field.isFull) return this.setSeed(peer);
    this.withdraw(peer);
    if (field.isEmpty) return;
    const bytes = field.toBytes();
    const words = new Uint32Array((this.pieceCount + 31) >>> 5);
    for (let i = 0; i < bytes.length; i++) {
      words[i >>> 2]! |= REVERSED[bytes[i]!]! << ((i & 3) * 8);
    }
    peer.words = words;
    peer.count = field.count;
    peer.cursor.fill(0);
    this.#addAll(words, peer.count, 1);
    this.#recount(peer);
  }

  gain(peer: PickerPeer, pieceIndex: number): boolean {
    if (peer.has(pieceIndex)) return false;
    peer.count++;
    if (peer.isSeed) {
      peer.lacks!.delete(pieceIndex);
      this.#countLacker(pieceIndex, -1);
    } else {
      peer.words ??= new Uint32Array((this.pieceCount + 31) >>> 5);
      peer.words[pieceIndex >>> 5]! |= 1 << (pieceIndex & 31);
      this.#addOne(pieceIndex, 1, false);
    }
    if (this.isMissing(pieceIndex)) {
      this.#setInteresting(peer, peer.interesting + 1);
      if (peer.few !== undefined && peer.few.push(pieceIndex) > 2 * FEW) {
        peer.few = undefined;
      }
      if (this.isOpen(pieceIndex)) this.order.peerGained(peer, pieceIndex);
    }
    return true;
  }

  lose(peer: PickerPeer, pieceIndex: number): void {
    if (!peer.has(pieceIndex)) return;
    if (peer.isSeed && (peer.lacks?.size ?? 0) >= MAX_LACKS) {
      this.#spellOut(peer);
    }
    peer.count--;
    if (peer.isSeed) {
      (peer.lacks ??= new Set()).add(pieceIndex);
      this.#countLacker(pieceIndex, 1);
    } else {
      peer.words![pieceIndex >>> 5]! &= ~(1 << (pieceIndex & 31));
      this.#addOne(pieceIndex, -1, false);
    }
    if (this.isMissing(pieceIndex)) {
      this.#setInteresting(peer, peer.interesting - 1);
      const at = peer.few?.indexOf(pieceIndex) ?? -1;
      if (at >= 0) peer.few!.splice(at, 1);
    }
  }

  /** The best open piece that a peer has, or -1. */
  first(peer: PickerPeer): number {
    if (peer.interesting === 0 || this.openCount === 0) return -1;
    if (peer.interesting > FEW || peer.isSeed) return this.order.first(peer);
    const few = peer.few ??= this.#listMissing(peer);
    let best = -1;
    let bestRank = Infinity;
    for (let i = 0; i < few.length;) {
      const pieceIndex = few[i]!;
      if (!this.isMissing(pieceIndex)) {
        few[i] = few[few.length - 1]!;
        few.pop();
        continue;
      }
      i++;
      if (!this.isOpen(pieceIndex)) continue;
      const rank = this.order.rank(pieceIndex);
      if (rank < bestRank) {
        bestRank = rank;
        best = pieceIndex;
      }
    }
    return best;
  }

  #update(pieceIndex: number, state: number, priority: number): void {
    const oldState = this.#state[pieceIndex]!;
    const oldPriority = this.#priority[pieceIndex]!;
    const wasOpen = oldState === IDLE && oldPriority > 0;
    const isOpen = state === IDLE && priority > 0;
    const wasMissing = oldState !== HAVE && oldPriority > 0;
    const isMissing = state !== HAVE && priority > 0;
    this.#hidden = this.#lackers.size === 0 ? 0 : undefined;
    if (wasOpen && !isOpen) {
      this.order.remove(pieceIndex);
      this.openCount--;
      if (this.#rarity[pieceIndex] === 0) this.#openOnlySeeds--;
    }
    this.haveCount += (state === HAVE ? 1 : 0) - (oldState === HAVE ? 1 : 0);
    this.#state[pieceIndex] = state;
    this.#priority[pieceIndex] = priority;
    if (priority !== oldPriority) {
      const rarity = this.#rarity[pieceIndex]!;
      // A piece that opens is added below, as one of its new priority.
      if (!(isOpen && !wasOpen)) {
        this.order.changed(pieceIndex, oldPriority, rarity, false);
      } else {
        this.#state[pieceIndex] = HAVE;
        this.order.changed(pieceIndex, oldPriority, rarity, false);
        this.#state[pieceIndex] = state;
      }
    }
    if (isOpen && !wasOpen) {
      this.order.add(pieceIndex);
      this.openCount++;
      if (this.#rarity[pieceIndex] === 0) this.#openOnlySeeds++;
    }
    if (isMissing === wasMissing) return;
    this.#missing[pieceIndex >>> 5]! ^= 1 << (pieceIndex & 31);
    this.lacking += isMissing ? 1 : -1;
    const at = pieceIndex >>> 5;
    const bit = 1 << (pieceIndex & 31);
    for (const peer of this.peers) {
      const { words } = peer;
      if (
        words === undefined ? !peer.has(pieceIndex) : (words[at]! & bit) === 0
      ) continue;
      this.#setInteresting(peer, peer.interesting + (isMissing ? 1 : -1));
      if (isMissing) {
        if (peer.few !== undefined && !peer.few.includes(pieceIndex)) {
          peer.few.push(pieceIndex);
        }
      }
    }
  }

  #addOne(pieceIndex: number, delta: number, batch: boolean): void {
    const old = this.#rarity[pieceIndex]!;
    this.#rarity[pieceIndex] = old + delta;
    if (this.#lackers.size > 0) this.#hidden = undefined;
    if (this.isOpen(pieceIndex)) {
      if (old === 0) this.#openOnlySeeds--;
      else if (old + delta === 0) this.#openOnlySeeds++;
    }
    const priority = this.#priority[pieceIndex]!;
    this.order.changed(pieceIndex, priority, old, batch);
  }

  /** Adds or takes away a whole bitfield. */
  #addAll(words: Uint32Array, count: number, delta: number): void {
    // Beyond some share it is cheaper to build the order anew.
    const isBulk = count * 8 > this.pieceCount;
    if (isBulk) this.order.invalidate();
    const rarity = this.#rarity;
    for (let i = 0; i < words.length; i++) {
      for (let word = words[i]!; word !== 0; word &= word - 1) {
        const pieceIndex = i * 32 + 31 - Math.clz32(word & -word);
        const old = rarity[pieceIndex]!;
        if (!isBulk || old === 0 || old + delta === 0) {
          this.#addOne(pieceIndex, delta, true);
        } else rarity[pieceIndex] = old + delta;
      }
    }
  }

  #recount(peer: PickerPeer): void {
    peer.few = undefined;
    let interesting = 0;
    if (peer.isSeed) {
      interesting = this.lacking;
      for (const pieceIndex of peer.lacks ?? []) {
        if (this.isMissing(pieceIndex)) interesting--;
      }
    } else if (peer.words !== undefined) {
      interesting = countCommon(peer.words, this.#missing);
    }
    this.#setInteresting(peer, interesting);
  }

  #setInteresting(peer: PickerPeer, pieces: number): void {
    if ((peer.interesting > 0) !== (pieces > 0)) this.flipped.add(peer);
    peer.interesting = pieces;
  }

  #countLacker(pieceIndex: number, delta: number): void {
    const count = (this.#lackers.get(pieceIndex) ?? 0) + delta;
    if (count > 0) this.#lackers.set(pieceIndex, count);
    else this.#lackers.delete(pieceIndex);
    this.#hidden = undefined;
  }

  #countHidden(): number {
    let hidden = 0;
    for (const pieceIndex of this.#lackers.keys()) {
      if (this.isOpen(pieceIndex) && this.availability(pieceIndex) === 0) {
        hidden++;
      }
    }
    return hidden;
  }

  /** Keeps every piece of a seed that lost many. */
  #spellOut(peer: PickerPeer): void {
    const words = new Uint32Array((this.pieceCount + 31) >>> 5);
    words.fill(0xffffffff);
    if ((this.pieceCount & 31) !== 0) {
      words[words.length - 1] = 2 ** (this.pieceCount & 31) - 1;
    }
    for (const pieceIndex of peer.lacks!) {
      words[pieceIndex >>> 5]! &= ~(1 << (pieceIndex & 31));
      this.#countLacker(pieceIndex, -1);
    }
    peer.lacks = undefined;
    this.seeds--;
    peer.isSeed = false;
    peer.words = words;
    peer.cursor.fill(0);
    this.#addAll(words, peer.count, 1);
  }

  #listMissing(peer: PickerPeer): number[] {
    const list: number[] = [];
    const words = peer.words!;
    for (let i = 0; i < words.length; i++) {
      let word = words[i]! & this.#missing[i]!;
      for (; word !== 0; word &= word - 1) {
        list.push(i * 32 + 31 - Math.clz32(word & -word));
      }
    }
    return list;
  }
}

/** Finds a peer, or throws for the caller's mistake. */
export function findPeer(table: PieceTable, peer: PeerKey): PickerPeer {
  const known = table.byKey.get(peer);
  if (known === undefined) {
    throw new RangeError(`Cannot find peer ${peer}: it was not added`);
  }
  return known;
}

/** Throws for an index that no piece has. */
export function checkPiece(table: PieceTable, pieceIndex: number): void {
  if (
    !Number.isInteger(pieceIndex) || pieceIndex < 0 ||
    pieceIndex >= table.pieceCount
  ) {
    throw new RangeError(
      `Cannot find piece ${pieceIndex}: the torrent has ${table.pieceCount} pieces`,
    );
  }
}
